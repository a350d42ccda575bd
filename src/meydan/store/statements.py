"""
Every statement the store makes, in SQL that SQLite and PostgreSQL both read.

`:name` marks a parameter. Conditions of the partial indexes are written out as
constants, or the databases would not see that an index answers them. A test
asks both databases to plan each statement.
"""

# ruff: noqa: S105, S608  (constants put together from constants; nothing here is a secret or a reader's)

from __future__ import annotations

from collections.abc import Sequence

_AHEAD = 3_600_000_000
"""Microseconds, an hour: what began later than that from now began before the clock was set back."""

# -- the counter ------------------------------------------------------------

# Whoever holds this row's lock is alone in giving numbers until their commit, so the order of numbers is the order of
# commits, and a number that is rolled back is taken by the next. On PostgreSQL it is taken once by a batch, last of all.
TAKE_NUMBERS = """
UPDATE counter SET leaf = leaf + :leaves, change = change + :changes, pulse = pulse + :stirred
 WHERE id = 1 RETURNING leaf, change"""
# To come after whoever gives numbers now: what they have committed is seen by who has waited so.
AFTER_NUMBERS = {
    "sqlite": "SELECT leaf FROM counter WHERE id = 1",
    "postgresql": "SELECT leaf FROM counter WHERE id = 1 FOR UPDATE",
}
PUT_LEAVES = {
    "postgresql": """
INSERT INTO leaf (number, body)
SELECT c.leaf - :leaves + t.place - 1, t.body
  FROM counter c, unnest(CAST(:bodies AS bytea[])) WITH ORDINALITY AS t (body, place)
 WHERE c.id = 1"""
}
NUMBER_RECEIPTS = {
    "postgresql": """
UPDATE comment SET receipt = c.leaf - :leaves + t.place
  FROM counter c, unnest(CAST(:numbers AS bigint[]), CAST(:nth AS bigint[])) AS t (number, place)
 WHERE c.id = 1 AND comment.number = t.number"""
}
NUMBER_DECISIONS = {
    "postgresql": """
UPDATE decision SET leaf = c.leaf - :leaves + t.place
  FROM counter c,
       unnest(CAST(:numbers AS bigint[]), CAST(:seqs AS bigint[]), CAST(:nth AS bigint[])) AS t (number, seq, place)
 WHERE c.id = 1 AND decision.comment = t.number AND decision.seq = t.seq"""
}
COUNT_COMMENTS = {
    "postgresql": """
UPDATE comment SET replies = comment.replies + t.replies, branch = comment.branch + t.branch
  FROM unnest(CAST(:numbers AS bigint[]), CAST(:replies AS bigint[]), CAST(:branches AS bigint[]))
       AS t (number, replies, branch)
 WHERE comment.number = t.number"""
}
CHANGE_STORIES = {
    "postgresql": """
UPDATE story SET revision = story.revision + t.revisions, shown = story.shown + t.shown,
       picked = story.picked + t.picked,
       changed = CASE WHEN t.revisions > 0 THEN c.change - :changes + t.latest ELSE story.changed END
  FROM counter c,
       unnest(CAST(:stories AS bigint[]), CAST(:revisions AS bigint[]), CAST(:numbered AS bigint[]),
              CAST(:shown AS bigint[]), CAST(:picked AS bigint[])) AS t (id, revisions, latest, shown, picked)
 WHERE c.id = 1 AND story.id = t.id"""
}
# What the other nodes listen to; the newest change that readers can see.
NOTIFY = {"postgresql": "SELECT pg_notify('meydan', (SELECT CAST(change AS text) FROM counter WHERE id = 1))"}

# Locks until the commit, of comments by number and of whatever else by a key; in company they are tried, not waited for.
_COMMENTS, _KEYS = 0x6D657901, 0x6D657902


def _lock(ending: str, what: str) -> dict[str, str]:
    return {
        "postgresql": f"SELECT pg_advisory_xact_lock{ending}({what}",
        "postgresql, in company": f"SELECT pg_try_advisory_xact_lock{ending}({what}",
    }


LOCK_COMMENT = _lock("", f"{_COMMENTS}, hashint8(number)) FROM comment WHERE id = :id")
LOCK_ABOVE = _lock("_shared", f"{_COMMENTS}, hashint8(number)) FROM comment WHERE id = :id")
LOCK_TOP = _lock("_shared", f"{_COMMENTS}, hashint8(:number))")
LOCK_KEY = _lock("", f"{_KEYS}, hashtext(:key))")

LEAVES_TAKEN = "UPDATE counter SET leaf = :leaf WHERE id = 1"
NEXT_CHANGE = "UPDATE counter SET change = change + 1 WHERE id = 1 RETURNING change"
LATEST_CHANGE = "SELECT change FROM counter WHERE id = 1"
PUT_LEAF = "INSERT INTO leaf (number, body) VALUES (:number, :body)"
LEAVES = "SELECT number, body FROM leaf WHERE number >= :start ORDER BY number LIMIT :limit"
# Another value each time: SQLite does not write what stays the same.
WRITE = "UPDATE meta SET value = CASE value WHEN '1' THEN '0' ELSE '1' END WHERE key = 'written'"
STALE = "SELECT 1 FROM meta WHERE key = 'stale' AND value = '1'"
NOW_STALE = "UPDATE meta SET value = '1' WHERE key = 'stale'"
REWRITTEN_NOW = "UPDATE meta SET value = '2' WHERE key = 'stale'"
JOURNAL_STALE = "SELECT 1 FROM meta WHERE key = 'stale' AND value = '2'"
NOT_STALE = "UPDATE meta SET value = '0' WHERE key = 'stale' AND value = '2'"
REWRITTEN = "SELECT value FROM meta WHERE key = 'rewritten'"
NOW_REWRITTEN = "UPDATE meta SET value = :at WHERE key = 'rewritten'"

# -- nodes --------------------------------------------------------------------

KEEP_SECRET = "INSERT INTO meta (key, value) VALUES ('secret', :value) ON CONFLICT (key) DO NOTHING"
CHANGE_SECRET = "UPDATE meta SET value = :value WHERE key = 'secret' AND value = :former"
SECRET = "SELECT value FROM meta WHERE key = 'secret'"
_NOW = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
# By the database's clock, which is one for all nodes. A row stands for a bucket: what is missing in it is as
# much as runs in until `full_at`. Too much at once touches no row. One that is further from full than empty was filled
# by a clock that has gone back since: it begins anew.
TAKE_PACE = {
    "postgresql": f"""
INSERT INTO pace (key, full_at) VALUES (:key, {_NOW} + :step)
    ON CONFLICT (key) DO UPDATE
    SET full_at = CASE WHEN pace.full_at > {_NOW} + :burst THEN {_NOW} ELSE greatest(pace.full_at, {_NOW}) END + :step
 WHERE pace.full_at + :step <= {_NOW} + :burst OR pace.full_at > {_NOW} + :burst"""
}
PACE_LEFT = {"postgresql": f"SELECT full_at + :step - :burst - {_NOW} FROM pace WHERE key = :key"}
FORGET_PACE = {"postgresql": f"DELETE FROM pace WHERE full_at < {_NOW}"}
_LEADER_LOCK = 0x6D656C64
LEAD = {"postgresql": f"SELECT pg_try_advisory_lock({_LEADER_LOCK})"}
# Servers listen, and workers try to lead: whoever is up has one of these connections.
OTHERS = {
    "postgresql": "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() "
    "AND application_name IN ('meydan hearing', 'meydan leading') LIMIT 1"
}
ALIVE = {"postgresql": "SELECT 1"}

# -- stories ----------------------------------------------------------------

_STORY = """id, url, title, text, language, open, closes_at, mode, revision, opens_at, closed_reason, guests, question,
       picked"""
STORY = f"SELECT {_STORY} FROM story WHERE url = :url"
STORY_SHOWN = f"SELECT {_STORY}, shown FROM story WHERE url = :url"
STORY_ID = "SELECT id FROM story WHERE url = :url"
ADD_STORY = "INSERT INTO story (url) VALUES (:url) ON CONFLICT (url) DO NOTHING RETURNING id"
# Where a comment would go, and whether its id is taken.
NEW_PLACE = "SELECT (SELECT id FROM story WHERE url = :url), (SELECT number FROM comment WHERE id = :id)"
SET_STORY = """
UPDATE story SET title = :title, text = :text, language = :language, open = :open,
       closes_at = :closes_at, mode = :mode, opens_at = :opens_at, closed_reason = :closed_reason,
       guests = :guests, question = :question
 WHERE id = :id"""
STORY_CHANGED = """
UPDATE story SET revision = revision + 1, changed = :change, shown = shown + :delta WHERE id = :id"""
CHANGED_SINCE = "SELECT url FROM story WHERE changed > :since ORDER BY changed"
SHOWN = "SELECT shown FROM story WHERE url = :url"
ANNOUNCED = "SELECT shown, revision FROM story WHERE url = :url"
# Many stories at once: without their text, which nobody reads in a list.
_LISTED = f"{_STORY.replace(' text,', ' NULL,')}, shown"
# First the comments of that time, then by story: SQLite would walk all comments there ever were, in the order of stories.
STORIES_BUSY = f"""
SELECT {_LISTED}, q.lately
  FROM (SELECT story, count(*) AS lately
          FROM (SELECT story FROM comment WHERE submitted_at >= :since ORDER BY submitted_at DESC LIMIT 100000) seen
         GROUP BY story ORDER BY 2 DESC, 1 LIMIT :limit) q
  JOIN story s ON s.id = q.story ORDER BY q.lately DESC, s.id"""
_STORIES = f"""
SELECT {_LISTED},
       (SELECT count(*) FROM comment c WHERE c.story = s.id AND c.submitted_at >= :since)
  FROM story s WHERE s.id < :before"""
STORIES_NEW = f"{_STORIES} ORDER BY s.id DESC LIMIT :limit"
STORIES_FOUND = f"""{_STORIES} AND (lower(s.url) LIKE lower(:like) ESCAPE '!' OR lower(s.title) LIKE lower(:like) ESCAPE '!')
 ORDER BY s.id DESC LIMIT :limit"""

# -- a comment --------------------------------------------------------------

_NEW = """id, story, parent, root, submitted_at, due, commitment, receipt, holds, waiting, address_key, author_key,
       reader_key, fingerprint, badge, written_by, likeness"""
_NEW_VALUES = """:id, :story, :parent, :root, :submitted_at, :submitted_at, :commitment, :receipt, :holds, :waiting,
       :address_key, :author_key, :reader_key, :fingerprint, :badge, :written_by, :likeness"""
