"""A fitted classifier and labelled images -> its predictions, computed once."""

import copy
import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.pipeline import Pipeline
from sklearn.utils import _safe_indexing
from sklearn.utils.validation import _num_samples, check_is_fitted

from skfakereal._classifier import VGG16ImageClassifier
from skfakereal._validation import check_paths
from skfakereal.evaluation._decision import find_threshold, follows
from skfakereal.evaluation._predictions import Predictions, check_predictions

__all__ = ["check_classifier", "predict_checked", "predict_once"]


def predict_checked(estimator: Any, X: Any, y: Any, **settings: Any) -> Predictions:
    """Check everything that can be checked, classify the images, check the rest.

    Parameters
    ----------
    estimator : estimator
        A fitted classifier, as `predict_once` takes it.
    X : array-like of shape (n_images,) or (n_images, 1)
        Paths of the images.
    y : array-like of shape (n_images,)
        Their labels.
    **settings : object
        What `check_predictions` takes besides.

    Returns
    -------
    Predictions
        The checked predictions.

    Raises
    ------
    ValueError, TypeError, sklearn.exceptions.NotFittedError
        As `evaluate` does, before any image is read where possible.
    """
    check_classifier(estimator)
    paths, classes = check_paths(X), np.asarray(estimator.classes_)
    # A rehearsal: a wrong label must not come to light after hours of computation.
    uniform = np.full((len(paths), len(classes)), 1 / len(classes))
    check_predictions(paths, y, uniform, classes=classes, **settings)
    y_pred, y_proba = predict_once(estimator, X)
    known = check_predictions(paths, y, y_proba, y_pred=y_pred, classes=classes, **settings)
    threshold = find_threshold(estimator)
    # It may be one of another class's probability, or of a decision function.
    if threshold is not None and follows(
        known.y_pred, known.y_proba, known.positive, threshold
    ):
        return dataclasses.replace(known, threshold=threshold)
    return known


def check_classifier(estimator: Any) -> None:
    """Check that an estimator is a fitted classifier that gives probabilities.

    Parameters
    ----------
    estimator : estimator
        The estimator.

    Raises
    ------
    TypeError, sklearn.exceptions.NotFittedError
        If it is not.
    """
    if not (hasattr(estimator, "predict") and hasattr(estimator, "fit")):
        raise TypeError(f"A fitted classifier is needed, got {type(estimator).__name__}.")
    check_is_fitted(estimator)
    if not hasattr(estimator, "predict_proba"):
        raise TypeError(
            f"The classifier must have predict_proba, which {type(estimator).__name__} has "
            "not. Wrap it into CalibratedClassifierCV."
        )


def predict_once(estimator: Any, X: Any) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Return labels and probabilities of the images for the price of one pass.

    The labels are the estimator's own, from its own ``predict``: a classifier with a
    chosen threshold does not take the most probable class. But ``predict`` runs on a
    shallow copy that answers ``predict_proba`` with what is known already, and a pipeline
    transforms the images once for both. Only a classifier whose ``predict`` does not go
    by way of ``predict_proba`` (an `SVC` on paths) computes twice.

    Parameters
    ----------
    estimator : estimator
        A fitted classifier with ``predict_proba``, alone or wrapped. It is not altered.
    X : array-like of shape (n_images,) or (n_images, 1)
        What its ``predict_proba`` accepts.

    Returns
    -------
    y_pred : ndarray of shape (n_images,)
        Labels. Where an image has no probabilities, the first class stands in.
    y_proba : ndarray of shape (n_images, n_classes)
        Probabilities from 0 to 1; NaN for images that could not be read, where the
        estimator lets that pass.
    """
    # A subclass of Pipeline may treat some steps in its own way.
    if type(estimator) is Pipeline:
        last = estimator.steps[-1][1]
        return predict_once(last, estimator[:-1].transform(X) if len(estimator) > 1 else X)
    if hasattr(estimator, "best_estimator_"):
        return predict_once(estimator.best_estimator_, X)
    if isinstance(estimator, FrozenEstimator):
        return predict_once(estimator.estimator, X)

    y_proba = np.asarray(estimator.predict_proba(X), dtype=np.float64)
    y_pred = np.asarray(estimator.classes_)[np.zeros(len(y_proba), dtype=np.intp)]
    readable = np.flatnonzero(~np.isnan(y_proba).any(axis=1))
    if type(estimator).predict is VGG16ImageClassifier.predict:
        # Its predict is this, but reads the images anew, to name those that it cannot read.
        y_pred[readable] = estimator.classes_[y_proba[readable].argmax(axis=1)]
    elif len(readable):
        known = X if len(readable) == len(y_proba) else _safe_indexing(X, readable)
        y_pred[readable] = _replaying(estimator, y_proba[readable]).predict(known)
    return y_pred, y_proba


def _replaying(estimator: Any, y_proba: NDArray[np.float64]) -> Any:
    """Return a copy of the estimator that knows its probabilities already."""
    twin = copy.copy(estimator)
    if isinstance(estimator, FixedThresholdClassifier | TunedThresholdClassifierCV):
        # These ask the estimator that they wrap, fitted by them or frozen before.
        inner = getattr(estimator, "estimator_", estimator.estimator)
        twin.estimator_ = _replaying(inner, y_proba)
        return twin

    # scikit-learn recognises a response method by its name.
    def predict_proba(X: Any) -> NDArray[np.float64]:
        # A predict that works in batches asks for parts, which are not known as such.
        whole = _num_samples(X) == len(y_proba)
        return y_proba.copy() if whole else np.asarray(estimator.predict_proba(X))

    twin.predict_proba = predict_proba
    return twin
