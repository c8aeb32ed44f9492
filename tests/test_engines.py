"""The engines: a network as data computes the same everywhere, and ncnn without TensorFlow."""

import gc
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from conftest import Patch, Said
from numpy.typing import NDArray

from skfakereal._network import Conv, Dense, Flatten, Forward, GlobalPool, MaxPool, Network
from skfakereal._trunk import (
    CUTS,
    Trunk,
    convolution_names,
    tail_convolutions,
    trunk_network,
)
from skfakereal._trunk_settings import TrunkSettings
from skfakereal._weights import load_trunk
from skfakereal.engines import auto_engine, has_gpu_driver, has_vnni, visible_gpus
from skfakereal.engines._ncnn import compile_with_ncnn
from skfakereal.engines._tensorflow import compile_with_tensorflow

FloatArray = NDArray[np.float32]
# Some are multiples of the widths at which ncnn packs channels, some are not.
NARROW = (6, 8, 12, 16, 20)


def settings(
    cut: str | None = None, pooling: str = "avg", size: tuple[int, int] = (32, 32)
) -> TrunkSettings:
    return TrunkSettings(size, "stretch", "unit", pooling, cut)


def normal(rng: np.random.Generator, *shape: int, scale: float = 1.0) -> FloatArray:
    return (rng.standard_normal(shape) * scale).astype(np.float32)


def narrow_trunk() -> Trunk:
    """Return a thin VGG16 with biases: what they write between stacked images matters."""
    rng = np.random.default_rng(1)
    arrays, inputs = {}, 3
    for name in convolution_names():
        outputs = NARROW[int(name[5]) - 1]
        scale = (2 / (9 * inputs)) ** 0.5
        arrays[f"{name}/kernel"] = normal(rng, 3, 3, inputs, outputs, scale=scale)
        arrays[f"{name}/bias"] = normal(rng, outputs, scale=0.1)
        inputs = outputs
    return Trunk(arrays, "a narrow trunk")


def head(inputs: int, activation: str) -> tuple[Dense, ...]:
    rng = np.random.default_rng(2)
    outputs = 1 if activation == "sigmoid" else 3
    return (
        Dense(normal(rng, inputs, 7, scale=inputs**-0.5), normal(rng, 7), "relu"),
        Dense(normal(rng, 7, outputs), normal(rng, outputs), activation),
    )


def images(n: int, *size: int) -> FloatArray:
    """Return n images that differ much, so that one cannot pass for another."""
    pixels = np.random.default_rng(3).random((n, *size, 3), dtype=np.float32)
    return pixels * np.arange(1, n + 1, dtype=np.float32).reshape(n, 1, 1, 1)


def with_ncnn(network: Network, batch: FloatArray, n_threads: int = 2) -> Forward:
    height, width, channels = batch.shape[1:]
    return compile_with_ncnn(network, (height, width, channels), n_threads=n_threads)


def assert_engines_agree(network: Network, batch: FloatArray) -> FloatArray:
    """Compare them on each image by itself: one bright image must not hide another."""
    expected = compile_with_tensorflow(network)(batch)
    actual = with_ncnn(network, batch)(batch)
    assert actual.dtype == np.float32
    assert actual.shape == (len(batch), *network.output_shape(batch.shape[1:]))
    for one, other in zip(actual, expected, strict=True):
        assert np.abs(one - other).max() <= 1e-4 * np.abs(other).max()
    return expected


# Of sizes from 130 on, only maps of up to 20 pixels are stacked, behind three or four poolings.
SIZES = [(32, 32), (50, 50), (96, 40), (161, 160), (224, 224), (320, 256)]


@pytest.mark.parametrize(
    "size",
    [(33, 33), (130, 130), *(pytest.param(s, marks=pytest.mark.slow) for s in SIZES)],
)
@pytest.mark.parametrize("cut", CUTS)
def test_ncnn_agrees_with_tensorflow_on_both_sides_of_every_cut(
    cut: str | None, size: tuple[int, int]
) -> None:
    trunk = narrow_trunk()
    maps = assert_engines_agree(trunk_network(trunk, settings(cut)), images(5, *size))
    if cut is not None:
        tail = tail_convolutions(trunk, settings(cut)).layers
        assert_engines_agree(Network((*tail, *head(NARROW[-1], "sigmoid"))), maps)


@pytest.mark.slow
@pytest.mark.parametrize(("weights", "size"), [(None, 50), ("cifake", 50), ("cifake", 224)])
def test_ncnn_agrees_with_tensorflow_at_full_width(weights: str | None, size: int) -> None:
    trunk, batch = load_trunk(weights), images(3, size, size) / 3
    for cut in ("block5", "block3"):
        maps = assert_engines_agree(trunk_network(trunk, settings(cut)), batch)
        assert_engines_agree(tail_convolutions(trunk, settings(cut)), maps)


