"""A fitted estimator -> a description and arrays."""

import math
import re
from collections.abc import Callable
from importlib import import_module
from types import FunctionType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

from skfakereal._trunk import Trunk
from skfakereal.persistence._checks import check_restored
from skfakereal.persistence._classes import ESTIMATORS, FUNCTIONS
from skfakereal.persistence._homes import name_of
from skfakereal.persistence._state import ELSEWHERE, PLAIN, estimator_parts, part_state

_SEARCHES = (
    "GridSearchCV",
    "HalvingGridSearchCV",
    "HalvingRandomSearchCV",
    "RandomizedSearchCV",
)


def encode_estimator(estimator: Any) -> tuple[list[Any], dict[str, NDArray[Any]]]:
    """Turn an estimator into what JSON knows, and arrays."""
    encoder = _Encoder()
    encoder.value(estimator, type(estimator).__name__)
    return encoder.objects, encoder.arrays


class _Encoder:
    def __init__(self) -> None:
        self.objects: list[Any] = []
        self.arrays: dict[str, NDArray[Any]] = {}
        self._indices: dict[Any, int] = {}
        self._names: dict[int, str] = {}
        # What is made on the way must not be freed, or its id would be another's.
        self._alive: list[Any] = []

    def value(self, value: Any, where: str) -> Any:
        """Encode a value; `where` is how one gets at it from the estimator."""
        if type(value) in PLAIN:
            return value
        if type(value) is float:
            return value if math.isfinite(value) else {"float": str(value)}
        if type(value) is list:
            return self._items(value, where)
        if type(value) is tuple:
            return {"tuple": self._items(value, where)}
        if type(value) is dict or type(value) is Bunch:
            pairs = [
                [self.value(key, where), self.value(content, f"{where}[{key!r}]")]
                for key, content in value.items()
            ]
            return {"dict": pairs}
        if isinstance(value, np.generic):
            return self._scalar(value, where)
        if type(value) is np.ndarray or type(value) is np.memmap:
            return self._array(value, where)
        if isinstance(value, FunctionType):
            return {"function": _function_name(value, where)}
        return {"object": self._object(value, where)}

    def _items(self, values: Any, where: str) -> list[Any]:
        return [
            self.value(item, f"{where}[{_step_name(item, i)}]")
            for i, item in enumerate(values)
        ]

    def _scalar(self, value: np.generic, where: str) -> Any:
        if isinstance(value, np.longdouble) and value == np.float64(value):
            value = np.float64(value)
        kind = {"b": "bool_", "U": "str_"}.get(value.dtype.kind, value.dtype.name)
        if value.dtype.kind not in "biufU" or value.dtype.name == "float128":
            raise _refusal(value, where)
        return {"scalar": [kind, self.value(value.item(), where)]}

    def _array(self, array: NDArray[Any], where: str) -> Any:
        if array.dtype.kind == "U":
            width = max(1, array.dtype.itemsize // 4)
            return {
                "values": [width, list(array.shape), [str(item) for item in array.flat]]
            }
        if array.dtype.kind == "O":
            items = self._items(array.ravel().tolist(), where)
            return {"values": ["object", list(array.shape), items]}
        if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
            raise TypeError(
                f"{where} is an array of {array.dtype}, which a .skfr file cannot hold. "
                f"{ELSEWHERE}"
            )
        fortran = array.flags.f_contiguous and not array.flags.c_contiguous
        if id(array) not in self._names:
            name = f"{len(self.arrays)}.{_last_name(where)}"
            self._names[id(array)] = name
            self._alive.append(array)
            self.arrays[name] = np.ascontiguousarray(array.T if fortran else array).reshape(
                array.shape[::-1] if fortran else array.shape
            )
        return {"fortran" if fortran else "array": self._names[id(array)]}

    def _object(self, value: Any, where: str) -> int:
        # Trunks never change, so equal ones are one.
        same = (value.digest, value.n_blocks) if isinstance(value, Trunk) else id(value)
        if same not in self._indices:
            name = name_of(type(value))
            if name is None:
                raise _refusal(value, where)
            try:
                check_restored(value, name)
            except ValueError as error:
                raise ValueError(f"{where} cannot be saved: {error}.") from error
            encode = self._estimator if name in ESTIMATORS else self._part
            entry = {"class": name, **encode(value, name, where)}
            self.objects.append(entry)
            self._indices[same] = len(self.objects) - 1
            self._alive.append(value)
        return self._indices[same]

    def _estimator(self, estimator: Any, name: str, where: str) -> dict[str, Any]:
        params, state = estimator_parts(estimator, name, where)
        return {"params": self._named(params, where), "state": self._named(state, where)}

    def _part(self, part: Any, name: str, where: str) -> dict[str, Any]:
        return {"state": self._named(part_state(part, name, where), where)}

    def _named(self, values: dict[str, Any], where: str) -> dict[str, Any]:
        return {key: self.value(value, f"{where}.{key}") for key, value in values.items()}


def _step_name(item: Any, position: int) -> str:
    """Return the name of a step, or the position of anything else."""
    named = isinstance(item, tuple) and item and isinstance(item[0], str)
    return repr(item[0]) if named else str(position)


def _last_name(where: str) -> str:
    """Return an attribute's name, or the last key in it that is a text."""
    found = re.search(r"([\w/]+)('\])?(\[\d+\])*$", where)
    return found[1][:100] if found else ""


def _function_name(function: Callable[..., Any], where: str) -> str:
    for name in sorted(FUNCTIONS):
        home, _, own = name.rpartition(".")
        if own == function.__name__ and getattr(import_module(home), own) is function:
            return name
    raise TypeError(
        f"{where} is the function {function.__qualname__}, and a .skfr file holds no code. "
        f"{ELSEWHERE}"
    )


def _refusal(value: Any, where: str) -> TypeError:
    kind = type(value).__name__
    if kind in _SEARCHES:
        return TypeError(
            f"{where} is a {kind}, which would bring all of its candidates along. Save its "
            "best_estimator_."
        )
    if isinstance(value, np.random.RandomState | np.random.Generator):
        return TypeError(
            f"{where} is a {kind}, whose position a .skfr file does not keep. Set it to an "
            "int or None with set_params, which changes no prediction."
        )
    if hasattr(value, "toarray"):
        return TypeError(f"{where} is sparse, which a .skfr file cannot hold. {ELSEWHERE}")
    return TypeError(
        f"{where} is of class {kind}, which a .skfr file cannot hold: it has a closed list "
        f"of classes (docs/model_file.md), or else loading one could run code. {ELSEWHERE}"
    )
