"""
Whether an e-mail address is of a host that gives addresses away for minutes.

The list comes with a package and is as old as that; a newsroom decides whether it asks at all.
"""

from __future__ import annotations

from functools import lru_cache


def is_disposable(address: str) -> bool:
    """Whether the host, or one above it, is on the list; False where it is no host's name."""
    host = address.rpartition("@")[2].strip(". ").casefold()
    try:
        host = host.encode("idna").decode("ascii")
    except UnicodeError:
        return False
    names = host.split(".")
    # Never the last name alone: a whole country is on no list.
    return any(".".join(names[at:]) in _listed() for at in range(len(names) - 1))


@lru_cache(maxsize=1)
def _listed() -> frozenset[str]:
    # Read by those alone who ask.
    from disposable_email_domains import blocklist

    return frozenset(blocklist)
