"""What of an estimator, or of a part of one, goes into a file."""

import ntpath
from dataclasses import fields, is_dataclass
from inspect import signature
from typing import Any

from sklearn.utils.metadata_routing import MetadataRequest

from skfakereal._trunk import Trunk
from skfakereal.persistence._classes import ESTIMATORS, NOT_KEPT, PARTS
from skfakereal.persistence._homes import REQUEST_METHODS
from skfakereal.persistence._trunks import trunk_state

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
        state = {field.name: getattr(part, field.name) for field in fields(part)}
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
