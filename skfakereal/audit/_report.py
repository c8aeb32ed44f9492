"""What an audit found: as words, as data, as a page for a reader who is new to the field."""

from collections.abc import Mapping, Sequence
from dataclasses import InitVar, asdict, dataclass, replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from skfakereal._images.read import ImageReadError
from skfakereal._pages.html import (
    Html,
    details,
    folds,
    fragment,
    headlines,
    items,
    meaning,
    note,
    section,
    table,
)
from skfakereal._pages.pictures import gallery, picture
from skfakereal._pages.report import Report, records_frame
from skfakereal._shown import printable
from skfakereal.audit._duplicates import Copies
from skfakereal.audit._findings import SizeAdvice, next_steps
from skfakereal.audit._leak import Shortcut
from skfakereal.audit._verdict import (
    LEAKING_FROM,
    SUSPICIOUS_FROM,
    TOO_FEW,
    VERDICTS,
    AuditVerdict,
    Finding,
    Strength,
    headline_text,
    overall_verdict,
    percent,
)

if TYPE_CHECKING:
    import pandas as pd

_KINDS: dict[str, Literal["good", "warning", "bad"]] = {
    "clean": "good",
    "suspicious": "warning",
    "leaking": "bad",
}
_UNREADABLE_SHOWN = 20
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


