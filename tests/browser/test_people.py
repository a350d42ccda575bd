"""
People, in a real browser, by the keyboard alone: guests, guests whose address is proved, accounts, and who an issuer vouches for;
what is theirs, what is mailed to them, and their feeds. The letters come from a real mail server.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import feedparser
import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from joserfc import jwt
from joserfc.jwk import ECKey
from playwright.sync_api import Browser, Locator, Page, expect

from meydan.letters import Letters
from meydan.locale import Words, words
from meydan.post.courier import Courier
from meydan.post.mail import Mailer
from tests.browser.test_component import UNHURRIED, decide
from tests.browser.test_reader import embedded
from tests.newsroom import COURTEOUS, UNMEASURED, Newsroom, newsroom
from tests.post.server import Mailbox, mail_server
from tests.web.test_desk_issuer import run_server_in_thread

pytestmark = pytest.mark.browser

SENDER = "comments@news.example"
ISSUER, AUDIENCE = "https://news.example", "comments.example"
OLD, NEW = (ECKey.generate_key("P-256", parameters={"kid": kid}) for kid in ("old", "new"))
FERRY = "I found the part about the ferry and its crew very moving."
LIGHTHOUSE = "I agree with you about the old lighthouse by the harbour."
LANGUAGES = pytest.mark.parametrize("language", ["en", "ckb"])


@dataclass
class House:
    """A newsroom with every way in, the keys it believes, and the mailbox that its letters come to."""

    room: Newsroom
    box: Mailbox
    keys: Path
    provider: str

    def believe(self, *keys: ECKey) -> None:
        """Change the publication's keys, as docs/accounts.md says."""
        aside = self.keys.with_suffix(".new")
        aside.write_text(json.dumps({"keys": [key.as_dict(private=False) for key in keys]}))
        aside.replace(self.keys)

    def post(self, **later: float) -> list[str]:
        """What is brought now, or would be a while later, as text; one for each letter."""
        meydan, before = self.room.meydan, len(self.box.messages)
        mail = meydan.settings.mail
        assert mail is not None
        letters = Letters(
            meydan.store,
            clock=lambda: meydan.desk.now() + timedelta(**later),
            entropy=lambda size: b"\x07" * size,
            secret=meydan._secret,
            guidelines=lambda: meydan.desk.guidelines,
            own_url=meydan.settings.own_url,
            works=True,
        )
        courier = Courier(letters, Mailer(mail, SENDER))
        while courier.carry_out():
            pass
        bodies = [message.get_body(("plain",)) for message in self.box.messages[before:]]
        return [str(body.get_content()) for body in bodies if body is not None]

    def publish(self, text: str) -> None:
        """A person approves what waits; English words on a Kurdish page wait for one."""
        for comment in self.room.meydan.desk.held(limit=200)[0]:
            if comment.text == text:
                decide(self.room, comment.id)

    def story(self, name: str, **told: object) -> str:
        """A story's address, after what the newsroom says of it."""
        url = f"{self.room.url}/stories/{name}"
        token = {"authorization": f"Bearer {self.room.meydan.staff.add_token(name, scopes=['stories'])}"}
        answer = httpx.put(f"{self.room.url}/api/v1/stories", json={"url": url, **told}, headers=token)
        assert answer.status_code == 200, answer.text
        return url


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    data, box = tmp_path_factory.mktemp("people"), Mailbox()
    keys = data / "accounts.json"
    keys.write_text(json.dumps({"keys": [OLD.as_dict(private=False)]}))
    with mail_server(box) as mail, run_server_in_thread(require_nonce=True) as server:
        provider = f"http://localhost:{server.server_port}"
        given: dict[str, Any] = {
            "account_keys": keys,
            "account_issuer": ISSUER,
            "account_audience": AUDIENCE,
            "reader_issuer": provider,
            "reader_issuer_client": "meydan",
            "reader_issuer_secret": "known to both",
            "mail_server": mail.url,
            "mail_from": SENDER,
        }
        with newsroom(data, **given, **UNHURRIED) as room:
            yield House(room, box, keys, provider)


@contextmanager
def a_reader(
    browser: Browser, house: House, language: str, *, scripted: bool = True
) -> Iterator[tuple[Page, Words]]:
    """A reader's browser, and the words they should see."""
    context = browser.new_context(
        base_url=house.room.url,
        locale=language,
        viewport={"width": 360, "height": 740},
        java_script_enabled=scripted,
    )
    context.set_default_timeout(10_000)
    try:
        yield context.new_page(), words(language)
    finally:
        context.close()


