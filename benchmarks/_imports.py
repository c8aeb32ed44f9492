"""Case "import": seconds until a fresh Python has imported the package."""

from collections.abc import Iterator
from pathlib import Path

from benchmarks._cold_start import run_command
from benchmarks._rounds import Contest, Round, interleave
from benchmarks._setting import Setting
from benchmarks._workers import seconds_of

__all__ = ["measure"]

_RIVAL = "from scikeras.wrappers import KerasClassifier"
_OURS = {
    "import skfakereal": "import skfakereal",
    "import the classifier": "from skfakereal import VGG16ImageClassifier",
}


def measure(setting: Setting, folder: Path) -> Iterator[Round]:
    """Measure the imports against scikeras's, start of the interpreter included.

    Parameters
    ----------
    setting : Setting
        How many rounds.
    folder : Path
        Not used.

    Yields
    ------
    Round
        As it is measured.
    """
    programs = {"rival": _RIVAL, **_OURS}
    for program in programs.values():  # fill the system's cache
        run_command(["-c", program])
    turns = {
        name: lambda program=program: seconds_of(lambda: run_command(["-c", program]))
        for name, program in programs.items()
    }
    for number, seconds in interleave(turns, setting.rounds):
        for row in _OURS:
            contest = Contest(
                "import", row, "scikeras", "s", note="start of Python included"
            )
            yield Round(contest, number, seconds[row], seconds["rival"])
