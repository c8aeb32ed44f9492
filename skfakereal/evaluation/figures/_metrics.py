"""Predictions -> figures.

One rule: a figure speaks of the classes that occur among the true labels. What is
undefined is NaN, with a sentence that says why, never a guess.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import (
    accuracy_score,
    average_precision_score,
    confusion_matrix,
    precision_recall_fscore_support,
    roc_auc_score,
    roc_curve,
)

from skfakereal._classifying.predictions import Predictions
from skfakereal._shown import printable
from skfakereal._wording import left_out
from skfakereal.evaluation.figures._reliability import expected_error, reliability

CLASS_FIGURES = ("precision", "recall", "f1")
_AVERAGES = ("macro", "weighted")


@dataclass(frozen=True)
class Figures:
    """How good predictions are."""

    overall: dict[str, float]  # the figures that are one number each, from 0 to 1, or NaN
    # For each class by name its precision, recall, F1 and number of images.
    per_class: dict[str, dict[str, float]]
    # Shape (n_classes, n_classes): images, or sums of weights, by true class (rows) and
    # predicted class (columns).
    confusion: NDArray[Any]
    remarks: list[str]  # sentences that explain what is missing

    def rows(self) -> list[tuple[str, float, float, float, int]]:
        """Return the classes and their averages as rows of a table."""
        classes = [
            (name, row["precision"], row["recall"], row["f1"], int(row["n_images"]))
            for name, row in self.per_class.items()
        ]
        n_images = sum(row[-1] for row in classes)
        for kind in _AVERAGES:
            precision, recall, f1 = (self.overall[f"{key}_{kind}"] for key in CLASS_FIGURES)
            classes.append((f"{kind} average", precision, recall, f1, n_images))
        return classes


def compute_figures(predictions: Predictions) -> Figures:
    p = predictions
    n_classes = len(p.names)
    per_class = _class_figures(p.y_true, p.y_pred, n_classes, p.weights)
    counts = np.bincount(p.y_true, minlength=n_classes)
    return Figures(
        overall=overall_figures(p.y_true, p.y_pred, p.y_proba, p.weights, p.positive),
        per_class={
            name: {key: float(per_class[key][i]) for key in CLASS_FIGURES}
            | {"n_images": int(counts[i])}
            for i, name in enumerate(p.names)
        },
        confusion=confusion_matrix(
            p.y_true,
            p.y_pred,
            labels=np.arange(n_classes),
            sample_weight=p.weights if p.weighted else None,
        ),
        remarks=_unreadable_remarks(p) + _undefined_remarks(p),
    )


def overall_figures(
    y_true: NDArray[np.intp],
    y_pred: NDArray[np.intp],
    y_proba: NDArray[np.float64],
    weights: NDArray[np.float64],
    positive: int | None,
) -> dict[str, float]:
    """Return the figures that are one number each."""
    n_classes = y_proba.shape[1]
    support = np.bincount(y_true, weights, minlength=n_classes)
    per_class = _class_figures(y_true, y_pred, n_classes, weights)
    figures = {"accuracy": float(accuracy_score(y_true, y_pred, sample_weight=weights))}
    if positive is not None:
        figures |= {key: float(per_class[key][positive]) for key in CLASS_FIGURES}

    occurs = support > 0
    asked = np.flatnonzero(occurs) if positive is None else [positive]
    ranked = [_ranking(y_true == c, y_proba[:, c], weights) for c in asked]
    figures["roc_auc"] = float(np.mean([auc for auc, _ in ranked]))
    figures["average_precision"] = float(np.mean([ap for _, ap in ranked]))

    for kind, shares in zip(_AVERAGES, (occurs.astype(float), support), strict=True):
        for key in CLASS_FIGURES:
            mean = np.average(per_class[key][occurs], weights=shares[occurs])
            figures[f"{key}_{kind}"] = float(mean)
    figures["balanced_accuracy"] = figures["recall_macro"]
    return figures | probability_figures(y_true, y_proba, weights, positive)


def _class_figures(
    y_true: NDArray[np.intp],
    y_pred: NDArray[np.intp],
    n_classes: int,
    weights: NDArray[np.float64],
) -> dict[str, NDArray[np.float64]]:
    """Return precision, recall and F1 of each class, NaN where it does not occur.

    The precision of a class that occurs but is never predicted is 0, as in scikit-learn.
    """
    figures = precision_recall_fscore_support(
        y_true,
        y_pred,
        labels=np.arange(n_classes),
        sample_weight=weights,
        average=None,
        zero_division=0.0,
    )[:3]
    occurs = np.bincount(y_true, weights, minlength=n_classes) > 0
    return {
        key: np.where(occurs, values, np.nan)
        for key, values in zip(CLASS_FIGURES, figures, strict=True)
    }


def _ranking(
    is_class: NDArray[np.bool_], score: NDArray[np.float64], weights: NDArray[np.float64]
) -> tuple[float, float]:
    """Return ROC-AUC and average precision of one class against the rest."""
    if len(np.unique(is_class[weights > 0])) < 2:
        return np.nan, np.nan
    auc = roc_auc_score(is_class, score, sample_weight=weights)
    precision = average_precision_score(is_class, score, sample_weight=weights)
    return float(auc), float(precision)


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
    table = reliability(y_true, y_proba, positive)
    figures["expected_calibration_error"] = expected_error(table, weights)
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
    # One image of 30 is 3%: no threshold could show what 1% means.
    n_negative = np.count_nonzero(~is_positive & (weights > 0))
    if n_negative * target * _ROUNDING < 1 or not weights[is_positive].any():
        return math.nan
    fpr, tpr, _ = roc_curve(
        is_positive, score, sample_weight=weights, drop_intermediate=False
    )
    return float(tpr[fpr <= target * _ROUNDING].max())


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


def _unreadable_remarks(predictions: Predictions) -> list[str]:
    lost = [path for path, _ in predictions.unreadable]
    if not lost:
        return []
    shown = ", ".join(map(printable, lost[:3])) + (
        f" and {len(lost) - 3} more" if len(lost) > 3 else ""
    )
    return [f"{left_out(len(lost))} of the figures: {shown}."]


def _undefined_remarks(predictions: Predictions) -> list[str]:
    p = predictions
    support = np.bincount(p.y_true, p.weights, minlength=len(p.names))
    remarks = [
        f"No image of class {name!r} was tested: its precision, recall and F1 are undefined, "
        "and the averages leave them out."
        for name, count in zip(p.names, support, strict=True)
        if count == 0
    ]
    if np.count_nonzero(support) < 2:
        remarks.append(
            "ROC-AUC and average precision are undefined: they need images of two classes."
        )
    remarks += few_negatives(p)
    called = np.bincount(p.y_pred, p.weights, minlength=len(p.names))
    remarks += [
        f"No image was classified as {name!r}: its precision is set to 0."
        for name, true, predicted in zip(p.names, support, called, strict=True)
        if true > 0 and predicted == 0
    ]
    return remarks


def few_negatives(p: Predictions) -> list[str]:
    """Return why true positive rates at low false positive rates are undefined, if they are."""
    if p.positive is None:
        return []
    rest = p.names[1 - p.positive]
    n_rest = np.count_nonzero((p.y_true != p.positive) & (p.weights > 0))
    short = [target for target in FPR_TARGETS if n_rest * target < 1 - 1e-9]
    if not short or n_rest == 0:
        return []
    rates = " and ".join(f"{target:.0%}" for target in short)
    needed = " and ".join(f"{round(1 / target):,}" for target in short)
    return [
        f"The true positive rate at {rates} false positives is undefined: it needs at least "
        f"{needed} images of class {rest!r}, and {n_rest:,} {'was' if n_rest == 1 else 'were'} "
        "tested."
    ]
