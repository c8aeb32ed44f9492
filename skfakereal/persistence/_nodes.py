"""A description -> nodes: classes by name, with parameters and state as plain values.

Needs neither scikit-learn nor Keras, so that predictions can be computed without them.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skfakereal.persistence._classes import ESTIMATORS, FUNCTIONS, PARTS
from skfakereal.persistence._parameter_rules import check_file_parameters

__all__ = ["Function", "Node", "decode_objects"]

_MAX_DEPTH = 20
_MAX_TEXT_BYTES = 2**26
_SCALARS = {
    name: getattr(np, name)
    for name in (
        *("bool_", "str_", "float16", "float32", "float64"),
        *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    )
}
_FLOATS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


@dataclass(frozen=True, eq=False)
class Node:
    """An object of one of the listed classes.

    Values are None, bool, int, float, str, lists, tuples and dicts of values, NumPy arrays
    and scalars, functions by name, and other nodes. Where the saved objects shared one, so
    do the nodes.

    Parameters
    ----------
    name : str
        The class, as it stands in the list.
    params : dict of str to object
        What an estimator's ``__init__`` takes.
    state : dict of str to object
        Its other attributes.
    """

    name: str
    params: dict[str, Any] = field(default_factory=dict)
    state: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Function:
    """A function of the list, by name."""

    name: str


def decode_objects(objects: Any, arrays: Mapping[str, NDArray[Any]]) -> list[Node]:
    """Turn the objects of a description into nodes.

    Parameters
    ----------
    objects : object
        As JSON gave it; a list, in which each object names earlier ones by their index.
    arrays : mapping of str to ndarray
        What it names.

    Returns
    -------
    list of Node
        The last one is the estimator that was saved.

    Raises
    ------
    ValueError
        If it breaks the rules of docs/model_file.md, or names what is not listed.
    """
    if not isinstance(objects, list) or not objects:
        raise ValueError("it describes no object")
    decoder = _Decoder(arrays)
    for entry in objects:
        decoder.add(entry)
    unused = arrays.keys() - decoder.used
    if unused:
        raise ValueError(f"array {min(unused)[:50]!r} belongs to nothing")
    return decoder.nodes


class _Decoder:
    def __init__(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self.arrays = arrays
        self.nodes: list[Node] = []
        self.used: set[str] = set()
        self._text_bytes = 0
        self._rules: dict[str, Callable[[Any, int], Any]] = {
            "float": self._float,
            "tuple": self._tuple,
            "dict": self._dict,
            "scalar": self._scalar,
            "array": self._array,
            "fortran": self._fortran,
            "values": self._values,
            "object": self._object,
            "function": self._function,
        }

    def add(self, entry: Any) -> None:
        if not isinstance(entry, dict) or not entry.keys() <= {"class", "params", "state"}:
            raise ValueError("an object has other keys than class, params and state")
        name = entry.get("class")
        if not isinstance(name, str) or not (name in ESTIMATORS or name in PARTS):
            raise ValueError(f"class {str(name)[:100]!r} is none that may be in a file")
        params, state = entry.get("params", {}), entry.get("state", {})
        if not (isinstance(params, dict) and isinstance(state, dict)):
            raise ValueError(f"params and state of {name} must be objects")
        if params and name in PARTS:
            raise ValueError(f"{name} has no parameters")
        unknown = state.keys() - (ESTIMATORS | PARTS)[name]
        if unknown:
            raise ValueError(f"{name} has no attribute {min(unknown)[:50]!r}")
        node = Node(
            name,
            {key: self.value(value) for key, value in params.items()},
            {key: self.value(value) for key, value in state.items()},
        )
        check_file_parameters(name, node.params)
        self.nodes.append(node)

    def value(self, value: Any, depth: int = 0) -> Any:
        if depth > _MAX_DEPTH:
            raise ValueError("a value is nested too deeply")
        if isinstance(value, list):
            return [self.value(item, depth + 1) for item in value]
        if not isinstance(value, dict):
            return value
        if len(value) != 1 or (kind := next(iter(value))) not in self._rules:
            raise ValueError(f"{sorted(value)[:3]} is no kind of value")
        return self._rules[kind](value[kind], depth + 1)

    def _float(self, value: Any, depth: int) -> float:
        if not isinstance(value, str) or value not in _FLOATS:
            raise ValueError(f"{str(value)[:20]!r} is no float")
        return _FLOATS[value]

    def _tuple(self, value: Any, depth: int) -> tuple[Any, ...]:
        return tuple(self.value(item, depth) for item in _list(value))

    def _dict(self, value: Any, depth: int) -> dict[Any, Any]:
        result: dict[Any, Any] = {}
        for pair in _list(value):
            key, content = (self.value(part, depth) for part in _list(pair, 2))
            if not isinstance(key, str | int | float | np.generic | tuple | None):
                raise ValueError("a key of a dict is no text or number")
            result[key] = content
        if len(result) != len(value):
            raise ValueError("a dict has a key twice")
        return result

    def _scalar(self, value: Any, depth: int) -> Any:
        kind, content = _list(value, 2)
        if not isinstance(kind, str) or kind not in _SCALARS:
            raise ValueError(f"{str(kind)[:20]!r} is no type of a scalar")
        content = self.value(content, depth)
        wanted = {"str_": str, "bool_": bool}.get(kind, float if "float" in kind else int)
        if type(content) is not wanted:
            raise ValueError(f"{str(content)[:20]!r} is no {kind}")
        try:
            return _SCALARS[kind](content)
        except OverflowError as error:
            raise ValueError(str(error)[:80]) from None

    def _array(self, value: Any, depth: int) -> NDArray[Any]:
        if not isinstance(value, str) or value not in self.arrays:
            raise ValueError(f"there is no array {str(value)[:50]!r}")
        self.used.add(value)
        return self.arrays[value]

    def _fortran(self, value: Any, depth: int) -> NDArray[Any]:
        """Return an array that lay column by column, and so is stored transposed."""
        return self._array(value, depth).T

    def _values(self, value: Any, depth: int) -> NDArray[Any]:
        """Return an array of texts, or of Python's objects."""
        dtype, shape, items = _list(value, 3)
        items = self._tuple(items, depth)
        _list(shape)
        if not all(type(n) is int and 0 <= n < 2**31 for n in shape):
            raise ValueError("the shape of an array of texts is none")
        if math.prod(shape) != len(items) or len(shape) > 8:
            raise ValueError("an array of texts has another size than its shape says")
        kind = _text_dtype(dtype, items)
        # Texts are short and their arrays as wide as the file likes.
        self._text_bytes += kind.itemsize * len(items)
        if self._text_bytes > _MAX_TEXT_BYTES:
            raise ValueError(f"arrays of texts take more than {_MAX_TEXT_BYTES} bytes")
        array = np.empty(len(items), kind)
        for i, item in enumerate(items):
            array[i] = item
        return array.reshape(shape)

    def _object(self, value: Any, depth: int) -> Node:
        if type(value) is not int or not 0 <= value < len(self.nodes):
            raise ValueError(f"{str(value)[:20]} is no earlier object")
        return self.nodes[value]

    def _function(self, value: Any, depth: int) -> Function:
        if not isinstance(value, str) or value not in FUNCTIONS:
            raise ValueError(f"function {str(value)[:100]!r} is none that may be in a file")
        return Function(value)


def _list(value: Any, length: int | None = None) -> list[Any]:
    if not isinstance(value, list) or (length is not None and len(value) != length):
        raise ValueError("a value has not as many parts as its kind needs")
    return value


def _text_dtype(dtype: Any, items: tuple[Any, ...]) -> np.dtype[Any]:
    if dtype == "object":
        if not all(
            isinstance(item, str | int | float | np.generic | None) for item in items
        ):
            raise ValueError("an array of objects holds more than texts and numbers")
        return np.dtype(object)
    if type(dtype) is not int or not 1 <= dtype <= _MAX_TEXT_BYTES // 4:
        raise ValueError("the width of an array of texts is none")
    if not all(isinstance(item, str) and len(item) <= dtype for item in items):
        raise ValueError("an array of texts holds something else, or longer texts")
    return np.dtype(f"<U{dtype}")
