"""Images drawn again and again -> the figures of each draw."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from skfakereal._classifying.predictions import Predictions
from skfakereal._validation import RandomState, seed_of
from skfakereal.evaluation.figures._metrics import FPR_TARGETS, squared_errors, tpr_key
from skfakereal.evaluation.figures._reliability import N_BINS, reliability

_FEWEST_GROUPS, _MANY_GROUPS = 5, 30
_CHUNK = 1_000_000  # weights at a time: 8 MB, so that memory stays small


def check_resampling(n_resamples: int, random_state: RandomState) -> int:
    """Check the settings of a bootstrap, and return its seed."""
    if not isinstance(n_resamples, int | np.integer) or n_resamples < 0:
        raise ValueError(
            f"n_resamples must be an integer of 0 or more, got {n_resamples!r}."
        )
    return seed_of(random_state)


@dataclass(frozen=True)
class ResamplingPlan:
    """What is drawn: images or groups of images, and out of which urns."""

    # Shape (n_images,): the unit of each image, from 0 on. A unit is drawn as a whole.
    unit: NDArray[np.intp]
    # Units that replace each other: each urn is drawn from as often as it has units.
    urns: list[NDArray[np.intp]]
    remarks: list[str]  # what to know about intervals that come of it


def plan_resamples(predictions: Predictions) -> ResamplingPlan:
    """Decide what is drawn.

    Without groups, images are drawn, each class by itself, so that every resample has as
    many images of each class as were tested. With groups, whole groups are drawn (the
    cluster bootstrap, Davison and Hinkley 1997, section 3.8), and groups with images of
    the same classes replace each other. A handful of groups cannot stand for all that
    there could be (Cameron, Gelbach and Miller 2008 call 5 to 30 few), so the images of
    fewer than 5 such groups are drawn one by one, which is said.
    """
    p = predictions
    n_images = len(p.paths)
    if p.groups is None:
        urns = [np.flatnonzero(p.y_true == c) for c in np.unique(p.y_true)]
        return ResamplingPlan(np.arange(n_images), urns, [])

    _, group = np.unique(p.groups, return_inverse=True)
    has_class = np.zeros((group.max() + 1, len(p.names)), dtype=bool)
    has_class[group, p.y_true] = True
    kinds, kind = np.unique(has_class, axis=0, return_inverse=True)
    unit, urns, remarks = group.copy(), [], []
    n_units = len(has_class)
    for k, classes in enumerate(kinds):
        members = np.flatnonzero(kind == k)
        named = " and ".join(repr(p.names[c]) for c in np.flatnonzero(classes))
        verb = "holds" if len(members) == 1 else "hold"
        hold = f"{verb} {'only ' if classes.sum() == 1 else ''}images of class {named}"
        images = np.flatnonzero(np.isin(group, members))
        if len(members) < _FEWEST_GROUPS and len(images) > len(members):
            remarks.append(
                f"{len(members)} of the groups {hold}, too few to resample: for these the "
                "intervals apply to more images from the same groups, not to new groups."
            )
            for c in np.flatnonzero(classes):
                rows = images[p.y_true[images] == c]
                unit[rows] = np.arange(n_units, n_units + len(rows))
                urns.append(unit[rows])
                n_units += len(rows)
            continue
        if _FEWEST_GROUPS <= len(members) < _MANY_GROUPS and len(images) > len(members):
            remarks.append(
                f"Only {len(members)} of the groups {hold}: the intervals may be too "
                "narrow."
            )
        urns.append(members)
    return ResamplingPlan(unit, urns, remarks)


def draw_weights(
    plan: ResamplingPlan,
    weights: NDArray[np.float64],
    n_resamples: int,
    random_state: int,
) -> Iterator[NDArray[np.float64]]:
    """Draw, some resamples at a time."""
    random = np.random.default_rng(random_state)
    n_units = int(plan.unit.max()) + 1
    one_each = np.array_equal(plan.unit, np.arange(len(weights)))
    at_a_time = max(1, _CHUNK // max(n_units, len(weights)))
    for start in range(0, n_resamples, at_a_time):
        n_some = min(at_a_time, n_resamples - start)
        counts = np.zeros((n_some, n_units))
        for urn in plan.urns:
            drawn = random.integers(len(urn), size=(n_some, len(urn)))
            drawn += np.arange(n_some)[:, None] * len(urn)
            times = np.bincount(drawn.ravel(), minlength=n_some * len(urn))
            counts[:, urn] = times.reshape(n_some, -1)
        yield (counts if one_each else counts[:, plan.unit]) * weights


_ROUNDING = 1 + 1e-9  # of a product that should be a whole number of images

Matrix = NDArray[np.float64]


class WeightedFigures:
    """The overall figures and those of each class, for many sets of weights."""

    def __init__(self, predictions: Predictions) -> None:
        p = self._predictions = predictions
        self._n_classes = len(p.names)
        eye = np.eye(self._n_classes)
        table = reliability(p.y_true, p.y_proba, p.positive)
        true, called = eye[p.y_true], eye[p.y_pred]
        in_bin = np.eye(N_BINS)[table.bin]
        probable = p.y_proba.argmax(axis=1)
        if p.positive is not None:
            probable = np.where(p.y_proba[:, p.positive] >= 0.5, p.positive, 1 - p.positive)
        # Columns whose weighted sums are all that the figures without a ranking need.
        self._columns = np.column_stack(
            [
                true,
                called,
                true * called,
                in_bin * (table.is_so - table.probability)[:, None],
                squared_errors(p.y_true, p.y_proba),
                probable == p.y_true,
            ]
        )
        present = np.unique(p.y_true)
        asked = present if p.positive is None else [p.positive]
        self._rankings = [
            Ranking(p.y_true == c, p.y_proba[:, c]) for c in asked if len(present) > 1
        ]

    def __call__(self, weights: Matrix) -> dict[tuple[str, ...], NDArray[np.float64]]:
        k, p = self._n_classes, self._predictions
        sums = weights @ self._columns
        true, called, hits, bins, rest = np.split(
            sums, np.cumsum([k, k, k, N_BINS]), axis=1
        )
        total = weights.sum(axis=1)
        found: dict[tuple[str, ...], NDArray[np.float64]] = {}
        with np.errstate(invalid="ignore", divide="ignore"):
            by_class = {
                "precision": np.where(called > 0, hits / called, 0.0),
                "recall": hits / true,
                "f1": 2 * hits / (true + called),
            }
            by_class = {key: np.where(true > 0, v, np.nan) for key, v in by_class.items()}
            found[("accuracy",)] = hits.sum(axis=1) / total
            found[("balanced_accuracy",)] = _nanmean(by_class["recall"], true > 0)
            for key, values in by_class.items():
                found[(f"{key}_macro",)] = _nanmean(values, true > 0)
                found[(f"{key}_weighted",)] = _nanmean(values, true)
                if p.positive is not None:
                    found[(key,)] = values[:, p.positive]
                found |= {(name, key): values[:, i] for i, name in enumerate(p.names)}
            found[("expected_calibration_error",)] = np.abs(bins).sum(axis=1) / total
            found[("brier_score",)] = rest[:, 0] / total
            if p.positive is not None:
                found[("accuracy_at_0.5",)] = rest[:, 1] / total
        ranked = [ranking(weights) for ranking in self._rankings]
        for key in ranked[0] if ranked else ():
            found[(key,)] = np.mean([each[key] for each in ranked], axis=0)
        return found


def _nanmean(values: Matrix, weights: NDArray[np.generic]) -> NDArray[np.float64]:
    """Average over the classes that have weight; the others are NaN."""
    shares = weights.astype(np.float64)
    return np.asarray(np.nansum(values * shares, axis=1) / shares.sum(axis=1))


class Ranking:
    """The figures of one class against the rest that need no threshold."""

    def __init__(self, is_class: NDArray[np.bool_], score: NDArray[np.float64]) -> None:
        self._order = np.argsort(-score, kind="stable")
        ranked = score[self._order]
        # Images of equal score come together: only the last of them is a threshold.
        self._ends = np.append(np.flatnonzero(np.diff(ranked)), len(ranked) - 1)
        self._positive = is_class[self._order].astype(np.float64)

    def __call__(self, weights: Matrix) -> dict[str, NDArray[np.float64]]:
        ordered = weights[:, self._order]
        detected = np.cumsum(ordered * self._positive, axis=1)[:, self._ends]
        mistaken = np.cumsum(ordered * (1 - self._positive), axis=1)[:, self._ends]
        n_positive, n_negative = detected[:, -1], mistaken[:, -1]
        with np.errstate(invalid="ignore", divide="ignore"):
            called = detected + mistaken
            precision = np.divide(
                detected, called, out=np.zeros_like(detected), where=called > 0
            )
            gained = np.diff(detected, axis=1, prepend=0)
            # A pair in which both have the same score counts one half.
            pairs = np.diff(mistaken, axis=1, prepend=0) * (detected - gained / 2)
            figures = {
                "roc_auc": pairs.sum(axis=1) / (n_positive * n_negative),
                "average_precision": (gained * precision).sum(axis=1) / n_positive,
            }
            figures |= self._true_positive_rates(detected, mistaken, FPR_TARGETS)
        undefined = (n_positive == 0) | (n_negative == 0)
        return {key: np.where(undefined, np.nan, v) for key, v in figures.items()}

    def _true_positive_rates(
        self, detected: Matrix, mistaken: Matrix, targets: Iterable[float]
    ) -> dict[str, NDArray[np.float64]]:
        rates, rows = {}, np.arange(len(detected))
        for target in targets:
            allowed = target * mistaken[:, -1:] * _ROUNDING
            n_thresholds = np.count_nonzero(mistaken <= allowed, axis=1)
            at_last = np.where(n_thresholds > 0, detected[rows, n_thresholds - 1], 0.0)
            rates[tpr_key(target)] = at_last / detected[:, -1]
        return rates
