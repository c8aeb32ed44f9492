"""How well the classes can be separated without looking at a picture.

Everything is cross-validated: what fits the labels by chance does not count. The measure
is the area under the ROC curve (AUC): of a random fake and a random real image, how often
the fake one gets the higher score; 0.5 is chance. With more than two classes it is the
mean over the classes, each against the rest.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import hypergeom, norm
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from skfakereal.audit._fields import N_JUDGED, Field, codes_of
from skfakereal.audit._verdict import (
    CLEAN,
    LEAKING,
    SUSPICIOUS,
    Strength,
    enough_images,
    judge,
)

_MOST_VALUES = 20  # of one text field, and twice as many steps of a number
_N_FOLDS = 5
_REPEATED_BELOW = 1000  # images; above it one division into folds is as good as three
_MODEL_CHANCE = 0.05  # that the metadata model takes up anything where there is nothing
Folds = list[NDArray[np.intp]]
# Positions of training and test images -> a score for each test image and class.
Score = Callable[[NDArray[np.intp], NDArray[np.intp]], NDArray[np.float64]]
_ROWS = 8
_EXAMPLES = 3
_FIELD_CHANCE = 0.01  # that any field of a clean set is reported
_LEAST_DIFFERENCE = 0.02  # of the shares; below it nothing is said, however certain


def encode(
    values: Mapping[Field, Sequence[str | float]], n_images: int
) -> NDArray[np.bool_]:
    """Return every field as columns of true and false, each of them once.

    One for each frequent value of a text; of a number, whether it is at least, and more than,
    each of up to twenty quantiles.
    """
    columns: list[NDArray[np.bool_]] = []
    for field, column in values.items():
        if field.numeric:
            columns += _steps(np.asarray(column, dtype=np.float64))
        else:
            codes, names = codes_of(field, column)
            frequent = np.argsort(-np.bincount(codes, minlength=len(names)), kind="stable")
            columns += [codes == code for code in frequent[:_MOST_VALUES]]
    varied = [column for column in columns if column.any() and not column.all()]
    if not varied:
        return np.empty((n_images, 0), dtype=bool)
    stacked = np.column_stack(varied)
    return np.unique(stacked ^ stacked[0], axis=1)  # "PNG" and "not PNG" are one column


def _steps(numbers: NDArray[np.float64]) -> list[NDArray[np.bool_]]:
    given = numbers[~np.isnan(numbers)]
    if not len(given):
        return []
    shares = np.linspace(0, 1, _MOST_VALUES)
    # Quantiles that occur, so that a value which many images share is a step of its own.
    steps = np.unique(np.quantile(given, shares, method="inverted_cdf"))
    return [
        np.isnan(numbers),
        *(numbers >= step for step in steps),
        *(numbers > step for step in steps),
    ]


def differing(
    columns: NDArray[np.bool_],
    classes: NDArray[np.intp],
    copies: NDArray[np.intp],
    *,
    chance: float,
) -> NDArray[np.intp]:
    """Return the columns that differ between the classes by more than chance.

    The test is Fisher's exact one, each class against the rest, under Bonferroni's rule
    as Tarone (1990, Biometrics 46, "A modified Bonferroni method for discrete data")
    refined it: columns of so few images that they could not come out do not make it
    harder for the others.
    """
    _, single = np.unique(copies, return_index=True)
    seen, labels = columns[single], classes[single]
    total, holders = len(single), seen.sum(axis=0)
    n_classes = int(classes.max()) + 1
    # Of two classes, what the one has more of the other has less of.
    sides = range(n_classes) if n_classes > 2 else (0,)
    p_values, attainable = [], []
    for label in sides:
        member = labels == label
        held, size = seen[member].sum(axis=0), int(member.sum())
        p_values.append(_fisher(held, total, holders, size))
        most, least = np.minimum(holders, size), np.maximum(0, holders - (total - size))
        attainable.append(
            np.minimum(
                _fisher(most, total, holders, size), _fisher(least, total, holders, size)
            )
        )
    limit = _limit(np.concatenate(attainable), chance)
    return np.flatnonzero(np.min(p_values, axis=0) <= limit)


def _fisher(
    held: NDArray[np.intp], total: int, holders: NDArray[np.intp], size: int
) -> NDArray[np.float64]:
    """Return the two-sided p-values of holding a column `held` times among `size`."""
    more = hypergeom.sf(held - 1, total, holders, size)
    fewer = hypergeom.cdf(held, total, holders, size)
    return np.asarray(np.minimum(1.0, 2 * np.minimum(more, fewer)))


def _limit(attainable: NDArray[np.float64], chance: float) -> float:
    """Return the largest p-value that counts, from the smallest that each column can have."""
    smallest = np.sort(attainable)
    for n_counted in range(1, len(smallest) + 1):
        limit = chance / n_counted
        if np.searchsorted(smallest, limit, side="right") <= n_counted:
            return float(limit)
    return chance


def draw_folds(classes: NDArray[np.intp], copies: NDArray[np.intp]) -> Folds:
    """Divide the images into folds that are stratified and never part copies."""
    _, first, members = np.unique(copies, return_index=True, return_inverse=True)
    sizes = np.bincount(members)
    divisions = []
    for seed in range(3 if len(classes) < _REPEATED_BELOW else 1):
        shuffled = np.random.default_rng(seed).permutation(len(first))
        # Class by class, large clusters first, then dealt out like cards.
        order = shuffled[np.lexsort((-sizes[shuffled], classes[first[shuffled]]))]
        fold_of = np.empty(len(first), dtype=np.intp)
        fold_of[order] = np.arange(len(first)) % _N_FOLDS
        divisions.append(fold_of[members])
    return divisions


def field_strength(
    codes: NDArray[np.intp],
    classes: NDArray[np.intp],
    copies: NDArray[np.intp],
    folds: Folds,
) -> Strength:
    """Measure how well one field alone tells the classes apart.

    Each image is scored by the share of the classes among the other folds' images of the
    same value.
    """
    if codes.max(initial=0) == 0:
        return judge(0.5, classes, copies, n_tests=N_JUDGED)
    n_classes = classes.max() + 1
    prior = np.bincount(classes, minlength=n_classes) / len(classes)

    def score(train: NDArray[np.intp], test: NDArray[np.intp]) -> NDArray[np.float64]:
        counts = np.zeros((codes.max() + 1, n_classes))
        np.add.at(counts, (codes[train], classes[train]), 1)
        shares = (counts + prior) / (counts.sum(axis=1, keepdims=True) + 1)
        return np.asarray(shares[codes[test]])

    return judge(_mean_auc(score, classes, folds), classes, copies, n_tests=N_JUDGED)


def metadata_strength(
    values: Mapping[Field, Sequence[str | float]],
    classes: NDArray[np.intp],
    copies: NDArray[np.intp],
    folds: Folds,
) -> Strength:
    """Measure how well a model that sees only the metadata tells the classes apart.

    The model is a small histogram gradient boosting on all fields of the headline. It
    takes up only what differs between the classes of its training images by more than
    chance (`differing`): a model of everything would find patterns in noise, and on clean
    sets of 40 images its AUC exceeded 0.6 in 22% of
    the cases (60 simulated sets).
    """
    X = encode({f: v for f, v in values.items() if f.in_headline}, len(classes))
    if X.shape[1] == 0 or not enough_images(classes):
        return judge(0.5, classes, copies)
    leaf = int(np.clip(np.bincount(classes).min() // 8, 2, 20))

    def score(train: NDArray[np.intp], test: NDArray[np.intp]) -> NDArray[np.float64]:
        kept = differing(X[train], classes[train], copies[train], chance=_MODEL_CHANCE)
        if not len(kept):
            return np.zeros((len(test), int(classes.max()) + 1))
        model = HistGradientBoostingClassifier(
            max_iter=50,
            max_leaf_nodes=15,
            # Of several columns that tell all, some must not be overlooked for one of them.
            max_features=0.5,
            min_samples_leaf=leaf,
            early_stopping=False,
            random_state=0,
        )
        # On a busy machine OpenMP's threads wait for each other: 15 s in place of 0.9.
        with threadpool_limits(1, user_api="openmp"):
            model.fit(X[np.ix_(train, kept)], classes[train])
            proba = model.predict_proba(X[np.ix_(test, kept)])
        return np.asarray(proba, dtype=np.float64)

    return judge(_mean_auc(score, classes, folds), classes, copies)


def _mean_auc(score: Score, classes: NDArray[np.intp], folds: Folds) -> float:
    """Average over folds, never over pooled scores, which differ in level between folds."""
    areas = [
        _auc(classes[test], score(train, test)) for train, test in _splits(classes, folds)
    ]
    return float(np.mean(areas)) if areas else 0.5


def _splits(
    classes: NDArray[np.intp], folds: Folds
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    n_classes = classes.max() + 1
    for division in folds:
        for fold in range(_N_FOLDS):
            test, train = np.flatnonzero(division == fold), np.flatnonzero(division != fold)
            # Large clusters of copies can leave a fold without a class.
            if all(len(np.unique(classes[part])) == n_classes for part in (test, train)):
                yield train, test


def _auc(classes: NDArray[np.intp], scores: NDArray[np.float64]) -> float:
    if scores.shape[1] == 2:
        return float(roc_auc_score(classes, scores[:, 1]))
    areas = [roc_auc_score(classes == c, scores[:, c]) for c in range(scores.shape[1])]
    return float(np.mean(areas))


@dataclass(frozen=True)
class ValueCounts:
    """How often a value occurs in each class.

    Attributes
    ----------
    value : str
        The value, or the range of values.
    counts : tuple of int
        Images of each class that have it.
    shares : tuple of float
        The same as a share of the class, from 0 to 1.
    examples : tuple of tuple of int
        Positions of a few such images, for each class.
    is_rest : bool
        Whether these are several values, summed up.
    """

    value: str
    counts: tuple[int, ...]
    shares: tuple[float, ...]
    examples: tuple[tuple[int, ...], ...]
    is_rest: bool = False

    @property
    def difference(self) -> float:
        """Largest share less smallest share, from 0 to 1."""
        return max(self.shares) - min(self.shares)


@dataclass(frozen=True)
class Shortcut:
    """How one field differs between the classes.

    Attributes
    ----------
    field : Field
        The field.
    strength : Strength
        How well it separates the classes on its own.
    rows : list of ValueCounts
        Its values, those that differ most between the classes first; the last one sums
        up the others where there are many.
    uneven : bool
        Whether the first row differs between the classes by more than chance, so that it
        deserves a word even where the strength is small.
    """

    field: Field
    strength: Strength
    rows: list[ValueCounts]
    uneven: bool

    @property
    def matters(self) -> bool:
        """Whether it counts for the verdict and is not clean."""
        return self.field.judged and self.is_strong

    @property
    def is_strong(self) -> bool:
        """Whether it tells the classes apart, counted or not."""
        return self.strength.verdict in (SUSPICIOUS, LEAKING)


def find_shortcut(
    field: Field,
    values: Sequence[str | float],
    classes: NDArray[np.intp],
    copies: NDArray[np.intp],
    folds: Folds,
) -> Shortcut:
    """Measure one field and gather its evidence."""
    codes, names = codes_of(field, values)
    strength = field_strength(codes, classes, copies, folds)
    columns = encode({field: values}, len(classes))
    if strength.verdict in (SUSPICIOUS, LEAKING) and not len(
        differing(columns, classes, copies, chance=_FIELD_CHANCE / N_JUDGED)
    ):
        # In small sets an AUC scatters more than its interval tells.
        strength = replace(strength, verdict=CLEAN)
    counts = np.zeros((len(names), classes.max() + 1), dtype=np.intp)
    np.add.at(counts, (codes, classes), 1)
    shares = counts / counts.sum(axis=0)
    spread = np.ptp(shares, axis=1)
    order = np.lexsort((-counts.sum(axis=1), -spread))
    rows = [
        _row(names[code], codes == code, classes, counts[code], shares[code])
        for code in order[:_ROWS]
    ]
    rest = order[_ROWS:]
    if len(rest):
        title = f"{len(rest)} other values"
        member = np.isin(codes, rest)
        others = _row(title, member, classes, counts[rest].sum(0), shares[rest].sum(0))
        rows.append(replace(others, is_rest=True))
    uneven = _is_uneven(rows[0], counts.sum(axis=0), N_JUDGED * len(names))
    return Shortcut(field, strength, rows, uneven)


def _row(
    value: str,
    member: NDArray[np.bool_],
    classes: NDArray[np.intp],
    counts: NDArray[np.intp],
    shares: NDArray[np.float64],
) -> ValueCounts:
    examples = tuple(
        tuple(int(i) for i in np.flatnonzero(member & (classes == c))[:_EXAMPLES])
        for c in range(len(counts))
    )
    return ValueCounts(value, tuple(map(int, counts)), tuple(map(float, shares)), examples)


def _is_uneven(row: ValueCounts, totals: NDArray[np.intp], n_tests: int) -> bool:
    """Test the two most different shares (two proportions, Bonferroni, 0.1%)."""
    high, low = int(np.argmax(row.shares)), int(np.argmin(row.shares))
    n, m = totals[high], totals[low]
    mean = (row.counts[high] + row.counts[low]) / (n + m)
    error = np.sqrt(mean * (1 - mean) * (1 / n + 1 / m))
    if row.difference < _LEAST_DIFFERENCE or error == 0:
        return False
    continuity = (1 / n + 1 / m) / 2
    return bool((row.difference - continuity) / error > norm.ppf(1 - 0.0005 / n_tests))
