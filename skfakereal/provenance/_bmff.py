"""The items of AVIF and HEIC: metadata that stands anywhere in the file (ISO/IEC 23008-12)."""

from collections.abc import Iterator

from skfakereal._images.containers import boxes

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
