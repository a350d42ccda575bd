"""`meydan demo|serve|erase|doctor`: running a Meydan and looking after it."""

from __future__ import annotations

import contextlib
import gc
import os
import tempfile
import webbrowser
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from meydan.cli.people import remember_address, sign_in_url
from meydan.cli.speech import (
    EXIT_REFUSED,
    DatabaseOption,
    DataOption,
    GuidelinesOption,
    JsonOption,
    SettingsOption,
    console,
    errors,
    of_system,
    refusals,
    say,
    settings_of,
)
from meydan.errors import AlreadyExists, MeydanError
from meydan.settings import Settings

FIRST_MODERATOR = "editor"


def serve(
    host: Annotated[str | None, typer.Option("--host", help="The address to listen on (127.0.0.1).")] = None,
    port: Annotated[
        int | None, typer.Option("--port", help="The port to listen on (8080; 0 takes a free one).")
    ] = None,
    public_url: Annotated[
        str | None, typer.Option("--public-url", help="The origin readers reach this server at.")
    ] = None,
    judge: Annotated[
        str | None,
        typer.Option("--judge", help="here, or elsewhere: `meydan work` judges what is sent (here)."),
    ] = None,
    replica: Annotated[
        str | None,
        typer.Option(
            "--replica", help="A PostgreSQL server that follows the database; pages are read there."
        ),
    ] = None,
    data: DataOption = None,
    database: DatabaseOption = None,
    guidelines: GuidelinesOption = None,
    migrate: Annotated[
        bool | None,
        typer.Option("--migrate/--no-migrate", help="Whether it may change the database's tables (yes)."),
    ] = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Serve comments and the desk."""
    from meydan.exchange.aside import clear_left
    from meydan.post import office
    from meydan.web.app import create_app
    from meydan.web.serve import configure_logs, free_port, serve
    from meydan.wiring import build

    with refusals(as_json=as_json), _nothing_thrown_away():
        options = {
            "host": host, "port": port, "public_url": public_url, "judge": judge, "replica": replica,
            "data": data, "database": database, "guidelines": guidelines,
            "migrate": None if migrate is None else "yes" if migrate else "no",
        }  # fmt: skip
        given = settings_of(settings, **options)
        if given.port == 0:
            given = settings_of(settings, **{**options, "port": free_port(given.host)})
        configure_logs()
        with refusals(as_json=as_json, name=given.guidelines.name if given.guidelines else "default.toml"):
            meydan = build(given)
        clear_left(given.data)
        try:

            def ready(address: str) -> None:
                remember_address(given)
                # Only now: a start that failed must not have used up the first link unseen.
                first = None
                if not meydan.staff.moderators():
                    # Of several nodes that start at once on an empty database, one prints the link.
                    with contextlib.suppress(AlreadyExists):
                        first = sign_in_url(given, meydan.staff.add_moderator(FIRST_MODERATOR, role="editor"))
                told = {"url": address, "desk": f"{address}/desk", "first_sign_in": first}
                text = f"Serving comments at {address}\nThe desk is at      {address}/desk"
                if first:
                    text += f"\nSign in there once, as {FIRST_MODERATOR!r}: {first}"
                say(told, as_json=as_json, text=text)

            serve(meydan, create_app(meydan), on_ready=ready, beside=lambda ended: office.work(meydan, ended))
        finally:
            meydan.close()


@contextlib.contextmanager
def _nothing_thrown_away() -> Iterator[None]:
    """While a server is loaded, all of which stays, nobody looks for what can go; once it serves, `serve` does that."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def demo(
    port: Annotated[int | None, typer.Option("--port", help="The port to listen on (a free one).")] = None,
    data: Annotated[
        Path | None,
        typer.Option("--data", help="Keep the demo's data in this folder (else it is gone at the end)."),
    ] = None,
    browser: Annotated[bool, typer.Option("--open/--no-open", help="Open the page in a browser.")] = False,
    as_json: JsonOption = False,
) -> None:
    """A sample newsroom, ready to click; needs no network and leaves nothing behind."""
    from meydan import demo as newsroom
    from meydan.web.app import create_app
    from meydan.web.serve import configure_logs, free_port, serve
    from meydan.wiring import build

    with refusals(as_json=as_json), tempfile.TemporaryDirectory(prefix="meydan-demo-") as fresh:
        folder = data or Path(fresh)
        configure_logs(quiet=True)
        chosen = port or newsroom.same_port(folder, free_port)
        settings = settings_of(
            None,
            data=folder,
            port=chosen,
            host="127.0.0.1",
            database=f"sqlite:///{os.path.join(os.path.realpath(folder), 'demo.db')}",
        )
        meydan = build(settings)
        try:
            newsroom.seed(meydan)
            link = sign_in_url(settings, newsroom.desk_link(meydan))

            def ready(address: str) -> None:
                told = {"reader": f"{address}/", "desk": link}
                text = f"Read and comment:  {address}/\nModerate (once):   {link}\nStop with Ctrl+C."
                say(told, as_json=as_json, text=text)
                if browser:
                    webbrowser.open(f"{address}/")

            serve(meydan, create_app(meydan, site=newsroom.pages(settings.own_url)), on_ready=ready)
        finally:
            meydan.close()


