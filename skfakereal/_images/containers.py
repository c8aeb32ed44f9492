"""Bytes of an image file -> its segments, chunks and boxes, in their order.

Nothing here decodes a pixel. A damaged file gives what can be read of it, never an error,
and no file more than `_MOST_PARTS` parts.
"""

from collections.abc import Iterator

# A gigabyte of empty parts would take minutes. A PNG of 1 GiB as libpng writes it has
# 131,072 chunks.
_MOST_PARTS = 200_000


def jpeg_segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield marker and payload of every segment, the first scan's header the last one."""
    position = 2
    for _ in range(_MOST_PARTS):
        if position + 4 > len(data) or data[position] != 0xFF:
            return
        marker = data[position + 1]
        if marker == 0xFF:  # fill byte
            position += 1
            continue
        length = int.from_bytes(data[position + 2 : position + 4])
        yield marker, data[position + 4 : position + 2 + length]
        if marker == 0xDA:
            return
        position += 2 + length


def png_chunks(data: bytes) -> Iterator[tuple[str, memoryview]]:
    """Yield name and body of every chunk."""
    view, position = memoryview(data), 8
    for _ in range(_MOST_PARTS):
        if position + 8 > len(data):
            return
        length = int.from_bytes(view[position : position + 4])
        name = bytes(view[position + 4 : position + 8]).decode("latin-1")
        yield name, view[position + 8 : position + 8 + length]
        position += 12 + length


def riff_chunks(data: bytes) -> Iterator[tuple[str, memoryview]]:
    """Yield name, without its spaces, and body of every chunk."""
    view, position = memoryview(data), 12
    for _ in range(_MOST_PARTS):
        if position + 8 > len(data):
            return
        length = int.from_bytes(view[position + 4 : position + 8], "little")
        name = bytes(view[position : position + 4]).decode("latin-1").strip()
        yield name, view[position + 8 : position + 8 + length]
        position += 8 + length + length % 2


def gif_extensions(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield label and content of every extension before the end, XMP's without its trailer."""
    position = 13 + colour_table(data, 10)
    most = _MOST_PARTS + len(data) // 64  # sub-blocks have 255 bytes but for the last ones
    for _ in range(_MOST_PARTS):
        kind = data[position : position + 1]
        if kind == b"!":
            label, position = data[position + 1 : position + 2], position + 2
        elif kind == b",":
            label, position = b"", position + 11 + colour_table(data, position + 9)
        else:
            return
        start, blocks = position, []
        while position < len(data) and data[position]:
            most -= 1
            if most < 0:
                return
            if label:
                blocks.append(data[position + 1 : position + 1 + data[position]])
            position += 1 + data[position]
        position += 1
        if label and data[start + 1 : start + 12] == b"XMP DataXMP":
            yield label[0], b"XMP DataXMP" + data[start + 12 : position]
        elif label:
            yield label[0], b"".join(blocks)


def colour_table(data: bytes, position: int) -> int:
    """Return how many bytes a GIF's colour table takes whose flags are at `position`."""
    flags = data[position] if position < len(data) else 0
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def boxes(data: bytes | memoryview) -> Iterator[tuple[bytes, memoryview]]:
    """Yield type and content of every box of one level (ISO/IEC 14496-12, 4.2)."""
    view, position = memoryview(data), 0
    for _ in range(_MOST_PARTS):
        if position + 8 > len(view):
            return
        length, header = int.from_bytes(view[position : position + 4]), 8
        if length == 1:
            length, header = int.from_bytes(view[position + 8 : position + 16]), 16
        elif length == 0:  # to the end of the file
            length = len(view) - position
        if length < header:
            return
        name = bytes(view[position + 4 : position + 8])
        yield name, view[position + header : position + length]
        position += length
