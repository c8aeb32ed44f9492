"""Rows by generator or group, and what comes of one threshold or another."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from reading import mean_colour
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.model_selection import FixedThresholdClassifier, TunedThresholdClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skfakereal.evaluation import EvaluationReport, evaluate

Case = dict[str, Any]


@pytest.fixture
def case() -> Case:
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1], [120, 180])
    score = 1 / (1 + np.exp(-(rng.normal(size=300) + 2 * (y - 0.5))))
    score[y == 1] -= np.where(np.arange(180) < 60, score[y == 1] * 0.4, 0)  # a hard one
    return {
        "paths": [f"{i}.png" for i in range(300)],
        "y_true": y,
        "y_proba": np.column_stack([1 - score, score]),
        "classes": [0, 1],
        "target_names": ["real", "fake"],
        "n_resamples": 100,
    }


def generators_of(case: Case) -> Any:
    made_by = np.repeat(["hard", "easy", "also easy"], 60)
    return np.concatenate([np.full(120, "camera"), made_by])


def test_a_generator_is_held_against_all_real_images(case: Case) -> None:
    names = generators_of(case)
    report = EvaluationReport(**case, generators=names)
    assert list(report.per_group) == ["also easy", "camera", "easy", "hard"]
    y, score = case["y_true"], case["y_proba"][:, 1]
    for name in ("hard", "easy"):
        row, own = report.per_group[name], names == name
        assert row["n_images"] == row["n_positive"] == 60
        assert row["accuracy"] == (score[own] >= 0.5).mean()
        rows = own | (y == 0)
        assert row["roc_auc"] == pytest.approx(roc_auc_score(y[rows], score[rows]))
        line = np.sort(score[y == 0])[-6]  # 5% of 120
        assert row["tpr_at_fpr_0.05"] == pytest.approx((score[own] > line).mean())
    camera = report.per_group["camera"]
    assert camera["n_positive"] == 0
    assert camera["roc_auc"] == pytest.approx(report["roc_auc"])
    low, high = report.intervals.per_group["hard"]["accuracy"]
    assert low < report.per_group["hard"]["accuracy"] < high < report["accuracy"]


def test_a_group_of_both_classes_is_its_own_test(case: Case) -> None:
    even = np.arange(300) % 2 == 0
    row = EvaluationReport(**case, groups=np.arange(300) % 2).per_group["0"]
    y, score = case["y_true"][even], case["y_proba"][even, 1]
    assert row["roc_auc"] == pytest.approx(roc_auc_score(y, score))
    assert row["n_positive"] == 90


def test_generators_have_rows_and_groups_are_drawn(case: Case) -> None:
    names = generators_of(case)
    by_both = EvaluationReport(**case, groups=np.arange(300) // 2, generators=names)
    assert list(by_both.per_group) == ["also easy", "camera", "easy", "hard"]
    alone = EvaluationReport(**case, generators=names)
    assert by_both.intervals.overall["accuracy"] != alone.intervals.overall["accuracy"]


@pytest.mark.parametrize(
    ("sides", "word"),
    [
        ({"generators": ["camera"] * 120 + ["sd"] * 100 + ["mj"] * 80}, "generator"),
        ({"generators": ["sd"] * 180 + ["mj"] * 120}, "group"),
        ({"generators": ["Ann"] * 60 + ["Bob"] * 60 + ["sd"] * 180}, "group"),
        ({"groups": [f"{i}" for i in range(120)] + ["sd"] * 100 + ["mj"] * 80}, "group"),
    ],
    ids=["generators", "both classes in one", "photographers", "groups"],
)
def test_rows_are_called_what_they_are(
    case: Case, sides: dict[str, list[str]], word: str
) -> None:
    report = EvaluationReport(**case, **sides)
    assert report.row_word == word
    assert f"\n{word} " in repr(report)
    assert report.plot("groups").axes[0].get_title() == f"By {word}"
    page = report.to_html()
    assert f"<h2>By {word}</h2>" in page
    assert f"the weakest {word} first" in page
    assert f'<th scope="col">{word}</th>' in page


def test_small_groups_have_no_row_and_are_told(case: Case) -> None:
    groups = [f"{i}.png" for i in range(200)] + ["sd"] * 50 + ["mj"] * 50
    report = EvaluationReport(**case, groups=groups)
    assert list(report.per_group) == ["mj", "sd"]
    # Images alone are groups in name only, but a generator of one image is one.
    assert not any("small group" in remark for remark in report.remarks)
    report = EvaluationReport(**case, generators=groups)
    assert list(report.per_group) == ["mj", "sd"]
    assert "200 small groups have no row of their own." in report.remarks
    many = EvaluationReport(**case, groups=np.arange(300) // 2)
    assert len(many.per_group) == 100


def test_rows_are_in_text_table_page_picture_and_json(case: Case) -> None:
    report = EvaluationReport(**case, generators=generators_of(case))
    text = repr(report)
    assert text.index("hard") < text.index("easy")
    frame = report.to_frame("groups")
    assert frame.loc["hard", "accuracy"] == report.per_group["hard"]["accuracy"]
    assert (
        frame.loc["hard", "roc_auc_low"] == report.intervals.per_group["hard"]["roc_auc"][0]
    )
    assert "<h2>By generator</h2>" in report.to_html()
    assert "images of the weakest groups: &#x27;hard&#x27;" in report.to_html()
    assert report.plots[-1] == "groups"
    labels = [t.get_text() for t in report.plot("groups").axes[0].get_yticklabels()]
    assert labels[0] == "hard (60)"
    figures = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert figures["per_group"]["hard"] == report.per_group["hard"]
    without = EvaluationReport(**case)
    assert without.per_group == {}
    assert "groups" not in without.plots
    assert without.to_frame("groups").empty
    with pytest.raises(ValueError, match="'all' or one of"):
        without.plot("groups")


def test_more_classes_have_rows_of_accuracy() -> None:
    rng = np.random.default_rng(0)
    proba = rng.dirichlet(np.ones(3), 60)
    images = [f"{i}" for i in range(60)], np.arange(60) % 3, proba
    report = EvaluationReport(*images, classes=[0, 1, 2], groups=np.arange(60) // 15)
    assert set(report.per_group["0"]) == {"accuracy", "n_images"}
    report.to_html()
    assert report.operating_points == []


@pytest.mark.parametrize(
    ("side", "message"),
    [
        (["a"] * 299, "groups must hold one value for each of the 300 images"),
        ([["a", "b"]] * 300, r"got an array of shape \(300, 2\)"),
        (["a"] * 299 + [None], r"groups\[299\] is None"),
        ([1.0] * 299 + [np.nan], r"groups\[299\] is nan"),
        (pd.array([1] * 299 + [None], dtype="Int64"), r"groups\[299\] is <NA>"),
    ],
)
def test_groups_that_do_not_fit_are_errors(case: Case, side: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EvaluationReport(**case, groups=side)


# Thresholds


def test_points_are_what_comes_of_each_threshold(case: Case) -> None:
    report = EvaluationReport(**case, threshold=0.7)
    y, score = case["y_true"], case["y_proba"][:, 1]
    points = {point.name: point for point in report.operating_points}
    assert list(points) == ["chosen", "0.5", "oracle"]
    assert report.threshold == points["chosen"].threshold == 0.7
    for point in points.values():
        called = score >= point.threshold
        assert point.accuracy == pytest.approx((called == y).mean())
        assert point.balanced_accuracy == pytest.approx(balanced_accuracy_score(y, called))
        assert point.true_positive_rate == pytest.approx(called[y == 1].mean())
        assert point.false_positive_rate == pytest.approx(called[y == 0].mean())
    assert points["chosen"].accuracy == report["accuracy"]
    assert points["0.5"].accuracy == report["accuracy_at_0.5"]
    best = max(((score >= line) == y).mean() for line in [*score, 2])
    assert points["oracle"].accuracy == pytest.approx(best)
    assert "oracle" in repr(report)
    assert "oracle: the best on these images" in report.to_html()
    assert report.to_frame("thresholds").loc["chosen", "threshold"] == 0.7
    assert report.to_dict()["operating_points"][2]["name"] == "oracle"


def test_weights_decide_what_is_best(case: Case) -> None:
    weights = np.where(case["y_true"] == 0, 20.0, 1.0)
    best = EvaluationReport(**case, sample_weight=weights).operating_points[-1]
    y, score = case["y_true"], case["y_proba"][:, 1]
    by_hand = [np.average((score >= line) == y, weights=weights) for line in [*score, 2]]
    assert best.accuracy == pytest.approx(max(by_hand))


def test_a_threshold_must_fit(case: Case) -> None:
    with pytest.raises(ValueError, match=r"must be what threshold=0\.7 gives"):
        EvaluationReport(**case, threshold=0.7, y_pred=np.ones(300, dtype=int))
    with pytest.raises(ValueError, match="between 0 and 1, got 7"):
        EvaluationReport(**case, threshold=7)
    labels = (case["y_proba"][:, 1] >= 0.7).astype(int)
    assert EvaluationReport(**case, threshold=0.7, y_pred=labels).threshold == 0.7
    # Known only where it was said: labels alone do not tell.
    report = EvaluationReport(**case, y_pred=labels)
    assert report.threshold is None
    assert np.isnan(report.operating_points[0].threshold)
    assert EvaluationReport(**case).operating_points[0].threshold == 0.5
    three = list("abc"), [0, 1, 2], np.eye(3)
    with pytest.raises(ValueError, match="threshold is for two classes"):
        EvaluationReport(*three, classes=[0, 1, 2], threshold=0.5)


def test_the_threshold_of_the_classifier_is_found(
    black_and_white_images: tuple[list[str], Any],
) -> None:
    paths, y = black_and_white_images
    features, fixed = FunctionTransformer(mean_colour), FixedThresholdClassifier
    model = make_pipeline(features, LogisticRegression())
    inside = make_pipeline(features, fixed(LogisticRegression(), threshold=0.8))
    tuned = TunedThresholdClassifierCV(model, scoring="balanced_accuracy", cv=3).fit(
        paths, y
    )
    # One of a decision function, or for the other class, is not one of this probability.
    margin = fixed(model, threshold=0.9, response_method="decision_function")
    for classifier, threshold in [
        (fixed(model, threshold=0.9), 0.9),
        (tuned, tuned.best_threshold_),
        (inside, 0.8),
        (model, None),
        (margin, None),
    ]:
        assert evaluate(classifier.fit(paths, y), paths, y).threshold == threshold
    names = np.where(y == 1, "fake", "real")
    other = fixed(model, threshold=0.9, pos_label="real").fit(paths, names)
    assert evaluate(other, paths, names).threshold is None


def test_groups_of_unreadable_images_go_with_them(case: Case) -> None:
    proba = case["y_proba"].copy()
    proba[:3] = np.nan
    report = EvaluationReport(**case | {"y_proba": proba}, generators=generators_of(case))
    assert report.per_group["camera"]["n_images"] == 117
