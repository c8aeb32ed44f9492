"""A run folder: written beside its place, moved there when whole, sealed with its record."""

import contextlib
import json
import os
import platform
import re
import secrets
import shutil
import signal
import threading
from argparse import Namespace
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skfakereal._files import digest_of
from skfakereal._judging import CONFIG_FILE
from skfakereal._version import __version__
from skfakereal.cli._output import complain

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_PACKAGES = (
    *("scikit-learn", "scikeras", "tensorflow", "keras", "numpy", "pillow", "joblib"),
    *("ncnn", "onnxruntime"),
)
# What a process that is killed leaves beside the files of a run.
_LEFT = re.compile(r"\.[0-9a-f]{8}\.(partial|replaced)")


@contextmanager
def new_run(
    out: str | os.PathLike[str],
    *,
    force: bool,
    reads: Iterable[str | os.PathLike[str]] = (),
    kept: str | None = None,
) -> Iterator[Path]:
    """Give a folder to write a run to; move it to its place if nothing goes wrong.

    A folder that is there already stays the same one: it may be a mounted volume, the only
    place that may be written to, or where somebody's shell stands. It must not hold what the
    run `reads`.

    An interrupted run leaves nothing behind, or at worst (if the process is killed) a hidden
    folder whose name ends in ``.partial`` (the new run) or ``.replaced`` (the earlier one),
    of which the next run tells. Once the `kept` file is there, it stays whatever fails later
    (`UnfinishedRunError`), and never replaces an earlier run.
    """
    place = Path(out).resolve()
    _check_free(place, out, force)
    _check_not_read(place, out, reads)
    _tell_leftovers(place)
    place.parent.mkdir(parents=True, exist_ok=True)
    # Not by the number of the process, which in containers is always the same.
    hidden = f".{secrets.token_hex(4)}.partial"
    partial = place / hidden if place.is_dir() else place.with_name(hidden)
    partial.mkdir()
    try:
        yield partial
        _check_free(place, out, force)  # hours may have passed
        with _undisturbed():
            _move(partial, place)
    except BaseException as error:
        with _undisturbed():
            if kept is not None and (partial / kept).is_file():
                raise UnfinishedRunError(_leave(partial, place) / kept) from error
            shutil.rmtree(partial, ignore_errors=True)
        raise


def asked_run(arguments: Namespace, *reads: str) -> AbstractContextManager[Path | None]:
    """Give a folder where one is asked for, before the work: its place may be taken."""
    if arguments.out:
        return new_run(arguments.out, force=arguments.force, reads=reads)
    return nullcontext()


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Let no signal come between steps that belong together."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    names = ("SIGINT", "SIGTERM", "SIGHUP")  # the last not on Windows
    found = [getattr(signal, name) for name in names if hasattr(signal, name)]
    former = {number: signal.getsignal(number) for number in found}
    for number in found:
        signal.signal(number, signal.SIG_IGN)
    try:
        yield
    finally:
        for number, handler in former.items():
            if handler is not None:  # None was not set from Python
                signal.signal(number, handler)


class UnfinishedRunError(Exception):
    """Something failed after the model was saved, in `place`."""

    def __init__(self, place: Path) -> None:
        super().__init__(
            f"The model was finished before that and is saved: {str(place)!r}. What else the run "
            "should have written is missing or incomplete."
        )
        self.place = place


def _leave(partial: Path, place: Path) -> Path:
    """Put an unfinished run where it can be found, and return where that is."""
    with contextlib.suppress(OSError, ValueError, TypeError, RecursionError):
        seal(partial, json.loads((partial / CONFIG_FILE).read_text(encoding="utf-8")))
    with contextlib.suppress(OSError):
        if not place.exists() or not _entries(place):
            _move(partial, place)
            return place
    beside = place.with_name(f"{place.name}{partial.stem}.unfinished")
    with contextlib.suppress(OSError):
        partial.replace(beside)
        return beside
    return partial


def _check_free(place: Path, out: str | os.PathLike[str], force: bool) -> None:
    if not place.exists():
        return
    shown = os.fspath(out)
    if not place.is_dir():
        raise FileExistsError(
            f"--out must be a folder, but {shown!r} is a file. Choose another --out."
        )
    if not _entries(place):
        return
    foreign = _find_foreign(place)
    if foreign is not None:
        raise FileExistsError(
            f"--out must be a new or empty folder, or an earlier run, but {shown!r} holds "
            f"{foreign.name!r}, which no run wrote, or which was changed since. Choose "
            "another --out."
        )
    if not force:
        raise FileExistsError(
            f"{shown!r} holds an earlier run. Pass --force to replace it, or choose another "
            "--out."
        )


