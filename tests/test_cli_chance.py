"""A model that has learned nothing is told from one that has, whatever its threshold."""

from typing import Any

import numpy as np
import pytest

from skfakereal.cli.run._evaluation import missed_target, no_better_than_chance, truth_about
from skfakereal.evaluation import EvaluationReport


def report(truth: list[int], said: list[int], **settings: Any) -> EvaluationReport:
    """Return the report on verdicts, whose probabilities are no matter."""
    proba = np.where(np.array(said)[:, None] == [0, 1], 0.8, 0.2)
    paths = [f"{i}.png" for i in range(len(truth))]
    return EvaluationReport(paths, truth, proba, classes=[0, 1], **settings)


def test_a_detector_that_is_right_less_often_than_always_real_is_no_guess() -> None:
    # 5 of 100 are fake: all are found, and 12 real ones accused.
    truth = [0] * 95 + [1] * 5
    found = report(truth, [1] * 12 + [0] * 83 + [1] * 5)
    assert found["accuracy"] < 0.95
    assert no_better_than_chance(found) == []


@pytest.mark.parametrize(
    ("truth", "said"),
    [
        ([0] * 50 + [1] * 50, [0] * 100),
        ([0] * 90 + [1] * 10, [0] * 100),
        ([0] * 50 + [1] * 50, [0, 1] * 50),
        ([0] * 50 + [1] * 50, [1] * 50 + [0] * 50),  # worse than chance
        ([0, 0, 1, 1, 1], [0, 0, 1, 1, 1]),  # all right, of five
        ([0, 1] * 3, [0, 1] * 2 + [0, 0]),
    ],
)
def test_a_guess_is_told(truth: list[int], said: list[int]) -> None:
    (caution,) = no_better_than_chance(report(truth, said))
    assert "answers without looking" in caution


def test_a_clear_result_is_no_guess() -> None:
    assert no_better_than_chance(report([0, 1] * 10, [0, 1] * 10)) == []


def test_images_of_few_groups_show_less_than_as_many_alone() -> None:
    # Ten videos of each class. Seven of each are told right, frame by frame.
    truth = np.repeat([0, 1], 200).tolist()
    wrong = np.tile(np.repeat([0, 1], [140, 60]), 2)
    said = (np.array(truth) ^ wrong).tolist()
    groups = np.repeat(np.arange(20), 20)
    assert no_better_than_chance(report(truth, said)) == []
    few = np.repeat(np.arange(10), 40)
    wide = report(truth, said, groups=groups).intervals.overall["balanced_accuracy"]
    assert wide[0] < report(truth, said).intervals.overall["balanced_accuracy"][0] - 0.05
    assert (wide[0] <= 0.5) == bool(
        no_better_than_chance(report(truth, said, groups=groups))
    )
    assert no_better_than_chance(report(truth, said, groups=few)) != []


def test_the_interval_that_is_told_is_the_reports() -> None:
    known = report([0] * 60 + [1] * 40, [0] * 50 + [1] * 50)
    low, high = known.intervals.overall["accuracy"]
    always, plausible = truth_about(known)
    assert always == "Always answering '0' would be right for 60.0% of them."
    assert f"from {low:.1%} to {high:.1%}" in plausible
    assert len(truth_about(report([0, 1], [0, 1], n_resamples=0))) == 1


def test_more_false_alarms_than_were_asked_for_are_told() -> None:
    truth = [0] * 40 + [1] * 40
    (said,) = missed_target(report(truth, [1] * 9 + [0] * 31 + [1] * 40), 0.06)
    assert said.startswith(
        "9 of 40 tested images of class '0' are classified as '1' (22.5%)"
    )
    assert "more than the 6% that was asked for" in said
    for n_accused in (0, 2, 5):  # 5 of 40 and more: once in eleven tests
        kept = report(truth, [1] * n_accused + [0] * (40 - n_accused) + [1] * 40)
        assert missed_target(kept, 0.06) == []
