"""Verdicts on two classes -> the few figures that detectors are compared by."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score


def detection_figures(
    is_positive: NDArray[np.bool_],
    called_positive: NDArray[np.bool_],
    score: NDArray[np.float64],
) -> dict[str, float]:
    """Return how well images of one class are told from those of another.

    Both classes weigh the same, however many images there are of each, so that figures of
    sets with different shares can be compared.
    """
    n_positive = np.count_nonzero(is_positive)
    n_negative = len(is_positive) - n_positive
    tpr = float(np.mean(called_positive[is_positive])) if n_positive else np.nan
    fpr = float(np.mean(called_positive[~is_positive])) if n_negative else np.nan
    figures = {"balanced_accuracy": (tpr + 1 - fpr) / 2}
    if n_positive and n_negative:
        weights = np.where(is_positive, 1 / n_positive, 1 / n_negative)
        figures["roc_auc"] = float(roc_auc_score(is_positive, score))
        figures["average_precision"] = float(
            average_precision_score(is_positive, score, sample_weight=weights)
        )
    else:
        figures |= {"roc_auc": np.nan, "average_precision": np.nan}
    return figures | {"tpr": tpr, "fpr": fpr}


def without_nan(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Return figures in a form that JSON knows, which has no NaN."""
    return {
        key: None if isinstance(value, float) and math.isnan(value) else value
        for key, value in figures.items()
    }
