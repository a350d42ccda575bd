"""Leaves as strangers read them, and the book of what was said."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meydan.comment import DecidedBy, Decision, Reason, Verdict
from meydan.ledger.book import BadBook, Book
from meydan.ledger.leaf import decision_leaf, erasure_leaf, receipt_leaf, withdrawal_leaf
from meydan.ledger.reading import BadLeaf, Kind, read_any_leaf, read_leaf, time_of

COMMITMENT = bytes(range(32))
AT = datetime(2024, 2, 29, 23, 59, 59, 123456, tzinfo=UTC)
WHOLE = decision_leaf(
    COMMITMENT,
    Decision(
        Verdict.REJECT,
        (Reason(rule="abuse", ground="sexism"),),
        decided_by=DecidedBy.MODERATOR,
        calibration="c",
    ),
    AT,
)


@given(
    st.sampled_from(Verdict),
    st.sampled_from(DecidedBy),
    st.lists(st.text('aé"\\\n\x7f😀', max_size=5), max_size=3),
    st.sampled_from([None, "c", "é", "", '"']),
    st.datetimes(timezones=st.just(UTC)),
)
def test_for_any_decision_its_leaf_is_read_as_it_was_made(
    verdict: Verdict, by: DecidedBy, rules: list[str], calibration: str | None, at: datetime
) -> None:
    reasons = tuple(Reason(rule=rule) for rule in rules)
    decision = Decision(verdict, reasons, decided_by=by, guidelines="g", model="m", calibration=calibration)
    body = decision_leaf(COMMITMENT, decision, at)
    leaf = read_leaf(body)
    assert leaf == read_any_leaf(body)
    assert (leaf.kind, leaf.commitment, leaf.verdict, leaf.decided_by) == (
        Kind.DECISION,
        COMMITMENT,
        verdict,
        by,
    )
    assert leaf.rules == tuple(rules)
    assert time_of(leaf.at) == at


@pytest.mark.parametrize(
    ("make", "kind"),
    [(receipt_leaf, Kind.RECEIPT), (withdrawal_leaf, Kind.WITHDRAWAL), (erasure_leaf, Kind.ERASURE)],
)
def test_if_it_tells_anything_else_then_it_is_read_as_that(make: object, kind: Kind) -> None:
    leaf = read_leaf(make(COMMITMENT, AT))  # type: ignore[operator]
    assert (leaf.kind, leaf.commitment, leaf.at) == (kind, COMMITMENT, "2024-02-29T23:59:59.123456Z")


def with_(**changed: object) -> bytes:
    facts = {name: value for name, value in {**json.loads(WHOLE), **changed}.items() if value is not ...}
    return json.dumps(facts, sort_keys=True, separators=(",", ":")).encode()


BAD = [
    b"", b"{}", b"[]", b"null", b"\xff", b"[" * 60_000, WHOLE + b"\n", b" " + WHOLE, WHOLE[:-1], WHOLE.replace(b'"v":1', b'"v":1.0'),
    WHOLE.replace(b":", b": "), b'{"v":1,"v":1}', WHOLE.replace(b"sexism", b"se\\u0078ism"), WHOLE.replace(b'"v":1', b'"v":true'),
    with_(v=2), with_(v=True), with_(kind="hold"), with_(kind=["decision"]), with_(kind=...), with_(extra=1), with_(model=...),
    with_(commitment="00"), with_(commitment="A" * 64), with_(commitment=7), with_(at="2024-02-29T23:59:59Z"), with_(at=7),
    with_(at="2023-02-29T23:59:59.000000Z"), with_(at="2024-02-30T23:59:59.000000Z"), with_(at="0000-01-01T00:00:00.000000Z"),
    with_(at="2024-02-29T24:00:00.000000Z"), with_(at="2024-02-29T23:59:60.000000Z"), with_(at="2024-02-29T23:59:59.000000Z\n"),
    with_(verdict="shrug"), with_(verdict=["reject"]), with_(decided_by="nobody"), with_(rules="abuse"), with_(rules=[1]),
    with_(guidelines=None), with_(calibration=3), with_(kind="receipt"), with_(v=float("inf")),
]  # fmt: skip


@pytest.mark.parametrize("body", BAD, ids=range(len(BAD)))
def test_if_it_is_anything_that_is_never_written_then_it_is_no_leaf(body: bytes) -> None:
    with pytest.raises(BadLeaf):
        read_leaf(body)


@given(st.data(), st.sampled_from([WHOLE, receipt_leaf(COMMITMENT, AT), erasure_leaf(COMMITMENT, AT)]))
def test_for_any_touch_the_quick_way_of_reading_a_leaf_says_what_the_other_says(
    data: st.DataObject, body: bytes
) -> None:
    at = data.draw(st.integers(0, len(body) - 1))
    end = data.draw(st.sampled_from([at, at + 1, at + 3]))
    put = data.draw(
        st.sampled_from(
            [b"", b'"', b"0", b"a", b"\\", b"\x7f", b"\xc3\xa9", b" ", b'","', b'"calibration":null,']
        )
    )
    touched = body[:at] + put + body[end:]
    try:
        expected = read_any_leaf(touched)
    except BadLeaf:
        with pytest.raises(BadLeaf):
            read_leaf(touched)
    else:
        assert read_leaf(touched) == expected


def test_the_leaf_that_they_were_made_from_is_one() -> None:
    assert with_() == WHOLE
    read_leaf(WHOLE)


@given(
    st.lists(st.tuples(st.integers(0, 3000), st.integers(1, 4)), max_size=60),
    st.binary(min_size=16, max_size=16),
)
def test_for_any_things_said_the_book_says_the_last_of_each(said: list[tuple[int, int]], key: bytes) -> None:
    book, known = Book(key), {}
    for number, what in said:
        book.put(b"%d" % number, what)
        known[number] = what
    again = Book.from_bytes(book.to_bytes())
    assert len(again) == len(book) == len(known)
    assert all(again.get(b"%d" % number) == known.get(number, 0) for number in range(0, 3000, 7))
    assert all(again.get(b"%d" % number) == what for number, what in known.items())


def test_if_a_book_grows_then_it_forgets_nothing_and_takes_some_thirty_bytes_a_comment() -> None:
    book = Book(bytes(16))
    for number in range(50_000):
        book.put(b"%d" % number, 1 + number % 4)
    assert all(book.get(b"%d" % number) == 1 + number % 4 for number in range(50_000))
    assert book.get(b"never") == 0
    assert len(book.to_bytes()) <= 50_000 * 48


def test_if_it_is_no_book_then_it_is_refused() -> None:
    book = Book(bytes(16))
    book.put(b"one", 1)
    data = book.to_bytes()
    for wrong in (
        b"",
        data[:-1],
        data[:-16],
        b"x" + data[1:],
        data[:37] + b"\x09" + data[38:],
        data + bytes(16),
    ):
        with pytest.raises(BadBook):
            Book.from_bytes(wrong)
    with pytest.raises(ValueError, match="16 bytes"):
        Book(b"")
