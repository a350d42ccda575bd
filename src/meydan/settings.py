"""
The operator's settings: a file and the environment become one frozen value.

Read by wiring and cli only. The environment wins over the file, and what the
command line says wins over both. An unknown key is an error: a setting that is
spelt wrong would otherwise be a promise silently not kept.
"""

from __future__ import annotations

import ipaddress
import os
import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, tzinfo
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit
from zoneinfo import ZoneInfo

from meydan.errors import BadSettings

ENVIRONMENT_PREFIX = "MEYDAN_"
LONGEST_PERIOD_DAYS = 3650
A_DAY = {"days": 1, "hours": 24, "minutes": 1440, "seconds": 86_400}
"""In each unit that a period's setting is named by."""

SHORTEST_TOKEN = 16
MAY_BE_NONE = ("port", "drain_seconds", "ledger_ms")
DISPOSABLE = ("take", "hold", "refuse")
"""What is done with a comment whose e-mail address is one of those given away for minutes."""

_SEED = re.compile(r"[0-9a-fA-F]{64}")

JUDGES = ("here", "elsewhere")
"""Whether a server judges what it receives, or leaves it to `meydan work`."""


@dataclass(frozen=True, slots=True)
class MailServer:
    """
    A server that takes mail by SMTP.

    `tls` is "implicit" (from the first byte), "starttls" (nothing is said before it) or "off". `authority` is the file of
    the certificates that are believed, None for the system's.
    """

    host: str
    port: int
    tls: str
    user: str = ""
    password: str = field(default="", repr=False)
    authority: Path | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """
    Everything an operator can set; docs/settings.md says the same in prose.

    Lengths are in characters (code points), durations and periods carry their unit.
    """

    data: Path = Path("meydan-data")
    database: str = field(default="", repr=False)
    migrate: str = "yes"
    guidelines: Path | None = None
    host: str = "127.0.0.1"
    port: int = 8080
    public_url: str = ""
    secret: str = field(default="", repr=False)
    former_secret: str = field(default="", repr=False)
    longest_text: int = 5000
    longest_name: int = 80
    submissions_per_minute: int = 120
    submission_burst: int = 60
    flood_per_minute: int = 120
    account_per_minute: int = 10
    near_repeats: int = 3
    judged_within_seconds: int = 2
    disposable_addresses: str = "take"
    reports_per_day: int = 50
    trusted_proxies: tuple[str, ...] = ("127.0.0.0/8", "::1/128")
    address_days: int = 7
    session_hours: int = 12
    link_hours: int = 24
    sweep_seconds: int = 15
    body_bytes: int = 65_536
    pause_after_minutes: int = 50
    severe_per_shift: int = 40
    time_zone: str = "UTC"
    issuer: str = ""
    issuer_client: str = ""
    issuer_secret: str = field(default="", repr=False)
    live_readers: int = 2000
    account_keys: Path | None = None
    account_issuer: str = ""
    account_audience: str = ""
    reader_issuer: str = ""
    reader_issuer_client: str = ""
    reader_issuer_secret: str = field(default="", repr=False)
    mail_server: str = field(default="", repr=False)
    mail_from: str = ""
    judge: str = "here"
    replica: str = field(default="", repr=False)
    metrics: tuple[str, ...] = ("127.0.0.0/8", "::1/128")
    metrics_token: str = field(default="", repr=False)
    drain_seconds: int = 0
    stale_minutes: int = 10
    writes_waiting: int = 256
    write_patience_seconds: int = 5
    outgoing_networks: tuple[str, ...] = ()
    judged_per_minute: int = 12_000
    suggestion_days: int = 365
    coral_secrets: tuple[str, ...] = field(default=(), repr=False)
    coral_within_ms: int = 150
    notice_waiting: int = 100
    notice_hours: int = 12
    notice_minutes: int = 60
    statement_categories: Path | None = None
    ledger_ms: int = 500
    ledger_key: tuple[str, ...] = field(default=(), repr=False)

    @property
    def database_url(self) -> str:
        """The database's address: as set, or an SQLite file in the data folder."""
        # Not Path.resolve, which fails where links go round in a circle: whoever opens it says so.
        return self.database or f"sqlite:///{os.path.join(os.path.realpath(self.data), 'meydan.db')}"

    @property
    def sqlite_file(self) -> Path | None:
        """The database's file, when it is one."""
        scheme, _, path = self.database_url.partition(":///")
        return Path(path) if scheme.startswith("sqlite") and path else None

    @property
    def is_unmade(self) -> bool:
        """
        Whether the database is a file that nobody has made yet.

        Raises:
            BadSettings: this user may not look, or there can be no such file.
        """
        file = self.sqlite_file
        try:
            return file is not None and not file.exists()
        except OSError as error:
            raise BadSettings(
                f"Whether there is a database {file} cannot be seen: {error.strerror}. Name another folder with --data, or "
                "let this user enter it.",
                fields=("data",),
            ) from error

    @property
    def calibration_file(self) -> Path:
        """The newsroom's own calibration, which `meydan calibrate` writes."""
        return self.data / "calibration.json"

    @property
    def secret_file(self) -> Path:
        """The key of every keyed hash, where it is not a setting."""
        return self.data / "secret.key"

    @property
    def ledger_key_file(self) -> Path:
        """The keys that sign the ledger, where they are not a setting: one a line, the current first."""
        return self.data / "ledger.key"

    @property
    def ledger_checkpoint_file(self) -> Path:
        """The last checkpoint that this node published or saw, outside the database."""
        return self.data / "ledger.checkpoint"

    @property
    def ledger_name(self) -> str:
        """What the first ledger of this server is called: its host, and its port where that is not the usual one."""
        return f"{urlsplit(self.own_url).netloc.rpartition('@')[2].lower()}/ledger"

    @property
    def erasures_file(self) -> Path:
        """The list of what was erased, outside the database."""
        return self.data / "erasures.jsonl"

    @property
    def zone(self) -> tzinfo:
        """The newsroom's time zone."""
        # Without asking the system, which may know no zones.
        return UTC if self.time_zone == "UTC" else ZoneInfo(self.time_zone)

    @property
    def mail(self) -> MailServer | None:
        """The server that takes the mail; None where no mail is sent."""
        return _mail_server(self.mail_server) if self.mail_server else None

    @property
    def own_url(self) -> str:
        """The address readers reach this server at, without a trailing slash."""
        if self.public_url:
            return self.public_url.rstrip("/")
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


