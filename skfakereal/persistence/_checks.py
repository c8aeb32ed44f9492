"""What restored objects must fulfil, since compiled code relies on it without looking.

The C and C++ behind scikit-learn's support vectors, neighbours and stochastic gradients, and
behind ncnn, takes sizes on trust; a file that lies about them could make it read or write
beyond an array, as CVE-2020-28975 did.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skfakereal._network import (
    Carry,
    Clip,
    Conv,
    Dense,
    Flatten,
    GlobalPool,
    MaxPool,
    Network,
    Statistics,
)
from skfakereal._novelty import FeatureSummary
from skfakereal._parameters import check_parameters
from skfakereal._trunk import Trunk, convolution_names, correlated_convolutions
from skfakereal._trunk_settings import TrunkSettings


def require(holds: Any, rule: str) -> None:
    if not holds:
        raise ValueError(rule)


def is_below(array: Any, high: int) -> bool:
    """Return whether all of an array is from 0 to below `high`; without a copy."""
    return array.size == 0 or bool(array.min() >= 0 and array.max() < high)


def is_array(value: Any, kinds: str, *shape: int | None) -> bool:
    """Return whether a value is an array of such types and such a shape; None: any."""
    return (
        isinstance(value, np.ndarray)
        and value.dtype.kind in kinds
        and value.ndim == len(shape)
        and all(n in (None, m) for n, m in zip(shape, value.shape, strict=True))
    )


def check_settings(settings: TrunkSettings) -> None:
    # An estimator's may be a single number, or NumPy's.
    is_pair = isinstance(settings.image_size, tuple)
    require(
        is_pair and all(type(side) is int for side in settings.image_size),
        "its image_size is not a pair of integers",
    )
    require(settings.preprocessing != "auto", "preprocessing is not settled")
    require(type(settings.n_crops) is int, "its n_crops is no integer")
    ranges = settings.ranges or ()
    positive = all(type(value) is float and 0 < value < np.inf for value in ranges)
    require(
        type(ranges) is tuple and len(ranges) in (0, 2, 4, 7, 10, 13) and positive,
        "its ranges are no positive numbers, one a convolution",
    )
    check_parameters(
        {
            "image_size": settings.image_size,
            "resize": settings.resize,
            "preprocessing": settings.preprocessing,
            "pooling": settings.pooling,
            "trainable_from": settings.cut,
            "n_crops": settings.n_crops,
        }
    )


def check_summary(summary: FeatureSummary) -> None:
    """Check the sizes, and that no value makes a comparison meaningless."""
    mean, directions = summary.mean, summary.directions
    numbers = (summary.residual, summary.tail)
    require(
        is_array(mean, "f", None)
        and is_array(summary.scale, "f", len(mean))
        and is_array(directions, "f", None, len(mean))
        and directions.dtype == np.float16
        and is_array(summary.variances, "f", len(directions))
        and is_array(summary.quantiles, "f", None)
        and len(summary.quantiles) >= 2
        and all(type(value) is float and 0 <= value < np.inf for value in numbers)
        and summary.residual > 0
        and type(summary.n_reference) is int
        and 1 <= summary.n_reference < 2**53
        and type(summary.sides) is tuple
        and len(summary.sides) == 2
        and all(type(side) is int and 0 <= side < 2**31 for side in summary.sides)
        and all(
            np.isfinite(array).all()
            for array in vars(summary).values()
            if isinstance(array, np.ndarray)
        )
        and bool((summary.scale > 0).all() and (np.diff(summary.quantiles) >= 0).all()),
        "the summary of its training images is none",
    )


def check_summary_fits(summary: Any, trunk: Any, settings: Any) -> None:
    if summary is None:
        return
    require(isinstance(summary, FeatureSummary), "its summary is none")
    shape = _shape_at_cut(trunk, settings)
    width = shape[0]
    if settings.cut is not None or settings.pooling == "flatten":
        maps = _maps_before(trunk, settings)
        with_maps = len(shape) == 1 and settings.cut is not None
        width = 4 * maps[2] + (shape[0] - math.prod(maps) if with_maps else 0)
    require(len(summary.mean) == width, "its summary does not fit the trunk")


def check_extractor(extractor: Any) -> None:
    check_parameters(extractor.get_params(deep=False))
    if not hasattr(extractor, "_trunk"):
        return
    shape = _shape_at_cut(extractor._trunk, extractor._settings)
    require(
        extractor._settings.cut is None and extractor.n_features_out_ == shape[0],
        "the features do not fit the trunk",
    )


def check_classifier(classifier: Any) -> None:
    check_parameters(classifier.get_params(deep=False))
    if not hasattr(classifier, "_trunk"):
        return
    check_network(
        classifier._trunk, classifier._settings, classifier._tail, len(classifier.classes_)
    )
    summary = getattr(classifier, "_summary", None)
    check_summary_fits(summary, classifier._trunk, classifier._settings)


def check_network(trunk: Any, settings: Any, tail: Any, n_classes: int) -> None:
    require(isinstance(tail, Network) and n_classes >= 2, "its tail is not a network")
    shape, n_waiting, channels = _shape_at_cut(trunk, settings), 0, list[int]()
    for i, layer in enumerate(tail.layers):
        if isinstance(layer, Carry):
            maps = _maps_before(trunk, settings)
            require(
                i == 0
                and settings.sees_all_layers
                and type(layer.shape) is tuple
                and all(type(side) is int for side in layer.shape)
                and layer.shape == maps,
                "its statistics do not fit the trunk",
            )
            n_waiting = shape[0] - math.prod(maps)
            shape = maps
        elif isinstance(layer, Statistics):
            correlated = correlated_convolutions(settings, _n_blocks_before(settings) + 1)
            fits = layer.with_maps is False and layer.correlated == correlated
            require(len(shape) == 3 and fits, "its statistics are none")
            shape = (n_waiting + sum(layer.widths(channels)),)
        else:
            shape = _shape_behind(layer, shape)
            if isinstance(layer, Conv):
                channels.append(shape[2])
    last = tail.layers[-1] if tail.layers else None
    wanted = ("sigmoid", (1,)) if n_classes == 2 else ("softmax", (n_classes,))
    require(
        isinstance(last, Dense) and (last.activation, shape) == wanted,
        "the last layer does not fit the classes",
    )


def _shape_at_cut(trunk: Any, settings: Any) -> tuple[int, ...]:
    require(
        isinstance(trunk, Trunk) and isinstance(settings, TrunkSettings),
        "the trunk or its settings are none",
    )
    n_blocks = _n_blocks_before(settings)
    require(trunk.n_blocks >= n_blocks, "the trunk lacks blocks before the cut")
    # Reckoned, since making a network takes time and memory, and a file may hold many.
    maps = _maps_before(trunk, settings)
    if settings.sees_all_layers and n_blocks:
        channels = [len(trunk.arrays[f"{x}/bias"]) for x in convolution_names(n_blocks)]
        statistics = Statistics(correlated=correlated_convolutions(settings, 1))
        n_statistics = sum(statistics.widths(channels))
        return (n_statistics + (0 if settings.cut is None else math.prod(maps)),)
    if settings.cut is not None:
        return maps
    return (math.prod(maps),) if settings.pooling == "flatten" else maps[2:]


def _n_blocks_before(settings: TrunkSettings) -> int:
    return 5 if settings.cut is None else int(settings.cut[-1]) - 1


def _maps_before(trunk: Trunk, settings: TrunkSettings) -> tuple[int, ...]:
    """Return the shape of the frozen blocks' last map."""
    n_blocks = _n_blocks_before(settings)
    height, width = (int(side) >> n_blocks for side in settings.image_size)
    names = convolution_names(n_blocks)
    return height, width, len(trunk.arrays[f"{names[-1]}/bias"]) if names else 3


