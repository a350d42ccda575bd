"""The API does what its description says, asked at random."""

from __future__ import annotations

from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks

from meydan.comment import Submission
from meydan.desk import Visitor
from tests.newsroom import newsroom
from tests.web.conftest import UNHURRIED, Reader, Server

load_all_checks()
# What the framework reads leniently in an address ("+1" for 1) is not a fault, so that
# checks of what is refused stay out; test_api.py names what has to be refused.
CHECKED = CHECKS.get_by_names(
    [
        "not_a_server_error",
        "status_code_conformance",
        "content_type_conformance",
        "response_schema_conformance",
        "unsupported_method",
        "allow_header_conformance",
    ]
)
EXAMPLES = settings(
    max_examples=25,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
    database=None,
)
OPERATIONS = (
    "submit",
    "read",
    "receipts",
    "nudge",
    "report",
    "follow",
    "count",
    "judge",
    "register",
    "pick",
    "held",
    "decide",
    "proof",
    "health",
    "ready",
)


def test_every_operation_is_described(reader: Reader) -> None:
    """If the API has an operation, then its description is at /api/openapi.json, with errors in their one form."""
    described = reader.client.get("/api/openapi.json").json()
    operations = {
        operation["operationId"]: operation
        for path in described["paths"].values()
        for operation in path.values()
    }
    assert set(operations) == set(OPERATIONS)
    problem = {"$ref": "#/components/schemas/Problem"}
    for operation in operations.values():
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                assert [content["schema"] for content in response["content"].values()] == [problem]
    assert set(described["components"]["schemas"]["Sent"]["required"]) == {"story", "name", "text"}
    submit = operations["submit"]
    refused = {"400", "401", "403", "404", "409", "413", "422", "428", "429", "503"}
    assert {"201", *refused} == set(submit["responses"])
    assert [(given["name"], given["in"], given["required"]) for given in submit["parameters"]] == [
        ("Idempotency-Key", "header", False)
    ]
    assert set(described["components"]["schemas"]["Problem"]["required"]) == {"code", "message"}
    assert submit["security"] == [{}, {"account": []}]
    for operation in operations.values():
        if "requestBody" in operation:
            (body,) = operation["requestBody"]["content"].values()
            name = body["schema"]["$ref"].rsplit("/", 1)[-1]
            schema = described["components"]["schemas"][name]
            assert set(schema["required"]) <= set(schema["example"]) <= set(schema["properties"])


def test_every_method_of_an_address_is_named(reader: Reader) -> None:
    """If an address is asked which methods it takes, then every one is named that the description has."""
    described = reader.client.get("/api/openapi.json").json()
    for path, operations in described["paths"].items():
        answer = reader.client.options(path.replace("{comment_id}", "a"))
        assert answer.status_code == 204
        assert set(answer.headers["allow"].lower().split(", ")) >= set(operations), path


ASKED = [
    (operation, mode)
    for operation in OPERATIONS
    for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    # These take nothing that could be wrong.
    if operation not in ("health", "ready", "proof") or mode is not GenerationMode.NEGATIVE
]


@pytest.mark.parametrize(("operation", "mode"), ASKED)
def test_the_api_answers_as_described(server: Server, operation: str, mode: GenerationMode) -> None:
    """If an operation is called at random, rightly or wrongly, then status, type and body are as described, and never a 5xx."""
    schema = schemathesis.openapi.from_url(f"{server.url}/api/openapi.json")
    described = schema.find_operation_by_id(operation)
    # A reader who shows the newsroom's token is believed to be nobody, and got no further.
    ours = "newsroom" in described.tags
    headers = {"authorization": f"Bearer {server.token}"} if ours else {}

    @EXAMPLES
    @given(case=described.as_strategy(generation_mode=mode))
    def ask(case: schemathesis.Case) -> None:
        case.call_and_validate(headers=headers, checks=CHECKED)

    ask()


def test_in_a_flood_the_api_answers_as_described(tmp_path: Path) -> None:
    """If there is a flood, and then too much from one address, then each refusal is as described too, challenge included."""
    seen: set[int] = set()
    with newsroom(tmp_path, **UNHURRIED | {"submissions_per_minute": 40, "submission_burst": 15}) as room:
        for _ in range(10):
            room.meydan.desk.receive(
                Submission(room.story, "Nada", "A comment of a calm minute."),
                Visitor(room.meydan.address_key("127.0.0.1"), own=(room.url,)),
            )
        schema = schemathesis.openapi.from_url(f"{room.url}/api/openapi.json")
        described = schema.find_operation_by_id("submit")

        @EXAMPLES
        @given(case=described.as_strategy(generation_mode=GenerationMode.POSITIVE), proof=st.text(max_size=9))
        def ask(case: schemathesis.Case, proof: str) -> None:
            body = {"story": {"url": room.story}, "name": "Nada", "text": "Once more.", "proof": proof}
            if isinstance(case.body, dict):
                case.body = body
            seen.add(case.call_and_validate(checks=CHECKED).status_code)

        ask()
    assert {428, 429} <= seen
