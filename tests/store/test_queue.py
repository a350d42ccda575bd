"""The queue in the order of what presses, who is looking, and finding comments; on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from meydan.comment import Hold, Status
from meydan.errors import Malformed
from meydan.store import Sought, Store
from meydan.text.search import asked_for, searchable
from tests.store.making import (
    APPROVE,
    EVIDENCE,
    HOLD,
    NOON,
    REJECT,
    STORY,
    around,
    later,
    new_comment,
    report,
)


def kept(store: Store, text: str = "Well said.", *, name: str = "Rojin", **changed: Any) -> str:
    new = new_comment(text, name=name, submitted_at=later(), lookup=searchable(name, text), **changed)
    store.receive(new)
    return new.id


def hold(
    store: Store, id: str, *, sooner: float = 0.0, language: str = "en", why: Hold = Hold.UNCERTAIN
) -> None:
    store.hold(
        id,
        replace(HOLD, holds=(why,)),
        evidence=replace(EVIDENCE, language=language),
        at=later(),
        sooner=timedelta(minutes=sooner),
    )


def settle(store: Store, id: str, decision: Any = APPROVE) -> None:
    store.settle(id, decision, leaf=b"{}", at=later(), expected_seq=None)


def walked(store: Store, **asked: Any) -> list[str]:
    """Every id of the queue, two at a time."""
    found: list[str] = []
    after = None
    while True:
        comments, after = store.queue(limit=2, after=after, **asked)
        found += [comment.id for comment in comments]
        if after is None:
            return found


def test_what_presses_comes_first(store: Store) -> None:
    """If a comment is uncertain or its story busy, then it stands before older ones, and no cursor loses one."""
    first, second, third, fourth, fifth = (kept(store) for _ in range(5))
    hold(store, first)
    hold(store, second, sooner=5)
    hold(store, third, sooner=90)
    hold(store, fourth)
    assert walked(store) == [third, second, first, fourth, fifth]
    assert walked(store, order="oldest") == [first, second, third, fourth, fifth]
    assert walked(store, order="newest") == [fifth, fourth, third, second, first]
    with pytest.raises(Malformed):
        store.queue(order="loudest")
    with pytest.raises(Malformed):
        store.queue(after=store.queue(order="oldest", limit=1)[1])


def test_the_queue_is_narrowed(store: Store) -> None:
    """If only one reason or one's own languages are asked for, then exactly these come, in every order."""
    ids = {}
    for language, why in (
        ("ckb", Hold.UNCERTAIN),
        ("ar", Hold.NAME),
        ("ckb", Hold.NAME),
        ("und", Hold.LANGUAGE_NOT_MEASURED),
    ):
        ids[language, why] = kept(store)
        hold(store, ids[language, why], language=language, why=why)
    for order in ("pressing", "oldest", "newest"):
        assert set(walked(store, order=order, why=Hold.NAME)) == {ids["ar", Hold.NAME], ids["ckb", Hold.NAME]}
        assert set(walked(store, order=order, others=("ar", "en"))) == set(ids.values()) - {
            ids["ar", Hold.NAME]
        }
        assert walked(store, order=order, why=Hold.NAME, others=("ar",)) == [ids["ckb", Hold.NAME]]
        # One tag inside another is another language.
        assert len(walked(store, order=order, others=("kmr", "ck"))) == 4
    assert store.tally().reasons() == {Hold.UNCERTAIN: 1, Hold.NAME: 2, Hold.LANGUAGE_NOT_MEASURED: 1}
    assert store.tally().reasons(("ckb",)) == {Hold.NAME: 1, Hold.LANGUAGE_NOT_MEASURED: 1}
    settle(store, ids["ar", Hold.NAME])
    assert walked(store, why=Hold.NAME) == [ids["ckb", Hold.NAME]]


def test_what_comes_back_is_counted_as_it_is_listed(store: Store) -> None:
    """If comments wait again, appealed or reported, then every count of the desk has them, and not what is escalated."""
    appealed, reported, escalated = kept(store), kept(store), kept(store)
    for id in (appealed, escalated):
        settle(store, id, REJECT)
        store.appeal(id, words="It was a quotation.", at=later())
    settle(store, reported)
    before = store.pulse(later())
    report(store, reported)
    assert store.pulse(later()) != before
    store.escalate(escalated, kind="threat", told="", by="Zîn", at=later())

    def counts() -> tuple[dict[Hold, int], dict[Hold, int], int, int]:
        news = store.news(since=0, about=[])
        tally = news.tally
        return tally.reasons(), store.tally().reasons(), tally.waiting(None, ()), news.new(0, None, ())

    both = {Hold.APPEAL: 1, Hold.REPORT: 1}
    assert counts() == (both, both, 2, 2)
    assert set(walked(store)) == {appealed, reported}
    before = store.pulse(later())
    store.end_hold(escalated, reason="It is over.", leaf=b"", by="Mem", at=later())
    assert store.pulse(later()) != before
    both[Hold.APPEAL] = 2
    assert counts() == (both, both, 3, 3)
    assert set(walked(store)) == {appealed, reported, escalated}


