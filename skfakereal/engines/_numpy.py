"""The Dense head in NumPy."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, softmax

from skfakereal._network import Dense, Forward, Network

__all__ = ["compile_dense"]


def compile_dense(network: Network) -> Forward:
    """Return a function that computes the Dense layers of `network`, float32 throughout."""
    layers = [layer for layer in network.layers if isinstance(layer, Dense)]

    def forward(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        for layer in layers:
            batch = _activate(batch @ layer.kernel + layer.bias, layer.activation)
        return batch

    return forward


def _activate(values: NDArray[np.float32], activation: str) -> NDArray[np.float32]:
    match activation:
        case "relu":
            return np.maximum(values, 0)
        case "sigmoid":
            return np.asarray(expit(values))
        case "softmax":
            return np.asarray(softmax(values, axis=1))
    raise ValueError(f"There is no activation {activation!r}.")
