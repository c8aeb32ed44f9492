"""Image files -> copies in the wanted form, with a record beside them that later audits read."""

import csv
import hashlib
import io
import json
import math
import os
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path, PurePath
from typing import Literal
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from skfakereal._files import encoded, replacing
from skfakereal._images.read import ImageReadError, decode_image, read_bytes
from skfakereal._images.signatures import signature_format

EXTENSIONS = {"jpeg": ".jpg", "png": ".png", "webp": ".webp"}
# Every side becomes this share of itself at the most, so that what an earlier resizing or
# compression left in the finest structures is averaged away in all pictures alike.
LEAST_SHRINKING = 0.75


@dataclass(frozen=True)
class Form:
    """How copies are written."""

    format: Literal["jpeg", "png", "webp"]  # their format
    quality: int  # from 1 to 100; PNG does without
    size: tuple[int, int] | None  # height and width in pixels; None keeps the original's
    resize: Literal["shrink", "crop", "stretch"]  # how the size is reached


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy that was written.

    Attributes
    ----------
    path : str
        The copy.
    kept : float
        Share of the original's area that it shows, above 0 and up to 1.
    scale : float
        Its pixels a side for each of the original's: below 1 it was shrunk.
    """

    path: str
    kept: float
    scale: float


def write_copy(job: tuple[str, Path], form: Form) -> Copy | ImageReadError:
    """Write a copy of an image to a folder, unless it is there already."""
    file, folder = job
    try:
        data = read_bytes(file)
        # Not resolve(): two links to one file are two images.
        place = os.path.abspath(file).encode("utf-8", "surrogateescape")  # noqa: PTH100
        key = hashlib.blake2b(place + b"\0" + data, digest_size=6).hexdigest()
        copy = folder / f"{safe_name(Path(file).stem)}_{key}{EXTENSIONS[form.format]}"
        # An empty one is what a power cut can leave.
        if copy.exists() and copy.stat().st_size:
            size = _upright_size(data, file)
        else:
            content, size = _content_of(data, file, form)
            with replacing(copy, sync=False) as written:
                written.write(content)
        return Copy(str(copy), *_kept_and_scale(size, form))
    except ImageReadError as error:
        return error


def _content_of(data: bytes, file: str, form: Form) -> tuple[bytes, tuple[int, int]]:
    """Return the copy of a file, and the size of its picture."""
    try:
        picture = decode_image(data, file)
        return _encode(_sized(picture, file, form), form), picture.size
    except ImageReadError:
        raise
    except (
        Exception
    ) as error:  # WebP has no side of more than 16,383 pixels, JPEG of 65,500
        what = f"{file!r} cannot be copied as {form.format.upper()}: {error}"
        raise ImageReadError(what, path=file, reason="unsupported") from error


def safe_name(text: str) -> str:
    """Return text as a file name that every system accepts."""
    short = re.sub(r"[^\w.-]+", "-", text).strip(".-")[:80]
    # A name has 255 bytes at most, and letters of some scripts take four.
    return short.encode()[:200].decode(errors="ignore") or "image"


def _upright_size(data: bytes, file: str) -> tuple[int, int]:
    """Return the size of a picture that has been copied before, without decoding it."""
    try:
        name = signature_format(data)
        with Image.open(io.BytesIO(data), formats=[name] if name else None) as image:
            turned = image.getexif().get(ExifTags.Base.Orientation) in (5, 6, 7, 8)
            return (image.height, image.width) if turned else image.size
    except Exception:  # what decoding passes over
        return decode_image(data, file).size


def _sized(picture: Image.Image, path: str, form: Form) -> Image.Image:
    if form.size is None:
        return picture
    height, width = form.size
    if form.resize == "stretch":
        return picture.resize((width, height), Image.Resampling.LANCZOS)
    scale = _scale(picture.size, form)
    if scale > (1 if form.resize == "crop" else LEAST_SHRINKING):
        how = (
            f"to cut {width}x{height} out of it"
            if form.resize == "crop"
            else f"to shrink it by a quarter at least and cut {width}x{height} out of it"
        )
        raise ImageReadError(
            f"{path!r} has {picture.width}x{picture.height} pixels, too few {how}.",
            path=path,
            reason="too small",
        )
    if form.resize == "crop":
        left, top = (picture.width - width) // 2, (picture.height - height) // 2
        return picture.crop((left, top, left + width, top + height))
    # The middle of it, as large as the form of the copy allows.
    across, down = min(width / scale, picture.width), min(height / scale, picture.height)
    x, y = (picture.width - across) / 2, (picture.height - down) / 2
    box = (x, y, min(x + across, picture.width), min(y + down, picture.height))
    return picture.resize((width, height), Image.Resampling.LANCZOS, box=box)


def _scale(size: tuple[int, int], form: Form) -> float:
    """Return by what a picture must be multiplied to just cover the copy."""
    height, width = form.size or (size[1], size[0])
    return max(width / size[0], height / size[1])


def _kept_and_scale(size: tuple[int, int], form: Form) -> tuple[float, float]:
    if form.size is None:
        return 1.0, 1.0
    share = math.prod(form.size) / math.prod(size)
    if form.resize == "stretch":
        return 1.0, math.sqrt(share)
    scale = 1.0 if form.resize == "crop" else _scale(size, form)
    return round(min(1.0, share / scale**2), 6), scale


def _encode(picture: Image.Image, form: Form) -> bytes:
    buffer = io.BytesIO()
    # A new image has no metadata that Pillow could pass on.
    bare = Image.fromarray(np.asarray(picture))
    if form.format == "jpeg":
        bare.save(buffer, "JPEG", quality=form.quality, subsampling="4:2:0")
    elif form.format == "webp":
        bare.save(buffer, "WEBP", quality=form.quality)
    else:
        bare.save(buffer, "PNG")
    return buffer.getvalue()


_SETTINGS_FILE, MAPPING_FILE = "equalize.json", "mapping.csv"
# By how much the classes must differ in the geometric mean. A square cut out of photographs
# of 3:2 keeps 1.5 times less than of square ones, and shows everything as near.
_APART = 2.0
Numbers = NDArray[np.float64]


def refuse_among_inputs(top: Path, files: Sequence[str], labels: Sequence[str]) -> None:
    """Keep copies out of the folders that the inputs were listed from, and the reverse."""
    place = top.resolve()
    for parent, label in {(Path(f).parent, n) for f, n in zip(files, labels, strict=True)}:
        folder = parent.resolve()
        same_name = [p for p in folder.parents if p.name.casefold() == label.casefold()]
        inside = any(place.is_relative_to(f) for f in [folder, *same_name])
        if inside or folder.is_relative_to(place):
            raise ValueError(
                f"out must not lie among the inputs, nor they in it, but out is {str(top)!r} "
                f"and there are inputs in {str(folder)!r}. Choose a folder of its own."
            )


def places_below(
    top: Path, labels: Sequence[str], folders: Sequence[str] | None
) -> list[Path]:
    """Return the folder of each copy."""
    below = [safe_name(label) for label in labels] if folders is None else folders
    label_of: dict[str, str] = {}
    for i, (folder, label) in enumerate(zip(below, labels, strict=True)):
        if PurePath(folder).is_absolute() or ".." in PurePath(folder).parts:
            raise ValueError(
                f"folders must lead down from out, got {folder!r} at index {i}. Give a "
                "relative path without '..'."
            )
        # Many systems know no difference between upper and lower case, or between an accent
        # and a letter that has one.
        place = normalize("NFC", str(PurePath(folder)).casefold())
        other = label_of.setdefault(place, label)
        if other != label:
            raise ValueError(
                f"Every class needs a folder of its own, but {other!r} and {label!r} share "
                f"{folder!r}."
            )
    for place, label in label_of.items():
        for above in map(str, PurePath(place).parents):
            if label_of.get(above, label) != label:
                raise ValueError(
                    f"Every class needs a folder of its own, but {place!r} ({label!r}) lies in "
                    f"{above!r} ({label_of[above]!r})."
                )
    return [top / folder for folder in below]


def open_folder(top: Path, folders: Sequence[Path], form: Form) -> None:
    """Make the folders, and refuse to mix with anything else."""
    record = top / _SETTINGS_FILE
    wanted = json.loads(json.dumps(asdict(form)))
    if record.exists():
        try:
            recorded = json.loads(record.read_text(encoding="utf-8"))
        except (ValueError, RecursionError) as error:
            raise ValueError(
                f"{str(record)!r}, which tells how the copies beside it were made, is damaged. "
                "Choose another folder."
            ) from error
        if recorded != wanted:
            raise ValueError(
                f"out must be empty or hold copies made with the same settings, but "
                f"{str(top)!r} was made with {recorded}, not {wanted}. Choose another folder."
            )
    elif top.exists() and not all(map(_is_hidden, top.iterdir())):
        raise ValueError(
            f"out must be empty or hold copies made by equalize_images, but {str(top)!r} "
            "holds something else. Choose another folder."
        )
    # The record comes first, so that a call that is cut off here can be taken up again.
    top.mkdir(parents=True, exist_ok=True)
    with replacing(record) as file:
        file.write(json.dumps(wanted, indent=2).encode())
    for folder in set(folders):
        folder.mkdir(parents=True, exist_ok=True)


def _is_hidden(entry: Path) -> bool:
    """Tell what a call that was killed at once leaves, or a system that shows a folder."""
    return entry.name.startswith(".") and entry.is_file()


def write_mapping(
    top: Path, copies: Sequence[Copy], originals: Sequence[str], labels: Sequence[str]
) -> None:
    """Write mapping.csv, which names the original of each copy and what was kept of it."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["copy", "label", "original", "kept", "scale"])
    for copy, label, original in zip(copies, labels, originals, strict=True):
        place = Path(copy.path).relative_to(top).as_posix()
        history = f"{copy.kept:.4g}", f"{copy.scale:.4g}"
        writer.writerow([place, label, os.path.abspath(original), *history])  # noqa: PTH100
    with replacing(top / MAPPING_FILE) as file:
        file.write(encoded(text.getvalue()))


