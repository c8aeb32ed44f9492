"""Regularised logistic regression on many features, solved to its optimum.

The objective is that of the Keras tail: the mean over the rows of weight times log loss,
plus half the weight decay times the sum of the squared coefficients. It is the one of
scikit-learn's `LogisticRegression` with ``C = 1 / (n_rows * weight_decay)``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from skfakereal._network import FloatArray

Floats = NDArray[np.float64]

# Rows whose curvature stands for that of all; fewer if there are many problems, so that
# their factors take no more numbers than that: 268 MB.
_SAMPLE = 2048
_MOST_FACTORED = 2**25
# Steps after which the rows are drawn anew, as the curvature has changed.
_STEPS_A_DRAW = 20
_MOST_STEPS = 300
_MEMORY = 10
# Half the square of Newton's decrement is what the loss can still fall by: 5e-9, in units of
# the mean weight; a step that gains less than the second number is rounding.
_DECREMENT = 1e-8
_LEAST_GAIN = 1e-10
# Of the sampled curvature's trace, below which products in float32 are rounding.
_ROUNDING = 2e-7
# Numbers up to which BLAS gets one thread: several wait for each other in thousands of small
# products, ten times as long as these take on a busy machine.
_MOST_ALONE = 2**22


class Rows(Protocol):
    """Rows of features that may be too many to be kept in memory as float32."""

    def blocks(self) -> Iterable[FloatArray]:
        """Return all of them in order, block by block."""

    def take(self, chosen: NDArray[np.intp]) -> FloatArray:
        """Return some of them."""


class LogisticProblems:
    """Rows with labels, to be solved for several weightings, one weight decay after the other.

    All weightings (the folds of a cross-validation) are solved at once, since reading the
    rows costs more than computing with them. L-BFGS would take hundreds of passes over
    thousands of correlated features, so it begins each step with the inverse curvature of
    some rows, by Woodbury's identity. These are drawn in proportion to how much each row
    curves the loss at the present point (priority sampling, Duffield, Lund and Thorup 2007):
    at weak decays few rows do.
    """

    def __init__(
        self,
        rows: Rows,  # of about unit variance
        labels: NDArray[np.intp],  # shape (n_rows,), encoded from 0
        # Shape (n_rows, n_problems): zero in the problems that a row is held out of.
        weights: Floats,
        n_classes: int,
        # Shape (n_features, n_problems): the penalty is on the coefficients times these.
        scales: NDArray[np.floating],
    ) -> None:
        classes = np.arange(n_classes) if n_classes > 2 else np.array([1])
        # All rows and their products, where all are drawn.
        self._everything: tuple[FloatArray, FloatArray] | None = None
        self._rows = rows
        self._targets = (labels[:, np.newaxis] == classes).astype(np.float64)
        self._weights = weights / np.count_nonzero(weights, axis=0)
        self._total = self._weights.sum(axis=0)
        self._scales = np.asarray(scales, np.float64)[:, :, np.newaxis]
        shape = (len(scales) + 1, weights.shape[1], len(classes))
        self._threads = threads_for(len(labels) * len(scales))
        # Coefficients and, at the end, intercepts of the last solution, of shape (n_features + 1,
        # n_problems, n_outputs), and what it gives for all rows.
        self.point = np.zeros(shape)
        self.decisions = np.zeros((len(labels), *shape[1:]))
        # The loss and its slopes, without the penalty.
        self._loss, self._slopes = self._evaluate(self.point)

    def solve(self, weight_decay: float) -> None:
        """Find the solution; a second call starts from that of the first."""
        with threadpool_limits(self._threads, user_api="blas"):
            self._solve(weight_decay)

    def solution(self, each: int) -> Floats:
        """Return the coefficients and, at the end, intercepts of one weighting."""
        return np.asarray(self.point[:, each])

    def _solve(self, weight_decay: float) -> None:
        decay = weight_decay
        loss, slopes = self._penalized(self.point, self._loss, self._slopes, decay)
        done = np.zeros(len(loss), bool)
        for step in range(_MOST_STEPS):
            if step % _STEPS_A_DRAW == 0:
                inverse = self._draw(decay)
                steps = _Steps()
                newton = inverse(slopes)
            done |= _dot(slopes, newton) <= _DECREMENT * self._total
            if done.all():
                break
            direction = steps.direction(slopes, newton, inverse)
            found = self._search(direction, loss, slopes, done, decay)
            gain = loss - found[1]
            moved = found[2] - slopes
            before, newton = newton, inverse(found[2])
            steps.add(found[0] - self.point, moved, newton - before)
            self.point, loss, slopes = found
            done |= gain <= _LEAST_GAIN * self._total

    def _search(
        self,
        direction: Floats,
        loss: Floats,
        slopes: Floats,
        done: NDArray[np.bool_],
        decay: float,
    ) -> tuple[Floats, Floats, Floats]:
        """Go along the direction until the loss falls; problems that are done stay."""
        fall = _dot(slopes, direction)
        length = np.where(done | (fall >= 0), 0.0, 1.0)
        while True:
            point = self.point + length[:, np.newaxis] * direction
            self._loss, self._slopes = self._evaluate(point)
            found = self._penalized(point, self._loss, self._slopes, decay)
            # In float32, a loss that has converged is right to nine digits.
            rises = found[0] > loss * (1 + 1e-9) + 1e-4 * length * fall
            rises &= length > 0
            if not rises.any():
                return point, *found
            length[rises] *= 0.4
            length[length < 1e-6] = 0

    def _penalized(
        self, point: Floats, loss: Floats, slopes: Floats, decay: float
    ) -> tuple[Floats, Floats]:
        scaled = self._scales * point[:-1]
        slopes = slopes.copy()
        slopes[:-1] += decay * self._scales * scaled
        return loss + decay / 2 * np.square(scaled).sum(axis=(0, 2)), slopes

    def _evaluate(self, point: Floats) -> tuple[Floats, Floats]:
        """Return the mean losses and their slopes, without the penalty."""
        _, n_problems, n_outputs = point.shape
        coefficients = point[:-1].reshape(len(point) - 1, -1).astype(np.float32)
        losses, slopes = np.zeros(n_problems), np.zeros_like(point)
        start = 0
        for block in self._rows.blocks():
            part = slice(start, start + len(block))
            start += len(block)
            products = (block @ coefficients).reshape(-1, n_problems, n_outputs)
            self.decisions[part] = products + point[-1]
            targets = np.repeat(self._targets[part], n_problems, axis=0)
            found = _log_loss(self.decisions[part].reshape(-1, n_outputs), targets)
            weights = self._weights[part]
            losses += np.sum(weights * found[0].reshape(weights.shape), axis=0)
            excess = (found[1] - targets) * weights.reshape(-1, 1)
            excess = excess.reshape(len(block), -1)
            total = excess.T.astype(np.float32) @ block
            slopes[:-1] += total.T.reshape(-1, n_problems, n_outputs)
            slopes[-1] += excess.sum(axis=0).reshape(n_problems, n_outputs)
        return losses, slopes

    def _draw(self, decay: float) -> "_InverseCurvature":
        """Draw rows by their curvature at the present point, and invert it."""
        n_rows, n_problems, n_outputs = self.decisions.shape
        shares = probabilities_of(self.decisions.reshape(-1, n_outputs))
        shares = shares.reshape(self.decisions.shape)
        curvature = np.sum(shares * (1 - shares), axis=2) * self._weights
        scores, chosen = curvature.sum(axis=1), np.arange(n_rows)
        weights = self._weights
        size = min(_SAMPLE, int((_MOST_FACTORED / n_problems) ** 0.5 / n_outputs))
        if size < n_rows:
            uniform = np.random.RandomState(0).uniform(1e-12, 1, size=n_rows)
            order = np.argpartition(-scores / uniform, size)
            chosen, last = np.sort(order[:size]), order[size]
            threshold = max(scores[last] / uniform[last], 1e-300)
            kept = np.minimum(1, np.maximum(scores[chosen], 1e-300) / threshold)
            weights = self._weights[chosen] / kept[:, np.newaxis]
        drawn = self._everything
        if drawn is None:
            rows = self._rows.take(chosen)
            drawn = rows, rows @ rows.T + np.float32(1)  # and the intercept
            if len(chosen) == n_rows:
                self._everything = drawn
        return _InverseCurvature.of(
            *drawn,
            _roots(shares[chosen]) * np.sqrt(weights)[:, :, np.newaxis, np.newaxis],
            self._scales,
            decay,
        )


def _roots(shares: Floats) -> Floats:
    """Return a root of the loss's curvature of each row: over the last two axes."""
    if shares.shape[-1] == 1:
        return np.sqrt(shares * (1 - shares))[..., np.newaxis]
    roots = np.sqrt(shares)[..., np.newaxis, :]
    return np.asarray((np.eye(shares.shape[-1]) - shares[..., np.newaxis]) * roots)