def look(page: Page, address: str = "") -> None:
    """Axe finds nothing and nothing overflows, on a phone in light and on a desk in dark; at an address, it looks there."""
    if address:
        page.goto(address)
    before = page.viewport_size
    for width, theme, rules in ((1280, "dark", {"runOnly": ["color-contrast"]}), (360, "light", {})):
        page.set_viewport_size({"width": width, "height": 740})
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        found = Axe().run(page, options=rules)
        assert found.violations_count == 0, f"{page.url} {width}\n{found.generate_report()}"
        assert page.evaluate("document.documentElement.scrollWidth") == width, page.url
    if before is not None:
        page.set_viewport_size(before)
    page.emulate_media(color_scheme="null")


def reach(place: Locator) -> None:
    """Go there by the Tab key alone."""
    page = place.page
    expect(place).to_be_visible()
    for _ in range(120):
        if place.evaluate("e => e.getRootNode().activeElement === e"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"no way to {place}")


def go(place: Locator) -> None:
    reach(place)
    place.page.keyboard.press("Enter")


def write(place: Locator, text: str) -> None:
    reach(place)
    place.page.keyboard.insert_text(text)


def decided(said: Words) -> re.Pattern[str]:
    return re.compile("|".join(re.escape(said[status]) for status in ("approved", "held")))


def link_in(letter: str, what: str) -> str:
    found = re.search(rf"https?://\S+/{what}/\S+", letter)
    assert found is not None, letter
    return found[0]


def account(key: ECKey = OLD, subject: str = "u-1", **more: object) -> str:
    claims = {"iss": ISSUER, "aud": AUDIENCE, "exp": int(time.time()) + 600, "sub": subject, "name": "Rojîn"}
    return jwt.encode({"alg": "ES256", "kid": key.kid}, claims | more, key)


@pytest.mark.parametrize("language", ["ckb"])
def test_an_address_is_proved_once(browser: Browser, house: House, language: str) -> None:
    """
    If guests have to prove their address, then a link that is mailed there lets their comment be judged, their next one
    needs no mail, and whoever signs out everywhere has to prove it again.
    """
    story, address = house.story(f"proved-{language}", guests="verified"), f"zin-{language}@square.example"
    direction = words(language).direction
    with (
        a_reader(browser, house, language) as (page, said),
        a_reader(browser, house, language, scripted=False) as (plain, _),
        embedded(house.room, story, lang=language, direction=direction) as site,
    ):
        page.goto(site)
        thread = page.locator("meydan-comments")
        name, email, text = (thread.locator(f"[name={field}]") for field in ("name", "email", "text"))
        send, told = thread.locator(".m-send button"), thread.locator(".m-said")
        write(name, "Zîn")
        write(text, FERRY)
        go(send)
        expect(thread.locator("#meydan-email-problem")).to_have_text(said["missing_email"])
        expect(email).to_be_focused()
        write(email, address)
        go(send)
        expect(told).to_contain_text(said["unverified"])
        expect(thread.locator(".m-waiting")).to_contain_text(said["unverified"])
        look(page)
        (letter,) = house.post()
        assert FERRY not in letter
        # Axe is a script, so another browser looks at the page for it; a look uses nothing up.
        link = link_in(letter, "me/confirm")
        look(page, link)
        plain.goto(link)
        expect(plain.locator("blockquote")).to_contain_text(FERRY)
        go(plain.get_by_role("button", name=said["me_confirm_yes"]))
        expect(plain.locator("h1")).to_have_text(said["me_confirmed"])
        expect(plain.locator("main")).to_contain_text(decided(said))
        house.publish(FERRY)

        page.goto(site)
        expect(thread.locator(".m-list").first).to_contain_text(FERRY)
        expect(thread.locator("p.m-as")).to_contain_text("Zîn")
        expect(name).to_be_hidden()
        expect(email).to_be_hidden()
        write(text, LIGHTHOUSE)
        go(send)
        expect(told).to_contain_text(decided(said))
        assert house.post() == []
        house.publish(LIGHTHOUSE)
        page.goto(site)
        expect(thread.locator(".m-list").first).to_contain_text(LIGHTHOUSE)
        look(page)

        plain.goto(f"/me?lang={language}")
        write(plain.get_by_role("textbox"), address.upper())
        go(plain.get_by_role("button", name=said["me_email_send"]))
        expect(plain.locator("h1")).to_have_text(said["me_sent"])
        (letter,) = house.post()
        plain.goto(link_in(letter, "me/link"))
        go(plain.get_by_role("button", name=said["me_sign_in"]))
        expect(plain.locator("article.r-own")).to_have_count(2)
        go(plain.get_by_role("button", name=said["me_everywhere"]))
        expect(plain.locator("h1")).to_have_text(said["me_signed_out"])
        write(text, COURTEOUS)
        go(send)
        expect(told).to_contain_text(said["errors.R122"] if language != "en" else "This pass has ended.")
        expect(name).to_be_visible()
        expect(text).to_have_value(COURTEOUS)
        assert COURTEOUS not in house.room.shown()