@dataclass(kw_only=True, eq=False, repr=False)
class AuditReport(Report):
    """The result of `audit_images`. Printing it shows the result in plain words.

    Parameters
    ----------
    paths : list of str
        All files.
    target_names : list of str
        Names of the classes.
    class_counts : dict of str to int
        Readable images of each class.
    headline : Strength
        What a model that sees only the metadata reaches: `auc`, `low`, `high` (95%
        interval) and its own `verdict`.
    shortcuts : list of Shortcut
        Every field with its strength and evidence, the strongest first.
    exact : Copies
        Files of identical content.
    copies : Copies
        These together with near duplicates.
    shortest_side : int
        Pixels of the shortest side of all readable images.
    size : SizeAdvice
        The advised size for `equalize_images`: `side`, which every image whose shorter
        side has `needed` pixels can be brought to, and the `n_left_out` that have less.
    findings : list of Finding
        What is wrong and what to do, the worst first.
    unreadable : list of ImageReadError
        Files that cannot be read, with `index`, `path` and `reason`.
    readable : ndarray of shape (n_readable,)
        Positions of the readable files in `paths`.
    copies_ : ndarray of shape (n_images,)
        Numbers: images that are copies of each other, directly or by way of others, have
        the same.
    groups_ : ndarray of shape (n_images,)
        Numbers for a group-wise splitter: images of one given group, and copies of each
        other, have the same, directly or by way of others. A copy in two given groups
        makes them one; leave it out to keep them apart.

    See Also
    --------
    audit_images : Makes the report.
    equalize_images : The usual remedy.
    """

    _footer: ClassVar[str] = "Made by skfakereal.audit."

    paths: list[str]
    target_names: list[str]
    class_counts: dict[str, int]
    headline: Strength
    shortcuts: list[Shortcut]
    exact: Copies
    copies: Copies
    shortest_side: int
    size: SizeAdvice
    findings: list[Finding]
    unreadable: list[ImageReadError]
    readable: InitVar[NDArray[np.intp]]
    copies_: NDArray[np.intp]
    groups_: NDArray[np.intp]

    def __post_init__(self, readable: NDArray[np.intp]) -> None:
        self._readable = readable
        # Let the examples count all files, as `paths` does, not the readable ones.
        self.exact, self.copies = (
            replace(c, examples=[readable[cluster].tolist() for cluster in c.examples])
            for c in (self.exact, self.copies)
        )

    @property
    def verdict(self) -> AuditVerdict:
        """The worst word of headline and findings."""
        return overall_verdict(self.headline, self.findings)

    def summary(self) -> str:
        """Return the result in a few sentences.

        Returns
        -------
        str
            The verdict, what it means, and the headline.
        """
        meaning = f"{VERDICTS[self.verdict]} {headline_text(self.headline)}"
        return f"The audit says “{self.verdict}”. {meaning}"

    def __repr__(self) -> str:
        counts = ", ".join(f"{n:,} {name}" for name, n in self.class_counts.items())
        lines = [
            f"AuditReport: {self.verdict.upper()}",
            VERDICTS[self.verdict],
            "",
            f"{sum(self.class_counts.values()):,} images: {counts}.",
            headline_text(self.headline),
        ]
        for finding in self.findings:
            lines += [
                "",
                f"[{finding.severity}] {finding.what}",
                f"  Why it matters: {finding.why}",
                f"  What to do: {finding.remedy}",
            ]
        steps = enumerate(self._steps(), 1)
        lines += ["", "Next:", *(f"  {i}. {step}" for i, step in steps)]
        return "\n".join(map(printable, lines))

    def _repr_html_(self) -> str:
        return str(fragment(*self.html_sections()))

    @property
    def _title(self) -> str:
        return f"Audit: {self.verdict}"

    @property
    def _lead(self) -> str:
        return VERDICTS[self.verdict]

    def to_frame(self) -> "pd.DataFrame":
        """Return the shortcuts as a table of pandas.

        Returns
        -------
        pandas.DataFrame
            One row for each field of the metadata by ``name``, the strongest first, with
            ``title``, ``auc``, ``low``, ``high`` and ``verdict``.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        rows = [
            {"name": s.field.name, "title": s.field.title, **asdict(s.strength)}
            for s in self.shortcuts
        ]
        return records_frame(rows, index="name")

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain data, for JSON.

        Returns
        -------
        dict
            Of strings, numbers, lists and dicts only; what is undefined is None. The
            groups are left out: they are one number for each image.
        """
        return {
            "verdict": self.verdict,
            "n_images": len(self.paths),
            "class_counts": dict(self.class_counts),
            "shortest_side": self.shortest_side,
            "advised_size": {
                "side": self.size.side,
                "needed": self.size.needed,
                "n_left_out": self.size.n_left_out,
            },
            "headline": _strength_data(self.headline),
            "findings": [{**asdict(f), "fields": list(f.fields)} for f in self.findings],
            "shortcuts": {
                s.field.name: _shortcut_data(s, self.target_names) for s in self.shortcuts
            },
            "exact_duplicates": _copies_data(self.exact, self.paths),
            "duplicates": _copies_data(self.copies, self.paths),
            "unreadable": [
                {"index": e.index, "path": e.path, "reason": e.reason}
                for e in self.unreadable
            ],
        }

    def html_sections(self) -> list[Html]:
        """Return the report as sections for an HTML page.

        Returns
        -------
        list of Html
            Findings, shortcuts, copies, and what could not be read.
        """
        names = list(self.class_counts)
        readable = [self.paths[i] for i in self._readable]
        parts = [_headline(self.headline, self.class_counts, self.copies)]
        parts.append(section("What to do next", items(self._steps())))
        if self.findings:
            parts.append(_findings(self.findings, self.shortcuts, readable, names))
        if self.copies.examples:
            parts.append(_copies(self.copies, self.paths))
        if self.unreadable:
            parts.append(_unreadable(self.unreadable))
        return [*parts, _all_fields(self.shortcuts, names)]

    def _steps(self) -> list[str]:
        return next_steps(self.verdict, self.findings, self.size)


def _strength_data(strength: Strength) -> dict[str, Any]:
    return {
        "auc": None if np.isnan(strength.auc) else strength.auc,
        "interval": [strength.low, strength.high],
        "verdict": strength.verdict,
    }


def _shortcut_data(shortcut: Shortcut, names: Sequence[str]) -> dict[str, Any]:
    """Return a field with its evidence."""
    return {
        "title": shortcut.field.title,
        "in_headline": shortcut.field.in_headline,
        **_strength_data(shortcut.strength),
        "values": [
            {"value": row.value, "counts": dict(zip(names, row.counts, strict=True))}
            for row in shortcut.rows
        ],
    }


