"""A file -> its nodes; needs neither scikit-learn nor Keras."""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from skfakereal.persistence._container import damaged, read_container
from skfakereal.persistence._nodes import Node, decode_objects

MAX_METADATA = 2**16


@dataclass(frozen=True)
class ModelFile:
    """What a ``.skfr`` file holds, checked, before anything of it is made.

    Parameters
    ----------
    path : Path
        The file.
    made_with : dict of str to str
        Versions by package.
    metadata : dict of str to object
        What was handed to `save`.
    root : Node
        The estimator.
    nodes : list of Node
        All objects; each comes after those that it is made of.
    contents : dict of int to bytes
        The digests (BLAKE2b, 16 bytes) of the bytes of each array, by the array's `id`.
    n_arrays : int
        Number of arrays.
    n_numbers : int
        Number of their elements.
    n_bytes : int
        Size of the file.
    """

    path: Path
    made_with: dict[str, str]
    metadata: dict[str, Any]
    root: Node
    nodes: list[Node] = field(repr=False)
    contents: dict[int, bytes] = field(repr=False)
    n_arrays: int
    n_numbers: int
    n_bytes: int


def read_model(path: str | os.PathLike[str]) -> ModelFile:
    """Read and check a ``.skfr`` file."""
    container = read_container(path)
    description = container.description
    try:
        if description.keys() != {"made_with", "metadata", "objects"}:
            raise ValueError("its description has other keys than it must")
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
