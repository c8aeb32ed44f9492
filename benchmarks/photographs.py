"""How well fakes among photographs are found: the recipe, each step beyond it, rivals.

``python -m benchmarks.photographs FOLDER --weights FILE`` with a folder of sets, each with
``real/`` and ``fake/``; folders below ``fake/`` are generators, and a ``groups.csv`` with the
columns ``path``, below the set's folder, and ``group`` tells what must stay together.

Every set is first brought to 256x256 (``--side``; shrunk by Lanczos's filter until the
shorter side fits, the middle cut out; smaller images are left out) and saved as JPEG of
quality 90, both classes alike. Predictions are out of fold: five folds by group. What has
been measured stays in ``--out``, and a second run goes on where the first one ended;
``--only``, ``--sizes`` and ``--also`` choose what to measure, and the tables show all that
``--out`` holds. ``--quick`` takes 200 images of each set, two views and one seed.
"""

import argparse
import csv
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import permutations
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, roc_auc_score, roc_curve
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skfakereal import VGG16FeatureExtractor, VGG16ImageClassifier
from skfakereal.datasets import load_image_folder
from skfakereal.evaluation.perturbations import Chain, Jpeg, Scale, WebP

__all__ = ["main"]

Indices = NDArray[np.intp]
Texts = NDArray[np.object_]

_QUALITY = 90
_RECIPE = "the recipe"
# The row that is also tried on generators, and on sets, that it was not trained on.
_BEST = "+ statistics of all layers"
# What takes many times longer than the other rows, so that it must be asked for.
_SLOW = ("the usual Keras script", "crop, 5 crops", "shrink, 5 crops")
_FOLDS = 5
_RESAMPLES = 1000
_CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "JPEG q60": Jpeg(60),
    "half the size": Scale(0.5),
    "half, JPEG q60, WebP q75": Chain("shared", (Scale(0.5), Jpeg(60), WebP(75))),
}


@dataclass(frozen=True)
class PhotographSet:
    """Images of both classes in one size and format."""

    name: str
    paths: Texts
    labels: NDArray[np.int64]  # 1: fake
    groups: Texts
    generators: Texts  # "" for real images

    def take(self, rows: Indices) -> "PhotographSet":
        """Return some of them."""
        return PhotographSet(
            self.name,
            self.paths[rows],
            self.labels[rows],
            self.groups[rows],
            self.generators[rows],
        )

    def draw(self, n_images: int | None, seed: int) -> "PhotographSet":
        """Draw images, half of them fake, whole groups at a time where they fit."""
        if n_images is None or n_images >= len(self.paths):
            return self
        random_state, rows = np.random.RandomState(seed), []
        for label in (0, 1):
            of_class = np.flatnonzero(self.labels == label)
            order = {g: random_state.rand() for g in np.unique(self.groups[of_class])}
            ranked = sorted(of_class, key=lambda row: order[self.groups[row]])
            rows += ranked[: n_images // 2]
        return self.take(np.sort(np.array(rows)))

    def folds(self, seed: int) -> Iterator[tuple[Indices, Indices]]:
        """Split by group."""
        splitter = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=seed)
        yield from splitter.split(self.paths, self.labels, self.groups)


def read_set(folder: Path, out: Path, side: int) -> PhotographSet:
    """Equalize a set into `out`; images that are smaller than `side` are left out."""
    found = load_image_folder(folder)
    below = [Path(path).relative_to(folder).as_posix() for path in found.data]
    given = _read_groups(folder / "groups.csv")
    groups = np.array([given.get(name, name) for name in below], dtype=object)
    generators = np.array(
        [name.split("/")[1] if name.count("/") > 1 else "" for name in below], dtype=object
    )
    rows, paths = [], []
    for row, path in enumerate(found.data):
        with Image.open(path) as image:
            if min(image.size) < side:
                continue
            name = Path(below[row]).with_suffix(".jpg")
            place = out / f"{row:05}-{name.name}"
            if not place.exists():
                out.mkdir(parents=True, exist_ok=True)
                new = place.with_suffix(".new")
                _bring(image, side).save(new, "JPEG", quality=_QUALITY)
                new.replace(place)
        rows.append(row)
        paths.append(str(place))
    labels = found.target[rows]
    generators = np.where(labels == 1, generators[rows], "").astype(object)
    data = np.array(paths, dtype=object)
    return PhotographSet(folder.name, data, labels, groups[rows], generators)


