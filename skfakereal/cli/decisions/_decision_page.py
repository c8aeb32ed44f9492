"""What was decided on the validation images, in plain words."""

from collections.abc import Mapping
from typing import Any

from skfakereal._html import Html, items, note, paragraph, section
from skfakereal._wording import chance
from skfakereal.cli.decisions._decision_plan import MORE_PROBABLE

__all__ = ["decision_line", "decision_sections"]


def decision_line(facts: Mapping[str, Any]) -> str:
    """Return the decision in one line for the screen.

    Parameters
    ----------
    facts : mapping
        ``decision`` of ``config.json``.

    Returns
    -------
    str
        The line.
    """
    said = (
        f"Called {facts['pos_label']!r} from a probability of {chance(facts['threshold'])} "
        f"on ({facts['reason']})"
    )
    if facts["true_positive_rate"] is not None:
        said += (
            f": of the validation images, {facts['true_positive_rate']:.1%} of "
            f"{facts['n_positive']:,} are found, {_share(facts['false_positive_rate'])} of "
            f"{facts['n_negative']:,} others accused"
        )
    if facts["unsure_band"] is not None:
        low, high = facts["unsure_band"]
        where = f"from {chance(low)} to {chance(high)}"
        said += f"; --stable is unsure {'throughout' if high - low == 1 else where}"
    return f"{said}."


def decision_sections(config: Mapping[str, Any]) -> list[Html]:
    """Return the section of the page, if there is anything to tell.

    Parameters
    ----------
    config : mapping
        What ``config.json`` holds.

    Returns
    -------
    list of Html
        One section, or none with more than two classes.
    """
    facts = config.get("decision")
    if (
        facts is None or "threshold" not in facts
    ):  # a model file knows no more than the band
        return []
    said = [_threshold(facts), *_rates(facts), *_calibration(facts), *_band(facts)]
    parts: list[Html] = [items(said)]
    if facts["reason"] != MORE_PROBABLE:
        parts.append(
            note(
                "The threshold was fitted to the validation images, so look at the figures "
                "of the tested images for what to expect."
            )
        )
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
        f"chosen on the validation images for {facts['reason']}."
    )


def _rates(facts: Mapping[str, Any]) -> list[str]:
    if facts["true_positive_rate"] is None:
        return []
    low, high = facts["false_positive_interval"]
    name = facts["pos_label"]
    return [
        f"Of {facts['n_positive']:,} validation images that are {name}, "
        f"{facts['true_positive_rate']:.1%} are found.",
        f"Of {facts['n_negative']:,} others, {_share(facts['false_positive_rate'])} are called "
        f"{name} by mistake; on other images of the same kind it may be {_share(low)} to "
        f"{_share(high)} (95 % interval).",
    ]


def _share(share: float) -> str:
    """Return a share in per cent; of small ones, the second digit counts."""
    return f"{share:.2%}" if 0 < share < 0.1 else f"{share:.1%}"


def _calibration(facts: Mapping[str, Any]) -> list[str]:
    if facts["calibration"] is None:
        return []
    return [
        f"The probabilities were calibrated on the validation images ({facts['calibration']}): "
        "they hold where the classes are as frequent as there."
    ]


def _band(facts: Mapping[str, Any]) -> list[str]:
    if facts["unsure"] is None:
        return [f"There is no band of unsure probabilities. {facts['no_unsure_band']}"]
    low, high = facts["unsure_band"]
    precision, share = facts["unsure"]["precision"], facts["unsure"]["share_unsure"]
    if high - low == 1:
        return [
            "With predict --stable, every verdict is unsure: the validation images of no "
            f"probability show that {100 * precision:g} % of them would be judged correctly."
        ]
    return [
        f"With predict --stable, the verdict is unsure from {chance(low)} to "
        f"{chance(high)}, where fewer than {100 * precision:g} % of such validation images "
        f"would be judged correctly ({share:.1%} of them lie there), or if a mild change of "
        "the image would turn it."
    ]