ADD_COMMENT = f"INSERT INTO comment ({_NEW}) VALUES ({_NEW_VALUES}) RETURNING number"
# Where whoever writes knows which number is next: then nothing has to be asked, and many are put in together.
ADD_NUMBERED = {"sqlite": f"INSERT INTO comment (number, {_NEW}) VALUES (:number, {_NEW_VALUES})"}
ADD_WORDS = """
INSERT INTO words (comment, text, name, email, salt) VALUES (:comment, :text, :name, :email, :salt)"""

_COMMENT = """c.id, s.url, c.parent, w.name, w.text, c.status, c.submitted_at, c.language, w.email, c.seq,
       c.holds, c.judged_at, c.withdrawn_at, c.erased_at, c.escalated, c.replies, c.picked_at, c.badge, c.written_by,
       w.format"""
COMMENT = f"""
SELECT {_COMMENT}
  FROM comment c JOIN story s ON s.id = c.story LEFT JOIN words w ON w.comment = c.number
 WHERE c.id = :id"""
COMMITMENT = "SELECT commitment FROM comment WHERE id = :id"
ERASED = "SELECT id, commitment, erased_at FROM comment WHERE id = :id AND erased_at IS NOT NULL"
ERASED_SINCE = "SELECT id, commitment, erased_at FROM comment WHERE erased_at >= :since ORDER BY erased_at"
RESTORING = "SELECT value FROM meta WHERE key = 'restoring'"
PROOF = """
SELECT w.salt, c.commitment FROM comment c JOIN words w ON w.comment = c.number WHERE c.id = :id"""

# What decides where a comment stands, in the order of store._Standing.
STANDING = """
SELECT number, id, story, parent, status, seq, withdrawn_at, erased_at, escalated, showing, waiting, root, judged_at
  FROM comment WHERE id = :id"""
SETTLE = """
UPDATE comment SET status = :status, seq = :seq, holds = '', waiting = 0, showing = :showing, branch = branch + :places,
       judged_at = COALESCE(judged_at, :at), language = COALESCE(:language, language)
 WHERE number = :number"""
HOLD = """
UPDATE comment SET holds = :holds, judged_at = :at, language = :language, due = submitted_at - :sooner
 WHERE id = :id AND status = 'held' AND seq = 0 AND erased_at IS NULL AND judged_at IS NULL
RETURNING number"""
WITHDRAW = "UPDATE comment SET withdrawn_at = :at, waiting = 0 WHERE number = :number"
# Both at once, as in SETTLE, where a comment begins its branch: every change of a row is written into all of its indexes.
SHOW = "UPDATE comment SET showing = :showing, branch = branch + :places WHERE number = :number"
REPLIED = "UPDATE comment SET replies = replies + :delta WHERE number = :number"
BRANCH_CHANGED = "UPDATE comment SET branch = branch + :delta WHERE number = :number"
PICK = """
UPDATE comment SET picked_at = :at, picked_by = :actor WHERE number = :number AND picked_at IS NULL"""
END_PICK = """
UPDATE comment SET picked_at = NULL, picked_by = NULL WHERE number = :number AND picked_at IS NOT NULL"""
STORY_PICKED = "UPDATE story SET picked = picked + :delta WHERE id = :id"
WRITTEN_BY = "SELECT written_by FROM comment WHERE number = :number"
HAS_REPLIES = "SELECT 1 FROM comment WHERE parent = :id AND showing > 0 LIMIT 1"

# -- evidence and decisions -------------------------------------------------

ADD_EVIDENCE = "INSERT INTO evidence (comment, at, body) VALUES (:comment, :at, :body)"
EVIDENCE = """
SELECT e.body FROM evidence e JOIN comment c ON c.number = e.comment
 WHERE c.id = :id ORDER BY e.number DESC LIMIT 1"""
ADD_DECISION = """
INSERT INTO decision (comment, seq, leaf, decided_at, verdict, decided_by, actor, reasons, guidelines, model,
       calibration)
VALUES (:comment, :seq, :leaf, :at, :verdict, :decided_by, :actor, :reasons, :guidelines, :model, :calibration)"""
DECISION = "SELECT verdict, actor FROM decision WHERE comment = :comment AND seq = :seq"
DECISIONS = """
SELECT d.seq, d.decided_at, d.leaf, d.verdict, d.reasons, d.decided_by, d.actor, d.guidelines, d.model,
       d.calibration, n.words
  FROM comment c
  JOIN decision d ON d.comment = c.number
  LEFT JOIN note n ON n.comment = d.comment AND n.seq = d.seq
 WHERE c.id = :id ORDER BY d.seq"""
RECENTLY_DECIDED = """
SELECT c.id FROM decision d JOIN comment c ON c.number = d.comment AND c.seq = d.seq
 WHERE c.erased_at IS NULL AND c.escalated = 0
 ORDER BY d.leaf DESC LIMIT :limit"""
ADD_NOTE = "INSERT INTO note (comment, seq, words) VALUES (:comment, :seq, :words)"

DECIDED = """
SELECT d.leaf, c.id, c.language, d.decided_by, d.verdict, d.reasons, a.answer, a.breached,
       CASE WHEN a.comment IS NULL THEN 0 ELSE 1 END
  FROM decision d
  JOIN comment c ON c.number = d.comment
  LEFT JOIN audit a ON a.comment = d.comment
 WHERE d.leaf > :after AND c.erased_at IS NULL AND c.escalated = 0 AND c.written_by IS NULL
 ORDER BY d.leaf LIMIT :limit"""

# -- audits -----------------------------------------------------------------

DRAW = """
INSERT INTO audit (comment, seq, verdict, rules, language, calibration, drawn_at)
SELECT :comment, :seq, :verdict, :rules, :language, :calibration, :at
 WHERE NOT EXISTS (SELECT 1 FROM audit WHERE comment = :comment)"""
AUDIT = """
SELECT a.seq, a.verdict, a.rules, a.language, a.answer
  FROM audit a JOIN comment c ON c.number = a.comment
 WHERE c.id = :id"""
ANSWER = """
UPDATE audit SET answered_at = :at, answer = :answer, breached = :breached, actor = :actor
 WHERE comment = :comment AND answered_at IS NULL"""
AUDITED = """
SELECT verdict, rules, answer, breached FROM audit
 WHERE language = :language AND calibration = :calibration AND answered_at IS NOT NULL
 ORDER BY comment"""
_AUDITS = """
  FROM audit a JOIN comment c ON c.number = a.comment
 WHERE a.answered_at IS NULL AND a.seq > 0 AND c.seq = a.seq
   AND c.erased_at IS NULL AND c.withdrawn_at IS NULL AND c.escalated = 0"""
AUDITS = f"SELECT c.id {_AUDITS} ORDER BY a.comment LIMIT :limit"
AUDITS_COUNT = f"SELECT count(*) {_AUDITS}"
WITHDRAW_MACHINE = """
INSERT INTO withdrawal (language, rule, calibration, wrong, audits, at)
VALUES (:language, :rule, :calibration, :wrong, :audits, :at)
ON CONFLICT (language, rule, calibration) DO NOTHING"""
WITHDRAWALS = "SELECT language, rule, calibration, wrong, audits, at FROM withdrawal ORDER BY number"

# -- appeals, escalation, erasure -------------------------------------------

# Whoever agreed with the decision, blind, has decided it too.
AGREED_BY = """
SELECT 1 FROM audit WHERE comment = :comment AND seq = :seq AND actor = :name
UNION ALL
SELECT 1 FROM second WHERE comment = :comment AND seq = :seq AND answered_by = :name"""
APPEALED = "SELECT 1 FROM appeal WHERE comment = :comment AND seq = :seq"
ADD_APPEAL = "INSERT INTO appeal (comment, seq, at, words) VALUES (:comment, :seq, :at, :words)"
WAITS_AGAIN = "UPDATE comment SET waiting = 1, holds = :holds, due = :due WHERE number = :number"
APPEALS = """
SELECT a.seq, a.at, a.words, CASE WHEN a.seq = c.seq THEN 1 ELSE 0 END
  FROM comment c JOIN appeal a ON a.comment = c.number
 WHERE c.id = :id ORDER BY a.seq"""
ADD_ESCALATION = """
INSERT INTO escalation (comment, kind, told, actor, at) VALUES (:comment, :kind, :told, :actor, :at)"""
ESCALATE = "UPDATE comment SET escalated = 1, waiting = 0 WHERE number = :number"
ESCALATIONS = """
SELECT e.kind, e.told, e.actor, e.at FROM comment c JOIN escalation e ON e.comment = c.number
 WHERE c.id = :id ORDER BY e.number"""
ESCALATED = """
SELECT e.number, c.id, e.kind, e.actor, e.at, s.url, s.title, c.escalated, c.erased_at,
       (SELECT max(n.at) FROM ending n WHERE n.comment = e.comment)
  FROM escalation e JOIN comment c ON c.number = e.comment JOIN story s ON s.id = c.story
 WHERE e.number < :before
   AND NOT EXISTS (SELECT 1 FROM escalation l WHERE l.comment = e.comment AND l.number > e.number)
 ORDER BY e.number DESC LIMIT :limit"""
# Who began the hold that stands and when, and the last escalation that belongs to it.
HELD_BY = """
SELECT e.actor, e.at, e.number FROM escalation e
 WHERE e.comment = :number
   AND e.number > COALESCE((SELECT max(n.escalation) FROM ending n WHERE n.comment = :number), 0)
 ORDER BY e.number"""
# Who opened the desk for whom, in order; whoever is added anew comes back with nothing of before.
WAYS_IN = """
SELECT actor, action, subject FROM journal
 WHERE action IN ('link-made', 'address-given', 'moderator-added') AND at >= :since ORDER BY number"""
ADD_TOLD = """
INSERT INTO told (comment, told_at, office, channel, reference, sentence, actor, at)
VALUES (:comment, :told_at, :office, :channel, :reference, :sentence, :actor, :at)"""
TOLD = """
SELECT t.office, t.told_at, t.channel, t.reference, t.sentence, t.actor, t.at
  FROM comment c JOIN told t ON t.comment = c.number
 WHERE c.id = :id ORDER BY t.number"""
ADD_ENDING = """
INSERT INTO ending (comment, escalation, actor, at, reason) VALUES (:comment, :escalation, :actor, :at, :reason)"""
# An appeal that was not heard before the hold waits again.
END_HOLD = """
UPDATE comment SET escalated = 0,
       waiting = CASE WHEN withdrawn_at IS NULL AND (status = 'held' OR EXISTS (
           SELECT 1 FROM appeal a WHERE a.comment = comment.number AND a.seq = comment.seq)) THEN 1 ELSE 0 END
 WHERE number = :number"""
