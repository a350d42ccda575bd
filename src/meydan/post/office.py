"""
The post office of one node: all that carries something out of the building, each in a thread of its own.
"""

from __future__ import annotations

import threading

from meydan.post.courier import Courier
from meydan.post.mail import Mailer
from meydan.post.webhooks import Webhooks
from meydan.wiring import Meydan


def work(meydan: Meydan, ended: threading.Event) -> None:
    """Carry out letters, where mail is sent here, and notices, until told to end."""
    settings = meydan.settings
    webhooks = Webhooks(meydan.notices, leads=meydan.leads)
    beside = threading.Thread(target=webhooks.work, args=(ended,), name="webhooks", daemon=True)
    beside.start()
    if settings.mail is not None:
        mailer = Mailer(settings.mail, settings.mail_from)
        Courier(meydan.letters, mailer, leads=meydan.leads).work(ended)
    ended.wait()
    beside.join(8)
