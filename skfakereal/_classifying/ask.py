"""A fitted classifier and images -> labels and probabilities, computed once."""

import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray


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
