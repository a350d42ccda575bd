"""
What goes into the store and comes out of it, beyond the shared words.

Values only. Keys, digests and the fingerprint are keyed hashes made above: the
store never sees an address, a sign-in link or a token.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from meydan.comment import Comment, Hold, Story


@dataclass(frozen=True, slots=True)
class NewComment:
    """
    A submission about to become a comment.

    `id` is random and public, `parent` the public id of what it replies to.
    `commitment` is 32 bytes; `leaf` the receipt's canonical bytes. What only
    the reader may say or see is left out of `repr`. `holds` are reasons to wait that
    were known before anything was judged; the judge has to respect them.
    """

    id: str
    story_url: str
    parent: str | None
    name: str = field(repr=False)
    text: str = field(repr=False)
    email: str | None = field(repr=False)
    salt: bytes = field(repr=False)
    commitment: bytes = field(repr=False)
    submitted_at: datetime
    address_key: str = field(repr=False)
    author_key: str = field(repr=False)
    fingerprint: str = field(repr=False)
    leaf: bytes = field(repr=False)
    holds: tuple[Hold, ...] = ()


@dataclass(frozen=True, slots=True)
class Page:
    """
    Some of the comments on a story, in the order asked for.

    `count` is the number of comments that readers see on the whole story.
    Tombstones (`text` and `name` None) stand in `comments` but not in `count`.
    `next` is the cursor of what follows, None at the end. `story` is None, and
    nothing else is there, when nobody has commented on or registered the URL.
    """

    story: Story | None
    comments: tuple[Comment, ...]
    count: int
    next: str | None


@dataclass(frozen=True, slots=True)
class Appeal:
    """An appeal against decision number `seq`; `words` is None once erased, `open` while that decision stands."""

    seq: int
    at: datetime
    words: str | None = field(repr=False)
    open: bool


@dataclass(frozen=True, slots=True)
class Escalation:
    """Who was told of a comment that is more than a breach, when, and by whom."""

    kind: str
    told: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ModeratorRow:
    name: str
    added_at: datetime


@dataclass(frozen=True, slots=True)
class SessionRow:
    moderator: str
    csrf: str = field(repr=False)
    added_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class TokenRow:
    name: str
    scopes: tuple[str, ...]
    added_at: datetime
