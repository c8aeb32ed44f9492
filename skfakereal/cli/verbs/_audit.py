"""``skfakereal audit``: do the files give the class away?"""

from argparse import ArgumentParser, Namespace

from skfakereal.cli._arguments import add_classes, add_folder, add_n_jobs

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


def add_arguments(parser: ArgumentParser) -> None:
    """Add the verb's arguments and options."""
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
    from skfakereal.cli.run._audit import audit_folder

    return audit_folder(arguments)
