"""Imported beside a server, a comment is on the pages that follow, as its text, and at the desk."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Any

import httpx

from meydan.exchange.record import CommentRecord, StoryRecord
from meydan.exchange.taking import take
from meydan.intake import Intake
from meydan.ledger import commitment_with
from meydan.store import Store
from tests.newsroom import Chair, Newsroom
from tests.serving import Served


def _import(room: Newsroom, *records: StoryRecord | CommentRecord) -> dict[str, str]:
    """Take records in as another process would, while the room is open; the comments' ids by their keys."""
    store = Store.open(room.meydan.settings.database_url)
    try:
        intake = Intake(
            store,
            source="page",
            guidelines=room.meydan.desk.guidelines,
            clock=lambda: datetime.now(UTC),
            entropy=secrets.token_bytes,
            secret=b"s" * 32,
        )
        summary = take(iter(records), intake, report=print)
        assert summary.complete
        keys = [record.key for record in records if isinstance(record, CommentRecord)]
        return {key: known.id for key, known in intake.known(keys).items()}
    finally:
        store.close()


def test_an_imported_comment_is_shown_as_its_text(room: Newsroom) -> None:
    """
    If comments come in beside a running server, then its pages show their text and say so, its JSON names the form, and the
    desk has those that wait, and none of their markup is markup.
    """
    story = "http://localhost/stories/imported"
    at = datetime(2014, 5, 1, tzinfo=UTC)
    before = httpx.get(f"{room.url}/api/v1/comments", params={"story": story}).json()
    assert before["comments"] == []
    ids = _import(
        room,
        StoryRecord("1", story, "Imported"),
        CommentRecord(
            "a", "1", "Rojin", '<p>One<script>x()</script></p><p><a href="https://news.example/">two</a> &lt;b&gt;</p>', at,
            "approved", body_format="html",
        ),
        CommentRecord("b", "1", "", "<i>Waits</i>", at, "held", body_format="html"),
        CommentRecord("c", "1", "Azad", "Plain.", at, "approved", parent="a"),
        CommentRecord("d", "1", "Azad", "Was spam.", at, "rejected", reason="spam"),
    )  # fmt: skip

    def read() -> dict[str, Any]:
        found: dict[str, Any] = httpx.get(f"{room.url}/api/v1/comments", params={"story": story}).json()
        return found

    # What another process changed is heard of by asking.
    Served.until(lambda: bool(read()["comments"]))
    after = read()
    assert [(one["text"], one["format"], one["submitted_at"]) for one in after["comments"]] == [
        ("One\n\ntwo (https://news.example/) <b>", "html", "2014-05-01T00:00:00+00:00"),
        ("Plain.", None, "2014-05-01T00:00:00+00:00"),
    ]
    page = httpx.get(f"{room.url}/comments", params={"story": story}).text
    assert page.count("Shown without its original formatting.") == 1
    assert "<script>x" not in page
    assert "&lt;b&gt;" in page
    # What was committed to is what was sent, with its markup: that is what is checked.
    for key, sent in (("a", "<p>One<script>x()</script></p>"), ("c", "Plain.")):
        proof = httpx.get(f"{room.url}/api/v1/comments/{ids[key]}/proof").json()
        assert proof["text"].startswith(sent)
        assert commitment_with(bytes.fromhex(proof["opening"]), proof["text"]).hex() == proof["commitment"]
    with Chair(room) as chair:
        chair.sign_in()
        waiting = chair.get(f"/desk/comments/{ids['b']}")
        assert waiting.status_code == 200
        assert "Waits" in waiting.text
        assert "&lt;i&gt;" not in waiting.text
        for key in ("a", "d"):
            assert chair.get(f"/desk/comments/{ids[key]}").status_code == 200
        decided = chair.decide(ids["b"], "approve")
        assert decided.status_code in (200, 303), decided.text
    assert [one.text for one in room.meydan.desk.page(story).comments][1] == "Waits"
    assert httpx.get(f"{room.url}/status/{ids['d']}").status_code == 200
