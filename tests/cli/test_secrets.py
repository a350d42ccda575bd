"""No secret of an operator's is ever printed: each is set to a mark, and the marks are looked for in all that comes out."""

from __future__ import annotations

import itertools
import json
import logging
import os
import subprocess
import traceback
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import httpx
import pytest
import typer
from joserfc.jwk import ECKey
from typer.testing import CliRunner

from meydan.cli.main import app
from meydan.errors import MeydanError
from meydan.settings import Settings, load_settings
from meydan.staff import Enrolment, HalfWay
from meydan.web.issuer import Issuer
from meydan.wiring import build
from tests.serving import Served
from tests.test_docs import _verbs

MARK = "mark0f5ecret"
SEED = "c0ffee5ec2e7" * 5 + "beef"
"""A key of the ledger's, which can be nothing but hexadecimal digits."""

AWAY = f"postgresql://meydan:{MARK}-database@127.0.0.1:9/comments"

SECRETS: Mapping[str, str] = {
    "database": AWAY,
    "replica": AWAY.replace("database", "replica"),
    "secret": f"{MARK}-secret-that-is-long-enough-for-it",
    "former_secret": f"{MARK}-former-that-is-long-enough-for-it",
    "issuer_secret": f"{MARK}-issuer",
    "reader_issuer_secret": f"{MARK}-reader-issuer",
    "mail_server": f"smtp://postbox:{MARK}-mail@127.0.0.1:9?tls=off",
    "metrics_token": f"{MARK}-metrics-token",
    "coral_secrets": f"{MARK}-coral-one,{MARK}-coral-two",
    "ledger_key": SEED,
}
"""Every setting that holds a secret. Keys of accounts are public ones; a private one by mistake is tried beside."""

BESIDE: Mapping[str, str] = {
    "issuer": "http://localhost:9",
    "issuer_client": "desk",
    "reader_issuer": "http://localhost:9",
    "reader_issuer_client": "readers",
    "mail_from": "comments@square.example",
}

CALLS: Mapping[str, tuple[str, ...]] = {
    "backup": ("{data}/backup.zip",),
    "calibrate": ("--status",),
    "check": ("You are a complete idiot.",),
    "demo": ("--port", "99999"),
    "doctor": (),
    "erase": ("no-such-comment", "--yes"),
    "evaluate hatecheck": ("{data}/none.csv",),
    "evaluate newsroom": ("--model", "none"),
    "evaluate rows": ("{data}/none.jsonl",),
    "export": ("{data}/out.jsonl",),
    "guidelines backtest": ("{data}/none.toml",),
    "guidelines check": ("{data}/none.toml",),
    "guidelines diff": ("{data}/none.toml",),
    "guidelines show": (),
    "guidelines test": ("{data}/none.toml",),
    "import": ("disqus", "{data}/none.xml"),
    "ledger check": ("mr2.none",),
    "ledger key": (),
    "ledger publish": (),
    "ledger verify": ("http://127.0.0.1:9/ledger/", "--key", "none"),
    "migrate": (),
    "moderators add": ("Leyla",),
    "moderators forget-codes": ("Nobody",),
    "moderators link": ("Nobody",),
    "moderators list": (),
    "moderators remove": ("Nobody",),
    "moderators role": ("Nobody", "editor"),
    "move": (AWAY, AWAY.replace("comments", "others")),
    "report": ("--from", "2026-11-01", "--to", "2026-11-02", "-o", "{data}/report.html"),
    "restore": ("{data}/backup.zip",),
    "score": ("{data}/none.csv", "-o", "{data}/scored"),
    "serve": ("--host", "192.0.2.1"),
    "statements": ("--from", "2026-11-01", "-o", "{data}/statements.csv"),
    "tokens add": ("program",),
    "tokens list": (),
    "tokens revoke": ("nobody",),
    "trial": ("{data}/none.csv", "-o", "{data}/trial"),
    "train encoder": ("--data", "{data}/none", "--out", "{data}/out"),
    "train fast": ("--data", "{data}/none", "--out", "{data}/out"),
    "webhooks add": ("hook", "https://user:password@127.0.0.1/hook"),
    "webhooks list": (),
    "webhooks remove": ("nobody",),
    "webhooks replay": ("nobody",),
    "webhooks rotate": ("nobody",),
    "webhooks test": ("nobody",),
    "work": ("--no-such-option",),
}
"""How each command is called; most of them to fail, because that is when something is told."""


