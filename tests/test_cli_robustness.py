"""``skfakereal robustness``: figures that are the report's, and a run folder."""

import json
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from conftest import Command, Folders, Said, write_image
from numpy.typing import NDArray
from reading import read_image
from runs import read_csv
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skfakereal.cli import main
from skfakereal.cli.verbs._robustness import read_changes
from skfakereal.datasets import load_image_folder
from skfakereal.evaluation import robustness_report, standard_perturbations
from skfakereal.evaluation.perturbations import Blur, Chain, Fit, Jpeg

FILES = {
    *("report.html", "metrics.json", "robustness.csv", "predictions.csv"),
    *("robustness.png", "config.json"),
}


def contrast(X: Any) -> NDArray[np.float64]:
    return np.array([[read_image(str(path)).std()] for path in np.ravel(X)])


@pytest.fixture(scope="module")
def photos(tmp_path_factory: Folders) -> Path:
    """Write smooth images as real and noisy ones as fake: blur makes them alike."""
    folder, random = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    for i in range(8):
        for name, depth in (("real", 20), ("fake", 90)):
            pixels = 128 + random.integers(-depth, depth, (48, 48, 3))
            write_image(folder / name / f"{i}.png", pixels.astype(np.uint8))
    return folder


@pytest.fixture(scope="module")
def detector(photos: Path) -> Any:
    data = load_image_folder(photos)
    pipeline = make_pipeline(FunctionTransformer(contrast), LogisticRegression())
    return pipeline.fit(data.data, data.target)


@pytest.fixture
def model(detector: Any, tmp_path: Path) -> str:
    joblib.dump(detector, tmp_path / "m.joblib")
    return str(tmp_path / "m.joblib")


def test_figures_and_files(
    model: str,
    detector: Any,
    photos: Path,
    tmp_path: Path,
    command: Command,
    refuse: Command,
) -> None:
    out, changes = tmp_path / "run", "jpeg:30,blur,chain:web"
    words = ["robustness", "--trust", model, str(photos), "--changes", changes]
    output = command(*words, "--out", out, "--progress")
    changes = [Jpeg(30), Blur(0.5), Blur(1.0), Blur(2.0), standard_perturbations()[-2]]
    data = load_image_folder(photos)
    names = ["real", "fake"]
    report = robustness_report(
        detector, data.data, data.target, perturbations=changes, target_names=names
    )
    assert report["blur, radius 2 px"].accuracy < report["untouched"].accuracy
    assert repr(report) in output.out
    assert "Perturbing" in output.err
    assert {path.name for path in out.iterdir()} == FILES
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics == report.to_dict()
    rows = read_csv(out / "robustness.csv")
    assert [row["name"] for row in rows] == list(report)
    assert [float(row["accuracy"]) for row in rows] == [
        row.accuracy for row in report.values()
    ]
    verdicts = read_csv(out / "predictions.csv")
    assert len(verdicts) == 16
    assert {row["blur, radius 2 px"] for row in verdicts} <= set(names)
    config = json.loads((out / "config.json").read_text())
    assert config["data"]["test"] == {"real": 8, "fake": 8}
    assert set(config["files"]) == FILES - {"config.json"}
    page = (out / "report.html").read_text(encoding="utf-8")
    assert 'src="http' not in page
    assert "blur,\N{NO-BREAK SPACE}radius\N{NO-BREAK SPACE}2\N{NO-BREAK SPACE}px" in page
    refuse("--force", *words, "--out", out)


def test_some_images_of_each_class(
    model: str, photos: Path, tmp_path: Path, command: Command, capsys: Said
) -> None:
    out = tmp_path / "run"
    words = ["robustness", "--trust", model, str(photos), "--changes", "copy"]
    words += ["--out", str(out)]
    assert main([*words, "--max-images", "5"]) == 0
    config = json.loads((out / "config.json").read_text())
    assert sorted(config["data"]["test"].values()) == [2, 3]
    assert "5 of 16 were sampled" in config["data"]["test_images"]
    said = capsys.readouterr().out
    assert "RobustnessReport: 5 images" in said
    for seed in range(3):
        again = [*words, "--max-images", "6", "--random-state", str(seed), "--force"]
        assert main(again) == 0
        config = json.loads((out / "config.json").read_text())
        assert config["data"]["test"] == {"real": 3, "fake": 3}
    capsys.readouterr()
    told = command(*words, "--max-images", "500", "--force").out
    assert "RobustnessReport: 16 images" in told


def test_broken_images_are_named_and_left_out(
    model: str, photos: Path, tmp_path: Path, command: Command, refuse: Command
) -> None:
    broken = tmp_path / "in/real/x.png"
    pixels = read_image(str(photos / "real/0.png"))
    for name in ("real", "fake"):
        write_image(tmp_path / "in" / name / "a.png", pixels)
    broken.write_bytes(b"no image")
    words = ["robustness", "--trust", model, str(tmp_path / "in"), "--changes", "copy"]
    output = command(*words, "--out", tmp_path / "run", code=3)
    assert "RobustnessReport: 2 images" in output.out
    assert "1 image could not be read" in output.err
    config = json.loads((tmp_path / "run/config.json").read_text())
    assert config["data"]["unreadable"] == [str(broken)]
    for file in (tmp_path / "in").rglob("a.png"):
        file.write_bytes(b"")
    refuse("None of the images can be read", *words)


def test_changes_are_read() -> None:
    assert len(read_changes(["jpeg", "jpeg:85", "JPEG:95"])) == 5
    assert read_changes(["fit:768"]) == [Fit(768)]
    (chain,) = read_changes(["chain:hard"])
    assert isinstance(chain, Chain)
    assert chain.name == "hard"
    kinds = ["copy", "jpeg", "webp", "scale", "blur", "noise", "crop", "chain"]
    assert len(read_changes(kinds)) == len(standard_perturbations())


@pytest.mark.parametrize(
    "word", ["sharpen", "jpeg:high", "jpeg:200", "chain:soft", "fit", "copy:2", "jpeg:"]
)
def test_changes_that_there_are_not(
    word: str, model: str, photos: Path, refuse: Command
) -> None:
    refuse("--changes", "robustness", "--trust", model, photos, "--changes", word)
