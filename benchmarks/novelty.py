"""How often images are called unlike the training images, where they are, and where they are not.

``python -m benchmarks.novelty FOLDER --weights FILE --cifake CIFAKE`` with the folder of sets
that ``benchmarks.photographs`` takes, and the one that holds CIFAKE's ``train`` and ``test``.

A model of CIFAKE at 32x32, with the embedded trunk, is asked about images of CIFAKE's test half
and about the sets. Models of each set, with ImageNet's weights at 224x224, are asked about
images of that set that they were not trained on, and about the other sets. Sets are first brought
to one size and format, so that neither can tell them apart; groups are not divided.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from scipy.stats import binomtest

from benchmarks.photographs.sets import PhotographSet, read_set
from skfakereal import VGG16ImageClassifier
from skfakereal._novelty import UNUSUAL
from skfakereal.datasets import load_image_folder

__all__ = ["main"]

_SIDE = 256  # pixels, of the sets
_CIFAKE: dict[str, Any] = {"image_size": (32, 32), "weights": "cifake"}


def main() -> None:
    """Measure, and print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="of sets")
    parser.add_argument("--weights", required=True, help="ImageNet's, in a file")
    parser.add_argument("--cifake", required=True, help="folder with train/ and test/")
    parser.add_argument("--n-images", type=int, default=200, help="to train and to test on")
    parser.add_argument("--seeds", type=int, default=3, help="draws of these")
    parser.add_argument("--cache", default="auto", help="folder for the activations")
    arguments = parser.parse_args()
    print("| trained on | images | asked about | images | unlike 99% | 95% interval |")
    print("|---|---|---|---|---|---|", flush=True)
    with TemporaryDirectory() as folder:
        sets = [
            read_set(place, Path(folder) / place.name, _SIDE)
            for place in sorted(arguments.folder.iterdir())
            if place.is_dir()
        ]
        for line in _measure(sets, arguments):
            print(line, flush=True)


def _measure(sets: Sequence[PhotographSet], arguments: argparse.Namespace) -> Iterator[str]:
    n, seeds = arguments.n_images, range(arguments.seeds)
    own: dict[str, Any] = {
        "augmentation": None,
        "random_state": 0,
        "cache": arguments.cache,
    }
    cifake = [load_image_folder(arguments.cifake, split=s) for s in ("train", "test")]
    found: dict[tuple[str, str], list[bool]] = {}
    for seed in seeds:
        draws = [np.random.RandomState(seed).permutation(len(c.data)) for c in cifake]
        rows = draws[0][: 10 * n]
        model = VGG16ImageClassifier(**own, **_CIFAKE)
        model.fit(cifake[0].data[rows], cifake[0].target[rows])
        asked = {"CIFAKE": cifake[1].data[draws[1][: 10 * n]]}
        asked |= {s.name: s.draw(n, seed).paths for s in sets}
        _ask(model, "CIFAKE", asked, found)
    yield from _lines(found, 10 * n)
    found.clear()
    for trained in sets:
        for seed in seeds:
            drawn = trained.draw(n, seed)
            others = np.flatnonzero(~np.isin(trained.groups, drawn.groups))
            model = VGG16ImageClassifier(**own, weights=arguments.weights)
            model.fit(drawn.paths, drawn.labels, groups=drawn.groups)
            asked = {trained.name: trained.take(others).draw(n, seed).paths}
            asked |= {s.name: s.draw(n, seed).paths for s in sets if s is not trained}
            _ask(model, trained.name, asked, found)
        yield from _lines(found, n)
        found.clear()


def _ask(
    model: Any, name: str, asked: dict[str, Any], found: dict[Any, list[bool]]
) -> None:
    for other, paths in asked.items():
        unlike = model.novelty(paths) >= UNUSUAL
        found.setdefault((name, other), []).extend(unlike.tolist())


def _lines(found: dict[tuple[str, str], list[bool]], n_trained: int) -> Iterator[str]:
    for (trained, asked), unlike in found.items():
        share = binomtest(sum(unlike), len(unlike)).proportion_ci(method="exact")
        yield (
            f"| {trained} | {n_trained:,} | {asked} | {len(unlike):,} | "
            f"{np.mean(unlike):.1%} | {share.low:.1%} to {share.high:.1%} |"
        )


if __name__ == "__main__":
    main()
