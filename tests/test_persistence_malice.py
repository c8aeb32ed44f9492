"""Files that are whole and were made to do harm: refused, and nothing of theirs runs."""

import json
import os
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Fit, Patch
from skfr_files import X, Y, assert_refused, describing
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skfakereal
from skfakereal._trunk import Trunk
from skfakereal._weights import load_trunk
from skfakereal.persistence._container import pack, read_container
from skfakereal.persistence._nodes import decode_objects

# A description that lies.

SCALER = "sklearn.preprocessing.StandardScaler"


def state(**values: Any) -> list[Any]:
    return [{"class": SCALER, "params": {}, "state": values}]


@pytest.mark.parametrize(
    "name",
    [
        "os.system",
        "builtins.eval",
        "builtins.object",
        "this.d",
        "sklearn.utils._joblib.Memory",
        "sklearn.preprocessing.FunctionTransformer",
        "sklearn.preprocessing._data.StandardScaler",
        "sklearn.preprocessing.StandardScaler.fit",
        "StandardScaler",
        "skfakereal.persistence._classes.resolve",
        "",
        None,
        ["os.system"],
        {"function": "os.system"},
    ],
    ids=str,
)
def test_other_classes_are_refused_and_not_imported(name: Any, tmp_path: Path) -> None:
    assert_refused(
        describing([{"class": name}]), tmp_path / "m.skfr", "not allowed in a file"
    )
    if isinstance(name, str):
        value = {"function": name}
        assert_refused(describing(state(mean_=value)), tmp_path / "m.skfr", "function")
    assert "this" not in sys.modules


@pytest.mark.parametrize(
    ("objects", "says"),
    [
        ([], "no object"),
        ({}, "no object"),
        ([1], "other keys"),
        ([{"class": SCALER, "init": {}}], "other keys"),
        ([{"class": SCALER, "state": []}], "must be objects"),
        (state(predict=1), "no attribute 'predict'"),
        (state(__class__=1), "no attribute"),
        (state(__dict__={"dict": []}), "no attribute"),
        (state(mean_={"object": 0}), "no earlier object"),
        (state(mean_={"object": -1}), "no earlier object"),
        (state(mean_={"object": True}), "no earlier object"),
        (state(mean_={"array": "0.coef_"}), "there is no array"),
        (state(mean_={"array": ["x"]}), "there is no array"),
        (state(mean_={"pickle": "gASVAAA"}), "not a kind of value"),
        (state(mean_={}), "not a kind of value"),
        (state(mean_={"tuple": [], "dict": []}), "not a kind of value"),
        (state(mean_={"tuple": 1}), "parts"),
        (state(mean_={"float": "1"}), "no float"),
        (state(mean_={"dict": [[1]]}), "parts"),
        (state(mean_={"dict": [[1, 2], [1, 3]]}), "key twice"),
        (state(mean_={"dict": [[[1], 2]]}), "neither a text nor a number"),
        (state(mean_={"dict": [[{"tuple": [[1]]}, 2]]}), "neither a text nor a number"),
        (state(mean_={"scalar": ["object_", 1]}), "not a scalar type"),
        (state(mean_={"scalar": ["int8", 1000]}), "out of bounds"),
        (state(mean_={"scalar": ["int8", "7"]}), "no int8"),
        (state(mean_={"scalar": ["str_", 7]}), "no str_"),
        (state(mean_={"values": ["object", [1], [[]]]}), "more than texts"),
        (state(mean_={"values": [1, [1], ["ab"]]}), "longer texts"),
        (state(mean_={"values": [10**9, [1], ["ab"]]}), "width"),
        (state(mean_={"values": [2, [2], ["ab"]]}), "does not match its shape"),
        (state(mean_={"values": [2, [-1], ["ab"]]}), "shape"),
        (state(mean_=json.loads("[" * 50 + "]" * 50)), "too deeply"),
        ([{"class": "skfakereal.MaxPool", "params": {"a": 1}}], "no parameters"),
    ],
    ids=str,
)
def test_descriptions_that_lie(objects: Any, says: str, tmp_path: Path) -> None:
    assert_refused(describing(objects), tmp_path / "m.skfr", says)


