"""fetch_cifake, with a small archive from a local server in place of the repository."""

import hashlib
import io
import tarfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import Patch
from PIL import Image
from sklearn.utils import Bunch

from skfakereal.datasets import _cifake, fetch_cifake
from skfakereal.datasets._cifake import Part

PREFIX = "CIFAKE-e112a94/DATASET/"


@dataclass
class Server:
    """What the server answers, and how often it was asked."""

    url: str
    body: bytes = b""
    status: int = 200
    sent: int | None = None  # bytes after which the connection ends
    broken: int = 0  # how many first answers end too early
    requests: list[str] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Server]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer.requests.append(self.path)
            self.send_response(answer.status)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            cut = len(answer.requests) <= answer.broken
            self.wfile.write(answer.body[: len(answer.body) // 2 if cut else answer.sent])

        def log_message(self, *args: object) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    answer = Server(f"http://127.0.0.1:{httpd.server_port}/cifake.tar.gz")
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield answer
    httpd.shutdown()
    thread.join()
    httpd.server_close()


def jpeg(grey: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (32, 32), grey).save(buffer, "JPEG")
    return buffer.getvalue()


IMAGES = {
    f"{split}/{name}/{number:04d}{suffix}.jpg": jpeg(10 * i + number)
    for i, (split, name) in enumerate(
        [("train", "REAL"), ("train", "FAKE"), ("test", "REAL"), ("test", "FAKE")]
    )
    for number, suffix in [(0, ""), (1, " (2)"), (2, " (10)")]
}


def pack(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def archive_of(images: dict[str, bytes]) -> bytes:
    return pack({PREFIX + place: content for place, content in images.items()})


def part_of(images: dict[str, bytes]) -> Part:
    lines = [f"{hashlib.sha256(images[p]).hexdigest()}  {p}\n" for p in sorted(images)]
    return Part(len(images), hashlib.sha256("".join(lines).encode()).hexdigest())


PARTS = {
    "all": part_of(IMAGES),
    "train": part_of({p: c for p, c in IMAGES.items() if p.startswith("train/")}),
}


@pytest.fixture
def fetch(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Bunch]:
    server.body = archive_of(IMAGES)
    monkeypatch.setattr(_cifake, "_PARTS", PARTS)

    def call(split: str = "all", *, missing: bool = True, n_retries: int = 0) -> Bunch:
        monkeypatch.setenv("SKFAKEREAL_CIFAKE_URL", server.url)
        how: Any = {"download_if_missing": missing, "n_retries": n_retries, "delay": 0}
        return fetch_cifake(tmp_path, split=split, **how)

    return call


Fetch = Callable[..., Bunch]


def put(folder: Path, images: dict[str, bytes]) -> None:
    for place, content in images.items():
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).write_bytes(content)


def test_download(fetch: Fetch, server: Server, tmp_path: Path) -> None:
    images = fetch()
    places = [
        Path(path).relative_to(tmp_path / "cifake").as_posix() for path in images.data
    ]
    assert places == sorted(IMAGES)
    assert [Path(path).read_bytes() for path in images.data] == [IMAGES[p] for p in places]
    assert images.target.tolist() == ["FAKE" in place for place in places]
    assert images.target_names == ["real", "fake"]
    assert images.split.tolist() == [place.split("/")[0] for place in places]
    assert "Stable Diffusion 1.4" in images.DESCR
    assert [path.name for path in tmp_path.iterdir()] == ["cifake"]  # no leftovers
    assert len(server.requests) == 1


def test_one_split_and_its_groups_by_cifars_classes(fetch: Fetch) -> None:
    images = fetch("train")
    groups = {Path(p).name: g for p, g in zip(images.data, images.groups, strict=True)}
    known = {"0000.jpg": "airplane", "0001 (2).jpg": "automobile"}
    assert groups == known | {"0002 (10).jpg": "truck"}
    assert len(images.data) == 6
    assert set(images.split) == {"train"}
    assert set(fetch("test").split) == {"test"}


def test_a_second_call_downloads_nothing(
    fetch: Fetch, server: Server, tmp_path: Path
) -> None:
    images = fetch()
    assert list(images.data) == list(fetch(missing=False).data)
    assert len(server.requests) == 1
    # Contents are compared again without the note, files are only counted with it.
    Path(images.data[0]).write_bytes(b"something else")
    assert len(fetch().data) == 12
    note = tmp_path / "cifake/verified.txt"
    before = note.read_bytes()
    note.unlink()
    with pytest.raises(OSError, match="not the published ones"):
        fetch()
    note.write_bytes(before)
    Path(images.data[0]).unlink()
    with pytest.raises(OSError, match="holds 11 images instead of 12"):
        fetch()


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (
            {"body": archive_of({**IMAGES, min(IMAGES): jpeg(200)})},
            "not the published ones",
        ),
        ({"body": archive_of(dict(list(IMAGES.items())[1:]))}, "11 images instead of 12"),
        ({"body": archive_of(IMAGES)[:200]}, "archive is damaged"),
        ({"body": b"<html>Sign in to the hotel's network</html>"}, "archive is damaged"),
        ({"sent": 200}, "cannot be downloaded: IncompleteRead"),
        (
            {"url": "http://127.0.0.1:9/cifake.tar.gz"},  # nobody listens there
            r"cannot be downloaded.*move its folder DATASET",
        ),
    ],
)
def test_what_is_not_the_published_archive_leaves_nothing(
    fetch: Fetch, server: Server, tmp_path: Path, answer: dict[str, Any], message: str
) -> None:
    for name, value in answer.items():
        setattr(server, name, value)
    with pytest.raises(OSError, match=message):
        fetch()
    assert not list(tmp_path.iterdir())


