"""A report and what is known of its run -> ``report.html``, one page that can be mailed."""

import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from skfakereal._html import Html, details, note, page, section, table
from skfakereal._html_pictures import figure
from skfakereal.cli._output import counted
from skfakereal.evaluation import EvaluationReport

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["no_better_than_chance", "run_page", "truth_about", "wilson_interval"]


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
        *report.html_sections(),
        *(
            section(heading, figure(drawn, caption))
            for heading, (drawn, caption) in figures.items()
        ),
        *sections,
        section("How it was made", *_facts(config)),
        lead=report.summary(),
        footer=made,
    )


def no_better_than_chance(report: EvaluationReport) -> list[str]:
    """Return a caution if the model cannot be told from one that has learned nothing.

    Parameters
    ----------
    report : EvaluationReport
        The figures.

    Returns
    -------
    list of str
        The caution, or nothing.
    """
    name, share = _largest_class(report)
    if _plausible(report)[0] > share:
        return []
    return [
        f"This model cannot be told from one that always answers {name!r}: it has learned "
        "little, or was tested on too few images."
    ]


def truth_about(report: EvaluationReport) -> list[str]:
    """Return what the accuracy must be compared with, and how sure it is.

    Parameters
    ----------
    report : EvaluationReport
        The figures.

    Returns
    -------
    list of str
        Sentences.
    """
    name, share = _largest_class(report)
    low, high = _plausible(report)
    return [
        f"Always answering {name!r} would be right for {share:.1%} of them.",
        f"With {counted(len(report.paths), 'image')}, any accuracy from {low:.1%} to "
        f"{high:.1%} is plausible (95% interval, if the images are independent).",
    ]


def _largest_class(report: EvaluationReport) -> tuple[str, float]:
    """Return the name of the largest class and its share of the images."""
    counts = {name: figures["n_images"] for name, figures in report.per_class.items()}
    name = max(counts, key=lambda name: counts[name])
    return name, counts[name] / len(report.paths)


def _plausible(report: EvaluationReport) -> tuple[float, float]:
    return wilson_interval(report["accuracy"], len(report.paths))


def wilson_interval(share: float, number: int) -> tuple[float, float]:
    """Return the 95 % score interval of a share (Wilson, 1927).

    Parameters
    ----------
    share : float
        What was observed, from 0 to 1.
    number : int
        Of how many.

    Returns
    -------
    low, high : float
        The interval, within 0 to 1.

    References
    ----------
    E. B. Wilson (1927). "Probable inference, the law of succession, and statistical
    inference". Journal of the American Statistical Association 22(158), 209-212.

    Examples
    --------
    >>> low, high = wilson_interval(0.9, 100)
    >>> round(low, 3), round(high, 3)
    (0.826, 0.945)
    """
    z = 1.959964
    middle = share + z * z / (2 * number)
    half = z * math.sqrt(share * (1 - share) / number + z * z / (4 * number * number))
    scale = 1 + z * z / number
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def _facts(config: Mapping[str, Any]) -> list[Html]:
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
    return [
        table(_rows(short)),
        details("All settings of the model", table(_rows(model))),
        details("Versions", table(_rows(config["versions"]))),
    ]


def _rows(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        (name.replace("_", " "), fact if isinstance(fact, str) else json.dumps(fact))
        for name, fact in facts.items()
    ]
