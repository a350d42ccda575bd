"""Mail: what a message says and cannot be made to say, and how a server may treat it; against real servers."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import compat32, default
from pathlib import Path
from typing import Any

import pytest

from meydan.errors import BadSettings, MailUnavailable
from meydan.locale import INTERFACE, words
from meydan.post.mail import Mailer, NotSent, compose, message_of
from meydan.settings import load_settings
from tests.post.server import Mailbox, certificate, mail_server, signing_in, talking

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
SENDER = "comments@news.example"
HOSTILE = "Zîn\r\nBcc: all@victims.example\r\n\r\n<script>x</script>\u202e\x00\u2028"
TOLD: dict[str, Any] = {
    "to": "zin@reader.example",
    "language": "en",
    "link": "https://comments.example/follow/abc?x=1&y=2",
    "name": HOSTILE,
    "story": "A story",
    "count": 3,
    "of": "story",
    "status": "rejected",
    "reasons": [["Profanity", "No swearing."]],
}
KINDS = (
    "mail.verify", "mail.sign-in", "mail.confirm-follow", "mail.thread", "mail.reply", "mail.decided",
)  # fmt: skip


def made(kind: str = "mail.verify", *, publication: str = "The Square", key: str = "key", **told: Any) -> Any:
    letter = compose(kind, {**TOLD, **told}, publication=publication)
    return message_of(letter, sender=SENDER, publication=publication, key=key, at=NOON)


def read(message: EmailMessage) -> Any:
    """The message as another program reads it."""
    return message_from_bytes(message.as_bytes(), policy=default)


def bodies(message: Any) -> tuple[str, str]:
    return (
        message.get_body(("plain",)).get_content(),
        message.get_body(("html",)).get_content(),
    )


def mailer(url: str, **given: Any) -> Mailer:
    server = load_settings(environment={}, given={"mail_server": url, "mail_from": SENDER}).mail
    assert server is not None
    return Mailer(server, SENDER, **given)


def send(url: str, *messages: EmailMessage, **given: Any) -> None:
    with mailer(url, **given).line() as line:
        for message in messages:
            line.send(message)


# -- what a message says --------------------------------------------------------


@pytest.mark.parametrize("language", INTERFACE)
@pytest.mark.parametrize("kind", KINDS)
def test_every_letter_is_said_in_every_language(kind: str, language: str) -> None:
    """If a letter is composed, then it says the same as text and as HTML, in the reader's language and direction."""
    message = read(made(kind, language=language, stop="https://comments.example/unfollow/x"))
    text, page = bodies(message)
    assert words(language)["mail_automatic"] in text
    assert f'lang="{language}" dir="{words(language).direction}"' in page
    assert TOLD["link"] in text
    assert 'href="https://comments.example/follow/abc?x=1&amp;y=2"' in page
    assert message["subject"].endswith("The Square")
    assert message["content-language"] == language
    assert "Zîn" not in text + page + str(message["subject"])


def test_a_message_is_an_automatic_one_of_ours() -> None:
    """If a message is read by a mail program, then it knows who sent it, when, that no person did, and which one it is."""
    message = read(made())
    assert message["from"].addresses[0].addr_spec == SENDER
    assert message["to"].addresses[0].addr_spec == TOLD["to"]
    assert message["date"].datetime == NOON
    assert message["auto-submitted"] == "auto-generated"
    assert message["list-unsubscribe"] is None
    assert read(made(key="key"))["message-id"] == message["message-id"]
    assert read(made(key="other"))["message-id"] != message["message-id"]


def test_a_subscription_can_be_ended_by_one_tap() -> None:
    """If a letter belongs to a subscription, then its headers say how a mail program ends it (RFC 8058)."""
    stop = "https://comments.example/unfollow/" + "x" * 60
    message = read(made("mail.thread", stop=stop))
    assert message["list-unsubscribe"] == f"<{stop}>"
    assert message["list-unsubscribe-post"] == "List-Unsubscribe=One-Click"


