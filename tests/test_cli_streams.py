"""Closed outputs, lists on standard input, damaged records: one line, never a traceback."""

import io
import json
import shutil
import subprocess
import sys
import warnings
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import joblib
import numpy as np
import pytest
from conftest import Command, Patch, here, start_python, write_image
from image_attacks import png
from sklearn.dummy import DummyClassifier

from skfakereal.cli import main


@pytest.fixture
def model(tmp_path: Path) -> str:
    """A classifier that needs no TensorFlow, which takes seconds to load."""
    joblib.dump(DummyClassifier().fit([["a"], ["b"]], [0, 1]), tmp_path / "quick.joblib")
    return str(tmp_path / "quick.joblib")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for name in ("real", "fake"):
        for i in range(6):
            file = tmp_path / "photos" / name / f"g{i % 2}" / f"{i}.png"
            write_image(file, np.full((8, 8, 3), 40 * i, np.uint8))
    return tmp_path / "photos"


def shell(
    words: list[str], redirection: str, cwd: Path
) -> subprocess.CompletedProcess[str]:
    command = f'exec "$@" {redirection}'
    words = ["sh", "-c", command, "sh", sys.executable, "-m", "skfakereal", *words]
    return subprocess.run(
        words, cwd=cwd, capture_output=True, text=True, env=here(), check=False
    )


@pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX shell")
def test_rows_with_nowhere_to_go_are_one_line(model: str, tmp_path: Path) -> None:
    done = shell(["predict", model, "a.png", "--trust"], ">&-", tmp_path)
    assert done.returncode == 1
    assert done.stderr == (
        "skfakereal: error: Standard output is closed. Write the rows to a file with --out.\n"
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize(
    "redirection",
    [
        ">/dev/full",
        *(pytest.param(x, marks=pytest.mark.slow) for x in (">&-", "2>&-", ">&- 2>&-")),
    ],
)
def test_work_is_done_without_an_output(
    model: str, photos: Path, tmp_path: Path, redirection: str
) -> None:
    words = ["score", model, str(photos), "--out", "scores.csv", "--trust"]
    done = shell(words, redirection, tmp_path)
    assert done.returncode == (0 if redirection == "2>&-" else 141)
    assert done.stderr.count("\n") == (0 if "2>&-" in redirection else 1)
    assert "Traceback" not in done.stderr
    assert len((tmp_path / "scores.csv").read_text().splitlines()) == 13


@pytest.mark.skipif(sys.platform == "win32", reason="no such folder can be removed there")
def test_a_working_folder_that_is_gone_is_one_line(model: str, tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    code = "import os; os.rmdir(os.getcwd()); from skfakereal.cli import main; exit(main())"
    done = start_python("-c", code, "predict", model, "a.png", cwd=tmp_path / "gone")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "working folder" in done.stderr


def give(monkeypatch: Patch, paths: list[Path], end: str = "\n") -> None:
    """Let standard input list paths."""
    data = "".join(f"{path}{end}" for path in paths).encode()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data)))


@pytest.mark.parametrize("end", ["\n", "\0"])
def test_predict_reads_a_list(
    model: str, photos: Path, end: str, monkeypatch: Patch, command: Command
) -> None:
    paths = sorted(photos.rglob("*.png"))[::-1]
    give(monkeypatch, paths, end)
    words = ["predict", model, "-", "--trust", "--format", "json"]
    words += ["-0"] if end == "\0" else []
    rows = json.loads(command(*words).out)
    assert [row["path"] for row in rows] == list(map(str, paths))


@pytest.mark.parametrize("verb", ["evaluate", "robustness"])
def test_a_list_is_tested_by_its_class_folders(
    verb: str, model: str, photos: Path, tmp_path: Path, monkeypatch: Patch
) -> None:
    paths = sorted(photos.rglob("*.png"))[2:]
    words = [verb, model, "-", "--trust", "--out", str(tmp_path / "run")]
    words += ["--changes", "blur:1"] if verb == "robustness" else []
    give(monkeypatch, paths)
    assert main(words) == 0
    config = json.loads((tmp_path / "run/config.json").read_text())
    assert config["data"]["test"] == {"real": 6, "fake": 4}
    give(monkeypatch, paths)
    assert main([*words, "--max-images", "5", "--force"]) == 0
    config = json.loads((tmp_path / "run/config.json").read_text())
    assert config["data"]["test"] == {"real": 3, "fake": 2}


@pytest.mark.parametrize(
    ("paths", "said"),
    [([], "lists no images"), (["real/a.png", "b.png"], "'b.png' (image 1) does not")],
)
def test_a_list_that_cannot_be_tested(
    model: str, paths: list[Any], said: str, monkeypatch: Patch, command: Command
) -> None:
    give(monkeypatch, paths)
    error = command("evaluate", model, "-", "--trust", code=1).err
    assert error.count("\n") == 1
    assert said in error


def test_a_closed_input_is_one_line(
    model: str, monkeypatch: Patch, refuse: Command
) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    refuse("Standard input is closed", "predict", model, "-", "--trust")


BAND = {"low": 0.4, "high": 0.6, "precision": 0.9, "n_images": 9, "share_unsure": 0.1}
SHAPES = ("[]", "null", "7", '"x"', '{"settings": []}', "[" * 100_000, "{", "\x00")


