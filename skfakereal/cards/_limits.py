"""The record of a run -> what its figures do not show, in sentences.

Every sentence follows from a fact of this run; what would be true of any detector stands in
the intended use.
"""

from collections.abc import Mapping
from typing import Any

from skfakereal._trunk_settings import height_and_width
from skfakereal._wording import counted
from skfakereal.cards._blocks import Block, Bullets, Section, Text, without_paths
from skfakereal.cards._description import network_settings
from skfakereal.cards._figures import has_chosen, positive_name
from skfakereal.evaluation import EvaluationReport

_FEW_TRAINED = 1000
_FEW_TESTED = 100
_SMALL_SIDE = 64

Config = Mapping[str, Any]


def limits_section(report: EvaluationReport, config: Config) -> Section:
    """Return what the figures do not show."""
    limits = known_limits(report, config)
    blocks: list[Block] = [Bullets(tuple(limits))] if limits else []
    blocks.append(
        Text(
            "This list comes from the record of the run. There may be limits that it does not "
            "name."
        )
    )
    return Section("Known limits", tuple(blocks))


def known_limits(report: EvaluationReport, config: Config) -> list[str]:
    return [
        *_remarks(config),
        *_audit(config),
        *_generators(report, config),
        *_few_images(report, config),
        *_trunk(config),
        *_size(config),
        *_threshold(report, config),
    ]


def _remarks(config: Config) -> list[str]:
    return [without_paths(remark) for remark in config.get("remarks", ())]


def _audit(config: Config) -> list[str]:
    audit = config.get("data", {}).get("audit")
    if not audit:
        return [
            "The images were not audited: format, size or metadata may give the class away, and "
            "a detector learns that instead of looking at the picture."
        ]
    is_mentioned = any(
        f"images {audit['word']}" in remark for remark in config.get("remarks", ())
    )
    if audit["word"] in ("leaking", "suspicious") and not is_mentioned:
        return [
            f"The audit found the images {audit['word']}: the files of the classes differ, even "
            "without looking at the pictures. The figures may come from that rather than from "
            "traces of forgery, and be far lower elsewhere."
        ]
    return []


def _generators(report: EvaluationReport, config: Config) -> list[str]:
    positive = positive_name(report)
    groups = config.get("data", {}).get("groups", {}).get(positive)
    if positive is None or groups is None:
        return []
    if not groups:
        return [
            f"The generators of the images of class {positive} are unknown (no folder below the "
            "class names them), so there are no figures by generator."
        ]
    if len(groups) == 1:
        return [
            f"All training images of class {positive} with a group come from one: "
            f"{next(iter(groups))}. Fakes of other origin were not tested."
        ]
    return []


def _few_images(report: EvaluationReport, config: Config) -> list[str]:
    limits = []
    trained = config.get("data", {}).get("train")
    if trained and sum(trained.values()) < _FEW_TRAINED:
        limits.append(
            f"It was trained on only {counted(sum(trained.values()), 'image')}: it may have "
            "learned these images rather than what they have in common."
        )
    tested = {name: figures["n_images"] for name, figures in report.per_class.items()}
    few = {name: n for name, n in tested.items() if n < _FEW_TESTED}
    if few:
        counts = " and ".join(f"{n:,} of class {name}" for name, n in few.items())
        how = "cross-validated" if "cross_validated" in config.get("data", {}) else "tested"
        limits.append(
            f"It was {how} on few images ({counts}): the intervals are wide, and rare errors "
            "remain unseen."
        )
    return limits


def _trunk(config: Config) -> list[str]:
    network = network_settings(config.get("model", {}))
    if network.get("weights", "") == "cifake":
        return [
            "Its trunk was trained on CIFAKE's training images with their labels. Figures measured "
            "on those images are worthless, cross-validated or not, and thresholds or "
            "calibration fitted on them are too confident. It was trained on one generator "
            "(Stable Diffusion 1.4) and images of 32x32 pixels."
        ]
    if "weights" in network and network["weights"] is None:
        return [
            "Its trunk was not pretrained: except for the layers that were trained, its filters "
            "are random."
        ]
    return []


def _size(config: Config) -> list[str]:
    network = network_settings(config.get("model", {}))
    size = network.get("image_size")
    if not size:
        return []
    size = height_and_width(size)
    limits = []
    if min(size) <= _SMALL_SIDE:
        limits.append(
            f"It sees {size[0]}x{size[1]} pixels: most of the detail in a larger image, which "
            "could give a fake away, is lost."
        )
    elif network.get("resize") == "stretch":
        limits.append(
            f"Every image is resampled to {size[0]}x{size[1]} pixels, which removes some of "
            "the traces that generators and editors leave."
        )
    elif network.get("resize") == "shrink":
        limits.append(
            f"Every image is shrunk until it just covers {size[0]}x{size[1]} pixels, which "
            "removes some of the traces that generators and editors leave."
        )
    n_crops = network.get("n_crops", 1)
    if network.get("resize") == "crop":
        seen = f"{size[0]}x{size[1]} pixels"
        where = (
            f"the {seen} in the middle" if n_crops == 1 else f"{n_crops} parts of {seen}"
        )
        limits.append(f"It sees {where} of an image, and nothing around them.")
    return limits


def _threshold(report: EvaluationReport, config: Config) -> list[str]:
    if report.pos_label is None or has_chosen(report, config.get("decision") or {}):
        return []
    return [
        "Its decision threshold was not chosen for a purpose: no false positive rate was set "
        "beforehand."
    ]
