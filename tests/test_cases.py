"""Case pages: evidence that can be mailed, and names no place."""

import base64
import hashlib
import io
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from conftest import Command, Fit, Folders, Images, MakeImage, Said, noise
from image_attacks import ATTACKS
from PIL import Image
from sklearn.dummy import DummyClassifier

import skfakereal
from skfakereal._judging.judge import Item, Judge
from skfakereal._judging.model import load_model
from skfakereal.cases import CaseReport, case_report, make_case
from skfakereal.cli import main


@pytest.fixture(scope="module")
def model(fit: Fit, tmp_path_factory: Folders) -> str:
    """Return a run folder: a model with a card and a record of its threshold."""
    run = tmp_path_factory.mktemp("secret") / "detector"
    run.mkdir()
    linear: dict[str, Any] = {"hidden_units": (), "weight_decay": 0.1}
    skfakereal.save(
        fit(**linear),
        run / "model.skfr",
        {"classes": ["real", "fake"], "decision": None},
    )
    rates = {"true_positive_rate": 0.9, "false_positive_rate": 0.05, "n_positive": 100}
    decision = {"threshold": 0.5, "pos_label": "fake", "n_negative": 200, "unsure": None}
    config = {"skfakereal": "0", "date": "2026-01-02T03:04:05+00:00", "data": {}}
    config |= {"decision": decision | rates, "remarks": ["A caution <of> its own."]}
    (run / "config.json").write_text(json.dumps(config))
    (run / "card.md").write_text("---\nlicense: mit\n---\n\n# A card\n\n<b>of it</b>\n")
    return str(run)


@pytest.fixture
def image(make_image: MakeImage) -> str:
    exif = Image.Exif()
    exif[0x010E] = "a note"
    pixels = noise(36)[:, :36]
    return make_image("private/a.jpg", pixels, exif=exif, comment=b"a comment")


def pictures(page: str) -> list[bytes]:
    found = re.findall(r'src="data:image/\w+;base64,([^"]+)"', page)
    return [base64.b64decode(data) for data in found]


def test_one_image_is_one_page(
    model: str, image: str, tmp_path: Path, capsys: Said
) -> None:
    out = tmp_path / "case.html"
    assert main(["predict", model, image, "--case", str(out)]) == 0
    page = out.read_text(encoding="utf-8").replace("<wbr>", "")
    assert f"1 case page: {out}" in capsys.readouterr().err
    data = Path(image).read_bytes()
    file = (Path(model) / "model.skfr").read_bytes()
    for words in (
        *(hashlib.sha256(content).hexdigest() for content in (data, file)),
        *(f"{len(data):,}", "36 x 36", "UTC", "2026-01-02 at 03:04 UTC"),
        *(skfakereal.__version__, "real images called fake", "proves nothing"),
        *("0.024 to 0.090", "0.824 to 0.951"),  # Clopper and Pearson: 10 of 200, 90 of 100
        *("Like the training images?", "Where the detector looked", "random layers on top"),
        *("A caution &lt;of&gt; its own.", "# A card", "&lt;b&gt;of it&lt;/b&gt;"),
    ):
        assert words in page, words
    for secret in ("private", "secret", str(tmp_path), "license: mit", "<script"):
        assert secret not in page, secret
    assert len(pictures(page)) == 2  # the image, and the map
    for picture in pictures(page):
        with Image.open(io.BytesIO(picture)) as shown:
            assert not {"exif", "comment", "icc_profile"} & set(shown.info)
    assert data not in pictures(page)


def test_the_original_is_carried_when_asked_for(
    model: str, image: str, tmp_path: Path
) -> None:
    out = tmp_path / "case.html"
    args = ["predict", model, image, "--case", str(out), "--no-map"]
    assert main([*args, "--original"]) == 0
    page = out.read_text(encoding="utf-8")
    (carried,) = re.findall(r'download="a.jpg" href="data:[\w/-]+;base64,([^"]+)"', page)
    assert base64.b64decode(carried) == Path(image).read_bytes()
    assert len(pictures(page)) == 1
    assert main([*args, "--force"]) == 0
    assert "download=" not in out.read_text(encoding="utf-8")


