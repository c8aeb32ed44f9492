"""Which images a run saw, by content, and whether a test image is one of them."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from skfakereal._csv_file import write_csv
from skfakereal.cli._output import watched
from skfakereal.cli.images._parts import Part
from skfakereal.cli.runs._run_folder import digest_of

__all__ = [
    "MANIFEST_FILE",
    "digests_of",
    "read_manifest",
    "seen_remark",
    "write_manifest",
]

MANIFEST_FILE = "images.csv"
_COLUMNS = ("path", "label", "group", "part", "sha256")


def digests_of(paths: Sequence[str], *, progress: bool) -> dict[str, str]:
    """Return the SHA-256 of images.

    Parameters
    ----------
    paths : sequence of str
        The images.
    progress : bool
        Whether to show a bar.

    Returns
    -------
    dict of str to str
        By path; empty for files that cannot be read.
    """
    digests = {}
    for path in watched(paths, total=len(paths), label="digests", progress=progress):
        try:
            digests[path] = digest_of(path)
        except OSError:
            digests[path] = ""
    return digests


def write_manifest(
    folder: Path,
    parts: Mapping[str, Part],
    names: Sequence[str],
    digests: Mapping[str, str],
) -> None:
    """Write which image was in which part.

    Parameters
    ----------
    folder : Path
        The run.
    parts : mapping of str to Part
        The parts by name.
    names : sequence of str
        What the classes are called.
    digests : mapping of str to str
        SHA-256 by path.
    """
    rows: list[Sequence[str]] = [_COLUMNS]
    for name, part in parts.items():
        for path, label, group in zip(part.paths, part.labels, part.groups, strict=True):
            rows.append([path, names[label], group, name, digests[path]])
    write_csv(folder / MANIFEST_FILE, rows)


def read_manifest(run: Path) -> list[dict[str, str]] | None:
    """Return what a run recorded of its images.

    Parameters
    ----------
    run : Path
        The run folder.

    Returns
    -------
    list of dict of str to str, or None
        ``path``, ``part`` and ``sha256`` of each; None if the run does not tell.

    Raises
    ------
    ValueError
        If the file is another one.
    """
    place = run / MANIFEST_FILE
    if not place.is_file():
        return None
    with place.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        rows = csv.DictReader(file)
        if not {"path", "part", "sha256"} <= set(rows.fieldnames or ()):
            raise ValueError(
                f"{str(place)!r} must have the columns path, part and sha256, but it has "
                f"{rows.fieldnames}. Restore it, or move it away."
            )
        columns = ("path", "part", "sha256")
        return [{name: row[name] or "" for name in columns} for row in rows]


def seen_remark(seen: Iterable[str], tested: Sequence[str]) -> str:
    """Return a caution if tested images are among those that the model was trained on.

    Parameters
    ----------
    seen : iterable of str
        Digests of the images that training saw.
    tested : sequence of str
        Digests of the tested images.

    Returns
    -------
    str
        The caution; empty if there is nothing to say.
    """
    known = set(seen) - {""}
    n_seen = sum(digest in known for digest in tested)
    if not n_seen:
        return ""
    return (
        f"{n_seen:,} of the {len(tested):,} tested images are, byte for byte, among those "
        "that the model was trained on. The figures flatter it."
    )
