"""
Backups, restores and moves: a database as a file, a file as a database, and one database as another.

    back_up     snapshot -> file          beside a running server
    read        file -> what it holds     without a database
    restore     file -> empty database    and what was erased since is erased again
    move        snapshot -> empty database

Whichever way, all is proved on its way: every comment that was not erased is hashed again, with its salt, to its
commitment; its receipt and decisions are in the leaves; the leaves have no gap; each status follows from the last
decision. What was put into a database is then read from it again and compared, table by table.

The file is gzip of lines of JSON; docs/backup.md describes each. Nothing in it depends on the kind of database.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import gzip
import hashlib
import os
import shutil
import stat
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Final, TypeVar, cast

import msgspec

from meydan import __version__
from meydan.comment import DecidedBy, Decision, Reason, Verdict
from meydan.durable import sync_folder
from meydan.errors import AlreadyExists, BackupDamaged, NotErasable, NotFound, NotRestorable, StoreUnavailable
from meydan.ledger import Tree, decision_leaf, erasure_leaf, is_committed, leaf_hash, receipt_leaf
from meydan.store import Erased, Erasures, Store
from meydan.store.carrying import (
    LEFT_OUT,
    PIECE,
    Snapshot,
    Target,
    columns_of,
    empty,
    finish,
    restoring,
    snapshot,
    tables,
)
from meydan.store.schema import HEAD

FORMAT: Final = 1
LEVEL: Final = 1
"""How hard gzip tries: at 1 it keeps up with the database, and the file is a tenth larger than at 6."""

LONGEST_LINE: Final = 64 * 2**20
NAMED: Final = 20
"""Comments that a message names, of those that do not add up."""

_NO_LINKS: Final = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS)
"""How a file system says that it knows no second names."""

ERASING: Final = 32
"""Erasures that are asked for at once, so that they share their commits."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_COMPARED: Final = 16
"""Bytes of a leaf's hash that are remembered: of three million leaves, 48 MB."""

_STATUS: Final = {"held": 0, "approved": 1, "rejected": 2}
_VERDICT: Final = {"approve": 1, "reject": 2}

# What either database keeps.
_KIND: Final[Mapping[type, Any]] = {
    int: Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)],
    str: str,
    bytes: bytes,
}

_lines_of = msgspec.json.Encoder().encode_lines
_reasons_of = msgspec.json.Decoder(tuple[Reason, ...]).decode

T = TypeVar("T")

Told = Callable[[int], None]
"""Is told, as it goes, of how many rows (or bytes of the file) more were done."""


class Counted(msgspec.Struct, frozen=True):
    """A table's rows, and SHA-256 over their lines in hexadecimal."""

    rows: int
    sha256: str


class Header(msgspec.Struct, frozen=True):
    """The first line of a backup."""

    meydan: str
    format: int
    schema: str
    program: str
    at: str


class Manifest(msgspec.Struct, frozen=True):
    """The last line but one of a backup: what is in it."""

    tables: dict[str, Counted]
    leaves: int
    root: str
    comments: int
    erased: int
    at: str
    ended_at: str
    left_out: dict[str, str]


class _Table(msgspec.Struct, frozen=True):
    table: str
    columns: list[tuple[str, str]]


class _End(msgspec.Struct, frozen=True):
    end: str
    rows: int
    sha256: str


class _File(msgspec.Struct, frozen=True):
    file: str
    body: bytes


class _Said(msgspec.Struct, frozen=True):
    manifest: Manifest


class _Seal(msgspec.Struct, frozen=True):
    sha256: str


@dataclass(frozen=True, slots=True)
class Piece:
    """Some rows of a table, and the same as lines of a backup."""

    rows: Sequence[tuple[Any, ...]]
    lines: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Restored:
    """
    What a restore did.

    Of what the lists name (`listed`, the last of it at `newest`), `erased` was erased now, `held` is kept for the law,
    `unknown` was not in the backup, and the rest had been erased before it.
    """

    manifest: Manifest
    listed: int
    newest: datetime | None
    erased: int
    held: int
    unknown: int


# -- proving ----------------------------------------------------------------


