"""
Reads a guidelines file and names every fault in it.

All faults at once, in file order, each with line, column and what to write
instead. `check` is total: any bytes at all give a list of faults, never a
traceback. KEYS is the whole grammar, and docs/guidelines.md documents each.
"""

from __future__ import annotations

import codecs
import difflib
import hashlib
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from meydan.comment import CALENDARS, DIGITS, LANGUAGES, RULE_LABELS, WELCOME_LABELS, Verdict
from meydan.errors import BadGuidelines
from meydan.policy.fault import Fault, brief
from meydan.policy.guidelines import (
    GUESTS,
    MODES,
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
)
from meydan.policy.origin import fault_of
from meydan.policy.places import KeyPath
from meydan.policy.reading import EnoughFaults, Reading

FORMAT = 1

KEYS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "": (
            "format",
            "publication",
            "intro",
            "welcome",
            "rule",
            "automation",
            "authors",
            "people",
            "threads",
            "form",
        ),
        "publication": ("name", "origins", "languages", "required", "guests", "calendar", "digits"),
        "welcome": ("id", "title", "text", "labels", "hold_below"),
        "rule": ("id", "title", "text", "labels", "hold_from", "reject_from", "example"),
        "rule.example": ("lang", "text", "story", "expect"),
        "automation": ("mode", "wrongly_rejected", "wrongly_approved", "confidence", "audit"),
        "authors": ("first", "rejected", "of_at_least"),
        "people": ("second", "reports_from"),
        "threads": ("depth",),
        "form": ("nudge",),
    }
)
"""Every key of every table. The keys of `intro`, `title` and `text` are language tags."""

OPTIONAL = frozenset({"guests", "calendar", "digits"})
"""Keys of tables that have to be there, which may be left out of them all the same."""

FIELDS = ("name", "text", "email")
"""Fields of the reader's form; the first two are always required."""

RULES_FOR_PEOPLE = ("unlawful", "private-data")
"""Rules that a machine may never apply: the publisher answers for them, not a score."""

MAX_BYTES = 1 << 20
MAX_FAULTS = 100
MAX_TITLE = 120
MAX_TEXT = 5000
MAX_ID = 40

_ID = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
TAKEN = ("approvals", "rejections")
"""What the counts of the machine's decisions are kept under beside those of each rule."""
_MISSING = object()


def parse(source: bytes, name: str) -> Guidelines:
    """
    Read a guidelines file.

    Args:
        source: the file's bytes.
        name: what messages call it.

    Raises:
        BadGuidelines: with every fault, in file order, as its `findings`.
    """
    guidelines, faults = _read(source, name)
    if guidelines is None:
        first = faults[0]
        count = "one fault" if len(faults) == 1 else f"{len(faults)} faults"
        where = "" if len(faults) == 1 else "; the first is"
        raise BadGuidelines(
            f"{name} has {count}{where} at line {first.line}, column {first.column}: {first.message} {first.remedy}",
            findings=faults,
        )
    return guidelines


def digest_of(source: bytes) -> str:
    """By what decisions name a file: "sha256:<hex>" of its bytes."""
    return f"sha256:{hashlib.sha256(source).hexdigest()}"


def check(source: bytes, name: str = "guidelines.toml") -> list[Fault]:
    """Every fault of a guidelines file, in file order; [] where `parse` would succeed. Total."""
    return _read(source, name)[1]


def _read(source: bytes, name: str) -> tuple[Guidelines | None, list[Fault]]:
    if len(source) > MAX_BYTES:
        return None, [
            Fault(
                1,
                1,
                f"The file is larger than {MAX_BYTES:,} bytes.",
                "Guidelines are a few pages. Check that this is the right file.",
                "",
            )
        ]
    if source.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return None, [Fault(1, 1, "The file is UTF-16, not UTF-8.", "Save it again as UTF-8.", "")]
    reading = Reading(source)
    guidelines = None
    try:
        reading.check_bytes()
        document = reading.document()
        if document is not None:
            guidelines = _Checker(reading, document).guidelines(source, name)
    except EnoughFaults:
        pass
    faults = sorted(dict.fromkeys(reading.faults), key=lambda fault: (fault.line, fault.column))
    if len(faults) > MAX_FAULTS:
        last = faults[MAX_FAULTS - 1]
        more = f"More faults follow these {MAX_FAULTS}."
        faults[MAX_FAULTS:] = [Fault(last.line, last.column, more, "Mend these first.", last.excerpt)]
    return (None if faults else guidelines), faults