def is_record(folder: Path) -> bool:
    """Tell whether a folder holds copies, with a record of what was done to them."""
    try:
        return all((folder / name).is_file() for name in (_SETTINGS_FILE, MAPPING_FILE))
    except OSError:
        return False


def read_history(files: Sequence[str]) -> tuple[Numbers, Numbers]:
    """Return what the record beside copies tells of them; NaN where none does.

    The share of the original's area that each shows, and its pixels a side for each of the
    original's.
    """
    history = np.full((2, len(files)), np.nan)
    tops: dict[Path, Path | None] = {}
    rows: dict[Path, dict[str, tuple[float, float]]] = {}
    for i, file in enumerate(files):
        path = Path(file).absolute()
        top = _top(path.parent, tops)
        if top is None:
            continue
        if top not in rows:
            rows[top] = _read_mapping(top / MAPPING_FILE)
        history[:, i] = rows[top].get(path.relative_to(top).as_posix(), (np.nan, np.nan))
    return history[0], history[1]


def _top(folder: Path, tops: dict[Path, Path | None]) -> Path | None:
    """Return the folder of copies that a folder lies in, if it does."""
    for place in (folder, *folder.parents):
        if place in tops or is_record(place):
            tops[folder] = tops.get(place, place)
            return tops[folder]
    tops[folder] = None
    return None