ENDINGS = """
SELECT n.actor, n.at, n.reason FROM comment c JOIN ending n ON n.comment = c.number
 WHERE c.id = :id ORDER BY n.number"""
POSTPONE = "INSERT INTO postponed (comment, at, actor) VALUES (:comment, :at, :actor)"
POSTPONED = """
SELECT p.at, p.actor FROM comment c JOIN postponed p ON p.comment = c.number WHERE c.id = :id"""
# All that is kept of one comment beside its words and decisions, for those whom the law lets ask for it.
KEPT_OF = """
SELECT c.address_key, c.commitment, w.salt, c.receipt
  FROM comment c JOIN words w ON w.comment = c.number WHERE c.id = :id"""
LEAF = "SELECT body FROM leaf WHERE number = :number"
# Before the words go, because words leave only a comment that is erased.
ERASE = """
UPDATE comment SET erased_at = :at, waiting = 0, holds = '', fingerprint = NULL, author_key = NULL,
       address_key = NULL, likeness = NULL
 WHERE number = :number"""
ERASED_WITH_IT = (
    "DELETE FROM words WHERE comment = :number",
    "DELETE FROM evidence WHERE comment = :number",
    "DELETE FROM claim WHERE comment = :number",
    "DELETE FROM note WHERE comment = :number",
    "UPDATE sending SET words = NULL WHERE comment = :number",
    "UPDATE appeal SET words = NULL WHERE comment = :number",
    "UPDATE report SET words = NULL, address_key = NULL WHERE comment = :number",
    "DELETE FROM follow WHERE comment = :number",
    "DELETE FROM outbox WHERE subject = (SELECT id FROM comment WHERE number = :number)",
    "UPDATE comment SET reader_key = NULL WHERE number = :number AND reader_key IS NOT NULL",
    "DELETE FROM reader_link WHERE comment = :number",
    "UPDATE imported SET digest = NULL WHERE comment = :number AND digest IS NOT NULL",
)

# -- from other systems -------------------------------------------------------

_HERE = """c.number, c.id, c.root, s.url, c.status, c.showing,
       CASE WHEN c.withdrawn_at IS NULL AND c.erased_at IS NULL THEN 0 ELSE 1 END"""
_KNOWN = f"""
SELECT i.key, i.digest, {_HERE}
  FROM imported i JOIN comment c ON c.number = i.comment JOIN story s ON s.id = c.story
 WHERE i.source = :origin AND i.key"""
IMPORTED = {
    "sqlite": f"{_KNOWN} IN (SELECT q.value FROM json_each(:keys) q)",
    "postgresql": f"{_KNOWN} = ANY(CAST(:keys AS text[]))",
}
_OF_ID = f"SELECT c.id, NULL, {_HERE} FROM comment c JOIN story s ON s.id = c.story WHERE c.id"
OF_IDS = {
    "sqlite": f"{_OF_ID} IN (SELECT q.value FROM json_each(:keys) q)",
    "postgresql": f"{_OF_ID} = ANY(CAST(:keys AS text[]))",
}
NUMBERS = {
    "sqlite": "SELECT COALESCE(max(number), 0) + 1 FROM comment",
    "postgresql": """
SELECT nextval(pg_get_serial_sequence('comment', 'number')) FROM generate_series(1, CAST(:many AS integer))""",
}
NEWEST_COMMENT = "SELECT COALESCE(max(number), 0) FROM comment"
ADD_IMPORTED_STORY = """
INSERT INTO story (url, title, open) VALUES (:url, :title, :open) ON CONFLICT (url) DO NOTHING"""
TITLE_STORY = "UPDATE story SET title = :title WHERE id = :number AND title IS NULL"
_BECOME = "UPDATE comment SET status = :status, seq = 1, showing = :showing WHERE number"
BECOME = {
    "sqlite": f"{_BECOME} IN (SELECT q.value FROM json_each(:numbers) q)",
    "postgresql": f"{_BECOME} = ANY(CAST(:numbers AS bigint[]))",
}

# -- sent before -------------------------------------------------------------

SENT_BEFORE = """
SELECT c.id, c.receipt, s.words FROM sending s JOIN comment c ON c.number = s.comment
 WHERE s.key = :key AND s.at > :since"""
ADD_SENDING = "INSERT INTO sending (key, words, comment, at) VALUES (:key, :words, :comment, :at)"
END_SENDING = "DELETE FROM sending WHERE key = :key AND at <= :since"
# What another node forgets just now is passed over.
FORGET_SENDINGS = {
    "sqlite": "DELETE FROM sending WHERE at <= :since",
    "postgresql": """
DELETE FROM sending WHERE key IN (SELECT key FROM sending WHERE at <= :since LIMIT 1000 FOR UPDATE SKIP LOCKED)""",
}
USE_PROOF = (
    "INSERT INTO proof (nonce, expires_at) VALUES (:nonce, :expires_at) ON CONFLICT (nonce) DO NOTHING"
)
FORGET_PROOFS = {
    "sqlite": "DELETE FROM proof WHERE expires_at < :at",
    "postgresql": """
DELETE FROM proof WHERE nonce IN (SELECT nonce FROM proof WHERE expires_at < :at LIMIT 1000 FOR UPDATE SKIP LOCKED)""",
}

# -- reports ----------------------------------------------------------------

REPORTS_SENT = (
    "SELECT count(*), min(at) FROM report WHERE address_key = :address_key AND at > :since AND at < :until"
)
REPORTED_BY = "SELECT 1 FROM report WHERE comment = :comment AND address_key = :address_key"
# A person has looked at the comment under this rule, and it stands.
REPORT_ANSWERED = """
SELECT 1 FROM report WHERE comment = :comment AND rule = :rule AND closed_at IS NOT NULL LIMIT 1"""
ADD_REPORT = """
INSERT INTO report (comment, rule, at, address_key, words, closed_at, seq, upheld)
VALUES (:comment, :rule, :at, :address_key, :words, :closed_at, :seq, :upheld)"""
REPORTS_OPEN = "SELECT count(*) FROM report WHERE comment = :comment AND closed_at IS NULL"
CLOSE_REPORTS = """
UPDATE report SET closed_at = :at, seq = :seq, upheld = :upheld
 WHERE comment = :comment AND closed_at IS NULL"""
REPORTS = """
SELECT r.rule, CASE WHEN r.closed_at IS NULL THEN 1 ELSE 0 END, count(*)
  FROM comment c JOIN report r ON r.comment = c.number
 WHERE c.id = :id GROUP BY 1, 2 ORDER BY 3 DESC, 1"""
REPORTS_WORDS = """
SELECT r.rule, r.words FROM comment c JOIN report r ON r.comment = c.number
 WHERE c.id = :id AND r.closed_at IS NULL AND r.words IS NOT NULL
 ORDER BY r.number LIMIT :limit"""
OLD_REPORTER = "SELECT 1 FROM report WHERE address_key IS NOT NULL AND at < :before LIMIT 1"
_FORGET_REPORTERS = """
UPDATE report SET address_key = NULL
 WHERE number IN (SELECT number FROM report WHERE address_key IS NOT NULL AND at < :before LIMIT :limit"""
FORGET_REPORTERS = {
    "sqlite": f"{_FORGET_REPORTERS})",
    "postgresql": f"{_FORGET_REPORTERS} FOR UPDATE SKIP LOCKED)",
}

# -- reading many -----------------------------------------------------------

# Words are read of what is shown, and of nothing else that keeps a place.
_SHOWN = """
SELECT c.number, c.submitted_at, c.id, c.parent, w.name, w.text, c.language, c.seq, c.judged_at,
       c.withdrawn_at, c.erased_at, c.showing, c.replies, c.picked_at, c.badge, w.format"""
_WORDS = "LEFT JOIN words w ON w.comment = c.number AND c.showing = 1"
_PAGE = f"""{_SHOWN}
  FROM comment c {_WORDS}
 WHERE c.story = :story AND c.showing > 0"""
PAGE_PICKED = f"""{_PAGE} AND c.picked_at IS NOT NULL
 ORDER BY c.submitted_at DESC, c.number DESC LIMIT :limit"""
PAGE_OLDEST = f"{_PAGE} ORDER BY c.submitted_at, c.number LIMIT :limit"
PAGE_OLDEST_AFTER = f"""{_PAGE} AND (c.submitted_at, c.number) > (:at, :number)
 ORDER BY c.submitted_at, c.number LIMIT :limit"""
PAGE_NEWEST = f"{_PAGE} ORDER BY c.submitted_at DESC, c.number DESC LIMIT :limit"
PAGE_NEWEST_AFTER = f"""{_PAGE} AND (c.submitted_at, c.number) < (:at, :number)
 ORDER BY c.submitted_at DESC, c.number DESC LIMIT :limit"""
PAGE_REPLIED = f"{_PAGE} ORDER BY c.replies DESC, c.number DESC LIMIT :limit"
PAGE_REPLIED_AFTER = f"""{_PAGE} AND (c.replies, c.number) < (:at, :number)
 ORDER BY c.replies DESC, c.number DESC LIMIT :limit"""

# What begins a branch stands for it even where readers do not see it: what they see below it has its place there.
# Written with <>, which no index can be searched by: with > it would be, and the order would be sorted anew.
_BRANCHES = f"""{_SHOWN}, c.branch
  FROM comment c {_WORDS}
 WHERE c.story = :story AND c.branch <> 0"""
BRANCHES_OLDEST = f"{_BRANCHES} ORDER BY c.submitted_at, c.number LIMIT :limit"
BRANCHES_OLDEST_AFTER = f"""{_BRANCHES} AND (c.submitted_at, c.number) > (:at, :number)
 ORDER BY c.submitted_at, c.number LIMIT :limit"""
BRANCHES_NEWEST = f"{_BRANCHES} ORDER BY c.submitted_at DESC, c.number DESC LIMIT :limit"
BRANCHES_NEWEST_AFTER = f"""{_BRANCHES} AND (c.submitted_at, c.number) < (:at, :number)
 ORDER BY c.submitted_at DESC, c.number DESC LIMIT :limit"""
BRANCHES_REPLIED = f"{_BRANCHES} ORDER BY c.branch DESC, c.number DESC LIMIT :limit"
BRANCHES_REPLIED_AFTER = f"""{_BRANCHES} AND (c.branch, c.number) < (:at, :number)
 ORDER BY c.branch DESC, c.number DESC LIMIT :limit"""
