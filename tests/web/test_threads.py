"""Threads as readers get them: levels, permalinks, what search engines read, and what a CDN is told."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from urllib.parse import parse_qs
from xml.etree import ElementTree

import httpx
import pytest

from meydan.comment import Comment, Status
from meydan.store import Branch
from meydan.store import store as module
from meydan.web import reading
from meydan.web.reading import Placed
from tests.web.conftest import Reader
from tests.web.pages import Read


def a_comment(id: str, parent: str | None) -> Comment:
    return Comment(id, "", parent, id.upper(), id, Status.APPROVED, datetime(2026, 11, 28, tzinfo=UTC))


def drawn(places: list[Placed]) -> str:
    """Where comments stand, in brackets; >X says that X is answered, ? that it is not here, + that there is more."""
    return " ".join(
        (
            "+"
            if one.comment is None
            else one.comment.id + (f">{one.to.id}" if one.to else "") + ("?" if one.elsewhere else "")
        )
        + (f"({drawn(one.below)})" if one.below else "")
        for one in places
    )


@pytest.mark.parametrize(
    ("depth", "expected"),
    [
        (1, "a b>a c>b d>c e>a f? +"),
        (2, "a(b c>b d>c e f? +)"),
        (3, "a(b(c d>c) e f? +)"),
        (4, "a(b(c(d>c)) e f? +)"),
        (6, "a(b(c(d>c)) e f? +)"),
    ],
)
def test_replies_stand_as_deep_as_the_guidelines_say(depth: int, expected: str) -> None:
    """If replies answer replies, then each stands below what it answers, down to the last level, where it says whom it answers."""
    replies = [a_comment(*each) for each in (("b", "a"), ("c", "b"), ("d", "c"), ("e", "a"), ("f", "z"))]
    branch = Branch("a", a_comment("a", None), tuple(replies), "cursor")
    assert drawn(reading.arranged([branch], depth)) == expected
    orphans = dataclasses.replace(branch, comment=None, next=None)
    assert drawn(reading.arranged([orphans], 2)) == "b?(c d>c) e? f?"


def test_a_thread_as_readers_get_it(reader: Reader) -> None:
    """If a thread is read, then the markup nests it, names what search engines ask for, and holds each word once."""
    first = reader.approved('First <word> & "another".', name="Ana </script>")
    second = reader.approved("An answer.", parent=first, name="Ben")
    third = reader.approved("An answer to the answer.", parent=second, name="Cem")
    fourth = reader.approved("And one more.", parent=third, name="Dîlan")
    answer = reader.client.get("/embed/comments", params={"story": reader.story})
    said = re.search(
        r'data-count="(\d+)" data-revision="(\d+)" itemscope itemtype="([^"]+)" itemid="([^"]+)"', answer.text
    )
    story = reader.room.meydan.desk.story(reader.story)
    assert said
    assert story
    assert said.groups() == ("4", str(story.revision), "https://schema.org/CreativeWork", reader.story)
    # As XML, which is stricter: what is not closed, or stands twice, would be refused.
    listed = answer.text[
        answer.text.index('<ol class="m-list">') : answer.text.index('<section class="m-post"')
    ]
    root = ElementTree.fromstring(re.sub(r" (itemscope|data-to)(?=[ >])", r' \1=""', listed))
    lines = {line.get("data-id"): line for line in root.iter("li") if line.get("data-id")}
    assert list(lines) == [first, second, third, fourth]
    inside = {id: [line.get("data-id") for line in lines[id].iter("li")][1:] for id in lines}
    assert inside == {first: [second, third, fourth], second: [third, fourth], third: [], fourth: []}
    assert "Reply to" in "".join(lines[fourth].itertext())
    assert "Reply to Ben" not in "".join(lines[third].find("article").find("p").itertext())  # type: ignore[union-attr]
    for id, line in lines.items():
        assert line.get("id") == f"meydan-{id}"
        assert line.get("itemtype") == "https://schema.org/Comment"
        told = {e.get("itemprop"): e for e in line.find("article").iter() if e.get("itemprop")}  # type: ignore[union-attr]
        assert set(told) == {"author", "name", "url", "datePublished", "text"}
        assert told["url"].get("href") == f"{reader.room.url}/comments/{id}"
    told = {e.get("itemprop"): e for e in lines[first].find("article").iter() if e.get("itemprop")}  # type: ignore[union-attr]
    assert "".join(told["text"].itertext()) == 'First <word> & "another".'
    assert "".join(told["name"].itertext()) == "Ana </script>"
    assert answer.text.count("First &lt;word&gt;") == 1
    assert "<script" not in answer.text
    assert 'sort=replied" data-page="sort=replied"' in answer.text
    assert [one["replies"] for one in reader.shown(sort="replied", limit=2)] == [1, 1]


def test_levels_follow_the_guidelines(reader: Reader) -> None:
    """If the guidelines change how deep threads are, then every page shows it at once."""
    desk = reader.room.meydan.desk
    chain = [reader.approved("The first.")]
    for number in range(4):
        chain.append(reader.approved(f"Answer {number}.", parent=chain[-1]))
    usual = desk.guidelines.source
    for depth in (1, 2, 5, None):
        source = usual + (b"" if depth is None else f"\n[threads]\ndepth = {depth}\n".encode())
        desk.take_effect(source, base=desk.guidelines.digest, by="operator", note="For this test.")
        reader.until(
            lambda depth=depth: (  # type: ignore[misc]
                reader.client.get("/comments", params={"story": reader.story}).text.count('"m-replies"')
                == (depth or 3) - 1
            )
        )


def test_a_permalink_leads_to_its_page(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a comment's own address is followed, then the page on which it stands comes, in the language asked for; if readers do not see it, 404."""
    monkeypatch.setattr(module, "COMMENTS_ON_A_PAGE", 3)
    ids = [reader.approved(f"Word number {number}.") for number in range(4)]
    ids += [reader.approved(f"Answer {number}.", parent=ids[0]) for number in range(6)]
    for id in ids:
        answer = reader.client.get(f"/comments/{id}", params={"lang": "tr"})
        assert answer.status_code == 302
        where = answer.headers["location"]
        assert where.endswith(f"at={id}#meydan-{id}")
        page = reader.client.get(where)
        assert f"meydan-{id}" in Read(page.text).ids
        assert '<html lang="tr"' in page.text
    hidden = reader.rejected()["id"]
    reader.room.meydan.desk.withdraw(ids[3], receipt=reader.receipts[ids[3]])
    for gone in (hidden, ids[3], "nothing", "%00", "%FF"):
        answer = reader.client.get(f"/comments/{gone}")
        assert (answer.status_code, "R108" in answer.text or "R113" in answer.text) in (
            (404, True),
            (400, True),
        )
    for asked in ({"at": ids[3]}, {"branch": ids[4]}, {"at": "nothing"}):
        answer = reader.client.get("/embed/comments", params={"story": reader.story, **asked})
        assert (answer.status_code, answer.json()["code"]) == (404, "R108")