@dataclass(frozen=True)
class _InverseCurvature:
    """The inverse of the penalty's curvature plus that of some rows."""

    rows: FloatArray
    roots: Floats  # (n_rows, n_problems, n_outputs, n_outputs), of their curvatures
    scales: Floats
    floors: Floats  # (n_problems,)
    factors: list[Any]

    @classmethod
    def of(
        cls, rows: FloatArray, gram: FloatArray, roots: Floats, scales: Floats, decay: float
    ) -> "_InverseCurvature":
        from scipy.linalg import cho_factor

        squares = np.square(roots).sum(axis=(2, 3))
        floors = decay + _ROUNDING * np.maximum(gram.diagonal() @ squares, 1e-30)

        def factor(root: Floats, floor: float) -> Any:
            n_rows, _, n_outputs = root.shape
            flat = root.transpose(0, 2, 1).reshape(-1, n_outputs)
            matrix = flat @ flat.T
            by_row = matrix.reshape(n_rows, n_outputs, n_rows, n_outputs)
            by_row *= gram[:, np.newaxis, :, np.newaxis]
            matrix.flat[:: len(matrix) + 1] += floor
            return cho_factor(matrix, lower=True, overwrite_a=True, check_finite=False)

        factors = [factor(roots[:, p], floor) for p, floor in enumerate(floors)]
        return cls(rows, roots, scales, floors, factors)

    def __call__(self, slopes: Floats) -> Floats:
        from scipy.linalg import cho_solve

        found: Floats = slopes.copy()
        found[:-1] /= self.scales
        flat = found.reshape(len(found), -1)
        along = self.rows @ flat[:-1].astype(np.float32) + flat[-1]
        along = along.reshape(len(along), *found.shape[1:])
        along = np.einsum("ipka,ipk->ipa", self.roots, along)
        for p, factor in enumerate(self.factors):
            of_it = cho_solve(factor, along[:, p].reshape(-1), check_finite=False)
            along[:, p] = of_it.reshape(along[:, p].shape)
        along = np.einsum("ipka,ipa->ipk", self.roots, along).reshape(len(along), -1)
        flat[:-1] -= self.rows.T @ along.astype(np.float32)
        flat[-1] -= along.sum(axis=0)
        found /= self.floors[:, np.newaxis]
        found[:-1] /= self.scales
        return found


