"""``groups.csv``: which images must stay together, from an audit to a training."""

import csv
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from skfakereal._csv_file import write_csv

if TYPE_CHECKING:
    from skfakereal.audit import AuditReport

__all__ = ["GROUPS_FILE", "is_numbered", "read_groups", "write_groups"]

GROUPS_FILE = "groups.csv"
_COLUMNS = ("path", "label", "part", "group", "copies")


def write_groups(
    place: Path,
    report: "AuditReport",
    labels: Sequence[str],
    splits: Sequence[str],
    root: str,
) -> None:
    """Write the groups that an audit found.

    Parameters
    ----------
    place : Path
        The file.
    report : AuditReport
        The audit.
    labels, splits : sequence of str
        Class and part of each image.
    root : str
        The folder that the images were listed from; paths are given below it.
    """
    repeated = np.bincount(report.copies_)[report.copies_] > 1
    rows: list[Sequence[object]] = [_COLUMNS]
    for i, path in enumerate(report.paths):
        copies = report.copies_[i] if repeated[i] else ""
        below = _below(path, root)
        rows.append([below, labels[i], splits[i], report.groups_[i], copies])
    write_csv(place, rows)


def read_groups(file: str, paths: Sequence[str], root: str) -> NDArray[np.object_]:
    """Read the group of each image.

    Parameters
    ----------
    file : str
        A CSV file with the columns ``path``, below `root`, and ``group``.
    paths : sequence of str
        The images.
    root : str
        The folder that they were listed from.

    Returns
    -------
    ndarray of shape (n_images,)
        Their groups.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it lacks a column or an image.
    """
    with Path(file).open(encoding="utf-8", errors="surrogateescape", newline="") as lines:
        rows = csv.DictReader(lines)
        missing = {"path", "group"} - set(rows.fieldnames or ())
        if missing:
            raise ValueError(
                f"{file!r} must have the columns path and group, but it has "
                f"{rows.fieldnames}. `skfakereal audit FOLDER --out RUN` writes such a file."
            )
        group_of = {row["path"]: row["group"] for row in rows}
    below = [_below(path, root) for path in paths]
    for i, place in enumerate(below):
        if place not in group_of:
            raise ValueError(
                f"{file!r} must tell the group of every image, but it has no line for "
                f"{place!r} (image {i}). Audit the folder again."
            )
    return np.array([group_of[place] for place in below], dtype=object)


def is_numbered(file: str) -> bool:
    """Tell whether the groups of a file have numbers in place of names.

    Parameters
    ----------
    file : str
        As `read_groups` takes it.

    Returns
    -------
    bool
        Whether an audit wrote it, which numbers the groups that it finds.
    """
    with Path(file).open(encoding="utf-8", errors="surrogateescape", newline="") as lines:
        return _COLUMNS[-1] in next(csv.reader(lines), [])


def _below(path: str, root: str) -> str:
    # A file of paths below the folder holds wherever the folder is called from.
    return Path(os.path.relpath(path, root)).as_posix()
