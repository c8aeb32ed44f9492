"""``skfakereal score``: lists from anywhere, going on after a signal, exit codes."""

import csv
import io
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import joblib
import pytest
from conftest import Command, Patch, Said, heed_interrupts, here
from scoring_models import fit_brightness, write_greys
from sklearn.dummy import DummyClassifier

from skfakereal.cli import main
from skfakereal.cli._images import iterate_list


@pytest.fixture
def greys(tmp_path: Path) -> list[str]:
    return write_greys(tmp_path / "greys", 12)


@pytest.fixture
def model(tmp_path: Path, greys: list[str]) -> str:
    joblib.dump(fit_brightness(greys), tmp_path / "model.joblib")
    return str(tmp_path / "model.joblib")


@pytest.fixture
def quick_model(tmp_path: Path) -> str:
    """Return a classifier that a process of its own can load without the tests."""
    dummy = DummyClassifier(strategy="constant", constant=1).fit(["a.png", "b.png"], [0, 1])
    joblib.dump(dummy, tmp_path / "quick.joblib")
    return str(tmp_path / "quick.joblib")


def rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(newline="", errors="surrogateescape") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize("content", [b"", b"\n\r\n\n", b"\xef\xbb\xbf"])
def test_a_list_without_a_path_is_an_error(
    tmp_path: Path, quick_model: str, refuse: Command, content: bytes
) -> None:
    """What a search that found nothing, or failed, hands over."""
    (tmp_path / "list.txt").write_bytes(content)
    words = ["--from", str(tmp_path / "list.txt"), "--out", str(tmp_path / "s.csv")]
    refuse("so nothing was classified", "score", "--trust", quick_model, *words)
    assert rows_of(tmp_path / "s.csv") == []


def test_files_folders_and_a_list(
    tmp_path: Path, greys: list[str], model: str, command: Command, capsys: Said
) -> None:
    (tmp_path / "list.txt").write_text(f"{greys[3]}\n\n{greys[4]}\r\ngone.png")
    words = [greys[-1], str(tmp_path / "greys"), "--from", str(tmp_path / "list.txt")]
    words += ["--out", str(tmp_path / "s.csv")]
    assert main(["score", "--trust", model, *words]) == 3
    rows = rows_of(tmp_path / "s.csv")
    wanted = [greys[-1], *greys, greys[3], greys[4], "gone.png"]
    assert [row["path"] for row in rows] == wanted
    assert [row["label"] for row in rows[1:13]] == ["real"] * 6 + ["fake"] * 6
    out = capsys.readouterr().out
    assert out.splitlines()[0] == f"16 images in {tmp_path / 's.csv'}"
    assert "1  could not be read: missing" in out
    said = command("score", "--trust", model, *words, code=3).out
    assert "16 images in" in said
    assert "13 of them before" in said


def test_a_folder_to_write_to_never_costs_the_list_in_it(
    tmp_path: Path, greys: list[str], quick_model: str, refuse: Command
) -> None:
    (tmp_path / "scores.csv").write_text(greys[0])
    words = ["--from", str(tmp_path / "scores.csv"), "--out", str(tmp_path), "--force"]
    refuse("another file than those that are read", "score", "--trust", quick_model, *words)
    assert (tmp_path / "scores.csv").read_text() == greys[0]


@pytest.mark.parametrize("null", [False, True])
def test_standard_input(
    tmp_path: Path, greys: list[str], model: str, monkeypatch: Patch, null: bool
) -> None:
    odd = tmp_path / "li\nne \udcff.png" if null else tmp_path / "not \udcff text.png"
    odd.write_bytes(Path(greys[-1]).read_bytes())
    text = (b"\0" if null else b"\n").join(os.fsencode(p) for p in [*greys, str(odd)])
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(text)))
    words = ["--from", "-", *["-0"] * null, "--out", str(tmp_path / "s.csv")]
    assert main(["score", "--trust", model, *words]) == 0
    assert [row["path"] for row in rows_of(tmp_path / "s.csv")] == [*greys, str(odd)]


def test_a_list_is_read_in_pieces(tmp_path: Path) -> None:
    names = [f"{'x' * (i % 300)}{i}.png" for i in range(2000)]
    (tmp_path / "list").write_bytes(b"\xef\xbb\xbf" + "\n".join(names).encode())
    assert list(iterate_list(str(tmp_path / "list"), null=False)) == names


@pytest.mark.parametrize(
    # Without a mark, and with --null, it may be a list of names that end in NULs.
    ("encoding", "words"),
    [("utf-16", []), ("utf-16-le", []), ("utf-16", ["--null"])],
)
def test_a_list_in_another_encoding_is_told_before_all_its_rows_are_errors(
    encoding: str,
    words: list[str],
    tmp_path: Path,
    greys: list[str],
    model: str,
    refuse: Command,
) -> None:
    listed, out = tmp_path / "list.txt", str(tmp_path / "s.csv")
    listed.write_text("\n".join(greys), encoding=encoding)
    call = ["score", model, "--trust", "--from", str(listed), "--out", out, *words]
    refuse("Windows PowerShell", *call)


def test_options_reach_the_file(tmp_path: Path, greys: list[str], model: str) -> None:
    words = ["--out", str(tmp_path), "--all-classes", "--sha256", "--pos-label", "real"]
    assert main(["score", "--trust", model, *greys, *words]) == 0
    row = rows_of(tmp_path / "scores.csv")[0]
    assert row["probability"] == row["probability_real"]
    assert len(row["sha256"]) == 64


def test_force_begins_anew(
    tmp_path: Path, greys: list[str], model: str, refuse: Command
) -> None:
    words = ["--out", str(tmp_path / "s.csv")]
    assert main(["score", "--trust", model, *greys, *words]) == 0
    refuse("(--force)", "score", "--trust", model, *greys[1:], *words)
    assert main(["score", "--trust", model, *greys[1:], *words, "--force"]) == 0
    assert [row["path"] for row in rows_of(tmp_path / "s.csv")] == greys[1:]


def test_retry(tmp_path: Path, greys: list[str], model: str) -> None:
    words = ["--out", str(tmp_path / "s.csv")]
    Path(greys[2]).rename(tmp_path / "away.png")
    assert main(["score", "--trust", model, *greys, *words]) == 3
    (tmp_path / "away.png").rename(greys[2])
    assert main(["score", "--trust", model, *greys, *words]) == 3
    assert main(["score", "--trust", model, *greys, *words, "--retry"]) == 0


def test_no_images_named(model: str, refuse: Command) -> None:
    refuse("--from", "score", "--trust", model, "--out", "s.csv")


def start(quick_model: str, out: Path) -> Any:
    words = ["score", "--trust", quick_model, "--from", "-", "--out", str(out)]
    return subprocess.Popen(
        [sys.executable, "-m", "skfakereal", *words, "--part-size", "1"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=here(),
        text=True,
        preexec_fn=heed_interrupts,
    )


@pytest.mark.slow
def test_an_interruption_says_how_to_go_on(tmp_path: Path, quick_model: str) -> None:
    out = tmp_path / "s.csv"
    process = start(quick_model, out)
    while not (tmp_path / "s.csv.parts" / "run.json").exists():
        assert process.poll() is None  # it waits for its list
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert error == (
        "skfakereal: finished parts are kept: the same command resumes\n"
        "skfakereal: interrupted\n"
    )
    assert not out.exists()
    told, error = start(quick_model, out).communicate("a.png\nb.png\n", timeout=60)
    assert error == ""
    assert told.splitlines() == [f"2 images in {out}", f"{2:>12}  fake"]
