"""``skfakereal cache``."""

import os
from pathlib import Path

import pytest

from skfakereal._store.store import ActivationStore
from skfakereal.cli import main


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ActivationStore:
    monkeypatch.setenv("SKFAKEREAL_CACHE", str(tmp_path / "store"))
    store = ActivationStore(tmp_path / "store")
    store.put_many((os.urandom(16), os.urandom(1024)) for _ in range(100))
    return store


def test_info_counts(store: ActivationStore, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", "info"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"{store.folder}: 100 entries, 0.")
    assert "MiB of 10,240 MiB" in said
    assert store.info().n_entries == 100


def test_clear_empties(store: ActivationStore, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", "clear"]) == 0
    assert ": 0 entries, 0.0 MiB" in capsys.readouterr().out
    assert ActivationStore(store.folder).info().n_entries == 0


def test_a_folder_can_be_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", "info", "--cache", str(tmp_path / "none")]) == 0
    assert f"{tmp_path / 'none'}: 0 entries" in capsys.readouterr().out
    assert not (tmp_path / "none").exists()


def test_no_cache_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SKFAKEREAL_CACHE", "off")
    assert main(["cache", "clear"]) == 0
    assert "SKFAKEREAL_CACHE is off" in capsys.readouterr().out
