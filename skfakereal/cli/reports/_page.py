"""A report and what is known of its run -> ``report.html``, one page that can be mailed."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from skfakereal._html import Html, details, note, page, section, table
from skfakereal._html_pictures import figure
from skfakereal.cli.decisions._decision_page import decision_sections
from skfakereal.cli.reports._chance import truth_about
from skfakereal.evaluation import EvaluationReport

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["how_it_was_made", "run_page"]


def run_page(
    title: str,
    report: EvaluationReport,
    config: Mapping[str, Any],
    *,
    cautions: Sequence[str],
    how: str,
    figures: "Mapping[str, tuple[Figure, str]]",
    sections: Sequence[Html] = (),
) -> str:
    """Return the page: the result, what it is worth, its evidence, and how it was made.

    Parameters
    ----------
    title : str
        Its heading.
    report : EvaluationReport
        The figures.
    config : mapping
        What ``config.json`` holds.
    cautions : sequence of str
        What the reader must know before any figure.
    how : str
        How the tested images were chosen.
    figures : mapping of str to (matplotlib.figure.Figure, str)
        More figures with their captions, by heading.
    sections : sequence of Html, default=()
        More sections, which come after the figures.

    Returns
    -------
    str
        The document.
    """
    made = f"Made by skfakereal {config['skfakereal']}, {config['date']}."
    return page(
        title,
        *(note(caution, "warning") for caution in cautions),
        note(" ".join([how, *truth_about(report)])),
        *decision_sections(config),
        *report.html_sections(),
        *(
            section(heading, figure(drawn, caption))
            for heading, (drawn, caption) in figures.items()
        ),
        *sections,
        how_it_was_made(config),
        lead=report.summary(),
        footer=made,
    )


def how_it_was_made(config: Mapping[str, Any]) -> Html:
    """Return what a run keeps of itself as the last section of its page.

    Parameters
    ----------
    config : mapping
        What ``config.json`` holds.

    Returns
    -------
    Html
        The section.
    """
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
        table(_rows(short)),
        details("All settings of the model", table(_rows(model))),
        details("Versions", table(_rows(config["versions"]))),
    )


def _rows(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        (name.replace("_", " "), fact if isinstance(fact, str) else json.dumps(fact))
        for name, fact in facts.items()
    ]
