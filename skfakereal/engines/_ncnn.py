"""The ncnn engine: convolutions by Winograd's algorithm, without TensorFlow.

ncnn (https://github.com/Tencent/ncnn) computes image by image, and reads all weights anew
for each. Small images are therefore stacked into one tall image, with rows of zeros
between them: each still sees zeros around itself, and the weights are read once a stack.
"""

from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import takewhile
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skfakereal._network import (
    Carry,
    Conv,
    Flatten,
    Forward,
    GlobalPool,
    Layer,
    MaxPool,
    Network,
    Statistics,
)
from skfakereal.engines._ncnn_net import WorkingMemory, load_net, to_mat
from skfakereal.engines._numpy import compile_dense, correlations

# Measured on full-width VGG16: larger images than this gain nothing from a stack, only
# their small maps behind the poolings, where weights outweigh maps, gain 5 to 15%.
_LARGEST_STACKED = Statistics.MANY_ROWS
_LARGEST_STACKED_DEEP = 20
# How many of those, at the most; 8 are 2% faster than 5, and as fast as 16.
_DEEP_STACK = 16
# How many values the first map of a stack may hold, 13 MB. The memory that ncnn works in
# grows with it: at 64x64, 4 MB are 30% slower, and 17 MB 3% faster for 150 MB more.
_STACK_VALUES = 3 * 2**20
# Winograd's algorithm computes tiles of 4 rows (Lavin and Gray, 2016). Where each image
# begins at a multiple of 4 and no tile holds two of them, its result is the same to the
# bit at any place in the stack, beside any neighbours.
_TILE = 4

FloatArray = NDArray[np.float32]
# The layers that ncnn computes.
_MAPS = Conv | MaxPool


