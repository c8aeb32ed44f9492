"""First bytes of a file -> the image format that they announce, and whether it is read."""

import importlib
import re
from functools import cache

from PIL import Image

# How many of a file's first bytes are looked at.
HEAD = 64
_SIGNATURES = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"GIF87a": "GIF",
    b"GIF89a": "GIF",
    b"BM": "BMP",
    b"II*\x00": "TIFF",
    b"MM\x00*": "TIFF",
    b"II+\x00": "TIFF",  # with offsets of 64 bits
    b"MM\x00+": "TIFF",
    b"II\x00*": "TIFF",  # wrong, and read all the same
    b"MM*\x00": "TIFF",
    b"\x00\x00\x00\x0cjP  \r\n\x87\n": "JPEG2000",
    b"\xff\x4f\xff\x51": "JPEG2000",
    b"\x00\x00\x00\x0cJXL \r\n\x87\n": "JXL",
    b"\xff\x0a": "JXL",
    # Images as well, none of which is read.
    b"8BPS": "PSD",
    b"%!PS": "EPS",
    b"\xc5\xd0\xd3\xc6": "EPS",
    b"\x00\x00\x01\x00": "ICO",
    b"icns": "ICNS",
    b"qoif": "QOI",
    b"DDS ": "DDS",
    b"v/1\x01": "OpenEXR",
    b"#?RADIANCE": "Radiance HDR",
    b"II\xbc\x01": "JPEG XR",
    b"FUJIFILMCCD-RAW": "RAF",
    b"IIRO": "ORF",
    b"IIU\x00": "RW2",
    b"BPG\xfb": "BPG",
    b"FLIF": "FLIF",
    b"P7\n": "PAM",
    b"<svg": "SVG",
}
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
_PPM = re.compile(rb"P(?:[1-6f]|0CMYK|yP|yRGBA|yCMYK)\s+[#\d]")
_DIB_SIZES = {12, 40, 52, 56, 64, 108, 124}
# Not Pillow's whole list: EPS starts another program, TGA has no signature and takes text
# for pixels. HEIF and JPEG XL are read where a plug-in of Pillow's is installed.
_READ = {"JPEG", "PNG", "WEBP", "GIF", "AVIF", "TIFF", "BMP", "DIB", "PPM", "JPEG2000"}
_PLUGINS = {"HEIF": ("pillow_heif", "pi_heif"), "JXL": ("pillow_jxl",)}
_NAMES = {"HEIF": "HEIC (HEIF)", "JXL": "JPEG XL", "CR3": "CR3 (camera raw)"}
_INSTALL = {
    "HEIF": "install pi-heif (pip install 'skfakereal[heif]')",
    "JXL": "install pillow-jxl-plugin (GPL; pip install pillow-jxl-plugin)",
    "AVIF": "install Pillow 11.3 or later",
}


def signature_format(head: bytes) -> str | None:
    """Return the format that the first `HEAD` bytes announce, or None, whatever the file's name.

    The name is Pillow's where it has one (``"JPEG"``, ``"HEIF"``), else the usual one.
    """
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    if head[4:8] == b"ftyp":
        return _brand_format(head[:HEAD])
    for start, name in _SIGNATURES.items():
        if head.startswith(start):
            return name
    if _PPM.match(head[:HEAD]):
        return "PPM"
    return "DIB" if _is_dib(head) else None


def _brand_format(head: bytes) -> str | None:
    brand, others = head[8:12], head[16 : int.from_bytes(head[:4])]
    if brand in (b"avif", b"avis"):
        return "AVIF"
    if brand in _HEIC_BRANDS:
        return "HEIF"
    if brand in (b"mif1", b"msf1"):
        return "AVIF" if b"avif" in others or b"avis" in others else "HEIF"
    return "CR3" if brand == b"crx " else None


def _is_dib(head: bytes) -> bool:
    """Tell whether a bitmap begins without a file header; that has no signature."""
    size = int.from_bytes(head[:4], "little")
    planes = head[8:12] if size == 12 else head[12:16]
    depth = int.from_bytes(planes[2:], "little")
    return size in _DIB_SIZES and planes[:2] == b"\1\0" and depth in (1, 4, 8, 16, 24, 32)


def is_read(name: str) -> bool:
    """Tell whether images of a format are read here, which may take a plug-in of Pillow.

    Registers that plug-in.
    """
    Image.init()  # Pillow knows five formats before; does nothing the second time
    if name in _PLUGINS and name not in Image.OPEN:
        _register(name)
    return name in Image.OPEN and (name in _READ or name in _PLUGINS)


def missing_reader(name: str) -> str:
    """Say what a file is whose format is not read, and the way out."""
    ways = [_INSTALL[name]] if name in _INSTALL else []
    return f"in the format {_NAMES.get(name, name)}, which is not read: " + " or ".join(
        [*ways, "save it as PNG or JPEG"]
    )


@cache
def _register(name: str) -> None:
    """Let Pillow know of the first plug-in that is installed for a format."""
    for module in _PLUGINS[name]:
        try:
            plugin = importlib.import_module(module)
        except Exception:  # absent, or broken in any way
            continue
        # pillow_jxl registers itself.
        if register := getattr(plugin, "register_heif_opener", None):
            register()
        if name in Image.OPEN:
            return
