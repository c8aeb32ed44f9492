"""The card says what the report says, what is known of the run, and nothing private."""

from typing import Any

import numpy as np
import pytest
import yaml
from predicted import make_case, report_on
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.pipeline import make_pipeline

from skfakereal import VGG16ImageClassifier
from skfakereal.cards import ModelCard, model_card
from skfakereal.evaluation import EvaluationReport


def make_report(n_images: int = 400, **changes: Any) -> EvaluationReport:
    random = np.random.default_rng(0)
    y = np.arange(n_images) % 2
    fake = np.clip(0.5 + 0.3 * (y - 0.5) + 0.2 * random.standard_normal(n_images), 0, 1)
    settings = {"fake": fake, "target_names": ["real", "fake"], "n_resamples": 50} | changes
    return report_on(y, **settings)


def text_of(card: ModelCard, heading: str) -> str:
    parts = card.to_markdown().split("\n## ")
    (found,) = [part for part in parts if part.startswith(f"{heading}\n")]
    return found


def limits_of(report: EvaluationReport, config: dict[str, Any]) -> list[str]:
    said = text_of(model_card(report, config=config), "Known limits")
    return [line.removeprefix("- ") for line in said.splitlines()[1:] if line]


def metadata_of(card: ModelCard) -> Any:
    return yaml.safe_load(card.to_markdown().split("---\n")[1])


def cells(section: str) -> list[list[str]]:
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [line.strip("| ").split(" | ") for line in lines]


@pytest.fixture(scope="module")
def report() -> EvaluationReport:
    return make_report()


FORMAT = {"name": "format", "word": "leaking"}
AUDIT = {"headline": 0.97, "interval": [0.95, 0.99], "word": "leaking"}
CONFIG = {
    "skfakereal": "0.1.0",
    "date": "2026-01-02T03:04:05+00:00",
    "command": ["skfakereal", "train", "/home/jane/secret-client", "--out", "run"],
    "data": {
        "folder": "/home/jane/secret-client",
        "classes": ["real", "fake"],
        "train": {"real": 1200, "fake": 1300},
        "test": {"real": 200, "fake": 200},
        "test_images": "The tested images are the folder's own test part.",
        "groups": {"real": {"Jane Doe": 600, "John": 600}, "fake": {"sd14": 1300}},
        "unreadable": ["/home/jane/secret-client/fake/a.png"],
        "manifest_sha256": "ab" * 32,
        "audit": AUDIT | {"findings": [FORMAT, {"name": "size", "word": "clean"}]},
    },
    "model": {
        **{"class": "VGG16ImageClassifier", "image_size": [224, 224], "resize": "stretch"},
        **{"weights": "/home/jane/weights.h5", "cache": "/home/jane/cache", "n_jobs": 3},
        **{"early_stopping": True, "validation_fraction": 0.1},
    },
    "training": {"epochs_run": 7, "epoch_kept": 3, "seconds": 12.5},
    "versions": {"python": "3.11.7", "platform": "Linux-janes-laptop", "keras": "3.15.1"},
    "remarks": ["3 images in '/home/jane/secret client/x' were seen in training."],
    "decision": {
        **{"threshold": 0.71, "pos_label": "fake", "reason": "a false positive rate of 1%"},
        **{"n_positive": 310, "n_negative": 290, "true_positive_rate": 0.8},
        **{"false_positive_rate": 0.01, "false_positive_interval": [0.002, 0.03]},
        "calibration": "sigmoid",
        "unsure_band": {"low": 0.2, "high": 0.9, "precision": 0.95},
    },
}


@pytest.fixture(scope="module")
def card(report: EvaluationReport) -> ModelCard:
    return model_card(report, config=CONFIG)


def test_the_figures_are_the_reports(report: EvaluationReport, card: ModelCard) -> None:
    rows = {name: (value, ends) for name, value, ends in cells(text_of(card, "Evaluation"))}
    for key, word in [("accuracy", "accuracy"), ("roc_auc", "ROC-AUC"), ("f1", "F1")]:
        low, high = report.intervals.overall[key]
        assert rows[word] == (f"{report[key]:.3f}", f"{low:.3f} to {high:.3f}")
    (index,) = metadata_of(card)["model-index"]
    (result,) = index["results"]
    stated = {metric["type"]: metric["value"] for metric in result["metrics"]}
    assert stated["accuracy"] == round(report["accuracy"], 4)
    assert stated["expected_calibration_error"] == pytest.approx(
        report["expected_calibration_error"], abs=1e-4
    )


