"""CIFAKE: downloaded once from its public repository, verified, kept."""

import gzip
import hashlib
import os
import re
import tarfile
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from sklearn.datasets import get_data_home
from tqdm import tqdm

from skfakereal._download import download
from skfakereal._files import digest_of
from skfakereal._listing import list_images
from skfakereal.datasets._folder import LabelledImages, load_image_folder

_MARKER = "verified.txt"
_URL_VARIABLE = "SKFAKEREAL_CIFAKE_URL"
# Only such names leave the archive: none can lead out of the folder.
_MEMBER = re.compile(r"[^/]+/DATASET/((?:train|test)/(?:REAL|FAKE)/[0-9 ()]+\.jpg)")
_SUFFIX = re.compile(r"\((\d+)\)\.jpg$")
# CIFAR-10's classes, in its own order; a file's "(k)" counts them from 1, and the first
# class has no suffix.
_SUBJECTS = (
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
)


@dataclass(frozen=True)
class Part:
    """What was published."""

    n_files: int  # how many files
    # SHA-256, hexadecimal, over one line for each file, sorted by place: the SHA-256 of its
    # content, two spaces, its place below the folder.
    digest: str


_URL = (
    "https://codeload.github.com/jordan-bird/"
    "CIFAKE-Real-and-AI-Generated-Synthetic-Images/tar.gz/"
    "e112a942abaecd02b6b1f6f646c807d56be8fb62"
)
# All of it, and each split that can be verified by itself.
_PARTS = {
    "all": Part(
        120_000, "ea9f7d74b64f6b14d969c95be945064fb1148ca73b17916bedcbde515b36baee"
    ),
    "train": Part(
        100_000, "6a02b2184bb732993e8629880ccb66b98f042cda145f4d68ca8a31572a51e6b3"
    ),
}


def _check(folder: Path, split: str) -> None:
    """Make sure that a split is there; what was verified before is only counted."""
    part = split if split in _PARTS else "all"
    marker = folder / _MARKER
    verified = marker.read_text(encoding="utf-8").split() if marker.is_file() else []
    for name in ("all", part):
        if _PARTS[name].digest in verified:
            _list_all(folder, name)
            return
    _verify(folder, part)


def _verify(folder: Path, part: str) -> None:
    """Compare every byte of a part with what was published, and note that it agrees."""
    digest = _digest_contents(folder, _list_all(folder, part))
    if digest != _PARTS[part].digest:
        raise OSError(
            f"The images in {str(folder)!r} are not the published ones: their digest is "
            f"{digest} instead of {_PARTS[part].digest}."
        )
    with (folder / _MARKER).open("a", encoding="utf-8") as marker:
        marker.write(f"{digest}\n")


def _list_all(folder: Path, part: str) -> list[str]:
    below = folder if part == "all" else folder / part
    images = list_images(below)[0] if below.is_dir() else []
    n_files = _PARTS[part].n_files
    if len(images) != n_files:
        raise OSError(f"{str(below)!r} holds {len(images)} images instead of {n_files}.")
    return images


def _digest_contents(folder: Path, images: list[str]) -> str:
    start = len(str(folder)) + 1
    by_place = {path[start:].replace(os.sep, "/"): path for path in images}
    whole = hashlib.sha256()
    for place in tqdm(sorted(by_place), unit=" files", desc="verify", disable=None):
        whole.update(f"{digest_of(by_place[place])}  {place}\n".encode())
    return whole.hexdigest()


