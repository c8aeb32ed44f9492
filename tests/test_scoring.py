"""Scoring: one row for each image, whatever its name and state, and the estimator's verdict."""

import csv
import hashlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from conftest import Fit, Images, MakeExtractor, MakeImage, Patch
from PIL import Image
from reading import brightness
from scoring_models import fit_brightness, score_greys, write_greys
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import LinearSVC

from skfakereal import VGG16FeatureExtractor
from skfakereal.scoring import score_paths
from skfakereal.scoring._score import prepare_model


@pytest.fixture
def greys(tmp_path: Path) -> list[str]:
    return write_greys(tmp_path / "greys", 12)


@pytest.fixture
def model(greys: list[str]) -> Any:
    return fit_brightness(greys)


def rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", errors="surrogateescape", newline="") as stream:
        return list(csv.DictReader(stream))


def test_rows_are_those_of_the_estimator(
    tmp_path: Path, greys: list[str], model: Any
) -> None:
    result = score_greys(tmp_path / "s.csv", greys, model)
    rows = rows_of(result.path)
    assert [row["path"] for row in rows] == greys
    fake = model.predict_proba(np.array(greys, object))[:, 1]
    assert [float(row["probability"]) for row in rows] == pytest.approx(fake, rel=1e-8)
    assert [row["label"] for row in rows] == ["real"] * 6 + ["fake"] * 6
    assert {row["model"] for row in rows} == {result.model[:16]}
    assert (result.n_images, result.n_before, result.n_scored) == (12, 0, 12)
    assert (result.labels, result.errors) == ({"fake": 6, "real": 6}, {})


@pytest.mark.parametrize("kind", ["alone", "tuned", "features"])
def test_decisions_of_wrapped_classifiers_are_their_own(
    kind: str,
    fitted_classifier: Any,
    make_extractor: MakeExtractor,
    dark_and_bright: Images,
    tmp_path: Path,
) -> None:
    X, y = dark_and_bright
    frozen = FrozenEstimator(fitted_classifier)
    model: Any = {
        "alone": fitted_classifier,
        "tuned": TunedThresholdClassifierCV(frozen, cv="prefit", refit=False),
        "features": make_pipeline(make_extractor(), LogisticRegression(C=1e4)),
    }[kind]
    if kind != "alone":
        model.fit(X, y)
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no image at all")
    paths = [*X.tolist(), str(broken), str(tmp_path / "gone.png")]
    result = score_paths(model, paths, tmp_path / "s.csv", part_size=9)
    rows = rows_of(result.path)
    assert [row["label"] for row in rows[:-2]] == [str(label) for label in model.predict(X)]
    chances = [float(row["probability"]) for row in rows[:-2]]
    # Part by part: scikit-learn's sums in float32 depend on how many rows there are.
    assert chances == pytest.approx(model.predict_proba(X)[:, 1], rel=1e-5)
    assert [row["reason"] for row in rows[-2:]] == ["not an image", "missing"]
    assert [row["probability"] for row in rows[-2:]] == ["", ""]


def test_what_cannot_be_read_has_a_row(
    tmp_path: Path, greys: list[str], model: Any
) -> None:
    files = {"text.jpg": b"no image", "empty.png": b""}
    files["short.png"] = Path(greys[0]).read_bytes()[:-20]
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    huge = tmp_path / "huge.png"
    Image.new("1", (20_000, 10_000)).save(huge)
    bad = [str(tmp_path / name) for name in files]
    bad += [str(huge), str(tmp_path), "/no\0where.png", "http://a.b/c.png", "", "gone.png"]
    paths = [*bad, *greys]
    result = score_greys(tmp_path / "s.csv", paths, model)
    rows = rows_of(result.path)
    reasons = ["not an image", "empty", "truncated", "too large", "directory", "unreadable"]
    reasons += ["not a path", "not a path", "missing"]
    assert [row["reason"] for row in rows] == reasons + [""] * 12
    assert all(row["error"] and not row["label"] for row in rows[: len(bad)])
    assert result.errors == {reason: reasons.count(reason) for reason in sorted(reasons)}


