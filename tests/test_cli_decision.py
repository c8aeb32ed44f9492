"""``skfakereal train``: the threshold, the calibration and the unsure band of a run."""

import contextlib
import io
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Command, Folders, Said
from runs import read_csv, read_json, write_photos
from sklearn.calibration import CalibratedClassifierCV
from sklearn.model_selection import FixedThresholdClassifier

import skfakereal
from skfakereal import VGG16ImageClassifier
from skfakereal._judging.judge import Judge
from skfakereal._judging.model import load_model
from skfakereal._judging.verdicts import band_of
from skfakereal.cli import main
from skfakereal.cli.run._decision import decision_line, decision_sections
from skfakereal.evaluation import learn_unsure_band
from skfakereal.thresholds import choose_threshold

Train = Callable[..., int]


def decision_of(run: Path) -> Any:
    return read_json(run / "config.json")["decision"]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: Folders) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    write_photos(folder, {"real": 60, "fake": 120}, 60, seed=0)
    return folder


@pytest.fixture(scope="module")
def quick(narrow_trunk: str) -> list[str]:
    """Return options that train within a second, half of the images validating."""
    options = ["--image-size", "32", "--weights", narrow_trunk, "--hidden-units", "8"]
    options += ["--learning-rate", "0.05", "--batch-size", "12", "--epochs", "6"]
    options += ["--no-augmentation", "--n-jobs", "1", "--validation-fraction", "0.45"]
    return options


@pytest.fixture
def train(quick: list[str], photos: Path, tmp_path: Path) -> Train:
    def run(*options: str, folder: Path = photos) -> int:
        out = str(tmp_path / "run")
        return main(["train", str(folder), "--out", out, "--no-audit", *quick, *options])

    return run


@pytest.fixture(scope="module")
def chosen(quick: list[str], photos: Path, tmp_path_factory: Folders) -> tuple[Path, str]:
    """Return a run with a threshold and a band, and what was said; no test may change it."""
    run, said = tmp_path_factory.mktemp("chosen") / "run", io.StringIO()
    asked = ["--target-fpr", "0.1", "--unsure-precision", "0.9", "--no-audit"]
    with contextlib.redirect_stdout(said):
        assert main(["train", str(photos), "--out", str(run), *quick, *asked]) == 0
    return run, said.getvalue()


def test_a_chosen_threshold_is_part_of_the_model(chosen: tuple[Path, str]) -> None:
    run, said = chosen
    model = skfakereal.load(run / "model.skfr")
    assert isinstance(model, FixedThresholdClassifier)
    decision = decision_of(run)
    assert model.threshold == decision["threshold"] != 0.5

    validated = read_csv(run / "validation.csv")
    parts = {row["path"]: row["part"] for row in read_csv(run / "images.csv")}
    assert {r["path"] for r in validated} == {
        path for path, part in parts.items() if part == "validation"
    }
    choice = choose_threshold(
        [row["label"] for row in validated],
        [float(row["probability"]) for row in validated],
        target_fpr=0.1,
    )
    assert decision["threshold"] == pytest.approx(choice.threshold, abs=2e-6)
    assert decision["pos_label"] == "fake"
    assert decision["reason"] == "a false positive rate of at most 10%"
    rates = "true_positive_rate", "false_positive_rate", "false_positive_interval"
    for key in ("n_positive", "n_negative", *rates):
        assert decision[key] == pytest.approx(getattr(choice, key)), key
    assert decision["calibration"] is decision["refused"] is None

    for name in ("validation.csv", "predictions.csv"):
        for row in read_csv(run / name):
            called = float(row["probability"]) >= decision["threshold"]
            assert row["predicted"] == ("fake" if called else "real")
    metrics = json.loads((run / "metrics.json").read_text())
    chosen = metrics["operating_points"][0]
    assert (chosen["name"], chosen["threshold"]) == ("chosen", decision["threshold"])
    assert f"Classified as 'fake' from a probability of {decision['threshold']:.3f}" in said
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "Decision threshold and calibration" in page
    assert "a false positive rate of at most 10%" in page


