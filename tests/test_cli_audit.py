"""``skfakereal audit`` and ``equalize``: what they say, write, and end with."""

import html
import json
import os
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from audit_sets import jpeg, leaking_set
from conftest import Command, Folders, Said
from PIL import Image
from runs import read_csv

from skfakereal.audit import audit_images
from skfakereal.cli import main
from skfakereal.cli._images import read_groups
from skfakereal.cli.run._seen import read_manifest
from skfakereal.datasets import load_image_folder


@pytest.fixture(scope="module")
def leaking(tmp_path_factory: Folders) -> Path:
    """Return a folder whose fakes are all PNGs, square, and without EXIF."""
    root = tmp_path_factory.mktemp("sets") / "leaking"
    leaking_set(
        root,
        20,
        lambda how: replace(how, extension=".png", size=(32, 32), exif=False),
        lambda how: jpeg(replace(how, size=(how.size[0], 60), exif=True)),
    )
    return root


@pytest.fixture(scope="module")
def clean(tmp_path_factory: Folders) -> Path:
    root = tmp_path_factory.mktemp("sets") / "clean"
    leaking_set(root, 20, jpeg, jpeg)
    return root


def in_splits(folder: Path, root: Path) -> Path:
    """Copy real/ and fake/ into train/ and test/, some of them into a group's folder."""
    for path in sorted(folder.rglob("*.*")):
        number = int(path.stem)
        part = "test" if number % 4 == 0 else "train"
        group = "sd14" if path.parent.name == "fake" and number % 2 else ""
        place = root / part / path.parent.name / group / path.name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place)
    return root


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in sorted(folder.rglob("*.*"))}


def test_a_leak_is_said_with_what_to_do(leaking: Path, command: Command) -> None:
    before = contents(leaking)
    said = command("audit", leaking).out
    assert said.startswith("AuditReport: LEAKING\n")
    assert "[leaking] File format “PNG”: 0% of real, 100% of fake" in said
    assert "skfakereal equalize FOLDER OUT" in said
    assert contents(leaking) == before


def test_strict_ends_with_1_unless_the_set_is_clean(
    leaking: Path, clean: Path, tmp_path: Path, command: Command
) -> None:
    assert main(["audit", str(leaking), "--strict"]) == 1
    assert main(["audit", str(clean), "--strict"]) == 0
    few = tmp_path / "few"
    for name in ("real", "fake"):
        (few / name).mkdir(parents=True)
        for path in sorted((clean / name).iterdir())[:5]:
            shutil.copy(path, few / name)
    assert main(["audit", str(few)]) == 0
    assert "TOO FEW IMAGES" in command("audit", few, "--strict", code=1).out


def test_out_holds_the_report_as_page_data_and_groups(
    clean: Path, tmp_path: Path, command: Command
) -> None:
    root, out = in_splits(clean, tmp_path / "in"), tmp_path / "audit"
    shutil.copy(root / "train/real/0001.jpg", root / "test/real/again.jpg")
    assert f"The report is {out}/report.html." in command("audit", root, "--out", out).out
    assert {p.name for p in out.iterdir()} == {
        *("report.html", "audit.json", "groups.csv", "config.json")
    }
    data = json.loads((out / "audit.json").read_text())
    assert data["verdict"] == "leaking"  # one of eleven tested images was trained on
    record = json.loads((out / "config.json").read_text())["data"]["audit"]
    assert record["word"] == "leaking"
    assert record["duplicates_across_splits"] == 1
    assert "Audit: leaking" in (out / "report.html").read_text(encoding="utf-8")
    rows = {row["path"]: row for row in read_csv(out / "groups.csv")}
    assert len(rows) == 41
    one, other = rows["train/real/0001.jpg"], rows["test/real/again.jpg"]
    assert one["group"] == other["group"]
    assert one["copies"] == other["copies"] != ""
    assert (other["label"], other["part"]) == ("real", "test")
    # The folder below a class is a group in whatever split; other images are alone.
    groups = [row["group"] for path, row in rows.items() if "sd14" in path]
    assert len(groups) == 10
    assert len(set(groups)) == 1
    assert len({row["group"] for row in rows.values()}) == 41 - 9 - 1
    # An earlier report is replaced only if it is wanted.
    assert main(["audit", str(root), "--out", str(out)]) == 1
    assert main(["audit", str(root), "--out", str(out), "--force"]) == 0


