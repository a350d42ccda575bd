"""What was escalated, over HTTP: who sees what of it, and that no other page holds a word of it."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.newsroom import UNMEASURED, Chair, Newsroom, newsroom

WORDS = "Zozanword lives in the Mandalli lane, call 0750 123 45 67 and tell her that I know."
NAME = "Bengînname"


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newsroom]:
    with newsroom(tmp_path_factory.mktemp("room")) as opened:
        staff = opened.meydan.staff
        staff.add_moderator("Leyla")
        staff.add_moderator("Zîn", role="editor")
        staff.add_moderator("Mem", role="editor")
        staff.add_moderator("Haydar", role="auditor")
        yield opened


@pytest.fixture(scope="module")
def chairs(room: Newsroom) -> Iterator[dict[str, Chair]]:
    """Everybody, signed in."""
    with ExitStack() as stack:
        yield {
            name: stack.enter_context(Chair(room)).sign_in(name) for name in ("Leyla", "Zîn", "Mem", "Haydar")
        }


@pytest.fixture
def case(room: Newsroom, chairs: dict[str, Chair]) -> str:
    """A comment that Zîn has escalated over HTTP."""
    comment = room.hand_over(WORDS, name=NAME)
    answer = chairs["Zîn"].post(
        f"/desk/comments/{comment}/escalate",
        data={"csrf": chairs["Zîn"].csrf, "kind": "private-data", "told": ""},
    )
    assert f"/desk/escalated/{comment}" in answer.text
    return comment


def send(chair: Chair, case: str, what: str, **form: str) -> httpx.Response:
    return chair.post(f"/desk/escalated/{case}/{what}", data={"csrf": chair.csrf, **form})


def test_no_page_holds_a_word_of_it(room: Newsroom, chairs: dict[str, Chair], case: str) -> None:
    """If a comment is escalated, then no page, search, file or API answer holds its words or its author's name."""
    reply = room.hand_over(UNMEASURED)
    token = room.meydan.staff.add_token("everything")
    for chair in chairs.values():
        for path in (
            "/desk", "/desk?order=newest", "/desk/decided", "/desk/audits", "/desk/second-looks", "/desk/figures",
            "/desk/figures.csv", "/desk/journal", f"/desk/journal?subject={case}", "/desk/escalated", "/desk/people",
            f"/desk/escalated/{case}", f"/desk/comments/{case}", f"/desk/comments/{reply}", f"/desk/audits/{case}",
            "/desk/find", "/desk/find?words=Zozanword", f"/desk/find?words={NAME}", f"/desk/find?author={case}",
            f"/desk/second-looks/{case}", f"/api/v1/comments?story={room.story}", f"/comments?story={room.story}",
        ):  # fmt: skip
            answer = chair.get(path)
            assert "/desk/find" not in path or answer.status_code == 200, path
            # What was typed stands in its own field.
            said = re.sub(r'value="[^"]*"', "", answer.text)
            assert "Zozanword" not in said, path
            assert NAME not in said, path
        csrf = chair.csrf
        several = {"csrf": csrf, "comments": case, "verdict": "approve"}
        assert "Zozanword" not in chair.post("/desk/several", data=several).text
        chair.post(f"/desk/comments/{case}/uncover", data={"csrf": csrf})
        assert chair.decide(case, "approve", seen=1).status_code in (403, 404)
    held = chairs["Leyla"].get("/api/v1/held", headers={"authorization": f"Bearer {token}"})
    assert held.status_code == 200
    assert "Zozanword" not in held.text


def test_each_role_may_so_much(room: Newsroom, chairs: dict[str, Chair], case: str) -> None:
    """If somebody's role does not allow it, then it is refused and journalled; an auditor sees the record, never the words."""
    ways = ("uncover", "told", "export", "end")
    form = {"office": "Police", "at": "2026-01-01T10:00", "reason": "Over."}
    assert chairs["Leyla"].get("/desk/escalated").status_code == 403
    assert chairs["Leyla"].get(f"/desk/escalated/{case}").status_code == 403
    assert chairs["Haydar"].get("/desk/escalated").status_code == 200
    page = chairs["Haydar"].get(f"/desk/escalated/{case}").text
    assert "Who was told" in page
    assert "Show the words" not in page
    assert "End the hold</button>" not in page
    for name in ("Leyla", "Haydar"):
        for way in ways:
            assert send(chairs[name], case, way, **form).status_code == 403
    journal = room.meydan.staff.journal(action="refused", limit=100)
    refused = {(entry.actor, entry.subject) for entry in journal}
    assert refused >= {("Leyla", "escalated"), ("Leyla", "restricted"), ("Haydar", "restricted")}
    assert ">Escalated<" in page
    assert ">Escalated<" not in chairs["Leyla"].get("/desk").text
    assert room.meydan.desk.case(case).told == ()
    assert room.meydan.desk.case(case).held_by == "Zîn"


def test_the_words_are_on_the_one_answer_that_was_asked_for(
    room: Newsroom, chairs: dict[str, Chair], case: str
) -> None:
    """If an editor asks for the words, then that answer has them, kept nowhere, and the page as it is opened has not."""
    answer = send(chairs["Mem"], case, "uncover")
    assert "Zozanword" in answer.text
    assert NAME in answer.text
    assert answer.headers["cache-control"] == "no-store"
    page = chairs["Mem"].get(f"/desk/escalated/{case}").text
    assert "Zozanword" not in page
    assert "asked for the words of" in page
    forged = chairs["Mem"].post(f"/desk/escalated/{case}/uncover", data={"csrf": "meydan_csrf_AAAA"})
    assert forged.status_code == 403
    assert "Zozanword" not in forged.text


