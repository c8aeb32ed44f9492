"""Predictions -> figures.

One rule: a figure speaks of the classes that occur among the true labels. What is
undefined is NaN, with a sentence that says why, never a guess.
"""

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
)

from skfakereal.evaluation._predictions import Predictions
from skfakereal.evaluation._probability_figures import probability_figures
from skfakereal.evaluation._remarks import remarks_on

CLASS_FIGURES = ("precision", "recall", "f1")
_AVERAGES = ("macro", "weighted")


@dataclass(frozen=True)
class Figures:
    """How good predictions are.

    Parameters
    ----------
    overall : dict of str to float
        The figures that are one number each, from 0 to 1, or NaN.
    per_class : dict of str to dict
        For each class by name its precision, recall, F1 and number of images.
    confusion : ndarray of shape (n_classes, n_classes)
        Images, or sums of weights, by true class (rows) and predicted class (columns).
    remarks : list of str
        Sentences that explain what is missing.
    """

    overall: dict[str, float]
    per_class: dict[str, dict[str, float]]
    confusion: NDArray[Any]
    remarks: list[str]

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
    """Return all figures."""
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
        remarks=remarks_on(p),
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