def test_arrays_that_lie(tmp_path: Path) -> None:
    content = describing(state(), a=np.zeros(3))
    assert_refused(content, tmp_path / "m.skfr", "belongs to nothing")
    truth = np.array([2, 1], np.uint8).view(bool)  # 0 or 1, but for this
    content = describing(state(mean_={"array": "a"}), a=truth)
    assert_refused(content, tmp_path / "m.skfr", "truth values")


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("sklearn.pipeline.Pipeline", {"steps": [], "memory": "pickles/"}),
        ("skfakereal.VGG16ImageClassifier", {"cache": "somewhere"}),
        ("skfakereal.VGG16ImageClassifier", {"weights": "../secret.h5"}),
        ("skfakereal.VGG16ImageClassifier", {"weights": "C:secret.h5"}),
        ("skfakereal.VGG16ImageClassifier", {"weights": "\\\\server\\secret.h5"}),
        ("skfakereal.VGG16ImageClassifier", {"optimizer": "__lambda__"}),
        ("skfakereal.VGG16ImageClassifier", {"n_jobs": 10**9}),
        ("sklearn.linear_model.LogisticRegression", {"n_jobs": -(10**9)}),
    ],
    ids=str,
)
def test_parameters_that_reach_out_are_refused(
    name: str, params: dict[str, Any], tmp_path: Path
) -> None:
    content = describing([{"class": name, "params": params, "state": {}}])
    assert_refused(
        content, tmp_path / "m.skfr", f"{next(reversed(params))} of {name} must be"
    )


def test_unknown_parameters_are_a_matter_of_versions(tmp_path: Path) -> None:
    (tmp_path / "m.skfr").write_bytes(describing([{"class": SCALER, "params": {"new": 1}}]))
    with pytest.raises(ValueError, match=r"StandardScaler.*'new'.*scikit-learn 1\.9\.1"):
        skfakereal.load(tmp_path / "m.skfr")


# Sizes on which compiled code relies.


def altered(model: str, path: Path, change: Callable[[Any], None]) -> None:
    """Alter the state of the last object of a model that is only read, and load it."""
    container = read_container(Path(__file__).parent / f"written_by_0_1/{model}.skfr")
    arrays, description = dict(container.arrays), container.description
    node = decode_objects(description["objects"], arrays)[-1]
    change(node.state)
    for key, value in node.state.items():
        if isinstance(value, np.ndarray) and value.dtype.kind in "fiu":
            arrays[f"x.{key}"] = np.ascontiguousarray(value)
            description["objects"][-1]["state"][key] = {"array": f"x.{key}"}
        elif isinstance(value, int | str | dict):
            encoded = {"dict": list(value.items())} if isinstance(value, dict) else value
            description["objects"][-1]["state"][key] = encoded
    used = json.dumps(description)
    arrays = {name: array for name, array in arrays.items() if json.dumps(name) in used}
    path.write_bytes(b"".join(pack(description, arrays)))
    skfakereal.load(path)


