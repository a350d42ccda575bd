"""
Disguises inside plain ASCII and everyday letters: leet, letters set apart, stretched words.

Works on text that is folded already; knows nothing of offsets. Each step lists
edits as (begin, end, new), in order and apart, and fold.py applies them. Innocent
text may be distorted here, so what comes out may only raise a suspicion.
Every pattern is linear: none can match the same stretch in two ways.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Callable
from typing import Final

from meydan.text._letters import ACCENTS_IN_USE, LEET

Edit = tuple[int, int, str]

_LETTER = r"[^\W\d_]"
_RARE_ACCENTS = "".join(
    c
    for c in map(chr, (*range(0x00C0, 0x0250), *range(0x1E00, 0x1F00)))
    if c.isalpha() and c not in ACCENTS_IN_USE
)
_SUSPECT_ASCII = re.compile(
    r"[a-z](?:[0-9@$|+(<_~^.*#%!-]+[a-z]|[0-9$])|[0-9@$|!][a-z]|\b[a-z0-9]\W{1,3}[a-z0-9@$!]\W{1,3}[a-z0-9@$]\b"
    r"|([a-z])\1\1"
)
_SUSPECT = re.compile(
    rf"{_LETTER}(?:[0-9@$!|+€£¢¥§(<*#%_.~^·•-]+{_LETTER}|[0-9$])|[0-9@$€£!|]{_LETTER}"
    rf"|\b\w\W{{1,3}}\w\W{{1,3}}\w\b|({_LETTER})\1\1|[\U0001f1e6-\U0001f1ff{_RARE_ACCENTS}]"
)
_TOKEN = re.compile(r"\S+")
_DOMAIN = re.compile(
    r"[^\W_]\.(?:com|net|org|info|io|co|tv|me|ly|gov|edu|krd|iq|tr|ir|uk|de|fr|eu|us|ru|nl|xyz|shop|online"
    r"|site|app|dev|ai|news|biz|club|store|link|live|gl|be)(?![^\W_])"
)
_DOT_WITHIN = re.compile(r"\.\S")
_MAILBOX = re.compile(r"[^\W_]@[^\W_][\w-]*\.")

# Letters alone, three or more, with the same thing between each two of them.
_APART = re.compile(
    r"(?<![^\W_])(?<!['@$])(?:[^\W_]|[@$](?=[ .*_-]))"
    r"([ \n]|[ ]?[-._*~^|/,'·•+:=][ ]?)(?:[^\W_]|[@$!])(?![^\W_])"
    r"(?:\1(?:[^\W_]|[@$!])(?![^\W_]))+"
)
_INNER = re.compile(rf"(?<={_LETTER})(?:[_~^·•]{{1,3}}|\.)(?={_LETTER})")
_HYPHENED = re.compile(rf"(?<![^\W_-])({_LETTER}+)-({_LETTER}+)(?![^\W_-])")
_LEETED = re.compile(r"[\w@$!|+€£¢¥§(<]+")
_QUANTITY = re.compile(r"[$€£¥]?\d[\d.,]*(?:[a-z]{0,3}|years?|hours?|mins?|hrs?)\Z")
_GROUPS = re.compile(r"\d+")
_STRETCHED = re.compile(rf"({_LETTER})\1{{2,}}")
_WORD = re.compile(r"[^\W_]+")
_FLAGS = re.compile("[\U0001f1e6-\U0001f1ff]+")
_STARRED = re.compile(rf"{_LETTER}[*#%]+{_LETTER}|(?<![*\w]){_LETTER}\*{{2,}}")
_ACRONYM_DOTS: Final = 4


def is_suspect(text: str) -> bool:
    """Tell quickly whether any step might find something in a folded text."""
    return bool(_SUSPECT_ASCII.search(text) if text.isascii() else _SUSPECT.search(text))


def addresses(text: str) -> list[tuple[int, int]]:
    """
    Find web and mail addresses: their dots and digits are spelling, not disguise.

    Args:
        text: a folded text.

    Returns:
        (begin, end) of each, in code points of `text`, in order.
    """
    # Most full stops end a sentence, and what has no other sign of an address need not be looked at word by word.
    if "/" not in text and "@" not in text and "www." not in text and not _DOT_WITHIN.search(text):
        return []
    return [
        match.span()
        for match in _TOKEN.finditer(text)
        if (token := match.group())
        and ("." in token or "/" in token)
        and ("://" in token or "www." in token or _DOMAIN.search(token) or _MAILBOX.search(token))
    ]


def join_letters(text: str, is_wide: Callable[[int], bool]) -> list[Edit]:
    """
    Join letters that stand alone: "s t u p i d", "i.d.i.o.t", "f-o-o-l".

    `is_wide` tells whether the space at an index was sent wider than one: then it
    parts words ("s h u t  u p"), unless every one in the row was.
    """
    edits: list[Edit] = []
    for match in _APART.finditer(text):
        begin, end = match.span()
        spaces = [i for i in range(begin, end) if text[i] == " "] if match.group(1) == " " else []
        wide = {i for i in spaces if is_wide(i)}
        if len(wide) == len(spaces):
            wide = set()
        kept = "".join(
            c for i, c in enumerate(match.group(), begin) if c.isalnum() or c in "@$!" or i in wide
        )
        if sum(map(str.isalpha, kept)) >= 2:
            edits.append((begin, end, kept))
    return edits


def join_halves(text: str) -> list[Edit]:
    """Join words broken by a sign: "stu.pid", "id_iot"; and by a hyphen near an end: "f-ool"."""
    # Stars stay: they stand for letters that only a word list can guess.
    signs: list[Edit] = [(*match.span(), "") for match in _INNER.finditer(text)]
    hyphens: list[Edit] = [
        (match.end(1), match.end(1) + 1, "")
        for match in _HYPHENED.finditer(text)
        if min(len(match.group(1)), len(match.group(2))) <= 2
    ]
    return sorted(signs + hyphens)


def read_leet(text: str, ones: str) -> list[Edit]:
    """Read digits and signs inside words as letters; "1", "|" and "!" as `ones` ("i" or "l")."""
    edits: list[Edit] = []
    for match in _LEETED.finditer(text):
        word = match.group().rstrip("!|+€£¢¥§(<")
        if not word or word.isalpha() or ("(" in word and text[match.end() : match.end() + 1] == ")"):
            continue  # word(s)
        if (new := _unleet(word, ones)) != word:
            edits.append((match.start(), match.start() + len(word), new))
    return edits


def squeeze(text: str, repeats: int) -> list[Edit]:
    """Shorten letters written three times or more to `repeats` of them."""
    return [(*match.span(), match.group(1) * repeats) for match in _STRETCHED.finditer(text)]


def strip_accents(text: str) -> list[Edit]:
    """Take accents off words that no language writes so, and read odd rows of flag letters as letters."""
    edits: list[Edit] = []
    if text.isascii():
        return edits
    for match in _WORD.finditer(text):
        word = match.group()
        if word.isascii():
            continue
        accents = [c for c in word if "\u00c0" <= c <= "\u024f" or "\u1e00" <= c <= "\u1eff"]
        if len(accents) > 1 and any(c not in ACCENTS_IN_USE for c in accents):
            bare = "".join(unicodedata.normalize("NFD", c)[0] for c in word)
            if bare != word:
                edits.append((*match.span(), bare))
    # Two indicators are a flag; an odd number of them spells.
    edits.extend(
        (*match.span(), "".join(chr(ord(c) - 0x1F1E6 + 97) for c in match.group()))
        for match in _FLAGS.finditer(text)
        if len(match.group()) % 2
    )
    return sorted(edits)


def outside(edits: list[Edit], spans: list[tuple[int, int]]) -> list[Edit]:
    """Keep the edits that touch none of these stretches, which are in order and apart."""
    return [edit for edit in edits if not _meets(spans, edit[0], edit[1])] if spans else edits


def count_disguised(text: str) -> int:
    """Count words of a folded text that are certainly disguised; abbreviations and typing slips are not."""
    spans = addresses(text)
    count = 0
    for match in _STARRED.finditer(text):
        count += not _meets(spans, *match.span())
    for match in _APART.finditer(text):
        letters = sum(map(str.isalnum, match.group()))
        # U.S.A. and a.k.a. are spelling; four letters with spaces between them are not.
        least = _ACRONYM_DOTS + 1 if match.group(1) == "." else _ACRONYM_DOTS
        if letters >= least and any(map(str.isalpha, match.group())) and not _meets(spans, *match.span()):
            count += letters  # each was counted as a word
    for begin, end, new in outside(read_leet(text, "i"), spans):
        if text[begin] == "@" and text[begin + 1 : end].isalpha():
            continue  # far more often somebody's name
        letters = sum(map(str.isalpha, text[begin:end]))
        count += end - begin > 3 and (letters >= 3 or end - begin > 4) and new.isalpha()
    for match in _TOKEN.finditer(text):
        token = match.group()
        if token.isalpha():
            continue  # nearly every word, and quickly told
        breaks = len(_INNER.findall(token))
        pieces = len(_WORD.findall(token))
        # One dot is a forgotten space; several in a row of scraps, or a rarer sign, is a disguise.
        if breaks and (breaks > 1 or "." not in token) and len(token) <= 4 * pieces + 3:
            count += not _APART.search(token) and not _meets(spans, *match.span())
    return count + len(strip_accents(text))


def _unleet(word: str, ones: str) -> str:
    """Read a word with leet in it, or return it unchanged where digits are just digits."""
    if word.isdigit() or _QUANTITY.match(word) or (len(word) < 4 and sum(map(str.isalpha, word)) < 2):
        return word  # 2024, 10am, 4x4
    body, tail = word, ""
    stripped = word.rstrip("0123456789")
    if stripped.isalpha():
        return word  # covid19, g20, mh370
    if len(word) - len(stripped) > 1:
        body, tail = stripped, word[len(stripped) :]
    groups = _GROUPS.findall(body)
    if len(groups) == 1 and len(groups[0]) > 2:
        return word  # a320neo
    return "".join(ones if c in "1|!" else LEET.get(c, c) for c in body) + tail


def _meets(spans: list[tuple[int, int]], begin: int, end: int) -> bool:
    at = bisect_left(spans, (end, end))
    return at > 0 and spans[at - 1][1] > begin
