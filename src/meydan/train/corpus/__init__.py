"""Meydan's own training corpus: hand-written templates and the rows made from them."""
