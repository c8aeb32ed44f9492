"""Predictions -> a row for each generator or group: where is the classifier weak?"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skfakereal._classifying.predictions import Predictions
from skfakereal._wording import counted
from skfakereal.evaluation.figures._metrics import tpr_key
from skfakereal.evaluation.figures._resamples import Ranking

_TARGET = 0.05  # a false positive rate that some dozens of images can show
GROUP_FIGURES = ("accuracy", "roc_auc", tpr_key(_TARGET))
_FEWEST_IMAGES = 2
_MOST_ROWS = 100


@dataclass(frozen=True)
class GroupRow:
    """What the classifier made of the images of a generator or group.

    Parameters
    ----------
    name : str
        The group.
    n_images : int
        How many images it has.
    n_positive : int or None
        How many of them are of the positive class; None where there is no such class.
    figures : dict of str to float
        ``accuracy``, of the group's images, and with a positive class ``roc_auc`` and
        ``tpr_at_fpr_0.05``: of the group's own images if it has both classes, and else, as
        with a generator, of its images against all of the other class. NaN where
        undefined.
    """

    name: str
    n_images: int
    n_positive: int | None
    figures: dict[str, float]

    def as_dict(self) -> dict[str, float]:
        """Return figures and numbers of images together."""
        counts = {"n_images": self.n_images}
        if self.n_positive is not None:
            counts["n_positive"] = self.n_positive
        return {**self.figures, **counts}


class Group:
    """The images of a group, and its figures for many sets of weights."""

    def __init__(self, predictions: Predictions, name: str, own: NDArray[np.intp]) -> None:
        p = predictions
        self.name = name
        self.own, self._ranked = own, own
        self._right = (p.y_pred == p.y_true)[own].astype(np.float64)
        self._n_positive: int | None = None
        self._ranking: Ranking | None = None
        if p.positive is None:
            return
        is_positive = p.y_true == p.positive
        self._n_positive = int(is_positive[own].sum())
        if self._n_positive in (0, len(own)):
            others = np.flatnonzero(is_positive != is_positive[own[0]])
            self._ranked = np.concatenate([own, others])
        ranked = is_positive[self._ranked]
        self._n_negative = int(np.sum(~ranked))
        if 0 < self._n_negative < len(ranked):
            self._ranking = Ranking(ranked, p.y_proba[self._ranked, p.positive])

    def __call__(self, weights: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        own = weights[:, self.own]
        with np.errstate(invalid="ignore"):
            figures = {"accuracy": own @ self._right / own.sum(axis=1)}
        if self._ranking is not None:
            figures |= self._ranking(weights[:, self._ranked])
            if self._n_negative * _TARGET < 1 - 1e-9:
                del figures[tpr_key(_TARGET)]
        return {key: figures[key] for key in GROUP_FIGURES if key in figures}

    def row(self, weights: NDArray[np.float64]) -> GroupRow:
        """Return the figures of the images as they are."""
        values = {key: float(each[0]) for key, each in self(weights[None]).items()}
        keys = GROUP_FIGURES[:1] if self._n_positive is None else GROUP_FIGURES
        figures = {key: values.get(key, np.nan) for key in keys}
        return GroupRow(self.name, len(self.own), self._n_positive, figures)


def find_groups(predictions: Predictions) -> list[Group]:
    """Return the generators, or the groups where no generators were given."""
    names, members = _members(predictions)
    sizes = np.bincount(members) if len(names) else np.array([], dtype=np.intp)
    largest = np.argsort(-sizes, kind="stable")[:_MOST_ROWS]
    shown = np.sort(largest[sizes[largest] >= _FEWEST_IMAGES])
    return [Group(predictions, str(names[g]), np.flatnonzero(members == g)) for g in shown]


def group_remarks(predictions: Predictions) -> list[str]:
    """Return what `find_groups` left out."""
    names, members = _members(predictions)
    n_groups = len(names)
    if predictions.generators is None and n_groups:
        # An image that belongs to nothing is a group of its own in name only.
        n_groups = int(np.sum(np.bincount(members) >= _FEWEST_IMAGES))
    left_out = n_groups - len(find_groups(predictions))
    if not left_out:
        return []
    verb = "has" if left_out == 1 else "have"
    return [f"{counted(left_out, 'small group')} {verb} no row of their own."]


def row_word(predictions: Predictions) -> str:
    """Return what a row is called."""
    p = predictions
    if p.generators is None:
        return "group"
    rows_and_classes = set(zip(p.generators.tolist(), p.y_true.tolist(), strict=True))
    n_mixed = len(rows_and_classes) - len({row for row, _ in rows_and_classes})
    n_other = sum(c != p.positive for _, c in rows_and_classes)
    sources = n_mixed or (p.positive is not None and n_other > 1)
    return "group" if sources else "generator"


def _members(predictions: Predictions) -> tuple[NDArray[np.str_], NDArray[np.intp]]:
    p = predictions
    given = p.groups if p.generators is None else p.generators
    if given is None:
        return np.array([], dtype=np.str_), np.array([], dtype=np.intp)
    return np.unique(given, return_inverse=True)
