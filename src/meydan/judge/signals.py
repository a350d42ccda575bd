"""
Deterministic evidence: links, addresses, telephone numbers, repeats, floods, disguise.

Pure. The recent history arrives as a value, read by desk.py. Reads the text as
sent, so that every finding points at the reader's own characters, and never
raises on it. No finding says a reader's words; it says what kind of thing is where.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from meydan.comment import Finding, History, Hold

OBFUSCATED_FROM = 0.35
"""Share of disguise, as fold measures it, from which a person looks at the comment."""

REPEATS_FROM = 2
"""Recent comments with the same folded text from which the next one waits."""

_SHORTEST_REPEAT = 24
"""Many readers write "rest in peace"; only longer texts are told apart as repeats."""

_LONG = 60
_SHORT_TIMES = 7
"""Many thank or mourn in nearly the same line: of texts shorter than `_LONG` characters, so many times as many are a flood."""


@dataclass(frozen=True, slots=True)
class Signals:
    """
    What was seen, in text order, and `promotion`: the probability in [0, 1] that what
    was seen alone makes the comment advertising (the lexicon may know more).
    """

    findings: tuple[Finding, ...]
    promotion: float


# Endings that are also English words ("it", "is", "me", "so") are left out: readers forget
# the space after a full stop far more often than they write a bare address that ends so.
_ENDINGS = (
    "com|net|org|info|biz|io|shop|store|online|site|xyz|club|app|link|live|news|blog|edu|gov|dev|"
    "gg|ly|tv|ru|tr|iq|ir|sy|de|uk|eu|fr|nl|se|ch|pl|ua|cn|jp|kr|br|au|ca|qa|ae|sa|eg|jo|lb|krd"
)
_LINK = re.compile(
    r"(?P<url>(?:https?|ftp)[ ]?:[ ]?//\S+|www\.[^\s.]+\.\S+)"
    rf"|(?P<mail>(?<![\w.+-])[\w.+-]+(?:@|\s?[\[(]\s?at\s?[\])]\s?)[\w-]+(?:\.[\w-]+)*(?:\.|\s?[\[(]\s?dot\s?[\])]\s?)[a-z]{{2,10}}\b)"
    r"|(?P<invite>\b(?:t|telegram|wa|discord|bit|ig|m)\.(?:me|gg|ly)/\w[\w+/-]*)"
    rf"|(?P<bare>(?<![\w@.-])(?:[a-z0-9][a-z0-9-]{{0,62}}\.)+(?:{_ENDINGS})\b(?:/\S*)?(?![\w-]|\.\w))"
    r"|(?P<hidden>\b[a-z0-9-]{2,63}\s?(?:[\[({]\s?(?:dot|\.)\s?[\])}]|\s(?:dot|d0t)\s)\s?(?:com|net|org|info|biz|shop|io|ru|xyz)\b)"
    r"|(?P<handle>(?<![\w@/.])@[a-z][\w.]{2,30})",
    re.IGNORECASE,
)

# Cheap questions first: most comments hold none of these.
_MAYBE_LINK = re.compile(r"://|: //|@|\.[^\W_]|www|[\[({] ?[.daDA]|[dD][o0O][tT]\s")
_MAYBE_PHONE = re.compile(r"\d(?:[ .()/+-]{0,3}\d){6}")
_DIGIT = re.compile(r"\d")

_PHONE = re.compile(
    r"(?<![\w.,+-])(?:"
    r"(?:\+|00)[1-9]\d{0,2}(?:[ .()/-]{0,2}\d){7,12}"  # +964 750 123 4567
    r"|0\d{3}[ .-]?\d{3}[ .-]?\d{2}[ .-]?\d{2}"  # 0750 123 4567, 0532 123 45 67
    r"|0\d{4}[ .-]?\d{6}|0\d{3}[ .-]?\d{3}[ .-]?\d{4}"
    r"|(?:\(\d{3}\) ?|\d{3}[.-])\d{3}[.-]\d{4}"  # (555) 010-0199
    r"|7[3-9]\d{8}|5\d{9}"  # the same without the first zero
    r")(?![\w%]|[.,]\d)"
)

_PRICE = re.compile(
    r"[$€£₺¥]\s?\d[\d.,]*\s?(?:k|m|bn|million|billion)?\b"
    r"|(?<![\w.,])\d[\d.,]*\s?(?:[$€£₺]|usd|iqd|eur|dollars?|euros?|pounds?|liras?|tl|dinars?)(?!\w)",
    re.IGNORECASE,
)

_CAPITAL = re.compile("[A-Z]")
_EXCLAIMED = re.compile(r"[!?]{4,}")
_LETTER = re.compile(r"[^\W\d_]")
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")
_BIDI_OVERRIDE = re.compile("[\u202d\u202e]")

_OFFICES = (
    "President|Premier|Prime|Minister|Senator|Governor|Mayor|King|Queen|Prince|Sheikh|Ayatollah|General|"
    "Chancellor|Secretary|Congressman|Congresswoman|Representative|Ambassador|Speaker|Justice|Colonel|Pope|"
    "Chairman|Commissioner|Deputy|Judge|Sultan|Emir"
)
_CRIME = re.compile(
    r"\b(?:thief|rapist|murder|kill|p(?:a)?edophile|fraudster|embezzl|smuggler|trafficker|dealer|molest|beater|arsonist"
    r"|kidnap|launderer|spy|criminal|stole|raped|blackmail|bribe)"
)
_ACCUSED = re.compile(
    rf"(?P<office>\b(?:{_OFFICES})\.?\s+(?:\w+\s+)?)?"
    r"\b(?P<name>[A-Z][a-z]+(?:[ -][A-Z]\.?)?(?: (?:[Aa]l|[Bb]in|van|de)[ -]?)? ?[A-Z][a-z]{2,})\s+"
    r"(?:(?:is|was)\s+(?:an?|the)\s+(?:\w+\s+){0,2}?"
    r"(?:thief|rapist|murderer|killer|p(?:a)?edophile|fraudster|embezzler|smuggler|trafficker|drug dealer|"
    r"child molester|wife beater|arsonist|kidnapper|money launderer|spy|criminal)\b"
    r"|(?:has\s+)?(?:stole|stolen|raped|murdered|molested|embezzled|blackmailed|kidnapped)\b"
    r"|(?:takes?|took|accepts?|accepted|pa(?:ys|id))\s+(?:\w+\s+)?bribes?\b)"
)
# Two names and a deed, in Turkish; in Sorani, which has no capitals, somebody who says that he saw it.
_ACCUSED_ELSEWHERE = re.compile(
    r"(?<!\w)[A-ZÇĞİÖŞÜ][a-zçğıöşü]+ [A-ZÇĞİÖŞÜ][a-zçğıöşü]{2,}\s(?:[^.!?\n]{0,60}\s)?"
    r"(?:zimmetine geçir|rüşvet al|rüşvet yed|dolandırdı|tecavüz etti|para(?:sı|ları)?n?ı? çaldı)"
    r"|بە چاوی خۆم [^.!?\n]{0,60}(?:بەرتیلی? وەرگرت|دزی|پارەی خوارد)"
)


def _words(lines: str) -> frozenset[str]:
    return frozenset(lines.split())


# Not names, though capitals stand side by side: peoples, institutions, beginnings of a sentence.
_NOT_NAMES = _words(
    """
    the this that these those our your their his her its but and when what who why how if in on at it he she
    they we you i every some one no my so then now yes well also there here after before mr mrs ms dr
    islamic state united nations european union north south east west saudi arabia police army party government
    parliament court ministry company corporation bank council republic kingdom states israel iran iraq russia
    china america britain turkey syria isis hamas hezbollah taliban nato daesh kurdistan baghdad erbil tehran
    """
)
# People whose conduct in office is everybody's business; anyone else is merely held for a person.
_IN_OFFICE = _words(
    """
    trump biden obama bush clinton putin medvedev lavrov netanyahu erdogan barzani talabani sudani maliki
    kadhimi abadi assad khamenei khomeini rouhani raisi pezeshkian sisi zelensky zelenskyy macron scholz merz
    starmer johnson sunak blair jinping lukashenko orban modi kim maduro saddam hussein gaddafi salman sadr
    sharaa vance rubio harris
    """
)


def read(text: str, *, obfuscation: float = 0.0, history: History = History()) -> Signals:
    """
    Read what can be seen without understanding.

    Args:
        text: as sent; any string, lone surrogates included.
        obfuscation: `Folded.obfuscation`, in [0, 1].
        history: what came before this comment.
    """
    findings = [
        *_addresses(text),
        *_phones(text),
        *_prices(text),
        *_loudness(text),
        *_disguise(text, obfuscation),
        *_accusations(text),
        *_crowd(text, history),
    ]
    findings.sort(key=lambda finding: -1 if finding.begin is None else finding.begin)
    return Signals(tuple(findings), _promotion(findings))


def _addresses(text: str) -> Iterator[Finding]:
    if not _MAYBE_LINK.search(text):
        return
    for match in _LINK.finditer(text):
        kind = match.lastgroup or "url"
        begin, end = match.span()
        if kind in {"url", "bare"}:
            yield Finding("link", "a link", begin=begin, end=end)
        elif kind == "mail":
            yield Finding("email", "an e-mail address", "promotion", begin, end)
        elif kind == "invite":
            yield Finding("invite", "an invitation to a channel or chat", "promotion", begin, end)
        elif kind == "hidden":
            yield Finding("hidden-link", "a link written so as not to look like one", "promotion", begin, end)
        else:
            yield Finding("handle", "the name of an account", begin=begin, end=end)


def _phones(text: str) -> Iterator[Finding]:
    if not _DIGIT.search(text):
        return
    plain = text if text.isascii() else "".join(map(_plain_digit, text))
    if not _MAYBE_PHONE.search(plain):
        return
    for match in _PHONE.finditer(plain):
        yield Finding("phone", "a telephone number", "promotion", *match.span())


def _plain_digit(character: str) -> str:
    """Arabic-Indic and other decimal digits as ASCII ones: one character for one, so offsets hold."""
    if character.isascii():
        return character
    value = unicodedata.digit(character, -1)
    return chr(48 + value) if value >= 0 and unicodedata.category(character) == "Nd" else character


def _prices(text: str) -> Iterator[Finding]:
    if not _DIGIT.search(text):
        return
    for match in _PRICE.finditer(text):
        # Oil has a price, too: only the lexicon, which sees buying and selling, makes it advertising.
        yield Finding("price", "an amount of money", None, *match.span())


def _loudness(text: str) -> Iterator[Finding]:
    capitals = len(_CAPITAL.findall(text)) if text.isascii() else sum(map(str.isupper, text))
    if capitals >= 16:
        letters = sum(map(str.isalpha, text))
        if capitals >= 0.7 * letters:
            yield Finding("shouting", "written almost wholly in capitals")
    for match in _EXCLAIMED.finditer(text):
        yield Finding(
            "exclaiming", "four or more exclamation or question marks in a row", None, *match.span()
        )


def _disguise(text: str, obfuscation: float) -> Iterator[Finding]:
    if obfuscation >= OBFUSCATED_FROM:
        yield Finding("obfuscated", "much of it is written in disguise", hold=Hold.OBFUSCATED)
    if not _LETTER.search(text):
        yield Finding("no-letters", "not one letter in it", hold=Hold.UNCERTAIN)
    if text.isascii():
        return
    if match := _BIDI.search(text):
        # An override reverses what is read; the other controls have honest uses in mixed scripts.
        hold = Hold.OBFUSCATED if _BIDI_OVERRIDE.search(text) else None
        yield Finding("direction", "invisible controls of reading direction", None, *match.span(), hold)
    if place := _stacked(text):
        yield Finding("stacked-marks", "marks stacked on letters", None, *place, Hold.OBFUSCATED)


def _stacked(text: str) -> tuple[int, int] | None:
    """The first run of more than three combining marks; no written language needs so many."""
    begin = -1
    for place, character in enumerate(text + " "):
        if character > "\u02ff" and unicodedata.combining(character):
            begin = place if begin < 0 else begin
            continue
        if begin >= 0 and place - begin > 3:
            return begin, place
        begin = -1
    return None


def _accusations(text: str) -> Iterator[Finding]:
    """
    A crime alleged of a named person: the publisher answers for printing it.

    Deliberately simple: first and last name, then a verb or noun of crime. People in
    high office are left out by title and by a short list of surnames; whoever is
    missing from it is held for a person, which is the harmless mistake.
    """
    # Each of those deeds is spelled with a letter that ASCII has not.
    for match in () if text.isascii() else _ACCUSED_ELSEWHERE.finditer(text):
        yield Finding("allegation", "a crime alleged of a named person", None, *match.span(), Hold.ALLEGATION)
    if not _CRIME.search(text):
        return
    for match in _ACCUSED.finditer(text):
        names = {part.lower() for part in re.split(r"[ .-]+", match["name"])}
        if match["office"] or names & _NOT_NAMES or names & _IN_OFFICE:
            continue
        yield Finding("allegation", "a crime alleged of a named person", None, *match.span(), Hold.ALLEGATION)


def _crowd(text: str, history: History) -> Iterator[Finding]:
    if history.repeats >= REPEATS_FROM and len(text) >= _SHORTEST_REPEAT:
        yield Finding("repeated", "the same comment was sent before", "promotion", hold=Hold.FLOOD)
    near_from = history.near_from * (1 if len(text) >= _LONG else _SHORT_TIMES)
    if history.near_repeats >= near_from:
        yield Finding("near-repeated", "nearly the same comment was sent before", hold=Hold.FLOOD)
    if history.on_story >= history.flood_from:
        yield Finding("flood", "many comments on this story within a minute", hold=Hold.FLOOD)


_WEIGHTS = {
    # What this alone says about advertising. One link is how a reader cites a source.
    "email": 0.45,
    "invite": 0.6,
    "hidden-link": 0.6,
    "phone": 0.5,
    "repeated": 0.4,
    "handle": 0.1,
}


def _promotion(findings: list[Finding]) -> float:
    """Independent signs add up as chances do: 1 - (1 - a)(1 - b)…"""
    innocent = 1.0
    for kind in {finding.kind for finding in findings}:
        innocent *= 1.0 - _WEIGHTS.get(kind, 0.0)
    links = sum(finding.kind == "link" for finding in findings)
    innocent *= (1.0, 0.97, 0.8, 0.65)[min(links, 3)]
    return 1.0 - innocent
