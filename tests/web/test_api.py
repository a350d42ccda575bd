"""The JSON API: what it takes, what it answers, and how it refuses."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import httpx
import pytest

from meydan.comment import Hold, Verdict
from meydan.errors import Malformed
from meydan.ledger import Receipt
from meydan.web.api import ApiRequest
from meydan.web.errors import answer_error
from tests.newsroom import ABUSIVE, UNMEASURED, Newsroom
from tests.web.conftest import Reader, courteous

# -- sending a comment ----------------------------------------------------------


def test_a_courteous_comment_is_approved(reader: Reader) -> None:
    """If a courteous English comment is sent, then it is approved by the machine and shown at once."""
    answer = reader.post(text=courteous())
    told = answer.json()
    assert (answer.status_code, told["status"], told["decided_by"], told["reasons"]) == (
        201,
        "approved",
        "machine",
        [],
    )
    assert told["status_url"] == f"{reader.room.url}/status/{told['id']}"
    assert told["receipt"]
    assert [comment["id"] for comment in reader.shown()] == [told["id"]]


def test_abuse_is_rejected_with_its_rule(reader: Reader) -> None:
    """If plain abuse is sent, then it is rejected and the answer names the rule in words."""
    told = reader.post(text=ABUSIVE).json()
    assert (told["status"], told["decided_by"]) == ("rejected", "machine")
    rule = told["reasons"][0]
    assert rule["rule"] in {rule.id for rule in reader.room.meydan.desk.guidelines.rules}
    assert rule["title"]
    assert rule["text"]
    assert reader.shown() == []


def test_an_unmeasured_language_is_held(reader: Reader) -> None:
    """If a comment's language is not measured, then it is held, without a reason against it."""
    told = reader.post(text=UNMEASURED).json()
    assert (told["status"], told["decided_by"], told["reasons"]) == ("held", None, [])
    assert Hold.LANGUAGE_NOT_MEASURED in reader.room.item(told["id"]).comment.holds
    assert reader.shown() == []


@pytest.mark.parametrize(
    ("changed", "missing"),
    [
        ({"name": None}, ["name"]),
        ({"text": None}, ["text"]),
        ({"name": "", "text": ""}, ["name", "text"]),
        ({"name": " \t\u3000", "text": "\n\u200b"}, ["name", "text"]),
        ({"story": None, "name": None, "text": None}, ["story", "name", "text"]),
        ({"story": {}, "name": "Nada"}, ["story"]),
    ],
)
def test_every_missing_field_is_named(reader: Reader, changed: dict[str, object], missing: list[str]) -> None:
    """If required fields are missing, empty or blank, then 422 names every one of them."""
    answer = reader.post(**changed)
    assert (answer.status_code, answer.json()["code"], answer.json()["fields"]) == (422, "R104", missing)


@pytest.mark.parametrize(
    ("body", "status", "code", "fields"),
    [
        (b"", 400, "R113", None),
        (b"{", 400, "R113", None),
        (b"[]", 400, "R113", None),
        (b"null", 400, "R113", None),
        (b'"text"', 400, "R113", None),
        (b'{"name": NaN}', 400, "R113", None),
        (b'{"name": "\xff"}', 400, "R113", None),
        (b'{"name": "a\x01b"}', 400, "R113", None),
        (b"[" * 60_000, 400, "R113", None),
        (b'{"seen": ' + b"9" * 5000 + b"}", 400, "R113", None),
        (b'{"story": {"url": "http://127.0.0.1/"}, "name": 5, "text": "x"}', 400, "R113", ["name"]),
        (b'{"story": {"url": "http://127.0.0.1/"}, "name": "x", "text": null}', 422, "R104", ["text"]),
        (b'{"story": "http://127.0.0.1/", "name": "x", "text": "x"}', 400, "R113", ["story"]),
        (b'{"story": {"url": "http://127.0.0.1/"}, "name": "x", "text": "\\ud800"}', 422, "R105", ["text"]),
        (b'{"story": {"url": "http://127.0.0.1/"}, "name": "a\\u0000", "text": "x"}', 422, "R105", ["name"]),
        (b'{"story": {"url": "http://127.0.0.1/\\udfff"}, "name": "a", "text": "x"}', 422, "R105", ["story"]),
        (b'{"\\ud800": 1}', 400, "R113", None),
        (b'{"\\u0000": 1}', 400, "R113", None),
        (b'{"\\ud800": "a\\u0000"}', 400, "R113", None),
        (b'["\\ud800"]', 422, "R105", None),
        (b'{"story": {"\\ud800": 1}}', 400, "R113", None),
        (b'{"story": {"url": "no address"}, "name": "a", "text": "x"}', 400, "R113", ["story"]),
        (b'{"story": {"url": "https://elsewhere.example/a"}, "name": "a", "text": "x"}', 403, "R106", ["story"]),
        (b'{"story": {"url": "http://127.0.0.1/"}, "name": "a", "text": "x", "parent": "none"}', 404, "R107", ["parent"]),
    ],
)  # fmt: skip
def test_bad_bodies_are_refused(
    reader: Reader, body: bytes, status: int, code: str, fields: list[str] | None
) -> None:
    """If a body cannot be a submission, then it is refused with its code and field, and nothing is kept."""
    before = reader.room.meydan.desk.held_count()
    answer = reader.client.post(
        "/api/v1/comments", content=body, headers={"content-type": "application/json"}
    )
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    if fields is not None:
        assert answer.json()["fields"] == fields
    assert reader.room.meydan.desk.held_count() == before


