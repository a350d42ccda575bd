"""`meydan ledger verify|check`: whether a ledger, a receipt or a comment is what it says it is. Anybody's, from anywhere."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple

import typer

from meydan import durable
from meydan.cli.speech import JsonOption, errors, refusals, say
from meydan.errors import (
    BadLeaf,
    BadLedgerState,
    BadReceipt,
    BadVerifyingKey,
    LedgerUnreachable,
    NotALedger,
    NotAReport,
)

if TYPE_CHECKING:
    import httpx

    from meydan.ledger.checking import Checked
    from meydan.ledger.note import SigningKey, VerifyingKey
    from meydan.ledger.reading import Leaf
    from meydan.ledger.verify import Fetch, Report, State, Verifier

EXIT_TAMPERED: Final = 1
EXIT_CANNOT_TELL: Final = 2

MOST_BYTES: Final = 20_000_000
"""Of one answer: a bundle of 256 leaves of 65,535 bytes has 16.8 million."""

TRIES: Final = 4
LONGEST_WAIT_S: Final = 20.0
BEHIND_S: Final = 5.0
"""How long a server that shows an older checkpoint is given to catch up, before it is said to have been rolled back."""

LONGEST_FILE: Final = 100_000
SHOWN: Final = 400
"""Characters of what a stranger's server sent, at most, in one line."""

DIFFERENCES: Final = 400
"""Of a report's, at most, that people are told; `--json` has all."""

UrlArgument = Annotated[str, typer.Argument(metavar="URL", help="The ledger: https://news.example/ledger")]
KeyOption = Annotated[
    list[str] | None,
    typer.Option("--key", help="A verifying key, name+hash+key; may be repeated, where keys were changed."),
]


def verify(
    url: UrlArgument,
    key: KeyOption = None,
    follow: Annotated[
        bool, typer.Option("--follow", help="Stay, verify each new checkpoint, and cosign what was verified.")
    ] = False,
    every: Annotated[
        float, typer.Option("--every", min=0.1, help="With --follow: seconds between looks.")
    ] = 60.0,
    everything: Annotated[bool, typer.Option("--all", help="Look also at what was verified before.")] = False,
    stale_after: Annotated[
        float | None,
        typer.Option(
            "--stale-after",
            min=0,
            help="How old the newest leaf may be, in seconds; however old when left out.",
        ),
    ] = None,
    state: Annotated[
        Path | None,
        typer.Option(
            "--state",
            help="Where what was verified is remembered; in your state folder, by the key, when left out.",
        ),
    ] = None,
    claimed: Annotated[
        Path | None,
        typer.Option(
            "--report", help="The JSON of a transparency report: are its counts what the ledger's leaves say?"
        ),
    ] = None,
    cosigned: Annotated[
        Path | None, typer.Option("--cosigned", help="With --follow: where the cosigned checkpoint is put.")
    ] = None,
    witness: Annotated[
        str, typer.Option("--witness", help="With --follow: the name that you cosign under.")
    ] = "meydan.witness",
    as_json: JsonOption = False,
) -> None:
    """Verify a ledger, down to its last leaf. Exit code 0: all is well; 1: somebody tampered; 2: it cannot be told."""
    if follow and claimed:
        raise typer.BadParameter("a report is looked at once: leave --follow out.", param_hint="--report")
    with refusals(as_json=as_json):
        from meydan.ledger.verify import Verifier

        recounting = _Recounting(claimed) if claimed else None
        keys = _keys(key)
        memory = Memory(state or _state_folder() / f"{_named(keys[0])}.json", keys)
        with _Server(url) as server:
            verifier = Verifier(server.fetch, keys, stale_after_s=stale_after)
            if follow:
                _follow(verifier, memory, every, witness, cosigned, as_json=as_json, everything=everything)
            report = _look(verifier, memory, as_json=as_json, everything=everything, recounting=recounting)
            _say_report(report, memory, as_json=as_json, recounting=recounting)
            raise typer.Exit(_exit_code(report) or (recounting.exit_code if recounting else 0))


