"""Check a built site: ``python docs/check_site.py docs/_build/html``.

Every link inside it leads to a file and a place that are there, and nothing but a link that
somebody clicks leads outside: the pages work without a network.
"""

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# What a browser fetches without being asked, by tag.
_FETCHED = {
    "link": "href",
    "script": "src",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "video": "src",
}
# Of links in a page's head, these are only told.
_TOLD = {"canonical", "next", "prev", "index", "search", "author", "help", "genindex"}
_IN_CSS = re.compile(r"(?:url\(|@import)\s*['\"]?\s*((?:https?:)?//[^'\")\s]+)")


class _Page(HTMLParser):
    """The names in a page that can be linked to, and where it leads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.names.update(values[key] for key in ("id", "name") if key in values)
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        key = _FETCHED.get(tag)
        if key in values and not set(values.get("rel", "").split()) & _TOLD:
            self.fetched.append(values[key])


def check(site: Path) -> list[str]:
    """Return what is wrong, one line each."""
    pages = {
        path.resolve(): _Page(path.read_text(encoding="utf-8"))
        for path in site.rglob("*.html")
        if "_static" not in path.relative_to(site).parts  # a template of the theme
    }
    wrong = []
    for path, page in pages.items():
        here = path.relative_to(site.resolve())
        for link in [*page.links, *page.fetched]:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                if link in page.fetched and parts.scheme != "data":
                    wrong.append(f"{here} fetches {link}")
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.exists():
                wrong.append(f"{here} links to {link}, which is not there")
            elif (
                target in pages
                and parts.fragment
                and unquote(parts.fragment) not in pages[target].names
            ):
                wrong.append(f"{here} links to {link}, a place that is not there")
    for path in site.rglob("*.css"):
        for address in _IN_CSS.findall(path.read_text(encoding="utf-8")):
            wrong.append(f"{path.relative_to(site)} fetches {address}")
    return wrong


if __name__ == "__main__":
    found = check(Path(sys.argv[1]))
    print("\n".join(found) or "all links lead somewhere, and none is followed by itself")
    sys.exit(bool(found))
