"""An address -> a file, whole and within bounds of time; or an error that says why not."""

import http.client
import os
import sys
import time
import urllib.error
import urllib.request
import warnings
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import NoReturn
from urllib.parse import urlsplit

from tqdm import tqdm

_CHUNK = 1 << 16  # bytes
_PATIENCE = 30.0  # seconds after which too little has come
_SLOWEST = 10_000  # bytes a second; less is too little
_LARGEST = 1 << 30  # bytes, ten times what is ever asked for


def download(
    url: str, path: Path, *, what: str, n_retries: int = 0, delay: float = 0.0
) -> None:
    """Stream a file from the network to a new file, and show how far it is.

    An attempt fails that brings less than 10 kB a second for 30 seconds, or ends before the
    length that the server announced.
    """
    for attempts_left in range(n_retries, -1, -1):
        try:
            _stream(url, path, what)
            return
        except (OSError, http.client.HTTPException) as error:
            # Asking again does not bring a page that is not there.
            gone = isinstance(error, urllib.error.HTTPError) and error.code in (
                401,
                403,
                404,
                410,
            )
            if gone or attempts_left == 0:
                raise OSError(
                    f"{url} cannot be downloaded{_by_way_of(url)}: {error}."
                ) from error
            warnings.warn(
                f"The download of {url} failed ({error}); trying again.", stacklevel=2
            )
            time.sleep(delay)


def _by_way_of(url: str) -> str:
    """Name the variable that sends us to a proxy, not the proxy: it may hold a password."""
    parts = urlsplit(url)
    for name in (f"{parts.scheme}_proxy", f"{parts.scheme}_proxy".upper()):
        if os.environ.get(name) and not urllib.request.proxy_bypass(parts.hostname or ""):
            return f" through the proxy that {name} names"
    return ""


def _stream(url: str, path: Path, what: str) -> None:
    transfer = _Transfer(url)
    with path.open("wb") as file, _bar(url, what) as bar:
        transfer.start()
        try:
            for chunk in transfer.chunks():
                file.write(chunk)
                bar.total = transfer.expected
                bar.update(len(chunk))
                if file.tell() > _LARGEST:
                    raise OSError(f"more than {_LARGEST:,} bytes came")
        finally:
            transfer.given_up = True
        # A read in chunks ends quietly where the connection does.
        if transfer.expected is not None and file.tell() != transfer.expected:
            raise http.client.IncompleteRead(b"", transfer.expected - file.tell())


def _bar(url: str, what: str) -> "tqdm[NoReturn]":
    """Say what begins, and return the bar: in a log, a line every ten seconds."""
    watched = sys.stderr is not None and sys.stderr.isatty()
    if sys.stderr is not None:
        with suppress(OSError, ValueError):  # it was closed
            sys.stderr.write(f"Downloading {what} from {urlsplit(url).hostname}\n")
            sys.stderr.flush()
    return tqdm(
        unit="B",
        unit_scale=True,
        desc="download",
        disable=sys.stderr is None,
        mininterval=0.1 if watched else 10.0,
        delay=0.0 if watched else 10.0,
    )


class _Transfer(Thread):
    """The content of an address, received in a thread of its own.

    Since no timeout of a socket bounds a silent name server, a header that never ends, or
    a proxy that sends a byte a second.
    """

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.expected: int | None = None
        self.given_up = False
        self._url = url
        self._received: SimpleQueue[bytes | Exception] = SimpleQueue()

    def run(self) -> None:
        try:
            # Not `urlopen`, which goes by the proxies of its first call ever after.
            opener = urllib.request.build_opener()
            with opener.open(self._url, timeout=2 * _PATIENCE) as response:
                length = response.headers.get("Content-Length")
                self.expected = int(length) if length else None
                chunk = b"some"
                while chunk and not self.given_up:
                    chunk = response.read1(_CHUNK)
                    self._received.put(chunk)
        except Exception as error:  # for the thread that waits
            self._received.put(error)

    def chunks(self) -> Iterator[bytes]:
        """Yield what comes, as long as enough comes."""
        n_bytes, deadline = 0, time.monotonic() + _PATIENCE
        while True:
            with suppress(Empty):
                chunk = self._received.get(timeout=max(0.0, deadline - time.monotonic()))
                if isinstance(chunk, Exception):
                    raise chunk
                if not chunk:
                    return
                n_bytes += len(chunk)
                yield chunk
            if time.monotonic() >= deadline:
                if n_bytes < _SLOWEST * _PATIENCE:
                    what = f"only {n_bytes:,} bytes" if n_bytes else "nothing"
                    raise TimeoutError(f"{what} came within {_PATIENCE:g} seconds")
                n_bytes, deadline = 0, time.monotonic() + _PATIENCE