class _Checker:
    """Walks a parsed document against KEYS; what is wrong goes to the reading's faults."""

    def __init__(self, reading: Reading, document: dict[str, Any]) -> None:
        self.reading = reading
        self.places = reading.places
        self.document = document
        self.languages: tuple[str, ...] = ()

    def guidelines(self, source: bytes, name: str) -> Guidelines:
        """Read everything; the result is only meant to be used when no fault was found."""
        root = self.document
        self._known((), root, "")
        written = self._get((), root, "", "format", _a_whole_number)
        if written is not None and written != FORMAT:
            self._fault(
                ("format",),
                f"This is format {written}; this program reads format {FORMAT}.",
                f"Write format = {FORMAT}.",
            )
        publication = self._publication()
        intro = self._intro()
        ids: dict[str, KeyPath] = {}
        welcomes = tuple(self._welcome(path, table, ids) for path, table in self._tables((), root, "welcome"))
        labels: dict[str, str] = {}
        rules = tuple(self._rule(path, table, ids, labels) for path, table in self._tables((), root, "rule"))
        if not rules and "rule" not in root:
            self._missing((), "The file has no rule.", "Begin each with [[rule]].")
        automation = self._automation()
        return Guidelines(
            name=name,
            source=source,
            digest=digest_of(source),
            publication=publication,
            intro=intro,
            welcomes=welcomes,
            rules=rules,
            automation=automation,
            authors=self._authors(),
            people=self._people(),
            threads=self._threads(),
            form=self._form(),
        )

    # What each table says.

    def _publication(self) -> Publication:
        path, table = self._table("publication")
        name = self._get(path, table, "publication", "name", _a_text) or ""
        if name:
            self._readable((*path, "name"), name, MAX_TITLE)
        origins = self._list(path, table, "publication", "origins", self._check_origin)
        if "origins" in table and table["origins"] == []:
            self._fault((*path, "origins"), "No page may embed the comments.", 'List at least "self".')
        languages = self._list(path, table, "publication", "languages", self._check_language)
        if "languages" in table and table["languages"] == []:
            self._fault(
                (*path, "languages"), "The publication has no language.", 'List at least one: ["en"].'
            )
        self.languages = tuple(tag for tag in languages if tag in LANGUAGES)
        required = self._list(path, table, "publication", "required", self._check_field)
        if isinstance(table.get("required"), list):
            for field in FIELDS[:2]:
                if field not in required:
                    self._fault(
                        (*path, "required"),
                        f"The form cannot do without “{field}”.",
                        f'Add "{field}" to the list.',
                    )
        guests = self._get(path, table, "publication", "guests", _a_text, required=False)
        if guests is not None and guests not in GUESTS:
            self._fault(
                (*path, "guests"),
                f"“{brief(guests)}” is no answer to who may write without an account.",
                _instead(guests, GUESTS, '"named", "verified" (by e-mail) or "off"'),
            )
        return Publication(
            name,
            origins,
            languages,
            required,
            guests=guests or GUESTS[0],
            calendar=self._one_of(path, table, "publication", "calendar", CALENDARS),
            digits=self._one_of(path, table, "publication", "digits", DIGITS),
        )

    def _intro(self) -> Mapping[str, str]:
        if "intro" not in self.document:
            self._missing(
                (),
                "The [intro] is missing: what readers are told above the form.",
                'Add [intro] with en = "…".',
            )
            return {}
        return self._translations((), self.document, "intro", MAX_TEXT)

    def _welcome(self, path: KeyPath, table: dict[str, Any], ids: dict[str, KeyPath]) -> Welcome:
        self._known(path, table, "welcome")
        welcome_id = self._id(path, table, "welcome", ids)
        title, text = self._told(path, table, "welcome")
        labels = self._list(
            path, table, "welcome", "labels", _check_label(self, WELCOME_LABELS, "welcome"), required=False
        )
        hold_below = self._share(path, table, "welcome", "hold_below", required=False)
        if hold_below is not None and not table.get("labels"):
            self._fault(
                (*path, "hold_below"),
                "hold_below stands here, and no label to measure.",
                f"Add labels = [{_quoted(WELCOME_LABELS[:1])}], or take hold_below out.",
                key=True,
            )
        return Welcome(welcome_id, title, text, labels, hold_below)

    def _rule(
        self, path: KeyPath, table: dict[str, Any], ids: dict[str, KeyPath], owners: dict[str, str]
    ) -> Rule:
        self._known(path, table, "rule")
        rule_id = self._id(path, table, "rule", ids)
        title, text = self._told(path, table, "rule")
        labels = self._list(
            path, table, "rule", "labels", _check_label(self, RULE_LABELS, "rule"), required=False
        )
        for_people = rule_id in RULES_FOR_PEOPLE
        if for_people and labels:
            self._fault(
                (*path, "labels"),
                f"Only people apply “{rule_id}”, so no label can breach it.",
                "Take labels, hold_from and reject_from out of this rule.",
                key=True,
            )
        for number, label in enumerate(labels):
            if label not in RULE_LABELS:
                continue
            owner = owners.setdefault(label, rule_id)
            if owner != rule_id:
                self._fault(
                    (*path, "labels", number),
                    f"“{label}” belongs to the rule “{brief(owner)}” already.",
                    "A label can breach one rule only: take it out of one of the two.",
                )
        judged = bool(table.get("labels")) and not for_people
        hold_from = self._share(path, table, "rule", "hold_from", required=judged)
        reject_from = self._share(path, table, "rule", "reject_from", required=judged)
        if not table.get("labels"):
            for key in ("hold_from", "reject_from"):
                if key in table:
                    self._fault(
                        (*path, key),
                        f"{key} stands here, and no label to measure.",
                        "Add labels, or take it out: a rule without labels is applied by people only.",
                        key=True,
                    )
        elif reject_from == 0.0:
            self._fault(
                (*path, "reject_from"),
                "reject_from is 0: every comment would be rejected.",
                f"Write a probability, such as reject_from = {_USUAL['reject_from']}.",
            )
        elif hold_from is not None and reject_from is not None and hold_from > reject_from:
            self._fault(
                (*path, "hold_from"),
                f"hold_from ({hold_from:g}) is above reject_from ({reject_from:g}).",
                "What is rejected was in doubt before: hold_from is the lower of the two.",
            )
        examples = self._examples(path, table, judged=judged)
        return Rule(
            rule_id,
            title,
            text,
            labels,
            1.0 if hold_from is None else hold_from,
            1.0 if reject_from is None else reject_from,
            examples,
        )

    def _examples(self, path: KeyPath, table: dict[str, Any], *, judged: bool) -> tuple[Example, ...]:
        examples = []
        seen: dict[tuple[str, str, str], KeyPath] = {}
        for where, given in self._tables(path, table, "example"):
            self._known(where, given, "rule.example")
            lang = self._get(where, given, "rule.example", "lang", _a_text) or ""
            if lang:
                self._check_language((*where, "lang"), lang)
            text = self._get(where, given, "rule.example", "text", _a_text) or ""
            if text:
                self._readable((*where, "text"), text, MAX_TEXT)
            story = self._get(where, given, "rule.example", "story", _a_text, required=False)
            if story is not None:
                self._readable((*where, "story"), story, MAX_TITLE * 4)
            expect = self._get(where, given, "rule.example", "expect", _a_text)
            verdicts = tuple(verdict.value for verdict in Verdict)
            if expect is not None and expect not in verdicts:
                self._fault(
                    (*where, "expect"),
                    f"“{brief(expect)}” is no verdict.",
                    _instead(expect, verdicts, "approve, hold or reject"),
                )
                expect = None
            if expect == Verdict.REJECT and not judged:
                self._fault(
                    (*where, "expect"),
                    "The machine never rejects under a rule that only people apply.",
                    'Expect "hold" or "approve".',
                )
            key = (lang, text, story or "")
            if text and key in seen:
                line, _ = self.places.line_and_column(self.places.of_value((*seen[key], "text")).begin)
                self._fault(
                    (*where, "text"),
                    f"This example stands on line {line} already.",
                    "Take one of the two out.",
                )
            seen.setdefault(key, where)
            line, _ = self.places.line_and_column(self.places.of_table(where).begin)
            examples.append(Example(lang, text, story, Verdict(expect or Verdict.HOLD), line))
        return tuple(examples)

    def _automation(self) -> Automation:
        path, table = self._table("automation")
        mode = self._get(path, table, "automation", "mode", _a_text)
        if mode is not None and mode not in MODES:
            self._fault(
                (*path, "mode"),
                f"“{brief(mode)}” is no mode.",
                _instead(mode, MODES, '"off" (a person decides all) or "assisted"'),
            )
        return Automation(
            mode or MODES[0],
            self._share(path, table, "automation", "wrongly_rejected", most=0.5) or 0.0,
            self._share(path, table, "automation", "wrongly_approved", most=0.5) or 0.0,
            self._share(path, table, "automation", "confidence", least=0.5, most=0.999) or 0.5,
            self._share(path, table, "automation", "audit") or 0.0,
        )

    def _authors(self) -> Authors:
        """May be left out: then nobody's comments wait for who sent them."""
        if "authors" not in self.document:
            return Authors()
        path, table = self._table("authors")
        usual = Authors()
        return Authors(
            self._number(path, table, "authors", "first", most=100, usual=usual.first),
            self._share(path, table, "authors", "rejected", required=False, least=0.01),
            self._number(path, table, "authors", "of_at_least", least=1, most=1000, usual=usual.of_at_least),
        )

    def _people(self) -> People:
        """May be left out too: then nobody's decisions are looked at again, and one report is enough."""
        if "people" not in self.document:
            return People()
        path, table = self._table("people")
        usual = People()
        return People(
            self._share(path, table, "people", "second", required=False) or usual.second,
            self._number(path, table, "people", "reports_from", least=1, most=1000, usual=usual.reports_from),
        )

    def _threads(self) -> Threads:
        """May be left out as well: then there are as many levels as usual."""
        if "threads" not in self.document:
            return Threads()
        path, table = self._table("threads")
        usual = Threads()
        return Threads(self._number(path, table, "threads", "depth", least=1, most=6, usual=usual.depth))

    def _form(self) -> Form:
        """May be left out: then nothing is said of a draft."""
        if "form" not in self.document:
            return Form()
        path, table = self._table("form")
        nudge = self._get(path, table, "form", "nudge", _yes_or_no, required=False)
        return Form(nudge=bool(nudge))

    # What readers see.

    def _told(
        self, path: KeyPath, table: dict[str, Any], kind: str
    ) -> tuple[Mapping[str, str], Mapping[str, str]]:
        told: list[Mapping[str, str]] = []
        for key, most in (("title", MAX_TITLE), ("text", MAX_TEXT)):
            if key not in table:
                self._missing_key(path, kind, key)
                told.append(MappingProxyType({}))
            else:
                told.append(self._translations(path, table, key, most))
        return told[0], told[1]

    def _translations(self, path: KeyPath, table: dict[str, Any], key: str, most: int) -> Mapping[str, str]:
        """A table from language tags to texts, with at least every language of the publication."""
        given = table[key]
        path = (*path, key)
        if not isinstance(given, dict):
            self._fault(
                path,
                f"{key} is {_kind_of(given)}; it must be a text for each language.",
                f'Write {key} = {{ en = "…" }}.',
            )
            return MappingProxyType({})
        told = {}
        for tag, text in given.items():
            where = (*path, tag)
            known = self._check_language(where, tag, key=True)
            if not isinstance(text, str):
                self._fault(where, f"This is {_kind_of(text)}; it must be text.", "Put it in double quotes.")
            elif self._readable(where, text, most) and known:
                told[tag] = text
        absent = [tag for tag in self.languages if tag not in given]
        if absent:
            are = "translation is" if len(absent) == 1 else "translations are"
            self._missing(
                path,
                f"The {key}’s {are} missing: {', '.join(absent)}.",
                f'Add {absent[0]} = "…", or take the language out of publication.languages.',
            )
        return MappingProxyType(told)

    def _readable(self, path: KeyPath, text: str, most: int) -> bool:
        """Tell whether a text can be shown: not blank, not too long, no control characters."""
        if not text.strip():
            self._fault(path, "This text is empty.", "Readers see it: write a sentence, or take the key out.")
            return False
        if len(text) > most:
            self._fault(path, f"This text has {len(text)} characters; the limit is {most}.", "Shorten it.")
            return False
        bad = next((c for c in text if (c < " " and c not in "\n\t") or c == "\x7f"), None)
        if bad is not None:
            self._fault(path, f"This text holds a control character (U+{ord(bad):04X}).", "Delete it.")
            return False
        return True

    # What a value may be.

    def _check_origin(self, path: KeyPath, entry: str) -> bool:
        message, remedy = fault_of(entry)
        if message:
            self._fault(path, message, remedy)
        return not message

    def _check_language(self, path: KeyPath, tag: str, *, key: bool = False) -> bool:
        if tag in LANGUAGES:
            return True
        self._fault(
            path,
            f"“{brief(tag)}” is no language that Meydan knows.",
            _instead(_OTHER_TAGS.get(tag.lower(), tag), LANGUAGES, f"one of {', '.join(LANGUAGES)}"),
            key=key,
        )
        return False

    def _check_field(self, path: KeyPath, field: str) -> bool:
        if field not in FIELDS:
            self._fault(
                path,
                f"The form has no field “{brief(field)}”.",
                _instead(field, FIELDS, f"one of {', '.join(FIELDS)}"),
            )
        return field in FIELDS

    def _id(self, path: KeyPath, table: dict[str, Any], kind: str, ids: dict[str, KeyPath]) -> str:
        given: str | None = self._get(path, table, kind, "id", _a_text)
        if given is None:
            return ""
        where = (*path, "id")
        if not _ID.fullmatch(given) or len(given) > MAX_ID:
            plain = re.sub(r"[^a-z0-9]+", "-", given.lower()).strip("-0123456789")[:MAX_ID].rstrip("-")
            self._fault(
                where,
                f"“{brief(given)}” cannot be an id: small letters, digits and single hyphens, {MAX_ID} at most.",
                f'Write id = "{plain or "my-rule"}".',
            )
        elif given in TAKEN:
            self._fault(
                where,
                f"“{given}” cannot be an id: in counts it stands for all of them.",
                f'Write id = "{given}-of-ours".',
            )
        elif given in ids:
            line, _ = self.places.line_and_column(self.places.of_value((*ids[given], "id")).begin)
            self._fault(
                where,
                f"The id “{given}” is taken on line {line}.",
                "Ids are kept with decisions: choose another.",
            )
        else:
            ids[given] = path
        return given

    def _share(
        self,
        path: KeyPath,
        table: dict[str, Any],
        kind: str,
        key: str,
        *,
        required: bool = True,
        least: float = 0.0,
        most: float = 1.0,
    ) -> float | None:
        given = self._get(path, table, kind, key, _a_number, required=required)
        if given is None:
            return None
        if math.isfinite(given) and least <= given <= most:
            return float(given)
        remedy = f"Write a number from {least:g} to {most:g}, such as {key} = {_USUAL[key]}."
        self._fault(
            (*path, key), f"{key} is {brief(str(given))}; it must be from {least:g} to {most:g}.", remedy
        )
        return None

    def _number(
        self,
        path: KeyPath,
        table: dict[str, Any],
        kind: str,
        key: str,
        *,
        least: int = 0,
        most: int,
        usual: int,
    ) -> int:
        """A whole number within bounds; `usual` where none is written."""
        given = self._get(path, table, kind, key, _a_whole_number, required=False)
        if given is None:
            return usual
        if least <= given <= most:
            return int(given)
        remedy = f"Write a whole number from {least} to {most}, such as {key} = {_USUAL[key]}."
        self._fault(
            (*path, key),
            f"{key} is {brief(str(given))}; it must be a whole number from {least} to {most}.",
            remedy,
        )
        return usual

    def _one_of(
        self, path: KeyPath, table: dict[str, Any], kind: str, key: str, choices: tuple[str, ...]
    ) -> str:
        """One of some words; the first of them where the key is left out."""
        given = self._get(path, table, kind, key, _a_text, required=False)
        if given is None or given in choices:
            return given or choices[0]
        named = ", ".join(f'"{choice}"' for choice in choices)
        self._fault(
            (*path, key), f"“{brief(given)}” is no {key}.", _instead(given, choices, f"one of {named}")
        )
        return choices[0]

    def _list(
        self,
        path: KeyPath,
        table: dict[str, Any],
        kind: str,
        key: str,
        check_entry: Callable[[KeyPath, str], bool],
        *,
        required: bool = True,
    ) -> tuple[str, ...]:
        given = self._get(path, table, kind, key, _a_list, required=required)
        kept: dict[str, None] = {}
        for number, entry in enumerate(given or ()):
            where = (*path, key, number)
            if not isinstance(entry, str):
                self._fault(where, f"This is {_kind_of(entry)}; it must be text.", "Put it in double quotes.")
            elif entry in kept:
                self._fault(where, f"“{brief(entry)}” is listed twice.", "Take one of the two out.")
            elif check_entry(where, entry):
                kept[entry] = None
        return tuple(kept)

    # Tables and keys.

    def _table(self, key: str) -> tuple[KeyPath, dict[str, Any]]:
        """A table of the root; an empty one, and a fault, where there is none."""
        given = self.document.get(key, _MISSING)
        if given is _MISSING:
            needed = ", ".join(name for name in KEYS[key] if name not in OPTIONAL)
            self._missing((), f"The table [{key}] is missing.", f"Add [{key}] with {needed}.")
        elif not isinstance(given, dict):
            self._fault((key,), f"{key} is {_kind_of(given)}; it must be a table.", f"Begin it with [{key}].")
        else:
            self._known((key,), given, key)
            return (key,), given
        # Its keys are not missing one by one: the table is.
        return (key,), _Absent()

    def _tables(
        self, path: KeyPath, table: dict[str, Any], key: str
    ) -> Iterable[tuple[KeyPath, dict[str, Any]]]:
        """Each table of an array of tables, with its path."""
        given = table.get(key, [])
        header = ".".join(part for part in (*path, key) if isinstance(part, str))
        if not isinstance(given, list):
            self._fault(
                (*path, key),
                f"{key} is {_kind_of(given)}; it must be a list of tables.",
                f"Begin each with [[{header}]].",
            )
            return
        for number, item in enumerate(given):
            where = (*path, key, number)
            if isinstance(item, dict):
                yield where, item
            else:
                self._fault(
                    where, f"This is {_kind_of(item)}; it must be a table.", f"Begin each with [[{header}]]."
                )

    def _known(self, path: KeyPath, table: dict[str, Any], kind: str) -> None:
        for key in table:
            if key not in KEYS[kind]:
                where = (
                    f"in [{kind}]"
                    if kind in ("publication", "automation", "authors", "people", "threads", "form")
                    else f"in [[{kind}]]"
                    if kind
                    else "at the top"
                )
                self._fault(
                    (*path, key),
                    f"“{brief(key)}” is no key {where}.",
                    _instead(key, KEYS[kind], f"one of {', '.join(KEYS[kind])}"),
                    key=True,
                )

    def _get(
        self,
        path: KeyPath,
        table: dict[str, Any],
        kind: str,
        key: str,
        wanted: tuple[str, Callable[[Any], bool]],
        *,
        required: bool = True,
    ) -> Any:
        """The value of a key, if it is what is wanted; otherwise None, and a fault."""
        given = table.get(key, _MISSING)
        if given is _MISSING:
            if required:
                self._missing_key(path, kind, key, table)
            return None
        what, fits = wanted
        if fits(given):
            return given
        self._fault(
            (*path, key), f"{key} is {_kind_of(given)}; it must be {what}.", f"Write {key} = {_USUAL[key]}."
        )
        return None

    def _missing_key(self, path: KeyPath, kind: str, key: str, table: dict[str, Any] | None = None) -> None:
        if isinstance(table, _Absent):
            return
        where = (
            f"[{kind}]"
            if kind in ("publication", "automation", "authors", "people", "threads", "form")
            else f"This [[{kind}]]"
            if kind
            else "The file"
        )
        self._missing(path, f"{where} has no {key}.", f"Add {key} = {_USUAL[key]}.")

    def _missing(self, path: KeyPath, message: str, remedy: str) -> None:
        if self.reading.whole:
            self.reading.add(self.places.of_table(path), message, remedy)

    def _fault(self, path: KeyPath, message: str, remedy: str, *, key: bool = False) -> None:
        place = self.places.of_key(path) if key else self.places.of_value(path)
        self.reading.add(place, message, remedy)


