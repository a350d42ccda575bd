"""What waits during an import leaves nothing of a reader's words behind."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from meydan.errors import StoreUnavailable
from meydan.exchange.aside import Aside
from meydan.exchange.record import CommentRecord
from meydan.exchange.taking import take
from meydan.store import Store
from tests.exchange.test_taking import STORY, Archive, comment

WAITS = CommentRecord(
    "2", "s", "Rojin", "Words of a reader.", datetime(2015, 6, 1, tzinfo=UTC), "approved", parent="1"
)


def test_what_waits_has_no_name(tmp_path: Path) -> None:
    """
    If an import is killed while comments wait, then no file with their words is left: there is none even before.
    """
    aside = Aside(tmp_path)
    try:
        assert aside.add(WAITS)
        assert list(tmp_path.iterdir()) == []
        assert [one for one, _ in aside.waiting()] == [WAITS]
    finally:
        aside.close()


def test_what_earlier_versions_left_is_cleared(tmp_path: Path) -> None:
    """
    If a killed import of an earlier version left its file, then the next one deletes it, and nothing else of the folder.
    """
    (tmp_path / ".importing-k2_x1").write_bytes(b"SQLite format 3\x00 Words of a reader.")
    kept = tmp_path / "meydan.db"
    kept.write_bytes(b"")
    Aside(tmp_path).close()
    assert list(tmp_path.iterdir()) == [kept]


def test_no_room_for_what_waits_is_told(tmp_path: Path) -> None:
    """
    If what waits cannot be kept, then that is said of the data folder, and a second run takes everything.
    """
    store = Store.open(f"sqlite:///{tmp_path / 'meydan.db'}")
    try:
        archive = Archive(store)
        with pytest.raises(StoreUnavailable, match="data folder"):
            take(
                [STORY, comment("1")],
                archive.intake,
                report=archive.lines.append,
                folder=tmp_path / "none",
            )
        assert archive.take(STORY, comment("1")).complete
    finally:
        store.close()
