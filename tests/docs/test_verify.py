"""docs/verify.md is run: a stranger follows it, block by block, at a server that knows nothing of it, and with a changed text it says so."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import httpx

from tests.browser.test_verifying import approve, behind_its_back
from tests.newsroom import UNMEASURED, newsroom

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/verify.md"
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.M | re.S)


def test_a_stranger_verifies_with_nothing_but_the_page(tmp_path: Path) -> None:
    """
    If each command of the page is given at a running server, then each says that all is so; if the stored text is changed
    by hand, then the command line and the sums both show it.
    """
    data, place = tmp_path / "data", tmp_path / "stranger"
    place.mkdir()
    with newsroom(data) as room:
        body = {"story": {"url": room.story}, "name": "Rojin", "text": UNMEASURED}
        told = httpx.post(f"{room.url}/api/v1/comments", json=body, timeout=30).json()
        for number in range(3):
            room.send(f"{UNMEASURED} {number}")
        approve(room, told["id"])
        room.meydan.ledger.round()
        (place / "receipt.txt").write_text(told["receipt"] + "\n")
        (place / "words.txt").write_text(UNMEASURED)

        environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT / "src"),
            "XDG_STATE_HOME": str(tmp_path / "state"),
        }

        def follow(blocks: list[str]) -> subprocess.CompletedProcess[str]:
            script = (
                "".join(blocks)
                .replace("https://news.example", room.url)
                .replace("the-comments-id", told["id"])
            )
            shell = ["sh", "-e", "-c", script]
            return subprocess.run(
                shell, cwd=place, env=environment, capture_output=True, text=True, timeout=120, check=False
            )

        blocks = BLOCK.findall(PAGE.read_text())
        assert len(blocks) == 7
        followed = follow(blocks)
        assert followed.returncode == 0, followed.stdout + followed.stderr
        one, other = re.findall(r"^[0-9a-f]{64}", followed.stdout, re.M)
        assert one == other
        assert "the root is the signed one: True" in followed.stdout
        assert "the comment's entries are in it: True" in followed.stdout
        assert '"verdict":"approve"' in followed.stdout
        assert "Signature Verified Successfully" in followed.stdout

        text = "UPDATE words SET text = ? WHERE comment = (SELECT number FROM comment WHERE id = ?)"
        behind_its_back(data, (text, ("Something else.", told["id"])))
        setting, _, comment, _, words, *_ = blocks
        changed = follow([setting, comment])
        assert changed.returncode == 1, changed.stdout + changed.stderr
        one, other = re.findall(r"^[0-9a-f]{64}", follow([setting, words]).stdout, re.M)
        assert one != other
