"""A tail that was used before trains as a new one does, to the bit."""

import numpy as np
import pytest
from joblib import Parallel, delayed

keras = pytest.importorskip("keras")

from skfakereal._network import Conv, GlobalPool, MaxPool, Network  # noqa: E402
from skfakereal._tail import TailSettings  # noqa: E402
from skfakereal._tail_pool import _MOST_TAILS, _free, lent_tail  # noqa: E402

SHAPE = (6,)
HEAD = Network(())


@pytest.fixture(autouse=True)
def _empty_pool():
    _free.clear()
    yield
    _free.clear()


def settings(**changes):
    known = {
        "hidden_units": (5, 4),
        "dropout": 0.3,
        "optimizer": "adam",
        "learning_rate": 0.01,
        "batch_size": 8,
        "epochs": 1,
        "n_views": 0,
        "patience": None,
        "class_weight": None,
        "seed": 3,
    }
    return TailSettings(**known | changes)


def train(tail, n=8, n_steps=4):
    random = np.random.default_rng(n)
    x, y = random.random((n, *tail.input_shape[1:])), np.arange(n) % 2
    for _ in range(n_steps):
        tail.train_on_batch(x, y)
    return [np.array(weights) for weights in tail.get_weights()]


def trained(n=8, start=HEAD, shape=SHAPE, n_classes=2, **changes):
    with lent_tail(settings(**changes), start, shape, n_classes) as tail:
        return id(tail), train(tail, n)


def assert_equal(one, other):
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "nadam", "ftrl", "adagrad", "adamw"])
def test_a_second_fit_equals_the_first(optimizer):
    first, expected = trained(optimizer=optimizer)
    # Another batch shape, learning rate and seed in between leave no trace.
    between, other = trained(n=5, optimizer=optimizer, learning_rate=0.5, seed=4)
    again, weights = trained(optimizer=optimizer)
    assert first == between == again
    assert_equal(weights, expected)
    assert not np.array_equal(other[0], expected[0])


@pytest.mark.parametrize(
    "change",
    [
        {"hidden_units": (5, 3)},
        {"dropout": 0.0},
        {"optimizer": "sgd"},
        {"shape": (7,)},
        {"n_classes": 3},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_structure_is_another_tail(change):
    first, _ = trained()
    other, _ = trained(**change)
    assert other != first
    assert len(_free) == 2


def test_convolutions_start_from_the_trunk_each_time():
    random = np.random.default_rng(0)

    def trunk():
        kernel = random.normal(size=(3, 3, 2, 4)).astype(np.float32)
        return Network(
            (Conv(kernel, np.zeros(4, np.float32)), MaxPool(), GlobalPool("avg"))
        )

    one, other = trunk(), trunk()
    first, expected = trained(start=one, shape=(4, 4, 2))
    second, different = trained(start=other, shape=(4, 4, 2))
    third, weights = trained(start=one, shape=(4, 4, 2))
    assert first == second == third
    assert_equal(weights, expected)
    assert not np.array_equal(different[0], expected[0])


def test_two_fits_at_the_same_time_have_a_tail_each():
    with (
        lent_tail(settings(), HEAD, SHAPE, 2) as one,
        lent_tail(settings(), HEAD, SHAPE, 2) as other,
    ):
        assert one is not other
    assert len(_free) == 2


def test_threads_agree_with_a_single_one():
    seeds = range(6)
    expected = [trained(seed=seed)[1] for seed in seeds]
    found = Parallel(n_jobs=3, backend="threading")(
        delayed(trained)(seed=seed) for seed in seeds
    )
    for (_, weights), wanted in zip(found, expected, strict=True):
        assert_equal(weights, wanted)


def test_a_tail_that_failed_is_not_lent_again():
    with (
        pytest.raises(KeyboardInterrupt),
        lent_tail(settings(), HEAD, SHAPE, 2),
    ):
        raise KeyboardInterrupt
    assert not _free


def test_a_large_tail_is_not_kept():
    trained(hidden_units=(1000, 3000))  # 3 million weights, and Adam's two for each
    assert not _free


def test_only_a_few_are_kept():
    for n_units in range(1, _MOST_TAILS + 3):
        trained(hidden_units=(n_units,))
    assert len(_free) == _MOST_TAILS
    newest = _free[-1][1].model
    assert newest.layers[0].units == _MOST_TAILS + 2


def test_another_precision_is_another_tail():
    before = keras.config.dtype_policy()
    first, expected = trained()
    try:
        keras.config.set_dtype_policy("float64")
        second, weights = trained()
    finally:
        keras.config.set_dtype_policy(before)
    assert second != first
    assert weights[0].dtype == np.float64
    assert_equal(trained()[1], expected)


def test_it_survives_a_cleared_session():
    _, expected = trained()
    keras.backend.clear_session()
    assert_equal(trained()[1], expected)
