"""Bytes on disk <-> named arrays and a text: a safetensors file with a digest at its end.

Written and read by our own code, since the digest is over every byte and comes last, where
the safetensors library would sort it in, and since that library maps files into memory: one
that is cut short while it is read would end the process. The tests open our files with it.
"""

import json
import math
import os
import re
import stat
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import accumulate
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

# Counted in the text, before anything is built of it: a list of two bytes becomes one of 56.
_MAX_MARKS = 2**19
_MAX_DEPTH = 150
_MAX_DIGITS = 64
_TEXTS = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_OTHER_THAN_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def parse_json(text: bytes) -> dict[str, Any]:
    """Parse a JSON object."""
    if sum(map(text.count, (b",", b"[", b"]", b"{", b"}"))) > _MAX_MARKS:
        raise ValueError("its description has too many parts")
    if _depth(text) > _MAX_DEPTH:
        raise ValueError("its description is nested too deeply")
    try:
        value = json.loads(
            text.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_int=_integer,
            parse_float=_finite,
            parse_constant=_finite,
        )
    except ValueError as error:
        # The library's own message may quote the whole text.
        raise ValueError(f"its description is not JSON: {str(error)[:80]}") from None
    if not isinstance(value, dict):
        raise ValueError("its description is not a JSON object")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("the same key twice")
    return result


def _depth(text: bytes) -> int:
    """Return how deep the brackets outside of texts are nested."""
    brackets = _TEXTS.sub(b"", text).translate(None, _OTHER_THAN_BRACKETS)
    steps = (1 if bracket in b"[{" else -1 for bracket in brackets)
    return max(accumulate(steps), default=0)


def _integer(text: str) -> int:
    if len(text) > _MAX_DIGITS:
        raise ValueError("a number of too many digits")
    return int(text)


def _finite(text: str) -> float:
    if len(text) > _MAX_DIGITS:
        raise ValueError("a number of too many digits")
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number that is not finite")
    return value


FORMAT = 1
DIGEST_SIZE = 32
_MAX_DIMENSIONS = 8
# https://github.com/huggingface/safetensors#format, without the types that NumPy lacks.
DTYPES = {
    name: np.dtype(code)
    for name, code in [
        *[(f"F{8 * size}", f"<f{size}") for size in (2, 4, 8)],
        *[(f"I{8 * size}", f"<i{size}") for size in (1, 2, 4, 8)],
        *[(f"U{8 * size}", f"<u{size}") for size in (1, 2, 4, 8)],
        ("BOOL", "?"),
    ]
}


class ForeignError(ValueError):
    """The file is a whole one, but not for us."""


