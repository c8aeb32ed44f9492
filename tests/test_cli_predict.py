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
from conftest import MakeImage
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
def predict(capsys: pytest.CaptureFixture[str]) -> Predict:
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
    assert [row["label"] for row in rows if not row["error"]] == ["real"] * 70 + [
        "fake"
    ] * 2


def test_only_bad_images(predict: Predict, model: str) -> None:
    code, rows = predict(model, "missing.png")
    assert code == 3
    assert [row["label"] for row in rows] == [""]


def wrapped(kind: str, clf: VGG16ImageClassifier, images: Images, trunk: str) -> Any:
    X, y = images
    match kind:
        case "threshold":
            return FixedThresholdClassifier(FrozenEstimator(clf), threshold=1e-9).fit(X, y)
        case "pipeline":
            features = VGG16FeatureExtractor(image_size=(32, 32), weights=trunk)
            return make_pipeline(features, LogisticRegression(C=1e4)).fit(X, y)
        case "column":
            return BaggingClassifier(
                make_pipeline(
                    FunctionTransformer(first_column), LogisticRegression(max_iter=1000)
                ),
                n_estimators=2,
                random_state=0,
            ).fit(X[:, np.newaxis], y)
        case "no probability":
            return make_pipeline(
                FunctionTransformer(brightness_by_pillow), LinearSVC(C=1.0)
            ).fit(X, y)
        case _:
            return make_pipeline(
                FunctionTransformer(brightness_by_pillow), LogisticRegression(max_iter=1000)
            ).fit(X, y)


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
    predict: Predict, make_classifier: Any, dark_and_bright: Images, save: Any, dark: str
) -> None:
    path = save(make_classifier(on_error="nan", epochs=1).fit(*dark_and_bright))
    code, rows = predict(path, "missing.png", dark)
    assert code == 3
    assert rows[0]["error"] == "does not exist"
    assert rows[1]["label"] != ""


@pytest.mark.parametrize(
    ("labels", "positive", "column"),
    [
        (["real", "fake"], None, "fake"),
        (["Fake", "photo"], None, "Fake"),
        ([0, 1], None, 1),
        (["cat", "dog"], "dog", "dog"),
        ([0, 1], "real", 0),
    ],
)
def test_which_probability_is_told(
    labels: list[Any],
    positive: str | None,
    column: Any,
    predict: Predict,
    save: Callable[[Any], str],
    dark: str,
) -> None:
    weights = [1, 2, 2]
    y = [labels[0], labels[1], labels[1]]
    model = DummyClassifier(strategy="prior").fit([["a"], ["b"], ["c"]], y)
    words = [] if positive is None else ["--pos-label", positive]
    _, rows = predict(save(model), dark, *words)
    share = {labels[0]: 1 / 3, labels[1]: 2 / 3}[column]
    assert sum(weights) == 5
    assert float(rows[0]["probability"]) == pytest.approx(share, abs=1e-6)


def test_more_than_two_classes_tell_the_probability_of_the_label(
    predict: Predict, save: Callable[[Any], str], dark: str
) -> None:
    y = ["real", "sd14", "sd14", "gan"]
    model = DummyClassifier(strategy="prior").fit([["a"]] * 4, y)
    _, rows = predict(save(model), dark)
    assert (rows[0]["label"], float(rows[0]["probability"])) == ("sd14", 0.5)
    _, rows = predict(save(model), dark, "--pos-label", "gan")
    assert (rows[0]["label"], float(rows[0]["probability"])) == ("sd14", 0.25)


def test_folders_are_searched(predict: Predict, model: str, make_image: MakeImage) -> None:
    files = [make_image(f"in/{name}") for name in ("b.png", "a/z.PNG", "a.jpg")]
    Path(files[0]).with_name("notes.txt").write_text("no image")
    code, rows = predict(model, str(Path(files[0]).parent))
    assert code == 0
    assert [row["path"] for row in rows] == sorted(files)


def test_json_is_one_document_with_a_row_a_line(
    model: str, dark: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["predict", "--trust", model, dark, "gone.png", "--format", "json"]) == 3
    text = capsys.readouterr().out
    first, second = json.loads(text)
    assert (first["path"], first["label"], first["error"]) == (dark, "real", None)
    assert 0 <= first["probability"] < 0.5
    assert second["label"] is second["probability"] is None
    assert second["error"] == "does not exist"
    assert len(text.splitlines()) == 4


