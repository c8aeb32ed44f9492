"""Whatever an image does while its facts are read, the audit of the others goes on."""

import io
import struct
import time
import zlib
from pathlib import Path

import numpy as np
import pytest
from audit_sets import jpeg, leaking_set
from conftest import png_bytes
from PIL import Image, PngImagePlugin

from skfakereal.audit import AuditReport, audit_images, equalize_images, read_facts
from skfakereal.audit._facts import read_packing


def tiff_bytes(*tags: tuple[int, int, int, int]) -> bytes:
    """Return a grey TIFF of 4x4 pixels with more tags: number, type, count, value."""
    shape = [(256, 3, 1, 4), (257, 3, 1, 4), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)]
    pixels = [(273, 4, 1, 8), (277, 3, 1, 1), (278, 3, 1, 4), (279, 4, 1, 16)]
    entries = sorted([*shape, *pixels, *tags])
    body = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    head = b"II*\0" + struct.pack("<I", 24) + bytes(range(16))
    return head + struct.pack("<H", len(entries)) + body + struct.pack("<I", 0)


def jpeg_with(*segments: tuple[int, bytes]) -> bytes:
    """Return a JPEG with segments, each a marker and its payload, before its own."""
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16), "teal").save(buffer, "JPEG")
    parts = [bytes([0xFF, m]) + struct.pack(">H", len(p) + 2) + p for m, p in segments]
    return b"\xff\xd8" + b"".join(parts) + buffer.getvalue()[2:]


def text(value: bytes) -> int:
    return int.from_bytes(value, "little")


ODD = {
    "resolution is a text": tiff_bytes((282, 2, 4, text(b"abc\0")), (296, 3, 1, 2)),
    "both resolutions are": tiff_bytes(
        (282, 2, 4, text(b"abc\0")), (283, 2, 4, text(b"de\0\0"))
    ),
    "software is a number": tiff_bytes((305, 4, 1, 7)),
    "software is not a text": tiff_bytes((305, 2, 4, text(b"\xff\xfe\x00\xd8"))),
    "EXIF leads nowhere": tiff_bytes((34665, 4, 1, 2**31)),
    "EXIF leads to itself": tiff_bytes((34665, 4, 1, 24)),
    "EXIF is noise": jpeg_with((0xE1, b"Exif\0\0" + bytes(range(200)))),
    "profile is noise": jpeg_with((0xE2, b"ICC_PROFILE\0\x01\x01" + bytes(range(200)))),
    "comment is noise": jpeg_with((0xFE, bytes(range(256)))),
    "tables are short": jpeg_with((0xDB, b"\x10\x01")),
    "empty segments": jpeg_with(*[(0xFE, b"")] * 1000),
}


@pytest.fixture
def ordinary(tmp_path: Path) -> tuple[list[Path], list[int]]:
    paths, y = leaking_set(tmp_path / "in", 12, jpeg, jpeg)
    return paths, y.tolist()


def test_odd_files_do_not_end_the_audit(
    tmp_path: Path, ordinary: tuple[list[Path], list[int]]
) -> None:
    paths, y = ordinary
    odd = [tmp_path / kind for kind in ODD]
    for path in odd:
        path.write_bytes(ODD[path.name])
    report = audit_images([*paths, *odd], [*y, *[1] * len(odd)])
    assert isinstance(report, AuditReport)
    assert sum(report.class_counts.values()) + len(report.unreadable) == 24 + len(odd)
    assert repr(report)
    assert report.to_html()


def test_a_text_as_resolution_is_the_value_of_the_resolution(tmp_path: Path) -> None:
    odd = tmp_path / "odd.tif"
    odd.write_bytes(ODD["both resolutions are"])
    assert "abc" in str(read_facts(str(odd)).values["density"])


@pytest.mark.parametrize("size", [(70_000, 1), (1, 70_000)])
def test_a_line_of_pixels_is_examined_at_a_bounded_cost(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    path = tmp_path / "line.png"
    Image.new("RGB", size, "teal").save(path)
    began = time.process_time()
    facts = read_facts(str(path))
    assert facts.error is None
    assert facts.values["border"] == 100
    assert time.process_time() - began < 3


def test_comments_of_many_megabytes_are_read_at_a_bounded_cost(tmp_path: Path) -> None:
    path = tmp_path / "bloated.jpg"
    path.write_bytes(jpeg_with(*[(0xFE, b"x" * 65_000)] * 300))
    began = time.process_time()
    facts = read_facts(str(path))
    assert facts.error is None
    assert len(str(facts.values["comment"])) < 100
    assert time.process_time() - began < 3


@pytest.mark.parametrize(
    ("start", "part"),
    [
        (b"\xff\xd8", b"\xff\xfe\0\2"),
        (b"\x89PNG\r\n\x1a\n", bytes(4) + b"tEXt" + bytes(4)),
        (b"RIFF\0\0\0\0WEBP", b"XXXX" + bytes(4)),
    ],
    ids=["JPEG", "PNG", "WebP"],
)
def test_millions_of_empty_parts_are_read_at_a_bounded_cost(
    start: bytes, part: bytes
) -> None:
    began = time.process_time()
    packing = read_packing(start + 20_000_000 * part)
    assert packing["layout"] != "(not read)"
    assert time.process_time() - began < 5


def test_a_picture_that_the_format_cannot_hold_is_listed(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    paths = [tmp_path / "in" / name for name in ("long.png", "plain.png")]
    Image.new("RGB", (16_400, 1)).save(paths[0])
    paths[1].write_bytes(png_bytes(1, 1, zlib.compress(bytes(4))))
    copies = equalize_images(
        paths, [0, 1], tmp_path / "out", format="webp", on_error="skip"
    )
    assert [f.index for f in copies.failures] == [0]
    assert "cannot be copied as WEBP" in str(copies.failures[0])
    assert np.array_equal(copies.target, [1])


def test_the_facts_of_a_png_with_megabytes_of_texts_or_profile_are_read(
    tmp_path: Path,
) -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("workflow", "x" * 1_200_000, zip=True)
    picture = Image.new("RGB", (16, 16), "teal")
    picture.save(tmp_path / "texts.png", pnginfo=texts)
    picture.save(tmp_path / "profile.png", icc_profile=bytes(1_200_000))
    picture.save(tmp_path / "plain.png")
    workflow, profile, plain = (
        read_facts(str(tmp_path / f"{name}.png")) for name in ("texts", "profile", "plain")
    )
    assert [facts.error for facts in (workflow, profile, plain)] == [None] * 3
    assert workflow.values["text_keys"] == "workflow"
    profiles = [facts.values["icc"] != "(none)" for facts in (workflow, profile, plain)]
    assert profiles == [False, True, False]
    assert workflow.fingerprint == profile.fingerprint == plain.fingerprint