def test_a_folder_has_an_index_worst_first(
    model: str,
    dark_and_bright: Images,
    tmp_path: Path,
    command: Command,
    refuse: Command,
    capsys: Said,
) -> None:
    inbox, out = tmp_path / "inbox", tmp_path / "pages"
    inbox.mkdir()
    nasty = '<img src=x onerror=alert(1)>&"x\u202egpj.png'
    (inbox / nasty).write_bytes(Path(str(dark_and_bright[0][-1])).read_bytes())
    (inbox / "dark.png").write_bytes(Path(str(dark_and_bright[0][0])).read_bytes())
    (inbox / "broken.png").write_bytes(b"nothing")
    said = command("predict", model, inbox, "--case", out, "--no-map", code=3)
    assert "no case page of broken.png: is not an image" in said.err
    index = (out / "index.html").read_text(encoding="utf-8")
    linked = re.findall(r'<a href="([\w.-]+)"', index)
    assert {*linked, "index.html", "config.json"} == {p.name for p in out.iterdir()}
    assert len(linked) == 2
    titles = [re.findall("<b>(.+?)</b>", index), linked]
    assert titles[0] == ["fake", "real"]
    assert "broken.png" in index
    assert "\u202e" not in index
    for page in out.glob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert "<img src=x" not in text
        assert str(tmp_path) not in text
        assert "inbox" not in text
    # Pages that were changed are somebody's, and so is a folder of other files.
    again = ["predict", model, str(inbox), "--case", str(out), "--no-map"]
    refuse("Pass --force to replace", *again)
    assert main([*again, "--force"]) == 3
    (out / linked[0]).write_text("my own notes")
    assert main([*again, "--force"]) == 1
    assert (out / linked[0]).read_text() == "my own notes"
    capsys.readouterr()


def test_nothing_of_the_users_is_overwritten(
    model: str, image: str, tmp_path: Path, refuse: Command
) -> None:
    before = Path(image).read_bytes()
    page, text = tmp_path / "old.html", tmp_path / "notes.txt"
    page.write_text("old")
    text.write_text("notes")
    predict = ["predict", model, image, "--no-map", "--case"]
    refuse("Pass --force to replace it", *predict, page)
    for place in (image, str(text)):
        refuse("Choose another --case", *predict, place, "--force")
    assert page.read_text() == "old"
    assert (text.read_text(), Path(image).read_bytes()) == ("notes", before)
    both = [*predict, str(tmp_path / "x.html"), "--out", str(tmp_path / "x.html")]
    refuse("the same place", *both)
    two = ["predict", model, image, image, "--case", str(tmp_path / "y.html")]
    refuse("must be a folder", *two)
    refuse("needs --case", "predict", model, image, "--original")


def test_a_place_without_the_ending_of_a_page_is_a_folder(
    model: str, image: str, tmp_path: Path
) -> None:
    place = tmp_path / "c1"
    predict = ["predict", model, image, "--no-map", "--case", str(place)]
    assert main(predict) == 0
    pages = sorted(page.name for page in place.glob("*.html"))
    assert pages == [f"0001-{Path(image).stem}.html", "index.html"]
    assert main(predict) == 1
    assert main([*predict, "--force"]) == 0
    assert sorted(page.name for page in place.glob("*.html")) == pages


def test_a_page_that_cannot_be_written_is_an_error(
    model: str, image: str, tmp_path: Path, command: Command
) -> None:
    os.truncate(image, 100 * 10**6 + 1)  # which decoders pass over
    out = tmp_path / "case.html"
    predict = ["predict", model, image, "--case", str(out), "--no-map"]
    assert "Leave the original out" in command(*predict, "--original", code=1).err
    assert not out.exists()
    assert main(predict) == 0


def test_of_more_than_two_classes_any_may_be_told(
    image: str, tmp_path: Path, refuse: Command
) -> None:
    model, out = str(tmp_path / "three.joblib"), tmp_path / "case.html"
    joblib.dump(DummyClassifier().fit([["a"]] * 4, ["real", "gan", "gan", "sd14"]), model)
    predict = ["predict", model, image, "--trust", "--case", str(out), "--no-map"]
    assert main([*predict, "--pos-label", "sd14"]) == 0
    assert "probability of sd14" in out.read_text(encoding="utf-8")
    refuse("two classes", "evaluate", model, tmp_path, "--trust", "--pos-label", "gan")


def test_a_broken_image_has_no_page_and_a_reason(
    model: str, tmp_path: Path, command: Command
) -> None:
    broken, out = tmp_path / "broken.jpg", tmp_path / "case.html"
    broken.write_bytes(b"\xff\xd8 nothing")
    said = command("predict", model, broken, "--case", out, code=3).err
    assert "no case page of broken.jpg" in said
    assert not out.exists()


