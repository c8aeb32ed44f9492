"""A trunk <-> what a file holds of it."""

import ntpath
from collections.abc import Mapping
from typing import Any

import numpy as np

from skfakereal._trunk import Trunk, array_digest, convolution_names, random_trunk
from skfakereal._weights import load_trunk

_N_BLOCKS = 5
# VGG16's own widest kernel (3, 3, 512, 512): in memory they are float32, and int8 in a file.
_MAX_WEIGHTS = 3 * 3 * 512 * 512
_MAX_NAME = 2000


def trunk_state(trunk: Trunk) -> dict[str, Any]:
    """Return what a file holds of a trunk; random weights and the package's own stay out."""
    source = _source(trunk)
    digests = trunk.array_digests
    # The digest of the whole is made of those of absent arrays (of trained blocks) too.
    missing = {} if source != "arrays" else digests.keys() - trunk.arrays.keys()
    return {
        "source": source,
        "name": _without_folder(trunk.name),
        "n_blocks": trunk.n_blocks,
        "digest": trunk.digest.hex(),
        "arrays": dict(sorted(trunk.arrays.items())) if source == "arrays" else {},
        "missing": {name: digests[name].hex() for name in sorted(missing)},
    }


def _source(trunk: Trunk) -> str:
    if trunk.seeded:
        return "random"
    return "cifake" if trunk.digest == load_trunk("cifake").digest else "arrays"


def _without_folder(name: str) -> str:
    """Return the name of a trunk, of a path only the last part."""
    return name if name.startswith("weights=") else repr(ntpath.basename(name.strip("'\"")))


def make_trunk(state: Mapping[str, Any], contents: Mapping[int, bytes]) -> Trunk:
    """Make a trunk anew.

    Its digest is that of its arrays, whatever the file claims: with somebody else's, its
    activations would be taken for those of another trunk in the user's store.
    """
    source, n_blocks = state.get("source"), state.get("n_blocks")
    if type(n_blocks) is not int or not 0 <= n_blocks <= _N_BLOCKS:
        raise ValueError("a trunk has from 0 to 5 blocks")
    if source == "random":
        trunk = random_trunk()
    elif source == "cifake":
        whole = load_trunk("cifake")
        trunk = whole if n_blocks == _N_BLOCKS else whole.before(f"block{n_blocks + 1}")
    elif source == "arrays":
        trunk = _from_arrays(state, n_blocks, contents)
    else:
        raise ValueError("the source of a trunk is none")
    if trunk.digest.hex() != state.get("digest"):
        raise ValueError(
            "it was trained on other frozen weights than this version of skfakereal has"
            if source != "arrays"
            else "the digest of its trunk is not that of its arrays"
        )
    return trunk


def _from_arrays(
    state: Mapping[str, Any], n_blocks: int, contents: Mapping[int, bytes]
) -> Trunk:
    arrays, missing, name = state.get("arrays"), state.get("missing"), state.get("name")
    if not (
        isinstance(arrays, dict)
        and isinstance(missing, dict)
        and isinstance(name, str)
        and len(name) <= _MAX_NAME
        and name.isprintable()
    ):
        raise ValueError("a trunk lacks its arrays or its name")
    parts = ("kernel", "scale", "bias")
    here = {f"{layer}/{part}" for layer in convolution_names(n_blocks) for part in parts}
    everywhere = {f"{layer}/{part}" for layer in convolution_names() for part in parts}
    if not (arrays.keys() <= here and missing.keys() <= everywhere - here):
        raise ValueError("a trunk has arrays of no layer of its blocks")
    for array in arrays.values():
        if not isinstance(array, np.ndarray) or array.dtype.kind not in "fi":
            raise ValueError("the weights of a trunk must be arrays of numbers")
        if array.size > _MAX_WEIGHTS:
            raise ValueError("a layer of a trunk has more weights than those of VGG16 have")
    digests = {
        key: array_digest(array, contents.get(id(array))) for key, array in arrays.items()
    }
    digests |= {key: bytes.fromhex(digest) for key, digest in missing.items()}
    trunk = Trunk(arrays, name, n_blocks=n_blocks, array_digests=digests)
    for layer in convolution_names(n_blocks):
        scale = arrays.get(f"{layer}/scale")
        if scale is not None and scale.shape != arrays[f"{layer}/bias"].shape:
            raise ValueError(f"{layer} has another number of scales than of channels")
    return trunk
