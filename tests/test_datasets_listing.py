"""Folders of images, listed at once and one by one; what is an image, and what is told."""

import io
import os
import threading
from pathlib import Path

import pytest
from conftest import MakeImage
from PIL import Image

from skfakereal._listing import LeftOut, list_images, walk_images


def encoded(form: str, **settings: object) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), "teal").save(buffer, form, **settings)
    return buffer.getvalue()


JPEG, PNG = encoded("JPEG"), encoded("PNG")
HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(40)


@pytest.fixture
def tree(tmp_path: Path, make_image: MakeImage) -> Path:
    for name in ("a/x", "a-b/x", "a.png/x", "a/b/y", "b", "a b/x", "c/d/e/z", "A/q", "a0"):
        make_image(f"tree/{name}.png")
    make_image("tree/.hidden.png")
    make_image("tree/.hidden/x.png")
    (tmp_path / "tree" / "notes.txt").touch()
    (tmp_path / "tree" / "empty").mkdir()
    return tmp_path / "tree"


def test_both_list_the_same_in_the_same_order(tree: Path) -> None:
    assert list(walk_images(tree)) == list_images(tree)[0]
    assert len(list(walk_images(tree))) == 9


def test_links_are_followed_once(tree: Path, make_image: MakeImage) -> None:
    elsewhere = Path(make_image("elsewhere/deep/w.png")).parent.parent
    (elsewhere / "back").symlink_to(tree)
    (tree / "0-own").symlink_to(tree / "c")  # before the folder's own place
    (tree / "1-out").symlink_to(elsewhere)
    (tree / "2-out").symlink_to(elsewhere)
    (tree / "c" / "up").symlink_to(tree)
    (tree / "z.png").symlink_to(tree / "b.png")
    (tree / "broken.png").symlink_to(tree / "nothing")
    (tree / "round").symlink_to(tree / "round")
    assert list(walk_images(tree)) == list_images(tree)[0]
    assert str(tree / "1-out/deep/w.png") in walk_images(tree)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list(walk_images(tmp_path / "gone"))


IMAGES = {
    "IMG_1.HEIC": JPEG,
    "IMG_2.heic": HEIC,
    "noextension": JPEG,
    "pic.jpg_large": JPEG,
    "pic.jpg?w=640": JPEG,
    "clip.apng": PNG,
    "stereo.mpo": JPEG,
    "picture.dat": encoded("WEBP"),
    "scan.bin": encoded("TIFF"),
    "drawing.x": encoded("GIF"),
    "grey.y": encoded("PPM"),
    "plain.z": encoded("BMP"),
    "phone": HEIC,
    "codestream": b"\xff\x0a" + bytes(60),
    "by its name.jpg": b"",
}
OTHERS = {
    "photo.NEF": (encoded("TIFF"), ".nef"),
    "layers.psd": (b"8BPS" + bytes(60), "PSD image"),
    "icon": (b"\0\0\1\0" + bytes(60), "ICO image"),
    "film.mp4": (b"\0\0\0\x18ftypisom" + bytes(60), ".mp4"),
    "paper.pdf": (b"%PDF-1.4\n%\xe2\xe3\xcf\xd3", ".pdf"),
    "drawing.svg": (b"<?xml version='1.0'?><svg/>", ".svg"),
    "failed": (b"", "empty file"),
    "noise": (bytes(range(200)), "no extension"),
}
QUIET = {
    "notes.txt": JPEG,  # a name that says so is believed
    "labels.csv": b"a,b",
    "sidecar.AAE": b"<plist/>",
    "Thumbs.db": bytes(100),
    ".DS_Store": bytes(100),
    "README": "Größe: 3, says who took them and when, on which day\n".encode() * 3,
    "BMW": b"BMW, Audi and others, which this file has nothing to say of",
}


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    contents = IMAGES | {name: data for name, (data, _) in OTHERS.items()} | QUIET
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
    return tmp_path


def test_images_are_known_by_content_whatever_their_name(mixed: Path) -> None:
    images, left_out = list_images(mixed)
    assert {Path(path).name for path in images} == set(IMAGES)
    walked = LeftOut()
    assert list(walk_images(mixed, walked)) == images
    assert walked.counts == left_out.counts


def test_what_is_left_out_is_counted_by_kind_and_named(mixed: Path) -> None:
    _, left_out = list_images(mixed)
    for name, (_, kind) in OTHERS.items():
        assert left_out.counts[kind] == 1
        assert f"{kind} 1: {name!r}" in left_out.warning()
    assert left_out.counts.total() == len(OTHERS) + len(QUIET)
    assert f"Left out: {len(OTHERS)} files or folders (" in left_out.warning()
    assert left_out.warning().endswith(f", and {len(QUIET)} that are clearly not images.")


def test_of_many_a_few_are_named(tmp_path: Path) -> None:
    for i in range(50):
        (tmp_path / f"{i:02}.mp4").write_bytes(bytes(64))
    assert list_images(tmp_path)[1].warning().count(".mp4'") == 3
    (tmp_path / ("x." + 99 * "y")).write_bytes(bytes(64))
    (tmp_path / "x.\x1b[31m").write_bytes(bytes(64))
    assert r"odd extension 2: 'x.\x1b[31m', 'x.yyy" in list_images(tmp_path)[1].warning()
    for i in range(50):
        (tmp_path / f"x.kind{i}").write_bytes(bytes(64))
    assert "44 more kinds" in list_images(tmp_path)[1].warning()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names here")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    found: list[LeftOut] = []
    thread = threading.Thread(
        target=lambda: found.append(list_images(tmp_path)[1]), daemon=True
    )
    thread.start()
    thread.join(20)
    assert found[0].counts == {"not a file": 1}