@pytest.mark.slow
def test_other_verbs_use_the_threshold(
    train: Train, photos: Path, tmp_path: Path, command: Command, capsys: Said
) -> None:
    # A missed fake is nothing against a false alarm, so hardly anything is called fake.
    assert train("--costs", "10000:1", "--prevalence", "0.01") == 0
    run = tmp_path / "run"
    threshold = decision_of(run)["threshold"]
    assert decision_of(run)["expected_cost"] is not None
    capsys.readouterr()
    main(["predict", str(run), str(photos / "fake"), "--format", "json"])
    rows = json.loads(capsys.readouterr().out)
    assert {row["label"] for row in rows} == {"real", "fake"}
    for row in rows:
        assert row["label"] == ("fake" if row["probability"] >= threshold else "real")
    said = command("evaluate", run, photos, "--out", tmp_path / "e").out
    assert re.search(
        rf"chosen +{threshold:.3f}",
        said,
    )
    assert decision_of(tmp_path / "e") == decision_of(run)


@pytest.mark.slow
def test_calibration_is_part_of_the_model(train: Train, tmp_path: Path) -> None:
    assert train("--calibration", "sigmoid") == 0
    model = skfakereal.load(tmp_path / "run/model.skfr")
    assert isinstance(model, CalibratedClassifierCV)
    decision = decision_of(tmp_path / "run")
    assert (decision["calibration"], decision["threshold"]) == ("sigmoid", 0.5)
    rows = read_csv(tmp_path / "run/validation.csv")
    fake = model.predict_proba([row["path"] for row in rows])[:, 1]
    assert [float(row["probability"]) for row in rows] == pytest.approx(fake, abs=1e-6)
    # Calibrated on these very images: as many fakes as are said.
    share = np.mean([row["label"] == "fake" for row in rows])
    assert fake.mean() == pytest.approx(share, abs=0.02)
    assert train("--calibration", "isotonic", "--balanced", "--force") == 0
    page = (tmp_path / "run/report.html").read_text(encoding="utf-8")
    assert "Isotonic calibration follows its images closely" in page
    assert decision_of(tmp_path / "run")["reason"] == "the highest balanced accuracy"


def test_the_band_is_that_of_the_validation_images(chosen: tuple[Path, str]) -> None:
    decision = decision_of(chosen[0])
    rows = read_csv(chosen[0] / "validation.csv")
    band = learn_unsure_band(
        [row["label"] for row in rows],
        [float(row["probability"]) for row in rows],
        precision=0.9,
        pos_label="fake",
    )
    assert decision["unsure_band"] == pytest.approx([band.low, band.high], abs=1e-5)
    assert decision["unsure"]["precision"] == 0.9
    assert decision["unsure"]["n_images"] == len(rows)


def test_without_options_nothing_is_chosen(
    train: Train, tmp_path: Path, capsys: Said
) -> None:
    assert train("--validation-fraction", "0.1") == 0
    assert isinstance(skfakereal.load(tmp_path / "run/model.skfr"), VGG16ImageClassifier)
    decision = decision_of(tmp_path / "run")
    assert (decision["threshold"], decision["reason"]) == (0.5, "the more probable class")
    assert decision["n_positive"] + decision["n_negative"] == 10
    assert decision["unsure_band"] is None
    assert "at least 20 images of each class" in decision["no_unsure_band"]
    assert "Caution: --" not in capsys.readouterr().out


@pytest.mark.slow
def test_nothing_is_held_out_where_nothing_needs_it(train: Train, tmp_path: Path) -> None:
    assert train("--no-early-stopping") == 0
    decision = decision_of(tmp_path / "run")
    assert decision["threshold"] == 0.5
    assert decision["true_positive_rate"] is None
    assert not (tmp_path / "run/validation.csv").exists()
    assert train("--no-early-stopping", "--balanced", "--force") == 0
    assert decision_of(tmp_path / "run")["n_negative"] > 15


