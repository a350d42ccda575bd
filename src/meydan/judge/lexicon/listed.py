"""
Listed words and phrases of the languages that have no grammar of their own here.

A file a language (`tr.toml`, beside this one) says what is looked for: words with
the affixes they take, phrases, the company that lowers a score, and where a word
is innocent. All languages are looked up at once, since readers mix them; an entry
counts in a text of its own language, or anywhere when the file says that it is
unmistakable.

A word of a text is looked up once and remembered: which atoms (patterns.py) it is.
Only a text in which something weighty occurs is read further. Everything is
bounded (the length of a word, gaps, affixes), so the work grows linearly.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import Any, Final

from ahocorasick_rs import AhoCorasick, MatchKind

from meydan.comment import GROUNDS, RULE_LABELS, UNKNOWN_LANGUAGE
from meydan.judge.lexicon.grammar import BadLexicon
from meydan.judge.lexicon.hit import Hit
from meydan.judge.lexicon.patterns import (
    COMMA,
    QUOTE,
    STOP,
    WORD,
    Node,
    Pattern,
    compile_pattern,
    either,
    in_row,
    mark_of,
    one_of,
)
from meydan.judge.lexicon.spelling import affixes_of, key_of, spelled
from meydan.text.fold import Folded, fold

IN_COMPANY: Final = 0.55
"""What a hit scores at most whose company may mean something else: a person decides."""

_KINDS: Final = ("negating", "reporting", "condemning", "nothing")
_COMPANY: Final = {"negating": "negated nearby", "reporting": "reported", "condemning": "condemned nearby"}
"""How a hit names its company. Not fusion's EXCUSES: a listed word nearby proves much less than grammar."""

_FARTHEST: Final = 1 << 60
_STARRED_FROM: Final = 0.9
_LONGEST_WORD: Final = 60
_SEEN_AT_MOST: Final = 50_000
_WEIGHED_AT_MOST: Final = 200
"""Hits in one reading whose company is read; thousands more would only take time, and are doubts."""

_TOKEN = re.compile(r"[^\W_]+(?:['*#]+[^\W_]+)*[*#]*|[.!?…۔]+|[,;:()–—]|(?<=\s)-(?=\s)|\n|\"")
_SIGN = {**dict.fromkeys(",;:()–—-", COMMA), **dict.fromkeys(".!?…۔\n", STOP), '"': QUOTE}
_STARS = re.compile(r"[*#]+")


@dataclass(frozen=True)
class _Atom:
    """One listed word with what it takes."""

    written: str
    exact: bool
    turkish: bool

    @cached_property
    def regex(self) -> re.Pattern[str]:
        """Matches whole words that are folded and without apostrophes; compiled when a word first resembles it."""
        return re.compile(self.written)


@dataclass(frozen=True, slots=True)
class _Entry:
    """What `[[words]]` or `[[phrases]]` says of its words. `labels` is empty where the ground named decides."""

    language: int
    labels: tuple[str, ...]
    score: float
    firm: bool
    always: bool
    anywhere: bool
    innocent: tuple[Pattern, ...]
    source: str


@dataclass(frozen=True, slots=True)
class _Phrase:
    pattern: Pattern
    entry: _Entry


@dataclass(frozen=True, slots=True)
class _Found:
    """A match before it is weighed: words `begin` to `end` of a row."""

    entry: _Entry
    begin: int
    end: int
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Sample:
    """A text that the file itself says should be found, with its labels (where a ground decides, all it may be)."""

    language: str
    text: str
    labels: tuple[str, ...]


