"""How a folder is divided, what a run saw, and where a run may be written."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import MakeImage, Said, start_python

from skfakereal.cli._images import Part, Parts
from skfakereal.cli.run._folder import new_run, seal, stem_of
from skfakereal.cli.run._seen import (
    digests_of,
    read_manifest,
    seen_remark,
    write_manifest,
)
from skfakereal.cli.train._prepare import Plan, split_folder, with_validation

Split = Callable[..., Parts]
PLAN = Plan("", "", {}, [])


@pytest.fixture
def split(tmp_path: Path, make_image: MakeImage) -> Split:
    """Return a function that writes so many images into folders and divides them."""

    def run(images: dict[str, int] | None = None, **changes: object) -> Parts:
        for folder, number in (images or {}).items():
            for i in range(number):
                make_image(f"in/{folder}/{i}.png", i)
        plan = Plan(str(tmp_path / "in"), "", {}, [], test_fraction=0.25)
        plan = replace(plan, **changes)  # type: ignore[arg-type]
        return split_folder(plan, plan.test_fraction)

    return run


def both(numbers: dict[str, int]) -> dict[str, int]:
    """Return the folders of both classes, named by a form."""
    names = ("real", "fake")
    return {form.format(name): n for form, n in numbers.items() for name in names}


def test_a_stratified_part_is_held_out(split: Split) -> None:
    parts = split({"real": 20, "fake": 40})
    assert parts.train.count(parts.names) == {"real": 15, "fake": 30}
    assert parts.test.count(parts.names) == {"real": 5, "fake": 10}
    assert not set(parts.train.paths) & set(parts.test.paths)
    assert parts.validation is None
    assert "one by one" in parts.how
    for part in (parts.train, parts.test):
        for path, label in zip(part.paths, part.labels, strict=True):
            assert Path(path).parent.name == parts.names[label]
    assert split().test.paths == parts.test.paths
    assert split(random_state=1).test.paths != parts.test.paths
    again = with_validation(parts, 0.2, PLAN)
    assert again.validation_drawn
    assert again.train.count(parts.names) == {"real": 12, "fake": 24}
    assert again.validation.count(parts.names) == {"real": 3, "fake": 6}
    assert sorted(again.train.paths + again.validation.paths) == sorted(parts.train.paths)
    assert again.test is parts.test
    alone = [parts.train.labels.tolist().index(0)]
    fakes = np.flatnonzero(parts.train.labels == 1)
    only = replace(parts, train=parts.train.take(np.array([*alone, *fakes])))
    with pytest.raises(ValueError, match="single image"):
        with_validation(only, 0.2, PLAN)


def test_groups_are_kept_together_unless_told_not_to(split: Split) -> None:
    parts = split(both({f"{{}}/g{group}": 4 for group in range(8)}))
    assert not set(parts.train.groups) & set(parts.test.groups)
    assert len(parts.test.paths) == 16
    assert "no group" in parts.how
    again = with_validation(parts, 0.2, PLAN)
    assert not set(again.train.groups) & set(again.validation.groups)
    apart = with_validation(parts, 0.2, replace(PLAN, use_groups=False))
    assert set(apart.train.groups) & set(apart.validation.groups)
    loose = split(use_groups=False)
    assert set(loose.train.groups) & set(loose.test.groups)
    assert "one by one" in loose.how


def test_groups_that_cannot_be_kept_together_are_told(split: Split) -> None:
    parts = split({"real/camera": 8, "fake": 8})
    assert parts.test.count(parts.names) == {"real": 2, "fake": 2}
    assert "figures are too good" in parts.how
    again = with_validation(parts, 0.2, PLAN)
    assert sorted(again.validation.count(parts.names).values()) == [1, 2]
    assert "too confident" in again.how


def test_own_splits_are_used(split: Split) -> None:
    parts = split(both({"train/{}": 5, "val/{}": 2, "test/{}": 3}))
    sizes = [len(part.paths) for part in (parts.train, parts.validation, parts.test)]
    assert sizes == [10, 4, 6]
    assert all("/test/" in path for path in parts.test.paths)
    assert "own test part" in parts.how
    assert with_validation(parts, 0.2, PLAN) is parts


def test_without_a_test_folder_it_is_drawn_from_train(split: Split) -> None:
    parts = split(both({"train/{}": 8, "validation/{}": 2}))
    assert parts.test.count(parts.names) == {"real": 2, "fake": 2}
    assert all("/train/" in path for path in parts.test.paths + parts.train.paths)


def test_few_images_are_divided_into_folds(split: Split) -> None:
    few = {"real": 12} | {f"fake/{group}": 2 for group in range(6)}
    parts = split(few, test_fraction=None)
    assert parts.test is None
    assert len(parts.train.paths) == 24
    tested = np.concatenate([held for _, held in parts.folds])
    assert sorted(tested.tolist()) == list(range(24))
    for rows, held in parts.folds:
        assert not set(parts.train.groups[rows]) & set(parts.train.groups[held])
        assert set(rows.tolist()) | set(held.tolist()) == set(range(24))
    assert "about four fifths of the images, without that one. No group" in parts.how
    assert split(test_fraction=0.25).folds == ()
    assert split({"real": 187}, test_fraction=None).test is None
    tested = split({"real": 188}, test_fraction=None).test
    assert tested.count(parts.names) == {"real": 38, "fake": 2}


def test_each_fold_leaves_enough_to_divide_again(split: Split) -> None:
    # Without the first camera, one image would be left.
    images = {"fake": 12, "real/camera0": 2, "real/camera1": 1}
    parts = split(images, test_fraction=None)
    assert "divided one by one" in parts.how
    for rows, _ in parts.folds:
        assert min(parts.train.take(rows).count(parts.names).values()) >= 2


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ({"test/real": 1, "test/fake": 1}, "none to train on"),
        ({"real": 1, "fake": 5}, "'real' has 1"),
        ({"real": 1}, "'fake'"),
    ],
)
def test_folders_that_will_not_do(
    images: dict[str, int], message: str, split: Split
) -> None:
    with pytest.raises(ValueError, match=message):
        split(images)


def test_images_are_known_again_by_their_content(
    tmp_path: Path, make_image: MakeImage
) -> None:
    seen, copy = make_image("a.png", 1), make_image("elsewhere/b.png", 1)
    new = make_image("c.png", 2)

    def part(*paths: str) -> Part:
        labels, groups = np.zeros(len(paths), np.int64), np.array(paths, dtype=object)
        return Part(list(paths), labels, groups)

    digests = digests_of([seen, copy, new, "gone.png"], progress=False)
    assert digests["gone.png"] == ""
    parts = {"train": part(seen, "gone.png"), "test": part(new)}
    write_manifest(tmp_path, parts, ["real"], digests)
    rows = read_manifest(tmp_path)
    known = {row["sha256"] for row in rows if row["part"] == "train"}
    assert known == {digests[seen], ""}
    assert seen_remark(known, [digests[copy], digests[new], ""]).startswith("1 of the 3")
    assert seen_remark({*known, ""}, [digests[new], ""]) == ""
    assert read_manifest(tmp_path / "elsewhere") is None


def write_run(out: Path, *, force: bool = False, text: str = "new", **how: Any) -> None:
    with new_run(out, force=force, **how) as folder:
        (folder / "report.html").write_text(text)
        seal(folder, {"skfakereal": "0"})


@pytest.mark.parametrize("there", [False, True])
def test_a_run_appears_when_it_is_whole(tmp_path: Path, there: bool) -> None:
    out = tmp_path / "deep/run"
    if there:  # then nothing is written beside it
        out.mkdir(parents=True)
    with new_run(out, force=False) as folder:
        assert out.exists() == there
        assert not there or list(out.parent.iterdir()) == [out]
        (folder / "report.html").write_text("new")
        seal(folder, {"skfakereal": "0"})
    assert sorted(path.name for path in out.iterdir()) == ["config.json", "report.html"]
    assert [path.name for path in out.parent.iterdir()] == ["run"]
    assert list(json.loads((out / "config.json").read_text())["files"]) == ["report.html"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
@pytest.mark.parametrize("kept", [None, "model.skfr"])  # which is not there yet
def test_an_interrupted_run_leaves_nothing(
    kept: str | None, error: type[BaseException], tmp_path: Path
) -> None:
    def begin() -> None:
        with new_run(tmp_path / "run", force=False, kept=kept) as folder:
            (folder / "report.html").write_text("half")
            raise error

    with pytest.raises(error):
        begin()
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_run_leaves_the_earlier_one(tmp_path: Path) -> None:
    write_run(tmp_path / "run", text="old")
    with pytest.raises(OSError, match="full"), new_run(tmp_path / "run", force=True):
        raise OSError("disk full")
    assert (tmp_path / "run/report.html").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_an_earlier_run_is_replaced_only_by_force_and_a_file_never(tmp_path: Path) -> None:
    write_run(tmp_path / "run", text="old")
    with pytest.raises(FileExistsError, match="--force"):
        write_run(tmp_path / "run")
    write_run(tmp_path / "run", force=True)
    assert (tmp_path / "run/report.html").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    (tmp_path / "file").write_text("mine")
    with pytest.raises(FileExistsError, match="is a file"):
        write_run(tmp_path / "file", force=True)


def test_a_folder_that_is_there_stays_the_same_one(tmp_path: Path) -> None:
    # It may be a mounted volume, or the working folder of the user's shell.
    place = tmp_path / "run"
    place.mkdir(mode=0o711)
    before = place.stat()
    for text in ("old", "new"):
        write_run(place, force=True, text=text)
        assert (place / "report.html").read_text() == text
        assert sorted(p.name for p in place.iterdir()) == ["config.json", "report.html"]
        assert place.stat().st_ino == before.st_ino
        assert place.stat().st_mode == before.st_mode
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_what_a_killed_run_left_is_in_nobodys_way(tmp_path: Path) -> None:
    place = tmp_path / "run"
    left = place / ".0123abcd.partial/model.skfr"
    left.parent.mkdir(parents=True)
    left.write_text("finished")
    write_run(place, text="old")
    write_run(place, force=True)
    assert (place / "report.html").read_text() == "new"
    assert left.read_text() == "finished"


# What a process does that is killed before its n-th renaming, or disturbed at each.
WRITE_AND_DIE = """
import os, signal, sys
from skfakereal.cli import _any_end_as_ctrl_c
from skfakereal.cli.run._folder import new_run, seal

