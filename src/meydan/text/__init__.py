"""
What the reader wrote: folded for judging, its language, and its HTML.

The reader's own characters are never changed here; every function returns
something new beside them.
"""

from __future__ import annotations

from meydan.text import render
from meydan.text.fold import Folded, fold
from meydan.text.language import Language, identify

__all__ = ["Folded", "Language", "fold", "identify", "render"]