ODD = [
    *("a,b.png", 'quo"te.png', "line\nbreak.png", "carriage\rreturn.png", "😀.png"),
    *("not\udcfftext.png", " space .png", "tab\t.png", "=1+1.png", "'.png"),
]


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_odd_names_of_files_and_classes(
    tmp_path: Path, model: Any, greys: list[str], ending: str
) -> None:
    paths = []
    for name in ODD:
        paths.append(str(tmp_path / "odd" / name))
        Path(paths[-1]).parent.mkdir(exist_ok=True)
        Path(paths[-1]).write_bytes(Path(greys[-1]).read_bytes())
    settings = {"target_names": ["re,al", "fa\udcffke"], "all_classes": True}
    result = score_greys(tmp_path / f"s.{ending}", paths, model, **settings)
    assert result.labels == {"fa\udcffke": len(ODD)}
    names = ["probability_re,al", "probability_fa\udcffke"]
    if ending == "csv":
        rows = rows_of(result.path)
        assert [row["path"] for row in rows] == paths
        assert os.fsencode(paths[5]) in result.path.read_bytes()
        assert list(rows[0])[3:5] == names
    else:
        table = pq.read_table(result.path)
        told = table["path"].to_pylist()
        assert told == [path.replace("\udcff", "\\udcff") for path in paths]
        assert table.column_names[3:5] == [n.replace("\udcff", "\\udcff") for n in names]


def test_parquet_has_the_rows_of_csv(tmp_path: Path, model: Any, greys: list[str]) -> None:
    paths = [*greys, "gone.png", greys[0]]
    settings = {"all_classes": True, "digests": True}
    told = score_greys(tmp_path / "s.csv", paths, model, **settings)
    kept = score_greys(tmp_path / "s.parquet", paths, model, **settings)
    table = pq.read_table(kept.path)
    assert table.column_names == list(rows_of(told.path)[0])
    assert [str(column.type) for column in table.schema] == [
        *("string", "string", "double", "double", "double"),
        *("string", "string", "string", "string"),
    ]
    texts = [
        {name: "" if value is None else str(value) for name, value in row.items()}
        for row in table.to_pylist()
    ]
    assert texts == rows_of(told.path)


def test_numbers_of_numpy_are_numbers(tmp_path: Path, model: Any, greys: list[str]) -> None:
    settings = {"digests": np.True_, "provenance": np.False_}
    result = score_greys(
        tmp_path / "s.csv", greys, model, part_size=np.int64(5), **settings
    )
    again = score_greys(tmp_path / "s.csv", greys, model, part_size=5, digests=True)
    assert (again.n_before, again.path) == (12, result.path)


def test_all_classes_and_digests(tmp_path: Path, greys: list[str], model: Any) -> None:
    result = score_greys(
        tmp_path / "s.csv", [*greys, "gone.png"], model, all_classes=True, digests=True
    )
    *rows, last = rows_of(result.path)
    for path, row in zip(greys, rows, strict=True):
        both = float(row["probability_real"]) + float(row["probability_fake"])
        assert both == pytest.approx(1, abs=1e-8)
        assert row["probability"] == row["probability_fake"]
        assert row["sha256"] == hashlib.sha256(Path(path).read_bytes()).hexdigest()
    assert (last["probability_real"], last["sha256"]) == ("", "")


def test_a_classifier_without_probabilities(tmp_path: Path, greys: list[str]) -> None:
    model = make_pipeline(FunctionTransformer(brightness), LinearSVC(C=100))
    model.fit(np.array(greys, object), np.arange(12) >= 6)
    rows = rows_of(score_greys(tmp_path / "s.csv", greys, model, all_classes=True).path)
    assert [row["label"] for row in rows] == ["real"] * 6 + ["fake"] * 6
    assert {row["probability"] for row in rows} == {""}


def test_more_than_two_classes_tell_the_probability_of_the_label(
    tmp_path: Path, greys: list[str]
) -> None:
    model = make_pipeline(FunctionTransformer(brightness), LogisticRegression(C=1e4))
    model.fit(np.array(greys, object), np.repeat(["a", "b", "c"], 4))
    result = score_paths(model, greys, tmp_path / "s.csv", all_classes=True)
    for row in rows_of(result.path):
        assert row["probability"] == row[f"probability_{row['label']}"]


