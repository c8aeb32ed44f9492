"""Later measurements find their place in a card that people may have edited."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import MakeImage
from numpy.typing import NDArray
from reading import brightness
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skfakereal.cards import extend_card, model_card
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
