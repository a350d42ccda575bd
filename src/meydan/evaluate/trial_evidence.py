"""
An archive through the judge, on every core, kept as it goes: a run that is ended goes on where it stood.

What is kept is a file of lines beside the report: a digest of what was judged, by which judge, and its evidence, never
a word of it. A line that a kill cut short is judged again.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import signal
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from pathlib import Path
from typing import IO, Any, Final

from meydan.comment import RULE_LABELS, WELCOME_LABELS, Evidence, Finding, Hold, Story
from meydan.errors import ClassifierUnavailable, TrialNotWritten
from meydan.evaluate.judged import BATCH, Advance, Judging
from meydan.evaluate.trial_rows import Past

FILE: Final = "evidence.jsonl"
CHUNK: Final = 128
"""Comments that one process takes at a time, and that a kill loses of each."""

FEWEST: Final = 1_000
"""Comments from which processes are worth starting: each loads the models anew."""

_LABELS: Final = (*RULE_LABELS, *WELCOME_LABELS)

_judge: Judging | None = None


@dataclass(frozen=True, slots=True)
class Gathered:
    """
    The evidence on each comment, in their order, and what it took.

    `seconds` is the processors' time for all of them, also in runs before this one; `before` of them had been judged then.
    """

    evidence: tuple[Evidence, ...]
    seconds: float
    before: int


def gather(
    past: Sequence[Past],
    judge: Judging,
    folder: Path,
    *,
    expected: Sequence[str] = (),
    workers: int | None = None,
    advance: Advance | None = None,
) -> Gathered:
    """
    The evidence on comments, from the folder where it is kept already.

    Args:
        folder: where the evidence is kept; it is there.
        expected: the publication's languages.
        workers: processes that judge, with the shipped models, as `judge` does; None: one a core, and for few
            comments this one alone.
        advance: told of progress.

    Raises:
        ClassifierUnavailable: the model failed, or a process was ended from outside; what was judged is kept.
        TrialNotWritten: the folder cannot be written, or another trial is writing in it.
    """
    keys = [_key(one, judge.model, expected) for one in past]
    with _file(folder) as kept:
        known, seconds = _read(kept, set(keys))
        before = sum(key in known for key in keys)
        if advance is not None and before:
            advance(before)
        waiting: dict[bytes, Past] = {
            key: one for key, one in zip(keys, past, strict=True) if key not in known
        }
        # By story, as the judge asks whether a comment is about it; then by length, as a batch takes as long as its longest.
        ordered = sorted(
            waiting.items(), key=lambda pair: (pair[1].title, pair[1].story_text, len(pair[1].text), pair[0])
        )
        chunks = [ordered[i : i + CHUNK] for i in range(0, len(ordered), CHUNK)]
        if workers is None:
            workers = cores() if len(ordered) >= FEWEST else 1
        for chunk, evidence, took in _judged(chunks, judge, expected, workers):
            seconds += took
            lines = [_line(key, one) for (key, _), one in zip(chunk, evidence, strict=True)]
            lines.append(json.dumps({"n": len(chunk), "s": round(took, 4)}))
            try:
                kept.write(("\n".join(lines) + "\n").encode())
                kept.flush()
            except OSError as error:
                raise TrialNotWritten(
                    f"{folder / FILE} cannot be written: {error.strerror}. Make room, and run it again."
                ) from error
            # Read back as a later run will read it: both say the same to the last digit.
            known.update(_entry(json.loads(line)) for line in lines[:-1])
            if advance is not None:
                advance(len(chunk))
    return Gathered(tuple(_evidence(known[key], judge.model) for key in keys), seconds, before)


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def judge_some(judge: Judging, some: Sequence[Past], expected: Sequence[str]) -> tuple[list[Evidence], float]:
    """Judge comments that stand in the order of their stories; also how many seconds of a processor it took."""
    begin = time.process_time()
    found: list[Evidence] = []
    at = 0
    while at < len(some):
        about = some[at].title, some[at].story_text
        until = at + 1
        while (
            until < len(some) and until < at + BATCH and (some[until].title, some[until].story_text) == about
        ):
            until += 1
        story = Story(id=0, url="", title=about[0], text=about[1] or None) if about[0] else None
        found += judge.evidence_of([one.text for one in some[at:until]], story=story, expected=expected)
        at = until
    return found, time.process_time() - begin


# -- processes -------------------------------------------------------------------

_Chunk = list[tuple[bytes, Past]]
_Done = tuple[_Chunk, list[Evidence], float]


def _judged(
    chunks: Sequence[_Chunk], judge: Judging, expected: Sequence[str], workers: int
) -> Iterator[_Done]:
    if workers <= 1 or len(chunks) <= 1:
        for chunk in chunks:
            yield chunk, *judge_some(judge, [one for _, one in chunk], expected)
        return
    waiting: deque[tuple[_Chunk, Future[tuple[list[Evidence], float]]]] = deque()
    # A process of its own interpreter: what this one holds, threads and locks, is not copied half-way.
    pool = ProcessPoolExecutor(min(workers, len(chunks)), mp_context=get_context("spawn"), initializer=_begin)
    try:
        for chunk in chunks:
            waiting.append((chunk, pool.submit(_work, [one for _, one in chunk], tuple(expected))))
            if len(waiting) > 2 * workers:
                done, future = waiting.popleft()
                yield done, *future.result()
        for done, future in waiting:
            yield done, *future.result()
    except BrokenProcessPool as error:
        raise ClassifierUnavailable(
            "A process that judges was ended from outside, perhaps for want of memory. What was judged is kept: the same"
            " command goes on from there, with --workers 1 in the least memory."
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _begin() -> None:
    global _judge
    from meydan.judge import Judge

    # Ctrl+C goes to everybody at the terminal; who started this one ends it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _judge = Judge.load()


def _end_with_parent() -> None:
    """A process that judges for one that was killed would wait for work for ever."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(some: Sequence[Past], expected: Sequence[str]) -> tuple[list[Evidence], float]:
    assert _judge is not None
    return judge_some(_judge, some, expected)


