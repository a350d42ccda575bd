"""A PostgreSQL that is stopped, killed and started again below a server: readers read on, nobody waits, all comes back by itself."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from meydan.locale import INTERFACE
from tests.newsroom import UNMEASURED
from tests.postgresql import Cluster, a_cluster
from tests.serving import Served
from tests.web.conftest import UNHURRIED, courteous

AT_ONCE_S = 2.0
"""What is answered at once takes milliseconds; on a machine that is busy with other tests, at most this."""

BOUNDED_S = 20.0
"""Whoever asks before it is known that the database is away."""


@pytest.fixture
def own() -> Iterator[Cluster]:
    with a_cluster() as cluster:
        yield cluster


def test_a_database_that_is_stopped_killed_and_started_again(own: Cluster, tmp_path: Path) -> None:
    """
    If the database falls silent or dies, then readers are sent the pages that are kept, marked as old, and nothing held;
    who sends is refused at once, knowing what to do; and all goes on without a restart, with everything that was answered.
    """
    served = Served(tmp_path, database=own.url.render_as_string(hide_password=False), **UNHURRIED)
    served.start()
    story = f"{served.url}/a-story"
    page, listing = f"/comments?story={story}", f"/api/v1/comments?story={story}"
    answered: list[str] = []
    client = httpx.Client(base_url=served.url, timeout=BOUNDED_S, limits=httpx.Limits(max_connections=64))

    def send(text: str = "", *, timeout: float = BOUNDED_S, language: str = "en") -> httpx.Response:
        body = {"story": {"url": story}, "name": "Nada", "text": text or courteous()}
        answer = client.post(
            "/api/v1/comments", json=body, timeout=timeout, headers={"accept-language": language}
        )
        if answer.status_code == 201:
            answered.append(answer.json()["id"])
        else:
            assert (answer.status_code, answer.json()["code"]) in ((503, "U201"), (503, "U203"))
            assert int(answer.headers["retry-after"]) >= 1
        return answer

    def at_once(path: str) -> httpx.Response:
        return client.get(path, timeout=AT_ONCE_S)

    def is_away() -> None:
        assert at_once("/healthz").json()["database"] == "away"
        ready = at_once("/readyz")
        assert (ready.status_code, ready.json()["code"], ready.json()["fields"]) == (
            503,
            "U206",
            ["database"],
        )
        figures = at_once("/metrics").text
        assert "meydan_database_up 0.0" in figures
        assert "meydan_http_requests_total" in figures
        # Known to be away: nobody waits to find out.
        for language in INTERFACE:
            told = send(timeout=AT_ONCE_S, language=language)
            assert (told.status_code, told.json()["code"]) == (503, "U201")
        typed = {"story": story, "name": "Nada", "text": "Typed and not lost."}
        form = client.post("/comments", data=typed, timeout=AT_ONCE_S)
        assert (form.status_code, "Typed and not lost." in form.text) == (503, True)
        for path, before in kept.items():
            old = at_once(path)
            assert (old.status_code, old.content == before, int(old.headers["x-meydan-stale"]) >= 0) == (
                200,
                True,
                True,
            )
        new = at_once(f"/comments?story={served.url}/never-asked-for")
        assert (new.status_code, "U201" in new.text, int(new.headers["retry-after"]) >= 1) == (
            503,
            True,
            True,
        )

    def all_is_well() -> bool:
        return at_once("/readyz").status_code == 200 and "x-meydan-stale" not in at_once(page).headers

    try:
        Served.until(all_is_well)
        assert send().json()["status"] == "approved"
        assert send(UNMEASURED).json()["status"] == "held"
        kept = {path: client.get(path).content for path in (page, listing)}
        assert all(UNMEASURED.encode() not in body for body in kept.values())

        with own.halted():
            with ThreadPoolExecutor(32) as crowd:
                # Each of them is answered, whether they came before or after it was known.
                for asked in [crowd.submit(send) for _ in range(48)]:
                    asked.result()
            Served.until(lambda: at_once("/healthz").json()["database"] == "away")
            is_away()
        Served.until(all_is_well, timeout_s=30)
        assert send().json()["status"] == "approved"
        assert set(answered) <= {comment["id"] for comment in client.get(listing).json()["comments"]} | {
            answered[1]
        }

        kept = {path: client.get(path).content for path in (page, listing)}
        own.kill()
        Served.until(lambda: at_once("/healthz").json()["database"] == "away")
        is_away()
        own.start()
        Served.until(all_is_well, timeout_s=30)
        assert send().json()["status"] == "approved"
        shown = [comment["id"] for comment in client.get(listing).json()["comments"]]
        assert sorted(shown) == sorted(set(answered) - {answered[1]})
    finally:
        client.close()
        served.stop()
    events = served.log.read_text()
    assert ("database_away" in events, "database_back" in events, "Traceback" in events) == (
        True,
        True,
        False,
    )
