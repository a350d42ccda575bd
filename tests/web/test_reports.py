"""Reporting over HTTP: by the API, by the page without JavaScript, and what the desk shows of it."""

from __future__ import annotations

import html
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from meydan.comment import Hold
from tests.newsroom import COURTEOUS, Chair, newsroom
from tests.web.conftest import Reader, courteous
from tests.web.pages import Read

HOSTILE = "</blockquote><script>alert(1)</script> \u202emih ti s’ \u2066"


def report(reader: Reader, id: str, **changed: object) -> httpx.Response:
    return reader.client.post(f"/api/v1/comments/{id}/reports", json={"rule": "abuse", **changed})


def fill_in(reader: Reader, id: str, *, origin: str | None = None, **fields: str) -> httpx.Response:
    """Send the form as a browser without JavaScript does."""
    return reader.client.post(
        f"/comments/{id}/report", data={"lang": "en", **fields}, headers={"origin": origin or reader.room.url}
    )


def test_a_report_is_received_and_answered_alike(reader: Reader) -> None:
    """If a comment is reported, by whomever and however often, then the answer is the same, and it is shown as before."""
    id = reader.approved(courteous())
    answers = {(a.status_code, a.text) for a in (report(reader, id), report(reader, id, note="Again!"))}
    assert answers == {(201, '{"status":"received"}')}
    assert [comment["id"] for comment in reader.shown()] == [id]
    reports = reader.room.meydan.desk.item(id).reports
    assert reports is not None
    assert (reports.open, reports.words) == (1, ())
    waiting = reader.client.get("/api/v1/held", params={"limit": 200}, headers=reader.staff).json()
    assert ("approved", ["report"]) in [(one["status"], one["holds"]) for one in waiting["comments"]]


def test_nothing_is_learned_of_what_is_not_shown(reader: Reader) -> None:
    """If a comment is unknown, held, rejected, withdrawn, erased or escalated, then every answer is the same 404."""
    desk = reader.room.meydan.desk
    withdrawn, erased, escalated = (reader.approved(courteous()) for _ in range(3))
    desk.withdraw(withdrawn, receipt=reader.receipts[withdrawn])
    desk.erase(erased)
    desk.escalate(escalated, kind="threat-to-life", told="", by="Zîn")
    rejected = reader.rejected()["id"]
    held = reader.held()
    for ask in (
        lambda id: report(reader, id),
        lambda id: reader.client.get(f"/comments/{id}/report"),
        lambda id: fill_in(reader, id, rule="abuse"),
    ):
        answers = [ask(id) for id in ("nothing", held, rejected, withdrawn, erased, escalated)]
        assert {answer.status_code for answer in answers} == {404}
        assert len({answer.text for answer in answers}) == 1


@pytest.mark.parametrize(
    ("changed", "status", "code", "field"),
    [
        ({"rule": None}, 422, "R104", "rule"),
        ({"rule": " "}, 422, "R104", "rule"),
        ({"rule": "tastes"}, 422, "R112", "rule"),
        ({"rule": 5}, 400, "R113", "rule"),
        ({"note": "x" * 501}, 422, "R102", "note"),
        ({"note": "a\x00"}, 422, "R105", "note"),
    ],
)
def test_a_report_that_is_none_is_refused(
    reader: Reader, changed: dict[str, object], status: int, code: str, field: str
) -> None:
    """If a report names no rule of ours or holds what cannot be kept, then it is refused with its field, and nothing is kept."""
    id = reader.approved(courteous())
    answer = report(reader, id, **changed)
    assert (answer.status_code, answer.json()["code"], answer.json()["fields"]) == (status, code, [field])
    assert reader.room.meydan.desk.item(id).reports is None


def test_one_address_is_limited(tmp_path: Path) -> None:
    """If an address has sent a day's reports, then it is told when to come back, in the API and on the page."""
    with newsroom(tmp_path, reports_per_day=1) as room, httpx.Client(base_url=room.url) as client:
        first, second = (room.send(f"{COURTEOUS} {number}") for number in range(2))
        assert client.post(f"/api/v1/comments/{first}/reports", json={"rule": "abuse"}).status_code == 201
        refused = client.post(f"/api/v1/comments/{second}/reports", json={"rule": "abuse"})
        assert (refused.status_code, refused.json()["code"]) == (429, "R103")
        assert 86_000 < int(refused.headers["retry-after"]) <= 86_400
        page = client.post(
            f"/comments/{second}/report",
            data={"rule": "abuse", "lang": "ckb", "words": "تکایە"},
            headers={"origin": room.url},
        )
        assert page.status_code == 429
        assert 'value="abuse" required checked' in page.text
        assert Read(page.text).fields["words"] == "تکایە"