def is_address(address: str) -> bool:
    """Whether mail can be sent to it as it stands: one @, a domain, and nothing that could begin something else."""
    local, at, domain = address.partition("@")
    return (
        bool(at and local and domain)
        and len(address) <= 254
        and "." in domain.strip(".")
        and not domain.startswith((".", "-"))
        and not any(
            c.isspace() or unicodedata.category(c).startswith("C") or c in '@<>"(),:;[]\\'
            for c in local + domain
        )
    )


def _mail_server(url: str) -> MailServer:
    """
    A mail server by its address: smtp:// (STARTTLS) or smtps://, with `tls=off`, `tls=on` and `ca=FILE` after a "?".

    To this machine itself nothing is encrypted unless it is asked for: nobody listens in between.
    """
    wrong = BadSettings(
        "The setting 'mail_server' is an address such as smtp://user:password@mail.example:587 or smtps://mail.example, "
        "with ?tls=off or ?ca=FILE where needed.",
        fields=("mail_server",),
    )
    try:
        parts = urlsplit(url)
        asked = dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {}
        port = parts.port
        authority = Path(asked["ca"]).expanduser() if "ca" in asked else None
    except (ValueError, RuntimeError):
        raise wrong from None
    if (
        parts.scheme not in ("smtp", "smtps")
        or not parts.hostname
        or parts.path.strip("/")
        or parts.fragment
        or not asked.keys() <= {"tls", "ca"}
        or asked.get("tls", "on") not in ("on", "off")
        or (parts.scheme == "smtps" and asked.get("tls") == "off")
    ):
        raise wrong
    local = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if parts.scheme == "smtps":
        tls, usual = "implicit", 465
    else:
        tls = "starttls" if asked.get("tls", "off" if local else "on") == "on" else "off"
        usual = 25 if local else 587
    return MailServer(
        host=parts.hostname,
        port=port or usual,
        tls=tls,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        authority=authority,
    )


