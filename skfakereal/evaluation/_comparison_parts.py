"""What a comparison of models holds, and what its figures are called."""

from typing import Protocol

from skfakereal.evaluation._comparison_figures import Difference
from skfakereal.evaluation._intervals import Interval
from skfakereal.evaluation._mcnemar import McNemar
from skfakereal.evaluation._probability_figures import tpr_key
from skfakereal.evaluation._words import LOWER_IS_BETTER, WORDS

COMPARED = (
    "accuracy",
    "balanced_accuracy",
    "precision",
    "recall",
    "f1",
    "roc_auc",
    "average_precision",
    tpr_key(0.01),
    tpr_key(0.05),
    "brier_score",
    "expected_calibration_error",
)


class Comparison(Protocol):
    """What a `ReportComparison` holds."""

    names: list[str]
    n_images: int
    values: dict[str, dict[str, float]]
    intervals: dict[str, dict[str, Interval]]
    differences: list[Difference]
    mcnemar: dict[str, McNemar]
    remarks: list[str]


def figure_word(key: str) -> str:
    """Return what a figure is called, and which way is better."""
    return WORDS[key] + (" (lower is better)" if key in LOWER_IS_BETTER else "")
