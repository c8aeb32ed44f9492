"""The leak audit: planted leaks are found and named, clean sets are not accused."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from audit_sets import smooth_noise
from conftest import Folders
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from skfakereal._classifying.classes import name_classes as audit_names
from skfakereal._judging.model import name_classes as model_names
from skfakereal.audit import AuditReport, audit_images

Save = Callable[[Path, NDArray[np.uint8], int], Path]


def saving(extension: str, **settings: Any) -> Save:
    def save(path: Path, pixels: NDArray[np.uint8], i: int) -> Path:
        path = path.with_suffix(extension)
        Image.fromarray(pixels).save(path, **settings)
        return path

    return save


plain_jpeg, as_png = saving(".jpg", quality=90), saving(".png")


def write_set(
    folder: Path,
    *,
    n_each: int = 30,
    save_real: Save = plain_jpeg,
    save_fake: Save = plain_jpeg,
    sizes: tuple[tuple[int, int], ...] = ((32, 32),),
    seed: int = 0,
) -> tuple[list[Path], NDArray[np.int64]]:
    """Write real and fake images; label 1 is fake."""
    rng = np.random.default_rng(seed)
    paths = []
    for label, save in ((0, save_real), (1, save_fake)):
        (folder / str(label)).mkdir(parents=True)
        for i in range(n_each):
            height, width = sizes[rng.integers(len(sizes))]
            pixels = smooth_noise(rng, height, width)
            paths.append(save(folder / str(label) / f"{i:03}", pixels, i))
    return paths, np.repeat([0, 1], n_each)


def named(report: AuditReport, severity: str) -> set[str]:
    return {name for f in report.findings if f.severity == severity for name in f.fields}


def test_files_that_are_all_packed_alike_have_an_auc_of_one_half(tmp_path: Path) -> None:
    report = audit_images(*write_set(tmp_path, n_each=20))
    assert report.headline.auc == 0.5
    assert report.verdict == "clean"
    assert report.findings == []
    assert repr(report).startswith("AuditReport: CLEAN\n")


def with_exif(path: Path, pixels: NDArray[np.uint8], i: int) -> Path:
    path, exif = path.with_suffix(".jpg"), Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0131] = "Nikkon", f"D{i % 3}", "Paint 7"
    Image.fromarray(pixels).save(path, quality=90, exif=exif)
    return path


def with_parameters(path: Path, pixels: NDArray[np.uint8], i: int) -> Path:
    path, text = path.with_suffix(".png"), PngInfo()
    text.add_text("parameters", "a dog, steps: 20")
    Image.fromarray(pixels).save(path, pnginfo=text)
    return path


def in_grey(path: Path, pixels: NDArray[np.uint8], i: int) -> Path:
    path = path.with_suffix(".png")
    Image.fromarray(pixels).convert("L").save(path)
    return path


with_description = saving(".jpg", quality=90, comment=b"made by a model")
PLANTED: list[tuple[str, str | None, Save, Save]] = [
    ("format", "PNG", plain_jpeg, as_png),
    ("jpeg_quality", "95", plain_jpeg, saving(".jpg", quality=95)),
    ("exif", "yes", with_exif, plain_jpeg),
    ("text_keys", "parameters", as_png, with_parameters),
    ("mode", "grey", as_png, in_grey),
]
ALSO_PLANTED: list[tuple[str, str | None, Save, Save]] = [
    ("format", "PNG", plain_jpeg, saving(".jpg", format="png")),
    ("progressive", "yes", plain_jpeg, saving(".jpg", quality=90, progressive=True)),
    ("jpeg_tables", None, plain_jpeg, saving(".jpg", quality=95)),
    ("subsampling", "4:4:4", plain_jpeg, saving(".jpg", quality=90, subsampling=0)),
    ("extension", ".jpeg", plain_jpeg, saving(".jpeg", quality=90)),
    ("camera", "Nikkon D0", with_exif, plain_jpeg),
    ("software", "Paint 7", with_exif, plain_jpeg),
    ("comment", "made by a model", plain_jpeg, with_description),
]


@pytest.mark.parametrize(
    ("field", "value", "save_real", "save_fake"),
    [*PLANTED, *(pytest.param(*each, marks=pytest.mark.slow) for each in ALSO_PLANTED)],
)
def test_a_planted_leak_is_found_and_named(
    tmp_path: Path, field: str, value: str | None, save_real: Save, save_fake: Save
) -> None:
    paths, y = write_set(tmp_path, n_each=20, save_real=save_real, save_fake=save_fake)
    report = audit_images(paths, y)
    assert report.verdict == report.headline.verdict == "leaking"
    assert report.headline.auc > 0.95
    assert field in named(report, "leaking")
    shortcut = next(s for s in report.shortcuts if s.field.name == field)
    assert shortcut.strength.auc > 0.95
    planted = [row for row in shortcut.rows if value in (None, row.value)]
    assert planted
    assert max(row.difference for row in planted) > 0.3


def oriented(value: int) -> Save:
    exif = Image.Exif()
    exif[0x0112] = value
    return saving(".jpg", quality=90, exif=exif)


def in_capitals(path: Path, pixels: NDArray[np.uint8], i: int) -> Path:
    path = plain_jpeg(path, pixels, i)
    return path.rename(path.with_suffix(".JPG"))


@pytest.mark.parametrize(
    ("field", "said", "save_real", "save_fake"),
    [
        ("orientation", "“6”: 0% of real, 100% of fake", oriented(1), oriented(6)),
        ("extension_case", "“upper case”: 0% of real, 100%", plain_jpeg, in_capitals),
    ],
)
def test_what_no_network_could_learn_is_told_but_not_counted(
    tmp_path: Path, field: str, said: str, save_real: Save, save_fake: Save
) -> None:
    paths, y = write_set(tmp_path, n_each=20, save_real=save_real, save_fake=save_fake)
    report = audit_images(paths, y)
    (found,) = report.findings
    assert (found.fields, found.severity) == ((field,), "minor")
    assert said in found.what
    assert report.verdict == report.headline.verdict == "clean"
    assert report.headline.auc == 0.5
    shortcut = next(s for s in report.shortcuts if s.field.name == field)
    assert shortcut.strength.auc > 0.95
    assert not shortcut.matters


def test_a_leak_in_one_image_of_ten_is_minor_but_named(tmp_path: Path) -> None:
    def sometimes(path: Path, pixels: NDArray[np.uint8], i: int) -> Path:
        return with_exif(path, pixels, i) if i % 7 == 0 else plain_jpeg(path, pixels, i)

    report = audit_images(*write_set(tmp_path, n_each=200, save_real=sometimes))
    assert report.verdict == "clean"
    assert "exif" in named(report, "minor")


def test_file_size_is_shown_but_never_counted(tmp_path: Path) -> None:
    def flat(path: Path, pixels: NDArray[np.uint8], i: int) -> Path:
        return plain_jpeg(path, (pixels // 8 + i).astype(np.uint8), i)

    report = audit_images(*write_set(tmp_path, n_each=30, save_fake=flat))
    size = next(s for s in report.shortcuts if s.field.name == "file_size")
    assert size.strength.auc > 0.9
    assert report.headline.auc == 0.5
    assert report.verdict == "clean"


def test_constant_borders_are_found_but_are_not_metadata(tmp_path: Path) -> None:
    def framed(path: Path, pixels: NDArray[np.uint8], i: int) -> Path:
        pixels[:4] = pixels[-4:] = 0
        return as_png(path, pixels, i)

    report = audit_images(*write_set(tmp_path, save_real=as_png, save_fake=framed))
    assert report.headline.auc == 0.5
    assert report.verdict == "leaking"
    assert named(report, "leaking") == {"border"}


def test_more_than_two_classes(tmp_path: Path) -> None:
    paths, _ = write_set(tmp_path, n_each=60, sizes=((16, 16),))
    for i in range(80, 120):
        paths[i] = as_png(paths[i], smooth_noise(np.random.default_rng(i), 16, 16), i)
    report = audit_images(paths, np.repeat(["real", "gan", "sd"], 40))
    # Two of three classes cannot be told apart: (3/4 + 3/4 + 1) / 3.
    assert report.headline.auc == pytest.approx(5 / 6, abs=0.05)
    assert "format" in named(report, "leaking")
    assert list(report.class_counts) == ["gan", "real", "sd"]


def test_too_few_images_are_not_judged(tmp_path: Path) -> None:
    report = audit_images(*write_set(tmp_path, n_each=5, save_fake=as_png))
    assert report.verdict == "too few images"
    assert np.isnan(report.headline.auc)
    json.dumps(report.to_dict(), allow_nan=False)


def test_unreadable_files_are_listed_and_left_out(tmp_path: Path) -> None:
    paths, y = write_set(tmp_path, n_each=20)
    paths[3].write_bytes(paths[3].read_bytes()[:200])
    paths[30].write_text("no image")
    report = audit_images([*paths, tmp_path / "absent.jpg"], [*y, 1])
    assert [e.index for e in report.unreadable] == [3, 30, 40]
    assert [e.reason for e in report.unreadable][1:] == ["not an image", "missing"]
    assert report.class_counts == {"real": 19, "fake": 19}
    assert len(report.groups_) == 41
    assert len(np.unique(report.groups_)) == 41
    assert "1 of real, 2 of fake" in repr(report)


def test_errors_name_rule_and_remedy(tmp_path: Path) -> None:
    paths, y = write_set(tmp_path, n_each=3)
    with pytest.raises(ValueError, match=r"two classes or more, got \[1\]"):
        audit_images(paths, [1] * 6)
    with pytest.raises(ValueError, match="groups must hold one value for each of the 6"):
        audit_images(paths, y, groups=[1])
    with pytest.raises(ValueError, match="target_names must hold a distinct name"):
        audit_images(paths, y, target_names=["one"])
    with pytest.raises(ValueError, match=r"none of the class 'fake'.*does not exist"):
        audit_images([*paths[:3], "absent.png"], [0, 0, 0, 1])


@pytest.mark.slow
def test_reports_are_equal_with_more_processes(tmp_path: Path) -> None:
    paths, y = write_set(tmp_path, n_each=150, sizes=((8, 8),))
    one, two = audit_images(paths, y), audit_images(paths, y, n_jobs=2)
    assert one.to_dict() == two.to_dict()


@pytest.fixture(scope="module")
def leaking(tmp_path_factory: Folders) -> AuditReport:
    """Return the report on fakes that are PNGs, one of which was copied to another split."""
    paths, y = write_set(tmp_path_factory.mktemp("leak"), n_each=12, save_fake=as_png)
    return audit_images([*paths, paths[0]], [*y, 0], split=["a"] * 24 + ["b"])


def test_html_carries_findings_evidence_and_pictures(
    leaking: AuditReport, tmp_path: Path
) -> None:
    report = leaking
    report.save_html(tmp_path / "audit.html")
    html = (tmp_path / "audit.html").read_text(encoding="utf-8")
    said = ("Audit: leaking", "equalize_images", "PNG", "data:image/png", "12 (100%)")
    for words in said:
        assert words in html
    assert "http" not in html.replace("http-equiv", "")
    assert report._repr_html_().startswith('<div class="skfakereal">')


def test_text_in_files_cannot_enter_the_page_as_markup(tmp_path: Path) -> None:
    hostile = saving(".jpg", quality=90, comment=b"<script>alert(1)</script>")
    report = audit_images(*write_set(tmp_path, n_each=12, save_fake=hostile))
    assert "<script" not in report.to_html()
    assert "&lt;script" in report.to_html()


def test_to_dict_is_json_and_the_table_has_the_strongest_first(
    leaking: AuditReport,
) -> None:
    data: dict[str, Any] = json.loads(json.dumps(leaking.to_dict(), allow_nan=False))
    assert data["verdict"] == "leaking"
    assert data["shortcuts"]["format"]["auc"] == pytest.approx(1, abs=0.05)
    across = data["exact_duplicates"]["images_across_splits"]
    assert {"of": "b", "with_a_copy_in": "a", "n_images": 1} in across
    frame = leaking.to_frame()
    assert list(frame.index) == [shortcut.field.name for shortcut in leaking.shortcuts]
    assert frame.loc["format", "verdict"] == "leaking"
    assert leaking.to_html(title="Photographs & co").count("Photographs &amp; co") >= 1


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        ([0, 1], ["real", "fake"]),
        ([False, True], ["real", "fake"]),
        (["real", "fake"], ["real", "fake"]),
        (["fake", "real"], ["fake", "real"]),
        (["natural", "Fake"], ["natural", "Fake"]),
        (["made", "shot"], ["made", "shot"]),
        ([-1, 1], ["-1", "1"]),
    ],
)
def test_classes_are_named_alike_everywhere(labels: list[Any], names: list[str]) -> None:
    first = np.array(labels)[[0, 0, 1]]
    codes, called = audit_names(first, None)
    assert [called[code] for code in codes] == [names[0], names[0], names[1]]
    # Where one is called "fake", it comes last.
    assert called[0].casefold() != "fake"
    classes = np.unique(first)
    assert sorted(model_names(classes)) == sorted(called)
