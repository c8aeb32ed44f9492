"""VGG16 as nodes of an ONNX graph: pixels -> what the layers give, in float32 or whole numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from skfakereal._network import (
    Carry,
    Clip,
    Conv,
    Dense,
    Flatten,
    GlobalPool,
    Layer,
    MaxPool,
    Network,
    Quantization,
    Statistics,
)
from skfakereal._trunk import trunk_network
from skfakereal._trunk_settings import IMAGENET_MEAN, TrunkSettings
from skfakereal._version import __version__

# An older format, which most runtimes read.
_OPSET, _IR_VERSION = 17, 8


@dataclass
class NetworkGraph:
    """The nodes of a graph that is being written."""

    nodes: list[Any] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)
    settings: TrunkSettings | None = None

    def node(self, kind: str, *inputs: str, name: str = "", **attributes: Any) -> str:
        """Add an operation; return the name of its output."""
        from onnx import helper

        output = name or f"{kind.lower()}{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def constant(self, values: ArrayLike) -> str:
        """Add an array; return its name."""
        from onnx import numpy_helper

        name = f"constant{len(self.constants)}"
        array = np.ascontiguousarray(values)
        self.constants.append(
            numpy_helper.from_array(array.reshape(np.shape(values)), name)
        )
        return name

    def cast(self, blob: str, kind: str) -> str:
        from onnx import TensorProto

        return self.node("Cast", blob, to=getattr(TensorProto, kind))

    def model(self, output: str, shape: list[Any], texts: Mapping[str, str]) -> bytes:
        """Return the whole as a file."""
        from onnx import TensorProto, helper

        assert self.settings is not None
        crops = ["crops"] if self.settings.n_crops > 1 else []
        given: list[Any] = ["n", *crops, *self.settings.image_size, 3]
        takes, gives = (
            helper.make_tensor_value_info(name, TensorProto.FLOAT, sides)
            for name, sides in (("pixels", given), (output, shape))
        )
        graph = helper.make_graph(self.nodes, "detector", [takes], [gives], self.constants)
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", _OPSET)],
            ir_version=_IR_VERSION,
            producer_name="skfakereal",
            producer_version=__version__,
        )
        helper.set_model_props(model, dict(texts))
        return bytes(model.SerializeToString())

    def network(self, fitted: Any, tail: Sequence[Layer]) -> str:
        """Add a VGG16 from the pixels on, with what comes behind it."""
        settings: TrunkSettings = fitted._settings
        self.settings = settings
        trunk = trunk_network(fitted._trunk, settings)
        height, width = settings.image_size
        blob, statistics = "pixels", list[str]()
        if settings.n_crops > 1:
            blob = self.node("Reshape", blob, self.constant([-1, height, width, 3]))
        features = trunk.output_shape((height, width, 3))
        blob, height = self._trunk(trunk, blob, height, statistics)
        if settings.n_crops > 1:
            sides = self.node("Shape", "pixels", start=0, end=2)
            sides = self.node("Concat", sides, self.constant(features), axis=0)
            blob = self.node("Reshape", blob, sides)
            blob = self.node("ReduceMean", blob, axes=[1], keepdims=0)
        # The activations at the cut are rounded, whether they are stored or not.
        blob = self._rounded(blob)
        statistics[:] = map(self._rounded, statistics)
        return self._layers(tail, blob, height, statistics)[0]

    def _trunk(
        self, trunk: Network, blob: str, height: int, statistics: list[str]
    ) -> tuple[str, int]:
        """Add the frozen part, from pixels (n, height, width, 3) on."""
        assert self.settings is not None
        if self.settings.preprocessing == "imagenet":
            blob = self.node("Gather", blob, self.constant([2, 1, 0]), axis=3)
        how, layers = trunk.quantization, list(trunk.layers)
        if how is not None:
            blob = self.node("Transpose", blob, perm=[0, 3, 1, 2])
            blob, height = self._whole_numbers(trunk, how, blob, height, statistics)
            layers = [x for x in layers if not isinstance(x, Conv | MaxPool)]
            return self._layers(layers, blob, height, statistics)
        if self.settings.preprocessing == "imagenet":
            blob = self.node("Mul", blob, self.constant(np.float32(255)))
            blob = self.node("Sub", blob, self.constant(IMAGENET_MEAN))
        blob = self.node("Transpose", blob, perm=[0, 3, 1, 2])
        return self._layers(layers, blob, height, statistics)

    def _whole_numbers(
        self,
        trunk: Network,
        how: Quantization,
        blob: str,
        height: int,
        statistics: list[str],
    ) -> tuple[str, int]:
        """Add convolutions and poolings as the 8-bit engine computes them."""
        from skfakereal.engines._int8 import border_of, quantize

        wanted = next((x for x in trunk.layers if isinstance(x, Statistics)), None)
        n_convolutions = 0
        zero, scale = self.constant(np.uint8(0)), self.constant(np.float32(1 / 255))
        blob = self.node("QuantizeLinear", blob, scale, zero)
        ends = self.constant([0, 0, 1, 1, 0, 0, 1, 1])
        padded = [
            self.node(
                "Pad",
                self.node("Gather", blob, self.constant([i]), axis=1),
                ends,
                self.constant(value),
            )
            for i, value in enumerate(border_of(how))
        ]
        blob, pads = self.node("Concat", *padded, axis=1), [0] * 4
        for layer in quantize(trunk, how):
            if isinstance(layer, MaxPool):
                blob, height = self._pooled(blob), height // 2
                continue
            scale = self.constant(layer.output_scale)
            weights = self.constant(layer.kernel.transpose(3, 2, 0, 1))
            kernel_zero = self.constant(np.zeros(len(layer.bias), np.int8))
            of_inputs = blob, self.constant(layer.input_scale), zero
            of_kernel = weights, self.constant(layer.kernel_scale), kernel_zero
            inputs = *of_inputs, *of_kernel, scale, zero, self.constant(layer.bias)
            blob = self.node("QLinearConv", *inputs, kernel_shape=[3, 3], pads=pads)
            if wanted:
                maps = self.node("DequantizeLinear", blob, scale, zero)
                channels = wanted.mixed(n_convolutions, len(layer.bias))
                statistics += self._statistics(maps, height, channels)
                n_convolutions += 1
            pads = [1] * 4
        return self.node("DequantizeLinear", blob, scale, zero), height

    def _pooled(self, blob: str) -> str:
        return self.node("MaxPool", blob, kernel_shape=[2, 2], strides=[2, 2])

    def _rounded(self, blob: str) -> str:
        return self.cast(self.cast(blob, "FLOAT16"), "FLOAT")

    def _layers(
        self, layers: Sequence[Layer], blob: str, height: int, statistics: list[str]
    ) -> tuple[str, int]:
        """Add layers; maps are (n, channels, height, width) here."""
        wanted = next((x for x in layers if isinstance(x, Statistics)), None)
        n_convolutions = 0
        for layer in layers:
            match layer:
                case Conv(kernel, bias):
                    weights = self.constant(kernel.transpose(3, 2, 0, 1))
                    inputs = blob, weights, self.constant(bias)
                    blob = self.node("Conv", *inputs, kernel_shape=[3, 3], pads=[1] * 4)
                    blob = self.node("Relu", blob)
                    if wanted:
                        channels = wanted.mixed(n_convolutions, len(bias))
                        statistics += self._statistics(blob, height, channels)
                        n_convolutions += 1
                case MaxPool():
                    blob, height = self._pooled(blob), height // 2
                case GlobalPool(kind):
                    reduce = "ReduceMean" if kind == "avg" else "ReduceMax"
                    blob = self.node(reduce, blob, axes=[2, 3], keepdims=0)
                case Flatten():
                    blob = self.node("Transpose", blob, perm=[0, 2, 3, 1])
                    blob = self.node("Reshape", blob, self.constant([0, -1]))
                case Statistics(with_maps=False):
                    blob = self.node("Concat", *statistics, axis=1)
                case Statistics() | Carry():
                    pass  # how they get across a cut; here they are at hand
                case Clip(low, high):
                    blob = self.node("Max", blob, self.constant(low))
                    blob = self.node("Min", blob, self.constant(high))
                case Dense(kernel, bias, activation):
                    blob = self.node("MatMul", blob, self.constant(kernel))
                    blob = self.node("Add", blob, self.constant(bias))
                    if activation == "relu":
                        blob = self.node("Relu", blob)
        return blob, height

    def _statistics(self, maps: str, height: int, correlated: int | None) -> list[str]:
        """Add `Statistics` of maps of so many rows, with correlations of so many channels."""
        if height > Statistics.MANY_ROWS:
            ends = ([0], [height], [2], [Statistics.STEP])
            maps = self.node("Slice", maps, *map(self.constant, ends))
        # By row, as in float32 one sum over all positions of a flat image is wrong by 2e-4.
        rows = self.node("ReduceMean", maps, axes=[3], keepdims=1)
        mean = self.node("ReduceMean", rows, axes=[2], keepdims=1)
        within, between = (
            self._mean_square(self.node("Sub", *pair))
            for pair in ((maps, rows), (rows, mean))
        )
        variance = self.node("Add", within, between)
        variance = self.node("Add", variance, self.constant(np.float32(1e-12)))
        mean = self.node("ReduceMean", mean, axes=[2, 3], keepdims=0)
        both = [self._log1p(mean), self._log1p(self.node("Sqrt", variance))]
        return both if correlated is None else [*both, self._correlations(maps, correlated)]

    def _correlations(self, maps: str, channels: int) -> str:
        signs = Statistics.mixing(channels).T
        n = len(signs)
        mixed = self.node("Conv", maps, self.constant(signs[:, :, None, None]))
        rows = self.node("Reshape", mixed, self.constant([0, n, -1]))
        square = self.node("ReduceMean", self.node("Mul", rows, rows), axes=[2], keepdims=1)
        rows = self.node("Sub", rows, self.node("ReduceMean", rows, axes=[2], keepdims=1))
        variance = self.node(
            "ReduceMean", self.node("Mul", rows, rows), axes=[2], keepdims=1
        )
        least = self.node("Mul", square, self.constant(np.float32(Statistics.FLAT)))
        least = self.node("Add", least, self.constant(np.float32(Statistics.DEAD)))
        rows = self.node("Div", rows, self.node("Sqrt", self.node("Add", variance, least)))
        turned = self.node("Transpose", rows, perm=[0, 2, 1])
        positions = self.node("Shape", rows, start=2)
        products = self.node("MatMul", rows, turned)
        products = self.node("Div", products, self.cast(positions, "FLOAT"))
        products = self.node("Reshape", products, self.constant([0, n * n]))
        a, b = np.triu_indices(n, 1)
        return self.node("Gather", products, self.constant(n * a + b), axis=1)

    def _mean_square(self, blob: str) -> str:
        square = self.node("Mul", blob, blob)
        return self.node("ReduceMean", square, axes=[2, 3], keepdims=0)

    def _log1p(self, blob: str) -> str:
        return self.node("Log", self.node("Add", blob, self.constant(np.float32(1))))
