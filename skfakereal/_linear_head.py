"""Activations -> the linear head: regularised logistic regression, without Keras."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from skfakereal._activations import ActivationReader
from skfakereal._holdout import LabelledPaths
from skfakereal._logistic import Blocks, LogisticProblem, probabilities_of
from skfakereal._network import Dense, FloatArray, Network
from skfakereal._training_parts import (
    Folds,
    Part,
    TailSettings,
    TrainedTail,
    fold_parts,
    measure,
    read_parts,
    two_columns,
)

__all__ = ["solve_head"]

# For features of unit variance, from strong to weak.
_WEIGHT_DECAYS = 10.0 ** np.arange(1, -4.5, -0.5)
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

    Parameters
    ----------
    settings : TailSettings
        How. Without a `weight_decay`, the one of the lowest validation loss is chosen.
    start : Network
        Without effect: the solution is the same from any start.
    classes : ndarray of shape (n_classes,)
        All labels that occur, sorted.
    reader : ActivationReader
        Computes the features.
    train : LabelledPaths
        Images to learn from, in all views.
    validation : LabelledPaths or None
        Images to measure each weight decay on.
    folds : sequence of tuple (train, held) or None, default=None
        Rows of `train`, to measure each weight decay by cross-validation. The head is then
        solved for on all of them.

    Returns
    -------
    TrainedTail
        With an entry of its history for each weight decay, the strongest first.

    Raises
    ------
    ImageReadError
        If any image cannot be read; it lists all of them.
    """
    views = settings.views
    everything, held = read_parts(
        settings,
        classes,
        reader,
        train,
        validation,
        views=views if folds is None else sorted({0, *views}),
    )
    if settings.weight_decay is None:
        # Of the mean weight, since the loss is multiplied by it.
        decays = everything.weights.mean() * _WEIGHT_DECAYS
    else:
        decays = np.array([settings.weight_decay])
    pairs = [(everything, held)]
    if folds is not None:
        pairs = list(fold_parts(settings, classes, train, everything, folds))
    path = _Path(settings, len(classes), decays)
    out_of_fold = np.full((len(decays), len(train.paths), len(classes)), np.nan)
    history = dict[str, NDArray[np.float64]]()
    for training, measured in tqdm(pairs, unit="fold", disable=not settings.verbose):
        figures, heads, probabilities = path.follow(training, measured)
        if folds is not None and measured is not None:
            out_of_fold[:, measured.rows] = probabilities
        for name, values in figures.items():
            history[name] = history.get(name, 0) + values
    n_trained, n_held = (
        sum(len(part.rows) for part in parts if part is not None)
        for parts in zip(*pairs, strict=True)
    )
    for name, sums in history.items():
        history[name] = sums / (n_held if name.startswith("val") else n_trained)
    best = int(np.argmin(history.get("val_loss", [0])))
    if folds is not None:
        _, heads, _ = _Path(settings, len(classes), decays[best : best + 1]).follow(
            everything, None
        )
    return TrainedTail(
        Network((heads[0 if folds is not None else best],)),
        {name: values.tolist() for name, values in history.items()},
        best,
        None if folds is None else out_of_fold[best],
        float(decays[best]),
    )


@dataclass(frozen=True)
class _Path:
    """One weight decay after the other, each solution being the start of the next."""

    settings: TailSettings
    n_classes: int
    decays: NDArray[np.float64]

    def follow(
        self, training: Part, held: Part | None
    ) -> tuple[dict[str, NDArray[np.float64]], list[Dense], NDArray[np.float64]]:
        """Return sums over images of loss and accuracy, heads, and held-out predictions."""
        views = self.settings.views
        # Centred in any case: the intercept takes it up, and the solution is found sooner.
        training = training.standardized(views, scale=self.settings.standardize)
        assert training.standardization is not None
        blocks = _blocks(training, views)
        labels = np.tile(training.labels, len(views))
        weights = np.tile(training.weights, len(views))
        problem = LogisticProblem(blocks, labels, weights, self.n_classes)
        activation = "sigmoid" if self.n_classes == 2 else "softmax"
        figures, heads, predicted = dict[str, list[float]](), list[Dense](), []
        for decay in self.decays:
            kernel, bias = problem.solve(decay)
            head = Dense(kernel.astype(np.float32), bias.astype(np.float32), activation)
            found = {"": measure(_predict(head, blocks()), labels, weights)}
            if held is not None:
                rows = (rows for rows, _ in held.as_in(training).blocks(0))
                predicted.append(_predict(head, rows))
                found["val_"] = measure(predicted[-1], held.labels, held.weights)
            for part, values in found.items():
                n_images = len(held.rows) if part and held else len(training.rows)
                for name, value in values.items():
                    figures.setdefault(part + name, []).append(value * n_images)
            heads.append(training.standardization.fold(head))
        sums = {name: np.array(values) for name, values in figures.items()}
        return sums, heads, np.array(predicted)


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


def _predict(head: Dense, blocks: Iterable[NDArray[np.floating]]) -> NDArray[np.float64]:
    found = [probabilities_of(rows @ head.kernel + head.bias) for rows in blocks]
    return two_columns(np.concatenate(found))
