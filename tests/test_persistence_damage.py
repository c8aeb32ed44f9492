"""Files that are damaged, foreign or have a header that lies: one ValueError each."""

import json
import os
import pickle
import sys
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from conftest import Folders, run_python
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from skfr_files import X, Y, assert_refused, describing, with_digest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skfakereal
from skfakereal.persistence import read_description
from skfakereal.persistence._container import read_container


@pytest.fixture(scope="module")
def whole(tmp_path_factory: Folders) -> bytes:
    path = tmp_path_factory.mktemp("whole") / "model.skfr"
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y)
    skfakereal.save(model, path)
    return path.read_bytes()


# Damage.


def test_the_safetensors_library_opens_it(whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.skfr"
    path.write_bytes(whole)
    ours, theirs = read_container(path), load_file(path)
    assert bytes(theirs.pop("digest")) == whole[-32:]
    assert ours.arrays.keys() == theirs.keys()
    for name, array in ours.arrays.items():
        np.testing.assert_array_equal(array, theirs[name])
    with safe_open(path, "np") as file:
        assert json.loads(file.metadata()["description"]) == ours.description


@pytest.mark.parametrize("n_random", [100, pytest.param(1500, marks=pytest.mark.slow)])
def test_every_flipped_bit_is_noticed(n_random: int, whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.skfr"
    n_header = 8 + int.from_bytes(whole[:8], "little")
    random = np.random.default_rng(1)
    # All bits of the length, of the first and last bytes, and some of all others.
    positions = {*range(80), *range(n_header - 40, n_header + 40), *range(-40, 0)}
    positions |= set(random.integers(0, len(whole), n_random).tolist())
    for position in positions:
        for bit in range(8) if position < 80 else [int(random.integers(8))]:
            damaged = bytearray(whole)
            damaged[position] ^= 1 << bit
            path.write_bytes(damaged)
            with pytest.raises(ValueError, match=r"model\.skfr"):
                read_description(path)


@pytest.mark.parametrize("step", [11, pytest.param(1, marks=pytest.mark.slow)])
def test_every_truncation_is_noticed(step: int, whole: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.skfr"
    for length in range(0, len(whole), step):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"damaged|empty"):
            read_description(path)
    assert_refused(whole + b"\0", path, "1 bytes after its end")
    assert_refused(whole + whole, path, "after its end")


# Other files.


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (pickle.dumps({"a": 1}), r"looks like a pickle.*joblib\.load"),
        (b"<!DOCTYPE html><html>404</html>", "web page"),
        (b"\n\n  <html>", "web page"),
        (b"PK\x03\x04" + bytes(60), "ZIP"),
        (b"\x89HDF\r\n\x1a\n" + bytes(60), "HDF5"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"hello world, this is some text", r"not a \.skfr model"),
        (bytes(100), r"not a \.skfr model"),
        (b"{", r"not a \.skfr model"),
    ],
)
def test_other_files_are_named(content: bytes, says: str, tmp_path: Path) -> None:
    assert_refused(content, tmp_path / "model.skfr", says)


@pytest.mark.parametrize(
    "compress", [0, 3, ("gzip", 3), ("bz2", 3), ("xz", 3), ("lzma", 3)]
)
def test_a_joblib_file_is_named(compress: Any, tmp_path: Path) -> None:
    joblib.dump(LogisticRegression().fit(X, Y), tmp_path / "m.joblib", compress=compress)
    assert_refused((tmp_path / "m.joblib").read_bytes(), tmp_path / "m.skfr", "joblib.load")


def test_weights_alone_are_named(narrow_trunk: str, tmp_path: Path) -> None:
    content = Path(narrow_trunk).read_bytes()
    assert_refused(content, tmp_path / "m.skfr", "is a safetensors file, but not a model")
    save_file({"a": X}, tmp_path / "b.skfr", metadata={"format": "np"})
    assert_refused(
        (tmp_path / "b.skfr").read_bytes(), tmp_path / "b.skfr", "but not a model"
    )


def test_a_newer_format_is_named(tmp_path: Path) -> None:
    newer = json.dumps({"__metadata__": {"skfr": "2", "extra": "?"}}).encode()
    assert_refused(with_digest(newer), tmp_path / "m.skfr", "format 2.*Update skfakereal")


def test_folders_missing_files_and_pipes(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match="is a folder"):
        skfakereal.load(tmp_path)
    with pytest.raises(FileNotFoundError):
        skfakereal.load(tmp_path / "none.skfr")
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.skfr")
        with pytest.raises(ValueError, match="not a regular file"):
            skfakereal.load(tmp_path / "pipe.skfr")


# A header that lies.

META = '"__metadata__":{"skfr":"1","description":"{}"}'
DIGEST = '"digest":{"dtype":"U8","shape":[32],"data_offsets":[%d,%d]}'


def entry(name: str, begin: int, end: int, dtype: str = "U8", shape: Any = None) -> str:
    facts = {"dtype": dtype, "shape": shape or [end - begin], "data_offsets": [begin, end]}
    return f'"{name}":{json.dumps(facts)}'


def header(*entries: str, metadata: str = META, end: int = 8) -> str:
    """Return the text of a header with a digest behind `end` bytes of arrays."""
    return "{" + ",".join([metadata, *entries, DIGEST % (end, end + 32)]) + "}"


