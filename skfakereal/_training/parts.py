"""Labelled images -> the parts that a tail is trained and measured on."""

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import compute_class_weight

from skfakereal._activations import ActivationReader
from skfakereal._images.read import ImageReadError, raise_unreadable
from skfakereal._network import Clip, Dense, FloatArray, Layer, Network
from skfakereal._novelty import FeatureSummary
from skfakereal._training.holdout import LabelledPaths
from skfakereal._training.settings import TailSettings

# Features are rounded to float16: what varies by less than half a step of it at its mean is
# rounding. It also bounds mean / scale, so that nothing is lost where float32 folds it.
_ROUNDING = float(np.finfo(np.float16).eps) / 2
_SMALLEST = float(np.finfo(np.float16).smallest_subnormal)
# Standard deviations from its mean to which a feature is limited.
_LARGEST = np.float32(1.5)
Folds = Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]]
# Rows at a time where a part is gone through as a whole: 59 MB of 14,496 features.
_BLOCK = 1024
_ROWS_IN_CACHE = 16


class ActivationShelf:
    """The activations of a fixed list of images for the duration of one fit, by view.

    Views that are filled together are read together: each file is then decoded only once.

    In memory where they take little, in an unnamed temporary file otherwise. With the
    cut at the image itself nothing is kept: pixels never leave the user's folders.
    """

    def __init__(
        self,
        reader: ActivationReader,
        paths: Sequence[str],
        *,
        n_views: int,  # how many will be needed, at most
        # Where the images stood in the user's array, and what that is called, for errors; None:
        # in this order.
        positions: Sequence[int] | NDArray[np.intp] | None = None,
        array: str = "X",
        max_bytes: int = 2**30,  # from which on a file takes them
    ) -> None:
        self.reader = reader
        self.paths = paths
        self._positions = range(len(paths)) if positions is None else positions
        self._array = array
        self._kept: dict[int, NDArray[Any]] = {}
        self._keeps = reader.settings.cut != "block1"
        self._checked = False
        self._seconds: list[float] = []  # that a view took
        n_values = len(paths) * n_views * int(np.prod(reader.shape))
        n_bytes = n_values * reader.dtype.itemsize
        self._in_memory = n_bytes <= max_bytes

    def has(self, view: int) -> bool:
        """Tell whether a view is kept here."""
        return self._keeps and view in self._kept

    def lacking(self, views: Iterable[int]) -> list[int]:
        """Return which of some views would be computed by `fill`; where none is kept, none."""
        return [view for view in views if self._keeps and view not in self._kept]

    def seconds_a_view(self) -> float:
        """Return how long it took to fill a view so far."""
        return float(np.mean(self._seconds or [0.0]))

    def fill(
        self, views: Sequence[int], *, only_checks: bool = False
    ) -> list[ImageReadError]:
        """Compute views of all images, unless they are there; or see whether all can be read."""
        missing = self.lacking(views)
        if not self._keeps and not self._checked:
            missing = list(views[:1])
        for together in self.reader.together(missing):
            began = perf_counter()
            failures: list[ImageReadError] = []
            kept = {view: self._allocate() for view in together if self._keeps}
            for batch in self.reader.read(self.paths, together, only_checks=only_checks):
                failures += self._placed(batch.failures, range(len(self.paths)))
                if batch.view in kept:
                    batch.write_to(kept[batch.view])
            if failures or only_checks:
                return failures
            self._checked = True
            self._kept |= kept
            self._seconds += [(perf_counter() - began) / len(together)] * len(together)
        return []

    def _allocate(self) -> NDArray[Any]:
        shape = (len(self.paths), *self.reader.shape)
        if self._in_memory:
            return np.empty(shape, self.reader.dtype)
        n_bytes = int(np.prod(shape)) * self.reader.dtype.itemsize
        with tempfile.TemporaryFile(prefix="skfakereal-") as file:
            try:
                _reserve(file.fileno(), n_bytes)
            except OSError as error:
                raise OSError(
                    error.errno,
                    f"The activations of one view need {n_bytes / 1e9:.3g} GB in the "
                    f"temporary folder {tempfile.gettempdir()!r}, but: {error.strerror}. Set "
                    "TMPDIR to a folder with more room, or trainable_from to a later block",
                ) from error
            return np.memmap(file, self.reader.dtype, "r+", shape=shape)

    def take(self, rows: NDArray[np.intp], view: int) -> NDArray[np.float32]:
        """Return the activations of some images."""
        if self._keeps:
            return _widened(self._kept[view][rows])
        paths = [self.paths[row] for row in rows]
        taken = np.empty((len(rows), *self.reader.shape), np.float32)
        failures: list[ImageReadError] = []
        for batch in self.reader.read(paths, [view]):
            failures += batch.failures
            batch.write_to(taken)
        # Readable in the first pass, but no longer.
        raise_unreadable(self._placed(failures, rows))
        return taken

    def _placed(
        self, failures: list[ImageReadError], rows: Sequence[int] | NDArray[np.intp]
    ) -> list[ImageReadError]:
        for failure in failures:
            failure.index = int(self._positions[rows[failure.index or 0]])
            failure.array = self._array
        return failures


