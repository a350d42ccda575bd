"""The report of a trial, in a real browser: both themes, a telephone and a desk, in print; words of every direction stay in their place."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from benchmarks import trial as simulated
from playwright.sync_api import Browser, Page, expect

from meydan.comment import Verdict
from meydan.evaluate.trial import Plan, Trial, trial_of
from meydan.evaluate.trial_page import trial_page
from meydan.evaluate.trial_sample import Chosen, Untaken
from meydan.judge import Calibrations
from meydan.policy import load

pytestmark = pytest.mark.browser

SIZES = {"phone": {"width": 390, "height": 844}, "desk": {"width": 1280, "height": 900}}
HOSTILE = "<script>document.title = 'taken'</script><img src=x onerror=\"document.title = 'taken'\">"
OVERRIDE = "Read this \u202ebackwards\u2066 and never close it"
SORANI = "ئەم ڕاپۆرتە باش نووسراوە، بەڵام ژمارەی کۆتایی (2024) هەڵەیە."
ARABIC = "شكرا على المقال، لكن الرقم 42% في الفقرة الثالثة غير صحيح."
LONG = "Nowordbreaks" * 40
OFFENCE = "إهانة"
WORDS = (ARABIC, HOSTILE, SORANI, OVERRIDE, LONG, "A plain sentence.\n\nWith an empty line in it.")


@pytest.fixture(scope="module")
def found() -> Trial:
    """A trial whose disagreements have words of every kind: some of what is held out was decided otherwise than the scores say."""
    made = simulated.archive(3_000, np.random.default_rng(9), tongues=("en", "tr"))
    first = _tried(made.chosen, made)
    past = list(made.chosen.past)
    decided = [
        i for i, one in enumerate(first.outcomes) if one.decision and one.decision.verdict is not Verdict.HOLD
    ]
    rejected = [i for i in decided if not past[i].approved]
    for number, i in enumerate([*decided[:60:5], *rejected[:60:5]]):
        one = past[i]
        past[i] = replace(
            one,
            text=WORDS[number % len(WORDS)],
            title=f"عنوان الخبر: <b>bold</b> {OVERRIDE} \u2069{'ا' * 100_000}" if number % 2 else "A story",
            approved=not one.approved,
            rules=("</dl>off", OFFENCE) if one.approved else (),
        )
    untaken = (
        Untaken("not-utf-8", 3, "It is not UTF-8.", ("line 3", f"post {HOSTILE} {OVERRIDE}", "line 9")),
    )
    return _tried(
        replace(made.chosen, past=tuple(past), untaken=untaken, copies=2, months={"2025-01": 3_000}), made
    )


def _tried(chosen: Chosen, made: simulated.Archive) -> Trial:
    return trial_of(
        chosen, made.evidence, load(), Plan(), before=Calibrations(), model="sha256:m", source="s", today=date(2026, 11, 29),
        measured_seconds=12.0,
    )  # fmt: skip


@pytest.fixture(scope="module")
def report(found: Trial, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("trial") / "report.html"
    path.write_text(trial_page(found, load(), name="<past>.csv", facts=[("judge", "0123")]), encoding="utf-8")
    return path


def opened(page: Page, report: Path) -> list[str]:
    """Open the report; what it asked for besides itself."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(report.as_uri())
    return [url for url in asked if url != report.as_uri()]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", list(SIZES))
def test_the_report_is_sound(browser: Browser, report: Path, theme: str, size: str) -> None:
    """If the report is opened, then axe finds nothing, nothing overflows, nothing is fetched, and no word of a reader runs."""
    context = browser.new_context(viewport=SIZES[size], color_scheme=theme)  # type: ignore[arg-type]
    try:
        page = context.new_page()
        assert opened(page, report) == []
        page.eval_on_selector_all("details", "all => all.forEach(one => one.open = true)")
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        assert page.title() == "What Meydan would have decided"
        assert page.locator("main img, main script").count() == 0
        # Both of the kinds of disagreement are there to read.
        assert page.locator("article.case").count() > 4
    finally:
        context.close()


def test_words_run_their_own_way(browser: Browser, report: Path) -> None:
    """If words run from the right, then they do so in their own column, are there to the letter, and turn nothing else round."""
    context = browser.new_context(viewport=SIZES["desk"])  # type: ignore[arg-type]
    try:
        page = context.new_page()
        opened(page, report)
        shown = set(
            page.locator("article.case .meydan-text").evaluate_all("all => all.map(one => one.textContent)")
        )
        assert shown <= set(WORDS)
        assert {ARABIC, HOSTILE, OVERRIDE} <= shown
        arabic = page.locator("article.case", has_text=ARABIC).first
        expect(arabic.locator(".meydan-text")).to_have_css("direction", "rtl")
        expect(arabic.locator("dl")).to_have_css("direction", "ltr")
        text, facts = arabic.locator(".meydan-text").bounding_box(), arabic.locator("dl").bounding_box()
        assert text is not None
        assert facts is not None
        assert text["x"] + text["width"] <= facts["x"]
        assert abs(text["y"] - facts["y"]) < 30
        assert page.locator("article.case bdi", has_text="rejected: </dl>off").count() > 3
        # A reason that runs from the right does not take the number behind it along.
        reasons = page.locator("li", has_text=f"“{OFFENCE}”")
        reasons.evaluate("one => one.style.whiteSpace = 'nowrap'")
        word, number = (
            reasons.evaluate(
                """(one, [word, wanted]) => {
                    const text = one.firstChild, range = document.createRange();
                    const at = text.data.indexOf(wanted, text.data.indexOf(word));
                    range.setStart(text, at); range.setEnd(text, at + wanted.length);
                    const box = range.getBoundingClientRect(); return [box.left, box.right]; }""",
                [OFFENCE, wanted],
            )
            for wanted in (OFFENCE, _number_behind(reasons.inner_text()))
        )
        assert word[1] <= number[0]
    finally:
        context.close()


def _number_behind(told: str) -> str:
    return "(" + told.partition(f"“{OFFENCE}”")[2].partition("(")[2].partition(")")[0] + ")"


def test_the_report_prints(browser: Browser, report: Path) -> None:
    """If the report is printed in the dark, then it is black on white, and what was folded away is there."""
    context = browser.new_context(viewport=SIZES["desk"], color_scheme="dark")  # type: ignore[arg-type]
    try:
        page = context.new_page()
        opened(page, report)
        page.emulate_media(media="print")
        expect(page.locator("body")).to_have_css("color", "rgb(0, 0, 0)")
        expect(page.locator("details table").first).to_be_visible()
        assert page.pdf()[:4] == b"%PDF"
    finally:
        context.close()
