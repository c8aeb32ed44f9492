"""A fitted classifier and labelled images -> a report."""

from collections.abc import Sequence
from typing import Any

from numpy.typing import ArrayLike

from skfakereal._classifying.predictions import predict_checked
from skfakereal._paths import ImagePaths
from skfakereal._validation import RandomState
from skfakereal.evaluation.figures._resamples import check_resampling
from skfakereal.evaluation.report._report import EvaluationReport


def evaluate(
    estimator: Any,
    X: ImagePaths,
    y: ArrayLike,
    *,
    pos_label: Any = None,
    target_names: Sequence[str] | None = None,
    sample_weight: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    generators: ArrayLike | None = None,
    n_resamples: int = 1000,
    random_state: RandomState = 0,
) -> EvaluationReport:
    """Evaluate a fitted classifier on labelled images that it was not trained on.

    The images go through the classifier once, unless its ``predict`` does not follow from
    its ``predict_proba``. The labels are the classifier's own, so a threshold that
    `FixedThresholdClassifier` or `TunedThresholdClassifierCV` holds is respected.

    Parameters
    ----------
    estimator : estimator
        Any fitted classifier over image paths that has ``predict_proba``, alone or in a
        `Pipeline`, a search, or scikit-learn's calibration and threshold classifiers.
    X : array-like of shape (n_images,) or (n_images, 1)
        Paths of the images.
    y : array-like of shape (n_images,)
        Their labels, among the classifier's ``classes_``.
    pos_label : label, default=None
        With two classes, the positive one for precision, recall, F1, ROC-AUC and average
        precision. None takes the class that is called "fake" (in any case, by
        `target_names` or by its label), else 1 of the classes 0 and 1, or -1 and 1.
    target_names : sequence of str, default=None
        What to call the classes, in the order of ``classes_``, for instance
        ``("real", "fake")`` for 0 and 1. None: the labels themselves.
    sample_weight : array-like of shape (n_images,), default=None
        Weights of the images. Counts of images ignore them.
    groups : array-like of shape (n_images,), default=None
        What each image belongs to: equal values for images that came about together, such
        as the frames of a video. The bootstrap draws whole groups.
    generators : array-like of shape (n_images,), default=None
        What made each image, or where it comes from. There is a row of figures for each.
        None: a row for each of the `groups`.
    n_resamples : int, default=1000
        How many resamples the 95% intervals are made from; 0 for no intervals.
    random_state : int, RandomState instance or None, default=0
        Seed of the resamples: equal predictions give equal intervals.

    Returns
    -------
    EvaluationReport
        Figures, tables and pictures.

    Raises
    ------
    ValueError
        If a label is unknown to the classifier, the positive class is open, no image
        could be read, or `X`, `y` and `sample_weight` do not fit together.
    TypeError
        If the estimator gives no probabilities.
    sklearn.exceptions.NotFittedError
        If the estimator is not fitted.

    See Also
    --------
    EvaluationReport : The same from predictions that are at hand.
    compare_reports : Several models on the same images.

    Examples
    --------
    >>> from skfakereal.evaluation import evaluate
    >>> report = evaluate(clf, X_test, y_test, target_names=["real", "fake"])  # doctest: +SKIP
    >>> report["recall"]  # the share of the fakes that was found  # doctest: +SKIP
    0.93
    >>> report.intervals.overall["recall"]  # doctest: +SKIP
    (0.912, 0.947)
    >>> report.plot()  # doctest: +SKIP
    >>> report.save_html("evaluation.html")  # doctest: +SKIP
    """
    seed = check_resampling(n_resamples, random_state)
    checked = predict_checked(
        estimator,
        X,
        y,
        pos_label=pos_label,
        target_names=target_names,
        sample_weight=sample_weight,
        groups=groups,
        generators=generators,
    )
    return EvaluationReport._from_checked(checked, n_resamples, seed)
