"""Check a built site: every link leads to a file, every anchor exists, and nothing is fetched from another machine.

python docs/make/links.py build/site

mkdocs checks the links that are written as Markdown; this looks at what a browser will see.
"""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

FETCHED = {
    "link": "href",
    "script": "src",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "video": "src",
    "image": "href",
}
NAMED = ("canonical", "alternate", "prev", "next", "license")
"""Relations of a `<link>` that a browser does not fetch."""


class Page(HTMLParser):
    """What a page links, what it fetches, and which anchors it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.fetched: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.anchors |= {found[name] for name in ("id", "name") if found.get(name)}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        kind = FETCHED.get(tag)
        if kind in found and not (tag == "link" and found.get("rel") in NAMED):
            self.fetched.append(found[kind])


def problems(site: Path) -> list[str]:
    """A sentence for each thing that is wrong."""
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in sorted(site.rglob("*.html"))}
    found = []
    for path, page in pages.items():
        name = path.relative_to(site).as_posix()
        if name == "404.html":  # shown in the place of any page, its links are from the root of the site
            continue
        for link in page.fetched:
            if urlsplit(link).netloc:
                found.append(f"{name} fetches {link}")
        for link in [*page.links, *page.fetched]:
            found += [f"{name} links {link}: {wrong}" for wrong in _wrong(site, path, page, pages, link)]
    for path in sorted(site.rglob("*.css")):
        for link in re.findall(r"(?:url\(|@import\s)['\"]?(https?://[^'\")]+)", path.read_text(encoding="utf-8")):
            found.append(f"{path.relative_to(site)} fetches {link}")
    return found


def _wrong(site: Path, path: Path, page: Page, pages: dict[Path, Page], link: str) -> list[str]:
    parts = urlsplit(link)
    if parts.scheme or parts.netloc or link == "":
        return []
    if parts.path.startswith("/"):
        return ["leads out of the site, which may lie in any folder"]
    target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
    if target.is_dir():
        target = target / "index.html"
    if not target.is_relative_to(site) or not target.exists():
        return ["there is no such file"]
    anchor = unquote(parts.fragment)
    if anchor and target in pages and anchor not in pages[target].anchors:
        return ["there is no such anchor"]
    return []


def main() -> None:
    """Print the problems; exit with 1 if there are any."""
    site = Path(sys.argv[1]).resolve()
    found = problems(site)
    print(
        "\n".join(found)
        or f"{sum(1 for _ in site.rglob('*.html'))} pages: all links lead somewhere, nothing is fetched."
    )
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
