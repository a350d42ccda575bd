"""A network that a test breaks: a TCP port in front of a server, which passes on, swallows, delays or resets."""

from __future__ import annotations

import contextlib
import selectors
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER, on, for no time: closing sends a reset."""


class Wire:
    """
    A TCP port whose connections lead to a server's socket; `trouble` says what becomes of them from now on.

    "" passes all on; "swallow" takes every byte, also of new connections, and passes none on; "delay" passes each on
    `delay_s` later; "reset" ends every connection, also new ones, with a reset.
    """

    def __init__(self, server: Path | tuple[str, int], *, delay_s: float = 0.05) -> None:
        self.trouble = ""
        self._server = server
        self._delay_s = delay_s
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = int(self._listening.getsockname()[1])
        self._ended = False
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._ended = True
        self._thread.join(10)

    def _work(self) -> None:
        ready = selectors.DefaultSelector()
        ready.register(self._listening, selectors.EVENT_READ)
        other: dict[socket.socket, socket.socket] = {}
        late: deque[tuple[float, socket.socket, bytes]] = deque()

        def end(one: socket.socket) -> None:
            for end in (one, other.pop(one, None)):
                if end is not None:
                    other.pop(end, None)
                    ready.unregister(end)
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                    end.close()

        while not self._ended:
            if self.trouble == "reset":
                for one in list(other):
                    if one in other:
                        end(one)
            while late and late[0][0] <= time.monotonic():
                _, to, data = late.popleft()
                with contextlib.suppress(OSError):
                    to.sendall(data)
            for key, _ in ready.select(0.005 if late else 0.02):
                one = key.fileobj
                assert isinstance(one, socket.socket)
                if one is self._listening:
                    near, _ = one.accept()
                    try:
                        far = self._reach()
                    except OSError:
                        near.close()
                        continue
                    other[near], other[far] = far, near
                    for new in (near, far):
                        ready.register(new, selectors.EVENT_READ)
                    continue
                if one not in other:
                    continue
                try:
                    data = one.recv(65_536)
                    if not data:
                        end(one)
                    elif self.trouble == "delay":
                        late.append((time.monotonic() + self._delay_s, other[one], data))
                    elif self.trouble != "swallow":
                        other[one].sendall(data)
                except OSError:
                    end(one)
        for one in list(other):
            if one in other:
                end(one)
        self._listening.close()

    def _reach(self) -> socket.socket:
        if isinstance(self._server, Path):
            far = socket.socket(socket.AF_UNIX)
            far.connect(str(self._server))
            return far
        return socket.create_connection(self._server)


@contextlib.contextmanager
def a_wire(server: Path | tuple[str, int]) -> Iterator[Wire]:
    wire = Wire(server)
    try:
        yield wire
    finally:
        wire.close()
