"""``skfakereal demo``: the main job, as a newcomer runs it."""

import csv
import json
from pathlib import Path
from threading import active_count
from time import monotonic

import pytest
from conftest import Command, Patch, Said, here, start_python

from skfakereal.cli._output import signs_of_life


def test_it_tells_every_few_seconds_that_it_is_at_work(capsys: Said) -> None:
    said, deadline = "", monotonic() + 60
    with signs_of_life(wanted=True, every=0.01):
        while said.count("... at work for 0 s\n") < 2:
            assert monotonic() < deadline
            said += capsys.readouterr().out
    n_threads = active_count()
    with signs_of_life(wanted=False):
        assert active_count() == n_threads


def check_examples(said: str, predictions: Path) -> None:
    """The first image of each class that was called rightly, and the worst error, told as such."""
    with predictions.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    right = [row for row in rows if row["label"] == row["predicted"]]
    wrong = [row for row in rows if row["label"] != row["predicted"]]
    firsts = [next(r for r in right if r["label"] == name) for name in ("real", "fake")]
    worst = max(wrong, key=lambda row: abs(float(row["probability"]) - 0.5))
    table = said[said.index("P(fake)") :].splitlines()[1:4]
    for line, row in zip(table, [*firsts, worst], strict=True):
        assert line.split()[1:3] == [row["predicted"], row["path"]]
    assert (
        f"{len(right)} of the {len(rows)} tested images were classified correctly" in said
    )
    assert f"the worst error, a {worst['label']} image" in said


@pytest.mark.slow
def test_the_demo_runs_twice_and_leaves_what_is_not_its_own(
    tmp_path: Path, monkeypatch: Patch, command: Command
) -> None:
    folder = tmp_path / "skfakereal-demo"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    hidden = ("TF_CPP_MIN_LOG_LEVEL", "MPLBACKEND")
    environment = {k: v for k, v in here().items() if k not in hidden}
    process = start_python("-m", "skfakereal", "demo", cwd=tmp_path, env=environment)
    assert (process.returncode, process.stderr) == (0, "")
    before = (folder / "run/metrics.json").read_bytes()
    monkeypatch.chdir(tmp_path)
    command("demo")
    assert (folder / "run/metrics.json").read_bytes() == before
    assert "toy images" in process.stdout.splitlines()[0]
    assert "skfakereal-demo/run/report.html" in process.stdout
    page = (folder / "run/report.html").read_text(encoding="utf-8")
    assert page.index("toy images") < page.index("classified correctly")
    assert "<h2>By group</h2>" in page  # photographs, which are in both classes
    figures = json.loads(before)
    assert figures["balanced_accuracy"] > 0.9  # on a photograph that it has not seen
    assert figures["roc_auc"] > 0.95
    check_examples(process.stdout, folder / "run/predictions.csv")
    assert sorted(p.name for p in folder.iterdir()) == ["images", "mine.txt", "run"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["skfakereal-demo"]
