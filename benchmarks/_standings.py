"""Rounds -> what a row of the table says."""

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from benchmarks._rounds import Contest, Round

__all__ = ["Spread", "Standing", "standings"]


@dataclass(frozen=True)
class Spread:
    """Median, least and largest of some values."""

    median: float
    least: float
    largest: float

    @classmethod
    def of(cls, values: list[float]) -> "Spread":
        """Return the spread of one value or more."""
        return cls(median(values), min(values), max(values))


@dataclass(frozen=True)
class Standing:
    """What all rounds of one contest come to.

    `gain` is how many times better this package is than the rival, from the two values of
    each round; for a contest about a difference, by how much this package's value exceeds
    the rival's. All three are None for a contest that could not be held.
    """

    contest: Contest
    n_rounds: int
    ours: Spread | None
    theirs: Spread | None
    gain: Spread | None

    @property
    def met(self) -> bool | None:
        """Whether the medians meet all targets; None where there is none to meet."""
        contest = self.contest
        if self.ours is None or self.gain is None:
            return None
        checks = []
        if contest.at_least is not None:
            checks.append(self.gain.median >= contest.at_least)
        if contest.at_most is not None:
            checks.append(self.ours.median <= contest.at_most)
        if contest.excess_at_most is not None:
            checks.append(self.gain.median <= contest.excess_at_most)
        return all(checks) if checks else None


def standings(rounds: Iterable[Round]) -> list[Standing]:
    """Return a standing for each contest, in the order in which they were first held."""
    grouped: dict[Contest, list[Round]] = {}
    for measured in rounds:
        grouped.setdefault(measured.contest, []).append(measured)
    return [_standing(contest, held) for contest, held in grouped.items()]


def _standing(contest: Contest, rounds: list[Round]) -> Standing:
    pairs = [
        (measured.ours, measured.theirs)
        for measured in rounds
        if measured.ours is not None and measured.theirs is not None
    ]
    if not pairs:
        return Standing(contest, 0, None, None, None)
    return Standing(
        contest,
        len(pairs),
        Spread.of([ours for ours, _ in pairs]),
        Spread.of([theirs for _, theirs in pairs]),
        Spread.of([_gain(contest, ours, theirs) for ours, theirs in pairs]),
    )


def _gain(contest: Contest, ours: float, theirs: float) -> float:
    if contest.excess_at_most is not None:
        return ours - theirs
    return ours / theirs if contest.unit == "images/s" else theirs / ours
