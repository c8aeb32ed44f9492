"""A folder of labelled images -> those that a model is to be tested on."""

import numpy as np
from sklearn.utils import resample

from skfakereal._images import ImageReadError, read_image
from skfakereal.cli._model import Model
from skfakereal.cli._output import watched
from skfakereal.cli._parts import Part
from skfakereal.datasets import load_image_folder

__all__ = ["draw_some", "readable", "tested_part"]


def tested_part(folder: str, split: str, model: Model) -> tuple[Part, str]:
    """List the images of a folder, or of one of its split folders.

    Parameters
    ----------
    folder : str
        As `load_image_folder` takes it.
    split : {"auto", "all", "train", "validation", "test"}
        Which part; ``"auto"`` takes the test part if there is one, else everything.
    model : Model
        The model, whose classes are the class folders.

    Returns
    -------
    part : Part
        The images.
    how : str
        A sentence on how they were chosen.

    Raises
    ------
    OSError, ValueError
        If the folder is no such folder.
    """
    wanted = "all" if split == "auto" else split
    bunch = load_image_folder(folder, split=wanted, classes=model.names)
    part = Part(bunch.data.tolist(), bunch.target, bunch.groups)
    if split == "auto" and "split" in bunch and "test" in bunch.split:
        wanted = "test"
        part = part.take((bunch.split == "test").nonzero()[0])
    of_it = "all images" if wanted == "all" else f"the {wanted} part"
    return part, f"The tested images are {of_it} of {folder!r}."


def draw_some(part: Part, n_images: int, random_state: int) -> Part:
    """Draw some images, with the shares of the classes kept.

    Parameters
    ----------
    part : Part
        The images.
    n_images : int
        How many at the most.
    random_state : int
        Seed of the draw.

    Returns
    -------
    Part
        Some of them, in their order.
    """
    if n_images >= len(part.paths):
        return part
    rows = resample(
        np.arange(len(part.paths)),
        replace=False,
        n_samples=n_images,
        stratify=part.labels,
        random_state=random_state,
    )
    return part.take(np.sort(rows))


def readable(part: Part, *, progress: bool) -> tuple[Part, list[str]]:
    """Set aside the images that cannot be read.

    Parameters
    ----------
    part : Part
        The images.
    progress : bool
        Whether to show a bar.

    Returns
    -------
    part : Part
        Those that can be read.
    unreadable : list of str
        The paths of the others.
    """
    broken = []
    paths = part.paths
    for path in watched(paths, total=len(paths), label="read", progress=progress):
        try:
            read_image(path)
        except ImageReadError:
            broken.append(path)
    return (part.without(broken) if broken else part), broken
