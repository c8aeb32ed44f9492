"""Bytes of an image file -> is all of it there, and what of it makes pixels?

Only the packing is read, no pixel. Decoders are lenient: of truncated files, Pillow 13
passes a PNG that lost up to its last 20 bytes, a GIF that lost its last two, and two thirds
of the JPEGs whose missing end is filled with zeros, as interrupted downloads and recovered
disks leave them. It does not look at the checksums of a PNG's compressed data. And they are
generous: what makes no pixels may be larger than what does, and is read in Python.
"""

import io
import re
import struct
import zlib
from collections.abc import Iterator
from typing import Literal

import numpy as np

from skfakereal._images.containers import colour_table
from skfakereal._images.costs import image_memory, memory_needed, scan_fault, size_fault

# Marks that carry no length are passed over: stuffed zeros, TEM, restarts, SOI, fill.
_JPEG_MARK = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]")
_JPEG_END, _JPEG_SCAN = b"\xff\xd9", 0xDA
# Start of frame, without the tables and extensions that lie between.
_JPEG_FRAMES = {0xC0, 0xC1, 0xC2, 0xC3, *range(0xC5, 0xC8), *range(0xC9, 0xCC), 0xCD, 0xCE}
_JPEG2000_DATA = b"\xff\x93"
_JPEG2000_SIZE = re.compile(rb"\xff\x4f\xff\x51")
_JXL_RATIOS = [None, (1, 1), (6, 5), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1)]
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Where the turning of a picture may stand; Pillow reads all of these.
_PNG_TURN = re.compile(rb"XML:com\.adobe\.xmp\x00|Raw profile type exif\x00")
_MAX_TURN = 2**20
# Channels by the colour type; and start and step of Adam7's passes, across and down.
_PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_ADAM7 = [
    *((0, 8, 0, 8), (4, 8, 0, 8), (0, 4, 4, 8), (2, 4, 0, 4)),
    *((0, 2, 2, 4), (1, 2, 0, 2), (0, 1, 1, 2)),
]
# Bytes of one value by its type, and the tags that the layout of the pixels is in.
_TIFF_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
_TIFF_SIZES |= {13: 4, 16: 8, 17: 8, 18: 8}
_TIFF_WIDTH, _TIFF_HEIGHT, _TIFF_BITS, _TIFF_PACKING, _TIFF_GREY = 256, 257, 258, 259, 262
_TIFF_TILE_WIDTH, _TIFF_TILE_HEIGHT, _TIFF_COUNTS = 322, 323, {279, 325}
_TIFF_LISTS = set(range(254, 400))
_TIFF_NEEDED = {258, 273, 277, 279, 320, 324, 325, 338, 339}
# What one read costs, in bytes.
A_READ = 1024
# More than any program writes.
_MAX_COMMENTS = 1_000
_MAX_SEGMENTS, _MAX_TILES, _MAX_TAGS, _MAX_VALUES = 10_000, 10_000, 10_000, 2**20


class PackingError(Exception):
    """What is wrong with the packing of an image; `reason` is as an `ImageReadError` has it."""

    def __init__(self, reason: str, what: str) -> None:
        super().__init__(reason, what)
        self.reason = reason
        self.what = what


class AllOrNothing(io.BytesIO):
    """A file that fails when a decoder wants more than there is.

    Pillow's decoders fail on their own, unless somebody has set
    ``PIL.ImageFile.LOAD_TRUNCATED_IMAGES`` in this process.
    """

    # Off while the format is being found, when reading at the end is usual.
    strict = False

    def read(self, size: int | None = -1, /) -> bytes:
        """Read bytes, as any file does."""
        data = super().read(size)
        if self.strict and not data and size:
            raise OSError("image file is truncated")
        return data


class Bounded(AllOrNothing):
    """A file that fails, too, when it is read far more often than it has bytes.

    Comments, directories and fill bytes Pillow walks in Python, and without a limit.
    """

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.left = 2**26 + 6 * len(data)  # bytes; each read counts for `A_READ` more

    def read(self, size: int | None = -1, /) -> bytes:
        """Read bytes, as any file does."""
        data = super().read(size)
        self.left -= A_READ + len(data)
        if self.left < 0:
            raise PackingError("too large", "it is in too many pieces for its size")
        return data


