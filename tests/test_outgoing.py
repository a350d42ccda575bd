"""The one way out by HTTP, against real servers on this machine: what may be reached, and for how long, and how much."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from meydan.outgoing import NotLetOut, Outgoing, is_public

HERE = "127.0.0.1/32"
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n" + b'{"well":true}'


@dataclass
class Stranger:
    """Somebody's server; `asked` is what each connection said first."""

    address: str
    port: int
    asked: list[bytes] = field(default_factory=list)

    def url(self, host: str = "", path: str = "/", scheme: str = "http") -> str:
        return f"{scheme}://{host or self.address}:{self.port}{path}"


@contextlib.contextmanager
def stranger(
    answer: Callable[[socket.socket], None] | bytes = OK,
    *,
    address: str = "127.0.0.1",
    port: int = 0,
    tls: ssl.SSLContext | None = None,
) -> Iterator[Stranger]:
    """A server that answers each connection with these bytes, or as it likes."""
    listening = socket.create_server((address, port))
    known = Stranger(address, int(listening.getsockname()[1]))
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            try:
                line, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=attend, args=(line,), daemon=True).start()

    def attend(line: socket.socket) -> None:
        with contextlib.suppress(OSError), line:
            talking = tls.wrap_socket(line, server_side=True) if tls else line
            known.asked.append(talking.recv(65_536))
            if isinstance(answer, bytes):
                talking.sendall(answer)
                talking.shutdown(socket.SHUT_RDWR)
            else:
                answer(talking)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield known
    finally:
        over.set()
        listening.close()


def leading_to(*answers: Sequence[str]) -> tuple[Callable[[str, int], Sequence[str]], list[str]]:
    """A resolver that gives these answers one after another, the last for ever; and the names that it was asked for."""
    names: list[str] = []

    def resolve(host: str, port: int) -> Sequence[str]:
        names.append(host)
        return answers[min(len(names), len(answers)) - 1]

    return resolve, names


def refused(out: Outgoing, url: str, cause: str) -> None:
    with out.client() as client, pytest.raises(NotLetOut) as told:
        client.get(url)
    assert told.value.cause == cause


# -- who may be asked ---------------------------------------------------------------


@pytest.mark.parametrize(
    "place",
    ["0.0.0.0", "10.1.2.3", "100.64.0.1", "100.127.255.255", "127.0.0.1", "127.9.9.9", "169.254.169.254", "172.16.0.1",
     "172.31.255.255", "192.0.0.8", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1",
     "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "::", "::1", "::127.0.0.1", "::ffff:10.0.0.1",
     "::ffff:127.0.0.1", "::ffff:8.8.8.8", "64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::1", "100::1", "2001::1",
     "2001:0:4136:e378::1", "2001:10::1", "2001:db8::1", "2002:7f00:1::", "2002:808:808::1", "3fff::1", "fc00::1", "fd12::1",
     "fe80::1", "fe80::1%1", "fec0::1", "ff02::1", "5f00::1"],
)  # fmt: skip
def test_what_is_not_the_internet_is_not_reached(place: str) -> None:
    """If a name leads to loopback, a private network, a link's own, many at once, or an address within an address, then nobody is asked."""
    resolve, names = leading_to([place])
    refused(Outgoing(resolve=resolve), "https://news.example/hook", "network")
    assert names == ["news.example"]
    # One such among good ones is enough: which would be asked is chance.
    resolve, _ = leading_to(["93.184.216.34", place])
    refused(Outgoing(resolve=resolve), "https://news.example/hook", "network")


@pytest.mark.parametrize(
    "place", ["93.184.216.34", "8.8.8.8", "100.128.0.1", "172.32.0.1", "2606:4700::1111", "2a00::1"]
)
def test_the_internet_is(place: str) -> None:
    """If an address is one machine's on the Internet, then it is let out to by https, at a port for that, and not else."""
    out = Outgoing()
    out.check_place(place, scheme="https", port=443)
    for scheme, port, cause in (
        ("http", 80, "scheme"),
        ("http", 443, "scheme"),
        ("https", 25, "port"),
        ("https", 5432, "port"),
    ):
        with pytest.raises(NotLetOut) as told:
            out.check_place(place, scheme=scheme, port=port)
        assert told.value.cause == cause


@given(
    st.one_of(
        st.ip_addresses(),
        st.sampled_from(["::ffff:0:0/96", "64:ff9b::/96", "2002::/16"]).flatmap(
            lambda n: st.ip_addresses(network=n)
        ),
    )
)
def test_what_python_calls_private_is_never_public(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    """If Python knows an address as anything but global, or as for many, then so do we; what holds an IPv4 address is none."""
    if not address.is_global or address.is_multicast or address.is_reserved:
        assert not is_public(address)
    if isinstance(address, ipaddress.IPv6Address) and (
        address.ipv4_mapped or address.sixtofour or address.teredo
    ):
        assert not is_public(address)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0",
    ],
)
def test_however_this_machine_is_written(host: str) -> None:
    """If this machine is named in any way that the system understands, then nothing is sent to it."""
    with stranger() as inside:
        out = Outgoing()
        with out.client() as client, pytest.raises((NotLetOut, httpx.ConnectError, httpx.InvalidURL)):
            client.get(inside.url(host))
    assert inside.asked == []


