"""``skfakereal equalize``: copies of all classes, written in the same way."""

from argparse import ArgumentParser, Namespace

from skfakereal.cli._arguments import add_classes, add_folder, add_n_jobs, image_size

SUMMARY = "write copies of all classes in one format, quality and size"
DESCRIPTION = """\
Write copies of all images in one format, quality and size, without metadata: the
usual remedy for findings of `skfakereal audit`. The originals are only read.

OUT is laid out as FOLDER is (splits, classes, groups), so that `skfakereal train`
and `skfakereal audit` can use it. The images are audited before and after.
"""

EPILOG = """\
examples:
  skfakereal equalize photos/ equal/
  skfakereal equalize photos/ equal/ --size 256
  skfakereal equalize photos/ equal/ --format png --size 224x320 --resize crop

An interrupted call resumes if it is repeated with the same settings.
OUT/mapping.csv names the original of each copy.

Traces in the pixels stay: an image that was a JPEG once, or was resized, still
shows it, and so classes with a different history can still be separated.

exit codes:
  0 done    3 done, but some images could not be copied (with --skip-unreadable)
  1 error   2 wrong usage
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the verb's arguments and options."""
    add_folder(parser)
    parser.add_argument("out", metavar="OUT", help="folder for the copies, outside FOLDER")
    parser.add_argument(
        "--format",
        choices=("jpeg", "png", "webp"),
        default="jpeg",
        help="of the copies (default: jpeg)",
    )
    parser.add_argument(
        "--quality",
        type=int,
        default=95,
        metavar="N",
        help="of JPEG and WebP, from 1 to 100 (default: 95)",
    )
    parser.add_argument(
        "--size",
        type=image_size,
        metavar="SIDE|HxW",
        help="pixels of each copy (default: each image keeps its own size)",
    )
    parser.add_argument(
        "--resize",
        choices=("shrink", "crop", "stretch"),
        default="shrink",
        help="how SIZE is reached: shrink every picture, by at least a quarter, until it just "
        "covers SIZE, and cut off the rest; or crop its centre; or stretch it, which leaves "
        "traces (default: shrink)",
    )
    add_classes(parser)
    parser.add_argument(
        "--skip-unreadable",
        action="store_true",
        help="leave out images that cannot be read or are too small for SIZE; without it, they are "
        "an error at the end",
    )
    parser.add_argument(
        "--no-audit",
        dest="audit",
        action="store_false",
        help="do not audit before and after",
    )
    add_n_jobs(parser)


def run(arguments: Namespace) -> int:
    """Write the copies, and audit them."""
    from skfakereal.cli.run._audit import equalize_folder

    return equalize_folder(arguments)
