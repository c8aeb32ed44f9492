"""Files that are missing, no images, or hostile: each an error that says why."""

import concurrent.futures
import os
import pickle
import struct
import warnings
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import MakeImage, Patch, noise, png_bytes
from PIL import Image, ImageFile
from reading import read_image

from skfakereal import ImageReadError
from skfakereal._images.read import decode_image, raise_unreadable


def reason_of(path: str | Path) -> str:
    """Return why a file cannot be read; the error must name it."""
    with pytest.raises(ImageReadError) as caught:
        read_image(str(path))
    assert repr(str(path)) in str(caught.value)
    assert caught.value.path == str(path)
    assert caught.value.failures == (caught.value,)
    return caught.value.reason


def test_what_is_no_readable_file(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "link.jpg").symlink_to(tmp_path / "gone.jpg")
    (tmp_path / "ring.jpg").symlink_to(tmp_path / "ring.jpg")
    with (tmp_path / "hole.jpg").open("wb") as file:
        file.truncate(2**40)
    reasons = {"gone.jpg": "missing", "link.jpg": "missing", "empty.jpg/a.jpg": "missing"}
    reasons |= {"": "directory", "empty.jpg": "empty", "hole.jpg": "too large"}
    reasons |= dict.fromkeys(
        ["ring.jpg", "nul\0l.jpg", "\ud800.jpg", "a" * 5000], "unreadable"
    )
    for name, reason in reasons.items():
        assert reason_of(f"{tmp_path}/{name}".removesuffix("/")) == reason, name
    with pytest.raises(ImageReadError, match="it is a link to nothing"):
        read_image(str(tmp_path / "link.jpg"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes by name")
def test_a_pipe_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    assert reason_of(tmp_path / "pipe.jpg") == "not a file"


@pytest.mark.parametrize(
    "content", [b"Not an image, but text.\n" * 9, b"\0" * 999, b"\xff\xd8", b"P3 words"]
)
def test_what_is_no_image(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.jpg").write_bytes(content)
    assert reason_of(tmp_path / "a.jpg") == "not an image"


@pytest.mark.parametrize(
    ("name", "reason"),
    [("a.tga", "not an image"), ("a.eps", "unsupported"), ("a.ico", "unsupported")],
)
def test_formats_that_are_not_read(make_image: MakeImage, name: str, reason: str) -> None:
    # EPS would start another program, and TGA takes any bytes for pixels.
    assert reason_of(make_image(name, noise(32))) == reason


@pytest.mark.parametrize("limitless", [False, True], ids=["", "MAX_IMAGE_PIXELS=None"])
@pytest.mark.parametrize("kind", ["png", "jpg", "gif", "bmp"])
def test_a_decompression_bomb_is_refused_before_it_unfolds(
    make_image: MakeImage, monkeypatch: Patch, kind: str, limitless: bool
) -> None:
    resource = pytest.importorskip("resource")
    if limitless:  # somebody has switched Pillow's own limit off
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    data = bytearray(Path(make_image(f"a.{kind}", noise(32))).read_bytes())
    huge = struct.pack(">HH", 60000, 60000)
    if kind == "png":
        data = bytearray(png_bytes(60000, 60000, zlib.compress(bytes(10**6))))
    elif kind == "jpg":
        frame = data.index(b"\xff\xc0")
        data[frame + 5 : frame + 9] = huge
    elif kind == "gif":
        data[6:10] = struct.pack("<HH", 60000, 60000)
    else:
        data[18:26] = struct.pack("<II", 60000, 60000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ImageReadError) as caught:
        decode_image(bytes(data), "bomb")
    assert caught.value.reason == "too large"
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # in KiB
    assert peak - before < 50_000


@pytest.fixture
def mixed_files(make_image: MakeImage, tmp_path: Path) -> list[str]:
    names = ["a.jpg", "a.png", "a.gif", "a.webp", "a.bmp", "a.ppm"]
    paths = [make_image(name, noise(32 + i)) for i, name in enumerate(names)]
    for path in list(paths):
        cut = tmp_path / f"cut_{Path(path).name}"
        cut.write_bytes(Path(path).read_bytes()[:-90])
        paths.append(str(cut))
    return [*paths, str(tmp_path / "gone.jpg"), str(tmp_path)]


def outcome(path: str) -> bytes | str:
    try:
        return read_image(path).tobytes()
    except ImageReadError as error:
        return error.reason


def test_threads_read_what_one_reads(mixed_files: list[str]) -> None:
    one_by_one = [outcome(path) for path in mixed_files] * 40
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        together = list(pool.map(outcome, mixed_files * 40))
    assert together == one_by_one
    failed = [result for result in one_by_one if isinstance(result, str)]
    assert len(failed) == 40 * 8


def test_no_global_state_changes_and_no_warning_escapes(mixed_files: list[str]) -> None:
    def state() -> tuple[Any, ...]:
        switches = (ImageFile.LOAD_TRUNCATED_IMAGES, Image.MAX_IMAGE_PIXELS)
        return (*switches, list(warnings.filters), np.geterr())

    before = state()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        inside = state()
        for path in mixed_files:
            outcome(path)
        assert state() == inside
    assert caught == []
    assert state() == before


@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.png", "a.tif", "a.mpo"])
def test_of_several_pictures_the_first_is_read(make_image: MakeImage, name: str) -> None:
    first, second = Image.new("RGB", (16, 8), (0, 128, 255)), Image.new("RGB", (16, 8))
    settings = {"lossless": True} if name == "a.webp" else {}
    path = make_image(name, first, save_all=True, append_images=[second], **settings)
    with Image.open(path) as image:
        assert getattr(image, "n_frames", 1) == 2
    expected = np.broadcast_to([0, 128, 255], (8, 16, 3))
    np.testing.assert_allclose(read_image(path).astype(int), expected, atol=2)


def test_an_error_survives_the_way_back_from_a_worker() -> None:
    one = ImageReadError("m", path="p", reason="damaged", index=3)
    back = pickle.loads(pickle.dumps(one))
    assert (str(back), back.path, back.reason, back.index) == ("m", "p", "damaged", 3)
    assert back.failures == (back,)


def test_all_failures_are_listed_together() -> None:
    failures = [
        ImageReadError(f"'{i}.jpg' is empty.", path=f"{i}.jpg", reason="empty", index=i)
        for i in range(25)
    ]
    raise_unreadable([])
    with pytest.raises(ImageReadError, match="25 images cannot be read") as caught:
        raise_unreadable(failures, name="X_val")
    error = pickle.loads(pickle.dumps(caught.value))
    assert "X_val[19]: '19.jpg' is empty." in str(error)
    assert "X_val[20]" not in str(error)
    assert "and 5 more" in str(error)
    assert [failure.index for failure in error.failures] == list(range(25))
    assert (error.path, error.reason, error.index) == ("0.jpg", "empty", 0)


def test_one_failure_without_an_index() -> None:
    failure = ImageReadError("'a.jpg' is empty.", path="a.jpg", reason="empty")
    with pytest.raises(ImageReadError, match="1 image cannot be read") as caught:
        raise_unreadable([failure])
    assert str(caught.value).endswith("\n  'a.jpg' is empty.")
