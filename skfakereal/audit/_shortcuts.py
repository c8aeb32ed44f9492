"""One field's values by class: the evidence for a shortcut."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from skfakereal.audit._columns import differing, encode
from skfakereal.audit._fields import Field, codes_of
from skfakereal.audit._leak import Folds, field_strength
from skfakereal.audit._verdict import CLEAN, LEAKING, SUSPICIOUS, Strength

_ROWS = 8
_EXAMPLES = 3
_CHANCE = 0.01  # that any field of a clean set is accused
_LEAST_DIFFERENCE = 0.02  # of the shares; below it nothing is said, however certain


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
    """What one field gives away.

    Attributes
    ----------
    field : Field
        The field.
    strength : Strength
        How well it alone tells the classes apart.
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
    *,
    n_tests: int,
) -> Shortcut:
    """Measure one field and gather its evidence."""
    codes, names = codes_of(field, values)
    strength = field_strength(codes, classes, copies, folds, n_tests=n_tests)
    columns = encode({field: values}, len(classes))
    if strength.verdict in (SUSPICIOUS, LEAKING) and not len(
        differing(columns, classes, copies, chance=_CHANCE / n_tests)
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
    uneven = _is_uneven(rows[0], counts.sum(axis=0), n_tests * len(names))
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
    """Test the two most different shares (two proportions, Bonferroni, 0.1 %)."""
    high, low = int(np.argmax(row.shares)), int(np.argmin(row.shares))
    n, m = totals[high], totals[low]
    mean = (row.counts[high] + row.counts[low]) / (n + m)
    error = np.sqrt(mean * (1 - mean) * (1 / n + 1 / m))
    if row.difference < _LEAST_DIFFERENCE or error == 0:
        return False
    continuity = (1 / n + 1 / m) / 2
    return bool((row.difference - continuity) / error > norm.ppf(1 - 0.0005 / n_tests))
