"""``download``: whole files, and networks that refuse, are silent, drip or never end."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from time import monotonic

import pytest
from conftest import Patch, Said

from skfakereal._download import download

Answer = Callable[[socket.socket, threading.Event], None]
OK = b"HTTP/1.1 200 OK\r\n"


def drip(data: bytes, connection: socket.socket, over: threading.Event) -> None:
    """Send a byte a second for as long as the test runs."""
    for byte in data:
        connection.sendall(bytes([byte]))
        if over.wait(1):
            return


def silent(connection: socket.socket, over: threading.Event) -> None:
    over.wait()


def dripping_header(connection: socket.socket, over: threading.Event) -> None:
    drip(OK + b"X: " + b"y" * 100, connection, over)


def dripping_body(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(OK + b"Content-Length: 1000\r\n\r\n")
    drip(bytes(1000), connection, over)


def falls_silent(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(OK + b"Content-Length: 1000000\r\n\r\n" + bytes(900_000))
    over.wait()


def never_ends(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(OK + b"\r\n")
    while not over.is_set():
        connection.sendall(bytes(100_000))


def ends_early(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(OK + b"Content-Length: 1000\r\n\r\n" + bytes(500))


def whole(connection: socket.socket, over: threading.Event) -> None:
    connection.sendall(OK + b"Content-Length: 300000\r\n\r\n" + bytes(range(100)) * 3000)


@pytest.fixture
def serve(monkeypatch: Patch) -> Iterator[Callable[[Answer], str]]:
    """Return a function that answers one connection and returns the address."""
    monkeypatch.setattr("skfakereal._download._PATIENCE", 0.5)  # seconds
    monkeypatch.setenv("no_proxy", "*")
    over, threads = threading.Event(), []
    listening = socket.create_server(("127.0.0.1", 0))

    def answer(how: Answer) -> None:
        with listening.accept()[0] as connection:
            connection.recv(10_000)
            with suppress(OSError):  # nobody listens any more
                how(connection, over)

    def start(how: Answer) -> str:
        threads.append(threading.Thread(target=answer, args=(how,)))
        threads[-1].start()
        return f"http://127.0.0.1:{listening.getsockname()[1]}/file"

    yield start
    over.set()
    for thread in threads:
        thread.join()
    listening.close()


def test_a_whole_file(serve: Callable[[Answer], str], tmp_path: Path, capfd: Said) -> None:
    download(serve(whole), tmp_path / "file", what="numbers")
    assert (tmp_path / "file").read_bytes() == bytes(range(100)) * 3000
    said = capfd.readouterr()
    assert "Downloading numbers from 127.0.0.1\n" in said.err
    assert not said.out


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (silent, r"nothing came within 0\.5 seconds"),
        (dripping_header, r"nothing came within 0\.5 seconds"),
        (dripping_body, r"only 1 bytes? came within 0\.5 seconds"),
        (falls_silent, r"nothing came within 0\.5 seconds"),
        (ends_early, "500 more expected"),
    ],
)
def test_networks_that_bring_too_little(
    how: Answer, message: str, serve: Callable[[Answer], str], tmp_path: Path
) -> None:
    url, began = serve(how), monotonic()
    with pytest.raises(OSError, match=f"^{url} cannot be downloaded: .*{message}"):
        download(url, tmp_path / "file", what="numbers")
    assert monotonic() - began < 5


def test_a_file_without_end(
    serve: Callable[[Answer], str], tmp_path: Path, monkeypatch: Patch
) -> None:
    monkeypatch.setattr("skfakereal._download._LARGEST", 1_000_000)
    with pytest.raises(OSError, match=r"more than 1,000,000 bytes came"):
        download(serve(never_ends), tmp_path / "file", what="numbers")
    assert (tmp_path / "file").stat().st_size < 2_000_000


def test_nobody_listens(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/file"
    with pytest.raises(OSError, match=r"cannot be downloaded: .*refused"):
        download(url, tmp_path / "file", what="numbers")
