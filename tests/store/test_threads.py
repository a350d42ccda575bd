"""Threads: branches in three orders, page by page, and the numbers that are kept so that this stays fast."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from meydan.errors import Malformed, NotFound
from meydan.store import Store
from meydan.store import store as module
from tests.postgresql import PostgreSQL
from tests.store.making import (
    REJECT,
    STORY,
    approved,
    around,
    as_it_was,
    check_branches,
    decide,
    later,
    read_through,
    receive,
    shown,
)
from tests.store.test_schema import described

ORDERS = ("oldest", "newest", "replied")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of three branches and five comments."""
    monkeypatch.setattr(module, "BRANCHES_ON_A_PAGE", 3)
    monkeypatch.setattr(module, "COMMENTS_ON_A_PAGE", 5)


def grown(store: Store) -> dict[str, list[str]]:
    """Seven branches of 1, 9, 2, 1, 4, 5 and 1 comments, oldest first, each with the ids in it."""
    at = later()
    branches = {}
    for number, size in enumerate((1, 9, 2, 1, 4, 5, 1)):
        first = approved(store, submitted_at=at + timedelta(seconds=number))
        ids = [first]
        for reply in range(1, size):
            # Some answer the first, some each other.
            ids.append(approved(store, parent=ids[reply // 2], submitted_at=at + timedelta(minutes=reply)))
        branches[first] = ids
    return branches


def in_order(branches: dict[str, list[str]], sort: str) -> list[str]:
    firsts = list(branches)
    if sort != "oldest":
        firsts.reverse()
    if sort == "replied":
        firsts.sort(key=lambda first: -len(branches[first]))
    return [id for first in firsts for id in branches[first]]


@pytest.mark.parametrize("sort", ORDERS)
@pytest.mark.usefixtures("small")
def test_branches_follow_on_whole(store: Store, database_url: str, sort: str) -> None:
    """If a thread is read by branches, then every comment comes once, in its branch, and no page is larger than a page."""
    branches = grown(store)
    check_branches(database_url)
    assert read_through(store, sort) == in_order(branches, sort)
    after: str | None = None
    while True:
        page = store.thread(STORY, sort=sort, after=after)
        assert page.count == 23
        assert page.at_start is (after is None)
        assert 1 <= len(page.branches) <= 3
        assert 1 <= len(page.comments) <= 5
        # Only the last of a page is cut, and then the page is full.
        assert all(branch.next is None for branch in page.branches[:-1])
        assert page.branches[-1].next is None or len(page.comments) == 5
        after = page.next
        if after is None:
            break


@pytest.mark.parametrize("sort", ORDERS)
@pytest.mark.usefixtures("small")
def test_a_cursor_stays_right_while_comments_come_and_go(store: Store, sort: str) -> None:
    """If comments come and go between two pages, then what stayed as it was is met once, and nothing is met twice."""
    branches = grown(store)
    first = store.thread(STORY, sort=sort)
    met = [branch.id for branch in first.branches]
    # One that was met grows, the page's last branch goes, and one comes at either end.
    if len(met) > 1:
        approved(store, parent=met[0])
    gone = branches.pop(met[-1])
    for id in reversed(gone):
        store.withdraw(id, leaf=b"", at=later())
    approved(store, submitted_at=later() - timedelta(days=1))
    approved(store, submitted_at=later() + timedelta(days=1))
    after = first.next
    while after is not None:
        page = store.thread(STORY, sort=sort, after=after)
        met += [branch.id for branch in page.branches]
        after = page.next
    assert len(met) == len(set(met))
    assert set(met) >= set(branches)


@pytest.mark.usefixtures("small")
def test_the_page_on_which_a_comment_stands(store: Store) -> None:
    """If a comment is asked for, then its page comes: the first, one that begins with its branch, or a stretch of a long branch."""
    branches = grown(store)
    for sort in ORDERS:
        first = {comment.id for comment in store.thread(STORY, sort=sort).comments}
        for top, ids in branches.items():
            for place, id in enumerate(ids):
                page = store.thread(STORY, sort=sort, at=id)
                assert id in {comment.id for comment in page.comments}
                assert page.at_start is (id in first)
                if not page.at_start:
                    assert page.branches[0].id == top
                    (begin, *_) = page.branches[0].replies or (None,)
                    assert begin is None or begin.id == (ids[1] if place < 5 else id)


@pytest.mark.usefixtures("small")
def test_what_is_asked_for_has_to_be_there(store: Store) -> None:
    """If a comment that readers do not see, a reply's branch or another branch's cursor is asked for, then it is refused."""
    branches = grown(store)
    long = next(first for first, ids in branches.items() if len(ids) == 9)
    held, elsewhere = receive(store), approved(store, story_url=STORY + "/2")
    for at in (held, elsewhere, "nothing", "a\0", "\ud800"):
        with pytest.raises(NotFound):
            store.thread(STORY, sort="oldest", at=at)
        with pytest.raises(NotFound):
            store.thread(STORY, sort="oldest", branch=at)
    with pytest.raises(NotFound):
        store.thread(STORY, sort="oldest", branch=branches[long][1])
    with pytest.raises(NotFound):
        store.thread(STORY + "/nowhere", sort="oldest", at=long)
    rest = store.thread(STORY, sort="oldest", branch=long).branches[0].next
    other = next(first for first in branches if first != long)
    for asked in ({"branch": other, "after": rest}, {"after": rest}, {"after": "x"}, {"sort": "best"}):
        with pytest.raises(Malformed):
            store.thread(STORY, **{"sort": "oldest", **asked})


def test_a_branch_outlives_its_beginning(store: Store, database_url: str) -> None:
    """If what begins a branch is withdrawn, its tombstone stands; if it is rejected, its replies stand where it stood."""
    first, last = approved(store), approved(store)
    reply = approved(store, parent=first)
    answer = approved(store, parent=reply)
    store.withdraw(first, leaf=b"", at=later())
    for sort in ORDERS:
        assert sorted(read_through(store, sort)) == sorted([f"[{first}]", reply, answer, last])
    assert store.thread(STORY, sort="replied").branches[0].id == first
    decide(store, first, REJECT)
    (branch, _) = store.thread(STORY, sort="oldest").branches
    assert (branch.id, branch.comment, [one.id for one in branch.replies]) == (first, None, [reply, answer])
    store.escalate(reply, kind="threat", told="", by="Zîn", at=later())
    assert read_through(store, "oldest") == [answer, last]
    store.erase(answer, leaf=b"", at=later())
    assert read_through(store, "oldest") == [last]
    check_branches(database_url)


def test_answers_are_counted(store: Store) -> None:
    """If a list is asked for by answers, then those with the most that readers see come first, and each says how many."""
    none, two, one = approved(store), approved(store), approved(store)
    replies = [approved(store, parent=parent) for parent in (two, two, one, none)]
    receive(store, parent=two)
    store.withdraw(replies[3], leaf=b"", at=later())
    page = store.page(STORY, sort="replied", after=None, limit=2)
    assert [(comment.id, comment.replies) for comment in page.comments] == [(two, 2), (one, 1)]
    rest = store.page(STORY, sort="replied", after=page.next, limit=200)
    assert {comment.replies for comment in rest.comments} == {0}
    assert len(rest.comments) + 2 == len(shown(store))
    kept = store.comment(two)
    assert kept is not None
    assert kept.replies == 2


def test_what_was_there_before_is_counted_once(
    store: Store, database_url: str, postgresql: PostgreSQL, tmp_path: Path
) -> None:
    """If a database has comments from before branches were kept, then it ends as one that always kept them."""
    grown(store)
    gone = approved(store)
    approved(store, parent=approved(store, parent=gone))
    store.withdraw(gone, leaf=b"", at=later())
    receive(store, parent=approved(store))
    before = {sort: read_through(store, sort) for sort in ORDERS}
    store.close()
    sqlite = database_url.startswith("sqlite")
    old = f"sqlite:///{tmp_path / 'old.db'}" if sqlite else postgresql.new_database(empty=True)
    as_it_was(old, database_url, "0011")
    again = Store.open(old)
    try:
        check_branches(old)
        assert {sort: read_through(again, sort) for sort in ORDERS} == before
        assert described(old) == described(database_url)
    finally:
        again.close()


def test_a_branch_never_changes(store: Store, database_url: str) -> None:
    """If somebody would move a comment into another branch, then the database refuses."""
    approved(store)
    with around(database_url) as connection, pytest.raises(Exception, match="never changes"):
        connection.execute("UPDATE comment SET root = 1")
