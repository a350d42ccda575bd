"""
The one address of a story: however a page names it, it is the same story.

Scheme and host in lower case, no default port, no fragment; path and query as they
are, because only the site knows which of them matter (RFC 3986, section 6.2.2-3).
"""

from __future__ import annotations

import unicodedata
from urllib.parse import urlsplit, urlunsplit

from meydan.errors import Malformed

LONGEST_URL = 2000
_DEFAULT_PORTS = {"http": 80, "https": 443}


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
        or parts.scheme not in ("http", "https")
        or parts.username is not None
        or parts.password is not None
    ):
        raise Malformed("A story's address starts with http:// or https:// and a host.", fields=("story",))
    if ":" in host:
        host = f"[{host}]"
    if port is not None and port != _DEFAULT_PORTS[parts.scheme]:
        host = f"{host}:{port}"
    return urlunsplit((parts.scheme, host, parts.path or "/", parts.query, ""))


def site_of(url: str) -> str:
    """The site that a story's one address is on: nothing of it that somebody could have made up."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
