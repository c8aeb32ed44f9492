"""Files that are there whole or not at all, also after a power cut; one run at a time."""

import errno
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

TEMPORARY = ".tmp"
# The last is what a limit on the size of files (ulimit -f) raises.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
LOCK_FILE = "lock"
_TAKEN = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)
# A process's own locks do not keep out its other threads. By process, since a forked one
# inherits this, but no lock.
_HELD: set[tuple[int, str]] = set()
_GUARD = threading.Lock()


@contextmanager
def replacing(
    path: Path, *, before: Callable[[Path], None] | None = None
) -> Iterator[BinaryIO]:
    """Open a file that takes the place of another only when it is complete."""
    # One name for ever: what a killed process leaves is overwritten, and does not pile up.
    temporary = path.with_name(f".{path.name}{TEMPORARY}")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            # Before the rename: a file system may write the new name to the disk first,
            # and a power cut would leave the name with nothing, or half, behind it.
            _sync(file.fileno())
        if before is not None:
            before(temporary)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    # After the rename: until its folder is on the disk, the file still has its old name.
    sync_folder(path.parent)


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
    handle = os.open(folder, os.O_RDONLY)
    try:
        _sync(handle)
    except OSError as error:
        # Some network file systems know no fsync of a folder.
        if error.errno != errno.EINVAL:
            raise
    finally:
        os.close(handle)


def no_room(error: OSError) -> bool:
    """Tell whether an error says that the disk, a quota or a limit is full."""
    return error.errno in _NO_ROOM


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


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a folder's lock."""
    # The lock file stays: removing it would let a third process lock a new one while a
    # second still waits with the old one open.
    name = os.getpid(), os.path.realpath(folder)
    with _GUARD:
        if name in _HELD:
            raise _refusal(folder)
        _HELD.add(name)
    try:
        with (folder / LOCK_FILE).open("ab") as file:
            try:
                _lock(file.fileno())
            except OSError as error:
                if error.errno not in _TAKEN:  # a file system without locks, say
                    raise
                raise _refusal(folder) from error
            yield
    finally:
        with _GUARD:
            _HELD.discard(name)


def _lock(handle: int) -> None:
    if sys.platform == "win32":
        import msvcrt

        os.lseek(handle, 0, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        # lockf and not flock: a child that is forked while the lock is held inherits a
        # flock, and would keep it after its parent was killed.
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _refusal(folder: Path) -> BlockingIOError:
    return BlockingIOError(
        f"Another run is writing to {str(folder)!r}. Wait until it ends, or choose another out."
    )
