"""
A newspaper's archive: comments of some years over many stories, written past the store, whole and true.

    python -m benchmarks archive [--comments N,…]

Every row is one that the store could have written: words with their salt and commitment, two leaves, a decision with its
evidence, audits, the index for finding, the counters of stories and branches. It is written with indexes and guards taken
away and put back at the end, word for word; what lies in `.benchmarks/archive-HEAD/` is used again by the next run.

A story has few comments or many (a Pareto tail), most of them within two days of its publication; two thirds of the
comments answer one of the fifty before. The texts are words made of syllables, as often as words are (Zipf), Latin and
Arabic: nobody wrote them, but an index of words has as much to do with them.
"""

from __future__ import annotations

import itertools
import os
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import psycopg
from rich.console import Console
from rich.progress import Progress
from sqlalchemy.engine import make_url

from benchmarks.databases import KEPT
from meydan.comment import RULE_LABELS, WELCOME_LABELS, DecidedBy, Decision, Evidence, Reason, Verdict
from meydan.ledger.leaf import commitment_of, decision_leaf, receipt_leaf
from meydan.store import Store
from meydan.text.search import searchable

SITE = "http://localhost/archive"
YEARS = 5
CHUNK = 20_000
PER_STORY = 50
"""Comments of a story in the mean."""

HELD = 200
"""The last comments wait for a person, at most so many of them."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
RULES = ("profanity", "threats", "personal-attacks", "abuse", "promotion")
DIGEST = "sha256:" + "a1" * 32
MODEL = "sha256:" + "b2" * 32
CALIBRATIONS = {"en": "sha256:" + "c3" * 32, "ar": "sha256:" + "d4" * 32}

COLUMNS = {
    "leaf": "number, body",
    "comment": "number, id, story, parent, root, submitted_at, due, commitment, receipt, worded, status, seq, holds, language,"
    " judged_at, waiting, showing, author_key, replies, branch",
    "words": "comment, text, name, salt",
    "evidence": "comment, at, body",
    "decision": "comment, seq, leaf, decided_at, verdict, decided_by, actor, reasons, guidelines, model, calibration",
    "breach": "rule, comment, seq",
    "audit": "comment, seq, verdict, rules, language, calibration, drawn_at, answered_at, answer, breached, actor",
    "lookup": "comment, words",
}
STORY_COLUMNS = "id, url, title, revision, changed, shown"


@dataclass(frozen=True)
class Plan:
    """
    Who says what where, before any words: arrays with a place for every comment, in the order of time.

    `parent` and `root` are places of other comments, -1 where there is none.
    """

    ids: np.ndarray
    story: np.ndarray
    at: np.ndarray
    parent: np.ndarray
    root: np.ndarray
    rejected: np.ndarray
    author: np.ndarray
    replies: np.ndarray
    branch: np.ndarray
    shown: np.ndarray
    held: int


def plan(comments: int, sizes: Sequence[int] = (), *, seed: int = 7) -> Plan:
    """
    Lay out an archive.

    Args:
        comments: how many, where `sizes` are not given.
        sizes: of each story, so many comments.
    """
    chance = np.random.default_rng(seed)
    if sizes:
        comments, stories = sum(sizes), len(sizes)
        story = np.repeat(np.arange(stories), sizes)
    else:
        stories = max(20, comments // PER_STORY)
        often = np.minimum(chance.pareto(1.2, stories) + 0.05, 400.0)
        story = chance.choice(stories, comments, p=often / often.sum())
    span = timedelta(days=365 * YEARS) // MICROSECOND
    ended = (datetime.now(UTC) - timedelta(days=1) - EPOCH) // MICROSECOND
    born = np.sort(chance.integers(0, span, stories))
    at = born[story] + (chance.exponential(1.0, comments) * (timedelta(days=1) // MICROSECOND)).astype(
        np.int64
    )
    order = np.argsort(at, kind="stable")
    story, at = story[order], at[order] + (ended - int(at.max()))
    held = min(HELD, comments // 10)
    rejected = chance.random(comments) < 0.08
    seen = ~rejected
    seen[comments - held :] = False
    parent = _parents(chance, story, seen)
    root = parent.copy()
    while True:
        further = np.where(root >= 0, parent[root], -1)
        if not (further >= 0).any():
            break
        root = np.where(further >= 0, further, root)
    replies = np.bincount(parent[seen & (parent >= 0)], minlength=comments)
    of_branch = np.where(root >= 0, root, np.arange(comments))
    branch = np.bincount(of_branch[seen], minlength=comments)
    letters = np.frombuffer(b"abcdefghijklmnopqrstuvwxyz234567", dtype=np.uint8)
    ids = letters[chance.integers(0, 32, (comments, 24))].view("S24").ravel()
    author = (chance.pareto(1.0, comments) * max(1, comments // 200)).astype(np.int64) % max(
        10, comments // 10
    )
    shown = np.bincount(story[seen], minlength=stories)
    return Plan(ids, story, at, parent, root, rejected, author, replies, branch, shown, held)


def _parents(chance: np.random.Generator, story: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Whom each answers: one of the fifty before it on its story that readers see; nobody, in a third of the cases."""
    parent = np.full(len(story), -1, dtype=np.int64)
    visible = np.flatnonzero(seen)
    by_story = visible[np.argsort(story[visible], kind="stable")]
    first = np.r_[True, story[by_story][1:] != story[by_story][:-1]]
    position = np.arange(len(by_story)) - np.maximum.accumulate(np.where(first, np.arange(len(by_story)), 0))
    back = 1 + (chance.random(len(by_story)) * np.minimum(position, 50)).astype(np.int64)
    answers = (position > 0) & (chance.random(len(by_story)) < 2 / 3)
    parent[by_story[answers]] = by_story[np.flatnonzero(answers) - back[answers]]
    return parent


