"""Who is trained and who is tested in which fit -> the figures of each generator, and advice."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from skfakereal._paths import is_missing, unmasked
from skfakereal._wording import first_of
from skfakereal.evaluation.figures._metrics import detection_figures

Rows = NDArray[np.intp]
_LOSS = 0.05  # what a reader would notice, of ROC-AUC and of the share that is found


@dataclass(frozen=True)
class Trial:
    """One fit and its test."""

    # The generator that no training image is from; None where the training part has images
    # of every generator.
    unseen: str | None
    train: Rows  # train and test: positions of the images
    test: Rows


def check_generators(
    generators: Any, is_fake: NDArray[np.bool_], paths: Sequence[str]
) -> NDArray[Any]:
    """Return the generator of each fake image, and None for each other."""
    given = np.asarray(unmasked(generators), dtype=object).ravel().tolist()
    if len(given) != len(paths):
        raise ValueError(
            f"generators must hold one name for each of the {len(paths)} images, got "
            f"{len(given)}."
        )
    for i in np.flatnonzero(is_fake).tolist():
        if _is_own_path(given[i], paths[i]):
            raise ValueError(
                f"Every fake image needs its generator, but generators[{i}] is "
                f"{given[i]!r}, the path of the image itself, which load_image_folder gives "
                "to images in no folder of their own. Put the fakes of each generator into "
                "a folder, as in fake/NAME/, or leave out what is of unknown origin."
            )
        if is_missing(given[i]) or given[i] == "":
            raise ValueError(
                f"Every fake image needs its generator, but generators[{i}] is "
                f"{given[i]!r} (image {paths[i]!r}). Leave out what is of unknown origin."
            )
    pairs = zip(given, is_fake, strict=True)
    names = np.array([str(name) if fake else None for name, fake in pairs], dtype=object)
    names_of_fakes = sorted(set(names[is_fake]))
    if len(names_of_fakes) < 2:
        raise ValueError(
            f"To leave one generator out, fakes of two or more are needed, got {names_of_fakes}."
        )
    return names


def _is_own_path(name: Any, path: str) -> bool:
    return (
        isinstance(name, str) and "/" in name and Path(path).as_posix().endswith(f"/{name}")
    )


def make_trials(
    generators: NDArray[Any], groups: NDArray[Any] | None, seed: int
) -> list[Trial]:
    """Plan the fits: one for each fold, and one for each generator that is left out.

    There are as many folds as generators. Each fold holds an equal share of the real
    images and of every generator's images, so that it is as large as a generator is on
    average. The real images of fold k are also the ones that are tested with generator k.
    Where groups tie a generator's images to others, only those of fold k are tested with
    it: the relatives of all its images could be most of the training part.
    """
    names = sorted({name for name in generators if name is not None})
    strata = np.array([names.index(g) if g is not None else -1 for g in generators])
    rows = np.arange(len(strata))
    ties = rows if groups is None else np.unique(groups, return_inverse=True)[1]
    _check_spread(strata, ties, names)
    folds = _split(strata, None if groups is None else ties, len(names), seed)
    trials = [Trial(None, np.setdiff1d(rows, fold), fold) for fold in folds]
    for k, (name, fold) in enumerate(zip(names, folds, strict=True)):
        own = np.flatnonzero(strata == k)
        tied = np.isin(ties[own], ties[strata != k]).any()
        tested_fakes = np.intersect1d(own, fold) if tied else own
        test = np.union1d(tested_fakes, fold[strata[fold] == -1])
        train = rows[(strata != k) & ~np.isin(ties, ties[test])]
        trials.append(Trial(name, train, test))
    for trial in trials:
        _check_trial(trial, strata, names)
    return trials


def _split(strata: Rows, ties: Rows | None, n_folds: int, seed: int) -> list[Rows]:
    # Without ties StratifiedGroupKFold does the same, but takes 7 s for 50,000 images.
    kind = StratifiedKFold if ties is None else StratifiedGroupKFold
    splitter = kind(n_folds, shuffle=True, random_state=seed)
    return [test for _, test in splitter.split(strata, strata, ties)]


def _check_spread(strata: Rows, ties: Rows, names: list[str]) -> None:
    n_folds = len(names)
    for k, name in enumerate(["", *names], -1):
        what = f"generator {name!r}" if name else "the real class"
        n_images = np.sum(strata == k)
        n_groups = len(np.unique(ties[strata == k]))
        needed = 2 if name else n_folds
        if n_images < n_folds or n_groups < needed:
            raise ValueError(
                f"With {n_folds} generators there are as many folds, for which {what} needs "
                f"{n_folds} images in {needed} groups at least, got {n_images} in {n_groups} "
                "(without groups each image is one of its own). Pass more images or finer "
                "groups, such as an audit's copies_."
            )


def _check_trial(trial: Trial, strata: Rows, names: list[str]) -> None:
    """Check what the groups may have made impossible."""
    for part, rows in (("training", trial.train), ("test", trial.test)):
        n_real = np.sum(strata[rows] == -1)
        n_fake = np.sum(strata[rows] >= 0)
        if not n_real or not n_fake:
            without = "every fold" if trial.unseen is None else f"{trial.unseen!r}"
            raise ValueError(
                f"Training and test need real and fake images, but the groups leave the "
                f"{part} part for {without} with {n_real} real and {n_fake} fake ones. Pass "
                "finer groups, such as an audit's copies_, or none."
            )
    if trial.unseen is None:
        lost = np.setdiff1d(strata[trial.test], strata[trial.train])
        if len(lost):
            raise ValueError(
                f"In every fold some images of each generator must be left for training, but "
                f"the groups leave none of {names[lost[0]]!r}. Pass finer groups, such as an "
                "audit's copies_, or none."
            )


GENERATOR_FIGURES = {
    "balanced_accuracy": "balanced accuracy",
    "roc_auc": "ROC-AUC",
    "average_precision": "average precision",
    "tpr": "true positive rate",
    "fpr": "false positive rate",
}
# Of these, more is worse.
_COSTS = ("fpr",)


@dataclass(frozen=True)
class Answer:
    """A classifier's predictions on its test images, except those that it could not read."""

    rows: Rows  # positions of the images
    called_fake: NDArray[np.bool_]  # shape (n_rows,): which of them were called fake
    score: NDArray[np.float64]  # shape (n_rows,): the probability of fake


