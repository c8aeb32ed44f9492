"""What an audit found: as words, as data, as a page."""

from collections.abc import Sequence
from dataclasses import InitVar, asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from skfakereal._images.read import ImageReadError
from skfakereal._pages.html import Html, fragment
from skfakereal._pages.report import Report, records_frame
from skfakereal._shown import printable
from skfakereal.audit._duplicates import Copies
from skfakereal.audit._findings import SizeAdvice, next_steps
from skfakereal.audit._leak import Shortcut
from skfakereal.audit._page import audit_sections, verdict_text
from skfakereal.audit._verdict import (
    AuditVerdict,
    Finding,
    Strength,
    headline_text,
    overall_verdict,
)


def strength_data(strength: Strength) -> dict[str, Any]:
    return {
        "auc": None if np.isnan(strength.auc) else strength.auc,
        "interval": [strength.low, strength.high],
        "verdict": strength.verdict,
    }


def shortcut_data(shortcut: Shortcut, names: Sequence[str]) -> dict[str, Any]:
    """Return a field with its evidence."""
    return {
        "title": shortcut.field.title,
        "in_headline": shortcut.field.in_headline,
        **strength_data(shortcut.strength),
        "values": [
            {"value": row.value, "counts": dict(zip(names, row.counts, strict=True))}
            for row in shortcut.rows
        ],
    }


def copies_data(copies: Copies, paths: Sequence[str]) -> dict[str, Any]:
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


if TYPE_CHECKING:
    import pandas as pd


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
        meaning = f"{verdict_text(self.verdict)} {headline_text(self.headline)}"
        return f"The audit says “{self.verdict}”. {meaning}"

    def __repr__(self) -> str:
        counts = ", ".join(f"{n:,} {name}" for name, n in self.class_counts.items())
        lines = [
            f"AuditReport: {self.verdict.upper()}",
            verdict_text(self.verdict),
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
        steps = next_steps(self.verdict, self.findings, self.size)
        lines += ["", "Next:", *(f"  {i}. {step}" for i, step in enumerate(steps, 1))]
        return "\n".join(map(printable, lines))

    def _repr_html_(self) -> str:
        return str(fragment(*self.html_sections()))

    @property
    def _title(self) -> str:
        return f"Audit: {self.verdict}"

    @property
    def _lead(self) -> str:
        return verdict_text(self.verdict)

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
            "headline": strength_data(self.headline),
            "findings": [{**asdict(f), "fields": list(f.fields)} for f in self.findings],
            "shortcuts": {
                s.field.name: shortcut_data(s, self.target_names) for s in self.shortcuts
            },
            "exact_duplicates": copies_data(self.exact, self.paths),
            "duplicates": copies_data(self.copies, self.paths),
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
        return audit_sections(
            headline=self.headline,
            steps=next_steps(self.verdict, self.findings, self.size),
            findings=self.findings,
            shortcuts=self.shortcuts,
            copies=self.copies,
            unreadable=self.unreadable,
            class_counts=self.class_counts,
            readable=[self.paths[i] for i in self._readable],
            paths=self.paths,
        )
