"""What a browser shows is what the reader sent, and stays where it was put."""

from __future__ import annotations

import json
import random
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup
from playwright.sync_api import Browser, Page

from meydan.comment import Span
from meydan.text import render

LABELS = st.sampled_from(["threat", "profanity", '"><b>'])
SPANS = st.lists(
    st.builds(Span, label=LABELS, begin=st.integers(-2, 14), end=st.integers(-2, 14), source=st.just("test"))
)


@pytest.fixture
def page(browser: Browser) -> Page:
    """An empty page with the stylesheet that the module asks for, in the widget's place."""
    page = browser.new_page()
    page.set_content(f"<!doctype html><meta charset=utf-8><style>{render.CSS}</style><main></main>")
    return page


def every_kind_of_character() -> list[str]:
    """Texts that together hold every control, format, space and noncharacter, and samples of all planes."""
    chance = random.Random(5)
    low = [chr(c) for c in range(1, 0x3000)]
    chosen = [chr(c) for c in (*range(0xE000, 0xE010), *range(0xFB50, 0x10000))]
    planes = [chr(plane << 16 | chance.randrange(0xFFFE)) for plane in range(1, 17) for _ in range(60)]
    last = [chr(plane << 16 | end) for plane in range(17) for end in (0xFFFE, 0xFFFF)]
    tricky = [
        "\r",
        "\r\n",
        "\n\r",
        "\n\nleading",
        "trailing\n",
        "\ttab",
        " spaces  ",
        "\x0c\x0b\x1b\x85",
        "\ufeffbom",
    ]
    markup = [
        "<b>&amp;</b>",
        "</p><script>alert(1)</script>",
        "&#13; &notit; &#x41",
        "<!-- x",
        "]]>",
        "'\"`=",
    ]
    everything = "".join(low + chosen + planes + last)
    return [everything, everything[::-1], *tricky, *markup]


@pytest.mark.browser
@pytest.mark.parametrize("way", ["whole page", "fragment"])
def test_the_browser_gives_back_what_was_sent(browser: Browser, way: str) -> None:
    """If any text but NUL and lone surrogates is shown, then `textContent` is that text, every character."""
    texts = every_kind_of_character()
    makers = (
        render.comment,
        render.name,
        lambda text: render.highlighted(
            text, [Span("threat", 1, 3, "test"), Span("profanity", 2, 9, "test")]
        ),
    )
    made = [str(make(text)) for make in makers for text in texts]
    page = browser.new_page()
    if way == "whole page":
        document = "<!doctype html><meta charset=utf-8>" + "".join(
            f"<section>{html}</section>" for html in made
        )
        page.route(
            "http://meydan.test/",
            lambda route: route.fulfill(body=document.encode(), content_type="text/html"),
        )
        page.goto("http://meydan.test/")
    else:
        page.set_content("<!doctype html><main></main>")
        page.evaluate(
            """pieces => {
                for (const html of pieces) {
                    const section = document.createElement('section');
                    section.innerHTML = html;
                    document.querySelector('main').append(section);
                }
            }""",
            made,
        )
    shown = page.evaluate(
        "() => [...document.querySelectorAll('section')].map(s => JSON.stringify(s.textContent))"
    )
    page.close()
    assert [json.loads(text) for text in shown] == texts * len(makers)


@given(st.text(), SPANS)
def test_highlighting_adds_no_words_and_loses_none(text: str, spans: list[Span]) -> None:
    """If stretches overlap, touch or lie outside, then the marked text without its tags is the text."""
    made = render.highlighted(text, spans)
    assert "<b>" not in made
    inner = made[made.index(">") + 1 : -len("</p>")]
    bare = str(Markup(inner)).replace("</mark>", "")
    while "<mark" in bare:
        begin = bare.index("<mark")
        bare = bare[:begin] + bare[bare.index(">", begin) + 1 :]
    assert Markup(bare).unescape() == text


@given(st.text("abc", min_size=1, max_size=12), SPANS)
def test_every_label_is_marked_where_it_weighed(text: str, spans: list[Span]) -> None:
    """If a character lies in stretches of some labels, then its mark names exactly these."""
    pieces = str(render.highlighted(text, spans)).split(">", 1)[1].removesuffix("</p>")
    labels: list[set[str]] = []
    for piece in pieces.replace("</mark>", "\0").replace("<mark", "\0<mark").split("\0"):
        if piece.startswith("<mark"):
            head, words = piece.split(">", 1)
            named = set(str(Markup(head.split('data-label="')[1].removesuffix('"')).unescape()).split())
            labels += [named] * len(words)
        else:
            labels += [set()] * len(piece)
    for i in range(len(text)):
        assert labels[i] == {span.label for span in spans if span.begin <= i < span.end}


def test_no_empty_mark() -> None:
    """If a stretch is empty or outside, then nothing is marked."""
    spans = [Span("threat", 3, 3, "t"), Span("threat", 5, 2, "t"), Span("threat", 90, 99, "t")]
    assert "<mark" not in render.highlighted("some words", spans)


def test_markup_is_shown_as_the_characters_it_is() -> None:
    """If a comment or a name holds markup, then it is escaped."""
    for make in (render.comment, render.name):
        assert "<script" not in make("<script>alert('x')</script>")
        assert "&lt;script&gt;" in make("<script>")


