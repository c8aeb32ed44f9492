"""What was measured: figures on test images, the threshold, altered images, unseen generators."""

import math
from collections.abc import Mapping
from typing import Any

from skfakereal._wording import (
    WORDS,
    counted,
    decimal,
    interval_text,
    left_out,
    spoken_keys,
)
from skfakereal.cards._blocks import Block, Bullets, Section, Table, Text, without_paths
from skfakereal.evaluation import EvaluationReport, GeneratorReport, RobustnessReport

_MOST_ROWS = 30


def evaluation_section(
    report: EvaluationReport,
    heading: str = "Evaluation",
    *,
    cross_validated: bool = False,
) -> Section:
    """Return the figures with their 95% intervals."""
    intervals = report.intervals.overall
    rows = tuple(
        (WORDS[key], _figure(report[key]), interval_text(intervals.get(key)) or "none")
        for key in spoken_keys(report)
    )
    counts = ", ".join(
        f"{figures['n_images']:,} {name}" for name, figures in report.per_class.items()
    )
    positive = positive_name(report)
    spoken = f" Positive class: {positive}." if positive else ""
    tested = f"{counted(len(report.paths), 'image')} ({counts})"
    if cross_validated:
        tested = (
            f"Cross-validated on {tested}: each was classified by a model of the same "
            "kind that was fitted without it. This model was fitted on all of them."
        )
    else:
        tested = f"Tested on {tested}."
    blocks: list[Block] = [
        Text(report.summary()),
        Text(f"{tested}{spoken}"),
        Table(("figure", "value", "95% interval (bootstrap)"), rows),
    ]
    if remarks := _remarks(report):
        blocks.append(Bullets(tuple(remarks)))
    return Section(heading, tuple(blocks))


def _remarks(report: EvaluationReport) -> list[str]:
    # What the report says of unreadable images names them.
    sentences = [
        without_paths(remark)
        for remark in report.remarks
        if not any(path in remark for path in report.unreadable)
    ]
    if report.unreadable:
        sentences.append(f"{left_out(len(report.unreadable))}.")
    return sentences


def positive_name(report: EvaluationReport) -> str | None:
    """Return what the positive class is called."""
    if report.pos_label is None:
        return None
    return str(report.target_names[report.classes.tolist().index(report.pos_label)])


def generator_rows_section(report: EvaluationReport) -> Section | None:
    """Return a row for each generator or group of the positive class, the weakest first.

    Groups of the other class, which may be people or cameras, stay out of a card.
    """
    shown = {
        name: row
        for name, row in report.per_group.items()
        if report.pos_label is None or row["n_positive"]
    }
    if not shown:
        return None
    word = report.row_word
    keys = [key for key in WORDS if key in next(iter(shown.values()))]
    intervals = report.intervals.per_group
    ordered = sorted(shown.items(), key=lambda item: item[1]["accuracy"])
    rows = tuple(
        (
            name,
            f"{int(row['n_images']):,}",
            *(_with_interval(row[key], intervals.get(name, {}).get(key)) for key in keys),
        )
        for name, row in ordered[:_MOST_ROWS]
    )
    blocks: list[Block] = [
        Text("The weakest comes first; 95% intervals are in brackets."),
        Table((word, "images", *(WORDS[key] for key in keys)), rows),
    ]
    if len(shown) > _MOST_ROWS:
        blocks.append(Text(f"{len(shown) - _MOST_ROWS:,} more are not shown."))
    return Section(f"By {word}", tuple(blocks))


def _with_interval(value: float, interval: tuple[float, float] | None) -> str:
    ends = interval_text(interval)
    return f"{_figure(value)} ({ends})" if ends else _figure(value)


def _figure(value: float) -> str:
    return "undefined" if math.isnan(value) else decimal(value)


# The reason that `train` gives where no threshold was chosen.
_MORE_PROBABLE = "the more probable class"

Decision = Mapping[str, Any]


def has_chosen(report: EvaluationReport, decision: Decision) -> bool:
    """Return whether a threshold was chosen, rather than left at 0.5."""
    if decision:
        return decision.get("reason") != _MORE_PROBABLE
    return report.threshold is not None


def threshold_section(
    report: EvaluationReport, config: Mapping[str, Any]
) -> Section | None:
    """Return the decision threshold, and what it was chosen on."""
    positive = positive_name(report)
    if positive is None:
        return None
    decision = config.get("decision") or {}
    sentences = _rule(report, decision, positive)
    sentences += [*_validated(decision, positive), *_band(decision)]
    chosen = report.operating_points[0]
    where = (
        "On the test images"
        if "cross_validated" not in config.get("data", {})
        else "In the cross-validation"
    )
    sentences.append(
        f"{where}, its true positive rate is {chosen.true_positive_rate:.1%} and its "
        f"false positive rate {chosen.false_positive_rate:.1%}. The probabilities' calibration "
        f"error is "
        f"{decimal(report['expected_calibration_error'])}, their Brier score "
        f"{decimal(report['brier_score'])}."
    )
    blocks: list[Block] = [Text(each) for each in sentences]
    return Section("Threshold and calibration", tuple(blocks))


