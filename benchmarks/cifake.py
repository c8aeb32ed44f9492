"""Accuracy on CIFAKE's test half after training on a few thousand images.

``python -m benchmarks.cifake --cifake FOLDER`` with the folder that holds ``train/REAL``,
``train/FAKE``, ``test/REAL`` and ``test/FAKE``. Nothing is chosen on the test images.
``--engine int8`` shows what whole numbers cost.
"""

import argparse
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skfakereal import VGG16FeatureExtractor, VGG16ImageClassifier
from skfakereal.datasets import load_image_folder

__all__ = ["main"]


@dataclass(frozen=True)
class Case:
    """A classifier over paths, and what to call it."""

    name: str
    classifier: Any


def cases(epochs: int, engine: str, seed: int) -> list[Case]:
    """Return the recipe with and without augmentation, logistic heads, and the default."""
    size: dict[str, Any] = {"image_size": (32, 32), "engine": engine}
    found = []
    for weights in (None, "cifake"):
        for augmentation in ("default", None):
            recipe = VGG16ImageClassifier.recipe(
                weights=weights,
                augmentation=augmentation,
                epochs=epochs,
                random_state=seed,
                **size,
            )
            name = f"`weights={weights!r}`, `augmentation={augmentation!r}`"
            found.append(Case(name, recipe))
        head = make_pipeline(
            VGG16FeatureExtractor(weights=weights, pooling="avg", **size),
            StandardScaler(),
            LogisticRegression(C=0.01, max_iter=1000),
        )
        found.append(Case(f"`weights={weights!r}`, features and a logistic head", head))
    default = VGG16ImageClassifier(weights="cifake", random_state=seed, **size)
    found.append(Case("`weights='cifake'`, the default", default))
    # What it takes now is reading the features, and the head.
    found.append(Case("the same, its features stored", clone(default)))
    return found


def main() -> None:
    """Fit every case and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cifake", required=True, help="folder with train/ and test/")
    parser.add_argument("--n-train", type=int, default=4000)
    parser.add_argument("--epochs", type=int, default=50, help="at the most")
    parser.add_argument("--engine", choices=("ncnn", "int8"), default="ncnn")
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=[0], help="of the images and the training"
    )
    parser.add_argument("--only", default="", help="what the classifier's name must hold")
    arguments = parser.parse_args()

    train = load_image_folder(arguments.cifake, split="train")
    test = load_image_folder(arguments.cifake, split="test")
    print(
        "| classifier | seed | training images | accuracy | ROC-AUC | fit, s | predict, s |"
    )
    print("|---|---|---|---|---|---|---|")
    everything = [
        (seed, case)
        for seed in arguments.seeds
        for case in cases(arguments.epochs, arguments.engine, seed)
        if arguments.only in case.name.replace("`", "")
    ]
    for seed, case in everything:
        shuffled = np.random.RandomState(seed).permutation(len(train.data))
        chosen = shuffled[: arguments.n_train]
        began = time.perf_counter()
        case.classifier.fit(train.data[chosen], train.target[chosen])
        fitted = time.perf_counter()
        proba = case.classifier.predict_proba(test.data)[:, 1]
        done = time.perf_counter()
        print(
            f"| {case.name} | {seed} | {len(chosen)} "
            f"| {accuracy_score(test.target, proba > 0.5):.4f} "
            f"| {roc_auc_score(test.target, proba):.4f} "
            f"| {fitted - began:.0f} | {done - fitted:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
