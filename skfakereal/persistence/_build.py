"""The nodes of a model file, checked by themselves -> the estimator that they describe."""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from skfakereal._parameters import BEFORE
from skfakereal._trunk import Trunk, array_digest, convolution_names, random_trunk
from skfakereal._weights import embedded_trunk
from skfakereal.persistence._checks import check_restored
from skfakereal.persistence._classes import ESTIMATORS, ONLY_READ, REQUEST_METHODS, resolve
from skfakereal.persistence._nodes import Function, Node
from skfakereal.persistence._read import ModelFile

_REQUEST = "sklearn.utils.metadata_routing.MetadataRequest"
# What nonsense in a description that is well formed can raise in a class's own methods.
REFUSALS = (
    *(ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError),
)


def build_estimator(model: ModelFile) -> Any:
    """Make the estimator that a file holds; to be called by what a user calls."""
    old = sorted(
        {node.name.rpartition(".")[2] for node in model.nodes if node.name in ONLY_READ}
    )
    if old:
        warnings.warn(
            f"{str(model.path)!r} holds {', '.join(old)}, which the next release of skfakereal "
            "will not read from a .skfr file. Keep such a model in a file of joblib's: "
            "joblib.dump(skfakereal.load(path), 'model.joblib').",
            FutureWarning,
            stacklevel=3,
        )
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
        params = BEFORE.get(node.name.removeprefix("skfakereal."), {}) | params
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
        raise ValueError("a metadata request has no owner or no methods")
    request = kind(owner=owner)
    for method, asked in requests.items():
        if method not in REQUEST_METHODS:
            raise ValueError(f"no method {str(method)[:50]!r} takes metadata")
        for param, alias in asked.items():
            # Whatever else it is would be printed.
            if not isinstance(alias, str | bool | None):
                raise ValueError(f"the alias of metadata for {method} is not a text")
            getattr(request, method).add_request(param=param, alias=alias)
    return request


_N_BLOCKS = 5
# VGG16's own widest kernel (3, 3, 512, 512): in memory they are float32, and int8 in a file.
_MAX_WEIGHTS = 3 * 3 * 512 * 512
_MAX_NAME = 2000
_OTHER_TRUNK = "it was trained on other frozen weights than this version of skfakereal has"


def make_trunk(state: Mapping[str, Any], contents: Mapping[int, bytes]) -> Trunk:
    """Make a trunk anew.

    Its digest is that of its arrays, whatever the file claims: with somebody else's, its
    activations would be taken for those of another trunk in the user's store.
    """
    source, n_blocks = state.get("source"), state.get("n_blocks")
    if type(n_blocks) is not int or not 0 <= n_blocks <= _N_BLOCKS:
        raise ValueError("a trunk has from 0 to 5 blocks")
    if source == "random":
        trunk = random_trunk()
    elif source == "cifake":
        whole = embedded_trunk(str(state.get("digest")))
        if whole is None:
            raise ValueError(_OTHER_TRUNK)
        trunk = whole if n_blocks == _N_BLOCKS else whole.before(f"block{n_blocks + 1}")
    elif source == "arrays":
        trunk = _from_arrays(state, n_blocks, contents)
    else:
        raise ValueError("the source of a trunk is none")
    if trunk.digest.hex() != state.get("digest"):
        raise ValueError(
            _OTHER_TRUNK
            if source != "arrays"
            else "the digest of its trunk does not match its arrays"
        )
    return trunk


def _from_arrays(
    state: Mapping[str, Any], n_blocks: int, contents: Mapping[int, bytes]
) -> Trunk:
    arrays, missing, name = state.get("arrays"), state.get("missing"), state.get("name")
    if not (
        isinstance(arrays, dict)
        and isinstance(missing, dict)
        and isinstance(name, str)
        and len(name) <= _MAX_NAME
        and name.isprintable()
    ):
        raise ValueError("a trunk lacks its arrays or its name")
    parts = ("kernel", "scale", "bias")
    here = {f"{layer}/{part}" for layer in convolution_names(n_blocks) for part in parts}
    everywhere = {f"{layer}/{part}" for layer in convolution_names() for part in parts}
    if not (arrays.keys() <= here and missing.keys() <= everywhere - here):
        raise ValueError("a trunk has arrays that belong to no layer of its blocks")
    for array in arrays.values():
        if not isinstance(array, np.ndarray) or array.dtype.kind not in "fi":
            raise ValueError("the weights of a trunk must be arrays of numbers")
        if array.size > _MAX_WEIGHTS:
            raise ValueError("a layer of a trunk has more weights than VGG16's layers")
    digests = {
        key: array_digest(array, contents.get(id(array))) for key, array in arrays.items()
    }
    digests |= {key: bytes.fromhex(digest) for key, digest in missing.items()}
    trunk = Trunk(arrays, name, n_blocks=n_blocks, array_digests=digests)
    for layer in convolution_names(n_blocks):
        scale = arrays.get(f"{layer}/scale")
        if scale is not None and scale.shape != arrays[f"{layer}/bias"].shape:
            raise ValueError(f"{layer} does not have one scale for each channel")
    return trunk
