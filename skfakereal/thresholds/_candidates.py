"""Probabilities -> every threshold that makes a difference, and what it does."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_curve


@dataclass(frozen=True)
class Candidates:
    """The thresholds from the strictest to the most lenient.

    Parameters
    ----------
    threshold : ndarray of shape (n_thresholds,)
        Each lies halfway between two neighbouring probabilities, so that a rounding
        elsewhere does not turn a verdict; the first is above all of them.
    n_true, n_false : ndarray of shape (n_thresholds,)
        How many positive and how many other images have a probability above it.
    """

    threshold: NDArray[np.float64]
    n_true: NDArray[np.intp]
    n_false: NDArray[np.intp]

    @classmethod
    def find(cls, is_positive: NDArray[np.bool_], score: NDArray[np.float64]) -> Self:
        """Return the candidates."""
        fpr, tpr, at = roc_curve(is_positive, score, drop_intermediate=False)
        below = np.append(at[2:], 0.0)
        between = (at[1:] + below) / 2
        above_all = (at[1] + 1) / 2 if at[1] < 1 else np.nextafter(1, 2)
        n_positive = int(is_positive.sum())
        return cls(
            threshold=np.concatenate([[above_all], between]),
            n_true=np.rint(tpr * n_positive).astype(np.intp),
            n_false=np.rint(fpr * (len(score) - n_positive)).astype(np.intp),
        )