def _widened(halves: NDArray[np.float16]) -> FloatArray:
    """Return finite numbers as float32: NumPy takes 2.5 times as long, one by one."""
    wide = np.empty(halves.shape, np.float32)
    for start in range(0, len(halves), _ROWS_IN_CACHE):
        rows = slice(start, start + _ROWS_IN_CACHE)
        bits = wide[rows].view(np.int32)
        # Exponent and fraction move to their places; the factor mends the exponent's bias.
        np.left_shift(halves[rows].view(np.int16), 13, out=bits, dtype=np.int32)
        np.bitwise_and(bits, ~0x70000000, out=bits)
        wide[rows] *= np.float32(2.0**112)
    return wide


def _reserve(file: int, n_bytes: int) -> None:
    """Give a file its size and, where the system can, its room on the disk.

    Memory is mapped on it: a disk that is full later would end the process by SIGBUS.
    """
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, n_bytes)
    else:
        os.truncate(file, n_bytes)


@dataclass(frozen=True, eq=False)
class Standardization:
    """Weighted mean and standard deviation of each feature; constant ones have scale 1."""

    mean: FloatArray
    scale: FloatArray
    clip: Clip | None = None  # what features go through before

    @classmethod
    def measure(
        cls, blocks: Iterable[tuple[FloatArray, NDArray[np.float64]]]
    ) -> "Standardization":
        """Measure blocks of rows, each with the weights of its rows."""
        (measured,) = cls.measure_each((rows, w[:, np.newaxis]) for rows, w in blocks)
        return measured

    @classmethod
    def measure_each(
        cls, blocks: Iterable[tuple[FloatArray, NDArray[np.float64]]]
    ) -> list["Standardization"]:
        """Do it for each column of weights."""
        total: Any = 0.0
        sums: Any = 0.0
        squares: Any = 0.0
        for rows, weights in blocks:
            wide = rows.astype(np.float64)
            total = total + weights.sum(axis=0)[:, np.newaxis]
            sums = sums + weights.T @ wide
            squares = squares + weights.T @ np.square(wide, out=wide)
        mean = np.asarray(sums / total)
        scale = np.sqrt(np.maximum(squares / total - mean**2, 0))
        constant = scale <= np.abs(mean) * _ROUNDING + _SMALLEST
        scale = np.where(constant, 1, scale)
        return list(map(cls, mean.astype(np.float32), scale.astype(np.float32)))

    def clipped(self) -> "Standardization":
        """Return it with bounds in front, so that a single extreme value does not decide."""
        reach = _LARGEST * self.scale
        return replace(self, clip=Clip(self.mean - reach, self.mean + reach))

    def apply(self, rows: FloatArray) -> FloatArray:
        """Standardise rows, in place."""
        for start in range(0, len(rows), _ROWS_IN_CACHE):
            some = rows[start : start + _ROWS_IN_CACHE]
            if self.clip is not None:
                np.clip(some, self.clip.low, self.clip.high, out=some)
            some -= self.mean
            some /= self.scale
        return rows

    def fold(self, layer: Dense) -> list[Layer]:
        """Return the layers that make of plain features what this one makes of these."""
        kernel = layer.kernel / self.scale.astype(np.float64)[:, np.newaxis]
        bias = layer.bias - self.mean.astype(np.float64) @ kernel
        folded = replace(
            layer, kernel=kernel.astype(np.float32), bias=bias.astype(np.float32)
        )
        return [folded] if self.clip is None else [self.clip, folded]

    def unfold(self, layer: Dense) -> Dense:
        """Undo `fold`, but for the bounds."""
        kernel = layer.kernel.astype(np.float64)
        bias = layer.bias + self.mean.astype(np.float64) @ kernel
        kernel = kernel * self.scale[:, np.newaxis]
        return Dense(kernel.astype(np.float32), bias.astype(np.float32), layer.activation)


@dataclass(frozen=True)
class TrainedTail:
    """What training leaves: plain arrays and numbers, nothing of Keras."""

    network: Network
    history: dict[str, list[float]]
    best_epoch: int
    out_of_fold: NDArray[np.float64] | None  # of the images to learn from
    weight_decay: float
    summary: FeatureSummary | None = None  # of the images to learn from


