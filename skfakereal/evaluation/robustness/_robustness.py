"""A fitted classifier and labelled images -> how it bears what happens to images."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import _safe_indexing
from tqdm import tqdm

from skfakereal._classifying.copies import predict_perturbed
from skfakereal._classifying.predictions import Predictions, predict_checked
from skfakereal._paths import ImagePaths, check_paths
from skfakereal.evaluation.perturbations import (
    Perturbation,
    name_of,
    standard_perturbations,
)
from skfakereal.evaluation.robustness._report import RobustnessReport
from skfakereal.evaluation.robustness._rows import Verdicts


def robustness_report(
    estimator: Any,
    X: ImagePaths,
    y: ArrayLike,
    *,
    perturbations: Iterable[Perturbation] | None = None,
    pos_label: Any = None,
    target_names: Sequence[str] | None = None,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> RobustnessReport:
    """Measure how a fitted classifier bears compression, scaling, blur, noise and cropping.

    Every image, of both classes alike, goes through each perturbation alone, and the
    classifier judges the copies at its own threshold. Detectors of fakes are known to
    fail here: they learn traces of how the files were made, which the next messenger
    wipes out (Grommelt et al. 2024, "Fake or JPEG?"; Wang et al. 2020, "CNN-generated
    images are surprisingly easy to spot... for now", section 4.2).

    Parameters
    ----------
    estimator : estimator
        Any fitted classifier over image paths that has ``predict_proba``, as `evaluate`
        takes it.
    X : array-like of shape (n_images,) or (n_images, 1)
        Paths of images that it was not trained on. They are only read.
    y : array-like of shape (n_images,)
        Their labels, among the classifier's ``classes_``.
    perturbations : iterable of Perturbation, default=None
        What to do to the images, from `skfakereal.evaluation.perturbations`; in each
        family the mildest first. None takes `standard_perturbations`, 28 of them.
    pos_label : label, default=None
        With two classes, the positive one; chosen as in
        `evaluate`.
    target_names : sequence of str, default=None
        What to call the classes, in the order of ``classes_``.
    n_jobs : int, default=None
        Threads that make copies; None for this process's share of the cores. The
        classifier has its own `n_jobs`.
    verbose : int, default=0
        Whether to show a progress bar.

    Returns
    -------
    RobustnessReport
        A row of figures for each perturbation, with tables and pictures.

    Raises
    ------
    ValueError
        As `evaluate` does, and if there is no perturbation or two have the same name.
    TypeError
        If the estimator gives no probabilities.
    sklearn.exceptions.NotFittedError
        If the estimator is not fitted.
    ImageReadError
        If an image cannot be read, unless the classifier gives NaN for it.

    Notes
    -----
    Since classifiers take paths, the copies are written as PNG files, without metadata,
    into a temporary folder: at most 512, or 256 MiB and a few more, at a time. They are
    removed again whatever happens. The classifier runs once for each perturbation and
    once for the untouched images. A `VGG16ImageClassifier` keeps the activations of the
    copies in its cache like any others, which makes a second report quick.

    Examples
    --------
    >>> from skfakereal.evaluation import robustness_report
    >>> report = robustness_report(clf, X_test, y_test)  # doctest: +SKIP
    >>> report["JPEG quality 50"].flip_rate  # doctest: +SKIP
    0.12
    >>> report.save_html("robustness.html")  # doctest: +SKIP
    """
    asked = standard_perturbations() if perturbations is None else list(perturbations)
    _check_names([name_of(perturbation) for perturbation in asked])
    untouched = predict_checked(
        estimator, X, y, pos_label=pos_label, target_names=target_names
    )
    images = _readable(X, untouched)
    verdicts = []
    for perturbation in tqdm(asked, desc="Perturbing", disable=not verbose):
        verdicts.append(_judge(estimator, images, untouched, perturbation, n_jobs))
    return RobustnessReport(untouched, asked, verdicts)


def _check_names(names: list[str]) -> None:
    if not names:
        raise ValueError("perturbations must hold at least one, got none.")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice:
        raise ValueError(
            f"Perturbations must have names of their own, but two are {twice!r}. Give "
            "chains different names."
        )


def _readable(X: ImagePaths, untouched: Predictions) -> Any:
    """Return X without the images for which the classifier gave no probability."""
    lost = {path for path, _ in untouched.unreadable}
    if not lost:
        return X
    rows = [i for i, path in enumerate(check_paths(X)) if path not in lost]
    return _safe_indexing(X, rows)


def _judge(
    estimator: Any,
    X: Any,
    untouched: Predictions,
    perturbation: Perturbation,
    n_jobs: int | None,
) -> Verdicts:
    pairs = [(i, perturbation) for i in range(len(untouched.paths))]
    predictions = predict_perturbed(estimator, X, untouched.paths, pairs, n_jobs=n_jobs)
    position = {label: i for i, label in enumerate(untouched.classes.tolist())}
    codes = np.array(
        [position[label] for label in predictions.y_pred.tolist()], dtype=np.intp
    )
    missing = np.isnan(predictions.y_proba).any(axis=1)
    return Verdicts(
        np.where(missing, -1, codes),
        predictions.y_proba,
        n_unchanged=int(np.sum(predictions.unchanged)),
        n_too_small=int(np.sum(predictions.too_small)),
    )
