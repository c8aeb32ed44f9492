"""VGG16 in ncnn as its examples use it: one network, all threads on one image."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file

__all__ = ["make_forward"]


def make_forward(
    weights: str, side: int, n_threads: int
) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """Return a function that computes image by image with ncnn's own choices."""
    import ncnn

    net = ncnn.Net()
    net.opt.num_threads = n_threads
    # 32 bits like everybody else; on x86 these choose the algorithms, too.
    for option in ("packed", "storage"):
        setattr(net.opt, f"use_fp16_{option}", False)
        setattr(net.opt, f"use_bf16_{option}", False)
    net.opt.use_fp16_arithmetic = False
    with TemporaryDirectory() as folder:
        files = Path(folder, "vgg16.param"), Path(folder, "vgg16.bin")
        files[0].write_text(_describe(load_file(weights)), encoding="utf-8")
        files[1].write_bytes(_weights(load_file(weights)))
        net.load_param(str(files[0]))
        net.load_model(str(files[1]))

    def forward(images: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.stack([compute(image) for image in images])

    def compute(image: NDArray[np.float32]) -> NDArray[np.float32]:
        extractor = net.create_extractor()
        # The copy's memory is borrowed, so it must live until the result is there.
        planes = np.ascontiguousarray(image.transpose(2, 0, 1))
        extractor.input("image", ncnn.Mat(planes))
        _, features = extractor.extract("features")
        return np.array(features)

    return forward


def _describe(arrays: dict[str, Any]) -> str:
    """Write ncnn's text format (https://github.com/Tencent/ncnn/wiki)."""
    lines, blob = ["Input image 0 1 image"], "image"
    names = sorted({name.partition("/")[0] for name in arrays})
    for name, following in zip(names, [*names[1:], "end"], strict=True):
        kernel = arrays[f"{name}/kernel"]
        settings = f"0={kernel.shape[3]} 1=3 4=1 5=1 6={kernel.size} 9=1"
        lines.append(f"Convolution {name} 1 1 {blob} {name} {settings}")
        blob = name
        if name[:6] != following[:6]:
            lines.append(f"Pooling {name}_pool 1 1 {blob} {name}_pool 0=0 1=2 2=2 5=1")
            blob = f"{name}_pool"
    lines.append(f"Pooling average 1 1 {blob} features 0=1 4=1")
    return "\n".join(["7767517", f"{len(lines)} {len(lines)}", *lines, ""])


def _weights(arrays: dict[str, Any]) -> bytes:
    parts = []
    for name in sorted({name.partition("/")[0] for name in arrays}):
        kernel = np.ascontiguousarray(arrays[f"{name}/kernel"].transpose(3, 2, 0, 1))
        parts += [bytes(4), kernel.tobytes(), arrays[f"{name}/bias"].tobytes()]
    return b"".join(parts)
