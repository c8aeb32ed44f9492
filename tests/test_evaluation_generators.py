import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Folders, Patch, write_image
from matplotlib import pyplot as plt
from reading import mean_colour
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skfakereal.datasets import load_image_folder
from skfakereal.evaluation import GeneratorReport, leave_one_generator_out
from skfakereal.evaluation.figures._metrics import detection_figures
from skfakereal.evaluation.generators._trials import (
    Answer,
    Trial,
    check_generators,
    generator_rows,
    make_trials,
    mean_figures,
)

COLOURS = {"red": (230, 60, 60), "green": (60, 230, 60), "blue": (60, 60, 230)}


def detector() -> Pipeline:
    return make_pipeline(FunctionTransformer(mean_colour), LogisticRegression(C=1000))


@pytest.fixture(scope="module")
def data(tmp_path_factory: Folders) -> dict[str, Any]:
    """Return 18 dark real images, and fakes of which each generator paints in one colour.

    Who knows red and green does not find blue.
    """
    random, folder = np.random.default_rng(0), tmp_path_factory.mktemp("images")
    X, y, generators = [], [], []
    for name, n_images in [("", 18), ("red", 8), ("green", 6), ("blue", 4)]:
        for i in range(n_images):
            base = COLOURS.get(name, (60, 60, 60))
            pixels = np.clip(random.normal(base, 8, (8, 8, 3)), 0, 255).astype(np.uint8)
            X.append(write_image(folder / f"{name or 'real'}{i}.png", pixels))
            y.append(int(bool(name)))
            generators.append(name or None)
    return {"X": np.array(X), "y": np.array(y), "generators": generators}


# Who is trained and who is tested


def trials_of(generators: list[Any], groups: Any = None, seed: int = 0) -> Any:
    names = np.array(generators, dtype=object)
    return names, make_trials(names, None if groups is None else np.array(groups), seed)


def test_folds_and_generators_are_planned() -> None:
    names, trials = trials_of([None] * 12 + ["a"] * 6 + ["b"] * 9 + ["c"] * 3)
    folds, unseen = trials[:3], trials[3:]
    assert [trial.unseen for trial in trials] == [None, None, None, "a", "b", "c"]
    assert sorted(np.concatenate([t.test for t in folds])) == list(range(30))
    for fold in folds:
        made = names[fold.test].tolist()
        assert [made.count(name) for name in (None, "a", "b", "c")] == [4, 2, 3, 1]
        assert len(fold.train) == 20
    for fold, trial in zip(folds, unseen, strict=True):
        own = np.flatnonzero(names == trial.unseen)
        real = fold.test[[name is None for name in names[fold.test]]]
        # All its images, and the real images of one fold: none of them is trained on.
        assert trial.test.tolist() == sorted([*own, *real])
        assert sorted([*trial.test, *trial.train]) == list(range(30))


def test_manipulated_copies_stay_with_their_photograph() -> None:
    # Photograph k has a copy by each manipulation: all three are in group k.
    generators = [None] * 12 + ["a"] * 12 + ["b"] * 12
    groups = np.tile(np.arange(12), 3)
    names, trials = trials_of(generators, groups)
    for fold, trial in zip(trials[:2], trials[2:], strict=True):
        for each in (fold, trial):
            assert not set(groups[each.train]) & set(groups[each.test])
        tested = names[trial.test].tolist()
        assert tested.count(trial.unseen) == tested.count(None) == 6
        assert set(trial.test) < set(fold.test)
        assert set(names[trial.train]) == {None, "a", "b"} - {trial.unseen}


def test_the_seed_draws_the_folds() -> None:
    generators = [None] * 20 + ["a"] * 10 + ["b"] * 10
    first, again, other = (
        [trial.test.tolist() for trial in trials_of(generators, seed=seed)[1]]
        for seed in (0, 0, 1)
    )
    assert first == again
    assert first != other


