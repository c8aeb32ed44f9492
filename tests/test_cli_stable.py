"""``skfakereal predict --stable``: verdicts that may be "unsure", with their reasons."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from conftest import Command, MakeImage, Said
from numpy.typing import NDArray
from PIL import Image
from reading import brightness
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skfakereal.cli import main
from skfakereal.evaluation import UnsureBand
from skfakereal.evaluation.perturbations import Jpeg

Predict = Callable[..., tuple[int, list[dict[str, Any]], str]]


def brightness_by_pillow(X: Any) -> NDArray[np.float64]:
    """A step of somebody else's, with errors of its own."""
    found = []
    for path in X:
        if "culprit" in str(path):
            raise OSError(f"cannot look at {path}")
        found.append([np.asarray(Image.open(path).convert("L")).mean() / 255])
    return np.array(found)


@pytest.fixture
def detector(make_image: MakeImage) -> Pipeline:
    """Return a classifier for which brightness is fakeness."""
    X = [make_image(f"train/{n}.png", n) for n in range(0, 256, 15)]
    pipeline = make_pipeline(FunctionTransformer(brightness), LogisticRegression(C=10))
    return pipeline.fit(X, np.repeat([0, 1], 9))


@pytest.fixture
def write_run(tmp_path: Path) -> Callable[..., str]:
    """Return a function that writes what `train` leaves of a model and its band."""

    def write(model: Any, band: UnsureBand | None) -> str:
        run = tmp_path / "run"
        run.mkdir()
        joblib.dump(model, run / "model.joblib")
        decision = {"pos_label": "fake", "unsure": band and asdict(band)}
        config = {"skfakereal": "0", "decision": decision}
        (run / "config.json").write_text(json.dumps(config))
        return str(run / "model.joblib")

    return write


@pytest.fixture
def predict(capsys: Said) -> Predict:
    def run(*words: str) -> tuple[int, list[dict[str, Any]], str]:
        code = main(["predict", "--trust", *words, "--stable", "--format", "json"])
        output = capsys.readouterr()
        return code, json.loads(output.out), output.err

    return run


def chance_of(model: Pipeline, level: int) -> float:
    proba: NDArray[np.float64] = model[-1].predict_proba([[level / 255]])
    return float(proba[0, 1])


def test_the_band_of_the_run_makes_verdicts_unsure(
    predict: Predict,
    detector: Pipeline,
    write_run: Callable[..., str],
    make_image: MakeImage,
) -> None:
    low, high = (chance_of(detector, level) for level in (80, 150))
    run = write_run(detector, UnsureBand(low, high, 0.9, 100, 0.2))
    paths = [make_image(f"{n}.png", n) for n in (20, 90, 140, 220)]
    code, rows, said = predict(run, *paths)
    assert code == 0
    assert [row["label"] for row in rows] == ["real", "unsure", "unsure", "fake"]
    assert [row["probability"] for row in rows] == pytest.approx(
        [chance_of(detector, n) for n in (20, 90, 140, 220)], abs=1e-6
    )
    assert rows[0]["reasons"] is rows[3]["reasons"] is None
    for row, name in ((rows[1], "real"), (rows[2], "fake")):
        like = f"fewer than 90% of those with a probability like {row['probability']:.3f}"
        assert f"{like} were {name}" in row["reasons"]
    assert "4 images: 1 fake, 1 real, 2 unsure" in said
    # Seen from the other class, it is the same band.
    _, rows, _ = predict(run, *paths, "--pos-label", "real")
    assert [row["label"] for row in rows] == ["real", "unsure", "unsure", "fake"]


def test_a_verdict_that_saving_again_turns_is_unsure(
    predict: Predict,
    detector: Pipeline,
    write_run: Callable[..., str],
    make_image: MakeImage,
) -> None:
    random = np.random.default_rng(0)
    path = make_image("a.png", random.integers(0, 256, (64, 64, 3)).astype(np.uint8))
    before = brightness([path])[0, 0] * 255
    saved = make_image("saved.png", Jpeg(85)(Image.open(path)))
    after = brightness([saved])[0, 0] * 255
    assert before != after
    between = chance_of(detector, (before + after) / 2)  # type: ignore[arg-type]
    model = FixedThresholdClassifier(detector, threshold=between, pos_label=1)
    model.fit([make_image(f"b{n}.png", n) for n in range(0, 256, 15)], np.repeat([0, 1], 9))
    code, (row,), said = predict(write_run(model, None), path)
    assert code == 0
    assert row["label"] == "unsure"
    assert "JPEG quality 85" in row["reasons"]
    assert "no unsure band" in said


def test_tables_and_csv_hold_the_reasons(
    detector: Pipeline, write_run: Callable[..., str], make_image: MakeImage, capsys: Said
) -> None:
    run = write_run(detector, UnsureBand(0, 1, 0.95, 100, 1.0))
    path = make_image("a.png", 120)
    main(["predict", "--trust", run, path, "--stable", "--format", "csv"])
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    origin = ["provenance", "provenance_detail", "novelty"]
    assert list(row) == ["path", "label", "probability", "error", "reasons", *origin]
    assert row["label"] == "unsure"
    assert "the detector is sure nowhere" in row["reasons"]
    main(["predict", "--trust", run, path, "--stable"])
    _, first, second = capsys.readouterr().out.splitlines()
    assert "unsure" in first
    assert second.strip() == row["reasons"]
    main(["predict", "--trust", run, path, "--format", "csv"])
    header = capsys.readouterr().out.splitlines()[0]
    assert header.split(",") == ["path", "label", "probability", "error", *origin]


def test_broken_images_are_rows(
    predict: Predict,
    detector: Pipeline,
    write_run: Callable[..., str],
    make_image: MakeImage,
    tmp_path: Path,
) -> None:
    (tmp_path / "broken.png").write_bytes(b"no image")
    good, broken = make_image("a.png", 20), str(tmp_path / "broken.png")
    paths = [broken, *[good] * 70, "https://x.org/a.png", good, broken]
    code, rows, said = predict(write_run(detector, None), *paths)
    assert code == 3
    assert [row["path"] for row in rows] == paths
    assert [row["label"] for row in rows] == [None, *["real"] * 70, None, "real", None]
    assert "not an image" in rows[0]["error"]
    assert "URL" in rows[71]["error"]
    assert "3 could not be read" in said


def test_a_step_of_somebody_elses_ends_nothing(
    predict: Predict, write_run: Callable[..., str], make_image: MakeImage
) -> None:
    X = [make_image(f"train/{n}.png", n) for n in range(0, 256, 15)]
    step = FunctionTransformer(brightness_by_pillow)
    model = make_pipeline(step, LogisticRegression(C=10)).fit(X, np.repeat([0, 1], 9))
    paths = [make_image("a.png", 5), make_image("culprit.png", 5), make_image("c.png", 250)]
    code, rows, _ = predict(write_run(model, None), *paths)
    assert code == 3
    assert [row["label"] for row in rows] == ["real", None, "fake"]
    assert "cannot look at" in rows[1]["error"]


def test_more_than_two_classes_are_refused(
    write_run: Callable[..., str], make_image: MakeImage, refuse: Command
) -> None:
    X = [make_image(f"train/{n}.png", n) for n in (0, 100, 250)]
    model = make_pipeline(FunctionTransformer(brightness), LogisticRegression())
    run = write_run(model.fit(X, [0, 1, 2]), None)
    refuse("two classes", "predict", "--trust", run, X[0], "--stable")
