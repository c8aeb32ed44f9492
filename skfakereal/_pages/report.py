"""What all reports have: a page, tables of pandas, and plain data."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from skfakereal._pages.html import Html, page
from skfakereal._shown import write_page

if TYPE_CHECKING:
    from os import PathLike

    import pandas as pd


Row = TypeVar("Row")


class Report(ABC):
    """A result with a page, tables and plain data."""

    _footer: ClassVar[str] = "Made by skfakereal."

    @property
    @abstractmethod
    def _title(self) -> str:
        """The heading of the page; a plain attribute where it is always the same."""

    @property
    def _lead(self) -> str:
        """What stands below the heading."""
        return self.summary()

    @abstractmethod
    def html_sections(self) -> list[Html]:
        """Return the sections of the page."""

    @abstractmethod
    def summary(self) -> str:
        """Return the result in a sentence or two."""

    @abstractmethod
    def to_dict(self) -> dict[str, Any]:
        """Return everything in a form that `json.dump` takes."""

    @abstractmethod
    def to_frame(self) -> "pd.DataFrame":
        """Return the main table."""

    def to_html(self, title: str | None = None) -> str:
        """Return one HTML page that needs no other file.

        Parameters
        ----------
        title : str, default=None
            Its heading. None takes a plain one.

        Returns
        -------
        str
            The page.
        """
        return page(
            self._title if title is None else title,
            *self.html_sections(),
            lead=self._lead,
            footer=self._footer,
        )

    def save_html(self, path: "str | PathLike[str]", title: str | None = None) -> None:
        """Write the page of `to_html` to a file.

        Parameters
        ----------
        path : path
            The file; it is replaced if it exists.
        title : str, default=None
            The heading of the page.
        """
        write_page(path, self.to_html(title))


class ReportOfRows(Mapping[str, Row], Report):
    """A report with a row of figures for each of several names: a mapping of them."""

    _by_name: dict[str, Row]

    def __getitem__(self, key: str) -> Row:
        try:
            return self._by_name[key]
        except KeyError:
            raise KeyError(f"{key!r}: there are only {list(self._by_name)}.") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._by_name)

    def __len__(self) -> int:
        return len(self._by_name)


def make_frame(
    rows: Sequence[Sequence[Any]], index: Sequence[str] | None, columns: Sequence[str]
) -> "pd.DataFrame":
    """Return a table of pandas, if that is installed."""
    return _pandas().DataFrame([list(row) for row in rows], index=index, columns=columns)


def records_frame(records: Sequence[Mapping[str, Any]], index: str) -> "pd.DataFrame":
    """Return a table of pandas with a row for each record, by the field that names it."""
    return _pandas().DataFrame(list(records)).set_index(index)


def _pandas() -> Any:
    try:
        import pandas
    except ImportError as error:
        raise ImportError(
            "to_frame needs pandas: pip install pandas. Without it, to_dict() holds the "
            "same figures."
        ) from error
    return pandas


def without_nan(value: Any) -> Any:
    """Return the same with None for NaN and lists for tuples."""
    if isinstance(value, dict):
        return {key: without_nan(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(inner) for inner in value]
    return None if isinstance(value, float) and math.isnan(value) else value
