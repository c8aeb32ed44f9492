"""Scoring over a Dask cluster: the same bytes, and workers may die."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import pytest
from conftest import Patch
from scoring_models import fit_brightness, score_greys, write_greys

from skfakereal.cli import main

distributed = pytest.importorskip("distributed", reason="a cluster needs Dask")
# Starting its processes takes seconds.
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """Return the client of a cluster of two processes, which import from where we do."""
    here = str(Path(__file__).parent)
    path = os.pathsep.join([here, str(Path(__file__).parent.parent)])
    how = {"n_workers": 2, "threads_per_worker": 1, "processes": True}
    how |= {"dashboard_address": None, "env": {"PYTHONPATH": path}}
    with distributed.LocalCluster(**how) as cluster, distributed.Client(cluster) as made:
        yield made


@pytest.fixture
def greys(tmp_path: Path) -> list[str]:
    return write_greys(tmp_path / "greys", 40)


def test_a_cluster_writes_the_bytes_of_a_single_process(
    client: Any, tmp_path: Path, greys: list[str]
) -> None:
    model = fit_brightness(greys)
    paths = [*greys, "gone.png", greys[0], "http://a.b/c.png"]
    alone = score_greys(tmp_path / "alone.csv", paths, model, digests=True)
    result = score_greys(
        tmp_path / "s.csv", paths, model, digests=True, client=client, part_size=3
    )
    assert result.path.read_bytes() == alone.path.read_bytes()
    assert (result.n_scored, result.errors) == (42, {"missing": 1, "not a path": 1})


def test_relative_paths_begin_where_this_process_stands(
    client: Any, tmp_path: Path, greys: list[str], monkeypatch: Patch
) -> None:
    monkeypatch.chdir(tmp_path)
    names = [f"greys/{Path(path).name}" for path in greys]
    result = score_greys(tmp_path / "s.csv", names, fit_brightness(greys), client=client)
    assert result.errors == {}
    assert result.path.read_text().splitlines()[1].startswith("greys/000.png,real,")


class KillsWorkerOnce:
    """A step that ends its process when it meets a file, which it removes."""

    def fit(self, X: Any, y: Any = None) -> "KillsWorkerOnce":
        return self

    def transform(self, X: Any) -> Any:
        for path in X:
            fuse = Path(f"{path}.fuse")
            if fuse.exists():
                fuse.unlink()
                os.kill(os.getpid(), signal.SIGKILL)
        return X


def test_a_worker_that_dies_costs_its_part_only(
    client: Any, tmp_path: Path, greys: list[str]
) -> None:
    model = fit_brightness(greys)
    whole = score_greys(tmp_path / "whole.csv", greys, model).path.read_bytes()
    model.steps.insert(0, ("fuse", KillsWorkerOnce()))
    for path in (greys[7], greys[8], greys[22]):
        Path(f"{path}.fuse").touch()
    result = score_greys(tmp_path / "s.csv", greys, model, client=client)
    assert not list((tmp_path / "greys").glob("*.fuse"))
    # All but the column that names the model.
    told, expected = (
        [line.rpartition(b",")[0] for line in text.splitlines()]
        for text in (result.path.read_bytes(), whole)
    )
    assert told == expected


def test_a_run_goes_on_on_a_cluster(client: Any, tmp_path: Path, greys: list[str]) -> None:
    model = fit_brightness(greys)
    whole = score_greys(tmp_path / "whole.csv", greys, model).path.read_bytes()
    score_greys(tmp_path / "s.csv", greys[:20], model)
    result = score_greys(tmp_path / "s.csv", greys, model, client=client)
    assert (result.n_before, result.n_scored) == (20, 20)
    assert result.path.read_bytes() == whole


def test_errors_of_the_model_come_back(
    client: Any, tmp_path: Path, greys: list[str]
) -> None:
    model = fit_brightness(greys)
    model[-1].coef_ = model[-1].coef_[:, :0]
    with pytest.raises(ValueError, match="mismatch"):
        score_greys(tmp_path / "s.csv", greys, model, client=client)


def test_the_command_line_finds_a_cluster(
    client: Any, tmp_path: Path, greys: list[str]
) -> None:
    joblib.dump(fit_brightness(greys), tmp_path / "model.joblib")
    words = [str(tmp_path / "model.joblib"), *greys, "--out", str(tmp_path)]
    assert main(["score", "--trust", *words, "--dask", client.scheduler.address]) == 0
    assert len((tmp_path / "scores.csv").read_text().splitlines()) == 41


def test_what_is_no_client(tmp_path: Path, greys: list[str]) -> None:
    with pytest.raises(TypeError, match=r"must be a distributed.Client"):
        score_greys(tmp_path / "s.csv", greys, fit_brightness(greys), client="tcp://x")