@pytest.mark.parametrize(
    ("generators", "groups", "message"),
    [
        ([None] * 6 + ["a"] * 3 + ["b"], None, "'b' needs 2 images in 2 groups"),
        ([None] * 1 + ["a"] * 3 + ["b"] * 3, None, "the real class needs 2 images"),
        (
            *([None] * 6 + ["a"] * 3 + ["b"] * 3, ["x"] * 6 + list("aaabbb")),
            "the real class needs 2 images in 2 groups at least, got 6 in 1",
        ),
        (
            *([None] * 4 + ["a"] * 4 + ["b"] * 4, [0, 1, 2, 3, *"aaaabbbb"]),
            "generator 'a' needs 2 images in 2 groups at least, got 4 in 1",
        ),
    ],
)
def test_too_little_to_hold_out_is_an_error(
    generators: Any, groups: Any, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        trials_of(generators, groups)


@pytest.mark.parametrize("missing", [None, "", float("nan")])
def test_a_fake_without_generator_is_named(missing: Any) -> None:
    fake = np.array([False, True, True, True])
    with pytest.raises(ValueError, match=r"generators\[2\] is .*'c.png'"):
        check_generators([None, "a", missing, "b"], fake, ["a", "b", "c.png", "d"])


def test_loose_fakes_are_told_from_generators(tmp_path: Path) -> None:
    for place in ("real/a", "real/b", "fake/sd/c", "fake/gan/d", "fake/e"):
        write_image(tmp_path / f"{place}.png", np.zeros((8, 8, 3), np.uint8))
    data = load_image_folder(tmp_path)
    with pytest.raises(ValueError, match=r"generators\[\d\] is 'fake/e.png', the path of"):
        leave_one_generator_out(detector(), data.data, data.target, data.groups)


def test_what_stands_at_real_images_is_ignored() -> None:
    fake = np.array([False, False, True, True])
    names = check_generators(["flickr", np.nan, "a", 7], fake, list("abcd"))
    assert names.tolist() == [None, None, "a", "7"]
    with pytest.raises(ValueError, match=r"two or more are needed, got \['a'\]"):
        check_generators(["flickr", "b", "a", "a"], fake, list("abcd"))
    with pytest.raises(ValueError, match="each of the 4 images, got 3"):
        check_generators(["flickr", "a", "b"], fake, list("abcd"))


# The figures


def test_both_classes_weigh_the_same() -> None:
    rng = np.random.default_rng(0)
    fake = np.arange(40) < 10
    score = np.where(fake, 0.3, 0) + 0.7 * rng.uniform(size=40)
    few = detection_figures(fake, score > 0.5, score)
    # The real images twice: nothing but their number changes.
    twice = np.concatenate([np.arange(40), np.arange(10, 40)])
    many = detection_figures(fake[twice], score[twice] > 0.5, score[twice])
    assert many == pytest.approx(few)
    assert few["balanced_accuracy"] == (few["tpr"] + 1 - few["fpr"]) / 2
    assert 0.5 < few["average_precision"] < 1
    alone = detection_figures(fake[:10], score[:10] > 0.5, score[:10])
    assert alone["tpr"] == few["tpr"]
    assert np.isnan([alone[key] for key in ("fpr", "roc_auc", "average_precision")]).all()


def test_seen_figures_are_about_the_same_fakes() -> None:
    # Images 0 to 3 are real; a made 4 to 7, b made 8 and 9; two folds, then a and b.
    is_fake = np.arange(10) > 3
    folds = [np.array([0, 1, 4, 5, 8]), np.array([2, 3, 6, 7, 9])]
    tests = [*folds, np.array([0, 1, 4, 5, 6, 7]), np.array([2, 3, 8, 9])]
    called = [[1, 0, 1, 0, 0], [0, 0, 1, 1, 0], [0, 0, 0, 0, 0, 1], [1, 1, 0, 0]]
    scores = [[0.6, 0.1, 0.7, 0.2, 0], [0.9, 0.8, 0.95, 0.85, 0], range(6), range(4)]
    rest = np.arange(10)
    trials = [
        Trial(unseen, np.setdiff1d(rest, rows), rows)
        for unseen, rows in zip([None, None, "a", "b"], tests, strict=True)
    ]
    answers = [
        Answer(rows, np.array(said, bool), np.array(score, float))
        for rows, said, score in zip(tests, called, scores, strict=True)
    ]
    a, b = generator_rows(is_fake, trials, answers)
    assert (a.generator, a.n_fake, a.n_real, a.n_train_unseen) == ("a", 4, 2, 4)
    assert a.n_train_seen == 5
    # b's image 8, which the first fold missed, is no part of it: 1 of 2, then 2 of 2.
    assert a.seen["tpr"] == 0.75
    # Ranked within each fold: 0.7 over both, 0.2 over one; 0.95 over both, 0.85 over one.
    assert a.seen["roc_auc"] == 0.75
    assert a.seen["fpr"] == (0.5 + 0) / 2
    assert (a.unseen["tpr"], a.unseen["fpr"]) == (0.25, 0)
    assert a.drop["tpr"] == 0.5
    assert a.drop["fpr"] == -0.25  # fewer false alarms are no loss
    assert b.seen["tpr"] == b.unseen["tpr"] == b.seen["roc_auc"] == 0
    assert b.drop["fpr"] == 1 - 0.25
    assert b.flat()["fpr_drop"] == 0.75


HOW: dict[str, Any] = {"target_names": ["real", "fake"], "random_state": 0}


@pytest.fixture(scope="module")
def report(data: dict[str, Any]) -> GeneratorReport:
    return leave_one_generator_out(detector(), **data, **HOW)


def test_unseen_figures_are_those_of_a_model_without_the_generator(
    data: dict[str, Any], report: GeneratorReport
) -> None:
    names, y = np.array(data["generators"], dtype=object), data["y"]
    trial = make_trials(check_generators(names, y == 1, data["X"]), None, _seed(0))[3]
    assert trial.unseen == "blue"
    assert "blue" not in names[trial.train]
    model = detector().fit(data["X"][trial.train], y[trial.train])
    row = report["blue"]
    tested = data["X"][trial.test]
    score = model.predict_proba(tested)[:, 1]
    by_hand = detection_figures(y[trial.test] == 1, score > 0.5, score)
    assert row.unseen == by_hand
    assert (row.n_fake, row.n_real, row.n_train_unseen) == (4, 6, len(trial.train))
    assert row.n_train_seen == 24


def _seed(random_state: int) -> int:
    return int(np.random.RandomState(random_state).randint(2**31))


def test_an_unseen_colour_is_lost(report: GeneratorReport) -> None:
    assert list(report) == ["blue", "green", "red"]
    for row in report.values():
        assert row.seen["tpr"] == row.seen["roc_auc"] == 1
        assert row.unseen["tpr"] < 0.5
        assert row.drop["tpr"] == 1 - row.unseen["tpr"]
        assert row.drop["fpr"] == row.unseen["fpr"] - row.seen["fpr"]
    assert report.mean["drop"]["tpr"] > 0.5
    unseen = [row.unseen["roc_auc"] for row in report.values()]
    assert report.mean["unseen"]["roc_auc"] == pytest.approx(np.mean(unseen))
    assert report.mean["unseen"] == mean_figures(report.rows, "unseen")


@pytest.mark.parametrize("n_jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_the_seed_decides_and_processes_do_not(
    data: dict[str, Any], report: GeneratorReport, n_jobs: int, monkeypatch: Patch
) -> None:
    again = leave_one_generator_out(detector(), **data, **HOW, n_jobs=n_jobs)
    assert again.to_dict() == report.to_dict()
    # Nor does where the processes of an earlier call were started.
    monkeypatch.chdir(Path(data["X"][0]).parent)
    below = data | {"X": [Path(path).name for path in data["X"]]}
    again = leave_one_generator_out(detector(), **below, **HOW, n_jobs=n_jobs)
    assert again.to_dict() == report.to_dict()


def test_no_global_state_is_drawn_from(data: dict[str, Any]) -> None:
    np.random.seed(7)  # noqa: NPY002
    expected = np.random.random()  # noqa: NPY002
    np.random.seed(7)  # noqa: NPY002
    leave_one_generator_out(detector(), **data)
    assert np.random.random() == expected  # noqa: NPY002


def test_string_labels_and_parameters_of_fit(data: dict[str, Any]) -> None:
    seen = []

    class Recording(LogisticRegression):
        def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Any:
            seen.append((len(X), len(sample_weight)))
            return super().fit(X, y, sample_weight)

    model = make_pipeline(FunctionTransformer(mean_colour), Recording())
    labels = np.where(data["y"] == 1, "Fake", "Real")
    images = data["X"].reshape(-1, 1), labels, data["generators"]
    params = {"recording__sample_weight": np.ones(36)}
    report = leave_one_generator_out(model, *images, params=params, random_state=0)
    assert report.positive == "Fake"
    assert len(seen) == 6
    assert all(n_images == n_weights < 36 for n_images, n_weights in seen)


def test_unreadable_images_are_left_out_and_counted(data: dict[str, Any]) -> None:
    class Forgiving(Pipeline):
        def predict_proba(self, X: Any, **params: Any) -> Any:
            proba = super().predict_proba(X)
            proba[[str(path).endswith("blue0.png") for path in X]] = np.nan
            return proba

    report = leave_one_generator_out(Forgiving(detector().steps), **data, random_state=0)
    assert report["blue"].n_fake == 3
    assert report.remarks[0] == "1 image could not be read and is left out of all figures."


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"y": np.arange(36) % 3}, ValueError, r"two classes, got \[0, 1, 2\]"),
        ({"y": np.ones(36, int)}, ValueError, r"two classes, got \[1\]"),
        ({"groups": [1.0] * 35 + [np.nan]}, ValueError, r"groups\[35\] is nan"),
        ({"groups": [1, 2]}, ValueError, r"36 images, got an array of shape \(2,\)"),
        ({"estimator": FunctionTransformer()}, TypeError, "got FunctionTransformer"),
    ],
)
def test_what_does_not_fit_is_an_error(
    data: dict[str, Any], changes: Any, error: Any, message: str
) -> None:
    with pytest.raises(error, match=message):
        leave_one_generator_out(**{"estimator": detector()} | data | changes)


