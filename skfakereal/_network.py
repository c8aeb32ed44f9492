"""VGG16 as plain data: layers that hold arrays, the cut, and where the weights come from.

No layer knows how it is computed; `skfakereal.engines` does. The sizes follow the
arrays, so that a narrower VGG16 in a file works as the full one does.
"""

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, lru_cache
from hashlib import blake2b
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

__all__ = [
    "CUTS",
    "Conv",
    "Dense",
    "Flatten",
    "Forward",
    "GlobalPool",
    "Layer",
    "MaxPool",
    "Network",
    "Trunk",
    "load_trunk",
    "tail_convolutions",
    "trunk_network",
]

# Convolutions in each block, and their channels in the full VGG16 (Simonyan and
# Zisserman, 2015, configuration D).
_CONVOLUTIONS = (2, 2, 3, 3, 3)
_CHANNELS = (64, 128, 256, 512, 512)
# Where the trainable tail may begin; None: after the last pooling.
CUTS = (None, "block5", "block4", "block3", "block2", "block1")

# The trunk of weights=None is the same in every fit, for ever: RandomState's streams are
# frozen by NumPy's policy (NEP 19), those of Generator are not.
_RANDOM_TRUNK_SEED = 1409
_EMBEDDED = Path(__file__).parent / "trunks" / "cifake.npz"
_IMAGENET_FILE = "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"

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
class Flatten:
    """Height, width, channels in a row."""


@dataclass(frozen=True, eq=False)
class Dense:
    """A fully connected layer."""

    kernel: FloatArray  # (in, out)
    bias: FloatArray  # (out,)
    activation: str  # "relu", "sigmoid" or "softmax"


Layer = Conv | MaxPool | GlobalPool | Flatten | Dense


