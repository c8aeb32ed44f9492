"""How far a trunk's activations reach: what its 8-bit engine must know beside its weights."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import ceil, log2
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from skfakereal._images.read import ImageReadError, decode_image, read_bytes
from skfakereal._trunk import Trunk, trunk_network
from skfakereal._trunk_settings import TrunkSettings
from skfakereal._views import render_crops
from skfakereal.engines import choose_engine

# By the digest of the trunk, for pixels as it takes them: `benchmarks/activation_ranges.py`.
_KNOWN: dict[str, tuple[float, ...]] = {
    # ImageNet's, on photographs at 224x224.
    "426b4794dc109a847015ad463bbcdb08": (
        *(861.1, 4467, 6317, 1.263e04, 1.948e04, 1.948e04, 1.638e04),
        *(1.378e04, 6317, 3756, 2048, 1117, 512),
    ),
    # weights="cifake", on its training images, now and in version 0.1.
    "ac1eabc54558262ae3fe866d776bda0a": (
        *(1024, 3444, 5793, 8192, 1.159e04, 7512, 6317),
        *(4096, 1722, 1024, 664, 608.9, 394.8),
    ),
    "e99be77dc24a616101d724062bc71c65": (
        *(2.378, 2, 1.414, 1.542, 1.414, 1.414, 1.091),
        *(1, 1.091, 1.682, 1.682, 2.181, 3.668),
    ),
}
_N_IMAGES = 32
_BATCH = 4


def known_ranges(trunk: Trunk, settings: TrunkSettings) -> TrunkSettings:
    """Return the settings with the ranges that come with the package.

    Raises ValueError if the trunk is another one.
    """
    if settings.ranges is not None or settings.cut == "block1":
        return settings
    if settings.preprocessing == trunk.preprocessing:
        ranges = _KNOWN.get(trunk.digest.hex())
        if ranges is not None:
            return replace(settings, ranges=tuple(map(float, ranges)))
    raise ValueError(
        "engine='int8' must have seen images when the model was fitted, but this model was "
        "fitted with another engine. Fit it with engine='int8', or predict with that engine."
    )


def engine_to_fit(estimator: Any, settings: TrunkSettings, n_images: int) -> str:
    """Return the engine for a fit on so many images, and say what "auto" takes if asked to."""
    height, width = settings.image_size
    before = getattr(estimator, "_settings", None)
    if not getattr(estimator, "warm_start", False):
        before = None
    engine = choose_engine(
        estimator.engine,
        n_pixels=n_images * settings.n_crops * height * width,
        fits=before is None,
        is_int8=before is not None and before.ranges is not None,
    )
    if estimator.engine == "auto" and estimator.verbose:
        tqdm.write(f"engine='auto' is {engine!r} for this fit.", file=sys.stderr)
    return engine


def with_ranges(
    trunk: Trunk, settings: TrunkSettings, paths: Sequence[str]
) -> TrunkSettings:
    """Return the settings with known ranges, or with those that some of the images give."""
    try:
        return known_ranges(trunk, settings)
    except ValueError:
        return replace(settings, ranges=measure_on(trunk, settings, paths))


def measure_on(
    trunk: Trunk, settings: TrunkSettings, paths: Sequence[str]
) -> tuple[float, ...]:
    """Return the ranges on up to 32 images from everywhere in a list of paths.

    They are rounded up to a power of the eighth root of 2, so that other images of the
    same kind mostly give the same.
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
    for start in range(0, len(paths), _BATCH):
        crops = []
        for path in paths[start : start + _BATCH]:
            try:
                image = decode_image(read_bytes(path), path)
            except ImageReadError:
                continue  # told by whoever reads all of them
            crops.append(render_crops(image, settings))
        if crops:
            yield settings.preprocess(np.concatenate(crops))
