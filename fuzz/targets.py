"""
What is driven: one function for each subject, from bytes to nothing.

Each says what has to hold of any input whatever; an assertion or any exception is a finding. They need no more than
Meydan itself, so that the gate drives the same functions (tests/test_fuzz.py) that atheris does (fuzz/__main__.py).
"""

from __future__ import annotations

import contextlib
import html
import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import urlsplit

import msgspec

from meydan.comment import Span
from meydan.errors import BadGuidelines, Malformed, MeydanError, Refused
from meydan.locale import INTERFACE, interface_of, words
from meydan.passes import LONGEST_EMAIL, mailbox_of
from meydan.policy import check, describe, difference, digest_of, parse
from meydan.policy.address import story_address
from meydan.policy.origin import listed_origin_of, origin_of
from meydan.text import fold, identify, render
from meydan.text.exact import check_words, is_exact
from meydan.text.likeness import SIZE, Likeness, count_near
from meydan.text.search import asked_for, searchable
from meydan.web.api import TAKEN, read_json
from meydan.web.errors import problem_of, status_of

LONGEST: Final = 5000
"""Characters of a text, as the shipped setting has it."""

AWKWARD: Final = (
    "aAbio1350 \n\t.-_*@$!|(+<>&\"'/:#;"
    "\u0301\u0336\u0489\u0308\u0654\u3099\u200b\u200d\u200c\u00ad\u202e\u2066\u2069\ufe0f\ufeff\ud800\udfff\x00\r\x85"
    "аеорйжαοΣςİıßéïşＡ𝒶ﷺﬁ½№ªⒶ🅰🇮🇩ｶﾞ\uffa1\uffc2\u1100\u1161اأىيكةەێۆـهٱ\u064e\u0653٣ﻻक\u093cं\u2029\u2028"
)
"""Letters that act on each other; a byte stands for one, so that a fuzzer finds their meetings soon."""

_LIKENESS: Final = Likeness(
    lambda purpose, value: f"{len(purpose):016x}{int(value) * 0x9E3779B97F4A7C15 % 2**64:016x}"
)
_TAG: Final = re.compile(r"<[^<>]*>")
_OURS: Final = re.compile(r'</?(?:p|bdi|span|mark)(?: [a-z-]+="[^"<>]*")*>')


def text_of(data: bytes) -> str:
    """A text, read from bytes in one of three ways: as UTF-8, as halves of characters, or of awkward letters."""
    way, rest = data[:1], data[1:]
    if way and way[0] % 3 == 1:
        return (
            rest.decode("utf-16-le", "surrogatepass")
            if len(rest) % 2 == 0 and _whole(rest)
            else rest.decode("latin-1")
        )
    if way and way[0] % 3 == 2:
        return "".join(AWKWARD[byte % len(AWKWARD)] for byte in rest)
    return rest.decode("utf-8", "replace")


def _whole(rest: bytes) -> bool:
    try:
        rest.decode("utf-16-le", "surrogatepass")
    except UnicodeDecodeError:
        return False
    return True


