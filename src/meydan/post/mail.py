"""
Mail: a job of the outbox becomes a message, and a message is handed to the operator's server.

    compose     what is said, in the reader's language
    message_of  the same as an Internet message (RFC 5322), text and simple HTML
    Mailer      hands it to the server (SMTP, RFC 5321), and tells what may be tried again from what may not

A message holds no reader's words and no reader's name, not even the recipient's own: whoever types a stranger's address
into a form must not choose what that stranger is sent. No address and nothing that a server said is ever logged.
"""

from __future__ import annotations

import hashlib
import html
import smtplib
import socket
import ssl
import threading
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any, Final

from meydan.errors import MailUnavailable
from meydan.locale import Words, words
from meydan.settings import MailServer, is_address

TIMEOUT_S: Final = 20.0
"""How long the server may be silent."""

DEADLINE_S: Final = 60.0
"""How long it may take over one message, or over the greeting, however busily it talks."""

LONGEST_LINE: Final = 120
"""Characters of a subject or of a story's title, at most."""

_POLICY: Final = SMTP.clone(cte_type="7bit")
"""Lines of at most 78 characters where they can be folded, seven-bit bodies: what every server takes."""


class NotSent(Exception):
    """
    This message was not taken, for the reason `cause` (a word; never what the server said).

    `final`: it never will be. `line`: the connection is of no more use.
    """

    def __init__(self, cause: str, *, final: bool = False, line: bool = False) -> None:
        super().__init__(cause)
        self.cause = cause
        self.final = final
        self.line = line


@dataclass(frozen=True, slots=True)
class Letter:
    """
    What is said to one reader: lines of text, and at most one link to follow.

    `stop` is the address that ends the subscription that the letter belongs to; None where it belongs to none.
    """

    to: str = field(repr=False)
    said: Words = field(repr=False)
    subject: str
    lines: tuple[str, ...]
    link: tuple[str, str] | None = field(default=None, repr=False)
    after: tuple[str, ...] = ()
    stop: str | None = field(default=None, repr=False)


def compose(kind: str, told: Mapping[str, Any], *, publication: str) -> Letter:
    """
    The words of a letter.

    Args:
        kind: a kind of mail; its words are in the catalogues, under its name.
        told: `to`, `language`, `link`, and what the kind needs: `story`, `count`, `stop`; of mail.confirm-follow also
            `of` ("story", "replies" or "own"), of mail.decided `status` and `reasons` (titles and texts of rules).

    Raises:
        NotSent: no such kind, or something of it is missing; trying again does not help.
    """
    t = words(str(told.get("language") or ""))
    name = _line(publication)
    try:
        made = _composed(kind, told, t, name)
        to, link, stop = str(told["to"]), str(told["link"]), told.get("stop")
    except KeyError:
        raise NotSent("not-understood", final=True) from None
    if made is None:
        raise NotSent("not-understood", final=True)
    subject, lines, label, after = made
    return Letter(
        to=to,
        said=t,
        subject=_line(t.fill(subject, publication=name)),
        lines=lines,
        link=(label, link),
        after=after,
        stop=None if stop is None else str(stop),
    )


def _composed(
    kind: str, told: Mapping[str, Any], t: Words, name: str
) -> tuple[str, tuple[str, ...], str, tuple[str, ...]] | None:
    """The subject's key, the lines, what the link is called, and the lines after it."""
    if kind == "mail.verify":
        line = t.fill("mail_verify", publication=name)
        return "mail_verify_subject", (line,), t["mail_verify_link"], (t["mail_not_you"],)
    if kind == "mail.sign-in":
        line = t.fill("mail_sign_in", publication=name)
        return "mail_sign_in_subject", (line,), t["mail_sign_in_link"], (t["mail_not_you"],)
    if kind == "mail.confirm-follow":
        of = {"story": "mail_follow_story", "replies": "mail_follow_replies", "own": "mail_follow_own"}
        lines = (
            t.fill(of[told["of"]], publication=name),
            t.fill("mail_story", story=_line(told["story"])),
        )
        return "mail_follow_subject", lines, t["mail_follow_link"], (t["mail_not_you"],)
    if kind in ("mail.thread", "mail.reply"):
        key = kind.replace(".", "_")
        lines = (
            t.fill(key, count=int(told["count"])),
            t.fill("mail_story", story=_line(told["story"])),
        )
        return f"{key}_subject", lines, t["mail_read_link"], ()
    if kind == "mail.decided":
        if told["status"] == "approved":
            return "mail_decided_subject", (t["approved"],), t["mail_decided_link"], ()
        rules = tuple(f"{_line(title)}: {_line(text, 2000)}" for title, text in told["reasons"])
        said = (t["rejected"], *((t["rejected_note"], *rules) if rules else ()))
        return "mail_decided_subject", said, t["mail_decided_link"], (t["mail_decided_appeal"],)
    return None


