"""Fixtures that all tests share: tiny real image files and a quiet environment."""

import os
import signal
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# Before NumPy: threads of BLAS wait by spinning, which takes the processors from the tests.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from safetensors.numpy import save_file

MakeImage = Callable[..., str]
MakeClassifier = Callable[..., Any]
MakeExtractor = Callable[..., Any]
Fit = Callable[..., Any]
Command = Callable[..., "pytest.CaptureResult[str]"]
Said = pytest.CaptureFixture[str]
Patch = pytest.MonkeyPatch
Folders = pytest.TempPathFactory
# Paths and labels.
Images = tuple[NDArray[np.str_], NDArray[np.int64]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that have slow tests: a last one would be waited for.

    What coverage measures takes half as long again, and slow parameters of a test only run
    what its fast ones do.
    """
    for item in items:
        marks = getattr(getattr(item, "callspec", None), "marks", ())
        if any(mark.name == "slow" for mark in marks):
            item.add_marker("no_cover")
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session", autouse=True)
def _quiet_environment(tmp_path_factory: Folders) -> Iterator[None]:
    """No window, and no store in the home of whoever runs the tests; workers inherit it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MPLBACKEND", "Agg")
        patch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
        patch.setenv("SKFAKEREAL_CACHE", str(tmp_path_factory.mktemp("store")))
        yield


@pytest.fixture(autouse=True)
def _close_figures() -> Iterator[None]:
    yield
    if "matplotlib.pyplot" in sys.modules:
        sys.modules["matplotlib.pyplot"].close("all")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def make_image(tmp_path: Path) -> MakeImage:
    """Return a function that writes an image below `tmp_path` and returns its path.

    ``make_image("a/b.png", (255, 0, 0), size=(40, 30))`` writes a plain colour (a number
    writes grey), ``make_image("noise.jpg", array, quality=90)`` the array, and a
    `PIL.Image.Image` is saved as it is. Further keywords go to Pillow's ``save``.
    """

    def make(
        name: str | Path,
        content: int | tuple[int, ...] | NDArray[Any] | Image.Image = 128,
        *,
        size: tuple[int, int] = (32, 32),
        **save: Any,
    ) -> str:
        if isinstance(content, np.ndarray):
            image = Image.fromarray(content)
        elif isinstance(content, Image.Image):
            image = content
        elif isinstance(content, int):
            image = Image.new("L", size, content)
        else:
            image = Image.new("RGB" if len(content) == 3 else "RGBA", size, content)
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image.save(path, **save)
        return str(path)

    return make


@pytest.fixture
def black_and_white_images(
    make_image: MakeImage, rng: np.random.Generator
) -> tuple[list[str], NDArray[np.int64]]:
    """Return the paths of 12 dark and 12 bright images and their labels, 0 and 1, sorted.

    Every file's content is its own, so that nothing can mistake one for another.
    """
    paths, labels = [], np.repeat([0, 1], 12)
    for i, label in enumerate(labels):
        noise = rng.integers(0, 40, (32, 32, 3), dtype=np.uint8)
        pixels = 255 - noise if label else noise
        paths.append(make_image(f"{'white' if label else 'black'}/{i:02}.png", pixels))
    return paths, labels


@pytest.fixture(scope="session")
def test_data() -> Path:
    """Return the folder that holds CIFAKE's archives and the trunk, or skip."""
    folder = os.environ.get("SKFAKEREAL_TEST_DATA")
    if not folder:
        pytest.skip("SKFAKEREAL_TEST_DATA does not name the folder that holds the data")
    return Path(folder)


@pytest.fixture
def command(capsys: Said) -> Command:
    """Return a function that runs the command line, which must end with `code`.

    It takes words, paths and numbers, and returns what was written to both outputs.
    """
    from skfakereal.cli import main

    def run(*words: object, code: int = 0) -> "pytest.CaptureResult[str]":
        assert main([str(word) for word in words]) == code
        return capsys.readouterr()

    return run


@pytest.fixture
def refuse(command: Command) -> Command:
    """Return a function that has the command line refused, in a last line that says so."""

    def run(says: str, *words: object) -> None:
        *_, last = command(*words, code=1).err.splitlines()
        assert says in last

    return run


@pytest.fixture
def full_disk() -> Iterator[Callable[[int], None]]:
    """Return a function that lets no file become larger than so many bytes; -1: than any."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda most: resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def here(**changes: str) -> dict[str, str]:
    """Return the environment of a process that imports from where the tests do."""
    path = os.pathsep.join(filter(None, sys.path))
    return os.environ | {"PYTHONPATH": path} | changes


def start_python(*words: object, **how: Any) -> "subprocess.CompletedProcess[str]":
    """Run a fresh interpreter, and return how it ended and what it said."""
    how = {"env": here(), "capture_output": True, "text": True, "timeout": 300} | how
    return subprocess.run([sys.executable, *map(str, words)], check=False, **how)


def run_python(code: str, *arguments: object) -> str:
    """Run code in a fresh interpreter and return what it prints."""
    done = start_python("-c", code, *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


def heed_interrupts() -> None:
    """Let a process be interrupted, also where the tests run under ``nohup``."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def noise(size: int) -> NDArray[np.uint8]:
    """Return the same random pixels each time, `size` high and four wider."""
    random = np.random.default_rng(1)
    return random.integers(0, 256, (size, size + 4, 3)).astype(np.uint8)


def png_bytes(
    width: int, height: int, data: bytes, *, bits: int = 8, interlaced: bool = False
) -> bytes:
    """Return an RGB PNG around compressed rows, for what Pillow reads but cannot write."""
    header = struct.pack(">IIBBBBB", width, height, bits, 2, 0, 0, interlaced)
    file = b"\x89PNG\r\n\x1a\n"
    for name, body in [(b"IHDR", header), (b"IDAT", data), (b"IEND", b"")]:
        check = struct.pack(">I", zlib.crc32(name + body))
        file += struct.pack(">I", len(body)) + name + body + check
    return file


# Training takes seconds: what follows is made once for all tests of the estimators.


def write_image(path: Path, pixels: NDArray[np.uint8]) -> str:
    """Write an array as an image file and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return str(path)


@pytest.fixture(scope="session")
def narrow_trunk(tmp_path_factory: Folders) -> str:
    """Return a weights file: a VGG16 of 8 channels a convolution, He-normal."""
    # Of the first seeds the one that lets most brightness through to the features.
    random, inputs = np.random.RandomState(1), 3
    arrays: dict[str, NDArray[np.float32]] = {}
    for block, convolutions in enumerate((2, 2, 3, 3, 3), 1):
        for conv in range(1, convolutions + 1):
            kernel = random.standard_normal((3, 3, inputs, 8)) * np.sqrt(2 / (9 * inputs))
            arrays[f"block{block}_conv{conv}/kernel"] = kernel.astype(np.float32)
            arrays[f"block{block}_conv{conv}/bias"] = np.zeros(8, np.float32)
            inputs = 8
    path = tmp_path_factory.mktemp("trunk") / "narrow.safetensors"
    save_file(arrays, path)
    return str(path)


@pytest.fixture(scope="session")
def dark_and_bright(tmp_path_factory: Folders) -> Images:
    """Return the paths of 12 dark and 12 bright images and their labels, 0 and 1, sorted.

    Like `black_and_white_images`, for the estimators that several tests share.
    """
    random, folder = np.random.default_rng(2), tmp_path_factory.mktemp("images")
    labels = np.repeat([0, 1], 12)
    paths = []
    for i, label in enumerate(labels):
        dark = random.integers(0, 40, (32, 32, 3), dtype=np.uint8)
        paths.append(write_image(folder / f"{i:02}.png", 255 - dark if label else dark))
    return np.array(paths), labels


@pytest.fixture(scope="session")
def doubtful(dark_and_bright: Images) -> Images:
    """Return labels of which every fourth is wrong, so that no head tells all apart."""
    X, y = dark_and_bright
    return X, np.where(np.arange(24) % 4 == 1, 1 - y, y)


@pytest.fixture(scope="session")
def make_classifier(narrow_trunk: str) -> MakeClassifier:
    """Return `VGG16ImageClassifier` with settings that train within a second or two."""
    from skfakereal import VGG16ImageClassifier

    settings: dict[str, Any] = {"image_size": (32, 32), "weights": narrow_trunk}
    settings |= {"hidden_units": (8,), "learning_rate": 0.05, "batch_size": 12, "epochs": 8}
    settings |= {"early_stopping": False, "validation_fraction": 0.1, "augmentation": None}
    settings |= {"cache": None, "n_jobs": 1, "random_state": 0}
    return lambda **changes: VGG16ImageClassifier(**settings | changes)


@pytest.fixture(scope="session")
def fit(make_classifier: MakeClassifier, dark_and_bright: Images) -> Fit:
    """Return a function that makes a classifier and fits it on dark and bright images."""
    return lambda **changes: make_classifier(**changes).fit(*dark_and_bright)


@pytest.fixture(scope="session")
def fitted_classifier(make_classifier: MakeClassifier, dark_and_bright: Images) -> Any:
    """Return a classifier that tells dark from bright; no test may change it."""
    return make_classifier().fit(*dark_and_bright)


@pytest.fixture(scope="session")
def make_extractor(narrow_trunk: str) -> MakeExtractor:
    """Return `VGG16FeatureExtractor` with the settings of `make_classifier`."""
    from skfakereal import VGG16FeatureExtractor

    settings: dict[str, Any] = {"image_size": (32, 32), "cache": None, "n_jobs": 1}
    settings["weights"] = narrow_trunk
    return lambda **changes: VGG16FeatureExtractor(**settings | changes)


@pytest.fixture(scope="session")
def pipeline(make_extractor: MakeExtractor, dark_and_bright: Images) -> Any:
    """Return features and a logistic regression, fitted; no test may change them."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    features = make_extractor(image_size=(64, 64), pooling="avg")
    return make_pipeline(features, LogisticRegression()).fit(*dark_and_bright)