def drive_text(data: bytes) -> None:
    """Folding, naming the language, rendering, exactness, likeness and search: total, in bounds, and nothing is lost."""
    text = text_of(data)
    try:
        check_words(text, longest=LONGEST)
    except Refused:
        pass
    else:
        assert text.encode("utf-8").decode("utf-8") == text
    assert interface_of(text) in {None, *INTERFACE}
    folded = fold(text)
    assert fold(folded.text).text == folded.text, "folding twice changes something"
    for reading in folded.variants:
        assert reading.original == text
        reading.text.encode("utf-8")
        assert "\x00" not in reading.text
        offsets = list(reading.offsets)
        assert len(offsets) == len(reading.text)
        assert offsets == sorted(offsets)
        for at in range(0, len(offsets), max(1, len(offsets) // 50)):
            begin, end = reading.span(at, at + 1)
            assert 0 <= begin < end <= len(text)
    assert 0.0 <= folded.obfuscation <= 1.0
    for hint in (None, "ckb", "x\x00-"):
        found = identify(folded, hint, ("ar", "en"))
        assert 0.0 <= found.score <= 1.0
        assert found.tag
    signature = _LIKENESS.of(text)
    assert signature is None or (len(signature) == SIZE and count_near(signature, [signature]) == 1)
    assert len(asked_for(text)) <= 12
    searchable(text, text).encode("utf-8")
    if is_exact(text):
        spans = [Span('"><b>', len(text) // 3 - 1, len(text) // 2, "x"), Span("threat", -2, 5, "x")]
        for made in (
            render.comment(text, language=text[:9]),
            render.name(text),
            render.highlighted(text, spans),
        ):
            check_markup(str(made), text)


def check_markup(made: str, text: str) -> None:
    """What was rendered has our own tags only, and without them it is the text."""
    for tag in _TAG.findall(made):
        assert _OURS.fullmatch(tag), f"a tag that is not ours: {tag!r}"
    bare = _TAG.sub("", made)
    assert "<" not in bare
    assert ">" not in bare
    # Noncharacters are let be by browsers; Python's own unescaping is asked about references alone.
    assert html.unescape(bare.replace("&#13;", "\r")) == text or "&" in text or _unescaped(bare) == text


def _unescaped(bare: str) -> str:
    for reference, character in (
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&#34;", '"'),
        ("&#39;", "'"),
        ("&#13;", "\r"),
        ("&amp;", "&"),
    ):
        bare = bare.replace(reference, character)
    return bare


def drive_address(data: bytes) -> None:
    """
    A story's one address: refused, or the same when asked again, read alike by others, and of an origin that is its own.
    A mailbox: refused, or of a length that mail has.
    """
    url = text_of(data)
    with contextlib.suppress(Malformed):
        assert len(mailbox_of(url)) <= LONGEST_EMAIL
    origin = origin_of(url)
    listed_origin_of(url)
    if origin is not None:
        assert origin_of(str(origin)) == origin, "an origin that is not its own"
    try:
        address = story_address(url)
    except MeydanError:
        return
    assert len(address) <= 2000
    assert story_address(address) == address, "an address that is not its own"
    parts = urlsplit(address)
    assert parts.scheme in ("http", "https")
    assert parts.hostname
    assert parts.username is None
    assert "#" not in address
    assert not any(c <= " " or unicodedata.category(c) in ("Cc", "Cs") for c in address)
    # Where a guideline's origin is asked for, both name the same host and port.
    of_address, of_url = origin_of(address), origin_of(url)
    if of_url is not None:
        assert of_address == of_url, "another origin than was written"


def drive_body(data: bytes) -> None:
    """A body of JSON: read, or refused; what is said of it can always be said, and says nothing again but names of ours."""
    refusal: MeydanError | None = None
    try:
        read_json(data)
    except MeydanError as error:
        refusal = error
    if refusal is not None:
        assert status_of(refusal) < 500
        told = json.loads(msgspec.json.encode(problem_of(refusal, words(None))))
        assert TAKEN.issuperset(told.get("fields", ()))


def drive_guidelines(data: bytes) -> None:
    """The guidelines loader: every fault has its place and can be drawn; without one, they load and can be described."""
    faults = check(data)
    for fault in faults:
        assert fault.line >= 1
        assert fault.column >= 1
        assert fault.width >= 1
        assert fault.message
        drawn = fault.render("guidelines.toml")
        assert not any(unicodedata.category(c) == "Cc" for c in drawn.replace("\n", "").replace("\t", ""))
    try:
        guidelines = parse(data, "guidelines.toml")
    except BadGuidelines as error:
        found = list(error.findings)
    else:
        found = []
    assert found == faults
    if faults:
        return
    assert guidelines.digest == digest_of(data)
    guidelines.allows("https://news.example/story", ("http://127.0.0.1:8080",))
    for language in guidelines.publication.languages:
        describe(guidelines, language)
    difference(data, data)


TARGETS: Final[Mapping[str, Callable[[bytes], None]]] = {
    "text": drive_text,
    "address": drive_address,
    "guidelines": drive_guidelines,
    "body": drive_body,
}
