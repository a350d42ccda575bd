"""
The one file that knows every concrete class: Settings -> a built Meydan.

Real clock, real randomness and the secret enter the program here and nowhere else.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog

from meydan import durable
from meydan.desk import GUIDELINES_NAME, Care, Desk, Limits
from meydan.errors import (
    BackupDamaged,
    BadCalibration,
    BadGuidelines,
    BadSettings,
    BadSigningKey,
    StoreUnavailable,
    Unavailable,
)
from meydan.intake import Intake
from meydan.judge import Judge
from meydan.judge.calibration import in_force
from meydan.letters import Letters
from meydan.notices import Notices, Thresholds
from meydan.outgoing import Outgoing
from meydan.policy import Fault, Guidelines, load, parse
from meydan.publishing import Memory, Publishing
from meydan.readers import Accounts, Readers
from meydan.reception import Reception
from meydan.settings import Settings
from meydan.staff import Staff
from meydan.store import Bounds, Erasures, Hearing, Store
from meydan.store.database import serving_lock
from meydan.store.migrating import Outlook, look, unmade
from meydan.store.months import change

SECRET_BYTES = 32
SWEEP_BATCH = 100
SWEEP_ROUNDS = 50
SWEEP_AGE_S = 10.0
WORK_BATCH = 10
"""How many a worker judges before it looks up."""
LISTED_AGAIN = timedelta(days=1)
NOTICE_TIMEOUT_S = 15.0
"""How long a receiver of notices may be silent, and all of one question may take: what Standard Webhooks recommends at least."""
NOTICE_ANSWER_BYTES = 65_536
"""Of an answer's headers."""

log = structlog.get_logger("meydan.wiring")


