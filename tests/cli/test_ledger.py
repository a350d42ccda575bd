"""`meydan ledger verify|check` against a real server: a sound one, a false one, and rude ones."""

from __future__ import annotations

import http.server
import json
import os
import signal
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from meydan.ledger import checkpoint
from meydan.ledger.leaf import commitment_of, decision_leaf, opening_of, receipt_leaf
from meydan.ledger.note import VerifyingKey
from meydan.ledger.receipt import Receipt
from meydan.ledger.tree import leaf_hash, root_of
from meydan.transparency.recount import REPORT_FORMAT, REPORT_KIND, TOTAL, Span, names_in, recounted
from tests.ledger.served import APPROVED, KEY, ORIGIN, OTHER, Served, at, leaves_of
from tests.warm import meydan

ROOT = Path(__file__).parent.parent.parent
LEAVES = leaves_of(400)
VKEY = str(KEY.verifying)


class Site:
    """A web server that serves `ledger` under /ledger/, and whatever else is in `pages` by its path."""

    def __init__(self) -> None:
        self.ledger = Served(LEAVES)
        self.pages: dict[str, Callable[[http.server.BaseHTTPRequestHandler], None]] = {}
        self.asked: list[str] = []
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append(self.path)
                if self.path in site.pages:
                    site.pages[self.path](self)
                    return
                body = site.ledger.files.get(self.path.removeprefix("/ledger/"))
                answer(self, 404 if body is None else 200, body or b"")

            def log_message(self, *_: object) -> None:
                pass

        class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
            daemon_threads = True
            request_queue_size = 64

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def answer(handler: http.server.BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("content-length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state"), "COLUMNS": "200"}


def said(run: subprocess.CompletedProcess[bytes]) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(run.stdout)
    return told


def test_if_a_ledger_is_sound_then_it_is_said_remembered_and_not_verified_twice(
    site: Site, home: dict[str, str], tmp_path: Path
) -> None:
    site.ledger = Served(LEAVES[:700])
    first = meydan("ledger", "verify", f"{site.url}/ledger", "--key", VKEY, environment=home)
    assert first.returncode == 0, first.stderr
    assert b"All is well: 700 leaves" in first.stdout
    folder = tmp_path / "state/meydan/ledgers"
    assert sorted(path.suffix for path in folder.iterdir()) == [".book", ".json"]
    assert all(path.stat().st_mode & 0o077 == 0 for path in folder.iterdir())
    site.ledger.grow(LEAVES[700:])
    site.asked.clear()
    again = said(meydan("ledger", "verify", f"{site.url}/ledger/", "--key", VKEY, "--json", environment=home))
    assert (again["outcome"], again["verified_from"], again["leaves"]) == ("sound", 700, len(LEAVES) - 700)
    assert "/ledger/tile/entries/000" not in site.asked
    # A book that is damaged costs a look at everything, and no more.
    next(folder.glob("*.book")).write_bytes(b"x")
    whole = said(meydan("ledger", "verify", f"{site.url}/ledger", "--key", VKEY, "--json", environment=home))
    assert (whole["outcome"], whole["leaves"], whole["counts"]) == ("sound", len(LEAVES), {})


def test_if_a_ledger_is_rewritten_then_it_is_named_and_both_checkpoints_are_kept(
    site: Site, home: dict[str, str], tmp_path: Path
) -> None:
    state = tmp_path / "mine.json"
    command = ("ledger", "verify", f"{site.url}/ledger", "--key", VKEY, "--state", str(state))
    site.ledger = Served(LEAVES[:500])
    assert meydan(*command, environment=home).returncode == 0
    kept = state.read_bytes()
    site.ledger = Served([*LEAVES[:100], *LEAVES[102:700], *LEAVES[100:102]])
    run = meydan(*command, environment=home)
    assert run.returncode == 1
    assert b"forked tree" in run.stdout
    assert state.read_bytes() == kept
    # Both are signed: that is the proof, for others.
    notes = [path.read_bytes() for path in (tmp_path / "mine.evidence").glob("*.txt")]
    sizes = {checkpoint.open(written, [KEY.verifying])[0].size for written in notes}
    assert sizes == {500, 700}


def reported(leaves: list[bytes]) -> dict[str, Any]:
    """A transparency report's JSON, as far as it claims anything of a ledger of these leaves."""
    span = Span(at(0).replace(hour=0), at(0).replace(hour=0) + timedelta(days=1))
    counts = recounted(leaves, span)
    return {
        "kind": REPORT_KIND,
        "format": REPORT_FORMAT,
        "from": span.since.isoformat(),
        "to": span.until.isoformat(),
        "ledger": {"leaves": len(leaves), "root": root_of(map(leaf_hash, leaves)).hex()},
        "counts": [
            {
                "name": name,
                "from": "ledger",
                "total": counts[TOTAL].get(name),
                "months": {month: counts[month][name] for month in span.months if name in counts[month]},
            }
            for name in names_in(counts)
        ],
    }


