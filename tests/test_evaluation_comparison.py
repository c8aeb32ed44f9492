import json
from typing import Any

import numpy as np
import pytest
from predicted import areas_under, report_on

from skfakereal.evaluation import EvaluationReport, ReportComparison, compare_reports
from skfakereal.evaluation.comparison._differences import holm

Case = dict[str, Any]
N = 400


def make_report(skill: float, seed: int, **changes: Any) -> EvaluationReport:
    """Return a report on images that are hard or easy for every model alike."""
    y = np.arange(N) % 2
    shared = np.random.default_rng(0).normal(size=N)
    own = np.random.default_rng(seed).normal(size=N) * 0.3
    score = 1 / (1 + np.exp(-(shared + own + skill * (y - 0.5))))
    case = {"y_true": y, "target_names": ["real", "fake"], "n_resamples": 200} | changes
    return report_on(case.pop("y_true"), score, **case)


@pytest.fixture(scope="module")
def reports() -> dict[str, EvaluationReport]:
    return {"old": make_report(2, 1), "new": make_report(2.6, 2), "twin": make_report(2, 3)}


@pytest.fixture(scope="module")
def comparison(reports: dict[str, EvaluationReport]) -> ReportComparison:
    return compare_reports(reports)


def difference(comparison: ReportComparison, model: str, figure: str) -> Any:
    (found,) = [d for d in comparison.differences if (d.model, d.figure) == (model, figure)]
    return found


def test_values_and_intervals_are_those_of_the_reports(
    reports: dict[str, EvaluationReport], comparison: ReportComparison
) -> None:
    assert comparison.names == ["old", "new", "twin"]
    for name, report in reports.items():
        assert comparison.values[name] == {
            key: report[key] for key in comparison.values[name]
        }
        known = report_on(report.y_true, report.y_proba[:, 1])
        assert comparison.intervals[name]["roc_auc"] == known.intervals.overall["roc_auc"]


