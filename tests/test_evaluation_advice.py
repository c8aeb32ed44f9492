"""What the page tells a newcomer to do next follows from the figures."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from predicted import report_on

from skfakereal.evaluation import compare_reports
from skfakereal.evaluation.comparison._views import comparison_steps
from skfakereal.evaluation.generators._trials import GeneratorRow, generator_steps
from skfakereal.evaluation.report._advice import next_steps
from skfakereal.evaluation.robustness._page import robustness_steps
from skfakereal.evaluation.robustness._rows import RobustnessRow

Answers = tuple[NDArray[np.float64], NDArray[np.int64]]
NAMED = {"target_names": ["real", "fake"], "n_resamples": 100}


def advice(score: NDArray[np.float64], y: NDArray[np.int64], **settings: Any) -> str:
    return " ".join(next_steps(report_on(y, score, **NAMED, **settings)._results))


@pytest.fixture
def fair() -> Answers:
    """Return calibrated probabilities that are mostly sure, and labels."""
    rng = np.random.default_rng(0)
    score = rng.beta(0.1, 0.1, 4000)
    return score, (rng.random(4000) < score).astype(int)


def test_few_images_ask_for_more_and_bad_probabilities_for_calibration(
    fair: Answers,
) -> None:
    score, y = fair
    assert "Test more images" not in advice(score, y)
    assert "Test more images: with 60 images" in advice(score[:60], y[:60])
    assert "calibrate" not in advice(score, y)
    assert 'calibration="sigmoid"' in advice(0.5 + (score - 0.5) * 0.5, y)


def test_many_false_alarms_ask_for_a_threshold(fair: Answers) -> None:
    score, y = fair
    bold = np.sqrt(score)
    accused = (bold[y == 0] >= 0.5).mean()
    assert f"{accused:.0%} of the real images are classified as fake" in advice(bold, y)
    # Whoever chose a threshold knows what it costs.
    assert "higher threshold" not in advice(bold, y, threshold=0.5)
    assert "higher threshold" not in advice(np.minimum(score, 0.4), y)


def test_the_page_gives_the_advice() -> None:
    y = np.arange(60) % 2
    report = report_on(y, y, **NAMED)
    page = report.to_html().replace("&#x27;", "'").replace("&quot;", '"')
    steps = next_steps(report._results)
    assert len(steps) > 2
    assert all(step in page for step in steps)


def test_no_threshold_is_advised_where_the_ranking_is_chance() -> None:
    y = np.arange(400) % 2
    blind = np.random.default_rng(0).uniform(0.55, 0.7, 400)
    told = advice(blind, y)
    assert told.startswith("Do not use this model yet: its ROC-AUC of 0.")
    assert "higher threshold" not in told
    assert "calibrate" not in told
    assert "Do not use" not in advice(blind + 0.1 * y, y)


# What to do about altered images


def change(level: str, **figures: float) -> RobustnessRow:
    usual: dict[str, Any] = {"accuracy": 0.9, "roc_auc": 0.95, "tpr": 0.9, "fpr": 0.1}
    usual |= {"flip_rate": 0.01, "n_images": 300, "n_unchanged": 0, "n_too_small": 0}
    return RobustnessRow("JPEG", level, **usual | figures)


def test_what_no_training_has_seen_asks_for_training() -> None:
    rows = [change("90"), change("30", accuracy=0.6, roc_auc=0.6, flip_rate=0.3)]
    first, second, last = robustness_steps(change(""), rows)
    assert first.startswith("After 'JPEG 30' the model separates")
    assert "Up to 30% of the verdicts flip" in second
    assert "which images it does not apply to" in last


def test_a_lost_threshold_asks_for_another() -> None:
    rows = [change(str(q), accuracy=0.8 - q / 100, roc_auc=0.94) for q in range(5)]
    first, _ = robustness_steps(change(""), rows)
    assert "After 'JPEG 4', 'JPEG 3', 'JPEG 2' and 2 more the accuracy falls, but" in first
    assert "only the threshold no longer fits" in first


def test_what_bears_all_is_told_so() -> None:
    (said,) = robustness_steps(change(""), [change("90"), change("30", accuracy=0.86)])
    assert "None of these changes costs more than 0.05" in said


def test_what_tells_nothing_apart_has_nothing_to_lose() -> None:
    (said,) = robustness_steps(change("", tpr=1.0, fpr=0.95), [change("90")])
    assert "say nothing about robustness" in said
    assert "(true positive rate 100%, false positive rate 95%)" in said


def test_of_more_classes_only_the_accuracy_is_known() -> None:
    nan = float("nan")
    start = change("", roc_auc=nan, tpr=nan, fpr=nan)
    first, *_ = robustness_steps(start, [change("30", accuracy=0.6, roc_auc=nan)])
    assert "separates the classes less well" in first


# What to do about unseen generators


def unseen(name: str, **drops: float) -> GeneratorRow:
    seen = {"roc_auc": 0.9, "tpr": 0.8}
    return GeneratorRow(
        *(name, 100, 100, 400, 400),
        seen=seen,
        unseen={key: value - drops.get(key, 0) for key, value in seen.items()},
    )


def test_a_generator_that_is_lost_asks_for_more_generators() -> None:
    rows = [unseen("gan"), unseen("sd", roc_auc=0.1, tpr=0.2), unseen("mj", roc_auc=0.3)]
    first, *rest = generator_steps(rows)
    assert first.startswith("Fakes from 'mj' and 'sd' are detected less well")
    assert not any("the threshold no longer fits" in step for step in rest)


def test_a_generator_that_only_the_threshold_misses_is_told_so() -> None:
    first, *_ = generator_steps([unseen("gan"), unseen("sd", roc_auc=0.01, tpr=0.2)])
    assert first.startswith("Fewer fakes from 'sd' are detected")


def test_no_clear_drop_blames_nothing_and_is_no_promise() -> None:
    # Of 100 images, 0.1 more or less are found by chance.
    for other in (unseen("sd", tpr=0.09), unseen("sd", roc_auc=float("nan"))):
        first, *_ = generator_steps([unseen("gan"), other])
        assert first.startswith("No generator loses clearly")
        assert "unlike all of these" in first


# Which model to take


def test_models_that_are_alike_are_told_so(fair: Answers) -> None:
    score, y = fair
    worse = np.where(np.arange(len(y)) % 3, score, 1 - score)
    said = {"old": score, "twin": score, "worse": worse}
    reports = {name: report_on(y, p, n_resamples=0) for name, p in said.items()}
    comparison = compare_reports(reports, n_resamples=0)
    steps = " ".join(comparison_steps(comparison))
    assert "the accuracy of 'twin' does not differ clearly from that of 'old'" in steps
    page = comparison.to_html().replace("&#x27;", "'")
    assert all(step in page for step in comparison_steps(comparison))
