"""
What readers are shown of a story: its approved comments as a fragment, a page or JSON.

Every function here makes bytes from one `Desk.thread` or `Desk.page`, which hold approved
comments and nothing else; this is the only road from a comment to a reader. Search engines
read what readers read: the markup says what each part is (schema.org microdata), and no word stands twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import quote, urlencode

import msgspec

from meydan.comment import UNKNOWN_LANGUAGE, Comment, Story
from meydan.desk import Branch, Outcome, Page, Thread, story_address
from meydan.errors import ForeignStory, MissingFields
from meydan.locale import Words, direction_of, interface_of, words
from meydan.policy import Guidelines
from meydan.policy import words as pick
from meydan.text import render
from meydan.web.pages import template
from meydan.web.shelf import Made

HTML = "text/html; charset=utf-8"
JSON = "application/json"
INDENTED = 3
"""Levels that are told apart by their indentation on the narrowest screen; on deeper ones it is said who is answered."""

NO_COMMENTS = Thread(story=None, branches=(), count=0, next=None)

Sort = Literal["oldest", "newest", "replied"]


class CommentShown(msgspec.Struct):
    """
    An approved comment. `text` is character for character what was sent; null once withdrawn (a tombstone).

    `replies` counts the answers to it that readers see. Where `format` is not null, another system kept it so ("html",
    "markdown"), and `text` is what people read of that.
    """

    id: str
    parent: str | None
    name: str | None
    text: str | None
    language: str
    submitted_at: str
    replies: int = 0
    picked: bool = False
    badge: str | None = None
    format: str | None = None


class Listing(msgspec.Struct):
    """
    One page of a story's approved comments; `count` is of the whole story, `next` the cursor of what follows.

    `open` says whether it takes comments now, `closed_reason` why not, `opens_at` and `closes_at` when that changes by
    itself. `question` stands above the comments, `picks` is how many the editors chose.
    """

    story: str
    count: int
    comments: list[CommentShown]
    next: str | None
    open: bool = True
    opens_at: str | None = None
    closes_at: str | None = None
    closed_reason: str | None = None
    question: str | None = None
    picks: int = 0


@dataclass(slots=True)
class Placed:
    """
    A comment where it stands, and what stands below it, one level deeper, in the order in which it came.

    `to` is the comment that it answers, where that is not the one it stands below. `elsewhere`: what it answers is not
    on this page. Without a comment it is the place of a link to the rest of `branch`, after the cursor `rest`.
    """

    comment: Comment | None
    to: Comment | None = None
    elsewhere: bool = False
    below: list[Placed] = field(default_factory=list)
    branch: str = ""
    rest: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """
    Which part of a story's comments, and in which words.

    `base` stands before every link: "" on our own page, our address where the
    fragment is put into another site's page. `mail`: following by e-mail is offered. `own`: so is a reader's own page.
    """

    url: str
    said: Words
    sort: Sort = "oldest"
    base: str = ""
    picks: bool = False
    mail: bool = False
    own: bool = False

    def link(self, **changed: str | None) -> str:
        """The page that shows this view with something changed (None leaves a part out)."""
        parts = {
            "story": self.url,
            "lang": self.said.language,
            "sort": None if self.sort == "oldest" else self.sort,
        }
        given = {key: value for key, value in (parts | changed).items() if value is not None}
        return f"{self.base}/comments?{urlencode(given)}"

    def part(self, **changed: str) -> str:
        """What the component asks for instead of following `link(**changed)`; it knows story and language."""
        return urlencode({"sort": self.sort} | changed)

    def permalink(self, comment: Comment) -> str:
        """Where a comment is found, on whichever page it stands."""
        return f"{self.base}/comments/{quote(comment.id, safe='')}"

    def feed(self, form: str) -> str:
        """The story's comments as a feed, "atom" or "json"."""
        asked = urlencode({"story": self.url, "lang": self.said.language})
        return f"{self.base}/feeds/story.{form}?{asked}"

    def follow(self, comment: Comment | None = None) -> str:
        """Where one asks to be told of the story's new comments, or of what answers one of them."""
        asked = {"story": self.url, "lang": self.said.language}
        query = urlencode(asked | ({"comment": comment.id} if comment else {}))
        return f"{self.base}/comments/follow?{query}"

    @property
    def mine(self) -> str:
        """A reader's own page, or the way in."""
        return f"{self.base}/me?{urlencode({'lang': self.said.language})}"

    def proof(self, comment: Comment) -> str:
        """Where it is checked that a comment is shown as it was sent."""
        return f"{self.permalink(comment)}/proof?{urlencode({'lang': self.said.language})}"

    def report(self, comment: Comment, *, asked: bool = True) -> str:
        """Where a comment is reported: the page that is `asked` for in these words, or where its form goes."""
        page = f"{self.permalink(comment)}/report"
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
    return words_for(next((tag for tag in map(interface_of, candidates) if tag), None), guidelines)


