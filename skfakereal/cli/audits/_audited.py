"""Labelled images -> their audit, and its lines for the screen."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from skfakereal._shown import printable
from skfakereal.audit import AuditReport, audit_images
from skfakereal.audit._words import Finding
from skfakereal.cli._output import complain, counted
from skfakereal.cli.images._inputs import load_labelled
from skfakereal.cli.images._parts import Part, has_groups

if TYPE_CHECKING:
    from sklearn.utils import Bunch

__all__ = [
    "audit_folder",
    "audit_parts",
    "complain_of_unreadable",
    "parts_by_split",
    "severe_lines",
]

_NAMED = 10
_WHY_LEFT_OUT = "Nothing here, nor any training on this folder, looks at them."
_PUT_IN_ORDER = (
    "Convert what should be looked at to JPEG or PNG and move it into a class folder. Classes "
    "of other names are named with --classes; split folders are called train, validation and "
    "test."
)


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
    bunch = load_labelled(folder, classes)
    parts = parts_by_split(bunch)
    report = audit_parts(parts, bunch.target_names, progress=progress, n_jobs=n_jobs)
    if bunch.left_out:
        report.findings.append(
            Finding("files left out", "minor", bunch.left_out, _WHY_LEFT_OUT, _PUT_IN_ORDER)
        )
    return report, parts


def parts_by_split(bunch: "Bunch") -> dict[str, Part]:
    """Return the images of each split folder, or all of them under the name "".

    Parameters
    ----------
    bunch : Bunch
        As from `load_labelled`.

    Returns
    -------
    dict of str to Part
        The parts, in order.
    """
    everything = Part(bunch.data.tolist(), bunch.target, bunch.groups)
    if "split" not in bunch:
        return {"": everything}
    return {
        str(name): everything.take(np.flatnonzero(bunch.split == name))
        for name in np.unique(bunch.split)
    }


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
        f"- {printable(finding.what)}\n  What to do: {finding.remedy}"
        for finding in report.findings
        if finding.severity != "minor"
    ]


def complain_of_unreadable(report: AuditReport) -> None:
    """Name the files that cannot be read, on standard error.

    Parameters
    ----------
    report : AuditReport
        The audit.
    """
    for error in report.unreadable[:_NAMED]:
        complain(printable(f"{error.path}: {error.reason}"))
    if report.unreadable:
        complain(f"{counted(len(report.unreadable), 'image')} could not be read")
