"""
Evidence and the decision: what a comment says, measured against the guidelines.

    text/fold, text/language -> signals, lexicon, classifier -> fusion -> Evidence
    decide(Evidence, Guidelines) -> Decision

Everything is gathered before anything is decided; no detector ends the walk.
Pure but for reading the shipped files once, and safe to share between threads.
"""

from __future__ import annotations

from meydan.judge import explain
from meydan.judge.calibration import Calibration, Calibrations
from meydan.judge.decide import decide
from meydan.judge.judge import Judge
from meydan.judge.turns import Turns

__all__ = ["Calibration", "Calibrations", "Judge", "Turns", "decide", "explain"]
