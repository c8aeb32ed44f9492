"""A model and images -> verdicts, and their rows as a table, CSV or JSON, as they come."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from skfakereal._classifying.ask import Classification, told
from skfakereal._files import csv_line, encoded
from skfakereal._judging.model import Model
from skfakereal._judging.verdicts import band_of, classify, classify_stably
from skfakereal._novelty import rounded, unlike
from skfakereal._shown import printable
from skfakereal._wording import counted
from skfakereal.cli._output import complain, write_lines

Row = dict[str, str | float | None]


def tell_cautions(model: Model) -> None:
    """Say how many cautions there are; whoever predicts may not have read the report."""
    cautions = model.config.get("remarks") or []
    if cautions:
        page = "config.json" if model.config.get("unfinished") else "report.html"
        complain(
            f"{counted(len(cautions), 'caution')} on this model: read {model.run}/{page} "
            "before you rely on its verdicts"
        )


def rows_of(model: Model, paths: Sequence[str], *, stable: bool = False) -> Iterator[Row]:
    """Classify images, and yield what is told about each; with `stable`, maybe "unsure"."""
    from skfakereal.provenance import read_provenance

    for row in _verdict_rows(model, paths, stable=stable):
        said = read_provenance(str(row["path"]))
        origin: Row = {
            "provenance": said.claim or None,
            "provenance_detail": said.detail or None,
        }
        novelty = row.pop("novelty")  # last, where it is no other column's place
        yield row | origin | {"novelty": novelty}


def _verdict_rows(model: Model, paths: Sequence[str], *, stable: bool) -> Iterator[Row]:
    if not stable:
        for verdict in classify(model.estimator, paths):
            yield _prediction_row(verdict, model)
        return
    band = band_of(model)
    if band is None and len(model.names) == 2:
        complain(
            "this model has no unsure band, so a verdict is unsure only if a change of the image "
            "flips it, or if it is unlike the training images"
        )
    for verdict, label, reasons in classify_stably(model, paths, band):
        row = _prediction_row(verdict, model)
        yield row | {"label": label, "reasons": " ".join(reasons) or None}


def _prediction_row(verdict: Classification, model: Model) -> Row:
    label, probability = told(verdict, model.names, model.positive)
    error = verdict.error or None
    return {
        "path": verdict.path,
        "label": label,
        "probability": probability,
        "error": error,
        "novelty": rounded(verdict.novelty),
    }


def table_lines(rows: Iterable[Row], positive: str | None) -> Iterator[str]:
    """Yield a table for people; the path comes last, so that no width must be known."""
    header = printable(f"P({positive or 'label'})")
    yield f"{header:>8}  {'label':<8}  image\n"
    for row in rows:
        chance = row["probability"]
        number = f"{chance:.3f}" if isinstance(chance, float) else "-"
        label = printable(str(row["label"] or "-"))
        path = printable(str(row["path"]))
        error = printable(f"  ({row['error']})") if row["error"] else ""
        yield f"{number:>{max(8, len(header))}}  {label:<8}  {path}{error}\n"
        novelty = row["novelty"]
        if isinstance(novelty, float) and unlike(novelty) and not row.get("reasons"):
            yield f"{'':>{max(8, len(header))}}  {unlike(novelty)}\n"
        if row.get("reasons"):
            yield f"{'':>{max(8, len(header))}}  {printable(str(row['reasons']))}\n"
        if claim := row.get("provenance"):
            told = f"the file itself says: {claim} ({row['provenance_detail']})"
            yield f"{'':>{max(8, len(header))}}  {printable(told)}\n"


def csv_lines(rows: Iterable[Row], positive: str | None) -> Iterator[str]:
    for i, row in enumerate(rows):
        if i == 0:
            yield csv_line(row)
        yield csv_line(row.values())


def json_lines(rows: Iterable[Row], positive: str | None) -> Iterator[str]:
    """Yield one array of objects, one object a line."""
    before = "["
    for row in rows:
        yield f"{before}\n{json.dumps(row)}"
        before = ","
    yield "\n]\n" if before == "," else "[]\n"


FORMATS: dict[str, Callable[[Iterable[Row], str | None], Iterator[str]]] = {
    "csv": csv_lines,
    "json": json_lines,
    "table": table_lines,
}


def check_output(out: str | None, inputs: Iterable[str]) -> None:
    """Refuse to replace what is read."""
    if out is None or not Path(out).is_file():
        return
    if any(_is_same(out, name) for name in inputs):
        raise FileExistsError(
            f"--out must be another file than those that are read, got {out!r}."
        )


def _is_same(out: str, name: str) -> bool:
    try:
        return Path(out).samefile(name)
    except (OSError, ValueError):  # there is no such file, or none can have that name
        return False


def write_text(lines: Iterable[str], out: str | None, *, force: bool) -> None:
    """Write lines to standard output or to a file, each as soon as it is there."""
    if out is None:
        write_lines(lines)
        return
    if Path(out).exists() and not force:
        raise FileExistsError(
            f"--out must be a new file, but {out!r} exists. Pass --force to replace it."
        )
    with Path(out).open("wb") as file:
        for line in lines:
            file.write(encoded(line))
            file.flush()
