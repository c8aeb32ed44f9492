"""Verdicts -> rows of a table, of CSV or of JSON, written as they come."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from skfakereal._csv_file import csv_line, encoded
from skfakereal._shown import printable
from skfakereal.cli._output import write_lines
from skfakereal.cli.runs._model import Model
from skfakereal.scoring._verdicts import Verdict

__all__ = [
    "FORMATS",
    "Row",
    "prediction_row",
    "probability_shown",
    "stable_row",
    "write_text",
]

Row = dict[str, str | float | None]


def stable_row(
    verdict: Verdict, label: str | None, reasons: Sequence[str], model: Model
) -> Row:
    """Return what is told about an image of which the model may be unsure.

    Parameters
    ----------
    verdict : Verdict
        What the model says of it as it is.
    label : str or None
        The name of a class, or "unsure".
    reasons : sequence of str
        Why it is unsure.
    model : Model
        The model.

    Returns
    -------
    dict of str to str, float or None
        What `prediction_row` gives, and ``reasons``, None where there are none.
    """
    row = prediction_row(verdict, model)
    return row | {"label": label, "reasons": " ".join(reasons) or None}


def prediction_row(verdict: Verdict, model: Model) -> Row:
    """Return what is told about an image.

    Parameters
    ----------
    verdict : Verdict
        What the model says about it.
    model : Model
        The model.

    Returns
    -------
    dict of str to str, float or None
        ``path``, ``label``, ``probability``, ``error``; None where there is nothing.
    """
    predicted = verdict.predicted
    return {
        "path": verdict.path,
        "label": None if predicted is None else model.names[predicted],
        "probability": probability_shown(verdict, model.positive),
        "error": verdict.error or None,
    }


def probability_shown(verdict: Verdict, positive: int | None) -> float | None:
    """Return the one probability that is told about an image.

    Parameters
    ----------
    verdict : Verdict
        What a model says about it.
    positive : int or None
        Position of the class whose probability it is; None for the predicted one.

    Returns
    -------
    float or None
        From 0 to 1, to six decimals, more than which no engine agrees with another; None
        if the image could not be read or the model gives none.
    """
    if verdict.probabilities is None:
        return None
    shown = verdict.predicted if positive is None else positive
    return round(float(verdict.probabilities[shown]), 6)


def table_lines(rows: Iterable[Row], positive: str | None) -> Iterator[str]:
    """Yield a table for people; the path comes last, so that no width must be known.

    Parameters
    ----------
    rows : iterable of dict
        The rows.
    positive : str or None
        Name of the class whose probability is told; None for that of the label.

    Yields
    ------
    str
        A line.
    """
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


def csv_lines(rows: Iterable[Row], positive: str | None) -> Iterator[str]:
    """Yield CSV with a header.

    Parameters
    ----------
    rows : iterable of dict
        The rows.
    positive : str or None
        Not told.

    Yields
    ------
    str
        A line, or several where a path holds line breaks.
    """
    for i, row in enumerate(rows):
        if i == 0:
            yield csv_line(row)
        yield csv_line(row.values())


def json_lines(rows: Iterable[Row], positive: str | None) -> Iterator[str]:
    """Yield one array of objects, one object a line.

    Parameters
    ----------
    rows : iterable of dict
        The rows.
    positive : str or None
        Not told.

    Yields
    ------
    str
        A line.
    """
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
    """Write lines to standard output or to a file, each as soon as it is there.

    Parameters
    ----------
    lines : iterable of str
        Text with its line breaks.
    out : str or None
        The file; None for standard output.
    force : bool
        Whether an existing file may be replaced.

    Raises
    ------
    OSError
        If the file exists, or cannot be written.
    """
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
