"""What fails after training costs no model; what a stranger names his files fails nothing."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import Command, Folders, Said, write_image

import skfakereal
from skfakereal.cli import main
from skfakereal.cli.run._folder import UnfinishedRunError, new_run, seal

NAMES = ("was $$20 now $$1 {}.png", "caf\udce9{}.png", "\x1b[2J\u202e{}.png", "a\n{}.png")


def make_noise(root: Path, n_images: int = 16) -> Path:
    """Write noise in both classes, on which every model errs, under hostile names."""
    rng = np.random.default_rng(0)
    for name in ("real", "fake"):
        for i in range(n_images):
            pixels = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
            write_image(place(root, name, i), pixels)
    return root


def place(root: Path, name: str, i: int) -> Path:
    return root / name / f"$g{i % 3}$\udce9\x07" / NAMES[i % len(NAMES)].format(i)


@pytest.fixture(scope="module")
def quick(narrow_trunk: str) -> list[str]:
    """Return options with which training takes a second, and no TensorFlow."""
    options = ["--image-size", "32", "--weights", narrow_trunk, "--test-fraction", "0.25"]
    return [*options, "--n-views", "1", "--n-jobs", "1", "--no-audit"]


@pytest.fixture(scope="module")
def noise(tmp_path_factory: Folders) -> Path:
    return make_noise(tmp_path_factory.mktemp("$noise$"))


@pytest.fixture(scope="module")
def run(noise: Path, quick: list[str], tmp_path_factory: Folders) -> Path:
    """Return a run on images with hostile names; no test may change it."""
    out = tmp_path_factory.mktemp("runs") / "run"
    options = [option for option in quick if option != "--no-audit"]
    assert main(["train", str(noise), "--out", str(out), *options]) == 0
    return out


def test_training_bears_any_name(run: Path) -> None:
    assert (run / "worst_errors.png").is_file()
    assert "\u202e" not in (run / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "verb",
    [
        *("evaluate", "audit", "score"),
        *(pytest.param(verb, marks=pytest.mark.slow) for verb in ("robustness", "explain")),
    ],
)
def test_other_verbs_bear_any_name(
    verb: str, run: Path, noise: Path, tmp_path: Path, capfd: Said
) -> None:
    out, file = ["--out", str(tmp_path / "out")], ["--out", str(tmp_path / "scores.csv")]
    words = {
        "evaluate": [str(run), str(noise), *out],
        "robustness": [str(run), str(noise), "--changes", "jpeg:60", *out],
        "explain": [str(run), *(str(place(noise, "fake", i)) for i in range(4)), *out],
        "audit": [str(noise), *out],
        "score": [str(run), str(noise), *file],
    }[verb]
    assert main([verb, *words]) == 0
    told = capfd.readouterr()
    assert not {"\x1b", "\x07", "\u202e"} & {*told.out, *told.err}


def process(
    *words: str, stdout: int | None = subprocess.PIPE, **environment: str
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "skfakereal", *words],
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
    )


@pytest.mark.slow
def test_a_picture_that_cannot_be_drawn_costs_no_model(
    noise: Path, quick: list[str], tmp_path: Path, command: Command
) -> None:
    out = tmp_path / "run"
    (tmp_path / "rc").write_text("text.usetex: True")  # and no TeX is found
    rc = {"MATPLOTLIBRC": str(tmp_path / "rc"), "PATH": str(tmp_path)}
    train = process("train", str(noise), "--out", str(out), *quick, **rc)
    _, error = train.communicate(timeout=300)
    assert train.returncode == 5
    assert error.count("\n") == 1
    assert f"saved: {str(out / 'model.skfr')!r}" in error
    assert hasattr(skfakereal.load(out / "model.skfr"), "classes_")
    assert {path.name for path in tmp_path.iterdir()} == {"rc", "run"}
    image = write_image(tmp_path / "a.png", np.zeros((32, 32, 3), np.uint8))
    assert f"read {out}/config.json" in command("predict", out, image).err
    assert main(["train", str(noise), "--out", str(out), *quick, "--force"]) == 0
    assert (out / "report.html").is_file()


@pytest.mark.slow
def test_a_reader_that_stops_costs_nothing(
    noise: Path, quick: list[str], tmp_path: Path
) -> None:
    out = tmp_path / "run"
    train = process("train", str(noise), "--out", str(out), *quick)
    assert train.stdout.readline()
    train.stdout.close()
    told = train.stderr.read()
    assert "standard output could not be written (Broken pipe)" in told
    assert told.count("\n") == 1
    assert train.wait() == 141
    assert (out / "model.skfr").is_file()
    assert (out / "report.html").is_file()


@pytest.mark.slow
def test_the_end_of_a_job_costs_no_model(
    noise: Path, quick: list[str], tmp_path: Path
) -> None:
    out = tmp_path / "run"
    train = process("train", str(noise), "--out", str(out), *quick)
    assert any(line.startswith("Trained in") for line in train.stdout)
    train.terminate()  # SIGTERM, as a scheduler or a container sends it
    _, error = train.communicate(timeout=300)
    assert train.returncode == 130
    assert error.startswith("skfakereal: interrupted; The model was finished before that")
    assert hasattr(skfakereal.load(out / "model.skfr"), "classes_")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def write_run(
    out: Path, text: str, error: BaseException | None = None, **how: bool
) -> None:
    """Write a run, and fail after what is trained is there."""
    with new_run(out, kept="model.skfr", **how) as folder:
        (folder / "model.skfr").write_text(text)
        seal(folder, {"skfakereal": "1"})
        if error is not None:
            (folder / "metrics.json").write_text("{}")
            raise error


def test_what_is_kept_lies_at_its_place_and_may_be_replaced(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with pytest.raises(UnfinishedRunError, match=r"'.*run/model\.skfr'"):
        write_run(out, "unfinished", OSError("the disk is full"), force=False)
    record = json.loads((out / "config.json").read_text())
    assert set(record["files"]) == {"model.skfr", "metrics.json"}
    write_run(out, "whole", force=True)
    assert {p.name for p in out.iterdir()} == {"model.skfr", "config.json"}
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_an_unfinished_run_replaces_nothing(tmp_path: Path) -> None:
    out = tmp_path / "run"
    write_run(out, "whole", force=False)
    with pytest.raises(UnfinishedRunError) as told:
        write_run(out, "unfinished", KeyboardInterrupt(), force=True)
    assert (out / "model.skfr").read_text() == "whole"
    assert told.value.place.read_text() == "unfinished"
    assert told.value.place.parent.name.startswith("run.")
