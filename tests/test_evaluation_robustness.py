import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import MakeImage
from numpy.typing import NDArray
from PIL import Image, ImageOps
from reading import Darken, brightness, read_image
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, roc_auc_score
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skfakereal import ImageReadError
from skfakereal.evaluation import RobustnessReport, robustness_report
from skfakereal.evaluation.perturbations import Chain, Copy, Crop, Fit, Jpeg

Images = tuple[list[str], NDArray[np.int64]]


@dataclass(frozen=True)
class Invert:
    """A perturbation of a user's own: black becomes white."""

    family = "inverted"
    level = "wholly"

    def __call__(self, image: Image.Image) -> Image.Image:
        return ImageOps.invert(image)


def file_kind(X: Any) -> NDArray[np.float64]:
    return np.array([[float(str(path).endswith(".jpg"))] for path in np.ravel(X)])


def detector(features: Any = brightness) -> Pipeline:
    return make_pipeline(FunctionTransformer(features), LogisticRegression(C=100))


@pytest.fixture
def images(make_image: MakeImage) -> Images:
    """Return 20 grey images, the brighter half fake; the middle ones are hard to tell."""
    levels = np.linspace(20, 235, 20).astype(int)
    paths = [make_image(f"{i:02}.png", int(n)) for i, n in enumerate(levels)]
    return paths, np.repeat([0, 1], 10)


@pytest.fixture
def report(images: Images) -> RobustnessReport:
    perturbations = [Copy(), Jpeg(90), Crop(0.5), Invert()]
    model = detector().fit(*images)
    return robustness_report(
        model, *images, perturbations=perturbations, target_names=["real", "fake"]
    )


def test_figures_are_those_of_the_copies(images: Images, report: RobustnessReport) -> None:
    X, y = images
    names = ["untouched", "written as PNG", "JPEG quality 90", "cropped to 50%"]
    assert list(report) == [*names, "inverted wholly"]
    first, inverted = report["untouched"], report["inverted wholly"]
    assert (first.accuracy, first.roc_auc, first.tpr, first.fpr) == (1, 1, 1, 0)
    assert first.flip_rate == 0
    # By hand: the same model on values that were inverted.
    logistic = detector().fit(X, y)[-1]
    proba = logistic.predict_proba(1 - brightness(X))[:, 1]
    called = proba > 0.5
    assert inverted.accuracy == accuracy_score(y, called)
    assert inverted.roc_auc == roc_auc_score(y, proba) == 0
    assert inverted.tpr == called[y == 1].mean()
    assert inverted.fpr == called[y == 0].mean()
    assert inverted.flip_rate == np.mean(called != (y == 1))
    assert inverted.n_images == 20
    # Cutting a plain image changes nothing that the detector looks at, but its size.
    assert report["cropped to 50%"].flip_rate == 0
    assert report["cropped to 50%"].n_unchanged == 0
    assert report["written as PNG"].n_unchanged == 20
    with pytest.raises(KeyError, match="there are only"):
        report["JPEG quality 91"]


def test_the_threshold_is_the_models_own(images: Images) -> None:
    strict = FixedThresholdClassifier(detector(), threshold=0.999).fit(*images)
    report = robustness_report(strict, *images, perturbations=[Copy()])
    assert report["written as PNG"].tpr == report.untouched.tpr < 1
    assert report["written as PNG"].flip_rate == 0
    assert report["written as PNG"].fpr == 0


def test_the_positive_class_is_explicit(images: Images) -> None:
    X, labels = images[0], np.where(images[1] == 1, "made", "shot")
    model = detector().fit(X, labels)
    with pytest.raises(ValueError, match="pos_label"):
        robustness_report(model, X, labels)
    report = robustness_report(model, X, labels, perturbations=[Invert()], pos_label="made")
    assert report.pos_label == "made"
    assert report["inverted wholly"].tpr == 0


