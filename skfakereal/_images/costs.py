"""What reading one image may cost, and what all threads together may hold.

Everything is told before the pixels are decoded, from the header: whether an image is read
never depends on how fast or how loaded the machine is.
"""

import os
import threading
from contextlib import suppress
from typing import Any, Self

from PIL import ImageFile

# Bytes that one image may take; that leaves 118 million pixels of 8 bytes.
_MEMORY = 10**9
_MEMORY_VARIABLE = "SKFAKEREAL_IMAGE_MEMORY"
# Pillow's resize takes width of the view times height of the image between its two passes,
# and tables of 32 bytes a pixel of a side.
_MAX_SIDE = 100_000
# Bytes a pixel while decoding, measured by benchmarks.image_costs: all hold the decoded
# image and its RGB copy (8); what is above is the decoder's own.
_BYTES_A_PIXEL = {"WEBP": 22, "AVIF": 24, "JPEG2000": 28, "HEIF": 24, "JXL": 40}
# OpenJPEG takes up to half a microsecond a pixel.
_MAX_PIXELS = {"JPEG2000": 20_000_000}
# Most images are smaller, and are read in parallel without further ado.
_UNCOUNTED = 2**22
# Bytes of images that are done and may still be the process's.
_MAX_LOOSE = 3 * 10**8
# Pixels that are converted at once; the steps of that take up to 24 bytes each.
STRIP = 2**21
# Pillow decodes these in Python, up to 1 microsecond a sample.
_SLOW_DECODERS = {"bmp_rle", "ppm", "ppm_plain"}
_MAX_SLOW_SAMPLES = 2**23
# Each scan of a progressive JPEG visits all coefficients, some 2 nanoseconds a pixel.
_FEW_SCANS, _MAX_SCANS = 16, 100
_MAX_SCANNED = 3 * 10**9


def image_memory() -> int:
    """Return how many bytes one image may take, from its file to a view of it.

    The environment variable ``SKFAKEREAL_IMAGE_MEMORY`` sets them.
    """
    text = os.environ.get(_MEMORY_VARIABLE)
    if not text:
        return _MEMORY
    if not text.isascii() or not text.isdigit() or not int(text):
        raise ValueError(
            f"{_MEMORY_VARIABLE} must be a number of bytes, such as 2000000000, got {text!r}."
        )
    return int(text)


def size_fault(name: str, size: tuple[int, int], needed: int, limit: int) -> str | None:
    """Return why an image takes too much memory to decode; None if it does not."""
    width, height = size
    if width > _MAX_SIDE or height > _MAX_SIDE:
        return f"it is {width} x {height} pixels, and no side may have over {_MAX_SIDE:,}"
    most = _MAX_PIXELS.get(name)
    if most is not None and width * height > most:
        return (
            f"it is {width} x {height} pixels, and {name} is slow to decode: at most "
            f"{most:,} pixels are; save it as PNG"
        )
    if needed > limit:
        return (
            f"it is {width} x {height} pixels, which take {needed / 1e6:,.0f} MB to decode, "
            f"over {limit / 1e6:,.0f} MB (the environment variable {_MEMORY_VARIABLE}, in "
            "bytes, sets that limit)"
        )
    return None


def slowness_fault(image: ImageFile.ImageFile) -> str | None:
    """Return why an image that is not decoded yet would take too long; None if it does not."""
    if not image.tile or image.tile[0][0] not in _SLOW_DECODERS:
        return None
    samples = image.width * image.height * len(image.getbands())
    if samples <= _MAX_SLOW_SAMPLES:
        return None
    return (
        f"it has {samples:,} samples in an encoding that is slow to decode, over "
        f"{_MAX_SLOW_SAMPLES:,}; save it as PNG"
    )


