"""
Reading a story's first page at 16 connections while one comment a second lands: 200 comments, Meydan and its peers.

Every server is asked as its own client asks, in turn, run by run. On Meydan a moderator approves what waited; the others
moderate nothing, so there a comment is sent. How long after its answer another reader first reads it is measured beside
the load. Meydan alone: the first reading after a change with nothing else going on, what is already known (304), and the JSON.
"""

from __future__ import annotations

import contextlib
import statistics
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpx
import psutil

from benchmarks import peers
from benchmarks.load import GENERATOR, Load, drive, get
from benchmarks.peers import Peer
from benchmarks.site import SITE, STORY, as_peer, served

CONNECTIONS = 16
COMMENTS = 200
PATH = STORY.removeprefix(SITE)
PATIENCE_S = 10
COLD = 20

Landing = Callable[[], tuple[str, str]]
"""Makes a comment land; gives the address at which it is looked for and what is looked for there."""


def run(seconds: int, runs: int, *, given: tuple[str, ...] = (), comments: int = COMMENTS) -> dict[str, Any]:
    with contextlib.ExitStack() as stack:
        server, token, held = stack.enter_context(
            served(comments=comments, waiting=(seconds + 5) * runs + COLD)
        )
        ours = as_peer(server)
        landings: list[tuple[Peer, Landing]] = [(ours, _approving(ours, token, held))]
        for name in peers.installed():
            peer = stack.enter_context(peers.PEERS[name]())
            for number in range(comments):
                peer.send(PATH, number)
            landings.append((peer, _sending(peer, comments)))
        found: dict[str, list[Load]] = {peer.name: [] for peer, _ in landings}
        visible: dict[str, list[float]] = {peer.name: [] for peer, _ in landings}
        for _ in range(runs):
            for peer, landing in landings:
                found[peer.name].append(_while_landing(peer, landing, seconds, visible[peer.name]))
        result: dict[str, Any] = {"connections": CONNECTIONS, "comments": comments, "generator": GENERATOR}
        for peer, _ in landings:
            answer = httpx.get(peer.url + peer.page(PATH), headers=peer.headers)
            result[peer.name] = {
                **_summary(found[peer.name]),
                **_visible(visible[peer.name]),
                "bytes_sent": int(answer.headers.get("content-length", len(answer.content))),
                "bytes_of_page": len(answer.content),
                "conditions": peer.conditions,
            }
        result["ratios"] = _ratios(result, [peer.name for peer, _ in landings[1:]])
        fragment, listing = (
            ours.url + ours.page(PATH),
            f"{server.url}/api/v1/comments?story={quote(STORY, safe='')}&limit=200",
        )
        result["meydan_cold_ms"] = _cold(ours, token, held)
        result |= _whole_and_unmodified(fragment, psutil.Process(server.pid), seconds, runs)
        result["meydan_json"] = _summary(
            [
                get(listing, connections=CONNECTIONS, seconds=seconds, headers=ours.headers)
                for _ in range(runs)
            ]
        )
        for url in given:
            result[url] = _summary([get(url, connections=CONNECTIONS, seconds=seconds) for _ in range(runs)])
        return result


def _while_landing(peer: Peer, landing: Landing, seconds: int, visible: list[float]) -> Load:
    ended = threading.Event()
    beside = threading.Thread(target=_land_each_second, args=(landing, visible, ended))
    beside.start()
    load = drive(peer.url, peer.reading(PATH), connections=CONNECTIONS, seconds=seconds).load()
    ended.set()
    beside.join()
    return load


def _land_each_second(landing: Landing, visible: list[float], ended: threading.Event) -> None:
    with httpx.Client(timeout=30) as reader:
        while not ended.wait(1.0):
            address, mark = landing()
            begin = time.perf_counter()
            while mark not in reader.get(address).text and time.perf_counter() - begin < PATIENCE_S:
                time.sleep(0.005)
            visible.append(time.perf_counter() - begin)


