"""
Reads template files and makes sentences of them; `generate.py` says what they mean.

Every fault of a language's files is found before a row is made, and all of them
are told at once, each with its file and line: the writers are editors, not programmers.
"""

from __future__ import annotations

import hashlib
import random
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

CODE_OF = {
    "P": "profanity",
    "V": "vulgarity",
    "T": "threat",
    "A": "personal_attack",
    "S": "sexism",
    "R": "racism",
    "H": "homophobia",
    "X": "xenophobia",
    "I": "religion_hate",
    "D": "disability_hate",
    "M": "promotion",
}
"""Letters that template lines name labels by."""

ALLEGATION = ("C", "allegation")
"""The code of written sentences that allege a crime of a named private person, and its label: no breach, but for a person."""

GROUND_OF = {
    "S": "sexism",
    "R": "racism",
    "H": "homophobia",
    "X": "xenophobia",
    "I": "religion",
    "D": "disability",
}
"""Letters of the grounds, and their names in `groups.toml`, in the order each-files are read."""

ROWS_PER_TEMPLATE = 14

_EACH = ("each", "more-each", "pairs-each")
"""How the names of files begin whose blocks are read once for each ground."""

Fillers = Mapping[str, Sequence[str]]
People = Mapping[str, Sequence[str]]
"""The word forms of one people: spellings by the form's name, "G" being the plain one."""
Peoples = Mapping[str, Sequence[People]]
"""The peoples of each ground, by its letter; empty where a language has no `groups.toml`."""


@dataclass(frozen=True, slots=True)
class Template:
    """One line: which labels its words carry (codes), the words, how many rows it may make, and where it stands."""

    codes: str
    words: str
    limit: int
    place: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """One group of templates; `name` is stable as long as the first line is."""

    file: str
    name: str
    templates: tuple[Template, ...]


def load_fillers(path: Path) -> dict[str, tuple[str, ...]]:
    """
    Read `name = a; b; c` lines; a name given twice is extended.

    Raises:
        ValueError: a line without a name or without words.
    """
    fillers: dict[str, tuple[str, ...]] = {}
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, values = line.partition("=")
        words = tuple(value.strip() for value in values.split(";") if value.strip())
        if not words or not re.fullmatch(r"\w+", name.strip()):
            raise ValueError(f"{_place(path, number)}: not a line `name = one; two`: {line[:40]}")
        fillers[name.strip()] = fillers.get(name.strip(), ()) + words
    return fillers


def load_peoples(path: Path) -> dict[str, tuple[People, ...]]:
    """
    Read `groups.toml`; without the file there are no peoples.

    Raises:
        ValueError: the file is no TOML, a ground is unknown or missing, a people has no plain form, or
            stands in two grounds (its sentences would then have two labels).
    """
    if not path.exists():
        return {}
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as fault:
        raise ValueError(f"{path.parent.name}/{path.name}: {fault}") from None
    faults = [
        f"{path.parent.name}/{path.name}: no ground is named {name}"
        for name in data.keys() - GROUND_OF.values()
    ]
    peoples: dict[str, tuple[People, ...]] = {}
    seen: dict[str, str] = {}
    for letter, ground in GROUND_OF.items():
        listed = data.get(ground, [])
        if not listed:
            faults.append(f"{path.parent.name}/{path.name}: nobody is listed for {ground}")
        some: list[People] = []
        for entry in listed:
            people = {
                form: tuple(spelling) if isinstance(spelling, list) else (spelling,)
                for form, spelling in entry.items()
            }
            if "G" not in people or not all(
                all(isinstance(s, str) for s in spellings) for spellings in people.values()
            ):
                faults.append(f'{path.parent.name}/{path.name}: not a people {{ G = "…", … }}: {entry}'[:160])
                continue
            plain = people["G"][0]
            if seen.get(plain, ground) != ground:
                faults.append(
                    f"{path.parent.name}/{path.name}: {plain} stands in {seen[plain]} and in {ground}"
                )
            seen[plain] = ground
            some.append(people)
        peoples[letter] = tuple(some)
    if faults:
        raise ValueError("\n".join(faults))
    return peoples


