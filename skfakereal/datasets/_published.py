"""A folder of images -> is it, file by file, what was published?"""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from skfakereal.datasets._listing import list_images

_MARKER = "verified.txt"


@dataclass(frozen=True)
class Part:
    """What was published.

    Parameters
    ----------
    n_files : int
        How many files.
    digest : str
        SHA-256, hexadecimal, over one line for each file, sorted by place: the SHA-256 of
        its content, two spaces, its place below the folder.
    """

    n_files: int
    digest: str


def check_published(folder: Path, part: str, parts: Mapping[str, Part]) -> None:
    """Make sure that a part is there; what was verified before is only counted."""
    listed = part if part in parts else "all"
    marker = folder / _MARKER
    verified = marker.read_text(encoding="utf-8").split() if marker.is_file() else []
    for name in ("all", listed):
        if parts[name].digest in verified:
            _list_all(folder, name, parts[name])
            return
    verify_published(folder, listed, parts)


def verify_published(folder: Path, part: str, parts: Mapping[str, Part]) -> None:
    """Compare every byte of a part with what was published, and note that it agrees."""
    images = _list_all(folder, part, parts[part])
    digest = _digest_contents(folder, images)
    if digest != parts[part].digest:
        raise OSError(
            f"The images in {str(folder)!r} are not the published ones: their digest is "
            f"{digest} instead of {parts[part].digest}."
        )
    with (folder / _MARKER).open("a", encoding="utf-8") as marker:
        marker.write(f"{digest}\n")


def _list_all(folder: Path, name: str, part: Part) -> list[str]:
    below = folder if name == "all" else folder / name
    images = list_images(below)[0] if below.is_dir() else []
    if len(images) != part.n_files:
        raise OSError(
            f"{str(below)!r} holds {len(images)} images instead of {part.n_files}."
        )
    return images


def _digest_contents(folder: Path, images: list[str]) -> str:
    start = len(str(folder)) + 1
    by_place = {path[start:].replace(os.sep, "/"): path for path in images}
    whole = hashlib.sha256()
    for place in tqdm(sorted(by_place), unit=" files", desc="verify", disable=None):
        own = hashlib.sha256(Path(by_place[place]).read_bytes()).hexdigest()
        whole.update(f"{own}  {place}\n".encode())
    return whole.hexdigest()
