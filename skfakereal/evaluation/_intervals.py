"""Predictions -> 95 % intervals of their figures, by bootstrap.

An interval reaches from the 2.5 % to the 97.5 % quantile of the resamples' figures (the
percentile interval, Efron and Tibshirani 1993, chapter 13). The calibration error is the
exception: resampled images are further from calibration than those they are drawn from,
so its percentiles lie too high. Its interval is mirrored (the basic interval, Davison and
Hinkley 1997, section 5.2), and begins at 0 where even perfect calibration may show as much.

Images without an error have none in any resample either, which does not mean that there are
none: the interval of such a share is the exact one (Clopper and Pearson 1934).
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from skfakereal.evaluation._groups import Group
from skfakereal.evaluation._metrics import Figures
from skfakereal.evaluation._predictions import Predictions
from skfakereal.evaluation._reliability import chance_error, reliability
from skfakereal.evaluation._resamples import draw_weights, plan_resamples
from skfakereal.evaluation._weighted_figures import WeightedFigures

__all__ = ["Interval", "Intervals", "compute_intervals", "quantile_interval"]

_QUANTILES = (0.025, 0.975)
_CALIBRATION = "expected_calibration_error"

_EXACT = (
    "Where no image was misclassified, or every one, resamples cannot differ: the interval of "
    "that share is the exact one of Clopper and Pearson, and other figures may have none."
)

Interval = tuple[float, float]


@dataclass(frozen=True)
class Intervals:
    """The 95 % intervals of all figures.

    Parameters
    ----------
    overall : dict of str to (float, float)
        Lower and upper end for each figure of the report; NaN where there is none.
    per_class, per_group : dict of str to dict
        The same for each class and for each group, by name.
    remarks : list of str
        What to know about them.
    n_resamples : int
        How many resamples they are made from.
    """

    overall: dict[str, Interval]
    per_class: dict[str, dict[str, Interval]] = field(default_factory=dict)
    per_group: dict[str, dict[str, Interval]] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    n_resamples: int = 0


def compute_intervals(
    predictions: Predictions,
    figures: Figures,
    groups: Sequence[Group],
    *,
    n_resamples: int,
    random_state: int,
) -> Intervals:
    """Resample the images and return how far the figures vary.

    Parameters
    ----------
    predictions : Predictions
        The predictions.
    figures : Figures
        Their figures.
    groups : sequence of Group
        The groups that have rows.
    n_resamples : int
        How many resamples. None are drawn for 0, and there are no intervals.
    random_state : int
        Seed of the draw.

    Returns
    -------
    Intervals
        The intervals.
    """
    p = predictions
    if n_resamples == 0:
        return Intervals({})
    plan = plan_resamples(p)
    engine = WeightedFigures(p)
    drawn: dict[tuple[str, ...], list[NDArray[np.float64]]] = defaultdict(list)
    # On a busy machine BLAS's threads wait for each other: 900 ms a product, in place of 2.
    with threadpool_limits(1, user_api="blas"):
        for weights in draw_weights(plan, p.weights, n_resamples, random_state):
            for key, values in engine(weights).items():
                drawn[key].append(values)
            for group in groups:
                for name, values in group(weights).items():
                    drawn["group", group.name, name].append(values)
    found = {key: quantile_interval(np.concatenate(v)) for key, v in drawn.items()}

    known = reliability(p.y_true, p.y_proba, p.positive)
    by_chance = chance_error(known, p.weights, random_state)
    error = figures.overall[_CALIBRATION]
    found[(_CALIBRATION,)] = _mirrored(found[(_CALIBRATION,)], error, by_chance)

    exact = {
        key: _exact(share, len(np.unique(plan.unit[rows])))
        for key, (share, rows) in _shares(p, figures, groups).items()
        if key in found and np.isnan(found[key][0]) and share in (0, 1)
    }
    found |= exact

    none = (np.nan, np.nan)
    return Intervals(
        overall={
            key: none if np.isnan(value) else found.get((key,), none)
            for key, value in figures.overall.items()
        },
        per_class={
            name: {key: found[name, key] for key in ("precision", "recall", "f1")}
            for name in p.names
        },
        per_group={group.name: _of_group(found, group.name) for group in groups},
        remarks=[
            *plan.remarks,
            *([_EXACT] if exact else []),
            *_calibration_remark(error, by_chance),
        ],
        n_resamples=n_resamples,
    )


def _of_group(found: Mapping[tuple[str, ...], Any], name: str) -> dict[str, Interval]:
    return {
        key[2]: interval
        for key, interval in found.items()
        if len(key) == 3 and key[1] == name
    }


def _shares(
    p: Predictions, figures: Figures, groups: Sequence[Group]
) -> dict[tuple[str, ...], tuple[float, NDArray[np.intp]]]:
    """Return the figures that are a share of images, with these images."""
    everything = np.arange(len(p.paths))
    shares: dict[tuple[str, ...], tuple[float, NDArray[np.intp]]] = {
        (key,): (figures.overall[key], everything)
        for key in ("accuracy", "accuracy_at_0.5")
        if key in figures.overall
    }
    for c, name in enumerate(p.names):
        recall = figures.per_class[name]["recall"]
        shares[name, "recall"] = recall, np.flatnonzero(p.y_true == c)
    if p.positive is not None:
        shares[("recall",)] = shares[p.names[p.positive], "recall"]
    for group in groups:
        accuracy = group.row(p.weights).figures["accuracy"]
        shares["group", group.name, "accuracy"] = accuracy, group.own
    return shares


def _exact(share: float, n_units: int) -> Interval:
    ends = binomtest(round(share * n_units), n_units).proportion_ci(method="exact")
    return float(ends.low), float(ends.high)


def quantile_interval(resampled: NDArray[np.float64]) -> Interval:
    """Return the middle 95 % of what the resamples gave.

    Parameters
    ----------
    resampled : ndarray of shape (n_resamples,)
        A figure of each resample; NaN where it is undefined.

    Returns
    -------
    tuple of (float, float)
        NaN where more than a few resamples are undefined, or all are equal: resamples that
        never differ tell nothing about other images.
    """
    defined = resampled[~np.isnan(resampled)]
    if len(defined) < 0.95 * len(resampled) or np.ptp(defined) < 1e-12:
        return np.nan, np.nan
    low, high = np.quantile(defined, _QUANTILES)
    return float(low), float(high)


def _mirrored(interval: Interval, error: float, by_chance: float) -> Interval:
    low, high = (min(max(2 * error - end, 0.0), 1.0) for end in reversed(interval))
    return (0.0 if error <= by_chance else low), high


def _calibration_remark(error: float, by_chance: float) -> list[str]:
    if error > by_chance:
        return []
    return [
        f"The calibration error of {error:.3f} is no more than chance: on as few images, a "
        f"perfectly calibrated classifier shows up to {by_chance:.3f}."
    ]
