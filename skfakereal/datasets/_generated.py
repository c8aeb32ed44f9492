"""Three photographs -> a small labelled set of real pictures and manipulated copies."""

import contextlib
import csv
import hashlib
import io
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from skfakereal._files import digest_of
from skfakereal._validation import RandomState, random_source
from skfakereal.datasets._folder import LabelledImages, load_image_folder
from skfakereal.datasets._pictures import (
    MANIPULATIONS,
    Photographs,
    Spot,
    check_sizes,
    draw_spot,
    draw_spots,
    load_photographs,
    take_picture,
)

_RECORD = "origin.csv"


@dataclass(frozen=True)
class GeneratedFile:
    """A file to be written."""

    place: str  # its path below the folder, with forward slashes
    content: bytes  # what is written
    origin: dict[str, str | int]  # what the record tells of it; the same keys for all files

    @property
    def digest(self) -> str:
        """SHA-256 of the content, hexadecimal."""
        return hashlib.sha256(self.content).hexdigest()


def write_recorded(root: Path, files: Sequence[GeneratedFile]) -> None:
    """Write files and a record of them, ``origin.csv``; replace an earlier such set."""
    columns = ["file", "sha256", *files[0].origin]
    if root.exists():
        _remove_earlier(root, columns)
    root.mkdir(parents=True, exist_ok=True)
    # The record comes first, so that a set whose writing was cut short can be replaced.
    with (root / _RECORD).open("w", newline="", encoding="utf-8") as stream:
        record = csv.DictWriter(stream, columns, lineterminator="\n")
        record.writeheader()
        for file in files:
            record.writerow({"file": file.place, "sha256": file.digest, **file.origin})
    for file in files:
        path = root / file.place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(file.content)


def _remove_earlier(root: Path, columns: list[str]) -> None:
    digests = _read_digests(root / _RECORD, columns)
    files = sorted(_walk(root))
    for path in files:
        if not digests or not _is_recorded(path, root, digests):
            raise FileExistsError(
                "root must be a new or empty folder, or one that this function wrote, but "
                f"{str(path)!r} is not from it or was changed. Move it away or choose "
                "another root."
            )
    # Only what was found and recognised: a record may name anything.
    for path in files:
        path.unlink()
        for folder in path.relative_to(root).parents[:-1]:
            with contextlib.suppress(OSError):  # not empty yet
                (root / folder).rmdir()


def _read_digests(record: Path, columns: list[str]) -> dict[str, str]:
    """Return place -> SHA-256; nothing if the file is missing or not such a record."""
    try:
        with record.open(newline="", encoding="utf-8") as stream:
            rows = csv.DictReader(stream)
            if rows.fieldnames != columns:
                return {}
            return {row["file"]: row["sha256"] for row in rows}
    except (FileNotFoundError, UnicodeDecodeError):
        return {}


def _walk(root: Path) -> Iterator[Path]:
    """Yield every file and every link to a folder, hidden ones left out."""
    for folder, subfolders, names in os.walk(root):
        links = [name for name in subfolders if Path(folder, name).is_symlink()]
        for name in names + links:
            if not name.startswith("."):
                yield Path(folder, name)


def _is_recorded(path: Path, root: Path, digests: dict[str, str]) -> bool:
    place = path.relative_to(root).as_posix()
    if place == _RECORD:
        return True
    if place not in digests or path.is_symlink() or not path.is_file():
        return False
    return digest_of(path) == digests[place]


