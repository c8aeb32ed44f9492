"""Images and perturbations -> what a classifier says of the perturbed copies.

A classifier takes paths, so copies are lossless files in a temporary folder: a bounded
number of them at a time, all removed in the end, errors or not.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from PIL import Image
from sklearn.utils import _safe_indexing

from skfakereal._classifying.ask import predict_once
from skfakereal._images.costs import MemoryShare
from skfakereal._images.read import (
    ImageReadError,
    blamed_on,
    decode_image,
    raise_unreadable,
    read_bytes,
)
from skfakereal._perturbations import Chain, Fit, Perturbation
from skfakereal._threads import count_threads

_MAX_FILES, _MAX_BYTES = 512, 256 * 2**20  # in the temporary folder at a time
_PART = 4  # copies, or one for each thread, between two looks at how much lies there

Pair = tuple[int, Perturbation]


@dataclass(frozen=True)
class PerturbedPredictions:
    """A classifier's predictions on perturbed copies."""

    y_pred: NDArray[Any]  # shape (n_copies,): labels
    # Shape (n_copies, n_classes): probabilities; NaN where the classifier could not read
    # the copy and lets that pass.
    y_proba: NDArray[np.float64]
    unchanged: NDArray[np.bool_]  # shape (n_copies,): whether every pixel is as it was
    # Shape (n_copies,): whether the image was too small to be shrunk to the size of a
    # `Fit`.
    too_small: NDArray[np.bool_]


def predict_perturbed(
    estimator: Any,
    X: Any,
    paths: Sequence[str],
    pairs: Sequence[Pair],
    *,
    n_jobs: int | None = None,
) -> PerturbedPredictions:
    """Classify perturbed copies of images.

    At most 512 copies, or 256 MiB and a few copies, lie in the temporary folder at a time
    (Python's `tempfile` says where that is; ``TMPDIR`` moves it).
    """
    labels, probabilities, notes = [], [], []
    with TemporaryDirectory(prefix="skfakereal-") as folder:
        for part, written in _write_chunks(paths, pairs, Path(folder), n_jobs):
            rows = [row for row, _ in part]
            files = [str(file) for file, _, _ in written]
            y_pred, y_proba = predict_once(estimator, paths_like(X, rows, files))
            labels.append(y_pred)
            probabilities.append(y_proba)
            notes += [(unchanged, too_small) for _, unchanged, too_small in written]
            for file, _, _ in written:
                file.unlink()
    unchanged, too_small = np.array(notes, dtype=bool).T
    return PerturbedPredictions(
        np.concatenate(labels), np.concatenate(probabilities), unchanged, too_small
    )


def paths_like(X: Any, rows: Sequence[int], files: Sequence[str]) -> Any:
    """Return paths in the form in which X holds its own."""
    if hasattr(X, "iloc"):
        column = X if X.ndim == 1 else X.iloc[:, 0]
        # Of type object: of strings or categories, pandas might refuse other values.
        changed = _safe_indexing(column, rows).astype(object)
        changed.iloc[:] = list(files)
        return changed if X.ndim == 1 else changed.to_frame()
    vector = np.array(files)
    return vector.reshape(-1, 1) if np.ndim(X) == 2 else vector


Written = tuple[Path, bool, bool]


def _write_chunks(
    paths: Sequence[str], pairs: Sequence[Pair], folder: Path, n_jobs: int | None
) -> Iterator[tuple[Sequence[Pair], list[Written]]]:
    """Write copies until there is enough for one call of the classifier."""
    n_threads = count_threads(n_jobs)
    step = max(_PART, n_threads)
    start, written, n_bytes = 0, list[Written](), 0
    # scikit-learn's would set and restore the warning filters, which all threads share.
    with Parallel(n_jobs=n_threads, prefer="threads") as parallel:
        for begin in range(0, len(pairs), step):
            part = pairs[begin : begin + step]
            done = parallel(
                delayed(_write_copy)(paths[row], row, change, folder / f"{i:08}.png")
                for i, (row, change) in enumerate(part, begin)
            )
            written += done
            n_bytes += sum(file.stat().st_size for file, _, _ in done)
            end = begin + len(part)
            if end == len(pairs) or len(written) >= _MAX_FILES or n_bytes >= _MAX_BYTES:
                yield pairs[start:end], written
                start, written, n_bytes = end, [], 0


def _write_copy(path: str, row: int, perturbation: Perturbation, file: Path) -> Written:
    with MemoryShare() as share:
        try:
            image = decode_image(read_bytes(path, share), path, share)
            with blamed_on(path):
                copy = perturbation(image)
                unchanged = copy.size == image.size and _same_pixels(copy, image)
        except ImageReadError as error:
            error.index = row
            raise_unreadable([error])
            raise
        # Pixels are what is wanted; PNG's own effort would take most of the time.
        copy.save(file, "PNG", compress_level=1)
        if isinstance(perturbation, Chain | Fit):
            return file, unchanged, perturbation.too_small(image.size)
        return file, unchanged, False


def _same_pixels(one: Image.Image, other: Image.Image) -> bool:
    """Compare two images of one size row by row, which takes no memory."""
    rows = ((0, top, one.width, top + 1) for top in range(one.height))
    return all(one.crop(row).tobytes() == other.crop(row).tobytes() for row in rows)