@pytest.mark.parametrize("language", ["en"])
def test_an_account_writes_and_owns_what_it_wrote(browser: Browser, house: House, language: str) -> None:
    """
    If a site hands over its reader's account, then they write under its name where guests may not, with the newsroom's badge
    if they are staff, also after the keys changed; and at their own page they take along, take back and erase what is theirs.
    """
    story = house.story(f"account-{language}", guests="off")
    house.believe(OLD)
    mine = {"subject": language, "email": f"rojin-{language}@square.example", "email_verified": True}
    with (
        a_reader(browser, house, language) as (page, said),
        a_reader(browser, house, language, scripted=False) as (plain, _),
        embedded(house.room, story, lang=language, direction=said.direction) as site,
    ):
        plain.goto(f"/comments?story={story}&lang={language}")
        expect(plain.locator(".m-none.m-who")).to_have_text(said["errors.R123"])
        expect(plain.locator("form")).to_have_count(0)
        page.goto(site)
        thread = page.locator("meydan-comments")
        text, send, told = (thread.locator(one) for one in ("[name=text]", ".m-send button", ".m-said"))
        expect(thread.locator(".m-none.m-who")).to_have_text(said["errors.R123"])
        expect(thread.locator("form")).to_be_hidden()
        look(page)

        def hand_over(token: str) -> None:
            thread.evaluate("(e, token) => e.setAttribute('account', token)", token)

        hand_over(account(staff=True, **mine))
        expect(thread.locator("p.m-as bdi")).to_have_text("Rojîn")
        expect(thread.locator(".m-none.m-who")).to_be_hidden()
        for field in ("name", "email"):
            expect(thread.locator(f"[name={field}]")).to_be_hidden()
        expect(thread.locator("[data-leave]")).to_be_hidden()
        write(text, FERRY)
        go(send)
        expect(told).to_contain_text(decided(said))
        house.publish(FERRY)
        page.reload()
        hand_over(account(staff=True, **mine))
        first = thread.locator(".m-list > li").first
        expect(first).to_contain_text(FERRY)
        expect(first.locator("[itemprop=name]")).to_have_text("Rojîn")
        expect(first.locator(".m-badge")).to_contain_text(said["badge_staff"].partition("{")[0].strip())
        look(page)

        # The publication changes its key: who signs with the new one is believed, and with the old one no longer.
        house.believe(NEW)
        write(text, LIGHTHOUSE)
        go(send)
        expect(told).to_contain_text(said["errors.R122"] if language != "en" else "not believed: kid.")
        hand_over(account(NEW, **mine))
        expect(thread.locator("p.m-as bdi")).to_have_text("Rojîn")
        expect(text).to_have_value(LIGHTHOUSE)
        go(send)
        expect(told).to_contain_text(decided(said))
        house.publish(LIGHTHOUSE)
        page.reload()
        second = thread.locator(".m-list > li", has_text=LIGHTHOUSE)
        expect(second).to_be_visible()
        expect(second.locator(".m-badge")).to_have_count(0)

        # From the site's page to one's own, without a form of ours.
        page.evaluate(
            "([to, token]) => { const form = document.createElement('form'); form.method = 'post'; form.action = to;"
            " form.innerHTML = '<input type=hidden name=account><button>Mine</button>'; form.firstChild.value = token;"
            " document.querySelector('main').append(form) }",
            [f"{house.room.url}/me/account?lang={language}", account(NEW, **mine)],
        )
        house.room.meydan.letters.ask(
            story, comment=None, email=str(mine["email"]), language=language, confirmed=True
        )
        go(page.get_by_role("button", name="Mine"))
        expect(page.locator("h1")).to_have_text(said["me_title"])
        expect(page.locator("article.r-own")).to_have_count(2)
        expect(page.locator("article.r-own").first).to_contain_text(said["approved"])
        expect(page.locator(".r-follows li")).to_have_count(1)
        look(page)
        with page.expect_download() as taken:
            go(page.get_by_role("link", name=said["me_export"]))
        told_all = json.loads(Path(taken.value.path()).read_bytes())
        assert {one["text"] for one in told_all["comments"]} == {FERRY, LIGHTHOUSE}
        with page.expect_download() as taken:
            go(page.get_by_role("link", name=said["me_receipts"]))
        receipts = json.loads(Path(taken.value.path()).read_bytes())["receipts"]
        assert {one["receipt"] for one in receipts} == {one["receipt"] for one in told_all["comments"]}
        feed = page.locator(".r-address a").inner_text()
        assert {LIGHTHOUSE, FERRY} == {entry.content[0].value for entry in feedparser.parse(feed).entries}

        # Everything else without JavaScript.
        plain.context.add_cookies(page.context.cookies())  # type: ignore[arg-type]
        plain.goto(f"/me?lang={language}")
        go(plain.locator("article.r-own", has_text=LIGHTHOUSE).get_by_role("button", name=said["withdraw"]))
        expect(plain.locator("article.r-own", has_text=LIGHTHOUSE)).to_contain_text(said["withdrawn_by_you"])
        go(plain.locator("article.r-own", has_text=FERRY).get_by_role("link", name=said["me_erase"]))
        look(page, plain.url)
        go(plain.get_by_role("button", name=said["me_erase_yes"]))
        expect(plain.locator("h1")).to_have_text(said["me_erased"])
        assert house.room.meydan.desk.page(story).count == 0
        assert feedparser.parse(feed).entries == []
        plain.goto(f"/me?lang={language}")
        expect(plain.locator("article.r-own")).to_have_count(1)
        go(plain.locator(".r-follows a"))
        go(plain.get_by_role("button", name=said["mail_stop_link"]))
        expect(plain.locator("h1")).to_have_text(said["unfollowed"])
        plain.goto(f"/me?lang={language}")
        expect(plain.locator(".r-follows")).to_have_count(0)
        go(plain.get_by_role("button", name=said["me_everywhere"]))
        expect(plain.locator("h1")).to_have_text(said["me_signed_out"])
        page.goto(f"/me?lang={language}")
        expect(page.locator("h1")).to_have_text(said["me_door"])
        assert httpx.get(feed).status_code == 404


