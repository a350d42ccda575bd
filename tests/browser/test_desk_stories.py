"""An editor at the desk's stories, in a real browser; and a comment chosen by its key."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.newsroom import COURTEOUS, newsroom

pytestmark = pytest.mark.browser


def check(page: Page) -> None:
    """Axe finds nothing, and nothing overflows."""
    found = Axe().run(page)
    assert found.violations_count == 0, f"{page.url}\n{found.generate_report()}"
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


@pytest.mark.parametrize(
    ("language", "width", "theme"), [("en", 1440, "light"), ("ckb", 360, "dark")], ids=["wide", "phone"]
)
def test_an_editor_asks_closes_answers_and_chooses(
    browser: Browser, tmp_path: Path, language: str, width: int, theme: str
) -> None:
    """If an editor sets up a story, answers and presses p, then readers see it all, and every page can be used by everybody."""
    with newsroom(tmp_path, time_zone="Asia/Baghdad") as room:
        room.meydan.staff.add_moderator("Leyla", role="editor")
        asked = room.send(COURTEOUS)
        context = browser.new_context(
            base_url=room.url,
            viewport={"width": width, "height": 800},
            color_scheme=theme,
            locale=language,
        )
        context.set_default_timeout(20_000)
        page = context.new_page()
        page.goto(f"/desk/sign-in?link={room.link('Leyla')}")
        page.locator("main button[type=submit]").first.click()
        page.goto("/desk/stories")
        check(page)
        page.locator("ol.decided a[href*='/change']").first.click()
        page.locator("#question").fill("What would you have built? ؟")
        page.locator("#closes_at").fill("2099-03-01T09:30")
        page.locator("main form button").click()
        expect(page.locator(".flash")).to_be_visible()
        expect(page.locator("#closes_at")).to_have_value("2099-03-01T09:30")
        expect(page.locator("#closes_at-utc")).to_contain_text("06:30 UTC")
        check(page)
        page.goto(f"/desk/comments/{asked}")
        page.wait_for_selector(".keys[data-settled]", state="attached")
        if width > 1000:
            page.keyboard.press("p")
        else:
            page.locator("#pick button").click()
        expect(page.locator("#pick button[value='0']")).to_be_visible()
        page.locator("details:has(#answer) summary").click()
        check(page)
        page.locator("#answer").fill("The dam is from 1974.")
        page.locator("form:has(#answer) button").click()
        expect(page.locator("#words")).to_contain_text("1974")
        page.goto(f"/comments?story={room.story}&lang={language}")
        expect(page.locator("p.m-question")).to_contain_text("What would you")
        expect(page.locator("p.m-pick")).to_have_count(1)
        expect(page.locator(".m-badge")).to_have_count(1)
        check(page)
        page.locator(".m-picks a").click()
        expect(page.locator("article")).to_have_count(1)
        context.close()
