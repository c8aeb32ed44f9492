"""A scoring run that is taken up again: what it finds, what it trusts, what it refuses."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from conftest import Patch, here
from reading import brightness
from scoring_models import fit_brightness, score_greys, write_greys
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

CALLS: list[str] = []


def watched_brightness(X: Any) -> Any:
    if STOP["before"] in list(X):
        raise KeyboardInterrupt
    CALLS.extend(X)
    return brightness(X)


STOP = {"before": ""}


@pytest.fixture
def greys(tmp_path: Path) -> list[str]:
    return write_greys(tmp_path / "greys", 23)


@pytest.fixture
def model(greys: list[str]) -> Any:
    model = make_pipeline(FunctionTransformer(watched_brightness), LogisticRegression())
    model.fit(np.array(greys, object), np.arange(23) > 11)
    CALLS.clear()
    return model


@pytest.fixture
def whole(tmp_path: Path, greys: list[str], model: Any) -> bytes:
    """Return what an undisturbed run writes."""
    written = score_greys(tmp_path / "whole.csv", greys, model).path.read_bytes()
    CALLS.clear()
    return written


@pytest.fixture
def cut_off(tmp_path: Path, greys: list[str], model: Any, monkeypatch: Patch) -> Path:
    """Return the file of a run that was interrupted in its third part of five."""
    monkeypatch.setitem(STOP, "before", greys[13])
    with pytest.raises(KeyboardInterrupt):
        score_greys(tmp_path / "s.csv", greys, model)
    monkeypatch.setitem(STOP, "before", "")
    CALLS.clear()
    return tmp_path / "s.csv"


def parts_of(out: Path) -> list[Path]:
    return sorted(out.with_name(f"{out.name}.parts").glob("part-*.jsonl"))


def test_the_rest_is_computed_and_nothing_else(
    cut_off: Path, greys: list[str], model: Any, whole: bytes
) -> None:
    assert not cut_off.exists()
    assert len(parts_of(cut_off)) == 2
    result = score_greys(cut_off, greys, model)
    assert greys[10:] == CALLS
    assert (result.n_before, result.n_scored) == (10, 13)
    assert cut_off.read_bytes() == whole


def test_a_finished_run_computes_nothing(
    tmp_path: Path, greys: list[str], model: Any, whole: bytes
) -> None:
    result = score_greys(tmp_path / "whole.csv", greys, model)
    assert CALLS == []
    assert (result.n_before, result.n_scored) == (23, 0)
    assert result.path.read_bytes() == whole


def tear(content: bytes) -> bytes:
    return content[: len(content) // 2]


def alter(content: bytes) -> bytes:
    return content.replace(b'"",""', b'"","x"', 1)


@pytest.mark.parametrize("damage", [tear, alter, lambda content: b""])
def test_a_damaged_part_is_set_aside_and_computed_again(
    cut_off: Path, greys: list[str], model: Any, whole: bytes, damage: Any
) -> None:
    part = parts_of(cut_off)[0]
    part.write_bytes(damage(part.read_bytes()))
    with pytest.warns(RuntimeWarning, match="1 damaged parts") as warned:
        score_greys(cut_off, greys, model)
    assert len(warned) == 1
    assert greys[:5] + greys[10:] == CALLS
    assert part.with_suffix(".set-aside").exists()
    assert cut_off.read_bytes() == whole


def test_a_part_in_the_place_of_another_is_none(
    cut_off: Path, greys: list[str], model: Any, whole: bytes
) -> None:
    first, second = parts_of(cut_off)
    second.write_bytes(first.read_bytes())
    with pytest.warns(RuntimeWarning, match="damaged"):
        score_greys(cut_off, greys, model)
    assert cut_off.read_bytes() == whole


def test_a_list_that_grew_at_its_end_is_continued(
    tmp_path: Path, greys: list[str], model: Any, whole: bytes
) -> None:
    out = tmp_path / "grown.csv"
    score_greys(out, greys[:13], model)
    CALLS.clear()
    score_greys(out, greys, model)
    assert greys[13:] == CALLS
    assert out.read_bytes() == whole


@pytest.mark.parametrize("kind", ["shorter", "another", "inserted", "swapped"])
def test_another_list_is_refused(
    kind: str, cut_off: Path, greys: list[str], model: Any
) -> None:
    other = {
        "shorter": greys[:7],
        "another": [*greys[:6], "x.png", *greys[7:]],
        "inserted": ["x.png", *greys],
        "swapped": [greys[1], greys[0], *greys[2:]],
    }[kind]
    before = [part.read_bytes() for part in parts_of(cut_off)]
    with pytest.raises(ValueError, match=r"paths must be those of the run in .*overwrite"):
        score_greys(cut_off, other, model)
    assert [part.read_bytes() for part in parts_of(cut_off)] == before


def test_relative_paths_from_another_folder_are_another_list(
    tmp_path: Path, greys: list[str], model: Any, monkeypatch: Patch
) -> None:
    names = [Path(path).name for path in greys]
    monkeypatch.chdir(tmp_path / "greys")
    score_greys(tmp_path / "s.csv", names, model)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="relative to another folder"):
        score_greys(tmp_path / "s.csv", names, model)


def test_another_model_or_setting_is_refused(
    cut_off: Path, greys: list[str], model: Any
) -> None:
    with pytest.raises(ValueError, match="other settings: part_size was 5 and is 6"):
        score_greys(cut_off, greys, model, part_size=6)
    with pytest.raises(ValueError, match="digests was False and is True"):
        score_greys(cut_off, greys, model, digests=True)
    with pytest.raises(ValueError, match=r"model was '\w+' and is '\w+'"):
        score_greys(cut_off, greys, fit_brightness(greys))


def test_what_is_only_shown_may_change(cut_off: Path, greys: list[str], model: Any) -> None:
    score_greys(cut_off, greys, model, target_names=["photo", "made"], all_classes=True)
    assert greys[10:] == CALLS
    assert b"probability_made" in cut_off.read_bytes()


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes have names there")
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_pipe_is_refused_and_not_waited_for(
    overwrite: bool, tmp_path: Path, greys: list[str], model: Any
) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(FileExistsError, match="is no regular file"):
        score_greys(tmp_path / "pipe.csv", greys, model, overwrite=overwrite)


def test_overwrite_begins_anew(cut_off: Path, greys: list[str], model: Any) -> None:
    cut_off.write_text("something else")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        score_greys(cut_off, greys, model)
    assert CALLS == []
    score_greys(cut_off, greys[:7], model, part_size=3, overwrite=True)
    assert greys[:7] == CALLS
    assert len(cut_off.read_text().splitlines()) == 8


def test_a_file_that_may_be_replaced_may_be_after_an_interruption(
    tmp_path: Path, greys: list[str], model: Any, monkeypatch: Patch
) -> None:
    out = tmp_path / "s.csv"
    out.write_text("something else")
    monkeypatch.setitem(STOP, "before", greys[13])
    with pytest.raises(KeyboardInterrupt):
        score_greys(out, greys, model, overwrite=True)
    assert out.read_text() == "something else"
    monkeypatch.setitem(STOP, "before", "")
    assert score_greys(out, greys, model).n_before == 10


def test_a_file_that_somebody_changed_is_not_replaced(
    tmp_path: Path, greys: list[str], model: Any
) -> None:
    result = score_greys(tmp_path / "s.csv", greys, model)
    with result.path.open("a") as file:
        file.write("a note\n")
    with pytest.raises(FileExistsError, match="unchanged result of this run"):
        score_greys(tmp_path / "s.csv", greys, model)
    assert result.path.read_text().endswith("a note\n")


def test_a_strangers_folder_is_left_alone(
    tmp_path: Path, greys: list[str], model: Any
) -> None:
    folder = tmp_path / "s.csv.parts"
    folder.mkdir()
    (folder / "holiday.png").write_text("mine")
    with pytest.raises(ValueError, match=r"holds 'holiday.png' and no run.json"):
        score_greys(tmp_path / "s.csv", greys, model)
    (folder / "run.json").write_text("{")
    with pytest.raises(ValueError, match=r"run.json' is damaged.*overwrite"):
        score_greys(tmp_path / "s.csv", greys, model)


def test_errors_are_tried_again_where_asked(
    tmp_path: Path, greys: list[str], model: Any, whole: bytes
) -> None:
    out = tmp_path / "s.csv"
    for path in (greys[3], greys[16]):
        Path(path).rename(f"{path}.away")
    assert score_greys(out, greys, model).errors == {"missing": 2}
    for path in (greys[3], greys[16]):
        Path(f"{path}.away").rename(path)
    assert score_greys(out, greys, model).errors == {"missing": 2}
    CALLS.clear()
    result = score_greys(out, greys, model, retry_errors=True)
    assert [greys[3], greys[16]] == CALLS
    assert (result.errors, result.n_before, result.n_scored) == ({}, 21, 2)
    assert out.read_bytes() == whole


def test_one_run_at_a_time_in_a_process(
    tmp_path: Path, greys: list[str], model: Any
) -> None:
    refused: list[BaseException] = []

    def other() -> None:
        try:
            score_greys(tmp_path / "s.csv", greys, model)
        except BlockingIOError as error:
            refused.append(error)

    def paths() -> Iterator[str]:
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        yield from greys

    assert score_greys(tmp_path / "s.csv", paths(), model).n_images == 23
    assert "Another run is writing to" in str(refused[0])


WAITING = """
import sys
sys.path.insert(0, sys.argv[1])
import joblib
from scoring_models import score_greys

