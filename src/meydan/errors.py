"""
Everything Meydan can refuse, with a stable code for each.

The tree; every leaf has a code that docs/errors.md lists.

* MeydanError
  x Refused                the asker can fix it             -> 4xx
    + StoryClosed          R101  the story takes no more comments; says why, where the newsroom does
    + TooLong              R102  says the limit and the size sent
    + TooFast              R103  carries retry_after_s
    + MissingFields        R104  names every missing field
    + NotText              R105  characters that cannot be kept exactly
    + ForeignStory         R106  outside the guidelines' origins
    + NoSuchParent         R107  a reply to what readers cannot see
    + NotFound             R108
    + SignInNeeded         R109  no valid session, token or receipt
    + NotAllowed           R110  signed in, without the right
    + AlreadyDecided       R111  carries the decision that came first
    + UnknownRule          R112
    + Malformed            R113  not JSON, not a form, a wrong type
    + TooLarge             R114  the request body, in bytes
    + ForgedForm           R115  cross-site, or without its CSRF token
    + NotAppealable        R116  nothing to appeal, or appealed already
    + NotErasable          R117  under legal hold
    + AlreadyExists        R118  a name that is taken
    + Blocked              R119  an author who was blocked; says why and until when
    + KeyReused            R120  an Idempotency-Key that came with other words before
    + ProofNeeded          R121  carries the challenge to solve
    + BadAccount           R122  a token or pass of a reader that is not believed
    + AccountNeeded        R123  guests are not taken here
    + DisposableAddress    R124  an e-mail address of a host that gives them away for minutes
    + NotServed            R127  another API's client asks for what is not judged here: an image, a model of another name
    + BadSignature         R128  what another system sends is not signed with a secret that is known here
    + WebhookRefused       R129  an address that nothing is sent to; says why
    + GuidelinesChanged    R130  somebody else changed them first; says who and when
    + StoryNotOpen         R140  the story takes comments later; says from when
  x Unavailable            try again; nothing was lost      -> 503
    + StoreUnavailable     U201
    + ClassifierUnavailable U202
    + Overloaded           U203
    + IssuerUnavailable    U204  the newsroom's sign-in did not answer
    + MailUnavailable      U205  the mail server did not answer, or not as it should
    + NotReady             U206  this node should be sent no requests now; says why
  x Misconfigured          the operator must act            -> refuse to start
    + BadGuidelines        M301  carries findings with line and column
    + BadSettings          M302
    + BadModel             M303
    + BadSchema            M304  migrations missing, or newer than this program
    + AlreadyServing       M305  a second server on one SQLite file
    + BadCalibration       M306  a calibration that cannot be read, made or kept
    + BadSecret            M307  another secret than the other nodes on this database have
    + NotRestorable        M308  a restore that must not be begun, or is not finished
    + BeingServed          M309  a database to be moved that is in use
    + MigrationHeldUp      M310  tables that are in use all the time; they are as they were
    + ArchiveUnreadable    M340  a file of decided comments that is not there, or not what it is said to be
    + NothingDecided       M341  not one row of it can be used; says what most of them lack
    + ColumnsMissing       M342  no column for the text or the decision; says which there are
    + OneSided             M343  only approved or only rejected comments, or all of them on one side of the split
    + TrialNotWritten      M344  the folder of a trial that cannot be written, or that another is writing
    + BadArchive           M345  an archive that cannot be read as was asked
    + OtherRun             M346  a place that another run, or something else, has; says what differs
    + WorkerLost           M347  somebody who judged a part was ended; what is finished is kept
    + EngineUnavailable    M348  an engine that is not installed, cannot be reached or has another program
    + NotKept              M349  a part that cannot be written
    + WouldOverwrite       M356  an output that is, or lies in, what is to be read
    + NotThatFormat        M330  a file to be imported that is not what it was said to be
    + FileCutShort         M331  a file to be imported that ends in its middle, or is damaged
    + ReportNotWritten     M352  the report of an import that cannot be written, or would be written over something else
    + BadCategories        M350  what the statements of reasons are filed under is not as the schema asks; names the rule
    + BadStatement         M351  a statement of reasons that breaks the schema; names the field; nothing is written
    + BadVerifyingKey      M360  a word that is no verifying key, or none at all
    + LedgerUnreachable    M361  a ledger that does not answer, or not all the way: nothing can be told of it
    + BadLedgerState       M362  what was remembered of a ledger cannot be read or kept
    + BadReceipt           M363  nothing that can be checked: no receipt, no file of one, no comment's address
    + NotALedger           M364  what is served is no ledger
    + LedgerRolledBack     M367  the database is behind, or other than, a checkpoint that was signed; publishing stops
    + LeafMissing          M368  a number that no leaf has; publishing stops
    + LeafChanged          M369  leaves or tiles are not those that were signed; publishing stops
    + OtherLedgerKey       M370  another key than the ledger's last checkpoint was signed with
    + BadSigningKey        M371  a key of the ledger that is damaged, or cannot be read, made or changed here
    + LedgerForgotten      M372  the checkpoint that this node remembers is damaged, or cannot be kept
    + CountsDiffer         M376  a report's counts are not those of the ledger; names them; nothing is written
    + BadSpan              M377  a report of days that are none, or too many
    + NotAReport           M378  a file that is no report, or one of another version
    + BadLeaf              M379  a leaf that cannot be counted; says its number
  x Tampered               stored words differ from their commitment
    + TextChanged          T401
    + BackupDamaged        T402  a backup, or what was made of one, that does not add up; names the comments

A message names the thing, the limit and the next step; never a reader's
words, name or address.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar


class MeydanError(Exception):
    """The root. `code` is stable; `fields` names what was at fault, if anything was."""

    code: ClassVar[str] = "X000"

    def __init__(self, message: str, *, fields: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.fields = tuple(fields)


class Refused(MeydanError):
    """The asker can fix it."""


class Unavailable(MeydanError):
    """Try again after `retry_after_s`; nothing was lost and nothing was half-written."""

    def __init__(self, message: str, *, retry_after_s: int = 5) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Misconfigured(MeydanError):
    """The operator must act; the program refuses to start."""


class Tampered(MeydanError):
    """What is stored is not what was received."""


class StoryClosed(Refused):
    """The story takes no more comments; `reason` is what the newsroom tells of why, None where it tells nothing."""

    code = "R101"

    def __init__(self, *, reason: str | None = None) -> None:
        super().__init__(
            f"This story takes no more comments. The newsroom's reason: {reason}"
            if reason
            else "This story takes no more comments."
        )
        self.reason = reason


class TooLong(Refused):
    """A field is longer than the limit, both counted in characters (code points)."""

    code = "R102"

    def __init__(self, field: str, *, limit: int, size: int) -> None:
        super().__init__(
            f"The {field} has {size} characters; the limit is {limit}. Shorten it and send again.",
            fields=(field,),
        )
        self.limit = limit
        self.size = size


class TooFast(Refused):
    code = "R103"

    def __init__(self, message: str, *, retry_after_s: int) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class MissingFields(Refused):
    code = "R104"

    def __init__(self, fields: Sequence[str]) -> None:
        super().__init__(f"Required and missing: {', '.join(fields)}.", fields=fields)


class NotText(Refused):
    code = "R105"


class ForeignStory(Refused):
    code = "R106"


class NoSuchParent(Refused):
    code = "R107"


class NotFound(Refused):
    code = "R108"


class SignInNeeded(Refused):
    code = "R109"


class NotAllowed(Refused):
    code = "R110"


class AlreadyDecided(Refused):
    """Somebody decided since; `seq`, `verdict` and `by` say who was first and what they chose."""

    code = "R111"

    def __init__(self, message: str, *, seq: int, verdict: str, by: str) -> None:
        super().__init__(message, fields=("seen",))
        self.seq = seq
        self.verdict = verdict
        self.by = by


class UnknownRule(Refused):
    code = "R112"


class Malformed(Refused):
    code = "R113"


class TooLarge(Refused):
    code = "R114"


class ForgedForm(Refused):
    code = "R115"


class NotAppealable(Refused):
    code = "R116"


class NotErasable(Refused):
    code = "R117"


class AlreadyExists(Refused):
    code = "R118"


class Blocked(Refused):
    """Comments of this author are not taken now, for the `reason` that the newsroom gives; `until` None for no end."""

    code = "R119"

    def __init__(self, *, reason: str, until: datetime | None) -> None:
        end = f"until {until:%Y-%m-%d %H:%M} UTC" if until else "until it says otherwise"
        super().__init__(f"The newsroom takes no comments from you {end}. Its reason: {reason}")
        self.reason = reason
        self.until = until


class KeyReused(Refused):
    code = "R120"


class ProofNeeded(Refused):
    """Much is being sent: `challenge` is what a browser solves, and sends again with its comment, before it is taken."""

    code = "R121"

    def __init__(self, challenge: Mapping[str, object]) -> None:
        super().__init__(
            "Much is being sent just now. Solve the challenge and send the comment again with the proof.",
            fields=("proof",),
        )
        self.challenge = challenge


class DisposableAddress(Refused):
    code = "R124"


class BadAccount(Refused):
    """What says who a reader is, is forged, expired or unknown; the message names what is wrong with it, never its value."""

    code = "R122"


class AccountNeeded(Refused):
    """Comments are taken here from accounts of the publication only."""

    code = "R123"


class NotServed(Refused):
    """What a client of another API asks for is none of what is done here; `fields` names it."""

    code = "R127"


class BadSignature(Refused):
    """What says that another system sent it is forged, damaged, or made with a secret that is not known here."""

    code = "R128"


class WebhookRefused(Refused):
    """Nothing is sent to such an address: no https, another network, a password in it."""

    code = "R129"


class GuidelinesChanged(Refused):
    """Other guidelines rule by now than those that a change was made from; `by` and `at` say whose and since when."""

    code = "R130"

    def __init__(self, *, by: str, at: datetime) -> None:
        super().__init__(
            f"{by} changed the guidelines at {at:%Y-%m-%d %H:%M} UTC, after this change was begun. Nothing took effect.",
            fields=("base",),
        )
        self.by = by
        self.at = at


class StoryNotOpen(Refused):
    """The story takes comments from `opens_at` on, and none before."""

    code = "R140"

    def __init__(self, *, opens_at: datetime) -> None:
        opens = f"{opens_at:%Y-%m-%d %H:%M}"
        super().__init__(f"This story takes comments from {opens} UTC on.")
        self.opens_at = opens_at


class StoreUnavailable(Unavailable):
    code = "U201"


class ClassifierUnavailable(Unavailable):
    code = "U202"


class Overloaded(Unavailable):
    code = "U203"


class IssuerUnavailable(Unavailable):
    """The issuer that people sign in with did not answer, or not as one."""

    code = "U204"


class MailUnavailable(Unavailable):
    """The server that takes the mail cannot be used now; `cause` says why in a word."""

    code = "U205"

    def __init__(self, message: str, *, cause: str) -> None:
        super().__init__(message, retry_after_s=60)
        self.cause = cause


class NotReady(Unavailable):
    """This node should be sent no requests now, and says so only to who asks (/readyz, /healthz); `fields` says why."""

    code = "U206"

    def __init__(self, message: str, *, fields: Sequence[str]) -> None:
        super().__init__(message)
        self.fields = tuple(fields)


class BadGuidelines(Misconfigured):
    """The guidelines file has faults; `findings` are `policy.Fault` values, in file order."""

    code = "M301"

    def __init__(self, message: str, *, findings: Sequence[object] = ()) -> None:
        super().__init__(message)
        self.findings = tuple(findings)


class BadSettings(Misconfigured):
    code = "M302"


class BadModel(Misconfigured):
    code = "M303"

    def __init__(self, message: str, *, fields: Sequence[str] = ()) -> None:
        remedy = (
            "" if "Install Meydan again" in message else " Install Meydan again, or train the model again."
        )
        super().__init__(f"{message}{remedy}", fields=fields)


class BadSchema(Misconfigured):
    code = "M304"


class AlreadyServing(Misconfigured):
    code = "M305"


class BadCalibration(Misconfigured):
    code = "M306"


class BadSecret(Misconfigured):
    code = "M307"


class NotRestorable(Misconfigured):
    """A database that is not empty, a backup of another version, erasures that nobody listed, or a restore left half-way."""

    code = "M308"


class BeingServed(Misconfigured):
    """A database that others use while it is to be moved."""

    code = "M309"


class BadCategories(Misconfigured):
    code = "M350"


class BadStatement(Misconfigured):
    code = "M351"


class CountsDiffer(Misconfigured):
    """What a transparency report counts is not what the ledger says; the message names the first differences."""

    code = "M376"


class BadSpan(Misconfigured):
    code = "M377"


class NotAReport(Misconfigured):
    code = "M378"


class BadLeaf(Misconfigured):
    """A leaf of the ledger that is none that this program writes."""

    code = "M379"


class MigrationHeldUp(Misconfigured):
    code = "M310"


class ArchiveUnreadable(Misconfigured):
    code = "M340"


class NothingDecided(Misconfigured):
    code = "M341"


class ColumnsMissing(Misconfigured):
    """A file of rows whose columns do not say what is needed; the message lists those it has."""

    code = "M342"


class OneSided(Misconfigured):
    code = "M343"


class TrialNotWritten(Misconfigured):
    code = "M344"


class BadArchive(Misconfigured):
    """A file to be scored that cannot be read, has another form than its name says, or lacks a column that was asked for."""

    code = "M345"


class OtherRun(Misconfigured):
    """Where results are to go are those of another input, model or guidelines, something else, or a run under way."""

    code = "M346"


class WorkerLost(Misconfigured):
    """Somebody who judged a part of an archive was ended, most often for want of memory; what is finished is kept."""

    code = "M347"


class EngineUnavailable(Misconfigured):
    code = "M348"


class NotKept(Misconfigured):
    """A part of what an archive was scored to cannot be written."""

    code = "M349"


class WouldOverwrite(Misconfigured):
    """An output that is the input, by whatever name, or lies in the folder that is read; said before anything is opened."""

    code = "M356"


class NotThatFormat(Misconfigured):
    """A file to be imported that is not of the format that it was said to be, or of a version that is not known."""

    code = "M330"


class FileCutShort(Misconfigured):
    """A file to be imported that ends in its middle or is damaged; what came before that was read."""

    code = "M331"


class ReportNotWritten(Misconfigured):
    """Where the report of an import is to go is something else already, as what is to be imported; or it cannot be written."""

    code = "M352"


class BadVerifyingKey(Misconfigured):
    code = "M360"


class LedgerUnreachable(Misconfigured):
    """A ledger that is looked at from outside does not answer, or not all the way: whether it is sound cannot be told."""

    code = "M361"


class BadLedgerState(Misconfigured):
    """What was verified of a ledger before, or the witness's key, cannot be read, is damaged, or cannot be kept."""

    code = "M362"


class BadReceipt(Misconfigured):
    code = "M363"


class NotALedger(Misconfigured):
    """What is served where a ledger should be is something else."""

    code = "M364"


class LedgerRolledBack(Misconfigured):
    """A database that has not, or not so, what was signed and published: it was restored, or lost its newest leaves."""

    code = "M367"


class LeafMissing(Misconfigured):
    code = "M368"


class LeafChanged(Misconfigured):
    """What was published does not hash to what was signed then: it was changed, or deleted, in the database."""

    code = "M369"


class OtherLedgerKey(Misconfigured):
    code = "M370"


class BadSigningKey(Misconfigured):
    code = "M371"


class LedgerForgotten(Misconfigured):
    """The file in which a node remembers the last checkpoint that it published or saw."""

    code = "M372"


class TextChanged(Tampered):
    code = "T401"


class BackupDamaged(Tampered):
    """A backup that does not add up; `comments` are the public ids of those that do not, where it is about comments."""

    code = "T402"

    def __init__(self, message: str, *, comments: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.comments = tuple(comments)
