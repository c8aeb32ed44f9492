"""Words that text, tables, pictures and pages share, and what the figures are called."""

import math
import re
from collections.abc import Iterable, Sequence

from skfakereal._shown import printable, visible


def chance(probability: float) -> str:
    """Return a probability with as many digits as tell it from 0 and 1."""
    if probability in (0, 1):
        return f"{probability:g}"
    shown = (f"{probability:.{digits}f}" for digits in range(3, 7))
    return next((text for text in shown if 0 < float(text) < 1), f"{probability:.9g}")


def counted(count: int, noun: str) -> str:
    """Return a count with its noun."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def left_out(count: int) -> str:
    """Return how many images a figure lacks, since they could not be read."""
    was = "was" if count == 1 else "were"
    return f"{counted(count, 'image')} could not be read and {was} left out"


def first_of(names: Sequence[str], most: int = 3) -> str:
    """Return names in quotes, and how many more there are."""
    shown = [repr(name) for name in names[:most]]
    if len(names) > most:
        shown.append(f"{len(names) - most:,} more")
    *first, last = shown
    return f"{', '.join(first)} and {last}" if first else last


def shortened(path: str, length: int = 34) -> str:
    """Return the end of a path, which tells more than its beginning."""
    path = visible(path)
    if len(path) <= length:
        return path
    end = path[1 - length :]
    separator = re.search(r"[/\\]", end)
    return "\N{HORIZONTAL ELLIPSIS}" + (end[separator.start() :] if separator else end)


def text_table(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as lines: the first column to the left, the others to the right."""
    # Names of classes and groups are those of folders, which may hold anything.
    shown = [list(map(printable, row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if j else cell.ljust(width)
            for j, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in shown
    )


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
    "tpr_at_fpr_0.01": "TPR at 1% FPR",
    "tpr_at_fpr_0.05": "TPR at 5% FPR",
    "brier_score": "Brier score",
    "expected_calibration_error": "calibration error",
}
MEANINGS = {
    "accuracy": "The share of images whose class was predicted correctly. With classes of "
    "unequal size it flatters a model that always predicts the larger one.",
    "accuracy_at_0.5": "The same, if the more probable class were always predicted.",
    "balanced_accuracy": "The mean recall of the classes: with two classes 0.5 is chance, "
    "however unequal they are.",
    "precision": "Of the images classified as {name}, the share that is {name}.",
    "recall": "Of the images that are {name}, the share that was detected.",
    "f1": "The harmonic mean of precision and recall.",
    "f1_macro": "The harmonic mean of precision and recall, averaged over the classes.",
    "roc_auc": "How often a random image that is {name} gets a higher probability of being "
    "{name} than one that is not. 0.5 is chance, 1 is perfect; no threshold is involved.",
    "average_precision": "The mean precision over all thresholds, weighted by the recall "
    "gained at each. Chance is the share of images that are {name}.",
    "tpr_at_fpr_0.01": "With a threshold so strict that at most 1 of 100 {rest} images is "
    "classified as {name}: the share of {name} images that is still detected.",
    "tpr_at_fpr_0.05": "The same with 5 of 100.",
    "brier_score": "The mean squared distance between predicted probability and true label. "
    "Lower is better; with two classes, always predicting 0.5 gives 0.25.",
    "expected_calibration_error": "How far predicted probabilities are from "
    "observed shares, on average (ten bins). Lower is better: at 0, of the images with a "
    "probability of 0.8, 80% are of that class.",
}
LOWER_IS_BETTER = ("brier_score", "expected_calibration_error")


def spoken_keys(keys: Iterable[str]) -> list[str]:
    """Return those of some figures that are shown, in the order of `WORDS`."""
    known = set(keys)
    double = "f1_macro" if "f1" in known else "f1"
    return [key for key in WORDS if key in known and key != double]


def decimal(value: float) -> str:
    """Return a figure with three decimals."""
    return "nan" if math.isnan(value) else f"{value:.3f}"


def interval_text(interval: tuple[float, float] | None) -> str:
    if interval is None or math.isnan(interval[0]):
        return ""
    return f"{interval[0]:.3f} to {interval[1]:.3f}"
