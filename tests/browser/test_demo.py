"""The sample newspaper in a real browser: reading, text size, posting, and right to left."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from meydan import demo
from meydan.comment import Status
from tests.newsroom import ABUSIVE, COURTEOUS, Newsroom, newsroom

pytestmark = pytest.mark.browser

STORIES = demo.load_stories()
ENGLISH, SORANI, ARABIC, *_ = STORIES
WIDTHS = {"phone": {"width": 360, "height": 740}, "desktop": {"width": 1280, "height": 900}}


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newsroom]:
    with newsroom(tmp_path_factory.mktemp("demo"), with_demo=True) as opened:
        yield opened


@pytest.fixture
def context(browser: Browser, room: Newsroom) -> Iterator[BrowserContext]:
    context = browser.new_context(base_url=room.url)
    context.set_default_timeout(10_000)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


def open_story(page: Page, story: demo.SampleStory) -> None:
    """Open a story and wait until its comments are there."""
    page.goto(story.path)
    expect(page.locator("meydan-comments .m-list").first).to_be_visible()


def sizes(page: Page) -> tuple[float, float]:
    """The computed text size, in CSS pixels, of the story's body and of the first comment."""
    story, comment = (
        page.locator(selector).first.evaluate("element => parseFloat(getComputedStyle(element).fontSize)")
        for selector in (".body p", "meydan-comments .meydan-text")
    )
    return story, comment


# -- reading ---------------------------------------------------------------------


# Each page in both widths and both themes, and every pair of the two among pages that are made alike.
@pytest.mark.parametrize(
    ("path", "width", "theme"),
    [
        (path, width, theme)
        for number, path in enumerate(["/", *(story.path for story in STORIES)])
        for width, theme in zip(WIDTHS, ("light", "dark") if number % 2 else ("dark", "light"), strict=True)
    ],
)
def test_axe_finds_nothing(browser: Browser, room: Newsroom, path: str, width: str, theme: str) -> None:
    """If a page of the newspaper is opened, small or large, light or dark, then axe finds no violation and nothing overflows."""
    context = browser.new_context(base_url=room.url, viewport=WIDTHS[width], color_scheme=theme)
    try:
        page = context.new_page()
        page.goto(path)
        if path != "/":
            expect(page.locator("meydan-comments .m-list").first).to_be_visible()
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
    finally:
        context.close()


def test_a_page_asks_nobody_else(page: Page, room: Newsroom) -> None:
    """If a story is read, then every request goes to this server, no cookie is set and no console error is heard."""
    asked: list[str] = []
    heard: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on(
        "console",
        lambda message: heard.append(message.text) if message.type in ("error", "warning") else None,
    )
    page.on("pageerror", lambda error: heard.append(str(error)))
    for story in STORIES:
        open_story(page, story)
    assert asked
    assert all(url.startswith((room.url, "data:")) for url in asked)
    assert page.context.cookies() == []
    assert heard == []


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.language)
def test_only_approved_comments_are_shown(page: Page, story: demo.SampleStory) -> None:
    """If a story is read, then approved comments are there to read, and rejected ones are not."""
    open_story(page, story)
    thread = page.locator("meydan-comments")
    for comment in story.comments:
        if comment.then == "approve":
            expect(thread).to_contain_text(comment.text)
        if comment.then == "reject":
            expect(thread).not_to_contain_text(comment.text)


# -- A+ and A− --------------------------------------------------------------------


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.language)
def test_the_text_grows_and_shrinks_with_its_comments(page: Page, story: demo.SampleStory) -> None:
    """If A+ or A− is pressed, then the story and its comments change their size together."""
    open_story(page, story)
    usual = sizes(page)
    page.get_by_role("button", name="A+").click()
    larger = sizes(page)
    assert larger[0] > usual[0]
    assert larger[1] > usual[1]
    page.get_by_role("button", name="A−").click()
    assert sizes(page) == usual
    page.get_by_role("button", name="A−").click()
    smaller = sizes(page)
    assert smaller[0] < usual[0]
    assert smaller[1] < usual[1]


def test_the_text_size_is_remembered(page: Page) -> None:
    """If a reader has enlarged one story, then it is so when they come back, and on the next story."""
    open_story(page, ENGLISH)
    page.get_by_role("button", name="A+").click(click_count=3)
    chosen = page.locator("html").get_attribute("data-size")
    larger = sizes(page)
    page.reload()
    expect(page.locator("meydan-comments .m-list").first).to_be_visible()
    assert sizes(page) == larger
    open_story(page, SORANI)
    assert page.locator("html").get_attribute("data-size") == chosen


def test_the_text_size_has_ends(page: Page) -> None:
    """If A+ is pressed again and again, then the text stops growing at twice its size and the button says so."""
    page.set_viewport_size({"width": 360, "height": 740})
    open_story(page, ENGLISH)
    button = page.get_by_role("button", name="A+")
    for _ in range(12):
        button.click(force=True)
    expect(button).to_have_attribute("aria-disabled", "true")
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_everything_to_press_is_large_enough_for_a_thumb(page: Page) -> None:
    """If a story is read on a phone, then the newspaper's buttons and its links to other stories are 44 pixels high."""
    page.set_viewport_size({"width": 360, "height": 740})
    open_story(page, SORANI)
    for target in page.locator(".size button, .editions a").all():
        box = target.bounding_box()
        assert box is not None
        assert min(box["height"], box["width"]) >= 44


