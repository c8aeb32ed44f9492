"""``skfakereal predict``: what is this image?"""

import sys
from argparse import ArgumentParser, Namespace
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from skfakereal._shown import printable, write_page
from skfakereal._version import __version__
from skfakereal._wording import chance, counted
from skfakereal.cli._arguments import (
    add_images,
    add_model,
    add_null,
    add_pos_label,
    require,
)
from skfakereal.cli._output import complain, wants_progress, watched
from skfakereal.cli.run._folder import new_run, seal, stem_of

if TYPE_CHECKING:
    from skfakereal._judging.judge import Judge, Judged
    from skfakereal.cases import Entry
    from skfakereal.cli._rows import Row


SUMMARY = "classify images"
DESCRIPTION = """\
Classify images. One row for each: its path, its label, a probability, an error.

The probability is that of "fake" (or of --pos-label). For a model with more than
two classes it is that of the label. The decision threshold is part of the model:
`skfakereal train` chose it, and the last line tells it. An image that cannot be
read has no label; its row says why, and the others are classified nevertheless.

For very many images use `skfakereal score`, which can be interrupted and resumed.

With --stable, the label is "unsure" where a mild change of the image (saving it
again, and shrinking larger ones a little) would flip it, where too many of the
images that `train` or `recalibrate` chose on were misclassified at such a
probability, or where the image is unlike 99% of the training images. The row
says why.

With --case, each image has a page that can be mailed and stands as evidence: the
picture without its metadata, digests, the verdict with reasons to doubt it, what
the threshold is worth, whether the image is like the training images, a map of
where the detector looked, and what the file itself says. No folder is named.

What the file itself says about its origin is shown beside the probability and
does not change it; `skfakereal provenance --help` explains the words.
"""

EPILOG = """\
examples:
  skfakereal predict detector/ suspect.jpg
  skfakereal predict detector/ suspect.jpg --stable
  skfakereal predict detector/ inbox/ --out verdicts.csv
  skfakereal predict detector/ suspect.jpg --case suspect.html
  skfakereal predict detector/ inbox/ --case pages/ --no-map
  skfakereal predict detector/ inbox/ --format json | jq '.[] | .label'
  skfakereal predict pipeline.joblib *.png --trust

MODEL is a run folder, a .skfr file (skfakereal.save), or, with --trust, a joblib
file of any fitted scikit-learn classifier over image paths.

formats:
  table  for people
  csv    path,label,probability,error,provenance,provenance_detail,novelty
  json   one array of objects, one object per line; missing values are null
With --stable, csv and json have one more column, reasons, after error.
Rows come in the order of the arguments, as soon as they are ready. If the command
is interrupted, the file holds the rows until then.

exit codes:
  0 all images were read    3 some could not be read    2 wrong usage
  1 error, or a case page could not be written
"""

_AT_ONCE = 8
_PAGES = (".html", ".htm")


def add_arguments(parser: ArgumentParser) -> None:
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
        "--case",
        metavar="PLACE",
        help="write a page that stands as evidence: a .html file for one image, a folder with "
        "an index page for several; implies --stable where there are two classes",
    )
    parser.add_argument(
        "--original",
        action="store_true",
        help="with --case: let the pages carry the files themselves, with their metadata",
    )
    parser.add_argument(
        "--no-map",
        action="store_true",
        help="with --case: no map of where the detector looked, which takes by far the longest",
    )
    parser.add_argument(
        "--force", action="store_true", help="replace the --out file, and --case pages"
    )
    add_pos_label(parser)
    parser.add_argument(
        "--stable",
        action="store_true",
        help='answer "unsure" where a verdict is not stable; takes 4 to 6 times as long',
    )


def run(arguments: Namespace) -> int:
    """Classify the images."""
    from skfakereal._judging import MODEL_FILE
    from skfakereal._judging.model import find_decision, load_model
    from skfakereal.cli._images import find_images
    from skfakereal.cli._rows import (
        FORMATS,
        check_output,
        rows_of,
        tell_cautions,
        write_text,
    )

    out, pos_label, case = arguments.out, arguments.pos_label, arguments.case
    _check_case(arguments)
    paths = find_images(arguments.images, null=arguments.null)
    model_files = [arguments.model, str(Path(arguments.model, MODEL_FILE))]
    check_output(out, [*model_files, *paths])
    model = load_model(
        arguments.model,
        pos_label=pos_label,
        only_predict=not arguments.stable and case is None,
        trust=arguments.trust,
    )
    tell_cautions(model)
    counts = Counter[str]()

    def count(row: "Row") -> "Row":
        counts[str(row["label"] or "could not be read")] += 1
        return row

    # A bar below rows that come to the same screen would tear them apart.
    bar = arguments.progress or out is not None or not sys.stdout.isatty()
    lines = FORMATS[arguments.format or _format_of(out)]
    positive = None if model.positive is None else model.names[model.positive]

    def tell(verdicts: "Iterator[Row]") -> None:
        rows = watched(
            verdicts,
            total=len(paths),
            label="predict",
            progress=bar and wants_progress(arguments.progress),
        )
        write_text(lines(map(count, rows), positive), out, force=arguments.force)

    n_failed = 0
    if case is None:
        tell(rows_of(model, paths, stable=arguments.stable))
    else:
        from skfakereal._judging.judge import Judge

        with _opened_cases(Judge(model, arguments.model), paths, arguments) as cases:
            tell(cases.rows(paths))
        n_failed = cases.n_failed
        if cases.entries:
            place = case if cases.single else Path(case, "index.html")
            complain(f"{counted(len(cases.entries), 'case page')}: {printable(str(place))}")
    totals = ", ".join(
        f"{count:,} {printable(what)}" for what, count in sorted(counts.items())
    )
    decision = find_decision(model)
    if decision is not None:
        name, threshold = decision
        totals += f" ({printable(name)} from a probability of {chance(threshold)})"
    complain(f"{counted(len(paths), 'image')}: {totals}")
    if n_failed:
        return 1
    return 3 if counts["could not be read"] else 0


