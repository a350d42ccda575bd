"""
Meydan's own training rows, made from hand-written templates.

The English templates are the `*.txt` beside this file; every other language has a
folder named by its tag (`ar`, `tr`, `ckb`, `kmr-Latn`, `kmr-Arab`). The rows of
`tr/talk.txt` are written to `tr-talk.jsonl`, beside this file.

A template file is blocks divided by blank lines; a block is one group, so that a
pair differing in one thing never straddles train and dev. A line is
`CODES: words`, CODES being letters of CODE_OF ("-" for clean), optionally with
`%n` for another limit. `[a|b|]` chooses (and nests), `{name}` takes a filler of
`fillers.txt`, `# …` is a comment. In files named `each-…` every block is written
once and read six times, once for each ground, whose code is G there. Files named
`more-…` (or `more-each…`) come after all others and are split by themselves, so
that templates written later leave every earlier row as it was. Files named
`written-…` are no templates: each line is one sentence that somebody wrote, taken
as it stands, and split by itself too. Its codes may have `C`, for a crime alleged
of a named private person, which no template has a word on.

Whom an each-file speaks of:
* English: `{G}` is a people, `{G1}` one of them, `{Gs}` and `{Gs1}` what they are
  called in contempt; each is a filler (`R`, `R1` …).
* Elsewhere: `groups.toml` lists peoples by ground with forms named by the writer,
  `racism = [{ G = "Araplar", dat = "Araplara" }, …]`. A row speaks of one people,
  `{G}` and `{G.dat}` being its forms; whoever lacks a form that the line asks for
  is left out. A form may be a list of spellings. Any other file names a ground's
  people by its letter: `{R}`, `{R.dat}`.

English only: `a(n)` becomes the right article, some words carry a further code, and
sentences are dressed as readers write. Turkish and Kurmanji sentences get their
capitals unless the line begins in a small letter. Where there is a `beside.txt` or
`news.txt`, its short clean sentences stand beside some rows.
Everything is seeded: the same templates make the same rows.

Run: `python -m meydan.train.corpus.generate [LANGUAGE …]`
"""

from __future__ import annotations

import hashlib
import json
import random
import re
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from meydan.comment import GROUNDS, RULE_LABELS
from meydan.train.corpus.templates import (
    ALLEGATION,
    CODE_OF,
    Block,
    Fillers,
    Peoples,
    check,
    expand,
    forms_in,
    having,
    load_blocks,
    load_fillers,
    load_peoples,
    load_written,
)

HERE = Path(__file__).parent
PROVENANCE = "written for Meydan"

LABELS = (*RULE_LABELS, "toxic", "hate")
"""Every label a row gives, in order; the last two are training heads."""

MOST_ROWS_PER_TEMPLATE = 60
DEV_SHARE = 0.15
SEED = 20240
BESIDE = ("beside", "news")
"""Files whose short clean sentences may stand beside any other row."""
MOST_BESIDE = 110

ALSO = (
    (
        "P",
        re.compile(r"\b(bitch(es)?|cunts?|asshole|arsehole|shit\w*|fuck\w*|motherfuck\w*)\b", re.IGNORECASE),
    ),
)
"""English words that carry a further code wherever the template already marks a breach."""

NOT_TEMPLATES = ("fillers", "disguised", "coinciding")

COINCIDING = HERE / "coinciding.txt"
"""Digests of what is left out because a public test says the same; see train/coinciding."""
LATER = ("more-", "pairs-")
"""How the names of files begin whose rows are made and split after all others, in the order they were written."""

WRITTEN = "written-"
"""How the names of files begin whose lines are sentences, not templates."""


@dataclass(frozen=True, slots=True)
class Row:
    """One finished row before it is given its split."""

    file: str
    group: str
    codes: str
    text: str
    place: str = ""


