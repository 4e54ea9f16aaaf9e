"""What the build adds to mkdocs: links to files beside docs/, formulas, the reference, a navigation that finds new pages.

The pages under docs/ are written to be read on the repository's own web page, so they link to `../results/...` or
`../README.md` as they would there. The build takes every file that is linked so into the site, under `repository/`, pages with
their own links and pictures, and points the links at it.

Formulas are `$...$`, which the repository's web page shows; here they become MathML while the site is built, which browsers draw
themselves: no script, no font, no request to another machine.

In the navigation of mkdocs.yml an entry may be a pattern (`papers/*.md`): it stands for the pages not named elsewhere, in
alphabetical order, so a new page needs no line.
"""

from __future__ import annotations

import html
import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parents[2]
ASIDE = "repository/"
LINK = re.compile(r"(\]\(|(?:src|href)=\"|^\[[^\]]+\]: )([^)\s#\"]+)", re.MULTILINE)
FENCE = re.compile(r"(^```.*?^```$)", re.DOTALL | re.MULTILINE)
MADE = re.compile(r"\A<!-- Made by .*? -->\s+")
REFERENCE = re.compile(r"^<!-- ::: (\S+) as (\S+) -->$", re.MULTILINE)
INLINE = re.compile(r'<span class="arithmatex">\\\((.*?)\\\)</span>', re.DOTALL)
SEVERAL = re.compile(r"<b><code>(?:<\w[^>]*>)?(\w+),(?:</\w+>)?</code></b>\s*\(<code>(.*?)</code>\)", re.DOTALL)
DISPLAY = re.compile(r'<div class="arithmatex">\\\[(.*?)\\\]</div>', re.DOTALL)


def on_config(config: Any) -> Any:
    """Put pages in the place of patterns in the navigation."""
    named: set[str] = set()
    _walk(config.nav, lambda entry: named.add(entry) or [entry] if "*" not in entry else [entry])

    def found(entry: str) -> list[str]:
        if "*" not in entry:
            return [entry]
        pages = sorted(path.relative_to(config.docs_dir).as_posix() for path in Path(config.docs_dir).glob(entry))
        pages = [page for page in pages if page not in named]
        named.update(pages)
        return pages

    config.nav = _walk(config.nav, found)
    return config


def _walk(nav: Any, change: Any) -> Any:
    if isinstance(nav, str):
        return change(nav)
    if isinstance(nav, dict):
        return [
            {
                title: inner[0] if isinstance(below, str) else inner
                for title, below in nav.items()
                if (inner := _walk(below, change))
            }
        ]
    return [page for entry in nav for page in _walk(entry, change)]


def on_files(files: Any, config: Any) -> Any:
    """Take in what is linked beside docs/, and what that links."""
    waiting = [(f"docs/{file.src_uri}", Path(file.abs_src_path)) for file in files.documentation_pages()]
    waiting += [(name, ROOT / name) for name in _named(config.nav)]
    taken: set[str] = set()
    while waiting:
        place, path = waiting.pop()
        if not place.startswith("docs/") and place not in taken:
            taken.add(place)
            files.append(File.generated(config, ASIDE + place, abs_src_path=str(path)))
        if path.suffix == ".md":
            for found in _targets(place, path.read_text(encoding="utf-8")):
                if not found.startswith("docs/") and found not in taken and (ROOT / found).is_file():
                    waiting.append((found, ROOT / found))
    return files


def _named(nav: Any) -> list[str]:
    """Pages of the navigation that stand beside docs/."""
    found: list[str] = []
    _walk(nav, lambda entry: found.append(entry) or [entry])
    return [entry.removeprefix(ASIDE) for entry in found if entry.startswith(ASIDE)]


def _targets(place: str, text: str) -> list[str]:
    prose = "".join(part for part in FENCE.split(text) if not part.startswith("```"))
    return [found for _, link in LINK.findall(prose) if (found := _resolved(place, link))]


def _resolved(place: str, link: str) -> str:
    """The file of the repository that a link leads to; a folder stands for its README."""
    if "://" in link or link.startswith(("mailto:", "/")):
        return ""
    found = posixpath.normpath(posixpath.join(posixpath.dirname(place), link))
    if found.startswith(".."):
        return ""
    return f"{found}/README.md" if (ROOT / found / "README.md").is_file() else found


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Point links at where their files are in the site; put the reference in."""
    uri = page.file.src_uri
    place = uri.removeprefix(ASIDE) if uri.startswith(ASIDE) else f"docs/{uri}"

    def moved(found: re.Match) -> str:
        target = _resolved(place, found[2])
        if not target or not (ROOT / target).is_file():
            return found[0]
        to = target.removeprefix("docs/") if target.startswith("docs/") else ASIDE + target
        return found[1] + posixpath.relpath(to, posixpath.dirname(uri) or ".")

    parts = FENCE.split(MADE.sub("", markdown))  # a page's title is its heading only if that comes first
    text = "".join(part if part.startswith("```") else LINK.sub(moved, part) for part in parts)
    return REFERENCE.sub(lambda m: f"::: {m[1]}\n    options:\n      heading: {m[2]}\n      toc_label: {m[2]}\n", text)


def on_page_content(content: str, **_: Any) -> str:
    """Formulas as MathML; a bar in the code of a table, which had to be escaped, as itself; one entry for several names.

    Docstrings say `units, parameters: ...` where one line serves both, and the reader of docstrings takes `parameters` for a type.
    """
    content = SEVERAL.sub(_several, content)
    content = re.sub(r"<td><code>.*?</td>|<td>.*?</td>", lambda cell: cell[0].replace("\\|", "|"), content)
    content = INLINE.sub(lambda found: _mathml(found[1], "inline"), content)
    return DISPLAY.sub(lambda found: _mathml(found[1], "block"), content)


def _mathml(latex: str, display: str) -> str:
    from latex2mathml.converter import convert

    return convert(html.unescape(latex), display=display)


def _several(found: re.Match) -> str:
    others = re.sub(r"<[^>]*>", "", found[2]).strip("()")
    return f"<b><code>{found[1]}, {others}</code></b>"