def test_the_page_names_the_rules_in_the_readers_language(reader: Reader) -> None:
    """If a reader follows the link beside a comment, then the page has the comment and every rule in their language."""
    id = reader.approved(courteous())
    thread = reader.client.get("/comments", params={"story": reader.story, "lang": "ar"}).text
    link = next(link for link in Read(thread).links if link.endswith("/report?lang=ar"))
    assert urlsplit(link).path == f"/comments/{id}/report"
    answer = reader.client.get(link)
    page = Read(answer.text)
    for rule in reader.room.meydan.desk.guidelines.rules:
        assert rule.title["ar"] in page.text
        assert rule.text["ar"] in page.text
    assert '<html lang="ar" dir="rtl">' in answer.text
    assert page.texts == [str(reader.shown()[0]["text"])]
    assert (answer.headers["cache-control"], answer.headers["x-robots-tag"]) == ("no-store", "noindex")
    back = next(link for link in page.links if link.endswith(f"#meydan-{id}"))
    assert parse_qs(urlsplit(back).query)["story"] == [reader.story]


def test_the_form_keeps_what_was_typed_until_it_is_taken(reader: Reader) -> None:
    """If no rule is chosen, then the page says so and keeps the words; with one it is taken, and the words are isolated."""
    id = reader.approved(courteous())
    again = fill_in(reader, id, words=HOSTILE)
    assert again.status_code == 422
    assert "Choose the rule that it breaks." in again.text
    assert Read(again.text).fields["words"] == HOSTILE
    assert "<script>" not in again.text
    taken = fill_in(reader, id, rule="abuse", words=HOSTILE)
    assert (taken.status_code, "We have your report." in taken.text) == (201, True)
    reports = reader.room.meydan.desk.item(id).reports
    assert reports is not None
    assert reports.words == (("abuse", HOSTILE),)


def test_another_sites_page_reports_nothing(reader: Reader) -> None:
    """If another site's page sends the form or asks the API, then it is refused, and nothing is kept."""
    id = reader.approved(courteous())
    assert fill_in(reader, id, rule="abuse", origin="https://evil.example").status_code == 403
    asked = reader.client.post(
        f"/api/v1/comments/{id}/reports", json={"rule": "abuse"}, headers={"origin": "https://evil.example"}
    )
    assert (asked.status_code, asked.json()["code"]) == (403, "R115")
    assert reader.room.meydan.desk.item(id).reports is None


# -- at the desk -----------------------------------------------------------------


@pytest.fixture
def chair(tmp_path: Path) -> Iterator[Chair]:
    """A moderator of a newsroom in which nothing else waits."""
    with newsroom(tmp_path) as room, Chair(room) as chair:
        yield chair.sign_in()


def test_a_moderator_sees_what_was_reported_and_never_who(chair: Chair) -> None:
    """If readers reported a comment, then the room says how many, for which rules and in which words, escaped; then who decides closes it."""
    room = chair.room
    id = room.send(COURTEOUS)
    with httpx.Client(base_url=room.url) as reader:
        for number, rule in enumerate(("abuse", "promotion", "abuse")):
            # From a proxy that is trusted, for readers of three addresses.
            answer = reader.post(
                f"/api/v1/comments/{id}/reports",
                json={"rule": rule, "note": HOSTILE if number == 0 else None},
                headers={"x-forwarded-for": f"203.0.113.{number}"},
            )
            assert answer.status_code == 201
    title = room.meydan.desk.guidelines.rule("abuse").title["en"]
    page = chair.get("/desk").text
    assert "Readers reported it" in page
    assert f"<bdi>{html.escape(title)}</bdi>: 2" in page
    assert "alert(1)" in page
    assert "<script>alert" not in page
    assert "readers reported it" in chair.get(f"/desk?why={Hold.REPORT.value}").text
    assert "203.0.113" not in page
    assert room.meydan.address_key("203.0.113.0") not in page
    assert f"/desk/comments/{id}" in chair.get("/desk/find", params={"reported": "yes"}).text
    assert chair.decide(id, "reject", seen=1, rules="abuse").status_code == 303
    assert room.shown() == []
    after = chair.get(f"/desk/comments/{id}").text
    assert "Reports that a person has answered already: 3" in after
    assert "alert(1)" not in after
    figures = chair.get("/desk/figures").text
    assert '<th scope="row"><bdi>Reports by readers</bdi></th><td class="figure">3</td>' in figures
    journal = room.meydan.staff.journal(limit=20)
    assert {entry.action for entry in journal} >= {"reported", "reports-closed"}
    assert not any("alert" in str(entry.detail) or "203.0" in str(entry.detail) for entry in journal)
