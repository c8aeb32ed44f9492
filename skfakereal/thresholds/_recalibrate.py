"""A finished model and images from where it is used -> the model with another threshold."""

import math
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import binom
from sklearn.model_selection import FixedThresholdClassifier

from skfakereal._classifying.ask import check_classifier
from skfakereal._classifying.predictions import follows, predict_checked
from skfakereal._classifying.unwrap import inner_of
from skfakereal._paths import ImagePaths, check_paths
from skfakereal.thresholds._choose import (
    Aim,
    Candidates,
    allowed_mistakes,
    best_candidate,
    check_negatives,
    choose_threshold,
    halfway,
    reason_of,
)
from skfakereal.thresholds._results import Recalibration, ThresholdChoice
from skfakereal.thresholds._tune import decide_at, positive_of

# Of ten images of a class, the 95% interval of a share is up to 63 points wide: fewer say
# nothing about where a threshold belongs.
_FEWEST = 10
_N_RESAMPLES = 200


def recalibrate(
    estimator: Any,
    X: ImagePaths,
    y: ArrayLike | None = None,
    *,
    target_fpr: float | None = None,
    confidence: float | None = None,
    costs: Mapping[str, float] | None = None,
    prevalence: float | None = None,
    pos_label: Any = None,
) -> tuple[FixedThresholdClassifier, Recalibration]:
    """Move the threshold of a finished model to the images that it meets in use.

    Images that were shared, or come from other cameras and generators, get other
    probabilities than those that a threshold was chosen on. The order often holds better
    than the numbers, and then a new threshold, chosen on images from there, restores much of
    the accuracy. The network stays unchanged.

    With labels, the threshold is chosen as `choose_threshold` does: by `target_fpr`, by
    `costs`, or for the highest balanced accuracy. For a `target_fpr`, labelled negative
    (real) images alone suffice. Without labels, the share of images that are classified as
    positive is `prevalence`.

    Parameters
    ----------
    estimator : estimator
        Any fitted classifier over image paths for two classes that has ``predict_proba``.
        It is not altered. A threshold that it holds itself
        (`sklearn.model_selection.FixedThresholdClassifier`, `TunedThresholdClassifierCV`)
        is replaced; any other classifier gets one.
    X : array-like of shape (n_images,) or (n_images, 1)
        Paths of images from where the model is used, as they arrive there: a random part of
        them, without copies or frames of one video.
    y : array-like of shape (n_images,), default=None
        Their labels.
    target_fpr, confidence : float, default=None
        As in `choose_threshold`; with labels only.
    costs : mapping of str to float, default=None
        As in `choose_threshold`; with labels only.
    prevalence : float, default=None
        The share of positive (fake) images where the model is used, above 0 and below 1.
        Without labels it is needed, and taken as the share among X; with labels it belongs
        to `costs`.
    pos_label : label, default=None
        The positive class. None takes the one named "fake", else 1 of the classes
        0 and 1, or -1 and 1.

    Returns
    -------
    detector : FixedThresholdClassifier
        The classifier, frozen, with its new threshold. It can be evaluated, saved and put
        to use like the classifier itself.
    change : Recalibration
        The threshold, how far other images might have put it elsewhere, and what it changes.

    Raises
    ------
    ValueError
        If there are too few images: for a target, as `choose_threshold` says; otherwise
        fewer than 10 of a class (without labels, fewer than 10 expected by `prevalence`); or
        if arguments and labels do not fit together, or there are not two classes.
    TypeError
        If the classifier gives no probabilities.
    ImageReadError
        If an image cannot be read, and the classifier does not let that pass.
    sklearn.exceptions.NotFittedError
        If it is not fitted.

    Warns
    -----
    UserWarning
        Without labels: what the threshold then rests on.

    See Also
    --------
    tune_threshold : Chooses the first threshold, on validation images, and calibrates.

    Notes
    -----
    Where labels are given, the interval of the threshold is that of 200 resamples by class,
    in each of which it is chosen again; without, it is that of the quantile (by the binomial
    distribution), for the share that is assumed. That the share is wrong is in no interval:
    try others and compare. Nothing is moved by probabilities being too high or too low
    alone, as `tune_threshold`'s `calibration` would.

    Examples
    --------
    >>> from skfakereal.thresholds import recalibrate
    >>> detector, change = recalibrate(model, X_inbox, y_inbox)  # doctest: +SKIP
    >>> print(change)  # doctest: +SKIP
    >>> detector, _ = recalibrate(model, X_more, prevalence=0.05)  # doctest: +SKIP
    """
    aim = Aim(target_fpr, confidence, costs, prevalence)
    if y is None:
        _check_unlabelled(aim)
    else:
        aim.check()
    check_classifier(estimator)
    model, own_label = _without_threshold(estimator)
    # Without labels, any stand in for them: they are not looked at.
    given = np.full(len(check_paths(X)), estimator.classes_[0]) if y is None else y
    predictions = predict_checked(
        estimator, X, given, pos_label=own_label if pos_label is None else pos_label
    )
    positive, classes = positive_of(predictions), predictions.classes.tolist()
    score = predictions.y_proba[:, positive]
    label, other = classes[positive], classes[1 - positive]

    after = None
    if y is None:
        assert prevalence is not None
        threshold, interval = _at_share(score, prevalence, label)
        reason = f"an assumed share of {100 * prevalence:.4g}% of the positive class"
    else:
        is_positive = predictions.y_true == positive
        check_counts(is_positive, target_fpr, confidence, label, other)
        if is_positive.any():
            after = choose_threshold(
                predictions.classes[predictions.y_true],
                score,
                **vars(aim),
                pos_label=label,
            )
        else:
            assert target_fpr is not None
            after = _above_negatives(score, target_fpr, confidence, label)
        threshold, reason = after.threshold, after.reason
        interval = _interval(score, is_positive, aim, threshold)

    called = predictions.y_pred == positive
    previous = predictions.threshold
    if previous is None and follows(predictions.y_pred, predictions.y_proba, positive, 0.5):
        previous = 0.5
    change = Recalibration(
        threshold=threshold,
        interval=interval,
        previous=previous,
        pos_label=label,
        reason=reason,
        n_images=len(score),
        share_called=float((score >= threshold).mean()),
        previous_share_called=float(called.mean()),
        after=after,
        before=None if after is None else _own_choice(called, is_positive, previous, label),
    )
    if y is None:
        warnings.warn(_assumed(change, prevalence), UserWarning, stacklevel=2)
    two = [predictions.paths[0]] * 2
    return decide_at(model, threshold, label, two, predictions.classes), change


