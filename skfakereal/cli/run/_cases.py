"""Images and a model -> rows, and a case page for each, in a file or in a folder."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from skfakereal._judging.judge import Item, Judge, Judged
from skfakereal._shown import printable, write_page
from skfakereal._version import __version__
from skfakereal.cases import CaseReport, Entry, index_page, make_case
from skfakereal.cli._output import complain
from skfakereal.cli._rows import Row
from skfakereal.cli.run._folder import new_run, seal, stem_of

_AT_ONCE = 8
_PAGES = (".html", ".htm")


class Cases:
    """Judges images and writes their pages, as rows are asked for."""

    def __init__(
        self, judge: Judge, place: Path, *, single: bool, with_map: bool, original: bool
    ) -> None:
        self.judge, self.place, self.single = judge, place, single
        self.with_map, self.original = with_map, original
        self.entries: list[Entry] = []
        self.broken: list[tuple[str, str]] = []

    def rows(self, paths: Sequence[str]) -> Iterator[Row]:
        """Yield what `predict` tells of each image, whose page is written by then."""
        stable = self.judge.can_be_unsure
        waiting = iter(paths)
        while chunk := list(islice(waiting, _AT_ONCE)):
            items = [Item(Path(path).name, path) for path in chunk]
            for judged in self.judge.judge_all(items, stable=stable):
                self._write(judged)
                yield _row(judged, stable=stable)

    def _write(self, judged: Judged) -> None:
        name, error = judged.item.name, judged.row["error"]
        if not error:
            try:
                case = make_case(
                    self.judge, judged, with_map=self.with_map, original=self.original
                )
                self._write_page(case)
                return
            except (OSError, ValueError) as failure:
                error = str(failure)
        self.broken.append((name, error))
        complain(f"no case page of {printable(name)}: {printable(error)}")

    def _write_page(self, case: CaseReport) -> None:
        if self.single:
            write_page(self.place, case.to_html())
            self.entries.append(Entry.of(case, ""))
            return
        number = len(self.entries) + len(self.broken) + 1
        page = f"{number:04}-{stem_of(case.row['name'])}.html"
        write_page(self.place / page, case.to_html())
        self.entries.append(Entry.of(case, page))

    def finish(self) -> None:
        """Write the index page, and the record that tells a later run what is its own."""
        text = index_page(self.entries, self.broken, self.judge.facts())
        write_page(self.place / "index.html", text)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        seal(self.place, {"skfakereal": __version__, "date": now, "command": ["predict"]})


def _row(judged: Judged, *, stable: bool) -> Row:
    told = judged.row
    row: Row = {
        "path": judged.item.path,
        "label": told["verdict"],
        "probability": told["probability"],
        "error": told["error"],
    }
    if stable:
        row["reasons"] = " ".join(told["reasons"]) or None
    return row | {k: told[k] for k in ("provenance", "provenance_detail", "novelty")}


@contextmanager
def opened_cases(
    judge: Judge,
    out: str,
    given: Sequence[str],
    paths: Sequence[str],
    *,
    force: bool,
    with_map: bool,
    original: bool,
) -> Iterator[Cases]:
    """Give what writes the page of one image that was named, or a folder of pages."""
    place = Path(out)
    single = len(given) == len(paths) == 1 and Path(given[0]).is_file()
    single = single and not place.is_dir() and not out.endswith(("/", "\\"))
    if single:
        _check_free(place, paths[0], force=force)
        place.parent.mkdir(parents=True, exist_ok=True)
        yield Cases(judge, place, single=True, with_map=with_map, original=original)
        return
    if place.suffix.lower() in _PAGES:
        raise ValueError(
            f"--case must be a folder for a folder or several images, got {out!r}. Name a "
            "folder: it will hold an index page, and a page for each image."
        )
    try:
        with new_run(out, force=force) as folder:
            cases = Cases(judge, folder, single=False, with_map=with_map, original=original)
            yield cases
            cases.finish()
    except FileExistsError as error:
        said = (
            str(error).replace("--out", "--case").replace("an earlier run", "earlier pages")
        )
        raise FileExistsError(said) from error


def _check_free(place: Path, image: str, *, force: bool) -> None:
    if not place.exists():
        return
    shown = str(place)
    if place.samefile(image) or place.suffix.lower() not in _PAGES:
        raise FileExistsError(
            f"--case must be a new file, or a page to replace, but {shown!r} exists and is no "
            "HTML page. Choose another --case."
        )
    if not force:
        raise FileExistsError(
            f"--case must be a new file, but {shown!r} exists. Pass --force to replace it."
        )
