"""The desk in five languages: which is spoken, and that no page falls back into English."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from html import unescape

import httpx
import pytest

from meydan.comment import Submission, Verdict
from meydan.desk import Visitor
from meydan.locale import words
from meydan.locale.desk import DESK, desk_words
from meydan.policy import digest_of, load
from meydan.web.desk import live
from tests.newsroom import ABUSIVE, Chair, Newsroom, without_examples
from tests.web.conftest import courteous
from tests.web.test_desk_live import listening

OTHERS = [tag for tag in DESK if tag != "en"]
COOKIE = "meydan_desk_language"


WRONG = """
[[rule.example]]
lang = "en"
text = "Thank you for this careful article."
expect = "reject"

[[rule.example]]
lang = "en"
text = "You are perhaps a bit of a liar, sir."
expect = "reject"
"""


@dataclass(frozen=True)
class Step:
    """An address that is opened, or a form that is sent there."""

    path: str
    form: Mapping[str, str] | None = None

    def __str__(self) -> str:
        return f"{self.path} {' '.join(f'{name}={value[-40:]}' for name, value in (self.form or {}).items())}"

    def taken(self, chair: Chair) -> httpx.Response:
        if self.form is None:
            return chair.get(self.path)
        return chair.post(self.path, data={"csrf": chair.csrf, **self.form})


@pytest.fixture(scope="module")
def waits(room: Newsroom) -> str:
    """A comment that waits, whatever a test does."""
    return room.hand_over(f"{ABUSIVE} Call 0750 123 4567, http://spam.example/x", name="Bob")


@pytest.fixture(scope="module")
def decided(room: Newsroom) -> str:
    """One that Hiwa has rejected, and whose author appeals."""
    desk = room.meydan.desk
    submitted = desk.submit(
        Submission(story_url=room.story, name="Rojin", text=courteous()),
        Visitor(address_key="0" * 32, own=(room.url,)),
    )
    desk.review(submitted.id, Verdict.REJECT, rules=["abuse:racism"], by="Hiwa", note="…", seen=0)
    desk.appeal(submitted.id, words="ڕەنگە هەڵە بێت.", receipt=submitted.receipt)
    return submitted.id


@pytest.fixture(scope="module")
def pages(room: Newsroom, waits: str, decided: str) -> list[Step]:
    """Every page of the desk, where something waits, was decided, reported, blocked and escalated."""
    desk, staff = room.meydan.desk, room.meydan.staff
    for name in ("Leyla", "Hiwa"):
        if not any(row.name == name for row in staff.moderators()):
            staff.add_moderator(name, role="editor")
    reported = room.hand_over(courteous(), name="Ali")
    desk.review(reported, Verdict.APPROVE, by="Hiwa", seen=0)
    for number in range(3):
        desk.report(
            reported, rule="abuse", visitor=Visitor(address_key=f"{number:032d}", own=()), words="لابیبەن!"
        )
    answered = room.hand_over(courteous(), name="Ali")
    desk.review(answered, Verdict.APPROVE, by="Hiwa", seen=0)
    desk.report(answered, rule="abuse", visitor=Visitor(address_key="9" * 32, own=()))
    desk.review(answered, Verdict.REJECT, rules=["abuse"], by="Leyla", seen=1)
    # The machine rejects it, and would not by what is tried below.
    room.send(f"{ABUSIVE} So there.", story=f"{room.url}/stories/another", name="Bob")
    cases = [room.hand_over(f"{ABUSIVE} {number}", name="Bob") for number in range(3)]
    for case, by in zip(cases, ("Hiwa", "Leyla", "Hiwa"), strict=True):
        desk.escalate(case, kind="threat-to-life", told="", by=by)
    for case in cases[:1]:
        desk.tell(
            case, office="شورطة", at=desk.now(), by="Hiwa", channel="نامە", reference="12", sentence="بەڵێ"
        )
    desk.read_case(cases[0], by="Leyla")
    desk.dossier(cases[0], by="Leyla")
    desk.end_hold(cases[2], reason="تەواو", by="Leyla")
    source = without_examples(load().source.decode())
    desk.take_effect(source.encode(), base=desk.guidelines.digest, by="Hiwa", note="بەبێ نموونە")
    kinder = re.sub(r"(?m)^reject_from = .*$", "reject_from = 1.0", source)
    head, first, others = kinder.split("\n[[rule]]\n", 2)
    kinder = "\n[[rule]]\n".join((head, first + WRONG, others))
    faulty = source.replace("\nreject_from", "\nreject_form", 1)
    digest = desk.guidelines.digest
    change = {"base": digest, "note": "", "last": "50", "checked": ""}
    lists = [
        "", "/decided", "/audits", "/second-looks", "/find", "/figures", "/people", "/journal", "/account",
        "/guidelines", "/guidelines?told=effect", "/guidelines/change", "/escalated",
    ]  # fmt: skip
    looked = [
        *(f"/desk/comments/{one}" for one in (waits, decided, reported, answered)),
        *(f"/desk{path}" for path in lists),
        *(f"/desk/escalated/{case}" for case in cases),
        f"/desk/escalated/{cases[2]}?told=ended",
        *(f"/desk/guidelines/{one.digest.removeprefix('sha256:')}" for one in desk.versions()),
        f"/desk/find?author={decided}",
        "/desk/find?reported=yes",
        "/desk/comments/none",
        "/desk/escalated/none",
        "/desk/guidelines/none",
    ]
    changing = [
        {**change, "text": kinder, "what": "check"},
        {**change, "text": faulty, "what": "check"},
        {**change, "text": source, "what": "check"},
        {**change, "text": kinder, "what": "check", "last": "1"},
        {**change, "text": kinder, "what": "effect"},
        {**change, "text": kinder, "what": "effect", "checked": digest_of(kinder.encode())},
        {**change, "text": faulty, "what": "effect", "checked": digest_of(faulty.encode())},
        {**change, "text": faulty, "what": "check", "base": f"sha256:{'0' * 64}"},
        {**change, "text": faulty, "what": "nothing"},
        {**change, "text": "", "what": "upload"},
    ]
    case = f"/desk/escalated/{cases[0]}"
    return [
        *map(Step, looked),
        *(Step("/desk/guidelines/change", form) for form in changing),
        Step("/desk/guidelines/change"),
        Step(f"{case}/uncover", {}),
        Step(f"{case}/told", {"office": "", "at": "2026-01-01T10:00"}),
        Step(f"{case}/told", {"office": "x", "at": "never"}),
        Step(f"{case}/told", {"office": "x", "at": "2999-01-01T10:00"}),
        Step(f"{case}/end", {"reason": ""}),
        Step(f"/desk/escalated/{cases[1]}/end", {"reason": "تەواو"}),
        Step(f"/desk/escalated/{cases[2]}/end", {"reason": "تەواو"}),
    ]


@pytest.fixture
def chair(room: Newsroom) -> Iterator[Chair]:
    with Chair(room) as client:
        yield client.sign_in("Leyla")


@pytest.fixture(scope="module")
def shown(room: Newsroom, pages: list[Step]) -> Callable[[str], dict[str, httpx.Response]]:
    """Every page as it is shown to an editor in a language."""

    @cache
    def shown(tag: str) -> dict[str, httpx.Response]:
        with Chair(room) as chair:
            chair.sign_in("Leyla").cookies.set(COOKIE, tag)
            return {str(step): step.taken(chair) for step in pages}

    return shown


def english_sentences() -> list[str]:
    """What would be English on a page: the catalogue's sentences, or their longest piece without a blank."""
    english = desk_words("en")
    pieces = [
        max(re.split(r"\{\w+\}", english[key]), key=len)
        for key in english.keys()  # noqa: SIM118
        if not key.startswith(("errors.", "actions.", "fields."))
    ]
    return [piece.strip() for piece in pieces if re.search(r"[a-z]{2,}\W+[a-z]{2,}", piece)]


