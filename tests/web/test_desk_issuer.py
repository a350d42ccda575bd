"""Signing in with the newsroom's own account, against a real OpenID Connect provider on this machine."""

from __future__ import annotations

import base64
import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest

from meydan.web.app import COMING_IN_AT_ONCE
from tests.newsroom import Chair, Newsroom, newsroom

with warnings.catch_warnings():
    # It uses a part of its OAuth library that is on its way out; not ours to mend.
    warnings.simplefilter("ignore")
    from oidc_provider_mock import run_server_in_thread

CLIENT = {"issuer_client": "meydan", "issuer_secret": "known to both"}


@pytest.fixture(scope="module")
def provider() -> Iterator[str]:
    with run_server_in_thread(require_nonce=True) as server:
        yield f"http://localhost:{server.server_port}"


@pytest.fixture
def room(provider: str, tmp_path: Path) -> Iterator[Newsroom]:
    with newsroom(tmp_path, issuer=provider, **CLIENT) as opened:
        opened.meydan.staff.add_moderator("Leyla", email="leyla@square.example")
        yield opened


@pytest.fixture
def chair(room: Newsroom) -> Iterator[Chair]:
    with Chair(room) as chair:
        yield chair


def known(provider: str, subject: str, **claims: object) -> None:
    """Make an account at the provider."""
    httpx.put(f"{provider}/users/{subject}", json=claims).raise_for_status()


def vouched(chair: Chair, subject: str, *, back: str = "/desk") -> str:
    """Go to the provider, sign in there, and give the address that it sends the browser back to."""
    away = chair.get("/desk/sign-in/issuer", params={"back": back}).headers["location"]
    answer = httpx.post(away, data={"sub": subject})
    assert answer.status_code in (302, 303), answer.text
    return str(answer.headers["location"])


def test_a_known_account_signs_in(provider: str, room: Newsroom, chair: Chair) -> None:
    """If the issuer vouches for an address that an editor entered, then its owner is in, where they were going."""
    known(provider, "u1", email="Leyla@square.example", email_verified=True)
    assert 'href="/desk/sign-in/issuer' in chair.get("/desk/sign-in").text
    answer = chair.get(vouched(chair, "u1", back="/desk/decided"))
    assert (answer.status_code, answer.headers["location"]) == (303, "/desk/decided")
    assert "Leyla" in chair.get("/desk/account").text
    # Bound to the account now: another with the same address is somebody else.
    known(provider, "u2", email="leyla@square.example", email_verified=True)
    with Chair(room) as other:
        assert other.get(vouched(other, "u2")).status_code == 401
    known(provider, "u1", email="new@square.example", email_verified=False)
    with Chair(room) as again:
        assert again.get(vouched(again, "u1")).status_code == 303


@pytest.mark.parametrize(
    "claims",
    [
        {"email": "leyla@square.example"},
        {"email": "leyla@square.example", "email_verified": False},
        {"email": "leyla@square.example", "email_verified": "true"},
        {"email": "stranger@square.example", "email_verified": True},
        {},
    ],
)
def test_a_stranger_does_not_get_in(
    provider: str, room: Newsroom, chair: Chair, claims: dict[str, object]
) -> None:
    """If an account's address is not verified, or nobody's here, then nobody is signed in."""
    known(provider, "stranger", **claims)
    answer = chair.get(vouched(chair, "stranger"))
    assert answer.status_code == 401
    assert "set-cookie" not in answer.headers
    assert chair.get("/desk").status_code == 303


def test_the_way_to_the_issuer_has_a_pace_of_its_own(provider: str, room: Newsroom, chair: Chair) -> None:
    """If a page has a browser ask for the issuer over and over, then that is told, and whoever has a link comes in all the same."""
    answers = [chair.get("/desk/sign-in/back", params={"state": "x"}) for _ in range(COMING_IN_AT_ONCE)]
    assert {answer.status_code for answer in answers} == {401}
    asked = (
        chair.get("/desk/sign-in/issuer", params={"back": "/desk/decided"}) for _ in range(COMING_IN_AT_ONCE)
    )
    slowed = next(answer for answer in asked if answer.status_code == 429)
    assert slowed.headers["x-meydan-code"] == "R103"
    assert 'value="/desk/decided"' in slowed.text or "back=%2Fdesk%2Fdecided" in slowed.text
    assert chair.post("/desk/sign-in", data={"link": room.link("Leyla")}).status_code == 303


