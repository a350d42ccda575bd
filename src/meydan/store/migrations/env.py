"""
How Alembic runs here: inside the one transaction that database.migrate opened.

Either every step up to the newest is made, or none is.
"""

from __future__ import annotations

from alembic import context

from meydan.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,
    render_as_batch=False,
)
context.run_migrations()