@dataclass(slots=True)
class Meydan:
    """
    A built Meydan: the desk, the staff, the readers, the letters, the notices and the ledger over one store, ready for a door to be put in front.

    `competes`: this node would look after the house, if no other does.
    """

    settings: Settings
    desk: Desk
    reception: Reception
    staff: Staff
    readers: Readers
    letters: Letters
    notices: Notices
    ledger: Publishing
    store: Store
    _secret: bytes = field(repr=False)
    competes: bool = True
    _guidelines_seen: tuple[int, int] | None = None
    _calibration_seen: tuple[int, int] | None = None
    _unlisted: bool = False

    def address_key(self, address: str) -> str:
        """
        A keyed hash of a network address; the address itself is kept nowhere.

        An IPv6 address counts by its /64, which is what one household has.
        """
        try:
            ip = ipaddress.ip_address(address.partition("%")[0])
        except ValueError:
            canonical = address
        else:
            if isinstance(ip, ipaddress.IPv6Address):
                ip = ip.ipv4_mapped or ipaddress.ip_network((ip, 64), strict=False).network_address
            canonical = str(ip)
        message = b"address\x00" + canonical.encode("utf-8", "surrogatepass")
        return hmac.digest(self._secret, message, "sha256").hex()[:32]

    def refresh_guidelines(self) -> bool:
        """
        Take up what rules by now: a version accepted at a desk, or a changed guidelines file, which is entered as one.

        A bad file never takes effect: the old version stays in force. Returns whether another is in force.
        """
        before = self.desk.guidelines.digest
        if self.desk.refresh_guidelines():
            log.info("guidelines_adopted", digest=self.desk.guidelines.digest)
        self._enter_changed_file()
        return self.desk.guidelines.digest != before

    def _enter_changed_file(self) -> None:
        path = self.settings.guidelines
        if path is None:
            return
        seen = _stamp(path)
        if seen == self._guidelines_seen:
            return
        try:
            guidelines = load(path)
        except BadGuidelines as error:
            log.error(
                "guidelines_refused",
                code=error.code,
                file=str(path),
                findings=[
                    finding.render(path.name) for finding in error.findings[:5] if isinstance(finding, Fault)
                ],
                more=max(0, len(error.findings) - 5),
                kept=self.desk.guidelines.digest,
            )
        else:
            # While the database does not answer it is not seen: the next round enters it.
            self.desk.enter_file(guidelines, shipped=False)
        self._guidelines_seen = seen

    def refresh_calibration(self) -> bool:
        """
        Take up a changed calibration file. A bad one never takes effect: the old one stays in force.

        Returns whether another calibration is in force.
        """
        path = self.settings.calibration_file
        seen = _stamp(path)
        if seen == self._calibration_seen:
            return False
        self._calibration_seen = seen
        before = self.desk.calibrations
        try:
            found = in_force(path, self.desk.model)
        except BadCalibration as error:
            log.error("calibration_refused", code=error.code, file=str(path))
            return False
        if found.by_language == before.by_language:
            return False
        self.desk.adopt_calibrations(found.without(before.withdrawn))
        log.info("calibration_adopted", languages=sorted(found.measured))
        return True

    def leads(self) -> bool:
        """Whether this node sweeps, forgets and carries letters just now; to be asked before each piece of that."""
        return self.competes and self.store.leading.leads()

    @property
    def leading(self) -> bool:
        """Whether this node led when it was last asked; for whoever watches, asks nobody."""
        return self.competes and self.store.leading.now

    @property
    def serving_lock(self) -> Path | None:
        """What a server has locked as long as it serves; None on PostgreSQL, which any number of them share."""
        file = self.settings.sqlite_file
        return None if file is None else serving_lock(file)

    def hear(self, told: Callable[[int | None], None]) -> Hearing | None:
        """Be told what other nodes change, from a thread of its own until it or the store is closed; None on SQLite."""
        return self.store.hear(told)

    def pace(self, what: str) -> Callable[[str, int, int], float] | None:
        """
        What counts for all nodes how often somebody does this, None where there is one node.

        It takes the keyed hash of who does it, how often a minute and how often at once, and returns the seconds
        until they may, 0 for now.
        """
        pacing = self.store.pacing
        if not pacing.shared:
            return None
        return lambda key, per_minute, burst: pacing.take(f"{what}:{key}", per_minute=per_minute, burst=burst)

    def recover(self) -> int:
        """
        Judge what a crash left held, before the doors open; returns how many. The same walk as for a new one.

        First the promises are looked at: what broke one while nobody was watching is not automated again. Where other
        nodes serve already, what they received this moment is left to them; and what workers judge is left to these.
        """
        self.desk.watch()
        alone = self.store.is_alone()
        if self.settings.judge == "elsewhere" or not (alone or self.leads()):
            return 0
        if alone:
            self.store.free_all()
        return self.desk.sweep(limit=SWEEP_BATCH * 10, older_than_s=0 if alone else SWEEP_AGE_S)

    def judge_some(self) -> int:
        """Judge some of what waits for it, wherever it was received; returns how many were taken up."""
        return self.desk.sweep(limit=WORK_BATCH, older_than_s=SWEEP_AGE_S)

    def tend(self) -> None:
        """
        One round of housekeeping: changed guidelines and calibration; and where this node leads, comments a crash
        left unjudged, and expired addresses.

        Raises:
            StoreUnavailable: the database did not answer; the next round tries again.
        """
        self.refresh_guidelines()
        self.refresh_calibration()
        self.desk.refresh_withdrawn()
        # What other nodes erased, which has their data folders' lists only.
        try:
            # After a round that failed, all: how long nothing could be listed before is not known.
            self.store.list_erasures(None if self._unlisted else _now() - LISTED_AGAIN)
            self._unlisted = False
        except (BackupDamaged, StoreUnavailable) as error:
            # Told at each round until somebody mends it; nothing else waits for that.
            self._unlisted = True
            log.error("erasures_not_listed", code=error.code, cause=error.message)
        self.store.forget_lately()
        if not self.leads():
            return
        if self.settings.judge == "here":
            # Young ones are still in the hands of the request that received them.
            for _ in range(SWEEP_ROUNDS):
                if self.desk.sweep(limit=SWEEP_BATCH, older_than_s=SWEEP_AGE_S) < SWEEP_BATCH:
                    break
                if not self.leads():
                    return
        self.desk.expire(
            address_days=self.settings.address_days, suggestion_days=self.settings.suggestion_days
        )
        self.letters.expire()
        self.notices.look()
        # Long before they are needed: a part for each month, where the tables are divided.
        self.store.keep_months(_now())

    def publish_until(self, ended: threading.Event) -> None:
        """Publish the ledger where this node leads, and follow it where another does, until told to end; an outage is waited out."""
        every_s = self.settings.ledger_ms / 1000
        while every_s and not ended.is_set():
            try:
                self.ledger.round(leads=lambda: self.leads() and not ended.is_set())
            except Unavailable as error:
                log.warning("ledger_put_off", code=error.code)
            except Exception as error:  # noqa: BLE001
                # Whatever it was, the next round has to come.
                log.error("ledger_failed", error=type(error).__name__)
            ended.wait(every_s)

    def close(self) -> None:
        """Finish what is being received and written, and let go of the database."""
        self.reception.close()
        self.store.close()


