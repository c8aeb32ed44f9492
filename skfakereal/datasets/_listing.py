"""A folder -> the image files below it, by their names; none is opened."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

__all__ = ["IMAGE_EXTENSIONS", "list_images", "walk_images"]

# What Pillow opens and people keep photographs in. Its own list would add plug-ins that
# need other programs (EPS) or answer to names such as .mpg and .hdf.
IMAGE_EXTENSIONS = frozenset(
    {
        ".avif",
        ".bmp",
        ".dib",
        ".gif",
        ".jfif",
        ".jp2",
        ".jpe",
        ".jpeg",
        ".jpg",
        ".pbm",
        ".pgm",
        ".png",
        ".pnm",
        ".ppm",
        ".tif",
        ".tiff",
        ".webp",
    }
)


def list_images(folder: str | os.PathLike[str]) -> tuple[list[str], Counter[str]]:
    """List the image files of a folder and of all folders below it.

    Parameters
    ----------
    folder : path-like
        The folder. Links to files and folders are followed; a folder that several links
        lead to is listed once, so a ring of links ends.

    Returns
    -------
    images : list of str
        Sorted paths, each beginning with `folder`.
    skipped : Counter
        How many entries were left out, by reason: ``"hidden"`` (the name begins with a
        dot), ``"broken link"``, ``"folder linked twice"``, ``"not a file"``,
        ``"no extension"``, or the extension in lower case.

    Raises
    ------
    OSError
        If a folder cannot be read.
    """
    images: list[str] = []
    skipped: Counter[str] = Counter()
    folders, linked = [os.fspath(folder)], list[str]()
    seen: set[tuple[int, int]] = set()
    while folders or linked:
        # Links come last and sorted, so that a folder's own place wins over a link to it.
        linked.sort(reverse=True)
        current = folders.pop() if folders else linked.pop()
        status = Path(current).stat()
        if (status.st_dev, status.st_ino) in seen:
            skipped["folder linked twice"] += 1
            continue
        seen.add((status.st_dev, status.st_ino))
        with os.scandir(current) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    skipped["hidden"] += 1
                elif _is_folder(entry):
                    (linked if entry.is_symlink() else folders).append(entry.path)
                elif reason := _why_not(entry):
                    skipped[reason] += 1
                else:
                    images.append(entry.path)
    return sorted(images), skipped


def walk_images(folder: str | os.PathLike[str]) -> Iterator[str]:
    """Yield what `list_images` lists, in its order, without holding it all.

    Parameters
    ----------
    folder : path-like
        The folder. The names in one folder are held at a time, and which folders there are.
        A folder's own place wins over a link to it; of several links to a folder
        elsewhere, the first is followed.

    Yields
    ------
    str
        Paths, sorted.

    Raises
    ------
    OSError
        If a folder cannot be read.
    """
    top = os.fspath(folder)
    # A link may come before the folder that it leads to, so those are found first.
    yield from _walk(top, set(_folder_places(top)), below_link=False)


def _folder_places(folder: str) -> Iterator[tuple[int, int]]:
    waiting = [folder]
    while waiting:
        current = waiting.pop()
        yield _place(current)
        with os.scandir(current) as entries:
            waiting += [
                entry.path
                for entry in entries
                if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False)
            ]


def _walk(folder: str, seen: set[tuple[int, int]], *, below_link: bool) -> Iterator[str]:
    names, links = list[str](), set[str]()
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if _is_folder(entry):
                # With its separator, a folder's name sorts as the paths below it do.
                names.append(entry.name + os.sep)
                if below_link or entry.is_symlink():
                    links.add(names[-1])
            elif not _why_not(entry):
                names.append(entry.name)
    for name in sorted(names):
        path = os.path.join(folder, name.removesuffix(os.sep))  # noqa: PTH118, 5 times faster
        if not name.endswith(os.sep):
            yield path
        elif name not in links:
            yield from _walk(path, seen, below_link=False)
        elif (place := _place(path)) not in seen:
            seen.add(place)
            yield from _walk(path, seen, below_link=True)


def _place(path: str) -> tuple[int, int]:
    status = Path(path).stat()
    return status.st_dev, status.st_ino


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:
        return False


def _why_not(entry: os.DirEntry[str]) -> str:
    """Return why an entry is no image file; nothing if it is one."""
    if not _is_file(entry):
        return "broken link" if entry.is_symlink() else "not a file"
    extension = os.path.splitext(entry.name)[1].lower()  # noqa: PTH122, 10 times faster
    if extension in IMAGE_EXTENSIONS:
        return ""
    return extension or "no extension"
