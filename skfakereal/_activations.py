"""Paths -> activations at the cut: read, render, run the trunk, round."""

import math
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from hashlib import blake2b
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
import PIL
from numpy.typing import NDArray

from skfakereal._images.costs import MemoryShare
from skfakereal._images.read import (
    ImageReadError,
    blamed_on,
    decode_image,
    read_bytes,
)
from skfakereal._network import Network
from skfakereal._quantization import require_precision
from skfakereal._store.store import ActivationStore
from skfakereal._threads import count_threads
from skfakereal._trunk import Trunk, trunk_network
from skfakereal._trunk_settings import TrunkSettings
from skfakereal._views import (
    SETTINGS_BEFORE,
    ViewSettings,
    content_digest,
    render_crops_of_views,
)
from skfakereal.engines import choose_engine, compile_network

# Pixels in one batch, 20 images of 224x224: enough for both engines to be at their best
# rate, small enough to be little memory.
_BATCH_PIXELS = 2**20
# Pixels of one image's views that are held together, 83 views of 224x224: 12 MB, which each
# thread may hold twice.
_IMAGE_PIXELS = 2**22
# What activations are rounded to, stored or not, so that the store changes no result. The
# difference to float32 is far below that of another seed (docs/accuracy.md).
_ROUNDED_TO: type[np.floating[Any]] = np.float16
# A part of every key; to be raised when the same key would stand for other activations.
_KEY_FORMAT = "2"


@dataclass
class Batch:
    """The activations of one view of a run of images; NaN where an image cannot be read.

    NaN as well where an image equals one of an earlier batch: `repeats` tells for such a
    row which of all images that was. Whoever keeps what was made of it has it already.
    """

    start: int
    view: int
    activations: NDArray[np.float16]
    failures: list[ImageReadError]
    repeats: dict[int, int]

    def write_to(self, kept: NDArray[Any]) -> None:
        """Put the activations where they belong in an array of those of all images."""
        kept[self.start : self.start + len(self.activations)] = self.activations
        for row, earlier in self.repeats.items():
            kept[self.start + row] = kept[earlier]


@dataclass
class _Content:
    """What one or several equal files hold, before the trunk.

    A view has its activations in `known`, or its crops in `crops`, or neither if the
    content came before.
    """

    rows: list[int]
    keys: dict[int, bytes]
    known: dict[int, NDArray[np.float16]]
    crops: dict[int, NDArray[np.uint8]]


@dataclass
class _Loaded:
    """A run of images before the trunk, by the digest of what each one holds."""

    start: int
    n_images: int
    contents: dict[bytes, _Content]
    failures: list[ImageReadError]


@dataclass
class _Pass:
    """What one reading of images is about, and how far it is.

    `seen` tells where each content came first. Some 150 bytes an image, less than its path
    takes; its activations would be up to megabytes.
    """

    paths: Sequence[str]
    prefixes: dict[int, bytes]  # of keys, by view
    only_checks: bool
    seen: dict[bytes, int]