def _check_case(arguments: Namespace) -> None:
    """Refuse what would come to light only after the work."""
    case, out = arguments.case, arguments.out
    require(arguments, "original", "case")
    require(arguments, "no_map", "case")
    if case == "":
        raise ValueError("--case must name a file or a folder, got ''.")
    if None not in (case, out) and Path(case).resolve() == Path(out).resolve():
        raise ValueError(f"--case and --out are the same place, {case!r}. Name two.")


def _format_of(out: str | None) -> str:
    if out is None:
        return "table"
    return "json" if Path(out).suffix.lower() == ".json" else "csv"


@dataclass
class Cases:
    """Judges images and writes their pages, as rows are asked for."""

    judge: "Judge"
    place: Path  # the page of one image that was named, or a folder
    single: bool  # whether it is the former
    with_map: bool
    original: bool
    entries: "list[Entry]" = field(default_factory=list)
    broken: list[tuple[str, str]] = field(default_factory=list)
    n_failed: int = 0  # pages of images that were judged

    def rows(self, paths: Sequence[str]) -> "Iterator[Row]":
        """Yield what `predict` tells of each image, whose page is written by then."""
        from skfakereal._judging.judge import Item

        stable = self.judge.can_be_unsure
        waiting = iter(paths)
        while chunk := list(islice(waiting, _AT_ONCE)):
            items = [Item(Path(path).name, path) for path in chunk]
            for judged in self.judge.judge_all(items, stable=stable):
                self._write(judged)
                yield _row(judged, stable=stable)

    def _write(self, judged: "Judged") -> None:
        from skfakereal.cases import Entry, make_case

        name, error = judged.item.name, judged.row["error"]
        if not error:
            number = len(self.entries) + len(self.broken) + 1
            page = "" if self.single else f"{number:04}-{stem_of(name)}.html"
            try:
                case = make_case(
                    self.judge, judged, with_map=self.with_map, original=self.original
                )
                write_page(self.place / page, case.to_html())
                self.entries.append(Entry.of(case, page))
                return
            except (OSError, ValueError) as failure:
                error = str(failure)
                self.n_failed += 1
        self.broken.append((name, error))
        complain(f"no case page of {printable(name)}: {printable(error)}")

    def finish(self) -> None:
        """Write the index page, and the record that tells a later run what is its own."""
        from skfakereal.cases import index_page

        text = index_page(self.entries, self.broken, self.judge.facts())
        write_page(self.place / "index.html", text)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        seal(self.place, {"skfakereal": __version__, "date": now, "command": ["predict"]})


def _row(judged: "Judged", *, stable: bool) -> "Row":
    told = judged.row
    row: Row = {
        "path": judged.item.path,
        "label": told["verdict"],
        "probability": told["probability"],
        "error": told["error"],
    }
    if stable:
        row["reasons"] = " ".join(told["reasons"]) or None
    return row | {k: told[k] for k in ("provenance", "provenance_detail", "novelty")}


@contextmanager
def _opened_cases(
    judge: "Judge", paths: Sequence[str], arguments: Namespace
) -> Iterator[Cases]:
    """Give what writes the page of one image that was named, or a folder of pages."""
    out, given, force = arguments.case, arguments.images, arguments.force
    wanted = {"with_map": not arguments.no_map, "original": arguments.original}
    place = Path(out)
    single = len(given) == len(paths) == 1 and Path(given[0]).is_file()
    single = single and not place.is_dir() and place.suffix.lower() in _PAGES
    if single:
        _check_free(place, paths[0], force=force)
        place.parent.mkdir(parents=True, exist_ok=True)
        yield Cases(judge, place, single=True, **wanted)
        return
    if place.suffix.lower() in _PAGES:
        raise ValueError(
            f"--case must be a folder for a folder or several images, got {out!r}. Name a "
            "folder: it will hold an index page, and a page for each image."
        )
    try:
        with new_run(out, force=force, reads=[arguments.model, *paths]) as folder:
            cases = Cases(judge, folder, single=False, **wanted)
            yield cases
            cases.finish()
    except FileExistsError as error:
        said = (
            str(error).replace("--out", "--case").replace("an earlier run", "earlier pages")
        )
        raise FileExistsError(said) from error


def _check_free(place: Path, image: str, *, force: bool) -> None:
    if not place.exists():
        return
    shown = str(place)
    if place.samefile(image):
        raise FileExistsError(
            f"--case must be a new file, but {shown!r} is the image. Choose another --case."
        )
    if not force:
        raise FileExistsError(
            f"--case must be a new file, but {shown!r} exists. Pass --force to replace it."
        )