def erase(
    ids: Annotated[list[str], typer.Argument(help="The comments' ids.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    data: DataOption = None,
    database: DatabaseOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Delete comments' words, names and everything derived from them, for good."""
    from meydan.exchange.aside import clear_left
    from meydan.wiring import build

    with refusals(as_json=as_json):
        if not yes and not as_json:
            typer.confirm(f"Erase {len(ids)} comment(s) for good? This cannot be undone", abort=True)
        given = settings_of(settings, data=data, database=database)
        meydan = build(given, entering=False)
        clear_left(given.data)
        erased: list[str] = []
        refused: dict[str, str] = {}
        try:
            for id in ids:
                try:
                    meydan.desk.erase(id)
                except MeydanError as error:
                    refused[id] = error.code
                    if not as_json:
                        errors.print(f"{error.code}  {error.message} ({id})", markup=False, soft_wrap=True)
                else:
                    erased.append(id)
        finally:
            meydan.close()
        if erased or as_json:
            text = "\n".join(f"erased  {id}" for id in erased)
            say({"erased": erased, "refused": refused}, as_json=as_json, text=text)
        if refused:
            raise typer.Exit(EXIT_REFUSED)


@dataclass(frozen=True, slots=True)
class _Finding:
    what: str
    ok: bool
    detail: str


def doctor(
    data: DataOption = None,
    database: DatabaseOption = None,
    guidelines: GuidelinesOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what is configured, what is reachable, and what to do about the rest."""
    with refusals(as_json=as_json):
        given = settings_of(settings, data=data, database=database, guidelines=guidelines)
        findings = list(_examine(given))
    if as_json:
        say([asdict(finding) for finding in findings], as_json=True, text="")
    else:
        for finding in findings:
            console.print(
                f"{'ok  ' if finding.ok else 'MEND'}  {finding.what}: {finding.detail}",
                markup=False,
                soft_wrap=True,
            )
    if not all(finding.ok for finding in findings):
        raise typer.Exit(EXIT_REFUSED)


def _examine(settings: Settings) -> list[_Finding]:
    import platform

    import meydan
    from meydan.judge import Judge, calibration
    from meydan.policy import load
    from meydan.post.mail import Mailer
    from meydan.wiring import build_ledger, build_notices, build_staff, guidelines_in_force, open_store

    def guidelines() -> str:
        loaded = load(settings.guidelines)
        where = settings.guidelines or "the shipped ones"
        ruling = guidelines_in_force(settings)
        if ruling.digest != loaded.digest:
            loaded, where = ruling, "accepted at the desk"
        return f"{where}, {len(loaded.rules)} rules, languages {', '.join(loaded.publication.languages)}, {loaded.digest[:19]}"

    def model() -> str:
        judge = Judge.load()
        known = calibration.in_force(settings.calibration_file, judge.model)
        told = [
            f"{tag} {'calibrated' if entry.bounded else 'on the guidelines’ own thresholds (uncalibrated)'}"
            for tag, entry in sorted(known.by_language.items())
        ]
        own = calibration.load_if_there(settings.calibration_file)
        others = own.measured - own.made_for(judge.model).measured
        told += [f"{tag} was calibrated with another judge: run `meydan calibrate`" for tag in sorted(others)]
        return f"{judge.model[:19]}, {len(judge.labels)} labels; {', '.join(told)}"

    # The doctor makes nothing: an examined folder without a database stays as it was.
    def reachable() -> str:
        if settings.is_unmade:
            return f"no {settings.sqlite_file} yet; the first `meydan serve` makes it"
        store = open_store(settings)
        try:
            store.ping()
            return f"{store.dialect} answers and can be written; {store.held_count()} comments are held"
        finally:
            store.close()

    def months() -> str:
        if settings.is_unmade:
            return "none yet"
        store = open_store(settings)
        try:
            return store.months_ahead(datetime.now(UTC))
        finally:
            store.close()

    def moderators() -> str:
        if settings.is_unmade:
            return "none yet; the first `meydan serve` prints a sign-in link"
        staff, store = build_staff(settings)
        try:
            active = staff.moderators()
        finally:
            store.close()
        return f"{len(active)} can sign in" if active else "none yet: meydan moderators add NAME"

    def mail() -> str:
        if settings.mail is None:
            return "off: no mail_server is set, and nothing that needs mail is offered"
        Mailer(settings.mail, settings.mail_from).check()
        return f"{settings.mail.host} port {settings.mail.port} takes mail"

    def letters() -> str:
        if settings.is_unmade:
            return "none yet"
        store = open_store(settings)
        try:
            standing = store.outbox.standing(datetime.now(UTC))
        finally:
            store.close()
        return (
            f"{standing.waiting} wait to be sent, {standing.due} of them are due; "
            f"{standing.dead} could not be delivered{' (the desk lists them at /desk/letters)' if standing.dead else ''}"
        )

    def webhooks() -> str:
        if settings.is_unmade:
            return "none"
        notices, store = build_notices(settings)
        try:
            standings = notices.standings()
            for one in standings:
                if one.endpoint.ended_at is None:
                    notices.where(one.endpoint)
        finally:
            store.close()
        return (
            "; ".join(
                f"{one.endpoint.name} at {one.endpoint.place} "
                + (
                    "said that it is gone"
                    if one.endpoint.ended_at
                    else f"({one.waiting} wait, {one.dead} could not be delivered)"
                )
                for one in standings
            )
            or "none"
        )

    def ledger() -> str:
        if settings.is_unmade:
            return "none yet"
        publishing, store = build_ledger(settings, making=False)
        try:
            standing = publishing.examine()
        finally:
            store.close()
        told = f"{standing.published} leaves are published as {standing.name}"
        if not settings.ledger_ms:
            told += "; ledger_ms is 0: `meydan ledger publish` publishes by hand"
        if standing.published and standing.name.partition("/")[0] != settings.ledger_name.partition("/")[0]:
            told += f" (it keeps that name; this server's would be {settings.ledger_name})"
        return told

    def public_url() -> str:
        if not settings.public_url:
            return f"{settings.own_url} (set public_url when readers use another)"
        return settings.public_url

    examined = [_Finding("version", True, f"meydan {meydan.__version__}, Python {platform.python_version()}")]
    checks: list[tuple[str, Callable[[], str]]] = [
        ("guidelines", guidelines),
        ("model", model),
        ("database", reachable),
        ("months", months),
        ("moderators", moderators),
        ("mail", mail),
        ("letters", letters),
        ("webhooks", webhooks),
        ("ledger", ledger),
        ("public url", public_url),
    ]
    for what, check in checks:
        try:
            examined.append(_Finding(what, True, check()))
        except MeydanError as error:
            examined.append(_Finding(what, False, f"{error.code} {error.message}"))
        except OSError as error:
            refused = of_system(error)
            examined.append(_Finding(what, False, f"{refused.code} {refused.message}"))
    return examined
