"""The TensorFlow engine: a network as one graph."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from skfakereal._network import (
    Conv,
    Dense,
    Flatten,
    Forward,
    GlobalPool,
    Layer,
    MaxPool,
    Network,
)
from skfakereal._threads import prepare_tensorflow, require_living_threads

__all__ = ["compile_with_tensorflow"]


def compile_with_tensorflow(network: Network) -> Forward:
    """Return a function that computes `network` on batches of any length."""
    prepare_tensorflow()
    import tensorflow as tf

    steps = [_step(layer) for layer in network.layers]

    # One trace serves batches of every length.
    @tf.function(input_signature=[tf.TensorSpec((None, None, None, None), tf.float32)])
    def graph(batch: Any) -> Any:
        for step in steps:
            batch = step(batch)
        return batch

    def forward(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        require_living_threads()  # it may have been compiled before a fork
        return np.asarray(graph(tf.constant(batch)).numpy())

    return forward


def _step(layer: Layer) -> Any:
    import tensorflow as tf

    match layer:
        case Conv(kernel, bias):
            weights, offset = tf.constant(kernel), tf.constant(bias)
            return lambda x: tf.nn.relu(tf.nn.conv2d(x, weights, 1, "SAME") + offset)
        case MaxPool():
            return lambda x: tf.nn.max_pool2d(x, 2, 2, "VALID")
        case GlobalPool("avg"):
            return lambda x: tf.reduce_mean(x, axis=(1, 2))
        case GlobalPool():
            return lambda x: tf.reduce_max(x, axis=(1, 2))
        case Flatten():
            return lambda x: tf.reshape(x, (tf.shape(x)[0], -1))
        case Dense(kernel, bias, activation):
            weights, offset = tf.constant(kernel), tf.constant(bias)
            activate = {"relu": tf.nn.relu, "sigmoid": tf.sigmoid, "softmax": tf.nn.softmax}
            return lambda x: activate[activation](tf.matmul(x, weights) + offset)
