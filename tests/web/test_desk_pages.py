"""The desk over HTTP: who gets in, what waits, and what a verdict does."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

import meydan
from meydan.comment import Evidence, Hold, Status, Submission, Verdict
from meydan.desk import Visitor, Weighed, explain
from meydan.errors import ClassifierUnavailable
from meydan.judge.calibration import uncalibrated
from meydan.web.desk.people import ACTIONS
from tests.newsroom import ABUSIVE, COURTEOUS, UNMEASURED, Chair, Newsroom, newsroom


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Newsroom]:
    with newsroom(tmp_path) as opened:
        yield opened


@pytest.fixture
def chair(room: Newsroom) -> Iterator[Chair]:
    with Chair(room) as chair:
        yield chair.sign_in()


class Words(HTMLParser):
    """What a page says, without its tags; and what it has marked."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.said = ""
        self.marked: list[tuple[str, str]] = []
        self._label: str | None = None
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "mark":
            self._label = dict(attrs).get("data-label") or ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "mark":
            self._label = None

    def handle_data(self, data: str) -> None:
        self.said += data
        if self._label is not None:
            self.marked.append((self._label, data))


# -- signing in and out ---------------------------------------------------------


def test_looking_at_a_link_does_not_use_it_up(room: Newsroom) -> None:
    """If something fetches a sign-in link before the moderator does, then the link still works, once."""
    link = room.link("Leyla")
    with Chair(room) as chair:
        for _ in range(2):
            assert "Sign in" in chair.get("/desk/sign-in", params={"link": link}).text
        assert chair.post("/desk/sign-in", data={"link": link}).headers["location"] == "/desk"
        assert chair.get("/desk").status_code == 200


def test_a_link_works_once(room: Newsroom) -> None:
    """If a link was used, then it signs nobody in any more, and the page says so."""
    link = room.link("Leyla")
    with Chair(room) as first, Chair(room) as second:
        assert first.post("/desk/sign-in", data={"link": link}).status_code == 303
        answer = second.post("/desk/sign-in", data={"link": link})
        assert answer.status_code == 401
        assert "does not work any more" in answer.text
        assert "set-cookie" not in answer.headers


def test_the_session_cookie_is_out_of_reach(room: Newsroom) -> None:
    """If a moderator signs in, then the cookie is closed to scripts and other sites, and covers the whole server."""
    with Chair(room) as chair:
        cookie = chair.post("/desk/sign-in", data={"link": room.link("Leyla")}).headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "path=/" in cookie.split("; ")
    assert "secure" not in cookie


def test_over_https_the_cookie_is_secure(tmp_path: Path) -> None:
    """If readers reach the server by https, then the session never travels in the clear."""
    with newsroom(tmp_path, public_url="https://comments.example") as room, Chair(room) as chair:
        headers = {"origin": "https://comments.example"}
        answer = chair.post("/desk/sign-in", data={"link": room.link("Leyla")}, headers=headers)
    assert "secure" in answer.headers["set-cookie"].lower().split("; ")


def test_signing_in_again_ends_the_session_before(room: Newsroom, chair: Chair) -> None:
    """If somebody signs in where somebody is signed in, then the earlier session is over, wherever it was copied to."""
    before = chair.cookies["meydan_session"]
    chair.sign_in("Hiwa")
    assert chair.cookies["meydan_session"] != before
    with Chair(room) as copied:
        copied.cookies.set("meydan_session", before)
        assert copied.get("/desk").headers["location"] == "/desk/sign-in"


def test_signing_out_ends_the_session_on_the_server(room: Newsroom, chair: Chair) -> None:
    """If a moderator signs out, then the cookie is worth nothing, also to who kept a copy."""
    kept = chair.cookies["meydan_session"]
    assert "You are signed out" in chair.post("/desk/sign-out", data={"csrf": chair.csrf}).text
    chair.cookies.set("meydan_session", kept)
    assert chair.get("/desk").headers["location"] == "/desk/sign-in"


@pytest.mark.parametrize("path", ["/desk", "/desk/decided", "/desk/comments/whatever"])
def test_nobody_reads_the_desk_unsigned(room: Newsroom, path: str) -> None:
    """If nobody is signed in, then the desk shows the door and not a word of a reader."""
    room.send()
    with Chair(room) as stranger:
        answer = stranger.get(path)
        assert answer.status_code == 303
        assert answer.headers["location"].split("?")[0] == "/desk/sign-in"
        assert UNMEASURED not in answer.text


