"""The fuzzer's own functions, driven with what was kept and with bytes that hypothesis makes up; for longer: `make fuzz`."""

from __future__ import annotations

from pathlib import Path

import pytest
from fuzz.targets import TARGETS
from hypothesis import given, settings
from hypothesis import strategies as st

CORPUS = Path(__file__).parent.parent / "fuzz" / "corpus"


@pytest.mark.parametrize("target", TARGETS)
def test_what_was_kept_breaks_nothing(target: str) -> None:
    """If an input was worth keeping, because it is ordinary or because it broke something once, then what is driven holds."""
    kept = sorted((CORPUS / target).iterdir())
    assert len(kept) > 5
    for file in kept:
        TARGETS[target](file.read_bytes())


@pytest.mark.parametrize("target", TARGETS)
def test_no_bytes_break_anything(target: str) -> None:
    """If any bytes at all come, or kept ones with a stretch of others in them, then what is driven holds."""
    kept = [file.read_bytes() for file in sorted((CORPUS / target).iterdir())]

    @settings(max_examples=150)
    @given(st.one_of(st.binary(max_size=400), st.tuples(st.sampled_from(kept), st.integers(0, 400), st.binary(max_size=20)).map(_spoilt)))  # fmt: skip
    def drive(data: bytes) -> None:
        TARGETS[target](data)

    drive()


def _spoilt(drawn: tuple[bytes, int, bytes]) -> bytes:
    data, at, put = drawn
    return data[:at] + put + data[at + len(put) :]
