"""Cases "fit" and "photographs": from files to a fitted model, and again with another head."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks._material import Images, write_images, write_weights
from benchmarks._rounds import Contest, Round, interleave
from benchmarks._setting import Setting
from benchmarks._workers import Worker, seconds_of
from benchmarks.rivals import keras_fit

__all__ = ["classifier", "forget_tails", "measure", "measure_photographs"]


def measure(setting: Setting, folder: Path) -> Iterator[Round]:
    """Measure the usual Keras script and fits of ours, with the default engine and in float32.

    Parameters
    ----------
    setting : Setting
        How many images, epochs, views.
    folder : Path
        An empty folder.

    Yields
    ------
    Round
        As it is measured.
    """
    side, epochs = setting.side, setting.epochs
    weights = str(write_weights(folder / "vgg16.safetensors"))
    images = write_images(folder / "images", setting.fit_images, side + side // 4)
    note = f"{setting.fit_images} images of {side}x{side}, {epochs} epochs"
    empty = f"{note}, nothing stored before"
    as_many = f"{empty}, as many views as epochs"
    views = f"fit, {epochs} views", f"fit, {setting.n_views} views"
    rows = {
        "as many": _row(views[0], 4.0, as_many),
        "default": _row(views[1], 5.0, empty),
        "as many, float32": _row(f"{views[0]}, float32", 2.3, as_many),
        "default, float32": _row(f"{views[1]}, float32", 3.0, empty),
        "again": _row(
            "second fit, other head",
            50.0,
            f"{note}, {setting.n_views} views; the first fit has filled the store",
        ),
    }
    with (
        Worker(_make_ours, weights, side, epochs, images) as ours,
        Worker(_make_rival, weights, side, epochs, images) as rival,
    ):
        turns: dict[str, Callable[[], float]] = {
            "rival": rival,
            "as many": _Fresh(ours, folder, epochs),
            "default": (fresh := _Fresh(ours, folder, setting.n_views)),
            "again": partial(_fit_again, ours, fresh),
            "as many, float32": _Fresh(ours, folder, epochs, "ncnn"),
            "default, float32": _Fresh(ours, folder, setting.n_views, "ncnn"),
        }
        for number, seconds in interleave(turns, setting.rounds):
            for name, contest in rows.items():
                yield Round(contest, number, seconds[name], seconds["rival"])


def _row(name: str, at_least: float, note: str) -> Contest:
    return Contest("fit", name, "Keras script", "s", at_least=at_least, note=note)


def measure_photographs(setting: Setting, folder: Path) -> Iterator[Round]:
    """Measure a first fit on large photographs, of which decoding is a good part.

    Parameters
    ----------
    setting : Setting
        How many and how large, epochs, views.
    folder : Path
        An empty folder.

    Yields
    ------
    Round
        As it is measured.
    """
    side, epochs, (width, height) = setting.side, setting.epochs, setting.photograph_size
    weights = str(write_weights(folder / "vgg16.safetensors"))
    images = write_images(folder / "images", setting.photographs, width, height)
    note = (
        f"{setting.photographs} JPEG files of {width}x{height} brought to {side}x{side}, "
        f"{epochs} epochs, nothing stored before"
    )
    row = f"fit, {setting.n_views} views, {width}x{height}"
    rows = {
        engine: Contest("photographs", f"{row}, {name}", "Keras script", "s", note=note)
        for engine, name in (("int8", "int8"), ("ncnn", "float32"))
    }
    with (
        Worker(_make_ours, weights, side, epochs, images) as ours,
        Worker(_make_rival, weights, side, epochs, images) as rival,
    ):
        turns: dict[str, Callable[[], float]] = {"rival": rival}
        for engine in rows:
            turns[engine] = _Fresh(ours, folder, setting.n_views, engine)
        for number, seconds in interleave(turns, setting.rounds):
            for engine, contest in rows.items():
                yield Round(contest, number, seconds[engine], seconds["rival"])


class _Fresh:
    """Fits with a store that is empty each time; remembers the last one."""

    def __init__(
        self, ours: Worker, folder: Path, n_views: int, engine: str = "auto"
    ) -> None:
        self.ours, self.folder, self.n_views, self.engine = ours, folder, n_views, engine
        self.n_stores = 0

    @property
    def store(self) -> str:
        name = f"store-{self.engine}-{self.n_views}-views-{self.n_stores}"
        return str(self.folder / name)

    def __call__(self) -> float:
        self.n_stores += 1
        how = {"n_views": self.n_views, "engine": self.engine}
        return float(self.ours(self.store, how))


def _fit_again(ours: Worker, fresh: _Fresh) -> float:
    head = {"hidden_units": (64, 32), "learning_rate": 3e-3}
    return float(ours(fresh.store, {"n_views": fresh.n_views, **head}))


def classifier(weights: str | None, side: int, epochs: int, **parameters: Any) -> Any:
    """Return our estimator with the settings that all cases share."""
    from skfakereal import VGG16ImageClassifier

    # Early stopping as patient as there are epochs: everybody trains equally long.
    return VGG16ImageClassifier.recipe(
        image_size=(side, side),
        weights=weights,
        epochs=epochs,
        patience=epochs,
        random_state=0,
        **parameters,
    )


def forget_tails() -> None:
    """Forget the compiled tails of earlier rounds, which no user has run before his fit.

    With them, from the second round on "another head" would be one that is known already.
    """
    from skfakereal._training import tail

    tail._free.clear()


def _make_ours(
    weights: str, side: int, epochs: int, images: Images
) -> Callable[[str, dict[str, Any]], float]:
    """Return, in a worker, what fits and returns the seconds it took."""

    def fit(store: str | None, parameters: dict[str, Any]) -> float:
        found = classifier(weights, side, epochs, cache=store, **parameters)
        forget_tails()
        return seconds_of(lambda: found.fit(*images))

    # Imports and the first trace are nobody's fit.
    for engine in ("int8", "ncnn"):
        small = classifier(weights, side, 1, engine=engine, cache=None, n_views=1)
        small.fit(*_first(images))
    return fit


def _make_rival(
    weights: str, side: int, epochs: int, images: Images
) -> Callable[[], float]:
    keras_fit.fit(*_first(images), weights, side, epochs=1)
    return lambda: seconds_of(lambda: keras_fit.fit(*images, weights, side, epochs=epochs))


def _first(images: Images) -> Images:
    paths, labels = images
    return paths[:20], labels[:20]
