"""load_image_folder: layouts, classes, groups, splits, and what is skipped."""

import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from conftest import Patch
from PIL import Image
from sklearn.model_selection import LeaveOneGroupOut, StratifiedGroupKFold

from skfakereal._listing import IMAGE_EXTENSIONS
from skfakereal.datasets import load_image_folder

PARTS, NAMES = ("train", "test"), ("real", "fake")


def make_files(root: Path, *places: str) -> None:
    for place in places:
        path = root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix.lower() in IMAGE_EXTENSIONS:
            Image.new("RGB", (2, 2)).save(path, "PNG")
        else:
            path.write_text("no image")


def places_of(data: np.ndarray, root: Path) -> list[str]:
    return [Path(path).relative_to(root).as_posix() for path in data]


@pytest.mark.parametrize(("real", "fake"), [("real", "fake"), ("REAL", "Fake")])
def test_class_folders_in_upper_or_lower_case(tmp_path: Path, real: str, fake: str) -> None:
    known = {f"{real}/b.png": 0, f"{real}/a.JPG": 0, f"{fake}/c.webp": 1}
    make_files(tmp_path, *known)
    images = load_image_folder(tmp_path)
    places = places_of(images.data, tmp_path)
    assert places == sorted(known)
    assert images.target_names == ["real", "fake"]
    assert dict(zip(places, images.target, strict=True)) == known
    assert images.data.dtype == object
    assert np.issubdtype(images.target.dtype, np.integer)
    assert "split" not in images
    assert str(tmp_path) in images.DESCR


@pytest.mark.parametrize("validation", ["validation", "val", "Valid"])
def test_splits(tmp_path: Path, validation: str) -> None:
    for split, n in [("Train", 3), (validation, 2), ("test", 1)]:
        for i in range(n):
            make_files(tmp_path, f"{split}/real/{i}.png", f"{split}/FAKE/{i}.png")
    images = load_image_folder(tmp_path)
    names, counts = np.unique(images.split, return_counts=True)
    assert dict(zip(names, counts, strict=True)) == {"train": 6, "validation": 4, "test": 2}
    for path, split in zip(images.data, images.split, strict=True):
        folder = Path(path).relative_to(tmp_path).parts[0].lower()
        assert folder == (validation.lower() if split == "validation" else split)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # the other splits are only not asked for
        part = load_image_folder(tmp_path, split="validation")
    assert list(part.data) == list(images.data[images.split == "validation"])
    assert list(part.target) == list(images.target[images.split == "validation"])


def test_only_the_asked_split_must_be_labelled(tmp_path: Path) -> None:
    make_files(tmp_path, "train/real/a.png", "train/fake/b.png", "test/c.png")
    assert len(load_image_folder(tmp_path, split="train").data) == 2
    with pytest.raises(ValueError, match=r"test' must have a folder for each class"):
        load_image_folder(tmp_path)


def test_groups(tmp_path: Path) -> None:
    known = {
        "train/fake/sd14/a.png": "sd14",
        "train/fake/sd14/march/b.png": "sd14",
        "train/fake/c.png": "train/fake/c.png",
        "train/real/camera/d.png": "camera",
        "test/fake/sd14/a.png": "sd14",
        "test/real/d.png": "test/real/d.png",
    }
    make_files(tmp_path, *known)
    images = load_image_folder(tmp_path)
    groups = dict(zip(places_of(images.data, tmp_path), images.groups, strict=True))
    assert groups == known
    assert "Groups: 2 by folder; 2 images" in images.DESCR


