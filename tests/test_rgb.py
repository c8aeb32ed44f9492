"""Pixels of every kind of file, against values computed with NumPy alone."""

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import MakeImage, png_bytes
from numpy.typing import NDArray
from PIL import Image
from reading import read_image

from skfakereal import ImageReadError

Pixels = NDArray[np.uint8]


@pytest.fixture
def photo() -> Pixels:
    """A smooth picture without symmetry, 24 high and 40 wide, kind to lossy formats."""
    y, x = np.mgrid[0:24, 0:40]
    return np.stack([x * 6, y * 10, 255 - x * 3 - y * 3], axis=-1).astype(np.uint8)


def grey(values: NDArray[Any]) -> NDArray[Any]:
    return np.repeat(values[..., None], 3, axis=-1)


def over_white(pixels: NDArray[Any], alpha: NDArray[Any]) -> NDArray[np.float64]:
    share = alpha[..., None] / 255.0
    return pixels * share + 255.0 * (1.0 - share)


@pytest.mark.parametrize(
    "name", ["a.png", "a.bmp", "a.tif", "a.ppm", "a.webp", "a.jp2", "a.jpg"]
)
def test_colours(make_image: MakeImage, photo: Pixels, name: str) -> None:
    settings = {"a.webp": {"lossless": True}, "a.jpg": {"quality": 98, "subsampling": 0}}
    read = read_image(make_image(name, photo, **settings.get(name, {})))
    assert read.dtype == np.uint8
    np.testing.assert_allclose(read.astype(int), photo, atol=6 if name == "a.jpg" else 0)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        *(
            ("a.tif", {"compression": x})
            for x in ("tiff_lzw", "tiff_adobe_deflate", "packbits")
        ),
        ("a.jpg", {"format": "PNG"}),  # the content decides, and not the name
    ],
)
def test_whatever_the_packing(
    make_image: MakeImage, photo: Pixels, name: str, settings: Any
) -> None:
    np.testing.assert_array_equal(read_image(make_image(name, photo, **settings)), photo)


def test_progressive_jpeg_equals_baseline(make_image: MakeImage, photo: Pixels) -> None:
    baseline = read_image(make_image("a.jpg", photo))
    progressive = read_image(make_image("b.jpg", photo, progressive=True))
    np.testing.assert_array_equal(progressive, baseline)


@pytest.mark.parametrize("adobe", [True, False], ids=["adobe", "no mark"])
def test_cmyk_jpeg_is_stored_inverted(
    make_image: MakeImage, tmp_path: Path, adobe: bool
) -> None:
    # Pure cyan, half black: red is 0, green and blue are half.
    path = make_image("a.jpg", Image.new("CMYK", (16, 16), (255, 0, 0, 128)), quality=100)
    data = Path(path).read_bytes()
    mark = data.index(b"\xff\xee\x00\x0eAdobe")
    if not adobe:
        Path(path).write_bytes(data[:mark] + data[mark + 16 :])
    np.testing.assert_allclose(read_image(path)[8, 8].astype(int), [0, 127, 127], atol=2)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("name", "transparency", "alpha"),
    [
        ("a.png", {}, [255, 255, 255]),
        ("a.gif", {}, [255, 255, 255]),
        ("a.png", {"transparency": 1}, [255, 0, 255]),
        ("a.gif", {"transparency": 1}, [255, 0, 255]),
        ("a.png", {"transparency": bytes([255, 100, 0])}, [255, 100, 0]),
    ],
)
def test_a_palette_is_laid_over_white(
    make_image: MakeImage, name: str, transparency: Any, alpha: list[int]
) -> None:
    colours = np.array([[200, 10, 30], [0, 90, 255], [7, 8, 9]], np.uint8)
    indices = np.arange(20 * 30).reshape(20, 30) % 3
    image = Image.fromarray(indices.astype(np.uint8), mode="P")
    image.putpalette(colours.tobytes())
    path = make_image(name, image, **transparency)
    expected = over_white(colours, np.array(alpha))[indices]
    atol = 1 if alpha[2] == 0 else 0
    np.testing.assert_allclose(read_image(path), expected, atol=atol)


@pytest.mark.parametrize("name", ["a.png", "a.webp", "a.tif"])
def test_alpha_is_laid_over_white(
    make_image: MakeImage, photo: Pixels, rng: np.random.Generator, name: str
) -> None:
    alpha = rng.integers(0, 256, photo.shape[:2]).astype(np.uint8)
    settings = {"lossless": True, "exact": True} if name == "a.webp" else {}
    path = make_image(name, np.dstack([photo, alpha]), **settings)
    np.testing.assert_allclose(read_image(path), over_white(photo, alpha), atol=1)