class _Row:
    """One reading: its words as marks, and where each begins."""

    def __init__(self, reading: Folded, tokens: Sequence[str], atoms: Sequence[tuple[int, ...]]) -> None:
        self.reading = reading
        self.atoms = atoms
        self._tokens = tokens
        self.present = frozenset[int]().union(*atoms)
        self.company: dict[tuple[int, str], dict[int, list[tuple[int, int]]]] = {}
        self._stretches: dict[Pattern, list[tuple[int, int]]] = {}

    @cached_property
    def _places(self) -> tuple[str, list[int]]:
        pieces = [STOP]
        starts: list[int] = []
        at = len(STOP)
        for token, atoms in zip(self._tokens, self.atoms, strict=True):
            sign = _SIGN.get(token[0])
            piece = sign or f"{WORD}{''.join(map(mark_of, atoms))} "
            pieces.append(piece)
            starts.append(at)
            at += len(piece)
        return "".join([*pieces, STOP]), starts

    @cached_property
    def _bounds(self) -> tuple[list[int], list[int], list[bool]]:
        """For each word: the number of its clause, of its sentence, and whether it stands in quotation marks."""
        clauses: list[int] = []
        sentences: list[int] = []
        quoted = [False] * len(self._tokens)
        clause = sentence = 0
        opened: int | None = None
        empty = True
        for at, written in enumerate(self._tokens):
            sign = _SIGN.get(written[0])
            if sign == COMMA:
                clause += 1
            elif sign == STOP:
                clause += 1
                sentence += not empty
                empty = True
                opened = None if written == "\n" else opened
            elif sign == QUOTE:
                if opened is None:
                    opened = at
                else:
                    quoted[opened:at] = [True] * (at - opened)
                    opened = None
            else:
                empty = False
            clauses.append(clause)
            sentences.append(sentence)
        return clauses, sentences, quoted

    @cached_property
    def _spans(self) -> list[tuple[int, int]]:
        return [match.span() for match in _TOKEN.finditer(self.reading.text)]

    def matches(self, pattern: Pattern) -> list[tuple[int, int]]:
        """Where a phrase stands: (first word, word behind it), in order."""
        found = self._stretches.get(pattern)
        if found is None:
            found = []
            if not any(need.isdisjoint(self.present) for need in pattern.needs):
                written, starts = self._places
                found = [
                    (bisect_right(starts, match.start()) - 1, bisect_right(starts, match.end() - 1))
                    for match in pattern.regex.finditer(written)
                ]
            self._stretches[pattern] = found
        return found

    def sent(self, begin: int, end: int) -> tuple[int, int]:
        """The stretch of the text as sent that these words are."""
        return self.reading.span(self._spans[begin][0], self._spans[end - 1][1])

    def clause_of(self, word: int) -> int:
        """The number of the clause that a word stands in."""
        return self._bounds[0][word]

    def sentence_of(self, word: int) -> int:
        """The number of the sentence that a word stands in."""
        return self._bounds[1][word]

    def is_quoted(self, word: int) -> bool:
        """Whether a word stands between quotation marks in its line."""
        return self._bounds[2][word]


