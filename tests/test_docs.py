"""Documentation is true: what it names exists, and what exists it names."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import click
import pytest
import typer

from meydan.cli.main import app
from meydan.settings import Settings
from meydan.web.app import create_app
from meydan.web.discovery import METHODS
from meydan.web.perspective import DISCOVERY
from meydan.wiring import build

ROOT = Path(__file__).parent.parent
PAST_THE_FRAMEWORK = {f"POST /v1alpha1/comments:{verb}" for verb in METHODS} | {f"GET {DISCOVERY}"}
DOCS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").glob("*.md")])


def test_the_walk_names_files_that_exist() -> None:
    """If docs/walk.md names a file, then it exists; and it names every step of the walk."""
    named = set(re.findall(r"`((?:src|tests|docs)/[^`]+)`", (ROOT / "docs/walk.md").read_text()))
    assert len(named) > 15
    assert [name for name in sorted(named) if not (ROOT / name).is_file()] == []


def test_promises_name_tests_that_exist() -> None:
    """If docs/promises.md names a test, then it exists."""
    named = set(re.findall(r"`(tests/[^`]+)`", (ROOT / "docs/promises.md").read_text()))
    assert named
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


def test_reliability_names_tests_that_exist() -> None:
    """If docs/reliability.md names a test of faults, then it exists; and it says how to make them larger."""
    page = (ROOT / "docs/reliability.md").read_text()
    named = set(re.findall(r"`(test_\w+\.py)`", page))
    assert len(named) > 5
    assert [name for name in sorted(named) if not (ROOT / "tests/faults" / name).exists()] == []
    assert "MEYDAN_FAULTS_SIZE" in page


@pytest.mark.parametrize("doc", DOCS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(doc: Path) -> None:
    """If a document links to a file of the repository, then that file exists."""
    targets = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", doc.read_text())
    assert [target for target in targets if not (doc.parent / target).exists()] == []


def test_every_setting_is_documented() -> None:
    """If there is a setting, then docs/settings.md has its line, and no line is without a setting."""
    documented = set(re.findall(r"^\| `([a-z_]+)` \|", (ROOT / "docs/settings.md").read_text(), re.M))
    assert documented == {field.name for field in fields(Settings)}


def test_a_proxy_on_the_sites_host_passes_on_every_page_of_readers() -> None:
    """If a site passes on what docs/proxy.md lists, then whatever readers and the desk open reaches us, and no page of the site's."""
    page = (ROOT / "docs/proxy.md").read_text()
    [pattern] = re.findall(r"^location ~ (\^/\(\(api\S+) \{$", page, re.M)
    [listed] = re.findall(r"under its own paths, [^:]+: (.+?)\. One that", page, re.S)
    passed_on = re.findall(r"`(/[^`]+)`", listed)
    inside = ("/metrics", "/coral/", "/v1/", "/v1alpha1/", "/$discovery/")
    addresses = re.findall(
        r"^\| `(?:GET|POST|PUT) ([^`]+)` \|", (ROOT / "docs/security.md").read_text(), re.M
    )
    assert len(addresses) > 100
    for address in addresses:
        below = [path for path in passed_on if address == path or address.startswith(f"{path}/")]
        wanted = not address.startswith(inside)
        assert (bool(re.match(pattern, address)), bool(below)) == (wanted, wanted), address
    for theirs in ("/", "/media/1.jpg", "/follow-us", "/desktop", "/status-quo", "/embedded", "/embed.json"):
        assert not re.match(pattern, theirs), theirs


def test_every_verb_is_documented() -> None:
    """If the command line has a verb, then docs/cli.md has a heading for it, and no heading is without a verb."""
    documented = set(re.findall(r"^## `meydan ([a-z -]+)`", (ROOT / "docs/cli.md").read_text(), re.M))
    assert documented == set(_verbs(typer.main.get_command(app)))


def test_decisions_are_numbered_without_gaps() -> None:
    """If decisions are recorded, then each has its number once, from 0001 on."""
    numbers = sorted(int(path.name[:4]) for path in (ROOT / "docs/decisions").glob("*.md"))
    assert numbers == list(range(1, len(numbers) + 1))


def test_nothing_committed_names_a_machine() -> None:
    """If a file is committed, then it names no folder of one machine."""
    folders = re.compile(r"(?<![\w.])/(?:work|root|home)/[\w.]")
    for path in [
        *ROOT.glob("*.*"),
        *(ROOT / "src").rglob("*.py"),
        *(ROOT / "docs").rglob("*"),
        ROOT / "Makefile",
    ]:
        if path.is_file():
            assert not folders.search(path.read_text(errors="replace")), path


def _verbs(command: object, prefix: str = "") -> list[str]:
    if not isinstance(command, click.Group) and not hasattr(command, "commands"):
        return [prefix.strip()]
    commands: dict[str, object] = command.commands  # type: ignore[union-attr]
    return [verb for name, inner in commands.items() for verb in _verbs(inner, f"{prefix} {name}")]


def test_every_route_is_documented(tmp_path: Path) -> None:
    """If the server has a route, then docs/api.md names it with its method, and it names no other."""
    meydan = build(Settings(data=tmp_path))
    try:
        routes = create_app(meydan)._inner.routes  # type: ignore[attr-defined]
        served = {
            f"{method} {re.sub(r':str', '', route.path)}"
            for route in routes
            for method in getattr(route, "methods", ())
            if method in ("GET", "POST", "PUT")
            and route.path != "/api"
            and not route.path.startswith(("/api/openapi", "/api/{path"))
        }
    finally:
        meydan.close()
    served |= {"GET /embed.js", "GET /embed.d.ts", "GET /embed/live", *PAST_THE_FRAMEWORK}
    documented = set(re.findall(r"`((?:GET|POST|PUT) /[^`?]+)`", (ROOT / "docs/api.md").read_text()))
    assert documented == served
