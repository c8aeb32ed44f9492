"""``skfakereal score``: what are all these images? In runs that can be cut off."""

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skfakereal._shown import printable
from skfakereal._wording import counted
from skfakereal.cli._arguments import add_images, add_model, add_null, add_pos_label
from skfakereal.cli._output import complain, say, wants_progress

if TYPE_CHECKING:
    from skfakereal.scoring import ScoringResult


SUMMARY = "classify any number of images, in runs that can be interrupted"
DESCRIPTION = """\
Classify any number of images, in a run that can be interrupted at any moment: the
same command resumes it. One row for each image: its path, its label, a
probability, why it could not be read, and the model.

For a few images, or to see rows at once, `skfakereal predict` is simpler.

Finished parts are kept beside the file, in a folder of its name and .parts, which
refuses another model, list or setting; images may be added at the end of the
list. Remove the folder when no more images will be added.
"""

EPILOG = """\
examples:
  skfakereal score detector/ archive/ --out scores.csv
  skfakereal score detector/ archive/ --out scores.parquet --all-classes
  skfakereal score detector/ --from list.txt --out scores.csv --retry
  find archive/ -name '*.jpg' -print0 |
    skfakereal score detector/ --from - -0 --out scores.csv

exit codes:
  0 all images were read    3 some could not be read    1 error    2 wrong usage
  130 interrupted: the same command resumes the run
"""


def add_arguments(parser: ArgumentParser) -> None:
    add_model(parser)
    add_images(parser, nargs="*")
    parser.add_argument(
        "--out",
        metavar="FILE",
        required=True,
        help="the file to be written, .csv or .parquet, or a folder for scores.csv",
    )
    parser.add_argument(
        "--from",
        metavar="LIST",
        dest="list",
        help="a file with one path per line; - reads standard input",
    )
    add_null(parser, "a list")
    parser.add_argument(
        "--format", choices=("csv", "parquet"), help="for --out a folder (default: csv)"
    )
    parser.add_argument(
        "--all-classes",
        action="store_true",
        help="add a column for the probability of each class",
    )
    parser.add_argument(
        "--sha256", action="store_true", help="add a column for the SHA-256 of each file"
    )
    parser.add_argument(
        "--provenance",
        action="store_true",
        help="tell what each file itself says of its origin (skfakereal provenance)",
    )
    add_pos_label(parser)
    parser.add_argument(
        "--retry", action="store_true", help="try again the images that could not be read"
    )
    parser.add_argument(
        "--force",
        action="store_true",
        help="start over, and replace what is there",
    )
    parser.add_argument(
        "--part-size",
        metavar="N",
        type=int,
        help="images per part, the most that an interruption loses (default: by image size)",
    )
    parser.add_argument(
        "--dask", metavar="ADDRESS", help="the scheduler of a Dask cluster to compute on"
    )


def run(arguments: Namespace) -> int:
    """Score the images."""
    if not arguments.images and arguments.list is None:
        raise ValueError(
            "There are no images to score: name files or folders, or use --from."
        )
    if arguments.list not in (None, "-") and not Path(arguments.list).exists():
        raise FileNotFoundError(f"There is no list {arguments.list!r} for --from.")
    from skfakereal._judging import MODEL_FILE
    from skfakereal._judging.model import load_model
    from skfakereal.cli._rows import check_output, tell_cautions
    from skfakereal.scoring import score_paths

    model_files = [arguments.model, str(Path(arguments.model, MODEL_FILE))]
    read = [*filter(None, [*model_files, arguments.list, *arguments.images])]
    for place in ("", "scores.csv", "scores.parquet"):  # the latter in a folder
        check_output(str(Path(arguments.out, place)), read)
    model = load_model(
        arguments.model, pos_label=arguments.pos_label, trust=arguments.trust
    )
    tell_cautions(model)
    classes = model.estimator.classes_.tolist()
    with ExitStack() as stack:
        client = None
        if arguments.dask is not None:
            client = stack.enter_context(_connect(arguments.dask))
        try:
            result = score_paths(
                model.estimator,
                _paths(arguments),
                arguments.out,
                format=arguments.format,
                all_classes=arguments.all_classes,
                digests=arguments.sha256,
                provenance=arguments.provenance,
                target_names=model.names,
                pos_label=None if model.positive is None else classes[model.positive],
                part_size=arguments.part_size,
                retry_errors=arguments.retry,
                overwrite=arguments.force,
                client=client,
                verbose=int(wants_progress(arguments.progress)),
            )
        except KeyboardInterrupt:
            without = " without --force" if arguments.force else ""
            complain(f"finished parts are kept: the same command{without} resumes")
            raise
    _tell(result)
    if not result.n_images:
        complain("there are no images in the folders and lists, so nothing was classified")
        return 1
    return 3 if result.errors else 0


def _paths(arguments: Namespace) -> Iterator[str]:
    from skfakereal.cli._images import iterate_images, iterate_list

    listed: Iterator[str] = iter(())
    if arguments.list is not None:
        listed = iterate_list(arguments.list, null=arguments.null)
    return chain(iterate_images(arguments.images, null=arguments.null), listed)


def _connect(address: str) -> Any:
    try:
        from distributed import Client
    except ImportError as error:
        raise ImportError('--dask needs Dask: pip install "skfakereal[dask]".') from error
    return Client(address)


def _tell(result: "ScoringResult") -> None:
    """Say what there is now; the file itself is for programs."""
    before = f", {result.n_before:,} of them before" if result.n_before else ""
    say(f"{counted(result.n_images, 'image')} in {result.path}{before}")
    for counts in (result.labels, result.errors):
        for name, count in counts.items():
            label = name if counts is result.labels else f"could not be read: {name}"
            say(f"{count:>12,}  {printable(label)}")