def test_the_record_takes_what_was_typed_or_gives_it_back(
    room: Newsroom, chairs: dict[str, Chair], case: str
) -> None:
    """If a line of the record is not complete, then what was typed is there still; if it is, then it is on the record."""
    chair = chairs["Mem"]
    again = send(chair, case, "told", office="", at="2026-01-02T10:30", reference="K <7>")
    assert again.status_code == 422
    assert 'value="K &lt;7&gt;"' in again.text
    assert send(chair, case, "told", office="Police", at="tomorrow").status_code == 400
    assert send(chair, case, "told", office="Police", at="2026-01-02T10:30").status_code == 303
    assert [one.office for one in room.meydan.desk.case(case).told] == ["Police"]
    assert "2 January 2026, 10:30 UTC" in chairs["Haydar"].get(f"/desk/escalated/{case}").text


def test_the_file_is_given_out_once_it_is_journalled(
    room: Newsroom, chairs: dict[str, Chair], case: str
) -> None:
    """If an editor takes the file, then it is an attachment that is kept nowhere, and the journal has its sum."""
    answer = chairs["Mem"].post(f"/desk/escalated/{case}/export", data={"csrf": chairs["Mem"].csrf})
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-disposition"].startswith(f'attachment; filename="case-{case}-')
    (entry,) = room.meydan.staff.journal(subject=case, action="escalated-exported")
    assert entry.detail["sha256"] == hashlib.sha256(answer.content).hexdigest()
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        assert archive.read("comment.txt").decode() == WORDS
    assert chairs["Mem"].get(f"/desk/escalated/{case}/export").status_code in (404, 405)


def test_whoever_escalated_cannot_end_the_hold(room: Newsroom, chairs: dict[str, Chair], case: str) -> None:
    """If who escalated ends the hold, then it is refused and journalled; another editor can, and it is found again."""
    page = chairs["Zîn"].get(f"/desk/escalated/{case}").text
    assert "another person has to end the hold" in page
    assert send(chairs["Zîn"], case, "end", reason="Over.").status_code == 403
    assert [entry.actor for entry in room.meydan.staff.journal(subject=case, action="refused")] == ["Zîn"]
    assert send(chairs["Mem"], case, "end", reason="").status_code == 422
    assert send(chairs["Mem"], case, "end", reason="Over.").status_code == 303
    assert "Zozanword" in chairs["Leyla"].get(f"/desk/comments/{case}").text
    assert case in chairs["Leyla"].get("/desk/find?words=Zozanword").text


def test_with_one_editor_the_hold_waits(tmp_path: Path) -> None:
    """If there is no other editor than who escalated, then the page says so and offers no way round."""
    with newsroom(tmp_path) as room, Chair(room) as chair:
        room.meydan.staff.add_moderator("Zîn", role="editor")
        comment = room.hand_over(WORDS)
        room.meydan.desk.escalate(comment, kind="terrorism", told="", by="Zîn")
        page = chair.sign_in("Zîn").get(f"/desk/escalated/{comment}").text
        assert "There is no other editor at this desk" in page
        assert "End the hold</button>" not in page


def test_no_hold_is_ended_through_a_link_of_whoever_escalated(tmp_path: Path) -> None:
    """If who escalated makes a link for another editor and comes in by it, then the hold stays, and the page names who can end it."""
    with newsroom(tmp_path) as room, Chair(room) as zin, Chair(room) as taken, Chair(room) as dara:
        for name in ("Zîn", "Mem", "Dara"):
            room.meydan.staff.add_moderator(name, role="editor")
        comment = room.hand_over(WORDS)
        room.meydan.desk.escalate(comment, kind="terrorism", told="", by="Zîn")
        page = zin.sign_in("Zîn").get(f"/desk/escalated/{comment}").text
        assert re.findall(r"Who can: (.+)</p>", page) == ["<bdi>Dara, Mem</bdi>"]
        made = zin.post("/desk/people/change", data={"csrf": zin.csrf, "what": "link", "name": "Mem"}).text
        link = re.search(r"sign-in\?link=([\w%-]+)", made)
        assert link is not None
        assert taken.post("/desk/sign-in", data={"link": link[1]}).status_code == 303
        refused = send(taken, comment, "end", reason="Over.")
        assert (refused.status_code, refused.headers["x-meydan-code"]) == (403, "R110")
        assert room.meydan.desk.case(comment).held_by == "Zîn"
        assert re.findall(r"Who can: (.+)</p>", zin.get(f"/desk/escalated/{comment}").text) == [
            "<bdi>Dara</bdi>"
        ]
        # Mem did not escalate it, and is offered no form that would be refused.
        theirs = taken.get(f"/desk/escalated/{comment}").text
        assert "You escalated it" not in theirs
        assert f'action="/desk/escalated/{comment}/end"' not in theirs
        assert send(dara.sign_in("Dara"), comment, "end", reason="Over.").status_code == 303


def test_the_decide_page_says_that_escalating_exists(room: Newsroom, chairs: dict[str, Chair]) -> None:
    """If a telephone number was seen, then the page says that it could be escalated, and chooses nothing."""
    comment = room.hand_over(WORDS)
    page = chairs["Leyla"].get(f"/desk/comments/{comment}").text
    assert 'class="care points"' in page
    assert 'name="kind" value="private-data" required>' in page
    assert (
        'class="care points"'
        not in chairs["Leyla"].get(f"/desk/comments/{room.hand_over('Well said.')}").text
    )
