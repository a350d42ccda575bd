"""What a node says of itself: alive, ready, its figures, and an id on everything that belongs to one request."""

from __future__ import annotations

import json
import re
import signal
import threading
from pathlib import Path

import httpx
import pytest
import structlog
from prometheus_client.parser import text_string_to_metric_families

from meydan.locale import INTERFACE
from meydan.onlooker import Onlooker
from meydan.store import Bounds
from meydan.web import watching
from tests.newsroom import ABUSIVE, newsroom
from tests.serving import Served
from tests.web.conftest import UNHURRIED, Reader, courteous

TOKEN = "a token for the figures"

Figures = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def figures(client: httpx.Client) -> Figures:
    answer = client.get("/metrics")
    assert answer.status_code == 200, answer.text
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def of(found: Figures, name: str, **labels: str) -> float:
    return found.get((name, tuple(sorted(labels.items()))), 0.0)


def test_what_happens_is_counted(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    """If comments are sent, read and refused, then the figures say so: by outcome, by code, at which door, how long, and what waits."""
    client = reader.client
    monkeypatch.setattr(watching, "BACKLOG_FOR_S", 0.5)
    before = figures(client)
    assert reader.post(text=courteous()).json()["status"] == "approved"
    assert reader.post(text=ABUSIVE).json()["status"] == "rejected"
    reader.held()
    assert reader.post(name=None).status_code == 422
    for _ in range(3):
        answer = client.get("/comments", params={"story": reader.story})
    assert client.get(answer.url, headers={"if-none-match": answer.headers["etag"]}).status_code == 304
    Reader.until(
        lambda: of(figures(client), "meydan_comments_waiting") > of(before, "meydan_comments_waiting"),
        within_s=20,
    )
    after = figures(client)

    def grown(name: str, **labels: str) -> float:
        return of(after, name, **labels) - of(before, name, **labels)

    for outcome, code in (("approved", ""), ("rejected", ""), ("held", ""), ("refused", "R104")):
        assert grown("meydan_submissions_total", outcome=outcome, code=code) == 1, outcome
    assert grown("meydan_refusals_total", code="R104") == 1
    assert grown("meydan_http_requests_total", door="api", status="2xx") == 3
    assert grown("meydan_http_request_duration_seconds_count", door="api") == 4
    assert (
        grown("meydan_kept_pages_total", result="miss"),
        grown("meydan_kept_pages_total", result="hit"),
    ) == (1, 3)
    assert grown("meydan_kept_requests_total", kind="page", status="304") == 1
    assert grown("meydan_judge_duration_seconds_count") == 3
    assert grown("meydan_commit_duration_seconds_count") >= 6
    assert grown("meydan_ledger_leaves") == 5
    assert (of(after, "meydan_database_up"), of(after, "meydan_writer_failing")) == (1, 0)
    assert of(after, "meydan_promise_bound_ratio", language="en", promise="rejections") == 0.01
    assert of(after, "process_resident_memory_bytes") > 10_000_000
    assert any(name == "meydan_build_info" for name, _ in after)


def test_nobody_can_make_up_a_figure(reader: Reader) -> None:
    """If addresses, methods and stories are made up, then there are no more figures than before, and none holds what was made up."""
    client = reader.client

    def hostile(part: str) -> None:
        client.get(f"/{part}")
        client.get(f"/api/v1/{part}")
        client.get(f"/status/{part}")
        client.get(f"/comments/{part}")
        client.request(part.upper(), "/comments")
        client.get("/comments", params={"story": f"{reader.room.url}/{part}"})
        client.get("/embed/comments", params={"story": f"https://{part}.example/"})
        client.get("/healthz", headers={"x-request-id": part, "host": part})
        reader.post(text=courteous(), language=part, website=part)

    hostile("quagga0")
    # That the figures were read is counted too, and the database is asked beside the first readings.
    Reader.until(
        lambda: of(figures(client), "meydan_promise_bound_ratio", language="tr", promise="rejections") > 0,
        within_s=30,
    )
    known = figures(client).keys()
    for number in range(1, 6):
        hostile(f"quagga{number}")
    assert figures(client).keys() <= known
    assert "quagga" not in client.get("/metrics").text


def test_who_may_read_the_figures(tmp_path: Path) -> None:
    """If somebody asks from elsewhere, or through a proxy, then only the token opens the figures; this machine needs none."""
    bearer = {"authorization": f"Bearer {TOKEN}"}
    with newsroom(tmp_path, metrics_token=TOKEN) as room, httpx.Client(base_url=room.url) as client:
        for headers, status in (
            ({}, 200),
            (bearer, 200),
            ({"x-forwarded-for": "203.0.113.7"}, 401),
            ({"x-forwarded-for": "127.0.0.1"}, 401),
            ({"via": "1.1 proxy"}, 401),
            ({"x-forwarded-for": "203.0.113.7"} | bearer, 200),
            ({"x-forwarded-for": "203.0.113.7", "authorization": "Bearer a guess at the token"}, 401),
        ):
            assert client.get("/metrics", headers=headers).status_code == status, headers
    with newsroom(tmp_path / "other", metrics=("203.0.113.0/24",)) as room:
        refused = httpx.get(f"{room.url}/metrics")
        assert (refused.status_code, refused.json()["code"]) == (403, "R110")


MADE = re.compile(r"[0-9a-f]{12}-[0-9a-f]+")


def test_every_answer_has_an_id(reader: Reader) -> None:
    """If something is asked, whatever it is, then the answer has an id that no other has; a trusted proxy's is taken if it is safe."""
    client, story = reader.client, {"story": reader.story}
    asked = [
        client.get("/comments", params=story),
        client.get("/comments", params=story),
        client.get("/embed.js"),
        client.get("/nothing/here"),
        client.delete("/comments"),
        client.head("/embed/live", params=story),
        client.options("/api/v1/comments", headers={"access-control-request-method": "POST"}),
        client.get("/healthz"),
        reader.post(name=None),
    ]
    ids = [answer.headers.get_list("x-request-id") for answer in asked]
    assert all(len(one) == 1 and MADE.fullmatch(one[0]) for one in ids), ids
    assert len({one[0] for one in ids}) == len(asked)
    for given, taken in (
        ("7f3a-proxy.2026_11", True),
        ("short", False),
        ("a" * 65, False),
        ("one two three", False),
        ("<script>alert(1)", False),
    ):
        for path in ("/comments", "/nothing"):
            told = client.get(path, params=story, headers={"x-request-id": given}).headers["x-request-id"]
            assert (told == given) == taken, (given, told)


def test_what_works_for_a_request_knows_its_id(reader: Reader) -> None:
    """If a thread works for a request, then what it logs there carries the request's id, and the next request's its own."""
    seen: list[tuple[object, bool]] = []

    class Noting(Onlooker):
        def submitted(self, outcome: str) -> None:
            elsewhere = threading.current_thread().name.startswith("meydan-")
            seen.append((structlog.contextvars.get_contextvars().get("request_id"), elsewhere))

    desk = reader.room.meydan.desk
    before = desk._onlooker
    desk.be_watched(Noting())
    try:
        told = [reader.post(text=courteous()).headers["x-request-id"] for _ in range(2)]
    finally:
        desk.be_watched(before)
    assert seen == [(id, True) for id in told]


def test_only_a_trusted_proxy_names_a_request(tmp_path: Path) -> None:
    """If who sends an id is no proxy of ours, then another is made."""
    with newsroom(tmp_path, trusted_proxies=("203.0.113.0/24",)) as room:
        told = httpx.get(f"{room.url}/healthz", headers={"x-request-id": "of-a-stranger"})
        assert MADE.fullmatch(told.headers["x-request-id"])


def test_a_stopping_node_is_not_ready_first(tmp_path: Path) -> None:
    """If a node is to stop, then it says so to who asks whether it is ready, and answers everybody until its time is over; all lines of a request carry its id."""
    served = Served(tmp_path, drain_seconds=60, **UNHURRIED)
    served.start()
    with httpx.Client(base_url=served.url, timeout=30) as client:
        Served.until(lambda: client.get("/readyz").status_code == 200)
        assert client.get("/readyz").json()["status"] == "ready"
        process = served._process
        assert process is not None
        process.send_signal(signal.SIGTERM)
        Served.until(lambda: client.get("/readyz").status_code == 503)
        told = client.get("/readyz")
        assert (told.json()["code"], told.json()["fields"]) == ("U206", ["draining"])
        assert int(told.headers["retry-after"]) >= 1
        assert client.get("/healthz").status_code == 200
        body = {"story": {"url": f"{served.url}/a"}, "name": "Nada", "text": courteous()}
        sent = client.post("/api/v1/comments", json=body, headers={"x-request-id": "the-last-comment"})
        assert sent.status_code == 201
    # Who asks a second time does not want to wait.
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 0
    lines = [json.loads(line) for line in served.log.read_text().splitlines() if line.startswith('{"')]
    assert "draining" in [line.get("event") for line in lines]
    requests = [line for line in lines if line.get("event") == "request"]
    assert all("request_id" in line for line in requests)
    assert "the-last-comment" in [line["request_id"] for line in requests]


@pytest.mark.parametrize("language", INTERFACE)
def test_being_overloaded_is_said_in_every_language(
    reader: Reader, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the database does not keep up, then who sends a comment is told in their language that nothing was kept, with the code and when to come back."""
    monkeypatch.setattr(reader.room.meydan.store._writer, "_bounds", Bounds(pieces=0))
    headers = {"accept-language": language}
    body = {"story": {"url": reader.story}, "name": "Nada", "text": "Kept?"}
    told = reader.client.post("/api/v1/comments", json=body, headers=headers)
    assert (told.status_code, told.json()["code"]) == (503, "U203")
    assert int(told.headers["retry-after"]) >= 1
    plain = reader.client.post("/api/v1/comments", json=body).json()["message"]
    assert (told.json()["message"] == plain) == (language == "en")
    form = reader.client.post(
        "/comments", data={"story": reader.story, "name": "N", "text": "Still here", "lang": language}
    )
    assert (form.status_code, "Still here" in form.text, told.json()["message"] in form.text) == (
        503,
        True,
        True,
    )


def test_every_figure_is_explained(reader: Reader) -> None:
    """If there is a figure, then docs/watching.md has its line, and no line is without a figure."""
    reader.post(name=None)
    told = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in text_string_to_metric_families(reader.client.get("/metrics").text)
        if not family.name.startswith("process_")
    }
    page = (Path(__file__).parents[2] / "docs/watching.md").read_text()
    assert set(re.findall(r"^\| `(meydan_[a-z_]+)` \|", page, re.M)) == told
