"""Second opinions in a real browser: an author appeals and somebody else decides; what the machine decided is decided blind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from meydan.comment import Status, Verdict
from meydan.policy import load
from tests.browser.test_desk import settled_keys, sign_in
from tests.newsroom import ABUSIVE, COURTEOUS, UNMEASURED, Newsroom, newsroom

pytestmark = pytest.mark.browser


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Newsroom]:
    """A newsroom that audits all that its machine decides."""
    guidelines = tmp_path / "guidelines.toml"
    guidelines.write_bytes(load().source.replace(b"audit = 0.02", b"audit = 1.0"))
    with newsroom(tmp_path / "data", guidelines=guidelines) as opened:
        yield opened


@pytest.fixture
def people(browser: Browser, room: Newsroom) -> Iterator[dict[str, BrowserContext]]:
    """A browser for each of three: a reader, and two who decide."""
    contexts = {name: browser.new_context(base_url=room.url) for name in ("reader", "Leyla", "Hiwa")}
    for context in contexts.values():
        context.set_default_timeout(10_000)
    yield contexts
    for context in contexts.values():
        context.close()


def at_the_desk(people: dict[str, BrowserContext], room: Newsroom, name: str) -> Page:
    page = people[name].new_page()
    sign_in(page, room, name)
    return page


def reject_by_key(page: Page, rule: str) -> None:
    settled_keys(page)
    page.keyboard.press("r")
    page.keyboard.press(rule)
    page.keyboard.press("Enter")


def test_an_appeal_is_decided_by_somebody_else(people: dict[str, BrowserContext], room: Newsroom) -> None:
    """If an author appeals, then whoever decided is refused, another person decides, and the author's page says how."""
    room.meydan.desk.register_story(room.story, title="A story", own=(room.url,))
    reader = people["reader"].new_page()
    reader.goto(f"/comments?story={room.story}&lang=en")
    reader.locator("#meydan-name").fill("Rojin")
    reader.locator("#meydan-text").fill(UNMEASURED)
    reader.get_by_role("button", name="Post a comment").click()
    reader.get_by_role("link", name="See how your comment stands").click()
    expect(reader.locator("h1")).to_be_visible()
    own_page = reader.url

    leyla = at_the_desk(people, room, "Leyla")
    leyla.goto("/desk")
    comment = str(leyla.locator("#approve").get_attribute("action")).rpartition("/")[2]
    reject_by_key(leyla, "1")
    expect(leyla.locator(".flash")).to_contain_text("You rejected")

    reader.goto(own_page)
    expect(reader.locator("dl.r-reasons dt")).to_have_count(1)
    reader.locator("#words").fill("It says thank you, and nothing else.")
    reader.get_by_role("button", name="Send the appeal").click()
    expect(reader.locator("main")).to_contain_text("You have appealed")
    expect(reader.locator("#words")).to_have_count(0)

    leyla.goto(f"/desk/comments/{comment}")
    expect(leyla.locator("section.appeal")).to_contain_text("It says thank you, and nothing else.")
    settled_keys(leyla)
    leyla.keyboard.press("a")
    expect(leyla.locator("main")).to_contain_text("another moderator")
    assert room.item(comment).comment.status is Status.REJECTED

    hiwa = at_the_desk(people, room, "Hiwa")
    hiwa.goto(f"/desk/comments/{comment}")
    settled_keys(hiwa)
    hiwa.keyboard.press("a")
    expect(hiwa.locator(".flash")).to_contain_text("You approved")
    assert [one.decision.by for one in room.item(comment).decisions] == ["Leyla", "Hiwa"]
    reader.goto(own_page)
    expect(reader.locator("main")).to_contain_text("Your comment is published")
    assert room.shown() == [UNMEASURED]


def test_an_audit_is_blind_and_tells_afterwards(people: dict[str, BrowserContext], room: Newsroom) -> None:
    """If the machine's decision is audited, then its page is that of a comment nobody judged, until the person has decided."""
    approved, rejected = room.send(COURTEOUS), room.send(ABUSIVE)
    assert room.item(rejected).comment.status is Status.REJECTED
    leyla = at_the_desk(people, room, "Leyla")
    seen = []
    for comment in (approved, rejected):
        leyla.goto(f"/desk/audits/{comment}")
        expect(leyla.locator("mark, .record, .why, table")).to_have_count(0)
        leyla.get_by_text("Show the words, which").click()
        expect(leyla.locator("#words")).to_contain_text(COURTEOUS if comment == approved else ABUSIVE)
        seen.append(leyla.locator("section.margin").inner_text())
    assert seen[0] == seen[1], "what stands beside the words must not tell what the machine made of them"
    reject_by_key(leyla, "3")
    expect(leyla.locator(".flash")).to_contain_text("had decided the same")
    leyla.goto(f"/desk/audits/{approved}")
    reject_by_key(leyla, "3")
    expect(leyla.locator(".flash")).to_contain_text("The machine had approved it")
    assert [one.decision.verdict for one in room.item(approved).decisions] == [
        Verdict.APPROVE,
        Verdict.REJECT,
    ]
    assert room.shown() == []
