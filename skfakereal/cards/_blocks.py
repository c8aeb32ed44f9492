"""What a card is made of, and how it is written: Markdown, HTML, YAML.

All text is plain; Markdown (as GitHub and Hugging Face read it: CommonMark with tables) and
HTML escape it where they write it, so that no name of a class or a file can become markup.
"""

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from skfakereal._pages import html as page
from skfakereal._shown import visible


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Bullets:
    """A list."""

    texts: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """A table."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Code:
    """Lines that stand as they are."""

    text: str
    language: str = ""


Block = Text | Bullets | Table | Code


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it."""

    heading: str
    blocks: tuple[Block, ...]


# A card is made to be published, and absolute paths hold the names of users, machines and
# clients: only their last part is kept.
#
# In quotes a path may hold spaces; elsewhere it ends at one. Neither is a URL's slash nor
# that of "and/or" the beginning of a path.
_QUOTED = re.compile(r"(['\"])(?:~?[/\\]|[A-Za-z]:[/\\])[^'\"\n]*\1")
_BARE = re.compile(r"(?<![\w:/\\.~])(?:~?/|[A-Za-z]:[/\\]|\\\\)[^\s'\",;:()]+")


def without_paths(text: str) -> str:
    """Return text with the last parts of absolute paths in their place."""
    text = _QUOTED.sub(lambda m: f"{m[1]}{last_part(m[0][1:-1])}{m[1]}", text)
    return _BARE.sub(lambda m: last_part(m[0]), text)


def last_part(path: str) -> str:
    return re.split(r"[/\\]", path.rstrip("/\\"))[-1]


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


def _escape_underscores(match: re.Match[str]) -> str:
    """Escape underscores, but not within a word: there they mean nothing, and names such as
    n_views read better without backslashes.
    """
    text, (start, end) = match.string, match.span()
    within = text[:start][-1:].isalnum() and text[end:][:1].isalnum()
    return match[0] if within else match[0].replace("_", "\\_")


def _escape_marker(match: re.Match[str]) -> str:
    number, point, sign = match.groups()
    return f"\\{sign}" if sign else f"{number}\\{point}"


def section_markdown(section: Section) -> str:
    parts = [f"## {escaped(section.heading)}", *map(_markdown_block, section.blocks)]
    return "\n\n".join(parts)


def _markdown_block(block: Block) -> str:
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


def html_blocks(section: Section) -> list[page.Html]:
    """Return what a section holds, without its heading."""
    return [_html_block(block) for block in section.blocks]


def _html_block(block: Block) -> page.Html:
    match block:
        case Text(text):
            return page.paragraph(text)
        case Bullets(texts):
            return page.items(texts)
        case Table(header, rows):
            return page.table(rows, header)
        case Code(text):
            return page.Html(f"<pre><code>{page.escaped(text)}</code></pre>")


def front_matter(metadata: Mapping[str, Any]) -> str:
    """Return metadata as YAML between two lines of dashes, by which a hub sorts models."""
    import yaml  # takes 20 ms, and only those who write a card need it

    def quote(dumper: Any, text: str) -> Any:
        # All but words: "1e5" is a text to YAML 1.1, and a number to YAML 1.2.
        style = None if re.fullmatch(r"[A-Za-z][A-Za-z_-]*", text) else '"'
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    dumper: Any = type("Dumper", (yaml.SafeDumper,), {})
    dumper.add_representer(str, quote)
    # Plain values, none of them twice (which YAML would name by a sign), and no halves of
    # characters, as damaged names of files have: no file can hold them.
    text = json.dumps(dict(metadata), ensure_ascii=False)
    plain = json.loads(text.encode("utf-8", "replace"))
    written = yaml.dump(
        plain, Dumper=dumper, sort_keys=False, allow_unicode=True, width=math.inf
    )
    return f"---\n{written}---"
