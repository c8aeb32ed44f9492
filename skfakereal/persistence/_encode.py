"""A fitted estimator -> a description and arrays; what of it goes into a file."""

import math
import ntpath
import re
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from importlib import import_module
from inspect import signature
from types import FunctionType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.metadata_routing import MetadataRequest

from skfakereal._trunk import Trunk
from skfakereal._weights import embedded_trunk
from skfakereal.persistence._checks import check_restored
from skfakereal.persistence._classes import (
    ESTIMATORS,
    FUNCTIONS,
    NOT_KEPT,
    PARTS,
    REQUEST_METHODS,
    name_of,
)

# The way out, for messages.
ELSEWHERE = (
    "Use joblib.dump, whose files run code when they are loaded, or skops.io for parts of "
    "scikit-learn."
)
PLAIN = (type(None), bool, int, str)


def estimator_parts(
    estimator: Any, name: str, where: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the parameters and the other attributes of an estimator that are kept."""
    params = estimator.get_params(deep=False)
    kept = {
        key: _without_place(name, key, value)
        for key, value in params.items()
        if not _is_passing(estimator, key, value)
    }
    fresh = vars(type(estimator)(**params))
    state = {}
    for key, value in estimator.__getstate__().items():
        if key in params or key in NOT_KEPT or key == "_sklearn_version":
            continue
        if key in ESTIMATORS[name]:
            state[key] = value
        # Some classes set constants in __init__, which does so again.
        elif not (key in fresh and type(value) in (*PLAIN, float, tuple)):
            raise _unknown(where, key)
    return kept, state


def part_state(part: Any, name: str, where: str) -> dict[str, Any]:
    """Return the attributes of an object that is no estimator."""
    if isinstance(part, Trunk):
        state = trunk_state(part)
    elif isinstance(part, MetadataRequest):
        state = _request_state(part)
    elif is_dataclass(part):
        known = [(field, getattr(part, field.name)) for field in fields(part)]
        # Older versions read what has nothing to say of what came later.
        state = {f.name: v for f, v in known if not (v is None and f.default is None)}
    else:
        state = vars(part)
    unknown = state.keys() - PARTS[name]
    if unknown:
        raise _unknown(where, min(unknown))
    return state


def _unknown(where: str, attribute: str) -> TypeError:
    return TypeError(
        f"{where} has the attribute {attribute!r}, which a .skfr file has no place for. "
        f"Delete it if it is yours. {ELSEWHERE}"
    )


def _is_passing(estimator: Any, parameter: str, value: Any) -> bool:
    """Return whether a parameter is one that comes or goes, and has not been set.

    scikit-learn gives such a parameter one of two texts as its default. The next version
    may not know it, as 1.8 no longer knew LogisticRegression(multi_class="deprecated").
    """
    unset = isinstance(value, str) and value in ("deprecated", "warn")
    return unset and signature(type(estimator)).parameters[parameter].default == value


def _without_place(class_name: str, parameter: str, value: Any) -> Any:
    """Replace what names a folder of the maker's."""
    if parameter == "memory":
        return None
    if class_name.startswith("skfakereal."):
        if parameter == "cache" and value is not None:
            return "auto"
        if parameter == "weights" and value is not None:
            return ntpath.basename(str(value))
    return value


def _request_state(request: Any) -> dict[str, Any]:
    owner = request.owner
    requests = {
        method: dict(getattr(request, method).requests) for method in REQUEST_METHODS
    }
    return {
        "owner": owner if isinstance(owner, str) else type(owner).__name__,
        "requests": {method: asked for method, asked in requests.items() if asked},
    }


def trunk_state(trunk: Trunk) -> dict[str, Any]:
    """Return what a file holds of a trunk; random weights and the package's own stay out."""
    source = _source(trunk)
    digests = trunk.array_digests
    # The digest of the whole is made of those of absent arrays (of trained blocks) too.
    missing = {} if source != "arrays" else digests.keys() - trunk.arrays.keys()
    return {
        "source": source,
        "name": _without_folder(trunk.name),
        "n_blocks": trunk.n_blocks,
        "digest": trunk.digest.hex(),
        "arrays": dict(sorted(trunk.arrays.items())) if source == "arrays" else {},
        "missing": {name: digests[name].hex() for name in sorted(missing)},
    }


def _source(trunk: Trunk) -> str:
    if trunk.seeded:
        return "random"
    return "arrays" if embedded_trunk(trunk.digest.hex()) is None else "cifake"


def _without_folder(name: str) -> str:
    """Return the name of a trunk, of a path only the last part."""
    return name if name.startswith("weights=") else repr(ntpath.basename(name.strip("'\"")))


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
        if type(value) is dict:
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
    match = re.search(r"([\w/]+)('\])?(\[\d+\])*$", where)
    return match[1][:100] if match else ""


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
