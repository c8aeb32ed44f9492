"""Probabilities of validation images -> a threshold."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binom
from sklearn.metrics import roc_curve

from skfakereal._classifying.classes import positive_scores
from skfakereal.thresholds._results import ThresholdChoice

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
    needed = negatives_needed(target_fpr, confidence)
    lowest = f"; {n_negative:,} can keep {_lowest(n_negative, confidence)}"
    raise ValueError(
        f"A false positive rate of {_told(target_fpr, confidence)} needs at least "
        f"{needed:,} images of class {name} to choose it on, got {n_negative:,}. Use more, or "
        f"choose a higher target{lowest if n_negative else ''}."
    )


def _told(target_fpr: float, confidence: float | None) -> str:
    certain = "" if confidence is None else f" with a confidence of {confidence:.0%}"
    return f"{100 * target_fpr:.4g}%{certain}"


def reason_of(target_fpr: float, confidence: float | None) -> str:
    """Return in words what a threshold keeps to."""
    return f"a false positive rate of at most {_told(target_fpr, confidence)}"


def _lowest(n_negative: int, confidence: float | None) -> str:
    """Return the lowest target that so many images allow, rounded up."""
    exact = 1 / (n_negative + 1)
    if confidence is not None:
        exact = 1 - (1 - confidence) ** (1 / n_negative)
    unit = 10.0 ** (math.floor(math.log10(exact)) - 1)
    return f"{100 * math.ceil(exact / unit - _ROUNDING) * unit:.4g}%"


@dataclass(frozen=True)
class Candidates:
    """The thresholds from the strictest to the most lenient."""

    # Shape (n_thresholds,): each lies halfway between two neighbouring probabilities, so
    # that a rounding elsewhere does not turn a verdict; the first is above all of them.
    threshold: NDArray[np.float64]
    # n_true and n_false: shape (n_thresholds,): how many positive and how many other images
    # have a probability above it.
    n_true: NDArray[np.intp]
    n_false: NDArray[np.intp]

    @classmethod
    def find(cls, is_positive: NDArray[np.bool_], score: NDArray[np.float64]) -> Self:
        fpr, tpr, at = roc_curve(is_positive, score, drop_intermediate=False)
        between = halfway(np.append(at[2:], 0.0), at[1:])
        above_all = (at[1] + 1) / 2 if at[1] < 1 else np.nextafter(1, 2)
        n_positive = int(is_positive.sum())
        return cls(
            threshold=np.concatenate([[above_all], between]),
            n_true=np.rint(tpr * n_positive).astype(np.intp),
            n_false=np.rint(fpr * (len(score) - n_positive)).astype(np.intp),
        )


def halfway(below: NDArray[np.float64], above: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return a threshold between neighbours, which may have no number between them."""
    middle = (below + above) / 2
    return np.where(middle > below, middle, above)


_COSTS = {"false_positive", "false_negative"}


@dataclass(frozen=True)
class Aim:
    """What a threshold is to be chosen for, as `choose_threshold` takes it."""

    target_fpr: float | None
    confidence: float | None
    costs: Mapping[str, float] | None
    prevalence: float | None

    def check(self) -> None:
        """Check that each is in its range, and that they go together."""
        for name in ("target_fpr", "confidence", "prevalence"):
            share = getattr(self, name)
            if share is not None and not 0 < share < 1:
                raise ValueError(f"{name} must lie between 0 and 1, got {share}.")
        if self.target_fpr is not None and self.costs is not None:
            raise ValueError(
                "Choose by target_fpr or by costs, not by both. Leave one out."
            )
        if self.confidence is not None and self.target_fpr is None:
            raise ValueError("confidence needs target_fpr. Pass both, or neither.")
        if self.prevalence is not None and self.costs is None:
            raise ValueError("prevalence needs costs. Pass both, or neither.")
        if self.costs is not None and (
            not isinstance(self.costs, Mapping)
            or set(self.costs) != _COSTS
            or not all(0 < c < math.inf for c in self.costs.values())
        ):
            raise ValueError(
                "costs must be a mapping of 'false_positive' and 'false_negative' to numbers "
                f"above 0, got {self.costs!r}."
            )