def rng_of(*parts: str) -> random.Random:
    """A generator that depends on the seed and these words only, not on what ran before."""
    digest = hashlib.sha256("\x1f".join((str(SEED), *parts)).encode()).digest()
    return random.Random(int.from_bytes(digest[:8], "big"))  # noqa: S311  (repeatable, not secret)


# --- how readers really write -------------------------------------------------

_LEET = {"a": "4@", "e": "3", "i": "1!", "o": "0", "s": "5$", "t": "7", "l": "1"}
_NEIGHBOURS = {
    "a": "sq", "b": "vn", "c": "xv", "d": "sf", "e": "wr", "f": "dg", "g": "fh", "h": "gj", "i": "uo",
    "k": "jl", "l": "k", "m": "n", "n": "bm", "o": "ip", "p": "o", "r": "et", "s": "ad", "t": "ry",
    "u": "yi", "v": "cb", "w": "qe", "y": "tu",
}  # fmt: skip
_SHORT = {
    "you": "u", "your": "ur", "are": "r", "because": "bc", "people": "ppl", "please": "pls",
    "with": "w", "and": "&", "don't": "dont", "can't": "cant",
    "doesn't": "doesnt", "isn't": "isnt", "it's": "its", "i'm": "im", "they're": "their", "though": "tho",
}  # fmt: skip


def swapped(word: str, rng: random.Random) -> str:
    """Two inner letters change places."""
    at = rng.randrange(1, len(word) - 2) if len(word) > 3 else 0
    return word[:at] + word[at + 1] + word[at] + word[at + 2 :] if len(word) > 1 else word


def dropped(word: str, rng: random.Random) -> str:
    """One inner letter is missing."""
    at = rng.randrange(1, len(word) - 1) if len(word) > 2 else 0
    return word[:at] + word[at + 1 :]


def stretched(word: str, rng: random.Random) -> str:
    """One letter is held down."""
    vowels = [i for i, sign in enumerate(word) if sign.lower() in "aeiouy"] or [len(word) - 1]
    at = rng.choice(vowels)
    return word[:at] + word[at] * rng.randint(2, 5) + word[at:]


def leet(word: str, rng: random.Random) -> str:
    """Letters become look-alike digits and signs."""
    places = [i for i, sign in enumerate(word) if sign.lower() in _LEET]
    chosen = set(rng.sample(places, rng.randint(1, len(places)))) if places else set()
    return "".join(rng.choice(_LEET[s.lower()]) if i in chosen else s for i, s in enumerate(word))


def spaced(word: str, rng: random.Random) -> str:
    """The letters stand apart."""
    return rng.choice((" ", " ", ".", "-", "_")).join(word)


def mistyped(word: str, rng: random.Random) -> str:
    """A neighbouring key was struck."""
    at = rng.randrange(len(word))
    near = _NEIGHBOURS.get(word[at].lower())
    return word[:at] + rng.choice(near) + word[at + 1 :] if near else word


def starred(word: str, rng: random.Random) -> str:
    """Inner letters hidden behind a sign."""
    sign = rng.choice("*#*")
    hide = rng.randint(1, max(1, len(word) - 2))
    return word[0] + sign * hide + word[1 + hide :]


_ATTACKS = (leet, leet, spaced, swapped, dropped, stretched, starred)
_SLIPS = (swapped, dropped, stretched, mistyped, stretched, leet, leet, spaced)
_WORD = re.compile(r"[A-Za-z]{4,}")


def _change_words(text: str, how: Sequence[object], loaded: frozenset[str], rng: random.Random) -> str:
    """Apply one of `how` to one or two words, to a loaded word where there is one."""
    places = list(_WORD.finditer(text))
    preferred = [m for m in places if m[0].lower() in loaded]
    if not places:
        return text
    chosen = preferred or rng.sample(places, min(len(places), rng.randint(1, 2)))
    for match in sorted(chosen, key=lambda m: -m.start()):
        change = rng.choice(how)
        assert callable(change)
        text = text[: match.start()] + change(match[0], rng) + text[match.end() :]
    return text