def essential_data(data: bytes, name: str) -> bytes:
    """Check how an image is packed, and return what makes its pixels.

    Left out is what pixels do not depend on and Pillow reads slowly, or not at all if it is
    large: a PNG's text and profiles, a GIF's comments and later frames. A TIFF of 12 or 16
    bits whose white is zero is given back as one whose black is zero, unlike `data`: its
    pixels are to be inverted. Of WebP, AVIF, BMP and PPM the decoders themselves notice a
    missing end, though not one that became zeros.

    Bytes after the end are accepted: cameras and messengers append their own. Of a JPEG
    with several pictures (MPO) the first must be whole, of an animated GIF every frame.

    JPEG (ITU-T T.81, 1992), JPEG 2000 (ITU-T T.800, 2019) and GIF (GIF89a, 1990) end with
    a mark; PNG (W3C, third edition, 2025) ends with a chunk, and each of its chunks with
    a checksum. A JPEG that lost bytes in its middle has its end, and no checksum: that
    cannot be told.
    """
    unpack = _ESSENTIALS.get(name)
    return unpack(data) if unpack else data


def _jpeg(data: bytes) -> bytes:
    # A thumbnail has an end mark of its own, but lies inside a segment, which is skipped.
    position, n_segments, n_scans, n_pixels = 2, 0, 0, 0
    while mark := _JPEG_MARK.search(data, position):
        body = mark.end()
        kind = data[body - 1]
        if kind == _JPEG_END[1]:
            return data
        position = body + int.from_bytes(data[body : body + 2])
        n_segments += 1
        if n_segments > _MAX_SEGMENTS:
            raise PackingError("too large", f"it has over {_MAX_SEGMENTS:,} segments")
        if kind == _JPEG_SCAN:
            n_scans += 1
            if fault := scan_fault(n_scans, n_pixels):
                raise PackingError("too large", fault)
        elif kind in _JPEG_FRAMES:
            height, width = data[body + 3 : body + 5], data[body + 5 : body + 7]
            n_pixels = int.from_bytes(height) * int.from_bytes(width)
    raise PackingError("truncated", "its end mark is missing")


def _png(data: bytes) -> bytes:
    view = memoryview(data)
    kept = [(0, len(_PNG_SIGNATURE))]
    for name, start, body, stop in _png_chunks(view):
        stored = int.from_bytes(view[stop - 4 : stop])
        # A capital letter marks the chunks that pixels depend on; Pillow checks none of
        # the compressed data's checksums.
        if name[:1].isupper():
            if zlib.crc32(view[start + 4 : stop - 4]) != stored:
                what = f"its chunk {name.decode('latin-1')!r} fails its checksum"
                raise PackingError("damaged", what)
        elif not (
            _png_turns_or_clears(name, view[body : stop - 4])
            and zlib.crc32(view[start + 4 : stop - 4]) == stored
        ):
            continue
        if kept[-1][1] == start:
            kept[-1] = (kept[-1][0], stop)
        else:
            kept.append((start, stop))
    if len(kept) == 1:
        return data
    return b"".join(view[start:stop] for start, stop in kept)


def _png_chunks(view: memoryview) -> Iterator[tuple[bytes, int, int, int]]:
    """Yield each chunk's name, and where it, its body and the next one begin."""
    start, most = len(_PNG_SIGNATURE), _MAX_SEGMENTS + len(view) // 1024
    while start + 12 <= len(view):
        stop = start + 12 + int.from_bytes(view[start : start + 4])
        if stop > len(view):
            break
        name = bytes(view[start + 4 : start + 8])
        yield name, start, start + 8, stop
        if name == b"IEND":
            return
        most -= 1
        if most < 0:
            raise PackingError("too large", "it is in too many chunks for its size")
        start = stop
    raise PackingError("truncated", "its last chunk is missing")


