"""`meydan work`: judging, looking after the house and carrying what leaves, without doors."""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType
from typing import TYPE_CHECKING, Final

import structlog

from meydan.cli.speech import (
    DatabaseOption,
    DataOption,
    GuidelinesOption,
    JsonOption,
    SettingsOption,
    refusals,
    say,
    settings_of,
)
from meydan.errors import Unavailable

if TYPE_CHECKING:
    from meydan.wiring import Meydan

IDLE_S: Final = 0.2
"""How often a worker that has nothing to do looks whether something waits."""

OUTAGE_S: Final = 1.0
GUIDELINES_EVERY_S: Final = 1.0

log = structlog.get_logger("meydan.work")


def work(
    data: DataOption = None,
    database: DatabaseOption = None,
    guidelines: GuidelinesOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Judge what waits, look after the house and carry what leaves, without doors, until SIGINT or SIGTERM."""
    from meydan.post import office
    from meydan.web.serve import configure_logs
    from meydan.wiring import build

    with refusals(as_json=as_json):
        given = settings_of(settings, data=data, database=database, guidelines=guidelines)
        configure_logs()
        with refusals(as_json=as_json, name=given.guidelines.name if given.guidelines else "default.toml"):
            meydan = build(given, worker=True)
        ended = threading.Event()

        def end(_signal: int, _frame: FrameType | None) -> None:
            ended.set()

        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, end)
        beside: list[threading.Thread] = []
        try:
            beside = [
                threading.Thread(target=office.work, args=(meydan, ended), name="courier", daemon=True),
                threading.Thread(target=meydan.publish_until, args=(ended,), name="ledger", daemon=True),
            ]
            for thread in beside:
                thread.start()
            say({"working": True}, as_json=as_json, text="Working. Stop with Ctrl+C.")
            work_until(meydan, ended)
            log.info("work_ended")
        finally:
            ended.set()
            for thread in beside:
                thread.join(10)
            meydan.close()


def work_until(meydan: Meydan, ended: threading.Event) -> None:
    """Work until told to end; what is in hand then is finished. An outage is waited out."""
    house_at = guidelines_at = float("-inf")
    while not ended.is_set():
        taken, rest_s = 0, IDLE_S
        try:
            now = time.monotonic()
            if now >= guidelines_at:
                # As soon as for a node with doors: a comment is judged by what rules now.
                meydan.desk.refresh_guidelines()
                guidelines_at = now + GUIDELINES_EVERY_S
            if now >= house_at:
                meydan.tend()
                house_at = now + meydan.settings.sweep_seconds
            taken = meydan.judge_some()
        except Unavailable as error:
            log.warning("work_put_off", code=error.code)
            rest_s = OUTAGE_S
        except Exception as error:  # noqa: BLE001
            # Whatever it was, what waits behind it has to be judged. Its message could hold a reader's words.
            log.error("work_failed", error=type(error).__name__)
            rest_s = OUTAGE_S
        if not taken:
            ended.wait(rest_s)
