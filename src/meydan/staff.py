"""
Who may decide: moderators, their one-time links and sessions, and scoped tokens.

A link, a session or a token is shown once; only its SHA-256 is kept. All three
carry 256 random bits, so that a plain digest is enough (there is nothing to guess).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from meydan.errors import Malformed, NotAllowed, NotFound, SignInNeeded
from meydan.store import ModeratorRow, Store, TokenRow

SCOPES = ("judge", "stories", "moderate")
LONGEST_NAME = 80


@dataclass(frozen=True, slots=True)
class Session:
    """A signed-in moderator. `token` goes into the cookie, `csrf` into every form."""

    token: str
    csrf: str
    moderator: str
    expires_at: datetime


class Staff:
    """Moderators, sessions and tokens over the store."""

    def __init__(
        self,
        store: Store,
        *,
        clock: Callable[[], datetime],
        entropy: Callable[[int], bytes],
        session_hours: int = 12,
        link_hours: int = 24,
    ) -> None:
        self._store = store
        self._clock = clock
        self._entropy = entropy
        self._session_life = timedelta(hours=session_hours)
        self._link_life = timedelta(hours=link_hours)

    # -- moderators ----------------------------------------------------------

    def add_moderator(self, name: str) -> str:
        """Add a moderator and return a one-time sign-in link's token."""
        name = _checked_name(name)
        self._store.add_moderator(name, self._clock())
        return self.new_link(name)

    def new_link(self, name: str) -> str:
        """A fresh one-time sign-in token for a moderator; NotFound if there is none of that name."""
        if not any(row.name == name for row in self._store.moderators()):
            raise NotFound(f"There is no moderator named {name!r}. `meydan moderators list` shows them.")
        token = self._secret("link")
        self._store.add_link(name, _digest(token), self._clock() + self._link_life)
        return token

    def remove_moderator(self, name: str) -> None:
        """End a moderator's rights, sessions and links at once. Past decisions keep the name."""
        self._store.remove_moderator(name, self._clock())

    def moderators(self) -> Sequence[ModeratorRow]:
        """Everyone who may decide now."""
        return self._store.moderators()

    # -- sessions ------------------------------------------------------------

    def sign_in(self, link: str) -> Session:
        """
        Exchange a one-time link for a session.

        Raises:
            SignInNeeded: unknown, expired, or used before (by anybody, even a moment ago).
        """
        now = self._clock()
        moderator = self._store.use_link(_digest(link), now)
        if moderator is None:
            raise SignInNeeded(
                "This sign-in link was used already or has expired. "
                "Ask for a new one: meydan moderators link NAME."
            )
        token, csrf = self._secret("session"), self._secret("csrf")
        expires_at = now + self._session_life
        self._store.add_session(_digest(token), moderator, csrf, expires_at, now)
        return Session(token, csrf, moderator, expires_at)

    def session(self, token: str) -> Session:
        """The session a cookie names; SignInNeeded when it is unknown or over."""
        row = self._store.session(_digest(token), self._clock())
        if row is None:
            raise SignInNeeded("Sign in to use the desk.")
        return Session(token, row.csrf, row.moderator, row.expires_at)

    def sign_out(self, token: str) -> None:
        """End a session; an unknown one is already ended."""
        self._store.end_session(_digest(token))

    # -- tokens --------------------------------------------------------------

    def add_token(self, name: str, scopes: Sequence[str] = ()) -> str:
        """Make a token for a program; every scope when none is named. Returned once, never again."""
        name = _checked_name(name)
        unknown = [scope for scope in scopes if scope not in SCOPES]
        if unknown:
            raise Malformed(
                f"There is no scope {unknown[0]!r}; there are {', '.join(SCOPES)}.", fields=("scope",)
            )
        secret = self._secret("token")
        self._store.add_token(name, _digest(secret), tuple(scopes) or SCOPES, self._clock())
        return secret

    def tokens(self) -> Sequence[TokenRow]:
        """Every token in force: its name, scopes and date; never its secret."""
        return self._store.tokens()

    def revoke_token(self, name: str) -> None:
        """End a token at once; NotFound if there is none of that name."""
        self._store.revoke_token(name, self._clock())

    def bearer(self, secret: str, scope: str) -> str:
        """
        The name of the token that may do `scope`.

        Raises:
            SignInNeeded: unknown or revoked. NotAllowed: known, without that scope.
        """
        row = self._store.token(_digest(secret))
        if row is None:
            raise SignInNeeded("This needs a valid token: Authorization: Bearer <token>.")
        if scope not in row.scopes:
            raise NotAllowed(
                f"This token has no scope {scope!r}. Make one with: meydan tokens add NAME --scope {scope}."
            )
        return row.name

    def _secret(self, kind: str) -> str:
        return f"meydan_{kind}_" + base64.urlsafe_b64encode(self._entropy(32)).rstrip(b"=").decode("ascii")


def same_secret(given: str, expected: str) -> bool:
    """Compare two secrets in a time that does not tell how much of them agrees."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), expected.encode("utf-8"))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _checked_name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > LONGEST_NAME or any(unicodedata.category(c)[0] == "C" for c in name):
        raise Malformed(f"A name has 1 to {LONGEST_NAME} printable characters.", fields=("name",))
    if name in ("machine", "import"):
        raise Malformed("That name stands for decisions no person made; choose another.", fields=("name",))
    return name
