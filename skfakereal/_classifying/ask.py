"""A fitted classifier and images -> what it says of each, computed once, whatever is broken."""

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from skfakereal._images.read import ImageReadError, decode_image, read_bytes
from skfakereal._novelty import collected_novelty
from skfakereal._paths import as_fitted, check_paths

V = TypeVar("V")


def check_classifier(estimator: Any, *, need_proba: bool = True) -> None:
    """Check that an estimator is a fitted classifier, one that gives probabilities if need be."""
    if not (hasattr(estimator, "predict") and hasattr(estimator, "fit")):
        raise TypeError(f"A fitted classifier is needed, got {type(estimator).__name__}.")
    from sklearn.utils.validation import check_is_fitted

    check_is_fitted(estimator)
    if need_proba and not hasattr(estimator, "predict_proba"):
        raise TypeError(
            f"The classifier must have predict_proba, which {type(estimator).__name__} lacks. "
            "Wrap it in CalibratedClassifierCV."
        )


def predict_once(estimator: Any, X: Any) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Return labels and probabilities of the images for the price of one pass.

    The labels are the estimator's own, from its own ``predict``: a classifier with a
    chosen threshold does not take the most probable class. But ``predict`` runs on a
    shallow copy that answers ``predict_proba`` with what is known already, and a pipeline
    transforms the images once for both. Only a classifier whose ``predict`` does not go
    by way of ``predict_proba`` (an `SVC` on paths) computes twice.
    """
    own = getattr(estimator, "predict_once", None)
    if own is not None:  # a Detector, which is to import no scikit-learn
        y_pred, y_proba = own(X)
        return y_pred, y_proba
    from skfakereal._classifier import VGG16ImageClassifier

    # FrozenEstimator has no predict of its own: it passes on that of what it holds.
    if getattr(type(estimator), "predict", None) is VGG16ImageClassifier.predict:
        return _predict_directly(estimator, X)
    from sklearn.pipeline import Pipeline
    from sklearn.utils import _safe_indexing

    from skfakereal._classifying.unwrap import has_threshold, inner_of

    # A subclass of Pipeline may treat some steps in its own way.
    if type(estimator) is Pipeline:
        last = estimator.steps[-1][1]
        return predict_once(last, estimator[:-1].transform(X) if len(estimator) > 1 else X)
    inner = inner_of(estimator)
    if inner is not None and not has_threshold(estimator):
        return predict_once(inner, X)

    y_proba, y_pred, readable = _predict_probabilities(estimator, X)
    if len(readable):
        X_readable = X if len(readable) == len(y_proba) else _safe_indexing(X, readable)
        y_pred[readable] = _replaying(estimator, y_proba[readable]).predict(X_readable)
    return y_pred, y_proba


def _predict_directly(estimator: Any, X: Any) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Do what its predict does, which would read the images anew to name broken ones."""
    y_proba, y_pred, readable = _predict_probabilities(estimator, X)
    y_pred[readable] = estimator.classes_[y_proba[readable].argmax(axis=1)]
    return y_pred, y_proba


def _predict_probabilities(
    estimator: Any, X: Any
) -> tuple[NDArray[np.float64], NDArray[Any], NDArray[np.intp]]:
    """Return probabilities, the first class for each image, and which are readable."""
    y_proba = np.asarray(estimator.predict_proba(X), dtype=np.float64)
    y_pred = np.asarray(estimator.classes_)[np.zeros(len(y_proba), dtype=np.intp)]
    return y_proba, y_pred, np.flatnonzero(~np.isnan(y_proba).any(axis=1))


def _replaying(estimator: Any, y_proba: NDArray[np.float64]) -> Any:
    """Return a copy of the estimator that knows its probabilities already."""
    from sklearn.utils.validation import _num_samples

    from skfakereal._classifying.unwrap import has_threshold, inner_of

    twin = copy.copy(estimator)
    if has_threshold(estimator):  # it asks the estimator inside
        twin.estimator_ = _replaying(inner_of(estimator), y_proba)
        return twin

    # scikit-learn recognises a response method by its name.
    def predict_proba(X: Any) -> NDArray[np.float64]:
        # A predict that works in batches asks for parts, which are not known as such.
        whole = _num_samples(X) == len(y_proba)
        return y_proba.copy() if whole else np.asarray(estimator.predict_proba(X))

    twin.predict_proba = predict_proba
    return twin


