"""Bytes of an image file -> the texts, XMP packets and manifests that it carries.

Whatever stands in the file is bounded: texts are unpacked to a megabyte at most, all of
them together to sixteen.
"""

import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal

from skfakereal._images.containers import (
    boxes,
    gif_extensions,
    jpeg_segments,
    png_chunks,
    riff_chunks,
)
from skfakereal._images.signatures import signature_format

_MOST_ITEMS, _MOST_EXTENTS, _MOST_BYTES = 1000, 64, 2**22


def read_items(data: bytes, meta: memoryview) -> Iterator[tuple[str, bytes]]:
    """Yield kind ("Exif", or the type of a "mime" item) and content of the metadata."""
    parts = dict(boxes(meta[4:]))
    kinds = _read_kinds(parts.get(b"iinf", memoryview(b"")))
    for number, in_box, extents in _read_places(parts.get(b"iloc", memoryview(b""))):
        if number in kinds:
            source = parts.get(b"idat", memoryview(b"")) if in_box else memoryview(data)
            left, content = _MOST_BYTES, b""
            for start, length in extents:
                part = bytes(source[start : start + min(length or left, left)])
                content, left = content + part, left - len(part)
            yield kinds[number], content


def _read_kinds(iinf: memoryview) -> dict[int, str]:
    """Return the metadata's items by their numbers."""
    kinds: dict[int, str] = {}
    start = 4 + (4 if any(iinf[:1]) else 2)
    for n, (name, body) in enumerate(boxes(iinf[start:])):
        if n > _MOST_ITEMS:
            break
        if name != b"infe" or not len(body) or body[0] not in (2, 3):
            continue
        wide = 2 if body[0] == 2 else 4
        number = int.from_bytes(body[4 : 4 + wide])
        rest = bytes(body[6 + wide : 6 + wide + 1000])
        if rest[:4] == b"Exif":
            kinds[number] = "Exif"
        elif rest[:4] == b"mime":
            # Names that end with a zero: the item's, then its type.
            names = rest[4:].split(b"\0")
            kinds[number] = names[1].decode("latin-1") if len(names) > 1 else ""
    return kinds


def _read_places(iloc: memoryview) -> Iterator[tuple[int, bool, list[tuple[int, int]]]]:
    """Yield number, whether it is in a box of its own, and extents of every item."""
    position = 0

    def take(size: int) -> int:
        nonlocal position
        position += size
        return int.from_bytes(iloc[position - size : position])

    version = take(1)
    take(3)
    sizes = take(2)
    offset, length, base, index = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    for _ in range(min(take(2 if version < 2 else 4), _MOST_ITEMS)):
        number = take(2 if version < 2 else 4)
        in_box = bool(version and take(2) & 15)
        take(2)
        start = take(base)
        extents = []
        n_extents = take(2)
        if position > len(iloc):
            return
        for _ in range(min(n_extents, _MOST_EXTENTS)):
            if version:
                take(index)
            place = take(offset)
            extents.append((start + place, take(length)))
        position += max(0, n_extents - _MOST_EXTENTS) * (
            index * bool(version) + offset + length
        )
        yield number, in_box, extents


DESCRIPTION, MAKE, MODEL, SOFTWARE, XMP = 0x010E, 0x010F, 0x0110, 0x0131, 0x02BC
USER_COMMENT, TITLE, COMMENT, MANIFEST = 0x9286, 0x9C9B, 0x9C9C, 0xCD41
_EXIF_DIRECTORY = 0x8769
_WANTED = {DESCRIPTION, MAKE, MODEL, SOFTWARE, XMP, USER_COMMENT, TITLE, COMMENT, MANIFEST}
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 6: 1, 7: 1, 13: 4, 16: 8, 18: 8}
_MOST_TAGS = 1000


