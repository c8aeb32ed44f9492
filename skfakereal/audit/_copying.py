"""One image file -> a copy in the wanted form, whole or not at all."""

import hashlib
import io
import math
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import ExifTags, Image

from skfakereal._durable import replacing
from skfakereal._images.read import ImageReadError, decode_image, read_bytes
from skfakereal._images.signatures import signature_format

EXTENSIONS = {"jpeg": ".jpg", "png": ".png", "webp": ".webp"}
# Every side becomes this share of itself at the most, so that what an earlier resizing or
# compression left in the finest structures is averaged away in all pictures alike.
LEAST_SHRINKING = 0.75


@dataclass(frozen=True)
class Form:
    """How copies are written.

    Attributes
    ----------
    format : {"jpeg", "png", "webp"}
        Their format.
    quality : int
        From 1 to 100; PNG does without.
    size : (int, int) or None
        Height and width in pixels; None keeps the original's.
    resize : {"shrink", "crop", "stretch"}
        How the size is reached.
    """

    format: Literal["jpeg", "png", "webp"]
    quality: int
    size: tuple[int, int] | None
    resize: Literal["shrink", "crop", "stretch"]


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


def write_copy(file: str, folder: Path, form: Form) -> Copy | ImageReadError:
    """Write a copy of an image, unless it is there already."""
    try:
        data = read_bytes(file)
        # Not resolve(): two links to one file are two images.
        place = os.path.abspath(file).encode("utf-8", "surrogateescape")  # noqa: PTH100
        key = hashlib.blake2b(place + b"\0" + data, digest_size=6).hexdigest()
        copy = folder / f"{safe_name(Path(file).stem)}_{key}{EXTENSIONS[form.format]}"
        if copy.exists():
            size = _upright_size(data, file)
        else:
            content, size = _content_of(data, file, form)
            with replacing(copy) as written:
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
    return re.sub(r"[^\w.-]+", "-", text).strip(".-")[:80] or "image"


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
