"""``skfakereal audit``: do the files give away what is fake, without a look at them?"""

from argparse import ArgumentParser, Namespace
from contextlib import nullcontext

from skfakereal.cli._arguments import (
    Verbs,
    add_classes,
    add_folder,
    add_n_jobs,
    add_verb,
    finish_verb,
)
from skfakereal.cli._output import say, wants_progress

__all__ = ["add_parser", "run"]

_DESCRIPTION = """\
Look for what gives the classes away without a look at the pictures: file formats,
pixel sizes, JPEG settings, EXIF and other metadata, borders; and for copies, of
which one could be trained on and the other tested. A detector learns such things
first, looks excellent in its test, and fails elsewhere. Run it before training.

FOLDER is laid out as for `skfakereal train`. Files are only read.
"""

_EPILOG = """\
examples:
  skfakereal audit photos/
  skfakereal audit photos/ --out audit/
  skfakereal audit photos/ --strict --n-jobs -1

what it answers:
  clean           nothing was found; train
  suspicious      look at the findings first
  leaking         do not train on these files as they are
  too few images  bring at least ten readable images of each class

with --out:
  report.html   one page for a newcomer, with example images
  audit.json    all of it as data
  groups.csv    path,label,part,group,copies: what must stay together, for
                `skfakereal train --groups`; images with the same number in
                copies are copies of each other
  config.json   versions, counts, command

exit codes:
  0 done    1 error, or --strict and the answer is not "clean"    2 wrong usage
  3 done, but some images could not be read (they are listed, and left out)
"""


def add_parser(verbs: "Verbs[ArgumentParser]") -> None:
    """Add the verb to the parser.

    Parameters
    ----------
    verbs : argparse action
        Where to add it.
    """
    parser = add_verb(
        verbs,
        "audit",
        summary="tell whether the files give the classes away",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
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
    finish_verb(parser, run)


def run(arguments: Namespace) -> int:
    """Audit the folder, and write a report if one is asked for.

    Parameters
    ----------
    arguments : Namespace
        What was parsed.

    Returns
    -------
    int
        0; 1 if it was asked to be strict and there is something to mend; 3 if some images
        could not be read.
    """
    from skfakereal.cli.audits._audit_files import write_audit
    from skfakereal.cli.audits._audited import audit_folder, complain_of_unreadable
    from skfakereal.cli.runs._run_folder import new_run

    out = arguments.out
    # First of all, so that a place that is taken comes to light before the work.
    with new_run(out, force=arguments.force) if out else nullcontext() as folder:
        report, parts = audit_folder(
            arguments.folder,
            arguments.classes,
            progress=wants_progress(arguments.progress),
            n_jobs=arguments.n_jobs,
        )
        say(repr(report))
        if folder is not None:
            write_audit(folder, report, parts, arguments.folder, arguments.command_line)
    if out:
        say(f"\nThe report is {out}/report.html.")
    complain_of_unreadable(report)
    if arguments.strict and report.verdict != "clean":
        return 1
    return 3 if report.unreadable else 0