def message_of(letter: Letter, *, sender: str, publication: str, key: str, at: datetime) -> EmailMessage:
    """
    A letter as a message.

    The Message-ID is made of the job's key: should the same job be sent twice, it is the same message.

    Raises:
        NotSent: the recipient's address is none that mail can be sent to; trying again does not help.
    """
    t = letter.said
    message = EmailMessage(policy=_POLICY)
    local, _, domain = sender.rpartition("@")
    message["From"] = Address(_line(publication), local, _ascii_domain(domain))
    message["To"] = _address_of(letter.to)
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(at)
    message["Message-ID"] = f"<{hashlib.sha256(key.encode()).hexdigest()[:40]}@{_ascii_domain(domain)}>"
    message["Auto-Submitted"] = "auto-generated"
    if letter.stop is not None:
        # RFC 2369 and RFC 8058: the mail program shows a button, and one POST to it is enough.
        message["List-Unsubscribe"] = f"<{letter.stop}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content(_text_of(letter))
    message.add_alternative(_html_of(letter), subtype="html")
    # Only now: whoever sets the content takes away every header that begins like this one.
    message["Content-Language"] = t.language
    return message


def _text_of(letter: Letter) -> str:
    t = letter.said
    pieces = [*letter.lines]
    if letter.link is not None:
        pieces.append(f"{letter.link[0]}:\n{letter.link[1]}")
    pieces += letter.after
    if letter.stop is not None:
        pieces.append(f"{t['mail_stop']}\n{letter.stop}")
    pieces.append(t["mail_automatic"])
    return "\n\n".join(pieces) + "\n"


def _html_of(letter: Letter) -> str:
    """Simple enough for every mail program: paragraphs and links, nothing fetched, no styles."""
    t = letter.said
    pieces = [f'<p dir="auto">{html.escape(line)}</p>' for line in letter.lines]
    if letter.link is not None:
        label, address = letter.link
        pieces.append(f'<p><a href="{html.escape(address)}">{html.escape(label)}</a></p>')
    pieces += [f"<p>{html.escape(line)}</p>" for line in letter.after]
    if letter.stop is not None:
        pieces.append(
            f"<p>{html.escape(t['mail_stop'])} "
            f'<a href="{html.escape(letter.stop)}">{html.escape(t["mail_stop_link"])}</a></p>'
        )
    pieces.append(f"<p>{html.escape(t['mail_automatic'])}</p>")
    return (
        f'<!DOCTYPE html>\n<html lang="{t.language}" dir="{t.direction}">\n<head><meta charset="utf-8">'
        f"<title>{html.escape(letter.subject)}</title></head>\n"
        f'<body dir="{t.direction}">\n' + "\n".join(pieces) + "\n</body>\n</html>\n"
    )


def _line(value: object, longest: int = LONGEST_LINE) -> str:
    """Text that stays on one line and in its own direction: without controls, line ends and marks of direction."""
    printed = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp", "Cs") else c for c in str(value))
    kept = "".join(c for c in printed if c not in _DIRECTIONS)
    line = " ".join(kept.split())
    return line if len(line) <= longest else line[: longest - 1].rstrip() + "…"


