"""``preprocessing="auto"``: what weights take is known, settled in `fit` and kept."""

import copy
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Fit, Images, write_image
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from skfr_files import describing

import skfakereal
from skfakereal import VGG16FeatureExtractor
from skfakereal.explain import grad_cam
from skfakereal.persistence._encode import encode_estimator

SIZE = (32, 32)


def features(weights: Any, X: Any, **settings: Any) -> NDArray[np.float32]:
    extractor = VGG16FeatureExtractor(
        image_size=SIZE, weights=weights, cache=None, **settings
    )
    return extractor.fit_transform(X)


def assert_auto_is(preprocessing: str, weights: Any, X: Any) -> None:
    other = {"unit": "imagenet", "imagenet": "unit"}[preprocessing]
    auto = features(weights, X)
    np.testing.assert_array_equal(auto, features(weights, X, preprocessing=preprocessing))
    assert (auto != features(weights, X, preprocessing=other)).any()


@pytest.mark.parametrize(
    ("metadata", "preprocessing"),
    [
        *((None, "unit"), ({"input": "unit"}, "unit"), ({"input": "RGB, [0, 1]"}, "unit")),
        ({"input": "imagenet"}, "imagenet"),
    ],
)
def test_other_weights_take_pixels_from_0_to_1_unless_the_file_says_otherwise(
    narrow_trunk: str,
    dark_and_bright: Images,
    tmp_path: Path,
    metadata: dict[str, str] | None,
    preprocessing: str,
) -> None:
    save_file(load_file(narrow_trunk), tmp_path / "w.safetensors", metadata)
    assert_auto_is(preprocessing, tmp_path / "w.safetensors", dark_and_bright[0][10:14])


@pytest.mark.parametrize("weights", ["cifake", None])
def test_so_do_the_packages_own(weights: str | None, dark_and_bright: Images) -> None:
    assert_auto_is("unit", weights, dark_and_bright[0][10:14])


@pytest.fixture(scope="module")
def imagenet_file(test_data: Path) -> Path:
    file = test_data / "vgg16-imagenet.safetensors"
    if not file.is_file():
        pytest.skip(f"{file.name} is not in the folder of SKFAKEREAL_TEST_DATA")
    return file


@pytest.mark.imagenet
@pytest.mark.parametrize("altered", [False, True])
def test_imagenets_weights_are_known_under_any_name_and_not_if_a_bit_is_altered(
    imagenet_file: Path, dark_and_bright: Images, tmp_path: Path, altered: bool
) -> None:
    arrays = load_file(imagenet_file)
    if altered:
        bias = arrays["block5_conv3/bias"]
        arrays["block5_conv3/bias"] = np.nextafter(bias, np.float32(9))
    save_file(arrays, tmp_path / "w.safetensors")
    expected = "unit" if altered else "imagenet"
    assert_auto_is(expected, tmp_path / "w.safetensors", dark_and_bright[0][10:14])


@pytest.mark.imagenet
def test_imagenets_weights_in_keras_own_file(
    imagenet_file: Path, dark_and_bright: Images, tmp_path: Path
) -> None:
    from keras.applications import VGG16

    model, arrays = VGG16(include_top=False, weights=None), load_file(imagenet_file)
    for layer in model.layers:
        if layer.weights:
            layer.set_weights([arrays[f"{layer.name}/{x}"] for x in ("kernel", "bias")])
    model.save_weights(tmp_path / "keras.weights.h5")
    assert_auto_is("imagenet", tmp_path / "keras.weights.h5", dark_and_bright[0][10:14])


@pytest.mark.slow
@pytest.mark.imagenet
@pytest.mark.parametrize("pooling", ["avg", "max", None])
def test_by_default_the_features_are_those_of_keras_own_network(
    imagenet_file: Path, tmp_path: Path, pooling: str | None
) -> None:
    from keras.applications import VGG16
    from keras.applications.vgg16 import preprocess_input

    rng = np.random.default_rng(5)
    coarse = rng.integers(0, 256, (8, 14, 14, 3)).astype(np.uint8)
    pixels = coarse.repeat(16, 1).repeat(16, 2)
    X = [write_image(tmp_path / f"{i}.png", image) for i, image in enumerate(pixels)]
    model = VGG16(include_top=False, weights=None, pooling=pooling)
    arrays = load_file(imagenet_file)
    for layer in model.layers:
        if layer.weights:
            layer.set_weights([arrays[f"{layer.name}/{x}"] for x in ("kernel", "bias")])
    expected = model.predict(preprocess_input(pixels.astype(np.float32)), verbose=0)
    expected = expected.reshape(8, -1)
    extractor = VGG16FeatureExtractor(
        weights=imagenet_file, pooling=pooling or "flatten", cache=None
    )
    actual = extractor.fit_transform(X)
    np.testing.assert_allclose(actual, expected, rtol=2e-3, atol=1e-3 * expected.max())


def test_what_auto_came_to_is_settled_in_fit(fit: Fit, dark_and_bright: Images) -> None:
    X, _ = dark_and_bright
    settings = {"preprocessing": "imagenet", "pooling": "avg", "epochs": 1}
    clf = fit(**settings)
    before, maps = clf.predict_proba(X), grad_cam(clf, X[:2], layer="block3_conv3").maps
    clf.set_params(preprocessing="auto")
    np.testing.assert_array_equal(clf.predict_proba(X), before)
    np.testing.assert_array_equal(grad_cam(clf, X[:2], layer="block3_conv3").maps, maps)


def older_pickle(estimator: Any) -> Any:
    old = copy.copy(estimator)
    del vars(old)["preprocessing"], vars(old)["pooling"]
    return pickle.loads(pickle.dumps(old))


def older_file(estimator: Any, path: Path) -> Any:
    objects, arrays = encode_estimator(estimator)
    del objects[-1]["params"]["preprocessing"], objects[-1]["params"]["pooling"]
    path.write_bytes(describing(objects, **arrays))
    return skfakereal.load(path)


@pytest.mark.parametrize("kind", ["classifier", "extractor"])
def test_models_from_before_the_parameters_keep_their_meaning(
    kind: str,
    fitted_classifier: Any,
    narrow_trunk: str,
    dark_and_bright: Images,
    tmp_path: Path,
) -> None:
    X, _ = dark_and_bright
    answer: Callable[[Any], Any]
    if kind == "classifier":
        model, answer = fitted_classifier, lambda est: est.predict_proba(X)
    else:
        model = VGG16FeatureExtractor(image_size=SIZE, weights=narrow_trunk).fit(X)
        answer = lambda est: est.transform(X)  # noqa: E731
    for old in (older_pickle(model), older_file(model, tmp_path / "old.skfr")):
        assert (old.preprocessing, old.pooling) == ("unit", "avg")
        np.testing.assert_array_equal(answer(old), answer(model))
