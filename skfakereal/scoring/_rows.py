"""Paths -> what is kept of each image, a row; here, or on the workers of a Dask cluster.

Rows -> the columns that users see, as one CSV or Parquet file.
"""

import json
import os
import secrets
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from skfakereal._classifying.ask import (
    Classification,
    judge_halves,
    judge_images,
    label_and_probability,
    split_local,
)
from skfakereal._files import csv_line, digest_of, encoded
from skfakereal.provenance import read_provenance

_encode = json.JSONEncoder(separators=(",", ":")).encode
_ROW_GROUP = 2**16  # of Parquet


class Row(NamedTuple):
    """What is kept of an image."""

    path: str  # as it was given
    # Position of the predicted class; None if the image could not be read.
    predicted: int | None
    # The probability of each class, to nine significant digits, which tell any two float32
    # numbers apart.
    chances: list[float] | None
    reason: str  # why it could not be read, as a code; empty where it could
    error: str  # the same in words
    # Digest of the file's content, where it was asked for and the file can be read.
    sha256: str | None
    # What the file itself claims of its origin, and on what that rests, where it was asked
    # for.
    provenance: list[str] | None = None


def score_part(
    estimator: Any, paths: Sequence[str], *, extras: Collection[str], folder: str
) -> list[Row]:
    """Score some images at one go; `extras` are "sha256" and "provenance"."""
    elsewhere = folder != str(Path.cwd())
    places = {p: str(Path(folder, p)) if elsewhere and _is_file(p) else p for p in paths}
    verdicts = _judge(estimator, list(dict.fromkeys(places.values())))
    return [_row(path, verdicts[place], extras) for path, place in places.items()]


def _is_file(path: str) -> bool:
    return not split_local([path])[1]


def _judge(estimator: Any, paths: Sequence[str]) -> dict[str, Classification]:
    try:
        return judge_images(estimator, paths)
    except ValueError as error:
        verdicts = _find_refused(estimator, paths, error)
        judged = [v for v in verdicts.values() if v.reason in ("", "refused")]
        if len(judged) > 1 and all(verdict.reason for verdict in judged):
            raise  # the fault is the classifier's
        return verdicts


def _find_refused(
    estimator: Any, paths: Sequence[str], error: ValueError
) -> dict[str, Classification]:
    def judge(half: Sequence[str]) -> dict[str, Classification]:
        try:
            return judge_images(estimator, half)
        except ValueError as inner:
            return _find_refused(estimator, half, inner)

    blamed = partial(Classification, error=str(error).rstrip("."), reason="refused")
    return judge_halves(judge, paths, blamed)


def _row(path: str, verdict: Classification, extras: Collection[str]) -> Row:
    chances = None
    if verdict.probabilities is not None:
        chances = [float(f"{chance:.9g}") for chance in verdict.probabilities]
    sha256 = _sha256(verdict.path) if "sha256" in extras else None
    said = None
    if "provenance" in extras:
        found = read_provenance(verdict.path)
        said = [found.claim, found.detail]
    return Row(
        path, verdict.predicted, chances, verdict.reason, verdict.error, sha256, said
    )


def _sha256(path: str) -> str | None:
    try:
        # Nothing that could block for ever, or never end.
        if not os.path.isfile(path):  # noqa: PTH113, which raises on a null byte
            return None
        return digest_of(path)
    except (OSError, ValueError):
        return None


def row_line(row: Iterable[Any]) -> bytes:
    """Return a row as a line of JSON, which takes any path."""
    return _encode(list(row)).encode("ascii") + b"\n"


def read_row(line: bytes) -> Row:
    """Return the row that `row_line` wrote."""
    return Row(*json.loads(line.decode("ascii")))


# How often a part is tried anew after the cluster has lost it; its scheduler tries three
# times on its own before it gives a part up.
_ATTEMPTS = 3


def check_client(client: Any) -> None:
    """Check what was passed as a client."""
    try:
        from distributed import Client
    except ImportError as error:
        raise ImportError(
            'client needs Dask: pip install "skfakereal[dask]", here and on the workers.'
        ) from error
    if not isinstance(client, Client) or client.asynchronous:
        raise TypeError(
            f"client must be a distributed.Client with asynchronous=False, got {client!r}."
        )