BRANCH = f"{_BRANCHES} AND c.number = :number"
_IN_BRANCH = f"""
  FROM comment c {_WORDS}
 WHERE c.showing > 0"""
_ROOTS = tuple(f"root_{first}{second}" for first in "abcde" for second in "abcdefghij")
BRANCHES_WHOLE = (
    f"""{_SHOWN}, c.root {_IN_BRANCH} AND c.root IN ({", ".join(f":{name}" for name in _ROOTS)})"""
)
BRANCH_AFTER = f"""{_SHOWN} {_IN_BRANCH} AND c.root = :root AND c.number > :number
 ORDER BY c.number LIMIT :limit"""
# How many replies stand before one; more than a page is not counted.
BRANCH_BEFORE = """
SELECT count(*) FROM (
    SELECT 1 FROM comment WHERE root = :root AND showing > 0 AND number < :number LIMIT :limit
) q"""
TOP_OF = "SELECT number, submitted_at, branch FROM comment WHERE number = :number"


def whole(roots: Sequence[int]) -> dict[str, int]:
    """The parameters of BRANCHES_WHOLE for at most fifty branches; no comment has the number 0."""
    return dict.fromkeys(_ROOTS, 0) | dict(zip(_ROOTS, roots, strict=False))


# Walked from the newest decision on, so that what waits costs nothing, however much it is. CROSS JOIN keeps SQLite to it.
LATEST_SHOWN = f"""{_SHOWN}, s.id, s.url, s.title, s.language
  FROM decision d
  CROSS JOIN comment c
  CROSS JOIN story s
  LEFT JOIN words w ON w.comment = c.number
 WHERE d.verdict = 'approve' AND c.number = d.comment AND c.seq = d.seq AND c.showing = 1 AND s.id = c.story
 ORDER BY d.leaf DESC LIMIT :limit"""

LATEST_SHOWN_ON = f"""{_PAGE} AND c.showing = 1
 ORDER BY c.submitted_at DESC, c.number DESC LIMIT :limit"""

# Of what waits: only for one reason, and not what is assigned to others. Both are in the index that is walked.
_MINE = """ AND (:why = '' OR ',' || c.holds || ',' LIKE '%,' || :why || ',%')
   AND ' ' || :others || ' ' NOT LIKE '% ' || c.language || ' %'"""
_QUEUE = f"""
SELECT c.number, {_COMMENT}, c.due
  FROM comment c JOIN story s ON s.id = c.story LEFT JOIN words w ON w.comment = c.number
 WHERE c.waiting = 1"""
QUEUE_OLDEST = f"{_QUEUE} ORDER BY c.submitted_at, c.number LIMIT :limit"
QUEUE_OLDEST_AFTER = f"""{_QUEUE} AND (c.submitted_at, c.number) > (:at, :number)
 ORDER BY c.submitted_at, c.number LIMIT :limit"""
QUEUE_NEWEST = f"{_QUEUE} ORDER BY c.submitted_at DESC, c.number DESC LIMIT :limit"
QUEUE_NEWEST_AFTER = f"""{_QUEUE} AND (c.submitted_at, c.number) < (:at, :number)
 ORDER BY c.submitted_at DESC, c.number DESC LIMIT :limit"""
# In the order of what presses; the others by the time of submission alone.
_DUE = f"""
SELECT c.number, c.due FROM comment c
 WHERE c.waiting = 1 AND (c.due, c.number) > (:at, :number){_MINE} ORDER BY c.due, c.number LIMIT :limit"""
QUEUE_DUE = f"""
SELECT c.number, {_COMMENT}, c.due
  FROM ({_DUE}) q JOIN comment c ON c.number = q.number
  JOIN story s ON s.id = c.story LEFT JOIN words w ON w.comment = c.number
 ORDER BY c.due, c.number"""
QUEUE_MINE_OLDEST = f"""{_QUEUE} AND (c.submitted_at, c.number) > (:at, :number){_MINE}
 ORDER BY c.submitted_at, c.number LIMIT :limit"""
QUEUE_MINE_NEWEST = f"""{_QUEUE} AND (c.submitted_at, c.number) < (:at, :number){_MINE}
 ORDER BY c.submitted_at DESC, c.number DESC LIMIT :limit"""

# -- news for the desk ------------------------------------------------------

# Three ends of indexes: what it costs does not grow with anything.
PULSE = """
SELECT leaf + pulse, COALESCE((SELECT max(number) FROM evidence), 0), COALESCE((SELECT max(number) FROM journal), 0)
  FROM counter WHERE id = 1"""
# What has no reason to wait is still being judged.
QUEUE_TALLY = """
SELECT language, holds, count(*) FROM comment WHERE waiting = 1 AND holds <> '' GROUP BY language, holds"""
NEWEST = "SELECT COALESCE(max(number), 0) FROM comment"
ARRIVED = """
SELECT number, language, holds FROM comment
 WHERE number > :since AND waiting = 1 AND holds <> ''"""
BECAME = """
SELECT c.seq, d.verdict, d.decided_by, d.actor, d.decided_at, c.withdrawn_at, c.erased_at, c.escalated
  FROM comment c LEFT JOIN decision d ON d.comment = c.number AND d.seq = c.seq
 WHERE c.id = :id"""

# -- who is looking ---------------------------------------------------------

CLAIM = """
INSERT INTO claim (comment, moderator, at, expires_at)
SELECT number, :name, :at, :expires_at FROM comment WHERE id = :id
ON CONFLICT (comment) DO UPDATE SET moderator = :name, expires_at = :expires_at,
       at = CASE WHEN claim.moderator = :name THEN claim.at ELSE :at END
 WHERE claim.moderator = :name OR claim.expires_at <= :at"""
# Claims first, which are few; SQLite keeps to the order of a CROSS JOIN, whatever it believes to know of the tables.
CLAIMS = """
SELECT c.id, k.moderator, k.at FROM claim k CROSS JOIN comment c
 WHERE c.number = k.comment AND k.expires_at > :at"""
END_CLAIM = "DELETE FROM claim WHERE comment = :number"
LET_GO = """
DELETE FROM claim WHERE moderator = :name AND comment = (SELECT number FROM comment WHERE id = :id)"""
FORGET_CLAIMS = "DELETE FROM claim WHERE expires_at < :before"

# -- scores against what people found ---------------------------------------

# Only what stands, and only what was scored, but not what people wrote themselves; the latest, walked from the end of an index of people's decisions.
FOUND_BY_PEOPLE = """
SELECT c.language, q.verdict, q.reasons, e.body
  FROM (SELECT comment, seq, verdict, reasons FROM decision
         WHERE decided_by = 'moderator' ORDER BY leaf DESC LIMIT :limit) q
  JOIN comment c ON c.number = q.comment AND c.seq = q.seq
  JOIN evidence e ON e.comment = q.comment AND e.number = (SELECT max(l.number) FROM evidence l WHERE l.comment = q.comment)
 WHERE c.escalated = 0 AND c.written_by IS NULL"""
AGREED_BY_PEOPLE = """
SELECT c.language, q.answer, q.breached, e.body
  FROM (SELECT comment, answer, breached FROM audit
         WHERE answered_at IS NOT NULL ORDER BY answered_at DESC LIMIT :limit) q
  JOIN comment c ON c.number = q.comment
  JOIN decision d ON d.comment = q.comment AND d.seq = c.seq AND d.decided_by <> 'moderator'
  JOIN evidence e ON e.comment = q.comment AND e.number = (SELECT max(l.number) FROM evidence l WHERE l.comment = q.comment)
 WHERE c.escalated = 0"""

# -- second looks -----------------------------------------------------------

DRAW_SECOND = """
INSERT INTO second (comment, seq, actor, drawn_at) VALUES (:comment, :seq, :actor, :at)"""
# Only what still stands as it was drawn, and by nobody who decided it before, at any time and in any way.
_SECONDS = """
  FROM second k JOIN comment c ON c.number = k.comment
 WHERE k.answered_at IS NULL AND k.actor <> :name AND c.seq = k.seq
   AND c.erased_at IS NULL AND c.withdrawn_at IS NULL AND c.escalated = 0
   AND NOT EXISTS (SELECT 1 FROM decision d WHERE d.comment = k.comment AND d.actor = :name)
   AND NOT EXISTS (SELECT 1 FROM audit a WHERE a.comment = k.comment AND a.actor = :name)"""
SECONDS = f"SELECT c.id {_SECONDS} ORDER BY k.drawn_at LIMIT :limit"
SECONDS_COUNT = f"SELECT count(*) {_SECONDS}"
SECOND = f"SELECT k.comment, k.seq, k.actor {_SECONDS} AND c.id = :id"
ANSWER_SECOND = """
UPDATE second SET answered_at = :at, answer = :answer, breached = :breached, answered_by = :name
 WHERE comment = :comment AND seq = :seq AND answered_at IS NULL AND actor <> :name"""
LOOKED_TWICE = """
SELECT k.actor, d.verdict, d.reasons, k.answered_by, k.answer, k.breached, c.id
  FROM second k JOIN decision d ON d.comment = k.comment AND d.seq = k.seq
  JOIN comment c ON c.number = k.comment
 WHERE k.answered_at >= :since ORDER BY k.answered_at DESC LIMIT :limit"""

# -- figures of a period ----------------------------------------------------

RECEIVED_BY_HOUR = """
SELECT submitted_at / 3600000000 AS hour, count(*) FROM comment
 WHERE submitted_at >= :since AND submitted_at < :until GROUP BY 1 ORDER BY 1"""
DECIDED_BY_KIND = """
SELECT d.decided_by, d.verdict, c.language, count(*)
  FROM decision d JOIN comment c ON c.number = d.comment
 WHERE d.decided_at >= :since AND d.decided_at < :until
 GROUP BY d.decided_by, d.verdict, c.language ORDER BY 4 DESC, 1, 2, 3"""
WAITED = """
SELECT d.decided_at - c.submitted_at
  FROM decision d JOIN comment c ON c.number = d.comment
 WHERE d.decided_at >= :since AND d.decided_at < :until AND d.seq = 1 AND d.decided_by = 'moderator'
 ORDER BY d.decided_at DESC LIMIT :limit"""
RULES_NAMED = """
SELECT b.rule, count(*)
  FROM decision d JOIN breach b ON b.comment = d.comment AND b.seq = d.seq
 WHERE d.decided_at >= :since AND d.decided_at < :until
 GROUP BY b.rule ORDER BY 2 DESC, 1"""
