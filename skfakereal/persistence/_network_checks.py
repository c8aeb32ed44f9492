"""What a restored network must fulfil, since ncnn takes the sizes of its arrays on trust."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skfakereal._network import Conv, Dense, Flatten, GlobalPool, MaxPool, Network
from skfakereal._parameters import check_parameters
from skfakereal._trunk import Trunk, convolution_names
from skfakereal._trunk_settings import TrunkSettings
from skfakereal.persistence._arrays import is_array, require


def check_settings(settings: TrunkSettings) -> None:
    # An estimator's may be a single number, or NumPy's.
    is_pair = isinstance(settings.image_size, tuple)
    require(
        is_pair and all(type(side) is int for side in settings.image_size),
        "its image_size is no pair of integers",
    )
    require(settings.preprocessing != "auto", "preprocessing is not settled")
    check_parameters(
        {
            "image_size": settings.image_size,
            "resize": settings.resize,
            "preprocessing": settings.preprocessing,
            "pooling": settings.pooling,
            "trainable_from": settings.cut,
        }
    )


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


def check_network(trunk: Any, settings: Any, tail: Any, n_classes: int) -> None:
    require(isinstance(tail, Network) and n_classes >= 2, "the tail is none")
    shape = _shape_at_cut(trunk, settings)
    for layer in tail.layers:
        shape = _shape_behind(layer, shape)
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
    n_blocks = 5 if settings.cut is None else int(settings.cut[-1]) - 1
    require(trunk.n_blocks >= n_blocks, "the trunk lacks blocks before the cut")
    # Reckoned, since making a network takes time and memory, and a file may hold many.
    height, width = (int(side) >> n_blocks for side in settings.image_size)
    names = convolution_names(n_blocks)
    channels = len(trunk.arrays[f"{names[-1]}/bias"]) if names else 3
    if settings.cut is not None or settings.pooling == "flatten":
        shape = (height, width, channels)
        return shape if settings.cut is not None else (math.prod(shape),)
    return (channels,)


def _shape_behind(layer: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape behind a layer of the tail, or raise if it does not fit."""
    match layer:
        case Conv(kernel, bias) if len(shape) == 3:
            fits = _is_float32(kernel, 3, 3, shape[2], None)
            require(fits and _is_float32(bias, kernel.shape[3]), "a convolution is none")
            return (*shape[:2], int(kernel.shape[3]))
        case MaxPool() if len(shape) == 3 and min(shape) >= 1:
            return shape[0] // 2, shape[1] // 2, shape[2]
        case GlobalPool("avg" | "max") if len(shape) == 3:
            return shape[2:]
        case Flatten():
            return (math.prod(shape),)
        case Dense(kernel, bias, "relu" | "sigmoid" | "softmax") if len(shape) == 1:
            fits = _is_float32(kernel, shape[0], None)
            require(fits and _is_float32(bias, kernel.shape[1]), "a Dense layer is none")
            return (int(kernel.shape[1]),)
    raise ValueError(f"a {type(layer).__name__} layer cannot stand where it stands")


def _is_float32(value: NDArray[Any], *shape: int | None) -> bool:
    sizes = is_array(value, "f", *shape)
    return bool(sizes and value.dtype == np.float32 and 0 not in value.shape)
