"""A file is decoded once for all views of its image, and nothing else changes by it."""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import MakeClassifier
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin
from sklearn.model_selection import GridSearchCV, PredefinedSplit

from skfakereal import Augmentation, ImageReadError
from skfakereal._activations import ActivationReader
from skfakereal._store.store import ActivationStore
from skfakereal._trunk_settings import TrunkSettings
from skfakereal._weights import load_trunk

VIEWS = list(range(9))
LINEAR: dict[str, Any] = {"hidden_units": (), "augmentation": "default", "n_views": 8}


@pytest.fixture
def decoded() -> Iterator[Counter[tuple[int, int]]]:
    """Count by a plugin of Pillow's how often a picture of each size is decoded."""
    counts: Counter[tuple[int, int]] = Counter()

    class Counting(PngImagePlugin.PngImageFile):
        def load_prepare(self) -> None:
            counts[self.size] += 1
            super().load_prepare()

    factory, accept = Image.OPEN["PNG"]
    Image.register_open("PNG", Counting, accept)
    yield counts
    Image.register_open("PNG", factory, accept)  # type: ignore[arg-type]


@pytest.fixture
def pictures(make_image, rng) -> tuple[NDArray[np.str_], NDArray[np.int64]]:
    """Return dark and bright pictures, each of a size of its own, and their labels."""
    labels = np.arange(18) % 2
    paths = []
    for i, label in enumerate(labels):
        pixels = rng.integers(0, 60, (34 + i, 40, 3), dtype=np.uint8)
        paths.append(make_image(f"{i:02}.png", 255 - pixels if label else pixels))
    return np.array(paths), labels


def reader(weights: str, size: int = 32, n_crops: int = 1, **options: Any) -> Any:
    resize = "stretch" if n_crops == 1 else "shrink"
    settings = TrunkSettings((size, size), resize, "unit", "avg", None, n_crops=n_crops)
    options.setdefault("augmentation", Augmentation())
    if options.get("engine") == "int8":
        settings = replace(settings, ranges=(4.0,) * 13)
    return ActivationReader(load_trunk(weights), settings, **options)


def read(reading: ActivationReader, paths: Any, views: list[int]) -> NDArray[np.float16]:
    kept = np.empty((len(views), len(paths), *reading.shape), reading.dtype)
    for batch in reading.read(list(paths), views):
        batch.write_to(kept[views.index(batch.view)])
    return kept


def stored(folder: Path) -> list[tuple[bytes, bytes]]:
    with sqlite3.connect(folder / "activations-1.sqlite") as connection:
        query = "SELECT key, value FROM entry JOIN payload USING (id) ORDER BY key"
        return connection.execute(query).fetchall()


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"size": 224},
        {"augmentation": Augmentation.shared()},
        {"n_crops": 5, "augmentation": Augmentation(jpeg_quality=(40, 90))},
        {"engine": "int8", "weights": "cifake"},
    ],
    ids=["views", "large", "shared", "crops", "int8"],
)
def test_views_read_together_are_those_read_one_by_one(
    narrow_trunk, pictures, decoded, tmp_path, options
) -> None:
    if "engine" in options:
        pytest.importorskip("onnxruntime")
    paths, _ = pictures
    together, apart = (ActivationStore(tmp_path / name) for name in ("one", "other"))
    options = {"weights": narrow_trunk, "n_jobs": 2} | options
    found = read(reader(store=together, **options), paths, VIEWS)
    assert [*decoded.values()] == [1] * len(paths)
    one_by_one = reader(store=apart, **options)
    wanted = np.concatenate([read(one_by_one, paths, [view]) for view in VIEWS])
    np.testing.assert_array_equal(found, wanted)
    assert stored(together.folder) == stored(apart.folder)
    assert len(stored(apart.folder)) == len(VIEWS) * len(paths)


def test_only_what_the_store_lacks_is_computed(narrow_trunk, pictures, decoded, tmp_path):
    paths, _ = pictures
    store = ActivationStore(tmp_path / "store")
    wanted = read(reader(narrow_trunk), paths, VIEWS)
    read(reader(narrow_trunk, store=store), paths[:5], [0, 3])
    read(reader(narrow_trunk, store=store), paths[5:7], VIEWS)
    decoded.clear()
    again = reader(narrow_trunk, store=store)
    np.testing.assert_array_equal(read(again, paths, VIEWS), wanted)
    assert again.n_computed == 5 * 7 + 11 * 9
    assert decoded.total() == 5 + 11


