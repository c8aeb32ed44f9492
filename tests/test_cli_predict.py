"""``skfakereal predict``: one row for each image, whatever is broken, for any classifier."""

import csv
import io
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from conftest import Command, Fit, MakeImage, Said
from numpy.typing import NDArray
from reading import brightness_by_pillow
from sklearn.calibration import CalibratedClassifierCV
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import BaggingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import LinearSVC

import skfakereal
from skfakereal import VGG16FeatureExtractor, VGG16ImageClassifier
from skfakereal.cli import main

Images = tuple[NDArray[np.str_], NDArray[np.int64]]
Predict = Callable[..., tuple[int, list[dict[str, str]]]]


@pytest.fixture
def save(tmp_path: Path) -> Callable[[Any], str]:
    def save_model(model: Any) -> str:
        joblib.dump(model, tmp_path / "some.joblib")
        return str(tmp_path / "some.joblib")

    return save_model


@pytest.fixture
def predict(capsys: Said) -> Predict:
    """Return a function that runs the verb and reads the CSV that it prints."""

    def run(model: str, *words: str) -> tuple[int, list[dict[str, str]]]:
        code = main(["predict", "--trust", model, *words, "--format", "csv"])
        rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
        return code, rows

    return run


@pytest.fixture
def dark(make_image: MakeImage) -> str:
    return make_image("dark.png", (9, 9, 9))


@pytest.fixture
def bright(make_image: MakeImage) -> str:
    return make_image("bright.png", (250, 250, 250))


@pytest.fixture
def model(fitted_classifier: VGG16ImageClassifier, save: Callable[[Any], str]) -> str:
    return save(fitted_classifier)


def test_rows_are_those_of_the_estimator(
    predict: Predict,
    model: str,
    fitted_classifier: VGG16ImageClassifier,
    dark: str,
    bright: str,
) -> None:
    code, rows = predict(model, bright, dark, bright)
    assert code == 0
    assert [row["path"] for row in rows] == [bright, dark, bright]
    assert [row["label"] for row in rows] == ["fake", "real", "fake"]
    fake = fitted_classifier.predict_proba([bright, dark, bright])[:, 1]
    assert [float(row["probability"]) for row in rows] == pytest.approx(fake, abs=1e-6)
    assert {row["error"] for row in rows} == {""}


def test_bad_images_are_rows_among_many(
    predict: Predict, model: str, dark: str, bright: str, tmp_path: Path
) -> None:
    text, empty, short = (str(tmp_path / name) for name in ("t.jpg", "e.png", "s.png"))
    Path(text).write_text("no image")
    Path(empty).write_bytes(b"")
    Path(short).write_bytes(Path(dark).read_bytes()[:-30])
    missing = str(tmp_path / "missing.png")
    # More than one chunk, with broken ones in each, and one of them twice.
    paths = [text, *[dark] * 70, empty, bright, short, missing, missing, bright]
    code, rows = predict(model, *paths)
    assert code == 3
    assert [row["path"] for row in rows] == paths
    broken = {row["path"]: row["error"] for row in rows if row["error"]}
    assert set(broken) == {text, empty, short, missing}
    assert "not an image" in broken[text]
    assert "empty" in broken[empty]
    assert "truncated" in broken[short]
    assert "does not exist" in broken[missing]
    for row in rows:
        assert bool(row["error"]) == (row["label"] == "") == (row["probability"] == "")
    labels = [row["label"] for row in rows if not row["error"]]
    assert labels == ["real"] * 70 + ["fake"] * 2
    code, rows = predict(model, missing)  # and nothing else
    assert (code, rows[0]["label"]) == (3, "")


def wrapped(kind: str, clf: VGG16ImageClassifier, images: Images, trunk: str) -> Any:
    X, y = images
    head, by_pillow = LogisticRegression(max_iter=1000), brightness_by_pillow
    if kind == "threshold":
        model: Any = FixedThresholdClassifier(FrozenEstimator(clf), threshold=1e-9)
    elif kind == "pipeline":
        features = VGG16FeatureExtractor(image_size=(32, 32), weights=trunk)
        model = make_pipeline(features, LogisticRegression(C=1e4))
    elif kind == "column":
        model = make_pipeline(FunctionTransformer(first_column), head)
        model, X = BaggingClassifier(model, n_estimators=2, random_state=0), X[:, None]
    else:
        last = LinearSVC(C=1.0) if kind == "no probability" else head
        model = make_pipeline(FunctionTransformer(by_pillow), last)
    return model.fit(X, y)


def first_column(X: NDArray[Any]) -> NDArray[np.float64]:
    return brightness_by_pillow(X[:, 0])


