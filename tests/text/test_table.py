"""A table's rows are cut where a reader of CSV would end them."""

from __future__ import annotations

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from meydan.text.table import fields_of, rows_of

fields = st.lists(st.sampled_from(['"', ",", ";", "\n", "x", " ", "é", '""', ",\n"]), max_size=5).map("".join)


@given(
    rows=st.lists(st.lists(fields, min_size=2, max_size=3), max_size=5),
    delimiter=st.sampled_from(",;"),
    last=st.booleans(),
)
def test_rows_are_what_was_written(rows: list[list[str]], delimiter: str, last: bool) -> None:
    """
    If a table was written as CSV, then its rows are cut where they were, each with the lines that it goes over.
    """
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerows(rows)
    written = out.getvalue() if last else out.getvalue().removesuffix("\n")
    cuts = list(rows_of(io.BytesIO(written.encode()), longest=10_000, delimiter=delimiter.encode()))
    assert [fields_of((cut.body or b"").decode(), delimiter=delimiter) for cut in cuts] == rows
    begin = 1
    for cut in cuts:
        assert (cut.begin, cut.closed) == (begin, True)
        begin = cut.end + 1


@given(text=st.text(st.sampled_from('",\nx'), max_size=25))
def test_no_row_begins_inside_of_a_quotation(text: str) -> None:
    """
    If a table was written by nobody, then its rows are still all of its bytes, and those of them that csv reads at all it reads
    so by itself: as many as it finds in the whole.
    """
    cuts = list(rows_of(io.BytesIO(text.encode()), longest=10_000))
    assert b"".join(cut.body or b"" for cut in cuts) == text.encode()
    whole = [row for row in csv.reader(io.StringIO(text, newline="")) if row]
    apart = [
        fields_of((cut.body or b"").decode(), strict=False) for cut in cuts if (cut.body or b"").strip(b"\n")
    ]
    assert apart == whole