def test_a_verdict_without_a_session_is_not_recorded(room: Newsroom) -> None:
    """If the session is over when the verdict is sent, then nothing is recorded, and the page says so."""
    comment = room.send()
    with Chair(room) as stranger:
        answer = stranger.post(
            f"/desk/comments/{comment}", data={"csrf": "x", "seen": "0", "verdict": "approve"}
        )
    assert answer.status_code == 401
    assert "nothing was recorded" in answer.text
    assert room.item(comment).comment.status is Status.HELD


# -- what waits -------------------------------------------------------------------


def test_an_empty_queue_has_its_own_sentence(chair: Chair) -> None:
    """If nothing waits, then the desk says so."""
    assert "Nothing waits for you" in chair.get("/desk").text


def test_what_waits_is_shown_with_why(room: Newsroom, chair: Chair) -> None:
    """If a comment is held, then the desk shows it exactly, with its author, its story and the reason in words."""
    room.meydan.desk.register_story(room.story, title="The dam and the valley", own=(room.url,))
    room.send(UNMEASURED, name="Şêrko")
    page = Words(chair.get("/desk").text).said
    for part in (
        UNMEASURED,
        "Şêrko",
        "The dam and the valley",
        explain.hold(Hold.LANGUAGE_NOT_MEASURED)[1:],
        "Waiting (1)",
    ):
        assert part in page


def test_evidence_is_marked_in_the_words_and_named_beside_them(room: Newsroom, chair: Chair) -> None:
    """If evidence has a place in the text, then it is marked there, and the margin names its label in words."""
    comment = room.hand_over(ABUSIVE)
    page = Words(chair.get(f"/desk/comments/{comment}").text)
    marked = "".join(words for _, words in page.marked)
    assert "idiot" in marked
    assert any("personal_attack" in label for label, _ in page.marked)
    assert explain.label("personal_attack") in page.said.lower()
    assert "Uncalibrated" not in page.said
    room.meydan.desk.adopt_calibrations(uncalibrated({"en"}))
    assert "Uncalibrated" in Words(chair.get(f"/desk/comments/{comment}").text).said


