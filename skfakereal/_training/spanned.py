"""Regularised logistic regression on few rows of many features: in the space they span."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from skfakereal._network import FloatArray
from skfakereal._training.logistic import Floats, LogisticProblems, Rows, threads_for

# Rows up to which the space that they span is smaller work than all features: both take as long
# with some 2,000.
_MOST_SPANNING = 1024
_COLUMNS = 512  # features at a time in a Gram matrix
# What of a row others do not span, as a share of the longest one's square, that is left out: of
# equal rows it would be rounding, by which each could be told from the others.
_SPANNED = 1e-10


class SpannedProblems:
    """What `LogisticProblems` are, of fewer rows than features.

    A solution is a sum of rows, so each weighting, with its own scales, is solved for with the
    pivoted Cholesky factor of its Gram matrix in place of the rows.
    """

    def __init__(
        self,
        rows: Rows,
        labels: NDArray[np.intp],
        weights: Floats,
        n_classes: int,
        scales: NDArray[np.floating],
    ) -> None:
        self._rows = np.concatenate(list(rows.blocks()))
        self._scales = np.asarray(scales, np.float64)
        self._factors = [_factor(gram) for gram in self._grams()]
        self._problems = [
            LogisticProblems(
                _InMemory(factor.astype(np.float32)),
                labels,
                weights[:, [each]],
                n_classes,
                np.ones((factor.shape[1], 1)),
            )
            for each, (factor, _) in enumerate(self._factors)
        ]

    def _grams(self) -> list[Floats]:
        """Return the products of all rows, in each weighting's scales."""
        n_rows, n_problems = len(self._rows), self._scales.shape[1]
        grams = [np.zeros((n_rows, n_rows)) for _ in range(n_problems)]
        with threadpool_limits(threads_for(self._rows.size), user_api="blas"):
            for start in range(0, len(self._scales), _COLUMNS):
                part = slice(start, start + _COLUMNS)
                columns = self._rows[:, part].astype(np.float64)
                for gram, scale in zip(grams, self._scales[part].T, strict=True):
                    scaled = columns / scale
                    gram += scaled @ scaled.T
        return grams

    def solve(self, weight_decay: float) -> None:
        """Find the solution; a second call starts from that of the first."""
        for problem in self._problems:
            problem.solve(weight_decay)

    @property
    def decisions(self) -> Floats:
        """What the last solution gives for all rows, of shape (n_rows, n_problems, n_outputs)."""
        return np.concatenate([problem.decisions for problem in self._problems], axis=1)

    def solution(self, each: int) -> Floats:
        """Return the coefficients and, at the end, intercepts of one weighting."""
        from scipy.linalg import solve_triangular

        (factor, spanning), found = self._factors[each], self._problems[each].solution(0)
        kernel = np.zeros((len(self._scales), found.shape[1]))
        if len(spanning):
            shares = solve_triangular(factor[spanning], found[:-1], trans=1, lower=True)
            kernel += self._rows[spanning].T @ shares.astype(np.float32)
        kernel /= np.square(self._scales[:, [each]])
        return np.concatenate([kernel, found[-1:]])


def _factor(gram: Floats) -> tuple[Floats, NDArray[np.intp]]:
    """Return a factor of some columns, and which rows, in this order, span the others."""
    from scipy.linalg.lapack import dpstrf

    least = _SPANNED * max(gram.diagonal().max(), 1e-300)
    found, order, rank, _ = dpstrf(gram, tol=least, lower=1, overwrite_a=1)
    order = order.astype(np.intp) - 1
    factor = np.zeros((len(gram), max(rank, 1)))  # zeros, where all rows are
    factor[order, :rank] = np.tril(found)[:, :rank]
    return factor, order[:rank]


@dataclass(frozen=True)
class _InMemory:
    rows: FloatArray

    def blocks(self) -> Iterable[FloatArray]:
        return [self.rows]

    def take(self, chosen: NDArray[np.intp]) -> FloatArray:
        return self.rows[chosen]


def pose_problems(
    rows: Rows,
    labels: NDArray[np.intp],
    weights: Floats,
    n_classes: int,
    scales: NDArray[np.floating],
) -> LogisticProblems | SpannedProblems:
    """Return the problems in the form in which they are solved sooner."""
    few = len(labels) <= min(_MOST_SPANNING, len(scales) // 2)
    problems = SpannedProblems if few else LogisticProblems
    return problems(rows, labels, weights, n_classes, scales)
