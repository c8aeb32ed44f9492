"""Case "cold": from the shell's prompt to the verdict on one image, in a fresh process."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
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

# By the engine of the fit. Of so few images "auto" would be ncnn.
_ROWS = {"int8": "one image, cold", "ncnn": "one image, cold, float32"}


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
    note = f"a fresh process, {side}x{side}, files in the system's cache, empty store"
    contests = {
        engine: Contest(
            "cold",
            name,
            "TensorFlow script",
            "s",
            at_least=6.0,
            at_most=1.0,
            note=f"{note}, a .skfr file",
        )
        for engine, name in _ROWS.items()
    }
    weights = str(write_weights(folder / "vgg16.safetensors"))
    images = write_images(folder / "images", 20, side + side // 4)
    theirs, image = folder / "model.keras", str(images[0][0])
    script = ["-m", "benchmarks.rivals.predict_one", str(theirs), image, str(side)]
    turns: dict[str, Callable[[], float]] = {
        "theirs": lambda: seconds_of(lambda: run_command(script))
    }
    with Worker(_make_models, weights, side, images) as make:
        for engine in _ROWS:
            ours = str(folder / f"{engine}.skfr")
            make(ours, str(theirs), engine)
            predict = ["-m", "skfakereal", "predict", ours, image, "--format", "json"]
            # It fills the system's cache, too.
            near = 5e-3 if engine == "ncnn" else 2e-2  # whole numbers differ a little
            _require_same(run_command(predict), run_command(script), near)
            turns[engine] = partial(_seconds_with_empty_store, predict, folder)
    for number, seconds in interleave(turns, setting.rounds):
        for engine, contest in contests.items():
            yield Round(contest, number, seconds[engine], seconds["theirs"])


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
    variables = os.environ | environment
    # As with an installed package, bytecode lies beside the modules.
    variables.pop("PYTHONDONTWRITEBYTECODE", None)
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


def _seconds_with_empty_store(arguments: Sequence[str], folder: Path) -> float:
    # As a user has it, who asks about an image for the first time.
    store = folder / f"store-{len(list(folder.glob('store-*')))}"
    return seconds_of(lambda: run_command(arguments, SKFAKEREAL_CACHE=str(store)))


def _require_same(ours: str, theirs: str, near: float) -> None:
    import json

    probability = json.loads(ours)[0]["probability"]
    np.testing.assert_allclose(probability, float(theirs), atol=near)


def _make_models(
    weights: str, side: int, images: Images
) -> Callable[[str, str, str], None]:
    """Return, in a worker, what trains a model and saves it for both."""
    from skfakereal._network import Dense

    def save(ours: str, theirs: str, engine: str) -> None:
        fitted: Any = classifier(
            weights, side, 1, engine=engine, cache=None, augmentation=None
        )
        skfakereal.save(fitted.fit(*images), ours)
        model = build_model(weights, side)
        heads = [layer for layer in model.layers if "dense" in layer.name]
        dense = [layer for layer in fitted._tail.layers if isinstance(layer, Dense)]
        for layer, trained in zip(heads, dense, strict=True):
            layer.set_weights([trained.kernel, trained.bias])
        model.save(theirs)

    return save
