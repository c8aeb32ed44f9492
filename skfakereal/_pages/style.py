"""The look of every report: calm, readable on a phone, light or dark as the reader likes.

`PARTS_STYLE` works on whatever background a notebook has, since its lines and shades are
translucent greys; `BODY_STYLE` gives a page of our own its colours.
"""

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
