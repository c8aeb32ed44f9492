"""Bytes on disk <-> named arrays and a text: a safetensors file with a digest at its end.

Written and read by our own code, since the digest is over every byte and comes last, where
the safetensors library would sort it in, and since that library maps files into memory: one
that is cut short while it is read would end the process. The tests open our files with it.
"""

import json
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from skfakereal.persistence._foreign import explain_foreign
from skfakereal.persistence._header import (
    DIGEST_SIZE,
    DTYPES,
    FORMAT,
    Entry,
    ForeignError,
    check_layout,
    parse_header,
)

# What is parsed, and so may become Python objects of twenty times its size.
MAX_HEADER = 8 * 2**20
_NAMES = {dtype: name for name, dtype in DTYPES.items()}


@dataclass(frozen=True)
class Container:
    """What a file holds; `digests` are those of the arrays' bytes (BLAKE2b, 16 bytes)."""

    path: Path
    description: Any
    arrays: dict[str, NDArray[Any]]
    digests: dict[str, bytes] = field(repr=False)
    n_bytes: int


def pack(
    description: Any, arrays: Mapping[str, NDArray[Any]]
) -> Iterator[bytes | memoryview]:
    """Yield the bytes of a file, piece by piece."""
    # The largest items first, so that each array is aligned to its items.
    order = sorted(arrays, key=lambda name: -arrays[name].itemsize)
    header: dict[str, Any] = {
        "__metadata__": {
            "skfr": str(FORMAT),
            "description": json.dumps(description, allow_nan=False, separators=(",", ":")),
        }
    }
    begin = 0
    little = {
        name: arrays[name].astype(_little(arrays[name]), copy=False) for name in order
    }
    for name, array in little.items():
        header[name] = _header_entry(_NAMES[array.dtype], array.shape, begin, array.nbytes)
        begin += array.nbytes
    header["digest"] = _header_entry("U8", (DIGEST_SIZE,), begin, DIGEST_SIZE)
    text = json.dumps(header, separators=(",", ":")).encode("ascii")
    text += b" " * (-len(text) % 8)
    if len(text) > MAX_HEADER:
        raise ValueError(
            f"The description of the estimator takes {len(text)} bytes, more than the "
            f"{MAX_HEADER} that a .skfr file may have. Save it with joblib."
        )
    start = len(text).to_bytes(8, "little") + text
    whole = blake2b(start, digest_size=DIGEST_SIZE)
    yield start
    for array in little.values():
        content = array.reshape(-1).view(np.uint8).data
        whole.update(blake2b(content, digest_size=16).digest())
        yield content
    yield whole.digest()


def _little(array: NDArray[Any]) -> np.dtype[Any]:
    return array.dtype.newbyteorder("<")


def _header_entry(
    dtype: str, shape: tuple[int, ...], begin: int, n_bytes: int
) -> dict[str, Any]:
    return {"dtype": dtype, "shape": list(shape), "data_offsets": [begin, begin + n_bytes]}


def read_container(path: str | os.PathLike[str]) -> Container:
    """Read a file and check every byte of it.

    Memory stays in proportion to the size of the file, whatever its header claims.
    """
    place = Path(path)
    if place.is_dir():
        raise IsADirectoryError(
            f"{str(place)!r} is a folder; a .skfr model is one file. Name the file."
        )
    # A pipe would keep us waiting, a device would never end.
    if not stat.S_ISREG(place.stat().st_mode):
        raise ValueError(f"{str(place)!r} is no regular file. Copy the model to one.")
    with place.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        start = _read_start(file, size, place)
        try:
            description, entries = parse_header(start[8:], place)
            check_layout(entries, size - len(start))
        except ForeignError:
            raise
        except (TypeError, ValueError) as error:
            raise damaged(place, str(error)) from error
        return _read_arrays(file, place, start, description, entries)


def damaged(path: Path, reason: str) -> ValueError:
    """Return the error for a file that is not as it was written."""
    return ValueError(
        f"{str(path)!r} is damaged or no .skfr model ({reason[:300]}). Get the file anew from "
        "where it came from, or save the model again."
    )


def _read_start(file: BinaryIO, size: int, path: Path) -> bytes:
    """Return the eight bytes with the length of the header, and the header."""
    start = file.read(9)
    length = int.from_bytes(start[:8], "little")
    if start[8:] != b"{" or length > max(MAX_HEADER, size):
        raise explain_foreign(path, start + file.read(256))
    if length > MAX_HEADER:
        raise damaged(path, f"a header of {length} bytes, where {MAX_HEADER} are allowed")
    if 8 + length > size:
        raise damaged(path, f"cut short: {size} bytes, and its header alone has {length}")
    return start + file.read(length - 1)


def _read_arrays(
    file: BinaryIO, path: Path, start: bytes, description: Any, entries: list[Entry]
) -> Container:
    whole = blake2b(start, digest_size=DIGEST_SIZE)
    arrays: dict[str, NDArray[Any]] = {}
    digests: dict[str, bytes] = {}
    for entry in entries[:-1]:
        try:
            array = np.empty(entry.shape, entry.dtype)
        # No content, but sides whose product overflows; or a file full of holes.
        except (MemoryError, ValueError) as error:
            raise damaged(path, f"array {entry.name[:50]!r}: {error}") from error
        content = array.reshape(-1).view(np.uint8).data
        if file.readinto(content) != len(content):  # type: ignore[attr-defined]
            raise damaged(path, "it became shorter while it was read")
        digest = blake2b(content, digest_size=16).digest()
        whole.update(digest)
        arrays[entry.name], digests[entry.name] = array, digest
    if file.read(DIGEST_SIZE) != whole.digest():
        raise damaged(path, "its digest does not fit its content")
    for name, array in arrays.items():
        # NumPy takes any byte for a truth value, and then computes nonsense.
        if array.dtype == np.bool_ and array.size and array.view(np.uint8).max() > 1:
            raise damaged(path, f"array {name[:50]!r} has truth values other than 0 and 1")
    n_bytes = len(start) + entries[-1].end
    return Container(path, description, arrays, digests, n_bytes)
