"""``skfakereal predict``: what is this image?"""

import sys
from argparse import ArgumentParser, Namespace
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from skfakereal._shown import printable
from skfakereal._wording import chance, counted
from skfakereal.cli._arguments import (
    ABOUT_TRUST,
    Verbs,
    add_images,
    add_model,
    add_null,
    add_pos_label,
    add_verb,
    finish_verb,
)
from skfakereal.cli._output import complain, wants_progress, watched

if TYPE_CHECKING:
    from skfakereal.cli._rows import Row


_DESCRIPTION = """\
Classify images. One row for each: its path, its label, a probability, an error.

The probability is that of "fake" (or of --pos-label). For a model with more than
two classes it is that of the label. The decision threshold is part of the model:
`skfakereal train` chose it, and the last line tells it. An image that cannot be
read has no label; its row says why, and the others are classified nevertheless.

For very many images use `skfakereal score`, which can be interrupted and resumed.

With --stable, the label is "unsure" where a mild change of the image (saving it
again, and shrinking larger ones a little) would flip it, or where too many of
the images that `train` or `recalibrate` chose on were misclassified at such a
probability. The row says why.

What the file itself says about its origin is shown beside the probability and
does not change it; `skfakereal provenance --help` explains the words.
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
  csv    path,label,probability,error,provenance,provenance_detail
  json   one array of objects, one object per line; missing values are null
With --stable, csv and json have one more column, reasons, after error.
Rows come in the order of the arguments, as soon as they are ready. If the command
is interrupted, the file holds the rows until then.

exit codes:
  0 all images were read    3 some could not be read    1 error    2 wrong usage
"""


def add_parser(verbs: "Verbs[ArgumentParser]") -> None:
    """Add the verb to the parser."""
    parser = add_verb(
        verbs,
        "predict",
        summary="classify images",
        description=_DESCRIPTION,
        epilog=_EPILOG + ABOUT_TRUST,
    )
    add_model(parser)
    add_images(parser)
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
    add_pos_label(parser)
    parser.add_argument(
        "--stable",
        action="store_true",
        help='answer "unsure" where a verdict is not stable; takes 4 to 6 times as long',
    )
    finish_verb(parser, run)


def run(arguments: Namespace) -> int:
    """Classify the images."""
    from skfakereal.cli._model import find_decision, load_model, tell_cautions
    from skfakereal.cli._paths import find_images
    from skfakereal.cli._rows import FORMATS, rows_of, write_text

    out, pos_label = arguments.out, arguments.pos_label
    paths = find_images(arguments.images, null=arguments.null)
    model = load_model(
        arguments.model,
        pos_label=pos_label,
        only_predict=not arguments.stable,
        trust=arguments.trust,
    )
    tell_cautions(model)
    verdicts = rows_of(model, paths, stable=arguments.stable)
    counts = Counter[str]()

    def count(row: "Row") -> "Row":
        counts[str(row["label"] or "could not be read")] += 1
        return row

    # A bar below rows that come to the same screen would tear them apart.
    bar = arguments.progress or out is not None or not sys.stdout.isatty()
    rows = watched(
        verdicts,
        total=len(paths),
        label="predict",
        progress=bar and wants_progress(arguments.progress),
    )
    lines = FORMATS[arguments.format or _format_of(out)]
    positive = None if model.positive is None else model.names[model.positive]
    write_text(lines(map(count, rows), positive), out, force=arguments.force)
    totals = ", ".join(
        f"{count:,} {printable(what)}" for what, count in sorted(counts.items())
    )
    decision = find_decision(model)
    if decision is not None:
        name, threshold = decision
        totals += f" ({printable(name)} from a probability of {chance(threshold)})"
    complain(f"{counted(len(paths), 'image')}: {totals}")
    return 3 if counts["could not be read"] else 0


def _format_of(out: str | None) -> str:
    if out is None:
        return "table"
    return "json" if Path(out).suffix.lower() == ".json" else "csv"
