"""The guidelines at the desk over HTTP: reading them, changing them, and a server that runs meanwhile."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path

import httpx
import pytest

from meydan.comment import Status
from meydan.policy import MAX_BYTES, digest_of, load
from tests.newsroom import ABUSIVE, COURTEOUS, Chair, Newsroom, newsroom, without_examples
from tests.web.conftest import Reader

SOURCE = load().source.decode()
THREAT = "I will find you and kill you, and your children too."
NO_REJECTING = re.sub(r"(?m)^reject_from = .*$", "reject_from = 1.0", SOURCE)
FAULTY = SOURCE.replace("\nreject_from", "\nreject_form", 1)


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Newsroom]:
    with newsroom(tmp_path) as opened:
        for name in ("Leyla", "Zîn"):
            opened.meydan.staff.add_moderator(name, role="editor")
        opened.meydan.staff.add_moderator("Aram", role="auditor")
        yield opened


@pytest.fixture
def chair_of(room: Newsroom) -> Iterator[Callable[[str], Chair]]:
    opened: list[Chair] = []

    def sit(name: str) -> Chair:
        opened.append(Chair(room).sign_in(name))
        return opened[-1]

    yield sit
    for chair in opened:
        chair.close()


def fields(page: str) -> dict[str, str]:
    """The form as the page gives it, with what is typed in it."""
    form = {
        name: unescape(re.search(rf'name="{name}" [^>]*value="([^"]*)"', page)[1])  # type: ignore[index]
        for name in ("csrf", "keep", "base", "checked", "last", "note")
    }
    text = re.search(r'<textarea id="text"[^>]*>\n(.*?)</textarea>', page, re.S)
    assert text is not None
    return {**form, "text": unescape(text[1])}


def send(chair: Chair, what: str, **changed: str) -> httpx.Response:
    """Fill in the page's form as it is now, and press a button."""
    form = fields(chair.get("/desk/guidelines/change").text) | changed
    # As a browser writes it.
    form["text"] = form["text"].replace("\n", "\r\n")
    return chair.post("/desk/guidelines/change", data={**form, "what": what})


def accept(chair: Chair, text: str, note: str = "Because.") -> httpx.Response:
    checked = fields(send(chair, "check", text=text, note=note).text)
    return send(chair, "effect", **checked)


def test_everybody_reads_and_editors_change(room: Newsroom, chair_of: Callable[[str], Chair]) -> None:
    """If somebody works here, then they read what is in force and was; only editors can change it, and auditors see who did."""
    first = room.meydan.desk.guidelines.digest
    assert accept(chair_of("Leyla"), without_examples(SOURCE)).status_code == 303
    for name in ("Mem", "Aram"):
        chair = chair_of(name)
        page = chair.get("/desk/guidelines").text
        assert "/desk/guidelines/change" not in page
        assert page.count('<time datetime="') == 2
        old = chair.get(f"/desk/guidelines/{first.removeprefix('sha256:')}").text
        assert "This version is not in force" in old
        assert chair.get(f"/desk/guidelines/{first}/file").text == SOURCE
        assert chair.get("/desk/guidelines/change").status_code == 403
        refused = chair.post("/desk/guidelines/change", data={"csrf": chair.csrf, "what": "effect"})
        assert refused.status_code == 403
    assert "let guidelines take effect" in chair_of("Aram").get("/desk/journal").text
    assert chair_of("Aram").get("/desk/guidelines/nothing").status_code == 404


def test_faults_stand_beside_their_lines_and_never_take_effect(
    room: Newsroom, chair_of: Callable[[str], Chair]
) -> None:
    """If the draft has a fault, then it is told with its line, there is no way to let it take effect, and it is kept."""
    chair = chair_of("Leyla")
    page = send(chair, "check", text=FAULTY).text
    line = 1 + FAULTY[: FAULTY.index("reject_form =")].count("\n")
    assert f'href="#line-{line}"' in page
    assert re.search(rf'id="line-{line}" [^>]*class="faulty".*?Did you mean', page, re.S)
    assert "Take it into effect" not in page
    for checked in ("", digest_of(FAULTY.encode())):
        assert send(chair, "effect", text=FAULTY, note="x", checked=checked).status_code == 422
    assert fields(chair.get("/desk/guidelines/change").text)["text"] == FAULTY
    assert room.meydan.desk.guidelines.source.decode() == SOURCE
    assert len(room.meydan.desk.versions()) == 1
    chair.post("/desk/guidelines/change", data={"csrf": chair.csrf, "what": "forget"})
    assert fields(chair.get("/desk/guidelines/change").text)["text"] == SOURCE


