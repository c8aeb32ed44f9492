"""Files of some kilobytes that ask for hours and gigabytes: refused, or loaded, at once.

Each is read in a process of its own by all three readers. What is held against the limits is
the processor's time, not the clock's, and the memory of that process.
"""

import contextlib
import json
import re
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Folders, start_python
from skfr_files import describing, with_digest

import skfakereal
from skfakereal._judging.model import load_model
from skfakereal.persistence import load_with_metadata, read_description
from skfakereal.persistence._container import pack

MEMORY = 300 * 2**20
# Of the processor, for all files together, three times; they take some 15 here.
SECONDS = 200
VERSIONS = {"skfakereal": "0.1.0", "scikit-learn": "1.9.1", "numpy": "2.0.0"}
SCALER = "sklearn.preprocessing.StandardScaler"
UNION = "sklearn.pipeline.FeatureUnion"
LOGISTIC = "sklearn.linear_model.LogisticRegression"
PRIME = 2**61 - 1  # which Python's hash of a number is reckoned modulo

Objects = list[dict[str, Any]]


def ref(index: int) -> dict[str, int]:
    return {"object": index}


def union(*parts: int) -> dict[str, Any]:
    steps = [{"tuple": [f"s{i}", ref(part)]} for i, part in enumerate(parts)]
    return {"class": UNION, "params": {"transformer_list": steps}}


def twice(depth: int, *last: dict[str, Any]) -> Objects:
    """Return objects that each name the one before twice: 2**depth ways to the first."""
    return [{"class": SCALER}, *(union(i, i) for i in range(depth)), *last]


def wide(levels: int, width: int) -> Objects:
    return [{"class": SCALER}, *(union(*[i] * width) for i in range(levels))]


def chain(name: str, depth: int) -> Objects:
    inner = [ours(f"sklearn.{name}", estimator=ref(i)) for i in range(depth)]
    return [{"class": SCALER, "state": {"n_features_in_": 2}}, *inner]


def nested(value: Any, depth: int, kind: str = "tuple") -> Any:
    for _ in range(depth):
        value = {kind: [value]} if kind == "tuple" else [value]
    return value


def state(**values: Any) -> Objects:
    return [{"class": SCALER, "state": values}]


def ours(name: str = "skfakereal.VGG16FeatureExtractor", **params: Any) -> dict[str, Any]:
    return {"class": name, "params": params}


def pairs(keys: list[Any]) -> dict[str, Any]:
    return {"dict": [[key, 0] for key in keys]}


def metadata(value: Any) -> bytes:
    description = {"made_with": VERSIONS, "metadata": value, "objects": state()}
    return b"".join(pack(description, {}))


def header(text: str) -> bytes:
    return with_digest(text.encode() + b" " * (-len(text) % 8))


def described(text: str, **arrays: Any) -> bytes:
    """Return a file with a text for its description, whatever it says."""
    head = {"__metadata__": {"skfr": "1", "description": text}, **arrays}
    head["digest"] = {"dtype": "U8", "shape": [32], "data_offsets": [0, 32]}
    return header(json.dumps(head))


def trunks(n: int) -> bytes:
    """Return a file of many trunks of shared arrays, no two of them equal."""
    layers = [
        (f"block{b}_conv{c}", c == 1 and b == 1) for b in range(1, 6) for c in (1, 2, 3)
    ]
    named = []
    for layer, first in layers:
        if layer not in ("block1_conv3", "block2_conv3"):
            kernel = "first" if first else "kernel"
            for part, array in (("kernel", kernel), ("scale", "bias"), ("bias", "bias")):
                named.append([f"{layer}/{part}", {"array": array}])
    arrays = {
        "first": np.zeros((3, 3, 3, 1024), np.int8),
        "kernel": np.zeros((3, 3, 1024, 1024), np.int8),
        "bias": np.zeros(1024, np.float32),
    }
    trunk = {"source": "arrays", "name": "x", "n_blocks": 5, "digest": "00"}
    trunk |= {"arrays": {"dict": named}, "missing": {"dict": []}}
    return describing([{"class": "skfakereal.Trunk", "state": trunk}] * n, **arrays)


