"""What was chosen, why, and what it costs."""

import math
from dataclasses import dataclass
from typing import Any, Self

from scipy.stats import binomtest


@dataclass(frozen=True)
class ThresholdChoice:
    """A threshold, and what it did on the validation images.

    Parameters
    ----------
    threshold : float
        The probability from which an image is classified as positive.
    pos_label : label
        The positive class.
    reason : str
        By what it was chosen, in words.
    n_positive, n_negative : int
        How many validation images of the positive and of the other class there were.
    true_positive_rate, false_positive_rate : float
        The shares of them that it calls positive; NaN of none.
    false_positive_interval : tuple of (float, float)
        95% interval of the false positive rate on other images of the same kind (Clopper
        and Pearson 1934), as far as the threshold can be taken as given.
    balanced_accuracy : float
        The mean of the shares of both classes that it gets right.
    expected_cost : float or None
        Mean cost of an image, if costs were given.
    """

    threshold: float
    pos_label: Any
    reason: str
    n_positive: int
    n_negative: int
    true_positive_rate: float
    false_positive_rate: float
    false_positive_interval: tuple[float, float]
    balanced_accuracy: float
    expected_cost: float | None = None

    @classmethod
    def from_counts(
        cls,
        threshold: float,
        pos_label: Any,
        reason: str,
        *,
        n_true: int,
        n_positive: int,
        n_false: int,
        n_negative: int,
        expected_cost: float | None = None,
    ) -> Self:
        """Make it from what was counted.

        Parameters
        ----------
        threshold : float
            As above.
        pos_label : label
            As above.
        reason : str
            As above.
        n_true, n_positive : int
            How many of the positive images it calls positive, and how many there are.
        n_false, n_negative : int
            The same of the other images.
        expected_cost : float, default=None
            As above.

        Returns
        -------
        ThresholdChoice
            With the shares, and the interval.
        """
        tpr = n_true / n_positive if n_positive else math.nan
        fpr = n_false / n_negative
        ends = binomtest(n_false, n_negative).proportion_ci(method="exact")
        return cls(
            threshold=threshold,
            pos_label=pos_label,
            reason=reason,
            n_positive=n_positive,
            n_negative=n_negative,
            true_positive_rate=tpr,
            false_positive_rate=fpr,
            false_positive_interval=(float(ends.low), float(ends.high)),
            balanced_accuracy=(tpr + 1 - fpr) / 2,
            expected_cost=expected_cost,
        )

    def __str__(self) -> str:
        low, high = self.false_positive_interval
        cost = "" if self.expected_cost is None else f" Mean cost {self.expected_cost:.4g}."
        detected = (
            f"{self.true_positive_rate:.1%} of {self.n_positive:,} are detected, and "
        )
        return (
            f"Classified as {self.pos_label!r} from a probability of {self.threshold:.4f}, chosen "
            f"by {self.reason}. On the validation images, {detected if self.n_positive else ''}"
            f"{self.false_positive_rate:.2%} of {self.n_negative:,} others are false positives "
            f"(95% interval {low:.2%} to {high:.2%}).{cost}"
        )