def paths():
    print("locked", flush=True)
    yield sys.stdin.readline()

score_greys(sys.argv[2], paths(), joblib.load(sys.argv[3]))
"""


def test_a_lock_dies_with_its_process(tmp_path: Path, greys: list[str]) -> None:
    model, out = fit_brightness(greys), tmp_path / "s.csv"
    joblib.dump(model, tmp_path / "model.joblib")
    words = [str(Path(__file__).parent), str(out), str(tmp_path / "model.joblib")]
    process = subprocess.Popen(
        [sys.executable, "-c", WAITING, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=here(),
    )
    assert process.stdout.readline() == b"locked\n"
    with pytest.raises(BlockingIOError, match="Another run is writing to"):
        score_greys(out, greys, model)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert score_greys(out, greys, model).n_images == 23


@pytest.mark.parametrize("when", ["in the list", "in a part", "at the end"])
def test_a_full_disk_costs_nothing_that_is_done(
    tmp_path: Path, greys: list[str], when: str, full_disk: Callable[[int], None]
) -> None:
    model = fit_brightness(greys)
    whole = score_greys(tmp_path / "whole.csv", greys, model, part_size=23).path
    out, size = tmp_path / "s.csv", whole.stat().st_size
    listed = sum(len(json.dumps(path)) + 1 for path in greys)
    limits = {"in the list": listed - 9, "in a part": listed + 9, "at the end": size - 9}
    # As large as a list on its own is, a part of all images is larger than the file.
    part_size = 23 if when == "in a part" else 5
    full_disk(limits[when])
    with pytest.raises(OSError, match=r"no room left.*Make room and start again"):
        score_greys(out, greys, model, part_size=part_size)
    full_disk(-1)
    folder = tmp_path / "s.csv.parts"
    left = {file.name for file in [*tmp_path.iterdir(), *folder.iterdir()]}
    assert not any(name.endswith(".tmp") for name in left)
    assert "s.csv" not in left
    assert len(parts_of(out)) == (5 if when == "at the end" else 0)
    score_greys(out, greys, model, part_size=part_size)
    assert out.read_bytes() == whole.read_bytes()


def test_data_is_on_the_disk_before_its_name_and_the_name_before_the_next_part(
    tmp_path: Path, greys: list[str], model: Any, monkeypatch: Patch
) -> None:
    done: list[tuple[str, str]] = []
    fsync, replace = os.fsync, Path.replace

    def watched_fsync(handle: int) -> None:
        fsync(handle)
        done.append(("fsync", str(Path(f"/proc/self/fd/{handle}").readlink())))

    def watched_replace(path: Path, target: Path) -> Path:
        done.append(("rename", str(path)))
        return replace(path, target)

    if not Path("/proc/self/fd").exists():
        pytest.skip("there is no /proc to name an open file")
    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(Path, "replace", watched_replace)
    score_greys(tmp_path / "s.csv", greys, model)
    renames = [i for i, (what, _) in enumerate(done) if what == "rename"]
    assert len(renames) == 5 + 3  # parts, run.json, results.json, the file
    for i in renames:
        temporary = done[i][1]
        assert ("fsync", temporary) in done[:i]
        assert done[i + 1] == ("fsync", str(Path(temporary).parent))
