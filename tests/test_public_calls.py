"""Public calls agree with each other, and old spellings of them warn for one release."""

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib import pyplot as plt
from PIL import Image
from predicted import report_on
from sklearn.dummy import DummyClassifier

import skfakereal
from skfakereal.audit import equalize_images
from skfakereal.datasets import make_fake_real_images
from skfakereal.evaluation import (
    EvaluationReport,
    TrainingCurveDisplay,
    compare_reports,
    mild_perturbations,
)
from skfakereal.scoring import score_paths


def public_callables() -> Iterator[tuple[str, Callable[..., Any]]]:
    for name in skfakereal.__all__:
        home = getattr(skfakereal, name)
        inner = {name: home}
        if inspect.ismodule(home):
            inner = {n: getattr(home, n) for n in home.__all__}
        for own, value in inner.items():
            yield own, value
            if inspect.isclass(value):
                for method, function in inspect.getmembers(value, inspect.isfunction):
                    if function.__module__.startswith("skfakereal") and method[0] != "_":
                        yield f"{own}.{method}", function


PARAMETERS = [
    (name, parameter)
    for name, value in public_callables()
    if not issubclass(value if inspect.isclass(value) else object, BaseException)
    for parameter in inspect.signature(value).parameters.values()
]


def of(name: str) -> list[tuple[str, inspect.Parameter]]:
    found = [(place, p) for place, p in PARAMETERS if p.name == name]
    assert found
    return found


def test_a_progress_bar_is_asked_for_by_verbose() -> None:
    assert [place for place, p in PARAMETERS if p.name == "progress"] == []
    assert {p.default for _, p in of("verbose")} == {0}


@pytest.mark.parametrize("name", ["n_jobs", "pos_label", "target_names"])
def test_a_setting_has_one_default(name: str) -> None:
    optional = {p.default for _, p in of(name)} - {inspect.Parameter.empty}
    assert optional == {None}


@pytest.mark.parametrize("name", ["ax", "n_jobs", "random_state", "verbose", "pos_label"])
def test_a_setting_is_given_by_keyword(name: str) -> None:
    results = ("ThresholdChoice", "Recalibration")  # dataclasses of what was found
    loose = [
        place
        for place, p in of(name)
        if p.kind is not inspect.Parameter.KEYWORD_ONLY and place not in results
    ]
    assert loose == []


def make_report(random_state: Any) -> EvaluationReport:
    rng = np.random.default_rng(0)
    fake = rng.random(40)
    y = (fake + rng.normal(0, 0.5, 40) > 0.5).astype(int)
    return report_on(y, fake, n_resamples=50, random_state=random_state)


def intervals_of(random_state: Any) -> dict[str, Any]:
    return make_report(random_state).intervals.overall


@pytest.mark.parametrize("call", [make_report, intervals_of], ids=["made", "figures"])
def test_random_state_takes_what_scikit_learn_takes(call: Callable[..., Any]) -> None:
    for state in (0, np.int64(3), np.random.RandomState(0), None):
        call(state)
    with pytest.raises(ValueError, match="a RandomState or None, got 'seed'"):
        call("seed")


def test_random_state_has_one_type() -> None:
    kinds = {parameter.annotation for _, parameter in of("random_state")}
    assert kinds == {int | np.random.RandomState | None}


def test_equal_random_states_give_equal_intervals() -> None:
    one, other = (intervals_of(np.random.RandomState(5)) for _ in range(2))
    assert one == other
    assert one != intervals_of(np.random.RandomState(6))
    reports = [make_report(0), make_report(0)]
    one, other = (
        compare_reports(reports, n_resamples=50, random_state=np.random.RandomState(1))
        for _ in range(2)
    )
    assert one.intervals == other.intervals


def test_none_leaves_numpys_own_generator_alone(tmp_path: Path) -> None:
    np.random.seed(0)  # noqa: NPY002
    before = np.random.get_state()[1].tolist()  # type: ignore[index]  # noqa: NPY002
    make_fake_real_images(tmp_path, 8, random_state=None)
    assert np.random.get_state()[1].tolist() == before  # type: ignore[index]  # noqa: NPY002


def test_one_number_is_both_sides(tmp_path: Path) -> None:
    paths = [tmp_path / "in" / f"{i}.png" for i in range(2)]
    paths[0].parent.mkdir()
    for path in paths:
        Image.new("RGB", (64, 64)).save(path)
    copies = equalize_images(paths, [0, 1], tmp_path / "out", size=32)
    assert {Image.open(path).size for path in copies.data} == {(32, 32)}
    assert mild_perturbations(64) == mild_perturbations((64, 64))


def test_progress_is_an_old_spelling(tmp_path: Path) -> None:
    model = DummyClassifier().fit(["a.png", "b.png"], [0, 1])
    with pytest.warns(FutureWarning, match=r"score_paths takes progress=.*Pass verbose="):
        score_paths(model, ["x.png"], tmp_path / "a.csv", progress=False)  # type: ignore[call-arg]
    assert (tmp_path / "a.csv").exists()


def test_displays_return_themselves_and_axes_by_position_are_an_old_spelling() -> None:
    figure, ax = plt.subplots()
    display = TrainingCurveDisplay({"loss": [1.0, 0.5]})
    assert display.plot() is display
    with pytest.warns(FutureWarning, match=r"Pass ax="):
        assert display.plot(ax) is display  # type: ignore[misc]
    assert display.figure_ is figure