def _copies_data(copies: Copies, paths: Sequence[str]) -> dict[str, Any]:
    """Return copies with the paths of a few examples."""
    return {
        "n_sets": copies.n_clusters,
        "n_images": copies.n_images,
        "sets_across_classes": copies.across_classes,
        "sets_across_groups": copies.across_groups,
        "images_across_splits": [
            {"of": a, "with_a_copy_in": b, "n_images": n}
            for (a, b), n in copies.across_splits.items()
        ],
        "examples": [[paths[i] for i in cluster] for cluster in copies.examples],
    }


def _headline(headline: Strength, counts: Mapping[str, int], copies: Copies) -> Html:
    figures = [("AUC of the metadata alone", headline.auc)]
    figures += [(f"{name} images", n) for name, n in counts.items()]
    figures += [("files that repeat another", copies.n_extra)]
    word = "" if headline.verdict == TOO_FEW else f"{headline.verdict.capitalize()}. "
    return section(
        "Do the files give the classes away?",
        headlines(figures),
        note(word + headline_text(headline), _KINDS.get(headline.verdict, "plain")),
        meaning(items(_MEANINGS)),
    )


def _findings(
    findings: Sequence[Finding],
    shortcuts: Sequence[Shortcut],
    paths: Sequence[str],
    names: list[str],
) -> Html:
    by_name = {s.field.name: s for s in shortcuts}
    parts: list[str] = []
    for finding in findings:
        severity = finding.severity.capitalize()
        parts += [
            note(f"{severity}: {finding.what}", _KINDS.get(finding.severity, "plain")),
            f"What to do: {finding.remedy}",
            details("Why it matters", finding.why),
        ]
        if finding.fields:
            parts.append(_evidence(by_name[finding.fields[0]], paths, names))
    return section("Findings", *parts)


def _evidence(shortcut: Shortcut, paths: Sequence[str], names: list[str]) -> Html:
    # The example of each class is of the value that it has most often.
    pictures = []
    for c, name in enumerate(names):
        typical = max(shortcut.rows, key=lambda r: r.shares[c])
        pictures += [
            picture(paths[i], f"{name}: {typical.value} ({_short_path(paths[i])})")
            for i in typical.examples[c][:2]
        ]
    summary = f"{shortcut.field.title}: {len(shortcut.rows)} values, and examples"
    return details(summary, _values(shortcut, names), gallery(pictures))


def _values(shortcut: Shortcut, names: list[str]) -> Html:
    rows = []
    for row in shortcut.rows:
        counts = zip(row.counts, row.shares, strict=True)
        rows.append([row.value, *(f"{n:,} ({percent(share)})" for n, share in counts)])
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
        f"{copies.n_clusters:,} sets of {copies.n_images:,} images that are identical "
        "or near-duplicates. Each row below is one set.",
        *parts,
    )


def _unreadable(unreadable: Sequence[ImageReadError]) -> Html:
    rows = [[e.index, e.path, e.reason] for e in unreadable[:_UNREADABLE_SHOWN]]
    more = len(unreadable) - len(rows)
    return section(
        "Files that cannot be read",
        table(rows, ["position", "path", "reason"]),
        *([f"And {more:,} more."] if more else []),
    )


def _all_fields(shortcuts: Sequence[Shortcut], names: list[str]) -> Html:
    rows = []
    for s in shortcuts:
        word = s.strength.verdict if s.field.judged else "not counted"
        interval = f"{s.strength.low:.2f} to {s.strength.high:.2f}"
        rows.append([s.field.title, s.strength.auc, interval, word])
    return section(
        "In numbers",
        folds(
            details(
                f"All {len(rows)} properties",
                table(rows, ["property", "AUC on its own", "95% interval", "verdict"]),
            ),
            *(
                details(f"{s.field.title}: values by class", _values(s, names))
                for s in shortcuts
                if len(s.rows) > 1
            ),
        ),
    )


def _short_path(path: str) -> str:
    """Return the end of a path, which usually tells split and class too."""
    return "/".join(PurePath(path).parts[-3:])
