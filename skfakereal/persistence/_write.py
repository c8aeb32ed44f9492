"""Bytes -> a file that is there as a whole or not at all."""

import contextlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path


def write_whole(
    path: Path, pieces: Iterable[bytes | memoryview], verify: Callable[[Path], None]
) -> None:
    """Write a file beside its place, verify it, and put it there in one step.

    Whatever happens in between (a full disk, the end of the process, a second process that
    writes to the same place), the place holds what it held before, or the whole new file.
    """
    place = Path(os.path.realpath(path))  # a symbolic link stays one
    # Not from tempfile, whose files only their owner may read.
    part = place.with_name(f".{os.urandom(8).hex()}.skfr.part")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    handle = os.open(part, flags, 0o666)
    try:
        with os.fdopen(handle, "wb") as file:
            for piece in pieces:
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileNotFoundError):
            part.chmod(place.stat().st_mode & 0o777)
        verify(part)
        part.replace(place)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    _sync_folder(place.parent)


def _sync_folder(folder: Path) -> None:
    """Make the new name last through a power cut, where folders can be opened."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