def build(settings: Settings, *, entering: bool = True, worker: bool = False) -> Meydan:
    """
    Build everything that a door needs, or a `worker` without one.

    The newest version of the guidelines rules. The operator's file is entered as a version if it is another than
    when it was last entered; without `entering`, for what only looks in, it rules where there is no version yet.

    Raises:
        Misconfigured: guidelines, settings, model or schema are not usable; says what to do.
        StoreUnavailable: the database does not answer or cannot be written.
    """
    # Before they are read: what is written in between is seen at the next look.
    seen = _stamp(settings.guidelines) if settings.guidelines else None
    guidelines = load(settings.guidelines)
    secret = _secret(settings)
    accounts = _accounts(settings)
    judge = Judge.load()
    calibrations = in_force(settings.calibration_file, judge.model)
    seeds = _Seeds(settings)
    seeds()
    store = open_store(settings, replica=settings.replica)
    ledger = _ledger(store, settings, seeds)
    desk = Desk(
        store=store,
        judge=judge,
        guidelines=guidelines,
        clock=_now,
        entropy=secrets.token_bytes,
        secret=secret,
        limits=Limits(
            name=settings.longest_name,
            text=settings.longest_text,
            flood_per_minute=settings.flood_per_minute,
            address_per_minute=settings.submissions_per_minute,
            near_repeats=settings.near_repeats,
            disposable_addresses=settings.disposable_addresses,
            reports_per_day=settings.reports_per_day,
            judged_within_s=settings.judged_within_seconds,
        ),
        calibrations=calibrations,
        care=Care(
            pause_after=timedelta(minutes=settings.pause_after_minutes),
            severe_per_shift=settings.severe_per_shift,
        ),
        mail_works=settings.mail is not None,
        judges=worker or settings.judge == "here",
        ledger_key=ledger.receipt_key,
        ways_last=timedelta(hours=settings.link_hours + settings.session_hours),
    )
    several = settings.sqlite_file is None
    meydan = Meydan(
        settings=settings,
        desk=desk,
        reception=Reception(desk),
        staff=_staff(store, settings, secret),
        readers=Readers(
            store,
            clock=_now,
            secret=secret,
            former=_former(settings),
            own_url=settings.own_url,
            accounts=accounts,
        ),
        letters=_letters(store, settings, secret, lambda: desk.guidelines),
        notices=_notices(store, settings, secret, lambda: desk.guidelines.publication.name),
        ledger=ledger,
        store=store,
        _secret=secret,
        # On SQLite the one server leads. Elsewhere, who leaves judging to workers leaves them the rest as well.
        competes=(several and settings.judge == "here") or worker is several,
        _guidelines_seen=seen,
        _calibration_seen=_stamp(settings.calibration_file),
    )
    try:
        _check_secret(store, secret, _former(settings))
        if entering:
            # What a crash kept from the list, or was erased while this node was away.
            store.list_erasures()
            meydan.desk.enter_file(guidelines, shipped=settings.guidelines is None)
        meydan.desk.refresh_guidelines()
        meydan.desk.refresh_withdrawn()
        # By which name and key receipts are signed; publishes nothing.
        ledger.round(leads=lambda: False)
    except BaseException:
        store.close()
        raise
    return meydan


