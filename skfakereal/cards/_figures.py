"""What the detector reached on the test images: figures, threshold, generators."""

import math
from collections.abc import Mapping
from typing import Any

from skfakereal.cards._blocks import Block, Bullets, Section, Table, Text
from skfakereal.cards._public import without_paths
from skfakereal.evaluation import EvaluationReport
from skfakereal.evaluation._wording import counted
from skfakereal.evaluation._words import WORDS, decimal, interval_text

__all__ = [
    "evaluation_section",
    "generator_rows_section",
    "positive_name",
    "threshold_section",
]

_MOST_ROWS = 30
_AS_IT_IS = ", the more probable class; no other threshold was chosen"


def evaluation_section(report: EvaluationReport, heading: str = "Evaluation") -> Section:
    """Return the figures with their 95 % intervals.

    Parameters
    ----------
    report : EvaluationReport
        The figures.
    heading : str, default="Evaluation"
        The heading.

    Returns
    -------
    Section
        The section.
    """
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
    """Return what the positive class is called.

    Parameters
    ----------
    report : EvaluationReport
        The figures.

    Returns
    -------
    str or None
        Its name; None where there is no such class.
    """
    if report.pos_label is None:
        return None
    return str(report.target_names[report.classes.tolist().index(report.pos_label)])


def threshold_section(
    report: EvaluationReport, config: Mapping[str, Any]
) -> Section | None:
    """Return by what probability the detector decides, and what that rests on.

    Parameters
    ----------
    report : EvaluationReport
        The figures on the test images.
    config : mapping
        What is known of the training; ``decision`` of the threshold.

    Returns
    -------
    Section or None
        The section; None with more than two classes, where the most probable one is named.
    """
    positive = positive_name(report)
    if positive is None:
        return None
    blocks: list[Block] = []
    decision = config.get("decision") or {}
    if decision:
        blocks += [Text(text) for text in _decision(decision, positive)]
    chosen = report.operating_points[0]
    if not decision and not math.isnan(chosen.threshold):
        blocks.append(
            Text(
                f"An image is called {positive} from a probability of "
                f"{chosen.threshold:.4g} on{'' if report.threshold is not None else _AS_IT_IS}."
            )
        )
    blocks.append(
        Text(
            f"On the test images, this finds {chosen.true_positive_rate:.1%} of those that are "
            f"{positive}, and calls {chosen.false_positive_rate:.1%} of the others so by "
            f"mistake. The probabilities' calibration error is "
            f"{decimal(report['expected_calibration_error'])}, their Brier score "
            f"{decimal(report['brier_score'])}."
        )
    )
    return Section("Threshold and calibration", tuple(blocks))


def _decision(decision: Mapping[str, Any], positive: str) -> list[str]:
    said = []
    if decision.get("threshold") is not None:
        reason = decision.get("reason")
        by = f", chosen by {without_paths(reason)}" if reason else ""
        said.append(
            f"An image is called {positive} from a probability of "
            f"{decision['threshold']:.4g} on{by}."
        )
    rates = [decision.get(f"{sign}_positive_rate") for sign in ("true", "false")]
    counts = [decision.get(f"n_{kind}") for kind in ("positive", "negative")]
    if None not in rates and None not in counts:
        interval = decision.get("false_positive_interval")
        within = (
            f" (95 % interval {interval[0]:.2%} to {interval[1]:.2%})" if interval else ""
        )
        said.append(
            f"That rests on validation images: of {counts[0]:,} that are {positive}, "
            f"{rates[0]:.1%} were found; of {counts[1]:,} others, {rates[1]:.2%} were called "
            f"so by mistake{within}."
        )
    calibration = decision.get("calibration")
    if isinstance(calibration, str):
        said.append(f"Probabilities were calibrated on validation images: {calibration}.")
    band = decision.get("unsure_band") or {}
    if {"low", "high", "precision"} <= band.keys():
        said.append(
            f"Between {band['low']:.4g} and {band['high']:.4g} a verdict was right in less "
            f"than {band['precision']:.0%} of the validation images: call it unsure."
        )
    return said


def generator_rows_section(report: EvaluationReport) -> Section | None:
    """Return a row for each generator or group of the positive class, the weakest first.

    Groups of the other class, which may be people or cameras, stay out of a card.

    Parameters
    ----------
    report : EvaluationReport
        The figures.

    Returns
    -------
    Section or None
        The section; None if the report has no groups.
    """
    known = {
        name: row
        for name, row in report.per_group.items()
        if report.pos_label is None or row["n_positive"]
    }
    if not known:
        return None
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
        Table(("group", "images", *(WORDS[key] for key in keys)), rows),
    ]
    if len(known) > _MOST_ROWS:
        blocks.append(Text(f"{len(known) - _MOST_ROWS:,} more are not shown."))
    return Section("By generator", tuple(blocks))


def _with_interval(value: float, interval: tuple[float, float] | None) -> str:
    ends = interval_text(interval)
    return f"{_figure(value)} ({ends})" if ends else _figure(value)


def _figure(value: float) -> str:
    return "undefined" if math.isnan(value) else decimal(value)