def test_a_detector_of_file_formats_is_found_out(make_image: MakeImage) -> None:
    y = np.arange(12) % 2
    X = [make_image(f"{i}.{'jpg' if fake else 'png'}") for i, fake in enumerate(y)]
    model = detector(file_kind).fit(X, y)
    report = robustness_report(model, X, y, perturbations=[Copy()])
    assert report.untouched.accuracy == 1
    assert report["written as PNG"].accuracy == 0.5
    assert "50.0% of the verdicts change when an image is only saved again" in repr(report)


def test_images_too_small_for_a_chain_are_counted(make_image: MakeImage) -> None:
    X = [make_image(f"{i}.png", 60 * i, size=(20 + 20 * i, 20)) for i in range(4)]
    y = [0, 0, 1, 1]
    chains = [Chain("web", (Fit(40), Jpeg(60))), Fit(50)]
    report = robustness_report(detector().fit(X, y), X, y, perturbations=chains)
    assert report["chain web"].n_too_small == 2
    assert report["at most 50 px"].n_too_small == 2
    assert report["at most 50 px"].n_unchanged == 2
    small, idle = report.remarks
    assert "never enlarged" in small
    assert "2 by 'chain web', 2 by 'at most 50 px'" in small
    assert "left unchanged" in idle


class Forgiving(Pipeline):
    """Gives NaN for what it cannot read, as ``on_error="nan"`` does."""

    def predict_proba(self, X: Any, **params: Any) -> Any:
        proba = np.full((len(X), 2), np.nan)
        for i, path in enumerate(np.ravel(X)):
            try:
                if read_image(str(path)).shape[0] > 1:
                    proba[i] = super().predict_proba([path])[0]
            except ImageReadError:
                pass
        return proba


def test_unreadable_images_and_copies_are_left_out(images: Images) -> None:
    X, y = images
    model = Forgiving(detector().steps).fit(X, y)
    X, y = ["missing.png", *X], np.append(0, y)
    tiny = Chain("tiny", (Fit(1),))
    report = robustness_report(model, X, y, perturbations=[Copy(), tiny])
    assert report.unreadable == ["missing.png"]
    assert report["written as PNG"].n_images == report.untouched.n_images == 20
    assert report["chain tiny"].n_images == 0
    assert np.isnan(report["chain tiny"].accuracy)
    assert "1 image could not be read" in report.remarks[0]
    assert "20 of 'chain tiny'" in report.remarks[-1]
    assert "missing.png" not in report.predictions_table()["path"]
    assert report.predictions_table()["chain tiny"] == [None] * 20
    json.dumps(report.to_dict(), allow_nan=False)
    report.save_html(Path(X[1]).parent / "page.html")
    with pytest.raises(ImageReadError, match=r"missing\.png"):
        robustness_report(detector().fit(X[1:], y[1:]), X, y)


def test_more_classes_have_accuracy_and_flips(images: Images) -> None:
    X, y = images
    three = np.where(np.arange(20) > 14, 2, y)
    report = robustness_report(detector().fit(X, three), X, three, perturbations=[Invert()])
    row = report["inverted wholly"]
    assert row.flip_rate > 0.3
    assert row.accuracy < report.untouched.accuracy
    assert np.isnan([row.roc_auc, row.tpr, row.fpr]).all()
    assert report.pos_label is None
    assert "there is no positive class" in report.remarks[0]
    assert "nan" not in report.to_html().split("<table>")[1]


def test_tables(report: RobustnessReport) -> None:
    frame = report.to_frame()
    assert frame.index.tolist() == list(report)
    assert frame.loc["inverted wholly", "flip_rate"] == report["inverted wholly"].flip_rate
    plain = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert plain["rows"][-1]["name"] == "inverted wholly"
    assert plain["perturbations"][1] == "Jpeg(quality=90)"
    assert plain["positive_class"] == "fake"
    table = report.predictions_table()
    flipped = np.array(table["untouched"]) != np.array(table["inverted wholly"])
    assert flipped.mean() == report["inverted wholly"].flip_rate
    assert set(table["untouched"]) == {"real", "fake"}


