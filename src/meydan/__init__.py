"""Meydan: the comment section a newsroom owns. Approved or rejected, never edited."""

__version__ = "0.1.0"
