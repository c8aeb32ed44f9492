"""Copies: exact and near, across classes, splits and groups, and never by accident."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance
from sklearn.datasets import load_sample_images
from sklearn.model_selection import GroupKFold

from skfakereal.audit import audit_images, read_facts
from skfakereal.audit._duplicates import connected, exact_pairs, near_pairs


@pytest.fixture(scope="module")
def patches() -> list[Image.Image]:
    """Return 30 different patches of photographs, without the plain sky at the top."""
    return [
        Image.fromarray(photo[top : top + 96, left : left + 96])
        for photo in load_sample_images().images
        for top in range(110, 331, 110)
        for left in range(0, 500, 110)
    ]


def saved(patches: list[Image.Image], folder: Path) -> list[Path]:
    folder.mkdir(exist_ok=True)
    paths = [folder / f"{i:02}.png" for i in range(len(patches))]
    for path, patch in zip(paths, patches, strict=True):
        patch.save(path)
    return paths


def jpeg(patch: Image.Image) -> Image.Image:
    buffer = io.BytesIO()
    patch.save(buffer, "JPEG", quality=60)
    return Image.open(buffer).convert("RGB")


@pytest.mark.parametrize(
    "change",
    [
        jpeg,
        lambda p: p.resize((48, 48)),
        lambda p: p.resize((150, 150)),
        lambda p: ImageEnhance.Brightness(p).enhance(1.05),
    ],
    ids=["jpeg", "half", "larger", "brighter"],
)
def test_changed_copies_are_found_and_nothing_else(
    tmp_path: Path, patches: list[Image.Image], change: object
) -> None:
    originals = saved(patches, tmp_path / "a")
    changed = saved([change(p) for p in patches], tmp_path / "b")  # type: ignore[operator]
    n = len(patches)
    report = audit_images(originals + changed, [0] * n + [1] * n)
    found = report.copies_[:n] == report.copies_[n:]
    assert found.mean() >= 0.9
    # The patches themselves are all different.
    assert len(np.unique(report.copies_)) == 2 * n - found.sum()
    assert report.exact.n_clusters == 0
    assert report.copies.across_classes == found.sum()


@pytest.mark.parametrize("pale", [False, True])
def test_pictures_that_share_a_hash_are_compared_again(pale: bool) -> None:
    random = np.random.default_rng(0)
    # Grey levels of pale ones hardly differ, whatever they show: the shape must be the same.
    ends = (120, 130) if pale else (0, 256)
    thumbnails = random.integers(*ends, (30, 768), dtype=np.uint8)
    thumbnails[7] = thumbnails[3] + 5 if pale else thumbnails[3] // 2 + thumbnails[3] // 2
    assert near_pairs(np.zeros(30, dtype=np.uint64), thumbnails).tolist() == [[3, 7]]


@pytest.mark.parametrize("bits", range(8))
def test_every_pair_of_hashes_that_differs_by_seven_bits_is_a_candidate(bits: int) -> None:
    rng = np.random.default_rng(bits)
    thumbnail = rng.integers(0, 256, 768, dtype=np.uint8)
    for _ in range(50):
        flips = sum(1 << int(b) for b in rng.choice(64, bits, replace=False))
        one = int(rng.integers(0, 1 << 63))
        fingerprints = np.array([one, one ^ flips], dtype=np.uint64)
        assert len(near_pairs(fingerprints, np.stack([thumbnail, thumbnail]))) == 1


@pytest.mark.slow
def test_many_blank_pictures_stay_cheap() -> None:
    thumbnails = np.repeat(np.arange(1500) % 256, 768).reshape(-1, 768).astype(np.uint8)
    pairs = near_pairs(np.zeros(1500, dtype=np.uint64), thumbnails)
    assert len(pairs) <= 1500 * 200
    assert len(np.unique(connected(1500, pairs))) == 1


def test_exact_pairs_and_connected() -> None:
    pairs = exact_pairs([b"a", b"b", b"a", b"c", b"a"])
    assert pairs.tolist() == [[0, 2], [0, 4]]
    numbers = connected(5, pairs, np.array([[1, 3]]))
    assert numbers[0] == numbers[2] == numbers[4] != numbers[1] == numbers[3]


def test_copies_across_splits_classes_and_groups(
    tmp_path: Path, patches: list[Image.Image]
) -> None:
    paths = saved(patches[:30], tmp_path / "a")
    copies = [tmp_path / f"copy{i}.png" for i in range(3)]
    for original, copy in zip(paths, copies, strict=False):
        copy.write_bytes(original.read_bytes())
    jpeg(patches[5]).save(tmp_path / "again.png")
    files = [*paths, *copies, tmp_path / "again.png"]
    y = [0, 1] * 15 + [0, 0, 0] + [1]
    split = ["train"] * 30 + ["test"] * 4
    groups = [f"g{i}" for i in range(30)] + ["new"] * 4
    report = audit_images(files, y, groups=groups, split=split)
    assert report.exact.n_clusters == 3
    assert report.exact.across_classes == 1
    assert report.exact.across_splits == {("test", "train"): 3, ("train", "test"): 3}
    assert report.copies.across_splits[("test", "train")] == 4
    assert report.copies.across_groups == 4
    assert report.verdict == "leaking"
    assert "4 of the 4 images of “test” (100%) have a copy in “train”" in repr(report)
    # One group: the four new ones by what was given, and their originals as copies.
    assert len(set(report.groups_[[0, 1, 2, 5, 30, 31, 32, 33]])) == 1
    assert len(set(report.groups_)) == 27
    assert len(set(report.copies_)) == 30


def test_groups_keep_copies_together_in_a_splitter(
    tmp_path: Path, patches: list[Image.Image]
) -> None:
    paths = saved(patches[:20], tmp_path / "a")
    again = saved([p.resize((150, 150)) for p in patches[:20]], tmp_path / "b")
    report = audit_images(paths + again, [0, 1] * 20)
    for train, test in GroupKFold(4).split(paths + again, groups=report.groups_):
        assert not {i % 20 for i in train} & {i % 20 for i in test}
    assert report.verdict == "suspicious"
    assert "groups_" in report.findings[0].remedy


def test_copies_do_not_straddle_the_headlines_folds(
    tmp_path: Path, patches: list[Image.Image]
) -> None:
    """Every original has its own comment, as its copies: only copies could be learned."""
    files, y = [], []
    for i, patch in enumerate(patches[:12]):
        for k in range(25):
            path = tmp_path / f"{i}_{k}.jpg"
            patch.save(path, quality=90, comment=f"number {i}".encode())
            files.append(path)
            y.append(i % 2)
    report = audit_images(files, y)
    assert report.headline.auc == pytest.approx(0.5, abs=0.1)
    comment = next(s for s in report.shortcuts if s.field.name == "comment")
    assert comment.strength.auc == pytest.approx(0.5, abs=0.1)


def test_flat_pictures_have_no_accidental_copies(tmp_path: Path) -> None:
    paths = []
    for i, colour in enumerate([(255, 0, 0), (0, 255, 0), (0, 0, 255), (128, 128, 128)]):
        paths.append(tmp_path / f"{i}.png")
        Image.new("RGB", (32, 32), colour).save(paths[-1])
    report = audit_images(paths, [0, 0, 1, 1])
    assert report.copies.n_clusters == 0


def test_facts_of_an_unreadable_file_are_its_error(tmp_path: Path) -> None:
    error = read_facts(str(tmp_path / "absent.png")).error
    assert error.reason == "missing"


@pytest.mark.cifake
@pytest.mark.slow
def test_cifakes_copies_across_its_splits_are_found(
    test_data: Path, tmp_path: Path
) -> None:
    """186 of the 10,039 test images at hand are identical to a training image."""
    import tarfile

    for archive in sorted(test_data.glob("*.tar*")):
        with tarfile.open(archive) as tar:
            tar.extractall(tmp_path, filter="data")
    files = sorted(tmp_path.rglob("*.jpg"))
    if not files:
        pytest.skip("the folder of test data holds no archive of images")
    names = [f.relative_to(tmp_path).parts for f in files]
    split = ["test" if "test" in parts else "train" for parts in names]
    y = ["fake" if "FAKE" in parts else "real" for parts in names]
    report = audit_images(files, y, split=split, n_jobs=2)
    assert report.headline.auc <= 0.6
    assert report.exact.across_splits[("test", "train")] == 186
    assert report.exact.across_classes == 0
    assert report.verdict == "suspicious"
    found = {finding.name: finding for finding in report.findings}
    across, copies = found["copies of “train” in “test”"], found["copies"]
    assert "have a copy in “train”: 186 identical to the byte" in across.what
    # 920 beside the first of their kind in the training half, and those of the test half.
    assert copies.what.startswith("Files identical to another one: 1,118.")
