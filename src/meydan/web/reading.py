"""
What readers are shown of a story: its approved comments as a fragment, a page or JSON.

Every function here makes bytes from one `Desk.page`, which holds approved
comments and nothing else; this is the only road from a comment to a reader.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import quote, urlencode

import msgspec

from meydan.comment import UNKNOWN_LANGUAGE, Comment, Story
from meydan.desk import Outcome, Page
from meydan.errors import ForeignStory
from meydan.locale import Words, direction_of, interface_of, words
from meydan.policy import Guidelines
from meydan.policy import words as pick
from meydan.text import render
from meydan.web.pages import template
from meydan.web.shelf import Made

HTML = "text/html; charset=utf-8"
JSON = "application/json"
COMMENTS_ON_A_PAGE = 200
NO_COMMENTS = Page(story=None, comments=(), count=0, next=None)

Sort = Literal["oldest", "newest"]


class CommentShown(msgspec.Struct):
    """An approved comment. `text` is character for character what was sent; null once withdrawn (a tombstone)."""

    id: str
    parent: str | None
    name: str | None
    text: str | None
    language: str
    submitted_at: str


class Listing(msgspec.Struct):
    """One page of a story's approved comments; `count` is of the whole story, `next` the cursor of what follows."""

    story: str
    count: int
    comments: list[CommentShown]
    next: str | None


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply in a branch; `to` is the comment it answers when that is not the branch's own."""

    comment: Comment
    to: Comment | None


@dataclass(slots=True)
class Branch:
    """A comment and the replies under it, oldest first. `elsewhere`: it answers a comment on another page."""

    comment: Comment
    elsewhere: bool = False
    replies: list[Reply] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class View:
    """
    Which part of a story's comments, and in which words.

    `base` stands before every link: "" on our own page, our address where the
    fragment is put into another site's page. `mail`: following by e-mail is offered.
    """

    url: str
    said: Words
    sort: Sort = "oldest"
    after: str | None = None
    base: str = ""
    mail: bool = False

    def link(self, **changed: str | None) -> str:
        """The page that shows this view with something changed (None leaves a part out)."""
        parts = {
            "story": self.url,
            "lang": self.said.language,
            "sort": None if self.sort == "oldest" else self.sort,
            "after": None,
        }
        given = {key: value for key, value in (parts | changed).items() if value is not None}
        return f"{self.base}/comments?{urlencode(given)}"

    @property
    def follow(self) -> str:
        """Where one asks to be told of the story's new comments."""
        query = urlencode({"story": self.url, "lang": self.said.language})
        return f"{self.base}/comments/follow?{query}"

    def report(self, comment: Comment, *, asked: bool = True) -> str:
        """Where a comment is reported: the page that is `asked` for in these words, or where its form goes."""
        page = f"{self.base}/comments/{quote(comment.id, safe='')}/report"
        return f"{page}?{urlencode({'lang': self.said.language})}" if asked else page


@dataclass(frozen=True, slots=True)
class Typed:
    """What a reader has typed into the form, and what was wrong with it: field -> what to do."""

    name: str = ""
    text: str = ""
    email: str = ""
    parent: str = ""
    problems: Mapping[str, str] = field(default_factory=dict)
    message: str = ""
    code: str = ""
    follow: bool = False


NOTHING_TYPED = Typed()


def language_for(asked: str | None, story: Story | None, guidelines: Guidelines) -> Words:
    """The interface's language: what is asked for, else the story's, else the publication's first."""
    candidates = (asked, story.language if story else None, *guidelines.publication.languages[:1])
    return words(next((tag for tag in map(interface_of, candidates) if tag), None))


def check_ours(url: str, guidelines: Guidelines, own: Iterable[str]) -> None:
    """ForeignStory when a URL is not of this publication."""
    if not guidelines.allows(url, own):
        raise ForeignStory("This address does not belong to a story of this publication.", fields=("story",))


def fragment(page: Page, view: View, guidelines: Guidelines, limits: Mapping[str, int]) -> Made:
    """The story's comments and the form as one HTML fragment, in one element."""
    context = _context(page, view, guidelines, limits)
    body = template("reader/fragment.html").render(**context, whole=False)
    return Made(body.encode(), HTML, _ends(page.story))


def whole_page(
    page: Page,
    view: View,
    guidelines: Guidelines,
    limits: Mapping[str, int],
    *,
    typed: Typed = NOTHING_TYPED,
    parent: Comment | None = None,
) -> Made:
    """The same as a page of its own, which works without JavaScript."""
    context = _context(page, view, guidelines, limits)
    context |= {"typed": typed, "parent": parent, "whole": True}
    body = template("reader/comments.html").render(**context)
    return Made(body.encode(), HTML, _ends(page.story))


def form_page(view: View, guidelines: Guidelines, limits: Mapping[str, int], typed: Typed) -> Made:
    """The form alone, with what was typed and what was wrong with it; asks nothing of the database."""
    context = _context(NO_COMMENTS, view, guidelines, limits)
    context |= {"typed": typed, "whole": True, "alone": True}
    return Made(template("reader/comments.html").render(**context).encode(), HTML)