class Proof:
    """
    Takes every row on its way and finds what does not add up; holds some 130 bytes a comment and no words.

    Tables have to come in the schema's order: leaves before comments, comments before their words and decisions.
    """

    def __init__(self) -> None:
        self.counted: dict[str, Counted] = {}
        self.tree = Tree()
        self.wrong: set[str] = set()
        self.comments = 0
        self.erased = 0
        self._leaves = bytearray()
        self._next_leaf: int | None = None
        self._numbers = array("q")
        self._commitments = bytearray()
        self._ids = bytearray()
        self._ids_end = array("q")
        self._status = bytearray()
        self._seq = array("i")
        self._gone = bytearray()
        self._worded = bytearray()
        self._decided = array("i")
        self._verdict = bytearray()
        self._nobodys = 0

    def take(self, table: str, pieces: Iterable[Piece]) -> Iterator[Piece]:
        """Pass a table's pieces on, having looked at them."""
        look = {
            "leaf": self._leaf,
            "comment": self._comment,
            "words": self._words,
            "decision": self._decision,
            "counter": self._counter,
        }.get(table)
        columns = {name: number for number, name in enumerate(columns_of(table).names)}
        digest, rows = hashlib.sha256(), 0
        for piece in pieces:
            digest.update(piece.lines)
            rows += len(piece.rows)
            if look is not None:
                try:
                    for row in piece.rows:
                        look(columns, row)
                except (ValueError, KeyError, OverflowError, msgspec.DecodeError):
                    raise BackupDamaged(f"A row of {table!r} says what none can. Nothing was kept.") from None
            yield piece
        self.counted[table] = Counted(rows, digest.hexdigest())

    def check(self) -> None:
        """
        Say what does not add up, once, after the last table.

        Raises:
            BackupDamaged: names the comments.
        """
        expected = bytes(0 if gone else 1 for gone in self._gone)
        for index in self._unlike(self._worded, expected):
            self._wrong(index)
        for index in self._unlike(self._status, self._verdict):
            self._wrong(index)
        if self._seq != self._decided:
            for index in range(self.comments):
                if self._seq[index] != self._decided[index]:
                    self._wrong(index)
        if self.wrong:
            named = sorted(self.wrong)[:NAMED]
            more = len(self.wrong) - len(named)
            raise BackupDamaged(
                f"{len(self.wrong)} of {self.comments} comments do not add up: their words, receipt or decisions are not what "
                f"was committed to: {', '.join(named)}{f' and {more} more' if more else ''}. Nothing was kept.",
                comments=sorted(self.wrong),
            )
        if self._nobodys:
            raise BackupDamaged(f"{self._nobodys} rows are of comments that are not there. Nothing was kept.")
        if self._next_leaf is not None and self._next_leaf != self.tree.size:
            raise BackupDamaged(
                f"There are {self.tree.size} leaves, and the next has number {self._next_leaf}. Nothing was kept."
            )
        # What is made of the rows next needs memory, too.
        for kept in (self._leaves, self._numbers, self._commitments, self._ids, self._ids_end):
            del kept[:]

    @staticmethod
    def _unlike(one: bytearray, other: bytes | bytearray) -> Iterator[int]:
        if one != other:
            yield from (index for index in range(len(one)) if one[index] != other[index])

    def _wrong(self, index: int) -> None:
        begin = self._ids_end[index - 1] if index else 0
        self.wrong.add(self._ids[begin : self._ids_end[index]].decode())

    def _counter(self, at: Mapping[str, int], row: tuple[Any, ...]) -> None:
        self._next_leaf = row[at["leaf"]]

    def _leaf(self, at: Mapping[str, int], row: tuple[Any, ...]) -> None:
        number, body = row[at["number"]], row[at["body"]]
        if number != self.tree.size:
            raise BackupDamaged(f"Leaf {self.tree.size} is missing. Nothing was kept.")
        hashed = leaf_hash(body)
        self.tree.add(hashed)
        self._leaves += hashed[:_COMPARED]

    def _is_leaf(self, number: object, body: bytes) -> bool:
        if not isinstance(number, int) or not 0 <= number < self.tree.size:
            return False
        begin = number * _COMPARED
        return self._leaves[begin : begin + _COMPARED] == leaf_hash(body)[:_COMPARED]

    def _comment(self, at: Mapping[str, int], row: tuple[Any, ...]) -> None:
        commitment, gone = row[at["commitment"]], row[at["erased_at"]] is not None
        index = len(self._numbers)
        if len(commitment) != 32:
            raise ValueError("a commitment has 32 bytes")
        if index and row[at["number"]] <= self._numbers[-1]:
            raise BackupDamaged("The comments are not in the order of their numbers. Nothing was kept.")
        self.comments += 1
        self._numbers.append(row[at["number"]])
        self._commitments += commitment
        self._ids += row[at["id"]].encode()
        self._ids_end.append(len(self._ids))
        self._status.append(_STATUS[row[at["status"]]])
        self._seq.append(row[at["seq"]])
        self._gone.append(gone)
        self._worded.append(0)
        self._decided.append(0)
        self._verdict.append(0)
        self.erased += gone
        shown = row[at["showing"]] == 1
        unshowable = row[at["status"]] != "approved" or gone or row[at["withdrawn_at"]] is not None
        if (shown and (unshowable or row[at["escalated"]])) or not self._is_leaf(
            row[at["receipt"]], receipt_leaf(commitment, _time_of(row[at["submitted_at"]]))
        ):
            self._wrong(index)

    def _words(self, at: Mapping[str, int], row: tuple[Any, ...]) -> None:
        index = self._index_of(row[at["comment"]])
        if index is None:
            return
        self._worded[index] = 1
        if not is_committed(self._commitment(index), row[at["salt"]], row[at["text"]]):
            self._wrong(index)

    def _decision(self, at: Mapping[str, int], row: tuple[Any, ...]) -> None:
        index = self._index_of(row[at["comment"]])
        if index is None:
            return
        decision = Decision(
            Verdict(row[at["verdict"]]),
            reasons=_reasons_of(row[at["reasons"]]),
            decided_by=DecidedBy(row[at["decided_by"]]),
            by=row[at["actor"]],
            guidelines=row[at["guidelines"]],
            model=row[at["model"]],
            calibration=row[at["calibration"]],
        )
        leaf = decision_leaf(self._commitment(index), decision, _time_of(row[at["decided_at"]]))
        if row[at["seq"]] != self._decided[index] + 1 or not self._is_leaf(row[at["leaf"]], leaf):
            self._wrong(index)
        self._decided[index] = row[at["seq"]]
        self._verdict[index] = _VERDICT[row[at["verdict"]]]

    def _commitment(self, index: int) -> bytes:
        return bytes(self._commitments[index * 32 : index * 32 + 32])

    def _index_of(self, number: int) -> int | None:
        index = bisect_left(self._numbers, number)
        if index == len(self._numbers) or self._numbers[index] != number:
            self._nobodys += 1
            return None
        return index


