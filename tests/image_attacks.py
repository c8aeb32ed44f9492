"""Small files that would take a decoder much memory or time, made from their formats.

Each function returns the bytes of one file; `ATTACKS` names them all.
"""

import io
import struct
import zlib
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from PIL import Image

HUGE = 30_000


def png_chunk(name: bytes, body: bytes, check: int | None = None) -> bytes:
    stored = zlib.crc32(name + body) if check is None else check
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", stored)


def png(
    size: tuple[int, int],
    *,
    bits: int = 8,
    colour: int = 2,
    before: Iterable[bytes] = (),
    n_rows: int | None = None,
    interlaced: bool = False,
) -> bytes:
    """Return a black PNG, with chunks of one's own before the pixels."""
    width, height = size
    channels = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour]
    row = 1 + (width * bits * channels + 7) // 8
    left = row * (height if n_rows is None else n_rows)
    packing, packed = zlib.compressobj(9), b""
    while left > 0:
        packed += packing.compress(bytes(min(left, 2**20)))
        left -= 2**20
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, interlaced)
    chunks = [png_chunk(b"IHDR", header), *before]
    chunks += [png_chunk(b"IDAT", packed + packing.flush()), png_chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def saved(image: Image.Image, name: str, **settings: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, name, **settings)
    return buffer.getvalue()


def jpeg(segments: bytes = b"", scans: int = 0, side: int = 512) -> bytes:
    """Return a progressive JPEG with segments in front and its shortest scan repeated."""
    data = saved(Image.new("L", (side, side), 128), "JPEG", progressive=True)
    marks = [i for i in range(len(data)) if data[i : i + 2] == b"\xff\xda"]
    parts = [data[a:b] for a, b in zip(marks, [*marks[1:], len(data) - 2], strict=True)]
    shortest = min(parts[1:], key=len)
    return data[:2] + segments + data[2 : marks[1]] + shortest * scans + data[marks[1] :]


def gif(extensions: bytes = b"", frames: int = 1, size: tuple[int, int] = (8, 8)) -> bytes:
    frame = saved(Image.new("P", (8, 8)), "GIF")
    header, image = frame[:13] + frame[13 : 13 + 3 * 2 ** (1 + (frame[10] & 7))], b""
    start = frame.index(b",\0\0\0\0", len(header))
    image = frame[start:-1]
    header = header[:6] + struct.pack("<HH", *size) + header[10:]
    return header + extensions + image * frames + b";"


def tiff(entries: dict[int, tuple[int, int, int]], data: bytes = b"") -> bytes:
    """Return a TIFF of tags: (type, count, value or place); `data` begins at byte 8."""
    tags = sorted(entries.items())
    body = b"".join(struct.pack("<HHII", tag, *entry) for tag, entry in tags)
    start = 8 + len(data)
    directory = struct.pack("<H", len(tags)) + body + bytes(4)
    return struct.pack("<2sHI", b"II", 42, start) + data + directory


def grey_tiff(width: int, height: int, **tags: tuple[int, int, int]) -> bytes:
    entries = {256: (4, 1, width), 257: (4, 1, height), 258: (3, 1, 8), 259: (3, 1, 1)}
    entries |= {262: (3, 1, 1), 273: (4, 1, 8), 277: (3, 1, 1), 278: (4, 1, height)}
    entries |= {279: (4, 1, width * height)}
    entries |= {int(tag[1:]): entry for tag, entry in tags.items()}
    return tiff(entries, bytes(4096))


def bmp_rle(width: int, height: int, runs: bytes) -> bytes:
    header = struct.pack(
        "<IiiHHIIiiII", 40, width, height, 1, 8, 1, len(runs), 0, 0, 256, 0
    )
    palette = bytes(i % 7 for i in range(1024))
    start = 14 + len(header) + len(palette)
    return struct.pack("<2sIII", b"BM", 0, 0, start) + header + palette + runs


def overlapping_strips() -> bytes:
    """Return a TIFF that draws the same 4,000 bytes over itself 100,000 times."""
    offsets = np.full(100_000, 8, "<u4").tobytes()
    data = bytes(4096) + offsets
    entries = {256: (4, 1, 64), 257: (4, 1, 64), 258: (3, 1, 8), 259: (3, 1, 1)}
    entries |= {262: (3, 1, 1), 273: (4, 100_000, 8 + 4096), 277: (3, 1, 1)}
    entries |= {278: (4, 1, 63), 279: (4, 1, 4096)}
    return tiff(entries, data)


def jpeg2000_tiles() -> bytes:
    data = bytearray(saved(Image.new("RGB", (64, 64)), "JPEG2000", no_jp2=True))
    struct.pack_into(">II", data, data.index(b"\xff\x51") + 22, 1, 1)
    struct.pack_into(">II", data, data.index(b"\xff\x51") + 6, 255, 255)
    return bytes(data)


ATTACKS: dict[str, Callable[[], bytes]] = {
    "one row": lambda: png((178_956_970, 1), bits=1, colour=0),
    "one column": lambda: png((1, 400_000), bits=1, colour=0),
    "png pixels": lambda: png((HUGE, HUGE), bits=1, colour=0),
    "png 16-bit rgba": lambda: png((12_000, 11_000), bits=16, colour=6),
    "png text": lambda: png(
        (8, 8), before=[png_chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(2**28), 9))]
    ),
    "png texts": lambda: png((8, 8), before=[png_chunk(b"tEXt", b"a\0b")] * 300_000),
    "png empty data": lambda: png((8, 8), before=[png_chunk(b"IDAT", b"")] * 300_000),
    "png profile": lambda: png(
        (8, 8), before=[png_chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(2**28), 9))]
    ),
    "png exif": lambda: png(
        (8, 8),
        before=[
            png_chunk(
                b"eXIf",
                b"II*\0\x08\0\0\0\xff\xff"
                + b"".join(
                    struct.pack("<HHII", tag, 7, 700_000, 8) for tag in range(65_535)
                ),
            )
        ],
    ),
    "jpeg scans": lambda: jpeg(scans=2_000, side=1024),
    "jpeg pixels": lambda: jpeg().replace(
        struct.pack(">HH", 512, 512), struct.pack(">HH", 65_000, 65_000)
    ),
    "jpeg segments": lambda: jpeg(b"\xff\xe5\x00\x02" * 2_000_000),
    "jpeg fill": lambda: jpeg(b"\xff" * 20_000_000),
    "jpeg exif": lambda: jpeg((b"\xff\xe1\xff\xff" + b"Exif\0\0".ljust(65_533)) * 300),
    "gif comments": lambda: gif(b"!\xfe" + (b"\xff" + b"c" * 255) * 100_000 + b"\0"),
    "gif small blocks": lambda: gif(b"!\xfe" + b"\x01c" * 10_000_000 + b"\0"),
    "gif frames": lambda: gif(frames=200_000),
    "gif screen": lambda: gif(size=(65_535, 65_535)),
    "tiff tile": lambda: grey_tiff(64, 64, t322=(4, 1, 60_000), t323=(4, 1, 60_000)),
    "tiff values": lambda: grey_tiff(64, 64, t273=(4, 400_000_000, 8)),
    "tiff tags": lambda: tiff(dict.fromkeys(range(65535), (7, 4000, 8)), bytes(4096)),
    "tiff strips": overlapping_strips,
    "tiff pixels": lambda: grey_tiff(HUGE, HUGE, t259=(3, 1, 32773)),
    "tiff no size": lambda: grey_tiff(0, 0),
    "bmp runs": lambda: bmp_rle(12_000, 12_000, b"\0\0" * 9),
    "bmp no progress": lambda: bmp_rle(8, 800, b"\xff\1" * 20_000_000),
    "ppm comments": lambda: b"P6 " + b"#\n" * 20_000_000 + b"8 8 255\n" + bytes(192),
    "ppm plain comments": lambda: b"P2 8 8 255\n" + b"#\n" * 4_000_000 + b"1 " * 64,
    "ppm maximum": lambda: b"P6 9000 9000 254\n",
    "ppm plain": lambda: b"P3 9000 9000 255\n" + b"1 " * 999,
    "webp canvas": lambda: (
        b"RIFF\x40\0\0\0WEBPVP8X\x0a\0\0\0\x10\0\0\0" + b"\xfe\x3f\0" * 2 + bytes(40)
    ),
    "jpeg2000 tiles": jpeg2000_tiles,
    "jpeg xl": lambda: b"\xff\x0a" + b"\xff" * 40,
}
