"""VGG16's thirteen convolutions, and the cut that divides frozen from trainable."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, lru_cache, partial
from hashlib import blake2b
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skfakereal._network import (
    Carry,
    Conv,
    Flatten,
    GlobalPool,
    Layer,
    MaxPool,
    Network,
    Statistics,
)
from skfakereal._trunk_settings import TrunkSettings

# Convolutions in each block, and their channels in the full VGG16 (Simonyan and
# Zisserman, 2015, configuration D).
_CONVOLUTIONS = (2, 2, 3, 3, 3)
_CHANNELS = (64, 128, 256, 512, 512)
# Where the trainable tail may begin; None: after the last pooling.
CUTS = (None, "block5", "block4", "block3", "block2", "block1")

# The trunk of weights=None is the same in every fit, for ever: RandomState's streams are
# frozen by NumPy's policy (NEP 19), those of Generator are not.
_RANDOM_TRUNK_SEED = 1409
# Whose mixtures of channels pooling="correlations" correlates.
_CORRELATED = "block4"
# `Trunk.digest` of Keras's ImageNet weights, float32.
_IMAGENET = "426b4794dc109a847015ad463bbcdb08"


class Trunk:
    """The thirteen convolutions of a VGG16, in the form in which they are stored."""

    def __init__(
        self,
        # ``block{b}_conv{c}/kernel`` of shape (3, 3, in, out) and ``.../bias`` of shape (out,),
        # of any float type; or an int8 kernel and ``.../scale`` of shape (out,).
        arrays: Mapping[str, NDArray[Any]],
        name: str,  # where they come from, for messages
        *,
        seeded: bool = False,  # the random trunk of weights=None, which a pickle need not hold
        n_blocks: int = 5,  # how many of the five blocks there are
        # What `array_digest` gives, where it is known already; for the blocks that are not
        # there it is what their part of the digest is made of.
        array_digests: Mapping[str, bytes] | None = None,
        trained_on: str | None = None,  # the preprocessing that their file names, if any
    ) -> None:
        self.arrays = dict(arrays)
        self.name = name
        self.seeded = seeded
        self.n_blocks = n_blocks
        self.trained_on = trained_on
        self._known_digests = dict(array_digests or {})
        channels = 3
        for layer in convolution_names(n_blocks):
            channels = self._check(layer, channels)

    def _check(self, layer: str, channels: int) -> int:
        for part in ("kernel", "bias"):
            if f"{layer}/{part}" not in self.arrays:
                raise ValueError(
                    f"The weights from {self.name} lack {layer}/{part}: a VGG16 without its "
                    "top has 13 convolutions, block1_conv1 to block5_conv3."
                )
        kernel, bias = self.arrays[f"{layer}/kernel"], self.arrays[f"{layer}/bias"]
        if kernel.ndim != 4 or kernel.shape[:3] != (3, 3, channels):
            raise ValueError(
                f"The weights from {self.name} have a kernel {layer} of shape "
                f"{kernel.shape}; (3, 3, {channels}, n) is needed."
            )
        if bias.shape != kernel.shape[3:]:
            raise ValueError(
                f"The weights from {self.name} have a bias {layer} of shape {bias.shape}; "
                f"{kernel.shape[3:]} is needed."
            )
        if not (np.isfinite(kernel).all() and np.isfinite(bias).all()):
            raise ValueError(f"The weights from {self.name} are not finite in {layer}.")
        return int(kernel.shape[3])

    def __reduce__(self) -> tuple[Any, ...]:
        if self.seeded:
            return random_trunk, ()
        make = partial(
            Trunk,
            n_blocks=self.n_blocks,
            array_digests=self.array_digests,
            trained_on=self.trained_on,
        )
        return make, (self.arrays, self.name)

    def before(self, cut: str | None) -> "Trunk":
        """Return only the blocks before a cut; the others are trained, and kept as such."""
        if cut is None or self.seeded:
            return self
        n_blocks = int(cut[-1]) - 1
        kept = {
            f"{layer}/{part}": self.arrays[f"{layer}/{part}"]
            for layer in convolution_names(n_blocks)
            for part in ("kernel", "scale", "bias")
            if f"{layer}/{part}" in self.arrays
        }
        return Trunk(
            kept,
            self.name,
            n_blocks=n_blocks,
            array_digests=self.array_digests,
            trained_on=self.trained_on,
        )

    @cached_property
    def array_digests(self) -> dict[str, bytes]:
        """Digests of the arrays, those of the blocks that are not there included."""
        digests = self._known_digests
        own = {
            name: digests[name] if name in digests else array_digest(array)
            for name, array in self.arrays.items()
        }
        return digests | own

    @cached_property
    def digest(self) -> bytes:
        """Digest of the weights of all five blocks."""
        digest = blake2b(digest_size=16)
        for name, part in sorted(self.array_digests.items()):
            digest.update(name.encode())
            digest.update(part)
        return digest.digest()

    @property
    def preprocessing(self) -> str:
        """What the trunk takes: ``"imagenet"`` or, unless it is known to, ``"unit"``."""
        if self.trained_on is not None:
            return self.trained_on
        return "imagenet" if self.digest.hex() == _IMAGENET else "unit"

    def convolution(self, name: str) -> Conv:
        """Return one convolution with float32 weights."""
        kernel = self.arrays[f"{name}/kernel"].astype(np.float32, copy=False)
        if f"{name}/scale" in self.arrays:
            kernel = kernel * self.arrays[f"{name}/scale"].astype(np.float32)
        return Conv(kernel, self.arrays[f"{name}/bias"].astype(np.float32, copy=False))


def array_digest(array: NDArray[Any], content: bytes | None = None) -> bytes:
    """Return what tells one array from another: a digest of its type, shape and bytes.

    `content` is the digest of its bytes (BLAKE2b, 16 bytes), where it is known already.
    """
    if content is None:
        flat = np.ascontiguousarray(array).reshape(-1).view(np.uint8)  # not a copy
        content = blake2b(flat.data, digest_size=16).digest()
    kind = f"{array.dtype.str}{array.shape}".encode()
    return blake2b(kind + content, digest_size=16).digest()


def convolution_names(n_blocks: int = 5) -> list[str]:
    """Return the names of the convolutions of the first blocks, from the image on."""
    return [
        f"block{block}_conv{conv}"
        for block, convolutions in enumerate(_CONVOLUTIONS[:n_blocks], 1)
        for conv in range(1, convolutions + 1)
    ]


def statistics_names(trunk: Trunk, settings: TrunkSettings) -> list[str]:
    """Return what the statistics of a whole trunk are, in their order."""
    names, correlated = list[str](), correlated_convolutions(settings, 1)
    for i, layer in enumerate(convolution_names()):
        channels = len(trunk.arrays[f"{layer}/bias"])
        names += [
            f"{layer}_channel{c}_{s}" for s in Statistics.NAMES for c in range(channels)
        ]
        if i in correlated:
            pairs = combinations(range(min(Statistics.N_MIXTURES, channels)), 2)
            names += [f"{layer}_mixtures{a}_{b}_correlation" for a, b in pairs]
    return names


def correlated_convolutions(settings: TrunkSettings, first_block: int) -> tuple[int, ...]:
    """Return whose channels are correlated, counted from the first one of a block on."""
    if settings.pooling != "correlations":
        return ()
    names = convolution_names()[sum(_CONVOLUTIONS[: first_block - 1]) :]
    return tuple(i for i, name in enumerate(names) if name.startswith(_CORRELATED))


def _blocks(trunk: Trunk, first: int, last: int) -> Iterator[Layer]:
    for block in range(first, last + 1):
        for conv in range(1, _CONVOLUTIONS[block - 1] + 1):
            yield trunk.convolution(f"block{block}_conv{conv}")
        yield MaxPool()


def _pooling(settings: TrunkSettings, first_block: int) -> Layer:
    """Return the pooling of a network that begins with a block."""
    if settings.sees_all_layers:
        return Statistics(correlated=correlated_convolutions(settings, first_block))
    return Flatten() if settings.pooling == "flatten" else GlobalPool(settings.pooling)


def _n_frozen(settings: TrunkSettings) -> int:
    return 5 if settings.cut is None else int(settings.cut[-1]) - 1


def trunk_network(trunk: Trunk, settings: TrunkSettings) -> Network:
    """Return the frozen part: from the image to the activations at the cut.

    At a cut, statistics of the frozen convolutions come behind the maps.
    """
    cut, pooling = settings.cut, settings.pooling
    layers = tuple(_blocks(trunk, 1, _n_frozen(settings)))
    if cut is None:
        layers = (*layers, _pooling(settings, 1))
    elif settings.sees_all_layers and layers:
        # Those behind the cut are none of its own, and are passed over.
        correlated = correlated_convolutions(settings, 1)
        layers = (*layers, Statistics(with_maps=True, correlated=correlated))
    quantization = settings.quantization if layers else None
    network = Network(layers, quantization)
    # Follows from what is known; to hash all weights again takes 0.1 s.
    source = trunk.digest + f"{cut} {pooling} {quantization or ''}".encode()
    vars(network)["digest"] = blake2b(source, digest_size=16).digest()
    return network


def tail_convolutions(trunk: Trunk, settings: TrunkSettings) -> Network:
    """Return the trainable part of the trunk, without layers for the cut None."""
    if settings.cut is None:
        return Network(())
    first = _n_frozen(settings) + 1
    trained = _blocks(trunk, first, 5)
    return Network((*_carry(trunk, settings), *trained, _pooling(settings, first)))


def _carry(trunk: Trunk, settings: TrunkSettings) -> list[Carry]:
    """Return what a tail begins with where statistics come along with its maps."""
    if not settings.sees_all_layers or settings.cut in (None, "block1"):
        return []
    frozen = Network(tuple(_blocks(trunk, 1, _n_frozen(settings))))
    height, width, channels = frozen.output_shape((*settings.image_size, 3))
    return [Carry((height, width, channels))]


def continued_tail(
    trunk: Trunk, tail: Network, *, before: TrunkSettings, now: TrunkSettings
) -> Network:
    """Return a tail that was trained from one cut on, from another cut on, to train it further.

    The new cut is the same or nearer to the image: trained blocks are never frozen.
    """
    if CUTS.index(now.cut) < CUTS.index(before.cut):
        raise ValueError(
            "With warm_start=True, trainable_from can stay or move towards the image, but "
            f"it was {before.cut!r} and is {now.cut!r}. Set warm_start=False to start over."
        )
    everything = uncut(trunk_network(trunk, before).layers, tail.layers, before)
    frozen = uncut(trunk_network(trunk, now).layers, (), now)
    rest = everything[len(frozen) :]
    pooling = _pooling(now, _n_frozen(now) + 1)
    after = [pooling if isinstance(layer, Statistics) else layer for layer in rest]
    return Network((*_carry(trunk, now), *after))


def uncut(
    frozen: Sequence[Layer], tail: Sequence[Layer], settings: TrunkSettings
) -> list[Layer]:
    """Return all layers as if there were no cut, without how statistics get across it."""
    return [
        _pooling(settings, 1) if isinstance(layer, Statistics) else layer
        for layer in (*frozen, *tail)
        if not (
            isinstance(layer, Carry) or (isinstance(layer, Statistics) and layer.with_maps)
        )
    ]


@lru_cache(maxsize=1)
def random_trunk() -> Trunk:
    """Return the trunk of ``weights=None``: He-normal, the same for ever."""
    random_state = np.random.RandomState(_RANDOM_TRUNK_SEED)
    arrays: dict[str, NDArray[Any]] = {}
    inputs = 3
    for name in convolution_names():
        outputs = _CHANNELS[int(name[5]) - 1]
        he_normal = np.sqrt(2 / (9 * inputs))
        kernel = random_state.standard_normal((3, 3, inputs, outputs)) * he_normal
        arrays[f"{name}/kernel"] = kernel.astype(np.float32)
        arrays[f"{name}/bias"] = np.zeros(outputs, np.float32)
        inputs = outputs
    return Trunk(arrays, "weights=None", seeded=True)