class _Absent(dict[str, Any]):
    """Stands for a table that the file does not have."""


_USUAL: Mapping[str, str] = MappingProxyType(
    {
        "format": "1",
        "name": '"The Square"',
        "origins": '["self", "https://news.example"]',
        "languages": '["en"]',
        "required": '["name", "text"]',
        "guests": '"named"',
        "id": '"a-short-name"',
        "title": '{ en = "…" }',
        "text": '"…"',
        "labels": '["profanity"]',
        "hold_below": "0.15",
        "hold_from": "0.30",
        "reject_from": "0.90",
        "lang": '"en"',
        "story": '"…"',
        "expect": '"approve"',
        "mode": '"assisted"',
        "wrongly_rejected": "0.01",
        "wrongly_approved": "0.05",
        "confidence": "0.90",
        "audit": "0.02",
        "calendar": '"gregorian"',
        "digits": '"own"',
        "first": "1",
        "rejected": "0.5",
        "of_at_least": "4",
        "second": "0.05",
        "reports_from": "3",
        "depth": "3",
        "nudge": "true",
    }
)
"""What each key usually looks like, for remedies."""

_OTHER_TAGS: Mapping[str, str] = MappingProxyType(
    {
        "ku": "kmr-Latn",
        "kmr": "kmr-Latn",
        "kurmanji": "kmr-Latn",
        "bad": "kmr-Arab",
        "badini": "kmr-Arab",
        "sorani": "ckb",
        "kurdish": "ckb",
        "english": "en",
        "arabic": "ar",
        "turkish": "tr",
        "farsi": "fa",
        "persian": "fa",
    }
)
"""Names that people write for a language of ours."""