def _bring(image: Image.Image, side: int) -> Image.Image:
    """Shrink until the shorter side fits, by one filter, and cut off what juts out."""
    scale = side / min(image.size)
    width, height = (max(side, round(length * scale)) for length in image.size)
    image = image.convert("RGB")
    if scale < 1:
        image = image.resize((width, height), Image.Resampling.LANCZOS)
    left, top = (width - side) // 2, (height - side) // 2
    return image.crop((left, top, left + side, top + side))


def _read_groups(file: Path) -> dict[str, str]:
    if not file.exists():
        return {}
    with file.open(newline="", encoding="utf-8") as stream:
        return {row["path"]: row["group"] for row in csv.DictReader(stream)}


@dataclass(frozen=True)
class Contestants:
    """The classifiers that are compared, by what to call them."""

    weights: str
    store: str
    n_views: int

    def make(self, seed: int) -> dict[str, Callable[[], Any]]:
        """Return how to make each."""
        own: dict[str, Any] = {
            "weights": self.weights,
            "cache": self.store,
            "n_views": self.n_views,
            "random_state": seed,
        }
        recipe = partial(VGG16ImageClassifier.recipe, **own)
        linear = partial(VGG16ImageClassifier, **own, pooling="avg")
        ours = partial(VGG16ImageClassifier, **own, pooling="statistics")
        plain = partial(ours, augmentation=None)
        features = partial(
            VGG16FeatureExtractor,
            weights=self.weights,
            cache=self.store,
            pooling="statistics",
        )
        return {
            _RECIPE: recipe,
            "+ ImageNet's own preprocessing": partial(recipe, preprocessing="auto"),
            "+ a linear head": linear,
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


def figures(
    labels: NDArray[Any], probabilities: NDArray[Any], groups: NDArray[Any] | None = None
) -> NDArray[np.float64]:
    """Return balanced accuracy, ROC-AUC and TPR at 5% FPR, each with its 95% interval.

    The intervals are percentiles over resamples of whole groups.
    """

    def of(rows: Indices) -> tuple[float, float, float]:
        y, p = labels[rows], probabilities[rows]
        false, true, _ = roc_curve(y, p)
        found = float(true[np.searchsorted(false, 0.05, side="right") - 1])
        return balanced_accuracy_score(y, p > 0.5), roc_auc_score(y, p), found

    codes = np.unique(
        np.arange(len(labels)) if groups is None else groups, return_inverse=True
    )[1]
    members = [np.flatnonzero(codes == code) for code in range(codes.max() + 1)]
    random_state = np.random.RandomState(0)
    drawn: list[tuple[float, float, float]] = []
    while len(drawn) < _RESAMPLES:
        picked = random_state.randint(len(members), size=len(members))
        rows = np.concatenate([members[i] for i in picked])
        if 0 < labels[rows].mean() < 1:
            drawn.append(of(rows))
    ends = np.quantile(np.array(drawn), (0.025, 0.975), axis=0)
    return np.column_stack([of(np.arange(len(labels))), *ends])


def write_changed(images: PhotographSet, out: Path) -> dict[str, Texts]:
    """Write changed copies of a set as PNG, once; return their paths by change."""
    changed = {}
    for name, change in _CHANGES.items():
        folder = out / name.replace(" ", "-").replace(",", "")
        paths = []
        for path in images.paths:
            place = folder / Path(path).parent.name / f"{Path(path).stem}.png"
            if not place.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                with Image.open(path) as image:
                    new = place.with_suffix(".new")
                    change(image.convert("RGB")).save(new, "PNG")
                new.replace(place)
            paths.append(str(place))
        changed[name] = np.array(paths, dtype=object)
    return changed


def measure_set(
    images: PhotographSet, arguments: argparse.Namespace, kept: Measurements
) -> None:
    """Measure what was asked for of one set: every row, number of images and seed."""
    contestants = arguments.contestants
    finite = [size for size in arguments.sizes if size]
    # Draws lie within the largest one, so that no more features are computed than for it.
    everything = images.draw(max(finite, default=None), 0) if finite else images
    for n_images in arguments.sizes:
        drawn_from = images if n_images is None else everything
        for seed in arguments.seeds:
            drawn = drawn_from.draw(n_images, seed)
            for row, make in contestants.make(seed).items():
                if row not in arguments.only:
                    continue
                key = {"set": images.name, "row": row, "n": len(drawn.paths), "seed": seed}
                kept.measure(key, partial(cross_validate, drawn, make, seed, {}))
    drawn = everything if finite else images
    key = {"set": images.name, "row": "", "n": len(drawn.paths), "seed": 0}
    if "changes" in arguments.also:
        changed = write_changed(drawn, arguments.out / "changed" / images.name)
        for row in arguments.only:
            make = contestants.make(0)[row]
            measure = partial(cross_validate, drawn, make, 0, changed)
            kept.measure(key | {"row": row, "seed": "changes"}, measure)
    if "generators" in arguments.also:
        measure = partial(leave_out_each_generator, images, contestants.make(0)[_BEST], 0)
        kept.measure(key | {"row": _BEST, "n": "generators"}, measure)


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


def markdown(found: Sequence[dict[str, Any]]) -> str:
    """Return the tables: every row of every set, after changes, on the unseen."""
    head = "balanced accuracy | ROC-AUC | TPR at 5% FPR |"
    lines = [f"| set | images | row | seeds | {head}", "|---" * 7 + "|"]
    for key, entries in _by_row(found).items():
        cells = _cells(_mean_figures(entries, "clean"))
        lines.append(f"| {' | '.join(map(str, (*key, len(entries), *cells)))} |")
    lines += ["", f"| set | images | row | copies | {head}", "|---" * 7 + "|"]
    for entry in found:
        if entry["seed"] == "changes":
            for change in entry["probabilities"]:
                cells = _cells(_mean_figures([entry], change))
                names: tuple[object, ...] = (
                    entry["set"],
                    len(entry["labels"]),
                    entry["row"],
                    change,
                )
                lines.append(f"| {' | '.join(map(str, (*names, *cells)))} |")
    lines += ["", f"| trained on | tested on | images | {head}", "|---" * 6 + "|"]
    for entry in found:
        for name, one in entry.get("generators", {}).items():
            cells = _cells(figures(np.array(one["labels"]), np.array(one["probabilities"])))
            names = (f"{entry['set']} but {name}", name, len(one["labels"]))
            lines.append(f"| {' | '.join(map(str, (*names, *cells)))} |")
        if "across" in entry:
            arrays = (np.array(entry[name]) for name in ("labels", "scores", "groups"))
            names = (entry["set"], entry["across"], len(entry["labels"]))
            lines.append(f"| {' | '.join(map(str, (*names, *_cells(figures(*arrays)))))} |")
    return "\n".join(lines) + "\n"


def _cells(values: NDArray[np.float64]) -> list[str]:
    return [f"{value:.3f} [{low:.3f}, {high:.3f}]" for value, low, high in values]


def plot_curves(found: Sequence[dict[str, Any]], place: Path) -> None:
    """Draw the balanced accuracy by number of images, a panel for each set."""
    rows = _by_row(found)
    sets = list(dict.fromkeys(name for name, *_ in rows))
    figure = Figure(figsize=(5 * len(sets), 4), layout="constrained")
    for axes, name in zip(
        figure.subplots(1, len(sets), squeeze=False)[0], sets, strict=True
    ):
        points: dict[str, list[tuple[int, float]]] = {}
        for (of_set, n_images, row), entries in rows.items():
            if of_set == name:
                value = _mean_figures(entries, "clean")[0][0]
                points.setdefault(row, []).append((n_images, value))
        for row, curve in points.items():
            axes.plot(*zip(*sorted(curve), strict=True), marker="o", label=row)
        axes.set(title=name, xscale="log", xlabel="Images", ylabel="Balanced accuracy")
    axes.legend(fontsize="small")
    figure.savefig(place)


def _by_row(
    found: Sequence[dict[str, Any]],
) -> dict[tuple[str, int, str], list[dict[str, Any]]]:
    """Return the entries of all seeds by set, number of images and row."""
    rows: dict[tuple[str, int, str], list[dict[str, Any]]] = {}
    for entry in found:
        if "probabilities" in entry and entry["seed"] != "changes":
            rows.setdefault((entry["set"], entry["n"], entry["row"]), []).append(entry)
    return rows


def _mean_figures(entries: Sequence[dict[str, Any]], change: str) -> NDArray[np.float64]:
    """Return figures and ends of intervals, each the mean over the seeds."""
    found: NDArray[np.float64] = np.mean(
        [
            figures(
                np.array(entry["labels"]),
                np.array(entry["probabilities"][change]),
                np.array(entry["groups"]),
            )
            for entry in entries
        ],
        axis=0,
    )
    return found


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
    contestants = Contestants(arguments.weights, store, arguments.n_views)
    arguments.contestants = contestants
    if arguments.only is None:
        arguments.only = [row for row in contestants.make(0) if row not in _SLOW]
    name = f"measured-{arguments.side}-{arguments.n_views}-views"
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
    (arguments.out / f"{name}.md").write_text(table, encoding="utf-8")
    plot_curves(kept.read(), arguments.out / f"{name}.svg")
    print(table)


if __name__ == "__main__":
    main()
