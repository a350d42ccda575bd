"""The desk in a real browser while others work: what happens is told in its place, and nothing moves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.browser.test_desk import settled_keys, sign_in
from tests.newsroom import COURTEOUS, Newsroom, newsroom

pytestmark = pytest.mark.browser

COMES = 20_000
"""Milliseconds within which news come even on a busy machine."""

PLACES = """() => [...document.querySelectorAll("header, header *, main, main *, .keys")]
  .map((one) => {
    const box = one.getBoundingClientRect();
    return [one.tagName, one.id, box.x, box.y + scrollY, box.width, box.height];
  })"""


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Newsroom]:
    with newsroom(tmp_path) as opened:
        yield opened


@pytest.fixture
def page(browser: Browser, room: Newsroom) -> Iterator[Page]:
    context = browser.new_context(base_url=room.url, viewport={"width": 1280, "height": 900})
    context.set_default_timeout(30_000)
    page = context.new_page()
    sign_in(page, room, "Leyla")
    yield page
    context.close()


def test_news_comes_and_nothing_moves(page: Page, browser: Browser, room: Newsroom) -> None:
    """
    If comments come and somebody else decides the one before me while I write, then I am told what and by whom, every
    other thing stays where and as it is, the list is made anew when I ask, and my own decision is told who was first.
    """
    page.goto("/desk")
    expect(page.locator("h1")).to_have_text("Nothing waits for you")
    mine = room.hand_over(COURTEOUS)
    expect(page.locator(".news")).to_contain_text("A comment waits.", timeout=COMES)
    expect(page.locator("h1")).to_have_text("Nothing waits for you")
    page.get_by_role("link", name="Look", exact=True).click()
    settled_keys(page)
    expect(page.locator("[data-waiting]")).to_have_text("(1)")
    page.locator("#reject input[type=checkbox]").nth(1).check()
    page.locator("#note").fill("A note, half wri")
    page.locator("#note").evaluate("note => { note.setSelectionRange(3, 5); scrollTo(0, 120); }")
    before: list[Any] = page.evaluate(PLACES)
    seen = page.evaluate("scrollY")
    for number in range(11):
        room.hand_over(f"{COURTEOUS} {number}", name=f"Reader {number}")
    expect(page.locator("[data-waiting]")).to_have_text("(12)", timeout=COMES)
    expect(page.locator("[data-news=new]")).to_contain_text(
        "New since you loaded this page: 11", timeout=COMES
    )
    other = browser.new_context(base_url=room.url).new_page()
    sign_in(other, room, "Hiwa")
    other.goto(f"/desk/comments/{mine}")
    expect(page.locator("[data-news=also]")).to_contain_text("Hiwa", timeout=COMES)
    settled_keys(other)
    other.keyboard.press("a")
    expect(other.locator(".flash")).to_contain_text("You approved")
    other.context.close()
    expect(page.locator("[data-news=about]")).to_contain_text(
        "Hiwa\u2069 approved this comment", timeout=COMES
    )

    assert page.evaluate(PLACES) == before
    assert page.evaluate("scrollY") == seen
    note = "[document.activeElement.id, document.activeElement.selectionStart, document.activeElement.selectionEnd]"
    assert page.evaluate(note) == ["note", 3, 5]
    assert not Axe().run(page).response["violations"]
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert not Axe().run(page).response["violations"]
    page.set_viewport_size({"width": 1280, "height": 900})

    page.get_by_role("link", name="Show them in the list").click()
    expect(page.locator(".queue li")).to_have_count(11, timeout=COMES)
    expect(page.locator("[data-news=new]")).to_be_hidden()
    expect(page.locator("[data-news=about]")).to_contain_text(
        "Hiwa\u2069 approved this comment", timeout=COMES
    )
    assert page.locator("#note").input_value() == "A note, half wri"
    assert page.locator("#reject input[type=checkbox]").nth(1).is_checked()
    page.get_by_role("button", name="Reject", exact=True).click()
    expect(page.locator("h1")).to_have_text("Somebody was first")
    expect(page.locator("main")).to_contain_text("Hiwa approved this comment")
