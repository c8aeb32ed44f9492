"""A report and the record of its run -> what the page of a run says beside its figures."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import binomtest

from skfakereal._pages.html import Html, details, folds, page, section, table
from skfakereal._shown import write_page
from skfakereal._wording import counted
from skfakereal.evaluation import EvaluationReport

_RARE = 0.025  # one end of a 95% interval


def write_report(
    folder: Path, title: str, *parts: Html, config: Mapping[str, Any], lead: str
) -> None:
    """Write the page of a run, which ends with how it was made."""
    made, footer = _how_it_was_made(config), made_by(config)
    write_page(folder / "report.html", page(title, *parts, made, lead=lead, footer=footer))


def _how_it_was_made(config: Mapping[str, Any]) -> Html:
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
