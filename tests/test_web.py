"""The page's server: the same answers as `predict`, no strangers, and nothing kept."""

import asyncio
import base64
import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from conftest import MakeImage, Patch, Said, noise
from image_attacks import ATTACKS, png, png_chunk
from PIL import Image
from sklearn.dummy import DummyClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import LinearSVC

from skfakereal import VGG16ImageClassifier
from skfakereal._judging.model import Model, load_model
from skfakereal.cli import main

pytest.importorskip("starlette")
import httpx2
from starlette.testclient import TestClient

from skfakereal._judging.judge import Judge
from skfakereal.web import _requests as _uploads
from skfakereal.web._app import create_app
from skfakereal.web._requests import Guard

HOST = "http://127.0.0.1:8765"
LINES = {"Accept": "application/x-ndjson"}
A1111 = b"parameters\0a cat\nSteps: 20, Sampler: Euler a, Seed: 1"


@pytest.fixture
def place(fitted_classifier: VGG16ImageClassifier, tmp_path: Path) -> str:
    joblib.dump(fitted_classifier, tmp_path / "some.joblib")
    return str(tmp_path / "some.joblib")


@pytest.fixture
def judge(place: str) -> Judge:
    return Judge(load_model(place, trust=True), place)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: Patch) -> Path:
    """Return the folder in which everything temporary is made."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return tmp_path / "temporary"


@pytest.fixture
def client(judge: Judge, temporary: Path) -> Iterator[TestClient]:
    with TestClient(create_app(judge), base_url=HOST) as client:
        yield client
    assert list(temporary.iterdir()) == []


def files(*paths: str | Path, **named: bytes) -> list[tuple[str, tuple[str, bytes]]]:
    known = {Path(path).name: Path(path).read_bytes() for path in paths} | named
    return [("files", (name, data)) for name, data in known.items()]


def zipped(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name.replace("%", "/"), data)
    return buffer.getvalue()


def rows_of(client: TestClient, sent: Any, more: str = "") -> list[dict[str, Any]]:
    """Return what is told of files that are sent at once, each judged by itself."""
    address = f"/api/predict?stable=false{more}"
    rows: list[dict[str, Any]] = client.post(address, files=sent).json()["rows"]
    return rows


def test_rows_are_those_of_predict(
    client: TestClient, place: str, make_image: MakeImage, capsys: Said
) -> None:
    paths = [make_image(f"{i}.png", noise(32 + i)) for i in range(11)]
    main(["predict", "--trust", place, *paths, "--format", "csv"])
    wanted = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    answer = client.post("/api/predict?stable=false", files=files(*paths))
    assert answer.status_code == 200
    rows = answer.json()["rows"]
    assert [row["label"] for row in rows] == [row["label"] for row in wanted]
    assert [row["probability"] for row in rows] == [float(r["probability"]) for r in wanted]
    assert [row["name"] for row in rows] == [Path(path).name for path in paths]
    assert answer.json()["model"]["positive"] == "fake"
    address = "/api/predict?stable=false"
    streamed = client.post(address, files=files(*paths), headers=LINES)
    assert [json.loads(line) for line in streamed.text.splitlines()] == rows


@pytest.mark.parametrize("shade", [10, 120, 245])
def test_stable_rows_are_those_of_predict(
    client: TestClient, place: str, make_image: MakeImage, shade: int, capsys: Said
) -> None:
    path = make_image("a.png", shade)
    main(["predict", "--trust", place, path, "--stable", "--format", "json"])
    (wanted,) = json.loads(capsys.readouterr().out)
    (row,) = client.post("/api/predict", files=files(path)).json()["rows"]
    assert (row["verdict"], row["probability"]) == (wanted["label"], wanted["probability"])
    assert " ".join(row["reasons"]) == (wanted["reasons"] or "")
    (plain,) = client.post("/api/predict?stable=false", files=files(path)).json()["rows"]
    assert row["label"] == plain["label"]


def test_broken_and_hostile_files_are_rows(
    client: TestClient, make_image: MakeImage
) -> None:
    good = make_image("good.png", noise(40))
    bad = {
        "text.jpg": b"no image",
        "empty.png": b"",
        "short.png": Path(good).read_bytes()[:-40],
        "bomb.png": ATTACKS["png pixels"](),
        "../../etc/passwd": b"root",
    }
    rows = rows_of(client, files(good, **bad))
    said = {row["name"]: row["error"] for row in rows}
    assert said["good.png"] is None
    assert "not an image" in said["text.jpg"]
    assert "truncated" in said["short.png"]
    assert "too large" in said["bomb.png"]
    assert "etc/passwd" in said
    assert all(row["verdict"] is None for row in rows if row["error"])
    assert "/tmp" not in json.dumps(rows)


def test_a_model_that_refuses_an_image_costs_the_others_nothing(
    place: str, make_image: MakeImage
) -> None:
    class Choosy(DummyClassifier):
        def predict_proba(self, X: Any) -> Any:
            if any(Image.open(path).width == 7 for path in X):
                raise RuntimeError("seven")
            return super().predict_proba(X)

    model = Choosy().fit(["a", "b"], [0, 1])
    client = TestClient(create_app(Judge(Model(model, ("real", "fake"), 1), place)), HOST)
    paths = [make_image(f"{side}.png", 9, size=(side, side)) for side in (6, 7, 8)]
    rows = rows_of(client, files(*paths))
    assert [row["label"] for row in rows] == ["real", None, "real"]
    assert "seven" in rows[1]["error"]


@pytest.mark.parametrize("address", ["/api/predict", "/case"])
def test_who_has_gone_before_his_turn_costs_nothing(place: str, address: str) -> None:
    begun, go_on, n_calls = threading.Event(), threading.Event(), 0

    class Slow(DummyClassifier):
        def predict_proba(self, X: Any) -> Any:
            nonlocal n_calls
            n_calls += 1
            begun.set()
            assert go_on.wait(60)
            return super().predict_proba(X)

    model = Model(Slow().fit(["a", "b"], [0, 1]), ("real", "fake"), 1)
    app, image = create_app(Judge(model, place)), files(**{"a.png": png((30, 20))})
    request = httpx2.Request("POST", HOST + address, files=image)
    body = {"type": "http.request", "body": request.read(), "more_body": False}
    headers = [(name.lower().encode(), v.encode()) for name, v in request.headers.items()]
    scope = {"type": "http", "method": "POST", "path": address, "headers": headers}
    scope |= {"query_string": b"stable=false", "http_version": "1.1"}

    async def ask(*, stays: bool) -> list[Any]:
        waiting = [body] if stays else [body, {"type": "http.disconnect"}]
        sent = list[Any]()

        async def receive() -> Any:
            return waiting.pop(0) if waiting else await asyncio.Event().wait()

        async def send(message: Any) -> None:
            sent.append(message)

        await app(scope, receive, send)
        return sent

    async def both() -> list[list[Any]]:
        first = asyncio.create_task(ask(stays=True))
        await asyncio.to_thread(begun.wait, 60)
        second = asyncio.create_task(ask(stays=False))
        go_on.set()
        return await asyncio.gather(first, second)

    answered, _ = asyncio.run(both())
    assert answered[0]["status"] == 200
    assert n_calls == 1


def test_a_zip_is_unpacked_within_bounds(
    client: TestClient, make_image: MakeImage, monkeypatch: Patch
) -> None:
    image = Path(make_image("a.png", noise(40))).read_bytes()
    members = dict.fromkeys(["in%a.png", "b.png", "__MACOSX%c.png"], image)
    members |= {"note.txt": b"x", "..%..%up.png": image}
    zips = files(**{"all.zip": zipped(**members)})
    rows = rows_of(client, zips)
    names = ["all.zip/in/a.png", "all.zip/b.png", "all.zip/note.txt", "all.zip/up.png"]
    assert [row["name"] for row in rows] == names
    assert [row["error"] is None for row in rows] == [True, True, False, True]

    monkeypatch.setitem(_uploads.LIMITS, "zip_bytes", 2_000_000)
    monkeypatch.setitem(_uploads.LIMITS, "file_bytes", 1_000_000)
    bomb = files(**{"bomb.zip": zipped(**{f"{i}.png": bytes(10**7) for i in range(9)})})
    rows = rows_of(client, bomb)
    assert ["has over 1 MB" in row["error"] for row in rows] == [True, True, False]
    assert "expands to more" in rows[-1]["error"]
    monkeypatch.setitem(_uploads.LIMITS, "zip_files", 3)
    many = files(**{"many.zip": zipped(**{f"{i}.png": image for i in range(9)})})
    rows = rows_of(client, many)
    assert [row["error"] is None for row in rows] == [True, True, True, False]


@pytest.mark.parametrize("damage", ["cut", "changed", "directory", "encrypted"])
def test_a_damaged_zip_is_a_row(
    client: TestClient, make_image: MakeImage, damage: str
) -> None:
    data = bytearray(zipped(**{"a.png": Path(make_image("a.png", noise(40))).read_bytes()}))
    if damage == "cut":
        del data[-30:]
    elif damage == "changed":
        data[60] ^= 0xFF
    elif damage == "directory":
        data[-10:-6] = b"\xff\xff\xff\x7f"
    else:
        data[6] |= 1
        data[data.index(b"PK\1\2") + 8] |= 1
    (row,) = rows_of(client, files(**{"a.zip": bytes(data)}))
    assert row["error"]
    assert row["verdict"] is None


@pytest.mark.parametrize("kind", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_zip_that_would_burst_is_a_row(client: TestClient, kind: int) -> None:
    """A few hundred bytes of bzip2 are unpacked to hundreds of megabytes at one go."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", kind) as archive:
        archive.writestr("a.png", bytes(10**6))
        archive.writestr("b.png", png((30, 20)), zipfile.ZIP_DEFLATED)
    zips = files(**{"all.zip": buffer.getvalue()})
    burst, good = rows_of(client, zips)
    assert "packed otherwise than by deflate" in burst["error"]
    assert good["error"] is None


