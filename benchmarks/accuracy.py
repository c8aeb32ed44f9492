"""What storing activations costs in accuracy, and what fine-tuning gains, over seeds.

``python -m benchmarks.accuracy --cifake FOLDER`` with the folder that holds ``test/REAL``
and ``test/FAKE`` of CIFAKE. Only test images are used, to train on and to measure on: the
trunk ``weights="cifake"`` has seen the training images with their labels. Each seed draws
other images, another start of the Dense layers and other views. Each measurement is a line
of ``measurements.jsonl`` as soon as it is there; a second run goes on where the first one
was interrupted.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.model_selection import train_test_split

from skfakereal import Augmentation, VGG16ImageClassifier, _activations
from skfakereal.datasets import load_image_folder

__all__ = ["main"]

# Views enough that no epoch sees one again: what augmentation on the fly does.
_ON_THE_FLY = 50
_TRUNKS = (None, "cifake")
_FEW = 500


class _Images:
    """Images drawn for one seed: to train on, and to measure on."""

    def __init__(self, folder: str, n_train: int, n_test: int, seed: int) -> None:
        everything = load_image_folder(folder, split="test")
        self.train, self.test, self.y_train, self.y_test = train_test_split(
            everything.data,
            everything.target,
            train_size=n_train,
            test_size=n_test,
            stratify=everything.target,
            random_state=seed,
        )


@contextmanager
def _in_float32() -> Iterator[None]:
    """Leave activations as they are computed; only without a store, which knows float16."""
    rounded = _activations._ROUNDED_TO
    _activations._ROUNDED_TO = np.float32
    try:
        yield
    finally:
        _activations._ROUNDED_TO = rounded


def _classifier(seed: int, weights: str | None, cache: str | None, **changes: Any) -> Any:
    settings = {"augmentation": Augmentation(seed=seed)} | changes
    return VGG16ImageClassifier.recipe(
        image_size=(32, 32), weights=weights, random_state=seed, cache=cache, **settings
    )


def _views(seed: int, weights: str | None, images: _Images, store: str) -> Any:
    return _classifier(seed, weights, store).fit(images.train, images.y_train)


def _on_the_fly(seed: int, weights: str | None, images: _Images, store: str) -> Any:
    found = _classifier(seed, weights, store, n_views=_ON_THE_FLY)
    return found.fit(images.train, images.y_train)


def _views_in_float32(seed: int, weights: str | None, images: _Images, store: str) -> Any:
    with _in_float32():
        return _classifier(seed, weights, None).fit(images.train, images.y_train)


def _plain(seed: int, weights: str | None, images: _Images, store: str) -> Any:
    found = _classifier(seed, weights, store, augmentation=None)
    return found.fit(images.train, images.y_train)


def _plain_in_float32(seed: int, weights: str | None, images: _Images, store: str) -> Any:
    with _in_float32():
        found = _classifier(seed, weights, None, augmentation=None)
        return found.fit(images.train, images.y_train)


def _fine_tuned(seed: int, weights: str | None, images: _Images, store: str) -> Any:
    found = _plain(seed, weights, images, store)
    found.set_params(warm_start=True, trainable_from="block5", learning_rate=1e-4)
    return found.fit(images.train, images.y_train)


def _of_few(fit: Callable[..., Any]) -> Callable[..., Any]:
    def fit_few(seed: int, weights: str | None, images: _Images, store: str) -> Any:
        few = object.__new__(_Images)
        few.train, _, few.y_train, _ = train_test_split(
            images.train,
            images.y_train,
            train_size=_FEW,
            stratify=images.y_train,
            random_state=seed,
        )
        return fit(seed, weights, few, store)

    return fit_few


WAYS: dict[str, Callable[..., Any]] = {
    "8 views, float16 (default)": _views,
    "augmentation on the fly, float16": _on_the_fly,
    "8 views, float32": _views_in_float32,
    "no augmentation, float16": _plain,
    "no augmentation, float32": _plain_in_float32,
    "no augmentation, then block5 at 1e-4": _fine_tuned,
    f"no augmentation, {_FEW} images": _of_few(_plain),
    f"no augmentation, {_FEW} images, then block5 at 1e-4": _of_few(_fine_tuned),
}


def main() -> None:
    """Measure what is missing and print a Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cifake", required=True, help="folder with test/")
    parser.add_argument("--out", type=Path, default=Path("skfakereal-accuracy"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--n-train", type=int, default=2000)
    parser.add_argument("--n-test", type=int, default=4000)
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    file = arguments.out / "measurements.jsonl"
    for seed in arguments.seeds:
        images = _Images(arguments.cifake, arguments.n_train, arguments.n_test, seed)
        for weights in _TRUNKS:
            _measure(file, seed, weights, images, str(arguments.out / "store"))
    print(_table(_read(file)))


def _measure(
    file: Path, seed: int, weights: str | None, images: _Images, store: str
) -> None:
    known = _read(file)
    for way, fit in WAYS.items():
        setting = {
            "weights": str(weights),
            "way": way,
            "seed": seed,
            "n_train": len(images.train),
            "n_test": len(images.test),
        }
        if any(setting.items() <= line.items() for line in known):
            continue
        fitted = fit(seed, weights, images, store)
        scores = fitted.set_params(cache=store).predict_proba(images.test)[:, 1]
        figures = {
            "accuracy": accuracy_score(images.y_test, scores > 0.5),
            "auc": roc_auc_score(images.y_test, scores),
            "epochs": fitted.n_iter_,
        }
        with file.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(setting | figures) + "\n")
        print(f"{seed} {weights} {way}: {figures}", flush=True)


def _read(file: Path) -> list[dict[str, Any]]:
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return [json.loads(line) for line in lines]


def _table(measured: list[dict[str, Any]]) -> str:
    """Return means, and the standard deviation over the seeds."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for line in measured:
        groups.setdefault((line["weights"], line["way"]), []).append(line)
    lines = [
        "| weights | way | accuracy | ROC-AUC | epochs | seeds |",
        "|---|---|---|---|---|---|",
    ]
    for (weights, way), rows in groups.items():
        accuracy, auc = (
            _spread([row[name] for row in rows]) for name in ("accuracy", "auc")
        )
        epochs = f"{np.mean([row['epochs'] for row in rows]):.0f}"
        lines.append(f"| {weights} | {way} | {accuracy} | {auc} | {epochs} | {len(rows)} |")
    return "\n".join(lines)


def _spread(values: list[float]) -> str:
    deviation = np.std(values, ddof=1) if len(values) > 1 else np.nan
    return f"{np.mean(values):.4f} ± {deviation:.4f}"


if __name__ == "__main__":
    main()
