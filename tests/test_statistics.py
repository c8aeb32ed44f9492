"""What all 13 convolutions are like, and how channels correlate, on both sides of every cut."""

import pickle
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import Images, MakeClassifier, MakeExtractor, write_image
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from skfr_files import round_trip

import skfakereal
from skfakereal import VGG16FeatureExtractor
from skfakereal._activations import ActivationReader
from skfakereal._network import Network, Statistics
from skfakereal._store.store import ActivationStore
from skfakereal._trunk import Trunk, statistics_names, tail_convolutions, trunk_network
from skfakereal._trunk_settings import TrunkSettings
from skfakereal._weights import load_trunk
from skfakereal.engines import compile_network
from skfakereal.engines._numpy import correlations
from skfakereal.persistence import Detector, load_with_metadata
from skfakereal.persistence._container import pack, read_container

FloatArray = NDArray[np.float32]
Array = NDArray[Any]
CONVOLUTIONS = [
    f"block{block}_conv{conv}"
    for block, n in enumerate((2, 2, 3, 3, 3), 1)
    for conv in range(1, n + 1)
]


def maps_in_keras(file: str | Path, pixels: FloatArray) -> list[Array]:
    """Return what each convolution of a plain Keras network gives."""
    import keras

    arrays = load_file(file)
    values = inputs = keras.Input(pixels.shape[1:])
    maps = []
    for name in CONVOLUTIONS:
        kernel, bias = arrays[f"{name}/kernel"], arrays[f"{name}/bias"]
        if name.endswith("conv1") and maps:
            values = keras.layers.MaxPooling2D()(values)
        layer = keras.layers.Conv2D(len(bias), 3, padding="same", activation="relu")
        values = layer(values)
        layer.set_weights([kernel, bias])
        maps.append(values)
    outputs = keras.Model(inputs, maps).predict(pixels, verbose=0)
    return [np.asarray(output, dtype=np.float64) for output in outputs]


@cache
def known_maps(file: str, size: tuple[int, int], preprocessing: str) -> list[Array]:
    return maps_in_keras(file, as_the_trunk_takes(pictures(8, *size), preprocessing))