def test_unreadable_files_are_listed_and_are_exit_code_3(
    clean: Path, tmp_path: Path, command: Command
) -> None:
    root = shutil.copytree(clean, tmp_path / "in")
    (root / "fake/broken.png").write_bytes(b"no image")
    output = command("audit", root, code=3)
    assert "AuditReport: CLEAN" in output.out
    assert "0 of real, 1 of fake" in output.out
    assert f"{root}/fake/broken.png: not an image" in output.err
    assert main(["audit", str(root), "--strict"]) == 3


def test_other_classes_and_progress(
    leaking: Path, tmp_path: Path, command: Command, refuse: Command
) -> None:
    root = shutil.copytree(leaking, tmp_path / "in")
    (root / "fake").rename(root / "gan")
    refuse("none is called 'fake'", "audit", root)
    output = command("audit", root, "--classes", "real,gan", "--progress")
    assert "100% of gan" in output.out
    assert "Reading files" in output.err


def test_equalized_copies_are_laid_out_alike_and_clean(
    leaking: Path, tmp_path: Path, command: Command
) -> None:
    root, out = in_splits(leaking, tmp_path / "in"), tmp_path / "out"
    before = contents(root)
    order = ["equalize", str(root), str(out), "--size", "18"]
    said = command(*order).out
    assert "Before: leaking, AUC 1.000 from metadata alone" in said
    assert {"file format", "pixel size"} <= set(
        said.partition("Found: ")[2].partition(".")[0].split(", ")
    )
    assert "After: clean, AUC 0.500" in said
    assert contents(root) == before
    originals, copies = load_image_folder(root), load_image_folder(out)
    for name in ("target", "split"):
        assert sorted(originals[name].tolist()) == sorted(copies[name].tolist())
    assert {g for g in copies.groups.tolist() if "/" not in g} == {"sd14"}
    original_of = {row["copy"]: row["original"] for row in read_csv(out / "mapping.csv")}
    assert len(original_of) == 40
    for copy, original in original_of.items():
        assert Path(copy).parent == Path(os.path.relpath(original, root)).parent
        with Image.open(out / copy) as image:
            assert (image.format, image.size) == ("JPEG", (18, 18))
    assert main(["audit", str(out), "--strict"]) == 0
    # A second call goes on; other settings are refused.
    stamps = [p.stat().st_mtime_ns for p in sorted(out.rglob("*.jpg"))]
    assert main([*order, "--no-audit"]) == 0
    assert [p.stat().st_mtime_ns for p in sorted(out.rglob("*.jpg"))] == stamps
    told = command(*order, "--quality", "80", "--no-audit", code=1).out
    assert "Before" not in told.split("Next:")[1]


@pytest.mark.slow
def test_what_equalize_cannot_copy_is_an_error_or_left_out(
    leaking: Path, tmp_path: Path, command: Command
) -> None:
    root = shutil.copytree(leaking, tmp_path / "in")
    (root / "real/broken.jpg").write_bytes(b"")
    order = ["equalize", str(root), str(tmp_path / "out"), "--format", "png"]
    error = command(*order, code=1).err
    assert str(root / "real/broken.jpg") in error
    assert "--skip-unreadable" in error
    output = command(*order, "--skip-unreadable", code=3)
    assert "1 image could not be copied" in output.err
    # Their sizes still differ, and it says so.
    assert "After: leaking" in output.out
    (side,) = re.findall(r"OUT --size (\d+)\. That is", output.out)
    # What is advised works, and the next larger size does not.
    for size, code in ((int(side), 0), (int(side) + 1, 1)):
        out = tmp_path / f"size{size}"
        order = ["equalize", str(leaking), str(out), "--size", str(size), "--no-audit"]
        assert main(order) == code
    assert f"Next: skfakereal audit {tmp_path / 'out'} shows" in output.out


def test_copies_of_originals_that_changed_are_told(
    clean: Path, tmp_path: Path, command: Command
) -> None:
    root, out = shutil.copytree(clean, tmp_path / "in"), tmp_path / "out"
    order = ["equalize", str(root), str(out), "--no-audit"]
    assert "earlier call" not in command(*order).err
    (root / "real/0001.jpg").unlink()
    shutil.copy(root / "fake/0001.jpg", root / "fake/0002.jpg")
    said = command(*order).err
    assert f"{out} also holds 2 images of an earlier call" in said
    assert len(read_csv(out / "mapping.csv")) == len(list(out.rglob("*.jpg"))) - 2


