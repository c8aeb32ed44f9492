"""Activations at the cut -> a trained tail, by way of scikeras.

The only module that imports scikeras. Its last version is 0.13.0 and its author no longer
maintains it (its issue 337), so everything that it does for us stands here.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from scikeras.wrappers import KerasClassifier
from tqdm.auto import tqdm

from skfakereal._activations import ActivationReader
from skfakereal._images.read import raise_unreadable
from skfakereal._network import Clip, Dense, Network
from skfakereal._training.holdout import LabelledPaths
from skfakereal._training.parts import (
    ActivationShelf,
    Folds,
    Part,
    Standardization,
    TrainedTail,
    fold_parts,
    measure,
    read_parts,
    two_columns,
)
from skfakereal._training.settings import TailSettings
from skfakereal._training.summary import summarize_part
from skfakereal._training.tail import lent_tail, restart_tail, trained_layers

Variables = list[NDArray[Any]]


def train_tail(
    settings: TailSettings,
    start: Network,
    classes: NDArray[Any],
    reader: ActivationReader,
    train: LabelledPaths,
    validation: LabelledPaths | None,
    folds: Folds | None = None,
) -> TrainedTail:
    views = settings.certain_views(0, wait=-1)
    training, held = read_parts(
        settings,
        classes,
        reader,
        train,
        validation,
        views=views if folds is None else sorted({0, *views}),
    )
    summary = summarize_part(training.shelf, reader, train)
    if settings.standardize:  # which brings bounds of its own
        start = Network(tuple(x for x in start.layers if not isinstance(x, Clip)))
    with lent_tail(settings, start, reader.shape, len(classes)) as tail:
        chosen: _TailTrainer | None = None
        if folds is not None:
            before = _variables(tail)
            runs = [
                _Run.begin(settings, start, *parts, tail, before)
                for parts in fold_parts(settings, classes, train, training, folds)
            ]
            chosen = _TailTrainer(settings, tail, runs, n_images=len(training.rows)).train()
            # The weights of the folds have served; all images now train as many epochs.
            settings = replace(settings, epochs=chosen.best_epoch_ + 1, patience=None)
            _assign(tail, before)
        run = _Run.begin(settings, start, training, held, tail)
        trainer = _TailTrainer(settings, tail, [run]).train()
        layers = list(trained_layers(tail))
    if run.training.standardization is not None:
        first_layer = layers[0]
        assert isinstance(first_layer, Dense)
        layers[:1] = run.training.standardization.fold(first_layer)
    chosen = chosen or trainer
    return TrainedTail(
        Network(tuple(layers)),
        chosen.history_,
        chosen.best_epoch_,
        chosen.out_of_fold_,
        float(settings.weight_decay or 0),
        summary,
    )


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


@dataclass(eq=False)
class _Run:
    """A tail in training: what it is trained and measured on, and how far it is."""

    training: Part
    held: Part | None
    shuffle: np.random.RandomState
    variables: Variables | None = None  # None: those of the model, which has no other run

    @classmethod
    def begin(
        cls,
        settings: TailSettings,
        start: Network,
        training: Part,
        held: Part | None,
        tail: keras.Model,
        before: Variables | None = None,
    ) -> "_Run":
        """Standardise, if asked to, and set the tail to its start, among others or alone."""
        if settings.standardize:
            training = training.standardized(settings.view(0), clips=settings.clips)
            held = held and held.as_in(training)
        if before is not None:
            _assign(tail, before)
        match training.standardization, start.layers:
            case Standardization() as measured, (Dense() as first, *others):
                start = Network((measured.unfold(first), *others))
        restart_tail(tail, settings, start)
        shuffle = np.random.RandomState(settings.seed + 1)
        return cls(training, held, shuffle, before and _variables(tail))


def _variables(tail: keras.Model) -> Variables:
    return [v.numpy() for v in (*tail.variables, *tail.optimizer.variables)]


def _assign(tail: keras.Model, values: Variables) -> None:
    variables = (*tail.variables, *tail.optimizer.variables)
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


class _TailTrainer(KerasClassifier):
    """scikeras's classifier over row numbers; the activations come from a shelf.

    Several runs, of the folds of a cross-validation, take turns at one tail, epoch by epoch.
    """

    def __init__(
        self,
        settings: TailSettings,
        tail: keras.Model,
        runs: list[_Run],
        n_images: int | None = None,
    ) -> None:
        # scikeras's own random_state would switch TensorFlow's op determinism for the
        # whole process, its own class_weight would multiply the caller's array.
        super().__init__(
            loss=tail.loss, batch_size=settings.batch_size, epochs=settings.epochs
        )
        # Names without an underscore would become parameters.
        self._settings = settings
        self._tail = tail
        self._runs = runs
        self._n_images = n_images  # of a cross-validation

    def train(self) -> "_TailTrainer":
        labels = np.concatenate([run.training.labels for run in self._runs])
        with _no_word_of_retracing():
            self.fit(np.arange(len(labels))[:, np.newaxis], labels)
        return self

    def _validate_data(
        self, X: Any = None, y: Any = None, reset: bool = False, y_numeric: bool = False
    ) -> tuple[Any, Any]:
        return X, y

    def _keras_build_fn(self) -> keras.Model:
        return self._tail

    def _fit_keras_model(self, X: Any, y: Any, **ignored: Any) -> None:
        """Train epoch by epoch.

        Batches are fed one by one, since Model.fit would read ahead in threads of its
        own, beyond the epoch and so beyond the view that is filled.
        """
        settings, model, crossed = self._settings, self.model_, self._n_images is not None
        stopping = _early_stopping(model, settings.patience, restore=not crossed)
        self.history_: dict[str, list[float]] = {}
        self.out_of_fold_: NDArray[np.float64] | None = None
        shelf = self._runs[0].training.shelf
        left = _TimeLeft(settings, shelf)
        label = "cross-validation" if crossed else "epochs"
        with tqdm(
            total=settings.epochs,
            desc=label,
            bar_format=_BAR,
            disable=not settings.verbose,
        ) as bar:
            for epoch in range(settings.epochs):
                if shelf.lacking([settings.view(epoch)]):
                    wait = getattr(stopping, "wait", 0)
                    # Readable before, but no longer.
                    raise_unreadable(shelf.fill(settings.certain_views(epoch, wait)))
                with left.trained():
                    logs, out_of_fold = (
                        self._crossed(epoch) if crossed else self._alone(epoch)
                    )
                for name, value in logs.items():
                    self.history_.setdefault(name, []).append(value)
                stopping.on_epoch_end(epoch, logs)
                if not settings.patience or stopping.best_epoch == epoch:
                    self.out_of_fold_ = out_of_fold
                figures = [f"{name}={value:.3f}" for name, value in logs.items()]
                if model.stop_training:
                    bar.total = epoch + 1
                else:
                    figures += left.told(epoch, getattr(stopping, "wait", 0))
                bar.set_postfix_str(", ".join(figures), refresh=False)
                bar.update()
                bar.refresh()
                if model.stop_training:
                    break
        stopping.on_train_end()
        self.best_epoch_ = stopping.best_epoch if settings.patience else epoch

    def _alone(self, epoch: int) -> tuple[dict[str, float], None]:
        run, part = self._runs[0], self._runs[0].held
        logs = self._train(run, epoch)
        if part is not None:
            rows = np.arange(len(part.labels))
            measured = self._feed(self.model_.test_on_batch, part, 0, rows)
            logs |= {f"val_{name}": value for name, value in measured.items()}
        self._require_finite(logs, epoch)
        return logs, None

    def _crossed(self, epoch: int) -> tuple[dict[str, float], NDArray[np.float64]]:
        """Train each fold for an epoch; return means over images, and predictions."""
        model, sums = self.model_, dict[str, float]()
        n_outputs, total = max(2, model.output_shape[-1]), 0
        out_of_fold = np.full((self._n_images or 0, n_outputs), np.nan)
        for run in self._runs:
            assert run.held is not None
            _assign(model, run.variables or [])
            logs = self._train(run, epoch)
            held, size = run.held, self._settings.batch_size
            batches = [slice(i, i + size) for i in range(0, len(held.rows), size)]
            found = [model.predict_on_batch(held.take(rows, 0)) for rows in batches]
            probabilities = two_columns(np.concatenate(found).astype(np.float64))
            out_of_fold[held.rows] = probabilities
            measured = measure(probabilities, held.labels, held.weights)
            self._require_finite(logs | measured, epoch)
            run.variables = _variables(model)
            total += len(run.training.rows)
            for name, value in logs.items():
                sums[name] = sums.get(name, 0) + value * len(run.training.rows)
                value = measured[name] * len(held.rows)
                sums[f"val_{name}"] = sums.get(f"val_{name}", 0) + value
        of = {name: len(out_of_fold) if name.startswith("val") else total for name in sums}
        return {name: value / of[name] for name, value in sums.items()}, out_of_fold

    def _train(self, run: _Run, epoch: int) -> dict[str, float]:
        order = run.shuffle.permutation(len(run.training.rows))
        view = self._settings.view(epoch)
        return self._feed(self.model_.train_on_batch, run.training, view, order)

    def _feed(
        self, on_batch: Any, part: Part, view: int, order: NDArray[np.intp]
    ) -> dict[str, float]:
        """Feed all images once; return the mean of each figure over them."""
        labels = part.labels[:, np.newaxis].astype(np.float32)
        weights, totals = part.weights.astype(np.float32), dict[str, float]()
        for start in range(0, len(order), self._settings.batch_size):
            rows = order[start : start + self._settings.batch_size]
            logs = on_batch(
                part.take(rows, view),
                labels[rows],
                sample_weight=weights[rows],
                return_dict=True,
            )
            for name, value in logs.items():
                totals[name] = totals.get(name, 0.0) + float(value) * len(rows)
        return {name: total / len(order) for name, total in totals.items()}

    def _require_finite(self, logs: dict[str, float], epoch: int) -> None:
        # The loss of a step is taken before its update, so the weights are looked at too.
        losses = [value for name, value in logs.items() if name.endswith("loss")]
        weights = self.model_.get_weights()
        if not all(np.isfinite(values).all() for values in [losses, *weights]):
            raise ValueError(
                f"Training diverges in epoch {epoch + 1} (losses {losses}): lower "
                f"learning_rate, which is {self._settings.learning_rate}."
            )


_BAR = "{l_bar}{bar}| {n_fmt}/{total_fmt} [{elapsed}{postfix}]"


class _TimeLeft:
    """How long the epochs take that are left: until early stopping may end them, and at most.

    An epoch on a view that is not on the shelf waits for its activations, which may take
    a hundred times as long as the epoch itself.
    """

    def __init__(self, settings: TailSettings, shelf: ActivationShelf) -> None:
        self._settings = settings
        self._shelf = shelf
        self._training: list[float] = []

    @contextmanager
    def trained(self) -> Iterator[None]:
        """Time an epoch without it."""
        began = perf_counter()
        yield
        self._training.append(perf_counter() - began)

    def told(self, epoch: int, wait: int) -> list[str]:
        """Say what is left after an epoch, as the `wait`-th without improvement."""
        end, patience = self._settings.epochs, self._settings.patience
        least = most = self._seconds(epoch + 1, end)
        if patience is not None:
            least = self._seconds(epoch + 1, min(end, epoch + 1 + patience - wait))
        shown = [tqdm.format_interval(seconds) for seconds in (least, most)]
        return [f"{' to '.join(dict.fromkeys(shown))} left"]

    def _seconds(self, start: int, end: int) -> float:
        """Estimate how long some epochs take."""
        views = {self._settings.view(epoch) for epoch in range(start, end)}
        # The first epoch compiles the model.
        usual = float(np.median(self._training[1:] or self._training))
        slow = self._shelf.seconds_a_view()
        return (end - start) * usual + len(self._shelf.lacking(views)) * slow


class _NeverStops(keras.callbacks.Callback):
    """Stands where early stopping would."""


def _early_stopping(
    model: keras.Model, patience: int | None, *, restore: bool
) -> keras.callbacks.Callback:
    callback = (
        _NeverStops()
        if patience is None
        else keras.callbacks.EarlyStopping(
            "val_loss", patience=patience, mode="min", restore_best_weights=restore
        )
    )
    callback.set_model(model)
    model.stop_training = False
    callback.on_train_begin()
    return callback
