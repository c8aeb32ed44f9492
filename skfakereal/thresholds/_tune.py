"""A fitted classifier and validation images -> the classifier with a threshold."""

from collections.abc import Mapping
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.utils import _safe_indexing

from skfakereal._classifying.predictions import Predictions, predict_checked
from skfakereal._paths import ImagePaths
from skfakereal.thresholds._choose import choose_threshold
from skfakereal.thresholds._results import ThresholdChoice


def tune_threshold(
    estimator: Any,
    X_val: ImagePaths,
    y_val: ArrayLike,
    *,
    target_fpr: float | None = None,
    confidence: float | None = None,
    costs: Mapping[str, float] | None = None,
    prevalence: float | None = None,
    pos_label: Any = None,
    calibration: Literal["sigmoid", "isotonic", "temperature"] | None = None,
) -> tuple[FixedThresholdClassifier, ThresholdChoice]:
    """Give a fitted classifier a threshold that suits its use.

    The classifier is not fitted again. With `target_fpr`, it detects as many fakes as
    possible within that false positive rate; with `costs`, it has the lowest expected cost;
    with neither, the highest balanced accuracy.

    Parameters
    ----------
    estimator : estimator
        Any fitted classifier over image paths for two classes that has ``predict_proba``.
    X_val : array-like of shape (n_images,) or (n_images, 1)
        Paths of validation images: neither those that it was trained on nor test images.
    y_val : array-like of shape (n_images,)
        Their labels.
    target_fpr, confidence : float, default=None
        As in `choose_threshold`.
    costs : dict of str to float, default=None
        As in `choose_threshold`.
    prevalence : float, default=None
        As in `choose_threshold`.
    pos_label : label, default=None
        The positive class. None takes the one named "fake", else 1 of the classes
        0 and 1, or -1 and 1.
    calibration : {"sigmoid", "isotonic", "temperature"}, default=None
        Calibrate the probabilities first, on the same images, by this method of
        scikit-learn's `CalibratedClassifierCV`; they then apply where fakes are as frequent
        as among these images. The images go through the classifier three times. None leaves the
        probabilities unchanged. ``"isotonic"`` needs a thousand images or more; with fewer
        it overfits, and the target is exceeded.

    Returns
    -------
    detector : FixedThresholdClassifier
        The classifier, frozen, with its threshold. Its ``predict`` uses it, and it can be
        evaluated, saved and used like the classifier itself.
    choice : ThresholdChoice
        The threshold, and what it does on the validation images.

    Raises
    ------
    ValueError
        As `choose_threshold`, for instance with too few images for the target; or if the
        classifier has more than two classes.
    TypeError
        If it gives no probabilities.
    sklearn.exceptions.NotFittedError
        If it is not fitted.

    See Also
    --------
    choose_threshold : The same from existing predictions.
    sklearn.model_selection.TunedThresholdClassifierCV : Chooses by cross-validation on the
        training data, by any scorer.

    Examples
    --------
    >>> from skfakereal.thresholds import tune_threshold
    >>> detector, choice = tune_threshold(
    ...     clf, X_val, y_val, target_fpr=0.01
    ... )  # doctest: +SKIP
    >>> print(choice)  # doctest: +SKIP
    >>> detector.predict(["suspect.jpg"])  # doctest: +SKIP
    """
    model = estimator
    if calibration is not None:
        X_val, y_val = _readable(estimator, X_val, y_val)
        model = calibrate(estimator, X_val, y_val, calibration)
    predictions = predict_checked(model, X_val, y_val, pos_label=pos_label)
    positive = positive_of(predictions)
    choice = choose_threshold(
        predictions.classes[predictions.y_true],
        predictions.y_proba[:, positive],
        target_fpr=target_fpr,
        confidence=confidence,
        costs=costs,
        prevalence=prevalence,
        pos_label=predictions.classes.tolist()[positive],
    )
    return decide_at(model, choice.threshold, choice.pos_label, X_val, y_val), choice


def positive_of(predictions: Predictions) -> int:
    """Return the position of the positive class, without which there is no threshold."""
    if predictions.positive is None:
        raise ValueError(
            "A threshold needs two classes, but the classifier has "
            f"{predictions.classes.tolist()}. Fit one for two classes."
        )
    return predictions.positive


def _readable(estimator: Any, X_val: ImagePaths, y_val: ArrayLike) -> tuple[Any, Any]:
    """Leave out what a classifier answers with NaN: one such row spoils a calibration."""
    has_probability = hasattr(estimator, "predict_proba")
    respond = estimator.predict_proba if has_probability else estimator.decision_function
    response = np.asarray(respond(X_val))
    read = ~np.isnan(response.reshape(len(response), -1)).any(axis=1)
    if read.all():
        return X_val, y_val
    if not read.any():
        raise ValueError("None of the validation images could be read.")
    rows = np.flatnonzero(read)
    return _safe_indexing(X_val, rows), _safe_indexing(y_val, rows)


def calibrate(
    estimator: Any, X_val: ImagePaths, y_val: ArrayLike, method: str
) -> CalibratedClassifierCV:
    """Make the probabilities of a fitted classifier those of the validation images."""
    return CalibratedClassifierCV(FrozenEstimator(estimator), method=method).fit(
        X_val, y_val
    )


class _Known(ClassifierMixin, BaseEstimator):
    """A classifier of images whose probabilities are known: X is what it answers."""

    def fit(self, X: NDArray[np.float64], y: ArrayLike) -> Self:
        self.classes_ = np.unique(y)
        return self

    def predict(self, X: NDArray[np.float64]) -> NDArray[Any]:
        return np.asarray(self.classes_[X.argmax(axis=1)])

    def predict_proba(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        return X


def calibrate_known(
    estimator: Any, y_proba: NDArray[np.float64], y_val: ArrayLike, method: str
) -> tuple[CalibratedClassifierCV, NDArray[np.float64]]:
    """Do the same by probabilities out of fold; return what they are after it, too."""
    known = _Known().fit(y_proba, y_val)
    calibrated = calibrate(known, y_proba, y_val, method)
    after = np.asarray(calibrated.predict_proba(y_proba))
    frozen = FrozenEstimator(estimator)
    calibrated.set_params(estimator=frozen)
    for each in calibrated.calibrated_classifiers_:
        each.estimator = frozen
    return calibrated, after


def decide_at(
    estimator: Any, threshold: float, pos_label: Any, X_val: ImagePaths, y_val: ArrayLike
) -> FixedThresholdClassifier:
    """Give a fitted classifier a threshold that is known."""
    detector = FixedThresholdClassifier(
        FrozenEstimator(estimator),
        threshold=threshold,
        pos_label=pos_label,
        response_method="predict_proba",
    )
    return detector.fit(X_val, y_val)