def test_a_long_branch_goes_on(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a branch is longer than a page, then a link leads through the rest of it, and another to the next branch."""
    monkeypatch.setattr(module, "COMMENTS_ON_A_PAGE", 3)
    first = reader.approved("The long one.")
    texts = [f"Answer {number}." for number in range(6)]
    for text in texts:
        reader.approved(text, parent=first)
    reader.approved("The next one.")
    page = reader.client.get("/embed/comments", params={"story": reader.story}).text
    (link,) = re.findall(r"<a [^>]*data-branch[^>]*>", page)
    assert f'data-branch="{first}"' in link
    (more,) = re.findall(r"<a [^>]*data-more[^>]*>", page)
    seen = Read(page).texts
    assert (
        "The next one."
        in reader.client.get(re.findall(r'href="([^"]+)"', more)[0].replace("&amp;", "&")).text
    )
    while "data-branch" in page:
        (part,) = re.findall(r'data-page="([^"]+)" data-branch', page)
        asked = {key: value[0] for key, value in parse_qs(part.replace("&amp;", "&")).items()}
        page = reader.client.get("/embed/comments", params={"story": reader.story, **asked}).text
        # What it belongs to is there again.
        assert Read(page).texts[0] == "The long one."
        assert "Back to the first comments" in page
        seen += Read(page).texts[1:]
    assert seen == ["The long one.", *texts]


def test_what_is_taken_down_is_gone_at_once(reader: Reader) -> None:
    """If a comment is withdrawn, erased or rejected after all, then the next answer at our door is without it, and a CDN keeps none longer than told."""
    ids = [reader.approved(f"Word number {number}.") for number in range(4)]
    desk = reader.room.meydan.desk
    receipt = {"receipt": reader.receipts[ids[0]], "lang": "en"}
    ends: tuple[Callable[[], object], ...] = (
        lambda: reader.client.post(
            f"/status/{ids[0]}/withdraw", data=receipt, headers={"origin": reader.room.url}
        ),
        lambda: reader.decide(ids[1], "reject", rules=["promotion"]),
        lambda: desk.erase(ids[2]),
    )
    digest = hashlib.sha256(reader.story.encode()).hexdigest()[:16]
    doors = ("/comments", "/embed/comments", "/api/v1/comments")
    answers = {door: [reader.client.get(door, params={"story": reader.story})] for door in doors}
    for number, end in enumerate(ends):
        end()
        for door in doors:
            if number == 2:
                # As the command line does it: in another process, whose changes are looked for.
                reader.until(
                    lambda door=door: (  # type: ignore[misc]
                        "number 2." not in reader.client.get(door, params={"story": reader.story}).text
                    )
                )
            answers[door].append(reader.client.get(door, params={"story": reader.story}))
            assert f"number {number}." not in answers[door][-1].text
    for door in doors:
        for before, after in pairwise(answers[door]):
            assert before.headers["etag"] != after.headers["etag"]
            for answer in (before, after):
                assert answer.headers["cache-control"] == "public, no-cache"
                assert answer.headers["surrogate-key"] == f"meydan story-{digest}"
                for name in ("cdn-cache-control", "surrogate-control"):
                    (fresh, stale) = re.findall(r"\d+", answer.headers[name])
                    assert answer.headers[name] == f"max-age={fresh}, stale-while-revalidate={stale}"
                    assert int(fresh) + int(stale) <= 5
            asked = {"if-none-match": after.headers["etag"]}
        again = reader.client.get(door, params={"story": reader.story}, headers=asked)
        assert (again.status_code, again.headers["surrogate-key"]) == (304, f"meydan story-{digest}")


def test_an_answer_is_kept_once_however_it_is_asked_for(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If an address says what counts for nothing, then it is the same answer, kept once; what is no order or no cursor is refused."""
    id = reader.approved("The only word on this.")
    desk, made = reader.room.meydan.desk, []
    for name in ("picks", "thread"):
        real = getattr(desk, name)
        monkeypatch.setattr(desk, name, lambda *a, _real=real, **k: made.append(a) or _real(*a, **k))  # type: ignore[func-returns-value]

    def ask(door: str, **asked: str) -> httpx.Response:
        return reader.client.get(door, params={"story": reader.story, **asked})

    for number in range(3):
        junk = {"after": f"{number}" * 1000, "branch": f"{number}"}
        assert ask("/embed/comments", picks="1", at=f"{number}", **junk).status_code == 200
        assert ask("/embed/comments", at=id, **junk).status_code == 200
        assert ask("/api/v1/comments", picks="true", after=f"{number}").status_code == 200
    assert len(made) == 3
    for wrong in ({"sort": "x", "picks": "1"}, {"after": "A" * 401}):
        answer = ask("/embed/comments", **wrong)
        assert (answer.status_code, answer.json()["fields"]) == (400, list(wrong)[:1])
