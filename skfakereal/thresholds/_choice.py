"""What was chosen, why, and what it costs."""

from dataclasses import dataclass
from typing import Any

__all__ = ["ThresholdChoice"]


@dataclass(frozen=True)
class ThresholdChoice:
    """A threshold, and what it did on the validation images.

    Parameters
    ----------
    threshold : float
        The probability of the positive class from which on an image is called so.
    pos_label : label
        The positive class.
    reason : str
        By what it was chosen, in words.
    n_positive, n_negative : int
        How many validation images of the positive and of the other class there were.
    true_positive_rate, false_positive_rate : float
        The shares of them that it calls positive.
    false_positive_interval : tuple of (float, float)
        95 % interval of the false positive rate on other images of the same kind (Clopper
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

    def __str__(self) -> str:
        low, high = self.false_positive_interval
        cost = "" if self.expected_cost is None else f" Mean cost {self.expected_cost:.4g}."
        return (
            f"Called {self.pos_label!r} from a probability of {self.threshold:.4f} on, chosen "
            f"by {self.reason}. On the validation images, {self.true_positive_rate:.1%} of "
            f"{self.n_positive:,} are found, and {self.false_positive_rate:.2%} of "
            f"{self.n_negative:,} others are called so by mistake (95 % interval {low:.2%} to "
            f"{high:.2%}).{cost}"
        )
