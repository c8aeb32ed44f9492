"""What a file is that is no .skfr model."""

from pathlib import Path

_PICKLE = (
    "looks like a pickle, as joblib writes them. Loading it runs whatever code it holds: if "
    "you trust whoever made it, use joblib.load, and skfakereal.save to turn it into a "
    ".skfr model"
)
# First bytes, and what they mean. https://en.wikipedia.org/wiki/List_of_file_signatures
_KINDS = [
    ((b"\x80",), _PICKLE),
    # What joblib compresses with: zlib, gzip, bz2, xz, lzma, lz4.
    (
        (
            b"\x78\x01",
            b"\x78\x5e",
            b"\x78\x9c",
            b"\x78\xda",
            b"\x1f\x8b",
            b"BZh",
            b"\xfd7zXZ",
            b"\x5d\x00\x00",
            b"\x04\x22\x4d\x18",
        ),
        "looks like a compressed file, perhaps a pickle by joblib. Loading one of those "
        "runs whatever code it holds: if you trust whoever made it, use joblib.load",
    ),
    (
        (b"PK",),
        "looks like a ZIP file, such as Keras's .keras, NumPy's .npz or skops's .skops. Use "
        "what wrote it",
    ),
    (
        (b"\x89HDF",),
        "looks like an HDF5 file, as Keras writes weights. Pass it as weights=, or use what "
        "wrote it",
    ),
    (
        (b"version https://git-lfs",),
        "is a pointer of Git LFS, not the model itself. Run `git lfs pull`",
    ),
    (
        (b"<",),
        "looks like a web page, perhaps the answer to a download that failed. Download the "
        "model itself",
    ),
]


def explain_foreign(path: Path, start: bytes) -> ValueError:
    """Return the error for a file that does not begin as a .skfr model does."""
    if not start:
        return ValueError(
            f"{str(path)!r} is empty. Get the model anew from where it came from, or save "
            "it again."
        )
    text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
    for beginnings, what in _KINDS:
        if start.startswith(beginnings) or (beginnings == (b"<",) and text[:1] == b"<"):
            return ValueError(f"{str(path)!r} is no .skfr model: it {what}.")
    return ValueError(
        f"{str(path)!r} is no .skfr model, or its beginning is damaged. Get the file anew "
        "from where it came from, or save the model again."
    )
