"""Later measurements -> the sections of a card that lies in a file."""

import os
import re
from collections.abc import Mapping
from pathlib import Path

from skfakereal._shown import write_page
from skfakereal.cards._blocks import Section
from skfakereal.cards._elsewhere import generators_section, robustness_section
from skfakereal.cards._figures import evaluation_section
from skfakereal.cards._markdown import section_markdown
from skfakereal.evaluation import EvaluationReport, GeneratorReport, RobustnessReport

_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")


def extend_card(
    path: str | os.PathLike[str],
    *,
    robustness: RobustnessReport | None = None,
    generators: GeneratorReport | None = None,
    evaluations: Mapping[str, EvaluationReport] | None = None,
) -> None:
    """Add later measurements to a card's file; everything else in it stays as it is.

    Parameters
    ----------
    path : path-like
        The file, such as ``card.md`` of a run folder or a ``README.md`` made from it.
    robustness : RobustnessReport, default=None
        Replaces the section on robustness.
    generators : GeneratorReport, default=None
        Replaces the section on unseen generators.
    evaluations : mapping of str to EvaluationReport, default=None
        More evaluations, by the name of their images: each has a section of its own.

    Raises
    ------
    OSError
        If the file cannot be read or written.
    ValueError
        If it is no card.

    See Also
    --------
    model_card : Makes a card.

    Notes
    -----
    A section that is not there yet comes before "How to use it", or last. A run folder
    whose card was changed is not replaced by ``skfakereal train --force`` any more.
    """
    file = Path(path)
    try:
        lines = file.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"A card is a text file in UTF-8, {str(path)!r} is not."
        ) from error
    if not any(line.startswith("# ") for line in lines):
        raise ValueError(
            f"A card has a title (a line that begins with '# '), {str(path)!r} has not."
        )
    sections = [
        *([robustness_section(robustness)] if robustness is not None else []),
        *([generators_section(generators)] if generators is not None else []),
        *(
            evaluation_section(report, f"Evaluation: {name}")
            for name, report in (evaluations or {}).items()
        ),
    ]
    for section in sections:
        lines = _placed(lines, section)
    write_page(file, "\n".join(lines))


def _placed(lines: list[str], section: Section) -> list[str]:
    """Return the lines with a section in its place."""
    new = [*section_markdown(section).split("\n"), ""]
    starts = _headings(lines)
    places = [i for i in starts if lines[i] == new[0]]
    if places:
        end = next((i for i in starts if i > places[0]), len(lines))
        return [*lines[: places[0]], *new, *lines[end:]]
    before = next((i for i in starts if lines[i] == "## How to use it"), None)
    if before is None:
        before = len(lines)
        new = ["", *new] if lines and lines[-1] else new
    return [*lines[:before], *new, *lines[before:]]


def _headings(lines: list[str]) -> list[int]:
    """Return where sections begin; a comment in a block of code is none."""
    found, fence = [], ""
    for i, line in enumerate(lines):
        mark = _FENCE.match(line)
        if fence:
            if mark and mark[1].startswith(fence):
                fence = ""
        elif mark:
            fence = mark[1]
        elif line.startswith(("# ", "## ")):
            found.append(i)
    return found