def guidelines_in_force(settings: Settings) -> Guidelines:
    """
    The guidelines that rule, without a judge: the newest version in the database; the file where there is none yet.

    Raises:
        BadGuidelines: they have faults. StoreUnavailable: the database does not answer. BadSettings: it cannot be seen.
    """
    if not settings.is_unmade:
        store = open_store(settings)
        try:
            ruling = store.guidelines.ruling()
        finally:
            store.close()
        if ruling is not None:
            return parse(ruling[1], GUIDELINES_NAME)
    return load(settings.guidelines)


def open_store(settings: Settings, *, replica: str = "") -> Store:
    """The store alone; makes the data folder if it is not there."""
    _make_folder(settings.data)
    return Store.open(
        settings.database_url,
        migrate=settings.migrate == "yes",
        replica=replica,
        bounds=Bounds(pieces=settings.writes_waiting, patience_s=settings.write_patience_seconds),
        erasures=erasures_of(settings),
    )


def erasures_of(settings: Settings) -> Erasures:
    """The data folder's list of what was erased; makes the folder if it is not there."""
    _make_folder(settings.data)
    return Erasures(settings.erasures_file)


def _check_secret(store: Store, secret: bytes, former: bytes | None) -> None:
    """BadSecret where other nodes on the database have another. An SQLite file lies beside its own."""
    if store.dialect == "postgresql":
        store.check_secret(_mark(secret), former=None if former is None else _mark(former))


def _mark(secret: bytes) -> str:
    return hmac.new(secret, b"node\x00secret", hashlib.sha256).hexdigest()[:32]


def look_at_tables(settings: Settings) -> Outlook:
    """What `change_tables` would do; changes nothing, and makes no file."""
    if settings.is_unmade:
        return unmade("sqlite")
    return look(settings.database_url)


def change_tables(settings: Settings, *, by_month: bool, at: datetime) -> Outlook:
    """
    Bring the database's tables to what this program knows, steps included that older programs cannot live with.

    With `by_month`, the large ones are divided; where they are, parts are made for the months to come.

    Raises:
        Misconfigured: a database of another kind, too new, or in use all the time.
        StoreUnavailable: it did not answer.
    """
    _make_folder(settings.data)
    return change(settings.database_url, by_month=by_month, at=at)


def build_staff(settings: Settings) -> tuple[Staff, Store]:
    """The staff alone, without a judge; the caller closes the store."""
    secret = _secret(settings)
    store = open_store(settings)
    try:
        _check_secret(store, secret, _former(settings))
    except BaseException:
        store.close()
        raise
    return _staff(store, settings, secret), store


def build_intake(settings: Settings, source: str) -> tuple[Intake, Store]:
    """The way in for comments of another system, without a judge; the caller closes the store."""
    guidelines = guidelines_in_force(settings)
    secret = _secret(settings)
    store = open_store(settings)
    try:
        _check_secret(store, secret, _former(settings))
        intake = Intake(
            store,
            source=source,
            guidelines=guidelines,
            clock=_now,
            entropy=secrets.token_bytes,
            secret=secret,
        )
    except BaseException:
        store.close()
        raise
    return intake, store


