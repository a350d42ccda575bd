"""The sample newsroom: what its pages are made of, and what its readers have sent."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from meydan import demo
from meydan.comment import DecidedBy, Status
from meydan.demo import SampleStory
from meydan.desk import DeskItem
from meydan.locale import INTERFACE
from meydan.settings import Settings
from meydan.text import identify, render
from meydan.wiring import Meydan, build

URL = "http://127.0.0.1:4999"
STORIES = demo.load_stories()


@pytest.fixture
def meydan(tmp_path: Path) -> Iterator[Meydan]:
    built = build(Settings(data=tmp_path, port=4999))
    yield built
    built.close()


def items(meydan: Meydan, story: SampleStory) -> list[DeskItem]:
    """Every comment of a story with its decisions: what waits and what was decided."""
    held, _ = meydan.desk.held(limit=200)
    decided = {item.comment.id: item for item in meydan.desk.recent(limit=200)}
    found = {comment.id: meydan.desk.item(comment.id) for comment in held} | decided
    return [item for item in found.values() if item.comment.story_url == demo.address_of(story, URL)]


# -- the pages -------------------------------------------------------------------


def test_there_is_a_story_in_each_of_the_readers_languages() -> None:
    """If the newspaper is opened, then it has a story in every language that readers are spoken to in."""
    assert [story.language for story in STORIES[:3]] == ["en", "ckb", "ar"]
    assert sorted(story.language for story in STORIES) == sorted(INTERFACE)


def test_the_front_page_counts_the_comments_of_every_story() -> None:
    """If the front page is opened, then each story says how many comments it has."""
    page = demo.pages(URL)["/"][1].decode()
    for story in STORIES:
        assert f'<meydan-comments story="{URL}{story.path}" count-only>' in page


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.language)
def test_a_story_is_a_whole_article(story: SampleStory) -> None:
    """If a story is shown, then its page has headline, dateline, date, publisher, author and five to eight paragraphs."""
    _, body = demo.pages(URL)[story.path]
    page = body.decode()
    assert 5 <= len(story.body) <= 8
    for part in (story.headline, story.dateline, story.date_in_words, story.words.publisher, story.byline):
        assert part in page
    for paragraph in story.body:
        assert paragraph in page
    assert f'datetime="{story.date.isoformat()}"' in page


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.language)
def test_a_story_runs_in_the_direction_of_its_script(story: SampleStory) -> None:
    """If a story is in an Arabic script, then its page is set right to left, else left to right."""
    page = demo.pages(URL)[story.path][1].decode()
    assert f'<html lang="{story.language}" dir="{render.direction(story.headline)}">' in page


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.language)
def test_a_story_has_its_comments(story: SampleStory) -> None:
    """If a story is shown, then its comments are in the page, and behind a link where there is no JavaScript."""
    page = demo.pages(URL)[story.path][1].decode()
    assert f'<meydan-comments story="{URL}{story.path}"' in page
    assert '<noscript><a href="/comments?story=http%3A//127.0.0.1%3A4999' in page


def test_the_newspaper_fetches_nothing_from_elsewhere() -> None:
    """If a page is opened, then nothing in it comes from another server, and nothing in it is inline."""
    for path, (_, body) in demo.pages(URL).items():
        page = body.decode()
        for address in re.findall(r"(?:src|href|url)\s*[=(]\s*[\"']?([^\"')\s>]+)", page):
            assert address.startswith(("/", "#", "data:,", URL)), f"{path} asks for {address}"
        assert "<style" not in page
        assert not re.search(r"\sstyle=|\son\w+=", page)
        assert not re.search(r"<script(?![^>]*\ssrc=)", page)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.language)
def test_the_samples_are_in_the_language_they_say(story: SampleStory) -> None:
    """If a story or a comment of it is read, then it is recognised as the language its file names."""
    assert identify("\n".join(story.body)).tag == story.language
    for comment in story.comments:
        assert identify(comment.text, expected=INTERFACE).tag == story.language


# -- the comments ----------------------------------------------------------------


def test_every_story_has_comments_in_every_state(meydan: Meydan) -> None:
    """If the newsroom is filled, then each story has four to twelve comments, some approved, some rejected, and some wait."""
    demo.seed(meydan)
    waiting = 0
    for story in STORIES:
        found = items(meydan, story)
        assert 4 <= len(found) == len(story.comments) <= 12
        assert {item.comment.status for item in found} >= {Status.APPROVED, Status.REJECTED}
        waiting += sum(item.comment.status is Status.HELD for item in found)
        people = [item.decisions[-1].decision for item in found if item.decisions]
        assert {decision.by for decision in people if decision.decided_by is DecidedBy.MODERATOR} == {
            demo.MODERATOR
        }
    assert waiting >= 2


def test_the_machine_decides_english(meydan: Meydan) -> None:
    """If the English comments are sent, then the judge itself approves some, rejects some with the rule, and holds some."""
    demo.seed(meydan)
    english = items(meydan, STORIES[0])
    by_machine = [
        item.decisions[0].decision
        for item in english
        if item.decisions and item.decisions[0].decision.decided_by is DecidedBy.MACHINE
    ]
    rejected = [decision for decision in by_machine if decision.verdict.status is Status.REJECTED]
    assert any(decision.verdict.status is Status.APPROVED for decision in by_machine)
    assert rejected
    assert all(decision.reasons for decision in rejected)
    assert any(item.comment.status is Status.HELD and not item.decisions for item in english)


def test_courtesy_and_criticism_in_the_samples_is_approved_by_machine(meydan: Meydan) -> None:
    """If the newsroom is filled, then thanks, anger at the government and disagreement need no moderator."""
    demo.seed(meydan)
    approved = {
        item.comment.name for item in items(meydan, STORIES[0]) if item.comment.status is Status.APPROVED
    }
    assert {"Daniel Reyes", "Hana"} <= approved


def test_the_samples_show_what_editors_can_do(meydan: Meydan) -> None:
    """If the newsroom is filled, then replies go three levels deep, the newspaper answers, picks, asks and closes a story."""
    demo.seed(meydan)
    pages = [meydan.desk.page(demo.address_of(story, URL)) for story in STORIES]
    shown = [comment for page in pages for comment in page.comments]
    parents = {comment.id: comment.parent for comment in shown}
    assert any(
        parent and parents.get(parent) and parents.get(parents[parent] or "") for parent in parents.values()
    )
    assert [comment.text for comment in shown if comment.badge] == [
        comment.text for story in STORIES for comment in story.comments if comment.then == "answer"
    ]
    assert sum(comment.picked for comment in pages[0].comments) == 2
    assert pages[0].story is not None
    assert pages[0].story.question == STORIES[0].question
    assert [page.story.closed_reason for page in pages if page.story and not page.story.open] == [
        story.closed_reason for story in STORIES if story.closed_reason
    ]


def test_what_waits_says_why(meydan: Meydan) -> None:
    """If a comment waits, then the desk is told for what."""
    demo.seed(meydan)
    for story in STORIES:
        for item in items(meydan, story):
            assert item.comment.status is not Status.HELD or item.comment.holds


def test_readers_see_the_approved_samples_as_they_were_written(meydan: Meydan) -> None:
    """If a story's comments are read, then they are the approved ones, character for character."""
    demo.seed(meydan)
    for story in STORIES:
        written = {comment.text for comment in story.comments}
        shown = [comment.text for comment in meydan.desk.page(demo.address_of(story, URL)).comments]
        assert shown
        assert set(shown) <= written
        for comment in story.comments:
            if comment.then == "reject":
                assert comment.text not in shown


