from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score

from skfakereal import VGG16FeatureExtractor, VGG16ImageClassifier
from skfakereal._paths import check_paths
from skfakereal._validation import check_labels, check_side, check_weights
from skfakereal.audit import audit_images, equalize_images
from skfakereal.evaluation import (
    EvaluationReport,
    find_label_issues,
    leave_one_generator_out,
)
from skfakereal.scoring import score_paths

PATHS = ["a.jpg", "b/c.png"]


@pytest.mark.parametrize(
    "X",
    [
        PATHS,
        tuple(PATHS),
        [Path(p) for p in PATHS],
        ["a.jpg", Path("b/c.png")],
        [np.str_(p) for p in PATHS],
        np.array(PATHS),
        np.array([Path(p) for p in PATHS], dtype=object),
        pd.Series(PATHS, index=[7, 3]),
        pd.Series(PATHS, dtype="string"),
        pd.Index(PATHS),
        pd.DataFrame({"path": PATHS}),
        np.array(PATHS)[:, None],
        [[p] for p in PATHS],
        [(p,) for p in PATHS],
        [np.array([p]) for p in PATHS],
    ],
    ids=lambda X: type(X).__name__,
)
def test_paths_in_every_form_come_out_as_plain_strings(X: Any) -> None:
    paths = check_paths(X)
    assert paths == PATHS
    assert {type(path) for path in paths} == {str}


@pytest.mark.parametrize("path", ["C:/x.jpg", "C://x.jpg", " a.jpg", "a:b.jpg", "a\nb.jpg"])
def test_odd_names_are_paths(path: str) -> None:
    assert check_paths([path]) == [path]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "got None of type NoneType. Leave out the rows"),
        (np.nan, "got nan of type float. Leave out the rows"),
        (pd.NA, "of type NAType. Leave out the rows"),
        (3, "got 3 of type int. Pass paths"),
        (np.float32(0.5), "of type float"),
        (b"b.jpg", "of type bytes. Decode it with os.fsdecode"),
        ({"path": "b.jpg"}, "of type dict. Pass paths"),
        (["b.jpg", "c.jpg"], "of type list. Pass paths"),
        (np.zeros((8, 8, 3)), "of type ndarray. Pass paths"),
        ("", "got the empty path ''"),
        ("  ", "got the empty path '  '"),
        ("https://example.org/b.jpg", "got the URL 'https://example.org/b.jpg'. Download"),
        ("file:///b.jpg", "got the URL"),
        ("data:image/png;base64,AAAA", "got the URL"),
    ],
)
def test_what_is_no_path_is_named_with_its_index(value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=r"^photos\[1\] must be the path") as caught:
        check_paths(["a.jpg", value], name="photos")
    assert message in str(caught.value)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize("value", [None, np.nan, 3])
@pytest.mark.parametrize(
    "wrap",
    [
        lambda value: [["a.jpg"], [value]],
        lambda value: np.array(["a.jpg", value], dtype=object),
        lambda value: pd.Series(["a.jpg", value], dtype=object),
        lambda value: pd.DataFrame({"path": ["a.jpg", value]}, dtype=object),
    ],
    ids=["nested", "array", "series", "frame"],
)
def test_nothing_becomes_a_string_on_the_way(wrap: Any, value: Any) -> None:
    with pytest.raises(ValueError, match=r"^X\[1\] must be the path"):
        check_paths(wrap(value))