@pytest.mark.parametrize(
    "kind", ["threshold", "pipeline", "column", "no probability", "own step"]
)
def test_any_classifier_over_paths(
    kind: str,
    predict: Predict,
    fitted_classifier: VGG16ImageClassifier,
    dark_and_bright: Images,
    narrow_trunk: str,
    save: Callable[[Any], str],
    make_image: MakeImage,
    tmp_path: Path,
) -> None:
    path = save(wrapped(kind, fitted_classifier, dark_and_bright, narrow_trunk))
    # As the images that the models know, so that none has to reach beyond them.
    dark, bright = make_image("dark.png", 20), make_image("bright.png", 235)
    (tmp_path / "broken.png").write_bytes(b"\x89PNG broken")
    broken = [str(tmp_path / "broken.png"), str(tmp_path / "gone.png")]
    code, rows = predict(path, dark, *broken, bright)
    assert code == 3
    first = "fake" if kind == "threshold" else "real"
    assert [row["label"] for row in rows] == [first, "", "", "fake"]
    assert [bool(row["error"]) for row in rows] == [False, True, True, False]
    shown = [row["probability"] != "" for row in rows]
    assert shown == [kind != "no probability", False, False, kind != "no probability"]


def test_a_classifier_that_lets_bad_images_pass_still_names_them(
    predict: Predict, fit: Fit, save: Any, dark: str
) -> None:
    path = save(fit(on_error="nan", epochs=1))
    code, rows = predict(path, "missing.png", dark)
    assert code == 3
    assert rows[0]["error"] == "does not exist"
    assert rows[1]["label"] != ""


@pytest.mark.parametrize(
    ("y", "positive", "probability"),
    [
        (["real", "fake", "fake"], None, 2 / 3),
        (["Fake", "photo", "photo"], None, 1 / 3),
        ([0, 1, 1], None, 2 / 3),
        (["cat", "dog", "dog"], "dog", 2 / 3),
        ([0, 1, 1], "real", 1 / 3),
        # Of more than two classes, that of the label.
        (["real", "sd14", "sd14", "gan"], None, 0.5),
        (["real", "sd14", "sd14", "gan"], "gan", 0.25),
    ],
)
def test_which_probability_is_told(
    y: list[Any],
    positive: str | None,
    probability: float,
    predict: Predict,
    save: Callable[[Any], str],
    dark: str,
) -> None:
    model = DummyClassifier(strategy="prior").fit([["a"]] * len(y), y)
    words = [] if positive is None else ["--pos-label", positive]
    _, (row,) = predict(save(model), dark, *words)
    assert float(row["probability"]) == pytest.approx(probability, abs=1e-6)
    assert row["label"] == {0: "real", 1: "fake"}.get(y[1], y[1])


def test_folders_are_searched(predict: Predict, model: str, make_image: MakeImage) -> None:
    files = [make_image(f"in/{name}") for name in ("b.png", "a/z.PNG", "a.jpg")]
    Path(files[0]).with_name("notes.txt").write_text("no image")
    code, rows = predict(model, str(Path(files[0]).parent))
    assert code == 0
    assert [row["path"] for row in rows] == sorted(files)


def test_json_is_one_document_with_a_row_a_line(
    model: str, dark: str, command: Command
) -> None:
    text = command(
        "predict", "--trust", model, dark, "gone.png", "--format", "json", code=3
    ).out
    first, second = json.loads(text)
    assert (first["path"], first["label"], first["error"]) == (dark, "real", None)
    assert 0 <= first["probability"] < 0.5
    assert second["label"] is second["probability"] is None
    assert second["error"] == "does not exist"
    assert len(text.splitlines()) == 4


def test_table_is_for_people(
    model: str, dark: str, command: Command, tmp_path: Path
) -> None:
    nasty = str(tmp_path / "a\x1b[2J\nb.png")
    Path(dark).rename(nasty)
    output = command("predict", "--trust", model, nasty, "gone.png", code=3)
    header, first, unlike, second = output.out.splitlines()
    assert header.split() == ["P(fake)", "label", "image"]
    assert unlike.strip().startswith("It is unlike 99% of the training images")
    assert first.split()[1] == "real"
    assert first.endswith("a\\x1b[2J\\nb.png")
    assert second.split(maxsplit=3) == ["-", "-", "gone.png", "(does not exist)"]
    told = "2 images: 1 could not be read, 1 real (fake from a probability of 0.500)"
    assert output.err == f"skfakereal: {told}\n"


