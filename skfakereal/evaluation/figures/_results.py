"""All that is computed from one set of predictions, each part when it is first needed."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_curve

from skfakereal._classifying.predictions import Predictions, follows
from skfakereal._validation import RandomState
from skfakereal.evaluation.figures._groups import (
    Group,
    GroupRow,
    find_groups,
    group_remarks,
    row_word,
)
from skfakereal.evaluation.figures._intervals import Intervals, compute_intervals
from skfakereal.evaluation.figures._metrics import Figures, compute_figures
from skfakereal.evaluation.figures._reliability import ReliabilityBin, reliability
from skfakereal.evaluation.figures._resamples import check_resampling


@dataclass(frozen=True)
class ImageError:
    """An image that was taken for another class.

    Parameters
    ----------
    path : str
        The image.
    label, predicted : str
        The name of its class, and of the class that it was taken for.
    probability : float
        The probability of the predicted class, from 0 to 1. With a threshold of its own, a
        classifier may predict a class below 0.5.
    """

    path: str
    label: str
    predicted: str
    probability: float


def worst_errors(predictions: Predictions) -> list[ImageError]:
    """Return all errors, the ones with the lowest probability for the true class first."""
    p = predictions
    wrong = np.flatnonzero(p.y_true != p.y_pred)
    order = np.argsort(p.y_proba[wrong, p.y_true[wrong]], kind="stable")
    return [
        ImageError(
            path=p.paths[i],
            label=p.names[p.y_true[i]],
            predicted=p.names[p.y_pred[i]],
            probability=float(p.y_proba[i, p.y_pred[i]]),
        )
        for i in wrong[order]
    ]


@dataclass(frozen=True)
class OperatingPoint:
    """The figures at a threshold.

    Parameters
    ----------
    name : {"chosen", "0.5", "oracle"}
        ``"chosen"`` is the classifier's own; ``"0.5"`` takes the more
        probable class; ``"oracle"`` is the threshold of the highest accuracy on these very
        images, found by looking at their labels: no honest choice is as good, so it shows
        only how much there was to gain.
    threshold : float
        The probability from which an image is predicted positive; NaN
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


class Results:
    """Figures, rows and intervals of predictions."""

    def __init__(
        self, predictions: Predictions, *, n_resamples: int, random_state: RandomState
    ) -> None:
        self.predictions = predictions
        self.random_state = check_resampling(n_resamples, random_state)
        self.n_resamples = int(n_resamples)
        self.figures: Figures = compute_figures(predictions)
        self.figures.remarks.extend(group_remarks(predictions))

    @cached_property
    def _groups(self) -> list[Group]:
        return find_groups(self.predictions)

    @cached_property
    def rows(self) -> list[GroupRow]:
        """The rows of the groups, by name."""
        return [group.row(self.predictions.weights) for group in self._groups]

    @property
    def weakest_first(self) -> list[GroupRow]:
        """The rows of the groups, that with the lowest accuracy first."""
        return sorted(self.rows, key=lambda row: row.figures["accuracy"])

    @cached_property
    def row_word(self) -> str:
        """What a row is called: "generator" or "group"."""
        return row_word(self.predictions)

    @cached_property
    def points(self) -> list[OperatingPoint]:
        """What comes of the chosen threshold, of 0.5, and of the oracle's."""
        return operating_points(self.predictions)

    @cached_property
    def bins(self) -> list[ReliabilityBin]:
        """The reliability curve."""
        p = self.predictions
        return reliability(p.y_true, p.y_proba, p.positive).bins(p.weights)

    @cached_property
    def intervals(self) -> Intervals:
        """The 95% intervals. A thousand resamples of 10,000 images take some seconds."""
        return compute_intervals(
            self.predictions,
            self.figures,
            self._groups,
            n_resamples=self.n_resamples,
            random_state=self.random_state,
        )
