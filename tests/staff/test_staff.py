"""Who comes in at the desk, by what, and what is written down of it; on both databases."""

from __future__ import annotations

import secrets
import sqlite3
import threading
from collections import Counter
from datetime import timedelta
from typing import Any

import psycopg
import pyotp
import pytest

from meydan.errors import AlreadyExists, Malformed, NotAllowed, NotFound, Overloaded, SignInNeeded, TooFast
from meydan.staff import (
    FIRST_LOCK,
    LOCKED_FROM,
    LONGEST_LOCK,
    RIGHTS,
    ROLES,
    SECOND_WITHIN_S,
    HalfWay,
    Session,
    Staff,
)
from meydan.store import Doorway, Store
from tests.desk.conftest import Clock
from tests.newsroom import CHEAP_PASSWORDS
from tests.proportion import in_proportion
from tests.store.making import around

PASSWORD = "three words and a river"
ISSUER = "https://issuer.example"


class Office:
    """Staff over a store, with a clock that the test moves."""

    def __init__(self, store: Store) -> None:
        self.clock = Clock()
        self.store = store
        self.staff = Staff(store, clock=self.clock, entropy=secrets.token_bytes, secret=b"s" * 32)
        # A tenth of a second for each of hundreds of passwords; what is kept of one is tested with the real hasher.
        self.real_hasher, self.staff._hasher = self.staff._hasher, CHEAP_PASSWORDS

    def person(self, name: str = "Zîn", **given: Any) -> Session:
        return self.staff.sign_in(self.staff.add_moderator(name, **given))

    def with_codes(self, name: str = "Zîn") -> tuple[Session, str, tuple[str, ...]]:
        """Somebody with a password and one-time codes: their session, the secret, the recovery codes."""
        session = self.person(name)
        self.staff.set_password(name, PASSWORD, by="operator", keep=session)
        enrolled = self.staff.begin_second(session, "The Square")
        return session, enrolled.secret, self.staff.confirm_second(session, self.code(enrolled.secret))

    def code(self, secret: str, *, steps: int = 0) -> str:
        return pyotp.TOTP(secret).at(self.clock.now + timedelta(seconds=30 * steps))

    def half_way(self, name: str = "Zîn") -> str:
        half = self.staff.sign_in_by_password(name, PASSWORD)
        assert isinstance(half, HalfWay)
        return half.token

    def said(self) -> list[tuple[str, str]]:
        return [(entry.actor, entry.action) for entry in self.staff.journal()]


@pytest.fixture
def office(store: Store) -> Office:
    return Office(store)


def test_a_password_opens_the_desk(office: Office) -> None:
    """If the name and the password belong together, then a session begins, and it is written down."""
    office.person()
    office.staff.set_password("Zîn", PASSWORD, by="operator")
    session = office.staff.sign_in_by_password(" Zîn ", PASSWORD, device="Firefox on Linux")
    assert isinstance(session, Session)
    assert office.staff.session(session.token).moderator == "Zîn"
    assert office.said()[0] == ("Zîn", "signed-in")
    ((shown, own),) = office.staff.sessions(session)
    assert (shown.how, shown.device, own) == ("password", "Firefox on Linux", True)


def test_no_secret_is_kept_as_it_is(office: Office, database_url: str) -> None:
    """If somebody copies the database, then no password, code secret, session or recovery code opens anything."""
    office.staff._hasher = office.real_hasher
    session, secret, codes = office.with_codes()
    with around(database_url) as connection:
        kept = "\n".join(
            str(row)
            for table in ("moderator", "session", "recovery", "link", "journal", "attempt")
            for row in connection.execute(f"SELECT * FROM {table}")
        )
    assert "$argon2id$" in kept
    for told in (PASSWORD, secret, session.token, codes[0], codes[0].replace("-", "")):
        assert told not in kept


@pytest.mark.parametrize("name", ["Zîn", "Nobody", "", "x" * 500, "a\x00b", "\ud800"])
def test_a_wrong_password_says_the_same_of_every_name(office: Office, name: str) -> None:
    """If a password is wrong, then nobody learns whether the name exists: same words, and the same lock."""
    office.person()
    office.staff.set_password("Zîn", PASSWORD, by="operator")
    told = set()
    for _ in range(LOCKED_FROM):
        with pytest.raises(SignInNeeded) as refused:
            office.staff.sign_in_by_password(name, "something else altogether")
        told.add(refused.value.message)
    assert told == {"The name and the password do not belong together. Nobody has been signed in."}
    with pytest.raises(TooFast) as locked:
        office.staff.sign_in_by_password(name, PASSWORD)
    assert 0 < locked.value.retry_after_s <= FIRST_LOCK.total_seconds() + 1