def _rule(report: EvaluationReport, decision: Decision, positive: str) -> list[str]:
    threshold = decision.get("threshold")
    if threshold is None:
        threshold = report.operating_points[0].threshold
    if math.isnan(threshold):
        return []
    if not has_chosen(report, decision):
        why = ", the more probable class; no other threshold was chosen"
    elif decision.get("reason"):
        why = f", chosen by {without_paths(decision['reason'])}"
    else:
        why = ""
    return [
        f"An image is classified as {positive} from a probability of {threshold:.4g}{why}."
    ]


def _validated(decision: Decision, positive: str) -> list[str]:
    sentences = []
    keys = ("n_positive", "true_positive_rate", "n_negative", "false_positive_rate")
    n_positive, tpr, n_negative, fpr = map(decision.get, keys)
    if None not in (n_positive, tpr, n_negative, fpr):
        interval = decision.get("false_positive_interval")
        within = (
            f" (95% interval {interval[0]:.2%} to {interval[1]:.2%})" if interval else ""
        )
        on = f"On the {_kind(decision)}"
        if decision.get("out_of_fold"):
            on = (
                "Out of fold (each training image classified by a model that was fitted "
                "without it)"
            )
        sentences.append(
            f"{on}, it detected {tpr:.1%} of {n_positive:,} {positive} images; "
            f"of {n_negative:,} others, {fpr:.2%} were false positives{within}."
        )
    if isinstance(decision.get("calibration"), str):
        how = decision["calibration"]
        on = f" on {_kind(decision)}"
        if decision.get("recalibrated"):  # that moved the threshold alone
            on = ""
        sentences.append(f"Probabilities were calibrated{on}: {how}.")
    return sentences


def _kind(decision: Decision) -> str:
    if decision.get("recalibrated"):
        return "images that it was recalibrated on"
    return "images out of fold" if decision.get("out_of_fold") else "validation images"


def _band(decision: Decision) -> list[str]:
    band = decision.get("unsure") or decision.get("unsure_band")
    # Either all of an `UnsureBand`, or its two ends.
    if isinstance(band, Mapping):
        low, high, precision = (band.get(key) for key in ("low", "high", "precision"))
    else:
        low, high = band or (None, None)
        precision = decision.get("unsure_precision")
    if None in (low, high, precision):
        return []
    return [
        f"Between {low:.4g} and {high:.4g}, fewer than {precision:.0%} of the "
        f"{_kind(decision)} were classified correctly: treat such a verdict as unsure."
    ]


ROBUSTNESS = "Robustness"
UNSEEN = "Unseen generators"


def robustness_section(report: RobustnessReport | None) -> Section:
    """Return what common changes of an image cost."""
    if report is None:
        return _not_measured(
            ROBUSTNESS,
            "Detectors often fail on images that were saved again, shrunk or cropped (Wang et al. "
            "2020; Grommelt et al. 2024).",
        )
    header = ("change", "accuracy", "ROC-AUC", "TPR", "FPR", "flipped")
    rows = (
        (
            row.name,
            *map(_figure, (row.accuracy, row.roc_auc, row.tpr, row.fpr, row.flip_rate)),
        )
        for row in report.values()
    )
    said = (
        f"Measured on {report.untouched.n_images:,} images; flipped is the share of images whose "
        "predicted class changes."
    )
    return _measured(ROBUSTNESS, report, said, Table(header, tuple(rows)))


def generators_section(report: GeneratorReport | None) -> Section:
    """Return what an unseen generator costs."""
    if report is None:
        return _not_measured(
            UNSEEN,
            "Expect the detector to miss many fakes from generators that it was not trained on.",
        )
    header = ("generator", "fakes", "ROC-AUC, seen", "unseen", "TPR, seen", "unseen")
    rows = (
        (
            row.generator,
            f"{row.n_fake:,}",
            *(
                _figure(side[key])
                for key in ("roc_auc", "tpr")
                for side in (row.seen, row.unseen)
            ),
        )
        for row in report.values()
    )
    said = (
        "Each row compares detectors with the same settings that were and were not trained on "
        "the generator, on the same fakes."
    )
    return _measured(UNSEEN, report, said, Table(header, tuple(rows)))


def _not_measured(heading: str, said: str) -> Section:
    return Section(heading, (Text(f"Not measured. {said}"),))


def _measured(
    heading: str, report: RobustnessReport | GeneratorReport, said: str, figures: Table
) -> Section:
    blocks: list[Block] = [Text(f"{report.summary()} {said}"), figures]
    if report.remarks:
        blocks.append(Bullets(tuple(report.remarks)))
    return Section(heading, tuple(blocks))
