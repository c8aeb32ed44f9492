"""An audit -> the files of ``skfakereal audit --out``."""

import csv
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from skfakereal.audit import AuditReport
from skfakereal.cli._audited import audit_record
from skfakereal.cli._parts import Part
from skfakereal.cli._record import describe_run
from skfakereal.cli._run_folder import seal

__all__ = ["GROUPS_FILE", "write_audit"]

GROUPS_FILE = "groups.csv"
_COLUMNS = ("path", "label", "part", "group", "copies")


def write_audit(
    folder: Path,
    report: AuditReport,
    parts: Mapping[str, Part],
    root: str,
    command_line: Sequence[str],
) -> None:
    """Write page, data, groups and record.

    Parameters
    ----------
    folder : Path
        Where to.
    report : AuditReport
        The audit.
    parts : mapping of str to Part
        What it is of, in order.
    root : str
        The folder that the images were listed from.
    command_line : sequence of str
        The words that asked for it.
    """
    report.save_html(folder / "report.html")
    data = json.dumps(report.to_dict(), indent=2)
    (folder / "audit.json").write_text(f"{data}\n", encoding="utf-8")
    _write_groups(folder / GROUPS_FILE, report, parts, root)
    names = report.target_names
    config = describe_run(
        command_line,
        data={
            "folder": root,
            "classes": names,
            **{name or "images": part.count(names) for name, part in parts.items()},
            "audit": audit_record(report, parts),
        },
    )
    seal(folder, config)


def _write_groups(
    place: Path, report: AuditReport, parts: Mapping[str, Part], root: str
) -> None:
    repeated = np.bincount(report.copies_)[report.copies_] > 1
    names = report.target_names
    labels = [names[i] for part in parts.values() for i in part.labels]
    splits = [name for name, part in parts.items() for _ in part.paths]
    with place.open("w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(_COLUMNS)
        for i, path in enumerate(report.paths):
            copies = report.copies_[i] if repeated[i] else ""
            # Below the folder, so that the file holds wherever the folder is called from.
            below = Path(os.path.relpath(path, root)).as_posix()
            rows.writerow([below, labels[i], splits[i], report.groups_[i], copies])
