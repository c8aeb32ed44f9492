"""Untrusted file -> upright 8-bit RGB image, fully decoded, or an error that says why."""

import io
import stat
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

__all__ = ["ImageReadError", "decode_image", "raise_unreadable", "read_bytes", "read_image"]

_JPEG_START, _JPEG_SCAN, _JPEG_END = b"\xff\xd8", 0xDA, b"\xff\xd9"
_PNG_START = b"\x89PNG\r\n\x1a\n"


class ImageReadError(OSError):
    """An image file that cannot be read, or several of them.

    Parameters
    ----------
    message : str
        What happened, with the path.
    path : str
        The file; the first one where there are several.
    reason : str
        One of ``"missing"``, ``"directory"``, ``"not a file"``, ``"empty"``,
        ``"unreadable"`` (the system refuses), ``"not an image"``, ``"truncated"``,
        ``"damaged"``, ``"too large"``, ``"unsupported"``.
    index : int or None, default=None
        Position of the file in the X that was passed.
    failures : sequence of ImageReadError, default=()
        Every unreadable file, where several were read; otherwise only this one.

    Attributes
    ----------
    failures : tuple of ImageReadError
        One error for each unreadable file, in the order of X.
    """

    def __init__(
        self,
        message: str,
        *,
        path: str,
        reason: str,
        index: int | None = None,
        failures: Sequence["ImageReadError"] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.reason = reason
        self.index = index
        self.failures: tuple[ImageReadError, ...] = tuple(failures) or (self,)

    def __reduce__(self) -> tuple[object, ...]:
        # The keyword-only arguments would be lost on the way back from a worker process.
        failures = () if self.failures == (self,) else self.failures
        return _rebuild_error, (self.message, self.path, self.reason, self.index, failures)


def _rebuild_error(
    message: str,
    path: str,
    reason: str,
    index: int | None,
    failures: tuple[ImageReadError, ...],
) -> ImageReadError:
    return ImageReadError(message, path=path, reason=reason, index=index, failures=failures)


def raise_unreadable(failures: Sequence[ImageReadError], *, name: str = "X") -> None:
    """Raise one error that lists all unreadable files; do nothing if there are none.

    Parameters
    ----------
    failures : sequence of ImageReadError
        The errors, each with its `index`.
    name : str, default="X"
        What the message calls the array that the indices refer to.

    Raises
    ------
    ImageReadError
        If `failures` is not empty.
    """
    if not failures:
        return
    shown = [f"  {name}[{f.index}]: {f.message}" for f in failures[:20]]
    if len(failures) > len(shown):
        shown.append(
            f"  ... and {len(failures) - len(shown)} more (see the error's .failures)"
        )
    count = "1 image" if len(failures) == 1 else f"{len(failures)} images"
    raise ImageReadError(
        f"{count} cannot be read. Remove or replace them:\n" + "\n".join(shown),
        path=failures[0].path,
        reason=failures[0].reason,
        index=failures[0].index,
        failures=failures,
    )


def read_image(path: str) -> NDArray[np.uint8]:
    """Read an image file.

    Parameters
    ----------
    path : str
        The file.

    Returns
    -------
    ndarray of shape (height, width, 3)
        RGB pixels from 0 to 255, upright as its EXIF orientation says; see
        `decode_image`.

    Raises
    ------
    ImageReadError
        If it cannot be read to its last byte.
    """
    return np.asarray(decode_image(read_bytes(path), path))


def read_bytes(path: str) -> bytes:
    """Read a regular, non-empty file.

    Parameters
    ----------
    path : str
        The file.

    Returns
    -------
    bytes
        Its content.

    Raises
    ------
    ImageReadError
        If it is missing, a directory, a device, empty, or refused by the system.
    """
    try:
        mode = Path(path).stat().st_mode
        if stat.S_ISDIR(mode):
            raise ImageReadError(
                f"{path!r} is a directory, not an image file.",
                path=path,
                reason="directory",
            )
        if not stat.S_ISREG(mode):
            # A pipe or device could block for ever or never end.
            raise ImageReadError(
                f"{path!r} is not a regular file.", path=path, reason="not a file"
            )
        data = Path(path).read_bytes()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ImageReadError(
            f"{path!r} does not exist.", path=path, reason="missing"
        ) from error
    except ImageReadError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        raise ImageReadError(
            f"{path!r} cannot be opened: {error}.", path=path, reason="unreadable"
        ) from error
    if not data:
        raise ImageReadError(f"{path!r} is an empty file.", path=path, reason="empty")
    return data


def decode_image(data: bytes, path: str) -> Image.Image:
    """Decode an image to its last byte.

    The image is turned upright as its EXIF orientation says. Transparent parts are laid
    over white, as a page shows them. Of 16 bits a sample, the upper 8 are kept. Of an
    animation, the first frame is taken.

    Parameters
    ----------
    data : bytes
        The file's content.
    path : str
        The file, for the errors.

    Returns
    -------
    PIL.Image.Image
        Mode RGB.

    Raises
    ------
    ImageReadError
        If it is no image, truncated, damaged, too large, or has samples without a
        defined range.
    """
    try:
        with Image.open(io.BytesIO(data)) as image:
            image.load()
            _require_end(data, path)
            upright = ImageOps.exif_transpose(image)
            return _to_rgb(upright, path)
    except ImageReadError:
        raise
    except UnidentifiedImageError as error:
        raise ImageReadError(
            f"{path!r} is not an image that Pillow can read.",
            path=path,
            reason="not an image",
        ) from error
    except Image.DecompressionBombError as error:
        raise ImageReadError(
            f"{path!r} is too large: {error}", path=path, reason="too large"
        ) from error
    except Exception as error:  # decoders raise nearly anything on damaged files
        truncated = "truncated" in str(error).lower()
        raise ImageReadError(
            f"{path!r} is {'truncated' if truncated else 'damaged'}: {error}.",
            path=path,
            reason="truncated" if truncated else "damaged",
        ) from error


def _require_end(data: bytes, path: str) -> None:
    """Refuse a JPEG or PNG without its closing mark.

    Pillow accepts a JPEG that lost only the end of its last scan's padding, and a PNG
    that lost its last chunk or that chunk's checksum.
    """
    complete = True
    if data.startswith(_JPEG_START):
        complete = data.find(_JPEG_END, _first_scan(data)) >= 0
    elif data.startswith(_PNG_START):
        complete = _has_png_end(data)
    if not complete:
        raise ImageReadError(
            f"{path!r} is truncated: its end is missing.", path=path, reason="truncated"
        )


def _first_scan(data: bytes) -> int:
    """Return where the first scan begins: thumbnails before it have ends of their own."""
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == _JPEG_SCAN:
            return position
        if marker == 0xFF:  # fill byte
            position += 1
            continue
        position += 2 + int.from_bytes(data[position + 2 : position + 4])
    return position


def _has_png_end(data: bytes) -> bool:
    position = len(_PNG_START)
    while position + 12 <= len(data):
        length = int.from_bytes(data[position : position + 4])
        if data[position + 4 : position + 8] == b"IEND":
            return True
        position += 12 + length
    return False


def _to_rgb(image: Image.Image, path: str) -> Image.Image:
    if image.mode == "F":
        raise ImageReadError(
            f"{path!r} has floating point samples, whose range is not defined. Save it "
            "with 8 or 16 bits a sample.",
            path=path,
            reason="unsupported",
        )
    if image.mode.startswith("I"):
        # convert("RGB") would clip at 255.
        samples = np.asarray(image).astype(np.int64)
        wide = image.mode.startswith("I;16") or samples.max() > 255
        grey = np.clip(samples >> 8 if wide else samples, 0, 255).astype(np.uint8)
        return Image.fromarray(grey).convert("RGB")
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        white = Image.new("RGBA", layer.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, layer).convert("RGB")
    return image.convert("RGB")