def choose_threshold(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    target_fpr: float | None = None,
    confidence: float | None = None,
    costs: Mapping[str, float] | None = None,
    prevalence: float | None = None,
    pos_label: Any = None,
) -> ThresholdChoice:
    """Choose a decision threshold from labels and probabilities.

    With `target_fpr`, the threshold that detects most fakes within that false positive
    rate; with `costs`, the one with the lowest expected cost; with neither, the one with
    the highest balanced accuracy.

    Parameters
    ----------
    y_true : array-like of shape (n_images,)
        Labels of validation images, or of training images with probabilities out of fold:
        on images that a classifier was trained on, its probabilities are too good. Not of
        test images, whose figures would be too good.
    y_proba : array-like of shape (n_images,) or (n_images, 2)
        Their probabilities of the positive class, from 0 to 1, or of both classes in sorted
        order, as `predict_proba` gives them.
    target_fpr : float, default=None
        The share of the negative (real) images that may be classified as positive, above 0
        and below 1.
    confidence : float, default=None
        For `target_fpr`, the confidence with which other images of the same kind keep within
        the target, for instance 0.95. None: they do so on average.
    costs : mapping of str to float, default=None
        ``{"false_positive": ..., "false_negative": ...}``: the cost of classifying a
        real image as fake, and a fake one as real. Both above 0; only their ratio matters.
    prevalence : float, default=None
        For `costs`, the share of positive images where the classifier will be used. None
        takes the share among `y_true`, which is usually far too high.
    pos_label : label, default=None
        The positive class. None takes the one named "fake", else 1 of the classes
        0 and 1, or -1 and 1.

    Returns
    -------
    ThresholdChoice
        The threshold, and what it does on these images.

    Raises
    ------
    ValueError
        If there are too few negative images for the target (the message says how many it
        needs), no positive image can be detected within it, there are not exactly two
        classes, the positive class is unclear, or an argument is out of its range.

    See Also
    --------
    tune_threshold : The same for a fitted classifier, which then decides by it.

    Notes
    -----
    With n negative images of which k lie above the threshold, the expected false positive
    rate on others is at most (k + 1) / (n + 1), whatever their distribution; so a target of
    1% needs 99 negative images, and lets one through only from 199 on. With `confidence`,
    k is such that the target is exceeded with no more than the remaining probability (Tong,
    Feng and Li 2018, "Neyman-Pearson classification algorithms and NP receiver operating
    characteristics"); 1% with a confidence of 0.95 needs 299. Both count images as
    independent, which copies and frames of one video are not.

    Without validation images, take a fitted classifier's ``oof_proba_``, where it has
    them, or ``cross_val_predict(..., method="predict_proba")``.

    Examples
    --------
    >>> import numpy as np
    >>> from skfakereal.thresholds import choose_threshold
    >>> random = np.random.default_rng(0)
    >>> y = np.repeat(["real", "fake"], 500)
    >>> proba = np.where(y == "fake", random.beta(4, 1, 1000), random.beta(1, 4, 1000))
    >>> choice = choose_threshold(y, proba, target_fpr=0.01)
    >>> choice.pos_label, choice.false_positive_rate, choice.true_positive_rate
    ('fake', 0.008, 0.68)
    >>> choose_threshold(y[450:], proba[450:], target_fpr=0.01)  # 50 real images
    Traceback (most recent call last):
        ...
    ValueError: A false positive rate of 1% needs at least 99 images of ...
    """
    aim = Aim(target_fpr, confidence, costs, prevalence)
    aim.check()
    is_positive, score, label, other = positive_scores(y_true, y_proba, pos_label)
    missing = np.flatnonzero(np.isnan(score))
    if len(missing):
        raise ValueError(
            f"Every image needs a probability, but y_proba[{missing[0]}] is nan. Leave out "
            "images that could not be read."
        )
    candidates = Candidates.find(is_positive, score)
    n_positive, n_negative = int(is_positive.sum()), int((~is_positive).sum())
    best, reason, cost = best_candidate(
        candidates, n_positive, n_negative, aim, repr(other)
    )
    return ThresholdChoice.from_counts(
        float(candidates.threshold[best]),
        label,
        reason,
        n_true=int(candidates.n_true[best]),
        n_positive=n_positive,
        n_false=int(candidates.n_false[best]),
        n_negative=n_negative,
        expected_cost=cost,
    )


def best_candidate(
    candidates: Candidates,
    n_positive: int,
    n_negative: int,
    aim: Aim,
    name: str,
) -> tuple[int, str, float | None]:
    """Return the best candidate, the reason, and the mean cost of an image."""
    if aim.target_fpr is not None:
        best = _within(candidates, n_negative, aim.target_fpr, aim.confidence, name)
        return best, reason_of(aim.target_fpr, aim.confidence), None
    if aim.costs is not None:
        share = aim.prevalence
        if share is None:
            share = n_positive / (n_positive + n_negative)
        cost = _mean_costs(candidates, n_positive, n_negative, aim.costs, share)
        best = int(np.argmin(cost))
        reason = f"the lowest cost at a share of {share:.3g} of the positive class"
        return best, reason, float(cost[best])
    best = int(np.argmax(candidates.n_true / n_positive - candidates.n_false / n_negative))
    return best, "the highest balanced accuracy", None


def _within(
    candidates: Candidates,
    n_negative: int,
    target: float,
    confidence: float | None,
    name: str,
) -> int:
    """Return the candidate that detects most within the target."""
    check_negatives(n_negative, target, confidence, name)
    allowed = allowed_mistakes(n_negative, target, confidence)
    best = int(np.flatnonzero(candidates.n_false <= allowed)[-1])
    if candidates.n_true[best] == 0:
        raise ValueError(
            f"No threshold detects any positive image within a false positive rate of "
            f"{100 * target:.4g}%: images of class {name} have the highest probabilities. "
            "Choose a higher target, or train a better classifier."
        )
    # Of those that detect as many, the strictest.
    return int(np.searchsorted(candidates.n_true, candidates.n_true[best]))


def _mean_costs(
    candidates: Candidates,
    n_positive: int,
    n_negative: int,
    costs: Mapping[str, float],
    prevalence: float,
) -> NDArray[np.float64]:
    """Return the expected cost of an image at each candidate (Elkan 2001)."""
    missed = 1 - candidates.n_true / n_positive
    false_alarms = candidates.n_false / n_negative
    return np.asarray(
        prevalence * costs["false_negative"] * missed
        + (1 - prevalence) * costs["false_positive"] * false_alarms
    )