def test_news_is_told_apart_by_line(store: Store) -> None:
    """If something happens that the desk wants to know, then the pulse is another, and the news says it for every line."""
    pulses = [store.pulse(later())]

    def beats() -> bool:
        pulses.append(store.pulse(later()))
        return pulses[-1] != pulses[-2]

    before = kept(store)
    assert beats()
    hold(store, before, language="ar", why=Hold.NAME)
    assert beats()
    assert not beats()
    mark = store.newest()
    for language in ("ckb", "ckb", "ar"):
        hold(store, kept(store), language=language)
    still_judged = kept(store)
    news = store.news(since=mark, about=[before, still_judged, "nobody's", "\0"])
    assert (news.tally.waiting(None, ()), news.new(mark, None, ())) == (4, 3)
    assert (news.tally.waiting(None, ("ar",)), news.new(mark, None, ("ar",))) == (2, 2)
    assert (news.tally.waiting(Hold.NAME, ()), news.new(mark, Hold.NAME, ())) == (1, 0)
    assert store.tally().waiting(None, ()) == 4
    assert set(news.became) == {before, still_judged}
    assert (news.became[before].seq, news.became[before].verdict) == (0, None)
    store.people.add_moderator("Zîn", later(), by="operator")
    assert beats()
    at = later()
    store.claim(before, "Zîn", at, until=at + timedelta(minutes=2))
    assert beats()
    settle(store, before, REJECT)
    assert beats()
    became = store.news(since=mark, about=[before]).became[before]
    assert (became.seq, became.verdict, became.by) == (1, REJECT.verdict, "Zîn")
    store.erase(before, leaf=b"{}", at=later())
    assert beats()
    assert store.news(since=mark, about=[before]).became[before].erased


def test_an_appeal_stands_where_it_was_made(store: Store) -> None:
    """If an old rejection is appealed, then it stands by the time of the appeal, and not before everything."""
    old = kept(store)
    settle(store, old, REJECT)
    waiting = kept(store)
    store.appeal(old, words="I quoted it.", at=later())
    assert walked(store) == [waiting, old]
    assert walked(store, why=Hold.APPEAL) == [old]


def test_one_looks_at_a_comment_at_a_time(store: Store) -> None:
    """If somebody has a comment before them, then others see who, until they let go, decide or stay away."""
    for name in ("Zîn", "Mem"):
        store.people.add_moderator(name, NOON, by="operator")
    id = kept(store)
    at = later()
    store.claim(id, "Zîn", at, until=at + timedelta(minutes=2))
    store.claim(id, "Mem", at, until=at + timedelta(minutes=2))
    assert store.claims(at)[id].moderator == "Zîn"
    store.let_go(id, "Mem")
    store.claim(id, "Zîn", at + timedelta(minutes=1), until=at + timedelta(minutes=3))
    assert store.claims(at + timedelta(minutes=2))[id].at == at
    assert store.claims(at + timedelta(minutes=3)) == {}
    store.claim(id, "Mem", at + timedelta(minutes=3), until=at + timedelta(minutes=5))
    assert store.claims(at + timedelta(minutes=4))[id].moderator == "Mem"
    settle(store, id)
    assert store.claims(at + timedelta(minutes=4)) == {}
    store.claim("nothing", "Mem", at, until=at + timedelta(minutes=2))
    assert store.claims(at) == {}


@pytest.mark.parametrize(
    ("text", "search"),
    [
        ("The ministry has closed the bridge.", "MINISTRY bridge"),
        ("Wasserstraße und Brücke", "brücke"),
        ("پرۆژەی کارەبا لە هەولێر", "کارەبا"),
        ("قالت الوزارة إنّ الجسر مغلق", "الجسر مغلق"),
        ("كيف حالكم يا اهل بغداد", "کیف"),
        ("Y0u are an 1d10t, said nobody", "nobody"),
        ("Êvarbaş, hevalno!", "êvarbaş"),
        ("İstanbul'da yağmur", "istanbul"),
    ],
)
def test_a_comment_is_found_by_its_words(store: Store, text: str, search: str) -> None:
    """If words of a comment are looked for, however they are written, then it is found, and another is not."""
    id = kept(store, text)
    kept(store, "Something else altogether.")
    words = asked_for(search)
    assert words
    assert store.find(Sought(words=words), limit=10)[0] == (id,)
    assert store.find(Sought(words=(*words, "zebra")), limit=10)[0] == ()


