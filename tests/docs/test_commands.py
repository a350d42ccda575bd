"""Every command on the pages of the documentation is run as it stands there, or stands here with the reason why not."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import importlib.util
import json
import re
import shutil
import socket
import sqlite3
import textwrap
from collections.abc import Callable, Generator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from meydan.policy import load
from tests.bulk.archive import SAID
from tests.cli.test_trial import archive
from tests.docs.shell import (
    BLOCK,
    PAGES,
    ROOT,
    Place,
    Told,
    check_options,
    commands_of,
    invocations,
    name_of,
)
from tests.exchange.made import ISSO_COMMENTS, SAMPLES, isso
from tests.exchange.test_formats import DISQUS, WXR, post, wp
from tests.keeping.lived import live, room_at
from tests.newsroom import without_examples
from tests.post.hooks import hook
from tests.ready import with_tables

STORY = "https://news.example/a-story"
ELSEWHERE = {
    "docs/embed.md": "tests/docs/test_embed.py runs each of its blocks, in a browser where it is for one",
    "docs/verify.md": "tests/docs/test_verify.py follows it, as a stranger to a running server",
}

# page and how the command begins: why it is not run here. Its options are looked at all the same.
NOT_RUN = {
    ("README.md", "make demo"): "serves until it is stopped; tests/demo looks at what it serves",
    ("README.md", "make test"): "is what runs this",
    ("docs/archives.md", "pip install"): "asks a registry of packages",
    ("docs/archives.md", "ray start --head"): "Ray is no dependency; tests/bulk/test_engines.py starts a cluster",
    ("docs/archives.md", "ray start --address"): "another machine; as above",
    ("docs/archives.md", "meydan score /shared/archive"): "a cluster; as above",
    ("docs/backup.md", "systemctl stop"): "no systemd in a test",
    ("docs/from-coral.md", "for name in users"): "MongoDB's program, at a database of Coral's",
    ("docs/model-card.md", "meydan train fast"): "learns for minutes from data that is not ours to ship; tests/train does it on a little",
    ("docs/model-card.md", "meydan train encoder"): "learns for an hour, with PyTorch; tests_training does it on a little",
    ("docs/model-card.md", "python -m meydan.train.relevance"): "as above",
    ("docs/model-card.md", "python -m meydan.train.known"): "reads the data that the encoder learned from",
    ("docs/model-card.md", "meydan calibrate"): "judges all development rows; tests/cli/test_calibrate.py does it with some",
    ("docs/model-card.md", "python -m meydan.evaluate"): "measures for minutes; tests/evaluate does it with some",
    ("docs/report.md", "meydan ledger verify"): "is for a stranger to a running server; tests/cli/test_ledger.py does it to one",
    ("docs/operate.md", "systemctl status"): "no systemd in a test",
    ("docs/operate.md", "journalctl"): "no systemd in a test",
    ("docs/operate.md", "systemctl reload"): "no systemd in a test; tests/web/test_desk_guidelines.py sends the signal",
}  # fmt: skip
# In a sentence, and no command: what PostgreSQL shows of a connection.
NAMES = {"meydan hearing", "meydan leading"}

PROGRAMS = ("meydan", "curl", "make", "pip", "python", "systemctl", "echo")

World = Generator[None, Told, None]
WORLDS: dict[str, Callable[..., World]] = {}


def world(page: str) -> Callable[[Callable[..., World]], Callable[..., World]]:
    """What a page takes for there, made before its commands are run; after `yield`, what they have to have said and done."""

    def known(made: Callable[..., World]) -> Callable[..., World]:
        WORLDS[page] = made
        return made

    return known


def guidelines(folder: Path, *, origins: str = "https://news.example", name: str = "guidelines.toml") -> Path:
    """The shipped guidelines with one example, for a site at these origins."""
    before, first, after = re.split(
        r"(\[\[rule\.example\]\]\n.*?\n\n)", load().source.decode(), maxsplit=1, flags=re.S
    )
    source = before + first + without_examples(after)
    changed, changes = re.subn(r"^origins = .*$", f'origins = ["{origins}"]', source, flags=re.M)
    assert changes == 1
    (folder / name).write_text(changed, encoding="utf-8")
    return folder / name


def has_lived(place: Place) -> dict[str, str]:
    """A newsroom in which something of everything was done, in November 2026; its comments by what became of them."""
    room = room_at(f"sqlite:///{with_tables(place.data / 'meydan.db')}", place.data / "erasures.jsonl")
    ids = live(room)
    room.store.close()
    return ids


def is_founded(place: Place) -> None:
    """A site of news, its guidelines, and a database with nothing in it."""
    with_tables(place.data / "meydan.db")
    place.environment["MEYDAN_GUIDELINES"] = str(guidelines(place.folder))


@world("README.md")
def _(place: Place, _: Any) -> World:
    ids = has_lived(place)
    guidelines(place.folder)
    guidelines(place.folder, name="my-guidelines.toml")
    (place.folder / "comments.txt").write_text(
        "".join(f"{text.splitlines()[0]}\n" for text in SAID), encoding="utf-8"
    )
    place.said = {"erase ID": f"erase {ids['reply']}"}
    place.given = "y\n"
    told = yield
    judged = [json.loads(line) for line in told.of("meydan check --json").splitlines()]
    assert len(judged) == len(SAID)
    assert {"verdict", "reasons", "scores", "spans", "language", "model", "guidelines"} <= judged[0].keys()
    assert "https://comments.example/desk/sign-in?link=" in told.of("meydan moderators add")
    assert "only this once" in told.of("meydan tokens add")
    assert ids["reply"] in told.of("meydan erase")
    assert "no faults" in told.of("meydan guidelines check")


@world("docs/archives.md")
def _(place: Place, _: Any) -> World:
    (place.folder / "exports/2025").mkdir(parents=True)
    (place.folder / "comments.csv").write_text("text\nA fine bridge.\n", encoding="utf-8")
    (place.folder / "comments.jsonl").write_text('{"text": "A fine bridge."}\n', encoding="utf-8")
    (place.folder / "exports/2025/one.csv").write_text("number,body\n7,A fine bridge.\n", encoding="utf-8")
    yield
    assert json.loads((place.folder / "scores/manifest.json").read_text())["counts"]["rows"] == 1
    [part] = (place.folder / "scores").glob("part-*")
    assert part.suffix == ".parquet"
    assert (place.folder / "scores.parquet").stat().st_size
    assert (place.folder / "triage/manifest.json").exists()


@world("docs/backup.md")
def _(place: Place, new_database: Callable[[], str]) -> World:
    has_lived(place)
    backups = place.folder / "backups"
    backups.mkdir()
    # As the page says: the list is copied to where the backups go.
    shutil.copy(place.data / "erasures.jsonl", backups)
    # What stands for age takes its words for the machine's, and changes nothing.
    place.before = ['age() { test "$1" = -d && cat "${@: -1}" || cat; }']
    place.environment["RECIPIENT"] = "age1example"
    place.said = {
        "/backups/": f"{backups}/",
        "meydan-2026-11-28-1200": "meydan-*",
        "/srv/meydan-new": str(place.folder / "new"),
        "/srv/meydan-drill": str(place.folder / "drill"),
        "postgresql://meydan@db.example/new": new_database(),
        "sqlite:////srv/meydan/meydan.db": f"sqlite:///{place.data / 'meydan.db'}",
        "postgresql://meydan@db.example/meydan": new_database(),
    }
    told = yield
    assert (place.folder / "drill/meydan.db").stat().st_size
    assert "comments were moved and proved" in told.of("meydan move")
    assert "erased again" in told.of("meydan restore /backups/meydan-2026-11-28-1200.meydan --data ")


@world("docs/dsa.md")
def _(place: Place, _: Any) -> World:
    has_lived(place)
    yield
    [file] = (place.folder / "november").iterdir()
    assert len(json.loads(file.read_text())["statements"]) >= 3


@world("docs/edges.md")
@world("docs/proxy.md")
def _(place: Place, _: Any) -> World:
    told = yield
    assert told.of("printf").strip() == hashlib.sha256(STORY.encode()).hexdigest()[:16]


@world("docs/export.md")
def _(place: Place, _: Any) -> World:
    has_lived(place)
    place.before = ["meydan export again.jsonl.gz --json"]
    told = yield
    [says] = re.findall(r"^```json\n(.*?)^```", (ROOT / "docs/export.md").read_text(), re.S | re.M)
    assert json.loads(told.of(place.before[0])).keys() == json.loads(says).keys()
    lines = gzip.decompress((place.folder / "comments.jsonl.gz").read_bytes()).decode().splitlines()
    assert json.loads(lines[0])["kind"] == "header"
    assert json.loads(lines[-1])["kind"] == "end"
    assert (place.folder / "for-wordpress.xml").read_text().startswith("<?xml")
    assert gzip.decompress((place.folder / "threads.xml.gz").read_bytes()).startswith(b"<?xml")
    assert (place.folder / "comments.parquet").read_bytes().startswith(b"PAR1")


def comes_over(place: Place, told: Told) -> None:
    """What the last import of a page took in is in the database, and its dry run left it empty."""
    dry, real = (ran for ran in told if ran.command.startswith("meydan import"))
    assert dry.out != real.out
    with contextlib.closing(sqlite3.connect(place.data / "meydan.db")) as database:
        [taken] = database.execute("SELECT count(*) FROM comment").fetchone()
    assert taken > 1


@world("docs/from-coral.md")
def _(place: Place, _: Any) -> World:
    is_founded(place)
    shutil.copytree(SAMPLES / "coral-mongo", place.folder / "FOLDER")
    comes_over(place, (yield))


@world("docs/from-disqus.md")
def _(place: Place, _: Any) -> World:
    is_founded(place)
    posts = post(), post('dsq:id="p2"', message="<![CDATA[<p>Indeed.</p>]]>")
    # Without the thread that has no id: an import that leaves one out says so with its exit code.
    export = DISQUS.replace("<thread><title>Nobody's</title></thread>\n", "").format(posts="\n".join(posts))
    (place.folder / "export.xml.gz").write_bytes(gzip.compress(export.encode()))
    comes_over(place, (yield))
    assert (place.folder / "left-out.csv").read_text()


@world("docs/from-isso.md")
def _(place: Place, _: Any) -> World:
    is_founded(place)
    known: list[tuple[object, ...]] = [row for row in ISSO_COMMENTS if row[1] != 7]
    # Without the thread whose address is no path: an import that leaves one out says so with its exit code.
    with contextlib.closing(sqlite3.connect(isso(place.folder / "comments.db", comments=known))) as database:
        database.execute("DELETE FROM threads WHERE id = 3")
        database.commit()
    comes_over(place, (yield))


@world("docs/from-remark42.md")
def _(place: Place, _: Any) -> World:
    is_founded(place)
    backup = gzip.compress((SAMPLES / "remark42.jsonl").read_bytes())
    (place.folder / "userbackup-news-20261129.gz").write_bytes(backup)
    comes_over(place, (yield))


@world("docs/from-wordpress.md")
def _(place: Place, _: Any) -> World:
    is_founded(place)
    export = WXR.format(comments=wp() + wp("2", comment_content="<![CDATA[Indeed.]]>"), version=2)
    (place.folder / "export.xml").write_text(export, encoding="utf-8")
    comes_over(place, (yield))


@world("docs/index.md")
def _(place: Place, _: Any) -> World:
    told = yield
    assert told.of("meydan check").startswith(("approve", "hold"))
    assert not place.data.exists()


@world("docs/openai.md")
def _(place: Place, _: Any) -> World:
    with_tables(place.data / "meydan.db")
    told = yield
    assert told.of("meydan tokens add").startswith("meydan_token_")


@world("docs/perspective.md")
def _(place: Place, _: Any) -> World:
    with_tables(place.data / "meydan.db")
    page = (ROOT / "docs/perspective.md").read_text()
    key = "meydan tokens add old-plugin --scope judge"
    assert f"`{key}`" in page
    place.before = ["meydan serve", f"{key} >key"]
    place.said = {"http://127.0.0.1:8080": place.url, "$KEY": "$(head -1 key)"}
    told = yield
    answer = json.loads(told.of("curl"))
    assert 0 <= answer["attributeScores"]["TOXICITY"]["summaryScore"]["value"] < 0.5
    assert answer["languages"] == ["en"]


@world("docs/report.md")
def _(place: Place, _: Any) -> World:
    has_lived(place)
    yield
    november = json.loads((place.folder / "november.json").read_text())
    assert next(one["total"] for one in november["counts"] if one["name"] == "sent") >= len(SAID)
    assert (place.folder / "summer.html").stat().st_size > (place.folder / "summer.csv").stat().st_size > 0


@world("docs/trial.md")
def _(place: Place, _: Any) -> World:
    archive(place.folder / "comments.csv", 24, 6)
    yield
    assert "<html" in (place.folder / "comments-trial/report.html").read_text(encoding="utf-8")


@world("docs/webhooks.md")
def _(place: Place, _: Any) -> World:
    with_tables(place.data / "meydan.db")
    with hook() as there:
        place.environment |= {"MEYDAN_OUTGOING_NETWORKS": "127.0.0.0/8", "SLACK_URL": there.url}
        place.said = {"https://cms.news.example/hooks/meydan": there.url}
        told = yield
        assert [message["type"] for message in there.told] == ["test"]
    [secret] = re.findall(r"whsec_\S+", told.of("meydan webhooks add"))
    assert secret
    assert "only this once" in told.of("meydan tokens add")


def left_out(page: str, command: str) -> list[tuple[str, str]]:
    return [one for one in NOT_RUN if one[0] == page and command.startswith(one[1])]


@pytest.mark.parametrize("page", WORLDS)
def test_a_page_does_what_it_says(page: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """
    If the commands of a page are run one after another, as they stand there, then each succeeds and leaves what the page says.
    """
    folder = tmp_path / "here"
    folder.mkdir()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        place = Place(folder, port=int(probe.getsockname()[1]))
    with ExitStack() as stack:

        def new_database() -> str:
            server = request.getfixturevalue("postgresql")
            url = server.new_database()
            stack.callback(server.drop, url)
            return str(url)

        going = WORLDS[page](place, new_database)
        stack.callback(going.close)
        next(going)
        told = place.run([one for one in commands_of(ROOT / page) if not left_out(page, one)])
        with pytest.raises(StopIteration):
            going.send(told)


def test_every_page_with_commands_is_run() -> None:
    """
    If a page has a command, then it is run here, or another test runs the page, or it is left out once, with its reason; and nothing is left out that is not there.
    """
    found: list[tuple[str, str]] = []
    for path in PAGES:
        page = name_of(path)
        for command in commands_of(path):
            out = left_out(page, command)
            assert len(out) <= 1, command
            found += out
            assert out or page in ELSEWHERE or page in WORLDS, f"nothing runs this of {page}: {command}"
    assert sorted(found) == sorted(NOT_RUN)
    assert all(NOT_RUN.values())
    assert {page for page in WORLDS if not commands_of(ROOT / page)} == set()


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_block_says_what_it_is(page: Path) -> None:
    """
    If a page has a block, then it says its language; commands are in blocks of shell, and no prompt stands before them.
    """
    for _, language, indented in BLOCK.findall(page.read_text(encoding="utf-8")):
        block = textwrap.dedent(indented)
        assert language, block
        assert language != "sh" or "…" not in block, f"nobody can copy this: {block}"
        prompt = "[$#>] +" if language == "sh" else "(?:[$#>] +)?"
        assert not re.search(rf"^{prompt}(?:{'|'.join(PROGRAMS)}) ", block, re.M), block


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_what_is_not_run_is_there(page: Path) -> None:
    """
    If a command is told of and not run, in a sentence or because it is left out, then the program that it names knows its verb and options.
    """
    told = [
        " ".join(one.split()) for one in re.findall(r"`(meydan [^`]+)`", page.read_text(encoding="utf-8"))
    ]
    told += [one for one in commands_of(page) if left_out(name_of(page), one)]
    for command in told:
        for words in [] if command in NAMES else invocations(command):
            if words[0] == "meydan":
                check_options(words[1:])
            elif words[:2] == ["python", "-m"]:
                assert importlib.util.find_spec(words[2]), command
            elif words[0] == "make":
                assert re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), re.M), command
            elif words[:2] == ["systemctl", "reload"]:
                assert "ExecReload=" in (ROOT / f"deploy/{words[2]}.service").read_text(), command


@pytest.mark.parametrize(
    "command",
    ["nothing", "check --no-such-option X", "tokens give", "score a -O b", "webhooks add x --tell=y"],
)
def test_what_is_no_command_is_seen(command: str) -> None:
    """If a verb or an option is not there, then looking at it says so."""
    with pytest.raises(LookupError):
        check_options(command.split())
