import os
import sys
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from skfakereal import Augmentation
from skfakereal._activations import ActivationReader, _trunk_network
from skfakereal._store.store import ActivationStore
from skfakereal._training.parts import ActivationShelf
from skfakereal._trunk import Trunk
from skfakereal._trunk_settings import TrunkSettings
from skfakereal._weights import load_trunk

PLAIN = TrunkSettings((32, 32), "stretch", "unit", "avg", None)


@pytest.fixture
def make_reader(narrow_trunk: str) -> Callable[..., ActivationReader]:
    def make(
        settings: TrunkSettings = PLAIN,
        *,
        weights: str | Path = narrow_trunk,
        **options: object,
    ) -> ActivationReader:
        return ActivationReader(load_trunk(weights), settings, **options)  # type: ignore[arg-type]

    return make


@pytest.fixture
def noise_images(make_image, rng: np.random.Generator) -> list[str]:  # type: ignore[no-untyped-def]
    return [
        make_image(f"{i:03}.png", rng.integers(0, 256, (40, 36, 3), dtype=np.uint8))
        for i in range(30)
    ]


def read_all(reader: ActivationReader, paths: list[str], view: int = 0) -> np.ndarray:
    kept = np.empty((len(paths), *reader.shape), reader.dtype)
    for batch in reader.read(paths, [view]):
        batch.write_to(kept)
    return kept


def test_rows_come_in_the_order_of_the_paths(make_reader, noise_images: list[str]) -> None:
    reader = make_reader()
    together = read_all(reader, noise_images)
    assert together.shape == (30, *reader.shape)
    assert reader.n_computed == 30
    alone = np.concatenate([read_all(make_reader(), [path]) for path in noise_images])
    assert np.array_equal(together, alone)
    assert np.array_equal(together[::-1], read_all(make_reader(), noise_images[::-1]))


@pytest.mark.parametrize("n_jobs", [1, 3])
def test_equal_contents_far_apart_are_computed_once(make_reader, make_image, rng, n_jobs):
    # More than batches of 256 hold while others are being loaded.
    pixels = rng.integers(0, 256, (1300, 4, 4, 3), dtype=np.uint8)
    paths = [make_image(f"{i}.bmp", image) for i, image in enumerate(pixels)]
    copy = make_image("copy.bmp", pixels[3])
    Path(paths[3]).write_bytes(b"")
    reader = make_reader(n_jobs=n_jobs, augmentation=Augmentation())
    kept = np.empty((2602, *reader.shape), reader.dtype)
    for batch in reader.read([*paths, copy, *paths[::-1], copy], [1], keep_going=True):
        batch.write_to(kept)
    assert reader.n_computed == 1300
    forth, back = kept[:1301], kept[1301:]
    assert np.flatnonzero(np.isnan(forth).any(axis=1)).tolist() == [3]
    np.testing.assert_array_equal(forth[:1300], back[:1300][::-1])
    np.testing.assert_array_equal(forth[1300], back[1300])


@pytest.mark.parametrize("n_jobs", [1, 3])
def test_failures_have_their_place_and_rows_of_nan(
    make_reader, noise_images, n_jobs
) -> None:
    Path(noise_images[7]).write_bytes(b"")
    Path(noise_images[20]).unlink()
    reader = make_reader(n_jobs=n_jobs)
    batches = list(reader.read(noise_images, keep_going=True))
    failures = [failure for batch in batches for failure in batch.failures]
    assert [(f.index, f.reason) for f in failures] == [(7, "empty"), (20, "missing")]
    rows = np.concatenate([batch.activations for batch in batches])
    assert np.flatnonzero(np.isnan(rows).any(axis=1)).tolist() == [7, 20]
    assert reader.n_computed == 28


def test_no_thread_is_left_when_the_reading_is_given_up(make_reader, noise_images) -> None:
    before = threading.active_count()
    reading = make_reader(n_jobs=2).read(noise_images)
    next(reading)
    reading.close()
    assert threading.active_count() == before


