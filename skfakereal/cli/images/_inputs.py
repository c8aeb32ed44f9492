"""Files and folders that the user names -> image files."""

from collections.abc import Iterable
from pathlib import Path

from skfakereal.cli.images._path_list import STDIN, iterate_list
from skfakereal.datasets._listing import list_images

__all__ = ["find_images"]


def find_images(places: Iterable[str], *, null: bool = False) -> list[str]:
    """List image files.

    Parameters
    ----------
    places : iterable of str
        Files, which are taken as they are, there or not, and folders, which are searched
        for files with the extension of an image.

    Returns
    -------
    list of str
        Paths, in the order of the arguments; those of a folder sorted.

    Raises
    ------
    ValueError
        If there is none.
    """
    images: list[str] = []
    for place in places:
        if place == STDIN:
            images += iterate_list(place, null=null)
        else:
            images += list_images(place)[0] if place and _is_folder(place) else [place]
    if not images:
        raise ValueError("There must be at least one image, but no folder holds any.")
    return images


def _is_folder(place: str) -> bool:
    try:
        return Path(place).is_dir()
    except (OSError, ValueError):  # a ring of links, or a null byte: its row will say so
        return False
