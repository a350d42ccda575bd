"""The same real Chromium that the browser tests drive."""

from __future__ import annotations

from tests.browser.conftest import browser as browser
