"""``skfakereal predict``: what is this image?"""

import sys
from argparse import ArgumentParser, Namespace
from collections import Counter
from pathlib import Path

from skfakereal.cli._arguments import Verbs, add_verb, finish_verb
from skfakereal.cli._output import complain, counted, wants_progress, watched

__all__ = ["add_parser", "run"]

_DESCRIPTION = """\
Classify images. One row for each: its path, its label, a probability, an error.

The probability is that of "fake" (or of --pos-label). For a model with more than
two classes it is that of the label. An image that cannot be read has no label:
its row says why, and the others are classified all the same.
"""

_EPILOG = """\
examples:
  skfakereal predict detector/ suspect.jpg
  skfakereal predict detector/ inbox/ --out verdicts.csv
  skfakereal predict detector/ inbox/ --format json | jq '.[] | .label'
  skfakereal predict pipeline.joblib *.png

A joblib file may hold any fitted scikit-learn classifier over image paths.

formats:
  table  for people
  csv    path,label,probability,error
  json   one array of objects, an object a line; what is missing is null
Rows come in the order of the arguments, as soon as they are known, however many
there are. A file that is cut short holds the rows until then.

exit codes:
  0 all images were read    3 some could not be read    1 error    2 wrong usage

WARNING: loading a joblib file runs whatever code it holds. Only use models that
you made or whose maker you trust.
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
    parser.add_argument(
        "model",
        metavar="MODEL",
        help="folder that `skfakereal train` made, or a joblib file that you trust",
    )
    parser.add_argument(
        "images",
        metavar="IMAGE",
        nargs="+",
        help="image files, and folders, which are searched for image files to all depths",
    )
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
    from skfakereal.cli._classify import Verdict, classify
    from skfakereal.cli._inputs import find_images
    from skfakereal.cli._model import load_model
    from skfakereal.cli._rows import FORMATS, prediction_row, write_text

    out, pos_label = arguments.out, arguments.pos_label
    paths = find_images(arguments.images)
    model = load_model(arguments.model, pos_label=pos_label)
    counts = Counter[str]()

    def row_of(verdict: Verdict) -> dict[str, str | float | None]:
        row = prediction_row(verdict, model)
        counts[str(row["label"] or "could not be read")] += 1
        return row

    # A bar below rows that come to the same screen would tear them apart.
    bar = arguments.progress or out is not None or not sys.stdout.isatty()
    verdicts = watched(
        classify(model.estimator, paths),
        total=len(paths),
        label="predict",
        progress=bar and wants_progress(arguments.progress),
    )
    lines = FORMATS[arguments.format or _format_of(out)]
    positive = None if model.positive is None else model.names[model.positive]
    write_text(lines(map(row_of, verdicts), positive), out, force=arguments.force)
    said = ", ".join(f"{count:,} {what}" for what, count in sorted(counts.items()))
    complain(f"{counted(len(paths), 'image')}: {said}")
    return 3 if counts["could not be read"] else 0


def _format_of(out: str | None) -> str:
    if out is None:
        return "table"
    return "json" if Path(out).suffix.lower() == ".json" else "csv"
