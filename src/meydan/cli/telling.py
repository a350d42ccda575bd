"""`meydan webhooks`: which of the newsroom's own programs and channels are told what happens."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from meydan.cli.speech import (
    EXIT_REFUSED,
    DatabaseOption,
    DataOption,
    JsonOption,
    SettingsOption,
    refusals,
    say,
    settings_of,
)
from meydan.settings import Settings

if TYPE_CHECKING:
    from meydan.notices import Endpoint, Notices

app = typer.Typer(help="Tell the newsroom's own programs and channels what happens.", no_args_is_help=True)

NameArgument = Annotated[str, typer.Argument(help="The endpoint's name.")]


@app.command("add")
def add(
    name: NameArgument,
    url: Annotated[
        str,
        typer.Argument(help="Where it is told; - to read it from the standard input, where nobody sees it."),
    ],
    event: Annotated[
        list[str] | None,
        typer.Option("--event", help="What it is told of; may be repeated; all when left out."),
    ] = None,
    form: Annotated[
        str, typer.Option("--format", help="standard (signed JSON), or slack (a channel's incoming webhook).")
    ] = "standard",
    words: Annotated[
        bool, typer.Option("--words", help="Give it the words of comments that readers see.")
    ] = False,
    language: Annotated[
        str, typer.Option("--language", help="In which language a channel is spoken to.")
    ] = "en",
    data: DataOption = None,
    database: DatabaseOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add an endpoint, and print the secret that signs what is sent there, once."""
    with refusals(as_json=as_json), _notices(settings_of(settings, data=data, database=database)) as notices:
        from meydan.staff import OPERATOR

        if url == "-":
            url = sys.stdin.readline()
        endpoint, secret = notices.add(
            name, url, by=OPERATOR, events=event or (), form=form, words=words, language=language
        )
        told = f"{endpoint.name} at {endpoint.place} is told of: {', '.join(endpoint.events)}."
        if secret is not None:
            told = f"{secret}\nThis secret is shown only this once. {told}"
        say({**_told(endpoint), "secret": secret}, as_json=as_json, text=told)


@app.command("list")
def list_all(
    data: DataOption = None,
    database: DatabaseOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the endpoints, what they are told of, and how many notices wait or could not be delivered."""
    with refusals(as_json=as_json), _notices(settings_of(settings, data=data, database=database)) as notices:
        standings = notices.standings()
        answer = [{**_told(one.endpoint), "waiting": one.waiting, "dead": one.dead} for one in standings]
        text = "\n".join(
            f"{one.endpoint.name}  {one.endpoint.form}  {one.endpoint.place}  "
            + (
                "gone: its receiver said so"
                if one.endpoint.ended_at
                else f"{one.waiting} wait, {one.dead} not delivered  {' '.join(one.endpoint.events)}"
            )
            for one in standings
        )
        say(answer, as_json=as_json, text=text or "No endpoints yet. Add one: meydan webhooks add NAME URL")


@app.command("remove")
def remove(
    name: NameArgument,
    data: DataOption = None,
    database: DatabaseOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell an endpoint nothing any more, at once; what waited for it is not sent."""
    with refusals(as_json=as_json), _notices(settings_of(settings, data=data, database=database)) as notices:
        from meydan.staff import OPERATOR

        notices.remove(name, by=OPERATOR)
        say({"name": name, "removed": True}, as_json=as_json, text=f"{name} is told nothing any more.")


@app.command("test")
def test(
    name: NameArgument,
    data: DataOption = None,
    database: DatabaseOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send an endpoint a message that tells nothing, now, and say what it answered; exits with 1 where it was not taken."""
    with refusals(as_json=as_json), _notices(settings_of(settings, data=data, database=database)) as notices:
        from meydan.post.webhooks import Webhooks

        answered = Webhooks(notices).try_out(notices.named(name))
        taken = not answered.cause
        text = (
            f"{name} took it, in {answered.ms} ms." if taken else f"{name} did not take it: {answered.cause}."
        )
        say(
            {"name": name, "taken": taken, "cause": answered.cause or None, "ms": answered.ms},
            as_json=as_json,
            text=text,
        )
        if not taken:
            raise typer.Exit(EXIT_REFUSED)


@app.command("rotate")
def rotate(
    name: NameArgument,
    keep_hours: Annotated[
        int,
        typer.Option(
            "--keep-hours", min=0, max=87_600, help="For how long the secret of before signs as well."
        ),
    ] = 24,
    data: DataOption = None,
    database: DatabaseOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give an endpoint another secret and print it, once; for a while the one of before signs beside it."""
    with refusals(as_json=as_json), _notices(settings_of(settings, data=data, database=database)) as notices:
        from meydan.staff import OPERATOR

        secret = notices.rotate(name, by=OPERATOR, kept=timedelta(hours=keep_hours))
        text = f"{secret}\nIt is shown only this once. The secret of before signs as well for {keep_hours} hours."
        say({"name": name, "secret": secret, "kept_hours": keep_hours}, as_json=as_json, text=text)


@app.command("replay")
def replay(
    name: NameArgument,
    data: DataOption = None,
    database: DatabaseOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Try everything again that could not be delivered to an endpoint."""
    with refusals(as_json=as_json), _notices(settings_of(settings, data=data, database=database)) as notices:
        from meydan.staff import OPERATOR

        number = notices.try_all_again(notices.named(name).number, by=OPERATOR)
        say({"name": name, "notices": number}, as_json=as_json, text=f"{number} will be tried again.")


def _told(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "name": endpoint.name,
        "format": endpoint.form,
        "place": endpoint.place,
        "events": list(endpoint.events),
        "words": endpoint.words,
        "language": endpoint.language,
        "added_at": endpoint.added_at.isoformat(),
        "gone_at": endpoint.ended_at.isoformat() if endpoint.ended_at else None,
    }


@contextmanager
def _notices(settings: Settings) -> Iterator[Notices]:
    from meydan.wiring import build_notices

    notices, store = build_notices(settings)
    try:
        yield notices
    finally:
        store.close()
