import base64
import io
import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from conftest import MakeImage
from matplotlib import pyplot as plt
from PIL import Image

from skfakereal._pages.html import (
    Dot,
    Html,
    details,
    dots,
    escaped,
    folds,
    fragment,
    headlines,
    items,
    key,
    matrix,
    meaning,
    note,
    notes,
    page,
    panel,
    panels,
    paragraph,
    section,
    table,
)
from skfakereal._pages.pictures import figure, gallery, picture

EVIL = '<script>alert(1)</script> & "it\'s"'
ESCAPED = "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;it&#x27;s&quot;"


class _Balance(HTMLParser):
    """Fails on a tag that is not closed; collects tags and what they refer to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.sources: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.sources += [value or "" for key, value in attrs if key in ("src", "href")]
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def _pixels_in(markup: str) -> np.ndarray[Any, Any]:
    data = re.search(r"base64,([^\"]+)", markup)
    assert data
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data[1]))).convert("RGB"))


@pytest.mark.parametrize(
    "markup",
    [
        page(EVIL),
        page("t", lead=EVIL),
        page("t", footer=EVIL),
        page("t", EVIL),
        fragment(EVIL),
        section(EVIL),
        section("t", EVIL),
        details(EVIL),
        details("t", EVIL),
        paragraph(EVIL),
        items([EVIL]),
        note(EVIL, "bad"),
        headlines([(EVIL, 1)]),
        headlines([("t", EVIL)]),
        headlines([("t", 1, EVIL)]),
        matrix([[1]], [EVIL]),
        meaning(EVIL),
        folds(details(EVIL)),
        panels([panel(EVIL)]),
        panel("t", EVIL),
        *notes([EVIL]),
        notes([EVIL, "t"])[0],
        dots([(EVIL, [Dot(1)], "t")]),
        dots([("t", [Dot(1)], EVIL)]),
        dots([("t", [Dot(1)], "t")], series=[EVIL]),
        key([(EVIL, "#000")]),
        table([[EVIL]]),
        table([[1]], [EVIL]),
        table([[1]], caption=EVIL),
        picture(np.zeros((4, 4, 3), np.uint8), EVIL),
        picture(np.zeros((4, 4, 3), np.uint8), alt=EVIL),
        picture(EVIL, EVIL),
    ],
)
def test_text_is_escaped_wherever_it_comes_in(markup: str) -> None:
    assert ESCAPED in markup
    assert "script" not in _Balance(markup).tags


def test_markup_of_ours_is_not_escaped_twice() -> None:
    inner = paragraph("a & b")
    assert "<p>a &amp; b</p>" in page("t", section("s", details("d", inner)))
    assert "<td><p>a &amp; b</p></td>" in table([[inner]])


def test_markup_in_a_caption_stays_out_of_the_attributes() -> None:
    markup = picture(np.zeros((4, 4, 3), np.uint8), Html("<b>x</b>"))
    assert "<figcaption><b>x</b></figcaption>" in markup
    assert 'alt=""' in markup


def test_a_page_is_whole_and_refers_to_nothing_outside(make_image: MakeImage) -> None:
    fig, ax = plt.subplots()
    ax.plot([0, 1])
    small = picture(make_image("a.png"), "a")
    whole = page("Title", section("S", gallery([small, figure(fig, "curve")])))
    plt.close(fig)
    parsed = _Balance(whole)
    assert whole.startswith("<!DOCTYPE html>")
    assert {"html", "head", "title", "main", "h1", "h2", "img"} <= set(parsed.tags)
    assert len(parsed.sources) == 2
    assert all(source.startswith("data:image/") for source in parsed.sources)
    assert "prefers-color-scheme: dark" in whole
    assert "default-src 'none'" in whole
    assert not re.search(r"https?:|url\(|@import", whole)


def test_the_style_of_a_fragment_stays_inside_it() -> None:
    style = re.search("<style>(.*)</style>", fragment("x"), re.DOTALL)
    assert style
    flat = re.sub(r"@media[^{]*\{", "", style[1])
    selectors = [s for rule in re.findall(r"([^{}]+)\{", flat) for s in rule.split(",")]
    assert len(selectors) > 20
    assert all(".skfakereal" in selector for selector in selectors)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1234567, "1,234,567"),
        (np.int64(1234), "1,234"),
        (0.98765, "0.988"),
        (np.float32(0.5), "0.500"),
        (12.345, "12.3"),
        (123456.7, "123,457"),
        (None, "–"),  # noqa: RUF001
        (float("nan"), "–"),  # noqa: RUF001
        (True, "yes"),
        (np.False_, "no"),
        ("0.5", "0.5"),
    ],
)
def test_cells_show_numbers_as_people_read_them(value: Any, shown: str) -> None:
    assert f">{shown}</td>" in table([[value]])


def test_a_column_of_numbers_and_gaps_is_aligned_to_the_right() -> None:
    markup = table([["a", 1, "x"], ["b", None, 2]], ["name", "count", "mixed"])
    assert '<th scope="col" class="number">count</th>' in markup
    assert markup.count('<td class="number">') == 2
    assert "<td>2</td>" in markup


def test_an_empty_table_has_its_header() -> None:
    assert '<th scope="col"' in table([], ["name"])


def test_cells_of_a_matrix_are_as_dark_as_their_share_of_the_row() -> None:
    markup = matrix([[9, 1], [0, 0]], ["real", "fake"])
    assert re.findall(r"--share:([\d.]+)", markup) == ["0.900", "0.100", "0.000", "0.000"]
    assert '<td class="full" style="--share:0.900"><b>9</b>90.0%</td>' in markup
    assert _Balance(markup).tags.count("td") == 4


def test_dots_lie_where_their_values_are() -> None:
    markup = dots(
        [("a", [Dot(0.5, 0.25, 0.75)], ""), ("b", [Dot(-3, series=1)], "")], ends=(-1, 1)
    )
    assert "left:75.0%" in markup
    assert 'class="bar" style="left:62.5%;width:25.0%;background:#2f6fb3"' in markup
    assert 'class="dot" style="left:0.0%;background:#d0662b"' in markup
    assert "nan" not in dots([("a", [Dot(float("nan"))], "")])


def test_a_name_from_right_to_left_does_not_turn_round_what_follows() -> None:
    name = "\u0635\u0648\u0631 \u062d\u0642"
    assert escaped(f"{name}: 0.93") == f"\u2068{name}\u2069: 0.93"
    assert escaped(f"{name}, a & b, {name}").count("\u2068") == 2
    assert f'alt="\u2068{name}\u2069_1"' in picture(
        np.zeros((4, 4, 3), np.uint8), f"{name}_1"
    )
    # What a stranger writes to turn text round is shown, not obeyed.
    assert escaped("a\u2068b\u202ec") == "a\\u2068b\\u202ec"


def test_small_pictures_keep_their_pixels(
    make_image: MakeImage, rng: np.random.Generator
) -> None:
    pixels = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
    for source in (pixels, make_image("a.png", pixels)):
        markup = picture(source, "a")
        assert np.array_equal(_pixels_in(markup), pixels)
        assert 'class="pixels"' in markup
        assert 'alt="a"' in markup


def test_large_pictures_become_thumbnails(make_image: MakeImage) -> None:
    markup = picture(make_image("a.png", (200, 0, 0), size=(1000, 500)))
    shown = _pixels_in(markup)
    assert shown.shape == (160, 320, 3)
    assert np.abs(shown.astype(int) - [200, 0, 0]).max() < 8
    assert "pixels" not in markup


def test_the_callers_pixels_are_not_shrunk() -> None:
    pixels = np.full((400, 800, 3), 9, np.uint8)
    picture(pixels)
    assert pixels.shape == (400, 800, 3)
    assert (pixels == 9).all()


def test_an_unreadable_file_leaves_a_tile_with_the_reason(make_image: MakeImage) -> None:
    markup = picture("nowhere.png", "n")
    assert "cannot be read: missing" in markup
    assert "<figcaption>n</figcaption>" in markup
    assert "img" not in _Balance(markup).tags


def test_a_figure_is_as_wide_as_it_is_drawn_and_stays_open() -> None:
    fig, ax = plt.subplots(figsize=(5, 3), layout="constrained")
    ax.plot([0, 1])
    markup = figure(fig, "a curve")
    width = re.search(r'width="(\d+)"', markup)
    assert width
    assert 400 < int(width[1]) < 520
    assert _pixels_in(markup).shape[1] == pytest.approx(int(width[1]) * 1.5, abs=2)
    assert markup == figure(fig, "a curve")
    assert plt.fignum_exists(fig.number)
    plt.close(fig)


def test_only_plots_are_turned_around_on_a_dark_page() -> None:
    fig, (left, right) = plt.subplots(1, 2)
    left.imshow(np.eye(3))  # a map of numbers, as a confusion matrix is
    assert '<img class="plot"' in figure(fig)
    right.imshow(np.zeros((4, 4, 3)))  # a photograph keeps its colours
    assert '<img class="card"' in figure(fig)
    plt.close(fig)
    # On the screen only: paper is white.
    dark = page("Title").partition("@media screen and (prefers-color-scheme: dark)")[2]
    rule = dark.partition("}\n}")[0]
    assert "img.plot { filter: invert(1)" in rule
    assert "card" not in rule