def listing(page: Page, url: str) -> Made:
    """One page of approved comments as JSON."""
    body = Listing(
        story=page.story.url if page.story else url,
        count=page.count,
        comments=[
            CommentShown(
                id=comment.id,
                parent=comment.parent,
                name=comment.name,
                text=comment.text,
                language=comment.language,
                submitted_at=comment.submitted_at.isoformat(),
            )
            for comment in page.comments
        ],
        next=page.next,
    )
    return Made(msgspec.json.encode(body), JSON)


def outcome_page(
    outcome: Outcome, said: Words, guidelines: Guidelines, *, sent: bool, typed: Typed = NOTHING_TYPED
) -> str:
    """
    What became of a comment, for its author.

    Args:
        sent: it was sent this moment; otherwise its author came back to ask.
        typed: the words of an appeal that was refused, and why.
    """
    return template("reader/outcome.html").render(
        t=said,
        dir_=said.direction,
        outcome=outcome,
        reasons=reasons_given(outcome, said.language, guidelines),
        publication=guidelines.publication.name,
        back=View(outcome.story_url, said).link(),
        status_link=status_link(outcome, said.language),
        render=render,
        sent=sent,
        typed=typed,
    )


def report_page(
    comment: Comment,
    said: Words,
    guidelines: Guidelines,
    *,
    received: bool = False,
    chosen: str = "",
    typed: Typed | None = None,
) -> str:
    """
    A shown comment with the rules that it may breach, for a reader to report it; works without JavaScript.

    Args:
        received: it was reported this moment.
        chosen, typed: the rule and the words of a report that was refused, and why.
    """
    language = said.language
    thread = View(comment.story_url, said)
    return template("reader/report.html").render(
        t=said,
        comment=comment,
        rules=[(r.id, pick(r.title, language), pick(r.text, language)) for r in guidelines.rules],
        publication=guidelines.publication.name,
        action=thread.report(comment, asked=False),
        back=f"{thread.link()}#meydan-{comment.id}",
        language_of=_language_of,
        render=render,
        received=received,
        chosen=chosen,
        typed=typed or NOTHING_TYPED,
    )


def status_link(outcome: Outcome, language: str) -> str:
    """Where the author finds the comment again; with the receipt when the outcome holds one."""
    query = {"lang": language} | ({"receipt": outcome.receipt} if outcome.receipt else {})
    return f"{outcome.status_path}?{urlencode(query)}"


def reasons_given(outcome: Outcome, language: str, guidelines: Guidelines) -> list[dict[str, str]]:
    """The breached rules in the reader's language, from the guidelines in force; in the desk's words if they changed."""
    given = []
    for reason in outcome.reasons:
        try:
            rule = guidelines.rule(reason.rule)
            title, text = pick(rule.title, language), pick(rule.text, language)
        except KeyError:
            title, text = reason.title, reason.text
        told = {"rule": reason.rule, "title": title, "text": text}
        given.append(told | ({"ground": reason.ground} if reason.ground else {}))
    return given


def branches_of(comments: Sequence[Comment]) -> list[Branch]:
    """
    Arrange a page of comments one level deep: a reply to a reply stands beside it.

    Branches keep the order of the page; replies stand oldest first in either order.
    """
    known = {comment.id: comment for comment in comments}
    branches: dict[str, Branch] = {}
    replies: list[tuple[str, Comment]] = []
    for comment in comments:
        root = comment
        while root.parent is not None and root.parent in known:
            root = known[root.parent]
        if root is comment:
            branches[comment.id] = Branch(comment, elsewhere=comment.parent is not None)
        else:
            replies.append((root.id, comment))
    for root_id, comment in sorted(replies, key=lambda reply: (reply[1].submitted_at, reply[1].id)):
        to = known[comment.parent] if comment.parent and comment.parent != root_id else None
        branches[root_id].replies.append(Reply(comment, to))
    return list(branches.values())


def _context(page: Page, view: View, guidelines: Guidelines, limits: Mapping[str, int]) -> dict[str, Any]:
    language = view.said.language
    return {
        "t": view.said,
        "dir_": view.said.direction,
        "story": page.story,
        "url": view.url,
        "count": page.count,
        "branches": branches_of(page.comments),
        "view": view,
        "next": page.next,
        "open_": _is_open(page.story),
        "publication": guidelines.publication.name,
        "intro": pick(guidelines.intro, language),
        "welcomes": [(pick(w.title, language), pick(w.text, language)) for w in guidelines.welcomes],
        "rules": [(pick(r.title, language), pick(r.text, language)) for r in guidelines.rules],
        "required": {"name", "text", *guidelines.publication.required, *_asked_of(guidelines)},
        "limits": limits,
        "typed": NOTHING_TYPED,
        "parent": None,
        "alone": False,
        "render": render,
        "language_of": _language_of,
        "direction_of": direction_of,
    }


def _asked_of(guidelines: Guidelines) -> tuple[str, ...]:
    """What guests have to give besides: an address, where it has to be confirmed."""
    return ("email",) if guidelines.publication.guests == "verified" else ()


def _language_of(comment: Comment) -> str | None:
    return None if comment.language == UNKNOWN_LANGUAGE else comment.language


def _is_open(story: Story | None) -> bool:
    if story is None:
        return True
    return story.open and (story.closes_at is None or story.closes_at > datetime.now(UTC))


def _ends(story: Story | None) -> float | None:
    # A story that will close shows its form only until then.
    if story is None or story.closes_at is None or not _is_open(story):
        return None
    return story.closes_at.timestamp()