def test_a_name_or_password_of_marks_takes_time_in_proportion(office: Office) -> None:
    """If somebody sends a name or a password that is a pile of marks, then it is none, before they are put in order."""
    office.person()

    def come_in(name: str) -> None:
        with pytest.raises((SignInNeeded, TooFast)):
            office.staff.sign_in_by_password(name, name)

    def be_called(name: str) -> None:
        with pytest.raises(Malformed):
            office.staff.add_moderator(name)

    def choose(password: str) -> None:
        with pytest.raises(Malformed, match="characters"):
            office.staff.set_password("Zîn", password, by="operator")

    for tried in (come_in, be_called, choose):
        assert in_proportion(tried, lambda size: "a" + "\u0301\u0323" * (size // 2), 60_000)


def test_the_longest_name_comes_in_however_it_is_typed(office: Office) -> None:
    """If each letter of a name is typed as the four signs that it is composed of, then it is the same name."""
    office.person("\u1f82" * 80)
    office.staff.set_password("\u1f82" * 80, PASSWORD, by="operator")
    typed = "\u03b1\u0313\u0300\u0345" * 80
    assert isinstance(office.staff.sign_in_by_password(typed, PASSWORD), Session)


def test_a_lock_grows_and_ends(office: Office) -> None:
    """If it goes on failing, then each lock is twice the last up to an hour; a success forgets them all."""
    office.person()
    office.staff.set_password("Zîn", PASSWORD, by="operator")
    last = timedelta(0)
    for number in range(LOCKED_FROM + 9):
        with pytest.raises(SignInNeeded):
            office.staff.sign_in_by_password("zîn", "something else altogether")
        try:
            office.staff.sign_in_by_password("Zîn", "something else altogether")
        except TooFast as locked:
            wait = timedelta(seconds=locked.retry_after_s)
            assert number >= LOCKED_FROM - 3
            assert last < wait <= LONGEST_LOCK + timedelta(seconds=1) or last >= LONGEST_LOCK
            last = wait
            office.clock.forward(seconds=wait.total_seconds())
        except SignInNeeded:
            assert number < LOCKED_FROM
    assert last >= LONGEST_LOCK
    assert isinstance(office.staff.sign_in_by_password("Zîn", PASSWORD), Session)
    with pytest.raises(SignInNeeded):
        office.staff.sign_in_by_password("Zîn", "something else altogether")
    assert isinstance(office.staff.sign_in_by_password("Zîn", PASSWORD), Session)


def test_one_time_codes_come_after_the_password(office: Office) -> None:
    """If somebody has set up codes, then the password alone opens nothing, and a code opens once."""
    _, secret, codes = office.with_codes()
    assert len(set(codes)) == 10
    office.clock.forward(seconds=60)
    code = office.code(secret)
    half = office.half_way()
    with pytest.raises(SignInNeeded):
        office.staff.session(half)
    with pytest.raises(SignInNeeded):
        office.staff.finish_sign_in(half, "000000" if code != "000000" else "111111")
    assert office.staff.finish_sign_in(half, f" {code[:3]} {code[3:]} ").moderator == "Zîn"
    with pytest.raises(SignInNeeded):
        office.staff.finish_sign_in(half, code)
    with pytest.raises(SignInNeeded):
        # An earlier code than one that was used is not taken either.
        office.staff.finish_sign_in(half, office.code(secret, steps=-1))


def test_a_code_in_eastern_digits_is_the_same_code(office: Office) -> None:
    """If a keyboard writes Arabic or Persian digits, then the code is read all the same."""
    _, secret, _ = office.with_codes()
    for zero in ("٠", "۰"):
        office.clock.forward(seconds=90)
        typed = "".join(chr(ord(zero) + int(digit)) for digit in office.code(secret))
        assert office.staff.finish_sign_in(office.half_way(), typed).moderator == "Zîn"


def test_the_second_step_does_not_wait_for_ever(office: Office) -> None:
    """If the code comes too late after the password, or half of the way is made up, then it opens nothing."""
    _, secret, _ = office.with_codes()
    half = office.half_way()
    office.clock.forward(seconds=SECOND_WITHIN_S + 30)
    for token in (half, "x", "", half[:-3] + "abc", "é" * 20):
        with pytest.raises(SignInNeeded):
            office.staff.finish_sign_in(token, office.code(secret))


@pytest.mark.parametrize("password", [True, False])
def test_a_code_comes_after_a_link_too(office: Office, password: bool) -> None:
    """If somebody has set up codes, then a link that another made for them opens nothing without one, and is used up."""
    session = office.person()
    if password:
        office.staff.set_password("Zîn", PASSWORD, by="operator", keep=session)
    secret = office.staff.begin_second(session, "The Square").secret
    office.staff.confirm_second(session, office.code(secret))
    office.clock.forward(seconds=60)
    link = office.staff.new_link("Zîn", by="Mem")
    half = office.staff.sign_in(link)
    assert isinstance(half, HalfWay)
    for nothing in (half.token, office.staff.keeping(session)):
        with pytest.raises(SignInNeeded):
            office.staff.session(nothing)
        with pytest.raises(SignInNeeded):
            office.staff.finish_sign_in(nothing, "")
    with pytest.raises(SignInNeeded):
        office.staff.sign_in(link)
    here = office.staff.finish_sign_in(half.token, office.code(secret))
    assert [shown.how for shown, own in office.staff.sessions(here) if own] == ["link"]
    # A password that is set meanwhile ends what was begun before it, links too.
    half = office.staff.sign_in(office.staff.new_link("Zîn", by="Mem"))
    assert isinstance(half, HalfWay)
    office.staff.set_password("Zîn", "another four words here", by="Zîn")
    office.clock.forward(seconds=60)
    with pytest.raises(SignInNeeded):
        office.staff.finish_sign_in(half.token, office.code(secret))


def test_guessing_codes_is_stopped(office: Office) -> None:
    """If somebody who knows the password guesses codes, then that is locked too."""
    _, secret, _ = office.with_codes()
    half = office.half_way()
    right = office.code(secret, steps=3)
    for guess in range(LOCKED_FROM):
        with pytest.raises(SignInNeeded):
            office.staff.finish_sign_in(half, f"{(int(right) + 1 + guess) % 1_000_000:06d}")
    with pytest.raises(TooFast):
        office.staff.finish_sign_in(half, right)


def test_a_recovery_code_stands_in_once(office: Office) -> None:
    """If the telephone is lost, then each recovery code opens once, and how many are left is told."""
    session, _, codes = office.with_codes()
    assert office.staff.finish_sign_in(office.half_way(), codes[0].upper()).moderator == "Zîn"
    assert office.staff.recovery_left(session) == len(codes) - 1
    with pytest.raises(SignInNeeded):
        office.staff.finish_sign_in(office.half_way(), codes[0])
    office.person("Mem")
    office.staff.set_password("Mem", PASSWORD, by="operator")
    assert ("Zîn", "recovery-code-used") in office.said()
    office.staff.remove_second("Zîn", by="operator")
    assert isinstance(office.staff.sign_in_by_password("Zîn", PASSWORD), Session)


def test_an_enrolment_without_its_code_asks_for_none(office: Office) -> None:
    """If somebody begins to set codes up and never confirms one, then they are not locked out by it."""
    session = office.person()
    office.staff.set_password("Zîn", PASSWORD, by="operator", keep=session)
    office.staff.begin_second(session, "The Square")
    assert isinstance(office.staff.sign_in_by_password("Zîn", PASSWORD), Session)
    with pytest.raises(SignInNeeded):
        office.staff.confirm_second(session, "123")
    assert office.staff.enrolment(session, "The Square") is not None


def test_a_new_password_ends_the_other_sessions(office: Office) -> None:
    """If a password is changed, then whoever was signed in elsewhere is not any more, and the old one opens nothing."""
    here = office.person()
    there = office.staff.sign_in(office.staff.new_link("Zîn"))
    office.staff.change_password(here, "", PASSWORD)
    assert office.staff.session(here.token)
    with pytest.raises(SignInNeeded):
        office.staff.session(there.token)
    with pytest.raises(SignInNeeded):
        office.staff.change_password(here, "not the old one", "another four words here")
    office.staff.change_password(here, PASSWORD, "another four words here")
    with pytest.raises(SignInNeeded):
        office.staff.sign_in_by_password("Zîn", PASSWORD)
    assert isinstance(office.staff.sign_in_by_password("Zîn", "another four words here"), Session)


@pytest.mark.parametrize(
    "password", ["short", "x" * 201, "aaaaaaaaaaaaaaa", "Zîn 2026 Zîn!", "ababababababab"]
)
def test_a_password_that_is_guessed_is_refused(office: Office, password: str) -> None:
    """If a password is short, long without end, the name or one letter over and over, then it is refused."""
    office.person()
    with pytest.raises(Malformed):
        office.staff.set_password("Zîn", password, by="operator")


def test_a_session_can_be_listed_and_ended(office: Office) -> None:
    """If somebody ends one of their sessions, then only that one ends; nobody else's handle works."""
    here, other = office.person(), office.person("Mem")
    office.staff.sign_in(office.staff.new_link("Zîn"))
    gone = next(shown.handle for shown, own in office.staff.sessions(here) if not own)
    for name, handle in (("Mem", gone), ("Zîn", gone[:8]), ("Zîn", ""), ("Zîn", "%" * 16)):
        with pytest.raises(NotFound):
            office.staff.end_session(name, handle, by=name)
    office.staff.end_session("Zîn", gone, by="Zîn")
    assert [own for _, own in office.staff.sessions(here)] == [True]
    assert office.staff.session(other.token)


def test_a_role_says_what_one_may(office: Office) -> None:
    """If a role does not have a right, then it is refused and written down; a new role holds at once."""
    office.person("Mem", role="editor")
    session = office.person(role="auditor")
    office.staff.check(session, "read")
    with pytest.raises(NotAllowed):
        office.staff.check(session, "decide")
    entry = office.staff.journal(limit=1)[0]
    assert (entry.actor, entry.action, entry.subject) == ("Zîn", "refused", "decide")
    office.staff.give_role("Zîn", "moderator", by="Mem")
    office.staff.check(office.staff.session(session.token), "decide")
    assert set(RIGHTS) >= {"read", "decide", "people", "guidelines"}
    assert all(roles <= set(ROLES) for roles in RIGHTS.values())


@pytest.mark.parametrize("name", ["machine", "import", "operator", "a reader"])
def test_nobody_is_called_what_stands_for_nobody(office: Office, name: str) -> None:
    """If somebody would be named as the journal names what no one person here does, then they are refused."""
    with pytest.raises(Malformed):
        office.staff.add_moderator(name)


def test_there_is_always_an_editor(office: Office) -> None:
    """If the only editor would give the role away, then it is refused; the operator can."""
    office.person(role="editor")
    with pytest.raises(NotAllowed):
        office.staff.give_role("Zîn", "moderator", by="Zîn")
    office.staff.give_role("Zîn", "moderator")
    with pytest.raises(Malformed):
        office.staff.give_role("Zîn", "owner")
    with pytest.raises(Malformed):
        office.staff.give_languages("Zîn", ["en", "xx"])


def test_an_issuer_knows_somebody_by_a_verified_address_once(office: Office) -> None:
    """If an issuer's account has the address that was entered, then it is bound, and no other account is after it."""
    office.person(email="Zin@Square.example ")
    with pytest.raises(SignInNeeded):
        office.staff.sign_in_through(ISSUER, "1", None)
    with pytest.raises(SignInNeeded):
        office.staff.sign_in_through(ISSUER, "1", "mem@square.example")
    assert office.staff.sign_in_through(ISSUER, "1", "ZIN@square.example").moderator == "Zîn"
    # Known by its subject now, whatever its address; another account with the address is somebody else.
    assert office.staff.sign_in_through(ISSUER, "1", None).moderator == "Zîn"
    for issuer, subject in ((ISSUER, "2"), ("https://other.example", "1")):
        with pytest.raises(SignInNeeded):
            office.staff.sign_in_through(issuer, subject, "zin@square.example")


def test_a_doorway_is_used_once_and_in_time(office: Office) -> None:
    """If an issuer gives back a state twice, late or one that was never given, then nobody is signed in by it."""
    doorway = Doorway("nonce", "verifier", "/desk")
    office.staff.open_doorway("state", doorway)
    assert office.staff.come_back("state") == doorway
    office.staff.open_doorway("late", doorway)
    office.clock.forward(hours=1)
    for state in ("state", "late", "unknown", ""):
        with pytest.raises(SignInNeeded):
            office.staff.come_back(state)


def test_who_is_removed_comes_back_with_nothing(office: Office) -> None:
    """If somebody is removed and added again, then no old password, code, session or account opens the desk."""
    session, _, _ = office.with_codes()
    office.staff.give_address("Zîn", "zin@square.example")
    office.staff.sign_in_through(ISSUER, "1", "zin@square.example")
    office.staff.remove_moderator("Zîn", by="operator")
    for _ in range(2):
        with pytest.raises(SignInNeeded):
            office.staff.session(session.token)
        with pytest.raises(SignInNeeded):
            office.staff.sign_in_by_password("Zîn", PASSWORD)
        with pytest.raises(SignInNeeded):
            office.staff.sign_in_through(ISSUER, "1", "zin@square.example")
        if office.staff.moderators() == ():
            office.staff.add_moderator("Zîn")
    assert office.staff.moderator("Zîn").second is None


def test_the_journal_only_grows(office: Office, database_url: str) -> None:
    """If anybody tries to alter, delete or replace a line of the journal, then the database refuses."""
    office.person()
    for attack in (
        "UPDATE journal SET actor = 'Mem'",
        "DELETE FROM journal",
        "INSERT INTO journal (number, at, actor, action, subject, detail) VALUES (1, 0, 'x', 'x', 'x', '{}')",
    ):
        with around(database_url) as connection, pytest.raises((sqlite3.IntegrityError, psycopg.Error)):
            connection.execute(attack)


def test_the_journal_is_searched(office: Office) -> None:
    """If an auditor asks who did what to whom and when, then exactly these lines come, the newest first."""
    office.person()
    office.person("Mem", role="editor")
    middle = office.clock()
    office.staff.give_languages("Zîn", ["ckb", "ar"], by="Mem")
    office.staff.give_role("Zîn", "auditor", by="Mem")
    every = office.staff.journal()
    assert [entry.number for entry in every] == sorted((entry.number for entry in every), reverse=True)
    assert [entry.action for entry in office.staff.journal(actor="Mem", subject="Zîn")] == [
        "role-given",
        "languages-given",
    ]
    assert [entry.detail for entry in office.staff.journal(action="languages-given")] == [
        {"languages": ["ckb", "ar"]}
    ]
    assert {entry.action for entry in office.staff.journal(since=middle)} == {"role-given", "languages-given"}
    assert office.staff.journal(until=middle, actor="Mem", action="role-given") == ()
    assert office.staff.journal(before=every[-1].number) == ()
    assert len(office.staff.journal(limit=2)) == 2


def test_many_at_once_are_many_tries(office: Office) -> None:
    """If codes are guessed from many threads at once, then each try counts, and the name is locked all the same."""
    _, secret, _ = office.with_codes()
    half = office.half_way()
    wrong = f"{(int(office.code(secret, steps=40)) + 1) % 1_000_000:06d}"
    told: list[type[Exception]] = []

    def guess() -> None:
        while True:
            try:
                office.staff.finish_sign_in(half, wrong)
            except Overloaded:
                # A machine that is busy with other things: nothing was counted.
                continue
            except Exception as error:  # noqa: BLE001  (whatever else it is, the count below names it)
                told.append(type(error))
                return

    threads = [threading.Thread(target=guess) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(told) == {SignInNeeded: LOCKED_FROM, TooFast: 20 - LOCKED_FROM}


def test_a_new_password_ends_what_was_half_way(office: Office) -> None:
    """If the password is changed between the password and the code, then the old half opens nothing."""
    session, secret, _ = office.with_codes()
    half = office.half_way()
    office.staff.set_password("Zîn", "another four words here", by="operator", keep=session)
    with pytest.raises(SignInNeeded):
        office.staff.finish_sign_in(half, office.code(secret, steps=1))


def test_an_address_is_one_persons(office: Office) -> None:
    """If an address is somebody else's here, then it cannot be entered again, and binding an account is written down."""
    office.person(email="zin@square.example")
    office.person("Mem")
    with pytest.raises(AlreadyExists):
        office.staff.give_address("Mem", "ZIN@square.example")
    with pytest.raises(AlreadyExists):
        office.staff.add_moderator("Berfîn", email="zin@square.example")
    office.staff.sign_in_through(ISSUER, "1", "zin@square.example")
    assert ("Zîn", "account-bound") in office.said()


def test_two_editors_cannot_remove_each_other(office: Office) -> None:
    """If two editors would give up or remove each other, then one of them stays."""
    office.person("Mem", role="editor")
    office.person(role="editor")
    office.staff.give_role("Mem", "moderator", by="Zîn")
    with pytest.raises(NotAllowed):
        office.staff.remove_moderator("Zîn", by="Mem")
    assert office.staff.moderator("Zîn").role == "editor"
