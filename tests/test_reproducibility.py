"""`random_state` decides everything, and nothing outside the estimator is touched."""

import os
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from conftest import Images, MakeClassifier
from numpy.typing import NDArray

# With everything in it that draws: the split, the start, the order, dropout and views.
RANDOM = {"dropout": 0.5, "augmentation": "default", "batch_size": 5, "epochs": 2}
RANDOM |= {"early_stopping": True, "validation_fraction": 0.25}


@pytest.fixture(scope="module")
def run(make_classifier: MakeClassifier, dark_and_bright: Images) -> Callable[..., Any]:
    """Return a function that fits and returns the history and the probabilities."""

    def fit(**changes: Any) -> tuple[dict[str, list[float]], NDArray[np.float64]]:
        clf = make_classifier(**RANDOM | changes).fit(*dark_and_bright)
        return clf.history_, clf.predict_proba(dark_and_bright[0])

    return fit


def same(one: Any, other: Any) -> bool:
    return one[0] == other[0] and np.array_equal(one[1], other[1])


@pytest.mark.parametrize(
    "changes",
    [{}, pytest.param({"trainable_from": "block5"}, marks=pytest.mark.slow)],
    ids=str,
)
def test_equal_seeds_are_equal_to_the_bit_and_others_differ(
    run: Callable[..., Any], changes: dict[str, Any]
) -> None:
    first = run(random_state=1, **changes)
    random.seed(99)
    np.random.seed(99)  # noqa: NPY002
    assert same(first, run(random_state=1, **changes))
    assert not same(first, run(random_state=2, **changes))


def test_threads_do_not_matter(run: Callable[..., Any]) -> None:
    assert same(run(random_state=1, n_jobs=1), run(random_state=1, n_jobs=3))


def test_a_random_state_instance_goes_on_from_fit_to_fit(run: Callable[..., Any]) -> None:
    generator = np.random.RandomState(7)
    first, second = run(random_state=generator), run(random_state=generator)
    assert not same(first, second)
    assert same(first, run(random_state=np.random.RandomState(7)))


def test_none_differs_each_time_whatever_numpy_was_seeded_with(
    run: Callable[..., Any],
) -> None:
    np.random.seed(0)  # noqa: NPY002
    first = run(random_state=None)
    np.random.seed(0)  # noqa: NPY002
    assert not same(first, run(random_state=None))


def test_the_random_trunk_has_a_seed_of_its_own(
    make_classifier: MakeClassifier, dark_and_bright: Images
) -> None:
    X, y = dark_and_bright[0][10:14], dark_and_bright[1][10:14]
    trunks = {
        make_classifier(weights=None, random_state=seed, epochs=1).fit(X, y)._trunk.digest
        for seed in (0, None)
    }
    assert len(trunks) == 1


def global_state() -> dict[str, Any]:
    """Return what a library can change behind a program's back."""
    import keras
    import tensorflow as tf
    from keras.src.backend.common.global_state import get_global_attribute
    from tensorflow.python.eager import context
    from tensorflow.python.framework import config

    numpy_state: Any = np.random.get_state()  # noqa: NPY002
    keras_seeds = get_global_attribute("global_seed_generator")
    return {
        "random": random.getstate(),
        "numpy": (numpy_state[1].tolist(), *numpy_state[2:]),
        "determinism": config.is_op_determinism_enabled(),
        "tensorflow seed": context.global_seed(),
        "eager": tf.config.functions_run_eagerly(),
        "threads": (
            tf.config.threading.get_intra_op_parallelism_threads(),
            tf.config.threading.get_inter_op_parallelism_threads(),
        ),
        "jit": tf.config.optimizer.get_jit(),
        "keras seeds": keras_seeds and keras_seeds.state.numpy().tolist(),
        "policy": keras.config.dtype_policy().name,
        "floatx": keras.config.floatx(),
        "data format": keras.config.image_data_format(),
        "environment": dict(os.environ),
    }


@pytest.mark.parametrize("random_state", [0, pytest.param(None, marks=pytest.mark.slow)])
def test_no_global_state_changes(run: Callable[..., Any], random_state: int | None) -> None:
    run()  # imports happen once, and are no part of this
    # Were a generator seeded in each run, it would otherwise be in that state already.
    random.seed(99)
    np.random.seed(99)  # noqa: NPY002
    before = global_state()
    run(random_state=random_state, trainable_from="block5", weights="cifake")
    after = global_state()
    for name, value in before.items():
        assert after[name] == value, name


@pytest.mark.slow
def test_keras_own_weights_leave_pythons_generator_alone(
    make_classifier: MakeClassifier, dark_and_bright: Images, tmp_path: Any
) -> None:
    from keras.applications import VGG16

    path = tmp_path / "vgg16.weights.h5"
    VGG16(include_top=False, weights=None).save_weights(path)
    before = global_state()
    make_classifier(weights=path, epochs=1).fit(dark_and_bright[0][10:14], [0, 0, 1, 1])
    assert global_state() == before


def test_fit_and_predict_never_fork(run: Callable[..., Any]) -> None:
    forks: list[None] = []
    os.register_at_fork(before=lambda: forks.append(None))
    run(n_jobs=2, cache="auto")
    assert not forks
    # It would have been seen.
    child = os.fork() if hasattr(os, "fork") else 0
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    assert forks
