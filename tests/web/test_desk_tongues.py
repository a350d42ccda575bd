"""The desk in five languages: which is spoken, and that no page falls back into English."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

import pytest

from meydan.comment import Submission, Verdict
from meydan.desk import Visitor
from meydan.locale import INTERFACE, words
from meydan.locale.desk import desk_words
from tests.newsroom import ABUSIVE, Chair, Newsroom
from tests.web.conftest import courteous

OTHERS = [tag for tag in INTERFACE if tag != "en"]
COOKIE = "meydan_desk_language"


@pytest.fixture(scope="module")
def pages(room: Newsroom) -> list[str]:
    """Every page of the desk that is looked at, on a desk where something waits, was decided and is blocked."""
    desk = room.meydan.desk
    waits = room.hand_over(f"{ABUSIVE} Call 0750 123 4567, http://spam.example/x", name="Bob")
    submitted = desk.submit(
        Submission(story_url=room.story, name="Rojin", text=courteous()),
        Visitor(address_key="0" * 32, own=(room.url,)),
    )
    decided = submitted.id
    desk.review(decided, Verdict.REJECT, rules=["abuse:racism"], by="Hiwa", note="…", seen=0)
    desk.appeal(decided, words="ڕەنگە هەڵە بێت.", receipt=submitted.receipt)
    if not any(row.name == "Leyla" for row in room.meydan.staff.moderators()):
        room.meydan.staff.add_moderator("Leyla", role="editor")
    comments = [f"/desk/comments/{waits}", f"/desk/comments/{decided}"]
    lists = [
        "",
        "/decided",
        "/audits",
        "/second-looks",
        "/find",
        "/figures",
        "/people",
        "/journal",
        "/account",
    ]
    return [
        *comments,
        *(f"/desk{path}" for path in lists),
        f"/desk/find?author={decided}",
        "/desk/comments/none",
    ]


@pytest.fixture
def chair(room: Newsroom) -> Iterator[Chair]:
    with Chair(room) as client:
        yield client.sign_in("Leyla")


def english_sentences() -> list[str]:
    """What would be English on a page: the catalogue's sentences, or their longest piece without a blank."""
    english = desk_words("en")
    pieces = [
        max(re.split(r"\{\w+\}", english[key]), key=len)
        for key in english.keys()  # noqa: SIM118
        if not key.startswith(("errors.", "actions.", "fields."))
    ]
    return [piece.strip() for piece in pieces if re.search(r"[a-z]{2,}\W+[a-z]{2,}", piece)]


@pytest.mark.parametrize("tag", OTHERS)
def test_no_page_falls_back_into_english(tag: str, chair: Chair, pages: list[str]) -> None:
    """If a language is chosen, then every page says so of itself, and none of the English sentences is left on it."""
    chair.cookies.set(COOKIE, tag)
    left = {}
    for path in pages:
        answer = chair.get(path)
        assert answer.text.startswith(f'<!doctype html>\n<html lang="{tag}" dir="{words(tag).direction}">'), (
            path
        )
        assert answer.headers["content-language"] == tag
        seen = unescape(answer.text)
        if found := [sentence for sentence in english_sentences() if sentence in seen]:
            left[path] = found
    assert left == {}


# What is somebody's own, not the desk's: names, titles, comments and quotations of them, codes and keys.
NOT_OURS = re.compile(
    r"<(bdi|q|code|kbd|script|head)\b.*?</\1>|<(p|span|div) class=\"(?:meydan-text|queue-words|said|headline)\".*?</\2>|<[^>]+>",
    re.DOTALL,
)


@pytest.mark.parametrize("tag", ["ar", "ckb"])
def test_no_page_has_english_of_its_own(tag: str, chair: Chair, pages: list[str]) -> None:
    """If a page speaks Arabic or Sorani, then no two Latin words stand side by side on it but in what is somebody's own."""
    chair.cookies.set(COOKIE, tag)
    left = {}
    for path in pages:
        seen = unescape(NOT_OURS.sub(" ", chair.get(path).text))
        if found := re.findall(r"[A-Za-z]{2,}[ ,]+[A-Za-z]{2,}", seen):
            left[path] = found
    assert left == {}


@pytest.mark.parametrize("tag", OTHERS)
def test_the_door_and_its_refusals_speak_too(tag: str, room: Newsroom) -> None:
    """If nobody is signed in, then the door speaks what the browser likes best, and says so what was wrong."""
    with Chair(room) as stranger:
        stranger.headers["accept-language"] = f"de, {tag};q=0.8, en;q=0.5"
        assert words(tag)["self_name"] in stranger.get("/desk/sign-in").text
        refused = stranger.post("/desk/sign-in", data={"name": "Nobody", "password": "a wrong one, sadly"})
        assert desk_words(tag)["errors.R109-pair"] in refused.text
        assert not [sentence for sentence in english_sentences() if sentence in unescape(refused.text)]


def test_a_choice_is_kept_in_this_browser(room: Newsroom) -> None:
    """If a language is chosen at the door, then it is kept where no script reads it, and goes before the browser's own."""
    with Chair(room) as stranger:
        stranger.headers["accept-language"] = "tr"
        answer = stranger.post("/desk/language", data={"language": "ckb", "back": "/desk/find"})
        assert answer.status_code == 303
        assert answer.headers["location"] == "/desk/sign-in?back=%2Fdesk%2Ffind"
        kept = answer.headers["set-cookie"].lower()
        assert "httponly" in kept
        assert "samesite=lax" in kept
        assert "path=/desk" in kept
        assert '<html lang="ckb" dir="rtl">' in stranger.get("/desk/sign-in").text


def test_a_choice_keeps_a_link_that_was_opened(room: Newsroom) -> None:
    """If a language is chosen before a sign-in link is used, then the link is still there to be used."""
    with Chair(room) as stranger:
        answer = stranger.post("/desk/language", data={"language": "ar", "link": "a b&c", "back": "/desk"})
        assert answer.headers["location"] == "/desk/sign-in?link=a%20b%26c"


def test_a_language_we_do_not_have_is_refused(chair: Chair) -> None:
    """If something else is sent for a language, then it is refused, and no cookie is given."""
    answer = chair.post("/desk/language", data={"language": "<script>", "back": "//evil.example"})
    assert answer.status_code == 400
    assert "set-cookie" not in answer.headers
    chair.cookies.set(COOKIE, "xx")
    assert '<html lang="en" dir="ltr">' in chair.get("/desk").text


def test_choosing_needs_our_own_page(chair: Chair) -> None:
    """If another site sends the form, then nothing is chosen."""
    answer = chair.post("/desk/language", data={"language": "ar"}, headers={"origin": "https://evil.example"})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_a_choice_leads_nowhere_else(chair: Chair) -> None:
    """If the way back is not the desk's, then it leads to the desk."""
    answer = chair.post("/desk/language", data={"language": "en", "back": "//evil.example/desk"})
    assert answer.headers["location"] == "/desk"
