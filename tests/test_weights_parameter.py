"""``weights=``: files that hold a VGG16, files that do not, and no network."""

import hashlib
import inspect
import os
import socket
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import monotonic
from typing import Any

import numpy as np
import pytest
from conftest import Command, Images, Patch, Said
from numpy.typing import NDArray
from runs import make_photos
from safetensors.numpy import load_file, save_file

from skfakereal import VGG16FeatureExtractor, VGG16ImageClassifier, _weights
from skfakereal._weights import _imagenet_trunk, _Published
from skfakereal.cli import main

X = ["a.png", "b.png"]  # never opened


def refuse(weights: Any, error: type[Exception], message: str) -> None:
    """Both estimators must refuse the weights, in one line."""
    for make in (VGG16ImageClassifier, VGG16FeatureExtractor):
        estimator = make(weights=weights)
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
        ("text.safetensors", "is not a safetensors file"),
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


def test_a_file_that_is_replaced_by_one_of_its_time_and_size_is_read_anew(
    narrow_trunk: str, dark_and_bright: Images, tmp_path: Path
) -> None:
    """As ``cp -p`` and ``rsync`` leave it, and a clock that goes back."""
    arrays, path = load_file(narrow_trunk), tmp_path / "trunk.safetensors"
    save_file(arrays, path)
    os.utime(path, ns=(0, -(10**18)))  # before 1970
    extractor = VGG16FeatureExtractor(weights=path, image_size=(32, 32), cache=None)
    first = extractor.fit_transform(dark_and_bright[0][:2])
    arrays["block1_conv1/kernel"] = 2 * arrays["block1_conv1/kernel"]
    save_file(arrays, path)
    os.utime(path, ns=(0, -(10**18)))
    assert not np.array_equal(extractor.fit_transform(dark_and_bright[0][:2]), first)


def test_the_same_weights_from_keras_own_file(
    dark_and_bright: Images, tmp_path: Path
) -> None:
    from keras.applications import VGG16

    model = VGG16(include_top=False, weights=None)
    model.save_weights(tmp_path / "keras.weights.h5")
    names = [layer.name for layer in model.layers if "conv" in layer.name]
    parts = {name: model.get_layer(name).get_weights() for name in names}
    arrays = {f"{name}/kernel": kernel for name, (kernel, _) in parts.items()}
    arrays |= {f"{name}/bias": bias for name, (_, bias) in parts.items()}
    save_file(arrays, tmp_path / "same.safetensors")
    from_keras, from_safetensors = (
        VGG16FeatureExtractor(image_size=(32, 32), weights=tmp_path / name).fit_transform(
            dark_and_bright[0][:4]
        )
        for name in ("keras.weights.h5", "same.safetensors")
    )
    np.testing.assert_array_equal(from_keras, from_safetensors)


# The published address is only asked for by way of a proxy: a socket on loopback.


@pytest.fixture
def keras_home(tmp_path: Path, monkeypatch: Patch) -> Path:
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.setattr("skfakereal._download._PATIENCE", 0.5)  # seconds
    for name in ("no_proxy", "NO_PROXY", "https_proxy", "HTTPS_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path / "keras"


@pytest.fixture
def silent_proxy(monkeypatch: Patch) -> Iterator[None]:
    """Set a proxy that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        monkeypatch.setenv("https_proxy", f"http://127.0.0.1:{listening.getsockname()[1]}")
        yield


def test_a_dead_proxy_ends_in_an_error_that_names_the_ways_out(
    keras_home: Path, silent_proxy: None
) -> None:
    target = keras_home / "models" / "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"
    began = monotonic()
    with pytest.raises(OSError, match=r"^ImageNet's weights are not available") as caught:
        VGG16FeatureExtractor().fit(["a.png"])
    assert monotonic() - began < 10
    for words in (
        "through the proxy that https_proxy names: nothing came within 0.5 seconds",
        *(str(target), "weights=PATH", "weights='cifake'", "weights=None"),
    ):
        assert words in str(caught.value)
    assert not list(target.parent.iterdir())


def test_train_lists_images_then_asks_for_the_weights_and_speaks_of_its_options(
    keras_home: Path, silent_proxy: None, tmp_path: Path, command: Command, capsys: Said
) -> None:
    (tmp_path / "photos").mkdir()
    words = ["train", str(tmp_path / "photos"), "--out", str(tmp_path / "run")]
    assert main(words) == 1
    assert "Downloading" not in capsys.readouterr().err  # in vain: the folder is empty
    make_photos(tmp_path / "photos")
    said = command(*words, code=1)
    assert "Downloading ImageNet's weights for VGG16 (59 MB, once, to" in said.err
    for words in ("--weights PATH", "--weights cifake", "--weights none"):
        assert words in said.err
    assert "weights=" not in said.err
    assert not said.out


@pytest.fixture
def published(tmp_path: Path, keras_home: Path, monkeypatch: Patch) -> Iterator[Path]:
    """Publish random weights of VGG16 on loopback in place of ImageNet's."""
    from keras.applications import VGG16

    folder = tmp_path / "published"
    folder.mkdir()
    file = folder / "imagenet.weights.h5"
    VGG16(include_top=False, weights=None).save_weights(file)

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    monkeypatch.setattr("skfakereal._download._PATIENCE", 30.0)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=folder))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}/imagenet.weights.h5"
    md5 = hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()
    monkeypatch.setattr("skfakereal._weights._IMAGENET", _Published(url, md5))
    yield file
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.slow
def test_the_download_is_verified_and_shared_with_keras(
    published: Path, keras_home: Path, dark_and_bright: Images
) -> None:
    from keras.utils import get_file

    cached = keras_home / "models" / "imagenet.weights.h5"
    cached.parent.mkdir(parents=True)
    cached.write_bytes(b"what an interrupted download of Keras leaves")

    def features(**weights: Path) -> NDArray[np.float32]:
        extractor = VGG16FeatureExtractor(
            image_size=(32, 32), preprocessing="imagenet", **weights
        )
        return np.asarray(extractor.fit_transform(dark_and_bright[0][:2]))

    downloaded = features()
    assert [path.name for path in cached.parent.iterdir()] == ["imagenet.weights.h5"]
    assert cached.read_bytes() == published.read_bytes()
    np.testing.assert_array_equal(downloaded, features(weights=published))

    published.write_bytes(b"nobody asks for it any more")
    _imagenet_trunk.cache_clear()
    np.testing.assert_array_equal(downloaded, features())
    # Keras finds it too. It takes its home from the environment when it is imported.
    found = get_file(
        "imagenet.weights.h5",
        "http://127.0.0.1:9/imagenet.weights.h5",
        cache_dir=str(keras_home),
        cache_subdir="models",
        file_hash=_weights._IMAGENET.md5,
    )
    assert found == str(cached)

    cached.unlink()
    _imagenet_trunk.cache_clear()
    with pytest.raises(OSError, match="is not the published file"):
        features()
    assert not list(cached.parent.iterdir())


def test_the_published_file_is_keras_own() -> None:
    import keras.src.applications.vgg16 as keras_vgg16
    from keras.src.backend.config import keras_home

    assert _weights._IMAGENET.url == keras_vgg16.WEIGHTS_PATH_NO_TOP
    assert _weights._IMAGENET.md5 in inspect.getsource(keras_vgg16)
    assert Path(keras_home()).expanduser() in _weights._keras_homes()
