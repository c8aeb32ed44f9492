"""The trainable tail in Keras: built from layers as data, lent again, and read back.

Building a tail and tracing its steps takes TensorFlow some 0.6 seconds, which is most of a
fit whose activations are stored. A grid search that only varies the learning rate, the
epochs or the fold needs one tail; so compiled tails are kept for the next fit with one of
the same shape.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from math import prod
from threading import Lock
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from skfakereal._network import (
    Carry,
    Clip,
    Conv,
    Dense,
    Flatten,
    GlobalPool,
    Layer,
    MaxPool,
    Network,
    Statistics,
)
from skfakereal._training.settings import TailSettings
from skfakereal.engines._tensorflow import channel_statistics

# As activations are, whatever the user's keras.json says.
_LAYOUT = {"data_format": "channels_last"}
_WITH_KERNEL = (keras.layers.Conv2D, keras.layers.Dense)


# Once a name: TensorFlow keeps some 70 kB of each optimizer that was ever made.
@cache
def require_optimizer(name: str) -> None:
    """Raise unless an optimizer of this name can be made."""
    _make_optimizer(name)


def _make_optimizer(name: str) -> keras.optimizers.Optimizer:
    config = {"learning_rate": 1e-3}  # `restart_tail` sets it
    try:
        return keras.optimizers.get({"class_name": name, "config": config})
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"optimizer must be the name of a Keras optimizer, such as 'adam' or 'sgd', "
            f"got {name!r}."
        ) from error


def build_tail(
    settings: TailSettings, start: Network, shape: tuple[int, ...], n_classes: int
) -> keras.Model:
    """Build and compile the tail; `restart_tail` gives it the weights to start from.

    No layer draws anything: it would draw a seed from Python's own generator.
    """
    layers = [_keras_layer(x) for x in start.layers if not isinstance(x, Dense)]
    decay = _Decay() if settings.weight_decay else None
    for units in settings.hidden_units:
        layers.append(_dense(units, "relu", decay))
        if settings.dropout:
            layers.append(keras.layers.Dropout(settings.dropout, seed=0))
    layers.append(
        _dense(1, "sigmoid", decay)
        if n_classes == 2
        else _dense(n_classes, "softmax", decay)
    )
    model = _connected(keras.Input(shape), layers)
    optimizer = _make_optimizer(settings.optimizer)
    if not tf.distribute.has_strategy():
        # A sum over one replica is no sum. But TensorFlow takes it by `custom_gradient`,
        # whose registry then keeps the traced graph for good: 5 MB for every new head (its
        # issue 97697).
        optimizer._all_reduce_sum_gradients = lambda grads_and_vars: grads_and_vars
    # XLA would compile anew for each shape of a batch.
    model.compile(
        optimizer,
        "binary_crossentropy" if n_classes == 2 else "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=False,
    )
    model.optimizer.build(model.trainable_variables)
    return model


def restart_tail(model: keras.Model, settings: TailSettings, start: Network) -> None:
    """Set the weights, the seeds and the learning rate of a tail as training begins."""
    seeds = np.random.RandomState(settings.seed)

    def draw() -> int:
        return int(seeds.randint(2**31 - 1))

    for layer in model.layers:
        match layer:
            case keras.layers.Dense():
                values = keras.initializers.GlorotUniform(seed=draw())(layer.kernel.shape)
                layer.kernel.assign(values)
                layer.bias.assign(np.zeros(layer.bias.shape))
                if layer.kernel_regularizer is not None:
                    layer.kernel_regularizer.factor.assign(settings.weight_decay)
            case keras.layers.Dropout():
                layer.seed_generator.state.assign([draw(), 0])
    # After a warm start `start` has Dense layers too; Dropout and the like have no weights.
    given = [layer for layer in start.layers if isinstance(layer, Conv | Dense)]
    built = (layer for layer in model.layers if isinstance(layer, _WITH_KERNEL))
    for layer, values in zip(built, given, strict=False):
        layer.set_weights([values.kernel, values.bias])
    model.optimizer.learning_rate = settings.learning_rate


class _Decay(keras.regularizers.Regularizer):
    """Half the weight decay times the squares, of which only the slope is in the loss.

    So the losses that Keras reports are those of the images alone, and one graph serves
    every weight decay.
    """

    def __init__(self) -> None:
        self.factor = keras.Variable(0.0, trainable=False, dtype="float32")

    def __call__(self, kernel: Any) -> Any:
        penalty = self.factor / 2 * keras.ops.sum(keras.ops.square(kernel))
        return penalty - keras.ops.stop_gradient(penalty)


class _Carry(keras.layers.Layer):
    """`Carry`: from one row for each image to its maps, and statistics that wait."""

    def __init__(self, layer: Carry) -> None:
        super().__init__(dtype="float32")
        self.layer = layer

    def call(self, rows: Any) -> tuple[Any, Any]:
        size = prod(self.layer.shape)
        return tf.reshape(rows[:, :size], (-1, *self.layer.shape)), rows[:, size:]


class _Statistics(keras.layers.Layer):
    """`Statistics` of maps, behind those that have waited."""

    def __init__(self, layer: Statistics) -> None:
        super().__init__(dtype="float32")  # whatever the policy: squares of maps
        self.layer = layer

    def call(self, inputs: list[Any]) -> Any:
        parts, n = list[Any](), 0
        for values in inputs:
            if len(values.shape) == 2:  # those that have waited
                parts.append(values)
                continue
            channels = self.layer.mixed(n, values.shape[-1])
            parts += channel_statistics(values, channels)
            n += 1
        return tf.concat(parts, axis=1)


class _Clip(keras.layers.Layer):
    """`Clip`, of an earlier fit."""

    def __init__(self, layer: Clip) -> None:
        super().__init__(dtype="float32")
        self.layer = layer

    def call(self, rows: Any) -> Any:
        return tf.clip_by_value(rows, self.layer.low, self.layer.high)


def _connected(inputs: Any, layers: list[keras.layers.Layer]) -> keras.Model:
    """Return a model of layers in a row; statistics are those of all convolutions."""
    if not any(isinstance(layer, _Statistics) for layer in layers):
        return keras.Sequential([inputs, *layers])
    values, seen = inputs, list[Any]()
    for layer in layers:
        if isinstance(layer, _Carry):
            values, waiting = layer(values)
            seen.append(waiting)
        else:
            values = layer(seen if isinstance(layer, _Statistics) else values)
        if isinstance(layer, keras.layers.Conv2D):
            seen.append(values)
    return keras.Model(inputs, values)


def _dense(units: int, activation: str, decay: _Decay | None) -> keras.layers.Dense:
    return keras.layers.Dense(
        units, activation, kernel_initializer="zeros", kernel_regularizer=decay
    )


def _keras_layer(layer: Layer) -> keras.layers.Layer:
    match layer:
        case Conv(kernel):
            return keras.layers.Conv2D(
                kernel.shape[3],
                3,
                padding="same",
                activation="relu",
                kernel_initializer="zeros",
                **_LAYOUT,
            )
        case MaxPool():
            return keras.layers.MaxPooling2D(2, **_LAYOUT)
        case GlobalPool("avg"):
            return keras.layers.GlobalAveragePooling2D(**_LAYOUT)
        case GlobalPool():
            return keras.layers.GlobalMaxPooling2D(**_LAYOUT)
        case Flatten():
            return keras.layers.Flatten(**_LAYOUT)
        case Carry():
            return _Carry(layer)
        case Statistics():
            return _Statistics(layer)
        case Clip():
            return _Clip(layer)
    raise TypeError(f"A {type(layer).__name__} layer is not part of a trunk.")


def trained_layers(model: keras.Model) -> Iterator[Layer]:
    for layer in model.layers:
        match layer:
            case keras.layers.Conv2D():
                yield Conv(*layer.get_weights())
            case keras.layers.Dense():
                kernel, bias = layer.get_weights()
                yield Dense(kernel, bias, layer.activation.__name__)
            case keras.layers.MaxPooling2D():
                yield MaxPool()
            case keras.layers.GlobalAveragePooling2D():
                yield GlobalPool("avg")
            case keras.layers.GlobalMaxPooling2D():
                yield GlobalPool("max")
            case keras.layers.Flatten():
                yield Flatten()
            case _Carry() | _Statistics() | _Clip():
                yield layer.layer


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