def votes(levels: int, width: int) -> Objects:
    """Return classifiers that each ask the one before several times."""
    classes = {"classes_": {"values": ["object", [2], ["real", "fake"]]}}
    objects: Objects = [
        {"class": "sklearn.dummy.DummyClassifier", "state": {**classes, "n_classes_": 2}}
    ]
    for i in range(levels):
        named = [{"tuple": [f"s{j}", ref(i)]} for j in range(width)]
        vote = {"class": "sklearn.ensemble.VotingClassifier"}
        vote |= {"params": {"estimators": named}}
        vote |= {"state": {**classes, "estimators_": [ref(i)] * width}}
        objects.append(vote)
    return objects


def frozen(depth: int, name: str = "frozen.FrozenEstimator") -> Objects:
    objects = votes(0, 0)
    for i in range(depth):
        wrapper: dict[str, Any] = {"class": f"sklearn.{name}"}
        wrapper |= {"params": {"estimator": ref(i)}, "state": {"estimator_": ref(i)}}
        if name.startswith("frozen"):
            del wrapper["state"]
        objects.append(wrapper)
    return objects


def pipelines(depth: int) -> Objects:
    """Return pipelines of one step, of which scikit-learn asks the tags three times."""
    objects = votes(0, 0)
    for i in range(depth):
        steps = [{"tuple": ["s", ref(i)]}]
        objects.append({"class": "sklearn.pipeline.Pipeline", "params": {"steps": steps}})
    return objects


def support_vectors() -> bytes:
    """Return an SVC of which one number is a column, to be compared with all of a row."""
    n = 60_000
    values = {
        "classes_": {"values": [1, [2], ["a", "b"]]},
        "n_features_in_": 1,
        "_sparse": False,
        "support_": {"array": "row"},
        "support_vectors_": {"array": "vectors"},
        "_n_support": {"array": "counts"},
        "shape_fit_": {"tuple": [{"array": "column"}]},
    }
    svc = [{"class": "sklearn.svm.SVC", "params": {"kernel": "rbf"}, "state": values}]
    return describing(
        svc,
        vectors=np.zeros((n, 1)),
        row=np.zeros(n, np.int32),
        counts=np.array([n, 0], np.int32),
        column=np.ones((n, 1), np.int32),
    )


def neighbours(n: int) -> bytes:
    """Return many objects that each have the same large array checked."""
    values = {
        "classes_": {"values": [1, [2], ["a", "b"]]},
        "n_features_in_": 1,
        "effective_metric_": "euclidean",
        "effective_metric_params_": {"dict": []},
        "outputs_2d_": False,
        "n_samples_fit_": 10**6,
        "_fit_method": "brute",
        "_tree": None,
        "_fit_X": {"array": "X"},
        "_y": {"array": "y"},
    }
    knn = {"class": "sklearn.neighbors.KNeighborsClassifier", "state": values}
    return describing([knn] * n, X=np.zeros((10**6, 1), "f2"), y=np.zeros(10**6, "i1"))


def request(owner: Any, requests: Any) -> dict[str, Any]:
    name = "sklearn.utils.metadata_routing.MetadataRequest"
    return {"class": name, "state": {"owner": owner, "requests": requests}}


def settings(**changed: Any) -> dict[str, Any]:
    values = {"image_size": [64, 64], "resize": "crop", "preprocessing": "unit"}
    values |= {"pooling": "avg", "cut": None} | changed
    return {"class": "skfakereal.TrunkSettings", "state": values}