@LANGUAGES
def test_an_issuer_vouches_for_a_reader(browser: Browser, house: House, language: str) -> None:
    """If a reader signs in at the publication's issuer, without JavaScript, then they are at their own page, in their language."""
    claims = {"email": "issued@square.example", "email_verified": True, "name": "Zîn"}
    httpx.put(f"{house.provider}/users/issued", json=claims).raise_for_status()
    with a_reader(browser, house, language, scripted=False) as (page, said):
        page.goto(f"/comments?story={house.room.story}&lang={language}")
        go(page.get_by_role("link", name=said["me_title"]))
        go(page.get_by_role("link", name=said["me_issuer"]))
        expect(page).to_have_url(re.compile(re.escape(house.provider)))
        page.locator("input[name=sub]").first.fill("issued")
        page.get_by_role("button", name=re.compile("authorize|sign in|log ?in", re.IGNORECASE)).first.click()
        expect(page.locator("h1")).to_have_text(said["me_title"])
        expect(page.locator(".r-top bdi")).to_have_text("Zîn")
        go(page.get_by_role("button", name=said["me_sign_out"], exact=True))
        expect(page.locator("h1")).to_have_text(said["me_signed_out"])
        with a_reader(browser, house, language) as (seen, _):
            look(seen, f"/me?lang={language}")


