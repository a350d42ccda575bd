"""The component where it has to live: among other people's styles and scripts, on a bad line, with a keyboard alone."""

from __future__ import annotations

import gzip
import http.server
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from meydan.comment import Submission
from meydan.desk import Visitor
from meydan.locale import words
from meydan.passes import Seal
from meydan.web.pages import static_bytes
from tests import npm
from tests.newsroom import ABUSIVE, UNMEASURED, Newsroom, newsroom

PAGES = npm.PAGES
MOST_BYTES = 8000
UNHURRIED = {"submissions_per_minute": 1_000_000, "submission_burst": 1_000_000}
TYPES = {"html": "text/html; charset=utf-8", "css": "text/css", "js": "text/javascript"}
PACKED = {
    "react.js": "react/umd/react.production.min.js",
    "react-dom.js": "react-dom/umd/react-dom.production.min.js",
}


@pytest.fixture(scope="module")
def packages() -> Path:
    return npm.installed()


@contextmanager
def a_site(room: Newsroom, story: str, packages: Path | None = None) -> Iterator[str]:
    """The pages of tests/browser/pages at an origin of their own, under the strictest policy that can work."""

    class Site(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.lstrip("/").partition("?")[0]
            file = packages / PACKED[name] if packages and name in PACKED else PAGES / name
            if not file.is_file():
                self.send_error(404)
                return
            body = file.read_bytes()
            kind = TYPES[name.rsplit(".", 1)[-1]]
            if kind.startswith("text/html"):
                body = body.replace(b"{server}", room.url.encode()).replace(b"{story}", story.encode())
            self.send_response(200)
            self.send_header("content-type", kind)
            self.send_header(
                "content-security-policy",
                f"default-src 'none'; script-src 'self' {room.url}; connect-src {room.url}; style-src 'self'",
            )
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}"
        server.shutdown()


def test_it_is_small() -> None:
    """If the component is sent, styles and words in it, then it is at most 8 kB."""
    size = len(gzip.compress(static_bytes("embed.js"), compresslevel=6, mtime=0))
    assert size <= MOST_BYTES


