"""
The component in Chromium with its processor slowed down four times, on loopback: how heavy it is, how soon the first
comments are painted after its script has arrived, and how far the page moves under its reader's eyes.

The story has 200 comments. `late`: the component stands between two paragraphs, and its script comes a second after the
page was painted.
"""

from __future__ import annotations

import gzip
import http.server
import statistics
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser
from tests.chromium import a_browser
from tests.newsroom import COURTEOUS, newsroom

from meydan.web.pages import static_bytes

COMMENTS = 200
SLOWED = 4

LOOK = """
window.moved = 0;
new PerformanceObserver((list) => { for (const entry of list.getEntries()) moved += entry.value; })
  .observe({ type: "layout-shift", buffered: true });
addEventListener("meydan:loaded", () => requestAnimationFrame(() => setTimeout(() => { window.painted = performance.now(); })));
"""
LATE = """
setTimeout(() => {
  const script = document.createElement("script");
  script.type = "module";
  script.src = document.body.dataset.script;
  document.head.append(script);
}, 1000);
"""


def run(seconds: int, runs: int) -> dict[str, Any]:
    del seconds  # a run is one opening of a page
    component = static_bytes("embed.js")
    figures: dict[str, Any] = {"gzip_bytes": len(gzip.compress(component, compresslevel=6, mtime=0))}
    with tempfile.TemporaryDirectory(prefix="meydan-bench-") as folder:
        unhurried = {"submissions_per_minute": 1_000_000, "submission_burst": 1_000_000}
        with newsroom(Path(folder), flood_per_minute=1_000_000, **unhurried) as room, a_browser() as browser:
            number = 0
            while room.meydan.desk.counts([room.story])[room.story] < COMMENTS:
                number += 1
                room.send(f"{COURTEOUS} I read it {number} times.", name=f"Reader {number}")
            for late in (False, True):
                with _a_page(room.url, room.story, late=late) as address:
                    opened = [_opened(browser, address) for _ in range(max(5, runs))]
                name = "late" if late else "at_once"
                figures[name] = {
                    "first_comments_ms": round(statistics.median(ms for ms, _ in opened)),
                    "slowest_ms": round(max(ms for ms, _ in opened)),
                    "layout_shift": max(moved for _, moved in opened),
                }
    return figures


def _opened(browser: Browser, address: str) -> tuple[float, float]:
    """Milliseconds from the script's arrival to the comments' first frame, and how far the page moved until then."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.add_init_script(LOOK)
    context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": SLOWED})
    page.goto(address)
    page.wait_for_function("window.painted", timeout=30_000)
    page.wait_for_timeout(500)
    painted, arrived, moved = page.evaluate(
        "[painted, performance.getEntriesByType('resource').find(({ name }) => name.endsWith('/embed.js')).responseEnd, moved]"
    )
    context.close()
    return painted - arrived, moved


@contextmanager
def _a_page(server: str, story: str, *, late: bool) -> Iterator[str]:
    """A story's page of another site, with a paragraph above the component and one below."""
    script = f'<script type="module" src="{server}/embed.js"></script>'
    page = (
        "<!doctype html><meta charset=utf-8><title>A story</title>"
        "<style>meydan-comments { display: block; min-height: 100vh }</style>"
        f'<body data-script="{server}/embed.js"><h1>A story</h1><p>What happened, and to whom.</p>'
        f'<meydan-comments story="{story}"></meydan-comments><p>What stands below.</p>'
        f"{f'<script>{LATE}</script>' if late else script}"
    )

    class Site(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/" else 404)
            self.send_header("content-type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(page.encode() if self.path == "/" else b"")

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site) as site:
        threading.Thread(target=site.serve_forever, daemon=True).start()
        yield f"http://localhost:{site.server_port}/"
        site.shutdown()
