"""``skfakereal train`` on few images: figures, thresholds and calibration out of fold."""

import io
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import Folders, Patch, Said
from runs import read_csv, read_json, write_photos
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier

import skfakereal
from skfakereal import VGG16ImageClassifier
from skfakereal.cli import main
from skfakereal.thresholds import choose_threshold

Train = Callable[..., int]
N_EACH = 30


@pytest.fixture(scope="module")
def options(narrow_trunk: str) -> list[str]:
    quick = ["--image-size", "32", "--weights", narrow_trunk, "--no-augmentation"]
    return [*quick, "--n-jobs", "1", "--no-audit"]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: Folders) -> Path:
    folder = tmp_path_factory.mktemp("in") / "photos"
    write_photos(folder, {"real": 80, "fake": 110}, N_EACH, seed=0)
    return folder


@pytest.fixture(scope="module")
def run(photos: Path, options: list[str], tmp_path_factory: Folders) -> Path:
    """Return the folder of a run that chose a threshold; no test may change it."""
    out = tmp_path_factory.mktemp("out") / "run"
    assert main(["train", str(photos), "--out", str(out), *options, "--balanced"]) == 0
    return out


@pytest.fixture
def train(options: list[str], photos: Path, tmp_path: Path) -> Train:
    def train(*more: str, folder: Path = photos) -> int:
        return main(["train", str(folder), "--out", str(tmp_path / "run"), *options, *more])

    return train


def classifier(narrow_trunk: str) -> VGG16ImageClassifier:
    """Return what `train` fits with the options above."""
    return VGG16ImageClassifier(
        image_size=32, weights=narrow_trunk, augmentation=None, random_state=0
    )


def test_all_images_are_trained_on_and_tested_out_of_fold(run: Path) -> None:
    config, metrics = read_json(run / "config.json"), read_json(run / "metrics.json")
    assert config["data"]["train"] == {"real": N_EACH, "fake": N_EACH}
    assert not {"test", "validation"} & set(config["data"])
    assert config["data"]["cross_validated"] == 5
    assert {row["part"] for row in read_csv(run / "images.csv")} == {"train"}
    assert (metrics["n_images"], metrics["cross_validation"]["n_folds"]) == (60, 5)
    low, high = metrics["intervals"]["overall"]["accuracy"]
    assert low < metrics["accuracy"] < high
    rows = read_csv(run / "predictions.csv")
    assert len({row["path"] for row in rows}) == 60
    assert [sum(row["fold"] == str(k) for row in rows) for k in range(1, 6)] == [12] * 5


def test_each_fold_is_judged_by_a_model_that_chose_without_it(
    run: Path, narrow_trunk: str
) -> None:
    rows = read_csv(run / "predictions.csv")
    paths = np.array([row["path"] for row in rows])
    labels = np.array([int(row["label"] == "fake") for row in rows])
    fold = np.array([row["fold"] for row in rows])
    said = np.array([float(row["probability"]) for row in rows])
    called = np.array([int(row["predicted"] == "fake") for row in rows])
    thresholds = set()
    for k in "12345":
        fitted = classifier(narrow_trunk).fit(paths[fold != k], labels[fold != k])
        proba = fitted.predict_proba(paths[fold == k])[:, 1]
        assert said[fold == k] == pytest.approx(proba, abs=2e-6)
        threshold = choose_threshold(labels[fold != k], fitted.oof_proba_).threshold
        assert called[fold == k].tolist() == (proba >= threshold).tolist()
        thresholds.add(threshold)
    assert len(thresholds) > 1


