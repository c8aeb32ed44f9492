"""Choose the form in which the CIFAKE trunk is shipped, and write it.

``python -m benchmarks.embedded_trunk --trunk FILE.safetensors --cifake FOLDER``
prints how well signed integers with one scale per output channel keep the answers
of the float16 trunk on training images. The criterion was set before any result
was seen: at least 99.5 % of verdicts equal float16's, a mean absolute difference of
the probability of "fake" below 0.005, and loading within 0.3 s. The smallest file
that meets it is the one that ``--write`` writes. ``--test`` then prints the accuracy
on ``test/``, which takes no part in the choice.
"""

import argparse
import io
import struct
import time
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from safetensors.numpy import load_file
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

Floats = NDArray[np.float32]
Arrays = dict[str, NDArray[Any]]

N_FIT, N_AGREE = 4_000, 6_000
TARGET = Path(__file__).parents[1] / "skfakereal" / "trunks" / "cifake.npz"
ROW = "| {} | {:.2f} | {:.2f} | {:.4f} | {:.5f} | {:.2%} | {:.4f} | {:.3f} | {} |"


@dataclass(frozen=True)
class Form:
    """One way to write the trunk, with how well it agrees with float16."""

    name: str
    content: bytes
    load_seconds: float
    same_verdicts: float
    probability_error: float

    @property
    def passes(self) -> bool:
        """Whether the form meets the criterion."""
        return (
            self.same_verdicts >= 0.995
            and self.probability_error < 0.005
            and self.load_seconds < 0.3
        )


def _round(kernel: Floats, scale: Floats, top: int) -> Floats:
    return np.clip(np.rint(kernel / scale), -top, top)


def find_scale(kernel: Floats, top: int, clip: bool) -> Floats:
    """Scale per output channel: largest weight, or least squared error if `clip`."""
    largest = np.maximum(np.abs(kernel).max(axis=(0, 1, 2)), 1e-12) / top
    if not clip:
        return largest
    scales = [largest * ratio for ratio in np.linspace(0.3, 1, 36, dtype=np.float32)]
    errors = [
        np.square(_round(kernel, scale, top) * scale - kernel).sum(axis=(0, 1, 2))
        for scale in scales
    ]
    best: Floats = np.choose(np.zeros_like(largest, int), [largest])
    best = np.stack(scales)[np.argmin(errors, axis=0), np.arange(best.size)]
    return best


def quantise(trunk: Arrays, bits: int, clip: bool) -> Arrays:
    """Kernels as int8 of `bits` bits with float32 scales; biases as float32."""
    top = 2 ** (bits - 1) - 1
    arrays: Arrays = {}
    for name in (key.removesuffix("/kernel") for key in trunk if "/kernel" in key):
        kernel = trunk[f"{name}/kernel"].astype(np.float32)
        scale = find_scale(kernel, top, clip)
        arrays[f"{name}/kernel"] = _round(kernel, scale, top).astype(np.int8)
        arrays[f"{name}/scale"] = scale
        arrays[f"{name}/bias"] = trunk[f"{name}/bias"].astype(np.float32)
    return arrays
