"""What is in force, compared and tried, from the command line."""

from __future__ import annotations

import re
from pathlib import Path

from meydan.comment import Submission
from meydan.desk import Visitor
from meydan.policy import load
from meydan.settings import Settings
from meydan.wiring import build
from tests.cli.test_cli import ABUSIVE, COURTEOUS, answer, run


def test_the_command_line_knows_what_the_desk_accepted(tmp_path: Path) -> None:
    """If an editor has accepted a version, then the command line shows, compares and tries against it, and lets nothing take effect."""
    source = load().source
    named = source.replace(b'name = "The Square"', b'name = "The Bridge"')
    meydan = build(Settings(data=tmp_path))
    try:
        first = meydan.desk.guidelines.digest
        meydan.desk.take_effect(named, base=first, by="Zîn", note="Our new name.")
        second = meydan.desk.guidelines.digest
        for text in (COURTEOUS, ABUSIVE):
            submission = Submission(story_url="http://localhost/a", name="Rojin", text=text)
            meydan.desk.submit(submission, Visitor(address_key="a" * 32))
    finally:
        meydan.close()
    file = tmp_path / "next.toml"
    file.write_bytes(re.sub(rb"(?m)^reject_from = .*$", b"reject_from = 1.0", named))
    assert "The Bridge: guidelines" in run("guidelines", "show", data=tmp_path).stdout
    told = answer("guidelines", "diff", first, second, "--json", data=tmp_path)
    assert [line["text"] for line in told if line["kind"] == "added"] == ['name = "The Bridge"']
    assert "+ reject_from = 1.0" in run("guidelines", "diff", second[7:], str(file), data=tmp_path).stdout
    tried = answer("guidelines", "backtest", str(file), "--last", "50", "--json", data=tmp_path)
    assert (tried["in_force"], tried["decided"], tried["changed"]) == (second, 2, 1)
    assert tried["moves"] == [{"before": "reject", "after": "hold", "comments": 1}]
    assert tried["rules"] == {"personal-attacks": 1}
    refused = run("guidelines", "backtest", str(file), "--last", "49", data=tmp_path)
    assert (refused.returncode, refused.stderr[:4]) == (1, "R113")
    # Another file named for one command is not entered, and takes nothing back.
    assert run("calibrate", "--status", "--guidelines", str(file), data=tmp_path).returncode == 0
    again = build(Settings(data=tmp_path))
    try:
        assert again.desk.guidelines.digest == second
        assert len(again.desk.versions()) == 2
    finally:
        again.close()
