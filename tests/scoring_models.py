"""A classifier over paths that fits in no time, and a set of images for the scoring tests."""

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from reading import brightness
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer


def write_greys(folder: Path, n_images: int) -> list[str]:
    """Write images from black to white, and return their paths."""
    folder.mkdir(parents=True)
    paths = []
    for i in range(n_images):
        paths.append(str(folder / f"{i:03}.png"))
        Image.new("L", (8, 8), 255 * i // max(1, n_images - 1)).save(paths[-1])
    return paths


def fit_brightness(paths: list[str]) -> Any:
    """Return a classifier that calls the darker half real (0) and the brighter fake (1)."""
    model = make_pipeline(FunctionTransformer(brightness), LogisticRegression(C=100))
    return model.fit(np.array(paths, object), np.arange(len(paths)) >= len(paths) / 2)


def score_greys(out: Path, paths: Any, model: Any, **settings: Any) -> Any:
    """Score in small parts."""
    from skfakereal.scoring import score_paths

    given = {"part_size": 5, "target_names": ["real", "fake"]} | settings
    return score_paths(model, paths, out, pos_label=True, **given)
