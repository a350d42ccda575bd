"""The command line as an operator uses it: real processes, exit codes, both outputs."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
import typer

from meydan.cli.speech import refusals
from meydan.policy import load
from tests import warm
from tests.serving import Served

ABUSIVE = "You are a complete idiot and everybody knows it."
COURTEOUS = "Thank you for this careful article. I learned a lot about the history of the region."


def run(
    *command: str, data: Path, given: str | bytes | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("MEYDAN_")}
    ran = warm.meydan(
        *command,
        given=given.encode() if isinstance(given, str) else given,
        environment={**clean, "MEYDAN_DATA": str(data), **environment},
    )
    out, err = ran.stdout.decode(), ran.stderr.decode()
    assert "Traceback" not in err, err
    return subprocess.CompletedProcess(command, ran.returncode, out, err)


def answer(*command: str, data: Path, given: str | bytes | None = None) -> Any:
    ran = run(*command, data=data, given=given)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_check_answers_as_the_api_does(tmp_path: Path) -> None:
    """If one comment is checked, then the answer has every field of the judge's answer, and nothing was kept."""
    told = answer("check", "--json", ABUSIVE, data=tmp_path)
    assert set(told) >= {"verdict", "reasons", "scores", "spans", "language", "model", "guidelines"}
    assert told["verdict"] == "reject"
    assert told["reasons"][0]["rule"] == "personal-attacks"
    assert told["language"] == "en"
    assert all(ABUSIVE[span["begin"] : span["end"]] for span in told["spans"])
    assert told["spans"]
    assert list(tmp_path.iterdir()) == []


def test_check_answers_line_for_line(tmp_path: Path) -> None:
    """If lines come on standard input, then as many answers go out, in order, whatever a line holds."""
    lines = [
        COURTEOUS.encode(),
        b"",
        b"\xff\xfe",
        ABUSIVE.encode(),
        "این خبر خیلی مهم است و باید خوانده شود".encode(),
        b"a" * 6000,
        b"nul \x00",
    ]
    ran = run("check", "--json", "-", data=tmp_path, given=b"\n".join(lines))
    assert ran.returncode == 0, ran.stderr
    told = [json.loads(line) for line in ran.stdout.splitlines()]
    assert [each.get("verdict", each.get("code")) for each in told] == [
        "approve", "R104", "R105", "reject", "hold", "R102", "R105",
    ]  # fmt: skip


def test_check_explains_when_asked(tmp_path: Path) -> None:
    """If `--explain` is given, then the words that weighed are marked and named, in JSON as places, a line a comment."""
    told = answer("check", "--json", "--explain", ABUSIVE, data=tmp_path)
    assert any("idiot" in ABUSIVE[one["begin"] : one["end"]] for one in told["why"])
    assert "why" not in answer("check", "--json", ABUSIVE, data=tmp_path)
    said = run("check", "--explain", ABUSIVE, data=tmp_path).stdout
    assert "[" in said
    assert "a personal attack: " in said
    assert "because of: “" in said
    lines = run(
        "check", "--explain", "-", data=tmp_path, given=f"{COURTEOUS}\n{ABUSIVE}\n"
    ).stdout.splitlines()
    assert len(lines) == 2
    assert "because of" not in lines[0]
    assert "because of" in lines[1]


def test_check_takes_the_tier_it_is_given(tmp_path: Path) -> None:
    """If `--tier fast` is given, then another model answers, in English only, and the full one stays the default."""
    full = answer("check", "--json", ABUSIVE, data=tmp_path)
    fast = answer("check", "--json", "--tier", "fast", ABUSIVE, data=tmp_path)
    assert answer("check", "--json", "--tier", "full", ABUSIVE, data=tmp_path)["model"] == full["model"]
    assert fast["model"] != full["model"]
    assert fast["verdict"] == "reject"
    turkish = "Bakanlığın bu kararı yanlış, yol hâlâ kapalı ve köylüler yürüyerek gidiyor."
    held = run("check", "--tier", "fast", turkish, data=tmp_path)
    assert held.stdout.startswith("hold")
    assert run("check", "--tier", "slow", ABUSIVE, data=tmp_path).returncode == 2


def test_check_takes_a_last_line_without_an_end(tmp_path: Path) -> None:
    """If the input has one line and no line end, or nothing at all, then it is one answer, or none."""
    assert len(run("check", "-", data=tmp_path, given=COURTEOUS).stdout.splitlines()) == 1
    assert run("check", "-", data=tmp_path, given="").stdout == ""


