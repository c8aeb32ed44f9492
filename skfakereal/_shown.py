r"""Text that a user's files brought along -> text that nothing takes for markup.

The name of a file, a folder, a class or a group may hold anything: escape sequences of a
terminal, marks that turn the direction of writing, bytes that are no text, the ``$`` of
matplotlib's formulas. Here such characters become ones that can be seen. There is one
function for each place where text is shown: `printable` for a terminal, `drawable` for a
picture, `skfakereal._pages.html.escaped` for a page, `skfakereal.cards._blocks.escaped` for a
card. `write_page` writes pages and cards.
"""

import os
from pathlib import Path
from unicodedata import category

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
    # A legend leaves out a name that begins with an underscore.
    return f"{' ' if shown.startswith('_') else ''}{shown}".replace("$", r"\$")


def write_page(path: str | os.PathLike[str], text: str) -> None:
    """Write a page or a card as UTF-8, whatever characters it holds."""
    Path(path).write_text(text, encoding="utf-8", errors="backslashreplace")
