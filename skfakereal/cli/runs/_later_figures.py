"""Later measurements -> a model card that a training wrote, if one is named."""

from pathlib import Path

from skfakereal.cards import extend_card
from skfakereal.cli._output import say
from skfakereal.cli.images._path_list import STDIN
from skfakereal.evaluation import EvaluationReport, RobustnessReport

__all__ = ["add_to_card", "check_card"]


def check_card(place: str | None) -> None:
    """Refuse a file that is no card, before hours of work and not after.

    Parameters
    ----------
    place : str or None
        The file; None if none was named.

    Raises
    ------
    OSError
        If it cannot be read or written.
    ValueError
        If it is no card.
    """
    if place is not None:
        extend_card(place)


def add_to_card(
    place: str | None, report: EvaluationReport | RobustnessReport, folder: str
) -> None:
    """Add figures to a card, and say where.

    Parameters
    ----------
    place : str or None
        The card's file; None if none was named, then nothing happens.
    report : EvaluationReport or RobustnessReport
        The figures.
    folder : str
        Where the images lie. The card is told the last part of it only.

    Raises
    ------
    OSError
        If the file cannot be read or written.
    ValueError
        If it is no card.
    """
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
