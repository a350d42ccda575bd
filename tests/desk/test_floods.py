"""Sending in a flood, and sending twice: who proves work goes on, who cannot waits for a person, nothing is kept twice."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from meydan.comment import Hold, Reader, Status
from meydan.desk import CALM, REMEMBERED, Outcome, Visitor
from meydan.errors import DisposableAddress, KeyReused, ProofNeeded, StoryClosed
from meydan.policy import Form, Guidelines
from tests.desk.conftest import ABUSIVE, COURTEOUS, STORY, Room
from tests.test_proof import solved

WORDS = (
    "The bridge was promised for spring and it is autumn now, so who paid and what for?",
    "My children cross that river every morning, and I am grateful to the engineers.",
    "Please ask the governor about the second contract, nobody has printed a word of it.",
    "I read the budget twice and page nine does not add up, did anybody else see it?",
    "A fair report. I would have liked to hear from the workers as well.",
    "We waited eleven years for this, and I will be there when it opens.",
    "The photograph is from the other side of the valley, not from the dam.",
    "Compare the prices with those of the tunnel and you will be surprised.",
    "My grandfather built the old one with his hands, stone by stone.",
    "Somebody should plant trees along the new road before summer comes.",
    "It is a good article about a bad decision, thank you for both halves of it.",
    "How many buses will run at night? The drivers say none at all.",
)


def readers() -> Iterator[Visitor]:
    """Each from an address of their own."""
    return (Visitor(address_key=f"{number:032d}") for number in range(10_000))


def is_calm(outcome: Outcome) -> bool:
    """Whether it does not wait because of a flood; what else the judge makes of it is another matter."""
    return Hold.FLOOD not in outcome.holds


def flood(room: Room, **more: str) -> None:
    """As many comments from as many addresses as the calmest limits let come."""
    for visitor, words in zip(readers(), WORDS[:CALM], strict=False):
        assert is_calm(room.send(words, visitor=visitor, **more))


def challenge(room: Room, proof: str = "", **more: object) -> ProofNeeded:
    with pytest.raises(ProofNeeded) as needed:
        room.send(WORDS[-1], proof=proof, **more)
    return needed.value


def level(needed: ProofNeeded) -> int:
    return needed.challenge["parameters"]["data"]["level"]  # type: ignore[index]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_in_calm_times_nobody_proves_anything(room: Room) -> None:
    """If few comments come, then neither who can prove work nor who cannot is asked, or waits for it."""
    flood(room, proof="")


def test_a_flood_asks_for_work_and_holds_who_cannot(room_with: Callable[..., Room]) -> None:
    """If a story is flooded, then who can is asked for a proof, once used it is none, and who cannot is kept and held."""
    room = room_with(flood_per_minute=4 * CALM)
    flood(room)
    unable = room.send(WORDS[-2])
    assert unable.status is Status.HELD
    assert Hold.FLOOD in unable.holds
    needed = challenge(room)
    proof = solved(dict(needed.challenge))
    assert is_calm(room.send(WORDS[-1], proof=proof))
    assert challenge(room, proof).challenge != needed.challenge
    # Another story is as calm as before, and a minute later so is this one.
    assert is_calm(room.send(WORDS[0], story_url=f"{STORY}-other", proof=""))
    room.clock.forward(minutes=1, seconds=1)
    assert is_calm(room.send(WORDS[1], proof=""))


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_an_address_and_a_whole_site_can_flood_too(room_with: Callable[..., Room]) -> None:
    """If one address, or the whole site, sends as much, each on a story of its own, then a proof is asked for as well."""
    for limits, visitors in (
        ({"address_per_minute": 4 * CALM}, iter([Visitor(address_key="z" * 32)] * CALM)),
        ({"flood_per_minute": CALM}, readers()),
    ):
        room = room_with(**limits)
        room.clock.forward(days=len(limits) + sum(limits.values()))
        for number, visitor in zip(range(CALM), visitors, strict=False):
            room.send(WORDS[number], visitor=visitor, story_url=f"{STORY}/{number}", proof="")
        last = Visitor(address_key="z" * 32)
        assert level(challenge(room, visitor=last, story_url=f"{STORY}/last")) == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_work_rises_with_the_flood(room_with: Callable[..., Room]) -> None:
    """If the flood doubles, then so does the work; what was solved a level below counts still, from further below not."""
    room = room_with(flood_per_minute=4 * CALM)
    flood(room)
    proofs = [solved(dict(challenge(room).challenge)) for _ in range(2)]
    levels = []
    for number, visitor in zip(range(3 * CALM), readers(), strict=False):
        room.send(f"{WORDS[number % 12]} {number}", visitor=visitor)
        if number + 1 in (CALM, 3 * CALM):
            levels.append(level(challenge(room)))
            if number + 1 == CALM:
                assert room.send(WORDS[2], proof=proofs[0]).id
    assert levels == [2, 3]
    challenge(room, proofs[1])


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_forged_proof_is_asked_for_again(room_with: Callable[..., Room]) -> None:
    """If a proof is forged or has expired, then a new challenge is the answer, and nothing is kept."""
    room = room_with(flood_per_minute=4 * CALM)
    flood(room)
    proof = solved(dict(challenge(room).challenge))
    kept = len(room.shown())
    challenge(room, proof[:-12])
    room.clock.forward(minutes=11)
    for visitor, words in zip(readers(), WORDS, strict=False):
        room.send(words, visitor=visitor)
    challenge(room, proof)
    assert len(room.shown()) >= kept


# -- nearly the same ----------------------------------------------------------


def variants(text: str) -> Iterator[str]:
    for number, name in enumerate(("Karim", "Selma", "Dilan", "Baran", "Leyla", "Hogir", "Nada", "Rojda")):
        yield text.replace("NAME", name).replace("17", f"\u200b{number}{number}") + " 🔥" * number


def test_nearly_the_same_is_held_from_the_fourth_on(room_with: Callable[..., Room]) -> None:
    """If nearly the same words come on several stories within an hour, then from the fourth on they wait for a person."""
    room = room_with(near_repeats=3)
    text = "I thank NAME for the 17 pages about the history of this region, I learned a lot from every one of them."
    outcomes: list[Outcome] = []
    for number, (visitor, words) in enumerate(zip(readers(), variants(text), strict=False)):
        outcomes.append(room.send(words, visitor=visitor, story_url=f"{STORY}/{number % 3}"))
    assert [Hold.FLOOD in outcome.holds for outcome in outcomes] == [False] * 3 + [True] * 5
    room.clock.forward(hours=1)
    assert Hold.FLOOD not in room.send(next(variants(text))).holds


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_thanks_and_condolences_are_no_flood(room_with: Callable[..., Room]) -> None:
    """If many readers thank or mourn in nearly the same short line, then none of them waits for it, unless very many do."""
    room = room_with(near_repeats=3)
    lines = ("Thank you {} for this article!", "{}, rest in peace, my condolences.", "Well said {}.")
    for visitor, name in zip(readers(), ("Karim", "Selma", "Dilan", "Baran", "Leyla", "Hogir"), strict=False):
        for line in lines:
            assert Hold.FLOOD not in room.send(line.format(name), visitor=visitor).holds
    last: list[Outcome] = [
        room.send(f"Thank you {visitor.address_key[-2:]} for this article!", visitor=visitor)
        for visitor, _ in zip(readers(), range(18), strict=False)
    ]
    assert Hold.FLOOD in last[-1].holds


# -- sent twice -----------------------------------------------------------------


def test_sent_again_it_is_the_same_comment(room: Room) -> None:
    """If a comment is sent again under its key, from anywhere, then its author gets the same id and receipt, however it stands."""
    first = room.send(sending_key="a-random-key", text="One\nTwo")
    again = room.send(sending_key="a-random-key", text="One\r\nTwo", visitor=Visitor(address_key="z" * 32))
    assert (again.id, again.receipt, again.text) == (first.id, first.receipt, "One\nTwo")
    # Also once the story takes no more, and once the law took its words.
    room.desk.register_story(STORY, open=False)
    assert room.send(sending_key="a-random-key", text="One\nTwo").id == first.id
    with pytest.raises(StoryClosed):
        room.send(sending_key="another-key", text="One\nTwo")
    room.desk.erase(first.id)
    erased = room.send(sending_key="a-random-key", text="One\nTwo")
    assert (erased.id, erased.erased, erased.receipt, erased.text) == (first.id, True, None, None)


@pytest.mark.parametrize(
    "other",
    [
        {"text": COURTEOUS + " "},
        {"name": "rojin"},
        {"story_url": f"{STORY}/2"},
        {"email": "rojin@news.example"},
        {"reader": Reader("r" * 32, "Rojin", None, email_verified=False, staff=False, kind="account")},
    ],
    ids=lambda other: next(iter(other)),
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_key_with_other_words_is_refused(room: Room, other: dict[str, object]) -> None:
    """If a key comes with other words, another name, story, address or sender, then it is refused; after two days it is free."""
    first = room.send(sending_key="a-random-key")
    with pytest.raises(KeyReused):
        room.send(sending_key="a-random-key", **other)
    room.clock.forward(seconds=REMEMBERED / timedelta(seconds=1))
    assert room.send(sending_key="a-random-key", **other).id != first.id


# -- addresses that last minutes ------------------------------------------------


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_addresses_that_last_minutes(room_with: Callable[..., Room]) -> None:
    """If an address's host gives them away for minutes, then its comment is taken, held or refused, as the operator says."""
    account = Reader("r" * 32, "Rojin", "r@yopmail.com", email_verified=True, staff=False, kind="account")
    for email in ("r@yopmail.com", "r@a.b.YOPMAIL.com.", "r@mail.yopmail.com"):
        assert Hold.DISPOSABLE not in room_with().send(email=email).holds
        held = room_with(disposable_addresses="hold").send(email=email)
        assert held.status is Status.HELD
        assert Hold.DISPOSABLE in held.holds
        with pytest.raises(DisposableAddress):
            room_with(disposable_addresses="refuse").send(email=email)
    strict = room_with(disposable_addresses="refuse")
    for email in ("r@news.example", "r@notyopmail.com", f"r@{'x' * 70}.example", "r@a..example"):
        assert strict.send(email=email).id
    assert strict.send(email="r@yopmail.com", reader=account).id


# -- the nudge --------------------------------------------------------------------


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_draft_is_nudged_by_its_rule(room: Room, guidelines: Guidelines) -> None:
    """If a draft would be held or rejected under a rule, then its rule is said, where the guidelines ask for it; never of adverts."""
    assert room.desk.nudge(ABUSIVE) is None
    room.desk.adopt(dataclasses.replace(guidelines, form=Form(nudge=True)))
    assert room.desk.nudge(ABUSIVE, story_url=STORY, language="en") == "personal-attacks"
    assert room.desk.nudge(COURTEOUS) is None
    assert room.desk.nudge(" \u200b\n") is None
    assert (
        room.desk.nudge("Cheap pills! Buy now at www.pills.example, call +964 770 123 4567, 50% off!!!")
        is None
    )
    assert room.desk.held()[0] == ()
    assert room.shown() == []
