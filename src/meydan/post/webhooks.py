"""
Webhooks: notices are handed to the endpoints that asked for them, each endpoint by itself.

    lease -> told_of -> signed or put into a sentence -> POST -> finish

A crash between POST and finishing sends it again, under the same `webhook-id`: at least once, never lost. What is sent to
one endpoint is sent in the order in which it became due, and what was put off comes later than what followed it. An
endpoint that is away, or asks for time, rests; the others do not wait for it.

Source: Standard Webhooks 1.0.0 (headers, signature v1, meaning of answers, schedule); Slack's incoming webhooks for
channels, which Mattermost and Discord (at /slack) take as well.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

import httpx
import msgspec
import structlog

from meydan.errors import MeydanError
from meydan.notices import ATTEMPTS, LONGEST_WAIT, SECRET_PREFIX, Endpoint, Job, Notices, Told
from meydan.outgoing import NotLetOut
from meydan.post.sentences import sentence

BATCH: Final = 20
"""Notices that a worker takes at once."""

WORKERS: Final = 8
"""Endpoints that are told at the same time."""

EVERY_S: Final = 1.0
"""How often it is looked whether something is due."""

IDLE_S: Final = 5.0
"""How often, while there is no endpoint at all."""

REST: Final = timedelta(minutes=1)
"""For how long nothing is sent to an endpoint that could not be reached, or is overloaded."""

OVERLOADED: Final = frozenset({429, 502, 503, 504})
"""Answers of which the next notice would get the same."""

GONE: Final = 410

AGENT: Final = "meydan-webhooks/1"

log = structlog.get_logger("meydan.post")

_encode = msgspec.json.encode


def signature(secret: str, id: str, timestamp: int, body: bytes) -> str:
    """
    The signature of one message by one secret.

    Args:
        secret: "whsec_" and base64.
        id: without a full stop. timestamp: seconds.
    """
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    mark = hmac.new(key, f"{id}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(mark).decode('ascii')}"


def headers_of(secrets: Sequence[str], id: str, at: datetime, body: bytes) -> Mapping[str, str]:
    """The headers of one attempt, signed by every secret that counts now, the newest first."""
    timestamp = int(at.timestamp())
    return {
        "content-type": "application/json",
        "user-agent": AGENT,
        "webhook-id": id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signature(secret, id, timestamp, body) for secret in secrets),
    }


def body_of(told: Told) -> bytes:
    """What a program is told, as JSON."""
    return _encode(
        {"type": told.event, "timestamp": told.at.isoformat().replace("+00:00", "Z"), "data": told.facts}
    )


@dataclass(frozen=True, slots=True)
class Answered:
    """
    What became of one attempt: "" or why not, in a word; whether the endpoint is to rest, how long, or has gone.

    `ms` is how long it took.
    """

    cause: str = ""
    rests: timedelta | None = None
    gone: bool = False
    asked_for: timedelta = timedelta(0)
    ms: int = 0


class Webhooks:
    """
    Carries notices out; one is enough for a node.

    Args:
        leads: whether this node is the one that does, asked before each round.
    """

    def __init__(self, notices: Notices, *, leads: Callable[[], bool] = lambda: True) -> None:
        self._notices = notices
        self._leads = leads
        self._resting: dict[int, datetime] = {}
        self._ended = threading.Event()

    def carry_out(self) -> int:
        """
        One round: all that is due for each endpoint, at most BATCH for each, one endpoint after another.

        Returns:
            How many notices there were to carry.

        Raises:
            StoreUnavailable: the database did not answer. What was sent meanwhile may be sent once more.
        """
        return sum(self.carry_to(endpoint) for endpoint in self._notices.endpoints())

    def carry_to(self, endpoint: Endpoint) -> int:
        """One round for one endpoint; 0 while it rests."""
        notices = self._notices
        if self._resting.get(endpoint.number, notices.now()) > notices.now():
            return 0
        jobs = notices.lease(endpoint, limit=BATCH)
        waiting = list(jobs)
        while waiting:
            job = waiting[0]
            if self._ended.is_set() or job.until - notices.now() < timedelta(
                seconds=2 * notices.out.deadline_s
            ):
                # Soon others may take them: what has not been begun by now is theirs.
                break
            waiting.pop(0)
            try:
                answered = self._carry(job, endpoint)
            except MeydanError as error:
                if error.code.startswith("U"):
                    raise
                answered = Answered(error.code)
            except Exception as error:  # noqa: BLE001
                # What nobody foresaw in one notice is not to keep the others. Its message could hold anything.
                answered = Answered(type(error).__name__)
            if answered.gone:
                if notices.is_gone(endpoint):
                    log.warning("endpoint_gone", endpoint=endpoint.name)
                return len(jobs)
            if not answered.cause:
                continue
            self._not_sent(job, endpoint, answered)
            if answered.rests is not None:
                self._resting[endpoint.number] = notices.now() + answered.rests
                notices.let_go(waiting, after=answered.rests)
                return len(jobs)
        notices.let_go(waiting, after=timedelta(0))
        return len(jobs)

    def _carry(self, job: Job, endpoint: Endpoint) -> Answered:
        """Send one notice."""
        notices = self._notices
        if job.attempt > ATTEMPTS:
            # Whoever had it in hand fell each time.
            notices.bury(job, "never-finished")
            return Answered()
        if notices.is_too_late(job):
            notices.bury(job, "too-late")
            return Answered()
        told = notices.told_of(job, endpoint)
        answered = Answered() if told is None else self._send(endpoint, told, job.key)
        if not answered.cause:
            # A crash here sends it once more, under the same id.
            notices.finish(job)
            done = "notice_sent" if told is not None else "notice_not_needed"
            log.info(done, kind=job.kind, number=job.number, endpoint=endpoint.name, ms=answered.ms)
        return answered

    def try_out(self, endpoint: Endpoint) -> Answered:
        """Send an endpoint something that tells nothing, now; it is kept nowhere and not tried again."""
        return self._send(endpoint, self._notices.trial(endpoint), self._notices.trial_key())

    def _send(self, endpoint: Endpoint, told: Told, key: str) -> Answered:
        notices = self._notices
        where = notices.where(endpoint)
        if endpoint.form == "slack":
            text = sentence(told, publication=notices.publication, language=endpoint.language)
            body = _encode({"text": text})
            headers: Mapping[str, str] = {"content-type": "application/json", "user-agent": AGENT}
        else:
            body = body_of(told)
            headers = headers_of(where.secrets, key, notices.now(), body)
        begun = time.monotonic()
        try:
            with notices.out.client() as client:
                answer = client.post(where.url, content=body, headers=headers)
        except NotLetOut as error:
            return Answered(f"not-let-out-{error.cause}", rests=REST)
        except httpx.TimeoutException:
            return Answered("no-answer", rests=REST)
        except httpx.ConnectError:
            return Answered("not-reached", rests=REST)
        except httpx.HTTPError:
            return Answered("broken-off", rests=REST)
        ms = round((time.monotonic() - begun) * 1000)
        status = answer.status_code
        if 200 <= status < 300:
            return Answered(ms=ms)
        asked_for = _retry_after(answer.headers.get("retry-after", ""), notices.now())
        return Answered(
            f"answered-{status}",
            rests=max(asked_for, REST) if status in OVERLOADED or asked_for else None,
            gone=status == GONE,
            asked_for=asked_for,
            ms=ms,
        )

    def _not_sent(self, job: Job, endpoint: Endpoint, answered: Answered) -> None:
        dead = self._notices.put_off(job, answered.cause, after=answered.asked_for)
        log.warning(
            "notice_dead" if dead else "notice_put_off",
            kind=job.kind,
            number=job.number,
            endpoint=endpoint.name,
            cause=answered.cause,
            attempt=job.attempt,
        )

    def work(self, ended: threading.Event) -> None:
        """Carry out until told to end; an outage is waited out. Each endpoint has a thread while something is sent to it."""
        self._ended = ended
        busy: dict[int, threading.Thread] = {}
        while not ended.is_set():
            rest_s = EVERY_S
            try:
                endpoints = self._notices.endpoints() if self._leads() else ()
                rest_s = EVERY_S if endpoints else IDLE_S
                busy = {number: thread for number, thread in busy.items() if thread.is_alive()}
                for endpoint in endpoints:
                    if endpoint.number not in busy and len(busy) < WORKERS:
                        # A daemon: whoever is waited for at the end is not waited for longer than the program is.
                        thread = threading.Thread(
                            target=self._carry_quietly, args=(endpoint,), name="webhooks", daemon=True
                        )
                        busy[endpoint.number] = thread
                        thread.start()
            except MeydanError as error:
                log.warning("webhooks_put_off", code=error.code)
            except Exception as error:  # noqa: BLE001
                # Whatever it was, the next round has to come.
                log.error("webhooks_failed", error=type(error).__name__)
            ended.wait(rest_s)
        for thread in busy.values():
            thread.join(2)

    def _carry_quietly(self, endpoint: Endpoint) -> None:
        """All that is due, a batch at a time; what goes wrong is waited out."""
        try:
            while self.carry_to(endpoint) and not self._ended.is_set() and self._leads():
                pass
        except MeydanError as error:
            log.warning("webhooks_put_off", code=error.code)
        except Exception as error:  # noqa: BLE001
            log.error("webhooks_failed", error=type(error).__name__)


def _retry_after(written: str, now: datetime) -> timedelta:
    """How long a receiver asks for, as seconds or a date; nothing where it does not say so, and never more than LONGEST_WAIT."""
    if written.isascii() and written.isdigit():
        return min(timedelta(seconds=int(written[:9])), LONGEST_WAIT)
    try:
        until = parsedate_to_datetime(written)
    except (TypeError, ValueError):
        return timedelta(0)
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return min(max(until - now, timedelta(0)), LONGEST_WAIT)
