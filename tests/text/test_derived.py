"""
What people read of HTML: every word, no markup, and where links lead to.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meydan.text.derived import text_of_html
from tests.proportion import in_proportion

READ = [
    ("no markup at all,\n\nas typed", "no markup at all,\n\nas typed"),
    ("one\r\ntwo\rthree", "one\ntwo\nthree"),
    ("<p>First.</p><p>Second.</p>", "First.\n\nSecond."),
    ("<p>First.</p>\n\n\n<p>Second.</p>", "First.\n\nSecond."),
    ("one<br>two<br/>three", "one\ntwo\nthree"),
    ("5 &lt; 6 &amp;&amp; 7 &gt; 6 &#8217; &unknown;", "5 < 6 && 7 > 6 ’ &unknown;"),
    ("I <3 this, 2 < 3", "I <3 this, 2 < 3"),
    ("<b>bold</b> and <i>not</i>", "bold and not"),
    ("<ul><li>one</li><li>two</li></ul>after", "- one\n- two\n\nafter"),
    ("<blockquote><p>Theirs.</p></blockquote>Mine.", "> Theirs.\n\nMine."),
    ('see <a href="https://news.example/a">this</a>.', "see this (https://news.example/a)."),
    ('<a href="https://news.example/a">https://news.example/a</a>', "https://news.example/a"),
    ('<a href="https://news.example/a-long-one">news.example/a-lo...</a>', "https://news.example/a-long-one"),
    (
        '<a href="https://bad.example/">https://good.example/</a>',
        "https://good.example/ (https://bad.example/)",
    ),
    ('<a href="javascript:alert(1)">press</a>', "press"),
    ('<a href="https://news.example/">', ""),
    ('a<img src="https://news.example/i.png" alt="A cat">', "a A cat (https://news.example/i.png)"),
    ("a<script>alert('x')</script>b<style>p{}</style>c", "abc"),
    ("<!-- hidden -->shown<![CDATA[hidden]]>", "shown"),
    ("&#0;&#xD800;", "\ufffd\ufffd"),
    ("سڵاو <br> ئەمە <b>باشە</b>", "سڵاو\n ئەمە باشە"),
]


@pytest.mark.parametrize(("body", "text"), READ)
def test_html_reads_as_people_read_it(body: str, text: str) -> None:
    """
    If a body has markup, then its words are read in lines as they were shown, with the addresses of its links.
    """
    assert text_of_html(body) == text


PARTS = st.sampled_from(
    ["<p>", "</p>", "<br>", "<a href='https://a.example'>", "</a>", "<script>", "</script>", "<!--", "-->", "<", ">", "&",
     "&lt;", "word", " ", "\n", "<blockquote>", "</blockquote>", "<li>", '"', "<![", "<?", "</", "é", "\x00", "<img alt=x>"]
)  # fmt: skip


@given(st.lists(PARTS, max_size=30).map("".join))
def test_any_markup_becomes_text(body: str) -> None:
    """
    If a body is markup of any kind, then text comes out: no NUL, no more than one empty line at once.
    """
    text = text_of_html(body)
    assert "\n\n\n" not in text or ("<" not in body and "&" not in body)
    assert "\x00" not in text or ("<" not in body and "&" not in body)


@pytest.mark.parametrize(
    "piece",
    [
        "<",
        "<a ",
        "<!--",
        "<![",
        "&",
        "<a href='",
        "</",
        "<p>",
        "<blockquote>",
        "<a href=x>",
        "<script>",
        "\n <br>",
    ],
)
def test_hostile_markup_takes_time_in_proportion(piece: str) -> None:
    """
    If a body of the longest kind is hostile, then reading it takes time in proportion to its length.
    """
    assert in_proportion(text_of_html, lambda size: piece * (size // len(piece)), 100_000)
