"""
Receivers of what leaves the building, each at fault in its own way, on a port of their own.

A receiver speaks by a script: what it says when somebody connects, and to each line that begins with a word. It can
say bytes, HANG, or DROP the connection. What leaves by mail is tried against MAIL; another way out (webhooks, which
speak HTTP) adds a list of scripts of its own, and its words for being taken.
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
        then: "waits": no letter is tried, none is blamed; "put off": each is tried later; "dead": a person has to look.
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
