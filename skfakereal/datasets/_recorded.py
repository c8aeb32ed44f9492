"""A folder of generated files with a record of them, replaced without touching others."""

import contextlib
import csv
import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_RECORD = "origin.csv"


@dataclass(frozen=True)
class GeneratedFile:
    """A file to be written.

    Parameters
    ----------
    place : str
        Its path below the folder, with forward slashes.
    content : bytes
        What is written.
    origin : dict of str to str or int
        What the record tells of it; the same keys for all files.
    """

    place: str
    content: bytes
    origin: dict[str, str | int]

    @property
    def digest(self) -> str:
        """SHA-256 of the content, hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()


def write_recorded(root: Path, files: Sequence[GeneratedFile]) -> None:
    """Write files and a record of them, ``origin.csv``; replace an earlier such set."""
    columns = ["file", "sha256", *files[0].origin]
    if root.exists():
        _remove_earlier(root, columns)
    root.mkdir(parents=True, exist_ok=True)
    # The record comes first, so that a set whose writing was cut short can be replaced.
    with (root / _RECORD).open("w", newline="", encoding="utf-8") as stream:
        record = csv.DictWriter(stream, columns, lineterminator="\n")
        record.writeheader()
        for file in files:
            record.writerow({"file": file.place, "sha256": file.digest, **file.origin})
    for file in files:
        path = root / file.place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)


def _remove_earlier(root: Path, columns: list[str]) -> None:
    digests = _read_digests(root / _RECORD, columns)
    files = sorted(_walk(root))
    for path in files:
        if not digests or not _is_recorded(path, root, digests):
            raise FileExistsError(
                "root must be a new or empty folder, or one that this function wrote, but "
                f"{str(path)!r} is not from it or was changed. Move it away or choose "
                "another root."
            )
    # Only what was found and recognised: a record may name anything.
    for path in files:
        path.unlink()
        for folder in path.relative_to(root).parents[:-1]:
            with contextlib.suppress(OSError):  # not empty yet
                (root / folder).rmdir()


def _read_digests(record: Path, columns: list[str]) -> dict[str, str]:
    """Return place -> SHA-256; nothing if the file is missing or not such a record."""
    try:
        with record.open(newline="", encoding="utf-8") as stream:
            rows = csv.DictReader(stream)
            if rows.fieldnames != columns:
                return {}
            return {row["file"]: row["sha256"] for row in rows}
    except (FileNotFoundError, UnicodeDecodeError):
        return {}


def _walk(root: Path) -> Iterator[Path]:
    """Yield every file and every link to a folder, hidden ones left out."""
    for folder, subfolders, names in os.walk(root):
        links = [name for name in subfolders if Path(folder, name).is_symlink()]
        for name in names + links:
            if not name.startswith("."):
                yield Path(folder, name)


def _is_recorded(path: Path, root: Path, digests: dict[str, str]) -> bool:
    place = path.relative_to(root).as_posix()
    if place == _RECORD:
        return True
    if place not in digests or path.is_symlink() or not path.is_file():
        return False
    return hashlib.sha256(path.read_bytes()).hexdigest() == digests[place]