def from_maps(maps: list[Array], pooling: str = "correlations") -> Array:
    """Return the features as the documentation has them."""
    if pooling in ("avg", "max", "flatten"):
        n, height, width, channels = maps[-1].shape
        even = maps[-1][:, : height // 2 * 2, : width // 2 * 2]
        last = even.reshape(n, height // 2, 2, width // 2, 2, channels).max(axis=(2, 4))
        kinds = {"avg": last.mean((1, 2)), "max": last.max((1, 2)), "flatten": last}
        return kinds[pooling].reshape(n, -1)
    parts = []
    for name, one in zip(CONVOLUTIONS, maps, strict=True):
        one = one[:, ::3] if one.shape[1] > 128 else one
        parts += [np.log1p(one.mean(axis=(1, 2))), np.log1p(one.std(axis=(1, 2)))]
        if pooling == "correlations" and name.startswith("block4"):
            parts.append(of_mixtures(one))
    return np.concatenate(parts, axis=1)


def of_mixtures(maps: Array) -> Array:
    """Return the correlations of a map's mixtures; those of one that is flat are near 0."""
    rows = maps.reshape(len(maps), -1, maps.shape[3]) @ mixing(maps.shape[3])
    apart = rows - rows.mean(axis=1, keepdims=True)
    variance = np.square(apart).mean(axis=1) + 1e-6 * np.square(rows).mean(axis=1)
    apart /= np.sqrt(variance + 1e-3)[:, np.newaxis]
    found = np.einsum("npa,npb->nab", apart, apart) / rows.shape[1]
    return np.stack([image[np.triu_indices(len(image), 1)] for image in found])


def mixing(channels: int) -> Array:
    """Return the signs with which every 64th channel goes into a mixture."""
    drawn = 2 * np.random.RandomState(1409).randint(2, size=channels) - 1
    return np.stack(
        [drawn * (np.arange(channels) % 64 == i) for i in range(min(64, channels))], axis=1
    )


def as_the_trunk_takes(pixels: NDArray[np.uint8], preprocessing: str) -> FloatArray:
    from keras.applications.vgg16 import preprocess_input

    values = pixels.astype(np.float32)
    return values / 255 if preprocessing == "unit" else preprocess_input(values)


def pictures(n: int, height: int, width: int) -> NDArray[np.uint8]:
    """Return images with large and small structures, the last two of one colour."""
    rng = np.random.default_rng(3)
    coarse = rng.integers(0, 230, (n, -(-height // 8), -(-width // 8), 3))
    pixels = coarse.repeat(8, 1).repeat(8, 2)[:, :height, :width]
    pixels = pixels + rng.integers(0, 25, pixels.shape)
    pixels[-2:] = np.array([0, 200]).reshape(2, 1, 1, 1)
    return pixels.astype(np.uint8)


def written(pixels: NDArray[np.uint8], folder: Path) -> list[str]:
    return [write_image(folder / f"{i:03}.png", image) for i, image in enumerate(pixels)]


@pytest.mark.parametrize("pooling", ["avg", "max", "flatten", "statistics", "correlations"])
@pytest.mark.parametrize("engine", ["ncnn", "tensorflow"])
@pytest.mark.parametrize(
    # 70: pooled with a rest.
    ("size", "preprocessing"),
    [
        *(((70, 96), "unit"), ((70, 96), "imagenet")),
        *(pytest.param(s, "unit", marks=pytest.mark.slow) for s in ((32, 32), (150, 131))),
    ],
)
def test_the_features_are_those_of_plain_keras(
    make_extractor: MakeExtractor,
    narrow_trunk: str,
    tmp_path: Path,
    size: tuple[int, int],
    preprocessing: str,
    engine: str,
    pooling: str,
) -> None:
    how = {"pooling": pooling, "preprocessing": preprocessing, "engine": engine}
    extractor = make_extractor(image_size=size, **how, n_jobs=None)
    features = extractor.fit_transform(written(pictures(8, *size), tmp_path))
    assert features.dtype == np.float32
    # Of 11 bits, as float16 has them; beside that the engines agree to 1e-4.
    expected = from_maps(known_maps(narrow_trunk, size, preprocessing), pooling)
    assert features.shape == expected.shape == (8, extractor.n_features_out_)
    of_maps = pooling in ("statistics", "correlations")
    rtol, atol = (5e-4, 1e-4) if of_maps else (2e-3, 1e-3 * expected.max())
    np.testing.assert_allclose(features, expected, rtol=rtol, atol=atol)


@pytest.mark.slow
@pytest.mark.imagenet
def test_with_imagenets_weights_too(test_data: Path, tmp_path: Path) -> None:
    file = test_data / "vgg16-imagenet.safetensors"
    if not file.is_file():
        pytest.skip(f"{file.name} is not in the folder of SKFAKEREAL_TEST_DATA")
    pixels = pictures(4, 224, 224)
    extractor = VGG16FeatureExtractor(weights=file, cache=None)
    features = extractor.fit_transform(written(pixels, tmp_path))
    assert features.shape == (4, 14496)
    maps = maps_in_keras(file, as_the_trunk_takes(pixels, "imagenet"))
    np.testing.assert_allclose(features, from_maps(maps), rtol=5e-4, atol=1e-4)


def test_their_names_say_block_layer_channel_and_statistic(
    make_extractor: MakeExtractor, narrow_trunk: str, tmp_path: Path
) -> None:
    pixels = pictures(3, 32, 32)
    extractor = make_extractor(pooling="correlations").set_output(transform="pandas")
    features = extractor.fit_transform(written(pixels, tmp_path))
    assert isinstance(features, pd.DataFrame)
    assert list(features.columns) == list(extractor.get_feature_names_out())
    maps = maps_in_keras(narrow_trunk, as_the_trunk_takes(pixels, "unit"))
    for i, name in enumerate(CONVOLUTIONS):
        for channel in (0, 7):
            values = maps[i][..., channel]
            for kind in ("mean", "std"):
                expected = np.log1p(getattr(values, kind)(axis=(1, 2)))
                found = features[f"{name}_channel{channel}_log1p_{kind}"]
                np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-4)
    assert sum("correlation" in name for name in features.columns) == 3 * 28
    last = list(zip(*np.triu_indices(8, 1), strict=True)).index((2, 5))
    for name, one in zip(CONVOLUTIONS[7:10], maps[7:10], strict=True):
        of_pair = features[f"{name}_mixtures2_5_correlation"]
        np.testing.assert_allclose(of_pair, of_mixtures(one)[:, last], rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(("pooling", "n"), [("statistics", 8448), ("correlations", 14496)])
@pytest.mark.parametrize("engine", ["ncnn", "int8"])
def test_the_full_network_gives_so_many(
    dark_and_bright: Images, pooling: str, n: int, engine: str
) -> None:
    extractor = VGG16FeatureExtractor(
        image_size=(32, 32), weights="cifake", pooling=pooling, engine=engine
    )
    features = extractor.fit_transform(dark_and_bright[0][10:14])
    assert features.shape == (4, n)
    assert np.isfinite(features).all()
    names = extractor.get_feature_names_out()
    assert len(set(names)) == n
    assert names[0] == "block1_conv1_channel0_log1p_mean"
    assert names[-1] == "block5_conv3_channel511_log1p_std"


def settings(cut: str | None, size: tuple[int, int], **changes: str) -> TrunkSettings:
    plain = TrunkSettings(size, "stretch", "imagenet", "correlations", cut)
    return replace(plain, **changes)


def compute(network: Network, batch: FloatArray, engine: str) -> FloatArray:
    if not network.layers:
        return batch
    return compile_network(network, batch.shape[1:], engine=engine, n_threads=2)(batch)


@cache
def uncut(file: str, size: tuple[int, int]) -> tuple[FloatArray, FloatArray]:
    """Return images and what the whole trunk makes of them, by either engine."""
    batch = as_the_trunk_takes(pictures(5, *size), "imagenet")
    whole = trunk_network(load_trunk(file), settings(None, size))
    expected = compute(whole, batch, "tensorflow")
    assert expected.shape == (5, *whole.output_shape((*size, 3)))
    np.testing.assert_allclose(compute(whole, batch, "ncnn"), expected, atol=1e-4)
    return batch, expected


@pytest.mark.parametrize(
    "size",
    [(50, 37), *(pytest.param((n, n), marks=pytest.mark.slow) for n in (130, 224))],
)
@pytest.mark.parametrize(
    "cut",
    [
        *("block5", "block3", "block1"),
        *(pytest.param(cut, marks=pytest.mark.slow) for cut in ("block4", "block2")),
    ],
)
def test_a_cut_changes_nothing_and_engines_agree(
    narrow_trunk: str, cut: str, size: tuple[int, int]
) -> None:
    trunk, (batch, expected) = load_trunk(narrow_trunk), uncut(narrow_trunk, size)
    for engine in ("ncnn", "tensorflow"):
        at_cut = compute(trunk_network(trunk, settings(cut, size)), batch, engine)
        tail = tail_convolutions(trunk, settings(cut, size))
        np.testing.assert_allclose(compute(tail, at_cut, engine), expected, atol=1e-4)


@pytest.mark.parametrize(
    "size", [37, *(pytest.param(n, marks=pytest.mark.slow) for n in (32, 130, 161, 224))]
)
@pytest.mark.parametrize("cut", [None, "block4"])
def test_what_stands_beside_an_image_makes_no_difference(
    narrow_trunk: str, cut: str | None, size: int
) -> None:
    trunk = load_trunk(narrow_trunk)
    # A bias that is written everywhere, also between the images of a stack.
    arrays = {k: v + 0.5 if k.endswith("bias") else v for k, v in trunk.arrays.items()}
    network = trunk_network(Trunk(arrays, "biased"), settings(cut, (size, size)))
    batch = as_the_trunk_takes(pictures(20, size, size), "imagenet")
    together = compute(network, batch, "ncnn")
    for i in (0, 7, 19):
        one = compute(network, batch[i : i + 1], "ncnn")
        np.testing.assert_array_equal(one, together[i : i + 1])
    np.testing.assert_array_equal(compute(network, batch[2:7], "ncnn"), together[2:7])
    n_statistics = 2 * 8 * 13 + 3 * 28 if cut is None else 2 * 8 * 7
    expected = compute(network, batch, "tensorflow")[:, -n_statistics:]
    np.testing.assert_allclose(together[:, -n_statistics:], expected, atol=1e-4)


@pytest.fixture(scope="module")
def fit(make_classifier: MakeClassifier, dark_and_bright: Images) -> Callable[..., Any]:
    def fitted(**changes: Any) -> Any:
        plain = {"pooling": "correlations", "learning_rate": 1e-3}
        return make_classifier(**plain | changes).fit(*dark_and_bright)

    return fitted


@pytest.fixture(scope="module")
def trained(fit: Callable[..., Any]) -> Any:
    """Return a classifier whose last two blocks are trained."""
    return fit(trainable_from="block4", epochs=4)


@pytest.mark.parametrize("cut", [None, pytest.param("block3", marks=pytest.mark.slow)])
def test_channels_that_are_always_zero_do_no_harm(
    cut: str | None,
    narrow_trunk: str,
    make_classifier: MakeClassifier,
    dark_and_bright: Images,
    tmp_path: Path,
) -> None:
    arrays = load_file(narrow_trunk)
    for name in ("block3_conv2", "block4_conv3", "block5_conv3"):
        arrays[f"{name}/bias"] = np.full(8, -1e3, np.float32)
    save_file(arrays, tmp_path / "dead.safetensors")
    dead = {"weights": tmp_path / "dead.safetensors", "pooling": "correlations"}
    clf = make_classifier(**dead, trainable_from=cut, learning_rate=1e-3, epochs=3)
    clf.fit(*dark_and_bright)
    assert np.isfinite(clf.predict_proba(dark_and_bright[0])).all()


def test_model_files_and_pickles(
    trained: Any, fit: Callable[..., Any], dark_and_bright: Images, tmp_path: Path
) -> None:
    X, _ = dark_and_bright
    for clf in (trained, fit(epochs=1)):
        before = clf.predict_proba(X)
        for copy in (round_trip(clf, tmp_path), pickle.loads(pickle.dumps(clf))):
            np.testing.assert_array_equal(copy.predict_proba(X), before)
        detector, _ = load_with_metadata(tmp_path / "model.skfr", only_predict=True)
        assert isinstance(detector, Detector)
        np.testing.assert_array_equal(detector.predict_proba(X), before)


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("Carry", {"shape": {"tuple": [2, 2, 7]}}),
        ("Carry", {"shape": {"tuple": [10**6, 10**6, 8]}}),
        ("Carry", {"shape": 5}),
        ("Statistics", {"with_maps": True}),
        ("Statistics", {"with_maps": 0}),
        ("Statistics", {"correlated": {"tuple": [0, 1]}}),
        ("TrunkSettings", {"pooling": "avg"}),
        ("TrunkSettings", {"pooling": "statistics"}),
        ("TrunkSettings", {"cut": "block5"}),
    ],
)
def test_files_that_lie_are_refused(
    trained: Any, tmp_path: Path, kind: str, change: dict[str, Any]
) -> None:
    file = tmp_path / "m.skfr"
    skfakereal.save(trained, file)
    container = read_container(file)
    for entry in container.description["objects"]:
        if entry["class"] == f"skfakereal.{kind}":
            entry["state"].update(change)
    file.write_bytes(b"".join(pack(container.description, container.arrays)))
    with pytest.raises(ValueError, match=r"m\.skfr"):
        skfakereal.load(file)


@pytest.mark.parametrize(
    "change",
    [
        lambda low, high: (high, low),
        lambda low, high: (low[:-1], high[:-1]),
        lambda low, high: (low.astype(np.float64), high),
        lambda low, high: (low, np.where(high == high.max(), np.nan, high)),
        lambda low, high: (low, np.full_like(high, np.inf)),
    ],
)
def test_bounds_that_lie_are_refused(
    fit: Callable[..., Any], tmp_path: Path, change: Callable[..., tuple[Array, Array]]
) -> None:
    clf, file = fit(epochs=1), tmp_path / "m.skfr"
    bounds, *others = clf._tail.layers
    low, high = change(bounds.low, bounds.high)
    clf._tail = Network((replace(bounds, low=low, high=high), *others))
    with pytest.raises(ValueError, match="two vectors"):
        skfakereal.save(clf, file)


@pytest.mark.parametrize("order", ["210", "0", "1202", "10"])
def test_layers_in_a_wrong_place_are_refused(
    fit: Callable[..., Any], tmp_path: Path, order: str
) -> None:
    """Each digit is a layer: bounds, the first and the last Dense one."""
    clf = fit(epochs=1)
    clf._tail = Network(tuple(clf._tail.layers[int(digit)] for digit in order))
    with pytest.raises(ValueError, match=r"layer|two vectors"):
        skfakereal.save(clf, tmp_path / "m.skfr")


def test_the_store_tells_statistics_from_other_poolings(
    narrow_trunk: str, dark_and_bright: Images, tmp_path: Path
) -> None:
    store, X = ActivationStore(tmp_path / "store"), dark_and_bright[0][:3].tolist()
    for cut in (None, "block4"):
        poolings = ("avg", 3), ("statistics", 3), ("correlations", 3), ("correlations", 0)
        for pooling, n_computed in poolings:
            how = settings(cut, (32, 32), pooling=pooling)
            reader = ActivationReader(load_trunk(narrow_trunk), how, store=store)
            shapes = [batch.activations.shape for batch in reader.read(X)]
            assert {shape[1:] for shape in shapes} == {reader.shape}
            assert reader.n_computed == n_computed


def test_one_place_says_what_the_statistics_are() -> None:
    both = Statistics.of(np.array([1.0, 0.0]), np.array([9.0, 0.0]), np)
    np.testing.assert_allclose(both, np.log([[2, 1], [4, 1]]), atol=2e-6)
    assert len(both) == len(Statistics.NAMES)


@pytest.mark.parametrize("engine", ["ncnn", "tensorflow", "int8"])
def test_channels_are_mixed_by_lot(engine: str) -> None:
    trunk, size = load_trunk("cifake"), (64, 64)
    batch = pictures(4, *size).astype(np.float32) / 255
    ranges = (3.0,) * 13 if engine == "int8" else None
    plain = replace(settings(None, size), preprocessing="unit", ranges=ranges)
    network = trunk_network(trunk, plain)
    features = compute(network, batch, engine)
    names = statistics_names(trunk, plain)
    up_to_block4 = Network(network.layers[:13], network.quantization)
    maps = compute(up_to_block4, batch, engine).reshape(4, -1, 512).astype(np.float64)
    expected = of_mixtures(maps[:, np.newaxis])
    places = [i for i, name in enumerate(names) if name.startswith("block4_conv3_mix")]
    assert names[places[0]] == "block4_conv3_mixtures0_1_correlation"
    np.testing.assert_allclose(features[:, places], expected, atol=1e-4)


def test_a_flat_map_correlates_with_nothing() -> None:
    maps = np.zeros((8, 1, 5, 5), np.float32)
    maps[2:] = 300.1  # of one value, whose mean float32 may round
    maps[5] += np.arange(25).reshape(5, 5)
    maps[6] -= np.arange(25).reshape(5, 5) / 4
    found = np.zeros((8, 8))
    found[np.triu_indices(8, 1)] = correlations(maps)[0]
    sign = np.prod(mixing(8).sum(axis=1)[[5, 6]])
    assert found[5, 6] == pytest.approx(-sign, abs=0.05)
    found[5, 6] = 0
    np.testing.assert_allclose(found, 0, atol=1e-3)
