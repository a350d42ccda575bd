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
_HOST_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789.-_")


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

    Total: None for what has no origin of ours (another scheme, no host, a user
    name before the host, a backslash, a space or a control character anywhere).
    """
    # Browsers and parsers disagree about backslashes, blanks and user names in a
    # URL; where they disagree, a forged address begins.
    if not url or any(c <= " " or c in '\\<>"^`{|}' or c == "\x7f" for c in url):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
        host = parts.hostname
    except ValueError:
        return None
    if parts.scheme not in _DEFAULT_PORTS or not host or "@" in parts.netloc:
        return None
    if parts.netloc.endswith(":") or port == 0:
        return None
    name = _ascii_host(host)
    if name is None:
        return None
    return Origin(parts.scheme, name, port if port is not None else _DEFAULT_PORTS[parts.scheme])


def listed_origin_of(entry: str) -> Origin | None:
    """Read one entry of the guidelines' list (already checked); loopback without a port means any port."""
    origin = origin_of(entry)
    if origin is not None and origin.host in _LOOPBACK and urlsplit(entry).port is None:
        return Origin(origin.scheme, origin.host, None)
    return origin


def _ascii_host(host: str) -> str | None:
    """The host in lower-case ASCII (punycode for other scripts), or None where it is not a host."""
    if ":" in host:
        return host if all(c in "0123456789abcdef:." for c in host) else None
    if not host.isascii():
        try:
            host = host.encode("idna").decode("ascii").lower()
        except UnicodeError:
            return None
    # A trailing dot names the same host to DNS and another one to browsers: refused.
    if not host or host.endswith(".") or host.startswith(".") or ".." in host:
        return None
    return host if all(c in _HOST_CHARACTERS for c in host) else None


def fault_of(entry: str) -> tuple[str, str]:
    """What is wrong with an origin, and what to write; ("", "") where nothing is."""
    if entry == SELF:
        return "", ""
    shown = brief(entry)
    example = "An origin is scheme and host, and a port if there is one: https://news.example"
    if "*" in entry:
        return f"“{shown}” has a wildcard.", "List each origin by name: a wildcard lets strangers in."
    if any(c <= " " or c == "\x7f" for c in entry) or not entry:
        return f"“{shown}” is no origin.", example
    scheme, divider, rest = entry.partition("://")
    if not divider:
        bare = entry.partition("/")[0].partition("@")[2] or entry.partition("/")[0]
        guess = f"https://{bare}"
        return f"“{shown}” has no scheme.", f'Write "{guess}".' if origin_of(
            guess
        ) and ":" not in bare else example
    if scheme not in ("http", "https"):
        if scheme.lower() in ("http", "https"):
            return f"“{shown}” is not in small letters.", f'Write "{entry.lower()}".'
        return f"“{shown}” is neither http nor https.", example
    host = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if host != rest:
        bare = f"{scheme}://{host}"
        return (
            f"“{shown}” goes on after the host.",
            f'Write "{bare}": an origin has no path, not even a final slash.' if origin_of(bare) else example,
        )
    if "@" in host:
        return f"“{shown}” has a user name.", "Write the host alone."
    origin = listed_origin_of(entry)
    if origin is None:
        return f"“{shown}” is no origin.", example
    if str(origin) != entry:
        return f"“{shown}” is not how a browser writes it.", f'Write "{origin}".'
    return "", ""
