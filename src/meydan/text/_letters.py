"""
Tables of single letters: what each becomes when folded, and what imitates what.

Written by hand from the shapes of the letters; compatibility forms come from
Unicode through `unicodedata`. Filled one letter at a time as letters are met.
"""

from __future__ import annotations

import unicodedata
from typing import Final

MARKS: Final = "".join(
    chr(c)
    for begin, end in (
        (0x0300, 0x036F),
        (0x0483, 0x0489),
        (0x0653, 0x0655),
        (0x0730, 0x074A),
        (0x0951, 0x0954),
        (0x1AB0, 0x1AFF),
        (0x1DC0, 0x1DFF),
        (0x20D0, 0x20FF),
        (0x3099, 0x309A),
        (0xFE20, 0xFE2F),
    )
    for c in range(begin, end + 1)
)
"""Marks that can be piled on any letter. A letter keeps those it composes with."""

INVISIBLE: Final = "".join(
    map(
        chr,
        [
            0x00AD,
            0x034F,
            0x061C,
            0x115F,
            0x1160,
            0x17B4,
            0x17B5,
            0x180B,
            0x180C,
            0x180D,
            0x180E,
            0x180F,
            *range(0x200B, 0x2010),
            *range(0x202A, 0x202F),
            *range(0x2060, 0x2070),
            0x3164,
            *range(0xFE00, 0xFE10),
            0xFEFF,
            0xFFA0,
            *range(0xFFF0, 0xFFFC),
            *range(0x1BCA0, 0x1BCA4),
            *range(0x1D173, 0x1D17B),
        ],
    )
)
"""Characters that show nothing: zero widths, bidi controls, soft hyphens, variation selectors."""

_ARABIC: Final = {
    **dict.fromkeys("أإآٱٲٳٵ", "ا"),
    **dict.fromkeys("يىېۍ", "ی"),
    "ك": "ک",
    "ڪ": "ک",
    "ؤ": "و",
    "ة": "ه",
    "ۃ": "ه",
    "ۀ": "ه",
    "ھ": "ه",
    "ۇ": "و",
    "٪": "%",
    "،": ",",
    "؛": ";",
    "؟": "?",
    "٫": ".",
    "٬": ",",
    "ـ": "",
    "ٴ": "",
}
_TYPOGRAPHY: Final = {
    **dict.fromkeys("‘’‚‛ʼʹ´`＇′", "'"),
    **dict.fromkeys("“”„‟«»″", '"'),
    **dict.fromkeys("‐‑‒−﹣－", "-"),
    **dict.fromkeys("\u2028\u2029\x85\x0b\x0c\r", "\n"),
    "İ": "i",
    "⁄": "/",
}
_SMALL_CAPITALS: Final = dict(
    zip("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢɑɡɩⱺ", "abcdefghijklmnoprstuvwyzagio", strict=True)
)
_KEPT_AS_SIGNS: Final = "™℠©®№℡℻㏂㏘"


def _rewrite(letter: str) -> str:
    code = ord(letter)
    if letter in INVISIBLE or 0xE0000 <= code <= 0xE0FFF:
        return ""
    if 0xD800 <= code <= 0xDFFF:
        return "\ufffd"
    if letter in _TYPOGRAPHY:
        return _TYPOGRAPHY[letter]
    if letter in _ARABIC:
        return _ARABIC[letter]
    if letter in _SMALL_CAPITALS:
        return _SMALL_CAPITALS[letter]
    if letter in MARKS or letter == "\n" or letter in _KEPT_AS_SIGNS:
        return letter
    if 0x1F150 <= code <= 0x1F169:
        return chr(code - 0x1F150 + 97)
    if 0x1F170 <= code <= 0x1F189:
        return chr(code - 0x1F170 + 97)
    category = unicodedata.category(letter)
    if category == "Zs" or letter == "\t":
        return " "
    if category == "Cc":
        return ""
    if category == "Nd":
        return str(unicodedata.digit(letter))
    # Arabic and Hebrew vowel marks: pointed and bare spellings are one word.
    if category == "Mn" and (0x0590 <= code <= 0x06ED or 0x08D3 <= code <= 0x08FF):
        return ""
    compatible = unicodedata.normalize("NFKC", letter)
    # A spacing accent is not a space and an accent; and one letter must not become a sentence.
    if compatible[0] == " " or len(compatible) > 4:
        compatible = letter
    return compatible.lower()