def _plain_keyboard(text: str, rng: random.Random) -> str:
    """Written in haste: small letters, no closing stop, short forms."""
    text = text.lower()
    if rng.random() < 0.5:
        text = re.sub(r"[a-z']+", lambda m: _SHORT.get(m[0], m[0]), text)
    if rng.random() < 0.6:
        text = re.sub(r"[,']", "", text)
    return text.rstrip(".!")


_JOY = ("👏👏", "🙏", "❤️", "😭", "🔥", "😡", "🤦", "👍", "🤔", "💔", "🌹", "😡😡😡", "🙄")


def _signs(text: str, rng: random.Random) -> str:
    """Marks and emoji at the end, which say nothing about a breach."""
    tail = rng.choice(("!!!", "!!", "...", "??!", "?!", " 🙏🙏", "!", " :)", "….", *[f" {e}" for e in _JOY]))
    return text.rstrip(".!") + tail


def dress(text: str, *, breach: bool, loaded: frozenset[str], rng: random.Random) -> str:
    """
    Give one sentence the surface of a real comment.

    Breaches and clean sentences pass the same steps, so that haste, shouting or
    noise are no sign of guilt; breaches are disguised somewhat more often.
    """
    draw = rng.random()
    if draw < 0.46:
        return text
    if draw < 0.60:
        return _plain_keyboard(text, rng)
    if draw < 0.66:
        return text.upper()
    if draw < 0.76:
        return _signs(text, rng)
    if draw < 0.82:
        return text.rstrip(".")
    if draw < 0.845 and len(text) < 60:
        return text.replace(" ", "") if rng.random() < 0.4 else text.replace(" ", "  ")
    changed = _change_words(text, _ATTACKS if breach else _SLIPS, loaded if breach else frozenset(), rng)
    return _plain_keyboard(changed, rng) if rng.random() < 0.3 else changed


# --- making the rows ------------------------------------------------------------


def load_loaded(path: Path) -> frozenset[str]:
    """The words that people disguise, one or more a line; used only to place disguises."""
    return frozenset(path.read_text("utf-8").split())


def split_of(groups: Mapping[str, Counter[str]]) -> dict[str, str]:
    """
    Choose dev groups so that every label has about DEV_SHARE of its rows there.

    Greedy in an order drawn from the seed: a group joins dev when that brings
    the label counts nearer to their targets.
    """
    total: Counter[str] = Counter()
    for counts in groups.values():
        total.update(counts)
    held: Counter[str] = Counter()

    def distance(counts: Mapping[str, int]) -> float:
        return sum((counts.get(k, 0) / n - DEV_SHARE) ** 2 for k, n in total.items())

    split: dict[str, str] = {}
    for name in sorted(groups, key=lambda g: rng_of("split", g).random()):
        better = distance(held + groups[name]) < distance(held)
        split[name] = "dev" if better else "train"
        if better:
            held += groups[name]
    return split


def key_of(text: str) -> str:
    """What makes two rows the same to a reader: letters and digits, case aside."""
    return re.sub(r"\s+", " ", text.casefold()).strip(" .!")


def same_words(text: str) -> str:
    """A digest that two texts share when they have the same words, case and signs aside: 16 hexadecimal digits."""
    words = re.sub(r"[\W_]+", " ", text.casefold()).strip()
    return hashlib.sha256(words.encode()).hexdigest()[:16]


NO_PEOPLES: Peoples = {}