def load_blocks(path: Path, language: str = "en") -> list[Block]:
    """
    Read one template file.

    Raises:
        ValueError: a line without codes, an unknown code or a bad limit.
    """
    blocks: list[Block] = []
    for lines in _paragraphs_of(path):
        if path.stem.startswith(_EACH):
            lines = [(n, _for_ground(line, ground, language)) for n, line in lines for ground in GROUND_OF]
        templates: list[Template] = []
        for number, line in lines:
            head, colon, words = line.partition(": ")
            codes, _, limit = head.partition("%")
            if (
                not colon
                or not codes
                or (codes != "-" and set(codes) - set(CODE_OF))
                or (limit and not limit.isdigit())
            ):
                raise ValueError(f"{_place(path, number)}: not a template line: {line[:40]}")
            templates.append(
                Template(
                    codes.replace("-", ""),
                    words.strip(),
                    int(limit) if limit else ROWS_PER_TEMPLATE,
                    _place(path, number),
                )
            )
        # Named by its first line as written, so that adding lines or fillers does not move it to another split.
        name = f"{path.stem}-{hashlib.sha256(lines[0][1].encode()).hexdigest()[:8]}"
        blocks.append(Block(path.stem, name if language == "en" else f"{language}-{name}", tuple(templates)))
    return blocks


def load_written(path: Path, language: str = "en") -> list[Block]:
    """
    Read one file of sentences that were written one by one: taken as they stand, one row each.

    Raises:
        ValueError: a line without codes, or with an unknown one; every such line is told.
    """
    blocks: list[Block] = []
    faults: list[str] = []
    for lines in _paragraphs_of(path):
        written: list[Template] = []
        for number, line in lines:
            codes, colon, words = line.partition(": ")
            if not colon or not codes or (codes != "-" and set(codes) - {*CODE_OF, ALLEGATION[0]}):
                faults.append(f"{_place(path, number)}: not a line `CODES: words`: {line[:40]}")
                continue
            written.append(Template(codes.replace("-", ""), words.strip(), 1, _place(path, number)))
        name = f"{language}-{path.stem}-{hashlib.sha256(lines[0][1].encode()).hexdigest()[:8]}"
        blocks.append(Block(path.stem, name, tuple(written)))
    if faults:
        raise ValueError("\n".join(faults))
    return blocks


def _paragraphs_of(path: Path) -> Iterator[list[tuple[int, str]]]:
    """The numbered lines of each block, notes left out."""
    lines: list[tuple[int, str]] = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if not line.strip():
            if lines:
                yield lines
            lines = []
        elif not line.startswith("#"):
            lines.append((number, line))
    if lines:
        yield lines


def _for_ground(line: str, ground: str, language: str) -> str:
    codes, colon, words = line.partition(": ")
    # English peoples are fillers (G1, Gs …); those of other languages have forms ({G.acc}).
    slot = r"[{]G(s?1?)[}]" if language == "en" else r"[{]G([.]\w+)?[}]"
    slotted = re.sub(slot, lambda found: "{" + ground + (found[1] or "") + "}", words)
    return f"{codes.replace('G', ground)}{colon}{slotted}"


def _place(path: Path, number: int) -> str:
    return f"{path.parent.name}/{path.name}:{number}"


# --- what is wrong with the files ----------------------------------------------

_SLOT = re.compile(r"\{(\w+)(?:\.(\w+))?\}")


def check(blocks: Iterable[Block], fillers: Fillers, peoples: Peoples) -> None:
    """
    See that every template can be read.

    Raises:
        ValueError: brackets that do not match, or a filler or a people's form that
            nobody has written; every fault on a line of its own, with its place.
    """
    faults: dict[str, None] = {}
    lacking: dict[str, list[str]] = {}
    made: set[str] = set()
    for block in blocks:
        for template in block.templates:
            found = list(_faults_in(template.words, fillers, peoples))
            faults.update(dict.fromkeys(f"{template.place}: {fault}" for fault in found))
            asked = forms_in(template.words, fillers, peoples)
            empty = [letter for letter, forms in asked.items() if not having(peoples[letter], forms)]
            if empty:
                lacking.setdefault(template.place, []).extend(
                    f"{GROUND_OF[letter]} lists nobody with {', '.join(sorted(asked[letter]))}"
                    for letter in empty
                )
            else:
                made.add(template.place)
    # In an each-file a ground may have nobody with such a form; some ground must.
    faults.update(
        dict.fromkeys(f"{place}: {says[0]}" for place, says in lacking.items() if place not in made)
    )
    if faults:
        raise ValueError("\n".join(faults))


