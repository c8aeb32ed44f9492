"""Results -> the tables of a page: figures of all images, of classes, thresholds and groups."""

from skfakereal._pages.html import Html, table
from skfakereal._wording import WORDS, decimal, interval_text
from skfakereal.evaluation.figures._intervals import Interval
from skfakereal.evaluation.figures._metrics import CLASS_FIGURES
from skfakereal.evaluation.figures._results import Results
from skfakereal.evaluation.report._as_data import spoken_keys

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
        for key in spoken_keys(results.figures)
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
        for row in sorted(results.rows, key=lambda row: row.figures["accuracy"])
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