def test_the_metadata_has_what_the_hub_requires(card: ModelCard) -> None:
    metadata = metadata_of(card)
    known = {"license": "unknown", "library_name": "skfakereal"}
    known |= {"pipeline_tag": "image-classification"}
    assert {key: metadata[key] for key in known} == known
    (index,) = metadata["model-index"]
    for result in index["results"]:
        assert result["task"]["type"]
        assert result["dataset"]["type"]
        assert result["dataset"]["name"]
        assert all({"type", "value"} <= set(metric) for metric in result["metrics"])


def test_undefined_figures_are_named_and_left_out_of_the_metadata() -> None:
    card = model_card(make_report(40))
    assert ["TPR at 1% FPR", "undefined", "none"] in cells(text_of(card, "Evaluation"))
    (index,) = metadata_of(card)["model-index"]
    types = [metric["type"] for metric in index["results"][0]["metrics"]]
    assert "tpr_at_fpr_0.01" not in types
    assert "tpr_at_fpr_0.05" in types


def test_nothing_private_is_said(card: ModelCard) -> None:
    text = card.to_markdown()
    for secret in ("/home", "jane", "Jane", "secret", "laptop", "a.png", "12.5"):
        assert secret not in text
    assert ["weights", "weights.h5"] in cells(text_of(card, "Training"))
    assert "3 images in 'x' were seen in training." in text
    assert "1 image could not be read" in text_of(card, "Data")


def test_it_says_what_the_data_were(card: ModelCard) -> None:
    section = text_of(card, "Data")
    assert ["train", "1,200", "1,300"] in cells(section)
    assert ["test", "200", "200"] in cells(section)
    assert "sd14 (1,300)" in section
    assert "class real come from 2 groups" in section
    assert "ab" * 32 in section
    assert "leaking, ROC-AUC 0.970 (95% interval 0.950 to 0.990)" in section
    assert "The audit found: format (leaking)." in section
    assert "10% of the training images were held out to decide when to stop" in section


def test_it_says_how_it_decides(report: EvaluationReport, card: ModelCard) -> None:
    section = text_of(card, "Threshold and calibration")
    assert "fake from a probability of 0.71, chosen by a false positive rate" in section
    assert "it detected 80.0% of 310 fake images; of 290 others, 1.00%" in section
    assert "(95% interval 0.20% to 3.00%)" in section
    assert "calibrated on validation images: sigmoid" in section
    assert "Between 0.2 and 0.9" in section
    bare = text_of(model_card(report), "Threshold and calibration")
    assert "from a probability of 0.5, the more probable class" in bare
    chosen = make_report(threshold=0.6)
    assert "of 0.6." in text_of(model_card(chosen), "Threshold and calibration")


@pytest.mark.parametrize(
    "band",
    [
        {"unsure_band": {"low": 0.3, "high": 0.8, "precision": 0.9}},
        {"unsure_band": [0.3, 0.8], "unsure_precision": 0.9},
        {"unsure_band": [0.3, 0.8], "unsure": {"low": 0.3, "high": 0.8, "precision": 0.9}},
    ],
)
def test_the_band_may_be_told_in_any_form(report: EvaluationReport, band: Any) -> None:
    card = model_card(report, config={"decision": {"threshold": 0.5, **band}})
    section = text_of(card, "Threshold and calibration")
    assert "Between 0.3 and 0.8, fewer than 90% of the validation images" in section


