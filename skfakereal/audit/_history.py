"""What `equalize_images` did to each picture -> whether it did the same to every class."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from skfakereal.audit._copying import LEAST_SHRINKING
from skfakereal.audit._out_folder import MAPPING_FILE, is_record

# By how much the classes must differ in the geometric mean. A square cut out of photographs
# of 3:2 keeps 1.5 times less than of square ones, and shows everything as near.
_APART = 2.0
Numbers = NDArray[np.float64]


def read_history(files: Sequence[str]) -> tuple[Numbers, Numbers]:
    """Return what the record beside copies tells of them; NaN where none does.

    The share of the original's area that each shows, and its pixels a side for each of the
    original's.
    """
    told = np.full((2, len(files)), np.nan)
    tops: dict[Path, Path | None] = {}
    rows: dict[Path, dict[str, tuple[float, float]]] = {}
    for i, file in enumerate(files):
        path = Path(file).absolute()
        top = _top(path.parent, tops)
        if top is None:
            continue
        if top not in rows:
            rows[top] = _read_mapping(top / MAPPING_FILE)
        told[:, i] = rows[top].get(path.relative_to(top).as_posix(), (np.nan, np.nan))
    return told[0], told[1]


def _top(folder: Path, known: dict[Path, Path | None]) -> Path | None:
    """Return the folder of copies that a folder lies in, if it does."""
    for place in (folder, *folder.parents):
        if place in known or is_record(place):
            known[folder] = known.get(place, place)
            return known[folder]
    known[folder] = None
    return None


def _read_mapping(file: Path) -> dict[str, tuple[float, float]]:
    told: dict[str, tuple[float, float]] = {}
    try:
        with file.open(encoding="utf-8", errors="surrogateescape", newline="") as lines:
            for row in csv.DictReader(lines):
                kept, scale = float(row["kept"]), float(row["scale"])
                if 0 < kept <= 1 and 0 < scale < np.inf:
                    told[row["copy"]] = kept, scale
    except (OSError, ValueError, TypeError, KeyError, csv.Error):
        pass  # no record of ours, or one of before: nothing is known then
    return told


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
        told, of = _means(kept, classes), "the part of a picture that is kept"
        clue = "how near things look tells the classes apart"
    elif scale_differs(scale, classes):
        told, of = _means(scale, classes), "the pixels a side that are left"
        clue = "how sharp the pictures are tells the classes apart"
    else:
        return ""
    listed = ", ".join(f"{100 * told[c]:.3g} % for {names[c]}" for c in sorted(told))
    way_out = (
        "Leave out the longest pictures."
        if resize == "shrink"
        else 'Choose resize="shrink" (--resize shrink), which brings all to one scale first.'
    )
    return f"The classes differ in {of}, on average {listed}, so {clue}. {way_out}"


def _means(numbers: Numbers, classes: NDArray[np.intp]) -> dict[int, float]:
    known = ~np.isnan(numbers)
    return {
        int(c): float(np.exp(np.log(numbers[known & (classes == c)]).mean()))
        for c in np.unique(classes[known])
    }
