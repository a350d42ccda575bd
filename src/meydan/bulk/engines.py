"""
Who makes which part: processes of one's own, Daft on one machine, or Daft on a Ray cluster.

Every engine is given the same partitions and does the same with each (`part.Maker`), so what comes out is the same. An
engine decides who and when, and nothing else. None of them may tell anybody anything: what Daft and Ray report of
themselves is switched off before they are loaded, and so are their boards.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import islice
from multiprocessing.connection import Connection
from multiprocessing.connection import wait as wait_for
from typing import Any, Final, Protocol

import msgspec

from meydan.bulk.part import Entry, Maker, Work
from meydan.bulk.plan import Partition
from meydan.errors import BadArchive, EngineUnavailable, MeydanError, NotKept, WorkerLost
from meydan.judge.judge import Tier

QUIET: Final = {
    "DAFT_ANALYTICS_ENABLED": "0",
    "DO_NOT_TRACK": "1",
    "SCARF_NO_ANALYTICS": "1",
    "DAFT_PROGRESS_BAR": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_USAGE_STATS_PROMPT_ENABLED": "0",
    "RAY_DISABLE_DASHBOARD": "1",
}
"""The environment in which Daft and Ray report nothing to their makers and open no board."""

LOST: Final = (
    "A worker was ended before its part was finished, most often because memory ran out. What is finished is kept: run "
    "the same again, with fewer --workers if it happens anew."
)

_AHEAD: Final = 2
"""Partitions a worker that are handed out: one in work, one to go on with."""


class Engine(Protocol):
    """Makes parts, in any order, with so many workers."""

    @property
    def name(self) -> str: ...
    @property
    def workers(self) -> int: ...

    def made(self, work: Work, partitions: Sequence[Partition]) -> Iterator[Entry]:
        """
        Make the parts of these partitions, and yield what became of each as soon as it is known.

        Raises:
            WorkerLost, EngineUnavailable, BadArchive, NotKept: not all of them; those that are finished stay.
        """


def model_of(tier: Tier) -> str:
    """The digest of the judge, found out by a process that is gone when it is known: whoever asks need not hold it."""
    with _lost(), _pool(1) as pool:
        return pool.submit(_model, tier).result()


# ---- processes of one's own ---------------------------------------------------


@dataclass(frozen=True, slots=True)
class Processes:
    """`workers` processes of this machine, each with a judge of its own on one core."""

    workers: int
    name: str = "local"

    def made(self, work: Work, partitions: Sequence[Partition]) -> Iterator[Entry]:
        left = iter(partitions)
        workers = min(self.workers, len(partitions)) or 1
        with _lost(), _pool(workers) as pool:
            under_way = {pool.submit(_make, work, one) for one in islice(left, _AHEAD * workers)}
            while under_way:
                done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                under_way |= {pool.submit(_make, work, one) for one in islice(left, len(done))}
                for one in done:
                    yield one.result()


@contextlib.contextmanager
def _pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """
    Processes that end with this one, however that ends, and at once when this is left early.

    Python's own pool leaves them waiting for ever when their parent is killed.
    """
    # Spawned, not forked: threads and sessions of the parent are not theirs, and every system can do it.
    context = multiprocessing.get_context("spawn")
    reads, writes = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_begin, initargs=(reads,))
    try:
        yield pool
        pool.shutdown()
    finally:
        # The end of the pipe is their end, if they have not ended yet.
        writes.close()
        pool.shutdown(wait=False, cancel_futures=True)
        reads.close()


@contextlib.contextmanager
def _lost() -> Iterator[None]:
    try:
        yield
    except BrokenProcessPool:
        raise WorkerLost(LOST) from None


def _begin(parent: Connection) -> None:
    # Whoever presses Ctrl-C means the whole; the parent ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        wait_for([parent])
        os._exit(1)

    threading.Thread(target=watch, name="parent", daemon=True).start()


_maker: tuple[Work, Maker] | None = None


def _make(work: Work, partition: Partition) -> Entry:
    global _maker
    if _maker is None or _maker[0] != work:
        _maker = (work, Maker(work))
    return _maker[1].make(partition)


def _model(tier: Tier) -> str:
    from meydan.judge import Judge

    return Judge.load(tier=tier).model


# ---- Daft, here and on Ray ----------------------------------------------------


@dataclass(slots=True)
class Daft:
    """
    `workers` processes that Daft starts: on this machine, or with `ray` (an address) on a Ray cluster's.

    0 of them: as many as the machine, or the cluster, has processors, which is known once it is reached.
    """

    workers: int
    ray: str | None = None

    @property
    def name(self) -> str:
        return "daft" if self.ray is None else "daft-ray"

    def made(self, work: Work, partitions: Sequence[Partition]) -> Iterator[Entry]:
        daft = _daft()
        processors = _connect(daft, self.ray)
        self.workers = self.workers or processors
        workers = min(self.workers, len(partitions)) or 1
        makes = daft.cls(use_process=True, max_concurrency=workers)(_maker_for(daft))
        told = [msgspec.json.encode(one).decode() for one in partitions]
        frame = daft.from_pydict({"partition": told})
        if self.ray is not None:
            # One by one, or all of them would go to one node.
            frame = frame.into_partitions(len(told))
        frame = frame.select(
            makes(msgspec.json.encode(work).decode()).make(frame["partition"]).alias("entry")
        )
        try:
            for row in frame.iter_rows():
                yield _answer(row["entry"])
        except MeydanError:
            raise
        except Exception as fault:  # noqa: BLE001 - whatever Daft and Ray call it
            if "No module named" in str(fault):
                raise EngineUnavailable(
                    "A node of the cluster has no Meydan, or not all of it. Install 'meydan[bulk]', the same version, on every node."
                ) from None
            raise WorkerLost(f"{LOST} ({type(fault).__name__})") from None


def _daft() -> Any:
    os.environ.update(QUIET)
    # Where it is set, Daft tells it of every query.
    os.environ.pop("DAFT_DASHBOARD_URL", None)
    try:
        import daft
    except ImportError:
        raise EngineUnavailable(
            "Daft is not installed. Install it with: pip install 'meydan[bulk]'"
        ) from None
    return daft


def _connect(daft: Any, address: str | None) -> int:
    """Reach who does the work; returns the processors there are."""
    if address is None:
        daft.set_runner_native()
        return cores()
    ray: Any
    try:
        import ray
    except ImportError:
        raise EngineUnavailable("Ray is not installed. Install it with: pip install 'meydan[bulk]'") from None
    try:
        if not ray.is_initialized():
            ray.init(
                address=address,
                logging_level=logging.WARNING,
                log_to_driver=False,
                runtime_env={"env_vars": QUIET},
            )
        daft.set_runner_ray(address, noop_if_initialized=True)
        return int(ray.cluster_resources().get("CPU", 1)) or 1
    except Exception as fault:  # noqa: BLE001 - whatever Ray calls it
        raise EngineUnavailable(
            f"The Ray cluster at {address} cannot be reached ({type(fault).__name__}). Start it with "
            "`ray start --head --disable-usage-stats --include-dashboard=false`, and give the address that it prints."
        ) from None


def _maker_for(daft: Any) -> type:
    """The class that Daft has instances of in its processes. Made here, because Daft need not be installed."""

    class Makes:
        def __init__(self, work: str) -> None:
            self._maker: Maker | None = None
            self._work = msgspec.json.decode(work, type=Work)

        def make(self, partitions: Any) -> list[str]:
            return [self._one(partition) for partition in partitions.to_pylist()]

        def _one(self, partition: str) -> str:
            # An error of ours goes back as a value: an engine would put it into a traceback of its own.
            try:
                self._maker = self._maker or Maker(self._work)
                entry = self._maker.make(msgspec.json.decode(partition, type=Partition))
            except MeydanError as error:
                return msgspec.json.encode({"code": error.code, "message": error.message}).decode()
            return msgspec.json.encode(entry).decode()

    Makes.make = daft.method.batch(return_dtype=daft.DataType.string(), batch_size=1)(Makes.make)  # type: ignore[method-assign]
    return Makes


_TOLD: Final[dict[str, Callable[[str], MeydanError]]] = {
    kind.code: kind for kind in (BadArchive, EngineUnavailable, NotKept)
}


def _answer(answer: str) -> Entry:
    told = msgspec.json.decode(answer)
    if "code" in told:
        raise _TOLD.get(told["code"], WorkerLost)(told["message"])
    return msgspec.convert(told, Entry)


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
