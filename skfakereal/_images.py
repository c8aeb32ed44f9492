"""Untrusted file -> upright 8-bit RGB image, fully decoded, or an error that says why."""

import stat
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from skfakereal._completeness import AllOrNothing, file_fault
from skfakereal._rgb import to_upright_rgb
from skfakereal._signatures import is_read, missing_reader, signature_format

__all__ = ["ImageReadError", "decode_image", "raise_unreadable", "read_bytes", "read_image"]

# What Pillow refuses by default; somebody may have switched that off for the process.
_MAX_PIXELS = 178_956_970
_MAX_BYTES = 2**30


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
        Position of the file in the array that was passed.
    array : str, default="X"
        Name of that array, such as ``"X_val"``.
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
        array: str = "X",
        failures: Sequence["ImageReadError"] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.reason = reason
        self.index = index
        self.array = array
        self.failures: tuple[ImageReadError, ...] = tuple(failures) or (self,)

    def __reduce__(self) -> tuple[object, ...]:
        # The keyword-only arguments would be lost on the way back from a worker process.
        failures = () if self.failures == (self,) else self.failures
        where = self.index, self.array
        return _rebuild_error, (self.message, self.path, self.reason, *where, failures)


def _rebuild_error(
    message: str,
    path: str,
    reason: str,
    index: int | None,
    array: str,
    failures: tuple[ImageReadError, ...],
) -> ImageReadError:
    return ImageReadError(
        message, path=path, reason=reason, index=index, array=array, failures=failures
    )


def raise_unreadable(
    failures: Sequence[ImageReadError],
    *,
    name: str | None = None,
    fault: str = "cannot be read. Remove or replace",
) -> None:
    """Raise one error that lists all unreadable files; do nothing if there are none.

    Parameters
    ----------
    failures : sequence of ImageReadError
        The errors, each with its `index`.
    name : str or None, default=None
        What the message calls the array that the indices refer to; None for the `array`
        of each error.
    fault : str, default="cannot be read. Remove or replace"
        What is wrong with them, and what to do.

    Raises
    ------
    ImageReadError
        If `failures` is not empty.
    """
    if not failures:
        return
    shown = [
        f"  {f.message}"
        if f.index is None
        else f"  {name or f.array}[{f.index}]: {f.message}"
        for f in failures[:20]
    ]
    if len(failures) > len(shown):
        shown.append(
            f"  ... and {len(failures) - len(shown)} more (see the error's .failures)"
        )
    count = "1 image" if len(failures) == 1 else f"{len(failures)} images"
    raise ImageReadError(
        f"{count} {fault}:\n" + "\n".join(shown),
        path=failures[0].path,
        reason=failures[0].reason,
        index=failures[0].index,
        array=name or failures[0].array,
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
        `decode_image`. Read-only.

    Raises
    ------
    ImageReadError
        If it cannot be read to its last byte.
    """
    return np.asarray(decode_image(read_bytes(path), path))


def read_bytes(path: str) -> bytes:
    """Read a regular, non-empty file of at most 1 GiB.

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
        If it is missing, a directory, a device, empty, too large, or refused by the
        system.
    """
    file = Path(path)
    try:
        status = file.stat()
        if stat.S_ISDIR(status.st_mode):
            raise _error(path, "directory", "is a directory, not an image file")
        if not stat.S_ISREG(status.st_mode):
            # A pipe or device could block for ever or never end.
            raise _error(path, "not a file", "is not a regular file")
        if status.st_size > _MAX_BYTES:
            raise _error(path, "too large", f"has {status.st_size} bytes, more than 1 GiB")
        data = file.read_bytes()
    except ImageReadError:
        raise
    except (FileNotFoundError, NotADirectoryError) as error:
        broken = ": it is a link to nothing" if file.is_symlink() else ""
        raise _error(path, "missing", f"does not exist{broken}") from error
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        what = getattr(error, "strerror", None) or error
        raise _error(path, "unreadable", f"cannot be opened: {what}") from error
    if not data:
        raise _error(path, "empty", "is an empty file")
    return data


def decode_image(data: bytes, path: str) -> Image.Image:
    """Decode an image to its last byte.

    The image is turned upright as its EXIF orientation says. Transparent parts are laid
    over white, as a page shows them. Of 16 bits a sample, the upper 8 are kept. Of an
    animation, the first frame is taken. Colour profiles are not applied: the samples are
    taken as they are stored.

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
        If it is no image, one in a format that is not read, truncated, damaged, larger
        than 178,956,970 pixels (or than twice ``PIL.Image.MAX_IMAGE_PIXELS``), or has
        samples without a defined range.

    Notes
    -----
    Truncated files are refused even where ``PIL.ImageFile.LOAD_TRUNCATED_IMAGES`` is set;
    what that switch still hides is damage within compressed data whose end is there.
    Pillow's own warnings, on odd metadata and on images of more than 89 million pixels,
    are left alone: `warnings.catch_warnings` is not safe between threads.
    """
    name = signature_format(data)
    if name is None:
        what = "is not an image in a format that is read (JPEG, PNG, WebP, GIF, TIFF, ...)"
        raise _error(path, "not an image", what)
    if not is_read(name):
        raise _error(path, "unsupported", f"is {missing_reader(name)}")
    if fault := file_fault(data):
        reason, what = fault
        raise _error(path, reason, f"is {reason}: {what}")
    try:
        file = AllOrNothing(data)
        with Image.open(file, formats=[name]) as image:
            if image.width * image.height > _MAX_PIXELS:
                what = f"has {image.width}x{image.height} pixels, over {_MAX_PIXELS}"
                raise _error(path, "too large", what)
            # The decoder of JPEG 2000 always reads past the end.
            file.strict = image.format != "JPEG2000"
            image.load()
            try:
                return to_upright_rgb(image)
            except ValueError as error:
                raise _error(path, "unsupported", f"cannot be used: {error}") from error
    except ImageReadError:
        raise
    except UnidentifiedImageError as error:
        what = f"is damaged: it begins as {name}, but cannot be read as that"
        raise _error(path, "damaged", what) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _error(path, "too large", f"is too large: {error}") from error
    except MemoryError as error:
        raise _error(path, "too large", "is too large for the memory at hand") from error
    except Exception as error:  # decoders raise nearly anything on damaged files
        reason = "truncated" if "truncated" in str(error).lower() else "damaged"
        raise _error(path, reason, f"is {reason}: {error}") from error


def _error(path: str, reason: str, what: str) -> ImageReadError:
    return ImageReadError(f"{path!r} {what.rstrip('.')}.", path=path, reason=reason)
