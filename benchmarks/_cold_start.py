"""Case "cold": from the shell's prompt to the verdict on one image, in a fresh process."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import skfakereal
from benchmarks._fit import classifier
from benchmarks._material import Images, write_images, write_weights
from benchmarks._rounds import Contest, Round, interleave
from benchmarks._setting import Setting
from benchmarks._workers import Worker, seconds_of
from benchmarks.rivals.keras_fit import build_model

__all__ = ["measure", "run_command"]


def measure(setting: Setting, folder: Path) -> Iterator[Round]:
    """Measure the command line against a script of a few lines.

    Parameters
    ----------
    setting : Setting
        Which size.
    folder : Path
        An empty folder.

    Yields
    ------
    Round
        As it is measured.
    """
    side = setting.side
    contest = Contest(
        "cold",
        "one image, cold",
        "TensorFlow script",
        "s",
        at_least=4.0,
        at_most=2.0,
        note=f"a fresh process, {side}x{side}, files in the system's cache, empty store",
    )
    weights = str(write_weights(folder / "vgg16.safetensors"))
    images = write_images(folder / "images", 20, side + side // 4)
    ours, theirs = folder / "model.skfr", folder / "model.keras"
    with Worker(_make_models, weights, side, images) as make:
        make(str(ours), str(theirs))
    image = str(images[0][0])
    predict = ["-m", "skfakereal", "predict", str(ours), image, "--format", "json"]
    script = ["-m", "benchmarks.rivals.predict_one", str(theirs), image, str(side)]
    _require_same(run_command(predict), run_command(script))  # and fill the system's cache
    turns = {
        "ours": lambda: seconds_of(lambda: _run_with_empty_store(predict, folder)),
        "theirs": lambda: seconds_of(lambda: run_command(script)),
    }
    for number, seconds in interleave(turns, setting.rounds):
        yield Round(contest, number, seconds["ours"], seconds["theirs"])


def run_command(arguments: Sequence[str], **environment: str) -> str:
    """Run Python with these arguments and return what it prints.

    Parameters
    ----------
    arguments : sequence of str
        What follows ``python``.
    **environment : str
        Variables beside those of this process.

    Returns
    -------
    str
        Its standard output.

    Raises
    ------
    RuntimeError
        If it fails, with what it wrote to standard error.
    """
    variables: Mapping[str, str] = os.environ | environment
    process = subprocess.run(
        [sys.executable, *arguments],
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(arguments)} failed:\n{process.stderr[-2000:]}")
    return process.stdout


def _run_with_empty_store(arguments: Sequence[str], folder: Path) -> None:
    # As a user has it, who asks about an image for the first time.
    store = folder / f"store-{len(list(folder.glob('store-*')))}"
    run_command(arguments, SKFAKEREAL_CACHE=str(store))


def _require_same(ours: str, theirs: str) -> None:
    import json

    probability = json.loads(ours)[0]["probability"]
    np.testing.assert_allclose(probability, float(theirs), atol=5e-3)


def _make_models(weights: str, side: int, images: Images) -> Callable[[str, str], None]:
    """Return, in a worker, what trains a model and saves it for both."""
    from skfakereal._network import Dense

    def save(ours: str, theirs: str) -> None:
        fitted: Any = classifier(weights, side, 1, cache=None, augmentation=None)
        skfakereal.save(fitted.fit(*images), ours)
        model = build_model(weights, side)
        heads = [layer for layer in model.layers if "dense" in layer.name]
        dense = [layer for layer in fitted._tail.layers if isinstance(layer, Dense)]
        for layer, trained in zip(heads, dense, strict=True):
            layer.set_weights([trained.kernel, trained.bias])
        model.save(theirs)

    return save
