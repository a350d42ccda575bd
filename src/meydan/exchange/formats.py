"""
The formats that `meydan import` reads, one line each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path
from typing import Final

from meydan.exchange.coral import read_coral
from meydan.exchange.disqus import read_disqus
from meydan.exchange.isso import read_isso
from meydan.exchange.meydan import read_meydan
from meydan.exchange.reading import Taken
from meydan.exchange.remark42 import read_remark42
from meydan.exchange.wordpress import read_wordpress


@dataclass(frozen=True, slots=True)
class Asked:
    """What may be said about a file that it does not say: the zone of its times, and the site that its pages are on."""

    zone: tzinfo | None = None
    site: str = ""


Reader = Callable[[Path, Asked], Iterator[Taken]]

READERS: Final[dict[str, Reader]] = {
    "disqus": lambda path, asked: read_disqus(path),
    "wordpress": lambda path, asked: read_wordpress(path, zone=asked.zone),
    "isso": lambda path, asked: read_isso(path, site=asked.site, zone=asked.zone),
    "remark42": lambda path, asked: read_remark42(path),
    "coral": lambda path, asked: read_coral(path),
    "meydan": lambda path, asked: read_meydan(path),
}
"""By the name that the command line has for it."""