def words_for(language: str | None, guidelines: Guidelines) -> Words:
    """The words for a language tag, with dates and digits as the publication writes them."""
    publication = guidelines.publication
    return words(language, calendar=publication.calendar, digits=publication.digits)


def our_story(said: str, guidelines: Guidelines, own: Iterable[str]) -> str:
    """
    The one address of a story of this publication, of an address that somebody gives for it.

    Raises:
        Malformed: no address of a story. ForeignStory: not of this publication.
    """
    url = story_address(said)
    if not guidelines.allows(url, own):
        raise ForeignStory("This address does not belong to a story of this publication.", fields=("story",))
    return url


def fragment(thread: Thread, view: View, guidelines: Guidelines, limits: Mapping[str, int]) -> Made:
    """The story's comments and the form as one HTML fragment, in one element."""
    ends = _ends(thread.story)
    context = _context(thread, view, guidelines, limits)
    body = template("reader/fragment.html").render(**context, whole=False)
    return Made(body.encode(), HTML, ends)


def whole_page(
    thread: Thread,
    view: View,
    guidelines: Guidelines,
    limits: Mapping[str, int],
    *,
    typed: Typed = NOTHING_TYPED,
    parent: Comment | None = None,
) -> Made:
    """The same as a page of its own, which works without JavaScript."""
    ends = _ends(thread.story)
    context = _context(thread, view, guidelines, limits)
    context |= {"typed": typed, "parent": parent, "whole": True}
    body = template("reader/comments.html").render(**context)
    return Made(body.encode(), HTML, ends)


def form_page(view: View, guidelines: Guidelines, limits: Mapping[str, int], typed: Typed) -> Made:
    """The form alone, with what was typed and what was wrong with it; asks nothing of the database."""
    context = _context(NO_COMMENTS, view, guidelines, limits)
    if typed.code == MissingFields.code:
        # What a story asks for beyond the guidelines is in no guidelines.
        context["required"] |= set(typed.problems)
    context |= {"typed": typed, "whole": True, "alone": True}
    return Made(template("reader/comments.html").render(**context).encode(), HTML)


def listing(page: Page, url: str) -> Made:
    """One page of approved comments as JSON."""
    story, ends = page.story or Story(0, url), _ends(page.story)
    state = _state(story)
    body = Listing(
        story=story.url,
        count=page.count,
        comments=[
            CommentShown(
                id=comment.id,
                parent=comment.parent,
                name=comment.name,
                text=comment.text,
                language=comment.language,
                submitted_at=comment.submitted_at.isoformat(),
                replies=comment.replies,
                picked=comment.picked,
                badge=comment.badge,
                format=comment.format,
            )
            for comment in page.comments
        ],
        next=page.next,
        open=state == "open",
        opens_at=story.opens_at.isoformat() if story.opens_at else None,
        closes_at=story.closes_at.isoformat() if story.closes_at else None,
        closed_reason=story.closed_reason if state == "closed" else None,
        question=story.question,
        picks=story.picked,
    )
    return Made(msgspec.json.encode(body), JSON, ends)


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
        receipt_link=receipt_link(outcome),
        check_link=check_link(said.language),
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


def receipt_link(outcome: Outcome) -> str:
    """Where the receipt is to be had as a file; "" when the outcome holds none."""
    return (
        f"{outcome.status_path}/receipt?{urlencode({'receipt': outcome.receipt})}" if outcome.receipt else ""
    )


def check_link(language: str) -> str:
    """Where a receipt is checked in the browser; what is put behind a # there is put in, and is sent nowhere."""
    return f"/ledger/check?{urlencode({'lang': language})}"


def proof_page(comment: Comment, said: Words, guidelines: Guidelines, own_url: str) -> str:
    """A shown comment, for its reader's browser to verify; without JavaScript it says how else that is done."""
    thread = View(comment.story_url, said)
    return template("reader/proof.html").render(
        t=said,
        comment=comment,
        address=f"{own_url}{thread.permalink(comment)}",
        publication=guidelines.publication.name,
        check=check_link(said.language),
        back=f"{thread.link()}#meydan-{comment.id}",
        language_of=_language_of,
        render=render,
    )


def ledger_page(
    said: Words, guidelines: Guidelines, address: str, keys: Iterable[str], checkpoint: str | None, size: int
) -> str:
    """
    What the public record is, how it stands, and how to verify it.

    Args:
        address: where it is published, with a slash at its end.
        keys: what to verify it with, the current first; none where this node does not know them.
        checkpoint: the last one, as it was signed, over `size` leaves; None before the first.
    """
    return template("reader/ledger.html").render(
        t=said,
        publication=guidelines.publication.name,
        address=address,
        keys=list(keys),
        checkpoint=checkpoint,
        size=size,
        check=check_link(said.language),
    )


