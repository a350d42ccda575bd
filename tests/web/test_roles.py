"""Every address, asked by everybody there is: who gets past the door is what docs/security.md says, and nobody else."""

from __future__ import annotations

import itertools
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from meydan.passes import Seal
from meydan.staff import RIGHTS, ROLES, SCOPES, Staff
from meydan.web.app import create_app
from meydan.web.discovery import METHODS
from tests.newsroom import Newsroom, newsroom
from tests.web.conftest import UNHURRIED

ROOT = Path(__file__).parent.parent.parent
KEY = ECKey.generate_key("P-256", parameters={"kid": "1"})
ISSUER, AUDIENCE = "https://news.example", "comments.example"
ELSEWHERE = "https://evil.example"

KEPT_OUT = frozenset({"R109", "R110", "R115", "R122", "R128"})
"""No session or token, not this right, a form that is not ours, an account that is not believed, and no signature."""

PERSPECTIVE = {"GET /$discovery/rest", *(f"POST /v1alpha1/comments:{verb}" for verb in METHODS)}
"""What is answered past the framework, with its own keys."""

BESIDE = {"GET /embed.js", "GET /embed.d.ts", "GET /embed/live", "GET /static/{name}"}
"""What is answered before the framework is asked, by everybody."""

OTHERS = {"POST /v1/moderations", "POST /coral/moderate"}
"""Other doors past the framework: OpenAI's, with our tokens, and Coral's, with its signature."""


@dataclass(frozen=True)
class Caller:
    """Somebody who asks: what their program or browser sends along."""

    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: Mapping[str, str] = field(default_factory=dict)
    csrf: str = ""


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newsroom]:
    data = tmp_path_factory.mktemp("roles")
    keys = data / "accounts.json"
    keys.write_text(json.dumps({"keys": [KEY.as_dict(private=False)]}))
    given: dict[str, Any] = {
        "account_keys": keys, "account_issuer": ISSUER, "account_audience": AUDIENCE,
        "mail_server": "smtp://127.0.0.1:9", "mail_from": "comments@square.example", "metrics_token": "figures for whoever has this",
        "metrics": ("192.0.2.0/24",),
    }  # fmt: skip
    with newsroom(data, **given, **UNHURRIED) as opened:
        for role in ROLES:
            opened.meydan.staff.add_moderator(role.capitalize(), role=role)
        yield opened


def callers(room: Newsroom) -> Mapping[str, Callable[[], Caller]]:
    """Everybody there is, each made anew when they are asked for: what one does may end their own session."""
    own, staff, readers = room.url, room.meydan.staff, room.meydan.readers
    elder = Staff(
        room.meydan.store,
        clock=lambda: datetime.now(UTC) - timedelta(days=2),
        entropy=lambda size: time.time_ns().to_bytes(size, "big"),
        secret=b"",
    )

    def bearer(secret: str) -> Callable[[], Caller]:
        return lambda: Caller({"authorization": f"Bearer {secret}"})

    def seated(
        role: str, *, staff: Staff = staff, origin: str = own, csrf: bool = True
    ) -> Callable[[], Caller]:
        def sit() -> Caller:
            session = staff.sign_in(staff.new_link(role.capitalize()))
            return Caller({"origin": origin}, {"meydan_session": session.token}, session.csrf if csrf else "")

        return sit

    numbers = itertools.count()

    def account() -> str:
        # Another reader each time: one who signs out everywhere takes nobody along.
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "exp": int(time.time()) + 600,
            "sub": f"u-{next(numbers)}",
            "name": "Rojîn",
        }
        return jwt.encode({"alg": "ES256", "kid": "1"}, claims, KEY)

    def reading() -> Caller:
        session = readers.sign_in_by_account(account())
        return Caller({"origin": own}, {"meydan_reader": session.token}, session.csrf)

    passes = Seal(room.meydan._secret)
    held = passes.pass_of(passes.verified("rojin@square.example", "Rojîn"), datetime.now(UTC))
    revoked = staff.add_token("revoked")
    staff.revoke_token("revoked")
    return {
        "nobody": Caller,
        "pass": bearer(held),
        "account": bearer(account()),
        "reader": reading,
        **{f"token {scope}": bearer(staff.add_token(scope, [scope])) for scope in SCOPES},
        "figures": bearer("figures for whoever has this"),
        **{role: seated(role) for role in ROLES},
        "revoked token": bearer(revoked),
        "expired session": seated("editor", staff=elder),
        "no form token": seated("editor", csrf=False),
        "from elsewhere": seated("editor", origin=ELSEWHERE),
        "reader from elsewhere": lambda: Caller({"origin": ELSEWHERE}, reading().cookies, reading().csrf),
    }


SAID = {
    "everybody": "any page and any program",
    "everybody, not from other sites": "a browser that was sent here by another site's page is refused",
    "guests and readers": "anybody who says nothing of who they are, and a reader by pass or account; what says who somebody is and is not believed is refused",
    "from our own pages": "a form that says that one of our own pages sent it",
    "a secret": "whoever knows a link, a receipt, a code, a password or an account's token: nobody by what else they are",
    "a signature": "what is signed with a secret that another system shares with this server",
    "reader": "a reader who is signed in at `/me`",
    "figures": "the networks of `metrics`, and who has `metrics_token`",
}
"""What docs/security.md says of who may ask, besides the scopes of tokens and the rights of roles."""

