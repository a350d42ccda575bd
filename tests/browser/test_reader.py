"""Readers in a real browser: the component on another site's page, the pages without JavaScript, and what axe says."""

from __future__ import annotations

import http.server
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from meydan.locale import words
from tests.newsroom import ABUSIVE, UNMEASURED, Newsroom, newsroom
from tests.serving import Served

pytestmark = pytest.mark.browser

WIDTHS = {"phone": {"width": 360, "height": 740}, "desktop": {"width": 1280, "height": 900}}
UNHURRIED = {"submissions_per_minute": 1_000_000, "submission_burst": 1_000_000}
FORM = "meydan-comments form"
SAID = "meydan-comments [role=status]"


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newsroom]:
    with newsroom(tmp_path_factory.mktemp("reader"), **UNHURRIED) as opened:
        yield opened


@pytest.fixture
def story(room: Newsroom, request: pytest.FixtureRequest) -> str:
    """The address of a story of the test's own."""
    name = "".join(c if c.isalnum() else "-" for c in request.node.name)
    return f"{room.url}/stories/{name}"


@pytest.fixture
def context(browser: Browser, room: Newsroom) -> Iterator[BrowserContext]:
    context = browser.new_context(base_url=room.url)
    context.set_default_timeout(10_000)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


def show(room: Newsroom, story: str, text: str, *, name: str = "Rojin", parent: str | None = None) -> str:
    """A comment that readers see from now on; its id. Sent and decided at the door, so that the door knows at once."""
    with httpx.Client(base_url=room.url, timeout=30) as client:
        body = {"story": {"url": story}, "name": name, "text": text, "parent": parent}
        sent = client.post("/api/v1/comments", json=body)
        assert sent.status_code == 201, sent.text
        told = sent.json()
        if told["status"] != "approved":
            token = {"authorization": f"Bearer {room.meydan.staff.add_token(told['id'])}"}
            decided = client.post(
                f"/api/v1/comments/{told['id']}/decisions", json={"verdict": "approve"}, headers=token
            )
            assert decided.status_code == 201, decided.text
        return str(told["id"])


