"""
Receivers of what leaves the building, each at fault in its own way, on a port of their own.

A receiver speaks by a script: what it says when somebody connects, and to each line that begins with a word. It can
say bytes, HANG, or DROP the connection. What leaves by mail is tried against MAIL, notices to endpoints against HTTP.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

HANG: Final = b"\x00hang"
DROP: Final = b"\x00drop"


@dataclass(frozen=True)
class Script:
    """
    How a receiver behaves, and what has to become of a letter that meets it.

    Attributes:
        greeting: what it says to who connects.
        answers: to a line that begins with this word, in capitals; else `otherwise`. "" is the end of a message.
        then: "waits": no letter is tried, none is blamed; "put off": each is tried later; "dead": a person has to look;
            of endpoints, "rests": the first is tried later, the others were not tried; "taken"; "gone": it is told no more.
    """

    name: str
    then: str
    greeting: bytes = b"220 here\r\n"
    answers: Mapping[str, bytes] = field(default_factory=dict)
    otherwise: bytes = b"250 yes\r\n"


def mail(name: str, then: str, greeting: bytes = b"220 here\r\n", **answers: bytes) -> Script:
    return Script(name, then, greeting, {"DATA": b"354 go on\r\n", "QUIT": b"221 bye\r\n"} | answers)


MAIL = [
    mail("never greets", "waits", HANG),
    mail("hangs up at once", "waits", DROP),
    mail("greets with 554", "waits", b"554 not today\r\n"),
    mail("greets with something else", "waits", b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\n\r\n"),
    mail("hangs at EHLO", "waits", EHLO=HANG),
    mail("hangs at RCPT", "put off", RCPT=HANG),
    mail("hangs at DATA", "put off", DATA=HANG),
    mail("hangs after the message", "put off", **{"": HANG}),
    mail("drops in the middle", "put off", DATA=DROP),
    mail("drops after the message", "put off", **{"": DROP}),
    mail("451 to every letter", "put off", RCPT=b"451 later\r\n"),
    mail("421 in the middle", "put off", **{"": b"421 closing\r\n"}),
    mail("550 to every letter", "dead", RCPT=b"550 nobody\r\n"),
    mail("redirects by 551", "dead", RCPT=b"551 try <other@evil.example>\r\n"),
    mail("answers without end", "put off", RCPT=b"250-more\r\n" * 20_000),
]


def http(name: str, then: str, answer: bytes, greeting: bytes = b"") -> Script:
    """One that speaks HTTP: it says `answer` once it has the head of a request; `then` as for mail, or "taken"."""
    return Script(name, then, greeting, {"": answer}, otherwise=b"")


def says(status: str, *headers: str) -> bytes:
    return "\r\n".join(
        [f"HTTP/1.1 {status}", *headers, "Content-Length: 0", "Connection: close", "", ""]
    ).encode()


HTTP = [
    http("hangs at once", "rests", b"", HANG),
    http("hangs up at once", "rests", b"", DROP),
    http("hangs after the request", "rests", HANG),
    http("drops after the request", "rests", DROP),
    http("speaks SMTP", "rests", b"", b"220 here\r\n"),
    http("answers no HTTP", "rests", b"\x16\x03\x01\x00\x00"),
    http("has headers without end", "rests", b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 20_000),
    http("drips half a head", "rests", b"HTTP/1.1 200"),
    http("is overloaded", "rests", says("503 Busy")),
    http("asks for time", "rests", says("429 Slow", "Retry-After: 60")),
    http("asks for a year", "rests", says("503 Busy", "Retry-After: 31536000")),
    http("has a fault", "put off", says("500 Oh")),
    http("knows no such place", "put off", says("404 None")),
    http("redirects", "put off", says("302 Found", "Location: http://169.254.169.254/")),
    http("redirects for good", "put off", says("308 Moved", "Location: file:///etc/passwd")),
    http("talks without end", "taken", b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 3_000_000),
    http("sends a bomb", "taken", b"HTTP/1.1 204 OK\r\nContent-Encoding: br\r\n\r\n"),
    http("is gone", "gone", says("410 Gone")),
]


@contextlib.contextmanager
def receiver(script: Script) -> Iterator[tuple[int, list[str]]]:
    """In the block, it listens: its port, and the first lines it was told."""
    listening = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()
    told: list[str] = []

    def say(wire: socket.socket, what: bytes) -> bool:
        if what == HANG:
            ended.wait()
        if what in (HANG, DROP):
            return False
        wire.sendall(what)
        return True

    def serve(wire: socket.socket) -> None:
        with wire, contextlib.suppress(OSError):
            if not say(wire, script.greeting):
                return
            in_message = False
            for line in wire.makefile("rb"):
                word = line.split(b" ")[0].strip().decode("latin-1").upper()
                if in_message and word != ".":
                    continue
                told.append(word)
                if not say(wire, script.answers.get("" if in_message else word, script.otherwise)):
                    return
                in_message = word == "DATA" and not in_message

    def work() -> None:
        while not ended.is_set():
            try:
                wire, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(wire,), daemon=True).start()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield int(listening.getsockname()[1]), told
    finally:
        ended.set()
        with contextlib.suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(10)