OWN_ORIGIN = frozenset({"reader", *ROLES, "expired session", "no form token"})
NO_READERS = frozenset({*(f"token {scope}" for scope in SCOPES), "figures", "revoked token"})
FROM_ELSEWHERE = frozenset({"from elsewhere", "reader from elsewhere"})


def listed() -> dict[str, str]:
    """The table of docs/security.md: method and address -> who may."""
    page = (ROOT / "docs/security.md").read_text()
    return dict(re.findall(r"^\| `((?:GET|POST|PUT) [^`]+)` \| ([^|]+) \|$", page, re.M))


def those_let_in(who: str, method: str, everybody: frozenset[str]) -> frozenset[str]:
    """Which callers get past the door where `who` may ask."""
    looks = method == "GET"
    if who == "everybody":
        return everybody
    if who == "everybody, not from other sites":
        return everybody - FROM_ELSEWHERE
    if who == "guests and readers":
        return everybody - FROM_ELSEWHERE - NO_READERS
    if who == "from our own pages":
        return OWN_ORIGIN
    if who in ("a secret", "a signature"):
        return frozenset()
    if who == "reader":
        return frozenset({"reader", "reader from elsewhere"} if looks else {"reader"})
    if who == "figures":
        return frozenset({"figures"})
    let_in: set[str] = set()
    for part in who.split(" or "):
        kind, _, named = part.partition(" ")
        if kind == "token":
            let_in.add(f"token {named}")
        else:
            assert kind == "right", who
            let_in |= RIGHTS[named]
            # A page that another site opens is shown to whoever is signed in, and that site cannot read it.
            let_in |= {"no form token", "from elsewhere"} if looks and "editor" in RIGHTS[named] else set()
    return frozenset(let_in)


def test_everybody_gets_where_the_document_says(room: Newsroom) -> None:
    """If anybody at all asks any address there is, then they get past the door exactly where docs/security.md lets them."""
    table = listed()
    routes = (
        {
            f"{method} {route.path.replace(':str', '')}"
            for route in create_app(room.meydan)._inner.routes  # type: ignore[attr-defined]
            for method in getattr(route, "methods", ())
            if method != "OPTIONS"
        }
        | PERSPECTIVE
        | OTHERS
    )
    assert table.keys() == routes | BESIDE, table.keys() ^ (routes | BESIDE)
    who, comment = callers(room), room.send()
    looking = {name: make() for name, make in who.items()}
    wrong = []
    with httpx.Client(base_url=room.url, timeout=60) as client:
        # Backwards, so that nobody has begun to set up codes when one is asked for: that would be another refusal.
        for row in sorted(routes, reverse=True):
            method, path = row.split(" ", 1)
            path = path.replace("{comment_id}", comment)
            path = re.sub(r"\{[a-z]+\}", "made-up", path)
            allowed = those_let_in(table[row], method, frozenset(who))
            for name, make in who.items():
                # Who gets in and changes something may end their own session.
                caller = make() if method != "GET" and name in allowed else looking[name]
                status, let_in, cookie = knock(client, caller, method, path)
                # Whether a secret is unknown or was tried too often: refused is refused.
                as_said = (
                    status >= 400 and not cookie if table[row] == "a secret" else let_in is (name in allowed)
                )
                if not as_said:
                    wrong.append((row, table[row], name, status))
    assert wrong == []


def knock(client: httpx.Client, caller: Caller, method: str, path: str) -> tuple[int, bool, bool]:
    """Ask as this caller: the status, whether they got past the door, and whether they were given a cookie."""
    headers = {
        **caller.headers,
        "cookie": "; ".join(f"{name}={value}" for name, value in caller.cookies.items()),
    }
    given: dict[str, Any] = {}
    if method != "GET" and path.startswith("/api/"):
        headers["x-csrf-token"] = caller.csrf
        given["json"] = {}
    elif method != "GET":
        given["data"] = {"csrf": caller.csrf}
    with client.stream(method, path, headers=headers, **given) as answer:
        client.cookies.clear()
        out = (
            answer.headers.get("x-meydan-code") in KEPT_OUT
            or answer.status_code == 401
            or answer.headers.get("location", "").startswith("/desk/sign-in")
        )
        return answer.status_code, not out, "set-cookie" in answer.headers


def test_every_word_of_the_table_is_explained() -> None:
    """If the table says who may ask, then the document says who that is: each scope, and each right with its roles."""
    page = (ROOT / "docs/security.md").read_text()
    for word, said in SAID.items():
        assert f"| {word} | {said} |" in page, word
    for right, roles in RIGHTS.items():
        assert f"| right {right} | {', '.join(role for role in ROLES if role in roles)} |" in page, right
    for scope in SCOPES:
        assert f"| token {scope} |" in page, scope