def fetch_cifake(
    data_home: str | os.PathLike[str] | None = None,
    *,
    split: Literal["train", "test", "all"] = "train",
    download_if_missing: bool = True,
    n_retries: int = 3,
    delay: float = 1.0,
) -> LabelledImages:
    """List the images of CIFAKE; download and verify them the first time.

    120,000 JPEG files of 32x32 pixels, in two halves: the real ones are CIFAR-10
    (Krizhevsky and Hinton 2009), the fake ones were made in their likeness with Stable
    Diffusion 1.4 (Bird and Lotfi 2024). Both are under the MIT licence; cite both.

    =============  ===========  ===========
    split          real images  fake images
    =============  ===========  ===========
    ``"train"``    50,000       50,000
    ``"test"``     10,000       10,000
    =============  ===========  ===========

    Parameters
    ----------
    data_home : path-like or None, default=None
        Where data sets are kept; None is scikit-learn's folder, see
        `sklearn.datasets.get_data_home`. The images lie in ``cifake`` below it.
    split : {"train", "test", "all"}, default="train"
        Which split to list; both are downloaded.
    download_if_missing : bool, default=True
        If False, missing images are an error.
    n_retries : int, default=3
        How many times a failed download is tried again.
    delay : float, default=1.0
        Seconds before each of these.

    Returns
    -------
    Bunch
        As `load_image_folder` returns it: `data` (paths), `target` (1 is fake),
        `target_names`, `groups`, `split`, `DESCR`. An image's group is what it shows, one
        of CIFAR-10's ten classes (``"airplane"`` to ``"truck"``).

    Raises
    ------
    OSError
        If the images are missing and may not be, or cannot be downloaded, or are not the
        published ones; the message says how to put them there by hand.
    ValueError
        If `split` is none of the three.

    See Also
    --------
    load_image_folder : The same for a folder of your own.

    Notes
    -----
    Everything is compared with a digest of the published contents before it is put into
    place, in one step: an interrupted call leaves nothing behind that a later one would
    take for the whole. Later calls only count the files. Delete ``cifake/verified.txt`` to
    have the contents compared again.

    With `groups`, folds hold subjects that were not trained on. Without them they are the
    usual ones, which published figures mean.

    378 images of the test split are byte for byte in the training split too, all of them
    fake; 920 files of the training split repeat another one. All come from one generator,
    so a good figure says nothing about others.

    The environment variable ``SKFAKEREAL_CIFAKE_URL`` names another place to get the
    archive from, a ``.tar.gz`` of the repository; its contents must be the same.

    References
    ----------
    A. Krizhevsky and G. Hinton (2009). "Learning multiple layers of features from tiny
    images". Technical report, University of Toronto.

    J. J. Bird and A. Lotfi (2024). "CIFAKE: Image Classification and Explainable
    Identification of AI-Generated Synthetic Images". IEEE Access 12, 15642-15650.

    Examples
    --------
    >>> from skfakereal.datasets import fetch_cifake
    >>> images = fetch_cifake(split="test")  # doctest: +SKIP
    >>> images.data.shape, images.target_names  # doctest: +SKIP
    ((20000,), ['real', 'fake'])
    """
    if split not in ("train", "test", "all"):
        raise ValueError(f'split must be "train", "test" or "all", got {split!r}.')
    folder = Path(get_data_home(data_home)) / "cifake"
    try:
        if not folder.exists():
            if not download_if_missing:
                raise OSError(f"{str(folder)!r} is missing, and download_if_missing=False.")
            _download(folder, n_retries, delay)
        _check(folder, split)
    except OSError as error:
        again = f"Delete {str(folder)!r}" if folder.exists() else "Mend that"
        raise OSError(
            f"CIFAKE is not available: {error} {again} and call again to download it; or get "
            f"{_URL} in any way you can, unpack it, and move its folder DATASET to "
            f"{str(folder)!r}, where the next call verifies it."
        ) from error
    bunch = load_image_folder(folder, split=split)
    bunch.groups = np.array([_subject_of(path) for path in bunch.data], dtype=object)
    bunch.DESCR = (
        "CIFAKE (Bird and Lotfi 2024): 32x32 pixels, real images from CIFAR-10 (Krizhevsky "
        "and Hinton 2009), fake ones from Stable Diffusion 1.4; MIT licence. Groups are "
        f"CIFAR-10's ten classes.\n{len(bunch.data)} images in {str(folder)!r}, "
        f"split: {split}."
    )
    return bunch


def _download(folder: Path, n_retries: int, delay: float) -> None:
    url = os.environ.get(_URL_VARIABLE) or _URL
    with tempfile.TemporaryDirectory(prefix=".cifake-", dir=folder.parent) as temporary:
        archive, fresh = Path(temporary, "cifake.tar.gz"), Path(temporary, "cifake")
        download(url, archive, what="CIFAKE (105 MB)", n_retries=n_retries, delay=delay)
        _unpack(archive, fresh)
        _verify(fresh, "all")
        try:
            fresh.replace(folder)
        except OSError:
            if not folder.is_dir():  # or else another process was quicker
                raise


def _unpack(archive: Path, folder: Path) -> None:
    for split in ("train", "test"):
        for name in ("REAL", "FAKE"):
            (folder / split / name).mkdir(parents=True)
    try:
        # tarfile's own filters came with Python 3.11.4. Writing only regular files, under
        # names of our own pattern, is the narrower rule in any case.
        with (
            tarfile.open(archive, "r:gz") as tar,
            tqdm(
                total=_PARTS["all"].n_files, unit=" files", desc="unpack", disable=None
            ) as bar,
        ):
            for member in tar:
                place = _MEMBER.fullmatch(member.name)
                content = tar.extractfile(member) if member.isreg() else None
                if place and content:
                    (folder / place[1]).write_bytes(content.read())
                    bar.update()
    except (tarfile.TarError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise OSError(f"The downloaded archive is damaged: {error}.") from error


def _subject_of(path: str) -> str:
    suffix = _SUFFIX.search(path)
    return _SUBJECTS[int(suffix[1]) - 1 if suffix else 0]
