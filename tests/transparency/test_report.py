"""Reports: whatever happens at a desk, the store's counts, the ledger's and a simple model's are the same; and nothing of a reader is in them."""

from __future__ import annotations

import csv
import io
import json
import re
import secrets
import sqlite3
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from meydan.comment import Status, Verdict
from meydan.desk import Visitor
from meydan.errors import BadLeaf, BadSpan, CountsDiffer, MeydanError, NotAReport
from meydan.exchange.record import CommentRecord
from meydan.intake import Intake
from meydan.judge import Judge
from meydan.ledger import Tree, leaf_hash
from meydan.policy import load
from meydan.store import Store
from meydan.store.counting import counted
from meydan.transparency.recount import TOTAL, Span, claim_in, disagreements, recounted
from meydan.transparency.report import FEW, OTHER, Report, report_of, together, told
from tests.desk.conftest import ABUSIVE, COURTEOUS, Room
from tests.ready import with_tables
from tests.warm import meydan

NAME, EMAIL = "Dilşad Reader", "dilsad@reader.example"
GUIDELINES = load()
WHO = ("machine", "moderator", "import")


def at(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=UTC)


@dataclass
class Kept:
    """What the model knows of one comment."""

    sent: datetime
    receipt: str | None = None
    decisions: list[tuple[datetime, str, str, tuple[str, ...]]] = field(default_factory=list)
    ended: list[datetime] = field(default_factory=list)
    gone: bool = False


