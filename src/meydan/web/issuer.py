"""
An issuer that vouches for people, at the desk or at a reader's own page: OpenID Connect with any that publishes its
configuration.

The code flow with PKCE. What an issuer says is believed only if its token is signed with the issuer's published
keys, was made for this server, is in time, and carries the nonce of a sign-in that was begun here.

Source: OpenID Connect Core 1.0 (sections 3.1 and 3.1.3.7), OpenID Connect Discovery 1.0, RFC 7636, RFC 9700.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import structlog
from authlib.common.security import generate_token
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from meydan.errors import IssuerUnavailable, SignInNeeded
from meydan.outgoing import Outgoing
from meydan.staff import Doorway

TIMEOUT_S: Final = 10.0
KEPT_S: Final = 3600.0
LEEWAY_S: Final = 60

BESIDE_S: Final = 1.0
"""How long a sign-in waits for another that asks the issuer already: who waits holds a hand that readers need."""

SILENT_S: Final = 2.0
"""For how long an issuer that did not answer is not asked again."""

SIGNED_WITH: Final = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
)
"""Signatures that only the issuer can make: neither "none" nor those that the client secret could make."""

NOT_THIS_TIME: Final = "The newsroom's sign-in did not vouch for you. Nobody has been signed in."

SCOPE: Final = "openid email"
"""What an issuer is asked to tell: who it is and by which address."""

log = structlog.get_logger("meydan.web")


@dataclass(frozen=True, slots=True)
class Vouched:
    """Whom an issuer vouches for; `email` only where it says that it has verified it, `name` as it has it, "" for none."""

    subject: str
    email: str | None
    name: str = ""


class Issuer:
    """One issuer, asked for its configuration and keys when they are needed, and again after KEPT_S."""

    def __init__(
        self,
        address: str,
        client: str,
        secret: str,
        *,
        back: str,
        scope: str = SCOPE,
        networks: Iterable[str] = (),
    ) -> None:
        """
        Args:
            address: the issuer's own address, as its tokens name it.
            client, secret: under which this server is registered there.
            back: this server's address that the issuer sends people back to.
            scope: what is asked of it, as OpenID Connect names it.
            networks: where else than on the Internet its configuration may point to; see outgoing.Outgoing.
        """
        self.address = address.rstrip("/")
        self._client = client
        self._secret = secret
        self._back = back
        self._scope = scope
        # The operator named it: it may be in the building. What it points to elsewhere may not, unless it is listed.
        self._out = Outgoing(networks, named=(self.address,), timeout_s=TIMEOUT_S)
        self._lock = threading.Lock()
        self._asking = threading.Lock()
        self._known: tuple[float, Mapping[str, Any], KeySet] | None = None
        self._silent_since = float("-inf")

    def begin(self, doorway: Doorway, state: str) -> str:
        """
        Where to send a browser.

        Raises:
            IssuerUnavailable: the issuer did not answer, or not as one.
        """
        about, _ = self._about()
        address: str = prepare_grant_uri(
            about["authorization_endpoint"],
            self._client,
            "code",
            redirect_uri=self._back,
            scope=self._scope,
            state=state,
            nonce=doorway.nonce,
            code_challenge=create_s256_code_challenge(doorway.verifier),  # type: ignore[no-untyped-call]
            code_challenge_method="S256",
        )
        return address

    def vouch(self, code: str, doorway: Doorway) -> Vouched:
        """
        Whom a code stands for.

        Raises:
            SignInNeeded: the issuer does not take the code, or its token is not one to believe.
            IssuerUnavailable: the issuer did not answer.
        """
        about, keys = self._about()
        token = self._token_for(code, doorway, about["token_endpoint"])
        try:
            claims = self._believed(str(token.get("id_token", "")), keys, doorway)
            subject = str(claims["sub"])
            if "email" not in claims and "userinfo_endpoint" in about:
                claims = self._told(about["userinfo_endpoint"], str(token["access_token"]), subject)
            verified = claims.get("email_verified") is True and claims.get("email")
            name = claims.get("name") or claims.get("preferred_username") or ""
            return Vouched(
                subject, str(claims["email"]) if verified else None, name if isinstance(name, str) else ""
            )
        except httpx.HTTPError as error:
            raise self._unavailable(error) from None
        except (JoseError, ValueError, TypeError, KeyError) as error:
            log.warning("issuer_not_believed", error=type(error).__name__)
            with self._lock:
                # It may have changed its keys; the next sign-in asks for them.
                self._known = None
            raise SignInNeeded(NOT_THIS_TIME) from None

    def _told(self, address: str, access_token: str, subject: str) -> Mapping[str, Any]:
        """What the issuer tells of whom it vouches for beside its token; of nobody else (Core, 5.3.2)."""
        self._check_safe(address)
        with self._out.client() as client:
            answer = client.get(address, headers={"authorization": f"Bearer {access_token}"})
            told: Mapping[str, Any] = answer.raise_for_status().json()
        if told["sub"] != subject:
            raise ValueError("told of somebody else")
        return told

    def _believed(self, id_token: str, keys: KeySet, doorway: Doorway) -> Mapping[str, Any]:
        """The claims of a token that is the issuer's own, of now, and made for this sign-in."""
        claims = jwt.decode(id_token, keys, algorithms=list(SIGNED_WITH)).claims
        jwt.JWTClaimsRegistry(
            leeway=LEEWAY_S,
            iss={"essential": True, "values": [self.address, self.address + "/"]},
            aud={"essential": True, "value": self._client},
            exp={"essential": True},
            iat={"essential": True},
            sub={"essential": True},
            nonce={"essential": True, "value": doorway.nonce},
        ).validate(claims)
        if isinstance(claims["aud"], list) and len(claims["aud"]) > 1 and claims.get("azp") != self._client:
            raise ValueError("made for somebody else")
        return claims

    def _token_for(self, code: str, doorway: Doorway, endpoint: str) -> Mapping[str, Any]:
        """
        What the issuer gives for a code (RFC 6749, 4.1.3 and 5).

        Raises:
            SignInNeeded: it does not take the code. IssuerUnavailable: it did not answer, or not as an issuer.
        """
        given = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._back,
            "code_verifier": doorway.verifier,
        }
        try:
            with self._out.client() as client:
                answer = client.post(
                    endpoint,
                    data=given,
                    headers={"accept": "application/json"},
                    auth=httpx.BasicAuth(self._client, self._secret),
                )
                if answer.status_code >= 500:
                    answer.raise_for_status()
                token = answer.json()
                if not isinstance(token, dict):
                    raise ValueError("not as an issuer answers")
        except (httpx.HTTPError, ValueError) as error:
            raise self._unavailable(error) from None
        if "error" in token:
            log.warning("issuer_refused")
            raise SignInNeeded(NOT_THIS_TIME)
        return token

    def _about(self) -> tuple[Mapping[str, Any], KeySet]:
        known = self._still_known()
        if known is not None:
            return known
        if not self._asking.acquire(timeout=BESIDE_S):
            raise self._unavailable(TimeoutError())
        try:
            return self._still_known() or self._ask()
        finally:
            self._asking.release()

    def _still_known(self) -> tuple[Mapping[str, Any], KeySet] | None:
        """What was learnt of it within KEPT_S; IssuerUnavailable where it was silent a moment ago."""
        with self._lock:
            if self._known is not None and time.monotonic() - self._known[0] < KEPT_S:
                return self._known[1], self._known[2]
            silent = time.monotonic() - self._silent_since < SILENT_S
        if silent:
            raise self._unavailable(TimeoutError())
        return None

    def _ask(self) -> tuple[Mapping[str, Any], KeySet]:
        try:
            with self._out.client() as client:
                about = (
                    client.get(f"{self.address}/.well-known/openid-configuration").raise_for_status().json()
                )
                if str(about["issuer"]).rstrip("/") != self.address:
                    raise ValueError("another issuer's configuration")
                for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
                    self._check_safe(about[name])
                keys = KeySet.import_key_set(client.get(about["jwks_uri"]).raise_for_status().json())
        except (httpx.HTTPError, JoseError, ValueError, TypeError, KeyError) as error:
            with self._lock:
                self._silent_since = time.monotonic()
            raise self._unavailable(error) from None
        with self._lock:
            self._known = (time.monotonic(), about, keys)
        return about, keys

    def _check_safe(self, address: str) -> None:
        """Refuse what is no address, and one that others on the way could read, but for this machine's own."""
        self._out.check(address)
        parts = urlsplit(address)
        if parts.scheme != "https" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
            raise ValueError("an address without https")

    def _unavailable(self, error: BaseException) -> IssuerUnavailable:
        log.warning("issuer_unavailable", error=type(error).__name__, cause=getattr(error, "cause", ""))
        return IssuerUnavailable(
            "The newsroom's sign-in does not answer. Try again, or sign in with a password or a link."
        )


def new_doorway(back: str) -> tuple[str, Doorway]:
    """A sign-in to begin: the state that has to come back, and what is kept under it."""
    return generate_token(48), Doorway(generate_token(32), generate_token(48), back)
