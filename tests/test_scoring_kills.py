"""A scoring run that is killed at any moment loses nothing, and ends with the same bytes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="the runs are forked"),
]


@pytest.mark.parametrize(("mode", "at_least"), [("each", 30), ("random", 10)])
def test_killed_runs(tmp_path: Path, mode: str, at_least: int) -> None:
    script = Path(__file__).with_name("scoring_kills.py")
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path), mode],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= at_least
