"""How good the judge is, measured: metrics with intervals, reports, the model card."""

from meydan.evaluate.card import write_card
from meydan.evaluate.labelled import Labelled, join, load_rows
from meydan.evaluate.metrics import Interval, bootstrap
from meydan.evaluate.report import LabelFigures, Report, classifier_report

__all__ = [
    "Interval",
    "LabelFigures",
    "Labelled",
    "Report",
    "bootstrap",
    "classifier_report",
    "join",
    "load_rows",
    "write_card",
]
