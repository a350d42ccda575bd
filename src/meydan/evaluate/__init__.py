"""How good the judge is, measured: metrics with intervals, reports, the model card."""

from meydan.evaluate.card import write_card
from meydan.evaluate.metrics import Interval, bootstrap

__all__ = ["Interval", "bootstrap", "write_card"]
