"""Engines: a network as data -> a function from a batch to its outputs."""

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from skfakereal._network import Clip, Dense, Forward, Network

ENGINES = ("auto", "ncnn", "int8", "tensorflow")
# Up to here, 83 images of 224x224, float32 takes a few seconds, and nothing is gained by
# features that differ from Keras's.
_FEW_PIXELS = 2**22
# From here on, 334 images of 224x224, a GPU makes up for the import of TensorFlow, which takes
# as long as ncnn takes for half of them.
_MANY_PIXELS = 2**24


def choose_engine(engine: str, *, n_pixels: int = 0, is_int8: bool = False) -> str:
    """Return the engine that a setting stands for; "auto" depends on the rest.

    Raises ImportError if it needs a package that is not installed.
    """
    if engine == "auto":
        engine, _ = auto_engine(n_pixels=n_pixels, is_int8=is_int8)
    if engine == "int8" and not has_onnxruntime():
        whose = (
            "This model was fitted with engine='int8', which"
            if is_int8
            else "engine='int8'"
        )
        raise ImportError(
            f"{whose} needs ONNX Runtime: pip install onnx onnxruntime. A model that was "
            "fitted with another engine predicts without it."
        )
    return engine


def compile_network(
    network: Network, input_shape: tuple[int, ...], *, engine: str, n_threads: int
) -> Forward:
    """Compile a network to a function of batches; the same one again gives the same function.

    No layers at all give the identity. Dense ones alone are left to NumPy, since no engine
    would earn its start-up time on them. TensorFlow's threads are set once for the process.
    Without a `Quantization`, ncnn stands in for "int8".
    """
    if all(isinstance(layer, Clip | Dense) for layer in network.layers):
        from skfakereal.engines._numpy import compile_dense

        return compile_dense(network)
    chosen = choose_engine(engine, is_int8=network.quantization is not None)
    return _compile(network, input_shape, chosen, n_threads)


# Few, since a trunk's transformed weights take 388 MB at 224x224.
@lru_cache(maxsize=2)
def _compile(
    network: Network, input_shape: tuple[int, int, int], engine: str, n_threads: int
) -> Forward:
    if engine == "int8" and network.quantization is not None:
        from skfakereal.engines._int8 import compile_with_int8

        return compile_with_int8(network, input_shape, n_threads=n_threads)
    if engine in ("ncnn", "int8"):
        from skfakereal.engines._ncnn import compile_with_ncnn

        return compile_with_ncnn(network, input_shape, n_threads=n_threads)
    from skfakereal.engines._tensorflow import compile_with_tensorflow

    return compile_with_tensorflow(network)


def auto_engine(
    *,
    n_pixels: int = 0,
    is_int8: bool | None = None,
    has_scales: bool = False,
    vnni: Callable[[], bool] | None = None,
    gpus: Callable[[], Sequence[str]] | None = None,
) -> tuple[str, str]:
    """Return the engine for `n_pixels` of images, and why.

    A model keeps the precision that it was fitted with: `is_int8`, None for a new one.
    `has_scales`: those of the trunk in 8 bits come with the package. Nothing is looked up that
    the answer does not depend on, so a few images import no TensorFlow.
    """
    if is_int8:
        return "int8", "as it was for the last one"
    if n_pixels >= _MANY_PIXELS and (gpus or visible_gpus)():
        return "tensorflow", "since that sees a GPU"
    # With small images stacked, ncnn is faster than TensorFlow on a processor at every size,
    # and predicts without the seconds that importing TensorFlow takes (`python -m benchmarks`).
    if is_int8 is not None:
        return "ncnn", "since the last one was in float32"
    if n_pixels < _FEW_PIXELS:
        return "ncnn", "since there are few images"
    if not has_scales:
        return "ncnn", "since no 8-bit scales come with these weights"
    if not (vnni or has_vnni)():
        return "ncnn", "since the processor has no VNNI"
    if not has_onnxruntime():
        return "ncnn", "since onnx or onnxruntime is not installed"
    return "int8", "since the processor has VNNI"


def has_onnxruntime() -> bool:
    """Tell whether what computes in 8 bits is installed."""
    return all(map(find_spec, ("onnx", "onnxruntime")))


def has_vnni(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Tell whether the processor has instructions for products of 8-bit numbers."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # not Linux
        return False
    flags = next((line for line in lines if line.startswith("flags")), "").split()
    return not {"avx512_vnni", "avx_vnni"}.isdisjoint(flags)


def visible_gpus(
    root: Path = Path("/"), environment: Mapping[str, str] = os.environ
) -> list[str]:
    """Return the names of the GPUs that TensorFlow sees; without a driver it is not asked."""
    if not has_gpu_driver(root, environment) or find_spec("tensorflow") is None:
        return []
    from skfakereal._threads import prepare_tensorflow

    try:
        prepare_tensorflow()
    except RuntimeError:  # after a fork
        return []
    import tensorflow as tf

    return [device.name for device in tf.config.list_physical_devices("GPU")]


def has_gpu_driver(root: Path, environment: Mapping[str, str]) -> bool:
    """Tell whether the system has a GPU that this process may use, without any library."""
    hidden = ("CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES")
    values = [environment[name].strip() for name in hidden if name in environment]
    if any(value in ("", "-1", "none", "void", "NoDevFiles") for value in values):
        return False
    found: Collection[Path] = [
        *root.glob("dev/nvidia[0-9]*"),
        *root.glob("proc/driver/nvidia/gpus/*"),
    ]
    return bool(found)
