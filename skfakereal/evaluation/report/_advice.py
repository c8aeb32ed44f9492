"""Results -> what to do next, for a reader who is new to the field."""

import numpy as np

from skfakereal._wording import counted
from skfakereal.evaluation.figures._results import Results

_WIDE = 0.1  # an interval of the accuracy that leaves a good and a poor detector open
_MANY_ACCUSED = 0.05
_MISLEADING = 0.05  # a calibration error that a reader of probabilities would notice
_WEAK = 0.1
_BLIND = 0.5  # the ROC-AUC of a classifier that does not look


def next_steps(results: Results) -> list[str]:
    """Return what the figures ask for."""
    by_chance = _chance(results)
    # Neither a threshold nor calibration helps a ranking that is no better than chance.
    mendable = [] if by_chance else [*_threshold(results), *_calibration(results)]
    return [
        *by_chance,
        *_more_images(results),
        *mendable,
        *_weak_groups(results),
        "Look at the worst errors: do they share something that the training images lack?",
        "Before you rely on these figures, make sure that format or size do not give the class "
        "away (skfakereal audit), and test images that were saved again or shrunk (skfakereal "
        "robustness) and fakes from a generator that was not in the training images.",
    ]


def _chance(results: Results) -> list[str]:
    low, high = results.intervals.overall.get("roc_auc", (np.nan, np.nan))
    if not low <= _BLIND:
        return []
    return [
        f"Do not use this model yet: its ROC-AUC of {results.figures.overall['roc_auc']:.2f} "
        f"({low:.2f} to {high:.2f}) may be chance, and no threshold changes that. Train on more "
        "images, or with other weights or another image size, or test on more images."
    ]


def _more_images(results: Results) -> list[str]:
    low, high = results.intervals.overall.get("accuracy", (np.nan, np.nan))
    n_images = len(results.predictions.paths)
    if not (high - low > _WIDE or n_images < 100):
        return []
    return [
        f"Test more images: with {counted(n_images, 'image')} the intervals are so wide that the "
        "model may be much better or worse than this result."
    ]


def _threshold(results: Results) -> list[str]:
    p = results.predictions
    # No number: something else than 0.5 decided, such as a threshold for each fold.
    if (
        p.positive is None
        or p.threshold is not None
        or np.isnan(results.points[0].threshold)
    ):
        return []
    name, rest = p.names[p.positive], p.names[1 - p.positive]
    fpr = results.points[0].false_positive_rate
    if not fpr > _MANY_ACCUSED:
        return []
    return [
        f"{fpr:.0%} of the {rest} images are classified as {name}. If that is too many, choose "
        "a higher threshold: skfakereal train --target-fpr 0.01, or "
        "skfakereal.thresholds.tune_threshold(..., target_fpr=0.01)."
    ]


def _calibration(results: Results) -> list[str]:
    key = "expected_calibration_error"
    error, (low, _) = (
        results.figures.overall[key],
        results.intervals.overall.get(key, (0, 0)),
    )
    if error < _MISLEADING or not low > 0:
        return []
    return [
        f"Probabilities are off by {error:.2f} on average. If you show them or compute with them, "
        'calibrate: skfakereal.thresholds.tune_threshold(..., calibration="sigmoid").'
    ]


def _weak_groups(results: Results) -> list[str]:
    overall = results.figures.overall["accuracy"]
    intervals = results.intervals.per_group
    weak = [
        row
        for row in results.weakest_first
        if intervals.get(row.name, {}).get("accuracy", (0, 1))[1] < overall - _WEAK
    ]
    if not weak:
        return []
    named = ", ".join(f"{r.name!r} ({r.figures['accuracy']:.0%})" for r in weak[:3])
    more = f" and {len(weak) - 3:,} more" if len(weak) > 3 else ""
    return [f"Train on more images of the weakest groups: {named}{more}."]
