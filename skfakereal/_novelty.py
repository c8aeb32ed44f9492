"""Features of the training images -> a small summary, and how unlike them an image is.

The summary is a principal subspace with the variance along each direction, and what is left
around it. An image's distance is Hotelling's T2 within the subspace plus the squared residual Q
(Jackson and Mudholkar 1979, "Control procedures for residuals associated with principal component
analysis"), scaled as Box (1954) approximates its distribution. What a distance means, images that
the summary was not made of tell.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from skfakereal._network import Flatten, FloatArray, Network, Statistics

# From here on an image is called unlike the training images: 1% of theirs would be.
UNUSUAL = 0.99
# Fewer images than this say nothing of their kind.
FEWEST_IMAGES = 20
NO_SUMMARY = (
    "This model has no summary of its training images: it was fitted on fewer than "
    f"{FEWEST_IMAGES}, in a single group, or by a version that kept none. Fit it again."
)
_UNLIKE = (
    f"It is unlike {100 * UNUSUAL:g}% of the training images: the probability means little."
)
_UNLIKE_IN_SIZE = (
    "It is unlike the training images in size: its shorter side has less than half, or more than "
    "twice, the pixels of theirs. The probability means little."
)
_MOST_DIRECTIONS = 32
_IMAGES_A_DIRECTION = 6
_MOST_BYTES = 900_000  # of the arrays; a model file has a megabyte for all of it
_MOST_QUANTILES = 257
_N_FOLDS = 5
_LARGEST = np.float32(np.finfo(np.float16).max)


def unlike(novelty: float | None) -> str:
    """Return what there is to say of an image that is unlike nearly all training images."""
    if novelty is None or novelty < UNUSUAL:
        return ""
    return _UNLIKE_IN_SIZE if is_of_other_size(novelty) else _UNLIKE


def is_of_other_size(novelty: float | None) -> bool:
    """Tell whether an image is unlike the training images in size."""
    return novelty == 1


def rounded(novelty: float | None) -> float | None:
    """Return a novelty to four decimals; 1 stays for what is of another size."""
    if novelty is None or is_of_other_size(novelty):
        return novelty
    return min(round(novelty, 4), 0.9999)


@dataclass(frozen=True, eq=False)
class FeatureSummary:
    """What the features of the training images are like as a whole; none of a single image."""

    mean: FloatArray  # (n_features,)
    scale: FloatArray  # (n_features,)
    directions: NDArray[np.float16]  # (n_directions, n_features), orthonormal
    variances: FloatArray  # (n_directions,), of features divided by `scale`
    residual: float  # what a squared residual is divided by
    # Quantiles, ascending, of log distances of images that were not summarised.
    quantiles: FloatArray
    tail: float  # mean excess of the largest of these
    n_reference: int  # how many there were, images of one group counting as one
    # The pixels of the shorter sides of nearly all training images, from and to.
    sides: tuple[int, int]

    def distance(self, features: FloatArray) -> NDArray[np.float64]:
        """Return the logarithm of each row's distance."""
        return _log_distance(self, features)

    def novelty(
        self, features: FloatArray, sides: Sequence[int] | None = None
    ) -> NDArray[np.float64]:
        """Return the share of images like the training images that are less unusual.

        It is 1 if, and only if, one of `sides`, the pixels of the shorter side of each, is less
        than half or more than twice those of the training images. Beyond the largest distance
        that is known, distances are taken for Pareto distributed, with the mean excess of the
        largest tenth (Hill 1975).
        """
        distances, n = self.distance(features), self.n_reference
        largest = float(self.quantiles[-1])
        shares = np.linspace(0, 1, len(self.quantiles))
        within = np.interp(distances, self.quantiles, shares) * n / (n + 1)
        excess = np.maximum(distances - largest, 0) / max(self.tail, 1e-6)
        novelty = np.where(distances > largest, 1 - np.exp(-excess) / (n + 1), within)
        novelty = np.minimum(novelty, np.nextafter(1, 0))
        if sides is not None:
            low, high = self.sides
            novelty[[2 * side < low or side > 2 * high for side in sides]] = 1
        return novelty