def test_table_is_for_people(
    model: str, dark: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    nasty = str(tmp_path / "a\x1b[2J\nb.png")
    Path(dark).rename(nasty)
    assert main(["predict", "--trust", model, nasty, "gone.png"]) == 3
    output = capsys.readouterr()
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
    capsys: pytest.CaptureFixture[str],
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
    dark_and_bright: Images,
    dark: str,
    save: Callable[[Any], str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    X, y = dark_and_bright
    row = make_pipeline(FunctionTransformer(brightness_by_pillow), LinearSVC())
    model = CalibratedClassifierCV(row, cv=2).fit(X, y)
    assert main(["predict", "--trust", save(model), dark]) == 0
    assert capsys.readouterr().err == "skfakereal: 1 image: 1 real\n"


@pytest.mark.parametrize("verb", ["predict", "score"])
@pytest.mark.parametrize("remarks", [[], ["It has learned little."]])
def test_cautions_of_the_run_are_told_again(
    remarks: list[str],
    verb: str,
    model: str,
    dark: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
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
    model: str, dark: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "rows.json"
    assert main(["predict", "--trust", model, dark, "--out", str(out)]) == 0
    assert json.loads(out.read_text())[0]["label"] == "real"
    out.write_text("mine")
    assert main(["predict", "--trust", model, dark, "--out", str(out)]) == 1
    assert "--force" in capsys.readouterr().err
    assert out.read_text() == "mine"
    assert main(["predict", "--trust", model, dark, "--out", str(out), "--force"]) == 0
    assert json.loads(out.read_text())[0]["label"] == "real"


@pytest.mark.parametrize("verb", ["predict", "provenance", "score"])
def test_out_never_replaces_what_is_read(
    verb: str, model: str, dark: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
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
        assert main([*call, "--force"]) == 1
        assert "another file than those that are read" in capsys.readouterr().err
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


def test_progress_goes_to_standard_error(
    model: str, dark: str, capsys: pytest.CaptureFixture[str]
) -> None:
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
    content: Any,
    message: str,
    tmp_path: Path,
    dark: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    path = tmp_path / "m.joblib"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        joblib.dump(content, path)
    assert main(["predict", "--trust", str(path), dark]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1


def test_a_positive_class_that_is_open_or_unknown_is_an_error(
    save: Callable[[Any], str], dark: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = save(DummyClassifier().fit([["a"], ["b"]], ["cat", "dog"]))
    assert main(["predict", "--trust", path, dark]) == 1
    assert "pos_label" in capsys.readouterr().err
    assert main(["predict", "--trust", path, dark, "--pos-label", "cow"]) == 1
    assert "--pos-label must be one of the classes" in capsys.readouterr().err


def test_a_folder_without_images_or_model(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "nothing").mkdir()
    assert main(["predict", "--trust", model, str(tmp_path / "nothing")]) == 1
    assert "no folder holds any" in capsys.readouterr().err
    assert main(["predict", "--trust", str(tmp_path / "nothing"), "a.png"]) == 1
    assert "model.skfr in it" in capsys.readouterr().err


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
    assert [row["path"] for row in rows] == [
        dark,
        url,
        "",
        str(ring),
        str(folder / "fine.png"),
    ]
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
    verb: str,
    name: str,
    dark: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    trace, file = tmp_path / "it-ran", tmp_path / name
    trusted, told = NAMES[name]
    joblib.dump(Trap(trace), file)
    words = [word.format(image=dark, folder=tmp_path) for word in VERBS[verb]]
    assert main([verb, str(file), *words, *trusted]) == 1
    said = capsys.readouterr().err
    assert told in said
    assert len(said.splitlines()) == 1
    assert not trace.exists()
    # Who insists gets it.
    joblib.dump(Trap(trace), tmp_path / "insisted.joblib")
    assert main([verb, str(tmp_path / "insisted.joblib"), *words, "--trust"]) == 1
    assert trace.exists()


def test_a_safe_model_is_one_whatever_its_name(
    fitted_classifier: VGG16ImageClassifier,
    bright: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    skfakereal.save(fitted_classifier, tmp_path / "model.skfr")
    (tmp_path / "model.skfr").rename(tmp_path / "model.skfr.bak")
    assert main(["predict", str(tmp_path / "model.skfr.bak"), bright]) == 0
    assert "fake" in capsys.readouterr().out
