"""The Dense head in NumPy, and how channels go together."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skfakereal._network import (
    Clip,
    Dense,
    FloatArray,
    Forward,
    Layer,
    Network,
    Statistics,
)

Floats = NDArray[np.float64]


def compile_dense(network: Network) -> Forward:
    """Return a function that computes the Dense layers of `network`.

    In float64, rounded at the end: the order in which a product sums up depends on the
    place of a row in its batch, and in float32 an image's probability would too (by 1e-7).
    """
    steps = [step for layer in network.layers if (step := _step(layer)) is not None]

    def forward(batch: FloatArray) -> FloatArray:
        values = batch.astype(np.float64)
        for step in steps:
            values = step(values)
        return values.astype(np.float32)

    return forward


def _step(layer: Layer) -> Callable[[Floats], Floats] | None:
    """Return what a layer does to rows; None for one that belongs to the maps."""
    match layer:
        case Clip(low, high):
            return lambda values: np.clip(values, low, high)
        case Dense(kernel, bias, activation):
            weights, offset = kernel.astype(np.float64), bias.astype(np.float64)
            return lambda values: _activate(values @ weights + offset, activation)
    return None


def correlations(maps: NDArray[Any], unit: float = 1.0) -> FloatArray:
    """Return what `Statistics` says of mixtures of maps (channels, images, height, width).

    `unit` is what a step of 1 stands for. In float64, rounded at the end, as Dense layers are.
    """
    signs = Statistics.mixing(len(maps)).sum(axis=1).reshape(-1, 1, 1, 1)
    n = min(Statistics.N_MIXTURES, len(maps))
    mixed = np.zeros((n, *maps.shape[1:]), np.float32)
    for start in range(0, len(maps), n):
        part = maps[start : start + n]
        mixed[: len(part)] += signs[start : start + n] * part
    rows = mixed.reshape(n, maps.shape[1], -1).transpose(1, 0, 2).astype(np.float64)
    square = np.square(rows).mean(axis=2)
    rows -= rows.mean(axis=2, keepdims=True)
    products = rows @ rows.transpose(0, 2, 1) / rows.shape[2]
    variance = np.einsum("nii->ni", products) + Statistics.FLAT * square
    variance += Statistics.DEAD / unit**2
    products /= np.sqrt(variance[:, :, np.newaxis] * variance[:, np.newaxis])
    return products[:, *np.triu_indices(n, 1)].astype(np.float32)


def _activate(values: Floats, activation: str) -> Floats:
    match activation:
        case "relu":
            return np.maximum(values, 0)
        case "sigmoid":
            return _sigmoid(values)
        case "softmax":
            powers = np.exp(values - values.max(axis=1, keepdims=True))
            return np.asarray(powers / powers.sum(axis=1, keepdims=True))
    raise ValueError(f"There is no activation {activation!r}.")


def _sigmoid(values: Floats) -> Floats:
    # SciPy has it too, but takes longer to import than an image takes to compute. Only
    # negative powers, which cannot overflow.
    powers = np.exp(-np.abs(values))
    return np.asarray(np.where(values >= 0, 1, powers) / (1 + powers))