def _without_threshold(estimator: Any) -> tuple[Any, Any]:
    """Return what gives a model its probabilities, and the class of its threshold."""
    label = None
    while (inner := inner_of(estimator)) is not None:
        label = getattr(estimator, "pos_label", label)
        estimator = inner
    return estimator, label


def _check_unlabelled(aim: Aim) -> None:
    for name in ("target_fpr", "confidence", "costs"):
        if getattr(aim, name) is not None:
            raise ValueError(
                f"{name} needs labels: pass y. Without labels a threshold can only be set by the "
                "assumed share of positive images (prevalence)."
            )
    if aim.prevalence is None:
        raise ValueError(
            "Without labels the share of positive images among X must be assumed. Pass it as "
            "prevalence, or labels as y."
        )
    if not 0 < aim.prevalence < 1:
        raise ValueError(f"prevalence must lie between 0 and 1, got {aim.prevalence}.")


def check_counts(
    is_positive: NDArray[np.bool_],
    target_fpr: float | None,
    confidence: float | None,
    label: Any,
    other: Any,
) -> None:
    """Check that there are enough labelled images of each class."""
    counts = {label: int(is_positive.sum()), other: int((~is_positive).sum())}
    if target_fpr is not None:
        check_negatives(counts[other], target_fpr, confidence, repr(other))
        return
    for name, count in counts.items():
        if count < _FEWEST:
            alone = (
                f" Images of class {other!r} alone suffice for a target false positive rate."
                if name == label
                else ""
            )
            raise ValueError(
                f"At least {_FEWEST} images of each class are needed, but there are {count} "
                f"of class {name!r}. Label more images.{alone}"
            )


def _above_negatives(
    score: NDArray[np.float64], target_fpr: float, confidence: float | None, label: Any
) -> ThresholdChoice:
    """Choose by negative images alone."""
    threshold = _just_above(score, target_fpr, confidence)
    if threshold > 1:
        raise ValueError(
            f"No threshold reaches a false positive rate of {100 * target_fpr:.4g}%: "
            f"{np.count_nonzero(score == 1):,} negative images have a probability of 1. Choose "
            "a higher target, or train a better classifier."
        )
    return ThresholdChoice.from_counts(
        threshold,
        label,
        reason_of(target_fpr, confidence),
        n_true=0,
        n_positive=0,
        n_false=int(np.count_nonzero(score >= threshold)),
        n_negative=len(score),
    )


