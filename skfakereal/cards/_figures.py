"""What the detector reached on the test images: figures, and rows by generator."""

import math

from skfakereal._wording import WORDS, counted, decimal, interval_text
from skfakereal.cards._blocks import Block, Bullets, Section, Table, Text
from skfakereal.cards._public import without_paths
from skfakereal.evaluation import EvaluationReport

_MOST_ROWS = 30


def evaluation_section(report: EvaluationReport, heading: str = "Evaluation") -> Section:
    """Return the figures with their 95 % intervals."""
    double = "f1_macro" if "f1" in report else "f1"
    intervals = report.intervals.overall
    rows = tuple(
        (word, _figure(report[key]), interval_text(intervals.get(key)) or "none")
        for key, word in WORDS.items()
        if key in report and key != double
    )
    counts = ", ".join(
        f"{figures['n_images']:,} {name}" for name, figures in report.per_class.items()
    )
    positive = positive_name(report)
    spoken = f" Positive class: {positive}." if positive else ""
    blocks: list[Block] = [
        Text(report.summary()),
        Text(f"Tested on {counted(len(report.paths), 'image')} ({counts}).{spoken}"),
        Table(("figure", "value", "95 % interval (bootstrap)"), rows),
    ]
    if remarks := _remarks(report):
        blocks.append(Bullets(tuple(remarks)))
    return Section(heading, tuple(blocks))


def _remarks(report: EvaluationReport) -> list[str]:
    # What the report says of unreadable images names them.
    said = [
        without_paths(remark)
        for remark in report.remarks
        if not any(path in remark for path in report.unreadable)
    ]
    if report.unreadable:
        lost = counted(len(report.unreadable), "image")
        said.append(f"{lost} could not be read and had to be left out.")
    return said


def positive_name(report: EvaluationReport) -> str | None:
    """Return what the positive class is called."""
    if report.pos_label is None:
        return None
    return str(report.target_names[report.classes.tolist().index(report.pos_label)])


def generator_rows_section(report: EvaluationReport) -> Section | None:
    """Return a row for each generator or group of the positive class, the weakest first.

    Groups of the other class, which may be people or cameras, stay out of a card.
    """
    known = {
        name: row
        for name, row in report.per_group.items()
        if report.pos_label is None or row["n_positive"]
    }
    if not known:
        return None
    word = report.row_word
    keys = [key for key in WORDS if key in next(iter(known.values()))]
    intervals = report.intervals.per_group
    ordered = sorted(known.items(), key=lambda item: item[1]["accuracy"])
    rows = tuple(
        (
            name,
            f"{int(row['n_images']):,}",
            *(_with_interval(row[key], intervals.get(name, {}).get(key)) for key in keys),
        )
        for name, row in ordered[:_MOST_ROWS]
    )
    blocks: list[Block] = [
        Text("The weakest comes first; 95 % intervals stand in brackets."),
        Table((word, "images", *(WORDS[key] for key in keys)), rows),
    ]
    if len(known) > _MOST_ROWS:
        blocks.append(Text(f"{len(known) - _MOST_ROWS:,} more are not shown."))
    return Section(f"By {word}", tuple(blocks))


def _with_interval(value: float, interval: tuple[float, float] | None) -> str:
    ends = interval_text(interval)
    return f"{_figure(value)} ({ends})" if ends else _figure(value)


def _figure(value: float) -> str:
    return "undefined" if math.isnan(value) else decimal(value)
