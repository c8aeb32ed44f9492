"""Standings -> a picture of all ratios."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks._standings import Spread, Standing

__all__ = ["draw"]

# Colour-blind safe (Okabe and Ito, 2008): target met, not met, none set.
_COLOURS = {True: "#009E73", False: "#D55E00", None: "#56789A"}
_LABELS = {True: "target met", False: "target not met", None: "no target"}


def draw(standings: Sequence[Standing], file: Path) -> None:
    """Draw a bar for each row: the median ratio, its range, its target.

    Parameters
    ----------
    standings : sequence of Standing
        The rows; those about a difference, and those that could not be measured, are left
        out.
    file : Path
        Where the PNG goes.
    """
    from matplotlib.figure import Figure  # and not pyplot: nothing of the process's
    from matplotlib.ticker import LogLocator, NullFormatter

    rows = [s for s in standings if s.gain and s.contest.excess_at_most is None]
    figure = Figure(figsize=(9, 1.6 + 0.33 * max(1, len(rows))), layout="constrained")
    axes = figure.add_subplot()
    for met, colour in _COLOURS.items():
        chosen = [(y, s.gain) for y, s in enumerate(rows) if s.met is met and s.gain]
        if chosen:
            axes.barh(
                [y for y, _ in chosen],
                [gain.median - 1 for _, gain in chosen],
                left=1,
                color=colour,
                label=_LABELS[met],
            )
    for y, standing in enumerate(rows):
        if standing.gain:
            _annotate(axes, y, standing.gain, standing.contest.at_least)
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xscale("log")
    axes.set_yticks(
        range(len(rows)), [f"{s.contest.row}  /  {s.contest.rival}" for s in rows]
    )
    axes.invert_yaxis()
    axes.margins(x=0.1, y=0.01)
    axes.set_xlabel("times better (median; line: least to largest; dots: target)")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}x")
    axes.xaxis.set_minor_formatter(NullFormatter())  # in a wide range, they overlap
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    if rows:
        figure.legend(loc="outside upper right", ncols=4, frameon=False, fontsize="small")
    figure.savefig(file, dpi=150)


def _annotate(axes: Any, y: int, gain: Spread, target: float | None) -> None:
    axes.hlines(y, gain.least, gain.largest, color="black", linewidth=1.2)
    axes.annotate(
        f"{gain.median:.3g}",
        (max(gain.largest, target or 1, 1), y),
        xytext=(4, 0),
        textcoords="offset points",
        va="center",
        fontsize="small",
    )
    if target is not None:
        axes.vlines(target, y - 0.45, y + 0.45, color="black", linestyle=":", linewidth=1.5)
