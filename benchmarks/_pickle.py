"""Case "pickle": how large a saved estimator is."""

from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import joblib

import skfakereal
from benchmarks._fit import classifier
from benchmarks._material import Images, write_images, write_weights
from benchmarks._rounds import Contest, Round
from benchmarks._setting import Setting
from benchmarks._workers import Worker

__all__ = ["measure"]


def measure(setting: Setting, folder: Path) -> Iterator[Round]:
    """Compare the files of a fitted estimator with that of its weights.

    Parameters
    ----------
    setting : Setting
        Not used: a size is not measured twice.
    folder : Path
        An empty folder.

    Yields
    ------
    Round
        One for each kind of weights and of file.
    """
    weights = write_weights(folder / "vgg16.safetensors")
    images = write_images(folder / "images", 20, 40)
    n_bytes = weights.stat().st_size
    sources = {
        "weights from a file": str(weights),
        "weights='cifake'": "cifake",
        "weights=None": None,
    }
    with Worker(_make_save, images) as save:
        for (name, source), ending in product(sources.items(), ("joblib", "skfr")):
            file = folder / f"{name}.{ending}"
            save(source, str(file))
            row = f"saved as .{ending}, {name}"
            note = "a file's size is always the same: one round"
            contest = Contest("pickle", row, "VGG16's weights", "MB", note=note)
            yield Round(contest, 0, file.stat().st_size / 1e6, n_bytes / 1e6)


def _make_save(images: Images) -> Callable[[str | None, str], None]:
    """Return, in a worker, what fits an estimator and saves it."""

    def save(weights: str | None, file: str) -> None:
        fitted = classifier(weights, 32, 1, cache=None, augmentation=None)
        fitted.fit(*images)
        if file.endswith(".skfr"):
            skfakereal.save(fitted, file)
        else:
            joblib.dump(fitted, file)

    return save
