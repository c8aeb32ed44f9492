"""By which threshold a model decides: the record of it, and what page and screen say."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skfakereal._judging.model import Model
from skfakereal._pages.html import Html, details, items, section
from skfakereal._wording import chance
from skfakereal.cli._decision import MORE_PROBABLE
from skfakereal.evaluation import UnsureBand, learn_unsure_band
from skfakereal.thresholds import ThresholdChoice

Band = UnsureBand | str  # why there is none


def learn_band(
    model: Model, labels: NDArray[np.int64], score: NDArray[np.float64], precision: float
) -> Band:
    """Learn the unsure band from probabilities of the positive class."""
    truth = np.array(model.names)[labels]
    try:
        return learn_unsure_band(
            truth, score, precision=precision, pos_label=model.pos_name
        )
    except ValueError as error:
        return " ".join(str(error).split())


def decision_facts(
    model: Model,
    choice: ThresholdChoice | None,
    band: Band,
    *,
    precision: float,
    calibration: str | None = None,
    out_of_fold: bool = False,
    recalibrated: bool = False,
    refused: str | None = None,
) -> dict[str, Any]:
    """Return what ``config.json`` keeps as ``decision``; without a choice, 0.5 decides."""
    known: dict[str, Any] = {
        **dict.fromkeys(field.name for field in dataclasses.fields(ThresholdChoice)),
        **{"threshold": 0.5, "pos_label": model.pos_name, "reason": MORE_PROBABLE},
    }
    if choice is not None:
        known = dataclasses.asdict(choice)
        known["false_positive_interval"] = list(choice.false_positive_interval)
    learned = band if isinstance(band, UnsureBand) else None
    return {
        **known,
        "calibration": calibration,
        "out_of_fold": out_of_fold,
        **({"recalibrated": True} if recalibrated else {}),
        "refused": refused,
        "unsure_band": None if learned is None else [learned.low, learned.high],
        "unsure": None if learned is None else dataclasses.asdict(learned),
        "unsure_precision": precision,
        "no_unsure_band": band if learned is None else None,
    }


def decision_line(facts: Mapping[str, Any]) -> str:
    """Return the decision in one line for the screen."""
    said = (
        f"Classified as {facts['pos_label']!r} from a probability of "
        f"{chance(facts['threshold'])} ({facts['reason']})"
    )
    if facts["true_positive_rate"] is not None:
        out_of_fold = "training images, classified out of fold"
        which = out_of_fold if facts["out_of_fold"] else "validation images"
        said += (
            f": of the {which}, {facts['true_positive_rate']:.1%} of "
            f"{facts['n_positive']:,} are detected, {_share(facts['false_positive_rate'])} of "
            f"{facts['n_negative']:,} others are false positives"
        )
    if facts["unsure_band"] is not None:
        low, high = facts["unsure_band"]
        where = f"from {chance(low)} to {chance(high)}"
        said += f"; --stable is unsure {'throughout' if high - low == 1 else where}"
    return f"{said}."


def _chosen_on(facts: Mapping[str, Any]) -> tuple[str, str]:
    """Return what a threshold was chosen on, and what to call some of these images."""
    if facts.get("recalibrated"):
        return "the images that it was recalibrated on", "recalibration images"
    if facts.get("out_of_fold"):
        how = "that is, each classified by a model that was fitted without it"
        return f"the training images out of fold, {how}", "images out of fold"
    return "the validation images", "validation images"


def decision_sections(config: Mapping[str, Any]) -> list[Html]:
    """Return the section of the page, if there is anything to tell."""
    facts = config.get("decision") or {}
    # A model file knows no more than the band, and a record may have been written by hand.
    if None in (facts.get("threshold"), facts.get("pos_label")):
        return []
    said = [*_rates(facts), *_calibration(facts), *_band(facts)]
    if facts.get("reason") not in (None, MORE_PROBABLE):
        said.append(_what_to_expect(config, facts))
    return [
        section(
            "Decision threshold and calibration",
            _threshold(facts),
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
    rule = f"An image is classified as {name} if its probability is {at} or more"
    if facts.get("refused") is not None:
        return f"{rule}, since no threshold meets what was asked for."
    if facts.get("reason") is None:
        return f"{rule}."
    if facts["reason"] == MORE_PROBABLE:
        return (
            f"{rule}. That is the default: the more probable class. Choose a threshold that suits "
            "the use with train --target-fpr, --costs or --balanced."
        )
    return f"{rule}. That threshold was chosen for {facts['reason']} on {_chosen_on(facts)[0]}."


def _rates(facts: Mapping[str, Any]) -> list[str]:
    keys = ("n_positive", "true_positive_rate", "n_negative", "false_positive_rate")
    if None in map(facts.get, keys):
        return []
    n_positive, found, n_negative, false = (facts[key] for key in keys)
    name, within = facts["pos_label"], ""
    if facts.get("false_positive_interval") is not None:
        low, high = map(_share, facts["false_positive_interval"])
        within = (
            f"; on other images of the same kind it may be {low} to {high} (95% interval)"
        )
    return [
        f"Of {n_positive:,} {_chosen_on(facts)[1]} that are {name}, {found:.1%} are detected.",
        f"Of {n_negative:,} others, {_share(false)} are falsely classified as {name}{within}.",
    ]


def _share(share: float) -> str:
    """Return a share in per cent; of small ones, the second digit counts."""
    return f"{share:.2%}" if 0 < share < 0.1 else f"{share:.1%}"


def _calibration(facts: Mapping[str, Any]) -> list[str]:
    if facts.get("calibration") is None:
        return []
    on = f" on {_chosen_on(facts)[0]}"
    if facts.get("recalibrated"):  # that moved the threshold alone
        on = " when the model was trained"
    return [
        f"The probabilities were calibrated ({facts['calibration']}){on}. They apply where the "
        "classes are as frequent as there."
    ]


def _band(facts: Mapping[str, Any]) -> list[str]:
    band = facts.get("unsure")
    if band is None:
        why = facts.get("no_unsure_band")
        return [f"There is no unsure band.{'' if why is None else f' {why}'}"]
    low, high = band["low"], band["high"]
    precision, share = band["precision"], band["share_unsure"]
    kind = _chosen_on(facts)[1]
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
