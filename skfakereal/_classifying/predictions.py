"""Images, labels and a classifier's answers -> checked predictions."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skfakereal._classifying.ask import check_classifier, predict_once
from skfakereal._classifying.classes import class_codes, class_names, positive_class
from skfakereal._classifying.unwrap import find_threshold
from skfakereal._images.read import (
    ImageReadError,
    decode_image,
    raise_unreadable,
    read_bytes,
)
from skfakereal._paths import ImagePaths, check_paths, unmasked
from skfakereal._validation import check_labels, check_side, check_weights


@dataclass(frozen=True)
class Predictions:
    """A classifier's predictions on labelled images."""

    paths: list[str]  # the images that could be read; all arrays below are about them
    # y_true and y_pred: shape (n_read,): true and predicted classes, as positions among
    # `classes`.
    y_true: NDArray[np.intp]
    y_pred: NDArray[np.intp]
    y_proba: NDArray[np.float64]  # shape (n_read, n_classes): probabilities from 0 to 1
    weights: NDArray[np.float64]  # shape (n_read,): weights of the images
    weighted: bool  # whether the weights were given
    classes: NDArray[Any]  # shape (n_classes,): the labels
    names: tuple[str, ...]  # what the classes are called
    positive: int | None  # position of the positive class, if there is one
    # Path and true class of the images that could not be read.
    unreadable: list[tuple[str, int]]
    # groups and generators: shape (n_read,): what each image belongs to, and where it comes
    # from, if that was given.
    groups: NDArray[np.str_] | None = None
    generators: NDArray[np.str_] | None = None
    # The decision threshold: the probability from which an image is predicted positive, if
    # it is known.
    threshold: float | None = None

    def columns(self) -> dict[str, list[Any]]:
        """Return every image, the unreadable ones last, as columns of a table."""
        nothing = [None] * len(self.unreadable)
        names = self.names
        return {
            "path": self.paths + [path for path, _ in self.unreadable],
            "label": [names[i] for i in self.y_true]
            + [names[i] for _, i in self.unreadable],
            "predicted": [names[i] for i in self.y_pred] + nothing,
            **{
                f"probability_{name}": self.y_proba[:, i].tolist() + nothing
                for i, name in enumerate(names)
            },
        }


def check_predictions(
    paths: ImagePaths,
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    classes: ArrayLike,
    y_pred: ArrayLike | None = None,
    pos_label: Any = None,
    target_names: Sequence[str] | None = None,
    sample_weight: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    generators: ArrayLike | None = None,
    threshold: float | None = None,
    need_positive: bool = True,
) -> Predictions:
    """Check what the user hands over, and set aside the images that could not be read."""
    labels = np.array(classes)
    names = class_names(labels, target_names)
    positive = positive_class(labels, names, pos_label) if need_positive else None
    files = check_paths(paths, name="paths")
    proba = _check_probabilities(y_proba, len(files), len(labels))
    true = class_codes(check_labels(y_true, len(files)), labels, files)
    missing = np.isnan(proba).any(axis=1)
    if y_pred is None:
        pred = decide(np.nan_to_num(proba), positive, threshold)
    else:
        given = check_labels(y_pred, len(files), name="y_pred")
        pred = class_codes(given, labels, files, name="y_pred")
        if threshold is not None and not follows(
            pred[~missing], proba[~missing], positive, threshold
        ):
            raise ValueError(
                f"y_pred must be what threshold={threshold} gives. Pass only one of the two."
            )
    sides = [
        None if side is None else check_side(side, len(files), name)[~missing]
        for side, name in ((groups, "groups"), (generators, "generators"))
    ]

    if missing.all():
        raise ValueError(
            f"None of the {len(files)} images could be read, the first of which is "
            f"{files[0]!r}: there is nothing to evaluate."
        )
    weights = check_weights(sample_weight, len(files))
    return Predictions(
        paths=[files[i] for i in np.flatnonzero(~missing)],
        y_true=true[~missing],
        y_pred=pred[~missing],
        y_proba=proba[~missing],
        weights=check_weights(weights[~missing], int(np.sum(~missing))),
        weighted=sample_weight is not None,
        classes=labels,
        names=names,
        positive=positive,
        unreadable=[(files[i], int(true[i])) for i in np.flatnonzero(missing)],
        groups=sides[0],
        generators=sides[1],
        threshold=None if threshold is None else float(threshold),
    )


def _check_probabilities(
    y_proba: ArrayLike, n_images: int, n_classes: int
) -> NDArray[np.float64]:
    proba = np.asarray(unmasked(y_proba), dtype=np.float64)
    if proba.shape != (n_images, n_classes):
        raise ValueError(
            f"y_proba must have the shape {(n_images, n_classes)}, a row for each image and "
            f"a column for each class, got {proba.shape}."
        )
    # A single-precision softmax may pass 1 by a rounding.
    wrong = np.argwhere((proba < -1e-6) | (proba > 1 + 1e-6))
    if len(wrong):
        i, j = wrong[0]
        raise ValueError(
            f"Probabilities lie between 0 and 1, but y_proba[{i}, {j}] is {proba[i, j]}."
        )
    return np.clip(proba, 0, 1)  # a new array


def predict_checked(estimator: Any, X: Any, y: Any, **settings: Any) -> Predictions:
    """Check everything that can be checked, classify the images, check the rest."""
    check_classifier(estimator)
    paths, classes = check_paths(X), np.asarray(estimator.classes_)
    # A rehearsal: a wrong label must not come to light after hours of computation.
    uniform = np.full((len(paths), len(classes)), 1 / len(classes))
    check_predictions(paths, y, uniform, classes=classes, **settings)
    try:
        y_pred, y_proba = predict_once(estimator, X)
    except ValueError as error:
        # Of an image that the network let pass, and a later step did not.
        if "NaN" in str(error):
            raise_unreadable(_unreadable(paths))
        raise
    predictions = check_predictions(
        paths, y, y_proba, y_pred=y_pred, classes=classes, **settings
    )
    threshold = find_threshold(estimator)
    # It may be one of another class's probability, or of a decision function.
    if threshold is not None and follows(
        predictions.y_pred, predictions.y_proba, predictions.positive, threshold
    ):
        return dataclasses.replace(predictions, threshold=threshold)
    return predictions


def _unreadable(paths: Sequence[str]) -> list[ImageReadError]:
    failures = []
    for i, path in enumerate(paths):
        try:
            decode_image(read_bytes(path), path)
        except ImageReadError as failure:
            failure.index = i
            failures.append(failure)
    return failures


def decide(
    proba: NDArray[np.float64], positive: int | None, threshold: float | None
) -> NDArray[np.intp]:
    """Return the class of each image."""
    if threshold is None:
        most_probable: NDArray[np.intp] = proba.argmax(axis=1)
        return most_probable
    if positive is None:
        raise ValueError("threshold is for two classes. Leave it out.")
    if not 0 <= threshold <= 1:
        raise ValueError(f"threshold must lie between 0 and 1, got {threshold}.")
    called: NDArray[np.bool_] = proba[:, positive] >= threshold
    return np.where(called, positive, 1 - positive)


def follows(
    pred: NDArray[np.intp],
    proba: NDArray[np.float64],
    positive: int | None,
    threshold: float,
) -> bool:
    """Tell whether the predicted classes are those that a threshold gives."""
    if positive is None or not 0 <= threshold <= 1:
        return False
    return np.array_equal(decide(proba, positive, threshold), pred)
