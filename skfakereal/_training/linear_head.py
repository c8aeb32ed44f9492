"""Activations -> the linear head: regularised logistic regression, without Keras."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from skfakereal._activations import ActivationReader
from skfakereal._network import Conv, Dense, FloatArray, Layer, Network, Statistics
from skfakereal._training.holdout import LabelledPaths
from skfakereal._training.logistic import probabilities_of
from skfakereal._training.parts import (
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
from skfakereal._training.spanned import pose_problems
from skfakereal._training.summary import summarize_part

# For features of unit variance, from strong to weak.
_WEIGHT_DECAYS = np.array([3, 1, 0.3, 0.1, 0.03, 0.01, 1e-3, 1e-4, 1e-5])
# Two decays in a row so much above the lowest loss end the search: the weakest ones, with
# thousands of images, take most of its time.
_FAR_WORSE = 1.03
# Up to so many images, what suits few is tried as well; with 600 it is hardly ever taken.
_FEW = 400
# Of all variance, what the early blocks' statistics keep there.
_LITTLE = 0.004
# Rows at a time: 4 MB of 14,496 features, so that both products find them in the cache.
_BLOCK = 64
# Up to here, features stay in memory as float32.
_MOST_KEPT = 2**30

# Figures, the layers of the head for all images, and decisions on those that were held out.
_Solution = tuple[dict[str, float], list[Layer], NDArray[np.float64] | None]


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
    of `train`, on all of which the head is then solved for. Of few images, it may be one that
    sees some kinds of features larger than others (`_emphasis`). `start` is without effect: the
    solution is the same from any. The history has an entry for each weight decay that was
    tried, the strongest first.
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
    crossed = None
    if folds is not None:
        crossed = list(fold_parts(settings, classes, train, everything, folds))
    judge = None
    if crossed is not None or held is not None:
        judge = _Judge.of(everything if held is None else held, crossed or (), len(classes))
    solve = partial(_solve, settings, len(classes), decays, everything, held, crossed)
    head = _best_of(solve(), judge, moves=settings.weight_decay is None)
    if judge is not None and settings.weight_decay is None and len(train.paths) <= _FEW:
        emphasis = _emphasis(reader.network) if settings.standardize else None
        if emphasis is not None:
            other = _best_of(solve(emphasis), judge, moves=True)
            head = min(head, other, key=lambda each: each.loss)
    return TrainedTail(
        Network(tuple(head.layers)),
        head.history,
        head.best,
        head.out_of_fold if folds is not None else None,
        float(decays[head.best]),
        summary,
    )


@dataclass
class _Head:
    """A head at the best of several weight decays."""

    layers: list[Layer]
    history: dict[str, list[float]]
    best: int  # of the weight decays
    loss: float  # on held-out images
    out_of_fold: NDArray[np.float64] | None


def _best_of(solved: Iterable[_Solution], judge: "_Judge | None", *, moves: bool) -> _Head:
    """Return the head that suits held-out images best, brought onto its line if it `moves`."""
    head = _Head([], {}, 0, np.inf, None)
    for step, (figures, layers, decisions) in enumerate(solved):
        if judge is None or decisions is None:
            head.layers = layers
        else:
            if moves:
                scale, offset = judge.best_line(decisions)
                decisions = scale * decisions + offset
                layers = _moved(layers, scale, offset)
            judged = judge.measure(decisions)
            figures |= {f"val_{name}": value for name, value in judged.items()}
            if judged["loss"] < head.loss:
                head.best, head.loss, head.layers = step, judged["loss"], layers
                head.out_of_fold = judge.probabilities(decisions)
        for name, value in figures.items():
            head.history.setdefault(name, []).append(value)
        enough = step >= head.best + 2
        if enough and min(head.history["val_loss"][-2:]) > _FAR_WORSE * head.loss:
            break
    assert head.layers
    return head


def _emphasis(network: Network) -> FloatArray | None:
    """Return by what to multiply standardised features where images are few.

    Correlations and the statistics of the last block get half of all variance each, and
    nearly nothing is left for those of the blocks before it. None without correlations.
    """
    statistics = network.layers[-1]
    if not isinstance(statistics, Statistics) or not statistics.correlated:
        return None
    channels = [len(layer.bias) for layer in network.layers if isinstance(layer, Conv)]
    kinds: list[NDArray[np.intp]] = []
    for i, (c, width) in enumerate(zip(channels, statistics.widths(channels), strict=True)):
        n = len(Statistics.NAMES) * c
        of_last = int(i >= len(channels) - 3)  # it has three convolutions
        kinds += [np.full(n, of_last), np.full(width - n, 2)]
    kind = np.concatenate(kinds)
    shares = np.array([_LITTLE, 0.5, 0.5]) * len(kind) / np.bincount(kind)
    return np.sqrt(shares)[kind].astype(np.float32)


def _solve(
    settings: TailSettings,
    n_classes: int,
    decays: NDArray[np.float64],
    everything: Part,
    held: Part | None,
    folds: Sequence[tuple[Part, Part]] | None,
    emphasis: FloatArray | None = None,
) -> Iterator[_Solution]:
    """Solve for one weight decay after the other, in all folds and on all images at once.

    Yields means over the training images of the folds, or figures on all images; the layers
    of the head for all images; and decisions on those that were held out.
    """
    views, n_images = _views(settings), len(everything.rows)
    weights = np.zeros((n_images, len(folds or ()) + 1))
    weights[:, -1] = everything.weights
    for fold, (training, _) in enumerate(folds or ()):
        weights[training.rows, fold] = training.weights
    weighted = replace(everything, weights=weights)
    measured = Standardization.measure_each(
        block for view in views for block in weighted.blocks(view)
    )
    # Centred in any case: the intercept takes it up, and the solution is found sooner.
    mean, of_each = measured[-1].mean, np.array([each.scale for each in measured])
    if not settings.standardize:
        of_each = np.ones_like(of_each)
    if emphasis is not None:
        of_each /= emphasis
    # The bounds are those of all images in every fold, which one held-out image hardly moves.
    clip = measured[-1].clipped().clip if settings.standardize and settings.clips else None
    # A feature may be constant in some folds: the smallest scale brings all to unit variance.
    shared = Standardization(mean, of_each.min(axis=0), clip)
    labels = np.tile(everything.labels, len(views))
    weights = np.tile(weights, (len(views), 1))
    problems = pose_problems(
        _Rows(replace(everything, standardization=shared), views),
        labels,
        weights,
        n_classes,
        (of_each / shared.scale).T,
    )
    activation = "sigmoid" if n_classes == 2 else "softmax"
    counts = np.count_nonzero(weights, axis=0)[: len(folds or (0,))]
    for decay in tqdm(decays, unit="weight decay", disable=not settings.verbose):
        problems.solve(decay)
        solved = problems.decisions
        figures: dict[str, float] = {}
        for problem, count in enumerate(counts):
            used = weights[:, problem] > 0
            probabilities = two_columns(probabilities_of(solved[used, problem]))
            of_it = measure(probabilities, labels[used], weights[used, problem])
            for name, value in of_it.items():
                figures[name] = figures.get(name, 0) + value * count / counts.sum()
        kernel, bias = np.split(problems.solution(-1), [-1])
        bias = bias[0]
        head = Dense(kernel.astype(np.float32), bias.astype(np.float32), activation)
        decisions = None
        if folds is not None:  # the plain image is view 0, and that is the first
            decisions = np.empty((n_images, len(bias)))
            for fold, (_, left) in enumerate(folds):
                decisions[left.rows] = solved[left.rows, fold]
        elif held is not None:
            blocks = replace(held, standardization=shared).blocks(0)
            found = [rows @ head.kernel + head.bias for rows, _ in blocks]
            decisions = np.concatenate(found).astype(np.float64)
        yield figures, shared.fold(head), decisions


@dataclass(frozen=True)
class _Judge:
    """Judges decisions on held-out images: what the weight decay is chosen by.

    A weak decay ranks images best and is too sure of itself, so its loss alone would choose
    a stronger one. Each is judged after its decisions have been brought onto the line that
    suits them best, and so is the head that is kept (Berta, Holzmuller, Jordan and Bach 2025,
    "Rethinking early stopping: refine, then calibrate"). The line has an intercept: of few
    images with many features, the class that varies more draws the boundary towards itself
    (Chan and Hall 2009, "Scale adjustments for classifiers in high-dimensional, low sample
    size settings").
    """

    labels: NDArray[np.intp]
    weights: NDArray[np.float64]
    n_classes: int

    @classmethod
    def of(cls, part: Part, folds: Sequence[tuple[Part, Part]], n_classes: int) -> "_Judge":
        weights = part.weights.copy()
        for _, left in folds:
            weights[left.rows] = left.weights
        return cls(part.labels, weights, n_classes)

    def probabilities(self, decisions: NDArray[np.float64]) -> NDArray[np.float64]:
        return two_columns(probabilities_of(decisions))

    def measure(self, decisions: NDArray[np.float64]) -> dict[str, float]:
        return measure(self.probabilities(decisions), self.labels, self.weights)

    def best_line(
        self, decisions: NDArray[np.float64]
    ) -> tuple[float, NDArray[np.float64]]:
        """Return by what to multiply decisions, and what to add for each column."""
        from scipy.optimize import minimize

        # Where all are classified correctly, the best factor has no bound. Platt's targets (1999)
        # are less than certain by what so many images cannot exclude.
        counts = np.bincount(self.labels, minlength=self.n_classes)[self.labels]
        targets = np.ones((len(self.labels), self.n_classes))
        targets[np.arange(len(self.labels)), self.labels] += counts
        targets /= (counts + self.n_classes)[:, np.newaxis]
        shares = (self.weights / self.weights.sum())[:, np.newaxis]
        unit = max(float(decisions.std()), 1e-12)

        def loss(line: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            found = self.probabilities(line[0] * decisions / unit + line[1:])
            value = -np.sum(shares * targets * np.log(np.maximum(found, 1e-300)))
            slope = (shares * (found - targets))[:, -decisions.shape[1] :]
            return float(value), np.append(
                np.sum(slope * decisions) / unit, slope.sum(axis=0)
            )

        start = np.append(1.0, np.zeros(decisions.shape[1]))
        bounds = [(1e-3, 1e3)] + [(None, None)] * decisions.shape[1]
        line = minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B").x
        return float(line[0]) / unit, line[1:]


def _views(settings: TailSettings) -> list[int]:
    """Return what a head that is solved for learns from: the plain image and all views."""
    return sorted({0, *settings.views})


def _moved(layers: list[Layer], scale: float, offset: NDArray[np.float64]) -> list[Layer]:
    *others, head = layers
    assert isinstance(head, Dense)
    kernel = (scale * head.kernel).astype(np.float32)
    bias = (scale * head.bias + offset).astype(np.float32)
    return [*others, replace(head, kernel=kernel, bias=bias)]


class _Rows:
    """The features of all views, one view after the other, kept as float32 where they fit."""

    def __init__(self, part: Part, views: Sequence[int]) -> None:
        self._part = part
        self._views = views
        n_values = len(views) * len(part.rows) * int(np.prod(part.shelf.reader.shape))
        fits = n_values * np.dtype(np.float32).itemsize <= _MOST_KEPT
        self._kept = list(self._read()) if fits else None

    def _read(self) -> Iterator[FloatArray]:
        for view in self._views:
            for start in range(0, len(self._part.rows), _BLOCK):
                yield self._part.take(slice(start, start + _BLOCK), view)

    def blocks(self) -> Iterable[FloatArray]:
        return self._read() if self._kept is None else self._kept

    def take(self, chosen: NDArray[np.intp]) -> FloatArray:
        places, rows = np.divmod(chosen, len(self._part.rows))
        return np.concatenate(
            [
                self._part.take(rows[places == place], view)
                for place, view in enumerate(self._views)
            ]
        )
