"""
Reads a folded text with the words, phrases and contexts of one language's file.

The file (`en.toml`) says what is looked for; this module says what company does
to it: a negation, a quotation with condemnation around it, a question, somebody
telling what was done to them. Company lowers a probability, and never that of
the severest words below the point where a person looks.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import cache, cached_property
from importlib.resources import files
from typing import Any, Final, Literal, overload

from ahocorasick_rs import AhoCorasick

from meydan.comment import GROUNDS, RULE_LABELS
from meydan.judge.lexicon.forms import FORMS
from meydan.judge.lexicon.grammar import BadLexicon, Pattern, Vocabulary, compile_pattern
from meydan.judge.lexicon.hit import Hit
from meydan.judge.lexicon.listed import Listed
from meydan.text.fold import Folded


@dataclass(frozen=True, slots=True)
class _Listed:
    """One meaning of a listed word."""

    label: str
    score: float
    severe: bool
    name: bool


@dataclass(frozen=True, slots=True)
class _Phrase:
    pattern: Pattern
    labels: tuple[str, ...]  # empty: the ground of the group that it names
    score: float
    firm: bool  # no negation excuses it
    always: bool  # nothing does
    not_after: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Kind:
    """What matters about a match in company: says it something of somebody, whom no negation excuses?"""

    statement: bool
    firm: bool = False
    word: bool = False
    lawful: bool = False  # it may be what a court can order
    call: bool = False  # it may call for something to be done to a people


class _Likely:
    """Patterns, and quickly those of them that can match a row with these words; mostly none."""

    def __init__(self, patterns: Iterable[Pattern]) -> None:
        self.all = tuple(patterns)
        by_word: dict[str, list[int]] = {}
        for number, pattern in enumerate(self.all):
            for word in pattern.needs[0]:
                by_word.setdefault(word, []).append(number)
        self._by_word = by_word
        self._words = frozenset(by_word)

    def among(self, words: Set[str]) -> tuple[Pattern, ...]:
        """Those of which each need is met by one of the words, in their order."""
        by_word = self._by_word
        numbers = {number for word in self._words.intersection(words) for number in by_word[word]}
        return tuple(
            self.all[number]
            for number in sorted(numbers)
            if not any(need.isdisjoint(words) for need in self.all[number].needs[1:])
        )


@dataclass(frozen=True, slots=True)
class _Element:
    """What a token becomes in a row, and what it may mean."""

    word: str
    written: str
    phrases: frozenset[int] = frozenset()
    listed: tuple[_Listed, ...] = ()


class _Row:
    """
    A reading as elements: element i begins at `starts[i]` in `written` and is `spans[i]` of the reading.

    Most comments say nothing that is listed, so where the elements are is found out only when asked.
    """

    def __init__(
        self, reading: Folded, shape: re.Pattern[str], elements: Sequence[Sequence[_Element]]
    ) -> None:
        self.reading = reading
        self._shape = shape
        self._elements = elements
        self.innocent: list[tuple[int, int]] | None = None  # found out when asked
        self.words: Set[str] = frozenset()
        self.likely: dict[str, tuple[Pattern, ...]] = {}
        self.weighed: dict[str, int] = {}
        # A full stop at either end, so that phrases can ask for a whole sentence.
        self.written = " ./ " + "".join([e.written for some in elements for e in some]) + "./ "

    @cached_property
    def starts(self) -> list[int]:
        starts, place = [1], 4
        for some in self._elements:
            for element in some:
                starts.append(place)
                place += len(element.written)
        return [*starts, place]

    @cached_property
    def spans(self) -> list[tuple[int, int]]:
        size = len(self.reading.text)
        tokens = self._shape.finditer(self.reading.text)
        spans = [token.span() for token, some in zip(tokens, self._elements, strict=True) for _ in some]
        return [(0, 0), *spans, (size, size)]

    def place_of(self, begin: int, end: int) -> tuple[int, int]:
        """The stretch of the reading that became `written[begin:end]`."""
        first = bisect_right(self.starts, begin) - 1
        last = bisect_right(self.starts, end - 1) - 1
        return self.spans[first][0], self.spans[last][1]


# Stars and their like inside a word stand for letters; an apostrophe joins; a hyphen parts.
_WORD = r"[^\W_]+(?:['*@$#%&!_]+[^\W_]+)*(?:[*#]+|\$+)?|\*{1,6}[^\W_]{2,}|[.!?]+|[,;:\"()\n]|'(?=\w)|(?<=\w)'"
_TOKEN = re.compile(_WORD)
_FIGURES = r"\d[\d.,]{0,20}"  # bounded, and begun once: a wall of digits is read in one go
_MONEY = r"usd|iqd|eur|dollars?|euros?|pounds?|liras?|tl|dinars?|bucks|[$€£₺]"
_TOKEN_OR_FIGURE = re.compile(
    r"(?=[\d$€£₺+(])(?:"
    rf"(?P<price>[$€£₺] ?{_FIGURES}(?:k|m)?\b|(?<!\d)(?<!\d[.,]){_FIGURES} ?(?:{_MONEY})(?!\w))"
    rf"|(?P<percent>(?<!\d)(?<!\d[.,]){_FIGURES} ?%)"
    r"|(?P<phone>(?:\+|00)\d(?:[ .()-]{0,2}\d){6,13}|\(?0\d(?:[ .()-]{0,2}\d){7,10}|\d{3}[.-]\d{3}[.-]\d{4}))"
    r"|(?P<url>(?:https?://|www\.)\S+|(?<![\w@.-])(?:[a-z0-9-]{1,63}\.)+(?:com|net|org|info|biz|io|shop|store|online|site"
    r"|xyz|club|app|link|live|me|gg|ly|tv|co|example|iq|krd|tr|ru|de|uk)\b(?:/\S*)?)"
    r"|(?P<email>[\w.+-]{1,64}@[\w-]+\.[\w.-]+)|(?P<handle>(?<![\w@/.])@[\w.]{2,30})"
    rf"|{_WORD}"
)
_FIGURE = re.compile(r"[\d$€£₺@]|[a-z]\.[a-z]|://")
_MASKED = re.compile(r"[*#@$%&!_]")
_ENDERS = re.compile(r" (?:[.!?]+|\n)/ ")
_CLAUSE = re.compile(r" (?:[,;:\"()]|but|because|if|while|although|though|yet|so)/[^ ]* ")

_MINE = re.compile(r"(?:i|we)/")
_FACE_TO_FACE = re.compile(r"(?:i|we|you)/")
_FIRST_PERSON = re.compile(r" (?:i|we|you|us)/")
_SUBJECT = re.compile(r"(?:i|we|you|your|he|she|they|this|that|these|those)/")
_PREDICATE = re.compile(r"(?:is|are|was|were|be|should|must|ought|needs?|deserves?|has|have|will|can|would)/")

_UNDONE = re.compile(
    r" (?:not|never|nothing|hardly)/[^ ]* (?!(?:only|just|merely|simply)/)(?:[^ ,;:]+/[^ ]* ?){0,2}\Z"
)
"""A negation directly before: "not racist", "nothing at all wrong"."""

_LOOSE = frozenset({"profanity", "vulgarity", "promotion"})
"""Labels of phrases that mean something else as soon as they begin in an innocent stretch."""

_FAR = 600
"""Characters of a row within which company is looked for: some sixty words."""

_WEIGHED_AT_MOST = 200
"""Hits of one label in one reading whose company is read; thousands more would only take time."""

_UNREAD = 0.6
"""What any further hit weighs at most: padding neither hides a threat nor makes one. A person looks."""

_HARD_FROM = 0.6
_SLIP_FROM = 5
"""Letters of a listed word from which a slip of the fingers is still that word, and no other."""

_SEEN_AT_MOST = 50_000

_FLOOR = 0.35
"""Below this no company brings the severest words: a person looks at them."""

_CLEAR_FROM = 0.9
"""A phrase that scores so much alone is clear: company that stands elsewhere cannot make it nothing."""

_CLEAR_AT_LEAST = 0.45
"""Where it makes a clear phrase a doubt: a person looks."""

_LINKING = re.compile(r" ?(?:(?:and|so|or|then|but|well|now)/[^ ]* )*")

_PUNISHMENT = 0.55
"""What a call for the punishment of criminals weighs: an opinion on the law, or a wish for a lynching."""

_NEAR = 40  # characters of a row: some three words


MENDED_AT_MOST: Final = 0.93
"""What is found only where a slip was mended counts so much at most: a doubt, which a model has to share."""


class Lexicon:
    """The words and phrases of one language. Immutable, and safe to share between threads."""

    def __init__(self, source: bytes) -> None:
        """
        Args:
            source: the bytes of a lexicon file.

        Raises:
            BadLexicon: the file names an unknown label, class, form or severity.
        """
        data = tomllib.loads(source.decode())
        self.digest = "sha256:" + hashlib.sha256(source).hexdigest()
        self._severity: Mapping[str, float] = data["severity"]
        self._expansions: dict[str, tuple[str, ...]] = {
            short: tuple(long.split()) for short, long in data["contractions"].items()
        }
        self._innocent = frozenset(_words(data["innocent"]["words"]))
        listed = self._listed_words(data["words"])
        vocabulary, grounds = _vocabulary_of(data)
        self._ground_of = grounds
        self._innocent_phrases = _Likely(
            compile_pattern(line, vocabulary) for line in _lines(data["innocent"]["phrases"])
        )
        self._phrases = tuple(self._phrases_of(data["phrases"], vocabulary))
        # The first need of a phrase that is tried is met: it is what it is tried for.
        self._further_needs = tuple(phrase.pattern.needs[1:] for phrase in self._phrases)
        self._company = {
            name: _Likely(compile_pattern(line, vocabulary) for line in _lines(written))
            for name, written in data["company"].items()
        }
        self._elements = _elements_of(vocabulary, self._phrases, listed, self._expansions)
        self._number = vocabulary.mark["NUMBER"]
        # Elements of every token met so far; a token always becomes the same.
        self._seen: dict[str, tuple[_Element, ...]] = {
            word: (element,) for word, element in self._elements.items()
        }
        for slip, word in self._slips_of(listed, vocabulary):
            self._seen.setdefault(slip, (self._elements[word],))
        self._stems = tuple(
            (stem, tuple(replace(meaning, score=meaning.score * 0.96) for meaning in listed[stem]))
            for stem in _words(data["stems"]["words"])
        )
        self._stems_of_names = frozenset(_words(data["stems"]["in_names"]))
        self._stem_finder = AhoCorasick([stem for stem, _ in self._stems])
        self._usual = frozenset(_words(data["masked"]["first"]))
        self._maskable = _maskable_of(listed, _words(data["masked"]["first"]))
        self._names = frozenset(_words(data["innocent"]["names_before"]))

    @overload
    @classmethod
    def load(cls, language: Literal["en"] = "en") -> Lexicon: ...
    @overload
    @classmethod
    def load(cls, language: str) -> Lexicon | Listed: ...
    @classmethod
    def load(cls, language: str = "en") -> Lexicon | Listed:
        """The shipped lexicon of a language; KeyError where there is none."""
        return _english() if language == "en" else Listed.load(language)

    @property
    def words(self) -> frozenset[str]:
        """Every word that it knows anything about."""
        return frozenset(self._elements) | self._innocent

    def find(self, folded: Folded, language_tag: str = "en", mended: Folded | None = None) -> list[Hit]:
        """
        Find everything listed, in every reading of a text.

        Args:
            language_tag: not asked: English words count in a text of any language.
            mended: one more reading of it.

        Returns:
            One hit for each label and stretch of the text, the highest score of
            its readings, in text order.
        """
        del language_tag
        best: dict[tuple[str, int, int], Hit] = {}
        for reading in folded.variants if mended is None else (*folded.variants, mended):
            for hit in self._find_in(reading, folded.text):
                if reading is mended:
                    hit = replace(hit, score=min(hit.score, MENDED_AT_MOST))
                key = (hit.label, hit.begin, hit.end)
                if key not in best or best[key].score < hit.score:
                    best[key] = hit
        return sorted(best.values(), key=lambda hit: (hit.begin, hit.end, hit.label))

    # ---- one reading ----

    def _find_in(self, reading: Folded, plain: str) -> Iterator[Hit]:
        text = reading.text
        seen = self._seen.get
        if _FIGURE.search(text):
            shape = _TOKEN_OR_FIGURE
            tokens = [f"<{m.lastgroup}>" if m.lastgroup else m[0] for m in shape.finditer(text)]
        else:
            shape = _TOKEN
            tokens = shape.findall(text)
        elements = [seen(token) or self._meet(token, plain) for token in tokens]
        flat = [element for some in elements for element in some]
        row = _Row(reading, shape, elements)
        row.words = words = {".", *tokens, *[e.word for e in flat]}
        tried = frozenset[int]().union(*[e.phrases for e in flat if e.phrases])
        if tried:
            # In the order of the file, so that the same text always gives the same hits.
            for number in sorted(tried):
                for need in self._further_needs[number]:
                    if need.isdisjoint(words):
                        break
                else:
                    yield from self._matches(row, self._phrases[number], words)
        listed = [(number, e.listed) for number, e in enumerate(flat, 1) if e.listed]
        for number, begin, end in self._stem_finder.find_matches_as_indexes(text):
            self._add_stem(row, number, begin, end, listed)
        if listed:
            yield from self._listed_in(row, listed, words)

    def _matches(self, row: _Row, phrase: _Phrase, words: Set[str]) -> Iterator[Hit]:
        loose = not _LOOSE.isdisjoint(phrase.labels)
        for match in phrase.pattern.regex.finditer(row.written):
            begin, end = match.span()
            # An innocent stretch covers the whole match; what is only a manner of speaking
            # may also run on behind it.
            covered = self._innocent_until(row, words, begin)
            if covered >= end or (loose and covered > begin):
                continue
            if phrase.not_after and self._follows(row, begin, phrase.not_after):
                continue
            labels = phrase.labels or self._grounds_in(match[0])
            yield from self._weighed(row, begin, end, labels, phrase)

    def _listed_in(
        self, row: _Row, listed: Sequence[tuple[int, tuple[_Listed, ...]]], words: Set[str]
    ) -> Iterator[Hit]:
        for element, meanings in listed:
            begin = row.starts[element]
            if self._innocent_until(row, words, begin) > begin:
                continue
            end = row.starts[element + 1]
            for meaning in meanings:
                if meaning.name and self._is_name(row, element):
                    continue
                kind = _Kind(statement=meaning.label == "personal_attack", word=True)
                score, company = self._in_company(row, begin, end, meaning.label, meaning.score, kind)
                if meaning.severe:
                    score = max(score, min(_FLOOR, meaning.score))
                yield self._hit(row, begin, end, meaning.label, score, meaning.score, company, "word")

    def _innocent_until(self, row: _Row, words: Set[str], place: int) -> int:
        """
        Where the innocent stretch around a place ends, or 0.

        In such stretches listed words mean something else: tit for tat, lynch mob.
        """
        if row.innocent is None:
            row.innocent = sorted(
                match.span()
                for pattern in self._innocent_phrases.among(words)
                for match in pattern.regex.finditer(row.written)
            )
        last = bisect_right(row.innocent, (place, len(row.written)))
        # Stretches are short and few at one place: the three before are enough.
        ends = (end for begin, end in row.innocent[max(0, last - 3) : last] if end > place)
        return max(ends, default=0)

    def _weighed(
        self, row: _Row, begin: int, end: int, labels: Iterable[str], phrase: _Phrase
    ) -> Iterator[Hit]:
        kind = _Kind(
            statement=True, firm=phrase.firm, lawful="threat" in phrase.labels, call=not phrase.labels
        )
        for label in labels:
            score, company = phrase.score, ""
            if not phrase.always:
                score, company = self._in_company(row, begin, end, label, phrase.score, kind)
            yield self._hit(row, begin, end, label, score, phrase.score, company, "phrase")

    @staticmethod
    def _hit(
        row: _Row, begin: int, end: int, label: str, score: float, alone: float, company: str, source: str
    ) -> Hit:
        sent = row.reading.span(*row.place_of(begin, end))
        return Hit(label, score, *sent, source, alone, company)

    def _meet(self, token: str, plain: str) -> tuple[_Element, ...]:
        """The elements of a token that was not seen before; remembered, as they are always the same."""
        found = self._unlisted(token, plain)
        # What letters written apart became depends on the text.
        if len(self._seen) < _SEEN_AT_MOST and not (len(found) == 2 and found[0].word == "a"):
            self._seen[token] = found
        return found

    def _unlisted(self, token: str, plain: str) -> tuple[_Element, ...]:
        """Elements of a token that is not in the vocabulary as it stands."""
        long = self._expansions.get(token)
        if long is None:
            if not token[0].isalnum() and token[0] != "*":
                # Any run of marks ends a sentence as its first mark does: "?!?" still asks.
                return (
                    self._elements.get("?" if "?" in token else token[0])
                    or _Element(token[0], f"{token[0]}/ "),
                )
            if _MASKED.search(token) and (meant := self._unmask(token)):
                return (self._elements.get(meant) or _Element(meant, f"{meant}/ "),)
            if "'" not in token:
                known = self._elements.get(token[1:]) if token[0] == "a" else None
                if known is not None and known.listed and token not in plain:
                    # Letters written apart swallow the article before them: "you are a m o r o n".
                    return (self._elements["a"], known)
                if token.isdigit():
                    return (replace(self._elements["<number>"], written=f"{token}/{self._number} "),)
                return (_Element(token, f"{token}/ "),)
            head, _, tail = token.rpartition("'")
            if tail == "t" and head.endswith("n"):
                long = (head[:-1], "not")
            else:
                long = (
                    head,
                    {"re": "are", "ll": "will", "ve": "have", "d": "would", "m": "am"}.get(tail, "'s"),
                )
        return tuple(self._elements.get(word) or _Element(word, f"{word}/ ") for word in long)

    def _unmask(self, token: str) -> str | None:
        """The listed word that a starred one stands for, the commonest first; None if it stands for none."""
        letters = _MASKED.sub("", token)
        stars = len(token) - len(letters)
        if not letters.isalpha() or stars > 6:
            return None
        shape = re.compile(_shape_of(token))
        likely = self._maskable.get(token[0]) if token[0].isalpha() else self._maskable[""]
        for word in likely or ():
            # One letter and stars can be anything; only what everybody writes so is understood.
            clear = len(letters) > 2 or (
                word in self._usual and (len(letters) > 1 or len(word) == len(token) > 3)
            )
            if clear and shape.fullmatch(word):
                return word
        return None

    def _add_stem(
        self,
        row: _Row,
        number: int,
        begin: int,
        end: int,
        words: list[tuple[int, tuple[_Listed, ...]]],
    ) -> None:
        """A listed stem inside a longer word counts, unless the word is listed itself, or is innocent."""
        text = row.reading.text
        element = bisect_right(row.spans, (begin, len(text) + 1)) - 1
        if element < 0:
            return
        first, last = row.spans[element]
        token = text[first:last]
        if end > last or token in self._innocent or token.rstrip("s") in self._innocent:
            return
        known = self._elements.get(token) or self._elements.get(token.removesuffix("'s"))
        stem, _ = self._stems[number]
        if begin > first and stem in self._stems_of_names:
            place, after = row.reading.span(first, last)
            if row.reading.original[place:after].istitle():
                return
        if known is None or not known.listed:
            words.append((element, self._stems[number][1]))

    def _is_name(self, row: _Row, element: int) -> bool:
        """Whether a word is written as part of a name: Dick Cheney, Alfred Hitchcock, Moby Dick."""
        before = row.starts[element] - 1
        previous = row.written[:before].rpartition(" ")[2].split("/")[0]
        if previous in self._names:
            return True
        place, last = row.reading.span(*row.spans[element])
        sent = row.reading.original
        if not sent[place:last].istitle():
            return False
        neighbours = [row.spans[i] for i in (element - 1, element + 1) if 0 <= i < len(row.spans)]
        for begin, end in neighbours:
            first, after = row.reading.span(begin, end)
            if sent[first:after].istitle():
                return True
        return False

    # ---- company ----

    def _in_company(
        self, row: _Row, begin: int, end: int, label: str, score: float, kind: _Kind
    ) -> tuple[float, str]:
        """What is left of a score in its sentence, and the name of what lowered it."""
        row.weighed[label] = weighed = row.weighed.get(label, 0) + 1
        if weighed > _WEIGHED_AT_MOST:
            return min(score, _UNREAD), "unread"
        return self._weigh(row, begin, end, score, kind)

    def _weigh(self, row: _Row, begin: int, end: int, score: float, kind: _Kind) -> tuple[float, str]:
        """The same for one match in its place."""
        written = row.written
        first, last = _sentence(written, begin, end)
        # What comes before a "but" excuses nothing behind it.
        first = max(first, written.rfind(" but/", first, begin))
        before, after = written[first:begin], written[end - 1 : last]
        # A swear word stays one in a quotation; what was said of somebody does not.
        low = 0.12 if kind.statement or score < 0.9 else 0.5
        if kind.word and kind.statement and self._says(None, "self", before[-80:]):
            return low, "of oneself"
        if (
            not kind.word
            and not _SUBJECT.match(written, begin)
            and self._says(row, "self_is", before, at_end=True)
        ):
            return low, "of oneself"
        clause = before[_last_clause(before) :]
        to_a_face = bool(_FACE_TO_FACE.match(written, begin))
        # "Say that again and I'll …" reports nothing: what one person says to the other has
        # to follow the verb of saying closely.
        nearby = " ".join(before.split(" ")[-4:]) if to_a_face else before
        told = self._says(row, "reporting", nearby) and not self._says(row, "own_saying", before, at_end=True)
        if kind.call and self._starts("doing", written, begin) and not self._calls(row, before):
            # "ISIS tried to kill …", "countries that behead …": a report, no call.
            theirs = self._says(row, "done", before, at_end=True) and not _FIRST_PERSON.search(before)
            harmless = theirs or self._says(row, "negating", clause)
            return min(score, 0.2 if harmless else _CLEAR_AT_LEAST), "told"
        quoted = _quoted(written, first, begin, end, last, told=told)
        distanced = not kind.firm and self._says(row, "distanced", nearby)
        if _PREDICATE.match(written, begin) and self._says(row, "speaker", before, at_end=True):
            # "Whoever says so should be shot": what is said of the speakers is the writer's own.
            told = distanced = False
        if self._says(row, "endorsing", before) or (
            (told or distanced or quoted)
            and self._says(row, "agreeing", after + _next_sentence(written, last))
        ):
            # "It is not racist to say that …" says it, and so does "they say …, and they are right".
            told = distanced = quoted = False
            clause = ""
        # Whoever adds "and that is wrong" to a threat has still made it.
        clear = not kind.word and score >= _CLEAR_FROM
        if clear and not quoted:
            if to_a_face:
                low = _CLEAR_AT_LEAST
            elif not (told or distanced):
                low = 0.12 if self._says(row, "negating", clause) else _CLEAR_AT_LEAST
        # "They say it is wrong to …, but it is true": a "but" afterwards takes the excuse back.
        if " but/" not in after:
            if (told or distanced or quoted) and (
                self._condemns(row, before + after)
                or self._says(row, "condemning_next", _next_sentence(written, last))
            ):
                return min(score, low), "condemned"
            if self._says(row, "suffered", nearby) or (
                quoted and self._says(row, "suffered_after", after[:_FAR])
            ):
                return min(score, low), "suffered"
            if distanced:
                return min(score, low), "distanced"
            if kind.statement and not kind.firm:
                # "If you don't stop I will …" denies nothing; "I will not" is no match at all.
                mine = _MINE.match(written, begin)
                if (
                    not mine
                    and self._says(row, "negating", clause)
                    and not self._says(row, "no_denial", clause)
                ):
                    return min(score, low), "negated"
                if not (clear and to_a_face) and self._says(row, "denying", before + after):
                    return min(score, low), "denied"
        if kind.lawful and not to_a_face and self._says(row, "punishment", written[first : end + _NEAR]):
            return min(score, _PUNISHMENT), "punishment"
        if told or quoted or distanced or _quoted_across(written, begin, end):
            return min(score, 0.6), "reported"
        if not kind.firm and not kind.word and self._asks(written, begin - len(clause), last):
            protests = self._says(row, "protesting", clause + written[begin:end])
            return min(score, 0.2 if protests else 0.6), "asked"
        return score, ""

    def _condemns(self, row: _Row, part: str) -> bool:
        """Whether a sentence condemns something: "it is not racist to say so" condemns nothing."""
        part = part if part.startswith(" ") else " " + part
        return any(
            not _UNDONE.search(part, max(0, match.start() - _NEAR), match.start())
            for pattern in self._likely(row, "condemning")
            for match in pattern.regex.finditer(part)
        )

    def _says(self, row: _Row | None, name: str, part: str, *, at_end: bool = False) -> bool:
        """Whether company of this name is in a part of a row, whole words of it; None: in words that may be cut."""
        patterns = self._company[name].all if row is None else self._likely(row, name)
        if not patterns:
            return False
        part = part if part.startswith(" ") else " " + part
        return any((p.at_end if at_end else p.regex).search(part) for p in patterns)

    def _likely(self, row: _Row, name: str) -> tuple[Pattern, ...]:
        """The company of this name that can be anywhere in a row, which has the words it needs; mostly none."""
        found = row.likely.get(name)
        if found is None:
            found = row.likely[name] = self._company[name].among(row.words)
        return found

    def _calls(self, row: _Row, before: str) -> bool:
        """Whether a verb behind these words is a call: alone at the beginning, or asked for."""
        return before.rstrip().rpartition(" ")[2] in {"", "(/", ")/"} or self._says(
            row, "calling", before, at_end=True
        )

    def _starts(self, name: str, written: str, begin: int) -> bool:
        return any(pattern.regex.match(written, begin) for pattern in self._company[name].all)

    def _asks(self, written: str, begin: int, last: int) -> bool:
        """Whether a clause begins with the verb or the question word, and its sentence ends with the mark."""
        if not written.startswith("?/", last):
            return False
        linked = _LINKING.match(written, begin)
        begin = linked.end() if linked else begin
        return self._starts("asking", written, begin)

    @staticmethod
    def _follows(row: _Row, begin: int, words: frozenset[str]) -> bool:
        previous = row.written[:begin].rstrip().rpartition(" ")[2]
        return previous.split("/")[0] in words

    def _grounds_in(self, matched: str) -> tuple[str, ...]:
        return tuple(label for label, mark in self._ground_of.items() if mark in matched)

    # ---- reading the file ----

    def _listed_words(self, entries: Sequence[Mapping[str, Any]]) -> dict[str, tuple[_Listed, ...]]:
        listed: dict[str, tuple[_Listed, ...]] = {}
        for entry in entries:
            label, severity = entry["label"], entry["severity"]
            if label not in RULE_LABELS or severity not in self._severity:
                raise BadLexicon(f"no label {label!r} or no severity {severity!r} for listed words")
            meaning = _Listed(label, self._severity[severity], severity == "severe", bool(entry.get("name")))
            for form in _forms_of(entry):
                listed[form] = (*listed.get(form, ()), meaning)
        return listed

    def _slips_of(
        self, listed: Mapping[str, tuple[_Listed, ...]], vocabulary: Vocabulary
    ) -> Iterator[tuple[str, str]]:
        """Long hard words with two neighbouring letters changed round, the first excepted, and what they stand for."""
        hard = {word for word, meanings in listed.items() if any(m.score >= _HARD_FROM for m in meanings)}
        hard |= vocabulary.members["INSULT"] | vocabulary.members["NASTY"]
        for word in sorted(hard & self._elements.keys()):
            if len(word) >= _SLIP_FROM and word.isalpha() and word not in self._innocent:
                for at in range(1, len(word) - 1):
                    slip = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
                    if slip not in self._innocent and slip not in self._expansions:
                        yield slip, word

    def _phrases_of(self, entries: Sequence[Mapping[str, Any]], vocabulary: Vocabulary) -> Iterator[_Phrase]:
        for entry in entries:
            labels = tuple(_words(entry["labels"])) if entry["labels"] != "ground" else ()
            if unknown := set(labels) - set(RULE_LABELS):
                raise BadLexicon(f"no label {sorted(unknown)} for phrases")
            for line in _lines(entry["patterns"]):
                yield _Phrase(
                    compile_pattern(line, vocabulary),
                    labels,
                    self._severity[entry["severity"]],
                    bool(entry.get("firm")),
                    bool(entry.get("always")),
                    frozenset(_words(entry.get("not_after", ""))),
                )


@cache
def _english() -> Lexicon:
    return Lexicon(files(__package__).joinpath("en.toml").read_bytes())


def _vocabulary_of(data: Mapping[str, Any]) -> tuple[Vocabulary, dict[str, str]]:
    """The classes of a file, those of the groups included, and the mark of each ground."""
    members: dict[str, set[str]] = {}
    for name, entry in data["classes"].items():
        members[name] = set(_forms_of(entry))
    for name, entry in data["classes"].items():
        for other in _words(entry.get("with", "")):
            members[name] |= members[other]
    for label, group in data["groups"].items():
        if label not in GROUNDS:
            raise BadLexicon(f"no ground {label!r}")
        for key, name in (("many", "MANY"), ("one", "ONE"), ("kind", "KIND")):
            members.setdefault(name, set()).update(_words(group.get(key, "")))
        members["GROUND_" + label.upper()] = {
            word for key in ("many", "one", "kind", "marks") for word in _words(group.get(key, ""))
        }
    mark = {name: chr(0xE000 + number) for number, name in enumerate(members)}
    grounds = {label: mark["GROUND_" + label.upper()] for label in data["groups"]}
    vocabulary = Vocabulary(
        {name: frozenset(words) for name, words in members.items()},
        mark,
        data["macros"],
        frozenset(_words(data["common"]["words"])),
    )
    return vocabulary, grounds


def _elements_of(
    vocabulary: Vocabulary,
    phrases: Sequence[_Phrase],
    listed: Mapping[str, tuple[_Listed, ...]],
    expansions: Mapping[str, tuple[str, ...]],
) -> dict[str, _Element]:
    """Every word that anything is known about, ready for a row."""
    marks: dict[str, str] = {}
    for name, members in vocabulary.members.items():
        for word in members:
            marks[word] = marks.get(word, "") + vocabulary.mark[name]
    triggers: dict[str, set[int]] = {}
    for number, phrase in enumerate(phrases):
        for word in phrase.pattern.needs[0]:
            triggers.setdefault(word, set()).add(number)
    known = (
        marks.keys()
        | triggers.keys()
        | listed.keys()
        | {".", "?", "!", ",", ";", ":", '"', "(", ")", "\n", "'"}
    )
    return {
        word: _Element(
            word, f"{word}/{marks.get(word, '')} ", frozenset(triggers.get(word, ())), listed.get(word, ())
        )
        for word in known
        if word not in expansions
    }


def _forms_of(entry: Mapping[str, Any]) -> Iterator[str]:
    make = FORMS.get(entry.get("forms", "alone"))
    if make is None:
        raise BadLexicon(f"no forms {entry['forms']!r}")
    for word in _words(entry["words"]):
        yield from make(word)
    yield from _words(entry.get("also", ""))


def _maskable_of(
    listed: Mapping[str, tuple[_Listed, ...]], first: Sequence[str]
) -> dict[str, tuple[str, ...]]:
    """Listed words by first letter, and all under "" (first letter starred); likely ones come first."""
    order = {word: number for number, word in enumerate(first)}
    ranked = sorted({*listed, *first}, key=lambda word: (order.get(word, len(order)), len(word), word))
    by_letter: dict[str, tuple[str, ...]] = {}
    for word in ranked:
        hard = any(meaning.score >= _HARD_FROM for meaning in listed.get(word, ()))
        if len(word) > 2 and (hard or (word not in listed and word in order)):
            by_letter[word[0]] = (*by_letter.get(word[0], ()), word)
            by_letter[""] = (*by_letter.get("", ()), word)
    return by_letter


def _shape_of(token: str) -> str:
    """A regular expression for what a starred token can stand for: each star a letter, a run of them some."""
    runs = re.findall(r"[*#@$%&!_]+|[^*#@$%&!_]+", token)
    return "".join(rf"[a-z]{{1,{len(run) + 2}}}" if _MASKED.match(run) else re.escape(run) for run in runs)


def _sentence(written: str, begin: int, end: int) -> tuple[int, int]:
    """
    Begin and end, in a row, of the sentence around a match; the end is where its last mark begins.

    Looks no further than `_FAR` either way: company that far off is none.
    """
    near, far = max(0, begin - _FAR), min(len(written), end + _FAR)
    marks = [written.rfind(f" {mark}/", near, begin) for mark in (".", "!", "?", "\n")]
    first = max(marks)
    first = written.find(" ", first + 1) if first >= 0 else written.find(" ", near)
    ends = [written.find(f" {mark}/", end - 1, far) for mark in (".", "!", "?", "\n")]
    last = min((place for place in ends if place >= 0), default=far - 1)
    return min(first, begin), last + 1


def _next_sentence(written: str, last: int) -> str:
    """The sentence after the one that ends at `last`."""
    begin = written.find(" ", last)
    if begin < 0:
        return " "
    _, end = _sentence(written, begin + 1, begin + 1)
    return written[begin:end]


def _quoted(written: str, first: int, begin: int, end: int, last: int, *, told: bool) -> bool:
    """
    Whether quotation marks open before a match and close after it, in its own sentence.

    The closing mark may follow the full stop. Single marks are apostrophes too, so they
    count only after a verb of saying.
    """
    close = written.find(" ", last) + 1
    after = written[end - 1 : last] + (" " + written[close : close + 2] if close else "")
    if written.count(' "/', first - 1 if first else 0, begin) % 2 == 1 and ' "/' in after:
        return True
    return told and " '/" in written[first:begin] and " '/" in after


def _quoted_across(written: str, begin: int, end: int) -> bool:
    """Whether quotation marks seem to open some sentences before a match and to close some after it."""
    opened = written.count(' "/', max(0, begin - _FAR), begin)
    return opened % 2 == 1 and written.find(' "/', end - 1, end + _FAR) >= 0


def _last_clause(before: str) -> int:
    """Where the last clause begins in what comes before a match."""
    place = 0
    for match in _CLAUSE.finditer(before):
        place = match.end() - 1
    return place


def _words(written: str) -> list[str]:
    return written.split()


def _lines(written: str) -> list[str]:
    """The lines of a block that say something; `#` begins a remark."""
    lines = (line.partition("#")[0].strip() for line in written.splitlines())
    return [line for line in lines if line]
