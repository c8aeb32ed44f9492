"""What the user names, however much it is -> image paths, one at a time."""

import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from skfakereal.cli._output import complain
from skfakereal.datasets._listing import LeftOut, walk_images

__all__ = ["iterate_images", "iterate_list"]

STDIN = "-"  # what stands for standard input on the command line
_CHUNK = 2**16


def iterate_images(places: Iterable[str], *, null: bool = False) -> Iterator[str]:
    """Yield image files.

    Parameters
    ----------
    places : iterable of str
        Files, which are taken as they are, there or not, and folders, which are searched
        for image files.

    Yields
    ------
    str
        Paths, in the order of the arguments; those of a folder sorted. What is left out of
        folders is said on standard error after the last.
    """
    left_out = LeftOut()
    for place in places:
        if place == STDIN:
            yield from iterate_list(place, null=null)
        elif place and _is_folder(place):
            yield from walk_images(place, left_out)
        else:
            yield place
    if said := left_out.warning():
        complain(said)


def iterate_list(name: str, *, null: bool) -> Iterator[str]:
    """Yield the paths that a file lists.

    Parameters
    ----------
    name : str
        The file; ``-`` is standard input.
    null : bool
        Whether null bytes end the paths, as in ``find -print0``; else line breaks do.

    Yields
    ------
    str
        Paths; empty lines are left out.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    if name == STDIN:
        if sys.stdin is None:
            raise OSError("Standard input is closed, so it lists no paths.")
        yield from _entries(sys.stdin.buffer, null=null)
        return
    with Path(name).open("rb") as file:
        yield from _entries(file, null=null)


def _entries(file: BinaryIO, *, null: bool) -> Iterator[str]:
    end, left = b"\0" if null else b"\n", b""
    while chunk := file.read(_CHUNK):
        *entries, left = (left + chunk).split(end)
        yield from filter(None, (_path(entry, null) for entry in entries))
    if path := _path(left, null):
        yield path


def _path(entry: bytes, null: bool) -> str:
    # Editors on Windows end lines in two characters, and begin a file with a mark.
    bare = entry if null else entry.removesuffix(b"\r").removeprefix(b"\xef\xbb\xbf")
    return os.fsdecode(bare)


def _is_folder(place: str) -> bool:
    try:
        return Path(place).is_dir()
    except (OSError, ValueError):  # a ring of links, or a null byte: its row will say so
        return False