BUSIEST = """
SELECT s.url, s.title, q.number
  FROM (SELECT story, count(*) AS number FROM comment
         WHERE submitted_at >= :since AND submitted_at < :until
         GROUP BY story ORDER BY 2 DESC, 1 LIMIT :limit) q
  JOIN story s ON s.id = q.story ORDER BY q.number DESC, s.id"""
SUPERSEDED = """
SELECT d.decided_by, sum(CASE WHEN n.verdict <> d.verdict THEN 1 ELSE 0 END), count(*)
  FROM decision d LEFT JOIN decision n ON n.comment = d.comment AND n.seq = d.seq + 1
 WHERE d.decided_at >= :since AND d.decided_at < :until
 GROUP BY d.decided_by ORDER BY 1"""
APPEALS_OF = """
SELECT count(*), sum(CASE WHEN d.verdict IS NULL THEN 0 ELSE 1 END), sum(CASE WHEN d.verdict = 'approve' THEN 1 ELSE 0 END)
  FROM appeal a LEFT JOIN decision d ON d.comment = a.comment AND d.seq = a.seq + 1
 WHERE a.at >= :since AND a.at < :until"""
REPORTS_OF = """
SELECT count(*), sum(CASE WHEN closed_at IS NULL THEN 0 ELSE 1 END), sum(COALESCE(upheld, 0))
  FROM report WHERE at >= :since AND at < :until"""

# -- care -------------------------------------------------------------------

EXPOSE = """
INSERT INTO exposure (moderator, comment, label, at)
SELECT :name, number, :label, :at FROM comment WHERE id = :id
ON CONFLICT (moderator, comment) DO NOTHING"""
EXPOSED = """
SELECT 1 FROM exposure e JOIN comment c ON c.number = e.comment WHERE e.moderator = :name AND c.id = :id"""
EXPOSURES = """
SELECT label, count(*) FROM exposure WHERE moderator = :name AND at >= :since GROUP BY label"""
FORGET_EXPOSURES = "DELETE FROM exposure WHERE at < :before"
# What somebody decided last, for when they last paused.
AT_WORK = """
SELECT at FROM journal
 WHERE actor = :name AND at >= :since AND action IN ('decided', 'audit-agreed', 'looked-again')
 ORDER BY at DESC LIMIT 2000"""

# -- authors ----------------------------------------------------------------

AUTHOR = "SELECT author_key FROM comment WHERE id = :id AND author_key IS NOT NULL"
# The last thousand say enough of anybody.
RECORD = """
SELECT status, count(*), min(submitted_at) FROM (
    SELECT status, submitted_at FROM comment
     WHERE author_key = :author_key AND number < :before ORDER BY number DESC LIMIT 1000
) seen GROUP BY status"""
RECORD_BEFORE = "SELECT number FROM comment WHERE id = :id"
BLOCK = """
INSERT INTO block (author_key, at, actor, reason, until) VALUES (:author_key, :at, :actor, :reason, :until)"""
BLOCKED = """
SELECT at, actor, reason, until FROM block
 WHERE author_key = :author_key AND lifted_at IS NULL AND (until IS NULL OR until > :at)
 ORDER BY number DESC LIMIT 1"""
ANYBODY_BLOCKED = "SELECT 1 FROM block WHERE lifted_at IS NULL LIMIT 1"
LIFT = """
UPDATE block SET lifted_at = :at, lifted_by = :actor WHERE author_key = :author_key AND lifted_at IS NULL
   AND (until IS NULL OR until > :at)"""

# -- readers ----------------------------------------------------------------

CONFIRM = """
UPDATE comment SET reader_key = :reader_key, author_key = :author_key, holds = :holds, waiting = 1
 WHERE number = :number"""
READER_OF = "SELECT reader_key FROM comment WHERE id = :id"
COMMENTS_OF_READER = """
SELECT id, number FROM comment WHERE reader_key = :reader_key AND number < :before
 ORDER BY number DESC LIMIT :limit"""
# Comments under a link are few, and are walked by the links. Not joined: PostgreSQL takes what is unverified for rarer
# still, and would look for it through all comments.
IS_UNCONFIRMED = "SELECT 1 FROM comment WHERE number = :number AND holds LIKE 'unverified%'"
UNCONFIRMED = """
SELECT q.id FROM (
    SELECT l.added_at, (SELECT c.id FROM comment c WHERE c.number = l.comment AND c.erased_at IS NULL
                           AND c.holds LIKE 'unverified%') AS id
      FROM reader_link l
     WHERE l.comment IS NOT NULL AND l.used_at IS NULL AND l.added_at < :before) q
 WHERE q.id IS NOT NULL ORDER BY q.added_at LIMIT :limit"""
ADD_READER_LINK = """
INSERT INTO reader_link (digest, who, comment, added_at, expires_at) VALUES (:digest, :who, :comment, :at, :expires_at)"""
READER_LINKS_SENT = (
    "SELECT count(*) FROM reader_link WHERE who = :who AND added_at > :since AND added_at < :until"
)
_OPENS = "digest = :digest AND used_at IS NULL AND expires_at > :at"
READER_LINK_OPENS = f"SELECT 1 FROM reader_link WHERE {_OPENS} AND comment IS NULL"
READER_LINK_COMMENT = f"""
SELECT c.id, l.who, c.number, c.holds, c.author_key FROM reader_link l JOIN comment c ON c.number = l.comment
 WHERE l.{_OPENS} AND c.erased_at IS NULL AND c.withdrawn_at IS NULL AND c.holds LIKE 'unverified%'"""
USE_READER_LINK = f"UPDATE reader_link SET used_at = :at WHERE {_OPENS}"
FORGET_READER_LINKS = """
DELETE FROM reader_link WHERE added_at < :before AND expires_at < :at
   AND (comment IS NULL OR used_at IS NOT NULL)"""
ADD_READER_SESSION = """
INSERT INTO reader_session (digest, reader_key, added_at, expires_at) VALUES (:digest, :reader_key, :at, :expires_at)"""
READER_SESSION = f"""
SELECT 1 FROM reader_session WHERE digest = :digest AND expires_at > :at AND added_at <= :at + {_AHEAD}"""
END_READER_SESSION = "DELETE FROM reader_session WHERE digest = :digest"
END_READER_SESSIONS = "DELETE FROM reader_session WHERE reader_key = :reader_key"
FORGET_READER_SESSIONS = "DELETE FROM reader_session WHERE expires_at < :at"
COUNT_FROM = """
INSERT INTO reader (reader_key, counts_from) VALUES (:reader_key, :at)
ON CONFLICT (reader_key) DO UPDATE SET counts_from = :at"""
COUNTS_FROM = "SELECT counts_from FROM reader WHERE reader_key = :reader_key"

# -- finding ----------------------------------------------------------------

ADD_LOOKUP = {
    "sqlite": "INSERT INTO lookup (rowid, words) VALUES (:comment, :words)",
    "postgresql": "INSERT INTO lookup (comment, words) VALUES (:comment, to_tsvector('simple', :words))",
}
END_LOOKUP = {
    "sqlite": "DELETE FROM lookup WHERE rowid = :number",
    "postgresql": "DELETE FROM lookup WHERE comment = :number",
}
# SQLite's index keeps what was deleted until its pieces are next merged; this merges them all.
MERGE_LOOKUP = "INSERT INTO lookup (lookup) VALUES ('optimize')"
ADD_BREACH = "INSERT INTO breach (rule, comment, seq) VALUES (:rule, :comment, :seq)"

_FOUND_WORDS = {
    "sqlite": "c.number IN (SELECT rowid FROM lookup WHERE lookup MATCH :words)",
    "postgresql": "c.number IN (SELECT comment FROM lookup WHERE words @@ to_tsquery('simple', :words))",
}
# A word that hardly any comment has: looked up first. PostgreSQL takes it for commoner than it is, and would
# look through all comments from the newest on, as is right for a common one.
_FOUND_RARE_WORDS = (
    "c.number = ANY (ARRAY(SELECT comment FROM lookup WHERE words @@ to_tsquery('simple', :words)))"
)
SEEN_LATELY = """
SELECT count(*) FROM (SELECT words FROM lookup ORDER BY comment DESC LIMIT :latest) late
 WHERE words @@ to_tsquery('simple', :words)"""
_FOUND_BY = {
    "story": "c.story = (SELECT id FROM story WHERE url = :story)",
    "author": "c.author_key = (SELECT author_key FROM comment WHERE id = :author)",
    "language": "c.language = :language",
    "status": "c.status = :status",
    "by": "EXISTS (SELECT 1 FROM decision d WHERE d.comment = c.number AND d.seq = c.seq AND d.actor = :by)",
    "rule": "EXISTS (SELECT 1 FROM breach b WHERE b.rule = :rule AND b.comment = c.number AND b.seq = c.seq)",
    "since": "c.submitted_at >= :since",
    "until": "c.submitted_at < :until",
    "reported": "c.number IN (SELECT comment FROM report)",
}


def find(dialect: str, given: frozenset[str], *, rare: bool = False) -> str:
    """
    The statement that finds comments by what is given, the newest first; put together of constants only.

    `rare` says that few comments have the words; on PostgreSQL it decides which are looked at.
    """
    clauses = [_FOUND_BY[name] for name in _FOUND_BY if name in given]
    if "words" in given:
        clauses.append(_FOUND_RARE_WORDS if rare and dialect == "postgresql" else _FOUND_WORDS[dialect])
    narrowed = "".join(f"\n   AND {clause}" for clause in clauses)
    return f"""
SELECT c.id, c.number FROM comment c
 WHERE c.number < :before AND c.escalated = 0 AND c.holds NOT LIKE 'unverified%'{narrowed}
 ORDER BY c.number DESC LIMIT :limit"""


QUEUE_COUNT = "SELECT count(*) FROM comment WHERE waiting = 1"

# -- how much waits, for whoever looks after the server ------------------------

WAITING_SINCE = "SELECT count(*), min(submitted_at) FROM comment WHERE waiting = 1"
UNJUDGED_SINCE = """
SELECT count(*), min(submitted_at) FROM comment
 WHERE status = 'held' AND judged_at IS NULL AND erased_at IS NULL AND withdrawn_at IS NULL AND waiting = 1"""
LEAF_COUNT = "SELECT leaf FROM counter WHERE id = 1"
SCHEMA_VERSION = "SELECT version_num FROM alembic_version"