def check(
    what: Annotated[
        str,
        typer.Argument(
            metavar="RECEIPT|FILE|URL", help="A receipt, a file that holds one, or a comment's address."
        ),
    ],
    key: KeyOption = None,
    ledger: Annotated[
        str | None,
        typer.Option(
            "--ledger", help="Where the ledger is, if it is not where the receipt or the comment says."
        ),
    ] = None,
    text: Annotated[
        Path | None, typer.Option("--text", help="A file with the words that the receipt is to be for.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check a receipt, or a comment as it is shown. Exit code 0: it is proved; 1: it is false; 2: it cannot be told."""
    with refusals(as_json=as_json):
        word = _receipt_word(what)
        if word is None and text is not None:
            # Not passed over: who names a text reads "proved" as of that text.
            raise BadReceipt(
                "--text goes with a receipt. What is shown at a comment's address is checked by itself."
            )
        checked = (
            _check_comment(what, key, ledger) if word is None else _check_receipt(word, key, ledger, text)
        )
        answer = {
            "outcome": str(checked.outcome),
            "points": [{"proved": str(point.proved), "told": point.told} for point in checked.points],
        }
        lines = [f"{_MARKS[point.proved]:9} {printable(point.told)}" for point in checked.points]
        say(answer, as_json=as_json, text="\n".join(lines))
        raise typer.Exit(checked.exit_code)


_MARKS: Final = {"yes": "proved", "no": "FALSE", "unknown": "not known", "not asked": "–"}


def _check_receipt(word: str, key: list[str] | None, ledger: str | None, text: Path | None) -> Checked:
    from meydan.ledger import receipt as receipts
    from meydan.ledger.checking import check_receipt

    told = receipts.read(word)
    if told is None:
        raise BadReceipt("This receipt is damaged: give it whole, as it was handed out.")
    if not ledger and not told.log:
        raise BadReceipt("This receipt does not say which ledger it is of: name it with --ledger.")
    with _Server(ledger or f"https://{told.log}") as server:
        keys, known = _keys_for(server.fetch, key)
        return check_receipt(told, server.fetch, keys, known=known, text=_words(text), now=datetime.now(UTC))


def _check_comment(address: str, key: list[str] | None, ledger: str | None) -> Checked:
    from meydan.ledger.checking import check_comment, read_proof

    found = re.fullmatch(
        r"(https?://[^\s?#]+?)(?:/api/v1)?/comments/([a-z0-9]{1,64})(?:/proof)?/?(?:[?#]\S*)?", address
    )
    if not found:
        raise BadReceipt(
            "This is no receipt, no file that holds one, and no address of a comment (…/comments/ID)."
        )
    base, id = found.groups()
    with _Server(base) as server:
        proof = read_proof(server.get_or_none(f"{base}/api/v1/comments/{id}/proof"), id)
        if proof.status != "approved":
            return check_comment(proof, server.fetch, (), known=True)
        where = ledger or proof.ledger
        if not ledger and not server.is_of(where):
            raise LedgerUnreachable(
                f"The comment's ledger is said to be elsewhere, at {printable(where)}. Name it with --ledger, if it is."
            )
        with _Server(where) as own:
            keys, known = _keys_for(own.fetch, key)
            return check_comment(proof, own.fetch, keys, known=known)


def _receipt_word(what: str) -> str | None:
    """The receipt that was given, or that is in the file that was named; None for what is neither."""
    form = re.compile(r"\bmr[0-9]+\.[A-Za-z0-9_-]+")
    if form.fullmatch(what.strip()):
        return what.strip()
    if what.startswith(("http://", "https://")):
        return None
    try:
        with open(what, "rb") as opened:
            found = form.search(opened.read(LONGEST_FILE).decode("utf-8", "replace"))
    except (OSError, ValueError):
        return None
    if not found:
        raise BadReceipt("There is no receipt in this file.")
    return found[0]


def _words(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        raise BadReceipt(f"{path} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError:
        raise BadReceipt(f"{path} is not text in UTF-8.") from None


def _keys_for(fetch: Fetch, words: list[str] | None) -> tuple[tuple[VerifyingKey, ...], bool]:
    """The keys that were given; or else those that the ledger itself tells, and that they are."""
    from meydan.ledger.verify import Missing

    if words:
        return _keys(words), True
    try:
        return _keys(fetch("key").decode("utf-8", "replace").split()[:16]), False
    except Missing:
        raise NotALedger("No key is told there: this is no ledger.") from None


class _Recounting:
    """A transparency report's counts, made again from the leaves as they are verified."""

    def __init__(self, path: Path) -> None:
        from meydan.transparency.recount import claim_in

        try:
            with path.open("rb") as opened:
                self._claim = claim_in(opened.read(MOST_BYTES))
        except OSError as error:
            raise NotAReport(f"{path} cannot be read: {error.strerror}.") from None
        self.begin()

    def begin(self) -> None:
        """All leaves come once more."""
        from meydan.ledger import Tree
        from meydan.transparency.recount import Recount

        self._recount, self._tree = Recount(self._claim.span), Tree()
        self._strange = False

    def hear(self, hashed: bytes, leaf: Leaf) -> None:
        """The next leaf; those that came after the report are passed over."""
        if self._recount.leaves < self._claim.leaves and not self._strange:
            try:
                self._recount.add(leaf)
            except BadLeaf:
                # Signed, and says what no report counts: the rest could not be counted either.
                self._strange = True
            self._tree.add(hashed)

    @property
    def is_whole(self) -> bool:
        """Whether every leaf came that the report rests on."""
        return self._recount.leaves == self._claim.leaves

    @functools.cached_property
    def differences(self) -> tuple[str, ...]:
        """In what the report and the leaves differ, each in a sentence; known once all have come."""
        from meydan.transparency.recount import disagreements

        if self._tree.root().hex() != self._claim.root:
            return (f"The report rests on other leaves than the ledger's first {self._claim.leaves}.",)
        return disagreements(self._claim.counts, self._recount.done())

    @property
    def exit_code(self) -> int:
        if not self.is_whole:
            return EXIT_CANNOT_TELL
        return EXIT_TAMPERED if self.differences else 0

    def answer(self) -> dict[str, object]:
        if not self.is_whole:
            return {"agrees": None, "leaves": self._recount.leaves, "of": self._claim.leaves}
        return {"agrees": not self.differences, "differences": list(self.differences)}

    def lines(self) -> list[str]:
        if not self.is_whole:
            return [
                f"The report rests on {self._claim.leaves} leaves, of which {self._recount.leaves} could be counted: try again later."
            ]
        if not self.differences:
            return ["Each count of the report that is said to be the ledger's is what its leaves say."]
        return [
            "The report does not say what the ledger says.",
            *map(printable, self.differences[:DIFFERENCES]),
        ]


def _look(
    verifier: Verifier,
    memory: Memory,
    *,
    as_json: bool,
    everything: bool = False,
    recounting: _Recounting | None = None,
) -> Report:
    """One look, remembered where it is sound; a server that is behind for a moment is asked again."""
    from meydan.ledger.book import KEY_BYTES
    from meydan.ledger.verify import Name

    def once() -> Report:
        if recounting:
            recounting.begin()
        with _bar(as_json) as bar:
            return verifier.verify(
                memory.load(),
                now=datetime.now(UTC),
                book_key=os.urandom(KEY_BYTES),
                begun=bar.begin,
                told=bar.told,
                heard=recounting.hear if recounting else _pass_over,
                # A report is of leaves from the first on.
                everything=everything or recounting is not None,
            )

    report = once()
    if Name.ROLLED_BACK in report.counts:
        time.sleep(BEHIND_S)
        report = once()
    if report.state is not None:
        # Nothing new is nothing to write: who follows looks every minute.
        if report.leaves or not memory.path.exists():
            memory.keep(report.state)
    elif report.counts:
        memory.keep_evidence(report)
    return report


def _follow(
    verifier: Verifier,
    memory: Memory,
    every_s: float,
    name: str,
    cosigned: Path | None,
    *,
    as_json: bool,
    everything: bool,
) -> None:
    """Look again and again, until interrupted or until something is wrong."""
    from meydan.ledger.note import cosign
    from meydan.ledger.verify import Outcome

    key = _witness_key(memory.path.parent / "witness.key", name)
    out = cosigned or memory.path.with_suffix(".cosigned")
    errors.print(f"Cosigning as {key.verifying} into {out}", markup=False, soft_wrap=True)
    ended = threading.Event()

    def end(_signal: int, _frame: FrameType | None) -> None:
        ended.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, end)
    last = ""
    while not ended.is_set():
        try:
            report = _look(verifier, memory, as_json=True, everything=everything)
        except (LedgerUnreachable, NotALedger) as error:
            # A server that is away for a while is no news of its ledger.
            errors.print(f"{error.code}  {error.message}", markup=False, soft_wrap=True)
        else:
            everything = False
            if report.outcome is Outcome.TAMPERED:
                _say_report(report, memory, as_json=as_json)
                raise typer.Exit(EXIT_TAMPERED)
            if report.note.text != last:
                last = report.note.text
                _say_report(report, memory, as_json=as_json)
                _write(out, str(cosign(report.note, key, at=int(time.time()))).encode())
        ended.wait(every_s)
    raise typer.Exit(0)


def _pass_over(_hashed: bytes, _leaf: Leaf) -> None:
    """Nobody counts."""


def _say_report(
    report: Report, memory: Memory, *, as_json: bool, recounting: _Recounting | None = None
) -> None:
    from meydan.ledger.verify import Outcome

    shown = report.shown
    answer = {
        "outcome": str(report.outcome),
        "origin": shown.origin if shown else None,
        "size": shown.size if shown else None,
        "root": shown.root.hex() if shown else None,
        "signed_by": [str(key) for key in report.signed_by],
        "verified_from": report.begun,
        "leaves": report.leaves,
        "findings": _findings_of(report),
        "counts": {str(name): count for name, count in report.counts.items()},
        **({"report": recounting.answer()} if recounting else {}),
    }
    lines = []
    for finding in report.findings:
        count = report.counts[finding.name] if finding.name.is_warning else 1
        mark = "Warning, " if finding.name.is_warning else ""
        lines.append(
            f"{mark}{finding.name}: {printable(finding.told)}"
            + (f" ({count} such leaves)" if count > 1 else "")
        )
    if shown is not None:
        lines.append(f"{printable(shown.origin)}: {shown.size} leaves, root {shown.root.hex()}")
    if report.outcome is Outcome.TAMPERED:
        lines.append(f"This ledger does not add up. What was shown is kept in {memory.evidence}")
    elif report.outcome is Outcome.CANNOT_TELL:
        lines.append("What is shown adds up; whether it is all there is cannot be told.")
    else:
        lines.append(
            f"All is well: {report.leaves} leaves were verified"
            + (f" after the {report.begun} that were before." if report.begun else ".")
        )
    if recounting and report.outcome is not Outcome.TAMPERED:
        lines += recounting.lines()
    say(answer, as_json=as_json, text="\n".join(lines))


def _findings_of(report: Report) -> list[dict[str, object]]:
    return [{"name": str(f.name), "told": f.told, "leaf": f.leaf} for f in report.findings]


def _exit_code(report: Report) -> int:
    from meydan.ledger.verify import Outcome

    return {Outcome.SOUND: 0, Outcome.TAMPERED: EXIT_TAMPERED, Outcome.CANNOT_TELL: EXIT_CANNOT_TELL}[
        report.outcome
    ]


# What is remembered between looks.


@dataclass(frozen=True, slots=True)
class Memory:
    """
    The last sound look at a ledger, in two files: what was signed, and the book of what was said of each comment.

    Nobody else's word: a checkpoint in it that is not signed by the keys is refused. A book that is missing or is not the
    one that belongs to it is begun anew, from the first leaf.
    """

    path: Path
    keys: tuple[VerifyingKey, ...]

    @property
    def book(self) -> Path:
        return self.path.with_suffix(".book")

    @property
    def evidence(self) -> Path:
        return self.path.with_suffix(".evidence")

    def load(self) -> State | None:
        """What was verified last; None: nothing yet."""
        from meydan.ledger import checkpoint
        from meydan.ledger.book import BadBook, Book
        from meydan.ledger.note import BadNote
        from meydan.ledger.reading import is_instant
        from meydan.ledger.verify import State

        try:
            told = json.loads(self.path.read_bytes())
            shown, opened = checkpoint.open(str(told["note"]), self.keys)
            newest, digest = str(told["newest"]), str(told["book"])
            if newest and not is_instant(newest):
                raise ValueError
        except FileNotFoundError:
            return None
        except OSError as error:
            raise BadLedgerState(f"{self.path} cannot be read: {error.strerror}.") from None
        except (ValueError, KeyError, TypeError, BadNote):
            raise BadLedgerState(
                f"{self.path} is not what was remembered of a ledger with this key. Move it away, or name another with --state."
            ) from None
        try:
            data = self.book.read_bytes()
            book = Book.from_bytes(data) if hashlib.sha256(data).hexdigest() == digest else None
        except (OSError, BadBook):
            book = None
        return State(shown, opened.note, newest, book)

    def keep(self, state: State) -> None:
        """Remember a sound look; a crash in between costs a look at all leaves, and nothing else."""
        assert state.book is not None
        data = state.book.to_bytes()
        told = {"note": str(state.note), "newest": state.newest, "book": hashlib.sha256(data).hexdigest()}
        _write(self.book, data)
        _write(self.path, (json.dumps(told, ensure_ascii=False, indent=1) + "\n").encode())

    def keep_evidence(self, report: Report) -> None:
        """Put by what was shown, and what was signed before it: both are signed, and prove it to others."""
        when = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
        _write(self.evidence / f"{when}-shown.txt", str(report.note).encode())
        written = json.dumps(_findings_of(report), indent=1) + "\n"
        _write(self.evidence / f"{when}-findings.json", written.encode())
        with contextlib.suppress(BadLedgerState):
            before = self.load()
            if before is not None:
                _write(self.evidence / f"{when}-before.txt", str(before.note).encode())


def _state_folder() -> Path:
    given = os.environ.get("XDG_STATE_HOME", "")
    return (Path(given) if os.path.isabs(given) else Path.home() / ".local/state") / "meydan/ledgers"


def _named(key: VerifyingKey) -> str:
    """A file's name for a key, of plain letters."""
    return f"{re.sub('[^A-Za-z0-9.-]', '_', key.name)[:80]}+{key.id.hex()}"


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all; readable to its owner alone."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        durable.write(path, data)
    except OSError as error:
        raise BadLedgerState(f"{path} cannot be written: {error.strerror}.") from None


def _witness_key(path: Path, name: str) -> SigningKey:
    """The witness's own key, made at its first use."""
    from meydan.ledger.note import COSIGNATURE, SEED_BYTES, BadNote, SigningKey

    try:
        try:
            key = SigningKey.parse(path.read_text(encoding="utf-8").strip())
        except FileNotFoundError:
            key = SigningKey(name, os.urandom(SEED_BYTES), COSIGNATURE)
            _write(path, f"{key.word}\n".encode())
    except OSError as error:
        raise BadLedgerState(f"{path} cannot be read: {error.strerror}.") from None
    except (BadNote, ValueError) as error:
        raise BadLedgerState(f"The witness's key, {path}, cannot be used. {error}") from None
    if key.kind != COSIGNATURE:
        raise BadLedgerState(f"{path} is not a witness's key.")
    return key


def _keys(words: list[str] | None) -> tuple[VerifyingKey, ...]:
    from meydan.ledger.note import ED25519, BadNote, VerifyingKey

    if not words:
        raise BadVerifyingKey(
            "Say whose ledger it is to be, with --key: the publication tells its key on its page /ledger."
        )
    try:
        keys = tuple(VerifyingKey.parse(word.strip()) for word in words)
    except BadNote as error:
        raise BadVerifyingKey(f"This is no verifying key. {error}") from None
    if any(key.kind != ED25519 for key in keys):
        raise BadVerifyingKey("This is a witness's key, not a ledger's.")
    return keys


def printable(text: str) -> str:
    """A stranger's words for a terminal: nothing that moves, colours or turns anything."""
    short = text if len(text) <= SHOWN else text[:SHOWN] + "…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in short)


# The server.


class _Server:
    """
    What is asked: one address, nothing else. No redirect is followed, no answer without end is read, and every question
    ends in time.
    """

    def __init__(self, url: str) -> None:
        import httpx

        from meydan.outgoing import NotLetOut, Outgoing

        try:
            self._out = Outgoing(named=[url], most_bytes=MOST_BYTES, keeps=True)
            self._out.check(url)
        except (NotLetOut, httpx.InvalidURL):
            raise LedgerUnreachable(
                "This is no address that can be asked: it has to begin with https:// or http://."
            ) from None
        self.url = url.split("#")[0].split("?")[0].rstrip("/") + "/"
        self._httpx = httpx
        self._lock = threading.Lock()
        self._client = self._out.client()

    def __enter__(self) -> _Server:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def fetch(self, path: str) -> bytes:
        """What is at a path below the address; Missing, or LedgerUnreachable."""
        return self.get(self.url + path)

    def is_of(self, url: str) -> bool:
        """Whether another address is of the same server."""
        try:
            own, other = self._httpx.URL(self.url), self._httpx.URL(url)
        except self._httpx.InvalidURL:
            return False
        return (own.scheme, own.host, own.port) == (other.scheme, other.host, other.port)

    def get_or_none(self, url: str) -> bytes | None:
        from meydan.ledger.verify import Missing

        try:
            return self.get(url)
        except Missing:
            return None

    def get(self, url: str) -> bytes:
        from meydan.ledger.verify import Missing
        from meydan.outgoing import NotLetOut

        for left in reversed(range(TRIES)):
            try:
                answer = self._client.get(url)
            except NotLetOut as error:
                raise LedgerUnreachable(f"The ledger's answer is not read. {error}") from None
            except self._httpx.HTTPError as error:
                if left:
                    continue
                raise LedgerUnreachable(
                    f"The ledger does not answer at {printable(self.url)} {printable(str(error))}"
                ) from None
            if answer.status_code == 200:
                return answer.content
            if answer.status_code in (404, 410):
                raise Missing
            if answer.is_redirect:
                to = printable(answer.headers.get("location", ""))
                raise LedgerUnreachable(
                    f"The ledger sends elsewhere, to {to}. Name that address, if it is the one you mean."
                )
            if left and answer.status_code in (429, 502, 503, 504):
                time.sleep(_wait_s(answer))
                continue
            raise LedgerUnreachable(f"The ledger answers with status {answer.status_code}.")
        raise AssertionError("unreachable")


def _wait_s(answer: httpx.Response) -> float:
    try:
        return min(max(float(answer.headers.get("retry-after", "1")), 0.1), LONGEST_WAIT_S)
    except ValueError:
        return 1.0


class _Bar(NamedTuple):
    begin: Callable[[int, int], None]
    told: Callable[[int], None]


@contextlib.contextmanager
def _bar(as_json: bool) -> Iterator[_Bar]:
    """Moves where a person looks on, and nowhere else."""
    if as_json or not errors.is_terminal:
        yield _Bar(lambda begin, size: None, lambda leaves: None)
        return
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, transient=True) as progress:
        task = progress.add_task("Verifying", total=None)
        yield _Bar(
            lambda begin, size: progress.update(task, total=size - begin),
            lambda leaves: progress.advance(task, leaves),
        )
