"""``evaluate`` and ``robustness`` on a run's own folder: what the model has not seen."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Command, Folders, Patch, Said, write_image
from runs import read_csv, read_json

from skfakereal.cli import main
from skfakereal.cli.run._tested import draw_some
from skfakereal.cli.train._prepare import Plan, split_folder

pytestmark = pytest.mark.slow
N_EACH = 20


@pytest.fixture(scope="module")
def photos(tmp_path_factory: Folders) -> Path:
    folder, random = tmp_path_factory.mktemp("in") / "photos", np.random.default_rng(0)
    for i in range(N_EACH):
        dark = random.integers(0, 90, (32, 32, 3), dtype=np.uint8)
        write_image(folder / "real" / f"{i:02}.png", dark)
        write_image(folder / "fake" / f"{i:02}.png", 255 - dark)
    return folder


@pytest.fixture(scope="module")
def run(photos: Path, narrow_trunk: str, tmp_path_factory: Folders) -> Path:
    out = tmp_path_factory.mktemp("out") / "run"
    words = ["train", str(photos), "--out", str(out), "--weights", narrow_trunk]
    words += ["--image-size", "32", "--epochs", "1", "--hidden-units", "4"]
    assert main([*words, "--no-augmentation", "--cache", "none", "--no-audit"]) == 0
    return out


def parts_of(run: Path) -> dict[str, set[str]]:
    parts: dict[str, set[str]] = {"train": set(), "validation": set(), "test": set()}
    for row in read_csv(run / "images.csv"):
        parts[row["part"]].add(row["path"])
    return parts


def try_out(verb: str, run: Path, folder: Path, out: Path, *more: str) -> tuple[Any, Any]:
    """Return the tested paths and what ``config.json`` says of the data."""
    words = [verb, str(run), str(folder), "--out", str(out), *more]
    assert main([*words, "--changes", "copy"] if verb == "robustness" else words) == 0
    paths = {row["path"] for row in read_csv(out / "predictions.csv")}
    return paths, read_json(out / "config.json")["data"]


VERBS = pytest.mark.parametrize("verb", ["evaluate", "robustness"])


@VERBS
def test_a_runs_own_folder_is_tested_on_its_test_part(
    verb: str, run: Path, photos: Path, tmp_path: Path, capsys: Said
) -> None:
    test = parts_of(run)["test"]
    paths, data = try_out(verb, run, photos, tmp_path / "out")
    assert paths == test
    n_seen = 2 * N_EACH - len(test)
    assert data["seen"] == {
        "given": {"images": 2 * N_EACH, "same_bytes": n_seen, "same_path": 0},
        "tested": {"images": len(test), "same_bytes": 0, "same_path": 0},
    }
    said = capsys.readouterr().out
    page = (tmp_path / "out/report.html").read_text(encoding="utf-8")
    for words in (
        f"the run's own test part: {len(test)} of the {2 * N_EACH} of",
        f"trained or validated on {n_seen} of the {2 * N_EACH} images that were given, and on "
        f"none of the {len(test)} that were tested",
    ):
        assert words in said
        assert words in page.replace("&#x27;", "'").replace("&#39;", "'")
    assert "byte for byte" not in said


def test_drawn_images_are_of_the_test_part(run: Path, photos: Path, tmp_path: Path) -> None:
    for seed in "012":
        more = ("--max-images", "4", "--random-state", seed)
        paths, data = try_out("robustness", run, photos, tmp_path / seed, *more)
        assert len(paths) == 4
        assert paths <= parts_of(run)["test"]
        assert data["seen"]["tested"] == {"images": 4, "same_bytes": 0, "same_path": 0}


@VERBS
def test_all_images_on_request_and_how_many_were_seen(
    verb: str, run: Path, photos: Path, tmp_path: Path, capsys: Said
) -> None:
    parts = parts_of(run)
    n_seen = len(parts["train"] | parts["validation"])
    paths, data = try_out(verb, run, photos, tmp_path / "out", "--split", "all")
    assert len(paths) == 2 * N_EACH
    seen = {"images": 2 * N_EACH, "same_bytes": n_seen, "same_path": 0}
    assert data["seen"] == {"given": seen, "tested": seen}
    said = capsys.readouterr().out
    page = (tmp_path / "out/report.html").read_text(encoding="utf-8")
    for words in (
        f"trained or validated on {n_seen} of the {2 * N_EACH} images that were given.",
        f"{n_seen} of the {2 * N_EACH} tested images are, byte for byte, among those",
    ):
        assert words in said
        assert words in page


def test_a_folder_that_was_moved_changed_and_extended(
    run: Path, photos: Path, tmp_path: Path
) -> None:
    # By content where it was moved.
    moved = tmp_path / "moved"
    shutil.copytree(photos, moved)
    paths, _ = try_out("evaluate", run, moved, tmp_path / "out")
    relative = {str(Path(p).relative_to(photos)) for p in parts_of(run)["test"]}
    assert {str(Path(p).relative_to(moved)) for p in paths} == relative
    # What the run does not know is not left out.
    write_image(moved / "fake" / "new.png", np.full((32, 32, 3), 200, np.uint8))
    paths, data = try_out("evaluate", run, moved, tmp_path / "out2")
    assert str(moved / "fake" / "new.png") in paths
    assert len(paths) == len(relative) + 1
    assert data["seen"]["tested"] == {"images": len(paths), "same_bytes": 0, "same_path": 0}
    assert "and those that are new to it" in data["test_images"]


def test_by_path_where_the_content_was_changed(
    photos: Path, run: Path, tmp_path: Path, capsys: Said
) -> None:
    changed = Path(min(parts_of(run)["train"]))
    before = changed.read_bytes()
    try:
        write_image(changed, np.full((32, 32, 3), 77, np.uint8))
        paths, _ = try_out("evaluate", run, photos, tmp_path / "out")
        assert paths == parts_of(run)["test"]
        _, data = try_out("evaluate", run, photos, tmp_path / "out2", "--split", "all")
        assert data["seen"]["tested"]["same_path"] == 1
        assert "1 of the 40 tested images lie where" in capsys.readouterr().out
    finally:
        changed.write_bytes(before)


def test_other_images_of_the_same_names_are_new(
    run: Path, photos: Path, tmp_path: Path, monkeypatch: Patch
) -> None:
    # The run recorded paths relative to where it was started.
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    record = copy / "images.csv"
    record.write_text(record.read_text().replace(f"{photos.parent}/", ""))
    for name in ("real", "fake"):
        for i in range(N_EACH):
            pixels = np.full((32, 32, 3), 100 * (name == "fake") + i, np.uint8)
            write_image(tmp_path / "photos" / name / f"{i:02}.png", pixels)
    monkeypatch.chdir(tmp_path)
    paths, data = try_out("evaluate", copy, Path("photos"), tmp_path / "out")
    assert len(paths) == 2 * N_EACH
    assert data["seen"]["tested"] == {"images": len(paths), "same_bytes": 0, "same_path": 0}


@VERBS
def test_a_model_without_its_run_says_that_it_is_not_known(
    verb: str, run: Path, photos: Path, tmp_path: Path, capsys: Said
) -> None:
    alone = tmp_path / "alone.skfr"
    shutil.copy(run / "model.skfr", alone)
    paths, data = try_out(verb, alone, photos, tmp_path / "out")
    assert len(paths) == 2 * N_EACH
    assert data["seen"] is None
    assert "seen any of these images is not known" in capsys.readouterr().out


def test_a_draw_is_not_that_of_the_parts(photos: Path) -> None:
    """Even where no run tells, a draw with the seed of the parts meets both of them."""
    for seed in (0, 1):
        plan = Plan(str(photos), "", {}, [], use_groups=False, random_state=seed)
        parts = split_folder(plan, 0.5)
        everything = split_folder(replace(plan, random_state=9), 0.01).train
        drawn = draw_some(everything, 20, seed)
        n_tested = len(set(drawn.paths) & set(parts.test.paths))
        assert 3 <= n_tested <= 17


@pytest.mark.parametrize(
    ("verb", "option"),
    [
        ("evaluate", "--out"),
        ("robustness", "--out"),
        ("explain", "--out"),
        ("predict", "--case"),
        ("train", "--out"),
    ],
)
def test_no_verb_replaces_the_run_that_it_reads(
    verb: str, option: str, run: Path, photos: Path, tmp_path: Path, refuse: Command
) -> None:
    mine = Path(shutil.copytree(run, tmp_path / "run"))
    before = {path: path.read_bytes() for path in mine.rglob("*")}
    images = [str(photos / name) for name in ("real/00.png", "fake/00.png")]
    words = {
        "evaluate": [str(mine), str(photos)],
        "robustness": [str(mine), str(photos)],
        "explain": [str(mine), *images],
        "predict": [str(mine), *images],
        "train": [str(photos), "--groups", str(mine / "images.csv")],
    }[verb]
    refuse("that are read", verb, *words, option, mine, "--force")
    assert {path: path.read_bytes() for path in mine.rglob("*")} == before
