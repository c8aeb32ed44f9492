"""``skfakereal audit``: do the files give the class away?"""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from skfakereal._shown import printable
from skfakereal._wording import counted
from skfakereal.cli._arguments import add_classes, add_folder, add_n_jobs
from skfakereal.cli._output import complain, say
from skfakereal.cli.run._folder import asked_run, describe_run, seal, write_json

if TYPE_CHECKING:
    from skfakereal.audit import AuditReport
    from skfakereal.cli._images import Part

SUMMARY = "check whether the files give the class away"
DESCRIPTION = """\
Look for what gives the class away without looking at the pictures: file formats,
pixel sizes, JPEG settings, EXIF and other metadata, borders; and for copies that
could be in both the training and the test part. A detector learns such things
first, does well in its test, and fails elsewhere. Run it before training.

FOLDER is laid out as for `skfakereal train`. Files are only read.
"""
EPILOG = """\
examples:
  skfakereal audit photos/
  skfakereal audit photos/ --out audit/
  skfakereal audit photos/ --strict --n-jobs -1

what it answers:
  clean           nothing was found: train
  suspicious      look at the findings first
  leaking         do not train on these files as they are
  too few images  at least ten readable images of each class are needed

with --out:
  report.html   the report, with example images
  audit.json    the same as data
  groups.csv    path,label,part,group,copies: images that must stay together,
                for `skfakereal train --groups`; images with the same number
                in copies are copies of each other
  config.json   versions, counts, command

exit codes:
  0 done    1 error, or --strict and the answer is not "clean"    2 wrong usage
  3 done, but some images could not be read (they are listed, and left out)
"""

_NAMED = 10


def add_arguments(parser: ArgumentParser) -> None:
    add_folder(parser)
    parser.add_argument("--out", metavar="RUN", help="write a folder with the report")
    parser.add_argument("--force", action="store_true", help="replace an earlier one")
    parser.add_argument(
        "--strict",
        action="store_true",
        help='end with exit code 1 unless the answer is "clean": for scripts',
    )
    add_classes(parser)
    add_n_jobs(parser)


def run(arguments: Namespace) -> int:
    """Audit the folder, and write a report if one is asked for."""
    from skfakereal.audit import Finding
    from skfakereal.cli._images import load_labelled
    from skfakereal.cli.run._audit import audit_listed

    out = arguments.out
    with asked_run(arguments, arguments.folder) as folder:
        bunch = load_labelled(arguments.folder, arguments.classes)
        report, parts = audit_listed(bunch, arguments)
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


def _write(
    folder: Path, report: "AuditReport", parts: "dict[str, Part]", arguments: Namespace
) -> None:
    """Write page, data, groups and record."""
    from skfakereal.cli._images import GROUPS_FILE, write_groups
    from skfakereal.cli.run._audit import record_of

    root, names = arguments.folder, report.target_names
    report.save_html(folder / "report.html")
    write_json(folder / "audit.json", report.to_dict())
    labels = [names[i] for part in parts.values() for i in part.labels]
    splits = [name for name, part in parts.items() for _ in part.paths]
    write_groups(folder / GROUPS_FILE, report, labels, splits, root)
    config = describe_run(
        arguments.command_line,
        data={
            "folder": root,
            "classes": names,
            **{name or "images": part.count(names) for name, part in parts.items()},
            "audit": record_of(report, parts),
        },
    )
    seal(folder, config)
