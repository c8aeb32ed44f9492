"""The 8-bit engine: a trunk in whole numbers, computed by ONNX Runtime.

Kernels have one scale a channel and seven bits: where a processor lacks instructions for
products of 8-bit numbers (VNNI), it adds up two of them in 16 bits, which two products of
255 by 63 fit into, and of 255 by 127 do not. So every machine computes the same. Activations
have eight bits, and a scale a layer, from `Quantization`.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skfakereal._network import (
    Conv,
    Flatten,
    Forward,
    GlobalPool,
    MaxPool,
    Network,
    Quantization,
    Statistics,
)
from skfakereal.engines._numpy import correlations

FloatArray = NDArray[np.float32]
Pixels = NDArray[np.uint8]
_WEIGHT_TOP = 63
_TOP = 255
_BIAS_TOP = 2**30  # beyond it, all of a channel is 0 or 255
# How many values the first map of what is computed at a time may hold: 2 images of 224x224. More
# are no faster, and would leave threads waiting at the end of a batch.
_CHUNK_VALUES = 2**23
# Of so many numbers below 256, the sum of squares is exact in float32, in any order.
_EXACT = 256
_OPSETS = (("", 17), ("com.microsoft", 1))


@dataclass(frozen=True)
class Quantized:
    """A convolution in whole numbers: (inputs * kernel + bias) * factor, rounded.

    Outside of the first one's images there is `border_of` them, of the others 0.
    """

    kernel: NDArray[np.int8]  # (3, 3, in, out)
    bias: NDArray[np.int32]
    kernel_scale: FloatArray  # (out,)
    input_scale: np.float32
    output_scale: np.float32


def quantize(network: Network, how: Quantization) -> list[Quantized | MaxPool]:
    """Return the convolutions and poolings of a network that begins with an image."""
    found: list[Quantized | MaxPool] = []
    input_scale = np.float32(how.step)
    ranges = iter(how.ranges)
    for layer in network.layers:
        match layer:
            case Conv(kernel, bias):
                exact = bias.astype(np.float64)
                if not found:
                    exact += np.einsum("hwio,i->o", kernel, np.array(how.offset))
                largest = np.maximum(np.abs(kernel).max(axis=(0, 1, 2)), 1e-12)
                scale = (largest / _WEIGHT_TOP).astype(np.float32)
                whole = np.rint(kernel / scale).clip(-_WEIGHT_TOP, _WEIGHT_TOP)
                unit = np.float64(input_scale) * scale
                bias_whole = np.rint(exact / unit).clip(-_BIAS_TOP, _BIAS_TOP)
                output_scale = np.float32(max(next(ranges), 1e-12) / _TOP)
                found.append(
                    Quantized(
                        whole.astype(np.int8),
                        bias_whole.astype(np.int32),
                        scale,
                        input_scale,
                        output_scale,
                    )
                )
                input_scale = output_scale
            case MaxPool():
                found.append(layer)
    return found


def border_of(how: Quantization) -> Pixels:
    """Return the whole pixel that is nearest to 0, where ImageNet's mean has been taken off."""
    nearest = np.rint(-np.array(how.offset, np.float32) / how.step)
    return np.asarray(nearest.clip(0, _TOP), np.uint8)


