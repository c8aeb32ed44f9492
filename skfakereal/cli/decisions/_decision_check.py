"""What no training can give: is refused before it begins, by counting."""

from importlib.metadata import version

import numpy as np

from skfakereal._classifying.classes import positive_class
from skfakereal.cli.decisions._decision_plan import DecisionPlan
from skfakereal.cli.images._parts import Parts
from skfakereal.evaluation.verdicts._unsure_band import images_needed
from skfakereal.thresholds._choose import check_negatives, negatives_needed

__all__ = ["check_decision"]

_FOLDS = 5  # scikit-learn's calibration divides even images that nothing is fitted on


def check_decision(plan: DecisionPlan, parts: Parts) -> None:
    """Check that the validation images suffice for what is to be learned from them.

    Parameters
    ----------
    plan : DecisionPlan
        What is wanted.
    parts : Parts
        The images.

    Raises
    ------
    ValueError
        If they do not: the message says how many it takes, and how to get them.
    """
    if not plan.asked:
        return
    if len(parts.names) != 2:
        raise ValueError(
            f"{', '.join(plan.asked)} can be used with two classes only, but there are "
            f"{len(parts.names)}. Leave {'it' if len(plan.asked) == 1 else 'them'} out."
        )
    if plan.calibration == "temperature":
        _check_temperature(version("scikit-learn"))
    assert parts.validation is not None
    counts = parts.validation.count(parts.names)
    positive = positive_class(np.arange(2), parts.names)
    assert positive is not None
    others = parts.names[1 - positive]
    if plan.target_fpr is not None:
        try:
            check_negatives(counts[others], plan.target_fpr, plan.confidence, repr(others))
        except ValueError as error:
            needed = negatives_needed(plan.target_fpr, plan.confidence)
            raise ValueError(f"{error}{_way_out(parts, others, needed)}") from error
    for option in plan.asked:
        needed = _needed_of_each(option, plan)
        for name, number in counts.items():
            if number < needed:
                raise ValueError(
                    f"{option} needs at least {needed} validation images of each class, but "
                    f"{name!r} has {number}.{_way_out(parts, name, needed)}"
                )


def _needed_of_each(option: str, plan: DecisionPlan) -> int:
    if option == "--calibration":
        return _FOLDS
    return images_needed(plan.precision) if option == "--unsure-precision" else 1


def _check_temperature(installed: str) -> None:
    if tuple(map(int, installed.split(".")[:2])) < (1, 8):
        raise ValueError(
            f"--calibration temperature needs scikit-learn 1.8, but {installed} is "
            "installed. Update it, or take sigmoid."
        )


def _way_out(parts: Parts, name: str, needed: int) -> str:
    """Return which share of the training part would be enough, if one is."""
    assert parts.validation is not None
    if not parts.validation_drawn:
        return ""
    of_it = parts.validation.count(parts.names)[name]
    available = of_it + parts.train.count(parts.names)[name]
    share = 1.05 * needed / available  # no draw is exact
    if share > 0.5:
        return f" The training part has {available:,} in all."
    return f" --validation-fraction {share:.2g} would hold out about as many."