D = 12  # as much as is allowed
CLASSIFIER = "skfakereal.VGG16ImageClassifier"
FROZEN, FIXED = "frozen.FrozenEstimator", "model_selection.FixedThresholdClassifier"
CURVE = {"dict": [["fit", {"dict": [["a", ref(D)]]}]]}
ATTACKS: dict[str, Callable[[], bytes]] = {
    # Graphs of objects, and what could print one.
    "graph": lambda: describing(twice(40)),
    "graph of ten": lambda: describing(wide(8, 10)),
    "graph in a scalar": lambda: describing(
        twice(D, ours(LOGISTIC, C={"scalar": ["int8", ref(D)]}))
    ),
    "graph in a float": lambda: describing(twice(D, *state(mean_={"float": ref(D)}))),
    "graph as an owner": lambda: describing(twice(D, request(ref(D), {"dict": []}))),
    "graph as an alias": lambda: describing(twice(D, request("x", CURVE))),
    "graph as a method": lambda: describing(
        twice(D, request("x", {"dict": [[{"tuple": [ref(D)]}, {"dict": []}]]}))
    ),
    "graph as image_size": lambda: describing(twice(D, ours(image_size=ref(D)))),
    "graph in image_size": lambda: describing(twice(D, ours(image_size=[ref(D), 64]))),
    "graph as augmentation": lambda: describing(
        twice(D, ours(CLASSIFIER, augmentation=ref(D)))
    ),
    "graph in settings": lambda: describing(twice(D, settings(pooling=ref(D)))),
    "graph in a rule": lambda: describing(twice(D, ours(n_jobs=ref(D)))),
    "graph in an array": lambda: describing(
        twice(D, *state(mean_={"values": ["object", [1], [ref(D)]]}))
    ),
    "graph in an augmentation": lambda: describing(
        twice(D, ours("skfakereal.Augmentation", zoom=ref(D)))
    ),
    "just not too large a graph": lambda: describing(wide(4, 8)),
    "a union of unions": lambda: describing([*wide(2, 50), *[union(2)] * 10]),
    "many classifiers": lambda: describing([{"class": CLASSIFIER}] * 4000),
    "too many objects": lambda: describing([{"class": SCALER}] * 30_000),
    "objects that each hold the same many": lambda: describing(
        [
            {"class": SCALER},
            union(*[0] * 4000),
            *[ours(f"sklearn.{FROZEN}", estimator=ref(1))] * 3000,
        ]
    ),
    "a chain": lambda: describing(chain(FROZEN, 3000)),
    "a chain of thresholds": lambda: describing(chain(FIXED, 900)),
    "a chain as long as allowed": lambda: describing(chain(FROZEN, 12)),
    # Depth and number in JSON.
    "deep JSON": lambda: header("[" * 4_000_000),
    "deep objects": lambda: header('{"a":' * 1_000_000),
    "deep description": lambda: described("[" * 4_000_000),
    "deep metadata": lambda: metadata(nested(0, 140, "list")),
    "deep values": lambda: describing(state(mean_=nested(0, 19))),
    "deep keys": lambda: describing(state(mean_=pairs([nested(0, 17)]))),
    "many lists": lambda: described("[" + "[]," * 2_700_000 + "0]"),
    "many objects": lambda: described('{"a":[' + '{"":0},' * 1_000_000 + "0]}"),
    "many zeros": lambda: described('{"a":[' + "0," * 4_000_000 + "0]}"),
    "many names": lambda: header("{" + ",".join(f'"{i}":0' for i in range(500_000)) + "}"),
    "many values": lambda: describing(state(mean_=[0] * 250_000)),
    "one long text": lambda: describing(state(mean_="x" * (8 * 2**20 - 1000))),
    "escapes": lambda: described('{"' + "\\n" * 1_500_000 + '":0}'),
    "a long key": lambda: describing(state(mean_={"x" * 10**6: 0})),
    "a long attribute": lambda: describing([{"class": SCALER, "state": {"x" * 10**6: 0}}]),
    "a long parameter": lambda: describing([ours(SCALER, **{"x" * 10**6: 0})]),
    "long versions": lambda: b"".join(
        pack({"made_with": {"x" * 10**6: "1"}, "metadata": {}, "objects": state(new=1)}, {})
    ),
    "large metadata": lambda: metadata({"note": "x" * 10**6}),
    # Numbers.
    "a huge integer": lambda: described('{"a":' + "9" * 4_000_000 + "}"),
    "many huge integers": lambda: described('{"a":[' + ("9" * 4000 + ",") * 2000 + "0]}"),
    "a long float": lambda: described('{"a":0.' + "9" * 4_000_000 + "}"),
    "an exponent": lambda: described('{"a":1e' + "9" * 1_000_000 + "}"),
    "a small exponent": lambda: described('{"a":1e-' + "9" * 1_000_000 + "}"),
    "a rate that is no float": lambda: describing(
        [ours(CLASSIFIER, learning_rate=10**400)]
    ),
    "not a number": lambda: describing([ours(CLASSIFIER, dropout={"float": "nan"})]),
    "a large image": lambda: describing([ours(image_size=[10**9, 10**9])]),
    "large settings": lambda: describing([settings(image_size=[4096, 4096])]),
    "large layers": lambda: describing([ours(CLASSIFIER, hidden_units=[10**12])]),
    "many features": lambda: describing(state(n_features_in_=10**15)),
    "features that are an array": lambda: describing(
        state(n_features_in_={"array": "a"}), a=np.zeros(9)
    ),
    # Keys of one hash.
    "integers of one hash": lambda: describing(
        state(mean_=pairs([i * PRIME for i in range(80_000)]))
    ),
    "too many dicts of one hash": lambda: describing(
        state(mean_=[pairs([i * PRIME for i in range(999)])] * 120)
    ),
    "many dicts of one hash": lambda: describing(
        state(
            **dict.fromkeys(
                ["mean_", "var_"], [pairs([i * PRIME for i in range(999)])] * 25
            )
        )
    ),
    "floats of one hash": lambda: describing(
        state(mean_=pairs([2.0 ** (61 * i) for i in range(-16, 16)]))
    ),
    "tuples of one hash": lambda: describing(
        state(mean_=pairs([{"tuple": [i * PRIME]} for i in range(50_000)]))
    ),
    "scalars as keys": lambda: describing(
        state(mean_=pairs([{"scalar": ["int64", i]} for i in range(30_000)]))
    ),
    # Arrays.
    "many empty arrays": lambda: describing(
        state(mean_=[{"array": f"{i}"} for i in range(20_000)]),
        **{f"{i}": np.zeros((0, 9)) for i in range(20_000)},
    ),
    "an empty array with long sides": lambda: described(
        json.dumps(
            {
                "made_with": VERSIONS,
                "metadata": {},
                "objects": state(mean_={"array": "a"}),
            }
        ),
        a={"dtype": "F64", "shape": [0, 2**61, 2**61], "data_offsets": [0, 0]},
    ),
    "the same array again and again": lambda: describing(
        state(mean_=[{"array": "a"}] * 50_000), a=np.zeros(10**6)
    ),
    "truth values": lambda: describing(
        state(mean_={"array": "a"}), a=np.zeros(200_000_000, bool)
    ),
    "wide texts": lambda: describing(state(mean_=[{"values": [2**24, [1], ["a"]]}] * 2000)),
    "no texts with long sides": lambda: describing(
        state(mean_={"values": [1, [0, *[2**31 - 1] * 7], []]})
    ),
    "an array of lists": lambda: describing(
        state(mean_={"values": ["object", [1], [nested(0, 15)]]})
    ),
    "many classes": lambda: describing(
        [{"class": LOGISTIC, "state": {"classes_": {"array": "a"}}}],
        a=np.zeros(30_000_000, np.int8),
    ),
    "a long class": lambda: describing(
        [{"class": LOGISTIC, "state": {"classes_": {"values": [10**6, [2], ["a", "b"]]}}}]
    ),
    "many wide trunks": lambda: trunks(500),
    "one wide trunk": lambda: trunks(1),
    "many random trunks": lambda: known_trunks(["cifake"] * 2000),
    "twenty trunks": lambda: known_trunks(["cifake"] * 19 + ["random"]),
    "votes": lambda: describing(votes(3, 6)),
    "votes by two": lambda: describing(votes(5, 2)),
    "too many votes": lambda: describing(votes(3, 20)),
    "pipelines": lambda: describing(pipelines(30)),
    "a longer chain of pipelines": lambda: describing(pipelines(12)),
    "frozen": lambda: describing(frozen(12)),
    "thresholds": lambda: describing(frozen(30, FIXED)),
    "a long position": lambda: describing(
        [ours(f"sklearn.{FIXED}", pos_label="x" * 10**6)]
    ),
    "support vectors": support_vectors,
    "neighbours": lambda: neighbours(3000),
}


