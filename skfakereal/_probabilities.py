"""Paths -> probabilities: the trunk's activations through a trained tail."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from skfakereal._activations import ActivationReader
from skfakereal._images.read import ImageReadError, raise_unreadable
from skfakereal._network import Network
from skfakereal.engines import compile_network


def compute_probabilities(
    reader: ActivationReader,
    tail: Network,
    paths: Sequence[str],
    *,
    n_classes: int,
    keep_going: bool,
) -> NDArray[np.float64]:
    """Return the probability of each class for each image, by the tail's sigmoid or softmax.

    With `keep_going`, images that cannot be read give a row of NaN, else one error lists them.
    """
    forward = compile_network(
        tail, reader.shape, engine=reader.engine, n_threads=reader.n_threads
    )
    probabilities = np.full((len(paths), n_classes), np.nan)
    failures: list[ImageReadError] = []
    for batch in reader.read(paths, keep_going=keep_going):
        failures += batch.failures
        broken = [(failure.index or 0) - batch.start for failure in batch.failures]
        rows = np.delete(np.arange(len(batch.activations)), [*broken, *batch.repeats])
        outputs = forward(batch.activations[rows].astype(np.float32))
        probabilities[batch.start + rows] = of_each_class(outputs)
        for row, earlier in batch.repeats.items():
            probabilities[batch.start + row] = probabilities[earlier]
    if not keep_going:
        raise_unreadable(failures)
    return probabilities


def of_each_class(outputs: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return probabilities of all classes from what a tail gives."""
    wide = outputs.astype(np.float64)
    if wide.shape[1] == 1:  # one sigmoid unit, for the second of two classes
        return np.column_stack([1 - wide, wide])
    # A softmax in float32 does not sum to one in float64.
    return np.asarray(wide / wide.sum(axis=1, keepdims=True))
