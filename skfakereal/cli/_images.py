"""What the user names, however much it is -> images; labelled ones, their parts and groups."""

import csv
import os
import sys
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray

from skfakereal._files import write_csv
from skfakereal._listing import LeftOut, walk_images
from skfakereal.cli._output import complain

if TYPE_CHECKING:
    from sklearn.utils import Bunch

    from skfakereal.audit import AuditReport
    from skfakereal.datasets import LabelledImages


STDIN = "-"  # what stands for standard input on the command line
Folds = Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]]
GROUPS_FILE = "groups.csv"
_COLUMNS = ("path", "label", "part", "group", "copies")
_CHUNK = 2**16
_UTF_16 = (b"\xff\xfe", b"\xfe\xff")  # the marks with which it begins


def iterate_images(places: Iterable[str], *, null: bool = False) -> Iterator[str]:
    """Yield image files."""
    left_out = LeftOut()
    for place in places:
        if place == STDIN:
            yield from iterate_list(place, null=null)
        elif place and _is_folder(place):
            yield from walk_images(place, left_out)
        else:
            yield place
    if message := left_out.warning():
        complain(message)


def iterate_list(name: str, *, null: bool) -> Iterator[str]:
    """Yield the paths that a file lists."""
    if name == STDIN:
        if sys.stdin is None:
            raise OSError("Standard input is closed, so it lists no paths.")
        yield from _entries(sys.stdin.buffer, null=null)
        return
    with Path(name).open("rb") as file:
        yield from _entries(file, null=null)


def _entries(file: BinaryIO, *, null: bool) -> Iterator[str]:
    end, left = b"\0" if null else b"\n", b""
    is_first = True
    while chunk := file.read(_CHUNK):
        is_marked = is_first and chunk.startswith(_UTF_16) and b"\0" in chunk
        is_first = False
        if is_marked or (not null and b"\0" in chunk):
            raise ValueError(
                "A list of paths must be UTF-8, a path a line, but this one holds NULs. If it is "
                "UTF-16, as Windows PowerShell writes it, save it as UTF-8: ... | Out-File "
                "-Encoding utf8 LIST. If its paths end in NULs, pass --null."
            )
        *entries, left = (left + chunk).split(end)
        yield from filter(None, (_path(entry, null) for entry in entries))
    if path := _path(left, null):
        yield path


def _path(entry: bytes, null: bool) -> str:
    # Editors on Windows end lines in two characters, and begin a file with a mark.
    bare = entry if null else entry.removesuffix(b"\r").removeprefix(b"\xef\xbb\xbf")
    return os.fsdecode(bare)


def _is_folder(place: str) -> bool:
    try:
        return Path(place).is_dir()
    except (OSError, ValueError):  # a ring of links, or a null byte: its row will say so
        return False


def find_images(places: Iterable[str], *, null: bool = False) -> list[str]:
    """List image files."""
    images = list(iterate_images(places, null=null))
    if not images:
        raise ValueError(
            "There must be at least one image, but no folder holds any, and no list names one."
        )
    return images


def load_labelled(
    folder: str,
    classes: Sequence[str],
    split: Literal["all", "train", "validation", "test"] = "all",
) -> "LabelledImages":
    """List the labelled images of a folder, and say what is left out on standard error."""
    from skfakereal.datasets import load_image_folder

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Left out", UserWarning)
        bunch = load_image_folder(folder, split=split, classes=classes)
    if bunch.left_out:
        complain(bunch.left_out)
    return bunch


@dataclass(frozen=True)
class Part:
    """Labelled images."""

    paths: list[str]
    labels: NDArray[np.int64]  # positions of their classes
    groups: NDArray[np.object_]  # their groups: what must stay together
    # Where they come from, for the rows of a report; None if their groups tell it.
    origins: NDArray[np.object_] | None = None

    @classmethod
    def of(cls, bunch: "Bunch") -> "Part":
        """Return all images that `load_labelled` listed."""
        return cls(bunch.data.tolist(), bunch.target, bunch.groups)

    def take(self, rows: NDArray[np.intp]) -> "Part":
        """Return some of them."""
        origins = None if self.origins is None else self.origins[rows]
        paths = [self.paths[i] for i in rows]
        return Part(paths, self.labels[rows], self.groups[rows], origins)

    def without(self, paths: Iterable[str]) -> "Part":
        """Return those that are not among some paths."""
        out = set(paths)
        return self.take(
            np.array([i for i, p in enumerate(self.paths) if p not in out], np.intp)
        )

    def count(self, names: Sequence[str]) -> dict[str, int]:
        """Return how many images each class has."""
        counts = Counter(self.labels.tolist())
        return {name: counts[i] for i, name in enumerate(names)}


