"""A fitted classifier and labelled images -> its predictions, checked and computed once."""

import dataclasses
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from skfakereal._paths import check_paths
from skfakereal.evaluation._decision import find_threshold, follows
from skfakereal.evaluation._predict_once import predict_once
from skfakereal.evaluation._predictions import Predictions, check_predictions


def predict_checked(estimator: Any, X: Any, y: Any, **settings: Any) -> Predictions:
    """Check everything that can be checked, classify the images, check the rest."""
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
    """Check that an estimator is a fitted classifier that gives probabilities."""
    if not (hasattr(estimator, "predict") and hasattr(estimator, "fit")):
        raise TypeError(f"A fitted classifier is needed, got {type(estimator).__name__}.")
    check_is_fitted(estimator)
    if not hasattr(estimator, "predict_proba"):
        raise TypeError(
            f"The classifier must have predict_proba, which {type(estimator).__name__} has "
            "not. Wrap it into CalibratedClassifierCV."
        )
