"""How the detector fares on altered images and on generators that it has not seen."""

from typing import Any

from skfakereal.cards._blocks import Block, Bullets, Section, Table, Text
from skfakereal.evaluation import GeneratorReport, RobustnessReport

ROBUSTNESS = "Robustness"
UNSEEN = "Unseen generators"


def robustness_section(report: RobustnessReport | None) -> Section:
    """Return what common changes of an image cost."""
    if report is None:
        return Section(
            ROBUSTNESS,
            (
                Text(
                    "Not measured. Detectors often fail on images that were saved again, "
                    "shrunk or cropped (Wang et al. 2020; Grommelt et al. 2024)."
                ),
            ),
        )
    header = (
        "change",
        "accuracy",
        "ROC-AUC",
        "found (TPR)",
        "false alarms (FPR)",
        "flipped",
    )
    rows = tuple(
        (
            row.name,
            *map(_cell, (row.accuracy, row.roc_auc, row.tpr, row.fpr, row.flip_rate)),
        )
        for row in report.values()
    )
    blocks: list[Block] = [
        Text(
            f"{report.summary()} Measured on {report.untouched.n_images:,} images; flipped is "
            "the share of them that are called otherwise than untouched."
        ),
        Table(header, rows),
    ]
    if report.remarks:
        blocks.append(Bullets(tuple(report.remarks)))
    return Section(ROBUSTNESS, tuple(blocks))


def generators_section(report: GeneratorReport | None) -> Section:
    """Return what not knowing a generator costs."""
    if report is None:
        return Section(
            UNSEEN,
            (
                Text(
                    "Not measured. Expect the detector to miss many fakes of generators that "
                    "it was not trained on."
                ),
            ),
        )
    header = ("generator", "fakes", "ROC-AUC, seen", "unseen", "TPR, seen", "unseen")
    rows = tuple(
        (
            row.generator,
            f"{row.n_fake:,}",
            *(_cell(side[key]) for key in ("roc_auc", "tpr") for side in _sides(row)),
        )
        for row in report.values()
    )
    blocks: list[Block] = [
        Text(
            f"{report.summary()} Each row compares detectors with the same settings that were "
            "and were not trained on the generator, on the same fakes."
        ),
        Table(header, rows),
    ]
    if report.remarks:
        blocks.append(Bullets(tuple(report.remarks)))
    return Section(UNSEEN, tuple(blocks))


def _sides(row: Any) -> tuple[dict[str, float], dict[str, float]]:
    return row.seen, row.unseen


def _cell(value: float) -> str:
    return "undefined" if value != value else f"{value:.3f}"
