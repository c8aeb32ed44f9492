"""Text, tables and pictures -> one HTML page that can be mailed.

A page carries its style and its pictures inside, loads nothing and runs no script. Text
is escaped wherever it comes in as `str`; only `Html`, which the functions here return,
is taken as markup. So a report is a composition of calls:

>>> page("Audit", section("Files", "Two of <3> read.", table([["a.png", 12]])))
'<!DOCTYPE html>...<p>Two of &lt;3&gt; read.</p>...<td class="number">12</td>...'

Pictures come from `skfakereal._pages.pictures`.
"""

import html
import math
from collections.abc import Iterable, Sequence
from numbers import Integral, Real
from typing import Any, Literal

import numpy as np

from skfakereal._pages.style import BODY_STYLE, PARTS_STYLE
from skfakereal._shown import visible


class Html(str):
    """Markup that is safe to put into a page as it is; all other text is escaped.

    The name of an image file or of a class is never made `Html` by hand.
    """

    __slots__ = ()


def page(title: str, *parts: str, lead: str = "", footer: str = "") -> str:
    """Return a whole HTML document; `lead` is the answer, before its evidence."""
    head = f"<h1>{escaped(title)}</h1>" + (
        f'<p class="lead">{escaped(lead)}</p>' if lead else ""
    )
    foot = f"<footer>{escaped(footer)}</footer>" if footer else ""
    # The policy is a second lock: even a mistake above could not load or run anything.
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>{escaped(title)}</title>
<style>{BODY_STYLE}{PARTS_STYLE}</style>
</head>
<body>
<main class="skfakereal">
<header>{head}</header>
{stack(parts)}
{foot}
</main>
</body>
</html>
"""


def fragment(*parts: str) -> Html:
    """Return the parts for a notebook's cell: one ``div``, whose style touches nothing else."""
    style = f"<style>{PARTS_STYLE}</style>"
    return Html(f'<div class="skfakereal">{style}{stack(parts)}</div>')


def section(heading: str, *parts: str) -> Html:
    """Return a section with its heading."""
    return Html(f"<section><h2>{escaped(heading)}</h2>\n{stack(parts)}</section>")


def details(summary: str, *parts: str) -> Html:
    """Return parts that are folded away until the reader opens them."""
    return Html(f"<details><summary>{escaped(summary)}</summary>\n{stack(parts)}</details>")


def paragraph(text: str) -> Html:
    """Return a paragraph."""
    return Html(f"<p>{escaped(text)}</p>")


def items(texts: Iterable[str]) -> Html:
    """Return a list with bullets."""
    return Html("<ul>" + "".join(f"<li>{escaped(text)}</li>" for text in texts) + "</ul>")


def note(text: str, kind: Literal["plain", "good", "warning", "bad"] = "plain") -> Html:
    """Return a paragraph that stands out; its text must tell what its colour tells."""
    return Html(f'<p class="note {kind}">{escaped(text)}</p>')


def headlines(figures: Iterable[tuple[str, Any]]) -> Html:
    """Return a row of large figures, each with its name below; it wraps on a narrow screen."""
    cells = "".join(
        f"<div><dt>{escaped(name)}</dt><dd>{_shown(value)}</dd></div>"
        for name, value in figures
    )
    return Html(f'<dl class="headlines">{cells}</dl>')


def table(
    rows: Iterable[Sequence[Any]], header: Sequence[str] = (), caption: str = ""
) -> Html:
    """Return a table, which scrolls by itself where the screen is too narrow for it.

    Numbers are aligned to the right. Whole ones get separators, others at most three
    decimals; None and NaN become a dash.
    """
    body = [list(row) for row in rows]
    width = max(map(len, [header, *body]))
    classes = [
        ' class="number"' if all(_is_number(row[j]) for row in body if j < len(row)) else ""
        for j in range(width)
    ]
    head = "".join(
        f'<th scope="col"{css}>{escaped(name)}</th>'
        for name, css in zip(header, classes, strict=False)
    )
    lines = (
        "".join(f"<td{css}>{_shown(v)}</td>" for v, css in zip(row, classes, strict=False))
        for row in body
    )
    return Html(
        '<div class="scroll"><table>'
        + (f"<caption>{escaped(caption)}</caption>" if caption else "")
        + (f"<thead><tr>{head}</tr></thead>" if head else "")
        + "\n<tbody>"
        + "\n".join(f"<tr>{line}</tr>" for line in lines)
        + "</tbody></table></div>"
    )


def stack(parts: Iterable[str]) -> Html:
    """Return parts one below the other."""
    blocks = (part if isinstance(part, Html) else paragraph(part) for part in parts)
    return Html("\n".join(blocks))


def escaped(text: str) -> Html:
    """Return text as markup that shows it letter by letter; `Html` stays as it is.

    It is good between tags and inside quoted attributes.
    """
    return text if isinstance(text, Html) else Html(html.escape(visible(text, "\n\t")))


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, Real) and not isinstance(value, bool))


def _shown(value: Any) -> str:
    if value is None or (isinstance(value, Real) and math.isnan(value)):
        return "\N{EN DASH}"
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, Integral):
        return f"{int(value):,}"
    if isinstance(value, Real):
        number = float(value)
        decimals = 3 if abs(number) < 10 else 1 if abs(number) < 1000 else 0
        return f"{number:,.{decimals}f}"
    return escaped(value if isinstance(value, str) else str(value))
