"""A tail that was used before trains as a new one does, to the bit."""

import gc
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from conftest import run_python
from joblib import Parallel, delayed

keras = pytest.importorskip("keras")
tf = pytest.importorskip("tensorflow")

from skfakereal._network import Conv, GlobalPool, MaxPool, Network  # noqa: E402
from skfakereal._training import tail  # noqa: E402
from skfakereal._training.settings import TailSettings  # noqa: E402
from skfakereal._training.tail import _free, lent_tail  # noqa: E402

SHAPE = (6,)
HEAD = Network(())


@pytest.fixture(autouse=True)
def _empty_pool():
    _free.clear()
    yield
    _free.clear()


KNOWN = {"hidden_units": (5, 4), "dropout": 0.3, "optimizer": "adam", "learning_rate": 0.01}
KNOWN |= {"batch_size": 8, "epochs": 1, "n_views": 0, "patience": None, "seed": 3}


def settings(**changes):
    return TailSettings(**KNOWN | {"class_weight": None} | changes)


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


OTHERS = ("sgd", "nadam", "ftrl", "adagrad", "adamw")


@pytest.mark.parametrize(
    "optimizer", ["adam", *(pytest.param(x, marks=pytest.mark.slow) for x in OTHERS)]
)
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
        pytest.param({"dropout": 0.0}, marks=pytest.mark.slow),
        pytest.param({"optimizer": "sgd"}, marks=pytest.mark.slow),
        pytest.param({"shape": (7,)}, marks=pytest.mark.slow),
        pytest.param({"n_classes": 3}, marks=pytest.mark.slow),
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
        first = Conv(kernel, np.zeros(4, np.float32))
        return Network((first, MaxPool(), GlobalPool("avg")))

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


@pytest.mark.slow
def test_threads_agree_with_a_single_one():
    seeds = range(6)
    expected = [trained(seed=seed)[1] for seed in seeds]
    found = Parallel(n_jobs=3, backend="threading")(
        delayed(trained)(seed=seed) for seed in seeds
    )
    for (_, weights), wanted in zip(found, expected, strict=True):
        assert_equal(weights, wanted)


def test_a_tail_that_failed_is_not_lent_again():
    with pytest.raises(KeyboardInterrupt), lent_tail(settings(), HEAD, SHAPE, 2):
        raise KeyboardInterrupt
    assert not _free
    # Nor is a large one: it has 3 million weights, and Adam's two for each.
    trained(hidden_units=(1000, 3000))
    assert not _free


@pytest.mark.slow
def test_only_a_few_are_kept(monkeypatch):
    monkeypatch.setattr(tail, "_MOST_TAILS", 2)
    for n_units in range(1, 5):
        trained(hidden_units=(n_units,))
    assert [kept.model.layers[0].units for _, kept in _free] == [3, 4]


@contextmanager
def set_to(value, get, set_):
    before = get()
    set_(value)
    try:
        yield
    finally:
        set_(before)


def under(name):
    """Return a context in which a global setting is not what it is by default."""
    config, eager = keras.config, tf.config
    if name == "strategy":
        return tf.distribute.MirroredStrategy(["/cpu:0"]).scope()
    layout = config.image_data_format, config.set_image_data_format
    value, get, set_ = {
        "dtype_policy": ("float64", config.dtype_policy, config.set_dtype_policy),
        "floatx": ("float64", config.floatx, config.set_floatx),
        "epsilon": (0.1, config.epsilon, config.set_epsilon),
        "data_format": ("channels_first", *layout),
        "eagerly": (True, eager.functions_run_eagerly, eager.run_functions_eagerly),
    }[name]
    return set_to(value, get, set_)


KERNEL = Conv(np.full((3, 3, 2, 4), 0.1, np.float32), np.zeros(4, np.float32))
CONVOLUTION = Network((KERNEL, MaxPool(), GlobalPool("avg")))


@pytest.mark.slow
@pytest.mark.parametrize("state", ["dtype_policy", "floatx", "epsilon", "strategy"])
def test_what_a_tail_is_built_with_is_part_of_what_it_is(state):
    first, expected = trained()
    with under(state):
        second, weights = trained()
        _free.clear()
        assert_equal(trained()[1], weights)
    assert second != first
    assert weights[0].dtype == (np.float64 if state == "dtype_policy" else np.float32)
    _free.clear()
    assert_equal(trained()[1], expected)


@pytest.mark.parametrize(
    "state", ["data_format", pytest.param("eagerly", marks=pytest.mark.slow)]
)
def test_what_takes_effect_at_once_needs_no_other_tail(state):
    def train_convolution():
        return trained(start=CONVOLUTION, shape=(4, 4, 2))

    first, _ = train_convolution()
    with under(state):
        second, weights = train_convolution()
        _free.clear()
        assert_equal(train_convolution()[1], weights)
    assert second == first


def test_a_registered_optimizer_may_be_another_class_by_now():
    def register(rate):
        @keras.saving.register_keras_serializable("a notebook")
        class Mine(keras.optimizers.SGD):
            def update_step(self, gradient, variable, learning_rate):
                super().update_step(gradient * rate, variable, learning_rate)

    register(0.0)
    still = trained(optimizer="a notebook>Mine")[1]
    register(1.0)
    assert not np.array_equal(trained(optimizer="a notebook>Mine")[1][0], still[0])


@pytest.mark.slow
def test_another_device_is_another_tail():
    code = """
import sys
import tensorflow as tf
(cpu,) = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
sys.path.insert(0, sys.argv[1])
from test_tail_pool import HEAD, SHAPE, lent_tail, settings, train
for number in (0, 1, 0):
    with tf.device(f"/CPU:{number}"), lent_tail(settings(), HEAD, SHAPE, 2) as tail:
        train(tail)
        assert tail.layers[0].kernel.value.device.endswith(f"CPU:{number}")
"""
    run_python(code, Path(__file__).parent)


def count_graphs():
    gc.collect()
    return sum(type(thing).__name__ == "FuncGraph" for thing in gc.get_objects())


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
def test_the_graphs_of_a_tail_go_with_it(optimizer):
    before = count_graphs()
    with lent_tail(settings(optimizer=optimizer), HEAD, SHAPE, 2) as tail:
        train(tail)
        train(tail, n=5)
    assert count_graphs() > before  # kept in the pool
    del tail
    _free.clear()
    assert count_graphs() == before


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads Linux's /proc")
def test_fits_of_ever_new_heads_take_no_more_memory(fit, tmp_path, monkeypatch):
    monkeypatch.setattr(tail, "_MOST_TAILS", 2)

    def resident_megabytes(n_units):
        fit(hidden_units=(n_units,), epochs=2, cache=tmp_path)
        gc.collect()
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6

    for n_units in range(1, 6):
        before = resident_megabytes(n_units)
    for n_units in range(20, 32):
        after = resident_megabytes(n_units)
    # TensorFlow keeps 0.6 for the kernels of the variables. With the graphs it was 5.
    assert (after - before) / 12 < 2.5


def test_it_survives_a_cleared_session():
    _, expected = trained()
    keras.backend.clear_session()
    assert_equal(trained()[1], expected)
