"""The transparency report in a real browser: both themes, a telephone and a desk, both directions, in print; nothing of it is wider than the page."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from meydan.transparency.recount import TOTAL, Counts, Span
from meydan.transparency.report import Bound, Language, Report
from meydan.transparency.report_page import report_page

pytestmark = pytest.mark.browser

SIZES = {"phone": {"width": 390, "height": 844}, "desk": {"width": 1280, "height": 900}}
HOSTILE = "<script>document.title = 'taken'</script>"
OVERRIDE = "Backwards \u202e rule"
SPAN = Span(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 7, 1, tzinfo=UTC))


def a_report() -> Report:
    ledger: dict[str, dict[str, int]] = {}
    for number, month in enumerate(SPAN.months, 1):
        ledger[month] = {
            "sent": 1200 * number, "approved.machine": 700 * number, "approved.moderator": 200 * number, "approved.import": 40,
            "rejected.machine": 90 * number, "rejected.moderator": 60 + number, "rule.profanity.machine": 50 * number,
            "rule.abuse.moderator": 30, "rule.hostile.moderator": 7, "rule.override.import": 3, "overturned.machine.rejected": number,
            "withdrawn": 3, "erased": number, "wait.all.median": 400_000, "wait.all.ninety": 3_600_000_000,
            "wait.people.median": number * 700_000_000, "wait.people.ninety": number * 20_000_000_000,
        }  # fmt: skip
    ledger[SPAN.months[1]] = {}
    total: dict[str, int] = {}
    for counts in ledger.values():
        for name, counted in counts.items():
            total[name] = counted if name.startswith("wait.") else total.get(name, 0) + counted
    store: Counts = {
        **{month: {} for month in SPAN.months},
        TOTAL: {"appealed": 40, "appeals.decided": 31, "appeals.approved": 9},
    }
    return Report(
        f"The Square {HOSTILE}",
        SPAN,
        datetime(2026, 6, 29, 9, 30, tzinfo=UTC),
        123_456,
        bytes(range(32)),
        {**ledger, TOTAL: {**total, "waiting": 17}},
        store,
        (
            Language("en", {"sent": 9000, "approved.machine": 7000, "rejected.machine": 400, "audited.approve.approve": 130, "audited.approve.reject": 2}),
            Language("kmr-Arab", {"sent": 300, "approved.moderator": 290, "audited.hold.approve": 11}),
            Language("x-unheard", {"sent": 12}),
            Language("other", {"sent": 14}),
        ),
        (
            Bound("en", "approvals", 0.05, 0.9, 1, 120, 0.0004, 0.039, withdrawn=False),
            Bound("en", "rejections", 0.01, 0.9, None, None, None, None, withdrawn=True),
        ),
    )  # fmt: skip


TITLES = {"hostile": HOSTILE, "override": OVERRIDE}


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("report")
    found = {}
    for language in ("en", "ar", "ckb", "tr", "kmr-Latn", "kmr-Arab"):
        found[language] = folder / f"{language}.html"
        page = report_page(a_report(), language=language, title_of=lambda rule: TITLES.get(rule, rule))
        found[language].write_text(page, encoding="utf-8")
    empty = replace(
        a_report(), ledger={part: {} for part in (*SPAN.months, TOTAL)}, languages=(), bounds=(), publication="Empty"
    )  # fmt: skip
    found["empty"] = folder / "empty.html"
    found["empty"].write_text(report_page(empty, language="en"), encoding="utf-8")
    return found


@pytest.mark.parametrize(
    ("language", "size", "theme"),
    [("en", "phone", "dark"), ("en", "desk", "light"), ("ar", "phone", "light"), ("ar", "desk", "dark")],
)
def test_the_page_can_be_read_anywhere(
    browser: Browser, pages: dict[str, Path], language: str, size: str, theme: str
) -> None:
    """If the page is opened in a theme, a size and a direction, then nothing is fetched, nothing runs, nothing is wider than the page, and axe finds no fault."""
    page = browser.new_page(viewport=SIZES[size], color_scheme=theme)  # type: ignore[arg-type]
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    try:
        page.goto(pages[language].as_uri())
        assert asked == [pages[language].as_uri()]
        assert "taken" not in page.title().replace(HOSTILE, "")
        assert page.locator("script").count() == 0
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.locator("html").get_attribute("dir") == ("rtl" if language == "ar" else "ltr")
        found = Axe().run(page).response["violations"]
        assert [(one["id"], [node["html"] for node in one["nodes"]][:2]) for one in found] == []
    finally:
        page.close()


def test_drawings_run_the_way_of_the_page(browser: Browser, pages: dict[str, Path]) -> None:
    """If the page runs from the right to the left, then bars begin at the right and names stand above where they begin."""
    page = browser.new_page(viewport=SIZES["phone"])
    try:
        for language, first in (("en", "left"), ("ckb", "right")):
            page.goto(pages[language].as_uri())
            box = page.locator("svg").first.bounding_box()
            bar = page.locator("svg rect.ma").first.bounding_box()
            name = page.locator("svg text").first.bounding_box()
            assert box is not None and bar is not None and name is not None  # noqa: PT018
            for one in (bar, name):
                edge = (
                    one["x"] - box["x"]
                    if first == "left"
                    else box["x"] + box["width"] - one["x"] - one["width"]
                )
                assert abs(edge) < 2, (language, one)
    finally:
        page.close()


@pytest.mark.parametrize("name", ["ckb", "tr", "kmr-Latn", "kmr-Arab", "empty"])
def test_every_language_and_an_empty_span_stand_on_a_telephone(
    browser: Browser, pages: dict[str, Path], name: str
) -> None:
    """If the page is in any of the six languages, or of a span in which nothing happened, then it is whole on a telephone; each table has its whole words."""
    page = browser.new_page(viewport=SIZES["phone"])
    try:
        page.goto(pages[name].as_uri())
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.locator("h2").count() == 10
        assert "{" not in page.locator("main").inner_text()
    finally:
        page.close()


def test_on_paper_it_is_black_on_white(browser: Browser, pages: dict[str, Path]) -> None:
    """If a dark page is printed, then it is light, and all of its figures are on it."""
    page = browser.new_page(color_scheme="dark")
    try:
        page.goto(pages["en"].as_uri())
        page.emulate_media(media="print")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert page.evaluate("getComputedStyle(document.body).color") == "rgb(0, 0, 0)"
    finally:
        page.close()


def test_what_was_decided_elsewhere_stands_at_a_glance(pages: dict[str, Path]) -> None:
    """If comments were brought from another system, then what became of them there stands beside how many were sent; else nothing of it."""
    look = re.compile(r'<dl class="look">.*?</dl>', re.S)
    [brought] = look.findall(pages["en"].read_text(encoding="utf-8"))
    assert re.search(r'Elsewhere: approved</dt><dd class="large">200<', brought)
    assert "Elsewhere: rejected" not in brought
    [nothing] = look.findall(pages["empty"].read_text(encoding="utf-8"))
    assert "Elsewhere" not in nothing
