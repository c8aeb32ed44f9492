"""``skfakereal predict``: what is this image?"""

import sys
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from skfakereal._shown import printable
from skfakereal.cli._arguments import Verbs, add_model, add_null, add_verb, finish_verb
from skfakereal.cli._output import complain, counted, wants_progress, watched

if TYPE_CHECKING:
    from skfakereal.cli.runs._model import Model
    from skfakereal.cli.verdicts._rows import Row

__all__ = ["add_parser", "run"]

_DESCRIPTION = """\
Classify images. One row for each: its path, its label, a probability, an error.

The probability is that of "fake" (or of --pos-label). For a model with more than
two classes it is that of the label. From which probability on an image is called
fake, the model knows: `skfakereal train` chose it. An image that cannot be read
has no label: its row says why, and the others are classified all the same.

For very many images use `skfakereal score`, whose runs can be cut off and go on.

With --stable, the label is "unsure" where a mild change of the image (saving it
again, and of larger ones a little shrinking) would turn it, or where too many
validation images of such a probability were judged wrongly. The row says why.
"""

_EPILOG = """\
examples:
  skfakereal predict detector/ suspect.jpg
  skfakereal predict detector/ suspect.jpg --stable
  skfakereal predict detector/ inbox/ --out verdicts.csv
  skfakereal predict detector/ inbox/ --format json | jq '.[] | .label'
  skfakereal predict pipeline.joblib *.png --trust

MODEL is a run folder, a .skfr file (skfakereal.save), or, with --trust, a joblib
file of any fitted scikit-learn classifier over image paths.

formats:
  table  for people
  csv    path,label,probability,error
  json   one array of objects, an object a line; what is missing is null
With --stable, csv and json have one more column, reasons.
Rows come in the order of the arguments, as soon as they are known, however many
there are. A file that is cut short holds the rows until then.

exit codes:
  0 all images were read    3 some could not be read    1 error    2 wrong usage

A .skfr file is safe to load. WARNING: a joblib file runs whatever code it holds
when it is loaded. Its name must end in .joblib or .pkl, and it needs --trust:
only for files that you made or whose maker you trust.
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
        "predict",
        summary="classify images",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    add_model(parser)
    parser.add_argument(
        "images",
        metavar="IMAGE",
        nargs="+",
        help="image files, and folders, which are searched for image files to all depths; - "
        "reads paths from standard input, one a line",
    )
    add_null(parser)
    parser.add_argument(
        "--format",
        choices=("table", "csv", "json"),
        help="default: by the ending of --out; table if there is none",
    )
    parser.add_argument("--out", metavar="FILE", help="write the rows to a file")
    parser.add_argument(
        "--force", action="store_true", help="replace the --out file if it exists"
    )
    parser.add_argument(
        "--pos-label",
        metavar="NAME",
        help='the class whose probability is given (default: "fake")',
    )
    parser.add_argument(
        "--stable",
        action="store_true",
        help='say "unsure" where a verdict would not hold; takes 4 to 6 times as long',
    )
    finish_verb(parser, run)


def run(arguments: Namespace) -> int:
    """Classify the images.

    Parameters
    ----------
    arguments : Namespace
        What was parsed.

    Returns
    -------
    int
        0, or 3 if some images could not be read.
    """
    from skfakereal.cli.images._inputs import find_images
    from skfakereal.cli.runs._cautions import tell_cautions
    from skfakereal.cli.runs._model import load_model
    from skfakereal.cli.verdicts._rows import FORMATS, write_text

    out, pos_label = arguments.out, arguments.pos_label
    paths = find_images(arguments.images, null=arguments.null)
    model = load_model(
        arguments.model,
        pos_label=pos_label,
        only_predict=not arguments.stable,
        trust=arguments.trust,
    )
    tell_cautions(model)
    found = (_stable_rows if arguments.stable else _rows)(model, paths)
    counts = Counter[str]()

    def count(row: "Row") -> "Row":
        counts[str(row["label"] or "could not be read")] += 1
        return row

    # A bar below rows that come to the same screen would tear them apart.
    bar = arguments.progress or out is not None or not sys.stdout.isatty()
    rows = watched(
        found,
        total=len(paths),
        label="predict",
        progress=bar and wants_progress(arguments.progress),
    )
    lines = FORMATS[arguments.format or _format_of(out)]
    positive = None if model.positive is None else model.names[model.positive]
    write_text(lines(map(count, rows), positive), out, force=arguments.force)
    said = ", ".join(
        f"{count:,} {printable(what)}" for what, count in sorted(counts.items())
    )
    complain(f"{counted(len(paths), 'image')}: {said}")
    return 3 if counts["could not be read"] else 0


def _rows(model: "Model", paths: list[str]) -> "Iterator[Row]":
    from skfakereal.cli.verdicts._classify import classify
    from skfakereal.cli.verdicts._rows import prediction_row

    for verdict in classify(model.estimator, paths):
        yield prediction_row(verdict, model)


def _stable_rows(model: "Model", paths: list[str]) -> "Iterator[Row]":
    from skfakereal.cli.verdicts._rows import stable_row
    from skfakereal.cli.verdicts._stable import band_of, classify_stably

    band = band_of(model)
    if band is None and model.positive is not None:
        complain(
            "this model has no band of unsure probabilities, so only changes of the image "
            "make a verdict unsure"
        )
    for verdict, label, reasons in classify_stably(model, paths, band):
        yield stable_row(verdict, label, reasons, model)


def _format_of(out: str | None) -> str:
    if out is None:
        return "table"
    return "json" if Path(out).suffix.lower() == ".json" else "csv"
