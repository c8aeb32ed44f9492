"""How many images a target false positive rate needs."""

import math

import numpy as np
from scipy.stats import binom

_ROUNDING = 1e-9


def negatives_needed(target_fpr: float, confidence: float | None) -> int:
    """Return how many negative images it takes at least."""
    if confidence is None:
        return math.ceil(1 / target_fpr - 1 - _ROUNDING)
    return math.ceil(math.log(1 - confidence) / math.log(1 - target_fpr) - _ROUNDING)


def allowed_mistakes(n_negative: int, target_fpr: float, confidence: float | None) -> int:
    """Return how many of the negative images may lie above the threshold."""
    if confidence is None:
        return math.floor(target_fpr * (n_negative + 1) + _ROUNDING) - 1
    counts = np.arange(n_negative + 1)
    exceeded = binom.cdf(counts, n_negative, target_fpr)
    return int(np.count_nonzero(exceeded <= 1 - confidence + _ROUNDING)) - 1


def check_negatives(
    n_negative: int, target_fpr: float, confidence: float | None, name: str
) -> None:
    """Check that there are enough negative images for a target."""
    if allowed_mistakes(n_negative, target_fpr, confidence) >= 0:
        return
    certain = "" if confidence is None else f" with a confidence of {confidence:.0%}"
    needed = negatives_needed(target_fpr, confidence)
    lowest = f"; {n_negative:,} can keep {_lowest(n_negative, confidence)}"
    raise ValueError(
        f"A false positive rate of {100 * target_fpr:.4g} %{certain} needs at least "
        f"{needed:,} validation images of class {name}, got {n_negative:,}. Bring more, or "
        f"choose a higher target{lowest if n_negative else ''}."
    )


def _lowest(n_negative: int, confidence: float | None) -> str:
    """Return the lowest target that so many images allow, rounded up."""
    exact = 1 / (n_negative + 1)
    if confidence is not None:
        exact = 1 - (1 - confidence) ** (1 / n_negative)
    unit = 10.0 ** (math.floor(math.log10(exact)) - 1)
    return f"{100 * math.ceil(exact / unit - _ROUNDING) * unit:.4g} %"
