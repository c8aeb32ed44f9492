"""Words that text, tables and pictures share."""

import re
from collections.abc import Sequence

from skfakereal._shown import visible


def chance(probability: float) -> str:
    """Return a probability with as many digits as tell it from 0 and 1."""
    if probability in (0, 1):
        return f"{probability:g}"
    shown = (f"{probability:.{digits}f}" for digits in range(3, 7))
    return next((text for text in shown if 0 < float(text) < 1), f"{probability:.9g}")


def counted(count: int, noun: str) -> str:
    """Return a count with its noun."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def first_of(names: Sequence[str], most: int = 3) -> str:
    """Return names in quotes, and how many more there are."""
    shown = [repr(name) for name in names[:most]]
    if len(names) > most:
        shown.append(f"{len(names) - most:,} more")
    *first, last = shown
    return f"{', '.join(first)} and {last}" if first else last


def shortened(path: str, length: int = 34) -> str:
    """Return the end of a path, which tells more than its beginning."""
    path = visible(path)
    if len(path) <= length:
        return path
    end = path[1 - length :]
    separator = re.search(r"[/\\]", end)
    return "\N{HORIZONTAL ELLIPSIS}" + (end[separator.start() :] if separator else end)