def _just_above(
    score: NDArray[np.float64], target_fpr: float, confidence: float | None
) -> float:
    """Return a threshold just above the highest image that may not be called positive."""
    ordered = np.sort(score)[::-1]
    highest = float(ordered[allowed_mistakes(len(score), target_fpr, confidence)])
    if highest == 1:
        return float(np.nextafter(1, 2))
    # Halfway to the next, or to 1, would lose fakes where there is nothing real; that a
    # verdict turns by a rounding takes far less.
    above = (float(ordered[ordered > highest].min(initial=1)) - highest) / 1000
    return max(highest + above, math.nextafter(highest, 2))


def _interval(
    score: NDArray[np.float64],
    is_positive: NDArray[np.bool_],
    aim: Aim,
    threshold: float,
) -> tuple[float, float]:
    """Return where resamples by class put the threshold, 95 of 100 of them."""
    random = np.random.default_rng(0)
    positive, negative = score[is_positive], score[~is_positive]
    among = np.repeat([True, False], [len(positive), len(negative)])
    thresholds = [threshold]
    for _ in range(_N_RESAMPLES):
        drawn = random.choice(negative, len(negative))
        if not len(positive):
            thresholds.append(_just_above(drawn, aim.target_fpr or 0, aim.confidence))
            continue
        drawn = np.concatenate([random.choice(positive, len(positive)), drawn])
        candidates = Candidates.find(among, drawn)
        try:
            best, *_ = best_candidate(
                candidates, len(positive), len(negative), aim, name=""
            )
        except ValueError:  # no threshold finds anything in this one
            continue
        thresholds.append(float(candidates.threshold[best]))
    low, high = np.quantile(thresholds, [0.025, 0.975])
    return min(float(low), threshold), max(float(high), threshold)


def check_share(n_images: int, share: float, label: Any) -> None:
    """Check that there are enough images without labels, if so many are positive."""
    rarer = min(share, 1 - share)
    if n_images * rarer < _FEWEST:
        raise ValueError(
            f"At least {_FEWEST} images of each class are needed. If {100 * share:.4g}% are "
            f"{label!r}, that takes {math.ceil(_FEWEST / rarer):,} images, got {n_images:,}. "
            "Pass more images, or label these."
        )


def _at_share(
    score: NDArray[np.float64], share: float, label: Any
) -> tuple[float, tuple[float, float]]:
    """Return the threshold that calls a share positive, and the interval of its quantile."""
    n_images = len(score)
    check_share(n_images, share, label)
    levels, n_each = np.unique(score, return_counts=True)
    if len(levels) == 1:
        raise ValueError(
            f"The model gives all {n_images:,} images the same probability, {levels[0]:.4f}: "
            "no threshold lies between them."
        )
    between = halfway(levels[:-1], levels[1:])
    n_above = n_images - np.cumsum(n_each)[:-1]

    def calling(count: float) -> float:
        return float(between[np.argmin(np.abs(n_above - count))])

    most, fewest = binom.ppf([0.975, 0.025], n_images, share)
    return calling(share * n_images), (calling(most), calling(fewest))


def _own_choice(
    called: NDArray[np.bool_],
    is_positive: NDArray[np.bool_],
    threshold: float | None,
    label: Any,
) -> ThresholdChoice:
    return ThresholdChoice.from_counts(
        math.nan if threshold is None else threshold,
        label,
        "the model before",
        n_true=int((called & is_positive).sum()),
        n_positive=int(is_positive.sum()),
        n_false=int((called & ~is_positive).sum()),
        n_negative=int((~is_positive).sum()),
    )


def _assumed(change: Recalibration, share: float | None) -> str:
    assert share is not None
    return (
        f"The threshold was set to {change.threshold:.4f} without labels. That is right only if "
        f"{100 * share:.4g}% of these {change.n_images:,} images are {change.pos_label!r} and "
        "the model gives them higher probabilities than the rest. To check both, label some of "
        "the images and pass y."
    )
