"""A database in which something of everything was done, and ways to look at all of its rows."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from sqlalchemy import CheckConstraint, LargeBinary, Table
from sqlalchemy import Text as TextType

from meydan.comment import Status, Verdict
from meydan.desk import Visitor
from meydan.judge import Judge
from meydan.ledger import commitment_of, leaf_hash, receipt_leaf
from meydan.ledger.tree import Tree
from meydan.policy import load
from meydan.store import Erasures, Store
from meydan.store.exact import time_of
from meydan.store.schema import metadata
from tests import warm
from tests.desk.conftest import ABUSIVE, COURTEOUS, UNMEASURED, Room
from tests.store.making import around

JUDGE = Judge.load()
GUIDELINES = load()
WORDS = "Zor spas، بۆ ئەم هەواڵە\n\tline\u2028two 🙂 \\ \" '' \u0001 %s :name [1,2] {}"


def room_at(url: str, erasures: Path | None = None) -> Room:
    return Room(
        Store.open(url, erasures=None if erasures is None else Erasures(erasures)),
        JUDGE,
        GUIDELINES,
        flood_per_minute=100_000,
        address_per_minute=100_000,
    )


def live(room: Room) -> dict[str, str]:
    """Comments of every kind; their ids by what became of them."""
    for name in ("Zîn", "Mem", "Leyla"):
        room.store.people.add_moderator(name, room.clock.now, by="operator", role="editor")
    ids = {
        "approved": room.send().id,
        "odd": room.send(WORDS, name="Hêvî ‏", email="hevi@reader.example").id,
        "rejected": room.send(ABUSIVE).id,
        "held": room.send(UNMEASURED).id,
    }
    ids["reply"] = room.send(parent=ids["approved"]).id
    ids["erased"] = room.send("This one is not to be found anywhere: pomegranate.", name="Pomegranate").id
    ids["later erased"] = room.send("This one leaves later: tamarind.", name="Tamarind").id
    ids["superseded"] = room.send(f"{COURTEOUS} Again.").id
    withdrawn = room.send(f"{COURTEOUS} Not so.")
    room.desk.withdraw(withdrawn.id, receipt=withdrawn.receipt or "")
    ids["withdrawn"] = withdrawn.id
    room.desk.erase(ids["erased"])
    room.desk.review(ids["superseded"], Verdict.REJECT, by="Zîn", rules=["abuse"], note="On second thoughts.")
    room.desk.report(ids["approved"], rule="abuse", visitor=_visitor("b"), words="Is it?")
    escalated = room.send("I will find you and kill you.")
    if room.desk.status(escalated.id).status is not Status.REJECTED:
        room.desk.review(escalated.id, Verdict.REJECT, by="Leyla", rules=["threats"])
    room.desk.appeal(escalated.id, receipt=escalated.receipt or "", words="Did I?")
    room.desk.escalate(escalated.id, kind="threat-to-life", told="the police", by="Zîn")
    ids["escalated"] = escalated.id
    return ids


def _visitor(letter: str) -> Visitor:
    return Visitor(address_key=letter * 32)


def fill_the_rest(url: str) -> None:
    """One row in every table that has none: what is added to the schema is carried, or a test says so."""
    with around(url) as connection:
        for table in metadata.sorted_tables:
            if connection.execute(f'SELECT 1 FROM "{table.name}"').fetchone() is None:
                names = [
                    column.name
                    for column in table.columns
                    if column.name != "number" or column.autoincrement is False
                ]
                marks = ", ".join(["?" if url.startswith("sqlite") else "%s"] * len(names))
                quoted = ", ".join(f'"{name}"' for name in names)
                connection.execute(
                    f'INSERT INTO "{table.name}" ({quoted}) VALUES ({marks})',
                    [_some(connection, table, name) for name in names],
                )
        connection.execute(
            "INSERT INTO reader_link (digest, who, added_at, expires_at) VALUES ('signs in', 'who', 1, 2)"
        )


def _some(connection: Any, table: Table, name: str) -> object:
    column = table.columns[name]
    for key in column.foreign_keys:
        found = connection.execute(
            f'SELECT min("{key.column.name}") FROM "{key.column.table.name}"'
        ).fetchone()
        return found[0]
    allowed = [
        str(check.sqltext).split("'")[1]
        for check in (*table.constraints, *column.constraints)
        if isinstance(check, CheckConstraint) and str(check.sqltext).startswith(f"{name} IN ('")
    ]
    if allowed:
        return allowed[0]
    if isinstance(column.type, LargeBinary):
        sizes = [
            int(str(check.sqltext).rpartition(" = ")[2])
            for check in table.constraints
            if isinstance(check, CheckConstraint) and str(check.sqltext).startswith(f"length({name}) = ")
        ]
        return (bytes(range(256)) * 32)[: sizes[0] if sizes else 256]
    return f"{name} «{WORDS}»" if isinstance(column.type, TextType) else 1


def rows_of(url: str, *, without: tuple[str, ...] = ("meta",)) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, read past the store."""
    with around(url) as connection:
        return {
            table.name: sorted(
                (
                    tuple(bytes(field) if isinstance(field, memoryview) else field for field in row)
                    for row in connection.execute(
                        f'SELECT {", ".join(f"{chr(34)}{c.name}{chr(34)}" for c in table.columns)} FROM "{table.name}"'
                    )
                ),
                key=repr,
            )
            for table in metadata.sorted_tables
            if table.name not in without
        }