# Young ones are in the hands of the request that received them, unless it left them to whoever comes.
UNJUDGED = """
SELECT c.number, c.id FROM comment c LEFT JOIN judging j ON j.comment = c.number
 WHERE c.status = 'held' AND c.judged_at IS NULL
   AND (c.submitted_at < :before OR c.submitted_at > :after OR j.until IS NOT NULL)
   AND (j.until IS NULL OR j.until < :at OR j.until > :ahead)
   AND c.erased_at IS NULL AND c.withdrawn_at IS NULL AND c.waiting = 1
 ORDER BY c.submitted_at LIMIT :limit"""
# What another node is taking up at this moment is passed over, not waited for.
UNJUDGED_NOW = {"sqlite": UNJUDGED, "postgresql": f"{UNJUDGED} FOR UPDATE OF c SKIP LOCKED"}
TAKE_UP = """
INSERT INTO judging (comment, until) VALUES (:comment, :until)
    ON CONFLICT (comment) DO UPDATE SET until = :until WHERE judging.until < :at OR judging.until > :ahead"""
LEAVE = (
    "INSERT INTO judging (comment, until) VALUES (:comment, 0) ON CONFLICT (comment) DO UPDATE SET until = 0"
)
FREE_JUDGING = "UPDATE judging SET until = 0 WHERE until > 0"
FORGET_JUDGING = """
DELETE FROM judging
 WHERE until < :at AND NOT EXISTS (
    SELECT 1 FROM comment c
     WHERE c.number = judging.comment AND c.status = 'held' AND c.judged_at IS NULL AND c.waiting = 1)"""

# A flood is a flood at 1,000; counting further would help it.
# Both in one question, which every judging asks; a story that is not known has no comments.
CAME_BEFORE = """
SELECT (SELECT count(*) FROM (
            SELECT 1 FROM comment
             WHERE fingerprint = :fingerprint AND submitted_at >= :since AND id <> :besides LIMIT 1000) repeated),
       (SELECT count(*) FROM (
            SELECT 1 FROM comment
             WHERE story = (SELECT id FROM story WHERE url = :url) AND submitted_at >= :story_since
               AND id <> :besides LIMIT 1000) there)"""
ON_STORY = """
SELECT count(*) FROM (
    SELECT 1 FROM comment
     WHERE story = (SELECT id FROM story WHERE url = :url) AND submitted_at >= :since LIMIT 1000
) seen"""
LIKENESSES = """
SELECT likeness FROM comment
 WHERE likeness IS NOT NULL AND submitted_at >= :since AND submitted_at <= :until
 ORDER BY submitted_at DESC LIMIT :limit"""
_SENT = "SELECT number, submitted_at, story, address_key, likeness FROM comment"
LATELY = f"{_SENT} WHERE number > :after ORDER BY number LIMIT :limit"
LATEST_SENT = f"{_SENT} ORDER BY number DESC LIMIT :limit"
# Of which neither an address nor a signature is kept (any more): erased, forgotten, or the desk's own.
BARE = """
SELECT number FROM comment
 WHERE number >= :begin AND number <= :end AND address_key IS NULL AND likeness IS NULL"""
CROWD = """
SELECT count(*), coalesce(sum(CASE WHEN story = :story THEN 1 ELSE 0 END), 0),
       coalesce(sum(CASE WHEN address_key = :address_key THEN 1 ELSE 0 END), 0)
  FROM (SELECT story, address_key FROM comment WHERE submitted_at >= :since AND submitted_at <= :until
         ORDER BY submitted_at DESC LIMIT :limit) seen"""
# What is held for the law keeps its address key until the hold ends. Fingerprints, asked for within an hour, go with the
# address: kept for years, their index would be so large that each new one costs a page that nobody else has asked for.
OLD_ADDRESS = """
SELECT 1 FROM comment WHERE address_key IS NOT NULL AND submitted_at < :before AND escalated = 0 LIMIT 1"""
_FORGET_ADDRESSES = """
UPDATE comment SET address_key = NULL, likeness = NULL, fingerprint = NULL
 WHERE number IN (
    SELECT number FROM comment WHERE address_key IS NOT NULL AND submitted_at < :before AND escalated = 0 LIMIT :limit"""
FORGET_ADDRESSES = {
    "sqlite": f"{_FORGET_ADDRESSES})",
    "postgresql": f"{_FORGET_ADDRESSES} FOR UPDATE SKIP LOCKED)",
}

# -- staff ------------------------------------------------------------------

_MODERATOR = """name, role, languages, added_at, removed_at, password, second, second_on, second_step, email, issuer,
       subject"""
MODERATOR = f"SELECT {_MODERATOR} FROM moderator WHERE name = :name AND removed_at IS NULL"
MODERATORS = f"SELECT {_MODERATOR} FROM moderator WHERE removed_at IS NULL ORDER BY name"
MODERATOR_KNOWN_AS = f"""
SELECT {_MODERATOR} FROM moderator WHERE issuer = :issuer AND subject = :subject AND removed_at IS NULL"""
# Who comes back after being removed begins anew: nothing of theirs opens a door any more.
ADD_MODERATOR = """
INSERT INTO moderator (name, added_at, role, languages, email) VALUES (:name, :at, :role, :languages, :email)
ON CONFLICT (name) DO UPDATE SET added_at = :at, removed_at = NULL, role = :role, languages = :languages, email = :email
 WHERE moderator.removed_at IS NOT NULL"""
REMOVE_MODERATOR = """
UPDATE moderator SET removed_at = :at, password = NULL, second = NULL, second_on = 0, email = NULL, issuer = NULL,
       subject = NULL
 WHERE name = :name AND removed_at IS NULL"""
SET_ROLE = "UPDATE moderator SET role = :role WHERE name = :name AND removed_at IS NULL"
SET_LANGUAGES = "UPDATE moderator SET languages = :languages WHERE name = :name AND removed_at IS NULL"
SET_EMAIL = """
UPDATE moderator SET email = :email, issuer = NULL, subject = NULL WHERE name = :name AND removed_at IS NULL"""
REHASH = "UPDATE moderator SET password = :password WHERE name = :name AND password = :old"
SET_PASSWORD = "UPDATE moderator SET password = :password WHERE name = :name AND removed_at IS NULL"
SET_SECOND = """
UPDATE moderator SET second = :second, second_on = 0, second_step = 0 WHERE name = :name AND removed_at IS NULL"""
# A code opens once: the next one has to be of a later step.
USE_STEP = """
UPDATE moderator SET second_step = :step
 WHERE name = :name AND removed_at IS NULL AND second IS NOT NULL AND second_on = 1 AND second_step < :step"""
TURN_SECOND_ON = """
UPDATE moderator SET second_step = :step, second_on = 1
 WHERE name = :name AND removed_at IS NULL AND second IS NOT NULL AND second_on = 0 AND second_step < :step"""
EMAIL_OF_OTHER = "SELECT name FROM moderator WHERE email = :email AND name <> :name AND removed_at IS NULL"
OTHER_EDITOR = (
    "SELECT name FROM moderator WHERE role = 'editor' AND name <> :name AND removed_at IS NULL LIMIT 1"
)
KNOW_AS = """
UPDATE moderator SET issuer = :issuer, subject = :subject
 WHERE email = :email AND issuer IS NULL AND removed_at IS NULL
RETURNING name"""
ADD_RECOVERY = "INSERT INTO recovery (digest, moderator) VALUES (:digest, :name)"
USE_RECOVERY = "DELETE FROM recovery WHERE digest = :digest AND moderator = :name"
END_RECOVERY = "DELETE FROM recovery WHERE moderator = :name"
RECOVERY_LEFT = "SELECT count(*) FROM recovery WHERE moderator = :name"
ATTEMPT = "SELECT failures, at, locked_until FROM attempt WHERE who = :who"
FAILED = """
INSERT INTO attempt (who, failures, at, locked_until) VALUES (:who, :failures, :at, :until)
ON CONFLICT (who) DO UPDATE SET failures = :failures, at = :at, locked_until = :until"""
CLEAR_ATTEMPT = "DELETE FROM attempt WHERE who = :who"
FORGET_ATTEMPTS = "DELETE FROM attempt WHERE at < :before"
ADD_DOORWAY = """
INSERT INTO doorway (digest, nonce, verifier, back, expires_at) VALUES (:digest, :nonce, :verifier, :back, :expires_at)"""
USE_DOORWAY = (
    "DELETE FROM doorway WHERE digest = :digest AND expires_at > :at RETURNING nonce, verifier, back"
)
FORGET_DOORWAYS = "DELETE FROM doorway WHERE expires_at < :before"

END_SESSIONS = "DELETE FROM session WHERE moderator = :name"
END_OTHER_SESSIONS = "DELETE FROM session WHERE moderator = :name AND digest <> :digest"
END_LINKS = "DELETE FROM link WHERE moderator = :name"
ADD_LINK = "INSERT INTO link (digest, moderator, expires_at) VALUES (:digest, :moderator, :expires_at)"
USE_LINK = """
UPDATE link SET used_at = :at WHERE digest = :digest AND used_at IS NULL AND expires_at > :at
RETURNING moderator"""
ADD_SESSION = """
INSERT INTO session (digest, moderator, csrf, expires_at, added_at, how, device, seen_at)
VALUES (:digest, :moderator, :csrf, :expires_at, :at, :how, :device, :at)"""
SESSION = f"""
SELECT s.moderator, s.csrf, s.added_at, s.expires_at, s.how, s.device, s.seen_at, m.role, m.languages
  FROM session s JOIN moderator m ON m.name = s.moderator
 WHERE s.digest = :digest AND s.expires_at > :at AND s.added_at <= :at + {_AHEAD} AND m.removed_at IS NULL"""
SESSIONS = """
SELECT digest, added_at, expires_at, how, device, seen_at FROM session
 WHERE moderator = :name AND expires_at > :at ORDER BY added_at DESC, digest"""
SEEN = "UPDATE session SET seen_at = :at WHERE digest = :digest AND seen_at < :before"
END_SESSION = "DELETE FROM session WHERE digest = :digest RETURNING moderator"
FORGET_SESSIONS = "DELETE FROM session WHERE expires_at < :before"
FORGET_LINKS = "DELETE FROM link WHERE expires_at < :before"
ADD_TOKEN = """
INSERT INTO token (digest, name, scopes, added_at) VALUES (:digest, :name, :scopes, :at)
ON CONFLICT (name) WHERE revoked_at IS NULL DO NOTHING"""
TOKENS = "SELECT name, scopes, added_at FROM token WHERE revoked_at IS NULL ORDER BY name"
TOKEN = "SELECT name, scopes, added_at FROM token WHERE digest = :digest AND revoked_at IS NULL"
REVOKE_TOKEN = "UPDATE token SET revoked_at = :at WHERE name = :name AND revoked_at IS NULL"