@pytest.mark.parametrize(
    "search",
    [
        "",
        "  ",
        '"',
        "'; DROP TABLE words; --",
        "a* OR b",
        "NEAR(a b)",
        "words:x",
        "\x00",
        "\ud800",
        "&|!<->()",
        "x" * 5000,
    ],
)
def test_no_search_breaks_anything(store: Store, search: str) -> None:
    """If a search is written to break the index's own language, then it finds nothing and breaks nothing."""
    id = kept(store)
    words = asked_for(search)
    if words:
        assert store.find(Sought(words=words), limit=10)[0] == ()
    assert store.comment(id) is not None


def test_comments_are_found_by_all_that_is_known(store: Store) -> None:
    """If several things are asked for together, then only what is all of that is found, the newest first."""
    first = kept(store, "The bridge is closed.", author_key="a" * 32)
    second = kept(store, "The bridge is open.", author_key="a" * 32)
    third = kept(store, "The bridge is long.", author_key="b" * 32, story_url=f"{STORY}/2")
    hold(store, first, language="ckb")
    settle(store, first, REJECT)
    settle(store, second, APPROVE)
    moment = later()
    fourth = kept(store, "No river.", author_key="b" * 32)

    def found(**asked: Any) -> list[str]:
        return list(store.find(Sought(**asked), limit=10)[0])

    assert found() == [fourth, third, second, first]
    assert found(words=("bridge",)) == [third, second, first]
    assert found(words=("bridge",), author=second) == [second, first]
    assert found(story=f"{STORY}/2") == [third]
    assert found(status=Status.HELD) == [fourth, third]
    assert found(status=Status.REJECTED, language="ckb") == [first]
    assert found(by=REJECT.by) == [first]
    assert found(rule="abuse") == [first]
    assert found(rule="threats") == []
    assert found(since=moment) == [fourth]
    assert found(until=moment, status=Status.HELD) == [third]
    settle(store, first, APPROVE)
    assert found(rule="abuse") == []
    ids, before = store.find(Sought(), limit=3)
    assert store.find(Sought(), limit=3, before=before) == ((first,), None)
    assert ids == (fourth, third, second)


@pytest.mark.parametrize("rare_up_to", [0, 1000])
def test_rare_and_common_words_are_found_alike(
    store: Store, monkeypatch: pytest.MonkeyPatch, rare_up_to: int
) -> None:
    """If words are taken for rare or for common, then the same comments are found, in the same order, page by page."""
    monkeypatch.setattr("meydan.store.store.RARE_UP_TO", rare_up_to)
    ids = [kept(store, f"The bridge of {place} is closed.") for place in ("Gwer", "Zakho", "Halabja")]
    kept(store, "Something else altogether.")
    newest, before = store.find(Sought(words=("bridge", "closed")), limit=2)
    assert newest == (ids[2], ids[1])
    assert store.find(Sought(words=("bridge", "closed")), limit=2, before=before) == ((ids[0],), None)
    assert store.find(Sought(words=("zakho",), status=Status.HELD), limit=2)[0] == (ids[1],)


def test_erased_words_are_not_found(store: Store, database_url: str) -> None:
    """If a comment is erased, then no search finds it by its words, and the index does not keep them."""
    id = kept(store, "Unforgettable words.")
    assert store.find(Sought(words=("unforgettable",)), limit=10)[0] == (id,)
    store.erase(id, leaf=b"{}", at=later())
    assert store.find(Sought(words=("unforgettable",)), limit=10)[0] == ()
    with around(database_url) as connection:
        (left,) = connection.execute("SELECT count(*) FROM lookup").fetchone()
    assert left == 0


def test_what_is_escalated_is_not_found(store: Store) -> None:
    """If a comment is escalated, then only those who were named can see it, and no search shows it."""
    id = kept(store, "A threat.")
    store.escalate(id, kind="threat-to-life", told="police", by="Zîn", at=later())
    assert store.find(Sought(), limit=10)[0] == ()
