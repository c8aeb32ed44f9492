"""Hostile images: each is read or refused with a reason, within its budget."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from conftest import MakeImage, Patch, noise, start_python
from image_attacks import ATTACKS, bmp_rle, gif, grey_tiff, png, png_chunk, saved
from PIL import Image
from reading import read_image

from skfakereal import Augmentation, ImageReadError
from skfakereal._images.costs import MemoryShare, image_memory
from skfakereal._images.read import decode_image, read_bytes

# Read like any other image, for all its oddities.
HARMLESS = {"png text", "png profile", "png exif", "jpeg exif", "gif comments"}
DECODE = """
import re, sys, time
from skfakereal import ImageReadError
from skfakereal._images.read import decode_image, read_bytes

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1])

for path in sys.argv[1:]:
    open("/proc/self/clear_refs", "w").write("5")
    before, began = peak(), time.process_time()
    try:
        decode_image(read_bytes(path), path)
        said = "read"
    except ImageReadError as error:
        said = error.reason
    print(said, time.process_time() - began, (peak() - before) / 1024, sep=";")
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux")
@pytest.mark.parametrize("part", range(4))
def test_no_attack_goes_beyond_its_budget(tmp_path: Path, part: int) -> None:
    names = list(ATTACKS)[part::4]
    for i, name in enumerate(names):
        (tmp_path / f"{i}").write_bytes(ATTACKS[name]())
    paths = [str(tmp_path / f"{i}") for i in range(len(names))]
    answer = start_python("-W", "ignore", "-c", DECODE, *paths, timeout=500)
    assert not answer.returncode, answer.stderr
    for name, line in zip(names, answer.stdout.splitlines(), strict=True):
        said, seconds, megabytes = line.split(";")
        assert (said == "read") == (name in HARMLESS), (name, line)
        assert float(seconds) < 10, (name, line)
        assert float(megabytes) < 1000, (name, line)


@pytest.mark.parametrize("resize", ["stretch", "crop"])
@pytest.mark.parametrize("size", [(40_000, 1), (1, 40_000), (99_000, 200)])
def test_views_of_long_and_narrow_pictures(
    make_image: MakeImage, size: tuple[int, int], resize: str
) -> None:
    path = make_image("a.png", 128, size=size)
    for view in range(3):
        pixels = Augmentation().render(path, view, image_size=(64, 64), resize=resize)
        assert pixels.shape == (64, 64, 3)
        assert 100 < pixels.mean() < 156


def test_a_cut_before_padding_changes_no_view(
    make_image: MakeImage, monkeypatch: Patch
) -> None:
    path = make_image("a.png", np.tile(noise(60), (1, 20, 1)))
    views = Augmentation()
    whole = [
        views.render(path, view, image_size=(96, 96), resize="crop") for view in (1, 2)
    ]
    monkeypatch.setattr("skfakereal._resampling._PADDED", 0)
    cut = [views.render(path, view, image_size=(96, 96), resize="crop") for view in (1, 2)]
    np.testing.assert_allclose(np.stack(cut).astype(int), np.stack(whole), atol=1)


@pytest.mark.parametrize("turn", range(1, 9))
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L", "LA", "I;16"])
def test_strips_give_what_the_whole_gives(
    make_image: MakeImage, monkeypatch: Patch, mode: str, turn: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = turn
    grey = Image.fromarray(noise(40)[:, :, 0])
    if mode == "I;16":
        picture = Image.fromarray(np.asarray(grey).astype(np.uint16) * 255)
    elif mode in ("RGBA", "LA"):
        picture = Image.fromarray(noise(40)).convert(mode)
        picture.putalpha(grey)
    else:
        picture = Image.fromarray(noise(40)).convert(mode)
    settings = {"transparency": 3} if mode in ("P", "L") else {}
    path = make_image("a.png", picture, exif=exif, **settings)
    whole = read_image(path)
    monkeypatch.setattr("skfakereal._images.read.STRIP", 44 * 7)
    np.testing.assert_array_equal(read_image(path), whole)


def test_what_makes_no_pixels_changes_none(tmp_path: Path) -> None:
    pixels = Image.fromarray(noise(32))
    plain = saved(pixels, "PNG")
    extra = [
        png_chunk(b"tEXt", b"transparency\0(0, 0, 0)"),
        png_chunk(b"tEXt", b"interlace\0" + b"1"),
        png_chunk(b"tEXt", b"a\0wrong checksum", check=1),
        png_chunk(b"zTXt", b"workflow\0\0" + zlib.compress(b"x" * 3_000_000)),
        png_chunk(b"iTXt", b"a\0\1\0\0\0" + zlib.compress("ä".encode() * 2_000_000)),
        png_chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(2_000_000))),
        png_chunk(b"pHYs", b"too short", check=7),
    ]
    odd = plain[:33] + b"".join(extra) + plain[33:]
    np.testing.assert_array_equal(decode_image(odd, "odd"), pixels)


