"""The benchmark command: what it measures, keeps and says. No test asserts a time."""

import json
import pickle
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.metrics import balanced_accuracy_score, roc_auc_score, roc_curve

from benchmarks import __main__ as command
from benchmarks import _cold_start, _fit, _forward, _memory, _search, audit_power
from benchmarks._material import write_images, write_weights
from benchmarks._output import OutputFolder
from benchmarks._rounds import Contest, Round, append_round, interleave, read_rounds
from benchmarks._setting import SMALLEST
from benchmarks._standings import standings
from benchmarks._table import markdown
from benchmarks.photographs.__main__ import Measurements, measure_set
from benchmarks.photographs.sets import PhotographSet
from benchmarks.photographs.tables import compare, figures
from skfakereal.audit import FIELDS

SPEED = Contest("case", "speed", "rival", "images/s", at_least=2.0)
SECONDS = Contest("case", "seconds", "rival", "s", at_least=2.0, at_most=1.0)
PEAK = Contest("case", "peak", "the same with few", "MB", excess_at_most=100.0)


def standing(contest, *pairs):
    rounds = [Round(contest, i, ours, theirs) for i, (ours, theirs) in enumerate(pairs)]
    (found,) = standings(rounds)
    return found


def test_all_take_their_turn_in_each_round():
    calls = []

    def contestant(name):
        def measure():
            calls.append(name)
            return len(calls)

        return measure

    rounds = list(interleave({"ours": contestant("A"), "theirs": contestant("B")}, 2))
    assert calls == ["A", "B", "A", "B"]
    assert rounds == [(0, {"ours": 1, "theirs": 2}), (1, {"ours": 3, "theirs": 4})]


def test_more_images_and_fewer_seconds_are_better():
    assert standing(SPEED, (30, 10)).gain.median == 3
    assert standing(SECONDS, (2, 10)).gain.median == 5
    assert standing(PEAK, (310, 250)).gain.median == 60


def test_ratios_are_taken_round_by_round():
    # The second round ran beside other load, which slowed both.
    found = standing(SECONDS, (1, 4), (10, 30), (1, 5))
    assert (found.gain.median, found.gain.least, found.gain.largest) == (4, 3, 5)
    assert found.ours.median == 1
    assert found.n_rounds == 3


@pytest.mark.parametrize(
    ("contest", "pair", "met"),
    [
        (SPEED, (20, 10), True),
        (SPEED, (19, 10), False),
        (SECONDS, (1, 3), True),
        (SECONDS, (2, 9), False),  # much better, and still too long
        (PEAK, (350, 250), True),
        (PEAK, (351, 250), False),
        (replace(SPEED, at_least=None), (1, 10), None),
        (SPEED, (None, None), None),
    ],
)
def test_targets(contest, pair, met):
    assert standing(contest, pair).met is met


def test_a_contest_held_again_counts_from_its_last_start(tmp_path):
    file = tmp_path / "rounds.jsonl"
    first = Round(SPEED, 0, 1, 1), Round(SPEED, 1, 1, 1), Round(PEAK, 0, 5, 5)
    for measured in (*first, Round(SPEED, 0, 2, 1)):
        append_round(file, measured)
    with file.open("a") as stream:
        stream.write('{"contest": {"ca')  # killed while it wrote
    assert read_rounds(file) == [Round(SPEED, 0, 2, 1), Round(PEAK, 0, 5, 5)]


def test_the_table_says_what_was_measured_and_what_was_missed():
    found = [
        standing(replace(SPEED, note="5 images"), (30, 10), (28, 10)),
        standing(SECONDS, (2, 6)),
        standing(PEAK, (310, 250)),
        standing(replace(SPEED, row="other", note="not installed"), (None, None)),
    ]
    page = markdown(found, {"machine": "a small one"}, picture="ratios.png")
    rows = [line for line in page.splitlines() if line.startswith("| ")][1:]
    assert rows == [
        "| speed | rival | 29.0 images/s (28.0 to 30.0) | 10.0 images/s | "
        "2.90x (2.80 to 3.00) | at least 2x | yes | 1 |",
        "| seconds | rival | 2.00 s | 6.00 s | 3.00x | at least 2x, at most 1 s | **no** |  |",
        "| peak | the same with few | 310 MB | 250 MB | +60.0 MB | at most +100 MB | yes |  |",
        "| other | rival | - | - | - | at least 2x |  | 2 |",
    ]
    assert "- machine: a small one" in page
    assert "1. 5 images." in page
    assert "(ratios.png)" in page


