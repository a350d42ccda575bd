"""
Who works at the desk, with what right, and by what they come in.

People come in by a password, by a link that works once, or through an issuer that knows them (web/issuer);
who has set up one-time codes gives one after the password or the link. Programs carry scoped tokens.

A link, a session, a token and a recovery code are shown once; only their SHA-256 is kept. All carry at least
80 random bits, so that a plain digest is enough (there is nothing to guess). Passwords are kept as Argon2id.
Every sign-in and every change is a line of the journal.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import threading
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from cryptography.fernet import Fernet, InvalidToken

from meydan.comment import LANGUAGES
from meydan.errors import Malformed, MissingFields, NotAllowed, NotFound, SignInNeeded, TooFast
from meydan.passes import COMPOSED_OF
from meydan.store import A_READER, Attempts, ModeratorRow, OpenSession, Store, TokenRow
from meydan.store import OPERATOR as OPERATOR
from meydan.store import Doorway as Doorway
from meydan.store import Entry as Entry

SCOPES = ("judge", "stories", "moderate", "decisions")
LONGEST_NAME = 80
LONGEST_DEVICE = 80

ROLES: Final = ("moderator", "editor", "auditor")
"""Moderators decide; editors decide, and answer for guidelines, people and settings; auditors read everything and change nothing."""

RIGHTS: Final[Mapping[str, frozenset[str]]] = {
    "read": frozenset(ROLES),
    "decide": frozenset({"moderator", "editor"}),
    "journal": frozenset({"editor", "auditor"}),
    "export": frozenset({"editor", "auditor"}),
    # What was escalated: that it is there and what was done about it; and its words, and doing more.
    "escalated": frozenset({"editor", "auditor"}),
    "restricted": frozenset({"editor"}),
    "guidelines": frozenset({"editor"}),
    "stories": frozenset({"editor"}),
    "people": frozenset({"editor"}),
    "letters": frozenset({"editor"}),
}
"""What each role may do."""

NO_PERSON: Final = frozenset({"machine", "import", OPERATOR, A_READER})
"""Names that stand for no one person."""

SHORTEST_PASSWORD: Final = 12
LONGEST_PASSWORD: Final = 200
"""Characters. What is long enough needs no rule on what it is made of (NIST SP 800-63B, 5.1.1.2)."""

LOCKED_FROM: Final = 5
"""Failures in a row from which a name is locked: half a minute, then twice as long after each, up to an hour."""

FIRST_LOCK: Final = timedelta(seconds=30)
LONGEST_LOCK: Final = timedelta(hours=1)
FORGOTTEN_AFTER: Final = timedelta(days=1)
SECOND_WITHIN_S: Final = 300
"""How long after the password a one-time code may be given."""

STEP_S: Final = 30
"""Seconds that a one-time code stands for (RFC 6238); the ones before and after are taken too."""

RECOVERY_CODES: Final = 10
_THEN: Final = "\x00"
_KEEPING: Final = f"keep{_THEN}"
_HALVES: Final[Mapping[str, str]] = {"password": "password and code", "link": "link"}
"""What a one-time code comes after, and by what the session then began."""

_DIGEST: Final = 64  # characters of a SHA-256
_AT_ONCE: Final = 2  # hashes computed at once; each takes 64 MB


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who is signed in. `token` goes into the cookie, `csrf` into every form."""

    token: str = field(repr=False)
    csrf: str = field(repr=False)
    moderator: str
    expires_at: datetime
    role: str = "moderator"
    languages: tuple[str, ...] = ()

    def may(self, right: str) -> bool:
        """Whether this person's role has a right of RIGHTS."""
        return self.role in RIGHTS[right]


@dataclass(frozen=True, slots=True)
class HalfWay:
    """The password or the link was right; `token` has to come back with a one-time code within SECOND_WITHIN_S."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What an authenticator app needs: its `secret`, and the same as an address (`uri`) to be shown as a square code."""

    secret: str = field(repr=False)
    uri: str = field(repr=False)