@pytest.mark.parametrize("language", ["ckb"])
def test_who_follows_is_told_until_they_tap(browser: Browser, house: House, language: str) -> None:
    """
    If somebody follows by the box or by the page, and says yes when asked back, then a letter tells them of what others wrote and
    never of their own, and one tap in their mail program ends it; the feeds say the same, and who reports is heard.
    """
    story = house.story(f"followed-{language}")
    boxed, paged = (f"{way}-{language}@square.example" for way in ("box", "page"))
    with (
        a_reader(browser, house, language) as (page, said),
        a_reader(browser, house, language, scripted=False) as (plain, _),
        embedded(house.room, story, lang=language, direction=said.direction) as site,
    ):
        # By the box, with a comment that waits.
        page.goto(site)
        thread = page.locator("meydan-comments")
        for field, typed in (("name", "Zîn"), ("email", boxed), ("text", UNMEASURED)):
            write(thread.locator(f"[name={field}]"), typed)
        reach(thread.locator("[name=follow]"))
        page.keyboard.press("Space")
        go(thread.locator(".m-send button"))
        expect(thread.locator(".m-said")).to_contain_text(said["held"])
        held = thread.locator(".m-waiting").get_attribute("data-mine") or ""

        # By the page, and asked back like everybody.
        plain.goto(f"/comments?story={story}&lang={language}")
        go(plain.get_by_role("link", name=said["follow"]))
        look(page, plain.url)
        write(plain.get_by_role("textbox"), paged)
        go(plain.get_by_role("button", name=said["follow_send"]))
        expect(plain.locator("h1")).to_have_text(said["follow_sent"])
        letters = house.post()
        assert len(letters) == 2
        look(page, link_in(letters[0], "follow"))
        for letter in letters:
            plain.goto(link_in(letter, "follow"))
            go(plain.get_by_role("button", name=said["mail_follow_link"]))
            expect(plain.locator("h1")).to_have_text(said["follow_confirmed"])

        decide(house.room, held)
        plain.goto(f"/comments?story={story}&lang={language}")
        go(plain.locator(f"#meydan-{held}").get_by_role("link", name=said["reply"]))
        for field, typed in (("name", "Mem"), ("email", paged), ("text", LIGHTHOUSE)):
            write(plain.locator(f"[name={field}]"), typed)
        go(plain.get_by_role("button", name=said["send"]))
        expect(plain.locator("h1")).to_have_text(decided(said))
        house.publish(LIGHTHOUSE)

        before = len(house.box.messages)
        house.post(minutes=20)
        came = {str(one["to"]): one for one in house.box.messages[before:] if one["list-unsubscribe"]}
        assert len(house.box.messages) - before == 3
        assert came.keys() == {boxed, paged}
        for letter in came.values():
            assert letter["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"
            assert UNMEASURED not in str(letter.get_body(("plain",)))
        end = str(came[paged]["list-unsubscribe"]).strip("<>")
        assert httpx.post(end, data={"List-Unsubscribe": "One-Click"}).status_code == 200
        letter = str(came[boxed].get_body(("plain",)).get_content())  # type: ignore[union-attr]
        look(page, link_in(letter, "unfollow"))
        plain.goto(link_in(letter, "unfollow"))
        go(plain.get_by_role("button", name=said["mail_stop_link"]))
        expect(plain.locator("h1")).to_have_text(said["unfollowed"])

        # The feeds that the page names.
        plain.goto(f"/comments?story={story}&lang={language}")
        atom = plain.locator("link[type='application/atom+xml']").get_attribute("href") or ""
        site_wide = f"/feeds/site.atom?lang={language}"
        for address in (atom, site_wide):
            read = feedparser.parse(httpx.get(house.room.url + address).content)
            assert not read.bozo
            assert {LIGHTHOUSE, UNMEASURED} <= {entry.content[0].value for entry in read.entries}
            assert read.entries[0].link.startswith(f"{house.room.url}/comments/")

        # The replies to one comment, and a report, from the thread.
        go(plain.locator(f"#meydan-{held} > article .m-follow"))
        expect(plain.locator("main")).to_contain_text(said["follow_replies"])
        write(plain.get_by_role("textbox"), paged)
        go(plain.get_by_role("button", name=said["follow_send"]))
        expect(plain.locator("h1")).to_have_text(said["follow_sent"])
        (letter,) = house.post()
        plain.goto(link_in(letter, "follow"))
        go(plain.get_by_role("button", name=said["mail_follow_link"]))
        expect(plain.locator("h1")).to_have_text(said["follow_confirmed"])
        ((followed, _),) = house.room.meydan.letters.followed_by(paged)
        assert followed.comment == held
        plain.goto(f"/comments?story={story}&lang={language}")
        go(plain.locator(f"#meydan-{held} > article .m-report"))
        reach(plain.get_by_role("radio").first)
        plain.keyboard.press("Space")
        go(plain.locator("main button"))
        expect(plain.locator("h1")).to_have_text(said["report_received"])
        reports = house.room.item(held).reports
        assert reports is not None
        assert reports.open
