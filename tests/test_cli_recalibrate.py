"""``skfakereal recalibrate``: a model with another threshold, in another place."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Command, Folders, Said
from runs import read_csv, read_json, write_photos
from sklearn.model_selection import FixedThresholdClassifier

import skfakereal
from skfakereal.cli import main
from skfakereal.cli.run._folder import seal
from skfakereal.thresholds import recalibrate

Recalibrate = Callable[..., int]
N_EACH = 20


@pytest.fixture(scope="module")
def photos(tmp_path_factory: Folders) -> Path:
    folder = tmp_path_factory.mktemp("in") / "photos"
    return write_photos(folder, {"real": 80, "fake": 110}, N_EACH, seed=0)


@pytest.fixture(scope="module")
def inbox(tmp_path_factory: Folders) -> Path:
    """Return images that are all brighter than those that were trained on."""
    folder = tmp_path_factory.mktemp("in") / "inbox"
    return write_photos(folder, {"real": 110, "fake": 140}, N_EACH + 10, seed=1)


@pytest.fixture(scope="module")
def run(photos: Path, narrow_trunk: str, tmp_path_factory: Folders) -> Path:
    out = tmp_path_factory.mktemp("out") / "run"
    words = ["train", str(photos), "--out", str(out), "--weights", narrow_trunk]
    words += ["--image-size", "32", "--no-augmentation", "--no-audit"]
    assert main([*words, "--test-fraction", "0.25", "--cache", "none"]) == 0
    return out


@pytest.fixture
def move(run: Path, inbox: Path, tmp_path: Path) -> Recalibrate:
    def move(*more: str, folder: Path = inbox, out: str = "new", model: Path = run) -> int:
        words = ["recalibrate", str(model), str(folder), "--out", str(tmp_path / out)]
        return main([*words, *more])

    return move


def test_the_threshold_moves_and_the_model_stays(
    move: Recalibrate, run: Path, inbox: Path, tmp_path: Path, capsys: Said
) -> None:
    before = {path.name: path.read_bytes() for path in run.iterdir()}
    assert move() == 0
    assert {path.name: path.read_bytes() for path in run.iterdir()} == before
    said, new = capsys.readouterr().out, tmp_path / "new"

    images = skfakereal.datasets.load_image_folder(inbox)
    model = skfakereal.load(run / "model.skfr")
    _, change = recalibrate(model, images.data, images.target)
    moved = skfakereal.load(new / "model.skfr")
    assert isinstance(moved, FixedThresholdClassifier)
    assert moved.threshold == pytest.approx(change.threshold)
    assert moved.threshold > 0.5
    proba = model.predict_proba(images.data)
    assert moved.predict_proba(images.data) == pytest.approx(proba)
    called = (proba[:, 1] >= moved.threshold).astype(int)
    assert moved.predict(images.data).tolist() == called.tolist()

    assert f"The threshold was chosen on all images of '{inbox}'" in said
    at = f"{change.threshold:.4f}"
    assert f"Classified as 'fake' from a probability of {at} (before: 0.5000)" in said
    assert "are detected (before:" in said
    assert "false positives (95% interval" in said
    assert "chosen on these images, so these figures are too good" in said

    config, old = read_json(new / "config.json"), read_json(run / "config.json")
    assert config["recalibration"]["model"] == str(run)
    assert config["recalibration"]["previous"] == 0.5
    assert config["recalibration"]["threshold"] == moved.threshold
    assert config["decision"]["threshold"] == moved.threshold
    assert config["decision"]["unsure"]["n_images"] == 2 * (N_EACH + 10)
    assert config["training"] == old["training"]
    assert config["data"]["train"] == old["data"]["train"]
    assert set(config["files"]) == {"images.csv", "model.skfr", "report.html"}
    page = (new / "report.html").read_text(encoding="utf-8")
    assert "Before and after" in page
    assert at in page


def test_the_new_run_is_a_run(
    move: Recalibrate, inbox: Path, tmp_path: Path, command: Command, capsys: Said
) -> None:
    assert move("--target-fpr", "0.1") == 0
    new = tmp_path / "new"
    threshold = read_json(new / "config.json")["decision"]["threshold"]
    capsys.readouterr()
    rows = json.loads(command("predict", new, inbox / "fake", "--format", "json").out)
    assert {r["label"] for r in rows} == {"real", "fake"}
    for row in rows:
        assert row["label"] == ("fake" if row["probability"] >= threshold else "real")
    # It knows which images its threshold was chosen on, and those of its training.
    parts = {row["path"]: row["part"] for row in read_csv(new / "images.csv")}
    assert sum(part == "train" for part in parts.values()) == 30
    assert all(parts[str(path)] == "validation" for path in inbox.rglob("*.png"))
    said = command("evaluate", new, inbox).out
    assert "60 of the 60 tested images are, byte for byte" in said


def test_real_images_alone_are_enough_for_a_target(
    move: Recalibrate, inbox: Path, tmp_path: Path, capsys: Said
) -> None:
    alone = inbox / "real"
    assert move("--label", "real", "--target-fpr", "0.05", folder=alone) == 0
    said = capsys.readouterr().out
    assert "Caution: These images show how many are falsely classified as fake" in said
    model = skfakereal.load(tmp_path / "new/model.skfr")
    paths = sorted(map(str, alone.iterdir()))
    assert model.predict(paths).sum() <= 1
    config = read_json(tmp_path / "new/config.json")
    assert config["decision"]["true_positive_rate"] is None
    assert config["decision"]["unsure"] is None
    assert config["recalibration"]["after"]["n_positive"] == 0
    assert "NaN" not in (tmp_path / "new/config.json").read_text()
    assert main(["predict", str(tmp_path / "new"), paths[0]]) == 0


def test_unlabelled_images_with_an_assumed_share(
    move: Recalibrate, inbox: Path, tmp_path: Path, capsys: Said
) -> None:
    assert move("--prevalence", "0.25", out="new.skfr") == 0
    output = capsys.readouterr()
    assert "Caution: The threshold was set to" in output.out
    assert "25% of these 60 images are fake" in output.out
    assert "pass y" not in output.out + output.err
    model = skfakereal.load(tmp_path / "new.skfr")
    paths = sorted(map(str, inbox.rglob("*.png")))
    assert model.predict(paths).sum() == 15
    assert main(["predict", str(tmp_path / "new.skfr"), paths[0]]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["new.skfr"]


def test_costs_and_prevalence_are_for_labelled_images(
    move: Recalibrate, tmp_path: Path
) -> None:
    assert move("--costs", "10:1", "--prevalence", "0.1") == 0
    decision = read_json(tmp_path / "new/config.json")["decision"]
    assert decision["expected_cost"] is not None
    assert re.match("the lowest cost at a share of 0.1", decision["reason"])


def test_images_that_were_trained_on_are_left_out(
    move: Recalibrate, photos: Path, run: Path, tmp_path: Path, capsys: Said
) -> None:
    # Of the run's own folder, ten images were held out for its test.
    assert move(folder=photos) == 1
    assert "there are 5 of class 'fake'" in capsys.readouterr().err
    trained = tmp_path / "trained"
    for row in read_csv(run / "images.csv"):
        if row["part"] == "train":
            place = trained / row["label"] / Path(row["path"]).name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(Path(row["path"]).read_bytes())
    assert move(folder=trained) == 1
    assert "trained or validated on all 30 images" in capsys.readouterr().err
    assert move("--split", "all", folder=trained) == 0
    assert "30 of the 30 tested images are" in capsys.readouterr().out


def test_unreadable_images_are_left_out(
    move: Recalibrate, inbox: Path, tmp_path: Path, capsys: Said
) -> None:
    for path in inbox.rglob("*.png"):
        place = tmp_path / "in" / path.relative_to(inbox)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(path.read_bytes())
    (tmp_path / "in/real/broken.png").write_bytes(b"no image")
    assert move(folder=tmp_path / "in") == 3
    assert "1 of the images could not be read" in capsys.readouterr().err
    assert read_json(tmp_path / "new/config.json")["recalibration"]["n_images"] == 60


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--target-fpr", "0.01"], "needs at least 99 .* got 30"),
        (["--prevalence", "0.05"], "If 5% are 'fake', that takes 200 images, got 60"),
        (["--label", "gan", "--target-fpr", "0.1"], "--label must be one of the classes"),
        (["--label", "real"], "there are 0 of class 'fake'"),
        (["--label", "real", "--prevalence", "0.3"], "--prevalence without --costs"),
        (["--confidence", "0.9"], "--confidence needs --target-fpr"),
        (["--target-fpr", "0.1", "--prevalence", "0.1"], "--prevalence is for --costs"),
    ],
)
def test_what_cannot_be_done_is_refused(
    more: list[str], message: str, move: Recalibrate, tmp_path: Path, capsys: Said
) -> None:
    assert move(*more) == 1
    assert re.search(message, capsys.readouterr().err)
    assert list(tmp_path.iterdir()) == []


def test_the_given_images_are_never_replaced(
    move: Recalibrate, inbox: Path, tmp_path: Path, capsys: Said
) -> None:
    shown = shutil.copytree(inbox / "real", tmp_path / "shown")
    seal(shown, {"skfakereal": "1"})  # as `explain` leaves its pictures
    before = sorted(shown.iterdir())
    words = ["--label", "real", "--target-fpr", "0.1", "--force"]
    assert move(*words, folder=shown, out="shown") == 1
    assert (
        "--out must be another folder than those that are read" in capsys.readouterr().err
    )
    assert sorted(shown.iterdir()) == before


def test_the_given_model_is_never_overwritten(
    run: Path, inbox: Path, tmp_path: Path, refuse: Command
) -> None:
    before = (run / "model.skfr").read_bytes()
    for model, out in (
        (run, run),
        (run, run / "model.skfr"),
        (run / "model.skfr", run),
        (run / "model.skfr", run / "model.skfr"),
    ):
        words = ["recalibrate", str(model), str(inbox), "--out", str(out), "--force"]
        refuse("--out must be another place than MODEL", *words)
    assert (run / "model.skfr").read_bytes() == before
    taken = tmp_path / "new.skfr"
    taken.write_bytes(b"")
    words = ["recalibrate", run, inbox, "--out"]
    refuse("--force", *words, taken)
    folder = tmp_path / "old.skfr"
    folder.mkdir()
    refuse("is a folder. Choose another name.", *words, folder, "--force")
