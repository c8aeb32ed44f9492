"""An address -> a file, whole; and what to do about it when there is none."""

import http.client
import time
import urllib.error
import urllib.request
import warnings
from pathlib import Path

from tqdm import tqdm

__all__ = ["download"]

_CHUNK = 1 << 20  # bytes
_TIMEOUT = 60.0  # seconds without a byte


def download(url: str, path: Path, *, n_retries: int, delay: float) -> None:
    """Stream a file from the network to a new file, with a progress bar on a terminal.

    Parameters
    ----------
    url : str
        The address.
    path : Path
        The file to write.
    n_retries : int
        How many times to begin anew after a failure.
    delay : float
        Seconds before each of these.

    Raises
    ------
    OSError
        If the last attempt fails, or ends before the length that the server announced.
    """
    for attempts_left in range(n_retries, -1, -1):
        try:
            _stream(url, path)
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
                raise OSError(f"{url} cannot be downloaded: {error}.") from error
            warnings.warn(
                f"The download of {url} failed ({error}); trying again.", stacklevel=2
            )
            time.sleep(delay)


def _stream(url: str, path: Path) -> None:
    with urllib.request.urlopen(url, timeout=_TIMEOUT) as response, path.open("wb") as file:
        length = response.headers.get("Content-Length")
        expected = int(length) if length else None
        with tqdm(
            total=expected, unit="B", unit_scale=True, desc="download", disable=None
        ) as bar:
            while chunk := response.read(_CHUNK):
                file.write(chunk)
                bar.update(len(chunk))
        # A read in chunks ends quietly where the connection does.
        if expected is not None and file.tell() != expected:
            raise http.client.IncompleteRead(b"", expected - file.tell())
