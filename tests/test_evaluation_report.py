import json
import re
import sys
import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from conftest import MakeImage, Patch
from matplotlib import pyplot as plt
from predicted import Case, make_case, report_on
from sklearn.metrics import (
    accuracy_score,
    auc,
    average_precision_score,
    balanced_accuracy_score,
    brier_score_loss,
    confusion_matrix,
    precision_recall_fscore_support,
    roc_auc_score,
    roc_curve,
)

from skfakereal.evaluation import EvaluationReport


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("pos_label", [None, 0, 1])
def test_two_classes_agree_with_scikit_learn(pos_label: int | None, weighted: bool) -> None:
    case = make_case()
    weights = np.random.default_rng(1).uniform(0.5, 2, 60) if weighted else None
    report = EvaluationReport(**case, pos_label=pos_label, sample_weight=weights)
    y, proba = case["y_true"], case["y_proba"]
    pred, positive = proba.argmax(axis=1), 1 if pos_label is None else pos_label
    by_hand = {
        "accuracy": accuracy_score(y, pred, sample_weight=weights),
        "roc_auc": roc_auc_score(y == positive, proba[:, positive], sample_weight=weights),
        "average_precision": average_precision_score(
            y == positive, proba[:, positive], sample_weight=weights
        ),
    }
    for suffix, average in (("", "binary"), ("_macro", "macro"), ("_weighted", "weighted")):
        of = {"average": average, "pos_label": positive if average == "binary" else 1}
        values = precision_recall_fscore_support(y, pred, **of, sample_weight=weights)
        by_hand |= {
            key + suffix: value
            for key, value in zip(("precision", "recall", "f1"), values[:3], strict=True)
        }
    by_hand |= {
        "balanced_accuracy": balanced_accuracy_score(y, pred, sample_weight=weights),
        "accuracy_at_0.5": by_hand["accuracy"],
        "brier_score": brier_score_loss(
            y == positive, proba[:, positive], sample_weight=weights
        ),
        "tpr_at_fpr_0.01": np.nan,  # of 30 images
    }
    fpr, tpr, _ = roc_curve(y == positive, proba[:, positive], sample_weight=weights)
    by_hand["tpr_at_fpr_0.05"] = tpr[fpr <= 0.05 + 1e-9].max()
    by_hand["expected_calibration_error"] = report["expected_calibration_error"]
    assert dict(report) == pytest.approx(by_hand, nan_ok=True)
    assert 0.5 < report["accuracy"] < 1
    assert report.pos_label == positive
    matrix = confusion_matrix(y, pred, sample_weight=weights)
    assert np.array_equal(report.confusion_matrix, matrix)


@pytest.mark.parametrize("weighted", [False, True])
def test_more_classes_agree_with_scikit_learn(weighted: bool) -> None:
    case = make_case(n_classes=4)
    weights = np.random.default_rng(1).uniform(0.5, 2, 60) if weighted else None
    report = EvaluationReport(**case, sample_weight=weights)
    y, proba = case["y_true"], case["y_proba"]
    assert report.pos_label is None
    assert "f1" not in report
    assert len(report.plot("roc").axes[0].lines) == 4 + 1  # chance is drawn once
    auc = roc_auc_score(y, proba, multi_class="ovr", sample_weight=weights)
    assert report["roc_auc"] == pytest.approx(auc)
    precision = average_precision_score(np.eye(4)[y], proba, sample_weight=weights)
    assert report["average_precision"] == pytest.approx(precision)
    brier = brier_score_loss(y, proba, scale_by_half=True, sample_weight=weights)
    assert report["brier_score"] == pytest.approx(brier)
    for average in ("macro", "weighted"):
        f1 = precision_recall_fscore_support(
            y, proba.argmax(axis=1), average=average, sample_weight=weights
        )[2]
        assert report[f"f1_{average}"] == pytest.approx(f1)
    with pytest.raises(ValueError, match=r"two classes, got 4: \[0, 1, 2, 3\]"):
        EvaluationReport(**case, pos_label=1)


@pytest.mark.parametrize(
    ("classes", "names", "pos_label", "expected"),
    [
        ([0, 1], None, None, 1),
        ([-1, 1], None, None, 1),
        ([False, True], None, None, True),
        ([0, 1], ["real", "fake"], None, 1),
        ([0, 1], ["Fake", "Real"], None, 0),
        ([0, 1], ["real", "fake"], 0, 0),
        (["fake", "real"], None, None, "fake"),
        (["FAKE", "REAL"], None, None, "FAKE"),
        (["a", "b"], ["real", "fake"], None, "b"),
        (["fake", "real"], None, "real", "real"),
        (["made", "shot"], None, "made", "made"),
    ],
)
def test_fake_is_the_positive_class(
    classes: list[Any], names: Any, pos_label: Any, expected: Any
) -> None:
    y_true = np.array(classes)[[0, 0, 0, 1]]
    proba = [[0.9, 0.1], [0.8, 0.2], [0.1, 0.9], [0.2, 0.8]]
    named = {"classes": classes, "target_names": names, "pos_label": pos_label}
    report = EvaluationReport(list("abcd"), y_true, proba, **named)
    assert report.pos_label == expected
    recall = {0: 2 / 3, 1: 1.0}[classes.index(expected)]
    assert report["recall"] == pytest.approx(recall)


