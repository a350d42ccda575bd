"""Bytes that nobody thought of, against what takes strangers' input; see fuzz/README.md."""