class Speech:
    """Words that look like words, as they are written and as they are looked through."""

    def __init__(self, seed: int = 3, words: int = 60_000) -> None:
        chance = np.random.default_rng(seed)
        scripts = {
            "en": (
                ["b", "d", "f", "g", "h", "k", "l", "m", "n", "p", "r", "s", "t", "st", "tr"],
                ["a", "e", "i", "o", "u", "ai"],
            ),
            "ar": (["ب", "د", "ر", "س", "ش", "ف", "ق", "ك", "ل", "م", "ن", "ت", "ع", "ح"], ["ا", "و", "ي"]),
        }
        self.words: dict[str, list[str]] = {}
        self.folded: dict[str, list[str]] = {}
        for language, (consonants, vowels) in scripts.items():
            known: dict[str, None] = {}
            while len(known) < words:
                syllables = chance.integers(0, len(consonants) * len(vowels), 4).tolist()
                known[
                    "".join(
                        consonants[one // len(vowels)] + vowels[one % len(vowels)]
                        for one in syllables[: 1 + min(len(known) // 40, int(chance.integers(1, 4)))]
                    )
                ] = None
            self.words[language] = list(known)
            self.folded[language] = [searchable("", word).strip() for word in known]
        self._ranks = 1 / np.arange(1, words + 1)
        self._ranks = np.cumsum(self._ranks / self._ranks.sum())
        self._chance = np.random.default_rng(seed + 1)

    def say(self, count: int) -> Iterator[tuple[str, str, str]]:
        """So many comments' language, text, and the same text as it is looked through; about 25 words each."""
        lengths = np.clip(self._chance.gamma(2.0, 12.5, count).astype(int), 3, 200)
        chosen = np.searchsorted(self._ranks, self._chance.random(int(lengths.sum()))).tolist()
        arabic = self._chance.random(count) < 0.3
        at = 0
        for length, is_arabic in zip(lengths.tolist(), arabic.tolist(), strict=True):
            language = "ar" if is_arabic else "en"
            places = chosen[at : at + length]
            at += length
            written, folded = self.words[language], self.folded[language]
            yield (
                language,
                " ".join([written[place] for place in places]) + ".",
                " ".join([folded[place] for place in places]),
            )


def rows(made: Plan) -> Iterator[dict[str, list[tuple[Any, ...]]]]:
    """The archive's rows by table, in pieces of CHUNK comments; sample rows are compared with what the program makes."""
    speech, chance = Speech(), np.random.default_rng(11)
    bodies = _evidences(chance)
    reasons = [msgspec.json.encode((Reason(rule=rule, score=0.97),)).decode() for rule in RULES]
    total = len(made.ids)
    decided_until = total - made.held
    for first in range(0, total, CHUNK):
        last = min(first + CHUNK, total)
        count = last - first
        found: dict[str, list[tuple[Any, ...]]] = {name: [] for name in COLUMNS}
        salts = chance.bytes(32 * count)
        draws = chance.random((count, 3)).tolist()
        parents, roots = made.parent[first:last], made.root[first:last]
        parent_ids = np.where(parents >= 0, made.ids[parents], b"").tolist()
        columns = zip(
            range(first, last), made.ids[first:last].tolist(), made.story[first:last].tolist(),
            made.at[first:last].tolist(), parent_ids, roots.tolist(), made.rejected[first:last].tolist(),
            made.author[first:last].tolist(), made.replies[first:last].tolist(), made.branch[first:last].tolist(),
            speech.say(count), draws, strict=True,
        )  # fmt: skip
        for place, id, story, at, parent, root, rejected, author, replies, branch, said, draw in columns:
            number, (language, text, folded) = place + 1, said
            held = place >= decided_until
            salt = salts[(place - first) * 32 : (place - first + 1) * 32]
            commitment = commitment_of(salt, text)
            receipt = 2 * place if not held else decided_until + place
            judged_at = at + 45_000
            name = f"Reader {author}"
            found["leaf"].append((receipt, _receipt(commitment, at)))
            verdict = "reject" if rejected else "approve"
            shown = not rejected and not held
            found["comment"].append(
                (
                    number, id.decode(), story + 1, parent.decode() or None, root + 1 if root >= 0 else None, at, at,
                    commitment, receipt, 1,
                    "held" if held else "rejected" if rejected else "approved", 0 if held else 1,
                    "uncertain" if held else "", language, judged_at, int(held), int(shown),
                    f"{author * 0x9E3779B97F4A7C15 % 2**128:032x}",
                    replies, branch,
                )
            )  # fmt: skip
            found["words"].append((number, text, name, salt))
            found["evidence"].append((number, judged_at, bodies[language][place % len(bodies[language])]))
            found["lookup"].append((number, f"reader {author} {folded}"))
            if held:
                continue
            rule = place % len(RULES)
            by = ("moderator", f"Moderator {place % 40}") if draw[0] < 0.15 else ("machine", "machine")
            calibration = CALIBRATIONS[language]
            found["leaf"].append(
                (receipt + 1, _decided(commitment, at + 45_000, verdict, rejected, rule, by[0], calibration))
            )
            found["decision"].append(
                (
                    number,
                    1,
                    receipt + 1,
                    judged_at,
                    verdict,
                    *by,
                    reasons[rule] if rejected else "[]",
                    DIGEST,
                    MODEL,
                    calibration,
                )
            )
            if rejected:
                found["breach"].append((RULES[rule], number, 1))
            if by[0] == "machine" and draw[1] < 0.02:
                named = RULES[rule] if rejected else ""
                answer = ("approve", "") if draw[2] < 0.01 else (verdict, named)
                found["audit"].append(
                    (
                        number,
                        1,
                        verdict,
                        named,
                        language,
                        calibration,
                        judged_at,
                        judged_at + 10**10,
                        *answer,
                        f"Moderator {place % 40}",
                    )
                )
        if first == 0:
            _compare(found)
        yield found


def _instant(at: int) -> str:
    return (
        datetime.fromtimestamp(at // 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{at % 1_000_000:06d}Z"
    )


def _receipt(commitment: bytes, at: int) -> bytes:
    return f'{{"at":"{_instant(at)}","commitment":"{commitment.hex()}","kind":"receipt","v":1}}'.encode()


def _decided(
    commitment: bytes, at: int, verdict: str, rejected: bool, rule: int, by: str, calibration: str
) -> bytes:
    rules = f'"{RULES[rule]}"' if rejected else ""
    return (
        f'{{"at":"{_instant(at)}","calibration":"{calibration}","commitment":"{commitment.hex()}","decided_by":"{by}",'
        f'"guidelines":"{DIGEST}","kind":"decision","model":"{MODEL}","rules":[{rules}],"v":1,"verdict":"{verdict}"}}'
    ).encode()


def _compare(found: dict[str, list[tuple[Any, ...]]]) -> None:
    """Raises AssertionError where a sample row is not what the program itself would have written."""
    leaves = dict(found["leaf"])
    lookups = dict(found["lookup"])
    decisions = {row[0]: row for row in found["decision"]}
    for comment, words in itertools.islice(zip(found["comment"], found["words"], strict=True), 0, None, 97):
        number, at, commitment, receipt = comment[0], comment[5], comment[7], comment[8]
        assert searchable(words[2], words[1]) == lookups[number], "the index for finding has other words"
        assert leaves[receipt] == receipt_leaf(commitment, EPOCH + at * MICROSECOND)
        if number in decisions:
            _, _, leaf, decided_at, verdict, by, actor, reasons, *_, calibration = decisions[number]
            decision = Decision(
                Verdict(verdict), reasons=msgspec.json.decode(reasons, type=tuple[Reason, ...]), decided_by=DecidedBy(by), by=actor,
                guidelines=DIGEST, model=MODEL, calibration=calibration,
            )  # fmt: skip
            assert leaves[leaf] == decision_leaf(commitment, decision, EPOCH + decided_at * MICROSECOND)


def _evidences(chance: np.random.Generator) -> dict[str, list[bytes]]:
    """Evidence as large as the judge's, some hundred of a language."""
    labels = (*RULE_LABELS, *WELCOME_LABELS)
    return {
        language: [
            msgspec.json.encode(
                Evidence(
                    language=language,
                    language_score=0.99,
                    model=MODEL,
                    scores={
                        label: float(score)
                        for label, score in zip(labels, chance.random(len(labels)) / 50, strict=True)
                    },
                )
            )
            for _ in range(500)
        ]
        for language in ("en", "ar")
    }


# -- writing ----------------------------------------------------------------


def archive(database: str, comments: int, sizes: Sequence[int] = ()) -> Path | str:
    """
    An archive of so many comments, written now unless it was written before.

    Args:
        database: `sqlite`, or the URL of a PostgreSQL server whose databases may be made.

    Returns:
        The database's URL.
    """
    name = f"stories-{'-'.join(map(str, sizes))}" if sizes else f"comments-{comments}"
    if database == "sqlite":
        path = KEPT / "sqlite" / f"{name}.db"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished = path.with_suffix(".unfinished")
            for old in path.parent.glob(f"{unfinished.name}*"):
                old.unlink()
            _timed(
                lambda: _into_sqlite(unfinished, plan(comments, sizes)),
                name,
                lambda: unfinished.stat().st_size,
            )
            unfinished.rename(path)
        return f"sqlite:///{path}"
    made = name.replace("-", "_")
    server = make_url(database)
    url = server.set(database=made).render_as_string(hide_password=False)
    with psycopg.connect(database, autocommit=True) as connection:
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (made,)).fetchone() is None:
            half = f"{made}_unfinished"
            connection.execute(f"DROP DATABASE IF EXISTS {half}")
            connection.execute(f"CREATE DATABASE {half} ENCODING 'UTF8' TEMPLATE template0")
            into = server.set(database=half).render_as_string(hide_password=False)
            size = "SELECT pg_database_size(%s)"
            _timed(
                lambda: _into_postgresql(into, plan(comments, sizes)),
                f"{name} (PostgreSQL)",
                lambda: connection.execute(size, (half,)).fetchone()[0],  # type: ignore[index]
            )
            connection.execute(f"ALTER DATABASE {half} RENAME TO {made}")
    return url


def _timed(write: Callable[[], None], name: str, size: Callable[[], int]) -> None:
    began = time.perf_counter()
    write()
    took = time.perf_counter() - began
    print(f"  {name}: written in {took / 60:.1f} minutes, {size() / 1e9:.2f} GB", file=sys.stderr)


def _stories(made: Plan) -> list[tuple[Any, ...]]:
    return [
        (number + 1, f"{SITE}/{number}", f"Story {number}", shown, number + 1, shown)
        for number, shown in enumerate(made.shown.tolist())
    ]


@contextmanager
def _progress(total: int, what: str) -> Iterator[Callable[[int], None]]:
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(f"  writing {what}", total=total)
        yield lambda done: progress.update(task, completed=done)


def _into_sqlite(path: Path, made: Plan) -> None:
    url = f"sqlite:///{path}"
    Store.open(url).close()
    # Sorting an index of millions needs room on the disk, beside the archive.
    os.environ.setdefault("SQLITE_TMPDIR", str(path.parent))
    connection = sqlite3.connect(path, isolation_level=None)
    for setting in (
        "journal_mode = OFF",
        "synchronous = OFF",
        "cache_size = -500000",
        "locking_mode = EXCLUSIVE",
    ):
        connection.execute(f"PRAGMA {setting}")
    kept = connection.execute(
        "SELECT type, name, sql FROM sqlite_master WHERE type IN ('trigger', 'index') AND sql IS NOT NULL"
    ).fetchall()
    for kind, name, _ in kept:
        connection.execute(f"DROP {kind} {name}")
    connection.execute("BEGIN")
    connection.executemany(f"INSERT INTO story ({STORY_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)", _stories(made))
    with _progress(len(made.ids), path.name) as progress:
        for piece in rows(made):
            for table, some in piece.items():
                if not some:
                    continue
                columns = "rowid, words" if table == "lookup" else COLUMNS[table]
                marks = ", ".join("?" * len(some[0]))
                connection.executemany(f"INSERT INTO {table} ({columns}) VALUES ({marks})", some)
            progress(piece["comment"][-1][0])
        connection.execute("UPDATE counter SET leaf = ?, change = ?", _counted(made))
        connection.execute("COMMIT")
        for _, _, statement in sorted(kept, key=lambda one: one[0]):
            connection.execute(statement)
    connection.execute("PRAGMA analysis_limit = 1000")
    connection.execute("ANALYZE")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()


def _into_postgresql(url: str, made: Plan) -> None:
    Store.open(url).close()
    with psycopg.connect(url, autocommit=True) as server:
        # Guards and foreign keys rest while this one session writes; indexes are made when all is there.
        for setting in (
            "session_replication_role = replica", "synchronous_commit = off", "maintenance_work_mem = '1GB'",
            "max_parallel_maintenance_workers = 2", "statement_timeout = 0",
        ):  # fmt: skip
            server.execute(f"SET {setting}")
        indexes = server.execute(
            """SELECT i.indexname, i.indexdef FROM pg_indexes i
                WHERE i.schemaname = current_schema()
                  AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conname = i.indexname)"""
        ).fetchall()
        for name, _ in indexes:
            server.execute(f"DROP INDEX {name}")
        _copy(server, "story", STORY_COLUMNS, _stories(made))
        with _progress(len(made.ids), url.rpartition("/")[2].partition("?")[0]) as progress:
            for piece in rows(made):
                for table, some in piece.items():
                    if table == "lookup":
                        some = [(number, _vector(words)) for number, words in some]
                    if some:
                        _copy(server, table, COLUMNS[table], some)
                progress(piece["comment"][-1][0])
            sample = rows(made)
            number, words = next(sample)["lookup"][0]
            same = server.execute(
                "SELECT words = to_tsvector('simple', %s) FROM lookup WHERE comment = %s", (words, number)
            ).fetchone()
            assert same == (True,), "the index for finding is not as the store makes it"
            server.execute("UPDATE counter SET leaf = %s, change = %s", _counted(made))
            for _, definition in indexes:
                server.execute(definition)
        for table, column in (("comment", "number"), ("evidence", "number"), ("story", "id")):
            server.execute(
                f"SELECT setval(pg_get_serial_sequence('{table}', '{column}'), (SELECT max({column}) FROM {table}))"
            )
        server.execute("RESET session_replication_role")
        server.execute("VACUUM ANALYZE")


def _counted(made: Plan) -> tuple[int, int]:
    """The next leaf and the newest change."""
    return 2 * len(made.ids) - made.held, len(made.shown)


def _copy(server: psycopg.Connection[Any], table: str, columns: str, some: Sequence[tuple[Any, ...]]) -> None:
    with server.cursor() as cursor, cursor.copy(f"COPY {table} ({columns}) FROM STDIN") as into:
        for row in some:
            into.write_row(row)


def _vector(words: str) -> str:
    """What to_tsvector('simple', …) makes of words of letters and digits, in PostgreSQL's own notation."""
    return " ".join([f"{word}:{place}" for place, word in enumerate(words.split(), 1)])