class Listed:
    """Any number of languages, looked up together. Immutable to its users, and safe to share between threads."""

    def __init__(self, sources: Mapping[str, bytes]) -> None:
        """
        Args:
            sources: the bytes of each language's file, by its tag.

        Raises:
            BadLexicon: a file says something that its format does not know.
        """
        self.languages = tuple(sorted(sources))
        parts = [f"{language} {hashlib.sha256(sources[language]).hexdigest()}" for language in self.languages]
        self.digest = "sha256:" + hashlib.sha256("\n".join(parts).encode()).hexdigest()
        self.samples: list[Sample] = []
        """A text for every word and phrase listed, in the order of the files."""
        self._atoms: list[_Atom] = []
        self._triggers: dict[str, list[int]] = {}
        self._meanings: dict[int, list[_Entry]] = {}
        self._phrases: list[_Phrase] = []
        self._grounds: dict[str, str] = {}
        self._innocent: list[frozenset[int]] = []
        self._company: list[dict[str, tuple[Pattern, ...]]] = []
        self._innocent_phrases: list[tuple[Pattern, ...]] = []
        self._tags: list[frozenset[str]] = []
        self._starred: dict[str, list[tuple[str, int]]] = {}
        for number, language in enumerate(self.languages):
            _File(self, number, language, sources[language]).read()
        self._tried: dict[int, list[int]] = {}
        asked = Counter(atom for phrase in self._phrases for need in phrase.pattern.needs for atom in need)
        for number, phrase in enumerate(self._phrases):
            # Looked up by its rarest words.
            for atom in min(phrase.pattern.needs, key=lambda need: sum(asked[atom] for atom in need)):
                self._tried.setdefault(atom, []).append(number)
        self._weighty = frozenset(self._meanings) | frozenset(self._tried)
        self._keys = list(self._triggers)
        self._finder = AhoCorasick(self._keys, matchkind=MatchKind.Standard)
        self._seen = _Seen(self._meet)

    @classmethod
    @cache
    def load(cls, *languages: str) -> Listed:
        """The shipped files of these languages, of all when none is named; KeyError where there is none."""
        shipped = {
            path.name.removesuffix(".toml"): path
            for path in files(__package__).iterdir()
            if path.name.endswith(".toml") and path.name != "en.toml"
        }
        return cls({language: shipped[language].read_bytes() for language in languages or sorted(shipped)})

    def find(self, folded: Folded, language_tag: str | None = None) -> list[Hit]:
        """
        Find everything listed, in every reading of a text.

        Args:
            language_tag: the text's language; "und" lets every entry raise a doubt,
                any other unlisted tag leaves what is unmistakable anywhere. None:
                every entry counts.

        Returns:
            One hit for each label and stretch of the text, the highest score of
            its readings, in text order.
        """
        best: dict[tuple[str, int, int], Hit] = {}
        for reading in folded.variants:
            for hit in self._find_in(reading, language_tag):
                key = (hit.label, hit.begin, hit.end)
                if key not in best or best[key].score < hit.score:
                    best[key] = hit
        return sorted(best.values(), key=lambda hit: (hit.begin, hit.end, hit.label))

    # ---- one reading ----

    def _find_in(self, reading: Folded, tag: str | None) -> Iterator[Hit]:
        tokens = _TOKEN.findall(reading.text)
        atoms = [self._seen[token] for token in tokens]
        if all(map(self._weighty.isdisjoint, atoms)):
            return
        row = _Row(reading, tokens, atoms)
        weighed = 0
        for found in (*self._words_in(row, tag), *self._phrases_in(row, tag)):
            weighed += 1
            entry = found.entry
            if weighed > _WEIGHED_AT_MOST:
                score, company = min(entry.score, IN_COMPANY), "unread"
            else:
                if self._is_innocent(row, found):
                    continue
                score, company = self._in_company(row, found, tag)
            place = row.sent(found.begin, found.end)
            for label in found.labels:
                yield Hit(label, score, *place, entry.source, entry.score, company)

    def _counts(self, entry: _Entry, tag: str | None) -> bool:
        return entry.anywhere or tag is None or tag == UNKNOWN_LANGUAGE or tag in self._tags[entry.language]

    def _words_in(self, row: _Row, tag: str | None) -> Iterator[_Found]:
        for at, atoms in enumerate(row.atoms):
            for atom in atoms:
                for entry in self._meanings.get(atom, ()):
                    if not self._counts(entry, tag) or not self._innocent[entry.language].isdisjoint(atoms):
                        continue
                    if self._atoms[atom].exact and not self._is_exact(row, at, self._atoms[atom]):
                        continue
                    yield _Found(entry, at, at + 1, entry.labels)

    def _phrases_in(self, row: _Row, tag: str | None) -> Iterator[_Found]:
        tried = {number for atom in row.present for number in self._tried.get(atom, ())}
        # In the order of the files, so that the same text always gives the same hits.
        for number in sorted(tried):
            phrase = self._phrases[number]
            if not self._counts(phrase.entry, tag):
                continue
            for begin, end in row.matches(phrase.pattern):
                labels = phrase.entry.labels or self._grounds_in(row, begin, end)
                yield _Found(phrase.entry, begin, end, labels)

    def _grounds_in(self, row: _Row, begin: int, end: int) -> tuple[str, ...]:
        marks = (mark_of(atom) for atoms in row.atoms[begin:end] for atom in atoms)
        return tuple(dict.fromkeys(self._grounds[mark] for mark in marks if mark in self._grounds))

    @staticmethod
    def _is_exact(row: _Row, at: int, atom: _Atom) -> bool:
        """Whether a word was sent so: a Turkish capital I is no i, though folding cannot know that."""
        begin, end = row.sent(at, at + 1)
        sent = row.reading.original[begin:end]
        if not atom.turkish or "I" not in sent:
            return True
        return bool(atom.regex.fullmatch(fold(sent.replace("I", "ı")).text.replace("'", "")))

    def _is_innocent(self, row: _Row, found: _Found) -> bool:
        """Whether a match shares a word with an innocent phrase."""
        return any(
            _overlap(row.matches(pattern), found.begin, found.end)
            for pattern in (*found.entry.innocent, *self._innocent_phrases[found.entry.language])
        )

    def _in_company(self, row: _Row, found: _Found, tag: str | None) -> tuple[float, str]:
        """What is left of a score in its sentence, and the name of what lowered it."""
        entry = found.entry
        if entry.score <= IN_COMPANY or entry.always:
            return entry.score, ""
        if tag == UNKNOWN_LANGUAGE and not entry.anywhere:
            return IN_COMPANY, "language unknown"
        if row.is_quoted(found.begin):
            return IN_COMPANY, "reported"
        if not entry.firm:
            for kind, name in _COMPANY.items():
                if self._has(row, found, kind, tag):
                    return IN_COMPANY, name
        return entry.score, ""

    def _has(self, row: _Row, found: _Found, kind: str, tag: str | None) -> bool:
        # Whoever writes in two languages negates in either.
        languages = [i for i, tags in enumerate(self._tags) if i == found.entry.language or tag in tags]
        if kind == "negating":
            parts = range(row.clause_of(found.begin), row.clause_of(found.end - 1) + 1)
        else:
            further = 2 if kind == "condemning" else 1
            parts = range(row.sentence_of(found.begin), row.sentence_of(found.end - 1) + further)
        return any(
            begin >= found.end or end <= found.begin
            for language in languages
            for part in parts
            for begin, end in self._company_in(row, language, kind).get(part, ())
        )

    def _company_in(self, row: _Row, language: int, kind: str) -> Mapping[int, Sequence[tuple[int, int]]]:
        """Where company of a kind stands, by the number of its clause (negating) or sentence."""
        known = row.company.get((language, kind))
        if known is None:
            known = row.company[language, kind] = {}
            company = self._company[language]
            part_of = row.clause_of if kind == "negating" else row.sentence_of
            for pattern in company[kind]:
                for begin, end in row.matches(pattern):
                    if not any(_overlap(row.matches(nothing), begin, end) for nothing in company["nothing"]):
                        known.setdefault(part_of(begin), []).append((begin, end))
        return known

    # ---- one word ----

    def _meet(self, token: str) -> tuple[int, ...]:
        """The atoms that a word is."""
        if token[0] in _SIGN or len(token) > _LONGEST_WORD:
            return ()
        if "*" in token or "#" in token:
            meant = self._unstarred(token)
            if meant is not None:
                return (meant,)
            token = token.rstrip("*#")
        word = token.replace("'", "")
        triggered = {
            atom
            for number, _, _ in self._finder.find_matches_as_indexes(f" {key_of(word)} ", overlapping=True)
            for atom in self._triggers[self._keys[number]]
        }
        return tuple(atom for atom in sorted(triggered) if self._atoms[atom].regex.fullmatch(word))

    def _unstarred(self, token: str) -> int | None:
        """The listed word that a starred one stands for; None if it stands for none."""
        if sum(map(str.isalpha, token)) < 3:
            return None
        runs = re.findall(r"[*#]+|[^*#]+", token)
        shape = "".join(
            f".{{1,{len(run) + 1}}}" if _STARS.match(run) else re.escape(key_of(run)) for run in runs
        )
        for word, atom in self._starred.get(key_of(token)[:1], ()):
            if re.fullmatch(shape, word):
                return atom
        return None