class _Steps:
    """The last steps of L-BFGS, and how they changed the slopes, for each problem."""

    def __init__(self) -> None:
        self._known: list[tuple[Floats, Floats, Floats]] = []
        self._size: Floats | float = 1.0

    def add(self, step: Floats, moved: Floats, newton: Floats) -> None:
        """Remember a step; `newton` is the inverse curvature times what it moved."""
        curved, size = _dot(step, moved), _dot(moved, newton)
        real = (curved > 0) & (size > 0)
        safe = np.where(real, curved, 1)
        self._size = np.where(real, safe / np.where(real, size, 1), self._size)
        self._known.append((step, moved, np.where(real, 1 / safe, 0)))
        del self._known[:-_MEMORY]

    def direction(
        self, slopes: Floats, newton: Floats, inverse: _InverseCurvature
    ) -> Floats:
        """Return where to go: minus the inverse curvature, improved by the steps, times slopes."""
        if not self._known:
            return -newton
        left, shares = slopes.copy(), []
        for step, moved, over in reversed(self._known):
            shares.append(_dot(step, left) * over)
            left -= shares[-1][:, np.newaxis] * moved
        found: Floats = inverse(left) * np.reshape(self._size, (-1, 1))
        for (step, moved, over), share in zip(self._known, reversed(shares), strict=True):
            found += (share - _dot(moved, found) * over)[:, np.newaxis] * step
        return np.negative(found)


def _dot(one: Floats, other: Floats) -> Floats:
    """Return the scalar product of each problem."""
    return np.asarray(np.einsum("dpk,dpk->p", one, other))


def _log_loss(decisions: Floats, targets: Floats) -> tuple[Floats, Floats]:
    """Return the loss of each row, and the probabilities."""
    if decisions.shape[1] == 1:
        losses = (np.logaddexp(0, decisions) - targets * decisions)[:, 0]
    else:
        highest = decisions.max(axis=1, keepdims=True)
        total = np.log(np.exp(decisions - highest).sum(axis=1, keepdims=True)) + highest
        losses = np.sum(targets * (total - decisions), axis=1)
    return losses, probabilities_of(decisions)


def probabilities_of(decisions: NDArray[np.floating]) -> Floats:
    """Return what a sigmoid makes of one output, or a softmax of several."""
    if decisions.shape[1] == 1:
        return np.asarray(
            1 / (1 + np.exp(-np.clip(decisions.astype(np.float64), -700, 700)))
        )
    shares = np.exp(decisions - decisions.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def threads_for(n_numbers: int) -> int | None:
    """Return how many threads BLAS gets for products of so many numbers; None: all."""
    return 1 if n_numbers <= _MOST_ALONE else None