def test_filling_twice_adds_nothing(meydan: Meydan) -> None:
    """If the newsroom is opened again on the same data, then its comments are there once."""
    assert demo.seed(meydan) == sum(len(story.comments) for story in STORIES)
    before = [[item.comment.id for item in items(meydan, story)] for story in STORIES]
    assert demo.seed(meydan) == 0
    assert [[item.comment.id for item in items(meydan, story)] for story in STORIES] == before


def test_the_sample_desk_has_a_way_in_each_time(meydan: Meydan) -> None:
    """If the newsroom is opened again on the same data, then a new link signs the same editor in."""
    for _ in range(2):
        assert meydan.staff.sign_in(demo.desk_link(meydan)).moderator == demo.EDITOR


def test_the_newsroom_opens_where_it_was(tmp_path: Path) -> None:
    """If the newsroom is opened again on the same data, then it has the same address, and so the same stories."""
    free = iter([41001, 41002])
    assert [demo.same_port(tmp_path, lambda: next(free)) for _ in range(2)] == [41001, 41001]


def test_another_port_is_taken_when_the_usual_one_is_busy(tmp_path: Path) -> None:
    """If something else listens on the port it had, or it is not known any more, then the newsroom opens elsewhere."""
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        (tmp_path / "demo-port").write_text(str(busy.getsockname()[1]))
        assert demo.same_port(tmp_path, lambda: 41003) == 41003
    (tmp_path / "demo-port").write_text("not a port")
    assert demo.same_port(tmp_path, lambda: 41004) == 41004
