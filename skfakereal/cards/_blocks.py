"""What a card is made of: sections of plain text, lists, tables and code.

All text is plain; Markdown and HTML escape it where they write it, so that no name of a
class or a file can become markup.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Text:
    """A paragraph.

    Parameters
    ----------
    text : str
        Its text.
    """

    text: str


@dataclass(frozen=True)
class Bullets:
    """A list.

    Parameters
    ----------
    texts : tuple of str
        One for each item.
    """

    texts: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A table.

    Parameters
    ----------
    header : tuple of str
        Names of the columns.
    rows : tuple of tuple of str
        The cells.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Code:
    """Lines that stand as they are.

    Parameters
    ----------
    text : str
        The lines.
    language : str, default=""
        What they are written in.
    """

    text: str
    language: str = ""


Block = Text | Bullets | Table | Code


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it.

    Parameters
    ----------
    heading : str
        The heading.
    blocks : tuple of Block
        The blocks.
    """

    heading: str
    blocks: tuple[Block, ...]
