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
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Literal

import numpy as np

from skfakereal._shown import visible

_HERE = Path(__file__).parent
# In a notebook, the page around the parts is not ours.
_BODY, _PARTS = (
    f"\n{(_HERE / name).read_text(encoding='utf-8')}" for name in ("body.css", "parts.css")
)


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
<style>{_BODY}{_PARTS}</style>
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
    style = f"<style>{_PARTS}</style>"
    return Html(f'<div class="skfakereal">{style}{stack(parts)}</div>')


def section(heading: str, *parts: str) -> Html:
    """Return a section with its heading."""
    return Html(f"<section><h2>{escaped(heading)}</h2>\n{stack(parts)}</section>")


def details(summary: str, *parts: str) -> Html:
    """Return parts that are folded away until the reader opens them."""
    return Html(f"<details><summary>{escaped(summary)}</summary>\n{stack(parts)}</details>")


def meaning(*parts: str) -> Html:
    """Return an explanation, folded away below the one line that it explains."""
    return Html(
        '<details><summary class="aside">What does this mean?</summary>\n'
        f"{stack(parts)}</details>"
    )


def folds(*parts: Html) -> Html:
    """Return several `details` as one list."""
    return Html(f'<div class="folds">{stack(parts)}</div>')


def panel(heading: str, *parts: str) -> Html:
    """Return one of several `panels`."""
    return Html(f"<div><h3>{escaped(heading)}</h3>\n{stack(parts)}</div>")


def panels(parts: Iterable[Html]) -> Html:
    """Return panels in two columns, or one where the screen is narrow."""
    return Html(f'<div class="panels">{stack(parts)}</div>')


def paragraph(text: str) -> Html:
    """Return a paragraph."""
    return Html(f"<p>{escaped(text)}</p>")


def items(texts: Iterable[str]) -> Html:
    """Return a list with bullets."""
    return Html("<ul>" + "".join(f"<li>{escaped(text)}</li>" for text in texts) + "</ul>")


def note(text: str, kind: Literal["plain", "good", "warning", "bad"] = "plain") -> Html:
    """Return a paragraph that stands out; its text must tell what its colour tells."""
    return Html(f'<p class="note {kind}">{escaped(text)}</p>')


def notes(
    texts: Sequence[str], kind: Literal["plain", "good", "warning", "bad"] = "plain"
) -> list[Html]:
    """Return texts as one note, as bullets where there are several; nothing for none."""
    if len(texts) < 2:
        return [note(text, kind) for text in texts]
    return [Html(f'<div class="note {kind}">{items(texts)}</div>')]


def headlines(figures: Iterable[tuple[str, Any] | tuple[str, Any, str]]) -> Html:
    """Return a row of large figures, each with its name; it wraps on a narrow screen.

    A third entry, such as an interval, is written small below the figure.
    """
    cells = "".join(
        f"<div><dt>{escaped(name)}</dt><dd>{_shown(value)}"
        + "".join(f"<small>{escaped(each)}</small>" for each in more if each)
        + "</dd></div>"
        for name, value, *more in figures
    )
    return Html(f'<dl class="headlines">{cells}</dl>')


def matrix(counts: Sequence[Sequence[float]], names: Sequence[str]) -> Html:
    """Return a confusion matrix: true labels in rows, each cell as dark as its share of it."""
    head = "".join(f'<th scope="col">predicted {escaped(name)}</th>' for name in names)
    lines = []
    for name, row in zip(names, counts, strict=True):
        total = sum(row) or 1
        cells = "".join(
            f'<td{_FULL if n / total > 0.85 else ""} style="--share:{n / total:.3f}">'
            f"<b>{_shown(n)}</b>{n / total:.1%}</td>"
            for n in row
        )
        lines.append(f'<tr><th scope="row">{escaped(name)}</th>{cells}</tr>')
    return Html(
        f'<div class="scroll"><table class="matrix"><thead><tr>'
        f'<th scope="col">true label</th>{head}</tr></thead>\n<tbody>'
        + "\n".join(lines)
        + "</tbody></table></div>"
    )


_FULL = ' class="full"'  # so dark that white text has more contrast than black


@dataclass(frozen=True)
class Dot:
    """A value in a `dots` picture, with its interval, in the colour of a series."""

    value: float
    low: float = math.nan
    high: float = math.nan
    series: int = 0


def dots(
    rows: Iterable[tuple[str, Sequence[Dot], str]],
    *,
    ends: tuple[float, float] = (0, 1),
    mark: float | None = None,
    series: Sequence[str] = (),
) -> Html:
    """Return values on a line for each row: its name, its dots, and what is written beside.

    The names are text, so that they are drawn in every script the reader's screen knows.
    """
    low, high = ends

    def at(value: float) -> float:
        return 100 * min(max((value - low) / (high - low), 0), 1)

    line = "" if mark is None else f'<i class="mark" style="left:{at(mark):.1f}%"></i>'

    def drawn(dot: Dot, down: float) -> str:
        colour = f";background:{_COLOURS[dot.series % len(_COLOURS)]}"
        # Intervals lie below each other, so that each can be told from the others.
        moved = f";margin-top:{down:.0f}px" if down else ""
        bar = ""
        if dot.low <= dot.high:
            where = f"left:{at(dot.low):.1f}%;width:{at(dot.high) - at(dot.low):.1f}%"
            bar = f'<i class="bar" style="{where}{moved}{colour}"></i>'
        if math.isnan(dot.value):
            return bar
        return f'{bar}<i class="dot" style="left:{at(dot.value):.1f}%{moved}{colour}"></i>'

    def track(shown: Sequence[Dot]) -> str:
        apart = _APART if any(dot.low <= dot.high for dot in shown) else 0
        first = -apart * (len(shown) - 1) / 2
        marks = "".join(drawn(dot, first + i * apart) for i, dot in enumerate(shown))
        high = f' style="height:{24 - 2 * first:.0f}px"' if first else ""
        return f'<span class="track" aria-hidden="true"{high}>{line}{marks}</span>'

    lines = [
        f"<div><span>{escaped(name)}</span>{track(shown)}"
        f'<span class="number">{escaped(beside)}</span></div>'
        for name, shown, beside in rows
    ]
    ticks = "".join(
        f'<i style="left:{100 * i / 4:.0f}%">{low + (high - low) * i / 4:.3g}</i>'
        for i in range(5)
    )
    axis = f'<div aria-hidden="true"><span></span><span class="axis">{ticks}</span></div>'
    names = key([(name, _COLOURS[i % len(_COLOURS)]) for i, name in enumerate(series)])
    return Html(f'{names if series else ""}<div class="dots">{"".join(lines)}{axis}</div>')


def key(names: Iterable[tuple[str, str]]) -> Html:
    """Return names with the colours that they have in a picture."""
    lines = (
        f'<li><i style="background:{escaped(colour)}"></i>{escaped(name)}</li>'
        for name, colour in names
    )
    return Html(f'<ul class="key">{"".join(lines)}</ul>')


_COLOURS = ("#2f6fb3", "#d0662b", "#3d9a5f", "#a04fb0", "#8b929c")
_APART = 9  # pixels


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
    if isinstance(text, Html):
        return text
    shown = html.escape(visible(text, "\n\t"))
    # What is written from right to left must not turn round what follows, such as a number.
    return Html(_FROM_THE_RIGHT.sub("\u2068\\g<0>\u2069", shown))


_RIGHT = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff"
_FROM_THE_RIGHT = re.compile(f"[{_RIGHT}]+(?:[^\\w&<>\\n]+[{_RIGHT}]+)*")


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