def _png_turns_or_clears(name: bytes, body: memoryview) -> bool:
    """Tell whether a chunk holds transparency, or the turning in a form that Pillow reads."""
    if name == b"tRNS":
        return True
    if len(body) > _MAX_TURN:
        return False
    if name == b"eXIf":
        return True
    keyword = _PNG_TURN.match(body)
    if keyword is None or name not in (b"tEXt", b"zTXt", b"iTXt"):
        return False
    packed = body[keyword.end() + 1 :]
    if name == b"iTXt" and bytes(body[keyword.end() : keyword.end() + 1]) == b"\1":
        # Behind the flag and the method are a language and a translated keyword.
        packed = memoryview(bytes(packed[1:]).split(b"\0", 2)[-1])
    elif name != b"zTXt":
        return True
    unpacking = zlib.decompressobj()
    try:
        unpacking.decompress(packed, _MAX_TURN)
    except zlib.error:
        return False
    return not unpacking.unconsumed_tail


def png_rows_are_missing(data: bytes) -> bool:
    """Tell whether a PNG's compressed data hold fewer rows than its header promises.

    It takes about half the time of decoding.
    """
    view = memoryview(data)
    lacking, unpacking = 0, zlib.decompressobj()
    for name, _, body, stop in _png_chunks(view):
        if name == b"IHDR":
            lacking = _png_raw_size(view[body : stop - 4])
        if name != b"IDAT":
            continue
        packed: bytes | memoryview = view[body : stop - 4]
        while packed and lacking > 0 and not unpacking.eof:
            lacking -= len(unpacking.decompress(packed, 2**20))
            packed = unpacking.unconsumed_tail
    return lacking > 0