def test_differences_are_paired_as_by_hand(
    reports: dict[str, EvaluationReport], comparison: ReportComparison
) -> None:
    old, new = reports["old"], reports["new"]
    found = difference(comparison, "new", "roc_auc")
    assert found.difference == pytest.approx(new["roc_auc"] - old["roc_auc"])
    rng, y = np.random.default_rng(7), old.y_true
    drawn = [rng.choice(np.flatnonzero(y == c), (500, N // 2)) for c in (0, 1)]
    by_hand = [areas_under(report.y_proba[:, 1], drawn) for report in (new, old)]
    ends = np.quantile(by_hand[0] - by_hand[1], [0.025, 0.975])
    assert found.interval == pytest.approx(ends, abs=0.004)
    # The models' own intervals overlap; only their difference shows who is better.
    assert (
        comparison.intervals["old"]["roc_auc"][1]
        > comparison.intervals["new"]["roc_auc"][0]
    )
    assert found.is_clear
    assert not difference(comparison, "twin", "roc_auc").is_clear


def test_mcnemar_counts_where_one_alone_is_right(comparison: ReportComparison) -> None:
    y = np.repeat([0, 1], 10)
    bad, good = y.copy(), y.copy()
    bad[:6] = 1  # six errors that the other has not
    good[19] = 0  # and one the other way
    two = compare_reports([report_on(y, bad), report_on(y, good)])
    test = two.mcnemar["model 2"]
    assert (test.only_model_right, test.only_reference_right) == (6, 1)
    assert test.p_value == pytest.approx(2 * (1 + 7) / 2**7)
    assert comparison.mcnemar["new"].p_value < 0.05 < comparison.mcnemar["twin"].p_value


def test_p_values_are_adjusted_as_in_holms_paper() -> None:
    # Worked by hand: 0.01 * 4, 0.02 * 3, then never less than before.
    assert holm([0.02, 0.01, 0.03, 0.9]) == pytest.approx([0.06, 0.04, 0.06, 0.9])
    assert holm([0.6, 0.7]) == [1, 1]
    assert holm([0.04]) == [0.04]
    assert holm([]) == []


def test_trying_many_models_makes_none_clearly_better() -> None:
    # One pair of models, p = 0.0386: clear alone, not clear as one of two.
    y = np.repeat([0, 1], 20)
    wrong, other = y.copy(), y.copy()
    wrong[:12] = other[12] = 1
    other[38:] = 0
    said = {"old": wrong, "new": other, "twin": wrong}
    made = {name: report_on(y, fake, n_resamples=0) for name, fake in said.items()}
    two = compare_reports({name: made[name] for name in ("old", "new")}, n_resamples=0)
    three = compare_reports(made, n_resamples=0)
    p = two.mcnemar["new"].p_value
    assert 0.025 < p < 0.05
    assert two.mcnemar["new"].p_adjusted == p == three.mcnemar["new"].p_value
    assert three.mcnemar["new"].p_adjusted == 2 * p
    assert "'new': 92.5%, clearly more" in two.summary()
    assert "'new': 92.5%, no clear difference" in three.summary()
    assert "adjusted for 2 comparisons" in repr(three)
    assert "adjusted for" not in repr(two)
    assert f"adjusted, p = {2 * p:.3f}" in three.to_html()


def test_a_model_does_not_differ_from_itself(reports: dict[str, EvaluationReport]) -> None:
    same = compare_reports({"a": reports["old"], "b": reports["old"]})
    assert {d.difference for d in same.differences} == {0}
    assert {d.interval for d in same.differences} == {(0, 0)}
    assert same.mcnemar["b"].p_value == 1
    assert "no clear difference" in same.summary()


def test_images_are_matched_by_path(reports: dict[str, EvaluationReport]) -> None:
    old = reports["old"]
    order = np.random.default_rng(0).permutation(N)
    paths, fake = np.array(old.paths)[order], old.y_proba[order, 1]
    shuffled = report_on(
        old.y_true[order], fake, paths=paths, target_names=["real", "fake"]
    )
    same = compare_reports({"a": old, "b": shuffled})
    assert {d.difference for d in same.differences} == {0}
    assert same.remarks == []


def test_images_that_one_could_not_read_are_left_out(
    reports: dict[str, EvaluationReport],
) -> None:
    old = reports["old"]
    fake = np.where(np.arange(N) < 5, np.nan, old.y_proba[:, 1])
    holes = report_on(old.y_true, fake, target_names=["real", "fake"])
    both = compare_reports({"whole": old, "holes": holes})
    assert both.n_images == N - 5
    assert both.values["whole"] == both.values["holes"]
    (said,) = both.remarks
    assert "5 of 400 images" in said
    assert said in repr(both)
    assert said in both.to_html()


def test_the_same_path_may_occur_twice() -> None:
    one = report_on([0, 0, 1, 1], [0, 1, 1, 1], paths=["a", "a", "b", "b"])
    assert compare_reports([one, one]).n_images == 4


def test_groups_are_drawn_whole() -> None:
    groups = np.arange(N) // 40
    plain = compare_reports([make_report(2, 1), make_report(2.6, 2)])
    grouped = compare_reports([make_report(2, 1), make_report(2.6, 2, groups=groups)])
    assert plain.values == grouped.values
    intervals = [difference(c, "model 2", "accuracy").interval for c in (plain, grouped)]
    assert intervals[0] != intervals[1]


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"target_names": ["x", "fake"]}, "about the same classes"),
        ({"pos_label": 0}, "the same positive class, but 'b' has another"),
        ({"sample_weight": np.arange(1, N + 1)}, "weigh the images alike"),
        ({"paths": [f"other/{i}" for i in range(N)]}, "share no image"),
        ({"y_true": 1 - np.arange(N) % 2}, r"'0.png' is 'real' for 'a' and 'fake' for 'b'"),
    ],
)
def test_reports_that_do_not_fit_are_errors(other: Case, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compare_reports({"a": make_report(2, 1), "b": make_report(2, 2, **other)})


def test_what_is_no_set_of_reports_is_an_error(
    reports: dict[str, EvaluationReport],
) -> None:
    with pytest.raises(TypeError, match=r"got one\. Put them into a dictionary"):
        compare_reports(reports["old"])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="'b' is a dict"):
        compare_reports({"a": reports["old"], "b": {}})  # type: ignore[dict-item]
    with pytest.raises(ValueError, match="Two reports or more are needed, got 1"):
        compare_reports([reports["old"]])
    with pytest.raises(ValueError, match="n_resamples must be an integer"):
        compare_reports(reports, n_resamples=-1)


