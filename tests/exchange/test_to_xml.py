"""What goes out as WXR or Disqus XML is read by any parser of XML, and comes back exactly."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings

from meydan.exchange.disqus import read_disqus
from meydan.exchange.meydan import Written
from meydan.exchange.record import CommentRecord, StoryRecord
from meydan.exchange.spelling import beyond, html_of, quoted, spelled, text_in, with_beyond
from meydan.exchange.to_disqus import as_disqus, write_disqus
from meydan.exchange.to_wordpress import as_wxr, write_wxr
from tests.exchange.strategies import HOSTILE, bodies, threads

Records = list[StoryRecord | CommentRecord]

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
WP = "{http://wordpress.org/export/1.2/}"
DISQUS, DSQ, OURS = "{http://disqus.com}", "{http://disqus.com/disqus-internals}", "{urn:meydan:export}"


def as_wordpress(records: Records) -> tuple[ElementTree.Element, Written]:
    out = io.BytesIO()
    made = write_wxr(
        out, records, lambda _: None, at=NOW, title="The Square & Co.", site="https://news.example"
    )
    return ElementTree.fromstring(out.getvalue()), made


def as_disqus_xml(records: Records) -> tuple[ElementTree.Element, Written]:
    out = io.BytesIO()
    ordered = sorted(records, key=lambda one: isinstance(one, CommentRecord))
    made = write_disqus(out, ordered, lambda _: None, at=NOW)
    return ElementTree.fromstring(out.getvalue()), made


def said(element: ElementTree.Element, name: str) -> str:
    found = element.find(name)
    assert found is not None, name
    return found.text or ""


def comments_in(records: Records) -> list[CommentRecord]:
    return [one for one in records if isinstance(one, CommentRecord)]


def stories_in(records: Records) -> list[StoryRecord]:
    return [one for one in records if isinstance(one, StoryRecord)]


@settings(max_examples=25)
@given(threads())
def test_wxr_says_all_of_a_record(records: Records) -> None:
    """If records go out as WXR, then its elements say what WXR has a place for, and with what is beside them, everything."""
    root, made = as_wordpress(records)
    items = root.findall("channel/item")
    assert [
        (said(item, "link"), said(item, "title"), said(item, f"{WP}comment_status")) for item in items
    ] == [
        (story.url, spelled_back(story.title or ""), "closed" if story.closed else "open")
        for story in stories_in(records)
    ]
    numbers: dict[str, str] = {}
    written = [(item, one) for item in items for one in item.findall(f"{WP}comment")]
    assert len(written) == len(comments_in(records)) == made.comments
    for record, (item, element) in zip(comments_in(records), written, strict=True):
        number = numbers[record.key] = said(element, f"{WP}comment_id")
        parent = said(element, f"{WP}comment_parent")
        assert parent == (numbers[record.parent] if record.parent else "0")
        approved = said(element, f"{WP}comment_approved")
        assert (approved == "1") == (record.state == "approved")
        plain = as_wxr(
            record, key=number, parent=None if parent == "0" else parent, story=said(item, f"{WP}post_id")
        )
        assert said(element, f"{WP}comment_author") == plain.name
        assert said(element, f"{WP}comment_content") == plain.body
        assert said(element, f"{WP}comment_author_email") == (record.email or "")
        assert (
            said(element, f"{WP}comment_date_gmt")
            == f"{record.submitted_at.year:04}-{record.submitted_at:%m-%d %H:%M:%S}"
        )
        meta = element.find(f"{WP}commentmeta/{WP}meta_value")
        told = plain if meta is None else with_beyond(plain, meta.text or "")
        assert replace(told, story=record.story) == record


@settings(max_examples=25)
@given(threads())
def test_disqus_xml_says_all_of_a_record_that_does_not_wait(records: Records) -> None:
    """If records go out as Disqus XML, then those that wait are left out, and of the others everything is said."""
    root, made = as_disqus_xml(records)
    threads_by_id = {one.get(f"{DSQ}id"): one for one in root.findall(f"{DISQUS}thread")}
    assert [
        (said(one, f"{DISQUS}link"), said(one, f"{DISQUS}isClosed")) for one in threads_by_id.values()
    ] == [(story.url, "true" if story.closed else "false") for story in stories_in(records)]
    outgoing = [one for one in comments_in(records) if one.state != "held"]
    posts = root.findall(f"{DISQUS}post")
    assert len(posts) == len(outgoing) == made.comments
    assert made.left_out.get("held", 0) == len(comments_in(records)) - len(outgoing)
    for record, post in zip(outgoing, posts, strict=True):
        thread = post.find(f"{DISQUS}thread")
        assert thread is not None
        number = thread.get(f"{DSQ}id") or ""
        assert said(threads_by_id[number], f"{DISQUS}link") == record.story
        plain = as_disqus(record, thread=number)
        parent = post.find(f"{DISQUS}parent")
        assert post.get(f"{DSQ}id") == plain.key
        assert (None if parent is None else parent.get(f"{DSQ}id")) == plain.parent
        assert said(post, f"{DISQUS}message") == plain.body
        shown = said(post, f"{DISQUS}isDeleted") == said(post, f"{DISQUS}isSpam") == "false"
        assert shown == (record.state == "approved")
        element = post.find(f"{OURS}beyond")
        told = plain if element is None else with_beyond(plain, element.text or "")
        assert replace(told, story=record.story) == record


def spelled_back(text: str) -> str:
    return ElementTree.fromstring(f"<a>{spelled(text)}</a>").text or ""


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_what_xml_can_spell_is_spelled(text: str) -> None:
    """If XML can spell a text, then a parser gives it back as it is, between tags and in an attribute."""
    can = not any(c in text for c in "\x01\x08\x0b\x1f\ufffe\uffff")
    element = ElementTree.fromstring(f"<a b={quoted(text)}>{spelled(text)}</a>")
    assert (element.text == text) == can
    assert (element.get("b") == text) == can


@settings(max_examples=50)
@given(bodies)
def test_text_made_html_is_the_same_text(body: str) -> None:
    """If a text goes out as HTML, then the text is found in it again, with and without marks at the ends of lines."""
    record = CommentRecord("a", "b", "c", body, NOW, "approved")
    for breaks in (False, True):
        assert text_in(html_of(record, breaks=breaks)) == body


def test_what_stands_beside_is_believed_only_there() -> None:
    """If somebody changed a comment's elements, or what stands beside them is no record, then the elements count."""
    record = CommentRecord(
        "a", "b", "Naz", "x < y", NOW.replace(microsecond=7), "withdrawn", language="tr", rules=("abuse",)
    )
    plain = as_wxr(record, key="1", parent=None, story="b")
    told = beyond(record, plain)
    assert told is not None
    assert with_beyond(plain, told) == record
    for changed in (
        replace(plain, body="x &lt; z"),
        replace(plain, name="Mem"),
        replace(plain, state="approved"),
        replace(plain, submitted_at=NOW.replace(year=2025)),
    ):
        assert with_beyond(changed, told) == changed
    hostile = (
        "", "{}", "[]", "null", "[" * 100_000, told[:-1], told.replace('"withdrawn"', '"shown"'),
        told.replace('"withdrawn"', "7"), told.replace('["abuse"]', "[7]"), told.replace('"tr"', "[]"),
        told.replace("+00:00", ""), told.replace('"language"', '"nothing"'), told.replace('"text"', '"pdf"'),
    )  # fmt: skip
    for said_beside in hostile:
        assert with_beyond(plain, said_beside) == plain, said_beside[:60]