def test_the_words_that_weighed_are_marked(
    room: Newsroom, chair: Chair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If words weighed for a label, then the desk marks and quotes them; the text is read for it once, not each time."""
    text = "این کار خیلی بد است zork و بس"
    place = text.index("zork")
    asked: list[str] = []

    def why(text: str, evidence: Evidence) -> tuple[Weighed, ...]:
        asked.append(text)
        return (Weighed("threat", place, place + 4, 1.0),)

    monkeypatch.setattr(room.meydan.desk, "why", why)
    id = room.hand_over(text)
    for _ in range(2):
        page = Words(chair.get(f"/desk/comments/{id}").text)
        assert ("threat", "zork") in page.marked
        assert "without it the score falls" in page.said
    assert asked == [text]


def test_the_desk_works_when_nothing_can_be_explained(
    room: Newsroom, chair: Chair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the judge fails while it explains, then the page is there as before, to decide on."""

    def why(text: str, evidence: Evidence) -> tuple[Weighed, ...]:
        raise ClassifierUnavailable("The classifier failed (RuntimeError).")

    monkeypatch.setattr(room.meydan.desk, "why", why)
    answer = chair.get(f"/desk/comments/{room.hand_over(ABUSIVE)}")
    assert answer.status_code == 200
    assert "idiot" in "".join(words for _, words in Words(answer.text).marked)


def test_what_was_seen_at_a_place_is_marked_there(room: Newsroom, chair: Chair) -> None:
    """If a finding has a place in the text, then the words it concerns are marked and the margin says what was seen."""
    comment = room.send("Colonel Varga stole the fuel that was meant for those patrols and sold it.")
    page = Words(chair.get(f"/desk/comments/{comment}").text)
    assert "Varga" in "".join(words for label, words in page.marked if label == "allegation")
    assert "It may allege a crime of a named person" in page.said


def test_a_reply_is_shown_with_what_it_answers(room: Newsroom, chair: Chair) -> None:
    """If a held comment is a reply, then the comment replied to stands beside it."""
    parent = room.send(UNMEASURED, name="Dilan")
    room.meydan.desk.review(parent, Verdict.APPROVE, by="Hiwa")
    room.send(UNMEASURED + " !", name="Rojin", parent=parent)
    page = Words(chair.get("/desk").text).said
    assert "In reply to" in page
    assert "Dilan" in page


def test_each_comment_keeps_its_own_direction(room: Newsroom, chair: Chair) -> None:
    """If a comment is written right to left, then it is so on the desk, whose own words run left to right."""
    comment = room.send(UNMEASURED)
    page = chair.get(f"/desk/comments/{comment}").text
    assert '<html lang="en" dir="ltr">' in page
    assert '<p class="meydan-text" dir="rtl"' in page


def test_markup_in_a_comment_is_shown_as_characters(room: Newsroom, chair: Chair) -> None:
    """If a comment or a name is made of markup, then the desk shows the characters, and no element comes of them."""
    text, name = "<script>alert(1)</script><img src=x onerror=alert(2)>", "</title><b onclick=x>"
    comment = room.hand_over(text, name=name)
    page = chair.get(f"/desk/comments/{comment}").text
    for forbidden in ("<script>alert", "<img", "<b onclick", "</title><b"):
        assert forbidden not in page
    said = Words(page).said
    assert text in said
    assert name in said


def test_the_desk_is_kept_nowhere_and_runs_nothing_inline(room: Newsroom, chair: Chair) -> None:
    """If a desk page is answered, then it may not be stored, and nothing inline or foreign may run in it."""
    room.send()
    answer = chair.get("/desk")
    assert answer.headers["cache-control"] == "no-store"
    policy = answer.headers["content-security-policy"]
    assert "unsafe-inline" not in policy
    assert "script-src 'self'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "<script>" not in answer.text
    assert " style=" not in answer.text
    assert " onclick=" not in answer.text


# -- deciding -----------------------------------------------------------------------


def test_approving_shows_it_to_readers(room: Newsroom, chair: Chair) -> None:
    """If a moderator approves, then readers see the comment as it was written, and the desk goes on to the next."""
    first, second = room.send(UNMEASURED), room.send(UNMEASURED + " 2")
    answer = chair.post(
        f"/desk/comments/{first}",
        data={"csrf": chair.csrf, "seen": "0", "next": second, "verdict": "approve"},
    )
    assert answer.headers["location"] == f"/desk/comments/{second}?done={first}"
    assert room.shown() == [UNMEASURED]
    settled = room.item(first).decisions[-1]
    assert (settled.decision.verdict, settled.decision.by) == (Verdict.APPROVE, "Leyla")
    after = Words(chair.get(answer.headers["location"]).text).said
    assert "You approved the comment by Rojin" in after


def test_rejecting_names_the_rules(room: Newsroom, chair: Chair) -> None:
    """If a moderator rejects, then the rules, the ground and the note are what the author is told."""
    comment = room.send()
    answer = chair.decide(
        comment, "reject", rules=["personal-attacks", "abuse:racism"], note="Write it without the insult."
    )
    assert answer.status_code == 303
    settled = room.item(comment).decisions[-1]
    assert [(reason.rule, reason.ground) for reason in settled.decision.reasons] == [
        ("personal-attacks", None),
        ("abuse", "racism"),
    ]
    assert settled.note == "Write it without the insult."
    assert room.shown() == []


def test_rules_that_only_people_apply_can_be_chosen(room: Newsroom, chair: Chair) -> None:
    """If a rule has no labels, then the desk offers it all the same, and says who applies it."""
    comment = room.send()
    page = chair.get(f"/desk/comments/{comment}").text
    assert "people only" in page
    assert chair.decide(comment, "reject", rules=["private-data"]).status_code == 303
    assert room.item(comment).decisions[-1].decision.reasons[0].rule == "private-data"


def test_every_rule_of_the_guidelines_can_be_chosen(room: Newsroom, chair: Chair) -> None:
    """If the guidelines have a rule, then a moderator can reject for it."""
    comment = room.send()
    page = chair.get(f"/desk/comments/{comment}").text
    for rule in room.meydan.desk.guidelines.rules:
        assert f'value="{rule.id}"' in page or f'value="{rule.id}:' in page


def test_rejecting_without_a_rule_is_asked_again(room: Newsroom, chair: Chair) -> None:
    """If no rule is chosen, then nothing is recorded, the page says what to do, and the note that was typed is kept."""
    comment = room.send()
    answer = chair.decide(comment, "reject", note="my <typed> note")
    assert answer.status_code == 422
    assert "Choose a rule" in answer.text
    assert "my &lt;typed&gt; note" in answer.text
    assert room.item(comment).comment.status is Status.HELD


def test_a_rule_that_is_gone_is_asked_again(room: Newsroom, chair: Chair) -> None:
    """If the chosen rule is not in the guidelines any more, then nothing is recorded and the page says so."""
    comment = room.send()
    answer = chair.decide(comment, "reject", rules=["no-such-rule"])
    assert answer.status_code == 422
    assert "guidelines have changed" in answer.text
    assert room.item(comment).comment.status is Status.HELD


def test_who_was_first_is_told_to_who_was_second(room: Newsroom, chair: Chair) -> None:
    """If two moderators decide the same comment, then the second learns who was first and what they chose."""
    comment = room.send()
    with Chair(room) as other:
        other.sign_in("Hiwa")
        assert other.decide(comment, "reject", rules=["promotion"]).status_code == 303
    answer = chair.decide(comment, "approve")
    said = Words(answer.text).said
    assert answer.status_code == 409
    assert "Hiwa rejected this comment" in said
    assert "Your decision was not recorded" in said
    assert len(room.item(comment).decisions) == 1
    assert room.shown() == []


def test_a_decision_is_superseded_never_altered(room: Newsroom, chair: Chair) -> None:
    """If a moderator decides again, then the new decision stands and the earlier one stays on record."""
    comment = room.send()
    chair.decide(comment, "reject", rules=["promotion"])
    listed = Words(chair.get("/desk/decided").text).said
    assert "Rejected by Leyla" in " ".join(listed.split())
    assert chair.decide(comment, "approve", seen=1).status_code == 303
    assert room.shown() == [UNMEASURED]
    assert [settled.decision.verdict for settled in room.item(comment).decisions] == [
        Verdict.REJECT,
        Verdict.APPROVE,
    ]


def test_nothing_on_the_desk_edits_words(room: Newsroom, chair: Chair) -> None:
    """If a form sends other words along, then the comment keeps its own."""
    comment = room.send()
    chair.decide(comment, "approve", text="other words", name="another name")
    assert room.shown() == [UNMEASURED]
    page = chair.get(f"/desk/comments/{comment}").text
    assert 'name="text"' not in page
    assert "contenteditable" not in page


def test_an_appeal_is_for_another_moderator(room: Newsroom, chair: Chair) -> None:
    """If an author appeals, then the queue has it again, and only somebody else can decide it."""
    visitor = Visitor("k" * 32, own=(room.url,))
    received = room.meydan.desk.receive(Submission(room.story, "Rojin", UNMEASURED), visitor)
    room.meydan.desk.judge(received.id)
    chair.decide(received.id, "reject", rules=["promotion"])
    assert received.receipt is not None
    room.meydan.desk.appeal(received.id, receipt=received.receipt, words="I sell nothing.")
    page = Words(chair.get("/desk").text).said
    assert "The author appeals" in page
    assert "I sell nothing." in page
    refused = chair.decide(received.id, "approve", seen=1)
    assert refused.status_code == 403
    assert "This appeal is for another moderator" in refused.text
    with Chair(room) as other:
        assert other.sign_in("Hiwa").decide(received.id, "approve", seen=1).status_code == 303
    assert room.shown() == [UNMEASURED]


def test_what_is_escalated_leaves_the_desk(room: Newsroom, chair: Chair) -> None:
    """If a comment is escalated, then it is rejected and nobody at the desk can open it."""
    comment = room.send()
    form = {"csrf": chair.csrf, "kind": "threat-to-life", "told": "the police"}
    assert "is escalated" in chair.post(f"/desk/comments/{comment}/escalate", data=form).text
    answer = chair.get(f"/desk/comments/{comment}")
    assert answer.status_code == 404
    assert UNMEASURED not in answer.text
    assert UNMEASURED not in chair.get("/desk/decided").text
    assert room.meydan.desk.status(comment).status is Status.REJECTED


def test_the_sheet_of_keys_is_the_help(room: Newsroom, chair: Chair) -> None:
    """If the help of the desk names a key, then the sheet to print says the same of it, and docs/desk.md knows it."""
    room.send()
    page = chair.get("/desk").text
    rows = re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", page.partition('<dialog id="help"')[2], re.S)
    said = [tuple(re.sub(r"<kbd>(.*?)</kbd>", r"`\1`", cell) for cell in row) for row in rows]
    assert len(said) > 5
    docs = Path(__file__).parents[2] / "docs"
    sheet, desk = ((docs / name).read_text() for name in ("desk-keys.md", "desk.md"))
    assert re.findall(r"^\| (`.*?) \| (.*) \|$", sheet, re.M) == said
    assert re.findall(r"^\| (`[^|]*`) \|", desk, re.M) == [key for key, _ in said]


# -- forged and broken forms ----------------------------------------------------------


@pytest.mark.parametrize("csrf", ["", "wrong", "meydan_csrf_AAAA"])
def test_a_form_without_its_csrf_token_changes_nothing(room: Newsroom, chair: Chair, csrf: str) -> None:
    """If the CSRF token is missing or not the session's, then nothing is recorded."""
    comment = room.send()
    answer = chair.post(f"/desk/comments/{comment}", data={"csrf": csrf, "seen": "0", "verdict": "approve"})
    assert answer.status_code == 403
    assert "R115" in answer.text
    assert room.item(comment).comment.status is Status.HELD


def test_an_empty_form_is_no_way_round_the_token(room: Newsroom, chair: Chair) -> None:
    """If a form is empty, then the token is still asked for: the session goes on."""
    answer = chair.post(
        "/desk/sign-out", content=b"", headers={"content-type": "application/x-www-form-urlencoded"}
    )
    assert answer.status_code == 403
    assert chair.get("/desk").status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": ""},
        {"sec-fetch-site": "cross-site"},
    ],
)
def test_a_form_from_another_site_changes_nothing(
    room: Newsroom, chair: Chair, headers: dict[str, str]
) -> None:
    """If a form does not come from our own page, then it is refused, though it has cookie and token."""
    comment = room.send()
    form = {"csrf": chair.csrf, "seen": "0", "verdict": "approve"}
    answer = chair.post(f"/desk/comments/{comment}", data=form, headers=headers)
    assert answer.status_code == 403
    assert room.item(comment).comment.status is Status.HELD