def test_only_what_was_checked_takes_effect(room: Newsroom, chair_of: Callable[[str], Chair]) -> None:
    """If the text differs from what was checked, or nobody says why, then it is checked again instead, and nothing is lost."""
    chair, text = chair_of("Leyla"), without_examples(SOURCE)
    checked = fields(send(chair, "check", text=text).text)
    assert checked["checked"] == digest_of(text.encode())
    other = send(chair, "effect", **{**checked, "text": text + "# more\n", "note": "x"})
    assert (other.status_code, fields(other.text)["text"]) == (422, text + "# more\n")
    unsaid = send(chair, "effect", **checked)
    assert (unsaid.status_code, fields(unsaid.text)["text"]) == (422, text)
    assert room.meydan.desk.guidelines.source.decode() == SOURCE


def test_two_editors_at_once(room: Newsroom, chair_of: Callable[[str], Chair]) -> None:
    """If somebody else was first, then the second is told who and when with a 409, keeps what they typed, and can go on from there."""
    first, second = chair_of("Leyla"), chair_of("Zîn")
    mine, theirs = without_examples(SOURCE) + "# mine\n", without_examples(SOURCE)
    checked = fields(send(second, "check", text=mine, note="Mine.").text)
    assert accept(first, theirs).status_code == 303
    refused = second.post("/desk/guidelines/change", data={**checked, "what": "effect"})
    assert refused.status_code == 409
    assert "<bdi>Leyla</bdi> changed the guidelines" in refused.text
    kept = fields(refused.text)
    assert (kept["text"], kept["note"], kept["checked"]) == (mine, "Mine.", "")
    assert room.meydan.desk.guidelines.source.decode() == theirs
    again = second.post("/desk/guidelines/change", data={**kept, "what": "check"}).text
    assert again.count('<li class="added">') == 1
    assert second.post("/desk/guidelines/change", data={**fields(again), "what": "effect"}).status_code == 303
    assert room.meydan.desk.guidelines.source.decode() == mine
    # The same form, sent twice: done, and not done again.
    assert second.post("/desk/guidelines/change", data={**fields(again), "what": "effect"}).status_code == 303
    assert len(room.meydan.desk.versions()) == 3
    assert room.meydan.desk.draft("Zîn") is None


def test_a_version_that_is_not_understood_is_not_passed_over(
    room: Newsroom, chair_of: Callable[[str], Chair]
) -> None:
    """If a newer program's version rules elsewhere, then nothing takes effect over it here, and the editor is told so."""
    chair, text = chair_of("Leyla"), without_examples(SOURCE)
    checked = fields(send(chair, "check", text=text, note="Mine.").text)
    newer = f"{SOURCE}\n[later]\n".encode()
    room.meydan.store.guidelines.take_effect(
        digest_of(newer), newer, base=digest_of(SOURCE.encode()), by="Zîn", note="", at=room.meydan.desk.now()
    )
    refused = chair.post("/desk/guidelines/change", data={**checked, "what": "effect"})
    assert (refused.status_code, fields(refused.text)["text"]) == (409, text)
    assert "Zîn changed the guidelines" in refused.text
    assert room.meydan.desk.guidelines.source.decode() == SOURCE


def test_what_was_typed_outlives_the_session(room: Newsroom, chair_of: Callable[[str], Chair]) -> None:
    """If the session has ended, or its token is an old one, then what was typed is the draft of whoever the form was given to."""
    chair = chair_of("Leyla")
    form = fields(chair.get("/desk/guidelines/change").text) | {"text": "half a sentence", "what": "check"}
    room.meydan.staff.sign_out(chair.cookies["meydan_session"])
    over = chair.post("/desk/guidelines/change", data=form)
    assert over.status_code == 401
    assert "as you left it" in over.text
    chair.sign_in("Leyla")
    assert fields(chair.get("/desk/guidelines/change").text)["text"] == "half a sentence"
    stale = chair.post("/desk/guidelines/change", data={**form, "text": "half a page"})
    assert stale.status_code == 403
    assert "what you typed is kept" in stale.text
    assert fields(chair.get("/desk/guidelines/change").text)["text"] == "half a page"
    # A form that nobody was given keeps nothing for anybody, and is given back.
    forged = chair.post("/desk/guidelines/change", data={**form, "text": "<b>mine", "keep": "x", "csrf": "x"})
    assert forged.status_code == 403
    assert "&lt;b&gt;mine</textarea>" in forged.text
    assert fields(chair.get("/desk/guidelines/change").text)["text"] == "half a page"


