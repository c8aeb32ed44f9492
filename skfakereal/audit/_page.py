"""Parts of an audit -> parts of an HTML page, for a reader who is new to the field."""

from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import Literal

from skfakereal._images.read import ImageReadError
from skfakereal._pages.html import (
    Html,
    details,
    folds,
    headlines,
    items,
    meaning,
    note,
    paragraph,
    section,
    table,
)
from skfakereal._pages.pictures import gallery, picture
from skfakereal.audit._duplicates import Copies
from skfakereal.audit._leak import Shortcut
from skfakereal.audit._verdict import (
    LEAKING_FROM,
    SUSPICIOUS_FROM,
    TOO_FEW,
    AuditVerdict,
    Finding,
    Strength,
    headline_text,
    percent,
)

Kind = Literal["plain", "good", "warning", "bad"]
_KINDS: dict[str, Kind] = {"leaking": "bad", "suspicious": "warning", "minor": "plain"}
_UNREADABLE_SHOWN = 20

_VERDICTS: dict[AuditVerdict, str] = {
    "clean": "Nothing was found that gives the classes away without looking at the pictures.",
    "suspicious": "Look at the findings before you train: part of what a detector would "
    "learn or score here may have nothing to do with fakes.",
    "leaking": "Do not train on these files as they are: a detector would score well "
    "without having learned what a fake looks like.",
    "too few images": "There are too few images to judge: at least ten readable ones of each "
    "class are needed, better some hundreds.",
}
_MEANINGS = (
    "AUC: how often a random fake image gets a higher score than a random real one. 0.5 is "
    "chance, 1 is perfect. It is cross-validated.",
    f"Leaking: AUC of {LEAKING_FROM} or more, and certainly above {SUSPICIOUS_FROM}. "
    f"Suspicious: {SUSPICIOUS_FROM} or more, and certainly above 0.5. Copies count as "
    "suspicious from 0.5% of a split on, as leaking from 5% on.",
    "In small sets only strong leaks stand out from chance, so a property is reported only if "
    "an exact test rules chance out. The result says how large a leak could go unseen.",
    "Minor: more than chance, but too little to count for the verdict.",
    "File size is shown but not counted: at equal format and pixel size it follows from "
    "what the picture shows.",
    "Clean means that these checks found nothing. Shortcuts in the pictures themselves "
    "(subjects, colours, old compression) are beyond them: saving files again removes "
    "metadata and differences in format, but never all traces of earlier compression.",
)


def verdict_text(verdict: AuditVerdict) -> str:
    """Return what a verdict means for the reader."""
    return _VERDICTS[verdict]


def audit_sections(
    *,
    headline: Strength,
    steps: Sequence[str],
    findings: Sequence[Finding],
    shortcuts: Sequence[Shortcut],
    copies: Copies,
    unreadable: Sequence[ImageReadError],
    class_counts: Mapping[str, int],
    readable: Sequence[str],
    paths: Sequence[str],
) -> list[Html]:
    """Return the sections of the report."""
    names = list(class_counts)
    parts = [_headline(headline, class_counts, copies)]
    parts.append(section("What to do next", items(steps)))
    if findings:
        parts.append(_findings(findings, shortcuts, readable, names))
    if copies.examples:
        parts.append(_copies(copies, paths))
    if unreadable:
        parts.append(_unreadable(unreadable))
    parts.append(_all_fields(shortcuts, names))
    return parts


def _headline(headline: Strength, counts: Mapping[str, int], copies: Copies) -> Html:
    figures = [("AUC of the metadata alone", headline.auc)]
    figures += [(f"{name} images", n) for name, n in counts.items()]
    figures += [("files that repeat another", copies.n_extra)]
    kinds: dict[AuditVerdict, Kind] = {
        "clean": "good",
        "suspicious": "warning",
        "leaking": "bad",
    }
    kind = kinds.get(headline.verdict, "plain")
    word = "" if headline.verdict == TOO_FEW else f"{headline.verdict.capitalize()}. "
    return section(
        "Do the files give the classes away?",
        headlines(figures),
        note(word + headline_text(headline), kind),
        meaning(items(_MEANINGS)),
    )


def _findings(
    findings: Sequence[Finding],
    shortcuts: Sequence[Shortcut],
    paths: Sequence[str],
    names: list[str],
) -> Html:
    by_name = {s.field.name: s for s in shortcuts}
    parts: list[Html] = []
    for finding in findings:
        severity = finding.severity.capitalize()
        parts += [
            note(f"{severity}: {finding.what}", _KINDS[finding.severity]),
            paragraph(f"What to do: {finding.remedy}"),
            details("Why it matters", paragraph(finding.why)),
        ]
        if finding.fields:
            parts += _evidence(by_name[finding.fields[0]], paths, names)
    return section("Findings", *parts)


def _evidence(shortcut: Shortcut, paths: Sequence[str], names: list[str]) -> list[Html]:
    row = shortcut.rows[0]
    # The example of each class is of the value that it has most often.
    pictures = []
    for c, name in enumerate(names):
        typical = max(shortcut.rows, key=lambda r: r.shares[c])
        pictures += [
            picture(paths[i], f"{name}: {typical.value} ({_short_path(paths[i])})")
            for i in typical.examples[c][:2]
        ]
    summary = f"{shortcut.field.title}: {len(shortcut.rows)} values, and examples"
    if not row.counts:
        return []
    return [details(summary, _values(shortcut, names), gallery(pictures))]


def _values(shortcut: Shortcut, names: list[str]) -> Html:
    rows = [
        [
            row.value,
            *(
                f"{n:,} ({percent(share)})"
                for n, share in zip(row.counts, row.shares, strict=True)
            ),
        ]
        for row in shortcut.rows
    ]
    return table(rows, [shortcut.field.title, *names])


def _copies(copies: Copies, paths: Sequence[str]) -> Html:
    parts: list[Html] = []
    if copies.across_splits:
        rows = [[a, b, n] for (a, b), n in copies.across_splits.items()]
        parts.append(table(rows, ["images of", "with a copy in", "number"]))
    parts += [
        gallery(picture(paths[i], _short_path(paths[i])) for i in cluster)
        for cluster in copies.examples
    ]
    return section(
        "Copies",
        paragraph(
            f"{copies.n_clusters:,} sets of {copies.n_images:,} images that are identical "
            "or near-duplicates. Each row below is one set."
        ),
        *parts,
    )


def _unreadable(unreadable: Sequence[ImageReadError]) -> Html:
    rows = [[e.index, e.path, e.reason] for e in unreadable[:_UNREADABLE_SHOWN]]
    more = len(unreadable) - len(rows)
    return section(
        "Files that cannot be read",
        table(rows, ["position", "path", "reason"]),
        *([paragraph(f"And {more:,} more.")] if more else []),
    )


def _all_fields(shortcuts: Sequence[Shortcut], names: list[str]) -> Html:
    rows = []
    for s in shortcuts:
        word = s.strength.verdict if s.field.judged else "not counted"
        interval = f"{s.strength.low:.2f} to {s.strength.high:.2f}"
        rows.append([s.field.title, s.strength.auc, interval, word])
    varied = [s for s in shortcuts if len(s.rows) > 1]
    return section(
        "In numbers",
        folds(
            details(
                f"All {len(rows)} properties",
                table(rows, ["property", "AUC on its own", "95% interval", "verdict"]),
            ),
            *(
                details(f"{s.field.title}: values by class", _values(s, names))
                for s in varied
            ),
        ),
    )


def _short_path(path: str) -> str:
    """Return the end of a path, which usually tells split and class too."""
    return "/".join(PurePath(path).parts[-3:])