# Changes of arrays and numbers that fit no model of the kind, and what is said of them.
MISFITS: dict[str, tuple[str, list[dict[str, Any]]]] = {
    "SVC": (
        "support vectors do not fit",
        [
            {"_n_support": np.array([10**6, 0, 0], np.int32)},
            {"_n_support": np.array([60, -10, -10], np.int32)},
            {"_n_support": np.array([20, 20], np.int32)},
            {"support_": np.arange(3, dtype=np.int32)},
            {"support_vectors_": np.zeros((2, 3))},
            {"support_vectors_": np.zeros((40, 300))},
            {"_dual_coef_": np.zeros((2, 1))},
            {"_intercept_": np.zeros(1)},
            {"_probA": np.zeros(1)},
            {"n_features_in_": 1000},
            {"_sparse": 1},
        ],
    ),
    "KNeighborsClassifier": (
        "neighbours",
        [
            {"_y": np.full(40, 10**6)},
            {"_y": np.full(40, -1)},
            {"_y": np.zeros(4, np.int64)},
            {"_fit_X": np.zeros((40, 2))},
            {"_fit_X": np.zeros((30, 3))},
            {"n_samples_fit_": 10**6},
            {"effective_metric_": "seuclidean"},
            {"effective_metric_params_": {"V": 1}},
            {"_fit_method": "kd_tree"},
        ],
    ),
    "SGDClassifier": (
        "do not fit the classes",
        [
            {"coef_": np.zeros((3, 2))},
            {"intercept_": np.zeros(1)},
            {"_average_coef": np.zeros((1, 3))},
            {"_expanded_class_weight": np.zeros(1)},
            {"n_features_in_": 50},
        ],
    ),
}


@pytest.mark.parametrize(
    ("kind", "change"),
    [(kind, change) for kind, (_, changes) in MISFITS.items() for change in changes],
    ids=str,
)
def test_sizes_that_fit_no_model(kind: str, change: dict[str, Any], tmp_path: Path) -> None:
    altered(kind, tmp_path / "m.skfr", lambda state: None)
    with pytest.raises(ValueError, match=MISFITS[kind][0]):
        altered(kind, tmp_path / "m.skfr", lambda state: state.update(change))


@pytest.fixture(scope="module")
def fine_tuned(fit: Fit) -> Any:
    return fit(trainable_from="block5", pooling="avg", epochs=1)


def rewrite(path: Path, change: Callable[[list[Any], dict[str, Any]], None]) -> None:
    """Change the objects or the arrays of a file, with a right digest, and load it."""
    container = read_container(path)
    change(container.description["objects"], container.arrays)
    path.write_bytes(b"".join(pack(container.description, container.arrays)))
    skfakereal.load(path)


def of_class(objects: list[Any], name: str) -> Any:
    return next(o for o in objects if o["class"] == f"skfakereal.{name}")["state"]


def array(part: str, value: Any) -> Callable[[Any, Any], None]:
    """Return a change of an array that a layer names."""
    return lambda state, arrays: arrays.update({state[part]["array"]: value})


@pytest.mark.parametrize(
    ("where", "change"),
    [
        ("Dense", array("bias", np.zeros(3, np.float32))),
        ("Dense", array("kernel", np.zeros((4, 8), np.float32))),
        ("Dense", array("kernel", np.zeros((8, 8)))),
        ("Dense", lambda s, a: s.update(activation="tanh")),
        ("Conv", array("bias", np.zeros(3, np.float32))),
        ("Conv", array("kernel", np.zeros((3, 3, 5, 8), np.float32))),
        ("GlobalPool", lambda s, a: s.update(kind="sum")),
        ("Network", lambda s, a: s["layers"]["tuple"].pop()),
        ("Network", lambda s, a: s["layers"]["tuple"].reverse()),
        ("TrunkSettings", lambda s, a: s.update(cut=None)),
        ("TrunkSettings", lambda s, a: s.update(cut="block9")),
        ("TrunkSettings", lambda s, a: s.update(preprocessing="auto")),
        ("TrunkSettings", lambda s, a: s.update(image_size=[1, 1])),
        ("TrunkSettings", lambda s, a: s.update(pooling="flatten;")),
        ("Trunk", lambda s, a: s.update(n_blocks=3)),
        ("Trunk", lambda s, a: s.update(n_blocks=10**9)),
        ("Trunk", lambda s, a: s.update(source="a/path")),
        ("Trunk", lambda s, a: s.update(source="cifake")),
        ("Trunk", lambda s, a: s.update(digest="00")),
        ("Trunk", lambda s, a: s["missing"]["dict"].pop()),
        ("Trunk", lambda s, a: s["arrays"]["dict"].pop()),
        ("VGG16ImageClassifier", lambda s, a: s.update(_trunk=None)),
        ("VGG16ImageClassifier", lambda s, a: s.update(_tail=s["_trunk"])),
        ("VGG16ImageClassifier", lambda s, a: s.update(classes_=[0, 1])),
        ("VGG16ImageClassifier", lambda s, a: s.pop("classes_")),
        ("VGG16ImageClassifier", lambda s, a: s.pop("_settings")),
    ],
)
def test_networks(where: str, change: Any, fine_tuned: Any, tmp_path: Path) -> None:
    skfakereal.save(fine_tuned, tmp_path / "m.skfr")
    rewrite(tmp_path / "m.skfr", lambda objects, arrays: None)
    with pytest.raises(ValueError, match=r"m\.skfr"):
        rewrite(tmp_path / "m.skfr", lambda o, a: change(of_class(o, where), a))


