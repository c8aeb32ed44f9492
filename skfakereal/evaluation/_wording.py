"""Words that text, tables and pictures share."""

import re
from collections.abc import Sequence

from skfakereal._shown import visible

__all__ = ["chance", "counted", "first_of", "shortened"]


def chance(probability: float) -> str:
    """Return a probability with as many digits as tell it from 0 and 1.

    Parameters
    ----------
    probability : float
        From 0 to 1.

    Returns
    -------
    str
        Three digits, or more.

    Examples
    --------
    >>> chance(0.5), chance(0.99996), chance(1.0)
    ('0.500', '0.99996', '1')
    """
    if probability in (0, 1):
        return f"{probability:g}"
    shown = (f"{probability:.{digits}f}" for digits in range(3, 7))
    return next((text for text in shown if 0 < float(text) < 1), f"{probability:.9g}")


def counted(count: int, noun: str) -> str:
    """Return a count with its noun.

    Parameters
    ----------
    count : int
        How many.
    noun : str
        Its singular; the plural ends in s.

    Returns
    -------
    str
        Count and noun.

    Examples
    --------
    >>> counted(1, "image"), counted(1200, "image")
    ('1 image', '1,200 images')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def first_of(names: Sequence[str], most: int = 3) -> str:
    """Return names in quotes, and how many more there are.

    Parameters
    ----------
    names : sequence of str
        The names, the most important first.
    most : int, default=3
        How many are named at most.

    Returns
    -------
    str
        The enumeration.

    Examples
    --------
    >>> first_of(["a", "b"]), first_of(["a", "b", "c", "d", "e"])
    ("'a' and 'b'", "'a', 'b', 'c' and 2 more")
    """
    shown = [repr(name) for name in names[:most]]
    if len(names) > most:
        shown.append(f"{len(names) - most:,} more")
    *first, last = shown
    return f"{', '.join(first)} and {last}" if first else last


def shortened(path: str, length: int = 34) -> str:
    """Return the end of a path, which tells more than its beginning.

    Parameters
    ----------
    path : str
        The path.
    length : int, default=34
        How many characters to keep at most.

    Returns
    -------
    str
        The path, or an ellipsis and as many of its last parts as there is room for.

    Examples
    --------
    >>> shortened("data/test/fake/0001.jpg", 18)
    '…/fake/0001.jpg'
    """
    path = visible(path)
    if len(path) <= length:
        return path
    end = path[1 - length :]
    separator = re.search(r"[/\\]", end)
    return "\N{HORIZONTAL ELLIPSIS}" + (end[separator.start() :] if separator else end)
