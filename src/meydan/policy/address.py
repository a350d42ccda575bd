"""
The one address of a story: however a page names it, it is the same story.

Scheme and host in lower case, no default port, no fragment; path and query as they
are, because only the site knows which of them matter (RFC 3986, section 6.2.2-3).
"""

from __future__ import annotations

import functools
import unicodedata
from ipaddress import IPv6Address
from urllib.parse import urlsplit, urlunsplit

from meydan.errors import Malformed

LONGEST_URL = 2000
JOINERS = "\u200c\u200d"
"""Which some scripts need inside a word, so that hosts have them too."""

_DEFAULT_PORTS = {"http": 80, "https": 443}


# Many write on few stories at a time; at most two megabytes of addresses.
@functools.lru_cache(maxsize=1024)
def story_address(url: str) -> str:
    """
    The one address of a story: scheme and host in lower case, no default port, no fragment.

    Raises:
        Malformed: not an absolute http or https URL, or longer than LONGEST_URL characters.
    """
    if (
        not url
        or len(url) > LONGEST_URL
        or any(c <= " " or unicodedata.category(c) in ("Cc", "Cs") for c in url)
    ):
        raise Malformed(
            "A story is named by its address, such as https://news.example/a-story.", fields=("story",)
        )
    try:
        parts = urlsplit(url)
        port = parts.port
        host = parts.hostname
    except ValueError:
        host, port = None, None
    if (
        not host
        or not _is_host(host)
        or parts.scheme not in ("http", "https")
        or parts.username is not None
        or parts.password is not None
    ):
        raise Malformed("A story's address starts with http:// or https:// and a host.", fields=("story",))
    if ":" in host:
        host = f"[{host}]"
    if port is not None and port != _DEFAULT_PORTS[parts.scheme]:
        host = f"{host}:{port}"
    address = urlunsplit((parts.scheme, host, parts.path or "/", parts.query, ""))
    if len(address) > LONGEST_URL:
        # A few letters are more of them in lower case.
        raise Malformed(f"A story's address has at most {LONGEST_URL} characters.", fields=("story",))
    return address


def site_of(url: str) -> str:
    """The site that a story's one address is on: nothing of it that somebody could have made up."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _is_host(host: str) -> bool:
    if ":" in host:
        try:
            return IPv6Address(host).scope_id is None
        except ValueError:
            return False
    # Signs that no host has would be read as something else by the next program.
    return all(
        c in "-._"
        or c in JOINERS
        or (not c.isascii() and unicodedata.category(c)[0] not in "CZ")
        or c.isalnum()
        for c in host
    )
