"""Which images a run saw, by content and by path."""

import csv
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from skfakereal._files import digest_of, write_csv
from skfakereal.cli._images import Part
from skfakereal.cli._output import watched

MANIFEST_FILE = "images.csv"
_COLUMNS = ("path", "label", "group", "part", "sha256")
NOT_KNOWN = (
    "Whether the model has seen any of these images is not known: that takes the run folder "
    "in which it was trained, with its images.csv."
)


def digests_of(paths: Sequence[str], *, progress: bool) -> dict[str, str]:
    """Return the SHA-256 of images by path; empty for files that cannot be read."""
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
    """Write which image was in which part."""
    rows: list[Sequence[str]] = [_COLUMNS]
    for name, part in parts.items():
        for path, label, group in zip(part.paths, part.labels, part.groups, strict=True):
            rows.append([path, names[label], group, name, digests[path]])
    write_csv(folder / MANIFEST_FILE, rows)


def read_manifest(run: Path) -> list[dict[str, str]] | None:
    """Return what a run recorded of its images; None if it does not tell."""
    place = run / MANIFEST_FILE
    if not place.is_file():
        return None
    columns = ("path", "part", "sha256")
    try:
        with place.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
            rows = csv.DictReader(file, strict=True)
            if not set(columns) <= set(rows.fieldnames or ()):
                raise ValueError(
                    f"{str(place)!r} must have the columns path, part and sha256, but it has "
                    f"{rows.fieldnames}. Restore it, or move it away."
                )
            return [{name: row[name] or "" for name in columns} for row in rows]
    # Such as a quote without its end, which would swallow all the rest.
    except csv.Error as error:
        raise ValueError(
            f"{str(place)!r} is damaged ({error}). Restore it, or move it away."
        ) from error


def add_to_manifest(
    run: Path, folder: Path, part: Part, names: Sequence[str], *, labelled: bool
) -> None:
    """Write a run's manifest anew, with images that a threshold was chosen on since."""
    place = run / MANIFEST_FILE
    if not place.is_file():
        return
    digests = digests_of(part.paths, progress=False)
    chosen_on = set(digests.values()) - {""}
    with place.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        rows = [[row.get(name) or "" for name in _COLUMNS] for row in csv.DictReader(file)]
    # What is chosen on tests no longer.
    kept = [row for row in rows if row[3] != "test" or row[4] not in chosen_on]
    trained_on = {row[4] for row in kept}
    for i, path in enumerate(part.paths):
        if digests[path] not in trained_on:
            label = names[part.labels[i]] if labelled else ""
            kept.append([path, label, part.groups[i], "validation", digests[path]])
    write_csv(folder / MANIFEST_FILE, [_COLUMNS, *kept])


def seen_remark(seen: Iterable[str], tested: Sequence[str]) -> str:
    """Return a caution if tested images are among those that the model was trained on."""
    known = set(seen) - {""}
    n_seen = sum(digest in known for digest in tested)
    if not n_seen:
        return ""
    return (
        f"{n_seen:,} of the {len(tested):,} tested images are, byte for byte, among those "
        "that the model was trained on. The figures are too good."
    )


def folds_remark(tested: Sequence[str], folds: Sequence[int]) -> str:
    """Return a caution if models were tested on copies of what they were fitted on."""
    where: dict[str, set[int]] = {}
    for digest, fold in zip(tested, folds, strict=True):
        where.setdefault(digest, set()).add(fold)
    n_seen = sum(digest != "" and len(where[digest]) > 1 for digest in tested)
    if not n_seen:
        return ""
    return (
        f"{n_seen:,} of the {len(tested):,} tested images have copies, byte for byte, in "
        "other folds, so a model was fitted on them. The figures are too good. --groups with "
        "the groups.csv of `skfakereal audit FOLDER --out RUN` keeps copies together."
    )


@dataclass(frozen=True)
class Seen:
    """What a run recorded of some images."""

    given: list[str]  # the images
    # Those that are, byte for byte, among the images that the model was trained or
    # validated on.
    same_bytes: frozenset[str]
    same_path: frozenset[str]  # those of the others that lie where such an image lay
    tested: frozenset[str]  # those of the run's own test part
    # Whether the run held a test part out at all; if not, it was cross-validated.
    held_out: bool = True

    def all_but_tested(self) -> frozenset[str]:
        """Return those that the model has seen and the run has not tested."""
        return (self.same_bytes | self.same_path) - self.tested

    def count(self, paths: Sequence[str]) -> dict[str, int]:
        """Return how many of some of the images the model has seen."""
        return {
            "images": len(paths),
            "same_bytes": sum(path in self.same_bytes for path in paths),
            "same_path": sum(path in self.same_path for path in paths),
        }

    def facts(self, tested: Sequence[str]) -> dict[str, dict[str, int]]:
        """Return how many of all images that were given, and of those tested, it has seen."""
        return {"given": self.count(self.given), "tested": self.count(tested)}

    def sentence(self, tested: Sequence[str]) -> str:
        """Say the same in words."""
        n_given, n_tested = (
            n["same_bytes"] + n["same_path"] for n in self.facts(tested).values()
        )
        said = (
            f"The model was trained or validated on {_number(n_given)} of the "
            f"{len(self.given):,} images that were given"
        )
        if len(tested) < len(self.given):
            said += f", and on {_number(n_tested)} of the {len(tested):,} that were tested"
        return f"{said}."

    def cautions(self, paths: Sequence[str]) -> list[str]:
        """Return what the reader must know of it before any figure."""
        changed = self.count(paths)["same_path"]
        said = [
            seen_remark({"seen"}, ["seen" if p in self.same_bytes else "" for p in paths])
        ]
        if changed:
            said.append(
                f"{changed:,} of the {len(paths):,} tested images lie where images lay that "
                "the model was trained on, and have been changed since. If they show the "
                "same, the figures are too good."
            )
        return [caution for caution in said if caution]


def look_up(run: Path | None, paths: Sequence[str], *, progress: bool) -> Seen | None:
    """Find images in what a run recorded; None if there is no run, or it does not tell."""
    rows = None if run is None else read_manifest(run)
    if rows is None:
        return None
    digests = digests_of(paths, progress=progress)
    part_of = {_absolute(row["path"]): row["part"] for row in rows}
    recorded = {row["sha256"] for row in rows} - {""}
    trained = {row["sha256"] for row in rows if row["part"] != "test"} - {""}
    # Paths may be relative to another folder, which has images of the same names.
    same_place = not recorded or not recorded.isdisjoint(digests.values())
    same_bytes, same_path, tested = set[str](), set[str](), set[str]()
    for path, digest in digests.items():
        part = part_of.get(_absolute(path)) if same_place else None
        if digest in trained:
            same_bytes.add(path)
        elif part not in (None, "test"):
            same_path.add(path)
        if part == "test" or (
            part is None and digest in recorded and digest not in trained
        ):
            tested.add(path)
    found = (frozenset(same_bytes), frozenset(same_path), frozenset(tested))
    return Seen(list(paths), *found, any(row["part"] == "test" for row in rows))


def _number(number: int) -> str:
    return f"{number:,}" if number else "none"


def _absolute(path: str) -> str:
    return os.path.abspath(path)  # noqa: PTH100, which follows links, and may fail
