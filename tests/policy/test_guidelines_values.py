"""Loading gives values that cannot be changed, allow exactly the origins listed, and carry their digest."""

from __future__ import annotations

import dataclasses
import hashlib
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from meydan import policy
from meydan.comment import LANGUAGES, Verdict
from meydan.errors import BadGuidelines

GOLDEN = Path(__file__).with_name("golden")
PLAIN = (GOLDEN / "no_faults.toml").read_bytes()
OWN = ("https://comments.example", "http://127.0.0.1:8000")


def guidelines_for(*origins: str) -> policy.Guidelines:
    listed = ", ".join(f'"{origin}"' for origin in origins)
    return policy.parse(PLAIN.replace(b'"self", "https://lantern.example"', listed.encode()), "lantern.toml")


def test_load_reads_what_the_file_says() -> None:
    """If a file is loaded, then every value is the file's."""
    loaded = policy.load(GOLDEN / "no_faults.toml")
    assert loaded.publication == policy.Publication(
        "The Lantern", ("self", "https://lantern.example"), ("en",), ("name", "text")
    )
    assert loaded.intro == {"en": "Be kind, and be clear."}
    (welcome,) = loaded.welcomes
    assert (welcome.id, welcome.labels, welcome.hold_below) == ("relevance", ("relevance",), 0.15)
    (rule,) = loaded.rules
    assert (rule.id, rule.labels, rule.hold_from, rule.reject_from) == ("threats", ("threat",), 0.2, 0.9)
    assert rule.title == {"en": "No threats"}
    assert not rule.people_only
    (example,) = rule.examples
    assert example == policy.Example("en", "I will find you and hurt you.", None, Verdict.REJECT, 27)
    assert loaded.automation == policy.Automation("assisted", 0.01, 0.05, 0.9, 0.02)
    assert list(loaded.examples) == [(rule, example)]


def test_the_digest_is_of_the_bytes() -> None:
    """If one byte of the file changes, a note's even, then the digest changes."""
    loaded = policy.parse(PLAIN, "x.toml")
    assert loaded.source == PLAIN
    assert loaded.digest == f"sha256:{hashlib.sha256(PLAIN).hexdigest()}"
    assert policy.parse(PLAIN + b"# a note\n", "x.toml").digest != loaded.digest


def test_rule_by_id() -> None:
    """If a rule is asked for by id, then it is that rule; an unknown id is a KeyError."""
    loaded = policy.load()
    assert loaded.rule("threats").id == "threats"
    with pytest.raises(KeyError):
        loaded.rule("threat")


def test_nothing_can_be_changed() -> None:
    """If somebody tries to change loaded guidelines, then Python refuses."""
    loaded = policy.load()
    for value in (loaded, loaded.publication, loaded.automation, *loaded.rules, *loaded.welcomes):
        for field in dataclasses.fields(value):
            with pytest.raises(dataclasses.FrozenInstanceError):
                setattr(value, field.name, None)
    with pytest.raises(TypeError):
        loaded.intro["en"] = "Anything goes."  # type: ignore[index]
    with pytest.raises(TypeError):
        loaded.rules[0].title["en"] = "Anything goes."  # type: ignore[index]


def test_equal_and_hashable_by_digest() -> None:
    """If two files hold the same bytes, then their guidelines are equal and hash alike."""
    one, other = policy.parse(PLAIN, "one.toml"), policy.parse(PLAIN, "other.toml")
    assert one == other
    assert len({one, other, policy.load()}) == 2
    assert one != "guidelines"


def test_another_process_reads_the_same() -> None:
    """If guidelines are sent to another process, then they arrive the same."""
    sent = pickle.loads(pickle.dumps(policy.load()))
    assert sent == policy.load()
    assert sent.rules == policy.load().rules


def test_many_threads_share_one_value() -> None:
    """If many threads ask the same guidelines, then each gets the same answers."""
    loaded = guidelines_for("self", "https://lantern.example")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: loaded.allows("https://lantern.example/a", OWN), range(2000)))
        rules = list(pool.map(lambda _: loaded.rule("threats"), range(2000)))
    assert set(answers) == {True}
    assert all(rule is loaded.rules[0] for rule in rules)


def test_a_repr_is_short() -> None:
    """If guidelines are logged, then the log line is short."""
    assert len(repr(policy.parse(policy.DEFAULT.read_bytes(), "default.toml"))) < 100


@pytest.mark.parametrize("make", ["missing", "folder", "nul"])
def test_a_file_that_cannot_be_read(tmp_path: Path, make: str) -> None:
    """If the file cannot be read, then BadGuidelines says which and why, with one finding."""
    path = {"missing": tmp_path / "none.toml", "folder": tmp_path, "nul": tmp_path / "a\0b.toml"}[make]
    with pytest.raises(BadGuidelines, match="cannot be read") as refused:
        policy.load(path)
    assert len(refused.value.findings) == 1


def test_a_bad_file_names_its_first_fault() -> None:
    """If a file has faults, then the error's own message already says where the first is and what to write."""
    with pytest.raises(BadGuidelines) as refused:
        policy.load(GOLDEN / "hold_above_reject.toml")
    assert "hold_above_reject.toml has one fault at line 24, column 13" in refused.value.message
    assert refused.value.code == "M301"
    with pytest.raises(BadGuidelines, match="has 5 faults; the first is at line 3, column 1"):
        policy.load(GOLDEN / "missing_keys.toml")