def test_a_bad_guidelines_file_is_named_with_its_place(tmp_path: Path) -> None:
    """If the guidelines file has a fault, then checking it says where, and serving refuses to start with 2."""
    file = tmp_path / "guidelines.toml"
    source = load().source.replace(b"\nreject_from", b"\nreject_form", 1)
    file.write_bytes(source)
    line = 1 + source[: source.index(b"reject_form")].count(b"\n")
    ran = run("guidelines", "check", str(file), data=tmp_path)
    assert ran.returncode == 1
    assert f"{line}" in ran.stdout
    assert "reject_form" in ran.stdout
    assert "^" in ran.stdout
    told = json.loads(run("guidelines", "check", str(file), "--json", data=tmp_path).stdout)
    assert [each["remedy"] for each in told if each["line"] == line] == ["Did you mean “reject_from”?"]
    served = run("serve", "--guidelines", str(file), data=tmp_path)
    assert served.returncode == 2
    assert "M301" in served.stderr
    assert "reject_form" in served.stderr


def test_the_shipped_guidelines_pass_their_own_tests(tmp_path: Path) -> None:
    """If the shipped guidelines are tested, then every example gets the verdict it expects, or waits for a person."""
    ran = run("guidelines", "test", "--json", data=tmp_path)
    told = json.loads(ran.stdout)
    failed = [
        (each["line"], each["expect"], each["got"])
        for each in told["results"]
        if not each["pass"] and each["got"] != "hold"
    ]
    assert (failed, told["failed"]) == ([], 0)
    assert told["held"] < told["examples"] / 2
    assert told["examples"] >= 48
    assert ran.returncode == 0


def test_a_failing_example_fails_the_command(tmp_path: Path) -> None:
    """If an example expects what the judge does not say, then the test command exits with 1 and names its line."""
    file = tmp_path / "guidelines.toml"
    file.write_bytes(load().source.replace(b'expect = "approve"', b'expect = "reject"', 1))
    ran = run("guidelines", "test", str(file), "--json", data=tmp_path)
    assert ran.returncode == 1
    assert json.loads(ran.stdout)["failed"] == 1


def test_show_prints_what_readers_are_told(tmp_path: Path) -> None:
    """If the guidelines are shown, then every rule's title is there."""
    shown = run("guidelines", "show", data=tmp_path).stdout
    for rule in load().rules:
        assert rule.title["en"] in shown


def test_people_and_tokens_come_and_go(tmp_path: Path) -> None:
    """If moderators and tokens are added, listed and removed, then each answer says so, and a secret is shown once."""
    link = answer("moderators", "add", "Rojin", "--json", "--public-url", "https://c.example", data=tmp_path)[
        "link"
    ]
    assert link.startswith("https://c.example/desk/sign-in?link=")
    assert answer("moderators", "link", "Rojin", "--json", data=tmp_path)["link"] != link
    assert [row["name"] for row in answer("moderators", "list", "--json", data=tmp_path)] == ["Rojin"]
    assert run("moderators", "add", "Rojin", data=tmp_path).returncode == 1
    assert run("moderators", "add", "machine", data=tmp_path).returncode == 1
    answer("moderators", "remove", "Rojin", "--json", data=tmp_path)
    assert answer("moderators", "list", "--json", data=tmp_path) == []
    made = answer("tokens", "add", "site", "--scope", "judge", "--json", data=tmp_path)
    assert set(made) == {"name", "token"}
    listed = run("tokens", "list", "--json", data=tmp_path).stdout
    assert made["token"] not in listed
    assert json.loads(listed)[0]["scopes"] == ["judge"]
    assert run("tokens", "add", "other", "--scope", "everything", data=tmp_path).returncode == 1
    answer("tokens", "revoke", "site", "--json", data=tmp_path)
    refused = run("tokens", "revoke", "site", "--json", data=tmp_path)
    assert (refused.returncode, json.loads(refused.stderr)["code"]) == (1, "R108")


@pytest.mark.parametrize("database", ["mysql://x/y", "nonsense", "sqlite://"])
def test_an_unusable_database_is_misconfigured(tmp_path: Path, database: str) -> None:
    """If the database URL is of no use, then the exit code is 2 and the message says what to write."""
    ran = run("tokens", "list", "--database", database, data=tmp_path)
    assert ran.returncode == 2
    assert "M302" in ran.stderr


def test_an_unreachable_database_is_to_be_tried_again(tmp_path: Path) -> None:
    """If the database does not answer, then the exit code is 75."""
    ran = run("tokens", "list", "--database", "postgresql://nobody@127.0.0.1:1/none", data=tmp_path)
    assert ran.returncode == 75
    assert "U201" in ran.stderr


