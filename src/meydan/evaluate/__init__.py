"""How good the judge is, measured: metrics with intervals, reports, the model card."""
