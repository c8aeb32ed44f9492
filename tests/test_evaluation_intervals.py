"""The bootstrap: its figures are scikit-learn's, its intervals hold what they promise."""

import json
import time
from typing import Any

import numpy as np
import pytest
from predicted import areas_under, make_case, report_on
from scipy.stats import norm
from sklearn.calibration import calibration_curve

from skfakereal._classifying.predictions import check_predictions
from skfakereal.evaluation import EvaluationReport
from skfakereal.evaluation.figures._intervals import quantile_interval
from skfakereal.evaluation.figures._metrics import compute_figures
from skfakereal.evaluation.figures._resamples import (
    WeightedFigures,
    draw_weights,
    plan_resamples,
)


@pytest.mark.parametrize(("n_classes", "decimals"), [(2, 9), (2, 1), (3, 9), (5, 2)])
def test_a_thousand_figures_at_once_are_those_of_scikit_learn(
    n_classes: int, decimals: int
) -> None:
    case = make_case(200, n_classes, decimals=decimals)
    weights = np.random.default_rng(1).integers(0, 4, (7, 200)).astype(float)
    weights[3] *= 0.37
    engine = WeightedFigures(check_predictions(**case))
    at_once = engine(weights)
    for row, own in enumerate(weights):
        figures = compute_figures(check_predictions(**case, sample_weight=own))
        one_by_one = {
            (key,): value for key, value in figures.overall.items() if not np.isnan(value)
        }
        for name, of_class in figures.per_class.items():
            one_by_one |= {(name, k): of_class[k] for k in ("precision", "recall", "f1")}
        assert {key: at_once[key][row] for key in one_by_one} == pytest.approx(one_by_one)


def test_true_positive_rates_do_not_miss_a_threshold_by_a_rounding() -> None:
    # Sums of weights are not exact: 29 of 2,900 real images are 1%, whatever they weigh.
    y = np.repeat([0, 1], [2900, 100])
    score = np.append(np.linspace(0, 0.9, 2900), np.full(100, 0.0))
    real = np.sort(score[:2900])[::-1]
    score[2900:] = (real[28] + real[29]) / 2
    for weight in (1, 0.1, 0.7, 1.1):
        proba, weights = np.column_stack([1 - score, score]), np.full(3000, weight)
        paths = [f"{i}" for i in range(3000)]
        known = check_predictions(paths, y, proba, classes=[0, 1], sample_weight=weights)
        assert compute_figures(known).overall["tpr_at_fpr_0.01"] == pytest.approx(1)
        at_once = WeightedFigures(known)(known.weights[None])
        assert at_once[("tpr_at_fpr_0.01",)] == pytest.approx(1)


def test_too_few_negatives_are_told() -> None:
    report = EvaluationReport(**make_case(100), target_names=["real", "fake"])
    assert np.isnan(report["tpr_at_fpr_0.01"])
    assert np.isnan(report.intervals.overall["tpr_at_fpr_0.01"]).all()
    assert not np.isnan(report["tpr_at_fpr_0.05"])
    said = (
        "at 1% false positives is undefined: it needs at least 100 images of class 'real'"
    )
    assert any(said in remark for remark in report.remarks)
    assert said in repr(report)
    assert not EvaluationReport(**make_case(200)).remarks


@pytest.mark.parametrize("weighted", [False, True])
def test_the_calibration_error_is_what_its_curve_shows(weighted: bool) -> None:
    case = make_case(300)
    weights = np.random.default_rng(1).uniform(0.5, 2, 300) if weighted else None
    report = EvaluationReport(**case, sample_weight=weights)
    proba, is_fake = case["y_proba"][:, 1], case["y_true"]
    total = 0.0
    for bin_ in report.reliability:
        inside = (proba > bin_.low) & (proba <= bin_.high)
        own = report.sample_weight[inside]
        assert bin_.n_images == inside.sum()
        assert bin_.share == pytest.approx(np.average(is_fake[inside], weights=own))
        total += own.sum() * abs(bin_.share - bin_.mean_probability)
    assert report["expected_calibration_error"] == pytest.approx(
        total / report.sample_weight.sum()
    )
    if not weighted:
        so, said = calibration_curve(is_fake, proba, n_bins=10)
        assert [each.share for each in report.reliability] == pytest.approx(so)
        assert [each.mean_probability for each in report.reliability] == pytest.approx(said)


