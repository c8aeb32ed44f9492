"""Paths and labels -> an AuditReport: every file is read once, then all are compared."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skfakereal._classifying.classes import name_classes
from skfakereal._paths import ImagePaths, check_paths
from skfakereal._threads import on_each
from skfakereal._validation import check_labels, check_side
from skfakereal.audit._copying import differs, read_history, scale_differs
from skfakereal.audit._duplicates import connected, count_copies, exact_pairs, near_pairs
from skfakereal.audit._facts import FileFacts, read_facts
from skfakereal.audit._fields import FIELDS, KEPT, SCALE, Field
from skfakereal.audit._findings import advise_size, find_problems
from skfakereal.audit._leak import draw_folds, find_shortcut, metadata_strength
from skfakereal.audit._report import AuditReport

_PART = 256  # files that a worker takes at a time


def audit_images(
    paths: ImagePaths,
    y: ArrayLike,
    groups: ArrayLike | None = None,
    split: ArrayLike | None = None,
    *,
    target_names: Sequence[str] | None = None,
    n_jobs: int | None = None,
    verbose: int = 0,
) -> AuditReport:
    """Look for what gives the class away without looking at the pictures.

    A detector learns whatever separates its training classes. Where all fakes are PNG and
    all real images JPEG, that is the compression, not the fake (Grommelt et al. 2024,
    "Fake or JPEG? Revealing Common Biases in Generated Image Detection Datasets"). The
    audit reads every file once, measures how well each property of the files, and all of
    them together, separate the classes, and finds copies that would make a test too
    easy. Run it before training.

    Parameters
    ----------
    paths : array-like of shape (n_images,)
        Image files.
    y : array-like of shape (n_images,)
        Their classes, two or more.
    groups : array-like of shape (n_images,), default=None
        What belongs together anyway, for instance the generator or the photographer. The
        report's `groups_` unite it with the copies.
    split : array-like of shape (n_images,), default=None
        The part of the data that each image is in, for instance "train" or "test", to
        find copies across them.
    target_names : sequence of str, default=None
        What the report calls the classes, in sorted order of `y`. None: the labels
        themselves, and "real" and "fake" for 0 and 1.
    n_jobs : int, default=None
        Processes that read files, as in `joblib.Parallel`; None is one, -1 all cores.
    verbose : int, default=0
        Whether to show a progress bar.

    Returns
    -------
    AuditReport
        Verdict, headline, findings, evidence, and groups for a group-wise splitter.

    Raises
    ------
    ValueError
        If lengths differ, there is one class only, or a class has no readable image.

    Notes
    -----
    Decoded pixels serve for what only they can show: borders, near duplicates and damaged
    files. The headline's model does not see them, nor the file size, which at equal
    format and dimensions follows from the content. On two cores, 100,000 files of 32x32
    pixels take one to four minutes and below 1 GB.

    Copies that were cropped by more than some per cent, mirrored or rotated are not
    found. With many classes, a leak of one of them is diluted in the mean: audit "real or
    not" (``y == "real"``) too.

    In small sets only strong leaks stand out from chance, and the audit would rather miss a
    leak than report a false one. Of 60 simulated clean sets of 40 images none was reported,
    of 60 with 100 images one; a field with an AUC of 0.7, 0.8 and 0.9 was
    noticed among 40 images in 7, 33 and 59 of 60 sets (``benchmarks/audit_power.py``).

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from PIL import Image
    >>> from skfakereal.audit import audit_images
    >>> noise = np.random.default_rng(0).integers(0, 256, (24, 16, 16, 3), dtype=np.uint8)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     paths = [Path(folder) / f"{i}.{'png' if i % 2 else 'jpg'}" for i in range(24)]
    ...     for path, pixels in zip(paths, noise):
    ...         Image.fromarray(pixels).save(path)
    ...     report = audit_images(paths, [i % 2 for i in range(24)])
    >>> report.verdict
    'leaking'
    >>> print(report.findings[0].what)
    File format “PNG”: 0% of real, 100% of fake; 100% of real are “JPEG” (AUC on ...
    """
    files = check_paths(paths, name="paths")
    labels = check_labels(y, len(files))
    codes, names = name_classes(labels, target_names)
    given = None if groups is None else check_side(groups, len(files), "groups")
    parts = None if split is None else check_side(split, len(files), "split")
    facts = on_each(
        read_facts, files, "Reading files", at_once=_PART, n_jobs=n_jobs, verbose=verbose
    )
    readable = np.array([f.error is None for f in facts])
    _require_readable(readable, codes, names, facts)

    failures = []
    for i, fact in enumerate(facts):
        if fact.error is not None:
            fact.error.index = i
            failures.append(fact.error)

    kept = np.flatnonzero(readable)
    seen, y_seen = [facts[i] for i in kept], codes[kept]
    exact_links, links = _links(seen)
    exact_of, copy_of = connected(len(seen), exact_links), connected(len(seen), links)
    group_of = None if given is None else np.unique(given[kept], return_inverse=True)[1]
    split_of = None if parts is None else parts[kept]
    exact = count_copies(exact_of, y_seen, group_of, split_of)
    copies = count_copies(copy_of, y_seen, group_of, split_of)

    values: dict[Field, Sequence[str | float]] = {
        f: [fact.values[f.name] for fact in seen] for f in FIELDS
    }
    values |= _history([files[i] for i in kept], y_seen)
    folds = draw_folds(y_seen, copy_of)
    headline = metadata_strength(values, y_seen, copy_of, folds)
    shortcuts = [
        find_shortcut(f, column, y_seen, copy_of, folds) for f, column in values.items()
    ]
    counts = dict(
        zip(names, np.bincount(y_seen, minlength=len(names)).tolist(), strict=True)
    )
    lost = np.bincount(codes[~readable], minlength=len(names)).tolist()
    unreadable = dict(zip(names, lost, strict=True))
    sides = np.array([[float(f.values[s]) for s in ("width", "height")] for f in seen])
    size = advise_size(sides.min(axis=1), y_seen)
    split_counts = dict(Counter([] if split_of is None else split_of.tolist()))
    return AuditReport(
        paths=files,
        target_names=names,
        class_counts=counts,
        headline=headline,
        shortcuts=sorted(shortcuts, key=lambda s: -s.strength.auc),
        exact=exact,
        copies=copies,
        shortest_side=int(sides.min()),
        size=size,
        findings=find_problems(
            shortcuts,
            exact,
            copies,
            unreadable,
            counts,
            split_counts,
            grouped=given is not None,
            size=size,
        ),
        unreadable=failures,
        readable=kept,
        copies_=connected(len(files), kept[links]),
        groups_=connected(len(files), kept[links], _group_links(given)),
    )


def _require_readable(
    readable: NDArray[np.bool_],
    codes: NDArray[np.intp],
    names: Sequence[str],
    facts: Sequence[FileFacts],
) -> None:
    for code, name in enumerate(names):
        if not readable[codes == code].any():
            first = int(np.argmax(codes == code))
            raise ValueError(
                f"Every class needs a readable image, but none of the class {name!r} can be "
                f"read; the first, paths[{first}]: {facts[first].error}"
            )


def _links(facts: Sequence[FileFacts]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the pairs of identical files, and these with the near duplicates."""
    exact = exact_pairs([f.digest for f in facts])
    distinct = np.setdiff1d(np.arange(len(facts)), exact[:, 1])
    near = near_pairs(
        np.array([facts[i].fingerprint for i in distinct], dtype=np.uint64),
        np.frombuffer(
            b"".join(facts[i].thumbnail for i in distinct), dtype=np.uint8
        ).reshape(len(distinct), -1),
    )
    return exact, np.concatenate([exact, distinct[near]])


def _history(files: list[str], classes: NDArray[np.intp]) -> dict[Field, list[float]]:
    """Return what the record of `equalize_images` tells, where the classes differ in it."""
    kept, scale = read_history(files)
    values = {}
    if differs(kept, classes):
        values[KEPT] = np.round(100 * kept, 1).tolist()
    if scale_differs(scale, classes):
        values[SCALE] = np.round(100 * scale, 1).tolist()
    return values


def _group_links(groups: NDArray[np.str_] | None) -> NDArray[np.intp]:
    if groups is None:
        return np.empty((0, 2), dtype=np.intp)
    _, first, number = np.unique(groups, return_index=True, return_inverse=True)
    return np.column_stack([first[number], np.arange(len(groups))])