@dataclass(frozen=True, eq=False)
class Network:
    """Layers in a row; two with the same content are one to an engine's cache."""

    layers: tuple[Layer, ...]

    @cached_property
    def digest(self) -> bytes:
        """Digest of the layers with their arrays."""
        digest = blake2b(digest_size=16)
        for layer in self.layers:
            digest.update(type(layer).__name__.encode())
            for name, value in vars(layer).items():
                digest.update(name.encode())
                is_array = isinstance(value, np.ndarray)
                digest.update(_array_bytes(value) if is_array else str(value).encode())
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
        shape = input_shape
        for layer in self.layers:
            match layer:
                case Conv():
                    shape = (*shape[:2], layer.kernel.shape[3])
                case MaxPool():
                    shape = (shape[0] // 2, shape[1] // 2, shape[2])
                case GlobalPool():
                    shape = shape[2:]
                case Flatten():
                    shape = (int(np.prod(shape)),)
                case Dense():
                    shape = (layer.kernel.shape[1],)
        return shape


def _array_bytes(array: NDArray[Any]) -> bytes:
    return (
        f"{array.dtype.str}{array.shape}".encode() + np.ascontiguousarray(array).tobytes()
    )


class Trunk:
    """The thirteen convolutions of a VGG16, in the form in which they are stored.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        ``block{b}_conv{c}/kernel`` of shape (3, 3, in, out) and ``.../bias`` of shape
        (out,), of any float type; or an int8 kernel and ``.../scale`` of shape (out,).
    name : str
        Where they come from, for messages.
    seeded : bool, default=False
        Whether they are the random trunk of ``weights=None``, which a pickle need not
        hold.

    Raises
    ------
    ValueError
        If the arrays are not those of a VGG16; the message names the first wrong one.
    """

    def __init__(
        self, arrays: Mapping[str, NDArray[Any]], name: str, *, seeded: bool = False
    ) -> None:
        self.arrays = dict(arrays)
        self.name = name
        self.seeded = seeded
        channels = 3
        for layer in convolution_names():
            channels = self._check(layer, channels)

    def _check(self, layer: str, channels: int) -> int:
        for part in ("kernel", "bias"):
            if f"{layer}/{part}" not in self.arrays:
                raise ValueError(
                    f"The weights from {self.name} lack {layer}/{part}: a VGG16 without its "
                    "top has 13 convolutions, block1_conv1 to block5_conv3."
                )
        kernel, bias = self.arrays[f"{layer}/kernel"], self.arrays[f"{layer}/bias"]
        if kernel.ndim != 4 or kernel.shape[:3] != (3, 3, channels):
            raise ValueError(
                f"The weights from {self.name} have a kernel {layer} of shape "
                f"{kernel.shape}; (3, 3, {channels}, n) is needed."
            )
        if bias.shape != kernel.shape[3:]:
            raise ValueError(
                f"The weights from {self.name} have a bias {layer} of shape {bias.shape}; "
                f"{kernel.shape[3:]} is needed."
            )
        if not (np.isfinite(kernel).all() and np.isfinite(bias).all()):
            raise ValueError(f"The weights from {self.name} are not finite in {layer}.")
        return int(kernel.shape[3])

    def __reduce__(self) -> tuple[Any, ...]:
        if self.seeded:
            return load_trunk, (None,)
        return Trunk, (self.arrays, self.name)

    @cached_property
    def digest(self) -> bytes:
        """Digest of the weights."""
        digest = blake2b(digest_size=16)
        for name in sorted(self.arrays):
            digest.update(name.encode() + _array_bytes(self.arrays[name]))
        return digest.digest()

    def convolution(self, name: str) -> Conv:
        """Return one convolution with float32 weights."""
        kernel = self.arrays[f"{name}/kernel"].astype(np.float32)
        if f"{name}/scale" in self.arrays:
            kernel *= self.arrays[f"{name}/scale"].astype(np.float32)
        return Conv(kernel, self.arrays[f"{name}/bias"].astype(np.float32))


def convolution_names() -> list[str]:
    """Return the names of the thirteen convolutions, from the image on."""
    return [
        f"block{block}_conv{conv}"
        for block, convolutions in enumerate(_CONVOLUTIONS, 1)
        for conv in range(1, convolutions + 1)
    ]


def _blocks(trunk: Trunk, first: int, last: int) -> Iterator[Layer]:
    for block in range(first, last + 1):
        for conv in range(1, _CONVOLUTIONS[block - 1] + 1):
            yield trunk.convolution(f"block{block}_conv{conv}")
        yield MaxPool()


def _pooling(pooling: str) -> Layer:
    return Flatten() if pooling == "flatten" else GlobalPool(pooling)


def trunk_network(trunk: Trunk, cut: str | None, pooling: str) -> Network:
    """Return the frozen part: from the image to the activations at the cut.

    Parameters
    ----------
    trunk : Trunk
        The weights.
    cut : {None, "block5", "block4", "block3", "block2", "block1"}
        The first trainable block; None: none is, the cut is after the last pooling.
    pooling : {"avg", "max", "flatten"}
        The last pooling.

    Returns
    -------
    Network
        Without any layer for ``"block1"``.
    """
    if cut is None:
        return Network((*_blocks(trunk, 1, 5), _pooling(pooling)))
    return Network(tuple(_blocks(trunk, 1, int(cut[-1]) - 1)))


def tail_convolutions(trunk: Trunk, cut: str | None, pooling: str) -> Network:
    """Return the trainable part of the trunk: from the cut to the last pooling.

    Parameters
    ----------
    trunk : Trunk
        The weights to start from.
    cut : {None, "block5", "block4", "block3", "block2", "block1"}
        The first trainable block.
    pooling : {"avg", "max", "flatten"}
        The last pooling.

    Returns
    -------
    Network
        Without any layer for None.
    """
    if cut is None:
        return Network(())
    return Network((*_blocks(trunk, int(cut[-1]), 5), _pooling(pooling)))


def load_trunk(weights: str | PathLike[str] | None) -> Trunk:
    """Load the weights of a trunk.

    Parameters
    ----------
    weights : {"imagenet", "cifake"}, path or None
        Keras's own VGG16 weights; the trunk inside this package, trained on CIFAKE; a
        ``.safetensors`` or Keras ``.h5`` file; or a random (He-normal) trunk, always the
        same.

    Returns
    -------
    Trunk
        One object for as long as the source does not change.

    Raises
    ------
    OSError
        If a file cannot be read, or the ImageNet weights cannot be had.
    ValueError
        If the file does not hold a VGG16.
    """
    if weights is None:
        return _random_trunk()
    if weights == "cifake":
        return _embedded_trunk()
    if weights == "imagenet":
        return _imagenet_trunk()
    path = Path(weights)
    if not path.is_file():
        raise FileNotFoundError(
            f"weights={str(path)!r} is neither 'imagenet' nor 'cifake', nor a file."
        )
    changed = path.stat()
    return _trunk_from_file(path.resolve(), changed.st_mtime_ns, changed.st_size)


@lru_cache(maxsize=1)
def _random_trunk() -> Trunk:
    random_state = np.random.RandomState(_RANDOM_TRUNK_SEED)
    arrays: dict[str, NDArray[Any]] = {}
    inputs = 3
    for name in convolution_names():
        outputs = _CHANNELS[int(name[5]) - 1]
        he_normal = np.sqrt(2 / (9 * inputs))
        kernel = random_state.standard_normal((3, 3, inputs, outputs)) * he_normal
        arrays[f"{name}/kernel"] = kernel.astype(np.float32)
        arrays[f"{name}/bias"] = np.zeros(outputs, np.float32)
        inputs = outputs
    return Trunk(arrays, "weights=None", seeded=True)


@lru_cache(maxsize=1)
def _embedded_trunk() -> Trunk:
    with np.load(_EMBEDDED, allow_pickle=False) as arrays:
        return Trunk(arrays, "weights='cifake'")


@lru_cache(maxsize=1)
def _imagenet_trunk() -> Trunk:
    try:
        return _keras_trunk("imagenet", "weights='imagenet'")
    except Exception as error:  # Keras raises a bare Exception where a download fails
        from keras.src.applications.vgg16 import WEIGHTS_PATH_NO_TOP
        from keras.src.backend.config import keras_home

        home = Path(keras_home()) / "models" / _IMAGENET_FILE
        raise OSError(
            f"The ImageNet weights cannot be had ({error}). Put {WEIGHTS_PATH_NO_TOP} at "
            f"{home}, or pass weights=PATH to such a file, weights='cifake' (inside this "
            "package, for 32x32 images) or weights=None (random)."
        ) from error


@lru_cache(maxsize=2)
def _trunk_from_file(path: Path, changed: int, size: int) -> Trunk:
    del changed, size  # they only tell one state of the file from the next
    if path.suffix == ".safetensors":
        try:
            return Trunk(load_file(path), repr(str(path)))
        except SafetensorError as error:
            raise ValueError(f"{str(path)!r} is no safetensors file: {error}.") from error
    if path.suffix in (".h5", ".hdf5"):
        try:
            return _keras_trunk(str(path), repr(str(path)))
        except (KeyError, OSError, ValueError) as error:
            reason = str(error).partition("\n")[0]
            raise ValueError(
                f"{str(path)!r} does not hold the weights of Keras's VGG16 without its top: "
                f"{reason}"
            ) from error
    raise ValueError(
        f"weights={str(path)!r} must be a .safetensors file or a Keras .h5 file."
    )


def _keras_trunk(weights: str, name: str) -> Trunk:
    from keras.applications import VGG16

    with _python_random_state():
        model = VGG16(include_top=False, weights=weights)
    arrays: dict[str, NDArray[Any]] = {}
    for layer in convolution_names():
        kernel, bias = model.get_layer(layer).get_weights()
        arrays[f"{layer}/kernel"], arrays[f"{layer}/bias"] = kernel, bias
    return Trunk(arrays, name)


@contextmanager
def _python_random_state() -> Iterator[None]:
    """Keep Python's generator as it is: Keras draws the seeds of its layers from it."""
    state = random.getstate()
    try:
        yield
    finally:
        random.setstate(state)
