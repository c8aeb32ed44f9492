"""A file -> its nodes, what they say of it, and the estimator that they describe.

To read needs neither scikit-learn nor Keras; to make an estimator imports what its file names.
"""

import json
import os
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from skfakereal._parameters import BEFORE
from skfakereal._trunk import Trunk, array_digest, convolution_names, random_trunk
from skfakereal.persistence._checks import check_restored
from skfakereal.persistence._classes import ESTIMATORS, ONLY_READ, REQUEST_METHODS, resolve
from skfakereal.persistence._container import damaged, read_container
from skfakereal.persistence._nodes import Function, Node, decode_objects

MAX_METADATA = 2**16


@dataclass(frozen=True)
class ModelFile:
    """What a ``.skfr`` file holds, checked, before anything of it is made."""

    path: Path  # the file
    made_with: dict[str, str]  # versions by package
    metadata: dict[str, Any]  # what was handed to `save`
    root: Node  # the estimator
    # All objects; each comes after those that it is made of.
    nodes: list[Node] = field(repr=False)
    # The digests (BLAKE2b, 16 bytes) of the bytes of each array, by the array's `id`.
    contents: dict[int, bytes] = field(repr=False)
    n_arrays: int  # number of arrays
    n_numbers: int  # number of their elements
    n_bytes: int  # size of the file


def read_model(path: str | os.PathLike[str]) -> ModelFile:
    """Read and check a ``.skfr`` file."""
    container = read_container(path)
    description = container.description
    try:
        if description.keys() != {"made_with", "metadata", "objects"}:
            raise ValueError("its description has the wrong keys")
        made_with, metadata = description["made_with"], description["metadata"]
        if not (isinstance(metadata, dict) and _are_versions(made_with)):
            raise ValueError("its metadata or versions are none")
        if len(json.dumps(metadata)) > MAX_METADATA:
            raise ValueError(f"its metadata takes more than {MAX_METADATA} bytes")
        nodes = decode_objects(description["objects"], container.arrays)
    except (TypeError, ValueError) as error:
        raise damaged(container.path, str(error)) from error
    arrays = container.arrays
    return ModelFile(
        path=container.path,
        made_with=made_with,
        metadata=metadata,
        root=nodes[-1],
        nodes=nodes,
        contents={id(array): container.digests[name] for name, array in arrays.items()},
        n_arrays=len(arrays),
        n_numbers=sum(array.size for array in arrays.values()),
        n_bytes=container.n_bytes,
    )


def _are_versions(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and len(value) <= 10
        and all(
            isinstance(text, str) and len(text) <= 50 and text.isprintable()
            for text in (*value, *value.values())
        )
    )


@dataclass(frozen=True)
class ModelDescription:
    """What a ``.skfr`` file holds.

    Parameters
    ----------
    outline : str
        The estimator and what it is made of, by their classes.
    classes : list of object or None
        Its ``classes_``; None if it is not a classifier.
    metadata : dict of str to object
        What was passed to `save`. The maker of the file may have written anything there.
    made_with : dict of str to str
        Versions of skfakereal, scikit-learn and numpy.
    n_arrays : int
        Number of arrays.
    n_numbers : int
        Number of their elements: weights, mostly.
    n_bytes : int
        Size of the file in bytes.
    """

    outline: str
    classes: list[Any] | None
    metadata: dict[str, Any] = field(default_factory=dict)
    made_with: dict[str, str] = field(default_factory=dict)
    n_arrays: int = 0
    n_numbers: int = 0
    n_bytes: int = 0


def read_description(path: str | os.PathLike[str]) -> ModelDescription:
    """Say what a ``.skfr`` file holds; neither scikit-learn nor Keras is imported.

    Parameters
    ----------
    path : path-like
        The file. All of it is read and checked.

    Returns
    -------
    ModelDescription
        Its estimator in outline, classes, metadata, versions and size.

    Raises
    ------
    OSError
        If it cannot be read, or is a folder.
    ValueError
        If it is no ``.skfr`` file, damaged, or of a newer format.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> import skfakereal
    >>> from skfakereal.persistence import read_description
    >>> with TemporaryDirectory() as folder:
    ...     file = f"{folder}/views.skfr"
    ...     skfakereal.save(skfakereal.Augmentation(), file, metadata={"by": "us"})
    ...     description = read_description(file)
    >>> description.outline, description.metadata
    ('Augmentation', {'by': 'us'})
    """
    model = read_model(path)
    return ModelDescription(
        outline=_outline(model.root)[:1000],
        classes=_classes(model.root),
        metadata=model.metadata,
        made_with=model.made_with,
        n_arrays=model.n_arrays,
        n_numbers=model.n_numbers,
        n_bytes=model.n_bytes,
    )


def _outline(node: Node, depth: int = 0) -> str:
    own = node.name.rpartition(".")[2]
    parts = [part for part in _parts(node.params) if part.name in ESTIMATORS]
    if not parts or depth > 5:  # nodes can be shared: no more than a line
        return own
    inner = ", ".join(_outline(part, depth + 1) for part in parts[:10])
    return f"{own}({inner})"


def _parts(value: Any) -> Iterator[Node]:
    if isinstance(value, Node):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _parts(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _parts(item)


def _classes(node: Node) -> list[Any] | None:
    """Return the classes of a node, of what it wraps, or of its last step."""
    seen: set[int] = set()
    while id(node) not in seen:
        seen.add(id(node))
        classes = node.state.get("classes_")
        if isinstance(classes, np.ndarray) and classes.ndim == 1:
            labels: list[Any] = classes.tolist()
            return labels
        values = {**node.params, **node.state}
        inner = [
            values[key] for key in ("estimator_", "estimator", "steps") if key in values
        ]
        parts = list(_parts(inner[:1]))
        if not parts:
            break
        node = parts[-1]
    return None


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
        from skfakereal._weights import embedded_trunk  # joblib; no reader needs it

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