@pytest.mark.parametrize(
    "path",
    ["comments", "nudge", "receipts", "follows", "comments/none/reports", "judge", "comments/none/decisions"],
)
@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b'{"plover\\ud800": 1}', 400, "R113"),
        (b'{"text": [{"plover\\ud800": "a\\u0000"}]}', 400, "R113"),
        (b'{"plover": [{"plover": "\\ud800"}]}', 422, "R105"),
    ],
)
def test_no_door_says_a_name_again_that_is_not_ours(
    reader: Reader, path: str, body: bytes, status: int, code: str
) -> None:
    """If what is no text stands in a field's name, or in a field that is none of ours, then every door refuses it and names nothing."""
    headers = {"content-type": "application/json", **reader.staff}
    answer = reader.client.post(f"/api/v1/{path}", content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert "plover" not in answer.text
    assert "fields" not in answer.json()


@pytest.mark.parametrize("path", ["/api/v1/comments", "/comments"])
def test_an_error_that_cannot_be_told_is_a_fault_of_ours(path: str) -> None:
    """If what an error says cannot be written, then X500 is answered in its place, and nothing is raised."""
    request = ApiRequest(
        {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": []}  # type: ignore[arg-type]
    )
    told = answer_error(request, Malformed("half \ud800 of one", fields=("\ud800",)))
    assert (told.status_code, told.headers["x-meydan-code"]) == (500, "X500")
    assert b"X500" in told.content


def test_another_content_type_is_refused(reader: Reader) -> None:
    """If a body comes as text, as a foreign page could send it unasked, then it is refused."""
    body = json.dumps({"story": {"url": reader.story}, "name": "Nada", "text": "Hello."})
    answer = reader.client.post("/api/v1/comments", content=body, headers={"content-type": "text/plain"})
    assert (answer.status_code, answer.json()["code"]) == (400, "R113")


def test_too_long_says_the_limit_and_the_size(reader: Reader) -> None:
    """If a text or name is too long, then 422 says the limit and the size in characters; at the limit it is taken."""
    answer = reader.post(text="😀" * 5001)
    assert (answer.status_code, answer.json()["code"], answer.json()["fields"]) == (422, "R102", ["text"])
    assert "5000" in answer.json()["message"]
    assert "5001" in answer.json()["message"]
    assert reader.post(name="n" * 81).json()["fields"] == ["name"]
    assert reader.post(text="😀" * 5000, name="n" * 80).status_code == 201


def test_marks_and_overrides_are_kept_and_shown_as_sent(reader: Reader) -> None:
    """If a text piles up marks or overrides direction, then it is taken, and shown as it was sent."""
    text = (
        "a" + "\u0301" * 4000 + " \u202egnirts \u2066 <script>alert('1')</script> '; DROP TABLE comment; --"
    )
    reader.approved(text)
    assert reader.shown()[0]["text"] == text
    page = reader.client.get("/comments", params={"story": reader.story}).text
    assert "<script" not in page


def test_a_reply_goes_under_what_is_shown_only(reader: Reader) -> None:
    """If a comment answers one that readers see, then it is taken; one that they do not see cannot be answered."""
    parent = reader.approved()
    reply = reader.approved("I agree with you.", parent=parent)
    assert {comment["id"]: comment["parent"] for comment in reader.shown()} == {parent: None, reply: parent}
    hidden = reader.rejected()["id"]
    assert reader.post(parent=hidden).json()["code"] == "R107"


def test_a_closed_story_takes_no_comment(reader: Reader) -> None:
    """If a story is closed, then a comment is refused with 409, and the page offers no form."""
    told = reader.client.put(
        "/api/v1/stories", json={"url": reader.story, "open": False}, headers=reader.staff
    )
    assert told.status_code == 200
    assert (reader.post().status_code, reader.post().json()["code"]) == (409, "R101")
    assert "<form" not in reader.client.get("/comments", params={"story": reader.story}).text


def test_what_a_page_claims_of_a_story_is_not_believed(reader: Reader) -> None:
    """If a submission names a title, then it is shown nowhere and kept nowhere."""
    sent = reader.post(story={"url": reader.story, "title": "A claimed title"})
    assert sent.status_code == 201
    story = reader.room.item(sent.json()["id"]).story
    assert story is not None
    assert story.title is None
    assert "A claimed title" not in reader.client.get("/comments", params={"story": reader.story}).text


def test_robots_that_fill_the_trap_are_held(reader: Reader) -> None:
    """If the field that people do not see is filled in, then a person decides, and the sender is told nothing of it."""
    told = reader.post(text=courteous(), website="https://spam.example").json()
    assert told["status"] == "held"
    assert Hold.SUSPICIOUS_FORM in reader.room.item(told["id"]).comment.holds


def test_refusals_speak_the_readers_language(reader: Reader) -> None:
    """If a reader's page is in Arabic, then a refusal's sentence is, and its code is the same."""
    answer = reader.client.post(
        "/api/v1/comments",
        json={"story": {"url": reader.story}, "name": "", "text": "x"},
        headers={"accept-language": "ar-IQ, en;q=0.5"},
    )
    assert answer.json() == {"code": "R104", "message": "هناك شيء مطلوب ناقص.", "fields": ["name"]}


# -- reading --------------------------------------------------------------------


def test_pages_follow_each_other(reader: Reader) -> None:
    """If a story has more comments than a page, then the cursor leads through all of them, once each, both ways."""
    sent = [reader.approved(f"Comment number {number}, thank you.") for number in range(5)]
    for sort, expected in (("oldest", sent), ("newest", sent[::-1])):
        seen: list[str] = []
        after: str | None = None
        while True:
            asked = {"story": reader.story, "limit": 2, "sort": sort} | ({"after": after} if after else {})
            told = reader.client.get("/api/v1/comments", params=asked).json()
            assert told["count"] == 5
            seen += [comment["id"] for comment in told["comments"]]
            after = told["next"]
            if after is None:
                break
        assert seen == expected


@pytest.mark.parametrize(
    ("asked", "status", "code", "fields"),
    [
        ("", 422, "R104", ["story"]),
        ("story=%FF", 400, "R113", []),
        ("story=nowhere", 400, "R113", ["story"]),
        ("story=https://elsewhere.example/", 403, "R106", ["story"]),
        ("story=http://127.0.0.1/&limit=0", 400, "R113", ["limit"]),
        ("story=http://127.0.0.1/&limit=201", 400, "R113", ["limit"]),
        ("story=http://127.0.0.1/&limit=x", 400, "R113", ["limit"]),
        ("story=http://127.0.0.1/&sort=best", 400, "R113", ["sort"]),
        ("story=http://127.0.0.1/&after=nonsense", 400, "R113", ["after"]),
    ],
)
def test_bad_questions_are_refused(
    reader: Reader, asked: str, status: int, code: str, fields: list[str]
) -> None:
    """If a page of comments is asked for wrongly, then the answer names the parameter."""
    answer = reader.client.get(f"/api/v1/comments?{asked}")
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.json().get("fields", []) == fields


def test_counts_are_of_what_is_shown(reader: Reader) -> None:
    """If comments are counted, then approved ones count, for each story that was asked about."""
    reader.approved()
    reader.rejected()
    other = f"{reader.story}-other"
    answer = reader.client.get("/api/v1/counts", params={"story": [reader.story, other]})
    assert answer.json() == {"counts": {reader.story: 1, other: 0}}
    assert reader.client.get("/api/v1/counts").json()["code"] == "R104"


# -- programs with a token ------------------------------------------------------


def test_judging_keeps_nothing(reader: Reader) -> None:
    """If a program asks for a judgement, then it gets scores and stretches, and nothing is kept."""
    before = reader.room.meydan.desk.held_count()
    answer = reader.client.post("/api/v1/judge", json={"text": ABUSIVE}, headers=reader.staff)
    told = answer.json()
    assert (answer.status_code, told["verdict"], told["language"]) == (200, "reject", "en")
    assert told["reasons"][0]["rule"]
    assert all(0 <= stretch["begin"] < stretch["end"] <= len(ABUSIVE) for stretch in told["spans"])
    assert told["guidelines"] == reader.room.meydan.desk.guidelines.digest
    assert told["model"]
    assert reader.room.meydan.desk.held_count() == before
    assert reader.shown() == []
    assert "why" not in told


def test_a_judgement_is_explained_when_asked(reader: Reader) -> None:
    """If a program asks why, then it gets the words that weighed, as places in the text as sent; clean text has none."""
    text = f"\U0001f642 {ABUSIVE}"
    asked = {"text": text, "explain": True}
    told = reader.client.post("/api/v1/judge", json=asked, headers=reader.staff).json()
    why = [one for one in told["why"] if one["label"] == "personal_attack"]
    assert any("idiot" in text[one["begin"] : one["end"]] for one in why)
    assert all(set(one) == {"label", "begin", "end", "weight"} and 0 < one["weight"] <= 1 for one in why)
    clean = {"text": "Thank you for this careful article.", "explain": True}
    assert reader.client.post("/api/v1/judge", json=clean, headers=reader.staff).json()["why"] == []


@pytest.mark.parametrize(
    ("method", "path", "body", "scope"),
    [
        ("POST", "/api/v1/judge", {"text": "Hello."}, "judge"),
        ("PUT", "/api/v1/stories", {"url": "http://127.0.0.1/a-story"}, "stories"),
        ("GET", "/api/v1/held", None, "moderate"),
        ("POST", "/api/v1/comments/{id}/decisions", {"verdict": "approve"}, "moderate"),
    ],
)
def test_a_token_opens_what_its_scope_says(
    reader: Reader, method: str, path: str, body: object, scope: str
) -> None:
    """If a call needs a scope, then no token is 401, another scope is 403, and the scope opens it until it is revoked."""
    path = path.replace("{id}", reader.held())
    staff = reader.room.meydan.staff
    others = [each for each in ("judge", "stories", "moderate") if each != scope]
    secrets = {
        name: staff.add_token(f"{name} {path}"[:80], scopes)
        for name, scopes in (("other", others), ("right", [scope]))
    }

    def call(authorization: str | None) -> httpx.Response:
        headers = {} if authorization is None else {"authorization": authorization}
        return reader.client.request(method, path, json=body, headers=headers)

    for nobody in (None, "Bearer", "Basic abc", "Bearer wrong"):
        refused = call(nobody)
        assert (refused.status_code, refused.json()["code"]) == (401, "R109"), nobody
        assert refused.headers["www-authenticate"].startswith("Bearer")
    assert (
        call(f"Bearer {secrets['other']}").status_code,
        call(f"Bearer {secrets['other']}").json()["code"],
    ) == (403, "R110")
    assert call(f"Bearer {secrets['right']}").status_code < 300
    staff.revoke_token(f"right {path}"[:80])
    assert call(f"Bearer {secrets['right']}").status_code == 401


def test_a_story_is_told_by_the_newsroom(reader: Reader) -> None:
    """If the newsroom registers a story, then its title is on the page, as text, in its language and direction."""
    told = {
        "url": reader.story,
        "title": "خبر <b>جديد</b>",
        "language": "ar",
        "closes_at": "2099-01-01T00:00:00Z",
    }
    answer = reader.client.put("/api/v1/stories", json=told, headers=reader.staff)
    assert answer.status_code == 200
    nothing = dict.fromkeys(("text", "mode", "opens_at", "closed_reason", "guests", "question"))
    assert answer.json() == {"open": True, **nothing} | told
    page = reader.client.get("/comments", params={"story": reader.story}).text
    assert '<h1 lang="ar" dir="rtl">خبر &lt;b&gt;جديد&lt;/b&gt;</h1>' in page
    assert '<html lang="ar" dir="rtl">' in page


@pytest.mark.parametrize(
    ("told", "status", "code"),
    [
        ({}, 422, "R104"),
        ({"url": "https://elsewhere.example/a"}, 403, "R106"),
        ({"url": "http://127.0.0.1/a", "mode": "auto"}, 400, "R113"),
        ({"url": "http://127.0.0.1/a", "closes_at": "2030-01-01T00:00:00"}, 400, "R113"),
        ({"url": "http://127.0.0.1/a", "closes_at": "tomorrow"}, 400, "R113"),
        ({"url": "http://127.0.0.1/a", "title": "a\x00"}, 422, "R105"),
        ({"url": "http://127.0.0.1/a", "title": "t" * 1001}, 422, "R102"),
        ({"url": "http://127.0.0.1/a", "titel": "A story"}, 400, "R113"),
        ({"url": "http://127.0.0.1/a", "language": "the English"}, 400, "R113"),
    ],
)
def test_a_story_told_wrongly_is_refused(
    reader: Reader, told: dict[str, object], status: int, code: str
) -> None:
    """If a story cannot be registered as told, then the answer says why."""
    answer = reader.client.put("/api/v1/stories", json=told, headers=reader.staff)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


def test_what_is_left_out_of_a_story_stays(reader: Reader) -> None:
    """If a story is told in part, then the rest stays: closing it does not hand it over to the machine."""
    told = {"url": reader.story, "title": "A story", "text": "About peace.", "mode": "off"}
    reader.client.put("/api/v1/stories", json=told, headers=reader.staff)
    closed = reader.client.put(
        "/api/v1/stories", json={"url": reader.story, "open": False}, headers=reader.staff
    )
    nothing = dict.fromkeys(("language", "closes_at", "opens_at", "closed_reason", "guests", "question"))
    assert closed.json() == told | nothing | {"open": False}
    untitled = reader.client.put(
        "/api/v1/stories", json={"url": reader.story, "title": None}, headers=reader.staff
    )
    assert (untitled.json()["title"], untitled.json()["open"]) == (None, False)


def test_every_missing_field_is_named_however_it_is_missing(reader: Reader) -> None:
    """If fields are null, blank or invisible, then each of them is named."""
    sent = {"story": {"url": ""}, "name": None, "text": "\u200b"}
    told = reader.client.post("/api/v1/comments", json=sent)
    assert (told.status_code, told.json()["fields"]) == (422, ["story", "name", "text"])


def test_a_verdict_is_whole_and_said_back(reader: Reader) -> None:
    """If a verdict names a ground, then the answer does; without a verdict, or with rules on an approval, it is refused."""
    id = reader.held("A person has to read this.")
    where = f"/api/v1/comments/{id}/decisions"
    assert reader.client.post(where, json={}, headers=reader.staff).json()["fields"] == ["verdict"]
    both = {"verdict": "approve", "rules": ["threats"]}
    assert reader.client.post(where, json=both, headers=reader.staff).status_code == 400
    told = reader.client.post(
        where, json={"verdict": "reject", "rules": ["abuse:racism"]}, headers=reader.staff
    )
    assert told.json()["rules"] == ["abuse:racism"]


@pytest.mark.parametrize(("method", "path"), [("POST", "/api/v1/judge"), ("PUT", "/api/v1/stories")])
@pytest.mark.parametrize("token", [None, "Bearer meydan_token_forged"])
def test_without_a_token_the_body_is_not_read(
    reader: Reader, method: str, path: str, token: str | None
) -> None:
    """If a program has no valid token, then it is told so whatever it sends: its body costs us nothing."""
    headers = {"content-type": "application/json"} | ({"authorization": token} if token else {})
    answer = reader.client.request(method, path, content=b"{not JSON", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (401, "R109")


# -- deciding -------------------------------------------------------------------


def test_what_waits_is_listed_and_decided(reader: Reader) -> None:
    """If a token lists what waits and decides it, then it is shown, under the token's name, and waits no more."""
    id = reader.held("A person has to read this.")
    queue = reader.client.get("/api/v1/held", params={"sort": "newest"}, headers=reader.staff).json()[
        "comments"
    ]
    waiting = next(comment for comment in queue if comment["id"] == id)
    assert (waiting["text"], waiting["seen"], waiting["story"]) == (
        "A person has to read this.",
        0,
        reader.story,
    )
    assert waiting["holds"]
    told = reader.decide(id, seen=waiting["seen"])
    assert told.status_code == 201
    assert (told.json()["seq"], told.json()["verdict"]) == (1, "approve")
    assert told.json()["by"] == reader.room.item(id).decisions[0].decision.by
    assert [comment["id"] for comment in reader.shown()] == [id]
    queue = reader.client.get("/api/v1/held", params={"sort": "newest"}, headers=reader.staff).json()[
        "comments"
    ]
    assert id not in [comment["id"] for comment in queue]


def test_who_was_first_is_told(reader: Reader) -> None:
    """If somebody decided since, then 409 says who and what, and their decision stands."""
    id = reader.held()
    reader.room.meydan.desk.review(id, Verdict.REJECT, rules=["promotion"], by="Leyla")
    answer = reader.decide(id, seen=0)
    told = answer.json()
    assert (answer.status_code, told["code"]) == (409, "R111")
    assert (told["seq"], told["verdict"], told["by"]) == (1, "reject", "Leyla")
    assert reader.shown() == []


@pytest.mark.parametrize(
    ("verdict", "status", "code"),
    [
        ({}, 422, "R104"),
        ({"verdict": "hold"}, 400, "R113"),
        ({"verdict": "reject"}, 422, "R104"),
        ({"verdict": "reject", "rules": ["no-such-rule"]}, 422, "R112"),
        ({"verdict": "reject", "rules": "promotion"}, 400, "R113"),
        ({"verdict": "approve", "seen": -1}, 400, "R113"),
        ({"verdict": "approve", "note": "n" * 2001}, 422, "R102"),
    ],
)
def test_an_incomplete_verdict_is_refused(
    reader: Reader, verdict: dict[str, object], status: int, code: str
) -> None:
    """If a verdict is not complete, then it is refused and the comment waits on."""
    id = reader.held()
    answer = reader.client.post(f"/api/v1/comments/{id}/decisions", json=verdict, headers=reader.staff)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert reader.room.item(id).decisions == ()


def test_a_moderators_session_decides_with_its_csrf_token(reader: Reader) -> None:
    """If a signed-in moderator's page calls the API, then it needs the session's CSRF token, and its own origin."""
    id = reader.held()
    session = reader.room.meydan.staff.sign_in(reader.room.link("Leyla"))
    cookie = {"cookie": f"meydan_session={session.token}"}

    def decide(**headers: str) -> httpx.Response:
        return reader.client.post(
            f"/api/v1/comments/{id}/decisions", json={"verdict": "approve"}, headers=cookie | headers
        )

    assert reader.client.get("/api/v1/held", headers=cookie).status_code == 200
    assert (decide().status_code, decide().json()["code"]) == (403, "R115")
    assert decide(**{"x-csrf-token": "wrong"}).json()["code"] == "R115"
    assert decide(**{"x-csrf-token": session.csrf, "sec-fetch-site": "cross-site"}).json()["code"] == "R115"
    assert decide(**{"x-csrf-token": session.csrf}).json()["by"] == "Leyla"


# -- the rest -------------------------------------------------------------------


def test_unknown_addresses_and_methods_have_the_same_errors(room: Newsroom) -> None:
    """If there is nothing at an address, or it does not take the method, then the answer is in the same form."""
    with httpx.Client(base_url=room.url) as client:
        assert client.get("/api/v2/comments").json()["code"] == "R108"
        wrong = client.delete("/api/v1/comments")
        assert (wrong.status_code, wrong.json()["code"]) == (405, "R113")
        assert {"GET", "POST"} <= set(wrong.headers["allow"].replace(" ", "").split(","))
        page = client.get("/nothing/here")
        assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
        assert "R108" in page.text


def test_health_is_told(room: Newsroom) -> None:
    """If the server can serve, then /healthz says so."""
    answer = httpx.get(f"{room.url}/healthz")
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")


def test_receipts_say_how_ones_own_comments_stand(reader: Reader) -> None:
    """If an author asks with their receipts, then each is answered in its place, and one that is forged with nothing."""
    sent = reader.post(text=courteous()).json()
    other = reader.post(text=ABUSIVE).json()
    forged = str(Receipt(sent["id"], b"\0" * 32, b"\0" * 32, 1, datetime.now(UTC)))
    asked = [other["receipt"], forged, "mr1.W10", "", sent["receipt"]]
    answer = reader.client.post("/api/v1/receipts", json={"receipts": asked})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    first, *wrong, last = answer.json()["comments"]
    assert (first["id"], first["status"], first["appealable"]) == (other["id"], "rejected", True)
    assert first["reasons"] == other["reasons"]
    assert wrong == [None, None, None]
    assert (last["id"], last["status"], last["pass"]) == (sent["id"], sent["status"], None)
    assert "text" not in first
    assert reader.client.post("/api/v1/receipts", json={"receipts": asked[:1] * 51}).status_code == 400
