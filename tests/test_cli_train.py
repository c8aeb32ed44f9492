"""``skfakereal train`` and ``evaluate``: run folders, and figures that are true."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from conftest import Command, Folders, Patch, Said, here, start_python, write_image
from PIL import Image
from runs import make_photos, read_csv
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import accuracy_score
from sklearn.model_selection import FixedThresholdClassifier

import skfakereal
from skfakereal.cli import main
from skfakereal.datasets import load_image_folder

FILES = {
    *("report.html", "metrics.json", "predictions.csv", "config.json"),
    *("confusion_matrix.png", "roc.png", "precision_recall.png", "calibration.png"),
    "worst_errors.png",
}
TRAINED = {
    *("model.skfr", "card.md", "images.csv", "audit.html"),
    *("training_curves.png", "views.png", "validation.csv"),
}


@pytest.fixture(scope="module")
def quick(narrow_trunk: str) -> list[str]:
    """Return options with which training takes a second."""
    options = ["--image-size", "32", "--weights", narrow_trunk, "--hidden-units", "8"]
    options += ["--learning-rate", "0.05", "--batch-size", "12", "--epochs", "6"]
    return [*options, "--n-views", "2", "--n-jobs", "1"]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: Folders) -> Path:
    return make_photos(tmp_path_factory.mktemp("photos"))


@pytest.fixture(scope="module")
def run(photos: Path, quick: list[str], tmp_path_factory: Folders) -> Path:
    """Return the folder of a run; no test may change it."""
    out = tmp_path_factory.mktemp("runs") / "run"
    assert main(["train", str(photos), "--out", str(out), *quick]) == 0
    return out


def test_a_run_folder_holds_everything(run: Path) -> None:
    assert {path.name for path in run.iterdir()} == FILES | TRAINED
    for path in run.glob("*.png"):
        with Image.open(path) as image:
            assert min(image.size) > 300
    page = (run / "report.html").read_text(encoding="utf-8")
    assert 'src="http' not in page
    # ROC, training, views, precision and recall, calibration; the matrix is HTML.
    assert page.count("data:image/png;base64") >= 5
    assert page.count("<dt>") == 6
    assert "byte for byte" not in page


def test_predictions_and_metrics_are_those_of_the_saved_model(
    run: Path, photos: Path
) -> None:
    rows = read_csv(run / "predictions.csv")
    assert list(rows[0]) == ["path", "label", "predicted", "probability", "error"]
    assert len(rows) == 5  # a fifth of 24, rounded up
    paths = [row["path"] for row in rows]
    assert all(
        Path(path).parent.name == row["label"]
        for path, row in zip(paths, rows, strict=True)
    )
    model = skfakereal.load(run / "model.skfr")
    assert model.classes_.tolist() == [0, 1]
    fake = model.predict_proba(paths)[:, 1]
    assert [float(row["probability"]) for row in rows] == pytest.approx(fake, abs=1e-6)
    predicted = [row["predicted"] for row in rows]
    assert predicted == [["real", "fake"][i] for i in model.predict(paths)]
    metrics = json.loads((run / "metrics.json").read_text())
    truth = [row["label"] for row in rows]
    assert metrics["accuracy"] == accuracy_score(truth, predicted)
    assert metrics["n_images"] == 5
    assert metrics["positive_class"] == "fake"


def test_the_test_part_was_not_trained_on(run: Path, photos: Path) -> None:
    images = read_csv(run / "images.csv")
    everything = load_image_folder(photos)
    assert sorted(row["path"] for row in images) == everything.data.tolist()
    tested = {row["path"] for row in read_csv(run / "predictions.csv")}
    assert {row["path"] for row in images if row["part"] == "test"} == tested
    model = skfakereal.load(run / "model.skfr")
    # 19 images: 2 to validate on, 17 to train on in 2 views.
    assert model.n_computed_ == 2 + 17 * 2


def test_the_config_tells_how_to_do_it_again(
    run: Path, photos: Path, narrow_trunk: str
) -> None:
    config = json.loads((run / "config.json").read_text())
    assert config["command"][:3] == ["skfakereal", "train", str(photos)]
    assert config["data"]["classes"] == ["real", "fake"]
    counts = [config["data"][part] for part in ("train", "validation", "test")]
    assert [sum(count.values()) for count in counts] == [17, 2, 5]
    for name in ("real", "fake"):
        assert sum(count[name] for count in counts) == 12
    model = config["model"]
    known = {"class": "VGG16ImageClassifier", "image_size": [32, 32], "random_state": 0}
    known |= {"weights": narrow_trunk, "augmentation": "default"}
    assert {name: model[name] for name in known} == known
    assert {"python", "tensorflow", "keras", "numpy", "pillow"} <= set(config["versions"])
    assert set(config["files"]) == (FILES | TRAINED) - {"config.json"}
    assert config["training"]["epochs_run"] <= 6
    assert config["training"]["engine"] == "ncnn"  # a trunk that the package does not know


@pytest.mark.slow
def test_only_the_cache_is_kept_outside_the_run_and_not_if_it_is_not_wanted(
    photos: Path, quick: list[str], tmp_path: Path, monkeypatch: Patch
) -> None:
    monkeypatch.setenv("SKFAKEREAL_CACHE", str(tmp_path / "store"))
    order = ["train", str(photos), *quick, "--out"]
    assert main([*order, str(tmp_path / "run"), "--cache", "none"]) == 0
    assert main(["predict", str(tmp_path / "run"), str(photos)]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    assert main([*order, str(tmp_path / "run2")]) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"run", "run2", "store"}


def test_what_train_says(
    photos: Path, quick: list[str], tmp_path: Path, command: Command, refuse: Command
) -> None:
    out = tmp_path / "run"
    options = [*quick, "--no-augmentation", "--no-early-stopping", "--test-fraction", "0.5"]
    options.append("--no-audit")
    output = command("train", photos, "--out", out, *options, "--progress")
    assert "Training on 12 images; 12 are kept for the test." in output.out
    assert "images were classified correctly" in output.out
    assert f"skfakereal predict {out} IMAGE" in output.out
    assert "epoch" in output.err
    assert skfakereal.load(out / "model.skfr").verbose == 0
    # Nothing is augmented, so there are no views to be seen.
    files = FILES | {"label_issues.csv"} | TRAINED
    files -= {"audit.html", "views.png", "validation.csv"}
    assert {path.name for path in out.iterdir()} == files
    refuse("--force", "train", photos, "--out", out, *quick)


@pytest.mark.slow
def test_libraries_are_quiet_and_the_environment_is_put_back(
    photos: Path, quick: list[str], tmp_path: Path
) -> None:
    code = (
        "import os, sys; from skfakereal.cli import main\n"
        "assert main(sys.argv[1:]) == 0\n"
        "assert 'tensorflow' in sys.modules\n"
        "assert not {'TF_CPP_MIN_LOG_LEVEL', 'MPLBACKEND'} & set(os.environ)\n"
        "assert all(type(p).__name__ != '_QuietImport' for p in sys.meta_path)"
    )
    ours = ("TF_CPP_MIN_LOG_LEVEL", "MPLBACKEND")
    environment = {name: value for name, value in here().items() if name not in ours}
    words = ["train", photos, "--out", tmp_path / "r", *quick]
    process = start_python("-c", code, *words, env=environment)
    assert (process.returncode, process.stderr) == (0, "")


def test_two_runs_are_equal(
    run: Path, photos: Path, quick: list[str], tmp_path: Path
) -> None:
    assert main(["train", str(photos), "--out", str(tmp_path / "run"), *quick]) == 0
    for name in ("predictions.csv", "metrics.json", "images.csv", "roc.png"):
        assert (tmp_path / "run" / name).read_bytes() == (run / name).read_bytes(), name
    cards = [(folder / "card.md").read_text("utf-8") for folder in (run, tmp_path / "run")]
    dated = [re.subn(r"Made on \d{4}-\d\d-\d\d", "Made on DATE", card) for card in cards]
    assert dated[0] == dated[1] != (cards[0], 0)


def test_broken_training_images_stop_it_or_are_left_out(
    quick: list[str], tmp_path: Path, command: Command
) -> None:
    for part in ("train", "validation", "test"):
        make_photos(tmp_path / "in" / part, seed=len(part))
    broken = [
        tmp_path / "in" / name for name in ("train/real/x.png", "validation/fake/y.png")
    ]
    for path in broken:
        path.write_bytes(b"no image")
    order = ["train", str(tmp_path / "in"), "--out", str(tmp_path / "run"), *quick]
    order.append("--no-audit")
    error = command(*order, code=1).err
    assert all(str(path) in error for path in broken)
    assert "--skip-unreadable" in error
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
    assert "2 images could not be read" in command(*order, "--skip-unreadable", code=3).err
    config = json.loads((tmp_path / "run/config.json").read_text())
    assert config["data"]["unreadable"] == [str(path) for path in broken]
    assert config["data"]["train"] == {"real": 12, "fake": 12}
    page = (tmp_path / "run/report.html").read_text()
    assert "2 images of the training part could not be read" in page


@pytest.mark.slow
def test_broken_test_images_are_named_and_left_out(
    quick: list[str], tmp_path: Path, command: Command
) -> None:
    for part in ("train", "test"):
        make_photos(tmp_path / "in" / part, seed=len(part))
    broken = tmp_path / "in/test/fake/x.png"
    broken.write_bytes(b"")
    out = tmp_path / "run"
    said = command("train", tmp_path / "in", "--out", out, *quick, code=3).err
    assert "1 image could not be read" in said
    (row,) = [row for row in read_csv(out / "predictions.csv") if row["error"]]
    assert (row["path"], row["label"], row["predicted"]) == (str(broken), "fake", "")
    assert json.loads((out / "metrics.json").read_text())["unreadable"] == [str(broken)]


def test_the_audit_of_clean_files_is_kept_and_shown(run: Path) -> None:
    audit = json.loads((run / "config.json").read_text())["data"]["audit"]
    assert (audit["word"], audit["headline"], audit["findings"]) == ("clean", 0.5, [])
    low, high = audit["interval"]
    assert 0 < low < 0.5 < high < 1
    assert audit["duplicates_across_splits"] == 0
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "<h2>Audit</h2>" in page
    assert "audit.html beside this page" in page
    assert "The audit found" not in page


def test_a_leak_is_the_first_caution_and_names_itself(
    quick: list[str], tmp_path: Path, command: Command
) -> None:
    photos, out = make_photos(tmp_path / "in"), tmp_path / "run"
    for path in (photos / "fake").iterdir():
        Image.open(path).save(path.with_suffix(".jpg"))
        path.unlink()
    said = command("train", photos, "--out", out, *quick).out
    assert said.index("The audit says “leaking”.") < said.index("Trained in")
    assert "File format “JPEG”: 0% of real, 100% of fake" in said
    config = json.loads((out / "config.json").read_text())
    assert config["data"]["audit"]["headline"] == 1
    assert config["remarks"][0].startswith("The audit found these images leaking (file")
    (finding, *_) = config["data"]["audit"]["findings"]
    assert (finding["name"], finding["word"]) == ("file format", "leaking")
    assert "100% of fake" in finding["evidence"]
    page = (out / "report.html").read_text(encoding="utf-8")
    assert page.index("The audit found") < page.index("Confusion")


@pytest.mark.slow
def test_groups_of_an_audit_keep_copies_on_one_side(
    quick: list[str], tmp_path: Path, capsys: Said
) -> None:
    photos, audit = make_photos(tmp_path / "in"), tmp_path / "audit"
    for path in sorted(photos.rglob("*.png")):
        (path.parent / f"{path.stem}-copy.png").write_bytes(path.read_bytes())
    assert main(["audit", str(photos), "--out", str(audit)]) == 0
    copies = {}
    for groups in ("auto", str(audit / "groups.csv")):
        out = tmp_path / f"run{len(copies)}"
        order = ["train", str(photos), "--out", str(out), *quick, "--groups", groups]
        assert main([*order, "--epochs", "1"]) == 0
        config = json.loads((out / "config.json").read_text())
        copies[groups] = config["data"]["audit"]["duplicates_across_splits"]
    assert copies.pop("auto") > 5
    assert list(copies.values()) == [0]


@pytest.mark.slow
def test_copies_of_training_images_among_the_tested_are_told(
    quick: list[str], tmp_path: Path
) -> None:
    # The same seed makes the same images.
    make_photos(tmp_path / "in/train")
    make_photos(tmp_path / "in/test")
    out = tmp_path / "run"
    order = ["train", str(tmp_path / "in"), "--out", str(out), *quick, "--no-audit"]
    assert main(order) == 0
    assert "24 of the 24 tested images are" in (out / "report.html").read_text()


@pytest.mark.slow
def test_more_than_two_classes(
    quick: list[str], tmp_path: Path, command: Command, capsys: Said
) -> None:
    photos = make_photos(tmp_path / "in")
    (photos / "fake").rename(photos / "gan")
    for i in range(12):
        write_image(photos / f"sd14/{i}.png", np.full((32, 32, 3), (250, 10, i), np.uint8))
    out = tmp_path / "run"
    classes = ["--classes", "real,gan,sd14", "--no-audit"]
    assert main(["train", str(photos), "--out", str(out), *quick, *classes]) == 0
    rows = read_csv(out / "predictions.csv")
    names = ["real", "gan", "sd14"]
    assert list(rows[0])[4:7] == [f"probability_{name}" for name in names]
    for row in rows:
        assert row["probability"] == row[f"probability_{row['predicted']}"]
        chances = [float(row[f"probability_{n}"]) for n in names]
        assert sum(chances) == pytest.approx(1, abs=1e-5)
    capsys.readouterr()
    # The run folder knows the names, by itself and by its file.
    for model in (out, out / "model.skfr"):
        main(["predict", str(model), rows[0]["path"], "--format", "json"])
        (told,) = json.loads(capsys.readouterr().out)
        assert told["label"] == rows[0]["predicted"]
    assert "sd14" in command("evaluate", out, photos).out


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--image-size", "16"], "image_size must be"),
        (["--epochs", "0"], "epochs must be"),
        (["--weights", "nowhere.h5"], "nowhere.h5"),
        (["--random-state", "-1"], "random_state"),
        (["--classes", "real"], "classes must be"),
    ],
)
def test_errors_leave_nothing(
    options: list[str],
    message: str,
    photos: Path,
    quick: list[str],
    tmp_path: Path,
    command: Command,
) -> None:
    out = tmp_path / "run"
    shown = command("train", photos, "--out", out, *quick, *options, code=1)
    assert message in shown.err
    assert len(shown.err.splitlines()) == 1
    assert shown.out == ""  # before any work
    assert list(tmp_path.iterdir()) == []


def test_evaluate_prints_and_writes(run: Path, tmp_path: Path, command: Command) -> None:
    new, out = make_photos(tmp_path / "new", seed=7), tmp_path / "evaluation"
    (new / "real/broken.png").write_bytes(b"no image")
    output = command("evaluate", run, new, "--out", out, code=3)
    assert "EvaluationReport: 24 images, positive class 'fake'" in output.out
    assert "Caution" not in output.out
    assert "1 image could not be read" in output.err
    assert {path.name for path in out.iterdir()} == FILES
    assert json.loads((out / "metrics.json").read_text())["n_images"] == 24
    assert json.loads((out / "config.json").read_text())["model"]["file"] == str(run)
    assert f"all images of {str(new)!r}".replace("'", "&#x27;") in (
        out / "report.html"
    ).read_text(encoding="utf-8")


def test_evaluate_warns_of_images_that_training_saw(
    run: Path, photos: Path, command: Command
) -> None:
    told = command("evaluate", run, photos, "--split", "all").out
    assert "Caution: 19 of the 24 tested images are" in told
    said = command("evaluate", run, photos).out
    assert "EvaluationReport: 5 images" in said
    assert "trained or validated on 19 of the 24 images that were given" in said


def test_evaluate_takes_the_test_part_where_there_is_one(
    run: Path, tmp_path: Path, capsys: Said
) -> None:
    make_photos(tmp_path / "train", 3, seed=5)
    make_photos(tmp_path / "test", 4, seed=6)
    for options, number in ((), 8), (("--split", "train"), 6), (("--split", "all"), 14):
        main(["evaluate", str(run), str(tmp_path), *options])
        assert f"EvaluationReport: {number} images" in capsys.readouterr().out


def test_evaluate_a_model_with_labels_of_its_own(
    make_classifier: Callable[..., Any], tmp_path: Path, command: Command
) -> None:
    data = load_image_folder(make_photos(tmp_path / "in"))
    labels = np.array(["Real", "Fake"])[data.target]
    joblib.dump(make_classifier().fit(data.data, labels), tmp_path / "m.joblib")
    new = make_photos(tmp_path / "new", seed=3)
    said = command("evaluate", "--trust", tmp_path / "m.joblib", new).out
    assert "positive class 'Fake'" in said
    assert "100.0% of 24 images" in said


def test_evaluate_respects_a_threshold(run: Path, tmp_path: Path, command: Command) -> None:
    detector = FrozenEstimator(skfakereal.load(run / "model.skfr"))
    data = load_image_folder(make_photos(tmp_path / "in"))
    strict = FixedThresholdClassifier(detector, threshold=0.0).fit(data.data, data.target)
    joblib.dump(strict, tmp_path / "m.joblib")
    said = command("evaluate", "--trust", tmp_path / "m.joblib", tmp_path / "in").out
    assert "50.0% of 24 images were classified correctly" in said
    assert "100.0% were falsely classified as 'fake'" in said


def test_evaluate_refuses_a_taken_place_before_any_work(
    tmp_path: Path, refuse: Command
) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine.txt").write_text("mine")
    refuse("'mine.txt'", "evaluate", "no-model", "no-folder", "--out", tmp_path / "out")


@pytest.mark.slow
def test_a_model_that_is_no_better_than_chance_is_told(
    quick: list[str], tmp_path: Path, command: Command
) -> None:
    random = np.random.default_rng(0)
    for i in range(24):
        for name in ("real", "fake"):
            pixels = random.integers(0, 255, (32, 32, 3), dtype=np.uint8)
            write_image(tmp_path / "in" / name / f"{i}.png", pixels)
    out = tmp_path / "run"
    order = ["train", str(tmp_path / "in"), "--out", str(out), *quick, "--no-audit"]
    assert "Caution: This model is not clearly better" in command(*order).out
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "not clearly better than one that answers without looking" in page