def test_a_listed_network_is_reached(tmp_path: Path) -> None:
    """If an operator lists a network, then it is asked there in the clear and at any port; and what they named is, as named."""
    with stranger() as inside:
        for out in (Outgoing([HERE]), Outgoing(named=[inside.url()])):
            with out.client() as client:
                assert client.get(inside.url(path="/anywhere")).json() == {"well": True}
        with stranger() as neighbour:
            refused(Outgoing(named=[inside.url()]), neighbour.url(), "network")
        assert neighbour.asked == []


def test_a_name_that_leads_elsewhere_a_moment_later_is_no_way_in() -> None:
    """If a name leads to an allowed address first and into the house then, it is looked up once, and asked where it was looked up."""
    with stranger() as good, stranger(address="127.0.0.2", port=good.port) as inside:
        resolve, names = leading_to(["127.0.0.1"], ["127.0.0.2"])
        out = Outgoing([HERE], resolve=resolve)
        with out.client() as client:
            assert client.get(good.url("rebound.example")).status_code == 200
            assert names == ["rebound.example"]
            # Asked anew, it is looked up anew, and refused: no connection is kept for it.
            with pytest.raises(NotLetOut):
                client.get(good.url("rebound.example"))
    assert inside.asked == []
    assert len(good.asked) == 1
    assert b"Host: rebound.example:" in good.asked[0]


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_nobody_is_sent_on(code: int) -> None:
    """If a server sends on to somebody else, then they are not asked, whatever the client is told to do."""
    with stranger(address="127.0.0.2") as inside:
        to = f"HTTP/1.1 {code} Go\r\nLocation: {inside.url()}\r\nContent-Length: 0\r\n\r\n".encode()
        with stranger(to) as sends_on:
            out = Outgoing([HERE])
            with out.client() as client:
                assert client.get(sends_on.url()).status_code == code
                with pytest.raises(NotLetOut):
                    client.get(sends_on.url(), follow_redirects=True)
    assert inside.asked == []


@pytest.mark.parametrize(
    ("url", "cause"),
    [("https://user:pass@news.example/", "credentials"), ("https://user@news.example/", "credentials"),
     ("file:///etc/passwd", "scheme"), ("gopher://news.example/", "scheme"), ("ftp://news.example/", "scheme"),
     ("https:///x", "scheme"), ("//news.example/", "scheme"), ("https://0177.0.0.1/", "address")],
)  # fmt: skip
def test_an_address_that_is_none_for_us(url: str, cause: str) -> None:
    """If an address is of another kind, or carries somebody's password, then it is refused before a name is looked up."""
    resolve, names = leading_to(["127.0.0.1"])
    with pytest.raises(NotLetOut) as told:
        Outgoing([HERE], resolve=resolve).check(url)
    assert told.value.cause == cause
    assert "pass" not in str(told.value).replace("password", "")
    assert names == []


def test_no_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the environment names a proxy, or a file of passwords, then the server itself is asked, without one."""
    with stranger() as proxy, stranger() as good:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url())
        with Outgoing([HERE]).client() as client:
            assert client.get(good.url()).status_code == 200
    assert proxy.asked == []
    assert b"authorization" not in good.asked[0].lower()


# -- for how long, and how much -----------------------------------------------------


def drip(first: bytes, then: bytes) -> Callable[[socket.socket], None]:
    """Says something at once, and then a little again and again, for as long as anybody listens."""

    def answer(line: socket.socket) -> None:
        line.sendall(first)
        while True:
            line.sendall(then)
            time.sleep(0.05)

    return answer


def forever(first: bytes, then: bytes) -> Callable[[socket.socket], None]:
    """Says something at once, and then as much as it can."""

    def answer(line: socket.socket) -> None:
        line.sendall(first)
        while True:
            line.sendall(then)

    return answer


BEGUN = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"


@pytest.mark.parametrize(
    "answer",
    [drip(BEGUN, b"x"), drip(BEGUN + b"Content-Length: 900000\r\n\r\n", b"x"), drip(b"", b"H"), drip(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
     drip(BEGUN + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"), lambda line: time.sleep(5)],
    ids=["headers", "body", "first line", "wait a little", "chunks", "silence"],
)  # fmt: skip
def test_who_drips_is_left(answer: Callable[[socket.socket], None]) -> None:
    """If a server goes on saying a little, so that it is never silent for long, then it is left at the deadline all the same."""
    with stranger(answer) as slow, Outgoing([HERE], timeout_s=0.3, deadline_s=0.5).client() as client:
        with pytest.raises(httpx.TransportError):
            client.get(slow.url())
        assert len(slow.asked) == 1


@pytest.mark.parametrize(
    "answer",
    [forever(BEGUN + b"\r\n", b"x" * 65_536), forever(BEGUN + b"Transfer-Encoding: chunked\r\n\r\n", b"8000\r\n" + b"x" * 0x8000 + b"\r\n"),
     forever(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"), forever(BEGUN, b"X-More: " + b"x" * 60_000 + b"\r\n")],
    ids=["body", "chunks", "hints", "headers"],
)  # fmt: skip
def test_who_says_too_much_is_left(answer: Callable[[socket.socket], None]) -> None:
    """If a server answers without an end, then no more is read than may be, and the question fails."""
    with stranger(answer) as loud, Outgoing([HERE], most_bytes=200_000, deadline_s=30).client() as client:
        with pytest.raises(httpx.TransportError) as told:
            client.get(loud.url())
        assert not isinstance(told.value, httpx.TimeoutException)


def test_a_bomb_is_not_unpacked() -> None:
    """If an answer is packed, though it was asked for as it is, then it is not unpacked, however small it looks."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = packer.compress(b"0" * 50_000_000) + packer.flush()
    packed = BEGUN + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb) + bomb
    with stranger(packed) as server:
        refused(Outgoing([HERE]), server.url(), "packed")
    assert b"Accept-Encoding: identity" in server.asked[0]
    assert b"gzip" not in server.asked[0]