def test_doctor_makes_nothing(tmp_path: Path) -> None:
    """If the doctor looks at a folder that is not there, then it says so and the folder is still not there."""
    folder = tmp_path / "none"
    told = answer("doctor", "--json", data=folder)
    assert all(each["ok"] for each in told)
    assert not folder.exists()


LONG = "x" * 300
"""A name that no file can have. What a user may not enter is told in the same way, but nothing is closed to root."""

MISTAKES: dict[str, tuple[tuple[str, ...], str]] = {
    "migrate": (("migrate", "--check", "--data", LONG), "M302"),
    "statements": (("statements", "--from", "2026-11-01", "-o", "{here}/out.csv", "--data", LONG), "M302"),
    "statements into": (("statements", "--from", "2026-11-01", "-o", f"{{here}}/{LONG}"), "U201"),
    "statements to": (("statements", "--from", "2026-11-01", "--to", "9999-12-31", "-o", "{here}/out"), "M302"),
    "report into": (("report", "--from", "2026-10-01", "--to", "2026-11-01", "-o", LONG), "U201"),
    "report to": (("report", "--from", "0001-01-01", "--to", "9999-12-31", "-o", "{here}/out"), "M377"),
    "import": (("import", "disqus", "{here}/none.xml", "--data", LONG), "M302"),
    "backup": (("backup", LONG), "U201"),
    "backup of": (("backup", "{here}/out", "--data", LONG), "U201"),
    "export": (("export", f"{{here}}/{LONG}.jsonl"), "U201"),
    "export until": (("export", "{here}/out.jsonl", "--until", "9999-12-31T23:59:59-03:00"), "M302"),
    "export since": (("export", "{here}/out.jsonl", "--since", "0001-01-01T00:00:00+03:00"), "M302"),
    "restore": (("restore", "{here}/none", "--data", LONG), "M302"),
    "score": (("score", "{here}/rows.csv", "-o", LONG), "M302"),
    "score in a circle": (("score", "{here}/rows.csv", "-o", "{here}/circle"), "M346"),
    "trial": (("trial", LONG), "M302"),
    "trial here": (("trial", "."), "M340"),
    "guidelines diff": (("guidelines", "diff", "a" * 64, "b" * 64, "--data", LONG), "M302"),
    "serve": (("serve", "--data", LONG), "M302"),
    "a folder in a circle": (("tokens", "list", "--data", "{here}/circle"), "M302"),
    "nobody's home": (("tokens", "list", "--data", "~no-such-user/x"), "M302"),
}  # fmt: skip


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_refused_with_a_code(mistake: str, tmp_path: Path) -> None:
    """If an operator names what no file can be called, nobody's home or a time beyond all years, then a code says so."""
    command, code = MISTAKES[mistake]
    (tmp_path / "circle").symlink_to("circle")
    (tmp_path / "rows.csv").write_text("text\nSo.\n")
    ran = run(*(part.format(here=tmp_path) for part in command), "--json", data=tmp_path / "data")
    told = json.loads(ran.stderr)
    assert (told["code"], ran.returncode) == (code, {"U": 75, "M": 2}[code[0]])
    assert told["message"]
    assert {path.name for path in tmp_path.iterdir()} <= {"circle", "rows.csv", "data"}


def test_a_calibration_that_nobody_may_look_for_is_told(tmp_path: Path) -> None:
    """If the folder of the newsroom's calibration cannot be looked into, then nothing is judged by another one instead."""
    ran = run("check", "--json", COURTEOUS, data=tmp_path / LONG)
    assert (ran.returncode, json.loads(ran.stderr)["code"]) == (2, "M306")


def test_the_doctor_tells_of_a_folder_that_nobody_may_look_into(tmp_path: Path) -> None:
    """If the data folder cannot be looked into, then the doctor names it, and says the rest all the same."""
    ran = run("doctor", "--data", LONG, "--json", data=tmp_path)
    assert ran.returncode == 1
    told = {each["what"]: each for each in json.loads(ran.stdout)}
    assert told["public url"]["ok"]
    assert not told["database"]["ok"]
    assert told["database"]["detail"].startswith("M302")
    assert "File name too long" in told["database"]["detail"]


