"""
Evidence and the decision: what a comment says, measured against the guidelines.
"""

from __future__ import annotations

from meydan.judge.decide import Calibration, decide

__all__ = ["Calibration", "decide"]