def test_one_generator_is_left_out_at_a_time(tmp_path: Path) -> None:
    """The recipe of the docstring, with real images right in their class folder."""
    generators = ["dalle", "midjourney", "sd14"]
    make_files(tmp_path, *(f"real/{i}.png" for i in range(30)))
    make_files(
        tmp_path, *(f"fake/{name}/{i}.png" for name in generators for i in range(10))
    )
    images = load_image_folder(tmp_path)
    folds = StratifiedGroupKFold(n_splits=3).split(
        images.data, images.target, images.groups
    )
    left_out = []
    for train, test in folds:
        assert not set(images.groups[train]) & set(images.groups[test])
        assert set(images.target[train]) == set(images.target[test]) == {0, 1}
        left_out += sorted(set(images.groups[test]) & set(generators))
    assert sorted(left_out) == generators


def test_folders_of_one_name_are_one_group(tmp_path: Path) -> None:
    make_files(tmp_path, "real/paris/a.png", "fake/paris/b.png")
    make_files(tmp_path, "real/rome/a.png", "fake/rome/b.png")
    images = load_image_folder(tmp_path)
    folds = list(LeaveOneGroupOut().split(images.data, images.target, images.groups))
    assert len(folds) == 2
    for train, test in folds:
        assert set(images.target[train]) == set(images.target[test]) == {0, 1}


def test_what_is_no_image_is_skipped_and_counted(tmp_path: Path) -> None:
    make_files(tmp_path, "real/a.png", "real/Thumbs.db", "real/notes.TXT", "real/README")
    make_files(tmp_path, "real/.DS_Store", "real/.hidden/x.png", "real/sub/b.txt")
    make_files(tmp_path, "fake/b.png", "fake/._b.png", "masks/m.png", "list.csv")
    with pytest.warns(UserWarning, match="Left out: 1 file or folder"):
        images = load_image_folder(tmp_path)
    assert places_of(images.data, tmp_path) == ["fake/b.png", "real/a.png"]
    assert images.left_out.endswith("(folder 'masks'), and 7 that are clearly not images.")
    kinds = [".txt 2", "hidden 3", "system file 1", "text 1", "folder 'masks' 1"]
    for reason in kinds:
        assert reason in images.DESCR


def test_pillow_opens_every_extension() -> None:
    openable = {
        name for name, form in Image.registered_extensions().items() if form in Image.OPEN
    }
    # AVIF in most builds only, HEIC and JPEG XL with a plug-in; an MPO is a JPEG.
    others = {".avif", ".heic", ".heif", ".hif", ".jxl", ".mpo"}
    assert openable >= IMAGE_EXTENSIONS - others


def test_only_what_might_be_images_is_warned_of(tmp_path: Path) -> None:
    make_files(tmp_path, "real/a.png", "real/notes.txt", "real/.DS_Store", "fake/b.png")
    make_files(tmp_path, "__MACOSX/real/._a.png", "list.csv")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load_image_folder(tmp_path).left_out == ""


def test_folders_and_images_beside_the_classes_are_named(tmp_path: Path) -> None:
    make_files(tmp_path, "train/real/a.png", "train/fake/b.png", "train/midjourney/c.png")
    make_files(tmp_path, "testing/real/d.png", "testing/fake/e.png", "loose.png")
    with pytest.warns(UserWarning, match="Left out") as caught:
        images = load_image_folder(tmp_path)
    assert len(images.data) == 2
    assert caught[0].filename == __file__
    for named in ("folder 'testing'", "folder 'midjourney'", "'loose.png'"):
        assert named in str(caught[0].message)
        assert named in images.left_out


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")
def test_a_link_brings_in_no_images_of_another_class_or_part(tmp_path: Path) -> None:
    make_files(tmp_path, *(f"{part}/{name}/x.png" for part in PARTS for name in NAMES))
    (tmp_path / "train/real/up").symlink_to(tmp_path)
    images = load_image_folder(tmp_path)
    assert len(images.data) == 4
    (tmp_path / "test/fake/x.png").unlink()
    (tmp_path / "test/fake").rmdir()
    (tmp_path / "test/fake").symlink_to(tmp_path / "train/fake")
    with pytest.raises(ValueError, match=r"none. Skipped there: .*folder linked twice 1"):
        load_image_folder(tmp_path)


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege on Windows")
def test_links_are_followed_once(tmp_path: Path) -> None:
    make_files(tmp_path, "real/a.png", "fake/sd14/b.png", "elsewhere/x.png")
    (tmp_path / "fake/linked.png").symlink_to(tmp_path / "elsewhere/x.png")
    (tmp_path / "fake/broken.png").symlink_to(tmp_path / "missing.png")
    for name in ["a", "b", "latest", "y", "z"]:
        (tmp_path / "fake" / name).symlink_to(tmp_path / "fake/sd14")
    (tmp_path / "fake/sd14/ring").symlink_to(tmp_path / "fake")
    (tmp_path / "fake/other").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "fake/ring.png").symlink_to(tmp_path / "fake/ring.png")
    images = load_image_folder(tmp_path)
    assert places_of(images.data, tmp_path) == [
        "fake/linked.png",
        "fake/other/x.png",
        "fake/sd14/b.png",
        "real/a.png",
    ]
    assert images.groups.tolist()[1:3] == ["other", "sd14"]
    assert "broken link 2, " in images.DESCR
    assert "folder linked twice 6" in images.DESCR


