"""Case "memory": the peak of resident memory as the number of images grows."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import joblib

from benchmarks._fit import classifier
from benchmarks._material import Images, write_images, write_weights
from benchmarks._rounds import Contest, Round, interleave
from benchmarks._setting import Setting
from benchmarks._workers import Worker, peak_memory

__all__ = ["measure"]

# Of the files, and that to which they are brought.
_FILE_SIDE, _SIDE = 64, 32


def measure(setting: Setting, folder: Path) -> Iterator[Round]:
    """Measure `predict` and `fit` on few and on many images, each in a fresh process.

    Parameters
    ----------
    setting : Setting
        How many images.
    folder : Path
        An empty folder.

    Yields
    ------
    Round
        As it is measured.
    """
    few, many = setting.memory_images
    weights = str(write_weights(folder / "vgg16.safetensors"))
    paths, labels = write_images(folder / "images", many, _FILE_SIDE)
    model = str(folder / "model.joblib")
    with Worker(_make_model, weights) as make:
        make(model, (paths[:20], labels[:20]))
    stores = (str(folder / f"store-{i}") for i in count())
    turns: dict[tuple[str, int], Callable[[], float]] = {
        (method, n): partial(_peak, method, model, (paths[:n], labels[:n]), stores)
        for method in ("predict", "fit")
        for n in (few, many)
    }
    note = f"files of {_FILE_SIDE}x{_FILE_SIDE} brought to {_SIDE}x{_SIDE}, empty store"
    for number, peaks in interleave(turns, setting.rounds):
        for method in ("predict", "fit"):
            contest = Contest(
                "memory",
                f"peak memory, {method} {many:,} paths",
                f"the same with {few:,}",
                "MB",
                excess_at_most=100.0,
                note=note if method == "predict" else f"{note}, 1 epoch, 1 view",
            )
            yield Round(contest, number, peaks[method, many], peaks[method, few])


def _make_model(weights: str) -> Callable[[str, Images], None]:
    """Return, in a worker, what fits and saves an estimator."""

    def save(model: str, images: Images) -> None:
        # Few images and many in one engine.
        how = {"engine": "int8", "cache": None, "augmentation": None}
        fitted = classifier(weights, _SIDE, 1, **how)
        joblib.dump(fitted.fit(*images), model)

    return save


def _peak(method: str, model: str, images: Images, stores: Iterator[str]) -> float:
    with Worker(_make_run, model) as run:
        return float(run(method, images, next(stores)))


def _make_run(model: str) -> Callable[[str, Images, str], float]:
    """Return, in a worker, what runs a method and tells its peak."""
    estimator: Any = joblib.load(model)

    def run(method: str, images: Images, store: str) -> float:
        estimator.set_params(cache=store)
        if method == "predict":
            estimator.predict(images[0])
        else:
            estimator.set_params(n_views=1, augmentation="default").fit(*images)
        return peak_memory()

    return run