@pytest.fixture(scope="module")
def of_three_classes(tmp_path_factory: Folders) -> Path:
    folder = tmp_path_factory.mktemp("three")
    return write_photos(folder, {"real": 60, "fake": 120, "else": 200}, 3, seed=1)


@pytest.mark.parametrize(
    ("options", "messages"),
    [
        (["--target-fpr", "0.01"], ["at least 99", "on, got 22", "48 in all"]),
        (["--target-fpr", "0.03"], ["at least 33", "48 in all"]),
        (
            ["--target-fpr", "0.05", "--validation-fraction", "0.2"],
            ["at least 19", "--validation-fraction 0.42"],
        ),
        (["--target-fpr", "0.1", "--confidence", "0.95"], ["at least 29"]),
        (["--unsure-precision", "0.98"], ["at least 50 images of each class"]),
        (["--calibration", "sigmoid", "--validation-fraction", "0.05"], ["at least 5"]),
        (["--confidence", "0.9"], ["--confidence needs --target-fpr"]),
        (["--balanced", "--prevalence", "0.1"], ["--prevalence needs --costs"]),
        (["--balanced", "--classes", "real,fake,else"], ["two classes only"]),
    ],
)
def test_what_cannot_be_done_is_refused_before_training(
    options: list[str],
    messages: list[str],
    quick: list[str],
    photos: Path,
    of_three_classes: Path,
    tmp_path: Path,
    command: Command,
) -> None:
    folder = of_three_classes if "real,fake,else" in options else photos
    order = ["train", str(folder), "--out", str(tmp_path / "run"), *quick]
    output = command(*order, *options, code=1)
    for message in messages:
        assert message in output.err
    assert output.out == ""  # nor is anything audited, which may take minutes
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "options",
    [
        ["--costs", "10"],
        ["--costs", "0:1"],
        ["--costs", "1:1", "--balanced"],
        ["--target-fpr", "1"],
        ["--unsure-precision", "0.5"],
    ],
)
def test_options_that_make_no_sense(options: list[str], train: Train) -> None:
    with pytest.raises(SystemExit) as end:
        train(*options)
    assert end.value.code == 2


@pytest.mark.slow
def test_a_target_that_fails_after_training_does_not_lose_the_model(
    train: Train, tmp_path: Path, capsys: Said
) -> None:
    folder = tmp_path / "in"
    for part in ("train", "test"):
        write_photos(folder / part, {"real": 20, "fake": 180}, 12, seed=len(part))
    # Here everything is the other way round, so no fake lies above the real images.
    write_photos(folder / "validation", {"real": 180, "fake": 20}, 12, seed=9)
    assert train("--target-fpr", "0.1", "--calibration", "sigmoid", folder=folder) in (0, 4)
    assert train("--target-fpr", "0.1", "--force", folder=folder) == 4
    output = capsys.readouterr()
    assert "Caution: --target-fpr could not be done" in output.out
    assert "was not possible" in output.err
    run = tmp_path / "run"
    decision = decision_of(run)
    assert decision["threshold"] == 0.5
    assert "images of class 'real' have the highest probabilities" in decision["refused"]
    assert isinstance(skfakereal.load(run / "model.skfr"), VGG16ImageClassifier)
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "could not be done" in page
    assert "threshold meets what was asked for" in page