def test_more_than_two_classes(tmp_path: Path) -> None:
    make_files(tmp_path, "real/a.png", "SD14/b.png", "midjourney/c.png", "unused/d.png")
    classes = ("real", "midjourney", "sd14")
    images = load_image_folder(tmp_path, classes=classes)
    assert images.target_names == list(classes)
    labels = dict(zip(places_of(images.data, tmp_path), images.target, strict=True))
    assert labels == {"SD14/b.png": 2, "midjourney/c.png": 1, "real/a.png": 0}


@pytest.mark.parametrize("classes", ["real", ("real",), ("real", "REAL"), ("real", 1)])
def test_classes_must_differ(tmp_path: Path, classes: object) -> None:
    with pytest.raises(ValueError, match="at least two different folder names"):
        load_image_folder(tmp_path, classes=classes)


def test_a_relative_root(tmp_path: Path, monkeypatch: Patch) -> None:
    make_files(tmp_path, "real/a.png", "fake/sd14/b.png")
    monkeypatch.chdir(tmp_path)
    images = load_image_folder(".")
    assert all(Path(path).is_file() for path in images.data)
    assert images.groups.tolist() == ["sd14", "real/a.png"]


@pytest.mark.parametrize(
    ("places", "split", "message"),
    [
        (["real/a.png"], "all", "none is called 'fake'. It has these folders: 'real'"),
        (["photos/real/a.png"], "all", "It has these folders: 'photos'"),
        (["real/a.png", "fake/b.txt"], "all", r"has none\. Skipped there: .*\.txt 1"),
        (["real/a.png", "Real/b.png", "fake/c.png"], "all", "'Real', 'real'. Merge"),
        (["real/a.png", "fake/b.png"], "train", "has no folder for the split 'train'"),
        (["real/a.png", "fake/b.png"], "dev", "split must be"),
        (["real/a.png", "fake/b.png", "test/c.png"], "all", "holds both"),
        (["val/real/a.png", "valid/real/a.png"], "all", "has both 'val' and 'valid'"),
    ],
)
def test_errors_name_what_was_found(
    tmp_path: Path, places: list[str], split: str, message: str
) -> None:
    make_files(tmp_path, *places)
    if len(list(tmp_path.iterdir())) < len({place.split("/")[0] for place in places}):
        pytest.skip("this file system takes upper and lower case for the same")
    with pytest.raises(ValueError, match=message):
        load_image_folder(tmp_path, split=split)


def test_root_must_be_a_folder(tmp_path: Path) -> None:
    make_files(tmp_path, "a.png")
    with pytest.raises(NotADirectoryError, match=r"a\.png"):
        load_image_folder(tmp_path / "a.png")
    with pytest.raises(FileNotFoundError, match="missing"):
        load_image_folder(tmp_path / "missing")
