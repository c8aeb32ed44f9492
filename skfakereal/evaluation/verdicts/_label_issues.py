"""Out-of-fold probabilities -> the images whose label is probably wrong."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skfakereal._paths import unmasked
from skfakereal._validation import refuse_missing


def find_label_issues(
    y_true: ArrayLike, y_proba: ArrayLike, *, labels: ArrayLike | None = None
) -> NDArray[np.intp]:
    """Find the images whose label is probably wrong, by confident learning.

    An image counts for the class whose probability it gives with more confidence than
    images of that label do on average. How many images of each label count for each other
    class says how much of the label is wrong; so many are taken, those with the largest
    margin first, and of these, none whose most probable class is its label (Northcutt, Jiang
    and Chuang 2021, "Confident learning: estimating uncertainty in dataset labels", Journal
    of Artificial Intelligence Research 70; prune by noise rate).

    Parameters
    ----------
    y_true : array-like of shape (n_images,)
        Labels as they were given.
    y_proba : array-like of shape (n_images, n_classes)
        Probabilities by a classifier that was not trained on the image itself, as
        ``cross_val_predict(..., method="predict_proba")`` and `oof_proba_` give them. Rows
        with NaN are left out.
    labels : array-like of shape (n_classes,), default=None
        The label of each column; None for the sorted labels of `y_true`.

    Returns
    -------
    ndarray of shape (n_issues,)
        Positions in `y_true`, the least probable label first. What a label is worth is for
        somebody to look at: a hard image is among them as well as a wrong label.

    Raises
    ------
    ValueError
        If shapes do not agree, a probability is outside 0 to 1, or a label has no column.

    Examples
    --------
    >>> from skfakereal.evaluation import find_label_issues
    >>> y_proba = [[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.2, 0.8], [0.1, 0.9], [0.9, 0.1]]
    >>> find_label_issues(["fake", "fake", "fake", "real", "real", "real"], y_proba)
    array([2, 5])
    """
    codes, p, rows = _check(y_true, y_proba, labels)
    n_classes = p.shape[1]
    wrong = _count_wrong(codes, p)
    guilty = np.zeros(len(rows), bool)
    for given in range(n_classes):
        of_label = np.flatnonzero(codes == given)
        for other in range(n_classes):
            n_taken = wrong[given, other] if other != given else 0
            if n_taken:
                margins = p[of_label, other] - p[of_label, given]
                least = np.sort(margins)[-n_taken]
                guilty[of_label[margins >= least]] = True
    guilty &= p.argmax(axis=1) != codes
    found = np.flatnonzero(guilty)
    order = np.argsort(p[found, codes[found]], kind="stable")
    return rows[found[order]]


def _check(
    y_true: ArrayLike, y_proba: ArrayLike, labels: ArrayLike | None
) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.intp]]:
    """Return codes and probabilities of the rows without NaN, and which rows these are."""
    refuse_missing(y_true, "y_true")
    y, p = np.asarray(unmasked(y_true)), np.asarray(unmasked(y_proba), dtype=np.float64)
    y = y[:, 0] if y.shape[1:] == (1,) else y
    classes = np.unique(y) if labels is None else np.asarray(labels)
    if p.shape != (len(y), len(classes)) or len(classes) < 2:
        raise ValueError(
            "y_proba must have a row for each of the "
            f"{len(y):,} labels and a column for each of the classes {classes.tolist()}, at "
            f"least two, but its shape is {p.shape}. Pass labels=... if a class has no image."
        )
    rows = np.flatnonzero(~np.isnan(p).any(axis=1))
    y, p = y[rows], p[rows]
    if len(p) and not (p.min() >= 0 and p.max() <= 1):
        raise ValueError("y_proba must hold probabilities from 0 to 1.")
    position: dict[Any, int] = {label: i for i, label in enumerate(classes.tolist())}
    unknown = [label for label in y.tolist() if label not in position]
    if unknown:
        raise ValueError(f"No column of y_proba is that of the label {unknown[0]!r}.")
    codes = np.array([position[label] for label in y.tolist()], dtype=np.intp)
    return codes, p, rows


def _count_wrong(codes: NDArray[np.intp], p: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return how many images of each label (rows) are of each class (columns), estimated.

    At least one of each label is kept.
    """
    n_classes = p.shape[1]
    counts = np.bincount(codes, minlength=n_classes)
    confident = [p[codes == i, i].mean() if counts[i] else np.inf for i in range(n_classes)]
    # A threshold that an image meets but for rounding is met.
    above = p >= np.array(confident) - 1e-6
    # Above several, the most probable class.
    counted_for = np.where(above, p, -1).argmax(axis=1)
    some = above.any(axis=1)
    joint = np.zeros((n_classes, n_classes))
    np.add.at(joint, (codes[some], counted_for[some]), 1)
    joint[np.diag_indices(n_classes)] = np.maximum(joint.diagonal(), 1)
    # As if all images counted, each label as often as it stands.
    joint *= (counts / joint.sum(axis=1))[:, np.newaxis]
    return _rounded(joint, counts)


def _rounded(joint: NDArray[np.float64], counts: NDArray[np.intp]) -> NDArray[np.intp]:
    """Round so that each row still adds up, and leaves one image to its own label."""
    whole = np.rint(joint).astype(np.intp)
    for i, row in enumerate(joint):
        left = counts[i] - whole[i].sum()
        order = np.argsort(row - whole[i], kind="stable")
        whole[i, order[::-1][:left] if left > 0 else order[:-left]] += np.sign(left)
        if counts[i] and not whole[i, i]:
            whole[i, whole[i].argmax()] -= 1
    return whole