def test_plots_have_a_panel_for_each_family(report: RobustnessReport) -> None:
    panels = report.plot().axes
    drawn = [ax.get_title() for ax in panels if ax.lines]
    assert drawn == ["JPEG quality", "cropped to", "inverted"]  # a copy is no curve
    flips = {line.get_label(): line for line in panels[2].lines}["verdicts flipped"]
    assert flips.get_ydata().tolist() == [0, 1]
    ticks = [tick.get_text() for tick in panels[0].get_xticklabels()]
    assert ticks == ["unchanged", "90"]
    (panel,) = report.plot(["tpr", "fpr"], families=["inverted"]).axes
    labels = [line.get_label() for line in panel.lines]
    assert labels == ["true positive rate", "false positive rate"]
    with pytest.raises(ValueError, match="figures must be some of"):
        report.plot(["f1"])
    with pytest.raises(ValueError, match=r"use \['tpr'\]"):
        report.plot("tpr")
    with pytest.raises(ValueError, match="families must be some of"):
        report.plot(families=["JPEG"])


def test_text_and_page(report: RobustnessReport, tmp_path: Path) -> None:
    text = repr(report)
    assert text.startswith("RobustnessReport: 20 images, positive class 'fake'")
    line = next(line for line in text.splitlines() if line.startswith("inverted wholly"))
    assert line.split()[2:] == ["0.000", "0.000", "0.000", "1.000", "1.000", "20"]
    assert "100.0% of 20 unchanged images" in report.summary()
    assert "'inverted wholly', the worst of 4 changes, 0.0% are" in report.summary()
    report.save_html(tmp_path / "page.html", title="How it bears life")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "<h1>How it bears life</h1>" in page
    assert "Jpeg(quality=90)" in page
    assert "20 images of 20 changed their verdict" in page
    assert "flips under 1 of 4, first inverted wholly" in page
    assert "<img" not in report._repr_html_()
    assert "inverted\N{NO-BREAK SPACE}wholly" in report._repr_html_()


def test_the_most_fragile_comes_first(images: Images) -> None:
    darker = [Darken(15), Darken(40), Darken(255)]
    report = robustness_report(detector().fit(*images), *images, perturbations=darker)
    gallery = report.to_html().split("The most fragile verdicts")[1]
    shown = re.findall(
        r"flips under (\d) of 3, first darkened by (\d+)\n.*/(\d+)\.png", gallery
    )
    assert shown[0] == ("3", "15", "10")
    assert shown[-1] == ("1", "255", "19")
    assert [int(n) for n, _, _ in shown] == sorted((int(n) for n, _, _ in shown))[::-1]
    assert len(shown) == 20  # each once in its caption, once for those who cannot see it


def test_nothing_flips(images: Images) -> None:
    report = robustness_report(detector().fit(*images), *images, perturbations=[Crop(0.9)])
    assert report.remarks == []
    assert "No verdict flips." in report.summary()
    assert "No verdict flipped under any change." in report.to_html()


@pytest.mark.parametrize(
    ("perturbations", "message"),
    [([], "at least one"), ([Jpeg(50), Jpeg(50)], "two are 'JPEG quality 50'")],
)
def test_lists_that_say_nothing_are_errors(
    images: Images, perturbations: list[Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        robustness_report(detector().fit(*images), *images, perturbations=perturbations)


@pytest.mark.slow
def test_all_standard_perturbations_on_the_vgg(
    fitted_classifier: Any, dark_and_bright: tuple[Any, Any]
) -> None:
    report = robustness_report(fitted_classifier, *dark_and_bright)
    assert len(report) == 29
    assert report["written as PNG"].flip_rate == 0
    assert report["JPEG quality 95"].accuracy == 1
