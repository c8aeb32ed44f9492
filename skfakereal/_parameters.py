"""Parameters of estimators: their rules, and a form that JSON knows.

scikit-learn is not needed to check them.
"""

import math
from collections.abc import Callable, Mapping
from numbers import Integral, Real
from os import PathLike, fspath
from typing import Any

import numpy as np

from skfakereal._trunk import CUTS

# What an estimator did before it had the parameter: models that lack it are of that time.
_TRUNK_BEFORE: dict[str, Any] = {
    "preprocessing": "unit",
    "n_crops": 1,
    "pooling": "avg",
}
BEFORE: dict[str, dict[str, Any]] = {
    "VGG16FeatureExtractor": _TRUNK_BEFORE,
    "VGG16ImageClassifier": _TRUNK_BEFORE | {"standardize": False, "weight_decay": 0.0},
}

_MOST_PIXELS = 2048 * 2048

Rule = tuple[str, Callable[[Any], bool]]


def check_parameters(parameters: Mapping[str, Any]) -> None:
    """Check the parameters of an estimator."""
    for name, value in parameters.items():
        wanted, holds = _RULES[name]
        if not holds(value):
            raise ValueError(f"{name} must be {wanted}, got {value!r}.")
        if name == "augmentation" and not _is_named(value):
            value.check()
    if parameters.get("n_crops", 1) > 1:
        _check_crops(parameters)


def _check_crops(parameters: Mapping[str, Any]) -> None:
    if parameters.get("resize") == "stretch":
        raise ValueError(
            f"n_crops={parameters['n_crops']} needs resize='crop' or 'shrink': of a stretched "
            "image there is one view."
        )
    if parameters.get("trainable_from") is not None:
        raise ValueError(
            f"n_crops={parameters['n_crops']} needs trainable_from=None: features can be "
            "averaged over crops, but not the maps at a cut."
        )


def is_integer(value: Any, low: int) -> bool:
    """Tell whether a value is a whole number, Python's or NumPy's, of at least `low`."""
    return not isinstance(value, bool) and isinstance(value, Integral) and int(value) >= low


def _integers(value: Any) -> list[Any] | None:
    """Return the items of a tuple, list or vector, which may be a draw of NumPy's."""
    is_vector = isinstance(value, np.ndarray) and value.ndim == 1
    return list(value) if isinstance(value, tuple | list) or is_vector else None


_COUNT: Rule = ("an integer of at least 1", lambda value: is_integer(value, 1))


def _real(wanted: str, holds: Callable[[float], bool]) -> Rule:
    return (
        wanted,
        lambda value: (
            not isinstance(value, bool) and isinstance(value, Real) and holds(float(value))
        ),
    )


def _one_of(*options: str | None) -> Rule:
    def holds(value: Any) -> bool:
        return (value is None or isinstance(value, str)) and value in options

    return "one of " + ", ".join(map(repr, options)), holds


def _or(rule: Rule, *options: Any) -> Rule:
    wanted, holds = rule
    named = " or ".join([wanted, *(repr(option) for option in options)])
    return (
        named,
        lambda value: (
            any(value is option for option in options)
            or (isinstance(value, str) and value in options)
            or holds(value)
        ),
    )


def _is_image_size(value: Any) -> bool:
    # 32 is what five poolings need. At 2048 x 2048, VGG16's first convolution takes 1.07 GB.
    sides = [value, value] if isinstance(value, Integral) else _integers(value) or []
    return (
        len(sides) == 2
        and all(is_integer(side, 32) for side in sides)
        and math.prod(map(int, sides)) <= _MOST_PIXELS
    )


def _is_hidden_units(value: Any) -> bool:
    layers = _integers(value)
    return layers is not None and all(is_integer(units, 1) for units in layers)


def _is_seed(value: Any) -> bool:
    is_number = is_integer(value, 0) and value < 2**32
    return is_number or isinstance(value, np.random.RandomState)


def _is_class_weight(value: Any) -> bool:
    if isinstance(value, Mapping):
        weights = list(value.values())
        return any(weights) and all(
            isinstance(weight, Real) and 0 <= float(weight) < np.inf for weight in weights
        )
    return value is None or (isinstance(value, str) and value == "balanced")


