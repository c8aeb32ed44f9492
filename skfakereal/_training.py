"""Activations at the cut -> a trained tail, by way of scikeras.

The only module that imports scikeras. Its last version is 0.13.0 and its author no longer
maintains it (its issue 337), so everything that it does for us stands here.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from scikeras.wrappers import KerasClassifier
from sklearn.utils import compute_class_weight
from tqdm.auto import tqdm

from skfakereal._activations import ActivationReader
from skfakereal._holdout import LabelledPaths
from skfakereal._images import raise_unreadable
from skfakereal._network import Network
from skfakereal._shelf import ActivationShelf
from skfakereal._tail import TailSettings, trained_layers
from skfakereal._tail_pool import lent_tail

__all__ = ["TrainedTail", "train_tail"]


@dataclass(frozen=True)
class TrainedTail:
    """What training leaves: plain arrays and numbers, nothing of Keras."""

    network: Network
    history: dict[str, list[float]]
    best_epoch: int


@dataclass(frozen=True)
class _Part:
    """The training or the validation part: activations, encoded labels, weights."""

    shelf: ActivationShelf
    labels: NDArray[np.intp]
    weights: NDArray[np.float64]


def train_tail(
    settings: TailSettings,
    start: Network,
    classes: NDArray[Any],
    reader: ActivationReader,
    train: LabelledPaths,
    validation: LabelledPaths | None,
) -> TrainedTail:
    """Train the tail.

    Parameters
    ----------
    settings : TailSettings
        How.
    start : Network
        The trainable part of the trunk, from the cut on, with the weights to start from,
        and those of the Dense layers where they have been trained before.
    classes : ndarray of shape (n_classes,)
        All labels that occur, sorted.
    reader : ActivationReader
        Computes the activations at the cut.
    train : LabelledPaths
        Images to learn from.
    validation : LabelledPaths or None
        Images to measure each epoch on.

    Returns
    -------
    TrainedTail
        With the weights of the best epoch, or of the last one without early stopping.

    Raises
    ------
    ImageReadError
        If any image cannot be read; all are decoded before training starts.
    ValueError
        If the loss stops being finite.
    """
    # Counted on the training part; the same in the validation loss, so that the best
    # epoch is the best for both classes.
    weight_of = _class_weights(settings.class_weight, classes, train.labels)

    def part(images: LabelledPaths, n_views: int) -> _Part:
        encoded = np.searchsorted(classes, images.labels)
        shelf = ActivationShelf(
            reader,
            images.paths,
            n_views=n_views,
            positions=images.positions,
            array=images.array,
        )
        return _Part(shelf, encoded, images.weights * weight_of[encoded])

    training, held = part(train, max(1, settings.n_views)), None
    failures = training.shelf.fill(settings.view(0))
    if validation is not None:
        held = part(validation, 1)
        failures += held.shelf.fill(0)
    raise_unreadable(sorted(failures, key=lambda failure: (failure.array, failure.index)))

    rows = np.arange(len(training.labels))[:, np.newaxis]
    with lent_tail(settings, start, reader.shape, len(classes)) as tail:
        trainer = _TailTrainer(settings, tail, training.shelf, held)
        with _no_word_of_retracing():
            trainer.fit(rows, training.labels, sample_weight=training.weights)
        network = Network(tuple(trained_layers(tail)))
    return TrainedTail(network, trainer.history_, trainer.best_epoch_)


def _class_weights(
    class_weight: str | Mapping[Any, float] | None,
    classes: NDArray[Any],
    labels: NDArray[Any],
) -> NDArray[np.float64]:
    """Return the weight of each class; classes that a dict leaves out have weight 1."""
    if not isinstance(class_weight, Mapping):
        return np.asarray(compute_class_weight(class_weight, classes=classes, y=labels))
    # Not left to scikit-learn, which takes the label "3" for the number 3.
    return np.array([float(class_weight.get(name, 1.0)) for name in classes.tolist()])


@contextmanager
def _no_word_of_retracing() -> Iterator[None]:
    """Keep TensorFlow from warning that each fit builds a model, and that batches differ."""

    def allows(record: logging.LogRecord) -> bool:
        return "triggered tf.function retracing" not in record.getMessage()

    logger = logging.getLogger("tensorflow")
    logger.addFilter(allows)
    try:
        yield
    finally:
        logger.removeFilter(allows)


class _TailTrainer(KerasClassifier):
    """scikeras's classifier over row numbers; the activations come from a shelf."""

    def __init__(
        self,
        settings: TailSettings,
        tail: keras.Model,
        shelf: ActivationShelf,
        validation: _Part | None,
    ) -> None:
        # scikeras's own random_state would switch TensorFlow's op determinism for the
        # whole process, its own class_weight would multiply the caller's array.
        super().__init__(
            loss=tail.loss, batch_size=settings.batch_size, epochs=settings.epochs
        )
        # Names without an underscore would become parameters.
        self._settings = settings
        self._tail = tail
        self._shelf = shelf
        self._validation = validation

    def _validate_data(
        self, X: Any = None, y: Any = None, reset: bool = False, y_numeric: bool = False
    ) -> tuple[Any, Any]:
        return X, y

    def _keras_build_fn(self) -> keras.Model:
        return self._tail

    def _fit_keras_model(
        self,
        X: NDArray[np.intp],
        y: NDArray[Any],
        sample_weight: NDArray[np.float32],
        **ignored: Any,
    ) -> None:
        """Train epoch by epoch.

        Batches are fed one by one, since Model.fit would read ahead in threads of its
        own, beyond the epoch and so beyond the view that is filled.
        """
        settings, model = self._settings, self.model_
        shuffle = np.random.RandomState(settings.seed + 1)
        stopping = _early_stopping(model, settings.patience)
        self.history_: dict[str, list[float]] = {}
        with tqdm(total=settings.epochs, unit="epoch", disable=not settings.verbose) as bar:
            for epoch in range(settings.epochs):
                view = settings.view(epoch)
                raise_unreadable(self._shelf.fill(view))  # readable before, but no longer
                order = shuffle.permutation(len(X))
                logs = _run(
                    model.train_on_batch,
                    settings.batch_size,
                    self._shelf,
                    view,
                    X[order, 0],
                    y[order],
                    sample_weight[order],
                )
                logs |= self._measure()
                self._require_finite(logs, epoch)
                for name, value in logs.items():
                    self.history_.setdefault(name, []).append(value)
                bar.update()
                bar.set_postfix({name: f"{value:.3f}" for name, value in logs.items()})
                stopping.on_epoch_end(epoch, logs)
                if model.stop_training:
                    break
        stopping.on_train_end()
        self.best_epoch_ = stopping.best_epoch if settings.patience else epoch

    def _require_finite(self, logs: dict[str, float], epoch: int) -> None:
        # The loss of a step is taken before its update, so the weights are looked at too.
        losses = [value for name, value in logs.items() if name.endswith("loss")]
        weights = self.model_.get_weights()
        if not all(np.isfinite(values).all() for values in [losses, *weights]):
            raise ValueError(
                f"Training diverges in epoch {epoch + 1} (losses {losses}): lower "
                f"learning_rate, which is {self._settings.learning_rate}."
            )

    def _measure(self) -> dict[str, float]:
        if self._validation is None:
            return {}
        part = self._validation
        logs = _run(
            self.model_.test_on_batch,
            self._settings.batch_size,
            part.shelf,
            0,
            np.arange(len(part.labels)),
            part.labels[:, np.newaxis].astype(np.float32),
            part.weights.astype(np.float32),
        )
        return {f"val_{name}": value for name, value in logs.items()}


def _run(
    on_batch: Any,
    batch_size: int,
    shelf: ActivationShelf,
    view: int,
    rows: NDArray[np.intp],
    labels: NDArray[Any],
    weights: NDArray[np.float32],
) -> dict[str, float]:
    """Feed all rows once; return the mean of each figure over the images."""
    totals: dict[str, float] = {}
    for start in range(0, len(rows), batch_size):
        part = slice(start, start + batch_size)
        logs = on_batch(
            shelf.take(rows[part], view),
            labels[part],
            sample_weight=weights[part],
            return_dict=True,
        )
        for name, value in logs.items():
            totals[name] = totals.get(name, 0.0) + float(value) * len(rows[part])
    return {name: total / len(rows) for name, total in totals.items()}


class _NeverStops(keras.callbacks.Callback):
    """Stands where early stopping would."""


def _early_stopping(model: keras.Model, patience: int | None) -> keras.callbacks.Callback:
    callback = (
        _NeverStops()
        if patience is None
        else keras.callbacks.EarlyStopping(
            "val_loss", patience=patience, mode="min", restore_best_weights=True
        )
    )
    callback.set_model(model)
    model.stop_training = False
    callback.on_train_begin()
    return callback
