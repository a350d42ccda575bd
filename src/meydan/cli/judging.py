"""
`meydan check`: what the judge makes of a comment; no server, no database, nothing kept.

From standard input, one comment a line, as many lines out as in, in order. Lines are
judged in batches of what has arrived, so a pipe is fast and a person is answered at once.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from meydan.cli.speech import GuidelinesOption, JsonOption, SettingsOption, refusals, say, settings_of
from meydan.comment import Decision, Evidence, Verdict
from meydan.errors import MeydanError, NotText

if TYPE_CHECKING:
    from meydan.judge import Calibrations, Judge
    from meydan.policy import Guidelines

BATCH = 256
CHUNK_BYTES = 65_536


def check(
    text: Annotated[str, typer.Argument(help="A comment, or - to read standard input, one comment a line.")],
    language: Annotated[
        str | None, typer.Option("--language", help="The language the page claims; a hint only.")
    ] = None,
    guidelines: GuidelinesOption = None,
    settings: SettingsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Judge one comment, or one a line; keeps nothing."""
    from meydan.judge import Judge, decide
    from meydan.judge.answer import answer_of
    from meydan.judge.calibration import in_force
    from meydan.policy import load
    from meydan.text.exact import check_words

    with refusals(as_json=as_json):
        given = settings_of(settings, guidelines=guidelines)
        # Not through wiring: judging needs no database, and its libraries take as long to load as the judge.
        judge, rules = Judge.load(), load(given.guidelines)
        known = in_force(given.calibration_file, judge.model)
        if text == "-":
            for batch in _batches(sys.stdin.buffer):
                _answer_batch(
                    judge, rules, known, batch, language, longest=given.longest_text, as_json=as_json
                )
            return
        check_words(text, longest=given.longest_text)
        evidence = judge.evidence(text, language=language, expected=rules.publication.languages)
        decision = decide(evidence, rules, calibrations=known)
        say(answer_of(evidence, decision, rules), as_json=as_json, text=_told(evidence, decision))


def _answer_batch(
    judge: Judge,
    rules: Guidelines,
    known: Calibrations,
    lines: list[bytes],
    language: str | None,
    *,
    longest: int,
    as_json: bool,
) -> None:
    from meydan.judge import decide
    from meydan.judge.answer import answer_of
    from meydan.text.exact import check_words

    answers: list[dict[str, Any] | None] = []
    texts: list[str] = []
    for line in lines:
        try:
            text = line.decode("utf-8")
            check_words(text, longest=longest)
        except UnicodeDecodeError:
            answers.append(_refused(NotText("The line is not UTF-8 text.", fields=("text",))))
        except MeydanError as error:
            answers.append(_refused(error))
        else:
            answers.append(None)
            texts.append(text)
    found = iter(judge.evidence_of(texts, language=language, expected=rules.publication.languages))
    out = []
    for answer in answers:
        if answer is not None:
            out.append(json.dumps(answer, ensure_ascii=False) if as_json else f"refused  {answer['code']}")
            continue
        evidence = next(found)
        decision = decide(evidence, rules, calibrations=known)
        out.append(
            json.dumps(answer_of(evidence, decision, rules), ensure_ascii=False)
            if as_json
            else _line(decision)
        )
    sys.stdout.write("\n".join(out) + "\n")
    sys.stdout.flush()


def _batches(stream: IO[bytes]) -> Iterator[list[bytes]]:
    """Lines without their ends, in batches of what has arrived; a last line needs no end."""
    rest = b""
    while chunk := stream.read1(CHUNK_BYTES):  # type: ignore[attr-defined]
        *lines, rest = (rest + chunk).split(b"\n")
        for begin in range(0, len(lines), BATCH):
            yield [line.removesuffix(b"\r") for line in lines[begin : begin + BATCH]]
    if rest:
        yield [rest.removesuffix(b"\r")]


def _refused(error: MeydanError) -> dict[str, Any]:
    return {"code": error.code, "message": error.message, "fields": list(error.fields)}


def _line(decision: Decision) -> str:
    why = [
        reason.rule if reason.ground is None else f"{reason.rule}:{reason.ground}"
        for reason in decision.reasons
    ]
    return "  ".join(
        [f"{decision.verdict.value:7}", ", ".join(why or [hold.value for hold in decision.holds])]
    ).rstrip()


def _told(evidence: Evidence, decision: Decision) -> str:
    from meydan.judge import explain

    lines = [_line(decision)]
    if decision.verdict is Verdict.HOLD:
        lines += [f"  {explain.hold(hold)}" for hold in decision.holds]
    lines += [
        f"  {explain.score(label, score)}"
        for label, score in sorted(evidence.scores.items(), key=lambda item: -(item[1] or 0))
        if score is not None and score >= 0.1
    ]
    lines += [f"  {finding.detail}" for finding in evidence.findings]
    lines.append(f"  language: {evidence.language}")
    return "\n".join(lines)