# What may be loaded, since it takes little.
HARMLESS = {
    *("just not too large a graph", "a union of unions", "many empty arrays"),
    *("objects that each hold the same many", "a chain as long as allowed"),
    *("deep values", "deep keys", "many values", "many dicts of one hash"),
    *("floats of one hash", "truth values", "votes", "votes by two", "frozen"),
}


def known_trunks(sources: list[str]) -> bytes:
    from skfakereal._weights import load_trunk

    digest = load_trunk("cifake").digest.hex()
    states = [{"source": s, "n_blocks": n % 6} for n, s in enumerate(sources)]
    trunks = [
        {"class": "skfakereal.Trunk", "state": s | {"digest": digest}} for s in states
    ]
    return describing(trunks)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: Folders) -> Path:
    folder = tmp_path_factory.mktemp("hunger")
    skfakereal.save(skfakereal.Augmentation(), folder / "warm.skfr")
    for name, make in ATTACKS.items():
        (folder / f"{name}.skfr").write_bytes(make())
    return folder


@pytest.fixture(scope="module")
def found(folder: Path) -> dict[str, dict[str, Any]]:
    """Read all files in one process, which is ended where it takes too long."""
    done = start_python(__file__, folder, preexec_fn=_limit, timeout=None)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, (lines[-1], done.stderr[-2000:])
    return {
        name["name"]: result for name, result in zip(lines[::2], lines[1::2], strict=True)
    }


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (2**34, 2**34))


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("name", ATTACKS)
def test_a_file_is_read_or_refused_within_the_budget(
    name: str, folder: Path, found: dict[str, dict[str, Any]]
) -> None:
    size = (folder / f"{name}.skfr").stat().st_size
    assert found[name]["memory"] < MEMORY + size
    assert found[name]["length"] < 1000
    assert any(found[name]["said"]) or name in HARMLESS


