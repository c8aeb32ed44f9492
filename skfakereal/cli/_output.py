"""What goes to the terminal: lines of text, complaints, and progress bars."""

import contextlib
import errno
import io
import os
import sys
from collections.abc import Iterable, Iterator
from typing import Any

from skfakereal._shown import printable, visible

__all__ = [
    "complain",
    "counted",
    "output_loss",
    "say",
    "standard_streams",
    "wants_progress",
    "watched",
    "write_lines",
]


def say(text: str = "") -> None:
    """Write a line to standard output.

    Parameters
    ----------
    text : str, default=""
        The line.
    """
    sys.stdout.write(f"{_lines(text)}\n")
    sys.stdout.flush()


def complain(text: str) -> None:
    """Write a line to standard error, with the name of the program before it.

    Parameters
    ----------
    text : str
        The line.
    """
    sys.stderr.write(f"skfakereal: {_lines(text)}\n")
    sys.stderr.flush()


def _lines(text: str) -> str:
    # Line breaks of ours stay; in names, `printable` has written them out before.
    return "\n".join(map(printable, text.split("\n")))


def counted(number: int, noun: str) -> str:
    """Return a number of things in words.

    Parameters
    ----------
    number : int
        How many.
    noun : str
        One of them.

    Returns
    -------
    str
        Both, the noun with an s unless it is one.

    Examples
    --------
    >>> counted(1, "image"), counted(1200, "image")
    ('1 image', '1,200 images')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


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
    """Return whether to show progress bars.

    Parameters
    ----------
    asked : bool or None
        ``--progress``, ``--no-progress``, or neither.

    Returns
    -------
    bool
        What was asked for; else whether somebody looks at standard error.
    """
    return sys.stderr.isatty() if asked is None else asked


def watched(
    items: Iterable[Any], *, total: int, label: str, progress: bool
) -> Iterator[Any]:
    """Yield items, with a progress bar on standard error.

    Parameters
    ----------
    items : iterable
        What to yield.
    total : int
        How many there are.
    label : str
        What stands before the bar.
    progress : bool
        Whether to show it.

    Yields
    ------
    object
        The items.
    """
    from tqdm import tqdm

    yield from tqdm(items, total=total, desc=label, unit="image", disable=not progress)
