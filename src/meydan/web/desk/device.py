"""
Which browser on which system a session was opened with, in a few words for whoever looks at their sessions.

Only to tell one's own devices apart: what a browser says of itself is not believed for anything.
"""

from __future__ import annotations

from typing import Final

# In this order: most browsers also say the names of those below them.
_BROWSERS: Final = (
    ("Edg", "Edge"),
    ("OPR", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chrome", "Chrome"),
    ("Safari", "Safari"),
)
_SYSTEMS: Final = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def device_of(agent: str) -> str:
    """ "Firefox on Windows" from a User-Agent header; "a program" where it names no browser."""
    agent = agent[:400]
    browser = next((name for sign, name in _BROWSERS if sign in agent), "")
    system = next((name for sign, name in _SYSTEMS if sign in agent), "")
    if not browser:
        return "a program"
    return f"{browser} on {system}" if system else browser