def calls_of(X: Any) -> Any:
    CALLS.extend(X)
    return brightness(X)


CALLS: list[str] = []


def test_what_is_named_twice_is_scored_once_and_has_both_rows(
    tmp_path: Path, greys: list[str]
) -> None:
    model = make_pipeline(FunctionTransformer(calls_of), LogisticRegression(C=100))
    model.fit(np.array(greys, object), np.arange(12) >= 6)
    paths = [*greys[:4], greys[0], *greys, *greys[::-1]]
    CALLS.clear()
    result = score_greys(tmp_path / "s.csv", paths, model)
    assert sorted(CALLS) == greys
    assert (result.n_images, result.n_scored) == (len(paths), 12)
    rows = rows_of(result.path)
    assert [row["path"] for row in rows] == paths
    one = {row["path"]: row for row in rows}
    assert all(row == one[row["path"]] for row in rows)


def test_an_empty_list_is_a_header(tmp_path: Path, model: Any) -> None:
    result = score_greys(tmp_path / "s.csv", [], model)
    assert result.path.read_text() == "path,label,probability,reason,error,model\n"
    assert (result.n_images, result.labels) == (0, {})


def test_lists_of_any_kind_give_the_same(
    tmp_path: Path, greys: list[str], model: Any
) -> None:
    def one_at_a_time() -> Iterator[Path]:
        yield from map(Path, greys)

    kinds = [greys, np.array(greys), np.array(greys)[:, None], one_at_a_time()]
    told = {
        score_greys(tmp_path / f"{i}.csv", paths, model).path.read_bytes()
        for i, paths in enumerate(kinds)
    }
    assert len(told) == 1


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        ("a.png", "got one path: 'a.png'"),
        (["a.png", 3], r"paths\[1\] must be the path of an image .* got 3 of type int"),
        (["a.png", None], r"paths\[1\] must be"),
        (np.zeros((2, 2)), r"shape \(n_images,\) or \(n_images, 1\), got \(2, 2\)"),
    ],
)
def test_what_is_no_list_of_paths(
    tmp_path: Path, model: Any, paths: Any, message: str
) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        score_greys(tmp_path / "s.csv", paths, model)


@pytest.mark.parametrize(
    ("out", "settings", "message"),
    [
        ("s.json", {}, "must end in .csv or .parquet, or name a folder"),
        ("s.csv", {"format": "parquet"}, "format is 'parquet', but out is"),
        ("s", {"format": "xlsx"}, "format must be one of"),
        ("s.csv", {"part_size": 0}, "part_size must be an integer of at least 1, got 0"),
        ("s.csv", {"part_size": 2.5}, "integer of at least 1, got 2.5"),
        ("s.csv", {"target_names": ["real"]}, "target_names must hold a distinct name"),
    ],
)
def test_wrong_arguments(
    tmp_path: Path,
    model: Any,
    greys: list[str],
    out: str,
    settings: dict[str, Any],
    message: str,
) -> None:
    with pytest.raises(ValueError, match=message):
        score_greys(tmp_path / out, greys, model, **settings)
    assert [file.name for file in tmp_path.iterdir()] == ["greys"]


def test_parquet_without_pyarrow_names_the_way_out(
    tmp_path: Path, model: Any, greys: list[str], monkeypatch: Patch
) -> None:
    for name in ("pyarrow", "pyarrow.parquet"):  # as if it were not installed
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=r"skfakereal\[parquet\]"):
        score_greys(tmp_path / "s.parquet", greys, model)
    assert not (tmp_path / "s.parquet.parts").exists()


def test_a_folder_gets_the_file(tmp_path: Path, model: Any, greys: list[str]) -> None:
    result = score_greys(tmp_path / "new" / "folder", greys, model)
    assert result.path == tmp_path / "new" / "folder" / "scores.csv"
    assert len(rows_of(result.path)) == 12


def refuse_white(X: Any) -> Any:
    values = brightness(X)
    if (values > REFUSED["above"]).any():
        raise ValueError("Too bright.")
    return values


