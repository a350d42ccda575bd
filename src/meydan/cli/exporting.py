"""`meydan export`: stories and comments as a file, for whoever goes on with them elsewhere."""

from __future__ import annotations

import contextlib
import gzip
import io
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, cast

import typer

from meydan import __version__
from meydan.cli.keeping import _bar
from meydan.cli.speech import (
    DatabaseOption,
    DataOption,
    JsonOption,
    SettingsOption,
    errors,
    refusals,
    say,
    settings_of,
)
from meydan.errors import BadSettings, NotFound
from meydan.whole import STATES, State, Whole, WholeComment

if TYPE_CHECKING:
    from meydan.exchange.meydan import Header, Told, Written
    from meydan.exchange.record import CommentRecord, StoryRecord
    from meydan.store.exports import Exports, Wanted

FORMATS = ("jsonl", "parquet", "wxr", "disqus")
_BY_SUFFIX = {".jsonl": "jsonl", ".parquet": "parquet"}


def export(
    file: Annotated[str, typer.Argument(help="The file; gzip where it ends in .gz; - for standard output.")],
    format: Annotated[
        str | None,
        typer.Option(
            "--format", help="jsonl or parquet (everything), wxr or disqus; by the file's name when left out."
        ),
    ] = None,
    story: Annotated[
        str | None, typer.Option("--story", help="Only comments on the story of this URL.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since", help="Only comments sent then or later: 2026-01-31, or a time with its zone."
        ),
    ] = None,
    until: Annotated[str | None, typer.Option("--until", help="Only comments sent before then.")] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only", help="Only approved, rejected, held, withdrawn or erased comments; may be repeated."
        ),
    ] = None,
    without_emails: Annotated[bool, typer.Option("--without-emails", help="Leave addresses out.")] = False,
    with_proofs: Annotated[
        bool, typer.Option("--with-proofs", help="With the salts and commitments that prove what was sent.")
    ] = False,
    with_escalated: Annotated[
        bool,
        typer.Option(
            "--with-escalated", help="With the words of what was escalated, which are covered otherwise."
        ),
    ] = False,
    data: DataOption = None,
    database: DatabaseOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write stories and comments into one file, of one moment, beside a running server."""
    from meydan import keeping
    from meydan.store.carrying import snapshot
    from meydan.store.exports import Exports, Wanted

    with refusals(as_json=as_json):
        chosen = _format(file, format)
        wanted = Wanted(
            story=_story(story),
            since=_moment("since", since),
            until=_moment("until", until),
            only=_states(only or []),
            emails=not without_emails,
            proofs=with_proofs,
            escalated=with_escalated,
        )
        given = settings_of(settings, data=data, database=database)
        if file == "-" and sys.stdout.isatty():
            raise BadSettings("An export is not for reading here: send it to a file or a program.")
        covered = _Covered()
        with contextlib.ExitStack() as held:
            path = None if file == "-" else Path(file)
            target: BinaryIO = (
                sys.stdout.buffer if path is None else held.enter_context(keeping.whole_file(path, "export"))
            )
            exports = Exports(held.enter_context(snapshot(given.database_url)), wanted)
            if wanted.story is not None and not any(exports.stories()):
                raise NotFound(
                    "There is no such story here. --story takes its address, as readers see it.",
                    fields=("story",),
                )
            told = held.enter_context(_bar(as_json, "Exporting", exports.count))
            now = datetime.now(UTC)
            with _packed(_Out(target, path), gz=file.endswith(".gz")) as out:
                written = _write(chosen, out, exports, _header(wanted, now), now, told, covered)
            unconfirmed = exports.unconfirmed()
        if unconfirmed:
            written.left_out["unconfirmed"] = unconfirmed
        answer = {
            "file": file,
            "format": chosen,
            "stories": written.stories,
            "comments": written.comments,
            "covered": covered.count,
            "respelled": written.respelled,
            "left_out": written.left_out,
        }
        if file == "-":
            # Where answers go, the export went.
            errors.print(_sentence(answer), markup=False, soft_wrap=True)
        else:
            say(answer, as_json=as_json, text=_sentence(answer))


def _write(
    format: str, out: BinaryIO, exports: Exports, header: Header, now: datetime, told: Told, covered: _Covered
) -> Written:
    if format in ("jsonl", "parquet"):
        items: Iterator[Whole] = chain(exports.stories(), covered.of(exports.comments()))
        if format == "jsonl":
            from meydan.exchange.meydan import write_jsonl

            return write_jsonl(out, header, items, told)
        from meydan.exchange.parquet import write_parquet

        return write_parquet(out, header, items, told)
    if format == "wxr":
        from meydan.exchange.to_wordpress import write_wxr

        return write_wxr(out, _story_by_story(exports, covered), told, at=now)
    from meydan.exchange.to_disqus import write_disqus

    return write_disqus(out, _stories_first(exports, covered), told, at=now)


def _story_by_story(exports: Exports, covered: _Covered) -> Iterator[StoryRecord | CommentRecord]:
    from meydan.exchange.meydan import record_of, story_record_of

    for story in exports.stories():
        yield story_record_of(story)
        yield from map(record_of, covered.of(exports.comments(story.url)))


def _stories_first(exports: Exports, covered: _Covered) -> Iterator[StoryRecord | CommentRecord]:
    from meydan.exchange.meydan import record_of, story_record_of

    yield from map(story_record_of, exports.stories())
    yield from map(record_of, covered.of(exports.comments()))


def _header(wanted: Wanted, now: datetime) -> Header:
    from meydan.exchange.meydan import FORMAT, Header

    return Header(
        format=FORMAT,
        program=__version__,
        at=now,
        emails=wanted.emails,
        proofs=wanted.proofs,
        escalated=wanted.escalated,
        story=wanted.story,
        since=wanted.since,
        until=wanted.until,
        only=tuple(wanted.only),
    )


class _Covered:
    """Counts the comments whose words are covered, as they pass."""

    def __init__(self) -> None:
        self.count = 0

    def of(self, comments: Iterator[WholeComment]) -> Iterator[WholeComment]:
        for comment in comments:
            self.count += comment.covered
            yield comment


class _Out(io.RawIOBase):
    """What is written, where a failure is told as one of the file, and not of the database that is being read."""

    def __init__(self, target: BinaryIO, path: Path | None) -> None:
        self._target = target
        self._path = path

    def writable(self) -> bool:
        return True

    def write(self, piece: Any, /) -> int:
        from meydan import keeping

        with keeping.writing(self._path, "export"):
            self._target.write(piece)
        return memoryview(piece).nbytes

    def flush(self) -> None:
        from meydan import keeping

        with keeping.writing(self._path, "export"):
            self._target.flush()


@contextlib.contextmanager
def _packed(out: _Out, *, gz: bool) -> Iterator[BinaryIO]:
    buffered = io.BufferedWriter(out, 2**20)
    if gz:
        # Without a name and a time of gzip's own.
        with gzip.GzipFile(filename="", mode="wb", fileobj=buffered, compresslevel=6, mtime=0) as packed:
            yield cast(BinaryIO, packed)
    else:
        yield buffered
    buffered.flush()


def _format(file: str, format: str | None) -> str:
    name = file.removesuffix(".gz")
    chosen = format or _BY_SUFFIX.get(Path(name).suffix)
    if chosen not in FORMATS:
        raise BadSettings(
            f"Say --format {'|'.join(FORMATS)}: the file's name does not tell it."
            if format is None
            else f"There is no format {format!r}: --format {'|'.join(FORMATS)}.",
            fields=("format",),
        )
    if chosen == "parquet" and name != file:
        raise BadSettings(
            "Parquet is packed already, and nothing reads it in gzip: leave .gz out.", fields=("file",)
        )
    return chosen


def _story(url: str | None) -> str | None:
    from meydan.policy.address import story_address

    return None if url is None else story_address(url)


def _states(only: list[str]) -> tuple[State, ...]:
    unknown = [state for state in only if state not in STATES]
    if unknown:
        raise BadSettings(f"--only takes {', '.join(STATES)}; not {unknown[0]!r}.", fields=("only",))
    return tuple(state for state in STATES if state in only)


def _moment(option: str, said: str | None) -> datetime | None:
    if said is None:
        return None
    for read in _READ:
        try:
            at = read(said)
            if at.tzinfo is not None:
                return at.astimezone(UTC)
        except (ValueError, OverflowError):
            # No time, or one that is in no year of UTC.
            continue
    raise BadSettings(
        f"--{option} takes a day (2026-01-31, from midnight in UTC) or a time with its zone (2026-01-31T18:00:00+03:00).",
        fields=(option,),
    )


_READ: tuple[Callable[[str], datetime], ...] = (
    lambda said: datetime.combine(date.fromisoformat(said), time(tzinfo=UTC)),
    datetime.fromisoformat,
)


def _sentence(answer: dict[str, object]) -> str:
    said = f"{answer['comments']} comments on {answer['stories']} stories were exported to {answer['file']} ({answer['format']})."
    left_out = answer["left_out"]
    if isinstance(left_out, dict):
        for why, count in left_out.items():
            said += " " + _LEFT_OUT[why].format(count=count)
    if answer["covered"]:
        said += f" The words of {answer['covered']} were escalated and are not in it; --with-escalated puts them in."
    if answer["respelled"]:
        said += (
            f" {answer['respelled']} hold characters that XML cannot spell: other programs see � in their place, and "
            "`meydan import` reads them as they are."
        )
    return said


_LEFT_OUT = {
    "held": "{count} wait for a decision, for which this format has no word, and were left out.",
    "unconfirmed": "{count} wait for their authors to confirm an address, and were left out.",
}
