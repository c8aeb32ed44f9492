"""Compiled tails, kept for the next fit with a tail of the same shape.

Building a tail and tracing its steps takes TensorFlow some 0.6 seconds, which is most of a
fit whose activations are stored. A grid search that only varies the learning rate, the
epochs or the fold needs one tail.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from skfakereal._network import Conv, Dense, Network
from skfakereal._training.settings import TailSettings
from skfakereal._training.tail import build_tail, restart_tail

# Of all variables of a tail, the optimizer's too. A head on averaged features has 2 MB; to
# keep a part of the trunk would cost the user more memory than he gains time.
_MOST_BYTES = 2**25
_MOST_TAILS = 8


class _Tail:
    """A compiled tail, and its optimizer's variables as they were before any step."""

    def __init__(self, model: keras.Model) -> None:
        self.model = model
        variables = [*model.variables, *model.optimizer.variables]
        sizes = (np.prod(v.shape) * np.dtype(v.dtype).itemsize for v in variables)
        self.is_small = sum(sizes) <= _MOST_BYTES
        self._before: list[NDArray[Any]] = []
        if self.is_small:
            self._before = [v.numpy() for v in model.optimizer.variables]

    def forget(self) -> None:
        """Forget what the optimizer has learned of an earlier fit."""
        for variable, value in zip(
            self.model.optimizer.variables, self._before, strict=True
        ):
            variable.assign(value)


# Tails that nobody uses now, the one that was used last at the end.
_free: list[tuple[object, _Tail]] = []
_lock = Lock()


@contextmanager
def lent_tail(
    settings: TailSettings, start: Network, shape: tuple[int, ...], n_classes: int
) -> Iterator[keras.Model]:
    """Lend a compiled tail that stands at its start; nobody else has it meanwhile.

    Whether it is new or was used before makes no difference to the bit.
    """
    key = _structure(settings, start, shape, n_classes)
    tail = _take(key)
    if tail is None:
        tail = _Tail(build_tail(settings, start, shape, n_classes))
    else:
        tail.forget()
    restart_tail(tail.model, settings, start)
    yield tail.model
    # Not after an error, which may have left it in any state.
    if tail.is_small:
        with _lock:
            _free.append((key, tail))
            del _free[:-_MOST_TAILS]


def _take(key: object) -> _Tail | None:
    with _lock:
        for position, (known, tail) in enumerate(_free):
            if known == key:
                del _free[position]
                return tail
    return None


def _structure(
    settings: TailSettings, start: Network, shape: tuple[int, ...], n_classes: int
) -> object:
    """Return all that a tail's graph depends on."""
    layers = [
        layer.kernel.shape if isinstance(layer, Conv) else layer
        for layer in start.layers
        if not isinstance(layer, Dense)
    ]
    return (
        layers,
        shape,
        n_classes,
        (settings.hidden_units, settings.dropout, settings.optimizer),
        bool(settings.weight_decay),
        # A notebook may have registered another class by that name since.
        keras.saving.get_registered_object(settings.optimizer),
        *_built_in_state(),
    )


def _built_in_state() -> tuple[object, ...]:
    """Return the global settings that a tail keeps from when it was built.

    The user may change them between two fits. All others (eager functions, XLA,
    determinism, mixed precision by rewriting) take effect at once, in any tail; and the
    layout of images is given to each layer.
    """
    return (
        keras.config.dtype_policy().name,
        keras.config.floatx(),  # of inputs and of the loss, whatever the policy
        keras.config.epsilon(),  # of the softmax's loss, in other precisions than float32
        tf.distribute.get_strategy(),
        tf.zeros(()).device,  # heeds tf.device
    )
