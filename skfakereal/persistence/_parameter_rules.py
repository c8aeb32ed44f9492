"""Which parameters a file may set to which values."""

import ntpath
from collections.abc import Callable, Mapping
from numbers import Integral
from typing import Any

import numpy as np

_MAX_UNITS = 2**20
_MAX_LAYERS = 100


def check_file_parameters(name: str, params: Mapping[str, Any]) -> None:
    """Refuse parameters that would make a later `fit` touch places of the maker's choice.

    A ``memory``, say, is a folder of pickles, which the next `fit` would load.
    """
    ours = name.startswith("skfakereal.")
    for key, (wanted, holds) in (_RULES | (_OUR_RULES if ours else {})).items():
        if key in params and not holds(params[key]):
            raise ValueError(f"{key} of {name} must be {wanted} in a file")


def _is_file_name(value: Any) -> bool:
    # Windows's rule knows both slashes and the colon of a drive.
    return value is None or (
        isinstance(value, str) and ntpath.basename(value) == value not in ("", ".", "..")
    )


def _is_worker_count(value: Any) -> bool:
    is_integer = isinstance(value, Integral) and not isinstance(value, bool)
    return value is None or (is_integer and abs(int(value)) <= 1024)


def _is_short(value: Any) -> bool:
    # An array may be as long as the file.
    return not hasattr(value, "__len__") or len(value) <= _MAX_LAYERS


def _are_layers(value: Any) -> bool:
    return (
        isinstance(value, tuple | list | np.ndarray)
        and _is_short(value)
        and all(isinstance(units, Integral) and units <= _MAX_UNITS for units in value)
    )


def _is_cache(value: Any) -> bool:
    return value is None or (isinstance(value, str) and value == "auto")


_Rules = dict[str, tuple[str, Callable[[Any], bool]]]
_RULES: _Rules = {
    "memory": ("None", lambda value: value is None),
    "n_jobs": ("None or a number up to 1024", _is_worker_count),
}
_OUR_RULES: _Rules = {
    "cache": ("'auto' or None", _is_cache),
    "hidden_units": (
        f"at most {_MAX_LAYERS} numbers up to {_MAX_UNITS}",
        _are_layers,
    ),
    "image_size": ("one or two numbers", _is_short),
    "optimizer": (
        "a name",
        lambda value: isinstance(value, str) and value.isidentifier() and value[0] != "_",
    ),
    "weights": ("a name without a folder, or None", _is_file_name),
}
