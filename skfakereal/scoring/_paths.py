"""A list of paths of any length -> a list on disk, cut into parts, each path only once."""

import json
import os
from array import array
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from skfakereal._paths import unmasked


class PathList:
    """The paths of a run, on disk; memory holds some tens of bytes for each."""

    def __init__(
        self,
        file: Any,
        starts: NDArray[np.int64],
        repeated: NDArray[np.bool_] | None,
        order: NDArray[np.int64] | None,
        n_rows: int,
        part_size: int,
    ) -> None:
        # Each path as a line of JSON, which takes any name: line breaks, and bytes that are
        # no text.
        self._file = file
        self._starts = starts  # where in the file the first path of each part stands
        self._repeated = repeated  # which lines repeat an earlier one; None: none does
        # For each line the place of its path among the different ones; None: none repeats.
        self.order = order
        self.n_rows = n_rows
        self.part_size = part_size
        self.n_paths = n_rows if repeated is None else int(np.count_nonzero(~repeated))
        self.n_parts = -(-self.n_paths // part_size)
        self._folder = str(Path.cwd())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def part(self, number: int) -> list[str]:
        """Return the different paths of one part."""
        offset, row = (int(value) for value in self._starts[number])
        self._file.seek(offset)
        lines = list[bytes]()
        while len(lines) < self.part_length(number):
            line = self._file.readline()
            if self._repeated is None or not self._repeated[row]:
                lines.append(line)
            row += 1
        paths: list[str] = json.loads(b"[%b]" % b",".join(lines))  # five times as fast
        return paths

    def part_length(self, number: int) -> int:
        """Return how many different paths a part has."""
        return min(self.part_size, self.n_paths - number * self.part_size)

    def digest(self, paths: Iterable[str]) -> str:
        """Return what identifies a run of paths."""
        digest = blake2b(digest_size=16)
        for path in paths:
            digest.update(_line(path))
            # Relative paths from another folder are other paths.
            if not os.path.isabs(path):  # noqa: PTH117, four times faster
                digest.update(_line(self._folder))
        return digest.hexdigest()


def spool_paths(paths: Any, folder: Path, part_size: int) -> PathList:
    """Write a list of paths to an unnamed file, and find what it names twice."""
    file = TemporaryFile(dir=folder)  # noqa: SIM115, the list closes it
    try:
        hashes, offsets, end = array("Q"), array("q"), 0
        for path in _checked(paths):
            line = _line(path)
            file.write(line)
            hashes.append(int.from_bytes(blake2b(line, digest_size=8).digest(), "little"))
            offsets.append(end)
            end += len(line)
        file.flush()
        places = np.frombuffer(offsets, np.int64) if offsets else np.empty(0, np.int64)
        seen = np.frombuffer(hashes, np.uint64) if hashes else np.empty(0, np.uint64)
        first = _first_places(seen, places, file)
        return _cut(file, places, first, part_size)
    except BaseException:
        file.close()
        raise


def _checked(paths: Any) -> Iterator[str]:
    if isinstance(paths, str | bytes | os.PathLike):
        raise TypeError(
            f"paths must be an iterable of image paths, got one path: {paths!r}. Put it into "
            "a list."
        )
    if hasattr(paths, "shape"):
        column = np.asarray(unmasked(paths), dtype=object)
        if column.ndim != 1 and column.shape[1:] != (1,):
            raise ValueError(
                f"paths must have shape (n_images,) or (n_images, 1), got {column.shape}. "
                "Pass one column of paths."
            )
        paths = column.ravel()
    for i, path in enumerate(paths):
        value = os.fspath(path) if isinstance(path, os.PathLike) else path
        if not isinstance(value, str):
            raise TypeError(
                f"paths[{i}] must be the path of an image (str or pathlib.Path), got "
                f"{path!r} of type {type(path).__name__}. Leave it out."
            )
        yield str(value)  # NumPy's strings are strings of another kind


def _line(path: str) -> bytes:
    return json.dumps(path).encode("ascii") + b"\n"


def _first_places(
    hashes: NDArray[np.uint64], offsets: NDArray[np.int64], file: Any
) -> NDArray[np.int64] | None:
    """Return for each line the first one that is equal; None where all are different."""
    by_hash = np.argsort(hashes, kind="stable")
    same = hashes[by_hash[1:]] == hashes[by_hash[:-1]]
    if not same.any():
        return None
    first = np.arange(len(hashes), dtype=np.int64)
    for place in np.flatnonzero(same):
        earlier, later = first[by_hash[place]], by_hash[place + 1]
        # Eight bytes of digest can be equal by chance; the lines themselves decide.
        if _read(file, offsets[earlier]) == _read(file, offsets[later]):
            first[later] = earlier
    return first


def _read(file: Any, offset: int) -> bytes:
    file.seek(int(offset))
    return bytes(file.readline())


def _cut(
    file: Any,
    offsets: NDArray[np.int64],
    first: NDArray[np.int64] | None,
    part_size: int,
) -> PathList:
    n_rows = len(offsets)
    if first is None:
        rows = np.arange(0, n_rows, part_size)
        starts = np.column_stack([offsets[rows], rows])
        return PathList(file, starts, None, None, n_rows, part_size)
    repeated = first != np.arange(n_rows)
    rank = np.cumsum(~repeated) - 1
    rows = np.flatnonzero(~repeated)[::part_size]
    starts = np.column_stack([offsets[rows], rows])
    return PathList(file, starts, repeated, rank[first], n_rows, part_size)
