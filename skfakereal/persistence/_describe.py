"""What a ``.skfr`` file holds, without making anything of it."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from skfakereal.persistence._classes import ESTIMATORS
from skfakereal.persistence._nodes import Node
from skfakereal.persistence._read import read_model


@dataclass(frozen=True)
class ModelDescription:
    """What a ``.skfr`` file holds.

    Parameters
    ----------
    outline : str
        The estimator and what it is made of, by their classes.
    classes : list of object or None
        Its ``classes_``; None if it is no classifier.
    metadata : dict of str to object
        What was handed to `save`. Whoever made the file may have written anything there.
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
