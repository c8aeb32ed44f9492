"""A description -> nodes: classes by name, with parameters and state as plain values.

Needs neither scikit-learn nor Keras, so that predictions can be computed without them.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skfakereal.persistence._classes import (
    ESTIMATORS,
    FUNCTIONS,
    PARTS,
    check_file_parameters,
)

_MAX_DEPTH = 20
_MAX_TEXT_BYTES = 2**26
# What a few bytes can stand for. A graph of objects that share others is small in a file, and
# whatever walks it walks every way through it; scikit-learn's tags, which each check asks for,
# walk a Pipeline's steps three times at every level, and other parameters twice. So an object
# weighs as much as all that it names, that often.
_MAX_OBJECTS = 4096
_MAX_WEIGHT = 2**20
_OBJECT_WEIGHT = 20  # in plain values
_MAX_HEIGHT = 64  # of values and objects in each other
_MAX_TRUNKS = 20
# The bytes of an array are looked at wherever it is named.
_MAX_NAMED = 2**26
_MAX_TIMES_NAMED = 8
# A dict with keys of one hash takes the square of their number; those of texts are salted.
_MAX_NUMBER_KEYS = 1000
_MAX_COMPARED = 2**26  # keys with keys, in all dicts together
_MAX_CLASSES = 2**16
_MAX_LABEL = 1000
_MAX_TEXT = 10_000
_MAX_FEATURES = 2**31
_SCALARS = {
    name: getattr(np, name)
    for name in (
        *("bool_", "str_", "float16", "float32", "float64"),
        *("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"),
    )
}
_KINDS = frozenset(
    ("float", "tuple", "dict", "scalar", "array", "fortran", "values", "object", "function")
)
_FLOATS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


@dataclass(frozen=True, eq=False, repr=False)
class Node:
    """An object of one of the listed classes.

    Values are None, bool, int, float, str, lists, tuples and dicts of values, NumPy arrays
    and scalars, functions by name, and other nodes. Where the saved objects shared one, so
    do the nodes.
    """

    name: str  # the class, as it stands in the list
    # What an estimator's ``__init__`` takes.
    params: dict[str, Any] = field(default_factory=dict)
    state: dict[str, Any] = field(default_factory=dict)  # its other attributes

    def __repr__(self) -> str:
        # Of nodes that share others, all that they hold would be no end of text.
        return f"<{self.name}>"


@dataclass(frozen=True)
class Function:
    """A function of the list, by name."""

    name: str


def decode_objects(objects: Any, arrays: Mapping[str, NDArray[Any]]) -> list[Node]:
    """Turn the objects of a description into nodes."""
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
        self._named_bytes = 0
        self._max_named = _MAX_NAMED + _MAX_TIMES_NAMED * sum(
            array.nbytes for array in arrays.values()
        )
        self._n_trunks = self._n_compared = 0
        # Of each node, and of the one that is being made.
        self._weights: list[int] = []
        self._heights: list[int] = []
        self._weight = self._height = 0
        self._may_hold, self._n_walks = "", 1

    def add(self, entry: Any) -> None:
        if not isinstance(entry, dict) or not entry.keys() <= {"class", "params", "state"}:
            raise ValueError("an object has other keys than class, params and state")
        name = entry.get("class")
        if not isinstance(name, str) or not (name in ESTIMATORS or name in PARTS):
            raise ValueError(f"class {str(name)[:100]!r} is not allowed in a file")
        params, state = entry.get("params", {}), entry.get("state", {})
        if not (isinstance(params, dict) and isinstance(state, dict)):
            raise ValueError(f"params and state of {name} must be objects")
        if params and name in PARTS:
            raise ValueError(f"{name} has no parameters")
        unknown = state.keys() - (ESTIMATORS | PARTS)[name]
        if unknown:
            raise ValueError(f"{name} has no attribute {min(unknown)[:50]!r}")
        self._n_trunks += name == "skfakereal.Trunk"
        if len(self.nodes) == _MAX_OBJECTS or self._n_trunks > _MAX_TRUNKS:
            raise ValueError(f"more than {_MAX_OBJECTS} objects, or {_MAX_TRUNKS} trunks")
        self._weight, self._height = _OBJECT_WEIGHT, 0
        walks = 3 if name == "sklearn.pipeline.Pipeline" else 2
        params, state = self._named(name, params, walks), self._named(name, state, 1)
        node = Node(name, params, state)
        check_file_parameters(name, node.params)
        _check_state(name, node.state)
        self.nodes.append(node)
        self._weights.append(self._weight)
        self._heights.append(self._height)

    def _named(self, name: str, values: dict[str, Any], n_walks: int) -> dict[str, Any]:
        result = {}
        self._n_walks = n_walks
        for key, value in values.items():
            ours = name.startswith("skfakereal.")
            self._may_hold = _OURS_HOLD.get(key, "nothing") if ours else ""
            result[key] = self.value(value)
        return result

    def value(self, value: Any, depth: int = 0) -> Any:
        self._grow(1, depth)
        if depth > _MAX_DEPTH:
            raise ValueError("a value is nested too deeply")
        if isinstance(value, list):
            return [self.value(item, depth + 1) for item in value]
        if isinstance(value, str) and len(value) > _MAX_TEXT:
            raise ValueError(f"a text has more than {_MAX_TEXT} characters")
        if not isinstance(value, dict):
            return value
        if len(value) != 1 or (kind := next(iter(value))) not in _KINDS:
            raise ValueError(f"{str(sorted(value)[:3])[:100]} is not a kind of value")
        # Looked up each time: a dict of methods would keep the arrays alive until the next
        # garbage collection.
        return getattr(self, f"_{kind}")(value[kind], depth + 1)

    def _grow(self, weight: int, height: int) -> None:
        self._weight += weight
        self._height = max(self._height, height)
        if self._weight > _MAX_WEIGHT or self._height > _MAX_HEIGHT:
            raise ValueError("its objects name too many others, or too deeply")

    def _float(self, value: Any, depth: int) -> float:
        if not isinstance(value, str) or value not in _FLOATS:
            raise ValueError(f"{str(value)[:20]!r} is no float")
        return _FLOATS[value]

    def _tuple(self, value: Any, depth: int) -> tuple[Any, ...]:
        return tuple(self.value(item, depth) for item in _list(value))

    def _dict(self, value: Any, depth: int) -> dict[Any, Any]:
        result: dict[Any, Any] = {}
        n_numbers = 0
        for pair in _list(value):
            key, content = (self.value(part, depth) for part in _list(pair, 2))
            if not _is_key(key):
                raise ValueError("a key of a dict is neither a text nor a number")
            n_numbers += not isinstance(key, str)
            if n_numbers > _MAX_NUMBER_KEYS:
                raise ValueError(f"a dict has more than {_MAX_NUMBER_KEYS} numbers as keys")
            result[key] = content
        self._n_compared += n_numbers**2
        if self._n_compared > _MAX_COMPARED:
            raise ValueError("its dicts have too many numbers as keys")
        if len(result) != len(value):
            raise ValueError("a dict has a key twice")
        return result

    def _scalar(self, value: Any, depth: int) -> Any:
        kind, content = _list(value, 2)
        if not isinstance(kind, str) or kind not in _SCALARS:
            raise ValueError(f"{str(kind)[:20]!r} is not a scalar type")
        content = self.value(content, depth)
        wanted = {"str_": str, "bool_": bool}.get(kind, float if "float" in kind else int)
        if type(content) is not wanted:
            raise ValueError(f"{str(content)[:20]!r} is no {kind}")
        try:
            with np.errstate(over="ignore"):
                return _SCALARS[kind](content)
        except OverflowError as error:
            raise ValueError(str(error)[:80]) from None

    def _array(self, value: Any, depth: int) -> NDArray[Any]:
        if not isinstance(value, str) or value not in self.arrays:
            raise ValueError(f"there is no array {str(value)[:50]!r}")
        self.used.add(value)
        self._named_bytes += self.arrays[value].nbytes
        if self._named_bytes > self._max_named:
            raise ValueError("it names the same arrays too often")
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
            raise ValueError("the shape of an array of texts is not valid")
        if math.prod(shape) != len(items) or len(shape) > 8:
            raise ValueError("an array of texts has a size that does not match its shape")
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
        node = self.nodes[value]
        if not node.name.startswith(self._may_hold):
            raise ValueError(f"a {node.name} is in the wrong place")
        self._grow(self._n_walks * self._weights[value], depth + self._heights[value])
        return node

    def _function(self, value: Any, depth: int) -> Function:
        if not isinstance(value, str) or value not in FUNCTIONS:
            raise ValueError(f"function {str(value)[:100]!r} is not allowed in a file")
        return Function(value)


# What may be an object in the attributes and parameters of our own classes; of all others
# only a plain value. Their checks print what they refuse.
_OURS_HOLD = {
    "augmentation": "skfakereal.Augmentation",
    "layers": "skfakereal.",
    "_metadata_request": "sklearn.utils.metadata_routing.MetadataRequest",
    "_settings": "skfakereal.TrunkSettings",
    "_summary": "skfakereal.FeatureSummary",
    "_tail": "skfakereal.Network",
    "_trunk": "skfakereal.Trunk",
}


def _check_state(name: str, state: Mapping[str, Any]) -> None:
    """Check what code far from here takes for granted, and makes arrays or texts of."""
    classes = state.get("classes_")
    if isinstance(classes, np.ndarray):
        texts = classes.dtype.kind == "U" and classes.dtype.itemsize > 4 * _MAX_LABEL
        long = classes.dtype.kind == "O" and any(
            isinstance(label, str) and len(label) > _MAX_LABEL for label in classes.flat
        )
        if classes.size > _MAX_CLASSES or texts or long:
            raise ValueError(
                f"{name} has more than {_MAX_CLASSES} classes, or one whose name has more "
                f"than {_MAX_LABEL} characters"
            )
    n_features = state.get("n_features_in_", 0)
    is_number = isinstance(n_features, int | np.integer)
    if not (is_number and 0 <= n_features < _MAX_FEATURES):
        raise ValueError(f"n_features_in_ of {name} is not a number of features")


def _is_key(value: Any) -> bool:
    if isinstance(value, tuple):
        return all(map(_is_key, value))
    return isinstance(value, str | int | float | np.generic | None)


def _list(value: Any, length: int | None = None) -> list[Any]:
    if not isinstance(value, list) or (length is not None and len(value) != length):
        raise ValueError("a value does not have as many parts as its kind needs")
    return value


def _text_dtype(dtype: Any, items: tuple[Any, ...]) -> np.dtype[Any]:
    if dtype == "object":
        if not all(
            isinstance(item, str | int | float | np.generic | None) for item in items
        ):
            raise ValueError("an array of objects holds more than texts and numbers")
        return np.dtype(object)
    if type(dtype) is not int or not 1 <= dtype <= _MAX_TEXT_BYTES // 4:
        raise ValueError("the width of an array of texts is not valid")
    if not all(isinstance(item, str) and len(item) <= dtype for item in items):
        raise ValueError("an array of texts holds something else, or longer texts")
    return np.dtype(f"<U{dtype}")
