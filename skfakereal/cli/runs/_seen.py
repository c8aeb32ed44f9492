"""Which of some images a run's model was trained on, by content and by path."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from skfakereal.cli.runs._manifest import digests_of, read_manifest, seen_remark
from skfakereal.cli.runs._model import Model

__all__ = ["Seen", "look_up"]


@dataclass(frozen=True)
class Seen:
    """What a run recorded of some images.

    Parameters
    ----------
    given : list of str
        The images.
    same_bytes : frozenset of str
        Those that are, byte for byte, among the images that the model was trained or
        validated on.
    same_path : frozenset of str
        Those of the others that lie where such an image lay.
    tested : frozenset of str
        Those of the run's own test part.
    """

    given: list[str]
    same_bytes: frozenset[str]
    same_path: frozenset[str]
    tested: frozenset[str]

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
                "same, the figures flatter it."
            )
        return [caution for caution in said if caution]


NOT_KNOWN = (
    "Whether the model has seen any of these images is not known: that takes the run folder "
    "in which it was trained, with its images.csv."
)


def look_up(model: Model, paths: Sequence[str], *, progress: bool) -> Seen | None:
    """Find images in what a run recorded.

    Parameters
    ----------
    model : Model
        The model.
    paths : sequence of str
        The images.
    progress : bool
        Whether to show a bar.

    Returns
    -------
    Seen or None
        None if the model comes from no run, or its run does not tell.
    """
    rows = None if model.run is None else read_manifest(model.run)
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
    return Seen(list(paths), *found)


def _number(number: int) -> str:
    return f"{number:,}" if number else "none"


def _absolute(path: str) -> str:
    return os.path.abspath(path)  # noqa: PTH100, which follows links, and may fail
