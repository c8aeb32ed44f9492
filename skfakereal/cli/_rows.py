"""A model and images -> verdicts, and their rows as a table, CSV or JSON, as they come."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from skfakereal._classifying.verdicts import (
    Classification,
    judge_halves,
    judge_images,
    label_and_probability,
    split_local,
)
from skfakereal._csv_file import csv_line, encoded
from skfakereal._paths import as_fitted
from skfakereal._shown import printable
from skfakereal.cli._model import Model
from skfakereal.cli._output import complain, write_lines

if TYPE_CHECKING:
    from skfakereal.evaluation import UnsureBand, Verdict

# Few enough that rows come soon (15 seconds at 224x224 on two cores), enough that a call's
# own cost does not count: at 32x32, where it is highest, 64 take 8% longer than 256.
_CHUNK = 64
Row = dict[str, str | float | None]


def rows_of(model: Model, paths: Sequence[str], *, stable: bool = False) -> Iterator[Row]:
    """Classify images, and yield what is told about each; with `stable`, maybe "unsure"."""
    from skfakereal.provenance import read_provenance

    for row in _verdict_rows(model, paths, stable=stable):
        said = read_provenance(str(row["path"]))
        origin: Row = {
            "provenance": said.claim or None,
            "provenance_detail": said.detail or None,
        }
        yield row | origin


def _verdict_rows(model: Model, paths: Sequence[str], *, stable: bool) -> Iterator[Row]:
    if not stable:
        for verdict in classify(model.estimator, paths):
            yield _prediction_row(verdict, model)
        return
    band = band_of(model)
    if band is None and model.positive is not None:
        complain(
            "this model has no unsure band, so a verdict is unsure only if a change of the image "
            "flips it"
        )
    for verdict, label, reasons in classify_stably(model, paths, band):
        row = _prediction_row(verdict, model)
        yield row | {"label": label, "reasons": " ".join(reasons) or None}


def classify(estimator: Any, paths: Sequence[str]) -> Iterator[Classification]:
    """Classify images; one that cannot be read never ends the run."""
    for chunk in _chunks(paths):
        verdicts = judge_images(estimator, list(dict.fromkeys(chunk)))
        yield from (verdicts[path] for path in chunk)


def _chunks(paths: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(paths), _CHUNK):
        yield paths[start : start + _CHUNK]


def band_of(model: Model) -> "UnsureBand | None":
    """Return the band of unsure probabilities that a run has learned, if it has."""
    from skfakereal.evaluation import UnsureBand  # takes seconds, unlike a plain verdict

    facts = model.config.get("decision") or {}
    numbers = facts.get("unsure")
    if numbers is None or model.positive is None:
        return None
    band = UnsureBand(**numbers)
    if model.names[model.positive] == facts["pos_label"]:
        return band
    mirrored = {"low": 1 - band.high, "high": 1 - band.low}
    return UnsureBand(**(numbers | mirrored))


def classify_stably(
    model: Model, paths: Sequence[str], band: "UnsureBand | None"
) -> Iterator[tuple[Classification, str | None, tuple[str, ...]]]:
    """Classify images as they are and after mild changes; none ends the run."""
    if model.positive is None:
        raise ValueError(
            f"--stable needs a model with two classes, but MODEL has {list(model.names)}. "
            "Leave it out."
        )
    for chunk in _chunks(paths):
        local, broken = split_local(list(dict.fromkeys(chunk)))
        verdicts = _judge(model, local, band) if local else {}
        for path in chunk:
            yield (
                (broken[path], None, ()) if path in broken else _row(model, verdicts[path])
            )


def _judge(
    model: Model, paths: Sequence[str], band: "UnsureBand | None"
) -> "dict[str, Verdict]":
    from skfakereal.evaluation import Verdict, stable_verdicts

    estimator = model.estimator
    X = as_fitted(estimator, paths)
    assert model.positive is not None
    positive = np.asarray(estimator.classes_).tolist()[model.positive]
    try:
        rows = stable_verdicts(
            estimator, X, band=band, pos_label=positive, target_names=model.names
        )
    except OSError as error:
        # A step of somebody else's reads the images, and says less: look for the culprit.
        blamed = partial(Verdict, verdict=None, error=str(error))
        return judge_halves(partial(_judge, model, band=band), paths, blamed)
    return {row.path: row for row in rows}


def _row(
    model: Model, judged: "Verdict"
) -> tuple[Classification, str | None, tuple[str, ...]]:
    if judged.probability is None:
        error = (judged.error or "").removeprefix(f"{judged.path!r} ").rstrip(".")
        return Classification(judged.path, error=error), None, ()
    p = judged.probability
    chances = np.array([1 - p, p] if model.positive == 1 else [p, 1 - p])
    return (
        Classification(judged.path, model.positive, chances),
        judged.verdict,
        judged.reasons,
    )


def _prediction_row(verdict: Classification, model: Model) -> Row:
    label, probability = told(verdict, model.names, model.positive)
    error = verdict.error or None
    return {
        "path": verdict.path,
        "label": label,
        "probability": probability,
        "error": error,
    }


def told(
    verdict: Classification, names: Sequence[str], positive: int | None
) -> tuple[str | None, float | None]:
    """Return the label and the one probability that are told about an image.

    To six decimals, more than which no engine agrees with another.
    """
    predicted, probabilities = verdict.predicted, verdict.probabilities
    label, chance = label_and_probability(predicted, probabilities, names, positive)
    return label, None if chance is None else round(chance, 6)


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
        if row.get("reasons"):
            yield f"{'':>{max(8, len(header))}}  {printable(str(row['reasons']))}\n"
        if claim := row.get("provenance"):
            told = f"the file itself says: {claim} ({row['provenance_detail']})"
            yield f"{'':>{max(8, len(header))}}  {printable(told)}\n"


def csv_lines(rows: Iterable[Row], positive: str | None) -> Iterator[str]:
    """Yield CSV with a header."""
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