def _read(path: str) -> dict[str, Any]:
    """Return what reading a file comes to, and what it takes."""
    lengths, said = [0], []
    Path("/proc/self/clear_refs").write_text("5")  # the peak is this moment's again
    before, began = _memory("VmRSS"), time.process_time()
    for read in (read_description, _only_predict, _load):
        try:
            read(path)
            said.append("")
        except ValueError as error:
            said.append(str(error)[:300])
            # A traceback prints what it was raised from, too.
            shown = error
            while shown is not None:
                lengths.append(len(str(shown)))
                shown = shown.__cause__
    return {
        "seconds": time.process_time() - began,
        "memory": _memory("VmHWM") - before,
        "length": max(lengths),
        "said": said,
    }


def _memory(what: str) -> int:
    found = re.search(rf"{what}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return 1024 * int(found[1])


def _only_predict(path: str) -> None:
    load_with_metadata(path, only_predict=True)


def _load(path: str) -> None:
    """Load as the command line does."""
    with contextlib.suppress(TypeError):  # no classifier
        load_model(path)


if __name__ == "__main__":
    for name in ("warm", *ATTACKS):
        sys.stdout.write(f"{json.dumps({'name': name})}\n")
        sys.stdout.flush()
        sys.stdout.write(f"{json.dumps(_read(f'{sys.argv[1]}/{name}.skfr'))}\n")
