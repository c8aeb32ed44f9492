"""``evaluate`` and ``robustness`` add what they measured to a model card."""

from pathlib import Path

import joblib
import numpy as np
import pytest
from conftest import write_image
from reading import brightness
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skfakereal.cards import model_card
from skfakereal.cli import main
from skfakereal.datasets import load_image_folder
from skfakereal.evaluation import evaluate


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "private place/more photos"
    for i in range(10):
        for name, level in (("real", 40), ("fake", 200)):
            write_image(folder / name / f"{i}.png", np.full((8, 8, 3), level + i, np.uint8))
    return folder


@pytest.fixture
def model(photos: Path, tmp_path: Path) -> str:
    """Write a model and its card, to which somebody added notes."""
    data = load_image_folder(photos)
    detector = make_pipeline(FunctionTransformer(brightness), LogisticRegression(C=100))
    joblib.dump(detector.fit(data.data, data.target), tmp_path / "m.joblib")
    report = evaluate(detector, data.data, data.target, n_resamples=0)
    card = tmp_path / "card.md"
    model_card(report).save(card)
    card.write_text(card.read_text() + "\n## My notes\n\nKeep this.\n")
    return str(tmp_path / "m.joblib")


def section(text: str, heading: str) -> str:
    return text.split(f"\n## {heading}\n")[1].split("\n## ")[0]


def test_figures_are_added_and_all_else_stays(
    model: str, photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    card = tmp_path / "card.md"
    before = card.read_text()
    assert "Not measured" in section(before, "Robustness")
    assert main(["evaluate", "--trust", model, str(photos), "--card", str(card)]) == 0
    assert f"in {card} too, under “Evaluation: more photos”" in capsys.readouterr().out
    changes = ["--changes", "jpeg:50,blur:1"]
    assert (
        main(["robustness", "--trust", model, str(photos), "--card", str(card), *changes])
        == 0
    )
    after = card.read_text()
    assert "Tested on 20 images" in section(after, "Evaluation: more photos")
    assert "JPEG quality 50" in section(after, "Robustness")
    assert "private place" not in after
    for heading in ("Evaluation", "Intended use", "My notes"):
        assert section(after, heading) == section(before, heading)
    # A second look takes the place of the first.
    assert main(["evaluate", "--trust", model, str(photos), "--card", str(card)]) == 0
    assert card.read_text() == after


@pytest.mark.parametrize("verb", ["evaluate", "robustness"])
def test_what_is_no_card_is_refused_before_the_work(
    model: str,
    photos: Path,
    tmp_path: Path,
    verb: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("Buy milk.")
    assert main([verb, "--trust", model, str(photos), "--card", str(notes)]) == 1
    assert (
        main([verb, "--trust", model, str(photos), "--card", str(tmp_path / "none.md")])
        == 1
    )
    said = capsys.readouterr()
    assert "A card must have a title" in said.err
    assert "none.md" in said.err
    assert said.out == ""
    assert notes.read_text() == "Buy milk."
