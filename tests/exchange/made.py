"""Files of other systems, made by us from the tables of their fields."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

SAMPLES = Path(__file__).parent / "samples"

ISSO_TABLES = """
CREATE TABLE threads (id INTEGER PRIMARY KEY, uri VARCHAR(256) UNIQUE, title VARCHAR(256));
CREATE TABLE comments (tid REFERENCES threads(id), id INTEGER PRIMARY KEY, parent INTEGER, created FLOAT NOT NULL,
  modified FLOAT, mode INTEGER, remote_addr VARCHAR, text VARCHAR, author VARCHAR, email VARCHAR, website VARCHAR,
  likes INTEGER DEFAULT 0, dislikes INTEGER DEFAULT 0, voters BLOB NOT NULL, notification INTEGER DEFAULT 0);
CREATE TABLE preferences (key VARCHAR PRIMARY KEY, value VARCHAR);
"""
ISSO_THREADS = [
    (1, "/water/", "Water in the summer"),
    (2, "/schools/?grade=1", None),
    (3, "no-path", "Elsewhere"),
]
ISSO_COMMENTS = [
    # tid, id, parent, created, mode, text, author, email
    (1, 1, None, 1656700200.25, 1, "Our street had **none** for nine days.", "Bêrîvan", "berivan@reader.example"),
    (1, 2, 1, 1656702000.123456, 1, "Nor ours.\r\n\r\n> none", None, ""),
    (1, 3, 1, 1656703000.0, 2, "I know who [turned it off](https://x.example).", "Guest", None),
    (1, 4, None, 1656704000.5, 4, "", None, None),
    (1, 5, 4, 1656705000.0, 1, "He is right, whoever he was.", "Kawa", None),
    (2, 6, None, 1656706000.0, 4, "I take this back.", "Kawa", None),
    (2, 7, None, 1656707000.0, 8, "Of no mode.", "Kawa", None),
]  # fmt: skip


def isso(path: Path, *, version: int = 5, comments: list[tuple[object, ...]] | None = None) -> Path:
    """Isso's database, with a comment of each kind or with these."""
    with closing(sqlite3.connect(path)) as database:
        database.executescript(ISSO_TABLES)
        database.execute(f"PRAGMA user_version = {version}")
        database.executemany("INSERT INTO threads VALUES (?, ?, ?)", ISSO_THREADS)
        database.executemany(
            "INSERT INTO comments (tid, id, parent, created, mode, text, author, email, voters) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, x'00')",
            ISSO_COMMENTS if comments is None else comments,
        )
        database.commit()
    return path