@pytest.mark.parametrize("max_bytes", [2**30, 0], ids=["in memory", "on disk"])
def test_a_shelf_gives_back_what_was_filled(make_reader, noise_images, max_bytes) -> None:
    reader = make_reader(augmentation=Augmentation())
    shelf = ActivationShelf(reader, noise_images, n_views=2, max_bytes=max_bytes)
    assert shelf.fill([1]) == []
    assert shelf.fill([1, 2]) == []
    computed = reader.n_computed
    rows = np.array([4, 0, 17])
    for view in (1, 2):
        fresh = make_reader(augmentation=Augmentation())
        wanted = read_all(fresh, noise_images, view)[rows]
        assert np.array_equal(shelf.take(rows, view), wanted.astype(np.float32))
    assert computed == 60
    assert isinstance(shelf._kept[1], np.memmap) == (max_bytes == 0)


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="cannot reserve room")
@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="reads Linux's /proc")
def test_a_file_has_its_room_before_it_is_mapped(
    make_reader, noise_images, tmp_path, monkeypatch
) -> None:
    """Else a disk that is full would end the process by SIGBUS."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    shelf = ActivationShelf(make_reader(), noise_images * 100, n_views=1, max_bytes=0)
    mapped = shelf._allocate()
    files = [file for file in Path("/proc/self/fd").iterdir() if file.is_symlink()]
    (file,) = [file for file in files if file.readlink().is_relative_to(tmp_path)]
    assert file.stat().st_size == mapped.nbytes == 3000 * 8 * 2
    assert file.stat().st_blocks * 512 >= mapped.nbytes


def test_no_room_for_a_file_is_an_error_with_a_way_out(
    make_reader, noise_images, full_disk
) -> None:
    shelf = ActivationShelf(make_reader(), noise_images * 100, n_views=1, max_bytes=0)
    full_disk(1000)
    with pytest.raises(OSError, match=r"temporary folder.*TMPDIR"):
        shelf.fill([0])


def test_pixels_are_never_kept_nor_stored(make_reader, noise_images, tmp_path) -> None:
    """With the cut at the image itself, the activations are the pixels."""
    store = ActivationStore(tmp_path / "store")
    reader = make_reader(replace(PLAIN, cut="block1"), store=store)
    shelf = ActivationShelf(reader, noise_images, n_views=1, max_bytes=0)
    assert shelf.fill([0]) == []
    assert not shelf._kept
    rows = np.array([5, 2])
    pixels = shelf.take(rows, 0)
    assert pixels.shape == (2, 32, 32, 3)
    assert 0 <= pixels.min() < 0.1 < 0.9 < pixels.max() <= 1
    read_all(reader, noise_images)
    assert store.info().n_entries == 0


@pytest.fixture
def store(tmp_path: Path) -> ActivationStore:
    return ActivationStore(tmp_path / "store")


def test_the_store_knows_contents_not_paths(make_reader, noise_images, store) -> None:
    read_all(make_reader(store=store), noise_images)
    moved = Path(noise_images[0]).rename(Path(noise_images[0]).with_name("moved.png"))
    Path(noise_images[1]).write_bytes(moved.read_bytes())
    reader = make_reader(store=store)
    one, other = read_all(reader, [str(moved), noise_images[1]])
    assert np.array_equal(one, other)
    assert reader.n_computed == 0


@pytest.mark.parametrize(
    ("settings", "options"),
    [
        (replace(PLAIN, image_size=(64, 64)), {}),
        (replace(PLAIN, image_size=(32, 64)), {}),
        (replace(PLAIN, resize="crop"), {}),
        (replace(PLAIN, preprocessing="imagenet"), {}),
        (replace(PLAIN, pooling="flatten"), {}),
        (replace(PLAIN, cut="block4"), {}),
        (PLAIN, {"engine": "tensorflow"}),
        (PLAIN, {"weights": None}),
    ],
    ids=str,
)
def test_whatever_changes_an_activation_changes_its_key(
    make_reader, noise_images, store, settings, options
) -> None:
    read_all(make_reader(store=store), noise_images[:2])
    reader = make_reader(settings, store=store, **options)
    read_all(reader, noise_images[:2])
    assert reader.n_computed == 2


def test_settings_and_number_of_a_view_are_in_its_key(
    make_reader, noise_images, store
) -> None:
    read_all(make_reader(store=store, augmentation=Augmentation()), noise_images[:1], 1)
    for augmentation, view in [
        (Augmentation(seed=1), 1),
        (Augmentation(rotation=3), 1),
        (Augmentation(), 2),
    ]:
        reader = make_reader(store=store, augmentation=augmentation)
        read_all(reader, noise_images[:1], view)
        assert reader.n_computed == 1
    # The plain image is one to all of them.
    read_all(make_reader(store=store), noise_images[:1])
    reader = make_reader(store=store, augmentation=Augmentation(rotation=3))
    read_all(reader, noise_images[:1], 0)
    assert reader.n_computed == 0


def test_a_folder_that_cannot_be_used_costs_one_warning(
    make_reader, noise_images, tmp_path
):
    (tmp_path / "file").write_text("no folder")
    broken = ActivationStore(tmp_path / "file" / "store")
    with pytest.warns(RuntimeWarning, match="continuing without") as caught:
        activations = read_all(make_reader(store=broken), noise_images)
    assert len(caught) == 1
    assert np.array_equal(activations, read_all(make_reader(), noise_images))


def test_the_pooling_after_the_cut_changes_no_key(make_reader, noise_images, store) -> None:
    for pooling, n_computed in [("avg", 2), ("flatten", 0)]:
        reader = make_reader(replace(PLAIN, cut="block5", pooling=pooling), store=store)
        read_all(reader, noise_images[:2])
        assert reader.n_computed == n_computed


def test_threads_share_the_networks_of_many_trunks() -> None:
    """As a search in threads over weights and cuts does."""
    arrays = load_trunk(None).arrays
    first = "block1_conv1/bias"
    trunks = [
        Trunk(arrays | {first: arrays[first] + np.float32(i)}, f"trunk {i}")
        for i in range(6)
    ]

    def ask(seed: int) -> None:
        for i in np.random.default_rng(seed).integers(0, 6, 3000):
            assert len(_trunk_network(trunks[i], replace(PLAIN, cut="block2")).layers) == 3

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(ask, range(16)))
    finally:
        sys.setswitchinterval(interval)