def test_nobody_is_signed_in_from_another_site(room: Newsroom) -> None:
    """If another site sends the sign-in form, then nobody is signed in and the link is not used up."""
    link = room.link("Leyla")
    with Chair(room) as chair:
        answer = chair.post("/desk/sign-in", data={"link": link}, headers={"origin": "https://evil.example"})
        assert answer.status_code == 403
        assert chair.post("/desk/sign-in", data={"link": link}).status_code == 303


@pytest.mark.parametrize(
    "body",
    [
        b"csrf=%FF%FE",
        b"verdict=approve&seen=one",
        b"&".join(b"a=1" for _ in range(200)),
        b"\xff\xfe",
        b"a" * 40_000,
    ],
)
def test_a_broken_form_is_refused_as_a_page(room: Newsroom, chair: Chair, body: bytes) -> None:
    """If a form cannot be read, then a page says so, and nothing is recorded."""
    comment = room.send()
    answer = chair.post(
        f"/desk/comments/{comment}",
        content=body,
        headers={"content-type": "application/x-www-form-urlencoded"},
    )
    assert answer.status_code in (400, 403, 413)
    assert answer.headers["content-type"].startswith("text/html")
    assert room.item(comment).comment.status is Status.HELD


def test_an_address_that_is_none_gets_a_page(chair: Chair) -> None:
    """If there is no such comment, then the desk says so, with a way back."""
    answer = chair.get("/desk/comments/nosuchcomment")
    assert answer.status_code == 404
    assert 'href="/desk"' in answer.text