def test_the_saved_model_and_its_threshold_are_of_all_images(
    run: Path, narrow_trunk: str, photos: Path
) -> None:
    images = skfakereal.datasets.load_image_folder(photos)
    fitted = classifier(narrow_trunk).fit(images.data, images.target)
    model = skfakereal.load(run / "model.skfr")
    assert isinstance(model, FixedThresholdClassifier)
    proba = fitted.predict_proba(images.data)
    assert model.predict_proba(images.data) == pytest.approx(proba, abs=1e-6)
    choice = choose_threshold(images.target, fitted.oof_proba_)
    assert model.threshold == pytest.approx(choice.threshold)
    decision = read_json(run / "config.json")["decision"]
    assert decision["out_of_fold"] is True
    assert (decision["n_positive"], decision["n_negative"]) == (N_EACH, N_EACH)
    assert decision["unsure"]["n_images"] == 60
    rows = read_csv(run / "validation.csv")
    assert [row["path"] for row in rows] == images.data.tolist()
    said = [float(row["probability"]) for row in rows]
    assert said == pytest.approx(fitted.oof_proba_[:, 1], abs=2e-6)


def test_page_and_card_say_what_the_figures_are(run: Path) -> None:
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "cross-validated, since 60 images are too few" in page
    assert "The model that is saved was fitted on all of them." in page
    assert "images out of fold" in page
    card = (run / "card.md").read_text(encoding="utf-8")
    assert "Cross-validated on 60 images (30 real, 30 fake)" in card
    assert "was chosen by validation among these images" in card
    for text in (page, card):
        # A threshold was chosen, and there was no audit.
        for words in ("validation images", "choose a higher threshold", "<h2>Audit</h2>"):
            assert words not in text
    assert "Tested on" not in card
    assert "| test" not in card
    assert not (run / "audit.html").exists()
    assert "audit" not in read_json(run / "config.json")["data"]