def rows_of(
    blocks: Iterable[Block], fillers: Fillers, peoples: Peoples = NO_PEOPLES, language: str = "en"
) -> list[Row]:
    """Every template's distinct readings, up to its limit, before dressing."""
    rows: list[Row] = []
    for block in blocks:
        for number, template in enumerate(block.templates):
            rng = rng_of("expand", block.name, str(number), template.words)
            limit = min(template.limit, MOST_ROWS_PER_TEMPLATE)
            seen: dict[str, str] = {}
            asked = {
                letter: having(peoples[letter], forms)
                for letter, forms in forms_in(template.words, fillers, peoples).items()
            }
            if not all(asked.values()):
                continue
            for some in asked.values():
                rng.shuffle(some)
            for attempt in range(limit * 6):
                if len(seen) >= limit:
                    break
                # In turn, so that no people is spoken of more than the others.
                drawn = {letter: some[attempt % len(some)] for letter, some in asked.items()}
                text = expand(template.words, fillers, rng, drawn, language)
                seen.setdefault(key_of(text), text)
            for text in seen.values():
                codes = _with_also(template.codes, text) if language == "en" else template.codes
                rows.append(Row(block.file, block.name, codes, text, template.place))
    return rows


def _with_also(codes: str, text: str) -> str:
    """A slur that is also a swear word gives both; clean templates quote such words and stay clean."""
    if not codes:
        return codes
    return codes + "".join(code for code, words in ALSO if code not in codes and words.search(text))


def labels_of(codes: str) -> dict[str, int]:
    """Every label as 0 or 1; `hate` follows from the grounds, `toxic` from all but promotion."""
    named = {CODE_OF[code] for code in codes if code in CODE_OF}
    labels = {label: int(label in named) for label in RULE_LABELS}
    labels["toxic"] = int(bool(named - {"promotion"}))
    labels["hate"] = int(bool(named & set(GROUNDS)))
    return labels


def languages_of(folder: Path = HERE) -> tuple[str, ...]:
    """The languages that templates are written in."""
    return ("en", *sorted(path.name for path in folder.iterdir() if any(path.glob("*.txt"))))


def make(
    language: str = "en", folder: Path = HERE, *, every: bool = False
) -> dict[str, list[dict[str, object]]]:
    """
    Make all rows of a language.

    Args:
        every: those too that say what a public test says.

    Returns:
        The rows by template file name.

    Raises:
        ValueError: what is wrong with the templates, a fault a line, each with its
            place; or two templates give the same words different labels.
    """
    english = language == "en"
    home = folder if english else folder / language
    fillers = load_fillers(home / "fillers.txt") if (home / "fillers.txt").exists() else {}
    peoples = NO_PEOPLES if english else load_peoples(home / "groups.toml")
    loaded = load_loaded(home / "disguised.txt") if english else frozenset[str]()
    files = sorted(
        (
            path
            for path in home.glob("*.txt")
            if path.stem not in NOT_TEMPLATES and not path.stem.startswith(WRITTEN)
        ),
        key=lambda path: (_turn_of(path.stem), path.name),
    )
    blocks = [block for path in files for block in load_blocks(path, language)]
    check(blocks, fillers, peoples)
    rows = rows_of(blocks, fillers, peoples, language)

    counts: list[dict[str, Counter[str]]] = [{} for _ in range(len(LATER) + 1)]
    for row in rows:
        counts[_turn_of(row.file)].setdefault(row.group, Counter()).update(row.codes or "-")
    split = {group: side for turn in counts for group, side in split_of(turn).items()}

    by_block: dict[str, Counter[str]] = {}
    for row in written_rows(home, language):
        by_block.setdefault(row.group, Counter()).update(row.codes or "-")
    apart = split_of(by_block)

    # Sentences that may stand beside another: a side's own only, so that none is in both.
    beside: dict[str, list[str]] = {"train": [], "dev": []}
    for row in rows:
        if row.file in BESIDE and not row.codes and len(row.text) <= MOST_BESIDE:
            beside[split[row.group]].append(row.text)

    made: dict[str, list[dict[str, object]]] = {}
    labels: dict[str, int]
    known: dict[str, Row] = {}
    faults: dict[str, None] = {}
    for row in rows:
        rng = rng_of("dress", row.group, row.text)
        texts = (
            [dress(row.text, breach=bool(row.codes), loaded=loaded, rng=rng).strip()]
            if english
            else [row.text]
        )
        near = beside[split[row.group]]
        if row.file != "beside" and near and rng.random() < 0.2:
            # Dilution: a breach among harmless sentences stays a breach, and length proves nothing.
            neighbours = rng.sample(near, min(len(near), rng.choice((1, 1, 2, 3))))
            neighbours = [_ended(words) for words in neighbours]
            at = rng.randint(0, len(neighbours))
            texts.append(" ".join([*neighbours[:at], _ended(row.text), *neighbours[at:]]))
        for text in texts:
            key = key_of(text)
            if key in known:
                other = known[key]
                if set(other.codes) != set(row.codes):
                    faults[
                        f"{row.place}: the same words with other labels in {other.place}"
                        f" ({row.codes or '-'}, {other.codes or '-'}): {row.text}"
                    ] = None
                continue
            known[key] = row
            labels = labels_of(row.codes)
            made.setdefault(row.file, []).append(_entry_of(row, text, language, labels, split))
    for row in written_rows(home, language):
        key = key_of(row.text)
        if key in known:
            if set(known[key].codes) != set(row.codes):
                faults[f"{row.place}: the same words with other labels in {known[key].place}"] = None
            continue
        known[key] = row
        labels = labels_of(row.codes) | {ALLEGATION[1]: int(ALLEGATION[0] in row.codes)}
        made.setdefault(row.file, []).append(_entry_of(row, row.text, language, labels, apart))
    if faults:
        raise ValueError("\n".join(faults))
    tested = frozenset() if every else frozenset(COINCIDING.read_text("utf-8").split())
    return {
        file: [entry for entry in entries if same_words(str(entry["text"])) not in tested]
        for file, entries in made.items()
    }


