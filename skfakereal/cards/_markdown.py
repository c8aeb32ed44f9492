"""Blocks -> Markdown as GitHub and Hugging Face read it (CommonMark with tables)."""

import re

from skfakereal._shown import visible
from skfakereal.cards._blocks import Block, Bullets, Code, Section, Table, Text

_SPECIAL = re.compile(r"[\\`*\[\]<>|~$]")
_UNDERSCORES = re.compile(r"_+")
_ENTITY = re.compile(r"&(?=#?\w+;)")
# Of a list, a heading or a rule; "0.9" and "-0.1" begin none of them.
_LINE_START = re.compile(r"^(?:(\d+)([.)])(?=\s|$)|([#+=-])(?![\w.]))")
# A heading may be closed by the sign that opens it.
_CLOSING = re.compile(r"(?<=\s)#(?=#*$)")
# GitHub makes links of bare addresses.
_ADDRESS = re.compile(r"(?<=\w)(?=://)|(?<=\bwww)(?=\.)", re.IGNORECASE)


def escaped(text: str) -> str:
    r"""Return text as Markdown that shows it letter by letter, on one line."""
    text = visible(" ".join(text.split()))
    text = _SPECIAL.sub(r"\\\g<0>", text)
    text = _UNDERSCORES.sub(_escape_underscores, text)
    text = _CLOSING.sub(r"\\#", text)
    text = _ADDRESS.sub(r"\\", text)
    text = _ENTITY.sub(r"\\&", text)
    return _LINE_START.sub(_escape_marker, text)


def _escape_underscores(found: re.Match[str]) -> str:
    """Escape underscores, but not within a word: there they mean nothing, and names such as
    n_views read better without backslashes.
    """
    text, (start, end) = found.string, found.span()
    within = text[:start][-1:].isalnum() and text[end:][:1].isalnum()
    return found[0] if within else found[0].replace("_", "\\_")


def _escape_marker(found: re.Match[str]) -> str:
    number, point, sign = found.groups()
    return f"\\{sign}" if sign else f"{number}\\{point}"


def section_markdown(section: Section) -> str:
    parts = [f"## {escaped(section.heading)}", *map(_block, section.blocks)]
    return "\n\n".join(parts)


def _block(block: Block) -> str:
    match block:
        case Text(text):
            return escaped(text)
        case Bullets(texts):
            return "\n".join(f"- {escaped(text)}" for text in texts)
        case Table(header, rows):
            cells = [tuple(map(escaped, row)) for row in (header, *rows)]
            cells.insert(1, ("---",) * len(header))
            return "\n".join(f"| {' | '.join(row)} |" for row in cells)
        case Code(text, language):
            return _fenced(text, language)


def _fenced(text: str, language: str) -> str:
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text}\n{fence}"