@pytest.mark.parametrize("language", ["en", "ar"])
def test_no_name_begins_a_header(language: str) -> None:
    """If names and titles hold line ends, controls, marks of direction or HTML, then they stay what they are: one line of text."""
    message = read(made("mail.thread", publication=HOSTILE, story=HOSTILE * 9, language=language))
    assert set(message.keys()) == {
        "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "Content-Language", "MIME-Version",
        "Content-Type",
    }  # fmt: skip
    assert not message.defects
    assert message["from"].addresses[0].display_name.startswith("Zîn Bcc: all@victims.example")
    assert len(message["to"].addresses) == 1
    text, page = bodies(message)
    assert "\u202e" not in text + page + message["subject"]
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize(
    "address",
    [
        "zin@reader.example\r\nBcc: x@y.example", "a@b.example, c@d.example", "a@b@c.example", "<a@b.example>", "a@b",
        "@b.example", "a @b.example", "a\x00@b.example", "", "a@" + "b" * 300 + ".example", "a@..", "zin@\ud800.example",
        "a(x)@b.example", "\u202ea@b.example", "a@b.example;c", "a@-b.example",
    ],
)  # fmt: skip
def test_only_one_plain_address_is_written_to(address: str) -> None:
    """If an address could be read as something else, then nothing is sent, now or later."""
    with pytest.raises(NotSent) as refused:
        made(to=address)
    assert refused.value.final
    assert address not in str(refused.value) or not address


def test_every_script_arrives() -> None:
    """If a message is in Sorani to a domain in Arabic letters, then its lines are short, seven-bit, and read as written."""
    name = "گۆڕەپانی ڕۆژنامەگەریی کوردستان"
    title = "هەواڵێکی زۆر درێژ " * 60
    message = made("mail.thread", publication=name, story=title, language="ckb", to="zin@مثال.example")
    raw = message.as_bytes()
    assert raw.isascii()
    assert max(len(line) for line in raw.splitlines()) <= 998
    again = read(message)
    # By the older of the library's two readers: the newer one keeps the blank between two encoded words in a name.
    given = message_from_bytes(raw, policy=compat32)["from"]
    assert str(make_header(decode_header(given))) == f"{name} <{SENDER}>"
    assert name in again["subject"]
    assert again["to"].addresses[0].domain == "xn--mgbh0fb.example"
    assert "…" in bodies(again)[0]
    assert "هەواڵێکی زۆر درێژ" in bodies(again)[1]


@pytest.mark.parametrize("told", [{"to": None}, {"of": "nothing"}])
def test_what_is_not_understood_is_not_sent(told: dict[str, Any]) -> None:
    """If a job holds less than its letter needs, or no kind of ours, then trying again is no help and it says so."""
    for kind in ("mail.confirm-follow", "mail.unknown"):
        given = {key: value for key, value in {**TOLD, **told}.items() if value is not None}
        with pytest.raises(NotSent, match="not-understood"):
            compose(kind, given, publication="x")


# -- how a server may treat it --------------------------------------------------


def test_a_server_takes_it() -> None:
    """If a server is there, then several messages go over one connection and arrive as they are."""
    box = Mailbox()
    with mail_server(box) as server:
        mailer(server.url).check()
        send(server.url, made(key="1"), made("mail.reply", key="2", language="ar"))
    assert box.recipients == [[TOLD["to"]]] * 2
    assert box.messages[1]["content-language"] == "ar"
    assert words("ar")["mail_automatic"] in bodies(box.messages[1])[0]


def test_a_name_beyond_ascii_needs_a_server_that_takes_it() -> None:
    """If the recipient's own name is not in ASCII, then a server that can takes it, and for another it is final."""
    box = Mailbox()
    message = made(to="zîn@reader.example")
    with mail_server(box, enable_SMTPUTF8=True) as server:
        send(server.url, message)
    assert box.recipients == [["zîn@reader.example"]]
    assert words("en")["mail_automatic"] in bodies(box.messages[0])[0]
    with mail_server(box, enable_SMTPUTF8=False) as server, pytest.raises(NotSent) as refused:
        send(server.url, message)
    assert refused.value.final


