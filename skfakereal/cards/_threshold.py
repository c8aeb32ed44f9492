"""By what probability the detector decides, and what that rests on."""

import math
from collections.abc import Mapping
from typing import Any

from skfakereal._wording import decimal
from skfakereal.cards._blocks import Block, Section, Text
from skfakereal.cards._figures import positive_name
from skfakereal.cards._public import without_paths
from skfakereal.evaluation import EvaluationReport

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
    """Return by what probability the detector decides, and what that rests on."""
    positive = positive_name(report)
    if positive is None:
        return None
    decision = config.get("decision") or {}
    said = _rule(report, decision, positive)
    said += [*_validated(decision, positive), *_band(decision)]
    chosen = report.operating_points[0]
    said.append(
        f"On the test images, this finds {chosen.true_positive_rate:.1%} of those that are "
        f"{positive}, and calls {chosen.false_positive_rate:.1%} of the others so by "
        f"mistake. The probabilities' calibration error is "
        f"{decimal(report['expected_calibration_error'])}, their Brier score "
        f"{decimal(report['brier_score'])}."
    )
    blocks: list[Block] = [Text(each) for each in said]
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
    return [f"An image is called {positive} from a probability of {threshold:.4g} on{why}."]


def _validated(decision: Decision, positive: str) -> list[str]:
    said = []
    keys = ("n_positive", "true_positive_rate", "n_negative", "false_positive_rate")
    n_positive, found, n_negative, accused = map(decision.get, keys)
    if None not in (n_positive, found, n_negative, accused):
        interval = decision.get("false_positive_interval")
        within = (
            f" (95 % interval {interval[0]:.2%} to {interval[1]:.2%})" if interval else ""
        )
        said.append(
            f"On the validation images, of {n_positive:,} that are {positive}, {found:.1%} "
            f"were found; of {n_negative:,} others, {accused:.2%} were called so by "
            f"mistake{within}."
        )
    if isinstance(decision.get("calibration"), str):
        how = decision["calibration"]
        said.append(f"Probabilities were calibrated on validation images: {how}.")
    return said


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
        f"Between {low:.4g} and {high:.4g} a verdict was right in less than {precision:.0%} of "
        "the validation images: call it unsure."
    ]
