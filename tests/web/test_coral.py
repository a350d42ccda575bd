"""Judging for an existing Coral: signed by it, answered in its terms, and never in a way that publishes by accident."""

from __future__ import annotations

import json
import re
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meydan.comment import RULE_LABELS, Decision, Reason, Verdict
from meydan.web import coral, front
from meydan.web.coral import CODES, is_signed, readings_of, reason_of
from tests.newsroom import ABUSIVE, COURTEOUS, UNMEASURED, Newsroom, newsroom
from tests.npm import TOOLS
from tests.proportion import in_proportion
from tests.web.conftest import UNHURRIED, Reader
from tests.web.coral_server import CODES as CORALS_CODES
from tests.web.coral_server import PUBLISHED, CoralServer, Moderated, is_valid

OLD, NEW = "ssec_an-old-secret-of-corals", "ssec_the-new-secret-of-corals"
SPAM = "Buy cheap watches now at https://watches.example/sale, best prices, free shipping, order today!!!"


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newsroom]:
    with newsroom(
        tmp_path_factory.mktemp("coral"), coral_secrets=(OLD, NEW), coral_within_ms=5000, **UNHURRIED
    ) as opened:
        yield opened


@pytest.fixture(scope="module")
def server(room: Newsroom) -> Iterator[CoralServer]:
    with httpx.Client() as client:
        yield CoralServer(f"{room.url}{coral.PATH}", (NEW,), client=client)


JUDGED = [
    # the body as Coral has it                     becomes      because
    (COURTEOUS, "APPROVED"),
    (f"<div>{COURTEOUS}</div>", "APPROVED"),
    (ABUSIVE, "REJECTED"),
    ("<b>You are</b> a complete <i>idiot</i> and<br>everybody knows it.", "REJECTED"),
    ("You are a complete id<b></b>iot and everybody knows it.", "REJECTED"),
    ("You are a complete &#105;diot and everybody knows it.", "REJECTED"),
    (UNMEASURED, "PREMOD"),
    ("", "PREMOD"),
    ("<div></div>", "PREMOD"),
    ("ok " * 10_000, "PREMOD"),
    ("a null \x00 byte, and thanks for the article on the bridge", "PREMOD"),
]


@pytest.mark.parametrize("action", ["NEW", "EDIT"])
def test_a_comment_is_judged_by_the_guidelines(server: CoralServer, action: str) -> None:
    """
    If Coral asks about a comment, new or edited, then it is approved, rejected, or left to its moderators, whatever markup its words stand in.
    """
    found = {body: server.moderate(body, action=action, parent="d79b") for body, _ in JUDGED}
    assert {body[:60]: became.status for body, became in found.items()} == {
        body[:60]: status for body, status in JUDGED
    }


def test_nothing_of_it_is_kept(room: Newsroom, server: CoralServer) -> None:
    """
    If Coral asks about comments, then none is kept here: nothing waits, nothing is shown, no story is made.
    """
    server.moderate(ABUSIVE, story=f"{room.url}/stories/corals-own")
    server.moderate(UNMEASURED, story=f"{room.url}/stories/corals-own")
    assert room.meydan.desk.held_count() == 0
    assert room.meydan.desk.story(f"{room.url}/stories/corals-own") is None


def test_a_rejection_says_why(room: Newsroom, server: CoralServer) -> None:
    """
    If a comment is rejected, then Coral is told a reason of its own list, the rule in the comment's language, and what to flag.
    """
    told = server.moderate(ABUSIVE).told
    rule = room.meydan.desk.guidelines.rule("personal-attacks")
    reason = told["moderationAction"]["rejectionReason"]
    assert (told["moderationAction"]["status"], reason["code"]) == ("REJECTED", "HARASSMENT_BULLYING")
    assert reason["detailedExplanation"].startswith(f"{rule.title['en']}: {rule.text['en']}")
    assert told["actions"] == [{"actionType": "FLAG", "reason": "COMMENT_DETECTED_TOXIC"}]
    turkish = server.moderate("Sen tam bir aptalsın, herkes de biliyor bunu, geri zekalı.").told
    assert turkish["moderationAction"]["rejectionReason"]["detailedExplanation"].split(":")[0] in {
        rule.title["tr"] for rule in room.meydan.desk.guidelines.rules
    }
    spam = server.moderate(SPAM).told
    assert {"actionType": "FLAG", "reason": "COMMENT_DETECTED_SPAM"} in spam["actions"]


