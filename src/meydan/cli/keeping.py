"""`meydan backup|restore|move`: the database as a file, a file as the database, and one database as another."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from meydan import durable
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
from meydan.errors import BadSettings, NotRestorable, StoreUnavailable
from meydan.settings import Settings

if TYPE_CHECKING:
    from meydan.keeping import Manifest, Restored
    from meydan.store import Erased, Erasures

SECRET = "secret.key"  # noqa: S105  (the file's name)
LEDGER_KEY = "ledger.key"
CALIBRATION = "calibration.json"

ErasuresOption = Annotated[
    list[str] | None,
    typer.Option(
        "--erasures",
        help="What was erased since: another list, a later backup, or the living database's URL; may be repeated.",
    ),
]


def backup(
    file: Annotated[str, typer.Argument(help="The backup's file; - for standard output.")],
    verify: Annotated[
        bool, typer.Option("--verify", help="Make nothing: prove the backup in FILE, without a database.")
    ] = False,
    with_secret: Annotated[
        bool,
        typer.Option(
            "--with-secret",
            help="Put the secret key and the ledger's key in, too; keep such a file as you keep keys.",
        ),
    ] = False,
    data: DataOption = None,
    database: DatabaseOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write all that the database holds into one file, beside a running server."""
    from meydan import keeping
    from meydan.store import Erasures
    from meydan.store.carrying import snapshot

    with refusals(as_json=as_json):
        if verify:
            with _opened(file) as opened, _bar(as_json, "Proving", _size(file)) as told:
                manifest = keeping.verify(keeping.Backup(_watched(opened, told)))
            say(_told_of(manifest, file), as_json=as_json, text=_sentence("is sound", manifest, file))
            return
        given = settings_of(settings, data=data, database=database)
        files = _files(given, with_secret=with_secret)
        with contextlib.ExitStack() as held:
            out: BinaryIO
            if file == "-":
                if sys.stdout.isatty():
                    raise BadSettings("A backup is not for reading: send it to a file or a program.")
                out = sys.stdout.buffer
            else:
                out = held.enter_context(keeping.whole_file(Path(file)))
            source = held.enter_context(snapshot(given.database_url))
            listed = Erasures(given.erasures_file)
            told = held.enter_context(_bar(as_json, "Backing up", source.count))
            manifest = keeping.back_up(
                source,
                out,
                clock=lambda: datetime.now(UTC),
                files=files,
                listed=listed.read() if listed.begun else (),
                told=told,
            )
            if file == "-":
                with keeping.writing():
                    out.flush()
        if file == "-":
            # Where answers go, the backup went.
            errors.print(_sentence("was written", manifest, "standard output"), markup=False, soft_wrap=True)
        else:
            say(_told_of(manifest, file), as_json=as_json, text=_sentence("was written", manifest, file))


