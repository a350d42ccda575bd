"""
Origins: which pages may embed the comments, and whose URLs are stories.

An origin is a scheme, a host and a port, compared whole, as a browser does
(RFC 6454): no wildcard, no prefix, no path. What cannot be read is no origin.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from meydan.policy.fault import brief

SELF = "self"
"""In the guidelines' list, this word stands for the server's own origins."""

_DEFAULT_PORTS = {"http": 80, "https": 443}
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_BLANK_OR_CONTROL = re.compile(r"[\x00-\x20\x7f]")
# Neither empty labels nor a final dot, which names the same host to DNS and
# another one to browsers; other scripts come as punycode, which is what browsers send.
_HOST = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")
_IPV6 = re.compile(r"[0-9a-f:.]*:[0-9a-f:.]*")
_EXAMPLE = "An origin is scheme and host, and a port if there is one: https://news.example"


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, lower-case host, port; `port` is None where the guidelines let any port of loopback in."""

    scheme: str
    host: str
    port: int | None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        if self.port is None or (self.port == _DEFAULT_PORTS[self.scheme] and self.host not in _LOOPBACK):
            return f"{self.scheme}://{host}"
        return f"{self.scheme}://{host}:{self.port}"


def origin_of(url: str) -> Origin | None:
    """
    Read the origin of a URL, as a browser would send it.

    Total: None for what has no origin of ours (a scheme other than http and https,
    no host, a host in another script, a user name before the host, a backslash
    before the query, a blank or control character anywhere).
    """
    # Browsers and parsers disagree about backslashes, blanks and user names in a
    # URL; where they disagree, a forged address begins.
    if _BLANK_OR_CONTROL.search(url) or "\\" in re.split(r"[?#]", url, maxsplit=1)[0]:
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
        host = parts.hostname
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT_PORTS or not host or "@" in parts.netloc:
        return None
    if parts.netloc.endswith(":") or port == 0 or not (_HOST.fullmatch(host) or _IPV6.fullmatch(host)):
        return None
    return Origin(parts.scheme, host, port if port is not None else _DEFAULT_PORTS[parts.scheme])


def listed_origin_of(entry: str) -> Origin | None:
    """Read one entry of the guidelines' list; loopback without a port means any port."""
    origin = origin_of(entry)
    if origin is not None and origin.host in _LOOPBACK and urlsplit(entry).port is None:
        return Origin(origin.scheme, origin.host, None)
    return origin


def fault_of(entry: str) -> tuple[str, str]:
    """What is wrong with an entry of the guidelines' list, and what to write; ("", "") where nothing is."""
    if entry == SELF:
        return "", ""
    if not entry:
        return "This origin is empty.", _EXAMPLE
    shown = brief(entry)
    scheme, divider, rest = entry.partition("://")
    host = re.split(r"[/?#]", rest if divider else entry, maxsplit=1)[0]
    meant = listed_origin_of(f"{scheme if divider else 'https'}://{host}".lower())
    instead = f'Write "{meant}".' if meant is not None and ("." in meant.host or divider) else _EXAMPLE
    if "*" in entry:
        return f"“{shown}” has a wildcard.", "List each origin by name: a wildcard lets strangers in."
    if not divider:
        return f"“{shown}” has no scheme.", instead
    if scheme.lower() not in _DEFAULT_PORTS:
        return f"“{shown}” is neither http nor https.", _EXAMPLE
    if host != rest:
        return f"“{shown}” goes on after the host; an origin has no path, not even a final slash.", instead
    if "@" in host:
        return f"“{shown}” has a user name.", "Write the host alone."
    if not host.isascii():
        return (
            f"“{shown}” is not as browsers send it.",
            "Write the host in its ASCII form, which begins with xn--.",
        )
    if meant is None:
        return f"“{shown}” is no origin.", _EXAMPLE
    if str(meant) != entry:
        return f"“{shown}” is not as browsers send it.", instead
    return "", ""