def _is_bool(value: Any) -> bool:
    return isinstance(value, bool | np.bool_)


def _is_verbose(value: Any) -> bool:
    return _is_bool(value) or is_integer(value, 0)


def _is_named(value: Any) -> bool:
    return value is None or (isinstance(value, str) and value in ("default", "shared"))


def _is_augmentation(value: Any) -> bool:
    if _is_named(value):
        return True
    from skfakereal._augmentation import Augmentation  # which imports scikit-learn

    return isinstance(value, Augmentation)


_BOOL: Rule = ("True or False", _is_bool)

_RULES: dict[str, Rule] = {
    "image_size": (
        "an integer of at least 32, or a pair (height, width) of them, of at most "
        "2048 * 2048 pixels",
        _is_image_size,
    ),
    "resize": _one_of("stretch", "crop", "shrink"),
    "n_crops": (
        "an integer from 1 to 9",
        lambda value: is_integer(value, 1) and int(value) <= 9,
    ),
    "preprocessing": _one_of("auto", "unit", "imagenet"),
    "weights": (
        "'imagenet', 'cifake', the path of a weights file, or None",
        lambda value: value is None or isinstance(value, str | PathLike),
    ),
    "pooling": _one_of("correlations", "statistics", "avg", "max", "flatten"),
    "hidden_units": ("a tuple of integers of at least 1", _is_hidden_units),
    "dropout": _real("a number from 0 to below 1", lambda value: 0 <= value < 1),
    "trainable_from": _one_of(*CUTS),
    "standardize": _BOOL,
    "weight_decay": _or(_real("a number of at least 0", lambda v: 0 <= v < np.inf), "auto"),
    "optimizer": (
        "'auto', 'lbfgs', or the name of a Keras optimizer",
        lambda value: isinstance(value, str),
    ),
    "learning_rate": _real("a number above 0", lambda value: 0 < value < np.inf),
    "batch_size": _COUNT,
    "epochs": _COUNT,
    "class_weight": (
        "'balanced', a dict of class: weight of at least 0, not all 0, or None",
        _is_class_weight,
    ),
    "augmentation": (
        "'default', 'shared', an Augmentation, or None",
        _is_augmentation,
    ),
    "n_views": _COUNT,
    "early_stopping": _BOOL,
    "validation_fraction": _or(
        _real("a number between 0 and 1, both excluded", lambda value: 0 < value < 1),
        "auto",
    ),
    "patience": _COUNT,
    "warm_start": _BOOL,
    "engine": _one_of("auto", "ncnn", "int8", "tensorflow"),
    "cache": (
        "'auto', the path of a folder, or None",
        lambda value: value is None or isinstance(value, str | PathLike),
    ),
    "on_error": _one_of("raise", "nan"),
    "n_jobs": _or(
        ("an integer other than 0", lambda v: is_integer(v, -999) and v != 0), None
    ),
    "random_state": _or(
        ("an integer from 0 to 2**32 - 1 or a RandomState", _is_seed), None
    ),
    "verbose": ("an integer of at least 0, or a bool", _is_verbose),
}


def settings_of(estimator: Any) -> dict[str, Any]:
    """Return the parameters of an estimator in a form that JSON knows.

    Those that are estimators themselves become dicts, with ``class``.
    """
    parameters = estimator.get_params(deep=False)
    return {
        "class": type(estimator).__name__,
        **{name: _plain(value) for name, value in parameters.items()},
    }


def _plain(value: Any) -> Any:
    from sklearn.base import BaseEstimator

    match value:
        case None | bool() | int() | float() | str():
            return value
        case list() | tuple():
            return [_plain(item) for item in value]
        case np.generic() | np.ndarray():
            plain = value.tolist()
            # The one type for which Python has no number.
            return float(plain) if isinstance(plain, np.generic) else _plain(plain)
        case PathLike():
            return fspath(value)
        case BaseEstimator():
            return settings_of(value)
        case _:
            return str(value)
