"""Regularised logistic regression on many features, solved to its optimum.

The objective is that of the Keras tail: the mean over the rows of weight times log loss,
plus half the weight decay times the sum of the squared coefficients. It is the one of
scikit-learn's `LogisticRegression` with ``C = 1 / (n_rows * weight_decay)``.
"""

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from skfakereal._network import FloatArray

__all__ = ["Blocks", "LogisticProblem", "probabilities_of"]

Floats = NDArray[np.float64]
# Gives all rows, block by block.
Blocks = Callable[[], Iterable[FloatArray]]

# Eigenvectors are computed of so many rows or features at the most, which takes 2 s.
_MOST_EXACT = 2048
# Up to here, what the solver goes through is kept in memory.
_MOST_BYTES = 2**30
# Of the gradient's largest part, where the curvature is about 1: the loss is right to 1e-8.
_TOLERANCE = 1e-5
_MOST_STEPS = 500


class LogisticProblem:
    """Rows with labels and weights, to be solved for one weight decay after the other.

    On thousands of correlated features, L-BFGS takes hundreds of steps. So it works along
    the eigenvectors of the rows, each scaled to a curvature of about 1. Of rows and features
    that are both too many for that, the coefficients are sought in the space that some of
    the rows span (Williams and Seeger 2001 on why that is enough).

    Parameters
    ----------
    blocks : callable
        Gives the rows, standardised, as often as it is called.
    labels : ndarray of shape (n_rows,)
        Encoded from 0.
    weights : ndarray of shape (n_rows,)
        Of the rows.
    n_classes : int
        How many classes there are.
    """

    def __init__(
        self,
        blocks: Blocks,
        labels: NDArray[np.intp],
        weights: Floats,
        n_classes: int,
    ) -> None:
        classes = np.arange(n_classes) if n_classes > 2 else np.array([1])
        self._targets = (labels[:, np.newaxis] == classes).astype(np.float64)
        self._weights = weights[:, np.newaxis]
        # Of the log loss at even odds, its largest.
        self._curvature = 0.25 * float(weights.mean())
        self._last: Floats | None = None
        n_rows, n_features = len(labels), next(iter(blocks())).shape[1]
        if min(n_rows, n_features) == n_features <= _MOST_EXACT:
            gram = np.zeros((n_features, n_features))
            for block in blocks():
                gram += block.T @ block
            values, wide = _spectrum(gram)
            vectors = wide.astype(np.float32)
            self._variances = values / n_rows
        else:
            sample = np.random.RandomState(0).permutation(n_rows)[:_MOST_EXACT]
            rows = _pick(blocks(), np.sort(sample))
            values, of_rows = _spectrum(rows @ rows.T)
            self._variances = values / len(rows)
            vectors = rows.T @ (of_rows / np.sqrt(values)).astype(np.float32)
        self._directions = vectors
        # Rows by features, or, if there is room, by directions.
        self._blocks, self._turned = blocks, False
        if n_rows * len(values) * np.dtype(np.float32).itemsize <= _MOST_BYTES:
            turned = [block @ self._directions for block in blocks()]
            self._blocks, self._turned = lambda: turned, True

    def solve(self, weight_decay: float) -> tuple[Floats, Floats]:
        """Return coefficients and intercepts; a second call starts from those of the first.

        Parameters
        ----------
        weight_decay : float
            At least 0.

        Returns
        -------
        coefficients : ndarray of shape (n_features, n_outputs)
            With one output, that of the second class, where there are two classes.
        intercepts : ndarray of shape (n_outputs,)
            Not decayed.
        """
        from scipy.optimize import minimize  # 0.2 s that predicting does not need

        n_outputs = self._targets.shape[1]
        curvatures = self._curvature * self._variances + max(weight_decay, 1e-9)
        # With one for the intercepts.
        scales = np.append(1 / np.sqrt(curvatures), 1)[:, np.newaxis]

        def objective(point: Floats) -> tuple[float, Floats]:
            found = point.reshape(-1, n_outputs) * scales
            loss, slopes = self._loss(found)
            loss += weight_decay / 2 * float(np.sum(found[:-1] ** 2))
            slopes[:-1] += weight_decay * found[:-1]
            return loss, (slopes * scales).ravel()

        if self._last is None:
            self._last = np.zeros((len(scales), n_outputs))
        options = {
            "maxiter": _MOST_STEPS,
            "maxcor": 20,
            "gtol": _TOLERANCE,
            "ftol": 1e-12,
        }
        start = (self._last / scales).ravel()
        best = minimize(objective, start, jac=True, method="L-BFGS-B", options=options)
        self._last = best.x.reshape(-1, n_outputs) * scales
        return self._directions @ self._last[:-1], self._last[-1]

    def _loss(self, found: Floats) -> tuple[float, Floats]:
        """Return the mean loss and its slopes, without the penalty."""
        n_rows, start, loss = len(self._targets), 0, 0.0
        coefficients = found[:-1].astype(np.float32)
        if not self._turned:
            coefficients = self._directions @ coefficients
        slopes = np.zeros(coefficients.shape)
        intercept_slopes = np.zeros_like(found[-1])
        for block in self._blocks():
            part = slice(start, start + len(block))
            start += len(block)
            decisions = block @ coefficients + found[-1]
            losses, probabilities = _log_loss(decisions, self._targets[part])
            loss += float(losses @ self._weights[part, 0])
            excess = (probabilities - self._targets[part]) * self._weights[part] / n_rows
            slopes += block.T @ excess.astype(np.float32)
            intercept_slopes += excess.sum(axis=0)
        if not self._turned:
            slopes = self._directions.T @ slopes
        return loss / n_rows, np.vstack([slopes, intercept_slopes])


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


def _spectrum(gram: NDArray[np.floating]) -> tuple[Floats, Floats]:
    """Return the eigenvalues that are no rounding, in rising order, and their vectors."""
    values, vectors = np.linalg.eigh(gram.astype(np.float64))
    real = values > 1e-6 * max(values[-1], np.finfo(np.float32).tiny)
    return values[real], vectors[:, real]


def _pick(blocks: Iterable[FloatArray], rows: NDArray[np.intp]) -> FloatArray:
    """Return some of the rows, which are sorted."""
    picked, start = [], 0
    for block in blocks:
        inside = rows[(rows >= start) & (rows < start + len(block))]
        picked.append(block[inside - start])
        start += len(block)
    return np.concatenate(picked)