def _faults_in(words: str, fillers: Fillers, peoples: Peoples) -> Iterator[str]:
    depth = 0
    for sign in words:
        depth += (sign == "[") - (sign == "]")
        if depth < 0:
            yield "a ] closes nothing"
            return
        if sign == "|" and not depth:
            yield "a | stands outside brackets"
            return
    if depth:
        yield "a [ is not closed"
    seen: set[str] = set()
    open_: list[str] = [words]
    while open_:
        text = open_.pop()
        if set(_SLOT.sub("", text)) & set("{}"):
            yield f"not a slot {{name}}: {text[:40]}"
        for name, form in _SLOT.findall(text):
            if name in peoples:
                continue
            if form or name not in fillers:
                yield f"no filler is named {name}{'.' if form else ''}{form}"
            elif name not in seen:
                seen.add(name)
                open_ += fillers[name]


def forms_in(words: str, fillers: Fillers, peoples: Peoples) -> dict[str, set[str]]:
    """The forms that a template, or a filler in it, asks of each ground's people."""
    asked: dict[str, set[str]] = {}
    seen: set[str] = set()
    open_ = [words]
    while open_:
        for name, form in _SLOT.findall(open_.pop()):
            if name in peoples:
                asked.setdefault(name, set()).add(form or "G")
            elif name in fillers and name not in seen:
                seen.add(name)
                open_ += fillers[name]
    return asked


def having(peoples: Sequence[People], forms: set[str]) -> list[People]:
    """Those peoples that have all of these forms."""
    return [people for people in peoples if forms <= people.keys()]


# --- one sentence ------------------------------------------------------------------

NOBODY: Mapping[str, People] = {}


def expand(
    words: str,
    fillers: Fillers,
    rng: random.Random,
    people: Mapping[str, People] = NOBODY,
    language: str = "en",
) -> str:
    """One reading of a template: choices made, slots filled, spaces and the language's small things mended."""

    def choice(begin: int) -> tuple[str, int]:
        # Reads alternatives up to the closing bracket; only the one drawn is kept.
        options: list[str] = []
        current = ""
        at = begin
        while at < len(words):
            sign = words[at]
            if sign == "[":
                inner, at = choice(at + 1)
                current += inner
                continue
            if sign == "]" and begin:
                options.append(current)
                return rng.choice(options), at + 1
            if sign == "|" and begin:
                options.append(current)
                current = ""
            else:
                current += sign
            at += 1
        return current, at

    def fill(slot: re.Match[str]) -> str:
        if slot[1] in people:
            return rng.choice(people[slot[1]][slot[2] or "G"])
        return rng.choice(fillers[slot[1]])

    text, _ = choice(0)
    for _depth in range(3):
        text = _SLOT.sub(fill, text)
    if language == "en":
        text = re.sub(r"\b[aA]\(n\) (\W?)(?=([A-Za-z]+))", _article, text)
    if language == "ar":
        # A doubled letter is written twice before the women's ending.
        text = text.replace("يستحقن", "يستحققن")
    text = re.sub(r"\s+", " ", text).strip()
    text = re.sub(r" ([,.!?;:،؛؟])(?=\s|$)", r"\1", text)
    text = text.strip()
    if language == "en":
        if text[:1].isupper():
            text = _AFTER_STOP.sub(lambda first: first[0].upper(), text)
        return text[:1].upper() + text[1:]
    # What begins in small letters was written so on purpose, and stays.
    if language in CAPITALS and not words[:1].islower():
        capital = CAPITALS[language]
        text = _AFTER_STOP_LATIN.sub(lambda first: capital(first[0]), text)
        return capital(text[:1]) + text[1:]
    return text


def _turkish_capital(letter: str) -> str:
    return "İ" if letter == "i" else letter.upper()


CAPITALS = {"tr": _turkish_capital, "kmr-Latn": str.upper}
"""Languages besides English whose sentences begin with a capital, and how it is made."""

_AFTER_STOP = re.compile(r"(?<=[a-z][.?!] )[a-z]")
_SMALL = "[a-zçğıöşüêîû]"
# Two letters and a stop are more likely an abbreviation.
_AFTER_STOP_LATIN = re.compile(rf"(?:(?<={_SMALL}[?!] )|(?<={_SMALL}{{3}}[.] )){_SMALL}")


def _article(match: re.Match[str]) -> str:
    vowel = match[2][0].lower() in "aeiou" and not re.match(r"(?i)us[eu]|uni|eu", match[2])
    return f"{'an' if vowel else 'a'} {match[1]}"
