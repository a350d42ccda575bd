"""Guidelines that take effect at the desk: which version rules, and which one a decision names; on both databases."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from meydan.comment import Status, Verdict
from meydan.errors import (
    BadGuidelines,
    GuidelinesChanged,
    Malformed,
    MissingFields,
    StoreUnavailable,
    TooLong,
)
from meydan.judge import Judge
from meydan.policy import Guidelines, digest_of
from meydan.settings import Settings
from meydan.wiring import build
from tests.desk.conftest import ABUSIVE, COURTEOUS, UNMEASURED, Room


def changed(guidelines: Guidelines, line: str) -> bytes:
    return guidelines.source + f"\n# {line}\n".encode()


def off(guidelines: Guidelines) -> bytes:
    return guidelines.source.replace(b'mode = "assisted"', b'mode = "off"')


@pytest.fixture
def ruled(room: Room, guidelines: Guidelines) -> Room:
    """A desk whose file was entered, as a server's is."""
    room.desk.enter_file(guidelines, shipped=True)
    return room


FAULTY = {
    "a fault": (lambda source: source.replace(b"\nreject_from", b"\nreject_form", 1), "why", BadGuidelines),
    "not TOML": (lambda source: source + b"\n[[[", "why", BadGuidelines),
    "nothing": (lambda source: b"", "why", BadGuidelines),
    "no note": (lambda source: source + b"\n", " ", MissingFields),
    "a long note": (lambda source: source + b"\n", "x" * 501, TooLong),
}


@pytest.mark.parametrize("fault", FAULTY)
def test_what_is_faulty_never_takes_effect(ruled: Room, guidelines: Guidelines, fault: str) -> None:
    """If the file has a fault, or nobody says why, then it is refused, and the version that ruled rules."""
    spoil, note, error = FAULTY[fault]
    with pytest.raises(error):
        ruled.desk.take_effect(spoil(guidelines.source), base=guidelines.digest, by="Zîn", note=note)
    assert ruled.desk.guidelines.digest == guidelines.digest
    assert [version.digest for version in ruled.desk.versions()] == [guidelines.digest]


def test_of_two_editors_at_once_one_is_first(ruled: Room, guidelines: Guidelines) -> None:
    """If two editors let different versions take effect at the same moment, then one rules and the other is told who was first."""
    told: dict[str, object] = {}
    together = threading.Barrier(2)

    def accept(by: str) -> None:
        together.wait()
        try:
            told[by] = ruled.desk.take_effect(
                changed(guidelines, by), base=guidelines.digest, by=by, note="mine"
            ).digest
        except GuidelinesChanged as error:
            told[by] = error

    editors = [threading.Thread(target=accept, args=(by,)) for by in ("Zîn", "Mem")]
    for editor in editors:
        editor.start()
    for editor in editors:
        editor.join()
    (winner,) = [by for by, what in told.items() if isinstance(what, str)]
    (loser,) = [what for what in told.values() if isinstance(what, GuidelinesChanged)]
    assert loser.by == winner
    assert ruled.desk.guidelines.digest == digest_of(changed(guidelines, winner)) == told[winner]


def test_a_decision_names_the_version_that_ruled(ruled: Room, guidelines: Guidelines) -> None:
    """If a version takes effect, then decisions after it name it, those before name theirs, and each version knows how many."""
    before = ruled.send(COURTEOUS).id
    second = digest_of(off(guidelines))
    ruled.desk.take_effect(off(guidelines), base=guidelines.digest, by="Zîn", note="By hand for now.")
    after = ruled.send(f"{COURTEOUS} Indeed.").id
    assert ruled.desk.item(after).comment.status is Status.HELD
    assert ruled.desk.review(after, Verdict.APPROVE, by="Zîn").decision.guidelines == second
    assert ruled.desk.item(before).decisions[0].decision.guidelines == guidelines.digest
    assert ruled.desk.ruled(second).decisions == 1
    assert ruled.desk.ruled(guidelines.digest).decisions == 1


class Slow:
    """The judge, but before it answers, something happens."""

    def __init__(self, judge: Judge, meanwhile: Callable[[], object]) -> None:
        self._judge, self._meanwhile = judge, meanwhile

    def evidence(self, *given: Any, **more: Any) -> Any:
        self._meanwhile()
        return self._judge.evidence(*given, **more)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._judge, name)


def test_a_comment_is_judged_by_one_version(
    room_with: Callable[..., Room], judge: Judge, guidelines: Guidelines
) -> None:
    """If others take effect while a comment is judged, then it is decided by those that ruled at the beginning, and names them."""
    rooms: list[Room] = []

    def meanwhile() -> None:
        desk = rooms[0].desk
        if desk.guidelines.digest == guidelines.digest:
            desk.take_effect(off(guidelines), base=guidelines.digest, by="Zîn", note="meanwhile")

    rooms.append(room_with(judge=Slow(judge, meanwhile)))
    rooms[0].desk.enter_file(guidelines, shipped=True)
    sent = rooms[0].send(COURTEOUS)
    assert sent.status is Status.APPROVED
    (settled,) = rooms[0].desk.item(sent.id).decisions
    assert settled.decision.guidelines == guidelines.digest
    assert rooms[0].desk.guidelines.digest == digest_of(off(guidelines))
    assert rooms[0].send(f"{COURTEOUS} Indeed.").status is Status.HELD


