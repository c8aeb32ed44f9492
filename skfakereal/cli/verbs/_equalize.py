"""``skfakereal equalize``: copies of all classes, written in the same way."""

import warnings
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from skfakereal._shown import printable
from skfakereal._wording import counted
from skfakereal.cli._arguments import add_classes, add_folder, add_n_jobs, image_size
from skfakereal.cli._output import complain, say, wants_progress

if TYPE_CHECKING:
    from sklearn.utils import Bunch

    from skfakereal.audit import AuditReport

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
    from skfakereal.cli._images import load_labelled
    from skfakereal.cli.run._audit import audit_listed, severe_lines

    _refuse_nested(arguments.folder, arguments.out)
    bunch = load_labelled(arguments.folder, arguments.classes)
    if arguments.audit:
        say(f"Before: {_headline(audit_listed(bunch, arguments)[0])}")
    copies = _copy(bunch, arguments)
    for failure in copies.failures:
        complain(printable(str(failure)))
    say(f"\n{copies.DESCR}")
    _tell_earlier(arguments.out, copies.data.tolist())
    step = f"skfakereal train {arguments.out} --out RUN"
    if arguments.audit:
        after, _ = audit_listed(load_labelled(arguments.out, arguments.classes), arguments)
        say("\n".join([f"After: {_headline(after)}", *severe_lines(after)]) + "\n")
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
    from skfakereal._images.read import ImageReadError
    from skfakereal.audit import equalize_images

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


def _tell_earlier(out: str, copies: Sequence[str]) -> None:
    """Say what an earlier call left in OUT, which training and audits would list too."""
    from skfakereal._listing import walk_images

    written = set(map(Path, copies))
    earlier = [path for path in walk_images(out) if Path(path) not in written]
    if earlier:
        complain(
            f"{printable(out)} also holds {counted(len(earlier), 'image')} of an earlier call, of "
            "originals that are gone or were changed since; training would use them too. Remove "
            f"what mapping.csv does not list, such as {printable(repr(earlier[0]))}, or choose "
            "another OUT"
        )


def _headline(report: "AuditReport") -> str:
    from skfakereal.cli.run._audit import severe_names

    text: str = report.verdict
    strength = report.headline
    if strength.verdict != "too few images":
        text += (
            f", AUC {strength.auc:.3f} from metadata alone ({strength.low:.2f} to "
            f"{strength.high:.2f}; 0.5 is chance)"
        )
    return f"{text}. Found: {severe_names(report) or 'nothing'}."
