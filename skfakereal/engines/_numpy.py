"""The Dense head in NumPy."""

import numpy as np
from numpy.typing import NDArray

from skfakereal._network import Dense, Forward, Network

__all__ = ["compile_dense"]


def compile_dense(network: Network) -> Forward:
    """Return a function that computes the Dense layers of `network`.

    In float64, rounded at the end: the order in which a product sums up depends on the
    place of a row in its batch, and in float32 an image's probability would too (by 1e-7).
    """
    layers = [
        (layer.kernel.astype(np.float64), layer.bias.astype(np.float64), layer.activation)
        for layer in network.layers
        if isinstance(layer, Dense)
    ]

    def forward(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        values = batch.astype(np.float64)
        for kernel, bias, activation in layers:
            values = _activate(values @ kernel + bias, activation)
        return values.astype(np.float32)

    return forward


def _activate(values: NDArray[np.float64], activation: str) -> NDArray[np.float64]:
    match activation:
        case "relu":
            return np.maximum(values, 0)
        case "sigmoid":
            return _sigmoid(values)
        case "softmax":
            powers = np.exp(values - values.max(axis=1, keepdims=True))
            return np.asarray(powers / powers.sum(axis=1, keepdims=True))
    raise ValueError(f"There is no activation {activation!r}.")


def _sigmoid(values: NDArray[np.float64]) -> NDArray[np.float64]:
    # SciPy has it too, but takes longer to import than an image takes to compute. Only
    # negative powers, which cannot overflow.
    powers = np.exp(-np.abs(values))
    return np.asarray(np.where(values >= 0, 1, powers) / (1 + powers))