def test_every_label_has_a_reason_of_corals(room: Newsroom) -> None:
    """
    If a comment is rejected for any label, or by a rule of the newsroom's own, then the reason has a code that Coral knows and no empty text.
    """
    assert set(CODES) == set(RULE_LABELS)
    assert set(CODES.values()) <= CORALS_CODES
    for label in (*RULE_LABELS, "of-its-own", None):
        for rule in ("abuse", "gone-since"):
            decision = Decision(verdict=Verdict.REJECT, reasons=(Reason(rule, None, label, 0.99),))
            reason = reason_of(decision, room.meydan.desk, "en")
            assert is_valid({"moderationAction": {"rejectionReason": reason}}), reason
            assert ("customReason" in reason) is (reason["code"] == "OTHER")


HIDDEN = [
    # Coral sends plain text or HTML and does not say which: a reader of plain text sees these words.
    f"<b {ABUSIVE}>{COURTEOUS}</b>",
    f"<{ABUSIVE}>{COURTEOUS}",
    f"<!-- {ABUSIVE} -->{COURTEOUS}",
    f'<span class="{ABUSIVE}">{COURTEOUS}</span>',
    f'<a href="#{ABUSIVE}">{COURTEOUS}</a>',
    f"<script>{ABUSIVE}</script>{COURTEOUS}",
    f"<style>{ABUSIVE}</style>{COURTEOUS}",
    f"<img alt='{ABUSIVE}'>{COURTEOUS}",
    f"</p {ABUSIVE}>{COURTEOUS}",
    f"<? {ABUSIVE} ?>{COURTEOUS}",
]


@pytest.mark.parametrize("body", HIDDEN)
def test_no_words_hide_in_markup(server: CoralServer, body: str) -> None:
    """
    If words stand where one reading of a body sees markup and another text, then the machine does not approve it.
    """
    assert server.moderate(body).status in ("PREMOD", "REJECTED")


CORALS_MARKUP = [
    '<a href="https://news.example/a" target="_blank" rel="noopener noreferrer nofollow">here</a>',
    "<b>bold</b> <i>slanted</i><br><br>next<div>line</div>",
    '<blockquote>theirs</blockquote><ul><li>one</li></ul><span class="coral-rte-spoiler">the end</span>',
    "5 &lt; 6 &amp; 7, I <3 it",
    "no markup",
]


@pytest.mark.parametrize("body", CORALS_MARKUP)
def test_what_corals_editor_makes_is_read_once(body: str) -> None:
    """
    If a body has the markup of Coral's own editor alone, then there is one reading of it.
    """
    assert len(readings_of(body)) == 1