_a_text = ("text", lambda value: isinstance(value, str))
_a_list = ("a list", lambda value: isinstance(value, list))
_a_whole_number = ("a whole number", lambda value: isinstance(value, int) and not isinstance(value, bool))
_yes_or_no = ("true or false", lambda value: isinstance(value, bool))
_a_number = ("a number", lambda value: isinstance(value, int | float) and not isinstance(value, bool))


def _check_label(checker: _Checker, known: Sequence[str], kind: str) -> Callable[[KeyPath, str], bool]:
    def check_entry(path: KeyPath, label: str) -> bool:
        if label in known:
            return True
        if label in RULE_LABELS or label in WELCOME_LABELS:
            other = "a [[welcome]]" if kind == "rule" else "a [[rule]]"
            checker._fault(path, f"“{label}” is a label of {other}.", f"Here: {', '.join(known)}.")
        else:
            checker._fault(
                path,
                f"“{brief(label)}” is no label that the judge scores.",
                _instead(label, known, f"one of {', '.join(known)}"),
            )
        return False

    return check_entry


def _kind_of(value: object) -> str:
    """What a TOML value is, in words."""
    if isinstance(value, bool):
        return "true or false"
    for kind, word in (
        (str, "text"),
        (int, "a number"),
        (float, "a number"),
        (list, "a list"),
        (dict, "a table"),
    ):
        if isinstance(value, kind):
            return word
    return "a date or time"


def _instead(given: str, known: Sequence[str], otherwise: str) -> str:
    """A did-you-mean; all that is known, where nothing is near."""
    if given in known:
        return f"Did you mean “{given}”?"
    folded = {entry.lower().replace("-", "_"): entry for entry in known}
    near = difflib.get_close_matches(
        given[:MAX_TITLE].lower().replace("-", "_"), list(folded), n=1, cutoff=0.6
    )
    return f"Did you mean “{folded[near[0]]}”?" if near else f"Write {otherwise}."


def _quoted(entries: Iterable[str]) -> str:
    return ", ".join(f'"{entry}"' for entry in entries)