@dataclass(frozen=True)
class Parts:
    """What a model is trained on, and what it is not shown before the end."""

    train: Part
    validation: Part | None  # None where the folder has none, and none was drawn
    # None where too few images are there to hold some out: figures come from `folds`.
    test: Part | None
    names: list[str]  # what the classes are called
    how: str  # a sentence on how the test part came about
    validation_drawn: bool = False  # whether the validation part was drawn from `train`
    left_out: str = ""  # what the folder holds beside, and might be taken for images
    # Rows of `train` to fit on and to test on, for each model that is only tested.
    folds: Folds = ()

    def by_name(self) -> dict[str, Part]:
        """Return the parts that there are."""
        parts = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: part for name, part in parts.items() if part is not None}


def origins_of(part: Part) -> list[str]:
    """Return where the images come from; their groups where these tell it."""
    origins: list[str] = (part.groups if part.origins is None else part.origins).tolist()
    return origins


def has_groups(part: Part) -> bool:
    """Return whether any two images are of one group."""
    return len(set(part.groups.tolist())) < len(part.paths)


def parts_by_split(images: Part, bunch: "Bunch") -> dict[str, Part]:
    """Return the images of each split folder; all of them under "" if there is none."""
    if "split" not in bunch:
        return {"": images}
    return {
        str(name): images.take(np.flatnonzero(bunch.split == name))
        for name in np.unique(bunch.split)
    }


def write_groups(
    place: Path,
    report: "AuditReport",
    labels: Sequence[str],
    splits: Sequence[str],
    root: str,
) -> None:
    """Write the groups that an audit found."""
    repeated = np.bincount(report.copies_)[report.copies_] > 1
    rows: list[Sequence[object]] = [_COLUMNS]
    for i, path in enumerate(report.paths):
        copies = report.copies_[i] if repeated[i] else ""
        below = _below(path, root)
        rows.append([below, labels[i], splits[i], report.groups_[i], copies])
    write_csv(place, rows)


def read_groups(file: str, paths: Sequence[str], root: str) -> NDArray[np.object_]:
    """Read the group of each image."""
    below = [_below(path, root) for path in paths]
    wanted = set(below)
    with _opened(file) as rows:
        columns: list[str] = next(rows, [])
        if {"path", "group"} - set(columns):
            raise ValueError(
                f"{file!r} must have the columns path and group, but it has {columns}. "
                "`skfakereal audit FOLDER --out RUN` writes such a file."
            )
        group_of: dict[str, str] = {}
        for values in filter(any, rows):  # a spreadsheet fills empty lines with commas
            row = dict(zip(columns, values, strict=False))
            path, group = row.get("path", ""), row.get("group", "")
            if path not in wanted:
                continue
            if not group.strip():
                raise ValueError(
                    f"{file!r} must tell the group of every image, but line {rows.line_num} "
                    f"tells none for {path!r}. An image that is related to no other is a "
                    "group of its own: give it a name that no other has."
                )
            if group_of.setdefault(path, group) != group:
                raise ValueError(
                    f"Every image must have one group, but {file!r} tells two for {path!r}: "
                    f"{group_of[path]!r} and {group!r} (line {rows.line_num}). Give both "
                    "groups one name, or remove a line."
                )
    for i, place in enumerate(below):
        if place not in group_of:
            raise ValueError(
                f"{file!r} must tell the group of every image, but it has no line for "
                f"{place!r} (image {i}). Audit the folder again."
            )
    return np.array([group_of[place] for place in below], dtype=object)


def is_numbered(file: str) -> bool:
    """Tell whether the groups of a file have numbers in place of names."""
    with _opened(file) as rows:
        return _COLUMNS[-1] in next(rows, [])


@contextmanager
def _opened(file: str) -> Iterator[Any]:
    """Open a table as the audit writes it, or as a spreadsheet saves that again."""
    with Path(file).open("rb") as raw:
        if raw.read(2) in _UTF_16:
            raise ValueError(
                f'{file!r} must be UTF-8, but it is UTF-16, as Excel\'s "Unicode text" is. '
                "Save it as CSV UTF-8."
            )
    # Without the mark that Excel puts first.
    with Path(file).open(
        encoding="utf-8-sig", errors="surrogateescape", newline=""
    ) as lines:
        header = lines.readline()
        lines.seek(0)
        # Where a comma is part of numbers, Excel separates columns by semicolons.
        delimiter = next((sign for sign in ",;\t" if sign in header), ",")
        rows = csv.reader(lines, delimiter=delimiter, strict=True)
        try:
            yield rows
        except csv.Error as error:
            raise ValueError(
                f"{file!r} is no table of groups: line {rows.line_num}: {error}."
            ) from error


def _below(path: str, root: str) -> str:
    # A file of paths below the folder holds wherever the folder is called from.
    return Path(os.path.relpath(path, root)).as_posix()
