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
from typing import Any, Literal

import numpy as np

from skfakereal._shown import visible

BODY_STYLE = """
:root { color-scheme: light dark; }
body { margin: 0; background: #fbfbf9; color: #24292f; }
main.skfakereal { max-width: 60rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem;
  --page: #fbfbf9; }
@media (prefers-color-scheme: dark) {
  body { background: #16181c; color: #dfe2e7; }
  main.skfakereal { --page: #16181c; }
}
/* One drawing serves both: white takes on the page's colour. On a dark page light and dark
   are exchanged, and hues stay. */
@media screen { .skfakereal figure img.plot { mix-blend-mode: multiply; } }
@media screen and (prefers-color-scheme: dark) {
  .skfakereal figure img.plot { filter: invert(1) hue-rotate(180deg);
    mix-blend-mode: screen; opacity: .92; }
}
@media print {
  body { background: none; color: #000; }
}
"""

PARTS_STYLE = """
.skfakereal { font: 1rem/1.6 system-ui, -apple-system, "Segoe UI", sans-serif;
  overflow-wrap: anywhere; --line: rgba(128, 128, 128, .28);
  --shade: rgba(128, 128, 128, .08); --page: var(--jp-layout-color0, Canvas); }
.skfakereal h1 { font-size: 1.9rem; line-height: 1.2; font-weight: 650;
  letter-spacing: -.015em; margin: 0 0 .6rem; }
.skfakereal h2 { font-size: 1.2rem; line-height: 1.3; font-weight: 650; margin: 0 0 .8rem; }
.skfakereal h3 { font-size: 1rem; line-height: 1.3; font-weight: 650; margin: 0 0 .5rem; }
.skfakereal .lead { font-size: 1.125rem; margin: 0; max-width: 46rem; opacity: .85; }
.skfakereal section { margin-top: 2.5rem; }
.skfakereal header + section { margin-top: 1.5rem; }
.skfakereal p, .skfakereal ul { margin: .7rem 0; max-width: 42rem; }
.skfakereal ul { padding-left: 1.3rem; }
.skfakereal li { margin: .3rem 0; }
.skfakereal .note { max-width: none; padding: .7rem 1rem; border-left: 4px solid #8b929c;
  border-radius: 0 6px 6px 0; background: var(--shade); }
.skfakereal .note ul { margin: 0; max-width: none; }
.skfakereal .note.good { border-color: #3d9a5f; background: rgba(61, 154, 95, .1); }
.skfakereal .note.warning { border-color: #d39a1e; background: rgba(211, 154, 30, .12); }
.skfakereal .note.bad { border-color: #cf4a3f; background: rgba(207, 74, 63, .1); }
.skfakereal .headlines { display: grid; gap: .75rem; margin: 1rem 0;
  grid-template-columns: repeat(auto-fit, minmax(7.5rem, 1fr)); }
.skfakereal .headlines div { padding: .7rem 1rem .8rem; border-radius: 8px;
  background: var(--shade); }
.skfakereal .headlines dt { font-size: .85rem; line-height: 1.3; opacity: .75; }
.skfakereal .headlines dd { font-size: 1.6rem; line-height: 1.3; font-weight: 600;
  margin: 0; font-variant-numeric: tabular-nums; overflow-wrap: normal; }
.skfakereal .headlines small { display: block; font-size: .8rem; font-weight: 400;
  opacity: .75; white-space: nowrap; }
.skfakereal .panels { columns: 22rem 2; column-gap: 2.5rem; margin: 1rem 0; }
.skfakereal .panels > div { break-inside: avoid; padding-bottom: 1.6rem; }
.skfakereal .panels figure { margin: .5rem 0; }
.skfakereal .panels figure img { max-width: min(100%, 26rem); }
.skfakereal .panels p { margin: .5rem 0; font-size: .93rem; }
.skfakereal .panels .gallery { gap: .8rem; margin: .6rem 0;
  grid-template-columns: repeat(auto-fill, minmax(6.5rem, 1fr)); }
.skfakereal .panels figcaption { font-size: .82rem; }
.skfakereal .matrix { border-collapse: separate; border-spacing: 3px; width: 100%;
  min-width: 0; table-layout: fixed; }
.skfakereal .matrix th, .skfakereal .matrix td { border: 0; padding: .5rem; }
.skfakereal .matrix thead th { text-align: center; }
.skfakereal .matrix tbody th { text-align: right; vertical-align: middle; }
.skfakereal .matrix td { text-align: center; border-radius: 6px; padding: 1.1rem .3rem;
  background: rgba(47, 111, 179, calc(.06 + .84 * var(--share))); }
.skfakereal .matrix td.full { color: #fff; }
.skfakereal .matrix b { display: block; font-size: 1.3rem; font-weight: 600; }
.skfakereal .dots { margin: .9rem 0; font-size: .93rem; }
.skfakereal .dots > div { display: grid; align-items: center; gap: .15rem .9rem;
  grid-template-columns: minmax(5rem, 11rem) minmax(8rem, 1fr) 4rem; padding: .2rem 0; }
.skfakereal .dots .track { position: relative; display: block; height: 1.5rem;
  background: linear-gradient(var(--line), var(--line)) center / 100% 1px no-repeat; }
.skfakereal .dots .track i, .skfakereal .dots .axis i { position: absolute; display: block;
  box-sizing: border-box; }
.skfakereal .dots .bar { height: 5px; top: calc(50% - 2.5px); border-radius: 3px;
  opacity: .4; }
.skfakereal .dots .dot { width: 10px; height: 10px; margin-left: -5px;
  top: calc(50% - 5px); border-radius: 50%; }
.skfakereal .dots .mark { width: 0; height: 100%; border-left: 1px dashed; opacity: .5; }
.skfakereal .dots .axis { position: relative; height: 1.2rem; font-size: .8rem;
  opacity: .75; }
.skfakereal .dots .axis i { font-style: normal; white-space: nowrap; transform: translateX(-50%); }
.skfakereal .key { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; margin: .5rem 0;
  padding: 0; list-style: none; font-size: .88rem; }
.skfakereal .key i { display: inline-block; width: 10px; height: 10px; margin-right: .45rem;
  border-radius: 50%; }
.skfakereal .scroll { overflow-x: auto; margin: .9rem 0;
  background: linear-gradient(90deg, var(--page) 40%, transparent) left / 2.5rem 100%,
    linear-gradient(-90deg, var(--page) 40%, transparent) right / 2.5rem 100%,
    linear-gradient(90deg, rgba(128, 128, 128, .45), transparent) left / 1rem 100%,
    linear-gradient(-90deg, rgba(128, 128, 128, .45), transparent) right / 1rem 100%;
  background-repeat: no-repeat; background-attachment: local, local, scroll, scroll; }
.skfakereal table { border-collapse: collapse; font-size: .93rem; min-width: 60%;
  overflow-wrap: normal; }
.skfakereal caption { text-align: left; padding: 0 0 .4rem; opacity: .75; }
.skfakereal th, .skfakereal td { text-align: left; vertical-align: top;
  padding: .4rem .9rem .4rem 0; border: 0; border-bottom: 1px solid var(--line);
  background: none; }
.skfakereal th { font-weight: 600; font-size: .85rem; vertical-align: bottom;
  opacity: .75; }
.skfakereal .number { text-align: right; font-variant-numeric: tabular-nums;
  white-space: nowrap; padding-left: .9rem; }
.skfakereal tr > :last-child { padding-right: 0; }
.skfakereal figure { margin: 1.1rem 0; break-inside: avoid; }
.skfakereal figure img { display: block; max-width: 100%; height: auto; border-radius: 6px;
  background: #fff; }
.skfakereal figure img.card { padding: .8rem; border-radius: 10px; box-sizing: border-box; }
.skfakereal figcaption { font-size: .88rem; line-height: 1.45; margin-top: .5rem;
  opacity: .8; white-space: pre-line; }
.skfakereal .picture { margin: .5rem 0; max-width: 20rem; }
.skfakereal .picture img.pixels { width: 8rem; image-rendering: pixelated; }
.skfakereal .picture .empty { display: flex; align-items: center; justify-content: center;
  aspect-ratio: 1; max-width: 8rem; box-sizing: border-box; padding: .5rem;
  border: 1px dashed var(--line); border-radius: 6px; font-size: .85rem; line-height: 1.35;
  text-align: center; opacity: .8; }
.skfakereal .gallery { display: grid; gap: 1rem; margin: 1rem 0;
  grid-template-columns: repeat(auto-fill, minmax(8rem, 1fr)); }
.skfakereal .gallery .picture { margin: 0; }
.skfakereal .gallery .picture img, .skfakereal .gallery .empty { width: 100%;
  max-width: none; }
.skfakereal .gallery.wide {
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 22rem), 1fr)); }
.skfakereal .gallery.wide figure { margin: 0; }
.skfakereal details { margin: .7rem 0; }
.skfakereal summary { cursor: pointer; font-weight: 600; padding: .2rem 0; }
.skfakereal summary.aside { font-weight: 400; font-size: .88rem; opacity: .8; }
.skfakereal .folds { border-top: 1px solid var(--line); }
.skfakereal .folds > details { margin: 0; padding: .45rem 0;
  border-bottom: 1px solid var(--line); }
.skfakereal pre { overflow-x: auto; margin: .9rem 0; padding: .7rem 1rem;
  border-radius: 6px; background: var(--shade); font-size: .88rem; line-height: 1.5; }
.skfakereal .case { display: grid; gap: 1rem 2rem; align-items: start;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 20rem), 1fr)); }
.skfakereal .case .picture { max-width: none; margin: 0; }
.skfakereal .case .picture img { max-height: 28rem; width: auto; }
.skfakereal .case .picture img.pixels { width: min(100%, 16rem); }
.skfakereal .case .headlines { margin-top: 0; }
.skfakereal .scale { display: grid; grid-template-columns: auto 1fr auto; font-size: .85rem;
  margin: 1.2rem 0; opacity: .9; }
.skfakereal .scale div { position: relative; grid-column: 1 / -1; height: .5rem;
  border-radius: .25rem; margin-bottom: .45rem;
  background: linear-gradient(90deg, rgba(61, 154, 95, .55), var(--line), rgba(207, 74, 63, .6)); }
.skfakereal .scale div > * { position: absolute; top: 50%; transform: translate(-50%, -50%); }
.skfakereal .scale i { width: 2px; height: 1.4rem; background: currentcolor; opacity: .6; }
.skfakereal .scale b { width: .85rem; height: .85rem; border-radius: 50%;
  background: currentcolor; border: 2px solid Canvas; }
.skfakereal .scale span { text-align: center; }
.skfakereal .cases { display: grid; gap: 1rem; margin: 1rem 0; padding: 0; list-style: none;
  max-width: none; grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); }
.skfakereal .cases li { margin: 0; }
.skfakereal .cases a { display: block; height: 100%; color: inherit; text-decoration: none;
  border-radius: 8px; overflow: hidden; background: var(--shade); font-size: .88rem;
  line-height: 1.4; }
.skfakereal .cases a:hover, .skfakereal .cases a:focus-visible { outline: 2px solid; }
.skfakereal .cases img { display: block; width: 100%; aspect-ratio: 1; object-fit: cover; }
.skfakereal .cases a > span { display: block; padding: .5rem .7rem .65rem;
  border-top: 4px solid #8b929c; }
.skfakereal .cases .good { border-color: #3d9a5f; }
.skfakereal .cases .bad { border-color: #cf4a3f; }
.skfakereal .cases .warning { border-color: #d39a1e; }
.skfakereal .cases b { display: block; font-size: 1rem; }
.skfakereal footer { margin-top: 3.5rem; padding-top: .9rem; font-size: .85rem;
  border-top: 1px solid var(--line); opacity: .75; }
@media (max-width: 30rem) {
  main.skfakereal { padding-top: 1.5rem; }
  .skfakereal h1 { font-size: 1.55rem; }
  .skfakereal .headlines { grid-template-columns: 1fr 1fr; gap: .5rem; }
  .skfakereal .headlines div { padding: .6rem .8rem; }
  .skfakereal .headlines dd { font-size: 1.4rem; }
  .skfakereal .dots > div { grid-template-columns: minmax(5rem, 1fr) 3.5rem; }
  .skfakereal .dots .track, .skfakereal .dots .axis { grid-column: 1 / -1; grid-row: 2; }
  .skfakereal table { font-size: .85rem; }
  .skfakereal th, .skfakereal td { padding-right: .4rem; font-size: inherit; }
  .skfakereal .number { padding-left: .4rem; }
}
"""


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
