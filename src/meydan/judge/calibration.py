"""
What bounds the machine's error: thresholds for each language, what they rest on, what they promise.

The shipped entries come from our own development data; a newsroom's, made by
`meydan calibrate` from its own decisions, take their place language by language.
A language without an entry is held.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from meydan.comment import RULE_LABELS, WELCOME_LABELS
from meydan.errors import BadCalibration

FORMAT: Final = 1

SHIPPED: Final = Path(__file__).parent / "models" / "calibration.json"
"""The calibration that comes with the program."""

APPROVALS: Final = "approvals"
"""What stands in a withdrawal where all approvals are meant; no rule may have this name."""

NEVER: Final = math.inf

Thresholds = Mapping[str, float] | float | None
"""By label, one for all labels, or None: this side is left to people."""

_LABELS = frozenset((*RULE_LABELS, *WELCOME_LABELS))
_NUMBERS = ("wrongly_rejected", "wrongly_approved", "confidence", "automated")
_COUNTS = ("acceptable", "violations", "rejected", "approved")


@dataclass(frozen=True, slots=True)
class Calibration:
    """
    One language: from which score a comment is doubtful, and from which it is rejected.

    `hold_from` and `reject_from` are probabilities in [0, 1], by label or one for all; a label
    that is absent, and a side that is None, is not bounded: people decide. `model` is the digest
    of the judge that was measured ("" for any), `guidelines` of the file it was measured under.

    `wrongly_rejected`, `wrongly_approved` and `confidence` are what is promised, all None where
    nothing was measured and the guidelines' own thresholds rule. It rests on `acceptable` and
    `violations`, comments of which `rejected` and `approved` were on the wrong side; `automated`
    is the share of all of them that the machine decides. `digest` is over all of this.
    """

    language: str
    hold_from: Thresholds
    reject_from: Thresholds
    model: str = ""
    guidelines: str = ""
    source: str = ""
    made_on: date | None = None
    acceptable: int = 0
    violations: int = 0
    rejected: int = 0
    approved: int = 0
    automated: float | None = None
    wrongly_rejected: float | None = None
    wrongly_approved: float | None = None
    confidence: float | None = None
    digest: str = field(init=False, default="")

    def __post_init__(self) -> None:
        for side in ("hold_from", "reject_from"):
            value = getattr(self, side)
            if isinstance(value, Mapping):
                object.__setattr__(self, side, MappingProxyType(dict(value)))
        told = json.dumps(entry_of(self), sort_keys=True, ensure_ascii=False).encode()
        object.__setattr__(self, "digest", "sha256:" + hashlib.sha256(told).hexdigest())

    @property
    def bounded(self) -> bool:
        """Whether the machine's error was measured; if not, the guidelines' own thresholds rule."""
        return self.confidence is not None

    def holds_from(self, label: str) -> float:
        """The score from which a person decides; 0 where nothing may be approved."""
        found = _of(self.hold_from, label)
        return 0.0 if found is None else found

    def rejects_from(self, label: str) -> float:
        """The score from which the machine may reject; infinite where it may not."""
        found = _of(self.reject_from, label)
        return NEVER if found is None else found


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """
    What the machine no longer does alone: reject for a rule, or approve (`rule` is APPROVALS), in one language.

    It holds for the calibration of that digest; a new one lifts it.
    """

    language: str
    rule: str
    calibration: str


@dataclass(frozen=True, slots=True)
class Calibrations:
    """What is calibrated, by language, and what has been withdrawn since."""

    by_language: Mapping[str, Calibration] = field(default_factory=dict)
    withdrawn: frozenset[Withdrawn] = frozenset()

    def of(self, language: str) -> Calibration | None:
        """The calibration of a language; None: it is held."""
        return self.by_language.get(language)

    @property
    def measured(self) -> frozenset[str]:
        """The languages that have a calibration."""
        return frozenset(self.by_language)

    def withdrawn_in(self, language: str) -> frozenset[str]:
        """The rules that the machine no longer rejects on in a language, and APPROVALS if it no longer approves."""
        current = self.of(language)
        if current is None or not self.withdrawn:
            return frozenset()
        return frozenset(
            one.rule
            for one in self.withdrawn
            if one.language == language and one.calibration == current.digest
        )

    def without(self, withdrawn: Collection[Withdrawn]) -> Calibrations:
        """These calibrations, with this and nothing else withdrawn."""
        return replace(self, withdrawn=frozenset(withdrawn))

    def replaced_by(self, others: Calibrations) -> Calibrations:
        """These, with the entry of each language that the others have taken from them."""
        return replace(self, by_language={**self.by_language, **others.by_language})

    def made_for(self, model: str) -> Calibrations:
        """The entries that say something about this judge: those measured with it, or with no judge in particular."""
        fitting = {
            language: entry for language, entry in self.by_language.items() if entry.model in ("", model)
        }
        return replace(self, by_language=fitting)


@cache
def shipped() -> Calibrations:
    """
    The calibration that comes with the program, read once.

    Raises:
        BadCalibration: the installation is damaged.
    """
    return load(SHIPPED)


def in_force(path: Path, model: str) -> Calibrations:
    """
    The shipped entries, and a newsroom's own in their place; of both only what was made for this judge.

    A language that is left without one is held: what another judge was measured by says nothing of this one.

    Args:
        path: the newsroom's file; it need not be there.
        model: the digest of the judge that scores.

    Raises:
        BadCalibration: the file is there and cannot be used.
    """
    return shipped().made_for(model).replaced_by(load_if_there(path).made_for(model))


def uncalibrated(languages: Collection[str]) -> Calibrations:
    """Calibrations by which the guidelines' own thresholds rule in these languages, and nothing is promised."""
    return Calibrations({language: Calibration(language, 1.0, 0.0) for language in languages})


