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

from skfakereal._shown import visible

BODY_STYLE = """
:root { color-scheme: light dark; }
body { margin: 0; background: #fbfbf9; color: #24292f; }
main.skfakereal { max-width: 52rem; margin: 0 auto; padding: 2.5rem 1.25rem 4rem; }
@media (prefers-color-scheme: dark) {
  body { background: #16181c; color: #dfe2e7; }
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
  --shade: rgba(128, 128, 128, .08); }
.skfakereal h1 { font-size: 1.9rem; line-height: 1.2; font-weight: 650;
  letter-spacing: -.015em; margin: 0 0 .6rem; }
.skfakereal h2 { font-size: 1.2rem; line-height: 1.3; font-weight: 650; margin: 0 0 .8rem; }
.skfakereal .lead { font-size: 1.125rem; margin: 0; opacity: .85; }
.skfakereal section { margin-top: 2.75rem; }
.skfakereal p, .skfakereal ul { margin: .7rem 0; max-width: 42rem; }
.skfakereal ul { padding-left: 1.3rem; }
.skfakereal li { margin: .3rem 0; }
.skfakereal .note { max-width: none; padding: .7rem 1rem; border-left: 4px solid #8b929c;
  border-radius: 0 6px 6px 0; background: var(--shade); }
.skfakereal .note.good { border-color: #3d9a5f; background: rgba(61, 154, 95, .1); }
.skfakereal .note.warning { border-color: #d39a1e; background: rgba(211, 154, 30, .12); }
.skfakereal .note.bad { border-color: #cf4a3f; background: rgba(207, 74, 63, .1); }
.skfakereal .headlines { display: grid; gap: .75rem; margin: 1rem 0;
  grid-template-columns: repeat(auto-fit, minmax(7.5rem, 1fr)); }
.skfakereal .headlines div { display: flex; flex-direction: column-reverse;
  justify-content: flex-end; padding: .8rem 1rem; border-radius: 8px;
  background: var(--shade); }
.skfakereal .headlines dt { font-size: .85rem; line-height: 1.3; opacity: .75; }
.skfakereal .headlines dd { font-size: 1.6rem; line-height: 1.3; font-weight: 600;
  margin: 0; font-variant-numeric: tabular-nums; overflow-wrap: normal; }
.skfakereal .scroll { overflow-x: auto; margin: .9rem 0; }
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
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 19rem), 1fr)); }
.skfakereal .gallery.wide figure { margin: 0; }
.skfakereal details { margin: .9rem 0; }
.skfakereal summary { cursor: pointer; font-weight: 600; }
.skfakereal pre { overflow-x: auto; margin: .9rem 0; padding: .7rem 1rem;
  border-radius: 6px; background: var(--shade); font-size: .88rem; line-height: 1.5; }
.skfakereal footer { margin-top: 3.5rem; padding-top: .9rem; font-size: .85rem;
  border-top: 1px solid var(--line); opacity: .75; }
@media (max-width: 30rem) {
  main.skfakereal { padding-top: 1.5rem; }
  .skfakereal h1 { font-size: 1.55rem; }
  .skfakereal .headlines { grid-template-columns: 1fr 1fr; }
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