@pytest.mark.parametrize(
    ("asked", "allowed"),
    [
        ("https://lantern.example", True),
        ("https://lantern.example/", True),
        ("https://lantern.example/news/1?a=b|c#d", True),
        ("HTTPS://LANTERN.EXAMPLE/News", True),
        ("https://lantern.example:443/news", True),
        ("https://lantern.example/خبر", True),
        ("http://lantern.example/news", False),
        ("https://lantern.example:8443/news", False),
        ("https://www.lantern.example/news", False),
        ("https://lantern.example.evil.example/", False),
        ("https://lantern.example@evil.example/", False),
        ("https://evil.example\\@lantern.example/", False),
        ("https://evil.example/https://lantern.example", False),
        ("https://evil.example?https://lantern.example", False),
        ("https://evillantern.example", False),
        ("https://lantern.example.", False),
        ("https://lantern.example:", False),
        ("https://lantern.example:0", False),
        ("https://lantern.example:99999999", False),
        ("https://lаntern.example", False),
        ("https://lantern%2eexample", False),
        ("https:lantern.example", False),
        ("https:///lantern.example", False),
        ("//lantern.example/news", False),
        ("javascript://lantern.example/%0aalert(1)", False),
        ("data:text/html,https://lantern.example", False),
        (" https://lantern.example", False),
        ("https://lantern.example/a b", False),
        ("https://lantern\n.example", False),
        ("https://lantern\t.example", False),
        ("https://[::1", False),
        ("null", False),
        ("self", False),
        ("", False),
        ("https://comments.example/story", True),
        ("http://127.0.0.1:8000/story", True),
        ("http://127.0.0.1:8001/story", False),
        ("http://comments.example/story", False),
    ],
)
def test_allows_exactly_the_listed_origins(asked: str, allowed: bool) -> None:
    """If scheme, host and port equal a listed origin's, then the page is allowed, and otherwise not."""
    assert guidelines_for("self", "https://lantern.example").allows(asked, OWN) is allowed


@pytest.mark.parametrize(
    ("listed", "asked", "allowed"),
    [
        ("http://localhost", "http://localhost:5173/a", True),
        ("http://localhost", "http://localhost", True),
        ("http://localhost", "https://localhost:5173/a", False),
        ("http://localhost", "http://127.0.0.1:5173/a", False),
        ("http://localhost", "http://localhost.evil.example", False),
        ("http://127.0.0.1", "http://127.0.0.1:41234", True),
        ("http://[::1]", "http://[::1]:8080/", True),
        ("http://localhost:3000", "http://localhost:3000/", True),
        ("http://localhost:3000", "http://localhost:3001/", False),
        ("http://localhost:80", "http://localhost/", True),
        ("http://localhost:80", "http://localhost:81/", False),
        ("https://lantern.example:8443", "https://lantern.example:8443/x", True),
        ("https://lantern.example:8443", "https://lantern.example/x", False),
    ],
)
def test_loopback_without_a_port_means_any_port(listed: str, asked: str, allowed: bool) -> None:
    """If a loopback origin names no port, then any port of it is allowed; any other origin means its own port."""
    assert guidelines_for(listed).allows(asked) is allowed


def test_self_means_the_servers_own_origins_and_only_when_listed() -> None:
    """If "self" is not listed, then the server's own pages are not allowed either."""
    assert guidelines_for("self").allows("https://comments.example/x", OWN)
    assert not guidelines_for("self").allows("https://comments.example/x")
    assert not guidelines_for("https://lantern.example").allows("https://comments.example/x", OWN)
    assert not guidelines_for("self").allows("", ("",))


@given(st.text(max_size=60))
@example("http://[")
@example("https://lantern.example:١")
@example("\ud800")
def test_allows_is_total(asked: str) -> None:
    """If a URL is any text at all, then allows answers; prefixed by another host, never with yes."""
    loaded = guidelines_for("self", "https://lantern.example")
    assert loaded.allows(asked, (asked,)) in (True, False)
    assert not loaded.allows(f"https://evil.example/{asked}", OWN)
    assert not loaded.allows(f"https://lantern.example.evil{asked.replace('/', '')}", OWN)


def test_words_picks_a_translation() -> None:
    """If a translation is missing, then words picks the primary subtag's, then another script's, then English, then the first."""
    told = {"tr": "Merhaba", "en": "Hello", "ckb": "سڵاو", "kmr-Latn": "Silav"}
    assert policy.words(told, "kmr-Latn") == "Silav"
    assert policy.words(told, "ckb-IQ") == "سڵاو"
    assert policy.words(told, "kmr-Arab") == "Silav"
    assert policy.words(told, "xx") == "Hello"
    assert policy.words({"ar": "مرحبا", "tr": "Merhaba"}, "fa") == "مرحبا"
    assert policy.words({}, "en") == ""


@given(st.dictionaries(st.sampled_from(LANGUAGES), st.text(), min_size=1), st.text(max_size=10))
def test_words_always_finds_some(told: dict[str, str], language: str) -> None:
    """If there is one translation at least, then words gives one of them."""
    assert policy.words(told, language) in told.values()


def test_people_may_be_asked_in_part() -> None:
    """If [people] says only from how many reports on a comment comes to the desk, then the rest is as usual; beyond its range is a fault."""
    for number, good in ((1, True), (1000, True), (0, False), (1001, False)):
        source = PLAIN + f"\n[people]\nreports_from = {number}\n".encode()
        assert (not policy.check(source)) is good
        if good:
            people = policy.parse(source, "guidelines.toml").people
            assert (people.reports_from, people.second) == (number, 0.0)
