"""From which probability on an image is called positive: said, found, and applied."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.pipeline import Pipeline


def find_threshold(estimator: Any) -> float | None:
    """Return the threshold that a fitted classifier decides by, if it holds one."""
    inner = estimator
    while isinstance(inner, Pipeline | FrozenEstimator) or hasattr(
        inner, "best_estimator_"
    ):
        if isinstance(inner, Pipeline):
            inner = inner.steps[-1][1]
        elif isinstance(inner, FrozenEstimator):
            inner = inner.estimator
        else:
            inner = inner.best_estimator_
    if isinstance(inner, TunedThresholdClassifierCV):
        return float(inner.best_threshold_)
    if isinstance(inner, FixedThresholdClassifier) and inner.threshold != "auto":
        return float(inner.threshold)
    return None


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
