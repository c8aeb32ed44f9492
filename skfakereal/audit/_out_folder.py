"""The folder that copies go to: where it may lie, what it may hold, what it records."""

import csv
import io
import json
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path, PurePath

from skfakereal.audit._copying import Copy, Form, safe_name, write_whole

_SETTINGS_FILE, MAPPING_FILE = "equalize.json", "mapping.csv"


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
        found = json.loads(record.read_text(encoding="utf-8"))
        if found != wanted:
            raise ValueError(
                f"out must be empty or hold copies made with the same settings, but "
                f"{str(top)!r} was made with {found}, not {wanted}. Choose another folder."
            )
    elif top.exists() and any(top.iterdir()):
        raise ValueError(
            f"out must be empty or hold copies made by equalize_images, but {str(top)!r} "
            "holds something else. Choose another folder."
        )
    # The record comes first, so that a call that is cut off here can be taken up again.
    top.mkdir(parents=True, exist_ok=True)
    write_whole(record, json.dumps(wanted, indent=2).encode())
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
    write_whole(top / MAPPING_FILE, text.getvalue().encode("utf-8", "surrogateescape"))


def is_record(folder: Path) -> bool:
    """Tell whether a folder holds copies, with a record of what was done to them."""
    try:
        return all((folder / name).is_file() for name in (_SETTINGS_FILE, MAPPING_FILE))
    except OSError:
        return False
