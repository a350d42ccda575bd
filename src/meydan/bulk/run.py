"""
Scoring an archive: planned, begun or gone on with, put together, and told about in a manifest.

    begin     what was asked is written down beside the parts; a run of something else is refused
    parts     those that are whole are left as they are, the others made
    finish    the manifest, and where one file was asked for, the parts put together in their order

Whatever ends a run, another of the same goes on with it: a part that is there is whole, and one that is not is made.
What is of no use to another is taken away: parts that were put together, of an input that changed, or none at all.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import platform
import re
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import IO, Any, Final

import msgspec
import pyarrow.parquet as pq

import meydan
from meydan.bulk.engines import Engine
from meydan.bulk.part import (
    CALIBRATION,
    GUIDELINES,
    OUTPUTS,
    UNFINISHED,
    Entry,
    Work,
    Written,
    entry_of,
    is_whole,
    parquet_writer,
    written,
)
from meydan.bulk.partition import DECIMALS
from meydan.bulk.plan import Input, Plan, changed
from meydan.durable import sync_folder
from meydan.errors import BadArchive, NotKept, OtherRun
from meydan.judge import Calibrations
from meydan.judge.calibration import save
from meydan.judge.classifier import digest_of
from meydan.judge.judge import Tier
from meydan.policy import Guidelines

FORMAT: Final = 1

MANIFEST: Final = "manifest.json"
ASIDE: Final = ".scoring"
ASKED: Final = "asked.json"
LOCK: Final = "lock"

_MADE: Final = re.compile(rf"(?:part|rejected)-\d{{5,}}-[0-9a-f]{{12}}\.(?:{'|'.join(OUTPUTS)})")
"""How files are called that hold parts, and what was set aside of them."""

_VERSIONS: Final = ("numpy", "onnxruntime", "tokenizers", "pyarrow", "daft", "ray")


@dataclass(frozen=True, slots=True)
class Place:
    """
    Where results go: a folder of parts, or one file that is put together of them.

    `parts` is the folder of parts, `manifest` and `rejected` the files beside what was asked for; `merged` the one file.
    """

    format: str
    parts: Path
    manifest: Path
    merged: Path | None = None
    rejected: Path | None = None

    @classmethod
    def of(cls, out: Path, format: str | None) -> Place:
        """
        Raises:
            OtherRun: the name says one format and `format` another, or there is something else of this name.
        """
        by_name = out.suffix.lower().removeprefix(".")
        if by_name in OUTPUTS and not out.is_dir():
            if format not in (None, by_name):
                raise OtherRun(f"{out} is no name for {format}. Leave --format out, or name it otherwise.")
            return cls(
                by_name,
                out.with_name(f"{out.name}.parts"),
                out.with_name(f"{out.stem}.manifest.json"),
                out,
                out.with_name(f"{out.stem}.rejected.jsonl"),
            )
        if out.exists() and not out.is_dir():
            raise OtherRun(f"{out} is a file. Results go to a folder, or to a file named {_named()}.")
        return cls(format or "parquet", out, out / MANIFEST)

    @property
    def aside(self) -> Path:
        return self.parts / ASIDE


def _named() -> str:
    return ", ".join(f"….{format}" for format in OUTPUTS)


@dataclass(frozen=True, slots=True)
class Rules:
    """By what is judged."""

    tier: Tier
    model: str
    guidelines: Guidelines
    calibrations: Calibrations


Began = Callable[[int, int], None]
Told = Callable[[Entry], None]


def score(
    plan: Plan,
    rules: Rules,
    place: Place,
    engine: Engine,
    *,
    began: Began = lambda _, __: None,
    told: Told = lambda _: None,
) -> dict[str, Any]:
    """
    Score an archive, or go on with it.

    Args:
        began: is told how many rows there are in all and how many of them were scored before.
        told: is told of each part that is made.

    Returns:
        The manifest.

    Raises:
        OtherRun: what is there already is of something else, or is being made now.
        BadArchive, WorkerLost, EngineUnavailable, NotKept: it is not finished; what is, is kept.
    """
    since = time.monotonic()
    asked = _asked(plan, rules, place)
    done = _done(place, asked)
    if done is not None:
        _tidy(place, asked)
        began(done["counts"]["rows"], done["counts"]["rows"])
        return done
    with _held(place, asked, rules) as left_behind:
        work = Work(
            str(place.parts.resolve()), str(place.aside.resolve()), digest_of(_told(asked).encode()), rules.tier, rules.model,
            place.format, tuple(one.source for one in plan.inputs), tuple(one.name for one in plan.inputs),
        )  # fmt: skip
        entries: dict[int, Entry] = {}
        for one in plan.partitions:
            if (entry := entry_of(work, one.number)) is not None:
                entries[one.number] = entry
        before = len(entries)
        began(sum(one.rows for one in plan.inputs), sum(one.rows for one in entries.values()))
        left = [one for one in plan.partitions if one.number not in entries]
        if left:
            for entry in engine.made(work, left):
                entries[entry.number] = entry
                told(entry)
        if (file := changed(plan.inputs)) is not None:
            left_behind.of_no_use = True
            raise BadArchive(
                f"{file} was changed while it was scored, so what was made of it is of no use, and is taken away. Score again."
            )
        manifest = _manifest(asked, plan, [entries[one.number] for one in plan.partitions])
        manifest["run"] = {
            "engine": engine.name,
            "workers": engine.workers,
            "seconds": round(time.monotonic() - since, 1),
            "parts_from_before": before,
            "versions": _versions(),
            "machine": platform.machine(),
        }
        _finish(place, manifest)
        left_behind.of_no_use = place.merged is not None
    return manifest


def _asked(plan: Plan, rules: Rules, place: Place) -> dict[str, Any]:
    """All that what comes out depends on."""
    return {
        "format": FORMAT,
        "meydan": meydan.__version__,
        "tier": rules.tier,
        "model": rules.model,
        "guidelines": rules.guidelines.digest,
        "calibration": {tag: one.digest for tag, one in sorted(rules.calibrations.by_language.items())},
        "output": place.format,
        "decimals": DECIMALS,
        "inputs": [
            {
                "name": one.name, "bytes": one.bytes, "digest": one.digest, "rows": one.rows,
                "columns": asdict(one.source.columns), "delimiter": one.source.delimiter if one.source.format == "csv" else None,
            }
            for one in plan.inputs
        ],
        "cuts": digest_of(msgspec.json.encode(plan.partitions)),
    }  # fmt: skip


def _told(asked: dict[str, Any]) -> str:
    return json.dumps(asked, sort_keys=True, ensure_ascii=True)


def _done(place: Place, asked: dict[str, Any]) -> dict[str, Any] | None:
    """The manifest of a run of just this that is finished and whole; None where there is none of any."""
    try:
        manifest: dict[str, Any] = json.loads(place.manifest.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError):
        raise OtherRun(f"{place.manifest} cannot be read as a manifest. Name another output.") from None
    if not isinstance(manifest, dict) or "inputs" not in manifest:
        raise OtherRun(f"{place.manifest} is no manifest of scores. Name another output.")
    _check_same(place.manifest, manifest, asked)
    for one in (Written(**told) for told in manifest["files"]):
        if not is_whole(place.manifest.parent, one):
            raise OtherRun(
                f"{place.manifest.parent / one.name} is not as it was written. Remove what was written, and score again."
            )
    return manifest


def _check_same(where: Path, was: dict[str, Any], now: dict[str, Any]) -> None:
    """
    Raises:
        OtherRun: something else was asked then.
    """
    changed = [name for name in now if was.get(name) != now[name]]
    if not changed:
        return
    words = {
        "meydan": "another version of Meydan", "tier": "another --tier", "model": "another judge",
        "guidelines": "other guidelines", "calibration": "another calibration", "output": "another --format",
        "cuts": "another --rows-per-part", "inputs": "another input",
    }  # fmt: skip
    if "inputs" in changed:
        changed = [name for name in changed if name != "cuts"]
        before = {one["name"]: one for one in was.get("inputs") or ()}
        names = [one["name"] for one in now["inputs"] if before.get(one["name"]) != one]
        names += sorted(set(before) - {one["name"] for one in now["inputs"]})
        words["inputs"] += f" ({', '.join(names[:3])}{', …' if len(names) > 3 else ''})"
    told = "; ".join(dict.fromkeys(words.get(name, name) for name in changed))
    raise OtherRun(
        f"{where} tells of results of something else: {told}. They are not mixed: name another output, or remove those."
    )


@dataclass(slots=True)
class _LeftBehind:
    """Whether what lies in the place is of no use to a later run."""

    of_no_use: bool = False


@contextlib.contextmanager
def _held(place: Place, asked: dict[str, Any], rules: Rules) -> Iterator[_LeftBehind]:
    """
    The place, for this run alone, with what was asked and what is judged by written down in it.

    At the end, what a later run could go on with is left there, and nothing else.
    """
    _check_free(place)
    was_there = place.parts.is_dir()
    left_behind = _LeftBehind()
    with contextlib.ExitStack() as held:
        try:
            place.aside.mkdir(parents=True, exist_ok=True)
            lock = held.enter_context((place.aside / LOCK).open("w"))
            _lock(lock, place)
            kept = place.aside / ASKED
            is_ours = kept.exists()
            if is_ours:
                _check_same(kept, json.loads(kept.read_bytes()), asked)
            # Before the lock is given back: nobody else begins in what is taken away.
            held.callback(_clear, place, left_behind, was_there=was_there)
            if not is_ours:
                _begin(place, asked, rules)
            for left in (*place.parts.glob(f".*{UNFINISHED}"), *place.aside.glob(f".*{UNFINISHED}")):
                left.unlink(missing_ok=True)
        except ValueError:
            raise OtherRun(
                f"{place.aside / ASKED} is damaged. Remove {place.parts}, and score again."
            ) from None
        except OSError as error:
            raise NotKept(
                f"{place.parts} cannot be written: {error.strerror or type(error).__name__}."
            ) from None
        yield left_behind


def _clear(place: Place, left_behind: _LeftBehind, *, was_there: bool) -> None:
    """Take away what no later run can use: everything, or what was begun where not one part was finished."""
    finished = place.aside.is_dir() and any(place.aside.glob("part-*.json"))
    if place.merged is None and place.manifest.exists() and not left_behind.of_no_use:
        return
    if finished and not left_behind.of_no_use:
        return
    with contextlib.suppress(OSError):
        for one in place.parts.iterdir():
            if _MADE.fullmatch(one.name) or one.name.endswith(UNFINISHED):
                one.unlink(missing_ok=True)
        shutil.rmtree(place.aside, ignore_errors=True)
        if place.merged is not None or not was_there:
            place.parts.rmdir()


def _tidy(place: Place, asked: dict[str, Any]) -> None:
    """Take away what a run left that ended between its manifest and its end; of another run, or one under way, nothing."""
    with contextlib.suppress(OSError, ValueError), (place.aside / LOCK).open("r+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if json.loads((place.aside / ASKED).read_bytes()) != json.loads(_told(asked)):
            return
        if place.merged is not None:
            _clear(place, _LeftBehind(of_no_use=True), was_there=False)
        else:
            shutil.rmtree(place.aside)


def _lock(lock: IO[str], place: Place) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise OtherRun(f"Another `meydan score` is writing to {place.parts}. Wait for it to end.") from None
    if not os.path.exists(lock.name) or not os.path.samestat(os.fstat(lock.fileno()), os.stat(lock.name)):
        raise OtherRun(f"Another `meydan score` has just ended in {place.parts}. Score again.")


def _check_free(place: Place) -> None:
    """
    Raises:
        OtherRun: there is something that is not this program's.
    """
    if place.aside.exists():
        return
    ours = (place.merged, place.rejected, place.parts) if place.merged is not None else ()
    if there := next((one for one in ours if one is not None and one.exists()), None):
        raise OtherRun(
            f"{there} is there already, and nothing is written over. Remove it, or name another file."
        )
    if place.merged is None and place.parts.is_dir() and any(place.parts.iterdir()):
        raise OtherRun(f"{place.parts} is not empty, and not of a run that was begun. Name another folder.")


def _begin(place: Place, asked: dict[str, Any], rules: Rules) -> None:
    with written(place.aside / GUIDELINES) as out:
        out.file.write(rules.guidelines.source)
    save(rules.calibrations, place.aside / CALIBRATION)
    # Last: with it the run is begun.
    with written(place.aside / ASKED) as out:
        out.file.write(_told(asked).encode())


def _manifest(asked: dict[str, Any], plan: Plan, entries: Sequence[Entry]) -> dict[str, Any]:
    faults: Counter[str] = Counter()
    verdicts: Counter[str] = Counter()
    languages: Counter[str] = Counter()
    by_input = [{"scored": 0, "rejected": 0} for _ in plan.inputs]
    for entry in entries:
        faults.update(entry.faults)
        verdicts.update(entry.verdicts)
        languages.update(entry.languages)
        by_input[entry.file]["scored"] += entry.scored
        by_input[entry.file]["rejected"] += sum(entry.faults.values())
    blank = sum(entry.blank for entry in entries)
    inputs: tuple[Input, ...] = plan.inputs
    return {
        **asked,
        "counts": {
            "rows": sum(one.rows for one in inputs),
            "scored": sum(entry.scored for entry in entries),
            "rejected": sum(faults.values()),
            "blank": blank,
            "verdicts": dict(sorted(verdicts.items())),
            "languages": dict(sorted(languages.items(), key=lambda one: (-one[1], one[0]))),
            "faults": dict(sorted(faults.items())),
            "by_input": [{"name": one.name, **counted} for one, counted in zip(inputs, by_input, strict=True)],
        },
        "parts": [
            {
                "name": entry.part.name, "input": inputs[entry.file].name, "first": entry.first, "rows": entry.rows,
                "scored": entry.scored, "rejected": entry.rejected.name if entry.rejected else None,
            }
            for entry in entries
        ],
        "files": [
            asdict(one) for entry in entries for one in (entry.part, entry.rejected) if one is not None
        ],
    }  # fmt: skip


def _finish(place: Place, manifest: dict[str, Any]) -> None:
    """Put together what was asked for as one file, and write the manifest last."""
    if place.merged is not None:
        manifest["files"] = [asdict(one) for one in _merged(place, manifest)]
        del manifest["parts"]
    with written(place.manifest) as out:
        out.file.write(json.dumps(manifest, ensure_ascii=False, indent=1).encode() + b"\n")
    if place.merged is None:
        # Begun is what has no manifest: from here on it says all that the entries said.
        shutil.rmtree(place.aside)
        sync_folder(place.parts)


def _merged(place: Place, manifest: dict[str, Any]) -> Iterator[Written]:
    assert place.merged is not None
    assert place.rejected is not None
    parts = [place.parts / one["name"] for one in manifest["parts"]]
    with written(place.merged) as out:
        if place.format == "parquet":
            with parquet_writer(out.file) as writer:
                for part in parts:
                    writer.write_table(pq.read_table(part))
        else:
            for i, part in enumerate(parts):
                with part.open("rb") as file:
                    if i and place.format == "csv":
                        file.readline()
                    shutil.copyfileobj(file, out.file)
    yield out.written
    rejected = [place.parts / one["rejected"] for one in manifest["parts"] if one["rejected"]]
    if rejected:
        with written(place.rejected) as out:
            for part in rejected:
                with part.open("rb") as file:
                    shutil.copyfileobj(file, out.file)
        yield out.written


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in _VERSIONS:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found