FORGED: dict[str, Any] = {
    "submitted_at": (None, 5, [], "2026-11-29T12:00:00", "0001-01-01T00:00:00+14:00", "yesterday"),
    "decided_at": (5, {}, "2026-11-29", "9999-12-31T23:59:59-14:00"),
    "place": (5, "line 1", None),
    "story": (5, "another", None),
    "key": (None, 5), "name": (None, []), "body": (None, 5), "parent": (5, []), "email": (5,), "author_key": ({},),
    "language": (False,), "reason": (5,), "rules": ("abuse", None, {"abuse": 1}, [None], 5),
    "state": (None, "shown", [], {}), "body_format": (None, "pdf", []), "nothing": (None, "x"),
    "__class__": ("x",), "unmarked": ("yes", None, 1, []),
}  # fmt: skip


@pytest.mark.parametrize(("name", "value"), [(name, one) for name, many in FORGED.items() for one in many])
def test_what_no_export_of_ours_says_is_passed_over(name: str, value: object, tmp_path: Path) -> None:
    """If somebody forges what stands beside a post, digest and all, then the post is read as if it were not there."""
    story = StoryRecord("a", "https://news.example/a")
    comment = CommentRecord("7", "a", "Naz", "<p>So.</p>", NOW, "approved", body_format="html")
    out = io.BytesIO()
    write_disqus(out, [story, comment], lambda _: None, at=NOW)
    bare = tmp_path / "bare.xml"
    bare.write_bytes(out.getvalue())
    (plain,) = comments_in(list(read_disqus(bare)))  # type: ignore[arg-type]
    there = json.loads(beyond(replace(plain, reason="x"), plain) or "")
    forged = json.dumps({"beside": there["beside"], "author_key": "x", name: value})
    file = tmp_path / "forged.xml"
    beside = f"<meydan:beyond>{spelled(forged)}</meydan:beyond></post>".encode()
    file.write_bytes(out.getvalue().replace(b"</post>", beside))
    assert comments_in(list(read_disqus(file))) == [plain]  # type: ignore[arg-type]


def test_a_comment_before_its_story_is_a_fault_of_ours() -> None:
    """If a comment does not come after its own story, then WXR is not written wrongly: it fails."""
    story = StoryRecord("a", "https://news.example/a")
    comment = CommentRecord("c", "b", "Naz", "x", NOW, "approved")
    for records in ([comment], [story, comment]):
        with pytest.raises(ValueError, match="after its own story"):
            as_wordpress(records)
