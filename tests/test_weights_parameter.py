"""``weights=``: files that hold a VGG16, files that do not, and no network."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Images
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from skfakereal import VGG16FeatureExtractor, VGG16ImageClassifier

X = ["a.png", "b.png"]  # never opened


def refuse(weights: Any, error: type[Exception], message: str) -> None:
    """Both estimators must refuse the weights, in one line."""
    for estimator in (
        VGG16ImageClassifier(weights=weights),
        VGG16FeatureExtractor(weights=weights),
    ):
        with pytest.raises(error, match=message) as caught:
            estimator.set_params(image_size=(32, 32)).fit(X * 2, [0, 1] * 2)
        assert "\n" not in str(caught.value)
        assert not [name for name in vars(estimator) if name.endswith("_")]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    for weights in ("no.safetensors", str(tmp_path / "no.h5"), tmp_path, "image-net"):
        refuse(weights, FileNotFoundError, "is neither 'imagenet' nor 'cifake', nor a file")


def test_a_file_of_another_kind(tmp_path: Path) -> None:
    for name, message in (
        ("weights.npz", r"must be a \.safetensors file or a Keras \.h5 file"),
        ("text.safetensors", "is no safetensors file"),
        ("text.h5", r"text\.h5' does not hold the weights of Keras's VGG16"),
    ):
        (tmp_path / name).write_text("no weights at all")
        refuse(tmp_path / name, ValueError, message)


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("block4_conv2/kernel", None, "lack block4_conv2/kernel"),
        ("block1_conv1/kernel", np.zeros((3, 3, 1, 8)), r"\(3, 3, 3, n\) is needed"),
        ("block2_conv1/kernel", np.zeros((5, 5, 8, 8)), r"\(3, 3, 8, n\) is needed"),
        ("block5_conv3/bias", np.zeros(7), r"bias block5_conv3 of shape \(7,\)"),
        ("block3_conv1/bias", np.full(8, np.nan), "not finite in block3_conv1"),
    ],
)
def test_a_file_that_holds_no_vgg16(
    narrow_trunk: str, tmp_path: Path, name: str, array: NDArray[Any] | None, message: str
) -> None:
    arrays = load_file(narrow_trunk)
    if array is None:
        del arrays[name]
    else:
        arrays[name] = array.astype(np.float32)
    save_file(arrays, tmp_path / "wrong.safetensors")
    refuse(tmp_path / "wrong.safetensors", ValueError, message)


@pytest.mark.filterwarnings("ignore:Skipping nested container")
def test_a_keras_file_of_another_network(tmp_path: Path) -> None:
    import keras

    path = tmp_path / "dense.weights.h5"
    keras.Sequential([keras.Input((4,)), keras.layers.Dense(2)]).save_weights(path)
    refuse(path, ValueError, r"dense\.weights\.h5' does not hold")


def test_a_file_that_is_written_anew_is_read_anew(
    narrow_trunk: str, dark_and_bright: Images, tmp_path: Path
) -> None:
    arrays, path = load_file(narrow_trunk), tmp_path / "trunk.safetensors"
    save_file(arrays, path)
    extractor = VGG16FeatureExtractor(image_size=(32, 32), weights=path)
    before = extractor.fit_transform(dark_and_bright[0])
    save_file({name: 2 * array for name, array in arrays.items()}, path)
    os.utime(path, ns=(1, 1))
    assert (extractor.fit_transform(dark_and_bright[0]) > before).any()


def test_the_same_weights_from_keras_own_file(
    dark_and_bright: Images, tmp_path: Path
) -> None:
    from keras.applications import VGG16

    model = VGG16(include_top=False, weights=None)
    model.save_weights(tmp_path / "keras.weights.h5")
    names = [layer.name for layer in model.layers if "conv" in layer.name]
    arrays = {
        f"{name}/{part}": array
        for name in names
        for part, array in zip(
            ("kernel", "bias"), model.get_layer(name).get_weights(), strict=True
        )
    }
    save_file(arrays, tmp_path / "same.safetensors")
    from_keras, from_safetensors = (
        VGG16FeatureExtractor(image_size=(32, 32), weights=tmp_path / name).fit_transform(
            dark_and_bright[0][:4]
        )
        for name in ("keras.weights.h5", "same.safetensors")
    )
    np.testing.assert_array_equal(from_keras, from_safetensors)


ASK_FOR_IMAGENET = """
from skfakereal import VGG16FeatureExtractor
try:
    VGG16FeatureExtractor().fit(["a.png"])
except OSError as error:
    print(error)
"""


@pytest.mark.slow
def test_without_a_network_imagenet_names_the_ways_out(
    tmp_path: Path, run_python: Callable[..., str]
) -> None:
    # Nothing listens on port 9, so that the download is refused at once.
    nowhere = dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9")
    said = run_python(ASK_FOR_IMAGENET, KERAS_HOME=str(tmp_path), no_proxy="", **nowhere)
    message = said.strip().splitlines()[-1]
    target = tmp_path / "models" / "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
    assert message.startswith("The ImageNet weights cannot be had")
    for way_out in (str(target), "weights=PATH", "weights='cifake'", "weights=None"):
        assert way_out in message
