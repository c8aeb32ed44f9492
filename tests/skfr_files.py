"""Files in the form of .skfr models, right and wrong, for the tests of persistence."""

from hashlib import blake2b
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np
import pytest

import skfakereal
from skfakereal.persistence import read_description
from skfakereal.persistence._classes import NOT_KEPT
from skfakereal.persistence._container import pack

X = np.random.default_rng(0).standard_normal((40, 3))
Y = np.where(X[:, 0] > 0, "real", "fake")
# Another three classes, for what is kept by pairs of them.
Y3 = np.digitize(X[:, 1], [-0.5, 0.5])


def assert_refused(content: bytes, path: Path, says: str | None = None) -> None:
    path.write_bytes(content)
    for read in (read_description, skfakereal.load):
        with pytest.raises(ValueError, match=says) as caught:
            read(path)
        assert repr(str(path)) in str(caught.value)
        assert len(str(caught.value)) < 1000


def with_digest(header: bytes, data: bytes = b"", parts: tuple[int, ...] = ()) -> bytes:
    """Return a file with a right digest around any header."""
    start = len(header).to_bytes(8, "little") + header
    digest, begin = blake2b(start, digest_size=32), 0
    for end in parts or ((len(data),) if data else ()):
        digest.update(blake2b(data[begin:end], digest_size=16).digest())
        begin = end
    return start + data + digest.digest()


def describing(objects: Any, **arrays: Any) -> bytes:
    """Return a file that is right but for what it describes."""
    versions = {"skfakereal": "0.1.0", "scikit-learn": "1.9.1", "numpy": "2.0.0"}
    description = {"made_with": versions, "metadata": {}, "objects": objects}
    return b"".join(pack(description, arrays))


def round_trip(estimator: Any, folder: Path) -> Any:
    skfakereal.save(estimator, folder / "model.skfr")
    return skfakereal.load(folder / "model.skfr")


def assert_equal(ours: Any, theirs: Any, where: str = "it") -> None:
    """Compare all that can be reached, with types, shapes and the order in memory."""
    assert type(ours) is type(theirs), where
    if isinstance(ours, np.ndarray):
        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape), where
        assert ours.flags.f_contiguous == theirs.flags.f_contiguous, where
        np.testing.assert_array_equal(ours, theirs, err_msg=where)
    elif isinstance(ours, dict):
        assert list(ours) == list(theirs), where
        for key in ours:
            assert_equal(ours[key], theirs[key], f"{where}[{key!r}]")
    elif isinstance(ours, list | tuple):
        assert len(ours) == len(theirs), where
        for i, (our, their) in enumerate(zip(ours, theirs, strict=True)):
            assert_equal(our, their, f"{where}[{i}]")
    elif isinstance(ours, float | np.floating):
        np.testing.assert_equal(ours, theirs, err_msg=where)
    elif hasattr(ours, "__dict__") and not isinstance(ours, FunctionType):
        left, right = (dict(vars(item)) for item in (ours, theirs))
        made = ("owner", "f_", "digest", "_known_digests", "array_digests")
        for unkept in (*NOT_KEPT, *made):
            left.pop(unkept, None)
            right.pop(unkept, None)
        assert left.keys() == right.keys(), where
        assert_equal(dict(sorted(left.items())), dict(sorted(right.items())), where)
    else:
        assert ours == theirs, where
