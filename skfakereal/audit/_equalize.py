"""Both classes -> copies that were all written in the same way."""

import os
import warnings
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import Bunch

from skfakereal._classifying.classes import name_classes
from skfakereal._images.read import ImageReadError, raise_unreadable
from skfakereal._parameters import is_integer
from skfakereal._paths import ImagePaths, check_paths
from skfakereal._threads import on_each
from skfakereal._validation import check_labels, check_side
from skfakereal.audit._copying import (
    EXTENSIONS,
    Copy,
    Form,
    kept_caution,
    open_folder,
    places_below,
    refuse_among_inputs,
    write_copy,
    write_mapping,
)

Format = Literal["jpeg", "png", "webp"]
Resize = Literal["shrink", "crop", "stretch"]

_PART = 64  # files that a worker takes at a time
_DESCR = """Copies of {n} images, written by skfakereal.audit.equalize_images.

Format {format}{quality}, {size}, 8-bit RGB, no metadata.
mapping.csv names the original of each copy.
Traces of earlier compression and resampling are still in the pixels.
"""


class EqualizedImages(Bunch):
    """scikit-learn's `Bunch`, which carries no types, with those of copied images."""

    data: NDArray[np.object_]
    target: NDArray[np.int64]
    target_names: list[str]
    groups: NDArray[np.object_] | None
    originals: NDArray[np.object_]
    kept: NDArray[np.float64]
    failures: list[ImageReadError]
    DESCR: str


def equalize_images(
    paths: ImagePaths,
    y: ArrayLike,
    out: str | os.PathLike[str],
    *,
    format: Format = "jpeg",  # noqa: A002 - the word that users look for
    quality: int = 95,
    size: int | tuple[int, int] | None = None,
    resize: Resize = "shrink",
    folders: ArrayLike | None = None,
    groups: ArrayLike | None = None,
    target_names: Sequence[str] | None = None,
    on_error: Literal["raise", "skip"] = "raise",
    n_jobs: int | None = None,
    verbose: int = 0,
) -> EqualizedImages:
    """Write copies of all classes in one format, quality and size, without metadata.

    This removes what `audit_images` finds in the packing of the files. It cannot remove
    what is in the pixels: an image that was JPEG once keeps traces of it after it is
    saved again, in whatever format, and so does one that was resized. Where the classes
    differ in their history (real images from JPEG, fakes never compressed), a detector
    can still learn that; JPEG at a moderate quality for both covers it up best, and only
    images with the same history are free of it (Grommelt et al. 2024, "Fake or JPEG?
    Revealing Common Biases in Generated Image Detection Datasets").

    Parameters
    ----------
    paths : array-like of shape (n_images,)
        Image files. They are only read.
    y : array-like of shape (n_images,)
        Their classes, two or more.
    out : path-like
        Folder for the copies, ``out/{class name}/...``; made if it is missing. It must
        not lie among the inputs. A second call with the same settings goes on where an
        earlier one ended.
    format : {"jpeg", "png", "webp"}, default="jpeg"
        Format of the copies. JPEG is written with 4:2:0 chroma subsampling.
    quality : int, default=95
        From 1 to 100, for JPEG and WebP; PNG is lossless.
    size : int or (int, int), default=None
        Height and width of the copies in pixels. None keeps every image's own, which
        leaves differences of size between the classes.
    resize : {"shrink", "crop", "stretch"}, default="shrink"
        How `size` is reached. "shrink" brings every picture to the scale at which it
        just covers `size`, with one filter (Lanczos), and cuts off the rest: the
        copies show whole pictures, or nearly, whatever their size was. It asks for
        pictures that become smaller by a quarter at least. "crop" cuts out the middle,
        without resampling, and asks for images that are large enough; where the classes
        differ in size it shows a detail of the one and the whole of the other. "stretch"
        resamples both sides, which leaves traces that differ with the original size.
    folders : array-like of shape (n_images,), default=None
        Folder of each copy below `out`, such as ``"train/fake/sd14"``; none may hold two
        classes. None: the name of its class.
    groups : array-like of shape (n_images,), default=None
        Passed on to the result.
    target_names : sequence of str, default=None
        Names of the classes' folders, in sorted order of `y`. None: the labels
        themselves, and "real" and "fake" for 0 and 1.
    on_error : {"raise", "skip"}, default="raise"
        What happens with images that cannot be read or are too small for `size`, after
        all others have been written: an error that lists them, or a result without them.
    n_jobs : int, default=None
        Processes, as in `joblib.Parallel`; None is one, -1 all cores.
    verbose : int, default=0
        Whether to show a progress bar.

    Returns
    -------
    Bunch
        As from `skfakereal.datasets.load_image_folder`: `data` (paths of the copies),
        `target` (positions in `target_names`), `target_names`, `groups` (None if none
        were given), `DESCR`; and `originals`, the paths they were made from, `kept`, the
        share of the original's area that each copy shows, and `failures`, the errors of
        the images that were skipped.

    Raises
    ------
    ValueError
        If a setting is out of range, `out` lies among the inputs, or holds anything but
        copies made with the same settings.
    ImageReadError
        If images cannot be read or are too small, and `on_error` is "raise".

    Warns
    -----
    UserWarning
        If the copies of one class show less than half as much of their pictures as those
        of another, on average, or were shrunk less than half as much and not by a quarter.

    Notes
    -----
    The name of a copy is the original's with a digest of its path and content, so names
    never collide and a changed original gets a new copy. ``out/mapping.csv`` has a row
    for each copy, with the share of its original that it shows and its scale, which
    `audit_images` looks at too. Files are written beside their place and moved there when
    they are whole. Colour profiles are dropped, not applied. Copies of an earlier call
    with other images stay in `out`; the result and ``mapping.csv`` are of the last call.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> from skfakereal.audit import equalize_images
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     photo, fake = Path(folder, "in", "photo.jpg"), Path(folder, "in", "fake.png")
    ...     photo.parent.mkdir()
    ...     Image.new("RGB", (96, 64), "teal").save(photo)
    ...     Image.new("RGB", (48, 48), "red").save(fake)
    ...     copies = equalize_images([photo, fake], [0, 1], Path(folder, "out"), size=(32, 32))
    ...     [(Path(p).suffix, Image.open(p).size) for p in copies.data]
    [('.jpg', (32, 32)), ('.jpg', (32, 32))]
    """
    files = check_paths(paths, name="paths")
    labels = check_labels(y, len(files))
    codes, names = name_classes(labels, target_names)
    given = None if groups is None else check_side(groups, len(files), "groups")
    form = _check_form(format, quality, size, resize)
    if on_error not in ("raise", "skip"):
        raise ValueError(f'on_error must be "raise" or "skip", got {on_error!r}.')
    top, labels_of = Path(out), [names[code] for code in codes]
    below = None if folders is None else check_side(folders, len(files), "folders")
    places = places_below(top, labels_of, None if below is None else below.tolist())
    refuse_among_inputs(top, files, labels_of)
    open_folder(top, places, form)

    jobs = list(zip(files, places, strict=True))
    write = partial(write_copy, form=form)
    results = on_each(
        write, jobs, "Writing copies", at_once=_PART, n_jobs=n_jobs, verbose=verbose
    )
    failures = []
    for i, result in enumerate(results):
        if isinstance(result, ImageReadError):
            result.index = i
            failures.append(result)
    done = [(i, r) for i, r in enumerate(results) if isinstance(r, Copy)]
    rows = np.array([i for i, _ in done], dtype=np.intp)
    copies = [copy for _, copy in done]
    write_mapping(top, copies, [files[i] for i in rows], [labels_of[i] for i in rows])
    if on_error == "raise":
        raise_unreadable(failures, name="paths", fault=_fault(failures))
    kept = np.array([copy.kept for copy in copies])
    scale = np.array([copy.scale for copy in copies])
    caution = kept_caution(kept, scale, codes[rows], names, resize)
    if caution:
        warnings.warn(caution, stacklevel=2)
    return EqualizedImages(
        data=np.array([copy.path for copy in copies], dtype=object),
        target=codes[rows].astype(np.int64),
        target_names=names,
        groups=None if given is None else given[rows].astype(object),
        originals=np.array([files[i] for i in rows], dtype=object),
        kept=kept,
        failures=failures,
        DESCR=_describe(len(copies), form, caution),
    )