@pytest.mark.slow
def test_what_train_says_and_leaves_without_a_store(
    train: Train, capsys: Said, monkeypatch: Patch, tmp_path: Path
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    assert train("--cache", "none", "--augmentation", "none") == 0
    assert list(scratch.iterdir()) == []
    said = capsys.readouterr().out
    assert "Training on 60 images, cross-validating among them." in said
    assert "The figures are cross-validated" in said
    assert said.index("The figures are") < said.index("were classified correctly")
    assert "of the training images, classified out of fold" in said
    model = skfakereal.load(tmp_path / "run/model.skfr")
    assert isinstance(model, VGG16ImageClassifier)
    assert model.n_computed_ == 2 * N_EACH  # nothing twice
    settings = read_json(tmp_path / "run/config.json")["model"]
    assert model.cache is settings["cache"] is settings["augmentation"] is None


@pytest.mark.slow
def test_groups_are_in_one_fold_each(
    train: Train, tmp_path: Path, narrow_trunk: str
) -> None:
    levels = {f"real/r{i}": 60 + 9 * i for i in range(6)}
    levels |= {f"fake/f{i}": 100 + 9 * i for i in range(6)}
    write_photos(tmp_path / "in", levels, 5, seed=3)
    assert train(folder=tmp_path / "in") == 0
    rows = read_csv(tmp_path / "run/predictions.csv")
    folds = {Path(row["path"]).parent.name: set[str]() for row in rows}
    for row in rows:
        folds[Path(row["path"]).parent.name].add(row["fold"])
    assert len(folds) == 12
    assert all(len(found) == 1 for found in folds.values())
    metrics = read_json(tmp_path / "run/metrics.json")
    assert "No group" in metrics["cross_validation"]["how"]
    # Among the folds that the threshold comes from, too.
    images = skfakereal.datasets.load_image_folder(tmp_path / "in")
    fitted = classifier(narrow_trunk).fit(images.data, images.target, groups=images.groups)
    said = [float(r["probability"]) for r in read_csv(tmp_path / "run/validation.csv")]
    assert said == pytest.approx(fitted.oof_proba_[:, 1], abs=2e-6)


@pytest.mark.slow
def test_a_test_part_is_held_out_on_request(
    train: Train, tmp_path: Path, capsys: Said, narrow_trunk: str
) -> None:
    assert train("--test-fraction", "0.25", "--target-fpr", "0.1") == 0
    said = capsys.readouterr().out
    assert "Training on 45 images, cross-validating among them; 15" in said
    run = tmp_path / "run"
    parts = {row["path"]: row["part"] for row in read_csv(run / "images.csv")}
    trained = [path for path, part in parts.items() if part == "train"]
    rows = read_csv(run / "validation.csv")
    assert [row["path"] for row in rows] == trained
    labels = [row["label"] for row in rows]
    fitted = classifier(narrow_trunk).fit(trained, labels)
    choice = choose_threshold(labels, fitted.oof_proba_[:, 0], target_fpr=0.1)
    model = skfakereal.load(run / "model.skfr")
    assert model.threshold == pytest.approx(choice.threshold)
    assert "fold" not in read_csv(run / "predictions.csv")[0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("more", "counts"),
    [
        (["--validation-fraction", "0.25"], [36, 12, 12]),
        (["--hidden-units", "4", "--epochs", "1"], [43, 5, 12]),
    ],
)
def test_a_validation_part_is_drawn_as_before(
    more: list[str], counts: list[int], train: Train, tmp_path: Path
) -> None:
    assert train(*more) == 0
    data = read_json(tmp_path / "run/config.json")["data"]
    parts = [data[part] for part in ("train", "validation", "test")]
    assert [sum(part.values()) for part in parts] == counts
    assert read_json(tmp_path / "run/config.json")["decision"]["out_of_fold"] is False


@pytest.mark.slow
def test_probabilities_are_calibrated_out_of_fold(
    run: Path, train: Train, tmp_path: Path
) -> None:
    before, raw = read_csv(run / "validation.csv"), skfakereal.load(run / "model.skfr")
    assert train("--calibration", "sigmoid", "--balanced") == 0
    model = skfakereal.load(tmp_path / "run/model.skfr")
    assert isinstance(model, FixedThresholdClassifier)
    calibrated = model.estimator_.estimator
    assert isinstance(calibrated, CalibratedClassifierCV)
    rows = read_csv(tmp_path / "run/validation.csv")
    paths = [row["path"] for row in rows]
    y = np.array([row["label"] == "fake" for row in rows])
    out_of_fold = np.array([[float(row["probability"])] for row in before])
    after = np.array([float(row["probability"]) for row in rows])
    # A sigmoid of what was said out of fold, not of what the model says of its own images.
    (sigmoid,) = calibrated.calibrated_classifiers_[0].calibrators
    assert after == pytest.approx(sigmoid.predict(out_of_fold.ravel()), abs=1e-5)
    assert after.mean() == pytest.approx(y.mean(), abs=0.02)
    plain = LogisticRegression(C=1e6).fit(out_of_fold, y)
    assert (-sigmoid.a_ > 0) == (plain.coef_[0, 0] > 0)
    said = sigmoid.predict(raw.predict_proba(paths)[:, 1])
    assert model.predict_proba(paths)[:, 1] == pytest.approx(said, abs=1e-5)


@pytest.mark.parametrize(
    ("more", "messages"),
    [
        ([], ["at least 33", "got 24", "of the 30 there are; 42"]),
        pytest.param(
            ["--test-fraction", "0.2"],
            ["at least 33", "out of fold"],
            marks=pytest.mark.slow,
        ),
    ],
)
def test_too_few_images_for_a_target_are_refused_before_training(
    more: list[str], messages: list[str], train: Train, tmp_path: Path, capsys: Said
) -> None:
    assert train("--target-fpr", "0.03", *more) == 1
    error = capsys.readouterr().err
    for message in messages:
        assert message in error
    assert "--validation-fraction" not in error
    assert list(tmp_path.iterdir()) == []
    if more:  # of 30 real images, each fold leaves 24: enough to try
        assert train("--target-fpr", "0.04") in (0, 4)


@pytest.mark.slow
def test_broken_images_are_left_out_and_copies_are_told(
    train: Train, tmp_path: Path, photos: Path, capsys: Said
) -> None:
    folder = tmp_path / "in"
    write_photos(folder, {"real": 80, "fake": 110}, 10, seed=0)
    (folder / "real/broken.png").write_bytes(b"no image")
    for i in range(10):
        copy = folder / "fake" / f"copy{i}.png"
        copy.write_bytes((folder / "fake" / f"{i:03}.png").read_bytes())
    assert train(folder=folder) == 1
    assert "--skip-unreadable" in capsys.readouterr().err
    assert train("--skip-unreadable", folder=folder) == 3
    data = read_json(tmp_path / "run/config.json")["data"]
    assert data["train"] == {"real": 10, "fake": 20}
    said = capsys.readouterr().out
    assert "of the 30 tested images have copies, byte for byte, in other folds" in said
    assert "since 30 images are too few" in said


@pytest.mark.parametrize(
    "verb", ["evaluate", pytest.param("robustness", marks=pytest.mark.slow)]
)
def test_a_run_without_a_test_part_is_tested_on_new_images_only(
    verb: str, run: Path, photos: Path, tmp_path: Path, capsys: Said, monkeypatch: Patch
) -> None:
    more = ["--changes", "copy"] if verb == "robustness" else []

    def test(folder: Path, *options: str) -> int:
        out = str(tmp_path / "out")
        return main([verb, str(run), str(folder), "--out", out, "--force", *more, *options])

    assert test(photos) == 1
    error = capsys.readouterr().err
    assert f"validated on all {2 * N_EACH} images of this folder" in error
    assert f"{run}/report.html" in error
    assert "--split all" in error
    assert not (tmp_path / "out").exists()
    # The same images elsewhere, and a list of them.
    copy = tmp_path / "in"
    shutil.copytree(photos, copy)
    assert test(copy) == 1
    listed = "\n".join(map(str, sorted(copy.rglob("*.png")))).encode()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(listed)))
    assert test(Path("-")) == 1
    assert "listed images" in capsys.readouterr().err
    assert test(photos, "--split", "all") == 0
    said = capsys.readouterr().out
    assert "60 of the 60 tested images are, byte for byte, among those" in said
    write_photos(copy / "new", {"real": 80, "fake": 110}, 4, seed=9)
    for path in (copy / "new").rglob("*.png"):
        path.rename(copy / path.parent.name / f"new{path.name}")
    assert test(copy) == 0
    rows = read_csv(tmp_path / "out/predictions.csv")
    assert {Path(row["path"]).name[:3] for row in rows} == {"new"}
    assert "was not trained on: 8 of the 68 of" in capsys.readouterr().out