@pytest.mark.slow
def test_hostile_images_cost_the_others_nothing(
    model: str, image: str, tmp_path: Path, capsys: Said
) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    for name, make in ATTACKS.items():
        (inbox / f"{name.replace('/', '-')}.png").write_bytes(make())
    (inbox / "zz.jpg").write_bytes(Path(image).read_bytes())
    out = tmp_path / "pages"
    assert main(["predict", model, str(inbox), "--case", str(out), "--no-map"]) in (0, 3)
    capsys.readouterr()
    pages = list(out.glob("*.html"))
    assert any("zz" in page.name for page in pages)
    assert all(page.stat().st_size < 10**6 for page in pages)


def test_in_python(model: str, image: str, dark_and_bright: Images, tmp_path: Path) -> None:
    case = case_report(model, image)
    assert isinstance(case, CaseReport)
    assert case.row["name"] == "a.jpg"
    assert case.detector["n_validation"] == [200, 100]
    assert json.loads(json.dumps(case.to_dict()))["map"]["method"] == "occlusion"
    assert case.summary().startswith("The detector")
    case.save_html(tmp_path / "case.html")
    assert (tmp_path / "case.html").read_text(encoding="utf-8") == case.to_html()
    clf = skfakereal.load(Path(model) / "model.skfr")
    plain = case_report(clf, dark_and_bright[0][0], with_map=False, stable=False)
    assert plain.row["verdict"] == "real"
    assert plain.row["probability"] == pytest.approx(
        clf.predict_proba(dark_and_bright[0][:1])[0, 1], abs=1e-6
    )
    assert plain.row["novelty"] == pytest.approx(
        clf.novelty(dark_and_bright[0][:1])[0], abs=1e-4
    )
    with pytest.raises(ValueError, match=r"^pos_label must be one of the classes"):
        case_report(model, image, pos_label="cow")
    joblib.dump(clf, tmp_path / "clf.joblib")
    with pytest.raises(ValueError, match=r"trust its maker, load it by joblib\.load and"):
        case_report(tmp_path / "clf.joblib", image)
    missing = case_report(clf, tmp_path / "missing.png")
    assert "does not exist" in missing.row["error"]
    assert "could not be judged" in missing.to_html()


def test_a_page_is_of_the_bytes_that_were_judged(model: str, image: str) -> None:
    judge = Judge(load_model(model), model)
    judged = judge.judge(Item("a.jpg", image), stable=False)
    Image.new("RGB", (36, 36), "red").save(image)
    with pytest.raises(ValueError, match=r"'a\.jpg' was changed while it was judged"):
        make_case(judge, judged, with_map=False, original=True)


def test_an_image_unlike_the_training_images_is_unsure(
    model: str, make_image: MakeImage
) -> None:
    large = make_image("large.png", np.asarray(noise(300)))
    case = case_report(model, large, with_map=False)
    assert (case.row["verdict"], case.row["novelty"]) == ("unsure", 1)
    page = case.to_html()
    # In the verdict and in the likeness.
    assert page.count("It is unlike the training images in size") == 2
    assert "It is unlike 99%" not in page
    assert "More unusual than" not in page


def test_predict_and_reports_say_that_size_is_the_reason(
    model: str, make_image: MakeImage, tmp_path: Path, command: Command
) -> None:
    random = np.random.default_rng(0)
    for kind in ("real", "fake"):
        for i in range(8):  # dark and bright, as the training images are, and large
            pixels = random.integers(0, 40, (90, 90, 3), dtype=np.uint8)
            pixels = 255 - pixels if kind == "fake" else pixels
            path = make_image(f"set/{kind}/{i}.png", pixels)
    assert "unlike the training images in size" in command("predict", model, path).out
    file = shutil.copy(Path(model, "model.skfr"), tmp_path / "m.skfr")
    command("evaluate", file, tmp_path / "set", "--out", tmp_path / "run")
    page = (tmp_path / "run/report.html").read_text(encoding="utf-8")
    assert (
        "16 of 16 images are unlike 99% of the training images (16 of them in size)" in page
    )
    assert "of these, in size" in page


def test_a_model_keeps_its_own_card_when_another_run_takes_its_place(
    model: str, image: str, tmp_path: Path
) -> None:
    run = shutil.copytree(model, tmp_path / "run")
    judge = Judge(load_model(str(run)), str(run))
    (run / "card.md").write_text("# A card of another model\n")
    case = make_case(judge, judge.judge(Item("a.jpg", image), stable=False), with_map=False)
    assert "# A card\n" in case.to_html()
    assert "another model" not in case.to_html()
