"""A classifier and a list of images, however long -> a file with a row for each."""

import errno
import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import joblib
import numpy as np
from numpy.typing import ArrayLike
from tqdm.auto import tqdm

from skfakereal._classifier import VGG16ImageClassifier
from skfakereal._classifying.ask import check_classifier
from skfakereal._classifying.classes import class_names, positive_class
from skfakereal._classifying.unwrap import copy_with_settings, inner_of
from skfakereal._files import make_folder
from skfakereal._old_spellings import renamed
from skfakereal._parameters import is_integer
from skfakereal._trunk_settings import height_and_width
from skfakereal.scoring._paths import PathList, spool_paths
from skfakereal.scoring._rows import (
    FORMATS,
    Row,
    Table,
    check_client,
    require_pyarrow,
    score_on_cluster,
    score_part,
)
from skfakereal.scoring._run import Part, Run, locked, open_run

_Cache = str | PathLike[str] | None
# Pixels in a part: 334 images of 224x224, half a minute on two cores, which is what a
# killed run loses at the most.
_PART_PIXELS = 2**24
_LARGEST_PART = 4_000
# Of a classifier whose image size is not known.
_USUAL_PART = 1_000
# What changes no result.
_NEUTRAL = {"cache": None, "n_jobs": None, "on_error": "raise", "verbose": 0}


@dataclass(frozen=True)
class ScoringModel:
    """A classifier, ready to score."""

    estimator: Any  # a copy of the fitted classifier
    digest: str  # 40 hexadecimal digits; see `prepare_model`
    part_size: int  # images to score at one go, unless somebody wants another number


