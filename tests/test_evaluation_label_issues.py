"""Which labels are probably wrong, by out-of-fold probabilities."""

import numpy as np
import pytest
from cleanlab.filter import find_label_issues as by_cleanlab
from numpy.typing import NDArray

from skfakereal.evaluation import find_label_issues


def mislabelled(
    seed: int, n_classes: int, *, share: float = 0.1
) -> tuple[NDArray[np.int_], NDArray[np.float64], NDArray[np.bool_]]:
    """Return given labels, probabilities that know the true ones, and which are wrong."""
    rng = np.random.default_rng(seed)
    true = rng.permutation(np.arange(300) % n_classes)
    logits = rng.normal(0, 1, (300, n_classes))
    logits[np.arange(300), true] += 3
    powers = np.exp(logits)
    wrong = rng.random(300) < share
    given = np.where(wrong, (true + rng.integers(1, n_classes, 300)) % n_classes, true)
    return given, powers / powers.sum(axis=1, keepdims=True), wrong


@pytest.mark.parametrize("seed", range(20))
def test_two_classes_give_what_cleanlab_gives(seed: int) -> None:
    y, p, _ = mislabelled(seed, 2, share=0.02 * seed)
    expected = by_cleanlab(y, p, return_indices_ranked_by="self_confidence")
    np.testing.assert_array_equal(find_label_issues(y, p), expected)


@pytest.mark.parametrize("n_classes", [3, pytest.param(5, marks=pytest.mark.slow)])
def test_of_more_classes_only_ties_in_rounding_differ(n_classes: int) -> None:
    for seed in range(10):
        y, p, _ = mislabelled(seed, n_classes)
        ours = set(find_label_issues(y, p).tolist())
        theirs = set(by_cleanlab(y, p, return_indices_ranked_by="self_confidence").tolist())
        assert len(ours ^ theirs) <= 2


def test_most_wrong_labels_are_among_them_and_few_others() -> None:
    y, p, wrong = mislabelled(0, 2)
    found = find_label_issues(y, p)
    assert wrong[found].mean() > 0.6
    assert wrong[found].sum() > 0.7 * wrong.sum()
    assert np.all(np.diff(p[found, y[found]]) >= 0)


def test_names_are_labels_and_rows_of_nan_are_left_out() -> None:
    y, p, _ = mislabelled(1, 2)
    names = np.array(["fake", "real"])[y]
    found = find_label_issues(y, p)
    for labels in (names, names[:, np.newaxis], y.astype("int8")):
        np.testing.assert_array_equal(find_label_issues(labels, p), found)
    p[found[0]] = np.nan
    assert found[0] not in find_label_issues(names, p)


def test_a_class_without_an_image_needs_its_column_named() -> None:
    y, p, _ = mislabelled(2, 3)
    few = y != 2
    with pytest.raises(ValueError, match="labels="):
        find_label_issues(y[few], p[few])
    assert set(find_label_issues(y[few], p[few], labels=[0, 1, 2])) <= set(range(300))


@pytest.mark.parametrize(
    ("y", "p", "said"),
    [
        ([0, 1], [[1, 0], [0, 2]], "from 0 to 1"),
        ([0, 1], [0.5, 0.5], "shape is"),
        ([0, 0], [[1.0], [1.0]], "at least two"),
    ],
)
def test_what_is_no_probability_is_refused(y: object, p: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        find_label_issues(y, p)


def test_clean_labels_and_no_images_give_none() -> None:
    y = np.array([0, 1] * 20)
    p = np.where(y[:, np.newaxis] == [0, 1], 0.9, 0.1)
    assert find_label_issues(y, p).tolist() == []
    assert find_label_issues([], np.empty((0, 2)), labels=[0, 1]).tolist() == []
