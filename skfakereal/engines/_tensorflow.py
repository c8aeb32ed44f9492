"""The TensorFlow engine: a network as one graph."""

from itertools import combinations
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skfakereal._network import (
    Carry,
    Clip,
    Conv,
    Dense,
    Flatten,
    Forward,
    GlobalPool,
    Layer,
    MaxPool,
    Network,
    Statistics,
)
from skfakereal._threads import prepare_tensorflow, require_living_threads


def compile_with_tensorflow(network: Network) -> Forward:
    """Return a function that computes `network` on batches of any length."""
    prepare_tensorflow()
    import tensorflow as tf

    steps = [(layer, _step(layer)) for layer in network.layers]
    wanted = next((x for x in network.layers if isinstance(x, Statistics)), Statistics())
    carries = bool(network.layers) and isinstance(network.layers[0], Carry)
    rank = 2 if carries else 4

    # One trace serves batches of every length.
    @tf.function(
        input_signature=[tf.TensorSpec([None] * rank, tf.float32)], autograph=False
    )
    def graph(batch: Any) -> Any:
        statistics, n = list[Any](), 0
        for layer, step in steps:
            match layer:
                case Carry(shape):
                    statistics.append(batch[:, prod(shape) :])
                case Statistics():
                    batch = (batch, statistics)
            batch = step(batch)
            if isinstance(layer, Conv):
                # Never computed if not used.
                channels = wanted.mixed(n, len(layer.bias))
                statistics += channel_statistics(batch, channels)
                n += 1
        return batch

    def forward(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        require_living_threads()  # it may have been compiled before a fork
        return np.asarray(graph(tf.constant(batch)).numpy())

    return forward


def channel_statistics(maps: Any, correlated: int | None) -> list[Any]:
    """Return the statistics of each channel of maps (n, height, width, channels).

    With correlations, if the number of channels is given.
    """
    import tensorflow as tf

    step = tf.where(tf.shape(maps)[1] > Statistics.MANY_ROWS, Statistics.STEP, 1)
    maps = maps[:, ::step]
    # By row: of a flat image, one sum over all its positions is wrong by 2e-4.
    rows = tf.reduce_mean(maps, axis=2, keepdims=True)
    squares = tf.reduce_mean(tf.square(maps - rows), axis=(1, 2))
    mean, variance = tf.nn.moments(rows, axes=(1, 2))
    both = Statistics.of(mean, variance + squares, tf.math)
    return [*both] if correlated is None else [*both, _correlations(maps, correlated)]


def _correlations(maps: Any, channels: int) -> Any:
    import tensorflow as tf

    rows = tf.reshape(maps, (tf.shape(maps)[0], -1, channels))
    rows = tf.matmul(rows, tf.constant(Statistics.mixing(channels)))
    square = tf.reduce_mean(tf.square(rows), axis=1)
    rows -= tf.reduce_mean(rows, axis=1, keepdims=True)
    n_positions = tf.cast(tf.shape(rows)[1], tf.float32)
    products = tf.matmul(rows, rows, transpose_a=True) / n_positions
    variance = tf.linalg.diag_part(products) + Statistics.FLAT * square + Statistics.DEAD
    # By roots first: the product of two small variances is 0 in float32.
    roots = tf.sqrt(variance)
    products /= roots[:, :, tf.newaxis] * roots[:, tf.newaxis]
    n = min(Statistics.N_MIXTURES, channels)
    places = [n * a + b for a, b in combinations(range(n), 2)]
    return tf.gather(tf.reshape(products, (-1, n * n)), places, axis=1)


def _flatten(maps: Any) -> Any:
    import tensorflow as tf

    return tf.reshape(maps, (tf.shape(maps)[0], -1))


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
            return _flatten
        case Carry(shape):
            return lambda x: tf.reshape(x[:, : prod(shape)], (-1, *shape))
        case Statistics(with_maps):
            whole = slice(None) if with_maps else slice(1, None)
            return lambda x: tf.concat([_flatten(x[0]), *x[1]][whole], axis=1)
        case Clip(low, high):
            return lambda x: tf.clip_by_value(x, low, high)
        case Dense(kernel, bias, activation):
            weights, offset = tf.constant(kernel), tf.constant(bias)
            activate = {"relu": tf.nn.relu, "sigmoid": tf.sigmoid, "softmax": tf.nn.softmax}
            return lambda x: activate[activation](tf.matmul(x, weights) + offset)
