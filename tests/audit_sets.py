"""Small image sets for the audit: files as a collector finds them, and with one leak."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]


def smooth_noise(rng: np.random.Generator, height: int, width: int) -> Pixels:
    """Return a picture of its own: coarse random colours, enlarged, and some grain."""
    coarse = Image.fromarray(rng.integers(0, 256, (6, 6, 3), dtype=np.uint8))
    picture = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC))
    grain = rng.integers(-8, 9, picture.shape)
    return np.clip(picture.astype(int) + grain, 0, 255).astype(np.uint8)


@dataclass
class Packing:
    """How one file is written."""

    size: tuple[int, int]
    extension: str
    mode: str
    exif: bool
    border: int
    jpeg: dict[str, Any]
    grey: bool = False  # what it shows, whatever the mode


def draw_packing(rng: np.random.Generator) -> Packing:
    """Draw everything independently, so that a label drawn later has nothing to learn."""
    return Packing(
        size=(int(rng.integers(24, 49)), int(rng.choice([24, 32, 40, 48]))),
        extension=str(
            rng.choice([".jpg", ".jpeg", ".png", ".webp"], p=[0.5, 0.2, 0.2, 0.1])
        ),
        mode=str(rng.choice(["RGB", "L", "RGBA"], p=[0.8, 0.1, 0.1])),
        exif=bool(rng.random() < 0.6),
        border=int(rng.random() < 0.1) * 4,
        jpeg={
            "quality": int(rng.choice([70, 80, 85, 90, 95])),
            "progressive": bool(rng.random() < 0.3),
            "subsampling": str(rng.choice(["4:2:0", "4:4:4"])),
            "optimize": bool(rng.random() < 0.5),
            "comment": b"scanned" if rng.random() < 0.2 else b"",
            "dpi": (72, 72) if rng.random() < 0.5 else (300, 300),
        },
    )


def write(path: Path, rng: np.random.Generator, how: Packing) -> Path:
    path = path.with_suffix(how.extension)
    pixels = smooth_noise(rng, *how.size)
    if how.border:
        pixels[: how.border] = pixels[-how.border :] = rng.integers(0, 256, 3)
    if how.grey:
        pixels = np.repeat(pixels[..., :1], 3, axis=-1)
    image = Image.fromarray(pixels)
    is_jpeg = how.extension in (".jpg", ".jpeg")
    image = image.convert("RGB" if is_jpeg and how.mode == "RGBA" else how.mode)
    if how.extension == ".webp":
        image = image.convert("RGBA" if how.mode == "RGBA" else "RGB")
    more: dict[str, Any] = {}
    if how.exif:
        more["exif"] = Image.Exif()
        more["exif"][0x0110] = f"D{rng.integers(4)}"
    if is_jpeg:
        settings = dict(how.jpeg)
        if image.mode == "L" or "qtables" in settings:
            settings.pop("quality" if "qtables" in settings else "subsampling")
        more |= settings
    image.save(path, **more)
    return path


def varied_set(folder: Path, n_images: int, seed: int = 0) -> list[Path]:
    """Write images of every kind; no label plays a part."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    return [write(folder / f"{i:04}", rng, draw_packing(rng)) for i in range(n_images)]


def leaking_set(
    folder: Path,
    n_each: int,
    fake: Callable[[Packing], Packing],
    real: Callable[[Packing], Packing] = lambda how: how,
    seed: int = 0,
) -> tuple[list[Path], NDArray[np.int64]]:
    """Write images of every kind, but each class (1 is fake) with a habit of its own."""
    rng, paths = np.random.default_rng(seed), []
    for name, habit in (("real", real), ("fake", fake)):
        (folder / name).mkdir(parents=True)
        paths += [
            write(folder / name / f"{i:04}", rng, habit(draw_packing(rng)))
            for i in range(n_each)
        ]
    return paths, np.repeat([0, 1], n_each)


def jpeg(how: Packing, **settings: Any) -> Packing:
    """Make it a JPEG, with some settings of its own."""
    mode = "RGB" if how.mode == "RGBA" else how.mode
    return replace(how, extension=".jpg", mode=mode, jpeg=how.jpeg | settings)
