"""A report and what is known of its run -> ``report.html``, one page that can be mailed."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.stats import binomtest

from skfakereal._pages.html import (
    Html,
    details,
    items,
    note,
    page,
    paragraph,
    section,
    table,
)
from skfakereal._pages.pictures import figure
from skfakereal._wording import chance, counted
from skfakereal.cli._decision import MORE_PROBABLE
from skfakereal.evaluation import EvaluationReport

if TYPE_CHECKING:
    from matplotlib.figure import Figure


_RARE = 0.025  # one end of a 95% interval


def run_page(
    title: str,
    report: EvaluationReport,
    config: Mapping[str, Any],
    *,
    cautions: Sequence[str],
    how: str,
    figures: "Mapping[str, tuple[Figure, str]]",
    sections: Sequence[Html] = (),
) -> str:
    """Return the page: the result, what it is worth, its evidence, and how it was made."""
    return page(
        title,
        *(note(caution, "warning") for caution in cautions),
        note(" ".join([how, *truth_about(report)])),
        *decision_sections(config),
        *report.html_sections(),
        *(
            section(heading, figure(drawn, caption))
            for heading, (drawn, caption) in figures.items()
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
        table(_rows(short)),
        details("All settings of the model", table(_rows(model))),
        details("Versions", table(_rows(config["versions"]))),
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
    """Return a caution if the model cannot be told from one that has learned nothing.

    Neither the accuracy nor its comparison with the largest class will do: where few
    images are fake, a good detector may be right less often than one that always answers
    "real". So the verdicts are compared with answers that are as often "fake", but given
    without looking (the agreement expected by chance of Cohen 1960, "A coefficient of
    agreement for nominal scales"), by an exact binomial test, since resamples of few images
    reach less far than chance does. Where groups make it less sure, the report's interval
    of the balanced accuracy tells.
    """
    n_right = int(np.sum(report.y_pred == report.y_true))
    true, said = (
        np.array([np.mean(labels == label) for label in report.classes])
        for labels in (report.y_true, report.y_pred)
    )
    by_chance = float(np.clip(true @ said, 0, 1))
    test = binomtest(n_right, len(report.paths), by_chance, alternative="greater")
    low = report.intervals.overall.get("balanced_accuracy", (np.nan, np.nan))[0]
    blind = 1 / np.count_nonzero(true)
    if test.pvalue <= _RARE and not low <= blind:
        return []
    return [
        "This model cannot be told from one that answers without looking at the image: it "
        "has learned little, or was tested on too few images."
    ]


def missed_target(report: EvaluationReport, target_fpr: float) -> list[str]:
    """Return a caution if the test shows more false alarms than were asked for."""
    positive = report.classes.tolist().index(report.pos_label)
    name, rest = report.target_names[positive], report.target_names[1 - positive]
    others = report.y_true != report.pos_label
    n_accused = int(np.sum(report.y_pred[others] == report.pos_label))
    n_others = int(np.sum(others))
    if not n_others:
        return []
    test = binomtest(n_accused, n_others, target_fpr, alternative="greater")
    if test.pvalue > _RARE:
        return []
    return [
        f"{n_accused:,} of {counted(n_others, 'tested image')} of class {rest!r} are called "
        f"{name!r} ({n_accused / n_others:.1%}), which is more than the "
        f"{100 * target_fpr:.4g}% that was asked for and than chance explains: the images on "
        "which the threshold was chosen do not stand for them. Expect as many, or choose it "
        "on more images."
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
        f"Called {facts['pos_label']!r} from a probability of {chance(facts['threshold'])} "
        f"on ({facts['reason']})"
    )
    if facts["true_positive_rate"] is not None:
        said += (
            f": {_of_which(facts)}, {facts['true_positive_rate']:.1%} of "
            f"{facts['n_positive']:,} are found, {_share(facts['false_positive_rate'])} of "
            f"{facts['n_negative']:,} others accused"
        )
    if facts["unsure_band"] is not None:
        low, high = facts["unsure_band"]
        where = f"from {chance(low)} to {chance(high)}"
        said += f"; --stable is unsure {'throughout' if high - low == 1 else where}"
    return f"{said}."


def _of_which(facts: Mapping[str, Any]) -> str:
    if facts.get("out_of_fold"):
        return "of the training images, judged out of fold"
    return "of the validation images"


def _on_which(facts: Mapping[str, Any]) -> str:
    if facts.get("recalibrated"):
        return "the images that it was recalibrated on"
    if facts.get("out_of_fold"):
        return (
            "the training images out of fold, that is, each judged by a model that was "
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
    said = [_threshold(facts), *_rates(facts), *_calibration(facts), *_band(facts)]
    parts: list[Html] = [items(said)]
    if facts["reason"] != MORE_PROBABLE:
        parts.append(note(_what_to_expect(config, facts)))
    return [
        section(
            "The decision",
            paragraph(
                "The model gives every image a probability. This is how a verdict is made "
                "of it."
            ),
            *parts,
        )
    ]


def _what_to_expect(config: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    fitted = "The threshold was fitted to these images, so"
    if facts.get("recalibrated"):
        return f"{fitted} test it on others (skfakereal evaluate) to know what to expect."
    if "cross_validated" in config.get("data", {}):
        return (
            f"{fitted} look at the figures of the cross-validation, in which it was chosen "
            "anew for each fold, for what to expect."
        )
    return f"{fitted} look at the figures of the tested images for what to expect."


def _threshold(facts: Mapping[str, Any]) -> str:
    name, at = facts["pos_label"], chance(facts["threshold"])
    if facts["refused"] is not None:
        return (
            f"An image is called {name} if its probability is {at} or more, since the "
            "threshold that was asked for could not be had."
        )
    if facts["reason"] == MORE_PROBABLE:
        return (
            f"An image is called {name} if its probability is {at} or more. Nobody chose "
            "that threshold: it takes the more probable class. train --target-fpr, --costs "
            "or --balanced choose one that suits its use."
        )
    return (
        f"An image is called {name} if its probability is {at} or more. That threshold was "
        f"chosen for {facts['reason']} on {_on_which(facts)}."
    )


def _rates(facts: Mapping[str, Any]) -> list[str]:
    if facts["true_positive_rate"] is None:
        return []
    low, high = facts["false_positive_interval"]
    name = facts["pos_label"]
    return [
        f"Of {facts['n_positive']:,} {_kind(facts)} that are {name}, "
        f"{facts['true_positive_rate']:.1%} are found.",
        f"Of {facts['n_negative']:,} others, {_share(facts['false_positive_rate'])} are called "
        f"{name} by mistake; on other images of the same kind it may be {_share(low)} to "
        f"{_share(high)} (95% interval).",
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
    return [
        f"The probabilities were calibrated ({facts['calibration']}) on {_on_which(facts)}. "
        "They hold where the classes are as frequent as there."
    ]


def _band(facts: Mapping[str, Any]) -> list[str]:
    if facts["unsure"] is None:
        return [f"There is no band of unsure probabilities. {facts['no_unsure_band']}"]
    low, high = facts["unsure_band"]
    precision, share = facts["unsure"]["precision"], facts["unsure"]["share_unsure"]
    kind = _kind(facts)
    if high - low == 1:
        return [
            f"With predict --stable, every verdict is unsure: at no probability do the {kind} "
            f"show that {100 * precision:g}% of them would be judged correctly."
        ]
    return [
        f"With predict --stable, the verdict is unsure from {chance(low)} to "
        f"{chance(high)}, where fewer than {100 * precision:g}% of such {kind} "
        f"would be judged correctly ({share:.1%} of them lie there), or if a mild change of "
        "the image would turn it."
    ]