def read_tags(data: bytes) -> dict[int, bytes]:
    """Return the values of the tags that are wanted, as they are stored."""
    if data[:2] not in (b"II", b"MM"):
        return {}
    order: Literal["little", "big"] = "little" if data[:1] == b"I" else "big"
    wide = 43 in data[2:4]  # offsets of 64 bits, not 32
    word = 8 if wide else 4

    def number(start: int, size: int) -> int:
        return int.from_bytes(data[start : start + size], order)

    found: dict[int, bytes] = {}
    waiting, seen = [number(word, word)], set[int]()
    while waiting and len(seen) < 4:
        start = waiting.pop()
        seen.add(start)
        n_entries = number(start, 8 if wide else 2)
        start += 8 if wide else 2
        step = 4 + 2 * word
        for entry in range(start, start + min(n_entries, _MOST_TAGS) * step, step):
            tag, size = number(entry, 2), _SIZES.get(number(entry + 2, 2))
            if size is None or (tag != _EXIF_DIRECTORY and tag not in _WANTED):
                continue
            n_bytes, place = number(entry + 4, word) * size, entry + 4 + word
            if n_bytes > word:
                place = number(place, word)
            if tag == _EXIF_DIRECTORY:
                target = number(place, size)
                waiting += [] if target in seen else [target]
            elif n_bytes <= _MOST_BYTES:
                found.setdefault(tag, data[place : place + n_bytes])
    return found


def text_of(tag: int, value: bytes, order: bytes) -> str:
    """Return the text of a tag; `order` is the first byte of its file."""
    if tag in (TITLE, COMMENT):
        return value.decode("utf-16-le", "replace").strip("\0 ")
    if tag == USER_COMMENT:
        kind, value = value[:8], value[8:]
        if kind == b"UNICODE\0":
            return _utf16(value, order)
    return value.decode("utf-8", "replace").strip("\0 ")