@pytest.mark.slow
def test_a_validation_folder_and_three_classes_are_cross_validated_too(
    train: Train, tmp_path: Path
) -> None:
    levels = {"real": 40, "gan": 110, "sd": 190}
    write_photos(tmp_path / "in/train", levels, 8, seed=0)
    write_photos(tmp_path / "in/validation", levels, 4, seed=1)
    assert train("--classes", "real,gan,sd", folder=tmp_path / "in") == 0
    rows = read_csv(tmp_path / "run/predictions.csv")
    assert len(rows) == 24
    assert {row["fold"] for row in rows} == set("12345")
    assert all("/train/" in row["path"] for row in rows)
    assert len(read_csv(tmp_path / "run/validation.csv")) == 12
    data = read_json(tmp_path / "run/config.json")["data"]
    assert data["cross_validated"] == 5
    assert data["validation"] == dict.fromkeys(levels, 4)


@pytest.mark.slow
def test_options_that_prepare_images(train: Train, run: Path, tmp_path: Path) -> None:
    more = ("--augmentation", "shared", "--n-views", "1", "--resize", "shrink")
    assert train("--test-fraction", "0.5", *more, "--n-crops", "5") == 0
    found = read_json(tmp_path / "run/config.json")["model"]
    chosen = {name: found[name] for name in ("augmentation", "resize", "n_crops")}
    assert chosen == {"augmentation": "shared", "resize": "shrink", "n_crops": 5}
    # That run was told --no-augmentation.
    assert read_json(run / "config.json")["model"]["augmentation"] is None