def _pieces(source: Snapshot, table: str, told: Told | None = None) -> Iterator[Piece]:
    for rows in source.pieces(table):
        yield Piece(rows, _lines_of(rows))
        if told is not None:
            told(len(rows))


def _check_arrived(target: Target, left: Mapping[str, Counted]) -> None:
    """Read all of a filled database again, and compare it with what was put in."""
    for table, counted in left.items():
        digest, rows = hashlib.sha256(), 0
        for piece in _pieces(target, table):
            digest.update(piece.lines)
            rows += len(piece.rows)
        if Counted(rows, digest.hexdigest()) != counted:
            raise BackupDamaged(f"The table {table!r} did not arrive as it was sent. Nothing was kept.")


# -- backing up -------------------------------------------------------------


class _Sealing:
    """What is written, as gzip, with the hash over all of it."""

    def __init__(self, out: BinaryIO) -> None:
        # Of the same database at the same moment, the same bytes: no name and no time of gzip's own.
        self._packed = gzip.GzipFile(filename="", mode="wb", fileobj=out, compresslevel=LEVEL, mtime=0)
        self._digest = hashlib.sha256()

    def write(self, lines: bytes) -> None:
        self._digest.update(lines)
        self._packed.write(lines)

    def say(self, value: object) -> None:
        self.write(msgspec.json.encode(value) + b"\n")

    def close(self) -> None:
        self.say(_Seal(self._digest.hexdigest()))
        self._packed.close()


