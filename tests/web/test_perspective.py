"""The Perspective API's own clients, unchanged but for the address, against a server of ours; and what it refuses."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import json
import os
import re
import secrets
import socket
import sqlite3
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import PyPerspective.Perspective
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from googleapiclient.discovery import build as build_client
from googleapiclient.discovery import build_from_document
from googleapiclient.errors import HttpError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import perspective
from meydan.comment import RULE_LABELS, WELCOME_LABELS
from meydan.judge import Judge
from meydan.judge.relevance import Measure, Relevance
from meydan.settings import Settings
from meydan.web.discovery import MESSAGES
from meydan.web.perspective import ATTRIBUTES, LARGEST_BODY, LONGEST_COMMENT, _sentences
from meydan.wiring import build_staff
from tests import npm
from tests.newsroom import Newsroom, newsroom
from tests.proportion import in_proportion
from tests.serving import Served

ROOT = Path(__file__).parent.parent.parent
ATTACK = "You are a complete idiot and everybody knows it."
KIND = "Thank you for the careful report about the new bridge, I learned a lot."
ARABIC = "أنت غبي جدا ولا تفهم شيئا في هذا الموضوع"
GERMAN = "Das ist ein sehr schöner Tag heute, und ich freue mich sehr darüber."
RARE = "Zwibbelquast the bridge is wonderful and I walked over it with my mother."
HOST = "commentanalyzer.googleapis.com"
ERROR = "type.googleapis.com/google.commentanalyzer.v1alpha1.Error"


@dataclass
class Door:
    """A server, and the keys it was given."""

    served: Served
    key: str
    other: str

    @property
    def url(self) -> str:
        return f"{self.served.url}/v1alpha1/comments:analyze"

    def post(self, body: Any, verb: str = "analyze", **query: str) -> httpx.Response:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return httpx.post(
            f"{self.served.url}/v1alpha1/comments:{verb}",
            params={"key": self.key, **query},
            content=data,
            timeout=60,
        )

    def analyze(self, text: str, *attributes: str, **more: Any) -> httpx.Response:
        asked = {"comment": {"text": text}, "requestedAttributes": {name: {} for name in attributes}, **more}
        return self.post(asked)


@pytest.fixture(scope="module")
def door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    data = tmp_path_factory.mktemp("perspective")
    staff, store = build_staff(Settings(data=data))
    key, other = staff.add_token("old plug-in", ["judge"]), staff.add_token("site", ["stories"])
    store.close()
    served = Served(data)
    served.start(timeout_s=400)
    try:
        yield Door(served, key, other)
    finally:
        served.stop()


def refused(answer: httpx.Response, status: int = 400) -> dict[str, Any]:
    """The error of an answer, which has the shape that the API's clients read."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json; charset=UTF-8"
    error: dict[str, Any] = answer.json()["error"]
    assert answer.json().keys() == {"error"}
    assert error["code"] == status
    assert isinstance(error["message"], str)
    assert re.fullmatch(r"[A-Z_]+", error["status"])
    return error


# -- the clients ---------------------------------------------------------------


def test_the_google_client_works_by_discovery(door: Door) -> None:
    """If Google's client is given our discovery address, then it analyzes and suggests, and tells an error by its message."""
    where = f"{door.served.url}/$discovery/rest?version=v1alpha1"
    client = build_client(
        "commentanalyzer",
        "v1alpha1",
        developerKey=door.key,
        discoveryServiceUrl=where,
        static_discovery=False,
    )
    asked: dict[str, Any] = {
        "comment": {"text": ATTACK},
        "requestedAttributes": {"TOXICITY": {}, "THREAT": {}},
        "clientToken": "c-1",
    }
    answer = client.comments().analyze(body=asked).execute()
    assert answer["attributeScores"]["TOXICITY"]["summaryScore"]["value"] > 0.8
    assert answer["attributeScores"]["THREAT"]["summaryScore"]["value"] < 0.3
    assert (answer["languages"], answer["detectedLanguages"], answer["clientToken"]) == (
        ["en"],
        ["en"],
        "c-1",
    )
    found = {"TOXICITY": {"summaryScore": {"value": 1.0}}}
    suggested = client.comments().suggestscore(
        body={
            "comment": {"text": ATTACK},
            "attributeScores": found,
            "languages": ["en"],
            "clientToken": "c-2",
        }
    )
    assert suggested.execute() == {
        "requestedLanguages": ["en"], "detectedLanguages": ["en"], "clientToken": "c-2"
    }  # fmt: skip
    with pytest.raises(HttpError, match="Comment must be non-empty") as wrong:
        client.comments().analyze(body={**asked, "comment": {"text": ""}}).execute()
    assert 'returned "Comment must be non-empty.". Details: "[' in str(wrong.value)


