"""
Who a reader is: by a token of the publication's accounts, a pass, a mailed link, or an issuer that knows them.

Reading needs none of it, and neither does writing where the guidelines take guests. What is kept of a reader is a keyed
hash of their account or mailbox, and digests: a link, a session and a pass are sealed with the server's secret and carry
what is to be known of them. A link works once, within LINK_GOOD_FOR.

Tokens are JSON Web Tokens. One is believed only if it is signed with a key of the publication's file, by the one
algorithm that belongs to that kind of key; is by its issuer, for this audience, in time; and ends within a day. So no
token says by itself how it is to be checked, and none that leaks is good for long.

Source: RFC 7519, RFC 7517, RFC 8725 (what to refuse).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import threading
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeGuard

import structlog
from joserfc import jwt
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, JWKRegistry, OctKey, OKPKey, RSAKey

from meydan.comment import Reader as Reader
from meydan.errors import BadAccount, BadSettings, IssuerUnavailable, Malformed, SignInNeeded
from meydan.passes import VERSION, Seal, mailbox_of
from meydan.store import Doorway as Doorway
from meydan.store import Store
from meydan.text.exact import is_blank, is_exact

SESSION_LIFE: Final = timedelta(days=30)
LINK_GOOD_FOR: Final = timedelta(minutes=30)
DOORWAY_GOOD_FOR: Final = timedelta(minutes=10)

LINKS_AN_HOUR: Final = 5
"""Links that are mailed to one address within an hour at most, whoever asks for them."""

LONGEST_TOKEN: Final = 8192
LONGEST_SUBJECT: Final = 255
LONGEST_NAME: Final = 500
LONGEST_SHOWN: Final = 100
LONGEST_FILE: Final = 262_144

SKEW_S: Final = 60
"""How far clocks may differ."""

FURTHEST_S: Final = 24 * 3600
"""How far ahead a token may end: who was removed at the publication is a stranger here a day later."""

SMALLEST_RSA_BITS: Final = 2048
SMALLEST_SECRET: Final = 32

Key = RSAKey | ECKey | OKPKey | OctKey

# The name is being replaced by "Ed25519" (RFC 9864), which is taken too; most programs still write the old one.
warnings.filterwarnings("ignore", message="EdDSA is deprecated", category=SecurityWarning)

log = structlog.get_logger("meydan.readers")


# -- the publication's accounts -------------------------------------------------


class Accounts:
    """
    The publication's accounts, by the tokens that it signs; the file of keys is read again when it changes.

    While the file is gone or has a fault nobody's token is believed, and that is said as an outage.
    """

    def __init__(self, path: Path, *, issuer: str, audience: str, clock: Callable[[], datetime]) -> None:
        """
        Args:
            path: a JWKS file of public keys, and of secrets where the tokens are signed with one (HS256).
            issuer, audience: what a token has to name.

        Raises:
            BadSettings: the file cannot be read, or a key in it is not one to use.
        """
        self._path = path
        self.issuer = issuer
        self._audience = audience
        self._clock = clock
        self._lock = threading.Lock()
        self._seen = _stamp(path)
        self._keys: Mapping[str, Key] | None = _load_keys(path)

    def claims(self, token: str) -> Mapping[str, Any]:
        """
        What a token says, when it is to be believed.

        Raises:
            BadAccount: it is not. IssuerUnavailable: the file of keys cannot be used now.
        """
        if len(token) > LONGEST_TOKEN or not token.isascii() or token.count(".") != 2:
            raise _not_believed("it is not a signed token")
        header = _header_of(token)
        key = self._key(header.get("kid"))
        try:
            # By what the key is, never by what the token says of itself.
            told = jwt.decode(token, key, algorithms=_algorithms(key)).claims
        except (JoseError, ValueError, TypeError, KeyError):
            raise _not_believed("its signature is not of this publication") from None
        self._check(told)
        return told

    def _check(self, told: Mapping[str, Any]) -> None:
        now = self._clock().timestamp()
        audience = told.get("aud")
        if told.get("iss") != self.issuer:
            raise _not_believed("iss")
        if self._audience not in (audience if isinstance(audience, list) else [audience]):
            raise _not_believed("aud")
        end = told.get("exp")
        if not _is_time(end) or not now - SKEW_S < end <= now + FURTHEST_S + SKEW_S:
            raise _not_believed("exp")
        for claim in ("nbf", "iat"):
            if claim in told and not (_is_time(told[claim]) and told[claim] <= now + SKEW_S):
                raise _not_believed(claim)
        subject = told.get("sub")
        if not isinstance(subject, str) or not 1 <= len(subject) <= LONGEST_SUBJECT or not is_exact(subject):
            raise _not_believed("sub")

    def _key(self, kid: object) -> Key:
        keys = self._current()
        if kid is None and len(keys) == 1:
            return next(iter(keys.values()))
        key = keys.get(kid) if isinstance(kid, str) else None
        if key is None:
            raise _not_believed("kid")
        return key

    def _current(self) -> Mapping[str, Key]:
        with self._lock:
            seen = _stamp(self._path)
            if seen != self._seen:
                self._seen = seen
                try:
                    self._keys = _load_keys(self._path)
                    log.info("account_keys_adopted", keys=len(self._keys))
                except BadSettings as error:
                    self._keys = None
                    log.error("account_keys_refused", code=error.code, file=str(self._path))
            if self._keys is None:
                raise IssuerUnavailable("The publication's accounts cannot be checked now. Nothing was kept.")
            return self._keys


def _not_believed(what: str) -> BadAccount:
    return BadAccount(f"The token of this account is not believed: {what}. Sign in again.")


def _header_of(token: str) -> Mapping[str, Any]:
    begin = token.partition(".")[0]
    try:
        header = json.loads(base64.urlsafe_b64decode(begin + "=" * (-len(begin) % 4)))
    except (ValueError, binascii.Error, RecursionError):
        header = None
    if not isinstance(header, dict):
        raise _not_believed("it is not a signed token")
    return header


def _is_time(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e12


def _algorithms(key: Key) -> list[str]:
    if isinstance(key, RSAKey):
        return ["RS256"]
    if isinstance(key, ECKey):
        return ["ES256"]
    return ["HS256"] if isinstance(key, OctKey) else ["EdDSA", "Ed25519"]


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _load_keys(path: Path) -> Mapping[str, Key]:
    """
    The keys of a JWKS file, by their ids.

    Raises:
        BadSettings: says which key, by its place in the file, and what is wrong with it.
    """

    def fault(what: str) -> BadSettings:
        return BadSettings(f"The file of 'account_keys', {path}: {what}", fields=("account_keys",))

    try:
        source = path.read_bytes()
        told = json.loads(source[: LONGEST_FILE + 1])["keys"]
    except OSError as error:
        raise fault(f"it cannot be read ({error.strerror}).") from None
    except (ValueError, TypeError, KeyError, RecursionError):
        raise fault('it is not a JWKS file: {"keys": […]}.') from None
    if not isinstance(told, list) or not told:
        raise fault("it has no key.")
    keys: dict[str, Key] = {}
    for number, one in enumerate(told, start=1):
        kid = one.get("kid") if isinstance(one, dict) else None
        if not isinstance(kid, str) or not kid or kid in keys:
            raise fault(f"key {number} has no 'kid' of its own.")
        try:
            key = JWKRegistry.import_key(one)
        except (JoseError, ValueError, TypeError, KeyError):
            raise fault(f"key {number} cannot be read.") from None
        wrong = _wrong_with(key, one)
        if wrong or not isinstance(key, Key):
            raise fault(f"key {number} {wrong or 'is of a kind that signs nothing'}.")
        keys[kid] = key
    return keys


def _wrong_with(key: object, told: Mapping[str, Any]) -> str:
    """What makes a key unfit; "" when nothing does."""
    if isinstance(key, OctKey):
        if len(key.raw_value) < SMALLEST_SECRET:
            return f"is a secret of fewer than {SMALLEST_SECRET} bytes"
    elif isinstance(key, RSAKey | ECKey | OKPKey):
        if key.is_private:
            return "is a private key; only its public part belongs here"
        if isinstance(key, RSAKey) and key.public_key.key_size < SMALLEST_RSA_BITS:
            return f"has fewer than {SMALLEST_RSA_BITS} bits"
        if isinstance(key, ECKey) and key.curve_name != "P-256":
            return "is not on the curve P-256"
        if isinstance(key, OKPKey) and key.curve_name != "Ed25519":
            return "is not on the curve Ed25519"
    else:
        return "is of a kind that signs nothing"
    if told.get("use", "sig") != "sig":
        return "is not for signatures"
    return "" if told.get("alg") in (None, *_algorithms(key)) else "names an algorithm that is not taken"


# -- readers --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Session:
    """A reader who is signed in at their own page. `token` goes into the cookie, `csrf` into every form."""

    token: str = field(repr=False)
    csrf: str = field(repr=False)
    reader: Reader


class Readers:
    """Readers over the store. Safe to use from many threads."""

    def __init__(
        self,
        store: Store,
        *,
        clock: Callable[[], datetime],
        secret: bytes,
        former: bytes | None = None,
        own_url: str = "",
        accounts: Accounts | None = None,
    ) -> None:
        """
        Args:
            former: the secret before this one; passes, links and sessions made with it are still believed.
            own_url: where readers reach this server; links that are mailed begin with it.
            accounts: None where the publication has none of its own.
        """
        self._kept = store.readers
        self._clock = clock
        self._seal = Seal(secret, former=former)
        self._own_url = own_url
        self._accounts = accounts

    @property
    def has_accounts(self) -> bool:
        """Whether the publication's own accounts are known here."""
        return self._accounts is not None

    def identify(self, authorization: str | None) -> Reader | None:
        """
        Who sends something, by an Authorization header; None for a guest.

        Raises:
            BadAccount: a token or pass that is not believed. IssuerUnavailable: it cannot be checked now.
        """
        kind, _, bearer = (authorization or "").strip().partition(" ")
        bearer = bearer.strip()
        # Other kinds are for whatever stands before this server, such as a page that is not open yet.
        if kind.lower() != "bearer":
            return None
        if bearer.startswith(f"{VERSION}."):
            return self._by_pass(bearer)
        return self._by_token(bearer)

    def _by_pass(self, given: str) -> Reader:
        found = self._seal.read_pass(given, self._clock())
        if found is None or not self._kept.counts(found.reader.key, found.given_at):
            raise BadAccount("This pass has ended. Confirm your e-mail address with another comment.")
        return found.reader

    def _by_token(self, token: str) -> Reader:
        if self._accounts is None:
            raise _not_believed("this publication has no accounts here")
        told = self._accounts.claims(token)
        name, email = told.get("name"), told.get("email")
        if not isinstance(name, str) or is_blank(name) or len(name) > LONGEST_NAME or not is_exact(name):
            raise _not_believed("name")
        if not isinstance(told.get("staff", False), bool):
            raise _not_believed("staff")
        return self._account(
            self._accounts.issuer,
            told["sub"],
            name,
            email if isinstance(email, str) else None,
            verified=told.get("email_verified") is True,
            staff=told.get("staff", False),
        )

    def _account(
        self, issuer: str, subject: str, name: str, email: str | None, *, verified: bool, staff: bool = False
    ) -> Reader:
        try:
            mailbox = mailbox_of(email) if email else None
        except Malformed:
            raise _not_believed("email") from None
        key = self._seal.key_of_account(issuer, subject)
        return Reader(key, name, mailbox, email_verified=verified and mailbox is not None, staff=staff)

    # -- coming in at /me ------------------------------------------------------

    def send_link(self, email: str, *, language: str) -> None:
        """
        Mail a link that signs its reader in.

        Whether anything is known of the address makes no difference to anything. Beyond LINKS_AN_HOUR nothing is sent,
        and nobody is told.

        Args:
            language: the interface's, in which the letter and the page behind its link speak.

        Raises:
            Malformed: it is no address.
        """
        mailbox = mailbox_of(email)
        now = self._clock()
        token = self._seal.close("sign-in", {"email": mailbox}, now)
        mail = {
            "to": mailbox,
            "language": language,
            "link": f"{self._own_url}/me/link/{token}?lang={language}",
        }
        sent = self._kept.add_link(
            digest_of(token),
            who=self._seal.key_of_mailbox(mailbox),
            at=now,
            expires_at=now + LINK_GOOD_FOR,
            at_most=LINKS_AN_HOUR,
            mail=mail,
        )
        if not sent:
            log.info("sign_in_link_not_sent")

    def mailbox_of_link(self, token: str) -> str | None:
        """Whose link it is, to be shown before it is used, which this does not; None for one that opens nothing."""
        opened = self._seal.open("sign-in", token, self._clock(), good_for=LINK_GOOD_FOR)
        if opened is None or not self._kept.link_opens(digest_of(token), self._clock()):
            return None
        return opened[0]["email"]

    def sign_in(self, token: str) -> Session:
        """
        Exchange a mailed link for a session.

        Raises:
            SignInNeeded: forged, expired, or used before (by anybody, even a moment ago).
        """
        opened = self._seal.open("sign-in", token, self._clock(), good_for=LINK_GOOD_FOR)
        if opened is None or not self._kept.use_link(digest_of(token), self._clock()):
            raise SignInNeeded("This link was used already or has expired. Ask for a new one.")
        reader = self._seal.verified(opened[0]["email"] or "", opened[0]["email"] or "")
        if not self._kept.counts(reader.key, opened[1]):
            # They signed out everywhere since: what lay in the mailbox then opens nothing.
            raise SignInNeeded("This link was used already or has expired. Ask for a new one.")
        return self._begin(reader)

    def sign_in_by_account(self, token: str) -> Session:
        """
        Come in as the account that a publication's token stands for.

        Raises:
            BadAccount, IssuerUnavailable: as `identify`.
        """
        return self._begin(self._by_token(token.strip()))

    def sign_in_through(self, issuer: str, subject: str, *, name: str, email: str | None) -> Session:
        """
        Come in as whom an issuer knows.

        Args:
            email: an address that the issuer has verified; None: none.
        """
        return self._begin(self._account(issuer, subject, name, email, verified=True))

    def open_doorway(self, state: str, doorway: Doorway) -> None:
        """Keep what a sign-in at an issuer has to come back with."""
        self._kept.add_doorway(_state_digest(state), doorway, self._clock() + DOORWAY_GOOD_FOR)

    def come_back(self, state: str) -> Doorway:
        """What was kept under a state, once; SignInNeeded if it is unknown or too late."""
        doorway = self._kept.use_doorway(_state_digest(state), self._clock())
        if doorway is None:
            raise SignInNeeded("This sign-in was not begun here, or it took too long. Begin again.")
        return doorway

    def session(self, token: str) -> Session:
        """The session a cookie names; SignInNeeded when it is unknown or over."""
        opened = self._seal.open("session", token, self._clock(), good_for=SESSION_LIFE)
        if opened is None or not self._kept.session_stands(digest_of(token), self._clock()):
            raise SignInNeeded("Sign in to see your comments.")
        told = opened[0]
        reader = Reader(
            key=told["key"] or "",
            name=told["name"] or "",
            email=told["email"],
            email_verified=bool(told["verified"]),
            kind="verified" if told["kind"] == "verified" else "account",
        )
        return Session(token, self._csrf(token), reader)

    def sign_out(self, token: str) -> None:
        """End a session; an unknown one is already ended."""
        self._kept.end_session(digest_of(token))

    def sign_out_everywhere(self, reader: Reader) -> None:
        """End every session, pass and feed address of a reader."""
        self._kept.end_all(reader.key, self._clock())

    # -- a feed for oneself ------------------------------------------------------

    def feed_of(self, reader: Reader) -> str:
        """The last part of a reader's own feed's address, until they sign out everywhere."""
        return f"{reader.key}.{self._feed_proof(reader.key)}"

    def reader_of_feed(self, given: str) -> str | None:
        """The key of the reader whose feed it is; None for an address that is not one any more."""
        key, _, proof = given.partition(".")
        if len(given) > 100 or not is_exact(given):
            return None
        return key if hmac.compare_digest(proof.encode(), self._feed_proof(key).encode()) else None

    def _feed_proof(self, key: str) -> str:
        since = self._kept.since(key)
        return self._seal.keyed("feed", f"{key}\x00{since.isoformat() if since else ''}")

    # -- inside ------------------------------------------------------------------

    def _begin(self, reader: Reader) -> Session:
        now = self._clock()
        told = {
            "key": reader.key,
            # To be shown, and no longer than a browser keeps in a cookie with an address.
            "name": reader.name[:LONGEST_SHOWN],
            "email": reader.email,
            "verified": "1" if reader.email_verified else "",
            "kind": reader.kind,
        }
        # A new one each time, whatever the browser came with: nobody can have prepared it.
        token = self._seal.close("session", told, now)
        self._kept.add_session(digest_of(token), reader.key, at=now, expires_at=now + SESSION_LIFE)
        return Session(token, self._csrf(token), reader)

    def _csrf(self, token: str) -> str:
        return self._seal.keyed("csrf", token)


def digest_of(token: str) -> str:
    """Under which a link or a session is kept: they carry 128 random bits, so a plain digest is enough."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _state_digest(state: str) -> str:
    # Not the desk's: what was begun at one door does not end at the other.
    return digest_of(f"reader\x00{state}")
