"""Predictions -> sentences that say what is missing, undefined or easily misread."""

import numpy as np

from skfakereal.evaluation._predictions import Predictions
from skfakereal.evaluation._probability_figures import FPR_TARGETS
from skfakereal.evaluation._wording import counted


def remarks_on(predictions: Predictions) -> list[str]:
    """Return the sentences that belong to the figures."""
    return _unreadable_remarks(predictions) + _undefined_remarks(predictions)


def _unreadable_remarks(predictions: Predictions) -> list[str]:
    lost = [path for path, _ in predictions.unreadable]
    if not lost:
        return []
    shown = ", ".join(lost[:3]) + (f" and {len(lost) - 3} more" if len(lost) > 3 else "")
    verb = "was" if len(lost) == 1 else "were"
    return [
        f"{counted(len(lost), 'image')} could not be read and {verb} left out of the "
        f"figures: {shown}."
    ]


def _undefined_remarks(predictions: Predictions) -> list[str]:
    p = predictions
    support = np.bincount(p.y_true, p.weights, minlength=len(p.names))
    said = [
        f"No image of class {name!r} was tested: its precision, recall and F1 are undefined, "
        "and the averages leave it out."
        for name, count in zip(p.names, support, strict=True)
        if count == 0
    ]
    if np.count_nonzero(support) < 2:
        said.append(
            "ROC-AUC and average precision are undefined: they need images of two classes."
        )
    said += _few_negatives(p)
    called = np.bincount(p.y_pred, p.weights, minlength=len(p.names))
    said += [
        f"No image was called {name!r}: its precision is counted as 0."
        for name, true, predicted in zip(p.names, support, called, strict=True)
        if true > 0 and predicted == 0
    ]
    return said


def _few_negatives(p: Predictions) -> list[str]:
    if p.positive is None:
        return []
    rest = p.names[1 - p.positive]
    n_rest = np.count_nonzero((p.y_true != p.positive) & (p.weights > 0))
    short = [target for target in FPR_TARGETS if n_rest * target < 1 - 1e-9]
    if not short or n_rest == 0:
        return []
    rates = " and ".join(f"{target:.0%}" for target in short)
    needed = " and ".join(f"{round(1 / target):,}" for target in short)
    return [
        f"The true positive rate at {rates} false positives is undefined: it needs at least "
        f"{needed} images of class {rest!r}, and {n_rest:,} {'was' if n_rest == 1 else 'were'} "
        "tested."
    ]