def _utf16(value: bytes, order: bytes) -> str:
    """Decode text whose byte order is that of the file, in theory."""
    own, other = ("utf-16-le", "utf-16-be") if order == b"I" else ("utf-16-be", "utf-16-le")
    if value[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return value.decode("utf-16", "replace").strip("\0 ")
    texts = [value.decode(name, "replace").strip("\0 ") for name in (own, other)]
    return max(texts, key=lambda text: sum(c.isascii() for c in text[:1000]))


_MOST_TEXT, _MOST_TOGETHER, _MOST_MANIFEST = 2**20, 2**24, 2**22
# Of each kind, XMP and EXIF; and what a text costs beside its length.
_MOST_BLOCKS, _A_TEXT = 8, 2**14
_EXIF_NAMES = {
    0x010E: "ImageDescription",
    0x010F: "Make",
    0x0110: "Model",
    0x0131: "Software",
    0x9286: "UserComment",
    0x9C9B: "XPTitle",
    0x9C9C: "XPComment",
}
_XMP_HEAD, _XMP_MORE = (
    b"http://ns.adobe.com/xap/1.0/\0",
    b"http://ns.adobe.com/xmp/extension/\0",
)
# What follows the head of more XMP: a digest, the whole length, and an offset.
_XMP_MORE_FACTS = 40
_JP2_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_C2PA = bytes.fromhex("d8fec3d61b0e483c92975828877ec481")
_RAW_PROFILE = re.compile(rb"\s*\w{1,20}\s+\d{1,12}\s+")


@dataclass
class Packets:
    """What a file carries beside its picture."""

    # Where it stands ("PNG text", "EXIF", "JPEG comment"), under which key, and what.
    texts: list[tuple[str, str, str]] = field(default_factory=list)
    xmp: list[str] = field(default_factory=list)
    # The beginning of a C2PA manifest, without the container's packing; empty if none.
    manifest: bytearray = field(default_factory=bytearray)
    left: int = _MOST_TOGETHER
    n_exif: int = 0

    def add_text(self, place: str, key: str, text: str) -> None:
        if text and self.left > 0:
            self.left -= len(text) + _A_TEXT
            self.texts.append((place, key, text[:_MOST_TEXT]))

    def add_xmp(self, packet: bytes) -> None:
        packet = packet[:_MOST_TEXT]
        if self.left > 0 and len(self.xmp) < _MOST_BLOCKS:
            self.left -= len(packet) + _A_TEXT
            self.xmp.append(_decoded_xmp(packet))

    def add_exif(self, data: bytes) -> None:
        """Take what an EXIF block holds; some write its name before it."""
        self.n_exif += 1
        if self.n_exif > _MOST_BLOCKS:
            return
        data = data.removeprefix(b"Exif\0\0")
        for tag, value in read_tags(data).items():
            if tag == XMP:
                self.add_xmp(value)
            elif tag == MANIFEST:
                self.add_manifest(value)
            else:
                self.add_text("EXIF", _EXIF_NAMES[tag], text_of(tag, value, data[:1]))

    def add_manifest(self, data: bytes) -> None:
        if len(self.manifest) < _MOST_MANIFEST:
            self.manifest += data[:_MOST_MANIFEST]


def read_packets(data: bytes) -> Packets:
    """Read what an image file carries beside its picture."""
    found = Packets()
    name = signature_format(data)
    if name in _READERS:
        _READERS[name](data, found)
    return found


def _jpeg(data: bytes, found: Packets) -> None:
    number, more = b"", bytearray()
    for marker, body in jpeg_segments(data):
        if marker == 0xE1 and body.startswith(b"Exif\0"):
            found.add_exif(body[6:])
        elif marker == 0xE1 and body.startswith(_XMP_HEAD):
            found.add_xmp(body[len(_XMP_HEAD) :])
        elif marker == 0xE1 and body.startswith(_XMP_MORE) and len(more) < _MOST_TEXT:
            more += body[len(_XMP_MORE) + _XMP_MORE_FACTS :]
        elif marker == 0xEB and body.startswith(b"JP"):
            # Common identifier, number of the box, number of the part; each part but the
            # first repeats the head of its box.
            is_first = body[4:8] == b"\0\0\0\1"
            if is_first and b"c2pa" in body[:64]:
                number = body[2:4]
                found.add_manifest(body[8:])
            elif found.manifest and body[2:4] == number:
                found.add_manifest(body[16:])
        elif marker == 0xFE:
            found.add_text("JPEG comment", "", body[:_MOST_TEXT].decode("utf-8", "replace"))
        elif marker == 0xED:
            _photoshop(body, found)
    if more:
        found.add_xmp(bytes(more))


def _photoshop(body: bytes, found: Packets) -> None:
    """Read who is credited, in the older form of IPTC's metadata."""
    # Record 2, data set 110; Google names its AI there.
    for match in re.finditer(rb"\x1c\x02\x6e(..)", body[: 2**16], re.DOTALL):
        if found.left <= 0:
            return
        text = body[match.end() : match.end() + int.from_bytes(match[1])]
        found.add_text("IPTC", "Credit", text.decode("utf-8", "replace"))


def _png(data: bytes, found: Packets) -> None:
    for name, body in png_chunks(data):
        if found.left <= 0:
            return
        if name == "eXIf":
            found.add_exif(bytes(body[:_MOST_TOGETHER]))
        elif name == "caBX":
            found.add_manifest(bytes(body[:_MOST_MANIFEST]))
        elif name in ("tEXt", "zTXt", "iTXt"):
            key, text = _png_text(name, bytes(body[: 4 * _MOST_TEXT]), found)
            if key == "XML:com.adobe.xmp":
                found.add_xmp(text)
            elif key.startswith("Raw profile type ") and (raw := _raw_profile(text)):
                if raw.startswith(b"Exif\0"):
                    found.add_exif(raw)
                elif key.endswith(("xmp", "APP1")):
                    found.add_xmp(raw.removeprefix(_XMP_HEAD))
            else:
                found.add_text("PNG text", key, _decoded(text))


def _png_text(name: str, body: bytes, found: Packets) -> tuple[str, bytes]:
    key, _, rest = body[: 80 + 4 * _MOST_TEXT].partition(b"\0")
    packed = name == "zTXt"
    if packed:
        rest = rest[1:]
    elif name == "iTXt":
        packed = rest[:1] == b"\1"
        # Behind the flag and the method are a language and a translated keyword.
        rest = rest[2:].split(b"\0", 2)[-1]
    if packed:
        rest = _unpacked(rest, found)
    return key[:79].decode("latin-1"), rest[:_MOST_TEXT]


def _unpacked(packed: bytes, found: Packets) -> bytes:
    try:
        text = zlib.decompressobj().decompress(packed, _MOST_TEXT)
    except zlib.error:
        return b""
    found.left -= len(text) // 2  # what is thrown away afterwards has cost time, too
    return text


def _raw_profile(text: bytes) -> bytes:
    """Return what ImageMagick has written in hexadecimal digits."""
    match = _RAW_PROFILE.match(text[:100])
    try:
        return bytes.fromhex(text[match.end() :].decode("ascii")) if match else b""
    except ValueError:
        return b""


def _webp(data: bytes, found: Packets) -> None:
    for name, body in riff_chunks(data):
        if name == "EXIF":
            found.add_exif(bytes(body[:_MOST_TOGETHER]))
        elif name == "XMP":
            found.add_xmp(bytes(body[:_MOST_TEXT]))
        elif name == "C2PA":
            found.add_manifest(bytes(body[:_MOST_MANIFEST]))


def _gif(data: bytes, found: Packets) -> None:
    for label, content in gif_extensions(data):
        if found.left <= 0:
            return
        if label == 0xFE:
            found.add_text("GIF comment", "", _decoded(content[:_MOST_TEXT]))
        elif label == 0xFF and content.startswith(b"XMP DataXMP"):
            found.add_xmp(content[11:])
        elif label == 0xFF and content.startswith(b"C2PA_GIF"):
            found.add_manifest(content[11:])


def _bmff(data: bytes, found: Packets) -> None:
    """Read the boxes of AVIF, HEIC, JPEG XL and JPEG 2000."""
    has_items = False
    for name, body in boxes(data):
        start = bytes(body[:16])
        if name == b"meta" and not has_items:
            has_items = True
            for kind, item in read_items(data, body):
                if kind == "Exif":
                    # Its first four bytes tell how far away the directory begins.
                    found.add_exif(item[4 + int.from_bytes(item[:4]) :])
                elif kind == "application/rdf+xml":
                    found.add_xmp(item)
        elif name == b"Exif":
            found.add_exif(bytes(body[4 + int.from_bytes(start[:4]) :][:_MOST_TOGETHER]))
        elif name == b"xml " or (name == b"uuid" and start == _JP2_XMP):
            found.add_xmp(bytes(body[16 if name == b"uuid" else 0 :][:_MOST_TEXT]))
        elif (name == b"uuid" and start == _C2PA) or name == b"jumb":
            content = bytes(body[:_MOST_MANIFEST])
            if name == b"uuid" or b"c2pa" in content[:64]:
                found.add_manifest(content)


_READERS: dict[str, Callable[[bytes, Packets], None]] = {
    "JPEG": _jpeg,
    "PNG": _png,
    "WEBP": _webp,
    "GIF": _gif,
    "TIFF": lambda data, found: found.add_exif(data),
    **dict.fromkeys(("AVIF", "HEIF", "CR3", "JXL", "JPEG2000"), _bmff),
}


def _decoded(text: bytes) -> str:
    """Decode a text that should be Latin-1, and mostly is UTF-8."""
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError:
        return text.decode("latin-1")


def _decoded_xmp(packet: bytes) -> str:
    if packet[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return packet.decode("utf-16", "replace")
    if b"\0" in packet[:4]:
        name = "utf-16-be" if packet[:1] == b"\0" else "utf-16-le"
        return packet.decode(name, "replace")
    return packet.decode("utf-8", "replace")
