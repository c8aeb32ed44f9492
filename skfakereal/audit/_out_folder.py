"""Folders of copies: the record beside the copies, and what it tells an audit later."""

import csv
import io
import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path, PurePath

import numpy as np
from numpy.typing import NDArray

from skfakereal._durable import replacing
from skfakereal.audit._copying import LEAST_SHRINKING, Copy, Form, safe_name

_SETTINGS_FILE, MAPPING_FILE = "equalize.json", "mapping.csv"
# By how much the classes must differ in the geometric mean. A square cut out of photographs
# of 3:2 keeps 1.5 times less than of square ones, and shows everything as near.
_APART = 2.0
Numbers = NDArray[np.float64]


def refuse_among_inputs(top: Path, files: Sequence[str], labels: Sequence[str]) -> None:
    """Keep copies out of the folders that the inputs were listed from, and the reverse."""
    place = top.resolve()
    for parent, label in {(Path(f).parent, n) for f, n in zip(files, labels, strict=True)}:
        folder = parent.resolve()
        same_name = [p for p in folder.parents if p.name.casefold() == label.casefold()]
        inside = any(place.is_relative_to(f) for f in [folder, *same_name])
        if inside or folder.is_relative_to(place):
            raise ValueError(
                f"out must not lie among the inputs, nor they in it, but out is {str(top)!r} "
                f"and there are inputs in {str(folder)!r}. Choose a folder of its own."
            )


def places_below(
    top: Path, labels: Sequence[str], folders: Sequence[str] | None
) -> list[Path]:
    """Return the folder of each copy."""
    below = [safe_name(label) for label in labels] if folders is None else folders
    label_of: dict[str, str] = {}
    for i, (folder, label) in enumerate(zip(below, labels, strict=True)):
        if PurePath(folder).is_absolute() or ".." in PurePath(folder).parts:
            raise ValueError(
                f"folders must lead down from out, got {folder!r} at index {i}. Give a "
                "relative path without '..'."
            )
        # Many systems know no difference between upper and lower case.
        other = label_of.setdefault(str(PurePath(folder)).casefold(), label)
        if other != label:
            raise ValueError(
                f"Every class needs a folder of its own, but {other!r} and {label!r} share "
                f"{folder!r}."
            )
    return [top / folder for folder in below]


def open_folder(top: Path, folders: Sequence[Path], form: Form) -> None:
    """Make the folders, and refuse to mix with anything else."""
    record = top / _SETTINGS_FILE
    wanted = json.loads(json.dumps(asdict(form)))
    if record.exists():
        recorded = json.loads(record.read_text(encoding="utf-8"))
        if recorded != wanted:
            raise ValueError(
                f"out must be empty or hold copies made with the same settings, but "
                f"{str(top)!r} was made with {recorded}, not {wanted}. Choose another folder."
            )
    elif top.exists() and any(top.iterdir()):
        raise ValueError(
            f"out must be empty or hold copies made by equalize_images, but {str(top)!r} "
            "holds something else. Choose another folder."
        )
    # The record comes first, so that a call that is cut off here can be taken up again.
    top.mkdir(parents=True, exist_ok=True)
    with replacing(record) as file:
        file.write(json.dumps(wanted, indent=2).encode())
    for folder in set(folders):
        folder.mkdir(parents=True, exist_ok=True)


def write_mapping(
    top: Path, copies: Sequence[Copy], originals: Sequence[str], labels: Sequence[str]
) -> None:
    """Write mapping.csv, which names the original of each copy and what was kept of it."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["copy", "label", "original", "kept", "scale"])
    for copy, label, original in zip(copies, labels, originals, strict=True):
        place = Path(copy.path).relative_to(top).as_posix()
        history = f"{copy.kept:.4g}", f"{copy.scale:.4g}"
        writer.writerow([place, label, os.path.abspath(original), *history])  # noqa: PTH100
    with replacing(top / MAPPING_FILE) as file:
        file.write(text.getvalue().encode("utf-8", "surrogateescape"))


def is_record(folder: Path) -> bool:
    """Tell whether a folder holds copies, with a record of what was done to them."""
    try:
        return all((folder / name).is_file() for name in (_SETTINGS_FILE, MAPPING_FILE))
    except OSError:
        return False


def read_history(files: Sequence[str]) -> tuple[Numbers, Numbers]:
    """Return what the record beside copies tells of them; NaN where none does.

    The share of the original's area that each shows, and its pixels a side for each of the
    original's.
    """
    history = np.full((2, len(files)), np.nan)
    tops: dict[Path, Path | None] = {}
    rows: dict[Path, dict[str, tuple[float, float]]] = {}
    for i, file in enumerate(files):
        path = Path(file).absolute()
        top = _top(path.parent, tops)
        if top is None:
            continue
        if top not in rows:
            rows[top] = _read_mapping(top / MAPPING_FILE)
        history[:, i] = rows[top].get(path.relative_to(top).as_posix(), (np.nan, np.nan))
    return history[0], history[1]


def _top(folder: Path, tops: dict[Path, Path | None]) -> Path | None:
    """Return the folder of copies that a folder lies in, if it does."""
    for place in (folder, *folder.parents):
        if place in tops or is_record(place):
            tops[folder] = tops.get(place, place)
            return tops[folder]
    tops[folder] = None
    return None


def _read_mapping(file: Path) -> dict[str, tuple[float, float]]:
    rows: dict[str, tuple[float, float]] = {}
    try:
        with file.open(encoding="utf-8", errors="surrogateescape", newline="") as lines:
            for row in csv.DictReader(lines):
                kept, scale = float(row["kept"]), float(row["scale"])
                if 0 < kept <= 1 and 0 < scale < np.inf:
                    rows[row["copy"]] = kept, scale
    except (OSError, ValueError, TypeError, KeyError, csv.Error):
        pass  # no record of ours, or one of before: nothing is known then
    return rows


def differs(numbers: Numbers, classes: NDArray[np.intp]) -> bool:
    """Tell whether the classes differ by more than a factor of two in the geometric mean."""
    means = list(_means(numbers, classes).values())
    return len(means) > 1 and max(means) > _APART * min(means)


def scale_differs(scale: Numbers, classes: NDArray[np.intp]) -> bool:
    """Tell whether pictures of one class are softer for having been enlarged, or shrunk less."""
    return differs(scale, classes) and bool(np.nanmax(scale) > LEAST_SHRINKING)


def kept_caution(
    kept: Numbers,
    scale: Numbers,
    classes: NDArray[np.intp],
    names: Sequence[str],
    resize: str,
) -> str:
    """Say that the classes were not treated alike, and the way out."""
    if differs(kept, classes):
        means, of = _means(kept, classes), "the part of a picture that is kept"
        clue = "how near things look tells the classes apart"
    elif scale_differs(scale, classes):
        means, of = _means(scale, classes), "the pixels a side that are left"
        clue = "how sharp the pictures are tells the classes apart"
    else:
        return ""
    listed = ", ".join(f"{100 * means[c]:.3g}% for {names[c]}" for c in sorted(means))
    way_out = (
        "Leave out the longest pictures."
        if resize == "shrink"
        else 'Choose resize="shrink" (--resize shrink), which brings all to one scale first.'
    )
    return f"The classes differ in {of}, on average {listed}, so {clue}. {way_out}"


def _means(numbers: Numbers, classes: NDArray[np.intp]) -> dict[int, float]:
    recorded = ~np.isnan(numbers)
    return {
        int(c): float(np.exp(np.log(numbers[recorded & (classes == c)]).mean()))
        for c in np.unique(classes[recorded])
    }
