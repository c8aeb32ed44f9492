"""What restored objects must fulfil, since compiled code relies on it without looking.

The C and C++ behind scikit-learn's support vectors, neighbours and stochastic gradients, and
behind ncnn, takes sizes on trust; a file that lies about them could make it read or write
beyond an array, as CVE-2020-28975 did.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from skfakereal.persistence._arrays import is_array, is_within, require
from skfakereal.persistence._network_checks import (
    check_classifier,
    check_extractor,
    check_settings,
)

_METRICS = ("euclidean", "l2", "sqeuclidean", "manhattan", "l1", "cityblock", "cosine")


def check_restored(value: Any, name: str) -> None:
    """Check that the sizes within an object fit each other."""
    check = _CHECKS.get(name)
    if check is not None:
        check(value)


def _n_classes(estimator: Any) -> int:
    classes = estimator.classes_
    require(is_array(classes, "biufUO", None), "classes_ must be a vector")
    return len(classes)


def _check_support_vectors(svc: Any) -> None:
    if not hasattr(svc, "support_vectors_"):
        return
    n_classes, n_features = _n_classes(svc), svc.n_features_in_
    require(
        isinstance(svc.shape_fit_, tuple)
        and all(isinstance(n, int | np.integer) for n in svc.shape_fit_),
        "the support vectors do not fit the classes and the features",
    )
    n_vectors, n_pairs = len(svc.support_), n_classes * (n_classes - 1) // 2
    counts = svc._n_support
    width = svc.shape_fit_[0] if svc.kernel == "precomputed" else n_features
    require(
        svc._sparse is False
        and isinstance(svc.kernel, str)
        and n_classes >= 2
        and is_array(svc.support_, "i", None)
        and is_array(counts, "i", n_classes)
        and is_within(counts, 0, 2**31)
        and counts.sum(dtype=np.int64) == n_vectors
        and is_within(svc.support_, 0, svc.shape_fit_[0])
        and (
            is_array(svc.support_vectors_, "f", n_vectors, width)
            or (svc.kernel == "precomputed" and svc.support_vectors_.size == 0)
        )
        and all(
            is_array(coef, "f", n_classes - 1, n_vectors)
            for coef in (svc._dual_coef_, svc.dual_coef_)
        )
        and is_array(svc._intercept_, "f", n_pairs)
        and all(
            is_array(part, "f", 0) or is_array(part, "f", n_pairs)
            for part in (svc._probA, svc._probB)
        ),
        "the support vectors do not fit the classes and the features",
    )


def _check_gradient_descent(sgd: Any) -> None:
    if not hasattr(sgd, "coef_"):
        return
    n_classes, n_features = _n_classes(sgd), sgd.n_features_in_
    n_rows = 1 if n_classes == 2 else n_classes
    for prefix in ("", "_standard_", "_average_"):
        for name, sizes in (("coef", (n_rows, n_features)), ("intercept", (n_rows,))):
            value = getattr(sgd, f"{prefix}{name}" if prefix else f"{name}_", None)
            # Of two classes, scikit-learn keeps some of them as vectors.
            flat = (n_features,) if name == "coef" and n_rows == 1 else sizes
            require(
                value is None
                or is_array(value, "f", *sizes)
                or is_array(value, "f", *flat),
                "the coefficients do not fit the classes and the features",
            )
    weights = getattr(sgd, "_expanded_class_weight", None)
    require(
        weights is None or is_array(weights, "f", n_classes),
        "the weights of the classes do not fit the classes",
    )


def _check_neighbors(knn: Any) -> None:
    if not hasattr(knn, "_fit_X"):
        return
    n_classes = _n_classes(knn)
    require(
        knn._fit_method == "brute" and knn._tree is None and knn.metric_params is None,
        "neighbours must be searched with algorithm='brute' and without metric_params",
    )
    require(
        knn.effective_metric_ in _METRICS
        and not knn.effective_metric_params_
        and knn.weights in ("uniform", "distance")
        and knn.outputs_2d_ is False
        and is_array(knn._fit_X, "f", None, knn.n_features_in_)
        and is_array(knn._y, "iu", len(knn._fit_X))
        and len(knn._y) == knn.n_samples_fit_
        and is_within(knn._y, 0, n_classes),
        "the neighbours do not fit the classes and the features",
    )


_CHECKS: dict[str, Callable[[Any], None]] = {
    "skfakereal.TrunkSettings": check_settings,
    "skfakereal.VGG16FeatureExtractor": check_extractor,
    "skfakereal.VGG16ImageClassifier": check_classifier,
    "sklearn.linear_model.Perceptron": _check_gradient_descent,
    "sklearn.linear_model.SGDClassifier": _check_gradient_descent,
    "sklearn.neighbors.KNeighborsClassifier": _check_neighbors,
    "sklearn.svm.NuSVC": _check_support_vectors,
    "sklearn.svm.SVC": _check_support_vectors,
}