@pytest.mark.parametrize(("threshold", "pos_label"), [(0.25, 1), (0.8, 0), (0.6, None)])
def test_the_threshold_in_use_is_told(
    threshold: float,
    pos_label: int | None,
    fitted_classifier: VGG16ImageClassifier,
    dark_and_bright: Images,
    dark: str,
    save: Callable[[Any], str],
    tmp_path: Path,
    capsys: Said,
) -> None:
    decided = FixedThresholdClassifier(
        FrozenEstimator(fitted_classifier),
        threshold=threshold,
        pos_label=pos_label,
        response_method="predict_proba",
    ).fit(*dark_and_bright)
    skfakereal.save(decided, tmp_path / "some.skfr")
    name = "real" if pos_label == 0 else "fake"
    for model in ([str(tmp_path / "some.skfr")], [save(decided), "--trust"]):
        assert main(["predict", *model, dark]) == 0
        told = f"({name} from a probability of {threshold:.3f})\n"
        assert capsys.readouterr().err.endswith(told)


def test_no_threshold_is_told_where_none_is_known(
    dark_and_bright: Images, dark: str, save: Callable[[Any], str], command: Command
) -> None:
    X, y = dark_and_bright
    row = make_pipeline(FunctionTransformer(brightness_by_pillow), LinearSVC())
    model = CalibratedClassifierCV(row, cv=2).fit(X, y)
    said = command("predict", "--trust", save(model), dark).err
    assert said == "skfakereal: 1 image: 1 real\n"


@pytest.mark.parametrize("verb", ["predict", "score"])
@pytest.mark.parametrize("remarks", [[], ["It has learned little."]])
def test_cautions_of_the_run_are_told_again(
    remarks: list[str], verb: str, model: str, dark: str, capsys: Said, tmp_path: Path
) -> None:
    Path(model).rename(tmp_path / "model.joblib")
    config = {"skfakereal": "0.1.0", "remarks": remarks}
    (tmp_path / "config.json").write_text(json.dumps(config))
    words = [dark, "--out", str(tmp_path / "rows.csv")]
    assert main([verb, "--trust", str(tmp_path), *words]) == 1
    told = f"If you trust the maker of {str(tmp_path / 'model.joblib')!r}"
    assert told in capsys.readouterr().err
    assert main([verb, "--trust", str(tmp_path / "model.joblib"), *words]) == 0
    told = f"1 caution on this model: read {tmp_path}/report.html before"
    assert (told in capsys.readouterr().err) == bool(remarks)


def test_out_is_never_overwritten_unasked(
    model: str, dark: str, tmp_path: Path, refuse: Command
) -> None:
    out = tmp_path / "rows.json"
    assert main(["predict", "--trust", model, dark, "--out", str(out)]) == 0
    assert json.loads(out.read_text())[0]["label"] == "real"
    out.write_text("mine")
    refuse("--force", "predict", "--trust", model, dark, "--out", out)
    assert out.read_text() == "mine"
    assert main(["predict", "--trust", model, dark, "--out", str(out), "--force"]) == 0
    assert json.loads(out.read_text())[0]["label"] == "real"


@pytest.mark.parametrize("verb", ["predict", "provenance", "score"])
def test_out_never_replaces_what_is_read(
    verb: str, model: str, dark: str, tmp_path: Path, refuse: Command
) -> None:
    listed = tmp_path / "images.csv"
    listed.write_text(dark)
    words = {
        "predict": [
            ["predict", model, dark, "--trust", "--out", out] for out in (dark, model)
        ],
        "provenance": [["provenance", dark, "--out", dark]],
        "score": [
            ["score", model, "--trust", "--from", str(listed), "--out", str(listed)],
            ["score", model, dark, "--trust", "--format", "csv", "--out", model],
            ["score", model, dark, "--trust", "--format", "csv", "--out", dark],
        ],
    }[verb]
    before = {path: path.read_bytes() for path in map(Path, (model, dark, listed))}
    for call in words:
        refuse("another file than those that are read", *call, "--force")
    assert {path: path.read_bytes() for path in before} == before


def test_names_that_are_no_text_come_back_as_they_are(
    model: str, dark: str, tmp_path: Path
) -> None:
    odd = os.fsencode(tmp_path) + b"/odd\xff, \xc3\xa9.png"
    Path(dark).rename(os.fsdecode(odd))
    out = tmp_path / "rows.csv"
    assert main(["predict", "--trust", model, os.fsdecode(odd), "--out", str(out)]) == 0
    with out.open(encoding="utf-8", errors="surrogateescape", newline="") as file:
        (row,) = csv.DictReader(file)
    assert os.fsencode(row["path"]) == odd


