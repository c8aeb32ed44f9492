"""Case "forward": images per second through the frozen VGG16, pixels at hand."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
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
_TARGETS = {
    ("TensorFlow predict", 224): 2.3,
    ("ONNX Runtime", 224): 1.7,
    ("raw ncnn", 224): 0.9,
    ("TensorFlow predict", 32): 1.0,
    ("TensorFlow predict", 64): 1.0,
}


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
        ours = stack.enter_context(Worker(_make, _make_ours, weights, side, n_images))
        expected, workers, missing = ours("check"), {}, []
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
        for number, rates in interleave({"": partial(ours, "rate"), **measures}, rounds):
            for name in workers:
                contest = _contest(name, side, note)
                yield Round(contest, number, rates[""], rates[name])


def _contest(rival: str, side: int, note: str) -> Contest:
    row = f"forward, {side}x{side}"
    target = _TARGETS.get((rival, side))
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


def _make_ours(weights: str, side: int, n_threads: int) -> Forward:
    from skfakereal._activations import _BATCH_PIXELS
    from skfakereal._trunk import trunk_network
    from skfakereal._trunk_settings import TrunkSettings
    from skfakereal._weights import load_trunk
    from skfakereal.engines import compile_network

    settings = TrunkSettings((side, side), "stretch", "unit", "avg", None)
    network = trunk_network(load_trunk(weights), settings)
    forward = compile_network(network, (side, side, 3), engine="auto", n_threads=n_threads)
    # In batches as the estimators hand them over.
    size = min(256, _BATCH_PIXELS // side**2)
    return lambda images: np.concatenate(
        [forward(images[i : i + size]) for i in range(0, len(images), size)]
    )
