"""The folder of a run: what run it is, its finished parts, what became of its result."""

import errno
import json
import os
import sys
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from skfakereal._files import digest_of, replacing, sync_folder
from skfakereal.scoring._paths import PathList
from skfakereal.scoring._rows import FORMATS, Row, Table, read_row, row_line

_SETTINGS_FILE, _RESULTS_FILE, _LOCK_FILE = "run.json", "results.json", "lock"
_TEMPORARY = ".tmp"
_TAKEN = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)
# A process's own locks do not keep out its other threads. By process, since a forked one
# inherits this, but no lock.
_HELD: set[tuple[int, str]] = set()
_GUARD = threading.Lock()
_ANEW = "Choose another out, or start over with overwrite=True (--force)."


@dataclass(frozen=True)
class Part:
    """What a part's file says of itself."""

    run: str  # which run it belongs to: the digest of its settings
    number: int  # which part, from 0 on
    n_rows: int  # how many rows it has
    n_errors: int  # how many of them could not be read
    paths: str  # the digest of its paths


def part_file(folder: Path, number: int) -> Path:
    """Return where a part lies."""
    return folder / f"part-{number:07}.jsonl"


def replace_file(
    path: Path, *, before: Callable[[Path], None] | None = None
) -> AbstractContextManager[BinaryIO]:
    """Replace a file of a run, whole or not at all."""
    # One name for ever: what a killed process leaves is overwritten, and does not pile up.
    return replacing(path, before=before, temporary=f".{path.name}{_TEMPORARY}")


def read_part(file: Path) -> Part | None:
    """Check a part's file."""
    digest, _, body = file.read_bytes().partition(b"\n")
    if digest != _digest(body):
        return None
    try:
        part = Part(**json.loads(body.partition(b"\n")[0]))
    except (TypeError, ValueError, RecursionError):
        return None
    whole = all(
        type(value) is (str if key in ("run", "paths") else int)
        for key, value in asdict(part).items()
    )
    return part if whole else None


def read_rows(file: Path) -> Iterator[tuple[int, Row]]:
    with file.open("rb") as lines:
        offset = len(lines.readline()) + len(lines.readline())
        for line in lines:
            yield offset, read_row(line)
            offset += len(line)


def _digest(body: bytes) -> bytes:
    return blake2b(body, digest_size=32).hexdigest().encode("ascii")


