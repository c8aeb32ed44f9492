"""Untrusted file -> upright 8-bit RGB image, fully decoded, or an error that says why."""

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageFile, UnidentifiedImageError

from skfakereal._images.completeness import (
    A_READ,
    AllOrNothing,
    Bounded,
    PackingError,
    essential_data,
    png_rows_are_missing,
)
from skfakereal._images.costs import (
    STRIP,
    MemoryShare,
    image_memory,
    memory_needed,
    size_fault,
    slowness_fault,
)
from skfakereal._images.signatures import is_read, missing_reader, signature_format

# Without effect where a system has none; a terminal must not become the process's own.
_OPEN_FLAGS = sum(
    {getattr(os, name, 0) for name in ("O_NONBLOCK", "O_NOCTTY", "O_CLOEXEC", "O_BINARY")}
)
# Bytes, and pixels, that cost too little to be counted.
_SMALL = 2**16


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
    """Raise one error that lists all unreadable files, each by its `index`, if there are any.

    `name` is what the message calls the array of the indices; None for that of each error.
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


@contextmanager
def blamed_on(path: str) -> Iterator[None]:
    """Let whatever goes wrong inside be an `ImageReadError` of one image.

    Decoders raise nearly anything on damaged files, one written in Rust even what is no
    Exception.
    """
    try:
        yield
    except (ImageReadError, KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except PackingError as fault:
        raise _error(path, fault.reason, f"is {fault.reason}: {fault.what}") from fault
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _error(path, "too large", f"is too large: {error}") from error
    except MemoryError as error:
        raise _error(path, "too large", "is too large for the memory at hand") from error
    except BaseException as error:
        reason = "truncated" if "truncated" in str(error).lower() else "damaged"
        what = str(error) or type(error).__name__
        raise _error(path, reason, f"is {reason}: {what}") from error


def read_bytes(path: str, share: MemoryShare | None = None) -> bytes:
    """Read a regular, non-empty file of at most two fifths of what one image may take (400 MB)."""
    most, handle = image_memory() * 2 // 5, None
    try:
        # A pipe or device could block for ever or never end, and to open one may do
        # something; so it is looked at before, and after, when it can no longer change.
        _refuse_irregular(path, Path(path).stat())
        handle = os.open(path, os.O_RDONLY | _OPEN_FLAGS)
        status = os.fstat(handle)
        _refuse_irregular(path, status)
        data = _read_at_most(handle, path, status.st_size, most, share)
    except (ImageReadError, KeyboardInterrupt):
        raise
    except (FileNotFoundError, NotADirectoryError) as error:
        broken = ": it is a link to nothing" if Path(path).is_symlink() else ""
        raise _error(path, "missing", f"does not exist{broken}") from error
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path
        what = getattr(error, "strerror", None) or error
        raise _error(path, "unreadable", f"cannot be opened: {what}") from error
    except MemoryError as error:
        raise _error(path, "too large", "is too large for the memory at hand") from error
    finally:
        if handle is not None:
            os.close(handle)
    if not data:
        raise _error(path, "empty", "is an empty file")
    return data


def _read_at_most(
    handle: int, path: str, size: int, most: int, share: MemoryShare | None
) -> bytes:
    """Read what a file says to have, and no more than an image file may have."""
    if share is not None:
        share.hold_file(min(size, most))
    parts, left = [b""], most + 1
    while left > 0 and size <= most:
        part = os.read(handle, min(left, max(size + 1, 2**16)))
        if not part:
            break
        parts.append(part)
        left -= len(part)
        if len(part) == size:  # the usual file, whole: one byte more tells
            size = 0
    if left <= 0 or size > most:
        raise _error(path, "too large", f"has over {most / 1e6:,.0f} MB")
    return parts[1] if len(parts) == 2 else b"".join(parts)


def _refuse_irregular(path: str, status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise _error(path, "directory", "is a directory, not an image file")
    if not stat.S_ISREG(status.st_mode):
        raise _error(path, "not a file", "is not a regular file")


def decode_image(data: bytes, path: str, share: MemoryShare | None = None) -> Image.Image:
    """Decode an image to its last byte, in mode RGB.

    The image is turned upright as its EXIF orientation says. Transparent parts are laid
    over white, as a page shows them. Of 16 bits a sample, the upper 8 are kept. Of an
    animation, the first frame is taken. Colour profiles are not applied: the samples are
    taken as they are stored. A `share` counts the memory until its ``with`` ends.

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
    limit = image_memory()  # a wrong setting is not the fault of an image
    if share is not None:
        return _decode(name, data, path, limit, share)
    with MemoryShare() as own:
        return _decode(name, data, path, limit, own)


def shorter_side(path: str) -> int:
    """Return the pixels of the shorter side of an image by its header, without decoding it."""
    data = read_bytes(path)
    name = signature_format(data)
    if name is None or not is_read(name):
        raise _error(path, "not an image", "is not an image in a format that is read")
    with (
        blamed_on(path),
        Image.open(Bounded(essential_data(data, name)), formats=[name]) as i,
    ):
        return min(i.size)


