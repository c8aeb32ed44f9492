"""What the user names, however much it is -> image files."""

import os
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Literal

from skfakereal._listing import LeftOut, walk_images
from skfakereal.cli._output import complain

if TYPE_CHECKING:
    from skfakereal.datasets import LabelledImages


STDIN = "-"  # what stands for standard input on the command line
_CHUNK = 2**16
UTF_16 = (b"\xff\xfe", b"\xfe\xff")  # the marks with which it begins


def iterate_images(places: Iterable[str], *, null: bool = False) -> Iterator[str]:
    """Yield image files."""
    left_out = LeftOut()
    for place in places:
        if place == STDIN:
            yield from iterate_list(place, null=null)
        elif place and _is_folder(place):
            yield from walk_images(place, left_out)
        else:
            yield place
    if message := left_out.warning():
        complain(message)


def iterate_list(name: str, *, null: bool) -> Iterator[str]:
    """Yield the paths that a file lists."""
    if name == STDIN:
        if sys.stdin is None:
            raise OSError("Standard input is closed, so it lists no paths.")
        yield from _entries(sys.stdin.buffer, null=null)
        return
    with Path(name).open("rb") as file:
        yield from _entries(file, null=null)


def _entries(file: BinaryIO, *, null: bool) -> Iterator[str]:
    end, left = b"\0" if null else b"\n", b""
    is_first = True
    while chunk := file.read(_CHUNK):
        is_marked = is_first and chunk.startswith(UTF_16) and b"\0" in chunk
        is_first = False
        if is_marked or (not null and b"\0" in chunk):
            raise ValueError(
                "A list of paths must be UTF-8, a path a line, but this one holds NULs. If it is "
                "UTF-16, as Windows PowerShell writes it, save it as UTF-8: ... | Out-File "
                "-Encoding utf8 LIST. If its paths end in NULs, pass --null."
            )
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


def find_images(places: Iterable[str], *, null: bool = False) -> list[str]:
    """List image files."""
    images = list(iterate_images(places, null=null))
    if not images:
        raise ValueError(
            "There must be at least one image, but no folder holds any, and no list names one."
        )
    return images


def load_labelled(
    folder: str,
    classes: Sequence[str],
    split: Literal["all", "train", "validation", "test"] = "all",
) -> "LabelledImages":
    """List the labelled images of a folder, and say what is left out on standard error."""
    from skfakereal.datasets import load_image_folder

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Left out", UserWarning)
        bunch = load_image_folder(folder, split=split, classes=classes)
    if bunch.left_out:
        complain(bunch.left_out)
    return bunch