def check_everything_hashes(url: str) -> int:
    """Past the store and the program's own proof: words, receipts, leaves; returns how many comments were hashed."""
    with around(url) as connection:
        leaves = connection.execute("SELECT number, body FROM leaf ORDER BY number").fetchall()
        assert [number for number, _ in leaves] == list(range(len(leaves)))
        (following,) = connection.execute("SELECT leaf FROM counter").fetchone()
        assert following == len(leaves)
        hashed = 0
        for commitment, receipt, at, erased, salt, text, status, verdict, showing in connection.execute(
            "SELECT c.commitment, c.receipt, c.submitted_at, c.erased_at, w.salt, w.text, c.status, d.verdict, c.showing "
            "FROM comment c LEFT JOIN words w ON w.comment = c.number "
            "LEFT JOIN decision d ON d.comment = c.number AND d.seq = c.seq"
        ).fetchall():
            assert bytes(leaves[receipt][1]) == receipt_leaf(bytes(commitment), time_of(at))
            assert status == {None: "held", "approve": "approved", "reject": "rejected"}[verdict]
            assert showing != 1 or (status == "approved" and erased is None)
            assert (erased is None) == (text is not None)
            if erased is None:
                assert commitment_of(bytes(salt), text) == bytes(commitment)
                hashed += 1
    return hashed


def meydan(
    *command: object, data: Path, given: bytes | None = None, **more: Any
) -> subprocess.CompletedProcess[bytes]:
    """The command line in a process of its own."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("MEYDAN_")}
    environment = {**clean, "MEYDAN_DATA": str(data)}
    if not more:
        ran = warm.meydan(*map(str, command), given=given, environment=environment)
    else:
        ran = subprocess.run(
            [sys.executable, "-m", "meydan", *map(str, command)],
            input=given, timeout=120, check=False, env=environment, **{"capture_output": True, **more},
        )  # fmt: skip
    assert b"Traceback" not in (ran.stderr or b""), ran.stderr
    return ran


def remade(file: Path, change: Any) -> Path:
    """A backup whose lines were changed by somebody who also mended every digest in it."""
    lines = [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()[:-1]]
    lines = change(lines) or lines
    manifest, tree, table, columns = lines[-1]["manifest"], Tree(), "", {}
    out, digest, rows = b"", hashlib.sha256(), 0
    for line in lines[:-1]:
        if isinstance(line, dict) and "table" in line:
            table, digest, rows = line["table"], hashlib.sha256(), 0
            columns = {name: number for number, (name, _) in enumerate(line["columns"])}
        elif isinstance(line, dict) and "end" in line:
            line = {"end": table, "rows": rows, "sha256": digest.hexdigest()}
            if table != "erasures":
                manifest["tables"][table] = {"rows": rows, "sha256": digest.hexdigest()}
        told = json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
        if isinstance(line, list):
            digest.update(told)
            rows += 1
            if table == "leaf":
                tree.add(leaf_hash(base64.b64decode(line[columns["body"]])))
        out += told
    manifest["leaves"], manifest["root"] = tree.size, tree.root().hex()
    out += json.dumps(lines[-1], separators=(",", ":")).encode() + b"\n"
    out += json.dumps({"sha256": hashlib.sha256(out).hexdigest()}).encode() + b"\n"
    made = file.with_name(f"remade-{file.name}")
    made.write_bytes(gzip.compress(out, 1))
    return made