def test_another_node_takes_it_up(
    ruled: Room, room_with: Callable[..., Room], guidelines: Guidelines
) -> None:
    """If a version takes effect on one node, then another over the same database goes by it once it looks, and by no faulty one."""
    other = room_with()
    assert not other.desk.refresh_guidelines()
    ruled.desk.take_effect(off(guidelines), base=guidelines.digest, by="Zîn", note="By hand.")
    assert other.desk.refresh_guidelines()
    assert other.desk.guidelines.digest == digest_of(off(guidelines))
    # As a newer program would let take effect what this one does not understand.
    newer = guidelines.source + b"\n[later]\n"
    ruled.store.guidelines.take_effect(
        digest_of(newer), newer, base=other.desk.guidelines.digest, by="Mem", note="", at=ruled.clock()
    )
    assert not other.desk.refresh_guidelines()
    assert other.desk.guidelines.digest == digest_of(off(guidelines))
    # One that begins now has a file of its own, and goes by the version all the same.
    begun = room_with()
    assert begun.desk.refresh_guidelines()
    assert begun.desk.guidelines.digest == digest_of(off(guidelines))
    assert not begun.desk.refresh_guidelines()


def test_what_took_effect_is_said_though_the_database_goes_away(
    ruled: Room, guidelines: Guidelines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the database goes away right after a version took effect, then that it did is said, and it rules once it is back."""
    accepted = off(guidelines)

    def away() -> None:
        raise StoreUnavailable("The database does not answer.")

    monkeypatch.setattr(ruled.store.guidelines, "newest", away)
    version = ruled.desk.take_effect(accepted, base=guidelines.digest, by="Zîn", note="By hand.")
    monkeypatch.undo()
    assert version.digest == digest_of(accepted)
    assert ruled.desk.refresh_guidelines()
    assert ruled.desk.guidelines.digest == digest_of(accepted)


def test_a_changed_file_is_entered_once_the_database_answers(
    tmp_path: Path, guidelines: Guidelines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the operator's file changes while the database does not answer, then it is entered when it does."""
    file = tmp_path / "guidelines.toml"
    file.write_bytes(guidelines.source)
    meydan = build(Settings(data=tmp_path / "data", guidelines=file))
    try:
        file.write_bytes(off(guidelines) + b"\n# by hand\n")
        with monkeypatch.context() as patch:

            def away(*_: object, **__: object) -> None:
                raise StoreUnavailable("The database does not answer.")

            patch.setattr(meydan.store.guidelines, "enter_file", away)
            with pytest.raises(StoreUnavailable):
                meydan.tend()
        meydan.tend()
        assert meydan.desk.guidelines.automation.mode == "off"
    finally:
        meydan.close()


def test_a_file_that_changes_while_the_server_starts_is_entered(
    tmp_path: Path, judge: Judge, guidelines: Guidelines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the operator's file changes between being read and the server being built, then the first round enters it."""
    file = tmp_path / "guidelines.toml"
    file.write_bytes(guidelines.source)

    def loaded_meanwhile() -> Judge:
        file.write_bytes(off(guidelines) + b"\n# by hand\n")
        return judge

    monkeypatch.setattr(Judge, "load", loaded_meanwhile)
    meydan = build(Settings(data=tmp_path / "data", guidelines=file))
    try:
        meydan.tend()
        assert meydan.desk.guidelines.automation.mode == "off"
    finally:
        meydan.close()


def test_trying_changes_nothing(ruled: Room, guidelines: Guidelines) -> None:
    """If other guidelines are tried on what was decided, then the changes are told, and nothing is written."""
    kind, rude, waiting = (ruled.send(text).id for text in (COURTEOUS, ABUSIVE, UNMEASURED))
    ruled.desk.review(waiting, Verdict.APPROVE, by="Zîn")
    leaves = ruled.store.leaves(0, 100)
    entries = ruled.store.people.journal(limit=100)
    other = ruled.desk.backtest(_parsed(off(guidelines)))
    assert {change.id: (change.before.verdict, change.after.verdict) for change in other.changes} == {
        kind: (Verdict.APPROVE, Verdict.HOLD),
        rude: (Verdict.REJECT, Verdict.HOLD),
    }
    assert (other.decided, other.people) == (3, (1, 0, 0))
    assert not ruled.desk.backtest(guidelines).changes
    with pytest.raises(Malformed):
        ruled.desk.backtest(guidelines, last=49)
    assert ruled.store.leaves(0, 100) == leaves
    assert ruled.store.people.journal(limit=100) == entries
    assert ruled.desk.item(rude).comment.status is Status.REJECTED


def _parsed(source: bytes) -> Guidelines:
    from meydan.policy import parse

    return parse(source, "guidelines.toml")