# What is somebody's own, not the desk's: names, titles, comments and quotations of them, codes and keys.
NOT_OURS = re.compile(
    r"<(bdi|q|code|kbd|script|head|textarea)\b.*?</\1>|<(p|span|div) class=\"(?:meydan-text|queue-words|said|headline)\".*?</\2>|<[^>]+>",
    re.DOTALL,
)
# The guidelines file, which is English beside its own languages.
FILE = re.compile(r"<(code|textarea)\b.*?</\1>", re.DOTALL)


@pytest.mark.parametrize("tag", OTHERS)
def test_no_page_falls_back_into_english(tag: str, shown: Callable[[str], dict[str, httpx.Response]]) -> None:
    """If a language is chosen, then every page says so of itself, and none of the English sentences is left on it."""
    left = {}
    for step, answer in shown(tag).items():
        assert answer.text.startswith(f'<!doctype html>\n<html lang="{tag}" dir="{words(tag).direction}">'), (
            step
        )
        assert answer.headers["content-language"] == tag
        seen = unescape(FILE.sub(" ", answer.text))
        if found := [sentence for sentence in english_sentences() if sentence in seen]:
            left[step] = found
    assert left == {}
    # So much is there to be said only where guidelines were tried on comments.
    assert any(desk_words(tag)["guidelines.which"] in answer.text for answer in shown(tag).values())