def test_a_verdict_that_is_none_is_refused(room: Newsroom, chair: Chair) -> None:
    """If the verdict is neither approve nor reject, then nothing is recorded."""
    comment = room.send()
    for verdict in ("hold", "erase", ""):
        assert chair.decide(comment, verdict).status_code == 400
    assert room.item(comment).comment.status is Status.HELD


def test_the_next_comment_in_the_form_is_no_open_door(room: Newsroom, chair: Chair) -> None:
    """If the form names a next page of its own making, then the desk goes to its own queue."""
    comment = room.send()
    answer = chair.decide(comment, "approve", next="//evil.example/")
    assert answer.headers["location"] == f"/desk?done={comment}"


def test_a_database_that_does_not_answer_is_said_as_a_page(room: Newsroom, chair: Chair) -> None:
    """If the database is gone, then the desk says to come back, when, and that nothing was recorded."""
    comment = room.send()
    csrf = chair.csrf
    room.meydan.store.close()
    read = chair.get("/desk")
    sent = chair.post(f"/desk/comments/{comment}", data={"csrf": csrf, "seen": "0", "verdict": "approve"})
    for answer in (read, sent):
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) >= 1
        assert answer.headers["content-type"].startswith("text/html")
        assert "are kept" in answer.text
    assert "Nothing was recorded" in sent.text


