"""The page, the case page and the API, as an application for any ASGI server."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path, PurePath
from tempfile import TemporaryDirectory
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from skfakereal._judging.judge import Item, Judge, Judged
from skfakereal._pages.html import escaped
from skfakereal._version import __version__
from skfakereal.cases import POLICY, CaseReport, make_case
from skfakereal.web._requests import (
    LIMITS,
    CutOffError,
    Guard,
    TooMuchError,
    bound_body,
    items_of,
)

_STATIC = Path(__file__).parent / "static"


def create_app(
    judge: Judge,
    *,
    host: str = "127.0.0.1",
    token: str | None = None,
    folder: str | None = None,
) -> Starlette:
    """Return the application.

    `host` is the name or address under which it is reached; with a `token`, nobody gets in
    without. Requests have their files in folders of their own below `folder`; None for the
    usual place.
    """
    # One thread computes, whoever asks: a model is not asked twice at a time, and pages get
    # their turns between chunks. The loop itself never waits for it.
    worker = ThreadPoolExecutor(1, thread_name_prefix="skfakereal-judge")
    turn = asyncio.Lock()

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        worker.shutdown(wait=False, cancel_futures=True)

    async def index(request: Request) -> Response:
        return HTMLResponse((_STATIC / "index.html").read_text(encoding="utf-8"))

    async def model(request: Request) -> Response:
        return JSONResponse(judge.facts() | {"limits": LIMITS})

    async def openapi(request: Request) -> Response:
        return JSONResponse(describe_api())

    async def predict(request: Request) -> Response:
        asked = _Asked(request, judge, worker, turn, folder)
        await asked.read()
        if "application/x-ndjson" in request.headers.get("accept", ""):
            return StreamingResponse(asked.lines(), media_type="application/x-ndjson")
        rows = [found.row async for chunk in asked.chunks() for found in chunk]
        return JSONResponse({"model": judge.facts() | {"limits": LIMITS}, "rows": rows})

    async def case(request: Request) -> Response:
        asked = _Asked(request, judge, worker, turn, folder)
        await asked.read()
        text = await asked.page()
        if text is None:
            raise HTTPException(400, "There must be one image to make a page of.")
        return HTMLResponse(text, headers={"Content-Security-Policy": POLICY})

    return Starlette(
        routes=[
            Route("/", index),
            Route("/case", case, methods=["POST"]),
            Route("/api/model", model),
            Route("/api/predict", predict, methods=["POST"]),
            Route("/api/openapi.json", openapi),
            Mount("/static", StaticFiles(directory=_STATIC)),
        ],
        middleware=[Middleware(Guard, host=host, token=token)],
        exception_handlers={
            HTTPException: _explain,
            TooMuchError: _too_much,
            CutOffError: _cut_off,
            OSError: _not_written,
            ClientDisconnect: _gone,
        },
        lifespan=lifespan,
    )


class _Asked:
    """One request for verdicts: its files live until it has been answered."""

    def __init__(
        self,
        request: Request,
        judge: Judge,
        worker: ThreadPoolExecutor,
        turn: asyncio.Lock,
        place: str | None,
    ) -> None:
        self.request, self.judge, self.worker, self.turn = request, judge, worker, turn
        self.place = place
        query = request.query_params
        self.stable = query.get("stable", "true") != "false"
        self.thumbnails = query.get("thumbnails", "false") == "true"
        self.with_map = query.get("map", "false") == "true"
        self.only: str | None = None
        self.uploads: list[UploadFile] = []

    async def read(self) -> None:
        """Take what is sent, to memory or, where it is large, to files without a name."""
        bound_body(self.request)
        kind = self.request.headers.get("content-type", "")
        if not kind.lower().startswith("multipart/form-data"):
            what = "Send images as multipart/form-data, in fields that are called files."
            raise HTTPException(415, what)
        form = await self.request.form(max_files=LIMITS["request_files"], max_fields=10)
        self.uploads = [v for v in form.getlist("files") if isinstance(v, UploadFile)]
        only = form.get("entry")
        self.only = only if isinstance(only, str) and only else None
        n_sent = sum(
            k == "files" or isinstance(v, UploadFile) for k, v in form.multi_items()
        )
        if not self.uploads or len(self.uploads) < n_sent:
            await self.request.close()
            what = "There must be at least one image, in a field named files."
            if n_sent:
                what = "Every file must have a name and be in a field that is called files."
            raise HTTPException(400, what)
        # Not when it is first needed: by then a stream of lines would have begun.
        self.folder = TemporaryDirectory(
            prefix="skfakereal-", dir=self.place, ignore_cleanup_errors=True
        )

    async def chunks(self) -> AsyncIterator[list[Judged]]:
        """Judge a few images at a time; whatever happens, nothing is left."""
        async with self._items() as items:
            found = self.judge.chunks(items, stable=self.stable, thumbnails=self.thumbnails)
            while (chunk := await self._on_worker(next, found, None)) is not None:
                yield chunk

    async def lines(self) -> AsyncIterator[str]:
        """Yield a line of JSON for each image, as soon as it is known."""
        async for chunk in self.chunks():
            yield "".join(f"{json.dumps(found.row)}\n" for found in chunk)

    async def page(self) -> str | None:
        """Return the page of the first image, if there is one."""
        async with self._items() as items:
            page: str | None = await self._on_worker(self._first_page, items)
            return page

    def _first_page(self, items: Iterator[Item]) -> str | None:
        item = next(items, None)
        if item is None:
            return None
        judged = self.judge.judge(item, stable=self.stable)
        return _with_download(make_case(self.judge, judged, with_map=self.with_map))

    @asynccontextmanager
    async def _items(self) -> AsyncIterator[Iterator[Item]]:
        """Give the images in a folder that is removed, once nothing reads them any more."""

        def clean_up() -> None:
            for upload in self.uploads:
                upload.file.close()
            self.folder.cleanup()

        try:
            yield items_of(self.uploads, Path(self.folder.name), self.only)
        finally:
            # Behind what is still computed for somebody who has gone away.
            await asyncio.shield(asyncio.wrap_future(self.worker.submit(clean_up)))

    async def _on_worker(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Return what a function returns, or None where nobody waits for it any more."""
        async with self.turn:  # others may have gone while they waited for theirs
            if await self.request.is_disconnected():
                return None
            running = asyncio.wrap_future(self.worker.submit(function, *arguments))
            # Nobody may be left to hear of its failure.
            running.add_done_callback(lambda done: done.cancelled() or done.exception())
            return await asyncio.shield(running)


