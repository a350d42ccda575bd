"""
What a leaf says, read from its bytes by somebody who does not trust who wrote them.

Pure. Anything that `leaf.py` could not have written is refused: other fields, another order, another spelling of the same.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from meydan.comment import DecidedBy, Verdict
from meydan.ledger.leaf import canonical


class Kind(StrEnum):
    """What a leaf tells of a comment."""

    RECEIPT = "receipt"
    DECISION = "decision"
    WITHDRAWAL = "withdrawal"
    ERASURE = "erasure"


class BadLeaf(ValueError):
    """Bytes that are no leaf of ours."""


@dataclass(frozen=True, slots=True)
class Leaf:
    """
    A leaf.

    Args:
        commitment: 32 bytes.
        at: as it is written, in UTC to the microsecond, so that later ones sort after earlier ones.
        verdict, rules, decided_by: a decision's; None and nothing of the others.
    """

    kind: Kind
    commitment: bytes
    at: str
    verdict: Verdict | None = None
    rules: tuple[str, ...] = ()
    decided_by: DecidedBy | None = None


_AT: Final = re.compile(
    r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{6}Z"
)
_COMMITMENT: Final = re.compile(r"[0-9a-f]{64}")
# Most leaves by far, in a tenth of the time: only plain letters, so that canonical JSON has no other spelling of them.
_PLAIN: Final = r'"[ !#-\[\]-~]*"'
_USUAL: Final = re.compile(
    (
        rf'\{{"at":"(?P<at>{_AT.pattern})",(?:"calibration":(?:null|{_PLAIN}),)?"commitment":"(?P<commitment>[0-9a-f]{{64}})",'
        r'(?:"kind":"(?P<kind>receipt|withdrawal|erasure)","v":1|'
        rf'"decided_by":"(?P<by>[a-z]+)","guidelines":{_PLAIN},"kind":"decision","model":{_PLAIN},'
        rf'"rules":\[(?P<rules>(?:{_PLAIN}(?:,{_PLAIN})*)?)\],"v":1,"verdict":"(?P<verdict>[a-z]+)")\}}'
    ).encode("ascii")
)
_CALIBRATION: Final = b'","calibration":'
_ALWAYS: Final = frozenset({"v", "kind", "commitment", "at"})
_DECIDED: Final = _ALWAYS | {"verdict", "rules", "decided_by", "guidelines", "model", "calibration"}
_KINDS: Final = {str(kind): kind for kind in Kind}
_VERDICTS: Final = {str(verdict): verdict for verdict in Verdict}
_DECIDERS: Final = {str(by): by for by in DecidedBy}


def read_leaf(body: bytes) -> Leaf:
    """
    Read a leaf.

    Raises:
        BadLeaf: it is none; says in which way.
    """
    usual = _USUAL.fullmatch(body)
    leaf = _usual(usual) if usual else None
    return leaf or read_any_leaf(body)


def _usual(found: re.Match[bytes]) -> Leaf | None:
    kind, at = found["kind"], found["at"].decode("ascii")
    commitment = bytes.fromhex(found["commitment"].decode("ascii"))
    # "calibration" stands before "commitment" in a decision and nowhere else.
    decides = found.string.startswith(_CALIBRATION, found.end("at"))
    if decides == (kind is not None) or not _is_day(at):
        return None
    if kind is not None:
        return Leaf(_KINDS[kind.decode("ascii")], commitment, at)
    verdict = _VERDICTS.get(found["verdict"].decode("ascii"))
    by = _DECIDERS.get(found["by"].decode("ascii"))
    if verdict is None or by is None:
        return None
    rules = found["rules"].decode("ascii")
    return Leaf(Kind.DECISION, commitment, at, verdict, tuple(rules[1:-1].split('","')) if rules else (), by)


def read_any_leaf(body: bytes) -> Leaf:
    """`read_leaf` of whatever letters: what a leaf is, is said here."""
    try:
        facts = json.loads(body)
        written = canonical(facts).encode("ascii") if type(facts) is dict else b""
    except (ValueError, RecursionError):
        raise BadLeaf("it is not JSON") from None
    if written != body:
        raise BadLeaf("it is not canonical JSON")
    kind = _KINDS.get(facts.get("kind")) if type(facts.get("kind")) is str else None
    if kind is None or facts.get("v") != 1 or type(facts["v"]) is not int:
        raise BadLeaf("it is of no known kind")
    if facts.keys() != (_DECIDED if kind is Kind.DECISION else _ALWAYS):
        raise BadLeaf("it lacks a field, or has one too many")
    commitment, at = facts["commitment"], facts["at"]
    if type(commitment) is not str or not _COMMITMENT.fullmatch(commitment):
        raise BadLeaf("its commitment is not one")
    if type(at) is not str or not is_instant(at):
        raise BadLeaf("its time is not one")
    if kind is not Kind.DECISION:
        return Leaf(kind, bytes.fromhex(commitment), at)
    return _decision(facts, bytes.fromhex(commitment), at)


def _decision(facts: dict[str, Any], commitment: bytes, at: str) -> Leaf:
    verdict, by, rules = facts["verdict"], facts["decided_by"], facts["rules"]
    calibration = facts["calibration"]
    if (
        type(verdict) is not str
        or type(by) is not str
        or verdict not in _VERDICTS
        or by not in _DECIDERS
        or type(rules) is not list
        or not all(type(rule) is str for rule in rules)
        or type(facts["guidelines"]) is not str
        or type(facts["model"]) is not str
        or not (calibration is None or type(calibration) is str)
    ):
        raise BadLeaf("what it says of the decision is not known")
    return Leaf(Kind.DECISION, commitment, at, _VERDICTS[verdict], tuple(rules), _DECIDERS[by])


def is_instant(at: str) -> bool:
    """Whether this is a time as leaves have it: `time_of` takes it."""
    return _AT.fullmatch(at) is not None and _is_day(at)


def time_of(at: str) -> datetime:
    """A leaf's time; ValueError for a day that no month has."""
    return datetime.fromisoformat(at.removesuffix("Z") + "+00:00")


def _is_day(at: str) -> bool:
    # Every month has 28 days: only what is beyond has to be looked up.
    if at[8:10] <= "28" and at[:4] != "0000":
        return True
    try:
        time_of(at)
    except ValueError:
        return False
    return True
