"""A sample of each peer's export is imported, and its threads are here as they were there."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from meydan.exchange.formats import READERS, Asked
from meydan.exchange.meydan import read_whole
from meydan.exchange.taking import Line, take
from meydan.intake import Intake
from meydan.policy import load
from meydan.store import Store
from meydan.store.carrying import snapshot
from meydan.store.exports import Exports, Wanted
from tests.exchange.made import SAMPLES, isso

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)
HERE = "http://localhost"

# format, file, {its id there: (parent there, state, form of the words)}, kinds that are not taken
PEERS = {
    "isso": (
        None,
        {
            "1": (None, "approved", "markdown"),
            "2": ("1", "approved", "markdown"),
            "3": ("1", "held", "markdown"),
            "4": (None, "erased", "text"),
            "5": ("4", "approved", "markdown"),
            "6": (None, "withdrawn", "markdown"),
        },
        ["no-url", "unknown-state"],
    ),
    "isso-json": (
        SAMPLES / "isso.json",
        {
            "/water/#1": (None, "approved", "markdown"),
            "/water/#2": (None, "approved", "markdown"),
            "/schools/#1": (None, "approved", "markdown"),
        },
        [],
    ),
    "remark42": (
        SAMPLES / "remark42.jsonl",
        {
            "r-1": (None, "approved", "markdown"),
            "r-2": ("r-1", "approved", "markdown"),
            "r-3": ("r-2", "erased", "text"),
            "r-4": ("r-3", "approved", "html"),
            "r-5": (None, "withdrawn", "markdown"),
        },
        [],
    ),
    "coral-csv": (
        SAMPLES / "coral-csv",
        {
            "c-1": (None, "approved", "html"),
            "c-2": ("c-1", "approved", "html"),
            "c-3": (None, "rejected", "html"),
        },
        [],
    ),
    "coral-mongo": (
        SAMPLES / "coral-mongo",
        {
            "c-1": (None, "approved", "html"),
            "c-2": ("c-1", "approved", "html"),
            "c-3": (None, "rejected", "html"),
            "c-4": ("c-3", "erased", "text"),
            "c-5": (None, "held", "html"),
        },
        [],
    ),
}


@pytest.mark.parametrize("peer", sorted(PEERS))
def test_a_peers_export_comes_with_its_threads(tmp_path: Path, peer: str) -> None:
    """If a peer's export is imported, then each comment is in its thread in the state that it had, and twice is once."""
    file, expected, faults = PEERS[peer]
    path = isso(tmp_path / "comments.db") if file is None else file
    url = f"sqlite:///{tmp_path / 'meydan.db'}"
    store = Store.open(url)
    lines: list[Line] = []
    try:
        for _ in range(2):
            lines.clear()
            intake = Intake(
                store, source=peer, guidelines=load(), clock=lambda: NOW, entropy=secrets.token_bytes, secret=b"s" * 32
            )  # fmt: skip
            asked = Asked(zone=ZoneInfo("Asia/Baghdad"), site="https://news.example")
            records = READERS[peer.partition("-")[0]](path, asked)
            take(records, intake, report=lines.append, origins={"https://news.example": HERE}, batch=2)
    finally:
        store.close()
    assert [line.kind for line in lines] == faults
    with snapshot(url) as source:
        found = list(Exports(source, Wanted()).comments())
    names = {one.id: one.source_key for one in found}
    assert {
        one.source_key: (None if one.parent is None else names[one.parent], one.state, one.text_format)
        for one in found
    } == expected
    assert all(one.story.startswith(HERE) for one in found)
    assert all(one.decisions[0].decided_by == "import" for one in found if one.state != "held")


def test_no_export_of_another_system_is_taken_for_ours() -> None:
    """If a peer's sample is read as ours, then it is refused, whatever it is."""
    for path in (SAMPLES / "remark42.jsonl", SAMPLES / "isso.json", SAMPLES / "coral-csv" / "comments.csv"):
        with pytest.raises(Exception, match="no export of Meydan"):
            list(read_whole(path))