def compile_with_ncnn(
    network: Network, input_shape: tuple[int, int, int], *, n_threads: int
) -> Forward:
    """Return a function that computes a contiguous part of a VGG on batches of any length.

    The maps and pooled activations of an image depend, to the bit, neither on the other
    images of its batch nor on `n_threads`: each thread has images of its own. Several
    threads may call the function; the transformed weights are freed with it.
    """
    layers, carry = network.layers, None
    if layers and isinstance(layers[0], Carry):
        carry, layers = layers[0], layers[1:]
    shape = carry.shape if carry else input_shape
    maps_part = list(takewhile(lambda layer: isinstance(layer, _MAPS), layers))
    rest = layers[len(maps_part) :]
    statistics = rest[0] if rest and isinstance(rest[0], Statistics) else None
    stages = _compile_stages(maps_part, shape, statistics)
    finish = _compile_rest(rest)
    first_map = Network(layers[:1]).output_shape(shape)
    largest = max(_DEEP_STACK, _STACK_VALUES // prod(first_map))

    def compute(batch: FloatArray) -> FloatArray:
        n = len(batch)
        maps = batch[:, : prod(shape)].reshape(n, *shape) if carry else batch
        maps, taps = maps.transpose(3, 0, 1, 2), list[FloatArray]()
        for stage in stages:
            maps, tapped = stage.run(maps)
            taps += tapped
        maps = np.ascontiguousarray(maps.transpose(1, 2, 3, 0))
        if statistics is None:
            return maps
        carried = [batch[:, prod(shape) :]] if carry else []
        whole = [maps.reshape(n, -1)] if statistics.with_maps else []
        return np.concatenate([*whole, *carried, *taps], axis=1)

    def forward(batch: FloatArray) -> FloatArray:
        if batch.shape[1:] != input_shape:
            raise ValueError(
                f"This network is compiled for batches (n, *{input_shape}), got one of "
                f"shape {batch.shape}."
            )
        if len(batch) == 0:
            return np.empty((0, *network.output_shape(input_shape)), np.float32)
        size = min(largest, -(-len(batch) // n_threads))
        stacks = [batch[i : i + size] for i in range(0, len(batch), size)]
        if len(stacks) == 1 or n_threads == 1:
            return finish(np.concatenate([compute(stack) for stack in stacks]))
        with ThreadPoolExecutor(n_threads) as pool:
            return finish(np.concatenate(list(pool.map(compute, stacks))))

    return forward


@dataclass
class _Stage:
    """Layers that ncnn computes in one go, on one image or a stack of them."""

    net: Any
    memory: WorkingMemory  # after the net, so that it is freed after it
    n_masks: int
    pitch: int | None  # rows from one image of a stack to the next; None: one by one
    output_shape: tuple[int, ...]
    n_taps: int  # convolutions whose statistics are wanted
    correlated: Collection[int]  # which of them

    def run(self, maps: FloatArray) -> tuple[FloatArray, list[FloatArray]]:
        """Take and return maps of shape (channels, images, height, width).

        Behind them come the statistics that are wanted, each of shape (images, channels).
        """
        if self.pitch is not None:
            return self._run(maps, self.pitch)
        singles = [maps[:, i : i + 1] for i in range(maps.shape[1])]
        outputs, taps = zip(*(self._run(one, one.shape[2]) for one in singles), strict=True)
        return np.concatenate(outputs, axis=1), [
            np.concatenate(tap) for tap in zip(*taps, strict=True)
        ]

    def _run(self, maps: FloatArray, pitch: int) -> tuple[FloatArray, list[FloatArray]]:
        channels, n, height, width = maps.shape
        stack = np.zeros((channels, n, pitch, width), np.float32)
        stack[:, :, :height] = maps
        extractor = self.net.create_extractor()
        extractor.input("input", to_mat(stack.reshape(channels, -1, width)))
        if self.n_masks:
            inside = np.zeros((1, n, pitch, width), np.float32)
            inside[:, :, :height] = 1
            mask = to_mat(inside.reshape(1, -1, width))
            for i in range(self.n_masks):
                extractor.input(f"mask{i}", mask)
        taps = list[FloatArray]()
        for i in range(self.n_taps):
            means = _extract(extractor, f"means{i}")
            rows = means.reshape(len(means), n, -1)[:, :, :height]
            # Rows first: NumPy is ten times as fast over the first axis as over a short last.
            rows = np.ascontiguousarray(rows.transpose(2, 1, 0))
            mean = rows.mean(axis=0)
            between = np.square(rows - mean).mean(axis=0)
            within = _extract(extractor, f"variance{i}").reshape(len(means), n).T
            taps += Statistics.of(mean, within + between, np)
            if i in self.correlated:
                whole = _extract(extractor, f"maps{i}c")
                by_image = whole.reshape(len(whole), n, -1, whole.shape[2])
                taps.append(correlations(by_image[:, :, :height]))
        outputs = _extract(extractor, "output")
        height, width, channels = self.output_shape
        return outputs.reshape(channels, n, -1, width)[:, :, :height], taps


def _extract(extractor: Any, blob: str) -> FloatArray:
    code, output = extractor.extract(blob)
    if code != 0:
        raise RuntimeError(f"ncnn failed with code {code} at {blob}.")
    # The array borrows the memory of `output`, and keeps it alive.
    return np.asarray(output)


def _compile_stages(
    layers: Sequence[Layer], shape: tuple[int, ...], statistics: Statistics | None
) -> list[_Stage]:
    """Compile the layers; a stack is built anew after each pooling, which halves it."""
    stages, memory, n_before = [], WorkingMemory(), 0
    for part, stacked in _split(layers, shape):
        pitch = (shape[0] // _TILE + 1) * _TILE if stacked else None
        n = sum(isinstance(layer, Conv) for layer in part)
        wanted = statistics.correlated if statistics else ()
        correlated = [i - n_before for i in wanted if n_before <= i < n_before + n]
        net, n_masks = load_net(
            part,
            (pitch or shape[0], *shape[1:]),
            memory,
            stacked=stacked,
            tapped=shape[0] if statistics else None,
            correlated=correlated,
        )
        shape = Network(tuple(part)).output_shape(shape)
        n_taps = n if statistics else 0
        stages.append(_Stage(net, memory, n_masks, pitch, shape, n_taps, correlated))
        n_before += n
    return stages


def _split(
    layers: Sequence[Layer], shape: tuple[int, ...]
) -> list[tuple[list[Layer], bool]]:
    """Split after each pooling that leaves maps to be stacked; tell which parts are."""
    small = max(shape[:2]) <= _LARGEST_STACKED
    limit = _LARGEST_STACKED if small else _LARGEST_STACKED_DEEP
    parts: list[tuple[list[Layer], bool]] = []
    for block in _split_after_pooling(layers):
        stacked = max(shape[:2]) <= limit
        if parts and not stacked:
            parts[-1][0].extend(block)
        elif block:
            parts.append((block, stacked))
        shape = Network(tuple(block)).output_shape(shape)
    return parts


def _split_after_pooling(layers: Sequence[Layer]) -> list[list[Layer]]:
    parts: list[list[Layer]] = [[]]
    for layer in layers:
        parts[-1].append(layer)
        if isinstance(layer, MaxPool):
            parts.append([])
    return parts


def _compile_rest(layers: Sequence[Layer]) -> Forward:
    """Leave what follows the maps to NumPy: it is next to no work."""
    if not layers:
        return lambda maps: maps
    dense = compile_dense(Network(tuple(layers)))
    match layers[0]:
        case GlobalPool("avg"):
            return lambda maps: dense(maps.mean(axis=(1, 2)))
        case GlobalPool():
            return lambda maps: dense(maps.max(axis=(1, 2)))
        case Flatten():
            return lambda maps: dense(maps.reshape(len(maps), -1))
        case Statistics():
            return dense
    raise ValueError(f"A {type(layers[0]).__name__} layer cannot follow a feature map.")