def about(skfr: str, description: str) -> str:
    return f'"__metadata__":{{"skfr":{skfr},"description":{description}}}'


EIGHT = entry("a", 0, 8, "F64", [1])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (header(EIGHT), "the wrong keys"),  # right but for its description
        (f"{{{META},{EIGHT}}}", "cut short|digest|after its end"),
        (f"{{{META},{DIGEST % (0, 32)},{entry('a', 32, 40)}}}", "end with a digest"),
        (header(META, EIGHT), "same key twice"),
        (header(entry("a", 0, 4), entry("a", 4, 8)), "same key twice"),
        (header(entry("a", 0, 8), entry("b", 4, 8)), "overlap or leave gaps"),
        (header(entry("a", 0, 4), entry("b", 5, 8)), "overlap or leave gaps"),
        (header(entry("a", 0, 8, "F64", [2])), "does not match its shape"),
        (header(entry("a", 0, 8, "F99", [1])), "no valid type, shape or place"),
        (header(entry("a", 0, 8, "C64", [1])), "no valid type, shape or place"),
        (header(entry("a", 0, 8, "F64", [1] * 40)), "no valid type, shape or place"),
        (header(entry("a", 0, 8, "F64", [-1, -1])), "no valid type, shape or place"),
        (header(entry("a", 0, 8, "F64", [1.0])), "no valid type, shape or place"),
        (header(entry("a", 0, 8, "F64", [True])), "no valid type, shape or place"),
        (header(entry("a", 0, 8, "F64", [2**61, 8])), "does not match its shape"),
        (
            header(entry("a", 0, 2**62, "U8", [2**62]), end=2**62),
            "no valid type, shape or place",
        ),
        (header(entry("a", 0, 10**12), end=10**12), "cut short"),
        (header(entry("a", 0, 10**4000)), "too many digits"),
        (header(entry("a", 0, 8).replace("8", "8" * 5000)), "is not JSON"),
        (header(EIGHT, entry("b", 8, 8, "F64", [0, 2**61, 2**61])), "'b'"),
        (header('"a":[]'), "not described correctly"),
        (header('"a":NaN'), "not finite"),
        (header('"a":-Infinity'), "not finite"),
        (header('"a":1e999'), "not finite"),
        (header(EIGHT) + " {}", "is not JSON"),
        (header(f'"a":{"[" * 100_000}'), "too deeply"),
        (header(EIGHT, metadata='"__metadata__":[]'), "safetensors file, but not a model"),
        (header(EIGHT, metadata=about("1", '"{}"')), "number of its format"),
        (header(EIGHT, metadata=about('"x"', '"{}"')), "number of its format"),
        (header(EIGHT, metadata=about('"1"', "{}")), "description is not a text"),
        (header(EIGHT, metadata=about('"1"', '"[]"')), "not a JSON object"),
        (header(EIGHT, metadata=about('"1"', '"\\ud800"')), "is not JSON"),
        (header(EIGHT, metadata=about('"1"', f'"{"[" * 9999}"')), "too deeply"),
        ("[]", r"not a \.skfr model"),
        ("{}", "not a model"),
        ('{"\xff":1}', "is not JSON"),
    ],
    ids=lambda text: text[50:110],
)
def test_headers_that_lie(text: str, says: str, tmp_path: Path) -> None:
    content = with_digest(text.encode("latin-1"), bytes(8))
    assert_refused(content, tmp_path / "model.skfr", says)


def test_the_length_of_the_header_may_be_anything(whole: bytes, tmp_path: Path) -> None:
    for length in (0, 1, 8, 2**23, 2**23 + 1, 2**31, 2**32, 2**63 - 1, 2**63, 2**64 - 1):
        content = length.to_bytes(8, "little") + whole[8:]
        assert_refused(content, tmp_path / "model.skfr")


MEASURE = """
import resource, sys
from skfakereal.persistence import read_description
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in sys.argv[1:]:
    try:
        read_description(path)
    except ValueError:
        pass
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="resource is a module of Unix")
def test_a_small_file_takes_no_gigabytes(tmp_path: Path) -> None:
    paths = []
    for bomb in ("[],", '"",', "{},", '{"values":[16777216,[1],["a"]]},'):
        many = json.loads("[" + bomb * (2_500_000 // len(bomb)) + "0]")
        node = {"class": "sklearn.preprocessing.StandardScaler", "state": {"mean_": many}}
        paths.append(tmp_path / f"{len(paths)}.skfr")
        paths[-1].write_bytes(describing([node]))
    assert float(run_python(MEASURE, *paths)) < 500


def test_save_refuses_other_suffixes_and_folders(tmp_path: Path) -> None:
    model = LogisticRegression().fit(X, Y)
    for name in ("model.joblib", "model.pkl", "model.safetensors", "model", "m.skfr.gz"):
        with pytest.raises(ValueError, match=r"suffix \.skfr"):
            skfakereal.save(model, tmp_path / name)
    with pytest.raises(IsADirectoryError, match="is a folder"):
        skfakereal.save(model, tmp_path)
    with pytest.raises(FileNotFoundError, match="does not exist"):
        skfakereal.save(model, tmp_path / "none" / "m.skfr")
    assert list(tmp_path.iterdir()) == []
