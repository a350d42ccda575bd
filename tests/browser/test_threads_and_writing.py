"""
Threads and writing as readers meet them: in a language of each direction, on a telephone and on a desk.

Every way in is tried: the component in another site's page, our own page, without JavaScript, with the keyboard
alone, enlarged, and on a line that breaks.
"""

from __future__ import annotations

import dataclasses
import itertools
import sqlite3
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Route, expect

from meydan.comment import Status, Verdict
from meydan.locale import Words, words
from meydan.store import store as module
from tests.browser.test_component import decide
from tests.browser.test_reader import UNHURRIED, WIDTHS, another_site, embedded, listen, show
from tests.newsroom import ABUSIVE, UNMEASURED, Newsroom, newsroom, without_examples

pytestmark = pytest.mark.browser

EVERYWHERE = pytest.mark.parametrize(("language", "width"), list(itertools.product(["en", "ckb"], WIDTHS)))
EITHER_WAY = pytest.mark.parametrize(("language", "width"), [("en", "desktop"), ("ckb", "phone")])
"""Where what is tried is the same on each width."""

WATCH = """
window.violated = [];
addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) => violated.push([violatedDirective, blockedURI]));
"""
OFTEN = "const every = setInterval; window.setInterval = (what, ms) => every(what, Math.min(ms, 250));"
"""The component asks every half a minute; a test has no half a minute."""


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newsroom]:
    data = tmp_path_factory.mktemp("threads")
    shipped = (files("meydan.policy") / "default.toml").read_text(encoding="utf-8")
    guidelines = data / "guidelines.toml"
    guidelines.write_text(without_examples(shipped) + "[form]\nnudge = true\n", encoding="utf-8")
    with newsroom(data, guidelines=guidelines, flood_per_minute=1_000_000, **UNHURRIED) as opened:
        opened.meydan.staff.add_moderator("Leyla")
        yield opened


@pytest.fixture
def story(room: Newsroom, request: pytest.FixtureRequest) -> str:
    name = "".join(c if c.isalnum() else "-" for c in request.node.name)
    return f"{room.url}/stories/{name}"


@pytest.fixture
def courtesy(language: str, width: str) -> str:
    """What is approved at once; never the same, which would be a repetition."""
    place, kind = {"en": "river", "ckb": "valley"}[language], {"phone": "bridges", "desktop": "roads"}[width]
    return f"Thank you for the clear map of the {place} and its {kind}."


@pytest.fixture
def said(language: str) -> Words:
    return words(language)


@dataclasses.dataclass
class Reader:
    """A browser of somebody's, whose every request and complaint is written down."""

    context: BrowserContext
    page: Page
    heard: list[str]
    asked: list[str]

    @property
    def thread(self) -> Locator:
        return self.page.locator("meydan-comments")

    @property
    def texts(self) -> Locator:
        return self.thread.locator(".m-list:not(.m-mine *) .meydan-text")

    @property
    def notice(self) -> Locator:
        return self.thread.locator(".m-post > .m-said")

    @property
    def news(self) -> Locator:
        return self.thread.locator("[data-news]")

    def write(self, text: str, name: str = "Nada") -> None:
        self.thread.locator("[name=name]").fill(name)
        self.thread.locator("[name=text]").fill(text)
        self.thread.locator("form [type=submit]").click()

    def check_fits(self) -> None:
        """Nothing has to be scrolled to sideways, and no text is cut off."""
        assert (
            self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            == 0
        )
        cut = self.page.evaluate(
            "[...(document.querySelector('meydan-comments')?.shadowRoot ?? document)"
            ".querySelectorAll('.meydan :is(p, h2, h3, label, button, a, summary, .meydan-text, input, textarea)')]"
            ".filter(e => e.checkVisibility() && !e.closest('.m-unseen')).map(e => e.getBoundingClientRect())"
            ".filter(r => r.width && (r.left < 0 || r.right > innerWidth)).length"
        )
        assert cut == 0

    def check_undisturbed(self) -> None:
        """Nothing was complained of, refused by the page's policy, asked of a third party, or set as a cookie."""
        assert self.heard == []
        assert self.page.evaluate("window.violated ?? []") == []
        assert {url.split("/")[2].partition(":")[0] for url in self.asked} <= {"127.0.0.1", "localhost"}
        assert self.context.cookies() == []