def prepare_model(estimator: Any, *, cache: _Cache = None) -> ScoringModel:
    """Copy a classifier for scoring, and take its digest.

    The digest is joblib's hash (SHA-1) of the estimator with all that it holds: classes by
    their names, parameters, weights, thresholds. Left out is what changes no result:
    `cache`, `n_jobs`, `on_error` and `verbose` of this package's estimators. The same file
    gives the same digest in every process; another version of a library may not.
    """
    check_classifier(estimator, need_proba=False)
    if not hasattr(estimator, "classes_"):
        raise TypeError(
            f"A classifier is needed, but {type(estimator).__name__} has no classes_."
        )
    settings: dict[str, Any] = {"cache": cache, "verbose": 0}
    if _lets_unreadable_pass(estimator):
        # Else each part with a broken image would be computed a second time without it.
        settings["on_error"] = "nan"
    try:
        copy, networks = copy_with_settings(estimator, settings)
        neutral, _ = copy_with_settings(estimator, _NEUTRAL)
        digest = str(joblib.hash(neutral, hash_name="sha1"))
    except Exception as error:  # a pickle can raise anything
        raise TypeError(
            f"The classifier must be one that can be pickled, but: {error}. Name its "
            "functions in a module, in place of lambdas."
        ) from error
    pixels = max((math.prod(height_and_width(n.image_size)) for n in networks), default=0)
    part_size = min(_LARGEST_PART, _PART_PIXELS // pixels) if pixels else _USUAL_PART
    return ScoringModel(copy, digest, part_size)


def _lets_unreadable_pass(estimator: Any) -> bool:
    """Tell whether a row of NaN would come out as one.

    A calibration or another classifier on top could make a number of it.
    """
    while not isinstance(estimator, VGG16ImageClassifier):
        estimator = inner_of(estimator)
        if estimator is None:
            return False
    return type(estimator).predict is VGG16ImageClassifier.predict


# What must be raised when parts of before would mean something else.
_FORMAT = 1
# The last is what a limit on the size of files (ulimit -f) raises.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@dataclass(frozen=True)
class ScoringResult:
    """What a run of `score_paths` has come to.

    Parameters
    ----------
    path : Path
        The file with a row for each image.
    n_images : int
        How many rows it has.
    n_before : int
        How many different images had been scored before by runs that were cut off.
    n_scored : int
        How many different images were scored now.
    labels : dict of str to int
        How many rows have each label.
    errors : dict of str to int
        How many rows have no label, by the code of the reason.
    model : str
        The classifier's digest, 40 hexadecimal digits; the file's column ``model`` has the
        first 16.
    """

    path: Path
    n_images: int
    n_before: int
    n_scored: int
    labels: dict[str, int]
    errors: dict[str, int]
    model: str


class Work:
    """What is left to do of a run."""

    def __init__(
        self,
        run: Run,
        listed: PathList,
        model: ScoringModel,
        client: Any,
        extras: Collection[str],
        retry_errors: bool,
    ) -> None:
        self.run, self.listed, self.model = run, listed, model
        self.client, self.extras, self.retry_errors = client, extras, retry_errors
        self.done = run.find_parts(listed)
        self.n_before = sum(self._n_kept(part) for part in self.done.values())

    def _n_kept(self, part: Part) -> int:
        return part.n_rows - part.n_errors if self.retry_errors else part.n_rows

    def _kept(self, number: int) -> dict[str, Row]:
        """Return those rows of a part that are done and stay."""
        if number not in self.done:
            return {}
        rows = self.run.rows(self.done[number])
        return {row.path: row for row in rows if not (self.retry_errors and row.reason)}

    def _tasks(self) -> Iterator[tuple[int, list[str]]]:
        for number in range(self.listed.n_parts):
            part = self.done.get(number)
            if part is None or self._n_kept(part) < self.listed.part_length(number):
                kept = self._kept(number)
                yield number, [p for p in self.listed.part(number) if p not in kept]

    def _score(self) -> Iterator[tuple[int, list[Row]]]:
        estimator, extras = self.model.estimator, self.extras
        if self.client is not None:
            yield from score_on_cluster(
                self.client, estimator, self._tasks(), extras=extras
            )
            return
        folder = str(Path.cwd())
        for number, paths in self._tasks():
            yield number, score_part(estimator, paths, extras=extras, folder=folder)

    def finish(self, *, verbose: int) -> None:
        """Score what is left, and keep each part as soon as it is there."""
        with tqdm(
            total=self.listed.n_paths,
            initial=self.n_before,
            desc="score",
            unit="image",
            disable=not verbose,
        ) as bar:
            for number, scored in self._score():
                rows = self._kept(number) | {row.path: row for row in scored}
                ordered = [rows[path] for path in self.listed.part(number)]
                self.run.write(number, ordered, self.listed)
                bar.update(len(scored))


@renamed(progress="verbose")
def score_paths(
    estimator: Any,
    paths: Iterable[str | PathLike[str]] | ArrayLike,
    out: str | PathLike[str],
    *,
    format: Literal["csv", "parquet"] | None = None,  # noqa: A002
    all_classes: bool = False,
    digests: bool = False,
    provenance: bool = False,
    target_names: Sequence[str] | None = None,
    pos_label: Any = None,
    part_size: int | None = None,
    cache: str | PathLike[str] | None = None,
    retry_errors: bool = False,
    overwrite: bool = False,
    client: Any = None,
    verbose: int = 0,
) -> ScoringResult:
    """Score any number of images; a run that is cut off is taken up where it stood.

    Results are kept in parts beside `out` as soon as they are there, in a form that
    survives a killed process and a power cut. The same call again finds what is done,
    verifies it, computes the rest and writes `out`, with the bytes that an undisturbed run
    would have written.

    Parameters
    ----------
    estimator : estimator
        A fitted classifier over paths: alone, in a `Pipeline`, with a threshold
        (`FixedThresholdClassifier`, `TunedThresholdClassifierCV`), calibrated, or the
        result of a search. Labels are those of its own ``predict``.
    paths : iterable of path-like, or array-like of shape (n_images,) or (n_images, 1)
        The images. It may be a generator of millions: it is read once, onto the disk.
        One that occurs several times is scored once, and has all its rows.
    out : path-like
        The file to be written, ``.csv`` or ``.parquet``, or a folder for
        ``scores.csv`` or ``scores.parquet``. The parts are in the folder of that name with
        ``.parts`` at its end; it may be removed when no more is to be added.
    format : {"csv", "parquet"} or None, default=None
        None takes it from the ending of `out`, and CSV for a folder. Parquet needs pyarrow.
    all_classes : bool, default=False
        Whether to add a column ``probability_<name>`` for each class.
    digests : bool, default=False
        Whether to add the column ``sha256``, the digest of each file's content.
    provenance : bool, default=False
        Whether to add the columns ``provenance`` and ``provenance_detail``: what the file
        itself claims of its origin (see `skfakereal.provenance.read_provenance`).
    target_names : sequence of str or None, default=None
        What the classes are called, in the order of ``classes_``; None: their labels.
    pos_label : label or None, default=None
        The class whose probability is written: None takes "fake", or 1 of 0 and 1. With more
        than two classes the probability is that of the label.
    part_size : int or None, default=None
        Different images in a part, which are computed at once and lost at most when
        the process is killed. None: as many as have 2**24 pixels at the classifier's image
        size (334 at 224x224), at most 4,000, or 1,000 where it is not known.
    cache : "auto", path-like or None, default=None
        Where activations are kept, in place of what the estimator says. None keeps none,
        since images that are scored once would push out what searches need. It changes no
        result.
    retry_errors : bool, default=False
        Whether to read those images again that could not be read before.
    overwrite : bool, default=False
        Whether to start over and replace what is there.
    client : distributed.Client or None, default=None
        The client of a Dask cluster whose workers score the parts. They need this package,
        the estimator's, and the images under the same paths.
    verbose : int, default=0
        Whether to show a progress bar on standard error.

    Returns
    -------
    ScoringResult
        The file, and how many images had which label or error.

    Raises
    ------
    ValueError
        If `out` holds a run of another model, list or settings, an argument breaks its
        rule, or the classifier refuses all images.
    TypeError, sklearn.exceptions.NotFittedError
        If `estimator` is not a fitted classifier that can be pickled, or `paths` holds
        anything but paths.
    FileExistsError
        If `out` is there and not made by this run, or was changed since.
    BlockingIOError
        If another run writes to `out`.
    ImportError
        If pyarrow or Dask is needed and not installed.
    OSError
        If `out` cannot be written. When there is room again, the same call goes on.
    RuntimeError
        If a cluster has lost a part several times.

    See Also
    --------
    skfakereal.evaluation.evaluate : For images whose labels are known.

    Notes
    -----
    The columns are ``path``, ``label``, ``probability``, ``reason`` and ``error``, of
    which the former is a code (that of `ImageReadError`), and ``model``. Rows come in the
    order of `paths`. Probabilities have nine significant digits.

    An image that cannot be read has a row that says why; the run goes on. An image that is
    changed after it was scored is not noticed: its row says what was read.

    Bytes are the same as those of an undisturbed run on the same machine, engine and
    number of threads; elsewhere the last digits of a probability may be others.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> from PIL import Image
    >>> from sklearn.dummy import DummyClassifier
    >>> from skfakereal.scoring import score_paths
    >>> model = DummyClassifier().fit(["a.png", "b.png"], [0, 1])
    >>> with TemporaryDirectory() as folder:
    ...     result = score_paths(
    ...         model, ["x.png", "y.png"], f"{folder}/scores.csv", target_names=["real", "fake"]
    ...     )
    ...     print(result.path.read_text().splitlines()[0])
    path,label,probability,reason,error,model
    >>> result.n_images, result.labels, result.errors
    (2, {'real': 2}, {})
    """
    destination = _destination(out, format)
    if client is not None:
        check_client(client)
    if part_size is not None and not is_integer(part_size, 1):
        raise ValueError(f"part_size must be an integer of at least 1, got {part_size!r}.")
    model = prepare_model(estimator, cache=cache)
    classes = np.asarray(estimator.classes_)
    names = class_names(classes, target_names)
    table = Table(
        names,
        positive_class(classes, names, pos_label),
        model.digest[:16],
        all_classes,
        digests,
        provenance,
    )
    size = int(part_size or model.part_size)
    settings = {
        "format": _FORMAT,
        "model": model.digest,
        "part_size": size,
        "digests": bool(digests),
        # Runs of before know nothing of it, and go on.
        **({"provenance": True} if provenance else {}),
    }
    folder = destination.with_name(f"{destination.name}.parts")
    with ExitStack() as stack:
        try:
            make_folder(folder)
            stack.enter_context(locked(folder))
            run = open_run(folder, destination, settings, overwrite=overwrite)
            listed = stack.enter_context(spool_paths(paths, folder, size))
            asked = {"sha256": digests, "provenance": provenance}
            extras = [name for name, wanted in asked.items() if wanted]
            work = Work(run, listed, model, client, extras, retry_errors)
            work.finish(verbose=verbose)
            labels, errors = run.write_result(listed, table)
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise
            raise OSError(
                error.errno,
                f"There is no room left for {str(destination)!r} and its parts "
                f"({error.strerror}). Make room and start again: what is done is kept",
            ) from error
    return ScoringResult(
        path=destination,
        n_images=listed.n_rows,
        n_before=work.n_before,
        n_scored=listed.n_paths - work.n_before,
        labels=dict(sorted(labels.items())),
        errors=dict(sorted(errors.items())),
        model=model.digest,
    )


def _destination(out: str | PathLike[str], format: str | None) -> Path:  # noqa: A002
    """Return the file that `out` stands for."""
    path = Path(out).absolute()
    ending = path.suffix.lower()[1:]
    if format is not None and format not in FORMATS:
        raise ValueError(f"format must be one of {list(FORMATS)} or None, got {format!r}.")
    if ending not in FORMATS or path.is_dir():
        if ending not in ("", *FORMATS) and not path.is_dir():
            raise ValueError(
                f"out must end in .csv or .parquet, or name a folder, got {str(out)!r}."
            )
        ending = format or "csv"
        path = path / f"scores.{ending}"
    elif format not in (None, ending):
        raise ValueError(f"format is {format!r}, but out is {str(out)!r}. Leave it out.")
    if ending == "parquet":
        require_pyarrow()
    return path
