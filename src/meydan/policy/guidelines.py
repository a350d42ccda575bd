"""
The guidelines as values: what readers are told, what the judge applies.

Frozen, and cheap to share between threads. They are made by `check.parse`
alone, so whoever holds a `Guidelines` holds a file without faults.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from meydan.comment import Verdict
from meydan.policy.origin import SELF, Origin, listed_origin_of, origin_of

MODES = ("off", "assisted")
"""Automation: a person decides all, or the machine decides where its error is bounded."""

GUESTS = ("named", "verified", "off")
"""Who may write without an account: whoever gives a name, who also confirms an address, or nobody."""


@dataclass(frozen=True, slots=True)
class Publication:
    """
    The newsroom: its name, the origins as written, its languages' tags, the form's required fields.

    `guests` is one of GUESTS, `calendar` one of `comment.CALENDARS`, `digits` one of `comment.DIGITS`.
    """

    name: str
    origins: tuple[str, ...]
    languages: tuple[str, ...]
    required: tuple[str, ...]
    guests: str = GUESTS[0]
    calendar: str = "gregorian"
    digits: str = "own"


@dataclass(frozen=True, slots=True)
class Example:
    """One sentence that the guidelines promise a verdict for; `line` is where the file says so (from 1)."""

    lang: str
    text: str
    story: str | None
    expect: Verdict
    line: int


@dataclass(frozen=True, slots=True)
class Rule:
    """
    One guideline. `title` and `text` map a language tag to what readers are told.

    `labels` is the evidence that can breach it; `hold_from` <= `reject_from` are
    probabilities in [0, 1]. Both are 1.0 and say nothing where there are no
    labels: only people apply such a rule.
    """

    id: str
    title: Mapping[str, str]
    text: Mapping[str, str]
    labels: tuple[str, ...]
    hold_from: float
    reject_from: float
    examples: tuple[Example, ...] = ()

    @property
    def people_only(self) -> bool:
        return not self.labels


@dataclass(frozen=True, slots=True)
class Welcome:
    """
    What is asked for rather than forbidden; it can hold a comment, never reject it.

    `hold_below` is a probability in [0, 1], or None where nothing is held for it.
    """

    id: str
    title: Mapping[str, str]
    text: Mapping[str, str]
    labels: tuple[str, ...]
    hold_below: float | None


@dataclass(frozen=True, slots=True)
class Automation:
    """
    How much the machine may decide alone.

    `mode` is one of MODES. `wrongly_rejected` is the share of acceptable comments
    that it may reject at most, `wrongly_approved` the share of violations that it
    may approve at most, `confidence` how sure the bounds must be, `audit` the share
    of machine decisions that a person decides again without seeing them.
    """

    mode: str
    wrongly_rejected: float
    wrongly_approved: float
    confidence: float
    audit: float


@dataclass(frozen=True, slots=True)
class Authors:
    """
    Whose comments a person decides because of who sent them.

    The `first` so many of every author; and all of an author of whom at least `of_at_least` comments were decided
    and a share of `rejected` or more was rejected (None: nobody's for that).
    """

    first: int = 0
    rejected: float | None = None
    of_at_least: int = 4


@dataclass(frozen=True, slots=True)
class People:
    """
    What people look at: `second` is the share of their decisions, in [0, 1], that another person decides again without
    being told how; from `reports_from` different readers' reports on, a shown comment comes to the desk.
    """

    second: float = 0.0
    reports_from: int = 1


@dataclass(frozen=True, slots=True)
class Threads:
    """How comments stand: at most `depth` levels, a comment being the first; what is deeper stands on the last one."""

    depth: int = 3


@dataclass(frozen=True, slots=True)
class Form:
    """What the reader's form does: whether a draft is looked at before it is sent (`nudge`)."""

    nudge: bool = False


@dataclass(frozen=True, eq=False, repr=False)
class Guidelines:
    """
    One guidelines file, read and found without fault.

    `source` is the file's bytes and `digest` their "sha256:<hex>": every decision
    records it. Two values are equal when their bytes are.
    """

    name: str
    source: bytes
    digest: str
    publication: Publication
    intro: Mapping[str, str]
    welcomes: tuple[Welcome, ...]
    rules: tuple[Rule, ...]
    automation: Automation
    authors: Authors = field(default=Authors(), kw_only=True)
    people: People = field(default=People(), kw_only=True)
    threads: Threads = field(default=Threads(), kw_only=True)
    form: Form = field(default=Form(), kw_only=True)
    _rule_of: Mapping[str, Rule] = field(init=False)
    _origins: frozenset[Origin] = field(init=False)

    def __post_init__(self) -> None:
        rule_of = MappingProxyType({rule.id: rule for rule in self.rules})
        listed = (listed_origin_of(entry) for entry in self.publication.origins if entry != SELF)
        object.__setattr__(self, "_rule_of", rule_of)
        object.__setattr__(self, "_origins", frozenset(origin for origin in listed if origin is not None))

    def rule(self, rule_id: str) -> Rule:
        """The rule of that id; KeyError where there is none."""
        return self._rule_of[rule_id]

    @property
    def examples(self) -> Iterator[tuple[Rule, Example]]:
        """Every example with the rule that it belongs to, in file order."""
        return ((rule, example) for rule in self.rules for example in rule.examples)

    def allows(self, url_or_origin: str, own: Iterable[str] = ()) -> bool:
        """
        Tell whether a page of this URL or origin may embed, and its URL be a story.

        Args:
            url_or_origin: a URL, or an Origin header; anything unreadable is refused.
            own: the server's own origins, for which the word "self" stands.

        Returns:
            True when scheme, host and port equal a listed origin's. A loopback
            origin listed without a port lets any port of that host in.
        """
        asked = origin_of(url_or_origin)
        if asked is None:
            return False
        if asked in self._origins or Origin(asked.scheme, asked.host, None) in self._origins:
            return True
        return SELF in self.publication.origins and any(asked == origin_of(mine) for mine in own)

    def __repr__(self) -> str:
        return f"<Guidelines {self.name!r} {self.digest[:19]} with {len(self.rules)} rules>"

    def __eq__(self, other: object) -> bool:
        return self.digest == other.digest if isinstance(other, Guidelines) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.digest)

    def __reduce__(self) -> tuple[object, tuple[bytes, str]]:
        # Read-only mappings do not pickle, the file's bytes do: another process reads them again.
        from meydan.policy.check import parse

        return parse, (self.source, self.name)


def words(mapping: Mapping[str, str], language: str) -> str:
    """
    Pick a translation: the exact tag, else its primary subtag, else that in another script, else English, else the first.

    Total for a mapping with at least one entry; "" for an empty one.
    """
    primary = language.split("-", 1)[0]
    otherwise = (tag for tag in mapping if tag.startswith(f"{primary}-"))
    for tag in (language, primary, *otherwise, "en"):
        if tag in mapping:
            return mapping[tag]
    return next(iter(mapping.values()), "")
