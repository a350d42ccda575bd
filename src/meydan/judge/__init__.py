"""
Evidence and the decision: what a comment says, measured against the guidelines.

    text/fold, text/language -> signals, lexicon, classifier -> fusion -> Evidence
    decide(Evidence, Guidelines) -> Decision

Everything is gathered before anything is decided; no detector ends the walk.
Pure but for reading the shipped files once, and safe to share between threads.
"""

from __future__ import annotations

from meydan.judge import explain
from meydan.judge.decide import Calibration, decide
from meydan.judge.judge import Judge

__all__ = ["Calibration", "Judge", "decide", "explain"]