class Life:
    """A desk over a store, what is done there, and a model of it that counts in the plainest way."""

    def __init__(self, store: Store, url: str) -> None:
        self.url = url
        self.room = Room(store, Judge.load(), GUIDELINES)
        self.room.desk.register_story("http://localhost/people", title="By people", mode="off")
        self.clock = self.room.clock
        self.intake = Intake(
            store, source="elsewhere", guidelines=GUIDELINES, clock=self.clock, entropy=secrets.token_bytes, secret=b"s" * 32,
        )  # fmt: skip
        self.kept: dict[str, Kept] = {}
        self.happened: list[tuple[datetime, str]] = []
        self.appeals: list[datetime] = []
        self.imported: list[datetime] = []

    def send(self, text: str, *, people: bool) -> None:
        number = len(self.kept)
        outcome = self.room.send(
            f"{text} {number}" if text == COURTEOUS else text,
            name=NAME,
            email=EMAIL,
            story_url="http://localhost/people" if people else "http://localhost/story",
            visitor=Visitor(address_key=f"{number:032d}"),
        )
        kept = self.kept[outcome.id] = Kept(outcome.submitted_at, outcome.receipt)
        if outcome.status is not Status.HELD:
            assert outcome.decided_at is not None
            rules = tuple(dict.fromkeys(reason.rule for reason in outcome.reasons))
            kept.decisions.append((outcome.decided_at, "machine", outcome.status.value, rules))

    def decide(self, verdict: Verdict, which: int) -> None:
        open_ones = [id for id, kept in self.kept.items() if not kept.gone]
        if not open_ones:
            return
        id = open_ones[which % len(open_ones)]
        kept = self.kept[id]
        rules = () if verdict is Verdict.APPROVE else ("abuse:racism", "abuse:sexism", "profanity")
        settled = self.room.desk.review(id, verdict, by=f"Zîn {len(kept.decisions)}", rules=rules)
        named = () if verdict is Verdict.APPROVE else ("abuse", "profanity")
        kept.decisions.append((settled.decided_at, "moderator", verdict.status.value, named))

    def appeal(self, which: int) -> None:
        rejected = [
            id for id, kept in self.kept.items()
            if kept.receipt and not kept.gone and kept.decisions and kept.decisions[-1][2] == "rejected"
        ]  # fmt: skip
        if rejected:
            id = rejected[which % len(rejected)]
            try:
                self.room.desk.appeal(id, receipt=self.kept[id].receipt or "", words="Read it again")
            except MeydanError as error:
                assert error.code == "R116"  # noqa: PT017  (appealed before)
            else:
                self.appeals.append(self.clock.now)

    def end(self, which: int, *, erase: bool) -> None:
        ours = [id for id, kept in self.kept.items() if kept.receipt and not kept.gone]
        if not ours:
            return
        id = ours[which % len(ours)]
        if erase:
            self.room.desk.erase(id)
        else:
            self.room.desk.withdraw(id, receipt=self.kept[id].receipt or "")
        self.kept[id].gone = True
        self.kept[id].ended.append(self.clock.now)
        self.happened.append((self.clock.now, "erased" if erase else "withdrawn"))

    def bring(self, state: str, days: int) -> None:
        key = f"{len(self.kept)}"
        # At midnight to the microsecond: at the edges of days, months and spans.
        sent = self.clock().replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=days)
        decided = sent + timedelta(days=1)
        one = CommentRecord(
            key, "s", NAME, "An old comment.", sent, state, decided_at=decided, rules=("profanity",)
        )  # type: ignore[arg-type]
        url = "http://localhost/old"
        ready = self.intake.ready(one, digest=secrets.token_bytes(16), url=url, above=None)
        self.intake.hand_over([ready], [])()
        kept = self.kept[ready.id] = Kept(sent, gone=True)
        self.imported.append(sent)
        if state != "held":
            verdict = "rejected" if state == "rejected" else "approved"
            kept.decisions.append(
                (decided, "import", verdict, ("profanity",) if verdict == "rejected" else ())
            )
        if state == "withdrawn":
            kept.ended.append(decided)
            self.happened.append((decided, "withdrawn"))

    def expected(self, since: datetime, until: datetime) -> Counter[str]:
        """Counted by hand, in one go, over everything that ever happened."""
        count: Counter[str] = Counter()

        def here(moment: datetime) -> bool:
            return since <= moment < until

        waits: dict[str, list[int]] = {"all": [], "people": []}
        for kept in self.kept.values():
            count["sent"] += here(kept.sent)
            for number, (when, who, verdict, rules) in enumerate(kept.decisions):
                if not here(when):
                    continue
                count[f"{verdict}.{who}"] += 1
                for rule in rules:
                    count[f"rule.{rule}.{who}"] += 1
                if number and kept.decisions[number - 1][2] != verdict:
                    _, before, said, _ = kept.decisions[number - 1]
                    count[f"overturned.{before}.{said}"] += 1
                if number == 0 and who != "import":
                    took = (when - kept.sent) // timedelta(microseconds=1)
                    waits["all"].append(took)
                    if who == "moderator":
                        waits["people"].append(took)
            over = [kept.decisions[0][0]] if kept.decisions else []
            count["waiting"] += kept.sent < until and all(end >= until for end in (*over, *kept.ended))
        for when, what in self.happened:
            count[what] += here(when)
        for kind, took_all in waits.items():
            ordered = sorted(took_all)
            if ordered:
                count[f"wait.{kind}.median"] = ordered[-(-len(ordered) * 5 // 10) - 1]
                count[f"wait.{kind}.ninety"] = ordered[-(-len(ordered) * 9 // 10) - 1]
        return +count


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def life(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Life]:
    """One desk for all examples: each begins where the last one ended, so spans have a past."""
    server = None
    if request.param == "sqlite":
        url = f"sqlite:///{with_tables(tmp_path_factory.mktemp('life') / 'meydan.db')}"
    else:
        server = request.getfixturevalue("postgresql")
        url = server.new_database()
    store = Store.open(url)
    yield Life(store, url)
    store.close()
    if server is not None:
        server.drop(url)


def reported(url: str, span: Span, **more: Any) -> Report:
    return counted(
        url,
        lambda counting: report_of(counting, span, publication="The Square", made_at=at("2027-06-01")),
        **more,
    )


WHICH = st.integers(0, 30)
# Few values, so that what happens meets the ends of spans.
EDGES = st.sampled_from([0, 1, 2, 30])
DONE = st.lists(
    st.one_of(
        st.tuples(st.just("send"), st.sampled_from([COURTEOUS, ABUSIVE]), st.booleans()),
        st.tuples(st.just("decide"), st.sampled_from([Verdict.APPROVE, Verdict.REJECT]), WHICH),
        st.tuples(st.just("appeal"), WHICH),
        st.tuples(st.just("end"), WHICH, st.booleans()),
        st.tuples(
            st.just("bring"),
            st.sampled_from(["approved", "rejected", "held", "withdrawn"]),
            EDGES,
        ),
        st.tuples(st.just("wait"), st.integers(0, 20)),
    ),
    min_size=3,
    max_size=14,
)


@given(done=DONE, back=EDGES, long=st.sampled_from([1, 2, 31, 62]))
# One desk lives through all examples: what failed cannot be tried again, only read.
@settings(
    max_examples=20,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_whatever_happens_all_three_count_the_same(life: Life, done: list[Any], back: int, long: int) -> None:
    """If comments are sent, brought here, decided, appealed, decided otherwise, withdrawn and erased in any order, then the report of any span, its months and the ledger say what a simple model says."""
    first = life.clock.now
    for what, *given_ in done:
        if what == "send":
            life.send(given_[0], people=given_[1])
        elif what == "end":
            life.end(given_[0], erase=given_[1])
        elif what == "wait":
            life.clock.forward(days=given_[0])
        else:
            getattr(life, what)(*given_)
    since = (first - timedelta(days=back)).replace(hour=0, minute=0, second=0, microsecond=0)
    span = Span(since, since + timedelta(days=long))
    report = reported(life.url, span)
    for part, (begin, end) in parts_of(span).items():
        expected = life.expected(begin, end)
        if part != TOTAL:
            expected.pop("waiting", None)
        assert report.ledger[part] == expected, part
        assert report.store[part].get("appealed", 0) == sum(begin <= when < end for when in life.appeals)
        assert report.store[part].get("imported", 0) == sum(begin <= when < end for when in life.imported)
    # As a stranger does it: from the JSON, and the leaves alone.
    claim = claim_in(json.dumps(told(report)).encode())
    bodies = [body for _, body in life.room.store.leaves(0, 100_000)]
    assert claim.leaves == len(bodies)
    assert disagreements(claim.counts, recounted(bodies, claim.span)) == ()


def parts_of(span: Span) -> dict[str, tuple[datetime, datetime]]:
    found = {}
    for month in span.months:
        begin = datetime(int(month[:4]), int(month[5:]), 1, tzinfo=UTC)
        found[month] = (max(begin, span.since), min((begin + timedelta(days=31)).replace(day=1), span.until))
    return {**found, TOTAL: (span.since, span.until)}


# -- leaves that were tampered with ----------------------------------------------------------


@pytest.fixture(scope="module")
def some(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with a little of everything in it, in the summer of 2026."""
    folder = tmp_path_factory.mktemp("some")
    store = Store.open(f"sqlite:///{with_tables(folder / 'meydan.db')}")
    life = Life(store, "")
    life.clock.now = at("2026-07-20")
    for number in range(24):
        life.send(ABUSIVE if number % 3 == 0 else COURTEOUS, people=number % 2 == 0)
        life.clock.forward(hours=20)
    for number in range(0, 24, 2):
        life.decide(Verdict.REJECT if number % 4 else Verdict.APPROVE, number)
        life.clock.forward(minutes=7)
    life.decide(Verdict.APPROVE, 1)
    life.appeal(0)
    life.end(3, erase=False)
    life.end(5, erase=True)
    life.bring("rejected", 20)
    store.close()
    return folder


SUMMER = Span(at("2026-07-01"), at("2026-10-01"))


def copied(some: Path, tmp_path: Path, *statements: str) -> str:
    """A copy of it, changed behind everybody's back."""
    file = tmp_path / "meydan.db"
    with sqlite3.connect(some / "meydan.db") as source, sqlite3.connect(file) as target:
        source.backup(target)
    with sqlite3.connect(file) as target:
        for (trigger,) in target.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            if statements:
                target.execute(f'DROP TRIGGER "{trigger}"')
        for statement in statements:
            assert target.execute(statement).rowcount > 0
    return f"sqlite:///{file}"


TAMPERED = {
    "a decision turned round": "UPDATE decision SET verdict = 'approve' WHERE comment = (SELECT min(comment) FROM decision WHERE verdict = 'reject')",
    "a decision taken out": "DELETE FROM decision WHERE leaf = (SELECT max(leaf) FROM decision)",
    "a machine's taken for a person's": "UPDATE decision SET decided_by = 'moderator' WHERE leaf = (SELECT min(leaf) FROM decision WHERE decided_by = 'machine')",
    "another rule": "UPDATE decision SET reasons = replace(reasons, 'profanity', 'promotion') WHERE verdict = 'reject' AND decided_by = 'import'",
    "a decision moved into another month": "UPDATE decision SET decided_at = decided_at + 3000000000000 WHERE leaf = (SELECT min(leaf) FROM decision)",
    "a comment moved to another day": "UPDATE comment SET submitted_at = submitted_at - 86400000000",
    "a comment withdrawn without a leaf": "UPDATE comment SET withdrawn_at = submitted_at WHERE number = 2",
    "an erasure forgotten": "UPDATE comment SET erased_at = NULL WHERE erased_at IS NOT NULL",
    "a leaf of another time": "UPDATE leaf SET body = replace(CAST(body AS TEXT), '2026-07-2', '2026-06-2') WHERE number = 0",
    "a leaf of another verdict": """UPDATE leaf SET body = replace(CAST(body AS TEXT), '"verdict":"reject"', '"verdict":"approve"') WHERE number = (SELECT min(number) FROM leaf WHERE CAST(body AS TEXT) LIKE '%"reject"%')""",
}


@pytest.mark.parametrize("statement", TAMPERED.values(), ids=TAMPERED.keys())
def test_what_was_changed_behind_the_back_is_told(some: Path, tmp_path: Path, statement: str) -> None:
    """If a row or a leaf was changed by hand so that counts change, then there is no report, and the difference is named."""
    with pytest.raises(CountsDiffer, match="the report says"):
        reported(copied(some, tmp_path, statement), SUMMER)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM leaf WHERE number = 3",
        "UPDATE leaf SET body = 'x' WHERE number = 3",
        "UPDATE leaf SET body = replace(CAST(body AS TEXT), 'receipt', 'recital') WHERE number = 0",
        "UPDATE leaf SET body = replace(CAST(body AS TEXT), 'Z\"', '+03:00\"') WHERE number = 0",
        "UPDATE leaf SET body = replace(CAST(body AS TEXT), 'commitment\":\"', 'commitment\":\"ff') WHERE number = 0",
        "UPDATE leaf SET body = replace(CAST(body AS TEXT), '\"machine\"', '\"nobody\"') WHERE CAST(body AS TEXT) LIKE '%\"machine\"%'",
    ],
)
def test_a_leaf_that_is_none_is_named(some: Path, tmp_path: Path, statement: str) -> None:
    """If a leaf is missing, or is none that this program writes, then that is said with its number."""
    with pytest.raises(BadLeaf, match=r"Leaf \d+ "):
        reported(copied(some, tmp_path, statement), SUMMER)


def test_a_report_names_the_tree_that_it_rests_on(some: Path, tmp_path: Path) -> None:
    """If a report is made, then it names how many leaves it counted and the root over them, and later leaves change neither it nor what is recounted for it."""
    url = copied(some, tmp_path)
    report = reported(url, SUMMER)
    store = Store.open(url)
    try:
        before = [body for _, body in store.leaves(0, 1000)]
        life = Life(store, url)
        life.clock.now = at("2026-08-02")
        life.send(COURTEOUS, people=False)
        after = [body for _, body in store.leaves(0, 1000)]
    finally:
        store.close()
    tree = Tree()
    for body in before:
        tree.add(leaf_hash(body))
    assert (report.leaves, report.root) == (len(before), tree.root())
    claim = claim_in(json.dumps(told(report)).encode())
    assert claim.root == tree.root().hex()
    assert disagreements(claim.counts, recounted(after[: claim.leaves], claim.span)) == ()
    more = disagreements(claim.counts, recounted(after, claim.span))
    assert any(one.startswith("2026-08, sent:") for one in more)


@pytest.mark.parametrize("change", [("total", 1), ("from", "store"), ("name", "sent.more")])
def test_a_count_that_was_changed_is_found(some: Path, change: tuple[str, Any]) -> None:
    """If one number, name or mark in a report's JSON is changed, then it agrees with the ledger no longer."""
    report = told(reported(f"sqlite:///{some / 'meydan.db'}", SUMMER))
    store = Store.open(f"sqlite:///{some / 'meydan.db'}")
    bodies = [body for _, body in store.leaves(0, 1000)]
    store.close()
    for one in report["counts"]:
        if one["from"] == "ledger":
            key, value = change
            changed = {**one, key: one[key] + 1 if key == "total" else value}
            whole = {**report, "counts": [changed if other is one else other for other in report["counts"]]}
            claim = claim_in(json.dumps(whole).encode())
            assert disagreements(claim.counts, recounted(bodies, claim.span)), one["name"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"kind": "meydan.transparency-report", "format": 2}',
        "\x00",
        '"' * 10_000,
        "[" * 100_000,
    ],
)
def test_a_file_that_is_no_report_is_refused(text: str) -> None:
    """If a file is no report, or a newer one, then that is said, with no traceback."""
    with pytest.raises(NotAReport):
        claim_in(text.encode())


@given(
    st.sampled_from(["from", "to", "ledger", "counts", "format"]),
    st.sampled_from([None, 7, "x", [], {}, -1, "2026-01-01"]),
)
def test_a_report_with_anything_in_a_field_is_refused_or_read(name: str, value: object) -> None:
    """If a field of a report holds anything, then it is read or refused, and nothing else is raised."""
    good = {
        "kind": "meydan.transparency-report", "format": 1, "from": "2026-01-01T00:00:00+00:00", "to": "2026-02-01T00:00:00+00:00",
        "ledger": {"leaves": 0, "root": "00" * 32}, "counts": [],
    }  # fmt: skip
    assert claim_in(json.dumps(good).encode()).leaves == 0
    if not (name == "counts" and value == []) and not (name == "format" and value == 1):
        with pytest.raises(NotAReport):
            claim_in(json.dumps({**good, name: value}).encode())


# -- spans, languages ----------------------------------------------------------------------------


def test_a_span_is_of_whole_days_and_months_are_half_open() -> None:
    """If days are given that are no span, then they are refused; else months follow each other without a gap."""
    span = Span(at("2025-12-31"), at("2026-03-01"))
    assert span.months == ("2025-12", "2026-01", "2026-02")
    assert [b - a for a, b in zip(span.bounds, span.bounds[1:], strict=False)] == [
        86400 * 10**6 * days for days in (1, 31, 28)
    ]
    for since, until in (
        ("2026-01-01", "2026-01-01"),
        ("2026-01-02", "2026-01-01"),
        ("1900-01-01", "2026-01-01"),
    ):
        with pytest.raises(BadSpan):
            Span(at(since), at(until))
    with pytest.raises(BadSpan):
        Span(at("2026-01-01") + timedelta(hours=1), at("2026-01-02"))


@given(st.dictionaries(st.sampled_from(["en", "ar", "tr", "ckb", "fa", "und"]), st.integers(0, 25)))
def test_few_comments_in_a_language_are_told_of_nobody(sent: dict[str, int]) -> None:
    """If languages have few comments, then they stand together, many enough that nothing is found by subtracting, or not at all."""
    groups = together(sent)
    assert all(sum(sent[tag] for tag in tags) >= FEW for tags in groups.values())
    left = set(sent) - {tag for tags in groups.values() for tag in tags}
    # Either all are told, in some group, or all together had too few.
    assert not left or (not groups and sum(sent[tag] for tag in left) < FEW)
    assert all(tags == (tag,) for tag, tags in groups.items() if tag != OTHER)


# -- the command ------------------------------------------------------------------------------------


def asked(folder: Path, *more: str, begin: str = "2026-07-01", end: str = "2026-10-01") -> Any:
    command = ("report", "--data", str(folder), "--from", begin, "--to", end, *more)
    return meydan(*command, environment={"PATH": "/usr/bin", "HOME": str(folder)})


@pytest.fixture(scope="module")
def made(some: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("made")
    (folder / "meydan.db").write_bytes(Path(copied(some, folder)[10:]).read_bytes())
    answer = asked(folder, "-o", str(folder / "summer.html"), "--csv", str(folder / "summer.csv"), "--json")
    assert answer.returncode == 0, answer.stderr
    return folder, json.loads(answer.stdout)


def test_page_table_and_json_say_the_same(made: tuple[Path, dict[str, Any]]) -> None:
    """If a report is made, then page, table and JSON hold the same counts, each marked with where it is known from; and files are its owner's alone."""
    folder, report = made
    rows = list(csv.DictReader(io.StringIO((folder / "summer.csv").read_text(encoding="utf-8"))))
    by_name = {(row["period"], row["name"], row["language"]): row for row in rows}
    assert len(by_name) == len(rows)
    for one in report["counts"]:
        wait = one["name"].startswith("wait.")
        for part, number in {**one["months"], TOTAL: one["total"]}.items():
            row = by_name[part, one["name"] + "_seconds" * wait, ""]
            assert row["from"] == one["from"]
            assert float(row["value"]) == (number / 1e6 if wait else number)
    page = (folder / "summer.html").read_text(encoding="utf-8")
    assert page.count('class="from ledger"') > 10
    assert page.count('class="from store"') > 3
    assert report["ledger"]["root"] in page
    assert {(folder / name).stat().st_mode & 0o777 for name in ("summer.html", "summer.csv")} == {0o600}
    assert [bound["of"] for bound in report["bounds"]] == [None] * len(report["bounds"]) != []


def test_nothing_of_a_reader_or_of_who_decided_is_in_it(made: tuple[Path, dict[str, Any]]) -> None:
    """If a report is read, then no word, name, address, id or commitment of a comment is in it, nor who decided."""
    folder, report = made
    with sqlite3.connect(folder / "meydan.db") as database:
        ids = [id for (id,) in database.execute("SELECT id FROM comment")]
        marks = [
            bytes(commitment).hex() for (commitment,) in database.execute("SELECT commitment FROM comment")
        ]
    everything = json.dumps(report, ensure_ascii=False) + "".join(
        (folder / name).read_text(encoding="utf-8") for name in ("summer.html", "summer.csv")
    )
    for secret in (NAME, EMAIL, "Zîn", COURTEOUS[:20], ABUSIVE[:20], "localhost", *ids, *marks):
        assert secret not in everything
    # By language and rule at once there is nothing.
    assert not [name for one in report["languages"] for name in one["counts"] if name.startswith("rule.")]


REFUSED = [
    (("--from", "2026-13-01"), "M377"),
    (("--from", "2026-10-01"), "M377"),
    (("--to", "soon"), "M377"),
    (("--from", "2999-01-01", "--to", "2999-02-01"), "M377"),
    (("-o", "HERE/summer.html"), "R118"),
    (("-o", "HERE/no/such/folder.html", "--csv", "HERE/new.csv"), "U201"),
    (("--database", "sqlite:////nowhere/meydan.db"), "M302"),
]


@pytest.mark.parametrize(("more", "code"), REFUSED, ids=[code + " " + more[-1] for more, code in REFUSED])
def test_what_cannot_be_is_refused_with_a_code(
    made: tuple[Path, dict[str, Any]], more: tuple[str, ...], code: str
) -> None:
    """If days, a file or a database are none, then a code says so, and nothing is written, not even half."""
    folder, _ = made
    before = {path.name for path in folder.iterdir()}
    answer = asked(folder, *(one.replace("HERE", str(folder)) for one in more))
    assert answer.returncode in (1, 2, 75), answer.stdout
    assert answer.stderr.decode().startswith(code), answer.stderr
    assert {path.name for path in folder.iterdir()} - {"meydan.db-wal", "meydan.db-shm"} <= before


def test_a_difference_leaves_no_file(some: Path, tmp_path: Path) -> None:
    """If the store and the ledger differ, then the command says so with its code, and writes neither page nor table."""
    copied(some, tmp_path, TAMPERED["a decision turned round"])
    answer = asked(
        tmp_path, "-o", str(tmp_path / "summer.html"), "--csv", str(tmp_path / "summer.csv"), "--json"
    )
    assert (answer.returncode, json.loads(answer.stderr)["code"]) == (2, "M376")
    assert not list(tmp_path.glob("summer*"))


@pytest.mark.parametrize(
    "block", re.findall(r"```sh\n(.*?)```", (Path(__file__).parents[2] / "docs/report.md").read_text(), re.S)
)
def test_every_command_of_the_page_runs(
    made: tuple[Path, dict[str, Any]], tmp_path: Path, block: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If docs/report.md gives a command, then it runs as it stands there (but for the one that needs a server's address)."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "meydan-data").mkdir()
    (tmp_path / "meydan-data" / "meydan.db").write_bytes((made[0] / "meydan.db").read_bytes())
    for line in block.strip().splitlines():
        command, _, out = line.removeprefix("meydan ").partition(" > ")
        if command.startswith("ledger"):
            assert "--report november.json" in command
            continue
        answer = meydan(*command.split(), environment={"PATH": "/usr/bin", "HOME": str(tmp_path)})
        assert answer.returncode == 0, answer.stderr
        if out:
            assert claim_in(answer.stdout).leaves > 0
    assert line
