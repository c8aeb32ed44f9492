"""A page on this machine to drop images on, and the same answers as JSON.

Needs the extra ``web``. Nothing is kept: each request has its files in a temporary folder of
its own, and the browser holds what it shows.

`serve` is the server: where it listens, who gets in, and the browser that opens it.
"""

import os
import secrets
import shutil
import signal
import socket
import threading
import webbrowser
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

import uvicorn

from skfakereal._judging.judge import Judge
from skfakereal.web._app import create_app
from skfakereal.web._requests import is_loopback

_UPLOADS = "skfakereal-serve-"


def serve(
    judge: Judge, *, host: str, port: int, browser: bool, say: Callable[[str], None]
) -> None:
    """Serve the page until the process is interrupted."""
    token = None if is_loopback(host) else secrets.token_urlsafe(24)
    _remove_what_was_left()
    prefix = f"{_UPLOADS}{os.getpid()}-"
    place = TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True)
    if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
        # Otherwise the system would end the process with images in place.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    with place as folder, _listening(host, port) as listener:
        port = listener.getsockname()[1]
        name = f"[{host}]" if ":" in host else host
        if token is not None:
            say(
                "WARNING: this page is reached from other machines, by plain HTTP: whoever is on "
                "the way can read the images and the token. Give the address below only to "
                "those who may use it."
            )
            if host in ("0.0.0.0", "::"):
                name = socket.gethostname()
        address = f"http://{name}:{port}/" + (f"?token={token}" if token else "")
        say(f"{address}\nNothing is kept. Ctrl+C ends it.")
        if browser:
            threading.Timer(0.3, webbrowser.open, [address]).start()
        settings = uvicorn.Config(
            create_app(judge, host=host, token=token, folder=folder),
            log_level="warning",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=100,
            timeout_graceful_shutdown=2,
        )
        uvicorn.Server(settings).run(sockets=[listener])


def _remove_what_was_left() -> None:
    """Remove images of servers that were killed and could not."""
    for folder in Path(gettempdir()).glob(f"{_UPLOADS}*-*"):
        number = folder.name.removeprefix(_UPLOADS).split("-")[0]
        if os.name == "posix" and number.isdecimal() and not _is_alive(int(number)):
            shutil.rmtree(folder, ignore_errors=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True


def _listening(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(place[:2], family=family, backlog=64)
    except (OSError, UnicodeError) as error:  # names are encoded before they are looked up
        reason = getattr(error, "strerror", None) or error
        raise OSError(
            f"The page cannot be served on {host}, port {port} ({reason}). "
            "Choose another --port, or --host."
        ) from error
