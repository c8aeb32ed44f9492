"""The folder of results: rounds as they come, and the table and the plot of all of them."""

import json
from collections.abc import Mapping
from pathlib import Path

from benchmarks._plot import draw
from benchmarks._rounds import Round, append_round, read_rounds
from benchmarks._standings import standings
from benchmarks._table import markdown

__all__ = ["OutputFolder"]


class OutputFolder:
    """Where one run, in one go or in several, keeps what it measures.

    Parameters
    ----------
    folder : Path
        The folder; it is created.
    settings : mapping of str to str
        The settings of the run. All that lies in the folder has the same.
    machine : mapping of str to str
        On what is measured.

    Raises
    ------
    ValueError
        If the folder holds results with other settings.
    """

    def __init__(
        self, folder: Path, settings: Mapping[str, str], machine: Mapping[str, str]
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.rounds = folder / "rounds.jsonl"
        self.table = folder / "table.md"
        self.plot = folder / "ratios.png"
        self.settings, self.machine = settings, machine
        known = folder / "settings.json"
        if known.exists() and json.loads(known.read_text(encoding="utf-8")) != settings:
            raise ValueError(
                f"--out must be new, or hold results with the same settings, but {known} "
                "differs. Choose another folder."
            )
        known.write_text(json.dumps(settings, indent=1), encoding="utf-8")

    def add(self, measured: Round) -> None:
        """Keep a round, and show it."""
        append_round(self.rounds, measured)
        contest = measured.contest
        values = (
            contest.note
            if measured.ours is None or measured.theirs is None
            else f"{measured.ours:.3f} and {measured.theirs:.3f} {contest.unit}"
        )
        round_ = f"round {measured.number + 1}"
        print(f"{contest.row} / {contest.rival}, {round_}: {values}", flush=True)

    def write(self) -> None:
        """Write the table and the plot of everything that has been measured."""
        found = standings(read_rounds(self.rounds))
        shown = {
            "command": "python -m benchmarks",
            **self.machine,
            "settings": ", ".join(f"{k}={v}" for k, v in self.settings.items()),
        }
        page = markdown(found, shown, picture=self.plot.name)
        self.table.write_text(page, encoding="utf-8")
        draw(found, self.plot)
