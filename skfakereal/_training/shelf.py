"""Activations of a fixed list of images, kept by view while a fit lasts."""

import os
import tempfile
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skfakereal._activations import ActivationReader
from skfakereal._images.read import ImageReadError, raise_unreadable


class ActivationShelf:
    """The activations of a fixed list of images for the duration of one fit, by view.

    In memory where they take little, in an unnamed temporary file otherwise. With the
    cut at the image itself nothing is kept: pixels never leave the user's folders.

    Parameters
    ----------
    reader : ActivationReader
        Computes them.
    paths : sequence of str
        The images.
    n_views : int
        How many views will be asked for at the most.
    positions : sequence of int or None, default=None
        Where the images stood in the user's array, for the errors; None: in this order.
    array : str, default="X"
        What that array is called.
    max_bytes : int, default=2**30
        From how many bytes on a file takes them.
    """

    def __init__(
        self,
        reader: ActivationReader,
        paths: Sequence[str],
        *,
        n_views: int,
        positions: Sequence[int] | NDArray[np.intp] | None = None,
        array: str = "X",
        max_bytes: int = 2**30,
    ) -> None:
        self.reader = reader
        self.paths = paths
        self._positions = range(len(paths)) if positions is None else positions
        self._array = array
        self._kept: dict[int, NDArray[Any]] = {}
        self._keeps = reader.settings.cut != "block1"
        n_values = len(paths) * n_views * int(np.prod(reader.shape))
        n_bytes = n_values * reader.dtype.itemsize
        self._in_memory = n_bytes <= max_bytes

    def fill(self, view: int) -> list[ImageReadError]:
        """Compute one view of all images, unless it is there."""
        if view in self._kept or (not self._keeps and self._kept):
            return []
        kept = self._allocate() if self._keeps else np.empty(0)
        failures: list[ImageReadError] = []
        for batch in self.reader.read(self.paths, view):
            failures += self._placed(batch.failures, range(len(self.paths)))
            if self._keeps:
                batch.write_to(kept)
        self._kept[view] = kept
        return failures

    def _allocate(self) -> NDArray[Any]:
        shape = (len(self.paths), *self.reader.shape)
        if self._in_memory:
            return np.empty(shape, self.reader.dtype)
        n_bytes = int(np.prod(shape)) * self.reader.dtype.itemsize
        with tempfile.TemporaryFile(prefix="skfakereal-") as file:
            try:
                _reserve(file.fileno(), n_bytes)
            except OSError as error:
                raise OSError(
                    error.errno,
                    f"The activations of one view need {n_bytes / 1e9:.3g} GB in the "
                    f"temporary folder {tempfile.gettempdir()!r}, but: {error.strerror}. Set "
                    "TMPDIR to a folder with more room, or trainable_from to a later block",
                ) from error
            return np.memmap(file, self.reader.dtype, "r+", shape=shape)

    def take(self, rows: NDArray[np.intp], view: int) -> NDArray[np.float32]:
        """Return the activations of some images."""
        if self._keeps:
            return self._kept[view][rows].astype(np.float32)
        paths = [self.paths[row] for row in rows]
        taken = np.empty((len(rows), *self.reader.shape), np.float32)
        failures: list[ImageReadError] = []
        for batch in self.reader.read(paths, view):
            failures += batch.failures
            batch.write_to(taken)
        # Readable in the first pass, but no longer.
        raise_unreadable(self._placed(failures, rows))
        return taken

    def _placed(
        self, failures: list[ImageReadError], rows: Sequence[int] | NDArray[np.intp]
    ) -> list[ImageReadError]:
        for failure in failures:
            failure.index = int(self._positions[rows[failure.index or 0]])
            failure.array = self._array
        return failures


def _reserve(file: int, n_bytes: int) -> None:
    """Give a file its size and, where the system can, its room on the disk.

    Memory is mapped on it: a disk that is full later would end the process by SIGBUS.
    """
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file, 0, n_bytes)
    else:
        os.truncate(file, n_bytes)
