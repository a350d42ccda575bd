"""Verifying in a real browser, on a real server: what is so is said to be proved, and what was changed behind its back is found."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from meydan.locale import words
from tests.browser.test_reader import UNHURRIED, WIDTHS, embedded, listen
from tests.newsroom import UNMEASURED, Newsroom, newsroom

pytestmark = pytest.mark.browser

RESULT = "[data-result]"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("verifying")


@pytest.fixture(scope="module")
def room(data: Path) -> Iterator[Newsroom]:
    with newsroom(data, **UNHURRIED) as opened:
        yield opened


@pytest.fixture
def context(browser: Browser, room: Newsroom) -> Iterator[BrowserContext]:
    context = browser.new_context(base_url=room.url, locale="en-GB", timezone_id="Asia/Baghdad")
    context.set_default_timeout(10_000)
    yield context
    context.close()


def approve(room: Newsroom, id: str) -> None:
    token = {"authorization": f"Bearer {room.meydan.staff.add_token(f'approves {id}')}"}
    body = {"verdict": "approve", "rules": []}
    answer = httpx.post(f"{room.url}/api/v1/comments/{id}/decisions", json=body, headers=token)
    assert answer.status_code == 201, answer.text


def shown(room: Newsroom, story: str, text: str = UNMEASURED, *, name: str = "Rojin") -> dict[str, Any]:
    """A comment that readers see, approved and published; what its author was told."""
    body = {"story": {"url": story}, "name": name, "text": text}
    told: dict[str, Any] = httpx.post(f"{room.url}/api/v1/comments", json=body, timeout=30).json()
    if told["status"] != "approved":
        approve(room, told["id"])
    room.meydan.ledger.round()
    return told


def behind_its_back(data: Path, *statements: tuple[str, tuple[object, ...]]) -> None:
    """Change the database by hand, with its guards taken away first, and put back afterwards."""
    with sqlite3.connect(data / "meydan.db", isolation_level=None, timeout=20) as base:
        base.execute("BEGIN IMMEDIATE")
        guards = base.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in guards:
            base.execute(f'DROP TRIGGER "{name}"')
        for statement, values in statements:
            assert base.execute(statement, values).rowcount == 1
        for _, made in guards:
            base.execute(made)
        base.execute("COMMIT")
    base.close()


def beneath(thread: Locator, id: str) -> Locator:
    return thread.locator(f"#meydan-{id} .m-state")


def verify(thread: Locator, id: str) -> Locator:
    thread.locator(f"#meydan-{id} [data-verify]").click()
    found = beneath(thread, id)
    expect(found).to_have_attribute("data-result", re.compile("."))
    return found


def test_a_comment_from_its_sending_to_its_change_behind_the_server_s_back(
    context: BrowserContext, room: Newsroom, data: Path
) -> None:
    """
    If a comment is sent, approved, shown and verified, then the page says that it is what was sent; if its stored text
    is changed afterwards by hand, then the page says so, and so does the receipt's own page. No site's policy is in the way.
    """
    story = f"{room.url}/stories/from-sending-to-change"
    shown(room, f"{story}-before")
    page = context.new_page()
    heard = listen(page)
    with embedded(room, story) as site:
        page.goto(site)
        thread = page.locator("meydan-comments")
        form = thread.locator("form")
        form.locator("[name=name]").fill("Nada")
        form.locator("[name=text]").fill(UNMEASURED)
        form.get_by_role("button", name="Post a comment").click()
        waiting = thread.locator(".m-waiting")
        expect(waiting).to_contain_text("waiting for a moderator")
        with page.expect_download() as saving:
            waiting.get_by_role("link", name="Save the receipt as a file").click()
        assert saving.value.suggested_filename == "receipt.txt"
        receipt = Path(saving.value.path()).read_text()
        assert receipt.startswith("mr2.")
        id = waiting.get_attribute("data-mine") or ""

        approve(room, id)
        page.reload()
        # It is shown before it is in what was published last.
        pressed = thread.locator(f"#meydan-{id} [data-verify]")
        found = verify(thread, id)
        expect(found).to_contain_text("not in the public record yet")
        room.meydan.ledger.round()
        pressed.click()
        expect(found).to_have_count(0)
        expect(pressed).to_be_focused()

        found = verify(thread, id)
        expect(found).to_have_attribute("data-result", "proved")
        expect(found).to_contain_text("This is, character for character, what was sent on")
        expect(found).to_contain_text("It was approved by a moderator under the guidelines on")
        size = room.meydan.ledger.standing.published
        host = room.url.removeprefix("http://")
        expect(found).to_contain_text(
            f"The record has {size} entries, and its state is signed by {host}/ledger."
        )
        expect(found).to_contain_text("Not proved:")
        expect(found).to_contain_text("who wrote it")
        assert found.get_attribute("role") == "status"

        other = "UPDATE words SET text = ? WHERE comment = (SELECT number FROM comment WHERE id = ?)"
        behind_its_back(data, (other, ("Something else.", id)))
        pressed.click()
        found = verify(thread, id)
        expect(found).to_have_attribute("data-result", "differs")
        expect(found).to_contain_text("What is shown differs from what was sent.")
        expect(found).not_to_contain_text("character for character")

    # The author's own receipt, in the browser alone.
    page.goto("/ledger/check?lang=en")
    page.wait_for_load_state("networkidle")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(f"{request.method} {request.url.removeprefix(room.url)}"))
    result = page.locator(RESULT)
    page.get_by_label("Or its file").set_input_files(saving.value.path())
    expect(page.get_by_label("The receipt", exact=False).first).to_have_value(receipt.strip())
    page.get_by_label("The text that was sent").fill(UNMEASURED)
    page.get_by_role("button", name="Check").click()
    expect(result).to_have_attribute("data-result", "proved")
    expect(result).to_contain_text("The receipt is good.")
    expect(result).to_contain_text("character for character")
    expect(result).to_contain_text(f"The receipt is signed by {host}/ledger.")
    expect(result).to_be_focused()
    page.get_by_label("The text that was sent").fill("Something else.")
    page.get_by_role("button", name="Check").click()
    expect(result).to_have_attribute("data-result", "differs")
    assert asked
    assert all(
        re.fullmatch(r"GET /(ledger/(checkpoint|key|tile/.*)|embed/verify\?lang=en)", one) for one in asked
    ), asked
    assert heard == []


def test_a_decision_that_was_changed_behind_the_server_s_back(
    context: BrowserContext, room: Newsroom, data: Path
) -> None:
    """If a leaf is changed in the database, then the record is found not to hold it; if the record itself goes back, that too."""
    story = f"{room.url}/stories/a-changed-leaf"
    first, second = shown(room, story), shown(room, story, f"{UNMEASURED} Again.")
    page = context.new_page()
    page.goto(f"/comments/{first['id']}/proof?lang=en")
    result = page.locator(RESULT)
    expect(result).to_have_attribute("data-result", "proved")
    memory = page.evaluate("localStorage.getItem('meydan-ledger')")
    assert f"{room.url}/ledger/" in memory

    # A record that had more in it, signed by the same key: as after a restore of an older backup.
    checkpoint = httpx.get(f"{room.url}/ledger/checkpoint").text
    shown(room, story, f"{UNMEASURED} And again.")
    page.goto(f"/comments/{second['id']}/proof?lang=en")
    expect(result).to_contain_text("nothing in it was changed or taken out")
    page.route(
        "**/ledger/checkpoint", lambda route: route.fulfill(body=checkpoint, content_type="text/plain")
    )
    page.reload()
    expect(result).to_have_attribute("data-result", "contradicted")
    expect(result).to_contain_text("some were taken out")
    result.get_by_text("as evidence").click()
    expect(result.locator("pre")).to_contain_text(checkpoint.splitlines()[-1])
    page.unroute("**/ledger/checkpoint")
    page.reload()
    expect(result).to_have_attribute("data-result", "proved")

    leaf = httpx.get(f"{room.url}/api/v1/comments/{first['id']}/proof").json()["leaves"][-1]
    changed = leaf["body"].replace('"rules":[]', '"rules":["x"]')
    assert changed != leaf["body"]
    behind_its_back(data, ("UPDATE leaf SET body = ? WHERE number = ?", (changed.encode(), leaf["number"])))
    try:
        page.goto(f"/comments/{first['id']}/proof?lang=en")
        expect(result).to_have_attribute("data-result", re.compile("contradicted|offline|unreadable"))
        expect(result).not_to_contain_text("character for character")
    finally:
        behind_its_back(
            data, ("UPDATE leaf SET body = ? WHERE number = ?", (leaf["body"].encode(), leaf["number"]))
        )


def test_what_is_said_of_comments_that_are_gone_and_servers_that_are_away(
    context: BrowserContext, room: Newsroom
) -> None:
    """If a comment is withdrawn or erased while somebody reads it, or the server cannot be reached, then that is what is said."""
    story = f"{room.url}/stories/gone"
    told = [shown(room, story, f"{UNMEASURED} {number}.") for number in range(3)]
    page = context.new_page()
    with embedded(room, story) as site:
        page.goto(site)
        thread = page.locator("meydan-comments")
        expect(thread.locator("[data-verify]").first).to_be_visible()
        context.set_offline(offline=True)
        thread.locator(f"#meydan-{told[2]['id']} [data-verify]").click()
        expect(thread.locator(".m-said")).to_contain_text("could not be reached")
        context.set_offline(offline=False)
        assert page.evaluate("localStorage.getItem('meydan-ledger')") is None
        expect(verify(thread, told[2]["id"])).to_contain_text("sees the record for the first time")

        room.meydan.desk.withdraw(told[0]["id"], receipt=told[0]["receipt"])
        room.meydan.desk.erase(told[1]["id"])
        expect(verify(thread, told[0]["id"])).to_contain_text("Its author withdrew this comment.")
        expect(verify(thread, told[1]["id"])).to_contain_text("This comment was erased.")

        # Closed again, by key alone.
        close = beneath(thread, told[1]["id"]).get_by_role("button", name="Close")
        close.focus()
        page.keyboard.press("Enter")
        expect(beneath(thread, told[1]["id"])).to_have_count(0)
        expect(thread.locator(f"#meydan-{told[1]['id']} [data-verify]")).to_be_focused()
        context.set_offline(offline=True)
        expect(verify(thread, told[1]["id"])).to_contain_text("could not be reached")
        context.set_offline(offline=False)


def test_a_link_that_cannot_be_read_sends_nothing(context: BrowserContext, room: Newsroom) -> None:
    """If somebody is led to the checking page by a link that breaks off, then what they put in stays in the browser all the same."""
    told = shown(room, f"{room.url}/stories/a-broken-link")
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/ledger/check?lang=en#mr2.%")
    page.get_by_label("The receipt", exact=False).first.fill(told["receipt"])
    page.get_by_role("button", name="Check").click()
    expect(page.locator(RESULT)).to_contain_text("The receipt is good.")
    assert not any("receipt=" in url for url in asked), asked


def test_without_javascript_the_pages_say_what_they_are(browser: Browser, room: Newsroom) -> None:
    """If there is no JavaScript, then the control leads to a page that says so and gives the command, and receipts are files all the same."""
    story = f"{room.url}/stories/plain"
    told = shown(room, story)
    context = browser.new_context(base_url=room.url, java_script_enabled=False)
    page = context.new_page()
    page.goto(f"/comments?story={story}&lang=en")
    page.get_by_role("link", name="Verify").click()
    expect(page.locator("h1")).to_have_text("Verify this comment")
    expect(page.locator("main")).to_contain_text("Without JavaScript")
    expect(page.locator("main")).to_contain_text(f"meydan ledger check {room.url}/comments/{told['id']}")
    expect(page.locator("[data-found]")).to_be_hidden()
    page.get_by_role("link", name="Check a receipt").click()
    expect(page.locator("form")).to_be_hidden()
    expect(page.locator("main")).to_contain_text("meydan ledger check receipt.txt")
    page.get_by_role("link", name="The public record").click()
    key = httpx.get(f"{room.url}/ledger/key").text.splitlines()[0]
    expect(page.locator("main")).to_contain_text(f"meydan ledger verify {room.url}/ledger/ --key '{key}'")
    expect(page.locator("main")).to_contain_text(
        httpx.get(f"{room.url}/ledger/checkpoint").text.splitlines()[2]
    )
    page.goto(f"/status/{told['id']}?receipt={told['receipt']}&lang=en")
    with page.expect_download() as saving:
        page.get_by_role("link", name="Save the receipt as a file").click()
    assert Path(saving.value.path()).read_text() == told["receipt"] + "\n"
    context.close()
    assert httpx.get(f"{room.url}/status/{told['id']}/receipt").status_code == 401
    assert httpx.get(f"{room.url}/status/{told['id']}/receipt?receipt=mr2.e30").status_code == 401
    assert httpx.get(f"{room.url}/comments/nothing/proof").status_code == 404


TONGUES = [("en", "dark", "phone"), ("ckb", "light", "phone"), ("ar", "dark", "desktop")]


@pytest.mark.parametrize(("lang", "theme", "width"), TONGUES)
def test_axe_finds_nothing(browser: Browser, room: Newsroom, lang: str, theme: Any, width: str) -> None:
    """
    If something was verified, in any language, theme and width, then it is told in that language, its digits and direction; axe
    finds nothing, nothing overflows, and targets are large enough to touch.
    """
    said = words(lang)
    story = f"{room.url}/looks/verifying"
    told = shown(room, story)
    context = browser.new_context(base_url=room.url, viewport=WIDTHS[width], color_scheme=theme)  # type: ignore[arg-type]
    context.set_default_timeout(10_000)
    page = context.new_page()

    def check(of: Page, name: str) -> None:
        # Looking takes a second each; the pages are of one kind.
        if lang == "en" or name in ("check", "component"):
            found = Axe().run(of)
            assert found.violations_count == 0, f"{name}: {found.generate_report()}"
        assert of.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), (
            name
        )
        for box in of.locator(RESULT).all():
            assert "{" not in box.inner_text()
            assert "undefined" not in box.inner_text()
        if folder := _folder():
            of.screenshot(path=folder / f"page-{name}-{lang}-{theme}-{width}.png", full_page=True)

    for name, address in (
        ("proof", f"/comments/{told['id']}/proof?lang={lang}"),
        ("ledger", f"/ledger?lang={lang}"),
        ("check", f"/ledger/check?lang={lang}#{told['receipt']}"),
    ):
        page.goto(address)
        assert page.locator("html").get_attribute("dir") == said.direction
        if name == "check":
            page.locator("[name=text]").fill(UNMEASURED)
            page.locator("form button").click()
        expect(page.locator(RESULT)).to_have_attribute("data-result", "proved")
        if said.digits[0] != "0":
            expect(page.locator(RESULT)).to_contain_text(re.compile(f"[{said.digits}]"))
        check(page, name)
    with embedded(room, story, lang=lang, direction=said.direction) as site:
        page.goto(site)
        if theme == "dark":
            page.evaluate("Object.assign(document.body.style, {background: '#111', color: '#eee'})")
        thread = page.locator("meydan-comments")
        found = verify(thread, told["id"])
        expect(found).to_contain_text(said["verify.not_proved"])
        control = thread.locator(f"#meydan-{told['id']} [data-verify]")
        for touched in (control, found.locator("button")):
            box = touched.bounding_box()
            assert box is not None
            assert box["height"] >= 44
            assert box["width"] >= 44
        check(page, "component")
    context.close()


def _folder() -> Path | None:
    """Where pictures go, for whoever wants to look at them."""
    return Path(os.environ["MEYDAN_PICTURES"]) if "MEYDAN_PICTURES" in os.environ else None