LATIN = re.compile(r"[A-Za-z]{2,}[ ,]+[A-Za-z]{2,}")


@pytest.mark.parametrize("tag", ["ar", "ckb"])
def test_no_page_has_english_of_its_own(tag: str, shown: Callable[[str], dict[str, httpx.Response]]) -> None:
    """If a page speaks Arabic or Sorani, then no two Latin words stand side by side on it but in what is somebody's own."""
    left = {}
    for step, answer in shown(tag).items():
        seen = unescape(NOT_OURS.sub(" ", answer.text))
        if found := LATIN.findall(seen):
            left[step] = found
    assert left == {}


@pytest.mark.parametrize("tag", OTHERS)
def test_news_are_told_in_the_language_of_whoever_listens(
    tag: str, room: Newsroom, waits: str, decided: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If two listen in two languages, then each is told in theirs what happened, who looks, what is new and when it is over."""
    monkeypatch.setattr(live, "BEAT_S", 0.5)
    w, english = desk_words(tag), desk_words("en")
    for name in ("Leyla", "Hiwa"):
        room.link(name)
    with Chair(room) as chair, Chair(room) as other:
        chair.sign_in("Leyla")
        other.sign_in("Hiwa")
        chair.cookies.set(COOKIE, tag)
        with (
            listening(chair, mark=0, comment=decided, seen=0) as mine,
            listening(other, mark=0, comment=waits) as theirs,
            listening(chair, comment=waits) as second,
        ):
            told = mine.hear()
            assert told["about"]["way"] == w["live.look"]
            assert told["new"]["said"].startswith(w.fill("live.new", number="").rstrip())
            assert second.hear(lambda heard: heard.get("also"))["also"]["said"] == w.fill(
                "live.also", names="\u2068Hiwa\u2069"
            )
            heard = theirs.hear(lambda heard: heard.get("also"))
            assert heard["also"]["said"] == english.fill("live.also", names="\u2068Leyla\u2069")
            said = [told["about"]["said"], told["new"]["said"]]
            if tag in ("ar", "ckb"):
                assert not [one for one in said if LATIN.search(one)]
            assert not [one for one in said for sentence in english_sentences() if sentence in one]
            chair.post("/desk/sign-out", data={"csrf": chair.csrf})
            assert mine.hear(lambda heard: "said" in heard)["said"] == w["live.over"]


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
