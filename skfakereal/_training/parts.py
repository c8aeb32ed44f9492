"""Labelled images -> the parts that a tail is trained and measured on."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import compute_class_weight

from skfakereal._activations import ActivationReader
from skfakereal._images.read import raise_unreadable
from skfakereal._network import FloatArray, Network
from skfakereal._training.holdout import LabelledPaths
from skfakereal._training.settings import TailSettings
from skfakereal._training.shelf import ActivationShelf
from skfakereal._training.standardization import Standardization

Folds = Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]]
# Rows at a time where a part is gone through as a whole: 34 MB of 8,448 features.
_BLOCK = 1024


@dataclass(frozen=True)
class TrainedTail:
    """What training leaves: plain arrays and numbers, nothing of Keras."""

    network: Network
    history: dict[str, list[float]]
    best_epoch: int
    out_of_fold: NDArray[np.float64] | None  # of the images to learn from
    weight_decay: float


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

    def standardized(self, views: Sequence[int], *, scale: bool = True) -> "Part":
        """Return the part with features standardised, or centred only, over these views."""
        measured = Standardization.measure(
            block for view in views for block in self.blocks(view)
        )
        if not scale:
            measured = replace(measured, scale=np.ones_like(measured.scale))
        return replace(self, standardization=measured)

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
    # All images are decoded before training starts, so that all failures are told.
    failures = training.shelf.fill(views[0])
    if held is not None:
        failures += held.shelf.fill(0)
    raise_unreadable(sorted(failures, key=lambda failure: (failure.array, failure.index)))
    for view in views[1:]:
        raise_unreadable(training.shelf.fill(view))  # readable before, but no longer
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
