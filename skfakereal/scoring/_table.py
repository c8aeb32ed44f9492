"""Rows -> the columns that users see, as one CSV or Parquet file."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, BinaryIO

import numpy as np

from skfakereal._classifying.ask import label_and_probability
from skfakereal._files import csv_line, encoded
from skfakereal.scoring._paths import PathList
from skfakereal.scoring._rows import Row, read_row
from skfakereal.scoring._run import Run, part_file, read_rows, replace_file

_ROW_GROUP = 2**16


@dataclass(frozen=True)
class Table:
    """What the columns are, and what a row has in them."""

    names: tuple[str, ...]  # the class names
    # The class whose probability is written; None for that of the label.
    positive: int | None
    model: str  # what names the model in each row
    all_classes: bool  # whether to add the probability of each class
    digests: bool  # whether to add the digest of each file
    provenance: bool  # whether to add what each file claims about its origin

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
            **({"provenance": str, "provenance_detail": str} if self.provenance else {}),
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
            *(
                (said or None for said in row.provenance or ("", ""))
                if self.provenance
                else ()
            ),
            self.model,
        ]


def write_csv(file: BinaryIO, table: Table, rows: Iterable[Row]) -> None:
    """Write rows as CSV with a header, in UTF-8."""
    file.write(encoded(csv_line(table.columns)))
    for row in rows:
        file.write(encoded(csv_line(table.values(row))))


def require_pyarrow() -> None:
    """Raise where Parquet cannot be written; to be called before hours of work."""
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        raise ImportError(
            'Parquet needs pyarrow: pip install "skfakereal[parquet]", or give out the '
            "ending .csv."
        ) from error


def write_parquet(file: BinaryIO, table: Table, rows: Iterable[Row]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {str: pa.string(), float: pa.float64()}
    schema = pa.schema([(_text(name), kinds[kind]) for name, kind in table.columns.items()])
    with pq.ParquetWriter(file, schema) as writer:
        rows = iter(rows)
        while group := list(islice(rows, _ROW_GROUP)):
            values = zip(*(map(_text, table.values(row)) for row in group), strict=True)
            arrays = [pa.array(v, f.type) for v, f in zip(values, schema, strict=True)]
            writer.write_batch(pa.record_batch(arrays, schema=schema))


def _text(value: Any) -> Any:
    """Return what UTF-8 can say; what of a name is no text is written as Python does."""
    if isinstance(value, str) and not value.isascii():
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    return value


FORMATS: dict[str, Callable[[BinaryIO, Table, Iterable[Row]], None]] = {
    "csv": write_csv,
    "parquet": write_parquet,
}


def assemble(run: Run, listed: PathList, table: Table) -> tuple[Counter[str], Counter[str]]:
    """Write the file of a run whose parts are all done."""
    labels, errors = Counter[str](), Counter[str]()

    def counted(rows: Iterator[Row]) -> Iterator[Row]:
        for row in rows:
            if row.predicted is None:
                errors[row.reason] += 1
            else:
                labels[table.names[row.predicted]] += 1
            yield row

    write = FORMATS[run.out.suffix.lower()[1:]]
    with replace_file(run.out, before=run.record_result) as file:
        write(file, table, counted(_in_order(run, listed)))
    return labels, errors


def _in_order(run: Run, listed: PathList) -> Iterator[Row]:
    fresh = (
        (number, offset, row)
        for number in range(listed.n_parts)
        for offset, row in read_rows(part_file(run.folder, number))
    )
    if listed.order is None:
        for _, _, row in fresh:
            yield row
        return
    offsets = np.empty(listed.n_paths, np.int64)
    n_seen = 0
    for place in listed.order.tolist():
        if place == n_seen:  # the first time that this path comes
            _, offsets[place], row = next(fresh)
            n_seen += 1
        else:
            row = _look_up(run, listed, place, int(offsets[place]))
        yield row


def _look_up(run: Run, listed: PathList, place: int, offset: int) -> Row:
    with part_file(run.folder, place // listed.part_size).open("rb") as file:
        file.seek(offset)
        return read_row(file.readline())
