"""Truncated and altered files: none of them passes for a picture."""

import io
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import MakeImage, Patch, noise, png_bytes
from numpy.typing import NDArray
from PIL import Image, ImageFile

from skfakereal import ImageReadError
from skfakereal._images.completeness import PackingError, essential_data
from skfakereal._images.read import decode_image

COMPLETE: dict[str, dict[str, Any]] = {
    "baseline.jpg": {},
    "progressive.jpg": {"progressive": True},
    "restarts.jpg": {"restart_marker_rows": 1},
    "packed.png": {},
    "stored.png": {"compress_level": 0},
    "a.gif": {},
    "lossy.webp": {},
    "lossless.webp": {"lossless": True},
    "plain.tif": {},
    "lzw.tif": {"compression": "tiff_lzw"},
    "a.jp2": {},
    "a.ppm": {},
    "a.bmp": {},  # four pixels of 3 bytes: no row is padded
}
if ".avif" in Image.registered_extensions():  # since Pillow 11.3
    COMPLETE["a.avif"] = {}


def refused(data: bytes) -> str:
    with pytest.raises(ImageReadError) as caught:
        decode_image(data, "cut")
    return caught.value.reason


@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
@pytest.mark.parametrize("lenient", [False, True], ids=["", "LOAD_TRUNCATED_IMAGES"])
@pytest.mark.parametrize("size", [8, 32, 160])
@pytest.mark.parametrize("name", COMPLETE)
def test_no_truncated_file_passes(
    make_image: MakeImage, monkeypatch: Patch, name: str, size: int, lenient: bool
) -> None:
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", lenient)
    data = Path(make_image(name, noise(size), **COMPLETE[name])).read_bytes()
    decode_image(data, "whole")
    lengths = {len(data) * percent // 100 for percent in range(30, 100)}
    lengths |= {len(data) - missing for missing in range(1, 21)}
    reasons = {refused(data[:length]) for length in lengths}
    assert reasons <= {"truncated", "damaged"}


@pytest.mark.parametrize("name", ["baseline.jpg", "progressive.jpg", "packed.png", "a.gif"])
def test_no_file_whose_end_became_zeros_passes(make_image: MakeImage, name: str) -> None:
    data = Path(make_image(name, noise(32), **COMPLETE[name])).read_bytes()
    lengths = [len(data) * percent // 100 for percent in range(30, 100)]
    reasons = {refused(data[:length].ljust(len(data), b"\0")) for length in lengths}
    assert reasons <= {"truncated", "damaged"}


def test_no_truncated_interlaced_png_passes() -> None:
    data = interlaced_png(noise(8)[:8, :8])
    decode_image(data, "whole")
    assert {refused(data[:n]) for n in range(60, len(data))} == {"truncated"}


def test_a_row_that_lost_only_padding_passes_in_bmp(make_image: MakeImage) -> None:
    # The one known truncation that passes; every pixel is there.
    pixels = noise(12)[:, :13]
    data = Path(make_image("a.bmp", pixels)).read_bytes()
    np.testing.assert_array_equal(decode_image(data[:-1], "cut"), pixels)
    assert refused(data[:-2]) == "truncated"


def interlaced_png(pixels: NDArray[np.uint8]) -> bytes:
    """Return an 8x8 picture in Adam7's seven passes, which Pillow does not write."""
    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2)]
    passes += [(0, 1, 2, 2), (1, 0, 2, 1)]
    rows = [row for y, x, down, right in passes for row in pixels[y::down, x::right]]
    data = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    return png_bytes(8, 8, data, interlaced=True)


def test_interlaced_png() -> None:
    pixels = noise(8)[:8, :8]
    np.testing.assert_array_equal(decode_image(interlaced_png(pixels), "a"), pixels)


def test_a_flipped_bit_in_a_png_fails_its_checksum(make_image: MakeImage) -> None:
    data = bytearray(Path(make_image("a.png", noise(32), compress_level=0)).read_bytes())
    data[len(data) // 2] ^= 1
    with pytest.raises(ImageReadError, match="chunk 'IDAT' fails its checksum") as caught:
        decode_image(bytes(data), "a")
    assert caught.value.reason == "damaged"


def test_a_png_whose_data_stop_early_is_truncated() -> None:
    # Every chunk is whole and has its checksum, but the pixels run out.
    rows = noise(8)[:8, :8].reshape(8, 24)
    data = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    assert refused(png_bytes(8, 8, data[:100])) == "truncated"


def test_a_thumbnail_with_an_end_mark_of_its_own(make_image: MakeImage) -> None:
    photo = noise(32)
    thumbnail = io.BytesIO()
    Image.fromarray(photo).resize((8, 5)).save(thumbnail, "JPEG")
    exif = b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0" + thumbnail.getvalue()
    path = make_image("a.jpg", photo, exif=exif)
    data, plain = Path(path).read_bytes(), Path(make_image("b.jpg", photo)).read_bytes()
    assert data.count(b"\xff\xd9") == 2
    assert decode_image(data, "a").tobytes() == decode_image(plain, "b").tobytes()
    with pytest.raises(PackingError, match="its end mark is missing"):
        essential_data(data[:-2], "JPEG")


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.gif", "a.webp", "a.bmp"])
def test_bytes_after_the_end_are_accepted(make_image: MakeImage, name: str) -> None:
    data = Path(make_image(name, noise(32))).read_bytes()
    more = data + b"\xff\xd8appended by a messenger\0\0"
    assert decode_image(more, "a").tobytes() == decode_image(data, "a").tobytes()
