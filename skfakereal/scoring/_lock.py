"""One run at a time in a folder, by a lock that dies with its process."""

import errno
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK_FILE = "lock"
_TAKEN = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)
# A process's own locks do not keep out its other threads. By process, since a forked one
# inherits this, but no lock.
_HELD: set[tuple[int, str]] = set()
_GUARD = threading.Lock()


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
        f"One run at a time may write to {str(folder)!r}, and another one is at work there. "
        "Wait for its end, or choose another out."
    )
