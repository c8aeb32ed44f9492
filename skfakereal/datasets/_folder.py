"""A folder of labelled images -> paths, labels and groups, in a Bunch."""

import os
import warnings
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import Bunch

from skfakereal._listing import (
    LeftOut,
    images_in,
    is_system_folder,
    list_images,
    require_folder,
)

_SPLIT_NAMES = {
    "train": "train",
    "validation": "validation",
    "val": "validation",
    "valid": "validation",
    "test": "test",
}


class LabelledImages(Bunch):
    """scikit-learn's `Bunch`, which carries no types, with those of labelled images."""

    data: NDArray[np.object_]
    target: NDArray[np.int64]
    target_names: list[str]
    groups: NDArray[np.object_]
    split: NDArray[np.str_]  # only where the set has splits
    left_out: str  # only where a folder was listed
    DESCR: str


def check_classes(classes: Sequence[str]) -> list[str]:
    """Return the names of the class folders as a list."""
    names = [] if isinstance(classes, str) else list(classes)
    different = {name.lower() for name in names if isinstance(name, str)}
    if len(names) < 2 or len(different) < len(names):
        raise ValueError(
            "classes must be at least two different folder names, such as "
            f"('real', 'fake'), got {classes!r}."
        )
    return names


def find_splits(top: Path, names: list[str], split: str) -> dict[str, Path]:
    """Find the folders that hold class folders."""
    if split != "all" and split not in _SPLIT_NAMES.values():
        raise ValueError(
            f'split must be "all", "train", "validation" or "test", got {split!r}.'
        )
    folders = _folders_in(top)
    splits: dict[str, Path] = {}
    for folder in folders:
        name = _SPLIT_NAMES.get(folder.name.lower())
        if name in splits:
            raise ValueError(
                f"Every split must be one folder, but {str(top)!r} has both "
                f"{splits[name].name!r} and {folder.name!r}. Merge them."
            )
        if name:
            splits[name] = folder
    if splits and {folder.name.lower() for folder in folders} & {n.lower() for n in names}:
        raise ValueError(
            f"{str(top)!r} must hold either class folders or split folders, but it holds "
            f"both: {_quote(folders)}. Move the one into the other."
        )
    if split == "all":
        return splits or {"": top}
    if split not in splits:
        raise ValueError(
            f"{str(top)!r} has no folder for the split {split!r}. It was looked for "
            f"beside these folders: {_quote(folders)}."
        )
    return {split: splits[split]}


def find_classes(folder: Path, names: list[str]) -> list[Path]:
    folders = _folders_in(folder)
    class_folders = []
    for name in names:
        matches = [path for path in folders if path.name.lower() == name.lower()]
        if len(matches) > 1:
            raise ValueError(
                f"Every class must be one folder, but {str(folder)!r} has "
                f"{_quote(matches)}. Merge them."
            )
        if not matches:
            raise ValueError(
                f"{str(folder)!r} must have a folder for each class ({', '.join(names)}; "
                f"upper or lower case), but none is called {name!r}. It has these "
                f"folders: {_quote(folders)}. Rename them, or name yours: classes=(...), on the "
                "command line --classes A,B."
            )
        class_folders += matches
    return class_folders


def count_others(folder: Path, used: Collection[Path], left_out: LeftOut) -> None:
    """Count the folders, and the images beside them, that are left out."""
    for path in _folders_in(folder):
        if path not in used:
            left_out.add(f"folder {path.name!r}", path.name)
    for name in images_in(folder):
        left_out.add(f"images right in {folder.name!r}", name)


def _folders_in(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.iterdir()
        if path.is_dir() and not is_system_folder(path.name)
    )


def _quote(paths: Sequence[Path]) -> str:
    shown = [repr(path.name) for path in paths[:10]]
    if len(paths) > len(shown):
        shown.append(f"and {len(paths) - len(shown)} more")
    return ", ".join(shown) or "none"


@dataclass(frozen=True)
class _Row:
    path: str
    target: int
    group: str
    split: str


