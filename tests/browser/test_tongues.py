"""Readers' languages in a real browser: lines of two directions read in order, and dates in the newsroom's calendar."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from playwright.sync_api import Browser, Page, expect

from meydan.locale import words
from tests.browser.test_reader import WIDTHS, embedded, show
from tests.newsroom import Newsroom, newsroom, without_examples

pytestmark = pytest.mark.browser

PLACES = """(element, found) => {
  const [node] = element.childNodes, begin = node.data.indexOf(found);
  return [...found].map((_, at) => {
    const range = document.createRange();
    range.setStart(node, begin + at);
    range.setEnd(node, begin + at + 1);
    const { left, right } = range.getBoundingClientRect();
    return (left + right) / 2;
  });
}"""
MIXED = "قال John Smith (BBC) كلاماً.\nHe said it.\nوهذا نصه."


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Newsroom]:
    shipped = (files("meydan.policy") / "default.toml").read_text(encoding="utf-8")
    kurdish = shipped.replace("[publication]\n", '[publication]\ncalendar = "kurdish"\n')
    guidelines = tmp_path / "guidelines.toml"
    guidelines.write_text(without_examples(kurdish), encoding="utf-8")
    with newsroom(tmp_path, guidelines=guidelines) as opened:
        yield opened


def places(page: Page, text: str) -> list[float]:
    """Where the letters of a stretch of the comment are, from the left, in the order in which they were typed."""
    found: list[float] = page.locator(".meydan-text").evaluate(PLACES, text)
    return found


@pytest.mark.parametrize("width", WIDTHS)
def test_a_line_of_two_directions_reads_in_order(browser: Browser, room: Newsroom, width: str) -> None:
    """If a comment mixes directions, then every paragraph runs its own way, and a foreign name in it runs the name's way."""
    show(room, room.story, MIXED, name="John Smith (BBC)!")
    page = browser.new_page(viewport=WIDTHS[width])
    for language in ("ckb", "en"):
        page.goto(f"{room.url}/comments?story={room.story}&lang={language}")
        name = places(page, "John Smith (BBC)")
        assert name == sorted(name), language
        arabic = places(page, "قال")
        assert arabic == sorted(arabic, reverse=True)
        # What comes first stands at the right of the name, and the full stop at the left of all; in English the other way.
        assert min(arabic) > max(name) > min(name) > max(places(page, "كلاما")) > places(page, ".")[0]
        assert places(page, "it.")[2] > max(places(page, "He said"))
        assert places(page, "نصه.")[3] < min(places(page, "نصه"))
        box = page.locator(".meydan-text").bounding_box()
        assert box is not None
        assert places(page, "He")[0] < box["x"] + 20
        assert max(places(page, "وهذا")) > box["x"] + box["width"] - 20
        shown = page.locator(".meydan-name").first
        assert shown.evaluate("e => getComputedStyle(e).direction") == "ltr"
        assert page.locator(".meydan-text").evaluate("e => e.textContent") == MIXED
        assert page.evaluate("document.documentElement.scrollWidth") == WIDTHS[width]["width"]
    page.close()


def test_a_day_is_told_in_the_newsroom_s_calendar(browser: Browser, room: Newsroom) -> None:
    """If the guidelines name a calendar, then the page and the component tell the day in it, the component where the reader is."""
    show(room, room.story, "A word.")
    said = words("ckb", calendar="kurdish")
    # Fourteen hours from UTC: for most of a day it is tomorrow there.
    context = browser.new_context(timezone_id="Pacific/Kiritimati")
    page = context.new_page()
    page.goto(f"{room.url}/comments?story={room.story}&lang=ckb")
    stamp = page.locator("time").get_attribute("datetime") or ""
    sent = datetime.fromisoformat(stamp)
    expect(page.locator("time")).to_have_text(said.date(sent))
    with embedded(room, room.story, lang="ckb", direction="rtl") as site:
        page.goto(site)
        there = sent + (datetime.now(ZoneInfo("Pacific/Kiritimati")).utcoffset() or timedelta())
        expect(page.locator("meydan-comments time")).to_have_text(said.date(there).replace(" UTC", ""))
        expect(page.locator("meydan-comments time")).to_have_attribute("datetime", stamp)
        page.locator("meydan-comments textarea").fill("سڵاو")
        expect(page.locator("meydan-comments .m-counter")).to_have_text("٤ لە ٥٠٠٠ پیت")
    context.close()