def _with_download(case: CaseReport) -> str:
    """Return a page that carries itself, to be saved by a click and without a script."""
    page = case.to_html()
    encoded = base64.b64encode(page.encode("utf-8", "backslashreplace")).decode("ascii")
    name = escaped(f"{PurePath(case.row['name']).stem or 'case'}.html")
    link = (
        f'<p><a download="{name}" href="data:text/html;base64,{encoded}">'
        "Download this page</a></p></header>"
    )
    return page.replace("</header>", link, 1)


async def _explain(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code)


async def _too_much(request: Request, error: Exception) -> Response:
    most = LIMITS["request_bytes"] // 10**6
    what = f"A request may have {most} MB at most. Send the images in several requests."
    return JSONResponse({"error": what}, 413, headers={"Connection": "close"})


async def _cut_off(request: Request, error: Exception) -> Response:
    what = "The request ends in the middle of a file. Send it again."
    return JSONResponse({"error": what}, 400, headers={"Connection": "close"})


async def _not_written(request: Request, error: Exception) -> Response:
    assert isinstance(error, OSError)
    # Without its file name: that of a path of this machine.
    what = f"The server cannot write temporary files ({error.strerror or type(error).__name__})."
    return JSONResponse({"error": what}, 507, headers={"Connection": "close"})


async def _gone(request: Request, error: Exception) -> Response:
    return Response(status_code=499)  # nobody is there to read it


def _text(description: str, *values: str) -> dict[str, Any]:
    kind: dict[str, Any] = {"type": ["string", "null"], "description": description}
    return kind | ({"enum": [*values, None]} if values else {})


def _number(description: str, kind: str = "number") -> dict[str, Any]:
    return {"type": [kind, "null"], "description": description}


_ROW = {
    "name": {
        "type": "string",
        "description": "as it was sent; of a zip, with its name before",
    },
    "verdict": _text("the label, or unsure; null if the file could not be judged"),
    "label": _text("the class on whose side of the threshold the probability lies"),
    "probability": _number("of the positive class; with more than two, of the label"),
    "threshold": _number("from which probability on the label is the positive class"),
    "reasons": {
        "type": "array",
        "items": {"type": "string"},
        "description": "why the verdict is unsure",
    },
    "novelty": _number(
        "share of images like the training images that are less unusual; from 0.99 on, the "
        "image is unlike 99% of them and its probability means little; 1: it is of another size"
    ),
    "provenance": _text(
        "what the file itself claims of its origin",
        "generated",
        "altered",
        "captured",
        "other",
    ),
    "provenance_detail": _text("what that claim rests on, and what it is worth"),
    "sha256": _text("digest of the file"),
    "bytes": _number("size of the file", "integer"),
    "width": _number("pixels", "integer"),
    "height": _number("pixels", "integer"),
    "error": _text("why the file could not be judged"),
    "thumbnail": _text(
        "with thumbnails=true: a small copy without metadata, as a data: address"
    ),
}


def describe_api() -> dict[str, Any]:
    switches = {
        "stable": "whether mild changes of the image are tried, and a verdict can be unsure; "
        "takes 4 to 6 times as long (default: true)",
        "thumbnails": "whether rows have a small copy of the picture (default: false)",
    }
    parameters = [
        {"name": name, "in": "query", "schema": {"type": "boolean"}, "description": what}
        for name, what in switches.items()
    ]
    files = {
        "type": "array",
        "items": {"type": "string", "format": "binary"},
        "maxItems": LIMITS["request_files"],
        "description": "images, and zip files of images",
    }
    body = {"type": "object", "required": ["files"], "properties": {"files": files}}
    row = {"type": "object", "properties": _ROW}
    rows = {"type": "object", "properties": {"rows": {"type": "array", "items": row}}}
    failure = {"description": 'what is wrong, as {"error": "..."}'}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "skfakereal",
            "version": __version__,
            "description": "Verdicts of one detector on images. Nothing that is sent is kept.",
        },
        "paths": {
            "/api/model": {
                "get": {
                    "summary": "what there is to know of the detector",
                    "responses": {
                        "200": {"description": "its facts, and the limits of requests"}
                    },
                }
            },
            "/api/predict": {
                "post": {
                    "summary": "judge images",
                    "description": "With Accept: application/x-ndjson, rows come one a line, as "
                    "soon as they are known.",
                    "parameters": parameters,
                    "requestBody": {
                        "required": True,
                        "content": {"multipart/form-data": {"schema": body}},
                    },
                    "responses": {
                        "200": {
                            "description": "a row for each image, in their order",
                            "content": {
                                "application/json": {"schema": rows},
                                "application/x-ndjson": {"schema": row},
                            },
                        },
                        **dict.fromkeys(
                            ("400", "401", "403", "413", "415", "421", "507"), failure
                        ),
                    },
                }
            },
        },
    }
