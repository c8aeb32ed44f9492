"""Predictions of several models -> how far they differ, pair by pair, and by more than chance?"""

import dataclasses
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from skfakereal._classifying.predictions import Predictions
from skfakereal.evaluation.figures._intervals import Interval
from skfakereal.evaluation.figures._resamples import (
    WeightedFigures,
    draw_weights,
    plan_resamples,
)


@dataclass(frozen=True)
class McNemar:
    """On how many images one of two models is right and the other is wrong."""

    model: str  # the model that is held against the reference
    # only_model_right and only_reference_right: the images that only one of the two
    # classifies correctly.
    only_model_right: int
    only_reference_right: int
    # How often two equally accurate models would disagree as one-sidedly, or more so: the
    # exact two-sided test (McNemar 1947; its binomial form, which has no need of many
    # images).
    p_value: float
    # The same, adjusted for the number of models that are held against the reference (Holm
    # 1979): if it is below 0.05 wherever a difference is claimed, the chance that any of
    # the claims is wrong is below 0.05. With one model it is `p_value`.
    p_adjusted: float


def mcnemar_tests(predictions: Mapping[str, Predictions]) -> dict[str, McNemar]:
    """Test whether models are as accurate as the first of them."""
    reference, *others = predictions.values()
    counts = [_alone(p, reference) for p in others]
    p_values = [
        float(binomtest(mine, mine + its).pvalue) if mine + its else 1.0
        for mine, its in counts
    ]
    rows = zip(list(predictions)[1:], counts, p_values, holm(p_values), strict=True)
    return {
        name: McNemar(name, mine, its, p_value, adjusted)
        for name, (mine, its), p_value, adjusted in rows
    }


def _alone(p: Predictions, reference: Predictions) -> tuple[int, int]:
    right, reference_right = (each.y_pred == each.y_true for each in (p, reference))
    return int(np.sum(right & ~reference_right)), int(np.sum(~right & reference_right))


def holm(p_values: list[float]) -> list[float]:
    """Adjust p-values for their number by Holm's step-down method (1979, Scand. J. Stat. 6(2))."""
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p, kind="stable")
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(stepped, 1)
    p_adjusted: list[float] = adjusted.tolist()
    return p_adjusted


@dataclass(frozen=True)
class Difference:
    """How a figure of a model differs from the reference's."""

    model: str  # the model
    figure: str  # the key of the figure
    difference: float  # its value less the reference's; NaN where one of them is undefined
    # 95% interval of the difference, from resamples that both models share.
    interval: Interval

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves 0 out: chance alone hardly makes such a difference."""
        low, high = self.interval
        return low > 0 or high < 0


def common_images(
    predictions: Mapping[str, Predictions],
) -> tuple[dict[str, Predictions], list[str]]:
    """Return the predictions of the images that all models have read, in one order."""
    names = list(predictions)
    first = predictions[names[0]]
    rows = {name: _places(name, p, first) for name, p in predictions.items()}
    shared = [image for image in rows[names[0]] if all(image in r for r in rows.values())]
    if not shared:
        raise ValueError("The reports share no image: compare models on the same images.")
    aligned = {
        name: _take(p, np.array([rows[name][image] for image in shared]))
        for name, p in predictions.items()
    }
    one = aligned[names[0]]
    for name in names[1:]:
        _check_same(names[0], one, name, aligned[name])
    most = max(len(p.paths) for p in predictions.values())
    if len(shared) == most:
        return aligned, []
    left_out = most - len(shared)
    return aligned, [
        f"{left_out:,} of {most:,} images were not classified by every model and are left out."
    ]


# An image is known by its path and by how often the path came before.
_Key = tuple[str, int]


def _places(name: str, p: Predictions, first: Predictions) -> dict[_Key, int]:
    if p.classes.tolist() != first.classes.tolist() or p.names != first.names:
        raise ValueError(
            f"The reports must be about the same classes, got {list(first.names)} and, for "
            f"{name!r}, {list(p.names)}."
        )
    if p.positive != first.positive:
        raise ValueError(
            f"The reports must have the same positive class, but {name!r} has another."
        )
    seen: dict[str, int] = defaultdict(int)
    places = {}
    for i, path in enumerate(p.paths):
        places[path, seen[path]] = i
        seen[path] += 1
    return places


def _check_same(one_name: str, one: Predictions, name: str, other: Predictions) -> None:
    wrong = np.flatnonzero(one.y_true != other.y_true)
    if len(wrong):
        i = int(wrong[0])
        raise ValueError(
            f"The reports must agree on the labels, but image {one.paths[i]!r} is "
            f"{one.names[one.y_true[i]]!r} for {one_name!r} and "
            f"{other.names[other.y_true[i]]!r} for {name!r}."
        )
    if not np.allclose(one.weights, other.weights):
        raise ValueError(
            f"The reports must weigh the images alike, but {one_name!r} and {name!r} do not."
        )


def _take(p: Predictions, rows: NDArray[np.intp]) -> Predictions:
    return dataclasses.replace(
        p,
        paths=[p.paths[i] for i in rows],
        y_true=p.y_true[rows],
        y_pred=p.y_pred[rows],
        y_proba=p.y_proba[rows],
        weights=p.weights[rows],
        groups=None if p.groups is None else p.groups[rows],
        generators=None if p.generators is None else p.generators[rows],
        unreadable=[],
    )


def find_differences(
    predictions: Mapping[str, Predictions],
    values: Mapping[str, Mapping[str, float]],
    *,
    n_resamples: int,
    random_state: int,
) -> list[Difference]:
    """Compute how the figures of each model differ from those of the first.

    Every resample is drawn once and given to all models (paired bootstrap): what makes an
    image hard for all of them cancels out.
    """
    reference, *others = predictions
    one = next(
        (p for p in predictions.values() if p.groups is not None), predictions[reference]
    )
    engines = {name: WeightedFigures(p) for name, p in predictions.items()}
    drawn: dict[tuple[str, str], list[NDArray[np.float64]]] = defaultdict(list)
    with threadpool_limits(1, user_api="blas"):  # as in `_intervals`
        for weights in draw_weights(
            plan_resamples(one), one.weights, n_resamples, random_state
        ):
            figures = {name: engine(weights) for name, engine in engines.items()}
            for name in others:
                for key in values[name]:
                    if (key,) in figures[name]:
                        drawn[name, key].append(
                            figures[name][(key,)] - figures[reference][(key,)]
                        )
    return [
        _difference(name, key, value - values[reference][key], drawn[name, key])
        for name in others
        for key, value in values[name].items()
    ]


def _difference(
    name: str, key: str, value: float, drawn: list[NDArray[np.float64]]
) -> Difference:
    if np.isnan(value) or not drawn:
        return Difference(name, key, value, (np.nan, np.nan))
    low, high = np.nanquantile(np.concatenate(drawn), (0.025, 0.975))
    if key == "expected_calibration_error":  # resamples exaggerate it, see `_intervals`
        low, high = 2 * value - high, 2 * value - low
    return Difference(name, key, value, (float(low), float(high)))