def test_what_was_recalibrated_was_not_validated(report: EvaluationReport) -> None:
    rates = {"n_positive": 30, "true_positive_rate": 0.8}
    rates |= {"n_negative": 40, "false_positive_rate": 0.05}
    band = {"unsure_band": {"low": 0.3, "high": 0.8, "precision": 0.9}}
    decision = {"threshold": 0.7, "calibration": "sigmoid", **rates, **band}
    card = model_card(report, config={"decision": decision | {"recalibrated": True}})
    section = text_of(card, "Threshold and calibration")
    assert "On the images that it was recalibrated on, it detected 80.0% of 30" in section
    assert "fewer than 90% of the images that it was recalibrated on" in section
    assert "Probabilities were calibrated: sigmoid." in section


def test_a_decision_of_which_nothing_is_known_is_no_choice(
    report: EvaluationReport,
) -> None:
    decision = dict.fromkeys(
        ("n_positive", "n_negative", "true_positive_rate", "false_positive_rate")
    )
    decision |= {"threshold": 0.5, "reason": "the more probable class"}
    decision |= dict.fromkeys(("calibration", "unsure", "unsure_band", "refused"))
    card = model_card(report, config={"decision": decision})
    section = text_of(card, "Threshold and calibration")
    assert "0.5, the more probable class; no other threshold was chosen." in section
    assert "validation" not in section
    assert "not chosen for a purpose" in text_of(card, "Known limits")


def test_it_says_how_it_was_trained(card: ModelCard) -> None:
    section = text_of(card, "Training")
    assert "Ran 7 epochs and kept the weights of epoch 3." in section
    assert "skfakereal 0.1.0, python 3.11.7, keras 3.15.1." in section
    names = [row[0] for row in cells(section)]
    assert "image_size" in names
    assert "cache" not in names


@pytest.mark.parametrize(
    ("path", "value", "limit"),
    [
        (("data", "audit"), None, "not audited"),
        (("data", "audit", "word"), "clean", ""),
        (("data", "audit", "word"), "suspicious", "found the images suspicious"),
        (("data", "groups", "fake"), {"a": 1, "b": 2}, ""),
        (("data", "groups", "fake"), {}, "images of class fake are unknown"),
        (("data", "train"), {"real": 20, "fake": 30}, "trained on only 50 images"),
        (("model", "weights"), "cifake", "trained on CIFAKE's training images"),
        (("model", "weights"), None, "not pretrained"),
        (("model", "image_size"), [32, 32], "sees 32x32 pixels"),
        (("model", "resize"), "crop", "in the middle of an image"),
        (("decision",), None, "not chosen for a purpose"),
        (("remarks",), ["A caution."], "A caution."),
    ],
)
def test_limits_follow_from_the_facts(
    report: EvaluationReport, path: tuple[str, ...], value: Any, limit: str
) -> None:
    usual = limits_of(report, CONFIG)
    changed = yaml.safe_load(yaml.safe_dump(CONFIG))
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    now = limits_of(report, changed)
    new = [said for said in now if said not in usual]
    if limit:
        assert len(new) == 1
        assert limit in new[0]
    else:
        assert new == []
        assert len(now) == len(usual) - 1


def test_what_a_remark_says_of_the_audit_is_said_once(report: EvaluationReport) -> None:
    remark = "The audit found these images leaking (format): part of it may be format."
    config = CONFIG | {"data": {"audit": AUDIT | {"word": "leaking"}}, "remarks": [remark]}
    said = [limit for limit in limits_of(report, config) if "The audit found" in limit]
    assert said == [remark]


def test_few_tested_images_are_a_limit() -> None:
    said = " ".join(limits_of(make_report(60), CONFIG))
    assert "(30 of class real and 30 of class fake)" in said
    assert "tested on few" not in " ".join(limits_of(make_report(), CONFIG))


def test_the_settings_of_a_wrapped_estimator_are_found(report: EvaluationReport) -> None:
    wrapped = FixedThresholdClassifier(
        VGG16ImageClassifier(image_size=(48, 48), weights="cifake", cache="/home/x/y")
    )
    text = model_card(report, estimator=wrapped).to_markdown()
    assert "resized or cropped to 48x48 pixels" in text
    assert "trained on CIFAKE's training images" in text
    assert "Bird and A. Lotfi" in text
    assert "/home" not in text
    assert "| estimator__image_size | \\[48, 48\\] |" in text
    # Any classifier over paths has a card.
    other = model_card(report, estimator=DummyClassifier()).to_markdown()
    assert "Kind: DummyClassifier" in other
    assert "Simonyan" not in other


