"""Bytes of an image file -> how it was packed: segments, chunks, JPEG coding.

Nothing here decodes a pixel, and damaged files give what can be read, never an error.
"""

import hashlib
from dataclasses import dataclass, field
from functools import cache

from skfakereal._images.containers import jpeg_segments, png_chunks, riff_chunks

_NAMES = {
    0xC4: "DHT",
    0xD8: "SOI",
    0xD9: "EOI",
    0xDA: "SOS",
    0xDB: "DQT",
    0xDD: "DRI",
    0xFE: "COM",
}
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
# What an APPn segment holds is told by its first bytes.
_APP_KINDS = (
    (b"JFIF", "JFIF"),
    (b"Exif", "Exif"),
    (b"http://ns.adobe.com/x", "XMP"),
    (b"ICC_PROFILE", "ICC"),
    (b"Photoshop", "Photoshop"),
    (b"Adobe", "Adobe"),
    (b"MPF", "MPF"),
)
# The luminance table of ITU-T T.81 (1992), annex K.1, which the Independent JPEG Group's
# library scales by its quality setting.
_LUMINANCE = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
_MOST_TEXTS = 1000  # that are kept
# Bytes of the standard Huffman tables of T.81, annex K.3, in the DHT segments of a grey
# and of a colour image, class and identity bytes included.
_STANDARD_HUFFMAN = frozenset({29 + 179, 2 * (29 + 179)})


@dataclass
class Container:
    """How a file is packed."""

    # Names of the segments or chunks in their order, repeats once; JPEG's up to its first
    # scan. Empty where the format is not JPEG, PNG or WebP.
    layout: str = ""
    # Digest of the JPEG quantisation tables; empty where there are none.
    jpeg_tables: str = ""
    # Quality from 1 to 100 whose standard luminance table is nearest; NaN where there is
    # none.
    jpeg_quality: float = float("nan")
    # Whether the JPEG is progressive, or the PNG interlaced.
    progressive: bool | None = None
    # Sampling factors of the JPEG's components, as "4:2:0"; empty where there are none.
    subsampling: str = ""
    huffman: str = ""  # "standard" or "optimised" Huffman tables of a JPEG
    comments: list[str] = field(default_factory=list)  # JPEG comments
    # Keys of PNG text chunks, such as the "parameters" that generators write.
    text_keys: list[str] = field(default_factory=list)
    c2pa: bool = False  # whether there is a C2PA manifest (content credentials)


def read_container(data: bytes) -> Container:
    """Read how a JPEG, PNG or WebP file is packed."""
    if data.startswith(b"\xff\xd8"):
        return _read_jpeg(data)
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return _read_png(data)
    if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        names = [name for name, _ in riff_chunks(data)]
        return Container(layout=_once(names), c2pa="C2PA" in names)
    return Container(c2pa=b"c2pa" in data[:65536] and b"jumb" in data[:65536])


def _read_jpeg(data: bytes) -> Container:
    container = Container()
    names: list[str] = ["SOI"]
    tables: list[bytes] = []
    huffman_bytes = 0
    for marker, payload in jpeg_segments(data):
        name = _NAMES.get(marker, f"{marker:02X}")
        if 0xE0 <= marker <= 0xEF:
            kind = next((k for start, k in _APP_KINDS if payload.startswith(start)), "")
            name = f"APP{marker - 0xE0}" + (f"({kind})" if kind else "")
            container.c2pa |= marker == 0xEB and b"c2pa" in payload
        elif marker in _FRAMES:
            name = f"SOF{marker - 0xC0}"
            container.progressive = marker in _PROGRESSIVE
            container.subsampling = _subsampling(payload)
        elif marker == 0xDB:
            tables.append(payload)
        elif marker == 0xC4:
            huffman_bytes += len(payload)
        elif marker == 0xFE and len(container.comments) < _MOST_TEXTS:
            container.comments.append(payload.decode("utf-8", "replace").strip("\0 \n"))
        names.append(name)
    container.layout = _once(names)
    if huffman_bytes:
        standard = huffman_bytes in _STANDARD_HUFFMAN
        container.huffman = "standard" if standard else "optimised"
    if tables:
        joined = b"".join(tables)
        container.jpeg_tables = hashlib.blake2b(joined, digest_size=4).hexdigest()
        container.jpeg_quality = _quality(joined)
    return container


def _subsampling(frame: bytes) -> str:
    factors = (
        [(f >> 4, f & 15) for f in frame[7 : 6 + 3 * frame[5] : 3]] if frame[5:] else []
    )
    if len(factors) == 1:
        return "grey"
    names = {
        (1, 1): "4:4:4",
        (2, 1): "4:2:2",
        (2, 2): "4:2:0",
        (1, 2): "4:4:0",
        (4, 1): "4:1:1",
    }
    if len(factors) == 3 and factors[1:] == [(1, 1), (1, 1)] and factors[0] in names:
        return names[factors[0]]
    return " ".join(f"{h}x{v}" for h, v in factors)


def _quality(tables: bytes) -> float:
    """Return the quality whose standard luminance table has the nearest sum to the first."""
    if not tables:
        return float("nan")
    wide = 2 if tables[0] >> 4 else 1
    values = tables[1 : 1 + 64 * wide]
    total = sum(int.from_bytes(values[i : i + wide]) for i in range(0, len(values), wide))
    sums = _standard_sums()
    return float(min(range(1, 101), key=lambda q: abs(sums[q - 1] - total)))


@cache
def _standard_sums() -> list[int]:
    base = [value for row in _LUMINANCE for value in row]
    scales = [5000 // q if q < 50 else 200 - 2 * q for q in range(1, 101)]
    return [sum(min(255, max(1, (v * s + 50) // 100)) for v in base) for s in scales]


def _read_png(data: bytes) -> Container:
    container = Container()
    names: list[str] = []
    for name, body in png_chunks(data):
        if name == "IHDR" and len(body) >= 13:
            container.progressive = body[12] == 1
        elif name in ("tEXt", "zTXt", "iTXt") and len(container.text_keys) < _MOST_TEXTS:
            start = bytes(body[:80])  # a key has 79 at most
            container.text_keys.append(start.partition(b"\0")[0].decode("latin-1"))
        names.append(name)
    container.layout = _once(names)
    container.c2pa = "caBX" in names
    return container


def _once(names: list[str]) -> str:
    """Join names, leaving out repeats of the one before: their number follows the content."""
    kept = [n for i, n in enumerate(names) if i == 0 or n != names[i - 1]]
    return " ".join(kept[:40])
