"""docs/verify.md is run: a stranger follows it, block by block, at a server that knows nothing of it, and with a changed text it says so."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path
from string import Template

import httpx
import pytest

from tests.browser.test_verifying import approve, behind_its_back
from tests.newsroom import UNMEASURED, newsroom
from tests.warm import meydan

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/verify.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.M | re.S)


def test_a_stranger_verifies_with_nothing_but_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    If each command of the page is given at a running server, then each says that all is so; if the stored text is changed
    by hand, then the command line and the sums both show it.
    """
    data, place = tmp_path / "data", tmp_path / "stranger"
    place.mkdir()
    monkeypatch.chdir(place)
    with newsroom(data) as room:
        body = {"story": {"url": room.story}, "name": "Rojin", "text": UNMEASURED}
        told = httpx.post(f"{room.url}/api/v1/comments", json=body, timeout=30).json()
        for number in range(3):
            room.send(f"{UNMEASURED} {number}")
        approve(room, told["id"])
        room.meydan.ledger.round()
        (place / "receipt.txt").write_text(told["receipt"] + "\n")
        (place / "words.txt").write_text(UNMEASURED)

        blocks = BLOCK.findall(PAGE.read_text())
        assert len(blocks) == 7
        named = {
            "SITE": room.url,
            "COMMENT": told["id"],
            "KEY": httpx.get(f"{room.url}/ledger/key").text.split()[0],
        }

        def command(block: str) -> int:
            """A block that is one command of ours, without a shell around it and a second of starting."""
            words = shlex.split(Template(block).substitute(named))
            assert words.pop(0) == "meydan"
            environment = {"PATH": os.environ["PATH"], "XDG_STATE_HOME": str(tmp_path / "state")}
            return meydan(*words, environment=environment).returncode

        def follow(*blocks: str) -> str:
            """Blocks in one shell, to the end."""
            script = (
                "".join(blocks)
                .replace("https://news.example", room.url)
                .replace("the-comments-id", told["id"])
            )
            shell = subprocess.run(
                ["sh", "-e", "-c", script], capture_output=True, text=True, timeout=60, check=False
            )
            assert shell.returncode == 0, shell.stdout + shell.stderr
            return shell.stdout

        setting, whole, comment, receipt, *by_hand = blocks
        assert [command(block) for block in (whole, whole, comment, receipt)] == [0, 0, 0, 0]
        said = follow(setting, *by_hand)
        one, other = re.findall(r"^[0-9a-f]{64}", said, re.M)
        assert one == other
        assert "the root is the signed one: True" in said
        assert "the comment's entries are in it: True" in said
        assert '"verdict":"approve"' in said
        assert "Signature Verified Successfully" in said

        text = "UPDATE words SET text = ? WHERE comment = (SELECT number FROM comment WHERE id = ?)"
        behind_its_back(data, (text, ("Something else.", told["id"])))
        assert command(comment) == 1
        one, other = re.findall(r"^[0-9a-f]{64}", follow(setting, by_hand[0]), re.M)
        assert one != other
        (place / "words.txt").write_text("Something else.")
        assert command(receipt) == 1
