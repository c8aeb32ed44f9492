"""Labelled images -> their audit, and what a run says and keeps of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from skfakereal._html import Html, note, paragraph, section, table
from skfakereal.audit import AuditReport, audit_images
from skfakereal.cli._output import complain, counted
from skfakereal.cli._parts import Part, has_groups
from skfakereal.datasets import load_image_folder

__all__ = [
    "AUDIT_FILE",
    "Audited",
    "audit_folder",
    "audit_parts",
    "audit_record",
    "audit_run",
    "complain_of_unreadable",
    "severe_lines",
]

AUDIT_FILE = "audit.html"
_NAMED = 10


def audit_folder(
    folder: str, classes: Sequence[str], *, progress: bool, n_jobs: int | None = None
) -> tuple[AuditReport, dict[str, Part]]:
    """Audit a folder of labelled images.

    Parameters
    ----------
    folder : str
        As `load_image_folder` takes it.
    classes : sequence of str
        Its class folders.
    progress : bool
        Whether to show a bar.
    n_jobs : int, default=None
        Processes that read images.

    Returns
    -------
    report : AuditReport
        The audit.
    parts : dict of str to Part
        What it is of, in order: a part for each split folder, or one without a name.

    Raises
    ------
    OSError, ValueError
        If the folder is no such folder, or a class has no readable image.
    """
    bunch = load_image_folder(folder, classes=classes)
    everything = Part(bunch.data.tolist(), bunch.target, bunch.groups)
    parts = {"": everything}
    if "split" in bunch:
        parts = {
            str(name): everything.take(np.flatnonzero(bunch.split == name))
            for name in np.unique(bunch.split)
        }
    report = audit_parts(parts, bunch.target_names, progress=progress, n_jobs=n_jobs)
    return report, parts


def audit_parts(
    parts: Mapping[str, Part],
    names: Sequence[str],
    *,
    progress: bool,
    n_jobs: int | None = None,
) -> AuditReport:
    """Audit images, each part of them a split.

    Parameters
    ----------
    parts : mapping of str to Part
        The images of each part by its name; one part alone is no split.
    names : sequence of str
        What the classes are called.
    progress : bool
        Whether to show a bar.
    n_jobs : int, default=None
        Processes that read images.

    Returns
    -------
    AuditReport
        Of all images, part by part.

    Raises
    ------
    ValueError
        If a class has no readable image.
    """
    paths = [path for part in parts.values() for path in part.paths]
    groups = np.concatenate([part.groups for part in parts.values()])
    split = [name for name, part in parts.items() for _ in part.paths]
    return audit_images(
        paths,
        np.concatenate([part.labels for part in parts.values()]),
        groups=groups if has_groups(groups) else None,
        split=split if len(parts) > 1 else None,
        target_names=names,
        n_jobs=n_jobs,
        verbose=int(progress),
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


def severe_lines(report: AuditReport) -> list[str]:
    """Return the findings that count for the verdict, as lines for the screen.

    Parameters
    ----------
    report : AuditReport
        The audit.

    Returns
    -------
    list of str
        What was found, and what to do.
    """
    return [
        f"- {finding.what}\n  What to do: {finding.remedy}"
        for finding in report.findings
        if finding.severity != "minor"
    ]


def _cautions(report: AuditReport, about: list[str]) -> list[str]:
    if report.verdict not in ("suspicious", "leaking"):
        return []
    return [
        f"The audit calls these images {report.verdict} "
        f"({', '.join(about) or 'their metadata'}): part of the figures below may have "
        "nothing to do with fakes. See “What the files give away”."
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


def complain_of_unreadable(report: AuditReport) -> None:
    """Name the files that cannot be read, on standard error.

    Parameters
    ----------
    report : AuditReport
        The audit.
    """
    for error in report.unreadable[:_NAMED]:
        complain(f"{error.path}: {error.reason}")
    if report.unreadable:
        complain(f"{counted(len(report.unreadable), 'image')} could not be read")
