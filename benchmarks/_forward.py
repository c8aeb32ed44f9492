"""Case "forward": images per second through the frozen VGG16, pixels at hand."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path

import joblib
import numpy as np
from numpy.typing import NDArray

from benchmarks._material import write_weights
from benchmarks._rounds import Contest, Round, interleave
from benchmarks._setting import Setting
from benchmarks._workers import Worker, seconds_of
from benchmarks.rivals import keras_vgg16, onnx_vgg16, raw_ncnn

__all__ = ["RIVALS", "measure"]

Forward = Callable[[NDArray[np.float32]], NDArray[np.float32]]

RIVALS: dict[str, Callable[[str, int, int], Forward]] = {
    "TensorFlow predict": keras_vgg16.make_forward,
    "ONNX Runtime": onnx_vgg16.make_onnxruntime_forward,
    "OpenVINO": onnx_vgg16.make_openvino_forward,
    "raw ncnn": raw_ncnn.make_forward,
}
# Ours by what is behind the size in the name of a row: engine and pooling.
_OURS = {
    "": ("ncnn", "avg"),
    ", statistics": ("ncnn", "statistics"),
    ", correlations": ("ncnn", "correlations"),
    ", int8": ("int8", "avg"),
    ", int8, statistics": ("int8", "statistics"),
    ", int8, correlations": ("int8", "correlations"),
}
# Against whom each is measured; another of ours shows what one step costs or gains.
_AGAINST = {
    "": tuple(RIVALS),
    ", statistics": ("TensorFlow predict", ""),
    ", correlations": ("TensorFlow predict", ", statistics"),
    ", int8": ("TensorFlow predict", "ONNX Runtime", "OpenVINO", ""),
    ", int8, statistics": ("TensorFlow predict", ", int8"),
    ", int8, correlations": ("TensorFlow predict", ", int8, statistics"),
}
# At least so many times faster. Those of int8 are for processors with VNNI.
_TARGETS = {
    ("", "TensorFlow predict", 224): 2.3,
    ("", "ONNX Runtime", 224): 1.7,
    ("", "raw ncnn", 224): 0.9,
    ("", "TensorFlow predict", 32): 1.0,
    ("", "TensorFlow predict", 64): 1.0,
    (", int8", "TensorFlow predict", 224): 4.0,
    (", int8", "ONNX Runtime", 224): 3.5,
    (", int8", "OpenVINO", 32): 2.5,
    (", int8", "OpenVINO", 64): 2.5,
    (", int8, statistics", "TensorFlow predict", 224): 3.0,
} | {(", statistics", "", side): 0.9 for side in (32, 64, 224)}


def measure(setting: Setting, folder: Path) -> Iterator[Round]:
    """Measure all engines at all sizes.

    Parameters
    ----------
    setting : Setting
        Which sizes, how many images.
    folder : Path
        An empty folder.

    Yields
    ------
    Round
        As it is measured.
    """
    weights = str(write_weights(folder / "vgg16.safetensors"))
    for side in setting.sides:
        n_images = setting.forward_images * max(1, 192 // side) ** 2
        yield from _measure_side(weights, side, n_images, setting.rounds)


def _measure_side(weights: str, side: int, n_images: int, rounds: int) -> Iterator[Round]:
    with ExitStack() as stack:
        ours = {
            kind: stack.enter_context(
                Worker(_make, partial(_make_ours, *how), weights, side, n_images)
            )
            for kind, how in _OURS.items()
        }
        checks = {kind: worker("check") for kind, worker in ours.items()}  # warms them up
        expected, workers, missing = checks[""], {}, []
        for name, make in RIVALS.items():
            try:
                worker = Worker(_make, make, weights, side, n_images)
            except ImportError as error:
                note = f"not installed ({error.name}): pip install 'skfakereal[bench]'"
                missing.append(Round(_contest(name, side, note), 0, None, None))
                continue
            workers[name] = stack.enter_context(worker)
            # Whoever computes something else is no rival.
            np.testing.assert_allclose(worker("check"), expected, rtol=1e-3, atol=1e-5)
        yield from missing
        measures = {name: partial(worker, "rate") for name, worker in workers.items()}
        note = f"{n_images} images a round"
        measures |= {kind: partial(worker, "rate") for kind, worker in ours.items()}
        for number, rates in interleave(measures, rounds):
            for kind, rivals in _AGAINST.items():
                for name in rivals:
                    if name in rates:
                        contest = _contest(name, side, note, kind)
                        yield Round(contest, number, rates[kind], rates[name])


def _contest(rival: str, side: int, note: str, kind: str = "") -> Contest:
    row = f"forward, {side}x{side}{kind}"
    target = _TARGETS.get((kind, rival, side))
    rival = rival if rival in RIVALS else f"skfakereal{rival}"
    return Contest("forward", row, rival, "images/s", at_least=target, note=note)


def _make(
    make: Callable[[str, int, int], Forward], weights: str, side: int, n_images: int
) -> Callable[[str], object]:
    """Return, in a worker, what measures the rate or shows the features of two images."""
    random = np.random.default_rng(0)
    images = random.random((n_images, side, side, 3), dtype=np.float32)
    forward = make(weights, side, joblib.cpu_count())

    def work(what: str) -> object:
        if what == "check":
            return forward(images)[:2]  # all of them, to warm up
        return n_images / seconds_of(lambda: forward(images))

    return work


def _make_ours(
    engine: str, pooling: str, weights: str, side: int, n_threads: int
) -> Forward:
    from skfakereal._activations import _BATCH_PIXELS
    from skfakereal._trunk import trunk_network
    from skfakereal._trunk_settings import TrunkSettings
    from skfakereal._weights import load_trunk
    from skfakereal.engines import compile_network

    trunk, shape = load_trunk(weights), (side, side, 3)
    settings = TrunkSettings((side, side), "stretch", "unit", pooling, None)
    network = trunk_network(trunk, settings)
    if engine == "int8":
        from skfakereal.engines._int8 import measure_ranges

        some = np.random.default_rng(0).random((4, *shape), dtype=np.float32)
        ranges = measure_ranges(network, iter([some]), shape)
        network = trunk_network(trunk, replace(settings, ranges=ranges))
    forward = compile_network(network, shape, engine=engine, n_threads=n_threads)
    # In batches as the estimators hand them over.
    size = min(256, _BATCH_PIXELS // side**2)
    return lambda images: np.concatenate(
        [forward(images[i : i + size]) for i in range(0, len(images), size)]
    )
