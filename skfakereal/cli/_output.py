"""What goes to the terminal: lines, complaints, warnings, progress bars, and no chatter."""

import contextlib
import errno
import io
import os
import sys
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from time import perf_counter
from typing import Any

from skfakereal._quiet import LEVEL, quiet_import
from skfakereal._shown import printable, visible


def say(text: str = "") -> None:
    """Write a line to standard output."""
    sys.stdout.write(f"{_lines(text)}\n")
    sys.stdout.flush()


def complain(text: str) -> None:
    """Write a line to standard error, with the name of the program before it."""
    sys.stderr.write(f"skfakereal: {_lines(text)}\n")
    sys.stderr.flush()


def _lines(text: str) -> str:
    # Line breaks of ours stay; in names, `printable` has written them out before.
    return "\n".join(map(printable, text.split("\n")))


class _Stream:
    """A standard stream whose loss does not end the work that is under way."""

    def __init__(self, stream: Any) -> None:
        self.lost: Exception | None = None
        if stream is None:
            self.lost = OSError(errno.EBADF, "it is closed")
            # Until this context ends: nobody sees what goes there.
            stream = io.StringIO()
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
        self._stream = stream

    def write(self, text: str) -> int:
        if self.lost is None:
            try:
                self._stream.write(text)
            except (OSError, ValueError) as error:  # the latter where it was closed
                self._lose(error)
        return len(text)

    def flush(self) -> None:
        if self.lost is None:
            try:
                self._stream.flush()
            except (OSError, ValueError) as error:
                self._lose(error)

    def _lose(self, error: Exception) -> None:
        """Let what is buffered, and the interpreter's last flush, go into nothing."""
        self.lost = error
        with contextlib.suppress(OSError, ValueError):
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, self._stream.fileno())
            os.close(nothing)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@contextlib.contextmanager
def standard_streams() -> Iterator[None]:
    """Go on without standard output and error where they are closed, full, or unread."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            # Else a file of ours gets this number, and a library's complaints inside.
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = _Stream(sys.stdout), _Stream(sys.stderr)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        sys.stdout, sys.stderr = before


def output_loss() -> Exception | None:
    """Return why standard output cannot be written to, if it cannot."""
    sys.stdout.flush()
    return getattr(sys.stdout, "lost", None)


def write_lines(lines: Iterable[str]) -> None:
    """Write lines to standard output as they come; raise once nobody reads them.

    Names that are no valid text leave as the bytes that they are, where the output speaks
    UTF-8. On a terminal, nothing that lines hold can steer it.
    """
    on_terminal = sys.stdout.isatty()
    is_utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    if is_utf8 and not on_terminal and hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="surrogateescape")
    loss = output_loss()
    if loss is not None and not isinstance(loss, BrokenPipeError):
        raise OSError("Standard output is closed. Write the rows to a file with --out.")
    for line in lines:
        sys.stdout.write(visible(line, "\n") if on_terminal else line)
        if (loss := output_loss()) is not None:
            raise loss


def wants_progress(asked: bool | None) -> bool:
    """Return whether to show progress bars."""
    return sys.stderr.isatty() if asked is None else asked


def watched(
    items: Iterable[Any], *, total: int, label: str, progress: bool, unit: str = "image"
) -> Iterator[Any]:
    """Yield items, with a progress bar on standard error."""
    if progress:
        from tqdm import tqdm

        items = tqdm(items, total=total, desc=label, unit=unit)
    yield from items


@contextmanager
def signs_of_life(*, wanted: bool, every: float = 5.0) -> Iterator[None]:
    """Say every few seconds how long the work has taken, where nothing else shows it."""
    began, done = perf_counter(), Event()

    def tell() -> None:
        while not done.wait(every):
            say(f"... at work for {perf_counter() - began:.0f} s")

    thread = Thread(target=tell, daemon=True)
    if wanted:
        thread.start()
    try:
        yield
    finally:
        done.set()
        if wanted:
            thread.join()


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """Silence TensorFlow, let matplotlib draw without a window, and shorten warnings.

    A ``MPLBACKEND`` or ``TF_CPP_MIN_LOG_LEVEL`` that the user has set is respected: with
    a level of 0 or 1, TensorFlow speaks. The environment is put back at the end.
    """
    wanted = {LEVEL: "3", "MPLBACKEND": "Agg"}
    added = {name: value for name, value in wanted.items() if name not in os.environ}
    os.environ.update(added)
    try:
        with quiet_import(), warnings.catch_warnings():
            warnings.showwarning = _OneLine()
            # Of Pillow's; it names no file, and an image that is too large is told as one.
            warnings.filterwarnings("ignore", "Image size .* exceeds limit")
            yield
    finally:
        for name in added:
            os.environ.pop(name, None)


class _OneLine:
    """Shows each warning once, without lines of code."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def __call__(self, message: Warning | str, *where: Any, **more: Any) -> None:
        text = " ".join(str(message).split())
        if text not in self._told:
            self._told.add(text)
            complain(f"warning: {text}")