@pytest.mark.slow
def test_three_classes_have_no_decision(train: Train, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    write_photos(folder, {"real": 10, "gan": 100, "sd": 190}, 12, seed=0)
    assert train("--classes", "real,gan,sd", folder=folder) == 0
    assert decision_of(tmp_path / "run") is None
    assert len(read_csv(tmp_path / "run/validation.csv")) > 5
    page = (tmp_path / "run/report.html").read_text(encoding="utf-8")
    assert "Decision threshold and calibration" not in page


def test_folders_have_rows_and_images_in_none_share_one(
    chosen: tuple[Path, str], tmp_path: Path, command: Command
) -> None:
    new, run = tmp_path / "new", chosen[0]
    write_photos(new, {"real": 60, "fake/gan": 120, "fake/sd": 200}, 6, seed=3)
    assert "small group" not in command("evaluate", run, new, "--out", tmp_path / "e").out
    metrics = read_json(tmp_path / "e/metrics.json")
    assert set(metrics["per_group"]) == {"gan", "sd", "real, in no folder"}
    assert read_json(run / "metrics.json")["per_group"] == {}


@pytest.mark.slow
def test_fake_may_be_the_first_class(train: Train, tmp_path: Path) -> None:
    assert train("--balanced", "--classes", "fake,real") == 0
    decision = decision_of(tmp_path / "run")
    assert decision["pos_label"] == "fake"
    assert skfakereal.load(tmp_path / "run/model.skfr").pos_label == 0
    rows = read_csv(tmp_path / "run/predictions.csv")
    assert {row["predicted"] for row in rows} == {"real", "fake"}
    for row in rows:
        called = float(row["probability"]) >= decision["threshold"]
        assert row["predicted"] == ("fake" if called else "real")
    chosen = json.loads((tmp_path / "run/metrics.json").read_text())["operating_points"][0]
    assert chosen["threshold"] == decision["threshold"]


@pytest.mark.slow
def test_validation_images_of_one_class_choose_nothing(
    train: Train, tmp_path: Path, capsys: Said
) -> None:
    folder = tmp_path / "in"
    for seed, part in enumerate(("train", "test")):
        write_photos(folder / part, {"real": 60, "fake": 120}, 12, seed)
    write_photos(folder / "validation", {"real": 60}, 3, seed=3)
    (folder / "validation/fake").mkdir()
    (folder / "validation/fake/broken.png").write_bytes(b"no image")
    assert train("--skip-unreadable", folder=folder) == 3
    decision = decision_of(tmp_path / "run")
    assert decision["threshold"] == 0.5
    assert decision["true_positive_rate"] is decision["unsure_band"] is None
    # Whether an image can be read shows before anything is trained.
    assert train("--skip-unreadable", "--balanced", "--force", folder=folder) == 1
    assert "'fake' has 0" in capsys.readouterr().err


def test_a_page_does_without_what_is_missing_in_the_record(
    chosen: tuple[Path, str],
) -> None:
    decision = decision_of(chosen[0])
    (whole,) = decision_sections({"decision": decision})
    for key in decision:
        rest = {name: value for name, value in decision.items() if name != key}
        sections = decision_sections({"decision": rest})
        assert bool(sections) == (key not in ("threshold", "pos_label")), key
    rest = decision | {"false_positive_interval": None}
    (page,) = decision_sections({"decision": rest})
    assert "falsely classified as fake; on other images" in whole
    assert "falsely classified as fake.</li>" in page


@pytest.mark.parametrize("only_predict", [False, True])
def test_a_record_of_another_threshold_says_nothing_of_the_model(
    chosen: tuple[Path, str], tmp_path: Path, only_predict: bool
) -> None:
    run = shutil.copytree(chosen[0], tmp_path / "run")
    before = load_model(str(run), only_predict=only_predict)
    assert decision_sections(before.config)
    config = read_json(run / "config.json")
    config["decision"]["threshold"] /= 2  # as if another model had been put into the folder
    (run / "config.json").write_text(json.dumps(config))
    model = load_model(str(run), only_predict=only_predict)
    assert decision_sections(model.config) == []
    assert band_of(model) == band_of(before) is not None
    assert Judge(model, str(run)).facts()["false_positive_rate"] is None


def test_a_band_of_everything_is_said_so_and_a_threshold_near_one_not_rounded_to_it() -> (
    None
):
    rates = dict.fromkeys(["true_positive_rate", "calibration", "refused"])
    decision = {"threshold": 0.99997, "pos_label": "fake", **rates}
    decision |= {"reason": "the highest balanced accuracy", "unsure_band": [0.0, 1.0]}
    decision["unsure"] = {"low": 0.0, "high": 1.0, "precision": 0.95, "share_unsure": 1.0}
    said = decision_line(decision)
    assert "a probability of 0.99997" in said
    assert "--stable is unsure throughout." in said
    (section,) = decision_sections({"decision": decision})
    assert "every verdict is unsure" in section
