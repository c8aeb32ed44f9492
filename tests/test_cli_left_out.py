"""What the verbs leave out of a folder is named, and no image is left out for its name."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from conftest import Command, Folders, Images, Said
from runs import read_csv

import skfakereal
from skfakereal.cli import main

HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40)
LEFT_OUT = "Left out: 2 files or folders (.mp4 1: 'film.mp4'; PSD image 1: 'x.psd')"


@pytest.fixture(scope="module")
def model(fitted_classifier: Any, tmp_path_factory: Folders) -> str:
    path = tmp_path_factory.mktemp("model") / "model.skfr"
    skfakereal.save(fitted_classifier, path)
    return str(path)


@pytest.fixture
def inbox(tmp_path: Path, dark_and_bright: Images) -> Path:
    """Return a folder with five images, one of them a HEIC, and two other files."""
    folder = tmp_path / "inbox"
    folder.mkdir()
    for name in ("a.png", "noextension", "pic.jpg_large", "pic.jpg?w=640"):
        shutil.copy(dark_and_bright[0][0], folder / name)
    (folder / "IMG_1.HEIC").write_bytes(HEIC)
    (folder / "film.mp4").write_bytes(bytes(99))
    (folder / "x.psd").write_bytes(b"8BPS" + bytes(60))
    (folder / "notes.txt").touch()
    return folder


@pytest.mark.parametrize("verb", ["predict", "score"])
def test_every_image_has_a_row_and_what_has_none_is_named(
    model: str, inbox: Path, tmp_path: Path, capsys: Said, verb: str
) -> None:
    out = tmp_path / "rows.csv"
    assert main([verb, model, str(inbox), "--out", str(out)]) == 3
    errors = {Path(row["path"]).name: row["error"] for row in read_csv(out)}
    assert len(errors) == 5
    assert [name for name, error in errors.items() if error] == ["IMG_1.HEIC"]
    assert f"skfakereal: {LEFT_OUT}, and 1 that are clearly not images." in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize("verb", ["predict", "score", "explain"])
def test_nothing_that_could_be_judged_is_an_error(
    model: str, tmp_path: Path, command: Command, verb: str
) -> None:
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox/film.mp4").write_bytes(bytes(99))
    order = [verb, model, tmp_path / "inbox", "--out", tmp_path / "out"]
    assert ".mp4 1" in command(*order, code=1).err


@pytest.mark.slow
def test_the_page_of_a_run_names_what_was_left_out(
    tmp_path: Path, dark_and_bright: Images, narrow_trunk: str, capsys: Said
) -> None:
    root, run = tmp_path / "photos", tmp_path / "run"
    for path, label in zip(*dark_and_bright, strict=True):
        (root / ("fake" if label else "real")).mkdir(parents=True, exist_ok=True)
        shutil.copy(path, root / ("fake" if label else "real"))
    (root / "midjourney").mkdir()
    settings = ["--image-size", "32", "--weights", narrow_trunk, "--epochs", "1"]
    order = ["train", str(root), "--out", str(run), *settings, "--no-early-stopping"]
    assert main([*order, "--cache", "none", "--no-audit"]) == 0
    told = "Left out: 1 file or folder (folder 'midjourney')."
    output = capsys.readouterr()
    assert f"skfakereal: {told}" in output.err
    assert f"Caution: {told}" in output.out
    assert told in json.loads((run / "config.json").read_text())["remarks"]
    assert "folder &#x27;midjourney&#x27;" in (run / "report.html").read_text("utf-8")
    evaluation = tmp_path / "evaluation"
    words = [str(run), str(root), "--split", "all", "--out", str(evaluation)]
    assert main(["evaluate", *words]) == 0
    page = (evaluation / "report.html").read_text("utf-8")
    assert "folder &#x27;midjourney&#x27;" in page
