"""Going through the queue, finding comments, and deciding several, over HTTP."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path

import pytest

from meydan.comment import Status, Verdict
from tests.newsroom import COURTEOUS, UNMEASURED, Chair, Newsroom, newsroom


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Newsroom]:
    with newsroom(tmp_path) as opened:
        yield opened


@pytest.fixture
def chair(room: Newsroom) -> Iterator[Chair]:
    with Chair(room) as chair:
        yield chair.sign_in()


def listed(page: str) -> list[str]:
    """The ids that a page leads to, in its order, each once."""
    return list(dict.fromkeys(re.findall(r'href="/desk/comments/([a-z0-9]+)', page)))


def test_the_queue_is_narrowed_to_one_reason(room: Newsroom, chair: Chair) -> None:
    """If a moderator takes one reason at a time, then the room shows these only, and stays so after a decision."""
    persian = [room.send(UNMEASURED, name=f"Reader {n}") for n in range(3)]
    others = [room.hand_over(COURTEOUS, name="Someone") for _ in range(2)]
    page = chair.get("/desk").text
    assert set(listed(page)) >= {*persian, *others}
    narrowed = re.search(r'href="(/desk\?why=language-not-measured)"', page)
    assert narrowed is not None
    page = chair.get(narrowed[1]).text
    assert not set(listed(page)) & set(others)
    form = {
        name: unescape(re.search(rf'name="{name}" value="([^"]*)"', page)[1])  # type: ignore[index]
        for name in ("csrf", "seen", "next", "line")
    }
    first = re.search(r'action="/desk/comments/([a-z0-9]+)"', page)
    assert first is not None
    answer = chair.post(f"/desk/comments/{first[1]}", data={**form, "verdict": "approve"})
    assert "why=language-not-measured" in answer.headers["location"]
    assert f"done={first[1]}" in answer.headers["location"]
    assert not set(listed(chair.get(answer.headers["location"]).text)) & set(others)


@pytest.mark.parametrize("query", ["order=loudest", "why=whatever", "why=%00", "every=maybe", "order=&why="])
def test_an_odd_address_shows_the_queue(room: Newsroom, chair: Chair, query: str) -> None:
    """If an address asks for an order or a reason that there is not, then the queue is shown as ever."""
    comment = room.send()
    assert comment in listed(chair.get(f"/desk?{query}").text)


def test_languages_of_others_are_theirs(room: Newsroom) -> None:
    """If Persian is assigned to somebody else, then it is not put before me, unless I ask for every language."""
    comment = room.send(UNMEASURED)
    room.meydan.staff.add_moderator("Hîwa", languages=["fa"])
    room.meydan.staff.add_moderator("Leyla", languages=["ckb"])
    with Chair(room) as leyla, Chair(room) as hiwa:
        leyla.sign_in("Leyla")
        hiwa.sign_in("Hîwa")
        page = leyla.get("/desk").text
        assert comment not in listed(page)
        assert "Nothing of this kind waits" in page
        assert comment in listed(leyla.get("/desk?every=1").text)
        assert comment in listed(hiwa.get("/desk").text)


def test_others_see_who_has_a_comment_before_them(room: Newsroom, chair: Chair) -> None:
    """If two open the queue, then each is given another comment, and each sees who is at the other's."""
    room.send(name="First")
    room.send(name="Second")
    opened = re.search(r'action="/desk/comments/([a-z0-9]+)"', chair.get("/desk").text)
    with Chair(room) as other:
        other.sign_in("Hiwa")
        page = other.get("/desk").text
        mine = re.search(r'action="/desk/comments/([a-z0-9]+)"', page)
        assert opened is not None
        assert mine is not None
        assert mine[1] != opened[1]
        assert "Looked at by <bdi>Leyla" in page
        theirs = other.get(f"/desk/comments/{opened[1]}").text
        assert "Also looked at by <bdi>Leyla" in theirs
        # To look keeps nobody from deciding.
        assert other.decide(opened[1], "approve").status_code == 303
        away = {"csrf": other.csrf, "away": "1"}
        assert other.post(f"/desk/comments/{mine[1]}/look", data=away).status_code == 204
    assert "Hiwa" not in unescape(chair.get(f"/desk/comments/{mine[1]}").text).split("Sign out")[1]


def test_finding_by_words_and_by_who_decided(room: Newsroom, chair: Chair) -> None:
    """If a comment is looked for by words, state or who decided it, then it is on the page, escaped, and no other."""
    marked = room.hand_over("Der <b>Fluss</b> ist über die Ufer getreten.", name="Anna <i>")
    other = room.hand_over("Something else altogether, at length.")
    room.meydan.desk.review(marked, Verdict.REJECT, rules=["promotion"], by="Hiwa")
    for query in (
        "words=FLUSS+ufer",
        "by=Hiwa",
        "rule=promotion",
        "status=rejected",
        "words=anna&status=rejected",
    ):
        page = chair.get(f"/desk/find?{query}").text
        assert listed(page)[:1] == [marked], query
        assert other not in listed(page)
        assert "<b>Fluss" not in page
        assert "<i>" not in page.split("</header>")[1].replace("<i>name erased</i>", "")
    assert set(listed(chair.get("/desk/find").text)) == {marked, other}
    assert other in listed(chair.get("/desk/find", params={"author": other}).text)
    assert "no word to look for" in chair.get("/desk/find", params={"words": "!?"}).text


