"""What is measured: rounds of two contestants, kept as lines of JSON."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, TypeVar

__all__ = ["Contest", "Round", "append_round", "interleave", "read_rounds"]

_Name = TypeVar("_Name")


@dataclass(frozen=True)
class Contest:
    """A row of the table: this package against a rival.

    Parameters
    ----------
    case : str
        The case, as ``--only`` takes it.
    row : str
        What is measured.
    rival : str
        Who or what it is compared with.
    unit : {"images/s", "s", "MB"}
        Of both values. Of images/s more is better, of the others less.
    at_least : float or None, default=None
        The target: how many times better than the rival.
    at_most : float or None, default=None
        The target: this package's own value.
    excess_at_most : float or None, default=None
        The target: by how much this package's value may exceed the rival's. Such a row
        is about that difference, not about a ratio.
    note : str, default=""
        What must be known to read the row.
    """

    case: str
    row: str
    rival: str
    unit: Literal["images/s", "s", "MB"]
    at_least: float | None = None
    at_most: float | None = None
    excess_at_most: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Round:
    """Both values of a contest, measured one after the other.

    `ours` and `theirs` are None where the contest could not be held; its note says why.
    """

    contest: Contest
    number: int
    ours: float | None
    theirs: float | None


def interleave(
    contestants: Mapping[_Name, Callable[[], float]], rounds: int
) -> Iterator[tuple[int, dict[_Name, float]]]:
    """Yield the number of each round and what each contestant's function gave in it.

    All contestants take their turn in each round (A B A B, not A A B B), so that what
    slows the machine for a while slows them alike.
    """
    for number in range(rounds):
        yield number, {name: measure() for name, measure in contestants.items()}


def append_round(file: Path, measured: Round) -> None:
    """Add a line to the file; it is there even if the next round never comes."""
    with file.open("a", encoding="utf-8") as stream:
        stream.write(json.dumps(asdict(measured)) + "\n")


def read_rounds(file: Path) -> list[Round]:
    """Read what was measured; a contest that was held again counts from its last start."""
    rounds: dict[tuple[str, str, str], list[Round]] = {}
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else []:
        try:
            values = json.loads(line)
        except ValueError:  # cut short when the run was killed
            continue
        measured = Round(**values | {"contest": Contest(**values["contest"])})
        contest = measured.contest
        of_row = rounds.setdefault((contest.case, contest.row, contest.rival), [])
        if measured.number == 0:
            of_row.clear()
        of_row.append(measured)
    return [measured for of_row in rounds.values() for measured in of_row]
