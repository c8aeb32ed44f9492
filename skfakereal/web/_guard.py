"""Who may ask: the names of this server, pages of its own, and holders of the token."""

import asyncio
import hmac
import ipaddress
import socket
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

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