def _turn_of(file: str) -> int:
    """When the rows of a template file are made and split: 0 for the first, then as LATER has it."""
    return next((turn for turn, prefix in enumerate(LATER, 1) if file.startswith(prefix)), 0)


def written_rows(home: Path, language: str) -> list[Row]:
    """Every sentence of the files of a language that were written one by one."""
    return [
        Row(block.file, block.name, line.codes, line.words, line.place)
        for path in sorted(home.glob(f"{WRITTEN}*.txt"))
        for block in load_written(path, language)
        for line in block.templates
    ]


def _entry_of(
    row: Row, text: str, language: str, labels: Mapping[str, int], split: Mapping[str, str]
) -> dict[str, object]:
    return {
        "text": text,
        "lang": language,
        "labels": labels,
        "group": row.group,
        "split": split[row.group],
        "provenance": PROVENANCE,
    }


def _ended(text: str) -> str:
    return text if text[-1:] in ".!?…؟" else text + "."


def write(language: str = "en", folder: Path = HERE) -> int:
    """Write `<language>-<file>.jsonl`, drop those whose templates are gone; returns how many rows there are."""
    made = make(language, folder)
    written = {f"{language}-{name}.jsonl": rows for name, rows in made.items()}
    for name, rows in written.items():
        lines = (json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n" for row in rows)
        (folder / name).write_text("".join(lines), "utf-8")
    for path in folder.glob(f"{language}-*.jsonl"):
        if path.name not in written:
            path.unlink()
    return sum(map(len, made.values()))


def main(asked: Sequence[str], folder: Path = HERE) -> int:
    """Make the rows of the languages asked for, or of all; returns 1 when templates have faults."""
    known = languages_of(folder)
    failed = 0
    for language in asked or known:
        if language not in known:
            sys.stderr.write(f"no templates in {language}; there are {', '.join(known)}\n")
            failed = 1
            continue
        try:
            sys.stdout.write(f"{language}: {write(language, folder)} rows\n")
        except ValueError as fault:
            sys.stderr.write(f"{fault}\n")
            failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
