"""Paths -> probabilities, and how unlike the training images each image is."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from skfakereal._activations import ActivationReader
from skfakereal._images.read import ImageReadError, raise_unreadable, shorter_side
from skfakereal._network import Network
from skfakereal._novelty import FeatureSummary, describe, is_asked, tell_novelty
from skfakereal.engines import compile_network


def compute_probabilities(
    reader: ActivationReader,
    tail: Network,
    paths: Sequence[str],
    *,
    n_classes: int,
    keep_going: bool,
    summary: FeatureSummary | None = None,
) -> NDArray[np.float64]:
    """Return the probability of each class for each image, by the tail's sigmoid or softmax.

    With `keep_going`, images that cannot be read give a row of NaN, else one error lists them.
    Whoever collects how unusual images are gets it on the way.
    """
    novelty = np.full(len(paths), np.nan)
    asked = summary is not None and is_asked()
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
        if summary is not None and asked:
            novelty[batch.start + rows] = _novelty(
                reader,
                summary,
                batch.activations[rows],
                [paths[i] for i in (batch.start + rows).tolist()],
            )
        probabilities[batch.start + rows] = of_each_class(outputs)
        for row, earlier in batch.repeats.items():
            probabilities[batch.start + row] = probabilities[earlier]
            novelty[batch.start + row] = novelty[earlier]
    for path, value in zip(paths, novelty.tolist(), strict=True):
        tell_novelty(path, value)
    if not keep_going:
        raise_unreadable(failures)
    return probabilities


def compute_novelty(
    reader: ActivationReader,
    summary: FeatureSummary,
    paths: Sequence[str],
    *,
    keep_going: bool,
) -> NDArray[np.float64]:
    """Return how unusual each image is; NaN where one cannot be read, with `keep_going`."""
    novelty = np.full((len(paths), 1), np.nan)
    failures: list[ImageReadError] = []
    for batch in reader.read(paths, keep_going=keep_going):
        failures += batch.failures
        readable = ~np.isnan(batch.activations).any(
            axis=tuple(range(1, batch.activations.ndim))
        )
        rows = np.flatnonzero(readable)
        novelty[batch.start + rows, 0] = _novelty(
            reader,
            summary,
            batch.activations[rows],
            [paths[i] for i in (batch.start + rows).tolist()],
        )
        for row, earlier in batch.repeats.items():
            novelty[batch.start + row] = novelty[earlier]
    if not keep_going:
        raise_unreadable(failures)
    return novelty[:, 0]


def _novelty(
    reader: ActivationReader,
    summary: FeatureSummary,
    activations: NDArray[np.float16],
    paths: Sequence[str],
) -> NDArray[np.float64]:
    features = describe(reader.network, (*reader.settings.image_size, 3), activations)
    return summary.novelty(features, [shorter_side(path) for path in paths])


def of_each_class(outputs: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return probabilities of all classes from what a tail gives."""
    wide = outputs.astype(np.float64)
    if wide.shape[1] == 1:  # one sigmoid unit, for the second of two classes
        return np.column_stack([1 - wide, wide])
    # A softmax in float32 does not sum to one in float64.
    return np.asarray(wide / wide.sum(axis=1, keepdims=True))