def test_nobody_comes_back_with_another_browsers_sign_in(provider: str, room: Newsroom, chair: Chair) -> None:
    """If somebody is given the address of another's sign-in, or uses theirs twice, then it opens nothing."""
    known(provider, "u3", email="leyla@square.example", email_verified=True)
    theirs = vouched(chair, "u3")
    with Chair(room) as victim:
        assert victim.get(theirs).status_code == 401
        vouched(victim, "u3")
        assert victim.get(theirs).status_code == 401
    assert chair.get(theirs).status_code == 303
    assert chair.get(theirs).status_code == 401


def test_a_code_or_a_state_that_is_made_up_opens_nothing(provider: str, room: Newsroom, chair: Chair) -> None:
    """If the state is right and the code is not, or the other way round, then nobody is signed in."""
    known(provider, "u4", email="leyla@square.example", email_verified=True)
    for change in ({"code": "made-up"}, {"code": ""}, {"state": "made-up"}, {"state": ""}):
        back = urlsplit(vouched(chair, "u4"))
        query = {name: values[0] for name, values in parse_qs(back.query).items()} | change
        assert chair.get(f"{back.path}?{urlencode(query)}").status_code == 401
        assert chair.get("/desk").status_code == 303


def test_the_address_to_the_provider_gives_nothing_away(room: Newsroom, chair: Chair) -> None:
    """If a browser is sent to the issuer, then by code with PKCE, and neither the secret nor the verifier is in it."""
    away = chair.get("/desk/sign-in/issuer", params={"back": "https://evil.example"}).headers["location"]
    query = parse_qs(urlsplit(away).query)
    assert query["response_type"] == ["code"]
    assert query["code_challenge_method"] == ["S256"]
    assert query["redirect_uri"] == [f"{room.url}/desk/sign-in/back"]
    assert CLIENT["issuer_secret"] not in away
    assert "code_verifier" not in query


@pytest.mark.parametrize("fault", ["nonce", "client", "issuer", "expired", "unsigned", "own-key"])
def test_only_the_issuers_own_token_for_this_sign_in_is_believed(room: Newsroom, fault: str) -> None:
    """If a token is of another sign-in, for another client, by another issuer, too old or not signed, it is refused."""
    import time

    from joserfc import jwt
    from joserfc.jwk import KeySet, OctKey, RSAKey

    from meydan.store import Doorway
    from meydan.web.issuer import Issuer

    issuer = Issuer("https://issuer.example", "meydan", "secret", back=f"{room.url}/desk/sign-in/back")
    key = RSAKey.generate_key(2048, parameters={"kid": "1"})
    keys = KeySet.import_key_set({"keys": [key.as_dict(private=False)]})
    doorway = Doorway("nonce", "verifier", "/desk")
    now = int(time.time())
    claims = {
        "iss": "https://issuer.example",
        "aud": "meydan",
        "sub": "1",
        "exp": now + 60,
        "iat": now,
        "nonce": "nonce",
    }
    good = jwt.encode({"alg": "RS256", "kid": "1"}, claims, key)
    assert issuer._believed(good, keys, doorway)["sub"] == "1"
    changed = {
        "nonce": {"nonce": "another"},
        "client": {"aud": "another"},
        "issuer": {"iss": "https://evil.example"},
        "expired": {"exp": now - 600, "iat": now - 900},
    }.get(fault, {})
    token = jwt.encode({"alg": "RS256", "kid": "1"}, claims | changed, key)
    if fault == "unsigned":
        parts = [json.dumps(part).encode() for part in ({"alg": "none"}, claims)]
        token = ".".join([*(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts), ""])
    if fault == "own-key":
        # Signed with what the client knows, as if that were the issuer's.
        token = jwt.encode({"alg": "HS256"}, claims, OctKey.import_key("s" * 32))
    from joserfc.errors import JoseError

    with pytest.raises((JoseError, ValueError)):
        issuer._believed(token, keys, doorway)


def test_an_issuer_that_is_away_is_said_and_the_desk_goes_on(tmp_path: Path) -> None:
    """If the issuer does not answer, then the page says so with a 503, and a link still signs in."""
    with newsroom(tmp_path, issuer="http://localhost:9", **CLIENT) as room, Chair(room) as chair:
        assert chair.get("/desk/sign-in/issuer").status_code == 503
        chair.sign_in("Leyla")
        assert chair.get("/desk").status_code == 200