def test_the_turning_is_kept_wherever_it_stands() -> None:
    pixels = noise(32)
    plain = saved(Image.fromarray(pixels), "PNG")
    xmp = b'<x:xmpmeta><rdf:Description tiff:Orientation="3"/></x:xmpmeta>'
    keyword = b"XML:com.adobe.xmp\0"
    for chunk in (
        png_chunk(b"iTXt", keyword + b"\0\0\0\0" + xmp),
        png_chunk(b"iTXt", keyword + b"\1\0\0\0" + zlib.compress(xmp)),
    ):
        turned = decode_image(plain[:33] + chunk + plain[33:], "a")
        np.testing.assert_array_equal(turned, pixels[::-1, ::-1])
    large = png_chunk(b"iTXt", keyword + b"\1\0\0\0" + zlib.compress(xmp + bytes(2**22)))
    np.testing.assert_array_equal(
        decode_image(plain[:33] + large + plain[33:], "a"), Image.fromarray(pixels)
    )


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize(("bits", "colour"), [(1, 0), (8, 2), (8, 3), (16, 6)])
def test_a_png_of_black_rows_is_told_from_one_whose_rows_are_missing(
    bits: int, colour: int, interlaced: bool
) -> None:
    before = [png_chunk(b"PLTE", bytes(6))] if colour == 3 else []
    made = {"bits": bits, "colour": colour, "before": before, "interlaced": interlaced}
    whole = png((9, 9), n_rows=30, **made)
    assert not np.asarray(decode_image(whole, "a")).max() or colour == 6
    with pytest.raises(ImageReadError, match="truncated") as caught:
        decode_image(png((9, 9), n_rows=8, **made), "a")
    assert caught.value.reason == "truncated"


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("black_is_zero", [0, 1])
def test_sixteen_bit_tiff_is_the_right_way_round(order: str, black_is_zero: int) -> None:
    ramp = np.tile(np.linspace(0, 65535, 8), (4, 1)).astype("u2")
    data = (ramp if black_is_zero else 65535 - ramp).astype(f"{order}u2").tobytes()
    tags = [(256, 4, 8), (257, 4, 4), (258, 3, 16), (259, 3, 1), (262, 3, black_is_zero)]
    tags += [(273, 4, 8 + 2 + 12 * 9 + 4), (277, 3, 1), (278, 4, 4), (279, 4, len(data))]
    mark = b"II" if order == "<" else b"MM"
    file = struct.pack(f"{order}2sHIH", mark, 42, 8, 9)
    for tag, kind, value in tags:
        # A short value stands in the first two of its four bytes.
        packed = struct.pack(f"{order}{'H' if kind == 3 else 'I'}", value).ljust(4, b"\0")
        file += struct.pack(f"{order}HHI", tag, kind, 1) + packed
    read = np.asarray(decode_image(file + bytes(4) + data, "a"))
    np.testing.assert_array_equal(read[:, :, 0], ramp >> 8)


def test_a_tiff_with_samples_of_a_kind_that_is_not_read() -> None:
    with pytest.raises(ImageReadError, match="layout of samples") as caught:
        decode_image(grey_tiff(8, 8, t258=(3, 1, 24)), "a")
    assert caught.value.reason == "unsupported"


def test_a_small_run_length_bitmap_is_read() -> None:
    image = decode_image(bmp_rle(4, 2, b"\4\1\0\0\4\2\0\1"), "a")
    assert image.size == (4, 2)
    assert len(np.unique(np.asarray(image).reshape(8, 3), axis=0)) == 2


def test_an_animation_is_cut_to_its_first_frame() -> None:
    assert decode_image(gif(b"!\xfe\3abc\0", frames=3), "a").size == (8, 8)


def test_the_memory_of_one_image_is_a_setting(
    make_image: MakeImage, monkeypatch: Patch
) -> None:
    path = make_image("a.png", 128, size=(1000, 1000))
    assert image_memory() == 10**9
    monkeypatch.setenv("SKFAKEREAL_IMAGE_MEMORY", "7000000")
    with pytest.raises(ImageReadError, match="SKFAKEREAL_IMAGE_MEMORY") as caught:
        read_image(path)
    assert caught.value.reason == "too large"
    monkeypatch.setenv("SKFAKEREAL_IMAGE_MEMORY", "1 GB")
    with pytest.raises(ValueError, match="number of bytes, such as"):
        read_image(path)


def test_what_a_share_holds_goes_back() -> None:
    for _ in range(40):  # forty times more than there is
        with MemoryShare() as share:
            share.hold_file(10**8)
            share.hold_pixels(10**9)


def test_a_growing_file_is_read_to_its_end(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 200_000)
    assert read_bytes(str(tmp_path / "a")) == b"x" * 200_000
    if Path("/proc/self/maps").exists():  # says that it has no bytes
        assert len(read_bytes("/proc/self/maps")) > 1000