def back_up(
    source: Snapshot,
    out: BinaryIO,
    *,
    clock: Callable[[], datetime],
    files: Mapping[str, bytes] | None = None,
    listed: Iterable[Erased] = (),
    told: Told | None = None,
) -> Manifest:
    """
    Write a backup.

    Args:
        files: of the data folder, by name.
        listed: the list of erasures that is kept outside the database; what the database knows is added.

    Raises:
        BackupDamaged: the database does not add up; nothing that is worth keeping was written.
        StoreUnavailable: the database failed, or the backup could not be written.
    """
    began = clock()
    proof = Proof()
    with writing():
        sealing = _Sealing(out)
        sealing.say(Header("backup", FORMAT, source.schema, __version__, _said(began)))
        erased = {one.id: one for one in (*listed, *source.erased())}
        _write_erasures(sealing, list(erased.values()))
        for name, body in (files or {}).items():
            sealing.say(_File(name, body))
    for table in source.tables():
        with writing():
            sealing.say(_Table(table, _kinds_of(table)))
        for piece in proof.take(table, _pieces(source, table, told)):
            with writing():
                sealing.write(piece.lines)
        counted = proof.counted[table]
        with writing():
            sealing.say(_End(table, counted.rows, counted.sha256))
    proof.check()
    manifest = Manifest(
        tables=proof.counted,
        leaves=proof.tree.size,
        root=proof.tree.root().hex(),
        comments=proof.comments,
        erased=proof.erased,
        at=_said(began),
        ended_at=_said(clock()),
        left_out=dict(LEFT_OUT),
    )
    with writing():
        sealing.say(_Said(manifest))
        sealing.close()
    return manifest


@contextlib.contextmanager
def whole_file(path: Path, what: str = "backup") -> Iterator[BinaryIO]:
    """
    A file that is there whole or not at all, readable to its owner alone.

    Args:
        what: it is, for messages; an export is one too.

    Raises:
        AlreadyExists: a file of this name is there; none is written over.
        StoreUnavailable: it cannot be written, or somebody else is writing it.
    """
    with writing(path, what):
        aside, handle = _aside(path, what)
    with os.fdopen(handle, "r+b") as out:
        try:
            with writing(path, what):
                out.truncate(0)
                os.fchmod(out.fileno(), 0o600)
            yield out
            with writing(path, what):
                out.flush()
                os.fsync(out.fileno())
                _name(aside, path)
        except BaseException:
            with contextlib.suppress(OSError):
                aside.unlink()
            with contextlib.suppress(OSError):
                out.close()
            raise
        # What has the other name from here on is somebody else's.
        with writing(path, what):
            sync_folder(path.parent)


def _name(aside: Path, path: Path) -> None:
    """Give a file its name; whatever came there meanwhile stays."""
    try:
        os.link(aside, path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # A stick or a share that knows no second names.
        if os.path.lexists(path):
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path) from None
        aside.rename(path)
    else:
        aside.unlink()


@contextlib.contextmanager
def whole_folder(path: Path, what: str) -> Iterator[Path]:
    """
    A folder to put files in, which is there with all of them or not at all, for its owner alone.

    Raises:
        AlreadyExists: something of this name is there. StoreUnavailable: as for a file.
    """
    with writing(path, what):
        aside, handle = _aside(path, what, folder=True)
    try:
        try:
            with writing(path, what):
                os.fchmod(handle, 0o700)
                for left in aside.iterdir():
                    left.unlink()
            yield aside
            with writing(path, what):
                for made in aside.iterdir():
                    _sync(made)
                os.fsync(handle)
                aside.rename(path)
        except BaseException:
            shutil.rmtree(aside, ignore_errors=True)
            raise
        with writing(path, what):
            sync_folder(path.parent)
    finally:
        os.close(handle)