class _Rewritten(dict[str, str]):
    """What each letter becomes, found when first met. Folding the result changes nothing more."""

    def __missing__(self, letter: str) -> str:
        result = _rewrite(letter)
        for _ in range(4):
            again = "".join(c if c == letter else _rewrite(c) for c in result)
            if again == result:
                break
            result = again
        self[letter] = result
        return result


REWRITTEN: Final = _Rewritten()
for _code in range(0x80):
    REWRITTEN[chr(_code)]
del _code


def _pairs(table: str) -> dict[str, str]:
    return {pair[0]: pair[1:] for pair in table.split()}


_CYRILLIC_SHAPES: Final = _pairs(
    "аa вb еe ёe кk мm нh оo рp сc тt уy хx ѕs іi їi јj ԁd ԛq ԝw һh ӏl ғf ԍg ҝk ґr гr ьb ұy үy ѵv ѡw ԑe ҽe әe зe пn ѓr ќk ўy ӓa ӧo ҫc ҳx"
)
_GREEK_SHAPES: Final = _pairs(
    "αa βb γy εe ζz ηn ιi κk μm νv οo ρp σo ςs τt υu χx ωw άa έe ήn ίi όo ύu ώw ϊi ϋu ϲc ϳj"
)
_OTHER_SHAPES: Final = _pairs(
    "օo ոn սu հh ցg ա"
    "w քp ղn զq լl յj եt "
    "ⲟo ⲁa ⲣp ⲥc ⲭx ⲕk ⲓi ⲛn ꓮa ꓐb ꓚc ꓓd ꓰe ꓝf ꓖg ꓧh ꓲi ꓙj ꓗk ꓡl ꓟm ꓠn ꓳo ꓑp ꓣr ꓢs ꓔt ꓴu ꓦv ꓪw ꓫx ꓬy ꓜz "
    "ꭰd ꭱr ꭲt ꭺa ꭻj ꭼe ꮃw ꮇm ꮋh ꮍy ꮐg ꮓz ꮖi ꮞ4 ꮟb ꮢr ꮤw ꮥs ꮩv ꮪs ꮮl ꮯc ꮲp ꮶk ꮷd ᏼb "
)
LATIN_OF: Final = {**_CYRILLIC_SHAPES, **_GREEK_SHAPES, **_OTHER_SHAPES}
"""The Latin letter that a folded letter of another script looks like, small or capital."""

_CYRILLIC_OF: Final = {
    latin: letter for letter, latin in _pairs("аa вb еe кk мm нh оo рp сc тt уy хx іi").items()
}


def to_cyrillic(word: str) -> str | None:
    """Return a Cyrillic word with its Latin look-alikes put right, or None if it is no such word."""
    out = []
    for letter in word:
        if "\u0400" <= letter <= "\u052f":
            out.append(letter)
        elif letter in _CYRILLIC_OF:
            out.append(_CYRILLIC_OF[letter])
        else:
            return None
    return "".join(out)


LEET: Final = {
    "0": "o",
    "3": "e",
    "4": "a",
    "5": "s",
    "6": "g",
    "7": "t",
    "8": "b",
    "9": "g",
    "@": "a",
    "$": "s",
    "+": "t",
    "€": "e",
    "£": "l",
    "¢": "c",
    "¥": "y",
    "§": "s",
    "(": "c",
    "<": "c",
}
"""Digits and signs read as letters; "1", "|" and "!" are i or l."""

ACCENTS_IN_USE: Final = "çğıöşüêîûâéèëáíóúñãõäåøßàôæœ"
"""Accented letters that whole languages write: never taken for a disguise on their own."""