# -- what is kept ----------------------------------------------------------------

_Kept = tuple[str, float, tuple[float | None, ...], tuple[tuple[str, str | None, str | None], ...]]


def _key(one: Past, model: str, expected: Sequence[str]) -> bytes:
    told = "\0".join((model, *expected, "", one.title, one.story_text, one.text))
    return hashlib.blake2b(told.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _line(key: bytes, evidence: Evidence) -> str:
    scores = [None if (score := evidence.scores.get(label)) is None else round(score, 6) for label in _LABELS]
    findings = [[one.kind, one.label, one.hold and one.hold.value] for one in evidence.findings]
    return json.dumps(
        {
            "k": key.hex(),
            "l": evidence.language,
            "c": round(evidence.language_score, 4),
            "p": scores,
            "f": findings,
        },
        separators=(",", ":"),
    )


def _entry(line: Any) -> tuple[bytes, _Kept]:
    findings = tuple((str(kind), label, hold and Hold(hold).value) for kind, label, hold in line["f"])
    scores = tuple(None if score is None else float(score) for score in line["p"])
    if len(scores) != len(_LABELS):
        raise ValueError("scores")
    return bytes.fromhex(line["k"]), (str(line["l"]), float(line["c"]), scores, findings)


def _evidence(kept: _Kept, model: str) -> Evidence:
    language, certainty, scores, findings = kept
    return Evidence(
        language=language,
        language_score=certainty,
        scores=dict(zip(_LABELS, scores, strict=True)),
        findings=tuple(
            Finding(kind, "", label, hold=Hold(hold) if hold else None) for kind, label, hold in findings
        ),
        model=model,
    )


def _read(file: IO[bytes], wanted: set[bytes]) -> tuple[dict[bytes, _Kept], float]:
    """What is kept of those that are wanted, and the seconds that it took; the file then ends with a whole line."""
    known: dict[bytes, _Kept] = {}
    took, judged, whole = 0.0, 0, 0
    file.seek(0)
    for line in file:
        try:
            entry = json.loads(line)
            if not line.endswith(b"\n"):
                break
            if "n" in entry:
                took, judged = took + float(entry["s"]), judged + int(entry["n"])
            else:
                key, value = _entry(entry)
                if key in wanted:
                    known[key] = value
        except (ValueError, KeyError, TypeError):
            # Cut short by a kill, or by a full disk in an earlier run: that comment is judged again.
            if not line.endswith(b"\n"):
                break
        whole += len(line)
    file.seek(whole)
    file.truncate()
    # Other samples may have been judged in this folder: of their time, the share of these.
    return known, took * len(known) / judged if judged else 0.0


@contextmanager
def _file(folder: Path) -> Iterator[IO[bytes]]:
    path = folder / FILE
    try:
        opened = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b")
    except OSError as error:
        raise TrialNotWritten(
            f"{path} cannot be written: {error.strerror}. Name another folder: --folder."
        ) from error
    with opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise TrialNotWritten(
                f"Another trial is writing in {folder}. Wait until it ends, or name another folder: --folder."
            ) from error
        yield opened
