"""Validation predictions -> the band of probabilities in which a verdict is not sure."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.isotonic import IsotonicRegression

from skfakereal._classifying.classes import positive_scores


@dataclass(frozen=True)
class UnsureBand:
    """The probabilities of fake between which verdicts are right too rarely.

    Five plain numbers: ``dataclasses.asdict`` gives them to JSON, ``UnsureBand(**numbers)``
    takes them back.

    Parameters
    ----------
    low : float
        Below it, the verdict "not fake" is right often enough; from 0 to 1.
    high : float
        Above it, the verdict "fake" is right often enough; from `low` to 1.
    precision : float
        The share of right verdicts that is enough, between 0.5 and 1.
    n_images : int
        How many validation images it was learned from.
    share_unsure : float
        The share of them in the band, from 0 to 1.
    """

    low: float
    high: float
    precision: float
    n_images: int
    share_unsure: float

    def __post_init__(self) -> None:
        if not 0 <= self.low <= self.high <= 1:
            raise ValueError(
                f"A band needs 0 <= low <= high <= 1, got {self.low} and {self.high}."
            )


def learn_unsure_band(
    y_true: ArrayLike,
    y_proba: ArrayLike,
    *,
    precision: float = 0.95,
    pos_label: Any = None,
) -> UnsureBand:
    """Find the probabilities at which too few verdicts on validation images are right.

    The true share of fakes at each probability is estimated by isotonic regression, as in
    calibration (Zadrozny and Elkan 2002, "Transforming classifier scores into accurate
    multiclass probability estimates"). In the band, neither "fake" nor "not fake" would be
    right in a share of `precision` of the cases. It need not include 0.5: with a classifier
    that is not calibrated, 0.9 may be unsure.

    Parameters
    ----------
    y_true : array-like of shape (n_images,)
        Labels of validation images, which the classifier was not trained on and its
        threshold was not chosen on.
    y_proba : array-like of shape (n_images,) or (n_images, 2)
        Their probabilities of the fake class, or of both classes in sorted order, as
        `predict_proba` gives them. Rows with NaN are left out.
    precision : float, default=0.95
        How often a verdict must be right, above 0.5 and below 1.
    pos_label : label, default=None
        The label of the fake class. None takes the one that is called "fake", else 1 of
        the classes 0 and 1, or -1 and 1.

    Returns
    -------
    UnsureBand
        For `stable_verdicts`. On a side where no such precision is reached, it goes to the
        end: all verdicts of that class are then unsure.

    Raises
    ------
    ValueError
        If a class has too few images to show such a precision (20 for 0.95, so that one
        error in them would just be allowed), it is unclear which class is the fake one, or
        an argument is out of range.

    Notes
    -----
    Precision depends on the share of fakes among the images: the band applies to shares
    like those of the validation images. Where fakes are rarer in
    use, fewer of the images above the band are fake.

    Examples
    --------
    >>> import numpy as np
    >>> from skfakereal.evaluation import learn_unsure_band
    >>> rng = np.random.default_rng(0)
    >>> y_proba = rng.uniform(size=2000)
    >>> y_true = rng.uniform(size=2000) < y_proba  # calibrated
    >>> band = learn_unsure_band(y_true, y_proba, precision=0.9)
    >>> round(band.low, 1), round(band.high, 1)
    (0.1, 0.9)
    """
    if not 0.5 < precision < 1:
        raise ValueError(f"precision must be above 0.5 and below 1, got {precision!r}.")
    fake, score, label, _ = positive_scores(y_true, y_proba, pos_label)
    read = ~np.isnan(score)
    fake, score = fake[read], score[read]
    _check_enough(fake, precision, label)

    values = np.unique(score)
    fit = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip").fit(score, fake)
    share = fit.predict(values)
    # Rounding must not turn 19 of 20 into less than 0.95.
    low = _upper_limit(score, values[share <= 1 - precision + 1e-9], precision)
    # The same from the other end, where fake and not fake change places.
    high = 1 - _upper_limit(1 - score, 1 - values[share >= precision - 1e-9], precision)
    return UnsureBand(
        low,
        high,
        float(precision),
        len(score),
        float(np.mean((score >= low) & (score <= high))),
    )


def images_needed(precision: float) -> int:
    """Return how many images of each class show a precision at least."""
    return math.ceil(round(1 / (1 - precision), 6))


def _check_enough(fake: Any, precision: float, label: Any) -> None:
    needed = images_needed(precision)
    for count, which in ((np.sum(fake), "of"), (np.sum(~fake), "other than")):
        if count < needed:
            raise ValueError(
                f"To show a precision of {precision:g}, at least {needed} validation images "
                f"of each class are needed, got {count} of a class {which} {label!r}. "
                "Use more images, or a lower precision."
            )


def _upper_limit(score: Any, sure: Any, precision: float) -> float:
    """Return below which probability a verdict is sure; 0 where too few images show it.

    `sure` are the probabilities of which this holds, none of which is above another.
    """
    inside = np.isin(score, sure)
    if np.sum(inside) < images_needed(precision):
        return 0.0
    above = score[~inside]
    # Half way to the next image, since a probability in between has not been seen.
    return float((sure.max() + above.min()) / 2) if len(above) else 1.0
