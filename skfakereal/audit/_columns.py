"""Metadata -> columns that the metadata model sees, and which of them say anything."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import hypergeom

from skfakereal.audit._fields import Field, codes_of

_MOST_VALUES = 20  # of one text field, and twice as many steps of a number


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
    found = np.column_stack(varied)
    return np.unique(found ^ found[0], axis=1)  # "PNG" and "not PNG" are one column


def _steps(numbers: NDArray[np.float64]) -> list[NDArray[np.bool_]]:
    known = numbers[~np.isnan(numbers)]
    if not len(known):
        return []
    shares = np.linspace(0, 1, _MOST_VALUES)
    # Quantiles that occur, so that a value which many images share is a step of its own.
    steps = np.unique(np.quantile(known, shares, method="inverted_cdf"))
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