@dataclass(frozen=True)
class GeneratorRow:
    """How well a generator's images are detected, trained with and without it.

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


def generator_steps(rows: Sequence[GeneratorRow]) -> list[str]:
    """Return what the figures ask for."""
    lost = [row for row in rows if row.drop["roc_auc"] > _LOSS]
    missed = [row for row in rows if row.drop["tpr"] > _margin(row) and row not in lost]
    steps = []
    if lost:
        steps.append(
            f"Fakes from {_named(lost, 'roc_auc')} are detected less well by a model that has not "
            "seen that generator. Train on more and more different generators, and measure them "
            "in the same way: a new kind of generator is worth more than many images of one."
        )
    if missed:
        steps.append(
            f"Fewer fakes from {_named(missed, 'tpr')} are detected when unseen, although ROC-AUC "
            "hardly falls: the threshold no longer fits. Choose it for a false positive rate, "
            "measured on real images like those in use (skfakereal.thresholds)."
        )
    if not steps:
        steps.append(
            "No generator loses clearly, neither in ROC-AUC nor in the true positive rate. The "
            "next one may still be unlike all of these."
        )
    return [
        *steps,
        "On images of unknown origin expect the unseen figures, not the seen ones: the next "
        "generator is not in the training images.",
        "Compression and size can stand in for the generator. Audit the images: a leak makes "
        "the seen figures too good and the drop too large.",
    ]


def _margin(row: GeneratorRow) -> float:
    # A share of few images moves by this much through chance (twice the standard error of
    # one half).
    return max(_LOSS, 1 / math.sqrt(row.n_fake)) if row.n_fake else math.inf


def _named(rows: Sequence[GeneratorRow], key: str) -> str:
    worst = sorted(rows, key=lambda row: -row.drop[key])
    return first_of([row.generator for row in worst])