def test_encrypted_and_signed_in(tmp_path: Path) -> None:
    """If a server asks for STARTTLS and a password, then both happen; and without a certificate to believe nothing is said."""
    box = Mailbox()
    context, believed = certificate(tmp_path)
    given = {
        "tls_context": context, "require_starttls": True, "auth_required": True, "authenticator": signing_in,
    }  # fmt: skip
    with mail_server(box, **given) as server:
        host = server.url.removeprefix("smtp://")
        right = f"smtp://us%40er:pass%20word%2F@{host}?tls=on&ca={believed}"
        send(right, made())
        assert box.tls == [True]
        for url, cause in (
            (f"smtp://us%40er:wrong@{host}?tls=on&ca={believed}", "sign-in"),
            (f"smtp://us%40er:pass@{host}?tls=on", "certificate"),
            (
                f"smtp://us%40er:pass@{host.replace('127.0.0.1', 'localhost')}?tls=on&ca={believed}",
                "certificate",
            ),
        ):
            with pytest.raises(MailUnavailable) as refused:
                mailer(url).check()
            assert refused.value.cause == cause
            assert "pass" not in str(refused.value)
    assert len(box.messages) == 1


def test_nothing_is_said_in_the_open_instead() -> None:
    """If encryption was asked for and the server does not offer it, then nothing is sent."""
    box = Mailbox()
    with mail_server(box) as server, pytest.raises(MailUnavailable) as refused:
        send(f"{server.url}?tls=on", made())
    assert refused.value.cause == "no-encryption"
    assert box.messages == []


@pytest.mark.parametrize(
    ("answer", "final", "line"),
    [("451 later", False, False), ("550 nobody", True, False), ("421 closing", False, True), ("disconnect", False, True)],
)  # fmt: skip
def test_answers_are_understood(answer: str, final: bool, line: bool) -> None:
    """If a server refuses for now, for good, or goes away in the middle, then that is what is told of it, without its words."""
    box = Mailbox()
    box.answers = [answer]
    with mail_server(box) as server, pytest.raises(NotSent) as refused:
        send(server.url, made())
    assert (refused.value.final, refused.value.line) == (final, line)
    assert answer.partition(" ")[2] not in refused.value.cause or answer == "disconnect"


def test_a_server_that_hangs_is_left() -> None:
    """If a server says nothing, or endlessly a little, or there is none, then it is left within the time that was given."""
    begun = time.monotonic()
    with talking(b"") as url, pytest.raises(MailUnavailable) as silent:
        mailer(url, timeout_s=0.2).check()
    assert silent.value.cause == "no-answer"
    with talking(b"220-more\r\n", again_every_s=0.05) as url, pytest.raises(MailUnavailable):
        mailer(url, timeout_s=5, deadline_s=0.4).check()
    with pytest.raises(MailUnavailable) as absent:
        mailer(url).check()
    assert absent.value.cause == "refused"
    assert time.monotonic() - begun < 5
    assert threading.active_count() < 20


@pytest.mark.parametrize(
    "url",
    ["mail.example", "http://mail.example", "smtp://", "smtp://h:99999", "smtp://h/path", "smtp://h?x=1", "smtps://h?tls=off",
     "smtp://h?tls=maybe", "smtp://u:secret@h:x"],
)  # fmt: skip
def test_a_wrong_address_is_named_without_its_password(url: str) -> None:
    """If mail_server is no address of a server, then nothing starts, and the error names the setting, not the value."""
    with pytest.raises(BadSettings, match="mail_server") as refused:
        load_settings(environment={"MEYDAN_MAIL_SERVER": url, "MEYDAN_MAIL_FROM": SENDER})
    assert "secret" not in str(refused.value)


def test_mail_needs_a_sender() -> None:
    """If there is a server and no plain address to send from, then nothing starts; and encryption is the usual."""
    for sender in ("", "News <a@b.example>", "nobody"):
        with pytest.raises(BadSettings, match="mail_from"):
            load_settings(environment={}, given={"mail_server": "smtp://h.example", "mail_from": sender})
    tls = {}
    for url in ("smtp://h.example", "smtps://h.example", "smtp://localhost", "smtp://h.example?tls=off"):
        server = load_settings(environment={}, given={"mail_server": url, "mail_from": SENDER}).mail
        assert server is not None
        tls[url] = (server.tls, server.port)
    assert list(tls.values()) == [("starttls", 587), ("implicit", 465), ("off", 25), ("off", 587)]
