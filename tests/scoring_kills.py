"""Kills scoring runs, and checks that nothing is lost; a script, since it forks.

``python scoring_kills.py FOLDER each`` kills a run at each of its file operations in turn,
``... random`` one run again and again at random moments. Prints how many kills there were.
"""

import os
import random
import shutil
import signal
import sys
import threading
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from scoring_models import fit_brightness, score_greys, write_greys

# Kills at random moments.
ENOUGH = 10
WATCHED = ("open", "os.rename", "os.remove", "os.mkdir", "os.listdir", "os.scandir")


def in_a_child(work: Callable[[], Any], kill_after: float | None = None) -> bool:
    """Return whether a forked process came to its end."""
    child = os.fork()
    if child == 0:
        work()
        os._exit(0)
    timer = None
    if kill_after is not None:
        timer = threading.Timer(kill_after, os.kill, (child, signal.SIGKILL))
        timer.start()
    _, status = os.waitpid(child, 0)
    if timer is not None:
        timer.cancel()
        timer.join()
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return False
    assert os.WEXITSTATUS(status) == 0, status
    return True


def kill_at(operation: int, folder: Path) -> None:
    """End this process before its nth operation on a file below the folder."""
    left = operation

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        if event in WATCHED and str(arguments[0]).startswith(str(folder)):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)


def kill_at_each_operation(top: Path, paths: list[str], model: Any, whole: bytes) -> int:
    for operation in count(1):
        folder = top / "each"
        folder.mkdir()

        def killed(operation: int = operation, folder: Path = folder) -> None:
            kill_at(operation, folder)
            score_greys(folder / "s.csv", paths, model)

        ended = in_a_child(killed)
        assert in_a_child(lambda f=folder: score_greys(f / "s.csv", paths, model))
        assert (folder / "s.csv").read_bytes() == whole, operation
        assert {file.name for file in folder.iterdir()} == {"s.csv", "s.csv.parts"}, (
            operation
        )
        shutil.rmtree(folder)
        if ended:
            return operation - 1
    raise AssertionError


def kill_at_random(top: Path, paths: list[str], model: Any, whole: bytes) -> int:
    moments, kills = random.Random(0), 0
    # More than one run where one happens to end after a few kills.
    for run in count():
        kills += _kill_one_at_random(top / f"random{run}", paths, model, whole, moments)
        if kills >= ENOUGH:
            return kills
    raise AssertionError


def _kill_one_at_random(
    folder: Path, paths: list[str], model: Any, whole: bytes, moments: random.Random
) -> int:
    out = folder / "s.csv"

    def work() -> None:
        score_greys(out, paths, model)

    for kills in count():
        # Longer from time to time: on a busy machine, a run may need long for one part.
        if in_a_child(work, kill_after=moments.uniform(0, 0.01 * (kills + 5))):
            assert out.read_bytes() == whole
            return kills
    raise AssertionError


def main() -> None:
    top, mode = Path(sys.argv[1]), sys.argv[2]
    each = mode == "each"
    greys = write_greys(top / "greys", 12 if each else 300)
    model = fit_brightness(greys)
    paths = [*greys, "gone.png", greys[0]]
    whole = score_greys(top / "whole.csv", paths, model).path.read_bytes()
    kill = kill_at_each_operation if each else kill_at_random
    sys.stdout.write(str(kill(top, paths, model, whole)))


if __name__ == "__main__":
    main()