def load_if_there(path: Path) -> Calibrations:
    """As `load`; none where there is no such file."""
    try:
        if not path.exists():
            return Calibrations()
    except OSError as error:
        raise BadCalibration(
            f"Whether there is a calibration {path} cannot be seen: {error.strerror}. Let this user look there."
        ) from error
    return load(path)


def load(path: Path) -> Calibrations:
    """
    Read a calibration file.

    Raises:
        BadCalibration: it cannot be read, or says something that is no calibration; the message names the place.
    """
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise BadCalibration(
            f"The calibration {path} cannot be read: {error.strerror}. Make it readable, or remove it."
        ) from error
    except ValueError as error:
        raise BadCalibration(
            f"The calibration {path} is not JSON. Remove it, or make it anew with `meydan calibrate`."
        ) from error
    try:
        if not isinstance(document, dict) or document.get("format") != FORMAT:
            raise ValueError(f"its format is not {FORMAT}")
        languages = document.get("languages")
        if not isinstance(languages, dict):
            raise ValueError("it has no languages")
        return Calibrations({tag: _entry(tag, entry) for tag, entry in languages.items()})
    except ValueError as error:
        raise BadCalibration(
            f"The calibration {path} cannot be used: {error}. Make it anew with `meydan calibrate`."
        ) from error


def save(calibrations: Calibrations, path: Path) -> None:
    """
    Write a calibration file, whole or not at all.

    Raises:
        BadCalibration: the folder cannot be written.
    """
    document = {
        "format": FORMAT,
        "languages": {tag: entry_of(entry) for tag, entry in sorted(calibrations.by_language.items())},
    }
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with aside.open("x", encoding="utf-8") as made:
            made.write(json.dumps(document, ensure_ascii=False, indent=1) + "\n")
            made.flush()
            os.fsync(made.fileno())
        aside.replace(path)
    except OSError as error:
        raise BadCalibration(f"The calibration {path} cannot be written: {error.strerror}.") from error
    finally:
        with contextlib.suppress(OSError):
            aside.unlink(missing_ok=True)


def entry_of(calibration: Calibration) -> dict[str, Any]:
    """One language as the file has it."""
    thresholds = {
        side: dict(value) if isinstance(value, Mapping) else value
        for side, value in (("hold_from", calibration.hold_from), ("reject_from", calibration.reject_from))
    }
    return {
        **thresholds,
        **{name: getattr(calibration, name) for name in (*_NUMBERS, *_COUNTS)},
        "model": calibration.model,
        "guidelines": calibration.guidelines,
        "source": calibration.source,
        "made_on": calibration.made_on.isoformat() if calibration.made_on else None,
    }


def _of(thresholds: Thresholds, label: str) -> float | None:
    return thresholds.get(label) if isinstance(thresholds, Mapping) else thresholds


def _entry(language: str, entry: object) -> Calibration:
    if not isinstance(entry, dict):
        raise ValueError(f"{language!r} is not an object")
    known = {"hold_from", "reject_from", *_NUMBERS, *_COUNTS, "model", "guidelines", "source", "made_on"}
    if unknown := sorted(set(entry) - known):
        raise ValueError(f"{language!r} has a key that is not known, {unknown[0]!r}")
    if missing := sorted({"hold_from", "reject_from"} - set(entry)):
        raise ValueError(f"{language!r} has no {missing[0]!r}")
    values: dict[str, Any] = {
        side: _thresholds(entry[side], f"{language}.{side}") for side in ("hold_from", "reject_from")
    }
    for name in _NUMBERS:
        if entry.get(name) is not None:
            values[name] = _probability(entry[name], f"{language}.{name}")
    for name in _COUNTS:
        count = entry.get(name, 0)
        if isinstance(count, bool) or not isinstance(count, int) or count < 0:
            raise ValueError(f"{language}.{name} is not a number of comments")
        values[name] = count
    for name in ("model", "guidelines", "source"):
        if not isinstance(entry.get(name, ""), str):
            raise ValueError(f"{language}.{name} is not text")
        values[name] = entry.get(name, "")
    promised = [values.get(name) is not None for name in _NUMBERS[:3]]
    if any(promised) and not all(promised):
        raise ValueError(f"{language!r} promises one bound without the other or without its confidence")
    if entry.get("made_on") is not None:
        values["made_on"] = date.fromisoformat(str(entry["made_on"]))
    return Calibration(language, **values)


def _thresholds(value: object, where: str) -> Thresholds:
    if value is None:
        return None
    if not isinstance(value, dict):
        return _probability(value, where)
    if unknown := sorted(set(value) - _LABELS):
        raise ValueError(f"{where} names a label that is not known, {unknown[0]!r}")
    return {label: _probability(number, f"{where}.{label}") for label, number in value.items()}


def _probability(value: object, where: str) -> float:
    # JSON of ours may say NaN, and NaN fails this comparison too.
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value <= 1.0:
        raise ValueError(f"{where} is not a number from 0 to 1")
    return float(value)
