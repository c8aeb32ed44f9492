"""The training part -> the summary of its features, from its plain images."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from skfakereal._activations import ActivationReader
from skfakereal._images.read import raise_unreadable, shorter_side
from skfakereal._network import FloatArray
from skfakereal._novelty import FeatureSummary, describe, summarize
from skfakereal._training.holdout import LabelledPaths
from skfakereal._training.parts import ActivationShelf

# Where training needs no plain images, so many are computed for the summary alone.
_MOST_COMPUTED = 256
_MOST_MEASURED = 500  # of which the sizes are looked at
_BLOCK = 128  # rows at a time: maps at a cut have up to a million numbers


def summarize_part(
    shelf: ActivationShelf, reader: ActivationReader, images: LabelledPaths
) -> FeatureSummary | None:
    """Summarise the plain images of a part; what they cost counts as no one's."""
    if shelf.has(0):
        chosen = np.arange(len(images.paths))
    else:
        n_computed = reader.n_computed
        some = np.random.RandomState(0).permutation(len(images.paths))[:_MOST_COMPUTED]
        chosen = np.sort(some).astype(np.intp)
        images = images.take(chosen)
        shelf = ActivationShelf(reader, images.paths, n_views=1, positions=images.positions)
        raise_unreadable(shelf.fill([0]))
        reader.n_computed = n_computed

    def read(rows: NDArray[np.intp]) -> FloatArray:
        blocks = [rows[i : i + _BLOCK] for i in range(0, len(rows), _BLOCK)]
        shape = (*reader.settings.image_size, 3)
        return np.concatenate(
            [describe(reader.network, shape, shelf.take(block, 0)) for block in blocks]
        )

    groups = images.groups
    return summarize(
        read,
        np.array(images.paths) if groups is None else groups,
        sides=_sides(images.paths),
    )


def _sides(paths: Sequence[str]) -> tuple[int, int]:
    """Return between which pixels the shorter side of nearly all of some images lies."""
    step = max(1, len(paths) // _MOST_MEASURED)
    known = [shorter_side(path) for path in paths[::step]]
    low, high = np.quantile(known, (0.01, 0.99)).tolist()
    return int(low), int(high)
