"""A model card: metadata and sections, as Markdown and as parts of an HTML page."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from skfakereal._html import Html
from skfakereal._shown import printable, write_page
from skfakereal.cards._blocks import Section
from skfakereal.cards._front_matter import front_matter
from skfakereal.cards._html_blocks import html_blocks
from skfakereal.cards._markdown import escaped, section_markdown


class ModelCard:
    """What a detector was made of, what it can do, and what it cannot; see `model_card`.

    Parameters
    ----------
    title : str
        Its title.
    metadata : mapping of str to object
        What stands before it for a hub to read.
    sections : sequence of Section
        Its sections.

    Attributes
    ----------
    title : str
        Its title.
    metadata : dict of str to object
        What stands before it, in the form of Hugging Face's model cards.
    sections : list of Section
        Its sections, whose text is plain.
    headings : list of str
        What they are called.

    See Also
    --------
    model_card : Makes the card.
    """

    def __init__(
        self, title: str, metadata: Mapping[str, Any], sections: Sequence[Section]
    ) -> None:
        self.title = title
        self.metadata = dict(metadata)
        self.sections = list(sections)

    @property
    def headings(self) -> list[str]:
        """What the sections are called."""
        return [section.heading for section in self.sections]

    def __repr__(self) -> str:
        return f"ModelCard({self.title!r}: {', '.join(map(printable, self.headings))})"

    def _repr_markdown_(self) -> str:
        return self._body()

    def to_markdown(self) -> str:
        """Return the card as Markdown, with YAML before it.

        Returns
        -------
        str
            What belongs into ``card.md``, or ``README.md`` on Hugging Face's hub.
        """
        return f"{front_matter(self.metadata)}\n\n{self._body()}"

    def _body(self) -> str:
        parts = [f"# {escaped(self.title)}", *map(section_markdown, self.sections)]
        return "\n\n".join(parts) + "\n"

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the Markdown to a file.

        Parameters
        ----------
        path : path-like
            The file; it is replaced if it exists.
        """
        write_page(path, self.to_markdown())

    def html_blocks(self, heading: str) -> list[Html]:
        """Return what a section holds for an HTML page.

        Parameters
        ----------
        heading : str
            What the section is called.

        Returns
        -------
        list of Html
            Its paragraphs, lists, tables and code.

        Raises
        ------
        KeyError
            If there is no such section.
        """
        for section in self.sections:
            if section.heading == heading:
                return html_blocks(section)
        raise KeyError(f"{heading!r}: there are only {self.headings}.")
