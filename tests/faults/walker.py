"""
One walk of one comment, in a process of its own that dies where it is told to.

    python walker.py DATABASE_URL DATA_FOLDER STEP WHEN

STEP is a step of the walk, WHEN is "before", "after" or "raises". Prints the comment's
id when the walk answers, as a server would answer 201.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from meydan.comment import Submission
from meydan.desk import Visitor
from meydan.errors import ClassifierUnavailable
from meydan.settings import Settings
from meydan.wiring import Meydan, build


def breaking(step: Callable[..., Any], when: str) -> Callable[..., Any]:
    def broken(*given: Any, **named: Any) -> Any:
        if when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        if when == "raises":
            raise ClassifierUnavailable("planted")
        answer = step(*given, **named)
        os.kill(os.getpid(), signal.SIGKILL)
        return answer

    return broken


def plant(meydan: Meydan, step: str, when: str) -> None:
    room, _, name = step.partition(".")
    owner = {"store": meydan.store, "judge": meydan.desk._judge}[room]
    setattr(owner, name, breaking(getattr(owner, name), when))


def main(url: str, data: str, step: str, when: str, text: str) -> None:
    meydan = build(Settings(data=Path(data), database=url))
    plant(meydan, step, when)
    outcome = meydan.desk.submit(
        Submission(story_url="http://localhost/story", name="Dilan", text=text),
        Visitor(address_key="a" * 32),
    )
    print(outcome.id, outcome.status.value, flush=True)
    meydan.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
