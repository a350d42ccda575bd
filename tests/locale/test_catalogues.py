"""The catalogues as files: what translators' tools go by is true, and nothing is left undone."""

from __future__ import annotations

from importlib.resources import files

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from meydan.locale import INTERFACE
from meydan.locale.catalogue import SOURCE
from meydan.locale.desk import DESK
from meydan.locale.plurals import gettext_rule

READERS, OFFICE, REPORT = "meydan.locale", "meydan.locale.desk", "meydan.locale.report"
FILES = [(package, tag) for package in (READERS, REPORT) for tag in INTERFACE if tag != SOURCE] + [
    (OFFICE, tag) for tag in DESK if tag != SOURCE
]


def catalogue(package: str, name: str) -> Catalog:
    with files(package).joinpath(name).open("rb") as source:
        return read_po(source, abort_invalid=True)


@pytest.mark.parametrize(("package", "tag"), FILES)
def test_a_translation_is_of_the_sentence_that_is_said(package: str, tag: str) -> None:
    """If English words change, then each translation has to be looked at again: it names the sentence that it is of."""
    english = {entry.context: entry.id for entry in catalogue(package, f"{SOURCE}.pot") if entry.context}
    theirs = {entry.context: entry.id for entry in catalogue(package, f"{tag}.po") if entry.context}
    assert theirs == english


@pytest.mark.parametrize(("package", "tag"), FILES)
def test_nothing_is_empty_or_in_doubt(package: str, tag: str) -> None:
    """If an entry is in a catalogue, then it is translated in every form, not marked as fuzzy, and not one that is gone."""
    found = catalogue(package, f"{tag}.po")
    assert found.obsolete == {}
    for entry in found:
        if entry.context:
            told = [entry.string] if isinstance(entry.string, str) else entry.string
            assert all(words.strip() for words in told), entry.context
            assert not entry.fuzzy, entry.context


@pytest.mark.parametrize(("package", "tag"), FILES)
def test_the_head_of_a_file_says_the_rule_of_its_plurals(package: str, tag: str) -> None:
    """If a tool asks for the forms of a word, then the file tells it the rule by which the program chooses among them."""
    head = files(package).joinpath(f"{tag}.po").read_text(encoding="utf-8")
    assert f'"Plural-Forms: {gettext_rule(tag)}\\n"' in head
    assert f'"Language: {tag.replace("-", "_")}\\n"' in head
