"""One image and a model -> a report with a page; those of many -> an index, the worst first."""

import base64
import hashlib
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from skfakereal._images.read import ImageReadError, decode_image, read_bytes
from skfakereal._judging.judge import Item, Judge, Judged
from skfakereal._judging.model import load_model, model_of
from skfakereal._novelty import is_of_other_size, unlike
from skfakereal._pages.html import Html, escaped, page, section, table
from skfakereal._pages.report import Report, records_frame
from skfakereal._version import __version__
from skfakereal._wording import chance, counted
from skfakereal.audit import FIELDS, read_facts
from skfakereal.cases._page import KINDS, LookedAt, case_sections, digest, lead_of, look
from skfakereal.provenance import Provenance

if TYPE_CHECKING:
    import pandas as pd

_LARGEST_SIDE = 1024  # pixels of the copy on the page
_SIDE = 224  # pixels of a thumbnail
_MOST_ORIGINAL = 100 * 10**6  # bytes of a file that a page may carry
# Of what an audit notes, what says something of a single file.
_FACTS = (
    *("format", "mode", "jpeg_quality", "subsampling", "progressive", "camera", "software"),
    *("exif_tags", "icc", "comment", "text_keys", "xmp", "c2pa", "layout"),
)


@dataclass(frozen=True, eq=False)
class CaseReport(Report):
    """What a detector, and the file itself, say of one image.

    Made by `case_report`. `save_html` writes it as one page that can be mailed: it loads
    nothing, runs no script, and names no folder.

    Parameters
    ----------
    row : mapping of str to object
        ``name``, ``verdict``, ``label``, ``probability``, ``threshold``, ``reasons`` to be
        unsure, ``novelty``, ``sha256``, ``bytes``, ``width``, ``height`` and ``error``: why
        there is no verdict, if there is none.
    detector : mapping of str to object
        What is known of the model: ``name``, ``sha256``, ``made``, ``classes``, error rates of
        its threshold, and its card.
    provenance : Provenance
        What the file itself says of its origin.
    facts : mapping of str to str
        Properties of the file: format, quality, camera.
    pixels : ndarray of shape (height, width, 3), uint8, or None
        The copy on the page, at most 1,024 pixels a side.
    looked : LookedAt or None
        The map of where the detector looked; None if it was not asked for.
    original : bytes or None
        The file itself, where the page is to carry it.
    made : datetime
        When.
    """

    row: Mapping[str, Any]
    detector: Mapping[str, Any]
    provenance: Provenance
    facts: Mapping[str, str] = field(default_factory=dict)
    pixels: NDArray[np.uint8] | None = None
    looked: LookedAt | None = None
    original: bytes | None = None
    made: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def _title(self) -> str:
        return str(self.row["name"]).rsplit("/", 1)[-1]

    @property
    def _lead(self) -> str:
        return lead_of(self.row)

    @property
    def _footer(self) -> str:  # type: ignore[override]
        return (
            f"Made by skfakereal {__version__} on {self.made:%Y-%m-%d at %H:%M:%S} UTC. The "
            "picture on this page is a copy without its metadata."
        )

    def html_sections(self) -> list[Html]:
        """Return the sections of the page.

        Returns
        -------
        list of str
            Markup, from the verdict to the limits.
        """
        return case_sections(
            self.row,
            self.detector,
            self.provenance,
            self.facts,
            self.pixels,
            self.looked,
            self.original,
        )

    def summary(self) -> str:
        """Return the verdict in a sentence.

        Returns
        -------
        str
            With the probability, where there is one.
        """
        of = self.detector["positive"] or self.row["label"]
        p = self.row["probability"]
        return lead_of(self.row) + ("" if p is None else f" Probability of {of}: {p:.3f}.")

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the pictures, in a form that `json.dump` takes.

        Returns
        -------
        dict of str to object
            The row, and the detector, the statements of the file and its properties.
        """
        said = self.provenance
        return {
            **self.row,
            "provenance": said.claim or None,
            "provenance_detail": said.detail or None,
            "file": dict(self.facts),
            "map": self.looked
            and {"method": self.looked.method, "sanity": self.looked.sanity},
            "detector": {k: v for k, v in self.detector.items() if k != "card"},
            "made": self.made.isoformat(timespec="seconds"),
        }

    def to_frame(self) -> "pd.DataFrame":
        """Return the row as a table of pandas.

        Returns
        -------
        DataFrame
            One row, by the name of the file.
        """
        return records_frame([self.row], "name")


def case_report(
    model: Any,
    path: str | PathLike[str],
    *,
    pos_label: str | None = None,
    target_names: Sequence[str] | None = None,
    stable: bool = True,
    with_map: bool = True,
    original: bool = False,
) -> CaseReport:
    """Ask a detector about one image, and put together what a page of evidence needs.

    Parameters
    ----------
    model : path or estimator
        A run folder or ``.skfr`` file, or a fitted classifier over image paths. Only a run
        folder knows error rates, a card, and a band of unsure probabilities.
    path : path
        The image. It is only read.
    pos_label : str, default=None
        The name of the class whose probability is told. None: "fake", or 1 of 0 and 1.
    target_names : sequence of str, default=None
        What to call the classes, in the order of ``classes_``.
    stable : bool, default=True
        Whether the verdict is "unsure" where a mild change of the image flips it, where
        validation does not support it, and where the image is unlike the training images.
    with_map : bool, default=True
        Whether to make a map of where the detector looked. By occlusion that takes as long as
        170 predictions, for a VGG16 340.
    original : bool, default=False
        Whether the page carries the file itself, with its metadata, to be downloaded.

    Returns
    -------
    CaseReport
        Its `save_html` writes the page. An image that cannot be read has a `row` with its
        ``error``.

    Raises
    ------
    OSError, ValueError
        If the model cannot be read, or `original` is asked for a file of over 100 MB.

    See Also
    --------
    skfakereal.provenance.read_provenance : What the file itself says, alone.

    Examples
    --------
    >>> from skfakereal.cases import case_report
    >>> case = case_report("detector/", "suspect.jpg")  # doctest: +SKIP
    >>> print(case.summary())  # doctest: +SKIP
    The detector calls this image fake. Probability of fake: 0.973.
    >>> case.save_html("suspect.html")  # doctest: +SKIP
    """
    place = str(model) if isinstance(model, str | PathLike) else None
    how: dict[str, Any] = {"pos_label": pos_label, "names": target_names}
    try:
        loaded = model_of(model, **how) if place is None else load_model(place, **how)
    except ValueError as error:  # which speaks of the options of the command line
        said = str(error).replace("--pos-label must", "pos_label must")
        said = said.replace("add --trust", "load it by joblib.load and pass the classifier")
        raise ValueError(said) from error
    judge = Judge(loaded, place)
    item = Item(Path(path).name, str(path))
    judged = judge.judge(item, stable=stable)
    return make_case(judge, judged, with_map=with_map, original=original)


def make_case(
    judge: Judge, judged: Judged, *, with_map: bool, original: bool = False
) -> CaseReport:
    """Put together what there is to tell of an image that was judged."""
    path, row = judged.item.path, judged.row
    detector = judge.facts() | {"card": judge.card}
    if row["error"] or not path:
        return CaseReport(row, detector, judged.provenance)
    data = read_bytes(path)
    if hashlib.sha256(data).hexdigest() != row["sha256"]:
        raise ValueError(
            f"{row['name']!r} was changed while it was judged. Judge it again."
        )
    if original and len(data) > _MOST_ORIGINAL:
        raise ValueError(
            f"A page may carry a file of up to {_MOST_ORIGINAL / 1e6:.0f} MB, but this one has "
            f"{len(data) / 1e6:,.0f}. Leave the original out."
        )
    names, positive = judge.model.names, judge.model.positive
    return CaseReport(
        row,
        detector,
        judged.provenance,
        facts=_facts(path),
        pixels=_copy(data, path),
        looked=look(judge.model.estimator, path, names, positive) if with_map else None,
        original=data if original else None,
    )


def _copy(data: bytes, path: str) -> NDArray[np.uint8] | None:
    try:
        image = decode_image(data, path)
    except ImageReadError:  # changed since
        return None
    image.thumbnail((_LARGEST_SIDE, _LARGEST_SIDE))
    return np.asarray(image)


def _facts(path: str) -> dict[str, str]:
    titles = {field.name: field.title for field in FIELDS}
    values = read_facts(path).values
    told = {name: str(values.get(name, "")) for name in _FACTS}
    empty = ("", "nan", "(none)", "(does not apply)", "(not read)", "no")
    return {titles[name]: value for name, value in told.items() if value not in empty}


def small_copy(pixels: NDArray[np.uint8], side: int) -> str:
    """Return a small picture as a ``data:`` address."""
    image = Image.fromarray(pixels)
    image.thumbnail((side, side))
    buffer = io.BytesIO()
    image.save(buffer, "jpeg", quality=85)
    encoded = base64.b64encode(buffer.getvalue()).decode("ascii")
    return f"data:image/jpeg;base64,{encoded}"


@dataclass(frozen=True)
class Entry:
    """An image on the index page."""

    page: str  # the file of its page
    name: str
    verdict: str
    probability: float | None
    unlike: str  # in few words
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
            _in_short(row["novelty"]),
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


def _in_short(novelty: float | None) -> str:
    how = " in size" if is_of_other_size(novelty) else ""
    return f"unlike the training images{how}" if unlike(novelty) else ""


def _tile(entry: Entry, positive: str | None) -> str:
    lines = []
    if entry.probability is not None:
        lines.append(f"P({positive or entry.verdict}) = {chance(entry.probability)}")
    lines += [entry.unlike] if entry.unlike else []
    lines += [f"the file says: {entry.claim}"] if entry.claim else []
    said = "".join(f"<br>{escaped(line)}" for line in lines)
    image = f'<img alt="" src="{entry.thumbnail}">' if entry.thumbnail else ""
    return (
        f'<li><a href="{escaped(entry.page)}">{image}'
        f'<span class="{KINDS.get(entry.verdict, "plain")}"><b>{escaped(entry.verdict)}</b>'
        f"{escaped(entry.name)}{said}</span></a></li>"
    )
