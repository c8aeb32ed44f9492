"""Results -> tables of pandas."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from skfakereal.evaluation._intervals import Interval
from skfakereal.evaluation._metrics import CLASS_FIGURES
from skfakereal.evaluation._results import Results

if TYPE_CHECKING:
    import pandas as pd

_NONE = (np.nan, np.nan)


def make_frame(
    rows: Sequence[Sequence[Any]], index: Sequence[str] | None, columns: Sequence[str]
) -> "pd.DataFrame":
    """Return a table of pandas, if that is installed."""
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError(
            "to_frame needs pandas: pip install pandas. Without it, to_dict() holds the "
            "same figures."
        ) from error
    return pd.DataFrame([list(row) for row in rows], index=index, columns=columns)


def results_frame(results: Results, kind: str) -> "pd.DataFrame":
    """Return one of the tables of a report."""
    if kind not in _TABLES:
        raise ValueError(f"kind must be one of {FRAMES}, got {kind!r}.")
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
FRAMES = tuple(_TABLES)