@dataclass(frozen=True, eq=False)
class _Subspace:
    mean: FloatArray
    scale: FloatArray
    directions: NDArray[np.float16]
    variances: FloatArray
    residual: float


# A subspace, distances of images that it was not made of, and how many are distinct.
_Found = tuple[_Subspace, NDArray[np.float64], int]


def describe(
    network: Network, image_shape: tuple[int, int, int], activations: NDArray[Any]
) -> FloatArray:
    """Return the features of images from their activations at the cut.

    These are the activations themselves where they are one number a channel. Of maps, which
    would be too many: per channel mean, deviation, and that of the differences of neighbours.
    """
    last = network.layers[-1] if network.layers else None
    rows = activations.reshape(len(activations), prod(activations.shape[1:]))
    rows = rows.astype(np.float32)
    is_map = last is None or len(network.output_shape(image_shape)) == 3
    if not (
        is_map
        or isinstance(last, Flatten)
        or (isinstance(last, Statistics) and last.with_maps)
    ):
        return rows
    layers = [x for x in network.layers if not isinstance(x, Flatten | Statistics)]
    shape = Network(tuple(layers)).output_shape(image_shape)
    maps = rows[:, : prod(shape)].reshape(-1, *shape)
    parts = [maps.mean(axis=(1, 2)), maps.std(axis=(1, 2))]
    for axis in (1, 2):
        steps = np.diff(maps, axis=axis)
        parts.append(steps.std(axis=(1, 2)) if steps.size else np.zeros_like(parts[0]))
    small = [np.sign(part) * np.log1p(np.abs(part)) for part in parts]
    return np.concatenate([*small, rows[:, prod(shape) :]], axis=1)


