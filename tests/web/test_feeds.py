"""Feeds over HTTP: what is in them, that any text stands in them, and that nothing is sent twice."""

from __future__ import annotations

import re
import time
from xml.etree import ElementTree

import feedparser
import httpx
import pytest

from meydan.web import shelf
from tests.web.conftest import Reader, courteous

ATOM = "{http://www.w3.org/2005/Atom}"
LANG = "{http://www.w3.org/XML/1998/namespace}lang"
HOSTILE = "</content><script>alert(1)</script> ]]> &amp; \x01\x08\x1b\x7f\x85 a\rb\r\nc \u202e\ufffe\uffff \U0010fffd سڵاو"


def feed(reader: Reader, form: str, *, of: str = "story", **headers: str) -> httpx.Response:
    asked = {"story": reader.story, "lang": "en"} if of == "story" else {"lang": "en"}
    return reader.client.get(f"/feeds/{of}.{form}", params=asked, headers=headers)


def test_a_feed_holds_what_readers_see_and_nothing_else(reader: Reader) -> None:
    """If comments are approved, held, rejected and withdrawn, then both feeds of both kinds hold the approved ones, each once."""
    shown, gone = reader.approved(courteous(), name="Nesrîn <b>"), reader.approved(courteous())
    assert "text" not in reader.rejected()
    reader.client.post(f"/status/{gone}/withdraw", data={"receipt": reader.receipts[gone]})
    waiting = reader.held()
    for of in ("story", "site"):
        atom, told = feedparser.parse(feed(reader, "atom", of=of).content), feed(reader, "json", of=of).json()
        assert not atom.bozo, atom.get("bozo_exception")
        mine = [entry for entry in atom.entries if entry.id.endswith(f"comment/{shown}")]
        assert len(mine) == 1 and mine[0].link == f"{reader.room.url}/comments/{shown}"
        assert mine[0].author == "Nesrîn <b>" and "Nesrîn <b>" in mine[0].title
        assert [entry.id for entry in atom.entries] == [item["id"] for item in told["items"]]
        assert not any(id in str(told) for id in (gone, waiting))
    links = {link.rel: link.href for link in atom.feed.links}
    assert links["self"].startswith(f"{reader.room.url}/feeds/site.atom")
    assert (told["version"], told["language"]) == ("https://jsonfeed.org/version/1.1", "en")
    page = reader.client.get("/comments", params={"story": reader.story, "lang": "en"}).text
    for kind, form in (("application/atom+xml", "atom"), ("application/feed+json", "json")):
        href = re.search(rf'<link rel="alternate" type="{re.escape(kind)}"[^>]* href="([^"]+)"', page)
        assert href is not None
        found = reader.client.get(href[1].replace("&amp;", "&"))
        assert found.status_code == 200 and found.headers["content-type"].startswith(kind)
        assert shown in found.text


def test_an_atom_feed_is_as_the_standard_says(reader: Reader) -> None:
    """If a feed is written, then each element that RFC 4287 asks for is there once, in form, and JSON Feed says the same."""
    for _ in range(2):
        reader.approved(courteous())
    for of in ("story", "site"):
        made = ElementTree.fromstring(feed(reader, "atom", of=of).content)
        assert made.tag == f"{ATOM}feed" and made.get(LANG) == "en"
        for one in (made, *made.findall(f"{ATOM}entry")):
            for name in ("id", "title", "updated"):
                assert len(one.findall(ATOM + name)) == 1, name
            assert re.fullmatch(
                r"tag:127\.0\.0\.1,2026:(site|(story|comment)/[\w%.~-]+)", one.findtext(f"{ATOM}id", "")
            )
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", one.findtext(f"{ATOM}updated", ""))
        for entry in made.findall(f"{ATOM}entry"):
            content = entry.find(f"{ATOM}content")
            assert content is not None and content.get("type") == "text" and content.get(LANG)
            assert entry.findtext(f"{ATOM}author/{ATOM}name")
        told = feed(reader, "json", of=of).json()
        assert {"version", "title", "home_page_url", "feed_url", "items"} <= told.keys()
        for item in told["items"]:
            assert {"id", "url", "content_text", "date_published", "authors"} <= item.keys()
            assert isinstance(item["id"], str) and "content_html" not in item


def test_no_text_breaks_a_feed(reader: Reader) -> None:
    """If a comment has markup, control characters and direction marks, then JSON has it exactly, and Atom all but what XML has no form for."""
    reader.approved(HOSTILE, name="A\x02 <i>")
    atom = feed(reader, "atom")
    made = ElementTree.fromstring(atom.content)
    carried = re.sub("[\x01\x02\x08\x1b\ufffe\uffff]", "\ufffd", HOSTILE)
    assert made.findtext(f"{ATOM}entry/{ATOM}content") == carried
    assert made.findtext(f"{ATOM}entry/{ATOM}author/{ATOM}name") == "A\ufffd <i>"
    assert not feedparser.parse(atom.content).bozo
    assert feed(reader, "json").json()["items"][0]["content_text"] == HOSTILE


def test_what_is_known_is_not_sent_again(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a feed is asked for again, then it is sent again only once something changed, on any story for the site's; by ETag or by date."""
    monkeypatch.setattr(shelf, "SURE_AFTER_S", 0.2)
    reader.approved(courteous())
    first = {of: feed(reader, "atom", of=of) for of in ("story", "site")}
    assert "last-modified" not in first["site"].headers
    time.sleep(0.3)
    for of in first:
        for known in ({"if-none-match": first[of].headers["etag"]},
                      {"if-modified-since": feed(reader, "atom", of=of).headers["last-modified"]}):  # fmt: skip
            answer = feed(reader, "atom", of=of, **known)
            assert (answer.status_code, answer.content) == (304, b"")
            assert "Accept-Encoding" in answer.headers["vary"]
    assert feed(reader, "atom", **{"if-modified-since": "yesterday"}).status_code == 200
    before = "Thu, 01 Jan 2026 00:00:00 GMT"
    assert feed(reader, "atom", **{"if-modified-since": before}).status_code == 200
    new = reader.approved(courteous())
    for of in first:
        again = feed(reader, "atom", of=of, **{"if-none-match": first[of].headers["etag"]})
        assert again.status_code == 200 and new in again.text


def test_a_feed_refuses_what_is_not_ours(reader: Reader) -> None:
    """If a feed is asked for without a story, or of another site's, then it is refused; a story that nobody knows has an empty one."""
    for asked, status, code in (({}, 422, "R104"), ({"story": "https://other.example/a"}, 403, "R106"), ({"story": "a"}, 400, "R113")):  # fmt: skip
        refused = reader.client.get("/feeds/story.atom", params=asked)
        assert (refused.status_code, refused.json()["code"]) == (status, code)
    asked = {"story": f"{reader.room.url}/stories/unheard-of"}
    assert not feedparser.parse(reader.client.get("/feeds/story.atom", params=asked).content).bozo
    assert reader.client.get("/feeds/story.json", params=asked).json()["items"] == []
    assert reader.client.get("/feeds/other.atom").status_code == 404
