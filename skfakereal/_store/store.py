"""Key -> bytes on disk: activations that were computed once and need not be again."""

import contextlib
import os
import sqlite3
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from skfakereal._store.file import (
    READ,
    REFRESH,
    SETTINGS,
    Row,
    begin_file,
    check_format,
    checksum_of,
    current_file,
    delete,
    files_set_aside,
    insert,
    is_there,
    look_up,
    read_number,
    set_aside,
)

_T = TypeVar("_T")
_FLUSH_SECONDS = 1.0
# Connections from before a fork. To close one could roll back what the parent is writing.
_INHERITED: list[sqlite3.Connection | None] = []


@dataclass(frozen=True)
class StoreInfo:
    """What `ActivationStore.info` tells; files that were set aside count in `n_bytes`."""

    path: Path
    n_entries: int
    n_bytes: int
    max_bytes: int


class ActivationStore:
    """A bounded, checksummed store of bytes that several processes may share.

    It is a cache and fails like one: whatever happens to the file or the disk, values are
    missing, never wrong, and one warning says so. A damaged entry is dropped; a damaged
    database, or one of another format, is renamed and begun anew. Where the folder cannot
    be used (full, read-only, locked for longer than `timeout`), this object does without.

    The folder is created with mode 0700 when it is first needed. Beyond `max_bytes` the least
    recently used entries go, and a value of more than half of it is not kept. `timeout` is the
    seconds to wait while another process writes.

    An object may be pickled, shared by threads and carried over a fork: every process
    opens a connection of its own when it first needs one.

    Recency is coarse: reading an entry moves it to the end of the queue only if it stood
    in the front half, so reading again and again soon writes nothing.

    Databases are numbered, and no number is used twice: a process that still writes to
    one that was set aside can then not leave a journal that SQLite takes for the new
    one's. Only the last one set aside is kept, and `clear` empties it.
    """

    def __init__(
        self,
        folder: str | os.PathLike[str],
        *,
        max_bytes: int = 10 * 2**30,
        timeout: float = 30,
    ) -> None:
        if max_bytes < 2**20:
            raise ValueError(f"max_bytes must be at least 1 MiB (2**20), got {max_bytes}.")
        # Absolute, since a worker process may stand in another folder.
        self.folder = Path(folder).expanduser().absolute()
        self.max_bytes = max_bytes
        self.timeout = timeout
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._file = self.folder
        self._off = self._read_only = False
        self._warned: set[str] = set()
        self._stale: dict[bytes, None] = {}
        self._flushed = -_FLUSH_SECONDS

    def __reduce__(self) -> tuple[object, ...]:
        make = partial(type(self), max_bytes=self.max_bytes, timeout=self.timeout)
        return make, (self.folder,)

    def __del__(self) -> None:
        # From Python 3.13 a connection that nobody closes is a ResourceWarning.
        if getattr(self, "_pid", None) == os.getpid():
            self._disconnect()

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the values of `keys`, in their order; None where there is none."""
        values: dict[bytes, bytes] = {}
        damaged = []
        rows: list[Any] = self._run(lambda c: list(look_up(c, READ, keys)), [])
        for key, checksum, value, stale in rows:
            if not isinstance(value, bytes) or checksum != checksum_of(key, value):
                damaged.append(key)
                continue
            values[key] = value
            if stale:
                self._stale[key] = None
        if damaged:
            # An entry that is there is never replaced, so this one must go.
            self._run(partial(self._write, dropped=damaged), None, writing=True)
            self._warn_once("entry", "has damaged entries; they are computed again")
        elif self._stale and time.monotonic() - self._flushed >= _FLUSH_SECONDS:
            self._run(self._write, None, writing=True)
        return [values.get(key) for key in keys]

    def put_many(self, items: Iterable[tuple[bytes, bytes]]) -> None:
        """Store pairs of key and value in one transaction; keys it has are left alone."""
        # Everything is at hand before the transaction begins: others wait for its end.
        rows = [(key, checksum_of(key, value), value) for key, value in dict(items).items()]
        if rows:
            self._run(partial(self._write, rows=rows), None, writing=True)

    def info(self) -> StoreInfo:
        """Count what the store holds, without creating anything."""
        n_entries = n_bytes = 0
        if is_there(current_file(self.folder)):
            n_entries = self._run(lambda c: read_number(c, "SELECT count(*) FROM entry"), 0)
        for path in self.folder.glob("activations-*"):
            with contextlib.suppress(OSError):  # journals come and go
                n_bytes += path.stat().st_size
        return StoreInfo(self.folder, n_entries, n_bytes, self.max_bytes)

    def clear(self) -> None:
        """Empty the store; an OSError says why that cannot be done."""
        with self._own_lock():
            self._disconnect()
            for file in self.folder.glob("activations-*.sqlite"):
                with contextlib.suppress(FileExistsError, FileNotFoundError):
                    set_aside(file)
                file.unlink(missing_ok=True)  # where its number was taken already
            for path in files_set_aside(self.folder):
                os.truncate(path, 0)

    def _own_lock(self) -> threading.Lock:
        if self._pid != os.getpid():
            _INHERITED.append(self._connection)
            self._begin()
        return self._lock

    def _run(
        self,
        work: Callable[[sqlite3.Connection], _T],
        otherwise: _T,
        *,
        writing: bool = False,
    ) -> _T:
        """Do `work` on the database, or return `otherwise` where that is not possible."""
        with self._own_lock():
            if self._off or (writing and self._read_only):
                return otherwise
            for _ in range(3):
                try:
                    return work(self._connect())
                except BaseException as error:
                    self._disconnect()  # not even an interrupt leaves a transaction open
                    # Undecodable: SQLite's message, when it quotes a damaged schema.
                    if not isinstance(
                        error, sqlite3.DatabaseError | OSError | UnicodeDecodeError
                    ):
                        raise
                    if isinstance(error, sqlite3.ProgrammingError):
                        raise  # the caller's mistake, such as a key that is not bytes
                    reason = str(error)
                    if not self._mend(error):
                        break
            self._off, self._read_only = not writing, True
            self._warn_once("folder", f"cannot be used ({reason}); continuing without it")
            return otherwise

    def _connect(self) -> sqlite3.Connection:
        if self._connection is None or not is_there(self._file):
            self._disconnect()
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._file = begin_file(self.folder)
            self._connection = sqlite3.connect(
                # mode=rw: if it was set aside just now, it must not be created again.
                f"file:{quote(os.fsencode(self._file), safe='')}?mode=rw",
                timeout=self.timeout,
                isolation_level=None,
                check_same_thread=False,
                uri=True,
            )
            self._connection.text_factory = bytes  # a flipped bit can make a blob a text
            self._connection.executescript(SETTINGS)
            check_format(self._connection)
        return self._connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()

    def _mend(self, error: Exception) -> bool:
        """Set a damaged database aside; tell whether another attempt may fare better."""
        if isinstance(error, OSError):
            return False
        code = getattr(error, "sqlite_errorcode", None)
        if code == sqlite3.SQLITE_READONLY_DBMOVED or not is_there(self._file):
            return True  # another process has set it aside or cleared it
        # Operational errors (locked, full, I/O) are the fault of the place; but ERROR means
        # that tables or columns of ours are gone, and READONLY on a file that may be written
        # that a bit of its header has flipped.
        damage = [sqlite3.SQLITE_ERROR]
        if os.access(self._file, os.W_OK):
            damage.append(sqlite3.SQLITE_READONLY)
        if isinstance(error, sqlite3.OperationalError) and code not in damage:
            return False
        with contextlib.suppress(OSError):  # another process may be faster
            aside = set_aside(self._file)
            self._warn_once(
                "file", f"was set aside as {aside.name} ({error}); a new one is started"
            )
        return True

    def _warn_once(self, kind: str, what: str) -> None:
        if kind not in self._warned:
            self._warned.add(kind)
            message = f"The activation store in {self.folder} {what}."
            warnings.warn(message, RuntimeWarning, stacklevel=2)

    def _write(
        self,
        connection: sqlite3.Connection,
        rows: Sequence[Row] = (),
        dropped: Sequence[bytes] = (),
    ) -> None:
        """In one transaction, move what was read to the queue's end, drop and insert."""
        stale, self._stale, self._flushed = self._stale, {}, time.monotonic()
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(REFRESH, [(key,) for key in list(stale)])
        delete(connection, dropped)
        insert(connection, rows, self.max_bytes)
        connection.execute("COMMIT")


def open_store(cache: str | os.PathLike[str] | None) -> ActivationStore | None:
    """Return the store that a `cache` parameter asks for, or None; nothing is created yet.

    ``"auto"`` is ``skfakereal`` in the user's cache folder, unless the environment
    variable ``SKFAKEREAL_CACHE`` names another folder or says ``off``.
    """
    if cache != "auto":
        return None if cache is None else ActivationStore(cache)
    chosen = os.environ.get("SKFAKEREAL_CACHE", "")
    if chosen.lower() == "off":
        return None
    try:
        return ActivationStore(chosen or _user_folder() / "skfakereal")
    except RuntimeError as error:  # in a container, a user may have no home
        message = (
            f"There is no activation store ({error}): name a folder in SKFAKEREAL_CACHE."
        )
        warnings.warn(message, RuntimeWarning, stacklevel=2)
        return None


def _user_folder() -> Path:
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    variable = "LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME"
    folder = Path(os.environ.get(variable, ""))
    # The XDG specification has relative paths ignored.
    return folder if folder.is_absolute() else Path.home() / ".cache"
