"""Results -> plain numbers, texts and lists, which JSON knows; it has no NaN."""

import dataclasses
import math
from typing import Any

from skfakereal.evaluation._results import Results


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


def without_nan(value: Any) -> Any:
    """Return the same with None for NaN and lists for tuples."""
    if isinstance(value, dict):
        return {key: without_nan(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(inner) for inner in value]
    return None if isinstance(value, float) and math.isnan(value) else value