def test_text_tables_and_page(report: GeneratorReport, tmp_path: Path) -> None:
    text = repr(report)
    assert text.startswith("GeneratorReport: 3 generators of class 'fake'")
    line = next(line for line in text.splitlines() if line.startswith("blue"))
    assert f"1.000 -> {report['blue'].unseen['roc_auc']:.3f}" in line
    assert "off by 0.50 (95%)" in text  # 4 images
    frame = report.to_frame()
    assert frame.loc["red", "tpr_drop"] == report["red"].drop["tpr"]
    json.dumps(report.to_dict(), allow_nan=False)
    report.save_html(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert report.summary().replace("'", "&#x27;") in page
    assert page.count("<table>") == 5
    assert "<img" not in page  # the page itself draws dots, and names are text
    assert page.count('class="dot"') == 2 * 2 * len(report.rows)
    assert "<img" not in report._repr_html_()
    with pytest.raises(KeyError, match=r"there are only \['blue'"):
        report["dalle"]


def test_the_plot_puts_the_largest_drop_on_top(report: GeneratorReport) -> None:
    (ax,) = report.plot("tpr").axes
    labels = [tick.get_text() for tick in ax.get_yticklabels()]
    ordered = sorted(report.rows, key=lambda row: row.drop["tpr"])
    assert labels == [f"{row.generator} ({row.n_fake})" for row in ordered]
    seen, unseen = (np.asarray(c.get_offsets())[:, 0] for c in ax.collections[1:])
    assert seen.tolist() == [row.seen["tpr"] for row in ordered]
    assert unseen.tolist() == [row.unseen["tpr"] for row in ordered]
    _, mine = plt.subplots()
    assert report.plot(ax=mine) is mine.figure
    with pytest.raises(ValueError, match="figure must be one of"):
        report.plot("f1")


@pytest.mark.slow
def test_the_vgg(make_classifier: Any, dark_and_bright: tuple[Any, Any]) -> None:
    X, y = dark_and_bright
    generators = np.where(y == 1, np.where(np.arange(24) % 2, "a", "b"), "")
    report = leave_one_generator_out(make_classifier(), X, y, generators, random_state=0)
    assert report.mean["unseen"]["roc_auc"] == 1