class ActivationReader:
    """Reads images and computes their activations, in order and in batches.

    Files are decoded in threads beside the computation, with a bounded look-ahead, so
    that memory does not grow with the number of images. What the store has is neither
    decoded nor computed.
    """

    def __init__(
        self,
        trunk: Trunk,
        settings: TrunkSettings,
        *,
        engine: str = "auto",
        store: ActivationStore | None = None,  # where activations are looked up and kept
        augmentation: ViewSettings | None = None,  # None where only view 0 is read
        # Threads that decode, and that ncnn computes in; None for this process's share.
        n_jobs: int | None = None,
        verbose: int = 0,
        n_images: int = 0,  # to be read, each view counted: "auto" takes a GPU for many
    ) -> None:
        height, width = settings.image_size
        self.engine = choose_engine(
            engine,
            n_pixels=n_images * settings.n_crops * height * width,
            is_int8=settings.ranges is not None,
        )
        require_precision(self.engine, settings)
        self.settings = settings
        self.augmentation = augmentation
        self.network = _trunk_network(trunk, settings)  # up to the cut
        self.shape = self.network.output_shape((*settings.image_size, 3))  # of one image's
        # A single image keeps one busy, and counting takes joblib's import, 30 ms.
        self.n_threads = 1 if n_images * settings.n_crops == 1 else count_threads(n_jobs)
        self.verbose = verbose
        self.n_computed = 0  # activations, so far
        self.dtype = np.dtype(_ROUNDED_TO)
        # With the cut at the image itself, the activations are its pixels: those never
        # leave the user's folders.
        self._store = store if self.network.layers else None
        self._trunk_digest = trunk.digest

    def read(
        self,
        paths: Sequence[str],
        views: Sequence[int] = (0,),
        *,
        keep_going: bool = False,
        only_checks: bool = False,
    ) -> Iterator[Batch]:
        """Yield the activations of views of all images, batch by batch, each view in turn.

        A file is opened and decoded once for all views; failures come with the first one.
        After a failure, unless it is to `keep_going`, images are only checked.
        """
        prefixes = {view: self._key_prefix(view) for view in views}
        going = _Pass(paths, prefixes, only_checks, seen={})
        with self._bar(len(paths), views) as bar:
            for loaded in self._load(going):
                if loaded.failures and not keep_going:
                    going.only_checks = True
                if not going.only_checks:
                    self._compute(loaded, going)
                for view in views:
                    yield self._batch(loaded, view, going)
                    loaded.failures = []
                for digest, content in loaded.contents.items():
                    going.seen.setdefault(digest, loaded.start + content.rows[0])
                if bar is not None:
                    bar.update(loaded.n_images)

    def _bar(self, n_images: int, views: Sequence[int]) -> AbstractContextManager[Any]:
        if not self.verbose:
            return nullcontext()
        from tqdm.auto import tqdm  # 20 ms, of the second that one verdict takes

        label = f"images in {len(views)} views" if len(views) > 1 else f"view {views[0]}"
        desc = "images" if list(views) == [0] else label
        bar: AbstractContextManager[Any] = tqdm(total=n_images, desc=desc, unit="image")
        return bar

    def together(self, views: Sequence[int]) -> list[Sequence[int]]:
        """Divide views into those that are read together, as memory allows."""
        most = max(1, _IMAGE_PIXELS // self._n_pixels)
        return [views[i : i + most] for i in range(0, len(views), most)]

    @property
    def _n_pixels(self) -> int:
        """Those of one view of an image."""
        height, width = self.settings.image_size
        return height * width * self.settings.n_crops

    @property
    def _n_at_once(self) -> int:
        """How many views go through the trunk together."""
        return min(256, max(self.n_threads, _BATCH_PIXELS // self._n_pixels))

    def _load(self, going: _Pass) -> Iterator[_Loaded]:
        n_images = len(going.paths)
        size = max(1, self._n_at_once // len(going.prefixes))
        size = min(size, -(-n_images // self.n_threads))
        pool = ThreadPoolExecutor(self.n_threads)
        waiting: deque[Any] = deque()
        # Nothing is computed until the first batch is loaded, so of many it is a small one.
        first = max(1, size // 4) if n_images > 2 * size else size
        starts = [0, *range(first, n_images, size), n_images]
        try:
            for start, end in pairwise(starts):
                waiting.append(pool.submit(self._load_batch, start, end, going))
                if len(waiting) > self.n_threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)

    def _load_batch(self, start: int, end: int, going: _Pass) -> _Loaded:
        loaded = _Loaded(start, end - start, contents={}, failures=[])
        for row, path in enumerate(going.paths[start:end]):
            try:
                self._load_image(loaded, row, path, going)
            except ImageReadError as failure:
                failure.index = start + row
                loaded.failures.append(failure)
        return loaded

    def _load_image(self, loaded: _Loaded, row: int, path: str, going: _Pass) -> None:
        with MemoryShare() as share:
            data = read_bytes(path, share)
            digest = content_digest(data)
            content = loaded.contents.get(digest)
            if content is None:
                content = _Content([], {}, {}, {})
                if digest not in going.seen:
                    self._look_up(content, digest, going)
                    missing = [view for view in content.keys if view not in content.known]
                    if going.only_checks:
                        missing = missing[:1]
                    if missing:
                        image = decode_image(data, path, share)
                        with blamed_on(path):
                            content.crops = render_crops_of_views(
                                image, self.settings, self.augmentation, digest, missing
                            )
                        del image  # before its memory is another thread's
                loaded.contents[digest] = content
            content.rows.append(row)

    def _look_up(self, content: _Content, digest: bytes, going: _Pass) -> None:
        """Note the keys of a content's views, and what the store has of them."""
        content.keys = {
            view: blake2b(prefix + digest, digest_size=16).digest()
            for view, prefix in going.prefixes.items()
        }
        if self._store is None:
            return
        # One look-up an image costs 15 to 28 microseconds; in that way no more than one
        # file's bytes are held at a time.
        stored = self._store.get_many(list(content.keys.values()))
        n_bytes = math.prod(self.shape) * self.dtype.itemsize
        for view, value in zip(content.keys, stored, strict=True):
            if value is not None and len(value) == n_bytes:  # others are not of our making
                content.known[view] = np.frombuffer(value, "<f2").reshape(self.shape)

    def _key_prefix(self, view: int) -> bytes:
        """Return what, together with an image's content, an activation depends on."""
        settings = self.settings
        # The pooling comes after the cut then; but statistics begin before it.
        if settings.cut is not None and not settings.sees_all_layers:
            settings = replace(settings, pooling="")
        parts: list[object] = [_KEY_FORMAT, self._trunk_digest.hex(), self.engine]
        parts += [settings, PIL.__version__]
        if self.engine == "int8":
            parts.append(settings.ranges)
        # The plain image has no settings of augmentation, and no seed.
        if view and self.augmentation is not None:
            values = {k: _plain(v) for k, v in self.augmentation.get_params().items()}
            # What is as it was before there was a parameter for it leaves the key alone.
            added = SETTINGS_BEFORE.items()
            parts += [sorted(item for item in values.items() if item not in added), view]
        return blake2b(repr(parts).encode(), digest_size=32).digest()

    def _compute(self, loaded: _Loaded, going: _Pass) -> None:
        """Compute what is not known of the loaded images, and did not come before."""
        # Some came in an earlier batch that was computed while this one was being loaded.
        missing = [
            (content, view)
            for digest, content in loaded.contents.items()
            if digest not in going.seen
            for view in content.crops
        ]
        if not missing:
            return
        forward = compile_network(
            self.network,
            (*self.settings.image_size, 3),
            engine=self.engine,
            n_threads=self.n_threads,
        )
        for start in range(0, len(missing), self._n_at_once):
            some = missing[start : start + self._n_at_once]
            crops = [content.crops.pop(view) for content, view in some]
            values = forward(self.settings.preprocess(np.concatenate(crops)))
            with np.errstate(over="ignore", under="ignore"):  # the former is said below
                computed = mean_of_crops(values, map(len, crops)).astype(self.dtype)
            self.n_computed += len(some)
            for (content, view), activations in zip(some, computed, strict=True):
                if not np.isfinite(activations).all():
                    path = going.paths[loaded.start + content.rows[0]]
                    raise ValueError(
                        f"The trunk's activations for {path!r} exceed what float16 can hold "
                        "(65504). Use other weights, or another preprocessing."
                    )
                content.known[view] = activations
        if self._store:
            self._store.put_many(
                (content.keys[view], content.known[view].tobytes())
                for content, view in missing
            )

    def _batch(self, loaded: _Loaded, view: int, going: _Pass) -> Batch:
        nothing = np.full((loaded.n_images, *self.shape), np.nan, self.dtype)
        batch = Batch(loaded.start, view, nothing, loaded.failures, repeats={})
        if going.only_checks:
            return batch
        for digest, content in loaded.contents.items():
            if digest in going.seen:
                earlier = going.seen[digest]
                batch.repeats.update(dict.fromkeys(content.rows, earlier))
            else:
                batch.activations[content.rows] = content.known[view]
        return batch


def _plain(value: Any) -> Any:
    """Return Python's number for NumPy's, which shows its type in the key."""
    if isinstance(value, tuple | list):
        return tuple(map(_plain, value))
    return value.item() if isinstance(value, np.generic) else value


def mean_of_crops(
    values: NDArray[np.float32], n_crops: Iterable[int]
) -> NDArray[np.float32]:
    """Return one row for each image from those of its crops, which stand together."""
    ends = list(accumulate(n_crops))
    if len(ends) == len(values):
        return values
    means = [values[start:end].mean(axis=0) for start, end in pairwise([0, *ends])]
    return np.stack(means)


# Shared, so that the digest and the float32 weights of a trunk are made once, not in
# every predict.
_networks: dict[tuple[bytes, TrunkSettings], Network] = {}


def _trunk_network(trunk: Trunk, settings: TrunkSettings) -> Network:
    key = (trunk.digest, settings)
    network = _networks.get(key)
    if network is None:
        network = _networks[key] = trunk_network(trunk, settings)
        # Other threads may be doing the same, so nothing is taken for granted.
        for oldest in list(_networks)[:-4]:
            _networks.pop(oldest, None)
    return network
