"""Figures -> plain text for a terminal."""

import math
from collections.abc import Sequence

from skfakereal.evaluation._metrics import Figures
from skfakereal.evaluation._predictions import Predictions
from skfakereal.evaluation._wording import counted

__all__ = ["as_text", "headline"]

_WORDS = {
    "accuracy": "accuracy",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "f1_macro": "F1",
    "roc_auc": "ROC-AUC",
    "average_precision": "average precision",
}


def headline(figures: Figures) -> list[tuple[str, float]]:
    """Return the few figures that come first, each with its name in words.

    Parameters
    ----------
    figures : Figures
        All figures.

    Returns
    -------
    list of (str, float)
        Names and values.
    """
    double = "f1_macro" if "f1" in figures.overall else "f1"
    return [
        (word, figures.overall[key])
        for key, word in _WORDS.items()
        if key in figures.overall and key != double
    ]


def as_text(predictions: Predictions, figures: Figures) -> str:
    """Return the report as lines of text.

    Parameters
    ----------
    predictions : Predictions
        The predictions.
    figures : Figures
        Their figures.

    Returns
    -------
    str
        A table like scikit-learn's classification report, the overall figures, the
        confusion matrix, and the remarks.
    """
    names = predictions.names
    title = f"EvaluationReport: {counted(len(predictions.paths), 'image')}"
    if predictions.positive is not None:
        title += f", positive class {names[predictions.positive]!r}"
    table = [
        [name, *(_decimal(value) for value in values), f"{count:,}"]
        for name, *values, count in figures.rows()
    ]
    overall = "    ".join(
        f"{_WORDS[key]} {_decimal(figures.overall[key])}"
        for key in ("accuracy", "roc_auc", "average_precision")
    )
    matrix = [
        [name, *map(_count, row)]
        for name, row in zip(names, figures.confusion.tolist(), strict=True)
    ]
    blocks = [
        title,
        _aligned([["", "precision", "recall", "f1", "n_images"], *table]),
        overall,
        _aligned([["", *(f"called {name}" for name in names)], *matrix]),
        *figures.remarks,
    ]
    return "\n\n".join(blocks)


def _decimal(value: float) -> str:
    return "nan" if math.isnan(value) else f"{value:.3f}"


def _count(value: float) -> str:
    # With weights, the cells are sums of weights.
    return f"{value:,}" if float(value).is_integer() else f"{value:,.1f}"


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "    ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )
