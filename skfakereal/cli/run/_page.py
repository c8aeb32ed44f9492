"""A run -> its page, ``report.html``, which ends with its record; its model card, ``card.md``."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from skfakereal._files import digest_of
from skfakereal._judging import CARD_FILE
from skfakereal._pages.html import Html, details, folds, page, section, table
from skfakereal._shown import write_page
from skfakereal.cards import ModelCard, extend_card, model_card
from skfakereal.cli._images import STDIN, Part, origins_of
from skfakereal.cli._output import say
from skfakereal.cli.run._folder import made_by
from skfakereal.cli.run._seen import MANIFEST_FILE
from skfakereal.evaluation import EvaluationReport, RobustnessReport

_MOST_GROUPS = 100
# The intervals of a generator's row take a second for 10,000 real images.
_MOST_ROWS = 20
# The page shows the figures at length, and training under "How it was made".
_FOLDED = (
    *("Model details", "Intended use", "Data", "Threshold and calibration"),
    *("Robustness", "Unseen generators", "How to use it", "Licence", "Citation"),
)


def write_report(
    folder: Path, title: str, *parts: str, config: Mapping[str, Any], lead: str
) -> None:
    """Write the page of a run, which ends with how it was made."""
    made, footer = _how_it_was_made(config), made_by(config)
    text = page(title, *parts, made, lead=lead, footer=footer)
    write_page(folder / "report.html", text)


def _how_it_was_made(config: Mapping[str, Any]) -> Html:
    """Return what a run keeps of itself as the last section of its page."""
    data, model = config["data"], config["model"]
    counts = {
        f"images, {part}": ", ".join(f"{n:,} {name}" for name, n in data[part].items())
        for part in ("train", "validation", "test")
        if part in data
    }
    short = {
        "command": " ".join(config["command"]),
        "folder": data["folder"],
        **counts,
        **config.get("training", {}),
    }
    return section(
        "How it was made",
        folds(
            details("Command, folder and images", _as_table(short)),
            details("All settings of the model", _as_table(model)),
            details("Versions", _as_table(config["versions"])),
        ),
    )


def _as_table(facts: Mapping[str, Any]) -> Html:
    rows = [
        (name.replace("_", " "), fact if isinstance(fact, str) else json.dumps(fact))
        for name, fact in facts.items()
    ]
    return table(rows)


def card_facts(folder: Path, train: Part, names: Sequence[str]) -> dict[str, Any]:
    """Return what a card needs to know of the images besides their numbers."""
    groups: dict[str, Counter[str]] = {name: Counter() for name in names}
    for label, group in zip(train.labels.tolist(), origins_of(train), strict=True):
        if _has_name(group):
            groups[names[label]][group] += 1
    return {
        "groups": {name: dict(n.most_common(_MOST_GROUPS)) for name, n in groups.items()},
        "manifest_sha256": digest_of(folder / MANIFEST_FILE),
    }


def generators_of(part: Part, names: Sequence[str]) -> list[str] | None:
    """Return what to call the origin of each image in the rows of a report, if any has one."""
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
    card = model_card(report, config=config)
    card.save(folder / CARD_FILE)
    return card


def card_sections(card: ModelCard) -> list[Html]:
    """Return the parts of a card that a page does not show anyway."""
    folded = [
        details(heading, *card.html_blocks(heading))
        for heading in card.headings
        if heading in _FOLDED
    ]
    return [
        section("Known limits", *card.html_blocks("Known limits")),
        section(
            "Model card",
            f"What others should know who use this model. {CARD_FILE} beside this "
            "page holds it with the figures, ready to be published with the model.",
            folds(*folded),
        ),
    ]


def check_card(place: str | None) -> None:
    """Refuse a file that is no card, before hours of work and not after."""
    if place is not None:
        extend_card(place)


def add_to_card(
    place: str | None, report: EvaluationReport | RobustnessReport, folder: str
) -> None:
    """Add figures to a card, and say where."""
    if place is None:
        return
    if isinstance(report, RobustnessReport):
        heading = "Robustness"
        extend_card(place, robustness=report)
    else:
        name = "listed images" if folder == STDIN else Path(folder).resolve().name
        heading = f"Evaluation: {name}"
        extend_card(place, evaluations={name: report})
    say(f"\nThe figures are in {place} too, under “{heading}”.")