@pytest.mark.parametrize("classes", [["made", "shot"], [1, 2], ["fake", "Fake"]])
def test_an_open_positive_class_is_an_error(classes: list[Any]) -> None:
    with pytest.raises(ValueError, match=r"Which of the classes .* pos_label"):
        EvaluationReport(["a", "b"], classes, np.eye(2), classes=classes)


def test_labels_need_not_be_the_most_probable_class() -> None:
    case = make_case()
    strict = np.where(case["y_proba"][:, 1] > 0.8, 1, 0)
    report = EvaluationReport(**case, y_pred=strict)
    assert report["accuracy"] == accuracy_score(case["y_true"], strict)
    assert report["roc_auc"] == EvaluationReport(**case)["roc_auc"]


def absent_class_report() -> EvaluationReport:
    case = make_case()
    real = case["y_true"] == 0
    case |= {key: np.asarray(case[key])[real] for key in ("paths", "y_true", "y_proba")}
    return EvaluationReport(**case, target_names=["real", "fake"])


def test_an_absent_class_is_undefined_and_explained() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = absent_class_report()
    for key in ("precision", "recall", "f1", "roc_auc", "average_precision"):
        assert np.isnan(report[key])
    assert (
        report["recall_macro"] == report.per_class["real"]["recall"] == report["accuracy"]
    )
    assert any("No image of class 'fake' was tested" in remark for remark in report.remarks)
    assert "they need images of two classes" in repr(report)
    assert report.to_dict()["roc_auc"] is None
    report.plot()
    assert "needs images of two classes" in report.plot("roc").axes[0].texts[0].get_text()
    assert "needs images of two classes" not in report.to_html()


def test_with_three_classes_one_may_be_absent() -> None:
    case = make_case(n_classes=3)
    kept = case["y_true"] != 2
    y, proba = case["y_true"][kept], case["y_proba"][kept]
    report = EvaluationReport(np.array(case["paths"])[kept], y, proba, classes=[0, 1, 2])
    by_hand = np.mean([roc_auc_score(y == c, proba[:, c]) for c in (0, 1)])
    assert report["roc_auc"] == pytest.approx(by_hand)
    assert np.isnan(report.per_class["2"]["recall"])
    assert len(report.plot("roc").axes[0].lines) == 3  # two classes and chance


def test_one_image_is_enough() -> None:
    report = report_on([1], [0.8])
    assert report["accuracy"] == report["recall"] == 1
    assert "1 image," in repr(report)
    report.plot()
    assert "No image was misclassified." in report.to_html()


def test_a_class_that_is_never_predicted_is_told() -> None:
    report = report_on([0, 0, 1, 1], [0.1] * 4)
    assert report["precision"] == 0
    assert "No image was classified as '1'" in report.remarks[-1]


def test_unreadable_images_are_counted_named_and_left_out() -> None:
    case = make_case()
    alone = EvaluationReport(**case)
    lost = np.full((4, 2), np.nan)
    case |= {
        "paths": ["w.png", *case["paths"], "x.png", "y.png", "z.png"],
        "y_true": [1, *case["y_true"], 0, 0, 1],
        "y_proba": np.vstack([lost[:1], case["y_proba"], lost[1:]]),
    }
    report = EvaluationReport(**case, sample_weight=np.ones(64))
    assert dict(report) == dict(alone)
    assert report.paths == alone.paths
    assert report.unreadable == ["w.png", "x.png", "y.png", "z.png"]
    said = (
        "4 images could not be read and were left out of the figures: w.png, x.png, y.png"
    )
    assert said + " and 1 more." in repr(report)
    assert said in report.to_html()
    assert said in report._repr_html_()
    table = pd.DataFrame(report.predictions_table())
    assert len(table) == 64
    assert table.iloc[-4:]["path"].tolist() == report.unreadable
    assert table.iloc[-4:]["label"].tolist() == ["1", "0", "0", "1"]
    assert table.iloc[-4:, 2:].isna().all(axis=None)
    with pytest.raises(ValueError, match=r"None of the 2 images could be read.*'a'"):
        EvaluationReport(["a", "b"], [0, 1], np.full((2, 2), np.nan), classes=[0, 1])


