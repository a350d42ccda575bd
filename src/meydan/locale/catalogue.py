"""
Catalogues as files: gettext's PO, which translators' tools read, read through Babel.

English is the template, `en.pot`: there an entry's `msgid` is the English sentence and its `msgctxt` the key that the
program asks for. Every other language is a `<tag>.po` with the same keys and English sentences, and its own words as
`msgstr`. Read once for each language that somebody asks for, and only then.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Final

from babel.messages.pofile import read_po

from meydan.locale.plurals import forms_in

SOURCE: Final = "en"
"""The language that the template is written in."""


def read(package: str, tag: str) -> dict[str, str]:
    """
    Every key's words in one language; for what is counted, a key for each form: "replies_counted.one".

    Args:
        package: the package that the files are in.
        tag: a language that has a file there.
    """
    name = f"{tag}.pot" if tag == SOURCE else f"{tag}.po"
    with files(package).joinpath(name).open("rb") as source:
        entries = read_po(source, ignore_obsolete=True, abort_invalid=True)
    said: dict[str, str] = {}
    for entry in entries:
        key = entry.context
        if key is None:
            # The head of the file.
            continue
        told = entry.id if tag == SOURCE else entry.string
        if isinstance(told, str):
            said[key] = told
        else:
            said |= {f"{key}.{form}": words for form, words in zip(forms_in(tag), told or (), strict=True)}
    return said
