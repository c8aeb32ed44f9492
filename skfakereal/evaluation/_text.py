"""Results -> plain text for a terminal."""

from skfakereal.evaluation._results import Results
from skfakereal.evaluation._text_table import text_table
from skfakereal.evaluation._wording import counted
from skfakereal.evaluation._words import WORDS, decimal, interval_text, spoken_keys

_MOST_GROUPS = 20


def as_text(results: Results) -> str:
    """Return the report as lines of text."""
    predictions, figures = results.predictions, results.figures
    names = predictions.names
    title = f"EvaluationReport: {counted(len(predictions.paths), 'image')}"
    if predictions.positive is not None:
        title += f", positive class {names[predictions.positive]!r}"
    table = [
        [name, *(decimal(value) for value in values), f"{count:,}"]
        for name, *values, count in figures.rows()
    ]
    matrix = [
        [name, *map(_count, row)]
        for name, row in zip(names, figures.confusion.tolist(), strict=True)
    ]
    blocks = [
        title,
        text_table([["", "precision", "recall", "f1", "n_images"], *table]),
        _overall(results),
        text_table([["", *(f"called {name}" for name in names)], *matrix]),
        _thresholds(results),
        _groups(results),
        *figures.remarks,
        *results.intervals.remarks,
    ]
    return "\n\n".join(block for block in blocks if block)


def _overall(results: Results) -> str:
    overall, intervals = results.figures.overall, results.intervals.overall
    # Precision, recall and F1 stand in the table of the classes.
    keys = [
        key
        for key in spoken_keys(results.figures)
        if key not in ("precision", "recall", "f1", "f1_macro")
    ]
    rows = [
        [WORDS[key], decimal(overall[key]), interval_text(intervals.get(key))]
        for key in keys
    ]
    return text_table([["", "value", "95 % interval"], *rows])


def _thresholds(results: Results) -> str:
    # Where the classifier takes the more probable class, there is nothing to compare.
    if results.predictions.threshold is None:
        return ""
    header = ["threshold", "value", "accuracy", "balanced", "TPR", "FPR"]
    rows = [
        [
            point.name,
            *map(
                decimal,
                (
                    point.threshold,
                    point.accuracy,
                    point.balanced_accuracy,
                    point.true_positive_rate,
                    point.false_positive_rate,
                ),
            ),
        ]
        for point in results.points
    ]
    return text_table([header, *rows])


def _groups(results: Results) -> str:
    if not results.rows:
        return ""
    keys = list(results.rows[0].figures)
    weakest = sorted(results.rows, key=lambda row: row.figures["accuracy"])
    rows = [
        [row.name, f"{row.n_images:,}", *(decimal(row.figures[key]) for key in keys)]
        for row in weakest[:_MOST_GROUPS]
    ]
    header = [results.row_word, "n_images", *(WORDS[key] for key in keys)]
    table = text_table([header, *rows])
    more = len(weakest) - len(rows)
    return table + (f"\n... and {more:,} with a higher accuracy" if more else "")


def _count(value: float) -> str:
    # With weights, the cells are sums of weights.
    return f"{value:,}" if float(value).is_integer() else f"{value:,.1f}"
