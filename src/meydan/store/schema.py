"""
The tables, for SQLite and PostgreSQL alike.

A reader's words stand in `words` and, folded, in `lookup`, and nowhere else (and what was
said of them in `evidence`, `note`, `appeal` and `report`), apart from everything that outlives an erasure.
What a database can guard, it guards: the triggers stand in the first migration,
because only a migration makes a database; these tables are what it must make.

* words      put in once ever, never changed, deleted only when erased_at is set
* comment    identity, parent, branch, time and commitment never change; no row leaves;
             the status moves only as comment.LEGAL_MOVES says; chosen by the editors only
             while readers see it; its badge and who wrote it never change
* decision   append only; its leaf, and a comment's receipt, are numbered once, on PostgreSQL
             at the end of the transaction that puts them in
* leaf       append only
* log, checkpoint, tile
             append only: what was published of the leaves, and under which name; a checkpoint is larger than those before it
* audit      drawn once, answered once, and stays
* second     drawn once, answered once by another person, and stays
* report     put in once a reader and comment, closed once; only its words and its reader's key leave
* withdrawal append only
* escalation, told, ending, postponed
             append only; a comment's hold ends only with a row of `ending`
* journal    append only
* sending, proof
             come and go: what was sent and proved lately
* judging, pace
             come and go: who judges what just now, and who sent how much within minutes, on whichever node
* comment.reader_key
             set once, and gone only with the words: a comment never comes to be somebody else's
* guidelines append only: every version that ever took effect
* imported   from which system a comment came, and under which name; it stays when the comment is erased, so that no
             second import brings it back

Kept for a while: `suggestion`, what other systems' people found of their comments, words included.

Not records, and emptied as soon as they have served: `outbox`, what is to leave the building, and `follow`, who asked
to be written to; both hold e-mail addresses.

Times are BIGINT microseconds since 1970-01-01 UTC, flags are 0 or 1.
"""

from __future__ import annotations

from sqlalchemy import (
    DDL,
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    event,
    text,
)

HEAD = "0025"
"""The migration that makes these tables; a test holds it equal to the newest file in migrations/."""

# SQLite numbers rows by itself only in a column declared INTEGER.
_BIG = BigInteger().with_variant(Integer, "sqlite")

LOOKUP = {
    "sqlite": ("CREATE VIRTUAL TABLE lookup USING fts5 (words, tokenize = 'unicode61 remove_diacritics 0')",),
    "postgresql": (
        "CREATE TABLE lookup (comment BIGINT NOT NULL CONSTRAINT pk_lookup PRIMARY KEY"
        " CONSTRAINT fk_lookup_comment REFERENCES comment (number), words TSVECTOR NOT NULL)",
        "CREATE INDEX ix_lookup_words ON lookup USING gin (words)",
    ),
}
"""The index of comments by their folded words: the one thing that the two databases do each in their own way."""

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

counter = Table(
    "counter",
    metadata,
    # One row. Its lock orders every commit that takes a number, of every process.
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("leaf", BigInteger, nullable=False, comment="the number that the next leaf takes"),
    Column("change", BigInteger, nullable=False, comment="the newest change that readers can see"),
    Column(
        "pulse",
        BigInteger,
        nullable=False,
        server_default="0",
        comment="news for the desk that no leaf tells; PostgreSQL only",
    ),
    CheckConstraint("id = 1", name="one_row"),
)