def test_the_bootstrap_is_numpys_by_hand() -> None:
    case = make_case(400)
    y, score = case["y_true"], case["y_proba"][:, 1]
    rng = np.random.default_rng(5)
    drawn = [rng.choice(np.flatnonzero(y == c), (1000, 200)) for c in (0, 1)]
    every = np.hstack(drawn)
    by_hand = {
        "accuracy": ((score[every] >= 0.5) == y[every]).mean(axis=1),
        "roc_auc": areas_under(score, drawn),
    }
    intervals = EvaluationReport(**case, n_resamples=4000).intervals.overall
    for name, values in by_hand.items():
        ends = np.quantile(values, [0.025, 0.975])
        assert intervals[name] == pytest.approx(ends, abs=0.008)


def test_resamples_have_as_many_images_of_each_class() -> None:
    case = make_case(90, 3)
    known = check_predictions(**case)
    weights = np.vstack([*draw_weights(plan_resamples(known), known.weights, 50, 0)])
    assert weights.shape == (50, 90)
    for c in range(3):
        assert (weights[:, known.y_true == c].sum(axis=1) == 30).all()
    assert len(np.unique(weights, axis=0)) == 50


def test_the_seed_decides() -> None:
    case = make_case(100)
    one, same = (EvaluationReport(**case).intervals.overall for _ in range(2))
    other = EvaluationReport(**case, random_state=1).intervals.overall
    assert json.dumps(one) == json.dumps(same)
    assert one["roc_auc"] != other["roc_auc"]


def test_without_resamples_there_are_no_intervals() -> None:
    report = EvaluationReport(**make_case(100), n_resamples=0)
    assert report.intervals.overall == {}
    assert "(bootstrap)" not in report.to_html()
    assert report.to_frame("figures")["low"].isna().all()
    repr(report)
    for wrong in ({"n_resamples": -1}, {"n_resamples": 0.5}, {"random_state": -1}):
        with pytest.raises(ValueError, match="must be an integer of 0 or more"):
            EvaluationReport(**make_case(100), **wrong)


def test_groups_are_drawn_whole() -> None:
    # Ten copies of each image are worth no more than one.
    case = make_case(60)
    copied = {key: np.repeat(value, 10, axis=0) for key, value in case.items()}
    copied["classes"] = case["classes"]
    single = EvaluationReport(**case)
    grouped = EvaluationReport(**copied, groups=copied["paths"])
    blind = EvaluationReport(**copied)
    assert grouped["accuracy"] == single["accuracy"]
    widths = {
        name: np.ptp(report.intervals.overall["roc_auc"])
        for name, report in {"single": single, "grouped": grouped, "blind": blind}.items()
    }
    assert widths["grouped"] == pytest.approx(widths["single"], rel=0.15)
    assert widths["blind"] < 0.5 * widths["single"]


def test_groups_of_both_classes_stay_whole() -> None:
    case = make_case(200)
    y = case["y_true"]
    groups = np.empty(200, dtype=int)
    for c in (0, 1):  # two images of each class in every group
        groups[y == c] = np.arange(100) // 2
    known = check_predictions(**case, groups=groups)
    weights = np.vstack([*draw_weights(plan_resamples(known), known.weights, 20, 0)])
    for group in range(50):
        own = weights[:, groups == group]
        assert own.shape == (20, 4)
        assert (own == own[:, :1]).all()
    assert (weights.sum(axis=1) == 200).all()


def test_a_handful_of_groups_is_told() -> None:
    case = make_case(100)
    is_fake = case["y_true"] == 1
    generators = np.where(is_fake, np.arange(100) % 3, 10 + np.arange(100))
    report = EvaluationReport(**case, groups=generators, target_names=["real", "fake"])
    said = "3 of the groups hold only images of class 'fake', too few to resample"
    assert any(said in remark for remark in report.intervals.remarks)
    assert said in repr(report)
    assert said in report.to_html().replace("&#x27;", "'")
    alone = EvaluationReport(**case, groups=np.where(is_fake, 0, 10 + np.arange(100)))
    assert any("1 of the groups holds only" in said for said in alone.intervals.remarks)
    eight = np.where(is_fake, np.arange(100) % 8, 10 + np.arange(100))
    remarks = EvaluationReport(**case, groups=eight).intervals.remarks
    assert [r for r in remarks if "Only 8 of the groups hold only images of class '1'" in r]