def test_grey_with_alpha_is_laid_over_white(
    make_image: MakeImage, photo: Pixels, rng: np.random.Generator
) -> None:
    alpha = rng.integers(0, 256, photo.shape[:2]).astype(np.uint8)
    pair = Image.merge("LA", [Image.fromarray(photo[..., 0]), Image.fromarray(alpha)])
    expected = over_white(grey(photo[..., 0]), alpha)
    np.testing.assert_allclose(read_image(make_image("a.png", pair)), expected, atol=1)


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif", "a.pgm", "a.gif"])
def test_grey(make_image: MakeImage, photo: Pixels, name: str) -> None:
    path = make_image(name, photo[..., 1])
    np.testing.assert_array_equal(read_image(path), grey(photo[..., 1]))


def test_a_transparent_grey_is_white(make_image: MakeImage, photo: Pixels) -> None:
    path = make_image("a.png", photo[..., 1], transparency=100)
    expected = np.where(photo[..., 1] == 100, 255, photo[..., 1])
    np.testing.assert_array_equal(read_image(path), grey(expected))


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif", "a.pbm"])
def test_one_bit(make_image: MakeImage, photo: Pixels, name: str) -> None:
    bits = photo[..., 0] > 99
    path = make_image(name, Image.fromarray(bits))
    np.testing.assert_array_equal(read_image(path), grey(bits * 255))


@pytest.mark.parametrize(
    ("name", "dtype"),
    [("a.png", "<u2"), ("a.tif", "<u2"), ("a.tif", ">u2"), ("a.pgm", "<u2")],
)
def test_sixteen_bit_grey_keeps_its_upper_half(
    make_image: MakeImage, rng: np.random.Generator, name: str, dtype: str
) -> None:
    # The second one is dark: it must not pass for 8 bits.
    for top in (65536, 200):
        samples = rng.integers(0, top, (20, 30)).astype(dtype)
        path = make_image(name, Image.fromarray(samples))
        np.testing.assert_array_equal(read_image(path), grey(samples >> 8))


def test_twelve_bits_fill_the_range(tmp_path: Path) -> None:
    # Two samples, 0xABC and 0x123, in three bytes; Pillow does not write such files.
    entries = [(256, 2), (257, 1), (258, 12), (259, 1), (262, 1), (273, 110), (279, 3)]
    directory = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    data = b"II*\0" + struct.pack("<IH", 8, len(entries)) + directory + bytes(4)
    path = tmp_path / "a.tif"
    path.write_bytes(data.ljust(110, b"\0") + b"\xab\xc1\x23")
    np.testing.assert_array_equal(read_image(str(path)), grey(np.array([[0xAB, 0x12]])))


def test_a_transparent_sixteen_bit_grey_is_white(make_image: MakeImage) -> None:
    samples = np.array([[1000, 1001, 65535]], np.uint16)
    path = make_image("a.png", Image.fromarray(samples), transparency=1001)
    np.testing.assert_array_equal(read_image(path), grey(np.array([[3, 255, 255]])))


def test_sixteen_bit_colours_keep_their_upper_half(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    samples = rng.integers(0, 65536, (20, 30, 3)).astype(">u2")
    rows = b"".join(b"\0" + row.tobytes() for row in samples)
    path = tmp_path / "a.png"
    path.write_bytes(png_bytes(30, 20, zlib.compress(rows), bits=16))
    np.testing.assert_array_equal(read_image(str(path)), samples >> 8)


@pytest.mark.parametrize("mode", ["F", "I"])
def test_samples_without_a_range_are_unsupported(make_image: MakeImage, mode: str) -> None:
    path = make_image("a.tif", Image.new(mode, (8, 8)))
    with pytest.raises(ImageReadError, match=r"'.*a\.tif' cannot be used") as caught:
        read_image(path)
    assert caught.value.reason == "unsupported"


# How the stored picture has to be laid out so that turning it shows the original.
STORED = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, 1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a, -1),
}


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.webp", "a.jpg"])
@pytest.mark.parametrize("orientation", STORED)
def test_exif_orientation_is_turned_upright(
    make_image: MakeImage, photo: Pixels, name: str, orientation: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    settings = {"a.webp": {"lossless": True}, "a.jpg": {"quality": 98, "subsampling": 0}}
    stored = np.ascontiguousarray(STORED[orientation](photo))
    path = make_image(name, stored, exif=exif, **settings.get(name, {}))
    tolerance = 6 if name == "a.jpg" else 0
    np.testing.assert_allclose(read_image(path).astype(int), photo, atol=tolerance)


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_is_ignored(
    make_image: MakeImage, photo: Pixels, orientation: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    np.testing.assert_array_equal(read_image(make_image("a.png", photo, exif=exif)), photo)


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp"])
@pytest.mark.parametrize("exif", [b"II*\0\x08\0\0\0\xff\xff garbage", b"no header", b"MM"])
def test_broken_exif_says_nothing_on_the_pixels(
    make_image: MakeImage, photo: Pixels, name: str, exif: bytes
) -> None:
    plain = read_image(make_image(f"plain_{name}", photo))
    broken = read_image(make_image(name, photo, exif=b"Exif\0\0" + exif))
    np.testing.assert_array_equal(broken, plain)
