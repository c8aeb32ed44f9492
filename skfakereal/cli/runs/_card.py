"""A run -> its model card, ``card.md``, and the parts of it that its page shows."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from skfakereal._html import Html, details, section
from skfakereal.cards import ModelCard, model_card
from skfakereal.cli.images._parts import Part, origins_of
from skfakereal.cli.runs._manifest import MANIFEST_FILE
from skfakereal.cli.runs._run_folder import digest_of
from skfakereal.evaluation import EvaluationReport

__all__ = ["card_facts", "card_sections", "generators_of", "write_card"]

CARD_FILE = "card.md"
_MOST_GROUPS = 100
# The intervals of a generator's row take a second for 10,000 real images.
_MOST_ROWS = 20
# The page shows the figures at length, and training under "How it was made".
_FOLDED = (
    *("Model details", "Intended use", "Data", "Threshold and calibration"),
    *("Robustness", "Unseen generators", "How to use it", "Licence", "Citation"),
)


def card_facts(folder: Path, train: Part, names: Sequence[str]) -> dict[str, Any]:
    """Return what a card needs to know of the images besides their numbers.

    Parameters
    ----------
    folder : Path
        The run, with its manifest.
    train : Part
        What was trained on.
    names : sequence of str
        What the classes are called.

    Returns
    -------
    dict of str to object
        ``manifest_sha256``, and ``groups``: for each class the groups (folders) of its
        training images with their numbers of images, the largest first, 100 at most.
    """
    groups: dict[str, Counter[str]] = {name: Counter() for name in names}
    for label, group in zip(train.labels.tolist(), origins_of(train), strict=True):
        if _has_name(group):
            groups[names[label]][group] += 1
    return {
        "groups": {name: dict(n.most_common(_MOST_GROUPS)) for name, n in groups.items()},
        "manifest_sha256": digest_of(folder / MANIFEST_FILE),
    }


def generators_of(part: Part, names: Sequence[str]) -> list[str] | None:
    """Return what to call the origin of each image in the rows of a report.

    Parameters
    ----------
    part : Part
        The images.
    names : sequence of str
        What the classes are called.

    Returns
    -------
    list of str or None
        The folder below the class if it is one of the 20 largest, else that it is another,
        or that there is none; None if no image has one.
    """
    groups = origins_of(part)
    if not any(map(_has_name, groups)):
        return None
    sizes = Counter(group for group in groups if _has_name(group))
    shown = {group for group, _ in sizes.most_common(_MOST_ROWS)}
    return [
        (group if group in shown else "other folders")
        if _has_name(group)
        else f"{names[label]}, in no folder"
        for label, group in zip(part.labels.tolist(), groups, strict=True)
    ]


def _has_name(group: str) -> bool:
    # `load_image_folder` names the group of an image in no folder by the image's own path.
    return "/" not in group


def write_card(
    folder: Path, report: EvaluationReport, config: Mapping[str, Any]
) -> ModelCard:
    """Write the card of a run.

    Parameters
    ----------
    folder : Path
        The run.
    report : EvaluationReport
        The figures on its test part.
    config : mapping
        What ``config.json`` holds.

    Returns
    -------
    ModelCard
        The card.
    """
    card = model_card(report, config=config)
    card.save(folder / CARD_FILE)
    return card


def card_sections(card: ModelCard) -> list[Html]:
    """Return the parts of a card that a page does not show anyway.

    Parameters
    ----------
    card : ModelCard
        The card.

    Returns
    -------
    list of Html
        The known limits, and the others folded.
    """
    folded = [
        details(heading, *card.html_blocks(heading))
        for heading in card.headings
        if heading in _FOLDED
    ]
    return [
        section("Known limits", *card.html_blocks("Known limits")),
        section(
            "Model card",
            f"What others should know who are to use this model. {CARD_FILE} beside this "
            "page holds it with the figures, ready to be published with the model.",
            *folded,
        ),
    ]
