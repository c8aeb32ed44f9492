"""Sets of photographs: brought to one size and format, drawn, split, changed."""

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.model_selection import StratifiedGroupKFold

from skfakereal.datasets import load_image_folder
from skfakereal.evaluation.perturbations import Chain, Jpeg, Scale, WebP

Indices = NDArray[np.intp]
Texts = NDArray[np.object_]

_QUALITY = 90
_FOLDS = 5
_CHANGES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "JPEG q60": Jpeg(60),
    "half the size": Scale(0.5),
    "half, JPEG q60, WebP q75": Chain("shared", (Scale(0.5), Jpeg(60), WebP(75))),
}


@dataclass(frozen=True)
class PhotographSet:
    """Images of both classes in one size and format."""

    name: str
    paths: Texts
    labels: NDArray[np.int64]  # 1: fake
    groups: Texts
    generators: Texts  # "" for real images

    def take(self, rows: Indices) -> "PhotographSet":
        """Return some of them."""
        return PhotographSet(
            self.name,
            self.paths[rows],
            self.labels[rows],
            self.groups[rows],
            self.generators[rows],
        )

    def draw(self, n_images: int | None, seed: int) -> "PhotographSet":
        """Draw images, half of them fake, whole groups at a time where they fit."""
        if n_images is None or n_images >= len(self.paths):
            return self
        random_state, rows = np.random.RandomState(seed), []
        for label in (0, 1):
            of_class = np.flatnonzero(self.labels == label)
            order = {g: random_state.rand() for g in np.unique(self.groups[of_class])}
            ranked = sorted(of_class, key=lambda row: order[self.groups[row]])
            rows += ranked[: n_images // 2]
        return self.take(np.sort(np.array(rows)))

    def folds(self, seed: int) -> Iterator[tuple[Indices, Indices]]:
        """Split by group."""
        splitter = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=seed)
        yield from splitter.split(self.paths, self.labels, self.groups)


def read_set(folder: Path, out: Path, side: int) -> PhotographSet:
    """Equalize a set into `out`; images that are smaller than `side` are left out."""
    found = load_image_folder(folder)
    below = [Path(path).relative_to(folder).as_posix() for path in found.data]
    given = _read_groups(folder / "groups.csv")
    groups = np.array([given.get(name, name) for name in below], dtype=object)
    generators = np.array(
        [name.split("/")[1] if name.count("/") > 1 else "" for name in below], dtype=object
    )
    rows, paths = [], []
    for row, path in enumerate(found.data):
        with Image.open(path) as image:
            if min(image.size) < side:
                continue
            name = Path(below[row]).with_suffix(".jpg")
            place = out / f"{row:05}-{name.name}"
            if not place.exists():
                out.mkdir(parents=True, exist_ok=True)
                new = place.with_suffix(".new")
                _bring(image, side).save(new, "JPEG", quality=_QUALITY)
                new.replace(place)
        rows.append(row)
        paths.append(str(place))
    labels = found.target[rows]
    generators = np.where(labels == 1, generators[rows], "").astype(object)
    data = np.array(paths, dtype=object)
    return PhotographSet(folder.name, data, labels, groups[rows], generators)


def _bring(image: Image.Image, side: int) -> Image.Image:
    """Shrink until the shorter side fits, by one filter, and cut off what juts out."""
    scale = side / min(image.size)
    width, height = (max(side, round(length * scale)) for length in image.size)
    image = image.convert("RGB")
    if scale < 1:
        image = image.resize((width, height), Image.Resampling.LANCZOS)
    left, top = (width - side) // 2, (height - side) // 2
    return image.crop((left, top, left + side, top + side))


def _read_groups(file: Path) -> dict[str, str]:
    if not file.exists():
        return {}
    with file.open(newline="", encoding="utf-8") as stream:
        return {row["path"]: row["group"] for row in csv.DictReader(stream)}


def write_changed(images: PhotographSet, out: Path) -> dict[str, Texts]:
    """Write changed copies of a set as PNG, once; return their paths by change."""
    changed = {}
    for name, change in _CHANGES.items():
        folder = out / name.replace(" ", "-").replace(",", "")
        paths = []
        for path in images.paths:
            place = folder / Path(path).parent.name / f"{Path(path).stem}.png"
            if not place.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                with Image.open(path) as image:
                    new = place.with_suffix(".new")
                    change(image.convert("RGB")).save(new, "PNG")
                new.replace(place)
            paths.append(str(place))
        changed[name] = np.array(paths, dtype=object)
    return changed