# -- audits -----------------------------------------------------------------------


@pytest.fixture
def audited(tmp_path: Path) -> Iterator[Newsroom]:
    """A newsroom where everything is audited."""
    from meydan.policy import load

    guidelines = tmp_path / "guidelines.toml"
    guidelines.write_bytes(load().source.replace(b"audit = 0.02", b"audit = 1.0"))
    with newsroom(tmp_path / "data", guidelines=guidelines) as opened:
        yield opened


def test_an_audit_is_decided_blind(audited: Newsroom) -> None:
    """If the machine's decision is audited, then its page says nothing of it until the moderator has decided."""
    with Chair(audited) as chair:
        chair.sign_in()
        approved, rejected = audited.send(COURTEOUS), audited.send(ABUSIVE)
        assert "Nothing waits for you" in chair.get("/desk").text
        listed = chair.get("/desk/audits").text
        assert "Waiting: 2." in listed
        pages = []
        for id in (approved, rejected):
            assert f"/desk/audits/{id}" in listed
            page = Words(chair.get(f"/desk/audits/{id}").text)
            assert page.marked == []
            pages.append(page.said)
        for word in ("approved", "rejected", "Decisions so far", "Why it waits", "evidence", "Scores"):
            assert word not in pages[0].split("Waiting")[0].replace("Evidence", "")
            assert word not in pages[1].split("Waiting")[0].replace("Evidence", "")
        form = {"csrf": chair.csrf, "verdict": "reject", "rules": "personal-attacks"}
        answer = chair.post(f"/desk/audits/{rejected}", data=form)
        assert answer.status_code == 303
        assert "had decided the same" in chair.get(answer.headers["location"]).text
        assert len(audited.item(rejected).decisions) == 1
        answer = chair.post(f"/desk/audits/{approved}", data={**form, "rules": "promotion"})
        told = chair.get(answer.headers["location"]).text
        assert "The machine had approved it" in told
        assert "No audit waits for you" in told
        assert "1 of 2" in told
        assert audited.shown() == []


def test_an_audit_without_a_rule_is_not_taken(audited: Newsroom) -> None:
    """If a moderator rejects in an audit without a rule, then the page comes back and nothing is recorded."""
    with Chair(audited) as chair:
        chair.sign_in()
        id = audited.send(COURTEOUS)
        answer = chair.post(f"/desk/audits/{id}", data={"csrf": chair.csrf, "verdict": "reject"})
        assert answer.status_code == 422
        assert "Choose a rule" in answer.text
        assert f'action="/desk/audits/{id}"' in answer.text
        assert audited.shown() == [COURTEOUS]
        assert chair.post(f"/desk/audits/{id}", data={"csrf": "x", "verdict": "approve"}).status_code == 403
        assert chair.get("/desk/audits/nobody").status_code == 404


def test_an_audit_that_somebody_answered_is_over(audited: Newsroom) -> None:
    """If another moderator was first, then the second is told, and the first one's answer stands."""
    with Chair(audited) as chair, Chair(audited) as other:
        chair.sign_in()
        other.sign_in("Hiwa")
        id = audited.send(COURTEOUS)
        assert (
            other.post(f"/desk/audits/{id}", data={"csrf": other.csrf, "verdict": "approve"}).status_code
            == 303
        )
        assert chair.get(f"/desk/audits/{id}").status_code == 404
        answer = chair.post(f"/desk/audits/{id}", data={"csrf": chair.csrf, "verdict": "approve"})
        assert answer.status_code == 409


def test_the_journal_has_words_for_everything_that_is_entered() -> None:
    """If something is entered into the journal anywhere, then its page says what that is in words."""
    entered = set()
    for file in Path(meydan.__file__).parent.rglob("*.py"):
        for call in ast.walk(ast.parse(file.read_text())):
            if (
                isinstance(call, ast.Call)
                and getattr(call.func, "attr", getattr(call.func, "id", "")) == "enter"
            ):
                said = (
                    [one.value for one in ast.walk(part) if isinstance(one, ast.Constant)]
                    for part in call.args
                )
                # The action is the first that is written out; whom it was done to may follow.
                entered.update(next((words for words in said if words and isinstance(words[0], str)), []))
    assert {"decided", "reported", "reports-closed", "hold-ended", "guidelines-changed"} <= entered
    assert entered <= set(ACTIONS)
