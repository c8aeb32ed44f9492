"""Equalised copies: alike in everything but the picture, safe, resumable, honest."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Patch
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from reading import read_image
from runs import read_csv

from skfakereal import ImageReadError
from skfakereal.audit import audit_images, equalize_images

Labelled = tuple[list[Path], list[int]]


def plain_images(folder: Path, *names: str, size: tuple[int, int] = (8, 8)) -> list[Path]:
    """Write images of one colour and return their paths."""
    paths = [folder / name for name in names]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", size, "red").save(path)
    return paths


@pytest.fixture
def leaking(tmp_path: Path) -> Labelled:
    """Real: JPEGs with EXIF, of many sizes. Fake: square PNGs with parameters."""
    rng = np.random.default_rng(0)
    paths: list[Path] = []
    exif, text = Image.Exif(), PngInfo()
    exif[0x010F] = "Nikkon"
    text.add_text("parameters", "a dog")
    for name in ("real", "fake"):
        (tmp_path / "in" / name).mkdir(parents=True)
        for i in range(20):
            side = 40 if name == "fake" else int(rng.integers(40, 60))
            image = Image.fromarray(rng.integers(0, 256, (40, side, 3), dtype=np.uint8))
            more: dict[str, Any] = {"pnginfo": text}
            if name == "real":
                more = {"quality": 80 + i % 3, "progressive": i % 2 == 0}
                more |= {"exif": exif, "comment": b"holiday"}
            ending = "jpg" if name == "real" else "png"
            paths.append(tmp_path / "in" / name / f"{i}.{ending}")
            image.save(paths[-1], **more)
    return paths, [0] * 20 + [1] * 20


@pytest.mark.parametrize(
    ("form", "resize"),
    [("jpeg", "shrink"), ("png", "crop"), ("webp", "stretch")],
)
def test_audit_before_and_after(
    leaking: Labelled, tmp_path: Path, form: str, resize: str
) -> None:
    paths, y = leaking
    before = {p: p.read_bytes() for p in paths}
    out = tmp_path / "out"
    copies = equalize_images(paths, y, out, format=form, size=(30, 30), resize=resize)  # type: ignore[arg-type]
    assert audit_images(paths, y).headline.auc > 0.95
    after = audit_images(copies.data, copies.target)
    assert after.headline.auc == 0.5
    assert after.verdict == "clean"
    assert {p: p.read_bytes() for p in paths} == before
    with Image.open(copies.data[0]) as image:
        assert image.format == form.upper()
        assert image.size == (30, 30)
        assert len(image.getexif()) == 0
        assert not {"comment", "exif", "icc_profile", "parameters"} & set(image.info)


def test_without_a_size_the_difference_of_sizes_stays(
    leaking: Labelled, tmp_path: Path
) -> None:
    paths, y = leaking
    copies = equalize_images(paths, y, tmp_path / "out")
    report = audit_images(copies.data, copies.target)
    assert report.verdict == "leaking"
    of_sizes = {"dimensions", "width", "aspect", "blocks"}
    assert {n for f in report.findings for n in f.fields} <= of_sizes


def test_the_crop_is_the_middle_and_not_resampled(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    (tmp_path / "in").mkdir()
    paths = [tmp_path / "in" / "a.png", tmp_path / "in" / "b.png"]
    for path in paths:
        Image.fromarray(pixels).save(path)
    copies = equalize_images(
        paths, [0, 1], tmp_path / "out", format="png", size=(10, 20), resize="crop"
    )
    assert np.array_equal(read_image(copies.data[0]), pixels[5:15, 5:25])


def test_the_result_and_the_mapping_lead_back_to_the_originals(
    leaking: Labelled, tmp_path: Path
) -> None:
    paths, y = leaking
    labels = ["fake" if label else "real" for label in y]
    groups = [f"g{i % 3}" for i in range(40)]
    copies = equalize_images(paths, labels, tmp_path / "out", groups=groups)
    assert copies.target_names == ["real", "fake"]
    assert copies.target.tolist() == y
    assert copies.groups.tolist() == groups
    assert copies.originals.tolist() == [str(p) for p in paths]
    assert all(
        Path(c).parent.name == label for c, label in zip(copies.data, labels, strict=True)
    )
    rows = read_csv(tmp_path / "out" / "mapping.csv")
    assert [row["original"] for row in rows] == [str(p) for p in paths]
    assert [str(tmp_path / "out" / row["copy"]) for row in rows] == copies.data.tolist()
    assert "Traces of earlier compression" in copies.DESCR


def test_equal_and_long_names_do_not_collide(tmp_path: Path) -> None:
    long = [f"in/{letter * 80}.png" for letter in ("a", "\N{HIRAGANA LETTER A}")]
    paths = plain_images(tmp_path, "a/x.png", "b/x.png", "c/x.png", *long)
    copies = equalize_images(paths, [0, 0, 1, 0, 1], tmp_path / "out")
    assert len(set(copies.data)) == 5
    assert all(Path(c).is_file() for c in copies.data)
    names = [path.name[:40] for path in paths[3:]]
    assert [Path(copy).name[:40] for copy in copies.data[3:]] == names


def test_a_second_call_goes_on_where_the_first_one_ended(
    leaking: Labelled, tmp_path: Path
) -> None:
    paths, y = leaking
    out = tmp_path / "out"
    first = equalize_images(paths, y, out)
    removed, kept = Path(first.data[0]), Path(first.data[1])
    removed.unlink()
    emptied = Path(first.data[3])
    whole = emptied.read_bytes()
    emptied.write_bytes(b"")  # as a power cut can leave it
    stamp = kept.stat().st_mtime_ns
    Image.new("RGB", (40, 40), "blue").save(paths[2])
    second = equalize_images(paths, y, out)
    assert removed.is_file()
    assert emptied.read_bytes() == whole
    assert kept.stat().st_mtime_ns == stamp
    assert second.data[2] != first.data[2]
    assert not list(out.rglob(".*.part"))
    with pytest.raises(ValueError, match=r"same settings.*Choose another folder"):
        equalize_images(paths, y, out, quality=90)


@pytest.mark.slow
def test_relative_paths_are_those_of_the_folder_in_which_the_call_stands(
    tmp_path: Path, monkeypatch: Patch
) -> None:
    # joblib's processes live on after a call, in the folder in which they were started.
    paths = [Path("in", f"{i:03}.png") for i in range(260)]
    y = [i % 2 for i in range(260)]
    for side in (8, 16):
        monkeypatch.chdir(tmp_path)
        Path(str(side), "in").mkdir(parents=True)
        monkeypatch.chdir(str(side))
        for path in paths:
            Image.new("RGB", (side, side)).save(path)
        copies = equalize_images(paths, y, "out", n_jobs=2)
        assert all(Image.open(copy).size == (side, side) for copy in copies.data)
        assert audit_images(paths, y, n_jobs=2).shortest_side == side


@pytest.mark.parametrize("place", ["in", "in/fake", "in/fake/new", "."])
def test_out_among_the_inputs_is_refused(
    leaking: Labelled, tmp_path: Path, place: str
) -> None:
    paths, y = leaking
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ValueError, match="out must not lie among the inputs"):
        equalize_images(paths, y, tmp_path / place)
    assert sorted(tmp_path.rglob("*")) == before


def test_out_beside_the_groups_of_a_class_is_refused(tmp_path: Path) -> None:
    paths = plain_images(tmp_path, "real/x.png", "fake/gan/x.png")
    with pytest.raises(ValueError, match="out must not lie among the inputs"):
        equalize_images(paths, [0, 1], tmp_path / "fake" / "equal")


def test_a_folder_with_something_else_is_refused(leaking: Labelled, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    for name in (".DS_Store", ".0123456789abcdef.json.part"):  # the latter of a killed call
        (out / name).write_bytes(b"x")
    assert len(equalize_images(*leaking, out).data) == 40  # they are hidden
    for text in ("", "{", "\x00", "[" * 100_000):
        (out / "equalize.json").write_text(text)
        with pytest.raises(ValueError, match=r"equalize.json', which tells .* is damaged"):
            equalize_images(*leaking, out)
    (out / "equalize.json").unlink()
    with pytest.raises(ValueError, match="holds something else"):
        equalize_images(*leaking, out)


def test_bad_images_are_all_listed_or_skipped(leaking: Labelled, tmp_path: Path) -> None:
    paths, y = leaking
    paths[1].write_bytes(b"")
    Image.new("RGB", (8, 8)).save(paths[25])
    with pytest.raises(ImageReadError, match="2 images cannot be copied") as caught:
        equalize_images(paths, y, tmp_path / "out", size=(30, 30))
    assert [f.index for f in caught.value.failures] == [1, 25]
    copies = equalize_images(paths, y, tmp_path / "out", size=(30, 30), on_error="skip")
    assert len(copies.data) == len(copies.target) == 38
    assert [f.reason for f in copies.failures] == ["empty", "too small"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"format": "gif"}, "format must be one of"),
        ({"quality": 0}, "quality must be an int from 1 to 100, got 0"),
        ({"size": (0, 8)}, "size must be None, an int or"),
        ({"size": 0}, "size must be None, an int or"),
        ({"size": True}, "size must be None, an int or"),
        ({"quality": 90.5}, "quality must be an int from 1 to 100, got 90.5"),
        ({"resize": "zoom"}, 'resize must be "shrink", "crop" or "stretch"'),
        ({"on_error": "nan"}, 'on_error must be "raise" or "skip"'),
    ],
)
def test_settings_out_of_range(
    leaking: Labelled,
    tmp_path: Path,
    settings: dict[str, object],
    message: str,
) -> None:
    with pytest.raises(ValueError, match=message):
        equalize_images(*leaking, tmp_path / "out", **settings)  # type: ignore[arg-type]
    assert not (tmp_path / "out").exists()


def test_numbers_of_numpy_and_names_that_are_no_text(
    leaking: Labelled, tmp_path: Path
) -> None:
    names = ["real", "fa\udfffke"]
    out, size = tmp_path / "out", np.int64(30)
    copies = equalize_images(
        *leaking, out, quality=np.int64(90), size=(size, size), target_names=names
    )
    again = equalize_images(*leaking, out, quality=90, size=(30, 30), target_names=names)
    assert copies.data.tolist() == again.data.tolist()
    assert (out / "mapping.csv").read_text(encoding="utf-8").count("\\udfff") == 20


def test_folders_place_the_copies(leaking: Labelled, tmp_path: Path) -> None:
    paths, y = leaking
    folders = [f"{'train' if i % 2 else 'test'}/{label}" for i, label in enumerate(y)]
    copies = equalize_images(paths, y, tmp_path / "out", folders=folders)
    for copy, folder in zip(copies.data, folders, strict=True):
        assert Path(copy).parent == tmp_path / "out" / folder


@pytest.mark.parametrize(
    ("folders", "message"),
    [
        (["a"] * 40, "Every class needs a folder of its own, but 'real' and 'fake' share"),
        (["Up"] * 20 + ["up"] * 20, "share 'up'"),
        (["caf\u00e9"] * 20 + ["cafe\u0301"] * 20, "share 'cafe\u0301'"),
        (["a"] * 20 + ["a/b"] * 20, r"'a/b' \('fake'\) lies in 'a' \('real'\)"),
        (["a/b/c"] * 20 + ["."] * 20, r"'a/b/c' \('real'\) lies in '.' \('fake'\)"),
        (["../x"] * 40, r"folders must lead down from out, got '../x' at index 0"),
        (["real"] * 20 + ["/x"] * 20, "got '/x' at index 20"),
        (["a"], "folders must hold one value for each of the 40 images"),
    ],
)
def test_folders_that_make_no_sense(
    leaking: Labelled, tmp_path: Path, folders: list[str], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        equalize_images(*leaking, tmp_path / "out", folders=folders)
    assert not (tmp_path / "out").exists()


def scene(rng: np.random.Generator, width: int, height: int) -> Image.Image:
    """Return a picture whose brightness rises from left to right, with some texture."""
    coarse = rng.integers(0, 60, (8, 8, 3), dtype=np.uint8)
    texture = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
    ramp = np.linspace(0, 190, width)[None, :, None]
    return Image.fromarray((np.asarray(texture) * 0.9 + ramp).astype(np.uint8))


@pytest.fixture
def large_and_small(tmp_path: Path) -> Labelled:
    """Pictures of one kind: the first half with 300 pixels a side, the others with 44."""
    rng = np.random.default_rng(0)
    (tmp_path / "in").mkdir()
    paths = [tmp_path / "in" / f"{i:02}.png" for i in range(40)]
    for i, path in enumerate(paths):
        side = 300 if i < 20 else 44
        scene(rng, side, side).save(path)
    return paths, [0] * 20 + [1] * 20


def slopes(paths: Sequence[str]) -> NDArray[np.float64]:
    """Return how much brighter each picture is at the right: how much of a scene it shows."""
    pixels = np.stack([read_image(path) for path in paths]).astype(float)
    return np.asarray(pixels[:, :, -4:].mean((1, 2, 3)) - pixels[:, :, :4].mean((1, 2, 3)))


def test_shrinking_shows_the_same_of_large_and_small_pictures(
    large_and_small: Labelled, tmp_path: Path
) -> None:
    paths, y = large_and_small
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        copies = equalize_images(paths, y, tmp_path / "out", size=(32, 32))
    assert copies.kept.tolist() == [1] * 40
    shown = slopes(copies.data)
    assert abs(shown[:20].mean() - shown[20:].mean()) < 5
    report = audit_images(copies.data, copies.target)
    assert report.verdict == "clean"


def test_cutting_pictures_of_two_sizes_is_warned_of_and_audited(
    large_and_small: Labelled, tmp_path: Path
) -> None:
    paths, y = large_and_small
    with pytest.warns(UserWarning, match=r"1\.14% for real, 52\.9% for fake"):
        copies = equalize_images(paths, y, tmp_path / "out", size=(32, 32), resize="crop")
    assert (
        "Caution: The classes differ in the part of a picture that is kept" in copies.DESCR
    )
    shown = slopes(copies.data)
    assert shown[20:].mean() - shown[:20].mean() > 50
    report = audit_images(copies.data, copies.target)
    assert report.verdict == "leaking"
    assert report.findings[0].fields == ("kept",)
    assert "--resize shrink" in report.findings[0].remedy
    assert "Share of the picture that was kept" in report.to_html()


def test_enlarging_one_class_is_warned_of_and_audited(
    large_and_small: Labelled, tmp_path: Path
) -> None:
    paths, y = large_and_small
    with pytest.warns(UserWarning, match="how sharp the pictures are"):
        copies = equalize_images(
            paths, y, tmp_path / "out", size=(64, 64), resize="stretch"
        )
    report = audit_images(copies.data, copies.target)
    assert [f.fields for f in report.findings if f.severity == "leaking"] == [("scale",)]


def test_too_few_pixels_to_shrink_are_an_error(tmp_path: Path) -> None:
    paths = [*plain_images(tmp_path, "in/a.png", size=(42, 90))]
    paths += plain_images(tmp_path, "in/b.png", size=(43, 90))
    with pytest.raises(ImageReadError, match="too few to shrink it by a quarter") as caught:
        equalize_images(paths, [0, 1], tmp_path / "out", size=(32, 32))
    assert [f.index for f in caught.value.failures] == [0]


def test_a_call_that_goes_on_knows_what_was_kept(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    paths = [tmp_path / "in" / f"{i}.jpg" for i in range(2)]
    turned = Image.Exif()
    turned[0x0112] = 6
    for path in paths:
        Image.new("RGB", (90, 60), "teal").save(path, exif=turned)
    first, second = (
        equalize_images(paths, [0, 1], tmp_path / "out", size=(40, 20)).kept.tolist()
        for _ in range(2)
    )
    assert first == second == [pytest.approx(3 / 4)] * 2


@pytest.mark.parametrize(
    "record",
    [
        b"copy,kept,scale\nreal,1e999,nan\n",
        *(
            pytest.param(x, marks=pytest.mark.slow)
            for x in (b"", b"copy,label\nx,y\n", b"\xff" * 99)
        ),
    ],
)
def test_a_record_that_is_none_is_passed_over(
    large_and_small: Labelled, tmp_path: Path, record: bytes
) -> None:
    paths, y = large_and_small
    (tmp_path / "in" / "equalize.json").write_bytes(record)
    (tmp_path / "in" / "mapping.csv").write_bytes(record)
    report = audit_images(paths, y)
    assert not any({"kept", "scale"} & set(f.fields) for f in report.findings)
