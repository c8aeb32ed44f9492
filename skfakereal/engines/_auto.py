"""What ``engine="auto"`` stands for: by the model, the machine and how much there is to compute."""

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

__all__ = ["AUTO_TAKES_INT8", "auto_engine", "has_onnxruntime", "has_vnni", "visible_gpus"]

# Whether "auto" fits in 8 bits on a processor with VNNI, where ONNX Runtime is installed. To
# be switched on when it is shown that no detector loses by it; fitted models stay as they are.
AUTO_TAKES_INT8 = False
# From here on, 334 images of 224x224, a GPU makes up for the import of TensorFlow, which takes
# as long as ncnn takes for half of them.
_MANY_PIXELS = 2**24


def auto_engine(
    *,
    n_pixels: int = 0,
    fits: bool = False,
    is_int8: bool = False,
    take_int8: bool = AUTO_TAKES_INT8,
    vnni: Callable[[], bool] | None = None,
    gpus: Callable[[], Sequence[str]] | None = None,
) -> str:
    """Return the engine for `n_pixels` of images, and for a model that `is_int8` or not.

    A model keeps the precision that it was fitted with. Nothing is looked up that the answer
    does not depend on, so a few images import no TensorFlow.
    """
    if is_int8:
        return "int8"
    if n_pixels >= _MANY_PIXELS and (gpus or visible_gpus)():
        return "tensorflow"
    if fits and take_int8 and has_onnxruntime() and (vnni or has_vnni)():
        return "int8"
    # With small images stacked, faster than TensorFlow on a processor at every size, and it
    # predicts without the seconds that importing TensorFlow takes (`python -m benchmarks`).
    return "ncnn"


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
