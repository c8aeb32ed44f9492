"""Results -> tables: of a terminal, of a page, of pandas, and what JSON knows."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from skfakereal._pages.html import Html, table
from skfakereal._pages.report import make_frame, without_nan
from skfakereal._wording import (
    WORDS,
    counted,
    decimal,
    interval_text,
    spoken_keys,
    text_table,
)
from skfakereal.evaluation.figures._intervals import Interval
from skfakereal.evaluation.figures._metrics import CLASS_FIGURES, Figures
from skfakereal.evaluation.figures._results import Results

if TYPE_CHECKING:
    import pandas as pd


def headline(figures: Figures) -> list[tuple[str, str, float]]:
    """Return the few figures that come first: key, name in words, and value."""
    shown = [key for key in spoken_keys(figures.overall) if key in _HEADLINE]
    return [(key, WORDS[key], figures.overall[key]) for key in shown]


_HEADLINE = (
    "accuracy",
    "precision",
    "recall",
    "f1",
    "f1_macro",
    "roc_auc",
    "average_precision",
)


def as_json(results: Results) -> dict[str, Any]:
    """Return everything that was computed."""
    p, figures = results.predictions, results.figures
    everything = {
        **figures.overall,
        "per_class": figures.per_class,
        "per_group": {row.name: row.as_dict() for row in results.rows},
        "confusion_matrix": figures.confusion.tolist(),
        "operating_points": [dataclasses.asdict(point) for point in results.points],
        "reliability": [dataclasses.asdict(each) for each in results.bins],
        "intervals": dataclasses.asdict(results.intervals),
        "remarks": list(figures.remarks),
        "n_images": len(p.paths),
        "classes": list(p.names),
        "positive_class": None if p.positive is None else p.names[p.positive],
        "threshold": p.threshold,
        "unreadable": [path for path, _ in p.unreadable],
    }
    plain: dict[str, Any] = without_nan(everything)
    return plain


_NONE = (np.nan, np.nan)


def results_frame(results: Results, kind: str) -> "pd.DataFrame":
    """Return one of the tables of a report."""
    if kind not in _TABLES:
        raise ValueError(f"kind must be one of {tuple(_TABLES)}, got {kind!r}.")
    return _TABLES[kind](results)


def _classes(results: Results) -> "pd.DataFrame":
    rows = results.figures.rows()
    return make_frame(
        [row[1:] for row in rows], [row[0] for row in rows], [*CLASS_FIGURES, "n_images"]
    )


def _figures(results: Results) -> "pd.DataFrame":
    overall, intervals = results.figures.overall, results.intervals.overall
    rows = [[value, *intervals.get(key, _NONE)] for key, value in overall.items()]
    return make_frame(rows, list(overall), ["value", "low", "high"])


def _groups(results: Results) -> "pd.DataFrame":
    keys = list(results.rows[0].figures) if results.rows else []
    columns = [f"{key}{end}" for key in keys for end in ("", "_low", "_high")]
    rows = []
    for row in results.rows:
        intervals: Mapping[str, Interval] = results.intervals.per_group.get(row.name, {})
        cells = [(row.figures[key], *intervals.get(key, _NONE)) for key in keys]
        rows.append([row.n_images, row.n_positive, *(v for cell in cells for v in cell)])
    names = [row.name for row in results.rows]
    return make_frame(rows, names, ["n_images", "n_positive", *columns])


def _thresholds(results: Results) -> "pd.DataFrame":
    columns = ["threshold", "accuracy", "balanced_accuracy"]
    columns += ["true_positive_rate", "false_positive_rate"]
    rows = [[getattr(point, column) for column in columns] for point in results.points]
    return make_frame(rows, [point.name for point in results.points], columns)


def _reliability(results: Results) -> "pd.DataFrame":
    rows = [dataclasses.astuple(each) for each in results.bins]
    names = [f"{each.low:g} to {each.high:g}" for each in results.bins]
    return make_frame(rows, names, ["low", "high", "n_images", "mean_probability", "share"])


_TABLES: dict[str, Callable[[Results], "pd.DataFrame"]] = {
    "classes": _classes,
    "figures": _figures,
    "groups": _groups,
    "thresholds": _thresholds,
    "reliability": _reliability,
}


_MOST_GROUPS = 20


def as_text(results: Results) -> str:
    """Return the report as lines of text."""
    predictions, figures = results.predictions, results.figures
    names = predictions.names
    title = f"EvaluationReport: {counted(len(predictions.paths), 'image')}"
    if predictions.positive is not None:
        title += f", positive class {names[predictions.positive]!r}"
    classes = [
        [name, *(decimal(value) for value in values), f"{count:,}"]
        for name, *values, count in figures.rows()
    ]
    matrix = [
        [name, *map(_count, row)]
        for name, row in zip(names, figures.confusion.tolist(), strict=True)
    ]
    blocks = [
        title,
        text_table([["", "precision", "recall", "f1", "n_images"], *classes]),
        _overall_text(results),
        text_table([["", *(f"predicted {name}" for name in names)], *matrix]),
        _threshold_text(results),
        _group_text(results),
        *figures.remarks,
        *results.intervals.remarks,
    ]
    return "\n\n".join(block for block in blocks if block)


def _overall_text(results: Results) -> str:
    overall, intervals = results.figures.overall, results.intervals.overall
    # Precision, recall and F1 stand in the table of the classes.
    keys = [
        key
        for key in spoken_keys(overall)
        if key not in ("precision", "recall", "f1", "f1_macro")
    ]
    rows = [
        [WORDS[key], decimal(overall[key]), interval_text(intervals.get(key))]
        for key in keys
    ]
    return text_table([["", "value", "95% interval"], *rows])


def _threshold_text(results: Results) -> str:
    # Where the classifier takes the more probable class, there is nothing to compare.
    if results.predictions.threshold is None:
        return ""
    header = ["threshold", "value", "accuracy", "balanced", "TPR", "FPR"]
    points = map(dataclasses.astuple, results.points)
    rows = [[name, *map(decimal, figures)] for name, *figures in points]
    return text_table([header, *rows])


def _group_text(results: Results) -> str:
    if not results.rows:
        return ""
    keys = list(results.rows[0].figures)
    weakest = results.weakest_first
    rows = [
        [row.name, f"{row.n_images:,}", *(decimal(row.figures[key]) for key in keys)]
        for row in weakest[:_MOST_GROUPS]
    ]
    header = [results.row_word, "n_images", *(WORDS[key] for key in keys)]
    lines, more = text_table([header, *rows]), len(weakest) - len(rows)
    return lines + (f"\n... and {more:,} with a higher accuracy" if more else "")


def _count(value: float) -> str:
    # With weights, the cells are sums of weights.
    return f"{value:,}" if float(value).is_integer() else f"{value:,.1f}"


_POINTS = {
    "chosen": "in use by the classifier",
    "0.5": "0.5: the more probable class",
    "oracle": "oracle: the best on these images",
}


def figure_table(results: Results) -> Html:
    """Return all overall figures, with intervals."""
    overall, intervals = results.figures.overall, results.intervals.overall
    rows = [
        [WORDS[key], overall[key], unbroken(interval_text(intervals.get(key)))]
        for key in spoken_keys(overall)
    ]
    return table(rows, ["figure", "value", "95% interval"])


def class_table(results: Results) -> Html:
    """Return precision, recall and F1 of each class."""
    intervals = results.intervals.per_class
    rows = [
        [
            name,
            *(
                with_interval(value, intervals.get(name, {}).get(key))
                for key, value in zip(CLASS_FIGURES, values, strict=True)
            ),
            count,
        ]
        for name, *values, count in results.figures.rows()
    ]
    return table(rows, ["class", "precision", "recall", "F1", "images"])


def threshold_table(results: Results) -> Html:
    """Return the figures at each threshold."""
    p = results.predictions
    assert p.positive is not None
    name, rest = p.names[p.positive], p.names[1 - p.positive]
    rows = [
        [_POINTS[kind], *figures]
        for kind, *figures in map(dataclasses.astuple, results.points)
        # Most classifiers decide by 0.5: once is enough.
        if kind != "0.5" or results.points[0].threshold != 0.5
    ]
    header = ["threshold", "value", "accuracy", "balanced accuracy"]
    return table(rows, [*header, f"{name} detected (TPR)", f"{rest} misclassified (FPR)"])


def group_table(results: Results) -> Html:
    """Return the figures of each group, the weakest first."""
    p, intervals = results.predictions, results.intervals.per_group
    keys = list(results.rows[0].figures)
    counts = (
        ["images"] if p.positive is None else ["images", f"{p.names[p.positive]} images"]
    )
    rows = [
        [
            row.name,
            row.n_images,
            *([] if p.positive is None else [row.n_positive]),
            *(
                with_interval(row.figures[key], intervals.get(row.name, {}).get(key))
                for key in keys
            ),
        ]
        for row in results.weakest_first
    ]
    return table(rows, [results.row_word, *counts, *(WORDS[key] for key in keys)])


def reliability_table(results: Results) -> Html:
    """Return predicted probabilities and observed shares, bin by bin."""
    rows = [
        [f"{b.low:.1f} to {b.high:.1f}", b.n_images, b.mean_probability, b.share]
        for b in results.bins
    ]
    return table(
        rows, ["probability", "images", "mean predicted probability", "observed share"]
    )


def with_interval(value: float, interval: Interval | None) -> str | float:
    """Return the cell of a figure."""
    ends = interval_text(interval)
    return f"{decimal(value)} ({unbroken(ends)})" if ends else value


def unbroken(text: str) -> str:
    """Return text that is not broken into lines."""
    return text.replace(" ", "\N{NO-BREAK SPACE}")
