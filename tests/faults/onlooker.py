"""
A reader who does what readers do, in a process of its own, while others misbehave.

    python onlooker.py URL STORY

Reads the comments, asks for the count and now and then sends a comment, until
standard input ends; then prints {"reads": [seconds…], "sends": [seconds…], "refused": n} as JSON.
"""

from __future__ import annotations

import itertools
import json
import select
import sys
import time

import httpx


def main(url: str, story: str) -> None:
    took: dict[str, list[float]] = {"reads": [], "sends": []}
    refused = 0
    # Behind a proxy of ours, so that what is counted by address is counted for somebody else.
    with httpx.Client(base_url=url, headers={"x-forwarded-for": "192.0.2.77"}, timeout=10) as client:
        for path in ("/embed/comments", "/api/v1/counts"):
            client.get(path, params={"story": story})
        for number in itertools.count():
            if select.select([sys.stdin], [], [], 0.001)[0]:
                break
            began = time.perf_counter()
            try:
                if number % 20 == 10:
                    body = {
                        "story": {"url": story},
                        "name": "Nada",
                        "text": f"Thank you, this is number {began}.",
                    }
                    answer = client.post("/api/v1/comments", json=body)
                elif number % 2:
                    answer = client.get("/api/v1/counts", params={"story": story})
                else:
                    answer = client.get("/embed/comments", params={"story": story})
                refused += answer.status_code >= 400
            except httpx.HTTPError:
                refused += 1
            took["sends" if number % 20 == 10 else "reads"].append(time.perf_counter() - began)
    print(json.dumps({**took, "refused": refused}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