meta = Table(
    "meta",
    metadata,
    # secret: a keyed hash by which a node knows that it has the same secret as the others.
    # written: changed by every ping. stale: 1 while copies of erased rows may be left in SQLite's
    # file. rewritten: `before` of the expire() that last wrote the whole file anew. oldest,
    # unfinished: see migrating.py. by_month: the last month that there is a part for (months.py).
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

leaf = Table(
    "leaf",
    metadata,
    Column("number", _BIG, primary_key=True, autoincrement=False),
    Column("body", LargeBinary, nullable=False),
)

log = Table(
    "log",
    metadata,
    # Under which names leaves were published. A new one begins only where an operator says so.
    Column("number", _BIG, primary_key=True, autoincrement=False),
    Column("origin", Text, nullable=False, unique=True, comment="its name in every checkpoint"),
    Column("at", BigInteger, nullable=False),
)

checkpoint = Table(
    "checkpoint",
    metadata,
    # Every one that was published: what somebody saw once can be asked for again.
    Column("log", _BIG, ForeignKey("log.number"), primary_key=True, autoincrement=False),
    Column("size", _BIG, primary_key=True, autoincrement=False, comment="leaves"),
    Column("root", LargeBinary, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("note", Text, nullable=False, comment="as it was signed"),
    CheckConstraint("size > 0", name="size"),
    CheckConstraint("length(root) = 32", name="root_size"),
)

tile = Table(
    "tile",
    metadata,
    # Full ones. What is not full yet is made of the leaves, or of the roots of the level below.
    Column("log", _BIG, ForeignKey("log.number"), primary_key=True, autoincrement=False),
    Column("level", SmallInteger, primary_key=True, autoincrement=False),
    Column("number", _BIG, primary_key=True, autoincrement=False),
    Column("root", LargeBinary, nullable=False, comment="over its hashes: one hash of the level above"),
    Column("hashes", LargeBinary, nullable=False),
    CheckConstraint("length(root) = 32", name="root_size"),
    CheckConstraint("length(hashes) = 8192", name="full"),
)

story = Table(
    "story",
    metadata,
    Column("id", _BIG, primary_key=True),
    Column("url", Text, nullable=False, unique=True),
    Column("title", Text),
    Column("text", Text),
    Column("language", Text),
    Column("open", SmallInteger, nullable=False, server_default="1"),
    Column("closes_at", BigInteger),
    Column("mode", Text),
    Column("revision", BigInteger, nullable=False, server_default="0"),
    Column(
        "changed", BigInteger, nullable=False, server_default="0", comment="counter.change of the revision"
    ),
    # Kept, because counting 100,000 rows for every first page would cost more than the page.
    Column("shown", BigInteger, nullable=False, server_default="0", comment="comments that readers see"),
    Column("opens_at", BigInteger),
    Column("closed_reason", Text, comment="what readers are told where it takes no comments"),
    Column(
        "guests",
        Text,
        CheckConstraint("guests IN ('named', 'verified', 'off')", name="guests"),
        comment="who may write without an account; NULL: as the guidelines say",
    ),
    Column("question", Text, comment="stands above the comments"),
    Column("picked", Integer, nullable=False, server_default="0", comment="comments that editors chose"),
    Index("ix_story_changed", "changed"),
)

comment = Table(
    "comment",
    metadata,
    Column("number", _BIG, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("story", _BIG, ForeignKey("story.id"), nullable=False),
    Column("parent", Text, ForeignKey("comment.id")),
    Column("submitted_at", BigInteger, nullable=False),
    Column("commitment", LargeBinary, nullable=False),
    Column("receipt", _BIG, ForeignKey("leaf.number"), nullable=False, comment="the leaf of its receipt"),
    Column(
        "worded", SmallInteger, nullable=False, server_default="0", comment="1 once its words were put in"
    ),
    Column("status", Text, nullable=False, server_default="held"),
    Column("seq", Integer, nullable=False, server_default="0", comment="the current decision; 0: none"),
    Column("holds", Text, nullable=False, server_default="", comment="values of Hold, by comma"),
    Column("language", Text, nullable=False, server_default="und"),
    Column("judged_at", BigInteger),
    Column("withdrawn_at", BigInteger),
    Column("erased_at", BigInteger),
    Column("escalated", SmallInteger, nullable=False, server_default="0"),
    Column(
        "waiting", SmallInteger, nullable=False, server_default="1", comment="1: in the moderators' queue"
    ),
    Column("showing", SmallInteger, nullable=False, server_default="0", comment="1: shown, 2: a tombstone"),
    Column("fingerprint", Text),
    Column("author_key", Text),
    Column("address_key", Text),
    Column(
        "due",
        BigInteger,
        nullable=False,
        server_default="0",
        comment="the queue's order: the time of submission, earlier by what makes it pressing",
    ),
    Column("root", _BIG, comment="number of the comment that its branch begins with; NULL: this one"),
    # Both are kept as story.shown is, so that a page of branches reads no more than it shows.
    Column("replies", Integer, nullable=False, server_default="0", comment="replies to it that readers see"),
    Column(
        "branch",
        Integer,
        nullable=False,
        server_default="0",
        comment="of what begins a branch: comments and tombstones that readers see in it, itself included",
    ),
    Column("reader_key", Text, comment="of whoever proved that it is theirs; NULL for a guest's"),
    Column("picked_at", BigInteger, comment="NULL: not chosen by the editors"),
    Column("picked_by", Text),
    Column("badge", Text, CheckConstraint("badge IN ('staff')", name="badge")),
    Column("written_by", Text, comment="who at the desk answered as the publication"),
    Column("likeness", LargeBinary, comment="text.likeness; NULL once forgotten or erased"),
    CheckConstraint("length(commitment) = 32", name="commitment_size"),
    CheckConstraint("status IN ('held', 'approved', 'rejected')", name="status"),
    # The reader's page. Partial, so that what waits or was rejected costs readers nothing.
    Index(
        "ix_comment_page",
        "story",
        "submitted_at",
        "number",
        sqlite_where=text("showing > 0"),
        postgresql_where=text("showing > 0"),
    ),
    Index(
        "ix_comment_replied",
        "story",
        "replies",
        "number",
        sqlite_where=text("showing > 0"),
        postgresql_where=text("showing > 0"),
    ),
    # A page of branches, in order of time and by how many comments are in them; and one branch.
    Index(
        "ix_comment_branches",
        "story",
        "submitted_at",
        "number",
        sqlite_where=text("branch <> 0"),
        postgresql_where=text("branch <> 0"),
    ),
    Index(
        "ix_comment_branches_replied",
        "story",
        "branch",
        "number",
        sqlite_where=text("branch <> 0"),
        postgresql_where=text("branch <> 0"),
    ),
    Index(
        "ix_comment_branch",
        "root",
        "number",
        sqlite_where=text("showing > 0 AND root IS NOT NULL"),
        postgresql_where=text("showing > 0 AND root IS NOT NULL"),
    ),
    Index(
        "ix_comment_picked",
        "story",
        "submitted_at",
        "number",
        sqlite_where=text("picked_at IS NOT NULL"),
        postgresql_where=text("picked_at IS NOT NULL"),
    ),
    Index(
        "ix_comment_queue",
        "submitted_at",
        "number",
        sqlite_where=text("waiting = 1"),
        postgresql_where=text("waiting = 1"),
    ),
    # With all that the queue is filtered by, so that nothing else is read of what is passed over.
    Index(
        "ix_comment_due",
        "due",
        "number",
        "language",
        "holds",
        sqlite_where=text("waiting = 1"),
        postgresql_where=text("waiting = 1"),
    ),
    Index("ix_comment_language", "language", "number"),
    # What was erased, for the list of it that is kept outside.
    Index(
        "ix_comment_erased",
        "erased_at",
        sqlite_where=text("erased_at IS NOT NULL"),
        postgresql_where=text("erased_at IS NOT NULL"),
    ),
    Index("ix_comment_time", "submitted_at"),
    Index("ix_comment_story", "story", "number"),
    Index(
        "ix_comment_author",
        "author_key",
        "number",
        sqlite_where=text("author_key IS NOT NULL"),
        postgresql_where=text("author_key IS NOT NULL"),
    ),
    Index(
        "ix_comment_unjudged",
        "submitted_at",
        sqlite_where=text("status = 'held' AND judged_at IS NULL"),
        postgresql_where=text("status = 'held' AND judged_at IS NULL"),
    ),
    Index(
        "ix_comment_replies",
        "parent",
        sqlite_where=text("parent IS NOT NULL"),
        postgresql_where=text("parent IS NOT NULL"),
    ),
    Index("ix_comment_flood", "story", "submitted_at"),
    Index(
        "ix_comment_reader",
        "reader_key",
        "number",
        sqlite_where=text("reader_key IS NOT NULL"),
        postgresql_where=text("reader_key IS NOT NULL"),
    ),
    Index(
        "ix_comment_fingerprint",
        "fingerprint",
        "submitted_at",
        sqlite_where=text("fingerprint IS NOT NULL"),
        postgresql_where=text("fingerprint IS NOT NULL"),
    ),
    # With the signatures in it, so that no comment is read for one.
    Index(
        "ix_comment_likeness",
        "submitted_at",
        "likeness",
        sqlite_where=text("likeness IS NOT NULL"),
        postgresql_where=text("likeness IS NOT NULL"),
    ),
    Index(
        "ix_comment_address",
        "submitted_at",
        sqlite_where=text("address_key IS NOT NULL"),
        postgresql_where=text("address_key IS NOT NULL"),
    ),
)

words = Table(
    "words",
    metadata,
    Column("comment", _BIG, ForeignKey("comment.number"), primary_key=True, autoincrement=False),
    Column("text", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("email", Text),
    Column("salt", LargeBinary, nullable=False),
    Column(
        "format",
        Text,
        comment="html or markdown: of the text as kept, where another system had it so; NULL: text",
    ),
)

imported = Table(
    "imported",
    metadata,
    # What came from another system, under the name that it had there: a second import adds what is missing, and nothing twice.
    Column("source", Text, primary_key=True),
    Column("key", Text, primary_key=True, comment="its id in the system that it comes from"),
    Column("comment", _BIG, ForeignKey("comment.number"), nullable=False),
    Column("digest", LargeBinary, comment="a keyed hash of what came; NULL once erased"),
    Index("ix_imported_comment", "comment"),
)

sending = Table(
    "sending",
    metadata,
    # What was sent lately, by its key: sent again, it is not a second comment.
    Column("key", Text, primary_key=True, comment="a keyed hash of the Idempotency-Key"),
    Column("words", Text, comment="a keyed hash of what came with it; NULL once erased"),
    Column("comment", _BIG, ForeignKey("comment.number"), nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("ix_sending_comment", "comment"),
    Index("ix_sending_time", "at"),
)

proof = Table(
    "proof",
    metadata,
    # Proofs of work that were used and have not expired: none counts twice, on any node.
    Column("nonce", Text, primary_key=True, comment="of a challenge whose proof was used"),
    Column("expires_at", BigInteger, nullable=False),
    Index("ix_proof_expired", "expires_at"),
)

judging = Table(
    "judging",
    metadata,
    # Not a record: who takes up what waits to be judged leaves a mark, so that no other node judges it meanwhile.
    # No foreign key: what is left over is swept away, and no comment should have to look here before it goes.
    Column("comment", _BIG, primary_key=True, autoincrement=False),
    Column("until", BigInteger, nullable=False, comment="0: nobody has it, whoever comes first may take it"),
    Index("ix_judging_until", "until"),
)

pace = Table(
    "pace",
    metadata,
    # On PostgreSQL alone, for all nodes together; SQLite's one server counts in memory. Gone after minutes,
    # and after a crash of the database: everybody may begin anew.
    Column("key", Text, primary_key=True, comment="what is counted, and a keyed hash of who does it"),
    Column("full_at", BigInteger, nullable=False, comment="when all of it may be done at once again"),
    Index("ix_pace_full", "full_at"),
)
_unlogged = DDL("ALTER TABLE pace SET UNLOGGED").execute_if(dialect="postgresql")  # type: ignore[no-untyped-call]
event.listen(pace, "after_create", _unlogged)

evidence = Table(
    "evidence",
    metadata,
    Column("number", _BIG, primary_key=True),
    Column("comment", _BIG, ForeignKey("comment.number"), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False, comment="comment.Evidence as JSON"),
    Index("ix_evidence_comment", "comment"),
)

decision = Table(
    "decision",
    metadata,
    Column("comment", _BIG, ForeignKey("comment.number"), primary_key=True, autoincrement=False),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("leaf", _BIG, ForeignKey("leaf.number"), nullable=False),
    Column("decided_at", BigInteger, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("decided_by", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reasons", Text, nullable=False, comment="comment.Reason values as JSON"),
    Column("guidelines", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("calibration", Text),
    CheckConstraint("verdict IN ('approve', 'reject')", name="verdict"),
    Index("ix_decision_leaf", "leaf", unique=True),
    Index("ix_decision_actor", "actor", "comment"),
    Index("ix_decision_time", "decided_at"),
    Index("ix_decision_guidelines", "guidelines"),
    Index(
        "ix_decision_people",
        "leaf",
        sqlite_where=text("decided_by = 'moderator'"),
        postgresql_where=text("decided_by = 'moderator'"),
    ),
)

breach = Table(
    "breach",
    metadata,
    # The rules that decisions name, to find comments by; what counts is in decision.reasons.
    Column("rule", Text, primary_key=True),
    Column("comment", _BIG, ForeignKey("comment.number"), primary_key=True, autoincrement=False),
    Column("seq", Integer, primary_key=True, autoincrement=False),
)

claim = Table(
    "claim",
    metadata,
    # Who has a comment before them, for the others to see; keeps nobody from deciding.
    Column("comment", _BIG, ForeignKey("comment.number"), primary_key=True, autoincrement=False),
    Column("moderator", Text, ForeignKey("moderator.name"), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
)

note = Table(
    "note",
    metadata,
    Column("comment", _BIG, ForeignKey("comment.number"), primary_key=True, autoincrement=False),
    Column("seq", Integer, primary_key=True, autoincrement=False),
    Column("words", Text, nullable=False),
)

appeal = Table(
    "appeal",
    metadata,
    Column("comment", _BIG, ForeignKey("comment.number"), primary_key=True, autoincrement=False),
    Column("seq", Integer, primary_key=True, autoincrement=False, comment="the decision appealed against"),
    Column("at", BigInteger, nullable=False),
    Column("words", Text, comment="NULL once erased"),
)

escalation = Table(
    "escalation",
    metadata,
    Column("number", _BIG, primary_key=True),
    Column("comment", _BIG, ForeignKey("comment.number"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("told", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("ix_escalation_comment", "comment"),
)

told = Table(
    "told",
    metadata,
    # Who was told of an escalated comment: what people of the newsroom enter, nothing of the reader's.
    Column("number", _BIG, primary_key=True),
    Column("comment", _BIG, ForeignKey("comment.number"), nullable=False),
    Column("told_at", BigInteger, nullable=False, comment="when they were told, as it was given"),
    Column("office", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("sentence", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("ix_told_comment", "comment"),
)

ending = Table(
    "ending",
    metadata,
    Column("number", _BIG, primary_key=True),
    Column("comment", _BIG, ForeignKey("comment.number"), nullable=False),
    Column(
        "escalation",
        _BIG,
        ForeignKey("escalation.number"),
        nullable=False,
        comment="the last one that it ends",
    ),
    Column("actor", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Index("ix_ending_comment", "comment"),
)

postponed = Table(
    "postponed",
    metadata,
    # Erasures that were asked for while a comment was held for the law; carried out when the hold ends.
    Column("comment", _BIG, ForeignKey("comment.number"), primary_key=True, autoincrement=False),
    Column("at", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
)

audit = Table(
    "audit",
    metadata,
    # A random share of all that the machine judges, what it left to people included: only
    # a sample of everything says how often the machine is wrong.
    Column("comment", _BIG, ForeignKey("comment.number"), primary_key=True, autoincrement=False),
    Column(
        "seq", Integer, nullable=False, comment="the machine's decision; 0: it left the comment to people"
    ),
    Column("verdict", Text, nullable=False),
    Column("rules", Text, nullable=False, comment="ids, by comma"),
    Column("language", Text, nullable=False),
    Column("calibration", Text, nullable=False),
    Column("drawn_at", BigInteger, nullable=False),
    Column("answered_at", BigInteger),
    Column("answer", Text, comment="a person's verdict"),
    Column("breached", Text, comment="the rules that the person named, ids, by comma"),
    Column("actor", Text),
    CheckConstraint("verdict IN ('approve', 'hold', 'reject')", name="verdict"),
    CheckConstraint("answer IN ('approve', 'reject')", name="answer"),
    Index(
        "ix_audit_waiting",
        "comment",
        sqlite_where=text("answered_at IS NULL AND seq > 0"),
        postgresql_where=text("answered_at IS NULL AND seq > 0"),
    ),
    Index(
        "ix_audit_answered",
        "language",
        "calibration",
        "comment",
        sqlite_where=text("answered_at IS NOT NULL"),
        postgresql_where=text("answered_at IS NOT NULL"),
    ),
    Index(
        "ix_audit_latest",
        "answered_at",
        sqlite_where=text("answered_at IS NOT NULL"),
        postgresql_where=text("answered_at IS NOT NULL"),
    ),
)

withdrawal = Table(
    "withdrawal",
    metadata,
    Column("number", _BIG, primary_key=True),
    Column("language", Text, nullable=False),
    Column("rule", Text, nullable=False, comment="a rule's id, or 'approvals'"),
    Column("calibration", Text, nullable=False, comment="another one lifts it"),
    Column("wrong", Integer, nullable=False, comment="of so many audits"),
    Column("audits", Integer, nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("ix_withdrawal_once", "language", "rule", "calibration", unique=True),
)

second = Table(
    "second",
    metadata,
    # A share of what people decide, decided again by somebody else who is not told how.
    Column("comment", _BIG, ForeignKey("comment.number"), primary_key=True, autoincrement=False),
    Column("seq", Integer, primary_key=True, autoincrement=False, comment="the decision looked at again"),
    Column("actor", Text, nullable=False, comment="who made it"),
    Column("drawn_at", BigInteger, nullable=False),
    Column("answered_at", BigInteger),
    Column("answer", Text, comment="the other person's verdict"),
    Column("breached", Text, comment="the rules that they named, ids, by comma"),
    Column("answered_by", Text),
    CheckConstraint("answer IN ('approve', 'reject')", name="answer"),
    CheckConstraint("answered_by <> actor", name="another_person"),
    Index(
        "ix_second_waiting",
        "drawn_at",
        sqlite_where=text("answered_at IS NULL"),
        postgresql_where=text("answered_at IS NULL"),
    ),
    Index("ix_second_answered", "answered_at"),
)

report = Table(
    "report",
    metadata,
    # What readers say breaches a rule. It changes no comment; a person's decision closes it.
    Column("number", _BIG, primary_key=True),
    Column("comment", _BIG, ForeignKey("comment.number"), nullable=False),
    Column("rule", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("address_key", Text, comment="the reader's; NULL once forgotten or erased"),
    Column("words", Text, comment="the reader's; NULL without any, and once erased"),
    Column("closed_at", BigInteger),
    Column("seq", Integer, comment="the decision that closed it"),
    Column("upheld", SmallInteger, comment="1: the comment was rejected, 0: it was kept"),
    CheckConstraint("upheld IN (0, 1)", name="upheld"),
    Index("ix_report_reader", "comment", "address_key", unique=True),
    Index("ix_report_sent", "address_key", "at"),
    Index("ix_report_time", "at"),
    Index(
        "ix_report_address",
        "at",
        sqlite_where=text("address_key IS NOT NULL"),
        postgresql_where=text("address_key IS NOT NULL"),
    ),
)

exposure = Table(
    "exposure",
    metadata,
    Column("moderator", Text, ForeignKey("moderator.name"), primary_key=True),
    Column("comment", _BIG, ForeignKey("comment.number"), primary_key=True, autoincrement=False),
    Column("label", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Index("ix_exposure_shift", "moderator", "at"),
)

block = Table(
    "block",
    metadata,
    Column("number", _BIG, primary_key=True),
    Column("author_key", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False, comment="as the author is told it"),
    Column("until", BigInteger, comment="NULL: until it is lifted"),
    Column("lifted_at", BigInteger),
    Column("lifted_by", Text),
    Index(
        "ix_block_standing",
        "author_key",
        sqlite_where=text("lifted_at IS NULL"),
        postgresql_where=text("lifted_at IS NULL"),
    ),
)

moderator = Table(
    "moderator",
    metadata,
    Column("name", Text, primary_key=True),
    Column("added_at", BigInteger, nullable=False),
    Column("removed_at", BigInteger),
    Column(
        "role",
        Text,
        CheckConstraint("role IN ('moderator', 'editor', 'auditor')", name="role"),
        nullable=False,
        server_default="moderator",
    ),
    # Tags by space; empty: every language.
    Column("languages", Text, nullable=False, server_default=""),
    # Argon2id in its own notation; the secret of one-time codes sealed with the server's key.
    Column("password", Text),
    Column("second", Text),
    Column("second_on", SmallInteger, nullable=False, server_default="0"),
    Column("second_step", BigInteger, nullable=False, server_default="0"),
    # By which an issuer's account is known: by address until it was seen once, by subject from then on.
    Column("email", Text),
    Column("issuer", Text),
    Column("subject", Text),
    Index("ix_moderator_identity", "issuer", "subject", unique=True),
)

guidelines = Table(
    "guidelines",
    metadata,
    # The newest rules. A version that comes back is a new row.
    Column("number", _BIG, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("source", LargeBinary, nullable=False, comment="the file's bytes"),
    Column("at", BigInteger, nullable=False),
    Column("actor", Text, nullable=False, comment="an editor; 'operator': the operator's file"),
    Column("note", Text, nullable=False),
    Column("before", Text, comment="the digest that ruled until then"),
    Index("ix_guidelines_digest", "digest", "number"),
    Index("ix_guidelines_actor", "actor", "number"),
)

draft = Table(
    "draft",
    metadata,
    # What an editor has typed and nobody goes by. Nothing of it is in the journal.
    Column("moderator", Text, ForeignKey("moderator.name"), primary_key=True),
    Column("body", LargeBinary, nullable=False, comment="store.guidelines.Draft as JSON"),
)

recovery = Table(
    "recovery",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("moderator", Text, ForeignKey("moderator.name"), nullable=False),
)

attempt = Table(
    "attempt",
    metadata,
    Column("who", Text, primary_key=True, comment="a keyed hash of the name that was given"),
    Column("failures", Integer, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("locked_until", BigInteger, nullable=False),
)

doorway = Table(
    "doorway",
    metadata,
    Column("digest", Text, primary_key=True, comment="of the state that an issuer gives back"),
    Column("nonce", Text, nullable=False),
    Column("verifier", Text, nullable=False),
    Column("back", Text, nullable=False, comment="the desk's page to land on"),
    Column("expires_at", BigInteger, nullable=False),
)

journal = Table(
    "journal",
    metadata,
    Column("number", _BIG, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("subject", Text, nullable=False, comment="a comment's id or a person's name"),
    Column("detail", Text, nullable=False, comment="JSON; no reader's words, no secret"),
    Index("ix_journal_actor", "actor", "number"),
    Index("ix_journal_action", "action", "number"),
    Index("ix_journal_subject", "subject", "number"),
    Index("ix_journal_shift", "actor", "at"),
)

outbox = Table(
    "outbox",
    metadata,
    # What is to leave the building. Posted in the transaction of what it tells; see store/outbox.
    Column("number", _BIG, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("subject", Text, nullable=False, comment="a comment's id, or another's whose end ends the job"),
    Column("body", Text, comment="JSON; NULL once done or given up"),
    Column("key", Text, nullable=False, unique=True),
    Column("at", BigInteger, nullable=False),
    Column("due_at", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("leased_until", BigInteger, nullable=False, server_default="0"),
    Column("done_at", BigInteger),
    Column("dead_at", BigInteger),
    Column("error", Text, nullable=False, server_default="", comment="what went wrong last, without words"),
    Column("endpoint", BigInteger, comment="endpoint.number; NULL: a letter, by mail"),
    Index(
        "ix_outbox_due",
        "due_at",
        "number",
        sqlite_where=text("done_at IS NULL AND dead_at IS NULL"),
        postgresql_where=text("done_at IS NULL AND dead_at IS NULL"),
    ),
    Index(
        "ix_outbox_dead",
        "dead_at",
        sqlite_where=text("dead_at IS NOT NULL"),
        postgresql_where=text("dead_at IS NOT NULL"),
    ),
    Index(
        "ix_outbox_done",
        "done_at",
        sqlite_where=text("done_at IS NOT NULL"),
        postgresql_where=text("done_at IS NOT NULL"),
    ),
    Index("ix_outbox_subject", "subject"),
    Index(
        "ix_outbox_lane",
        "endpoint",
        "due_at",
        "number",
        sqlite_where=text("done_at IS NULL AND dead_at IS NULL"),
        postgresql_where=text("done_at IS NULL AND dead_at IS NULL"),
    ),
)

endpoint = Table(
    "endpoint",
    metadata,
    # Where the newsroom's own programs and channels are told what happens; see store/endpoints.
    Column("number", _BIG, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("form", Text, nullable=False),
    Column("place", Text, nullable=False, comment="scheme, host and port, for people"),
    Column("sealed", Text, nullable=False, comment="address and secrets, under the server's key"),
    Column("events", Text, nullable=False, comment="each between spaces"),
    Column("words", SmallInteger, nullable=False, server_default="0"),
    Column("language", Text, nullable=False, server_default="en"),
    Column("added_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("ended_why", Text),
    CheckConstraint("form IN ('standard', 'slack')", name="form"),
    CheckConstraint("ended_why IN ('removed', 'gone')", name="ended_why"),
    Index(
        "ix_endpoint_name",
        "name",
        unique=True,
        sqlite_where=text("ended_at IS NULL"),
        postgresql_where=text("ended_at IS NULL"),
    ),
)

follow = Table(
    "follow",
    metadata,
    # Who asked to be written to, about what; nobody is until they have confirmed it.
    Column("number", _BIG, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("story", _BIG, ForeignKey("story.id"), nullable=False),
    Column(
        "comment", _BIG, ForeignKey("comment.number"), comment="the replies under it; NULL: the whole story"
    ),
    Column("own", SmallInteger, nullable=False, server_default="0", comment="1: asked for by who wrote it"),
    Column("recipient", Text, nullable=False, comment="a keyed hash of the address"),
    Column("email", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("asked_at", BigInteger, nullable=False),
    Column("confirmed_at", BigInteger),
    Column("written_at", BigInteger, nullable=False, comment="when a mail was last posted"),
    Column(
        "told", BigInteger, nullable=False, server_default="0", comment="the leaf up to which they were told"
    ),
    Index(
        "ix_follow_story",
        "story",
        "number",
        sqlite_where=text("confirmed_at IS NOT NULL"),
        postgresql_where=text("confirmed_at IS NOT NULL"),
    ),
    Index("ix_follow_comment", "comment"),
    Index("ix_follow_recipient", "recipient", "asked_at"),
    Index(
        "ix_follow_asked",
        "asked_at",
        sqlite_where=text("confirmed_at IS NULL"),
        postgresql_where=text("confirmed_at IS NULL"),
    ),
    Index("ix_follow_written", "written_at"),
)

suggestion = Table(
    "suggestion",
    metadata,
    # What other systems' people found of comments kept there; see store/suggestions.
    Column("number", _BIG, primary_key=True),
    Column(
        "key",
        Text,
        nullable=False,
        unique=True,
        comment="a keyed hash of which comment of which system it is about",
    ),
    Column("fingerprint", Text, nullable=False, comment="a keyed hash of the text"),
    Column("source", Text, nullable=False, comment="the door and the token's name"),
    Column("text", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("labels", Text, nullable=False, comment="JSON: label -> 0 to 1"),
    Column("at", BigInteger, nullable=False),
    Index("ix_suggestion_text", "fingerprint"),
    Index("ix_suggestion_time", "at"),
)

link = Table(
    "link",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("moderator", Text, ForeignKey("moderator.name"), nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("used_at", BigInteger),
)

session = Table(
    "session",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("moderator", Text, ForeignKey("moderator.name"), nullable=False),
    Column("csrf", Text, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("added_at", BigInteger, nullable=False),
    Column("how", Text, nullable=False, server_default="link"),
    Column("device", Text, nullable=False, server_default=""),
    Column("seen_at", BigInteger, nullable=False, server_default="0"),
    Index("ix_session_moderator", "moderator"),
)

reader = Table(
    "reader",
    metadata,
    # Only of who has signed out everywhere: what was given to them before opens nothing.
    Column("reader_key", Text, primary_key=True),
    Column("counts_from", BigInteger, nullable=False),
)

reader_link = Table(
    "reader_link",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("who", Text, nullable=False, comment="the key of the mailbox that it was sent to"),
    Column("comment", _BIG, ForeignKey("comment.number"), comment="what it confirms; NULL: it signs in"),
    Column("added_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("used_at", BigInteger),
    Index("ix_reader_link_who", "who", "added_at"),
    Index("ix_reader_link_time", "added_at"),
    Index(
        "ix_reader_link_comment",
        "comment",
        sqlite_where=text("comment IS NOT NULL"),
        postgresql_where=text("comment IS NOT NULL"),
    ),
    Index(
        "ix_reader_link_open",
        "added_at",
        sqlite_where=text("comment IS NOT NULL AND used_at IS NULL"),
        postgresql_where=text("comment IS NOT NULL AND used_at IS NULL"),
    ),
)

reader_session = Table(
    "reader_session",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("reader_key", Text, nullable=False),
    Column("added_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Index("ix_reader_session_reader", "reader_key"),
    Index("ix_reader_session_end", "expires_at"),
)

token = Table(
    "token",
    metadata,
    Column("digest", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("scopes", Text, nullable=False, comment="by space"),
    Column("added_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
    # A revoked token's row stays; its name may be given again.
    Index(
        "ix_token_name",
        "name",
        unique=True,
        sqlite_where=text("revoked_at IS NULL"),
        postgresql_where=text("revoked_at IS NULL"),
    ),
)

NUMBERED_LAST = tuple(
    f"ALTER TABLE {table} ALTER CONSTRAINT fk_{table}_{column} DEFERRABLE INITIALLY DEFERRED"
    for table, column in (("comment", "receipt"), ("decision", "leaf"))
)
"""On PostgreSQL a row comes before the number of its leaf; at the commit it has it (see store/hand)."""

for _statement in NUMBERED_LAST:
    event.listen(metadata, "after_create", DDL(_statement).execute_if(dialect="postgresql"))  # type: ignore[no-untyped-call]

for _dialect, _statements in LOOKUP.items():
    for _statement in _statements:
        event.listen(metadata, "after_create", DDL(_statement).execute_if(dialect=_dialect))  # type: ignore[no-untyped-call]