place, left = sys.argv[1], int(sys.argv[2])


def at_event(event, arguments):
    global left
    if event == "os.rename" and left < 0:
        signal.raise_signal(signal.SIGHUP)
        signal.raise_signal(signal.SIGINT)
    elif event == "os.rename":
        left -= 1
        if left < 0 and sys.argv[3:] == ["fail"]:
            left = 1000
            raise OSError("no room")
        if left < 0:
            os._exit(9)


signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup has it ignored
sys.addaudithook(at_event)
with _any_end_as_ctrl_c(), new_run(place, force=True, kept="model.skfr") as folder:
    for name in ("audit.json", "model.skfr", "report.html"):
        (folder / name).write_text("new")
    seal(folder, {"skfakereal": "0"})
    if left < 0:
        signal.raise_signal(signal.SIGHUP)
"""


def write_and_die(place: Path, left: int, *how: str) -> "subprocess.CompletedProcess[str]":
    return start_python("-c", WRITE_AND_DIE, place, left, *how, timeout=60)


@pytest.mark.parametrize("n_moves", range(8))
def test_a_run_killed_while_it_replaces_another_loses_neither(
    n_moves: int, tmp_path: Path, capsys: Said
) -> None:
    place = tmp_path / "run"
    with new_run(place, force=False) as folder:
        for name in ("audit.json", "model.skfr", "zebra.txt"):
            (folder / name).write_text("old")
        seal(folder, {"skfakereal": "0"})
    n_needed = 7  # three old files, the record, three new files
    assert write_and_die(place, n_moves).returncode == (9 if n_moves < n_needed else 0)
    models = {path.read_text() for path in place.rglob("model.skfr")}
    assert models == ({"old", "new"} if n_moves < n_needed else {"new"})
    # What is visible is a run, and no one's to replace but by --force.
    with pytest.raises(FileExistsError, match="Pass --force"):
        write_run(place)
    write_run(place, force=True)
    assert (place / "report.html").read_text() == "new"
    told = capsys.readouterr().err
    assert ("of a run that was killed" in told) == (n_moves < n_needed)


@pytest.mark.parametrize("n_moves", range(3))
def test_a_move_that_fails_is_undone(n_moves: int, tmp_path: Path) -> None:
    place = tmp_path / "run"
    write_run(place, text="old")
    before = {path: path.read_bytes() for path in place.rglob("*")}
    assert "UnfinishedRunError" in write_and_die(place, n_moves, "fail").stderr
    assert {path: path.read_bytes() for path in place.rglob("*")} == before
    (unfinished,) = tmp_path.glob("run.*.unfinished")
    assert (unfinished / "model.skfr").read_text() == "new"


@pytest.mark.skipif(sys.platform == "win32", reason="it has no SIGHUP")
def test_a_second_signal_does_not_end_the_cleaning_up(tmp_path: Path) -> None:
    ended = write_and_die(tmp_path / "run", -1)
    assert "UnfinishedRunError" in ended.stderr
    assert sorted(path.name for path in tmp_path.rglob("*")) == [
        *("audit.json", "config.json", "model.skfr", "report.html", "run")
    ]


def test_no_run_replaces_what_it_reads(tmp_path: Path) -> None:
    place = tmp_path / "run"
    write_run(place, text="old")
    reads = ["-", str(place / "none.png"), "x" * 300]
    write_run(place, force=True, text="old", reads=reads)
    for read in (place, place / "report.html"):
        with pytest.raises(FileExistsError, match="that are read"):
            write_run(place, force=True, reads=[tmp_path, read])
    assert (place / "report.html").read_text() == "old"


@pytest.mark.parametrize("what", ["report.html", "notes.txt", "notes/", "config.json"])
def test_what_is_the_users_is_never_replaced(what: str, tmp_path: Path) -> None:
    run = tmp_path / "run"
    write_run(run, text="old")
    if what.endswith("/"):
        (run / what).mkdir()
    else:
        (run / what).write_text('{"files": {}}')
    before = {p: p.read_bytes() for p in run.rglob("*") if p.is_file()}
    with pytest.raises(FileExistsError, match="which no run wrote"):
        write_run(run, force=True)
    assert {p: p.read_bytes() for p in run.rglob("*") if p.is_file()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_what_comes_up_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    def write_slowly() -> None:
        with new_run(tmp_path / "run", force=True):
            (tmp_path / "run").mkdir()
            (tmp_path / "run/mine.txt").write_text("mine")

    with pytest.raises(FileExistsError, match="which no run wrote"):
        write_slowly()
    assert [path.name for path in tmp_path.rglob("*")] == ["run", "mine.txt"]


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("a photo.png", "a_photo"),
        (".hidden.jpg", "hidden"),
        ("\x1b[2J\N{FIRE}.png", "2J"),
        ("\N{FIRE}.png", "image"),
        (f"{'x' * 39} y.png", "x" * 39),
        (f"{'x' * 80}.png", "x" * 40),
    ],
)
def test_names_of_files_from_names_of_images(name: str, stem: str) -> None:
    assert stem_of(name) == stem