def compile_with_int8(
    network: Network, input_shape: tuple[int, int, int], *, n_threads: int
) -> Forward:
    """Return a function that computes a trunk, with its `Quantization`, on batches.

    Pixels come as the trunk takes them, and are whole again in here. What an image gives
    depends, to the bit, neither on its batch, nor on `n_threads`, nor on the machine.
    """
    how = network.quantization
    assert how is not None
    layers = quantize(network, how)
    last = network.layers[-1]
    statistics = last if isinstance(last, Statistics) else None
    session = _session(_graph(layers, input_shape, tapped=statistics is not None))
    convolutions = [layer for layer in layers if isinstance(layer, Quantized)]
    scales = [layer.output_scale for layer in convolutions]
    offset = np.array(how.offset, np.float32)
    border = border_of(how)
    n_values = int(np.prod(input_shape[:2])) * len(convolutions[0].bias)
    largest = max(1, _CHUNK_VALUES // n_values)

    def compute(batch: FloatArray) -> FloatArray:
        n, height, width, _ = batch.shape
        padded = np.empty((n, height + 2, width + 2, 3), np.uint8)
        padded[:] = border
        pixels = np.rint((batch - offset) / np.float32(how.step))
        padded[:, 1:-1, 1:-1] = pixels.clip(0, _TOP)
        *taps, maps = session.run(None, {"pixels": padded})
        if statistics is None:
            return _finish(last, maps, scales[-1])
        parts = [maps.reshape(n, -1) * scales[-1]] if statistics.with_maps else []
        for i, (tap, scale) in enumerate(zip(taps, scales, strict=True)):
            some = (
                tap[:, :: Statistics.STEP] if tap.shape[1] > Statistics.MANY_ROWS else tap
            )
            parts += _statistics(some, scale)
            if i in statistics.correlated:
                maps_first = np.ascontiguousarray(np.moveaxis(some, -1, 0))
                parts.append(correlations(maps_first, unit=float(scale)))
        return np.concatenate(parts, axis=1).astype(np.float32)

    def forward(batch: FloatArray) -> FloatArray:
        if len(batch) == 0:
            return np.empty((0, *network.output_shape(input_shape)), np.float32)
        # As many for each thread, and as long: a thread without one would wait for the others.
        rounds = -(-len(batch) // (largest * n_threads))
        chunks = np.array_split(batch, min(len(batch), rounds * n_threads))
        if len(chunks) == 1 or n_threads == 1:
            return np.concatenate([compute(chunk) for chunk in chunks])
        with ThreadPoolExecutor(n_threads) as pool:
            return np.concatenate(list(pool.map(compute, chunks)))

    return forward


def _finish(last: Any, maps: Pixels, scale: np.float32) -> FloatArray:
    match last:
        case GlobalPool("avg"):
            n_positions = maps.shape[1] * maps.shape[2]
            sums = maps.sum(axis=(1, 2), dtype=np.float64)
            return np.asarray(sums * (np.float64(scale) / n_positions), np.float32)
        case GlobalPool():
            return np.asarray(maps.max(axis=(1, 2)) * scale)
        case Flatten():
            return np.asarray(maps.reshape(len(maps), -1) * scale)
    return np.asarray(maps * scale)


def _statistics(maps: Pixels, scale: np.float32) -> tuple[FloatArray, FloatArray]:
    """Return what `Statistics` says of maps (n, height, width, channels)."""
    n, height, width, channels = maps.shape
    sums = np.zeros((2, n, channels))
    for i, image in enumerate(maps):
        for start in range(0, width, _EXACT):
            values = image[:, start : start + _EXACT].astype(np.float32)
            sums[0, i] += values.sum(axis=1).sum(axis=0, dtype=np.float64)
            np.square(values, out=values)
            sums[1, i] += values.sum(axis=1).sum(axis=0, dtype=np.float64)
    mean, square = sums / (height * width)
    exact = np.float64(scale)
    variance = np.maximum(square - np.square(mean), 0) * exact**2
    return Statistics.of(mean * exact, variance, np)


def _graph(
    layers: Sequence[Quantized | MaxPool], input_shape: tuple[int, ...], *, tapped: bool
) -> bytes:
    """Return an ONNX graph from padded pixels to the last map, and to each convolution's."""
    from onnx import TensorProto, helper, numpy_helper

    nodes, constants, taps, blob = list[Any](), list[Any](), list[str](), "pixels"

    def constant(name: str, values: Any) -> str:
        constants.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    zero = constant("zero", np.uint8(0))
    for i, layer in enumerate(layers):
        output = f"layer{i}"
        own: dict[str, Any] = {"domain": "com.microsoft", "strides": [1, 1]}
        if isinstance(layer, MaxPool):
            own |= {"kernel_shape": [2, 2], "strides": [2, 2]}
            nodes.append(helper.make_node("NhwcMaxPool", [blob], [output], **own))
        else:
            kernel = np.ascontiguousarray(layer.kernel.transpose(3, 2, 0, 1))
            inputs = [
                blob,
                constant(f"{output}/input_scale", layer.input_scale),
                zero,
                constant(f"{output}/kernel", kernel),
                constant(f"{output}/kernel_scale", layer.kernel_scale),
                constant(f"{output}/kernel_zero", np.zeros(len(kernel), np.int8)),
                constant(f"{output}/output_scale", layer.output_scale),
                zero,
                constant(f"{output}/bias", layer.bias),
            ]
            own |= {"channels_last": 1, "kernel_shape": [3, 3], "pads": [int(i > 0)] * 4}
            nodes.append(helper.make_node("QLinearConv", inputs, [output], **own))
            taps.append(output)
        blob = output
    names = [*(taps if tapped else []), blob]
    # The last map may be that of a convolution: an output is named once.
    if tapped and blob == taps[-1]:
        nodes.append(helper.make_node("Identity", [blob], ["last"]))
        names[-1] = "last"
    height, width, _ = input_shape
    padded: list[Any] = ["n", height + 2, width + 2, 3]
    pixels = helper.make_tensor_value_info("pixels", TensorProto.UINT8, padded)
    outputs = [helper.make_tensor_value_info(x, TensorProto.UINT8, None) for x in names]
    return _serialize(helper.make_graph(nodes, "trunk", [pixels], outputs, constants))


def _serialize(graph: Any) -> bytes:
    from onnx import helper

    # An older format, which all versions read.
    opsets = [helper.make_opsetid(*opset) for opset in _OPSETS]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    return bytes(model.SerializeToString())


def _session(graph: bytes) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def measure_ranges(
    network: Network, images: Iterator[FloatArray], input_shape: tuple[int, int, int]
) -> tuple[float, ...]:
    """Return the largest activation of each convolution over batches of images."""
    from onnx import TensorProto, helper, numpy_helper

    nodes, constants, maxima, blob = list[Any](), list[Any](), list[str](), "images"
    for i, layer in enumerate(network.layers):
        output = f"layer{i}"
        match layer:
            case Conv(kernel, bias):
                kernel = np.ascontiguousarray(kernel.transpose(3, 2, 0, 1))
                names = [f"{output}/kernel", f"{output}/bias"]
                constants += map(numpy_helper.from_array, (kernel, bias), names)
                own: dict[str, Any] = {"kernel_shape": [3, 3], "pads": [1] * 4}
                conv = helper.make_node("Conv", [blob, *names], [f"{output}/sum"], **own)
                relu = helper.make_node("Relu", [f"{output}/sum"], [output])
                maxima.append(f"{output}/maximum")
                maximum = helper.make_node("ReduceMax", [output], [maxima[-1]], keepdims=0)
                nodes += [conv, relu, maximum]
            case MaxPool():
                own = {"kernel_shape": [2, 2], "strides": [2, 2]}
                nodes.append(helper.make_node("MaxPool", [blob], [output], **own))
            case _:
                break
        blob = output
    kind, (height, width, _) = TensorProto.FLOAT, input_shape
    takes = helper.make_tensor_value_info("images", kind, ["n", 3, height, width])
    gives = [helper.make_tensor_value_info(name, kind, []) for name in maxima]
    session = _session(
        _serialize(helper.make_graph(nodes, "ranges", [takes], gives, constants))
    )
    found = [
        session.run(None, {"images": np.ascontiguousarray(batch.transpose(0, 3, 1, 2))})
        for batch in images
    ]
    return tuple(float(value) for value in np.max(found, axis=0))