COLUMNS = r"of shape \(n_images,\).*got shape \("
NO_ARRAY = r"X must be an array of image paths, got .*list"
ONE_PATH = r"got one path: 'a.jpg'. Put it into a list"
EMPTY = r"0 sample\(s\).*at least one image path"


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (np.array([["a", "b"], ["c", "d"]]), COLUMNS),
        ([["a", "b"], ["c", "d"]], COLUMNS),
        (pd.DataFrame({"path": ["a"], "label": ["b"]}), COLUMNS),
        (np.zeros((2, 4, 4, 3)), COLUMNS),
        (np.empty((0, 3)), COLUMNS),
        (pd.DataFrame(), COLUMNS),
        ([[["a"]], [["b"]]], COLUMNS),
        ((p for p in PATHS), NO_ARRAY),
        (map(str, PATHS), NO_ARRAY),
        ({"a.jpg": 1}, NO_ARRAY),
        ({"a.jpg"}, NO_ARRAY),
        (3, NO_ARRAY),
        (None, NO_ARRAY),
        (np.array("a"), NO_ARRAY),
        ("a.jpg", ONE_PATH),
        (Path("a.jpg"), ONE_PATH),
        (b"a.jpg", ONE_PATH),
        (np.str_("a.jpg"), ONE_PATH),
        (sparse.csr_matrix(np.eye(2)), "got a sparse matrix"),
        (sparse.csr_array(np.eye(2)), "got a sparse matrix"),
        (np.array([1j]), "Complex data not supported"),
        ([], EMPTY),
        ((), EMPTY),
        (np.array([]), EMPTY),
        (np.empty((0, 1)), EMPTY),
        (pd.Series(dtype=str), EMPTY),
        (pd.DataFrame({"p": []}), EMPTY),
    ],
    ids=lambda value: "" if isinstance(value, str) else type(value).__name__,
)
def test_what_is_no_list_of_paths_is_refused(X: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_paths(X)


@pytest.mark.parametrize(
    ("y", "expected"),
    [
        (["real", "fake"], ["real", "fake"]),
        ([0, 1], [0, 1]),
        (np.array([True, False]), [True, False]),
        (pd.Series(["real", "fake"], index=[5, 2]), ["real", "fake"]),
        (pd.Series(["real", "fake"], dtype="category"), ["real", "fake"]),
        (pd.Series([1, 0], dtype="Int64"), [1, 0]),
    ],
)
def test_labels_in_every_form(y: Any, expected: list[Any]) -> None:
    labels = check_labels(y, 2)
    assert labels.shape == (2,)
    assert labels.tolist() == expected


X = [[0.0], [1.0], [0.2], [0.8]]
KINDS: dict[str, Any] = {
    "ints": [0, 1, 0, 1],
    "floats": [0.0, 1.0, 0.0, 1.0],
    "fractions": [0.0, 0.5, 0.0, 0.5],
    "ints as objects": np.array([0, 1, 0, 1], dtype=object),
    "NumPy's ints as objects": np.array([np.int64(0), np.int64(1)] * 2, dtype=object),
    "floats as objects": pd.Series([0.0, 1.0] * 2, dtype=object),
    "bools as objects": np.array([False, True] * 2, dtype=object),
    "large ints": [2**70, 1] * 2,
    "strings as objects": np.array(["a", "b"] * 2, dtype=object),
    "bools": [False, True] * 2,
    "NaN": [0.0, np.nan] * 2,
    "infinite": [0.0, np.inf] * 2,
    "None": ["a", None] * 2,
    "a column": np.array([[0], [1]] * 2),
    "a row": [[0, 1, 0, 1]],
    "multilabel": [[0, 1], [1, 0]] * 2,
    "ragged": [["a"], ["a", "b"]] * 2,
    "three dimensions": np.zeros((4, 1, 1), int),
    "sparse column": sparse.csr_matrix(np.array([[0], [1]] * 2)),
    "sparse row": sparse.csr_array(np.array([[0, 1] * 2])),
    "sparse multilabel": sparse.coo_array(np.array([[0, 1], [1, 0]] * 2)),
    "Categorical": pd.Categorical(["a", "b"] * 2),
    "categories of ints": pd.Series([0, 1] * 2, dtype="category"),
    "categories and NaN": pd.Series(["a", None] * 2, dtype="category"),
    "strings of pandas": pd.Series(["a", "b"] * 2, dtype="string"),
    "strings and NA": pd.Series(["a", None] * 2, dtype="string"),
    "nullable ints": pd.Series([0, 1] * 2, dtype="Int64"),
    "nullable ints and NA": pd.array([0, None] * 2, dtype="Int64"),
    "nullable bools": pd.Series([False, True] * 2, dtype="boolean"),
    "ints of Arrow": pd.Series([0, 1] * 2, dtype="int64[pyarrow]"),
    "a frame": pd.DataFrame({"y": [0, 1] * 2}),
    "two columns": pd.DataFrame({"y": [0, 1] * 2, "z": [0, 1] * 2}),
    "dates": np.array(["2020-01-01", "2020-01-02"] * 2, dtype="M8[D]"),
    "complex": [0j, 1j] * 2,
    "bytes": [b"a", b"b"] * 2,
    "a set": {0, 1},
    "nothing": [],
}


@pytest.mark.parametrize("y", KINDS.values(), ids=KINDS)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning")
def test_labels_are_those_of_scikit_learns_classifiers(y: Any) -> None:
    try:
        expected = LogisticRegression().fit(X, y)
    except (TypeError, ValueError):
        with pytest.raises((TypeError, ValueError)):
            check_labels(y, 4)
        return
    labels = check_labels(y, 4)
    np.testing.assert_array_equal(np.unique(labels), expected.classes_)
    assert np.unique(labels).dtype == expected.classes_.dtype
    # A score gets the labels as they were passed.
    assert accuracy_score(y, labels) == 1


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA])
@pytest.mark.parametrize("beside", ["real", 1])
@pytest.mark.parametrize("wrap", [list, lambda y: pd.Series(y, dtype=object)])
def test_missing_labels_are_named(wrap: Any, beside: Any, missing: Any) -> None:
    with pytest.raises(ValueError, match=r"Every image needs a label, but y_val\[1\] is"):
        check_labels(wrap([beside, missing]), 2, name="y_val")


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "requires y to be passed"),
        (["a", "b", "c"], "inconsistent numbers of samples: 2 image paths, but 3 labels"),
        ([], "inconsistent numbers of samples: 2 image paths, but 0 labels"),
        ([0.5, 1.2], "continuous"),
        ([1.0, np.inf], r"y\[1\] is inf of type float"),
        (np.zeros((2, 2)), r"1d array, got an array of shape \(2, 2\)"),
        ("real", r"1d array, got an array of shape \(\)"),
        (["a", 1], r"all strings or all numbers, but y\[0\] is 'a' and y\[1\] is 1"),
        ([b"a", b"b"], r"y\[0\] is b'a' of type bytes"),
        (np.array([0, 1], dtype=object), r"0 of type int .*numpy.asarray\(y, dtype=int\)"),
        (np.array([True, False], dtype=object), "dtype=bool"),
        (np.array([1.0, 0], dtype=object), "dtype=float"),
        ([2**70, 1], "dtype=str"),
        (sparse.csr_array(np.eye(2)), r"y is sparse. Pass y.toarray\(\).ravel\(\)"),
    ],
)
def test_what_are_no_labels_is_refused(y: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        check_labels(y, 2)


def test_no_weights_are_ones_and_one_is_everybodys() -> None:
    np.testing.assert_array_equal(check_weights(None, 3), [1.0, 1.0, 1.0])
    np.testing.assert_array_equal(check_weights(2, 3), [2.0, 2.0, 2.0])


@pytest.mark.parametrize("weights", [[1, 2], pd.Series([1, 2]), np.array([1.0, 2.0])])
def test_weights_are_a_new_array_of_floats(weights: Any) -> None:
    checked = check_weights(weights, 2)
    assert checked.dtype == np.float64
    checked *= 5
    np.testing.assert_array_equal(weights, [1, 2])


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0, -1.0], r"not negative, but w\[1\] is -1.0"),
        ([1.0, np.nan], r"finite and not negative, but w\[1\] is nan"),
        ([1e300, 1.0], r"must lie between 1e-30 and 1e\+30, but that of w is 1e\+300"),
        ([0.0, 1e-300], "must lie between 1e-30 and"),
        ([1.0, None], r"w\[1\] is nan"),
        ([1.0, np.inf], r"w\[1\] is inf"),
        ([0.0, 0.0], "All weights in w are zero"),
        (0, "All weights in w are zero"),
        (-1, r"w\[0\] is -1.0"),
        ([1.0], "inconsistent numbers of samples: 2 image paths, but 1 weights"),
        ([[1.0], [1.0]], r"Sample weights must be 1D array or scalar.*\(2, 1\)"),
        (["a", "b"], "Weights must be numbers, but w"),
    ],
)
def test_bad_weights_are_refused(weights: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_weights(weights, 2, name="w")


MISSING = [None, np.nan, np.float32("nan"), pd.NA, pd.NaT, np.ma.masked]
MISSING += [np.datetime64("NaT"), Decimal("NaN")]


@pytest.mark.parametrize("value", MISSING, ids=repr)
def test_what_is_missing_is_no_label_and_no_group(value: Any) -> None:
    for values in (["a", "b", value], np.array(["a", "b", value], dtype=object)):
        with pytest.raises(ValueError, match=r"^Every image needs a label, but y\[2\] is"):
            check_labels(values, 3)
        with pytest.raises(ValueError, match=r"needs a value, but part\[2\] is"):
            check_side(values, 3, "part")


def test_a_column_beside_the_paths_is_its_text() -> None:
    for column in (
        ["a", 1, Path("b")],
        np.array(["a", 1, "b"], dtype=object),
        [["a"], [1], ["b"]],
        pd.DataFrame({"group": ["a", 1, "b"]}),
        pd.Series(["a", 1, "b"], index=[5, 6, 7]),
        pd.Series(["a", "1", "b"], dtype="category"),
    ):
        assert check_side(column, 3, "groups").tolist() == ["a", "1", "b"]


@pytest.mark.parametrize("value", [None, np.nan, pd.NA])
def test_no_function_makes_a_group_of_what_is_missing(value: Any) -> None:
    paths, y, side = ["a.png", "b.png"], [0, 1], ["x", value]
    of_generators = DummyClassifier(), paths * 2, [0, 0, 1, 1], ["", "", "a", "b"]
    said = {"y_proba": [[0.5, 0.5]] * 2, "classes": [0, 1]}
    calls: list[tuple[str, Callable[[], object]]] = [
        ("groups", lambda: audit_images(paths, y, groups=side)),
        ("groups", lambda: equalize_images(paths, y, "never-made", groups=side)),
        ("groups", lambda: EvaluationReport(paths, y, **said, groups=side)),
        ("groups", lambda: leave_one_generator_out(*of_generators, groups=side * 2)),
        ("groups", lambda: VGG16ImageClassifier().fit(paths, y, groups=side)),
        ("split", lambda: audit_images(paths, y, split=side)),
        ("folders", lambda: equalize_images(paths, y, "never-made", folders=side)),
        ("generators", lambda: leave_one_generator_out(DummyClassifier(), paths, y, side)),
        ("generators", lambda: EvaluationReport(paths, y, **said, generators=side)),
    ]
    for name, call in calls:
        with pytest.raises(ValueError, match=rf"{name}\[1\] is"):
            call()


def test_what_is_masked_is_missing(tmp_path: Path) -> None:
    """NumPy's own functions would take what lies under the mask."""
    one = {"mask": [False, True]}
    X, y, side = ["a.png", "b.png"], [0, 1], np.ma.array(["x", "x"], **one)
    paths, labels = np.ma.array(X, **one), np.ma.array(y, **one)
    weights, chances = np.ma.array([1.0, 2], **one), [[0.5, 0.5]] * 2
    made_by = np.ma.array(list("abcd"), mask=[0, 0, 0, 1])
    fit = VGG16ImageClassifier().fit
    calls: list[Callable[[], object]] = [
        lambda: fit(paths, y),
        lambda: fit(paths[:, np.newaxis], y),
        lambda: fit([X[0], np.ma.masked], y),
        lambda: fit(X, labels),
        lambda: fit(X, y, sample_weight=weights),
        lambda: fit(X, y, groups=side),
        lambda: VGG16FeatureExtractor(weights=None).fit(X).transform(paths),
        lambda: audit_images(paths, y),
        lambda: audit_images(X, labels),
        lambda: audit_images(X, y, split=side),
        lambda: equalize_images(paths, y, tmp_path / "never-made"),
        lambda: EvaluationReport(paths, y, chances, classes=[0, 1]),
        lambda: leave_one_generator_out(DummyClassifier(), X * 2, y * 2, made_by),
        lambda: find_label_issues(labels, chances),
    ]
    for call in calls:
        with pytest.raises(ValueError, match=r"\[[13]\] (must be|is) .*(None|nan)|missing"):
            call()
    with pytest.raises(TypeError, match=r"paths\[1\] must be .* None"):
        score_paths(DummyClassifier().fit(X, y), paths, tmp_path / "scores.csv")
    nothing = {"mask": [False, False]}
    assert check_paths(np.ma.array(X, **nothing)) == X
    assert check_labels(np.ma.array(y, **nothing), 2).dtype.kind == "i"
    assert type(check_weights(np.ma.array([1, 2], **nothing), 2)) is np.ndarray
