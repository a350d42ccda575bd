"""The desk by keyboard alone, in a real browser: fifty comments, going back, two people at once, finding, blocking."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from meydan.comment import Status, Verdict
from tests.browser.test_desk import settled_keys, sign_in
from tests.newsroom import COURTEOUS, UNMEASURED, Newsroom, newsroom

pytestmark = pytest.mark.browser

WIDTHS = {"phone": {"width": 360, "height": 740}, "desktop": {"width": 1440, "height": 900}}


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


def before_me(page: Page) -> str:
    """The id of the comment that the page is about."""
    return page.locator("#approve").get_attribute("action").rpartition("/")[2]  # type: ignore[union-attr]


def test_fifty_comments_are_cleared_by_key(page: Page, room: Newsroom) -> None:
    """If a moderator uses keys alone, then fifty waiting comments are decided, each once and as was pressed."""
    sent = {room.hand_over(f"{COURTEOUS} {n}", name=f"Reader {n}") for n in range(50)}
    wanted = {}
    # Fifty times half a second: the page's clock is moved on, except where this test looks that keys are not taken at once.
    page.clock.install()
    page.goto("/desk")
    for number in range(50):
        page.wait_for_load_state()
        page.clock.fast_forward(500)
        settled_keys(page)
        comment = before_me(page)
        if number % 3:
            wanted[comment] = Status.APPROVED
            page.keyboard.press("a")
        else:
            wanted[comment] = Status.REJECTED
            page.keyboard.press("r")
            page.keyboard.press("3")
            page.keyboard.press("Enter")
        expect(page.locator(".flash")).to_contain_text("You approved" if number % 3 else "You rejected")
        page.wait_for_function("id => !document.querySelector(`#approve[action$='${id}']`)", arg=comment)
    expect(page.locator("h1")).to_have_text("Nothing waits for you")
    assert set(wanted) == sent
    for comment, status in wanted.items():
        item = room.item(comment)
        assert item.comment.status is status
        assert len(item.decisions) == 1
        assert item.decisions[0].decision.by == "Leyla"
        if status is Status.REJECTED:
            assert len(item.decisions[0].decision.reasons) == 1


def test_going_back_to_what_was_decided_last(page: Page, room: Newsroom) -> None:
    """If u is pressed, then the comment decided last is there again, and another decision supersedes the first."""
    room.hand_over(COURTEOUS, name="First")
    room.hand_over(f"{COURTEOUS} 2", name="Second")
    page.goto("/desk")
    settled_keys(page)
    comment = before_me(page)
    page.keyboard.press("a")
    expect(page.locator(".flash")).to_be_visible()
    settled_keys(page)
    page.keyboard.press("u")
    page.wait_for_url(f"**/desk/comments/{comment}")
    expect(page.locator("#verdict")).to_have_text("Decide again")
    settled_keys(page)
    page.keyboard.press("r")
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    expect(page.locator(".flash")).to_contain_text("You rejected")
    verdicts = [settled.decision.verdict for settled in room.item(comment).decisions]
    assert verdicts == [Verdict.APPROVE, Verdict.REJECT]


def test_a_note_is_written_and_left_by_key(page: Page, room: Newsroom) -> None:
    """If n is pressed, then one writes to the author, letters are letters there, and Esc gives the keys back."""
    comment = room.hand_over(COURTEOUS)
    page.goto("/desk")
    settled_keys(page)
    page.keyboard.press("n")
    page.keyboard.type("an ajar jar, rather")
    page.keyboard.press("Escape")
    page.keyboard.press("r")
    page.keyboard.press("2")
    page.keyboard.press("Enter")
    expect(page.locator(".flash")).to_be_visible()
    assert room.item(comment).decisions[0].note == "an ajar jar, rather"


def test_all_keys_are_told(page: Page, room: Newsroom) -> None:
    """If ? is pressed, then every key is explained, and none of them decides anything meanwhile."""
    comment = room.hand_over(COURTEOUS)
    page.goto("/desk")
    settled_keys(page)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("a")
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert room.item(comment).comment.status is Status.HELD


def test_two_people_get_different_comments(
    context: BrowserContext, browser: Browser, page: Page, room: Newsroom
) -> None:
    """If two open the desk, then each has another comment, and when both decide one, the second learns of the first."""
    for n in range(3):
        room.hand_over(f"{COURTEOUS} {n}", name=f"Reader {n}")
    page.goto("/desk")
    mine = before_me(page)
    other = browser.new_context(base_url=room.url).new_page()
    sign_in(other, room, "Hiwa")
    other.goto("/desk")
    assert before_me(other) != mine
    expect(other.locator(".queue")).to_contain_text("Looked at by Leyla")
    other.goto(f"/desk/comments/{mine}")
    expect(other.locator(".looking")).to_contain_text("Leyla")
    settled_keys(other)
    other.keyboard.press("a")
    expect(other.locator(".flash")).to_contain_text("You approved")
    settled_keys(page)
    page.keyboard.press("r")
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Somebody was first")
    expect(page.locator("main")).to_contain_text("Hiwa approved this comment")
    assert room.item(mine).comment.status is Status.APPROVED
    other.context.close()


def test_several_are_found_and_decided(page: Page, room: Newsroom) -> None:
    """If several comments are found and chosen, then a second page says what will happen, and then it does."""
    spam = [room.hand_over(f"Buy my watches, offer {n}, cheap.", name="Seller") for n in range(3)]
    kept = room.hand_over("The watches of the night are long.", name="Reader")
    page.goto("/desk/find")
    page.get_by_label("Words in it").fill("watches")
    page.get_by_role("button", name="Find").click()
    expect(page.locator(".found li")).to_have_count(4)
    for box in page.locator(".found li", has_text="Seller").locator("input").all():
        box.check()
    page.get_by_role("checkbox", name=room.meydan.desk.guidelines.rule("promotion").title["en"]).check()
    page.get_by_role("button", name="Reject them").click()
    expect(page.locator("h1")).to_have_text("Comments that will be rejected: 3")
    page.get_by_role("button", name="Reject all of them").click()
    expect(page.locator("h1")).to_have_text("Comments that were rejected: 3")
    assert {room.item(one).comment.status for one in spam} == {Status.REJECTED}
    assert room.item(kept).comment.status is Status.HELD


def test_an_author_is_blocked_and_taken_again(page: Page, room: Newsroom) -> None:
    """If an author is blocked at the desk, then the page says so to everybody there, and the block can be lifted."""
    comment = room.hand_over(COURTEOUS)
    page.goto(f"/desk/comments/{comment}")
    page.locator("summary", has_text="Block this author").click()
    page.get_by_label("The reason, as they are told it").fill("تهديدات <متكررة>")
    page.get_by_role("button", name="Block", exact=True).click()
    expect(page.locator(".beside")).to_contain_text("Blocked by Leyla")
    expect(page.locator(".beside")).to_contain_text("تهديدات <متكررة>")
    page.get_by_role("button", name="Lift the block").click()
    expect(page.locator(".beside")).not_to_contain_text("Blocked by")


@pytest.mark.parametrize(("width", "scheme"), [("phone", "light"), ("desktop", "dark")])
def test_every_page_can_be_used_by_everybody(
    browser: Browser, room: Newsroom, width: str, scheme: str, tmp_path: Path
) -> None:
    """If the queue, the room, the finding or the second look is open, then axe finds nothing and nothing overflows."""
    for n in range(3):
        room.hand_over("هذا التقرير مفيد جدا، شكرا لكم على العمل." if n else COURTEOUS, name=f"القارئ {n}")
    room.send(UNMEASURED)
    context = browser.new_context(
        base_url=room.url,
        viewport=WIDTHS[width],  # type: ignore[arg-type]
        color_scheme=scheme,  # type: ignore[arg-type]
    )
    page = context.new_page()
    sign_in(page, room, "Leyla")

    def look(name: str) -> None:
        page.screenshot(path=str(tmp_path / f"{name}-{width}-{scheme}.png"), full_page=True)
        assert not Axe().run(page).response["violations"], name
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name

    page.goto("/desk")
    page.locator("summary", has_text="Block this author").click()
    look("room")
    page.keyboard.press("r")
    look("choosing")
    page.goto("/desk?why=story-setting&order=newest")
    look("narrowed")
    page.goto("/desk/find")
    look("find")
    page.locator(".found input").first.check()
    page.get_by_role("button", name="Approve them").click()
    look("several")
    page.get_by_role("button", name="Approve it").click()
    look("done")
    page.goto("/desk/figures")
    page.locator("summary").first.click()
    look("figures")
    page.goto("/desk/second-looks")
    look("second-looks")
    context.close()
