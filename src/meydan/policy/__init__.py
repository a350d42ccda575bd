"""
The guidelines file: what readers are shown, what the judge applies, what is tested.

Load it with `load`; check someone else's with `check`, which names every fault
with line, column and remedy. The shipped guidelines are `default.toml`.
"""

from __future__ import annotations

from pathlib import Path

from meydan.errors import BadGuidelines
from meydan.policy.check import MAX_BYTES, check, digest_of, parse
from meydan.policy.describe import describe
from meydan.policy.differing import Line, difference, lines_of
from meydan.policy.fault import Fault
from meydan.policy.guidelines import (
    Authors,
    Automation,
    Example,
    Form,
    Guidelines,
    People,
    Publication,
    Rule,
    Threads,
    Welcome,
    words,
)

DEFAULT = Path(__file__).with_name("default.toml")
"""The shipped guidelines, where none are named."""


def load(path: Path | None = None) -> Guidelines:
    """
    Read a guidelines file; the shipped one where `path` is None.

    Raises:
        BadGuidelines: the file cannot be read or has faults; `findings` lists them.
    """
    path = DEFAULT if path is None else path
    return parse(load_source(path), str(path))


def load_source(path: Path) -> bytes:
    """
    Read a guidelines file's bytes, unchecked, and no more of them than tells that they are too many.

    Raises:
        BadGuidelines: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        why = (getattr(error, "strerror", None) or "not a path").lower()
        fault = Fault(
            1, 1, f"The file cannot be read: {why}.", "Check the path and the file's permissions.", ""
        )
        raise BadGuidelines(f"{path} cannot be read: {why}.", findings=[fault]) from error


__all__ = [
    "DEFAULT",
    "MAX_BYTES",
    "Authors",
    "Automation",
    "Example",
    "Fault",
    "Form",
    "Guidelines",
    "Line",
    "People",
    "Publication",
    "Rule",
    "Threads",
    "Welcome",
    "check",
    "describe",
    "difference",
    "digest_of",
    "lines_of",
    "load",
    "load_source",
    "parse",
    "words",
]