_DIRECTIONS: Final = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Embeddings, overrides and isolates: one that is not ended would turn round what follows."""


def _address_of(address: str) -> Address:
    if not is_address(address):
        raise NotSent("not-an-address", final=True)
    local, _, domain = address.rpartition("@")
    try:
        return Address(username=local, domain=_ascii_domain(domain))
    except (ValueError, IndexError):
        raise NotSent("not-an-address", final=True) from None


def _ascii_domain(domain: str) -> str:
    """A domain as the name system knows it; letters beyond ASCII are written in its own way (RFC 5891)."""
    try:
        return domain.encode("idna").decode("ascii")
    except UnicodeError:
        raise NotSent("not-an-address", final=True) from None


# -- the server ---------------------------------------------------------------


class Line:
    """An open connection to the server; several messages may go over it, one after another."""

    def __init__(self, smtp: smtplib.SMTP, *, deadline_s: float) -> None:
        self._smtp = smtp
        self._deadline_s = deadline_s

    def send(self, message: EmailMessage) -> None:
        """
        Hand over a message; when this returns the server answers for it.

        Raises:
            NotSent: it was not taken.
        """
        sender = message["From"].addresses[0].addr_spec
        (to,) = [one.addr_spec for one in message["To"].addresses]
        options = []
        if not to.isascii():
            if not self._smtp.has_extn("smtputf8"):
                raise NotSent("address-not-taken", final=True)
            options = ["SMTPUTF8", "BODY=8BITMIME"]
            message = _with_policy(message)
        try:
            with _within(self._smtp, self._deadline_s):
                self._smtp.sendmail(sender, [to], message.as_bytes(), mail_options=options)
        except smtplib.SMTPRecipientsRefused as error:
            raise _answered(next(iter(error.recipients.values()))[0]) from None
        except smtplib.SMTPSenderRefused as error:
            # About us, not about this reader: the operator can mend it, and then it is taken.
            raise NotSent(f"sender-refused-{error.smtp_code}", line=error.smtp_code == 421) from None
        except smtplib.SMTPResponseException as error:
            raise _answered(error.smtp_code) from None
        except smtplib.SMTPServerDisconnected:
            raise NotSent("disconnected", line=True) from None
        except (smtplib.SMTPException, OSError, ValueError):
            raise NotSent("connection-lost", line=True) from None


def _with_policy(message: EmailMessage) -> EmailMessage:
    """The same message, for a recipient whose own name is not in ASCII (RFC 6531)."""
    other = EmailMessage(policy=_POLICY.clone(utf8=True, cte_type="8bit"))
    other._headers = list(message.raw_items())  # type: ignore[attr-defined]
    other.set_payload(message.get_payload())
    return other


def _answered(code: int) -> NotSent:
    """4xx: later, perhaps. 5xx: never. 421: the server closes the connection."""
    return NotSent(f"answered-{code}", final=500 <= code < 600, line=code == 421)


class Mailer:
    """
    The operator's mail server.

    Args:
        server: where it is, and as whom to sign in.
        sender: the address that mail comes from.
        timeout_s, deadline_s: how long it may be silent, and how long one step may take in all.
    """

    def __init__(
        self,
        server: MailServer,
        sender: str,
        *,
        timeout_s: float = TIMEOUT_S,
        deadline_s: float = DEADLINE_S,
    ) -> None:
        self.sender = sender
        self._server = server
        self._timeout_s = timeout_s
        self._deadline_s = deadline_s

    def check(self) -> None:
        """Raises MailUnavailable unless mail would be taken now, as far as can be told without sending any."""
        with self.line():
            pass

    @contextmanager
    def line(self) -> Iterator[Line]:
        """
        A connection, encrypted and signed in as the settings say.

        Raises:
            MailUnavailable: it cannot be had; `cause` says why in a word.
        """
        smtp = self._open()
        try:
            yield Line(smtp, deadline_s=self._deadline_s)
        finally:
            with suppress(smtplib.SMTPException, OSError, ValueError), _within(smtp, 5):
                smtp.quit()
            smtp.close()

    def _open(self) -> smtplib.SMTP:
        server = self._server
        # How this machine is called is nobody's business.
        name = _ascii_domain(self.sender.rpartition("@")[2])
        smtp: smtplib.SMTP
        try:
            context = ssl.create_default_context(
                cafile=None if server.authority is None else str(server.authority)
            )
        except OSError:
            raise _unreached("authority", server) from None
        if server.tls == "implicit":
            smtp = smtplib.SMTP_SSL(timeout=self._timeout_s, local_hostname=name, context=context)
        else:
            smtp = smtplib.SMTP(timeout=self._timeout_s, local_hostname=name)
        # The name that the certificate has to be for. Given to the constructor it would connect at once, where nobody
        # could cut the connection.
        smtp._host = server.host  # type: ignore[attr-defined]
        try:
            with _within(smtp, self._deadline_s):
                code, _ = smtp.connect(server.host, server.port)
                if code != 220:
                    raise _unreached(f"answered-{code}", server)
                smtp.ehlo_or_helo_if_needed()
                if server.tls == "starttls":
                    if not smtp.has_extn("starttls"):
                        # Nothing is said in the open because somebody in between took the offer away.
                        raise _unreached("no-encryption", server)
                    smtp.starttls(context=context)
                    smtp.ehlo_or_helo_if_needed()
                if server.user:
                    smtp.login(server.user, server.password)
        except MailUnavailable:
            smtp.close()
            raise
        except Exception as error:  # noqa: BLE001
            smtp.close()
            raise _unreached(_cause_of(error), server) from None
        return smtp


def _cause_of(error: BaseException) -> str:
    """Why there is no connection, in a word; what the server said could hold anything."""
    match error:
        case ssl.SSLCertVerificationError():
            return "certificate"
        case ssl.SSLError():
            return "encryption"
        case smtplib.SMTPAuthenticationError() | smtplib.SMTPNotSupportedError():
            return "sign-in"
        case smtplib.SMTPResponseException():
            return f"answered-{error.smtp_code}"
        case smtplib.SMTPServerDisconnected() | TimeoutError():
            return "no-answer"
        case ConnectionRefusedError():
            return "refused"
        case socket.gaierror():
            return "no-such-host"
        case _:
            return "no-connection"


def _unreached(cause: str, server: MailServer) -> MailUnavailable:
    return MailUnavailable(
        f"The mail server at {server.host} port {server.port} cannot be used ({cause}). Mail waits until it can.",
        cause=cause,
    )


@contextmanager
def _within(smtp: smtplib.SMTP, seconds: float) -> Iterator[None]:
    """
    Cut the connection when it takes longer than this.

    A time-out alone does not end what answers a byte at a time.
    """

    def cut() -> None:
        sock = smtp.sock
        if sock is not None:
            with suppress(OSError):
                # Past any encryption, which another thread is just using.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
