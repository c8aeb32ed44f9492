"""The cases of many images -> a page with thumbnails, the worst first."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from skfakereal._novelty import UNUSUAL
from skfakereal._pages.html import Html, escaped, page, section, table
from skfakereal._version import __version__
from skfakereal._wording import chance, counted
from skfakereal.cases._page import KINDS, digest
from skfakereal.cases._report import CaseReport, small_copy

_SIDE = 224  # pixels of a thumbnail


@dataclass(frozen=True)
class Entry:
    """An image on the index page."""

    page: str  # the file of its page
    name: str
    verdict: str
    probability: float | None
    is_unlike: bool
    claim: str  # what the file itself says
    thumbnail: str  # a data: address

    @classmethod
    def of(cls, case: CaseReport, place: str) -> "Entry":
        """Return what the index tells of a case whose page is at a place."""
        row = case.row
        return cls(
            place,
            str(row["name"]).rsplit("/", 1)[-1],
            str(row["verdict"]),
            row["probability"],
            row["novelty"] is not None and row["novelty"] >= UNUSUAL,
            case.provenance.claim,
            "" if case.pixels is None else small_copy(case.pixels, _SIDE),
        )


def index_page(
    entries: Sequence[Entry], broken: Sequence[tuple[str, str]], detector: Mapping[str, Any]
) -> str:
    """Return the page; `broken` has names and reasons of files that could not be judged."""
    positive, now = detector["positive"], datetime.now(UTC)
    counts = Counter(entry.verdict for entry in entries)
    told = [f"{count:,} {verdict}" for verdict, count in counts.most_common()]
    told += [f"{len(broken):,} could not be judged"] if broken else []
    # Of more than two classes, a probability is that of the verdict.
    ordered = sorted(entries, key=lambda e: -1 if e.probability is None else -e.probability)
    if positive is None:
        ordered.sort(key=lambda e: e.verdict)
    tiles = "".join(_tile(entry, positive) for entry in ordered)
    order = f"Highest probability of {positive} first" if positive else "By verdict"
    parts = []
    if entries:
        hint = (
            f"{order}. A click opens the page of an image, which can be mailed by itself."
        )
        parts.append(section("Images", hint, Html(f'<ul class="cases">{tiles}</ul>')))
    if broken:
        parts.append(section("Could not be judged", table(broken, ("file", "why"))))
    rows = [
        ("model", detector["name"]),
        ("SHA-256 of its file", digest(detector["sha256"] or "")),
    ]
    parts.append(section("The detector", table([row for row in rows if row[1]])))
    return page(
        "Fake or real?",
        *parts,
        lead=f"{counted(len(entries) + len(broken), 'image')}: {', '.join(told)}.",
        footer=f"Made by skfakereal {__version__} on {now:%Y-%m-%d at %H:%M:%S} UTC. A verdict "
        "is what one detector makes of an image, and no proof.",
    )


def _tile(entry: Entry, positive: str | None) -> str:
    lines = []
    if entry.probability is not None:
        lines.append(f"P({positive or entry.verdict}) = {chance(entry.probability)}")
    lines += ["unlike the training images"] if entry.is_unlike else []
    lines += [f"the file says: {entry.claim}"] if entry.claim else []
    said = "".join(f"<br>{escaped(line)}" for line in lines)
    image = f'<img alt="" src="{entry.thumbnail}">' if entry.thumbnail else ""
    return (
        f'<li><a href="{escaped(entry.page)}">{image}'
        f'<span class="{KINDS.get(entry.verdict, "plain")}"><b>{escaped(entry.verdict)}</b>'
        f"{escaped(entry.name)}{said}</span></a></li>"
    )
