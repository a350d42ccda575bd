"""OpenAI's moderation endpoint, asked by its own client, sync and async, with nothing set but the address and the key."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openai.types import Moderation
from structlog.testing import capture_logs

from meydan import errors
from meydan.comment import RULE_LABELS, Evidence, Finding, Hold
from meydan.desk import Assessed
from meydan.judge import decide
from meydan.judge.calibration import shipped
from meydan.judge.decide import doubted_in
from meydan.policy import load
from meydan.web import front
from meydan.web import openai as door
from meydan.web.openai import CATEGORIES, MODELS, PATH, read, result_of
from tests.newsroom import ABUSIVE, COURTEOUS, UNMEASURED, Newsroom, newsroom
from tests.web.conftest import UNHURRIED

ROOT = Path(__file__).parent.parent.parent
MEASURED = {category for category, labels in CATEGORIES.items() if labels}


@pytest.fixture(scope="module")
def key(room: Newsroom) -> str:
    return room.meydan.staff.add_token("openai", ["judge"])


@pytest.fixture(scope="module")
def client(room: Newsroom, key: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{room.url}/v1", api_key=key, max_retries=0) as opened:
        yield opened


@pytest.fixture(scope="module")
def raw(room: Newsroom, key: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=room.url, headers={"authorization": f"Bearer {key}"}) as opened:
        yield opened


def scores_of(moderation: Moderation) -> dict[str, float]:
    return dict(moderation.category_scores.to_dict())  # type: ignore[arg-type]


def applied_in(moderation: Moderation) -> set[str]:
    """The categories that were applied to the text."""
    told = moderation.category_applied_input_types.to_dict()
    return {category for category, kinds in told.items() if kinds == ["text"]}


# -- what is said ---------------------------------------------------------------


def test_a_text_is_moderated_as_the_client_expects(client: openai.OpenAI) -> None:
    """
    If the client asks about a text, then it gets every field that its types have, of their kinds, under the model's name.
    """
    answer = client.moderations.create(input=ABUSIVE)
    assert re.fullmatch(r"modr-[0-9a-z]{20,}", answer.id)
    assert answer.model == "omni-moderation-latest"
    [result] = answer.results
    Moderation.model_validate_json(result.to_json(), strict=True)
    assert result.categories.to_dict().keys() == scores_of(result).keys() == CATEGORIES.keys()
    assert (result.flagged, result.categories.harassment, result.categories.hate) == (True, True, False)
    assert result.category_scores.harassment > 0.9 > 0.3 > result.category_scores.hate
    assert applied_in(result) == MEASURED
    assert answer._request_id
    [fair] = client.moderations.create(input=COURTEOUS, model="text-moderation-stable").results
    assert (fair.flagged, any(fair.categories.to_dict().values())) == (False, False)
    assert max(scores_of(fair).values()) < 0.3


@pytest.mark.parametrize("model", MODELS)
def test_every_name_of_a_model_is_said_back(client: openai.OpenAI, model: str) -> None:
    """
    If a model is asked for by any name that the API has had, then it is said back, and the judge is the same.
    """
    answer = client.moderations.create(input=ABUSIVE, model=model)
    assert answer.model == model
    assert answer.results[0].category_scores.harassment > 0.9
    # The older ones do not know these, and say so.
    assert answer.results[0].categories.illicit is (None if model.startswith("text-") else False)


def test_what_is_said_beyond_the_api(client: openai.OpenAI) -> None:
    """
    If the guidelines have a word that the API has no category for, then the text is flagged all the same and the word stands beside it.
    """
    spam, rude = client.moderations.create(
        input=[
            "Buy cheap watches now at https://watches.example/sale, best prices, free shipping!!!",
            ABUSIVE,
        ]
    ).results
    assert spam.flagged
    assert not any(spam.categories.to_dict().values())
    told = spam.to_dict()["meydan"]
    assert isinstance(told, dict)
    assert told["verdict"] in ("hold", "reject")
    assert told["language"] == "en"
    assert rude.to_dict()["meydan"] == {
        "verdict": "reject",
        "rules": ["personal-attacks"],
        "holds": [],
        "language": "en",
    }


def test_many_texts_are_judged_each_by_itself(client: openai.OpenAI) -> None:
    """
    If several texts come at once, then the results stand in their order and are those of each alone, to the last digit.
    """
    texts = [COURTEOUS, ABUSIVE, UNMEASURED, COURTEOUS[:40], "Ez ê te bikujim, bisekine heta êvarê."]
    together = [result.to_dict() for result in client.moderations.create(input=texts).results]
    alone = [client.moderations.create(input=[text]).results[0].to_dict() for text in texts]
    assert together == alone
    assert len(client.moderations.create(input=["Fine."] * door.MOST_TEXTS).results) == door.MOST_TEXTS


def test_parts_are_one_text(client: openai.OpenAI) -> None:
    """
    If a text comes in parts, then there is one result for all of them; what is vile in one of them counts.
    """
    parts: Any = [{"type": "text", "text": COURTEOUS}, {"type": "text", "text": ABUSIVE}]
    [result] = client.moderations.create(input=parts).results
    assert result.flagged
    assert result.categories.harassment


def test_what_is_not_measured_is_never_clean(client: openai.OpenAI) -> None:
    """
    If a text is in a language that nothing was measured in, then it is flagged, in no category, and no category was applied.
    """
    [result] = client.moderations.create(input=UNMEASURED).results
    assert result.flagged
    assert not any(result.categories.to_dict().values())
    assert applied_in(result) == set()
    told = result.to_dict()["meydan"]
    assert isinstance(told, dict)
    assert "language-not-measured" in told["holds"]


class _Ruled:
    """What the door asks of a desk, by the shipped guidelines and calibration."""

    guidelines = load(ROOT / "src/meydan/policy/default.toml")

    def doubted(self, evidence: Evidence) -> frozenset[str]:
        return doubted_in(evidence, self.guidelines, calibrations=shipped())


LEVELS = st.sampled_from([None, 0.0, 0.05, 0.25, 0.3, 0.9, 0.95, 1.0])


@given(
    st.fixed_dictionaries(dict.fromkeys(RULE_LABELS, LEVELS)),
    st.sampled_from(["en", "tr", "fa", "und"]),
    st.sampled_from([(), (Finding("x", "seen", hold=Hold.OBFUSCATED),)]),
    st.booleans(),
)
def test_nothing_is_made_up(
    scores: Mapping[str, float | None], language: str, findings: tuple[Finding, ...], older: bool
) -> None:
    """
    If any score is high, low or missing, then a category says what its labels say or that it was not applied, and whatever the machine would not approve is flagged.
    """
    desk: Any = _Ruled()
    evidence = Evidence(language=language, scores=scores, findings=findings)
    decision = decide(evidence, desk.guidelines)
    told = result_of(Assessed(evidence, (), (), decision), desk, older=older)
    lost = any(score is None for score in scores.values())
    high = any(score is not None and score >= 0.3 for score in scores.values())
    assert told["flagged"] or not (lost or high or findings or language in ("fa", "und"))
    for category, labels in CATEGORIES.items():
        known = [score for label in labels if (score := scores[label]) is not None]
        score, applied = told["category_scores"][category], told["category_applied_input_types"][category]
        assert score == max(known, default=0.0)
        assert applied == (["text"] if labels and len(known) == len(labels) else [])
        assert told["categories"][category] in ((True, False) if labels else (False, None))
        if told["categories"][category]:
            assert told["flagged"]
        if score >= 0.3:
            assert told["categories"][category]


def test_the_table_is_the_documents() -> None:
    """
    If docs/openai.md says which labels measure a category, then it is what the door does.
    """
    page = (ROOT / "docs/openai.md").read_text()
    table = {
        category: tuple(re.findall(r"`(\w+)`", labels))
        for category, labels in re.findall(r"^\| `([a-z/-]+)` \| ([^|]*)\|", page, re.M)
        if category in CATEGORIES
    }
    assert table == CATEGORIES
    assert all(f"`{model}`" in page for model in MODELS)


# -- what is refused ----------------------------------------------------------------


def error_in(error: openai.APIStatusError) -> dict[str, Any]:
    assert isinstance(error.body, dict)
    assert error.body.keys() == {"message", "type", "param", "code"}
    return dict(error.body)


def test_a_wrong_key_is_an_authentication_error(room: Newsroom, caplog: pytest.LogCaptureFixture) -> None:
    """
    If a key is unknown, revoked or missing, then the client raises its AuthenticationError; the key is in no answer and in no log.
    """
    caplog.set_level(logging.DEBUG)
    revoked = room.meydan.staff.add_token("openai-revoked", ["judge"])
    room.meydan.staff.revoke_token("openai-revoked")
    for secret in ("sk-proj-made-up-by-somebody", revoked, "x"):
        with (
            openai.OpenAI(base_url=f"{room.url}/v1", api_key=secret, max_retries=0) as stranger,
            pytest.raises(openai.AuthenticationError) as refused,
        ):
            stranger.moderations.create(input=COURTEOUS)
        told = error_in(refused.value)
        assert (refused.value.status_code, told["type"], told["code"]) == (
            401,
            "invalid_request_error",
            "invalid_api_key",
        )
        assert secret not in json.dumps(told) or secret == "x"
        assert secret not in caplog.text or secret == "x"
    assert httpx.post(f"{room.url}{PATH}", json={"input": "x"}).status_code == 401


def test_a_key_for_something_else_is_a_permission_error(room: Newsroom) -> None:
    """
    If a token has not the scope `judge`, then the client raises its PermissionDeniedError.
    """
    secret = room.meydan.staff.add_token("openai-stories", ["stories"])
    with (
        openai.OpenAI(base_url=f"{room.url}/v1", api_key=secret, max_retries=0) as other,
        pytest.raises(openai.PermissionDeniedError) as refused,
    ):
        other.moderations.create(input=COURTEOUS)
    assert error_in(refused.value)["code"] == "insufficient_permissions"


IMAGE = {"type": "image_url", "image_url": {"url": "https://pictures.example/a.png"}}
BAD: list[tuple[Any, str | None, str | None]] = [
    # what is sent                                     param         code
    ({}, "input", "missing_required_parameter"),
    ({"input": None}, "input", "missing_required_parameter"),
    ({"input": ""}, "input", None),
    ({"input": " \u200b\n"}, "input", None),
    ({"input": []}, "input", None),
    ({"input": 5}, "input", None),
    ({"input": {"type": "text", "text": "x"}}, "input", None),
    ({"input": ["x", ""]}, "input[1]", None),
    ({"input": ["x", 5]}, "input[1]", None),
    ({"input": ["x", {"type": "text", "text": "x"}]}, "input[1]", None),
    ({"input": [5]}, "input[0]", None),
    ({"input": ["x"] * 33}, "input", None),
    ({"input": "x" * 5001}, "input", "string_above_max_length"),
    ({"input": ["x", "x" * 5001]}, "input[1]", "string_above_max_length"),
    ({"input": "a null \x00 byte"}, "input", None),
    ({"input": ["x", "half \ud800 of one"]}, "input[1]", None),
    ({"input": [IMAGE]}, "input[0]", "unsupported_value"),
    ({"input": [{"type": "text", "text": "x"}, IMAGE]}, "input[1]", "unsupported_value"),
    ({"input": [{"type": "audio"}]}, "input[0]", None),
    ({"input": [{"type": "text"}]}, "input[0]", None),
    ({"input": [{"type": "text", "text": 5}]}, "input[0]", None),
    ({"input": [["x"]]}, "input[0]", None),
    ({"input": "x", "model": 5}, "model", None),
    ([], None, None),
    ("x", None, None),
    (None, None, None),
]


@pytest.mark.parametrize(("sent", "param", "code"), BAD, ids=range(len(BAD)))
def test_a_bad_request_says_what_is_wrong(
    raw: httpx.Client, sent: Any, param: str | None, code: str | None
) -> None:
    """
    If a request is not one, or asks for what is not judged here, then it is a 400 in the API's form that names the place.
    """
    answer = raw.post(PATH, content=json.dumps(sent).encode(), headers={"content-type": "application/json"})
    assert answer.status_code == 400, answer.text
    told = answer.json()["error"]
    assert told.keys() == {"message", "type", "param", "code"}
    assert (told["type"], told["param"], told["code"]) == ("invalid_request_error", param, code)
    assert len(told["message"]) > 20
    assert answer.headers["x-meydan-code"]


def test_the_client_raises_what_it_raises_for_openai(client: openai.OpenAI) -> None:
    """
    If an image or an unknown model is asked for, then the client raises its BadRequestError and its NotFoundError.
    """
    image: Any = [{"type": "text", "text": COURTEOUS}, IMAGE]
    with pytest.raises(openai.BadRequestError) as bad:
        client.moderations.create(input=image)
    assert error_in(bad.value)["param"] == "input[1]"
    with pytest.raises(openai.NotFoundError) as unknown:
        client.moderations.create(input=COURTEOUS, model="gpt-7-moderation")
    assert error_in(unknown.value)["code"] == "model_not_found"
    assert error_in(unknown.value)["param"] == "model"
    with pytest.raises(openai.NotFoundError) as nothing:
        client.models.list()
    assert error_in(nothing.value)["code"] == "unknown_url"


def test_what_is_no_json_or_too_large_is_refused_in_the_same_form(raw: httpx.Client) -> None:
    """
    If a body is not JSON, or larger than the door takes, or comes by another method, then that is told in the API's form too.
    """
    kind = {"content-type": "application/json"}
    for body in (b"", b"{", b"\xff", b'{"input": NaN}', b"[" * 100_000):
        answer = raw.post(PATH, content=body, headers=kind)
        assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")
    assert (
        raw.post(PATH, content=b'{"input": "x"}', headers={"content-type": "text/plain"}).status_code == 400
    )
    large = raw.post(PATH, content=b'{"input": "' + b"x" * 1_100_000 + b'"}', headers=kind)
    assert (large.status_code, large.json()["error"]["type"]) == (413, "invalid_request_error")
    for method in ("GET", "PUT", "DELETE"):
        other = raw.request(method, PATH)
        assert (other.status_code, other.headers["allow"], other.json()["error"]["param"]) == (
            405,
            "POST",
            None,
        )


def test_too_much_is_a_rate_limit_error(tmp_path: Path) -> None:
    """
    If a token asks more often than it may, then the client raises its RateLimitError with the seconds to wait, and waits them by itself when it is told to retry.
    """
    with newsroom(tmp_path, judged_per_minute=60, **UNHURRIED) as slow:
        secret = slow.meydan.staff.add_token("eager", ["judge"])
        with openai.OpenAI(base_url=f"{slow.url}/v1", api_key=secret, max_retries=0) as eager:
            with pytest.raises(openai.RateLimitError) as refused:
                all(eager.moderations.create(input=COURTEOUS[:20]) for _ in range(200))
            assert int(refused.value.response.headers["retry-after"]) >= 1
            assert error_in(refused.value)["code"] == "rate_limit_exceeded"
            assert eager.with_options(max_retries=3).moderations.create(input=COURTEOUS).results


def test_a_busy_judge_is_told_as_such(
    room: Newsroom, client: openai.OpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    If no turn at the judge comes in time, or more is under way than the server answers, then the client is told to come again.
    """
    monkeypatch.setattr(door, "PATIENCE_S", 0.1)
    turns = room.meydan.desk._turns
    taken = [turns._take(1) for _ in range(turns.at_once)]
    try:
        with pytest.raises(openai.InternalServerError) as busy:
            client.moderations.create(input=[COURTEOUS, ABUSIVE])
    finally:
        for _ in taken:
            turns._end()
    assert (busy.value.status_code, error_in(busy.value)["code"]) == (503, "overloaded")
    assert int(busy.value.response.headers["retry-after"]) >= 1
    monkeypatch.setattr(front, "MOST_AT_ONCE", 0)
    with pytest.raises(openai.InternalServerError) as full:
        client.moderations.create(input=COURTEOUS)
    assert error_in(full.value)["code"] == "overloaded"


