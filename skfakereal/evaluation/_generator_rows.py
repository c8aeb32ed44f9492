"""Predictions of all fits -> for each generator, seen and unseen figures side by side."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skfakereal.evaluation._detection import detection_figures
from skfakereal.evaluation._generator_folds import Rows, Trial

GENERATOR_FIGURES = {
    "balanced_accuracy": "balanced accuracy",
    "roc_auc": "ROC-AUC",
    "average_precision": "average precision",
    "tpr": "found (TPR)",
    "fpr": "false alarms (FPR)",
}
# Of these, more is worse.
_COSTS = ("fpr",)


@dataclass(frozen=True)
class Answer:
    """What a classifier said of its test images; only of those that it could read.

    Parameters
    ----------
    rows : ndarray of int
        Positions of the images.
    called_fake : ndarray of shape (n_rows,)
        Which of them were called fake.
    score : ndarray of shape (n_rows,)
        The probability of fake.
    """

    rows: Rows
    called_fake: NDArray[np.bool_]
    score: NDArray[np.float64]


@dataclass(frozen=True)
class GeneratorRow:
    """How a generator's images are told from real ones, trained with and without it.

    Parameters
    ----------
    generator : str
        Its name.
    n_fake, n_real : int
        How many images were tested without it; the seen figures are about the same fakes.
    n_train_seen, n_train_unseen : int
        How many images there were to train on, with (the mean over the folds) and without.
    seen, unseen : dict of str to float
        ``balanced_accuracy``, ``roc_auc``, ``average_precision``, ``tpr`` and ``fpr``,
        from 0 to 1, NaN where undefined.
    """

    generator: str
    n_fake: int
    n_real: int
    n_train_seen: int
    n_train_unseen: int
    seen: dict[str, float]
    unseen: dict[str, float]

    @property
    def drop(self) -> dict[str, float]:
        """What is lost where the generator is unseen; for ``fpr``, what is gained."""
        return {key: _loss(key, self.seen[key], self.unseen[key]) for key in self.seen}

    def flat(self) -> dict[str, Any]:
        """Return the row without dicts in it."""
        flat: dict[str, Any] = {
            "generator": self.generator,
            "n_fake": self.n_fake,
            "n_real": self.n_real,
            "n_train_seen": self.n_train_seen,
            "n_train_unseen": self.n_train_unseen,
        }
        for key in GENERATOR_FIGURES:
            for kind in ("seen", "unseen", "drop"):
                flat[f"{key}_{kind}"] = getattr(self, kind)[key]
        return flat


def _loss(key: str, seen: float, unseen: float) -> float:
    return unseen - seen if key in _COSTS else seen - unseen


def generator_rows(
    is_fake: NDArray[np.bool_], trials: Sequence[Trial], answers: Sequence[Answer]
) -> list[GeneratorRow]:
    """Return a row for each generator.

    The seen figures are about the same fake images as the unseen ones: within each fold
    they are computed for those of them that lie in it, against the fold's real images, and
    averaged over the folds by their number. Scores of different fits are never ranked
    against each other.
    """
    pairs = list(zip(trials, answers, strict=True))
    folds = [(trial, answer) for trial, answer in pairs if trial.unseen is None]
    n_train_seen = round(float(np.mean([len(trial.train) for trial, _ in folds])))
    rows = []
    for trial, answer in pairs:
        if trial.unseen is None:
            continue
        fake = is_fake[answer.rows]
        rows.append(
            GeneratorRow(
                trial.unseen,
                n_fake=int(np.sum(fake)),
                n_real=int(np.sum(~fake)),
                n_train_seen=n_train_seen,
                n_train_unseen=len(trial.train),
                seen=_seen_figures(is_fake, answer.rows[fake], [a for _, a in folds]),
                unseen=detection_figures(fake, answer.called_fake, answer.score),
            )
        )
    return rows


def _seen_figures(
    is_fake: NDArray[np.bool_], fakes: Rows, folds: Sequence[Answer]
) -> dict[str, float]:
    shares, figures = [], []
    for answer in folds:
        fake = is_fake[answer.rows]
        asked = np.isin(answer.rows, fakes)
        kept = asked | ~fake
        shares.append(np.count_nonzero(asked))
        figures.append(
            detection_figures(fake[kept], answer.called_fake[kept], answer.score[kept])
        )
    if not any(shares):
        return dict.fromkeys(GENERATOR_FIGURES, math.nan)
    weighed = [(n, each) for n, each in zip(shares, figures, strict=True) if n]
    weights = [n for n, _ in weighed]
    return {
        key: float(np.average([each[key] for _, each in weighed], weights=weights))
        for key in GENERATOR_FIGURES
    }


def mean_figures(rows: Sequence[GeneratorRow], kind: str) -> dict[str, float]:
    """Return the mean over generators, each of which counts the same."""
    means = {}
    for key in GENERATOR_FIGURES:
        values = [v for row in rows if not math.isnan(v := getattr(row, kind)[key])]
        means[key] = float(np.mean(values)) if values else math.nan
    return means
