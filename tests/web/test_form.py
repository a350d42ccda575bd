"""The page and the form without JavaScript, and the pages that tell how a comment stands."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from meydan.comment import Hold, Status, Verdict
from meydan.store import store
from tests.newsroom import ABUSIVE
from tests.web.conftest import Reader, courteous
from tests.web.pages import Read

# -- sending ----------------------------------------------------------------------


def test_an_approved_comment_is_shown(reader: Reader) -> None:
    """If the form is sent with a courteous comment, then the answer says that it is published, and the page shows it."""
    text = courteous()
    answer = reader.fill_in(text=text)
    assert answer.status_code == 201
    assert "Your comment is published." in answer.text
    page = Read(reader.client.get("/comments", params={"story": reader.story}).text)
    assert (page.names[0], page.texts) == ("Nada", [text])


def test_a_rejected_comment_is_given_back_with_its_rule(reader: Reader) -> None:
    """If the form is sent with abuse, then the answer names the rule, keeps the text to copy, and links to the appeal."""
    answer = reader.fill_in(text=ABUSIVE)
    page = Read(answer.text)
    assert answer.status_code == 201
    assert "Your comment is not published." in page.text
    assert any(rule.title["en"] in page.text for rule in reader.room.meydan.desk.guidelines.rules)
    assert page.texts == [ABUSIVE]
    assert any(link.startswith("/status/") and "receipt=" in link for link in page.links)
    assert (answer.headers["cache-control"], answer.headers["x-robots-tag"]) == ("no-store", "noindex")


@pytest.mark.parametrize(
    ("changed", "missing"),
    [
        ({"name": ""}, ["name"]),
        ({"text": " \r\n "}, ["text"]),
        ({"name": "\u2003", "text": ""}, ["name", "text"]),
    ],
)
def test_missing_fields_are_named_and_the_rest_is_kept(
    reader: Reader, changed: dict[str, str], missing: list[str]
) -> None:
    """If required fields are missing, then the page names each, marks it, and keeps what was typed in the others."""
    answer = reader.fill_in(**({"name": "Nâdâ <3", "text": "\nFirst line.\r\nLast."} | changed))
    page = Read(answer.text)
    assert answer.status_code == 422
    for field, sentence in (
        ("name", "Write the name you want to be shown with."),
        ("text", "Write your comment."),
    ):
        assert (sentence in page.text) == (field in missing)
        assert (f"#meydan-{field}" in page.links) == (field in missing)
    assert answer.text.count('aria-invalid="true"') == len(missing)
    if "name" not in missing:
        assert page.fields["name"] == "Nâdâ <3"
    if "text" not in missing:
        assert page.fields["text"] == "\nFirst line.\r\nLast."


def test_a_refusal_keeps_what_was_typed(reader: Reader) -> None:
    """If a comment is too long or replies to nothing, then the page says so and everything typed is still there."""
    long = reader.fill_in(text="x" * 5001)
    assert (long.status_code, len(Read(long.text).fields["text"])) == (422, 5001)
    assert "5000" in long.text
    orphan = reader.fill_in(parent="nothing", text="An answer.")
    assert (orphan.status_code, Read(orphan.text).fields["text"]) == (404, "An answer.")
    assert Read(orphan.text).fields["parent"] == "nothing"


def test_the_form_keeps_the_readers_language(reader: Reader) -> None:
    """If the form is in Sorani, then its answers are, right to left."""
    answer = reader.fill_in(name="", lang="ckb")
    assert '<html lang="ckb" dir="rtl">' in answer.text
    assert Read(answer.text).fields["lang"] == "ckb"
    assert "ئەو ناوە بنووسە" in answer.text


def test_robots_that_fill_the_trap_are_held(reader: Reader) -> None:
    """If the hidden field is filled in, then a person decides."""
    reader.fill_in(text=courteous(), website="x")
    waiting, _ = reader.room.meydan.desk.held(limit=200, newest=True)
    mine = next(comment for comment in waiting if comment.story_url == reader.story)
    assert Hold.SUSPICIOUS_FORM in mine.holds


@pytest.mark.parametrize(
    ("headers", "taken"),
    [
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({}, True),
        ({"origin": "{own}"}, True),
        ({"origin": "{own}", "sec-fetch-site": "same-site"}, True),
        ({"origin": "http://localhost:1"}, True),  # an origin of the guidelines
        ({"origin": "https://evil.example"}, False),
        ({"origin": "https://evil.example", "sec-fetch-site": "cross-site"}, False),
        ({"origin": "null"}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "same-site"}, False),
    ],
)
def test_a_form_comes_from_our_pages(reader: Reader, headers: dict[str, str], taken: bool) -> None:
    """If a form was sent by a page of another site, then it is refused as forged and nothing is kept."""
    own = {name: value.replace("{own}", reader.room.url) for name, value in headers.items()}
    form = {"story": reader.story, "name": "Nada", "text": courteous()}
    answer = reader.client.post("/comments", data=form, headers=own)
    assert answer.status_code == (201 if taken else 403)
    assert ("R115" in answer.text) is not taken
    assert len(reader.shown()) == taken


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/x-www-form-urlencoded", b"story=%FF&name=a&text=b"),
        ("application/x-www-form-urlencoded", b"name=%C3%28&text=b"),
        ("multipart/form-data; boundary=x", b"--x--"),
        ("application/json", b"{}"),
        ("text/plain", b"story=x"),
    ],
)
def test_what_is_no_form_is_refused(reader: Reader, kind: str, body: bytes) -> None:
    """If a form cannot be read exactly, then it is refused as malformed, on a page."""
    answer = reader.client.post("/comments", content=body, headers={"content-type": kind})
    assert (answer.status_code, "R113" in answer.text) == (400, True)
    assert answer.headers["content-type"] == "text/html; charset=utf-8"


def test_a_null_byte_in_a_form_is_refused(reader: Reader) -> None:
    """If a form's text holds a null byte, then it is refused, named, and comes back without it."""
    answer = reader.fill_in(text="a\x00b")
    assert (answer.status_code, "R105" in answer.text) == (422, True)
    assert Read(answer.text).fields["text"] == "a\ufffdb"


