"""
What the encoder reads of a text: as the reader wrote it, with the noise taken off.

Folding for the lexicon rewrites more than an encoder wants (it makes one letter of
several in Arabic, and an encoder has learned words as they are spelled), so the
encoder has readings of its own. All are total on any string and linear in it.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

from meydan.text.fold import Folded

DISGUISED_FROM: Final = 0.02
"""The share of disguised words from which a text is read a second time, undisguised."""

SAYS_FROM: Final = 3
"""Words inside one address or handle from which they may say something."""

_NOISE = re.compile(
    "[\u00ad\u034f\u061c\u0640\u064b-\u065f\u0670\u06d6-\u06ed\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b\u200d-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
# What no address has ends it: whatever was hung on by a comma or an invisible sign is the writer's.
_ADDRESS = re.compile(r"(?:https?://|www\.)([\w-]+(?:\.[\w-]+)+)([\w/.~:?#\[\]@!$&()*+;=%-]*)", re.IGNORECASE)
_HANDLE = re.compile(r"(?<![\w@])@\w[\w.]*")
_LETTERS = re.compile(r"[^\W\d_]{2,}")
_SPACE = re.compile(r"[\s\u200c]+")
_STRETCHED = re.compile(r"(\w)\1{2,}|([^\w\s])\2{3,}")
_KURDISH = re.compile("[ێۆڕڵڤەژ]")
_TO_ARABIC = str.maketrans("کیھہ", "كيهه")
_TO_KURDISH = str.maketrans("كيى", "کیی")


def as_written(text: str) -> str:
    """The text in small letters, without marks that are not seen, stretched letters and the insides of addresses."""
    # Half a surrogate pair is no character, and no tokenizer takes it.
    text = unicodedata.normalize("NFKC", text.encode("utf-8", "replace").decode("utf-8"))
    text = _NOISE.sub("", text)
    text = _ADDRESS.sub(r"\1", text)
    text = _HANDLE.sub("@user", text)
    text = _STRETCHED.sub(lambda run: (run[1] or run[2]) * 2, text)
    # A capital I with a dot is an i and a mark in small letters; the mark says nothing.
    text = text.replace("İ", "i").lower()
    # Keyboards are mixed: Kurdish is read with its own kaf and yeh, Arabic with its own.
    text = text.translate(_TO_KURDISH if _KURDISH.search(text) else _TO_ARABIC)
    return _SPACE.sub(" ", text).strip()


def undisguised(folded: Folded) -> str | None:
    """The text with its disguises undone, or None where it has none; it may only raise a suspicion."""
    if folded.obfuscation < DISGUISED_FROM:
        return None
    return as_written(folded.unmasked.text)


def undisguised_otherwise(folded: Folded) -> str | None:
    """The other text that a disguise may stand for, where its signs can be read in two ways ("1" as l)."""
    if folded.obfuscation < DISGUISED_FROM or len(folded.variants) < 3:
        return None
    return as_written(folded.variants[2].text)


def opened(text: str) -> str | None:
    """
    The text with the words that were put into its addresses and handles, or None where there are hardly any.

    `as_written` leaves them out, because an editor chose most of them; what can be read there may only raise a suspicion.
    """
    again = _ADDRESS.sub(lambda found: _opened(found[0], f"{found[1]} ", found[2]), text)
    again = _HANDLE.sub(lambda found: _opened(found[0], "", found[0]), again)
    return as_written(again) if again != text else None


def _opened(whole: str, before: str, inside: str) -> str:
    words = _LETTERS.findall(inside)
    return before + " ".join(words) if len(words) >= SAYS_FROM else whole
