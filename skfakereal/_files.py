"""Files: written whole or not at all, also in a power cut; tables in CSV; digests."""

import contextlib
import csv
import errno
import hashlib
import io
import os
import secrets
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO


def digest_of(file: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of a file's content."""
    with Path(file).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def replacing(
    path: Path,
    *,
    before: Callable[[Path], None] | None = None,
    temporary: str | None = None,
    sync: bool = True,
) -> Iterator[BinaryIO]:
    """Open a file that takes the place of another only when it is complete.

    `before` sees the complete file before that. `temporary` names it meanwhile; None: any.
    Without `sync`, a power cut can leave it empty.
    """
    place = Path(os.path.realpath(path))  # a symbolic link stays one
    # Not from tempfile, whose files only their owner may read.
    part = place.with_name(temporary or f".{secrets.token_hex(8)}{place.suffix}.part")
    try:
        with part.open("wb" if temporary else "xb") as file:
            yield file
            file.flush()
            if sync:
                # Before the rename: a file system may write the new name to the disk first,
                # and a power cut would leave the name with nothing, or half, behind it.
                _sync(file.fileno())
        with contextlib.suppress(FileNotFoundError):
            part.chmod(place.stat().st_mode & 0o777)
        if before is not None:
            before(part)
        part.replace(place)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    if sync:
        # After the rename: until its folder is on the disk, the file still has its old name.
        sync_folder(place.parent)


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, that a power cut does not take away."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """Write the names in a folder to the disk."""
    if sys.platform == "win32":
        return  # it opens no folders; NTFS keeps a journal of names
    try:
        handle = os.open(folder, os.O_RDONLY)
    except PermissionError:
        return  # one that can be written to, but not listed
    try:
        _sync(handle)
    except OSError as error:
        # Some network file systems know no fsync of a folder.
        if error.errno != errno.EINVAL:
            raise
    finally:
        os.close(handle)


def _sync(handle: int) -> None:
    if sys.platform == "darwin":
        import fcntl

        try:
            # There, fsync leaves the data in the drive's own memory.
            fcntl.fcntl(handle, fcntl.F_FULLFSYNC)
        except OSError:  # a file system without it
            pass
        else:
            return
    os.fsync(handle)


def csv_line(values: Iterable[Any]) -> str:
    """Return one row, with its line break, that comes back as it was, whatever names hold."""
    buffer = io.StringIO()
    # Before Python 3.13 a carriage return is quoted only where it is part of the line's end.
    csv.writer(buffer, lineterminator="\r\n").writerow(values)
    return f"{buffer.getvalue()[:-2]}\n"


def encoded(text: str) -> bytes:
    """Return CSV as UTF-8, in which a file's name that is no text comes back as it is."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # no name that a file could have
        return text.encode("utf-8", "backslashreplace")


def write_csv(path: str | os.PathLike[str], rows: Iterable[Iterable[Any]]) -> None:
    """Write rows, the header among them, to a file."""
    with Path(path).open("wb") as file:
        for row in rows:
            file.write(encoded(csv_line(row)))