def load_image_folder(
    root: str | os.PathLike[str],
    *,
    split: Literal["all", "train", "validation", "test"] = "all",
    classes: Sequence[str] = ("real", "fake"),
) -> LabelledImages:
    """List the labelled images of a folder.

    Either the class folders lie in `root`, or split folders do, and the class folders in
    them::

        root/real/...           root/train/real/...          root/test/real/...
        root/fake/...           root/train/fake/...          root/test/fake/...

    Split folders are ``train``, ``validation`` (or ``val``, ``valid``) and ``test``.
    Upper and lower case are the same. Files are listed by their names, and by their first
    bytes where a name is not enough: an unreadable image is an error later, when it is read.

    Parameters
    ----------
    root : path-like
        The folder.
    split : {"all", "train", "validation", "test"}, default="all"
        Which split to list. ``"all"`` lists everything, and `split` of the result tells
        them apart.
    classes : sequence of str, default=("real", "fake")
        The class folders; a class's label is its place in this list. Name them to tell
        apart more than two, for instance the camera and each generator:
        ``("real", "midjourney", "sd14")``. Every class needs at least one image in every
        split that is listed. Other folders are left out, with a warning.

    Returns
    -------
    Bunch
        With these attributes:

        data : ndarray of shape (n_images,), dtype object
            Sorted paths, which begin with `root`: the X of every estimator here.
        target : ndarray of shape (n_images,), dtype int64
            Labels: 0 for real, 1 for fake, unless `classes` says otherwise.
        target_names : list of str
            What the labels mean: `classes`.
        groups : ndarray of shape (n_images,), dtype object
            The group of each image, see the Notes.
        split : ndarray of shape (n_images,), dtype str
            ``"train"``, ``"validation"`` or ``"test"``; only where `root` has split
            folders.
        left_out : str
            What was left out that might be taken for images; empty where nothing was.
        DESCR : str
            How many images there are of what, and how many files were skipped why.

    Raises
    ------
    ValueError
        If a class folder or the split is missing, empty, or there twice, or if split
        folders and class folders lie side by side.
    FileNotFoundError, NotADirectoryError
        If `root` is not a folder.

    Warns
    -----
    UserWarning
        If files or folders are left out that might be taken for images, such as those of
        another class or in a format that is not read; `left_out` says the same.

    Notes
    -----
    The first folder below a class is an image's group, however deep the image lies:
    ``fake/sd14/march/x.png`` has the group ``"sd14"``. A group is what must not be on both
    sides of a split, such as a generator, a camera, a person. Folders of the same name
    are one group, in whatever class or split they are: with ``real/event7`` beside
    ``fake/event7``, `LeaveOneGroupOut` leaves out both.

    An image that lies right in its class folder is known to be related to no other, so it
    is a group of its own, named by its path below `root` (``"real/x.jpg"``). One common
    group for all of them would have only one class, and leaving it out would leave nothing
    of that class to learn from. To leave out one generator at a time from
    ``real/*`` and ``fake/<generator>/*``, use ``StratifiedGroupKFold`` with as many folds
    as generators: each generator, and a share of the loose real images, is tested once.
    (`LeaveOneGroupOut` would make a fold for every loose image.)

    Counted as images are the extensions of AVIF, BMP, GIF, HEIC, JPEG, JPEG 2000, JPEG XL,
    MPO, PNG, PPM, TIFF and WebP, and files of any other name whose first bytes are of such
    a format, unless their extension is one of text, data or a camera's raw format. Hidden
    files and folders are skipped, and links are followed.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from PIL import Image
    >>> from skfakereal.datasets import load_image_folder
    >>> with TemporaryDirectory() as root:
    ...     for name in ["real/a.png", "fake/sd14/b.png"]:
    ...         Path(root, name).parent.mkdir(parents=True)
    ...         Image.new("RGB", (8, 8)).save(Path(root, name))
    ...     images = load_image_folder(root)
    >>> [Path(path).name for path in images.data], images.target.tolist()
    (['b.png', 'a.png'], [1, 0])
    >>> images.groups.tolist()
    ['sd14', 'real/a.png']
    """
    top = Path(root)
    require_folder(top)
    names = check_classes(classes)
    splits = find_splits(top, names, split)
    left_out = LeftOut()
    if "" not in splits:
        count_others(top, find_splits(top, names, "all").values(), left_out)
    rows: list[_Row] = []
    found = {name: find_classes(folder, names) for name, folder in splits.items()}
    everywhere = [folder for folders in found.values() for folder in folders]
    for split_name, class_folders in found.items():
        count_others(splits[split_name], class_folders, left_out)
        for label, class_folder in enumerate(class_folders):
            # A link in one class must not bring in the images of another, or of a test part.
            beside = [folder for folder in everywhere if folder != class_folder]
            images, others = list_images(class_folder, beside)
            if not images:
                raise ValueError(
                    f"Every class needs at least one image, but {str(class_folder)!r} has "
                    f"none. Skipped there: {others.describe()}."
                )
            left_out.update(others)
            groups = _groups_of(images, class_folder, top)
            rows += [
                _Row(path, label, group, split_name)
                for path, group in zip(images, groups, strict=True)
            ]
    rows.sort(key=lambda row: row.path)
    bunch = LabelledImages(
        data=np.array([row.path for row in rows], dtype=object),
        target=np.array([row.target for row in rows], dtype=np.int64),
        target_names=names,
        groups=np.array([row.group for row in rows], dtype=object),
        left_out=left_out.warning(),
        DESCR=_describe(top, rows, names, left_out),
    )
    if "" not in splits:
        bunch.split = np.array([row.split for row in rows])
    if bunch.left_out:
        warnings.warn(bunch.left_out, stacklevel=2)
    return bunch


def _groups_of(images: list[str], class_folder: Path, top: Path) -> list[str]:
    place = class_folder.relative_to(top).as_posix()
    groups = []
    for path in images:
        first, separator, _ = path[len(str(class_folder)) + 1 :].partition(os.sep)
        groups.append(first if separator else f"{place}/{first}")
    return groups


def _describe(top: Path, rows: list[_Row], names: list[str], left_out: LeftOut) -> str:
    counts = Counter((row.split, row.target) for row in rows)
    loose = sum("/" in row.group for row in rows)
    lines = [f"{len(rows)} images in {str(top)!r}, listed, not read."]
    for split in sorted({row.split for row in rows}):
        classes = ", ".join(f"{counts[split, i]} {name}" for i, name in enumerate(names))
        lines.append(f"{split or 'Classes'}: {classes}")
    folders = len({row.group for row in rows}) - loose
    lines.append(
        f"Groups: {folders} by folder; {loose} images are each a group of their own"
    )
    lines.append(f"Skipped: {left_out.describe()}")
    return "\n".join(lines)
