"""Requests: who may send them, and the files in them, unpacked within bounds of size and number."""

import asyncio
import hmac
import ipaddress
import socket
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders, UploadFile
from starlette.requests import Request, cookie_parser
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from skfakereal._judging.judge import Item

COOKIE = "skfakereal"
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "no-store",
}


def is_loopback(host: str) -> bool:
    """Tell whether a name or address leads to this machine alone."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Guard:
    """Middleware that refuses foreign pages and, where there is a token, strangers.

    A page of somebody else's can make a browser send requests to this server, under its
    address (then the ``Origin`` is foreign) or under a name that it lets lead here (then
    the ``Host`` is). Both are refused.
    """

    def __init__(self, app: ASGIApp, host: str, token: str | None) -> None:
        self.app = app
        self.host = host.lower().strip("[]")
        self.token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        started = False

        async def send_guarded(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        answer = self._refusal(scope) or self._letting_in(scope)
        try:
            await (answer or self.app)(scope, receive, send_guarded)
        except asyncio.CancelledError:  # the server ends, and waits for nobody
            if not started:
                answer = PlainTextResponse("The server has been stopped.\n", 503)
                await answer(scope, receive, send_guarded)

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if not self._is_own(host):
            what = "This server does not answer to the host name of this request.\n"
            return PlainTextResponse(what, 421)
        origin = headers.get("origin")
        if origin is not None and origin != f"http://{host}":
            return PlainTextResponse("Requests of other sites are refused.\n", 403)
        # What a browser says of where a request comes from; other programs say nothing.
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin") and not (
            scope["method"] == "GET" and headers.get("sec-fetch-mode") == "navigate"
        ):
            return PlainTextResponse("Requests of other sites are refused.\n", 403)
        return None

    def _is_own(self, host: str) -> bool:
        try:
            name = (urlsplit(f"//{host}").hostname or "").lower()
        except ValueError:
            return False
        if is_loopback(self.host):
            return is_loopback(name)
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return name in (self.host, "localhost", socket.gethostname().lower())
        return True  # nobody can let an address lead elsewhere

    def _letting_in(self, scope: Scope) -> PlainTextResponse | RedirectResponse | None:
        """Return what is answered to those without a token, or that bring it for the first time."""
        if self.token is None:
            return None
        headers = Headers(scope=scope)
        given = cookie_parser(headers.get("cookie", "")).get(COOKIE, "")
        kind, _, bearer = headers.get("authorization", "").partition(" ")
        if _equal(given, self.token) or (kind == "Bearer" and _equal(bearer, self.token)):
            return None
        query = parse_qs(scope["query_string"].decode("latin-1"))
        if scope["path"] == "/" and _equal(query.get("token", [""])[0], self.token):
            answer = RedirectResponse("/", 303)
            answer.set_cookie(
                COOKIE, self.token, httponly=True, samesite="strict", path="/"
            )
            return answer
        return PlainTextResponse(
            "Open the address that `skfakereal serve` printed, with its token, or send it as "
            "Authorization: Bearer TOKEN.\n",
            401,
        )


def _equal(given: str, token: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), token.encode())


# Bytes of a file, bytes of a request, and files in it; files in a zip, and bytes that it may
# expand to.
LIMITS = {
    "file_bytes": 100 * 10**6,
    "request_bytes": 500 * 10**6,
    "request_files": 1000,
    "zip_files": 5000,
    "zip_bytes": 2 * 10**9,
}
_MOST_DIRECTORY = 2**24  # bytes of a zip's directory: some 100,000 entries
_NAME = 300  # characters of a name that are kept
_LEFT_OUT = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini")
# zipfile unpacks what is packed in other ways a megabyte at a time, however much that holds.
_PACKED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_A_PIECE = 2**20
_NOT_READ = "is encrypted in the zip, or packed otherwise than by deflate"
_TAIL = 512  # bytes, longer than any line between files


class TooMuchError(Exception):
    """A request is larger than what is taken."""


class CutOffError(Exception):
    """A request ends in the middle of a file."""


def bound_body(request: Request) -> None:
    """Let reading the body of a request end where it has more than it may, or too little."""
    most = LIMITS["request_bytes"]
    receive, n_bytes, tail = request.receive, 0, b""

    async def counted() -> Message:
        nonlocal n_bytes, tail
        message = await receive()
        body = message.get("body", b"")
        n_bytes += len(body)
        if n_bytes > most:
            raise TooMuchError
        tail = (tail + body)[-_TAIL:]
        # The parser takes what is whole for everything.
        if message["type"] == "http.request" and not message.get("more_body", False):
            last = tail.rstrip().rpartition(b"\n")[2]
            if n_bytes and not (last.startswith(b"--") and last.endswith(b"--")):
                raise CutOffError
        return message

    length = request.headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > most:
        raise TooMuchError
    request._receive = counted


def items_of(
    uploads: list[UploadFile], folder: Path, only: str | None = None
) -> Iterator[Item]:
    """Write the files of a request to a folder, one when it is asked for, and yield them.

    `only` is the name of the one that is wanted of a zip.
    """
    for number, upload in enumerate(uploads):
        name = _clean(upload.filename or "")
        file = upload.file
        file.seek(0)
        if file.read(4) in (b"PK\3\4", b"PK\5\6"):
            yield from _unpacked(file, name, folder / f"{number:06}", only)
            continue
        file.seek(0)
        yield _written(file, name, folder / f"{number:06}")


def _written(file: IO[bytes], name: str, place: Path) -> Item:
    """Copy a file, up to what one may have."""
    left = LIMITS["file_bytes"]
    try:
        with place.open("wb") as out:
            while piece := file.read(min(_A_PIECE, left + 1)):
                left -= len(piece)
                if left < 0:
                    break
                out.write(piece)
    except OSError as error:
        place.unlink(missing_ok=True)
        what = (
            f"cannot be judged, since the server cannot write it to disk ({error.strerror})"
        )
        return Item(name, error=what)
    if left < 0:
        place.unlink()
        most = LIMITS["file_bytes"] // 10**6
        return Item(name, error=f"has over {most} MB, the most that this page takes")
    return Item(name, str(place))


def _unpacked(file: IO[bytes], name: str, place: Path, only: str | None) -> Iterator[Item]:
    try:
        _check_directory(file)
        archive = zipfile.ZipFile(file)
    except (
        zipfile.BadZipFile,
        NotImplementedError,
        ValueError,
        OSError,
        struct.error,
    ) as error:
        yield Item(name, error=f"is a zip file that cannot be read: {error}")
        return
    with archive:
        left, count = LIMITS["zip_bytes"], 0
        for entry in archive.infolist():
            inner = entry.filename
            if inner.startswith(_LEFT_OUT) or inner.endswith(("/", *_LEFT_OUT)):
                continue
            count += 1
            shown = f"{name}/{_clean(inner)}"
            if count > LIMITS["zip_files"]:
                what = f"the zip holds more than {LIMITS['zip_files']:,} files: the rest is left"
                yield Item(name, error=f"{what} out")
                return
            if left <= 0:
                what = "the zip expands to more than this page takes: the rest is left out"
                yield Item(name, error=what)
                return
            if only not in (None, shown):
                continue
            if entry.compress_type not in _PACKED:
                yield Item(shown, error=_NOT_READ)
                continue
            try:
                # What its header says of its size is not believed.
                with archive.open(entry) as packed:
                    item = _written(
                        packed, shown, place.with_name(f"{place.name}-{count:06}")
                    )
                left -= (
                    Path(item.path).stat().st_size if item.path else LIMITS["file_bytes"]
                )
                yield item
            except (RuntimeError, NotImplementedError):
                yield Item(shown, error=_NOT_READ)
            except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError) as error:
                yield Item(shown, error=f"is damaged in the zip: {error}")


def _check_directory(file: IO[bytes]) -> None:
    """Refuse a zip whose directory alone would fill the memory."""
    size = file.seek(0, 2)
    file.seek(max(0, size - 2**16 - 22))
    tail = file.read()
    end = tail.rfind(b"PK\5\6")
    if end < 0 or len(tail) - end < 22:
        raise ValueError("its directory is missing")
    if struct.unpack_from("<I", tail, end + 12)[0] > _MOST_DIRECTORY:
        raise ValueError("it has too many files")
    file.seek(0)


def _clean(name: str) -> str:
    """Return a name without what could lead out of a folder."""
    parts = [p for p in name.replace("\\", "/").split("/") if p not in ("", ".", "..")]
    return "/".join(parts)[-_NAME:] or "unnamed"
