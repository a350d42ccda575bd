"""What is shown is what was sent, character for character; and what is not approved is nowhere."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meydan.comment import Verdict
from tests.web.conftest import Reader
from tests.web.pages import Read

# Everything that is text: any code point but NUL and the halves of surrogate pairs, with
# those that parsers, editors and databases like to change drawn often.
TROUBLE = "\r\n\t\x01\x0b\x0c\x1b\x7f\x85\xa0\xad\u0301\u0640\u200b\u200d\u2028\u202e\u2066\ufeff\ufffe\ufffd\U0001f1ee\U000e0041<>&\"'`\\%+;{}"
TEXTS = st.text(
    st.one_of(
        st.characters(exclude_characters="\x00", exclude_categories=["Cs"]),
        st.sampled_from(TROUBLE),
    ),
    max_size=60,
).map(lambda drawn: "x" + drawn)

EXAMPLES = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def approve(reader: Reader, id: str, status: str) -> None:
    if status != "approved":
        assert reader.decide(id).status_code == 201


@EXAMPLES
@given(text=TEXTS, name=TEXTS)
def test_json_keeps_every_character(reader: Reader, text: str, name: str) -> None:
    """If any text is sent as JSON and approved, then the API and the fragment give it back character for character."""
    sent = reader.post(text=text, name=name).json()
    approve(reader, sent["id"], sent["status"])
    shown = reader.shown(sort="newest")[0]
    assert (shown["text"], shown["name"]) == (text, name)
    page = Read(reader.client.get("/embed/comments", params={"story": reader.story, "sort": "newest"}).text)
    assert text in page.texts
    assert name in page.names


@EXAMPLES
@given(text=TEXTS)
def test_the_form_keeps_every_character(reader: Reader, text: str) -> None:
    """If any text is sent by the form and approved, then the API and the page give it back character for character."""
    story = f"{reader.story}-form"
    known = {comment.id for comment in reader.room.meydan.desk.page(story, limit=200).comments}
    # Every byte percent-encoded: another encoder's choices must not matter.
    body = f"story={quote(story)}&name=Nada&text={quote(text.encode(), safe='')}"
    answer = reader.client.post(
        "/comments",
        content=body.encode(),
        headers={"content-type": "application/x-www-form-urlencoded", "origin": reader.room.url},
    )
    assert answer.status_code == 201
    link = next(link for link in Read(answer.text).links if link.startswith("/status/"))
    id = link.removeprefix("/status/").partition("?")[0]
    assert id not in known
    approve(reader, id, reader.room.item(id).comment.status.value)
    shown = reader.client.get(
        "/api/v1/comments", params={"story": story, "sort": "newest", "limit": 1}
    ).json()
    assert (shown["comments"][0]["id"], shown["comments"][0]["text"]) == (id, text)
    page = reader.client.get("/comments", params={"story": story, "sort": "newest"}).text
    assert text in Read(page).texts


HIDDEN = "Plover-7731 is nowhere to be read"


@pytest.mark.parametrize("state", ["held", "rejected", "withdrawn", "superseded", "erased"])
def test_what_is_not_approved_is_nowhere(reader: Reader, state: str) -> None:
    """If a comment is not approved, or no longer shown, then no answer that a reader can get holds its words or its name."""
    desk = reader.room.meydan.desk
    if state in ("held", "rejected"):
        desk.register_story(reader.story, mode="off", own=(reader.room.url,))
    told = reader.post(text=HIDDEN, name="Plover-7731").json()
    if state == "rejected":
        desk.review(told["id"], Verdict.REJECT, rules=["promotion"], by="Leyla")
    elif state != "held":
        approve(reader, told["id"], told["status"])
        assert reader.shown()[0]["text"] == HIDDEN
        if state == "withdrawn":
            desk.withdraw(told["id"], receipt=told["receipt"])
        elif state == "superseded":
            reader.decide(told["id"], "reject", rules=["promotion"])
        else:
            desk.erase(told["id"])
        # Not through this door, so it is heard of a moment later: within a second.
        reader.until(lambda: not any(comment["text"] for comment in reader.shown()))
    visible = reader.approved("A comment that is shown.")
    story = reader.story
    answers = [
        reader.client.get("/api/v1/comments", params={"story": story, "sort": "newest"}),
        reader.client.get("/api/v1/comments", params={"story": story, "limit": 1}),
        reader.client.get("/api/v1/counts", params={"story": story}),
        reader.client.get("/embed/comments", params={"story": story}),
        reader.client.get("/embed/comments", params={"story": story, "sort": "newest", "lang": "ar"}),
        reader.client.get("/comments", params={"story": story}),
        reader.client.get("/comments", params={"story": story, "sort": "newest"}),
        reader.client.get("/comments", params={"story": story, "reply": visible}),
        reader.client.get("/comments", params={"story": story, "reply": told["id"]}),
        reader.client.get(f"/status/{told['id']}"),
        reader.post(parent=told["id"], text="An answer to what is not there."),
        reader.fill_in(name=""),
        reader.client.get("/api/openapi.json"),
        reader.client.get("/api/v1/held"),
        reader.client.get(f"/desk/comments/{told['id']}"),
    ]
    for answer in answers:
        assert "Plover-7731" not in answer.text, (answer.request.url, answer.status_code)