def test_the_google_client_works_by_a_kept_document(door: Door) -> None:
    """If Google's client has the document already and is told the address, then it works, and asks for parts of an answer."""
    document = httpx.get(f"{door.served.url}/$discovery/rest").json()
    assert document["rootUrl"] == f"{door.served.url}/"
    client = build_from_document(
        {**document, "rootUrl": "https://elsewhere.example/"},
        developerKey=door.key,
        client_options={"api_endpoint": door.served.url},
    )
    asked = {"comment": {"text": KIND}, "requestedAttributes": {"INSULT": {}}}
    answer = (
        client.comments().analyze(body=asked, fields="attributeScores/INSULT/summaryScore/value").execute()
    )
    assert list(answer) == ["attributeScores"]
    assert list(answer["attributeScores"]["INSULT"]) == ["summaryScore"]
    assert list(answer["attributeScores"]["INSULT"]["summaryScore"]) == ["value"]


def test_the_package_perspective_works(door: Door) -> None:
    """If the package perspective has our address, then it scores, takes every field, and suggests."""
    client = perspective.PerspectiveAPI(door.key)
    client.api_client.url = f"{door.served.url}/v1alpha1/{{endpoint}}"
    assert client.score(ATTACK, tests=["TOXICITY", "INSULT"])["INSULT"] > 0.8
    answer = client.analyze_comment(
        f"{KIND} {ATTACK}",
        comment_type="PLAIN_TEXT",
        context=[{"text": "A bridge opens", "type": "PLAIN_TEXT"}],
        requested_attributes={"TOXICITY": {"scoreType": "PROBABILITY", "scoreThreshold": 0.01}},
        span_annotations=True,
        languages=["en"],
        do_not_store=True,
        client_token="c-3",
        session_id="7",
        community_id="news.example/bridge",
    )
    spans = answer["attributeScores"]["TOXICITY"]["spanScores"]
    assert [(0, len(KIND) + 1 + len(ATTACK)), (len(KIND) + 1, len(KIND) + 1 + len(ATTACK))] == [
        (span["begin"], span["end"]) for span in spans if span["score"]["value"] > 0.5
    ]
    assert client.suggest_score(ATTACK, {"INSULT": {"summaryScore": {"value": 1.0, "type": "PROBABILITY"}}})