def test_a_file_is_uploaded(room: Newsroom, chair_of: Callable[[str], Chair]) -> None:
    """If a file is uploaded, then it is the draft and is checked; what is no text, in another encoding or far too much is refused, and the draft stays."""
    chair = chair_of("Leyla")
    given = fields(chair.get("/desk/guidelines/change").text)

    def upload(body: bytes) -> httpx.Response:
        return chair.post(
            "/desk/guidelines/change",
            data={"csrf": given["csrf"], "base": given["base"], "what": "upload"},
            files={"file": ("mine.toml", body)},
        )

    done = upload(FAULTY.replace("\n", "\r\n").encode())
    assert done.status_code == 200
    assert fields(done.text)["text"] == FAULTY
    assert upload(b"\xff\xfe").status_code == 400
    field = b'--x\r\nContent-Disposition: form-data; name="note"\r\n\r\n\xff\r\n--x--\r\n'
    kind = {"content-type": "multipart/form-data; boundary=x"}
    assert chair.post("/desk/guidelines/change", content=field, headers=kind).status_code == 400
    for charset in (
        "nope",
        "hex",
        "punycode",
        "utf-7",
        "unicode_escape",
        "utf-8x",
        "utf-8; charset=hex",
        'utf-8"',
        "utf-8",
        '"UTF-8"',
    ):
        told = (
            f'Content-Disposition: form-data; name="charset"\r\nContent-Type: text/plain; charset={charset}'
        )
        body = f"--x\r\n{told}\r\n\r\n+2AA- \\ud800\r\n--x--\r\n".encode()
        with Chair(room) as stranger:
            for who in (chair, stranger):
                answer = who.post("/desk/guidelines/change", content=body, headers=kind)
                # In UTF-8 it is read, and lacks only what a form of this session carries.
                ours = charset in ("utf-8", '"UTF-8"')
                expected = 400 if not ours else 403 if who is chair else 401
                assert answer.status_code == expected, (charset, answer.text)
    assert upload(b"").status_code == 422
    assert upload(b"#" * (5 * MAX_BYTES)).status_code == 413
    assert "larger than" in upload(b"#" * (MAX_BYTES + 1)).text
    big = {"csrf": given["csrf"], "verdict": "approve", "seen": "0", "note": "x" * 70_000}
    assert chair.post(f"/desk/comments/{room.send()}", data=big).status_code == 413, (
        "only this page takes so much"
    )


def test_severe_words_are_covered_where_it_is_tried(room: Newsroom, chair_of: Callable[[str], Chair]) -> None:
    """If comments would be decided otherwise, then each is told with both verdicts and its rule, and severe words stay covered."""
    ids = [room.send(text) for text in (COURTEOUS, ABUSIVE, THREAT)]
    assert [room.item(id).comment.status for id in ids] == [Status.APPROVED, Status.REJECTED, Status.REJECTED]
    page = send(chair_of("Leyla"), "check", text=without_examples(NO_REJECTING), last="50").text
    assert "Would be decided otherwise: 2" in page
    assert "held: No threats" in page
    assert "rejected: No threats" in page
    assert "complete idiot" in page
    assert "find you and kill" not in page
    assert "Likely a threat" in page
    few = send(chair_of("Leyla"), "check", text=without_examples(NO_REJECTING), last="49")
    assert few.status_code == 400
    assert fields(few.text)["text"] == without_examples(NO_REJECTING)


def test_a_running_server_takes_it_up(
    room: Newsroom, chair_of: Callable[[str], Chair], tmp_path: Path
) -> None:
    """If an editor changes the guidelines at one server, then another goes by them within seconds, and decisions lead to theirs."""
    with newsroom(tmp_path) as other:
        other.meydan.desk.register_story(other.story, title="A story", own=(other.url,))
        before = other.send(COURTEOUS)
        assert accept(chair_of("Leyla"), without_examples(NO_REJECTING)).status_code == 303
        digest = digest_of(without_examples(NO_REJECTING).encode())
        Reader.until(lambda: other.meydan.desk.guidelines.digest == digest, within_s=5)
        after = other.send(f"{COURTEOUS} Indeed.")
        assert other.item(after).decisions[0].decision.guidelines == digest
        page = chair_of("Mem").get(f"/desk/comments/{after}").text
        assert f'href="/desk/guidelines/{digest.removeprefix("sha256:")}"' in page
        page = chair_of("Mem").get(f"/desk/comments/{before}").text
        old = re.search(r'href="(/desk/guidelines/[0-9a-f]+)"', page)
        assert old is not None
        assert "Decisions that were made by it: 1<" in chair_of("Mem").get(old[1]).text