REFUSED = {"above": 2.0}


def test_an_image_that_the_classifier_refuses_has_a_row(
    tmp_path: Path, greys: list[str], monkeypatch: Patch
) -> None:
    model = make_pipeline(FunctionTransformer(refuse_white), LogisticRegression(C=100))
    model.fit(np.array(greys, object), np.arange(12) >= 6)
    monkeypatch.setitem(REFUSED, "above", 0.99)
    rows = rows_of(score_greys(tmp_path / "s.csv", greys, model).path)
    assert [row["reason"] for row in rows] == [""] * 11 + ["refused"]
    assert rows[-1]["error"] == "Too bright"
    monkeypatch.setitem(REFUSED, "above", -1.0)
    with pytest.raises(ValueError, match="Too bright"):
        score_greys(tmp_path / "all.csv", greys, model)


def test_the_store_changes_no_result(
    tmp_path: Path, fitted_classifier: Any, dark_and_bright: Images
) -> None:
    X, told = dark_and_bright[0], []
    for i, cache in enumerate([None, str(tmp_path / "store"), str(tmp_path / "store")]):
        out = tmp_path / f"{i}.csv"
        told.append(score_paths(fitted_classifier, X, out, cache=cache).path.read_bytes())
    assert len(set(told)) == 1
    assert list((tmp_path / "store").iterdir())


def test_by_default_nothing_is_stored(
    tmp_path: Path, fit: Fit, dark_and_bright: Images
) -> None:
    classifier = fit(epochs=1)
    classifier.set_params(cache=str(tmp_path / "store"))
    score_paths(classifier, dark_and_bright[0], tmp_path / "s.csv")
    assert not (tmp_path / "store").exists()
    assert classifier.cache == str(tmp_path / "store")


def test_the_digest_covers_what_changes_results(fit: Fit, dark_and_bright: Images) -> None:
    def digest(model: Any) -> str:
        return prepare_model(model).digest

    classifier = fit(epochs=1)
    before = digest(classifier)
    classifier.predict(dark_and_bright[0])
    assert digest(classifier) == before
    assert digest(classifier.set_params(cache="auto", n_jobs=2, verbose=0)) == before
    frozen = FrozenEstimator(classifier)
    low, high = (
        FixedThresholdClassifier(frozen, threshold=threshold).fit(*dark_and_bright)
        for threshold in (0.1, 0.2)
    )
    assert len({before, digest(low), digest(high)}) == 3
    assert digest(fit(epochs=1, random_state=1)) != before


def test_only_what_passes_unreadable_images_through_is_asked_to(
    fitted_classifier: Any, dark_and_bright: Images
) -> None:
    frozen = FrozenEstimator(fitted_classifier)
    fixed = FixedThresholdClassifier(frozen).fit(*dark_and_bright)
    assert prepare_model(fitted_classifier).estimator.on_error == "nan"
    assert prepare_model(fixed).estimator.estimator_.estimator.on_error == "nan"
    calibrated = CalibratedClassifierCV(frozen).fit(*dark_and_bright)
    inner = prepare_model(calibrated).estimator.calibrated_classifiers_[0].estimator
    assert inner.estimator.on_error == "raise"
    assert fitted_classifier.on_error == "raise"


def test_parts_follow_the_size_of_the_images(
    fitted_classifier: Any, model: Any, make_image: MakeImage
) -> None:
    assert prepare_model(fitted_classifier).part_size == 4_000
    features = VGG16FeatureExtractor(weights=None).fit([make_image("a.png")])
    large = make_pipeline(features, model[-1])
    assert prepare_model(large).part_size == 2**24 // 224**2
    assert prepare_model(model).part_size == 1_000


def test_what_is_no_fitted_classifier(tmp_path: Path, greys: list[str], model: Any) -> None:
    with pytest.raises(TypeError, match="fitted classifier is needed, got int"):
        score_greys(tmp_path / "s.csv", greys, 3)
    model.steps.insert(0, ("own", FunctionTransformer(lambda X: X)))
    with pytest.raises(TypeError, match="must be one that can be pickled"):
        score_greys(tmp_path / "s.csv", greys, model)
