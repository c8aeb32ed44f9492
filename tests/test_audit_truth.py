"""The audit against sets of every kind: one planted habit is named, no habit is not."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from audit_sets import Packing, jpeg, leaking_set, varied_set
from conftest import Folders
from PIL import Image

from skfakereal.audit import AuditReport, audit_images
from skfakereal.audit._findings import advise_size
from skfakereal.audit._leak import differing


@pytest.fixture(scope="module")
def pool(tmp_path_factory: Folders) -> list[Path]:
    return varied_set(tmp_path_factory.mktemp("pool"), 400)


def accused(report: AuditReport) -> list[str]:
    return [f.what for f in report.findings if f.severity != "minor"]


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(s, marks=pytest.mark.slow) for s in (1, 2))]
)
@pytest.mark.parametrize(
    "n_images", [40, *(pytest.param(n, marks=pytest.mark.slow) for n in (100, 400))]
)
def test_labels_drawn_by_chance_are_never_accused(
    pool: list[Path], n_images: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    paths = rng.permutation(pool)[:n_images]
    report = audit_images(paths, rng.permutation(np.arange(n_images) % 2))
    assert accused(report) == []
    assert report.verdict == report.headline.verdict == "clean"
    assert report.headline.auc <= 0.6
    assert report.headline.low <= 0.5 <= report.headline.high


@pytest.mark.slow
def test_nor_are_two_thousand(tmp_path: Path) -> None:
    paths = varied_set(tmp_path, 2000, seed=1)
    for seed in range(2):
        y = np.random.default_rng(seed).permutation(np.arange(2000) % 2)
        report = audit_images(paths, y)
        assert (report.verdict, accused(report)) == ("clean", [])
        assert report.headline.auc <= 0.6


Habit = Callable[[Packing], Packing]


def plain(how: Packing) -> Packing:
    return how


def rgb_jpeg(how: Packing) -> Packing:
    return jpeg(replace(how, mode="RGB"), progressive=False)


def png(how: Packing) -> Packing:
    return replace(how, extension=".png")


def having(**facts: object) -> Habit:
    return lambda how: replace(how, **facts)


# What each fake is like, what the real ones are like, the field, a word that must be said.
# test_audit_images.py has more fields, each in files that are otherwise alike.
HABITS: dict[str, tuple[Habit, Habit, str, str]] = {
    "one size": (having(size=(32, 32)), plain, "dimensions", "“32 x 32”"),
    "taller": (having(size=(80, 40)), plain, "height", "“40 x 80”: 0% of real"),
    "PNG": (png, jpeg, "format", "“PNG”: 0% of real, 100% of fake"),
    "border": (having(border=4), having(border=0), "border", "“0% of the side”"),
    "border in JPEG": (
        lambda how: replace(rgb_jpeg(how), border=6, size=(48, 48)),
        lambda how: replace(rgb_jpeg(how), border=0, size=(48, 48)),
        "border",
        "“0% of the side”",
    ),
    "grey in RGB": (
        lambda how: replace(rgb_jpeg(how), grey=True),
        rgb_jpeg,
        "colour",
        "“none”: 0% of real, 100% of fake",
    ),
    "whole blocks": (
        lambda how: replace(how, size=(8 * how.size[0], how.size[1])),
        lambda how: replace(how, size=(8 * how.size[0] - how.size[0] % 7 - 1, how.size[1])),
        "blocks",
        "“none”: 100% of real, 0% of fake",
    ),
    "alpha": (
        lambda how: replace(png(how), mode="RGBA"),
        lambda how: replace(png(how), mode="RGB"),
        "mode",
        "“RGB with alpha”: 0% of real, 100% of fake",
    ),
}


QUICK = ("one size", "border", "whole blocks")


@pytest.mark.parametrize(
    "habit",
    [h if h in QUICK else pytest.param(h, marks=pytest.mark.slow) for h in HABITS],
)
def test_a_habit_of_one_class_is_found_and_named(tmp_path: Path, habit: str) -> None:
    fake, real, field, words = HABITS[habit]
    report = audit_images(*leaking_set(tmp_path, 20, fake, real))
    assert report.verdict == "leaking"
    (found,) = [f for f in report.findings if field in f.fields and f.severity != "minor"]
    assert found.severity == "leaking"
    assert words in found.what


@pytest.mark.parametrize(("n_each", "verdict"), [(10, "clean"), (100, "leaking")])
def test_a_small_set_is_not_accused_but_says_what_it_cannot_show(
    tmp_path: Path, n_each: int, verdict: str
) -> None:
    """Every fake is a PNG, and so is half of the real ones: an AUC of 0.75 to 0.8."""

    def mixed(how: Packing) -> Packing:
        return replace(how, extension=".png" if how.size[0] % 5 < 2 else ".jpg")

    report = audit_images(*leaking_set(tmp_path, n_each, png, mixed))
    assert report.verdict == verdict
    assert ("could go unseen" in repr(report)) == (verdict == "clean")
    named = [f.fields for f in report.findings if f.severity == "leaking"]
    assert any("format" in fields for fields in named) == (verdict == "leaking")


def test_the_report_ends_with_what_to_do_next(tmp_path: Path) -> None:
    clean = audit_images(*leaking_set(tmp_path / "clean", 20, rgb_jpeg, rgb_jpeg))
    assert "Next:\n  1. Nothing has to be changed: train with" in repr(clean)
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no image")
    paths, y = leaking_set(tmp_path / "one broken", 20, rgb_jpeg, rgb_jpeg)
    first = repr(audit_images([*paths, broken], [*y, 1])).partition("Next:\n")[2]
    assert first.startswith("  1. Remove or replace the files that cannot be read")
    assert "--skip-unreadable" in first
    few = audit_images(*leaking_set(tmp_path / "few", 4, png, jpeg))
    assert "1. Collect more images" in repr(few)
    paths, y = leaking_set(tmp_path / "leaking", 20, having(size=(32, 32)), plain)
    for i in range(4):
        paths.append(tmp_path / f"copy{i}{paths[i].suffix}")
        paths[-1].write_bytes(paths[i].read_bytes())
    report = audit_images(paths, [*y, 0, 0, 0, 1])
    steps = repr(report).partition("Next:\n")[2].splitlines()
    starts = ("Find out which", "Keep copies in", "Save both", "Audit the result")
    assert len(steps) == 4
    for i, (step, start) in enumerate(zip(steps, starts, strict=True), 1):
        assert step.startswith(f"  {i}. {start}")
    side = min(min(Image.open(path).size) for path in paths)
    assert report.shortest_side == report.to_dict()["shortest_side"] == side
    assert f"equalize FOLDER OUT --size {3 * side // 4} (in Python" in steps[2]
    assert steps[2].strip()[3:] in report.to_html()


def test_copies_are_one_observation() -> None:
    classes = np.repeat([0, 1], 20)
    column = classes.astype(bool)[:, None]
    assert differing(column, classes, np.arange(40), chance=0.05).tolist() == [0]
    copies = np.where(column[:, 0], 40, np.arange(40))
    assert differing(column, classes, copies, chance=0.05).tolist() == []


def test_a_value_of_one_image_is_no_evidence_and_no_burden() -> None:
    """Values that occur once could never come out, so they are not counted as tests."""
    classes = np.repeat([0, 1], 8)
    telling = np.arange(16) >= 7  # p = 0.0014
    single = np.eye(16, dtype=bool)
    columns = np.column_stack([single, telling])
    assert differing(columns, classes, np.arange(16), chance=0.01).tolist() == [16]


def test_a_few_tiny_files_do_not_make_all_others_tiny() -> None:
    sides = np.array([512.0] * 95 + [13.0] * 5 + [400.0] * 98 + [20.0] * 2)
    advice = advise_size(sides, np.repeat([0, 1], 100))
    assert (advice.side, advice.needed, advice.n_left_out) == (300, 400, 7)
    assert "keeps 193 of 200 images: leave out the 7" in advice.reason()
    # But a class that is small as a whole sets the size, and gradual sizes lose nobody.
    sides = np.concatenate([np.full(100, 512.0), np.full(100, 64.0)])
    assert advise_size(sides, np.repeat([0, 1], 100)).side == 48
    gradual = np.linspace(300, 900, 200)
    assert advise_size(gradual, np.arange(200) % 2).n_left_out == 0


def test_bytes_for_each_pixel_are_told_and_not_counted(tmp_path: Path) -> None:
    """Noise of two strengths in equal files: no property of the files but what they weigh."""
    rng = np.random.default_rng(0)
    paths = [tmp_path / f"{i}.jpg" for i in range(60)]
    for i, path in enumerate(paths):
        strength = 30 if i % 2 else 60
        pixels = rng.normal(128, strength, (48, 48, 3)).clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(path, quality=90)
    report = audit_images(paths, np.arange(60) % 2)
    assert report.verdict == "clean"
    (found,) = [f for f in report.findings if "bytes_per_pixel" in f.fields]
    assert found.severity == "minor"
    assert "fine detail and noise" in found.why
