"""Rows -> a Parquet file, by pyarrow."""

from collections.abc import Iterable
from itertools import islice
from typing import Any, BinaryIO

from skfakereal.scoring._rows import Row
from skfakereal.scoring._table import Table

_ROW_GROUP = 2**16


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
    """Write rows as Parquet."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    kinds = {str: pa.string(), float: pa.float64()}
    schema = pa.schema([(name, kinds[kind]) for name, kind in table.columns.items()])
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
