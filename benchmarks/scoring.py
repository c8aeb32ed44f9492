"""What a run that survives costs: ``score_paths`` against one ``predict_proba``.

``python -m benchmarks.scoring`` makes images, and a classifier with VGG16's full width. In
each round, all of these take their turn on the same images:

- one ``predict_proba`` over all paths, which would lose everything when it is killed;
- the same in calls of 64 images, and of as many as a part has, which shows what it costs
  that the engine waits at the end of each call until the next images are decoded (with
  ``--parts 1`` the latter is the same once more, and shows how steady the machine is);
- ``score_paths``, which also keeps each part, and writes CSV at the end.

Then the journal alone: ``score_paths`` with a classifier that looks at nothing.
"""

import argparse
import os
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np
from sklearn.dummy import DummyClassifier

from benchmarks._machine import describe_machine
from benchmarks._material import write_images
from benchmarks._rounds import interleave
from skfakereal import VGG16ImageClassifier
from skfakereal.scoring import score_paths
from skfakereal.scoring._score import prepare_model

__all__ = ["main"]

_SMALL_CALL = 64
_JOURNAL_ROWS = 100_000


def main() -> None:
    """Measure, and print Markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sides", type=int, nargs="+", default=[32, 224])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--parts", type=int, default=2, help="how many parts the images fill"
    )
    arguments = parser.parse_args()
    os.environ["SKFAKEREAL_CACHE"] = "off"
    for name, value in describe_machine().items():
        print(f"- {name}: {value}")
    print("\n| side | images | run | times as long as one `predict_proba` |")
    print("|---|---|---|---|")
    with TemporaryDirectory(prefix="skfakereal-benchmark-") as folder:
        for side in arguments.sides:
            _measure_side(side, arguments.parts, arguments.rounds, Path(folder, str(side)))
        _measure_journal(Path(folder, "journal"))


def _measure_side(side: int, n_parts: int, rounds: int, folder: Path) -> None:
    X, y = write_images(folder / "fit", 24, side)
    classifier = VGG16ImageClassifier.recipe(
        image_size=(side, side), weights=None, augmentation=None, epochs=1, random_state=0
    ).fit(X, y)
    part_size = prepare_model(classifier).part_size
    paths, _ = write_images(folder / "score", n_parts * part_size, side)
    classifier.predict_proba(paths[:_SMALL_CALL])  # compiled
    runs: dict[str, Callable[[], float]] = {
        "one `predict_proba`": partial(_predict, classifier, paths, len(paths)),
        f"calls of {_SMALL_CALL}": partial(_predict, classifier, paths, _SMALL_CALL),
        f"calls of {part_size:,}": partial(_predict, classifier, paths, part_size),
        "`score_paths`": partial(_score, classifier, paths, folder, count()),
    }
    taken = list(interleave(runs, rounds))
    first, *others = runs
    # Of each run its fastest round: what else the machine does can only slow one down.
    least = {name: min(seconds[name] for _, seconds in taken) for name in runs}
    for name in others:
        ratio = least[name] / least[first]
        print(f"| {side} | {len(paths):,} | {name} | {ratio:.3f} |", flush=True)


def _seconds(work: Callable[[], Any]) -> float:
    start = perf_counter()
    work()
    return perf_counter() - start


def _predict(classifier: Any, paths: Any, size: int) -> float:
    def work() -> None:
        for start in range(0, len(paths), size):
            classifier.predict_proba(paths[start : start + size])

    return _seconds(work)


def _score(classifier: Any, paths: Any, folder: Path, numbers: Any) -> float:
    out = folder / f"{next(numbers)}.csv"
    return _seconds(lambda: score_paths(classifier, paths, out))


def _measure_journal(folder: Path) -> None:
    dummy = DummyClassifier().fit(np.array(["a", "b"], object), [0, 1])
    print("\n| rows in a part | microseconds a row, parts, list and file together |")
    print("|---|---|")
    for part_size in (334, 1_000, 4_000):
        paths = (f"images/{i:07}.jpg" for i in range(_JOURNAL_ROWS))
        out = folder / f"{part_size}.csv"
        taken = _seconds(partial(score_paths, dummy, paths, out, part_size=part_size))
        print(f"| {part_size:,} | {taken / _JOURNAL_ROWS * 1e6:.0f} |", flush=True)


if __name__ == "__main__":
    main()