def _decode(
    name: str, data: bytes, path: str, limit: int, share: MemoryShare
) -> Image.Image:
    with blamed_on(path):
        essential = essential_data(data, name)
        file = AllOrNothing(essential) if len(data) < _SMALL else Bounded(essential)
        try:
            opened = Image.open(file, formats=[name])
        except UnidentifiedImageError as error:
            if name == "TIFF":  # its directory is there
                what = "is a TIFF with a layout of samples that is not read; save it as PNG"
                raise _error(path, "unsupported", what) from error
            what = f"is damaged: it begins as {name}, but cannot be read as that"
            raise _error(path, "damaged", what) from error
        with opened as image:
            if image.width * image.height > _SMALL:
                needed = memory_needed(
                    name, image.size, 0 if essential is data else len(essential), image
                )
                fault = size_fault(name, image.size, needed + len(data), limit)
                if fault := fault or slowness_fault(image):
                    raise PackingError("too large", fault)
                share.hold_pixels(needed)
            if isinstance(file, Bounded) and name in ("BMP", "DIB", "PPM"):
                # These may be decoded in Python, sample by sample.
                file.left += 4 * A_READ * image.width * image.height
            # The decoder of JPEG 2000 always reads past the end.
            file.strict = name != "JPEG2000"
            image.load()
            if name == "PNG" and _may_lack_rows(image) and png_rows_are_missing(essential):
                raise PackingError("truncated", "its compressed data end too early")
            try:
                return to_upright_rgb(image, name == "TIFF" and essential is not data)
            except ValueError as error:
                raise _error(path, "unsupported", f"cannot be used: {error}") from error


def _may_lack_rows(image: ImageFile.ImageFile) -> bool:
    """Tell whether the last row of a PNG is as blank as one that never came."""
    if image.info.get("interlace"):
        return True
    corner = image.getpixel((image.width - 1, image.height - 1))
    if any(corner) if isinstance(corner, tuple) else corner:
        return False
    last = image.crop((0, image.height - 1, *image.size)).tobytes()
    return not last.strip(b"\0")


def _error(path: str, reason: str, what: str) -> ImageReadError:
    return ImageReadError(f"{path!r} {what.rstrip('.')}.", path=path, reason=reason)


_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = {
    Image.Transpose.TRANSPOSE,
    Image.Transpose.ROTATE_270,
    Image.Transpose.TRANSVERSE,
    Image.Transpose.ROTATE_90,
}
# Where the first rows of the file come last.
_FROM_THE_END = {
    Image.Transpose.ROTATE_180,
    Image.Transpose.FLIP_TOP_BOTTOM,
    Image.Transpose.ROTATE_270,
    Image.Transpose.TRANSVERSE,
}
# Large images of these formats need no copy: once loaded, nothing loads them anew.
_KEPT = ("JPEG", "MPO", "PNG")
# Mode "I" says 32 bits; of these formats Pillow scales it to the range of 16.
_SCALED = ("PNG", "PPM")


def to_upright_rgb(image: ImageFile.ImageFile, negative: bool = False) -> Image.Image:
    """Turn a decoded image upright and into RGB.

    Transparent parts are laid over white, as a page shows them. Of 16 bits a sample, the
    upper 8 are kept. Colour profiles are not applied. The samples of a `negative`, of 12 or
    16 bits, say how dark it is.
    """
    if not _is_16_bits(image) and image.mode in ("F", "I"):
        raise ValueError(
            "its samples are floating point or have 32 bits, with no defined range; save "
            "it with 8 or 16 bits a sample"
        )
    turn = _UPRIGHT.get(_orientation(image))
    width, height = image.size
    rows = max(1, STRIP // width)
    is_rgb = image.mode == "RGB" and not image.has_transparency_data
    if rows >= height:
        rgb = _to_rgb(image, image, negative)
        return rgb if turn is None else rgb.transpose(turn)
    if is_rgb and turn is None and image.format in _KEPT:
        # A copy of a large photograph takes nearly as long as decoding it.
        image.info = {}
        return image
    # Strip by strip, since each step makes a copy of its own.
    upright = Image.new("RGB", (height, width) if turn in _SIDEWAYS else image.size)
    for top in range(0, height, rows):
        bottom = min(height, top + rows)
        strip = image.crop((0, top, width, bottom))
        if not is_rgb:
            strip = _to_rgb(image, strip, negative)
        start = height - bottom if turn in _FROM_THE_END else top
        place = (start, 0) if turn in _SIDEWAYS else (0, start)
        upright.paste(strip if turn is None else strip.transpose(turn), place)
    return upright


def _orientation(image: ImageFile.ImageFile) -> int:
    try:
        value = image.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # broken metadata say nothing on the pixels
        return 1
    return value if isinstance(value, int) else 1


def _is_16_bits(image: ImageFile.ImageFile) -> bool:
    return image.mode.startswith("I;16") or (image.mode == "I" and image.format in _SCALED)


def _to_rgb(image: ImageFile.ImageFile, part: Image.Image, negative: bool) -> Image.Image:
    """Return a part of an image in RGB."""
    if _is_16_bits(image):
        return _from_16_bits(image, part, negative)
    if part.has_transparency_data:
        layer = part.convert("RGBA")
        white = Image.new("RGBA", layer.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, layer).convert("RGB")
    return part.convert("RGB")


def _from_16_bits(
    image: ImageFile.ImageFile, part: Image.Image, negative: bool
) -> Image.Image:
    # convert("RGB") would clip at 255.
    samples = np.asarray(part).astype(np.uint16)
    # A TIFF may use 12 of the 16 bits.
    bits = getattr(image, "tag_v2", {}).get(ExifTags.Base.BitsPerSample, (16,))[0]
    grey = (samples >> (bits - 8)).astype(np.uint8)
    if negative:
        grey = 255 - grey
    clear = image.info.get("transparency")
    if isinstance(clear, int):
        grey[samples == clear] = 255
    return Image.fromarray(grey).convert("RGB")