def test_it_is_shown_in_text_table_page_picture_and_json(
    comparison: ReportComparison, tmp_path: Any
) -> None:
    found = difference(comparison, "new", "accuracy")
    text = repr(comparison)
    assert "3 models on the same 400 images" in text
    assert f"{found.interval[0]:+.3f} to {found.interval[1]:+.3f}  better" in text
    assert "'new'" in comparison.summary()
    assert "clearly more" in comparison.summary()
    frame = comparison.to_frame().set_index(["model", "figure"])
    row = frame.loc[("new", "accuracy")]
    assert (row["difference_low"], row["difference_high"]) == found.interval
    assert frame.loc["old"]["difference"].isna().all()
    comparison.save_html(tmp_path / "c.html")
    page = (tmp_path / "c.html").read_text(encoding="utf-8")
    assert "<img" not in page  # the page itself draws dots, and names are text
    assert page.count('class="dot"') == (3 + 2) * len(comparison.values["old"])
    assert "exact test" in page
    left, right = comparison.plot().axes
    assert [t.get_text() for t in left.get_legend().get_texts()] == comparison.names
    places = [line.get_xdata() for line in right.lines if len(line.get_xdata()) > 2]
    assert places[0][0] == found.difference
    figures = json.loads(json.dumps(comparison.to_dict(), allow_nan=False))
    assert figures["mcnemar"]["new"]["p_value"] == comparison.mcnemar["new"].p_value
    assert figures["reference"] == "old"
    assert "<img" not in comparison._repr_html_()


def test_lower_is_better_for_errors_of_probability() -> None:
    y = np.arange(N) % 2
    rng = np.random.default_rng(0)
    right = rng.random(N) < 0.8
    sure = np.where(right == y, 0.99, 0.01)
    fair = np.where(right == y, 0.8, 0.2)
    said = {"sure": sure, "fair": fair}
    reports = {name: report_on(y, p, n_resamples=100) for name, p in said.items()}
    both = compare_reports(reports, n_resamples=100)
    assert difference(both, "fair", "brier_score").difference < 0
    line = next(
        line
        for line in repr(both).splitlines()
        if "Brier score" in line and "to" in line and "lower" not in line
    )
    assert line.endswith("better")


def test_calibration_errors_are_compared_without_the_bias_of_resamples() -> None:
    # One model is perfectly calibrated, which no resample of few images looks like.
    rng = np.random.default_rng(0)
    fair = np.tile(rng.uniform(0.05, 0.95, 100), 2)
    y = (rng.random(200) < fair).astype(int)
    far = np.where(fair > 0.5, 0.99, 0.01)
    both = compare_reports([report_on(y, fair), report_on(y, far)])
    found = difference(both, "model 2", "expected_calibration_error")
    low, high = found.interval
    # Resampling makes the fair one look worse, and so the difference smaller.
    assert (low + high) / 2 > found.difference


def test_three_classes_are_compared_too() -> None:
    rng = np.random.default_rng(0)
    y, paths = np.arange(90) % 3, [f"{i}" for i in range(90)]
    both = compare_reports(
        [
            EvaluationReport(paths, y, rng.dirichlet(np.ones(3), 90), classes=[0, 1, 2])
            for _ in range(2)
        ]
    )
    assert "roc_auc" in both.values["model 1"]
    assert "tpr_at_fpr_0.01" not in both.values["model 1"]
    both.to_html()
