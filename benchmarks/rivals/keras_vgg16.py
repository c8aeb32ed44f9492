"""Keras's VGG16 with given weights, and its ``predict``."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

__all__ = ["build_vgg16", "make_forward"]


def build_vgg16(weights: str, side: int) -> Any:
    """Return Keras's VGG16 without its top, averaged over all positions at the end."""
    import keras

    vgg16 = keras.applications.VGG16(
        include_top=False, weights=None, pooling="avg", input_shape=(side, side, 3)
    )
    arrays = load_file(weights)
    for layer in vgg16.layers:
        if layer.weights:
            layer.set_weights(
                [arrays[f"{layer.name}/{part}"] for part in ("kernel", "bias")]
            )
    return vgg16


def make_forward(
    weights: str, side: int, n_threads: int
) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """Return ``model.predict``; TensorFlow takes all cores by itself.

    Keras's default batch of 32 suits it: at 224x224, batches of 8 are no faster, and at
    32x32 batches of 256 are not either.
    """
    vgg16 = build_vgg16(weights, side)
    return lambda images: np.asarray(vgg16.predict(images, batch_size=32, verbose=0))
