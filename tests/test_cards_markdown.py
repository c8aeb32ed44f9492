"""Text in a card is shown letter by letter, by the reader that hubs use (CommonMark)."""

from html.parser import HTMLParser
from typing import Any

import pytest
import yaml
from markdown_it import MarkdownIt

from skfakereal.cards._blocks import (
    Bullets,
    Code,
    Section,
    Table,
    Text,
    front_matter,
    section_markdown,
)

NASTY = [
    *("plain", "a|b", "back\\slash \\| twice \\\\", "`code` ``two``", "trailing \\"),
    "*star* **stars** _line_ __lines__ a__b_c _x y_ _a_b_ é_é_",
    "[link](http://x.org) ![image](y.png) [^1]",
    "<b>bold</b> <!-- gone --> <script>alert(1)</script>",
    *("&amp; &lt; &#60; AT&T a & b", "# heading", "closed ##", "C#", "> quote"),
    *("1. first", "2) second", "- item", "+ item", "---", "~~struck~~ ~one~", "$x^2$"),
    *("0.934 -0.1 +3", "https://x.org/a_b", "sd|14_*x*", "ünïcödé 图片 😀"),
    "'quoted' \"twice\"",
]


class TextOnly(HTMLParser):
    """Collect the text of each cell, item, paragraph and heading, and the tags."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.texts: list[str] = []
        self.tags: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)
        if tag in ("td", "th", "li", "p", "h2"):
            self.texts.append("")

    def handle_data(self, data: str) -> None:
        if self.texts:
            self.texts[-1] += data


def read(markdown: str) -> TextOnly:
    return TextOnly(MarkdownIt("gfm-like", {"linkify": False}).render(markdown))


def shown(markdown: str) -> list[str]:
    return [text.strip() for text in read(markdown).texts]


@pytest.mark.parametrize("text", NASTY)
def test_text_is_shown_as_it_is(text: str) -> None:
    section = Section(
        text, (Text(text), Bullets((text, "end")), Table((text, "b"), ((text, "c"),)))
    )
    seen = read(section_markdown(section))
    assert [each.strip() for each in seen.texts] == [
        *(text, text, text, "end"),
        *(text, "b", text, "c"),
    ]
    table = {"table", "thead", "tbody", "tr", "th", "td"}
    assert seen.tags == {"h2", "p", "ul", "li"} | table


def test_line_breaks_cannot_end_a_cell() -> None:
    table = Table(("a\nb", "c"), (("d\r\n\n| e |", "f\x00\u2028g"),))
    assert shown(section_markdown(Section("s", (table,)))) == [
        *("s", "a b", "c", "d | e |", r"f\x00 g")
    ]


def test_code_with_fences_stays_code() -> None:
    text = "a = 1\n```\n# b\n````\n"
    html = MarkdownIt().render(section_markdown(Section("s", (Code(text, "python"),))))
    assert html.count("<code") == 1
    assert "# b\n````" in html


def test_names_are_not_littered_with_backslashes() -> None:
    written = section_markdown(
        Section("estimator__n_views", (Text("0.934 of (a, b): 95%, a-b."),))
    )
    assert "\\" not in written


def test_the_yaml_before_a_card_comes_back() -> None:
    values: list[Any] = [*NASTY, "yes", "null", "1e5", "0.5", "", 0.934, 12, True, None]
    values += ["a: b # c", "line\nbreak\ttab\x00\x7f\x85\u2028end", 'quote " and \\ slash']
    task = {"task": {"type": "t", "name": "v"}, "metrics": [{"value": 0.5}]}
    metadata: dict[str, Any] = {f"key{i}": value for i, value in enumerate(values)}
    metadata |= {"tags": values, "model-index": [{"name": "x", "results": [task]}, task]}
    for given, kept in ((metadata, metadata), ({"key": "caf\udce9"}, {"key": "caf?"})):
        text = front_matter(given)
        assert (text[:4], text[-3:]) == ("---\n", "---")
        assert yaml.safe_load(text[4:-3]) == kept
