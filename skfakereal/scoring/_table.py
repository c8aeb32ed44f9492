"""Rows -> the columns that users see."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from skfakereal._csv_file import csv_line, encoded
from skfakereal.scoring._rows import Row
from skfakereal.scoring._verdicts import label_and_probability


@dataclass(frozen=True)
class Table:
    """What the columns are, and what a row has in them.

    Parameters
    ----------
    names : tuple of str
        What the classes are called.
    positive : int or None
        The class whose probability is told; None for that of the label.
    model : str
        What names the model in each row.
    all_classes : bool
        Whether to tell the probability of each class, too.
    digests : bool
        Whether to tell the digest of each file.
    """

    names: tuple[str, ...]
    positive: int | None
    model: str
    all_classes: bool
    digests: bool

    @property
    def columns(self) -> dict[str, type]:
        """Names and types of the columns, in order."""
        every = self.names if self.all_classes else ()
        return {
            "path": str,
            "label": str,
            "probability": float,
            **{f"probability_{name}": float for name in every},
            "reason": str,
            "error": str,
            **({"sha256": str} if self.digests else {}),
            "model": str,
        }

    def values(self, row: Row) -> list[Any]:
        """Return what a row has in the columns; None where it has nothing."""
        chances: Sequence[float | None] = row.chances or [None] * len(self.names)
        label, probability = label_and_probability(
            row.predicted, row.chances, self.names, self.positive
        )
        return [
            row.path,
            label,
            probability,
            *(chances if self.all_classes else ()),
            row.reason or None,
            row.error or None,
            *([row.sha256] if self.digests else ()),
            self.model,
        ]


def write_csv(file: BinaryIO, table: Table, rows: Iterable[Row]) -> None:
    """Write rows as CSV with a header, in UTF-8."""
    file.write(encoded(csv_line(table.columns)))
    for row in rows:
        file.write(encoded(csv_line(table.values(row))))