class Run:
    """A run's folder, while its lock is held."""

    def __init__(self, folder: Path, out: Path, name: str) -> None:
        self.folder = folder
        self.out = out
        self.name = name
        results = folder / _RESULTS_FILE
        self._results: list[str] = _read_json(results) or []
        if not isinstance(self._results, list):
            raise _damaged(results)

    def find_parts(self, listed: PathList) -> dict[int, Part]:
        """Find what is done, and set aside what is damaged."""
        parts, damaged = dict[int, Part](), list[str]()
        for file in sorted(self.folder.glob("part-*.jsonl")):
            part = read_part(file)
            if (
                part is None
                or part.run != self.name
                or part_file(self.folder, part.number) != file
            ):
                damaged.append(file.name)
                file.replace(file.with_suffix(".set-aside"))
                continue
            self._check_paths(part, listed)
            parts[part.number] = part
        if damaged:
            sync_folder(self.folder)
            warnings.warn(
                f"{len(damaged)} damaged parts in {str(self.folder)!r} were set aside and "
                f"are scored again: {', '.join(damaged[:5])}{', ...' * (len(damaged) > 5)}",
                RuntimeWarning,
                stacklevel=4,
            )
        return parts

    def _check_paths(self, part: Part, listed: PathList) -> None:
        paths = listed.part(part.number) if part.number < listed.n_parts else []
        if listed.digest(paths[: part.n_rows]) != part.paths or len(paths) < part.n_rows:
            first = part.number * listed.part_size
            raise ValueError(
                f"paths must be those of the run in {str(self.folder)!r}, with new ones at the "
                f"end only, but they differ from distinct path {first} on (or are relative to "
                f"another folder). {_ANEW}"
            )

    def rows(self, part: Part) -> list[Row]:
        """Return the rows of a part that is done."""
        return [row for _, row in read_rows(part_file(self.folder, part.number))]

    def write(self, number: int, rows: Sequence[Row], listed: PathList) -> None:
        """Keep a finished part; when this returns, it survives a power cut."""
        n_errors = sum(1 for row in rows if row.reason)
        digest = listed.digest(row.path for row in rows)
        part = Part(self.name, number, len(rows), n_errors, digest)
        body = json.dumps(asdict(part)).encode("ascii") + b"\n"
        body += b"".join(row_line(row) for row in rows)
        with replace_file(part_file(self.folder, number)) as file:
            file.write(_digest(body) + b"\n" + body)

    def check_result(self) -> None:
        """Check that the file of the run is there as it was left, or not at all."""
        if self.out.exists() and digest_of(self.out) not in self._results:
            raise FileExistsError(
                f"out must be a new file or the unchanged result of this run, but "
                f"{str(self.out)!r} is neither. Move it away, or replace it with "
                "overwrite=True (--force)."
            )

    def write_result(
        self, listed: PathList, table: Table
    ) -> tuple[Counter[str], Counter[str]]:
        """Write the file of the run, whose parts are all done; count labels and errors."""
        labels, errors = Counter[str](), Counter[str]()

        def counted(rows: Iterator[Row]) -> Iterator[Row]:
            for row in rows:
                if row.predicted is None:
                    errors[row.reason] += 1
                else:
                    labels[table.names[row.predicted]] += 1
                yield row

        write = FORMATS[self.out.suffix.lower()[1:]]
        with replace_file(self.out, before=self._record_result) as file:
            write(file, table, counted(self._in_order(listed)))
        return labels, errors

    def _record_result(self, file: Path) -> None:
        """Note what the file of the run will be, before it takes its place."""
        # The old one too: a kill between this and the rename leaves that in its place.
        self._results = [*self._results[-1:], digest_of(file)]
        _write_json(self.folder / _RESULTS_FILE, self._results)

    def _in_order(self, listed: PathList) -> Iterator[Row]:
        fresh = (
            each
            for number in range(listed.n_parts)
            for each in read_rows(part_file(self.folder, number))
        )
        if listed.order is None:
            for _, row in fresh:
                yield row
            return
        offsets = np.empty(listed.n_paths, np.int64)
        n_seen = 0
        for place in listed.order.tolist():
            if place == n_seen:  # the first time that this path comes
                offsets[place], row = next(fresh)
                n_seen += 1
            else:
                part = part_file(self.folder, place // listed.part_size)
                with part.open("rb") as file:
                    file.seek(int(offsets[place]))
                    row = read_row(file.readline())
            yield row


def open_run(folder: Path, out: Path, settings: dict[str, Any], *, overwrite: bool) -> Run:
    """Begin a run, or take one up again; the folder's lock must be held."""
    if out.exists() and not out.is_file():  # to read a pipe would wait for ever
        raise FileExistsError(
            f"out must be a new file or the unchanged result of this run, but {str(out)!r} is "
            "no regular file. Choose another out."
        )
    if overwrite:
        _clear(folder)
        if out.exists():  # if this run is cut off, the next one may replace it, too
            _write_json(folder / _RESULTS_FILE, [digest_of(out)])
    record = folder / _SETTINGS_FILE
    recorded = _read_json(record)
    if recorded is None:
        _refuse_strangers(folder)
        made_with = {name: version(name) for name in ("numpy", "pillow", "scikit-learn")}
        _write_json(record, {"settings": settings, "made_with": made_with})
    elif not isinstance(recorded, dict) or not isinstance(recorded.get("settings"), dict):
        raise _damaged(record)
    elif recorded["settings"] != settings:
        before = recorded["settings"]
        other = [n for n in {**settings, **before} if before.get(n) != settings.get(n)]
        changes = "; ".join(
            f"{n} was {before.get(n)!r} and is {settings.get(n)!r}" for n in other
        )
        raise ValueError(
            f"{str(folder)!r} holds a run with other settings: {changes}. {_ANEW}"
        )
    name = blake2b(json.dumps(settings, sort_keys=True).encode(), digest_size=16)
    run = Run(folder, out, name.hexdigest())
    run.check_result()
    return run


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
        with (folder / _LOCK_FILE).open("ab") as file:
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


def _refuse_strangers(folder: Path) -> None:
    ours = (_LOCK_FILE, _TEMPORARY, _RESULTS_FILE)
    others = [file.name for file in folder.iterdir() if not file.name.endswith(ours)]
    if others:
        raise ValueError(
            f"{str(folder)!r} must be empty or the folder of a scoring run, but it holds "
            f"{sorted(others)[0]!r} and no {_SETTINGS_FILE}. Move it away. {_ANEW}"
        )


def _clear(folder: Path) -> None:
    """Remove the files of a run, and nothing else."""
    for pattern in ("part-*.jsonl", "part-*.set-aside", f".part-*{_TEMPORARY}"):
        for file in folder.glob(pattern):
            file.unlink()
    # Parts first: without their settings nobody could tell what they are.
    for name in (_RESULTS_FILE, _SETTINGS_FILE):
        (folder / name).unlink(missing_ok=True)
    sync_folder(folder)


def _read_json(file: Path) -> Any:
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (ValueError, RecursionError) as error:
        raise _damaged(file) from error
    if value is None:
        raise _damaged(file)
    return value


def _damaged(file: Path) -> ValueError:
    return ValueError(f"{str(file)!r} is damaged. {_ANEW}")


def _write_json(file: Path, value: Any) -> None:
    with replace_file(file) as stream:
        stream.write(json.dumps(value, indent=2).encode())