def memory_needed(
    name: str, size: tuple[int, int], n_bytes: int, image: ImageFile.ImageFile | None = None
) -> int:
    """Return an upper bound of the bytes that an image takes while it is decoded.

    `n_bytes` are held of the file. Without `image`, it is the bound before it is opened.
    """
    a_pixel = _BYTES_A_PIXEL.get(name, 8)
    if name == "JPEG":
        a_pixel = max(a_pixel, 4 + _coefficient_bytes(image))
    elif name == "TIFF" and image is not None:
        a_pixel = max(a_pixel, 4 + _strip_bytes(image))
    n_pixels = size[0] * size[1]
    return n_bytes + n_pixels * a_pixel + 24 * min(n_pixels, STRIP)


def _coefficient_bytes(image: ImageFile.ImageFile | None) -> int:
    """Return what a JPEG of several scans keeps a pixel: 2 bytes for each coefficient."""
    layers: list[tuple[int, ...]] = getattr(image, "layer", [])
    largest = max((across * down for _, across, down, _ in layers), default=1)
    return -(-2 * sum(across * down for _, across, down, _ in layers) // max(1, largest))


def _strip_bytes(image: ImageFile.ImageFile) -> int:
    """Return what a TIFF's samples take a pixel: one strip may hold them all."""
    tags: dict[int, Any] = getattr(image, "tag_v2", {})
    bits: tuple[int, ...] = tags.get(258, (8,))
    samples: int = tags.get(277, 1)
    return -(-max(sum(bits), samples * max(bits)) // 8)


def scan_fault(n_scans: int, n_pixels: int) -> str | None:
    """Return why a JPEG has too many scans; None if it does not."""
    if n_scans <= _FEW_SCANS:
        return None
    most = min(_MAX_SCANS, max(_FEW_SCANS, _MAX_SCANNED // max(1, n_pixels)))
    if n_scans <= most:
        return None
    return f"it has over {most} scans, the most that are decoded at {n_pixels:,} pixels"


class _Pool:
    """Bytes that all threads of this process share."""

    def __init__(self, images: int) -> None:
        self._images = images
        self._reset()

    def _reset(self) -> None:
        self._freed = threading.Condition()
        self._used = self._loose = 0

    def take(self, n_bytes: int) -> None:
        # What is larger than the whole pool has it alone.
        with self._freed:
            self._freed.wait_for(
                lambda: (
                    not self._used or self._used + n_bytes <= self._images * image_memory()
                )
            )
            self._used += n_bytes

    def give_back(self, n_bytes: int) -> None:
        self._loose += n_bytes
        if self._loose > _MAX_LOOSE:
            self._loose = 0
            _return_to_system()
        with self._freed:
            self._used -= n_bytes
            self._freed.notify_all()


def _return_to_system() -> None:
    """Let glibc give back what has been freed: it keeps that for each thread of its own."""
    import ctypes  # only where an image is large

    # Other systems have no such function, or no such way to it.
    with suppress(OSError, AttributeError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


_FILES, _PIXELS = _Pool(1), _Pool(2)
if hasattr(os, "register_at_fork"):  # a child has none of the threads that give back
    os.register_at_fork(after_in_child=_FILES._reset)
    os.register_at_fork(after_in_child=_PIXELS._reset)


class MemoryShare:
    """What the reading of one image holds of the memory that all images share.

    At most three times `image_memory` together: once for files, twice for pixels. Threads
    wait for their part; each takes it for its file first and only once for pixels, so that
    those who wait never hold what others wait for. All of it goes back at the end of the
    ``with``.
    """

    def __init__(self) -> None:
        self._held: list[tuple[_Pool, int]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        while self._held:
            pool, n_bytes = self._held.pop()
            pool.give_back(n_bytes)

    def hold_file(self, n_bytes: int) -> None:
        """Wait for the memory of a file."""
        self._hold(_FILES, n_bytes)

    def hold_pixels(self, n_bytes: int) -> None:
        """Wait for the memory of the pixels."""
        self._hold(_PIXELS, n_bytes)

    def _hold(self, pool: _Pool, n_bytes: int) -> None:
        if n_bytes > _UNCOUNTED:
            pool.take(n_bytes)
            self._held.append((pool, n_bytes))