def _overlap(places: Sequence[tuple[int, int]], begin: int, end: int) -> bool:
    """Whether one of some places, in order and apart, shares a word with begin to end."""
    at = bisect_right(places, (begin, _FARTHEST))
    return (at > 0 and places[at - 1][1] > begin) or (at < len(places) and places[at][0] < end)


class _Seen(dict[str, tuple[int, ...]]):
    """Atoms of the words met so far: a word always is the same."""

    def __init__(self, meet: Callable[[str], tuple[int, ...]]) -> None:
        super().__init__()
        self._meet = meet

    def __missing__(self, token: str) -> tuple[int, ...]:
        found = self._meet(token)
        if len(self) < _SEEN_AT_MOST:
            self[token] = found
        return found


# ---- reading a file ----

_KEYS: Final = {
    "words": {
        "label",
        "labels",
        "severity",
        "words",
        "affixes",
        "exact",
        "anywhere",
        "firm",
        "always",
        "innocent",
    },
    "phrases": {
        "label",
        "labels",
        "severity",
        "patterns",
        "affixes",
        "anywhere",
        "firm",
        "always",
        "innocent",
    },
}
_TABLES: Final = {
    *("language", "severity", "letters", "affixes", "classes", "groups"),
    *("words", "phrases", "company", "innocent"),
}
_CLASS_NAME = re.compile(r"[A-Z][A-Z0-9_]+")


