"""Where the weights of a trunk come from."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file

from skfakereal._threads import limit_tensorflow
from skfakereal._trunk import Trunk, convolution_names, random_trunk

__all__ = ["load_trunk"]

_EMBEDDED = Path(__file__).parent / "trunks" / "cifake.npz"
_IMAGENET_FILE = "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"


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
        return random_trunk()
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
def _embedded_trunk() -> Trunk:
    with np.load(_EMBEDDED, allow_pickle=False) as arrays:
        return Trunk(arrays, "weights='cifake'")


@lru_cache(maxsize=1)
def _imagenet_trunk() -> Trunk:
    try:
        return _keras_trunk("imagenet", "weights='imagenet'", trained_on="imagenet")
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
            with safe_open(path, framework="np") as file:
                trained_on = (file.metadata() or {}).get("input")
            return Trunk(
                load_file(path),
                repr(str(path)),
                trained_on=trained_on if trained_on in ("imagenet", "unit") else None,
            )
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


def _keras_trunk(weights: str, name: str, trained_on: str | None = None) -> Trunk:
    limit_tensorflow()
    from keras.applications import VGG16

    with _python_random_state():
        model = VGG16(include_top=False, weights=weights)
    arrays: dict[str, NDArray[Any]] = {}
    for layer in convolution_names():
        kernel, bias = model.get_layer(layer).get_weights()
        arrays[f"{layer}/kernel"], arrays[f"{layer}/bias"] = kernel, bias
    return Trunk(arrays, name, trained_on=trained_on)


@contextmanager
def _python_random_state() -> Iterator[None]:
    """Keep Python's generator as it is: Keras draws the seeds of its layers from it."""
    state = random.getstate()
    try:
        yield
    finally:
        random.setstate(state)
