"""Predictions -> what comes of one threshold or another."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_curve

from skfakereal.evaluation._decision import follows
from skfakereal.evaluation._predictions import Predictions


@dataclass(frozen=True)
class OperatingPoint:
    """What comes of a threshold.

    Parameters
    ----------
    name : {"chosen", "0.5", "oracle"}
        ``"chosen"`` is what the classifier decides by itself; ``"0.5"`` takes the more
        probable class; ``"oracle"`` is the threshold of the highest accuracy on these very
        images, found by looking at their labels: no honest choice is as good, so it shows
        only how much there was to gain.
    threshold : float
        The probability of the positive class from which on an image is called so; NaN
        where it is not known.
    accuracy, balanced_accuracy : float
        From 0 to 1.
    true_positive_rate, false_positive_rate : float
        The shares of the positive and of the other images that are called positive; NaN
        where there are none.
    """

    name: str
    threshold: float
    accuracy: float
    balanced_accuracy: float
    true_positive_rate: float
    false_positive_rate: float


def operating_points(predictions: Predictions) -> list[OperatingPoint]:
    """Return what comes of the chosen threshold, of 0.5, and of the oracle's."""
    p = predictions
    if p.positive is None:
        return []
    is_positive, score = p.y_true == p.positive, p.y_proba[:, p.positive]
    chosen = p.threshold
    if chosen is None:
        chosen = 0.5 if follows(p.y_pred, p.y_proba, p.positive, 0.5) else np.nan
    points = [
        _point(p, "chosen", chosen, p.y_pred == p.positive),
        _point(p, "0.5", 0.5, score >= 0.5),
    ]
    if len(np.unique(is_positive[p.weights > 0])) == 2:
        best = _best_threshold(p)
        points.append(_point(p, "oracle", best, score >= best))
    return points


def _point(
    p: Predictions,
    name: str,
    threshold: float,
    called: NDArray[np.bool_],
) -> OperatingPoint:
    is_positive = p.y_true == p.positive
    rates = [
        float(np.average(called[rows], weights=p.weights[rows]))
        if p.weights[rows].any()
        else np.nan
        for rows in (is_positive, ~is_positive)
    ]
    return OperatingPoint(
        name=name,
        threshold=float(threshold),
        accuracy=float(np.average(called == is_positive, weights=p.weights)),
        balanced_accuracy=float(np.nanmean([rates[0], 1 - rates[1]])),
        true_positive_rate=rates[0],
        false_positive_rate=rates[1],
    )


def _best_threshold(p: Predictions) -> float:
    is_positive, score = p.y_true == p.positive, p.y_proba[:, p.positive]
    fpr, tpr, thresholds = roc_curve(
        is_positive, score, sample_weight=p.weights, drop_intermediate=False
    )
    positive, rest = p.weights[is_positive].sum(), p.weights[~is_positive].sum()
    best = int(np.argmax(tpr * positive + (1 - fpr) * rest))
    # The first threshold is infinite: nothing is called positive. Above 1 says the same.
    return float(min(thresholds[best], np.nextafter(1, 2)))
