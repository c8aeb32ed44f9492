"""What goes to the terminal: lines of text, complaints, and progress bars."""

import io
import sys
from collections.abc import Iterable, Iterator
from typing import Any

__all__ = [
    "complain",
    "counted",
    "printable",
    "say",
    "stdout_for_paths",
    "wants_progress",
    "watched",
]


def say(text: str = "") -> None:
    """Write a line to standard output.

    Parameters
    ----------
    text : str, default=""
        The line.
    """
    sys.stdout.write(f"{printable(text)}\n")
    sys.stdout.flush()


def complain(text: str) -> None:
    """Write a line to standard error, with the name of the program before it.

    Parameters
    ----------
    text : str
        The line.
    """
    sys.stderr.write(f"skfakereal: {printable(text)}\n")
    sys.stderr.flush()


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


def printable(text: str) -> str:
    r"""Return text without characters that could steer a terminal.

    The name of an untrusted file may hold any.

    Parameters
    ----------
    text : str
        The text.

    Returns
    -------
    str
        The text; what cannot be shown is written as Python does, line breaks are kept.

    Examples
    --------
    >>> printable("a\x1b[31m.jpg")
    'a\\x1b[31m.jpg'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)


def stdout_for_paths() -> io.TextIOBase | Any:
    """Return standard output, made ready for file names that are no valid text.

    Returns
    -------
    file
        ``sys.stdout``; such names leave it as the bytes that they are, where it speaks
        UTF-8, and escaped elsewhere.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        is_utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
        errors = "surrogateescape" if is_utf8 else "backslashreplace"
        sys.stdout.reconfigure(errors=errors)
    return sys.stdout


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