def test_the_package_pyperspective_works(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """If PyPerspective has our address, then a wrong key is told at once, and scores, spans and errors are what it reads."""
    monkeypatch.setattr(PyPerspective.Perspective, "base_url", door.url)
    with pytest.raises(PyPerspective.Perspective.InvalidAuthKey):
        PyPerspective.Perspective.Perspective("no-key-of-ours")
    client = PyPerspective.Perspective.Perspective(door.key)
    comment = client.get_score(ATTACK, tests=["TOXICITY", "PROFANITY"], langs="en")
    assert comment["TOXICITY"].score > 0.8
    assert comment["TOXICITY"].score_type == "PROBABILITY"
    assert str(comment["TOXICITY"][0]) == ATTACK
    assert (comment.requests_langs, comment.detected_langs) == (["en"], ["en"])
    # This client's own exception for an error cannot be made, whatever the error is.
    with pytest.raises(
        (PyPerspective.Perspective.ApiException, TypeError), match=r"ApiException|must be non-empty"
    ):
        client.get_score(" ")


@contextlib.contextmanager
def in_front(port: int, folder: Path) -> Iterator[int]:
    """The server as clients see it that know only its old name: a port that speaks TLS under a certificate for that."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName(HOST), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "own.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "own.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "own.pem", folder / "own.key")
    listening = socket.create_server(("127.0.0.1", 0))

    def pass_on(a: socket.socket, b: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := a.recv(65536):
                b.sendall(data)
        for one in (a, b):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                plain, _ = listening.accept()
                with contextlib.suppress(ssl.SSLError):
                    outer = context.wrap_socket(plain, server_side=True)
                    inner = socket.create_connection(("127.0.0.1", port))
                    for pair in ((outer, inner), (inner, outer)):
                        threading.Thread(target=pass_on, args=pair, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.close()


def test_the_npm_client_works(door: Door, tmp_path: Path) -> None:
    """If the npm client, which knows only the old host, is led here, then it analyzes, and tells an error by its message."""
    folder = npm.installed()
    (tmp_path / "hook.js").write_text(
        """
        const tls = require('tls'), connect = tls.connect;
        tls.connect = function (options, ...more) {
          return connect.call(this, {...options, host: '127.0.0.1', port: +process.env.PORT,
                                     servername: options.servername || options.host}, ...more);
        };
        """
    )
    (tmp_path / "ask.js").write_text(
        """
        const Perspective = require(process.env.CLIENT);
        const client = new Perspective({apiKey: process.env.KEY});
        (async () => {
          const told = await client.analyze(process.env.TEXT, {attributes: ['toxicity', 'SPAM']});
          const spans = await client.analyze({comment: {text: '😀 ' + process.env.TEXT}, requestedAttributes: {INSULT: {}},
                                              languages: ['en']});
          const fails = {};
          const wrong = new Perspective({apiKey: 'no-key-of-ours'});
          await wrong.analyze('x').catch(error => { fails.key = error.message; fails.status = error.response.status; });
          await client.analyze('', {validate: false}).catch(error => { fails.empty = error.message; });
          console.log(JSON.stringify({told, spans, fails}));
        })();
        """
    )
    with in_front(door.served.port, tmp_path) as port:
        ran = subprocess.run(
            [npm.TOOLS / "node", "-r", tmp_path / "hook.js", tmp_path / "ask.js"],
            env={
                **os.environ,
                "NODE_EXTRA_CA_CERTS": str(tmp_path / "own.pem"),
                "PORT": str(port),
                "CLIENT": str(folder / "perspective-api-client"),
                "KEY": door.key,
                "TEXT": ATTACK,
            },
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert ran.returncode == 0, ran.stderr
    answer = json.loads(ran.stdout)
    assert answer["told"]["attributeScores"]["TOXICITY"]["summaryScore"]["value"] > 0.8
    assert answer["told"]["attributeScores"]["SPAM"]["summaryScore"]["value"] < 0.3
    (span,) = answer["spans"]["attributeScores"]["INSULT"]["spanScores"]
    assert (span["begin"], span["end"]) == (0, len(ATTACK) + 3)
    assert answer["fails"] == {
        "key": "API key not valid. Please pass a valid API key.", "status": 400, "empty": "Comment must be non-empty."
    }  # fmt: skip


# -- what is asked, and what is answered ---------------------------------------


def test_coral_says_english_of_every_language(door: Door) -> None:
    """If a client says English of Arabic words, then its claim is given back, and the words are scored as Arabic."""
    answer = door.analyze(ARABIC, "INSULT", languages=["en"], doNotStore=True).json()
    assert (answer["languages"], answer["detectedLanguages"]) == (["en"], ["ar"])
    assert answer["attributeScores"]["INSULT"]["summaryScore"]["value"] > 0.8
    assert door.analyze(ARABIC, "INSULT").json()["languages"] == ["ar"]


def test_spans_are_counted_in_utf_16(door: Door) -> None:
    """If a text holds characters that take two units, then each span holds exactly its sentence by that count."""
    text = f"😀 What a day 🌉.  {ATTACK}\n{KIND}"
    units = text.encode("utf-16-le")
    scored = door.analyze(text, "TOXICITY", spanAnnotations=True).json()["attributeScores"]["TOXICITY"]
    said = [
        (units[2 * span["begin"] : 2 * span["end"]].decode("utf-16-le"), span["score"]["value"])
        for span in scored["spanScores"]
    ]
    assert [part for part, _ in said] == [text, "😀 What a day 🌉.", ATTACK, KIND]
    assert said[2][1] > 0.8
    assert said[3][1] < 0.3
    # Only the attribute of which a sentence alone has anything to say has spans of sentences.
    whole = door.analyze(text, "LIKELY_TO_REJECT", spanAnnotations=True).json()["attributeScores"]
    assert len(whole["LIKELY_TO_REJECT"]["spanScores"]) == 1


def test_there_are_as_many_spans_as_can_be_judged(door: Door) -> None:
    """If a text has hundreds of sentences, then neighbours are scored together, and nothing is left out."""
    text = " ".join(f"The bridge has {number} lamps!" for number in range(300))
    scored = door.analyze(text, "INSULT", languages=["en"], spanAnnotations=True).json()["attributeScores"][
        "INSULT"
    ]
    _, *parts = scored["spanScores"]
    assert 2 <= len(parts) <= 50
    assert parts[0]["begin"] == 0
    assert parts[-1]["end"] == len(text)


@pytest.mark.parametrize("gap", [" ", "\t", "\n", " \n", "\u2003", ". ", ".\n "])
def test_looking_for_sentences_takes_time_in_proportion(gap: str) -> None:
    """
    If a comment is the longest that is read and hardly more than gaps, then its sentences are found in proportion.
    """

    def made(size: int) -> str:
        return f"One here{gap * ((size - 40) // len(gap))}another there. And a last"

    longest = made(LONGEST_COMMENT)
    found = _sentences(longest)
    assert (found[0][0], found[-1][1]) == (0, len(longest))
    assert in_proportion(_sentences, made, LONGEST_COMMENT)


def test_very_many_claimed_languages_keep_nobody(door: Door) -> None:
    """
    If a request claims as many languages as a body holds, of every attribute, then it is answered like any other.
    """
    claimed = ["en"] * 400_000
    asked = {
        "comment": {"text": KIND},
        "requestedAttributes": {name: {} for name in ATTRIBUTES},
        "languages": claimed,
        "dropUnsupportedAttributes": True,
    }
    body = json.dumps(asked, separators=(",", ":")).encode()
    assert len(body) < LARGEST_BODY
    began = time.perf_counter()
    answer = door.post(body, fields="detectedLanguages")
    assert answer.status_code == 200, answer.text
    # Going through the claims for every attribute would take minutes.
    assert time.perf_counter() - began < 15.0


def test_a_threshold_leaves_lower_scores_out(door: Door) -> None:
    """If a score is below the threshold, then it is left out, and one above it is given."""
    asked = {
        "TOXICITY": {"scoreThreshold": 0.5},
        "THREAT": {"scoreThreshold": 0.5},
        "INSULT": {"scoreThreshold": 0},
    }
    scores = door.post({"comment": {"text": ATTACK}, "requestedAttributes": asked}).json()["attributeScores"]
    assert scores["THREAT"] == {}
    assert scores["TOXICITY"]["summaryScore"]["value"] > 0.5
    assert "summaryScore" in scores["INSULT"]


def test_names_may_stand_without_quotes_and_in_snake_case(door: Door) -> None:
    """If a body is written as the API's own examples are, then it is read like strict JSON."""
    loose = b"""{comment: {text: 'It\\'s a "fine" bridge, honestly.', type: "PLAIN_TEXT",},
                 requested_attributes: {TOXICITY: {score_type: 'PROBABILITY'}}, languages: ["en"], client_token: 'c'}"""
    strict = {
        "comment": {"text": 'It\'s a "fine" bridge, honestly.', "type": "PLAIN_TEXT"},
        "requestedAttributes": {"TOXICITY": {}}, "languages": ["en"], "clientToken": "c",
    }  # fmt: skip
    assert door.post(loose).json() == door.post(strict).json()


def test_unsupported_attributes_can_be_dropped(door: Door) -> None:
    """If a client asks so, then attributes that cannot be scored are left out instead of refused."""
    answer = door.analyze(
        KIND, "TOXICITY", "NUANCE_EXPERIMENTAL", "OFF_TOPIC", dropUnsupportedAttributes=True
    ).json()
    assert list(answer["attributeScores"]) == ["TOXICITY"]
    assert door.analyze(GERMAN, "TOXICITY", dropUnsupportedAttributes=True).json() == {
        "attributeScores": {}, "languages": ["de"], "detectedLanguages": ["de"]
    }  # fmt: skip


def test_a_long_comment_is_read_to_its_end(door: Door) -> None:
    """If an attack stands at the very end of the longest comment that is taken, then it is found."""
    filling = "The bridge is nice and it is open today. "
    text = (filling * (LONGEST_COMMENT // len(filling)))[: LONGEST_COMMENT - len(ATTACK) - 1] + " " + ATTACK
    assert len(text.encode()) == LONGEST_COMMENT
    scores = door.analyze(text, "INSULT").json()["attributeScores"]
    assert scores["INSULT"]["summaryScore"]["value"] > 0.5


def test_corals_verdicts_are_kept_as_the_last_word(door: Door) -> None:
    """If Coral sends what its moderators decided of a comment, and decided anew, then the last verdict is kept, once."""
    text = "This comment stands in another house, and its moderators looked at it twice."
    sent = {
        "comment": {"text": text},
        "context": {"entries": [{"text": json.dumps({"url": "https://news.example/a", "Coral_comment_id": "c-9"})}]},
        "languages": ["en"], "communityId": "Coral:https://coral.example", "clientToken": "comment:c-9",
    }  # fmt: skip
    for value in (1, 0):
        found = {"SEVERE_TOXICITY": {"summaryScore": {"value": value}}}
        answer = door.post({**sent, "attributeScores": found}, "suggestscore")
        assert answer.json() == {
            "requestedLanguages": ["en"], "detectedLanguages": ["en"], "clientToken": "comment:c-9"
        }  # fmt: skip
    with contextlib.closing(sqlite3.connect(door.served.data / "meydan.db")) as database:
        rows = database.execute("SELECT source, labels FROM suggestion WHERE text = ?", (text,)).fetchall()
    assert rows == [("perspective:old plug-in", '{"violation":0.0}')]


@pytest.mark.parametrize(
    "scores",
    [
        {},
        {"KINDNESS": {"summaryScore": {"value": 1}}},
        {"INSULT": {"summaryScore": {"value": 1.5}}},
        {"INSULT": {"summaryScore": {"value": 1, "type": "RAW"}}},
        {"INSULT": {"spanScores": [{"begin": 0, "score": {"value": 1}}]}},
        {"INSULT": {"spanScores": [{"begin": 0, "end": 10_000, "score": {"value": 1}}]}},
    ],
)
def test_a_suggestion_that_is_none_is_refused(door: Door, scores: dict[str, Any]) -> None:
    """If a suggested score is missing, of another kind, or of a stretch that there is not, then it is an invalid request."""
    error = refused(door.post({"comment": {"text": KIND}, "attributeScores": scores}, "suggestscore"))
    assert error["details"][0]["errorType"] == "INVALID_REQUEST"


TOXICITY = {"requestedAttributes": {"TOXICITY": {}}}
REFUSED: list[tuple[Any, str, str]] = [
    (b"", "COMMENT_EMPTY", "Comment must be non-empty."),
    ({"comment": {"text": " \n"}, **TOXICITY}, "COMMENT_EMPTY", "Comment must be non-empty."),
    ({"comment": {"text": "ö" * 10_241}, **TOXICITY}, "COMMENT_TOO_LONG", "Comment text too long."),
    ({"comment": {"text": KIND}}, "NO_REQUESTED_ATTRIBUTES", "Missing requested_attributes"),
    (
        {"comment": {"text": KIND}, "requestedAttributes": {"KINDNESS": {}}},
        "INVALID_REQUEST",
        "Unknown requested attribute: KINDNESS",
    ),
    (
        {"comment": {"text": KIND}, "requestedAttributes": {"ATTACK_ON_PUBLISHER": {}}},
        "INVALID_REQUEST",
        "Unknown requested attribute: ATTACK_ON_PUBLISHER",
    ),
    (
        {"comment": {"text": KIND}, "requestedAttributes": {"TOXICITY": {"scoreType": "PERCENTILE"}}},
        "INVALID_REQUEST",
        "Requested score type PERCENTILE is not supported by attribute TOXICITY",
    ),
    (
        {"comment": {"text": KIND, "type": "HTML"}, **TOXICITY},
        "INVALID_REQUEST",
        "Currently, only 'PLAIN_TEXT' comments are supported",
    ),
    ({"comment": {"text": KIND, "type": 7}, **TOXICITY}, "INVALID_REQUEST", "Unknown text type"),
    (
        {
            "comment": {"text": KIND},
            "context": {"entries": [{"text": "a"}], "articleAndParentComment": {"article": {"text": "b"}}},
            **TOXICITY,
        },
        "INVALID_REQUEST",
        "Context can have either entries or article_and_parent_comment, but both fields were populated.",
    ),
    ({"comment": {"text": "+++ 17 ???"}, **TOXICITY}, "LANGUAGE_DETECTION_FAILED", "Unable to detect language"),
    (
        {"comment": {"text": KIND}, "requestedAttributes": {"OFF_TOPIC": {}}},
        "INVALID_REQUEST",
        "Attribute OFF_TOPIC needs context.article_and_parent_comment.article in plain text, and a comment of at "
        "least 5 words",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("body", "kind", "message"), REFUSED)
def test_each_refusal_has_the_words_that_clients_know(door: Door, body: Any, kind: str, message: str) -> None:
    """If a request is wrong, then the error has the type and the message that wrappers look for."""
    error = refused(door.post(body))
    assert (error["message"], error["status"]) == (message, "INVALID_ARGUMENT")
    assert error["details"] == [{"@type": ERROR, "errorType": kind}]


def test_a_language_that_is_not_read_is_named(door: Door) -> None:
    """If the comment, or the claim, is in a language that an attribute has no measure for, then the error names both."""
    told = refused(door.analyze(GERMAN, "SEXUALLY_EXPLICIT"))
    assert told["message"] == "Attribute SEXUALLY_EXPLICIT does not support request languages: de"
    about = told["details"][0]["languageNotSupportedByAttributeError"]
    assert about == {"detectedLanguages": ["de"], "attribute": "SEXUALLY_EXPLICIT"}
    told = refused(door.analyze(KIND, "TOXICITY", languages=["en", "om"]))
    assert told["message"] == "Attribute TOXICITY does not support request languages: om"
    assert told["details"][0]["errorType"] == "LANGUAGE_NOT_SUPPORTED_BY_ATTRIBUTE"
    about = told["details"][0]["languageNotSupportedByAttributeError"]
    assert about == {"requestedLanguages": ["en", "om"], "attribute": "TOXICITY"}


def test_keys_are_taken_where_clients_put_them(door: Door) -> None:
    """If a token with the scope judge comes in any of the places for it, then it counts; and any other is told as Google does."""
    body = {"comment": {"text": KIND}, "requestedAttributes": {"SPAM": {}}}

    def ask(query: dict[str, str] | None = None, **headers: str) -> httpx.Response:
        return httpx.post(door.url, json=body, params=query or {}, headers=headers, timeout=30)

    for query, headers in (
        ({}, {"X-Goog-Api-Key": door.key}),
        ({}, {"Authorization": f"Bearer {door.key}"}),
        ({"access_token": door.key}, {}),
        (
            {
                "oauth_token": door.key,
                "alt": "json",
                "quotaUser": "u",
                "$.xgafv": "2",
                "prettyPrint": "false",
            },
            {},
        ),
    ):
        answer = ask(query, **headers)
        assert answer.status_code == 200, answer.text
        assert answer.text.count("\n") == (1 if query.get("prettyPrint") else answer.text.count("\n"))
    wrong = refused(ask({"key": "made-up"}))
    assert (wrong["status"], wrong["message"]) == (
        "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."
    )  # fmt: skip
    assert wrong["details"][0]["reason"] == "API_KEY_INVALID"
    assert wrong["details"][0]["@type"] == "type.googleapis.com/google.rpc.ErrorInfo"
    assert refused(ask(), 403)["status"] == "PERMISSION_DENIED"
    assert refused(ask({"key": door.other}), 403)["status"] == "PERMISSION_DENIED"
    assert refused(ask(Authorization="Bearer made-up"), 401)["status"] == "UNAUTHENTICATED"


def test_what_is_not_there_is_told_in_the_same_shape(door: Door) -> None:
    """If an address, a method, a version or a form of answer is none of the API's, then the refusal is in its shape."""
    base = door.served.url
    assert refused(httpx.post(f"{base}/v1alpha1/comments:delete"), 404)["status"] == "NOT_FOUND"
    assert refused(httpx.get(f"{base}/v1alpha1/"), 404)["status"] == "NOT_FOUND"
    assert refused(httpx.get(f"{base}/$discovery/rest?version=v2"), 404)["status"] == "NOT_FOUND"
    wrong = httpx.get(door.url)
    assert (refused(wrong, 405)["code"], wrong.headers["allow"]) == (405, "POST")
    refused(httpx.post(f"{base}/$discovery/rest"), 405)
    for query in ({"callback": "alert"}, {"alt": "proto"}, {"fields": "attributeScores(", "alt": "json"}):
        refused(door.post({"comment": {"text": KIND}, **TOXICITY}, **query))
    refused(door.post(b"{" + b" " * LARGEST_BODY))
    assert httpx.head(f"{base}/$discovery/rest").status_code == 200


def test_nothing_analyzed_is_kept_and_no_key_is_logged(door: Door) -> None:
    """If texts were analyzed with keys in their addresses, then no file of the server's has the words, nor its log a key."""
    assert door.analyze(RARE, "TOXICITY", doNotStore=False, sessionId="1").status_code == 200
    refused(door.post({"comment": {"text": RARE}, "requestedAttributes": {"ZWIBBELQUAST": {}}}))
    figures = httpx.get(f"{door.served.url}/metrics").text
    assert 'door="perspective"' in figures
    lines = door.served.log.read_text()
    assert '"route":"/v1alpha1/comments:analyze"' in lines
    for file in door.served.data.rglob("*"):
        if file.is_file():
            held = file.read_bytes().lower()
            assert b"zwibbelquast" not in held, file
            assert door.key.encode().lower() not in held, file
    assert door.key not in figures
    assert "key=" not in lines


# -- bodies of every kind ------------------------------------------------------

NAMES = sorted(
    {name for fields in MESSAGES.values() for name in fields} | set(ATTRIBUTES) | {"client_token", "x"}
)
LEAVES = (
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False)
    | st.text(max_size=20) | st.sampled_from([ATTACK, "HTML", "PROBABILITY", "en", "\x00", "1e999", "{"])
)  # fmt: skip
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=4),
    max_leaves=12,
)
REQUESTS = st.fixed_dictionaries(
    {"comment": st.fixed_dictionaries({"text": st.sampled_from([KIND, "", "\x00a"])}) | VALUES},
    optional={name: VALUES for name in MESSAGES["AnalyzeCommentRequest"] if name != "comment"}
    | {"attributeScores": VALUES},
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=REQUESTS.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=200)
    | VALUES.map(lambda value: json.dumps(value).replace('"', "'").encode()),
    verb=st.sampled_from(["analyze", "suggestscore"]),
    fields=st.none() | st.text(st.sampled_from("a,/.()* "), max_size=12),
)  # fmt: skip
def test_no_body_breaks_it(door: Door, body: bytes, verb: str, fields: str | None) -> None:
    """If anything at all is sent, then the answer is one of the API's, or a refusal in its shape, and never a fault of ours."""
    answer = door.post(body, verb, **({} if fields is None else {"fields": fields}))
    if answer.status_code != 200:
        refused(answer)
    else:
        assert (
            answer.json().keys()
            <= MESSAGES[
                "AnalyzeCommentResponse" if verb == "analyze" else "SuggestCommentScoreResponse"
            ].keys()
        )


