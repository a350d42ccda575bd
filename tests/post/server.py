"""A real mail server on a port of its own, as obliging or as difficult as a test asks."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec


class Mailbox:
    """What arrived; and answers other than 250 to the next messages, one each."""

    def __init__(self) -> None:
        self.messages: list[EmailMessage] = []
        self.raw: list[bytes] = []
        self.recipients: list[list[str]] = []
        self.answers: list[str] = []
        self.tls: list[bool] = []

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        answer = self.answers.pop(0) if self.answers else "250 taken"
        if answer == "disconnect":
            assert server.transport is not None
            server.transport.abort()
            return "421 gone"
        if answer.startswith("2"):
            assert isinstance(envelope.content, bytes)
            self.raw.append(envelope.content)
            self.messages.append(message_from_bytes(envelope.content, policy=default))  # type: ignore[arg-type]
            self.recipients.append(envelope.rcpt_tos)
            self.tls.append(session.ssl is not None)
        return answer


class Server(Controller):
    """aiosmtpd on a free port; `url` is a setting of `mail_server`."""

    def __init__(self, mailbox: Mailbox, *, url: str = "smtp://{}:{}", **given: Any) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        super().__init__(mailbox, hostname="127.0.0.1", port=port, **given)
        self.url = url.format("127.0.0.1", port)


@contextlib.contextmanager
def mail_server(mailbox: Mailbox, **given: Any) -> Iterator[Server]:
    server = Server(mailbox, **given)
    server.start()
    try:
        yield server
    finally:
        server.stop()


def signing_in(_: Any, __: Any, ___: Any, mechanism: str, given: Any) -> AuthResult:
    """An authenticator that knows one user."""
    right = isinstance(given, LoginPassword) and given == LoginPassword(b"us@er", b"pass word/")
    return AuthResult(success=right, handled=False)


def certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """A server's context with a certificate made this moment for 127.0.0.1, and the file to believe it by."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mail.example")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    believed, secret = folder / "mail.pem", folder / "mail.key"
    believed.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(believed, secret)
    return context, believed


@contextlib.contextmanager
def talking(said: bytes, *, again_every_s: float | None = None) -> Iterator[str]:
    """A server that says something and then nothing, or the same again and again; the `mail_server` to reach it by."""
    listening = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()

    def work() -> None:
        held = []
        while not ended.is_set():
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            held.append(connection)
            with contextlib.suppress(OSError):
                connection.sendall(said)
                while again_every_s is not None and not ended.wait(again_every_s):
                    connection.sendall(said)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield f"smtp://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        ended.set()
        with contextlib.suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(10)
