"""How often ``predict --stable`` says "unsure" on CIFAKE, and what that is worth.

``python -m benchmarks.unsure --cifake FOLDER`` with the folder that holds ``train/REAL``,
``train/FAKE``, ``test/REAL`` and ``test/FAKE``. The embedded trunk has seen the training
images, so the band is learned from one half of the test images (drawn with a fixed seed)
and the figures come from the other; nothing is chosen on either.

A rule that says "unsure" must beat the simplest one: to drop as many of the images whose
probability is nearest to 0.5 (Chow 1970, "On optimum recognition error and reject
tradeoff"). The last column is that.
"""

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skfakereal import VGG16ImageClassifier
from skfakereal._images.read import decode_image, read_bytes
from skfakereal.datasets import load_image_folder
from skfakereal.evaluation import (
    UnsureBand,
    learn_unsure_band,
    mild_perturbations,
    robustness_report,
)
from skfakereal.evaluation.perturbations import Perturbation, Scale, name_of

__all__ = ["main"]

Mask = NDArray[np.bool_]


def main() -> None:
    """Train, learn the band, judge the other half, and print Markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cifake", required=True, help="folder with train/ and test/")
    parser.add_argument("--n-train", type=int, default=4000)
    parser.add_argument("--n-test", type=int, default=2500, help="images in each half")
    parser.add_argument("--precision", type=float, default=0.95)
    arguments = parser.parse_args()

    train = load_image_folder(arguments.cifake, split="train")
    test = load_image_folder(arguments.cifake, split="test")
    shuffled = np.random.RandomState(0).permutation
    rows = shuffled(len(train.data))[: arguments.n_train]
    classifier = VGG16ImageClassifier.recipe(
        image_size=(32, 32), weights="cifake", augmentation=None, random_state=0
    ).fit(train.data[rows], train.target[rows])

    halves = shuffled(len(test.data))[: 2 * arguments.n_test].reshape(2, -1)
    (X_val, y_val), (X, y) = ((test.data[half], test.target[half]) for half in halves)
    band = learn_unsure_band(
        y_val, classifier.predict_proba(X_val), precision=arguments.precision
    )
    print(f"band from {band.low:.3f} to {band.high:.3f}, {len(X):,} images")
    _print_tables(classifier, X.tolist(), y, band)
    with TemporaryDirectory() as folder:
        print("\nAfter shrinking to 75%, which no validation image went through:")
        _print_tables(classifier, _changed(X, Scale(0.75), Path(folder)), y, band)


def _changed(X: Iterable[str], change: Perturbation, folder: Path) -> list[str]:
    files = []
    for i, path in enumerate(X):
        files.append(str(folder / f"{i:05}.png"))
        change(decode_image(read_bytes(path), path)).save(files[-1])
    return files


def _print_tables(
    classifier: Any, X: Sequence[str], y: NDArray[np.int64], band: UnsureBand
) -> None:
    told = robustness_report(
        classifier,
        X,
        y,
        perturbations=mild_perturbations(),
        target_names=["real", "fake"],
    ).predictions_table()
    fake = classifier.predict_proba(X)[:, 1]
    right = (fake >= 0.5) == (y == 1)
    turned = {
        name_of(change): np.array(told[name_of(change)]) != np.array(told["untouched"])
        for change in mild_perturbations()
    }
    saved = [name_of(change) for change in mild_perturbations((32, 32))]
    flips = np.any([turned[name] for name in saved], axis=0)
    inside = np.where(fake >= 0.5, fake <= band.high, fake >= band.low)
    _print_changes(turned)
    _print_rules(
        {
            "never": np.zeros(len(y), bool),
            "saving again turns it": flips,
            "in the band": inside,
            "both: `predict --stable`": flips | inside,
            "both, with shrinking and trimming": np.any([*turned.values(), inside], axis=0),
        },
        right,
        np.abs(fake - 0.5),
    )


def _print_changes(turned: dict[str, Mask]) -> None:
    print("\n| change | verdicts that it turns |\n|---|---|")
    for name, flips in turned.items():
        print(f"| {name} | {flips.mean():.1%} |")


def _print_rules(
    rules: dict[str, Mask], right: Mask, certainty: NDArray[np.float64]
) -> None:
    print("\n| unsure if | verdicts given | right | right, as many of the most certain |")
    print("|---|---|---|---|")
    order = np.argsort(-certainty, kind="stable")
    for name, unsure in rules.items():
        n_given = int(np.sum(~unsure))
        simple = right[order[:n_given]].mean() if n_given else np.nan
        given = right[~unsure].mean() if n_given else np.nan
        print(f"| {name} | {n_given / len(unsure):.1%} | {given:.4f} | {simple:.4f} |")


if __name__ == "__main__":
    main()
