"""
Which form of a word goes with a number, by language: the plural rules of Unicode CLDR, through Babel.

CLDR knows Kurmanji in Latin letters alone; in Arabic letters it is the same language, with the same two forms.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from babel.core import Locale
from babel.plural import PluralRule, to_gettext

FORMS = ("zero", "one", "two", "few", "many", "other")
"""Every form there is, in the order of CLDR; which of them a language has, `forms_in` says."""

# "ar" is Arabic as it is written in Iraq and the Levant: months and digits are those of ar-IQ.
_CLDR: Final[Mapping[str, str]] = MappingProxyType({"ar": "ar_IQ", "kmr-Latn": "ku", "kmr-Arab": "ku"})
_FORM = re.compile(rf"\.({'|'.join(FORMS)})$")


def form_of(number: int, language: str) -> str:
    """The form of a word that goes with a whole number: one of FORMS."""
    return str(_rule(language)(number))


def forms_in(language: str) -> tuple[str, ...]:
    """The forms that a language has, in the order of CLDR."""
    return tuple(form for form in FORMS if form == "other" or form in _rule(language).tags)


def without_form(key: str) -> str:
    """A key without the form of a number that it ends with."""
    return _FORM.sub("", key)


def gettext_rule(language: str) -> str:
    """The same rule as the head of a PO file says it, forms in the order of `forms_in`."""
    return to_gettext(_rule(language))


@lru_cache(maxsize=16)
def _rule(language: str) -> PluralRule:
    return Locale.parse(_CLDR.get(language, language)).plural_form