def test_nobody_can_claim_the_digest_of_another_trunk(
    fine_tuned: Any, tmp_path: Path
) -> None:
    """Its activations would stand in the user's store as those of the other trunk."""
    path = tmp_path / "m.skfr"
    skfakereal.save(fine_tuned, path)

    def change(objects: list[Any], arrays: dict[str, Any]) -> None:
        name = next(name for name in arrays if name.endswith("block1_conv1/kernel"))
        arrays[name] = arrays[name] + np.float32(1)

    with pytest.raises(ValueError, match="digest of its trunk"):
        rewrite(path, change)


def test_a_part_of_a_trunk_has_the_digest_of_the_whole() -> None:
    whole = load_trunk("cifake")
    part = whole.before("block4")
    assert part.digest == whole.digest == pickle.loads(pickle.dumps(part)).digest
    changed = {name: array + 1 for name, array in part.arrays.items()}
    others = {
        name: digest
        for name, digest in whole.array_digests.items()
        if name not in part.arrays
    }
    forged = Trunk(changed, "forged", n_blocks=3, array_digests=others)
    assert forged.digest != whole.digest


@pytest.mark.filterwarnings("ignore:Trying to unpickle")
def test_no_crash_on_random_changes_of_a_description(tmp_path: Path) -> None:
    """With a right digest, as somebody who means harm would make it."""
    path = tmp_path / "m.skfr"
    skfakereal.save(make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y), path)
    container, random = read_container(path), np.random.default_rng(3)
    text = json.dumps(container.description)
    tokens = ['"', "[", "]", "{", "}", "null", "-1", "1e9", '"array"', '"object"', ",", ":"]
    loaded = refused = named = 0
    for _ in range(1000):
        at, length = int(random.integers(len(text))), int(random.integers(0, 6))
        changed = text[:at] + str(random.choice(tokens)) + text[at + length :]
        try:
            description = json.loads(changed)
        except ValueError:
            continue
        path.write_bytes(b"".join(pack(description, container.arrays)))
        try:
            skfakereal.load(path)
            loaded += 1  # a text or a number that may be anything
        except ValueError as error:
            named += str(path) in str(error)
            refused += 1
    assert refused == named > 200
    assert loaded < 200


class _Bomb:
    def __reduce__(self) -> Any:
        return os.system, (f"touch {os.environ['SKFAKEREAL_BOMB']}",)


def test_a_renamed_pickle_never_runs(tmp_path: Path, monkeypatch: Patch) -> None:
    trace = tmp_path / "it-ran"
    monkeypatch.setenv("SKFAKEREAL_BOMB", str(trace))
    for protocol in range(6):
        content = pickle.dumps(_Bomb(), protocol=protocol)
        assert_refused(content, tmp_path / "model.skfr", r"not a \.skfr model")
        # Nor as the content of an array, the metadata or a label.
        assert_refused(describing([{"class": content.hex()}]), tmp_path / "model.skfr")
    assert not trace.exists()
    pickle.loads(pickle.dumps(_Bomb()))  # it would have
    assert trace.exists()