def test_what_no_zip_should_say_of_itself_is_a_row(client: TestClient) -> None:
    nameless = zipped(**{"nameless": png((30, 20)), "b.png": png((20, 30))})
    nameless = nameless.replace(b"nameless", b"\0ameless")  # names end at a null byte
    future = bytearray(zipped(**{"a.png": png((30, 20))}))
    future[future.index(b"PK\1\2") + 6] = 255  # the version of zip that is needed
    sent = files(**{"a.zip": nameless, "b.zip": bytes(future), "c.png": png((30, 20))})
    rows = rows_of(client, sent)
    names = ["a.zip/unnamed", "a.zip/b.png", "b.zip", "c.png"]
    assert [row["name"] for row in rows] == names
    assert [row["error"] is None for row in rows] == [True, True, False, True]
    assert "cannot be read" in rows[2]["error"]


@pytest.mark.parametrize("packed", [False, True])
def test_a_full_disk_costs_an_image_its_verdict_alone(
    client: TestClient,
    make_image: MakeImage,
    full_disk: Callable[[int], None],
    packed: bool,
) -> None:
    full_disk(50_000)
    large = io.BytesIO()
    Image.fromarray(noise(200)).save(large, "png")
    members = {"large.png": large.getvalue(), "small.png": png((30, 20))}
    sent = files(**({"a.zip": zipped(**members)} if packed else members))
    rows = rows_of(client, sent)
    assert "cannot write it to disk (File too large)" in rows[0]["error"]
    assert rows[1]["error"] is None
    told = client.post("/case", files=sent).text
    assert "cannot write it to disk" in told


