"""``engine="int8"``: a trunk in whole numbers, the same on every machine."""

import pickle
import sys
from collections.abc import Callable
from copy import copy
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Command, Folders, MakeExtractor, Patch, Said, run_python, write_image
from numpy.typing import NDArray
from PIL import Image

from skfakereal import VGG16FeatureExtractor, VGG16ImageClassifier, load, save
from skfakereal._network import Conv, GlobalPool, MaxPool, Network, Quantization, Statistics
from skfakereal.engines import compile_network, has_vnni

# Steps of 1/255 and of 1, as pixels in [0, 1] and ImageNet's weights have them.
HOW = {
    "unit": ((0.0, 0.0, 0.0), 1 / 255),
    "imagenet": ((-103.939, -116.779, -123.68), 1.0),
}


SMALL: dict[str, Any] = {"image_size": 32, "pooling": "avg", "cache": None}
SMALL |= {"augmentation": None, "random_state": 0}


def whole_numbers(
    layers: list[Any], pixels: NDArray[np.int64], how: Quantization
) -> list[NDArray[np.int64]]:
    """Compute convolutions and poolings with NumPy's integers; return all maps."""
    step, maps, found = np.float32(how.step), pixels, []
    border = np.rint(-np.array(how.offset, np.float32) / how.step).astype(int)
    ranges = iter(how.ranges)
    for layer in layers:
        if isinstance(layer, MaxPool):
            n, h, w, c = maps.shape
            even = maps[:, : h // 2 * 2, : w // 2 * 2]
            maps = even.reshape(n, h // 2, 2, w // 2, 2, c).max(axis=(2, 4))
        elif isinstance(layer, Conv):
            scale = (np.abs(layer.kernel).max(axis=(0, 1, 2)) / 63).astype(np.float32)
            kernel = np.rint(layer.kernel / scale).astype(int)
            bias = layer.bias.astype(float)
            if not found:
                bias = bias + np.einsum("hwio,i->o", layer.kernel, np.array(how.offset))
            whole_bias = np.rint(bias / (float(step) * scale)).astype(int)
            n, h, w, c = maps.shape
            padded = np.empty((n, h + 2, w + 2, c), int)
            padded[:] = 0 if found else border
            padded[:, 1:-1, 1:-1] = maps
            sums = whole_bias + sum(
                padded[:, y : y + h, x : x + w] @ kernel[y, x]
                for y in range(3)
                for x in range(3)
            )
            output = np.float32(next(ranges) / 255)
            factor = step * scale / output
            maps = np.rint(sums.astype(np.float32) * factor).clip(0, 255).astype(int)
            step = output
            found.append(maps * np.float64(output))
    return found


def small_vgg(rng: np.random.Generator, kind: str) -> tuple[list[Any], Quantization]:
    """Return two blocks of convolutions, and scales that cut off what is largest."""
    offset, step = HOW[kind]
    widths, layers = [(3, 8), (8, 8), (8, 16)], list[Any]()
    for i, (inside, outside) in enumerate(widths):
        spread = np.sqrt(2 / (9 * inside)) / (100 if kind == "imagenet" and i == 0 else 1)
        kernel = rng.normal(0, spread, (3, 3, inside, outside)).astype(np.float32)
        layers.append(Conv(kernel, rng.normal(0, 0.1, outside).astype(np.float32)))
        layers += [MaxPool()] if i else []
    return layers, Quantization(offset, step, (1.5, 2.0, 2.5))


def preprocessed(pixels: NDArray[np.int64], how: Quantization) -> NDArray[np.float32]:
    return (pixels * np.float32(how.step) + np.array(how.offset, np.float32)).astype("f4")


@pytest.mark.parametrize("kind", HOW)
@pytest.mark.parametrize("size", [(32, 32), (33, 45), (140, 300)])
def test_maps_are_those_of_whole_numbers_to_the_bit(
    rng: np.random.Generator, kind: str, size: tuple[int, int]
) -> None:
    layers, how = small_vgg(rng, kind)
    pixels = rng.integers(0, 256, (3, *size, 3))
    *_, expected = whole_numbers(layers, pixels, how)
    height, width = expected.shape[1:3]
    pooled = expected[:, : height // 2 * 2, : width // 2 * 2]
    pooled = pooled.reshape(3, height // 2, 2, width // 2, 2, -1).max(axis=(2, 4))
    network = Network(tuple(layers), how)
    forward = compile_network(network, (*size, 3), engine="int8", n_threads=1)
    found = forward(preprocessed(pixels, how))
    np.testing.assert_array_equal(found, pooled.astype(np.float32))


@pytest.mark.parametrize("size", [(32, 32), (140, 300)])
def test_statistics_are_those_of_the_maps(
    rng: np.random.Generator, size: tuple[int, int]
) -> None:
    layers, how = small_vgg(rng, "unit")
    pixels = rng.integers(0, 256, (3, *size, 3))
    expected = []
    for maps in whole_numbers(layers, pixels, how):
        rows = maps[:, :: 3 if maps.shape[1] > 128 else 1]
        deviation = np.sqrt(rows.var(axis=(1, 2)) + 1e-12)
        expected += [np.log1p(rows.mean(axis=(1, 2))), np.log1p(deviation)]
    network = Network((*layers, Statistics()), how)
    forward = compile_network(network, (*size, 3), engine="int8", n_threads=1)
    found = forward(preprocessed(pixels, how))
    np.testing.assert_allclose(found, np.concatenate(expected, axis=1), atol=1e-6)


# 400: no thread computes all its images at once.
@pytest.mark.parametrize("side", [40, 400])
def test_batches_and_threads_make_no_difference(
    rng: np.random.Generator, side: int
) -> None:
    layers, how = small_vgg(rng, "unit")
    network = Network((*layers, GlobalPool("avg")), how)
    shape = (side, side, 3)
    batch = preprocessed(rng.integers(0, 256, (9, *shape)), how)
    one, two = (compile_network(network, shape, engine="int8", n_threads=n) for n in (1, 2))
    together = one(batch)
    np.testing.assert_array_equal(together, two(batch))
    np.testing.assert_array_equal(together, np.concatenate([two(x[None]) for x in batch]))
    assert one(batch[:0]).shape == (0, 16)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: Folders) -> tuple[list[str], list[int]]:
    """Smooth and grainy pictures."""
    folder, rng = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    paths = []
    for i in range(24):
        small = rng.integers(0, 256, (6, 6, 3)).astype(np.uint8)
        pixels = np.asarray(Image.fromarray(small).resize((40, 40), 3)).astype(float)
        pixels += rng.normal(0, 4 + 10 * (i % 2), pixels.shape)
        name = folder / f"{i}.png"
        paths.append(write_image(name, pixels.clip(0, 255).astype(np.uint8)))
    return paths, [i % 2 for i in range(24)]


@pytest.fixture(scope="module")
def fitted(pictures: Any) -> Callable[[Any], Any]:
    """Return a function that copies what was fitted once with an engine."""

    @cache
    def fit(engine: Any) -> VGG16ImageClassifier:
        return VGG16ImageClassifier(**SMALL, weights="cifake", engine=engine).fit(*pictures)

    return lambda engine: copy(fit(engine))


@pytest.mark.parametrize("weights", ["cifake", "own"])
@pytest.mark.parametrize("pooling", ["correlations", "statistics", "avg", "max", "flatten"])
def test_features_are_near_those_in_float32(
    pictures: Any,
    make_extractor: MakeExtractor,
    narrow_trunk: str,
    weights: str,
    pooling: str,
) -> None:
    X, _ = pictures
    make = {"weights": narrow_trunk if weights == "own" else weights, "pooling": pooling}
    whole, exact = (
        make_extractor(**make, engine=engine).fit_transform(X)
        for engine in ("int8", "ncnn")
    )
    lengths = np.linalg.norm(whole, axis=1) * np.linalg.norm(exact, axis=1)
    cosines = (whole * exact).sum(axis=1) / lengths
    # What a picture hardly stirs, eight bits tell worse.
    assert np.median(cosines) > 0.995
    assert cosines.min() > 0.95


@pytest.mark.parametrize("trainable_from", [None, "block5"])
def test_a_model_keeps_what_it_must_know_of_its_own_trunk(
    pictures: Any, narrow_trunk: str, tmp_path: Path, trainable_from: Any
) -> None:
    X, y = pictures
    settings = {"image_size": 32, "engine": "int8", "cache": None, "random_state": 0}
    settings |= {"weights": narrow_trunk, "epochs": 2, "trainable_from": trainable_from}
    clf = VGG16ImageClassifier(**settings).fit(X, y)
    expected = clf.predict_proba(X)
    save(clf, tmp_path / "model.skfr")
    np.testing.assert_array_equal(load(tmp_path / "model.skfr").predict_proba(X), expected)
    # Alone, so that nothing follows from the other images.
    np.testing.assert_array_equal(clf.predict_proba(X[3:4]), expected[3:4])


@pytest.mark.parametrize("weights", ["cifake", "own"])
@pytest.mark.parametrize(
    ("before", "asked"), [("ncnn", "int8"), ("int8", "ncnn"), ("int8", "tensorflow")]
)
def test_a_model_is_not_computed_in_another_precision(
    pictures: Any, narrow_trunk: str, fitted: Any, before: Any, asked: Any, weights: str
) -> None:
    X, y = pictures
    clf = fitted(before)
    if weights == "own":
        weights = narrow_trunk
        clf = VGG16ImageClassifier(**SMALL, weights=weights, engine=before).fit(X, y)
    extractor = VGG16FeatureExtractor(weights=weights, image_size=32, engine=before).fit(X)
    for call in (
        clf.set_params(engine=asked).predict,
        clf.novelty,
        extractor.set_params(engine=asked).transform,
    ):
        with pytest.raises(ValueError, match=f"Set engine='auto'.* with engine='{asked}'"):
            call(X)


def test_ranges_come_from_an_image_at_least(
    pictures: Any, narrow_trunk: str, tmp_path: Path
) -> None:
    X, _ = pictures
    extractor = VGG16FeatureExtractor(weights=narrow_trunk, image_size=32, engine="int8")
    missing = [tmp_path / f"{i}.png" for i in range(3)]
    with pytest.raises(OSError, match=r"3 images cannot be read(.|\n)+2\.png"):
        extractor.fit(missing)
    assert np.isfinite(extractor.fit([*missing, X[0]]).transform(X[:1])).all()


def test_engines_do_not_share_what_they_keep(
    pictures: Any, make_extractor: MakeExtractor, tmp_path: Path
) -> None:
    exact, whole, again = (
        make_extractor(weights="cifake", cache=tmp_path, engine=engine).fit_transform(
            pictures[0]
        )
        for engine in ("ncnn", "int8", "int8")
    )
    assert not np.array_equal(exact, whole)
    np.testing.assert_array_equal(again, whole)


def test_a_loaded_model_computes_as_it_was_fitted(
    pictures: Any,
    fitted: Callable[[Any], Any],
    tmp_path: Path,
    monkeypatch: Patch,
    refuse: Command,
) -> None:
    """Whatever "auto" stands for where it is loaded."""
    X, clf = pictures[0], fitted("int8")
    expected = clf.predict_proba(X)
    clf.set_params(engine="auto")
    save(clf, tmp_path / "model.skfr")
    for model in (clf, load(tmp_path / "model.skfr")):
        np.testing.assert_array_equal(model.predict_proba(X), expected)
    exact = fitted("ncnn")
    assert exact._settings.ranges is None
    assert (exact.predict_proba(X) != expected).any()
    monkeypatch.setitem(sys.modules, "onnxruntime", None)  # as if it were not installed
    line = "This model was fitted with engine='int8', which needs ONNX Runtime: pip install"
    with pytest.raises(ImportError, match=line):
        load(tmp_path / "model.skfr").predict(X[:1])
    refuse(line, "predict", tmp_path / "model.skfr", X[0])


def test_auto_fits_many_images_in_8_bits_where_the_processor_has_vnni(
    pictures: Any,
) -> None:
    X, y = pictures
    expected = "int8" if has_vnni() else "ncnn"
    make = {"weights": "cifake", "pooling": "avg", "image_size": (64, 4096), "cache": None}
    extractor = VGG16FeatureExtractor(**make).fit(X)  # 20 images, five million pixels
    assert extractor.engine_ == expected
    asked = VGG16FeatureExtractor(**make, engine=expected).fit(X)
    np.testing.assert_array_equal(extractor.transform(X[:1]), asked.transform(X[:1]))
    few = VGG16ImageClassifier(**SMALL, weights="cifake").fit(X, y)
    assert few.engine_ == "ncnn"


def test_float32_is_one_parameter_away(pictures: Any, fitted: Any) -> None:
    recipe = VGG16ImageClassifier.recipe(**SMALL, weights="cifake", engine="ncnn", epochs=1)
    for clf in (fitted("ncnn"), recipe.fit(*pictures)):
        assert (clf.engine_, clf._settings.ranges) == ("ncnn", None)


@pytest.mark.parametrize("engine", ["ncnn", "int8"])
def test_files_keep_the_engine(
    pictures: Any, fitted: Any, tmp_path: Path, engine: Any
) -> None:
    X, clf = pictures[0], fitted(engine)
    expected = clf.predict_proba(X)
    clf.set_params(engine="auto")
    save(clf, tmp_path / "model.skfr")
    for again in (load(tmp_path / "model.skfr"), pickle.loads(pickle.dumps(clf))):
        assert again.engine_ == engine
        np.testing.assert_array_equal(again.predict_proba(X), expected)


@pytest.mark.parametrize("weights", ["cifake", None])
def test_fits_on_parts_share_what_is_stored(
    pictures: Any, tmp_path: Path, weights: Any
) -> None:
    """As the folds of a search do: the scales are those of the trunk, not of the images."""
    X, y = pictures
    clf = VGG16ImageClassifier(
        **SMALL | {"cache": tmp_path}, weights=weights, engine="int8"
    )
    assert clf.fit(X, y).n_computed_ == len(X)
    assert clf.fit(X[:12], y[:12]).n_computed_ == 0
    assert clf.fit(X[8:], y[8:]).n_computed_ == 0


@pytest.mark.parametrize("before", ["ncnn", "int8"])
def test_a_warm_start_keeps_the_precision(pictures: Any, before: Any) -> None:
    X, y = pictures
    settings = SMALL | {"weights": "cifake", "hidden_units": (4,), "epochs": 1}
    clf = VGG16ImageClassifier(**settings, engine=before, warm_start=True).fit(X, y)
    clf.set_params(engine="auto", trainable_from="block5").fit(X, y)
    assert clf.engine_ == before
    assert (clf._settings.ranges is None) == (before == "ncnn")


def test_a_pipeline_keeps_the_precision_of_its_fit(
    pictures: Any, make_extractor: MakeExtractor
) -> None:
    X, _ = pictures
    extractor = make_extractor(weights="cifake", engine="int8").fit(X)
    expected = extractor.transform(X)
    extractor.set_params(engine="auto")
    np.testing.assert_array_equal(extractor.transform(X), expected)
    assert extractor.engine_ == "int8"


_FORKED = """
import multiprocessing, sys
import numpy as np
import skfakereal
model, X = skfakereal.load(sys.argv[1]), sys.argv[2:]
expected = model.predict_proba(X)
with multiprocessing.get_context("fork").Pool(2) as pool:
    parts = pool.map(model.predict_proba, [X[:2], X[2:]])
np.testing.assert_array_equal(np.concatenate(parts), expected)
print("equal")
"""


def test_forked_processes_predict(pictures: Any, fitted: Any, tmp_path: Path) -> None:
    """Though the parent has computed: with a thread each, ONNX Runtime has no pool to lose."""
    save(fitted("int8"), tmp_path / "model.skfr")
    said = run_python(_FORKED, tmp_path / "model.skfr", *pictures[0][:4])
    assert said.split()[-1] == "equal"


def test_verbose_says_what_auto_takes(
    pictures: Any, narrow_trunk: str, capfd: Said
) -> None:
    X, y = pictures
    clf = VGG16ImageClassifier(**SMALL, weights=narrow_trunk)
    assert clf.fit(X, y).engine_ == "ncnn"
    assert "engine" not in capfd.readouterr().err
    clf.set_params(verbose=1).fit(X, y)
    line = "engine auto takes ncnn for this fit, since there are few images."
    assert line in capfd.readouterr().err