def test_what_the_system_refuses_is_told_and_a_fault_is_seen(capsys: pytest.CaptureFixture[str]) -> None:
    """If the system refuses something, then its words and the file are told with a code; a fault of the program's own goes on."""
    with pytest.raises(typer.Exit) as ended, refusals(as_json=True):
        raise PermissionError(13, "Permission denied", "/closed/meydan.db")
    told = json.loads(capsys.readouterr().err)
    assert (ended.value.exit_code, told["code"]) == (2, "M302")
    assert "/closed/meydan.db cannot be used: Permission denied." in told["message"]
    with pytest.raises(typer.Exit), refusals():
        raise OSError(24, "Too many open files")
    assert "Too many open files" in capsys.readouterr().err
    for fault in (AttributeError, TypeError, KeyError, RuntimeError):
        with pytest.raises(fault), refusals():
            raise fault


def test_show_refuses_a_language_that_is_not_there(tmp_path: Path) -> None:
    """If the guidelines have no such language, then nothing is shown in another one instead."""
    ran = run("guidelines", "show", "--language", "fa", data=tmp_path)
    assert ran.returncode == 1
    assert "R113" in ran.stderr


def test_doctor_says_what_to_mend(tmp_path: Path) -> None:
    """If all is well the doctor exits with 0; if the guidelines are bad, with 1 and that finding."""
    told = answer("doctor", "--json", data=tmp_path)
    assert {each["what"] for each in told} >= {"guidelines", "model", "database", "moderators"}
    bad = tmp_path / "bad.toml"
    bad.write_text("format = 2\n")
    ran = run("doctor", "--guidelines", str(bad), "--json", data=tmp_path)
    assert ran.returncode == 1
    assert [each["what"] for each in json.loads(ran.stdout) if not each["ok"]] == ["guidelines"]


def test_the_verbs_work_beside_a_running_server(tmp_path: Path) -> None:
    """
    If a server runs, then tokens, erasing and a second server behave as an operator expects:
    the token works at once, the erased comment is gone from the page, and the second server is refused.
    """
    served = Served(tmp_path)
    served.start()
    try:
        token = answer("tokens", "add", "site", "--json", data=tmp_path)["token"]
        judged = httpx.post(
            f"{served.url}/api/v1/judge", json={"text": ABUSIVE}, headers={"Authorization": f"Bearer {token}"}
        )
        assert judged.json()["verdict"] == "reject"
        assert judged.json() == answer("check", "--json", ABUSIVE, data=tmp_path)
        story = "http://localhost/story"
        sent = httpx.post(
            f"{served.url}/api/v1/comments",
            json={"story": {"url": story}, "name": "Rojin", "text": COURTEOUS},
        ).json()
        listing = f"{served.url}/api/v1/comments?story={story}"
        assert [comment["id"] for comment in httpx.get(listing).json()["comments"]] == [sent["id"]]
        erased = run("erase", sent["id"], "--json", data=tmp_path)
        assert json.loads(erased.stdout) == {"erased": [sent["id"]], "refused": {}}
        served.until(lambda: httpx.get(listing).json()["comments"] == [])
        second = run("serve", "--port", "0", data=tmp_path)
        assert second.returncode == 2
        assert "M305" in second.stderr
        nobody = run("erase", "nobody", "--yes", data=tmp_path)
        assert (nobody.returncode, nobody.stdout) == (1, "")
        assert nobody.stderr.startswith("R108")
        # The link is for the server that runs, though this command was not told its address.
        link = answer("moderators", "add", "Rojin", "--json", data=tmp_path)["link"]
        assert link.startswith(f"{served.url}/desk/sign-in?link=")
    finally:
        served.stop()


def test_a_running_server_keeps_good_guidelines(tmp_path: Path) -> None:
    """If the guidelines file changes, then a good one takes effect and a bad one never does."""
    file = tmp_path / "guidelines.toml"
    source = load().source
    file.write_bytes(source)
    served = Served(tmp_path, guidelines=file, sweep_seconds=1)
    served.start()
    try:
        token = answer("tokens", "add", "site", "--json", data=tmp_path)["token"]

        def in_force() -> str:
            told = httpx.post(
                f"{served.url}/api/v1/judge",
                json={"text": COURTEOUS},
                headers={"Authorization": f"Bearer {token}"},
            )
            digest: str = told.json()["guidelines"]
            return digest

        first = in_force()
        file.write_bytes(source + b"\n# changed\n")
        served.until(lambda: in_force() != first)
        second = in_force()
        file.write_bytes(b"format = 1\nnonsense")
        served.until(lambda: "guidelines_refused" in served.log.read_text())
        assert "guidelines.toml:2:" in served.log.read_text(), "the log says where"
        assert in_force() == second
    finally:
        served.stop()