@pytest.mark.parametrize("headers", [{}, LINES])
def test_what_cannot_be_written_down_is_told(
    judge: Judge, tmp_path: Path, full_disk: Callable[[int], None], headers: dict[str, str]
) -> None:
    full_disk(50_000)
    client = TestClient(create_app(judge), HOST)
    huge = files(**{"a.png": bytes(2 * 10**6)})  # more than is held in memory
    gone = TestClient(create_app(judge, folder=str(tmp_path / "gone")), HOST)
    for server, sent in [(client, huge), (gone, files(**{"a.png": png((30, 20))}))]:
        for address in ("/api/predict", "/case"):
            answer = server.post(address, files=sent, headers=headers)
            assert answer.status_code == 507
            assert "cannot write temporary files" in answer.json()["error"]
            assert str(tmp_path) not in answer.text


def test_no_file_is_passed_over(client: TestClient) -> None:
    image = png((30, 20))
    named = ("files", ("a.png", image))
    for other in [("file", ("b.png", image)), ("files", (None, image))]:
        answer = client.post("/api/predict", files=[named, other])
        assert answer.status_code == 400
        assert "called files" in answer.json()["error"]


def test_a_request_that_is_cut_off_is_refused(client: TestClient) -> None:
    """Of two images, the second of them in part, the first alone would be answered."""
    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n'
    body = 2 * (head + png((30, 20)) + b"\r\n") + b"--x--"
    kind = {"Content-Type": "Multipart/Form-Data; boundary=x"}
    for whole in (body, body + b"\r\n"):
        answer = client.post("/api/predict?stable=false", content=whole, headers=kind)
        assert len(answer.json()["rows"]) == 2
    for n_bytes in (2, 5, 40, len(body) // 2, len(body) - 10):
        answer = client.post("/api/predict", content=body[:-n_bytes], headers=kind)
        assert answer.status_code == 400
        assert "in the middle of a file" in answer.json()["error"]


def test_limits_of_requests(
    client: TestClient, make_image: MakeImage, monkeypatch: Patch
) -> None:
    image = files(make_image("a.png", noise(40)))

    def status(**sent: Any) -> int:
        return client.post("/api/predict", **sent).status_code

    assert status() == status(data={"files": "text"}) == 415
    assert status(files={"other": b"x"}) == 400
    monkeypatch.setitem(_uploads.LIMITS, "request_files", 2)
    assert status(files=image * 3) == 400
    monkeypatch.setitem(_uploads.LIMITS, "request_bytes", 1000)
    answer = client.post("/api/predict", files=image)
    assert answer.status_code == 413
    assert "several requests" in answer.json()["error"]

    def unannounced() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n'
        for _ in range(100):
            yield bytes(1000)

    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    assert status(content=unannounced(), headers=kind) == 413


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:8765", "Origin": "http://localhost:8765"}, 200),
        ({"Host": "[::1]:8765"}, 200),
        ({"Origin": HOST}, 200),
        ({"Host": "evil.example"}, 421),
        ({"Host": "127.0.0.1.evil.example:8765"}, 421),
        ({"Host": ""}, 421),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "https://127.0.0.1:8765"}, 403),
        ({"Origin": "http://127.0.0.1:9999"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"}, 403),
        ({"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}, 200),
    ],
)
def test_only_own_pages_ask(
    client: TestClient, make_image: MakeImage, headers: dict[str, str], status: int
) -> None:
    image = files(make_image("a.png", noise(40)))
    for method, address in [("GET", "/"), ("GET", "/api/model"), ("POST", "/api/predict")]:
        sent = {"files": image} if method == "POST" else {}
        answer = client.request(method, address, headers=headers, **sent)  # type: ignore[arg-type]
        assert answer.status_code == status, address


def test_a_link_elsewhere_may_open_the_page_and_post_nothing(client: TestClient) -> None:
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
    assert client.get("/", headers=link).status_code == 200
    assert client.post("/case", headers=link).status_code == 403


def test_strangers_need_the_token(judge: Judge) -> None:
    app = create_app(judge, host="192.168.7.7", token="secret")
    with TestClient(app, base_url="http://192.168.7.7:8765") as client:
        for address in ("/", "/static/page.js", "/?token=wrong", "/api/model?token=secret"):
            assert client.get(address).status_code == 401
        bearer = {"Authorization": "Bearer secret"}
        assert client.get("/api/model", headers=bearer).status_code == 200
        first = client.get("/?token=secret", follow_redirects=False)
        assert (first.status_code, first.headers["location"]) == (303, "/")
        assert {"HttpOnly", "SameSite=strict"} <= {*first.headers["set-cookie"].split("; ")}
        assert client.get("/").status_code == 200  # the cookie is kept by the client
        assert client.get("/", headers={"Host": "evil.example"}).status_code == 421


def test_who_waits_when_the_server_ends_is_told() -> None:
    async def cancelled(scope: Any, receive: Any, send: Any) -> None:
        raise asyncio.CancelledError

    answer = TestClient(Guard(cancelled, "127.0.0.1", None), HOST).get("/")
    assert (answer.status_code, answer.text) == (503, "The server has been stopped.\n")


def test_every_answer_is_guarded(client: TestClient) -> None:
    for address in ("/", "/static/page.js", "/api/model", "/nowhere"):
        headers = client.get(address).headers
        assert "script-src 'self'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
        assert "access-control-allow-origin" not in headers
    assert client.get("/static/../_app.py").status_code == 404
    assert client.get("/static/%2e%2e/_app.py").status_code == 404


def test_the_page_loads_nothing_from_elsewhere(client: TestClient) -> None:
    page = client.get("/").text
    found = set(re.findall(r'(?:src|href|action)="([^"]+)"', page))
    assert found == {"data:,", "/static/page.css", "/static/page.js", "/case"}
    for name in ("page.css", "page.js"):
        assert not re.search(r"https?://|@import|url\(", client.get(f"/static/{name}").text)


def test_thumbnails_hold_no_metadata(client: TestClient) -> None:
    data = png((300, 200), before=[png_chunk(b"tEXt", A1111)])
    sent = files(**{"a.png": data})
    (row,) = rows_of(client, sent, "&thumbnails=true")
    assert row["thumbnail"].startswith("data:image/jpeg;base64,")
    assert (row["width"], row["height"]) == (300, 200)
    assert row["provenance"] == "generated"
    assert "thumbnail" not in rows_of(client, sent)[0]


def test_the_case_page(client: TestClient) -> None:
    data = png((60, 40), before=[png_chunk(b"tEXt", A1111)])
    answer = client.post("/case?stable=false", files=files(**{"<b>cat.png": data}))
    assert answer.status_code == 200
    assert "script" not in answer.headers["content-security-policy"]
    page = answer.text
    assert "&lt;b&gt;cat.png" in page
    assert "<b>cat" not in page
    (row,) = rows_of(client, files(**{"a": data}))
    page = page.replace("<wbr>", "")
    for words in (row["sha256"], "60 x 40", "made by AI", "proves nothing", "UTC"):
        assert words in page
    assert f"{row['probability']:.3f}" in page
    assert str(tempfile.tempdir) not in page
    assert "No map was asked for." in page
    shown = client.post("/case?stable=false&map=true", files=files(**{"a": data})).text
    assert "How to read the map" in shown
    link = r'download="a.html" href="data:text/html;base64,([^"]+)"'
    (carried,) = re.findall(link, shown)
    alone = base64.b64decode(carried).decode()
    assert alone in re.sub(r"<p><a download.+?</p></header>", "</header>", shown)
    broken = client.post("/case", files=files(**{"broken.png": b"nothing"}))
    assert "could not be judged" in broken.text
    members = {"in%a.png": data, "in%b.png": png((30, 20))}
    sent = files(**{"all.zip": zipped(**members)})
    entry = {"entry": "all.zip/in/b.png"}
    assert "30 x 20" in client.post("/case?stable=false", files=sent, data=entry).text
    gone = client.post("/case?stable=false", files=sent, data={"entry": "all.zip/no.png"})
    assert gone.status_code == 400


def test_the_description_names_every_column(
    client: TestClient, make_image: MakeImage
) -> None:
    told = client.get("/api/openapi.json").json()
    path = make_image("a.png", noise(40))
    (row,) = client.post("/api/predict?thumbnails=true", files=files(path)).json()["rows"]
    answer = told["paths"]["/api/predict"]["post"]["responses"]["200"]["content"]
    assert set(answer["application/x-ndjson"]["schema"]["properties"]) == set(row)


def test_more_than_two_classes(place: str, make_image: MakeImage) -> None:
    model = DummyClassifier(strategy="prior").fit(["a"] * 6, [0, 1, 2, 2, 2, 2])
    judge = Judge(Model(model, ("real", "dalle", "flux"), None), place)
    client = TestClient(create_app(judge), HOST)
    (row,) = client.post("/api/predict", files=files(make_image("a.png", 9))).json()["rows"]
    assert (row["verdict"], row["threshold"]) == ("flux", None)
    assert row["probability"] == pytest.approx(4 / 6, abs=1e-6)
    assert not client.get("/api/model").json()["can_be_unsure"]


def test_a_classifier_without_probabilities(
    place: str, make_image: MakeImage, monkeypatch: Patch
) -> None:
    model = make_pipeline(FunctionTransformer(widths), LinearSVC())
    narrow, wide = make_image("n.png", 9, size=(4, 4)), make_image("w.png", 9, size=(90, 4))
    model.fit([narrow, wide], [0, 1])
    monkeypatch.chdir(Path(place).parent)
    judge = Judge(Model(model, ("real", "fake"), 1), Path(place).name)
    client = TestClient(create_app(judge), HOST)
    rows = client.post("/api/predict", files=files(narrow, wide)).json()["rows"]
    assert [row["verdict"] for row in rows] == ["real", "fake"]
    assert {(row["probability"], row["threshold"]) for row in rows} == {(None, None)}
    assert "calls this image fake" in client.post("/case", files=files(wide)).text


def widths(X: Any) -> Any:
    return np.array([[Image.open(path).width] for path in X])


def start_server(place: str, temporary: Path) -> "subprocess.Popen[str]":
    words = [sys.executable, "-m", "skfakereal", "serve", "--trust", place]
    return subprocess.Popen(
        [*words, "--port", "0", "--no-browser"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(temporary)},
    )


@pytest.mark.slow
def test_what_a_killed_server_left_is_removed_by_the_next(
    place: str, temporary: Path
) -> None:
    (temporary / "skfakereal-serve-notes").mkdir()  # the user's
    servers = list["subprocess.Popen[str]"]()

    def start() -> "subprocess.Popen[str]":
        servers.append(start_server(place, temporary))
        assert servers[-1].stdout.readline()
        return servers[-1]

    try:
        killed = start()
        (left,) = temporary.glob(f"skfakereal-serve-{killed.pid}-*")
        start()
        assert left.is_dir()  # in use
        killed.kill()
        killed.wait(60)
        start()
        assert not left.exists()
        assert len(list(temporary.glob("skfakereal-serve-*-*"))) == 2
    finally:
        for process in servers:
            process.kill()
    assert (temporary / "skfakereal-serve-notes").is_dir()


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_the_verb_serves_and_ends(
    place: str, make_image: MakeImage, temporary: Path, how: signal.Signals
) -> None:
    process = start_server(place, temporary)
    image = Path(make_image("a.png", noise(200))).read_bytes()
    sent = files(**{"a.zip": zipped(**{f"{i}.png": image for i in range(300)})})
    try:
        address = process.stdout.readline().strip()
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", address)
        assert httpx2.get(address, headers={"Host": "evil.example"}).status_code == 421
        asked = {"files": sent, "headers": LINES, "timeout": 60}
        with httpx2.stream("POST", f"{address}api/predict", **asked) as answer:
            assert "verdict" in next(answer.iter_lines())
            assert list(temporary.glob("*/*"))  # the request's folder
            process.send_signal(how)
            assert process.wait(60) == 0
    finally:
        process.kill()
    assert list(temporary.iterdir()) == []
    assert "Traceback" not in process.stderr.read()


def test_a_port_in_use_is_told(place: str, capsys: Said, monkeypatch: Patch) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert main(["serve", "--trust", place, "--port", port, "--no-browser"]) == 1
    assert "another --port" in capsys.readouterr().err
    words = ["serve", "--trust", place, "--no-browser", "--host", "a" * 70]
    assert main(words) == 1  # names are encoded before they are looked up
    assert "cannot be served" in capsys.readouterr().err