def test_its_types_hold(packages: Path) -> None:
    """If the type checker reads the component, its declarations and a site's use of them, strictly, then it finds no fault."""
    checked = subprocess.run(
        [npm.TOOLS / "node", packages / "typescript/bin/tsc", "-p", PAGES / "tsconfig.json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout


def test_embed_d_ts_is_served(tmp_path: Path) -> None:
    """If a site's developer asks for the declarations, then they are there."""
    with newsroom(tmp_path) as room:
        answer = httpx.get(f"{room.url}/embed.d.ts")
    assert answer.status_code == 200
    assert "HTMLElementTagNameMap" in answer.text


def complaints(page: Page) -> list[str]:
    heard: list[str] = []
    page.on("console", lambda said: heard.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: heard.append(str(error)))
    return heard


def say(room: Newsroom, story: str, text: str, parent: str | None = None) -> str:
    """A comment that readers see, decided at the door; its id."""
    with httpx.Client(base_url=room.url, timeout=30) as client:
        body = {"story": {"url": story}, "name": "Ana", "text": text, "parent": parent}
        told = client.post("/api/v1/comments", json=body).json()
        if told["status"] != "approved":
            decide(room, told["id"])
        return str(told["id"])


def decide(room: Newsroom, id: str, verdict: str = "approve", *rules: str) -> None:
    token = {"authorization": f"Bearer {room.meydan.staff.add_token(f'{verdict} {id}')}"}
    body = {"verdict": verdict, "rules": rules}
    answer = httpx.post(f"{room.url}/api/v1/comments/{id}/decisions", json=body, headers=token)
    assert answer.status_code == 201, answer.text


def layout_shifts(page: Page) -> float:
    """How far the page has moved under its reader's eyes so far (Cumulative Layout Shift, without the sessions)."""
    return float(page.evaluate("window.shifted.reduce((sum, one) => sum + one, 0)"))


WATCH_SHIFTS = """
window.shifted = [];
new PerformanceObserver((list) => { for (const entry of list.getEntries()) shifted.push(entry.value); })
  .observe({ type: "layout-shift", buffered: true });
"""


@pytest.mark.browser
def test_a_comment_is_never_lost(browser: Browser, tmp_path: Path) -> None:
    """
    If a comment is held, rejected, rewritten, or sent without a network, then its author sees so and nobody else does;
    and it is sent once. Two components on one page keep out of each other's way, and nothing on the page moves.
    """
    with newsroom(tmp_path, **UNHURRIED) as room:
        story = f"{room.url}/stories/kept"
        first = say(room, story, "The first word on this.")
        context = browser.new_context(viewport={"width": 360, "height": 740})
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.add_init_script(WATCH_SHIFTS)
        heard = complaints(page)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        with a_site(room, story) as site:
            page.goto(f"{site}/plain.html")
            thread = page.locator("meydan-comments")
            expect(thread.locator(".m-list .meydan-text")).to_have_text("The first word on this.")
            assert layout_shifts(page) == 0
            assert page.evaluate("localStorage.length") == 0
            page.evaluate(
                "window.heard = []; for (const name of ['sent', 'failed', 'count', 'reply'])"
                " document.addEventListener(`meydan:${name}`, ({ detail }) => heard.push([name, detail]))"
            )
            form, waiting = thread.locator("form"), thread.locator(".m-waiting")
            send = form.get_by_role("button", name="Post a comment")

            # Held: its author sees it, also later, and nobody else.
            form.locator("[name=name]").fill("Nada")
            form.locator("[name=text]").fill(UNMEASURED)
            send.click()
            expect(waiting).to_contain_text(UNMEASURED)
            expect(waiting).to_contain_text("waiting for a moderator")
            page.reload()
            expect(waiting).to_contain_text(UNMEASURED)
            held = waiting.get_attribute("data-mine") or ""
            stranger = browser.new_context().new_page()
            stranger.goto(f"{site}/plain.html")
            expect(stranger.locator("meydan-comments .m-list")).to_have_count(1)
            expect(stranger.locator("meydan-comments")).not_to_contain_text(UNMEASURED)

            # Another comment is announced to the stranger, and put in when asked for.
            say(room, story, "A second word, said while you read.")
            news = stranger.get_by_role("button", name="New comments: 1")
            expect(news).to_be_visible()
            expect(stranger.locator("meydan-comments")).not_to_contain_text("A second word")
            news.click()
            expect(stranger.locator("meydan-comments li:focus")).to_contain_text("A second word")
            stranger.context.close()

            # Rejected: the rule, the way to appeal, and the words to take up again.
            decide(room, held, "reject", "promotion")
            page.reload()
            rule = room.meydan.desk.guidelines.rule("promotion").title["en"]
            expect(waiting).to_contain_text(rule)
            waiting.get_by_role("button", name="Take it up again").click()
            expect(form.locator("[name=text]")).to_be_focused()
            expect(form.locator("[name=text]")).to_have_value(UNMEASURED)

            # Offline and back: kept, and sent once.
            again = "I have walked across that bridge every day for thirty years."
            form.locator("[name=name]").fill("Nada")
            form.locator("[name=text]").fill(again)
            context.set_offline(offline=True)
            send.click()
            expect(thread.locator(".m-said")).to_contain_text("kept in this browser")
            heard.clear()
            context.set_offline(offline=False)
            expect(thread.locator(".m-list").first).to_contain_text(again)
            expect(form.locator("[name=text]")).to_have_value("")
            expect(waiting).to_have_count(0)
            shown = [comment.text for comment in room.meydan.desk.page(story).comments]
            assert shown.count(again) == 1
            assert page.evaluate("JSON.parse(localStorage.meydan)") == {"sent": [], "drafts": {}}

            # What lies here for too long is forgotten, and nobody is taken again for whom they said they are not.
            page.evaluate(
                "([story, receipt]) => { localStorage.meydan = JSON.stringify({"
                " sent: [{ id: 'x', receipt, story, text: 'Old', name: 'Nada', status: 'held', at: 1 }],"
                " drafts: { [story]: { key: 'k', body: { text: 'Old' }, at: 1 } } }) }",
                [story, "x"],
            )
            page.reload()
            expect(thread.locator(".m-list").first).to_contain_text(again)
            expect(form.locator("[name=text]")).to_have_value("")
            expect(waiting).to_have_count(0)
            known = Seal(room.meydan._secret).verified("nada@reader.example", "Nada")
            sent = room.meydan.desk.submit(
                Submission(story, "Nada", UNMEASURED, email=known.email, reader=known),
                Visitor("a" * 32, (room.url,)),
            )
            page.evaluate(
                "([story, id, receipt]) => { localStorage.meydan = JSON.stringify({ sent: ["
                "{ id, receipt, story, text: 'Mine', name: 'Nada', status: 'held', reasons: [], at: Date.now() }] }) }",
                [story, sent.id, sent.receipt],
            )
            page.reload()
            expect(thread.locator(".m-as")).to_contain_text("Nada")
            thread.get_by_role("button", name=words("en")["write_as_another"]).click()
            expect(thread.locator(".m-as")).to_be_hidden()
            page.reload()
            expect(waiting).to_contain_text("Mine")
            expect(thread.locator(".m-as")).to_be_hidden()
            page.evaluate("localStorage.clear()")

            # A comment's own address, in the page that it stands in.
            page.goto(f"{site}/plain.html#meydan-{first}")
            expect(page.locator("meydan-comments li:focus")).to_contain_text("The first word on this.")
            assert heard == []

            # A theme that would spoil it, and a second thread that stays by itself.
            page.goto(f"{site}/wordpress.html")
            one, other = page.locator("meydan-comments").first, page.locator("#other")
            expect(one.locator(".m-list").first).to_contain_text(again)
            expect(other.locator(".m-none")).to_be_visible()
            field = one.locator("[name=text]")
            style = field.evaluate(
                "e => { const s = getComputedStyle(e); return [s.borderTopStyle, s.textTransform, s.letterSpacing] }"
            )
            assert style == ["solid", "none", "normal"]
            assert field.bounding_box()["width"] > 250  # type: ignore[index]
            assert page.locator("#own").evaluate("e => getComputedStyle(e).borderTopStyle") == "dashed"
            other.locator("[name=name]").fill("Dilan")
            other.locator("[name=text]").fill(ABUSIVE)
            other.get_by_role("button", name="Post a comment").click()
            expect(other.locator(".m-said")).to_contain_text("not published")
            expect(one.locator(".m-said")).to_be_hidden()
            assert one.locator("[name=text]").input_value() == ""
            assert {url.split("/")[2] for url in asked} <= {room.url.split("/")[2], site.split("/")[2]}
            assert context.cookies() == []
        context.close()


@pytest.mark.browser
def test_it_is_there_for_everybody(browser: Browser, tmp_path: Path, packages: Path) -> None:
    """
    If a reader has a keyboard alone, a page at 400 %, or React around the thread, then everything works as for others;
    and axe finds nothing in either direction and theme.
    """
    with newsroom(tmp_path, **UNHURRIED) as room:
        story = f"{room.url}/stories/everybody"
        first = say(room, story, "The first word on this.")
        say(room, story, "أوافقك الرأي تماماً، والأهم هو حماية المدنيين.", first)
        with a_site(room, story, packages) as site:
            # 1280 pixels at 400 %.
            context = browser.new_context(viewport={"width": 320, "height": 256})
            page = context.new_page()
            page.set_default_timeout(10_000)
            heard = complaints(page)
            page.goto(f"{site}/plain.html")
            thread = page.locator("meydan-comments")
            expect(thread.locator("form")).to_be_visible()
            assert page.evaluate("document.documentElement.scrollWidth") == 320

            # The keyboard alone: to a comment's reply, the form, and sent.
            def tab_to(description: str) -> None:
                for _ in range(40):
                    page.keyboard.press("Tab")
                    told = page.evaluate(
                        "(() => { const e = document.querySelector('meydan-comments').shadowRoot.activeElement;"
                        " return e && `${e.name ?? ''} ${e.textContent} ${JSON.stringify(e.dataset)} ${e.type}` })()"
                    )
                    if told and description in told:
                        return
                raise AssertionError(f"no way to {description}")

            tab_to('"reply"')
            page.keyboard.press("Enter")
            expect(thread.locator("[name=name]")).to_be_focused()
            page.keyboard.type("Nada")
            tab_to("text ")
            page.keyboard.type("I agree with you about the old lighthouse by the harbour.")
            tab_to("submit")
            page.keyboard.press("Enter")
            expect(thread.locator(".m-replies").first).to_contain_text("lighthouse")
            expect(thread.locator(".m-said")).to_be_focused()
            context.close()

            for theme, direction in (("light", "ltr"), ("dark", "rtl")):
                context = browser.new_context(viewport={"width": 360, "height": 740}, color_scheme=theme)  # type: ignore[arg-type]
                page = context.new_page()
                page.set_default_timeout(10_000)
                page.goto(f"{site}/{'plain' if direction == 'ltr' else 'react'}.html")
                page.locator("meydan-comments").evaluate(
                    "(e, theme) => e.setAttribute('theme', theme)", theme
                )
                thread = page.locator("meydan-comments")
                expect(thread.locator("form")).to_be_visible()
                section = thread.locator("section.meydan")
                assert section.evaluate("e => getComputedStyle(e).direction") == direction
                thread.locator("details").evaluate("details => details.open = true")
                for text in (UNMEASURED, ABUSIVE):
                    thread.locator("[name=name]").fill("Nada")
                    thread.locator("[name=text]").fill(text)
                    thread.locator("button[type=submit]").click()
                    expect(thread.locator(".m-said")).to_be_focused()
                page.evaluate("history.replaceState(null, '', location.pathname)")
                page.reload()
                page.locator("meydan-comments").evaluate(
                    "(e, theme) => e.setAttribute('theme', theme)", theme
                )
                expect(thread.locator(".m-waiting")).to_have_count(2)
                found = Axe().run(page)
                assert found.violations_count == 0, found.generate_report()
                assert page.evaluate("document.documentElement.scrollWidth") == 360
                if direction == "rtl":
                    # React hears what the component says, and tells it what to do.
                    expect(page.locator("output")).to_have_text("3")
                    page.get_by_role("button", name="Newest").click()
                    expect(thread.locator(".m-sort b")).to_have_text("نوێترین لە پێشەوە")
                context.close()
            assert heard == []
