"""Measured, never asserted: each scenario prints its figures, and writes them as JSON beside the landed ones."""
