"""`meydan webhooks`: an endpoint is added, tried, given another secret and removed, and its secret is shown once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from meydan.cli.main import app
from tests.post.hooks import hook


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("MEYDAN_DATA", str(tmp_path))
    monkeypatch.setenv("MEYDAN_OUTGOING_NETWORKS", "127.0.0.0/8")

    def asked(*arguments: str, code: int = 0, given: str | None = None) -> Any:
        ran = CliRunner().invoke(app, ["webhooks", *arguments, "--json"], input=given)
        assert ran.exit_code == code, ran.output
        return json.loads(ran.stdout if code == 0 or arguments[0] == "test" else ran.stderr)

    return asked


def test_an_endpoint_has_its_whole_life(ask: Any) -> None:
    """If an operator adds an endpoint, tries it, gives it another secret and removes it, then each says what became of it, the receiver can check what it got, and no list shows the secret or the path."""
    with hook() as there:
        added = ask("add", "cms", "-", "--event", "comment.approved", given=there.url + "\n")
        assert added["secret"].startswith("whsec_")
        assert added["events"] == ["comment.approved"]
        tried = ask("test", "cms")
        assert (tried["taken"], tried["cause"]) == (True, None)
        rotated = ask("rotate", "cms", "--keep-hours", "1")
        ask("test", "cms")
        assert [one["type"] for one in there.verified(added["secret"])] == ["test", "test"]
        assert there.headers[1]["webhook-signature"].count("v1,") == 2
        assert rotated["secret"] != added["secret"]
        there.answers = [(500, {})]
        assert ask("test", "cms", code=1)["cause"] == "answered-500"
        listed = ask("list")
        assert [(one["name"], one["waiting"], one["dead"]) for one in listed] == [("cms", 0, 0)]
        assert "/hook" not in json.dumps(listed)
        assert ask("replay", "cms")["notices"] == 0
        ask("remove", "cms")
        assert ask("list") == []


def test_what_is_refused_says_what_to_do(ask: Any) -> None:
    """If an operator names what cannot be told, or nobody, then the error has a code and the next step, and nothing is added."""
    assert ask("add", "cms", "https://10.0.0.9/x", code=1)["code"] == "R129"
    assert ask("add", "cms", "https://news.example/x", "--event", "all", code=1)["code"] == "R113"
    assert ask("remove", "nobody", code=1)["code"] == "R108"
    assert ask("list") == []
