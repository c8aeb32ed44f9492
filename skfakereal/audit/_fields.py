"""The shortcuts that are looked for: what each is called, why it matters, what helps."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_MOST_BINS = 32
_IMAGES_A_BIN = 10

_REENCODE = (
    "Re-encode both classes the same way: equalize_images(paths, y, out), or skfakereal "
    "equalize FOLDER OUT."
)
# SIDE becomes what `SizeAdvice` says, and its reason follows.
_RESIZE = (
    "Bring both classes to one size: equalize_images(..., size=(SIDE, SIDE)), or "
    "skfakereal equalize FOLDER OUT --size SIDE. "
)
_REPACK = (
    "Save both classes again without metadata: equalize_images(paths, y, out), or "
    "skfakereal equalize FOLDER OUT."
)
_UNGREY = (
    "Write both classes as RGB (equalize_images, or skfakereal equalize FOLDER OUT), or "
    "leave grey pictures out: grey saved as RGB is still grey."
)
_TRACES = "Compression leaves traces in the pixels, which a detector learns at once."
_SIZES = (
    "Pictures of different sizes are resized differently before they reach the network, "
    "and resizing leaves traces that a detector learns."
)
_APART = (
    "The network does not see it, but it shows that the classes have different sources, "
    "which are likely to have left traces in the pixels too."
)


@dataclass(frozen=True)
class Field:
    """One property of a file, apart from its content."""

    name: str  # key in `FileFacts.values`
    title: str  # what the report calls it
    why: str  # what a detector could make of it
    remedy: str  # what to do about it; SIDE in it stands for the advised size
    numeric: bool = False  # whether the values are numbers
    # Whether the metadata model sees it; what follows from the picture's content it does
    # not see.
    in_headline: bool = True
    judged: bool = True  # whether it counts for the verdict on its own
    # Whether a difference is reported as minor, though it does not count: no network could
    # learn it, but it shows that the classes have different sources.
    noted: bool = False
    unit: str = ""  # what stands after a number


# Only told where format, quality and size do not differ, from which it follows.
DENSITY = Field(
    "bytes_per_pixel",
    "bytes for each pixel",
    "At equal format and quality it follows from how much fine detail and noise the pictures "
    "have. That may be what makes a fake, or only that one class was sharpened, denoised, "
    "resized or compressed before; a detector learns either.",
    "Find out where it comes from. If one class was resized or compressed before, do the same "
    "to the other, or shrink both: skfakereal equalize FOLDER OUT --size N.",
    numeric=True,
    in_headline=False,
    judged=False,
    noted=True,
    unit=" bytes",
)

FIELDS: tuple[Field, ...] = (
    Field("format", "file format", _TRACES, _REENCODE),
    Field("extension", "file extension", _APART, _REPACK),
    Field(
        "extension_case",
        "capitals in the file extension",
        _APART,
        _REPACK,
        in_headline=False,
        judged=False,
        noted=True,
    ),
    Field("dimensions", "pixel size", _SIZES, _RESIZE),
    Field("width", "width", _SIZES, _RESIZE, numeric=True, unit=" pixels"),
    Field("height", "height", _SIZES, _RESIZE, numeric=True, unit=" pixels"),
    Field("aspect", "aspect ratio", _SIZES, _RESIZE, numeric=True),
    Field(
        "blocks",
        "largest block that divides width and height",
        "Many generators make pictures of whole blocks only, and cameras and crops do not.",
        _RESIZE,
    ),
    Field(
        "mode",
        "colour mode",
        "Grey pictures and palettes look different whatever they show.",
        _UNGREY,
    ),
    Field(
        "colour",
        "colour in the picture",
        "Grey pictures look different whatever they show.",
        _UNGREY,
        in_headline=False,
    ),
    Field("jpeg_quality", "JPEG quality (estimated)", _TRACES, _REENCODE, numeric=True),
    Field("jpeg_tables", "JPEG quantisation tables", _TRACES, _REENCODE),
    Field("subsampling", "JPEG chroma subsampling", _TRACES, _REENCODE),
    Field("progressive", "progressive JPEG, interlaced PNG", _APART, _REENCODE),
    Field("huffman", "JPEG Huffman tables", _APART, _REENCODE),
    Field("layout", "order of the file's parts", _APART, _REPACK),
    Field("exif", "EXIF present", _APART, _REPACK),
    Field("exif_tags", "EXIF tags", _APART, _REPACK),
    Field(
        "orientation",
        "EXIF orientation",
        _APART,
        _REPACK,
        in_headline=False,
        judged=False,
        noted=True,
    ),
    Field("camera", "camera", _APART, _REPACK),
    Field("software", "software", _APART, _REPACK),
    Field(
        "icc",
        "colour profile",
        "A profile left unapplied shifts the colours of one class.",
        _REPACK,
    ),
    Field("comment", "JPEG comment", _APART, _REPACK),
    Field("text_keys", "PNG text, such as a generator's parameters", _APART, _REPACK),
    Field("xmp", "XMP packet", _APART, _REPACK),
    Field("c2pa", "content credentials (C2PA)", _APART, _REPACK),
    Field("density", "resolution entry", _APART, _REPACK),
    Field(
        "file_size",
        "file size",
        "At equal format and pixel size it follows from what the picture shows (smooth "
        "pictures make small files), so it is shown, but not counted.",
        "Nothing by itself. Look at format, quality and pixel size.",
        numeric=True,
        in_headline=False,
        judged=False,
        unit=" bytes",
    ),
    DENSITY,
    Field(
        "border",
        "border of one colour",
        "Bars, frames and white backgrounds give the class away, whatever the picture shows.",
        "Crop the borders off, in both classes.",
        numeric=True,
        in_headline=False,
        unit="% of the side",
    ),
)

# Told by the record of `equalize_images`, where there is one.
_COPY_ANEW = (
    'Make these copies again from their originals with --resize shrink (resize="shrink"), '
    "which brings every picture to one scale before it is cut."
)
KEPT = Field(
    "kept",
    "share of the picture that was kept",
    "Where one class shows details and the other whole pictures, a detector learns how near "
    "things look.",
    _COPY_ANEW,
    numeric=True,
    in_headline=False,
    unit="%",
)
SCALE = Field(
    "scale",
    "shrinking and enlarging of the copies",
    "An enlarged picture is softer than a shrunk one, and a detector learns that at once.",
    _COPY_ANEW,
    numeric=True,
    in_headline=False,
    unit="% of the side",
)

# Among how many one may stand out by chance. Fields that are not judged do not count.
N_JUDGED = sum(field.judged for field in FIELDS)


def codes_of(
    field: Field, values: Sequence[str | float]
) -> tuple[NDArray[np.intp], list[str]]:
    """Sort the images by their value into few categories, without a look at the labels."""
    if not field.numeric:
        names, codes = np.unique(np.asarray(values, dtype=str), return_inverse=True)
        return codes, [str(name) for name in names]
    return _numeric_codes(np.asarray(values, dtype=np.float64), field.unit)


def _numeric_codes(
    numbers: NDArray[np.float64], unit: str
) -> tuple[NDArray[np.intp], list[str]]:
    """Give values that many images share a category of their own, the rest ranges."""
    n_bins = min(_MOST_BINS, max(2, len(numbers) // _IMAGES_A_BIN))
    counts = Counter(numbers[~np.isnan(numbers)].tolist())
    enough = 1 if len(counts) <= n_bins else max(2, len(numbers) // n_bins)
    frequent = sorted(v for v, n in counts.items() if n >= enough)
    codes = np.full(len(numbers), -1, dtype=np.intp)
    names = [f"{v:,.10g}{unit}" for v in frequent]
    for code, value in enumerate(frequent):
        codes[numbers == value] = code
    if np.isnan(numbers).any():
        codes[np.isnan(numbers)] = len(names)
        names.append("(does not apply)")
    rest = np.flatnonzero(codes < 0)
    if len(rest):
        n_ranges = min(n_bins, max(1, len(rest) // _IMAGES_A_BIN))
        edges = np.unique(np.quantile(numbers[rest], np.linspace(0, 1, n_ranges + 1)[1:-1]))
        for part in range(len(edges) + 1):
            member = rest[np.searchsorted(edges, numbers[rest], side="right") == part]
            if len(member):
                codes[member] = len(names)
                low, high = numbers[member].min(), numbers[member].max()
                span = f"{low:,.10g}" if low == high else f"{low:,.10g} to {high:,.10g}"
                names.append(span + unit)
    return codes, names