def a_reader(browser: Browser, room: Newsroom, width: str, **more: Any) -> Reader:
    context = browser.new_context(base_url=room.url, viewport=WIDTHS[width], **more)  # type: ignore[arg-type]
    context.set_default_timeout(10_000)
    page = context.new_page()
    if more.get("java_script_enabled", True):
        page.add_init_script(WATCH)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    return Reader(context, page, listen(page), asked)


@pytest.fixture
def reader(browser: Browser, room: Newsroom, width: str) -> Iterator[Reader]:
    reader = a_reader(browser, room, width)
    yield reader
    reader.context.close()


@pytest.fixture
def site(room: Newsroom, story: str, said: Words) -> Iterator[str]:
    """A page of another site, under the strictest policy that can work, with the story's comments."""
    with embedded(room, story, lang=said.language, direction=said.direction) as address:
        yield address


@pytest.fixture
def short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three branches and eight comments on a page, so that few comments make a long thread."""
    monkeypatch.setattr(module, "BRANCHES_ON_A_PAGE", 3)
    monkeypatch.setattr(module, "COMMENTS_ON_A_PAGE", 8)


@pytest.fixture
def ids(room: Newsroom, story: str) -> dict[str, str]:
    """
    A thread: "a" with a chain of answers as long as no page shows nested, "b" with more answers than fit, and "c" to "g".

    Each says its name; the author of each is called by it in capitals.
    """
    found: dict[str, str] = {}

    def add(name: str, parent: str | None = None) -> None:
        above = found.get(parent or "")
        # Nobody has seen the story yet, so nobody has to be told: it need not come through the door.
        id = room.send(f"Word {name}.", name=f"Author {name.upper()}", story=story, parent=above)
        if room.item(id).comment.status is not Status.APPROVED:
            room.meydan.desk.review(id, Verdict.APPROVE, by="Leyla")
        found[name] = id

    for name, parent in (("a", None), ("a1", "a"), ("a2", "a1"), ("a3", "a2"), ("a4", "a3"), ("b", None)):
        add(name, parent)
    for number in range(1, 7):
        add(f"b{number}", "b")
    for name in "cdefg":
        add(name)
    return found


def count_of(room: Newsroom, story: str) -> int:
    """Rows in the database, whatever became of them."""
    with sqlite3.connect(room.meydan.settings.sqlite_file or "") as database:
        row = database.execute(
            "SELECT count(*) FROM comment WHERE story = (SELECT id FROM story WHERE url = ?)", [story]
        ).fetchone()
        return int(row[0])


def words_of(*names: str) -> list[str]:
    return [f"Word {name}." for name in names]


FIRST_PAGE = ("a", "a1", "a2", "a3", "a4", "b", "b1", "b2")


@EVERYWHERE
@pytest.mark.usefixtures("short_pages")
def test_a_thread_is_read(
    reader: Reader, room: Newsroom, story: str, site: str, said: Words, ids: dict[str, str]
) -> None:
    """
    If a reader goes through a long thread, then replies stand where they belong, more comes where they are, in each of
    three orders, every comment has an address, and what is new waits until it is asked for.
    """
    page, thread = reader.page, reader.thread
    page.goto(site)
    expect(reader.texts).to_have_text(words_of(*FIRST_PAGE))

    # Three levels; what is deeper stands on the last one and says whom it answers.
    levels = [
        thread.locator(f"#meydan-{ids[name]}").evaluate(
            "e => { let n = 0; for (; (e = e.parentElement.closest('li')); ) n += 1; return n }"
        )
        for name in ("a", "a1", "a2", "a3", "a4")
    ]
    assert levels == [0, 1, 2, 2, 2]
    for name, answered in (("a3", "A2"), ("a4", "A3")):
        to = thread.locator(f"#meydan-{ids[name]} > article > .m-to")
        expect(to).to_have_text(said.fill("reply_to", name=f"Author {answered}"))
    assert thread.locator(f"#meydan-{ids['a4']}").bounding_box()["width"] > 250  # type: ignore[index]
    reader.check_fits()

    # The rest of a branch, and the next page: put in here, with the focus on the first of them, and announced.
    added = thread.locator(".m-news .m-unseen")
    thread.get_by_role("link", name=said["more_replies"]).click()
    expect(thread.locator("li:focus")).to_have_id(f"meydan-{ids['b3']}")
    expect(added).to_have_text(said.fill("comments_added", n=4))
    branch = (*FIRST_PAGE, "b3", "b4", "b5", "b6")
    expect(reader.texts).to_have_text(words_of(*branch))
    expect(thread.get_by_role("link", name=said["more_replies"])).to_have_count(0)
    more = thread.get_by_role("link", name=said["more"], exact=True)
    more.click()
    expect(thread.locator("li:focus")).to_have_id(f"meydan-{ids['c']}")
    expect(added).to_have_text(said.fill("comments_added", n=3))
    more.click()
    expect(thread.locator("li:focus")).to_have_id(f"meydan-{ids['f']}")
    expect(reader.texts).to_have_text(words_of(*branch, *"cdefg"))
    expect(more).to_have_count(0)

    # Another one is announced and moves nothing until it is asked for.
    show(room, story, "Word h.")
    expect(reader.news).to_have_text(said.fill("new_comments", n=1))
    expect(reader.texts).to_have_count(17)
    reader.news.click()
    expect(thread.locator("li:focus")).to_contain_text("Word h.")
    expect(reader.texts).to_have_text(words_of(*branch, *"cdefgh"))
    expect(reader.news).to_be_hidden()
    # One that answers what stands on another page than the last, too.
    show(room, story, "Word c1.", parent=ids["c"])
    expect(reader.news).to_be_visible()
    reader.news.click()
    expect(thread.locator(f"#meydan-{ids['c']} .m-replies")).to_contain_text("Word c1.")

    # Three orders.
    thread.get_by_role("link", name=said["most_replied"]).click()
    expect(reader.texts).to_have_text(words_of("b", "b1", "b2", "b3", "b4", "b5", "b6", "a"))
    expect(thread.locator("h2").first).to_be_focused()
    thread.get_by_role("link", name=said["newest_first"]).click()
    expect(reader.texts).to_have_text(words_of("h", "g", "f"))
    thread.get_by_role("link", name=said["oldest_first"]).click()
    expect(reader.texts).to_have_text(words_of(*FIRST_PAGE))

    # Where unread pages lie between, what is new is shown first.
    show(room, story, "Word i.")
    reader.news.click()
    expect(thread.locator("li:focus")).to_contain_text("Word i.")
    expect(reader.texts).to_have_text(words_of("i", "h", "g"))

    # An address for each comment, whichever page it stands on: in the page that it stands in, and on ours.
    page.goto(f"{site}#meydan-{ids['e']}")
    expect(thread.locator("li:focus")).to_contain_text("Word e.")
    thread.locator(f"#meydan-{ids['f']} > article .m-time").click()
    assert page.url.endswith(f"#meydan-{ids['f']}")
    expect(thread.locator("li:focus")).to_contain_text("Word f.")
    reader.check_undisturbed()
    page.goto(f"/comments/{ids['b6']}?lang={said.language}")
    expect(page.locator(":target")).to_contain_text("Word b6.")
    expect(page.locator(":target")).to_be_in_viewport()
    reader.check_fits()
    reader.check_undisturbed()


@EITHER_WAY
def test_news_comes_without_a_stream(
    reader: Reader, room: Newsroom, story: str, site: str, said: Words
) -> None:
    """If no stream gets through, cut off or refused, then the component asks now and then, and says the same."""
    show(room, story, "Word a.")
    reader.page.add_init_script(OFTEN)
    for number, answer in enumerate(
        (lambda route: route.abort(), lambda route: route.fulfill(status=503)), 1
    ):
        reader.page.route("**/embed/live*", answer)
        reader.page.goto(site)
        expect(reader.texts).to_have_count(number)
        show(room, story, "Another word.")
        expect(reader.news).to_have_text(said.fill("new_comments", n=1))
        expect(reader.texts).to_have_count(number)
        reader.news.click()
        expect(reader.texts).to_have_count(number + 1)
        reader.page.unroute("**/embed/live*")


@EITHER_WAY
def test_counts_are_asked_for_together(reader: Reader, room: Newsroom, story: str, said: Words) -> None:
    """If a page lists many stories, then their numbers come in one request, and nothing else does."""
    show(room, story, "Word a.")
    body = f'<script type="module" src="{room.url}/embed.js"></script>' + "".join(
        f'<p><meydan-comments story="{story}{more}" count-only></meydan-comments></p>'
        for more in ("", "-b", "-c")
    )
    policy = f"default-src 'none'; script-src {room.url}; connect-src {room.url}"
    with another_site(body, policy=policy, lang=said.language, direction=said.direction) as site:
        reader.page.goto(site)
        expect(reader.thread).to_have_text(["1", "0", "0"])
    assert ["/api/v1/counts?" in url for url in reader.asked].count(True) == 1
    assert not any("/embed/" in url for url in reader.asked)
    reader.check_undisturbed()


@EITHER_WAY
def test_a_comment_is_written(
    browser: Browser, reader: Reader, room: Newsroom, story: str, site: str, said: Words, width: str
) -> None:
    """
    If a reader writes, then what is needed is said, what waits is theirs alone until a moderator approves it, what is
    rejected is theirs to take up again, and a nudge is a question only.
    """
    page, thread, form = reader.page, reader.thread, reader.thread.locator("form")
    show(room, story, "The first word.", name="Ana")
    page.goto(site)

    # What is expected of them, before they begin.
    expect(thread.locator(".m-intro").first).to_be_visible()
    thread.get_by_text(said["guidelines"]).click()
    rule = room.meydan.desk.guidelines.rule("personal-attacks")
    expect(thread.locator("details dd").first).to_be_visible()
    form.locator("[type=submit]").click()
    for field in ("name", "text"):
        box = form.locator(f"[name={field}]")
        expect(box).to_have_attribute("aria-invalid", "true")
        expect(box).to_have_accessible_description(said[f"missing_{field}"])
    expect(form.locator("[name=name]")).to_be_focused()
    assert count_of(room, story) == 1

    # Held: theirs alone.
    form.locator("[name=text]").fill(UNMEASURED)
    expect(form.locator(".m-counter")).to_have_text(said.fill("characters", used=len(UNMEASURED), limit=5000))
    reader.write(UNMEASURED)
    expect(reader.notice).to_contain_text(said["held"])
    waiting = thread.locator(".m-waiting")
    expect(waiting).to_contain_text(UNMEASURED)
    expect(waiting).to_contain_text(said["held_note"])
    stranger = a_reader(browser, room, width)
    stranger.page.goto(site)
    expect(stranger.texts).to_have_text(["The first word."])
    expect(stranger.thread).not_to_contain_text(UNMEASURED)

    # Approved: everybody's, and told to both without a reload.
    decide(room, waiting.get_attribute("data-mine") or "")
    for one in (stranger, reader):
        one.news.click()
        expect(one.texts).to_have_text(["The first word.", UNMEASURED])
    expect(waiting).to_have_count(0)

    # Rejected by a moderator: the rule, the way to appeal, and the words, also later and after a reload.
    second = f"{UNMEASURED} {UNMEASURED}"
    reader.write(second)
    expect(waiting).to_contain_text(second)
    decide(room, waiting.get_attribute("data-mine") or "", "reject", "personal-attacks")
    page.reload()
    expect(waiting).to_contain_text(said["rejected"])
    expect(waiting).to_contain_text(rule.title[said.language])
    appeal = waiting.get_by_role("link", name=said["status_link"]).get_attribute("href") or ""
    stranger.page.reload()
    expect(stranger.texts).to_have_count(2)
    stranger.check_undisturbed()
    stranger.page.goto(appeal)
    expect(stranger.page.locator("h2", has_text=said["appeal"])).to_be_visible()
    stranger.check_fits()
    stranger.context.close()
    waiting.get_by_role("button", name=said["take_up_again"]).click()
    expect(form.locator("[name=text]")).to_have_value(second)

    # A nudge is shown beside the button, once, and sending again sends.
    before = count_of(room, story)
    reader.write(ABUSIVE)
    expect(form.locator(".m-nudge")).to_contain_text(rule.title[said.language])
    assert count_of(room, story) == before
    form.locator("[type=submit]").click()
    expect(reader.notice).to_contain_text(said["rejected"])
    expect(reader.notice).to_contain_text(rule.title[said.language])
    expect(form.locator("[name=text]")).to_have_value(ABUSIVE)
    assert count_of(room, story) == before + 1
    reader.check_fits()
    reader.check_undisturbed()


@EITHER_WAY
def test_a_broken_line_loses_and_doubles_nothing(
    reader: Reader,
    room: Newsroom,
    story: str,
    site: str,
    said: Words,
    courtesy: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """
    If the server is down, the line breaks, or the answer is lost, then what was written stays in the browser and becomes
    one comment; and in a flood the browser does its work without a word.
    """
    flooded = f"{courtesy} I learned much about its history."
    page, form = reader.page, reader.thread.locator("form")
    page.goto(site)

    def down(route: Route) -> None:
        route.fulfill(status=503, json={"code": "S501", "message": "Try again."})

    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    page.route("**/api/v1/comments", down)
    reader.write(courtesy)
    expect(reader.notice).to_contain_text(said["kept_here"])
    page.unroute("**/api/v1/comments")
    # It is there after a reload, and in another tab.
    page.reload()
    expect(form.locator("[name=text]")).to_have_value(courtesy)
    expect(reader.notice).to_contain_text(said["kept_here"])
    reader.context.set_offline(offline=True)
    form.locator("[type=submit]").click()
    expect(form.locator("[type=submit]")).to_have_text(said["send"])
    assert count_of(room, story) == 0
    # Back, but the answer does not come through: the server has it, the browser does not know.
    page.route("**/api/v1/comments", lose)
    with page.expect_event("requestfailed"):
        reader.context.set_offline(offline=False)
    expect(reader.notice).to_contain_text(said["kept_here"])
    page.unroute("**/api/v1/comments")
    assert count_of(room, story) == 1
    page.evaluate("dispatchEvent(new Event('online'))")
    expect(form.locator("[name=text]")).to_have_value("")
    assert count_of(room, story) == 1
    expect(reader.texts).to_have_text([courtesy])

    # A flood: the work is asked for, done, and taken.
    desk = room.meydan.desk
    for number in range(12):
        show(room, story, f"Flood {number}.")
    monkeypatch.setattr(desk, "limits", dataclasses.replace(desk.limits, flood_per_minute=40))
    answers: list[int] = []
    page.on(
        "response", lambda one: answers.append(one.status) if one.url.endswith("/api/v1/comments") else None
    )
    reader.write(flooded)
    expect(reader.texts.last).to_have_text(flooded)
    assert answers == [428, 201]


@EITHER_WAY
@pytest.mark.usefixtures("short_pages")
def test_without_javascript(
    browser: Browser, room: Newsroom, story: str, said: Words, courtesy: str, ids: dict[str, str], width: str
) -> None:
    """If a browser runs no script, then a reader gets through the whole thread, its orders and addresses, and writes."""
    reader = a_reader(browser, room, width, java_script_enabled=False)
    page, thanks = reader.page, f"{courtesy} And for its photographs."
    texts, more = (
        page.locator(".m-list .meydan-text"),
        page.get_by_role("link", name=said["more"], exact=True),
    )
    page.goto(f"/comments?story={story}&lang={said.language}")
    expect(texts).to_have_text(words_of(*FIRST_PAGE))
    page.get_by_role("link", name=said["more_replies"]).click()
    expect(texts).to_have_text(words_of("b", "b3", "b4", "b5", "b6"))
    page.get_by_role("link", name=said["to_start"]).click()
    more.click()
    expect(texts).to_have_text(words_of("c", "d", "e"))
    more.click()
    expect(texts).to_have_text(words_of("f", "g"))
    page.get_by_role("link", name=said["most_replied"]).click()
    expect(texts.first).to_have_text("Word b.")
    page.get_by_role("link", name=said["newest_first"]).click()
    expect(texts).to_have_text(words_of("g", "f", "e"))
    page.locator(f"#meydan-{ids['f']} .m-time").click()
    expect(page.locator(":target")).to_contain_text("Word f.")

    # An answer to it: what is needed is told, what was typed is kept, and what became of it is said.
    page.goto(f"/comments?story={story}&lang={said.language}&at={ids['f']}")
    page.locator(f"#meydan-{ids['f']} .m-foot a").first.click()
    expect(page.locator(".m-parent")).to_contain_text("Word f.")
    form = page.locator("form.m-form")
    expect(form.locator("[name=text]")).to_have_attribute("required", "")
    form.locator("[name=name]").fill(" ")
    form.locator("[name=text]").fill(thanks)
    form.locator("[type=submit]").click()
    expect(page.locator("[role=alert]")).to_contain_text(said["missing_name"])
    expect(form.locator("[name=text]")).to_have_value(thanks)
    form.locator("[name=name]").fill("Nada")
    form.locator("[type=submit]").click()
    expect(page.locator("h1")).to_have_text(said["approved"])
    page.goto(f"/comments?story={story}&lang={said.language}&sort=newest")
    expect(page.locator(f"#meydan-{ids['f']} .m-replies")).to_contain_text(thanks)
    assert reader.context.cookies() == []
    assert {url.split("/")[2] for url in reader.asked} == {room.url.split("/")[2]}
    reader.context.close()


@EITHER_WAY
@pytest.mark.usefixtures("short_pages")
def test_the_keyboard_is_enough(
    reader: Reader, room: Newsroom, story: str, site: str, said: Words, ids: dict[str, str]
) -> None:
    """If a reader has no pointer, then everything that can be done is reached in the order in which it stands, seen, and done."""
    page, thread = reader.page, reader.thread
    page.goto(site)
    expect(reader.texts).to_have_count(8)

    def tab_to(wanted: str, key: str = "Tab") -> None:
        """On to what matches; on the way everything that has the focus is seen, and so is that it has it."""
        for _ in range(90):
            page.keyboard.press(key)
            there, seen = page.evaluate(
                """wanted => {
                  const on = document.querySelector("meydan-comments").shadowRoot.activeElement;
                  if (!on) return [false, true];
                  const { width, height } = on.getBoundingClientRect(), { outlineStyle, outlineWidth } = getComputedStyle(on);
                  return [on.matches(wanted), width > 1 && height > 1 && outlineStyle !== "none" && outlineWidth !== "0px"];
                }""",
                wanted,
            )
            assert seen, wanted
            if there:
                return
        raise AssertionError(f"no way to {wanted}")

    tab_to("[data-branch]")
    page.keyboard.press("Enter")
    expect(thread.locator("li:focus")).to_have_id(f"meydan-{ids['b3']}")
    tab_to("[data-more]")
    page.keyboard.press("Enter")
    expect(thread.locator("li:focus")).to_have_id(f"meydan-{ids['c']}")
    tab_to("[data-more]")
    page.keyboard.press("Enter")
    expect(thread.locator("li:focus")).to_have_id(f"meydan-{ids['f']}")
    show(room, story, "Word h.")
    expect(reader.news).to_be_visible()
    tab_to("[data-news]", "Shift+Tab")
    page.keyboard.press("Enter")
    expect(thread.locator("li:focus")).to_contain_text("Word h.")
    tab_to("summary")
    page.keyboard.press("Enter")
    expect(thread.locator("details dd").first).to_be_visible()
    tab_to(f'[data-reply="{ids["g"]}"]', "Shift+Tab")
    page.keyboard.press("Enter")
    expect(thread.locator("[name=name]")).to_be_focused()
    page.keyboard.type("Nada")
    tab_to("[name=text]")
    page.keyboard.type(UNMEASURED)
    tab_to("[type=submit]")
    page.keyboard.press("Space")
    expect(reader.notice).to_be_focused()
    decide(room, thread.locator(".m-waiting").get_attribute("data-mine") or "", "reject", "promotion")
    page.reload()
    expect(thread.locator(".m-waiting")).to_contain_text(said["rejected"])
    tab_to("[data-again]")
    page.keyboard.press("Enter")
    expect(thread.locator("[name=text]")).to_be_focused()
    expect(thread.locator("[name=text]")).to_have_value(UNMEASURED)
    reader.check_undisturbed()


@EVERYWHERE
@pytest.mark.usefixtures("short_pages")
def test_nothing_is_lost_when_enlarged(
    browser: Browser, room: Newsroom, story: str, site: str, said: Words, ids: dict[str, str], width: str
) -> None:
    """
    If a reader enlarges the page to 200 % and 400 %, or the text alone, then nothing is cut off or moves out of reach;
    and axe finds nothing in either theme, with something said in every place.
    """
    # Either direction in either theme, on one of the widths.
    theme = "light" if (width == "phone") == (said.direction == "ltr") else "dark"
    reader = a_reader(browser, room, width, color_scheme=theme)
    page, thread = reader.page, reader.thread
    page.goto(site)
    reader.write(UNMEASURED)
    waiting = thread.locator(".m-waiting")
    expect(waiting).to_have_count(1)
    decide(room, waiting.get_attribute("data-mine") or "", "reject", "promotion")
    page.reload()
    if theme == "dark":
        page.evaluate("Object.assign(document.body.style, {background: '#111', color: '#eee'})")
    expect(waiting).to_contain_text(said["rejected"])
    thread.locator("[data-reply]").first.click()
    reader.write(ABUSIVE)
    expect(thread.locator(".m-nudge")).not_to_be_empty()
    thread.locator("form [type=submit]").click()
    expect(reader.notice).to_be_focused()
    show(room, story, f"Said in the {theme}.")
    expect(reader.news).to_be_visible()
    thread.locator("summary").click()
    found = Axe().run(page, options={"resultTypes": ["violations"], "rules": {"region": {"enabled": True}}})
    assert found.violations_count == 0, found.generate_report()
    ours = reader.context.new_page()
    ours.goto(f"{room.url}/comments?story={story}&lang={said.language}&reply={ids['a4']}")
    found = Axe().run(ours)
    assert found.violations_count == 0, found.generate_report()
    # Of 1280 pixels, 400 % leaves 320; a telephone enlarges its text.
    sizes = ((640, 450, 100), (320, 225, 100)) if width == "desktop" else ((360, 740, 200), (320, 640, 100))
    for one in (page, ours):
        for wide, high, percent in sizes:
            one.set_viewport_size({"width": wide, "height": high})
            one.evaluate("size => document.documentElement.style.fontSize = size", f"{percent}%")
            dataclasses.replace(reader, page=one).check_fits()
            for name in ("a", "a4", "b2"):
                text = one.locator(f"#meydan-{ids[name]} > article .meydan-text")
                assert (text.bounding_box() or {"width": 0})["width"] > 200 * 100 / percent
    assert reader.heard == []
    reader.context.close()
