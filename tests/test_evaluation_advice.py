"""What the page tells a newcomer to do next follows from the figures."""

import numpy as np
import pytest
from numpy.typing import NDArray

from skfakereal.evaluation import EvaluationReport
from skfakereal.evaluation._advice import next_steps


def advice(score: NDArray[np.float64], y: NDArray[np.int64], **settings: object) -> str:
    report = EvaluationReport(
        [f"{i}.png" for i in range(len(y))],
        y,
        np.column_stack([1 - score, score]),
        classes=[0, 1],
        target_names=["real", "fake"],
        n_resamples=100,
        **settings,  # type: ignore[arg-type]
    )
    steps = next_steps(report._results)
    page = report.to_html().replace("&#x27;", "'").replace("&quot;", '"')
    assert all(step in page for step in steps)
    return " ".join(steps)


@pytest.fixture
def fair() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return calibrated probabilities that are mostly sure, and labels."""
    rng = np.random.default_rng(0)
    score = rng.beta(0.1, 0.1, 4000)
    return score, (rng.random(4000) < score).astype(int)


def test_few_images_ask_for_more(
    fair: tuple[NDArray[np.float64], NDArray[np.int64]],
) -> None:
    score, y = fair
    assert "Test more images" not in advice(score, y)
    assert "Test more images: 60 images" in advice(score[:60], y[:60])


def test_many_false_alarms_ask_for_a_threshold(
    fair: tuple[NDArray[np.float64], NDArray[np.int64]],
) -> None:
    score, y = fair
    bold = np.sqrt(score)
    accused = (bold[y == 0] >= 0.5).mean()
    assert f"{accused:.0%} of the real images are called fake" in advice(bold, y)
    # Whoever chose a threshold knows what it costs.
    assert "higher threshold" not in advice(bold, y, threshold=0.5)
    assert "higher threshold" not in advice(np.minimum(score, 0.4), y)


def test_probabilities_that_are_off_ask_for_calibration(
    fair: tuple[NDArray[np.float64], NDArray[np.int64]],
) -> None:
    score, y = fair
    assert "calibrate" not in advice(score, y)
    assert 'calibration="sigmoid"' in advice(0.5 + (score - 0.5) * 0.5, y)
