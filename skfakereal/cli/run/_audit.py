"""The audit of labelled images: by itself, around equal copies, and before a training."""

import json
import warnings
from argparse import Namespace
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from skfakereal._images.read import ImageReadError
from skfakereal._pages.html import Html, details, note, paragraph, section, table
from skfakereal._shown import printable
from skfakereal._wording import counted
from skfakereal.audit import AuditReport, Finding, audit_images, equalize_images
from skfakereal.cli._output import complain, say, wants_progress
from skfakereal.cli._parts import (
    GROUPS_FILE,
    Part,
    has_groups,
    parts_by_split,
    write_groups,
)
from skfakereal.cli._paths import load_labelled
from skfakereal.cli.run._folder import describe_run, new_run, seal

if TYPE_CHECKING:
    from sklearn.utils import Bunch

_NAMED = 10
_PAGE = "audit.html"


def audit_folder(arguments: Namespace) -> int:
    """Audit a folder, and write a report if one is asked for."""
    out = arguments.out
    # First of all, so that a place that is taken comes to light before the work.
    with new_run(out, force=arguments.force) if out else nullcontext() as folder:
        bunch = load_labelled(arguments.folder, arguments.classes)
        report, parts = _audit(bunch, arguments)
        if bunch.left_out:
            report.findings.append(
                Finding(
                    "files left out",
                    "minor",
                    bunch.left_out,
                    "Neither this audit nor a training on this folder uses them.",
                    "Convert images that should be used to JPEG or PNG and move them into a "
                    "class folder. Name other class folders with --classes; split folders are "
                    "named train, validation and test.",
                )
            )
        say(repr(report))
        if folder is not None:
            _write(folder, report, parts, arguments)
    if out:
        say(f"\nThe report is {out}/report.html.")
    for error in report.unreadable[:_NAMED]:
        complain(printable(f"{error.path}: {error.reason}"))
    if report.unreadable:
        complain(f"{counted(len(report.unreadable), 'image')} could not be read")
    if arguments.strict and report.verdict != "clean":
        return 1
    return 3 if report.unreadable else 0


def _audit(bunch: "Bunch", arguments: Namespace) -> tuple[AuditReport, dict[str, Part]]:
    """Audit the images that `load_labelled` listed; return the parts that it is of, too."""
    parts, progress = (
        parts_by_split(Part.of(bunch), bunch),
        wants_progress(arguments.progress),
    )
    names, n_jobs = bunch.target_names, arguments.n_jobs
    return _audit_parts(parts, names, progress=progress, n_jobs=n_jobs), parts


def _write(
    folder: Path, report: AuditReport, parts: dict[str, Part], arguments: Namespace
) -> None:
    """Write page, data, groups and record."""
    root, names = arguments.folder, report.target_names
    report.save_html(folder / "report.html")
    data = json.dumps(report.to_dict(), indent=2)
    (folder / "audit.json").write_text(f"{data}\n", encoding="utf-8")
    labels = [names[i] for part in parts.values() for i in part.labels]
    splits = [name for name, part in parts.items() for _ in part.paths]
    write_groups(folder / GROUPS_FILE, report, labels, splits, root)
    config = describe_run(
        arguments.command_line,
        data={
            "folder": root,
            "classes": names,
            **{name or "images": part.count(names) for name, part in parts.items()},
            "audit": _record(report, parts),
        },
    )
    seal(folder, config)


def equalize_folder(arguments: Namespace) -> int:
    """Write copies of all classes in one format, and audit them."""
    _refuse_nested(arguments.folder, arguments.out)
    bunch = load_labelled(arguments.folder, arguments.classes)
    if arguments.audit:
        say(f"Before: {_headline(_audit(bunch, arguments)[0])}")
    copies = _copy(bunch, arguments)
    for failure in copies.failures:
        complain(printable(str(failure)))
    say(f"\n{copies.DESCR}")
    step = f"skfakereal train {arguments.out} --out RUN"
    if arguments.audit:
        after, _ = _audit(load_labelled(arguments.out, arguments.classes), arguments)
        say("\n".join([f"After: {_headline(after)}", *_severe_lines(after)]) + "\n")
        if after.verdict != "clean":
            step = f"skfakereal audit {arguments.out} shows what remains to be done before training"
    say(f"Next: {step}")
    if copies.failures:
        complain(f"{counted(len(copies.failures), 'image')} could not be copied")
    return 3 if copies.failures else 0


