"""Predictions on untouched and on perturbed images -> a row of figures for each."""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skfakereal._classifying.predictions import Predictions
from skfakereal._wording import counted
from skfakereal.evaluation.figures._metrics import detection_figures

FIGURES = {
    "accuracy": "accuracy",
    "roc_auc": "ROC-AUC",
    "tpr": "true positive rate",
    "fpr": "false positive rate",
    "flip_rate": "verdicts flipped",
}
TABLE_HEADER = ("", "accuracy", "ROC-AUC", "TPR", "FPR", "flipped", "images")


@dataclass(frozen=True)
class RobustnessRow:
    """How a classifier fares on images that all went through the same perturbation.

    Parameters
    ----------
    family, level : str
        What was done, and how strongly; ``"untouched"`` and ``""`` for nothing.
    accuracy, roc_auc, tpr, fpr : float
        From 0 to 1, at the classifier's own threshold, for the positive class. Without
        one (more than two classes) all but the accuracy are NaN.
    flip_rate : float
        Share of the images that are called otherwise than untouched.
    n_images : int
        How many copies were classified.
    n_unchanged : int
        How many of them had every pixel as it was.
    n_too_small : int
        How many were not shrunk since they were no larger than the size asked for.
    """

    family: str
    level: str
    accuracy: float
    roc_auc: float
    tpr: float
    fpr: float
    flip_rate: float
    n_images: int
    n_unchanged: int
    n_too_small: int

    @property
    def name(self) -> str:
        """Family and level."""
        return f"{self.family} {self.level}".strip()

    def flat(self) -> dict[str, Any]:
        """Return the row with its name in front."""
        return {"name": self.name} | asdict(self)


@dataclass(frozen=True)
class Verdicts:
    """The predictions on the images after one perturbation."""

    # Shape (n_images,): classes as positions; -1 where the copy could not be classified.
    y_pred: NDArray[np.intp]
    y_proba: NDArray[np.float64]  # shape (n_images, n_classes): probabilities, NaN there
    n_unchanged: int  # n_unchanged and n_too_small: as in `RobustnessRow`
    n_too_small: int


def make_row(
    family: str, level: str, untouched: Predictions, verdicts: Verdicts
) -> RobustnessRow:
    """Return the figures of one perturbation."""
    readable = verdicts.y_pred >= 0
    true, predicted = untouched.y_true[readable], verdicts.y_pred[readable]
    figures = dict.fromkeys(("roc_auc", "tpr", "fpr"), math.nan)
    positive = untouched.positive
    if positive is not None:
        score = verdicts.y_proba[readable, positive]
        all_figures = detection_figures(true == positive, predicted == positive, score)
        figures = {key: all_figures[key] for key in figures}
    flipped = predicted != untouched.y_pred[readable]
    return RobustnessRow(
        family,
        level,
        accuracy=float(np.mean(predicted == true)) if readable.any() else math.nan,
        flip_rate=float(np.mean(flipped)) if readable.any() else math.nan,
        n_images=int(np.sum(readable)),
        n_unchanged=verdicts.n_unchanged,
        n_too_small=verdicts.n_too_small,
        **figures,
    )


def robustness_remarks(
    untouched: Predictions, rows: Sequence[RobustnessRow], rewritten: RobustnessRow | None
) -> list[str]:
    """Return what a reader of the figures must know besides."""
    n_images, remarks = len(untouched.paths), []
    if untouched.unreadable:
        n_lost = len(untouched.unreadable)
        remarks.append(
            f"{counted(n_lost, 'image')} could not be read and {'is' if n_lost == 1 else 'are'} "
            "left out of all figures."
        )
    if untouched.positive is None:
        remarks.append(
            "With more than two classes there is no positive class: only accuracy and "
            "flipped verdicts are measured."
        )
    if rewritten and rewritten.flip_rate > 0:
        remarks.append(
            f"{rewritten.flip_rate:.1%} of the verdicts change when an image is only "
            "saved again with identical pixels: the classifier looks at more than pixels "
            "(file format, file size, metadata), or reads images in another way."
        )
    small = [row for row in rows if row.n_too_small]
    if small:
        counts = ", ".join(f"{row.n_too_small:,} by {row.name!r}" for row in small)
        remarks.append(
            f"Images are never enlarged to reach a size. Of {n_images:,} images, these were "
            f"small enough already and went through the other steps only: {counts}."
        )
    idle = [row for row in rows if row.n_unchanged and row is not rewritten]
    if idle:
        counts = ", ".join(f"{row.n_unchanged:,} by {row.name!r}" for row in idle)
        remarks.append(f"Some images were left unchanged: {counts}.")
    partial = [row for row in rows if row.n_images < n_images]
    if partial:
        counts = ", ".join(
            f"{n_images - row.n_images:,} of {row.name!r}" for row in partial
        )
        remarks.append(f"Copies that the classifier could not read are left out: {counts}.")
    return remarks