# -- the journal ------------------------------------------------------------

ADD_ENTRY = """
INSERT INTO journal (at, actor, action, subject, detail) VALUES (:at, :actor, :action, :subject, :detail)"""
_JOURNAL = "SELECT number, at, actor, action, subject, detail FROM journal WHERE number < :before AND at >= :since AND at < :until"
_LATEST = "ORDER BY number DESC LIMIT :limit"
JOURNAL = f"{_JOURNAL} {_LATEST}"
JOURNAL_OF_ACTOR = f"{_JOURNAL} AND actor = :actor AND (:action = '' OR action = :action) {_LATEST}"
JOURNAL_OF_ACTION = f"{_JOURNAL} AND action = :action {_LATEST}"
JOURNAL_OF_SUBJECT = f"""{_JOURNAL} AND subject = :subject AND (:actor = '' OR actor = :actor)
   AND (:action = '' OR action = :action) {_LATEST}"""

# -- guidelines -----------------------------------------------------------------

_VERSION = "number, digest, at, actor, note, before"
ADD_VERSION = """
INSERT INTO guidelines (digest, source, at, actor, note, before) VALUES (:digest, :source, :at, :actor, :note, :before)
RETURNING number"""
NEWEST_VERSION = f"SELECT {_VERSION} FROM guidelines ORDER BY number DESC LIMIT 1"
NEWEST_VERSION_OF = f"SELECT {_VERSION} FROM guidelines WHERE actor = :actor ORDER BY number DESC LIMIT 1"
NEWEST_SOURCE = "SELECT digest, source FROM guidelines ORDER BY number DESC LIMIT 1"
VERSION_SOURCE = "SELECT source FROM guidelines WHERE digest = :digest ORDER BY number DESC LIMIT 1"
VERSIONS_OF = f"SELECT {_VERSION} FROM guidelines WHERE digest = :digest ORDER BY number DESC"
VERSIONS = f"SELECT {_VERSION} FROM guidelines WHERE number < :before ORDER BY number DESC LIMIT :limit"
DECIDED_UNDER = "SELECT count(*) FROM decision WHERE guidelines = :digest"
DRAFT = "SELECT body FROM draft WHERE moderator = :name"
KEEP_DRAFT = """
INSERT INTO draft (moderator, body) VALUES (:name, :body) ON CONFLICT (moderator) DO UPDATE SET body = :body"""
END_DRAFT = "DELETE FROM draft WHERE moderator = :name"
# What was escalated is nobody's to see here; what was erased is counted, and has no evidence.
PAST = """
SELECT c.id, d.verdict, d.decided_by, d.reasons, c.erased_at, s.mode,
       (SELECT e.body FROM evidence e WHERE e.comment = c.number ORDER BY e.number DESC LIMIT 1)
  FROM decision d
  JOIN comment c ON c.number = d.comment AND c.seq = d.seq
  JOIN story s ON s.id = c.story
 WHERE c.escalated = 0
 ORDER BY d.leaf DESC LIMIT :limit"""

# -- what leaves the building -------------------------------------------------

POST = """
INSERT INTO outbox (kind, subject, body, key, at, due_at) VALUES (:kind, :subject, :body, :key, :at, :due)
    ON CONFLICT (key) DO NOTHING"""
# In the first quarter of an hour from :due on whose job is not in hand and has not run.
POST_NEWS = {
    "postgresql": """
INSERT INTO outbox (kind, subject, body, key, at, due_at)
SELECT CAST(:kind AS text), '', '{"since":' || (c.leaf - :leaf) || ',"story":' || CAST(:story AS bigint) || '}',
       'news:' || CAST(:story AS bigint) || ':' || q.due, CAST(:at AS bigint), q.due
  FROM counter c, generate_series(
           CAST(:due AS bigint), CAST(:due AS bigint) + 8 * CAST(:every AS bigint), CAST(:every AS bigint)) AS q (due)
 WHERE c.id = 1 AND NOT EXISTS (
           SELECT 1 FROM outbox o WHERE o.key = 'news:' || CAST(:story AS bigint) || ':' || q.due
              AND (o.attempts > 0 OR o.done_at IS NOT NULL OR o.dead_at IS NOT NULL))
 ORDER BY q.due LIMIT 1
    ON CONFLICT (key) DO NOTHING"""
}
POSTED_UNTOUCHED = (
    "SELECT 1 FROM outbox WHERE key = :key AND attempts = 0 AND done_at IS NULL AND dead_at IS NULL"
)
_DUE = "done_at IS NULL AND dead_at IS NULL"
# What another has in hand is passed over; it stays among the due, should its holder fall.
_LEASE = f"""
SELECT number FROM outbox
 WHERE endpoint {{lane}} AND {_DUE} AND due_at <= :at AND leased_until <= :at
 ORDER BY due_at, number LIMIT :limit"""
LEASE = _LEASE.format(lane="IS NULL")
LEASE_FOR = _LEASE.format(lane="= :endpoint")
# Of two who take at the same moment, each is given what the other is not.
LEASED, LEASED_FOR = (
    {
        dialect: f"""
UPDATE outbox SET attempts = attempts + 1, leased_until = :until
 WHERE number IN ({lease}{passing})
RETURNING number, kind, subject, body, key, at, attempts, due_at"""
        for dialect, passing in (("sqlite", ""), ("postgresql", " FOR UPDATE SKIP LOCKED"))
    }
    for lease in (LEASE, LEASE_FOR)
)
# Posted, put off or taken while the clock was ahead: no wait and no lease is that long.
PULL_BACK = f"""
UPDATE outbox SET due_at = CASE WHEN due_at > :ahead THEN :at ELSE due_at END, leased_until = 0
 WHERE {_DUE} AND (due_at > :ahead OR leased_until > :ahead)"""
# Only by who has it in hand: the number of the attempt tells.
FINISH = f"""
UPDATE outbox SET done_at = :at, body = NULL, leased_until = 0, error = ''
 WHERE number = :number AND attempts = :attempts AND {_DUE}"""
PUT_OFF = f"""
UPDATE outbox SET due_at = :due, leased_until = 0, error = :error
 WHERE number = :number AND attempts = :attempts AND {_DUE}"""
LET_GO_JOB = f"""
UPDATE outbox SET attempts = attempts - 1, due_at = :due, leased_until = 0
 WHERE number = :number AND attempts = :attempts AND {_DUE}"""
BURY = f"""
UPDATE outbox SET dead_at = :at, leased_until = 0, error = :error
 WHERE number = :number AND attempts = :attempts AND {_DUE}"""
DEAD = """
SELECT number, kind, subject, at, attempts, dead_at, error, endpoint FROM outbox
 WHERE dead_at IS NOT NULL ORDER BY dead_at DESC LIMIT :limit"""
TRY_AGAIN = """
UPDATE outbox SET dead_at = NULL, attempts = 0, due_at = :at, leased_until = 0,
       at = CASE WHEN endpoint IS NULL THEN at ELSE :at END
 WHERE number = :number AND dead_at IS NOT NULL RETURNING kind"""
GIVE_UP = "DELETE FROM outbox WHERE number = :number AND dead_at IS NOT NULL RETURNING kind"
OUTBOX_DUE = f"SELECT count(*), count(CASE WHEN due_at <= :at THEN 1 END) FROM outbox WHERE {_DUE}"
LETTERS_DUE = f"{OUTBOX_DUE} AND endpoint IS NULL"
OUTBOX_SINCE = f"SELECT min(due_at) FROM outbox WHERE {_DUE}"
OUTBOX_DEAD = "SELECT count(*) FROM outbox WHERE dead_at IS NOT NULL"
LETTERS_DEAD = f"{OUTBOX_DEAD} AND endpoint IS NULL"
FORGET_DONE = "DELETE FROM outbox WHERE done_at < :before AND done_at IS NOT NULL"
FORGET_DEAD = "DELETE FROM outbox WHERE dead_at < :before AND dead_at IS NOT NULL"

# -- what the newsroom's own programs are told ---------------------------------

# Once for each endpoint that asked for it; where there is none, a look at an empty table. Casts, because PostgreSQL
# cannot tell what is given to a SELECT.
ANNOUNCE = """
INSERT INTO outbox (kind, subject, body, key, at, due_at, endpoint)
SELECT CAST(:kind AS text), CAST(:subject AS text), CAST(:body AS text), 'n-' || n.id || '-' || CAST(:key AS text),
       CAST(:at AS bigint), CAST(:at AS bigint), n.number
  FROM endpoint n WHERE n.ended_at IS NULL AND n.form = 'standard' AND n.events LIKE '% ' || CAST(:kind AS text) || ' %'
    ON CONFLICT (key) DO NOTHING"""
# To channels what comes within a minute or so is told at its end, together.
ANNOUNCE_TOGETHER = """
INSERT INTO outbox (kind, subject, body, key, at, due_at, endpoint)
SELECT CAST(:kind AS text), '', CAST(:body AS text), 'n-' || n.id || '-' || CAST(:key AS text),
       CAST(:at AS bigint), CAST(:due AS bigint), n.number
  FROM endpoint n WHERE n.ended_at IS NULL AND n.form = 'slack' AND n.events LIKE '% ' || CAST(:kind AS text) || ' %'
    ON CONFLICT (key) DO NOTHING"""
# Unless the same endpoint was told the same since; its subject is that of no comment.
ANNOUNCE_QUIETLY = """
INSERT INTO outbox (kind, subject, body, key, at, due_at, endpoint)
SELECT CAST(:kind AS text), n.id || ' ' || CAST(:kind AS text), CAST(:body AS text),
       'n-' || n.id || '-' || CAST(:key AS text), CAST(:at AS bigint), CAST(:at AS bigint), n.number
  FROM endpoint n
 WHERE n.ended_at IS NULL AND n.events LIKE '% ' || CAST(:kind AS text) || ' %'
   AND NOT EXISTS (SELECT 1 FROM outbox o
                    WHERE o.subject = n.id || ' ' || CAST(:kind AS text) AND o.at > CAST(:since AS bigint))
    ON CONFLICT (key) DO NOTHING"""
_ENDPOINT = "number, id, name, form, place, sealed, events, words, language, added_at, ended_at, ended_why"
ADD_ENDPOINT = f"""
INSERT INTO endpoint (id, name, form, place, sealed, events, words, language, added_at)
VALUES (:id, :name, :form, :place, :sealed, :events, :words, :language, :at)
    ON CONFLICT (name) WHERE ended_at IS NULL DO NOTHING RETURNING {_ENDPOINT}"""