def _read_mapping(file: Path) -> dict[str, tuple[float, float]]:
    rows: dict[str, tuple[float, float]] = {}
    try:
        with file.open(encoding="utf-8", errors="surrogateescape", newline="") as lines:
            for row in csv.DictReader(lines):
                kept, scale = float(row["kept"]), float(row["scale"])
                if 0 < kept <= 1 and 0 < scale < np.inf:
                    rows[row["copy"]] = kept, scale
    except (OSError, ValueError, TypeError, KeyError, csv.Error):
        pass  # no record of ours, or one of before: nothing is known then
    return rows


def differs(numbers: Numbers, classes: NDArray[np.intp]) -> bool:
    """Tell whether the classes differ by more than a factor of two in the geometric mean."""
    means = list(_means(numbers, classes).values())
    return len(means) > 1 and max(means) > _APART * min(means)


def scale_differs(scale: Numbers, classes: NDArray[np.intp]) -> bool:
    """Tell whether pictures of one class are softer for having been enlarged, or shrunk less."""
    return differs(scale, classes) and bool(np.nanmax(scale) > LEAST_SHRINKING)


def kept_caution(
    kept: Numbers,
    scale: Numbers,
    classes: NDArray[np.intp],
    names: Sequence[str],
    resize: str,
) -> str:
    """Say that the classes were not treated alike, and the way out."""
    if differs(kept, classes):
        means, of = _means(kept, classes), "the part of a picture that is kept"
        clue = "how near things look tells the classes apart"
    elif scale_differs(scale, classes):
        means, of = _means(scale, classes), "the pixels a side that are left"
        clue = "how sharp the pictures are tells the classes apart"
    else:
        return ""
    listed = ", ".join(f"{100 * means[c]:.3g}% for {names[c]}" for c in sorted(means))
    way_out = (
        "Leave out the longest pictures."
        if resize == "shrink"
        else 'Choose resize="shrink" (--resize shrink), which brings all to one scale first.'
    )
    return f"The classes differ in {of}, on average {listed}, so {clue}. {way_out}"


def _means(numbers: Numbers, classes: NDArray[np.intp]) -> dict[int, float]:
    recorded = ~np.isnan(numbers)
    return {
        int(c): float(np.exp(np.log(numbers[recorded & (classes == c)]).mean()))
        for c in np.unique(classes[recorded])
    }