def environment(data: Path, **changed: str) -> dict[str, str]:
    given = {**SECRETS, **BESIDE, **changed}
    return {"MEYDAN_DATA": str(data)} | {
        f"MEYDAN_{key.upper()}": value for key, value in given.items() if value
    }


def called(arguments: tuple[str, ...], given: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> str:
    """Run a command in this process; everything it said, and how an error of it would be drawn."""
    with monkeypatch.context() as here:
        for name in [name for name in os.environ if name.startswith("MEYDAN_")]:
            here.delenv(name)
        for name, value in given.items():
            here.setenv(name, value)
        ran = CliRunner().invoke(app, list(arguments))
    if ran.exception is None or isinstance(ran.exception, SystemExit):
        return f"{ran.output}{ran.stderr}"
    # Training is for who changes the program, and may end with Python's own words.
    assert arguments[0] == "train", (arguments, ran.exception)
    return "".join(traceback.format_exception(ran.exception))


def test_every_setting_that_is_hidden_is_tried() -> None:
    """If a setting is left out where settings are printed, then it is tried here, and the other way round."""
    assert {known.name for known in fields(Settings) if not known.repr} == set(SECRETS)


def test_no_command_prints_one(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """If any command is called, right or wrong, with the database away, then no secret is in what it says."""
    caplog.set_level(logging.DEBUG)
    assert set(CALLS) == set(_verbs(typer.main.get_command(app)))
    said = ""
    # In turn as text and as JSON: what either says comes from the same places.
    for verb, as_json in zip(CALLS, itertools.cycle((False, True)), strict=False):
        arguments = CALLS[verb]
        written = tuple(part.format(data=tmp_path) for part in arguments)
        more = ("--json",) if as_json and verb not in ("train encoder", "train fast") else ()
        said += called((*verb.split(), *written, *more), environment(tmp_path), monkeypatch)
    here = capfd.readouterr()
    assert "U201" in said
    told = said + here.out + here.err + caplog.text
    assert MARK not in told
    assert SEED not in told


WRONG = [
    {"secret": f"{MARK}-short"},
    {"former_secret": f"{MARK}-short"},
    {"database": f"mysql://meydan:{MARK}@127.0.0.1/comments"},
    {"database": f"{MARK}"},
    {"database": f"postgresql://meydan:{MARK}@[::1/comments"},
    {"database": f"postgresql://meydan:{MARK}@127.0.0.1:port/comments"},
    {"database": f"postgresql://127.0.0.1:9/comments?password={MARK}"},
    {"database": f"postgresql://127.0.0.1:9/comments?no_such_option={MARK}"},
    {"replica": f"mysql://meydan:{MARK}@127.0.0.1/comments"},
    {"database": "", "replica": AWAY},
    {"mail_server": f"http://postbox:{MARK}@127.0.0.1"},
    {"mail_server": f"smtp://postbox:{MARK}@127.0.0.1:port"},
    {"mail_server": f"smtp://postbox:{MARK}@127.0.0.1?tls={MARK}"},
    {"metrics_token": MARK[:12]},
    {"coral_secrets": f"{MARK}-long-enough,{MARK[:12]}"},
    {"public_url": "nowhere"},
    {"ledger_key": f"{MARK}-no-digits"},
]


def test_no_mistake_in_a_setting_prints_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """If a setting that holds a secret is wrong, in any way, then the message names the setting and not what is in it."""
    said, also = "", itertools.cycle((("moderators", "list"), ("migrate",)))
    for wrong in WRONG:
        given = environment(tmp_path, **wrong)
        for command in (next(also), ("doctor", "--json")):
            said += called(command, given, monkeypatch)
    file = tmp_path / "settings.toml"
    for written in (f'secret = "{MARK}', f"secret = {MARK}", f'secret = ["{MARK}"]', f'secret = 5\nmail_server = "{MARK}"', f'[secret]\nx = "{MARK}"', f'secrets = "{MARK}"'):  # fmt: skip
        file.write_text(written)
        said += called(("doctor", "--settings", str(file)), {}, monkeypatch)
    keys = tmp_path / "accounts.json"
    private = ECKey.generate_key("P-256", parameters={"kid": "1"}).as_dict(private=True)
    secret_part = str(private["d"])
    for written in (json.dumps({"keys": [private]}), json.dumps({"keys": [{"kty": "oct", "kid": "1", "k": MARK}]}), f'{{"keys": "{MARK}'):  # fmt: skip
        keys.write_text(written)
        given = environment(tmp_path, account_keys=str(keys), account_issuer="https://a.example", account_audience="b", database="", replica="")  # fmt: skip
        said += called(("erase", "no-such-comment", "--yes"), given, monkeypatch)
    here = capfd.readouterr()
    assert "M302" in said
    assert MARK[:12] not in said + here.out + here.err
    assert secret_part not in said + here.out + here.err


def test_nothing_that_is_built_shows_one(tmp_path: Path) -> None:
    """If what holds a secret is drawn, as a traceback with its values does, then the secret is not in it."""
    given = {key.removeprefix("MEYDAN_").lower(): value for key, value in environment(tmp_path, database="", replica="").items()}  # fmt: skip
    settings = load_settings(environment={}, given=given)
    meydan = build(settings)
    try:
        session = meydan.staff.sign_in(meydan.staff.add_moderator("Leyla"))
        shown: list[Any] = [
            settings,
            settings.mail,
            meydan,
            meydan.staff,
            meydan.readers,
            meydan.letters,
            meydan.desk,
            session,
        ]
        shown += [HalfWay(MARK), Enrolment(MARK, MARK), Issuer("http://localhost:9", "desk", MARK, back="")]
        drawn = "".join(f"{one!r}{one!s}" for one in shown)
        assert session.token not in drawn
        assert session.csrf not in drawn
    finally:
        meydan.close()
    with pytest.raises(MeydanError) as away:
        build(load_settings(environment={}, given={**given, "database": AWAY}))
    assert MARK not in drawn + repr(away.value) + str(away.value)
    assert away.value.__cause__ is None


def test_no_door_prints_one(tmp_path: Path) -> None:
    """If a server is asked at its doors, right and wrong, then no secret is in an answer, in its log or in its title."""
    given = {**SECRETS, **BESIDE, "database": "", "replica": ""}
    served = Served(tmp_path, cold=True, **{key: value for key, value in given.items() if key != "database"})
    served.start()
    with httpx.Client(base_url=served.url, headers={"origin": served.url}, timeout=30) as client:
        answers = [client.get(path) for path in ("/", "/healthz", "/readyz", "/metrics", "/desk/sign-in", "/desk/sign-in/issuer", "/desk/sign-in/back?state=x&code=y", "/me", "/me/issuer", "/me/back", "/api", "/api/openapi.json", "/nothing")]  # fmt: skip
        answers.append(client.get("/metrics", headers={"authorization": "Bearer wrong"}))
        answers.append(client.post("/me/sign-in", data={"email": "zara@square.example"}))
        answers.append(client.post("/api/v1/comments", content=b"{"))
        answers.append(client.post("/v1/moderations", json={}, headers={"authorization": "Bearer wrong"}))
        answers += [client.post("/coral/moderate", content=b"{", headers={"x-coral-signature": sign}) for sign in (f"sha256={'0' * 64}", "wrong")]  # fmt: skip
        answers.append(client.post("/desk/sign-in", data={"name": "x", "password": "y"}))
        figures = client.get("/metrics", headers={"authorization": f"Bearer {SECRETS['metrics_token']}"})
    assert figures.status_code == 200
    assert {503, 401, 404, 400} <= {answer.status_code for answer in answers}
    served.until(lambda: "U205" in served.log.read_text(), timeout_s=30)
    titles = subprocess.run(
        ["ps", "-o", "args=", "-p", str(served.pid)], capture_output=True, text=True, check=False
    ).stdout
    served.stop()
    told = "".join(f"{answer.headers}{answer.text}" for answer in [*answers, figures])
    assert "issuer_unavailable" in served.log.read_text()
    assert MARK not in told + served.log.read_text() + titles
