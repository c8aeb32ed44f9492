"""The file of the activation store: its tables, its format, and setting it aside."""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from itertools import accumulate
from pathlib import Path
from typing import Any

Row = tuple[bytes, bytes, bytes]  # key, checksum, value

_FORMAT = (0x736B6672, 1)  # application_id ("skfr") and user_version
_SCHEMA = """
CREATE TABLE entry (key BLOB PRIMARY KEY, id INTEGER, stamp INTEGER) WITHOUT ROWID;
CREATE INDEX queue ON entry (stamp);
CREATE TABLE payload (id INTEGER PRIMARY KEY, checksum BLOB, value BLOB);
PRAGMA application_id = %d;
PRAGMA user_version = %d
"""
# Of pages of 4, 8, 16 and 32 KiB, 8 wrote values of 1 KiB fastest. synchronous=OFF writes
# two to three times as fast, but a power cut could then cost the whole file. No mmap: a
# file that is truncated under it ends the process by SIGBUS.
SETTINGS = """
PRAGMA page_size = 8192;
PRAGMA journal_mode = DELETE;
PRAGMA synchronous = NORMAL;
PRAGMA cache_size = -8000;
PRAGMA cell_size_check = ON
"""
_READ_FORMAT = "SELECT * FROM pragma_application_id, pragma_user_version"
_READ_USED = (
    "SELECT (page_count - freelist_count) * page_size"
    " FROM pragma_page_count, pragma_freelist_count, pragma_page_size"
)
# LEFT: an entry whose value is gone must be seen, or its key could never be stored again.
READ = (
    "SELECT key, checksum, value, stamp < (SELECT min(stamp) FROM entry) / 2"
    " + (SELECT max(stamp) FROM entry) / 2 FROM entry LEFT JOIN payload USING (id)"
)
_READ_OLDEST = (
    "SELECT key, coalesce(length(value), 0) FROM entry LEFT JOIN payload USING (id)"
    " ORDER BY stamp LIMIT 1000"
)
# Only what is new makes the clock go on: else each reading of all would move one half.
REFRESH = "UPDATE entry SET stamp = (SELECT max(stamp) FROM entry) WHERE key = ?"
_CHUNK = 500  # keys in one query: older SQLites allow 999, and 2,000 is no faster
_ROW_BYTES = 512  # what a row takes beside its value, rounded up


class UnusableError(sqlite3.DatabaseError):
    """A database that SQLite can read, but this module cannot work with."""


def is_there(file: Path) -> bool:
    return os.access(file, os.F_OK)  # Path.exists raises where the folder is locked


def files_set_aside(folder: Path) -> list[Path]:
    return list(folder.glob("activations-*.set-aside"))


def current_file(folder: Path) -> Path:
    return folder / f"activations-{1 + len(files_set_aside(folder))}.sqlite"


def begin_file(folder: Path) -> Path:
    while True:
        file = current_file(folder)
        is_new = not is_there(file)
        if is_new:
            file.touch(mode=0o600)
        if file == current_file(folder):
            return file
        # Another process has set that number aside between the two looks.
        if is_new:
            file.unlink(missing_ok=True)


def set_aside(file: Path) -> Path:
    aside = file.with_suffix(".set-aside")
    aside.touch(exist_ok=False)  # of several processes, one succeeds
    file.replace(aside)
    for older in set(files_set_aside(file.parent)) - {aside}:
        os.truncate(older, 0)  # and not removed, since they count
    file.with_name(f"{file.name}-journal").unlink(missing_ok=True)
    return aside


def checksum_of(key: bytes, value: bytes) -> bytes:
    digest = blake2b(len(key).to_bytes(8, "little") + key, digest_size=16)
    digest.update(value)
    return digest.digest()


def read_number(connection: sqlite3.Connection, query: str) -> int:
    return int(connection.execute(query).fetchone()[0])


def check_format(connection: sqlite3.Connection) -> None:
    """Make the tables if there are none; raise if they are not of this format."""
    if connection.execute(_READ_FORMAT).fetchone() == _FORMAT:
        return
    connection.execute("BEGIN IMMEDIATE")
    # Asked again, since another process may have made them meanwhile.
    if connection.execute(_READ_FORMAT).fetchone() != _FORMAT:
        if read_number(connection, "SELECT count(*) FROM sqlite_master"):
            raise UnusableError("it is of another version")
        for statement in (_SCHEMA % _FORMAT).split(";"):
            connection.execute(statement)
    connection.execute("COMMIT")


def look_up(
    connection: sqlite3.Connection, query: str, keys: Sequence[bytes]
) -> Iterator[Any]:
    for start in range(0, len(keys), _CHUNK):
        chunk = keys[start : start + _CHUNK]
        marks = ",".join("?" * len(chunk))
        yield from connection.execute(f"{query} WHERE key IN ({marks})", chunk)


def insert(connection: sqlite3.Connection, rows: Sequence[Row], max_bytes: int) -> None:
    inserted = {
        key for (key,) in look_up(connection, "SELECT key FROM entry", [r[0] for r in rows])
    }
    new = [row for row in rows if row[0] not in inserted and len(row[2]) < max_bytes // 2]
    # Values share pages, so what one takes is only an estimate. Room is therefore made for
    # a sixteenth of the store at a time, and another sixteenth is kept for the error.
    step = max_bytes // 16
    left = sum(len(value) + _ROW_BYTES for _, _, value in new)
    room = 0
    for key, checksum, value in new:
        cost = len(value) + _ROW_BYTES
        if room < cost:
            room = max(cost, min(step, left))
            _make_room(connection, max_bytes - step - room)
        room -= cost
        left -= cost
        payload = connection.execute(
            "INSERT INTO payload (checksum, value) VALUES (?, ?)", (checksum, value)
        )
        connection.execute(
            "INSERT INTO entry SELECT ?, ?, coalesce(max(stamp), 0) + 1 FROM entry",
            (key, payload.lastrowid),
        )


def _make_room(connection: sqlite3.Connection, max_bytes: int) -> None:
    """Drop the least recently used entries until `max_bytes` or less are in use."""
    while (excess := read_number(connection, _READ_USED) - max_bytes) > 0:
        oldest = connection.execute(_READ_OLDEST).fetchall()
        freed = accumulate((size for _, size in oldest), initial=0)
        doomed = [
            key for (key, _), before in zip(oldest, freed, strict=False) if before < excess
        ]
        if not delete(connection, doomed):
            raise UnusableError("nothing is left in it to drop")


def delete(connection: sqlite3.Connection, keys: Sequence[bytes]) -> int:
    rows = [(key,) for key in keys]
    connection.executemany(
        "DELETE FROM payload WHERE id = (SELECT id FROM entry WHERE key = ?)", rows
    )
    return connection.executemany("DELETE FROM entry WHERE key = ?", rows).rowcount