def test_whole_numbers_are_told(report: EvaluationReport) -> None:
    for engine, told in [("int8", True), ("ncnn", False)]:
        config = CONFIG | {"training": {"weight_decay": 0.1, "engine": engine}}
        section = text_of(model_card(report, config=config), "Training")
        assert ("in whole numbers (8 bits)" in section) == told


def test_it_says_how_to_use_it_without_running_a_name() -> None:
    evil = make_report(classes=[0, 1], target_names=["real", "fake\nimport os"])
    section = text_of(model_card(evil), "How to use it")
    code = section.split("```python\n")[1].split("\n```")[0]
    lines = [line for line in code.splitlines() if line]
    assert len(lines) == 4
    assert "# one of {0: 'real', 1: 'fake\\nimport os'}" in lines[2]


def test_only_groups_of_the_positive_class_have_rows() -> None:
    origins = np.where(np.arange(400) % 2, np.array(["sd|14", "gan"] * 200), "Jane Doe")
    origins[1::4] = "gan*"
    card = model_card(make_report(generators=origins))
    section = text_of(card, "By generator")
    assert "sd\\|14" in section or "gan" in section
    assert "gan\\*" in section
    assert "Jane" not in card.to_markdown()
    # Groups of both classes are not called generators.
    card = model_card(make_report(generators=[f"photograph {i // 8}" for i in range(400)]))
    assert "By group" in card.headings
    assert "By generator" not in card.headings


def test_more_than_two_classes_have_a_card() -> None:
    case, names = make_case(90, 3), ["real", "gan", "sd"]
    card = model_card(EvaluationReport(**case, target_names=names, n_resamples=20))
    assert "Threshold and calibration" not in card.headings
    assert "real or gan or sd" in card.to_markdown()


def test_unreadable_images_are_counted_and_not_named() -> None:
    fake = np.where(np.arange(400) == 3, np.nan, 0.6)
    text = model_card(make_report(fake=fake)).to_markdown()
    assert "3.png" not in text
    assert "1 image could not be read" in text


def test_only_reports_have_cards() -> None:
    with pytest.raises(TypeError, match="must be an EvaluationReport, got dict"):
        model_card({"accuracy": 1.0})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "config",
    [
        {"data": {"audit": 7}},
        {"data": {"groups": ["a"]}},
        {"model": {"class": "VGG16ImageClassifier", "image_size": [32]}},
        {"training": {"weight_decay": "weak"}},
        {"versions": 3},
        {"remarks": [7]},
    ],
)
def test_a_record_in_another_form_is_told(config: Any) -> None:
    report = report_on([0, 1], [0.1, 0.8], n_resamples=0)
    with pytest.raises(ValueError, match="config must be the record of a run"):
        model_card(report, config=config)


def test_the_cards_html_shows_the_same(card: ModelCard) -> None:
    html = "".join(card.html_blocks("Data"))
    assert "sd14 (1,300)" in html
    with pytest.raises(KeyError, match="there are only"):
        card.html_blocks("Nothing")


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("and/or 1/2 https://x.org/a", "and/or 1/2 https://x.org/a"),
        ("/home/jane/a.png", "a.png"),
        ("in '/home/jane doe/a b.png' and (/tmp/x).", "in 'a b.png' and (x)."),
        (r"C:\Users\Jane\a.png and \\host\share\b", "a.png and b"),
        ("~/photos/x", "x"),
    ],
)
def test_paths_lose_their_folders(report: EvaluationReport, text: str, left: str) -> None:
    said = limits_of(report, {"remarks": [text]})
    assert said[0].replace("\\", "") == left  # Markdown's escapes


def test_settings_lose_what_is_local(report: EvaluationReport) -> None:
    clf = VGG16ImageClassifier(weights="../jane doe/w.h5", n_jobs=2)
    text = model_card(report, estimator=make_pipeline(clf)).to_markdown()
    assert "w.h5" in text
    assert not [word for word in ("jane", "n_jobs") if word in text]
