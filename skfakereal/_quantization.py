"""How far a trunk's activations reach: what its 8-bit engine must know beside its weights."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import ceil, log2
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skfakereal._images.read import (
    ImageReadError,
    decode_image,
    raise_unreadable,
    read_bytes,
)
from skfakereal._trunk import Trunk, trunk_network
from skfakereal._trunk_settings import TrunkSettings
from skfakereal._views import render_crops
from skfakereal.engines import auto_engine, choose_engine

# By the digest of the trunk and the preprocessing: `benchmarks/activation_ranges.py`.
_KNOWN: dict[tuple[str, str], tuple[float, ...]] = {
    # ImageNet's, on photographs at 224x224.
    ("426b4794dc109a847015ad463bbcdb08", "imagenet"): (
        *(861.1, 4467, 6317, 1.263e04, 1.948e04, 1.948e04, 1.638e04),
        *(1.378e04, 6317, 3756, 2048, 1117, 512),
    ),
    ("426b4794dc109a847015ad463bbcdb08", "unit"): (
        *(5.187, 22.63, 41.5, 83, 128, 152.2, 197.4),
        *(139.6, 90.51, 45.25, 29.34, 11.31, 11.31),
    ),
    # weights="cifake", on its training images, now and before.
    ("cc62719b2d92e2e8bc58e22b997bcfc3", "unit"): (
        *(1024, 3158, 5793, 6317, 9742, 4871, 4096),
        *(2435, 1117, 608.9, 430.5, 394.8, 362),
    ),
    ("ac1eabc54558262ae3fe866d776bda0a", "unit"): (
        *(1024, 3444, 5793, 8192, 1.159e04, 7512, 6317),
        *(4096, 1722, 1024, 664, 608.9, 394.8),
    ),
    ("e99be77dc24a616101d724062bc71c65", "unit"): (
        *(2.378, 2, 1.414, 1.542, 1.414, 1.414, 1.091),
        *(1, 1.091, 1.682, 1.682, 2.181, 3.668),
    ),
    # weights=None, on the same photographs as ImageNet's.
    ("27dd49fd65037f65203c8fdcf68c60c2", "unit"): (
        *(4.757, 4, 4.757, 5.187, 6.727, 5.187, 6.727),
        *(6.727, 5.657, 6.727, 7.336, 8.724, 7.336),
    ),
}
_N_IMAGES = 32
_BATCH = 4


def require_precision(engine: str, settings: TrunkSettings) -> None:
    """Raise ValueError if an engine would compute others than the features of the fit."""
    is_int8 = settings.ranges is not None
    if settings.cut == "block1" or is_int8 == (engine == "int8"):
        return
    fitted, has = (
        ("engine='int8', in whole numbers", "float32")
        if is_int8
        else ("another engine, in float32", "whole numbers")
    )
    raise ValueError(
        f"This model was fitted with {fitted}, and engine={engine!r} would give it other "
        f"features, in {has}. Set engine='auto', which keeps to what was fitted, or fit it "
        f"with engine={engine!r}."
    )


def _shipped(trunk: Trunk, settings: TrunkSettings) -> tuple[float, ...] | None:
    ranges = _KNOWN.get((trunk.digest.hex(), settings.preprocessing))
    return ranges and tuple(map(float, ranges))


def engine_to_fit(
    estimator: Any, trunk: Trunk, settings: TrunkSettings, n_images: int
) -> str:
    """Return the engine for a fit on so many images, and say what "auto" takes if asked to."""
    if estimator.engine != "auto":
        return choose_engine(estimator.engine)
    height, width = settings.image_size
    engine, why = auto_engine(
        n_pixels=n_images * settings.n_crops * height * width,
        is_int8=estimator._settings.ranges is not None if _goes_on(estimator) else None,
        has_scales=settings.cut != "block1" and _shipped(trunk, settings) is not None,
    )
    if estimator.verbose:
        from tqdm.auto import tqdm

        tqdm.write(f"engine auto takes {engine} for this fit, {why}.", file=sys.stderr)
    return choose_engine(engine)


def with_ranges(
    estimator: Any, trunk: Trunk, settings: TrunkSettings, paths: Sequence[str]
) -> TrunkSettings:
    """Return the settings with how far a trunk's activations reach.

    As in the last fit where this one goes on from it, or as it comes with the package, or as
    some of the images tell.
    """
    if settings.cut == "block1":
        return settings
    ranges = estimator._settings.ranges if _goes_on(estimator) else None
    ranges = ranges or _shipped(trunk, settings) or measure_on(trunk, settings, paths)
    return replace(settings, ranges=ranges)


def _goes_on(estimator: Any) -> bool:
    return getattr(estimator, "warm_start", False) and hasattr(estimator, "_settings")


def measure_on(
    trunk: Trunk, settings: TrunkSettings, paths: Sequence[str]
) -> tuple[float, ...]:
    """Return the ranges on up to 32 images from everywhere in a list of paths.

    They are rounded up to a power of the eighth root of 2, which leaves some room.
    """
    from skfakereal.engines._int8 import measure_ranges

    some = paths[:: max(1, len(paths) // _N_IMAGES)][:_N_IMAGES]
    size = (*settings.image_size, 3)
    network = trunk_network(trunk, replace(settings, ranges=None))
    found = measure_ranges(network, _batches(settings, some), size)
    return tuple(2 ** (ceil(8 * log2(max(value, 1e-6))) / 8) for value in found)


def _batches(
    settings: TrunkSettings, paths: Sequence[str]
) -> Iterator[NDArray[np.float32]]:
    failures: list[ImageReadError] = []
    for start in range(0, len(paths), _BATCH):
        crops = []
        for path in paths[start : start + _BATCH]:
            try:
                image = decode_image(read_bytes(path), path)
            except ImageReadError as failure:
                failures.append(failure)  # a few are told by whoever reads all of them
                continue
            crops.append(render_crops(image, settings))
        if crops:
            yield settings.preprocess(np.concatenate(crops))
    if len(failures) == len(paths):
        raise_unreadable(failures)