def test_the_control_works_by_keyboard(page: Page) -> None:
    """If the control has the focus, then the keyboard does what a finger does, and the focus stays."""
    open_story(page, ENGLISH)
    usual = sizes(page)
    page.get_by_role("button", name="A+").focus()
    page.keyboard.press("Enter")
    assert sizes(page)[0] > usual[0]
    expect(page.get_by_role("button", name="A+")).to_be_focused()


# -- right to left ------------------------------------------------------------------


@pytest.mark.parametrize("story", [SORANI, ARABIC], ids=["ckb", "ar"])
def test_a_right_to_left_story_is_laid_out_so(page: Page, story: demo.SampleStory) -> None:
    """If a story is in an Arabic script, then its text, its thread and its form all run right to left."""
    open_story(page, story)
    for selector in (
        "html",
        "h1",
        ".body p",
        "meydan-comments section.meydan",
        "meydan-comments form",
        "meydan-comments .meydan-text",
    ):
        direction = page.locator(selector).first.evaluate("element => getComputedStyle(element).direction")
        assert direction == "rtl", selector
    side, text = page.locator(".about").bounding_box(), page.locator(".body").bounding_box()
    assert side is not None
    assert text is not None
    assert side["x"] > text["x"], "the column beside the text stands at the right"
    label, field = (
        page.locator(selector).first.bounding_box()
        for selector in ("meydan-comments label[for=meydan-name]", "#meydan-name")
    )
    assert label is not None
    assert field is not None
    assert abs((label["x"] + label["width"]) - (field["x"] + field["width"])) < 40, (
        "the label stands at the field's right"
    )


def test_the_english_story_runs_left_to_right(page: Page) -> None:
    """If the story is English, then everything runs left to right."""
    open_story(page, ENGLISH)
    for selector in ("h1", "meydan-comments form"):
        assert (
            page.locator(selector).first.evaluate("element => getComputedStyle(element).direction") == "ltr"
        )


# -- posting ------------------------------------------------------------------------


def test_the_two_required_fields_are_marked_and_checked(page: Page) -> None:
    """If name or comment is missing, then the browser says which, and nothing is sent."""
    open_story(page, ENGLISH)
    form = page.locator("meydan-comments form")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    for field in ("name", "text"):
        expect(form.locator(f"[name={field}]")).to_have_attribute("required", "")
        expect(form.locator(f"label[for=meydan-{field}]")).to_contain_text("required")
    form.locator("button[type=submit]").click()
    assert form.locator("[name=name]").evaluate("field => !field.validity.valid")
    form.locator("[name=name]").fill("Rojin")
    form.locator("button[type=submit]").click()
    assert form.locator("[name=text]").evaluate("field => !field.validity.valid")
    assert sent == []


def test_a_courteous_comment_is_approved_and_shown(page: Page) -> None:
    """If a courteous English comment is posted, then it is approved at once and stands among the comments."""
    open_story(page, ENGLISH)
    post(page, "Rojin", COURTEOUS)
    expect(page.locator("meydan-comments .m-list")).to_contain_text(COURTEOUS)


def test_an_abusive_comment_is_rejected_with_its_rule(page: Page, room: Newsroom) -> None:
    """If an abusive English comment is posted, then it is rejected, the breached rule is named, and nobody sees it."""
    open_story(page, ENGLISH)
    post(page, "Rojin", ABUSIVE)
    said = page.locator("meydan-comments [role=status]")
    expect(said).to_contain_text(room.meydan.desk.guidelines.rule("personal-attacks").title["en"])
    expect(page.locator("meydan-comments .m-list")).not_to_contain_text(ABUSIVE)


def test_a_comment_in_an_unmeasured_language_waits(page: Page, room: Newsroom) -> None:
    """If a Persian comment is posted under a Sorani story, then its author is told that it waits, and it is at the desk."""
    text = "از این گزارش سپاسگزارم، امیدوارم اتوبوس‌ها زود به کار بیفتند."
    open_story(page, SORANI)
    post(page, "ڕێبین", text)
    said = page.locator("meydan-comments [role=status]")
    expect(said).to_be_visible()
    expect(page.locator("meydan-comments .meydan > .m-list")).not_to_contain_text(text)
    held, _ = room.meydan.desk.held(limit=200, newest=True)
    assert text in [comment.text for comment in held]
    assert all(comment.status is Status.HELD for comment in held)


def test_a_story_can_be_discussed_without_javascript(browser: Browser, room: Newsroom) -> None:
    """If a browser runs no JavaScript, then a link leads to the comments and the form, and posting works."""
    context = browser.new_context(base_url=room.url, java_script_enabled=False)
    try:
        page = context.new_page()
        page.goto(ENGLISH.path)
        assert page.locator("[data-text-size]").is_hidden()
        page.get_by_role("link", name=ENGLISH.words.noscript).click()
        expect(page.locator("body")).to_contain_text(ENGLISH.comments[0].text)
        text = "The telephone line is a small thing, and I am grateful for it all the same."
        page.locator("[name=name]").fill("Aram")
        page.locator("[name=text]").fill(text)
        page.locator("form button[type=submit]").click()
        page.get_by_role("link", name="Back to the comments").click()
        expect(page.locator(".m-list")).to_contain_text(text)
    finally:
        context.close()


def post(page: Page, name: str, text: str) -> None:
    form = page.locator("meydan-comments form")
    form.locator("[name=name]").fill(name)
    form.locator("[name=text]").fill(text)
    form.locator("button[type=submit]").click()