def load_settings(
    path: Path | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    given: Mapping[str, object] | None = None,
) -> Settings:
    """
    Read the settings file, then the environment, then what was given.

    Args:
        path: a TOML file of top-level keys named as the fields of Settings;
            None means MEYDAN_SETTINGS, or no file.
        environment: MEYDAN_<KEY> for every key; lists are comma-separated.
        given: what the command line said; None means not said.

    Raises:
        BadSettings: unreadable, unknown key, wrong type or out of range. The
            message names the key and where it was set, never its value.
    """
    environment = os.environ if environment is None else environment
    values: dict[str, object] = {}
    if path is None and (named := environment.get(ENVIRONMENT_PREFIX + "SETTINGS")):
        path = Path(named)
    if path is not None:
        values.update(_from_file(path))
    for known in fields(Settings):
        variable = ENVIRONMENT_PREFIX + known.name.upper()
        if environment.get(variable):
            values[known.name] = _typed(known.name, environment[variable], f"in {variable}")
    for key, value in (given or {}).items():
        if value is not None:
            values[key] = _typed(key, value, "on the command line")
    return _checked(replace(Settings(), **values))  # type: ignore[arg-type]


def _from_file(path: Path) -> dict[str, object]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadSettings(f"The settings file {path} cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSettings(f"The settings file {path} is not TOML: {error}.") from error
    return {key: _typed(key, value, f"in {path}") for key, value in document.items()}


def _typed(key: str, value: object, where: str) -> object:
    kinds = {known.name: known.type for known in fields(Settings)}
    if key not in kinds:
        raise BadSettings(
            f"There is no setting {key!r} ({where}). docs/settings.md lists them.", fields=(key,)
        )
    kind = str(kinds[key])
    try:
        if kind == "int":
            if isinstance(value, bool) or not isinstance(value, int | str):
                raise ValueError
            return int(value)
        if kind.startswith("Path"):
            return _path(key, str(value), where)
        if kind.startswith("tuple"):
            parts = value.split(",") if isinstance(value, str) else value
            return tuple(text for part in parts if (text := str(part).strip()))  # type: ignore[attr-defined]
        if not isinstance(value, str):
            raise ValueError
    except (ValueError, TypeError) as error:
        raise BadSettings(
            f"The setting {key!r} ({where}) has to be of type {kind}.", fields=(key,)
        ) from error
    return value


def _path(key: str, value: str, where: str) -> Path:
    try:
        if "\0" in value:
            raise ValueError
        return Path(value).expanduser()
    except RuntimeError as error:
        raise BadSettings(
            f"The setting {key!r} ({where}) begins with ~ and a name of which this system knows no home folder. Write "
            "the whole path.",
            fields=(key,),
        ) from error


def _checked(settings: Settings) -> Settings:
    for known in fields(Settings):
        value = getattr(settings, known.name)
        if isinstance(value, int) and known.name not in MAY_BE_NONE and value < 1:
            raise BadSettings(f"The setting {known.name!r} has to be at least 1.", fields=(known.name,))
    if settings.address_days > LONGEST_PERIOD_DAYS:
        raise BadSettings(
            f"The setting 'address_days' is at most {LONGEST_PERIOD_DAYS}: addresses are to be forgotten.",
            fields=("address_days",),
        )
    if settings.suggestion_days > LONGEST_PERIOD_DAYS:
        raise BadSettings(
            f"The setting 'suggestion_days' is at most {LONGEST_PERIOD_DAYS}: what others found is to be forgotten.",
            fields=("suggestion_days",),
        )
    for known in fields(Settings):
        a_day = A_DAY.get(known.name.rpartition("_")[2])
        if a_day is not None and getattr(settings, known.name) > LONGEST_PERIOD_DAYS * a_day:
            raise BadSettings(
                f"The setting {known.name!r} is at most {LONGEST_PERIOD_DAYS * a_day}: ten years.",
                fields=(known.name,),
            )
    for key in ("trusted_proxies", "metrics", "outgoing_networks"):
        for network in getattr(settings, key):
            try:
                ipaddress.ip_network(network, strict=False)
            except ValueError as error:
                raise BadSettings(
                    f"The setting {key!r} is a list of networks, such as 10.0.0.0/8.", fields=(key,)
                ) from error
    if settings.metrics_token and len(settings.metrics_token) < SHORTEST_TOKEN:
        raise BadSettings(
            f"The setting 'metrics_token' has to have at least {SHORTEST_TOKEN} characters.",
            fields=("metrics_token",),
        )
    if any(len(secret) < SHORTEST_TOKEN for secret in settings.coral_secrets):
        raise BadSettings(
            f"Each of the setting 'coral_secrets' has to have at least {SHORTEST_TOKEN} characters.",
            fields=("coral_secrets",),
        )
    for key in ("drain_seconds", "ledger_ms"):
        if getattr(settings, key) < 0:
            raise BadSettings(f"The setting {key!r} has to be at least 0.", fields=(key,))
    if any(not _SEED.fullmatch(seed) for seed in settings.ledger_key):
        raise BadSettings(
            "The setting 'ledger_key' is 64 hexadecimal digits; older keys after it, if any, in a list.",
            fields=("ledger_key",),
        )
    try:
        _ = settings.zone
    except (ValueError, OSError, KeyError) as error:
        raise BadSettings(
            "The setting 'time_zone' is a zone that this system knows, such as Asia/Baghdad.",
            fields=("time_zone",),
        ) from error
    if not 0 <= settings.port <= 65535:
        raise BadSettings(
            "The setting 'port' is a number from 0 to 65535 (0: any free one).", fields=("port",)
        )
    if settings.disposable_addresses not in DISPOSABLE:
        raise BadSettings(
            f"The setting 'disposable_addresses' is one of: {', '.join(DISPOSABLE)}.",
            fields=("disposable_addresses",),
        )
    if settings.judge not in JUDGES:
        raise BadSettings(f"The setting 'judge' is one of: {', '.join(JUDGES)}.", fields=("judge",))
    if settings.replica and settings.sqlite_file is not None:
        raise BadSettings(
            "The setting 'replica' is for a PostgreSQL database; an SQLite file has none.",
            fields=("replica",),
        )
    if settings.migrate not in ("yes", "no"):
        raise BadSettings("The setting 'migrate' is yes or no.", fields=("migrate",))
    for key in ("issuer", "reader_issuer"):
        _check_issuer(key, getattr(settings, key), getattr(settings, f"{key}_client"))
    if settings.account_keys is not None:
        for key in ("account_issuer", "account_audience"):
            if not getattr(settings, key):
                raise BadSettings(
                    f"With 'account_keys', the setting {key!r} says what the accounts' tokens have to name.",
                    fields=(key,),
                )
    if settings.mail_server:
        _mail_server(settings.mail_server)
        if not is_address(settings.mail_from):
            raise BadSettings(
                "With 'mail_server', the setting 'mail_from' is the plain address that mail is sent from, "
                "such as comments@news.example.",
                fields=("mail_from",),
            )
    if settings.public_url:
        parts = urlsplit(settings.public_url)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.path.strip("/"):
            raise BadSettings(
                "The setting 'public_url' is an origin, such as https://comments.example.",
                fields=("public_url",),
            )
    return settings


def _check_issuer(key: str, issuer: str, client: str) -> None:
    if not issuer:
        return
    parts = urlsplit(issuer)
    local = parts.hostname in ("localhost", "127.0.0.1", "::1")
    if parts.scheme != "https" and not (parts.scheme == "http" and local):
        raise BadSettings(
            f"The setting {key!r} is the https address of an OpenID Connect issuer.", fields=(key,)
        )
    if not client:
        raise BadSettings(
            f"With {key!r}, the setting '{key}_client' names this server as it is registered there.",
            fields=(f"{key}_client",),
        )
