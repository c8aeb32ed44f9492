"""A classifier and images of several generators -> how it fares on one it never saw."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.utils import _safe_indexing
from sklearn.utils.parallel import Parallel, delayed

from skfakereal._classifying.ask import predict_once
from skfakereal._classifying.classes import class_names, positive_class
from skfakereal._paths import ImagePaths, check_paths
from skfakereal._threads import in_folder, working_folder
from skfakereal._validation import RandomState, check_labels, check_side, random_source
from skfakereal.evaluation.generators._report import GeneratorReport
from skfakereal.evaluation.generators._trials import (
    Answer,
    Trial,
    check_generators,
    generator_rows,
    make_trials,
)


def leave_one_generator_out(
    estimator: Any,
    X: ImagePaths,
    y: ArrayLike,
    generators: ArrayLike,
    *,
    groups: ArrayLike | None = None,
    params: Mapping[str, Any] | None = None,
    pos_label: Any = None,
    target_names: Sequence[str] | None = None,
    random_state: RandomState = None,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> GeneratorReport:
    """Measure what a detector loses on a generator that it was not trained on.

    For each generator a clone of the estimator is fitted on the fakes of all others, and
    tested on its images. What it is compared with is the detector that has seen the
    generator: as many folds as there are generators each hold out an equal share of every
    generator's images, so that a fold is as large as a generator is on average. Both
    figures are about the same fake images; what is left between them is what knowing the
    generator is worth. Real images, which come from no generator, are split into the same
    number of parts: every test has real images that were not trained on.

    Parameters
    ----------
    estimator : estimator
        A classifier over image paths that has ``predict_proba``. It is cloned.
    X : array-like of shape (n_images,) or (n_images, 1)
        Paths of the images.
    y : array-like of shape (n_images,)
        Their labels, two classes.
    generators : array-like of shape (n_images,)
        What made each fake image, for instance the `groups` of `load_image_folder` where
        all fakes lie in folders of their generators. What
        stands at the real images is ignored.
    groups : array-like of shape (n_images,), default=None
        Images of one group are never both in training and test: subjects, sources, or the
        ``copies_`` of an audit. Where a group ties a generator's images to others (a
        photograph and its manipulated copies), a part of the generator's images is tested.
        None: each image is a group of its own.
    params : dict, default=None
        What is passed on to ``fit``; arrays with an entry for each image are cut to the
        training part, as `sklearn.model_selection.cross_validate` does.
    pos_label : label, default=None
        Which class is the fake one; chosen as in `evaluate`.
    target_names : sequence of str, default=None
        What to call the classes, in sorted order.
    random_state : int, RandomState instance or None, default=None
        Draws the folds. The estimator has its own.
    n_jobs : int, default=None
        Processes that fit, as in `joblib.Parallel`; None is one, -1 all cores.
    verbose : int, default=0
        Of `joblib.Parallel`.

    Returns
    -------
    GeneratorReport
        A row for each generator, with table and picture.

    Raises
    ------
    ValueError
        If there are not two classes and two generators, arrays do not fit together, or
        images and groups are too few to hold some out in every fold.
    TypeError
        If the estimator gives no probabilities.

    See Also
    --------
    sklearn.model_selection.LeaveOneGroupOut : The splitter for `cross_validate` where
        every group has images of both classes.

    Notes
    -----
    The estimator is fitted twice for each generator. With fewer images to train on a
    detector is worse, whatever they show; `n_train_seen` and `n_train_unseen` tell how
    much of a drop that may be.

    Wang et al. (2020), "CNN-generated images are surprisingly easy to spot... for now",
    and Zhu et al. (2023), "GenImage", test detectors on generators that they have not
    seen.

    Examples
    --------
    >>> from skfakereal.evaluation import leave_one_generator_out
    >>> report = leave_one_generator_out(  # doctest: +SKIP
    ...     clf, data.data, data.target, data.groups, random_state=0
    ... )
    >>> report["stylegan"].drop["roc_auc"]  # doctest: +SKIP
    0.21
    >>> report.plot()  # doctest: +SKIP
    """
    if not (hasattr(estimator, "fit") and hasattr(estimator, "predict_proba")):
        raise TypeError(
            f"A classifier with predict_proba is needed, got {type(estimator).__name__}. "
            "Wrap it into CalibratedClassifierCV."
        )
    paths = check_paths(X)
    labels = check_labels(y, len(paths))
    classes = np.unique(labels)
    if len(classes) != 2:
        raise ValueError(
            f"Real and fake images are needed, two classes, got {classes.tolist()}."
        )
    names = class_names(classes, target_names)
    # With two classes there always is one.
    fake = cast("int", positive_class(classes, names, pos_label))
    is_fake = labels == classes[fake]
    made_by = check_generators(generators, is_fake, paths)
    tied = None if groups is None else check_side(groups, len(paths), "groups")
    trials = make_trials(made_by, tied, int(random_source(random_state).randint(2**31)))
    here, rest = working_folder(), (classes[fake], dict(params or {}))
    answers = Parallel(n_jobs=n_jobs, verbose=verbose)(
        delayed(in_folder)(here, _fit_and_test, estimator, X, labels, trial, *rest)
        for trial in trials
    )
    return GeneratorReport(
        generator_rows(is_fake, trials, answers),
        target_names=names,
        positive=names[fake],
        n_unreadable=_count_unreadable(trials, answers),
    )


def _fit_and_test(
    estimator: Any,
    X: Any,
    y: NDArray[Any],
    trial: Trial,
    fake_label: Any,
    params: dict[str, Any],
) -> Answer:
    cut = {
        name: _safe_indexing(value, trial.train) if _is_per_image(value, len(y)) else value
        for name, value in params.items()
    }
    fitted = clone(estimator).fit(_safe_indexing(X, trial.train), y[trial.train], **cut)
    y_pred, y_proba = predict_once(fitted, _safe_indexing(X, trial.test))
    read = ~np.isnan(y_proba).any(axis=1)
    column = np.asarray(fitted.classes_).tolist().index(fake_label)
    return Answer(trial.test[read], y_pred[read] == fake_label, y_proba[read, column])


def _is_per_image(value: Any, n_images: int) -> bool:
    return (
        hasattr(value, "__len__") and not isinstance(value, str) and len(value) == n_images
    )


def _count_unreadable(trials: Sequence[Trial], answers: Sequence[Answer]) -> int:
    pairs = zip(trials, answers, strict=True)
    lost = [np.setdiff1d(trial.test, answer.rows) for trial, answer in pairs]
    return len({i for rows in lost for i in rows})
