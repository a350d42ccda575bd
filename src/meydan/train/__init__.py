"""Labelled data in, a model directory out. Needs the `train` extra."""