def check_free(path: Path, what: str) -> None:
    """
    Look, before there is any work done, whether a name is free.

    Raises:
        AlreadyExists: it is not. StoreUnavailable: nothing can be written there.
    """
    with writing(path, what):
        if path.exists():
            raise AlreadyExists(f"{path} is there already. Name another; no {what} is written over.")


def _aside(path: Path, what: str, *, folder: bool = False) -> tuple[Path, int]:
    """What is beside `path` until it is whole, opened and locked: nobody else's, and of no other name."""
    while True:
        check_free(path, what)
        aside = path.with_name(path.name + ".unfinished")
        how = os.O_RDWR | os.O_CREAT
        if folder:
            aside.mkdir(mode=0o700, exist_ok=True)
            how = os.O_RDONLY | os.O_DIRECTORY
        handle = os.open(aside, how | os.O_NOFOLLOW, 0o600)
        try:
            if _is_ours(handle, aside, what):
                return aside, handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _is_ours(handle: int, aside: Path, what: str) -> bool:
    """Lock what was opened. False where it was finished meanwhile, and has to be left alone."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise StoreUnavailable(f"Another {what} is being written as {aside}. Wait for it to end.") from None
    locked = os.fstat(handle)
    try:
        there = os.lstat(aside)
    except FileNotFoundError:
        return False
    if not os.path.samestat(locked, there):
        return False
    if stat.S_ISREG(locked.st_mode) and locked.st_nlink > 1:
        # A crash came between its own name and the end of this one.
        aside.unlink()
        return False
    return True


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


@contextlib.contextmanager
def writing(path: Path | None = None, what: str = "backup") -> Iterator[None]:
    """What cannot be written of a file, said for whoever makes it."""
    # Here, because to the store an OSError is the database's.
    try:
        yield
    except BrokenPipeError:
        raise StoreUnavailable(f"Whoever was to take the {what} left before its end.") from None
    except OSError as error:
        where = f" to {path}" if path else ""
        raise StoreUnavailable(
            f"The {what} cannot be written{where}: {error.strerror or type(error).__name__}. Nothing of it was kept."
        ) from None


def _write_erasures(sealing: _Sealing, erased: Sequence[Erased]) -> None:
    sealing.say(_Table("erasures", [("id", "text"), ("commitment", "bytes"), ("at", "integer")]))
    digest = hashlib.sha256()
    for begin in range(0, len(erased), PIECE):
        lines = _lines_of([tuple(one) for one in erased[begin : begin + PIECE]])
        digest.update(lines)
        sealing.write(lines)
    sealing.say(_End("erasures", len(erased), digest.hexdigest()))


def _kinds_of(table: str) -> list[tuple[str, str]]:
    kinds = {bytes: "bytes", str: "text", int: "integer"}
    columns = columns_of(table)
    return [(name, kinds[type]) for name, type in zip(columns.names, columns.types, strict=True)]


# -- reading a backup -------------------------------------------------------


class Backup:
    """
    A backup that is being read, once and from its beginning.

    Raises:
        BackupDamaged: it is no backup, cut short, or damaged.
        NotRestorable: it is of another version of the format or the tables.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = gzip.GzipFile(fileobj=file, mode="rb")
        self._digest = hashlib.sha256()
        self._next = b""
        self.manifest: Manifest | None = None
        self.seal = ""
        header = self._read(Header)
        if header.meydan != "backup":
            raise BackupDamaged("This is no backup of Meydan.")
        if header.format != FORMAT:
            raise NotRestorable(
                f"This backup is of format {header.format}; this Meydan reads format {FORMAT}. Read it with Meydan {header.program}."
            )
        self.header = header
        self.erased = self._erasures()
        self.files: dict[str, bytes] = {}
        while self._line().startswith(b'{"file"'):
            one = self._read(_File)
            self.files[one.file] = one.body

    def check_version(self) -> None:
        """Raises NotRestorable unless its tables are those of this program."""
        if self.header.schema != HEAD:
            raise NotRestorable(
                f"This backup holds tables of version {self.header.schema}, and this Meydan has version {HEAD}. Restore it with "
                f"Meydan {self.header.program}; the newer one then brings the tables up to date."
            )

    def tables(self) -> Iterator[tuple[str, Iterator[Piece]]]:
        """Each table's name and its pieces, which have to be taken before the next table; then the manifest is known."""
        while self._line().startswith(b'{"table"'):
            table = self._read(_Table)
            if table.table not in tables() or table.columns != _kinds_of(table.table):
                raise BackupDamaged("The backup names tables or columns that its version does not have.")
            columns = columns_of(table.table)
            kinds = tuple(
                _KIND[type] | None if optional else _KIND[type]
                for type, optional in zip(columns.types, columns.optional, strict=True)
            )
            yield table.table, self._rows(table.table, cast(Any, tuple)[kinds])
        self.manifest = self._read(_Said).manifest
        digest = self._digest.hexdigest()
        self.seal = self._read(_Seal).sha256
        if self.seal != digest or self._more():
            raise BackupDamaged("The backup is damaged: its last line is not the hash of all before it.")

    def _erasures(self) -> list[Erased]:
        self._read(_Table)
        erased: list[Erased] = []
        for piece in self._rows("erasures", tuple[str, bytes, int]):
            erased += [Erased(*row) for row in piece.rows]
        return erased

    def _rows(self, table: str, kind: Any) -> Iterator[Piece]:
        decode = msgspec.json.Decoder(kind).decode_lines
        digest, count = hashlib.sha256(), 0
        while True:
            taken: list[bytes] = []
            while len(taken) < PIECE and (line := self._line()).startswith(b"["):
                taken.append(line)
                self._take()
            if not taken:
                break
            lines = b"".join(taken)
            digest.update(lines)
            count += len(taken)
            try:
                rows = decode(lines)
            except (msgspec.DecodeError, UnicodeDecodeError):
                raise BackupDamaged(f"The backup is damaged in the table {table!r}.") from None
            yield Piece(cast("list[tuple[Any, ...]]", rows), lines)
        end = self._read(_End)
        if end != _End(table, count, digest.hexdigest()):
            raise BackupDamaged(f"The backup is damaged in the table {table!r}.")

    def _line(self) -> bytes:
        """The next line, without taking it."""
        if not self._next:
            try:
                self._next = self._file.readline(LONGEST_LINE)
            except (OSError, EOFError, zlib.error):
                raise BackupDamaged("The file is no backup of Meydan, or is cut short or damaged.") from None
            if not self._next.endswith(b"\n"):
                raise BackupDamaged("The backup is cut short: its end is missing.")
        return self._next

    def _take(self) -> bytes:
        line, self._next = self._line(), b""
        self._digest.update(line)
        return line

    def _read(self, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(self._take(), type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise BackupDamaged("The file is no backup of Meydan, or is damaged.") from None

    def _more(self) -> bool:
        # At the very end gzip's own checksum is compared, too.
        try:
            return self._file.read(1) != b""
        except (OSError, EOFError, zlib.error):
            return True


def verify(backup: Backup) -> Manifest:
    """
    Prove a backup without a database.

    Raises:
        BackupDamaged: something does not add up; names the comments. NotRestorable: of another version.
    """
    backup.check_version()
    proof = Proof()
    for table, pieces in backup.tables():
        for _ in proof.take(table, pieces):
            pass
    return _proved(backup, proof)


def _proved(backup: Backup, proof: Proof) -> Manifest:
    manifest = backup.manifest
    if manifest is None:
        raise BackupDamaged("The backup is cut short: its end is missing.")
    proof.check()
    told = (manifest.tables, manifest.leaves, manifest.root, manifest.comments)
    if told != (proof.counted, proof.tree.size, proof.tree.root().hex(), proof.comments):
        raise BackupDamaged("The backup does not hold what its manifest says.")
    return manifest


# -- restoring and moving ---------------------------------------------------


def restore(
    backup: Backup,
    url: str,
    *,
    erased: Iterable[Erased] | None,
    erasures: Erasures,
    before: Callable[[], None] = lambda: None,
) -> Restored:
    """
    Fill an empty database from a backup, and erase again what was erased since.

    Filling is one transaction. The erasures after it are ordinary ones, each with its leaf; until the last is done the
    database says that it is unfinished, nothing opens it, and the same restore goes on where it was.

    Args:
        erased: what the lists name; None where whoever restores says that there is no list.
        erasures: where erasures are listed outside this database from now on; what `erased` names enters it.
        before: done when all is proved, before the database is kept.

    Raises:
        NotRestorable: the database is not empty, or another restore is unfinished in it.
        BackupDamaged: the backup or what arrived of it does not add up; the database is empty.
        StoreUnavailable: the database failed.
    """
    backup.check_version()
    unfinished = restoring(url)
    if unfinished is None:
        with empty(url) as target:
            proof = Proof()
            for table, pieces in backup.tables():
                for piece in proof.take(table, pieces):
                    target.put(table, piece.rows)
            manifest = _proved(backup, proof)
            target.close_up()
            _check_arrived(target, proof.counted)
            target.mark(backup.seal)
            before()
    else:
        manifest = verify(backup)
        if backup.seal != unfinished:
            raise NotRestorable(
                "The restore of another backup was begun in this database and is not finished. Finish that one, or take a new database."
            )
        before()
    listed = {one.id: one for one in (*backup.erased, *(erased or ()))}
    done = _erase_again(url, erasures, listed.values())
    # What this backup does not know, an older or newer one may.
    erasures.add(listed.values())
    finish(url)
    newest = max((one.at for one in listed.values()), default=None)
    return Restored(manifest, len(listed), None if newest is None else _time_of(newest), *done)


def _erase_again(url: str, erasures: Erasures, listed: Iterable[Erased]) -> tuple[int, int, int]:
    """Erase what a list names; how many were erased now, are held for the law, and are not there."""
    store = Store.open(url, erasures=erasures, finishing=True)

    def one(erased: Erased) -> int:
        comment = store.comment(erased.id)
        if comment is None:
            return 3
        if comment.erased_at is not None:
            return 0
        if store.commitment(erased.id) != erased.commitment:
            # An id is of one comment for ever: the list is not of this publication.
            raise BackupDamaged(
                f"The list of erasures names {erased.id} with another commitment: it is not this publication's list.",
                comments=[erased.id],
            )
        at = _time_of(erased.at)
        try:
            # The time is that of the erasure, so its leaf has the bytes that it had.
            store.erase(erased.id, leaf=erasure_leaf(erased.commitment, at), at=at)
        except NotErasable:
            return 2
        except NotFound:
            return 3
        return 1

    try:
        with ThreadPoolExecutor(ERASING) as pool:
            done = list(pool.map(one, listed))
    finally:
        store.close()
    return done.count(1), done.count(2), done.count(3)


def move(source_url: str, target_url: str, *, told: Told | None = None, begun: Told | None = None) -> Proof:
    """
    Carry everything from one database into another that is empty. The first is not changed.

    Raises:
        BeingServed: the first is in use. NotRestorable: the second is not empty.
        BackupDamaged: something does not add up; the second is as empty as before.
        StoreUnavailable: either failed.
    """
    with snapshot(source_url, alone=True) as source:
        if begun is not None:
            begun(source.count())
        with empty(target_url) as target:
            proof = Proof()
            for table in source.tables():
                for piece in proof.take(table, _pieces(source, table, told)):
                    target.put(table, piece.rows)
            proof.check()
            target.close_up()
            _check_arrived(target, proof.counted)
            # A server that was started meanwhile would take comments that nobody carries.
            source.check_alone()
    return proof


# -- lists of erasures ------------------------------------------------------


def erasures_in(where: str) -> list[Erased]:
    """
    What was erased, as a list's file, a backup or the living database says.

    Raises:
        BackupDamaged: it cannot be read. StoreUnavailable: it cannot be reached.
    """
    if "://" in where:
        with snapshot(where) as living:
            return living.erased()
    path = Path(where)
    try:
        with path.open("rb") as file:
            if file.read(2) == b"\x1f\x8b":
                file.seek(0)
                return Backup(file).erased
    except OSError as error:
        raise StoreUnavailable(
            f"The list of erasures {path} cannot be read: {error.strerror or type(error).__name__}."
        ) from None
    return Erasures(path).read()


def _time_of(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)


def _said(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
