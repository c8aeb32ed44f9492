"""Bytes of an image file -> is all of it there? Only the packing is read, no pixel.

Decoders are lenient. Of truncated files, Pillow 13 passes a PNG that lost up to its last
20 bytes, a GIF that lost its last two, and two thirds of the JPEGs whose missing end is
filled with zeros, as interrupted downloads and recovered disks leave them. It does not
look at the checksums of a PNG's compressed data.
"""

import io
import re
import zlib

from skfakereal._signatures import signature_format

__all__ = ["AllOrNothing", "file_fault"]

# Marks that carry no length are passed over: stuffed zeros, TEM, restarts, SOI, fill.
_JPEG_MARK = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]")
_JPEG_END = b"\xff\xd9"
_JPEG2000_DATA = b"\xff\x93"
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"

Fault = tuple[str, str]


class AllOrNothing(io.BytesIO):
    """A file that fails when a decoder wants more than there is.

    Pillow's decoders fail on their own, unless somebody has set
    ``PIL.ImageFile.LOAD_TRUNCATED_IMAGES`` in this process.

    Attributes
    ----------
    strict : bool
        Whether reading at the end fails. Off at first: while the format is being found,
        that is usual.
    """

    strict = False

    def read(self, size: int | None = -1, /) -> bytes:
        """Read bytes, as any file does.

        Parameters
        ----------
        size : int or None, default=-1
            How many at most; all if negative or None.

        Returns
        -------
        bytes
            What was read.

        Raises
        ------
        OSError
            If the file is strict, at its end, and more was asked for.
        """
        data = super().read(size)
        if self.strict and not data and size:
            raise OSError("image file is truncated")
        return data


def file_fault(data: bytes) -> Fault | None:
    """Return what is wrong with the packing of a JPEG, PNG, GIF or JPEG 2000.

    Bytes after the end are accepted: cameras and messengers append their own. Of a JPEG
    with several pictures (MPO) the first must be whole, of an animated GIF every frame.

    Parameters
    ----------
    data : bytes
        The file's content.

    Returns
    -------
    tuple of (str, str) or None
        The reason, ``"truncated"`` or ``"damaged"``, and what was found; None if nothing
        is wrong, or if the format is another one: of WebP, AVIF, TIFF, BMP and PPM the
        decoders themselves notice a missing end, though not one that became zeros.

    Notes
    -----
    JPEG (ITU-T T.81, 1992), JPEG 2000 (ITU-T T.800, 2019) and GIF (GIF89a, 1990) end with
    a mark; PNG (W3C, third edition, 2025) ends with a chunk, and each of its chunks with
    a checksum. A JPEG that lost bytes in its middle has its end, and no checksum: that
    cannot be told.
    """
    check = _CHECKS.get(signature_format(data) or "")
    return check(data) if check else None


def _jpeg_fault(data: bytes) -> Fault | None:
    # A thumbnail has an end mark of its own, but lies inside a segment, which is skipped.
    position = 2
    while mark := _JPEG_MARK.search(data, position):
        if mark[0] == _JPEG_END:
            return None
        position = mark.end() + int.from_bytes(data[mark.end() : mark.end() + 2])
    return "truncated", "its end mark is missing"


def _png_fault(data: bytes) -> Fault | None:
    view = memoryview(data)
    position = len(_PNG_SIGNATURE)
    while position + 12 <= len(data):
        body_end = position + 8 + int.from_bytes(view[position : position + 4])
        if body_end + 4 > len(data):
            break
        name = data[position + 4 : position + 8]
        # A capital letter marks the chunks that pixels depend on; Pillow checks none of
        # the compressed data's checksums.
        stored = int.from_bytes(view[body_end : body_end + 4])
        if name[:1].isupper() and zlib.crc32(view[position + 4 : body_end]) != stored:
            return "damaged", f"its chunk {name.decode('latin-1')!r} fails its checksum"
        if name == b"IEND":
            return None
        position = body_end + 4
    return "truncated", "its last chunk is missing"


def _gif_fault(data: bytes) -> Fault | None:
    position = 13 + _colour_table(data, 10)
    while position < len(data):
        kind = data[position]
        if kind == 0x3B:
            return None
        if kind == 0x2C:  # an image: descriptor, colour table, code size, blocks
            position += 11 + _colour_table(data, position + 9)
        elif kind == 0x21:  # an extension: label, blocks
            position += 2
        else:
            return "damaged", f"a block of unknown kind {kind:#04x} is at byte {position}"
        while position < len(data) and data[position]:
            position += 1 + data[position]
        position += 1
    return "truncated", "its end mark is missing"


def _colour_table(data: bytes, position: int) -> int:
    """Return how many bytes the colour table takes whose flags are at `position`."""
    flags = data[position] if position < len(data) else 0
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _jpeg2000_fault(data: bytes) -> Fault | None:
    # The data never hold a mark as high as the end's (T.800, annex A).
    complete = data.find(_JPEG_END, data.find(_JPEG2000_DATA)) >= 0
    return None if complete else ("truncated", "its end mark is missing")


_CHECKS = {
    "GIF": _gif_fault,
    "JPEG": _jpeg_fault,
    "JPEG2000": _jpeg2000_fault,
    "PNG": _png_fault,
}