@dataclass(frozen=True)
class Entry:
    """Where an array lies, in bytes behind the header, and what it is."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    begin: int
    end: int


def parse_header(text: bytes, path: Path) -> tuple[Any, list[Entry]]:
    header = parse_json(text)
    metadata = header.pop("__metadata__", None)
    if not isinstance(metadata, dict) or "skfr" not in metadata:
        raise ForeignError(
            f"{str(path)!r} is a safetensors file, but not a model that skfakereal.save "
            "wrote. If it holds the weights of a VGG16, pass it as weights=."
        )
    number = metadata["skfr"]
    if number != str(FORMAT):
        if isinstance(number, str) and number.isdecimal() and int(number[:9]) > FORMAT:
            raise ForeignError(
                f"{str(path)!r} has format {number[:9]} of .skfr files, and this version of "
                f"skfakereal reads up to {FORMAT}. Update skfakereal."
            )
        raise ValueError("the number of its format is none")
    if metadata.keys() != {"skfr", "description"}:
        raise ValueError("its metadata has the wrong keys")
    if not isinstance(metadata["description"], str):
        raise ValueError("its description is not a text")
    description = parse_json(metadata["description"].encode("utf-8", "surrogatepass"))
    entries = [_parse_entry(name, entry) for name, entry in header.items()]
    return description, sorted(entries, key=lambda entry: (entry.begin, entry.end))


def _parse_entry(name: str, entry: Any) -> Entry:
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"array {name[:50]!r} is not described correctly")
    shape, offsets = entry["shape"], entry["data_offsets"]
    numbers = all(
        isinstance(part, list) and all(type(n) is int and 0 <= n < 2**62 for n in part)
        for part in (shape, offsets)
    )
    is_dtype = isinstance(entry["dtype"], str) and entry["dtype"] in DTYPES
    if not (numbers and is_dtype and len(shape) <= _MAX_DIMENSIONS and len(offsets) == 2):
        raise ValueError(f"array {name[:50]!r} has no valid type, shape or place")
    dtype = DTYPES[entry["dtype"]]
    if math.prod(shape) * dtype.itemsize != offsets[1] - offsets[0]:
        raise ValueError(f"array {name[:50]!r} has a size that does not match its shape")
    return Entry(name, dtype, tuple(shape), *offsets)


def check_layout(entries: list[Entry], n_bytes: int) -> None:
    """Check that the arrays lie one after the other, the digest last, and fill the file."""
    end = 0
    for entry in entries:
        if entry.begin != end:
            raise ValueError("its arrays overlap or leave gaps")
        end = entry.end
    if end > n_bytes:
        raise ValueError(f"cut short: {n_bytes} bytes of arrays instead of {end}")
    if end < n_bytes:
        raise ValueError(f"{n_bytes - end} bytes after its end")
    last = entries[-1] if entries else None
    if last is None or (last.name, last.dtype.str, last.shape) != (
        "digest",
        "|u1",
        (DIGEST_SIZE,),
    ):
        raise ValueError("it does not end with a digest")


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
        raise ValueError(f"{str(place)!r} is not a regular file. Copy the model to one.")
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
        f"{str(path)!r} is damaged or not a .skfr model ({reason[:300]}). Get the file anew from "
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
        raise damaged(path, f"cut short: {size} bytes, but its header alone has {length}")
    return start + file.read(length - 1)


def _read_arrays(
    file: BinaryIO, path: Path, start: bytes, description: Any, entries: list[Entry]
) -> Container:
    arrays: dict[str, NDArray[Any]] = {}
    with ThreadPoolExecutor(1) as pool:  # one array is read while the last is hashed
        hashes = {}
        for entry in entries[:-1]:
            try:
                array = np.empty(entry.shape, entry.dtype)
            # No content, but sides whose product overflows; or a file full of holes.
            except (MemoryError, ValueError) as error:
                raise damaged(path, f"array {entry.name[:50]!r}: {error}") from error
            content = array.reshape(-1).view(np.uint8).data
            if file.readinto(content) != len(content):  # type: ignore[attr-defined]
                raise damaged(path, "it became shorter while it was read")
            arrays[entry.name] = array
            hashes[entry.name] = pool.submit(blake2b, content, digest_size=16)
    digests = {name: each.result().digest() for name, each in hashes.items()}
    whole = blake2b(start + b"".join(digests.values()), digest_size=DIGEST_SIZE)
    if file.read(DIGEST_SIZE) != whole.digest():
        raise damaged(path, "its digest does not fit its content")
    for name, array in arrays.items():
        # NumPy takes any byte for a truth value, and then computes nonsense.
        if array.dtype == np.bool_ and array.size and array.view(np.uint8).max() > 1:
            raise damaged(path, f"array {name[:50]!r} has truth values other than 0 and 1")
    n_bytes = len(start) + entries[-1].end
    return Container(path, description, arrays, digests, n_bytes)


_PICKLE = (
    "looks like a pickle, as joblib writes them. Loading it runs any code in it: if "
    "you trust whoever made it, use joblib.load, and skfakereal.save to turn it into a "
    ".skfr model"
)
# First bytes, and what they mean. https://en.wikipedia.org/wiki/List_of_file_signatures
_KINDS = [
    ((b"\x80",), _PICKLE),
    # What joblib compresses with: zlib, gzip, bz2, xz, lzma, lz4.
    (
        (
            b"\x78\x01",
            b"\x78\x5e",
            b"\x78\x9c",
            b"\x78\xda",
            b"\x1f\x8b",
            b"BZh",
            b"\xfd7zXZ",
            b"\x5d\x00\x00",
            b"\x04\x22\x4d\x18",
        ),
        "looks like a compressed file, perhaps a pickle by joblib. Loading one of those "
        "runs any code in it: if you trust its maker, use joblib.load",
    ),
    (
        (b"PK",),
        "looks like a ZIP file, such as Keras's .keras, NumPy's .npz or skops's .skops. Use "
        "what wrote it",
    ),
    (
        (b"\x89HDF",),
        "looks like an HDF5 file, as Keras writes weights. Pass it as weights=, or use what "
        "wrote it",
    ),
    (
        (b"version https://git-lfs",),
        "is a pointer of Git LFS, not the model itself. Run `git lfs pull`",
    ),
    (
        (b"<",),
        "looks like a web page, perhaps the answer to a download that failed. Download the "
        "model itself",
    ),
]


def explain_foreign(path: Path, start: bytes) -> ValueError:
    """Return the error for a file that does not begin as a .skfr model does."""
    if not start:
        return ValueError(
            f"{str(path)!r} is empty. Get the model again from its source, or save "
            "it again."
        )
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    for beginnings, what in _KINDS:
        if start.startswith(beginnings) or (beginnings == (b"<",) and text[:1] == b"<"):
            return ValueError(f"{str(path)!r} is not a .skfr model: it {what}.")
    return ValueError(
        f"{str(path)!r} is not a .skfr model, or its beginning is damaged. Get the file anew "
        "from where it came from, or save the model again."
    )
