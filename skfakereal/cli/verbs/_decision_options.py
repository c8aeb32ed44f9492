"""The options of ``train`` that say from which probability on an image is called fake."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace

from skfakereal.cli._conversions import fraction
from skfakereal.cli.decisions._decision_plan import DecisionPlan

__all__ = ["add_decision_options", "read_decision"]

_ABOUT = """\
Chosen on the validation images, which are neither trained on nor tested on.
Without any of these, an image is called fake from a probability of 0.5 on."""


def add_decision_options(parser: ArgumentParser) -> None:
    """Add the options.

    Parameters
    ----------
    parser : ArgumentParser
        The parser of the verb.
    """
    group = parser.add_argument_group("from which probability on is it fake?", _ABOUT)
    ways = group.add_mutually_exclusive_group()
    ways.add_argument(
        "--target-fpr",
        type=fraction,
        metavar="SHARE",
        help="call no more than this share of the real images fake: 0.01 for 1 %%, which "
        "needs 99 real images to validate on",
    )
    ways.add_argument(
        "--costs",
        type=_costs,
        metavar="FP:FN",
        help="make errors cheapest: 10:1 if a real image that is called fake is ten times "
        "as bad as a fake one that is missed",
    )
    ways.add_argument(
        "--balanced",
        action="store_true",
        help="make the balanced accuracy highest, to which both classes count the same",
    )
    group.add_argument(
        "--confidence",
        type=fraction,
        metavar="P",
        help="for --target-fpr: how certain it is to be that other images keep within it, "
        "such as 0.95 (default: they do on average)",
    )
    group.add_argument(
        "--prevalence",
        type=fraction,
        metavar="SHARE",
        help="for --costs: how many of the images are fake where the model will be used "
        "(default: as many as among the validation images)",
    )
    group.add_argument(
        "--calibration",
        choices=("sigmoid", "isotonic", "temperature"),
        help="first make the probabilities true, by this method of scikit-learn",
    )
    group.add_argument(
        "--unsure-precision",
        type=_precision,
        metavar="P",
        help='how often a verdict of `predict --stable` must be right, or it is "unsure" '
        "(default: 0.95, if there are enough validation images to show it)",
    )


def read_decision(arguments: Namespace) -> DecisionPlan:
    """Return what was asked for.

    Parameters
    ----------
    arguments : Namespace
        What was parsed.

    Returns
    -------
    DecisionPlan
        The plan.

    Raises
    ------
    ValueError
        If an option lacks the one that it belongs to.
    """
    for option, other in (("confidence", "target_fpr"), ("prevalence", "costs")):
        given = vars(arguments)
        if given[option] is not None and given[other] is None:
            owner = other.replace("_", "-")
            raise ValueError(f"--{option} belongs to --{owner}, which is missing. Add it.")
    return DecisionPlan(
        target_fpr=arguments.target_fpr,
        confidence=arguments.confidence,
        costs=arguments.costs,
        prevalence=arguments.prevalence,
        balanced=arguments.balanced,
        calibration=arguments.calibration,
        unsure_precision=arguments.unsure_precision,
    )


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