def summarize(
    read: Callable[[NDArray[np.intp]], FloatArray],
    groups: Sequence[Any] | NDArray[Any],
    *,
    sides: tuple[int, int],
    most: int = 512,
) -> FeatureSummary | None:
    """Summarise images, of each of which `groups` names what it came about with.

    `read` returns the features of some of them. Of more than `most`, half and at most `most`
    are summarised, and up to twice as many others tell what distances mean. Of fewer, each is
    judged by the summary of four fifths of the others. None: there are too few.
    """
    codes = np.unique(np.asarray(groups), return_inverse=True)[1]
    random = np.random.RandomState(0)
    if len(codes) < FEWEST_IMAGES or codes.max() < 1:
        return None
    order = random.permutation(codes.max() + 1)[codes]
    rows = np.argsort(order, kind="stable").astype(np.intp)  # whole groups after each other
    try:
        # More threads wait for each other longer than they compute (docs/decisions.md).
        with threadpool_limits(1, user_api="blas"), np.errstate(under="ignore"):
            if len(rows) > most:
                found = _held_out(read, rows, order, min(most, len(rows) // 2))
            else:
                found = _crossed(read, rows, order)
    except np.linalg.LinAlgError:  # never a reason to lose a fit
        return None
    return found and _with_reference(*found, sides)


def _held_out(
    read: Callable[[NDArray[np.intp]], FloatArray],
    rows: NDArray[np.intp],
    order: NDArray[np.intp],
    most: int,
) -> "_Found | None":
    chosen, others = rows[:most], rows[most : 3 * most]
    others = others[order[others] != order[chosen[-1]]]  # the group that was cut in two
    if len(others) < FEWEST_IMAGES:
        return None
    subspace = _fit(read(np.sort(chosen)), len(np.unique(order[chosen])))
    blocks = [others[i : i + 256] for i in range(0, len(others), 256)]
    distances = np.concatenate([_log_distance(subspace, read(b)) for b in blocks])
    return subspace, distances, len(np.unique(order[others]))


def _crossed(
    read: Callable[[NDArray[np.intp]], FloatArray],
    rows: NDArray[np.intp],
    order: NDArray[np.intp],
) -> "_Found | None":
    rows = np.sort(rows)
    features, first = read(rows), dict[bytes, int]()
    # An image and its copy are one, whatever they are called.
    same = [first.setdefault(row.tobytes(), i) for i, row in enumerate(features)]
    groups = np.unique(order[rows[same]], return_inverse=True)[1]
    # Largest groups first, each to the fold that has fewest.
    counts = np.bincount(groups)
    filled, fold_of = np.zeros(min(_N_FOLDS, len(counts))), np.empty(len(counts), np.intp)
    for group in np.argsort(-counts, kind="stable"):
        fold_of[group] = filled.argmin()
        filled[fold_of[group]] += counts[group]
    folds, distances = fold_of[groups], np.empty(len(rows))
    # With more directions, distances would not be comparable.
    n_distinct = len(counts) - len(counts) // len(filled)
    for fold in range(len(filled)):
        held = folds == fold
        if (~held).sum() < FEWEST_IMAGES // 2:
            return None
        distances[held] = _log_distance(_fit(features[~held], n_distinct), features[held])
    return _fit(features, n_distinct), distances, len(counts)


def _fit(features: FloatArray, n_distinct: int) -> _Subspace:
    n, width = features.shape
    mean, scale = features.mean(axis=0), features.std(axis=0)
    scale[scale <= np.abs(mean) * 2**-11 + 2**-24] = 1  # no more than float16's rounding
    rows = (features - mean) / scale
    if n <= width:
        values, vectors = np.linalg.eigh((rows @ rows.T).astype(np.float64))
    else:
        values, vectors = np.linalg.eigh((rows.T @ rows).astype(np.float64))
    values, vectors = np.maximum(values[::-1], 0) / n, vectors[:, ::-1]
    room = (_MOST_BYTES - 8 * width) // (2 * width)
    n_kept = min(_MOST_DIRECTIONS, n_distinct // _IMAGES_A_DIRECTION, room, width)
    n_kept = min(n_kept, int((values > 1e-6 * max(values[0], 1e-30)).sum()))
    kept = vectors[:, :n_kept].astype(np.float32)
    if n <= width:
        kept = (rows.T @ kept) / np.sqrt(n * values[:n_kept]).astype(np.float32)
    left = values[n_kept:]
    residual = float(np.sum(left**2) / np.sum(left)) if left.sum() > 1e-9 else 1.0
    return _Subspace(
        mean.astype(np.float32),
        scale.astype(np.float32),
        np.ascontiguousarray(kept.T.astype(np.float16)),
        values[:n_kept].astype(np.float32),
        residual,
    )


def _log_distance(
    space: _Subspace | FeatureSummary, features: FloatArray
) -> NDArray[np.float64]:
    rows = np.clip((features - space.mean) / space.scale, -_LARGEST, _LARGEST)
    along = (rows @ space.directions.T.astype(np.float32)).astype(np.float64)
    squares = np.square(rows, dtype=np.float64).sum(axis=1)
    beside = np.maximum(squares - np.square(along).sum(axis=1), 0)
    within = (np.square(along) / np.maximum(space.variances, 1e-12)).sum(axis=1)
    return np.asarray(np.log(within + beside / space.residual + 1e-12))


def _with_reference(
    space: _Subspace,
    distances: NDArray[np.float64],
    n_distinct: int,
    sides: tuple[int, int],
) -> FeatureSummary:
    ordered, n = np.sort(distances), len(distances)
    some = max(5, n // 10)
    shares = np.linspace(0, 1, min(n, _MOST_QUANTILES))
    return FeatureSummary(
        **vars(space),
        quantiles=np.quantile(ordered, shares).astype(np.float32),
        tail=float(np.mean(ordered[-some:] - ordered[-some - 1])),
        n_reference=n_distinct,
        sides=sides,
    )


_collected: ContextVar[dict[str, float] | None] = ContextVar("_collected", default=None)


@contextmanager
def collected_novelty() -> Iterator[dict[str, float]]:
    """Collect, by path, how unusual images are that are classified meanwhile.

    So that whatever is wrapped around a classifier, activations are computed once. Of several
    classifiers that see the same image, the one to which it is least unusual counts.
    """
    found = dict[str, float]()
    token = _collected.set(found)
    try:
        yield found
    finally:
        _collected.reset(token)


def is_asked() -> bool:
    """Tell whether somebody collects."""
    return _collected.get() is not None


def tell_novelty(path: str, value: float) -> None:
    """Tell whoever collects."""
    found = _collected.get()
    if found is not None and not np.isnan(value):
        found[path] = min(value, found.get(path, 1.0))