def _staff(store: Store, settings: Settings, secret: bytes) -> Staff:
    return Staff(
        store,
        clock=_now,
        entropy=secrets.token_bytes,
        secret=secret,
        session_hours=settings.session_hours,
        link_hours=settings.link_hours,
    )


def _accounts(settings: Settings) -> Accounts | None:
    """The publication's own accounts; BadSettings where their keys cannot be used."""
    if settings.account_keys is None:
        return None
    return Accounts(
        settings.account_keys, issuer=settings.account_issuer, audience=settings.account_audience, clock=_now
    )


def _letters(
    store: Store, settings: Settings, secret: bytes, guidelines: Callable[[], Guidelines]
) -> Letters:
    return Letters(
        store,
        clock=_now,
        entropy=secrets.token_bytes,
        secret=secret,
        former=_former(settings),
        guidelines=guidelines,
        own_url=settings.own_url,
        works=settings.mail is not None,
    )


def build_ledger(settings: Settings, *, making: bool = True) -> tuple[Publishing, Store]:
    """
    The ledger alone, without a judge; the caller closes the store.

    Args:
        making: False to make no key where there is none.
    """
    seeds = _Seeds(settings, making=making)
    seeds()
    store = open_store(settings)
    return _ledger(store, settings, seeds), store


def rotate_ledger_key(settings: Settings) -> None:
    """
    Make a new key of the ledger; those before it are kept, and go on signing beside it.

    Raises:
        BadSigningKey: the keys are a setting, damaged, or the file cannot be written.
    """
    if settings.ledger_key:
        raise BadSigningKey(
            "The ledger's key is the setting ledger_key: put the new one before it there, on every node, and start them anew.",
            fields=("ledger_key",),
        )
    kept = _Seeds(settings)()
    path = settings.ledger_key_file
    try:
        seeds = (secrets.token_bytes(32), *kept)
        durable.write(path, "".join(f"{seed.hex()}\n" for seed in seeds).encode("ascii"))
    except OSError as error:
        raise _bad_signing_key(path, f"cannot be changed ({type(error).__name__})") from error


def _ledger(store: Store, settings: Settings, seeds: Callable[[], Sequence[bytes]]) -> Publishing:
    return Publishing(
        store,
        name=settings.ledger_name,
        seeds=seeds,
        memory=Memory(settings.ledger_checkpoint_file),
        clock=_now,
    )


class _Seeds:
    """
    The keys that sign the ledger, 32 bytes each, the current first: from the settings, or made once and kept in the data
    folder, and read again when that file changes.
    """

    def __init__(self, settings: Settings, *, making: bool = True) -> None:
        self._settings = settings
        self._making = making
        self._seen: tuple[int, int] | None = None
        self._kept: tuple[bytes, ...] = tuple(map(bytes.fromhex, settings.ledger_key))

    def __call__(self) -> Sequence[bytes]:
        """Raises BadSigningKey where there is none that can be used."""
        if self._settings.ledger_key:
            return self._kept
        path = self._settings.ledger_key_file
        seen = _stamp(path)
        if seen is None and not self._making:
            return ()
        if seen is None or seen != self._seen:
            self._kept = self._read(path)
            self._seen = _stamp(path)
        return self._kept

    def _read(self, path: Path) -> tuple[bytes, ...]:
        _make_folder(path.parent)
        try:
            # Not made anew in silence where it was lost: nobody could follow the ledger.
            if not path.exists() and self._seen is None:
                durable.make_once(path, f"{secrets.token_hex(32)}\n".encode("ascii"))
            lines = path.read_text("ascii").split()
        except (OSError, UnicodeDecodeError) as error:
            raise _bad_signing_key(path, f"cannot be read or made ({type(error).__name__})") from error
        try:
            seeds = tuple(map(bytes.fromhex, lines))
        except ValueError:
            seeds = ()
        if not seeds or any(len(seed) != 32 for seed in seeds):
            raise _bad_signing_key(path, "is damaged: each line is one key, 64 hexadecimal digits")
        return seeds