@dataclass(frozen=True)
class Classification:
    """What a classifier says about an image."""

    path: str  # the image
    # Position of the predicted class; None if the image could not be read.
    predicted: int | None = None
    # Shape (n_classes,): of each class; None if the image could not be read, or the
    # classifier gives none.
    probabilities: NDArray[np.float64] | None = None
    error: str = ""  # why it could not be read
    # The same as a code: that of `ImageReadError`, or ``"not a path"``, or ``"no
    # probability"``.
    reason: str = ""
    novelty: float | None = None  # how unlike the training images, from 0 to 1


def judge_images(estimator: Any, paths: Sequence[str]) -> dict[str, Classification]:
    """Classify images at one go; one that cannot be read has a verdict that says so."""
    if not paths:
        return {}
    local, broken = split_local(paths)
    if broken:
        return broken | judge_images(estimator, local)
    try:
        return {verdict.path: verdict for verdict in _predict(estimator, paths)}
    except ImageReadError as error:
        failures = {failure.path: failure for failure in error.failures}
        readable = [path for path in paths if path not in failures]
        if len(readable) == len(paths):  # it speaks of files that nobody asked about
            raise
        broken = {path: _unreadable(path, failure) for path, failure in failures.items()}
        return broken | judge_images(estimator, readable)
    except OSError as error:
        # A step of somebody else's reads the images, and says less: look for the culprit.
        blamed = partial(Classification, error=str(error), reason="unreadable")
        return judge_halves(partial(judge_images, estimator), paths, blamed)


def judge_halves(
    judge: Callable[[Sequence[str]], dict[str, V]],
    paths: Sequence[str],
    blamed: Callable[[str], V],
) -> dict[str, V]:
    """Judge each half of images that failed together; one that fails alone is blamed."""
    if len(paths) == 1:
        return {paths[0]: blamed(paths[0])}
    half = len(paths) // 2
    return judge(paths[:half]) | judge(paths[half:])


def split_local(paths: Sequence[str]) -> tuple[list[str], dict[str, Classification]]:
    """Set aside what is no path of a file."""
    local, broken = [], dict[str, Classification]()
    for path in paths:
        try:
            check_paths([path])
            local.append(path)
        except ValueError as error:  # a URL, or nothing at all
            what = str(error).removeprefix("X[0] ").rstrip(".")
            broken[path] = Classification(path, error=what, reason="not a path")
    return local, broken


def _predict(estimator: Any, paths: Sequence[str]) -> Iterator[Classification]:
    X = as_fitted(estimator, paths)
    position = {label: i for i, label in enumerate(np.asarray(estimator.classes_).tolist())}
    if not hasattr(estimator, "predict_proba"):
        for path, label in zip(paths, estimator.predict(X).tolist(), strict=True):
            yield Classification(path, position[label])
        return
    with collected_novelty() as novelty:
        labels, probabilities = predict_once(estimator, X)
    for path, label, row in zip(paths, labels.tolist(), probabilities, strict=True):
        if np.isnan(row).any():  # the classifier lets unreadable images pass
            yield _without_probability(path)
        else:
            yield Classification(path, position[label], row, novelty=novelty.get(path))


def _without_probability(path: str) -> Classification:
    try:
        decode_image(read_bytes(path), path)
    except ImageReadError as failure:
        return _unreadable(path, failure)
    what = "the model gives no probability for it"
    return Classification(path, error=what, reason="no probability")


def _unreadable(path: str, failure: ImageReadError) -> Classification:
    # The message begins with the path, which stands in the same row anyway.
    what = failure.message.removeprefix(f"{path!r} ").rstrip(".")
    return Classification(path, error=what, reason=failure.reason)


def label_and_probability(
    predicted: int | None,
    probabilities: Sequence[float] | NDArray[np.float64] | None,
    names: Sequence[str],
    positive: int | None,
) -> tuple[str | None, float | None]:
    """Return what the row of an image tells: its label, and one probability.

    The probability is that of the class at `positive`; None for that of the label.
    """
    label = None if predicted is None else names[predicted]
    shown = predicted if positive is None else positive
    if probabilities is None or shown is None:
        return label, None
    return label, float(probabilities[shown])


def told(
    verdict: Classification, names: Sequence[str], positive: int | None
) -> tuple[str | None, float | None]:
    """Return the label and the one probability that are told about an image.

    To six decimals, more than which no engine agrees with another.
    """
    predicted, probabilities = verdict.predicted, verdict.probabilities
    label, chance = label_and_probability(predicted, probabilities, names, positive)
    return label, None if chance is None else round(chance, 6)
