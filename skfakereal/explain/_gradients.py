"""Layers and activations -> scores, and how they change with the activations, in NumPy.

VGG16 is convolutions, ReLU, poolings and Dense layers, so the backward pass is a page of
matrix products; no framework has to be imported for it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from skfakereal._network import Conv, Dense, Flatten, GlobalPool, Layer, MaxPool

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class Scores:
    """Which score of each image is meant: an output of the last layer, and its sign.

    Parameters
    ----------
    outputs : ndarray of shape (n_images,)
        Positions among the outputs.
    signs : ndarray of shape (n_images,), float32
        1, or -1 for the first class where one output stands for two classes.
    """

    outputs: NDArray[np.intp]
    signs: FloatArray


def with_plain_scores(layers: Sequence[Layer]) -> list[Layer]:
    """Return the layers without the last activation: they give logits."""
    *others, last = layers
    if not isinstance(last, Dense):
        raise TypeError(f"The last layer must be a Dense one, got {type(last).__name__}.")
    return [*others, replace(last, activation="linear")]


def class_activation(
    layers: Sequence[Layer], activations: FloatArray, scores: Scores
) -> FloatArray:
    """Return Grad-CAM's sum of the channels, before its negative part is cut off.

    Each channel weighs as much as the score changes with it, on average over its places
    (Selvaraju et al., 2017, equations 1 and 2).
    """
    _, gradient = score_and_gradient(layers, activations, scores)
    weights = gradient.mean(axis=(1, 2))
    return np.asarray(np.einsum("nhwc,nc->nhw", activations, weights))


def forward(layers: Sequence[Layer], inputs: FloatArray) -> FloatArray:
    """Return what layers make of inputs."""
    for layer in layers:
        inputs = _forward(layer, inputs)
    return inputs


def score_and_gradient(
    layers: Sequence[Layer], inputs: FloatArray, scores: Scores
) -> tuple[FloatArray, FloatArray]:
    """Return one score for each image, and its derivative by each of the image's inputs."""
    tape, values = [], inputs
    for layer in layers:
        outputs = _forward(layer, values)
        tape.append((layer, values, outputs))
        values = outputs
    rows = np.arange(len(values))
    gradient = np.zeros_like(values)
    gradient[rows, scores.outputs] = scores.signs
    score = values[rows, scores.outputs] * scores.signs
    for layer, before, after in reversed(tape):
        gradient = _backward(layer, before, after, gradient)
    return score, gradient


def _forward(layer: Layer, values: FloatArray) -> FloatArray:
    match layer:
        case Conv(kernel, bias):
            return np.asarray(np.maximum(_convolve(values, kernel) + bias, 0))
        case MaxPool():
            return np.asarray(_windows(values).max(axis=-1))
        case GlobalPool("avg"):
            return np.asarray(values.mean(axis=(1, 2)))
        case GlobalPool():
            return np.asarray(values.max(axis=(1, 2)))
        case Flatten():
            return values.reshape(len(values), -1)
        case Dense(kernel, bias, activation):
            outputs = values @ kernel + bias
            return np.maximum(outputs, 0) if activation == "relu" else outputs
    raise TypeError(f"A {type(layer).__name__} layer has no derivative here.")


def _backward(
    layer: Layer, before: FloatArray, after: FloatArray, gradient: FloatArray
) -> FloatArray:
    match layer:
        case Conv(kernel):
            # Turned by 180 degrees, with inputs and outputs exchanged.
            turned = kernel[::-1, ::-1].transpose(0, 1, 3, 2)
            return _convolve(gradient * (after > 0), turned)
        case MaxPool():
            return _unpool(before, gradient)
        case GlobalPool("avg"):
            share = gradient / np.float32(before.shape[1] * before.shape[2])
            return np.broadcast_to(share[:, None, None], before.shape)
        case GlobalPool():
            greatest = before == after[:, None, None]
            count = greatest.sum(axis=(1, 2), keepdims=True, dtype=np.float32)
            return np.asarray(greatest / count * gradient[:, None, None])
        case Flatten():
            return gradient.reshape(before.shape)
        case Dense(kernel, _, activation):
            if activation == "relu":
                gradient = gradient * (after > 0)
            return gradient @ kernel.T
    raise TypeError(f"A {type(layer).__name__} layer has no derivative here.")


def _convolve(values: FloatArray, kernel: FloatArray) -> FloatArray:
    """Convolve 3x3, zero-padded to the same size: nine matrix products."""
    n, height, width, channels = values.shape
    padded = np.pad(values, ((0, 0), (1, 1), (1, 1), (0, 0)))
    outputs = np.zeros((n * height * width, kernel.shape[3]), np.float32)
    for i in range(3):
        for j in range(3):
            moved = padded[:, i : i + height, j : j + width].reshape(-1, channels)
            outputs += moved @ kernel[i, j]
    return outputs.reshape(n, height, width, -1)


def _windows(values: FloatArray) -> FloatArray:
    """Return the 2x2 windows of a pooling, each as the last axis."""
    n, height, width, channels = values.shape
    even = values[:, : height // 2 * 2, : width // 2 * 2]
    blocks = even.reshape(n, height // 2, 2, width // 2, 2, channels)
    last = blocks.transpose(0, 1, 3, 5, 2, 4)
    return last.reshape(n, height // 2, width // 2, channels, 4)


def _unpool(before: FloatArray, gradient: FloatArray) -> FloatArray:
    """Give each window's gradient to its greatest value; a dropped row or column has none."""
    windows = _windows(before)
    n, height, width, channels, _ = windows.shape
    spread = np.zeros_like(windows)
    places = windows.argmax(axis=-1)[..., None]
    np.put_along_axis(spread, places, gradient[..., None], axis=-1)
    blocks = spread.reshape(n, height, width, channels, 2, 2).transpose(0, 1, 4, 2, 5, 3)
    full = np.zeros_like(before)
    full[:, : height * 2, : width * 2] = blocks.reshape(n, height * 2, width * 2, channels)
    return full
