"""Labelled images, and the parts to train on, to validate on and to test on."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Part", "Parts", "has_groups", "origins_of"]


@dataclass(frozen=True)
class Part:
    """Labelled images.

    Parameters
    ----------
    paths : list of str
        The images.
    labels : ndarray of shape (n_images,)
        Positions of their classes.
    groups : ndarray of shape (n_images,)
        Their groups: what must stay together.
    origins : ndarray of shape (n_images,) or None, default=None
        Where they come from, for the rows of a report; None if their groups tell it.
    """

    paths: list[str]
    labels: NDArray[np.int64]
    groups: NDArray[np.object_]
    origins: NDArray[np.object_] | None = None

    def take(self, rows: NDArray[np.intp]) -> "Part":
        """Return some of them.

        Parameters
        ----------
        rows : ndarray of shape (n,)
            Which, by position.

        Returns
        -------
        Part
            These.
        """
        origins = None if self.origins is None else self.origins[rows]
        paths = [self.paths[i] for i in rows]
        return Part(paths, self.labels[rows], self.groups[rows], origins)

    def without(self, paths: Iterable[str]) -> "Part":
        """Return those that are not among some paths.

        Parameters
        ----------
        paths : iterable of str
            What to leave out.

        Returns
        -------
        Part
            The others.
        """
        out = set(paths)
        return self.take(
            np.array([i for i, p in enumerate(self.paths) if p not in out], np.intp)
        )

    def count(self, names: Sequence[str]) -> dict[str, int]:
        """Return how many images each class has.

        Parameters
        ----------
        names : sequence of str
            What the classes are called.

        Returns
        -------
        dict of str to int
            The number of images by name.
        """
        counts = Counter(self.labels.tolist())
        return {name: counts[i] for i, name in enumerate(names)}


@dataclass(frozen=True)
class Parts:
    """What a model is trained on, and what it is not shown before the end.

    Parameters
    ----------
    train, test : Part
        Both always there.
    validation : Part or None
        None where the folder has none, and none was drawn.
    names : list of str
        What the classes are called.
    how : str
        A sentence on how the test part came about.
    validation_drawn : bool, default=False
        Whether the validation part was drawn from `train`.
    left_out : str, default=""
        What the folder holds beside, and might be taken for images.
    """

    train: Part
    validation: Part | None
    test: Part
    names: list[str]
    how: str
    validation_drawn: bool = False
    left_out: str = ""

    def by_name(self) -> dict[str, Part]:
        """Return the parts that there are.

        Returns
        -------
        dict of str to Part
            ``"train"``, perhaps ``"validation"``, and ``"test"`` as the last.
        """
        parts = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: part for name, part in parts.items() if part is not None}


def origins_of(part: Part) -> list[str]:
    """Return where the images come from.

    Parameters
    ----------
    part : Part
        The images.

    Returns
    -------
    list of str
        Their origins, or their groups where these tell it.
    """
    origins: list[str] = (part.groups if part.origins is None else part.origins).tolist()
    return origins


def has_groups(part: Part) -> bool:
    """Return whether any two images are of one group.

    Parameters
    ----------
    part : Part
        The images. One that lies in no folder below its class is a group of its own.

    Returns
    -------
    bool
        Whether there are groups worth the name.
    """
    return len(set(part.groups.tolist())) < len(part.paths)