ENDPOINTS = f"SELECT {_ENDPOINT} FROM endpoint WHERE ended_at IS NULL ORDER BY name"
# What its receiver ended stays to be seen for as long as a dead letter.
ENDPOINTS_OF_LATE = f"""
SELECT {_ENDPOINT} FROM endpoint WHERE ended_at IS NULL OR (ended_why = 'gone' AND ended_at > :since) ORDER BY name, number"""
ENDPOINT_NAMED = f"SELECT {_ENDPOINT} FROM endpoint WHERE name = :name AND ended_at IS NULL"
ANY_ENDPOINT = "SELECT 1 FROM endpoint WHERE ended_at IS NULL AND events LIKE '% ' || CAST(:kind AS text) || ' %' LIMIT 1"
END_ENDPOINT = """
UPDATE endpoint SET ended_at = :at, ended_why = :why, sealed = '' WHERE number = :number AND ended_at IS NULL RETURNING name"""
SEAL_ENDPOINT = (
    "UPDATE endpoint SET sealed = :sealed WHERE number = :number AND sealed = :former AND ended_at IS NULL"
)
ENDPOINT_NAME = "SELECT name FROM endpoint WHERE number = :number"
END_NOTICES = f"DELETE FROM outbox WHERE endpoint = :number AND {_DUE}"
END_DEAD_NOTICES = "DELETE FROM outbox WHERE endpoint = :number AND dead_at IS NOT NULL"
TRY_ALL_AGAIN = """
UPDATE outbox SET dead_at = NULL, attempts = 0, due_at = :at, at = :at, leased_until = 0
 WHERE endpoint = :number AND dead_at IS NOT NULL"""
NOTICES_STANDING = f"""
SELECT endpoint, count(*), 0 FROM outbox WHERE endpoint IS NOT NULL AND {_DUE} GROUP BY endpoint
UNION ALL
SELECT endpoint, 0, count(*) FROM outbox WHERE endpoint IS NOT NULL AND dead_at IS NOT NULL GROUP BY endpoint"""
DEAD_SINCE = "SELECT count(*) FROM outbox WHERE dead_at > :since AND dead_at IS NOT NULL AND kind <> :kind"
ESCALATED_BETWEEN = "SELECT count(*) FROM escalation WHERE at >= :since AND at < :until"
MACHINE_WITHDRAWN_BETWEEN = """
SELECT language, rule, calibration, wrong, audits, at FROM withdrawal WHERE at >= :since AND at < :until
 ORDER BY number LIMIT 50"""

# -- decisions, for those who read them elsewhere -------------------------------

# What was escalated is nobody's to hear of here.
LATEST_DECISIONS = """
SELECT d.leaf, c.id, d.seq, d.decided_at, d.verdict, d.reasons, d.decided_by, d.guidelines, c.language, s.url, s.title
  FROM decision d CROSS JOIN comment c CROSS JOIN story s
 WHERE c.number = d.comment AND s.id = c.story AND d.leaf < :before AND c.escalated = 0
 ORDER BY d.leaf DESC LIMIT :limit"""
# Decided elsewhere is not decided here. What nobody had judged before is judged by its first decision. The next decision,
# if any, ends this one's effect.
REJECTED_BETWEEN = """
SELECT d.decided_at, d.leaf, d.seq, d.decided_by, d.reasons, d.guidelines, c.commitment, c.submitted_at, c.language,
       CASE WHEN c.judged_at < d.decided_at THEN 1 ELSE 0 END,
       (SELECT n.decided_at FROM decision n WHERE n.comment = d.comment AND n.seq = d.seq + 1),
       CASE WHEN EXISTS (SELECT 1 FROM report r WHERE r.comment = d.comment AND r.seq = d.seq AND r.upheld = 1)
            THEN 1 ELSE 0 END
  FROM decision d CROSS JOIN comment c
 WHERE c.number = d.comment AND d.decided_at >= :since AND d.decided_at < :until
   AND (d.decided_at > :since OR d.leaf > :after) AND d.verdict = 'reject' AND d.decided_by <> 'import'
 ORDER BY d.decided_at, d.leaf LIMIT :limit"""

# -- what is published of the leaves --------------------------------------------

LOGS = "SELECT number, origin, at FROM log ORDER BY number"
LATEST_LOG = "SELECT number FROM log ORDER BY number DESC LIMIT 1"
BEGIN_LOG = "INSERT INTO log (number, origin, at) VALUES (:number, :origin, :at)"
LATEST_CHECKPOINT = "SELECT size, root, at, note FROM checkpoint WHERE log = :log ORDER BY size DESC LIMIT 1"
ADD_CHECKPOINT = (
    "INSERT INTO checkpoint (log, size, root, at, note) VALUES (:log, :size, :hashed, :at, :note)"
)
TILE = "SELECT hashes FROM tile WHERE log = :log AND level = :level AND number = :number"
TILE_ROOTS = """
SELECT number, root FROM tile
 WHERE log = :log AND level = :level AND number >= :begin AND number < :end ORDER BY number"""
LEAVES_BETWEEN = "SELECT number, body FROM leaf WHERE number >= :begin AND number < :end ORDER BY number"

# -- who is written to --------------------------------------------------------

FOLLOWS_BY = """
SELECT number, story, comment, confirmed_at, asked_at FROM follow
 WHERE recipient = :recipient ORDER BY asked_at DESC LIMIT :limit"""
ADD_FOLLOW = """
INSERT INTO follow (id, story, comment, own, recipient, email, language, asked_at, written_at)
VALUES (:id, :story, :comment, :own, :recipient, :email, :language, :at, :at)"""
_FOLLOW = """
SELECT f.id, s.url, s.title, c.id, f.own, f.email, f.language, f.asked_at, f.confirmed_at
  FROM follow f JOIN story s ON s.id = f.story LEFT JOIN comment c ON c.number = f.comment"""
FOLLOW = f"{_FOLLOW} WHERE f.id = :id"
FOLLOWED = f"""{_FOLLOW}
 WHERE f.recipient = :recipient AND f.confirmed_at IS NOT NULL ORDER BY f.asked_at DESC LIMIT :limit"""
CONFIRM_FOLLOW = """
UPDATE follow SET confirmed_at = :at, written_at = :at, told = (SELECT leaf - 1 FROM counter WHERE id = 1)
 WHERE id = :id AND confirmed_at IS NULL RETURNING comment, own"""
END_FOLLOW = "DELETE FROM follow WHERE id = :id"
END_FOLLOW_NUMBER = "DELETE FROM follow WHERE number = :number"
AUTHORS_FOLLOW = """
SELECT id, asked_at FROM follow WHERE comment = :comment AND own = 1 AND confirmed_at IS NOT NULL"""
# Both at once, at each decision: whether the story has followers, without an id, and the author's wishes.
TO_BE_TOLD = f"""
SELECT '', 0 FROM (SELECT 1 FROM follow WHERE story = :story AND confirmed_at IS NOT NULL LIMIT 1) q
UNION ALL {AUTHORS_FOLLOW}"""
CURRENT_DECISION = """
SELECT c.id, c.seq, d.decided_by, d.decided_at FROM comment c
  JOIN decision d ON d.comment = c.number AND d.seq = c.seq WHERE c.number = :number"""
# Only what was not shown before: an approval after another approval shows nothing new. CROSS JOIN, so that SQLite begins
# with the decisions of a quarter of an hour, not with all comments of a story.
NEWS_SINCE = """
SELECT d.leaf, c.parent, c.author_key, w.email
  FROM decision d CROSS JOIN comment c LEFT JOIN words w ON w.comment = c.number
 WHERE c.number = d.comment AND d.leaf >= :since AND d.verdict = 'approve' AND c.story = :story AND c.showing = 1
   AND NOT EXISTS (SELECT 1 FROM decision e
                    WHERE e.comment = d.comment AND e.seq = d.seq - 1 AND e.verdict = 'approve')
 ORDER BY d.leaf LIMIT :limit"""
PARENT_OF = "SELECT number, parent FROM comment WHERE id = :id"
FOLLOWERS = """
SELECT f.number, f.id, f.comment, c.id, f.recipient, f.email, f.told,
       CASE WHEN EXISTS (SELECT 1 FROM follow g WHERE g.recipient = f.recipient AND g.story = f.story
                            AND g.comment IS NULL AND g.confirmed_at IS NOT NULL) THEN 1 ELSE 0 END
  FROM follow f LEFT JOIN comment c ON c.number = f.comment
 WHERE f.story = :story AND f.confirmed_at IS NOT NULL AND f.number > :after ORDER BY f.number LIMIT :limit"""
TOLD_UP_TO = "UPDATE follow SET told = :leaf, written_at = :at WHERE number = :number"
FORGET_ASKED = "DELETE FROM follow WHERE asked_at < :before AND confirmed_at IS NULL"
FORGET_FOLLOWS = "DELETE FROM follow WHERE written_at < :before"

# -- what other systems' people found ------------------------------------------

KEEP_SUGGESTION = """
INSERT INTO suggestion (key, fingerprint, source, text, language, labels, at)
VALUES (:key, :fingerprint, :source, :text, :language, :labels, :at)
    ON CONFLICT (key) DO UPDATE SET fingerprint = excluded.fingerprint, text = excluded.text,
       language = excluded.language, labels = excluded.labels, at = excluded.at"""
SUGGESTIONS = """
SELECT number, text, language, labels FROM suggestion WHERE number > :after ORDER BY number LIMIT :limit"""
SUGGESTED = "SELECT 1 FROM suggestion WHERE fingerprint = :fingerprint LIMIT 1"
FORGET_SUGGESTED = "DELETE FROM suggestion WHERE fingerprint = :fingerprint"
OLD_SUGGESTION = "SELECT 1 FROM suggestion WHERE at < :before LIMIT 1"
FORGET_SUGGESTIONS = "DELETE FROM suggestion WHERE at < :before"

# What neither reads nor changes a row that may have been added (Hand.add) and is not put in yet: received comments with
# their leaves, words and lookups, which nobody decides upon or replies to before they are durable; and evidence.
BESIDE_ADDED = frozenset(
    (
        NEW_PLACE,
        STORY_ID,
        ADD_STORY,
        PUT_LEAF,
        LEAF_COUNT,
        STANDING,
        ADD_DECISION,
        SETTLE,
        HOLD,
        ADD_BREACH,
        END_CLAIM,
        ANNOUNCE,
        ANNOUNCE_TOGETHER,
    )
)
