"""
Who works at the desk, by what they open it, and the journal of what they did.

Every change is one transaction with its line in the journal: what is not in the journal did not happen.
Secrets come here as digests, hashes or sealed, never as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from meydan.errors import AlreadyExists, NotAllowed, NotFound
from meydan.store import statements as sql
from meydan.store.database import Database
from meydan.store.exact import check_text, micros, time_of
from meydan.store.hand import Hand, Row
from meydan.store.values import Attempts, Doorway, Entry, ModeratorRow, OpenSession, SessionRow, TokenRow
from meydan.store.writer import Writer
from meydan.text.exact import is_exact

HANDLE = 16
"""Characters of a session's digest by which its owner names it; the digest opens nothing."""

_SEEN_EVERY = 60_000_000  # microseconds: a session is not written at every page
_LARGEST = 2**63 - 1

_encode = msgspec.json.Encoder(order="sorted").encode
_detail_of = msgspec.json.Decoder(dict[str, Any]).decode

OPERATOR = "operator"
"""Who does what is done from the command line, or by the files that the server is given, in the journal."""

A_READER = "a reader"
"""Whom the journal names for what readers do: no one of them."""


def enter(hand: Hand, at: int, actor: str, action: str, subject: str = "", **detail: object) -> None:
    """Write a line of the journal, in the transaction of what it tells."""
    # In the order of commits, as whoever reads on from a line believes.
    hand.later(
        sql.ADD_ENTRY,
        at=at,
        actor=actor,
        action=action,
        subject=subject,
        detail=_encode(detail).decode(),
    )


