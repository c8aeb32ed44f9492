"""Probabilities of two classes or more -> the figures that the labels alone do not give."""

import math

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_curve

from skfakereal.evaluation._reliability import expected_error, reliability

FPR_TARGETS = (0.01, 0.05)
_ROUNDING = 1 + 1e-9  # a quotient of counts may miss the target by a rounding


def tpr_key(target: float) -> str:
    """Return the key of the true positive rate at a false positive rate."""
    return f"tpr_at_fpr_{target:g}"


def probability_figures(
    y_true: NDArray[np.intp],
    y_proba: NDArray[np.float64],
    weights: NDArray[np.float64],
    positive: int | None,
) -> dict[str, float]:
    """Return the figures that judge the probabilities."""
    figures = {}
    if positive is not None:
        is_positive, score = y_true == positive, y_proba[:, positive]
        right = (score >= 0.5) == is_positive
        figures["accuracy_at_0.5"] = float(np.average(right, weights=weights))
        for target in FPR_TARGETS:
            rate = _true_positive_rate(is_positive, score, weights, target)
            figures[tpr_key(target)] = rate
    figures["brier_score"] = float(
        np.average(squared_errors(y_true, y_proba), weights=weights)
    )
    known = reliability(y_true, y_proba, positive)
    figures["expected_calibration_error"] = expected_error(known, weights)
    return figures


def squared_errors(
    y_true: NDArray[np.intp], y_proba: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return what the Brier score is the mean of."""
    truth = np.eye(y_proba.shape[1])[y_true]
    return np.asarray(((y_proba - truth) ** 2).sum(axis=1) / 2)


def _true_positive_rate(
    is_positive: NDArray[np.bool_],
    score: NDArray[np.float64],
    weights: NDArray[np.float64],
    target: float,
) -> float:
    """Return the largest true positive rate at thresholds that keep within the target."""
    # One image of 30 is 3 %: no threshold could show what 1 % means.
    n_negative = np.count_nonzero(~is_positive & (weights > 0))
    if n_negative * target * _ROUNDING < 1 or not weights[is_positive].any():
        return math.nan
    fpr, tpr, _ = roc_curve(
        is_positive, score, sample_weight=weights, drop_intermediate=False
    )
    return float(tpr[fpr <= target * _ROUNDING].max())
