"""The activation store, on real files, with real processes that die, and real damage."""

import multiprocessing
import os
import pickle
import random
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from conftest import Folders, Patch, start_python

from skfakereal._store.store import ActivationStore, open_store

posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX")
MIB = 2**20


Sound = tuple[bytes, dict[bytes, bytes]]


def make_items(n: int, size: int = 1024, *, seed: int = 0) -> dict[bytes, bytes]:
    rng = random.Random(seed)
    return {rng.randbytes(32): rng.randbytes(size) for _ in range(n)}


def database(folder: Path) -> Path:
    [path] = folder.glob("activations-*.sqlite")
    return path


def aside(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.set-aside"))


def change(folder: Path, *statements: str) -> None:
    """Alter the database behind the store's back."""
    with closing(sqlite3.connect(database(folder))) as connection, connection:
        for statement in statements:
            connection.execute(statement)


@contextmanager
def no_warning() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield


@contextmanager
def one_warning(match: str) -> Iterator[None]:
    with pytest.warns(RuntimeWarning, match=match) as caught:
        yield
    assert len(caught) == 1


# --- what it is for ---------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a b", "100%", "what?mode=ro", "#1", "é", "c:/d"])
def test_a_folder_of_any_name(tmp_path: Path, name: str) -> None:
    with no_warning():
        ActivationStore(tmp_path / name).put_many([(b"a", b"1")])
        assert ActivationStore(tmp_path / name).get_many([b"a"]) == [b"1"]
    assert database(tmp_path / name).stat().st_size


@pytest.mark.parametrize("size", [0, 1, 1024, 51_200, 200_000])
def test_round_trip(tmp_path: Path, size: int) -> None:
    items = make_items(20, size)
    with no_warning():
        ActivationStore(tmp_path).put_many(items.items())
        assert ActivationStore(tmp_path).get_many(list(items)) == list(items.values())


def test_values_come_in_the_order_of_the_keys(tmp_path: Path) -> None:
    items = make_items(3000, 8)
    store = ActivationStore(tmp_path)
    store.put_many(items.items())
    keys = [*items, b"missing", *items, b""]
    random.Random(1).shuffle(keys)
    assert store.get_many(keys) == [items.get(key) for key in keys]
    assert store.get_many([]) == []


def test_a_key_keeps_its_first_value(tmp_path: Path) -> None:
    store = ActivationStore(tmp_path)
    store.put_many([(b"a", b"1"), (b"b", b"2")])
    store.put_many(iter([(b"b", b"other"), (b"c", b"3")]))
    assert store.get_many([b"a", b"b", b"c"]) == [b"1", b"2", b"3"]
    assert store.info().n_entries == 3


def test_a_key_that_is_not_bytes_is_the_callers_error(tmp_path: Path) -> None:
    store = ActivationStore(tmp_path)
    store.put_many([(b"a", b"1")])
    with pytest.raises(sqlite3.ProgrammingError):
        store.get_many([object()])  # type: ignore[list-item]
    assert store.get_many([b"a"]) == [b"1"]
    assert not aside(tmp_path)


def test_nothing_is_created_before_it_is_needed(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    store = ActivationStore(folder)
    store.put_many([])
    info = store.info()
    store.clear()
    assert not (tmp_path / "a").exists()
    assert (info.path, info.n_entries, info.n_bytes) == (folder, 0, 0)
    assert info.max_bytes == 10 * 2**30


@posix
def test_only_the_owner_may_look(tmp_path: Path) -> None:
    store = ActivationStore(tmp_path / "a" / "b")
    store.put_many([(b"a", b"1")])
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(database(store.folder).stat().st_mode) == 0o600


def test_clear(tmp_path: Path) -> None:
    items = make_items(200, 8000)
    store, other = ActivationStore(tmp_path), ActivationStore(tmp_path)
    store.put_many(items.items())
    assert other.get_many(list(items)) == list(items.values())
    assert store.info().n_bytes > 200 * 8000
    store.clear()
    assert (store.info().n_entries, store.info().n_bytes) == (0, 0)
    with no_warning():  # on either side, though `other` still has the old file open
        assert other.get_many(list(items)) == [None] * 200
        other.put_many([(b"a", b"1")])
        assert store.get_many([b"a"]) == [b"1"]
    assert store.info().n_entries == 1


def test_a_folder_that_vanishes_is_made_again(tmp_path: Path) -> None:
    store = ActivationStore(tmp_path / "cache")
    store.put_many([(b"a", b"1")])
    shutil.rmtree(store.folder)
    with no_warning():
        assert store.get_many([b"a"]) == [None]
        store.put_many([(b"a", b"1")])
        assert store.get_many([b"a"]) == [b"1"]


@posix
def test_a_file_that_another_takes_the_place_of_is_left(tmp_path: Path) -> None:
    # As when a user empties the folder while two processes work: same name, other file.
    store, other = ActivationStore(tmp_path), ActivationStore(tmp_path)
    store.put_many([(b"a", b"1")])
    database(tmp_path).unlink()
    other.put_many([(b"b", b"2")])
    with no_warning():
        store.put_many([(b"c", b"3")])
    assert ActivationStore(tmp_path).get_many([b"a", b"b", b"c"]) == [None, b"2", b"3"]


# --- bound ------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [100, 1024, 4100, 60_000])
def test_the_file_stays_within_its_bound(tmp_path: Path, size: int) -> None:
    store = ActivationStore(tmp_path, max_bytes=MIB)
    largest = 0
    for seed in range(6):
        items = make_items(MIB // (4 * size + 2000) + 1, size, seed=seed)
        store.put_many(items.items())
        assert store.get_many(list(items)) == list(items.values())  # the newest are there
        largest = max(largest, database(tmp_path).stat().st_size)
    kept = store.info().n_entries * size
    assert MIB // 2 < largest <= MIB
    assert kept > MIB // 4 or size == 100


def test_the_least_recently_used_entries_go(tmp_path: Path) -> None:
    store = ActivationStore(tmp_path, max_bytes=MIB)
    items = make_items(18, 50_000)  # as many as fit
    keys = list(items)
    for item in items.items():
        store.put_many([item])
    assert store.info().n_entries == 18
    read = [keys[0], keys[3]]
    assert None not in store.get_many(read)
    store.put_many(make_items(4, 50_000, seed=1).items())
    left = [key for key, value in zip(keys, store.get_many(keys), strict=True) if value]
    assert left[:2] == read
    assert left[2:] == keys[-(len(left) - 2) :]
    assert len(left) < 18


def test_reading_again_soon_writes_nothing(tmp_path: Path) -> None:
    items = make_items(100)
    ActivationStore(tmp_path).put_many(items.items())
    contents = []
    for _ in range(10):
        assert None not in ActivationStore(tmp_path).get_many(list(items))
        contents.append(database(tmp_path).read_bytes())
    assert contents[0] != contents[1]  # each time, half of what is still in the front half
    assert contents[7] == contents[8] == contents[9]


def test_of_a_batch_too_large_the_last_remain(tmp_path: Path) -> None:
    store = ActivationStore(tmp_path, max_bytes=MIB)
    items = make_items(60, 50_000)
    with no_warning():
        store.put_many(items.items())
        store.put_many([(b"huge", bytes(MIB))])
    values = store.get_many([*items, b"huge"])
    assert values[:40] == [None] * 40
    assert values[48:] == [*list(items.values())[48:], None]


def test_a_bound_too_small_for_anything_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"at least 1 MiB .* got 1000"):
        ActivationStore(tmp_path, max_bytes=1000)


# --- several processes and threads ------------------------------------------------------

# A barrier cannot be an argument of a task; a process gets it when it starts.
_barrier: threading.Barrier | None = None


def _meet(barrier: threading.Barrier) -> None:
    global _barrier
    _barrier = barrier


def _share(folder: Path, seed: int, max_bytes: int) -> int:
    """Write and read the same 1,000 keys as everyone else; count what was read."""
    items = list(make_items(1000, 2000).items())
    random.Random(seed).shuffle(items)
    store = ActivationStore(folder, max_bytes=max_bytes)
    n_read = 0
    _barrier.wait(timeout=60)
    with no_warning():
        for start in range(0, 1000, 50):
            store.put_many(items[start : start + 50])
            batch = random.Random(start + seed).sample(items, 200)
            values = store.get_many([key for key, _ in batch])
            for (_, right), value in zip(batch, values, strict=True):
                assert value is None or value == right
                n_read += value is not None
    return n_read


def _begin_together(folder: Path, seed: int, n_rounds: int) -> list[int]:
    """Begin stores, some of them in place of ruins, and return which rounds warned."""
    own, told = (bytes([seed]), b"own"), []
    for number in range(n_rounds):
        store = ActivationStore(folder / str(number))
        _barrier.wait(timeout=60)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            if seed % 2:
                assert store.get_many([b"shared"]) in ([None], [b"value"])
            store.put_many([(b"shared", b"value"), own])
            assert store.get_many([own[0]]) == [own[1]]
        told += [number] * len(caught)
    return told


@contextmanager
def processes(n: int) -> Iterator[ProcessPoolExecutor]:
    context = multiprocessing.get_context("spawn")
    barrier = (context.Barrier(n),)
    with ProcessPoolExecutor(n, context, initializer=_meet, initargs=barrier) as pool:
        yield pool


@pytest.mark.slow
def test_eight_processes_write_the_same_keys_at_once(tmp_path: Path) -> None:
    with processes(8) as pool:
        counts = list(pool.map(_share, [tmp_path] * 8, range(8), [10 * MIB] * 8))
    assert min(counts) > 200
    items = make_items(1000, 2000)
    assert ActivationStore(tmp_path).get_many(list(items)) == list(items.values())
    assert ActivationStore(tmp_path).info().n_entries == 1000


@pytest.mark.slow
def test_processes_evict_while_others_read(tmp_path: Path) -> None:
    with processes(3) as pool:
        list(pool.map(_share, [tmp_path] * 3, range(3), [MIB] * 3))
    assert database(tmp_path).stat().st_size <= MIB


@pytest.mark.slow
def test_processes_begin_the_same_store_at_once(tmp_path: Path) -> None:
    ruin = b"ruin" * 5000
    ruined = [number for number in range(60) if number % 3]
    for number in ruined:
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "activations-1.sqlite").write_bytes(ruin)
    with processes(4) as pool:
        told = list(pool.map(_begin_together, [tmp_path] * 4, range(4), [60] * 4))
    assert sorted(chain(*told)) == ruined  # once each, by the one who set it aside
    keys = [b"shared", *(bytes([seed]) for seed in range(4))]
    for number in range(60):
        folder = tmp_path / str(number)
        expected = [ruin] if number in ruined else []
        assert [path.read_bytes() for path in aside(folder)] == expected
        # `database` also sees to it that nobody went on under the old name.
        assert database(folder).name == f"activations-{1 + len(expected)}.sqlite"
        assert ActivationStore(folder).get_many(keys) == [b"value"] + [b"own"] * 4


def test_it_can_be_pickled_while_in_use(tmp_path: Path) -> None:
    store = ActivationStore(tmp_path, max_bytes=5 * MIB, timeout=7)
    store.put_many([(b"a", b"1")])
    twin = pickle.loads(pickle.dumps(store))
    assert twin.get_many([b"a"]) == [b"1"]
    assert (twin.folder, twin.max_bytes, twin.timeout) == (tmp_path, 5 * MIB, 7)


def test_threads_share_one_object(tmp_path: Path) -> None:
    store = ActivationStore(tmp_path)
    items = make_items(400)
    keys = list(items)
    wrong: list[object] = []

    def work(start: int) -> None:
        try:
            for _ in range(3):
                store.put_many((key, items[key]) for key in keys[start : start + 100])
                pairs = zip(keys, store.get_many(keys), strict=True)
                wrong.extend(
                    value for key, value in pairs if value not in (None, items[key])
                )
        except Exception as error:
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(100 * i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert store.get_many(keys) == list(items.values())


def _use_after_fork(store: ActivationStore, inherited: int) -> None:
    store.put_many([(b"child", b"2")])
    right = store.get_many([b"parent", b"child"]) == [b"1", b"2"]
    os._exit(0 if right and id(store._connection) != inherited else 1)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs os.fork")
def test_a_fork_opens_its_own_connection(tmp_path: Path) -> None:
    store = ActivationStore(tmp_path)
    store.put_many([(b"parent", b"1")])
    child = multiprocessing.get_context("fork").Process(
        target=_use_after_fork, args=(store, id(store._connection))
    )
    child.start()
    child.join(60)
    assert child.exitcode == 0
    store.put_many([(b"later", b"3")])
    assert store.get_many([b"parent", b"child", b"later"]) == [b"1", b"2", b"3"]


# --- crashes ----------------------------------------------------------------------------

# SQLite calls the handler after so many steps of its machine: in the middle of a real
# `put_many`, at a point that is the same each time.
_DIE_INSIDE = """
import os, random, signal, sys
from skfakereal._store.store import ActivationStore
rng = random.Random(1)
store = ActivationStore(sys.argv[1])
store.put_many((rng.randbytes(32), rng.randbytes(50_000)) for _ in range(10))
die = lambda: os.kill(os.getpid(), signal.SIGKILL)
store._connection.set_progress_handler(die, int(sys.argv[2]))
store.put_many((rng.randbytes(32), rng.randbytes(50_000)) for _ in range(400))
"""

_WRITE_FOR_EVER = """
import random, sys
from skfakereal._store.store import ActivationStore
rng = random.Random(1)
store = ActivationStore(sys.argv[1])
while True:
    store.put_many([(rng.randbytes(32), rng.randbytes(20_000)) for _ in range(20)])
    print("written", flush=True)
"""


@posix
@pytest.mark.parametrize("steps", [4000, 8000, 10_000])
def test_killed_inside_a_transaction(tmp_path: Path, steps: int) -> None:
    killed = start_python("-c", _DIE_INSIDE, tmp_path, steps)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    journal = tmp_path / "activations-1.sqlite-journal"
    assert journal.stat().st_size > 0  # it did die inside
    rng = random.Random(1)
    items = {rng.randbytes(32): rng.randbytes(50_000) for _ in range(410)}
    with no_warning():
        values = ActivationStore(tmp_path).get_many(list(items))
    assert values == list(items.values())[:10] + [None] * 400
    assert not journal.exists()


@posix
@pytest.mark.parametrize("n_batches", [1, 5, 11])
def test_killed_at_any_moment(tmp_path: Path, n_batches: int) -> None:
    command = [sys.executable, "-c", _WRITE_FOR_EVER, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writer:
        for _ in range(n_batches):
            assert writer.stdout.readline() == b"written\n"
        writer.kill()
    rng = random.Random(1)
    items = {rng.randbytes(32): rng.randbytes(20_000) for _ in range(20 * n_batches + 400)}
    with no_warning():
        store = ActivationStore(tmp_path)
        values = store.get_many(list(items))
        store.put_many(items.items())
    n_found = len(values) - values.count(None)
    assert n_found >= 20 * n_batches
    assert n_found % 20 == 0
    assert values[:n_found] == list(items.values())[:n_found]
    assert store.get_many(list(items)) == list(items.values())


# --- damage -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sound(tmp_path_factory: Folders) -> Sound:
    """Return the bytes of a sound database, and what it holds."""
    folder = tmp_path_factory.mktemp("sound")
    items = make_items(30, 700) | make_items(6, 20_000, seed=1)
    ActivationStore(folder).put_many(items.items())
    return database(folder).read_bytes(), items


def check_damaged(folder: Path, content: bytes, items: dict[bytes, bytes]) -> list[str]:
    """Read and write a store of these bytes; return the warnings."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "activations-1.sqlite").write_bytes(content)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        store = ActivationStore(folder)
        for _ in range(2):
            pairs = zip(store.get_many(list(items)), items.values(), strict=True)
            assert all(value in (None, right) for value, right in pairs)
            store.put_many(items.items())
    messages = [str(warning.message) for warning in caught]
    assert len(set(messages)) == len(messages) <= 2  # for an entry, and for the file
    return messages


@pytest.mark.parametrize("where", ["anywhere", "headers"])
@pytest.mark.parametrize("n_seeds", [20, pytest.param(200, marks=pytest.mark.slow)])
def test_flipped_bits(tmp_path: Path, sound: Sound, where: str, n_seeds: int) -> None:
    content, items = sound
    outcomes = []
    for seed in range(n_seeds):
        rng = random.Random(seed)
        damaged = bytearray(content)
        for _ in range(rng.choice((1, 4, 16, 64))):
            # In the header of the file and of its pages a flip does more than to a value.
            page = rng.randrange(0, len(content), 8192)
            position = page + rng.randrange(100 if where == "headers" else 8192)
            damaged[position] ^= 1 << rng.randrange(8)
        outcomes += check_damaged(tmp_path / "store", bytes(damaged), items)
    # It would prove little if hardly any flip had mattered.
    assert sum("was set aside" in outcome for outcome in outcomes) > n_seeds / 10
    if where == "anywhere":
        assert sum("damaged entries" in outcome for outcome in outcomes) > n_seeds / 10


def test_every_flip_in_a_value_is_noticed(tmp_path: Path, sound: Sound) -> None:
    content, items = sound
    key, value = list(items.items())[20]
    start = content.index(value)
    for position in range(0, len(value), 50):
        damaged = bytearray(content)
        damaged[start + position] ^= 1
        (tmp_path / "activations-1.sqlite").write_bytes(damaged)
        with one_warning("has damaged entries; they are computed again"):
            assert ActivationStore(tmp_path).get_many([key]) == [None]


def test_a_damaged_entry_is_stored_again(tmp_path: Path, sound: Sound) -> None:
    content, items = sound
    for value in list(items.values())[:3]:
        content = content.replace(value[:50], bytes(50))
    (tmp_path / "activations-1.sqlite").write_bytes(content)
    store = ActivationStore(tmp_path)
    with one_warning("has damaged entries; they are computed again"):
        first = [store.get_many([key]) for key in items]  # three damaged, one warning
    assert first[:4] == [[None], [None], [None], [list(items.values())[3]]]
    assert store.info().n_entries == 33
    with no_warning():
        store.put_many(items.items())
        assert ActivationStore(tmp_path).get_many(list(items)) == list(items.values())


def test_values_that_changed_places_are_noticed(tmp_path: Path) -> None:
    store = ActivationStore(tmp_path)
    store.put_many([(b"a", b"1"), (b"b", b"2"), (b"c", b"3")])
    change(tmp_path, "UPDATE entry SET id = 3 - id WHERE id < 3")
    with one_warning("damaged entries"):
        assert store.get_many([b"a", b"b", b"c"]) == [None, None, b"3"]


def test_a_value_of_another_type_or_none_is_damage(tmp_path: Path) -> None:
    store = ActivationStore(tmp_path)
    keys = [bytes([i]) for i in range(6)]
    store.put_many((key, b"7") for key in keys)
    values = ("7", "NULL", "CAST(x'FF' AS TEXT)")
    odd = [
        f"UPDATE payload SET value = {x} WHERE id = {i}" for i, x in enumerate(values, 1)
    ]
    gone = "UPDATE payload SET checksum = NULL WHERE id = 5"
    change(tmp_path, *odd, "DELETE FROM payload WHERE id = 4", gone)
    with one_warning("damaged entries"):
        assert store.get_many(keys) == [None] * 5 + [b"7"]
    with no_warning():
        store.put_many((key, b"7") for key in keys)
        assert store.get_many(keys) == [b"7"] * 6


def test_truncated_at_many_lengths(tmp_path: Path, sound: Sound) -> None:
    content, items = sound
    lengths = [0, 1, 15, 16, 99, 100, 101, 511, 512, *range(3000, len(content), 9001)]
    lengths += range(8192, len(content), 4 * 8192)
    for length in lengths:
        messages = check_damaged(tmp_path / "store", content[:length], items)
        assert len(messages) == 1 or length <= 512, length


@pytest.mark.parametrize(
    "content", [b"not a database\n" * 99, bytes(8192)], ids=["text", "zeros"]
)
def test_something_else_in_its_place(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "activations-1.sqlite").write_bytes(content)
    store = ActivationStore(tmp_path)
    with one_warning(r"was set aside as activations-1\.set-aside"):
        store.put_many([(b"a", b"1")])
        assert store.get_many([b"a"]) == [b"1"]
    assert aside(tmp_path)[0].read_bytes() == content


def test_only_the_last_one_set_aside_takes_space(tmp_path: Path) -> None:
    for number in range(1, 4):
        (tmp_path / f"activations-{number}.sqlite").write_bytes(b"ruin" * 5000)
        with one_warning(f"activations-{number}.set-aside"):
            ActivationStore(tmp_path).put_many([(b"a", b"1")])
        database(tmp_path).unlink()
    assert [path.stat().st_size for path in aside(tmp_path)] == [0, 0, 20_000]
    assert ActivationStore(tmp_path).info().n_bytes == 20_000
    ActivationStore(tmp_path).clear()
    assert ActivationStore(tmp_path).info().n_bytes == 0


@pytest.mark.parametrize(
    "pragma", ["user_version = 0", "user_version = 2", "application_id = 7"]
)
def test_another_format_is_set_aside_not_read(tmp_path: Path, pragma: str) -> None:
    ActivationStore(tmp_path).put_many([(b"a", b"1")])
    change(tmp_path, f"PRAGMA {pragma}")
    before = database(tmp_path).read_bytes()
    store = ActivationStore(tmp_path)
    with one_warning(r"set aside as activations-1\.set-aside \(it is of another version\)"):
        assert store.get_many([b"a"]) == [None]
        store.put_many([(b"a", b"2")])
    assert store.get_many([b"a"]) == [b"2"]
    assert [path.read_bytes() for path in aside(tmp_path)] == [before]


@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE payload",
        "DROP INDEX queue",
        "ALTER TABLE entry RENAME COLUMN key TO kex",
    ],
)
def test_tables_that_are_not_what_they_should_be(tmp_path: Path, statement: str) -> None:
    ActivationStore(tmp_path).put_many([(b"a", b"1")])
    change(tmp_path, statement)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        store = ActivationStore(tmp_path)
        store.put_many([(b"b", b"2")])
        assert store.get_many([b"b"]) == [b"2"]


def test_a_schema_that_is_not_even_text(tmp_path: Path) -> None:
    ActivationStore(tmp_path).put_many([(b"a", b"1")])
    content = database(tmp_path).read_bytes()
    assert b"payload (id" in content
    # SQLite quotes the schema in its error, which Python cannot decode then.
    database(tmp_path).write_bytes(content.replace(b"payload (id", b"payload \xa0\xffi"))
    store = ActivationStore(tmp_path)
    with one_warning("was set aside"):
        store.put_many([(b"b", b"2")])
        assert store.get_many([b"a", b"b"]) == [None, b"2"]


def test_a_flip_that_makes_it_read_only_is_damage(tmp_path: Path) -> None:
    ActivationStore(tmp_path).put_many([(b"a", b"1")])
    content = bytearray(database(tmp_path).read_bytes())
    content[18] = 3  # the format that a program must know to write
    database(tmp_path).write_bytes(content)
    store = ActivationStore(tmp_path)
    with one_warning("was set aside"):
        assert store.get_many([b"a"]) == [b"1"]
        store.put_many([(b"b", b"2")])
        assert store.get_many([b"b"]) == [b"2"]


# --- a place that does not serve --------------------------------------------------------


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "taken/activations-1.sqlite").mkdir(parents=True)
    for folder in (tmp_path / "file", tmp_path / "file" / "sub", tmp_path / "taken"):
        store = ActivationStore(folder)
        with one_warning("cannot be used"):
            store.put_many([(b"a", b"1")])
            assert store.get_many([b"a", b"b"]) == [None, None]
            store.put_many([(b"a", b"1")])
            assert store.info().n_entries == 0
    assert (tmp_path / "file").read_text() == "in the way"


def test_locked_for_longer_than_the_timeout(tmp_path: Path) -> None:
    ActivationStore(tmp_path).put_many([(b"a", b"1")])
    with closing(sqlite3.connect(database(tmp_path), isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")  # someone writes: reading goes on
        store = ActivationStore(tmp_path, timeout=0.1)
        with one_warning(r"cannot be used \(database is locked\)"):
            store.put_many([(b"b", b"2")])
            assert store.get_many([b"a", b"b"]) == [b"1", None]
        connection.execute("COMMIT")
        store.put_many([(b"b", b"2")])  # who waited once does not wait for each batch
        connection.execute("BEGIN EXCLUSIVE")  # now nobody can read
        store = ActivationStore(tmp_path, timeout=0.1)
        with one_warning(r"cannot be used \(database is locked\)"):
            assert store.get_many([b"a"]) == [None]
            store.put_many([(b"b", b"2")])
        connection.execute("COMMIT")
    assert not aside(tmp_path)
    assert ActivationStore(tmp_path).get_many([b"a", b"b"]) == [b"1", None]


@pytest.mark.parametrize("limit", [0, 10_000, 1_000_000])
def test_a_full_disk(tmp_path: Path, limit: int, full_disk: Callable[[int], None]) -> None:
    store, before = ActivationStore(tmp_path), b"1" * 1000 if limit else None
    if before:
        store.put_many([(b"before", before)])
    full_disk(limit)
    with one_warning(r"cannot be used \("):
        for i in range(3):
            store.put_many((bytes([i, j]), bytes(50_000)) for j in range(100))
            assert store.get_many([b"before", b"\0\0"]) == [before, None]
    full_disk(-1)
    with no_warning():
        store = ActivationStore(tmp_path)
        assert store.get_many([b"before"]) == [before]
        store.put_many([(b"after", b"2")])
        assert store.get_many([b"after"]) == [b"2"]


def test_an_interrupt_leaves_no_transaction_open(tmp_path: Path) -> None:
    store = ActivationStore(tmp_path, timeout=0.1)
    store.put_many([(b"a", b"1")])

    class Interrupted(bytes):
        def __len__(self) -> int:  # the store asks inside the transaction
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.put_many([(b"x", Interrupted(b"1"))])
    with no_warning():
        other = ActivationStore(tmp_path, timeout=0.1)
        other.put_many([(b"b", b"2")])
        store.put_many([(b"c", b"3")])
        assert store.get_many([b"a", b"b", b"c"]) == [b"1", b"2", b"3"]
        assert store.info().n_entries == 3


# --- where it is ------------------------------------------------------------------------


@pytest.fixture
def home(tmp_path: Path, monkeypatch: Patch) -> Path:
    for variable in ("SKFAKEREAL_CACHE", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(variable, raising=False)
    for variable in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(variable, str(tmp_path))
    return tmp_path


def folder_of(cache: str | Path | None) -> Path | None:
    store = open_store(cache)
    return None if store is None else store.folder


@pytest.mark.parametrize(
    ("platform", "folder"),
    [
        ("linux", ".cache/skfakereal"),
        ("freebsd14", ".cache/skfakereal"),
        ("darwin", "Library/Caches/skfakereal"),
    ],
)
def test_auto_is_in_the_users_cache_folder(
    home: Path, monkeypatch: Patch, platform: str, folder: str
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    assert folder_of("auto") == home / folder


@pytest.mark.parametrize(
    ("platform", "variable"), [("linux", "XDG_CACHE_HOME"), ("win32", "LOCALAPPDATA")]
)
def test_the_system_may_say_where(
    home: Path, monkeypatch: Patch, platform: str, variable: str
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setenv(variable, str(home / "there"))
    assert folder_of("auto") == home / "there" / "skfakereal"
    monkeypatch.setenv(variable, "relative")
    assert folder_of("auto") == home / ".cache" / "skfakereal"


@pytest.mark.parametrize(
    ("variable", "cache", "folder"),
    [
        ("~/elsewhere", "auto", "elsewhere"),
        ("~/elsewhere", "~/mine", "mine"),  # what is asked for comes first
        ("Off", "auto", None),
        ("", "auto", ".cache/skfakereal"),
        (None, "sub/folder", "sub/folder"),
        (None, "~/sub", "sub"),
        (None, None, None),
    ],
)
def test_the_environment_moves_it_or_turns_it_off_and_a_path_is_a_path(
    home: Path, monkeypatch: Patch, variable: str | None, cache: Any, folder: str | None
) -> None:
    monkeypatch.chdir(home)
    if variable is not None:
        monkeypatch.setenv("SKFAKEREAL_CACHE", variable)
    assert folder_of(cache) == (folder and home / folder)
    assert not list(home.iterdir())