def test_no_name_of_an_unreadable_image_ends_its_line() -> None:
    paths = ["a.png", "b.png", "new\nline\x1b[2J.png"]
    said = repr(report_on([0, 1, 1], [0.1, 0.8, np.nan], paths=paths))
    assert r"figures: new\nline\x1b[2J.png." in said


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y_true": [0] * 59 + [5]}, r"y\[59\] is 5 \(image 'img/059.png'\)"),
        ({"y_pred": ["x"] * 60}, r"y_pred\[0\] is 'x'"),
        ({"y_true": [0, 1]}, "60 image paths, but 2 labels"),
        ({"y_proba": np.ones((60, 3))}, r"shape \(60, 2\).* got \(60, 3\)"),
        ({"y_proba": np.full((60, 2), 1.5)}, r"y_proba\[0, 0\] is 1.5"),
        ({"target_names": ["same", "same"]}, "a distinct name"),
        ({"target_names": "ab c"}, "a distinct name"),
        ({"pos_label": "fake"}, r"one of \[0, 1\], got 'fake'"),
        ({"sample_weight": np.zeros(60)}, "zero"),
        ({"paths": "a.png"}, "got one path"),
    ],
)
def test_what_does_not_fit_is_an_error(change: Case, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        EvaluationReport(**make_case() | change)


def test_rounding_above_one_is_no_error_and_the_callers_arrays_stay() -> None:
    proba = np.array([[1 + 1e-7, -1e-7], [0, 1]])
    report = EvaluationReport(["a", "b"], [0, 1], proba, classes=[0, 1])
    assert report.y_proba.max() == 1
    assert proba.max() > 1
    before = report.y_proba.copy()
    proba[:] = 0
    assert np.array_equal(report.y_proba, before)


def test_numbers_of_numpy_are_numbers() -> None:
    case, state = make_case(20), np.int64(1)
    one = EvaluationReport(**case, n_resamples=np.int64(9), random_state=state)
    other = EvaluationReport(**case, n_resamples=9, random_state=1)
    assert json.dumps(one.to_dict()) == json.dumps(other.to_dict())


def test_it_is_a_mapping() -> None:
    report = EvaluationReport(**make_case())
    assert list(report)[:4] == ["accuracy", "precision", "recall", "f1"]
    assert len(report) == len(list(report)) == 18
    assert all(type(value) is float for value in report.values())
    with pytest.raises(KeyError, match="no figure 'f2' here, only accuracy"):
        report["f2"]


def test_frame_dict_and_table_hold_the_same() -> None:
    report = EvaluationReport(**make_case(), target_names=["real", "fake"])
    frame = report.to_frame()
    assert frame.index.tolist() == ["real", "fake", "macro average", "weighted average"]
    assert frame.loc["fake", "recall"] == report["recall"]
    assert frame.loc["macro average", "f1"] == report["f1_macro"]
    assert frame["n_images"].tolist() == [30, 30, 60, 60]
    with pytest.raises(ValueError, match=r"kind must be one of .*'thresholds'.*got 'all'"):
        report.to_frame("all")

    figures = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert figures["tpr_at_fpr_0.01"] is None  # 30 real images are too few
    undefined = {"tpr_at_fpr_0.01": None}
    assert {key: figures[key] for key in report} == dict(report) | undefined
    assert figures["per_class"] == report.per_class
    assert figures["confusion_matrix"] == report.confusion_matrix.tolist()
    assert figures["positive_class"] == "fake"

    table = pd.DataFrame(report.predictions_table())
    columns = ["path", "label", "predicted", "probability_real", "probability_fake"]
    assert table.columns.tolist() == columns
    assert (table["label"] == table["predicted"]).mean() == report["accuracy"]
    assert np.array_equal(table["probability_fake"], report.y_proba[:, 1])


def test_the_frame_needs_pandas_and_says_so(monkeypatch: Patch) -> None:
    report = report_on([0, 1], [0, 1])
    monkeypatch.setitem(sys.modules, "pandas", None)  # as if it were not installed
    with pytest.raises(ImportError, match="to_frame needs pandas: pip install pandas"):
        report.to_frame()


def test_plots_are_scikit_learns_and_one_by_one() -> None:
    report = EvaluationReport(**make_case(), target_names=["real", "fake"])
    assert report.plots == ("confusion_matrix", "roc", "precision_recall", "calibration")
    assert len(report.plot().axes) == 4
    titles = {kind: report.plot(kind).axes[0].get_title() for kind in report.plots}
    assert len(set(titles.values())) == 4

    _, ax = plt.subplots()
    assert report.plot("roc", ax=ax) is ax.figure
    assert ax.get_xlabel() == "false positive rate (real classified as fake)"
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert f"(AUC = {report['roc_auc']:.2f})" in legend[0]
    fpr, tpr = ax.lines[0].get_data()
    assert auc(fpr, tpr) == pytest.approx(report["roc_auc"])

    cells = report.plot("confusion_matrix").axes[0].texts
    assert [
        int(cell.get_text()) for cell in cells
    ] == report.confusion_matrix.ravel().tolist()
    with pytest.raises(ValueError, match=r"'all' or one of .*got 'auc'"):
        report.plot("auc")
    with pytest.raises(ValueError, match="One ax holds one picture"):
        report.plot(ax=ax)


@pytest.mark.parametrize("n_classes", [2, 3, pytest.param(12, marks=pytest.mark.slow)])
def test_weighted_reports_of_any_number_of_classes_are_drawn(n_classes: int) -> None:
    case = make_case(n_classes=n_classes)
    report = EvaluationReport(**case, sample_weight=np.linspace(0.1, 2, 60))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report.plot().canvas.draw()


def test_plots_take_the_weights_into_account() -> None:
    weights = np.where(make_case()["y_proba"][:, 1] > 0.6, 5.0, 1.0)
    report = EvaluationReport(**make_case(), sample_weight=weights)
    unweighted = EvaluationReport(**make_case())
    fpr, tpr = report.plot("roc").axes[0].lines[0].get_data()
    assert auc(fpr, tpr) == pytest.approx(report["roc_auc"])
    assert report["roc_auc"] != pytest.approx(unweighted["roc_auc"], abs=0.005)
    cells = [cell.get_text() for cell in report.plot("confusion_matrix").axes[0].texts]
    assert [float(cell) for cell in cells] == report.confusion_matrix.ravel().tolist()
    recall, precision = report.plot("precision_recall").axes[0].lines[0].get_data()
    assert -np.sum(np.diff(recall) * precision[:-1]) == pytest.approx(
        report["average_precision"]
    )
    said, so = report.plot("calibration").axes[0].lines[1].get_data()
    assert said.tolist() == [each.mean_probability for each in report.reliability]
    assert so.tolist() == [each.share for each in report.reliability]
    assert report.reliability != unweighted.reliability


def test_the_page_shows_figures_plots_and_the_worst_errors(
    make_image: MakeImage, tmp_path: Any
) -> None:
    case = make_case()
    case["paths"] = [make_image(f"{i}<b>.png", 4 * i) for i in range(60)]
    report = EvaluationReport(**case, target_names=["real", "fake"])
    n_open = len(plt.get_fignums())
    report.save_html(tmp_path / "report.html", title="A <test>")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert len(plt.get_fignums()) == n_open
    assert "<h1>A &lt;test&gt;</h1>" in page
    assert "<b>.png" not in page
    assert f"{report['accuracy']:.1%} of 60 images were classified correctly." in page
    assert f"<dt>ROC-AUC</dt><dd>{report['roc_auc']:.3f}<small>" in page
    assert page.count("<dt>") == 6
    n_errors = int((report.y_true != report.y_pred).sum())
    assert page.count("data:image/png") == 3 + min(12, n_errors)
    # The matrix is the one table that is not folded away.
    unfolded = re.sub("<details>.*?</details>", "", page, flags=re.DOTALL)
    unfolded = re.sub("<details>.*?</details>", "", unfolded, flags=re.DOTALL)
    assert unfolded.count("<table") == unfolded.count('<table class="matrix"') == 1
    assert f"{n_errors} images were misclassified" in page
    assert "<img" not in report._repr_html_()


def test_the_page_of_three_classes_leads_with_averages_and_names_in_text() -> None:
    names = ["真实", "生成一", "生成二"]
    report = EvaluationReport(**make_case(n_classes=3), target_names=names)
    page = report.to_html()
    assert "means over the classes" in page
    assert f"<dt>F1</dt><dd>{report['f1_macro']:.3f}<small>" in page
    for name in names:
        assert page.count(f"></i>{name} (AUC = 0.") == 1
        assert page.count(f"></i>{name} (AP = 0.") == 1


def test_names_in_any_script_are_text_on_the_page() -> None:
    """Not in pictures, whose fonts may lack their letters."""
    names = ["صور", "生成图片 🎨"]
    report = EvaluationReport(
        **make_case(), target_names=names, groups=["चित्र", "ロボット"] * 30
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        page = report.to_html()
    assert f'<th scope="row">{names[1]}</th>' in page
    assert f"predicted \u2068{names[0]}\u2069</th>" in page
    assert "<span>ロボット (30)</span>" in page
    assert "\\u" not in page
