"""Results -> the tables of an HTML page."""

from skfakereal._html import Html, table
from skfakereal.evaluation._intervals import Interval
from skfakereal.evaluation._metrics import CLASS_FIGURES
from skfakereal.evaluation._results import Results
from skfakereal.evaluation._words import (
    MEANINGS,
    WORDS,
    decimal,
    interval_text,
    spoken_keys,
)

_POINTS = {
    "chosen": "in use: what the classifier decides by",
    "0.5": "0.5: the more probable class",
    "oracle": "oracle: the best on these very images",
}


def figure_table(results: Results) -> Html:
    """Return all overall figures, with intervals and meanings."""
    p, overall = results.predictions, results.figures.overall
    name, rest = "of the class", "other"
    if p.positive is not None:
        name, rest = p.names[p.positive], p.names[1 - p.positive]
    rows = [
        [
            WORDS[key],
            overall[key],
            unbroken(interval_text(results.intervals.overall.get(key))),
            MEANINGS[key].format(name=name, rest=rest),
        ]
        for key in spoken_keys(results.figures)
    ]
    return table(rows, ["figure", "value", "95 % interval", "what it means"])


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


def confusion_table(results: Results) -> Html:
    """Return how many images of each class were called what."""
    names = results.predictions.names
    rows = [
        [name, *row]
        for name, row in zip(names, results.figures.confusion.tolist(), strict=True)
    ]
    return table(rows, ["in truth", *(f"called {name}" for name in names)])


def threshold_table(results: Results) -> Html:
    """Return what comes of each threshold."""
    p = results.predictions
    assert p.positive is not None
    name, rest = p.names[p.positive], p.names[1 - p.positive]
    rows = [
        [
            _POINTS[point.name],
            point.threshold,
            point.accuracy,
            point.balanced_accuracy,
            point.true_positive_rate,
            point.false_positive_rate,
        ]
        for point in results.points
        # Most classifiers decide by 0.5: once is enough.
        if point.name != "0.5" or results.points[0].threshold != 0.5
    ]
    header = ["threshold", "value", "accuracy", "balanced accuracy"]
    return table(rows, [*header, f"{name} found", f"{rest} called {name}"])


def group_table(results: Results) -> Html:
    """Return the figures of each group, the weakest first."""
    p, intervals = results.predictions, results.intervals.per_group
    keys = list(results.rows[0].figures)
    counts = (
        ["images"] if p.positive is None else ["images", f"of them {p.names[p.positive]}"]
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
        for row in sorted(results.rows, key=lambda row: row.figures["accuracy"])
    ]
    return table(rows, [results.row_word, *counts, *(WORDS[key] for key in keys)])


def reliability_table(results: Results) -> Html:
    """Return what was said and what was so, bin by bin."""
    rows = [
        [f"{b.low:.1f} to {b.high:.1f}", b.n_images, b.mean_probability, b.share]
        for b in results.bins
    ]
    return table(rows, ["probability", "images", "said, on average", "share that is so"])


def with_interval(value: float, interval: Interval | None) -> str | float:
    """Return the cell of a figure."""
    ends = interval_text(interval)
    return f"{decimal(value)} ({unbroken(ends)})" if ends else value


def unbroken(text: str) -> str:
    """Return text that is not broken into lines."""
    return text.replace(" ", "\N{NO-BREAK SPACE}")
