"""Forward and backward in NumPy are TensorFlow's."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from skfakereal._network import Conv, Dense, Flatten, GlobalPool, Layer, MaxPool
from skfakereal._trunk import random_trunk, trunk_network
from skfakereal._trunk_settings import TrunkSettings
from skfakereal.explain._opened import Scores, score_and_gradient, with_plain_scores

Array = NDArray[np.float32]


def by_tensorflow(layers: Sequence[Layer], inputs: Array, scores: Scores) -> Any:
    """Return scores and gradients as `tf.GradientTape` has them."""
    import tensorflow as tf

    values = start = tf.constant(inputs)
    with tf.GradientTape() as tape:
        tape.watch(start)
        for layer in layers:
            match layer:
                case Conv(kernel, bias):
                    values = tf.nn.relu(tf.nn.conv2d(values, kernel, 1, "SAME") + bias)
                case MaxPool():
                    values = tf.nn.max_pool2d(values, 2, 2, "VALID")
                case GlobalPool("avg"):
                    values = tf.reduce_mean(values, axis=(1, 2))
                case GlobalPool():
                    values = tf.reduce_max(values, axis=(1, 2))
                case Flatten():
                    values = tf.reshape(values, (len(inputs), -1))
                case Dense(kernel, bias, activation):
                    values = values @ kernel + bias
                    values = tf.nn.relu(values) if activation == "relu" else values
        chosen = tf.gather(values, scores.outputs, axis=1, batch_dims=1) * scores.signs
    return chosen.numpy(), tape.gradient(chosen, start).numpy()


def conv(random: np.random.Generator, inputs: int, outputs: int) -> Conv:
    kernel = random.standard_normal((3, 3, inputs, outputs)) * np.sqrt(2 / (9 * inputs))
    return Conv(kernel.astype("f4"), random.standard_normal(outputs).astype("f4") / 10)


def dense(random: np.random.Generator, inputs: int, outputs: int, kind: str) -> Dense:
    kernel = random.standard_normal((inputs, outputs)) / np.sqrt(inputs)
    return Dense(kernel.astype("f4"), random.standard_normal(outputs).astype("f4"), kind)


@pytest.mark.parametrize("pooling", [GlobalPool("avg"), GlobalPool("max"), Flatten()])
@pytest.mark.parametrize("last", [(1, "sigmoid"), (3, "softmax")])
def test_every_kind_of_layer_is_as_in_tensorflow(
    pooling: Layer, last: tuple[int, str], rng: np.random.Generator
) -> None:
    n_outputs, activation = last
    # 13 by 10: the poolings drop an odd row, and flattened maps are not square.
    body: list[Layer] = [conv(rng, 5, 6), conv(rng, 6, 4), MaxPool(), conv(rng, 4, 7)]
    n_features = 7 if isinstance(pooling, GlobalPool) else 6 * 5 * 7
    head = [dense(rng, n_features, 9, "relu"), dense(rng, 9, n_outputs, activation)]
    layers = with_plain_scores([*body, pooling, *head])
    inputs = np.maximum(rng.standard_normal((3, 13, 10, 5)), 0).astype("f4")
    outputs = np.array([0, n_outputs - 1, 0])
    scores = Scores(outputs, np.array([1, 1, -1], np.float32))
    score, gradient = score_and_gradient(layers, inputs, scores)
    expected_score, expected = by_tensorflow(layers, inputs, scores)
    assert score == pytest.approx(expected_score, rel=1e-4, abs=1e-5)
    assert np.abs(gradient - expected).max() <= 1e-4 * np.abs(expected).max()
    assert np.abs(expected).max() > 0


@pytest.mark.parametrize("pooling", ["max", "flatten"])
def test_ties_and_dead_values_are_shared_as_in_tensorflow(pooling: str) -> None:
    pool, n = (Flatten(), 8) if pooling == "flatten" else (GlobalPool("max"), 2)
    last = Dense(np.ones((n, 1), "f4"), np.zeros(1, "f4"), "linear")
    layers = [MaxPool(), pool, last]
    inputs = np.ones((1, 4, 4, 2), np.float32)
    scores = Scores(np.zeros(1, int), np.ones(1, np.float32))
    _, gradient = score_and_gradient(layers, inputs, scores)
    _, expected = by_tensorflow(layers, inputs, scores)
    np.testing.assert_allclose(gradient, expected)


@pytest.mark.slow
@pytest.mark.parametrize(("first", "side"), [(14, 12), (10, 12), (0, 48)])
def test_the_full_trunk_is_as_in_tensorflow(
    first: int, side: int, rng: np.random.Generator
) -> None:
    settings = TrunkSettings((48, 48), "stretch", "unit", "avg", None)
    head = [dense(rng, 512, 16, "relu"), dense(rng, 16, 1, "sigmoid")]
    whole = with_plain_scores([*trunk_network(random_trunk(), settings).layers, *head])
    layers = whole[first:]
    assert isinstance(layers[0], Conv)
    inputs = rng.random((2, side, side, layers[0].kernel.shape[2]), np.float32)
    scores = Scores(np.zeros(2, int), np.ones(2, np.float32))
    score, gradient = score_and_gradient(layers, inputs, scores)
    expected_score, expected = by_tensorflow(layers, inputs, scores)
    assert score == pytest.approx(expected_score, rel=1e-4, abs=1e-5)
    assert np.linalg.norm(gradient - expected) <= 1e-4 * np.linalg.norm(expected)


def test_a_network_without_scores_is_refused() -> None:
    with pytest.raises(TypeError, match="last layer must be a Dense one, got MaxPool"):
        with_plain_scores([MaxPool()])