@dataclass(frozen=True, eq=False)
class Part:
    """Images to train or to measure on: activations, encoded labels, weights."""

    shelf: ActivationShelf
    rows: NDArray[np.intp]  # on the shelf
    labels: NDArray[np.intp]
    weights: NDArray[np.float64]
    standardization: Standardization | None = None

    def take(self, chosen: NDArray[np.intp] | slice, view: int) -> FloatArray:
        """Return what the tail is fed with for some of the images."""
        taken = self.shelf.take(self.rows[chosen], view)
        return taken if self.standardization is None else self.standardization.apply(taken)

    def blocks(self, view: int) -> Iterator[tuple[FloatArray, NDArray[np.float64]]]:
        """Yield all images and their weights, block by block."""
        for start in range(0, len(self.rows), _BLOCK):
            chosen = slice(start, start + _BLOCK)
            yield self.take(chosen, view), self.weights[chosen]

    def standardized(self, view: int, *, clips: bool) -> "Part":
        """Return the part with features standardised over a view."""
        measured = Standardization.measure(self.blocks(view))
        return replace(self, standardization=measured.clipped() if clips else measured)

    def as_in(self, other: "Part") -> "Part":
        """Return the part with its features standardised as those of another one are."""
        return replace(self, standardization=other.standardization)


def read_parts(
    settings: TailSettings,
    classes: NDArray[Any],
    reader: ActivationReader,
    train: LabelledPaths,
    validation: LabelledPaths | None,
    *,
    views: Sequence[int],
) -> tuple[Part, Part | None]:
    """Read the images that a tail is trained on, not standardised; both parts weighted alike."""
    weight_of = _class_weights(settings.class_weight, classes, train.labels)

    def part(images: LabelledPaths, n_views: int) -> Part:
        encoded = np.searchsorted(classes, images.labels)
        shelf = ActivationShelf(
            reader,
            images.paths,
            n_views=n_views,
            positions=images.positions,
            array=images.array,
        )
        weights = images.weights * weight_of[encoded]
        return Part(shelf, np.arange(len(encoded)), encoded, weights)

    training = part(train, len({*views, *settings.views}))
    held = None if validation is None else part(validation, 1)
    # All images are decoded before training starts, so that all failures are told; first
    # those of which there are fewer views.
    failures = [] if held is None else held.shelf.fill([0])
    failures += training.shelf.fill(views, only_checks=bool(failures))
    raise_unreadable(sorted(failures, key=lambda failure: (failure.array, failure.index)))
    return training, held


def fold_parts(
    settings: TailSettings,
    classes: NDArray[Any],
    images: LabelledPaths,
    everything: Part,
    folds: Folds,
) -> Iterator[tuple[Part, Part]]:
    """Yield the training and the held-out part of each fold of images that were read."""
    for train, held in folds:
        weight_of = _class_weights(settings.class_weight, classes, images.labels[train])
        weights = images.weights * weight_of[everything.labels]

        def part(rows: NDArray[np.intp], weights: NDArray[np.float64] = weights) -> Part:
            labels = everything.labels[rows]
            return replace(everything, rows=rows, labels=labels, weights=weights[rows])

        yield part(train), part(held)


def _class_weights(
    class_weight: str | Mapping[Any, float] | None,
    classes: NDArray[Any],
    labels: NDArray[Any],
) -> NDArray[np.float64]:
    """Return the weight of each class; classes that a dict leaves out have weight 1.

    Counted on the training part, and the same in the validation loss, so that the best
    epoch is the best for all classes.
    """
    if not isinstance(class_weight, Mapping):
        return np.asarray(compute_class_weight(class_weight, classes=classes, y=labels))
    # Not left to scikit-learn, which takes the label "3" for the number 3.
    return np.array([float(class_weight.get(name, 1.0)) for name in classes.tolist()])


def two_columns(probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a column for each class, where one unit stands for the second of two."""
    if probabilities.shape[1] > 1:
        return probabilities
    return np.hstack([1 - probabilities, probabilities])


def measure(
    probabilities: NDArray[np.float64],
    labels: NDArray[np.intp],
    weights: NDArray[np.float64],
) -> dict[str, float]:
    """Return the weighted loss and the plain accuracy, as Keras computes them."""
    of_truth = probabilities[np.arange(len(labels)), labels]
    losses = -np.log(np.clip(of_truth, 1e-7, 1 - 1e-7))
    right = probabilities.argmax(axis=1) == labels
    return {"loss": float(np.mean(weights * losses)), "accuracy": float(right.mean())}
