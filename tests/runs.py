"""Photographs to train on, and what run folders hold, for the tests of the command line."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
from conftest import write_image


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def write_photos(folder: Path, levels: dict[str, int], n_images: int, seed: int) -> Path:
    """Write noisy images of some brightness for each class folder, or group below one."""
    random = np.random.default_rng(seed)
    for name, level in levels.items():
        for i in range(n_images):
            pixels = level + random.normal(0, 25) + random.integers(0, 60, (32, 32, 3))
            image = np.clip(pixels, 0, 255).astype(np.uint8)
            write_image(folder / name / f"{i:03}.png", image)
    return folder


def make_photos(root: Path, n_images: int = 12, seed: int = 0) -> Path:
    """Write dark images as real and bright ones as fake."""
    random = np.random.default_rng(seed)
    for i in range(n_images):
        noise = random.integers(0, 40, (32, 32, 3), dtype=np.uint8)
        write_image(root / "real" / f"{i:02}.png", noise)
        write_image(root / "fake" / f"{i:02}.png", 255 - noise)
    return root
