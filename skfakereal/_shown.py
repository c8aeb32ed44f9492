r"""Text that a user's files brought along -> text that nothing takes for markup.

The name of a file, a folder, a class or a group may hold anything: escape sequences of a
terminal, marks that turn the direction of writing, bytes that are no text, the ``$`` of
matplotlib's formulas. Here such characters become ones that can be seen. There is one
function for each place where text is shown: `printable` for a terminal, `drawable` for a
picture, `skfakereal._pages.html.escaped` for a page, `skfakereal.cards._blocks.escaped` for a
card. `write_page` writes pages and cards.
"""

import os
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from unicodedata import category

from skfakereal._files import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontEntry

# Persian, Indic scripts and emoji join and part their signs with these.
_JOINERS = "\u200c\u200d"
# What TeX takes for its own, where a user's matplotlib draws all text with it.
_TEX = {
    **{sign: f"\\{sign}" for sign in "{}$&#%_"},
    **{"\\": r"\textbackslash{}", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}"},
}


def visible(text: str, keep: str = "") -> str:
    r"""Return text with what cannot be seen written as Python does.

    Examples
    --------
    >>> visible("caf\udce9 \x1b[2J \u202egnp.exe")
    'caf\\udce9 \\x1b[2J \\u202egnp.exe'
    """
    if text.isprintable():
        return text
    keep += _JOINERS
    return "".join(
        c if c.isprintable() or c in keep or category(c) == "Zs" else repr(c)[1:-1]
        for c in text
    )


def printable(text: str) -> str:
    r"""Return text for a terminal, on one line.

    Examples
    --------
    >>> printable("a\x1b[2Jb\n.png")
    'a\\x1b[2Jb\\n.png'
    """
    return visible(text)


def drawable(text: str) -> str:
    r"""Return text for matplotlib, which draws it letter by letter.

    Examples
    --------
    >>> drawable("was $$20 now $$1.png")
    'was \\$\\$20 now \\$\\$1.png'
    """
    from matplotlib import rcParams

    shown = visible(text)
    if rcParams["text.usetex"]:
        return "".join(_TEX.get(c, c) for c in shown)
    if not shown.isascii():
        # A box tells nothing of a letter that no font here has.
        fonts = {c: _font_with(c) for c in set(shown)}
        shown = "".join(_as_ascii(c) if fonts[c] is None else c for c in shown)
    # A legend leaves out a name that begins with an underscore.
    return f"{' ' if shown.startswith('_') else ''}{shown}".replace("$", r"\$")


def legible(figure: "Figure") -> "Figure":
    """Give the text of a figure the fonts of this computer that have its letters."""
    from matplotlib import rcParams
    from matplotlib.text import Text

    texts = [text for text in figure.findobj(Text) if isinstance(text, Text)]
    letters = {c for text in texts for c in text.get_text() if not c.isascii()}
    families = sorted({family for c in letters if (family := _font_with(c))})
    if families and not rcParams["text.usetex"]:
        for text in texts:
            text.set_fontfamily([*text.get_fontfamily(), *families])
        for ax in figure.axes:  # labels of ticks are made anew with each drawing
            ax.tick_params(labelfontfamily=[*rcParams["font.family"], *families])
    return figure


@cache
def _font_with(letter: str) -> str | None:
    """Return the family of a font that has a letter; "" for the usual one, None for none."""
    from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font

    if letter.isascii() or get_font(findfont(FontProperties())).get_char_index(ord(letter)):
        return ""
    for entry in fontManager.ttflist:
        # The one draws a box for every letter; matplotlib cannot draw the others' pictures.
        if "last resort" in entry.name.lower() or "color" in entry.name.lower():
            continue
        try:
            font = get_font(entry.fname)
        except (OSError, RuntimeError):  # removed since matplotlib listed it, or damaged
            continue
        if font.get_char_index(ord(letter)):
            return _as_plain(entry)
    return None


def _as_plain(entry: "FontEntry") -> str:
    """Return a name under which a font is found without complaint, whatever its weight."""
    from matplotlib.font_manager import fontManager

    other = replace(
        entry,
        name=f"{entry.name} for skfakereal",
        style="normal",
        variant="normal",
        weight=400,
        stretch="normal",
    )
    if other not in fontManager.ttflist:
        fontManager.ttflist.append(other)
    return other.name


def _as_ascii(letter: str) -> str:
    """Return a letter as Python writes it; nothing for what only joins or shapes others."""
    return "" if category(letter) in ("Cf", "Mn") else ascii(letter)[1:-1]


def write_page(path: str | os.PathLike[str], text: str) -> None:
    """Write a page or a card as UTF-8, whatever characters it holds, whole or not at all."""
    place, content = Path(path), text.encode("utf-8", "backslashreplace")
    if place.exists() and not place.is_file():  # a pipe, say
        place.write_bytes(content)
        return
    with replacing(place, sync=False) as file:
        file.write(content)
