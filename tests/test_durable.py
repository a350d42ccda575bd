"""Small files that are there whole or as before, whatever happens while they are written."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from meydan import durable


@pytest.mark.parametrize("put", [durable.write, durable.make_once])
def test_what_is_made_is_its_owners_and_nothing_else_is_left(
    put: Callable[[Path, bytes], None], tmp_path: Path
) -> None:
    """If a file is made, then it holds what was given, nobody else may read it, and nothing lies beside it."""
    put(tmp_path / "key", b"one")
    assert (tmp_path / "key").read_bytes() == b"one"
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_who_comes_second_replaces_or_stands_back(tmp_path: Path) -> None:
    """If the file is there, then `write` puts the new one in its place and `make_once` leaves it, and neither leaves another."""
    path = tmp_path / "key"
    durable.make_once(path, b"one")
    durable.make_once(path, b"two")
    assert path.read_bytes() == b"one"
    durable.write(path, b"three")
    assert path.read_bytes() == b"three"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_disk_that_fails_leaves_what_was_there(
    call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the disk fails before the new file is in place, then the old one stays, and nothing of the new one is left."""
    path = tmp_path / "key"
    durable.write(path, b"one")

    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, fails)
    with pytest.raises(OSError, match="No space left"):
        durable.write(path, b"two")
    assert path.read_bytes() == b"one"
    assert list(tmp_path.iterdir()) == [path]