def score_on_cluster(
    client: Any,
    estimator: Any,
    tasks: Iterator[tuple[int, list[str]]],
    *,
    extras: Collection[str],
) -> Iterator[tuple[int, list[Row]]]:
    """Score parts on a cluster, in the order in which they come back."""
    from distributed import as_completed
    from distributed.scheduler import KilledWorker

    folder = str(Path.cwd())
    under_way: dict[Any, tuple[int, list[str]]] = {}
    lost = Counter[int]()
    # Enough that no worker waits for work; not all, since each holds its paths.
    look_ahead = 2 * sum(client.nthreads().values()) + 2
    finished = as_completed(loop=client.loop)

    with _on_workers(client, estimator) as name:

        def submit(number: int, paths: list[str]) -> None:
            future = client.submit(_score_there, name, paths, extras, folder, pure=False)
            under_way[future] = number, paths
            finished.add(future)

        try:
            for task in islice(tasks, look_ahead):
                submit(*task)
            for future in finished:
                number, paths = under_way.pop(future)
                try:
                    rows = future.result()
                except (CancelledError, KilledWorker) as error:
                    lost[number] += 1
                    if lost[number] >= _ATTEMPTS:
                        raise _lost(number, paths) from error
                    submit(number, paths)
                    continue
                yield number, rows
                for task in islice(tasks, 1):
                    submit(*task)
        finally:
            client.cancel(list(under_way))


@contextmanager
def _on_workers(client: Any, estimator: Any) -> Iterator[str]:
    """Send a classifier to all workers, those that come later included."""
    from distributed import WorkerPlugin

    # Not by scatter: data that was scattered is lost when the workers die that hold it, and
    # one that replaces them has none.
    class Holder(WorkerPlugin):
        def __init__(self) -> None:
            self.estimator = estimator

    name = f"skfakereal-{secrets.token_hex(8)}"
    client.register_plugin(Holder(), name=name)
    try:
        yield name
    finally:
        client.unregister_worker_plugin(name)


def _score_there(
    name: str, paths: list[str], extras: Collection[str], folder: str
) -> list[Row]:
    from distributed import get_worker

    estimator = get_worker().plugins[name].estimator
    return score_part(estimator, paths, extras=extras, folder=folder)


def _lost(number: int, paths: list[str]) -> RuntimeError:
    return RuntimeError(
        f"The cluster has lost part {number} {_ATTEMPTS} times, together with its workers; its "
        f"first path is {paths[0]!r}. Look at their logs; finished parts are kept."
    )


@dataclass(frozen=True)
class Table:
    """What the columns are, and what a row has in them."""

    names: tuple[str, ...]  # the class names
    # The class whose probability is written; None for that of the label.
    positive: int | None
    model: str  # what names the model in each row
    all_classes: bool  # whether to add the probability of each class
    digests: bool  # whether to add the digest of each file
    provenance: bool  # whether to add what each file claims about its origin

    @property
    def columns(self) -> dict[str, type]:
        """Names and types of the columns, in order."""
        every = self.names if self.all_classes else ()
        return {
            "path": str,
            "label": str,
            "probability": float,
            **{f"probability_{name}": float for name in every},
            "reason": str,
            "error": str,
            **({"sha256": str} if self.digests else {}),
            **({"provenance": str, "provenance_detail": str} if self.provenance else {}),
            "model": str,
        }

    def values(self, row: Row) -> list[Any]:
        """Return what a row has in the columns; None where it has nothing."""
        chances: Sequence[float | None] = row.chances or [None] * len(self.names)
        label, probability = label_and_probability(
            row.predicted, row.chances, self.names, self.positive
        )
        return [
            row.path,
            label,
            probability,
            *(chances if self.all_classes else ()),
            row.reason or None,
            row.error or None,
            *([row.sha256] if self.digests else ()),
            *(
                (said or None for said in row.provenance or ("", ""))
                if self.provenance
                else ()
            ),
            self.model,
        ]


def write_csv(file: BinaryIO, table: Table, rows: Iterable[Row]) -> None:
    """Write rows as CSV with a header, in UTF-8."""
    file.write(encoded(csv_line(table.columns)))
    for row in rows:
        file.write(encoded(csv_line(table.values(row))))


def require_pyarrow() -> None:
    """Raise where Parquet cannot be written; to be called before hours of work."""
    try:
        import pyarrow.parquet  # noqa: F401
    except ImportError as error:
        raise ImportError(
            'Parquet needs pyarrow: pip install "skfakereal[parquet]", or give out the '
            "ending .csv."
        ) from error


def write_parquet(file: BinaryIO, table: Table, rows: Iterable[Row]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {str: pa.string(), float: pa.float64()}
    schema = pa.schema([(_text(name), kinds[kind]) for name, kind in table.columns.items()])
    with pq.ParquetWriter(file, schema) as writer:
        rows = iter(rows)
        while group := list(islice(rows, _ROW_GROUP)):
            values = zip(*(map(_text, table.values(row)) for row in group), strict=True)
            arrays = [pa.array(v, f.type) for v, f in zip(values, schema, strict=True)]
            writer.write_batch(pa.record_batch(arrays, schema=schema))


def _text(value: Any) -> Any:
    """Return what UTF-8 can say; what of a name is no text is written as Python does."""
    if isinstance(value, str) and not value.isascii():
        return value.encode("utf-8", "backslashreplace").decode("utf-8")
    return value


FORMATS: dict[str, Callable[[BinaryIO, Table, Iterable[Row]], None]] = {
    "csv": write_csv,
    "parquet": write_parquet,
}
