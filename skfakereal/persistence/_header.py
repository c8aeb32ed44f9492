"""The header of a ``.skfr`` file: what lies where, and the description."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from skfakereal.persistence._strict_json import parse_json

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
        raise ValueError("its metadata has other keys than it must")
    if not isinstance(metadata["description"], str):
        raise ValueError("its description is no text")
    description = parse_json(metadata["description"].encode("utf-8", "surrogatepass"))
    entries = [_parse_entry(name, entry) for name, entry in header.items()]
    return description, sorted(entries, key=lambda entry: (entry.begin, entry.end))


def _parse_entry(name: str, entry: Any) -> Entry:
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        raise ValueError(f"array {name[:50]!r} is not described as it must be")
    shape, offsets = entry["shape"], entry["data_offsets"]
    numbers = all(
        isinstance(part, list) and all(type(n) is int and 0 <= n < 2**62 for n in part)
        for part in (shape, offsets)
    )
    known = isinstance(entry["dtype"], str) and entry["dtype"] in DTYPES
    if not (numbers and known and len(shape) <= _MAX_DIMENSIONS and len(offsets) == 2):
        raise ValueError(f"array {name[:50]!r} has no type, shape or place of arrays")
    dtype = DTYPES[entry["dtype"]]
    if math.prod(shape) * dtype.itemsize != offsets[1] - offsets[0]:
        raise ValueError(f"array {name[:50]!r} has another size than its shape says")
    return Entry(name, dtype, tuple(shape), *offsets)


def check_layout(entries: list[Entry], n_bytes: int) -> None:
    """Check that the arrays lie one after the other, the digest last, and fill the file."""
    end = 0
    for entry in entries:
        if entry.begin != end:
            raise ValueError("its arrays overlap or leave gaps")
        end = entry.end
    if end > n_bytes:
        raise ValueError(f"cut short: {n_bytes} bytes of arrays, and {end} are announced")
    if end < n_bytes:
        raise ValueError(f"{n_bytes - end} bytes after its end")
    last = entries[-1] if entries else None
    if last is None or (last.name, last.dtype.str, last.shape) != (
        "digest",
        "|u1",
        (DIGEST_SIZE,),
    ):
        raise ValueError("it does not end with a digest")
