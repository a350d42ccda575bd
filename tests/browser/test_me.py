"""A reader's own pages without JavaScript: in by a mailed link, looking, erasing, out again; in a real browser."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from meydan.comment import Submission, Verdict
from meydan.desk import Visitor
from meydan.locale import words
from meydan.passes import Seal
from tests.newsroom import ABUSIVE, COURTEOUS, newsroom

pytestmark = pytest.mark.browser

PHONE = {"width": 360, "height": 740}


def check(page: Page) -> None:
    """Axe finds nothing, and nothing overflows."""
    found = Axe().run(page)
    assert found.violations_count == 0, f"{page.url}\n{found.generate_report()}"
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


@pytest.mark.parametrize(("language", "theme"), [("en", "light"), ("ckb", "dark")])
def test_readers_see_and_erase_what_is_theirs(
    browser: Browser, tmp_path: Path, language: str, theme: str
) -> None:
    """If a reader comes in by a mailed link without JavaScript, then they see their comments, and erase one after they were asked."""
    said = words(language)
    mail = {"mail_server": "smtp://127.0.0.1:9", "mail_from": "comments@square.example", "secret": "s" * 40}
    with newsroom(tmp_path, **mail) as room:
        meydan = room.meydan
        reader = Seal(meydan._secret).verified("zara@square.example", "Zara")
        ids = []
        for text in (COURTEOUS, ABUSIVE, "سڵاو " * 40):
            submission = Submission(room.story, "", text, reader=reader)
            ids.append(meydan.desk.submit(submission, Visitor("a" * 32, (room.url,))).id)
        meydan.staff.add_moderator("Leyla")
        meydan.desk.review(ids[1], Verdict.REJECT, by="Leyla", rules=["personal-attacks"])

        contexts = [
            browser.new_context(
                base_url=room.url, viewport=PHONE, color_scheme=theme, java_script_enabled=scripted
            )
            for scripted in (False, True)
        ]
        plain, scripted = contexts
        try:
            page, seen = plain.new_page(), scripted.new_page()
            for one in (page, seen):
                one.set_default_timeout(10_000)
            page.goto(f"/me?lang={language}")
            page.get_by_role("textbox").fill("Zara@square.example")
            page.get_by_role("button", name=said["me_email_send"]).click()
            expect(page.locator("h1")).to_have_text(said["me_sent"])
            now = datetime.now(UTC)
            (job,) = meydan.store.outbox.lease(at=now, until=now + timedelta(hours=1), limit=9)
            # Axe is a script, so another browser looks at the pages for it.
            for path in (f"/me?lang={language}", job.body["link"]):
                seen.goto(path)
                check(seen)
            page.goto(job.body["link"])
            expect(page.locator("bdi")).to_have_text("zara@square.example")
            page.get_by_role("button", name=said["me_sign_in"]).click()
            expect(page.locator("article")).to_have_count(3)
            expect(page.locator("article", has_text=ABUSIVE)).to_contain_text(said["rejected"])
            scripted.add_cookies(plain.cookies())  # type: ignore[arg-type]
            for path in ("/me", f"/me/comments/{ids[0]}/erase", "/me/erase"):
                seen.goto(f"{path}?lang={language}")
                check(seen)
            page.locator("article", has_text=ABUSIVE).get_by_role("link", name=said["me_erase"]).click()
            page.get_by_role("button", name=said["me_erase_yes"]).click()
            expect(page.locator("h1")).to_have_text(said["me_erased"])
            page.get_by_role("link", name=said["me_back"]).click()
            expect(page.locator("article")).to_have_count(2)
            page.get_by_role("button", name=said["me_sign_out"], exact=True).click()
            expect(page.locator("h1")).to_have_text(said["me_signed_out"])
            page.goto(f"/me?lang={language}")
            expect(page.get_by_role("button")).to_have_text(said["me_email_send"])
        finally:
            for context in contexts:
                context.close()
