"""Every run that trains has a card, which tells what the run folder tells."""

import hashlib
import json
import re
from pathlib import Path

import numpy as np
import pytest
import yaml
from conftest import Folders, write_image

from skfakereal.cli import main
from skfakereal.cli._images import Part
from skfakereal.cli.run._page import generators_of
from skfakereal.cli.train._prepare import Plan, split_folder


@pytest.fixture(scope="module")
def photos(tmp_path_factory: Folders) -> Path:
    """Write dark images as real and bright ones as fake, by two generators."""
    root, random = tmp_path_factory.mktemp("janes_photos"), np.random.default_rng(23)
    for i in range(16):
        noise = random.integers(0, 40, (32, 32, 3), dtype=np.uint8)
        write_image(root / "real" / f"{i:02}.png", noise)
        write_image(root / "fake" / ("g*n" if i % 2 else "sd") / f"{i:02}.png", 255 - noise)
    return root


def train(photos: Path, out: Path, narrow_trunk: str) -> Path:
    options = ["--image-size", "32", "--weights", narrow_trunk, "--hidden-units", "8"]
    options += ["--learning-rate", "0.05", "--epochs", "3", "--n-views", "1"]
    options += ["--n-jobs", "1", "--groups", "none", "--no-audit"]
    assert main(["train", str(photos), "--out", str(out), *options]) == 0
    return out


@pytest.fixture(scope="module")
def run(photos: Path, narrow_trunk: str, tmp_path_factory: Folders) -> Path:
    return train(photos, tmp_path_factory.mktemp("runs") / "run", narrow_trunk)


def test_the_card_tells_what_the_run_holds(run: Path) -> None:
    card = (run / "card.md").read_text(encoding="utf-8")
    config = json.loads((run / "config.json").read_text())
    metrics = json.loads((run / "metrics.json").read_text())
    metadata = yaml.safe_load(card.split("---\n")[1])
    (result,) = metadata["model-index"][0]["results"]
    stated = {metric["type"]: metric["value"] for metric in result["metrics"]}
    assert stated["accuracy"] == round(metrics["accuracy"], 4)
    assert config["files"]["card.md"] == hashlib.sha256(card.encode()).hexdigest()
    assert hashlib.sha256((run / "images.csv").read_bytes()).hexdigest() in card
    trained = config["data"]["train"]
    assert f"| train | {trained['real']} | {trained['fake']} |" in card
    groups = config["data"]["groups"]
    assert groups["real"] == {}
    assert sum(groups["fake"].values()) == trained["fake"]
    assert f"g\\*n ({groups['fake']['g*n']})" in card


def test_generators_have_rows(run: Path) -> None:
    metrics = json.loads((run / "metrics.json").read_text())
    assert {"g*n", "sd", "real, in no folder"} >= set(metrics["per_group"])
    assert {"g*n", "sd"} & set(metrics["per_group"])
    card = (run / "card.md").read_text(encoding="utf-8")
    assert "## By generator" in card
    assert "in no folder" not in card


def test_nothing_in_the_card_says_where_it_was_made(run: Path, photos: Path) -> None:
    card = (run / "card.md").read_text(encoding="utf-8")
    for secret in (str(photos), "janes_photos", str(run), str(Path.home()), "--out"):
        assert secret not in card
    assert not re.search(r"(?<![\w.<])/\w+/\w", card)


def test_the_page_shows_limits_and_card(run: Path) -> None:
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "<h2>Known limits</h2>" in page
    assert "<summary>Intended use</summary>" in page
    assert "<pre><code>import skfakereal" in page


def test_only_the_largest_folders_have_rows() -> None:
    names = np.array([f"g{i:02}" for i in range(30) for _ in range(30 - i)], dtype=object)
    part = Part([f"{i}" for i in range(len(names))], np.zeros(len(names), int), names)
    called = generators_of(part, ["fake"])
    assert set(called) == {*(f"g{i:02}" for i in range(20)), "other folders"}
    assert called.count("other folders") == sum(range(1, 11))


@pytest.mark.parametrize(
    ("groups", "called"),
    [
        (("real/a.png", "fake/b.png"), None),
        (("real/a.png", "sd"), ["real, in no folder", "sd"]),
        (("real/a.png", "2023"), ["real, in no folder", "2023"]),  # a folder, by a year
    ],
)
def test_images_in_no_folder_are_called_so(
    groups: tuple[str, str], called: list[str] | None
) -> None:
    part = Part(list(groups), np.array([0, 1]), np.array(groups, dtype=object))
    assert generators_of(part, ["real", "fake"]) == called


def test_groups_that_an_audit_numbered_leave_the_rows_to_the_folders(
    photos: Path, tmp_path: Path
) -> None:
    paths = [path.relative_to(photos).as_posix() for path in photos.rglob("*.png")]
    expected = {"sd", "g*n", "real, in no folder"}
    for columns, called in (
        ("path,label,part,group,copies", expected),
        ("path,group", {"0", "1", "2"}),  # somebody's own numbers are names
    ):
        file = tmp_path / "groups.csv"
        middle = ",x,y" if "label" in columns else ""
        lines = [f"{path}{middle},{i % 3}" for i, path in enumerate(paths)]
        file.write_text("\n".join([columns, *lines]))
        parts = split_folder(Plan(str(photos), "", {}, [], groups_file=str(file)), 0.3)
        assert {*parts.train.groups, *parts.test.groups} == {"0", "1", "2"}
        rows = [generators_of(part, parts.names) for part in (parts.train, parts.test)]
        assert {name for part in rows for name in part or ()} == called
