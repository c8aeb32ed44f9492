"""Activations -> the linear head: regularised logistic regression, without Keras."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from skfakereal._activations import ActivationReader
from skfakereal._network import Dense, FloatArray, Network
from skfakereal._training.holdout import LabelledPaths
from skfakereal._training.logistic import Blocks, LogisticProblem, probabilities_of
from skfakereal._training.parts import (
    Folds,
    Part,
    TrainedTail,
    fold_parts,
    measure,
    read_parts,
    two_columns,
)
from skfakereal._training.settings import TailSettings
from skfakereal._training.summary import summarize_part

# For features of unit variance, from strong to weak.
_WEIGHT_DECAYS = np.array([3, 1, 0.3, 0.1, 0.03, 0.01, 1e-3, 1e-4, 1e-5])
# Up to here, features stay in memory as float32.
_MOST_KEPT = 2**30


def solve_head(
    settings: TailSettings,
    start: Network,
    classes: NDArray[Any],
    reader: ActivationReader,
    train: LabelledPaths,
    validation: LabelledPaths | None,
    folds: Folds | None = None,
) -> TrainedTail:
    """Solve for the linear head, at one weight decay or at the best of several.

    The best is that of the lowest validation loss, or by cross-validation over `folds`, rows
    of `train`, on all of which the head is then solved for. `start` is without effect: the
    solution is the same from any. The history has an entry for each weight decay, the
    strongest first.
    """
    everything, held = read_parts(
        settings, classes, reader, train, validation, views=_views(settings)
    )
    summary = summarize_part(everything.shelf, reader, train)
    if settings.weight_decay is None:
        # Of the mean weight, since the loss is multiplied by it.
        decays = everything.weights.mean() * _WEIGHT_DECAYS
    else:
        decays = np.array([settings.weight_decay])
    pairs = [(everything, held)]
    if folds is not None:
        pairs = list(fold_parts(settings, classes, train, everything, folds))
    path = _Path(settings, len(classes), decays)
    history, heads, judged = path.follow_all(pairs)
    scales, best = np.ones(len(decays)), 0
    if judged is not None:
        if settings.weight_decay is None:
            scales = judged.best_scales()
        figures = [judged.measure(scale, step) for step, scale in enumerate(scales)]
        for name in figures[0]:
            history[f"val_{name}"] = [values[name] for values in figures]
        best = int(np.argmin(history["val_loss"]))
    if folds is not None:
        path = replace(path, decays=decays[best : best + 1])
        *_, heads, _ = path.follow_all([(everything, None)])
    head = heads[-1 if folds is not None else best]
    out_of_fold = None
    if folds is not None and judged is not None:
        out_of_fold = np.empty((len(train.paths), len(classes)))
        out_of_fold[judged.rows] = judged.probabilities(scales[best], best)
    return TrainedTail(
        Network((_scaled(head, scales[best]),)),
        history,
        best,
        out_of_fold,
        float(decays[best]),
        summary,
    )


@dataclass(frozen=True)
class _Judged:
    """Decisions on held-out images, for each weight decay: what it is chosen by.

    A weak decay ranks images best and is too sure of itself, so its loss alone would choose
    a stronger one. Each is judged after its decisions have been multiplied by the one
    number that suits them best; the head that is kept is multiplied by it as well (Berta,
    Holzmuller, Jordan and Bach 2025, "Rethinking early stopping: refine, then calibrate").
    """

    rows: NDArray[np.intp]
    decisions: NDArray[np.float64]  # (n_decays, n_images, n_outputs)
    labels: NDArray[np.intp]
    weights: NDArray[np.float64]
    n_classes: int

    def probabilities(self, scale: float, step: int) -> NDArray[np.float64]:
        return two_columns(probabilities_of(scale * self.decisions[step]))

    def measure(self, scale: float, step: int) -> dict[str, float]:
        return measure(self.probabilities(scale, step), self.labels, self.weights)

    def best_scales(self) -> NDArray[np.float64]:
        from scipy.optimize import minimize_scalar

        # Where all are classified correctly, the best factor has no bound. Platt's targets (1999)
        # are less than certain by what so many images cannot exclude.
        counts = np.bincount(self.labels, minlength=self.n_classes)[self.labels]
        targets = np.ones((len(self.labels), self.n_classes))
        targets[np.arange(len(self.labels)), self.labels] += counts
        targets *= (self.weights / (counts + self.n_classes))[:, np.newaxis]

        def loss(log_scale: float, step: int) -> float:
            found = self.probabilities(float(np.exp(log_scale)), step)
            return -float(np.sum(targets * np.log(np.maximum(found, 1e-300))))

        return np.exp(
            [
                minimize_scalar(loss, bounds=(-7, 7), args=(step,), method="bounded").x
                for step in range(len(self.decisions))
            ]
        )


@dataclass(frozen=True)
class _Path:
    """One weight decay after the other, each solution being the start of the next."""

    settings: TailSettings
    n_classes: int
    decays: NDArray[np.float64]

    def follow_all(
        self, pairs: Sequence[tuple[Part, Part | None]]
    ) -> tuple[dict[str, list[float]], list[Dense], _Judged | None]:
        """Return means over the training images, the last part's heads, and what is held."""
        history, heads, decisions = dict[str, Any](), list[Dense](), []
        n_trained = sum(len(training.rows) for training, _ in pairs)
        for training, held in tqdm(pairs, unit="fold", disable=not self.settings.verbose):
            figures, heads, found = self._follow(training, held)
            decisions.append(found)
            for name in figures[0]:
                share = len(training.rows) / n_trained
                values = share * np.array([each[name] for each in figures])
                history[name] = history.get(name, 0) + values
        history = {name: values.tolist() for name, values in history.items()}
        parts = [held for _, held in pairs if held is not None]
        if not parts:
            return history, heads, None
        rows, labels, weights = (
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("rows", "labels", "weights")
        )
        joined = np.concatenate(decisions, axis=1)
        return history, heads, _Judged(rows, joined, labels, weights, self.n_classes)

    def _follow(
        self, training: Part, held: Part | None
    ) -> tuple[list[dict[str, float]], list[Dense], NDArray[np.float64]]:
        views = _views(self.settings)
        # Centred in any case: the intercept takes it up, and the solution is found sooner.
        training = training.standardized(views, scale=self.settings.standardize)
        assert training.standardization is not None
        blocks = _blocks(training, views)
        labels = np.tile(training.labels, len(views))
        weights = np.tile(training.weights, len(views))
        problem = LogisticProblem(blocks, labels, weights, self.n_classes)
        activation = "sigmoid" if self.n_classes == 2 else "softmax"
        figures, heads, decisions = [], [], []
        for decay in self.decays:
            kernel, bias = problem.solve(decay)
            head = Dense(kernel.astype(np.float32), bias.astype(np.float32), activation)
            found = two_columns(probabilities_of(_decide(head, blocks())))
            figures.append(measure(found, labels, weights))
            if held is not None:
                rows = (rows for rows, _ in held.as_in(training).blocks(0))
                decisions.append(_decide(head, rows))
            heads.append(training.standardization.fold(head))
        return figures, heads, np.array(decisions, np.float64)


def _views(settings: TailSettings) -> list[int]:
    """Return what a head that is solved for learns from: the plain image and all views."""
    return sorted({0, *settings.views})


def _scaled(head: Dense, scale: float) -> Dense:
    kernel, bias = scale * head.kernel, scale * head.bias
    return Dense(kernel.astype(np.float32), bias.astype(np.float32), head.activation)


def _blocks(part: Part, views: Sequence[int]) -> Blocks:
    """Return what gives the features of all views block by block, from memory if it can."""

    def read() -> Iterator[FloatArray]:
        for view in views:
            for rows, _ in part.blocks(view):
                yield rows

    n_values = len(views) * len(part.rows) * int(np.prod(part.shelf.reader.shape))
    if n_values * np.dtype(np.float32).itemsize > _MOST_KEPT:
        return read
    kept = list(read())
    return lambda: kept


def _decide(head: Dense, blocks: Iterable[NDArray[np.floating]]) -> NDArray[np.floating]:
    return np.concatenate([rows @ head.kernel + head.bias for rows in blocks])