def _fault(failures: Sequence[ImageReadError]) -> str:
    if not any(failure.reason == "too small" for failure in failures):
        return "cannot be read. Remove or replace"
    return (
        "cannot be copied. Remove them, or choose a smaller size (on the command line: "
        "--size)"
    )


def _check_form(
    format: Format,  # noqa: A002
    quality: int,
    size: int | tuple[int, int] | None,
    resize: Resize,
) -> Form:
    if format not in EXTENSIONS:
        raise ValueError(f"format must be one of {sorted(EXTENSIONS)}, got {format!r}.")
    if not is_integer(quality, 1) or quality > 100:
        raise ValueError(f"quality must be an int from 1 to 100, got {quality!r}.")
    if resize not in ("shrink", "crop", "stretch"):
        raise ValueError(f'resize must be "shrink", "crop" or "stretch", got {resize!r}.')
    if size is None:
        return Form(format, int(quality), None, resize)
    sides = tuple(size) if isinstance(size, Sequence) else (size, size)
    if len(sides) != 2 or not all(is_integer(side, 1) for side in sides):
        raise ValueError(
            f"size must be None, an int or (height, width) in pixels, 1 or more, got {size!r}."
        )
    return Form(format, int(quality), (int(sides[0]), int(sides[1])), resize)


def _describe(n: int, form: Form, caution: str) -> str:
    lossy = form.format != "png"
    size = (
        f"{form.size[1]}x{form.size[0]} pixels ({form.resize})"
        if form.size
        else "every image's own size"
    )
    description = _DESCR.format(
        n=n,
        format=form.format,
        quality=f" at quality {form.quality}" if lossy else "",
        size=size,
    )
    return f"{description}Caution: {caution}\n" if caution else description
