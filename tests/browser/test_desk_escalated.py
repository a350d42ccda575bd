"""An escalated comment in a real browser: from the decision to the end of its hold."""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from meydan.comment import Verdict
from tests.browser.test_desk import sign_in
from tests.newsroom import ABUSIVE, COURTEOUS, Newsroom, newsroom

pytestmark = pytest.mark.browser

WORDS = "دەزانم ماڵت لە کوێیە، دەتکوژم."


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Newsroom]:
    with newsroom(tmp_path) as opened:
        for name in ("Zîn", "Mem"):
            opened.meydan.staff.add_moderator(name, role="editor")
        yield opened


def test_from_escalating_to_the_end_of_the_hold(browser: Browser, room: Newsroom, tmp_path: Path) -> None:
    """If a comment is escalated, then who was told is entered, its words uncovered, its file taken, and another editor ends it."""
    comment = room.hand_over(WORDS, name="Bengîn")
    context = browser.new_context(
        base_url=room.url, viewport={"width": 360, "height": 740}, color_scheme="dark"
    )
    context.set_default_timeout(15_000)
    page = context.new_page()

    def look(page: Page, name: str) -> None:
        page.screenshot(path=str(tmp_path / f"{name}.png"), full_page=True)
        assert not Axe().run(page).response["violations"], name
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name

    sign_in(page, room, "Zîn")
    page.goto(f"/desk/comments/{comment}")
    page.get_by_text("Escalate: unlawful").click()
    page.get_by_label("A threat to somebody’s life").check()
    page.get_by_role("button", name="Escalate").click()
    page.get_by_role("link", name="Open its case").click()
    expect(page.locator("main")).not_to_contain_text(WORDS)
    expect(page.locator("main")).to_contain_text("You escalated it, so another person has to end the hold.")
    page.get_by_text("Add who was told").click()
    page.get_by_label("Which office or person").fill("پۆلیسی هەولێر")
    page.get_by_label("When they were told (UTC)").fill("2026-01-02T10:30")
    page.get_by_label("The number that they gave").fill("K 7/26")
    page.get_by_role("button", name="Put it on the record").click()
    expect(page.get_by_role("status")).to_have_text("It is on the record.")
    expect(page.locator(".record").first).to_contain_text("2 January 2026, 10:30 UTC")
    look(page, "case")
    page.goto("/desk/escalated")
    look(page, "escalated")
    page.get_by_role("button", name="Sign out").click()

    sign_in(page, room, "Mem")
    page.goto("/desk/escalated")
    page.get_by_role("link", name="A threat to somebody’s life").click()
    page.get_by_role("button", name="Show the words").click()
    expect(page.locator("#words .meydan-text")).to_have_text(WORDS)
    look(page, "uncovered")
    with page.expect_download() as download:
        page.get_by_role("button", name="Take the file").click()
    taken = tmp_path / "taken.zip"
    download.value.save_as(taken)
    assert download.value.suggested_filename.startswith(f"case-{comment}-")
    (entry,) = room.meydan.staff.journal(subject=comment, action="escalated-exported")
    assert entry.detail["sha256"] == hashlib.sha256(taken.read_bytes()).hexdigest()
    with zipfile.ZipFile(taken) as archive:
        assert archive.read("comment.txt").decode() == WORDS
        offline = context.new_page()
        offline.set_content(archive.read("case.html").decode())
        expect(offline.locator(".meydan-text").first).to_have_text(WORDS)
        look(offline, "file")
        offline.close()
    page.get_by_label("Why the hold ends").fill("The police have it.")
    page.get_by_role("button", name="End the hold").click()
    expect(page.get_by_role("status")).to_contain_text("The legal hold has ended.")
    page.get_by_role("link", name="Open it as any other comment").click()
    expect(page).to_have_url(re.compile(f"/desk/comments/{comment}"))
    expect(page.locator("#words")).to_contain_text(WORDS)
    context.close()


def test_scores_are_drawn_against_what_people_found(browser: Browser, room: Newsroom, tmp_path: Path) -> None:
    """If people have decided enough of what was scored, then the page of audits draws it, with its table, for everybody."""
    for number in range(30):
        comment = room.hand_over(f"{ABUSIVE if number % 2 else COURTEOUS} {number}")
        verdict, rules = (Verdict.REJECT, ["personal-attacks"]) if number % 2 else (Verdict.APPROVE, [])
        room.meydan.desk.review(comment, verdict, by="Mem", rules=rules)
    for scheme, width in (("light", 360), ("dark", 1280)):
        context = browser.new_context(
            base_url=room.url,
            viewport={"width": width, "height": 740},
            color_scheme=scheme,  # type: ignore[arg-type]
        )
        page = context.new_page()
        sign_in(page, room, "Zîn")
        page.goto("/desk/audits")
        scores = page.locator("section", has=page.get_by_role("heading", name="Scores and what people found"))
        expect(scores.locator("svg circle").first).to_be_visible()
        scores.get_by_text("As a table").first.click()
        expect(scores.locator("table").first).to_contain_text("0.9 to 1.0")
        page.screenshot(path=str(tmp_path / f"audits-{scheme}.png"), full_page=True)
        assert not Axe().run(page).response["violations"]
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        context.close()
