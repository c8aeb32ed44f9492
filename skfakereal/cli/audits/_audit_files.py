"""An audit -> the files of ``skfakereal audit --out``."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from skfakereal.audit import AuditReport
from skfakereal.cli.audits._audit_of_run import audit_record
from skfakereal.cli.images._groups_file import GROUPS_FILE, write_groups
from skfakereal.cli.images._parts import Part
from skfakereal.cli.runs._record import describe_run
from skfakereal.cli.runs._run_folder import seal

__all__ = ["write_audit"]


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
    names = report.target_names
    labels = [names[i] for part in parts.values() for i in part.labels]
    splits = [name for name, part in parts.items() for _ in part.paths]
    write_groups(folder / GROUPS_FILE, report, labels, splits, root)
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