def make_fake_real_images(
    root: str | os.PathLike[str],
    n_images: int = 600,
    *,
    image_size: int = 32,
    random_state: RandomState = 0,
) -> LabelledImages:
    """Write a small labelled set of images, made offline from three photographs.

    **A toy that shows the workflow, and nothing else.** A detector that is good on these
    images knows three manipulations and one kind of noise; its figures say nothing about
    other images.

    Real images are small pictures of parts of three photographs, which scikit-learn
    (`sklearn.datasets.load_sample_images`) and matplotlib carry. Each is taken as by a
    camera: from its own distance, with its own exposure and white balance, and with the
    noise of a sensor. Fake ones are copies of them, each manipulated in one way:

    - resampled: shrunk to between a third and two thirds of its size and enlarged again,
      whose trace Popescu and Farid (2005) detect;
    - spliced: a part is covered by a part of another picture, turned and enlarged;
    - regenerated: what is coarse is kept, and the texture is made up anew at half size, as
      by a generator that repaints a picture.

    What they have in common is that a sensor's noise no longer lies evenly over all of the
    image; a dozen statistics of it tell 98 % of the test part apart. Both classes are
    written in the same way, as PNG files of one size in bytes without metadata, so only the
    pixels differ.

    Parameters
    ----------
    root : path-like
        The folder to write to: a new or empty one, or one that this function wrote, whose
        images are then replaced.
    n_images : int, default=600
        How many images, 4 or more. Half of them are real (one more if the number is odd).
        Real ones may overlap, within the training part or within the test part.
    image_size : int, default=32
        Side of the images in pixels, from 16 to 212.
    random_state : int, RandomState instance or None, default=0
        Draws the pictures, the split and the manipulations. The same int gives the same
        bytes, with the same versions of NumPy, SciPy, Pillow, scikit-learn and matplotlib.

    Returns
    -------
    Bunch
        What `load_image_folder` gives for `root`: `data`, `target` (1 is fake),
        `target_names`, `groups`, `split` (``"train"``, and ``"test"`` for about a
        quarter), `DESCR`. **All of the test part is from one photograph, and none of the
        training part is.** A group is a quarter of a photograph, from side to side; it
        holds a picture, its manipulated copy and what was spliced into it.

    Raises
    ------
    ValueError
        If a parameter is out of range.
    FileExistsError
        If `root` holds anything that this function did not write. Nothing is changed then.

    See Also
    --------
    load_image_folder : Read the set again.
    fetch_cifake : Images of a real generator.

    Notes
    -----
    The files are ``root/{train,test}/{real,fake}/<group>/<picture>.png``, and
    ``<picture>-<manipulation>.png`` for the fake ones. ``root/origin.csv`` records for each
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
    write_recorded(Path(root), _make_files(number, side, photographs, random))
    bunch = load_image_folder(root)
    bunch.DESCR = (
        "Pictures of three photographs, and manipulated copies: a toy that shows the "
        f"workflow and says nothing about other images.\n{bunch.DESCR}"
    )
    return bunch


def _make_files(
    n_images: int, side: int, photographs: Photographs, random: np.random.RandomState
) -> list[GeneratedFile]:
    files = []
    manipulations = list(MANIPULATIONS.items())
    n_fake = n_images // 2
    n_real = n_images - n_fake
    for i, (split, spot) in enumerate(draw_spots(n_real, side, photographs, random)):
        image, taken = take_picture(spot, side, photographs, random)
        place = f"{split}/real/{spot.group}/{spot.name}.png"
        files.append(GeneratedFile(place, _encode(image), _origin(spot, "none", taken)))
        if i < n_real - n_fake:
            continue  # an odd number of images: this one has no manipulated copy
        name, manipulate = manipulations[i % len(manipulations)]
        other = draw_spot(spot.photograph, spot.band, i, side, photographs, random)
        donor, _ = take_picture(other, side, photographs, random)
        copy, settings = manipulate(image, donor, random)
        if name == "spliced":
            settings["donor"] = [other.left, other.top, other.side]
        place = f"{split}/fake/{spot.group}/{spot.name}-{name}.png"
        origin = _origin(spot, name, taken | settings)
        files.append(GeneratedFile(place, _encode(copy), origin))
    return files


def _origin(
    spot: Spot, manipulation: str, settings: dict[str, Any]
) -> dict[str, str | int]:
    return {
        "photograph": spot.photograph,
        "top": spot.top,
        "left": spot.left,
        "manipulation": manipulation,
        "settings": json.dumps(settings),
    }


def _encode(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    # Uncompressed: all files are as long as each other, and no version of zlib matters.
    image.save(buffer, "PNG", compress_level=0)
    return buffer.getvalue()
