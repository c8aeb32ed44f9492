"""Mean and scale of features, and how they disappear in the Dense layer behind them."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skfakereal._network import Dense, FloatArray

# Features are rounded to float16: what varies by less than half a step of it at its mean is
# rounding. It also bounds mean / scale, so that nothing is lost where float32 folds it.
_ROUNDING = float(np.finfo(np.float16).eps) / 2
_SMALLEST = float(np.finfo(np.float16).smallest_subnormal)


@dataclass(frozen=True, eq=False)
class Standardization:
    """Weighted mean and standard deviation of each feature; constant ones have scale 1."""

    mean: FloatArray
    scale: FloatArray

    @classmethod
    def measure(
        cls, blocks: Iterable[tuple[FloatArray, NDArray[np.float64]]]
    ) -> "Standardization":
        """Measure blocks of rows, each with the weights of its rows."""
        total = 0.0
        sums: Any = 0.0
        squares: Any = 0.0
        for rows, weights in blocks:
            wide = rows.astype(np.float64)
            total += weights.sum()
            sums = sums + weights @ wide
            squares = squares + weights @ np.square(wide, out=wide)
        mean = np.asarray(sums / total)
        scale = np.sqrt(np.maximum(squares / total - mean**2, 0))
        constant = scale <= np.abs(mean) * _ROUNDING + _SMALLEST
        return cls(mean.astype(np.float32), np.where(constant, 1, scale).astype(np.float32))

    def apply(self, rows: FloatArray) -> FloatArray:
        """Standardise rows, in place."""
        rows -= self.mean
        rows /= self.scale
        return rows

    def fold(self, layer: Dense) -> Dense:
        """Return the layer that makes of plain features what this one makes of these."""
        kernel = layer.kernel / self.scale.astype(np.float64)[:, np.newaxis]
        bias = layer.bias - self.mean.astype(np.float64) @ kernel
        return Dense(kernel.astype(np.float32), bias.astype(np.float32), layer.activation)

    def unfold(self, layer: Dense) -> Dense:
        """Undo `fold`."""
        kernel = layer.kernel.astype(np.float64)
        bias = layer.bias + self.mean.astype(np.float64) @ kernel
        kernel = kernel * self.scale[:, np.newaxis]
        return Dense(kernel.astype(np.float32), bias.astype(np.float32), layer.activation)
