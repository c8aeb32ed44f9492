"""What is shown as an HTML page: a report, or a comparison of reports."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from skfakereal._html import Html, page
from skfakereal._shown import write_page

if TYPE_CHECKING:
    from os import PathLike


class Paged(ABC):
    """A result that has sections, and so a page."""

    _title: ClassVar[str]

    @abstractmethod
    def html_sections(self) -> list[Html]:
        """Return the sections of the page."""

    @abstractmethod
    def summary(self) -> str:
        """Return the result in a sentence or two."""

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
            lead=self.summary(),
            footer="Made by skfakereal.",
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