@pytest.mark.parametrize(
    "piece",
    [
        '<a href="http://',
        '<a rel="',
        '<a rel="ugc ',
        "<b ",
        "<b" + " " * 50,
        "<",
        "<!--",
        "</",
        '<span class="coral-',
    ],
)
def test_hostile_markup_takes_time_in_proportion(piece: str) -> None:
    """
    If a body is the longest that is read, of any markup over and over, then its readings take time in proportion.
    """
    assert in_proportion(readings_of, lambda size: piece * (size // len(piece)), coral.LONGEST)


def test_the_newsrooms_word_on_a_story_counts(room: Newsroom, server: CoralServer) -> None:
    """
    If the newsroom has told of a story here that people decide on it, then Coral's comments on it are left to people; then the machine decides again.
    """
    story = f"{room.url}/stories/by-hand"
    desk = room.meydan.desk
    desk.register_story(story, title="A story", mode="off", own=(room.url,))
    assert [server.moderate(words, story=f"{story}#all").status for words in (COURTEOUS, ABUSIVE)] == [
        "PREMOD"
    ] * 2
    desk.register_story(story, title="A story", own=(room.url,))
    assert server.moderate(ABUSIVE, story=story).status == "REJECTED"


def test_a_comment_is_judged_against_its_story(
    room: Newsroom, server: CoralServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    If the newsroom has told of a story here, then Coral's comments on it are judged against its title, text and language; by any of its addresses.
    """
    seen: list[dict[str, Any]] = []
    desk, assess = room.meydan.desk, room.meydan.desk.assess

    def watched(text: str, **more: Any) -> Any:
        seen.append(more)
        return assess(text, **more)

    monkeypatch.setattr(desk, "assess", watched)
    story = f"{room.url}/stories/the-bridge"
    desk.register_story(story, title="A bridge opens", text="It is long.", language="en", own=(room.url,))
    for address in (story, f"{story}#comments", f"{room.url}/stories/another"):
        server.moderate(COURTEOUS, story=address)
    told = [(one["title"], one["story"], one["language"]) for one in seen]
    assert told == [("A bridge opens", "It is long.", "en")] * 2 + [(None, None, None)]


@pytest.mark.parametrize(
    "story", ["", "not an address", "https://elsewhere.example/a", "http://[::1", "javascript:x", "x" * 5000]
)
def test_a_story_that_is_not_known_changes_nothing(server: CoralServer, story: str) -> None:
    """
    If a story's address is unknown here, or is none, then its comments are judged without it.
    """
    assert server.moderate(COURTEOUS, story=story).status == "APPROVED"


# -- signatures -----------------------------------------------------------------


def raw_of(server: CoralServer, body: str = COURTEOUS) -> bytes:
    return json.dumps(server.asks(body)).encode()


def put_off(became: Moderated) -> str | None:
    """The code with which a comment was left to Coral's moderators."""
    assert (became.status, became.told) == ("PREMOD", {"status": "PREMOD", "actions": []})
    return became.why


def test_while_a_secret_is_changed_both_are_taken(room: Newsroom) -> None:
    """
    If Coral signs with the old secret, the new one, or both, then each is believed while it is in the settings.
    """
    for secrets in (
        (OLD,),
        (NEW,),
        (OLD, NEW),
        (OLD, "ssec_of-somebody-else"),
        ("ssec_of-somebody-else", NEW),
    ):
        assert CoralServer(f"{room.url}{coral.PATH}", secrets).moderate(COURTEOUS).status == "APPROVED", (
            secrets
        )


def test_what_is_not_signed_is_not_judged(server: CoralServer) -> None:
    """
    If a signature is missing, forged, cut, of another body or of another kind, then the comment is left to people: nobody learns what the judge thinks.
    """
    raw = raw_of(server)
    right = server.signatures(raw)
    other = server.signatures(raw + b" ")
    wrong = [
        None,
        "",
        "sha256=",
        right[:-1],
        right + "0",
        f"md5={right[7:]}",
        right.replace("=", ":"),
        other,
        right[7:],
        f"sha256={'é' * 64}",
    ]
    wrong += [",".join([other] * 40 + [right]), f"sha1={right[7:47]}"]
    for signature in wrong:
        assert put_off(server.post(raw, signature)) == "R128", signature
    changed = raw.replace(b"careful", b"careless")
    assert put_off(server.post(changed, right)) == "R128"
    assert server.post(raw, f"{other} , {right.upper().replace('SHA256', 'sha256')}").status == "APPROVED"


def test_what_is_put_off_is_counted(room: Newsroom, server: CoralServer) -> None:
    """
    If a comment is left to Coral's moderators because of a wrong secret, then the operator's figures count it by its code, though it was answered with 200.
    """

    def counted() -> float:
        figures = server.client.get(f"{room.url}/metrics").text
        found = re.search(r'^meydan_refusals_total{code="R128"} (\S+)$', figures, re.M)
        return float(found[1]) if found else 0.0

    before = counted()
    raw = raw_of(server)
    put_off(server.post(raw, "sha256=" + "0" * 64))
    server.moderate(COURTEOUS)
    assert counted() == before + 1


def test_a_request_that_is_sent_again_changes_nothing(room: Newsroom, server: CoralServer) -> None:
    """
    If somebody sends again what Coral had signed, then the answer is the same and nothing else happens; with a secret that has gone, it is not believed.
    """
    raw = raw_of(server, ABUSIVE)
    first, again = (server.post(raw, server.signatures(raw)) for _ in range(2))
    assert first.told == again.told
    assert first.status == "REJECTED"
    assert room.meydan.desk.held_count() == 0
    gone = CoralServer(server.url, ("ssec_a-secret-that-was-valid-once",), client=server.client)
    assert put_off(gone.post(raw, gone.signatures(raw))) == "R128"


def test_signatures_are_of_bytes() -> None:
    """
    If no secret is set, or there is no signature, then nothing is signed, not even an empty body.
    """
    assert not is_signed(b"", [], [])
    assert not is_signed(b"", [b"sha256=" + b"0" * 64], [])
    assert not is_signed(b"", [], [b"a secret"])


def test_node_signs_as_this_test_does(server: CoralServer, tmp_path: Path) -> None:
    """
    If a body is made and signed in Node, as Coral does, with letters of every kind, then it is believed and judged.
    """
    script = tmp_path / "phase.js"
    script.write_text(
        """
        const crypto = require("crypto");
        const [url, secret, asked] = process.argv.slice(2);
        const body = JSON.stringify(JSON.parse(asked), null, 2);
        const sign = (key) => "sha256=" + crypto.createHmac("sha256", key).update(body).digest().toString("hex");
        fetch(url, {
            method: "POST", body,
            headers: {"Content-Type": "application/json", "X-Coral-Signature": [sign("another"), sign(secret)].join(",")},
        }).then(async (answer) => console.log(JSON.stringify([answer.status, JSON.parse(await answer.text())])));
        """
    )
    body = f"{COURTEOUS} Sağ olun, çok güzel. \U0001f33f"
    done = subprocess.run(
        [TOOLS / "node", script, server.url, NEW, json.dumps(server.asks(body))],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    status, told = json.loads(done.stdout)
    assert status == 200
    assert told["status"] == server.moderate(body).status != PUBLISHED
    assert is_valid(told)


# -- what goes wrong ---------------------------------------------------------------

ODD = [
    b"", b"{", b"[]", b"null", b'"text"', b"{}", b'{"action":"NEW"}', b'{"action":"DELETE","comment":{"body":"x"}}',
    b'{"action":"NEW","comment":{"body":5}}', b'{"action":"NEW","comment":{"body":"\\ud800"}}', b"\xff\xfe", b"[" * 60_000,
    b'{"action":"NEW","comment":null}', b'{"action":"NEW","comment":{"body":"x"},"story":5}', b'{"action":"NEW","comment":{"body":"\xed\xa0\x80"}}',
]  # fmt: skip


def test_what_is_not_a_request_is_put_off(server: CoralServer) -> None:
    """
    If a signed body is not what Coral asks, is too large or goes to another address here, then its comment is left to people.
    """
    for raw in ODD:
        assert put_off(server.post(raw, server.signatures(raw))) == "R113", raw[:40]
    large = raw_of(server, "x" * 70_000)
    assert put_off(server.post(large, server.signatures(large))) == "R114"
    raw = raw_of(server)
    for path in ("/coral/", "/coral/moderat", "/coral/moderate/"):
        elsewhere = CoralServer(server.url.replace(coral.PATH, path), server.secrets, client=server.client)
        assert put_off(elsewhere.post(raw, elsewhere.signatures(raw))) == "R108", path
    for method in ("GET", "PUT", "DELETE"):
        assert server.client.request(method, server.url).status_code == 405


WORDS = st.sampled_from(
    [
        "<",
        ">",
        "<b>",
        "&",
        "&lt;",
        "idiot",
        "thank you",
        " ",
        "\n",
        "\x00",
        "é",
        "پ",
        "\ud800",
        "<a href='",
        "\u202e",
    ]
)


@given(st.lists(WORDS, max_size=12).map("".join), st.sampled_from(["NEW", "EDIT", "", "OTHER"]))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_answer_is_one_that_coral_understands(server: CoralServer, body: str, action: str) -> None:
    """
    If any body at all is asked about, then the answer is one that Coral's schema takes, with a status: nothing is published because it was not understood.
    """
    raw = json.dumps(server.asks(body, action=action)).encode()
    became = server.post(raw, server.signatures(raw))
    assert became.status != PUBLISHED
    assert became.status in ("APPROVED", "REJECTED", "PREMOD")


def test_a_fault_leaves_it_to_people(
    room: Newsroom, server: CoralServer, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """
    If the judge breaks, in whatever way, then the comment is left to people, and no word of it is in the log.
    """

    def broken(text: str, **_: Any) -> Any:
        raise RuntimeError(text)

    monkeypatch.setattr(room.meydan.desk, "assess", broken)
    assert put_off(server.moderate(COURTEOUS)) == "X500"
    assert "careful" not in "".join(capfd.readouterr())


def test_where_nothing_is_bounded_people_decide(room: Newsroom, server: CoralServer) -> None:
    """
    If the machine's error is not bounded in a language, then it neither approves nor rejects for Coral, whatever the thresholds say.
    """
    desk, bounded = room.meydan.desk, room.meydan.desk.calibrations
    english = bounded.by_language["en"]
    unbounded = replace(english, wrongly_rejected=None, wrongly_approved=None, confidence=None)
    desk.adopt_calibrations(replace(bounded, by_language={**bounded.by_language, "en": unbounded}))
    try:
        became = [server.moderate(words) for words in (COURTEOUS, ABUSIVE)]
    finally:
        desk.adopt_calibrations(bounded)
    assert [one.status for one in became] == ["PREMOD", "PREMOD"]
    assert [len(one.told["actions"]) for one in became] == [0, 1]


@pytest.fixture(scope="module")
def hurried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Newsroom, CoralServer]]:
    """A newsroom that has little time for Coral."""
    data = tmp_path_factory.mktemp("hurried")
    with (
        newsroom(data, coral_secrets=(NEW,), coral_within_ms=300, **UNHURRIED) as opened,
        httpx.Client() as client,
    ):
        yield opened, CoralServer(f"{opened.url}{coral.PATH}", (NEW,), client=client)


def test_it_answers_before_coral_stops_waiting(hurried: tuple[Newsroom, CoralServer]) -> None:
    """
    If all turns at the judge are taken, then the comment is left to people before Coral's own time-out would publish it.
    """
    room, server = hurried
    turns = room.meydan.desk._turns
    taken = [turns._take(1) for _ in range(turns.at_once)]
    assert all(taken)
    try:
        became = server.moderate(COURTEOUS)
    finally:
        for _ in taken:
            turns._end()
    assert put_off(became) == "U203"
    assert became.seconds < 2.0


def test_a_slow_judge_keeps_nobody_waiting(
    hurried: tuple[Newsroom, CoralServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    If judging takes for ever, then each comment is left to people in time, and once a few are in hand the next at once; when it is over, all is as before.
    """
    room, server = hurried
    over, assess = threading.Event(), room.meydan.desk.assess

    def slowly(text: str, **more: Any) -> Any:
        over.wait(30)
        return assess(text, **more)

    monkeypatch.setattr(room.meydan.desk, "assess", slowly)
    try:
        late = [server.moderate(COURTEOUS) for _ in range(coral.AT_ONCE)]
        at_once = server.moderate(COURTEOUS)
    finally:
        over.set()
    assert [put_off(one) for one in (*late, at_once)] == ["U203"] * (coral.AT_ONCE + 1)
    assert max(one.seconds for one in late) < 2.0
    assert at_once.seconds < min(one.seconds for one in late)
    Reader.until(lambda: server.moderate(COURTEOUS).status == "APPROVED", within_s=20)


def test_too_much_at_once_is_no_reason_to_publish(
    server: CoralServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    If more requests are under way than the server answers, then Coral is told so as everything else: its moderators decide.
    """
    monkeypatch.setattr(front, "MOST_AT_ONCE", 0)
    assert put_off(server.moderate(COURTEOUS)) == "U203"
