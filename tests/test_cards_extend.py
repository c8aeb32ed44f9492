"""Later measurements find their place in a card that people may have edited."""

from collections.abc import Callable
from pathlib import Path

import joblib
import numpy as np
import pytest
from conftest import Command, MakeImage, write_image
from numpy.typing import NDArray
from reading import brightness
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skfakereal.cards import extend_card, model_card
from skfakereal.cli import main
from skfakereal.datasets import load_image_folder
from skfakereal.evaluation import evaluate, leave_one_generator_out, robustness_report
from skfakereal.evaluation.perturbations import Copy, Jpeg

Images = tuple[list[str], NDArray[np.int64]]


def detector() -> Pipeline:
    return make_pipeline(FunctionTransformer(brightness), LogisticRegression(C=100))


@pytest.fixture
def images(make_image: MakeImage) -> Images:
    levels = np.linspace(20, 235, 20).astype(int)
    paths = [make_image(f"{i:02}.png", int(level)) for i, level in enumerate(levels)]
    return paths, np.repeat([0, 1], 10)


@pytest.fixture
def place(images: Images, tmp_path: Path) -> Path:
    """Return the file of a card that its reader has edited."""
    clf = detector().fit(*images)
    card = model_card(evaluate(clf, *images, n_resamples=0))
    place = tmp_path / "card.md"
    card.save(place)
    text = place.read_text(encoding="utf-8")
    mine = (
        "## My own notes\n\n```bash\n## Robustness\n```\n\nKeep 100% of *this*.\n\n## Known"
    )
    place.write_text(text.replace("## Known", mine), encoding="utf-8")
    return place


def section(text: str, heading: str) -> str:
    return text.split(f"\n## {heading}\n")[-1].split("\n## ")[0]


def test_sections_are_replaced_and_all_else_stays(place: Path, images: Images) -> None:
    clf = detector().fit(*images)
    before = place.read_text(encoding="utf-8")
    assert "Not measured." in section(before, "Robustness")
    report = robustness_report(clf, *images, perturbations=[Copy(), Jpeg(30)])
    extend_card(place, robustness=report)
    after = place.read_text(encoding="utf-8")
    table = section(after, "Robustness")
    row = report["JPEG quality 30"]
    assert f"| JPEG quality 30 | {row.accuracy:.3f} | {row.roc_auc:.3f} |" in table
    assert "| untouched | " in table
    # Nothing else was touched, not even the heading within code.
    cut = "\n## Robustness\n\n"
    assert before.split(cut)[0] == after.split(cut)[0]
    assert before.split("\n## Unseen")[1] == after.split("\n## Unseen")[1]
    # Once more, it takes the same place.
    extend_card(place, robustness=report)
    assert place.read_text(encoding="utf-8") == after


def test_unseen_generators_have_a_table(place: Path, images: Images) -> None:
    generators = [None] * 10 + ["a|b", "c"] * 5
    report = leave_one_generator_out(detector(), *images, generators, random_state=0)
    extend_card(place, generators=report)
    table = section(place.read_text(encoding="utf-8"), "Unseen generators")
    row = report["a|b"]
    seen, unseen = row.seen["roc_auc"], row.unseen["roc_auc"]
    assert f"| a\\|b | 5 | {seen:.3f} | {unseen:.3f} |" in table


def test_more_evaluations_come_before_how_to_use_it(place: Path, images: Images) -> None:
    report = evaluate(detector().fit(*images), *images, n_resamples=20)
    extend_card(place, evaluations={"news *photos*": report})
    text = place.read_text(encoding="utf-8")
    heading = "Evaluation: news \\*photos\\*"
    assert f"| accuracy | {report['accuracy']:.3f} |" in section(text, heading)
    assert text.index(heading) < text.index("## How to use it")
    extend_card(place, evaluations={"news *photos*": report})
    assert place.read_text(encoding="utf-8") == text


def test_a_file_that_is_no_card_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "notes.md"
    place.write_text("Only notes.\n")
    with pytest.raises(ValueError, match="A card must have a title"):
        extend_card(place)
    assert place.read_text() == "Only notes.\n"


def test_lines_end_as_they_did(place: Path, images: Images) -> None:
    before = place.read_bytes().replace(b"\n", b"\r\n")
    place.write_bytes(before)
    clf = detector().fit(*images)
    for _ in range(2):
        extend_card(
            place, robustness=robustness_report(clf, *images, perturbations=[Copy()])
        )
        after = place.read_bytes()
        assert b"| copy" in after or b"| untouched" in after
        assert after.count(b"\n") == after.count(b"\r\n")
        cut = b"\r\n## Robustness\r\n\r\n"
        assert before.split(cut)[0] == after.split(cut)[0]
        assert before.split(b"\n## Unseen")[1] == after.split(b"\n## Unseen")[1]


def test_a_full_disk_costs_no_card(
    place: Path, images: Images, full_disk: Callable[[int], None]
) -> None:
    before = place.read_bytes()
    report = evaluate(detector().fit(*images), *images, n_resamples=0)
    full_disk(len(before) // 2)
    with pytest.raises(OSError, match="too large"):
        extend_card(place, evaluations={"more": report})
    assert place.read_bytes() == before
    assert [path.name for path in place.parent.glob("*.md*")] == ["card.md"]


def test_a_card_without_the_section_gets_it_last(tmp_path: Path, images: Images) -> None:
    place = tmp_path / "README.md"
    place.write_text("# Mine\n\nText.")
    report = robustness_report(detector().fit(*images), *images, perturbations=[Jpeg(30)])
    extend_card(place, robustness=report)
    assert place.read_text().startswith("# Mine\n\nText.\n\n## Robustness\n\n")


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


def test_figures_are_added_and_all_else_stays(
    model: str, photos: Path, tmp_path: Path, command: Command
) -> None:
    card = tmp_path / "card.md"
    before = card.read_text()
    assert "Not measured" in section(before, "Robustness")
    said = command("evaluate", "--trust", model, photos, "--card", card).out
    assert f"in {card} too, under “Evaluation: more photos”" in said
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
    model: str, photos: Path, tmp_path: Path, verb: str, command: Command
) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("Buy milk.")
    assert main([verb, "--trust", model, str(photos), "--card", str(notes)]) == 1
    said = command(verb, "--trust", model, photos, "--card", tmp_path / "none.md", code=1)
    assert "A card must have a title" in said.err
    assert "none.md" in said.err
    assert said.out == ""
    assert notes.read_text() == "Buy milk."
