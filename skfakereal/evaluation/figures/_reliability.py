"""Probabilities -> how far they can be taken at their word.

Images are put into ten bins of equal width by their probability; within a bin, the mean
probability should be the share of images that are so. The expected calibration error is
the mean distance between the two, each bin weighted by its images (Naeini, Cooper and
Hauskrecht 2015; Guo, Pleiss, Sun and Weinberger 2017, "On calibration of modern neural
networks", equation 3, there with 15 bins). With two classes the probability is that of
the positive class, as in scikit-learn's calibration curve: confidence in either class, as
Guo et al. have it, would let errors on fakes and on real images cancel out. With more
classes it is the probability of the predicted class, as theirs.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

N_BINS = 10
_N_SIMULATED = 400


@dataclass(frozen=True)
class Reliability:
    """What the calibration error is made of, image by image."""

    # Shape (n_images,): the predicted probability, from 0 to 1.
    probability: NDArray[np.float64]
    is_so: NDArray[np.float64]  # shape (n_images,): whether it was so, 0 or 1
    # Shape (n_images,): the bin of the probability, from 0 to `N_BINS` - 1. A probability
    # on the edge of two belongs to the lower one.
    bin: NDArray[np.intp]

    def bins(self, weights: NDArray[np.float64]) -> list["ReliabilityBin"]:
        """Return the bins that hold images, from the lowest probability on."""
        held = [np.flatnonzero((self.bin == b) & (weights > 0)) for b in range(N_BINS)]
        return [
            ReliabilityBin(
                low=b / N_BINS,
                high=(b + 1) / N_BINS,
                n_images=len(rows),
                mean_probability=_mean(self.probability, rows, weights),
                share=_mean(self.is_so, rows, weights),
            )
            for b, rows in enumerate(held)
            if len(rows)
        ]


@dataclass(frozen=True)
class ReliabilityBin:
    """A point of the reliability curve.

    Parameters
    ----------
    low, high : float
        Edges of the bin; the upper one belongs to it.
    n_images : int
        How many images lie in it.
    mean_probability : float
        Their mean predicted probability.
    share : float
        The share of them that is of that class.
    """

    low: float
    high: float
    n_images: int
    mean_probability: float
    share: float


def _mean(
    values: NDArray[np.float64], rows: NDArray[np.intp], weights: NDArray[np.float64]
) -> float:
    return float(np.average(values[rows], weights=weights[rows]))


def reliability(
    y_true: NDArray[np.intp], y_proba: NDArray[np.float64], positive: int | None
) -> Reliability:
    """Return what was said of each image, and whether it was so."""
    if positive is None:
        predicted, is_right = y_proba.max(axis=1), y_proba.argmax(axis=1) == y_true
    else:
        predicted, is_right = y_proba[:, positive], y_true == positive
    edges = np.linspace(0, 1, N_BINS + 1)[1:-1]
    return Reliability(
        predicted, is_right.astype(np.float64), np.searchsorted(edges, predicted)
    )


def expected_error(table: Reliability, weights: NDArray[np.float64]) -> float:
    """Return the expected calibration error."""
    distance = (table.is_so - table.probability) * weights
    return float(np.abs(np.bincount(table.bin, distance)).sum() / weights.sum())


def chance_error(
    table: Reliability, weights: NDArray[np.float64], random_state: int
) -> float:
    """Return the error below which a perfectly calibrated classifier may well lie.

    Few images in a bin are never split exactly as they should be, so that even a perfect
    classifier shows an error. It is simulated: each image is made so with the probability
    that was said (consistency resampling, Bröcker and Smith 2007).
    """
    random = np.random.default_rng(random_state)
    errors = []
    for _ in range(_N_SIMULATED):
        made_so = random.random(len(weights)) < table.probability
        simulated = Reliability(table.probability, made_so.astype(np.float64), table.bin)
        errors.append(expected_error(simulated, weights))
    return float(np.quantile(errors, 0.95))