def _png_raw_size(header: memoryview) -> int:
    """Return how many bytes all rows take, each with its filter's number."""
    width, height = int.from_bytes(header[:4]), int.from_bytes(header[4:8])
    bits = header[8] * _PNG_CHANNELS.get(header[9], 1)
    passes = _ADAM7 if header[12] else [(0, 1, 0, 1)]
    total = 0
    for left, across, top, down in passes:
        columns = -(-max(0, width - left) // across)
        rows = -(-max(0, height - top) // down)
        total += rows * (1 + -(-columns * bits // 8)) if columns else 0
    return total


def _gif(data: bytes) -> bytes:
    header = position = 13 + colour_table(data, 10)
    controls: list[bytes] = []
    first, more = b"", False
    # Sub-blocks have 255 bytes but for the last ones.
    most = _MAX_SEGMENTS + len(data) // 64
    while position < len(data):
        kind, start = data[position], position
        if kind == 0x3B:
            return data if not more else b"".join([data[:header], *controls, first, b";"])
        if kind == 0x2C:  # an image: descriptor, colour table, code size, blocks
            position += 11 + colour_table(data, position + 9)
        elif kind == 0x21:  # an extension: label, blocks
            position += 2
        else:
            what = f"a block of unknown kind {kind:#04x} is at byte {position}"
            raise PackingError("damaged", what)
        while position < len(data) and data[position]:
            position += 1 + data[position]
            most -= 1
        position += 1
        if most < 0:
            raise PackingError("too large", "it is in too many blocks for its size")
        if kind == 0x2C and not first:
            first = data[start:position]
        elif kind == 0x21 and not first and data[start + 1] == 0xF9:
            controls.append(data[start:position])
        else:
            more = True
    raise PackingError("truncated", "its end mark is missing")


def _jpeg2000(data: bytes) -> bytes:
    # The data never hold a mark as high as the end's (T.800, annex A).
    if data.find(_JPEG_END, data.find(_JPEG2000_DATA)) < 0:
        raise PackingError("truncated", "its end mark is missing")
    for n, mark in enumerate(_JPEG2000_SIZE.finditer(data)):
        # Length, capabilities, then the grid's size and offset, and those of the tiles.
        fields = struct.unpack_from(">HHIIIIIIIIH", data.ljust(mark.end() + 38), mark.end())
        width, height = fields[2] - fields[4], fields[3] - fields[5]
        across = -(-(fields[2] - fields[8]) // max(1, fields[6]))
        down = -(-(fields[3] - fields[9]) // max(1, fields[7]))
        if n > 9 or across * down > _MAX_TILES or fields[10] > 4:
            raise PackingError("too large", "it has too many tiles, headers or channels")
        _check_size("JPEG2000", (width, height), len(data))
    return data


def _jxl(data: bytes) -> bytes:
    # The plug-in decodes when it opens, so its header is read here (ISO/IEC 18181-1, 9.2).
    start = 0
    if data[:2] != b"\xff\x0a":  # boxes: the codestream is in one, or in parts
        box = re.search(rb"jxlc|jxlp....", data, re.DOTALL)
        start = box.end() if box else len(data)
    bits = int.from_bytes(data[start + 2 : start + 14], "little")

    def take(n: int) -> int:
        nonlocal bits
        value, bits = bits & ((1 << n) - 1), bits >> n
        return value

    def take_side(small: bool) -> int:
        return 8 * (take(5) + 1) if small else take((9, 13, 18, 30)[take(2)]) + 1

    small = bool(take(1))
    height = take_side(small)
    ratio = _JXL_RATIOS[take(3)]
    width = height * ratio[0] // ratio[1] if ratio else take_side(small)
    _check_size("JXL", (width, height), len(data))
    return data


def _tiff(data: bytes) -> bytes:
    order: Literal["little", "big"] = "little" if data[:1] == b"I" else "big"
    wide = 43 in data[2:4]  # offsets of 64 bits, not 32
    word = 8 if wide else 4

    def number(start: int, size: int) -> int:
        return int.from_bytes(data[start : start + size], order)

    start = number(word, word)
    n_entries = number(start, 8 if wide else 2)
    if n_entries > _MAX_TAGS:
        raise PackingError("too large", f"it has {n_entries:,} tags, over {_MAX_TAGS:,}")
    start += 8 if wide else 2
    if start + n_entries * (4 + 2 * word) > len(data):
        raise PackingError("truncated", "its directory is incomplete")
    values: dict[int, int] = {}
    places: dict[int, tuple[int, int]] = {}
    for entry in range(start, start + n_entries * (4 + 2 * word), 4 + 2 * word):
        tag, size = number(entry, 2), _TIFF_SIZES.get(number(entry + 2, 2))
        count, place = number(entry + 4, word), entry + 4 + word
        if tag in values or size is None:
            continue
        if count > _MAX_VALUES and tag in _TIFF_LISTS:
            raise PackingError("too large", f"its tag {tag} has {count:,} values")
        if count * size > word:
            place = number(place, word)
            if place + count * size > len(data) and tag in _TIFF_NEEDED:
                raise PackingError("truncated", f"its tag {tag} lies beyond its end")
        values[tag], places[tag] = number(place, size), (place, size)
        if tag in _TIFF_COUNTS and values.get(_TIFF_PACKING, 1) != 1:
            listed = data[place : place + count * size]
            kind = np.dtype(f"{'<' if order == 'little' else '>'}u{size}")
            if np.frombuffer(listed, kind, len(listed) // size).sum() > 4 * len(data):
                raise PackingError("damaged", "its strips overlap")
    if not {_TIFF_WIDTH, _TIFF_HEIGHT} <= set(values):
        raise PackingError("damaged", "it has no directory that tells its size")
    if tile := values.get(_TIFF_TILE_WIDTH):
        _check_size("TIFF", (tile, values.get(_TIFF_TILE_HEIGHT, 1)), len(data))
    if values.get(_TIFF_GREY) == 0 and values.get(_TIFF_BITS) in (12, 16):
        # Pillow reads this as its negative, or not at all.
        place, size = places[_TIFF_GREY]
        return data[:place] + (1).to_bytes(size, order) + data[place + size :]
    return data


def _ppm(data: bytes) -> bytes:
    # Of a PPM in text, Pillow copies a megabyte for each comment.
    if data[1:2] in (b"1", b"2", b"3") and data.count(b"#") > _MAX_COMMENTS:
        raise PackingError("too large", f"it has over {_MAX_COMMENTS:,} comments")
    return data


def _check_size(name: str, size: tuple[int, int], n_bytes: int) -> None:
    needed = memory_needed(name, size, n_bytes)
    if fault := size_fault(name, size, needed, image_memory()):
        raise PackingError("too large", fault)


_ESSENTIALS = {
    "GIF": _gif,
    "JPEG": _jpeg,
    "JPEG2000": _jpeg2000,
    "JXL": _jxl,
    "PNG": _png,
    "PPM": _ppm,
    "TIFF": _tiff,
}
