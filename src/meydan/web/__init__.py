"""
The doors: JSON for programs, pages and a component for readers, the desk for moderators.

`create_app` builds the ASGI application over a built Meydan; `serve` runs it.
"""

from meydan.web.app import create_app
from meydan.web.serve import check_address, configure_logs, free_port, serve

__all__ = ["check_address", "configure_logs", "create_app", "free_port", "serve"]
