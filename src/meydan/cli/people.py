"""`meydan moderators` and `meydan tokens`: who may decide, and which programs may ask."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

from meydan.cli.speech import (
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
    from meydan.staff import Staff

moderators = typer.Typer(help="Add, list and remove moderators.", no_args_is_help=True)
tokens = typer.Typer(help="Add, list and revoke tokens for programs.", no_args_is_help=True)

RoleOption = Annotated[str, typer.Option("--role", help="moderator, editor or auditor.")]
LanguagesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--language", help="A language whose comments they are given; may be repeated; all when left out."
    ),
]
NameArgument = Annotated[str, typer.Argument(help="The name decisions are recorded under.")]
UrlOption = Annotated[str | None, typer.Option("--public-url", help="The address the link is made for.")]


SERVED_AT = "served-at"
"""The file in the data folder that says at which address the last server was started."""


def sign_in_url(settings: Settings, link: str) -> str:
    """The address at which a one-time link signs its moderator in: as set, or as last served from this folder."""
    address = settings.own_url
    if not settings.public_url:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            address = (settings.data / SERVED_AT).read_text(encoding="utf-8").strip() or address
    return f"{address}/desk/sign-in?link={quote(link, safe='')}"


def remember_address(settings: Settings) -> None:
    """Write down where this server is reached, for links that are made beside it."""
    with contextlib.suppress(OSError):
        (settings.data / SERVED_AT).write_text(settings.own_url + "\n", encoding="utf-8")


@moderators.command("add")
def add_moderator(
    name: NameArgument,
    role: RoleOption = "moderator",
    language: LanguagesOption = None,
    email: Annotated[
        str | None, typer.Option("--email", help="Their address at the newsroom's own sign-in.")
    ] = None,
    public_url: UrlOption = None,
    data: DataOption = None,
    database: DatabaseOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a moderator, an editor or an auditor, and print a one-time sign-in link."""
    with refusals(as_json=as_json):
        given = settings_of(settings, data=data, database=database, public_url=public_url)
        with _staff(given) as staff:
            url = sign_in_url(
                given, staff.add_moderator(name, role=role, languages=language or (), email=email)
            )
        say(
            {"name": name, "link": url},
            as_json=as_json,
            text=f"{name} can sign in once, within {given.link_hours} hours:\n{url}",
        )


@moderators.command("link")
def new_link(
    name: NameArgument,
    public_url: UrlOption = None,
    data: DataOption = None,
    database: DatabaseOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print a fresh one-time sign-in link for a moderator."""
    with refusals(as_json=as_json):
        given = settings_of(settings, data=data, database=database, public_url=public_url)
        with _staff(given) as staff:
            url = sign_in_url(given, staff.new_link(name))
        say({"name": name, "link": url}, as_json=as_json, text=url)


@moderators.command("list")
def list_moderators(
    data: DataOption = None,
    database: DatabaseOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """List who may decide."""
    with refusals(as_json=as_json), _staff(settings_of(settings, data=data, database=database)) as staff:
        rows = staff.moderators()
        answer = [
            {
                "name": row.name,
                "role": row.role,
                "languages": list(row.languages),
                "one_time_codes": row.second_on,
                "added_at": row.added_at.isoformat(),
            }
            for row in rows
        ]
        text = "\n".join(f"{row.name}  {row.role}  {' '.join(row.languages)}".rstrip() for row in rows)
        say(answer, as_json=as_json, text=text or "No moderators yet. Add one: meydan moderators add NAME")


@moderators.command("role")
def give_role(
    name: NameArgument,
    role: Annotated[str, typer.Argument(help="moderator, editor or auditor.")],
    data: DataOption = None,
    database: DatabaseOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Give somebody another role, from now on."""
    with refusals(as_json=as_json), _staff(settings_of(settings, data=data, database=database)) as staff:
        staff.give_role(name, role)
        say({"name": name, "role": role}, as_json=as_json, text=f"{name}: {role}.")


@moderators.command("forget-codes")
def forget_codes(
    name: NameArgument,
    data: DataOption = None,
    database: DatabaseOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask somebody for one-time codes no more: their app and their recovery codes are lost."""
    with refusals(as_json=as_json), _staff(settings_of(settings, data=data, database=database)) as staff:
        from meydan.staff import OPERATOR

        staff.remove_second(name, by=OPERATOR)
        said = f"{name} signs in without a code until they set codes up again."
        say({"name": name, "one_time_codes": False}, as_json=as_json, text=said)


@moderators.command("remove")
def remove_moderator(
    name: NameArgument,
    data: DataOption = None,
    database: DatabaseOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """End a moderator's rights, sessions and links at once."""
    with refusals(as_json=as_json), _staff(settings_of(settings, data=data, database=database)) as staff:
        staff.remove_moderator(name)
        say({"name": name, "removed": True}, as_json=as_json, text=f"{name} can no longer sign in.")


@tokens.command("add")
def add_token(
    name: NameArgument,
    scope: Annotated[
        list[str] | None,
        typer.Option(
            "--scope", help="judge, stories, moderate or decisions; may be repeated; all when left out."
        ),
    ] = None,
    data: DataOption = None,
    database: DatabaseOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a token for a program and print it, once."""
    with refusals(as_json=as_json), _staff(settings_of(settings, data=data, database=database)) as staff:
        secret = staff.add_token(name, scope or ())
        say({"name": name, "token": secret}, as_json=as_json, text=f"{secret}\nIt is shown only this once.")


@tokens.command("list")
def list_tokens(
    data: DataOption = None,
    database: DatabaseOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """List tokens by name and scope; their secrets are not kept."""
    with refusals(as_json=as_json), _staff(settings_of(settings, data=data, database=database)) as staff:
        rows = staff.tokens()
        answer = [
            {
                "name": row.name,
                "scopes": list(row.scopes),
                "added_at": row.added_at.isoformat(),
            }
            for row in rows
        ]
        text = "\n".join(f"{row.name}  {', '.join(row.scopes)}" for row in rows)
        say(answer, as_json=as_json, text=text or "No tokens yet. Make one: meydan tokens add NAME")


@tokens.command("revoke")
def revoke_token(
    name: NameArgument,
    data: DataOption = None,
    database: DatabaseOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """End a token at once."""
    with refusals(as_json=as_json), _staff(settings_of(settings, data=data, database=database)) as staff:
        staff.revoke_token(name)
        say({"name": name, "revoked": True}, as_json=as_json, text=f"The token {name} is revoked.")


@contextmanager
def _staff(settings: Settings) -> Iterator[Staff]:
    from meydan.wiring import build_staff

    staff, store = build_staff(settings)
    try:
        yield staff
    finally:
        store.close()