def _approving(ours: Peer, token: str, held: list[str]) -> Landing:
    listing = f"{ours.url}/api/v1/comments?story={quote(STORY, safe='')}&sort=newest&limit=200"

    def land() -> tuple[str, str]:
        id = held.pop()
        _approve(ours, token, id)
        return listing, id

    return land


def _approve(ours: Peer, token: str, id: str) -> None:
    httpx.post(
        f"{ours.url}/api/v1/comments/{id}/decisions",
        json={"verdict": "approve", "rules": []},
        headers={"Authorization": f"Bearer {token}"},
    ).raise_for_status()


def _sending(peer: Peer, first: int) -> Landing:
    numbers = iter(range(first, 10**9))

    def land() -> tuple[str, str]:
        number = next(numbers)
        peer.send(PATH, number)
        # Every text ends with its number, and the page shows the text as HTML.
        return peer.url + peer.page(PATH), f" {number}<"

    return land


def _cold(ours: Peer, token: str, held: list[str]) -> dict[str, float]:
    """The first reading after a change, for which the page is made anew, against the next."""
    cold, warm = [], []
    with httpx.Client(headers=ours.headers) as reader:
        address = ours.url + ours.page(PATH)
        reader.get(address)
        for _ in range(min(COLD, len(held))):
            _approve(ours, token, held.pop())
            for found in (cold, warm):
                begin = time.perf_counter()
                reader.get(address).raise_for_status()
                found.append(time.perf_counter() - begin)
    return {
        "first_after_a_change": round(statistics.median(cold) * 1000, 2),
        "the_next": round(statistics.median(warm) * 1000, 2),
    }


def _whole_and_unmodified(
    target: str, process: psutil.Process, seconds: int, runs: int
) -> dict[str, dict[str, Any]]:
    """The page whole and as what the asker has already, in turn, with what each costs the server; nothing lands meanwhile."""
    packed = {"Accept-Encoding": "gzip"}
    ways = {
        "meydan_whole": packed,
        "meydan_304": packed | {"If-None-Match": httpx.get(target, headers=packed).headers["etag"]},
    }
    loads: dict[str, list[Load]] = {name: [] for name in ways}
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(runs):
        for name, headers in ways.items():
            before = sum(process.cpu_times()[:2])
            load = get(target, connections=CONNECTIONS, seconds=seconds, headers=headers)
            answered = max(1.0, load.requests_per_s * seconds)
            spent[name].append((sum(process.cpu_times()[:2]) - before) / answered * 1e6)
            loads[name].append(load)
    return {
        name: {**_summary(loads[name]), "server_cpu_us_each": round(statistics.median(spent[name]), 1)}
        for name in ways
    }


def _ratios(result: dict[str, Any], names: list[str]) -> dict[str, float]:
    """How many times as much as each of the others Meydan answers, in the same run."""
    ours = result["meydan"]["requests_per_s"]
    return {
        f"meydan/{name}": round(ours / result[name]["requests_per_s"], 1)
        for name in names
        if result[name]["requests_per_s"]
    }


def _summary(loads: list[Load]) -> dict[str, Any]:
    return {
        "requests_per_s": round(statistics.median(load.requests_per_s for load in loads), 1),
        "requests_per_s_runs": [round(load.requests_per_s, 1) for load in loads],
        "p50_ms": round(statistics.median(load.p50_ms for load in loads), 2),
        "p99_ms": round(statistics.median(load.p99_ms for load in loads), 2),
        "p99_ms_runs": [round(load.p99_ms, 2) for load in loads],
        "errors": sum(load.errors for load in loads),
        "generator_core": max(load.generator_core for load in loads),
    }


def _visible(visible: list[float]) -> dict[str, Any]:
    if not visible:
        return {}
    return {
        "landed": len(visible),
        "visible_after_ms_median": round(statistics.median(visible) * 1000, 1),
        "visible_after_ms_max": round(max(visible) * 1000, 1),
    }
