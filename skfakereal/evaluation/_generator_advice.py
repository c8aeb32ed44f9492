"""Rows of generators -> what to do next, for a reader who is new to the field."""

import math
from collections.abc import Sequence

from skfakereal.evaluation._generator_rows import GeneratorRow
from skfakereal.evaluation._wording import first_of

_LOSS = 0.05  # what a reader would notice, of ROC-AUC and of the share that is found


def generator_steps(rows: Sequence[GeneratorRow]) -> list[str]:
    """Return what the figures ask for."""
    lost = [row for row in rows if row.drop["roc_auc"] > _LOSS]
    missed = [row for row in rows if row.drop["tpr"] > _margin(row) and row not in lost]
    steps = []
    if lost:
        steps.append(
            f"Fakes of {_named(lost, 'roc_auc')} are told less well by who has not seen that "
            "generator. Train on more and different generators, and measure them in the same "
            "way: one that is like the next to come is worth more than many images of one."
        )
    if missed:
        steps.append(
            f"Of {_named(missed, 'tpr')} fewer are found when unseen, though ROC-AUC hardly "
            "falls: the threshold is to blame. Choose it for a false positive rate, and "
            "measure that on real images like those in use (skfakereal.thresholds)."
        )
    if not steps:
        steps.append(
            "No generator loses clearly, in ROC-AUC or in the share that is found. The next "
            "one may still be unlike all of these."
        )
    return [
        *steps,
        "On images of unknown origin expect the unseen figures, not the seen ones: the next "
        "generator is not among those that were trained on.",
        "Compression and size can stand in for the generator. Audit the images: a leak makes "
        "the seen figures too good, and the drop too large.",
    ]


def _margin(row: GeneratorRow) -> float:
    # A share of few images moves by this much through chance (twice the standard error of
    # one half).
    return max(_LOSS, 1 / math.sqrt(row.n_fake)) if row.n_fake else math.inf


def _named(rows: Sequence[GeneratorRow], key: str) -> str:
    worst = sorted(rows, key=lambda row: -row.drop[key])
    return first_of([row.generator for row in worst])
