"""What was chosen, why, and what it costs."""

import math
from dataclasses import dataclass
from typing import Any, Self

from scipy.stats import binomtest


@dataclass(frozen=True)
class ThresholdChoice:
    """A threshold, and what it did on the images that it was chosen on.

    Parameters
    ----------
    threshold : float
        The probability from which an image is classified as positive.
    pos_label : label
        The positive class.
    reason : str
        By what it was chosen, in words.
    n_positive, n_negative : int
        How many of these images were of the positive and of the other class.
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
            f"by {self.reason}. On the images that it was chosen on, "
            f"{detected if self.n_positive else ''}{self.false_positive_rate:.2%} of "
            f"{self.n_negative:,} others are false positives "
            f"(95% interval {low:.2%} to {high:.2%}).{cost}"
        )


@dataclass(frozen=True)
class Recalibration:
    """Where a threshold was moved to, and what that changes on the images at hand.

    Parameters
    ----------
    threshold : float
        The new threshold: the probability from which an image is classified as positive.
    interval : tuple of (float, float)
        The 95% interval of the threshold, with as many other images of the same kind.
    previous : float or None
        The model's threshold before; None if its predictions follow no threshold.
    pos_label : label
        The positive class.
    reason : str
        What the threshold was chosen for, in words.
    n_images : int
        How many images it was chosen on; those that could not be read do not count.
    share_called, previous_share_called : float
        The share of them that is classified as positive, now and before.
    after, before : ThresholdChoice or None
        What the new and the previous threshold do on these images; None without labels.
        Without positive images, the rates that need some are NaN. The new one was chosen
        on these images, so its figures flatter it, the more the fewer they are.
    """

    threshold: float
    interval: tuple[float, float]
    previous: float | None
    pos_label: Any
    reason: str
    n_images: int
    share_called: float
    previous_share_called: float
    after: ThresholdChoice | None = None
    before: ThresholdChoice | None = None

    def __str__(self) -> str:
        low, high = self.interval
        earlier = "" if self.previous is None else f" (before: {self.previous:.4f})"
        sentences = [
            f"Classified as {self.pos_label!r} from a probability of {self.threshold:.4f}"
            f"{earlier}, chosen by {self.reason} on {self.n_images:,} images (95% interval of the "
            f"threshold: {low:.4f} to {high:.4f})."
        ]
        if self.previous is not None and low <= self.previous <= high:
            sentences.append(
                "The previous threshold lies in this interval: these images do not show that it "
                "had to be changed."
            )
        sentences.append(
            f"{self.share_called:.1%} of the images are classified as {self.pos_label!r} (before: "
            f"{self.previous_share_called:.1%})."
        )
        if self.after is not None and self.before is not None:
            sentences += _compared(self.before, self.after)
        return " ".join(sentences)


def _compared(before: ThresholdChoice, after: ThresholdChoice) -> list[str]:
    """Compare both on labelled images."""
    low, high = after.false_positive_interval
    sentences = [
        f"{after.false_positive_rate:.2%} of {after.n_negative:,} others are false positives "
        f"(95% interval {low:.2%} to {high:.2%}; before: "
        f"{before.false_positive_rate:.2%})."
    ]
    if after.n_positive:
        sentences.insert(
            0,
            f"{after.true_positive_rate:.1%} of {after.n_positive:,} are detected (before: "
            f"{before.true_positive_rate:.1%}).",
        )
    return [
        *sentences,
        "The new threshold was chosen on these images, so these figures are too good.",
    ]
