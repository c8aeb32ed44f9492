"""Standings -> a Markdown page."""

from collections.abc import Mapping, Sequence

from benchmarks._rounds import Contest
from benchmarks._standings import Spread, Standing

__all__ = ["markdown"]

_HEADER = """\
| what | against | skfakereal | the other | times better | target | met | note |
|---|---|---|---|---|---|---|---|
"""


def markdown(
    standings: Sequence[Standing], settings: Mapping[str, str], *, picture: str
) -> str:
    """Return the page: how it was measured, the table, its notes.

    Parameters
    ----------
    standings : sequence of Standing
        The rows.
    settings : mapping of str to str
        The settings of the run and the machine.
    picture : str
        File name of the plot.

    Returns
    -------
    str
        The page.
    """
    notes = list(dict.fromkeys(s.contest.note for s in standings if s.contest.note))
    rows = "".join(_row(standing, notes) for standing in standings)
    return "\n".join(
        [
            "# Benchmarks\n",
            *(f"- {name}: {value}" for name, value in settings.items()),
            "",
            "Median (least to largest) of the rounds, in each of which all contestants of a "
            "case took their turn. What is better is counted round by round: how many times "
            "faster or smaller than the other; of peak memory, how much more.\n",
            f"{_HEADER}{rows}",
            *(f"{i}. {note}." for i, note in enumerate(notes, 1)),
            "",
            f"![Times better than the other, by row]({picture})\n",
        ]
    )


def _row(standing: Standing, notes: list[str]) -> str:
    contest = standing.contest
    unit = contest.unit
    cells = [
        contest.row,
        contest.rival,
        _shown(standing.ours, unit),
        _shown(standing.theirs, unit),
        _gain(standing),
        _target(contest),
        {True: "yes", False: "**no**", None: ""}[standing.met],
        str(notes.index(contest.note) + 1) if contest.note else "",
    ]
    return f"| {' | '.join(cells)} |\n"


def _gain(standing: Standing) -> str:
    if standing.contest.excess_at_most is not None:
        return _shown(standing.gain, standing.contest.unit, sign="+")
    return _shown(standing.gain, "x")


def _shown(spread: Spread | None, unit: str, *, sign: str = "") -> str:
    if spread is None:
        return "-"
    space = "" if unit == "x" else " "
    shown = f"{_number(spread.median, sign)}{space}{unit}"
    if spread.least == spread.largest:
        return shown
    return f"{shown} ({_number(spread.least, sign)} to {_number(spread.largest, sign)})"


def _number(value: float, sign: str = "") -> str:
    """Three digits, without an exponent."""
    digits = 2 if abs(value) < 10 else 1 if abs(value) < 100 else 0
    return f"{value:{sign},.{digits}f}"


def _target(contest: Contest) -> str:
    parts = []
    if contest.at_least is not None:
        parts.append(f"at least {contest.at_least:g}x")
    if contest.at_most is not None:
        parts.append(f"at most {contest.at_most:g} {contest.unit}")
    if contest.excess_at_most is not None:
        parts.append(f"at most +{contest.excess_at_most:g} {contest.unit}")
    return ", ".join(parts)