def test_the_language_is_named_only_if_it_is_one() -> None:
    """If a language tag is known, then the block carries it; anything else is left out."""
    assert 'lang="kmr-Latn"' in render.comment("Silav", language="kmr-Latn")
    for tag in (None, "", "und", 'x" onclick="', "en us"):
        assert "lang=" not in render.comment("Hi", language=tag)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello", "ltr"),
        ("سلاو", "rtl"),
        ("שלום", "rtl"),
        ("123 — سلاو world", "rtl"),
        ("«Well», سلاو", "ltr"),
        ("😀 ... 12", "ltr"),
        ("", "ltr"),
        ("\u2067abc\u2069 سلاو", "rtl"),
        ("\u2069\u2069 abc", "ltr"),
        ("\u2066 سلاو", "ltr"),
        ("\u200fabc", "rtl"),
    ],
)
def test_direction_is_that_of_the_first_strong_letter(text: str, expected: str) -> None:
    """If a text begins with a strong letter outside isolates, then it runs that letter's way."""
    assert render.direction(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "@Daniel كلامك صحيح",
            '<p class="meydan-text" dir="rtl"><span class="meydan-rtl"><bdi>@Daniel</bdi></span> كلامك صحيح</p>',
        ),
        ("@ليلى well said", '<p class="meydan-text" dir="ltr"><bdi>@ليلى</bdi> well said</p>'),
        (
            "https://a.example/b/ بخوێنەرەوە.",
            '<p class="meydan-text" dir="rtl"><span class="meydan-rtl"><bdi>https://a.example/b/</bdi></span> بخوێنەرەوە.</p>',
        ),
        ("@ليلى", '<p class="meydan-text" dir="rtl"><bdi>@ليلى</bdi></p>'),
        ("me@home.example @\u202ename", '<p class="meydan-text" dir="ltr">me@home.example @\u202ename</p>'),
    ],
)
def test_who_is_named_turns_nobodys_words(text: str, expected: str) -> None:
    """If a comment begins with an @name or a web address, then it runs the way of its own words."""
    assert render.comment(text) == expected


# The measured box of a neighbour, before and after a comment is put beside it.
WHERE = """html => {
    const main = document.querySelector('main');
    main.innerHTML = '<p>before <i>left</i> ' + html[1] + ' <b>middle</b> after <u>right</u></p>' + html[0] +
        '<p id=next>one <i>two</i> <b>three</b></p>';
    return [...main.querySelectorAll('i, b, u')].map(e => {
        const r = e.getBoundingClientRect(); return [e.textContent, Math.round(r.left)];
    });
}"""


@pytest.mark.browser
@pytest.mark.parametrize(
    "hostile",
    [
        "\u202eabc",
        "\u202e\u202e\u202e",
        "\u2069\u2069\u2069\u202eabc",
        "\u2069\u202c\u202eabc\u2069\u202e",
        "\u2067\u2067\u2067abc",
        "\u202babc سلاو",
        "سلاو \u202dabc",
        "\u2029\u202eabc",
    ],
)
def test_no_direction_control_leaves_its_place(page: Page, hostile: str) -> None:
    """If a comment or a name holds unmatched direction controls, then the words beside it stay in order."""
    made = [str(render.comment(hostile)), str(render.name(hostile))]
    order = [word for word, _ in sorted(page.evaluate(WHERE, made)[:3], key=lambda box: box[1])]
    assert order == ["left", "middle", "right"]
    after = [word for word, _ in sorted(page.evaluate(WHERE, made)[3:], key=lambda box: box[1])]
    page.close()
    assert after == ["two", "three"]


@pytest.mark.browser
def test_piled_marks_paint_nothing_outside(page: Page) -> None:
    """If ten thousand marks are piled on one letter, then not a pixel outside the comment changes."""
    html = "<p id=above>above</p><div id=here>{}</div><p id=below>below</p>"
    page.set_viewport_size({"width": 400, "height": 400})
    pictures = []
    for text in ("Z", "Z" + "\u0301\u0316" * 5000):
        page.evaluate(
            "html => { document.querySelector('main').innerHTML = html; }", html.format(render.comment(text))
        )
        box = page.locator("#here p").bounding_box()
        assert box is not None
        assert box["height"] < 100
        pictures.append(page.locator("#above").screenshot() + page.locator("#below").screenshot())
    page.close()
    assert pictures[0] == pictures[1]


@pytest.mark.browser
def test_line_breaks_are_shown(page: Page) -> None:
    """If a comment has line breaks, then it is as many lines high, the empty ones included."""

    def height(text: str) -> float:
        page.evaluate(
            "html => { document.querySelector('main').innerHTML = html; }", str(render.comment(text))
        )
        box = page.locator("main p").bounding_box()
        assert box is not None
        return float(box["height"])

    one = height("a")
    assert height("a\n\nb") == pytest.approx(3 * one, abs=1)
    assert height("\n\na") == pytest.approx(3 * one, abs=1)
    page.close()


def test_rendering_hostile_text_is_quick() -> None:
    """If every character is its own stretch, then the marked text is still made in one pass."""
    text = "<&\r" * 3000
    spans = [Span("threat", i, min(len(text), i + 3), "t") for i in range(len(text))]
    assert sys.getsizeof(render.highlighted(text, spans)) < 2_000_000
