"""What a reader's browser makes of the page: nothing missing, nothing logged, nothing sent, every key and screen fine."""

from __future__ import annotations

import time

import pytest

pytestmark = pytest.mark.slow

TAB, ENTER = "\ue004", "\ue007"
DRAWN = "document.documentElement.dataset.drawn === 'yes'"
FIGURES = {"loss", "spectrum", "widths", "slice", "digits", "trust", "theory"}


@pytest.fixture
def visit(browser, pages):
    """Opens a report on a screen of some width, with nothing left over from before."""

    def visit(name: str, width: int = 1280, dark: bool = False):
        browser.call("POST", "/url", {"url": "about:blank"})
        browser.room(width, dark=dark)
        browser.console(), browser.requests()
        browser.open(pages[name])
        browser.wait(DRAWN)
        return browser

    return visit


def marks(browser) -> dict[str, list]:
    """Of each figure: how many drawn shapes it has, its width and its height, in pixels."""
    return browser.run("""
        return Object.fromEntries([...document.querySelectorAll("[data-figure]")].map((box) => {
            const svg = box.querySelector("svg"), size = svg?.getBoundingClientRect();
            const count = svg?.querySelectorAll("[class*=mark-] path, [class*=mark-] line").length ?? 0;
            return [box.dataset.figure, [count, size?.width ?? 0, size?.height ?? 0]];
        }));""")


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("dark", [False, True])
def test_every_figure_is_drawn_and_nothing_is_logged_or_sent(visit, pages, width, dark):
    page = visit("invented", width, dark)
    drawn = marks(page)
    assert drawn.keys() == FIGURES
    for name, (count, across, down) in drawn.items():
        assert count > 3 and 200 < across <= width and down > 150, (name, count, across, down)
    assert page.console() == []
    own = pages["invented"].as_uri()
    requests = page.requests()
    assert own in requests
    assert [url for url in requests if url != own and not url.startswith(("data:", "blob:"))] == []


@pytest.mark.parametrize("name", ["invented", "regression"])
@pytest.mark.parametrize("width", [400, 1280])
def test_nothing_is_wider_than_the_screen(visit, name, width):
    page = visit(name, width)
    page.run("document.querySelectorAll('details').forEach((item) => { item.open = true; });")
    assert page.run("return document.documentElement.scrollWidth") <= width
    out = page.run("""
        return [...document.querySelectorAll("body *")].filter((item) => {
            const box = item.getBoundingClientRect();
            return !item.closest(".scroll, .skip, .unseen, svg defs") && box.width > 0
                && (box.right > innerWidth + 1 || box.left < -1);
        }).map((item) => item.outerHTML.slice(0, 120));""")
    assert out == []


def test_a_report_with_gaps_is_clean_too(visit):
    page = visit("regression")
    assert marks(page).keys() == {"loss", "widths", "trust"}
    assert all(count > 3 for count, _, _ in marks(page).values())
    assert page.console() == []
    assert page.run("return window.document.title").endswith('<script>alert("x")</script>')


def test_keys_reach_the_theme_and_every_way_to_save(visit):
    page = visit("invented")
    page.run("document.querySelectorAll('a').forEach((item) => { if (item.closest('main')) item.tabIndex = -1; });")
    reached, outlines = [], []
    for _ in range(80):
        page.key(TAB)
        here = page.run("""
            const item = document.activeElement, save = item.dataset.save;
            const name = item.id || (save ? `${item.dataset.of}.${save}` : "");
            return [name, getComputedStyle(item).outlineStyle];
        """)
        if here[0] in reached[:1]:
            break
        if here[0]:
            reached.append(here[0])
            outlines.append(here[1])
    assert "theme" in reached
    assert {f"{name}.{kind}" for name in FIGURES for kind in ("png", "svg")} <= set(reached)
    assert set(outlines) == {"solid"}


def test_the_theme_changes_by_key_and_the_figures_with_it(visit):
    page = visit("invented")
    ink = "return document.querySelector('[data-figure=loss] svg .role-axis-label text').getAttribute('fill')"
    paper = "return getComputedStyle(document.body).backgroundColor"
    before = page.run(ink), page.run(paper)
    page.run("document.getElementById('theme').focus()")
    page.key(ENTER)
    page.wait("document.documentElement.dataset.theme === 'dark' && " + DRAWN)
    assert page.run("return document.getElementById('theme').getAttribute('aria-pressed')") == "true"
    after = page.run(ink), page.run(paper)
    assert before[0] != after[0] and before[1] != after[1]
    assert set(page.run("return [...document.querySelectorAll('[data-figure]')].map((x) => x.dataset.drawn)")) == {
        "dark"
    }
    page.key(ENTER)
    page.wait("document.documentElement.dataset.theme === 'light' && " + DRAWN)
    assert (page.run(ink), page.run(paper)) == before
    assert page.console() == []


@pytest.mark.parametrize(("kind", "start"), [("png", b"\x89PNG"), ("svg", b"<svg")])
def test_a_key_saves_the_figure(visit, tmp_path, kind, start):
    page = visit("invented", 400, dark=True)
    page.devtools("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path))
    page.run(f"document.querySelector('[data-of=digits][data-save={kind}]').focus()")
    page.key(ENTER)
    wanted, until = tmp_path / f"zeroloss-digits.{kind}", time.monotonic() + 20
    while not wanted.exists():
        assert time.monotonic() < until, "nothing was saved"
        time.sleep(0.05)
    assert wanted.read_bytes().startswith(start)
    assert wanted.stat().st_size > 2000
    assert page.console() == []


def test_the_policy_refuses_requests_and_foreign_scripts(visit):
    page = visit("invented")
    answer = "return fetch('data:text/plain,hello').then(() => 'sent', () => 'refused')"
    assert page.run(answer) == "refused"
    page.run(
        "const s = document.createElement('script'); s.textContent = 'window.foreign = 1'; document.body.append(s);"
    )
    assert page.run("return window.foreign ?? null") is None
    assert len(page.console()) >= 2  # and says so


def test_pictures_are_laid_out_anew_when_the_room_changes(visit):
    page = visit("invented", 1280)
    columns = "document.querySelector('[data-figure=digits]').dataset.columns"
    assert page.run(f"return {columns}") == "6"
    page.room(400)
    page.wait(f"{columns} === '3'")
    page.wait("document.documentElement.scrollWidth <= 400")
