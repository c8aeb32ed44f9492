"""What the figures are called, what they mean, and how they are written."""

import math

from skfakereal.evaluation._intervals import Interval
from skfakereal.evaluation._metrics import Figures
from skfakereal.evaluation._probability_figures import tpr_key

WORDS = {
    "accuracy": "accuracy",
    "accuracy_at_0.5": "accuracy at 0.5",
    "balanced_accuracy": "balanced accuracy",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "f1_macro": "F1",
    "roc_auc": "ROC-AUC",
    "average_precision": "average precision",
    tpr_key(0.01): "TPR at 1 % FPR",
    tpr_key(0.05): "TPR at 5 % FPR",
    "brier_score": "Brier score",
    "expected_calibration_error": "calibration error",
}
MEANINGS = {
    "accuracy": "The share of images whose class was predicted correctly. With classes of "
    "unequal size it flatters whoever always names the larger one.",
    "accuracy_at_0.5": "The same, if the more probable class were always predicted.",
    "balanced_accuracy": "The mean of the shares found of each class: 0.5 is what guessing "
    "gives with two classes, however unequal they are.",
    "precision": "Of the images that were called {name}, the share that is {name}.",
    "recall": "Of the images that are {name}, the share that was found.",
    "f1": "The harmonic mean of precision and recall.",
    "f1_macro": "The harmonic mean of precision and recall, averaged over the classes.",
    "roc_auc": "How often a randomly drawn image that is {name} gets a higher probability of "
    "it than one that is not. 0.5 is chance, 1 is perfect; no threshold is involved.",
    "average_precision": "The mean precision over all thresholds, weighted by the recall "
    "gained at each. Chance is the share of images that are {name}.",
    tpr_key(
        0.01
    ): "With a threshold so strict that at most 1 of 100 {rest} images is called "
    "{name}: the share of {name} images that is still found.",
    tpr_key(0.05): "The same with 5 of 100.",
    "brier_score": "The mean squared distance between probability and truth. Lower is "
    "better; 0.25 is what always saying 0.5 gives with two classes.",
    "expected_calibration_error": "How far probabilities are from the shares that they "
    "announce, on average (ten bins). Lower is better: at 0, of the images with a "
    "probability of 0.8, 80 % are so.",
}
LOWER_IS_BETTER = ("brier_score", "expected_calibration_error")
_HEADLINE = (
    "accuracy",
    "precision",
    "recall",
    "f1",
    "f1_macro",
    "roc_auc",
    "average_precision",
)


def spoken_keys(figures: Figures) -> list[str]:
    """Return the figures that are shown, in their order."""
    double = "f1_macro" if "f1" in figures.overall else "f1"
    return [key for key in WORDS if key in figures.overall and key != double]


def headline(figures: Figures) -> list[tuple[str, float]]:
    """Return the few figures that come first, each with its name in words."""
    shown = [key for key in spoken_keys(figures) if key in _HEADLINE]
    return [(WORDS[key], figures.overall[key]) for key in shown]


def decimal(value: float) -> str:
    """Return a figure with three decimals."""
    return "nan" if math.isnan(value) else f"{value:.3f}"


def interval_text(interval: Interval | None) -> str:
    """Return an interval in words."""
    if interval is None or math.isnan(interval[0]):
        return ""
    return f"{interval[0]:.3f} to {interval[1]:.3f}"