def test_if_a_report_says_what_the_ledger_does_not_then_that_is_named(
    site: Site, home: dict[str, str], tmp_path: Path
) -> None:
    site.ledger = Served(LEAVES[:700])
    file = tmp_path / "report.json"

    def looked(report: object) -> tuple[int, dict[str, Any]]:
        file.write_text(json.dumps(report))
        words = ("ledger", "verify", f"{site.url}/ledger", "--key", VKEY, "--report", str(file), "--json")
        run = meydan(*words, environment=home)
        return run.returncode, said(run)["report"] if run.stdout else json.loads(run.stderr)

    # Of fewer leaves than there are by now; and again, when they were all verified before.
    for _ in range(2):
        assert looked(reported(LEAVES[:600])) == (0, {"agrees": True, "differences": []})
    false = reported(LEAVES[:600])
    sent = next(one for one in false["counts"] if one["name"] == "sent")
    sent["total"] += 1
    code, told = looked(false)
    assert (code, told["agrees"], len(told["differences"])) == (1, False, 1)
    assert "sent" in told["differences"][0]
    code, told = looked({**reported(LEAVES[:600]), "ledger": {"leaves": 600, "root": "00" * 32}})
    assert (code, told["agrees"]) == (1, False)
    assert looked(reported(LEAVES[:701])) == (2, {"agrees": None, "leaves": 700, "of": 701})
    assert looked([])[1]["code"] == "M378"
    # What is no leaf of ours is said of the ledger, before anything is of a report.
    site.ledger.grow([b'{"v":1,"kind":"praise"}'])
    file.write_text(json.dumps(reported(LEAVES[:600]) | {"ledger": {"leaves": 701, "root": "00" * 32}}))
    run = meydan(
        "ledger", "verify", f"{site.url}/ledger", "--key", VKEY, "--report", str(file), environment=home
    )
    assert (run.returncode, b"malformed leaf" in run.stdout) == (1, True), run.stdout


def test_if_it_is_another_key_then_nothing_is_believed(site: Site, home: dict[str, str]) -> None:
    run = meydan(
        "ledger", "verify", f"{site.url}/ledger", "--key", str(OTHER.verifying), "--json", environment=home
    )
    assert (run.returncode, said(run)["findings"][0]["name"]) == (1, "wrong key")
    for words in ((), ("--key", "nonsense"), ("--key", VKEY[:-8])):
        run = meydan("ledger", "verify", f"{site.url}/ledger", *words, environment=home)
        assert (run.returncode, b"M360" in run.stderr) == (2, True)


