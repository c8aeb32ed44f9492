"""How well the classes can be told apart without a look at a picture.

Everything is cross-validated: what fits the labels by chance does not count. The measure
is the area under the ROC curve (AUC): of a random fake and a random real image, how often
the fake one gets the higher score; 0.5 is chance. With more than two classes it is the
mean over the classes, each against the rest.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from skfakereal.audit._columns import differing, encode
from skfakereal.audit._fields import Field
from skfakereal.audit._verdict import Strength, enough_images, judge

_N_FOLDS = 5
_REPEATED_BELOW = 1000  # images; above it one division into folds is as good as three

_CHANCE = 0.05  # that the metadata model takes up anything where there is nothing

Folds = list[NDArray[np.intp]]
# Positions of training and test images -> a score for each test image and class.
Score = Callable[[NDArray[np.intp], NDArray[np.intp]], NDArray[np.float64]]


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
    *,
    n_tests: int,
) -> Strength:
    """Measure how well one field alone tells the classes apart.

    Each image is scored by the share of the classes among the other folds' images of the
    same value.
    """
    if codes.max(initial=0) == 0:
        return judge(0.5, classes, copies, n_tests=n_tests)
    n_classes = classes.max() + 1
    prior = np.bincount(classes, minlength=n_classes) / len(classes)

    def score(train: NDArray[np.intp], test: NDArray[np.intp]) -> NDArray[np.float64]:
        counts = np.zeros((codes.max() + 1, n_classes))
        np.add.at(counts, (codes[train], classes[train]), 1)
        shares = (counts + prior) / (counts.sum(axis=1, keepdims=True) + 1)
        return np.asarray(shares[codes[test]])

    return judge(_mean_auc(score, classes, folds), classes, copies, n_tests=n_tests)


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
    sets of 40 images its AUC exceeded 0.6 in 22 % of
    the cases (60 simulated sets).
    """
    X = encode({f: v for f, v in values.items() if f.in_headline}, len(classes))
    if X.shape[1] == 0 or not enough_images(classes):
        return judge(0.5, classes, copies)
    leaf = int(np.clip(np.bincount(classes).min() // 8, 2, 20))

    def score(train: NDArray[np.intp], test: NDArray[np.intp]) -> NDArray[np.float64]:
        kept = differing(X[train], classes[train], copies[train], chance=_CHANCE)
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