class _File:
    """Adds one language's file to a `Listed`."""

    def __init__(self, listed: Listed, number: int, language: str, source: bytes) -> None:
        self._into = listed
        self._number = number
        self._language = language
        self._place = f"{language}.toml"
        try:
            self._data: dict[str, Any] = tomllib.loads(source.decode())
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as fault:
            raise BadLexicon(f"{self._place}: {fault}") from None
        self._affixes: dict[str, tuple[str, str]] = {}
        self._classes: dict[str, Node] = {}
        self._known: dict[tuple[str, str, bool], int] = {}

    def read(self) -> None:
        """Read all of it; a fault is told with its place in the file."""
        try:
            self._read()
        except BadLexicon as fault:
            raise BadLexicon(f"{self._place}: {fault}") from None

    def _read(self) -> None:
        data, into = self._data, self._into
        self._expect(data, _TABLES)
        into._tags.append(frozenset(data.get("language", {}).get("tags", self._language).split()))
        letters: Mapping[str, str] = data.get("letters", {})
        for name, slots in data.get("affixes", {}).items():
            self._place = f"{self._language}.toml [affixes.{name}]"
            self._expect(slots, {"before", "after"})
            self._affixes[name] = (
                affixes_of(slots.get("before", ()), letters),
                affixes_of(slots.get("after", ()), letters),
            )
        self._read_classes()
        self._place = f"{self._language}.toml [innocent]"
        innocent = data.get("innocent", {})
        self._expect(innocent, {"words", "phrases"})
        into._innocent.append(
            frozenset(self._atom(word, "", exact=False) for word in innocent.get("words", "").split())
        )
        into._innocent_phrases.append(self._patterns(innocent.get("phrases", ""), ""))
        self._place = f"{self._language}.toml [company]"
        company = data.get("company", {})
        self._expect(company, set(_KINDS))
        into._company.append({kind: self._patterns(company.get(kind, ""), "") for kind in _KINDS})
        for source in ("words", "phrases"):
            for number, entry in enumerate(data.get(source, ()), 1):
                self._place = f"{self._language}.toml [[{source}]] {number}"
                self._expect(entry, _KEYS[source])
                self._read_entry(entry, "word" if source == "words" else "phrase")

    def _expect(self, table: Mapping[str, Any], keys: Iterable[str]) -> None:
        if unknown := set(table) - set(keys):
            raise BadLexicon(f"there is no {', '.join(sorted(unknown))} here")

    def _read_classes(self) -> None:
        people: list[Node] = []
        for label, table in self._data.get("groups", {}).items():
            self._place = f"{self._language}.toml [groups.{label}]"
            self._expect(table, {"words", "affixes"})
            if label not in GROUNDS:
                raise BadLexicon(f"no ground has the label {label}")
            node = self._class(table)
            for atom in node.needs[0]:
                self._into._grounds[mark_of(atom)] = label
            self._classes[f"PEOPLE_{label.upper()}"] = node
            people.append(node)
        if people:
            self._classes["PEOPLE"] = either(people)
        for name, table in self._data.get("classes", {}).items():
            self._place = f"{self._language}.toml [classes.{name}]"
            self._expect(table, {"words", "affixes"})
            if not _CLASS_NAME.fullmatch(name) or name in self._classes:
                raise BadLexicon("a class has a name of its own in capital letters")
            self._classes[name] = self._class(table)

    def _class(self, table: Mapping[str, Any]) -> Node:
        endings = "".join(f"+{name}" for name in table.get("affixes", "").split())
        alone: dict[int, str] = {}
        joined: list[Node] = []
        for word in table["words"].split():
            parts = word.split("+")
            alone[self._atom("".join(parts), endings, exact=False)] = "".join(parts)
            if len(parts) > 1:
                joined.append(self._joined(parts, endings, exact=False))
        if not alone:
            raise BadLexicon("no words")
        return either([one_of(alone), *joined])

    def _joined(self, parts: Sequence[str], endings: str, *, exact: bool) -> Node:
        ends = ["" for _ in parts[1:]] + [endings]
        return in_row([one_of({self._atom(p, e, exact=exact): p}) for p, e in zip(parts, ends, strict=True)])

    def _read_entry(self, table: Mapping[str, Any], source: str) -> None:
        named = table.get("labels", [table["label"]] if "label" in table else [])
        labels = tuple(named) if named != ["ground"] else ()
        if not named or set(labels) - set(RULE_LABELS):
            raise BadLexicon(f"no such label: {', '.join(map(str, named)) or 'none'}")
        if source == "word" and not labels:
            raise BadLexicon("words name their label")
        severity = table.get("severity")
        score = self._data.get("severity", {}).get(severity)
        if not isinstance(score, int | float) or not 0.0 <= score <= 1.0:
            raise BadLexicon(f"no such severity: {severity}")
        own = "".join(f"+{name}" for name in table.get("affixes", "").split())
        entry = _Entry(
            self._number,
            labels,
            float(score),
            bool(table.get("firm")),
            bool(table.get("always")),
            bool(table.get("anywhere")),
            self._patterns(table.get("innocent", ""), own),
            source,
        )
        if source == "word":
            self._read_words(table, entry, own)
            return
        for pattern in self._patterns(table.get("patterns", ""), own):
            self._into._phrases.append(_Phrase(pattern, entry))
            grounds = labels or tuple(self._grounds_of(pattern))
            if not grounds:
                raise BadLexicon(f"the label is the ground of a people, and none is named: {pattern.source}")
            self._into.samples.append(Sample(self._language, pattern.sample, grounds))

    def _grounds_of(self, pattern: Pattern) -> Iterator[str]:
        for need in pattern.needs:
            yield from (
                self._into._grounds[mark_of(atom)]
                for atom in sorted(need)
                if mark_of(atom) in self._into._grounds
            )

    def _read_words(self, table: Mapping[str, Any], entry: _Entry, endings: str) -> None:
        into = self._into
        exact = bool(table.get("exact"))
        for word in table.get("words", "").split():
            parts = word.split("+")
            whole = "".join(parts)
            atom = self._atom(whole, endings, exact=exact)
            if entry not in into._meanings.setdefault(atom, []):
                into._meanings[atom].append(entry)
            into.samples.append(Sample(self._language, whole, entry.labels))
            if entry.score >= _STARRED_FROM and not endings and len(whole) > 3:
                key = key_of(fold(whole).text)
                into._starred.setdefault(key[:1], []).append((key, atom))
            if len(parts) > 1:
                node = self._joined(parts, endings, exact=exact)
                into._phrases.append(_Phrase(Pattern(word, node), entry))
                into.samples.append(Sample(self._language, " ".join(parts), entry.labels))

    def _patterns(self, lines: str, own: str) -> tuple[Pattern, ...]:
        def atom_of(word: str, ending: str, exact: bool) -> int:
            if ending == "+" and not own:
                raise BadLexicon(f"{word}+ asks for the affixes of its entry, which names none")
            return self._atom(word, own if ending == "+" else ending, exact=exact)

        return tuple(
            compile_pattern(line, self._classes, atom_of)
            for line in map(str.strip, lines.splitlines())
            if line and not line.startswith("#")
        )

    def _atom(self, word: str, endings: str, *, exact: bool) -> int:
        """The number of a word with these endings ("*", or "+noun+verb"); the same for the same."""
        known = self._known.get((word, endings, exact))
        if known is not None:
            return known
        folded = fold(word).text.replace("'", "")
        if not re.fullmatch(r"[^\W_]+", folded):
            raise BadLexicon(f"{word} is not one word; a+b is written for two")
        written = spelled(folded, exact=exact)
        before = after = ""
        if endings == "*":
            after = r"[^\W_]{0,12}"
            shapes = [written + after]
        else:
            names = endings.split("+")[1:]
            if unknown := set(names) - self._affixes.keys():
                raise BadLexicon(f"no affixes are named {', '.join(sorted(unknown))}")
            shapes = [f"{self._affixes[n][0]}{written}{self._affixes[n][1]}" for n in names] or [written]
            before = "".join(self._affixes[n][0] for n in names)
            after = "".join(self._affixes[n][1] for n in names)
        number = len(self._into._atoms)
        self._into._atoms.append(_Atom("|".join(shapes), exact, "tr" in self._into._tags[self._number]))
        key = ("" if before else " ") + key_of(folded) + ("" if after else " ")
        if not key.strip():
            raise BadLexicon(f"{word} has no letters that could be looked up")
        self._into._triggers.setdefault(key, []).append(number)
        self._known[(word, endings, exact)] = number
        return number