@contextmanager
def another_site(body: str, *, policy: str, lang: str = "en", direction: str = "ltr") -> Iterator[str]:
    """A news site of its own, at an origin of its own, with a policy of its own; its page's address."""
    page = f'<!doctype html><html lang="{lang}" dir="{direction}"><title>A news site</title><main><h1>A story</h1>{body}</main></html>'

    class Site(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html; charset=utf-8")
            self.send_header("content-security-policy", policy)
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://localhost:{server.server_port}/"
        server.shutdown()


@contextmanager
def embedded(room: Newsroom, story: str, *, lang: str = "en", direction: str = "ltr") -> Iterator[str]:
    """A page of another site that embeds the component, under the strictest policy that can work."""
    policy = f"default-src 'none'; script-src {room.url}; connect-src {room.url}; style-src 'none'"
    body = f'<script type="module" src="{room.url}/embed.js"></script><meydan-comments story="{story}"></meydan-comments>'
    with another_site(body, policy=policy, lang=lang, direction=direction) as site:
        yield site


ANY = {"access-control-allow-origin": "*"}


def listen(page: Page) -> list[str]:
    """What the browser complains of from now on."""
    heard: list[str] = []
    page.on("console", lambda said: heard.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: heard.append(str(error)))
    return heard


def post(page: Page, name: str, text: str) -> None:
    form = page.locator("form.m-form")
    form.locator("[name=name]").fill(name)
    form.locator("[name=text]").fill(text)
    form.get_by_role("button", name="Post a comment").click()


# -- on another site's page -----------------------------------------------------------


def test_a_strict_site_can_embed(page: Page, room: Newsroom, story: str) -> None:
    """If a site with a strict policy embeds the component, then it shows, styled, and a comment can be posted, with no complaint."""
    show(room, story, "The first word on this.")
    heard = listen(page)
    with embedded(room, story) as site:
        page.goto(site)
        expect(page.locator("meydan-comments .meydan-text")).to_have_text("The first word on this.")
        button = page.locator(f"{FORM} button")
        assert button.evaluate("button => button.getBoundingClientRect().height") >= 44
        page.evaluate(
            "window.sent = []; document.addEventListener('meydan:sent', event => sent.push(event.detail))"
        )
        post(page, "Nada", "I found the part about the ferry and its crew very moving.")
        expect(page.locator(SAID)).to_be_visible()
        assert [detail["status"] for detail in page.evaluate("sent")] in (["approved"], ["held"])
    assert page.context.cookies() == []
    assert heard == []


def test_the_component_wears_the_pages_clothes(page: Page, room: Newsroom, story: str) -> None:
    """If a site sets font, size, colour and language, then the component takes them."""
    show(room, story, "A word.")
    with embedded(room, story, lang="ckb", direction="rtl") as site:
        page.goto(site)
        text = page.locator("meydan-comments .m-intro").first
        expect(text).to_be_visible()
        page.evaluate(
            "Object.assign(document.body.style, {fontFamily: 'monospace', fontSize: '22px', color: 'rgb(0, 80, 0)'})"
        )
        style = text.evaluate(
            "element => { const s = getComputedStyle(element); return [s.fontFamily, s.fontSize, s.color] }"
        )
        assert style == ["monospace", "22px", "rgb(0, 80, 0)"]
        section = page.locator("meydan-comments section.meydan")
        assert section.evaluate("element => getComputedStyle(element).direction") == "rtl"
        assert section.get_attribute("lang") == "ckb"
        # Arabic-script lines get more room.
        heading = page.locator("meydan-comments h2").first
        ratio = heading.evaluate(
            "e => parseFloat(getComputedStyle(e).lineHeight) / parseFloat(getComputedStyle(e).fontSize)"
        )
        assert ratio == pytest.approx(1.8, abs=0.01)


def test_a_site_without_javascript_can_include_the_fragment(
    browser: Browser, room: Newsroom, story: str
) -> None:
    """If a site puts the fragment into its own page and a reader has no JavaScript, then reading and posting work from there."""
    show(room, story, "Included by the server.")
    fragment = httpx.get(f"{room.url}/embed/comments", params={"story": story}).text
    context = browser.new_context(java_script_enabled=False)
    with another_site(fragment, policy=f"default-src 'none'; form-action {room.url}") as site:
        page = context.new_page()
        page.goto(site)
        expect(page.locator(".meydan-text")).to_have_text("Included by the server.")
        post(page, "Nada", ABUSIVE)
        expect(page.locator("h1")).to_have_text("Your comment is not published.")
        assert page.url == f"{room.url}/comments"
    context.close()


# -- the form in the component -----------------------------------------------------------


@pytest.fixture
def embedding(page: Page, room: Newsroom, story: str) -> Iterator[Page]:
    """A page that shows the component with one comment."""
    show(room, story, "The first word on this.", name="Ana")
    with embedded(room, story) as site:
        page.goto(site)
        expect(page.locator(FORM)).to_be_visible()
        yield page


def test_required_fields_are_marked_and_named(embedding: Page) -> None:
    """If a reader sends an empty form, then each missing field is named in words and marked, and the first has the focus."""
    page = embedding
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    for field in ("name", "text"):
        expect(page.locator(f"#meydan-{field}")).to_have_attribute("aria-required", "true")
        expect(page.locator(f"label[for=meydan-{field}]")).to_contain_text("required")
    post(page, " ", "  \n")
    for field, sentence in (("name", "Write the name"), ("text", "Write your comment.")):
        box = page.locator(f"#meydan-{field}")
        expect(box).to_have_attribute("aria-invalid", "true")
        expect(box).to_have_accessible_description(
            f"{sentence} you want to be shown with." if field == "name" else sentence
        )
    expect(page.locator("#meydan-name")).to_be_focused()
    page.locator("#meydan-name").fill("Nada")
    expect(page.locator("#meydan-name")).not_to_have_attribute("aria-invalid", "true")
    assert asked == []


def test_an_approved_comment_appears_at_once(embedding: Page, room: Newsroom, story: str) -> None:
    """If a comment is approved, then it stands among the others without a reload, its author gets the receipt, and the form is free."""
    page = embedding
    text = "Thank you for the clear map of the river and its bridges."
    post(page, "Nada", text)
    expect(page.locator(SAID)).to_contain_text("Your comment is published.")
    expect(page.locator(SAID)).to_be_focused()
    with page.expect_download() as saving:
        page.locator(SAID).get_by_role("link", name="Save the receipt as a file").click()
    assert Path(saving.value.path()).read_text().startswith("mr2.")
    status = page.locator(SAID).get_by_role("link", name="See how your comment stands")
    # The only key to withdraw it by is nowhere else: once it is shown, the browser forgets it.
    expect(status).to_have_attribute("href", re.compile(r"/status/[a-z0-9]+\?lang=en&receipt=mr2\."))
    expect(page.locator("meydan-comments .meydan-text").last).to_have_text(text)
    expect(page.locator("#meydan-text")).to_have_value("")
    expect(page.locator("#meydan-name")).to_have_value("Nada")


def test_a_rejection_names_the_rule_and_keeps_the_text(embedding: Page, room: Newsroom) -> None:
    """If a comment is rejected, then the rule is named, the text is kept, nobody sees it, and a link leads to the appeal."""
    page = embedding
    post(page, "Nada", ABUSIVE)
    rule = room.meydan.desk.guidelines.rule("personal-attacks")
    expect(page.locator(SAID)).to_contain_text("Your comment is not published.")
    expect(page.locator(SAID)).to_contain_text(rule.title["en"])
    expect(page.locator(SAID)).to_contain_text(rule.text["en"])
    expect(page.locator("#meydan-text")).to_have_value(ABUSIVE)
    expect(page.locator("meydan-comments .m-list")).not_to_contain_text(ABUSIVE)
    page.locator(SAID).get_by_role("link", name="appeal or withdraw").click()
    expect(page.locator("h1")).to_have_text("How your comment stands")
    expect(page.locator(".meydan-text")).to_have_text(ABUSIVE)
    page.locator("[name=words]").fill("I was quoting the minister.")
    page.get_by_role("button", name="Send the appeal").click()
    expect(page.locator("main")).to_contain_text("You have appealed.")


def test_a_held_comment_says_that_it_waits(embedding: Page) -> None:
    """If a comment is held, then the reader is told in words that it waits, and where to look."""
    page = embedding
    post(page, "Nada", UNMEASURED)
    expect(page.locator(SAID)).to_contain_text("waiting for a moderator")
    expect(page.locator("#meydan-text")).to_have_value("")
    expect(page.locator("meydan-comments .m-list:not(.m-mine *) .meydan-text")).to_have_count(1)
    expect(page.locator("meydan-comments .m-waiting")).to_contain_text(UNMEASURED)


def test_nothing_typed_is_lost_when_the_network_is(embedding: Page) -> None:
    """If the network fails while a comment is sent, then the reader is told, and it can be sent again as it stands."""
    page = embedding
    page.route("**/api/v1/comments", lambda route: route.abort())
    post(page, "Nada", UNMEASURED)
    expect(page.locator(SAID)).to_contain_text("What you wrote is kept in this browser.")
    expect(page.locator("#meydan-text")).to_have_value(UNMEASURED)
    page.unroute("**/api/v1/comments")
    page.locator(f"{FORM} button").click()
    expect(page.locator(SAID)).to_contain_text("waiting for a moderator")


def test_a_full_storage_sends_the_same_comment_once(embedding: Page) -> None:
    """If the site has filled the browser's storage, then a comment that is sent again after a lost answer is the same one."""
    page, keys = embedding, []

    def lost(route: Route) -> None:
        keys.append(route.request.headers["idempotency-key"])
        route.abort()

    page.evaluate(
        "() => { for (let size = 2 ** 22; size; size >>= 1) try { localStorage.setItem(size, 'x'.repeat(size)) } catch {} }"
    )
    page.route("**/api/v1/comments", lost)
    post(page, "Nada", UNMEASURED)
    expect(page.locator(SAID)).to_contain_text("What you wrote is kept in this browser.")
    page.locator(f"{FORM} button").click()
    Served.until(lambda: bool(page.wait_for_timeout(50)) or len(keys) == 2)
    assert len(set(keys)) == 1


@pytest.mark.parametrize("status", [401, 429])
def test_who_has_to_wait_finds_their_words_again(embedding: Page, status: int) -> None:
    """If a comment is refused for now, then its words are still in this browser when the page is opened anew."""
    page = embedding
    told = {"code": "R103", "message": "Wait 2 s, then send it again."}
    page.route("**/api/v1/comments", lambda route: route.fulfill(status=status, json=told, headers=ANY))
    post(page, "Nada", UNMEASURED)
    expect(page.locator(SAID)).to_contain_text("Wait 2 s")
    page.reload()
    expect(page.locator("#meydan-text")).to_have_value(UNMEASURED)


def test_characters_are_counted_as_people_count(embedding: Page) -> None:
    """If a text has characters beyond the basic plane, then each counts once; too long is refused, named, and kept."""
    page = embedding
    page.locator("#meydan-text").fill("😀" * 5001)
    expect(page.locator(".m-counter")).to_have_text("5001 of 5000 characters")
    page.locator("#meydan-name").fill("Nada")
    page.locator(f"{FORM} button").click()
    expect(page.locator("#meydan-text")).to_have_attribute("aria-invalid", "true")
    expect(page.locator(SAID)).to_contain_text("5000")
    assert len(page.locator("#meydan-text").input_value()) == 5001


def test_a_reply_goes_under_its_comment(embedding: Page) -> None:
    """If a reader replies, then the form says to whom, can be turned back, and the reply stands under the comment."""
    page = embedding
    page.get_by_role("link", name="Reply").click()
    expect(page.locator("meydan-comments .m-replying")).to_contain_text("Reply to Ana")
    expect(page.locator("#meydan-name")).to_be_focused()
    page.get_by_role("button", name="Write to everyone instead").click()
    expect(page.locator("meydan-comments .m-replying")).to_be_hidden()
    page.get_by_role("link", name="Reply").click()
    post(page, "Nada", "I agree with you about the old lighthouse by the harbour.")
    expect(page.locator("meydan-comments .m-replies .meydan-text")).to_contain_text("lighthouse")


def test_the_thread_can_be_turned_round(embedding: Page, room: Newsroom, story: str) -> None:
    """If a reader asks for the newest first, then the thread turns, in place, and the heading has the focus."""
    page = embedding
    show(room, story, "The second word.")
    page.reload()
    expect(page.locator("meydan-comments .meydan-text")).to_have_text(
        ["The first word on this.", "The second word."]
    )
    before = page.url
    page.get_by_role("link", name="Newest first").click()
    expect(page.locator("meydan-comments .meydan-text")).to_have_text(
        ["The second word.", "The first word on this."]
    )
    expect(page.locator("meydan-comments h2").first).to_be_focused()
    assert page.url == before


def test_what_was_typed_survives_the_turning(embedding: Page, room: Newsroom, story: str) -> None:
    """If a reader has begun a reply and turns the thread, then name, words and whom they answer are still there."""
    page = embedding
    show(room, story, "The second word.")
    page.reload()
    expect(page.locator("meydan-comments .meydan-text")).to_have_count(2)
    page.locator("meydan-comments [data-reply]").first.click()
    answering = page.locator("meydan-comments input[name=parent]").input_value()
    assert answering
    page.locator("meydan-comments input[name=name]").fill("Şilan")
    page.locator("meydan-comments textarea[name=text]").fill("Half a thought")
    page.get_by_role("link", name="Newest first").click()
    expect(page.locator("meydan-comments .meydan-text").first).to_have_text("The second word.")
    expect(page.locator("meydan-comments input[name=name]")).to_have_value("Şilan")
    expect(page.locator("meydan-comments textarea[name=text]")).to_have_value("Half a thought")
    assert page.locator("meydan-comments input[name=parent]").input_value() == answering
    expect(page.locator("meydan-comments .m-replying")).to_be_visible()


@pytest.mark.parametrize(
    ("lang", "month"),
    [("en", "November"), ("ckb", "تشرینی دووەم"), ("kmr-Latn", "Mijdar"), ("kmr-Arab", "چریا دووێ")],
)
def test_times_are_the_readers_own(
    browser: Browser, room: Newsroom, story: str, lang: str, month: str
) -> None:
    """If a reader is in another time zone, then times are told in it, in the words of the page's language."""
    show(room, story, "A word.")
    context = browser.new_context(timezone_id="Asia/Baghdad")
    page = context.new_page()
    with embedded(room, story, lang=lang) as site:
        page.goto(site)
        time_shown = page.locator("meydan-comments time")
        expect(time_shown).to_be_visible()
        sent = datetime.fromisoformat(time_shown.get_attribute("datetime") or "").astimezone(
            ZoneInfo("Asia/Baghdad")
        )
        expect(time_shown).to_contain_text(words(lang).number(f"{sent:%H:%M}"))
        expect(time_shown).to_contain_text(words(lang).months[sent.month - 1])
        expect(time_shown).not_to_contain_text("UTC")
    assert words(lang).months[10] == month
    context.close()


def test_a_site_chooses_the_order_and_the_story(embedding: Page, room: Newsroom, story: str) -> None:
    """If a site sets the order or the story on the element, then the thread follows."""
    page = embedding
    show(room, story, "The second word.")
    show(room, f"{story}-other", "A word on another story.")
    element = page.locator("meydan-comments")
    element.evaluate("element => element.setAttribute('sort', 'newest')")
    expect(page.locator("meydan-comments .meydan-text")).to_have_text(
        ["The second word.", "The first word on this."]
    )
    element.evaluate("(element, story) => element.setAttribute('story', story)", f"{story}-other")
    expect(page.locator("meydan-comments .meydan-text")).to_have_text(["A word on another story."])


def test_a_thread_that_does_not_load_can_be_asked_again(page: Page, room: Newsroom, story: str) -> None:
    """If the comments cannot be loaded, then a sentence says so in the page's language, and asking again works."""
    show(room, story, "A word.")
    with embedded(room, story, lang="ar", direction="rtl") as site:
        page.route("**/embed/comments*", lambda route: route.abort())
        page.goto(site)
        expect(page.locator(SAID)).to_contain_text("حمّل التعليقات")
        page.unroute("**/embed/comments*")
        page.locator("meydan-comments button").click()
        expect(page.locator("meydan-comments .meydan-text")).to_have_text("A word.")


def test_what_was_sent_is_what_is_in_the_page(page: Page, room: Newsroom, story: str) -> None:
    """If any characters were sent and approved, then the browser holds exactly them, and nothing of them runs or leaks out."""
    text = "\r\n a\tb\x0b\x7f\xa0  <img src=x onerror=alert(1)> &amp; \u202eright\u2066 \ufeff\u200b😀\U0001f1ee e\u0301\n\n"
    show(room, story, text, name="<b>\u202eNada")
    heard = listen(page)
    with embedded(room, story) as site:
        page.goto(site)
        shown = page.locator("meydan-comments .meydan-text")
        expect(shown).to_be_visible()
        assert shown.evaluate("element => element.textContent") == text
        assert (
            page.locator("meydan-comments .meydan-name").first.evaluate("e => e.textContent")
            == "<b>\u202eNada"
        )
    page.goto(f"/comments?story={story}")
    assert page.locator(".meydan-text").evaluate("element => element.textContent") == text
    assert heard == []


# -- without JavaScript ---------------------------------------------------------------------


@pytest.fixture
def plain(browser: Browser, room: Newsroom) -> Iterator[Page]:
    """A page in a browser that runs no script."""
    context = browser.new_context(base_url=room.url, java_script_enabled=False)
    context.set_default_timeout(10_000)
    yield context.new_page()
    context.close()


def test_posting_works_without_javascript(plain: Page, room: Newsroom, story: str) -> None:
    """If a browser runs no script, then a comment can be posted, its outcome read, and the comment withdrawn."""
    plain.goto(f"/comments?story={story}")
    text = "The report on the new school was thorough,\nand I thank its author."
    post(plain, "Nada", text)
    expect(plain.locator("h1")).to_have_text("Your comment is published.")
    plain.get_by_role("link", name="appeal or withdraw").click()
    expect(plain.locator(".meydan-text")).to_contain_text("and I thank its author.")
    plain.get_by_role("link", name="Back to the comments").click()
    expect(plain.locator(".meydan-text")).to_contain_text("thorough")
    plain.go_back()
    plain.get_by_role("button", name="Withdraw this comment").click()
    expect(plain.locator("main")).to_contain_text("You have withdrawn this comment.")
    plain.get_by_role("link", name="Back to the comments").click()
    expect(plain.locator(".meydan-text")).to_have_count(0)


def test_missing_fields_without_javascript(plain: Page, story: str) -> None:
    """If required fields are blank, then the page names them, a link leads to each, and what was typed is kept."""
    plain.goto(f"/comments?story={story}")
    post(plain, "  ", "A comment with no name.")
    expect(plain.locator("[role=alert]")).to_contain_text("Write the name you want to be shown with.")
    expect(plain.locator("[name=text]")).to_have_value("A comment with no name.")
    expect(plain.locator("[name=name]")).to_have_attribute("aria-invalid", "true")
    expect(plain.locator("[name=text]")).not_to_have_attribute("aria-invalid", "true")
    plain.get_by_role("link", name="Write the name").click()
    assert plain.url.endswith("#meydan-name")


def test_a_right_to_left_page_is_laid_out_so(plain: Page, room: Newsroom, story: str) -> None:
    """If the story is in Arabic, then page, thread and form run right to left, and an English comment in it left to right."""
    room.meydan.desk.register_story(story, title="لقاء المبعوثين", language="ar", own=(room.url,))
    show(room, story, "كان ينبغي أن يُقال هذا قبل أسبوع.")
    show(room, story, "Thank you for this article.")
    plain.goto(f"/comments?story={story}")
    directions = [
        plain.locator(selector).first.evaluate("element => getComputedStyle(element).direction")
        for selector in ("html", "h1", "form", ".meydan-text")
    ]
    assert directions == ["rtl"] * 4
    assert (
        plain.locator(".meydan-text").last.evaluate("element => getComputedStyle(element).direction") == "ltr"
    )
    heading, thread = plain.locator("h1").bounding_box(), plain.locator("main").bounding_box()
    label = plain.locator("label[for=meydan-name]").bounding_box()
    assert heading is not None
    assert thread is not None
    assert label is not None
    assert label["x"] + label["width"] == pytest.approx(thread["x"] + thread["width"], abs=2)


# -- looks ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def papers(room: Newsroom) -> dict[str, str]:
    """Every kind of page that readers see, by name, with awkward comments on it."""
    addresses = {}
    for language, title in (("en", "Envoys meet"), ("ar", "لقاء المبعوثين")):
        story = f"{room.url}/looks/{language}"
        room.meydan.desk.register_story(story, title=title, language=language, own=(room.url,))
        first = show(room, story, "The minister should have said this a week ago.\n\nWhy did nobody ask?")
        show(room, story, "أوافقك الرأي تماماً، والأهم هو حماية المدنيين.", name="مريم", parent=first)
        show(room, story, "Z" + "\u0301" * 400 + " \u202eoverride", name="A" * 80)
        show(room, story, "unbroken" * 60)
        addresses[f"comments in {language}"] = f"/comments?story={story}"
        addresses[f"reply in {language}"] = f"/comments?story={story}&reply={first}"
        with httpx.Client(base_url=room.url) as client:
            body = {"story": {"url": story}, "name": "Nada", "text": ABUSIVE}
            told = client.post("/api/v1/comments", json=body).json()
            addresses[f"rejected in {language}"] = (
                f"/status/{told['id']}?receipt={told['receipt']}&lang={language}"
            )
            told = client.post("/api/v1/comments", json=body | {"text": UNMEASURED}).json()
            addresses[f"held in {language}"] = (
                f"/status/{told['id']}?receipt={told['receipt']}&lang={language}"
            )
        addresses[f"nothing in {language}"] = f"/status/nothing?lang={language}"
    return addresses


@pytest.mark.parametrize(("width", "theme"), [("phone", "light"), ("desktop", "dark")])
def test_axe_finds_nothing(
    browser: Browser, room: Newsroom, papers: dict[str, str], width: str, theme: Any
) -> None:
    """If a reader's page is opened, small or large, light or dark, either direction, then axe finds no violation and nothing overflows."""
    context = browser.new_context(base_url=room.url, viewport=WIDTHS[width], color_scheme=theme)  # type: ignore[arg-type]
    page = context.new_page()

    def check(name: str) -> None:
        found = Axe().run(page)
        assert found.violations_count == 0, f"{name}: {found.generate_report()}"
        assert page.evaluate(
            "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        ), name

    for name, address in papers.items():
        page.goto(address)
        for details in page.locator("details").all():
            details.evaluate("details => details.open = true")
        check(name)
    for language in ("en", "ar"):
        page.goto(papers[f"comments in {language}"])
        page.locator("[name=name]").fill("Nada")
        page.locator("[name=text]").fill(ABUSIVE)
        page.locator("form.m-form button").click()
        expect(page.locator(".r-outcome")).to_be_visible()
        check(f"result in {language}")
        page.goto(papers[f"comments in {language}"])
        page.locator("[name=name]").fill(" ")
        page.locator("[name=text]").fill(" ")
        page.locator("form.m-form button").click()
        expect(page.locator("[role=alert]")).to_be_visible()
        check(f"missing fields in {language}")
    context.close()


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("lang", "direction"), [("en", "ltr"), ("ar", "rtl")])
def test_axe_finds_nothing_in_the_component(
    browser: Browser, room: Newsroom, papers: dict[str, str], lang: str, direction: str, theme: Any
) -> None:
    """If the component stands in another site's page, in any state, then axe finds no violation, and targets are large enough to touch."""
    context = browser.new_context(viewport=WIDTHS["phone"], color_scheme=theme)  # type: ignore[arg-type]
    page = context.new_page()
    with embedded(room, f"{room.url}/looks/{lang}", lang=lang, direction=direction) as site:
        page.goto(site)
        expect(page.locator(FORM)).to_be_visible()
        if theme == "dark":
            page.evaluate("Object.assign(document.body.style, {background: '#111', color: '#eee'})")
        page.locator("meydan-comments details").evaluate("details => details.open = true")
        page.locator("#meydan-name").fill("")
        page.locator(f"{FORM} button[type=submit]").click()
        expect(page.locator("#meydan-name")).to_have_attribute("aria-invalid", "true")
        page.locator("#meydan-name").fill("Nada")
        page.locator("#meydan-text").fill(ABUSIVE)
        page.locator(f"{FORM} button[type=submit]").click()
        expect(page.locator(SAID)).to_be_visible()
        found = Axe().run(
            page, options={"resultTypes": ["violations"], "rules": {"region": {"enabled": True}}}
        )
        assert found.violations_count == 0, found.generate_report()
        heights = page.locator(
            "meydan-comments :is(.m-head a, .m-foot a, summary, button, input:not([type=hidden]))"
        ).evaluate_all(
            "all => all.filter(e => e.checkVisibility()).map(e => e.getBoundingClientRect().height)"
        )
        assert min(heights) >= 44
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    context.close()
