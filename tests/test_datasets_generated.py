"""make_fake_real_images: labels, groups, determinism, and files that are not ours."""

import csv
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.ensemble import ExtraTreesClassifier

from skfakereal.datasets import load_image_folder, make_fake_real_images
from skfakereal.datasets._pictures import load_photographs


def contents(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }


def read_record(root: Path) -> list[dict[str, str]]:
    with (root / "origin.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.mark.parametrize("n_images", [4, 5, 40, 1040])
def test_both_classes_in_both_splits(tmp_path: Path, n_images: int) -> None:
    images = make_fake_real_images(tmp_path / "new" / "set", n_images)
    assert len(images.data) == n_images
    assert images.target.sum() == n_images // 2
    assert images.target_names == ["real", "fake"]
    for split in ["train", "test"]:
        assert set(images.target[images.split == split]) == {0, 1}
    train, test = (set(images.groups[images.split == split]) for split in ["train", "test"])
    assert not train & test


def test_it_is_what_load_image_folder_gives(tmp_path: Path) -> None:
    images = make_fake_real_images(tmp_path, 600)
    again = load_image_folder(tmp_path)
    for key in ["data", "target", "groups", "split"]:
        np.testing.assert_array_equal(images[key], again[key])
    assert "toy" in images.DESCR
    assert (images.split == "test").sum() == 150  # a quarter


def place_of(line: dict[str, str]) -> tuple[int, int, int]:
    return int(line["left"]), int(line["top"]), json.loads(line["settings"])["side"]


def test_a_picture_its_copy_and_the_donor_share_a_group(tmp_path: Path) -> None:
    images = make_fake_real_images(tmp_path, 120)
    groups = {
        Path(path).stem: group
        for path, group in zip(images.data, images.groups, strict=True)
    }
    copies = [name for name in groups if name.count("-") == 3]
    assert len(copies) == 60
    for name in copies:
        assert groups[name] == groups[name.rpartition("-")[0]]
    spliced = [line for line in read_record(tmp_path) if line["manipulation"] == "spliced"]
    assert len(spliced) == 20
    photographs = load_photographs()
    for line in read_record(tmp_path):
        height = photographs[line["photograph"]].height // 4
        band = int(Path(line["file"]).parts[2].rpartition("-")[2])
        places = [place_of(line)]
        if line["manipulation"] == "spliced":
            places.append(json.loads(line["settings"])["donor"])
        for _, top, side in places:
            assert band * height <= top
            assert top + side <= (band + 1) * height


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_test_part_is_a_photograph_of_its_own(tmp_path: Path, seed: int) -> None:
    make_fake_real_images(tmp_path, 100, random_state=seed)
    photographs: dict[str, set[str]] = {"train": set(), "test": set()}
    for line in read_record(tmp_path):
        photographs[line["file"].partition("/")[0]].add(line["photograph"])
    assert len(photographs["test"]) == 1
    assert photographs["train"] == {"china", "flower", "grace_hopper"} - photographs["test"]


def test_real_pictures_show_the_photographs(tmp_path: Path) -> None:
    make_fake_real_images(tmp_path, 60, image_size=64)
    photographs = load_photographs()
    zooms, noises = [], []
    for line in read_record(tmp_path):
        if line["manipulation"] != "none":
            continue
        left, top, side = place_of(line)
        box = (left, top, left + side, top + side)
        seen = photographs[line["photograph"]].resize(
            (64, 64), Image.Resampling.LANCZOS, box
        )
        light = np.asarray(seen, float) * json.loads(line["settings"])["gains"]
        expected = 24 + np.clip(light, 0, 255) * (231 - 24) / 255
        with Image.open(tmp_path / line["file"]) as image:
            noises.append(np.asarray(image, float) - expected)
        zooms.append(side / 64)
    assert min(zooms) < 0.75
    assert max(zooms) > 1.3
    assert np.std(noises) == pytest.approx(8, rel=0.02)
    assert np.abs(np.mean(noises)) < 0.1


def test_every_copy_differs_from_its_picture(tmp_path: Path) -> None:
    images = make_fake_real_images(tmp_path, 240)
    pixels = {
        Path(path).stem: np.asarray(Image.open(path)).astype(int) for path in images.data
    }
    kinds = set()
    for name, copy in pixels.items():
        if name.count("-") == 3:
            original, _, kind = name.rpartition("-")
            assert np.abs(copy - pixels[original]).mean() > 1, name
            kinds.add(kind)
    assert kinds == {"resampled", "spliced", "regenerated"}


def test_nothing_but_pixels_tells_the_classes_apart(tmp_path: Path) -> None:
    images = make_fake_real_images(tmp_path, 60)
    facts = set()
    for path in images.data:
        with Image.open(path) as image:
            facts.add((image.format, image.size, image.mode, str(image.info)))
        facts.add(Path(path).stat().st_size)
    assert len(facts) == 2  # one description, one length in bytes


def test_deterministic_to_the_byte_and_the_record_names_every_file(tmp_path: Path) -> None:
    for name, seed in [("a", 0), ("b", 0), ("c", 1)]:
        make_fake_real_images(tmp_path / name, 30, random_state=seed)
    first, again, other = (contents(tmp_path / name) for name in "abc")
    assert first == again
    assert first != other
    del first["origin.csv"]
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in first.items()}
    record = read_record(tmp_path / "a")
    assert {line["file"]: line["sha256"] for line in record} == digests


