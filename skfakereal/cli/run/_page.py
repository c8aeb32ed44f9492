"""A report and the record of its run -> ``report.html``, one self-contained page."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import binomtest

from skfakereal._pages.html import (
    Html,
    details,
    folds,
    items,
    page,
    paragraph,
    section,
    table,
)
from skfakereal._wording import chance, counted
from skfakereal.cli._decision import MORE_PROBABLE
from skfakereal.evaluation import EvaluationReport, report_sections

_RARE = 0.025  # one end of a 95% interval


def run_page(
    title: str,
    report: EvaluationReport,
    config: Mapping[str, Any],
    *,
    cautions: Sequence[str],
    how: str,
    pictures: Sequence[Html] = (),
    findings: Sequence[Html] = (),
    sections: Sequence[Html] = (),
) -> str:
    """Return the page: the result, what it is worth, its evidence, and how it was made."""
    return page(
        title,
        *report_sections(
            report._results,
            cautions=cautions,
            basis=" ".join([how, *truth_about(report)]),
            pictures=pictures,
            findings=[*decision_sections(config), *findings],
        ),
        *sections,
        how_it_was_made(config),
        lead=report.summary(),
        footer=made_by(config),
    )


def how_it_was_made(config: Mapping[str, Any]) -> Html:
    """Return what a run keeps of itself as the last section of its page."""
    data, model = config["data"], config["model"]
    counts = {
        f"images, {part}": ", ".join(f"{n:,} {name}" for name, n in data[part].items())
        for part in ("train", "validation", "test")
        if part in data
    }
    short = {
        "command": " ".join(config["command"]),
        "folder": data["folder"],
        **counts,
        **config.get("training", {}),
    }
    return section(
        "How it was made",
        folds(
            details("Command, folder and images", table(_rows(short))),
            details("All settings of the model", table(_rows(model))),
            details("Versions", table(_rows(config["versions"]))),
        ),
    )


def made_by(config: Mapping[str, Any]) -> str:
    """Return the last line of a page."""
    return f"Made by skfakereal {config['skfakereal']}, {config['date']}."


def _rows(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        (name.replace("_", " "), fact if isinstance(fact, str) else json.dumps(fact))
        for name, fact in facts.items()
    ]


def no_better_than_chance(report: EvaluationReport) -> list[str]:
    """Return a caution if the model is not clearly better than one that has learned nothing.

    Neither the accuracy nor its comparison with the largest class will do: where few
    images are fake, a good detector may be right less often than one that always answers
    "real". So the verdicts are compared with answers that are as often "fake", but given
    without looking (the agreement expected by chance of Cohen 1960, "A coefficient of
    agreement for nominal scales"), by an exact binomial test, since resamples of few images
    reach less far than chance does. Where groups make it less sure, the report's interval
    of the balanced accuracy tells.
    """
    n_right = int(np.sum(report.y_pred == report.y_true))
    true, predicted = (
        np.array([np.mean(labels == label) for label in report.classes])
        for labels in (report.y_true, report.y_pred)
    )
    by_chance = float(np.clip(true @ predicted, 0, 1))
    test = binomtest(n_right, len(report.paths), by_chance, alternative="greater")
    low = report.intervals.overall.get("balanced_accuracy", (np.nan, np.nan))[0]
    blind = 1 / np.count_nonzero(true)
    if test.pvalue <= _RARE and not low <= blind:
        return []
    return [
        "This model is not clearly better than one that answers without looking at the image: "
        "it has learned little, or was tested on too few images."
    ]


def missed_target(report: EvaluationReport, target_fpr: float) -> list[str]:
    """Return a caution if the test shows more false alarms than were asked for."""
    positive = report.classes.tolist().index(report.pos_label)
    name, rest = report.target_names[positive], report.target_names[1 - positive]
    others = report.y_true != report.pos_label
    n_false_alarms = int(np.sum(report.y_pred[others] == report.pos_label))
    n_others = int(np.sum(others))
    if not n_others:
        return []
    test = binomtest(n_false_alarms, n_others, target_fpr, alternative="greater")
    if test.pvalue > _RARE:
        return []
    return [
        f"{n_false_alarms:,} of {counted(n_others, 'tested image')} of class {rest!r} are "
        f"classified as {name!r} ({n_false_alarms / n_others:.1%}), more than the "
        f"{100 * target_fpr:.4g}% that was asked for, and more than chance explains: the images "
        "on which the threshold was chosen are not representative. Expect as many false "
        "positives, or choose the threshold on more images."
    ]


def truth_about(report: EvaluationReport) -> list[str]:
    """Return what the accuracy must be compared with, and how sure it is."""
    counts = {name: figures["n_images"] for name, figures in report.per_class.items()}
    name = max(counts, key=lambda name: counts[name])
    share = counts[name] / len(report.paths)
    low, high = report.intervals.overall.get("accuracy", (np.nan, np.nan))
    said = [f"Always answering {name!r} would be right for {share:.1%} of them."]
    if low <= high:
        said.append(
            f"With {counted(len(report.paths), 'image')}, any accuracy from {low:.1%} to "
            f"{high:.1%} is plausible (95% interval)."
        )
    return said


def decision_line(facts: Mapping[str, Any]) -> str:
    """Return the decision in one line for the screen."""
    said = (
        f"Classified as {facts['pos_label']!r} from a probability of "
        f"{chance(facts['threshold'])} ({facts['reason']})"
    )
    if facts["true_positive_rate"] is not None:
        said += (
            f": {_of_which(facts)}, {facts['true_positive_rate']:.1%} of "
            f"{facts['n_positive']:,} are detected, {_share(facts['false_positive_rate'])} of "
            f"{facts['n_negative']:,} others are false positives"
        )
    if facts["unsure_band"] is not None:
        low, high = facts["unsure_band"]
        where = f"from {chance(low)} to {chance(high)}"
        said += f"; --stable is unsure {'throughout' if high - low == 1 else where}"
    return f"{said}."


def _of_which(facts: Mapping[str, Any]) -> str:
    if facts.get("out_of_fold"):
        return "of the training images, classified out of fold"
    return "of the validation images"


def _on_which(facts: Mapping[str, Any]) -> str:
    if facts.get("recalibrated"):
        return "the images that it was recalibrated on"
    if facts.get("out_of_fold"):
        return (
            "the training images out of fold, that is, each classified by a model that was "
            "fitted without it"
        )
    return "the validation images"


def decision_sections(config: Mapping[str, Any]) -> list[Html]:
    """Return the section of the page, if there is anything to tell."""
    facts = config.get("decision")
    if (
        facts is None or "threshold" not in facts
    ):  # a model file knows no more than the band
        return []
    said = [*_rates(facts), *_calibration(facts), *_band(facts)]
    if facts["reason"] != MORE_PROBABLE:
        said.append(_what_to_expect(config, facts))
    return [
        section(
            "Decision threshold and calibration",
            paragraph(_threshold(facts)),
            details("What comes of it", items(said)),
        )
    ]


def _what_to_expect(config: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    fitted = "The threshold was fitted to these images, so"
    if facts.get("recalibrated"):
        return f"{fitted} test it on others (skfakereal evaluate) to know what to expect."
    if "cross_validated" in config.get("data", {}):
        return (
            f"{fitted} for what to expect, look at the figures of the cross-validation, in "
            "which it was chosen again for each fold."
        )
    return f"{fitted} for what to expect, look at the figures of the tested images."


def _threshold(facts: Mapping[str, Any]) -> str:
    name, at = facts["pos_label"], chance(facts["threshold"])
    if facts["refused"] is not None:
        return (
            f"An image is classified as {name} if its probability is {at} or more, since no "
            "threshold meets what was asked for."
        )
    if facts["reason"] == MORE_PROBABLE:
        return (
            f"An image is classified as {name} if its probability is {at} or more. That is the "
            "default: the more probable class. Choose a threshold that suits the use with train "
            "--target-fpr, --costs or --balanced."
        )
    return (
        f"An image is classified as {name} if its probability is {at} or more. That threshold was "
        f"chosen for {facts['reason']} on {_on_which(facts)}."
    )


def _rates(facts: Mapping[str, Any]) -> list[str]:
    if facts["true_positive_rate"] is None:
        return []
    low, high = facts["false_positive_interval"]
    name = facts["pos_label"]
    return [
        f"Of {facts['n_positive']:,} {_kind(facts)} that are {name}, "
        f"{facts['true_positive_rate']:.1%} are detected.",
        f"Of {facts['n_negative']:,} others, {_share(facts['false_positive_rate'])} are "
        f"falsely classified as {name}; on other images of the same kind it may be {_share(low)} "
        f"to {_share(high)} (95% interval).",
    ]


def _kind(facts: Mapping[str, Any]) -> str:
    if facts.get("recalibrated"):
        return "recalibration images"
    return "images out of fold" if facts.get("out_of_fold") else "validation images"


def _share(share: float) -> str:
    """Return a share in per cent; of small ones, the second digit counts."""
    return f"{share:.2%}" if 0 < share < 0.1 else f"{share:.1%}"


def _calibration(facts: Mapping[str, Any]) -> list[str]:
    if facts["calibration"] is None:
        return []
    on = f" on {_on_which(facts)}"
    if facts.get("recalibrated"):  # that moved the threshold alone
        on = " when the model was trained"
    return [
        f"The probabilities were calibrated ({facts['calibration']}){on}. They apply where the "
        "classes are as frequent as there."
    ]


def _band(facts: Mapping[str, Any]) -> list[str]:
    if facts["unsure"] is None:
        return [f"There is no unsure band. {facts['no_unsure_band']}"]
    low, high = facts["unsure_band"]
    precision, share = facts["unsure"]["precision"], facts["unsure"]["share_unsure"]
    kind = _kind(facts)
    if high - low == 1:
        return [
            f"With predict --stable, every verdict is unsure: at no probability are "
            f"{100 * precision:g}% of the {kind} classified correctly."
        ]
    return [
        f"With predict --stable, the verdict is unsure from {chance(low)} to "
        f"{chance(high)}, where fewer than {100 * precision:g}% of the {kind} are classified "
        f"correctly ({share:.1%} of them lie there), or if a mild change of the image flips it."
    ]
