"""The parts of a run -> one file with a row for each line of the list, in its order."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO

import numpy as np

from skfakereal.scoring._durable import replacing
from skfakereal.scoring._parquet import write_parquet
from skfakereal.scoring._parts import part_file, read_rows
from skfakereal.scoring._paths import PathList
from skfakereal.scoring._rows import Row, read_row
from skfakereal.scoring._run import Run
from skfakereal.scoring._table import Table, write_csv

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
    with replacing(run.out, before=run.record_result) as file:
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
