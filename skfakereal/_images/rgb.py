"""Decoded image of any mode -> upright 8-bit RGB."""

import numpy as np
from PIL import ExifTags, Image, ImageFile

from skfakereal._images.costs import STRIP

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
    if rows >= height:
        rgb = _to_rgb(image, image, negative)
        return rgb if turn is None else rgb.transpose(turn)
    # Strip by strip, since each step makes a copy of its own.
    upright = Image.new("RGB", (height, width) if turn in _SIDEWAYS else image.size)
    for top in range(0, height, rows):
        bottom = min(height, top + rows)
        strip = _to_rgb(image, image.crop((0, top, width, bottom)), negative)
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