def restore(
    file: Annotated[str, typer.Argument(help="The backup's file; - for standard input.")],
    erasures: ErasuresOption = None,
    without_erasures: Annotated[
        bool,
        typer.Option(
            "--without-erasures",
            help="There is no list of what was erased since: its words come back. Say so only if it is true.",
        ),
    ] = False,
    data: DataOption = None,
    database: DatabaseOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fill an empty database from a backup, and erase again what was erased since."""
    from meydan import keeping
    from meydan.wiring import erasures_of

    with refusals(as_json=as_json):
        given = settings_of(settings, data=data, database=database)
        own = erasures_of(given)
        erased = _erased_since(own, erasures or [], without=without_erasures)
        with _opened(file) as opened, _bar(as_json, "Restoring", _size(file)) as told:
            holding = keeping.Backup(_watched(opened, told))
            _check_files(given, holding.files)
            done = keeping.restore(
                holding,
                given.database_url,
                erased=erased,
                erasures=own,
                before=lambda: _put_files(given, holding.files),
            )
        remembered = given.ledger_checkpoint_file.is_file()
        lines = [_sentence("was restored", done.manifest, file), _again(done, listed=erased is not None)]
        if done.manifest.leaves and not remembered:
            lines.append(
                f"There is no ledger.checkpoint in {given.data}. If the ledger was published after this backup was made, put the "
                "former data folder's there before you serve this: without it nobody notices that the database is an older one, and "
                "the ledger would be signed twice."
            )
        say(
            {
                **_told_of(done.manifest, file), "listed": done.listed,
                "erased_again": done.erased, "held": done.held, "unknown": done.unknown,
                "ledger_checkpoint": remembered,
            },
            as_json=as_json,
            text="\n".join(lines),
        )  # fmt: skip


def move(
    source: Annotated[str, typer.Argument(metavar="FROM", help="sqlite:///FILE or postgresql://…")],
    target: Annotated[str, typer.Argument(metavar="TO", help="An empty database of either kind.")],
    as_json: JsonOption = False,
) -> None:
    """Carry everything from one database into another; the first stays as it is, and must not be in use."""
    from meydan import keeping

    with refusals(as_json=as_json):
        if source == target:
            raise BadSettings("FROM and TO are the same database.")
        with _bar(as_json, "Moving", None) as told:
            proof = keeping.move(source, target, told=told, begun=getattr(told, "begin", None))
        say(
            {"comments": proof.comments, "erased": proof.erased, "leaves": proof.tree.size,
             "root": proof.tree.root().hex(), "rows": {name: one.rows for name, one in proof.counted.items()}},
            as_json=as_json,
            text=f"{proof.comments} comments were moved and proved, {proof.erased} of them erased; {proof.tree.size} leaves.\n"
            "From now on serve the new database: set `database` to it. Do not serve the old one again.",
        )  # fmt: skip


def _erased_since(own: Erasures, named: list[str], *, without: bool) -> list[Erased] | None:
    """What was erased since, by all lists there are; None where there is none and that was said."""
    from meydan.keeping import erasures_in

    listed = [one for where in named for one in erasures_in(where)]
    own_list = own.read() if own.begun else []
    if named or own_list:
        return [*own_list, *listed]
    if without:
        return None
    raise NotRestorable(
        "Nobody says what was erased after this backup was made, and restoring it would bring those words back. "
        f"Put the data folder's list at {own.path}, or name one with --erasures: such a list, a later backup, or the living "
        "database's URL. Only if there is none: --without-erasures."
    )


def _again(done: Restored, *, listed: bool) -> str:
    if not listed:
        return (
            "No list said what was erased since: those words are in this database again. Whoever asked for an erasure after "
            f"{done.manifest.at} has to be asked, or looked up, and it is to be erased anew."
        )
    newest = f", the last one of {done.newest:%Y-%m-%d %H:%M} UTC" if done.newest else ""
    told = (
        f"The lists name {done.listed} erasures{newest}. {done.erased} comments that were erased since are erased again; "
        f"{done.unknown} are not in this backup."
    )
    if done.held:
        told += f" {done.held} are held for the law and are erased when their hold ends."
    return told


def _files(settings: Settings, *, with_secret: bool) -> dict[str, bytes]:
    wanted = {CALIBRATION: settings.calibration_file}
    if with_secret:
        if settings.secret:
            raise BadSettings(
                "The secret is a setting here, not a file: keep it where you keep your settings, and leave --with-secret out.",
                fields=("secret",),
            )
        wanted[SECRET] = settings.secret_file
        if not settings.ledger_key:
            wanted[LEDGER_KEY] = settings.ledger_key_file
    files = {}
    for name, path in wanted.items():
        try:
            files[name] = path.read_bytes()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise StoreUnavailable(f"{path} cannot be read: {error.strerror}.") from None
    return files


def _check_files(settings: Settings, files: dict[str, bytes]) -> None:
    """Nothing of the data folder is written over; another secret, or key, than the backup's is refused."""
    for name, path, given in (
        (SECRET, settings.secret_file, settings.secret),
        (LEDGER_KEY, settings.ledger_key_file, settings.ledger_key),
    ):
        if name in files and not given and path.exists() and path.read_bytes() != files[name]:
            what = "secret" if name == SECRET else "key of the ledger"
            raise NotRestorable(
                f"The backup holds another {what} than {path}. Restore into a new data folder, or move that file away."
            )


def _put_files(settings: Settings, files: dict[str, bytes]) -> None:
    places = {
        CALIBRATION: (settings.calibration_file, ()),
        SECRET: (settings.secret_file, settings.secret),
        LEDGER_KEY: (settings.ledger_key_file, settings.ledger_key),
    }
    for name, (path, given) in places.items():
        if name not in files or path.exists() or given:
            continue
        try:
            durable.write(path, files[name])
        except OSError as error:
            raise StoreUnavailable(f"{path} cannot be written: {error.strerror}.") from None


def _told_of(manifest: Manifest, file: str) -> dict[str, object]:
    return {
        "file": file, "at": manifest.at, "comments": manifest.comments, "erased": manifest.erased,
        "leaves": manifest.leaves, "root": manifest.root,
        "rows": {name: counted.rows for name, counted in manifest.tables.items()},
    }  # fmt: skip


def _sentence(what: str, manifest: Manifest, file: str) -> str:
    return (
        f"The backup of {manifest.at} {what} ({file}): {manifest.comments} comments, {manifest.erased} of them erased; "
        f"all others fit what they were committed to. {manifest.leaves} leaves, root {manifest.root[:16]}."
    )


@contextlib.contextmanager
def _opened(file: str) -> Iterator[BinaryIO]:
    if file == "-":
        yield sys.stdin.buffer
        return
    try:
        opened = Path(file).open("rb")  # noqa: SIM115  (below)
    except OSError as error:
        raise StoreUnavailable(f"The backup {file} cannot be read: {error.strerror}.") from None
    with opened:
        yield opened


def _size(file: str) -> Callable[[], int] | None:
    return None if file == "-" else lambda: Path(file).stat().st_size


class _Told:
    """Moves a bar on, which is seen where a person looks on and nowhere else."""

    def __init__(self, progress: Progress | None, what: str, total: int | None) -> None:
        self._progress = progress
        self._task = progress.add_task(what, total=total) if progress else None

    def begin(self, total: int) -> None:
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, total=total)

    def __call__(self, done: int) -> None:
        if self._progress is not None and self._task is not None:
            self._progress.advance(self._task, done)


@contextlib.contextmanager
def _bar(as_json: bool, what: str, total: Callable[[], int] | None) -> Iterator[_Told]:
    if as_json or not errors.is_terminal:
        yield _Told(None, what, None)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=errors, transient=True) as progress:
        yield _Told(progress, what, total() if total is not None else None)


class _Watched:
    """A file that tells how much of it was read."""

    def __init__(self, file: BinaryIO, told: _Told) -> None:
        self._file = file
        self._told = told

    def read(self, size: int = -1) -> bytes:
        read = self._file.read(size)
        self._told(len(read))
        return read


def _watched(file: BinaryIO, told: _Told) -> BinaryIO:
    return _Watched(file, told)  # type: ignore[return-value]
