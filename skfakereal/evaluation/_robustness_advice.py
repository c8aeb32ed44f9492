"""Rows of perturbations -> what to do next, for a reader who is new to the field."""

import math
from collections.abc import Sequence

from skfakereal.evaluation._robustness_rows import RobustnessRow
from skfakereal.evaluation._wording import first_of

_LOSS = 0.05  # what a reader would notice, of accuracy, of ROC-AUC, of single verdicts

_HARDLY = 0.1  # of the true above the false positive rate: an accuracy of 55 %


def robustness_steps(untouched: RobustnessRow, rows: Sequence[RobustnessRow]) -> list[str]:
    """Return what the figures ask for."""
    if untouched.tpr - untouched.fpr <= _HARDLY:
        return [
            "As they are, the images are hardly told apart at the model's threshold "
            f"({untouched.tpr:.0%} of the positive class are called so, and "
            f"{untouched.fpr:.0%} of the others), so there is nothing to lose and this "
            "says nothing on robustness. Look at the report on the model first (skfakereal "
            "evaluate)."
        ]
    worse = [row for row in rows if untouched.accuracy - row.accuracy > _LOSS]
    # With more than two classes ROC-AUC is NaN: a loss of accuracy is then all we know.
    ranked = [row for row in worse if untouched.roc_auc - row.roc_auc <= _LOSS]
    blind = [row for row in worse if row not in ranked]
    flips = max((row.flip_rate for row in rows if not math.isnan(row.flip_rate)), default=0)
    steps = []
    if blind:
        steps.append(
            f"After {_named(blind)} the classes are told apart less well. Train on "
            "images that went through such changes, both classes alike (an Augmentation has "
            "blur and jpeg_quality), and audit the training images for differences of "
            "format, size and compression."
        )
    if ranked:
        steps.append(
            f"After {_named(ranked)} the accuracy falls, but ROC-AUC hardly does: the images "
            "can still be told apart, only not at this threshold. Choose it on validation "
            "images that went through such changes (skfakereal.thresholds)."
        )
    if flips > _LOSS:
        steps.append(
            f"Up to {flips:.0%} of the verdicts flip, so a single one proves little: judge "
            'single images with stable_verdicts (predict --stable), which says "unsure" instead.'
        )
    if worse:
        return [
            *steps,
            "Until then, say with every verdict which images it does not hold for.",
        ]
    return [
        *steps,
        f"None of these changes costs more than {_LOSS:.2f} of accuracy. Measure next what a "
        "generator costs that the detector was not trained on (leave_one_generator_out).",
    ]


def _named(rows: Sequence[RobustnessRow]) -> str:
    worst = sorted(rows, key=lambda row: row.accuracy)
    return first_of([row.name for row in worst])
