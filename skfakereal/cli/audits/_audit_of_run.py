"""The audit of a run's images -> what the run says of it, shows and keeps."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from skfakereal._html import Html, note, paragraph, section, table
from skfakereal.audit import AuditReport
from skfakereal.cli.audits._audited import audit_parts, severe_lines
from skfakereal.cli.images._parts import Part

__all__ = ["AUDIT_FILE", "Audited", "audit_record", "audit_run"]

AUDIT_FILE = "audit.html"


@dataclass(frozen=True)
class Audited:
    """What a run says and keeps of the audit of its images.

    Parameters
    ----------
    said : str
        For the screen: the answer, what was found, what to do.
    cautions : list of str
        What the reader of any figure must know; nothing where the files are clean.
    record : dict
        For ``config.json``, as from `audit_record`.
    section : Html
        For the page.
    """

    said: str
    cautions: list[str]
    record: dict[str, Any]
    section: Html


def audit_run(
    parts: Mapping[str, Part], names: Sequence[str], folder: Path, *, progress: bool
) -> Audited:
    """Audit the images of a run, and write the audit's own page into its folder.

    Parameters
    ----------
    parts : mapping of str to Part
        Its images.
    names : sequence of str
        What the classes are called.
    folder : Path
        The run.
    progress : bool
        Whether to show a bar.

    Returns
    -------
    Audited
        What there is to say.

    Raises
    ------
    ValueError
        If a class has no readable image.
    """
    report = audit_parts(parts, names, progress=progress)
    report.save_html(folder / AUDIT_FILE)
    severe = [f for f in report.findings if f.severity != "minor"]
    return Audited(
        "\n".join([report.summary(), *severe_lines(report)]),
        _cautions(report, [f.name for f in severe]),
        audit_record(report, parts),
        _section(report),
    )


def audit_record(report: AuditReport, parts: Mapping[str, Part]) -> dict[str, Any]:
    """Return what ``config.json`` keeps of an audit.

    Parameters
    ----------
    report : AuditReport
        The audit.
    parts : mapping of str to Part
        What it is of.

    Returns
    -------
    dict
        ``word``, the verdict; ``headline``, the AUC of the metadata model (None where
        there are too few images), with its ``interval``; ``findings``, each with its
        ``name``, ``word``, ``evidence`` and ``remedy``; ``duplicates_across_splits``, how
        many images of the test part have a copy in another one; ``unreadable``, how many files.
    """
    headline = report.to_dict()["headline"]
    tested = np.concatenate([[name == "test"] * len(p.paths) for name, p in parts.items()])
    across = np.isin(report.copies_[tested], report.copies_[~tested])
    return {
        "word": report.verdict,
        "headline": headline["auc"],
        "interval": headline["interval"],
        "findings": [
            {
                "name": finding.name,
                "word": finding.severity,
                "evidence": finding.what,
                "remedy": finding.remedy,
            }
            for finding in report.findings
        ],
        "duplicates_across_splits": int(across.sum()),
        "unreadable": len(report.unreadable),
    }


def _cautions(report: AuditReport, about: list[str]) -> list[str]:
    if report.verdict not in ("suspicious", "leaking"):
        return []
    return [
        f"The audit calls these images {report.verdict} "
        f"({', '.join(about) or 'their metadata'}): part of the figures may have "
        f"nothing to do with fakes; {AUDIT_FILE} has the evidence."
    ]


def _section(report: AuditReport) -> Html:
    kinds = {"clean": "good", "suspicious": "warning", "leaking": "bad"}
    rows = [[f.severity, f.what, f.remedy] for f in report.findings]
    found = (
        table(rows, ["", "what was found", "what to do"])
        if rows
        else paragraph("There is nothing to do.")
    )
    return section(
        "What the files give away",
        note(report.summary(), kinds.get(report.verdict, "plain")),  # type: ignore[arg-type]
        found,
        paragraph(f"The evidence, with pictures, is in {AUDIT_FILE} beside this page."),
    )
