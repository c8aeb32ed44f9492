"""Images of unknown origin -> verdicts that hold, and where a detector is unsure."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import ArrayLike, NDArray
from sklearn.isotonic import IsotonicRegression
from sklearn.utils import _safe_indexing

from skfakereal._classifying.ask import check_classifier, predict_once
from skfakereal._classifying.classes import class_names, positive_class, positive_scores
from skfakereal._classifying.copies import predict_perturbed
from skfakereal._images.costs import MemoryShare
from skfakereal._images.read import ImageReadError, decode_image, read_bytes
from skfakereal._novelty import collected_novelty, unlike
from skfakereal._paths import ImagePaths, check_paths
from skfakereal._threads import count_threads
from skfakereal._wording import chance
from skfakereal.evaluation.perturbations import Perturbation, mild_perturbations, name_of


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
        How many images it was learned from.
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
    """Find the probabilities at which too few verdicts are right.

    The true share of fakes at each probability is estimated by isotonic regression, as in
    calibration (Zadrozny and Elkan 2002, "Transforming classifier scores into accurate
    multiclass probability estimates"). In the band, neither "fake" nor "not fake" would be
    right in a share of `precision` of the cases. It need not include 0.5: with a classifier
    that is not calibrated, 0.9 may be unsure.

    Parameters
    ----------
    y_true : array-like of shape (n_images,)
        Labels of images that the classifier was not trained on: validation images, or
        training images with probabilities out of fold, such as a fitted classifier's
        ``oof_proba_``.
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
    like those of the images that it was learned from. Where fakes are rarer in use, fewer
    of the images above the band are fake.

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
                f"To show a precision of {precision:g}, at least {needed} images of each "
                f"class are needed, got {count} of a class {which} {label!r}. "
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


UNSURE = "unsure"


@dataclass(frozen=True)
class Verdict:
    """The verdict on one image.

    Parameters
    ----------
    path : str
        The image.
    verdict : str or None
        The name of a class, or ``"unsure"``; None if the image cannot be read.
    probability : float or None
        Of the fake class, from 0 to 1, of the image as it is.
    low, high : float or None
        The least and the greatest probability, of the image and its copies.
    reasons : tuple of str
        Why it is unsure, in sentences; empty where it is not.
    error : str or None
        Why the image cannot be read.
    novelty : float or None
        How unlike the training images it is, from 0 to 1 (`VGG16ImageClassifier.novelty`);
        None if the classifier cannot tell.
    """

    path: str
    verdict: str | None
    probability: float | None = None
    low: float | None = None
    high: float | None = None
    reasons: tuple[str, ...] = ()
    error: str | None = None
    novelty: float | None = None


def stable_verdicts(
    estimator: Any,
    X: ImagePaths,
    *,
    band: UnsureBand | None = None,
    perturbations: Iterable[Perturbation] | None = None,
    pos_label: Any = None,
    target_names: Sequence[str] | None = None,
    n_jobs: int | None = None,
) -> list[Verdict]:
    """Classify each image, or call it "unsure".

    Each image is classified unchanged and after a few mild changes such as messengers make.
    The verdict is "unsure" if one of them flips it, if the probability lies in the band where
    too few verdicts were right on the images that it was learned from, or if the image is
    unlike 99% of the training images, where the classifier can tell
    (`VGG16ImageClassifier.novelty`).

    Parameters
    ----------
    estimator : estimator
        Any fitted classifier over image paths with two classes and ``predict_proba``, as
        `evaluate` takes it. Its own threshold decides.
    X : array-like of shape (n_images,) or (n_images, 1)
        Paths of the images. They are only read.
    band : UnsureBand, default=None
        From `learn_unsure_band`. None: only changes make a verdict unsure.
    perturbations : iterable of Perturbation, default=None
        Changes that must not flip the verdict. None takes `mild_perturbations` for each image's
        size.
    pos_label : label, default=None
        The class whose probability is given; chosen as in `evaluate`.
    target_names : sequence of str, default=None
        What to call the classes, in the order of ``classes_``.
    n_jobs : int, default=None
        Threads that read images and make copies; None for this process's share of the
        cores.

    Returns
    -------
    list of Verdict
        One for each image, in order. An image that cannot be read is a row with its error.

    Raises
    ------
    ValueError
        If there are not two classes, a class is called "unsure", or `X` does not hold
        paths.
    TypeError
        If the estimator gives no probabilities.
    sklearn.exceptions.NotFittedError
        If the estimator is not fitted.

    See Also
    --------
    robustness_report : How often verdicts flip, measured on labelled images.

    Examples
    --------
    >>> from skfakereal.evaluation import learn_unsure_band, stable_verdicts
    >>> band = learn_unsure_band(y_val, clf.predict_proba(X_val))  # doctest: +SKIP
    >>> for row in stable_verdicts(clf, ["suspect.jpg"], band=band):  # doctest: +SKIP
    ...     print(row.path, row.verdict, *row.reasons)
    suspect.jpg unsure It would be classified as real after: JPEG quality 85.
    """
    check_classifier(estimator)
    paths = check_paths(X)
    classes = np.asarray(estimator.classes_)
    names = class_names(classes, target_names)
    if len(classes) != 2 or UNSURE in names:
        raise ValueError(
            f"Two classes are needed, neither named {UNSURE!r}, got {list(names)}."
        )
    fake = cast("int", positive_class(classes, names, pos_label))
    changes = None if perturbations is None else list(perturbations)
    # scikit-learn's would set and restore the warning filters, which all threads share.
    looked_at = Parallel(n_jobs=count_threads(n_jobs), prefer="threads")(
        delayed(_look)(path) for path in paths
    )
    rows = [i for i, (_, error) in enumerate(looked_at) if error is None]
    verdicts = [
        Verdict(path, None, error=error)
        for path, (_, error) in zip(paths, looked_at, strict=True)
    ]
    if rows:
        X_read = X if len(rows) == len(paths) else _safe_indexing(X, rows)
        plan = [
            mild_perturbations(looked_at[i][0]) if changes is None else changes
            for i in rows
        ]
        with collected_novelty() as novelty:
            predictions = _judge(estimator, X_read, [paths[i] for i in rows], plan, n_jobs)
        as_word = (names[1 - fake], names[fake])
        for i, done, (y_pred, y_proba) in zip(rows, plan, predictions, strict=True):
            called, probability = y_pred == classes[fake], y_proba[:, fake]
            by_name = [name_of(change) for change in done]
            verdicts[i] = _decide(
                paths[i], called, probability, as_word, by_name, band, novelty.get(paths[i])
            )
    return verdicts


def _look(path: str) -> tuple[tuple[int, int] | None, str | None]:
    """Return the size of an image, or why it cannot be read."""
    try:
        with MemoryShare() as share:
            return decode_image(read_bytes(path, share), path, share).size, None
    except ImageReadError as error:
        return None, error.message


def _judge(
    estimator: Any,
    X: Any,
    paths: Sequence[str],
    plan: Sequence[Sequence[Perturbation]],
    n_jobs: int | None,
) -> list[tuple[NDArray[Any], NDArray[np.float64]]]:
    """Return labels and probabilities of each image, first as it is, then changed."""
    y_pred, y_proba = predict_once(estimator, X)
    # One call for all changes: with a single image, starting up takes most of the time.
    pairs = [(i, change) for i, changes in enumerate(plan) for change in changes]
    if not pairs:
        return [(y_pred[i : i + 1], y_proba[i : i + 1]) for i in range(len(paths))]
    perturbed = predict_perturbed(estimator, X, paths, pairs, n_jobs=n_jobs)
    ends = np.cumsum([len(changes) for changes in plan])[:-1]
    labels, probabilities = (
        np.split(perturbed.y_pred, ends),
        np.split(perturbed.y_proba, ends),
    )
    return [
        (
            np.concatenate([y_pred[i : i + 1], labels[i]]),
            np.concatenate([y_proba[i : i + 1], probabilities[i]]),
        )
        for i in range(len(paths))
    ]


def _decide(
    path: str,
    called_fake: NDArray[np.bool_],
    probability: NDArray[np.float64],
    names: tuple[str, str],
    changes: Sequence[str],
    band: UnsureBand | None,
    novelty: float | None,
) -> Verdict:
    """Return the verdict on one image; the first entry is the image as it is."""
    if np.isnan(probability[0]):
        return Verdict(path, None, error=f"{path!r} could not be read by the classifier.")
    is_fake, p = bool(called_fake[0]), float(probability[0])
    word, other = names[is_fake], names[not is_fake]
    lost = np.isnan(probability[1:])
    turned = (called_fake[1:] != is_fake) & ~lost
    reasons = [reason for reason in (unlike(novelty),) if reason]
    if turned.any():
        after = ", ".join(changes[k] for k in np.flatnonzero(turned).tolist())
        reasons.append(f"It would be classified as {other} after: {after}.")
    if lost.any():
        after = ", ".join(changes[k] for k in np.flatnonzero(lost).tolist())
        reasons.append(f"The classifier could not read it after: {after}.")
    if band is not None and not (p > band.high if is_fake else p < band.low):
        edge = band.high if is_fake else band.low
        sure = f"only {'above' if is_fake else 'below'} {chance(edge)}"
        reasons.append(
            "Of the images that the unsure band was learned from, fewer than "
            f"{100 * band.precision:g}% of those with a probability like {chance(p)} were "
            f"{word}; the detector is sure {'nowhere' if edge in (0, 1) else sure}."
        )
    return Verdict(
        path,
        UNSURE if reasons else word,
        probability=p,
        low=float(np.nanmin(probability)),
        high=float(np.nanmax(probability)),
        reasons=tuple(reasons),
        novelty=novelty,
    )
