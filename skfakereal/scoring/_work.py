"""What is done of a run, and what is left -> all of it done, part by part."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

from skfakereal.scoring._cluster import score_on_cluster
from skfakereal.scoring._model import ScoringModel
from skfakereal.scoring._parts import Part
from skfakereal.scoring._paths import PathList
from skfakereal.scoring._rows import Row, score_part
from skfakereal.scoring._run import Run


class Work:
    """What is left to do of a run."""

    def __init__(
        self,
        run: Run,
        listed: PathList,
        model: ScoringModel,
        client: Any,
        digests: bool,
        retry_errors: bool,
    ) -> None:
        self.run, self.listed, self.model = run, listed, model
        self.client, self.digests, self.retry_errors = client, digests, retry_errors
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
        estimator, digests = self.model.estimator, self.digests
        if self.client is not None:
            yield from score_on_cluster(
                self.client, estimator, self._tasks(), digests=digests
            )
            return
        folder = str(Path.cwd())
        for number, paths in self._tasks():
            yield number, score_part(estimator, paths, digests=digests, folder=folder)

    def finish(self, progress: bool) -> None:
        """Score what is left, and keep each part as soon as it is there."""
        with tqdm(
            total=self.listed.n_paths,
            initial=self.n_before,
            desc="score",
            unit="image",
            disable=not progress,
        ) as bar:
            for number, scored in self._score():
                rows = self._kept(number) | {row.path: row for row in scored}
                ordered = [rows[path] for path in self.listed.part(number)]
                self.run.write(number, ordered, self.listed)
                bar.update(len(scored))
