"""Two photographs -> a small labelled set of real patches and manipulated copies."""

import io
import json
import os
from pathlib import Path

import numpy as np
from PIL import Image

from skfakereal._validation import RandomState, random_source
from skfakereal.datasets._folder import load_image_folder
from skfakereal.datasets._labelled import LabelledImages
from skfakereal.datasets._manipulations import MANIPULATIONS
from skfakereal.datasets._patches import (
    Patch,
    check_sizes,
    draw_donor,
    draw_patches,
    load_photographs,
)
from skfakereal.datasets._recorded import GeneratedFile, write_recorded


def make_fake_real_images(
    root: str | os.PathLike[str],
    n_images: int = 600,
    *,
    image_size: int = 32,
    random_state: RandomState = 0,
) -> LabelledImages:
    """Write a small labelled set of images, made offline from two photographs.

    **A toy that shows the workflow, and nothing else.** A detector that is good on these
    images knows three simple manipulations of two photographs; its figures say nothing
    about other images.

    Real images are square patches of the two photographs that scikit-learn carries
    (`sklearn.datasets.load_sample_images`), none of which overlaps another. Fake ones are
    copies of the same patches, each manipulated in one way:

    - resampled: shrunk to between a quarter and half of its size and enlarged again, whose
      trace Popescu and Farid (2005) detect;
    - smoothed: most of it is filtered by the median of 5x5 pixels;
    - spliced: a part is covered by a part of the other photograph.

    Both classes are written in the same way, as PNG files of one size in bytes without
    metadata, so nothing but pixels tells them apart.

    Parameters
    ----------
    root : path-like
        The folder to write to: a new or empty one, or one that this function wrote, whose
        images are then replaced.
    n_images : int, default=600
        How many images, 4 or more. Half of them are real (one more if the number is odd).
        At most two for each patch: 1040 of 32 pixels, 240 of 64.
    image_size : int, default=32
        Side of the patches in pixels, from 16 to 213.
    random_state : int, RandomState instance or None, default=0
        Draws the patches, the split and the manipulations. The same int gives the same
        bytes, with the same versions of Pillow and scikit-learn.

    Returns
    -------
    Bunch
        What `load_image_folder` gives for `root`: `data`, `target` (1 is fake),
        `target_names`, `groups`, `split` (``"train"``, and ``"test"`` for about a
        quarter), `DESCR`. A group is one row of patches in both photographs; it holds a
        patch, its manipulated copy and what was spliced into it, and lies on one side of
        the split.

    Raises
    ------
    ValueError
        If there are fewer patches than asked for, or another parameter is out of range.
    FileExistsError
        If `root` holds anything that this function did not write. Nothing is changed then.

    See Also
    --------
    load_image_folder : Read the set again.
    fetch_cifake : Images of a real generator.

    Notes
    -----
    The files are ``root/{train,test}/{real,fake}/<group>/<patch>.png``, and
    ``<patch>-<manipulation>.png`` for the fake ones. ``root/origin.csv`` tells for each
    the photograph, the place in it, the manipulation, its settings, and the SHA-256.

    References
    ----------
    A. C. Popescu and H. Farid (2005). "Exposing digital forgeries by detecting traces of
    resampling". IEEE Transactions on Signal Processing 53(2), 758-767.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from skfakereal.datasets import make_fake_real_images
    >>> with TemporaryDirectory() as root:
    ...     images = make_fake_real_images(root, n_images=40)
    >>> images.target.sum(), images.target_names
    (np.int64(20), ['real', 'fake'])
    >>> train, test = (images.groups[images.split == part] for part in ["train", "test"])
    >>> set(train) & set(test)
    set()
    """
    photographs = load_photographs()
    number, side = check_sizes(n_images, image_size, photographs)
    random = random_source(random_state)
    patches = draw_patches(number - number // 2, side, photographs, random)
    files = _make_files(patches, number // 2, photographs, random)
    write_recorded(Path(root), files)
    bunch = load_image_folder(root)
    bunch.DESCR = (
        "Patches of two photographs, and manipulated copies: a toy that shows the workflow "
        f"and says nothing about other images.\n{bunch.DESCR}"
    )
    return bunch


def _make_files(
    patches: list[tuple[str, Patch]],
    n_fake: int,
    photographs: dict[str, Image.Image],
    random: np.random.RandomState,
) -> list[GeneratedFile]:
    files = []
    manipulations = list(MANIPULATIONS.items())
    for i, (split, patch) in enumerate(patches):
        image = patch.cut_from(photographs)
        place = f"{split}/real/{patch.group}/{patch.name}.png"
        files.append(GeneratedFile(place, _encode(image), _origin(patch, "none", {})))
        if i < len(patches) - n_fake:
            continue  # an odd number of images: this one has no manipulated copy
        donor = draw_donor(patch, photographs, random)
        name, manipulate = manipulations[i % len(manipulations)]
        copy, settings = manipulate(image, donor.cut_from(photographs), random)
        if name == "spliced":
            settings["donor"] = donor.name
        place = f"{split}/fake/{patch.group}/{patch.name}-{name}.png"
        files.append(GeneratedFile(place, _encode(copy), _origin(patch, name, settings)))
    return files


def _origin(
    patch: Patch, manipulation: str, settings: dict[str, object]
) -> dict[str, str | int]:
    return {
        "photograph": patch.photograph,
        "top": patch.top,
        "left": patch.left,
        "manipulation": manipulation,
        "settings": json.dumps(settings),
    }


def _encode(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    # Uncompressed: all files are as long as each other, and no version of zlib matters.
    image.save(buffer, "PNG", compress_level=0)
    return buffer.getvalue()