def test_a_folder_keeps_to_one_setting(tmp_path):
    first = OutputFolder(tmp_path, {"rounds": "5"}, {})
    first.add(Round(SPEED, 0, 3, 1))
    again = OutputFolder(tmp_path, {"rounds": "5"}, {})
    again.add(Round(PEAK, 0, 3, 1))
    again.write()
    table = again.table.read_text()
    assert "| speed |" in table
    assert "| peak |" in table
    assert again.plot.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="settings"):
        OutputFolder(tmp_path, {"rounds": "2"}, {})


def test_photographs_of_a_group_are_drawn_and_tested_together():
    n = 120
    groups = np.array([f"group {i // 3}" for i in range(n)], dtype=object)
    names = np.array([f"{i}.jpg" for i in range(n)], dtype=object)
    images = PhotographSet("set", names, np.arange(n) // 60, groups, names)
    drawn = images.draw(60, seed=1)
    assert np.bincount(drawn.labels).tolist() == [30, 30]
    assert len(np.unique(drawn.groups)) == 20
    tested = [set(drawn.groups[test]) for _, test in drawn.folds(seed=1)]
    assert sum(map(len, tested)) == 20
    assert drawn.paths.tolist() != images.draw(60, seed=2).paths.tolist()


def test_each_seed_draws_other_photographs_whatever_else_is_asked_for(tmp_path):
    n = 1400
    names = np.array([f"{i}.jpg" for i in range(n)], dtype=object)
    images = PhotographSet("set", names, np.arange(n) // 700, names, names)
    drawn = []
    for sizes in ([60], [600, 60, None]):
        kept = Measurements(tmp_path / str(len(sizes)))
        dummies = SimpleNamespace(make=lambda seed: {"dummy": DummyClassifier})
        arguments = SimpleNamespace(
            contestants=dummies, sizes=sizes, seeds=[0, 1], only=["dummy"], also=[]
        )
        measure_set(images, arguments, kept)
        drawn.append({(e["n"], e["seed"]): set(e["groups"]) for e in kept.read()})
    few, many = drawn
    assert few.keys() == {(60, 0), (60, 1)}
    assert few == {key: many[key] for key in few}
    assert few[60, 0] != few[60, 1]
    assert few[60, 1] < many[600, 0] == many[600, 1] < many[n, 0]


def test_figures_are_those_of_scikit_learn(rng):
    labels = rng.integers(0, 2, 300)
    probabilities = np.round(rng.random(300) * 0.6 + labels * 0.3, 2)  # with ties
    false, true, _ = roc_curve(labels, probabilities, drop_intermediate=False)
    expected = [
        balanced_accuracy_score(labels, probabilities > 0.5),
        roc_auc_score(labels, probabilities),
        true[false <= 0.05].max(),
    ]
    found = figures(labels, probabilities, np.arange(300) // 3)
    np.testing.assert_allclose(found[:, 0], expected)
    assert (found[:, 1] < found[:, 0]).all()
    assert (found[:, 0] < found[:, 2]).all()


def test_two_engines_are_compared_image_by_image():
    labels, groups = [0] * 50 + [1] * 50, [str(i) for i in range(100)]
    before = np.concatenate([np.linspace(0, 0.7, 50), np.linspace(0.3, 1, 50)])
    after = before + np.where(labels, 0.1, 0)
    entry = {"set": "faces", "row": "best", "n": 100, "seed": 0}
    entry |= {"labels": labels, "groups": groups}
    entries = [entry | {"probabilities": {"clean": p.tolist()}} for p in (before, after)]
    gained = figures(np.array(labels), after) - figures(np.array(labels), before)
    same, better = (
        compare(entries[:1], [other]).splitlines()[-1].split(" | ") for other in entries
    )
    assert same[-2:] == ["+0.00 [+0.00, +0.00]", "+0.00 [+0.00, +0.00] |"]
    assert better[-2].split(" [")[0] == f"{gained[0, 0] * 100:+.2f}"
    assert better[-1].split(" [")[0] == f"{gained[1, 0] * 100:+.2f}"
    low, high = map(float, better[-2].split("[")[1].rstrip("]").split(", "))
    assert 0 < low < gained[0, 0] * 100 < high


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    # The command sets these for its workers.
    for name in ("SKFAKEREAL_CACHE", "TF_CPP_MIN_LOG_LEVEL"):
        monkeypatch.setenv(name, "")


class Here:
    """What a `Worker` is, but in this process, which has TensorFlow already."""

    def __init__(self, *make_and_arguments):
        make, *arguments = pickle.loads(pickle.dumps(make_and_arguments))
        self.work = make(*arguments)

    def __call__(self, *arguments):
        return pickle.loads(pickle.dumps(self.work(*arguments)))

    def __enter__(self):
        return self

    def __exit__(self, *error):
        pass


FEW = {"learning_rate": [1e-3], "hidden_units": [(256, 128), (64, 32)]}


@pytest.mark.slow
@pytest.mark.parametrize("case", command.CASES)
def test_every_case_runs(case, tmp_path, capsys, monkeypatch):
    for module in (_fit, _forward, _memory, _search):  # the others have workers
        monkeypatch.setattr(module, "Worker", Here)
    monkeypatch.setattr(_search, "_GRID", FEW)
    monkeypatch.setattr(_cold_start, "_ROWS", {"int8": _cold_start._ROWS["int8"]})
    code = command.run([case], SMALLEST, tmp_path)
    shown = capsys.readouterr()
    assert code == 0, shown.err
    lines = [json.loads(line) for line in (tmp_path / "rounds.jsonl").open()]
    assert {line["contest"]["case"] for line in lines} == {case}
    measured = [line for line in lines if line["ours"] is not None]
    assert measured
    assert all(line["ours"] > 0 and line["theirs"] > 0 for line in measured)
    assert (tmp_path / "table.md").read_text() in shown.out
    assert (tmp_path / "ratios.png").exists()


@pytest.mark.slow
def test_the_audits_power_is_that_of_its_verdict(monkeypatch, capsys):
    # Every property is drawn, and the one that tells the class has the AUC that is asked for.
    drawn = audit_power.draw_set(4000, 0.8, seed=0)
    assert set(drawn.values) == set(FIELDS)
    yes = np.array([v == "yes" for v in drawn.values[drawn.telling]])
    assert roc_auc_score(drawn.classes, yes) == pytest.approx(0.8, abs=0.02)
    # A set of 40 with an AUC of 0.99 is accused, a clean one is not.
    words = "audit_power --images 40 --draws 2 --auc 0.5 0.99"
    monkeypatch.setattr("sys.argv", words.split())
    audit_power.main()
    assert "| 40 | 0 of 2 | 2 of 2 |" in capsys.readouterr().out


def test_a_case_that_fails_leaves_the_others(tmp_path, capsys, monkeypatch):
    def broken(setting, folder):
        yield Round(PEAK, 0, 2, 1)
        raise OSError("no space left")

    monkeypatch.setitem(command.CASES, "broken", broken)
    monkeypatch.setitem(
        command.CASES, "sound", lambda setting, folder: iter([Round(SPEED, 0, 3, 1)])
    )
    assert command.run(["broken", "sound"], SMALLEST, tmp_path) == 1
    shown = capsys.readouterr()
    assert "broken: failed" in shown.err
    assert "no space left" in shown.err
    # What the broken case had measured is kept.
    assert "| peak |" in shown.out
    assert "| speed |" in shown.out


@pytest.mark.slow
@pytest.mark.parametrize("case", [_fit, _search], ids=["fit", "search"])
def test_no_round_knows_the_compiled_tails_of_another(case, tmp_path, monkeypatch):
    pytest.importorskip("keras")
    from skfakereal._training import tail

    weights = str(write_weights(tmp_path / "vgg16.safetensors"))
    images = write_images(tmp_path / "images", 24, 32)
    work = case._make_ours(weights, 32, 1, images)
    monkeypatch.setattr(_search, "_GRID", FEW)
    kept = []
    for number in range(2):
        # A store, and the settings; or the number of views.
        work(*([str(tmp_path / f"{number}"), {"n_views": 1}] if case is _fit else [1]))
        kept.append([model for _, model in tail._free])
    tail._free.clear()
    assert kept[0]
    assert not set(kept[0]) & set(kept[1])


def test_wrong_arguments(tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        command.main(["--rounds", "0", "--out", str(tmp_path)])
    assert stopped.value.code == 2
    assert "--rounds must be at least 1" in capsys.readouterr().err