def _shape_behind(layer: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape behind a layer of the tail, or raise if it does not fit."""
    match layer:
        case Conv(kernel, bias) if len(shape) == 3 and min(shape) >= 1:
            fits = _is_float32(kernel, 3, 3, shape[2], None)
            require(fits and _is_float32(bias, kernel.shape[3]), "a convolution is none")
            return (*shape[:2], int(kernel.shape[3]))
        case MaxPool() if len(shape) == 3 and min(shape) >= 1:
            return shape[0] // 2, shape[1] // 2, shape[2]
        case GlobalPool("avg" | "max") if len(shape) == 3:
            return shape[2:]
        case Flatten() if len(shape) == 3:
            return (math.prod(shape),)
        case Clip(low, high) if len(shape) == 1:
            fits = _is_float32(low, *shape) and _is_float32(high, *shape)
            fits = fits and bool(np.isfinite([low, high]).all() and (low <= high).all())
            require(fits, "its bounds are not two vectors, the lower one first")
            return shape
        case Dense(kernel, bias, "relu" | "sigmoid" | "softmax") if len(shape) == 1:
            fits = _is_float32(kernel, shape[0], None)
            require(fits and _is_float32(bias, kernel.shape[1]), "a Dense layer is none")
            return (int(kernel.shape[1]),)
    raise ValueError(f"a {type(layer).__name__} layer is in the wrong place")


def _is_float32(value: NDArray[Any], *shape: int | None) -> bool:
    sizes = is_array(value, "f", *shape)
    return bool(sizes and value.dtype == np.float32 and 0 not in value.shape)


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
        and is_below(counts, 2**31)
        and counts.sum(dtype=np.int64) == n_vectors
        and is_below(svc.support_, svc.shape_fit_[0])
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
        and is_below(knn._y, n_classes),
        "the neighbours do not fit the classes and the features",
    )


_CHECKS: dict[str, Callable[[Any], None]] = {
    "skfakereal.FeatureSummary": check_summary,
    "skfakereal.TrunkSettings": check_settings,
    "skfakereal.VGG16FeatureExtractor": check_extractor,
    "skfakereal.VGG16ImageClassifier": check_classifier,
    "sklearn.linear_model.Perceptron": _check_gradient_descent,
    "sklearn.linear_model.SGDClassifier": _check_gradient_descent,
    "sklearn.neighbors.KNeighborsClassifier": _check_neighbors,
    "sklearn.svm.NuSVC": _check_support_vectors,
    "sklearn.svm.SVC": _check_support_vectors,
}
