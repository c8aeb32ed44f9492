"""Regularised logistic regression on many features, solved to its optimum.

The objective is that of the Keras tail: the mean over the rows of weight times log loss,
plus half the weight decay times the sum of the squared coefficients. It is the one of
scikit-learn's `LogisticRegression` with ``C = 1 / (n_rows * weight_decay)``.
"""

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from skfakereal._network import FloatArray

Floats = NDArray[np.float64]
# Gives all rows, block by block.
Blocks = Callable[[], Iterable[NDArray[np.floating]]]

# Up to so many rows, or features, the spectrum is exact; above, that of some rows.
_MOST_ROWS = 4096
_MOST_FEATURES = 1024
_SAMPLE = 512
# Of the gradient's largest part, where the curvature is about 1: the loss is right to 1e-8.
_TOLERANCE = 1e-5
_MOST_STEPS = 500
# Numbers up to which BLAS gets one thread: of several, those of L-BFGS wait for each other in
# its thousands of small products, ten times as long as these take on a busy machine.
_MOST_ALONE = 2**22


class LogisticProblem:
    """Rows with labels and weights, to be solved for one weight decay after the other.

    On thousands of correlated features, L-BFGS takes hundreds of steps. So it works in
    coordinates where the curvature is about 1 in every direction: along the eigenvectors
    of the rows where there are few, and otherwise preconditioned by those of some rows.

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
        self._blocks = blocks
        # Of the log loss at even odds, its largest.
        self._curvature = 0.25 * float(weights.mean())
        self._last: tuple[Floats, Floats] | None = None
        self._span: FloatArray | None = None
        n_features = next(iter(blocks())).shape[1]
        self._threads = _threads(len(labels) * n_features)
        if len(labels) <= min(n_features, _MOST_ROWS):
            self._use_span()
        else:
            self._precondition(n_features)

    def _use_span(self) -> None:
        """Replace the rows by their coordinates in the space that they span."""
        rows = np.concatenate(list(self._blocks()))
        self._threads = _threads(len(rows) ** 2)
        values, vectors = _spectrum(rows @ rows.T)
        self._variances = values / len(rows)
        self._directions: FloatArray | None = None
        coordinates = vectors * np.sqrt(values)
        self._blocks = lambda: [coordinates]
        self._span = rows.T @ (vectors / np.sqrt(values)).astype(np.float32)

    def _precondition(self, n_features: int) -> None:
        n_rows = len(self._targets)
        if n_features <= _MOST_FEATURES:
            gram = np.zeros((n_features, n_features))
            for block in self._blocks():
                gram += block.T @ block
            values, vectors = _spectrum(gram)
            self._variances = values / n_rows
        else:
            sample = np.random.RandomState(0).permutation(n_rows)[:_SAMPLE]
            rows = _pick(self._blocks(), np.sort(sample))
            values, vectors = _spectrum(rows @ rows.T)
            self._variances = values / len(rows)
            vectors = np.asarray(rows.T @ (vectors / np.sqrt(values)))
        self._directions = vectors.astype(np.float32)

    def solve(self, weight_decay: float) -> tuple[Floats, Floats]:
        """Return coefficients and intercepts; a second call starts from those of the first."""
        from scipy.optimize import minimize  # 0.2 s that predicting does not need

        n_outputs = self._targets.shape[1]
        floor = max(weight_decay, 1e-9)
        scales = 1 / np.sqrt(self._curvature * self._variances + floor)

        def objective(point: Floats) -> tuple[float, Floats]:
            *_, last = point.reshape(-1, n_outputs)
            scaled = point[:-n_outputs].reshape(-1, n_outputs)
            coefficients = self._scaled(scaled, scales)
            loss, slopes, intercept_slopes = self._loss(coefficients, last)
            loss += weight_decay / 2 * float(np.sum(coefficients**2))
            slopes += weight_decay * coefficients
            gradient = np.vstack([self._scaled(slopes, scales), intercept_slopes])
            return loss, gradient.ravel()

        if self._last is None:
            size = len(self._variances)
            if self._directions is not None:
                size = len(self._directions)
            self._last = np.zeros((size, n_outputs)), np.zeros(n_outputs)
        before = self._scaled(self._last[0], 1 / scales)
        with threadpool_limits(self._threads, user_api="blas"):
            solution = minimize(
                objective,
                np.vstack([before, self._last[1]]).ravel(),
                jac=True,
                method="L-BFGS-B",
                options={
                    "maxiter": _MOST_STEPS,
                    "maxcor": 20,
                    "gtol": _TOLERANCE,
                    "ftol": 1e-12,
                },
            ).x.reshape(-1, n_outputs)
        coefficients = self._scaled(solution[:-1], scales)
        self._last = coefficients, solution[-1]
        if self._span is not None:
            coefficients = self._span @ coefficients
        return coefficients, solution[-1]

    def _scaled(self, values: Floats, scales: Floats) -> Floats:
        """Scale along the known directions; what lies in no one's, as along the last."""
        if self._directions is None:
            return values * scales[:, np.newaxis]
        along = self._directions.T @ values.astype(np.float32)
        along *= (scales - scales[0])[:, np.newaxis]
        return np.asarray(values * scales[0] + self._directions @ along.astype(np.float32))

    def _loss(
        self, coefficients: Floats, intercepts: Floats
    ) -> tuple[float, Floats, Floats]:
        """Return the mean loss and its slopes, without the penalty."""
        n_rows, start, loss = len(self._targets), 0, 0.0
        slopes = np.zeros_like(coefficients)
        intercept_slopes = np.zeros_like(intercepts)
        for block in self._blocks():
            part = slice(start, start + len(block))
            start += len(block)
            decisions = block @ coefficients.astype(block.dtype) + intercepts
            losses, probabilities = _log_loss(decisions, self._targets[part])
            loss += float(losses @ self._weights[part, 0])
            excess = (probabilities - self._targets[part]) * self._weights[part] / n_rows
            slopes += block.T @ excess.astype(block.dtype)
            intercept_slopes += excess.sum(axis=0)
        return loss / n_rows, slopes, intercept_slopes


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


def _threads(n_numbers: int) -> int | None:
    """Return how many threads BLAS gets for products of so many numbers; None: all."""
    return 1 if n_numbers <= _MOST_ALONE else None


def _spectrum(gram: NDArray[np.floating]) -> tuple[Floats, Floats]:
    """Return the eigenvalues that are no rounding, in rising order, and their vectors."""
    with threadpool_limits(_threads(gram.size), user_api="blas"):
        values, vectors = np.linalg.eigh(gram.astype(np.float64))
    real = values > 1e-6 * max(values[-1], np.finfo(np.float32).tiny)
    return values[real], vectors[:, real]


def _pick(
    blocks: Iterable[NDArray[np.floating]], rows: NDArray[np.intp]
) -> NDArray[np.floating]:
    """Return some of the rows, which are sorted."""
    picked, start = [], 0
    for block in blocks:
        inside = rows[(rows >= start) & (rows < start + len(block))]
        picked.append(block[inside - start])
        start += len(block)
    return np.concatenate(picked)