def test_nothing_else_leaves_the_archive(
    fetch: Fetch, server: Server, tmp_path: Path
) -> None:
    others = {
        "CIFAKE-e112a94/README.md": b"text",
        PREFIX + "train/REAL/../../../../escaped.jpg": b"out",
        PREFIX + "train/REAL/notes.txt": b"text",
        PREFIX + "train/REAL/..\\..\\escaped.jpg": b"out, on Windows",
        "/anywhere/DATASET/train/REAL/0009.jpg": b"absolute",
        PREFIX + "extra/REAL/0009.jpg": b"another folder",
    }
    server.body = pack({**{PREFIX + p: c for p, c in IMAGES.items()}, **others})
    fetch()
    left = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()}
    assert left == {f"cifake/{place}" for place in IMAGES} | {"cifake/verified.txt"}


def test_links_in_the_archive_are_not_made(fetch: Fetch, server: Server) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        link = tarfile.TarInfo(PREFIX + "train/REAL/0000.jpg")
        link.type, link.linkname = tarfile.SYMTYPE, "../../README.md"
        archive.addfile(link)
    server.body = buffer.getvalue()
    with pytest.raises(OSError, match="holds 0 images"):
        fetch()


def test_a_failed_download_is_begun_anew(fetch: Fetch, server: Server) -> None:
    server.broken = 2
    with pytest.warns(UserWarning, match="trying again"):
        images = fetch(n_retries=2)
    assert len(images.data) == 12
    assert len(server.requests) == 3


@pytest.mark.parametrize(("status", "n_requests"), [(404, 1), (503, 3)])
@pytest.mark.filterwarnings("ignore:.*503")
def test_a_busy_server_is_asked_again_for_what_is_there(
    fetch: Fetch, server: Server, status: int, n_requests: int
) -> None:
    server.status = status
    with pytest.raises(OSError, match=rf"{status}.*move its folder DATASET to"):
        fetch(n_retries=2)
    assert len(server.requests) == n_requests


def test_download_if_missing_is_false(fetch: Fetch, server: Server) -> None:
    with pytest.raises(OSError, match="download_if_missing=False"):
        fetch(missing=False)
    assert not server.requests


def test_a_folder_put_there_by_hand(fetch: Fetch, server: Server, tmp_path: Path) -> None:
    training = {p: c for p, c in IMAGES.items() if p.startswith("train")}
    put(tmp_path / "cifake", training)
    assert len(fetch("train").data) == 6
    with pytest.raises(OSError, match=r"holds 6 images instead of 12\. Delete"):
        fetch("test")
    put(tmp_path / "cifake", IMAGES)
    assert len(fetch().data) == 12
    assert not server.requests
    assert PARTS["all"].digest in (tmp_path / "cifake/verified.txt").read_text()


def test_the_public_function(server: Server, tmp_path: Path, monkeypatch: Patch) -> None:
    """It takes the address from the environment, and verifies what comes from there."""
    server.body = archive_of(IMAGES)
    monkeypatch.setenv("SKFAKEREAL_CIFAKE_URL", server.url)
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path / "home"))
    with pytest.raises(OSError, match="holds 12 images instead of 120000"):
        fetch_cifake(n_retries=0)
    assert server.requests == ["/cifake.tar.gz"]
    assert (tmp_path / "home").is_dir()


def test_split_must_be_known(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='split must be "train", "test" or "all"'):
        fetch_cifake(tmp_path, split="validation")


@pytest.mark.cifake
@pytest.mark.slow
def test_the_published_training_split(test_data: Path, tmp_path: Path) -> None:
    archive = test_data / "cifake-train.tar.xz"
    if not archive.is_file():
        pytest.skip(f"{archive.name} is not in the folder of SKFAKEREAL_TEST_DATA")
    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path / "cifake", filter="data")
    images = fetch_cifake(tmp_path, download_if_missing=False)
    assert images.data.shape == (100_000,)
    assert np.bincount(images.target).tolist() == [50_000, 50_000]
    assert set(np.unique(images.groups, return_counts=True)[1]) == {10_000}