# -- in one process, where the judge can be kept busy and taught ------------------


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newsroom]:
    with newsroom(tmp_path_factory.mktemp("room"), judged_per_minute=60) as opened:
        yield opened


@pytest.fixture
def ask(room: Newsroom) -> Callable[..., httpx.Response]:
    """Ask for a text's attribute with a key that was never used before."""
    key = room.meydan.staff.add_token(secrets.token_hex(4), ["judge"])

    def ask(text: str = KIND, attribute: str = "TOXICITY", **more: Any) -> httpx.Response:
        asked = {"comment": {"text": text}, "requestedAttributes": {attribute: {}}, **more}
        where = f"{room.url}/v1alpha1/comments:analyze"
        return httpx.post(where, params={"key": key}, json=asked, timeout=30)

    return ask


def test_too_much_is_told_quickly(room: Newsroom, ask: Callable[..., httpx.Response]) -> None:
    """If the judge is busy, then the answer is a refusal within a second or two, whatever waits there."""
    assert ask().status_code == 200
    turns = room.meydan.desk._turns
    with contextlib.ExitStack() as all_busy:
        for _ in range(turns.at_once):
            assert all_busy.enter_context(turns.turn(10))
        began = time.monotonic()
        busy = ask()
        # A request that is let wait is given up after half a minute.
        assert time.monotonic() - began < 10
    assert refused(busy, 503)["status"] == "UNAVAILABLE"
    assert busy.headers["retry-after"] == "1"