@pytest.mark.parametrize("place", ["in", "in/out", "in/real", "."])
def test_equalize_never_writes_among_the_originals(
    clean: Path, tmp_path: Path, place: str, refuse: Command
) -> None:
    root = shutil.copytree(clean, tmp_path / "in")
    before = contents(tmp_path)
    refuse("OUT must lie outside FOLDER", "equalize", root, tmp_path / place)
    assert contents(tmp_path) == before


def test_groups_that_were_written_are_read_again(clean: Path, tmp_path: Path) -> None:
    root, out = shutil.copytree(clean, tmp_path / "in"), tmp_path / "audit"
    shutil.copy(root / "real/0001.jpg", root / "real/again.jpg")
    assert main(["audit", str(root), "--out", str(out)]) == 0
    data = load_image_folder(root)
    groups = read_groups(str(out / "groups.csv"), data.data.tolist(), str(root))
    expected = audit_images(data.data, data.target).groups_
    same = groups[:, None] == groups[None, :]
    assert np.array_equal(same, expected[:, None] == expected[None, :])
    with pytest.raises(ValueError, match=r"no line for 'real/new.jpg' \(image 0\)"):
        read_groups(str(out / "groups.csv"), [str(root / "real/new.jpg")], str(root))
    with pytest.raises(ValueError, match="must have the columns path and group"):
        read_groups(str(out / "audit.json"), [], str(root))


@pytest.mark.parametrize(
    "form",
    [
        "path,group\n{0},a\n{1},b\n",
        "\ufeffpath,group\r\n{0},a\r\n{1},b\r\n",
        "\ufeffgroup;path\r\na;{0}\r\nb;{1}\r\n",
        "path,group\n{0},a\n\n{1},b\n{0},a\n",
        "path\tgroup\n{0}\ta\n{1}\tb\n",
        "path,group\n{0},a\n,\nof_no_image.png,\n{1},b\n,\n",
    ],
)
def test_groups_may_have_passed_through_a_spreadsheet(form: str, tmp_path: Path) -> None:
    names, file = ["real/ä.png", "fake/b;c.png"], tmp_path / "groups.csv"
    cells = [f'"{name}"' for name in names]
    file.write_bytes(form.format(*cells).encode())
    paths = [str(tmp_path / name) for name in names]
    assert read_groups(str(file), paths, str(tmp_path)).tolist() == ["a", "b"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("a.png,\nb.png,2\n", r"line 2 tells none for 'a\.png'"),
        ("a.png\nb.png,2\n", r"line 2 tells none for 'a\.png'"),
        ("a.png,1\nb.png,2\na.png,3\n", r"tells two for 'a\.png': '1' and '3' \(line 4\)"),
        ('a.png,"1\nb.png,2\n', r"groups\.csv' is no table of groups: line 3"),
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_file_of_groups_tells_one_for_every_image(
    rows: str, message: str, encoding: str, tmp_path: Path
) -> None:
    file = tmp_path / "groups.csv"
    file.write_text(f"path,group\n{rows}", encoding=encoding)
    paths = [str(tmp_path / name) for name in ("a.png", "b.png")]
    with pytest.raises(ValueError, match=message if encoding == "utf-8" else "UTF-16"):
        read_groups(str(file), paths, str(tmp_path))


def test_an_open_quote_in_a_record_swallows_no_rows(tmp_path: Path) -> None:
    text = 'path,part,sha256\na.png,train,"x\nb.png,train,y\n'
    (tmp_path / "images.csv").write_text(text)
    with pytest.raises(ValueError, match=r"images\.csv' is damaged"):
        read_manifest(tmp_path)


def test_what_is_left_out_is_a_finding(leaking: Path, tmp_path: Path, capsys: Said) -> None:
    root = shutil.copytree(leaking, tmp_path / "in")
    (root / "midjourney").mkdir()
    (root / "fake/film.mp4").write_bytes(bytes(99))
    assert main(["audit", str(root), "--out", str(tmp_path / "out")]) == 0
    told = "Left out: 2 files or folders (.mp4 1: 'film.mp4'; folder 'midjourney')."
    output = capsys.readouterr()
    assert f"[minor] {told}" in output.out
    assert f"skfakereal: {told}" in output.err
    assert "UserWarning" not in output.err
    page = (tmp_path / "out/report.html").read_text(encoding="utf-8")
    assert html.escape(told) in page