@pytest.mark.parametrize("activation", ["sigmoid", "softmax"])
@pytest.mark.parametrize("pooling", ["avg", "max", "flatten"])
@pytest.mark.parametrize("size", [40, 160])
def test_ncnn_agrees_with_tensorflow_to_the_last_layer(
    size: int, pooling: str, activation: str
) -> None:
    layers = trunk_network(narrow_trunk(), settings(pooling=pooling)).layers
    (inputs,) = Network(layers).output_shape((size, size, 3))
    assert_engines_agree(
        Network((*layers, *head(inputs, activation))), images(3, size, size)
    )


@pytest.mark.parametrize("layers", [(), (MaxPool(),), (GlobalPool("avg"),), (Flatten(),)])
def test_ncnn_needs_no_convolution(
    layers: tuple[MaxPool | GlobalPool | Flatten, ...],
) -> None:
    assert_engines_agree(Network(layers), images(3, 9, 6))


def test_widths_below_the_tiles_of_winograd() -> None:
    rng = np.random.default_rng(0)
    conv = Conv(normal(rng, 3, 3, 4, 5), normal(rng, 5))
    again = Conv(normal(rng, 3, 3, 5, 16), normal(rng, 16))
    for width in range(1, 10):
        assert_engines_agree(Network((conv, again)), normal(rng, 4, width + 1, width, 4))


def test_no_images_give_no_outputs() -> None:
    network = trunk_network(narrow_trunk(), settings())
    assert with_ncnn(network, images(1, 32, 32))(images(0, 32, 32)).shape == (0, 20)


LARGER = [(narrow_trunk, n) for n in (32, 64, 160, 161, 224, 256, 320)]
FULL = (lambda: load_trunk("cifake"), 160)


@pytest.mark.parametrize(
    ("trunk", "size"),
    [
        *((narrow_trunk, 37), (narrow_trunk, 130)),
        *(pytest.param(*case, marks=pytest.mark.slow) for case in [*LARGER, FULL]),
    ],
)
def test_an_image_has_the_same_activations_in_every_batch_and_thread(
    trunk: Callable[[], Trunk], size: int
) -> None:
    # 20 images: a stack of small maps behind the poolings holds 16.
    network, batch = trunk_network(trunk(), settings()), images(20, size, size)
    forward = with_ncnn(network, batch)
    together = forward(batch)
    for i in range(0, 20, 3):
        np.testing.assert_array_equal(forward(batch[i : i + 1]), together[i : i + 1])
    np.testing.assert_array_equal(forward(batch[::-1])[::-1], together)
    np.testing.assert_array_equal(forward(batch[2:7]), together[2:7])
    for n_threads in (1, 3):
        np.testing.assert_array_equal(with_ncnn(network, batch, n_threads)(batch), together)


@pytest.mark.parametrize("size", [32, 160])
def test_computing_writes_nothing_to_the_screen(size: int, capfd: Said) -> None:
    network, batch = trunk_network(narrow_trunk(), settings()), images(3, size, size)
    with_ncnn(network, batch, 2)(batch)
    assert capfd.readouterr() == ("", "")  # ncnn writes there by itself


def test_several_threads_may_compute_at_once() -> None:
    network, batch = trunk_network(narrow_trunk(), settings("block5")), images(8, 48, 48)
    forward = with_ncnn(network, batch)
    expected = [forward(batch[i:]) for i in range(6)]
    with ThreadPoolExecutor(3) as pool:
        for _ in range(3):
            actual = list(pool.map(lambda i: forward(batch[i:]), range(6)))
            for one, other in zip(actual, expected, strict=True):
                np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("size", [40, 130])
def test_outputs_outlive_inputs_and_engine(size: int) -> None:
    network = trunk_network(narrow_trunk(), settings("block2"))
    batch = images(4, size, size)
    forward = with_ncnn(network, batch)
    output = forward(batch)
    before = output.copy()
    batch.fill(np.nan)
    del batch, forward
    gc.collect()
    # Whatever is freed now would be taken, and overwritten, by arrays of the same sizes.
    taken = [np.full_like(before, np.nan) for _ in range(20)]
    np.testing.assert_array_equal(output, before)
    assert len(taken) == 20


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads Linux's /proc")
def test_weights_are_freed_with_the_engine() -> None:
    rng = np.random.default_rng(0)
    # Winograd's transformed weights take 38 MB.
    network = Network((Conv(normal(rng, 3, 3, 512, 512), normal(rng, 512)),))

    def resident_megabytes_after_use() -> float:
        batch = normal(rng, 1, 14, 14, 512)
        with_ncnn(network, batch)(batch)
        gc.collect()
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6

    first = resident_megabytes_after_use()
    for _ in range(6):
        last = resident_megabytes_after_use()
    assert last - first < 76