def test_no_error_is_no_certainty() -> None:
    y = np.repeat([0, 1], 30)
    report = report_on(y, y)
    low, high = report.intervals.per_class["1"]["recall"]
    assert high == 1
    assert low**30 == pytest.approx(0.025)  # Clopper and Pearson's lower end of 30 of 30
    assert report.intervals.overall["recall"] == (low, high)
    assert report.intervals.overall["accuracy"][0] ** 60 == pytest.approx(0.025)
    assert np.isnan(report.intervals.overall["roc_auc"]).all()
    assert any("Clopper and Pearson" in remark for remark in report.intervals.remarks)
    # Six groups of ten are no more than six images.
    low, _ = report_on(y, y, groups=np.arange(60) // 5).intervals.per_class["1"]["recall"]
    assert low**6 == pytest.approx(0.025)


def verdicts(right: list[tuple[int, int]], **settings: Any) -> EvaluationReport:
    """Return the report on (right, wrong) images of each class."""
    y = np.repeat(np.arange(len(right)), [sum(pair) for pair in right])
    is_right = np.concatenate([np.repeat([True, False], pair) for pair in right])
    return report_on(y, np.where((y == 1) == is_right, 0.8, 0.2), **settings)


def test_a_constant_classifier_is_not_certain_to_be_half_right() -> None:
    # Every resample of 13 and 13 images gives 0.5, or with groups what their sizes give.
    groups = np.append(np.arange(13), 13 + np.arange(13) // 2)
    one = verdicts([(13, 0), (0, 13)])
    grouped = verdicts([(13, 0), (0, 13)], groups=groups)
    for report, high in ((one, 0.624), (grouped, 0.710)):
        for key in ("accuracy", "accuracy_at_0.5", "balanced_accuracy"):
            assert report.intervals.overall[key] == pytest.approx((0.376, high), abs=5e-4)
        # 13 of 26 in every resample, were it not for the sizes of groups.
        assert np.isnan(report.intervals.overall["precision"]).all()
        assert np.isnan(report.intervals.per_class["0"]["f1"]).all()


@pytest.mark.parametrize(
    "n_images", [25, *(pytest.param(n, marks=pytest.mark.slow) for n in (13, 100))]
)
def test_the_interval_of_the_accuracy_holds_the_truth_of_few_errors(n_images: int) -> None:
    held = {"accuracy": 0, "balanced_accuracy": 0, "recall": 0}
    for seed in range(100):
        n_right = np.random.default_rng(seed).binomial(n_images, 0.95, 2)
        report = verdicts([(int(n), int(n_images - n)) for n in n_right], n_resamples=100)
        for key in held:
            low, high = report.intervals.overall[key]
            held[key] += low <= 0.95 <= high
    assert min(held.values()) >= 90  # of 100; percentiles of 13 images a class hold 77


def test_enough_errors_leave_the_bootstrap_alone() -> None:
    def remarks(report: EvaluationReport) -> bool:
        return any("Clopper" in remark for remark in report.intervals.remarks)

    enough, few = verdicts([(50, 10), (10, 50)]), verdicts([(51, 9), (10, 50)])
    assert (remarks(enough), remarks(few)) == (False, True)
    lows = [report.intervals.overall["accuracy"][0] for report in (enough, few)]
    assert lows == pytest.approx([0.433, 0.433], abs=0.02)  # no leap where the rule changes


def test_few_errors_of_groups_count_groups() -> None:
    # Two of twenty videos of a class are not recognised, frame by frame.
    single = verdicts([(18, 2), (18, 2)]).intervals.overall["accuracy"]
    groups = np.arange(400) // 10
    videos = verdicts([(180, 20), (180, 20)], groups=groups).intervals.overall["accuracy"]
    assert videos == pytest.approx(single)
    frames = verdicts([(180, 20), (180, 20)]).intervals.overall["accuracy"]
    assert np.ptp(frames) < 0.5 * np.ptp(single)


def test_a_weight_of_two_is_not_two_images() -> None:
    plain = verdicts([(13, 0), (12, 1)]).intervals
    heavy = verdicts([(13, 0), (12, 1)], sample_weight=np.full(26, 2.0)).intervals
    assert heavy.overall["accuracy"] == pytest.approx(plain.overall["accuracy"])
    assert heavy.per_class["0"]["recall"] == pytest.approx(plain.per_class["0"]["recall"])


def test_undefined_figures_have_no_interval() -> None:
    assert np.isnan(quantile_interval(np.full(100, 0.5))).all()
    assert np.isnan(quantile_interval(np.where(np.arange(100) < 10, np.nan, 0.5))).all()
    low, high = quantile_interval(np.append(np.linspace(0, 1, 99), np.nan))
    assert (low, high) == pytest.approx((0.025, 0.975))


def calibrated(n_images: int, shift: float, seed: int) -> tuple[Any, Any]:
    """Return labels and probabilities that are right, but for a shift on the logit scale.

    There are equally many images of both classes, as the bootstrap takes for granted.
    """
    rng = np.random.default_rng(seed)
    truth = rng.beta(0.6, 0.6, 3 * n_images).clip(1e-3, 1 - 1e-3)
    y = (rng.random(3 * n_images) < truth).astype(int)
    kept = np.concatenate([np.flatnonzero(y == c)[: n_images // 2] for c in (0, 1)])
    truth, y = truth[kept], y[kept]
    return y, 1 / (1 + np.exp(-(np.log(truth / (1 - truth)) + shift)))


@pytest.mark.slow
@pytest.mark.parametrize("shift", [0.0, 0.3])
def test_the_interval_of_the_calibration_error_holds_the_truth(shift: float) -> None:
    name, truth = "expected_calibration_error", 0.0
    if shift:
        truth = report_on(*calibrated(200_000, shift, 99), n_resamples=0)[name]
    held = 0
    for seed in range(40):
        report = report_on(*calibrated(500, shift, seed), n_resamples=200)
        low, high = report.intervals.overall[name]
        held += low <= truth <= high
    assert held >= 32  # of 40; plain percentiles hold 0 and 13


@pytest.mark.parametrize("proba", [[0.2, 0.2, 0.9, 0.9, 0.9], [0.1, 0.4, 0.3, 0.8, 0.9]])
def test_no_interval_has_only_one_end(proba: list[float]) -> None:
    intervals = report_on([0, 0, 1, 1, 1], proba).intervals
    tables = [intervals.overall, *intervals.per_class.values()]
    ends = np.array([end for table in tables for end in table.values()])
    assert np.isnan(ends).sum(axis=1).tolist() == (2 * np.isnan(ends[:, 0])).tolist()


def test_the_interval_of_the_auc_holds_the_truth() -> None:
    truth, held = norm.cdf(1 / np.sqrt(2)), 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        y = np.repeat([0, 1], 150)
        score = norm.cdf(rng.normal(size=300) + y - 0.5)
        low, high = report_on(y, score, n_resamples=300).intervals.overall["roc_auc"]
        held += low <= truth <= high
    assert held >= 34


@pytest.mark.slow
def test_ten_thousand_images_take_seconds() -> None:
    report = EvaluationReport(**make_case(10_000))
    start = time.perf_counter()
    report.intervals  # noqa: B018
    assert time.perf_counter() - start < 20  # 0.7 s on two cores


# What the report shows of it


def test_weights_count_in_the_intervals() -> None:
    case = make_case(300)
    heavy = np.where(case["y_proba"][:, 1] > 0.6, 5.0, 1.0)
    weighted = EvaluationReport(**case, sample_weight=heavy)
    low, high = weighted.intervals.overall["accuracy"]
    assert low < weighted["accuracy"] < high
    plain = EvaluationReport(**case).intervals.overall["accuracy"]
    assert abs(low - plain[0]) > 0.01 or abs(high - plain[1]) > 0.01


@pytest.mark.parametrize("n_classes", [2, 3])
def test_text_table_page_and_json_show_the_same_intervals(n_classes: int) -> None:
    weights = np.linspace(0.5, 2, 300)
    report = EvaluationReport(
        **make_case(300, n_classes), sample_weight=weights, n_resamples=50
    )
    low, high = report.intervals.overall["roc_auc"]
    assert low < report["roc_auc"] < high
    assert f"{low:.3f} to {high:.3f}" in repr(report)
    assert f"{low:.3f}\N{NO-BREAK SPACE}to" in report.to_html()
    frame = report.to_frame("figures")
    assert frame.loc["roc_auc"].tolist() == [report["roc_auc"], low, high]
    figures = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert figures["intervals"]["overall"]["roc_auc"] == [low, high]
    assert figures["intervals"]["per_class"]["1"]["recall"] == list(
        report.intervals.per_class["1"]["recall"]
    )
