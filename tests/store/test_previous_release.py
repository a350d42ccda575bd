"""
The release of before, on tables that this program has migrated: what makes an upgrade without a pause possible.

What is started here is its source as it was (tests/store/previous/), in a process of its own.
"""

from __future__ import annotations

import tarfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import httpx
import pytest

from meydan.settings import Settings
from meydan.store import Store, schema
from meydan.store.migrating import tables_of
from meydan.wiring import build_staff
from tests.postgresql import PostgreSQL
from tests.serving import Served
from tests.store.making import around, leaf_numbers
from tests.web.conftest import UNHURRIED

ARCHIVE = Path(__file__).parent / "previous" / "meydan.tar.xz"
LEFT_OUT = ("judge/models", "text/languages.npz")
HEAD_THEN = "0016"

STORY = "http://localhost/story"
CIVIL = "Thank you for the careful reporting, I learned a lot from this."
UNMEASURED = "این خبر خیلی مهم است، از روزنامه‌نگاران سپاسگزارم."
SECRET = "a secret that all nodes of the tests share"


@pytest.fixture(scope="module")
def previous(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder to import the release of before from."""
    folder = tmp_path_factory.mktemp("previous")
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(folder, filter="data")
    present = Path(str(files("meydan")))
    for left_out in LEFT_OUT:
        (folder / "meydan" / left_out).symlink_to(present / left_out)
    return folder


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as held:
        yield held


def at_work(url: str, token: str, *, times: int) -> list[str]:
    """Send, see judged, decide, withdraw and read, as readers and moderators do; what failed."""
    failed: list[str] = []

    def ask(client: httpx.Client, method: str, path: str, expected: int, **more: object) -> httpx.Response:
        answer = client.request(method, url + path, **more)  # type: ignore[arg-type]
        if answer.status_code != expected:
            failed.append(f"{method} {path}: {answer.status_code} {answer.text[:200]}")
        return answer

    with httpx.Client(timeout=30, headers={"origin": url}) as client:
        for number in range(times):

            def send(text: str, **more: object) -> dict[str, str]:
                body = {"story": {"url": STORY}, "name": "Rojin", "text": f"{text} ({url}, {number})"} | more  # noqa: B023
                answer = ask(client, "POST", "/api/v1/comments", 201, json=body)
                return dict.fromkeys(("id", "status", "receipt"), "") | answer.json()

            shown = send(CIVIL)
            if shown["status"] != "approved":
                failed.append(f"a civil comment was {shown['status']}")
            send(CIVIL, parent=shown["id"])
            held = send(UNMEASURED)
            if held["status"] != "held":
                failed.append(f"an unmeasured comment was {held['status']}")
            for verdict, rules in (("approve", []), ("reject", ["abuse:racism"])):
                decision = {"verdict": verdict, "rules": rules}
                ask(
                    client,
                    "POST",
                    f"/api/v1/comments/{held['id']}/decisions",
                    201,
                    json=decision,
                    headers={"authorization": f"Bearer {token}"},
                )
            ask(
                client,
                "POST",
                f"/status/{shown['id']}/withdraw",
                303,
                data={"receipt": shown["receipt"]},
            )
            ask(client, "GET", f"/api/v1/comments?story={STORY}", 200)
            ask(client, "GET", f"/comments?story={STORY}", 200)
    return failed


@dataclass
class Nodes:
    """One database that the present program has migrated, and what is served on it."""

    database: str
    token: str
    data: Path

    def nodes(self, opened: ExitStack, *sources: Path | None) -> list[Served]:
        """A server of each source, all started at once; None is the present program."""
        served = [
            Served(self.data, database=self.database, source=source, secret=SECRET, **UNHURRIED)
            for source in sources
        ]
        starts = [threading.Thread(target=one.start, kwargs={"timeout_s": 240}) for one in served]
        for start in starts:
            start.start()
        for one, start in zip(served, starts, strict=True):
            start.join()
            assert one.alive.is_set(), one.log.read_text()[-2000:]
            opened.callback(one.stop)
        return served


def migrated_by_this(url: str, data: Path) -> Nodes:
    staff, store = build_staff(Settings(data=data, database=url, secret=SECRET))
    try:
        return Nodes(url, staff.add_token("desk"), data)
    finally:
        store.close()


def check_what_is_kept(url: str, sent: int) -> None:
    """Whoever wrote it: no leaf is missing or twice, and every comment has its words and its decision."""
    store = Store.open(url)
    try:
        numbers = leaf_numbers(store)
        assert numbers == list(range(len(numbers)))
        assert tables_of(store._database).version == schema.HEAD
    finally:
        store.close()
    with around(url) as connection:
        asked = (
            "SELECT count(*), sum(worded), sum(CASE WHEN c.seq = (SELECT count(*) FROM decision d "
            "WHERE d.comment = c.number) THEN 1 ELSE 0 END), count(DISTINCT id) FROM comment c"
        )
        assert connection.execute(asked).fetchone() == (sent, sent, sent, sent)


def test_the_release_of_before_works_beside_this_one(
    postgresql: PostgreSQL, previous: Path, tmp_path: Path, opened: ExitStack
) -> None:
    """If this program migrates a PostgreSQL database that the release of before serves, then both go on side by side, and nothing fails."""
    nodes = migrated_by_this(postgresql.new_database(empty=True), tmp_path)
    before, now = nodes.nodes(opened, previous, None)
    failed: dict[str, list[str]] = {}

    def work(served: Served) -> None:
        failed[served.url] = at_work(served.url, nodes.token, times=3)

    workers = [threading.Thread(target=work, args=(served,)) for served in (before, now)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=240)
    assert failed == {before.url: [], now.url: []}
    # What one kept, the other shows.
    pages = [
        httpx.get(f"{served.url}/api/v1/comments", params={"story": STORY, "limit": 200}).json()
        for served in (before, now)
    ]
    assert pages[0]["count"] == pages[1]["count"] == 6
    assert [one["id"] for one in pages[0]["comments"]] == [one["id"] for one in pages[1]["comments"]]
    opened.close()
    check_what_is_kept(nodes.database, sent=18)


def test_the_release_of_before_takes_a_file_back(previous: Path, tmp_path: Path, opened: ExitStack) -> None:
    """If this program was tried on an SQLite file, then the release of before still serves it."""
    nodes = migrated_by_this(f"sqlite:///{tmp_path / 'meydan.db'}", tmp_path)
    (served,) = nodes.nodes(opened, previous)
    assert at_work(served.url, nodes.token, times=2) == []
    opened.close()
    check_what_is_kept(nodes.database, sent=6)


def test_the_release_of_before_is_an_older_one(previous: Path) -> None:
    """If the archive is made anew, then it is of a release that knows fewer migrations, or nothing would be tested."""
    known = (previous / "meydan/store/schema.py").read_text()
    assert f'HEAD = "{HEAD_THEN}"' in known
    assert HEAD_THEN < schema.HEAD
    assert ARCHIVE.stat().st_size < 1_500_000
