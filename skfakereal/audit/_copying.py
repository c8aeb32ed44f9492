"""One image file -> a copy in the wanted form, whole or not at all."""

import hashlib
import io
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from skfakereal._images import ImageReadError, decode_image, read_bytes

__all__ = ["EXTENSIONS", "Form", "safe_name", "write_copy", "write_whole"]

EXTENSIONS = {"jpeg": ".jpg", "png": ".png", "webp": ".webp"}


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
    resize : {"crop", "stretch"}
        How the size is reached.
    """

    format: Literal["jpeg", "png", "webp"]
    quality: int
    size: tuple[int, int] | None
    resize: Literal["crop", "stretch"]


def write_copy(file: str, folder: Path, form: Form) -> str | ImageReadError:
    """Write a copy of an image, unless it is there already.

    Parameters
    ----------
    file : str
        The original.
    folder : Path
        Where the copy goes.
    form : Form
        How it is written.

    Returns
    -------
    str or ImageReadError
        The path of the copy, or why there is none.
    """
    try:
        data = read_bytes(file)
        # Not resolve(): two links to one file are two images.
        place = os.path.abspath(file).encode("utf-8", "surrogateescape")  # noqa: PTH100
        key = hashlib.blake2b(place + b"\0" + data, digest_size=6).hexdigest()
        copy = folder / f"{safe_name(Path(file).stem)}_{key}{EXTENSIONS[form.format]}"
        if not copy.exists():
            write_whole(copy, _copy_of(data, file, form))
        return str(copy)
    except ImageReadError as error:
        return error


def _copy_of(data: bytes, file: str, form: Form) -> bytes:
    try:
        return _encode(_sized(decode_image(data, file), file, form), form)
    except ImageReadError:
        raise
    except (
        Exception
    ) as error:  # WebP has no side of more than 16,383 pixels, JPEG of 65,500
        what = f"{file!r} cannot be copied as {form.format.upper()}: {error}"
        raise ImageReadError(what, path=file, reason="unsupported") from error


def write_whole(path: Path, data: bytes) -> None:
    """Write a file so that it is there whole or not at all.

    Parameters
    ----------
    path : Path
        The file; one that is there is replaced.
    data : bytes
        Its content.
    """
    part = path.with_name(f".part-{secrets.token_hex(6)}")
    try:
        part.write_bytes(data)
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def safe_name(text: str) -> str:
    """Return text as a file name that every system accepts.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        Letters, digits, underscores, dots and hyphens, 80 at most.
    """
    return re.sub(r"[^\w.-]+", "-", text).strip(".-")[:80] or "image"


def _sized(picture: Image.Image, path: str, form: Form) -> Image.Image:
    if form.size is None:
        return picture
    height, width = form.size
    if form.resize == "stretch":
        return picture.resize((width, height), Image.Resampling.LANCZOS)
    if picture.width < width or picture.height < height:
        raise ImageReadError(
            f"{path!r} has {picture.width}x{picture.height} pixels, too few to cut "
            f"{width}x{height} out of it.",
            path=path,
            reason="too small",
        )
    left, top = (picture.width - width) // 2, (picture.height - height) // 2
    return picture.crop((left, top, left + width, top + height))


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