# -- reading ----------------------------------------------------------------------


def test_a_long_thread_has_pages(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    """If a thread is longer than a page, then links lead through all of it and back, in either order, in the reader's language."""
    monkeypatch.setattr(store, "COMMENTS_ON_A_PAGE", 2)
    texts = [f"Word number {number} on the matter." for number in range(5)]
    for text in texts:
        reader.approved(text)
    for sort, expected in (("oldest", texts), ("newest", texts[::-1])):
        asked = {"story": reader.story, "sort": sort, "lang": "tr"}
        page = reader.client.get("/comments", params=asked)
        seen = Read(page.text).texts
        assert "Daha fazla yorum" in page.text
        while more := [link for link in Read(page.text).links if "after=" in link]:
            page = reader.client.get(more[0])
            seen += Read(page.text).texts
            assert "İlk yorumlara dön" in page.text
            assert '<html lang="tr"' in page.text
        assert seen == expected


def test_a_reply_without_javascript_shows_what_it_answers(reader: Reader) -> None:
    """If a reader follows "Reply", then the page shows the comment above the form, and the form answers it."""
    parent = reader.approved("The first word.")
    page = reader.client.get("/comments", params={"story": reader.story})
    link = next(link for link in Read(page.text).links if f"reply={parent}" in link)
    form = Read(reader.client.get(link).text)
    assert form.fields["parent"] == parent
    reader.fill_in(parent=parent, text=courteous())
    assert [comment["parent"] for comment in reader.shown()] == [None, parent]


def test_what_is_not_shown_cannot_be_answered(reader: Reader) -> None:
    """If a link asks to answer a comment that readers do not see, or one of another story, then there is no form for it."""
    hidden = reader.rejected("A rejected text.")["id"]
    shown = reader.approved()
    for story, reply in ((reader.story, hidden), (f"{reader.story}-other", shown), (reader.story, "nothing")):
        answer = reader.client.get("/comments", params={"story": story, "reply": reply})
        assert answer.status_code == 404
        assert "A rejected text." not in answer.text


@pytest.mark.parametrize("path", ["/comments", "/embed/comments"])
@pytest.mark.parametrize(
    ("asked", "status", "code"),
    [("", 422, "R104"), ("story=", 422, "R104"), ("story=x", 400, "R113"), ("story=%C3", 400, "R113"),
     ("story=https://elsewhere.example/", 403, "R106"), ("story=http://127.0.0.1/&sort=up", 400, "R113"),
     ("story=http://127.0.0.1/&after=x", 400, "R113")],
)  # fmt: skip
def test_a_page_asked_for_wrongly_is_refused(
    reader: Reader, path: str, asked: str, status: int, code: str
) -> None:
    """If a thread is asked for wrongly, then the answer has the same code at every door."""
    answer = reader.client.get(f"{path}?{asked}")
    assert (answer.status_code, code in answer.text) == (status, True)


def test_no_page_needs_a_script_or_a_cookie(reader: Reader) -> None:
    """If a reader reads and posts, then no page of ours carries a script, an inline style or a cookie."""
    reader.approved()
    told = reader.rejected()
    pages = [
        reader.client.get("/comments", params={"story": reader.story}),
        reader.client.get("/embed/comments", params={"story": reader.story}),
        reader.fill_in(text=ABUSIVE),
        reader.fill_in(name=""),
        reader.client.get(f"/status/{told['id']}", params={"receipt": told["receipt"]}),
        reader.client.get("/nothing"),
    ]
    for page in pages:
        assert "<script" not in page.text
        assert "style=" not in page.text
        assert "set-cookie" not in page.headers


# -- how it stands ----------------------------------------------------------------


def status(reader: Reader, told: dict[str, str], **asked: str) -> httpx.Response:
    return reader.client.get(f"/status/{told['id']}", params=asked)


def test_anyone_sees_the_outcome_and_the_author_the_words(reader: Reader) -> None:
    """If a status page is opened, then it tells the outcome and the rule; the words only with the receipt."""
    told = reader.rejected("You are an idiot, Sir.")
    open_page = status(reader, told)
    assert "Your comment is not published." in open_page.text
    assert "No attacks on people" in open_page.text
    assert "Decided by a" in open_page.text
    assert "idiot, Sir" not in open_page.text
    assert "<form" not in open_page.text
    own = status(reader, told, receipt=told["receipt"])
    assert Read(own.text).texts == ["You are an idiot, Sir."]
    for page in (open_page, own):
        assert (page.headers["cache-control"], page.headers["x-robots-tag"]) == ("no-store", "noindex")


def test_a_wrong_receipt_opens_nothing(reader: Reader) -> None:
    """If a receipt is not this comment's, then the words stay closed, and so do the appeal and the withdrawal."""
    told, other = reader.rejected(), reader.rejected("You are an idiot too.")
    for receipt in ("x", "mr1.e30", other["receipt"]):
        assert status(reader, told, receipt=receipt).status_code == 401
        for what in ("appeal", "withdraw"):
            form = {"receipt": receipt, "words": "Why?"}
            answer = reader.client.post(f"/status/{told['id']}/{what}", data=form)
            assert (answer.status_code, "R109" in answer.text) == (401, True)
    assert reader.client.post(f"/status/{told['id']}/withdraw", data={"lang": "en"}).status_code == 401
    assert status(reader, {"id": "nothing"}).status_code == 404


def test_an_author_appeals_once(reader: Reader) -> None:
    """If an author appeals with words, then a person sees them, the page says so, and a second appeal is refused."""
    told = reader.rejected()
    form = {"receipt": told["receipt"], "words": "  ", "lang": "en"}
    blank = reader.client.post(f"/status/{told['id']}/appeal", data=form)
    assert (blank.status_code, 'aria-invalid="true"' in blank.text) == (422, True)
    form["words"] = "It was a quotation."
    answer = reader.client.post(f"/status/{told['id']}/appeal", data=form)
    assert answer.status_code == 303
    page = reader.client.get(answer.headers["location"])
    assert "You have appealed." in page.text
    assert "<textarea" not in page.text
    assert reader.room.item(told["id"]).appeal == "It was a quotation."
    again = reader.client.post(f"/status/{told['id']}/appeal", data=form)
    assert (again.status_code, "R116" in again.text) == (409, True)


def test_an_author_withdraws(reader: Reader) -> None:
    """If an author withdraws an approved comment, then it is gone at once, its replies keep a tombstone, its decision stands."""
    id = reader.approved()
    told = {"id": id, "receipt": reader.receipts[id]}
    reader.approved("An answer.", parent=id)
    answer = reader.client.post(
        f"/status/{told['id']}/withdraw", data={"receipt": told["receipt"], "lang": "en"}
    )
    assert answer.status_code == 303
    asked = parse_qs(urlsplit(answer.headers["location"]).query)
    assert asked["receipt"] == [told["receipt"]]
    page = Read(reader.client.get("/comments", params={"story": reader.story}).text)
    assert page.texts == ["An answer."]
    assert "This comment is no longer shown." in page.text
    assert [(comment["id"] == told["id"], comment["text"]) for comment in reader.shown()] == [
        (True, None),
        (False, "An answer."),
    ]
    assert reader.room.item(told["id"]).comment.status is Status.APPROVED
    assert "You have withdrawn this comment." in reader.client.get(answer.headers["location"]).text


def test_a_moderators_note_reaches_the_author_only(reader: Reader) -> None:
    """If a moderator writes a note with a rejection, then the author reads it, escaped, and nobody else."""
    told = reader.post(text="Words that a person reads.").json()
    note = "Please <b>see</b> our rules."
    reader.room.meydan.desk.review(told["id"], Verdict.REJECT, rules=["promotion"], note=note, by="Leyla")
    assert "Please &lt;b&gt;see" in status(reader, told, receipt=told["receipt"]).text
    assert "Please" not in status(reader, told).text


@pytest.mark.parametrize("what", ["appeal", "withdraw"])
def test_status_forms_cannot_be_forged(reader: Reader, what: str) -> None:
    """If another site's page sends an author's form, then it is refused, receipt or not."""
    told = reader.rejected()
    form = {"receipt": told["receipt"], "words": "Why?"}
    answer = reader.client.post(
        f"/status/{told['id']}/{what}", data=form, headers={"origin": "https://evil.example"}
    )
    assert (answer.status_code, "R115" in answer.text) == (403, True)