def test_who_asks_too_often_is_told_the_quota(ask: Callable[..., httpx.Response]) -> None:
    """If a token asks more often than the setting says, then it is told so as a quota, and when to come back."""
    # Six at once, and then one every second.
    fast = next(answer for answer in (ask() for _ in range(60)) if answer.status_code == 429)
    error = refused(fast, 429)
    assert error["status"] == "RESOURCE_EXHAUSTED"
    assert error["message"].startswith(
        "Quota exceeded for quota metric 'Analysis requests (AnalyzeComment)' and limit "
        "'Analysis requests (AnalyzeComment) per minute' of service "
    )
    assert [one["@type"].rpartition(".")[2] for one in error["details"]] == ["ErrorInfo", "Help"]
    assert error["details"][0]["reason"] == "RATE_LIMIT_EXCEEDED"
    assert int(fast.headers["retry-after"]) >= 1


def measured(judge: Judge) -> Relevance:
    """Relevance as it is once English is measured: so far, no language of the shipped model is."""
    assert judge._encoder is not None
    width = judge._encoder.read(["a"]).meaning.shape[1]
    nothing = np.zeros(width, np.float32)
    return Relevance({"en": Measure(nothing, nothing, 10.0, -5.0)}, graph=judge._encoder.graph)


def test_the_context_reaches_relevance(
    room: Newsroom, ask: Callable[..., httpx.Response], monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the judge measures relevance, then a comment is less off the topic of its article than of another, and no language
    that is not measured gets a score."""
    judge = room.meydan.desk._judge
    about = {
        "articleAndParentComment": {
            "article": {
                "text": "The old bridge over the river is repaired\nThe city pays for stones and lamps."
            },
            "parentComment": {"text": "Who pays for the stones of the bridge?"},
        }
    }
    bridge = "The stones of the old bridge were loose for years, good that the city repairs it."
    told = refused(ask(bridge, "OFF_TOPIC", context=about))
    assert told["message"] == "Attribute OFF_TOPIC does not support request languages: en"
    monkeypatch.setattr(judge, "_relevance", measured(judge))

    def off_topic(text: str) -> float:
        scores = ask(text, "OFF_TOPIC", context=about).json()["attributeScores"]
        return float(scores["OFF_TOPIC"]["summaryScore"]["value"])

    other = "My cat has a new collar and eats only the fish from the tin with the red lid."
    assert off_topic(other) > off_topic(bridge)


def test_the_parent_is_part_of_what_a_reply_is_about(
    room: Newsroom, ask: Callable[..., httpx.Response], monkeypatch: pytest.MonkeyPatch
) -> None:
    """If a reply goes on with an aside of the comment before it, then that comment makes it less off the topic."""
    judge = room.meydan.desk._judge
    monkeypatch.setattr(judge, "_relevance", measured(judge))
    article = {"text": "The old bridge over the river is repaired"}
    reply = "My cat has a new collar and eats only the fish from the tin with the red lid."

    def off_topic(**context: Any) -> float:
        scores = ask(reply, "OFF_TOPIC", context={"articleAndParentComment": {"article": article, **context}})
        return float(scores.json()["attributeScores"]["OFF_TOPIC"]["summaryScore"]["value"])

    before = {"text": "Speaking of rivers, what does your cat eat, only fish from the tin?"}
    assert off_topic(parentComment=before) < off_topic()


# -- the table -----------------------------------------------------------------


def test_the_table_is_the_documentation() -> None:
    """If the table maps an attribute, then it maps it to labels of ours, and docs/perspective.md says the same."""
    page = (ROOT / "docs/perspective.md").read_text()
    for attribute in ATTRIBUTES.values():
        assert set(attribute.labels) <= {*RULE_LABELS, *WELCOME_LABELS}
        assert attribute.fit in ("same", "near", "part")
    rows = {}
    for name, labels, fit, said in re.findall(
        r"^\| (`[A-Z`_, ]+`) \| ([^|]+) \| (\w+) \| ([^|]+) \|$", page, re.M
    ):
        for one in re.findall(r"`([A-Z_]+)`", name):
            rows[one] = (labels.strip(), fit, said.strip())
    assert rows == {
        one.name: (
            ("1 − " if one.inverted else "") + ", ".join(f"`{label}`" for label in one.labels), one.fit, one.said
        )
        for one in ATTRIBUTES.values()
    }  # fmt: skip
