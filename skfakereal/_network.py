"""A network as plain data: layers that hold arrays.

No layer knows how it is computed; `skfakereal.engines` does. The sizes follow the
arrays, so that a narrower VGG16 in a file works as the full one does.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from math import comb, prod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
# A computed network: from a batch (n, *input_shape) to its outputs (n, *output_shape).
Forward = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True, eq=False)
class Conv:
    """A 3x3 convolution, zero-padded to the same size, with ReLU."""

    kernel: FloatArray  # (3, 3, in, out)
    bias: FloatArray  # (out,)


@dataclass(frozen=True)
class MaxPool:
    """A 2x2 maximum with stride 2; an odd last row or column is dropped."""


@dataclass(frozen=True)
class GlobalPool:
    """The average or the maximum over all positions."""

    kind: str  # "avg" or "max"


@dataclass(frozen=True)
class Statistics:
    """What each channel of every convolution before it is like, over all its positions.

    In a row: of the first convolution `NAMES[0]` of each channel, then `NAMES[1]` of each,
    and so on for the next convolution. Of those in `correlated`, correlations follow: of
    mixtures of their channels, each pair once, in the order of `numpy.triu_indices`.
    """

    NAMES: ClassVar = ("log1p_mean", "log1p_std")

    # Of maps with more than 128 rows, every third says as much and costs a third. Three is
    # odd, so that all rows of a JPEG's blocks of 8 have their turn.
    MANY_ROWS: ClassVar = 128
    STEP: ClassVar = 3

    # What is added to a mixture's variance, in its mean square and beside it: where an image
    # is flat, and where channels are dead, correlations would be rounding.
    FLAT: ClassVar = 1e-6
    DEAD: ClassVar = 1e-3
    N_MIXTURES: ClassVar = 64
    _SEED: ClassVar = 1409

    with_maps: bool = False  # at a cut: the maps themselves come first, flattened
    correlated: tuple[int, ...] = ()  # which of the convolutions before it, from 0

    @classmethod
    def mixing(cls, channels: int) -> FloatArray:
        """Return how channels are mixed: a sum of every 64th, with random signs, always the same.

        Of shape (channels, number of mixtures).
        """
        n = min(cls.N_MIXTURES, channels)
        signs = np.zeros((channels, n), np.float32)
        drawn = np.random.RandomState(cls._SEED).randint(2, size=channels)
        signs[np.arange(channels), np.arange(channels) % n] = 2 * drawn - 1
        return signs

    def mixed(self, i: int, channels: int) -> int | None:
        """Return how many channels of a convolution to mix; None if it is not correlated."""
        return channels if i in self.correlated else None

    def widths(self, channels: Sequence[int]) -> list[int]:
        """Return how many numbers come of each convolution, from their channels."""
        return [
            len(self.NAMES) * c + (i in self.correlated) * comb(min(self.N_MIXTURES, c), 2)
            for i, c in enumerate(channels)
        ]

    @staticmethod
    def of(mean: Any, variance: Any, maths: Any) -> tuple[Any, Any]:
        """Return both, by the functions of a module: `numpy`, or `tensorflow.math`."""
        # At 0, the derivative of a square root is infinite.
        return maths.log1p(mean), maths.log1p(maths.sqrt(variance + 1e-12))


@dataclass(frozen=True)
class Carry:
    """The way on behind ``Statistics(with_maps=True)``: maps of this shape.

    The statistics wait for the next `Statistics`, which puts them before its own.
    """

    shape: tuple[int, int, int]


@dataclass(frozen=True)
class Flatten:
    """Height, width, channels in a row."""


@dataclass(frozen=True, eq=False)
class Clip:
    """Each number, brought back between bounds of its own."""

    low: FloatArray  # (in,)
    high: FloatArray


@dataclass(frozen=True, eq=False)
class Dense:
    """A fully connected layer."""

    kernel: FloatArray  # (in, out)
    bias: FloatArray  # (out,)
    activation: str  # "relu", "sigmoid" or "softmax"


Layer = Conv | MaxPool | GlobalPool | Statistics | Carry | Flatten | Clip | Dense


@dataclass(frozen=True)
class Quantization:
    """What decides, beside the weights, how a trunk is computed in whole numbers."""

    # What a pixel of 0 is to the first layer, channel by channel, and what a step of 1 is.
    offset: tuple[float, float, float]
    step: float
    # The largest activation of each convolution that eight bits can tell.
    ranges: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Network:
    """Layers in a row; two with the same content are one to an engine's cache."""

    layers: tuple[Layer, ...]
    quantization: Quantization | None = None  # of a trunk that may be computed in 8 bits

    @cached_property
    def digest(self) -> bytes:
        """Digest of the layers with their arrays."""
        digest = blake2b(digest_size=16)
        for layer in self.layers:
            digest.update(type(layer).__name__.encode())
            for name, value in vars(layer).items():
                digest.update(name.encode())
                if isinstance(value, np.ndarray):
                    digest.update(f"{value.dtype.str}{value.shape}".encode())
                    flat = np.ascontiguousarray(value).reshape(-1).view(np.uint8)
                    digest.update(flat.data)  # not a copy
                else:
                    digest.update(str(value).encode())
        if self.quantization is not None:
            digest.update(str(self.quantization).encode())
        return digest.digest()

    def __reduce__(self) -> tuple[Any, ...]:
        # Without the digest: predicting, which asks for it, must not alter a pickle.
        return Network, (self.layers,)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Network) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def output_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape of one output for one input, both without the batch axis."""
        shape, n_waiting, channels = input_shape, 0, list[int]()
        for layer in self.layers:
            match layer:
                case Carry():
                    n_waiting = shape[0] - prod(layer.shape)
                    shape = layer.shape
                case Conv():
                    shape = (*shape[:2], layer.kernel.shape[3])
                    channels.append(shape[2])
                case Statistics():
                    n_waiting += sum(layer.widths(channels))
                    shape = (prod(shape) * layer.with_maps + n_waiting,)
                case MaxPool():
                    shape = (shape[0] // 2, shape[1] // 2, shape[2])
                case GlobalPool():
                    shape = shape[2:]
                case Flatten():
                    shape = (prod(shape),)
                case Dense():
                    shape = (layer.kernel.shape[1],)
        return shape