def _refuse_nested(folder: str, out: str) -> None:
    """Keep the copies out of what `train` and `audit` would list, and the reverse."""
    one, other = Path(folder).resolve(), Path(out).resolve()
    if one.is_relative_to(other) or other.is_relative_to(one):
        raise ValueError(
            f"OUT must lie outside FOLDER, and FOLDER outside OUT, but OUT is {out!r} and "
            f"FOLDER {folder!r}. Choose another OUT."
        )


def _copy(bunch: "Bunch", arguments: Namespace) -> "Bunch":
    below = [str(Path(path).parent.relative_to(arguments.folder)) for path in bunch.data]
    try:
        with warnings.catch_warnings():
            # The description says it too.
            warnings.filterwarnings("ignore", "The classes differ", UserWarning)
            return equalize_images(
                bunch.data,
                bunch.target,
                arguments.out,
                format=arguments.format,
                quality=arguments.quality,
                size=arguments.size,
                resize=arguments.resize,
                folders=below,
                target_names=bunch.target_names,
                on_error="skip" if arguments.skip_unreadable else "raise",
                n_jobs=arguments.n_jobs,
                verbose=int(wants_progress(arguments.progress)),
            )
    except ImageReadError as error:
        error.add_note("Or leave them out with --skip-unreadable; the others are written.")
        raise


def _headline(report: AuditReport) -> str:
    about = ", ".join(finding.name for finding in _severe(report))
    text: str = report.verdict
    strength = report.headline
    if strength.verdict != "too few images":
        text += (
            f", AUC {strength.auc:.3f} from metadata alone ({strength.low:.2f} to "
            f"{strength.high:.2f}; 0.5 is chance)"
        )
    return f"{text}. Found: {about or 'nothing'}."


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


def _severe_lines(report: AuditReport) -> list[str]:
    return [f"- {printable(f.what)}\n  What to do: {f.remedy}" for f in _severe(report)]


@dataclass(frozen=True)
class Audited:
    """What a run says and keeps of the audit of its images."""

    said: str  # for the screen: the answer, what was found, what to do
    # What the reader of any figure must know; nothing where the files are clean.
    cautions: list[str]
    record: dict[str, Any]  # for ``config.json``, as from `_record`
    section: Html  # for the page


def audit_run(
    parts: Mapping[str, Part], names: Sequence[str], folder: Path, *, progress: bool
) -> Audited:
    """Audit the images of a run, and write the audit's own page into its folder."""
    report = _audit_parts(parts, names, progress=progress)
    report.save_html(folder / _PAGE)
    return Audited(
        "\n".join([report.summary(), *_severe_lines(report)]),
        _cautions(report),
        _record(report, parts),
        _section(report),
    )


def _record(report: AuditReport, parts: Mapping[str, Part]) -> dict[str, Any]:
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
    about = ", ".join(finding.name for finding in _severe(report))
    return [
        f"The audit found these images {report.verdict} ({about or 'their metadata'}): "
        f"part of the figures may have nothing to do with fakes; {_PAGE} has the evidence."
    ]


def _section(report: AuditReport) -> Html:
    kinds = {"clean": "good", "suspicious": "warning", "leaking": "bad"}
    shown = paragraph("Nothing has to be changed.")
    if rows := [[f.severity, f.what, f.remedy] for f in report.findings]:
        findings = table(rows, ["severity", "finding", "what to do"])
        shown = details(counted(len(rows), "finding"), findings)
    return section(
        "Audit",
        note(report.summary(), kinds.get(report.verdict, "plain")),  # type: ignore[arg-type]
        shown,
        paragraph(f"The evidence, with pictures, is in {_PAGE} beside this page."),
    )
