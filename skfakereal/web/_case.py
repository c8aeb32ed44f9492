"""What there is to tell of one image -> a page that can be saved and mailed."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from skfakereal._pages.html import (
    Html,
    details,
    headlines,
    items,
    note,
    page,
    section,
    table,
)
from skfakereal._pages.pictures import picture
from skfakereal._version import __version__
from skfakereal.audit import FIELDS, read_facts
from skfakereal.provenance import limits
from skfakereal.web._judge import Judged

# As the page itself says; its style and picture are inside it.
POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
_KINDS: dict[str | None, Any] = {"real": "good", "fake": "bad", "unsure": "warning"}
# Of what an audit notes, what says something of a single file.
_FACTS = (
    *("format", "mode", "jpeg_quality", "subsampling", "progressive", "camera", "software"),
    *("exif_tags", "icc", "comment", "text_keys", "xmp", "c2pa", "layout"),
)
_LIMITS = (
    "A probability is what this detector makes of this image. It is no proof, in either "
    "direction, and it knows the generators that it was trained on.",
    "The rates of the threshold hold for images like those that it was validated on. On "
    "images of other origin, or saved in another way, they can be far worse.",
)


def case_page(judged: Judged, facts: dict[str, Any]) -> str:
    """Return the page of one image."""
    row, now = judged.row, datetime.now(UTC)
    name = row["name"].rsplit("/", 1)[-1]
    return page(
        name,
        _verdict(judged, facts),
        _worth(facts),
        _says(judged),
        _file(judged),
        _detector(facts),
        section("Limits", items(_LIMITS)),
        lead=_lead(row, facts),
        footer=f"Made by skfakereal {__version__} on {now:%Y-%m-%d at %H:%M:%S} UTC. "
        "The picture on this page is a copy without its metadata.",
    )


def _lead(row: dict[str, Any], facts: dict[str, Any]) -> str:
    if row["error"]:
        return f"This file could not be judged: it {row['error']}."
    if row["verdict"] == "unsure":
        return "The detector is unsure about this image."
    return f"The detector calls this image {row['verdict']}."


def _verdict(judged: Judged, facts: dict[str, Any]) -> Html:
    row = judged.row
    if row["error"]:
        return section("Verdict", note(f"No verdict: the file {row['error']}.", "plain"))
    of = facts["positive"] or row["label"]
    figures = [("verdict", row["verdict"]), (f"probability of {of}", row["probability"])]
    if row["threshold"] is not None:
        figures.append(("threshold", row["threshold"]))
    parts: list[Html] = [picture(judged.item.path, alt=f"The image {row['name']}")]
    parts.append(headlines(figures))
    if row["reasons"]:
        parts.append(note(" ".join(row["reasons"]), "warning"))
    elif row["threshold"] is not None and row["probability"] is not None:
        side = "below" if row["probability"] < row["threshold"] else "not below"
        said = f"The probability is {side} the threshold."
        parts.append(note(said, _KINDS.get(row["verdict"], "plain")))
    return section("Verdict", *parts)


def _worth(facts: dict[str, Any]) -> Html:
    heading, positive = "What the threshold is worth", facts["positive"]
    if facts["false_positive_rate"] is None:
        what = (
            "No error rates of this threshold are known: the model has no record of them."
        )
        return section(heading, what)
    n_negative, n_positive = facts["n_validation"]
    low, high = facts["false_positive_interval"] or (None, None)
    rows = [
        [
            f"{_others(facts)} images called {positive}",
            facts["false_positive_rate"],
            low,
            high,
            n_negative,
        ],
        [f"{positive} images found", facts["true_positive_rate"], None, None, n_positive],
    ]
    header = ("", "share", "95% from", "to", "of so many images")
    return section(heading, table(rows, header))


def _others(facts: dict[str, Any]) -> str:
    return " or ".join(name for name in facts["classes"] if name != facts["positive"])


def _says(judged: Judged) -> Html:
    said = judged.provenance
    parts: list[Html] = [note(f"{said.summary[:1].upper()}{said.summary[1:]}.")]
    if said.statements:
        rows = [[s.source, s.field, s.value, s.meaning, s.trust] for s in said.statements]
        parts.append(
            table(rows, ("where", "field", "what stands there", "meaning", "trust"))
        )
    if said.manifest is not None:
        facts = said.manifest
        known = [
            ("signed by", facts.signer),
            ("signed on", facts.signed_at),
            ("written by", facts.made_with),
            ("problems", "; ".join(facts.problems)),
            ("checked against", facts.trust_list),
        ]
        rows = [[name, value] for name, value in known if value]
        parts.append(table(rows, caption="C2PA manifest"))
    parts.append(details("What this is worth", items(limits())))
    return section("What the file itself says", *parts)


def _digest(digits: str) -> Html:
    """Return a digest that a narrow screen can break, and that is copied in one piece."""
    return Html("<wbr>".join(digits[i : i + 16] for i in range(0, 64, 16)))


def _file(judged: Judged) -> Html:
    row = judged.row
    rows: list[list[Any]] = [
        ["name", row["name"]],
        ["SHA-256", _digest(row["sha256"] or "")],
        ["bytes", None if row["bytes"] is None else f"{row['bytes']:,}"],
        ["pixels", None if row["width"] is None else f"{row['width']} x {row['height']}"],
    ]
    titles = {field.name: field.title for field in FIELDS}
    values = read_facts(judged.item.path).values if Path(judged.item.path).is_file() else {}
    for name in _FACTS:
        value = str(values.get(name, ""))
        if value not in ("", "nan", "(none)", "(does not apply)", "(not read)", "no"):
            rows.append([titles[name], value])
    return section("The file", table(rows))


def _detector(facts: dict[str, Any]) -> Html:
    rows = [
        ["model", facts["name"]],
        ["SHA-256 of its file", _digest(facts["sha256"])],
        ["trained", facts["made"]],
        ["classes", ", ".join(facts["classes"])],
        ["version of skfakereal", facts["version"]],
    ]
    parts = [table([row for row in rows if row[1]])]
    parts += [note(caution, "warning") for caution in facts["cautions"]]
    return section("The detector", *parts)