def endless(handler: http.server.BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    piece = b"x" * 1_000_000
    for _ in range(100):
        handler.wfile.write(piece)


def elsewhere(handler: http.server.BaseHTTPRequestHandler) -> None:
    answer(handler, 302, b"", location="http://127.0.0.1:9/\x1b[31m")


def packed(handler: http.server.BaseHTTPRequestHandler) -> None:
    answer(handler, 200, b"\x1f\x8b", content_encoding="gzip")


def a_page(handler: http.server.BaseHTTPRequestHandler) -> None:
    answer(handler, 200, b"<!doctype html>")


def a_fault(handler: http.server.BaseHTTPRequestHandler) -> None:
    answer(handler, 500, b"")


def no_http(handler: http.server.BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"SSH-2.0-no\r\n")


RUDE = [
    (endless, b"M361"),
    (elsewhere, b"M361"),
    (packed, b"M361"),
    (a_page, b"M364"),
    (a_fault, b"M361"),
    (no_http, b"M361"),
]


@pytest.mark.parametrize(("rude", "code"), RUDE, ids=[rude.__name__ for rude, _ in RUDE])
def test_if_a_server_is_rude_then_it_cannot_be_told_and_nothing_is_remembered(
    rude: Callable[[Any], None], code: bytes, site: Site, home: dict[str, str], tmp_path: Path
) -> None:
    site.pages["/ledger/checkpoint"] = rude
    run = meydan("ledger", "verify", f"{site.url}/ledger", "--key", VKEY, environment=home)
    assert run.returncode == 2
    assert run.stderr.startswith(code)
    assert b"\x1b" not in run.stderr + run.stdout
    assert b"Traceback" not in run.stderr
    assert not (tmp_path / "state/meydan/ledgers").exists()


def test_if_nobody_is_there_or_it_is_no_address_then_it_cannot_be_told(home: dict[str, str]) -> None:
    for url in ("http://127.0.0.1:9/ledger", "ftp://news.example/ledger", "news.example", "http://[/"):
        run = meydan("ledger", "verify", url, "--key", VKEY, environment=home)
        assert (run.returncode, run.stderr[:4]) == (2, b"M361"), url


def test_if_a_server_asks_for_patience_then_it_is_asked_again(site: Site, home: dict[str, str]) -> None:
    def busy(handler: http.server.BaseHTTPRequestHandler) -> None:
        del site.pages["/ledger/tile/entries/001"]
        answer(handler, 429, b"", retry_after="0.1")

    site.pages["/ledger/tile/entries/001"] = busy
    assert meydan("ledger", "verify", f"{site.url}/ledger", "--key", VKEY, environment=home).returncode == 0
    assert site.asked.count("/ledger/tile/entries/001") == 2


def test_if_a_state_file_is_somebody_elses_then_it_is_refused(
    site: Site, home: dict[str, str], tmp_path: Path
) -> None:
    state = tmp_path / "state.json"
    true = ("ledger", "verify", f"{site.url}/ledger", "--key", VKEY, "--state", str(state))
    site.ledger = Served(LEAVES[:700])
    assert meydan(*true, environment=home).returncode == 0
    kept = json.loads(state.read_bytes())
    site.ledger.grow(LEAVES[700:])
    for written in (
        "{",
        "[]",
        json.dumps({**kept, "note": []}),
        json.dumps({**kept, "newest": "soon"}),
        json.dumps(
            {"note": Served(LEAVES, keys=(OTHER,)).files["checkpoint"].decode(), "newest": "", "book": ""}
        ),
    ):
        state.write_text(written)
        run = meydan(*true, environment=home)
        assert (run.returncode, run.stderr[:4]) == (2, b"M362"), written
    state.write_text(json.dumps(kept))
    assert meydan(*true, environment=home).returncode == 0


def test_if_it_is_followed_then_what_was_verified_is_cosigned_until_somebody_tampers(
    site: Site, home: dict[str, str], tmp_path: Path
) -> None:
    site.ledger = Served(LEAVES[:500])
    state, out = tmp_path / "w/state.json", tmp_path / "w/state.cosigned"
    command = [
        "ledger",
        "verify",
        f"{site.url}/ledger",
        "--key",
        VKEY,
        "--follow",
        "--every",
        "0.1",
        "--json",
    ]
    command += ["--state", str(state), "--witness", "reader.example"]
    with ThreadPoolExecutor(1) as beside:
        following = beside.submit(meydan, *command, environment=home)
        for size in (500, len(LEAVES)):
            if size > 500:
                site.ledger.grow(LEAVES[500:])
            until = time.monotonic() + 30
            while not out.exists() or f"\n{size}\n" not in out.read_text():
                assert time.monotonic() < until
                time.sleep(0.02)
        cosigned = out.read_bytes()
        site.ledger = Served([*LEAVES[1:], LEAVES[0]])
        run = following.result()
    assert run.returncode == 1
    looks = [json.loads(line) for line in run.stdout.splitlines()]
    assert [look["leaves"] for look in looks] == [500, len(LEAVES) - 500, 0]
    assert (looks[-1]["outcome"], looks[-1]["findings"][0]["name"]) == ("tampered", "forked tree")
    witness = VerifyingKey.parse(run.stderr.split()[2].decode())
    assert witness.name == "reader.example"
    _, opened = checkpoint.open(cosigned, [KEY.verifying, witness])
    assert opened.by == (KEY.verifying, witness)
    assert abs(opened.note.signatures[-1].at - time.time()) < 60
    # What was not verified is not cosigned.
    assert out.read_bytes() == cosigned
    assert len(list((tmp_path / "w/state.evidence").glob("*.txt"))) == 2
    assert (tmp_path / "w/witness.key").stat().st_mode & 0o077 == 0


def test_if_following_is_interrupted_then_it_ends_at_once_and_well(
    site: Site, home: dict[str, str], tmp_path: Path
) -> None:
    command = [
        sys.executable,
        "-m",
        "meydan",
        "ledger",
        "verify",
        f"{site.url}/ledger",
        "--key",
        VKEY,
        "--follow",
    ]
    run = subprocess.Popen(
        [*command, "--state", str(tmp_path / "s.json")], env=home, cwd=ROOT, stdout=subprocess.PIPE
    )
    try:
        assert run.stdout is not None
        run.stdout.readline()
        run.send_signal(signal.SIGINT)
        assert run.wait(10) == 0
    finally:
        run.kill()
        run.communicate()


SALT, TEXT, ID = b"s" * 32, "So nicht.\x1b[31m", "abc234"
COMMITMENT = commitment_of(SALT, TEXT)


@pytest.fixture
def commented(site: Site) -> Site:
    number = len(LEAVES)
    own = [receipt_leaf(COMMITMENT, at(500)), decision_leaf(COMMITMENT, APPROVED, at(501))]
    site.ledger = Served([*LEAVES, *own])
    site.ledger.files["key"] = f"{VKEY}\n".encode()
    proof = {
        "id": ID, "status": "approved", "name": "Ada", "text": TEXT, "opening": opening_of(SALT).hex(),
        "commitment": COMMITMENT.hex(), "leaves": [{"number": number + i, "body": body.decode()} for i, body in enumerate(own)],
        "ledger": f"{site.url}/ledger/", "origin": ORIGIN,
    }  # fmt: skip
    site.pages[f"/api/v1/comments/{ID}/proof"] = lambda handler: answer(
        handler, 200, json.dumps(proof).encode()
    )
    return site


def test_if_a_receipt_is_checked_then_it_is_proved_from_its_word_or_its_file(
    commented: Site, home: dict[str, str], tmp_path: Path
) -> None:
    word = str(Receipt(ID, SALT, COMMITMENT, len(LEAVES), at(500), KEY))
    ledger = ("--ledger", f"{commented.url}/ledger", "--key", VKEY)
    text = tmp_path / "text.txt"
    text.write_text(TEXT)
    run = meydan("ledger", "check", word, *ledger, "--text", str(text), environment=home)
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout.count(b"proved") >= 4
    file = tmp_path / "receipt.txt"
    file.write_text(f"Keep this.\n\n{word}\n")
    text.write_text("So doch.")
    run = meydan("ledger", "check", str(file), *ledger, "--text", str(text), "--json", environment=home)
    assert (run.returncode, said(run)["outcome"]) == (1, "tampered")
    assert [p["told"] for p in said(run)["points"] if p["proved"] == "no"] == [
        "Changed text: it is for other words than these."
    ]
    for wrong in (word[:60], str(text), "nonsense", f"{commented.url}/stories"):
        run = meydan("ledger", "check", wrong, *ledger, environment=home)
        assert (run.returncode, run.stderr[:4]) == (2, b"M363"), wrong


def test_if_a_comment_is_checked_then_what_is_shown_is_proved(commented: Site, home: dict[str, str]) -> None:
    page = f"{commented.url}/comments/{ID}"
    # Also as a browser copies it.
    for address in (
        page,
        f"{commented.url}/api/v1/comments/{ID}/proof",
        f"{page}/proof?lang=en",
        f"{page}#x",
    ):
        run = meydan("ledger", "check", address, "--key", VKEY, environment=home)
        assert run.returncode == 0, run.stdout + run.stderr
        assert b"\x1b" not in run.stdout
    told = said(meydan("ledger", "check", f"{commented.url}/comments/{ID}", "--json", environment=home))
    assert told["outcome"] == "sound"
    assert VKEY in told["points"][0]["told"]
    run = meydan("ledger", "check", f"{commented.url}/comments/nobody", "--key", VKEY, environment=home)
    assert (run.returncode, run.stderr[:4]) == (2, b"M363")
    # A text that was not looked at is not passed over in silence.
    run = meydan("ledger", "check", page, "--key", VKEY, "--text", __file__, environment=home)
    assert (run.returncode, run.stderr[:4], run.stdout) == (2, b"M363", b"")


def test_if_a_comment_says_that_its_ledger_is_elsewhere_then_nobody_goes_there(
    commented: Site, home: dict[str, str]
) -> None:
    proof = {
        "id": ID, "status": "approved", "text": TEXT, "opening": None, "commitment": COMMITMENT.hex(), "leaves": [],
        "ledger": "http://127.0.0.1:9/\x1b[31m",
    }  # fmt: skip
    commented.pages[f"/api/v1/comments/{ID}/proof"] = lambda handler: answer(
        handler, 200, json.dumps(proof).encode()
    )
    run = meydan("ledger", "check", f"{commented.url}/comments/{ID}", "--key", VKEY, environment=home)
    assert (run.returncode, run.stderr[:4]) == (2, b"M361")
    assert b"\x1b" not in run.stderr
