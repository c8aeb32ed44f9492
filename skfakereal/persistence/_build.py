"""Nodes -> estimators; what is of scikit-learn's imports it where a file holds it."""

from typing import Any

from skfakereal._parameters import BEFORE
from skfakereal.persistence._checks import check_restored
from skfakereal.persistence._classes import ESTIMATORS
from skfakereal.persistence._homes import REQUEST_METHODS, resolve
from skfakereal.persistence._nodes import Function, Node
from skfakereal.persistence._read import ModelFile
from skfakereal.persistence._trunks import make_trunk

_OURS = ("skfakereal.VGG16ImageClassifier", "skfakereal.VGG16FeatureExtractor")
_REQUEST = "sklearn.utils.metadata_routing.MetadataRequest"
# What nonsense in a description that is well formed can raise in a class's own methods.
REFUSALS = (
    *(ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError),
)


def build_estimator(model: ModelFile) -> Any:
    """Make the estimator that a file holds."""
    builder = Builder(model)
    # Each node comes after those that it is made of, so nothing here recurses.
    for node in model.nodes:
        builder.add(node)
    return builder.made[id(model.root)]


def _versions(made_with: dict[str, str]) -> str:
    return ", ".join(f"{package} {version}" for package, version in made_with.items())


class Builder:
    """Makes what nodes describe, one after the other."""

    def __init__(self, model: ModelFile) -> None:
        self.model = model
        self.made: dict[int, Any] = {}

    def add(self, node: Node) -> None:
        """Make what a node describes; what it is made of must have been made before."""
        make = self._estimator if node.name in ESTIMATORS else self._part
        try:
            made = make(node)
            check_restored(made, node.name)
        except REFUSALS as error:
            raise ValueError(
                f"{str(self.model.path)!r} holds a {node.name} that cannot be restored: "
                f"{str(error)[:300]}. It was made with {_versions(self.model.made_with)}; "
                "install these, or save the model again."
            ) from None  # whose text may be as long as the file
        self.made[id(node)] = made

    def _value(self, value: Any) -> Any:
        if isinstance(value, Node):
            return self.made[id(value)]
        if isinstance(value, Function):
            return resolve(value.name)
        if isinstance(value, list):
            return [self._value(item) for item in value]
        if isinstance(value, tuple):
            return tuple(self._value(item) for item in value)
        if isinstance(value, dict):
            return {key: self._value(item) for key, item in value.items()}
        return value

    def _estimator(self, node: Node) -> Any:
        params, state = self._value(node.params), self._value(node.state)
        if "named_estimators_" in state:
            from sklearn.utils import Bunch

            state["named_estimators_"] = Bunch(**state["named_estimators_"])
        if node.name in _OURS:
            params = BEFORE | params
        estimator = resolve(node.name)(**params)
        if node.name.startswith("sklearn."):
            # scikit-learn itself warns of another version then.
            state["_sklearn_version"] = self.model.made_with["scikit-learn"]
        estimator.__setstate__(vars(estimator) | state)
        return estimator

    def _part(self, node: Node) -> Any:
        kind = resolve(node.name)
        if node.name == "skfakereal.Trunk":
            return make_trunk(node.state, self.model.contents)
        state = self._value(node.state)
        if node.name == _REQUEST:
            return _make_request(kind, state)
        if node.name.startswith("skfakereal."):  # dataclasses
            return kind(**state)
        part = kind.__new__(kind)
        vars(part).update(state)
        return part


def _make_request(kind: type, state: dict[str, Any]) -> Any:
    owner, requests = state["owner"], state["requests"]
    if not (isinstance(owner, str) and isinstance(requests, dict)):
        raise ValueError("a request for metadata names no owner, or no methods")
    request = kind(owner=owner)
    for method, asked in requests.items():
        if method not in REQUEST_METHODS:
            raise ValueError(f"no method {str(method)[:50]!r} takes metadata")
        for param, alias in asked.items():
            # Whatever else it is would be printed.
            if not isinstance(alias, str | bool | None):
                raise ValueError(f"the alias of metadata for {method} is no text")
            getattr(request, method).add_request(param=param, alias=alias)
    return request