class People:
    """Moderators, their sessions and links, tokens, and the journal."""

    def __init__(self, database: Database, writer: Writer) -> None:
        self._database = database
        self._writer = writer

    # -- moderators ---------------------------------------------------------

    def add_moderator(
        self,
        name: str,
        at: datetime,
        *,
        by: str,
        role: str = "moderator",
        languages: Sequence[str] = (),
        email: str | None = None,
    ) -> None:
        """
        Raises:
            AlreadyExists: a moderator has this name (one who was removed may come back, with nothing of theirs).
        """
        check_text("name", name)
        check_text("email", email)
        added_at, tags = micros(at), " ".join(languages)

        def work(hand: Hand) -> None:
            hand.lock_key("people")
            added = hand.run(
                sql.ADD_MODERATOR, name=name, at=added_at, role=role, languages=tags, email=email
            )
            _check_email(hand, name, email)
            if not added:
                raise AlreadyExists(
                    "A moderator has this name already. A new sign-in link for them: meydan moderators link NAME.",
                    fields=("name",),
                )
            enter(hand, added_at, by, "moderator-added", name, role=role, languages=list(languages))

        self._writer.write(work)

    def moderators(self) -> tuple[ModeratorRow, ...]:
        """Those who work here, by name."""
        return tuple(_moderator_of(row) for row in self._database.all(sql.MODERATORS))

    def moderator(self, name: str) -> ModeratorRow | None:
        """The moderator of this name; None if there is none, or not any more."""
        row = self._database.one(sql.MODERATOR, name=name)
        return None if row is None else _moderator_of(row)

    def remove_moderator(self, name: str, at: datetime, *, by: str, leave_editor: bool = False) -> None:
        """
        End a moderator's right and all that opened a door for them; their decisions stay under their name.

        Raises:
            NotFound: no moderator has this name.
            NotAllowed: with `leave_editor`, the last editor.
        """
        removed_at = micros(at)

        def work(hand: Hand) -> None:
            if leave_editor:
                hand.lock_key("people")
                _check_another_editor(hand, name)
            _change(hand, sql.REMOVE_MODERATOR, name, at=removed_at)
            for ending in (sql.END_SESSIONS, sql.END_LINKS, sql.END_RECOVERY, sql.END_DRAFT):
                hand.run(ending, name=name)
            enter(hand, removed_at, by, "moderator-removed", name)

        self._writer.write(work)

    def set_role(self, name: str, role: str, at: datetime, *, by: str, leave_editor: bool = False) -> None:
        """
        Raises:
            NotFound: no moderator has this name.
            NotAllowed: with `leave_editor`, another role for the last editor.
        """

        def work(hand: Hand) -> None:
            hand.lock_key("people")
            if leave_editor and role != "editor":
                _check_another_editor(hand, name)
            _change(hand, sql.SET_ROLE, name, role=role)
            enter(hand, micros(at), by, "role-given", name, role=role)

        self._writer.write(work)

    def set_languages(self, name: str, languages: Sequence[str], at: datetime, *, by: str) -> None:
        """NotFound: no moderator has this name."""

        def work(hand: Hand) -> None:
            _change(hand, sql.SET_LANGUAGES, name, languages=" ".join(languages))
            enter(hand, micros(at), by, "languages-given", name, languages=list(languages))

        self._writer.write(work)

    def set_email(self, name: str, email: str | None, at: datetime, *, by: str) -> None:
        """By which address an issuer's account is this moderator's; what was bound before is not any more."""
        check_text("email", email)

        def work(hand: Hand) -> None:
            hand.lock_key("people")
            _check_email(hand, name, email)
            _change(hand, sql.SET_EMAIL, name, email=email)
            enter(hand, micros(at), by, "address-given", name)

        self._writer.write(work)

    def set_password(self, name: str, password: str | None, at: datetime, *, by: str, keep: str = "") -> None:
        """
        Keep a password's hash (None: no password), and end every session of theirs but the one of digest `keep`.

        NotFound: no moderator has this name.
        """

        def work(hand: Hand) -> None:
            _change(hand, sql.SET_PASSWORD, name, password=password)
            hand.run(sql.END_OTHER_SESSIONS, name=name, digest=keep)
            hand.run(sql.END_LINKS, name=name)
            enter(hand, micros(at), by, "password-set" if password else "password-removed", name)

        self._writer.write(work)

    def rehash(self, name: str, password: str, *, old: str) -> None:
        """Keep the same password's hash, made anew, unless there is another meanwhile; no change to tell."""
        self._writer.write(lambda hand: hand.run(sql.REHASH, name=name, password=password, old=old))

    def set_second(self, name: str, sealed: str | None, at: datetime, *, by: str) -> None:
        """Keep the sealed secret of one-time codes, not asked for until one was given; None: none any more."""

        def work(hand: Hand) -> None:
            _change(hand, sql.SET_SECOND, name, second=sealed)
            hand.run(sql.END_RECOVERY, name=name)
            if sealed is None:
                enter(hand, micros(at), by, "second-factor-removed", name)

        self._writer.write(work)

    def use_step(self, name: str, step: int) -> bool:
        """Whether a one-time code of this time step may open: not if one of it, or of a later one, has."""
        return bool(self._writer.write(lambda hand: hand.run(sql.USE_STEP, name=name, step=step)))

    def turn_second_on(self, name: str, step: int, digests: Sequence[str], at: datetime, *, by: str) -> bool:
        """
        Ask for one-time codes from now on, a code of this step having been given; keep the digests of recovery codes.

        Returns:
            Whether it was done: not if they are asked for already, or a code of this step or a later one was used.
        """

        def work(hand: Hand) -> bool:
            if not hand.run(sql.TURN_SECOND_ON, name=name, step=step):
                return False
            hand.run(sql.END_RECOVERY, name=name)
            for digest in digests:
                hand.run(sql.ADD_RECOVERY, digest=digest, name=name)
            enter(hand, micros(at), by, "second-factor-set", name, recovery_codes=len(digests))
            return True

        return bool(self._writer.write(work))

    def use_recovery(self, name: str, digest: str, at: datetime) -> bool:
        """Whether a recovery code was there to be used; now it is not any more."""

        def work(hand: Hand) -> bool:
            used = bool(hand.run(sql.USE_RECOVERY, digest=digest, name=name))
            if used:
                left = hand.one(sql.RECOVERY_LEFT, name=name)
                enter(hand, micros(at), name, "recovery-code-used", name, left=left[0] if left else 0)
            return used

        return bool(self._writer.write(work))

    def recovery_left(self, name: str) -> int:
        """How many recovery codes a moderator has left."""
        row = self._database.one(sql.RECOVERY_LEFT, name=name)
        return 0 if row is None else int(row[0])

    def known_as(self, issuer: str, subject: str, email: str | None, at: datetime) -> ModeratorRow | None:
        """
        The moderator whom an issuer's account is, bound to it by its address the first time.

        Args:
            email: an address that the issuer has verified; None: it has not.
        """
        if not all(is_exact(value) for value in (issuer, subject, email or "")):
            return None

        def work(hand: Hand) -> ModeratorRow | None:
            row = hand.one(sql.MODERATOR_KNOWN_AS, issuer=issuer, subject=subject)
            if row is None and email:
                bound = hand.one(sql.KNOW_AS, issuer=issuer, subject=subject, email=email)
                row = None if bound is None else hand.one(sql.MODERATOR, name=bound[0])
                if row is not None:
                    enter(hand, micros(at), row[0], "account-bound", row[0])
            return None if row is None else _moderator_of(row)

        found: ModeratorRow | None = self._writer.write(work)
        return found

    # -- failed sign-ins ----------------------------------------------------

    def attempt(
        self,
        who: str,
        at: datetime,
        *,
        lock: Callable[[int], timedelta],
        forgotten_after: timedelta,
    ) -> Attempts:
        """
        Count a sign-in that is about to be tried, before it is: of many at once, each counts.

        Args:
            who: a keyed hash of the name.
            lock: how long a name is locked after so many in a row.

        Returns:
            How many in a row it is, and until when the name is locked now if it fails. Where it was locked already,
            nothing is counted, and `failures` is 0.
        """
        now = micros(at)

        def work(hand: Hand) -> Attempts:
            hand.lock_key("attempt", who)
            row = hand.one(sql.ATTEMPT, who=who)
            recent = row is not None and at - time_of(row[1]) <= forgotten_after
            if row is not None and recent and row[2] > now:
                return Attempts(0, time_of(row[1]), time_of(row[2]))
            failures = row[0] + 1 if row is not None and recent else 1
            until = at + lock(failures)
            hand.run(sql.FAILED, who=who, failures=failures, at=now, until=micros(until))
            return Attempts(failures, at, until)

        tried: Attempts = self._writer.write(work)
        return tried

    def failed(self, name: str, at: datetime, tried: Attempts) -> None:
        """Write down that a sign-in under a moderator's name failed."""
        locked = tried.locked_until > tried.at
        self.enter(name, "sign-in-failed", name, at, in_a_row=tried.failures, locked=locked)

    def succeeded(self, who: str) -> None:
        """Forget what failed under a name."""
        if self._database.one(sql.ATTEMPT, who=who) is not None:
            self._writer.write(lambda hand: hand.run(sql.CLEAR_ATTEMPT, who=who))

    # -- links, issuers and sessions ----------------------------------------

    def add_link(self, moderator: str, digest: str, expires_at: datetime, at: datetime, *, by: str) -> None:
        """
        Keep the digest of a sign-in link that works once.

        Raises:
            NotFound: no moderator has this name.
        """

        def work(hand: Hand) -> None:
            _check_moderator(hand, moderator)
            hand.run(sql.ADD_LINK, moderator=moderator, digest=digest, expires_at=micros(expires_at))
            enter(hand, micros(at), by, "link-made", moderator)

        self._writer.write(work)

    def use_link(self, digest: str, at: datetime) -> str | None:
        """The moderator a link signs in, once; None if it is unknown, used or expired."""
        used_at = micros(at)
        if not is_exact(digest):
            return None
        row = self._writer.write(lambda hand: hand.one(sql.USE_LINK, digest=digest, at=used_at))
        return None if row is None else str(row[0])

    def add_doorway(self, digest: str, doorway: Doorway, expires_at: datetime) -> None:
        """Keep what a sign-in at an issuer has to come back with, under the digest of its state."""
        check_text("back", doorway.back)
        self._writer.write(
            lambda hand: hand.run(
                sql.ADD_DOORWAY,
                digest=digest,
                nonce=doorway.nonce,
                verifier=doorway.verifier,
                back=doorway.back,
                expires_at=micros(expires_at),
            )
        )

    def use_doorway(self, digest: str, at: datetime) -> Doorway | None:
        """What was kept under a state, once; None if it is unknown, used or expired."""
        if not is_exact(digest):
            return None
        row = self._writer.write(lambda hand: hand.one(sql.USE_DOORWAY, digest=digest, at=micros(at)))
        return None if row is None else Doorway(*row)

    def add_session(
        self,
        digest: str,
        moderator: str,
        csrf: str,
        expires_at: datetime,
        at: datetime,
        *,
        how: str = "link",
        device: str = "",
        password: str | None = None,
    ) -> None:
        """
        Args:
            password: the hash that was asked for on the way in; None where none was.

        Raises:
            NotFound: no moderator has this name, or there is another password meanwhile.
        """
        check_text("device", device)
        expires, added_at = micros(expires_at), micros(at)

        def work(hand: Hand) -> None:
            _check_moderator(hand, moderator)
            if (
                password is not None
                and _moderator_of(hand.one(sql.MODERATOR, name=moderator)).password != password
            ):
                raise NotFound("The password was changed meanwhile.", fields=("password",))
            hand.run(
                sql.ADD_SESSION,
                digest=digest,
                moderator=moderator,
                csrf=csrf,
                expires_at=expires,
                at=added_at,
                how=how,
                device=device,
            )
            enter(hand, added_at, moderator, "signed-in", moderator, how=how, session=digest[:HANDLE])

        self._writer.write(work)

    def session(self, digest: str, at: datetime) -> SessionRow | None:
        """A session that has not ended or expired."""
        now = micros(at)
        row = self._database.one(sql.SESSION, digest=digest, at=now)
        if row is None:
            return None
        moderator, csrf, added_at, expires_at, how, device, seen_at, role, languages = row
        if seen_at < now - _SEEN_EVERY:
            self._writer.write(
                lambda hand: hand.run(sql.SEEN, digest=digest, at=now, before=now - _SEEN_EVERY)
            )
        return SessionRow(
            moderator,
            csrf,
            time_of(added_at),
            time_of(expires_at),
            how,
            device,
            time_of(seen_at),
            role,
            tuple(languages.split()),
        )

    def sessions(self, moderator: str, at: datetime) -> tuple[OpenSession, ...]:
        """A moderator's sessions in force, the newest first."""
        return tuple(
            OpenSession(
                digest[:HANDLE], time_of(added_at), time_of(expires_at), how, device, time_of(seen_at)
            )
            for digest, added_at, expires_at, how, device, seen_at in self._database.all(
                sql.SESSIONS, name=moderator, at=micros(at)
            )
        )

    def end_session(self, digest: str, at: datetime) -> None:
        """Ending what is not there does nothing."""

        def work(hand: Hand) -> None:
            row = None if not is_exact(digest) else hand.one(sql.END_SESSION, digest=digest)
            if row is not None:
                enter(hand, micros(at), row[0], "signed-out", row[0], session=digest[:HANDLE])

        self._writer.write(work)

    def end_session_of(self, moderator: str, handle: str, at: datetime, *, by: str) -> None:
        """
        End one of a moderator's sessions.

        Raises:
            NotFound: they have none of this handle.
        """

        def work(hand: Hand) -> None:
            for digest, *_ in hand.all(sql.SESSIONS, name=moderator, at=micros(at)):
                if len(handle) == HANDLE and digest[:HANDLE] == handle:
                    hand.one(sql.END_SESSION, digest=digest)
                    enter(hand, micros(at), by, "session-ended", moderator, session=handle)
                    return
            raise NotFound("There is no such session; it may have ended already.")

        if not (is_exact(moderator) and is_exact(handle)):
            raise NotFound("There is no such session; it may have ended already.")
        self._writer.write(work)

    # -- tokens -------------------------------------------------------------

    def add_token(self, name: str, digest: str, scopes: Iterable[str], at: datetime, *, by: str) -> None:
        """
        Raises:
            AlreadyExists: a token in force has this name.
        """
        check_text("name", name)
        kept, added_at = " ".join(scopes), micros(at)

        def work(hand: Hand) -> None:
            if not hand.run(sql.ADD_TOKEN, name=name, digest=digest, scopes=kept, at=added_at):
                raise AlreadyExists("A token has this name already.", fields=("name",))
            enter(hand, added_at, by, "token-added", name, scopes=kept.split())

        self._writer.write(work)

    def tokens(self) -> tuple[TokenRow, ...]:
        """Tokens in force, by name."""
        return tuple(_token_of(row) for row in self._database.all(sql.TOKENS))

    def revoke_token(self, name: str, at: datetime, *, by: str) -> None:
        """
        Raises:
            NotFound: no token in force has this name.
        """
        revoked_at = micros(at)

        def work(hand: Hand) -> None:
            if not is_exact(name) or not hand.run(sql.REVOKE_TOKEN, name=name, at=revoked_at):
                raise NotFound("No token has this name.", fields=("name",))
            enter(hand, revoked_at, by, "token-revoked", name)

        self._writer.write(work)

    def token(self, digest: str) -> TokenRow | None:
        """The token in force with this digest."""
        row = self._database.one(sql.TOKEN, digest=digest)
        return None if row is None else _token_of(row)

    # -- the journal --------------------------------------------------------

    def enter(self, actor: str, action: str, subject: str, at: datetime, **detail: object) -> None:
        """Write a line of the journal on what changes no table: what was refused, read or taken along."""
        if all(is_exact(value) for value in (actor, action, subject)):
            self._writer.write(lambda hand: enter(hand, micros(at), actor, action, subject, **detail))

    def journal(
        self,
        *,
        limit: int,
        before: int | None = None,
        actor: str = "",
        action: str = "",
        subject: str = "",
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> tuple[Entry, ...]:
        """
        Lines of the journal, the newest first.

        Args:
            before: only lines with a lower number, to go on from an earlier answer.
            actor, action, subject: only these; "" for any.
            since, until: only lines from `since` on and before `until`.
        """
        asked = {
            "limit": max(1, min(limit, 1_000_000)),
            "before": _LARGEST if before is None else max(0, min(before, _LARGEST)),
            "since": 0 if since is None else micros(since),
            "until": _LARGEST if until is None else micros(until),
        }
        if subject:
            rows = self._database.all(
                sql.JOURNAL_OF_SUBJECT, subject=subject, actor=actor, action=action, **asked
            )
        elif actor:
            rows = self._database.all(sql.JOURNAL_OF_ACTOR, actor=actor, action=action, **asked)
        elif action:
            rows = self._database.all(sql.JOURNAL_OF_ACTION, action=action, **asked)
        else:
            rows = self._database.all(sql.JOURNAL, **asked)
        return tuple(
            Entry(number, time_of(at), who, what, whom, _detail_of(detail))
            for number, at, who, what, whom, detail in rows
        )


# -- within a transaction ---------------------------------------------------


def _change(hand: Hand, statement: str, name: str, **values: Any) -> None:
    if is_exact(name):
        hand.lock_key("moderator", name)
    if not is_exact(name) or not hand.run(statement, name=name, **values):
        raise NotFound("No moderator has this name.", fields=("name",))


def _check_email(hand: Hand, name: str, email: str | None) -> None:
    if email and hand.one(sql.EMAIL_OF_OTHER, name=name, email=email) is not None:
        raise AlreadyExists("Somebody else here has this address.", fields=("email",))


def _check_another_editor(hand: Hand, name: str) -> None:
    row = None if not is_exact(name) else hand.one(sql.MODERATOR, name=name)
    if row is not None and row[1] == "editor" and hand.one(sql.OTHER_EDITOR, name=name) is None:
        raise NotAllowed("There has to be an editor. Make somebody else one first.")


def _check_moderator(hand: Hand, name: str) -> None:
    # Who is removed, or given another password, at this moment is not let in by what was before.
    if is_exact(name):
        hand.lock_key("moderator", name)
    if not is_exact(name) or hand.one(sql.MODERATOR, name=name) is None:
        raise NotFound("No moderator has this name.", fields=("name",))


# -- rows and values --------------------------------------------------------


def _moderator_of(row: Row | None) -> ModeratorRow:
    assert row is not None
    (name, role, languages, added_at, _, password, second, second_on, step, email, issuer, subject) = row
    return ModeratorRow(
        name=name,
        role=role,
        languages=tuple(languages.split()),
        added_at=time_of(added_at),
        password=password,
        second=second,
        second_on=bool(second_on),
        second_step=step,
        email=email,
        issuer=issuer,
        subject=subject,
    )


def _token_of(row: Row) -> TokenRow:
    name, scopes, added_at = row
    return TokenRow(name, tuple(scopes.split()), time_of(added_at))
