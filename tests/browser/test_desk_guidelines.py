"""An editor changes the guidelines in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from meydan.comment import Status
from meydan.policy import load
from tests.newsroom import ABUSIVE, COURTEOUS, Newsroom, newsroom, without_examples

pytestmark = pytest.mark.browser


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Newsroom]:
    file = tmp_path / "guidelines.toml"
    file.write_text(without_examples(load().source.decode()))
    with newsroom(tmp_path / "data", guidelines=file) as opened:
        opened.meydan.staff.add_moderator("Leyla", role="editor")
        yield opened


@pytest.fixture
def page(browser: Browser, room: Newsroom) -> Iterator[Page]:
    context = browser.new_context(
        base_url=room.url,
        viewport={"width": 360, "height": 740},
        color_scheme="dark",
        java_script_enabled=True,
    )
    context.set_default_timeout(20_000)
    page = context.new_page()
    page.goto(f"/desk/sign-in?link={room.link('Leyla')}")
    page.get_by_role("button", name="Sign in").click()
    yield page
    context.close()


def check_usable(page: Page, tmp_path: Path) -> None:
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_an_editor_changes_a_threshold(page: Page, room: Newsroom, tmp_path: Path) -> None:
    """If an editor mends what the checker finds, sees what would change and lets it take effect, then the next comment is decided by it."""
    assert room.item(room.send(ABUSIVE)).comment.status is Status.REJECTED
    page.get_by_role("link", name="Guidelines", exact=True).click()
    check_usable(page, tmp_path)
    page.get_by_role("link", name="Change them").click()
    editor = page.get_by_label("The guidelines, as a file")
    source = editor.input_value()
    editor.fill(source.replace("\nreject_from", "\nreject_form", 1))
    page.get_by_role("button", name="Check", exact=True).click()
    expect(page.locator("#found").locator("..")).to_contain_text("It has faults")
    expect(page.get_by_role("button", name="Take it into effect")).to_have_count(0)
    page.get_by_role("link", name=re.compile("^Line")).last.click()
    expect(page.locator("li.faulty:target")).to_contain_text("Did you mean “reject_from”?")
    check_usable(page, tmp_path)
    changed = re.sub(r"\nreject_from = \S+", "\nreject_from = 1.0", source)
    page.get_by_label("The guidelines, as a file").fill(changed)
    page.get_by_label("Note: why").fill("Too many good comments were rejected.")
    page.get_by_role("button", name="Check", exact=True).click()
    tried = page.locator("section[aria-labelledby=backtest]")
    expect(tried).to_contain_text("Would be decided otherwise: 1")
    expect(tried).to_contain_text("held: No attacks on people")
    expect(page.locator("li.added").first).to_contain_text("reject_from = 1.0")
    check_usable(page, tmp_path)
    page.get_by_role("button", name="Take it into effect").click()
    expect(page.get_by_role("status")).to_contain_text("Your version is in force")
    expect(page.locator("main")).to_contain_text("Too many good comments were rejected.")
    assert room.item(room.send(ABUSIVE.replace("complete", "total"))).comment.status is Status.HELD
    approved = room.item(room.send(COURTEOUS)).decisions[0]
    assert approved.decision.guidelines == room.meydan.desk.guidelines.digest
    page.goto(f"/desk/guidelines/{approved.decision.guidelines.removeprefix('sha256:')}")
    expect(page.locator("main")).to_contain_text("Decisions that were made by it: 1")
    check_usable(page, tmp_path)
