"""``skfakereal train`` names images whose label is likely wrong."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from conftest import Said, write_image
from runs import read_csv

from skfakereal.cli import main

N_EACH = 24
NAMES = {"real": 80, "fake": 150}


def write_photos(folder: Path, wrong: dict[str, Sequence[str]]) -> None:
    """Write dark real and bright fake images, some of which lie in the other folder."""
    random = np.random.default_rng(0)
    for name, level in NAMES.items():
        other = "fake" if name == "real" else "real"
        for i in range(N_EACH):
            pixels = level + random.normal(0, 10) + random.integers(0, 60, (32, 32, 3))
            file = f"{name}_{i:02}.png"
            where = other if file in wrong.get(other, ()) else name
            write_image(folder / where / file, pixels.clip(0, 255).astype(np.uint8))


def train(folder: Path, out: Path, trunk: str, *more: str) -> int:
    options = ["--image-size", "32", "--weights", trunk, "--no-augmentation", "--no-audit"]
    return main(["train", str(folder), "--out", str(out), *options, "--n-jobs", "1", *more])


# Cross-validated, and with a test part: then training images are looked at out of fold.
@pytest.mark.parametrize(
    "more", [(), pytest.param(("--test-fraction", "0.25"), marks=pytest.mark.slow)]
)
def test_flipped_labels_are_named(
    more: tuple[str, ...], narrow_trunk: str, tmp_path: Path, capsys: Said
) -> None:
    photos, run = tmp_path / "photos", tmp_path / "run"
    wrong = {"real": ["fake_03.png", "fake_11.png"], "fake": ["real_07.png"]}
    write_photos(photos, wrong)
    assert train(photos, run, narrow_trunk, *more) == 0
    said = capsys.readouterr().out
    assert f"3 images look mislabelled: see {run}/label_issues.csv" in said
    rows = read_csv(run / "label_issues.csv")
    assert {(Path(row["path"]).name, row["label"], row["likely"]) for row in rows} == {
        ("fake_03.png", "real", "fake"),
        ("fake_11.png", "real", "fake"),
        ("real_07.png", "fake", "real"),
    }
    assert all(float(row["probability"]) < 0.5 for row in rows)
    page = (run / "report.html").read_text(encoding="utf-8")
    part = page[page.index("Labels that look wrong") :]
    part = part[: part.index("</section>")]
    assert part.count("<img") == 3
    for row in rows:
        assert Path(row["path"]).name in part


@pytest.mark.slow
def test_right_labels_are_left_alone(
    narrow_trunk: str, tmp_path: Path, capsys: Said
) -> None:
    write_photos(tmp_path / "photos", {})
    assert train(tmp_path / "photos", tmp_path / "run", narrow_trunk) == 0
    assert "mislabelled" not in capsys.readouterr().out
    assert read_csv(tmp_path / "run/label_issues.csv") == []


@pytest.mark.slow
def test_a_model_that_learned_nothing_accuses_no_label(
    narrow_trunk: str, tmp_path: Path, capsys: Said
) -> None:
    random = np.random.default_rng(0)
    for name in NAMES:
        for i in range(N_EACH):
            pixels = random.integers(0, 256, (32, 32, 3), dtype=np.uint8)
            write_image(tmp_path / "photos" / name / f"{i}.png", pixels)
    assert train(tmp_path / "photos", tmp_path / "run", narrow_trunk) == 0
    said = capsys.readouterr().out
    assert "without looking at the image" in said
    assert "mislabelled" not in said
    assert not (tmp_path / "run/label_issues.csv").exists()
    assert "look wrong" not in (tmp_path / "run/report.html").read_text(encoding="utf-8")