class Staff:
    """Moderators, sessions and tokens over the store. Safe to use from many threads."""

    def __init__(
        self,
        store: Store,
        *,
        clock: Callable[[], datetime],
        entropy: Callable[[int], bytes],
        secret: bytes,
        session_hours: int = 12,
        link_hours: int = 24,
    ) -> None:
        """
        Args:
            secret: the server's; seals the secrets of one-time codes, and keys the names of failed sign-ins.
        """
        self._people = store.people
        self._clock = clock
        self._entropy = entropy
        self._secret_key = secret
        self._seal = Fernet(base64.urlsafe_b64encode(hashlib.sha256(b"seal\x00" + secret).digest()))
        self._hasher = PasswordHasher()
        self._hashing = threading.BoundedSemaphore(_AT_ONCE)
        # What a name without a password is checked against, so that it takes as long as one with.
        self._nobody: str | None = None
        self._session_life = timedelta(hours=session_hours)
        self._link_life = timedelta(hours=link_hours)

    # -- people --------------------------------------------------------------

    def add_moderator(
        self,
        name: str,
        *,
        role: str = "moderator",
        languages: Sequence[str] = (),
        email: str | None = None,
        by: str = OPERATOR,
    ) -> str:
        """
        Add somebody and return a one-time sign-in link's token.

        Raises:
            Malformed: no such name, role or language. AlreadyExists: the name is taken.
        """
        name = _checked_name(name)
        self._people.add_moderator(
            name,
            self._clock(),
            by=by,
            role=_checked_role(role),
            languages=_checked_languages(languages),
            email=email.strip().casefold() if email and email.strip() else None,
        )
        return self.new_link(name, by=by)

    def new_link(self, name: str, *, by: str = OPERATOR) -> str:
        """A fresh one-time sign-in token for somebody; NotFound if there is none of that name."""
        if self._people.moderator(name) is None:
            raise NotFound(f"There is no moderator named {name!r}. `meydan moderators list` shows them.")
        token = self._secret("link")
        now = self._clock()
        self._people.add_link(name, _digest(token), now + self._link_life, now, by=by)
        return token

    def remove_moderator(self, name: str, *, by: str = OPERATOR) -> None:
        """End somebody's rights, sessions and links at once. Past decisions keep the name."""
        self._people.remove_moderator(name, self._clock(), by=by, leave_editor=by != OPERATOR)

    def moderators(self) -> Sequence[ModeratorRow]:
        """Everyone who works here now."""
        return self._people.moderators()

    def moderator(self, name: str) -> ModeratorRow:
        """One of them; NotFound if there is none of that name."""
        row = self._people.moderator(name)
        if row is None:
            raise NotFound("There is no moderator of this name.", fields=("name",))
        return row

    def give_role(self, name: str, role: str, *, by: str = OPERATOR) -> None:
        """
        Give somebody another role.

        Raises:
            Malformed: no such role. NotFound: nobody of that name. NotAllowed: the last editor's own role,
            or nobody could give it back but the operator.
        """
        self._people.set_role(name, _checked_role(role), self._clock(), by=by, leave_editor=by != OPERATOR)

    def give_languages(self, name: str, languages: Sequence[str], *, by: str = OPERATOR) -> None:
        """Assign the languages whose comments somebody is given; none for all of them."""
        self._people.set_languages(name, _checked_languages(languages), self._clock(), by=by)

    def give_address(self, name: str, email: str, *, by: str = OPERATOR) -> None:
        """By which verified address an issuer's account is this person's; "" for none."""
        self._people.set_email(name, email.strip().casefold() or None, self._clock(), by=by)

    # -- coming in -----------------------------------------------------------

    def sign_in(self, link: str, *, device: str = "") -> Session | HalfWay:
        """
        Exchange a one-time link for a session; who has one-time codes is half way then: others can make links too.

        Raises:
            SignInNeeded: unknown, expired, or used before (by anybody, even a moment ago).
        """
        moderator = self._people.use_link(_digest(link), self._clock())
        if moderator is None:
            raise SignInNeeded(
                "This sign-in link was used already or has expired. "
                "Ask for a new one: meydan moderators link NAME."
            )
        row = self._people.moderator(moderator)
        if row is not None and row.second_on:
            return self._half_way(row, "link")
        return self._begin(moderator, "link", device)

    def sign_in_by_password(self, name: str, password: str, *, device: str = "") -> Session | HalfWay:
        """
        Come in by a password; who has one-time codes is half way then.

        Raises:
            SignInNeeded: no such name, or another password: nobody is told which.
            TooFast: it has failed too often under this name, whether there is one or not.
        """
        name = _composed(name)
        who = self._who("password", name)
        tried = self._try(who)
        row = self._people.moderator(name) if len(name) <= LONGEST_NAME else None
        right = self._verify(row.password if row else None, password)
        if row is None or row.password is None or not right:
            self._failed(row, tried)
            raise SignInNeeded("The name and the password do not belong together. Nobody has been signed in.")
        self._people.succeeded(who)
        if self._hasher.check_needs_rehash(row.password):
            # Not journalled as a change: the password is the same.
            self._people.rehash(row.name, self._hash(_as_typed(password)), old=row.password)
            row = self.moderator(row.name)
        if row.second_on:
            return self._half_way(row, "password")
        return self._begin(row.name, "password", device, password=row.password)

    def finish_sign_in(self, half_way: str, code: str, *, device: str = "") -> Session:
        """
        Come in by a one-time code, or by a recovery code, after the password or the link.

        Raises:
            SignInNeeded: another code, one that was used, or too late after the password or the link.
            TooFast: it has failed too often.
        """
        try:
            half = self._seal.decrypt_at_time(
                half_way.encode("ascii", "replace"), ttl=SECOND_WITHIN_S, current_time=self._seconds()
            ).decode()
        except InvalidToken:
            half = ""
        how, _, half = half.partition(_THEN)
        password, name = half[:_DIGEST], half[_DIGEST:]
        row = self._people.moderator(name) if name and how in _HALVES else None
        if row is None or _digest(row.password or "") != password:
            raise SignInNeeded("That took too long. Begin again with your password.")
        who = self._who("second", name)
        tried = self._try(who)
        step = self._step_of(row, code)
        if not (
            (step is not None and self._people.use_step(name, step))
            or self._people.use_recovery(name, _digest(_recovery_as_kept(code)), self._clock())
        ):
            self._failed(row, tried)
            raise SignInNeeded("This code is not right, or was used before.")
        self._people.succeeded(who)
        return self._begin(row.name, _HALVES[how], device, password=row.password)

    def sign_in_through(self, issuer: str, subject: str, email: str | None, *, device: str = "") -> Session:
        """
        Come in as whom an issuer knows.

        Args:
            email: an address that the issuer has verified; None: none.

        Raises:
            SignInNeeded: nobody here is this account.
        """
        row = self._people.known_as(issuer, subject, email.casefold() if email else None, self._clock())
        if row is None:
            raise SignInNeeded(
                "Nobody at this desk is known by this account. Ask an editor to enter its e-mail address."
            )
        return self._begin(row.name, "issuer", device)

    def open_doorway(self, state: str, doorway: Doorway) -> None:
        """Keep what a sign-in at an issuer has to come back with."""
        self._people.add_doorway(
            _digest(state), doorway, self._clock() + timedelta(seconds=SECOND_WITHIN_S * 2)
        )

    def come_back(self, state: str) -> Doorway:
        """What was kept under a state, once; SignInNeeded if it is unknown or too late."""
        doorway = self._people.use_doorway(_digest(state), self._clock())
        if doorway is None:
            raise SignInNeeded("This sign-in was not begun here, or it took too long. Begin again.")
        return doorway

    def session(self, token: str) -> Session:
        """The session a cookie names; SignInNeeded when it is unknown or over."""
        row = self._people.session(_digest(token), self._clock())
        if row is None:
            raise SignInNeeded("Sign in to use the desk.")
        return Session(token, row.csrf, row.moderator, row.expires_at, row.role, row.languages)

    def keeping(self, session: Session) -> str:
        """
        What a long form carries, so that what is typed into it can be kept for whoever it was given to even when
        their session has ended by then. It lets nobody read, and nothing take effect.
        """
        words = f"{_KEEPING}{session.moderator}".encode()
        return self._seal.encrypt_at_time(words, self._seconds()).decode("ascii")

    def kept_for(self, keeping: str) -> str | None:
        """Whom a form was given to; None for nobody who works here now, or too long ago."""
        life = self._session_life + timedelta(days=1)
        try:
            words = self._seal.decrypt_at_time(
                keeping.encode("ascii", "replace"),
                ttl=int(life.total_seconds()),
                current_time=self._seconds(),
            ).decode()
        except InvalidToken:
            return None
        name = words.removeprefix(_KEEPING)
        return name if name != words and self._people.moderator(name) is not None else None

    def sessions(self, session: Session) -> tuple[tuple[OpenSession, bool], ...]:
        """Somebody's sessions, each with whether it is the one that asks."""
        own = _digest(session.token)
        return tuple(
            (one, own.startswith(one.handle))
            for one in self._people.sessions(session.moderator, self._clock())
        )

    def end_session(self, name: str, handle: str, *, by: str) -> None:
        """End one of somebody's sessions; NotFound if they have none of this handle."""
        self._people.end_session_of(name, handle, self._clock(), by=by)

    def sign_out(self, token: str) -> None:
        """End a session; an unknown one is already ended."""
        self._people.end_session(_digest(token), self._clock())

    def others_languages(self, session: Session) -> tuple[str, ...]:
        """
        The languages that are for others: assigned to somebody, and not to who is signed in.

        Who is assigned none is given every language; what nobody is assigned, and what has no language, is for everybody.
        """
        if not session.languages:
            return ()
        assigned = {tag for row in self._people.moderators() for tag in row.languages}
        return tuple(sorted(assigned - set(session.languages)))

    def check(self, session: Session, right: str) -> None:
        """Refuse what somebody's role does not allow, and write down that it was asked for."""
        if not session.may(right):
            self._people.enter(session.moderator, "refused", right, self._clock(), role=session.role)
            raise NotAllowed("Your role at this desk does not allow this. It was not done.")

    def _half_way(self, row: ModeratorRow, how: str) -> HalfWay:
        # Good for this password only: who has a new one meanwhile has to give it.
        half = f"{how}{_THEN}{_digest(row.password or '')}{row.name}"
        return HalfWay(self._seal.encrypt_at_time(half.encode(), self._seconds()).decode("ascii"))

    def _begin(self, moderator: str, how: str, device: str, *, password: str | None = None) -> Session:
        now = self._clock()
        token, csrf = self._secret("session"), self._secret("form")
        expires_at = now + self._session_life
        try:
            self._people.add_session(
                _digest(token),
                moderator,
                csrf,
                expires_at,
                now,
                how=how,
                device=_printable(device),
                password=password,
            )
        except NotFound:
            raise SignInNeeded("The password was changed meanwhile. Begin again.") from None
        row = self.moderator(moderator)
        return Session(token, csrf, moderator, expires_at, row.role, row.languages)

    # -- what one comes in by --------------------------------------------------

    def set_password(self, name: str, password: str, *, by: str, keep: Session | None = None) -> None:
        """
        Give somebody a password; every session of theirs ends but `keep`.

        Raises:
            Malformed: too short, too long, or the name itself. NotFound: nobody of that name.
        """
        password = _as_typed(password)
        if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
            raise Malformed(
                f"A password has {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters.", fields=("password",)
            )
        folded = password.casefold()
        if len(set(folded)) < 5 or folded.replace(name.casefold(), "").strip("0123456789 !.-_") == "":
            raise Malformed("This password is too easy to guess; take a few words.", fields=("password",))
        kept = _digest(keep.token) if keep else ""
        self._people.set_password(name, self._hash(password), self._clock(), by=by, keep=kept)
        self._people.succeeded(self._who("password", name))

    def change_password(self, session: Session, old: str, new: str) -> None:
        """
        Change one's own password; the old one is asked for where there is one.

        Raises:
            SignInNeeded: it is another. TooFast: it has failed too often. Malformed: as `set_password`.
        """
        self.check_password(session, old)
        self.set_password(session.moderator, new, by=session.moderator, keep=session)

    def check_password(self, session: Session, password: str) -> None:
        """
        Ask who is signed in for their password once more; who has none is asked for none.

        Raises:
            SignInNeeded: it is another. TooFast: it has failed too often.
        """
        row = self.moderator(session.moderator)
        if row.password is None:
            return
        who = self._who("password", row.name)
        tried = self._try(who)
        if not self._verify(row.password, password):
            self._failed(row, tried)
            raise SignInNeeded("The password is not right. Nothing was changed.")
        self._people.succeeded(who)

    def begin_second(self, session: Session, publication: str) -> Enrolment:
        """Make the secret of one-time codes; it is asked for only once `confirm_second` has seen a code of it."""
        row = self.moderator(session.moderator)
        if row.second_on:
            raise NotAllowed("One-time codes are set up already. Remove them first.")
        secret = base64.b32encode(self._entropy(20)).decode("ascii")
        sealed = self._seal.encrypt(secret.encode()).decode("ascii")
        self._people.set_second(row.name, sealed, self._clock(), by=row.name)
        return _enrolment_of(secret, row.name, publication)

    def enrolment(self, session: Session, publication: str) -> Enrolment | None:
        """An enrolment that was begun and waits for its first code."""
        row = self.moderator(session.moderator)
        if row.second is None or row.second_on:
            return None
        try:
            secret = self._seal.decrypt(row.second.encode()).decode()
        except InvalidToken:
            # Begun under another server's secret: it has to be begun again.
            return None
        return _enrolment_of(secret, row.name, publication)

    def confirm_second(self, session: Session, code: str) -> tuple[str, ...]:
        """
        Turn one-time codes on with a first one, and give recovery codes, which are shown only now.

        Raises:
            SignInNeeded: it is not a code of the secret. NotFound: none was begun. TooFast: failed too often.
        """
        row = self.moderator(session.moderator)
        if row.second is None or row.second_on:
            raise NotFound("No one-time codes are being set up. Begin again.")
        who = self._who("second", row.name)
        tried = self._try(who)
        codes = tuple(
            base64.b32encode(self._entropy(10)).decode("ascii").lower() for _ in range(RECOVERY_CODES)
        )
        step = self._step_of(row, code)
        digests = [_digest(one) for one in codes]
        if step is None or not self._people.turn_second_on(
            row.name, step, digests, self._clock(), by=row.name
        ):
            self._failed(row, tried)
            raise SignInNeeded("This is not the code that the app shows now. Nothing was changed.")
        self._people.succeeded(who)
        return tuple("-".join(one[i : i + 4] for i in range(0, 16, 4)) for one in codes)

    def recovery_left(self, session: Session) -> int:
        """How many recovery codes somebody has left."""
        return self._people.recovery_left(session.moderator)

    def remove_second(self, name: str, *, by: str) -> None:
        """Ask somebody for one-time codes no more; their recovery codes end too."""
        self._people.set_second(name, None, self._clock(), by=by)

    def _step_of(self, row: ModeratorRow, code: str) -> int | None:
        """The time step whose code this is, of this secret and of now; None where it is none."""
        digits = "".join(str(unicodedata.digit(c, c)) for c in code if not c.isspace())
        if row.second is None or len(digits) != 6 or not digits.isascii():
            return None
        try:
            totp = pyotp.TOTP(self._seal.decrypt(row.second.encode()).decode(), interval=STEP_S)
        except InvalidToken:
            # Sealed with another server's secret: no code can be right.
            return None
        step = self._seconds() // STEP_S
        for near in (step, step - 1, step + 1):
            if hmac.compare_digest(totp.generate_otp(near), digits):
                return near
        return None

    # -- failures --------------------------------------------------------------

    def _try(self, who: str) -> Attempts:
        """Count a try before it is made; TooFast while the name is locked."""
        now = self._clock()
        tried = self._people.attempt(who, now, lock=_lock_after, forgotten_after=FORGOTTEN_AFTER)
        if not tried.failures:
            wait = int((tried.locked_until - now).total_seconds()) + 1
            raise TooFast(
                f"It went wrong too often under this name. Wait {wait} s, then try again.", retry_after_s=wait
            )
        return tried

    def _failed(self, row: ModeratorRow | None, tried: Attempts) -> None:
        if row is not None:
            self._people.failed(row.name, self._clock(), tried)

    def _who(self, what: str, name: str) -> str:
        message = f"attempt\x00{what}\x00{name.casefold()}".encode("utf-8", "surrogatepass")
        return hmac.new(self._secret_key, message, hashlib.sha256).hexdigest()[:32]

    def _hash(self, password: str) -> str:
        with self._hashing:
            return self._hasher.hash(password)

    def _verify(self, kept: str | None, password: str) -> bool:
        password = _as_typed(password)
        if len(password) > LONGEST_PASSWORD:
            password = ""
        if self._nobody is None:
            self._nobody = self._hash(self._secret("nobody"))
        with self._hashing:
            try:
                return self._hasher.verify(kept or self._nobody, password) and kept is not None
            except (VerificationError, InvalidHashError):
                return False

    def _seconds(self) -> int:
        return int(self._clock().timestamp())

    # -- the journal -----------------------------------------------------------

    def journal(
        self,
        *,
        limit: int = 100,
        before: int | None = None,
        actor: str = "",
        action: str = "",
        subject: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> tuple[Entry, ...]:
        """Who did what, the newest first; see store.People.journal."""
        return self._people.journal(
            limit=limit,
            before=before,
            actor=actor,
            action=action,
            subject=subject,
            since=since,
            until=until,
        )

    def enter(self, session: Session, action: str, subject: str = "", **detail: object) -> None:
        """Write down what somebody did that changes nothing: an export, a look at what is restricted."""
        self._people.enter(session.moderator, action, subject, self._clock(), **detail)

    # -- tokens --------------------------------------------------------------

    def add_token(self, name: str, scopes: Sequence[str] = (), *, by: str = OPERATOR) -> str:
        """Make a token for a program; every scope when none is named. Returned once, never again."""
        name = _checked_name(name)
        unknown = [scope for scope in scopes if scope not in SCOPES]
        if unknown:
            raise Malformed(
                f"There is no scope {unknown[0]!r}; there are {', '.join(SCOPES)}.", fields=("scope",)
            )
        secret = self._secret("token")
        self._people.add_token(name, _digest(secret), tuple(scopes) or SCOPES, self._clock(), by=by)
        return secret

    def tokens(self) -> Sequence[TokenRow]:
        """Every token in force: its name, scopes and date; never its secret."""
        return self._people.tokens()

    def revoke_token(self, name: str, *, by: str = OPERATOR) -> None:
        """End a token at once; NotFound if there is none of that name."""
        self._people.revoke_token(name, self._clock(), by=by)

    def bearer(self, secret: str, scope: str) -> str:
        """
        The name of the token that may do `scope`.

        Raises:
            SignInNeeded: unknown or revoked. NotAllowed: known, without that scope.
        """
        row = self._people.token(_digest(secret))
        if row is None:
            raise SignInNeeded("This needs a valid token: Authorization: Bearer <token>.")
        if scope not in row.scopes:
            raise NotAllowed(
                f"This token has no scope {scope!r}. Make one with: meydan tokens add NAME --scope {scope}."
            )
        return row.name

    def _secret(self, kind: str) -> str:
        return f"meydan_{kind}_" + base64.urlsafe_b64encode(self._entropy(32)).rstrip(b"=").decode("ascii")


def _enrolment_of(secret: str, name: str, publication: str) -> Enrolment:
    return Enrolment(secret, pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=publication))


