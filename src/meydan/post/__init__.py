"""
What leaves the building: mail, from the outbox, at least once.

Nothing here knows the store; `letters` says what is to leave and is told what became of it.
"""
