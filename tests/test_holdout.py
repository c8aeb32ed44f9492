"""The validation part: stratified, shuffled, group-wise, and nothing in both parts."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from skfakereal._training.holdout import LabelledPaths, hold_out


def labelled(
    y: Sequence[Any] | NDArray[Any], groups: ArrayLike | None = None
) -> LabelledPaths:
    """Return images with these labels; no file is opened here."""
    return LabelledPaths.check([f"{i}.png" for i in range(len(y))], y, groups=groups)


def draw(
    images: LabelledPaths, fraction: float = 0.1, seed: int = 0
) -> tuple[LabelledPaths, LabelledPaths]:
    return hold_out(images, fraction=fraction, random_state=seed)


def test_the_parts_are_disjoint_complete_and_know_their_positions() -> None:
    images = LabelledPaths.check(
        [f"{i}.png" for i in range(50)],
        ["a", "b"] * 25,
        np.arange(1, 51),
        np.arange(50) // 5,
    )
    train, held = draw(images, 0.3)
    together = np.concatenate([train.positions, held.positions])
    assert sorted(together) == list(range(50))
    for part in (train, held):
        assert part.paths == [f"{i}.png" for i in part.positions]
        assert part.labels.tolist() == [images.labels[i] for i in part.positions]
        assert part.weights.tolist() == (part.positions + 1).tolist()
        assert part.groups.tolist() == (part.positions // 5).tolist()


def test_it_is_stratified_on_sorted_labels() -> None:
    train, held = draw(labelled(np.repeat([0, 1], [80, 20])))
    assert np.bincount(held.labels).tolist() == [8, 2]
    assert np.bincount(train.labels).tolist() == [72, 18]


@pytest.mark.parametrize("groups", [None, np.arange(100) // 2], ids=["images", "groups"])
def test_it_is_shuffled_and_the_seed_decides(groups: NDArray[Any] | None) -> None:
    images = labelled(np.repeat([0, 1], 50), groups)
    first, again, other = (draw(images, seed=seed)[1] for seed in (0, 0, 1))
    assert first.paths == again.paths
    assert set(first.paths) != set(other.paths)
    # Not the first nor the last rows of a class.
    for rows in (first.positions[first.labels == 0], other.positions[other.labels == 0]):
        assert np.ptp(rows) >= len(rows)


@pytest.mark.parametrize(("fraction", "n_held"), [(0.1, 10), (0.25, 25), (0.9, 90)])
def test_the_fraction_is_that_of_the_validation_part(fraction: float, n_held: int) -> None:
    train, held = draw(labelled(["real", "fake"] * 50), fraction)
    assert (len(train.paths), len(held.paths)) == (100 - n_held, n_held)


@pytest.mark.parametrize("counts", [(2, 2), (2, 40), (2, 3, 50), (17, 2, 2, 2)])
@pytest.mark.parametrize("fraction", [0.01, 0.1, 0.5, 0.99])
def test_both_parts_have_every_class_however_few(
    counts: tuple[int, ...], fraction: float
) -> None:
    y = np.repeat(np.arange(len(counts)), counts)
    for seed in range(5):
        for part in draw(labelled(y), fraction, seed):
            assert set(part.labels) == set(y)


@pytest.mark.parametrize("fraction", [0.05, 0.1, 0.3, 0.5, 0.9])
def test_no_group_straddles_the_parts(fraction: float) -> None:
    rng = np.random.default_rng(3)
    groups = np.array([f"photo {g}" for g in rng.integers(0, 25, 120)])
    y = rng.integers(0, 2, 120)
    for seed in range(5):
        train, held = draw(labelled(y, groups), fraction, seed)
        assert not set(train.groups) & set(held.groups)
        assert set(train.labels) == set(held.labels) == {0, 1}
        assert len(train.paths) + len(held.paths) == 120


def test_groups_come_near_to_the_fraction() -> None:
    images = labelled(["real", "fake"] * 100, np.arange(200) // 4)
    _, held = draw(images, 0.1)
    assert 16 <= len(held.paths) <= 24


def test_groups_of_any_kind_and_as_a_column() -> None:
    y = ["real", "fake"] * 6
    mixed = np.array([*"aabbccddee", 1, 1], dtype=object)
    numbers = np.arange(12)
    for groups in (list("aabbccddeeff"), numbers[:, None] // 2, numbers / 2, mixed):
        train, held = draw(labelled(y, groups), 0.5)
        assert len(train.paths) + len(held.paths) == 12


@pytest.mark.parametrize(
    ("y", "groups", "message"),
    [
        (["real"] * 9 + ["fake"], None, r"class 'fake' has a single image; .*X_val"),
        (
            [0] * 6 + [1] * 4,
            [0, 0, 1, 1, 2, 2, 3, 3, 3, 3],
            r"1 lies in a single group.*finer",
        ),
        # Each pair of classes shares a group: whichever is held out, one class stays behind.
        ([0, 0, 1, 1, 2, 2], ["ab", "ca", "ab", "bc", "bc", "ca"], "No group-wise split"),
    ],
)
def test_what_cannot_be_divided(y: list[Any], groups: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        draw(labelled(y, groups))


def test_a_rare_class_in_two_groups_says_nothing(recwarn: pytest.WarningsRecorder) -> None:
    # Nor more folds than a class has images, which StratifiedGroupKFold itself refuses.
    for y, groups in (([0] * 40 + [1] * 3, np.arange(43) // 2), ([0, 1] * 6, range(12))):
        train, held = draw(labelled(y, groups), 0.1)
        assert set(train.labels) == set(held.labels) == {0, 1}
    assert not recwarn.list


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ([0, 1, 2], "inconsistent numbers"),
        ([[0, 1], [1, 0], [0, 0], [1, 1]], "1d array"),
        ([0, 1, np.nan, 2], r"groups\[2\] is nan"),
    ],
)
def test_groups_that_do_not_fit_the_images(groups: list[Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        labelled([0, 1, 0, 1], groups)


def test_an_image_of_weight_zero_is_left_out_with_its_label_and_group() -> None:
    images = LabelledPaths.check(
        ["a", "b", "c", "d"], [0, 1, 2, 1], [1, 2, 0, 3], ["w", "x", "y", "z"]
    )
    assert images.paths == ["a", "b", "d"]
    assert images.labels.tolist() == [0, 1, 1]
    assert images.weights.tolist() == [1, 2, 3]
    assert images.groups.tolist() == ["w", "x", "z"]
    assert images.positions.tolist() == [0, 1, 3]