def test_a_resolver_that_hangs_is_left() -> None:
    """If the system's resolver does not come back, then neither the deadline nor anybody waits for it."""
    release = threading.Event()
    out = Outgoing(resolve=lambda host, port: [str(release.wait(30))], deadline_s=0.2)
    with out.client() as client, pytest.raises(httpx.TimeoutException):
        client.get("https://news.example/")
    release.set()


# -- by whose certificate -----------------------------------------------------------


def test_a_certificate_is_of_the_name_and_not_of_the_address(tmp_path: Path) -> None:
    """If a server is asked by the address that was looked up, then its certificate has to be of the name, by somebody who is believed."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "news.test")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - datetime.timedelta(days=1)).not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("news.test")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    file = tmp_path / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + private)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(file)
    believed = ssl.create_default_context(cafile=str(file))
    resolve, _ = leading_to(["127.0.0.1"])
    with stranger(tls=serving) as server:
        out = Outgoing([HERE], resolve=resolve, trust=believed)
        with out.client() as client:
            assert client.get(server.url("news.test", scheme="https")).status_code == 200
            with pytest.raises(httpx.ConnectError):
                client.get(server.url("evil.test", scheme="https"))
        with Outgoing([HERE], resolve=resolve).client() as client, pytest.raises(httpx.ConnectError):
            client.get(server.url("news.test", scheme="https"))
    assert len(server.asked) == 1


def talkative(*answers: bytes) -> Callable[[socket.socket], None]:
    """Answers on one line, one question after another, then goes."""

    def answer(line: socket.socket) -> None:
        for number, said in enumerate(answers):
            if number and not line.recv(65_536):
                return
            line.sendall(said)

    return answer


def test_if_connections_are_kept_then_one_is_enough_and_only_where_the_server_is_named() -> None:
    with stranger(talkative(*[OK] * 6)) as known:
        with Outgoing(named=[known.url()], keeps=True).client() as client:
            assert [client.get(known.url(path=f"/{number}")).status_code for number in range(6)] == [200] * 6
        assert len(known.asked) == 1
        for out in (Outgoing([HERE], keeps=True), Outgoing(named=[known.url()])):
            known.asked.clear()
            with out.client() as client:
                assert [client.get(known.url()).status_code for _ in range(3)] == [200] * 3
            assert len(known.asked) == 3


def test_if_a_kept_connection_is_gone_then_another_is_made() -> None:
    with stranger(talkative(OK, OK)) as known, Outgoing(named=[known.url()], keeps=True).client() as client:
        for _ in range(4):
            assert client.get(known.url()).json() == {"well": True}
            time.sleep(0.02)
        assert len(known.asked) == 2


def test_if_a_connection_is_kept_then_each_question_has_its_own_time_and_bytes() -> None:
    long = b"HTTP/1.1 200 OK\r\nContent-Length: 400\r\n\r\n" + b"x" * 400
    with stranger(talkative(OK, OK, OK, long)) as known:
        out = Outgoing(named=[known.url()], keeps=True, most_bytes=len(OK) + 50, deadline_s=0.5)
        with out.client() as client:
            for _ in range(3):
                assert client.get(known.url()).status_code == 200
                time.sleep(0.3)
            with pytest.raises(NotLetOut, match="longer"):
                client.get(known.url())
            assert client.get(known.url()).status_code == 200
        assert len(known.asked) == 2

    def stalls(line: socket.socket) -> None:
        line.sendall(OK)
        line.recv(65_536)
        time.sleep(3)

    with (
        stranger(stalls) as known,
        Outgoing(named=[known.url()], keeps=True, deadline_s=0.4).client() as client,
    ):
        assert client.get(known.url()).status_code == 200
        begun = time.monotonic()
        with pytest.raises(httpx.ReadTimeout):
            client.get(known.url())
        assert time.monotonic() - begun < 2
