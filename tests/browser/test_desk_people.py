"""Coming in at the desk in a real browser, one's own account, and the pages of editors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pyotp
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.newsroom import Newsroom, newsroom
from tests.web.test_desk_issuer import CLIENT, run_server_in_thread

pytestmark = pytest.mark.browser

PASSWORD = "three words and a river"
WIDTHS = {"phone": {"width": 360, "height": 740}, "desktop": {"width": 1440, "height": 900}}


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    with run_server_in_thread(require_nonce=True) as server:
        yield f"http://localhost:{server.server_port}"


@pytest.fixture
def room(provider: str, tmp_path: Path) -> Iterator[Newsroom]:
    with newsroom(tmp_path, issuer=provider, **CLIENT) as opened:
        opened.meydan.staff.add_moderator("Leyla", role="editor", email="leyla@square.example")
        opened.meydan.staff.set_password("Leyla", PASSWORD, by="operator")
        yield opened


@pytest.fixture
def context(browser: Browser, room: Newsroom) -> Iterator[BrowserContext]:
    context = browser.new_context(base_url=room.url)
    context.set_default_timeout(10_000)
    yield context
    context.close()


def by_password(page: Page) -> None:
    page.goto("/desk/sign-in")
    page.get_by_label("Your name at this desk").fill("Leyla")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()


def test_one_time_codes_are_set_up_and_asked_for(context: BrowserContext) -> None:
    """If somebody reads the square with an app and enters its code, then signing in asks for one from then on."""
    page = context.new_page()
    by_password(page)
    page.get_by_role("link", name="Signed in as Leyla").click()
    page.get_by_role("button", name="Set them up").click()
    expect(page.locator("svg.square")).to_be_visible()
    secret = page.locator("code").inner_text().replace(" ", "")
    page.get_by_label("Code of six digits").fill(pyotp.TOTP(secret).now())
    page.get_by_role("button", name="Turn codes on").click()
    expect(page.get_by_role("heading", name="One-time codes are on")).to_be_visible()
    codes = page.locator("ul.codes li").all_inner_texts()
    assert len(codes) == 10
    page.get_by_role("button", name="Sign out").click()
    by_password(page)
    expect(page.locator("h1")).to_have_text("One more step")
    page.get_by_label("Code of six digits").fill("12345")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_contain_text("not right")
    page.get_by_label("Code of six digits").fill(codes[0])
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def test_the_newsrooms_account_signs_in(context: BrowserContext, provider: str) -> None:
    """If somebody chooses the newsroom's own account and signs in there, then they are at the page they wanted."""
    claims = {"email": "leyla@square.example", "email_verified": True}
    httpx.put(f"{provider}/users/leyla", json=claims).raise_for_status()
    page = context.new_page()
    page.goto("/desk/journal")
    page.get_by_role("link", name="Sign in with your newsroom’s account").click()
    expect(page).to_have_url(re.compile(re.escape(provider)))
    page.locator("input[name=sub]").first.fill("leyla")
    page.get_by_role("button", name=re.compile("authorize|sign in|log ?in", re.IGNORECASE)).first.click()
    expect(page.locator("h1")).to_have_text("Journal")
    expect(page.locator("main")).to_contain_text("how: issuer")


def test_what_was_typed_survives_the_sessions_end(context: BrowserContext, room: Newsroom) -> None:
    """If the session ends while a note is written, then after signing in the note and the rule are there again."""
    comment = room.send()
    page = context.new_page()
    by_password(page)
    page.goto(f"/desk/comments/{comment}")
    title = room.meydan.desk.guidelines.rule("personal-attacks").title["en"]
    page.get_by_role("checkbox", name=title).check()
    page.get_by_label("Note to the author").fill("تکایە بەبێ جنێو بینووسە")
    for cookie in context.cookies():
        room.meydan.staff.sign_out(cookie["value"])
    page.get_by_role("button", name="Reject").click()
    expect(page.locator("main")).to_contain_text("Your session has ended")
    page.get_by_label("Your name at this desk").fill("Leyla")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_label("Note to the author")).to_have_value("تکایە بەبێ جنێو بینووسە")
    expect(page.get_by_role("checkbox", name=title)).to_be_checked()
    assert not room.item(comment).decisions
    page.get_by_role("button", name="Reject").click()
    expect(page.locator(".flash")).to_contain_text("You rejected the comment by Rojin")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", WIDTHS)
def test_every_page_can_be_used_by_everybody(
    browser: Browser, room: Newsroom, width: str, scheme: str, tmp_path: Path
) -> None:
    """If a page of the door, the account, the people or the journal is open, then axe finds nothing and nothing overflows."""
    room.meydan.staff.add_moderator("Zîn Bedirxan", languages=["ckb", "ar"])
    room.meydan.staff.add_moderator("حيدر", role="auditor")
    context = browser.new_context(
        base_url=room.url,
        viewport=WIDTHS[width],  # type: ignore[arg-type]
        color_scheme=scheme,  # type: ignore[arg-type]
    )
    page = context.new_page()

    def look(name: str) -> None:
        page.screenshot(path=str(tmp_path / f"{name}-{width}-{scheme}.png"), full_page=True)
        assert not Axe().run(page).response["violations"], name
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name

    page.goto("/desk/sign-in")
    look("door")
    by_password(page)
    page.goto("/desk/account")
    page.get_by_role("button", name="Set them up").click()
    look("account")
    page.goto("/desk/people")
    page.locator("summary").nth(1).click()
    look("people")
    page.goto("/desk/journal")
    look("journal")
    context.close()