def test_a_fault_of_ours_says_nothing_of_it(
    room: Newsroom, client: openai.OpenAI, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """
    If the judge breaks, then the client is told that it is our fault, in no more words, and the log holds none of the text's.
    """

    def broken(text: str, **_: Any) -> Any:
        raise RuntimeError(text)

    monkeypatch.setattr(room.meydan.desk, "assess", broken)
    with pytest.raises(openai.InternalServerError) as fault:
        client.moderations.create(input=COURTEOUS)
    assert fault.value.status_code == 500
    assert "careful" not in json.dumps(error_in(fault.value)) + "".join(capfd.readouterr())


def test_a_database_that_is_away_is_the_operators_to_know(
    room: Newsroom, client: openai.OpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    If the database does not answer, then the client is told to come again, the log says why, and only the log.
    """

    def away(secret: str, scope: str) -> str:
        raise errors.StoreUnavailable("The database could not do it (OperationalError, SQLITE_IOERR).")

    monkeypatch.setattr(room.meydan.staff, "bearer", away)
    with capture_logs() as logged, pytest.raises(openai.InternalServerError) as fault:
        client.moderations.create(input=COURTEOUS)
    assert (fault.value.status_code, error_in(fault.value)["code"]) == (503, "overloaded")
    assert "SQLITE" not in json.dumps(error_in(fault.value))
    assert [line["code"] for line in logged if line["event"] == "unavailable"] == ["U201"]
    assert any("SQLITE_IOERR" in str(line.get("cause")) for line in logged)


# -- many at once -----------------------------------------------------------------


def test_the_async_client_asks_many_at_once(room: Newsroom, key: str) -> None:
    """
    If the asynchronous client asks a dozen times at once, then each gets its own answer, errors included, and readers are answered meanwhile.
    """

    async def ask() -> list[Any]:
        async with (
            openai.AsyncOpenAI(base_url=f"{room.url}/v1", api_key=key, max_retries=0) as client,
            httpx.AsyncClient() as reader,
        ):
            texts = [ABUSIVE, COURTEOUS, ""] * 4
            asked = [client.moderations.create(input=text) for text in texts]
            alive = reader.get(f"{room.url}/healthz")
            return list(await asyncio.gather(alive, *asked, return_exceptions=True))

    alive, *answers = asyncio.run(ask())
    assert alive.status_code == 200
    for i, answer in enumerate(answers):
        if i % 3 == 2:
            assert isinstance(answer, openai.BadRequestError)
        else:
            assert answer.results[0].flagged is (i % 3 == 0)


def test_nothing_that_is_asked_is_kept(room: Newsroom, client: openai.OpenAI) -> None:
    """
    If texts are moderated, then no comment comes of it.
    """
    client.moderations.create(input=[ABUSIVE, UNMEASURED])
    assert room.meydan.desk.held_count() == 0


PIECES = st.sampled_from([None, True, 5, "", "x", "input", "image_url", "\x00", MODELS[0]])
SOME = PIECES | st.lists(
    PIECES | st.dictionaries(st.sampled_from(["type", "text"]), PIECES, max_size=2), max_size=3
)
BODIES = st.dictionaries(st.sampled_from(["input", "model", "user"]), SOME, max_size=3) | SOME


@given(st.binary(max_size=50) | BODIES.map(lambda value: json.dumps(value).encode()))
@settings(max_examples=200, deadline=None)
def test_any_body_is_read_or_refused(body: bytes) -> None:
    """
    If a body is anything at all, then it is read as texts or refused in words, and never a fault of ours.
    """
    asked, refusal = None, None
    try:
        asked = read(body, longest=100)
    except Exception as error:  # noqa: BLE001
        refusal = error
    if asked is not None:
        assert asked.texts
        assert asked.model in MODELS
    else:
        assert refusal is not None
        status, told = door.problem_of(refusal)
        assert 400 <= status < 500, refusal
        assert told["error"]["message"]
