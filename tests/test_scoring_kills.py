"""A scoring run that is killed at any moment loses nothing, and ends with the same bytes."""

import os
from pathlib import Path

import pytest
from conftest import start_python

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="the runs are forked"),
]


@pytest.mark.parametrize(("mode", "at_least"), [("each", 30), ("random", 10)])
def test_killed_runs(tmp_path: Path, mode: str, at_least: int) -> None:
    script = Path(__file__).with_name("scoring_kills.py")
    done = start_python(script, tmp_path, mode)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= at_least