def _check_not_read(
    place: Path, out: str | os.PathLike[str], reads: Iterable[str | os.PathLike[str]]
) -> None:
    if not place.is_dir():
        return
    for name in reads:
        # What is no file, as "-" for standard input is none, cannot be replaced. Path.exists
        # raises where a name is too long for one.
        exists = os.path.exists(name)  # noqa: PTH110
        if exists and Path(name).resolve().is_relative_to(place):
            raise FileExistsError(
                f"--out must be another folder than those that are read, but "
                f"{os.fspath(out)!r} is or holds {os.fspath(name)!r}. Choose another --out."
            )


def _tell_leftovers(place: Path) -> None:
    for entry in sorted(place.iterdir()) if place.is_dir() else []:
        if _LEFT.fullmatch(entry.name):
            complain(
                f"{str(entry)!r} is of a run that was killed, or has not ended. Remove it once "
                "nothing in it is needed."
            )


def _entries(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if not _LEFT.fullmatch(entry.name))


def _find_foreign(place: Path) -> Path | None:
    """Return a file that is not as a run wrote it, if there is one."""
    try:
        config = json.loads((place / CONFIG_FILE).read_text(encoding="utf-8"))
        digests = dict(config["files"]) if "skfakereal" in config else {}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        digests = {}
    for entry in _entries(place):
        if entry.name == CONFIG_FILE and digests:
            continue
        is_ours = entry.is_file() and not entry.is_symlink()
        if not is_ours or digests.get(entry.name) != digest_of(entry):
            return entry
    return None


def _move(partial: Path, place: Path) -> None:
    """Move a run to its place, and what an earlier one left there out of the way.

    Whenever the process is killed, what is visible is a run, whole or not, under a record
    that knows all of its files: so ``--force`` may replace it, and nothing else may.
    """
    if not place.exists():
        partial.rename(place)
        return
    earlier = place / f"{partial.stem}.replaced"
    earlier.mkdir()
    record, new_record = place / CONFIG_FILE, partial / CONFIG_FILE
    moves = [(entry, earlier / entry.name) for entry in _entries(place) if entry != record]
    if new_record.exists():
        moves.append((new_record, record))
    moves += [
        (entry, place / entry.name) for entry in _entries(partial) if entry != new_record
    ]
    done = 0
    try:
        if record.exists():
            shutil.copy2(record, earlier)
        for entry, new in moves:
            entry.replace(new)
            done += 1
    except OSError:
        for entry, new in reversed(moves[:done]):
            new.replace(entry)
        if not record.exists() and (earlier / CONFIG_FILE).exists():
            (earlier / CONFIG_FILE).replace(record)
        shutil.rmtree(earlier, ignore_errors=True)
        raise
    shutil.rmtree(earlier, ignore_errors=True)
    shutil.rmtree(partial, ignore_errors=True)


def seal(folder: Path, config: dict[str, Any]) -> None:
    """Write ``config.json``, with the digest of every file, as the last file of a run."""
    files = {
        entry.name: digest_of(entry)
        for entry in sorted(folder.iterdir())
        if entry.name != CONFIG_FILE
    }
    write_json(folder / CONFIG_FILE, {**config, "files": files})


def write_json(place: Path, facts: dict[str, Any]) -> None:
    """Write facts as people can read them, too."""
    place.write_text(f"{json.dumps(facts, indent=2)}\n", encoding="utf-8")


def save_figure(place: Path, figure: "Figure") -> None:
    """Write a figure as a PNG that says nothing of the software."""
    figure.savefig(place, dpi=144, metadata={"Software": None})


def stem_of(name: str) -> str:
    """Return an image's name without what a file system or a page may stumble over."""
    bare = re.sub(r"[^A-Za-z0-9._-]+", "_", Path(name).stem).strip("._")
    return bare[:40].rstrip("._") or "image"


def describe_run(command_line: Sequence[str], **facts: Any) -> dict[str, Any]:
    """Return what is to be known of a run."""
    return {
        "skfakereal": __version__,
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": list(command_line),
        **facts,
        "versions": {
            "python": platform.python_version(),
            "platform": platform.platform(),
            **{name: _version(name) for name in _PACKAGES},
        },
    }


def made_by(config: Mapping[str, Any]) -> str:
    """Return in a line what made a run, and when: the last one of its pages."""
    return f"Made by skfakereal {config['skfakereal']}, {config['date']}."


def _version(package: str) -> str | None:
    # `predict` can do without it.
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(package)
    except PackageNotFoundError:
        return None
