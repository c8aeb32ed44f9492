"""VGG16 as an ONNX graph, computed by ONNX Runtime and by OpenVINO."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

__all__ = ["build_graph", "make_onnxruntime_forward", "make_openvino_forward"]

Forward = Callable[[NDArray[np.float32]], NDArray[np.float32]]
# Of 1, 4, 8 and 32 images at 224x224, and 8 to 256 at 32x32, none was more than 5% faster.
_BATCH = 8


def build_graph(weights: str, side: int) -> bytes:
    """Return the graph, which takes batches of shape (n, 3, side, side), as bytes."""
    from onnx import TensorProto, checker, helper, numpy_helper

    arrays = load_file(weights)
    nodes, parameters, blob = [], [], "images"
    names = sorted({name.partition("/")[0] for name in arrays})
    for name, following in zip(names, [*names[1:], "end"], strict=True):
        kernel = np.ascontiguousarray(arrays[f"{name}/kernel"].transpose(3, 2, 0, 1))
        parameters += [
            numpy_helper.from_array(kernel, f"{name}/kernel"),
            numpy_helper.from_array(arrays[f"{name}/bias"], f"{name}/bias"),
        ]
        inputs = [blob, f"{name}/kernel", f"{name}/bias"]
        nodes += [
            helper.make_node(
                "Conv", inputs, [name], kernel_shape=[3, 3], pads=[1, 1, 1, 1]
            ),
            helper.make_node("Relu", [name], [blob := f"{name}/relu"]),
        ]
        if name[:6] != following[:6]:
            pool = helper.make_node(
                "MaxPool", [blob], [f"{name}/pool"], kernel_shape=[2, 2], strides=[2, 2]
            )
            nodes.append(pool)
            blob = f"{name}/pool"
    nodes.append(helper.make_node("GlobalAveragePool", [blob], ["features"]))
    float32 = TensorProto.FLOAT
    images = helper.make_tensor_value_info("images", float32, ["n", 3, side, side])
    features = helper.make_tensor_value_info("features", float32, ["n", 512, 1, 1])
    graph = helper.make_graph(nodes, "vgg16", [images], [features], parameters)
    # An older format, which all versions of both runtimes read.
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    )
    checker.check_model(model)
    return bytes(model.SerializeToString())


def make_onnxruntime_forward(weights: str, side: int, n_threads: int) -> Forward:
    """Return a function that computes batches with ONNX Runtime's CPU provider."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = n_threads
    session = onnxruntime.InferenceSession(
        build_graph(weights, side), options, providers=["CPUExecutionProvider"]
    )
    return _in_batches(lambda batch: session.run(None, {"images": batch})[0])


def make_openvino_forward(weights: str, side: int, n_threads: int) -> Forward:
    """Return a function that computes batches with OpenVINO's CPU plug-in, in float32."""
    import openvino

    core = openvino.Core()
    settings = {
        "INFERENCE_NUM_THREADS": n_threads,
        # On processors with bfloat16 its own choice would round to that.
        "INFERENCE_PRECISION_HINT": "f32",
        # A stream for each core would compute images beside each other, but only for
        # requests that are in flight at the same time; here a batch is waited for.
        "PERFORMANCE_HINT": "LATENCY",
    }
    compiled = core.compile_model(
        core.read_model(build_graph(weights, side)), "CPU", settings
    )
    return _in_batches(lambda batch: compiled([batch])[0])


def _in_batches(compute: Callable[[NDArray[np.float32]], Any]) -> Forward:
    def forward(images: NDArray[np.float32]) -> NDArray[np.float32]:
        # Channels first, which both want; included in the time, as decoders give them last.
        parts = []
        for i in range(0, len(images), _BATCH):
            batch = np.ascontiguousarray(images[i : i + _BATCH].transpose(0, 3, 1, 2))
            parts.append(np.array(compute(batch)).reshape(len(batch), -1))
        return np.concatenate(parts)

    return forward
