"""Folders of images, listed at once and one by one."""

from pathlib import Path

import pytest
from conftest import MakeImage

from skfakereal.datasets._listing import list_images, walk_images


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
