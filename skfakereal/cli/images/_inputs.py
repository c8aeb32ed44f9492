"""Files and folders that the user names -> image files."""

import warnings
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal

from skfakereal.cli._output import complain
from skfakereal.cli.images._path_list import iterate_images

if TYPE_CHECKING:
    from skfakereal.datasets._labelled import LabelledImages

__all__ = ["find_images", "load_labelled"]


def find_images(places: Iterable[str], *, null: bool = False) -> list[str]:
    """List image files.

    Parameters
    ----------
    places : iterable of str
        Files, which are taken as they are, there or not, and folders, which are searched
        for image files.

    Returns
    -------
    list of str
        Paths, in the order of the arguments; those of a folder sorted. What is left out of
        folders is said on standard error.

    Raises
    ------
    ValueError
        If there is none.
    """
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
    """List the labelled images of a folder, and say what is left out on standard error.

    Parameters
    ----------
    folder, classes, split
        As for `load_image_folder`.

    Returns
    -------
    LabelledImages
        As from there.

    Raises
    ------
    OSError, ValueError
        If the folder is no such folder.
    """
    from skfakereal.datasets import load_image_folder

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Left out", UserWarning)
        bunch = load_image_folder(folder, split=split, classes=classes)
    if bunch.left_out:
        complain(bunch.left_out)
    return bunch