def test_several_are_decided_after_a_second_look(room: Newsroom, chair: Chair) -> None:
    """If several are chosen, then the next page says what will happen, and only its button does it."""
    comments = [room.hand_over(COURTEOUS, name=f"Reader {n}") for n in range(4)]
    chosen = {"csrf": chair.csrf, "comments": comments[:3], "verdict": "reject", "rules": "promotion"}
    page = chair.post("/desk/several", data=chosen).text
    assert "Comments that will be rejected: 3" in page
    assert all(room.item(comment).comment.status is Status.HELD for comment in comments)
    seen = [unescape(one) for one in re.findall(r'name="seen" value="([^"]*)"', page)]
    assert len(seen) == 3
    # Somebody is quicker with the second.
    room.meydan.desk.review(comments[1], Verdict.APPROVE, by="Hiwa")
    answer = chair.post("/desk/several/decide", data={**chosen, "seen": seen})
    assert "Comments that were rejected: 2" in answer.text
    assert "<bdi>Hiwa</bdi> approved it first" in answer.text
    states = [room.item(comment).comment.status for comment in comments]
    assert states == [Status.REJECTED, Status.APPROVED, Status.REJECTED, Status.HELD]


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"verdict": "approve"}, 422),
        ({"verdict": "reject", "comments": "ID"}, 422),
        ({"verdict": "reject", "comments": "ID", "rules": "no-such-rule"}, 422),
        ({"verdict": "hold", "comments": "ID"}, 422),
        ({"verdict": "burn", "comments": "ID"}, 400),
        ({"verdict": "approve", "comments": "nothing"}, 404),
        ({"verdict": "approve", "comments": [f"c{n}" for n in range(51)]}, 400),
    ],
)
def test_an_incomplete_choice_decides_nothing(
    room: Newsroom, chair: Chair, form: dict[str, object], status: int
) -> None:
    """If nothing was chosen, or no rule, or what there is not, then nothing is decided and the page says why."""
    comment = room.hand_over(COURTEOUS)
    sent = {name: comment if value == "ID" else value for name, value in form.items()}
    for path in ("/desk/several", "/desk/several/decide"):
        answer = chair.post(path, data={"csrf": chair.csrf, "seen": f"{comment} 0", **sent})
        assert answer.status_code in (status, 400, 422), path
        assert "Nothing was recorded" in answer.text or answer.status_code == 404
    assert room.item(comment).comment.status is Status.HELD


def test_figures_are_shown_and_taken_along(room: Newsroom, chair: Chair) -> None:
    """If an editor looks at the figures, then charts and tables say the same; taking them along is written down."""
    room.hand_over(COURTEOUS)
    rejected = room.hand_over(f"{COURTEOUS} 2")
    room.meydan.desk.review(rejected, Verdict.REJECT, rules=["promotion"], by="Hiwa")
    room.meydan.desk.register_story(room.story, title="=HYPERLINK(1) <b>", mode="off", own=(room.url,))
    page = chair.get("/desk/figures", params={"days": "7"}).text
    assert page.count("<svg") == 6
    assert "people, rejected" in page
    assert "<b>" not in page.split("</header>")[1]
    for odd in ("0", "-1", "9999", "x", ""):
        assert chair.get("/desk/figures", params={"days": odd}).status_code == 200
    assert chair.get("/desk/figures.csv").status_code == 403
    room.meydan.staff.give_role("Leyla", "editor")
    taken = chair.get("/desk/figures.csv")
    assert taken.headers["content-type"].startswith("text/csv")
    assert "Comments received,2,\r\n" in taken.text
    assert "'=HYPERLINK" in taken.text
    assert room.meydan.staff.journal(action="exported", limit=1)[0].actor == "Leyla"


def test_severe_words_are_covered_wherever_they_are_listed(room: Newsroom, chair: Chair) -> None:
    """If a comment is likely a threat, then no list, room or search shows its words before somebody asks for them."""
    words = "I will find you and kill you"
    severe = room.hand_over(f"{words}, and your children too.", name="Somebody")
    room.hand_over(COURTEOUS, name="Somebody else")
    pages = ("/desk", f"/desk/comments/{severe}", "/desk/find", "/desk/find?words=children")
    for path in pages:
        page = chair.get(path).text
        assert words not in re.sub(r"<[^>]+>", "", page), path
        assert "Likely a threat" in page, path
    chair.post(f"/desk/comments/{severe}/uncover", data={"csrf": chair.csrf, "line": ""})
    assert words in re.sub(r"<[^>]+>", "", chair.get(f"/desk/comments/{severe}").text)
    assert room.meydan.desk.strain("Leyla").severe == 1
    with Chair(room) as other:
        other.sign_in("Hiwa")
        assert words not in re.sub(r"<[^>]+>", "", other.get(f"/desk/comments/{severe}").text)


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01", "2026-02-30", "x"])
def test_odd_days_find_what_they_can(room: Newsroom, chair: Chair, day: str) -> None:
    """If a search names a day that is none, or that nothing comes after, then it is left out."""
    comment = room.hand_over(COURTEOUS)
    assert comment in listed(chair.get("/desk/find", params={"until": day, "since": day}).text)
