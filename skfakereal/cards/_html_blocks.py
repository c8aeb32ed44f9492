"""Blocks -> parts of an HTML page."""

from skfakereal._html import Html, escaped, items, paragraph, table
from skfakereal.cards._blocks import Block, Bullets, Code, Section, Table, Text


def html_blocks(section: Section) -> list[Html]:
    """Return what a section holds, without its heading."""
    return [_block(block) for block in section.blocks]


def _block(block: Block) -> Html:
    match block:
        case Text(text):
            return paragraph(text)
        case Bullets(texts):
            return items(texts)
        case Table(header, rows):
            return table(rows, header)
        case Code(text):
            return Html(f"<pre><code>{escaped(text)}</code></pre>")
