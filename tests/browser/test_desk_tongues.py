"""The desk from the right to the left, in a real browser: read, decided by key on an Arabic layout, and as wide as a telephone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from meydan.comment import Status, Verdict
from meydan.locale.desk import desk_words
from tests.browser.test_desk import settled_keys
from tests.newsroom import ABUSIVE, COURTEOUS, Newsroom, newsroom

pytestmark = pytest.mark.browser

LISTS = ["decided", "audits", "second-looks", "find", "figures", "people", "journal", "account"]


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Newsroom]:
    with newsroom(tmp_path) as opened:
        yield opened


def pressed(page: Page, letter: str, code: str) -> None:
    """What the browser tells of a key when a layout writes `letter` where a Latin one would write that of `code`."""
    page.evaluate(
        "([key, code]) => (document.activeElement ?? document.body)"
        ".dispatchEvent(new KeyboardEvent('keydown', {key, code, bubbles: true, cancelable: true}))",
        [letter, code],
    )


@pytest.mark.parametrize("tag", ["ar", "ckb"])
def test_the_desk_from_the_right(browser: Browser, room: Newsroom, tag: str) -> None:
    """If the desk speaks Arabic or Sorani, then it is chosen, read and decided by key, and nothing is cut off or unclear."""
    w = desk_words(tag)
    room.meydan.staff.add_moderator("Leyla", role="editor")
    kept = room.hand_over(f"{COURTEOUS} 1", name="Rojin")
    refused = room.hand_over(ABUSIVE, name="أحمد")
    waits = room.hand_over("شكراً على هذا الخبر https://example.org/a", name="ڕۆژین")
    context = browser.new_context(base_url=room.url, viewport={"width": 1440, "height": 900})
    context.set_default_timeout(20_000)
    page = context.new_page()
    page.goto(f"/desk/sign-in?link={room.link('Leyla')}")
    page.locator(f"button[value={tag}]").click()
    expect(page.locator("html")).to_have_attribute("dir", "rtl")
    page.get_by_role("button", name=w["sign_in.press"]).click()
    expect(page.locator(".house")).to_contain_text(w["desk.title"])

    page.goto(f"/desk/comments/{kept}")
    settled_keys(page)
    pressed(page, "ش", "KeyA")
    expect(page.locator(".flash")).to_contain_text("Rojin")
    page.goto(f"/desk/comments/{refused}")
    settled_keys(page)
    pressed(page, "ق", "KeyR")
    pressed(page, "٣", "Digit3")
    page.keyboard.press("Enter")
    expect(page.locator(".flash")).to_contain_text("أحمد")
    assert room.item(kept).comment.status is Status.APPROVED
    assert room.item(refused).comment.status is Status.REJECTED
    assert [settled.decision.verdict for settled in room.item(refused).decisions] == [Verdict.REJECT]

    page.goto(f"/desk/comments/{waits}")
    pressed(page, "؟", "Slash")
    expect(page.get_by_role("dialog")).to_contain_text(w["keys.long_help"])
    page.set_viewport_size({"width": 360, "height": 740})
    for path in (f"/desk/comments/{waits}", *(f"/desk/{each}" for each in LISTS)):
        page.goto(path)
        assert page.evaluate("document.documentElement.scrollWidth") == 360, path
        assert Axe().run(page).response["violations"] == [], path
    context.close()


def test_time_and_bars_begin_where_lines_do(browser: Browser, room: Newsroom) -> None:
    """If figures are read from the right, then bars grow and days pass to the left, and their words stand at the right."""
    room.hand_over(COURTEOUS)
    context = browser.new_context(base_url=room.url, locale="ar", viewport={"width": 1440, "height": 900})
    context.set_default_timeout(20_000)
    page = context.new_page()
    page.goto(f"/desk/sign-in?link={room.link('Leyla')}")
    page.locator("button.strong").click()
    page.goto("/desk/figures")
    days = page.locator("svg.chart").first
    first, last = (days.locator("text").nth(place).bounding_box() for place in (1, 0))
    assert first is not None
    assert last is not None
    assert last["x"] < first["x"]
    today = max(
        (bar.bounding_box() or {"x": 0, "height": 0} for bar in days.locator("rect").all()),
        key=lambda box: box["height"],
    )
    assert abs(today["x"] - last["x"]) < 20
    context.close()
