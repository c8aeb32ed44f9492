"""Rows -> CSV that comes back as it was, whatever the names of files hold."""

import csv
import io
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def csv_line(values: Iterable[Any]) -> str:
    """Return one row, with its line break."""
    buffer = io.StringIO()
    # Before Python 3.13 a carriage return is quoted only where it is part of the line's end.
    csv.writer(buffer, lineterminator="\r\n").writerow(values)
    return f"{buffer.getvalue()[:-2]}\n"


def encoded(text: str) -> bytes:
    """Return CSV as UTF-8, in which a file's name that is no text comes back as it is."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # no name that a file could have
        return text.encode("utf-8", "backslashreplace")


def write_csv(path: str | os.PathLike[str], rows: Iterable[Iterable[Any]]) -> None:
    """Write rows, the header among them, to a file."""
    with Path(path).open("wb") as file:
        for row in rows:
            file.write(encoded(csv_line(row)))