def _bad_signing_key(path: Path, how: str) -> BadSigningKey:
    return BadSigningKey(
        f"The ledger's key in {path} {how}. Put it back from where you keep it; without it, nobody can follow the ledger "
        "any further, and a new one has to be begun.",
        fields=("ledger_key",),
    )


def build_notices(settings: Settings) -> tuple[Notices, Store]:
    """The notices alone, without a judge; the caller closes the store."""
    secret = _secret(settings)
    store = open_store(settings)
    try:
        _check_secret(store, secret, _former(settings))
        ruling = store.guidelines.ruling()
    except BaseException:
        store.close()
        raise
    guidelines = load(settings.guidelines) if ruling is None else parse(ruling[1], GUIDELINES_NAME)
    return _notices(store, settings, secret, lambda: guidelines.publication.name), store


def _notices(store: Store, settings: Settings, secret: bytes, publication: Callable[[], str]) -> Notices:
    return Notices(
        store,
        clock=_now,
        entropy=secrets.token_bytes,
        secret=secret,
        former=_former(settings),
        own_url=settings.own_url,
        # Only whether something was taken counts: an answer's body is nothing that this house reads.
        out=Outgoing(
            settings.outgoing_networks,
            timeout_s=NOTICE_TIMEOUT_S,
            deadline_s=NOTICE_TIMEOUT_S,
            most_bytes=NOTICE_ANSWER_BYTES,
            reads=False,
        ),
        publication=publication,
        thresholds=Thresholds(
            waiting=settings.notice_waiting,
            oldest=timedelta(hours=settings.notice_hours),
            quiet=timedelta(minutes=settings.notice_minutes),
        ),
    )


def _now() -> datetime:
    return datetime.now(UTC)


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size


def _make_folder(data: Path) -> None:
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise BadSettings(
            f"The data folder {data} cannot be made: {error.strerror}.", fields=("data",)
        ) from error


def _former(settings: Settings) -> bytes | None:
    """The secret before this one: 64 hexadecimal digits as in `secret.key`, or what the setting `secret` was."""
    given = settings.former_secret
    if not given:
        return None
    try:
        if len(of_file := bytes.fromhex(given)) == SECRET_BYTES:
            return of_file
    except ValueError:
        pass
    return hashlib.sha256(_long_enough("former_secret", given).encode()).digest()


def _long_enough(key: str, secret: str) -> str:
    if len(secret) < SECRET_BYTES:
        raise BadSettings(
            f"The setting {key!r} has to have at least {SECRET_BYTES} characters.", fields=(key,)
        )
    return secret


def _secret(settings: Settings) -> bytes:
    """
    The key of every keyed hash: from the settings, or made once and kept in the data folder.

    Nodes that share a database must share it, or one address would count as many.
    """
    if settings.secret:
        return hashlib.sha256(_long_enough("secret", settings.secret).encode()).digest()
    _make_folder(settings.data)
    path = settings.secret_file
    try:
        if not path.exists():
            durable.make_once(path, secrets.token_hex(SECRET_BYTES).encode("ascii"))
        kept = path.read_bytes()
    except OSError as error:
        raise BadSettings(
            f"The secret in {path} cannot be read or made ({type(error).__name__}); is the folder writable?",
            fields=("secret",),
        ) from error
    try:
        secret = bytes.fromhex(kept.decode("ascii").strip())
    except ValueError:
        secret = b""
    if len(secret) != SECRET_BYTES:
        # Not made anew in silence: readers' own comments and the links in letters are known by it.
        raise BadSettings(
            f"The secret in {path} is damaged: it has to be {SECRET_BYTES} bytes in hexadecimal. Put it back from a "
            "backup. Without one, remove the file: a new secret is made, and readers lose sight of what they sent.",
            fields=("secret",),
        )
    return secret