def test_an_earlier_set_is_replaced_unless_an_image_was_changed(tmp_path: Path) -> None:
    make_fake_real_images(tmp_path, 100, random_state=1)
    (tmp_path / ".DS_Store").write_text("the system's")
    images = make_fake_real_images(tmp_path, 20)
    assert len(images.data) == 20
    assert len(contents(tmp_path)) == 20 + 2
    assert all(any(folder.iterdir()) for folder in tmp_path.rglob("*") if folder.is_dir())
    Path(images.data[0]).write_bytes(b"mine")
    with pytest.raises(FileExistsError, match="was changed"):
        make_fake_real_images(tmp_path, 20)
    assert Path(images.data[0]).read_bytes() == b"mine"


@pytest.mark.parametrize("place", ["notes.txt", "train/real/mine.png", "origin.csv"])
@pytest.mark.parametrize("earlier", [True, False])
def test_no_file_of_the_user_is_touched(tmp_path: Path, place: str, earlier: bool) -> None:
    if earlier:
        make_fake_real_images(tmp_path, 20)
    path = tmp_path / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("mine")
    before = contents(tmp_path)
    with pytest.raises(FileExistsError, match="choose another root"):
        make_fake_real_images(tmp_path, 20, random_state=1)
    assert contents(tmp_path) == before


def test_a_record_cannot_point_outside(tmp_path: Path) -> None:
    root = tmp_path / "set"
    make_fake_real_images(root, 4)
    (tmp_path / "mine.txt").write_text("mine")
    digest = hashlib.sha256(b"mine").hexdigest()
    with (root / "origin.csv").open("a") as record:
        record.write(f"../mine.txt,{digest},china,0,0,none,{{}}\n")
    make_fake_real_images(root, 4)
    assert (tmp_path / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("n_images", "image_size", "message"),
    [
        (3, 32, "n_images must be an int of at least 4, got 3"),
        (10.0, 32, r"n_images must be an int of at least 4, got 10\.0"),
        (20, 8, "image_size must be an int of at least 16"),
        (20, 213, "image_size must be at most 212"),
    ],
)
def test_out_of_range(tmp_path: Path, n_images: int, image_size: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_fake_real_images(tmp_path, n_images, image_size=image_size)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("image_size", [16, 212])
def test_extreme_sizes(tmp_path: Path, image_size: int) -> None:
    images = make_fake_real_images(tmp_path, 12, image_size=image_size)
    assert {Image.open(path).size for path in images.data} == {(image_size, image_size)}


def residue_statistics(path: str) -> list[float]:
    grey = np.asarray(Image.open(path).convert("L"), float)
    steps = [np.diff(grey, n, axis) for n in (1, 2, 3) for axis in (0, 1)]
    return [np.log(np.abs(step).mean() + 0.1) for step in steps] + [
        np.log(step.std() + 0.1) for step in (*steps, grey)
    ]


def test_what_is_learned_holds_for_another_photograph(tmp_path: Path) -> None:
    """As the documentation says, a dozen high-pass statistics are enough for it."""
    images = make_fake_real_images(tmp_path)
    X = np.array([residue_statistics(path) for path in images.data])
    train = images.split == "train"
    model = ExtraTreesClassifier(100, min_samples_leaf=3, random_state=0)
    model.fit(X[train], images.target[train])
    assert model.score(X[~train], images.target[~train]) > 0.9
