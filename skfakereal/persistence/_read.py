"""A file -> its nodes, and what they say of it; needs neither scikit-learn nor Keras."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from skfakereal.persistence._classes import ESTIMATORS
from skfakereal.persistence._container import damaged, read_container
from skfakereal.persistence._nodes import Node, decode_objects

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
