"""The decision threshold: its options, and what they ask for."""

from argparse import (
    ArgumentParser,
    ArgumentTypeError,
    Namespace,
    _ArgumentGroup,
    _MutuallyExclusiveGroup,
)
from collections.abc import Mapping
from dataclasses import dataclass, fields

from skfakereal.cli._arguments import fraction, require

MORE_PROBABLE = "the more probable class"  # the reason where nothing was chosen
USUAL_PRECISION = 0.95
_ABOUT = """\
Chosen on the images of a validation folder, or of --validation-fraction.
Without either, a linear head has it chosen on the training images, each of them
classified by a model that was fitted without it and its group (out of fold).
By default an image is classified as fake from a probability of 0.5."""


@dataclass(frozen=True)
class DecisionPlan:
    """How the threshold, the calibration and the unsure band are to be chosen."""

    # These as `skfakereal.thresholds.choose_threshold` takes them.
    target_fpr: float | None = None
    confidence: float | None = None
    costs: Mapping[str, float] | None = None
    prevalence: float | None = None
    balanced: bool = False  # whether the balanced accuracy is to be highest
    # "sigmoid", "isotonic" or "temperature"; None leaves the probabilities as they are.
    calibration: str | None = None
    # How often a verdict outside the unsure band must be right. None takes 0.95 where there
    # are enough images to show it, and does without a band where there are not.
    unsure_precision: float | None = None

    @property
    def chooses(self) -> bool:
        """Whether a threshold is to be chosen; else it is 0.5."""
        return self.balanced or self.target_fpr is not None or self.costs is not None

    @property
    def asked(self) -> list[str]:
        """The options that were used, all of which need images to choose on."""
        given = {
            "--target-fpr": self.target_fpr,
            "--costs": self.costs,
            "--balanced": self.balanced or None,
            "--calibration": self.calibration,
            "--unsure-precision": self.unsure_precision,
        }
        return [option for option, value in given.items() if value is not None]

    @property
    def precision(self) -> float:
        """How often a verdict outside the band must be right."""
        return self.unsure_precision or USUAL_PRECISION


def add_decision_options(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("decision threshold", _ABOUT)
    ways = add_threshold_options(group)
    ways.add_argument(
        "--balanced",
        action="store_true",
        help="maximise the balanced accuracy, which weights both classes equally",
    )
    group.add_argument(
        "--calibration",
        choices=("sigmoid", "isotonic", "temperature"),
        help="calibrate the probabilities first, by this method of scikit-learn",
    )
    group.add_argument(
        "--unsure-precision",
        type=_precision,
        metavar="P",
        help='the share of `predict --stable` verdicts that must be right; others are "unsure" '
        "(default: 0.95, if there are enough images to show it)",
    )


def add_threshold_options(group: _ArgumentGroup) -> _MutuallyExclusiveGroup:
    """Add those that name a target, or costs; return the group that excludes others."""
    ways = group.add_mutually_exclusive_group()
    ways.add_argument(
        "--target-fpr",
        type=fraction,
        metavar="SHARE",
        help="allow this false positive rate: 0.01 for 1%%, which needs 99 real images to "
        "choose it on",
    )
    ways.add_argument(
        "--costs",
        type=_costs,
        metavar="FP:FN",
        help="minimise the cost of errors: 10:1 if a false positive is ten times as bad as a "
        "missed fake",
    )
    group.add_argument(
        "--confidence",
        type=fraction,
        metavar="P",
        help="for --target-fpr: the confidence that other images keep within it, such as 0.95 "
        "(default: they do so on average)",
    )
    group.add_argument(
        "--prevalence",
        type=fraction,
        metavar="SHARE",
        help="for --costs: the share of fakes where the model will be used (default: the share "
        "among the images that the threshold is chosen on)",
    )
    return ways


def read_decision(arguments: Namespace) -> DecisionPlan:
    """Return what was asked for."""
    require(arguments, "confidence", "target_fpr")
    require(arguments, "prevalence", "costs")
    given = vars(arguments)
    return DecisionPlan(**{field.name: given[field.name] for field in fields(DecisionPlan)})


def _costs(text: str) -> dict[str, float]:
    parts = text.split(":")
    try:
        false_positive, false_negative = (float(part) for part in parts)
    except ValueError:
        false_positive = false_negative = 0
    if not (0 < false_positive < 1e12 and 0 < false_negative < 1e12):
        raise ArgumentTypeError(f"must be two numbers above 0 like 10:1, got {text!r}")
    return {"false_positive": false_positive, "false_negative": false_negative}


def _precision(text: str) -> float:
    number = fraction(text)
    if number <= 0.5:
        raise ArgumentTypeError(f"must lie between 0.5 and 1, got {text!r}")
    return number
