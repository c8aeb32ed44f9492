"""Predictions of several models -> is one more accurate than the reference?"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.stats import binomtest

from skfakereal.evaluation._predictions import Predictions


@dataclass(frozen=True)
class McNemar:
    """On how many images one of two models is right and the other is wrong.

    Parameters
    ----------
    model : str
        The model that is held against the reference.
    only_model_right, only_reference_right : int
        The images that only one of the two classifies correctly.
    p_value : float
        How often two equally accurate models would disagree as one-sidedly, or more so:
        the exact two-sided test (McNemar 1947; its binomial form, which has no need of
        many images).
    p_adjusted : float
        The same, adjusted for the number of models that are held against the reference
        (Holm 1979): if it is below 0.05 wherever a difference is claimed, the chance that
        any of the claims is wrong is below 0.05. With one model it is `p_value`.
    """

    model: str
    only_model_right: int
    only_reference_right: int
    p_value: float
    p_adjusted: float


def mcnemar_tests(known: Mapping[str, Predictions]) -> dict[str, McNemar]:
    """Test whether models are as accurate as the first of them."""
    reference, *others = known.values()
    counts = [_alone(p, reference) for p in others]
    p_values = [
        float(binomtest(mine, mine + its).pvalue) if mine + its else 1.0
        for mine, its in counts
    ]
    rows = zip(list(known)[1:], counts, p_values, holm(p_values), strict=True)
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
    found: list[float] = adjusted.tolist()
    return found