def _lock_after(failures: int) -> timedelta:
    """How long a name is locked after so many failures in a row."""
    if failures < LOCKED_FROM:
        return timedelta(0)
    lock: timedelta = FIRST_LOCK * 2 ** min(20, failures - LOCKED_FROM)
    return min(LONGEST_LOCK, lock)


def same_secret(given: str, expected: str) -> bool:
    """Compare two secrets in a time that does not tell how much of them agrees."""
    return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), expected.encode("utf-8"))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _as_typed(password: str) -> str:
    """
    A password as every keyboard gives it: its marks composed alike (NIST SP 800-63B, 5.1.1.2).

    Of one that is longer than any can be, as much as makes it too long.
    """
    begun = password[: COMPOSED_OF * LONGEST_PASSWORD + 1]
    return unicodedata.normalize("NFKC", begun.encode("utf-8", "replace").decode())


def _recovery_as_kept(code: str) -> str:
    return "".join(c for c in code.lower() if c.isalnum())


def _printable(device: str) -> str:
    kept = "".join(c for c in device if unicodedata.category(c)[0] != "C")
    return kept[:LONGEST_DEVICE]


def _composed(name: str) -> str:
    """A name as it is kept; one that is too long to be anybody's stays as it is."""
    name = name.strip()
    return unicodedata.normalize("NFC", name) if len(name) <= COMPOSED_OF * LONGEST_NAME else name


def _checked_name(name: str) -> str:
    name = _composed(name)
    if not name or len(name) > LONGEST_NAME or any(unicodedata.category(c)[0] == "C" for c in name):
        raise Malformed(f"A name has 1 to {LONGEST_NAME} printable characters.", fields=("name",))
    if name in NO_PERSON:
        raise Malformed("That name stands for decisions no person made; choose another.", fields=("name",))
    return name


def _checked_role(role: str) -> str:
    if not role:
        raise MissingFields(["role"])
    if role not in ROLES:
        raise Malformed(f"A role is one of: {', '.join(ROLES)}.", fields=("role",))
    return role


def _checked_languages(languages: Sequence[str]) -> tuple[str, ...]:
    unknown = [tag for tag in languages if tag not in LANGUAGES]
    if unknown:
        raise Malformed(
            f"There is no language {unknown[0]!r} here; there are {', '.join(LANGUAGES)}.",
            fields=("languages",),
        )
    return tuple(dict.fromkeys(languages))
