"""The documentation as a site: whole, of one piece, and to be read by everybody."""

from __future__ import annotations

import fcntl
import functools
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

ROOT = Path(__file__).parents[2]
# What a browser fetches by itself: of these no other server may be asked.
FETCHED = {"src", "srcset", "poster", "data", "action", "formaction", "manifest", "background", "ping"}
SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
# The first page, code in languages, tables, a decision.
LOOKED_AT = ["index", "dsa", "verify"]
# A page is the same in the dark but for its colours: what axe asks of these is asked again.
ALL = {"resultTypes": ["violations"]}
OF_COLOURS = ALL | {"runOnly": ["color-contrast", "link-in-text-block"]}


def build(source: Path, into: Path) -> subprocess.CompletedProcess[str]:
    # Not --quiet: what is not said is not counted either.
    return subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", into],
        cwd=source,
        env=os.environ | {"NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site, as `make docs` builds it; once, however many processes run the tests."""
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    with (shared / "site.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        into, built = shared / "site", shared / "site.built"
        if not built.exists():
            done = build(ROOT, into)
            assert done.returncode == 0, done.stderr
            built.touch()
    return into


@pytest.fixture(scope="module")
def served(site: Path) -> Iterator[str]:
    """Its address, while it is served as files and nothing else."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


class Asked(HTMLParser):
    """What a page fetches by itself, its headings, and the names of its parts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.ids: set[str] = set()
        self.links: list[str] = []
        # What a heading says, and how the link to it is called.
        self.headings: list[tuple[str, str]] = []
        self._heading: str | None = None
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if re.fullmatch("h[2-6]", tag):
            self._heading = ""
        elif given.get("class") == "headerlink":
            self.headings.append((" ".join((self._heading or "").split()), given.get("aria-label") or ""))
            self._heading = None
        for name, value in attrs:
            if name in FETCHED or (name == "href" and tag == "link") or name == "style":
                self.fetched.append(value or "")
            if name == "id":
                self.ids.add(value or "")
            if name == "href" and tag == "a":
                self.links.append(value or "")

    def handle_data(self, data: str) -> None:
        if self._heading is not None:
            self._heading += data


def test_a_link_to_a_heading_says_to_which(site: Path) -> None:
    """If somebody hears a page's links without what stands around them, then each link to a heading names it."""
    pages = {path: Asked(path.read_text()) for path in site.rglob("*.html")}
    assert sum(len(page.headings) for page in pages.values()) > 300
    for path, page in pages.items():
        assert [(said, link) for said, link in page.headings if link != f"Link to “{said}”"] == [], path


def test_every_page_is_in_the_site_and_asks_nobody_else(site: Path) -> None:
    """
    If a page of the documentation is built, then it is in the site, each of its links leads to something there, and no part of it comes from another server.
    """
    pages = {path.relative_to(site).as_posix(): Asked(path.read_text()) for path in site.rglob("*.html")}
    sources = {
        path.relative_to(ROOT / "docs").with_suffix(".html").as_posix()
        for path in (ROOT / "docs").rglob("*.md")
    }
    assert len(sources) > 60
    assert sources <= pages.keys()
    assert "decisions/index.html" in pages
    assert {"beside/CONTRIBUTING.html", "beside/benchmarks/index.html"} <= pages.keys()
    for name, page in pages.items():
        assert [one for one in page.fetched if re.search(r"(^|\()\s*(https?:)?//", one)] == [], name
        for link in page.links:
            if name == "404.html" or re.match(r"(https?|mailto):", link):
                continue
            path, _, heading = link.partition("#")
            target = os.path.normpath(os.path.join(os.path.dirname(name), path)) if path else name
            if target in (".", "..", "../.."):
                target = "index.html"
            assert (site / target).is_file(), f"{name} links to {link}"
            if heading and target in pages:
                assert heading in pages[target].ids, f"{name} links to {link}"
    for style in site.rglob("*.css"):
        assert not re.search(r"(url\(|@import)\s*[\"']?(https?:)?//", style.read_text()), style


def test_a_link_that_leads_nowhere_ends_the_build(tmp_path: Path) -> None:
    """
    If pages link to what is not there, or a page is not in the navigation, then the site is not built and each is named.
    """
    shutil.copytree(ROOT / "press", tmp_path / "press")
    settings = (ROOT / "mkdocs.yml").read_text()
    (tmp_path / "mkdocs.yml").write_text(settings[: settings.index("nav:\n")] + "nav: [index.md, cli.md]\n")
    (tmp_path / "docs/decisions").mkdir(parents=True)
    (tmp_path / "docs/decisions/0001-one.md").write_text("# 1. One\n")
    (tmp_path / "docs/cli.md").write_text("# A page\n\n## A part\n")
    (tmp_path / "docs/forgotten.md").write_text("# A page\n")
    planted = {
        "[one](nowhere.md)": "docs/index.md links to docs/nowhere.md, which is not there",
        "[two](cli.md#no-such-part)": "docs/index.md links to #no-such-part of docs/cli.md",
        "[three](../nowhere.toml)": "docs/index.md links to nowhere.toml, which is not there",
        "[four](#nor-here)": "docs/index.md links to #nor-here of docs/index.md",
        "![five](pictures/nowhere.png)": "docs/index.md shows docs/pictures/nowhere.png, which is not there",
        "[six](decisions/) [seven](cli.md#a-part)": "- forgotten.md",
    }
    (tmp_path / "docs/index.md").write_text("# A page\n\n" + "\n\n".join(planted))
    done = build(tmp_path, tmp_path / "out")
    assert done.returncode != 0
    for said in planted.values():
        assert said in done.stderr
    # No more than these: what leads somewhere is no warning.
    assert "Aborted with 6 warnings" in done.stdout + done.stderr


@pytest.mark.browser
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(browser: Browser, served: str, theme: str) -> None:
    """
    If a page is read, large or small, light or dark, then axe finds no violation, nothing overflows, and no other server is asked.
    """
    asked: list[str] = []
    complaints: list[str] = []
    for width, height in SIZES.values():
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=theme)  # type: ignore[arg-type]
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        for name in LOOKED_AT:
            page.goto(f"{served}/{name}.html")
            scheme = page.locator("body").get_attribute("data-md-color-scheme")
            assert scheme == ("slate" if theme == "dark" else "default")
            asking = ALL if theme == "light" or name == "index" else OF_COLOURS
            found = Axe().run(page, options=asking).response["violations"]
            assert [(one["id"], [node["target"] for node in one["nodes"]]) for one in found] == [], (
                name,
                width,
            )
            assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0, (name, width)
        context.close()
    assert complaints == []
    assert [url for url in asked if not url.startswith((served, "data:", "blob:"))] == []


@pytest.mark.browser
def test_the_keyboard_leads_through_a_page(browser: Browser, served: str) -> None:
    """
    If somebody uses the keyboard alone, then the first stop is past the navigation, every stop is seen, and the search finds a page in the site.
    """
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{served}/operate.html")
    page.keyboard.press("Tab")
    skip = page.locator(".md-skip")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    page.keyboard.press("Enter")
    assert page.url.endswith(f"operate.html{skip.get_attribute('href')}")
    for _ in range(12):
        page.keyboard.press("Tab")
        outline = page.evaluate(
            "(({outlineStyle, outlineWidth}) => [outlineStyle, outlineWidth])(getComputedStyle(document.activeElement))"
        )
        assert outline[0] != "none", page.evaluate("document.activeElement.outerHTML")
        assert float(outline[1].removesuffix("px")) >= 2
    page.locator("main button.copy").first.click()
    expect(page.locator("main button.copy").first).to_have_text("Copied")
    assert "systemctl status meydan" in page.evaluate("navigator.clipboard.readText()")
    page.locator("[data-md-component=search-query]").press_sequentially("Disqus")
    expect(page.locator(".md-search-result__item a").first).to_have_attribute("href", re.compile(r"\.html"))
    assert [url for url in asked if not url.startswith((served, "data:", "blob:"))] == []
    context.close()


@pytest.mark.browser
def test_a_page_is_complete_without_a_script(browser: Browser, served: str) -> None:
    """If there is no JavaScript, then a page is there with its tables, its code and the way to the others."""
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{served}/index.html")
    page.locator(".md-tabs").get_by_role("link", name="Operators").click()
    expect(page.locator("h1")).to_have_text("Running it")
    expect(page.locator("main .table").first).to_be_visible()
    expect(page.locator("main pre code").first).to_contain_text("systemctl")
    context.close()