def test_what_no_engine_takes(rng: np.random.Generator) -> None:
    network = Network((MaxPool(), *head(3, "sigmoid")))
    with pytest.raises(ValueError, match="A Dense layer cannot follow a feature map"):
        with_ncnn(network, images(1, 8, 8))
    one_bias_too_few = Network((Conv(normal(rng, 3, 3, 3, 5), normal(rng, 4)),))
    with pytest.raises(RuntimeError, match="cannot load this network"):
        with_ncnn(one_bias_too_few, images(1, 8, 8))
    forward = with_ncnn(trunk_network(narrow_trunk(), settings()), images(1, 160, 160))
    with pytest.raises(ValueError, match=r"\(160, 160, 3\).*\(2, 192, 192, 3\)"):
        forward(images(2, 192, 192))


GPU = "/physical_device:GPU:0"


@pytest.mark.parametrize(
    ("n_images", "gpus", "vnni", "has_scales", "expected"),
    [
        (10_000, [GPU], True, True, "tensorflow since that sees a GPU"),
        (10_000, [GPU], False, False, "tensorflow since that sees a GPU"),
        (10_000, [], True, True, "int8 since the processor has VNNI"),
        (10_000, [], False, True, "ncnn since the processor has no VNNI"),
        (10_000, [], True, False, "ncnn since no 8-bit scales come with these weights"),
        (100, [GPU], True, True, "int8 since the processor has VNNI"),
        (80, [GPU], True, True, "ncnn since there are few images"),
    ],
)
def test_auto_goes_by_gpu_weights_and_processor(
    n_images: int, gpus: list[str], vnni: bool, has_scales: bool, expected: str
) -> None:
    machine = {"gpus": lambda: gpus, "vnni": lambda: vnni}
    n_pixels = n_images * 224**2
    found = auto_engine(**machine, n_pixels=n_pixels, has_scales=has_scales)
    assert " ".join(found) == expected
    # What was fitted before keeps its precision, whatever else.
    for is_int8, engines in [(True, {"int8"}), (False, {"ncnn", "tensorflow"})]:
        known = machine | {"n_pixels": n_pixels, "has_scales": has_scales}
        assert auto_engine(**known, is_int8=is_int8)[0] in engines


def test_without_onnxruntime_auto_is_ncnn(monkeypatch: Patch) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)  # as if it were not installed
    found = auto_engine(n_pixels=2**23, has_scales=True, vnni=lambda: True)
    assert found == ("ncnn", "since onnx or onnxruntime is not installed")


def test_a_few_images_do_not_ask_for_gpus() -> None:
    asked: list[str] = []

    def gpus() -> list[str]:
        asked.append("asked")
        return []

    assert auto_engine(n_pixels=100 * 224**2, gpus=gpus)[0] == "ncnn"
    assert not asked
    assert auto_engine(n_pixels=1000 * 224**2, gpus=gpus)[0] == "ncnn"
    assert asked


@pytest.mark.parametrize(
    ("files", "environment", "expected"),
    [
        ([], {}, False),
        (["dev/nvidia0"], {}, True),
        (["proc/driver/nvidia/gpus/0000:01:00.0"], {"CUDA_VISIBLE_DEVICES": "0,1"}, True),
        (["dev/nvidia0"], {"CUDA_VISIBLE_DEVICES": ""}, False),
        (["dev/nvidia0"], {"CUDA_VISIBLE_DEVICES": "-1"}, False),
        (["dev/nvidiactl", "dev/nvidia-modeset"], {}, False),
    ],
)
def test_a_gpu_is_found_without_a_library(
    tmp_path: Path, files: list[str], environment: dict[str, str], expected: bool
) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert has_gpu_driver(tmp_path, environment) is expected


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("flags\t\t: fpu avx2 avx512f avx512_vnni\nbugs\t: x", True),
        ("processor\t: 0\nflags\t\t: fpu avx2 avx_vnni", True),
        ("flags\t\t: fpu avx2 avx512f\nbugs\t: avx_vnni", False),
        ("Features\t: fp asimd", False),
    ],
)
def test_vnni_is_read_from_the_flags(tmp_path: Path, flags: str, expected: bool) -> None:
    (tmp_path / "cpuinfo").write_text(flags)
    assert has_vnni(tmp_path / "cpuinfo") is expected
    assert has_vnni(tmp_path / "none") is False


def test_tensorflow_is_asked_where_there_is_a_driver(tmp_path: Path) -> None:
    import tensorflow as tf

    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/nvidia0").touch()
    seen = [device.name for device in tf.config.list_physical_devices("GPU")]
    assert visible_gpus(tmp_path, {}) == seen
