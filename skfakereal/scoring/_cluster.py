"""Parts are scored by the workers of a Dask cluster, and written by this process."""

import secrets
from collections import Counter
from collections.abc import Collection, Iterator
from concurrent.futures import CancelledError
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from skfakereal.scoring._rows import Row, score_part

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
