"""Files of Disqus and WordPress, as they should be and as they are found: rows, and a word for each that is none."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from meydan.errors import FileCutShort, NotThatFormat
from meydan.exchange.disqus import read_disqus
from meydan.exchange.record import CommentRecord, Fault, StoryRecord
from meydan.exchange.wordpress import read_wordpress
from meydan.exchange.xml import LONGEST_TEXT

DISQUS = """<?xml version="1.0" encoding="utf-8"?>
<disqus xmlns="http://disqus.com" xmlns:dsq="http://disqus.com/disqus-internals">
<category dsq:id="9"><forum>square</forum><title>General</title><isDefault>true</isDefault></category>
<thread dsq:id="t1"><id/><id/><forum>square</forum><category dsq:id="9"/><link>https://news.example/a?p=1</link>
<title>On roads &amp; rivers</title><message/><createdAt>2015-03-08T16:00:00Z</createdAt>
<author><email>desk@news.example</email><name>Desk</name></author><isClosed>true</isClosed><isDeleted>false</isDeleted></thread>
<thread><id>t2</id><link>https://news.example/b</link><title/></thread>
<thread><title>Nobody's</title></thread>
{posts}
</disqus>"""


def post(attributes: str = 'dsq:id="p1"', thread: str = '<thread dsq:id="t1"/>', **given: str) -> str:
    said = {
        "id": "",
        "message": "<![CDATA[<p>Well said.</p>\n]]>",
        "createdAt": "2015-03-08T16:04:35Z",
        "isDeleted": "false",
        "isSpam": "false",
        "author": "<email>rojin@mail.example</email><name>Rojin</name><isAnonymous>false</isAnonymous><username>facebook-1</username>",
    }
    elements = "".join(f"<{name}>{value}</{name}>" for name, value in {**said, **given}.items())
    return f"<post {attributes}>{elements}{thread}</post>"


def disqus(folder: Path, *posts: str, encoding: str = "utf-8", packed: bool = False) -> list[Any]:
    path = folder / "disqus.xml"
    body = DISQUS.format(posts="\n".join(posts)).replace('"utf-8"', f'"{encoding}"').encode(encoding)
    path.write_bytes(gzip.compress(body) if packed else body)
    return list(read_disqus(path))


def until_it_breaks(path: Path) -> tuple[list[Any], FileCutShort]:
    given = []
    try:
        for record in read_disqus(path):
            given.append(record)
    except FileCutShort as error:
        return given, error
    raise AssertionError("it did not break")


def test_disqus_posts_and_threads_are_read(tmp_path: Path) -> None:
    """
    If a Disqus export is read, packed or not, then each thread is a story and each post a comment, its body as it stands.
    """
    for packed in (False, True):
        one, two, fault, first, second = disqus(
            tmp_path,
            post(),
            post('dsq:id="p2"', '<thread dsq:id="t1"/><parent dsq:id="p1"/>', author="<name>Azad</name>"),
            packed=packed,
        )
        assert one == StoryRecord(
            "t1", "https://news.example/a?p=1", "On roads & rivers", closed=True,
            created_at=datetime(2015, 3, 8, 16, tzinfo=UTC),
        )  # fmt: skip
        assert (two.key, two.title, fault.kind) == ("t2", None, "no-id")
        assert first == CommentRecord(
            key="p1", story="t1", name="Rojin", body="<p>Well said.</p>\n",
            submitted_at=datetime(2015, 3, 8, 16, 4, 35, tzinfo=UTC), state="approved", body_format="html",
            email="rojin@mail.example", author_key="facebook-1", place="line 9",
        )  # fmt: skip
        assert (second.parent, second.email, second.author_key) == ("p1", None, None)


@pytest.mark.parametrize(
    ("row", "found"),
    [
        (post(isSpam="true"), "rejected"),
        (post(isDeleted="true"), "withdrawn"),
        (post(isDeleted="true", message=""), "erased"),
        (post(isDeleted="true", isSpam="true"), "rejected"),
        (post(""), "no-id"),
        (post("", id="77"), "approved"),
        (post(thread=""), "no-story"),
        (post(createdAt="yesterday"), "no-time"),
        (post(createdAt=""), "no-time"),
        (post(createdAt="2015-03-08T16:04:35"), "approved"),
        (post(message="x" * (LONGEST_TEXT + 1)), "too-long"),
        (post(author=""), "approved"),
    ],
)
def test_disqus_posts_are_what_they_say(tmp_path: Path, row: str, found: str) -> None:
    """
    If a post is spam, deleted, or lacks what a comment has to have, then it is read as that, or there is a line on it.
    """
    *_, record = disqus(tmp_path, row)
    assert (record.kind if isinstance(record, Fault) else record.state) == found


def test_other_encodings_are_read_as_declared(tmp_path: Path) -> None:
    """
    If a file declares another encoding, then it is read in that; and one that is not in the encoding it declares is told of.
    """
    *_, record = disqus(tmp_path, post(message="çığ"), encoding="iso-8859-9")
    assert record.body == "çığ"
    path = tmp_path / "wrong.xml"
    path.write_bytes(DISQUS.format(posts=post() + post('dsq:id="p2"', message="çığ")).encode("iso-8859-9"))
    given, error = until_it_breaks(path)
    assert "line 10" in error.message
    assert given[-1].key == "p1"
    path.write_bytes(DISQUS.replace('"utf-8"', '"no-such"').format(posts="").encode())
    with pytest.raises(NotThatFormat):
        list(read_disqus(path))


@pytest.mark.parametrize("keep", [0.5, 0.8, 0.99])
@pytest.mark.parametrize("packed", [False, True])
def test_a_file_that_ends_in_its_middle_gives_what_was_before(
    tmp_path: Path, keep: float, packed: bool
) -> None:
    """
    If a file ends in its middle, then all whole comments before that are given, and that it ended.
    """
    body = DISQUS.format(
        posts="\n".join(post(f'dsq:id="{n}"', message=f"{n} " * 400) for n in range(500))
    ).encode()
    path = tmp_path / "disqus.xml"
    whole = gzip.compress(body) if packed else body
    path.write_bytes(whole[: int(len(whole) * keep)])
    given, _ = until_it_breaks(path)
    keys = [record.key for record in given if isinstance(record, CommentRecord)]
    assert keys == [f"{n}" for n in range(len(keys))]
    assert len(keys) >= 500 * keep * (0.3 if packed else 0.9)


BOMB = """<?xml version="1.0"?><!DOCTYPE d [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><disqus>&b;</disqus>"""
OUTSIDE = (
    """<?xml version="1.0"?><!DOCTYPE d [<!ENTITY a SYSTEM "file:///etc/hostname">]><disqus>&a;</disqus>"""
)
PARAMETER = """<?xml version="1.0"?><!DOCTYPE d [<!ENTITY % a SYSTEM "file:///etc/hostname"> %a;]><disqus/>"""


@pytest.mark.parametrize(
    "body",
    [
        BOMB,
        OUTSIDE,
        PARAMETER,
        "",
        "no XML",
        "<rss/>",
        "<html><body>Sign in</body></html>",
        "<disqus>" + "<a>" * 100,
    ],
)
def test_what_is_no_such_file_is_refused(tmp_path: Path, body: str) -> None:
    """
    If a file declares entities, or is not what it was said to be, then nothing of it is read or followed.
    """
    path = tmp_path / "file.xml"
    path.write_text(body)
    with pytest.raises(NotThatFormat):
        list(read_disqus(path))


def test_a_tag_without_an_end_does_not_fill_memory(tmp_path: Path) -> None:
    """
    If a file has one tag of many megabytes, then reading stops.
    """
    path = tmp_path / "file.xml"
    path.write_bytes(b'<disqus><post a="' + b"x" * (10 * 2**20))
    with pytest.raises(FileCutShort, match="MiB"):
        list(read_disqus(path))


WXR = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:wp="http://wordpress.org/export/1.{version}/">
<channel><title>The Square</title><link>https://news.example</link>
<item><title>Quiet</title><link>https://news.example/quiet</link><wp:post_id>1</wp:post_id></item>
<item><title>Roads</title><link>https://news.example/roads</link><content:encoded><![CDATA[long]]></content:encoded>
<wp:post_id>7</wp:post_id><wp:comment_status>closed</wp:comment_status>
{comments}
</item></channel></rss>"""


def wp(id: str = "1", **given: str) -> str:
    said = {
        "comment_id": id,
        "comment_author": "<![CDATA[Rojin]]>",
        "comment_author_email": "rojin@mail.example",
        "comment_date": "2015-03-08 19:04:35",
        "comment_date_gmt": "2015-03-08 16:04:35",
        "comment_content": "<![CDATA[Well <b>said</b>.\n\nTruly.]]>",
        "comment_approved": "1",
        "comment_type": "",
        "comment_parent": "0",
        "comment_user_id": "0",
    }
    return (
        "<wp:comment>"
        + "".join(f"<wp:{k}>{v}</wp:{k}>" for k, v in {**said, **given}.items())
        + "</wp:comment>"
    )


def wordpress(folder: Path, *comments: str, version: int = 2, zone: ZoneInfo | None = None) -> list[Any]:
    path = folder / "wxr.xml"
    path.write_text(WXR.format(comments="\n".join(comments), version=version))
    return list(read_wordpress(path, zone=zone))


@pytest.mark.parametrize("version", [0, 1, 2])
def test_wordpress_comments_are_read(tmp_path: Path, version: int) -> None:
    """
    If a WXR of any version is read, then its comments come with their story, and posts without comments do not.
    """
    story, first, second = wordpress(
        tmp_path, wp(), wp("2", comment_parent="1", comment_user_id="5"), version=version
    )
    assert story == StoryRecord("7", "https://news.example/roads", "Roads", closed=True)
    assert first == CommentRecord(
        key="1", story="7", name="Rojin", body="Well <b>said</b>.\n\nTruly.",
        submitted_at=datetime(2015, 3, 8, 16, 4, 35, tzinfo=UTC), state="approved", body_format="html",
        email="rojin@mail.example", place="line 7",
    )  # fmt: skip
    assert (second.parent, second.author_key) == ("1", "5")


@pytest.mark.parametrize(
    ("row", "found"),
    [
        (wp(comment_approved="0"), "held"),
        (wp(comment_approved="spam"), "rejected"),
        (wp(comment_approved="trash"), "rejected"),
        (wp(comment_approved="post-trashed"), "withdrawn"),
        (wp(comment_approved="a-plugin's"), "held"),
        (wp(comment_type="comment"), "approved"),
        (wp(comment_type="pingback"), "no-comment"),
        (wp(comment_type="note"), "no-comment"),
        (wp(""), "no-id"),
        (wp(comment_date_gmt="0000-00-00 00:00:00"), "no-zone"),
        (wp(comment_date_gmt="0000-00-00 00:00:00", comment_date="0000-00-00 00:00:00"), "no-time"),
    ],
)
def test_wordpress_comments_are_what_they_say(tmp_path: Path, row: str, found: str) -> None:
    """
    If a comment waits, is in the trash or is none, then it is read as that, or there is a line on it.
    """
    *_, record = wordpress(tmp_path, row)
    assert (record.kind if isinstance(record, Fault) else record.state) == found


def test_a_time_without_its_zone_is_read_in_the_one_that_is_given(tmp_path: Path) -> None:
    """
    If a comment has its time in the site's zone only, then it is read in the zone that was said.
    """
    *_, record = wordpress(
        tmp_path, wp(comment_date_gmt="0000-00-00 00:00:00"), zone=ZoneInfo("Asia/Baghdad")
    )
    assert record.submitted_at == datetime(2015, 3, 8, 16, 4, 35, tzinfo=UTC)
