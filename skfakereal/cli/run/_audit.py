"""The audit of labelled images, as `audit`, `equalize` and `train` have it made."""

from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from skfakereal._pages.html import Html, details, note, section, table
from skfakereal._shown import printable
from skfakereal._wording import counted
from skfakereal.audit import AuditReport, Finding, audit_images
from skfakereal.cli._images import Part, has_groups, parts_by_split
from skfakereal.cli._output import wants_progress

if TYPE_CHECKING:
    from sklearn.utils import Bunch

_PAGE = "audit.html"


def audit_listed(
    bunch: "Bunch", arguments: Namespace
) -> tuple[AuditReport, dict[str, Part]]:
    """Audit the images that `load_labelled` listed; return the parts that it is of, too."""
    parts, names = parts_by_split(Part.of(bunch), bunch), bunch.target_names
    progress, n_jobs = wants_progress(arguments.progress), arguments.n_jobs
    return _audit_parts(parts, names, progress=progress, n_jobs=n_jobs), parts


def _audit_parts(
    parts: Mapping[str, Part],
    names: Sequence[str],
    *,
    progress: bool,
    n_jobs: int | None = None,
) -> AuditReport:
    """Audit images, each part of them a split; one part alone is no split."""
    images = Part(
        [path for part in parts.values() for path in part.paths],
        np.concatenate([part.labels for part in parts.values()]),
        np.concatenate([part.groups for part in parts.values()]),
    )
    split = [name for name, part in parts.items() for _ in part.paths]
    return audit_images(
        images.paths,
        images.labels,
        groups=images.groups if has_groups(images) else None,
        split=split if len(parts) > 1 else None,
        target_names=names,
        n_jobs=n_jobs,
        verbose=int(progress),
    )


def _severe(report: AuditReport) -> list[Finding]:
    """Return the findings that count for the verdict."""
    return [finding for finding in report.findings if finding.severity != "minor"]


def severe_names(report: AuditReport) -> str:
    """Return what they are called, with commas between."""
    return ", ".join(finding.name for finding in _severe(report))


def severe_lines(report: AuditReport) -> list[str]:
    """Return one for each, with what to do."""
    return [f"- {printable(f.what)}\n  What to do: {f.remedy}" for f in _severe(report)]


@dataclass(frozen=True)
class Audited:
    """What a run says and keeps of the audit of its images."""

    said: str  # for the screen: the answer, what was found, what to do
    # What the reader of any figure must know; nothing where the files are clean.
    cautions: list[str]
    record: dict[str, Any]  # for ``config.json``, as from `record_of`
    section: Html  # for the page


def audit_run(
    parts: Mapping[str, Part], names: Sequence[str], folder: Path, *, progress: bool
) -> Audited:
    """Audit the images of a run, and write the audit's own page into its folder."""
    report = _audit_parts(parts, names, progress=progress)
    report.save_html(folder / _PAGE)
    return Audited(
        "\n".join([report.summary(), *severe_lines(report)]),
        _cautions(report),
        record_of(report, parts),
        _section(report),
    )


def record_of(report: AuditReport, parts: Mapping[str, Part]) -> dict[str, Any]:
    """Return what ``config.json`` keeps of an audit."""
    headline = report.to_dict()["headline"]
    tested = np.concatenate([[name == "test"] * len(p.paths) for name, p in parts.items()])
    across = np.isin(report.copies_[tested], report.copies_[~tested])
    return {
        "word": report.verdict,
        "headline": headline["auc"],
        "interval": headline["interval"],
        "findings": [
            {"name": f.name, "word": f.severity, "evidence": f.what, "remedy": f.remedy}
            for f in report.findings
        ],
        "duplicates_across_splits": int(across.sum()),
        "unreadable": len(report.unreadable),
    }


def _cautions(report: AuditReport) -> list[str]:
    if report.verdict not in ("suspicious", "leaking"):
        return []
    return [
        f"The audit found these images {report.verdict} "
        f"({severe_names(report) or 'their metadata'}): part of the figures may have "
        f"nothing to do with fakes; {_PAGE} has the evidence."
    ]


def _section(report: AuditReport) -> Html:
    kinds = {"clean": "good", "suspicious": "warning", "leaking": "bad"}
    shown: str = "Nothing has to be changed."
    if rows := [[f.severity, f.what, f.remedy] for f in report.findings]:
        findings = table(rows, ["severity", "finding", "what to do"])
        shown = details(counted(len(rows), "finding"), findings)
    return section(
        "Audit",
        note(report.summary(), kinds.get(report.verdict, "plain")),  # type: ignore[arg-type]
        shown,
        f"The evidence, with pictures, is in {_PAGE} beside this page.",
    )