def test_equal_images_are_computed_once(narrow_trunk, pictures) -> None:
    paths, _ = pictures
    reading = reader(narrow_trunk, n_jobs=1)
    found = read(reading, [*paths[:3], *paths, *paths[:3]], VIEWS)
    assert reading.n_computed == len(paths) * len(VIEWS)
    np.testing.assert_array_equal(found[:, 3:6], found[:, :3])
    np.testing.assert_array_equal(found[:, -3:], found[:, :3])


def test_views_that_would_take_much_memory_are_read_in_several_passes(narrow_trunk) -> None:
    large = reader(narrow_trunk, size=1024)
    assert large.together(VIEWS) == [[0, 1, 2, 3], [4, 5, 6, 7], [8]]
    assert reader(narrow_trunk, size=224).together(VIEWS) == [VIEWS]
    assert reader(narrow_trunk, size=224, n_crops=9).together(VIEWS) == [VIEWS]
    assert len(reader(narrow_trunk, size=4096).together(VIEWS)) == len(VIEWS)
    assert reader(narrow_trunk).together([]) == []


@pytest.mark.parametrize("with_store", [False, True])
@pytest.mark.parametrize(
    "changes",
    [{}, {"early_stopping": True, "validation_fraction": 0.25}, {"augmentation": "shared"}],
    ids=["plain", "held out", "shared"],
)
def test_a_fit_decodes_each_image_once(
    make_classifier: MakeClassifier, pictures, decoded, tmp_path, changes, with_store
) -> None:
    cache = tmp_path / "store" if with_store else None
    clf = make_classifier(**LINEAR | {"cache": cache, "n_jobs": 2} | changes)
    clf.fit(*pictures)
    assert [*decoded.values()] == [1] * 18
    n_held = 5 if "validation_fraction" in changes else 0
    assert clf.n_computed_ == 9 * (18 - n_held) + n_held


def test_keras_reads_together_what_it_needs_in_any_case(
    make_classifier: MakeClassifier, pictures, decoded
) -> None:
    trained = {**LINEAR, "hidden_units": (8,), "epochs": 8}
    X, y = pictures
    make_classifier(**trained).fit(X, y)
    # Once for the views, once for the summary of the plain images.
    assert [*decoded.values()] == [2] * 18
    decoded.clear()
    stopped = {"early_stopping": True, "patience": 2, "learning_rate": 1e-9}
    held = {"X_val": X[:4], "y_val": y[:4]}
    clf = make_classifier(**trained | stopped).fit(X[4:], y[4:], **held)
    n_views = min(8, clf.n_iter_)
    assert clf.n_computed_ == 14 * n_views + 4


def test_folds_of_a_search_decode_what_they_lack(
    make_classifier: MakeClassifier, pictures, decoded, tmp_path
) -> None:
    X, y = pictures
    clf = make_classifier(**LINEAR, cache=tmp_path / "store")
    folds = PredefinedSplit(np.repeat([0, 1, 2], 6))
    GridSearchCV(clf, {"weight_decay": [0.1, 1.0]}, cv=folds, refit=True).fit(X, y)
    # The first fold's test images have their views read when they are trained on.
    assert sorted(decoded.values()) == [1] * 12 + [2] * 6


@pytest.mark.parametrize("n_jobs", [1, 3])
def test_all_broken_files_are_told_before_much_is_computed(
    make_classifier: MakeClassifier, pictures, tmp_path, n_jobs
) -> None:
    X, y = pictures
    for i in (1, 9, 17):
        Path(X[i]).write_bytes(Path(X[i]).read_bytes()[:-40])
    clf = make_classifier(**LINEAR, cache=tmp_path / "store", n_jobs=n_jobs)
    with pytest.raises(ImageReadError) as caught:
        clf.fit(X[4:], y[4:], X_val=X[:4], y_val=y[:4])
    told = [(failure.array, failure.index) for failure in caught.value.failures]
    assert told == [("X", 5), ("X", 13), ("X_val", 1)]
    # Nothing for training, where nothing will be trained.
    assert ActivationStore(tmp_path / "store").info().n_entries == 0


def test_what_was_computed_before_an_interruption_is_kept(
    narrow_trunk, pictures, decoded, tmp_path
) -> None:
    paths, _ = pictures
    store = ActivationStore(tmp_path / "store")
    reading = reader(narrow_trunk, size=224, store=store, n_jobs=1)
    batches = reading.read(list(paths), VIEWS)
    n_images = len(next(batches).activations)
    batches.close()
    assert 0 < n_images <= 2
    assert store.info().n_entries == n_images * len(VIEWS)
    decoded.clear()
    read(reader(narrow_trunk, size=224, store=store), paths, VIEWS)
    assert decoded.total() == len(paths) - n_images
