"""Numbered copies -> how many there are, and which borders between images they cross."""

from collections import defaultdict
from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

_SHOWN = 6


@dataclass(frozen=True)
class Copies:
    """Images that are copies of each other.

    Attributes
    ----------
    n_clusters : int
        Sets of two and more images that belong together.
    n_images : int
        Images in these sets.
    across_classes : int
        Sets that hold more than one class.
    across_groups : int
        Sets that hold more than one of the given groups; 0 where none were given.
    across_splits : dict of (str, str) to int
        For each ordered pair of splits, how many images of the first have a copy in the
        second. Empty where no split was given.
    examples : list of list of int
        Positions of the images of a few sets, those that cross most borders first.
    """

    n_clusters: int
    n_images: int
    across_classes: int
    across_groups: int
    across_splits: dict[tuple[str, str], int]
    examples: list[list[int]]

    @property
    def n_extra(self) -> int:
        """Images that would go if one of each set were kept."""
        return self.n_images - self.n_clusters


def count_copies(
    numbers: NDArray[np.intp],
    classes: NDArray[np.intp],
    groups: NDArray[np.intp] | None = None,
    split: NDArray[np.str_] | None = None,
) -> Copies:
    members: dict[int, list[int]] = defaultdict(list)
    repeated = (
        np.bincount(numbers)[numbers] > 1 if len(numbers) else np.empty(0, dtype=bool)
    )
    for i in np.flatnonzero(repeated):
        members[int(numbers[i])].append(int(i))
    clusters = list(members.values())

    def crosses(cluster: list[int], of: NDArray[np.intp] | NDArray[np.str_] | None) -> bool:
        return of is not None and len(np.unique(of[cluster])) > 1

    ranked = sorted(
        clusters,
        key=lambda c: (-crosses(c, split), -crosses(c, classes), -crosses(c, groups), c[0]),
    )
    return Copies(
        n_clusters=len(clusters),
        n_images=sum(map(len, clusters)),
        across_classes=sum(crosses(c, classes) for c in clusters),
        across_groups=sum(crosses(c, groups) for c in clusters),
        across_splits={} if split is None else _across_splits(numbers, split),
        examples=[cluster[:4] for cluster in ranked[:_SHOWN]],
    )


def _across_splits(
    numbers: NDArray[np.intp], split: NDArray[np.str_]
) -> dict[tuple[str, str], int]:
    held = {name: numbers[split == name] for name in np.unique(split).tolist()}
    return {(a, b): int(np.isin(held[a], held[b]).sum()) for a, b in permutations(held, 2)}
