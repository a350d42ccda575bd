"""The operator's hands: every verb of `meydan`."""
