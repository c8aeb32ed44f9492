"""A TIFF directory, as EXIF and TIFF files have it -> the few tags that tell an origin."""

from typing import Literal

DESCRIPTION, MAKE, MODEL, SOFTWARE, XMP = 0x010E, 0x010F, 0x0110, 0x0131, 0x02BC
USER_COMMENT, TITLE, COMMENT, MANIFEST = 0x9286, 0x9C9B, 0x9C9C, 0xCD41
_EXIF_DIRECTORY = 0x8769
_WANTED = {DESCRIPTION, MAKE, MODEL, SOFTWARE, XMP, USER_COMMENT, TITLE, COMMENT, MANIFEST}
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 6: 1, 7: 1, 13: 4, 16: 8, 18: 8}
_MOST_TAGS, _MOST_BYTES = 1000, 2**22


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
