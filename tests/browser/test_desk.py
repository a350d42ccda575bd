"""The desk in a real browser: signing in, reading, deciding by mouse and by key."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from meydan.comment import Status, Verdict
from tests.newsroom import ABUSIVE, UNMEASURED, Newsroom, newsroom

pytestmark = pytest.mark.browser

WIDTHS = {"phone": {"width": 360, "height": 740}, "desktop": {"width": 1280, "height": 900}}


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Newsroom]:
    with newsroom(tmp_path) as opened:
        yield opened


@pytest.fixture
def context(browser: Browser, room: Newsroom) -> Iterator[BrowserContext]:
    context = browser.new_context(base_url=room.url)
    context.set_default_timeout(10_000)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext, room: Newsroom) -> Page:
    """A page on which Leyla is signed in."""
    page = context.new_page()
    sign_in(page, room, "Leyla")
    return page


def sign_in(page: Page, room: Newsroom, moderator: str) -> None:
    page.goto(f"/desk/sign-in?link={room.link(moderator)}")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def settled_keys(page: Page) -> None:
    """Wait until the page takes keys: not in its first half second, so that a double press decides one comment."""
    expect(page.locator(".keys[data-settled]")).to_be_visible()


# -- signing in and out --------------------------------------------------------


def test_a_link_signs_in_once(context: BrowserContext, room: Newsroom) -> None:
    """If a link is opened and its button pressed, then the desk opens; a second time it does not."""
    link = f"/desk/sign-in?link={room.link('Leyla')}"
    page = context.new_page()
    page.goto(link)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("header")).to_contain_text("Signed in as Leyla")
    assert "link=" not in page.url
    page.context.clear_cookies()
    page.goto(link)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("h1")).to_have_text("This link does not work any more")


def test_signing_out_closes_the_desk(page: Page) -> None:
    """If a moderator signs out, then going back shows the door and no comment."""
    page.get_by_role("button", name="Sign out").click()
    expect(page.locator("h1")).to_have_text("You are signed out")
    page.goto("/desk")
    expect(page.locator("h1")).to_have_text("Sign in to the desk")


# -- deciding -------------------------------------------------------------------


def test_approving_by_mouse(page: Page, room: Newsroom) -> None:
    """If Approve is pressed, then readers see the comment and the desk shows that nothing is left."""
    room.send()
    page.goto("/desk")
    page.get_by_role("button", name="Approve").click()
    expect(page.locator(".flash")).to_contain_text("You approved the comment by Rojin")
    expect(page.locator("h1")).to_have_text("Nothing waits for you")
    assert room.shown() == [UNMEASURED]


def test_rejecting_by_mouse_with_a_rule(page: Page, room: Newsroom) -> None:
    """If a rule is ticked and Reject pressed, then the comment is rejected for that rule."""
    comment = room.send()
    title = room.meydan.desk.guidelines.rule("personal-attacks").title["en"]
    page.goto("/desk")
    page.get_by_role("checkbox", name=title).check()
    page.get_by_role("button", name="Reject").click()
    expect(page.locator(".flash")).to_contain_text("You rejected the comment by Rojin")
    settled = room.item(comment).decisions[-1]
    assert [reason.rule for reason in settled.decision.reasons] == ["personal-attacks"]
    assert room.shown() == []


def test_rejecting_without_a_rule_puts_the_eye_on_what_is_missing(page: Page, room: Newsroom) -> None:
    """If Reject is pressed without a rule, then the page says so where the focus is, and keeps the note."""
    comment = room.send()
    page.goto("/desk")
    page.get_by_label("Note to the author").fill("Please say it without the insult.")
    page.get_by_role("button", name="Reject").click()
    expect(page.get_by_role("alert")).to_be_focused()
    expect(page.get_by_label("Note to the author")).to_have_value("Please say it without the insult.")
    assert room.item(comment).comment.status is Status.HELD


def test_the_second_moderator_learns_of_the_first(page: Page, room: Newsroom) -> None:
    """If a colleague has decided while the page was open, then it tells who and what, and nothing is overruled."""
    comment = room.send()
    page.goto("/desk")
    room.meydan.desk.review(comment, Verdict.REJECT, rules=["promotion"], by="Hiwa", seen=0)
    page.get_by_role("button", name="Approve").click()
    expect(page.locator("h1")).to_have_text("Somebody was first")
    expect(page.locator("main")).to_contain_text("Hiwa rejected this comment")
    assert room.shown() == []


def test_a_form_of_an_earlier_session_is_refused(page: Page, room: Newsroom) -> None:
    """If the moderator has signed in anew meanwhile, then a form with the old token is refused and says so."""
    comment = room.send()
    page.goto("/desk")
    other = page.context.new_page()
    sign_in(other, room, "Leyla")
    page.get_by_role("button", name="Approve").click()
    expect(page.locator("main")).to_contain_text("Nothing was recorded")
    assert room.item(comment).comment.status is Status.HELD


def test_a_decision_can_be_made_again(page: Page, room: Newsroom) -> None:
    """If a decision is looked up among the recent ones and decided again, then the later one stands."""
    comment = room.send()
    room.meydan.desk.review(comment, Verdict.REJECT, rules=["promotion"], by="Hiwa")
    page.goto("/desk/decided")
    page.get_by_role("link", name="decide again").click()
    page.get_by_role("button", name="Approve").click()
    expect(page.locator(".flash")).to_contain_text("You approved")
    assert [settled.decision.by for settled in room.item(comment).decisions] == ["Hiwa", "Leyla"]
    assert room.shown() == [UNMEASURED]


# -- by keyboard ----------------------------------------------------------------


def test_the_keys_do_what_the_foot_says(page: Page, room: Newsroom) -> None:
    """If j, k, a and r are pressed, then the desk goes on, goes back, approves, and goes to the rules."""
    for number in range(3):
        room.send(f"{UNMEASURED} {number}", name=f"Reader {number}")
    page.goto("/desk")
    expect(page.locator("h1")).to_have_text("Reader 0")
    page.keyboard.press("j")
    expect(page.locator("h1")).to_have_text("Reader 1")
    page.keyboard.press("k")
    expect(page.locator("h1")).to_have_text("Reader 0")
    page.keyboard.press("r")
    expect(page.locator("#reject input[type=checkbox]").first).to_be_focused()
    settled_keys(page)
    page.keyboard.press("Escape")
    page.keyboard.press("a")
    expect(page.locator("h1")).to_have_text("Reader 1")
    assert room.shown() == [f"{UNMEASURED} 0"]


def test_a_double_press_decides_one_comment(page: Page, room: Newsroom) -> None:
    """If a is pressed twice in a hurry, then the comment that comes next is not decided unread."""
    for number in range(2):
        room.send(f"{UNMEASURED} {number}", name=f"Reader {number}")
    page.goto("/desk")
    settled_keys(page)
    page.keyboard.press("a")
    expect(page.locator("h1")).to_have_text("Reader 1")
    page.keyboard.press("a")
    assert len(room.shown()) == 1


def test_keys_leave_typing_alone_and_can_be_switched_off(page: Page, room: Newsroom) -> None:
    """If a note is typed, or the keys are switched off, then letters decide nothing."""
    comment = room.send()
    page.goto("/desk")
    settled_keys(page)
    page.get_by_label("Note to the author").press_sequentially("a j k r a")
    page.get_by_label("Use these keys").uncheck()
    page.reload()
    expect(page.get_by_label("Use these keys")).not_to_be_checked()
    settled_keys(page)
    page.locator("body").press("a")
    expect(page.get_by_role("button", name="Approve")).to_be_visible()
    assert room.item(comment).comment.status is Status.HELD


def test_the_desk_works_without_javascript(browser: Browser, room: Newsroom) -> None:
    """If a browser runs no JavaScript, then a moderator can sign in, reject with a rule, and sign out."""
    comment = room.send()
    context = browser.new_context(base_url=room.url, java_script_enabled=False)
    try:
        page = context.new_page()
        sign_in(page, room, "Leyla")
        assert page.locator(".keys").is_hidden()
        page.locator("input[name=rules][value=promotion]").check()
        page.get_by_role("button", name="Reject").click()
        expect(page.locator(".flash")).to_contain_text("You rejected")
        assert room.item(comment).comment.status is Status.REJECTED
        page.get_by_role("button", name="Sign out").click()
        expect(page.locator("h1")).to_have_text("You are signed out")
    finally:
        context.close()


# -- how it looks -----------------------------------------------------------------


def test_evidence_stands_at_the_height_of_its_words(page: Page, room: Newsroom) -> None:
    """If the window is wide, then a note in the margin is no higher than the words it concerns."""
    comment = room.hand_over("A long and patient beginning. " * 20 + ABUSIVE)
    page.set_viewport_size({"width": 1400, "height": 900})
    page.goto(f"/desk/comments/{comment}")
    mark = page.locator("#words mark").first.bounding_box()
    note = page.locator(".notes li").first.bounding_box()
    assert mark is not None
    assert note is not None
    assert -4 <= note["y"] - mark["y"] < 60
    assert note["x"] > mark["x"] + mark["width"]


def test_everything_to_press_is_large_enough_for_a_thumb(page: Page, room: Newsroom) -> None:
    """If the desk is used on a phone, then buttons, choices and ways on are at least 44 pixels high."""
    room.send()
    room.hand_over(ABUSIVE)
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto("/desk")
    for target in page.locator("main button, header button, nav a, fieldset label, summary, .queue a").all():
        box = target.bounding_box()
        if box is not None:
            assert box["height"] >= 44, target.inner_text()


@pytest.mark.parametrize(("width", "theme"), [("phone", "light"), ("desktop", "dark")])
def test_axe_finds_nothing(browser: Browser, room: Newsroom, width: str, theme: str) -> None:
    """If any page of the desk is opened, small or large, light or dark, then axe finds no violation and nothing overflows."""
    held = room.send()
    english = room.hand_over(ABUSIVE)
    decided = room.send(UNMEASURED + " 2")
    room.meydan.desk.review(decided, Verdict.REJECT, rules=["promotion"], note="یەک وشە", by="Hiwa")
    context = browser.new_context(base_url=room.url, viewport=WIDTHS[width], color_scheme=theme)
    try:
        page = context.new_page()
        check(page, "/desk/sign-in")
        check(page, f"/desk/sign-in?link={room.link('Leyla')}")
        sign_in(page, room, "Leyla")
        for path in (
            "/desk",
            f"/desk/comments/{held}",
            f"/desk/comments/{english}",
            f"/desk/comments/{decided}",
        ):
            check(page, path)
        check(page, "/desk/decided")
        check(page, "/desk/comments/nosuchcomment")
        page.goto(f"/desk/comments/{english}")
        page.get_by_role("button", name="Reject").click()
        check(page)
        page.goto(f"/desk/comments/{held}")
        room.meydan.desk.review(held, Verdict.REJECT, rules=["promotion"], by="Hiwa")
        page.get_by_role("button", name="Approve").click()
        check(page)
        room.meydan.desk.review(english, Verdict.REJECT, rules=["promotion"], by="Hiwa")
        check(page, "/desk")
    finally:
        context.close()


def check(page: Page, path: str | None = None) -> None:
    if path is not None:
        page.goto(path)
    found = Axe().run(page)
    assert found.violations_count == 0, f"{page.url}\n{found.generate_report()}"
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), (
        page.url
    )
