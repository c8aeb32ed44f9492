"""Where the weights of a trunk come from."""

import hashlib
import os
import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache, partial
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import load_file

from skfakereal._download import download
from skfakereal._threads import prepare_tensorflow
from skfakereal._trunk import Trunk, convolution_names, random_trunk

_TRUNKS = Path(__file__).parent / "trunks"
# What is inside the package, by digest: weights="cifake", then what it was before, which
# model files name.
_EMBEDDED = {
    "cc62719b2d92e2e8bc58e22b997bcfc3": "cifake-3.npz",
    "ac1eabc54558262ae3fe866d776bda0a": "cifake-2.npz",
    "e99be77dc24a616101d724062bc71c65": "cifake.npz",
}


@dataclass(frozen=True)
class _Published:
    url: str
    md5: str


# As in keras.applications.vgg16, which finds and verifies the same file.
_IMAGENET = _Published(
    "https://storage.googleapis.com/tensorflow/keras-applications/vgg16/"
    "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
    "6d6bbae143d832006294945121d1f1fc",
)
_WAYS_OUT = (
    "pass weights=PATH to it or another one, weights='cifake' (inside this package, for "
    "32x32 images) or weights=None (random)"
)


def load_trunk(weights: str | PathLike[str] | None) -> Trunk:
    """Load the weights of a trunk; None is a random (He-normal) one, always the same.

    It is one object for as long as the source does not change.
    """
    if weights is None:
        return random_trunk()
    if weights == "cifake":
        return _embedded_trunk(next(iter(_EMBEDDED)))
    if weights == "imagenet":
        return _imagenet_trunk(_IMAGENET)
    path = Path(weights)
    if not path.is_file():
        raise FileNotFoundError(
            f"weights={str(path)!r} is neither 'imagenet' nor 'cifake', nor a file."
        )
    found = path.stat()
    # A copy may bring its time with it (cp -p, rsync), and a clock may go back.
    state = found.st_mtime_ns, found.st_ctime_ns, found.st_ino, found.st_size
    return _trunk_from_file(path.resolve(), state)


def require_weights(
    weights: str | PathLike[str] | None, *, ways_out: str = _WAYS_OUT
) -> None:
    """Download ImageNet's weights if they are wanted and missing.

    Where they are there, this takes no time, since it takes no Keras. `ways_out` tells what
    the user may give instead, in the words of the door in use.
    """
    if weights == "imagenet":
        _published_file(_IMAGENET, ways_out)


def _published_file(source: _Published, ways_out: str = _WAYS_OUT) -> Path:
    """Return Keras's copy of a published file; download it to there if there is none."""
    name = source.url.rpartition("/")[2]
    homes = _keras_homes()
    for home in homes:
        if _is_published(home / "models" / name, source):
            return home / "models" / name
    folder = next((home for home in homes if _is_writable(home)), homes[0]) / "models"
    try:
        folder.mkdir(exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".vgg16-", dir=folder) as temporary:
            fresh = Path(temporary, name)
            what = f"ImageNet's weights for VGG16 (59 MB, once, to {folder})"
            download(source.url, fresh, what=what)
            if not _is_published(fresh, source):
                raise OSError(f"What {source.url} sent is not the published file.")
            fresh.replace(folder / name)  # whole, whoever else is looking
    except OSError as error:
        raise OSError(
            f"ImageNet's weights are not available: {error} Put that file at {folder / name} "
            f"by other means, or {ways_out}."
        ) from error
    return folder / name


def _is_published(path: Path, source: _Published) -> bool:
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, partial(hashlib.md5, usedforsecurity=False))
    except FileNotFoundError:
        return False
    return digest.hexdigest() == source.md5


def _keras_homes() -> list[Path]:
    """Return where Keras keeps its files, and where it does if it cannot write there."""
    home = os.environ.get("KERAS_HOME") or "~/.keras"
    temporary = "/tmp" if Path("/tmp").is_dir() else tempfile.gettempdir()
    return [Path(home).expanduser(), Path(temporary, ".keras")]


def _is_writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(folder, os.W_OK)


def embedded_trunk(digest: str) -> Trunk | None:
    """Return what the package holds under a digest, or has held since its first release."""
    return _embedded_trunk(digest) if digest in _EMBEDDED else None


@lru_cache(maxsize=2)
def _embedded_trunk(digest: str) -> Trunk:
    with np.load(_TRUNKS / _EMBEDDED[digest], allow_pickle=False) as arrays:
        return Trunk(arrays, "weights='cifake'")


@lru_cache(maxsize=1)
def _imagenet_trunk(source: _Published) -> Trunk:
    path = str(_published_file(source))
    return _keras_trunk(path, "weights='imagenet'", trained_on="imagenet")


@lru_cache(maxsize=2)
def _trunk_from_file(path: Path, state: tuple[int, ...]) -> Trunk:
    del state  # it only tells the file from what was there before
    if path.suffix == ".safetensors":
        try:
            with safe_open(path, framework="np") as file:
                trained_on = (file.metadata() or {}).get("input")
            return Trunk(
                load_file(path),
                repr(str(path)),
                trained_on=trained_on if trained_on in ("imagenet", "unit") else None,
            )
        except SafetensorError as error:
            raise ValueError(
                f"{str(path)!r} is not a safetensors file: {error}."
            ) from error
    if path.suffix in (".h5", ".hdf5"):
        try:
            return _keras_trunk(str(path), repr(str(path)))
        except (KeyError, OSError, ValueError) as error:
            reason = str(error).partition("\n")[0]
            raise ValueError(
                f"{str(path)!r} does not hold the weights of Keras's VGG16 without its top: "
                f"{reason}"
            ) from error
    raise ValueError(
        f"weights={str(path)!r} must be a .safetensors file or a Keras .h5 file."
    )


def _keras_trunk(weights: str, name: str, trained_on: str | None = None) -> Trunk:
    prepare_tensorflow()
    from keras.applications import VGG16

    with _python_random_state():
        model = VGG16(include_top=False, weights=weights)
    arrays: dict[str, NDArray[Any]] = {}
    for layer in convolution_names():
        kernel, bias = model.get_layer(layer).get_weights()
        arrays[f"{layer}/kernel"], arrays[f"{layer}/bias"] = kernel, bias
    return Trunk(arrays, name, trained_on=trained_on)


@contextmanager
def _python_random_state() -> Iterator[None]:
    """Keep Python's generator as it is: Keras draws the seeds of its layers from it."""
    state = random.getstate()
    try:
        yield
    finally:
        random.setstate(state)
