"""A reader reports a comment without JavaScript, and a moderator rejects it: in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.newsroom import COURTEOUS, newsroom

pytestmark = pytest.mark.browser

PHONE = {"width": 360, "height": 740}


def check(page: Page) -> None:
    """Axe finds nothing, and nothing overflows."""
    found = Axe().run(page)
    assert found.violations_count == 0, f"{page.url}\n{found.generate_report()}"
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


@pytest.mark.parametrize(
    ("language", "theme", "report", "received"),
    [("en", "light", "Report", "We have your report."), ("ckb", "dark", "سکاڵا بکە", "سکاڵاکەت گەیشت.")],
)
def test_a_reader_reports_and_a_moderator_rejects(
    browser: Browser, tmp_path: Path, language: str, theme: str, report: str, received: str
) -> None:
    """If a reader reports a comment without JavaScript, then it stays until a moderator has seen the report and rejected it."""
    with newsroom(tmp_path) as room:
        comment = room.send(COURTEOUS)
        thread = f"/comments?story={room.story}&lang={language}"
        rule = room.meydan.desk.guidelines.rule("promotion").title
        seen = browser.new_context(base_url=room.url, viewport=PHONE, color_scheme=theme)
        plain = browser.new_context(
            base_url=room.url, viewport=PHONE, color_scheme=theme, java_script_enabled=False
        )
        try:
            reader, moderator = plain.new_page(), seen.new_page()
            for page in (reader, moderator):
                page.set_default_timeout(10_000)
            reader.goto(thread)
            reader.get_by_role("link", name=report).click()
            reader.locator("textarea").fill("He sells these himself.")
            reader.get_by_role("radio", name=rule[language]).check()
            reader.get_by_role("button").click()
            expect(reader.locator("h1")).to_have_text(received)
            reader.goto(thread)
            expect(reader.locator(f"#meydan-{comment}")).to_contain_text(COURTEOUS)

            # Axe is a script, so another browser looks at the reader's pages for it.
            for path in (thread, f"/comments/{comment}/report?lang={language}"):
                moderator.goto(path)
                check(moderator)
            moderator.goto(f"/desk/sign-in?link={room.link('Leyla')}")
            moderator.get_by_role("button", name="Sign in").click()
            moderator.goto("/desk")
            expect(moderator.locator(".reports")).to_contain_text(f"{rule['en']}: 1")
            expect(moderator.locator(".reports")).to_contain_text("He sells these himself.")
            check(moderator)
            moderator.get_by_role("checkbox", name=rule["en"]).check()
            moderator.get_by_role("button", name="Reject").click()
            expect(moderator.locator("h1")).to_have_text("Nothing waits for you")

            # Decided at this server's door, so the thread knows at once.
            reader.goto(thread)
            expect(reader.locator(f"#meydan-{comment}")).to_have_count(0)
        finally:
            seen.close()
            plain.close()