def check_page(said: Words, guidelines: Guidelines, address: str) -> str:
    """Where a reader's browser checks a receipt by itself."""
    return template("reader/check.html").render(
        t=said,
        publication=guidelines.publication.name,
        address=address,
        ledger=f"/ledger?{urlencode({'lang': said.language})}",
    )


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


def chosen(page: Page) -> Thread:
    """Comments that the editors chose as a thread: each stands alone, in the order of the page."""
    branches = tuple(Branch(comment.id, comment, (), None) for comment in page.comments)
    return Thread(page.story, branches, page.count, page.next)


def arranged(branches: Iterable[Branch], depth: int) -> list[Placed]:
    """
    Where each comment of a page stands, on at most `depth` levels.

    What is deeper stands on the last level, below its ancestor there, and says whom it answers. What
    answers a comment that readers see no more, or that is on another page, stands at the beginning of its branch.
    """
    top: list[Placed] = []
    for branch in branches:
        # Where answers to a comment go, and the one they stand below there.
        into: dict[str, tuple[list[Placed], int, Comment | None]] = {}
        start: tuple[list[Placed], int, Comment | None] = (top, 1, None)
        if branch.comment is not None:
            # Only what the editors chose, which stands alone, answers something at the beginning of a branch.
            first = Placed(branch.comment, elsewhere=branch.comment.parent is not None)
            start = _stand(first, *start, depth)
            into[branch.comment.id] = start
        known = {comment.id: comment for comment in (branch.comment, *branch.replies) if comment}
        for reply in branch.replies:
            answered = known.get(reply.parent or "")
            below, level, owner = start if answered is None else into[answered.id]
            to = answered if answered is not owner or level > INDENTED else None
            here = Placed(reply, to, elsewhere=answered is None)
            into[reply.id] = _stand(here, below, level, owner, depth)
        if branch.next is not None:
            start[0].append(Placed(None, branch=branch.id, rest=branch.next))
    return top


def _stand(
    placed: Placed, into: list[Placed], level: int, owner: Comment | None, depth: int
) -> tuple[list[Placed], int, Comment | None]:
    """Put a comment on a level; tells where answers to it go, on which level, and below which comment."""
    into.append(placed)
    return (placed.below, level + 1, placed.comment) if level < depth else (into, level, owner)


def _context(thread: Thread, view: View, guidelines: Guidelines, limits: Mapping[str, int]) -> dict[str, Any]:
    language = view.said.language
    guests = _guests(thread.story, view, guidelines)
    return {
        "t": view.said,
        "dir_": view.said.direction,
        "guests": guests,
        "story": thread.story,
        "url": view.url,
        "count": thread.count,
        "revision": thread.story.revision if thread.story else 0,
        "placed": arranged(thread.branches, guidelines.threads.depth),
        "view": view,
        "next": thread.next,
        "at_start": thread.at_start,
        "open_": _state(thread.story) == "open",
        "state": _state(thread.story),
        "publication": guidelines.publication.name,
        "intro": pick(guidelines.intro, language),
        "welcomes": [(pick(w.title, language), pick(w.text, language)) for w in guidelines.welcomes],
        "rules": [(pick(r.title, language), pick(r.text, language)) for r in guidelines.rules],
        "required": {
            "name",
            "text",
            *guidelines.publication.required,
            *(["email"] if guests == "verified" else []),
        },
        "limits": limits,
        "nudge": guidelines.form.nudge,
        "typed": NOTHING_TYPED,
        "parent": None,
        "alone": False,
        "render": render,
        "language_of": _language_of,
        "direction_of": direction_of,
    }


def _guests(story: Story | None, view: View, guidelines: Guidelines) -> str:
    """Who may write without an account; nobody where an address would have to be confirmed and no mail is sent."""
    guests = (story.guests if story else None) or guidelines.publication.guests
    return "off" if guests == "verified" and not view.mail else guests


def _language_of(comment: Comment) -> str | None:
    return None if comment.language == UNKNOWN_LANGUAGE else comment.language


def _state(story: Story | None) -> Literal["open", "closed", "later"]:
    """Whether a story takes comments now: "later" while it has yet to open."""
    now = datetime.now(UTC)
    if story is None:
        return "open"
    if not story.open or (story.closes_at is not None and story.closes_at <= now):
        return "closed"
    return "later" if story.opens_at is not None and story.opens_at > now else "open"


def _ends(story: Story | None) -> float | None:
    """
    When what is shown of a story ends by itself: as it opens, or as it closes.

    Asked before anything is made of the story. What is made across that moment has then ended already, and is made anew.
    """
    if story is None or _state(story) == "closed":
        return None
    now = datetime.now(UTC)
    ahead = [at.timestamp() for at in (story.opens_at, story.closes_at) if at is not None and at > now]
    return min(ahead, default=None)
