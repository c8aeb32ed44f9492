"""How well fakes among photographs are found: the recipe, each step beyond it, rivals.

``python -m benchmarks.photographs FOLDER --weights FILE`` with a folder of sets, each with
``real/`` and ``fake/``; folders below ``fake/`` are generators, and a ``groups.csv`` with the
columns ``path``, below the set's folder, and ``group`` tells what must stay together.

Every set is first brought to 256x256 (``--side``; shrunk by Lanczos's filter until the
shorter side fits, the middle cut out; smaller images are left out) and saved as JPEG of
quality 90, both classes alike. Predictions are out of fold: five folds by group. What has
been measured stays in ``--out``, and a second run goes on where the first one ended;
``--only``, ``--sizes`` and ``--also`` choose what to measure, and the tables show all that
``--out`` holds. ``--engine int8`` also tells how far it is from what was measured in float32.
``--quick`` takes 200 images of each set, two views and one seed.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import permutations
from pathlib import Path
from time import perf_counter
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.photographs.sets import PhotographSet, Texts, read_set, write_changed
from benchmarks.photographs.tables import compare, markdown, plot_curves
from skfakereal import VGG16FeatureExtractor, VGG16ImageClassifier

__all__ = ["main"]

_RECIPE = "the recipe"
# The row that is also tried on other sets than it was trained on.
_BEST = "+ correlations of channels"
_POOL = 600
# What takes many times longer than the other rows, so that it must be asked for.
_SLOW = ("the usual Keras script", "crop, 5 crops", "shrink, 5 crops")


@dataclass(frozen=True)
class Contestants:
    """The classifiers that are compared, by what to call them."""

    weights: str
    store: str
    n_views: int
    engine: Literal["ncnn", "int8"]

    def make(self, seed: int) -> dict[str, Callable[[], Any]]:
        """Return how to make each."""
        own: dict[str, Any] = {
            "weights": self.weights,
            "cache": self.store,
            "n_views": self.n_views,
            "engine": self.engine,
            "random_state": seed,
        }
        recipe = partial(VGG16ImageClassifier.recipe, **own)
        linear = partial(VGG16ImageClassifier, **own, pooling="avg")
        ours = partial(VGG16ImageClassifier, **own, pooling="correlations")
        plain = partial(ours, augmentation=None)
        features = partial(
            VGG16FeatureExtractor,
            weights=self.weights,
            cache=self.store,
            engine=self.engine,
            pooling="correlations",
        )
        return {
            _RECIPE: recipe,
            "+ ImageNet's own preprocessing": partial(recipe, preprocessing="auto"),
            "+ a linear head": linear,
            "+ statistics of all layers": partial(linear, pooling="statistics"),
            _BEST: ours,
            "without augmentation": plain,
            "features, LogisticRegression": lambda: make_pipeline(
                features(),
                StandardScaler(),
                LogisticRegression(C=1e-3, class_weight="balanced", max_iter=1000),
            ),
            'augmentation="shared"': partial(ours, augmentation="shared"),
            "crop": partial(plain, resize="crop"),
            "shrink": partial(plain, resize="shrink"),
            "crop, 5 crops": partial(plain, resize="crop", n_crops=5),
            "shrink, 5 crops": partial(plain, resize="shrink", n_crops=5),
            "the usual Keras script": partial(KerasScript, self.weights),
        }


class KerasScript(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """The recipe in plain Keras, 10 epochs: augmentation on the fly, no store."""

    def __init__(self, weights: str) -> None:
        self.weights = weights

    def fit(self, X: Texts, y: NDArray[np.int64]) -> "KerasScript":
        """Train on files."""
        from benchmarks.rivals.keras_fit import fit

        self.classes_ = np.unique(y)
        self.model_ = fit(X.astype(str), y, self.weights, 224, epochs=10)
        return self

    def predict_proba(self, X: Texts) -> NDArray[np.float64]:
        """Return probabilities."""
        pixels = [np.asarray(Image.open(path).resize((224, 224))) for path in X]
        found = self.model_.predict(np.stack(pixels) / np.float32(255), verbose=0)
        return np.column_stack([1 - found, found]).astype(np.float64)


class Measurements:
    """Predictions out of fold, kept in files."""

    def __init__(self, out: Path) -> None:
        self.out = out
        out.mkdir(parents=True, exist_ok=True)

    def measure(self, key: dict[str, Any], measure: Callable[[], dict[str, Any]]) -> None:
        """Measure what is not kept yet."""
        name = "-".join(str(value) for value in key.values()).replace("/", "_")
        file = self.out / f"{name}.json"
        if not file.exists():
            began = perf_counter()
            found = key | measure()
            print(f"{name}: {perf_counter() - began:.0f} s", flush=True)
            new = file.with_suffix(".new")
            new.write_text(json.dumps(found), encoding="utf-8")
            new.replace(file)

    def read(self) -> list[dict[str, Any]]:
        """Return all that is kept."""
        files = sorted(self.out.glob("*.json"))
        return [json.loads(file.read_text(encoding="utf-8")) for file in files]


def cross_validate(
    images: PhotographSet,
    make: Callable[[], Any],
    seed: int,
    changed: dict[str, Texts],
) -> dict[str, Any]:
    """Return labels, groups, and probabilities out of fold, of changed copies as well."""
    probabilities = {name: np.zeros(len(images.paths)) for name in ("clean", *changed)}
    for train, test in images.folds(seed):
        classifier = make()
        ours = isinstance(classifier, VGG16ImageClassifier)
        routed = {"groups": images.groups[train]} if ours else {}
        classifier.fit(images.paths[train], images.labels[train], **routed)
        for name, paths in ({"clean": images.paths} | changed).items():
            probabilities[name][test] = classifier.predict_proba(paths[test])[:, 1]
    return {
        "labels": images.labels.tolist(),
        "groups": images.groups.tolist(),
        "probabilities": {name: p.tolist() for name, p in probabilities.items()},
    }


def leave_out_each_generator(
    images: PhotographSet, make: Callable[[], Any], seed: int
) -> dict[str, Any]:
    """Return labels and probabilities of each generator that was not trained on.

    Groups of its images, and the real images it is told from, are not trained on either.
    """
    folds = [test for _, test in images.folds(seed)]
    names = sorted(set(images.generators) - {""})
    found: dict[str, Any] = {}
    for name in names if len(names) > 1 else ():
        of_name = images.generators == name
        found[name] = {"labels": [], "probabilities": []}
        for fold in folds:
            test = fold[of_name[fold] | (images.labels[fold] == 0)]
            train = np.setdiff1d(np.flatnonzero(~of_name), fold)
            groups = images.groups[train]
            classifier = make().fit(
                images.paths[train], images.labels[train], groups=groups
            )
            scores = classifier.predict_proba(images.paths[test])[:, 1]
            found[name]["labels"] += images.labels[test].tolist()
            found[name]["probabilities"] += scores.tolist()
    return {"generators": found}


def measure_set(
    images: PhotographSet, arguments: argparse.Namespace, kept: Measurements
) -> None:
    """Measure what was asked for of one set: every row, number of images and seed."""
    contestants = arguments.contestants
    largest = max((size for size in arguments.sizes if size), default=None)
    # Draws lie within this one, whatever other sizes are asked for, so that features of no more
    # images are computed; those of all of it are the same images, in other folds.
    pool = images.draw(max(largest or 0, _POOL), 0)
    for n_images in arguments.sizes:
        for seed in arguments.seeds:
            drawn = images if n_images is None else pool.draw(n_images, seed)
            for row, make in contestants.make(seed).items():
                if row not in arguments.only:
                    continue
                key = {"set": images.name, "row": row, "n": len(drawn.paths), "seed": seed}
                kept.measure(key, partial(cross_validate, drawn, make, seed, {}))
    drawn = images if largest is None else pool.draw(largest, 0)
    key = {"set": images.name, "row": "", "n": len(drawn.paths), "seed": 0}
    if "changes" in arguments.also:
        changed = write_changed(drawn, arguments.out / "changed" / images.name)
        for row in arguments.only:
            make = contestants.make(0)[row]
            measure = partial(cross_validate, drawn, make, 0, changed)
            kept.measure(key | {"row": row, "seed": "changes"}, measure)
    if "generators" in arguments.also:
        for row in arguments.only:
            make = contestants.make(0)[row]
            measure = partial(leave_out_each_generator, images, make, 0)
            kept.measure(key | {"row": row, "n": "generators"}, measure)


def measure_across(
    sets: Sequence[PhotographSet], arguments: argparse.Namespace, kept: Measurements
) -> None:
    """Train on each set, and test on each other one."""
    size = max((size for size in arguments.sizes if size), default=None)
    drawn = [images.draw(size, 0) for images in sets]
    for images, others in permutations(drawn, 2):

        def measure(
            images: PhotographSet = images, others: PhotographSet = others
        ) -> dict[str, Any]:
            classifier = arguments.contestants.make(0)[_BEST]()
            classifier.fit(images.paths, images.labels, groups=images.groups)
            return {
                "across": others.name,
                "labels": others.labels.tolist(),
                "groups": others.groups.tolist(),
                "scores": classifier.predict_proba(others.paths)[:, 1].tolist(),
            }

        key = {"set": images.name, "row": _BEST, "n": f"on {others.name}", "seed": 0}
        kept.measure(key, measure)


def main() -> None:
    """Measure what is missing; write the tables and the learning curves."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="folder of sets")
    parser.add_argument("--weights", required=True, help="file of VGG16's ImageNet weights")
    parser.add_argument("--out", type=Path, default=Path("skfakereal-photographs"))
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=[60, 200, 600, 0], help="0: all images"
    )
    parser.add_argument("--n-views", type=int, default=8)
    parser.add_argument("--engine", choices=("ncnn", "int8"), default="ncnn")
    parser.add_argument("--only", nargs="+", help="the rows to measure")
    parser.add_argument(
        "--also", nargs="+", default=[], choices=("changes", "generators", "across")
    )
    parser.add_argument(
        "--quick", action="store_true", help="200 images, 2 views, one seed"
    )
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.seeds, arguments.sizes, arguments.n_views = [0], [200], 2
    arguments.sizes = [size or None for size in arguments.sizes]
    store = str(arguments.out / "store")
    contestants = Contestants(arguments.weights, store, arguments.n_views, arguments.engine)
    arguments.contestants = contestants
    if arguments.only is None:
        arguments.only = [row for row in contestants.make(0) if row not in _SLOW]
    in_float32 = f"measured-{arguments.side}-{arguments.n_views}-views"
    is_int8 = arguments.engine == "int8"
    name = f"{in_float32}-int8" if is_int8 else in_float32
    kept = Measurements(arguments.out / name)
    equalized = arguments.out / f"equalized-{arguments.side}"
    sets = [
        read_set(folder, equalized / folder.name, arguments.side)
        for folder in sorted(path for path in arguments.folder.iterdir() if path.is_dir())
    ]
    for images in sets:
        measure_set(images, arguments, kept)
    if "across" in arguments.also:
        measure_across(sets, arguments, kept)
    table = markdown(kept.read())
    if is_int8:
        table += compare(Measurements(arguments.out / in_float32).read(), kept.read())
    (arguments.out / f"{name}.md").write_text(table, encoding="utf-8")
    plot_curves(kept.read(), arguments.out / f"{name}.svg")
    print(table)


if __name__ == "__main__":
    main()