@pytest.mark.parametrize("text", SHAPES)
def test_a_damaged_record_of_a_run_is_one_line(
    text: str, model: str, photos: Path, tmp_path: Path, command: Command, refuse: Command
) -> None:
    words = ["score", model, str(photos), "--out", str(tmp_path / "s.csv"), "--trust"]
    command(*words)
    (tmp_path / "s.csv.parts/run.json").write_text(text)
    refuse("run.json' is damaged", *words)
    assert main([*words, "--force"]) == 0


def beside_a_record(model: str, folder: Path, **config: Any) -> str:
    """Copy a model to where a run's record is, and return its path."""
    place = shutil.copy(model, folder / "model.joblib")
    (folder / "config.json").write_text(json.dumps({"skfakereal": "1", **config}))
    return str(place)


@pytest.mark.parametrize(
    "config",
    [
        {"data": []},
        {"data": {"classes": "real"}},
        {"data": {"classes": [0, 1]}},
        {"remarks": {"a": 1}},
        {"decision": [1]},
        {"decision": {"unsure": [0.1, 0.2]}},
        {"decision": {"unsure": {**BAND, "low": 0.9}}},
        {"decision": {"threshold": "0.5"}},
        {"decision": {"n_positive": float("nan")}},
        {"decision": {"reason": 7}},
        {"decision": {"false_positive_interval": [0.1]}},
        {"data": {"test": ["real"]}},
        {"training": None},
    ],
)
def test_a_damaged_record_of_a_model_is_one_line(
    config: dict[str, Any], model: str, photos: Path, tmp_path: Path, command: Command
) -> None:
    place = beside_a_record(model, tmp_path, **config)
    for verb in ("predict", "evaluate"):
        error = command(verb, place, photos, "--trust", code=1).err
        assert error.count("\n") == 1
        assert "config.json' is damaged" in error


@pytest.mark.parametrize("names", [["real"], ["real", "real"], []])
def test_a_record_that_names_other_classes_is_one_line(
    names: list[str], model: str, photos: Path, tmp_path: Path, command: Command
) -> None:
    place = beside_a_record(model, tmp_path, data={"classes": names})
    error = command("predict", place, photos, "--trust", code=1).err
    assert "config.json' must name the model's 2 classes, each once, but names" in error


def test_names_that_do_not_fit_are_told_in_the_words_of_the_command_line(
    model: str, photos: Path, refuse: Command
) -> None:
    words = ["evaluate", model, str(photos), "--trust", "--classes"]
    refuse("error: --classes must hold a distinct name", *words, "real,fake,else")


@pytest.mark.parametrize(
    "decision", [{"threshold": 0.5, "pos_label": "fake", "n_positive": 3}, {"unsure": BAND}]
)
def test_a_record_may_leave_out_what_is_not_known(
    decision: dict[str, Any], model: str, photos: Path, tmp_path: Path, command: Command
) -> None:
    place = beside_a_record(model, tmp_path, decision=decision)
    words = [place, str(photos), "--trust"]
    assert main(["predict", *words, "--stable"]) == 0
    assert "KeyError" not in command("evaluate", *words, "--out", tmp_path / "e").err


@pytest.mark.parametrize(
    "words",
    [
        ["predict", "no-model", "a.png"],
        ["score", "no-model", "a.png", "--out", "s.csv"],
        ["evaluate", "no-model", "photos"],
        ["robustness", "no-model", "photos"],
        ["explain", "no-model", "a.png", "--out", "why"],
        ["evaluate", "MODEL", "no-folder", "--trust"],
        ["robustness", "MODEL", "no-folder", "--trust"],
        ["evaluate", "MODEL", "photos", "--card", "no-card.md", "--trust"],
        ["score", "MODEL", "--from", "no-list", "--out", "s.csv", "--trust"],
        ["audit", "no-folder"],
        ["equalize", "no-folder", "out"],
        ["train", "no-folder", "--out", "run"],
        ["train", "photos", "--out", "run", "--weights", "no-weights.h5"],
        ["train", "photos", "--out", "run", "--groups", "no-groups.csv"],
    ],
)
def test_what_is_mistyped_is_named_in_one_line(
    words: list[str],
    model: str,
    photos: Path,
    tmp_path: Path,
    monkeypatch: Patch,
    command: Command,
) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    error = command(*([model if word == "MODEL" else word for word in words]), code=1).err
    assert error.count("\n") == 1
    assert any(word in error for word in words if word.startswith("no-"))
    assert sorted(tmp_path.rglob("*")) == before


class Grumbling(DummyClassifier):
    """A model of the user's that warns whenever it is asked."""

    def predict_proba(self, X: Any) -> Any:
        warnings.warn("it has\nbeen long\nago", UserWarning, stacklevel=1)
        return super().predict_proba(X)


def test_warnings_are_told_once_in_a_line(
    photos: Path, tmp_path: Path, command: Command
) -> None:
    model = str(tmp_path / "grumbling.joblib")
    joblib.dump(Grumbling().fit([["a"], ["b"]], [0, 1]), model)
    words = ["robustness", model, "--trust", str(photos), "--changes", "jpeg"]
    told = command(*words, "--out", tmp_path / "run").err
    assert told.count("skfakereal: warning: it has been long ago\n") == 1
    assert "test_cli_streams.py" not in told


def test_a_picture_of_very_many_pixels_is_told_once(photos: Path, command: Command) -> None:
    wide = photos / "real" / "wide.png"
    wide.write_bytes(png((100_000_000, 1), bits=1, colour=0))
    error = command("audit", photos, code=3).err
    assert error.splitlines() == [
        f"skfakereal: {wide}: too large",
        "skfakereal: 1 image could not be read",
    ]