def test_progress_goes_to_standard_error(model: str, dark: str, capsys: Said) -> None:
    main(["predict", "--trust", model, dark, "--format", "csv"])
    assert "predict:" not in capsys.readouterr().err
    main(["predict", "--trust", model, dark, "--format", "csv", "--progress"])
    output = capsys.readouterr()
    assert "predict:" in output.err
    assert len(output.out.splitlines()) == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"no pickle", "cannot be loaded as a joblib file"),
        ({"a": 1}, "holds an object of type dict"),
        (VGG16ImageClassifier(), "not fitted"),
        (VGG16FeatureExtractor(), "holds an object of type VGG16FeatureExtractor"),
    ],
)
def test_what_is_no_model(
    content: Any, message: str, tmp_path: Path, dark: str, command: Command
) -> None:
    path = tmp_path / "m.joblib"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        joblib.dump(content, path)
    error = command("predict", "--trust", path, dark, code=1).err
    assert message in error
    assert len(error.splitlines()) == 1


def test_a_positive_class_that_is_open_or_unknown_is_an_error(
    save: Callable[[Any], str], dark: str, refuse: Command
) -> None:
    path = save(DummyClassifier().fit([["a"], ["b"]], ["cat", "dog"]))
    refuse("pos_label", "predict", "--trust", path, dark)
    refuse("--pos-label must be", "predict", "--trust", path, dark, "--pos-label", "cow")


def test_a_folder_without_images_or_model(
    model: str, tmp_path: Path, refuse: Command
) -> None:
    (tmp_path / "nothing").mkdir()
    refuse("no folder holds any", "predict", "--trust", model, tmp_path / "nothing")
    refuse("model.skfr in it", "predict", "--trust", tmp_path / "nothing", "a.png")


def test_what_is_no_local_file_is_a_row_too(
    predict: Predict, model: str, dark: str, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    ring = folder / "ring.png"
    ring.symlink_to(ring)
    (folder / "fine.png").write_bytes(Path(dark).read_bytes())
    url = "https://example.org/x.jpg"
    code, rows = predict(model, dark, url, "", str(ring), str(folder))
    assert code == 3
    paths = [dark, url, "", str(ring), str(folder / "fine.png")]
    assert [row["path"] for row in rows] == paths
    assert "URL" in rows[1]["error"]
    assert "empty path" in rows[2]["error"]
    assert rows[3]["error"]
    assert [bool(row["label"]) for row in rows] == [True, False, False, False, True]


class Trap:
    """What leaves a trace where it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> Any:
        return Path.touch, (self.trace,)


VERBS = {
    "predict": ["{image}"],
    "score": ["{image}", "--out", "{folder}/scores.csv"],
    "explain": ["{image}", "--out", "{folder}/why"],
    "evaluate": ["{folder}"],
    "robustness": ["{folder}"],
}


NAMES: dict[str, tuple[list[str], str]] = {
    "m.joblib": ([], "add --trust"),
    "M.PKL": ([], "add --trust"),
    "model.skfr": (["--trust"], "looks like a pickle"),
    "model.skfr.bak": (["--trust"], "Only a file whose name ends in .joblib or .pkl"),
    "photo.jpg": (["--trust"], "Only a file whose name ends in .joblib or .pkl"),
    "model": (["--trust"], "Only a file whose name ends in .joblib or .pkl"),
}


@pytest.mark.parametrize(
    ("verb", "name"),
    [
        *[(verb, name) for verb in VERBS for name in ("m.joblib", "photo.jpg")],
        *[("predict", name) for name in NAMES],
    ],
)
def test_no_pickle_is_loaded_by_surprise(
    verb: str, name: str, dark: str, tmp_path: Path, command: Command
) -> None:
    trace, file = tmp_path / "it-ran", tmp_path / name
    trusted, told = NAMES[name]
    joblib.dump(Trap(trace), file)
    words = [word.format(image=dark, folder=tmp_path) for word in VERBS[verb]]
    said = command(verb, file, *words, *trusted, code=1).err
    assert told in said
    assert len(said.splitlines()) == 1
    assert not trace.exists()
    # Who insists gets it.
    joblib.dump(Trap(trace), tmp_path / "insisted.joblib")
    assert main([verb, str(tmp_path / "insisted.joblib"), *words, "--trust"]) == 1
    assert trace.exists()


def test_a_safe_model_is_one_whatever_its_name(
    fitted_classifier: VGG16ImageClassifier, bright: str, tmp_path: Path, command: Command
) -> None:
    skfakereal.save(fitted_classifier, tmp_path / "model.skfr")
    (tmp_path / "model.skfr").rename(tmp_path / "model.skfr.bak")
    assert "fake" in command("predict", tmp_path / "model.skfr.bak", bright).out
