"""A finished part of a run <-> a file that proves itself whole."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path

from skfakereal.scoring._durable import replacing
from skfakereal.scoring._rows import Row, read_row, row_line


@dataclass(frozen=True)
class Part:
    """What a part's file says of itself.

    Parameters
    ----------
    run : str
        Which run it belongs to: the digest of its settings.
    number : int
        Which part, from 0 on.
    n_rows : int
        How many rows it has.
    n_errors : int
        How many of them could not be read.
    paths : str
        The digest of its paths.
    """

    run: str
    number: int
    n_rows: int
    n_errors: int
    paths: str


def part_file(folder: Path, number: int) -> Path:
    """Return where a part lies."""
    return folder / f"part-{number:07}.jsonl"


def write_part(folder: Path, part: Part, rows: Sequence[Row]) -> None:
    """Write a part, whole or not at all."""
    body = json.dumps(asdict(part)).encode("ascii") + b"\n"
    body += b"".join(row_line(row) for row in rows)
    with replacing(part_file(folder, part.number)) as file:
        file.write(_digest(body) + b"\n" + body)


def read_part(file: Path) -> Part | None:
    """Check a part's file."""
    digest, _, body = file.read_bytes().partition(b"\n")
    if digest != _digest(body):
        return None
    try:
        part = Part(**json.loads(body.partition(b"\n")[0]))
    except (TypeError, ValueError, RecursionError):
        return None
    whole = all(
        type(value) is (str if key in ("run", "paths") else int)
        for key, value in asdict(part).items()
    )
    return part if whole else None


def read_rows(file: Path) -> Iterator[tuple[int, Row]]:
    """Yield the rows of a part."""
    with file.open("rb") as lines:
        offset = len(lines.readline()) + len(lines.readline())
        for line in lines:
            yield offset, read_row(line)
            offset += len(line)


def _digest(body: bytes) -> bytes:
    return blake2b(body, digest_size=32).hexdigest().encode("ascii")
